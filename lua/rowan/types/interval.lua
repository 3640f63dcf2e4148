--- INTERVAL: a length of time, as ISO 8601 text (P1Y2M3DT4H5M6.5S). PostgreSQL keeps months, days and seconds apart; so does
--- the canonical form, which carries from months into years and from seconds into hours, never further.

local check = require("rowan.base.check")
local family = require("rowan.types.family")

local interval = {}

local RULE = "must be a length of time: ISO 8601 text such as P1DT2H, or a table such as { days = 1, hours = 2 }"

-- Per unit: months, days, or microseconds.
local UNITS = {
  years = { "months", 12 }, months = { "months", 1 }, weeks = { "days", 7 }, days = { "days", 1 },
  hours = { "micros", 3600000000 }, minutes = { "micros", 60000000 }, seconds = { "micros", 1000000 },
}
local NAMES = check.set({ "years", "months", "weeks", "days", "hours", "minutes", "seconds" })
-- PostgreSQL's limits are wider; up to these every number is exact on both runtimes.
local MOST = { months = 2 ^ 31 - 1, days = 2 ^ 31 - 1, micros = 2 ^ 53 }

local function add(sums, unit, amount)
  local place, factor = UNITS[unit][1], UNITS[unit][2]
  local value = amount * factor
  if place == "micros" then value = math.floor(value + 0.5) end
  if value % 1 ~= 0 then return false end
  sums[place] = sums[place] + value
  return true
end

local function whole(v) return ("%.0f"):format(v) end

-- Towards zero, so that all parts have the sign of the whole.
local function split(v, by)
  local sign = v < 0 and -1 or 1
  local rest = (v * sign) % by
  return sign * (v * sign - rest) / by, sign * rest
end

local function seconds_text(micros)
  local sign = micros < 0 and "-" or ""
  local whole_seconds, fraction = split(math.abs(micros), 1000000)
  local text = sign .. whole(whole_seconds)
  if fraction > 0 then text = text .. "." .. (("%06d"):format(fraction):gsub("0+$", "")) end
  return text
end

local function canonical(sums)
  for place, most in next, MOST do
    if sums[place] ~= sums[place] or math.abs(sums[place]) > most then return nil, RULE end
  end
  local years, months = split(sums.months, 12)
  local hours, rest = split(sums.micros, 3600000000)
  local minutes, micros = split(rest, 60000000)
  local date, time = {}, {}
  local function put(list, v, letter)
    if v ~= 0 then list[#list + 1] = whole(v) .. letter end
  end
  put(date, years, "Y")
  put(date, months, "M")
  put(date, sums.days, "D")
  put(time, hours, "H")
  put(time, minutes, "M")
  if micros ~= 0 then time[#time + 1] = seconds_text(micros) .. "S" end
  if #date + #time == 0 then return "PT0S" end
  return "P" .. table.concat(date) .. (time[1] and "T" .. table.concat(time) or "")
end

local function none() return { months = 0, days = 0, micros = 0 } end

local DATE_LETTERS = { Y = "years", M = "months", W = "weeks", D = "days" }
local TIME_LETTERS = { H = "hours", M = "minutes", S = "seconds" }

local function read_part(sums, text, letters)
  local rest = text:gsub("([+-]?%d+%.?%d*)(%a)", function(number, letter)
    local unit = letters[letter]
    if not unit or not add(sums, unit, tonumber(number)) then return "?" end
    return ""
  end)
  return rest == ""
end

local function from_iso(text)
  local date, time = text:match("^P([^T]*)T?(.*)$")
  if not date or text == "P" or text:sub(-1) == "T" then return nil, RULE end
  local sums = none()
  if not read_part(sums, date, DATE_LETTERS) or not read_part(sums, time, TIME_LETTERS) then return nil, RULE end
  return canonical(sums)
end

local function from_table(v)
  local sums = none()
  for name, amount in next, v do
    if not NAMES[name] or type(amount) ~= "number" or not add(sums, name, amount) then return nil, RULE end
  end
  if next(v) == nil then return nil, RULE end
  return canonical(sums)
end

local function cast(v)
  if type(v) == "string" then return from_iso(v) end
  if type(v) == "table" and getmetatable(v) == nil then return from_table(v) end
  return nil, RULE
end

local WORDS = { year = "years", mon = "months", day = "days" }

-- What PostgreSQL writes with IntervalStyle postgres: 1 year 2 mons -3 days +04:05:06.7
local function from_postgres(text)
  local sums = none()
  local rest = text:gsub("([+-]?%d+) (%a-)s?%f[%A]", function(number, word)
    local unit = WORDS[word]
    if not unit or not add(sums, unit, tonumber(number)) then return "?" end
    return ""
  end)
  local sign, hours, minutes, seconds = rest:match("^%s*([+-]?)(%d+):(%d+):([%d.]+)$")
  if hours then
    local of_seconds = math.floor(tonumber(seconds) * 1e6 + 0.5)
    local micros = tonumber(hours) * 3600000000 + tonumber(minutes) * 60000000 + of_seconds
    sums.micros = sign == "-" and -micros or micros
  elseif rest:find("%S") then
    return text
  end
  return canonical(sums) or text
end

interval.INTERVAL = family.define({
  key = "INTERVAL",
  build = function()
    return {
      code = "s", cast = cast, keyed = true,
      load = function(text) return text:find("^P") and (from_iso(text)) or from_postgres(text) end,
      equal = function(a, b) return a == b end,
    }
  end,
})

return interval
