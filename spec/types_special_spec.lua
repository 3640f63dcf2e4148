-- Types beside the plain ones, through a database: written, read, found, changed, in lists.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

local function round_trip(db, attributes, values)
  local Thing = db:define("Thing", attributes, { timestamps = false })
  db:sync()
  local made = Thing:create(values)
  local read = Thing:findByPk(made.id)
  assert.same(made:toJSON(), read:toJSON())
  assert.is_false(read:changed())
  assert.is_false(made:changed())
  for name in pairs(values) do
    assert.equal(1, Thing:count{ where = { [name] = made[name] } }, name)
  end
  local rows = Thing:bulkCreate{ values, {} , values }
  local expected = made:toJSON()
  expected.id = rows[3].id
  assert.same(expected, Thing:findByPk(rows[3].id):toJSON())
  assert.same({ id = rows[2].id }, Thing:findByPk(rows[2].id):toJSON())
  return Thing, read
end

helper.each(function(dialect, connect)
  local db
  before_each(function() db = connect(dialect == "postgres" and { extensions = true } or nil) end)

  local function extension(name)
    local found = db:query("SELECT 1 AS one FROM pg_available_extensions WHERE name = :name", { replacements = { name = name } })
    return #found > 0
  end

  describe("types with a form of their own", function()
    it("come back as they were written", function()
      local Money = DataTypes.custom("Money", {
        type = DataTypes.INTEGER, cast = function(v) return type(v) == "number" and v or nil, "must be an amount" end,
        dump = function(v) return math.floor(v * 100 + 0.5) end, load = function(cents) return cents / 100 end,
      })
      local Thing, read = round_trip(db, {
        ci = DataTypes.CITEXT, ip = DataTypes.INET, net = DataTypes.CIDR, mac = DataTypes.MACADDR, mac8 = DataTypes.MACADDR8,
        length = DataTypes.INTERVAL, level = DataTypes.ENUM{ values = { "low", "high" }, check = true }, price = Money,
      }, {
        ci = "Hello", ip = "2001:db8::1/64", net = "10.0.0.0/8", mac = "08:00:2b:01:02:03", mac8 = "08:00:2b:01:02:03:04:05",
        length = { months = 14, days = 40, hours = -3, seconds = 1.5 }, level = "high", price = 12.34,
      })
      assert.equal(3, Thing:count{ where = { ci = "hELLO" } })
      assert.equal(3, Thing:count{ where = { price = { 12.34, 1 } } })
      read.price = 99.99
      assert.same({ "price" }, read:changed())
      read:save()
      assert.equal(99.99, read:reload().price)
      local err = helper.error_of(function() Thing:create{ price = "much" } end)
      assert.equal("Thing.price must be an amount", err.errors[1].message)
    end)

    if dialect == "postgres" then
      it("hold ranges, hstores and lists of them", function()
        local Thing = round_trip(db, {
          r = DataTypes.RANGE(DataTypes.INTEGER), rb = DataTypes.RANGE(DataTypes.BIGINT),
          rn = DataTypes.RANGE(DataTypes.DECIMAL(10, 2)), rt = DataTypes.RANGE(DataTypes.DATE),
          rd = DataTypes.RANGE(DataTypes.DATEONLY), h = DataTypes.HSTORE, hs = DataTypes.ARRAY(DataTypes.HSTORE),
          rs = DataTypes.ARRAY(DataTypes.RANGE(DataTypes.INTEGER)), ips = DataTypes.ARRAY(DataTypes.INET),
          tv = DataTypes.TSVECTOR,
        }, {
          r = { 1, 10 }, rb = { rowan.null, 5 }, rn = { "1.5", { value = "2.25", inclusive = true } },
          rt = { "2024-01-01T00:00:00Z", rowan.null }, rd = { { value = "2024-02-28", inclusive = false }, "2024-12-31" },
          h = { a = "1", ["b\"\\x"] = rowan.null, c = 'q,"=>' }, hs = { { a = "1" }, { b = rowan.null } },
          rs = { { 1, 2 }, {} }, ips = { "1.2.3.4", "::1", rowan.null }, tv = "'a':1 'b'",
        })
        local empty = Thing:create{ r = {} }
        assert.same({}, empty:reload().r)
      end)

      it("hold geometries where PostGIS is installed", function()
        if not extension("postgis") then return pending("needs PostGIS") end
        round_trip(db, {
          g = DataTypes.GEOMETRY, p = DataTypes.GEOMETRY("POINT", 4326), geo = DataTypes.GEOGRAPHY,
          far = DataTypes.GEOMETRY("POINT", 3857),
        }, {
          g = { type = "MultiPolygon", coordinates = { { { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } } } } },
          p = { type = "Point", coordinates = { 1.5, -2 } }, far = { type = "Point", coordinates = { 1, 2 } },
          geo = { type = "LineString", coordinates = { { 1, 2 }, { 3, 4.125 } } },
        })
      end)
    else
      it("are refused by name where the database has none", function()
        for _, type_of in ipairs{ DataTypes.RANGE(DataTypes.INTEGER), DataTypes.HSTORE, DataTypes.GEOMETRY, DataTypes.TSVECTOR } do
          local err = helper.error_of(function() db:define("Thing", { x = type_of }) end)
          assert.equal("DefinitionError", err.name)
          assert.truthy(err.message:find(type_of.key .. " is not there on SQLite", 1, true))
        end
      end)
    end
  end)
end)
