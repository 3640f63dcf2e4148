-- GEOMETRY and GEOGRAPHY through PostGIS; where the server has no PostGIS, each test says so by name.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

local function point(...) return { type = "Point", coordinates = { ... } } end
local function crs(name) return { type = "name", properties = { name = name } } end
local function with_crs(shape, name)
  return { type = shape.type, coordinates = shape.coordinates, crs = name == rowan.null and name or crs(name) }
end

local SQUARE = { { 0, 0 }, { 0, 10 }, { 10, 10 }, { 10, 0 }, { 0, 0 } }
local HOLE = { { 1, 1 }, { 1, 2 }, { 2, 2 }, { 1, 1 } }
local SHAPES = {
  Point = { point(1, 2), point(39.807222, -76.984722), point(), point(-0.0, 4.9e-324) },
  LineString = { { { 100, 0 }, { 101, 1 } }, {} },
  Polygon = { { SQUARE }, { SQUARE, HOLE }, {} },
  MultiPoint = { { { 100, 0 }, { 101, 1 } }, {}, { {}, { 1, 2 } } },
  MultiLineString = { { { { 100, 0 }, { 101, 1 } }, { { 102, 2 }, { 103, 3 } } }, {} },
  MultiPolygon = { { { SQUARE, HOLE }, { SQUARE } }, {} },
}
for name, list in pairs(SHAPES) do
  for i, one in ipairs(list) do list[i] = one.type and one or { type = name, coordinates = one } end
end
SHAPES.GeometryCollection = {
  { type = "GeometryCollection", geometries = {
    point(1, 2), SHAPES.LineString[1], { type = "GeometryCollection", geometries = { SHAPES.Polygon[2] } },
  } },
  { type = "GeometryCollection", geometries = {} },
}

