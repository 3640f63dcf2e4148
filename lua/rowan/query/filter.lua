--- What plugins put on every query of a model (definition.filters): a condition beside the caller's own, unless the call
--- turns it off by the filter's option: `paranoid = false`.

local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")

local filter = {}

---@class rowan.Filter
---@field option string the key of a call's options that turns it off with false
---@field where table|fun(said: any): any a condition, or what gives one; `said` is the option as the call gave it

local function condition_of(one, options)
  local said = options and options[one.option]
  if said == false then return nil end
  if type(one.where) == "function" then return one.where(said) end
  return one.where
end

---Whether the filters of a model are the same for every call, so that their values may stand in the text of a plan.
---@param def table
---@return boolean
function filter.is_fixed(def)
  for _, one in ipairs(def.filters or {}) do
    if type(one.where) == "function" then return false end
  end
  return true
end

---Walks the filters of a model into a builder.
---@param b table
---@param def table
---@param options? table of the call, or of the include
---@param conditions rowan.sql.Node[] get them
---@param walk fun(b: table, def: table, where: any): rowan.sql.Node?
function filter.walk(b, def, options, conditions, walk)
  if not def.filters then return end
  for _, one in ipairs(def.filters) do
    local condition = condition_of(one, options)
    if condition ~= nil then
      b:token("filter " .. one.option)
      conditions[#conditions + 1] = walk(b, def, condition)
    end
  end
end

---A condition and the filters of the model.
---@param def table
---@param condition any as in `where`
---@param options? table of the call
---@return any condition
function filter.narrow(def, condition, options)
  local list = {}
  if condition ~= nil and condition ~= everything then list[1] = condition end
  for _, one in ipairs(def.filters or {}) do list[#list + 1] = condition_of(one, options) end
  if #list == 0 then return condition end
  if #list == 1 then return list[1] end
  return expression.and_((table.unpack or unpack)(list))
end

return filter
