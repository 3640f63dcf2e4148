--- Names as the query builder takes them: "users", "public.users as u", "u.id", "u.*", with parts in double quotes where
--- they are no plain words. Parsed here, quoted by sql/compile; nothing of them reaches the text as it came.

local errors = require("rowan.base.errors")

local name = {}

---@class rowan.query.Name
---@field parts string[] at most three identifiers
---@field star boolean it ended with .* or is *
---@field column string the name without its alias
---@field alias? string

local WORD = "^[%a_\128-\255][%w_$\128-\255]*"

-- One identifier at `at`, and where what follows it begins.
local function identifier(text, at)
  local word = text:match(WORD, at)
  if word then return word, at + #word end
  if text:sub(at, at) ~= '"' then return nil end
  local from = at + 1
  while true do
    local close = text:find('"', from, true)
    if not close then return nil end
    if text:sub(close + 1, close + 1) ~= '"' then
      local inner = text:sub(at + 1, close - 1):gsub('""', '"')
      if inner == "" or inner:find("%z") then return nil end
      return inner, close + 1
    end
    from = close + 2
  end
end

local function alias_at(text, at)
  local from = text:match("^%s+[aA][sS]%s+()", at)
  if not from then return nil end
  local alias, after = identifier(text, from)
  return alias, after
end

local function parse(text)
  local found, at = { parts = {}, star = false }, text:match("^%s*()")
  while true do
    if text:sub(at, at) == "*" then
      found.star, at = true, at + 1
      break
    end
    local part, after = identifier(text, at)
    if not part or #found.parts == 3 then return nil end
    found.parts[#found.parts + 1], at = part, after
    if text:sub(at, at) ~= "." then break end
    at = at + 1
  end
  found.column = text:sub(1, at - 1):match("^%s*(.*)$")
  local rest = text:match("^%s*()", at)
  if rest > #text then return found end
  if found.star then return nil end
  found.alias, at = alias_at(text, at)
  if not found.alias or text:match("^%s*()", at) <= #text then return nil end
  return found
end

-- What was parsed, twice as many at most as given: names are few, and written in the source of programs.
local KEPT = 1000
local hot, cold, count = {}, {}, 0

---The parts of a name; nil when it is none.
---@param text any
---@return rowan.query.Name?
function name.read(text)
  if type(text) ~= "string" then return nil end
  local found = hot[text] or cold[text]
  if found then return found end
  found = parse(text)
  if not found then return nil end
  if count >= KEPT then hot, cold, count = {}, hot, 0 end
  hot[text], count = found, count + 1
  return found
end

---The same, or an error.
---@param text any
---@param what string "select", for the message
---@param limit integer how many parts it may have
---@return rowan.query.Name
function name.need(text, what, limit)
  local found = name.read(text)
  if not found or #found.parts > limit then
    errors.raise("QueryError", {
      message = ("%s: %s is no name; write \"table.column\", with \"double quotes\" around what is no plain word")
        :format(what, type(text) == "string" and ("%q"):format(text) or tostring(text)),
    })
  end
  return found
end

---A single identifier, such as an alias.
---@param text any
---@param what string
---@return string
function name.identifier(text, what)
  local found = name.need(text, what, 1)
  if found.star or found.alias then name.need(nil, what, 1) end
  return found.parts[1]
end

---A token of a shape that no other can look like.
---@param text string
---@return string
function name.token(text)
  return #text .. ":" .. text
end

return name
