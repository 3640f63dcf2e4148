--- Making a row that may be there already: findOrCreate, findCreateFind, findOrBuild and upsert. Where the condition names
--- a unique key, the database decides in one INSERT who made the row; else a lock does.

local build = require("rowan.change.build")
local bulk_life = require("rowan.repo.bulk_life")
local conflict = require("rowan.query.conflict")
local create = require("rowan.repo.create")
local duplicates = require("rowan.repo.duplicates")
local equalities = require("rowan.query.equalities")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local lifecycle = require("rowan.repo.lifecycle")
local read = require("rowan.repo.read")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")

local find = {}

-- A row that was there for the INSERT and gone for the SELECT may be back by the next INSERT; so often it is tried.
local ATTEMPTS = 5

---@class rowan.Wanted
---@field model table
---@field where table
---@field equal table what the condition has equal to a value
---@field values table what the row is made of when it is not there
---@field key? rowan.ConflictKey that guards it
---@field call table options of the statements
---@field context string

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

local function same(attr, a, b)
  if a == b then return true end
  local left, right = attr.type.cast(a), attr.type.cast(b)
  return left ~= nil and right ~= nil and (left == right or (attr.type.equal and attr.type.equal(left, right)) or false)
end

-- Defaults may say otherwise than a scope does, not otherwise than the call's own condition.
local function merged(def, equal, options, context)
  local values, own = {}, equalities.of(def, equalities.own(options.where))
  for name, value in next, options.defaults or {} do
    local attr = def.by_name[name]
    local nested = not attr and options.include ~= nil and def.model.associations[name]
    if not attr and not nested then build.unknown(def, name, context .. ": defaults") end
    if attr and own[name] ~= nil and not same(attr, own[name], value) then
      fail(context, ("where and defaults have different values of %s"):format(name))
    end
    values[name] = value
  end
  for name, value in next, equal do
    if values[name] == nil then values[name] = value end
  end
  return values
end

local function read_options(model, options, context)
  if options.where == nil or options.where == everything then
    fail(context, "wants a where that says which row is meant")
  end
  if options.defaults ~= nil and type(options.defaults) ~= "table" then fail(context, "defaults wants a table") end
  local def = model.definition
  local equal = equalities.of(def, options.where)
  local values = merged(def, equal, options, context)
  return {
    model = model, where = options.where, equal = equal, values = values, context = context,
    key = options.include == nil and equalities.key(def, equal, build.row(def, values, context)) or nil,
    call = {
      transaction = options.transaction, logging = options.logging, benchmark = options.benchmark,
      hooks = options.hooks, context = options.context,
    },
  }
end

local function found(wanted, call)
  local finder = { where = wanted.where }
  for name, value in next, call or wanted.call do finder[name] = value end
  return read.one(wanted.model, finder)
end

-- One INSERT that does nothing when the key is there; nil then.
local function insert(wanted)
  local mode = duplicates.mode({ action = "skip", key = wanted.key, context = wanted.context })
  local rows, what = create.with_mode(wanted.model, { wanted.values }, mode, wanted.call, bulk_life.insert_each)
  return what[1] == "created" and rows[1] or nil
end

local function raise_taken(wanted)
  local items, fields = {}, {}
  for i, attr in ipairs(wanted.key.attrs) do
    local value = wanted.values[attr.label]
    fields[attr.label] = value
    items[i] = {
      path = attr.label, type = "unique violation", validatorKey = "not_unique", value = value,
      message = ("%s.%s must be unique: the row that has it does not match the where")
        :format(wanted.model.name, attr.label),
    }
  end
  errors.raise("UniqueConstraintError", { model = wanted.model.name, errors = items, fields = fields })
end

local function by_key(wanted)
  for attempt = 1, ATTEMPTS do
    local ok, row = pcall(insert, wanted)
    -- Values that would not do for a new row are no matter when the row is there.
    local invalid = not ok and row
    if invalid and (attempt > 1 or not errors.is(invalid, "ValidationError") or invalid.sql) then error(invalid, 0) end
    if ok and row then return row, true end
    local there = found(wanted)
    if there then return there, false end
    if invalid then error(invalid, 0) end
  end
  raise_taken(wanted)
end

