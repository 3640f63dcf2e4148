--- Addresses: INET, CIDR, MACADDR, MACADDR8. Text that is looked at before it is sent, in the form that PostgreSQL gives
--- back for it; on SQLite plain text.

local family = require("rowan.types.family")

local network = {}

local function parts_of(text)
  local a, b, c, d = text:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  if not a then return nil end
  local list = { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }
  for i = 1, 4 do
    if list[i] > 255 then return nil end
  end
  return list
end

-- Groups of an IPv6 address between colons; nil for what is none.
local function groups_of(text)
  local list = {}
  if text == "" then return list end
  for group in (text .. ":"):gmatch("([^:]*):") do
    local v4 = group:find(".", 1, true) and parts_of(group)
    if v4 then
      list[#list + 1] = v4[1] * 256 + v4[2]
      list[#list + 1] = v4[3] * 256 + v4[4]
    elseif group:find("^%x%x?%x?%x?$") then
      list[#list + 1] = tonumber(group, 16)
    else
      return nil
    end
  end
  return list
end

local function words_of(text)
  local head, tail = text:match("^(.-)::(.*)$")
  if not head then
    local all = groups_of(text)
    return all and #all == 8 and all or nil
  end
  local before, after = groups_of(head), groups_of(tail)
  if not before or not after or #before + #after > 7 then return nil end
  local list = {}
  for i = 1, 8 do list[i] = before[i] or after[i - 8 + #after] or 0 end
  return list
end

-- The longest run of zero groups, two at least, is written as "::" (RFC 5952).
local function longest_zeros(words)
  local best, length, at = nil, 1, 1
  while at <= 8 do
    local stop = at
    while words[stop] == 0 do stop = stop + 1 end
    if stop - at > length then best, length = at, stop - at end
    at = math.max(stop, at) + 1
  end
  return best, length
end

local function v6_text(words)
  local from, length = longest_zeros(words)
  local out, i = {}, 1
  while i <= 8 do
    if i == from then
      out[#out + 1] = i == 1 and "::" or ":"
      i = i + length
    else
      out[#out + 1] = ("%x"):format(words[i]) .. (i < 8 and ":" or "")
      i = i + 1
    end
  end
  return table.concat(out)
end

-- The address in bytes, its canonical text and the length of its network part; nil for what is none.
local function parse(text)
  local address, mask = text:match("^([^/]+)/(%d+)$")
  address = address or text
  local parts = parts_of(address)
  local bytes, canonical
  if parts then
    bytes, canonical = parts, table.concat(parts, ".")
  else
    local words = words_of(address:lower())
    if not words then return nil end
    bytes, canonical = {}, v6_text(words)
    for _, word in ipairs(words) do
      bytes[#bytes + 1] = math.floor(word / 256)
      bytes[#bytes + 1] = word % 256
    end
  end
  local bits = mask and tonumber(mask) or #bytes * 8
  if bits > #bytes * 8 then return nil end
  return bytes, canonical, bits
end

local function has_host_bits(bytes, bits)
  for i, byte in ipairs(bytes) do
    local own = math.min(8, math.max(0, bits - (i - 1) * 8))
    if byte % 2 ^ (8 - own) ~= 0 then return true end
  end
  return false
end

local function inet_cast(v)
  local bytes, text, bits
  if type(v) == "string" then bytes, text, bits = parse(v) end
  if not bytes then return nil, "must be an IP address, with or without /bits" end
  if bits == #bytes * 8 then return text end
  return ("%s/%d"):format(text, bits)
end

local function cidr_cast(v)
  local bytes, text, bits
  if type(v) == "string" then bytes, text, bits = parse(v) end
  if not bytes then return nil, "must be an IP network: address/bits" end
  if has_host_bits(bytes, bits) then return nil, "must be an IP network, without bits to the right of its mask" end
  return ("%s/%d"):format(text, bits)
end

local function mac_cast(count)
  local rule = ("must be a hardware address of %d bytes, such as 08:00:2b:01:02:03%s"):format(count,
    count == 8 and ":04:05" or "")
  return function(v)
    local digits = type(v) == "string" and v:lower():gsub("[:%-.]", "")
    if not digits or #digits ~= 2 * count or digits:find("%X") then return nil, rule end
    return (digits:gsub("(%x%x)", "%1:"):sub(1, -2))
  end
end

-- What the database writes becomes canonical too: it has more than one form for an address.
local function text_family(key, cast, ordered)
  local function load(text) return cast(text) or text end
  local function equal(a, b) return a == b end
  return {
    key = key, build = function() return { code = "s", cast = cast, load = load, equal = equal, ordered = ordered } end,
  }
end

network.INET = family.define(text_family("INET", inet_cast, true))
network.CIDR = family.define(text_family("CIDR", cidr_cast, true))
network.MACADDR = family.define(text_family("MACADDR", mac_cast(6)))
network.MACADDR8 = family.define(text_family("MACADDR8", mac_cast(8)))

return network
