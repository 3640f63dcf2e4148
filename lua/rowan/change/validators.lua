--- The built-in validators, as data: name -> how its arguments are read, and what a value must be. Called by change/validate.
--- The names, arguments and defaults are those of validator.js and Sequelize; docs/guide/validation.md says what differs.

local addresses = require("rowan.change.addresses")
local args = require("rowan.change.validator_args")
local clock = require("rowan.types.clock")
local formats = require("rowan.change.formats")
local instant = require("rowan.change.instant")
local letters = require("rowan.change.letters")

local validators = {}

---@class rowan.Validator
---@field read rowan.ArgumentReader what stands behind its name in a definition -> the arguments of the check
---@field check fun(text: string, args: any, value: any, row: table, attr: table): boolean whether a value passes
---@field tables? boolean whether it looks at tables too, which have no text

local function validator(read, check, tables)
  return { read = read, check = check, tables = tables }
end

-- The opposite.
local function negated(one)
  return validator(one.read, function(...) return not one.check(...) end, one.tables)
end

local function within(number, bounds)
  return number ~= nil and (bounds.min == nil or number >= bounds.min) and (bounds.max == nil or number <= bounds.max)
    and (bounds.gt == nil or number > bounds.gt) and (bounds.lt == nil or number < bounds.lt)
end

-- Numbers as they are, and what texts say in decimals.
local function number_of(text, value)
  if type(value) == "number" then return value end
  return formats.decimal(text)
end

local function has_bounds(options)
  return options.min or options.max or options.gt or options.lt
end

-- ---- addresses, numbers, letters ----

local function is_float(text, options)
  local number = formats.decimal(text, letters.separator(options.locale))
  return number ~= nil and within(number, options)
end

local function is_int(text, options)
  return formats.integer(text, options.allow_leading_zeroes == false)
    and (not has_bounds(options) or within(tonumber(text), options))
end

-- Without options a number as it is written, with an exponent or without; with them one without.
local function is_decimal(text, options)
  if next(options) == nil then return formats.decimal(text) ~= nil end
  local least, to, most = tostring(options.decimal_digits or "1,"):match("^(%d+)(,?)(%d*)$")
  least = tonumber(least)
  most = to == "" and least or tonumber(most) or math.huge
  return formats.fixed(text, letters.separator(options.locale), least, most, options.force_decimal)
end

-- The characters to pass over are a set.
local function without(text, ignored)
  if not ignored then return text end
  return (text:gsub("[^\128-\191][\128-\191]*", function(character)
    return ignored:find(character, 1, true) and "" or nil
  end))
end

local function of_alphabet(with_digits)
  local by_locale = {}
  return validator(args.locale, function(text, given)
    local locale = given[1]
    by_locale[locale] = by_locale[locale] or letters.of(locale, with_digits)
    return letters.are_within(without(text, given[2].ignore), by_locale[locale])
  end)
end

-- ---- texts ----

local function contains(text, given)
  local part, options = given[1], given[2]
  if options.ignoreCase then text, part = letters.small(text), letters.small(part) end
  local at, count = 1, 0
  while part ~= "" and count < (options.minOccurrences or 1) do
    local _, to = text:find(part, at, true)
    if not to then return false end
    at, count = to + 1, count + 1
  end
  return part ~= ""
end

-- A Lua pattern, or an object with a method `match`, such as a compiled regular expression or an LPeg pattern.
local function matches(text, given)
  local pattern = given[1]
  if type(pattern) ~= "string" then return pattern:match(text) ~= nil end
  if given[2] == "i" then text = text:lower() end
  return text:find(pattern) ~= nil
end

-- Characters of a text, items of a list.
local function has_length(text, given, value)
  local length = text and letters.count(text) or #value
  if length < given[1] or (given[2] and length > given[2]) then return false end
  for _, one in ipairs(given.lengths or {}) do
    if length == one then return true end
  end
  return given.lengths == nil
end

local function not_empty(text, _, value)
  if text == nil then return next(value) ~= nil end
  return text:find("%S") ~= nil
end

-- ---- values ----

local function is_in(text, given, value)
  if given.part_of then return text ~= nil and given.part_of:find(text, 1, true) ~= nil end
  for i = 1, #given do
    local one = given[i]
    if one == value or (text ~= nil and args.text_of(one) == text) then return true end
  end
  return false
end

local function compared(earlier)
  return validator(args.date, function(_, given, value)
    local mine, other = instant(value), instant(given[1] or clock.now())
    if not mine or not other then return false end
    if earlier then return mine < other end
    return mine > other
  end)
end

