--- Creating and dropping tables: models in the order of their foreign keys. Cycles are created without the keys that
--- close them, which are added at the end.

local ddl = require("rowan.sql.ddl")
local literals = require("rowan.query.literals")
local lifecycle = require("rowan.repo.lifecycle")
local run = require("rowan.repo.run")
local topo = require("rowan.base.topo")
local transaction = require("rowan.repo.transaction")

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

local function table_key(name, schema)
  return (schema or "") .. "\31" .. name
end

-- What a definition points at among `known`: { key = an attribute or a key of several columns, definition = }. A table
-- given by its name is looked up, so that it counts as well.
local function pointers(def, known)
  local list = {}
  local function add(key, target)
    if target and target ~= def and known[target] then list[#list + 1] = { key = key, definition = target } end
  end
  for _, attr in ipairs(def.list) do
    local to = attr.references
    if to then add(attr, to.definition or known[table_key(to.table, to.schema)]) end
  end
  for _, key in ipairs(def.foreign_keys) do add(key, key.definition) end
  return list
end

-- Definitions by themselves and by the names of their tables.
local function index_of(definitions)
  local known = {}
  for _, def in ipairs(definitions) do
    known[def] = true
    known[table_key(def.table, def.schema)] = def
  end
  return known
end

-- Definitions in an order in which each comes behind those it points at, as far as there is one; then the cycles.
local function ordered(definitions)
  local known = index_of(definitions)
  return topo.sort(definitions, function(def)
    local list = {}
    for i, pointer in ipairs(pointers(def, known)) do list[i] = pointer.definition end
    return list
  end)
end

-- Foreign keys that point at a table which is created later.
local function forward_keys(order)
  local place, deferred, known = {}, {}, index_of(order)
  for i, def in ipairs(order) do place[def] = i end
  for i, def in ipairs(order) do
    for _, pointer in ipairs(pointers(def, known)) do
      if place[pointer.definition] > i then
        deferred[def] = deferred[def] or {}
        table.insert(deferred[def], pointer.key)
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

-- Drops from the last to the first, those that need each other together.
local function drop_all(db, order, cycles, cascade, options)
  local group_of = {}
  for _, cycle in ipairs(cycles) do
    for _, def in ipairs(cycle) do group_of[def] = cycle end
  end
  local defer = cycles[1] and ddl.defer_keys(db._dialect)
  if defer then say(db, { defer }, options) end
  local done = {}
  for i = #order, 1, -1 do
    local group = group_of[order[i]] or { order[i] }
    if not done[group] then
      done[group] = true
      say(db, ddl.drop_tables(group, db._dialect, { cascade = cascade }), options)
    end
  end
end

local function create_all(db, order, options)
  local deferred = forward_keys(order)
  for _, def in ipairs(order) do
    local context = literals.context(db._dialect)
    context.defer = set_of(deferred[def])
    say(db, ddl.create_table(def, db._dialect, context), options)
  end
  for _, def in ipairs(order) do
    if deferred[def] then say(db, ddl.foreign_key_statements(def, deferred[def], db._dialect), options) end
  end
end

local function run_hooks(order, name, options)
  for _, def in ipairs(order) do lifecycle.fire(lifecycle.hooks_of(def, options)[name], options) end
end

---Creates the tables of the models; all or none.
---@async
---@param db table
---@param models table[]
---@param options { force?: boolean, logging?: any, transaction?: any }
function sync.models(db, models, options)
  local order, cycles = ordered(definitions_of(models))
  transaction.around(db, options, function()
    local inside = { logging = options.logging, benchmark = options.benchmark }
    run_hooks(order, "beforeSync", options)
    if options.force then drop_all(db, order, cycles, true, inside) end
    create_all(db, order, inside)
    run_hooks(order, "afterSync", options)
  end)
end

---Drops the tables of the models.
---@async
---@param db table
---@param models table[]
---@param options { cascade?: boolean, logging?: any, transaction?: any }
function sync.drop(db, models, options)
  local order, cycles = ordered(definitions_of(models))
  transaction.around(db, options, function()
    drop_all(db, order, cycles, options.cascade, { logging = options.logging })
  end)
end

return sync
