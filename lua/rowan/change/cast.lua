--- Values on their way to the database: cast to their attribute's type, dumped to what the driver binds, every failure
--- collected before anything is sent. Pure.

local errors = require("rowan.base.errors")
local null = require("rowan.base.null")

local cast = {}

---@class rowan.Failure an item of a ValidationError
---@field path string attribute
---@field message string
---@field type string
---@field validatorKey string
---@field value any
---@field origin string "CORE", "DATATYPE", "FUNCTION" or "DB"

local ORIGINS = { is_null = "CORE", type = "DATATYPE" }

---@param failures? rowan.Failure[]
---@param attr table
---@param message string reads on after "Model.attribute "
---@param kind string
---@param key string
---@param value any
---@return rowan.Failure[]
function cast.fail(failures, attr, message, kind, key, value)
  failures = failures or {}
  failures[#failures + 1] = {
    path = attr.label, message = attr.definition.name .. "." .. attr.label .. " " .. message, type = kind,
    validatorKey = key, value = value, origin = ORIGINS[key],
  }
  return failures
end

---The failure of an attribute that must have a value, in the words of its model where it has some.
---@param failures? rowan.Failure[]
---@param attr table
---@return rowan.Failure[]
function cast.fail_null(failures, attr)
  failures = cast.fail(failures, attr, "cannot be null", "notNull Violation", "is_null", nil)
  if attr.null_message then failures[#failures].message = attr.null_message end
  return failures
end

---Raises a ValidationError when there are failures.
---@param def table
---@param failures? rowan.Failure[]
function cast.check(def, failures)
  if failures then errors.raise("ValidationError", { model = def.name, errors = failures }) end
end

---The canonical value of one attribute of `row` (written back when it differs) and what is bound for it.
---@param row table
---@param attr table
---@param value any not nil
---@param failures? rowan.Failure[]
---@return any bound rowan.null for NULL; nil when it failed
---@return rowan.Failure[]? failures
function cast.bind(row, attr, value, failures)
  if value == null then
    if attr.allow_null or (attr.auto and row.isNewRecord) then return null, failures end
    return nil, cast.fail_null(failures, attr)
  end
  local type_of = attr.type
  local canonical, rule = type_of.cast(value)
  if canonical == nil then
    return nil, cast.fail(failures, attr, rule, "type violation", "type", value)
  end
  -- Always: 3 and 3.0 are equal, and so are -0.0 and 0.0, but not the same value to have in a row.
  row[attr.name] = canonical
  if not type_of.dump then return canonical, failures end
  local bound, problem = type_of.dump(canonical)
  if bound == nil then return nil, cast.fail(failures, attr, problem, "type violation", "type", value) end
  return bound, failures
end

return cast
