-- The checks behind architecture_spec: functions from the text of a file to a list of complaints. Pure, so
-- that the spec can show that each of them complains.
local M = {}

local C_LINES, LUA_LINES = 700, 400

-- Statements; a literal that starts with one of these is SQL. Upper case only: messages speak of these things
-- too.
local VERBS = {
  "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "TRUNCATE", "BEGIN", "START", "COMMIT",
  "ROLLBACK", "SAVEPOINT", "RELEASE", "WITH", "PRAGMA", "EXPLAIN", "LOCK", "COPY", "MERGE", "VALUES", "SET",
  "ANALYZE", "VACUUM", "ATTACH", "DETACH", "REINDEX",
}
local IS_VERB = {}
for i = 1, #VERBS do IS_VERB[VERBS[i]] = true end

-- Alone they are words of the public face (`type = "SELECT"`), unless they are being joined to something.
local WORDS = {
  SELECT = true, INSERT = true, UPDATE = true, DELETE = true, VALUES = true,
  ["SET NULL"] = true, ["SET DEFAULT"] = true,
}

-- Modules that are not rowan's, and the directories that may load them.
local FOREIGN = {
  cjson = { base = true, types = true },
  ffi = { base = true, types = true, driver = true },
  ["table.new"] = { base = true, query = true, repo = true },
  ["table.clear"] = { base = true, query = true, repo = true },
}

-- ---- reading Lua -----------------------------------------------------------------------------------------

local ESCAPES = { n = "\n", t = "\t", r = "\r", ["\n"] = "\n" }

local function long_bracket(text, at)
  local equals, from = text:match("^%[(=*)%[\n?()", at)
  if not equals then return nil end
  local last, after = text:find("]" .. equals .. "]", from, true)
  if not last then return nil end
  return text:sub(from, last - 1), after + 1
end

