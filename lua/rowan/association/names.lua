--- Names that an association goes by: its alias, the methods it gives to instances, the foreign keys it makes up.
--- Called by association/.

local errors = require("rowan.base.errors")
local naming = require("rowan.base.naming")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local suggest = require("rowan.base.suggest")

local names = {}

---Raises an AssociationError.
---@param context string "User:hasMany"
---@param rule string
function names.fail(context, rule)
  errors.raise("AssociationError", { message = context .. ": " .. rule })
end

local fail = names.fail

---The alias of an association and its singular form.
---@param multiple boolean
---@param target table model
---@param option any the option `as`
---@param context string
---@return string as
---@return string singular
function names.alias(multiple, target, option, context)
  local def = target.definition
  if option == nil then
    return naming.lower_first(multiple and def.plural or def.singular), naming.lower_first(def.singular)
  end
  if type(option) == "table" then
    local one, many = option.singular, option.plural
    if type(one) ~= "string" or type(many) ~= "string" or one == "" or many == "" then
      fail(context, "as = { singular =, plural = } wants both names")
    end
    return multiple and many or one, one
  end
  if type(option) ~= "string" or option == "" then fail(context, "as wants a name") end
  if option:find("[%.%c]") or option:find("^%$") then
    fail(context, ("the alias %q must not contain dots or control characters, nor start with $"):format(option))
  end
  return option, multiple and naming.singularize(option) or option
end

---The names of the methods, by what they do.
---@param multiple boolean
---@param as string
---@param singular string
---@return table<string, string>
function names.accessors(multiple, as, singular)
  local many, one = naming.upper_first(as), naming.upper_first(singular)
  if not multiple then return { get = "get" .. many, set = "set" .. many, create = "create" .. many } end
  return {
    get = "get" .. many, count = "count" .. many, has = "has" .. one, hasAll = "has" .. many, set = "set" .. many,
    add = "add" .. one, addMany = "add" .. many, remove = "remove" .. one, removeMany = "remove" .. many,
    create = "create" .. one,
  }
end

local function sorted_values(map)
  local list = {}
  for _, value in pairs(map) do list[#list + 1] = value end
  table.sort(list)
  return list
end

---Refuses an alias, or methods that follow from it, that would hide something or be hidden.
---@param context string
---@param source table model
---@param as string
---@param accessors table<string, string>
function names.check(context, source, as, accessors)
  local def, prototype = source.definition, source.prototype
  if def.by_name[as] then
    fail(context, ("the alias %q is an attribute of %s; choose another one with as"):format(as, source.name))
  end
  if source.associations[as] then
    fail(context, ("%s already has an association %q; give this one another with as"):format(source.name, as))
  end
  if prototype[as] ~= nil then
    fail(context, ("the alias %q would hide the method of that name; choose another one with as"):format(as))
  end
  for _, method in ipairs(sorted_values(accessors)) do
    if def.by_name[method] or prototype[method] ~= nil then
      local what = def.by_name[method] and "an attribute" or "a method"
      fail(context, ("%s.%s, which the alias %q needs, is %s already; choose another alias with as")
        :format(source.name, method, as, what))
    end
  end
end

-- One foreign key as it was given: a name, or an attribute with options.
local function key_given(context, option, given)
  if type(given) == "string" and given ~= "" then return { name = given, spec = {} } end
  if type(given) ~= "table" or getmetatable(given) ~= nil then
    fail(context, option .. " wants a name, an attribute { name =, ... }, or a list of them")
  end
  local spec = {}
  for key, value in pairs(given) do spec[key] = value end
  local name = spec.name or spec.fieldName
  if name ~= nil and (type(name) ~= "string" or name == "") then fail(context, option .. ".name wants a name") end
  spec.name, spec.fieldName = nil, nil
  return { name = name, spec = spec }
end

---@class rowan.KeyName
---@field name string
---@field spec table options of the attribute
---@field inferred boolean nobody gave the name

---The foreign keys that point at `referenced`: those given, or made up from `prefix` and the names pointed at.
---@param context string
---@param option string "foreignKey" or "otherKey"
---@param given any its value
---@param prefix string
---@param referenced table[] attributes
---@return rowan.KeyName[]
function names.keys(context, option, given, prefix, referenced)
  local is_list = type(given) == "table" and given[1] ~= nil
  local list = given == nil and {} or is_list and given or { given }
  if given ~= nil and #list ~= #referenced then
    fail(context, ("%s names %d attributes, and the key it points at has %d"):format(option, #list, #referenced))
  end
  local made, seen = {}, {}
  for i, attr in ipairs(referenced) do
    local key = list[i] ~= nil and key_given(context, option, list[i]) or { spec = {} }
    key.inferred = key.name == nil
    key.name = key.name or naming.camelize(prefix .. "_" .. attr.label)
    if seen[key.name] then fail(context, ("%s names %q twice"):format(option, key.name)) end
    seen[key.name] = true
    made[i] = key
  end
  return made
end

-- A condition on an attribute, as `where` has them: operators, or a list of values.
local function is_condition(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil or next(value) == nil then return false end
  for key in next, value do
    if not ops.is(key) and type(key) ~= "number" then return false end
  end
  return true
end

---Checks the option `scope`: by attribute what rows of the association have. New ones get the plain values among it.
---@param context string
---@param model table whose attributes they are
---@param scope any
---@param option string
---@return table? scope as a condition
---@return table? values
function names.scope(context, model, scope, option)
  if scope == nil then return nil end
  if type(scope) ~= "table" or getmetatable(scope) ~= nil or scope[1] ~= nil then
    fail(context, option .. " wants a table of values by attribute")
  end
  local def, out, values = model.definition, {}, {}
  for name, value in pairs(scope) do
    local attr = def.by_name[name]
    if not attr then
      local known = {}
      for i, one in ipairs(def.list) do known[i] = one.name end
      fail(context, suggest.unknown(("%s: %s has no attribute"):format(option, model.name), tostring(name), known))
    end
    local canonical, rule = value, nil
    if value ~= null then canonical, rule = attr.type.cast(value) end
    if canonical == nil and not is_condition(value) then
      fail(context, ("%s: %s.%s %s"):format(option, model.name, name, rule))
    end
    out[name], values[name] = canonical == nil and value or canonical, canonical
  end
  return out, values
end

return names
