--- Associations: what links two models, as reflection data. Defining one checks the options, finds or adds the foreign
--- key and names the accessors. No SQL here; query/ plans with this data and model/accessors acts on it.
--- A model is opaque here but for `name`, `definition` and `associations`.

local check = require("rowan.base.check")
local definition = require("rowan.schema.definition")
local errors = require("rowan.base.errors")
local naming = require("rowan.base.naming")
local suggest = require("rowan.base.suggest")

local association = {}

---@class rowan.Association
---@field kind "belongsTo"|"hasOne"|"hasMany"
---@field source table the model it was defined on
---@field target table
---@field as string the field it is loaded into
---@field foreignKey string
---@field multiple boolean
---@field keys { source: table, target: table }[] pairs of attributes that must be equal
---@field accessors table<string, string> role -> method name
local Association = { __name = "rowan.association" }
Association.__index = Association
Association.__tostring = function(a)
  return ("rowan.association: %s.%s (%s %s)"):format(a.source.name, a.as, a.kind, a.target.name)
end

local ACTIONS = { CASCADE = true, ["SET NULL"] = true, RESTRICT = true, ["NO ACTION"] = true, ["SET DEFAULT"] = true }

local OPTIONS = {
  belongsTo = { "as", "foreignKey", "targetKey", "constraints", "onDelete", "onUpdate" },
  hasOne = { "as", "foreignKey", "sourceKey", "constraints", "onDelete", "onUpdate" },
  hasMany = { "as", "foreignKey", "sourceKey", "constraints", "onDelete", "onUpdate" },
}
for kind, names in pairs(OPTIONS) do
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  OPTIONS[kind] = set
end

local function fail(context, rule)
  errors.raise("AssociationError", { message = context .. ": " .. rule })
end

---True for what association.define made.
---@param value any
---@return boolean
function association.is(value)
  return type(value) == "table" and getmetatable(value) == Association
end

local function key_attribute(context, model, name, option)
  local def = model.definition
  if name == nil then
    if #def.primary ~= 1 then
      fail(context, ("%s has no single primary key; name one with %s"):format(model.name, option))
    end
    return def.primary[1]
  end
  local attr = def.by_name[name]
  if not attr then
    local names = {}
    for i, known in ipairs(def.list) do names[i] = known.name end
    fail(context, suggest.unknown(option .. ": " .. model.name .. " has no attribute", tostring(name), names))
  end
  return attr
end

local function alias_of(kind, target, option, context)
  local def = target.definition
  if option == nil then
    local word = kind == "hasMany" and def.plural or def.singular
    return naming.lower_first(word), naming.lower_first(def.singular)
  end
  if type(option) == "table" then
    if type(option.singular) ~= "string" or type(option.plural) ~= "string" then
      fail(context, "as = { singular =, plural = } wants both names")
    end
    return kind == "hasMany" and option.plural or option.singular, option.singular
  end
  if type(option) ~= "string" or option == "" then fail(context, "as wants a name") end
  return option, kind == "hasMany" and naming.singularize(option) or option
end

local function accessor_names(kind, as, singular)
  local many, one = naming.upper_first(as), naming.upper_first(singular)
  if kind ~= "hasMany" then return { get = "get" .. many, set = "set" .. many, create = "create" .. many } end
  return {
    get = "get" .. many, count = "count" .. many, has = "has" .. one, hasAll = "has" .. many, set = "set" .. many,
    add = "add" .. one, addMany = "add" .. many, remove = "remove" .. one, removeMany = "remove" .. many,
    create = "create" .. one,
  }
end

local function action(context, option, value)
  if value == nil then return nil end
  local word = type(value) == "string" and value:upper()
  if not word or not ACTIONS[word] then
    fail(context, ("%s = %s is no referential action; use CASCADE, SET NULL, RESTRICT, NO ACTION or SET DEFAULT")
      :format(option, tostring(value)))
  end
  return word
end

