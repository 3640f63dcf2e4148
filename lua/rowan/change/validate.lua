--- Validation: finds what is wrong with a row, by its types and by the validators that change/rules has read: all of it at
--- once, before anything is sent. Pure but for what the functions of the user do.

local lazy = require("rowan.base.lazy")
local cast = require("rowan.change.cast")
local check = require("rowan.base.check")
local custom = require("rowan.change.custom")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local suggest = require("rowan.base.suggest")
local validators = lazy(function() return require("rowan.change.validators") end)

local validate = {}

local function add(failures, item)
  failures = failures or {}
  failures[#failures + 1] = item
  return failures
end

-- What a function of the user's raised, as a message: the position that Lua puts in front tells a user of the
-- application nothing, unless it is the place of a mistake in the function.
local function message_of(raised, default)
  if type(raised) == "table" and raised.message ~= nil then return tostring(raised.message) end
  if type(raised) ~= "string" then return raised == nil and default or tostring(raised) end
  local text = raised:match("^[^\n]-:%d+: (.*)$")
  if not text or text:find("^attempt to ") then return raised end
  return text
end

-- Whether a function passes; else with its message. What the database says to a query of it is no failure of the value.
local function call(fn, default, ...)
  local ok, first, second = pcall(fn, ...)
  if not ok then
    if errors.kind_of(first) and not errors.is(first, "ValidationError") then error(first, 0) end
    return false, message_of(first, default), first
  end
  if type(first) == "string" then return false, first end
  if first == false or (first == nil and second ~= nil) then
    return false, second ~= nil and tostring(second) or default
  end
  return true
end

local function run_one(use, attr, value, row, failures)
  if value == nil and not use.sees_null then return failures end
  local default = use.message or ("Validation %s on %s failed"):format(use.name, attr.label)
  local item = {
    path = attr.label, type = "Validation error", value = value, validatorKey = use.name, origin = "FUNCTION",
  }
  if use.custom then
    local passed, message, cause = call(use.custom, default, value, row, use.args)
    if passed then return failures end
    item.message, item.original = use.message or message, cause
    return add(failures, item)
  end
  if validators.passes(use.name, value, use.args, row, attr) then return failures end
  item.message, item.validatorName, item.validatorArgs = default, use.name, use.args
  return add(failures, item)
end

local function may_be_absent(def, attr, row)
  if attr.allow_null then return true end
  if not row.isNewRecord then return attr.virtual end
  return attr.made or attr == def.created or attr == def.updated
    or attr == def.version
end

-- Whether a stored row has another value than it was read with; of an attribute that was not read that cannot be told.
local function is_changed(attr, row, value)
  if row.isNewRecord or not rows.isrow(row) then return false end
  local before, known = rows.original(row, attr.name)
  return known == false or not (before == value or before ~= nil and attr.type.equal and attr.type.equal(before, value))
end

-- A value as its type has it. What the type refuses stays as it is, for the validators; they speak for a key that the
-- database makes, if it has some.
local function canonical(attr, value, failures, list)
  local scratch = {}
  local _, found = cast.bind(scratch, attr, value, nil)
  if not found then return scratch[attr.name], failures end
  if not (attr.auto and list) then failures = add(failures, found[1]) end
  return value, failures
end

-- The type of a value, then its validators.
local function check_attribute(def, attr, row, failures)
  local value = rawget(row, attr.name)
  if value == null then value = nil end
  if attr.immutable and is_changed(attr, row, value) then failures = cast.fail_immutable(failures, attr, value) end
  local is_expression = def.context.is_expression
  if is_expression and is_expression(value) then return failures end
  local list = def.validates and def.validates.by_name[attr.name]
  if value == nil then
    if not may_be_absent(def, attr, row) then return cast.fail_null(failures, attr) end
    if not attr.allow_null then return failures end
  else
    value, failures = canonical(attr, value, failures, list)
  end
  for _, use in ipairs(list or {}) do failures = run_one(use, attr, value, row, failures) end
  return failures
end

-- Of a part of a row, a validator of the model may stumble over what is not there: then it has nothing to say of it.
local function stumbled(cause, part)
  return part and type(cause) == "string" and cause:find("^[^\n]-:%d+: attempt to ") ~= nil
end

local function check_row(def, row, skip, failures, part)
  for _, one in ipairs(def.validates and def.validates.model or {}) do
    if not skip[one.name] then
      local passed, message, cause = call(one.check, ("Validation %s failed"):format(one.name), row)
      if not passed and not stumbled(cause, part) then
        failures = add(failures, {
          path = one.name, message = message, type = "Validation error", validatorKey = one.name, origin = "FUNCTION",
          original = cause,
        })
      end
    end
  end
  return failures
end

---@class rowan.ValidateOptions
---@field only? table<string, boolean> attributes to look at, and virtual ones that were set; every one when not given
---@field strict? boolean virtual ones only where `only` has them
---@field skip? table<string, boolean> attributes, and validators of the model, to pass over
---@field later? table<string, boolean> attributes that get their values when other rows are stored
---@field part? "values"|"row" the row holds the values of a bulk write alone; or the model's own validators have spoken

local NOTHING = {}

-- A virtual value is not stored, so that it never differs from what is: whatever was set is new.
local function is_wanted(attr, row, only, strict)
  if only == nil or only[attr.label] or only[attr.name] then return true end
  return attr.virtual and not strict and rawget(row, attr.name) ~= nil
end

local function find_failures(def, row, options)
  local only, skip, later = options.only, options.skip or NOTHING, options.later or NOTHING
  local failures
  for _, entry in ipairs(def.entries) do
    local attr = def.by_name[entry.name]
    if is_wanted(attr, row, only, options.strict) and not skip[entry.name] and not later[attr.name] then
      failures = check_attribute(def, attr, row, failures)
    end
  end
  if options.part ~= "row" then failures = check_row(def, row, skip, failures, options.part ~= nil) end
  if not failures then return nil end
  for _, item in ipairs(failures) do item.instance = row end
  return failures
end

-- The attributes that are set to NULL; they read as nil until they get it back.
local function hide_nulls(def, row)
  local hidden
  for _, attr in ipairs(def.list) do
    if rawget(row, attr.name) == null then
      hidden = hidden or {}
      hidden[#hidden + 1] = attr.name
      rawset(row, attr.name, nil)
    end
  end
  return hidden
end

---What is wrong with a row, by its types, its validators and those of its model. The row is not changed; functions of the
---user see NULL as nil, as in a row that was read.
---@param def rowan.Definition
---@param row table
---@param options? rowan.ValidateOptions
---@return rowan.ErrorItem[]? failures
function validate.failures(def, row, options)
  options = options or NOTHING
  local hidden = def.validates and hide_nulls(def, row)
  if not hidden then return find_failures(def, row, options) end
  local ok, found = pcall(find_failures, def, row, options)
  for _, name in ipairs(hidden) do
    if rawget(row, name) == nil then rawset(row, name, null) end
  end
  if not ok then error(found, 0) end
  return found
end

---Raises one ValidationError with all that is wrong with a row.
---@param def rowan.Definition
---@param row table
---@param options? rowan.ValidateOptions
function validate.check(def, row, options)
  cast.check(def, validate.failures(def, row, options))
end

---Raises one AggregateError for all rows of a list in which something is wrong: its `errors` are a BulkRecordError each,
---with the row as `record` and its ValidationError as `cause`.
---@param def rowan.Definition
---@param list table[]
---@param error_of fun(row: table): rowan.Error? the ValidationError of a row
function validate.check_each(def, list, error_of)
  local found = {}
  for i = 1, #list do
    local cause = error_of(list[i])
    if cause then
      found[#found + 1] = errors.new("BulkRecordError", {
        message = ("row %d: %s"):format(i, cause.message), record = list[i], row = i, errors = cause.errors,
        cause = cause,
      })
    end
  end
  if found[1] then errors.raise("AggregateError", { model = def.name, errors = found }) end
end

---The same without hooks.
---@param def rowan.Definition
---@param list table[]
---@param options? rowan.ValidateOptions
function validate.check_all(def, list, options)
  validate.check_each(def, list, function(row)
    local failures = validate.failures(def, row, options)
    return failures and errors.new("ValidationError", { model = def.name, errors = failures })
  end)
end

---Raises one ValidationError with what is wrong with the values of a bulk write: of those values, and no others. The
---validators of the model see a row that has nothing else.
---@param def rowan.Definition
---@param given table<string, any>
function validate.values(def, given)
  local row, only = setmetatable({}, def.model._new), {}
  for name, value in next, given do
    local attr = def.by_name[name]
    if attr and not def.custom then rawset(row, name, value) end
    only[attr and attr.label or name] = true
  end
  if def.custom then custom.assign(def, row, given) end
  for name in next, row do only[name] = true end
  local failures = validate.failures(def, row, { only = only, part = "values", strict = true })
  for _, attr in ipairs(def.list) do
    if attr.immutable and only[attr.name] then failures = cast.fail_immutable(failures, attr, row[attr.name]) end
  end
  cast.check(def, failures)
end

local function names_set(def, list, context, option)
  check.type(list, "table", context .. ": " .. option, "QueryError")
  if list[1] == nil and next(list) ~= nil then
    errors.raise("QueryError", { message = ("%s: %s wants a list of names"):format(context, option) })
  end
  local set = {}
  for _, name in ipairs(list) do
    if not def.by_name[name] and not (option == "skip" and (def.options.validate or {})[name]) then
      local names = check.sorted_keys(def.by_name)
      errors.raise("QueryError", {
        message = ("%s: %s"):format(context, suggest.unknown(option .. ": " .. def.name .. " has no attribute",
          tostring(name), names)),
      })
    end
    set[name] = true
  end
  return set
end

---The options `skip` and `fields` of a call, as sets for `failures`.
---@param def rowan.Definition
---@param options? { skip?: string[], fields?: string[] }
---@param context string
---@return rowan.ValidateOptions
function validate.options(def, options, context)
  if not options then return NOTHING end
  return {
    skip = options.skip and names_set(def, options.skip, context, "skip"),
    only = options.fields and names_set(def, options.fields, context, "fields"),
  }
end

return validate
