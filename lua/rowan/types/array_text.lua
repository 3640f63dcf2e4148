--- What PostgreSQL writes for arrays ({1,2,"a b",NULL}), read into Lua lists. Called by types/array and types/untyped.

local null = require("rowan.base.null")
local quoted = require("rowan.types.quoted")
local values = require("rowan.driver.values")

local array_text = {}

-- As bytea_output says: \x and digits, or all as it is but \\ and \ooo.
local function to_bytes(s)
  if s:sub(1, 2) == "\\x" then
    return (s:sub(3):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
  end
  return (s:gsub("\\(\\?)(%d?%d?%d?)", function(slash, octal)
    return slash ~= "" and slash .. octal or string.char(tonumber(octal, 8))
  end))
end

local function to_integer(s)
  local v = tonumber(s)
  if math.type then return v end
  -- What is rounded to 2^53 may be another number.
  return (math.abs(v) < 2 ^ 53 or s:find("^%-?9007199254740992$")) and v or s
end

local FLOATS = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function to_float(s)
  if s == "-0" then return -0.0 end
  return FLOATS[s] or tonumber(s) + 0.0
end

---How an item is read, by the code of its type. PostgreSQL writes times with an offset; what has none, such as "infinity",
---stays text.
---@type table<string, fun(text: string): any>
array_text.read = {
  i = to_integer, I = to_integer, d = to_float, x = to_bytes,
  b = function(s) return s == "t" end,
  c = function(s) return (s:gsub(" +$", "")) end,
  t = function(s) return values.timestamp(s) or s end,
}

-- What stands between items: a comma, but for types that say otherwise.
local DELIMITERS = setmetatable({}, { __index = function(known, char)
  known[char] = { byte = char:byte(), stop = "[" .. char .. "}]" }
  return known[char]
end })

local function read_list(text, pos, read, delimiter)
  local items, n = {}, 0
  pos = pos + 1
  if text:byte(pos) == 125 then return items, pos + 1 end
  while true do
    local byte = text:byte(pos)
    local item, raw
    if byte == 123 then
      item, pos = read_list(text, pos, read, delimiter)
    elseif byte == 34 then
      raw, pos = quoted.read(text, pos, "array")
      item = read(raw)
    else
      local stop = text:find(delimiter.stop, pos)
      if not stop then quoted.malformed("array") end
      raw = text:sub(pos, stop - 1)
      if raw == "NULL" then item = null else item = read(raw) end
      pos = stop
    end
    n = n + 1
    items[n] = item
    byte = text:byte(pos)
    if byte == 125 then return items, pos + 1 end
    if byte ~= delimiter.byte then quoted.malformed("array") end
    pos = pos + 1
  end
end


---What reads an array's text.
---@param read fun(text: string): any for its items
---@param char? string what stands between them, a comma when not given
---@return fun(text: string): any[]
function array_text.reader(read, char)
  local delimiter = DELIMITERS[char or ","]
  return function(text)
    -- Bounds other than 1 come first: [0:2]={...}
    local start = text:find("{", 1, true)
    if not start then quoted.malformed("array") end
    return (read_list(text, start, read, delimiter))
  end
end

return array_text
