--- Options merged with options: scopes with each other, with those of a call, and with those of an include. Nothing that
--- was asked for is lost: conditions are all to hold, lists are united, includes are merged association by association;
--- of single values (limit, offset ...) the later wins. Pure, and no table that was given is changed.

local check = require("rowan.base.check")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local included = require("rowan.query.included")

local merge = {}

local function copy(t)
  local out = {}
  for key, value in next, t do out[key] = value end
  return out
end

---The condition that both hold; nil and rowan.all do not count.
---@param a any
---@param b any
---@return any
function merge.conditions(a, b)
  if a == nil or a == everything then
    if b == nil then return a end
    return b
  end
  if b == nil or b == everything then return a end
  return expression.and_(a, b)
end

local function as_list(option)
  if type(option) ~= "table" or expression.is(option) then return { option } end
  return option
end

-- What an item of a list names, where that can be seen: "name", { "name", ... }.
local function name_of(item)
  if type(item) == "string" then return item end
  if type(item) == "table" and not expression.is(item) and type(item[1]) == "string" then
    return type(item[2]) == "string" and item[1] .. "\31" .. item[2] or item[1]
  end
  return nil
end

-- Both lists, without what the first has named already.
local function united(first, second, name)
  local out, seen = {}, {}
  for _, list in ipairs({ as_list(first), as_list(second) }) do
    for _, item in ipairs(list) do
      local key = name(item)
      if key == nil or not seen[key] then out[#out + 1] = item end
      if key ~= nil then seen[key] = true end
    end
  end
  return out
end

local function ordered_name(item)
  if type(item) == "string" then return item end
  local plain = type(item) == "table" and not expression.is(item) and type(item[1]) == "string" and #item <= 2
  return plain and item[1] or nil
end

local function is_adjusted(attributes)
  return type(attributes) == "table" and (attributes.include ~= nil or attributes.exclude ~= nil)
end

local function attributes_of(a, b)
  if is_adjusted(a) ~= is_adjusted(b) then return b end
  if not is_adjusted(a) then return united(a, b, name_of) end
  local out = {}
  for _, key in ipairs({ "include", "exclude" }) do
    if a[key] or b[key] then out[key] = united(a[key] or {}, b[key] or {}, name_of) end
  end
  return out
end

local function through_of(a, b)
  local out = copy(a)
  for key, value in next, b do out[key] = value end
  out.where = merge.conditions(a.where, b.where)
  if a.attributes ~= nil and b.attributes ~= nil then out.attributes = attributes_of(a.attributes, b.attributes) end
  return out
end

-- Includes as tables, one an association.
local function entries_of(model, option)
  local list = {}
  for i, item in ipairs(included.items(model, option)) do
    local entry = copy(item.options)
    entry.association, entry.as = item.association, nil
    list[i] = entry
  end
  return list
end

local function includes_of(model, a, b)
  local list, place = entries_of(model, a), {}
  for i, entry in ipairs(list) do place[entry.association] = i end
  for _, entry in ipairs(entries_of(model, b)) do
    local at = place[entry.association]
    if at then
      list[at] = merge.options(entry.association.target, list[at], entry)
    else
      list[#list + 1] = entry
    end
  end
  return list
end

-- What is asked for later comes first: an earlier order decides between rows that are equal by it.
local function order_of(a, b) return united(b, a, ordered_name) end

local BY_KEY = {
  where = function(_, a, b) return merge.conditions(a, b) end,
  having = function(_, a, b) return merge.conditions(a, b) end,
  on = function(_, a, b) return merge.conditions(a, b) end,
  include = includes_of,
  attributes = function(_, a, b) return attributes_of(a, b) end,
  order = function(_, a, b) return order_of(a, b) end,
  group = function(_, a, b) return united(a, b, name_of) end,
  through = function(_, a, b) return through_of(a, b) end,
}

---Finder options out of two.
---@param model table whose rows they find
---@param a? table
---@param b? table the later ones
---@return table
function merge.options(model, a, b)
  local out = copy(a or {})
  for key, value in next, b or {} do
    local before, together = out[key], BY_KEY[key]
    if before ~= nil and together then
      out[key] = together(model, before, value)
    else
      out[key] = value
    end
  end
  return out
end

local INCLUDABLE = check.set({ "where", "attributes", "include", "order", "limit", "offset" })
local OF_MANY = check.set({ "order", "limit", "offset" })

---The options of the scope that rows of an association are found by: the one that the call names, that of a variant which
---the call or the association was given in the place of the model, else the default scope of the target.
---@param made rowan.Association
---@param said any the option `scope` of the call
---@param model? rowan.Model the option `model` of the call
---@return table? options nil for none
function merge.scope_of(made, said, model)
  if said ~= nil then return made.target:scopeOptions(said) end
  if model and rawget(model, "baseModel") then return model:scopeOptions() end
  return (made.variant or made.target):scopeOptions()
end

---The options of an include with those of its scope.
---@param made rowan.Association
---@param options table
---@return table
function merge.included(made, options)
  local scope = merge.scope_of(made, options.scope, options.model)
  local base = {}
  for key, value in next, scope or {} do
    if INCLUDABLE[key] and (made.multiple or not OF_MANY[key]) then base[key] = value end
  end
  local own = copy(options)
  own.model, own.scope, own.association, own.as = nil, nil, made, nil
  return merge.options(made.target, base, own)
end

return merge
