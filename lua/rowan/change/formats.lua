--- Texts of well-known forms: addresses, numbers, keys. Each function says whether a text is one. Pure; the validators
--- (change/validators) and nobody else call it.

local formats = {}

---What stands between the separators.
---@param text string
---@param separator string one character
---@return string[]
function formats.parts(text, separator)
  local list = {}
  for part in (text .. separator):gmatch("(.-)%" .. separator) do list[#list + 1] = part end
  return list
end

---Four decimal numbers up to 255, without leading zeros: 192.0.2.1.
---@param text string
---@return boolean
function formats.ipv4(text)
  local list = formats.parts(text, ".")
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
  local list, count = formats.parts(text, ":"), 0
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
    if not zone:find("^[%w.]+$") then return false end
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

-- By provider: the first digits, from and to, and how many there are, at least and at most.
local CARDS = {
  amex = { { 34, 34, 15, 15 }, { 37, 37, 15, 15 } },
  dinersclub = { { 300, 305, 14, 14 }, { 36, 36, 14, 14 }, { 38, 38, 14, 14 } },
  discover = { { 6011, 6011, 16, 19 }, { 65, 65, 16, 19 } },
  jcb = { { 1800, 1800, 15, 15 }, { 2131, 2131, 15, 15 }, { 35, 35, 16, 16 } },
  mastercard = { { 51, 55, 16, 16 }, { 2221, 2720, 16, 16 } },
  unionpay = { { 62, 62, 16, 16 }, { 67, 67, 16, 16 }, { 81, 81, 16, 19 } },
  visa = { { 4, 4, 13, 13 }, { 4, 4, 16, 19 } },
}

---The names of the card providers.
formats.card_providers = CARDS

local function is_of(digits, provider)
  for _, run in ipairs(CARDS[provider]) do
    local first = tonumber(digits:sub(1, #tostring(run[1])))
    if first >= run[1] and first <= run[2] and #digits >= run[3] and #digits <= run[4] then return true end
  end
  return false
end

local function check_sum(digits)
  local sum = 0
  for i = #digits, 1, -1 do
    local digit = tonumber(digits:sub(i, i))
    if (#digits - i) % 2 == 1 then
      digit = digit * 2
      if digit > 9 then digit = digit - 9 end
    end
    sum = sum + digit
  end
  return sum % 10
end

---The number of a card: with or without spaces or dashes, of a known provider, and with the right check digit.
---@param text string
---@param provider? string one of formats.card_providers; any when not given
---@return boolean
function formats.credit_card(text, provider)
  local digits = text:gsub("[ %-]", "")
  if not digits:find("^%d%d%d%d+$") or check_sum(digits) ~= 0 then return false end
  if provider then return is_of(digits, provider) end
  for name in next, CARDS do
    if is_of(digits, name) then return true end
  end
  return false
end

local X4 = "%x%x%x%x"
local UUID = "^" .. X4 .. X4 .. "%-" .. X4 .. "%-(%x)%x%x%x%-(%x)%x%x%x%-" .. X4 .. X4 .. X4 .. "$"

---A UUID in its usual spelling: of a version; with "all" of any version that there is, or one of nothing but zeros ("nil") or
---ones ("max"); with "loose" whatever looks like one.
---@param text string
---@param version? any 1 to 8, "all" (when not given), "nil", "max" or "loose"
---@return boolean
function formats.uuid(text, version)
  local found, variant = text:match(UUID)
  if not found then return false end
  version = tostring(version or "all")
  if version == "loose" then return true end
  if version == "nil" or (version == "all" and not text:find("[^0%-]")) then return not text:find("[^0%-]") end
  if version == "max" or (version == "all" and not text:find("[^fF%-]")) then return not text:find("[^fF%-]") end
  return variant:find("[89abAB]") ~= nil and (found == version or (version == "all" and found:find("[1-8]") ~= nil))
end

-- A number as it is written where something else than a point separates decimals, with a point; nil when it is none.
local function pointed(text, separator)
  if not separator or separator == "." then return text end
  if text:find(".", 1, true) then return nil end
  local from, to = text:find(separator, 1, true)
  return from and text:sub(1, from - 1) .. "." .. text:sub(to + 1) or text
end

---Whole numbers: digits with or without a sign.
---@param text string
---@param no_leading_zeroes? boolean
---@return boolean
function formats.integer(text, no_leading_zeroes)
  return text:find("^[+-]?%d+$") ~= nil and not (no_leading_zeroes and text:find("^[+-]?0%d"))
end

---Digits, with a sign and decimals or without.
---@param text string
---@param separator? string of decimals, "." when not given
---@param no_symbols? boolean digits and nothing else
---@return boolean
function formats.numeric(text, separator, no_symbols)
  if no_symbols then return text:find("^%d+$") ~= nil end
  local number = pointed(text, separator)
  return number ~= nil and (number:find("^[+-]?%d+$") or number:find("^[+-]?%d*%.%d+$")) ~= nil
end

-- One each, since a pattern with two runs of digits side by side takes a long text apart in every way.
local MANTISSAS = { "^[+-]?%d+$", "^[+-]?%d+%.%d*$", "^[+-]?%.%d+$" }

---The number that a text with or without decimals and exponent says; nil when it says none.
---@param text string
---@param separator? string of decimals, "." when not given
---@return number?
function formats.decimal(text, separator)
  local number = pointed(text, separator)
  local mantissa = number and (number:match("^([^eE]*)[eE][+-]?%d+$") or number)
  for _, pattern in ipairs(mantissa and MANTISSAS or {}) do
    if mantissa:find(pattern) then return tonumber(number) end
  end
end

---A number without an exponent, with so many decimals, or with none where they are not forced.
---@param text string
---@param separator string
---@param least integer how many decimals, where there are some
---@param most integer
---@param forced? boolean whether there must be some
---@return boolean
function formats.fixed(text, separator, least, most, forced)
  local number = pointed(text, separator)
  if not number then return false end
  local decimals = number:match("^[+-]?%d*%.(%d+)$")
  if decimals then return #decimals >= least and #decimals <= most end
  return not forced and number:find("^[+-]?%d+$") ~= nil
end

return formats
