--- The built-in validators, as data: name -> what a value must be. Called by change/validate, which also speaks of their
--- arguments: `isIn = { "a", "b" }`, `len = { 2, 10 }`, `max = 23`, `isEmail = true`, or any of these as
--- `{ args = ..., msg = "..." }`.

local formats = require("rowan.change.formats")
local numbers = require("rowan.base.numbers")
local rows = require("rowan.driver.rows")
local types = require("rowan.types")

local validators = {}

---@class rowan.Validator
---@field check fun(text: string, args: any[], value: any, row: table, attr: table): boolean
---@field args? string what it wants: "number", "text", "list", "pattern", "range", "bounds", "date"; nothing when nil

local function format(check, args)
  return { args = args, check = check }
end

-- A Lua pattern, or an object with a method `match`, such as a compiled regular expression or an LPeg pattern.
local function matches(text, args)
  local pattern = args[1]
  if type(pattern) == "string" then return text:find(pattern) ~= nil end
  return pattern:match(text) ~= nil
end

local function is_in(text, args, value)
  for i = 1, #args do
    if args[i] == value or (type(args[i]) ~= "table" and validators.text(args[i]) == text) then return true end
  end
  return false
end

local function contains(text, args)
  return text:find(args[1], 1, true) ~= nil
end

local function within(number, bounds)
  return number ~= nil and (bounds.min == nil or number >= bounds.min) and (bounds.max == nil or number <= bounds.max)
    and (bounds.gt == nil or number > bounds.gt) and (bounds.lt == nil or number < bounds.lt)
end

local function bounded(is)
  return function(text, args) return is(text) and within(tonumber(text), args) end
end

-- A time or a day in canonical form, which orders as text; without a zone UTC is meant.
local function instant(value)
  local DATE = types.DataTypes.DATE
  local found = DATE.cast(value)
  if found or type(value) ~= "string" then return found end
  if types.DataTypes.DATEONLY.cast(value) then value = value .. "T00:00:00" end
  return (DATE.cast(value .. "Z"))
end

local function compared(earlier)
  return function(_, args, value)
    local mine, other = instant(value), instant(args[1])
    if not mine or not other then return false end
    if earlier then return mine < other end
    return mine > other
  end
end

local function is_immutable(_, _, value, row, attr)
  if row.isNewRecord or not rows.isrow(row) then return true end
  local before = rows.original(row, attr.name)
  return before == nil or before == value or (attr.type.equal ~= nil and attr.type.equal(before, value))
end

local function negated(check)
  return function(...) return not check(...) end
end

