--- Time: DATE (an instant), DATEONLY, TIME, and the default value NOW.

local clock = require("rowan.types.clock")
local family = require("rowan.types.family")
local values = require("rowan.driver.values")

local temporal = {}

local timestamp, date_valid, time = values.timestamp, values.date, values.time

local function parse_precision(fail, ...)
  local options = family.options(fail, { "precision" }, ...)
  options.precision = family.whole(fail, "precision", options.precision, 0, 6)
  return options
end

-- Cuts canonical ISO text (20 characters up to the point) to `digits` behind the second, in canonical form
-- again.
local function cut_instant(text, digits)
  local kept = text:sub(21, math.min(20 + digits, #text - 1))
  kept = kept .. ("0"):rep(6 - #kept)
  if kept:sub(4) == "000" then kept = kept:sub(1, 3) end
  return text:sub(1, 20) .. kept .. "Z"
end

-- An instant's text; "infinity" is shorter.
local SHORTEST = #"2024-02-01T00:00:00.000Z"
local DATE_RULE = "must be a time: ISO 8601 text with a zone, or seconds since 1970"

temporal.DATE = family.define({
  key = "DATE",
  parse = parse_precision,
  build = function(options)
    local digits = options.precision
    local cut = digits and digits < 6
    return {
      code = "t", precision = digits, plain = not cut and { kind = "instant" } or nil,
      cast = function(v)
        local kind = type(v)
        if kind ~= "string" and kind ~= "number" then return nil, DATE_RULE end
        local text = timestamp(v)
        if not text or #text < SHORTEST then return nil, DATE_RULE end
        return cut and cut_instant(text, digits) or text
      end,
    }
  end,
})

temporal.DATEONLY = family.define({
  key = "DATEONLY",
  build = function()
    return {
      code = "D",
      plain = { kind = "day" },
      cast = function(v)
        if type(v) == "string" and date_valid(v) then return v end
        return nil, "must be a date: YYYY-MM-DD"
      end,
    }
  end,
})

local function cut_time(text, digits)
  local whole, fraction = text:match("^(%d+:%d+:%d+)%.(%d+)$")
  if not fraction then return text end
  local kept = fraction:sub(1, digits):gsub("0+$", "")
  return kept == "" and whole or whole .. "." .. kept
end

temporal.TIME = family.define({
  key = "TIME",
  parse = parse_precision,
  build = function(options)
    local digits = options.precision
    local cut = digits and digits < 6
    return {
      code = "T", precision = digits,
      cast = function(v)
        local text = type(v) == "string" and time(v)
        if not text then return nil, "must be a time of day: HH:MM:SS" end
        return cut and cut_time(text, digits) or text
      end,
    }
  end,
})

-- What NOW means for an attribute of each type.
local NOW_FOR = {
  DATE = clock.now,
  DATEONLY = function() return clock.now():sub(1, 10) end,
  TIME = function() return clock.now():match("T(.*)Z$") end,
}

temporal.NOW = family.define({
  key = "NOW",
  build = function()
    return {
      generate = clock.now,
      generator_for = function(type_of)
        local generate = NOW_FOR[type_of.key]
        return generate and function() return (type_of.cast(generate())) end
      end,
    }
  end,
})

return temporal
