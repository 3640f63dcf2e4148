--- Geometries in PostGIS's extended well-known binary, as hexadecimal text: written big-endian, read in both orders. Called by
--- types/geometry with GeoJSON that was checked.

local errors = require("rowan.base.errors")
local geojson = require("rowan.types.geojson")
local json = require("rowan.types.json")

local ewkb = {}

local NAMES, CODES = geojson.names, {}
for code, name in ipairs(NAMES) do CODES[name] = code end
-- Bits of the word that holds a shape's code.
local HAS_Z, HAS_M, HAS_SRID = 2 ^ 31, 2 ^ 30, 2 ^ 29

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

-- How many coordinates the first position has; nil when there is none.
local function dimensions_of(list)
  if type(list[1]) == "number" then return #list end
  for i = 1, #list do
    local inner = list[i]
    local found = dimensions_of(inner.geometries or inner.coordinates or inner)
    if found then return found end
  end
end

local MEMBER = { MultiPoint = "Point", MultiLineString = "LineString", MultiPolygon = "Polygon" }

local function shape_hex(v, srid, dimensions, flags)
  local parts = { "00", count_hex(CODES[v.type] + flags + (srid and HAS_SRID or 0)), srid and count_hex(srid) or "" }
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
      put(shape_hex(v.geometries and one or { type = MEMBER[v.type], coordinates = one }, nil, dimensions, flags))
    end
  end
  return table.concat(parts)
end

---@param v table canonical GeoJSON
---@param srid integer 0 for none
---@param dimensions integer of its positions, where it has none
---@param measured boolean whether a third coordinate is a measure
---@return string
function ewkb.write(v, srid, dimensions, measured)
  dimensions = dimensions_of(v.geometries or v.coordinates) or dimensions
  local flags = dimensions == 4 and HAS_Z + HAS_M or dimensions == 3 and (measured and HAS_M or HAS_Z) or 0
  return shape_hex(v, srid ~= 0 and srid or nil, dimensions, flags)
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
  return list[1] and list or json.array(list)
end

local function as_integer(v)
  return math.tointeger and math.tointeger(v) or v
end

local function point_reader(dimensions)
  return function(reader)
    local list = {}
    for i = 1, dimensions do list[i] = as_integer(reader:double()) end
    -- PostGIS writes the empty point as NaNs.
    return list[1] == list[1] and list or json.array()
  end
end

local shape

local READ = {
  Point = function(reader, point) return point(reader) end,
  LineString = function(reader, point) return reader:list(point) end,
  Polygon = function(reader, point)
    return reader:list(function(r) return r:list(point) end)
  end,
}

-- A shape and its SRID, 0 for none.
function shape(reader)
  reader.little = reader:number(1) == 1
  local word = reader:number(4)
  local has_z, has_m = word >= HAS_Z, math.floor(word / HAS_M) % 2 == 1
  local srid = math.floor(word / HAS_SRID) % 2 == 1 and reader:number(4) or 0
  local name = NAMES[word % HAS_SRID]
  if not name then
    errors.raise("DatabaseError", {
      message = "the column holds a geometry that GeoJSON has no name for; ST_CurveToLine and ST_Force2D may give one",
    })
  end
  local point = point_reader(2 + (has_z and 1 or 0) + (has_m and 1 or 0))
  if name == "GeometryCollection" then
    return { type = name, geometries = reader:list(function(r) return (shape(r)) end) }, srid
  end
  local read = READ[name]
  local coordinates = read and read(reader, point) or reader:list(function(r) return shape(r).coordinates end)
  return { type = name, coordinates = coordinates }, srid
end

---@param text string
---@return table geometry as GeoJSON, without crs
---@return integer srid 0 for none
function ewkb.read(text)
  local bytes = text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  return shape(setmetatable({ bytes = bytes, at = 1 }, Reader))
end

return ewkb