-- What makes the calls wait for each other that want the same row.
local function lock_name(wanted)
  local def, parts = wanted.model.definition, {}
  for _, attr in ipairs(def.list) do
    local value = wanted.equal[attr.label]
    if value ~= nil and type(value) ~= "table" then parts[#parts + 1] = attr.label .. "=" .. tostring(value) end
  end
  return (def.schema or "") .. "." .. def.table .. " " .. table.concat(parts, "\31")
end

local LOCKS = {}

local function lock(wanted, call)
  local text = wanted.model.db._dialect.advisory_lock
  if not text then return end
  LOCKS[text] = LOCKS[text] or { text = text, codes = "-s", columns = { { key = "lock", code = "?" } } }
  run.plan(wanted.model.db, LOCKS[text], { lock_name(wanted) }, 1, call)
end

-- Without a key that guards the row: look, then make it, one call at a time.
local function by_lock(wanted)
  local there = found(wanted)
  if there then return there, false end
  return transaction.around(wanted.model.db, wanted.call, function(t)
    local call = {
      transaction = t, logging = wanted.call.logging, benchmark = wanted.call.benchmark, hooks = wanted.call.hooks,
      context = wanted.call.context,
    }
    lock(wanted, call)
    there = found(wanted, call)
    if there then return there, false end
    return create.one(wanted.model, wanted.values, call, wanted.context), true
  end)
end

---The row that matches, made when there is none.
---@async
---@param model table
---@param options table where, defaults, transaction, logging, benchmark
---@param context string
---@return table row
---@return boolean created
function find.or_create(model, options, context)
  -- Hooks of a row that is there already are not to run.
  if model.definition.watched then return find.create_find(model, options, context) end
  local wanted = read_options(model, options, context)
  if wanted.key then return by_key(wanted) end
  return by_lock(wanted)
end

---The same, looking first: for rows that mostly are there.
---@async
---@param model table
---@param options table
---@param context string
---@return table row
---@return boolean created
function find.create_find(model, options, context)
  local wanted = read_options(model, options, context)
  local there = found(wanted)
  if there then return there, false end
  if wanted.key then return by_key(wanted) end
  return create.one(model, wanted.values, wanted.call, context), true
end

---The row that matches, or a new instance that is not stored.
---@async
---@param model table
---@param options table
---@param context string
---@param make fun(values: table): table
---@return table row
---@return boolean built
function find.or_build(model, options, context, make)
  local wanted = read_options(model, options, context)
  wanted.call.include = options.include
  local there = found(wanted)
  if there then return there, false end
  return make(wanted.values), true
end

local function upsert_key(def, values, options, context)
  if options.conflictFields ~= nil then
    return conflict.find(def, options.conflictFields, options.conflictWhere, context .. ": conflictFields")
  end
  local where = options.conflictWhere
  local key = conflict.choose(def, function(attr) return values[attr.label] ~= nil end, where)
  if key then return key, true end
  -- A row without a key is a new one: its primary key is made for it.
  if where == nil and #def.primary > 0 then return conflict.keys(def)[1], false end
  conflict.raise_none(def, where, context)
end

local function upsert(model, values, options, context)
  local def, named = model.definition, nil
  for name in next, values do
    if not def.by_name[name] then build.unknown(def, name, context) end
  end
  local key, complete = upsert_key(def, values, options, context)
  for _, attr in ipairs(key.attrs) do
    if complete ~= false and values[attr.label] == nil then
      fail(context, ("the values do not have %s, which is of the key %s"):format(attr.label, conflict.names(key.attrs)))
    end
  end
  if options.fields ~= nil then
    named = {}
    for _, attr in ipairs(create.attributes(def, options.fields, "fields", context)) do
      if values[attr.label] ~= nil then named[#named + 1] = attr end
    end
  end
  local mode = duplicates.mode({
    action = "update", key = key, named = named, silent = options.silent, context = context,
  })
  local rows, what = create.with_mode(model, { values }, mode, options, bulk_life.insert)
  return rows[1], what[1] == "created"
end

-- The values, with what hooks around validation made of them.
local function validated(model, values, call, on, context)
  local row, before, given = build.instance(model, values, context), {}, {}
  for name, value in next, row do before[name] = value end
  lifecycle.validate(model, row, call, on)
  for name, value in next, values do given[name] = value end
  for name, value in next, row do
    if value ~= before[name] then given[name] = value end
  end
  return given
end

---Makes a row, or updates the one that has its key with what is given; with the hooks around it.
---@async
---@param model table
---@param values table
---@param options table conflictFields, conflictWhere, fields, silent, hooks, transaction, logging, benchmark
---@param context string
---@return table row
---@return boolean created
function find.upsert(model, values, options, context)
  if not model.definition.watched then return upsert(model, values, options, context) end
  local row, created
  lifecycle.within(model, { "afterUpsert" }, options, function(call, on)
    local given = validated(model, values, call, on, context)
    lifecycle.fire(on.beforeUpsert, given, call)
    lifecycle.settle(call)
    row, created = upsert(model, given, call, context)
    lifecycle.fire(on.afterUpsert, { row, created }, call)
  end)
  return row, created
end

return find
