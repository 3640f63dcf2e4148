--- The clock of generated values (NOW, UUIDV1, UUIDV7), by base/clock when it was replaced.

local base = require("rowan.base.clock")
local errors = require("rowan.base.errors")
local values = require("rowan.driver.values")

local clock = {}

---The time, as canonical ISO text: 2024-02-01T00:00:00.000Z.
---@return string
function clock.now()
  local given = base.now()
  if given == nil then return values.now() end
  local text = (type(given) == "string" or type(given) == "number") and values.timestamp(given)
  if not text then
    errors.raise("UsageError", { message = "the function given to rowan.setClock must return a time" })
  end
  return text
end

-- Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's days_from_civil).
local function days(year, month, day)
  local y = month <= 2 and year - 1 or year
  local era = math.floor(y / 400)
  local of_era = y - era * 400
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468
end

---The time as milliseconds since 1970-01-01 UTC.
---@return integer
function clock.milliseconds()
  local year, month, day, hour, minute, second, ms =
    clock.now():match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)%.(%d%d%d)")
  local seconds = days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
  return seconds * 1000 + tonumber(ms)
end

return clock
