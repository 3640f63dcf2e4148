--- JSON text from Lua values and back, without the losses of lua-cjson 2.1.0: numbers keep every digit,
--- integers stay integers, `[]` stays a list, and what JSON cannot hold is refused instead of changed.
---
--- How: lua-cjson does the work. Where it would lose something, a string with a random marker stands in for
--- the value, and is replaced in the text (encode) or in the tables (decode) afterwards.

local check = require("rowan.base.check")
local cjson = require("cjson")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local numbers = require("rowan.base.numbers")
local values = require("rowan.driver.values")

local json = {}

local MAX_DEPTH = 100

local codec = cjson.new()
local valid = values.utf8
local math_type, tointeger = math.type, math.tointeger

-- The marks of rowan.array and rowan.object are metatables, which `pairs` does not show.
local Array = { __name = "rowan.array" }
local Object = { __name = "rowan.object" }

-- Integers that this runtime cannot hold are decimal text in the tables that `decode` makes; which ones is
-- kept here, so that they are written as numbers again: table -> key -> text.
local big = setmetatable({}, { __mode = "k" })
local any_big = false

local marker_text
local function marker()
  marker_text = marker_text or values.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  return marker_text
end

local function mark(t, as, name)
  if t == nil then t = {} end
  local before = type(t) == "table" and getmetatable(t)
  if type(t) ~= "table" or before and before ~= Array and before ~= Object then
    errors.raise("UsageError", { message = ("rowan.%s wants a plain table"):format(name) })
  end
  return setmetatable(t, as)
end

---Marks a table as a JSON list, which matters while it is empty. Raises UsageError for what is no plain table.
---
---    User:create{ data = rowan.array{} }    -- [] and not {}
---@param t? table a new one when not given
---@return table t
function json.array(t)
  return mark(t, Array, "array")
end

---Marks a table as a JSON object, which matters when its keys are integers.
---Raises UsageError for what is no plain table.
---
---    User:create{ data = rowan.object{ [1] = "a" } }    -- {"1":"a"} and not ["a"]
---@param t? table a new one when not given
---@return table t
function json.object(t)
  return mark(t, Object, "object")
end

---Is the table marked as a list?
---@param t any
---@return boolean
function json.is_array(t)
  return type(t) == "table" and getmetatable(t) == Array
end

---Is the table marked, as a list or as an object?
---@param t any
---@return boolean
function json.is_marked(t)
  local mt = type(t) == "table" and getmetatable(t)
  return mt == Array or mt == Object
end

-- Whether "%.14g", which is all that lua-cjson prints, keeps the number.
local function survives(v)
  if v % 1 == 0 then return v > -1e14 and v < 1e14 end
  return tonumber(("%.14g"):format(v)) == v
end

-- Whole numbers within int64 in all their digits: read as integers, they are the same numbers.
local function number_text(v)
  local is_float = not math_type or math_type(v) == "float"
  if is_float and v % 1 == 0 and v >= -2 ^ 63 and v < 2 ^ 63 then return ("%.0f"):format(v) end
  return numbers.text(v)
end

