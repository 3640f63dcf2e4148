--- GEOMETRY and GEOGRAPHY of PostGIS: GeoJSON as Lua tables (RFC 7946). Written and read as hexadecimal EWKB.

local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local json = require("rowan.types.json")

local geometry = {}

local NAMES = {
  "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
}
local CODES = {}
for code, name in ipairs(NAMES) do CODES[name] = code end
-- How deep the coordinates of each are nested.
local DEPTH = { Point = 1, LineString = 2, MultiPoint = 2, Polygon = 3, MultiLineString = 3, MultiPolygon = 4 }
local RULE = "must be GeoJSON: { type = \"Point\", coordinates = { 1, 2 } } and the like"
-- What GeoJSON means when it says nothing, and PostGIS takes it to mean.
local WGS84 = 4326

local function numbers_in(list, depth)
  if type(list) ~= "table" then return false end
  for i = 1, #list do
    if depth > 1 then
      if not numbers_in(list[i], depth - 1) then return false end
    elseif type(list[i]) ~= "number" or list[i] - list[i] ~= 0 then
      return false
    end
  end
  return depth > 1 or (#list >= 2 and #list <= 4) or #list == 0
end

local function is_shape(v)
  if type(v) ~= "table" then return false end
  if v.type == "GeometryCollection" then
    if type(v.geometries) ~= "table" then return false end
    for _, one in ipairs(v.geometries) do
      if not is_shape(one) then return false end
    end
    return true
  end
  return DEPTH[v.type] ~= nil and numbers_in(v.coordinates, DEPTH[v.type])
end

local function srid_of(v)
  local properties = type(v.crs) == "table" and v.crs.properties
  local name = type(properties) == "table" and properties.name
  return type(name) == "string" and tonumber(name:match("(%d+)$")) or nil
end

local function crs(srid)
  return { type = "name", properties = { name = "EPSG:" .. srid } }
end

local function caster(options)
  local wanted, plain_srid = options.type, options.srid or WGS84
  return function(v)
    if not is_shape(v) then return nil, RULE end
    if wanted and v.type:upper() ~= wanted then return nil, ("must be GeoJSON of type %s"):format(wanted) end
    if srid_of(v) ~= plain_srid then return v end
    local plain = {}
    for key, value in next, v do
      if key ~= "crs" then plain[key] = value end
    end
    return plain
  end
end

-- IEEE 754, by arithmetic here and below: neither runtime's own way is there in the other.
local function double_hex(v)
  local sign = (v < 0 or 1 / v < 0) and 2 ^ 31 or 0
  v = math.abs(v)
  if v == 0 then return ("%08x%08x"):format(sign, 0) end
  local exponent = math.max(-1022, math.floor(math.log(v) / math.log(2)))
  if v >= 2.0 ^ (exponent + 1) then exponent = exponent + 1 end
  if v < 2.0 ^ exponent and exponent > -1022 then exponent = exponent - 1 end
  local fraction, biased = v / 2.0 ^ exponent * 2 ^ 52 - 2 ^ 52, exponent + 1023
  if fraction < 0 then fraction, biased = fraction + 2 ^ 52, 0 end
  local low = fraction % 2 ^ 32
  return ("%08x%08x"):format(sign + biased * 2 ^ 20 + (fraction - low) / 2 ^ 32, low)
end

local function count_hex(n) return ("%08x"):format(n) end

local function point_hex(list, dimensions)
  local parts = {}
  for i = 1, dimensions do parts[i] = list[i] and double_hex(list[i]) or "7ff8000000000000" end
  return table.concat(parts)
end

local function dimensions_of(v)
  if v.geometries then return v.geometries[1] and dimensions_of(v.geometries[1]) or 2 end
  local list = v.coordinates
  while type(list[1]) == "table" do list = list[1] end
  return math.max(2, #list)
end

local MEMBER = { MultiPoint = "Point", MultiLineString = "LineString", MultiPolygon = "Polygon" }

-- Big-endian EWKB.
local function shape_hex(v, srid)
  local dimensions = dimensions_of(v)
  local flags = (srid and 2 ^ 29 or 0) + (dimensions > 2 and 2 ^ 31 or 0) + (dimensions > 3 and 2 ^ 30 or 0)
  local parts = { "00", count_hex(CODES[v.type] + flags), srid and count_hex(srid) or "" }
  local function put(text) parts[#parts + 1] = text end
  local function points(list)
    put(count_hex(#list))
    for i = 1, #list do put(point_hex(list[i], dimensions)) end
  end
  if v.type == "Point" then
    put(point_hex(v.coordinates, dimensions))
  elseif v.type == "LineString" then
    points(v.coordinates)
  elseif v.type == "Polygon" then
    put(count_hex(#v.coordinates))
    for _, ring in ipairs(v.coordinates) do points(ring) end
  else
    local members = v.geometries or v.coordinates
    put(count_hex(#members))
    for _, one in ipairs(members) do
      put(shape_hex(v.geometries and one or { type = MEMBER[v.type], coordinates = one }))
    end
  end
  return table.concat(parts)
end

local function dumper(options)
  return function(v)
    return shape_hex(v, srid_of(v) or options.srid or WGS84)
  end
end

---@class rowan.EwkbReader
---@field bytes string
---@field at integer
---@field little boolean
local Reader = {}
Reader.__index = Reader

function Reader:number(count)
  local value, from = 0, self.at
  for i = 0, count - 1 do
    local byte = self.bytes:byte(self.little and from + count - 1 - i or from + i)
    if not byte then errors.raise("DatabaseError", { message = "the column holds bytes that are no geometry" }) end
    value = value * 256 + byte
  end
  self.at = from + count
  return value
end

function Reader:double()
  local low, high
  if self.little then
    low = self:number(4)
    high = self:number(4)
  else
    high = self:number(4)
    low = self:number(4)
  end
  local sign = high >= 2 ^ 31 and -1 or 1
  local exponent = math.floor(high / 2 ^ 20) % 2048
  local fraction = (high % 2 ^ 20) * 2 ^ 32 + low
  if exponent == 2047 then return fraction == 0 and sign * math.huge or 0 / 0 end
  if exponent == 0 then return sign * fraction * 2.0 ^ -1074 end
  return sign * (fraction + 2 ^ 52) * 2.0 ^ (exponent - 1075)
end

function Reader:list(read)
  local list = {}
  for i = 1, self:number(4) do list[i] = read(self) end
  return list
end

local function as_integer(v)
  return math.tointeger and math.tointeger(v) or v
end

-- `plain_srid`: the one that needs no mention.
local function shape(reader, plain_srid)
  reader.little = reader:number(1) == 1
  local word = reader:number(4)
  local has_z, has_m = word >= 2 ^ 31, math.floor(word / 2 ^ 30) % 2 == 1
  local srid = math.floor(word / 2 ^ 29) % 2 == 1 and reader:number(4) or nil
  local name = NAMES[word % 2 ^ 29]
  if not name then
    errors.raise("DatabaseError", { message = "the column holds a geometry that GeoJSON has no name for" })
  end
  local dimensions = 2 + (has_z and 1 or 0) + (has_m and 1 or 0)
  local function point(r)
    local list = {}
    for i = 1, dimensions do list[i] = as_integer(r:double()) end
    -- PostGIS writes the empty point as NaNs.
    return list[1] == list[1] and list or {}
  end
  local function points(r) return r:list(point) end
  local out = { type = name }
  if name == "GeometryCollection" then
    out.geometries = reader:list(function(r) return shape(r, plain_srid) end)
  elseif DEPTH[name] == 1 then
    out.coordinates = point(reader)
  elseif name == "LineString" then
    out.coordinates = points(reader)
  elseif name == "Polygon" then
    out.coordinates = reader:list(points)
  else
    out.coordinates = reader:list(function(r) return shape(r, plain_srid).coordinates end)
  end
  if srid and srid ~= 0 and srid ~= plain_srid then out.crs = crs(srid) end
  return out
end

local function loader(options)
  return function(text)
    local bytes = text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
    return shape(setmetatable({ bytes = bytes, at = 1 }, Reader), options.srid or WGS84)
  end
end

local function parse(fail, ...)
  local options = family.options(fail, { "type", "srid" }, ...)
  if options.type ~= nil then
    local upper = type(options.type) == "string" and options.type:upper()
    local found
    for _, name in ipairs(NAMES) do found = found or (name:upper() == upper and upper) end
    if not found then fail("wants the name of a shape first, such as \"POINT\"") end
    options.type = found
  end
  options.srid = family.whole(fail, "srid", options.srid, 0, 999999)
  return options
end

local function geometry_family(key)
  return {
    key = key, parse = parse,
    build = function(options)
      return {
        code = "s", shape = options.type, srid = options.srid, cast = caster(options), dump = dumper(options),
        load = loader(options), equal = json.equal,
      }
    end,
  }
end

geometry.GEOMETRY = family.define(geometry_family("GEOMETRY"))
geometry.GEOGRAPHY = family.define(geometry_family("GEOGRAPHY"))

return geometry