helper.on("postgres", function(_, connect)
  local db

  -- A test of PostGIS with a database that has it.
  local function geo(name, test)
    it(name, function()
      db = connect{ extensions = true }
      local found = db:query("SELECT 1 AS one FROM pg_available_extensions WHERE name = 'postgis'")
      if #found == 0 then return pending("needs PostGIS on the server") end
      test()
    end)
  end

  local function define(attributes)
    local Place = db:define("Place", attributes, { timestamps = false })
    db:sync()
    return Place
  end

  local function refusal(type_of, value)
    local ok, err = pcall(db.models.Place.create, db.models.Place, { [type_of] = value })
    return not ok and err.name == "ValidationError" and err.message:match("^Place%.%w+ (.*)$")
  end

  describe("GEOMETRY", function()
    for name, list in pairs(SHAPES) do
      geo("holds every " .. name, function()
        local Place = define{ any = DataTypes.GEOMETRY, typed = DataTypes.GEOMETRY(name), geo = DataTypes.GEOGRAPHY(name, 4326) }
        assert.same({}, db:sync{ alter = true, dryRun = true })
        for i, shape in ipairs(list) do
          local made = Place:create{ any = shape, typed = shape, geo = shape }
          local read = Place:findByPk(made.id)
          for _, row in ipairs{ made, read } do
            assert.same({ id = i, any = shape, typed = shape, geo = shape }, row:toJSON())
            assert.is_false(row:changed())
          end
          assert.equal(i, Place:findOne{ where = { any = shape, typed = shape } }.id)
        end
        local first = Place:findByPk(1)
        Place:update({ any = list[2], geo = list[2] }, { where = { id = 1 } })
        assert.same({ list[2], list[1], list[2] }, { first:reload().any, first.typed, first.geo })
      end)
    end

    geo("sees a change inside", function()
      local Place = define{ at = DataTypes.GEOMETRY("POINT") }
      local place = Place:findByPk(Place:create{ at = point(1, 2) }.id)
      place.at = with_crs(point(1, 2), "EPSG:4326")
      assert.is_false(place:changed())
      place.at.coordinates[2] = 3
      assert.same({ "at" }, place:changed())
      place:save()
      assert.same(point(1, 3), place:reload().at)
      place:update{ at = rowan.null }
      assert.is_nil(place:reload().at)
    end)

    geo("names its coordinate system where it is not the column's", function()
      local Place = define{ any = DataTypes.GEOMETRY, web = DataTypes.GEOMETRY("POINT", 3857), none = DataTypes.GEOMETRY("POINT", 0) }
      local web = with_crs(point(1, 2), "EPSG:3857")
      local row = Place:create{ any = web, web = web, none = point(1, 2) }:reload()
      assert.same({ web, point(1, 2), point(1, 2) }, { row.any, row.web, row.none })
      for given, wanted in pairs{
        ["EPSG:4326"] = point(1, 2), ["urn:ogc:def:crs:OGC:1.3:CRS84"] = point(1, 2), ["urn:ogc:def:crs:EPSG::3857"] = web,
        [rowan.null] = with_crs(point(1, 2), rowan.null),
      } do
        local made = Place:create{ any = with_crs(point(1, 2), given) }
        assert.same(wanted, made.any)
        assert.same(wanted, made:reload().any)
      end
      assert.equal(2, Place:count{ where = { any = web } })
      local srids = db:query('SELECT DISTINCT ST_SRID("any") AS srid FROM "Places" ORDER BY 1')
      assert.same({ { srid = 0 }, { srid = 3857 }, { srid = 4326 } }, srids)
      assert.equal("must be GeoJSON in EPSG:3857, as the column is", refusal("web", with_crs(point(1, 2), "EPSG:4326")))
      for _, wrong in ipairs{ { type = "link" }, crs("EPSG:"), crs("EPSG:x"), crs("EPSG:0"), "EPSG:4326", crs(5) } do
        local value = point(1, 2)
        value.crs = wrong
        assert.equal('must be GeoJSON whose crs, if any, is named as in "EPSG:3857"', refusal("any", value))
      end
    end)

    geo("has heights and measures where the column does", function()
      local Place = define{
        any = DataTypes.GEOMETRY, z = DataTypes.GEOMETRY("PointZ"), m = DataTypes.GEOMETRY("POINTM", 4326),
        zm = DataTypes.GEOMETRY("LINESTRING ZM"), all = DataTypes.GEOMETRY("GEOMETRYZ"),
      }
      assert.same({}, db:sync{ alter = true, dryRun = true })
      local line = { type = "LineString", coordinates = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } } }
      local made = Place:create{ any = point(1, 2, 3), z = point(1, 2, 3), m = point(1, 2, 3), zm = line, all = point(1, 2, 3) }
      assert.same(made:toJSON(), Place:findByPk(made.id):toJSON())
      local text = db:query('SELECT ST_AsText("any") AS a, ST_AsText(z) AS z, ST_AsText(m) AS m, ST_AsText(zm) AS zm FROM "Places"')[1]
      assert.same({ a = "POINT Z (1 2 3)", z = "POINT Z (1 2 3)", m = "POINT M (1 2 3)", zm = "LINESTRING ZM (1 2 3 4,5 6 7 8)" }, text)
      assert.same(point(), Place:create{ z = point() }:reload().z)
      assert.equal("must be GeoJSON whose positions have 3 coordinates, as the column's", refusal("z", point(1, 2)))
      local mixed = "must be GeoJSON whose positions all have the same number of coordinates"
      assert.equal(mixed, refusal("any", { type = "MultiPoint", coordinates = { { 1, 2 }, { 1, 2, 3 } } }))
      assert.equal(mixed, refusal("any", { type = "GeometryCollection", geometries = { point(1, 2), point(1, 2, 3) } }))
    end)

    geo("is refused when it is no GeoJSON", function()
      define{ any = DataTypes.GEOMETRY, line = DataTypes.GEOMETRY("LINESTRING") }
      for _, value in ipairs{
        "POINT(1 2)", 5, {}, { type = "Point" }, { type = "point", coordinates = { 1, 2 } }, point(1), point(1, 2, 3, 4, 5),
        point(1, "2); DELETE"), point("'); DELETE", 0), point(1, 0 / 0), point(1, math.huge), point(1, rowan.null), point{ 1, 2 },
        { type = "Point", coordinates = { x = 1, y = 2 } }, { type = "LineString", coordinates = { { 1, 2 }, {} } },
        { type = "GeometryCollection", coordinates = { 1, 2 } }, { type = "GeometryCollection", geometries = { { 1, 2 } } },
        { type = "Feature", geometry = point(1, 2) }, { type = "Polygon", coordinates = { { "'); DELETE", 0 } } },
      } do
        assert.equal('must be GeoJSON: { type = "Point", coordinates = { 1, 2 } } and the like', refusal("any", value))
      end
      assert.equal("must be GeoJSON of type LINESTRING", refusal("line", point(1, 2)))
      assert.equal("must be GeoJSON whose lines have two positions at least",
        refusal("any", { type = "LineString", coordinates = { { 1, 2 } } }))
      for _, ring in ipairs{ { { 0, 0 }, { 0, 1 }, { 0, 0 } }, { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 0, 2 } }, { { 0, 0 } } } do
        assert.equal("must be GeoJSON whose rings have four positions at least and end where they begin",
          refusal("any", { type = "Polygon", coordinates = { ring } }))
      end
      if math.type then assert.truthy(refusal("any", point(9007199254740993, 0))) end
    end)

    geo("leaves out what is no part of a geometry, and never runs it", function()
      local Place = define{ any = DataTypes.GEOMETRY }
      local given = point(0, 0)
      given.properties, given.bbox = { exploit = "'); DELETE YOLO INJECTIONS; -- " }, { 0, 0, 0, 0 }
      local made = Place:create{ any = given }
      assert.same(point(0, 0), made.any)
      assert.same(point(0, 0), made:reload().any)
      assert.truthy(given.bbox)
    end)

    geo("is found by functions of PostGIS, which take GeoJSON", function()
      local Place = define{ at = DataTypes.GEOMETRY("POINT"), area = DataTypes.GEOMETRY("POLYGON") }
      Place:bulkCreate{ { at = point(0, 0) }, { at = point(3, 4) }, { at = point(20, 20) }, {} }
      local area = rowan.cast({ type = "Polygon", coordinates = { SQUARE } }, DataTypes.GEOMETRY)
      local inside = rowan.fn("ST_Intersects", rowan.col("at"), area)
      assert.same({ 1, 2 }, Place:pluck("id", { where = inside, order = "id" }))
      local origin = rowan.cast(point(0, 0), DataTypes.GEOMETRY)
      local distance = rowan.fn("ST_Distance", rowan.col("at"), origin)
      assert.same({ 3, 2, 1 }, Place:pluck("id", { where = { at = { [Op.ne] = rowan.null } }, order = { { distance, "DESC" } } }))
      assert.equal(1, Place:count{ where = rowan.where(distance, Op.between, { 1, 5 }) })
      local far = Place:findOne{ attributes = { { distance, "d" }, { rowan.cast(rowan.fn("ST_Reverse", rowan.col("at")),
        DataTypes.GEOMETRY), "same" } }, where = { id = 2 } }
      assert.same({ 5, point(3, 4) }, { far.d, far.same })
      assert.same({ 1, 3 }, Place:pluck("id", { where = { at = { point(20, 20), point(0, 0) } }, order = "id" }))
      assert.equal(2, Place:count{ where = { at = { [Op.notIn] = { point(0, 0) } } } })
      local made = Place:create{ at = rowan.fn("ST_MakePoint", 5, 6) }
      assert.same(with_crs(point(5, 6), rowan.null), made.at)
      local err = helper.error_of(function() Place:count{ where = { at = { [Op.overlap] = point(0, 0) } } } end)
      assert.equal("QueryError", err.name)
    end)

    geo("goes through lists, bulk writes, COPY and streams", function()
      local Place = define{ at = DataTypes.GEOMETRY("POINT"), route = DataTypes.ARRAY(DataTypes.GEOMETRY("POINT")),
        grid = DataTypes.ARRAY(DataTypes.ARRAY(DataTypes.GEOGRAPHY)) }
      local route, grid = { point(1, 2), rowan.null, point(3, 4) }, { { point(1, 2), point(3, 4) }, { point(5, 6), point(7, 8) } }
      local function row(id) return { id = id, at = point(id, 0.5), route = route, grid = grid } end
      Place:bulkCreate{ row(1), row(2) }
      Place:copy{ row(3), row(4), { id = 5, route = {} } }
      assert.same({ { id = 5, route = {} }, row(4), row(3), row(2), row(1) }, Place:findAll{ order = { { "id", "DESC" } }, raw = true })
      local ids = {}
      for place in Place:stream{ where = { route = { [Op.contains] = { point(3, 4) } } }, order = "id" } do
        assert.same(row(place.id), place:toJSON())
        ids[#ids + 1] = place.id
      end
      assert.same({ 1, 2, 3, 4 }, ids)
      Place:bulkUpdate{ { id = 1, at = point(9, 9), route = { point(9, 9) } }, { id = 2, at = rowan.null, route = route } }
      assert.same({ point(9, 9), { point(9, 9) } }, { Place:findByPk(1).at, Place:findByPk(1).route })
      Place:upsert{ id = 2, at = point(8, 8) }
      local count, rows = Place:update({ route = { rowan.null } }, { where = { at = point(8, 8) }, returning = true })
      assert.same({ 1, { id = 2, at = point(8, 8), route = { rowan.null }, grid = grid } }, { count, rows[1]:toJSON() })
    end)

    geo("has defaults, indexes and a description", function()
      local Place = db:define("Place", {
        at = { type = DataTypes.GEOMETRY("POINT", 4326), defaultValue = point(1, 2), allowNull = false },
      }, { timestamps = false, indexes = { { fields = { "at" }, using = "gist" } } })
      db:sync()
      db:query('INSERT INTO "Places" DEFAULT VALUES')
      assert.same({ point(1, 2), point(1, 2) }, { Place:findOne().at, Place:create{}.at })
      assert.equal("GEOMETRY(POINT,4326)", db:queryInterface():describeTable("Places").at.type)
      assert.same({}, db:sync{ alter = true, dryRun = true })
    end)

    geo("of curves is an error when it is read", function()
      local Place = define{ any = DataTypes.GEOMETRY }
      db:query([[INSERT INTO "Places" ("any") VALUES (ST_GeomFromText('CIRCULARSTRING(0 0,1 1,2 0)'))]])
      local err = helper.error_of(function() Place:findOne() end)
      assert.truthy(err.message:find("a geometry that GeoJSON has no name for", 1, true))
    end)
  end)

  describe("GEOGRAPHY", function()
    geo("wants longitudes and latitudes, which PostGIS would change", function()
      local Place = define{ at = DataTypes.GEOGRAPHY("POINT", 4326), any = DataTypes.GEOGRAPHY }
      local range = "must be GeoJSON with longitudes from -180 to 180 and latitudes from -90 to 90"
      assert.equal(range, refusal("at", point(181, 0)))
      assert.equal(range, refusal("any", { type = "LineString", coordinates = { { 0, 0 }, { 0, -90.5 } } }))
      local made = Place:create{ at = with_crs(point(-180, 90), "EPSG:4326"), any = point(1, 2, 3) }
      assert.same(made:toJSON(), Place:findByPk(made.id):toJSON())
      local near = rowan.fn("ST_DWithin", rowan.col("any"), rowan.cast(point(1, 2.001), DataTypes.GEOGRAPHY), 200)
      assert.equal(1, Place:count{ where = near })
    end)
  end)
end)

describe("GEOMETRY", function()
  it("is refused with a shape or an SRID that there is none of", function()
    for _, arguments in ipairs{ { "CIRCLE" }, { "POINTX" }, { 5 }, { "POINT", -1 }, { "POINT", 1.5 }, { { shape = "POINT" } } } do
      assert.is_false(pcall(DataTypes.GEOMETRY, (table.unpack or unpack)(arguments)))
    end
    assert.equal("DataTypes.GEOMETRY(POINTZ, 3857)", tostring(DataTypes.GEOMETRY("Point Z", 3857)))
  end)
end)
