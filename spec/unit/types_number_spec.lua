-- Numbers and booleans: what is accepted, in what form, and what is refused by what rule.
local casts = require "spec.unit.casts"
local null = require "rowan.base.null"
local types = require "rowan.types"

local T = types.DataTypes
local math_type = math.type
local accepts, refuses, definition_error = casts.accepts, casts.refuses, casts.definition_error

describe("integer types", function()
  local LIMITS = {
    { T.TINYINT, -128, 127 }, { T.SMALLINT, -32768, 32767 }, { T.MEDIUMINT, -8388608, 8388607 },
    { T.INTEGER, -2147483648, 2147483647 }, { T.TINYINT.UNSIGNED, 0, 255 }, { T.SMALLINT.UNSIGNED, 0, 65535 },
    { T.MEDIUMINT.UNSIGNED, 0, 16777215 }, { T.INTEGER.UNSIGNED, 0, 4294967295 },
  }

  it("hold exactly their range", function()
    for _, case in ipairs(LIMITS) do
      local type_of, low, high = case[1], case[2], case[3]
      local rule = ("must be an integer between %.0f and %.0f"):format(low, high)
      accepts(type_of, low, low)
      accepts(type_of, high, high)
      refuses(type_of, low - 1, rule)
      refuses(type_of, high + 1, rule)
    end
  end)

  it("take text that is spelt as an integer, and no other", function()
    for _, type_of in ipairs { T.INTEGER, T.SMALLINT, T.INTEGER.UNSIGNED } do
      local twelve = accepts(type_of, "12", 12)
      if math_type then assert.equal("integer", math_type(twelve)) end
      accepts(type_of, "0", 0)
    end
    accepts(T.INTEGER, "-2147483648", -2147483648)
    refuses(T.INTEGER, "2147483648", "must be an integer between -2147483648 and 2147483647")
    refuses(T.INTEGER, ("9"):rep(30), "must be an integer between -2147483648 and 2147483647")
    for _, text in ipairs { "", " 1", "1 ", "01", "+1", "-0", "1.0", "1e2", "0x10", "abc", "1\n", "12a" } do
      refuses(T.INTEGER, text, "must be an integer")
    end
  end)

  it("take floats without a fraction as integers, and nothing of another kind", function()
    local five = accepts(T.INTEGER, 5.0, 5)
    if math_type then assert.equal("integer", math_type(five)) end
    assert.equal(math.huge, 1 / accepts(T.INTEGER, -0.0, 0))
    for _, value in ipairs({ "one", true, false, {}, 1.5, 1 / 0, -1 / 0, 0 / 0, null, print }) do
      refuses(T.INTEGER, value, "must be an integer")
    end
  end)

  it("take a display width without effect, and refuse what no database here has", function()
    accepts(T.INTEGER(11), 2147483647, 2147483647)
    assert.is_true(T.INTEGER({ unsigned = true }).unsigned)
    assert.equal(255, T.TINYINT(3).UNSIGNED.cast(255))
    assert.truthy(definition_error(function() return T.INTEGER.ZEROFILL end)
      :find("INTEGER.ZEROFILL", 1, true))
    assert.truthy(definition_error(function() return T.BIGINT.UNSIGNED end):find("DECIMAL(20, 0)", 1, true))
    assert.truthy(definition_error(function() return T.DOUBLE.UNSIGNED end):find("DOUBLE.UNSIGNED", 1, true))
  end)

  it("are bound by the width they need", function()
    assert.equal("i", T.INTEGER.code)
    assert.equal("i", T.SMALLINT.UNSIGNED.code)
    assert.equal("I", T.INTEGER.UNSIGNED.code)
    assert.equal("I", T.BIGINT.code)
  end)
end)

