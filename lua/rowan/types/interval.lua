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

-- Longer than any interval there is; what is longer still would take long to look through.
local LONGEST = 200

local function from_iso(text)
  if #text > LONGEST then return nil, RULE end
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

local WORDS = {
  year = "years", mon = "months", day = "days", hour = "hours", min = "minutes", sec = "seconds",
}

-- 4:05:06.7 as microseconds.
local function micros_of(clock)
  local hours, minutes, seconds = clock:match("^(%d+):(%d+):([%d.]+)$")
  if not hours then return nil end
  return tonumber(hours) * 3600000000 + tonumber(minutes) * 60000000 + math.floor(tonumber(seconds) * 1e6 + 0.5)
end

local function signed(sign, v)
  return sign == "-" and -v or v
end

-- IntervalStyle postgres: 1 year 2 mons -3 days +04:05:06.7; postgres_verbose: @ 1 year -3 days 4 hours 6.7 secs ago
local function from_words(text)
  local sums = none()
  local rest, ago = text:gsub("^@ ", ""):gsub(" ago$", "")
  rest = rest:gsub("([+-]?[%d.]+) (%a-)s?%f[%A]", function(number, word)
    local unit = WORDS[word]
    if not unit or not add(sums, unit, tonumber(number)) then return "?" end
    return ""
  end)
  local sign, clock = rest:match("^%s*([+-]?)(%d+:[%d:.]+)$")
  if clock then
    sums.micros = signed(sign, micros_of(clock) or 0 / 0)
  elseif rest:find("[^%s0]") then
    return nil
  end
  if ago > 0 then sums = { months = -sums.months, days = -sums.days, micros = -sums.micros } end
  return (canonical(sums))
end

-- IntervalStyle sql_standard: 1-2; -3 4:05:06 with one sign for all of it; +1-2 -3 +4:05:06.7
local function from_standard(text)
  local y_sign, years, months, d_sign, days, t_sign, clock =
    text:match("^([+-])(%d+)%-(%d+) ([+-])(%d+) ([+-])([%d:.]+)$")
  if not y_sign then
    local sign, rest = text:match("^(-?)(.*)$")
    years, months = rest:match("^(%d+)%-(%d+)$")
    days, clock = rest:match("^(%d+) ([%d:.]+)$")
    if not years and not days then return nil end
    y_sign, d_sign, t_sign = sign, sign, sign
  end
  return (canonical({
    months = signed(y_sign, (years or 0) * 12 + (months or 0)), days = signed(d_sign, days or 0) + 0,
    micros = signed(t_sign, clock and (micros_of(clock) or 0 / 0) or 0),
  }))
end

-- What PostgreSQL writes, whatever its IntervalStyle; what has no form here ("infinity", beyond 2^53) stays as it is.
local function load(text)
  if text:find("^P") then return from_iso(text) or text end
  return from_standard(text) or from_words(text) or text
end

interval.INTERVAL = family.define({
  key = "INTERVAL",
  build = function()
    return {
      code = "s", cast = cast, keyed = true, ordered = true,
      load = load,
      equal = function(a, b) return a == b end,
    }
  end,
})

return interval
