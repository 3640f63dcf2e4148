--- Creating and dropping tables: models in the order of their foreign keys. Cycles are created without the keys that
--- close them, which are added at the end.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local ddl = require("rowan.sql.ddl")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local run = require("rowan.repo.run")
local topo = require("rowan.base.topo")
local transaction = require("rowan.repo.transaction")
local where = require("rowan.query.where")

local sync = {}

local function say(db, texts, options)
  for _, text in ipairs(texts) do
    run.plan(db, { text = text, codes = "", script = true }, nil, 0, options)
  end
end

local function definitions_of(models)
  local list = {}
  for i, model in ipairs(models) do list[i] = model.definition end
  return list
end

local function references_of(def, known)
  local list = {}
  for _, attr in ipairs(def.list) do
    local to = attr.references and attr.references.definition
    if to and to ~= def and known[to] then list[#list + 1] = to end
  end
  return list
end

-- Definitions in an order in which each comes behind those it points at, as far as there is one.
local function ordered(definitions)
  local known = {}
  for _, def in ipairs(definitions) do known[def] = true end
  return topo.sort(definitions, function(def) return references_of(def, known) end)
end

-- Foreign keys that point at a table which is created later.
local function forward_keys(order)
  local place, deferred = {}, {}
  for i, def in ipairs(order) do place[def] = i end
  for i, def in ipairs(order) do
    for _, attr in ipairs(def.list) do
      local to = attr.references and attr.references.definition
      if to and place[to] and place[to] > i then
        deferred[def] = deferred[def] or {}
        table.insert(deferred[def], attr)
      end
    end
  end
  return deferred
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(list or {}) do set[item] = true end
  return set
end

-- How DDL gets the text of what definitions say in the query language: defaults, fields and conditions of indexes.
-- Such text cannot have parameters, so only expressions without values are possible.
local function ddl_context(dialect)
  local function text_of(def, walk)
    local tree = builder.tree(dialect)
    local made = walk(tree)
    if #tree.codes > 0 then
      errors.raise("DefinitionError", {
        message = def.name .. ": an expression in a definition cannot hold values; write them with rowan.literal",
      })
    end
    return compile.text(made, dialect)
  end
  return {
    expression = function(value, def)
      return text_of(def, function(tree) return expression.walk(tree, def, value) end)
    end,
    where = function(value, def)
      return text_of(def, function(tree) return where.walk(tree, def, value) end)
    end,
  }
end

local function drop_all(db, order, options)
  for i = #order, 1, -1 do
    say(db, ddl.drop_table(order[i], db._dialect, { cascade = true }), options)
  end
end

local function create_all(db, order, options)
  local deferred = forward_keys(order)
  for _, def in ipairs(order) do
    local context = ddl_context(db._dialect)
    context.defer = set_of(deferred[def])
    say(db, ddl.create_table(def, db._dialect, context), options)
  end
  for _, def in ipairs(order) do
    if deferred[def] then say(db, ddl.foreign_key_statements(def, deferred[def], db._dialect), options) end
  end
end

---Creates the tables of the models; all or none.
---@async
---@param db table
---@param models table[]
---@param options { force?: boolean, logging?: any, transaction?: any }
function sync.models(db, models, options)
  local order = ordered(definitions_of(models))
  transaction.around(db, options, function()
    local inside = { logging = options.logging, benchmark = options.benchmark }
    if options.force then drop_all(db, order, inside) end
    create_all(db, order, inside)
  end)
end

---Drops the tables of the models.
---@async
---@param db table
---@param models table[]
---@param options { cascade?: boolean, logging?: any, transaction?: any }
function sync.drop(db, models, options)
  local order = ordered(definitions_of(models))
  transaction.around(db, options, function()
    for i = #order, 1, -1 do
      say(db, ddl.drop_table(order[i], db._dialect, { cascade = options.cascade }), { logging = options.logging })
    end
  end)
end

return sync
