--- Text in double quotes, with backslashes before quotes and backslashes: how arrays and hstores of PostgreSQL hold it.

local errors = require("rowan.base.errors")

local quoted = {}

---@param text string
---@return string
function quoted.write(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

---Raises for text that the database cannot have written.
---@param what string "array"
function quoted.malformed(what)
  errors.raise("DatabaseError", { message = "the column holds text that is no " .. what })
end

---@param text string
---@param at integer of the opening quote
---@param what string for the error
---@return string item
---@return integer after
function quoted.read(text, at, what)
  local stop = at + 1
  while true do
    stop = text:find('["\\]', stop)
    if not stop then quoted.malformed(what) end
    if text:byte(stop) == 34 then break end
    stop = stop + 2
  end
  return (text:sub(at + 1, stop - 1):gsub("\\(.)", "%1")), stop + 1
end

return quoted
