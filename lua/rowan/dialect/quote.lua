--- Quoting identifiers as the SQL standard does; both dialects use it.

local errors = require("rowan.base.errors")

---An identifier in double quotes, inner ones doubled.
---@param identifier string
---@return string
return function(identifier)
  if type(identifier) ~= "string" or identifier == "" or identifier:find("%z") then
    errors.raise("QueryError", { message = "an identifier must be a non-empty string without NUL" })
  end
  return '"' .. identifier:gsub('"', '""') .. '"'
end
