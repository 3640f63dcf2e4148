--- Times and days that validators compare. Called by change/validators and change/validator_args.

local types = require("rowan.types")

---A time or a day in canonical form, which orders as text; without a zone UTC is meant. nil for what is none.
---@param value any
---@return string?
local function instant(value)
  local DATE = types.DataTypes.DATE
  local found = DATE.cast(value)
  if found or type(value) ~= "string" then return found end
  if types.DataTypes.DATEONLY.cast(value) then value = value .. "T00:00:00" end
  return (DATE.cast(value .. "Z"))
end

return instant
