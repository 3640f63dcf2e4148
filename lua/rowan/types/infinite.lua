--- Values without end, which PostgreSQL has and SQLite has not: times and decimals, and NaN among the decimals. A number, or the
--- text that such a value is read as. Called by dialect/postgres_types and types/range.

local family = require("rowan.types.family")

local TIMES = {
  [math.huge] = "infinity", [-math.huge] = "-infinity", infinity = "infinity", ["-infinity"] = "-infinity",
  Infinity = "infinity", ["-Infinity"] = "-infinity",
}
local DECIMALS = {
  [math.huge] = "Infinity", [-math.huge] = "-Infinity", Infinity = "Infinity", ["-Infinity"] = "-Infinity",
}

local function words_of(type_of)
  if type_of.key == "DATE" or type_of.key == "DATEONLY" then return TIMES end
  -- With a precision only NaN goes in.
  if type_of.key == "DECIMAL" then return type_of.precision and {} or DECIMALS end
end

---A type as PostgreSQL has it: a DATE or DATEONLY may be "infinity" and "-infinity" in its canonical form, a DECIMAL "NaN", and
---"Infinity" and "-Infinity" when it has no precision.
---@param type_of rowan.Type
---@return rowan.Type
return function(type_of)
  local words = words_of(type_of)
  if not words then return type_of end
  local cast, decimal = type_of.cast, type_of.key == "DECIMAL"
  return family.variant(type_of, {
    cast = function(v)
      local word = words[v] or decimal and (v ~= v or v == "NaN") and "NaN"
      if word then return word end
      return cast(v)
    end,
  })
end