local function is_list(_, _, value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

-- ---- by name ----

local URL = {
  protocols = "texts", require_protocol = "boolean", require_valid_protocol = "boolean", require_host = "boolean",
  require_port = "boolean", require_tld = "boolean", allow_underscores = "boolean", allow_trailing_dot = "boolean",
  allow_protocol_relative_urls = "boolean", allow_fragments = "boolean", allow_query_components = "boolean",
  disallow_auth = "boolean", validate_length = "boolean", max_allowed_length = "number", host_blacklist = "hosts",
  host_whitelist = "hosts",
}
local EMAIL = {
  allow_display_name = "boolean", require_display_name = "boolean", allow_utf8_local_part = "boolean",
  require_tld = "boolean", allow_underscores = "boolean", allow_ip_domain = "boolean", ignore_max_length = "boolean",
  domain_specific_validation = "boolean", blacklisted_chars = "text", host_blacklist = "hosts",
  host_whitelist = "hosts",
}
local INTEGER = { min = "number", max = "number", gt = "number", lt = "number", allow_leading_zeroes = "boolean" }
local FLOAT = { min = "number", max = "number", gt = "number", lt = "number", locale = "locale" }
local DECIMAL = { force_decimal = "boolean", decimal_digits = "digits", locale = "locale" }
local NUMERIC = { no_symbols = "boolean", locale = "locale" }
local CONTAINED = { ignoreCase = "boolean", minOccurrences = "number" }
local IP = { ["4"] = true, ["6"] = true }
local UUID = { all = true, loose = true, ["nil"] = true, max = true }
for version = 1, 8 do UUID[tostring(version)] = true end

---@type table<string, rowan.Validator>
local by_name = {}

-- isEmail = true; isEmail = { allow_display_name = true }: ann@example.com
by_name.isEmail = validator(args.options(EMAIL), addresses.email)

-- isUrl = true; isUrl = { protocols = { "https" }, require_protocol = true }: https://example.com/a?b=c
by_name.isUrl = validator(args.options(URL), addresses.url)
by_name.isURL = by_name.isUrl

-- isIP = true; isIP = 4; isIPv4 = true: 192.0.2.1
by_name.isIP = validator(args.version(IP), function(text, given) return formats.ip(text, given[1]) end)
by_name.isIPv4 = validator(args.none, formats.ipv4)
by_name.isIPv6 = validator(args.none, formats.ipv6)

-- isUUID = true; isUUID = 4: f47ac10b-58cc-4372-a567-0e02b2c3d479
by_name.isUUID = validator(args.version(UUID), function(text, given) return formats.uuid(text, given[1]) end)

-- isCreditCard = true; isCreditCard = { provider = "visa" }: 4012 8888 8888 1881
by_name.isCreditCard = validator(args.options({ provider = "card" }), function(text, options)
  return formats.credit_card(text, options.provider and options.provider:lower())
end)

-- isAlpha = true; isAlpha = "de-DE"; isAlpha = { "fr-FR", { ignore = " -" } }: Straße
by_name.isAlpha = of_alphabet(false)
by_name.isAlphanumeric = of_alphabet(true)

-- isLowercase = true: abc, äé; what is no letter is both
by_name.isLowercase = validator(args.none, letters.are_small)
by_name.isUppercase = validator(args.none, letters.are_capital)

-- isNumeric = true; isNumeric = { no_symbols = true }: 019, -1.5
by_name.isNumeric = validator(args.options(NUMERIC), function(text, options)
  return formats.numeric(text, letters.separator(options.locale), options.no_symbols)
end)

-- isDecimal = true: 1.5, 1e3; isDecimal = { force_decimal = true, decimal_digits = "1,2", locale = "de-DE" }: 1,5
by_name.isDecimal = validator(args.options(DECIMAL), is_decimal)

-- isInt = true; isInt = { min = 1, lt = 10 }: 7
by_name.isInt = validator(args.options(INTEGER), is_int)
by_name.isFloat = validator(args.options(FLOAT), is_float)

-- min = 0; max = 23: numbers not below, not above, and texts of them
by_name.min = validator(args.number, function(text, given, value)
  return within(number_of(text, value), { min = given[1] })
end)
by_name.max = validator(args.number, function(text, given, value)
  return within(number_of(text, value), { max = given[1] })
end)

-- len = { 2, 10 }; len = { min = 2 }: so many characters, or items
by_name.len = validator(args.range, has_length, true)

-- notEmpty = true: something but blanks; isNull = true: ""
by_name.notEmpty = validator(args.none, not_empty, true)
by_name.isNull = validator(args.options({ ignore_whitespace = "boolean" }), function(text, options)
  return not text:find(options.ignore_whitespace and "%S" or ".")
end)

-- equals = "yes"
by_name.equals = validator(args.text({}), function(text, given) return text == given[1] end)

-- contains = "a"; contains = { "a", { ignoreCase = true, minOccurrences = 2 } }
by_name.contains = validator(args.text(CONTAINED), contains)
by_name.notContains = negated(by_name.contains)

-- is = "^%a+$"; is = { "^[a-z]+$", "i" }; is = an object with a method `match`
by_name.is = validator(args.pattern, matches)
by_name.regex = by_name.is
by_name["not"] = negated(by_name.is)
by_name.notRegex = by_name["not"]

-- isIn = { "a", "b" }; isIn = { { "a", "b" } }; isIn = "abc": a part of it
by_name.isIn = validator(args.list, is_in, true)
by_name.notIn = negated(by_name.isIn)

-- isDate = true: 2024-02-29, 2024-02-29T12:00:00Z
by_name.isDate = validator(args.none, function(_, _, value) return instant(value) ~= nil end)

-- isAfter = "2024-02-29"; isAfter = true: than now
by_name.isAfter = compared(false)
by_name.isBefore = compared(true)

-- isArray = true: { 1, 2 }, {}
by_name.isArray = validator(args.none, is_list, true)

-- isImmutable = true. What is looked at is not the value alone: see change/validate.
by_name.isImmutable = validator(args.none, function() return true end, true)

---By name.
validators.by_name = by_name

---Whether a value passes.
---@param name string
---@param value any neither nil nor null
---@param given any what `arguments` made of what was said
---@param row table
---@param attr table
---@return boolean
function validators.passes(name, value, given, row, attr)
  local text, one = args.text_of(value), validators.by_name[name]
  if text == nil and not (one.tables and type(value) == "table") then return false end
  return one.check(text, given, value, row, attr) and true or false
end

---The arguments of a validator; nil and what is wrong with them.
---@param name string
---@param given any what was said, without a message of one's own
---@return any? args
---@return string? problem
function validators.arguments(name, given)
  return validators.by_name[name].read(given)
end

return validators
