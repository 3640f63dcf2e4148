--- The error classes of rowan, by the names of Sequelize without their prefix, and the objects that are
--- raised. Every layer raises through here; an error is always such an object, never a string.

local errors = {}

-- name, parent, and what it is as well: a violation that only the database can see has the items of a ValidationError.
local HIERARCHY = {
  { "BaseError" },
  { "ValidationError", "BaseError" },
  { "DatabaseError", "BaseError" },
  { "ForeignKeyConstraintError", "DatabaseError", "ValidationError" },
  { "ExclusionConstraintError", "DatabaseError" },
  { "CheckConstraintError", "DatabaseError", "ValidationError" },
  { "TimeoutError", "DatabaseError" },
  { "UnknownConstraintError", "DatabaseError" },
  { "ConnectionError", "BaseError" },
  { "ConnectionRefusedError", "ConnectionError" },
  { "ConnectionTimedOutError", "ConnectionError" },
  { "ConnectionAcquireTimeoutError", "ConnectionError" },
  { "AccessDeniedError", "ConnectionError" },
  { "HostNotFoundError", "ConnectionError" },
  { "HostNotReachableError", "ConnectionError" },
  { "InvalidConnectionError", "ConnectionError" },
  { "UniqueConstraintError", "ValidationError" },
  { "NotNullConstraintError", "ValidationError", "DatabaseError" },
  { "AssociationError", "BaseError" },
  { "EagerLoadingError", "BaseError" },
  { "EmptyResultError", "BaseError" },
  { "InstanceError", "BaseError" },
  { "OptimisticLockError", "BaseError" },
  { "QueryError", "BaseError" },
  { "ScopeError", "BaseError" },
  { "TransactionError", "BaseError" },
  { "DefinitionError", "BaseError" },
  { "UsageError", "BaseError" },
  { "AggregateError", "BaseError" },
  { "BulkRecordError", "BaseError" },
}

---@class rowan.ErrorClass
---@field name string
---@field parent? rowan.ErrorClass
---@field also? rowan.ErrorClass a second parent

---@class rowan.ErrorItem
---@field path? string the attribute, or the name of the model's validator
---@field message string
---@field type? string "notNull violation", "unique violation", "type violation", "Validation error", ...
---@field origin? string "CORE", "DATATYPE", "FUNCTION" or "DB"
---@field value? any
---@field instance? table the row
---@field validatorKey? string "is_null", "not_unique", "isEmail", ...
---@field validatorName? string of a built-in validator
---@field validatorArgs? any
local Item = {}
Item.__index = Item

---One word for a rule, as a key of translations: "function.isEmail"; "" where the item has no rule.
---@param with_origin? boolean false: the rule alone
---@param separator? string between them, "." when not given
---@return string
function Item:getValidatorKey(with_origin, separator)
  if not self.validatorKey then return "" end
  if with_origin == false or not self.origin then return self.validatorKey end
  return self.origin:lower() .. (separator or ".") .. self.validatorKey
end

---@class rowan.Error
---@field name string the class
---@field message string
---@field traceback string where it was raised
---@field errors? rowan.ErrorItem[]
---@field sql? string
---@field sqlstate? string
---@field code? any
---@field constraint? string
---@field table? string
---@field fields? table
---@field cause? any
local Error = { __name = "rowan.error" }

---The items of a validation error that concern one attribute.
---@param self rowan.Error
---@param path string
---@return rowan.ErrorItem[]
local function items_of(self, path)
  local found = {}
  for _, item in ipairs(self.errors or {}) do
    if item.path == path then found[#found + 1] = item end
  end
  return found
end

Error.__index = { get = items_of }

function Error.__tostring(err)
  return err.name .. ": " .. err.message
end

function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local classes = {}
for _, entry in ipairs(HIERARCHY) do
  classes[entry[1]] = setmetatable({ name = entry[1], parent = classes[entry[2]], also = classes[entry[3]] },
    { __tostring = function(class) return "rowan.errors." .. class.name end })
end

---Class by name.
---@type rowan.ErrorClasses
errors.classes = classes

local function items_message(items)
  local parts, seen = {}, {}
  for i = 1, #items do
    local item = items[i]
    local message = type(item) == "table" and item.message or tostring(item)
    -- The attributes of one constraint have one message.
    if not seen[message] then parts[#parts + 1] = message end
    seen[message] = true
  end
  return #parts > 0 and table.concat(parts, "; ") or nil
end

---A new error object; `errors` without a `message` are joined into one.
---@param class_name string
---@param fields? table message, errors, sql, sqlstate, code, constraint, table, fields, cause, ...; copied
---@return rowan.Error
function errors.new(class_name, fields)
  local class = classes[class_name]
  if not class then
    class_name, fields = "UsageError", { message = "there is no error class " .. tostring(class_name) }
    class = classes[class_name]
  end
  local err = {}
  for key, value in pairs(fields or {}) do err[key] = value end
  err.name = class_name
  if class == classes.ValidationError or class.parent == classes.ValidationError then
    err.errors = err.errors or {}
    for _, item in ipairs(err.errors) do
      if type(item) == "table" and getmetatable(item) == nil then setmetatable(item, Item) end
    end
  end
  err.message = err.message or (err.errors and items_message(err.errors)) or class_name
  err.traceback = debug.traceback("", 2)
  return setmetatable(err, Error)
end

---Raises a new error object.
---@param class_name string
---@param fields? table as in `errors.new`
function errors.raise(class_name, fields)
  error(errors.new(class_name, fields), 0)
end

---Is `value` an error object of rowan?
---@param value any
---@return boolean
function errors.kind_of(value)
  return type(value) == "table" and getmetatable(value) == Error
end

---Can `value` stand for rejectOnEmpty: a boolean, an error, or a class of them?
---@param value any
---@return boolean
function errors.raisable(value)
  if type(value) == "boolean" or errors.kind_of(value) then return true end
  return type(value) == "table" and classes[value.name] == value
end

---Is `err` an error object of that class or of one below it? False for anything else.
---@param err any
---@param class string|rowan.ErrorClass
---@return boolean
function errors.is(err, class)
  if not errors.kind_of(err) then return false end
  local name = type(class) == "table" and class.name or class
  local at = classes[err.name]
  while at do
    if at.name == name or at.also and at.also.name == name then return true end
    at = at.parent
  end
  return false
end

return errors
