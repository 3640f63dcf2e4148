--- SQL text as tokens, and whether two texts say the same. For what databases give back of their own definitions: the
--- catalogues of dialect/ and the comparison of schemas use it; nothing on the way of a query does.

local tokens = {}

---@class rowan.sql.Token
---@field kind "word"|"name"|"string"|"number"|"symbol"
---@field value string a word in small letters, a name or a string without its quotes, else the text
---@field from integer
---@field to integer

local CLOSING = { ['"'] = '"', ["`"] = "`", ["'"] = "'" }
local SYMBOLS = { "->>", "::", "||", "<=", ">=", "<>", "!=", "==", "->", "<<", ">>" }

-- The end of a quoted piece that starts at `from`, and what stands in it; two quotes stand for one.
local function quoted(sql, from, quote, escapes)
  local at, parts = from + 1, {}
  while true do
    local stop = sql:find(escapes and "[\\" .. quote .. "]" or quote, at, not escapes)
    if not stop then return #sql, sql:sub(from + 1) end
    parts[#parts + 1] = sql:sub(at, stop - 1)
    if sql:sub(stop, stop) == "\\" then
      parts[#parts + 1] = sql:sub(stop + 1, stop + 1)
      at = stop + 2
    elseif sql:sub(stop + 1, stop + 1) == quote then
      parts[#parts + 1] = quote
      at = stop + 2
    else
      return stop, table.concat(parts)
    end
  end
end

local function skip_blank(sql, at)
  while true do
    local start = at
    at = sql:find("%S", at) or #sql + 1
    if sql:find("^%-%-", at) then at = (sql:find("\n", at, true) or #sql) + 1 end
    if sql:find("^/%*", at) then at = (select(2, sql:find("*/", at, true)) or #sql) + 1 end
    if at == start then return at end
  end
end

local function symbol_end(sql, at)
  for _, symbol in ipairs(SYMBOLS) do
    if sql:sub(at, at + #symbol - 1) == symbol then return at + #symbol - 1 end
  end
  return at
end

local function next_token(sql, at, brackets)
  local char = sql:sub(at, at)
  if CLOSING[char] then
    local to, value = quoted(sql, at, char, false)
    return { kind = char == "'" and "string" or "name", value = value, from = at, to = to }
  end
  if char == "[" and brackets then
    local to = sql:find("]", at, true) or #sql
    return { kind = "name", value = sql:sub(at + 1, to - 1), from = at, to = to }
  end
  if sql:find("^[eE]'", at) then
    local to, value = quoted(sql, at + 1, "'", true)
    return { kind = "string", value = value, from = at, to = to }
  end
  local _, to = sql:find("^[%a_\128-\255][%w_$\128-\255]*", at)
  if to then return { kind = "word", value = sql:sub(at, to):lower(), from = at, to = to } end
  _, to = sql:find("^%d+%.?%d*[eE][+-]?%d+", at)
  if not to then _, to = sql:find("^%d+%.?%d*", at) end
  if not to then _, to = sql:find("^%.%d+", at) end
  if to then return { kind = "number", value = sql:sub(at, to), from = at, to = to } end
  to = symbol_end(sql, at)
  return { kind = "symbol", value = sql:sub(at, to), from = at, to = to }
end

---The tokens of a text; comments and blanks are none.
---@param sql string
---@param brackets? boolean [name] is a quoted name, as SQLite takes it
---@return rowan.sql.Token[]
function tokens.read(sql, brackets)
  local list, at = {}, skip_blank(sql, 1)
  while at <= #sql do
    local token = next_token(sql, at, brackets)
    list[#list + 1] = token
    at = skip_blank(sql, token.to + 1)
  end
  return list
end

---Whether a name stands in a text, as the database knows it.
---@param sql? string
---@param name string
---@param fold? fun(name: string): string names are the same when these are; they are told apart by every letter without
---@return boolean
function tokens.mentions(sql, name, fold)
  local wanted = fold and fold(name) or name
  for _, token in ipairs(tokens.read(sql or "", fold ~= nil)) do
    local named = token.kind == "word" or token.kind == "name"
    if named and (fold and fold(token.value) or token.value) == wanted then return true end
  end
  return false
end

local function is_symbol(token, value)
  return token ~= nil and token.kind == "symbol" and token.value == value
end

-- The tokens without parentheses around the whole.
local function bare(list)
  local from, to = 1, #list
  while is_symbol(list[from], "(") and is_symbol(list[to], ")") do
    local depth, closed = 0, nil
    for i = from, to do
      if is_symbol(list[i], "(") then depth = depth + 1 end
      if is_symbol(list[i], ")") then depth = depth - 1 end
      if depth == 0 then
        closed = i
        break
      end
    end
    if closed ~= to then break end
    from, to = from + 1, to - 1
  end
  local out = {}
  for i = from, to do out[#out + 1] = list[i] end
  return out
end

---An expression in one spelling: blanks, comments, capitals of words, needless quotes and outer parentheses gone.
---@param sql string
---@return string
function tokens.canonical(sql)
  local parts = {}
  for i, token in ipairs(bare(tokens.read(sql))) do
    if token.kind == "string" then
      parts[i] = "'" .. token.value:gsub("'", "''") .. "'"
    elseif token.kind == "name" and not token.value:find("^[%l_][%l%d_]*$") then
      parts[i] = '"' .. token.value:gsub('"', '""') .. '"'
    else
      parts[i] = token.value
    end
  end
  return table.concat(parts, " ")
end

-- Everything behind a value is casts: `::character varying(20)`, `::text[]`.
local function only_casts(list, at)
  if list[at] == nil then return true end
  if not is_symbol(list[at], "::") then return false end
  for i = at, #list do
    local token = list[i]
    if token.kind == "string" then return false end
    if token.kind == "symbol" and not token.value:find("^[%[%]%(%),:.]+$") then return false end
  end
  return true
end

---The value of a text that is a single literal, with or without casts behind it: 'a'::text gives "a", (-5) gives "-5".
---@param sql string
---@return string? value nil for anything else
---@return "string"|"number"|"word"? kind
function tokens.literal(sql)
  local list = bare(tokens.read(sql))
  local at, sign = 1, ""
  if is_symbol(list[1], "-") then at, sign = 2, "-" end
  -- ('-5'::integer) and (-5)::numeric
  if is_symbol(list[at], "(") and list[at + 1] then
    local inner = {}
    local stop
    for i = at + 1, #list do
      if is_symbol(list[i], ")") then
        stop = i
        break
      end
      inner[#inner + 1] = list[i]
    end
    if not stop or not only_casts(list, stop + 1) then return nil end
    list, at = inner, 1
    if is_symbol(list[1], "-") then at, sign = 2, "-" end
  end
  local token = list[at]
  if not token or not only_casts(list, at + 1) then return nil end
  if token.kind == "string" or token.kind == "number" then return sign .. token.value, token.kind end
  local word = token.kind == "word" and token.value
  if word == "true" or word == "false" or word == "null" then return word, "word" end
  return nil
end

---The strings of a text that says no more than that a name is one of them: "kind" IN ('a', 'b').
---@param sql string
---@param name string
---@return string[]? values nil for anything else
function tokens.listed(sql, name)
  local list = bare(tokens.read(sql))
  local known = list[1] and (list[1].kind == "name" or list[1].kind == "word") and list[1].value:lower() == name:lower()
  local opened = list[2] and list[2].value == "in" and is_symbol(list[3], "(") and is_symbol(list[#list], ")")
  if not known or not opened then return nil end
  local values = {}
  for i = 4, #list - 1 do
    local string_due = i % 2 == 0
    if string_due and list[i].kind ~= "string" or not string_due and not is_symbol(list[i], ",") then return nil end
    if string_due then values[#values + 1] = list[i].value end
  end
  return values
end

---Whether two expressions are spelled alike, but for what means nothing.
---@param a string?
---@param b string?
---@return boolean
function tokens.same(a, b)
  if a == nil or b == nil then return a == b end
  return a == b or tokens.canonical(a) == tokens.canonical(b)
end

return tokens
