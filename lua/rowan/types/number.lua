--- Numbers: TINYINT to BIGINT, FLOAT, REAL, DOUBLE, DECIMAL, and BOOLEAN. Text is a number if it is spelt as one, as what
--- comes out of URLs and forms is; a number is never text, and nothing but true and false is a boolean.

local family = require("rowan.types.family")
local values = require("rowan.driver.values")

local number = {}

local math_type, tointeger = math.type, math.tointeger
local EXACT = 2 ^ 53

local NO_ZEROFILL = "is not supported: neither PostgreSQL nor SQLite pads numbers"

local NO_INTEGER = "must be an integer"

-- Text that is the one way to write an integer: no blanks, no zeros in front, no sign but a minus.
local function integer_of(text)
  return type(text) == "string" and (text == "0" or text:find("^%-?[1-9]%d*$")) and tonumber(text) or nil
end

-- Two closures, since this is what runs most: with integers in the language, and without.
local function integer_cast(low, high)
  local out_of_range = ("must be an integer between %.0f and %.0f"):format(low, high)
  if not math_type then
    return function(v)
      if type(v) ~= "number" then v = integer_of(v) end
      if not v or v % 1 ~= 0 then return nil, NO_INTEGER end
      if v < low or v > high then return nil, out_of_range end
      -- The sum turns -0 into 0.
      return v + 0
    end
  end
  low, high = tointeger(low), tointeger(high)
  return function(v)
    local kind = math_type(v)
    if not kind then
      v = integer_of(v)
      kind = v and math_type(v)
    end
    if not kind or kind == "float" and v % 1 ~= 0 then return nil, NO_INTEGER end
    if v < low or v > high then return nil, out_of_range end
    return kind == "integer" and v or tointeger(v)
  end
end

local function integer_family(key, bits)
  local flags = { UNSIGNED = { unsigned = true }, ZEROFILL = NO_ZEROFILL }
  return {
    key = key,
    flags = flags,
    parse = function(fail, ...)
      local options = family.options(fail, { "length", "unsigned", "zerofill" }, ...)
      -- The display width of MySQL: accepted, and without effect.
      options.length = family.whole(fail, "display width", options.length, 1, 255)
      if options.zerofill then fail("ZEROFILL " .. NO_ZEROFILL) end
      if options.unsigned ~= nil and type(options.unsigned) ~= "boolean" then
        fail("unsigned must be a boolean")
      end
      return options
    end,
    build = function(options)
      local unsigned = options.unsigned or nil
      local low = unsigned and 0 or -2 ^ (bits - 1)
      local high = 2 ^ (unsigned and bits or bits - 1) - 1
      return {
        integer = true, unsigned = unsigned, code = high >= 2 ^ 31 and "I" or "i",
        cast = integer_cast(low, high), plain = { kind = "integer", low = low, high = high },
      }
    end,
  }
end

number.TINYINT = family.define(integer_family("TINYINT", 8))
number.SMALLINT = family.define(integer_family("SMALLINT", 16))
number.MEDIUMINT = family.define(integer_family("MEDIUMINT", 24))
number.INTEGER = family.define(integer_family("INTEGER", 32))

local BIG_RULE = "must be an integer between -9223372036854775808 and 9223372036854775807"
local INEXACT = "must be exact: give an integer beyond 2^53 as decimal text"

-- int64 and uint64 values of LuaJIT, as decimal text.
local function cdata_text(v)
  local text = tostring(v)
  return text:match("^(%-?%d+)U?LL$")
end

-- Canonical decimal text to what is canonical on this runtime.
local function big_from_text(text)
  local sign, digits = text:match("^(%-?)(%d+)$")
  if not digits then return nil, NO_INTEGER end
  digits = digits:gsub("^0+(%d)", "%1")
  local limit = sign == "-" and "9223372036854775808" or "9223372036854775807"
  if #digits > 19 or #digits == 19 and digits > limit then
    return nil, BIG_RULE
  end
  if math_type then return math.tointeger(tonumber(sign .. digits)) end
  local exact = #digits < 16 or #digits == 16 and digits <= "9007199254740992"
  if exact then return tonumber(sign .. digits) + 0 end
  return sign .. digits
