--- Emptying a table: TRUNCATE where the database has it, else DELETE of everything under the same rules. Called by
--- model/writers.

local compile = require("rowan.sql.compile")
local ddl = require("rowan.sql.ddl")
local errors = require("rowan.base.errors")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")

local truncate = {}

local function statement(model, item, call)
  run.plan(model.db, { text = compile.text(item, model.db._dialect), codes = "", model = model }, nil, 0, call)
end

local NAMES = { { key = "name", code = "s" } }

local function names_of(db, text, params, call)
  local codes = ("-s"):rep(#params)
  local names = {}
  for i, row in ipairs(run.plan(db, { text = text, codes = codes, columns = NAMES }, params, #params, call)) do
    names[i] = row.name
  end
  return names
end

-- The table and those whose rows can point at it, along any number of foreign keys: what points comes first.
local function with_dependents(db, name, call, seen, list)
  seen[name:lower()] = true
  for _, other in ipairs(names_of(db, db._dialect.emulated_truncate.referencing, { name }, call)) do
    if not seen[other:lower()] then with_dependents(db, other, call, seen, list) end
  end
  list[#list + 1] = name
  return list
end

local function refuse(model, tables)
  local others = {}
  for i = 1, #tables - 1 do others[i] = tables[i] end
  errors.raise("QueryError", {
    message = ("%s:truncate: rows of %s can point at its rows; cascade = true empties them too")
      :format(model.name, table.concat(others, ", ")),
  })
end

local function restart(db, tables, call)
  local texts = db._dialect.emulated_truncate
  if #names_of(db, texts.numbered, {}, call) == 0 then return end
  for _, name in ipairs(tables) do run.plan(db, { text = texts.restart, codes = "-s" }, { name }, 1, call) end
end

local function emulate(model, options)
  local db, def = model.db, model.definition
  transaction.around(db, options, function(t)
    local call = { transaction = t, logging = options.logging, benchmark = options.benchmark }
    local tables = with_dependents(db, def.table, call, {}, {})
    if #tables > 1 and not options.cascade then refuse(model, tables) end
    local defer = ddl.defer_keys(db._dialect)
    if #tables > 1 and defer then run.plan(db, { text = defer, codes = "", script = true }, nil, 0, call) end
    for i = 1, #tables - 1 do
      local text = compile.text(node.delete(node.source(tables[i])), db._dialect)
      run.plan(db, { text = text, codes = "" }, nil, 0, call)
    end
    statement(model, node.delete(link.source(def)), call)
    if options.restartIdentity then restart(db, tables, call) end
  end)
end

---Empties the table of a model.
---@async
---@param model table
---@param options { cascade?: boolean, restartIdentity?: boolean, transaction?: any, logging?: any }
function truncate.model(model, options)
  if model.db._dialect.emulated_truncate then return emulate(model, options) end
  statement(model, node.truncate(link.source(model.definition), {
    cascade = options.cascade, restart = options.restartIdentity,
  }), options)
end

return truncate
