--- What the validators are told: `len = { 2, 10 }`, `isIn = { "a", "b" }`, `isAlpha = "de-DE"`. Each function reads what stands
--- behind the name of a validator, without a message of one's own, into the arguments that its check gets, or says what is
--- wrong with it. Pure; change/validators calls it when a model is defined.

local check = require("rowan.base.check")
local formats = require("rowan.change.formats")
local instant = require("rowan.change.instant")
local letters = require("rowan.change.letters")
local null = require("rowan.base.null")
local suggest = require("rowan.base.suggest")
local numbers = require("rowan.base.numbers")

local args = {}

---@alias rowan.ArgumentReader fun(given: any): any[]|table|nil, string?

---A value as the validators read it; nil for one that is no text, number or boolean.
---@param value any
---@return string?
function args.text_of(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return numbers.text(value) end
  if kind == "boolean" then return tostring(value) end
  return nil
end

local function is_pattern(value)
  local kind = type(value)
  return (kind == "table" or kind == "userdata" and value ~= null) and value.match ~= nil
end

-- Arguments in a list: `true` stands for none, a single one need not be in one.
local function listed(given)
  if given == true or (type(given) == "table" and not is_pattern(given) and next(given) == nil) then return {} end
  if type(given) == "table" and not is_pattern(given) and #given > 0 then return given end
  return { given }
end

local function is_a(kind)
  return function(value) return type(value) == kind end
end

local function list_of(is_one)
  return function(value)
    if type(value) ~= "table" or #value == 0 then return false end
    for _, one in ipairs(value) do
      if not is_one(one) then return false end
    end
    return true
  end
end

-- What an option of each kind has to be.
local KINDS = {
  boolean = { "true or false", is_a("boolean") }, number = { "a number", is_a("number") },
  text = { "a text", is_a("string") },
  texts = { "a list of texts", list_of(is_a("string")) }, lengths = { "a list of numbers", list_of(is_a("number")) },
  hosts = { "a list of texts, or of patterns with a method match", list_of(function(one)
    return type(one) == "string" or is_pattern(one)
  end) },
  locale = { 'a known locale, as "de-DE",', letters.knows },
  card = { 'a known provider, as "visa",', function(value)
    return type(value) == "string" and formats.card_providers[value:lower()] ~= nil
  end },
  version = { "a number or a text", function(value) return args.text_of(value) ~= nil end },
  digits = { 'a number of digits, or two as "1,3",', function(value)
    return tostring(value):find("^%d+,?%d*$") ~= nil
  end },
}

local function option_problem(options, known)
  for _, name in ipairs(check.sorted_keys(options)) do
    local kind = known[name]
    if not kind then return suggest.unknown("has no option", tostring(name), check.sorted_keys(known)) end
    if not KINDS[kind][2](options[name]) then return ("wants %s as %s"):format(KINDS[kind][1], name) end
  end
end

---True, or options: `isInt = { min = 1 }`.
---@param known table<string, string> the kind of each option
---@return rowan.ArgumentReader
function args.options(known)
  return function(given)
    local list = listed(given)
    local options = list[1] == nil and {} or list[1]
    if #list > 1 or type(options) ~= "table" or is_pattern(options) then
      local names = table.concat(check.sorted_keys(known), ", ")
      return nil, names == "" and "wants true" or "wants true, or a table with " .. names
    end
    local problem = option_problem(options, known)
    if problem then return nil, problem end
    return options
  end
end

---True and nothing else.
args.none = args.options({})

---`min = 1`
---@type rowan.ArgumentReader
function args.number(given)
  local list = listed(given)
  if #list ~= 1 or type(list[1]) ~= "number" then return nil, "wants a number" end
  return list
end

---`equals = "x"`, and behind it options: `contains = { "x", { ignoreCase = true } }`.
---@param known table<string, string>
---@return rowan.ArgumentReader
function args.text(known)
  return function(given)
    local list = listed(given)
    local text, options = list[1], list[2]
    if given == true or args.text_of(text) == nil then return nil, "wants a text" end
    if #list > 2 or (options ~= nil and (type(options) ~= "table" or next(known) == nil)) then
      return nil, "wants one text"
    end
    local problem = options and option_problem(options, known)
    if problem then return nil, problem end
    return { args.text_of(text), options or {} }
  end
end

---`isIn = { "a", "b" }`, or within one more list as in Sequelize; `isIn = "abc"`: a part of this text; `isIn = { a = true }`: a key.
---@type rowan.ArgumentReader
function args.list(given)
  if type(given) == "string" then return { part_of = given } end
  if type(given) == "number" or type(given) == "boolean" and given ~= true then return { given } end
  if type(given) ~= "table" or next(given) == nil then return nil, "wants a list of values" end
  if #given == 0 then
    local keys = {}
    for i, key in ipairs(check.sorted_keys(given)) do keys[i] = key end
    return keys
  end
  if type(given[1]) == "table" and #given == 1 and #given[1] > 0 then return given[1] end
  return given
end

-- A Lua pattern for capitals as well as small letters, for texts in small letters.
local function caseless(pattern)
  return (pattern:gsub("%%?.", function(piece)
    if piece == "%u" or piece == "%l" then return "%a" end
    return #piece == 1 and piece:lower() or nil
  end))
end

---`is = "^%a+$"`, `is = { "^[a-z]+$", "i" }`, or an object with a method `match`.
---@type rowan.ArgumentReader
function args.pattern(given)
  local list = listed(given)
  local pattern, flags = list[1], list[2]
  if #list == 1 and is_pattern(pattern) then return list end
  if type(pattern) ~= "string" or #list > 2 or (flags ~= nil and flags ~= "i" and flags ~= "") then
    return nil, 'wants a Lua pattern, or one and "i" where capitals do not matter'
  end
  if not pcall(string.find, "", pattern) then return nil, "wants a Lua pattern, which this is not" end
  if pattern:find("\\[dDwWsSbB]") or pattern:find("(?", 1, true) then
    return nil, "wants a Lua pattern: %d, not \\d; a regular expression is an object with a method match"
  end
  if flags == "i" then return { caseless(pattern), "i" } end
  return { pattern }
end

local RANGE = { min = "number", max = "number", discreteLengths = "lengths" }

---`len = { 2, 10 }`, `len = { min = 2, max = 10 }`.
---@type rowan.ArgumentReader
function args.range(given)
  local list = listed(given)
  local least, most = list[1], list[2]
  if type(least) == "table" and #list == 1 then
    local problem = option_problem(least, RANGE)
    if problem then return nil, problem end
    return { least.min or 0, least.max, lengths = least.discreteLengths }
  end
  if type(least) ~= "number" or #list > 2 or not (most == nil or type(most) == "number") then
    return nil, "wants { least, most }"
  end
  return { least, most }
end

-- Whether there is one argument at most, which may also be said as an option of a kind; that argument; what is wrong with
-- the options.
local function sole(given, name, kind)
  local list = listed(given)
  local value = list[1]
  if type(value) == "table" then
    local problem = option_problem(value, { [name] = kind })
    if problem then return false, nil, problem end
    value = value[name]
  end
  return #list <= 1, value
end

---`isAfter = "2024-01-01"`, `isAfter = { comparisonDate = ... }`; true is the time of the check.
---@type rowan.ArgumentReader
function args.date(given)
  local is_sole, date, problem = sole(given, "comparisonDate", "text")
  if problem then return nil, problem end
  if not is_sole or (date ~= nil and not instant(date)) then return nil, "wants true or a date, as 2024-02-29" end
  return { date }
end

---`isIP = 4`, `isIP = { version = 4 }`: one of some versions, or true for any.
---@param known table<string, boolean>
---@return rowan.ArgumentReader
function args.version(known)
  return function(given)
    local is_sole, version, problem = sole(given, "version", "version")
    if problem then return nil, problem end
    version = version ~= nil and tostring(version) or nil
    if not is_sole or (version and not known[version]) then
      return nil, "wants true, or a version: " .. table.concat(check.sorted_keys(known), ", ")
    end
    return { version }
  end
end

---`isAlpha = "de-DE"`, `isAlpha = { "de-DE", { ignore = " -" } }`.
---@type rowan.ArgumentReader
function args.locale(given)
  local list = listed(given)
  local locale, options = list[1], list[2] or {}
  if #list > 2 or type(options) ~= "table" or (locale ~= nil and not letters.knows(locale)) then
    return nil, ('wants true, or a known locale, as "de-DE"; %s is none'):format(tostring(locale))
  end
  local problem = option_problem(options, { ignore = "text" })
  if problem then return nil, problem end
  return { locale or "en-US", options }
end

return args
