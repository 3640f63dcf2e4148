--- Emptying a table: TRUNCATE where the database has it, else DELETE of everything under the same rules. Called by
--- model/writers and by database.lua for all models.

local compile = require("rowan.sql.compile")
local ddl = require("rowan.sql.ddl")
local ddl_table = require("rowan.sql.ddl_table")
local ddl_text = require("rowan.sql.ddl_text")
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

local function refuse_others(tables, models)
  local own, others = {}, {}
  for _, model in ipairs(models) do own[model.definition.table:lower()] = true end
  for _, name in ipairs(tables) do
    if not own[name:lower()] then others[#others + 1] = name end
  end
  if #others == 0 then return end
  errors.raise("QueryError", {
    message = "db:truncate: rows of " .. table.concat(others, ", ")
      .. " can point at rows of models; cascade = true empties them too",
  })
end

local function emulate_all(db, models, options)
  transaction.around(db, options, function(t)
    local call, seen, tables = { transaction = t, logging = options.logging }, {}, {}
    for _, model in ipairs(models) do
      local name = model.definition.table
      if not seen[name:lower()] then with_dependents(db, name, call, seen, tables) end
    end
    if not options.cascade then refuse_others(tables, models) end
    local defer = ddl.defer_keys(db._dialect)
    if defer then run.plan(db, { text = defer, codes = "", script = true }, nil, 0, call) end
    for _, name in ipairs(tables) do
      local text = compile.text(node.delete(node.source(name)), db._dialect)
      run.plan(db, { text = text, codes = "" }, nil, 0, call)
    end
    if options.restartIdentity then restart(db, tables, call) end
  end)
end

---Empties the tables of models, all or none.
---@async
---@param db table
---@param models table[]
---@param options { cascade?: boolean, restartIdentity?: boolean, transaction?: any, logging?: any }
function truncate.models(db, models, options)
  if #models == 0 then return end
  if db._dialect.emulated_truncate then
    emulate_all(db, models, options)
  else
    local names = {}
    for i, model in ipairs(models) do
      names[i] = ddl_text.name(db._dialect, model.definition.table, model.definition.schema)
    end
    run.plan(db, { text = ddl_table.truncate(names, options), codes = "" }, nil, 0, options)
  end
  for _, model in ipairs(models) do model._written = model._written + 1 end
end

return truncate
