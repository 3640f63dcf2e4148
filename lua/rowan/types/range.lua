--- RANGE(T) of PostgreSQL over INTEGER, BIGINT, DECIMAL, DATE and DATEONLY: a list of two bounds
--- { value = 1, inclusive = true }, or plain values, which mean [lower, upper). rowan.null is no bound; {} is the empty range.

local bounds = require("rowan.types.bounds")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local infinite = require("rowan.types.infinite")
local null = require("rowan.base.null")
local numbers = require("rowan.base.numbers")

local range = {}

local RULE = "must be a list of two bounds, or {} for the empty range"
local BOUND = check.set({ "value", "inclusive" })
local ENDLESS = check.set({ "infinity", "-infinity" })
local KINDS = check.set({ "INTEGER", "BIGINT", "DECIMAL", "DATE", "DATEONLY" })

local ORDER = "must be a range whose lower bound is not above the upper one"
local LAST = "must be a range whose bounds can be written as [lower, upper)"

-- PostgreSQL writes ranges of whole numbers and of days as [lower, upper); so does the canonical form.
local function next_of(element)
  if element.key == "DATEONLY" then return bounds.next_day end
  if element.integer then
    return function(v) return bounds.next_integer(v, element) end
  end
end

local function read_bound(given, inclusive)
  if type(given) == "table" and getmetatable(given) == nil then
    for key in next, given do
      if not BOUND[key] then return nil, nil, RULE end
    end
    if given.inclusive ~= nil then inclusive = given.inclusive end
    if type(inclusive) ~= "boolean" then return nil, nil, RULE end
    given = given.value == nil and null or given.value
  end
  if given == nil then return nil, nil, RULE end
  return given, inclusive
end

local function cast_bound(element, given, inclusive)
  local value, closed, rule = read_bound(given, inclusive)
  if rule then return nil, rule end
  if value == null then return { value = null, inclusive = false } end
  local canonical
  canonical, rule = element.cast(value)
  if canonical == nil then return nil, "must be a range whose bound " .. rule end
  return { value = canonical, inclusive = closed }
end

-- The bound as it is when it has to be inclusive, or not; nil when the type has no value for that.
local function settle(following, bound, wanted)
  if not following or bound.value == null or bound.inclusive == wanted or ENDLESS[bound.value] then return bound end
  local value = following(bound.value)
  return value and { value = value, inclusive = wanted }
end

-- Negative, zero or positive, as the bounds are ordered; nil when there is none at one side.
local function relation(element, lower, upper)
  if lower.value == null or upper.value == null then return nil end
  return bounds.compare(element, lower.value, upper.value)
end

-- (5, 5), (5, 5] and [5, 5) hold nothing.
local function holds_nothing(element, lower, upper)
  return relation(element, lower, upper) == 0 and not (lower.inclusive and upper.inclusive)
end

local function caster(element)
  local following = next_of(element)
  return function(v)
    if type(v) ~= "table" then return nil, RULE end
    if next(v) == nil then return v end
    if check.sequence(v) ~= 2 then return nil, RULE end
    local lower, rule = cast_bound(element, v[1], true)
    if not lower then return nil, rule end
    local upper
    upper, rule = cast_bound(element, v[2], false)
    if not upper then return nil, rule end
    if (relation(element, lower, upper) or 0) > 0 then return nil, ORDER end
    if holds_nothing(element, lower, upper) then return {} end
    lower, upper = settle(following, lower, true), settle(following, upper, false)
    if not lower or not upper then return nil, LAST end
    if holds_nothing(element, lower, upper) then return {} end
    return { lower, upper }
  end
end

local function bound_text(v)
  if v == null then return "" end
  if type(v) == "number" then return numbers.text(v) end
  return '"' .. v .. '"'
end

local function dump(v)
  if next(v) == nil then return "empty" end
  return (v[1].inclusive and "[" or "(") .. bound_text(v[1].value) .. "," .. bound_text(v[2].value)
    .. (v[2].inclusive and "]" or ")")
end

local function loader(element)
  local function bound(text, inclusive)
    if text == "" then return { value = null, inclusive = inclusive } end
    local value = text:gsub('^"(.*)"$', "%1")
    if element.key == "INTEGER" then value = tonumber(value) or value end
    local canonical = element.cast(value)
    return { value = canonical == nil and value or canonical, inclusive = inclusive }
  end
  return function(text)
    if text == "empty" then return {} end
    local open, lower, upper, close = text:match("^([%[(])(.*),(.*)([%])])$")
    if not open then errors.raise("DatabaseError", { message = "the column holds text that is no range" }) end
    return { bound(lower, open == "["), bound(upper, close == "]") }
  end
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if next(a) == nil or next(b) == nil then return next(a) == next(b) end
  for i = 1, 2 do
    if type(a[i]) ~= "table" or type(b[i]) ~= "table" then return false end
    if a[i].value ~= b[i].value or a[i].inclusive ~= b[i].inclusive then return false end
  end
  return true
end

range.RANGE = family.define({
  key = "RANGE",
  parse = function(fail, ...)
    local options = family.options(fail, { "type" }, ...)
    local element = options.type
    if not family.is(element) or not KINDS[element.key] then
      fail("wants one of INTEGER, BIGINT, DECIMAL, DATE, DATEONLY, as in RANGE(DataTypes.INTEGER)")
    end
    return { type = element }
  end,
  build = function(options)
    if not options.type then return { incomplete = "needs the type of its bounds" } end
    local element = infinite(options.type)
    local cast = caster(element)
    return {
      code = "s", element = element, cast = cast, dump = dump, load = loader(element),
      -- One of them may be as the program gave it.
      equal = function(a, b) return equal(a, b) or equal(cast(a) or a, cast(b) or b) end,
    }
  end,
})

return range
