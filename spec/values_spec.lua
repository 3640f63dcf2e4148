-- P6 for scalar types: what is read is what was written, on both databases, prepared and not.
local helper = require "spec.helper"
local roundtrip = require "spec.roundtrip"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local D = rowan.DataTypes
local EXACT = 2 ^ 53

local function as(given, expected)
  return { given = given, expected = expected }
end

-- A whole number in the form that integers are read in.
local function whole(n)
  return math.tointeger and math.tointeger(n) or n
end

local function integers(low, high)
  return { whole(low), whole(low + 1), -1 >= low and whole(-1) or whole(1), whole(0), whole(high - 1), whole(high),
    as(7.0, whole(7)) }
end

local function bigints()
  local list = integers(-EXACT, EXACT)
  for _, text in ipairs({
    "9223372036854775807", "-9223372036854775808", "9007199254740993", "-9007199254740993", "42", "-0",
  }) do
    local number = tonumber(text)
    if math.tointeger then
      number = math.tointeger(number)
    elseif number > EXACT or number < -EXACT or text:find("993$") then
      number = text
    end
    list[#list + 1] = as(text, text == "-0" and whole(0) or number)
  end
  if math.tointeger then
    list[#list + 1] = math.maxinteger
    list[#list + 1] = math.mininteger
  else
    local ffi = require "ffi"
    list[#list + 1] = as(ffi.new("int64_t", 2) ^ 62, "4611686018427387904")
    list[#list + 1] = as(ffi.new("int64_t", -12), -12)
    list[#list + 1] = as(ffi.new("uint64_t", 12), 12)
  end
  return list
end

local function doubles(dialect)
  local list = {
    0.0, 1.0, -1.0, 0.1, 0.2, 0.1 + 0.2, 1 / 3, 1e15, 1e16, 1e22, 1e23, 123456789.123456789, 5e-324, -5e-324,
    2.2250738585072011e-308, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
    9007199254740993.0, math.huge, -math.huge, as(whole(3), 3.0),
  }
  local random = seeded(20240201)
  for _ = 1, 60 do list[#list + 1] = random.double() end
  -- SQLite's REAL columns keep no sign of zero.
  if dialect == "postgres" then list[#list + 1] = -0.0 end
  return list
end

local function decimals()
  return {
    "0", "1", "-1", "0.1", "12345678901234567890.123456789", "-99999999999999999999999999999999999999.5",
    "0.0000000000000000000000000000001", as("007", "7"), as("-0.5", "-0.5"), as(whole(12), "12"), as(0.5, "0.5"),
    "9223372036854775808", "0." .. ("3"):rep(60), ("9"):rep(80),
  }
end

local function long_text()
  return ("0123456789abcdef"):rep(65536) .. "\226\130\172"
end

local function texts()
  return {
    "", " ", "a", "NULL", "null", "O'Brien", '"quoted"', "back\\slash", "%_%", "line\nbreak\r\n\ttab", "\1\2\127",
    "\195\164\195\182\195\188", "\240\159\152\128 emoji \240\159\145\169\226\128\141\240\159\146\187", "\239\191\191",
    "\244\143\191\191", "$1 ? :name", "1", "1.0", "true", "{}", "trailing  ", "; DROP TABLE x; --",
  }
end

local function with(list, ...)
  for i = 1, select("#", ...) do list[#list + 1] = (select(i, ...)) end
  return list
end

local function all_bytes()
  local out = {}
  for byte = 0, 255 do out[#out + 1] = string.char(byte) end
  return table.concat(out)
end

local function blobs()
  local bytes = all_bytes()
  return {
    "", "\0", "\0\0", "a\0b", "\255\254", bytes, bytes:reverse(), bytes:rep(1000), "\\x41", "\\\\", "text",
    seeded(7).bytes(5000),
  }
end

local function instants()
  return {
    "2024-02-01T00:00:00.000Z", "2024-02-01T10:11:12.123Z", "2024-02-01T10:11:12.123456Z",
    "2024-02-01T10:11:12.000001Z", "2024-02-29T23:59:59.999999Z", "0001-01-01T00:00:00.000Z",
    "0001-01-01T00:00:00.000001Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z",
    "1582-10-10T00:00:00.000Z", "1900-02-28T12:00:00.000Z", "2000-01-01T00:00:00.000Z",
    as("2024-02-01T01:30:00+01:30", "2024-02-01T00:00:00.000Z"), as("2024-02-01T00:00:00Z", "2024-02-01T00:00:00.000Z"),
    as("2024-01-31T19:00:00.5-05:00", "2024-02-01T00:00:00.500Z"), as(0, "1970-01-01T00:00:00.000Z"),
    as(1706745600.25, "2024-02-01T00:00:00.250Z"), as(-0.000001, "1969-12-31T23:59:59.999999Z"),
  }
end

local UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

local FAMILIES = {
  { "BOOLEAN", D.BOOLEAN, { true, false } },
  { "TINYINT", D.TINYINT, integers(-128, 127) },
  { "TINYINT.UNSIGNED", D.TINYINT.UNSIGNED, integers(0, 255) },
  { "SMALLINT", D.SMALLINT, integers(-32768, 32767) },
  { "SMALLINT.UNSIGNED", D.SMALLINT.UNSIGNED, integers(0, 65535) },
  { "MEDIUMINT", D.MEDIUMINT, integers(-8388608, 8388607) },
  { "INTEGER", D.INTEGER, integers(-2147483648, 2147483647) },
  { "INTEGER.UNSIGNED", D.INTEGER.UNSIGNED, integers(0, 4294967295) },
  { "BIGINT", D.BIGINT, bigints() },
  { "DOUBLE", D.DOUBLE, doubles },
  { "FLOAT", D.FLOAT, doubles },
  { "REAL", D.REAL, doubles },
  { "DECIMAL", D.DECIMAL, decimals() },
  { "DECIMAL(12, 3)", D.DECIMAL(12, 3), {
    as("1.5", "1.500"), "-0.001", "999999999.999", "-999999999.999", as(whole(3), "3.000"), as("0", "0.000"),
    as(2.5, "2.500"),
  } },
  { "STRING", D.STRING, with(texts(), ("\226\130\172"):rep(255)) },
  { "STRING(3)", D.STRING(3), { "", "abc", "\240\159\152\128\240\159\152\128\240\159\152\128" } },
  { "STRING.BINARY", D.STRING.BINARY, { "", "\0", "\255\0\254", ("\0"):rep(255) } },
  { "TEXT", D.TEXT, with(texts(), long_text()) },
  { "CHAR(4)", D.CHAR(4), { "", "a", "abcd", " a", "\195\164b" } },
  { "BLOB", D.BLOB, blobs() },
  { "DATE", D.DATE, instants() },
  { "DATE(0)", D.DATE(0), { as("2024-02-01T00:00:00.9Z", "2024-02-01T00:00:00.000Z") } },
  { "DATEONLY", D.DATEONLY, { "2024-02-01", "2024-02-29", "0001-01-01", "9999-12-31", "1582-10-10", "1970-01-01" } },
  { "TIME", D.TIME, { "00:00:00", "23:59:59", "12:34:56.123456", "00:00:00.000001", as("10:20:30.500",
    "10:20:30.5") } },
  { "UUID", D.UUID, { UUID, as(UUID:upper(), UUID), "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff" } },
  { "ENUM", D.ENUM("a", "B c", "it's", "\195\164"), { "a", "B c", "it's", "\195\164" } },
}

for _, prepared in ipairs({ true, false }) do
  describe(prepared and "prepared" or "unprepared", function()
    helper.each(function(dialect, connect)
      for _, family in ipairs(FAMILIES) do
        it("keeps every " .. family[1], function()
          local cases = family[3]
          if type(cases) == "function" then cases = cases(dialect) end
          roundtrip.check(connect { preparedStatements = prepared }, family[2], cases)
        end)
      end
    end)
  end)
end

describe("what differs between the databases", function()
  helper.on("sqlite", function(_, connect)
    it("reads -0.0 as 0.0, the one value that SQLite's REAL columns do not tell apart", function()
      local db = connect()
      local T = db:define("T", { x = D.DOUBLE }, { timestamps = false })
      db:sync()
      local x = T:findByPk(T:create({ x = -0.0 }).id).x
      assert.equal("number", type(x))
      assert.equal(0, x)
      assert.equal(1, T:count { where = { x = -0.0 } })
    end)
  end)

  helper.on("postgres", function(_, connect)
    it("keeps NaN", function()
      local db = connect()
      local T = db:define("T", { x = D.DOUBLE }, { timestamps = false })
      db:sync()
      local row = T:create { x = 0 / 0 }
      for _ = 1, 3 do
        local x = T:findByPk(row.id).x
        assert.is_true(x ~= x)
      end
    end)
  end)
end)
