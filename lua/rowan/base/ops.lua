--- The operators of `where`: unique values, used as keys. `Op["and"]` and its twin `Op.and_` are the same
--- object.

local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local ops = {}

local NAMES = {
  "and", "or", "not", "eq", "ne", "is", "isNot", "gt", "gte", "lt", "lte", "in", "notIn", "between",
  "notBetween", "like", "notLike", "iLike", "notILike", "startsWith", "notStartsWith", "endsWith",
  "notEndsWith", "substring", "notSubstring", "regexp", "notRegexp", "iRegexp", "notIRegexp", "any", "all",
  "values", "contains", "contained", "overlap", "adjacent", "strictLeft", "strictRight", "noExtendRight",
  "noExtendLeft", "match", "anyKeyExists", "allKeysExist", "col",
}
-- Words that Lua reserves; `Op.and` is no Lua.
local RESERVED = { "and", "or", "not", "in" }

---@class rowan.Operator
---@field name string
local Operator = { __name = "rowan.operator" }
Operator.__tostring = function(op) return "Op." .. op.name end
Operator.__newindex = function(op)
  errors.raise("UsageError", { message = tostring(op) .. " cannot be changed" })
end

local operators, known = {}, {}
for _, name in ipairs(NAMES) do
  operators[name] = setmetatable({ name = name }, Operator)
  known[operators[name]] = true
end
for _, name in ipairs(RESERVED) do operators[name .. "_"] = operators[name] end
setmetatable(operators, {
  __index = function(_, name)
    errors.raise("QueryError", { message = suggest.unknown("there is no operator", name, NAMES) })
  end,
})

---The operators by name; an unknown one raises, with the nearest.
---@type rowan.Operators
ops.Op = setmetatable({}, {
  __index = operators,
  __newindex = function()
    errors.raise("UsageError", { message = "Op cannot be changed" })
  end,
  __tostring = function() return "rowan.Op" end,
})

---The names of all operators, without the twins.
---@return string[]
function ops.names()
  local names = {}
  for i = 1, #NAMES do names[i] = NAMES[i] end
  return names
end

---The operators as a set, for those who look at every key of a condition.
---@type table<rowan.Operator, true>
ops.known = known

---Is `value` an operator?
---@param value any
---@return boolean
function ops.is(value)
  return known[value] == true
end

return ops