-- The foreign key attribute on `holder`, which points at `referenced`; added when it is not there yet.
local function foreign_key(context, holder, referenced, name, options)
  local def = holder.definition
  local spec = {}
  if type(name) == "table" then
    for key, value in pairs(name) do spec[key] = value end
    name = spec.name
    spec.name = nil
  end
  local existing = def.by_name[name]
  spec.type = spec.type or (existing and existing.type) or referenced.type
  local nullable = spec.allowNull
  if nullable == nil then nullable = not existing or existing.allow_null end
  if options.constraints ~= false and not (existing and existing.references) then
    spec.references = { definition = referenced.definition, key = referenced.name }
    spec.onDelete = action(context, "onDelete", options.onDelete or spec.onDelete)
      or (nullable and "SET NULL" or "CASCADE")
    spec.onUpdate = action(context, "onUpdate", options.onUpdate or spec.onUpdate) or "CASCADE"
  end
  return definition.add(def, name, spec)
end

local function foreign_key_name(options, prefix, referenced)
  local option = options.foreignKey
  if type(option) == "table" then
    if option.name then return option end
    local named = { name = naming.camelize(prefix .. "_" .. referenced.name) }
    for key, value in pairs(option) do named[key] = value end
    return named
  end
  return option or naming.camelize(prefix .. "_" .. referenced.name)
end

local function link(kind, source, target, options, as, context)
  if kind == "belongsTo" then
    local referenced = key_attribute(context, target, options.targetKey, "targetKey")
    local key = foreign_key(context, source, referenced, foreign_key_name(options, as, referenced), options)
    return key, { { source = key, target = referenced } }
  end
  local referenced = key_attribute(context, source, options.sourceKey, "sourceKey")
  local prefix = naming.lower_first(source.definition.singular)
  local key = foreign_key(context, target, referenced, foreign_key_name(options, prefix, referenced), options)
  return key, { { source = referenced, target = key } }
end

local function check_alias(context, source, as)
  if source.definition.by_name[as] then
    fail(context, ("the alias %q is an attribute of %s"):format(as, source.name))
  end
  if source.associations[as] then
    fail(context, ("%s already has an association %q; give this one another with as"):format(source.name, as))
  end
end

---Defines an association and records it under its alias in source.associations.
---@param kind "belongsTo"|"hasOne"|"hasMany"
---@param source table model
---@param target table model
---@param options? { as?: string|table, foreignKey?: string|table, sourceKey?: string, targetKey?: string, constraints?: boolean, onDelete?: string, onUpdate?: string }
---@return rowan.Association
function association.define(kind, source, target, options)
  local context = source.name .. ":" .. kind
  if type(target) ~= "table" or not target.definition then
    fail(context, "wants a model first, not " .. tostring(target))
  end
  options = options or {}
  check.keys(options, OPTIONS[kind], context, "AssociationError")
  local as, singular = alias_of(kind, target, options.as, context)
  check_alias(context, source, as)
  local key, pairs_of_keys = link(kind, source, target, options, as, context)
  local made = setmetatable({
    kind = kind, source = source, target = target, as = as, singular = singular, foreignKey = key.name,
    multiple = kind == "hasMany", keys = pairs_of_keys, accessors = accessor_names(kind, as, singular),
  }, Association)
  source.associations[as] = made
  source.association_order[#source.association_order + 1] = made
  return made
end

---Takes an association back that could not be completed.
---@param made rowan.Association
function association.forget(made)
  local source = made.source
  source.associations[made.as] = nil
  for i, known in ipairs(source.association_order) do
    if known == made then table.remove(source.association_order, i) end
  end
end

---The association that an include names: by alias, by association, or by model when only one leads there.
---@param source table model
---@param what any
---@return rowan.Association? found
---@return string? problem
function association.find(source, what)
  if type(what) == "string" then
    local found = source.associations[what]
    if found then return found end
    local names = {}
    for i, known in ipairs(source.association_order) do names[i] = known.as end
    return nil, suggest.unknown(source.name .. " has no association", what, names)
  end
  if association.is(what) then
    if source.associations[what.as] == what then return what end
    return nil, ("the association %q is one of %s, not of %s"):format(what.as, what.source.name, source.name)
  end
  local found, names = nil, {}
  for _, known in ipairs(source.association_order) do
    if known.target.definition == what.definition then
      found = known
      names[#names + 1] = known.as
    end
  end
  if #names == 1 then return found end
  if #names == 0 then return nil, ("%s is not associated with %s"):format(what.name, source.name) end
  return nil, ("%s is associated with %s several times; include one by its alias: %s")
    :format(source.name, what.name, table.concat(names, ", "))
end

return association
