--- Texts of well-known forms: addresses, numbers, keys. Each function says whether a text is one. Pure; the validators
--- (change/validators) and nobody else call it.

local formats = {}

local function parts(text, separator)
  local list = {}
  for part in (text .. separator):gmatch("(.-)%" .. separator) do list[#list + 1] = part end
  return list
end

---Four decimal numbers up to 255, without leading zeros: 192.0.2.1.
---@param text string
---@return boolean
function formats.ipv4(text)
  local list = parts(text, ".")
  if #list ~= 4 then return false end
  for _, part in ipairs(list) do
    local digits = part:find("^%d%d?%d?$") ~= nil and (#part == 1 or part:sub(1, 1) ~= "0")
    if not digits or tonumber(part) > 255 then return false end
  end
  return true
end

-- How many 16-bit groups a run of them has; nil when it is none.
local function groups(text, with_ipv4)
  if text == "" then return 0 end
  local list, count = parts(text, ":"), 0
  for i, part in ipairs(list) do
    if with_ipv4 and i == #list and formats.ipv4(part) then
      count = count + 2
    elseif part:find("^%x%x?%x?%x?$") then
      count = count + 1
    else
      return nil
    end
  end
  return count
end

---Eight groups of 16 bits, one run of zeros may be "::", the last two may be an IPv4 address; with a zone or without.
---@param text string
---@return boolean
function formats.ipv6(text)
  local address, zone = text:match("^(.-)%%(.+)$")
  if zone then
    if not zone:find("^[%w%-%._~]+$") then return false end
    text = address
  end
  local from, to = text:find("::", 1, true)
  if not from then return groups(text, true) == 8 end
  if text:find("::", from + 1, true) then return false end
  local head, tail = groups(text:sub(1, from - 1), false), groups(text:sub(to + 1), true)
  return head ~= nil and tail ~= nil and head + tail <= 7
end

---@param text string
---@param version? any 4 or 6, as a number or text; both when not given
---@return boolean
function formats.ip(text, version)
  version = tostring(version or "")
  if version == "4" then return formats.ipv4(text) end
  if version == "6" then return formats.ipv6(text) end
  return formats.ipv4(text) or formats.ipv6(text)
end

local function host_label(label)
  return #label <= 63 and label:find("^[%w\128-\255%-]+$") ~= nil and not label:find("^%-") and not label:find("%-$")
end

---A domain name with a top-level domain: example.com.
---@param text string
---@return boolean
function formats.domain(text)
  local list = parts(text, ".")
  local last = list[#list]
  if #text > 253 or #list < 2 or #last < 2 or not last:find("^[%a\128-\255]") then return false end
  for _, label in ipairs(list) do
    if not host_label(label) then return false end
  end
  return true
end

---An e-mail address as people have them: a local part of at most 64 bytes without spaces or quotes, and a domain.
---@param text string
---@return boolean
function formats.email(text)
  local name, domain = text:match("^([^@]+)@([^@]+)$")
  if not name or #name > 64 or #text > 254 then return false end
  if not name:find("^[%w!#$%%&'*+/=?^_`{|}~%.%-\128-\255]+$") then return false end
  if name:find("^%.") or name:find("%.$") or name:find("..", 1, true) then return false end
  return formats.domain(domain)
end

local SCHEMES = { http = true, https = true, ftp = true }

local function port_fits(port)
  return port:find("^%d%d?%d?%d?%d?$") ~= nil and tonumber(port) >= 1 and tonumber(port) <= 65535
end

---An address of the web: http, https or ftp (or no scheme), a domain or an IP address, a port, a path.
---@param text string
---@return boolean
function formats.url(text)
  if #text > 2083 or text:find("[%s%c<>]") then return false end
  local scheme, rest = text:match("^([%a][%w+.-]*)://(.*)$")
  if scheme and not SCHEMES[scheme:lower()] then return false end
  rest = rest or text
  if not scheme and text:find("^%a[%w+.-]*:%D") then return false end
  local authority = rest:match("^[^/?#]*")
  local user, host = authority:match("^(.*)@(.-)$")
  host = host or authority
  if user and (user == "" or user:find("@", 1, true)) then return false end
  local bracketed, after = host:match("^%[(.-)%](.*)$")
  if bracketed then
    local port_there = after:find("^:") ~= nil
    return formats.ipv6(bracketed) and (after == "" or (port_there and port_fits(after:sub(2))))
  end
  local name, port = host:match("^(.-):(.*)$")
  if port and not port_fits(port) then return false end
  name = name or host
  return formats.ipv4(name) or formats.domain(name)
end

---A card number: 13 to 19 digits, spaces or dashes between them, with the right check digit.
---@param text string
---@return boolean
function formats.credit_card(text)
  if not text:find("^[%d %-]+$") then return false end
  local digits, sum = text:gsub("[ %-]", ""), 0
  if #digits < 13 or #digits > 19 then return false end
  for i = #digits, 1, -1 do
    local digit = tonumber(digits:sub(i, i))
    if (#digits - i) % 2 == 1 then
      digit = digit * 2
      if digit > 9 then digit = digit - 9 end
    end
    sum = sum + digit
  end
  return sum % 10 == 0
end

local X4 = "%x%x%x%x"
local UUID = "^" .. X4 .. X4 .. "%-" .. X4 .. "%-(%x)%x%x%x%-(%x)%x%x%x%-" .. X4 .. X4 .. X4 .. "$"

---A UUID in its usual spelling.
---@param text string
---@param version? any 1 to 8, or "all"
---@return boolean
function formats.uuid(text, version)
  local found, variant = text:match(UUID)
  if not found then return false end
  version = tostring(version or "all")
  if version == "all" or version == "true" then return true end
  return found == version and variant:find("^[89abAB]$") ~= nil
end

---Whole numbers: digits with or without a sign.
---@param text string
---@return boolean
function formats.integer(text)
  return text:find("^[+-]?%d+$") ~= nil
end

---Digits with a point at most.
---@param text string
---@return boolean
function formats.numeric(text)
  return text:find("^[+-]?%d+$") ~= nil or text:find("^[+-]?%d*%.%d+$") ~= nil
end

---A number as it is written in decimals, with an exponent or without.
---@param text string
---@return boolean
function formats.decimal(text)
  local mantissa = text:match("^([^eE]*)[eE][+-]?%d+$") or text
  return mantissa:find("^[+-]?%d+%.?%d*$") ~= nil or mantissa:find("^[+-]?%.%d+$") ~= nil
end

---How many characters a UTF-8 text has.
---@param text string
---@return integer
function formats.length(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

return formats
