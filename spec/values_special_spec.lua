-- P6 for the types with a form of their own, alone and in arrays: what is read is what was written, on both databases.
local helper = require "spec.helper"
local roundtrip = require "spec.roundtrip"
local rowan = require "rowan"

local D, null = rowan.DataTypes, rowan.null

local function as(given, expected)
  return { given = given, expected = expected }
end

local function bound(value, inclusive)
  return { value = value, inclusive = inclusive }
end

-- A range as it is read.
local function range(open, lower, upper, close)
  return { bound(lower, open == "["), bound(upper, close == "]") }
end

local function big(text)
  return D.BIGINT.cast(text)
end

local NONE = { bound(null, false), bound(null, false) }

-- Of whole numbers and days: [a, b) is how all are read. `after` comes next behind `high`.
local function discrete(low, middle, high, after)
  return {
    as({ low, high }, range("[", low, high, ")")), as({ low, bound(high, true) }, range("[", low, after, ")")),
    as({ bound(low, false), after }, range("[", middle, after, ")")), as({ low, null }, range("[", low, null, ")")),
    as({ null, bound(high, true) }, range("(", null, after, ")")), as({ null, null }, NONE), {}, as({ low, low }, {}),
    as({ bound(low, false), middle }, {}), as({ { inclusive = true }, bound(null, true) }, NONE),
    as({ low, bound(low, true) }, range("[", low, middle, ")")),
  }
end

-- Of what has no next.
local function continuous(low, high)
  return {
    as({ low, high }, range("[", low, high, ")")), as({ bound(low, false), bound(high, true) }, range("(", low, high, "]")),
    as({ low, null }, range("[", low, null, ")")), as({ null, null }, NONE), {}, as({ low, low }, {}),
    as({ bound(low, false), bound(low, false) }, {}), as({ low, bound(low, true) }, range("[", low, low, "]")),
  }
end

