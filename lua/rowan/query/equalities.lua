--- What a condition says a row is: the values that it has equal, for calls that make the row when they do not find it.
--- Pure.

local conflict = require("rowan.query.conflict")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")

local equalities = {}

local Op = ops.Op

local function has_operators(value)
  for key in next, value do
    if ops.is(key) then return true end
  end
  return false
end

local function equal_to(attr, value)
  if type(value) ~= "table" then return value end
  if expression.is(value) then return nil end
  if has_operators(value) then
    local only = next(value) == Op.eq and next(value, Op.eq) == nil and value[Op.eq]
    return only and not expression.is(only) and only or nil
  end
  return attr.type.dump and value or nil
end

local function is_all_of(condition)
  return condition.kind == "logic" and condition.operator == Op["and"]
end

local function collect(def, condition, values)
  if type(condition) ~= "table" or condition == everything then return values end
  if expression.is(condition) then
    -- So a scope and the condition of a call come together; what the call says, which is last, counts.
    local list = is_all_of(condition) and condition.list or {}
    for i = #list, 1, -1 do collect(def, list[i], values) end
    return values
  end
  for _, attr in ipairs(def.list) do
    local value = condition[attr.label]
    if value ~= nil and values[attr.label] == nil then values[attr.label] = equal_to(attr, value) end
  end
  for _, inner in ipairs(condition) do collect(def, inner, values) end
  return condition[Op["and"]] ~= nil and collect(def, condition[Op["and"]], values) or values
end

---The attributes that a condition has equal to a value, by name; what it says by other operators is not among them.
---@param def rowan.Definition
---@param condition any the `where` option
---@return table<string, any>
function equalities.of(def, condition)
  return collect(def, condition, {})
end

---The part of a condition that the call itself has: scopes put theirs in front of it.
---@param condition any
---@return any
function equalities.own(condition)
  if expression.is(condition) and is_all_of(condition) then return condition.list[#condition.list] end
  return condition
end

-- Whether a row with these values falls under the condition of a partial index, as far as that is plain to see.
local function falls_under(where, values)
  if expression.is(where) or where[1] ~= nil then return false end
  for name, wanted in next, where do
    if type(name) ~= "string" or (type(wanted) == "table") then return false end
    local value = values[name]
    if value == nil then value = null end
    if value ~= wanted then return false end
  end
  return true
end

---The key that makes a row with these values the only one: the primary key, else a unique one; nil when there is none.
---@param def rowan.Definition
---@param equal table<string, any> of equalities.of
---@param row table all values that the row would have
---@return rowan.ConflictKey?
function equalities.key(def, equal, row)
  for _, key in ipairs(conflict.keys(def)) do
    local complete = not key.where or falls_under(key.where, row)
    for _, attr in ipairs(key.attrs) do
      local value = equal[attr.label]
      complete = complete and value ~= nil and value ~= null
    end
    if complete then return key end
  end
  return nil
end

return equalities
