--- SQL of the user's own: finds `?`, `:name`, `$1` and `$name` outside of strings, identifiers, comments and dollar
--- quotes, and turns them into bound parameters. Nothing is ever written into the text but placeholders.

local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local plain = require("rowan.query.plain")

local raw = {}

local function fail(message)
  errors.raise("QueryError", { message = "query: " .. message })
end

---@class rowan.RawToken
---@field kind "positional"|"named"|"bind"
---@field name string

-- Where a piece of text that must not be looked into ends: quotes with doubled quotes inside, comments, dollar quotes.
local function skip_quoted(sql, at, quote)
  local from = at + 1
  while true do
    local close = sql:find(quote, from, true)
    if not close then fail("a quote that is opened is never closed") end
    if sql:sub(close + 1, close + 1) ~= quote then return close + 1 end
    from = close + 2
  end
end

-- E'...' strings of PostgreSQL, where a backslash escapes the next character.
local function skip_escaped(sql, at)
  local from = at + 1
  while true do
    local found = sql:find("[\\']", from)
    if not found then fail("a quote that is opened is never closed") end
    if sql:sub(found, found) == "\\" then
      from = found + 2
    elseif sql:sub(found + 1, found + 1) == "'" then
      from = found + 2
    else
      return found + 1
    end
  end
end

local function skip_block_comment(sql, at)
  local depth, from = 1, at + 2
  while depth > 0 do
    local found = sql:find("[*/]", from)
    if not found then fail("a comment that is opened is never closed") end
    local two = sql:sub(found, found + 1)
    if two == "/*" then
      depth, from = depth + 1, found + 2
    elseif two == "*/" then
      depth, from = depth - 1, found + 2
    else
      from = found + 1
    end
  end
  return from
end

local function skip_line(sql, at)
  local stop = sql:find("\n", at, true)
  return stop and stop + 1 or #sql + 1
end

