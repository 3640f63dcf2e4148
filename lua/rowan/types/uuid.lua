--- UUID, and the default values UUIDV1, UUIDV4 and UUIDV7 (RFC 9562).

local clock = require("rowan.types.clock")
local family = require("rowan.types.family")
local values = require("rowan.driver.values")

local uuid = {}

local canonical = values.uuid

local function uuid_cast(version)
  local rule = version and "must be a UUID of version " .. version or "must be a UUID"
  return function(v)
    local text = type(v) == "string" and canonical(v)
    if not text or version and text:sub(15, 15) ~= version then return nil, rule end
    return text
  end
end

uuid.UUID = family.define({
  key = "UUID",
  flags = { V1 = { version = "1" }, V4 = { version = "4" }, V7 = { version = "7" } },
  build = function(options)
    return {
      code = "u", version = options.version, cast = uuid_cast(options.version),
      plain = not options.version and { kind = "uuid" } or nil,
    }
  end,
})

local FORM = "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x"

-- The last eight bytes: two bits of variant, the rest random.
local function tail(bytes, from)
  local a, b, c, d, e, f, g, h = bytes:byte(from, from + 7)
  return 128 + a % 64, b, c, d, e, f, g, h
end

local function v4()
  local bytes = values.random(16)
  local a, b, c, d, e, f, g, h = bytes:byte(1, 8)
  local first = ((a * 256 + b) * 256 + c) * 256 + d
  return FORM:format(first, e * 256 + f, 16384 + (g % 16) * 256 + h, tail(bytes, 9))
end

-- Ids of one process that are made within one millisecond count on, so that they order as they were made;
-- when the counter is used up, the next millisecond is borrowed.
local function counting(limit, start)
  local last, count = 0, 0
  return function()
    local now = clock.milliseconds()
    if now > last then
      last, count = now, start()
    else
      count = count + 1
      if count >= limit then last, count = last + 1, 0 end
    end
    return last, count
  end
end

local tick_v7 = counting(4096, function() return values.random(1):byte() end)
local tick_v1 = counting(10000, function() return 0 end)

local function v7()
  local ms, count = tick_v7()
  local high, low = math.floor(ms / 65536), ms % 65536
  return FORM:format(high, low, 28672 + count, tail(values.random(8), 1))
end

-- Milliseconds from 1582-10-15 to 1970-01-01.
local GREGORIAN = 12219292800000
local node_and_sequence

local function v1()
  if not node_and_sequence then
    local bytes = { tail(values.random(8), 1) }
    bytes[3] = bytes[3] - bytes[3] % 2 + 1 -- the multicast bit: no network card has this node
    node_and_sequence = bytes
  end
  local ms, count = tick_v1()
  ms = ms + GREGORIAN
  -- 60 bits of 100 ns do not fit a double: computed in halves of 32 bits.
  local low = (ms % 4294967296) * 10000 + count
  local high = math.floor(ms / 4294967296) * 10000 + math.floor(low / 4294967296)
  local n = node_and_sequence
  return FORM:format(low % 4294967296, high % 65536, 4096 + math.floor(high / 65536),
    n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8])
end

local TEXT_TYPES = { UUID = true, STRING = true, CHAR = true, TEXT = true }

local function generator_family(key, generate)
  return {
    key = key,
    build = function()
      return {
        generate = generate,
        generator_for = function(type_of)
          local fits = TEXT_TYPES[type_of.key] and not type_of.binary and (type_of.length or 36) >= 36
          if fits and (not type_of.version or type_of.version == key:sub(-1)) then return generate end
        end,
      }
    end,
  }
end

uuid.UUIDV1 = family.define(generator_family("UUIDV1", v1))
uuid.UUIDV4 = family.define(generator_family("UUIDV4", v4))
uuid.UUIDV7 = family.define(generator_family("UUIDV7", v7))

return uuid
