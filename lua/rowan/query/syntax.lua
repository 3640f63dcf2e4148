--- How attributes are written in queries and indexes, one parser for all of them:
---
---     name            "quoted name"      $alias.name$       $alias.alias.name$
---     data.a.b        data[0]            data."quoted key"  a path below a JSON attribute
---     name::type      data.a:unquote     what it is read as
---
--- Pure text; query/subject looks the names up.

local errors = require("rowan.base.errors")

local syntax = {}

---@class rowan.Syntax
---@field aliases? string[] associations that lead to the attribute
---@field name? string the attribute; nil below one
---@field steps (string|integer)[] keys and places in lists, from 0
---@field unquote boolean
---@field casts string[] names of types
---@field rest string what stands behind the alias path, or the whole

local MAX_LENGTH, MAX_STEPS = 2000, 100
-- Parsed texts are kept; when there are so many of them, somebody makes them up, and keeping starts afresh.
local MAX_KEPT = 2000

local function fail(text, rule)
  local shown = #text > 60 and text:sub(1, 60) .. "..." or text
  errors.raise("QueryError", { message = ("%q: %s"):format(shown, rule) })
end

-- A quoted piece that starts at `at`; a quote within is doubled.
local function quoted(text, at)
  local parts, from = {}, at + 1
  while true do
    local close = text:find('"', from, true)
    if not close then fail(text, "a quote is opened and never closed") end
    parts[#parts + 1] = text:sub(from, close - 1)
    if text:sub(close + 1, close + 1) ~= '"' then return table.concat(parts, '"'), close + 1 end
    from = close + 2
  end
end

local function word(text, at, what)
  if text:sub(at, at) == '"' then return quoted(text, at) end
  local found, after = text:match('^([^%.%[%]:"]+)()', at)
  if not found then fail(text, "wants " .. what .. " at character " .. at) end
  return found, after
end

local function place(text, at)
  local digits, after = text:match("^%[(%d+)%]()", at)
  if not digits or #digits > 9 then fail(text, "wants a place in a list, such as [0], at character " .. at) end
  return math.floor(tonumber(digits)), after
end

local function scan_steps(text, at, steps)
  while true do
    local char = text:sub(at, at)
    if char == "." then
      steps[#steps + 1], at = word(text, at + 1, "a key")
    elseif char == "[" then
      steps[#steps + 1], at = place(text, at)
    else
      return at
    end
    if #steps > MAX_STEPS then fail(text, "is a path of too many keys") end
  end
end

local function scan_reading(text, at, parsed)
  local after = text:match("^:unquote()", at)
  if after and not text:find("^[%w_]", after) then parsed.unquote, at = true, after end
  while at <= #text do
    local name, next_at = text:match("^::%s*(%a[%w_ ]*)()", at)
    if not name then fail(text, "wants ::type or :unquote at character " .. at) end
    parsed.casts[#parsed.casts + 1] = name:gsub("%s+$", "")
    at = next_at
  end
end

---Whether a name needs parsing: the names of attributes without quotes, paths and casts do not.
---@param key string
---@return boolean
function syntax.is_plain(key)
  return not key:find('[%.%[%]:"$]')
end

local function scan_aliases(text, parsed)
  local inner, after = text:match("^%$([^$]+)%$()")
  if not inner then fail(text, "wants $alias.attribute$") end
  local words = {}
  for piece in (inner .. "."):gmatch("([^.]*)%.") do
    if piece == "" then fail(text, "wants names between the points of $alias.attribute$") end
    words[#words + 1] = piece
  end
  parsed.name = table.remove(words)
  parsed.aliases = words[1] and words or nil
  local name = parsed.name
  if not syntax.is_plain(name) then name = '"' .. name:gsub('"', '""') .. '"' end
  parsed.rest = name .. text:sub(after)
  return after
end

local function parse(text, below)
  if #text > MAX_LENGTH then fail(text, "is too long for the name of an attribute") end
  local parsed = { steps = {}, casts = {}, unquote = false, rest = text }
  local at = 1
  if below then
    if text:sub(1, 1) ~= "[" then parsed.steps[1], at = word(text, 1, "a key") end
  elseif text:sub(1, 1) == "$" then
    at = scan_aliases(text, parsed)
  else
    parsed.name, at = word(text, 1, "an attribute")
  end
  scan_reading(text, scan_steps(text, at, parsed.steps), parsed)
  return parsed
end

local function kept(below)
  local known, count = {}, 0
  return function(text)
    local parsed = known[text]
    if parsed then return parsed end
    parsed = parse(text, below)
    if count == MAX_KEPT then known, count = {}, 0 end
    known[text], count = parsed, count + 1
    return parsed
  end
end

---What `text` says of an attribute; raises QueryError when it says nothing. Not to be changed: it is kept.
---@type fun(text: string): rowan.Syntax
syntax.parse = kept(false)

---The same for a key below a JSON attribute: `a`, `a.b`, `[0]`, `a::int`.
---@type fun(text: string): rowan.Syntax
syntax.parse_below = kept(true)

---Whether a key is about associated rows, or at least written so: $alias.attribute$.
---@param key string
---@return boolean
function syntax.is_path(key)
  return key:byte(1) == 36
end

return syntax