---By name.
---@type table<string, rowan.Validator>
validators.by_name = {
  isEmail = format(formats.email), isUrl = format(formats.url), isURL = format(formats.url),
  isIP = format(function(text, args) return formats.ip(text, args[1]) end, "version"),
  isIPv4 = format(formats.ipv4), isIPv6 = format(formats.ipv6),
  isAlpha = format(function(text) return text:find("^[a-zA-Z]+$") ~= nil end),
  isAlphanumeric = format(function(text) return text:find("^[a-zA-Z0-9]+$") ~= nil end),
  isNumeric = format(formats.numeric), isDecimal = format(formats.decimal),
  isInt = format(bounded(formats.integer), "bounds"), isFloat = format(bounded(formats.decimal), "bounds"),
  isLowercase = format(function(text) return text == text:lower() end),
  isUppercase = format(function(text) return text == text:upper() end),
  isNull = format(function(text) return text == "" end),
  isDate = format(function(_, _, value) return instant(value) ~= nil end),
  isAfter = format(compared(false), "date"), isBefore = format(compared(true), "date"),
  isUUID = format(function(text, args) return formats.uuid(text, args[1]) end, "version"),
  isCreditCard = format(formats.credit_card),
  isArray = format(function(_, _, value) return type(value) == "table" and (#value > 0 or next(value) == nil) end),
  isImmutable = format(is_immutable),
  isIn = format(is_in, "list"), notIn = format(negated(is_in), "list"),
  is = format(matches, "pattern"), regex = format(matches, "pattern"),
  ["not"] = format(negated(matches), "pattern"), notRegex = format(negated(matches), "pattern"),
  notEmpty = format(function(text) return text:find("%S") ~= nil end),
  equals = format(function(text, args) return text == validators.text(args[1]) end, "text"),
  contains = format(contains, "text"), notContains = format(negated(contains), "text"),
  len = format(function(text, args)
    local length = formats.length(text)
    return length >= args[1] and (args[2] == nil or length <= args[2])
  end, "range"),
  max = format(function(text, args) return within(tonumber(text), { max = args[1] }) end, "number"),
  min = format(function(text, args) return within(tonumber(text), { min = args[1] }) end, "number"),
}

---A value as the validators read it; nil for one that is no text, number or boolean.
---@param value any
---@return string?
function validators.text(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return numbers.text(value) end
  if kind == "boolean" then return tostring(value) end
  return nil
end

-- Those that look at the value itself.
local TAKES_TABLES = { isArray = true, isImmutable = true, isIn = true, notIn = true }

---Whether a value passes.
---@param name string
---@param value any neither nil nor null
---@param args any[]
---@param row table
---@param attr table
---@return boolean
function validators.passes(name, value, args, row, attr)
  local text = validators.text(value)
  if text == nil and not TAKES_TABLES[name] then return false end
  return validators.by_name[name].check(text, args, value, row, attr) and true or false
end

local function is_number(v) return type(v) == "number" end

-- What is wrong with the arguments of a validator; nil when nothing is.
local WRONG = {
  number = function(args)
    return not is_number(args[1]) and "wants a number"
  end,
  text = function(args) return validators.text(args[1]) == nil and "wants a text" end,
  list = function(args) return #args == 0 and "wants a list of values" end,
  date = function(args) return instant(args[1]) == nil and "wants a date" end,
  range = function(args)
    return not (is_number(args[1]) and (args[2] == nil or is_number(args[2]))) and "wants { least, most }"
  end,
  pattern = function(args)
    if type(args[1]) ~= "string" then
      local kind = type(args[1])
      return not ((kind == "table" or kind == "userdata") and args[1].match) and "wants a Lua pattern"
    end
    return not pcall(string.find, "", args[1]) and "wants a Lua pattern, which this is not"
  end,
  bounds = function(args)
    for key, value in pairs(args) do
      local known = key == "min" or key == "max" or key == "gt" or key == "lt"
      if not known or not is_number(value) then return "wants true, or numbers as min, max, gt, lt" end
    end
  end,
  version = function(args)
    local given = args[1]
    return given ~= nil and not validators.text(given) and "wants true or a version"
  end,
}

local function listed(args)
  -- Sequelize writes a list of arguments of which the first is the list.
  if type(args) == "table" and type(args[1]) == "table" and #args == 1 then return args[1] end
  return type(args) == "table" and args or { args }
end

---The arguments of a validator as a list (of `bounds`: a table); nil and what is wrong with them.
---@param name string
---@param given any what was said, without a message of one's own
---@return any[]? args
---@return string? problem
function validators.arguments(name, given)
  local wants = validators.by_name[name].args
  local args
  if wants == nil then
    if given ~= true and type(given) ~= "table" then return nil, "wants true" end
    return {}
  elseif wants == "list" then
    args = listed(given)
  elseif wants == "bounds" or wants == "version" then
    args = given == true and {} or type(given) == "table" and given or { given }
  elseif wants == "date" and given == true then
    return nil, "wants a date"
  elseif type(given) == "table" and (wants ~= "pattern" or given.match == nil) then
    args = given
  else
    args = { given }
  end
  local problem = WRONG[wants](args)
  if problem then return nil, problem end
  return args
end

return validators