end

local function big_cast(v)
  local kind = type(v)
  if kind == "number" then
    if math_type and math_type(v) == "integer" then return v end
    if v % 1 ~= 0 then return nil, NO_INTEGER end
    if v > EXACT or v < -EXACT then return nil, INEXACT end
    return tointeger and tointeger(v) or v + 0
  elseif kind == "string" then
    return big_from_text(v)
  elseif kind == "cdata" then
    local text = cdata_text(v)
    if text then return big_from_text(text) end
  end
  return nil, NO_INTEGER
end

number.BIGINT = family.define({
  key = "BIGINT",
  flags = {
    UNSIGNED = "is not supported: neither PostgreSQL nor SQLite has it; DECIMAL(20, 0) holds such numbers",
    ZEROFILL = NO_ZEROFILL,
  },
  parse = function(fail, ...)
    local options = family.options(fail, { "length" }, ...)
    options.length = family.whole(fail, "display width", options.length, 1, 255)
    return options
  end,
  build = function() return { integer = true, code = "I", cast = big_cast, plain = { kind = "integer" } } end,
})

local function float_cast(v)
  -- One class of characters, so that a long text is looked through once; tonumber knows the rest.
  if type(v) == "string" and v:find("^%-?%d[%d.eE+-]*$") then v = tonumber(v) end
  if type(v) ~= "number" then return nil, "must be a number" end
  if not math_type or math_type(v) == "float" then return v end
  local float = v + 0.0
  if tointeger(float) ~= v then return nil, "must be a number that fits a float exactly" end
  return float
end

local function float_family(key)
  local unsigned = "is not supported: neither PostgreSQL nor SQLite has it"
  return {
    key = key,
    flags = { UNSIGNED = unsigned, ZEROFILL = NO_ZEROFILL },
    build = function() return { code = "d", cast = float_cast, plain = { kind = "float" } } end,
  }
end

number.FLOAT = family.define(float_family("FLOAT"))
number.REAL = family.define(float_family("REAL"))
number.DOUBLE = family.define(float_family("DOUBLE"))

local decimal = values.decimal

local function decimal_cast(precision, scale)
  local too_long = scale >= 0
    and ("must be a decimal number with at most %d digits before and %d behind the point")
      :format(precision - scale, scale)
  return function(v)
    local kind = type(v)
    if kind ~= "string" and kind ~= "number" then return nil, "must be a decimal number" end
    local text = decimal(v, precision, scale)
    if text then return text end
    if too_long and decimal(v, 0, -1) then return nil, too_long end
    if kind == "number" and v == v and v < math.huge and v > -math.huge then
      return nil, "must be given as text where the number has no exact decimal form"
    end
    return nil, "must be a decimal number"
  end
end

number.DECIMAL = family.define({
  key = "DECIMAL",
  flags = { UNSIGNED = "is not supported: neither PostgreSQL nor SQLite has it", ZEROFILL = NO_ZEROFILL },
  parse = function(fail, ...)
    local options = family.options(fail, { "precision", "scale" }, ...)
    options.precision = family.whole(fail, "precision", options.precision, 1, 1000)
    options.scale = family.whole(fail, "scale", options.scale, 0, options.precision or 1000)
    if (options.precision == nil) ~= (options.scale == nil) then
      fail("wants both precision and scale, as in DECIMAL(10, 2), or neither")
    end
    return options
  end,
  build = function(options)
    return {
      code = "n", precision = options.precision, scale = options.scale,
      cast = decimal_cast(options.precision or 0, options.scale or -1),
    }
  end,
})

number.BOOLEAN = family.define({
  key = "BOOLEAN",
  build = function()
    return {
      code = "b",
      plain = { kind = "boolean" },
      cast = function(v)
        if type(v) == "boolean" then return v end
        return nil, "must be a boolean"
      end,
    }
  end,
})

return number
