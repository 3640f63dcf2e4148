--- Changing one thing of the live schema: what the methods of the query interface do. Each is all or nothing; tables that
--- SQLite cannot change in place are made anew. Called by model/query_interface and model/query_looks.

local alter = require("rowan.repo.alter")
local ddl = require("rowan.sql.ddl")
local ddl_index = require("rowan.sql.ddl_index")
local ddl_table = require("rowan.sql.ddl_table")
local ddl_text = require("rowan.sql.ddl_text")
local dropping = require("rowan.repo.dropping")
local errors = require("rowan.base.errors")
local introspect = require("rowan.repo.introspect")
local literals = require("rowan.query.literals")
local run = require("rowan.repo.run")
local schema_index = require("rowan.schema.index")
local steps = require("rowan.repo.steps")
local transaction = require("rowan.repo.transaction")

local schema = {}

local function fail(message, class)
  errors.raise(class or "QueryError", { message = message })
end

---@class rowan.TableName
---@field name string
---@field schema? string

local function quoted(db, at)
  return ddl_text.name(db._dialect, at.name, at.schema)
end

---The picture of a table that must be there.
---@async
---@param db table
---@param at rowan.TableName
---@param options? table
---@return rowan.TablePicture
---@return table known
function schema.live(db, at, options)
  local live, known = introspect.table(db, at.name, at.schema, options)
  if live then return live, known end
  fail(("No description found for table %s%s. Check the table name and schema; remember, they _are_ case sensitive.")
    :format(at.name, at.schema and " in schema " .. at.schema or ""))
end

---Sends statements in one transaction.
---@async
---@param db table
---@param texts string[]
---@param options? table
function schema.send(db, texts, options)
  steps.apply(db, options or {}, function() return steps.of(texts, "") end)
end

---Sends a statement that no transaction may hold: CREATE DATABASE.
---@async
---@param db table
---@param text string
---@param options? table
function schema.send_alone(db, text, options)
  run.plan(db, { text = text, codes = "", script = true }, nil, 0, {
    transaction = false, logging = options and options.logging,
  })
end

---@async
---@param db table
---@param def rowan.Definition
---@param options? table
function schema.create_table(db, def, options)
  schema_index.settled(def)
  local context = literals.context(db._dialect)
  steps.apply(db, options or {}, function()
    local list = steps.of(ddl.create_table(def, db._dialect, context), def.table)
    steps.add_concurrent(db, def, context, list)
    return list
  end)
end

