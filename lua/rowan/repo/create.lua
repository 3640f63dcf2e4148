--- Making and storing rows out of tables of values: Model:create, Model:bulkCreate, and the create methods of
--- associations.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local cast = require("rowan.change.cast")
local conflict = require("rowan.query.conflict")
local duplicates = require("rowan.repo.duplicates")
local custom = require("rowan.change.custom")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local lifecycle = require("rowan.repo.lifecycle")
local link = require("rowan.repo.link")
local nested = require("rowan.repo.nested")
local save = require("rowan.repo.save")
local validate = require("rowan.change.validate")
local write = require("rowan.repo.write")

local create = {}

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

---Attributes by their names, as an option gives them; every one of the model with `true`.
---@param def rowan.Definition
---@param names true|string[]
---@param option string for messages
---@param context string
---@return rowan.Attribute[]
function create.attributes(def, names, option, context)
  if names == true then return def.list end
  if type(names) ~= "table" or expression.is(names) or type(names[1]) ~= "string" then
    fail(context, option .. " wants a list of attributes")
  end
  local attrs = {}
  for i, name in ipairs(names) do attrs[i] = expression.attribute(def, name) end
  return attrs
end

---What is left of a caller's values when only some attributes may be written.
---@param def rowan.Definition
---@param values table
---@param fields string[]
---@param context string
---@param include? any the option, which cannot stand beside
---@return table
function create.chosen(def, values, fields, context, include)
  if type(values) ~= "table" then return values end
  if include ~= nil then fail(context, "fields does not go with include") end
  for name in next, values do
    if not def.by_name[name] then build.unknown(def, name, context) end
  end
  local kept = {}
  local none = type(fields) == "table" and next(fields) == nil
  local attrs = none and {} or create.attributes(def, fields, "fields", context)
  for _, attr in ipairs(attrs) do kept[attr.label] = values[attr.label] end
  return kept
end

local function given_by(list)
  return function(attr)
    for i = 1, #list do
      if type(list[i]) == "table" and list[i][attr.label] ~= nil then return true end
    end
    return false
  end
end

local function conflict_key(def, list, options, context)
  local names = options.conflictAttributes
  if names ~= nil then return conflict.find(def, names, options.conflictWhere, context .. ": conflictAttributes") end
  local where = options.conflictWhere
  if not options.updateOnDuplicate and where == nil then return nil end
  return conflict.choose(def, given_by(list), where) or conflict.raise_none(def, where, context)
end

-- What updateOnDuplicate names; what is not to change once it is stored cannot be among it.
local function named_updates(def, update, context)
  if not update or update == true then return nil end
  local attrs, failures = create.attributes(def, update, "updateOnDuplicate", context), nil
  for _, attr in ipairs(attrs) do
    if attr.immutable then failures = cast.fail_immutable(failures, attr, nil) end
  end
  cast.check(def, failures)
  return attrs
end

-- What the options say of rows that are there already, and of what is read back; nil for a plain INSERT.
local function mode_of(model, list, options, context)
  local def, update = model.definition, options.updateOnDuplicate
  if update and options.ignoreDuplicates then fail(context, "takes ignoreDuplicates or updateOnDuplicate, not both") end
  local action = update and "update" or options.ignoreDuplicates and "skip" or nil
  if not action and (options.conflictAttributes or options.conflictWhere) then
    fail(context, "conflictAttributes and conflictWhere go with ignoreDuplicates or updateOnDuplicate")
  end
  local returning = options.returning and create.attributes(def, options.returning, "returning", context) or nil
  if not action and not returning then return nil end
  if options.include ~= nil then
    fail(context, "include does not go with ignoreDuplicates, updateOnDuplicate or returning")
  end
  return duplicates.mode({
    action = action, key = conflict_key(def, list, options, context), returning = returning, context = context,
    silent = options.silent, named = named_updates(def, update, context),
  })
end

---@async
---@param model table
---@param values? table<string, any>
---@param options? table include, fields, ignoreDuplicates, returning, transaction, logging
---@param context? string "User:create" when not given
---@return table instance
---@return boolean? created with ignoreDuplicates
function create.one(model, values, options, context)
  values = values or {}
  local watched = model.definition.watched
  if not options and not watched then
    local row, key = build.ready(model, values)
    if row then return write.ready(model, row, row, key) end
  end
  context = context or model.name .. ":create"
  if not options then return save.row(model, build.instance(model, values, context)) end
  if options.fields then
    values = create.chosen(model.definition, values, options.fields, context, options.include)
    options = link.with(options, {})
    options.fields = nil
  end
  if options.ignoreDuplicates or options.returning then
    local mode = mode_of(model, { values }, options, context)
    local made, what = create.with_mode(model, { values }, mode, options, bulk_life.insert_each)
    if not options.ignoreDuplicates then return made[1] end
    return made[1], what[1] == "created"
  end
  if options.include ~= nil then return nested.create(model, { values }, options, context, true)[1] end
  if not watched then
    local row, key = build.ready(model, values)
    if row then return write.ready(model, row, row, key, options) end
  end
  return save.row(model, build.instance(model, values, context), options)
