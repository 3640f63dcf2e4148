-- Strings that try to get out of where they are put: the same ones at every run. Each holds MARK, so that a statement's text
-- tells where it came to stand.
local M = {}

M.MARK = "PWNED"

local ATTACK = 'DROP TABLE "Canaries"'

local PAYLOADS = {
  -- quotes
  "'", "''", '"', '""', "`", "\\'", '\\"', "'--", "';--", "' OR '1'='1", "') OR 1=1--", '" OR ""="', "'; " .. ATTACK .. "; --",
  '"; ' .. ATTACK .. "; --", "'||(SELECT 1)||'", "' UNION SELECT 1,2,3--", "E'\\''", "N'x'", "U&'\\0027'", "X'00'",
  -- comments and ends of statements
  "--", "-- \n", "#", "/*", "*/", "/**/", "*/; " .. ATTACK .. "; /*", "/*! 1 */", "/* /* */", ";", "; " .. ATTACK, ";;", "\\;",
  -- dollar quotes and placeholders
  "$$", "$a$", "$a$'$a$", "$$; " .. ATTACK .. "; $$", "$1", "$2", "$name", "?", "??", "?1", "?|", ":a", ":name", "::int",
  "::int; " .. ATTACK, "@p", "@@x", "%s", "{{x}}", "${x}",
  -- LIKE and backslashes
  "%", "_", "%%", "\\", "\\\\", "\\%", "\\_", "[a-z]", "*", "ESCAPE '\\'",
  -- paths
  ".", "..", "a.b", "a[0]", "[0]", "[*]", "[#-1]", "]", "->", "->>", "#>", "#>>'{}'", "{a,b}", "$.a", "$", "$[0]",
  "\"].x", "' -> 'a", "')) OR 1=1--", '\\u0000', "\\u0027", ":unquote", "a\"b",
  -- words
  "NULL", "DEFAULT", "TRUE", "SELECT 1", "current_user", "pg_sleep(9)", "randomblob(9)", "1=1", "0x27", "1e999", "-1", "()",
  ") --", "(", "),(", "rowan_rows(?1)", "ASC; " .. ATTACK, "ASC NULLS FIRST, (SELECT 1)",
  -- characters
  "\n", "\r\n", "\t", "\b", "\27[0m", "\127", "\1", "\31", "\202\188", "\239\188\135", "\226\128\174", "\226\128\168",
  "\239\187\191", "\204\129", "\240\159\146\128", "\194\167", "\226\128\153",
  -- what is no text
  "\0", "a\0'", "\255", "\192\167", "\237\160\128", "\128", "\244\144\128\128",
}

local function templates(payload, i)
  local mark = M.MARK .. i
  return { mark .. payload, payload .. mark, "a'" .. payload .. mark, 'b" ' .. payload .. mark, payload .. mark .. payload }
end

--- How many strings come of each payload, one behind the other.
M.FORMS = 5

--- The strings, in an order that does not change.
---@return string[]
function M.strings()
  local list = {}
  for i, payload in ipairs(PAYLOADS) do
    for _, made in ipairs(templates(payload, i)) do list[#list + 1] = made end
  end
  for _, length in ipairs { 63, 64, 65, 300, 3000 } do
    list[#list + 1] = M.MARK .. ("x"):rep(length)
    list[#list + 1] = M.MARK .. ("'\""):rep(length)
    list[#list + 1] = M.MARK .. ("\195\164"):rep(length)
  end
  return list
end

local function past_quote(sql, at, quote, escapes)
  at = at + 1
  while at <= #sql do
    at = sql:find(escapes and "['\\]" or quote, at) or #sql + 1
    local char = sql:sub(at, at)
    if char == "\\" and escapes then
      at = at + 2
    elseif char ~= quote then
      at = at + 1
    elseif sql:sub(at + 1, at + 1) == quote then
      at = at + 2
    else
      return at + 1
    end
  end
  error("a quote is not closed in " .. sql)
end

local function past_comment(sql, at)
  local depth = 0
  repeat
    local two = sql:sub(at, at + 1)
    if two == "" then error("a comment is not closed in " .. sql) end
    if two == "/*" or two == "*/" then
      depth, at = depth + (two == "/*" and 1 or -1), at + 2
    else
      at = at + 1
    end
  until depth == 0
  return at
end

--- A statement without what stands in quotes and comments, as the database reads it.
---@param sql string
---@return string
function M.bare(sql)
  local out, at = {}, 1
  while at <= #sql do
    local char, two = sql:sub(at, at), sql:sub(at, at + 1)
    if char == "'" then
      at = past_quote(sql, at, "'", sql:sub(at - 1, at - 1) == "E")
    elseif char == '"' or char == "`" then
      at = past_quote(sql, at, char)
    elseif two == "/*" then
      at = past_comment(sql, at)
    elseif two == "--" then
      at = sql:find("\n", at, true) or #sql + 1
    else
      local stop = sql:find("['\"`/%-]", at + 1) or #sql + 1
      out[#out + 1] = sql:sub(at, stop - 1)
      at = stop
    end
  end
  return table.concat(out)
end

return M
