--- How plain Lua values are bound that no attribute gives a type: as what they would be if they stood in SQL text. Used by
--- query/expression and query/raw.

local numbers = require("rowan.base.numbers")

local plain = {}

-- A number is what PostgreSQL takes it for where it stands in SQL text.
local function number_code(dialect, value)
  local is_integer = value % 1 == 0 and value >= -2 ^ 63 and value < 2 ^ 63
  if math.type then is_integer = math.type(value) == "integer" end
  if is_integer then return value >= -2 ^ 31 and value < 2 ^ 31 and "i" or "I" end
  if value ~= value or value == math.huge or value == -math.huge or not dialect.supports.nan then return "d" end
  return "n"
end

---The type code of a number and what is bound for it.
---@param dialect rowan.Dialect
---@param value number
---@return string code
---@return number|string value
function plain.number(dialect, value)
  local code = number_code(dialect, value)
  if code == "n" then return code, numbers.text(value) end
  return code, value
end

return plain