-- `out` collects the texts that replace stand-ins; nil only checks.
local function stand_in(out, text, v)
  if not out then return v end
  out[#out + 1] = text
  return marker() .. #out
end

local walk

local function shallow(t)
  local copy = {}
  for key, value in pairs(t) do copy[key] = value end
  return copy
end

local function walk_list(t, n, depth, out)
  local copy
  local notes = any_big and big[t]
  for i = 1, n do
    local item = t[i]
    local new, rule
    if notes and notes[i] ~= nil and notes[i] == item then
      new = stand_in(out, item, item)
    else
      new, rule = walk(item, depth, out)
    end
    if new == nil then return nil, rule end
    if out and new ~= item then
      copy = copy or shallow(t)
      copy[i] = new
    end
  end
  return copy or t
end

-- The name in JSON of a key that is not plain text, where it has one.
local function object_key(t, key)
  if type(key) == "string" then return nil, "must have keys that are valid UTF-8 without NUL" end
  if getmetatable(t) == Object and numbers.is_integral(key) then
    local text = numbers.text(key)
    if t[text] ~= nil then return nil, "must not have the same key as text and as a number" end
    return text
  end
  if type(key) == "number" then
    return nil, "must not mix list items with named fields, or have holes (rowan.null fills one)"
  end
  return nil, "must have strings as keys, not a " .. type(key)
end

local function walk_object(t, depth, out)
  local copy
  local notes = any_big and big[t]
  for key, item in pairs(t) do
    local name, new, rule = key
    if type(key) ~= "string" or not valid(key) then name, rule = object_key(t, key) end
    if not name then return nil, rule end
    if notes and notes[key] ~= nil and notes[key] == item then
      new = stand_in(out, item, item)
    else
      new, rule = walk(item, depth, out)
    end
    if new == nil then return nil, rule end
    if out and (new ~= item or name ~= key) then
      copy = copy or shallow(t)
      copy[key] = nil
      copy[name] = new
    end
  end
  return copy or t
end

local function walk_table(t, depth, out)
  if depth > MAX_DEPTH then return nil, "must not be nested deeper than 100 levels, or hold itself" end
  local mt = getmetatable(t)
  if next(t) == nil then
    if mt == Array then return stand_in(out, "[]", t) end
    return t
  end
  local n = mt ~= Object and #t > 0 and check.sequence(t)
  if n then return walk_list(t, n, depth, out) end
  if mt == Array then
    return nil, "must be a list without holes and named fields where it is marked rowan.array"
  end
  return walk_object(t, depth, out)
end

-- The value that lua-cjson can take in place of `v`: itself, or a copy with stand-ins; nil and a rule when
-- refused.
function walk(v, depth, out)
  local kind = type(v)
  if kind == "string" then
    if valid(v) then return v end
    return nil, "must hold text that is valid UTF-8 without NUL"
  elseif kind == "number" then
    if v ~= v or v == math.huge or v == -math.huge then
      return nil, "must not hold NaN or infinity, which JSON does not have"
    end
    if survives(v) then return v end
    return stand_in(out, number_text(v), v)
  elseif kind == "table" then
    return walk_table(v, depth + 1, out)
  elseif kind == "boolean" or v == null then
    return v
  end
  return nil, "must not hold a " .. kind .. ", which JSON does not have"
end

-- walk gives back `false` as it is, so its failure is told by the rule.
local function walked(v, out)
  local new, rule = walk(v, 0, out)
  if new == nil then return nil, rule or "must not be nil" end
  return true, new
end

---Can JSON hold the value? Allocates nothing.
---@param v any
---@return boolean? ok
---@return string? rule
function json.check(v)
  local ok, rule = walked(v)
  if ok then return true end
  return nil, rule
end

---JSON text.
---@param v any tables without nil inside, strings, numbers, booleans, rowan.null
---@return string? text
---@return string? rule what is wrong with it
function json.encode(v)
  local out = {}
  local ok, new = walked(v, out)
  if not ok then return nil, new end
  local text = codec.encode(new)
  if #out == 0 then return text end
  return (text:gsub('"' .. marker() .. '(%d+)"', function(i) return out[tonumber(i)] end))
end

local function sorted_text(v)
  if type(v) ~= "table" then return (json.encode(v)) end
  local n = getmetatable(v) ~= Object and check.sequence(v)
  local parts = {}
  if n and (n > 0 or getmetatable(v) == Array) then
    for i = 1, n do parts[i] = sorted_text(v[i]) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i, key in ipairs(check.sorted_keys(v)) do
    local name = type(key) == "string" and key or numbers.text(key)
    parts[i] = json.encode(name) .. ":" .. sorted_text(v[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

---JSON text with keys in order: equal values give equal texts. For SQL text, where that matters; slower than
---`encode`.
---@param v any
---@return string? text
---@return string? rule
function json.encode_sorted(v)
  local ok, rule = json.check(v)
  if not ok then return nil, rule end
  return sorted_text(v)
end

-- The end of the string that starts with the quote at `pos`.
local function string_end(text, pos)
  local at = pos + 1
  while true do
    at = text:find('["\\]', at)
    if not at then return #text end
    if text:byte(at) == 34 then return at end
    at = at + 2
  end
end

-- Puts marked strings where the text, outside of its strings, has empty lists or integers of 16 digits and
-- more.
local function with_markers(text)
  local parts, from, pos = {}, 1, 1
  while true do
    local at = text:find('["%[%d%-]', pos)
    if not at then break end
    local byte = text:byte(at)
    if byte == 34 then
      pos = string_end(text, at) + 1
    else
      local word = byte == 91 and text:match("^%[%s*%]", at) or text:match("^[%-%d][%d%.eE%+%-]*", at)
      local stand = word and (byte == 91 and "A" or #word >= 16 and word:find("^%-?%d+$") and "I" .. word)
      if stand then
        parts[#parts + 1] = text:sub(from, at - 1) .. '"' .. marker() .. stand .. '"'
        from = at + #word
      end
      pos = at + (word and #word or 1)
    end
  end
  return table.concat(parts) .. text:sub(from)
end

-- The digits that matter of a number's text.
local function significant(text)
  return (text:gsub("[eE].*$", ""):gsub("%D", ""):gsub("0+$", ""))
end

-- The number that a run of digits stands for: a Lua integer; a float that is exactly it, or whose text it is
-- (jsonb spells 1.5e300 in full); else decimal text, because this runtime has no such number.
local function integer(text)
  local v = tonumber(text)
  if math_type and math_type(v) == "integer" then return v end
  if ("%.0f"):format(v) == text then return v end
  local beyond = v >= 2 ^ 63 or v < -2 ^ 63
  if beyond and v ~= math.huge and v ~= -math.huge and significant(numbers.text(v)) == significant(text) then
    return v
  end
  return text, true
end

local restore

local function restore_table(t, prefix)
  for key, item in pairs(t) do
    local kind = type(item)
    if kind == "table" then
      restore_table(item, prefix)
    elseif kind == "number" then
      if tointeger then t[key] = tointeger(item) or item end
    elseif kind == "string" and prefix then
      local new, is_big = restore(item, prefix)
      t[key] = new
      if is_big then
        any_big = true
        big[t] = big[t] or {}
        big[t][key] = new
      end
    end
  end
  return t
end

function restore(v, prefix)
  if type(v) == "number" then return tointeger and tointeger(v) or v end
  if not prefix or v:sub(1, #prefix) ~= prefix then return v end
  if v:byte(#prefix + 1) == 65 then return json.array({}) end
  return integer(v:sub(#prefix + 2))
end

---The Lua value of JSON text. null is rowan.null inside of tables and at the top; integers beyond what the
---runtime holds exactly are decimal text. Raises DatabaseError for what is no JSON.
---@param text string
---@return any
function json.decode(text)
  local prefix
  if text:find("%[%s*%]") or text:find(("%d"):rep(16)) then
    prefix = marker()
    text = with_markers(text)
  end
  local ok, v = pcall(codec.decode, text)
  if not ok then errors.raise("DatabaseError", { message = "the column holds text that is no JSON" }) end
  if type(v) == "table" then
    if math_type or prefix then return restore_table(v, prefix) end
    return v
  end
  if type(v) == "number" or type(v) == "string" then return (restore(v, prefix)) end
  return v
end

---Do two values give the same JSON, apart from the order of keys?
---@param a any
---@param b any
---@return boolean
function json.equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if a == b then return true end
  if next(a) == nil and next(b) == nil then return json.is_array(a) == json.is_array(b) end
  -- The same integer keys are a list in one and text in the other.
  if a[1] ~= nil and (getmetatable(a) == Object) ~= (getmetatable(b) == Object) then return false end
  for key, item in pairs(a) do
    local other = b[key]
    if other == nil or not json.equal(item, other) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

---A deep copy that keeps the marks.
---@param v any
---@return any
function json.copy(v)
  if type(v) ~= "table" then return v end
  local copy = {}
  for key, item in pairs(v) do copy[key] = json.copy(item) end
  if any_big and big[v] then big[copy] = shallow(big[v]) end
  local mt = getmetatable(v)
  return (mt == Array or mt == Object) and setmetatable(copy, mt) or copy
end

return json