describe("BIGINT", function()
  local RANGE = "must be an integer between -9223372036854775808 and 9223372036854775807"

  it("holds 64 bits: an integer, or decimal text where the runtime has none", function()
    local exact = math_type and function(text) return math.tointeger(tonumber(text)) end
      or function(text) return text end
    accepts(T.BIGINT, "9223372036854775807", exact("9223372036854775807"))
    accepts(T.BIGINT, "-9223372036854775808", exact("-9223372036854775808"))
    accepts(T.BIGINT, "9007199254740993", exact("9007199254740993"))
    accepts(T.BIGINT, "-000000000000000000009007199254740993", exact("-9007199254740993"))
    refuses(T.BIGINT, "9223372036854775808", RANGE)
    refuses(T.BIGINT, "-9223372036854775809", RANGE)
    refuses(T.BIGINT, "18446744073709551616", RANGE)
  end)

  it("gives small ones as plain numbers on every runtime", function()
    accepts(T.BIGINT, 5, 5)
    accepts(T.BIGINT, "007", 7)
    accepts(T.BIGINT, "-0", 0)
    accepts(T.BIGINT, "9007199254740992", 2 ^ 53)
    accepts(T.BIGINT, 2 ^ 53, 2 ^ 53)
    accepts(T.BIGINT, -2 ^ 53, -2 ^ 53)
  end)

  it("refuses floats that may have lost digits, and what is no integer", function()
    refuses(T.BIGINT, 2 ^ 54, "must be exact: give an integer beyond 2^53 as decimal text")
    for _, value in ipairs({ 1.5, "1.5", "", "-", "abc", "1e3", " 1", "0x10", true, {}, 0 / 0 }) do
      refuses(T.BIGINT, value, "must be an integer")
    end
  end)

  if rawget(_G, "jit") then
    it("takes LuaJIT's 64 bit integers", function()
      local ffi = require "ffi"
      accepts(T.BIGINT, ffi.cast("int64_t", 5), 5)
      accepts(T.BIGINT, ffi.cast("int64_t", 2 ^ 53) + 1, "9007199254740993")
      accepts(T.BIGINT, ffi.cast("uint64_t", 7), 7)
      refuses(T.BIGINT, ffi.cast("uint64_t", -1), RANGE)
      refuses(T.BIGINT, ffi.new("int[1]"), "must be an integer")
    end)
  end
end)

describe("float types", function()
  it("take any number, as a float", function()
    for _, type_of in ipairs({ T.FLOAT, T.REAL, T.DOUBLE }) do
      assert.equal("d", type_of.code)
      local five = accepts(type_of, 5, 5)
      if math_type then assert.equal("float", math_type(five)) end
      accepts(type_of, 0.1, 0.1)
      accepts(type_of, math.huge, math.huge)
      local nan = type_of.cast(0 / 0)
      assert.not_equal(nan, nan)
      for text, canonical in pairs {
        ["1.5"] = 1.5, ["-0.25"] = -0.25, ["1e2"] = 100, ["5e-1"] = 0.5, ["1e+2"] = 100, ["7"] = 7,
      } do
        local got = accepts(type_of, text, canonical)
        if math_type then assert.equal("float", math_type(got)) end
      end
      for _, text in ipairs { "", "abc", "0x10", "inf", "nan", " 1", "1 ", "1.2.3", "--1", "e5" } do
        refuses(type_of, text, "must be a number")
      end
      refuses(type_of, true, "must be a number")
    end
  end)

  if math_type then
    it("refuse integers that a float would change", function()
      refuses(T.DOUBLE, math.maxinteger, "must be a number that fits a float exactly")
      refuses(T.DOUBLE, math.tointeger(2 ^ 53) + 1, "must be a number that fits a float exactly")
      accepts(T.DOUBLE, math.mininteger, -2 ^ 63)
    end)
  end
end)

describe("DECIMAL", function()
  it("is exact text with its digits", function()
    accepts(T.DECIMAL(10, 2), "1.5", "1.50")
    accepts(T.DECIMAL(10, 2), 12, "12.00")
    accepts(T.DECIMAL(10, 2), 0.25, "0.25")
    accepts(T.DECIMAL, "-0012.3400", "-12.3400")
    assert.equal(T.DECIMAL, T.NUMERIC)
  end)

  it("refuses what would lose digits", function()
    local rule = "must be a decimal number with at most 2 digits before and 2 behind the point"
    refuses(T.DECIMAL(4, 2), "1.555", rule)
    refuses(T.DECIMAL(4, 2), 123, rule)
    refuses(T.DECIMAL, 0.1, "must be given as text where the number has no exact decimal form")
    for _, value in ipairs({ "x", "", "1,5", "NaN", 0 / 0, 1 / 0, true, {} }) do
      refuses(T.DECIMAL, value, "must be a decimal number")
    end
  end)

  it("wants precision and scale together", function()
    assert.truthy(definition_error(function() return T.DECIMAL(5) end)
      :find("both precision and scale", 1, true))
    assert.truthy(definition_error(function() return T.DECIMAL(2, 3) end):find("scale from 0 to 2", 1, true))
    assert.equal(2, T.DECIMAL({ precision = 10, scale = 2 }).scale)
  end)
end)

describe("BOOLEAN", function()
  it("takes booleans only", function()
    accepts(T.BOOLEAN, true, true)
    accepts(T.BOOLEAN, false, false)
    for _, value in ipairs({ 1, 0, "true", "", {}, null }) do
      refuses(T.BOOLEAN, value, "must be a boolean")
    end
  end)
end)
