--- Comments as part of a table's text, for a database that has no other place for them: SQLite keeps the text of CREATE
--- TABLE as it was sent. The colon tells them from comments of people. Called by sql/ddl, sql/ddl_rebuild and
--- dialect/sqlite_text.

local comments = {}

---A comment as it stands in SQL, behind a blank; "" for none.
---@param text? string
---@return string
function comments.write(text)
  if not text then return "" end
  return " /*: " .. text:gsub("\\", "\\\\"):gsub("%*/", "*\\/") .. " */"
end

---The comment in a piece of SQL; nil when there is none.
---@param sql string
---@return string?
function comments.read(sql)
  local text = sql:match("/%*: (.-) %*/")
  return text and (text:gsub("\\(.)", "%1")) or nil
end

return comments
