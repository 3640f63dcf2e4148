--- Base64 for URLs (RFC 4648, without padding), in arithmetic that Lua 5.4 and LuaJIT share. Used for the cursors of
--- query/cursor.

local base64 = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local letters, numbers = {}, {}
for i = 1, 64 do
  local letter = ALPHABET:sub(i, i)
  letters[i - 1], numbers[letter:byte()] = letter, i - 1
end

-- The number in `count` digits of `base`, first the highest.
local function digits(number, base, count)
  local list = {}
  for i = count, 1, -1 do
    list[i] = number % base
    number = (number - list[i]) / base
  end
  return list
end

---@param bytes string
---@return string
function base64.encode(bytes)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local list = digits(a * 65536 + (b or 0) * 256 + (c or 0), 64, 4)
    for k = 1, c and 4 or b and 3 or 2 do out[#out + 1] = letters[list[k]] end
  end
  return table.concat(out)
end

---The bytes that a text stands for; nil when `encode` never gives such a text.
---@param text string
---@return string?
function base64.decode(text)
  local out = {}
  for i = 1, #text, 4 do
    local number, count = 0, 0
    for k = i, i + 3 do
      local byte = text:byte(k)
      if byte and not numbers[byte] then return nil end
      number, count = number * 64 + (byte and numbers[byte] or 0), count + (byte and 1 or 0)
    end
    if count == 1 then return nil end
    for k, value in ipairs(digits(number, 256, 3)) do
      if k < count then
        out[#out + 1] = string.char(value)
      elseif value ~= 0 then
        return nil
      end
    end
  end
  return table.concat(out)
end

return base64