local function joined(list, more)
  for _, step in ipairs(more) do list[#list + 1] = step end
  return list
end

local function own_enums(db, live, texts)
  for _, column in ipairs(live.columns) do
    local enum = column.enum
    if enum and enum.columns == 1 then texts[#texts + 1] = ddl_table.drop_enum(db._dialect, enum) end
  end
end

---Drops a table, and the types of its enums that nothing else uses; with `cascade` the foreign keys to it too.
---@async
---@param db table
---@param at rowan.TableName
---@param options { cascade?: boolean, transaction?: any, logging?: any }
function schema.drop_table(db, at, options)
  steps.apply(db, options, function(call)
    local live = introspect.table(db, at.name, at.schema, call)
    local texts = ddl_text.drop_tables(db._dialect, { quoted(db, at) }, options.cascade)
    if live then own_enums(db, live, texts) end
    local list = {}
    if live and options.cascade then list = dropping.unlink(db, { at.name }, call) end
    if live and not options.cascade then
      dropping.refuse(db, { at.name }, "cascade = true drops the foreign key, and keeps the rows", call)
    end
    return joined(list, steps.of(texts, at.name))
  end)
end

---Drops the tables of a schema, but for those named.
---@async
---@param db table
---@param name? string the schema; nil for the current one
---@param skip table<string, boolean>
---@param options table
function schema.drop_all(db, name, skip, options)
  local function plan(call)
    local names, texts, enums = {}, {}, {}
    for _, live in ipairs((introspect.tables(db, nil, { name or "" }, call))) do
      if live.kind == "table" and not skip[live.name] then
        names[#names + 1] = ddl_text.name(db._dialect, live.name, live.schema)
        own_enums(db, live, enums)
      end
    end
    if names[1] then texts = ddl_text.drop_tables(db._dialect, names, true) end
    for _, text in ipairs(enums) do texts[#texts + 1] = text end
    return steps.of(texts, "")
  end
  if db._dialect.supports.drop_many then return steps.apply(db, options, plan) end
  schema.without_keys(db, options, function() steps.apply(db, { logging = options.logging }, plan) end)
end

---Calls fn in a transaction whose foreign keys are not enforced.
---@async
---@param db table
---@param options? table
---@param fn fun(t: rowan.Transaction): ...
---@return any ...
function schema.without_keys(db, options, fn)
  return transaction.managed(db, { foreignKeys = false, logging = options and options.logging }, fn)
end

---The column of a table that must be there.
---@param db table
---@param live rowan.TablePicture
---@param name string
---@return rowan.ColumnPicture
function schema.column(db, live, name)
  local column = live.by_name[db._dialect.catalog.fold(name)]
  if not column then fail(('the table %s has no column "%s"'):format(live.name, name)) end
  return column
end

-- Refuses what no permission can do: NULLs under NOT NULL, duplicates under UNIQUE.
local function refuse_fatal(db, changes, to, call)
  local losses = {}
  alter.losses(db, changes, to, call, losses)
  for _, loss in ipairs(losses) do
    if loss.fatal then fail(loss.message) end
  end
end

---Makes columns of a table as a definition of these alone says; the rest of the table stays.
---@async
---@param db table
---@param at rowan.TableName
---@param make fun(live: rowan.TablePicture): rowan.Definition? nil: there is nothing to do
---@param options table
function schema.change(db, at, make, options)
  steps.apply(db, options, function(call)
    local live, known = schema.live(db, at, call)
    local def = make(live)
    if not def then return {} end
    local keep = { keep = true, transaction = call.transaction, logging = call.logging }
    local changes, to = alter.changes(db, def, live, known, keep)
    refuse_fatal(db, changes, to, call)
    local list, keys = alter.steps(changes, to)
    return joined(list, keys)
  end)
end

---@async
---@param db table
---@param at rowan.TableName
---@param name string
---@param options { ifExists?: boolean, cascade?: boolean }
function schema.remove_column(db, at, name, options)
  steps.apply(db, options, function(call)
    local live, known = schema.live(db, at, call)
    if options.ifExists and not live.by_name[db._dialect.catalog.fold(name)] then return {} end
    local column = schema.column(db, live, name)
    local change = { kind = "drop_column", was = column, column = column, cascade = options.cascade }
    local list = options.cascade and dropping.unlink(db, { at.name }, call, column.name) or {}
    return joined(list, alter.by_hand(db, { change }, live, known))
  end)
end

---@async
---@param db table
---@param at rowan.TableName
---@param make fun(live: rowan.TablePicture): table a constraint as sql/ddl_table takes it
---@param options table
function schema.add_constraint(db, at, make, options)
  steps.apply(db, options, function(call)
    local live, known = schema.live(db, at, call)
    local given = make(live)
    for _, name in ipairs(given.columns or {}) do schema.column(db, live, name) end
    local clause = ddl_table.constraint(db._dialect, given)
    if db._dialect.supports.alter_constraints then
      return steps.of({ ddl_table.add_constraint(quoted(db, at), clause) }, live.name)
    end
    if given.kind == "PRIMARY KEY" and live.primary then
      fail(("the table %s has a primary key"):format(live.name))
    end
    local change = { kind = "add_constraint", text = clause }
    return alter.by_hand(db, { change }, live, known)
  end)
end

-- The change that takes a constraint away.
local function named_constraint(live, name)
  for kind, list in pairs({
    drop_unique = live.uniques, drop_check = live.checks, drop_foreign_key = live.foreign_keys,
    drop_exclusion = live.exclusions,
  }) do
    for _, item in ipairs(list) do
      if (item.shown or item.name) == name then return { kind = kind, was = item } end
    end
  end
  local primary = live.primary
  if primary and (primary.shown or primary.name) == name then return { kind = "primary", was = primary } end
end

local function unknown_constraint(live, name)
  errors.raise("UnknownConstraintError", {
    message = ('the table %s has no constraint "%s"'):format(live.name, name), table = live.name, constraint = name,
  })
end

---@async
---@param db table
---@param at rowan.TableName
---@param name string
---@param options { ifExists?: boolean, cascade?: boolean }
function schema.remove_constraint(db, at, name, options)
  steps.apply(db, options, function(call)
    local live, known = schema.live(db, at, call)
    local change = named_constraint(live, name)
    if not change and options.ifExists then return {} end
    if not change then unknown_constraint(live, name) end
    if db._dialect.supports.alter_constraints then
      local text = ddl_table.drop_constraint(db._dialect, quoted(db, at), name, options.cascade)
      return steps.of({ text }, live.name)
    end
    return alter.by_hand(db, { change }, live, known)
  end)
end

---Creates the one index of a definition made of the live table.
---@async
---@param db table
---@param at rowan.TableName
---@param make fun(live: rowan.TablePicture): rowan.Definition
---@param options table
function schema.add_index(db, at, make, options)
  steps.apply(db, options, function(call)
    local live = schema.live(db, at, call)
    local def = make(live)
    schema_index.settled(def)
    local index = def.indexes[1]
    for _, other in ipairs(live.indexes) do
      if other.name == index.name then fail(('the table %s has an index "%s"'):format(live.name, index.name)) end
    end
    local context, list = literals.context(db._dialect), {}
    if not index.concurrently then
      return steps.of({ ddl_index.create(def, index, db._dialect, context) }, live.name)
    end
    steps.add_concurrent(db, def, context, list)
    return list
  end)
end

---@async
---@param db table
---@param at rowan.TableName
---@param find fun(live: rowan.TablePicture): rowan.IndexPicture?, string? the index, or nil and what was looked for
---@param options { ifExists?: boolean, cascade?: boolean }
function schema.remove_index(db, at, find, options)
  steps.apply(db, options, function(call)
    local live = schema.live(db, at, call)
    local index, wanted = find(live)
    if not index and options.ifExists then return {} end
    if not index then fail(('the table %s has no index "%s"'):format(live.name, wanted)) end
    local text = ddl_table.drop_index(db._dialect, { name = index.name, schema = live.schema }, options)
    return steps.of({ text }, live.name)
  end)
end

---Creates the enum types of a definition that are missing, and changes those that have other values.
---@async
---@param db table
---@param def rowan.Definition
---@param at rowan.TableName
---@param options table
function schema.ensure_enums(db, def, at, options)
  if not db._dialect.supports.enum_types then return end
  steps.apply(db, options, function(call)
    local live, known = introspect.table(db, at.name, at.schema, call)
    live = live or introspect.empty(at)
    local keep = { keep = true, transaction = call.transaction, logging = call.logging }
    local all, to = alter.changes(db, def, live, known, keep)
    local changes = {}
    for _, change in ipairs(all) do
      if change.kind == "create_enum" or change.kind == "enum" then changes[#changes + 1] = change end
    end
    refuse_fatal(db, changes, to, call)
    return (alter.steps(changes, to))
  end)
end

---Changes a trigger that must be there.
---@async
---@param db table
---@param at rowan.TableName
---@param name string
---@param text string
---@param options { ifExists?: boolean }
function schema.change_trigger(db, at, name, text, options)
  steps.apply(db, options, function(call)
    local live = schema.live(db, at, call)
    for _, trigger in ipairs(live.triggers) do
      if trigger.name == name then return steps.of({ text }, live.name) end
    end
    if options.ifExists then return {} end
    fail(('the table %s has no trigger "%s"'):format(live.name, name))
  end)
end

return schema
