--- Times without end, which PostgreSQL has and SQLite has not: math.huge, or the text that such a time is read as. Called by
--- dialect/postgres_types and types/range.

local family = require("rowan.types.family")

local INFINITE = {
  [math.huge] = "infinity", [-math.huge] = "-infinity", infinity = "infinity", ["-infinity"] = "-infinity",
}

---A DATE or DATEONLY as PostgreSQL has it: it may be infinite, "infinity" and "-infinity" in its canonical form.
---@param type_of rowan.Type
---@return rowan.Type
return function(type_of)
  if type_of.key ~= "DATE" and type_of.key ~= "DATEONLY" then return type_of end
  local cast = type_of.cast
  return family.variant(type_of, {
    cast = function(v)
      local infinite = INFINITE[v]
      if infinite then return infinite end
      return cast(v)
    end,
  })
end
