-- Types whose values have a form of their own: addresses, lengths of time, ranges, geometries, and the user's own.
local errors = require "rowan.base.errors"
local null = require "rowan.base.null"
local types = require "rowan.types"

local T = types.DataTypes

local function cast(type_of, value)
  local canonical, rule = type_of.cast(value)
  return canonical, rule
end

describe("addresses", function()
  it("become the form that PostgreSQL writes", function()
    for given, wanted in pairs{
      ["10.0.0.1"] = "10.0.0.1", ["10.0.0.1/32"] = "10.0.0.1", ["10.0.0.1/8"] = "10.0.0.1/8", ["::"] = "::",
      ["2001:DB8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1", ["0:0:0:0:0:0:0:1"] = "::1", ["1::/64"] = "1::/64",
      ["::ffff:1.2.3.4"] = "::ffff:102:304", ["1:2:3:4:5:6:7:8"] = "1:2:3:4:5:6:7:8", ["1:0:0:2:0:0:0:3"] = "1:0:0:2::3",
    } do assert.equal(wanted, cast(T.INET, given)) end
    assert.equal("10.0.0.0/8", cast(T.CIDR, "10.0.0.0/8"))
    assert.equal("10.0.0.1/32", cast(T.CIDR, "10.0.0.1"))
    assert.equal("08:00:2b:01:02:03", cast(T.MACADDR, "0800.2B01.0203"))
    assert.equal("08:00:2b:01:02:03:04:05", cast(T.MACADDR8, "08-00-2b-01-02-03-04-05"))
  end)

  it("are refused when they are none", function()
    for _, value in ipairs{ "", "1.2.3", "256.1.1.1", "1.2.3.4/33", "1:2:3", "::1::", "12345::", "g::", 5, true } do
      assert.is_nil((cast(T.INET, value)), tostring(value))
    end
    assert.truthy(select(2, cast(T.CIDR, "10.0.0.1/8")):find("to the right of its mask", 1, true))
    assert.is_nil((cast(T.MACADDR, "08:00:2b:01:02")))
  end)
end)

describe("INTERVAL", function()
  it("is ISO 8601, from text or a table", function()
    for _, case in ipairs{
      { "P1Y14M", "P2Y2M" }, { "P2W", "P14D" }, { "PT90M", "PT1H30M" }, { "PT0.5S", "PT0.5S" }, { "PT-0.5S", "PT-0.5S" },
      { { days = 1, hours = 26 }, "P1DT26H" }, { { seconds = -61.25 }, "PT-1M-1.25S" }, { { days = 0 }, "PT0S" },
    } do assert.equal(case[2], (cast(T.INTERVAL, case[1]))) end
    for _, value in ipairs{ "1 day", "P", "PT", "P1S", {}, { dayz = 1 }, { months = 0.5 }, 5 } do
      assert.is_nil((cast(T.INTERVAL, value)), tostring(value))
    end
  end)

  it("reads what PostgreSQL writes, in each of its styles", function()
    for text, wanted in pairs{
      ["@ 1 year 2 mons -3 days -4 hours -5 mins -6.7 secs ago"] = "P-1Y-2M3DT4H5M6.7S", ["@ 0"] = "PT0S", ["0"] = "PT0S",
      ["@ 2 days"] = "P2D", ["1-2"] = "P1Y2M", ["-1-2"] = "P-1Y-2M", ["-3 4:05:06"] = "P-3DT-4H-5M-6S", ["4:05:06.7"] = "PT4H5M6.7S",
      ["+1-2 -3 +4:05:06"] = "P1Y2M-3DT4H5M6S", infinity = "infinity", ["-00:00:00.000001"] = "PT-0.000001S",
      ["00:00:00"] = "PT0S", ["1 year 2 mons -3 days +04:05:06.7"] = "P1Y2M-3DT4H5M6.7S", ["-00:00:00.5"] = "PT-0.5S",
      ["2 days"] = "P2D", P1DT2H = "P1DT2H", ["-1 years -2 mons"] = "P-1Y-2M", ["100:00:00"] = "PT100H",
    } do assert.equal(wanted, T.INTERVAL.load(text)) end
  end)
end)

describe("RANGE", function()
  it("takes two values or two bounds, and makes ranges of whole numbers and days begin closed and end open", function()
    local r = T.RANGE(T.INTEGER)
    assert.same({ { value = 1, inclusive = true }, { value = 10, inclusive = false } }, (cast(r, { 1, 10 })))
    assert.same({ { value = 2, inclusive = true }, { value = 11, inclusive = false } },
      (cast(r, { { value = 1, inclusive = false }, { value = 10, inclusive = true } })))
    assert.same({ { value = null, inclusive = false }, { value = 5, inclusive = false } }, (cast(r, { null, 5 })))
    assert.same({}, (cast(r, {})))
    assert.equal("2024-03-01", cast(T.RANGE(T.DATEONLY),
      { { value = "2024-02-29", inclusive = false }, null })[1].value)
    assert.equal("2025-01-01", cast(T.RANGE(T.DATEONLY), { null, { value = "2024-12-31", inclusive = true } })[2].value)
    assert.is_true(cast(T.RANGE(T.DECIMAL), { "1.5", { value = "2", inclusive = true } })[2].inclusive)
  end)

  it("refuses what is none, and bounds of another type", function()
    local r = T.RANGE(T.INTEGER)
    for _, value in ipairs{ { 1 }, { 1, 2, 3 }, { "a", 2 }, { 1, { valeu = 2 } }, 5 } do
      assert.is_nil((cast(r, value)))
    end
    assert.is_false(pcall(T.RANGE, T.STRING))
  end)

  it("goes to text and back", function()
    local r = T.RANGE(T.DATE)
    local value = cast(r, { "2024-01-01T00:00:00Z", { value = "2024-02-01T00:00:00.5Z", inclusive = true } })
    assert.same(value, r.load(r.dump(value)))
    assert.is_true(r.equal(value, r.load('["2024-01-01 00:00:00+00","2024-02-01 00:00:00.5+00"]')))
    assert.same({}, r.load("empty"))
  end)
end)

describe("GEOMETRY", function()
  it("goes to EWKB and back, to the last bit", function()
    local point = { 1.1, -2.5e-300 }
    for _, value in ipairs{
      { type = "Point", coordinates = point }, { type = "Point", coordinates = { 1, 2, 3 } }, { type = "Point", coordinates = {} },
      { type = "LineString", coordinates = { { 0, 0.1 }, { 2 ^ 60 + 0.0, 4.9e-324 } } },
      { type = "Polygon", coordinates = { { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } } } },
      { type = "MultiPoint", coordinates = { { 1, 2 }, { 3, 4 } } },
      { type = "MultiPolygon", coordinates = { { { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } } } } },
      { type = "GeometryCollection", geometries = { { type = "Point", coordinates = { 1, 2 } } } },
      { type = "Point", coordinates = { 1, 2 }, crs = { type = "name", properties = { name = "EPSG:3857" } } },
    } do
      assert.is_true(T.GEOMETRY.equal(value, T.GEOMETRY.load(T.GEOMETRY.dump((cast(T.GEOMETRY, value))))))
    end
    -- Little-endian, as PostGIS on most machines writes it.
    assert.same({ 1.5, -2 }, T.GEOMETRY.load("0101000020E6100000000000000000F83F00000000000000C0").coordinates)
  end)

  it("is refused when it is no GeoJSON, or another shape than the column's", function()
    for _, value in ipairs{ {}, { type = "Point" }, { type = "Pont", coordinates = { 1, 2 } },
      { type = "Point", coordinates = { 1, "2" } }, { type = "Point", coordinates = { 1, 0 / 0 } } } do
      assert.is_nil((cast(T.GEOMETRY, value)))
    end
    assert.is_nil((cast(T.GEOMETRY("POINT"), { type = "LineString", coordinates = { { 1, 2 }, { 3, 4 } } })))
  end)
end)

describe("a type of one's own", function()
  it("is cast, dumped and loaded by its functions, and checked by the type it is stored as", function()
    local Cents = T.custom("Cents", {
      type = T.INTEGER, cast = function(v) return type(v) == "number" and v or nil end,
      dump = function(v) return v * 100 end, load = function(v) return v / 100 end,
    })
    assert.same({ nil, "must be a Cents" }, { cast(Cents, "1") })
    assert.equal(150, Cents.dump(1.5))
    assert.equal(1.5, Cents.load(150))
    assert.same({ nil, "must be an integer" }, { Cents.dump(0.001) })
    local Slug = T.custom("Slug", { type = T.STRING(3), cast = function(v) return v:lower() end })
    assert.equal("abc", cast(Slug, "ABC"))
    assert.truthy(select(2, cast(Slug, "abcd")):find("at most 3", 1, true))
  end)

  it("is refused when it is half of one", function()
    for _, options in ipairs{ {}, { type = T.STRING }, { type = T.STRING, dump = print }, { type = "x", cast = print } } do
      local ok, err = pcall(T.custom, "Mine", options)
      assert.is_false(ok)
      assert.is_true(errors.is(err, "DefinitionError"))
    end
  end)
end)