local function skip_dollar(sql, at)
  local tag = sql:match("^%$%$", at) or sql:match("^%$[%a_][%w_]*%$", at)
  if not tag then return nil end
  local _, stop = sql:find(tag, at + #tag, true)
  if not stop then fail("a dollar quote that is opened is never closed") end
  return stop + 1
end

-- Where the scanner goes on when what stands at `at` has to be passed over, else nil.
local function skip(sql, at, char)
  if char == "'" then
    local before, further = sql:sub(at - 1, at - 1), sql:sub(at - 2, at - 2)
    local escaped = (before == "E" or before == "e") and not further:find("[%w_]")
    return escaped and skip_escaped(sql, at) or skip_quoted(sql, at, "'")
  end
  if char == '"' or char == "`" then return skip_quoted(sql, at, char) end
  if char == "-" and sql:sub(at, at + 1) == "--" then return skip_line(sql, at) end
  if char == "/" and sql:sub(at, at + 1) == "/*" then return skip_block_comment(sql, at) end
  if char == ":" and sql:sub(at, at + 1) == "::" then return at + 2 end
  if char == "$" and not sql:sub(at - 1, at - 1):find("[%w_]") then return skip_dollar(sql, at) end
  return nil
end

local function token_at(sql, at, char, modes)
  if char == "?" and modes.positional then return { kind = "positional" }, at + 1 end
  if char == ":" and modes.named then
    local name = sql:match("^:([%a_][%w_]*)", at)
    if name and not sql:sub(at - 1, at - 1):find("[%w_%]]") then
      return { kind = "named", name = name }, at + 1 + #name
    end
  end
  if char == "$" and modes.bind then
    local name = sql:match("^%$([%w_]+)", at)
    if name and not sql:sub(at - 1, at - 1):find("[%w_]") then return { kind = "bind", name = name }, at + 1 + #name end
  end
  return nil
end

---Splits SQL into text and parameter tokens.
---@param sql string
---@param modes { positional?: boolean, named?: boolean, bind?: boolean } which kinds are looked for
---@return (string|rowan.RawToken)[] pieces
---@return boolean several there is more than one statement
function raw.parse(sql, modes)
  local pieces, from, at = {}, 1, 1
  local ended, several = false, false
  while true do
    local found = sql:find("['\"`%-/:$?;%S]", at)
    if not found then break end
    local char = sql:sub(found, found)
    local next_at = skip(sql, found, char)
    local comment = next_at and (char == "-" or char == "/")
    if ended and char ~= ";" and not comment then several = true end
    if char == ";" then ended = true end
    if not next_at then
      local token, after = token_at(sql, found, char, modes)
      if token then
        pieces[#pieces + 1] = sql:sub(from, found - 1)
        pieces[#pieces + 1] = token
        from = after
      end
      next_at = after or found + 1
    end
    at = next_at
  end
  pieces[#pieces + 1] = sql:sub(from)
  return pieces, several
end

local function check_value(value, what)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" or value == null or kind == "table" then return value end
  fail(("%s is a %s, which cannot be bound"):format(what, kind))
end

---@class rowan.RawState the parameters found so far
---@field values any[]
---@field codes string[]
---@field slots table<string, integer> names that have a parameter already

-- Numbers and booleans are what they would be if they were written into the text; all else the database infers.
local function typed(dialect, value)
  local kind = type(value)
  if kind == "boolean" then return "-b", value end
  if kind ~= "number" then return "-?", value end
  local code, bound = plain.number(dialect, value)
  return "-" .. code, bound
end

local function add(state, code, value)
  local slot = #state.codes + 1
  state.codes[slot] = code
  state.values[slot] = value
  return slot
end

-- A list among the replacements becomes as many placeholders as it has members: IN (:ids).
local function replacement(state, dialect, value, what)
  value = check_value(value, what)
  if type(value) ~= "table" then return dialect.placeholder(add(state, typed(dialect, value))) end
  if #value == 0 then return "NULL" end
  local list = {}
  for i = 1, #value do
    local item = check_value(value[i], what)
    if type(item) == "table" then fail(what .. " is a list of lists, which cannot be bound") end
    list[i] = dialect.placeholder(add(state, typed(dialect, item)))
  end
  return table.concat(list, ", ")
end

local function once(state, key, make)
  local text = state.slots[key]
  if not text then
    text = make()
    state.slots[key] = text
  end
  return text
end

local function named(state, dialect, name, values)
  local value = values[name]
  if value == nil then fail(('Named parameter ":%s" has no value in the given object.'):format(name)) end
  return once(state, ":" .. name, function() return replacement(state, dialect, value, ":" .. name) end)
end

local function bound(state, dialect, name, values)
  local value = values[name:find("^[1-9]%d*$") and tonumber(name) or name]
  if value == nil then
    fail(('Query includes bind parameter "$%s", but no value has been provided for that bind parameter.')
      :format(name))
  end
  return once(state, "$" .. name, function()
    value = check_value(value, "$" .. name)
    if type(value) == "table" then return dialect.placeholder(add(state, "[?", value)) end
    return dialect.placeholder(add(state, typed(dialect, value)))
  end)
end

---SQL with its parameters, ready to run.
---@param pieces (string|rowan.RawToken)[] from raw.parse
---@param dialect rowan.Dialect
---@param replacements? table list for `?`, map for `:name`
---@param bind? table list or map for `$1`, `$name`
---@return string text
---@return string codes
---@return any[] values
function raw.fill(pieces, dialect, replacements, bind)
  local out, used = {}, 0
  local state = { values = {}, codes = {}, slots = {} }
  for i, piece in ipairs(pieces) do
    if type(piece) == "string" then
      out[i] = piece
    elseif piece.kind == "positional" then
      used = used + 1
      if replacements[used] == nil then fail(("there are more ? than replacements (%d)"):format(used - 1)) end
      out[i] = replacement(state, dialect, replacements[used], "replacement " .. used)
    elseif piece.kind == "named" then
      out[i] = named(state, dialect, piece.name, replacements)
    else
      out[i] = bound(state, dialect, piece.name, bind)
    end
  end
  if replacements and replacements[used + 1] ~= nil then
    fail(("there are more replacements than ? (%d)"):format(used))
  end
  return table.concat(out), table.concat(state.codes), state.values
end

return raw