end

local function built(model, list, context)
  local instances = {}
  for i = 1, #list do instances[i] = build.instance(model, list[i], context, #list > 1 and i or nil) end
  return instances
end

-- What the callers' tables give, by the names that rows have it by: with what their setters set.
local function written_by(def, list)
  if not def.custom then return list end
  local out = {}
  for i, values in ipairs(list) do out[i] = custom.values(def, values) end
  return out
end

-- With `validate` what is wrong with all rows is said at once, where hooks do not see to it.
local function check_all(model, instances, options)
  if not options or not options.validate then return end
  validate.check_all(model.definition, instances, validate.options(model.definition, options, model.name))
end

local function store_with(model, rows, given, mode, call)
  local groups = bulk.prepare(model, rows, given, true)
  duplicates.check(model, groups, rows, mode)
  bulk.store(model, groups, call, mode)
end

-- What defaults fill in must not overwrite what is stored.
local function given_for(model, list, mode)
  return mode.action == "update" and not mode.named and written_by(model.definition, list) or nil
end

---Stores rows of which some may be there already.
---@async
---@param model table
---@param list table<string, any>[]
---@param mode rowan.InsertMode
---@param options? table transaction, logging
---@param around? fun(model: table, instances: table[], options?: table, store: function) which hooks run; those of
--- bulkCreate when not given
---@return table[] instances in the order of the list
---@return table what became of each: see duplicates.outcome
function create.with_mode(model, list, mode, options, around)
  local given = given_for(model, list, mode)
  local instances = built(model, list, mode.context)
  local function send(rows, call) store_with(model, rows, given, mode, call) end
  if model.definition.watched then
    around = around or bulk_life.create
    around(model, instances, options, send)
  else
    check_all(model, instances, options)
    send(instances, options)
  end
  return instances, duplicates.outcome(instances, mode)
end

-- With a hook in front of the call, which may change what the options say, and the list of the rows.
local function many_hooked(model, list, options, context)
  local instances, mode = built(model, list, context), nil
  local before = options and options.fields
  local given = {}
  for i, row in ipairs(instances) do given[row] = list[i] end
  bulk_life.create(model, instances, options, function(rows, call)
    local values = {}
    for i, row in ipairs(rows) do values[i] = given[row] or row end
    mode = mode_of(model, values, call, context)
    save.limited(model, rows, call.fields ~= before and call.fields or nil, function()
      if not mode then return bulk.insert(model, rows, call) end
      store_with(model, rows, given_for(model, values, mode), mode, call)
    end)
  end)
  return instances, mode and mode.action and duplicates.outcome(instances, mode) or nil
end

---@async
---@param model table
---@param list table<string, any>[]
---@param options? table include, fields, ignoreDuplicates, updateOnDuplicate, returning, transaction, logging
---@param context string
---@return table[] instances in the order of the list
---@return table? what became of each, with ignoreDuplicates and updateOnDuplicate
function create.many(model, list, options, context)
  if #list == 0 then return {}, options and duplicates.outcome({}, {}) or nil end
  if options then
    if options.fields then
      local chosen = {}
      for i = 1, #list do
        chosen[i] = create.chosen(model.definition, list[i], options.fields, context, options.include)
      end
      list = chosen
    end
    local mode = mode_of(model, list, options, context)
    if lifecycle.hooks_of(model.definition, options).beforeBulkCreate and options.include == nil then
      return many_hooked(model, list, options, context)
    end
    if mode then
      local instances, what = create.with_mode(model, list, mode, options)
      return instances, mode.action and what or nil
    end
    if options.include ~= nil then return nested.create(model, list, options, context) end
  end
  if model.definition.watched then
    if lifecycle.hooks_of(model.definition, options).beforeBulkCreate then
      return many_hooked(model, list, options, context)
    end
    local instances = built(model, list, context)
    bulk_life.create(model, instances, options, function(rows, call) bulk.insert(model, rows, call) end)
    return instances
  end
  local instances, keys, ready = build.ready_all(model, list)
  if instances then return bulk.ready(model, instances, keys, ready, options) end
  instances = built(model, list, context)
  check_all(model, instances, options)
  return bulk.insert(model, instances, options)
end

return create