local function quoted(text, at)
  local quote, parts, i = text:sub(at, at), {}, at + 1
  while true do
    local c = text:sub(i, i)
    if c == quote or c == "" then return table.concat(parts), i + 1 end
    if c == "\\" then
      i = i + 1
      c = ESCAPES[text:sub(i, i)] or text:sub(i, i)
    end
    parts[#parts + 1] = c
    i = i + 1
  end
end

--- Splits Lua source into tokens: names and symbols as they are, strings and comments with what they hold.
---@param text string
---@return table[] { kind = "string"|"comment"|"name"|"symbol", value =, line = }
function M.tokens(text)
  local out, at, line, counted = {}, 1, 1, 1
  local function add(kind, value, from)
    local _, lines = text:sub(counted, from - 1):gsub("\n", "")
    line, counted = line + lines, from
    out[#out + 1] = { kind = kind, value = value, line = line }
  end
  while true do
    at = text:find("%S", at)
    if not at then return out end
    local from, c = at, text:sub(at, at)
    local value
    if text:sub(at, at + 1) == "--" then
      value, at = long_bracket(text, at + 2)
      if not value then value, at = text:match("^%-%-([^\n]*)()", from) end
      add("comment", value, from)
    elseif c == '"' or c == "'" then
      value, at = quoted(text, at)
      add("string", value, from)
    elseif text:find("^%[=*%[", at) then
      value, at = long_bracket(text, at)
      add("string", value, from)
    elseif c:find("[%a_]") then
      value, at = text:match("^([%w_]+)()", at)
      add("name", value, from)
    elseif c:find("%d") then
      value, at = text:match("^([%w.]+)()", at) -- enough for telling it from `..`
      if value:find("..", 1, true) then value, at = text:match("^(%d+)()", from) end
      add("symbol", value, from)
    else
      value = text:match("^%.%.%.?", at) or c
      at = at + #value
      add("symbol", value, from)
    end
  end
end

local function code_tokens(text)
  local out, all = {}, M.tokens(text)
  for i = 1, #all do
    if all[i].kind ~= "comment" then out[#out + 1] = all[i] end
  end
  return out
end

-- ---- layers ----------------------------------------------------------------------------------------------

--- The rules of one language in docs/layers.lua, by directory.
---@param list table[]
---@return table<string, table<string, boolean>> allowed[dir][other]
function M.allowed(list)
  local out = {}
  for i = 1, #list do
    local uses = { [list[i].dir] = true }
    for u = 1, #list[i].uses do uses[list[i].uses[u]] = true end
    out[list[i].dir] = uses
  end
  return out
end

--- Edges that go up: a directory that lists one which is not below it.
---@param list table[]
---@return string[]
function M.upward(list)
  local seen, out = {}, {}
  for i = 1, #list do
    for u = 1, #list[i].uses do
      local used = list[i].uses[u]
      if not seen[used] then out[#out + 1] = list[i].dir .. " lists " .. used .. ", which is not below it" end
    end
    seen[list[i].dir] = true
  end
  return out
end

-- "rowan.query.where" -> "query"; "rowan.database" and "rowan" -> "."
local function directory_of_module(name, directories)
  local dir = name:match("^rowan%.([^.]+)")
  if dir and directories[dir] then return dir end
  return "."
end

--- Complaints about what a Lua file requires.
---@param text string
---@param dir string the file's directory below lua/rowan, "." for lua/rowan itself
---@param allowed table as `allowed` gives it
---@return string[]
function M.requires(text, dir, allowed)
  local out, tokens = {}, code_tokens(text)
  local function complain(token, message)
    out[#out + 1] = "line " .. token.line .. ": " .. message
  end
  for i = 1, #tokens do
    local previous = tokens[i - 1] and tokens[i - 1].value
    if tokens[i].kind == "name" and tokens[i].value == "require" and previous ~= "." and previous ~= ":" then
      local argument = tokens[i + 1]
      if argument and (argument.value == "(" or argument.value == ",") and argument.kind == "symbol" then
        argument = tokens[i + 2]
      end
      local name = argument and argument.kind == "string" and argument.value
      local after = argument and tokens[i + 1] ~= argument and tokens[i + 3] or tokens[i + 2]
      local computed = after and after.value == ".." and after.kind == "symbol"
      if not name or computed and not name:find("^rowan%.[%w_]+%.") then
        complain(tokens[i], "a require that is not of a literal name")
      elseif name == "rowan.core" then
        if dir ~= "driver" then complain(argument, "only driver/ may require rowan.core") end
      elseif name == "rowan" or name:find("^rowan%.") then
        local other = directory_of_module(name, allowed)
        if not allowed[dir] then
          complain(argument, dir .. "/ is not in docs/layers.lua")
        elseif not allowed[dir][other] then
          complain(argument, dir .. "/ may not use " .. other .. "/ (" .. name .. ")")
        end
      elseif not (FOREIGN[name] and FOREIGN[name][dir]) then
        complain(argument, dir .. "/ may not require " .. name)
      end
    end
  end
  return out
end

--- Complaints about what a C file includes.
---@param text string
---@param dir string the file's directory below csrc
---@param allowed table
---@param homes table<string, string> foreign header -> its directory
---@return string[]
function M.includes(text, dir, allowed, homes)
  local out, number = {}, 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local own, foreign = line:match('^%s*#%s*include%s*"([^"]+)"'), line:match("^%s*#%s*include%s*<([^>]+)>")
    local function complain(message) out[#out + 1] = "line " .. number .. ": " .. message end
    if own then
      local other = own:match("^([^/]+)/")
      if not other or not allowed[other] then
        complain('include "' .. own .. '" does not start with a directory of csrc')
      elseif not (allowed[dir] and allowed[dir][other]) then
        complain(dir .. "/ may not include " .. own)
      end
    elseif foreign then
      local home = homes[foreign] or homes[foreign:match("[^/]+$")]
      if home and home ~= dir then complain("<" .. foreign .. "> belongs to " .. home .. "/") end
    end
  end
  return out
end

-- ---- SQL -------------------------------------------------------------------------------------------------

--- Whether a string literal is SQL: it starts with a statement's verb, or reads like one in small letters.
---@param value string
---@param joined boolean whether `..` stands beside it
---@return boolean
function M.is_sql(value, joined)
  local body = value:gsub("^[%s(]+", "")
  if WORDS[body] then return joined end
  local verb, rest = body:match("^(%u+)(.*)$")
  if verb and IS_VERB[verb] and (rest == "" or rest:find("^[%s;(*]")) then
    return true
  end
  local lower = body:lower()
  return lower:find("^select%s.+%sfrom%s") ~= nil or lower:find("^insert%s+into%s") ~= nil
    or lower:find("^delete%s+from%s") ~= nil
end

--- Complaints about string literals of Lua that are SQL.
---@param text string
---@return string[]
function M.sql_in_lua(text)
  local out, tokens = {}, code_tokens(text)
  for i = 1, #tokens do
    local token = tokens[i]
    if token.kind == "string" then
      local before, after = tokens[i - 1], tokens[i + 1]
      local joined = before and before.value == ".." or after and after.value == ".."
      if M.is_sql(token.value, joined or false) then
        out[#out + 1] = "line " .. token.line .. ": SQL text " .. string.format("%q", token.value:sub(1, 30))
      end
    end
  end
  return out
end

--- Complaints about string literals of C that are SQL.
---@param text string
---@return string[]
function M.sql_in_c(text)
  local out = {}
  local bare = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end)
  local number = 0
  for line in (bare .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local code = line:gsub("\\.", "  "):gsub("//.*$", "")
    for value in code:gmatch('"([^"]*)"') do
      if M.is_sql(value, false) then
        out[#out + 1] = "line " .. number .. ": SQL text " .. value:sub(1, 30)
      end
    end
  end
  return out
end

-- ---- shape -----------------------------------------------------------------------------------------------

--- Complaint about a file that is too long.
---@param text string
---@param language "c"|"lua"
---@return string[]
function M.size(text, language)
  local _, lines = text:gsub("\n", "")
  local limit = language == "c" and C_LINES or LUA_LINES
  if lines <= limit then return {} end
  return { lines .. " lines, the limit is " .. limit }
end

--- Complaints about functions of the module table that have no `---` comment right above them.
---@param text string
---@return string[]
function M.undocumented(text)
  local module = text:match("\nreturn ([%a_][%w_]*)%s*$")
  if not module then return {} end
  local out, previous, number = {}, "", 0
  for line in text:gmatch("([^\n]*)\n?") do
    number = number + 1
    local name = line:match("^function " .. module .. "[.:]([%w_]+)%s*%(")
      or line:match("^" .. module .. "%.([%w_]+)%s*=%s*function")
    if name and name:sub(1, 1) ~= "_" and not previous:find("^%-%-%-") then
      out[#out + 1] = "line " .. number .. ": " .. module .. "." .. name .. " has no doc comment (---)"
    end
    previous = line
  end
  return out
end

--- Complaint about a file that does not start with a comment.
---@param text string
---@param language "c"|"lua"
---@return string[]
function M.headless(text, language)
  if language == "c" and text:find("^/%*") or language == "lua" and text:find("^%-%-") then return {} end
  return { "the file does not start with a comment that says what it is" }
end

return M