local function with(list, ...)
  for i = 1, select("#", ...) do list[#list + 1] = (select(i, ...)) end
  return list
end

local MOMENT, LATER = "2024-01-01T00:00:00.000Z", "2024-02-29T23:59:59.123456Z"
local MAX = big("9223372036854775807")

local RANGES = {
  { "RANGE(INTEGER)", D.RANGE(D.INTEGER), with(discrete(1, 2, 9, 10), range("[", -2147483648, 2147483647, ")")) },
  { "RANGE(BIGINT)", D.RANGE(D.BIGINT), with(discrete(big("9007199254740991"), big("9007199254740992"), big("9007199254740993"),
    big("9007199254740994")), as({ bound(big("-9223372036854775808"), false), MAX }, range("[", big("-9223372036854775807"), MAX, ")")),
    as({ bound(-10, false), bound(-1, true) }, range("[", -9, 0, ")"))) },
  { "RANGE(DECIMAL)", D.RANGE(D.DECIMAL), with(continuous("1.5", "2"), as({ "-1.50", 7 }, range("[", "-1.50", "7", ")")),
    as({ "1.0", "1.00" }, {}), as({ bound("0.0", false), bound("-0.00", true) }, {})) },
  { "RANGE(DECIMAL(10, 2))", D.RANGE(D.DECIMAL(10, 2)), { as({ "1.5", 2 }, range("[", "1.50", "2.00", ")")) } },
  { "RANGE(DATE)", D.RANGE(D.DATE), with(continuous(MOMENT, LATER),
    as({ "2024-01-01T01:00:00+01:00", math.huge }, range("[", MOMENT, "infinity", ")")),
    as({ bound(-math.huge, false), bound("infinity", true) }, range("(", "-infinity", "infinity", "]"))) },
  { "RANGE(DATEONLY)", D.RANGE(D.DATEONLY), with(discrete("2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29"),
    as({ bound(-math.huge, false), bound(math.huge, true) }, range("(", "-infinity", "infinity", "]")),
    as({ "2023-02-28", bound("2023-02-28", true) }, range("[", "2023-02-28", "2023-03-01", ")"))) },
}

local ODD_KEYS = {
  [""] = "", [" "] = " ", ["a=>b"] = 'q"', ["\\"] = "\\\\", ['"'] = ",", ["NULL"] = "NULL", null_ = null, ["ä"] = "\240\159\152\128",
  ["1"] = "2", ["\n\t"] = "\1", ["'"] = "''", ["{}"] = "{,}",
}

local POSTGRES = {
  { "DECIMAL without end", D.DECIMAL, { as(0 / 0, "NaN"), as(math.huge, "Infinity"), "-Infinity", "1" } },
  { "DECIMAL(10, 2) that is none", D.DECIMAL(10, 2), { "NaN", "1.50" } },
  { "HSTORE", D.HSTORE, { {}, { a = "1" }, { a = null }, ODD_KEYS, { ["__proto__"] = "x" } } },
  { "TSVECTOR", D.TSVECTOR, { "'a' 'b'", as("b a a:2", "'a':2 'b'"), "'it''s':1A,3 'x':2", "" } },
}
for _, case in ipairs(RANGES) do POSTGRES[#POSTGRES + 1] = case end

local BOTH = {
  { "INTERVAL", D.INTERVAL, {
    as({ days = 1, hours = 26 }, "P1DT26H"), "PT0S", "P1Y2M-3DT-4H-5M-6.789S", "P-1M", "PT-0.000001S", as("P1W", "P7D"),
    as({ seconds = 90.5 }, "PT1M30.5S"), "P178956970Y7M", "PT2501999H47M34.740992S",
  } },
  { "INET", D.INET, {
    "10.0.0.1", "10.0.0.1/8", "::1", "2001:db8::ff00:42:8329/64", as("::ffff:1.2.3.4", "::ffff:102:304"), "0.0.0.0/0", as("::/128", "::"),
    as("255.255.255.255/32", "255.255.255.255"),
  } },
  { "CIDR", D.CIDR, { "10.0.0.0/8", as("10.0.0.1", "10.0.0.1/32"), "2001:db8::/32", "::/0" } },
  { "MACADDR", D.MACADDR, { "08:00:2b:01:02:03", as("08-00-2B-01-02-04", "08:00:2b:01:02:04"), as("08002b:010205", "08:00:2b:01:02:05") } },
  { "MACADDR8", D.MACADDR8, { "08:00:2b:01:02:03:04:05", as("0800.2B01.0203.0406", "08:00:2b:01:02:03:04:06") } },
  { "CITEXT", D.CITEXT, { "Hello", "", "it's", "ÄÖ" } },
}

local ARRAYS = {
  { "CITEXT", D.CITEXT, { { "Hello", null, "NULL" }, {} } }, { "INET", D.INET, { { "10.0.0.1", null, "::1" } } },
  { "MACADDR", D.MACADDR, { { "08:00:2b:01:02:03" } } },
  { "INTERVAL", D.INTERVAL, { { "P1Y2M-3DT-4H", null }, as({ { days = 1 } }, { "P1D" }) } },
  { "CIDR", D.CIDR, { { "10.0.0.0/8" } } },
  { "ARRAY(INTERVAL)", D.ARRAY(D.INTERVAL), { { { "P1D", null }, { null, "PT1S" } } } },
}
local POSTGRES_ARRAYS = {
  { "DECIMAL", D.DECIMAL, { { "NaN", "-Infinity", null, "1.5" } } },
  { "HSTORE", D.HSTORE, { { {}, null, ODD_KEYS, { a = null } } } },
  { "RANGE(INTEGER)", D.RANGE(D.INTEGER), { as({ { 1, 5 }, null, {}, { null, bound(3, true) } },
    { range("[", 1, 5, ")"), null, {}, range("(", null, 4, ")") }) } },
  { "RANGE(DATE)", D.RANGE(D.DATE), { as({ { MOMENT, math.huge } }, { range("[", MOMENT, "infinity", ")") }) } },
  { "ARRAY(RANGE(DECIMAL))", D.ARRAY(D.RANGE(D.DECIMAL)), { { { range("(", "1.5", "2.5", "]"), {} } } } },
  { "TSVECTOR", D.TSVECTOR, { { "'a' 'b'" } } },
}
for _, case in ipairs(ARRAYS) do POSTGRES_ARRAYS[#POSTGRES_ARRAYS + 1] = case end

-- A type whose values are tables, stored as text; and one stored as a list.
local Point = D.custom("Point", {
  type = D.STRING(20),
  cast = function(v) return type(v) == "table" and v.x and v.y and v or nil, "must have x and y" end,
  dump = function(v) return v.x .. ";" .. v.y end,
  load = function(text) return { x = tonumber(text:match("^[^;]+")), y = tonumber(text:match(";(.+)$")) } end,
  equal = function(a, b) return a.x == b.x and a.y == b.y end,
})
local Tags = D.custom("Tags", {
  type = D.ARRAY(D.TEXT), cast = function(v) return type(v) == "string" and v or nil end,
  dump = function(v)
    local list = {}
    for word in v:gmatch("[^,]+") do list[#list + 1] = word end
    return list
  end,
  load = function(list) return table.concat(list, ",") end,
})
local CUSTOM = {
  { "a table as text", Point, { { x = 1, y = 2 }, { x = -1, y = 0.5 } } }, { "text as a list", Tags, { "a,b", "it's,\"q\"" } },
}

helper.each(function(dialect, connect)
  local function check(families, wrap)
    for _, family in ipairs(families) do
      it(("comes back as it was written: %s"):format(wrap and "ARRAY(" .. family[1] .. ")" or family[1]), function()
        local db = connect{ extensions = dialect == "postgres" or nil }
        roundtrip.check(db, wrap and D.ARRAY(family[2]) or family[2], family[3])
      end)
    end
  end

  check(BOTH)
  check(dialect == "postgres" and POSTGRES or {})
  check(dialect == "postgres" and POSTGRES_ARRAYS or ARRAYS, true)
  check(CUSTOM)
end)

describe("RANGE", function()
  it("whose lower bound is above its upper one is refused", function()
    for _, case in ipairs{
      { D.INTEGER, 5, 1 }, { D.BIGINT, big("9007199254740995"), big("9007199254740993") }, { D.DATEONLY, "2024-02-01", "2024-01-31" },
      { D.DECIMAL, "10", "9.5" }, { D.DECIMAL, "-1", "-1.01" }, { D.DECIMAL, "0.1", "-5" },
      { D.DATE, "2024-02-01T00:00:00Z", "2024-02-01T01:00:00+02:00" }, { D.INTEGER, bound(5, true), 4 },
    } do
      local value, rule = D.RANGE(case[1]).cast{ case[2], case[3] }
      assert.same({ nil, "must be a range whose lower bound is not above the upper one" }, { value, rule })
    end
    assert.is_nil((D.RANGE(D.BIGINT).cast{ bound(MAX, false), null }))
  end)
end)
