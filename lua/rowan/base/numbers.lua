--- Numbers as exact text, the same on Lua 5.4 and LuaJIT.

local numbers = {}

local format = string.format
local math_type = math.type

---Is it a number without a fraction (of either subtype), and finite?
---@param v any
---@return boolean
function numbers.is_integral(v)
  return type(v) == "number" and v % 1 == 0
end

---The shortest decimal text that reads back as the same number; integers in plain digits up to 2^63. NaN and
---the infinities are spelled as PostgreSQL does.
---@param v number
---@return string
function numbers.text(v)
  if math_type and math_type(v) == "integer" then return format("%d", v) end
  if v ~= v then return "NaN" end
  if v == math.huge then return "Infinity" end
  if v == -math.huge then return "-Infinity" end
  if v % 1 == 0 and v > -2 ^ 53 and v < 2 ^ 53 then return format("%.0f", v + 0) end
  for digits = 15, 17 do
    local text = format("%." .. digits .. "g", v)
    -- A locale may print a comma; what is compared is the number, what is kept has a point.
    if digits == 17 or tonumber(text) == v then return (text:gsub(",", ".")) end
  end
end

return numbers
