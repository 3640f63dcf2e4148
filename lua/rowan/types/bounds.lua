--- Which of two bounds of a range comes first, and what comes next after one. Called by types/range with canonical values: whole
--- numbers (decimal text where a number would round), exact decimals, times and days as ISO text.

local numbers = require("rowan.base.numbers")

local bounds = {}

local EXACT = 2 ^ 53
local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

---The day after one; nil after infinity.
---@param text string
---@return string?
function bounds.next_day(text)
  local year, month, day = text:match("^(%d+)-(%d%d)-(%d%d)$")
  if not year then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day) + 1
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  if day > DAYS[month] + (month == 2 and leap and 1 or 0) then month, day = month + 1, 1 end
  if month > 12 then year, month = year + 1, 1 end
  return ("%04d-%02d-%02d"):format(year, month, day)
end

-- Decimal text plus one.
local function text_after(text)
  local sign, digits = text:match("^(%-?)(%d+)$")
  local turning, turned, step = "9", "0", 1
  if sign == "-" then turning, turned, step = "0", "9", -1 end
  local head, tail = digits:match("^(%d-)(" .. turning .. "*)$")
  local last = head == "" and 1 or tonumber(head:sub(-1)) + step
  return sign .. head:sub(1, -2) .. ("%d"):format(last) .. turned:rep(#tail)
end

---The whole number after one; nil after the type's last.
---@param v number|string
---@param element rowan.Type
---@return number|string|nil
function bounds.next_integer(v, element)
  if type(v) == "number" and v > -EXACT and v < EXACT then return (element.cast(v + 1)) end
  return (element.cast(text_after(type(v) == "string" and v or numbers.text(v))))
end

-- Sign, digits before the point without zeros in front, digits behind it without zeros at the end.
local function parts(v)
  local sign, whole, fraction = (type(v) == "string" and v or numbers.text(v)):match("^(%-?)0*(%d*)%.?(%d*)$")
  -- From the end, where a long text is looked through once.
  fraction = fraction:reverse():gsub("^0+", ""):reverse()
  if whole == "" and fraction == "" then sign = "" end
  return sign, whole, fraction
end

local function compare_decimals(a, b)
  local sign, whole_a, fraction_a = parts(a)
  local other, whole_b, fraction_b = parts(b)
  if sign ~= other then return sign == "-" and -1 or 1 end
  if #whole_a ~= #whole_b then whole_a, whole_b = #whole_a, #whole_b end
  if whole_a == whole_b then whole_a, whole_b = fraction_a, fraction_b end
  if whole_a == whole_b then return 0 end
  return (whole_a < whole_b) == (sign == "") and -1 or 1
end

local ENDS = { infinity = 1, ["-infinity"] = -1, NaN = 2, Infinity = 1, ["-Infinity"] = -1 }

-- Six digits behind the second, and years of one length, sort as text.
local function sortable(text)
  local padded = text:gsub("%.(%d%d%d)Z$", ".%1000Z")
  return ("0"):rep(8 - #padded:match("^%d*")) .. padded
end

---Negative, zero or positive, as `a` comes before `b`, is the same, or comes after it.
---@param element rowan.Type
---@param a number|string
---@param b number|string
---@return number
function bounds.compare(element, a, b)
  local from, to = ENDS[a] or 0, ENDS[b] or 0
  if from ~= 0 or to ~= 0 then return from - to end
  if element.integer or element.key == "DECIMAL" then
    if type(a) == "number" and type(b) == "number" then return a < b and -1 or a > b and 1 or 0 end
    return compare_decimals(a, b)
  end
  a, b = sortable(a), sortable(b)
  return a < b and -1 or a > b and 1 or 0
end

return bounds
