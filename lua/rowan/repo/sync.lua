--- Creating, changing and dropping tables: models in the order of their foreign keys. Cycles are created without the
--- keys that close them, which are added at the end.

local alter = require("rowan.repo.alter")
local check = require("rowan.base.check")
local ddl = require("rowan.sql.ddl")
local ddl_types = require("rowan.sql.ddl_types")
local dropping = require("rowan.repo.dropping")
local errors = require("rowan.base.errors")
local introspect = require("rowan.repo.introspect")
local literals = require("rowan.query.literals")
local lifecycle = require("rowan.repo.lifecycle")
local schema_index = require("rowan.schema.index")
local steps = require("rowan.repo.steps")
local topo = require("rowan.base.topo")
local transaction = require("rowan.repo.transaction")

local sync = {}

---The options that sync and drop know.
sync.OPTIONS = check.set({
  "force", "alter", "dryRun", "match", "searchPath", "schema", "logging", "benchmark", "transaction", "hooks",
})
sync.DROP_OPTIONS = check.set({ "cascade", "match", "logging", "transaction" })

local function fail(message)
  errors.raise("QueryError", { message = "sync: " .. message })
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

local function add(list, texts, name, reason, loses)
  for _, text in ipairs(texts) do
    list[#list + 1] = { sql = text, table = name, reason = name .. ": " .. reason, loses = loses }
  end
end

-- Drops from the last to the first, those that need each other together.
local function drop_steps(db, order, cycles, cascade, list)
  local group_of = {}
  for _, cycle in ipairs(cycles) do
    for _, def in ipairs(cycle) do group_of[def] = cycle end
  end
  local defer = cycles[1] and ddl.defer_keys(db._dialect)
  if defer then add(list, { defer }, order[1].table, "tables that point at each other are dropped") end
  local done = {}
  for i = #order, 1, -1 do
    local group = group_of[order[i]] or { order[i] }
    if not done[group] then
      done[group] = true
      local texts = ddl.drop_tables(group, db._dialect, { cascade = cascade })
      add(list, texts, group[1].table, "the table is dropped", "all rows of " .. group[1].table)
    end
  end
end

local function create_steps(db, def, deferred, list, keys)
  schema_index.settled(def)
  local context = literals.context(db._dialect)
  context.defer = set_of(deferred)
  add(list, ddl.create_table(def, db._dialect, context), def.table, "the table is created where it is missing")
  steps.add_concurrent(db, def, context, list)
  if deferred then
    add(keys, ddl.foreign_key_statements(def, deferred, db._dialect), def.table, "a foreign key of a cycle")
  end
end

-- Hooks run in the transaction, unless there is nothing to do for one.
local function hooks_of(order, options)
  local function all(name)
    return function()
      for _, def in ipairs(order) do lifecycle.fire(lifecycle.hooks_of(def, options)[name], options) end
    end
  end
  return { before = all("beforeSync"), after = all("afterSync") }
end

local function append(list, more)
  for _, item in ipairs(more) do list[#list + 1] = item end
end

local function table_names(order)
  local names = {}
  for i, def in ipairs(order) do names[i] = def.table end
  return names
end

local function plain_plan(db, order, cycles, force, call)
  local list, keys, deferred = {}, {}, forward_keys(order)
  if force then
    dropping.refuse(db, table_names(order), "drop or sync that table along with it, or delete the rows first", call)
    drop_steps(db, order, cycles, true, list)
  end
  for _, def in ipairs(order) do create_steps(db, def, deferred[def], list, keys) end
  append(list, keys)
  return list
end

-- A name stands for one index of a schema (of a database, on SQLite): the second would never be made. The other may be of
-- a model that is not among these.
local function check_indexes(db, order)
  local holders, models = {}, {}
  for i, name in ipairs(db._model_order) do models[i] = db.models[name].definition end
  append(models, order)
  for _, def in ipairs(models) do
    for _, index in ipairs(def.indexes) do
      local key = table_key(db._dialect.catalog.fold(index.name), def.schema)
      holders[key] = holders[key] or {}
      table.insert(holders[key], def)
    end
  end
  for _, def in ipairs(order) do
    for _, index in ipairs(def.indexes) do
      for _, other in ipairs(holders[table_key(db._dialect.catalog.fold(index.name), def.schema)]) do
        if table_key(other.table, other.schema) ~= table_key(def.table, def.schema) then
          fail(('the tables %s and %s both have an index "%s"'):format(other.table, def.table, index.name))
        end
      end
    end
  end
end

-- PostgreSQL compares no value of an enum with one of another type, so that a key to one must have its type.
local function check_enum_keys(db, order)
  if not db._dialect.supports.enum_types then return end
  for _, def in ipairs(order) do
    for _, attr in ipairs(def.list) do
      local to = attr.references
      local target = to and to.definition and to.definition.by_name[to.key]
      local mine, theirs = ddl_types.enum_of(attr.type) ~= nil, target and ddl_types.enum_of(target.type) ~= nil
      if to and (mine and not target or target and mine ~= theirs) then
        local subject = ("%s.%s, which points at %s.%s"):format(def.name, attr.label, to.table, to.key)
        fail(subject .. (target and ", must have the type of that: one of the two is an enum"
          or ", is an enum: give the model in references, not the name of its table, so that both have one type"))
      end
    end
  end
end

-- Steps and losses for tables that are there, creation for those that are not.
local function alter_plan(db, order, how, options)
  local early, list, keys, losses, deferred = {}, {}, {}, {}, forward_keys(order)
  local live, known = alter.live(db, order, options)
  local own = {
    keep = how.drop == false, keep_indexes = not how.drop, logging = options.logging,
    transaction = options.transaction,
  }
  for _, def in ipairs(order) do
    if live[def] then
      local changes, to = alter.changes(db, def, live[def], known, own)
      alter.losses(db, changes, to, own, losses)
      local made, late = alter.steps(changes, to)
      for _, step in ipairs(made) do
        step.locks = to.table
        append(step.early and early or list, { step })
      end
      append(keys, late)
    else
      create_steps(db, def, deferred[def], list, keys)
    end
  end
  append(early, list)
  append(early, keys)
  return early, losses
end

local function refuse(losses, permitted)
  local messages, fatal = {}, false
  for _, loss in ipairs(losses) do
    if loss.fatal or not permitted then messages[#messages + 1] = loss.message end
    fatal = fatal or loss.fatal
  end
  if #messages == 0 then return end
  local advice = fatal and "change the data first" or "alter = { drop = true } does it all the same"
  errors.raise("QueryError", {
    message = ("sync would lose data, or cannot be done over it: %s; nothing was changed (%s)"):format(
      table.concat(messages, "; "), advice),
    losses = losses,
  })
end

local ALTER = { drop = true }

local function how_to_alter(options)
  local given = options.alter
  for _, key in ipairs({ "force", "dryRun", "hooks" }) do
    check.optional(options[key], "boolean", "sync: the option " .. key, "QueryError")
  end
  if given == nil or given == false then return nil end
  if options.force then fail("force makes tables anew, so there is nothing to alter") end
  if given == true then return {} end
  check.type(given, "boolean|table", "sync: the option alter", "QueryError")
  check.keys(given, ALTER, "sync: the option alter", "QueryError")
  check.optional(given.drop, "boolean", "sync: alter.drop", "QueryError")
  return given
end

-- The name of the database must match before anything is dropped or changed.
local function check_match(db, options)
  if options.match == nil then return end
  check.type(options.match, "string", "the option match", "QueryError")
  local name = introspect.database(db, options)
  if name:find(options.match) then return end
  fail(('the database "%s" does not match "%s"; nothing was done'):format(name, options.match))
end

local function within(options)
  return { logging = options.logging, benchmark = options.benchmark, transaction = options.transaction }
end

-- ... with another schema in front of the search path, for as long as it takes.
local function on_path(db, options, fn)
  local path = options.searchPath or options.schema
  if path == nil then return fn(within(options)) end
  if not db._dialect.supports.schemas then fail(("%s has no schemas and no search path"):format(db.dialect)) end
  check.type(path, "string", "sync: searchPath", "QueryError")
  return transaction.around(db, options, function()
    local inside = { logging = options.logging, benchmark = options.benchmark }
    local before = introspect.search_path(db, path, inside)
    local answer = { fn(inside) }
    introspect.search_path(db, before, inside, true)
    return answer[1], answer[2]
  end)
end

---Creates the tables of the models, or changes them to be as the models say; all or none.
---@async
---@param db table
---@param models table[]
---@param options { force?: boolean, alter?: boolean|{ drop?: boolean }, dryRun?: boolean, match?: string, searchPath?: string, schema?: string, logging?: any, transaction?: any }
---@return rowan.SchemaStep[] steps what was done, or would be
---@return rowan.SchemaLoss[] losses
function sync.models(db, models, options)
  local how = how_to_alter(options)
  check_match(db, options)
  local order, cycles = ordered(definitions_of(models))
  check_indexes(db, order)
  check_enum_keys(db, order)
  -- Without a model the database is still one that must be there.
  if not order[1] then introspect.database(db, options) end
  return on_path(db, options, function(call)
    local losses = {}
    local function plan(inside)
      if not how then return plain_plan(db, order, cycles, options.force, inside) end
      local list
      list, losses = alter_plan(db, order, how, inside)
      if not options.dryRun then refuse(losses, how.drop) end
      return list
    end
    if options.dryRun then return steps.readable(plan(call)), losses end
    return steps.apply(db, call, plan, hooks_of(order, options)), losses
  end)
end

---Drops the tables of the models.
---@async
---@param db table
---@param models table[]
---@param options { cascade?: boolean, match?: string, logging?: any, transaction?: any }
function sync.drop(db, models, options)
  check.optional(options.cascade, "boolean", "drop: the option cascade", "QueryError")
  check_match(db, options)
  local order, cycles = ordered(definitions_of(models))
  local names = table_names(order)
  steps.apply(db, within(options), function(call)
    local list = options.cascade and dropping.unlink(db, names, call) or {}
    if not options.cascade then
      dropping.refuse(db, names, "cascade = true drops the foreign key, and keeps the rows", call)
    end
    drop_steps(db, order, cycles, options.cascade, list)
    return list
  end)
end

return sync
