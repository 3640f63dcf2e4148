--- GeoJSON (RFC 7946) as Lua tables, checked and copied into its canonical form: type, coordinates or geometries, and crs
--- where it is not the column's. Called by types/geometry.

local check = require("rowan.base.check")
local json = require("rowan.types.json")
local null = require("rowan.base.null")

local geojson = {}

---The shapes; the place of each is its code in EWKB.
geojson.names = {
  "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
}

local RULE = "must be GeoJSON: { type = \"Point\", coordinates = { 1, 2 } } and the like"
local LENGTHS = "must be GeoJSON whose positions all have the same number of coordinates"
local LINE = "must be GeoJSON whose lines have two positions at least"
local RING = "must be GeoJSON whose rings have four positions at least and end where they begin"
local CRS = "must be GeoJSON whose crs, if any, is named as in \"EPSG:3857\""

-- A number that a double holds as it is.
local function is_coordinate(v)
  return type(v) == "number" and v - v == 0 and v + 0.0 == v
end

local function position(v, seen)
  local n = type(v) == "table" and check.sequence(v)
  if not n or n == 1 or n > 4 then return nil, RULE end
  local copy = {}
  for i = 1, n do
    if not is_coordinate(v[i]) then return nil, RULE end
    copy[i] = v[i]
  end
  if n == 0 then return json.array(copy) end
  if seen.dimensions and seen.dimensions ~= n then return nil, LENGTHS end
  seen.dimensions = n
  if seen.degrees and (math.abs(copy[1]) > 180 or math.abs(copy[2]) > 90) then
    return nil, "must be GeoJSON with longitudes from -180 to 180 and latitudes from -90 to 90"
  end
  return copy
end

local function list_of(read)
  return function(v, seen)
    local n = type(v) == "table" and check.sequence(v)
    if not n then return nil, RULE end
    local copy = {}
    for i = 1, n do
      local item, rule = read(v[i], seen)
      if not item then return nil, rule end
      copy[i] = item
    end
    return n == 0 and json.array(copy) or copy
  end
end

local positions = list_of(position)

local function line(v, seen)
  local copy, rule = positions(v, seen)
  if not copy then return nil, rule end
  for i = 1, #copy do
    if #copy[i] == 0 then return nil, RULE end
  end
  if #copy == 1 then return nil, LINE end
  return copy
end

local function ring(v, seen)
  local copy, rule = line(v, seen)
  if not copy then return nil, rule == LINE and RING or rule end
  local first, last = copy[1], copy[#copy]
  for i = 1, #copy >= 4 and #first or 0 do
    if first[i] ~= last[i] then return nil, RING end
  end
  if #copy < 4 then return nil, RING end
  return copy
end

local polygon = list_of(ring)

local COORDINATES = {
  Point = position, LineString = line, Polygon = polygon, MultiPoint = positions, MultiLineString = list_of(line),
  MultiPolygon = list_of(polygon),
}

-- The SRID of a crs: 0 for null, which says that there is none; nil where nothing is said, false for what is no crs.
local function srid_of(v)
  local given = v.crs
  if given == nil then return nil end
  if given == null then return 0 end
  local name = type(given) == "table" and given.type == "name" and type(given.properties) == "table"
    and given.properties.name
  if type(name) ~= "string" then return false end
  if name:find("^urn:ogc:def:crs:OGC:[%d.]*:CRS84$") or name == "OGC:CRS84" then return 4326 end
  local number = name:match("^EPSG:(%d+)$") or name:match("^urn:ogc:def:crs:EPSG:[%d.]*:(%d+)$")
  local srid = number and #number <= 6 and tonumber(number)
  return srid and srid > 0 and srid or false
end
geojson.srid_of = srid_of

---How a geometry says its SRID.
---@param srid integer 0 for none
---@return table|lightuserdata crs
function geojson.crs(srid)
  return srid == 0 and null or { type = "name", properties = { name = ("EPSG:%d"):format(srid) } }
end

local shape

local members = list_of(function(v, seen) return shape(v, seen) end)

-- One geometry without its crs.
function shape(v, seen)
  if type(v) ~= "table" then return nil, RULE end
  if v.type == "GeometryCollection" then
    local list, rule = members(v.geometries, seen)
    if not list then return nil, rule end
    return { type = v.type, geometries = list }
  end
  local read = COORDINATES[v.type]
  if not read then return nil, RULE end
  local srid = srid_of(v)
  if srid == false or srid and seen.srid and srid ~= seen.srid then return nil, CRS end
  local list, rule = read(v.coordinates, seen)
  if not list then return nil, rule end
  return { type = v.type, coordinates = list }
end

---The canonical form of GeoJSON, or nil and a rule. Further members of it (bbox, properties) are left out, as PostGIS does.
---@param v any
---@param degrees? boolean whether its coordinates are longitudes and latitudes
---@return table? canonical without crs
---@return string|integer|nil srid the rule; or what the crs says, nil for nothing
---@return integer? dimensions of its positions, nil when it has none
function geojson.read(v, degrees)
  if type(v) ~= "table" then return nil, RULE end
  local srid = srid_of(v)
  if srid == false then return nil, CRS end
  local seen = { degrees = degrees, srid = srid }
  local canonical, rule = shape(v, seen)
  if not canonical then return nil, rule end
  return canonical, srid, seen.dimensions
end

return geojson
