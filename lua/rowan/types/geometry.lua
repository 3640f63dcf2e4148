--- GEOMETRY and GEOGRAPHY of PostGIS: GeoJSON as Lua tables (types/geojson), written and read as hexadecimal EWKB (types/ewkb).

local ewkb = require("rowan.types.ewkb")
local family = require("rowan.types.family")
local geojson = require("rowan.types.geojson")
local json = require("rowan.types.json")

local geometry = {}

-- What GeoJSON means when it says nothing, and PostGIS takes it to mean.
local WGS84 = 4326

-- What a column of some shape or SRID wants of positions; one that says neither takes all.
local function wanted_dimensions(options)
  local marks = options.marks or ""
  return (options.type or options.srid) and 2 + #marks or nil
end

local function caster(options, degrees)
  local name, plain_srid, dimensions = options.name, options.srid or WGS84, wanted_dimensions(options)
  return function(v)
    local canonical, srid, found = geojson.read(v, degrees)
    if not canonical then return nil, srid end
    if name and canonical.type:upper() ~= name then return nil, ("must be GeoJSON of type %s"):format(name) end
    if dimensions and found and found ~= dimensions then
      return nil, ("must be GeoJSON whose positions have %d coordinates, as the column's"):format(dimensions)
    end
    if srid == nil or srid == plain_srid or srid == 0 and (degrees or options.srid) then return canonical end
    if options.srid and options.srid ~= 0 then
      return nil, ("must be GeoJSON in EPSG:%d, as the column is"):format(options.srid)
    end
    canonical.crs = geojson.crs(srid)
    return canonical
  end
end

local function dumper(options)
  local dimensions, measured = wanted_dimensions(options), options.marks == "M"
  return function(v)
    return ewkb.write(v, geojson.srid_of(v) or options.srid or WGS84, dimensions or 2, measured)
  end
end

local function loader(options)
  local plain_srid = options.srid or WGS84
  return function(text)
    local value, srid = ewkb.read(text)
    if srid ~= plain_srid then value.crs = geojson.crs(srid) end
    return value
  end
end

-- "POINT", "Point", "POINTZ", "GEOMETRYZM": the shape that a column holds, and what its positions have beside x and y.
local function parse_shape(fail, options)
  local given = options.type
  if given == nil then return end
  local text = type(given) == "string" and given:upper():gsub("%s", "") or ""
  local name, marks = text:match("^(.-)(Z?M?)$")
  local known = name == "GEOMETRY"
  for _, shape in ipairs(geojson.names) do known = known or shape:upper() == name end
  if not known then fail("wants the name of a shape first, such as \"POINT\" or \"POINTZ\"") end
  options.type = text ~= "GEOMETRY" and text or nil
  options.name, options.marks = name ~= "GEOMETRY" and name or nil, marks
end

local function parse(fail, ...)
  local options = family.options(fail, { "type", "srid" }, ...)
  parse_shape(fail, options)
  options.srid = family.whole(fail, "srid", options.srid, 0, 999999)
  return options
end

local function geometry_family(key)
  return {
    key = key, parse = parse,
    build = function(options)
      local cast = caster(options, key == "GEOGRAPHY")
      return {
        code = "s", shape = options.type, srid = options.srid, delimiter = ":", keyed = true,
        cast = cast, dump = dumper(options), load = loader(options),
        -- One of them may be as the program gave it.
        equal = function(a, b) return json.equal(a, b) or json.equal(cast(a) or a, cast(b) or b) end,
      }
    end,
  }
end

geometry.GEOMETRY = family.define(geometry_family("GEOMETRY"))
geometry.GEOGRAPHY = family.define(geometry_family("GEOGRAPHY"))

return geometry
