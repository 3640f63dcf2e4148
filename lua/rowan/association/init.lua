--- Associations: what links two models, as reflection data. Defining one checks the options, finds or adds the foreign
--- key and names the accessors. No SQL here; query/ plans with this data and model/accessors acts on it.
--- A model is opaque here but for `name`, `definition` and `associations`.

local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local junction = require("rowan.association.junction")
local keys = require("rowan.association.keys")
local names = require("rowan.association.names")
local naming = require("rowan.base.naming")
local suggest = require("rowan.base.suggest")

local association = {}

---@class rowan.Association
---@field kind "belongsTo"|"hasOne"|"hasMany"|"belongsToMany"
---@field source table the model it was defined on
---@field target table
---@field variant? table a variant of the target that it was defined with: rows are found by its scope
---@field as string the field it is loaded into
---@field singular string
---@field foreignKey string|string[] attributes, of the junction for belongsToMany
---@field multiple boolean
---@field scope? table<string, any> conditions that rows of the target meet
---@field values? table<string, any> those of them that are plain values: new rows get them
---@field constraints boolean the database holds the foreign key
---@field on_delete? string the option, which counts without a constraint too where rowan deletes
---@field hooks? boolean rows that go along with a deleted one go by their own hooks
---@field keys? { source: table, target: table }[] pairs of attributes that must be equal; not for belongsToMany
---@field accessors table<string, string> role -> method name
---@field through? { model: table, scope?: table, values?: table, unique: boolean, as: string } belongsToMany: `as` is the field of a loaded row that holds the junction's
---@field otherKey? string|string[]
---@field sourceKey? string|string[]
---@field targetKey? string|string[]
---@field source_keys? { source: table, through: table }[]
---@field astray? boolean of a variant: it leads to rows whose foreign keys point at those of the model itself
---@field origin? rowan.Association of one between variants of its models (association/elsewhere): the one that was defined
---@field target_keys? { through: table, target: table }[]
local Association = { __name = "rowan.association" }
Association.__index = Association
Association.__tostring = function(a)
  return ("rowan.association: %s.%s (%s %s)"):format(a.source.name, a.as, a.kind, a.target.name)
end

local function options_of(...)
  return check.set({ "as", "foreignKey", "constraints", "onDelete", "onUpdate", "scope",
    "foreignKeyConstraints", ... })
end

local OPTIONS = {
  belongsTo = options_of("targetKey"),
  hasOne = options_of("sourceKey", "hooks"),
  hasMany = options_of("sourceKey", "hooks"),
  belongsToMany = options_of("sourceKey", "targetKey", "otherKey", "through", "timestamps", "hooks"),
}

local MULTIPLE = { hasMany = true, belongsToMany = true }

local fail = names.fail

---True for what association.define made.
---@param value any
---@return boolean
function association.is(value)
  return getmetatable(value) == Association
end

-- The foreign key of belongsTo is on the source, that of hasOne and hasMany on the target.
local function link(made, options, context)
  local source, target = made.source, made.target
  local how = {
    constraints = options.constraints ~= false, actions = keys.actions(context, options), defaults = {},
  }
  local option = made.kind == "belongsTo" and "targetKey" or "sourceKey"
  local holder, owner, prefix = source, target, made.as
  if option == "sourceKey" then
    holder, owner, prefix = target, source, naming.lower_first(source.definition.singular)
  end
  local referenced = keys.referenced(context, owner, options[option], option)
  local key_names = names.keys(context, "foreignKey", options.foreignKey, prefix, referenced)
  for _, key in ipairs(key_names) do
    if holder == source and key.name == made.as then
      fail(context, ("the alias %q is also the foreign key; choose another one with as"):format(made.as))
    end
  end
  local attrs = keys.add(context, holder, key_names, owner, referenced, how)
  made.foreignKey, made[option] = keys.shown(attrs), keys.shown(referenced)
  if option == "targetKey" then
    made.keys = keys.pairs("source", attrs, "target", referenced)
  else
    made.keys = keys.pairs("source", referenced, "target", attrs)
  end
end

local function check_arguments(context, source, target, options, kind)
  if type(target) ~= "table" or not rawget(target, "definition") then
    fail(context, "wants a model first, not " .. tostring(target))
  end
  if source.db ~= target.db then fail(context, ("%s is a model of another database"):format(target.name)) end
  check.keys(options, OPTIONS[kind], context, "AssociationError")
  for _, name in ipairs({ "constraints", "foreignKeyConstraints", "hooks" }) do
    check.optional(options[name], "boolean", context .. ": " .. name, "AssociationError")
  end
end

-- The option has two names.
local function with_constraints(options, context)
  local said = options.foreignKeyConstraints
  if said == nil then return options end
  if options.constraints ~= nil and options.constraints ~= said then
    fail(context, "constraints and foreignKeyConstraints are one option, and do not agree")
  end
  local out = {}
  for name, value in next, options do out[name] = value end
  out.constraints = said
  return out
end

-- Where nothing is said of deletions, nothing goes along, and no hooks have to run.
local function check_hooks(made, context)
  if made.through or made.on_delete == nil or made.on_delete == "CASCADE" then return end
  fail(context, 'hooks = true wants onDelete = "CASCADE": it is for the hooks of rows that go along with a deleted one')
end

---Defines an association and records it under its alias in source.associations.
---@param kind "belongsTo"|"hasOne"|"hasMany"|"belongsToMany"
---@param source table model
---@param target table model
---@param options? table as, foreignKey, otherKey, sourceKey, targetKey, through, scope, constraints, onDelete, onUpdate
---@return rowan.Association
function association.define(kind, source, target, options)
  local context = source.name .. ":" .. kind
  options = options or {}
  check_arguments(context, source, target, options, kind)
  options = with_constraints(options, context)
  local multiple = MULTIPLE[kind] or false
  local as, singular = names.alias(multiple, target, options.as, context)
  local accessors = names.accessors(multiple, as, singular)
  names.check(context, source, as, accessors)
  local made = setmetatable({
    kind = kind, source = source, target = target, as = as, singular = singular, multiple = multiple,
    accessors = accessors,
    constraints = options.constraints ~= false,
    on_delete = type(options.onDelete) == "string" and options.onDelete:upper() or nil,
  }, Association)
  made.scope, made.values = names.scope(context, target, options.scope, "scope")
  if kind == "belongsToMany" then
    junction.link(made, options, context)
  else
    link(made, options, context)
  end
  made.hooks = options.hooks or nil
  if made.hooks then check_hooks(made, context) end
  source.associations[as] = made
  source.association_order[#source.association_order + 1] = made
  return made
end

---The associations of a model that lead to another.
---@param source table model
---@param target table model
---@return rowan.Association[]
function association.all(source, target)
  local found = {}
  for _, known in ipairs(source.association_order) do
    if elsewhere.same_model(known.target, target) then found[#found + 1] = known end
  end
  return found
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
    local aliases = {}
    for i, known in ipairs(source.association_order) do aliases[i] = known.as end
    return nil, suggest.unknown(source.name .. " has no association", what, aliases)
  end
  if association.is(what) then
    local own = source.associations[what.as]
    if own and elsewhere.same(own, what) then return elsewhere.toward(own, what.target) end
    return nil, ("the association %q is one of %s, not of %s"):format(what.as, what.source.name, source.name)
  end
  if type(what) ~= "table" or not rawget(what, "definition") then
    return nil, ("an association of %s is named by its alias, or by a model, not by %s"):format(source.name,
      suggest.clip(what))
  end
  local found, aliases = nil, {}
  for _, known in ipairs(source.association_order) do
    if elsewhere.same_model(known.target, what) then
      found = known
      aliases[#aliases + 1] = known.as
    end
  end
  if #aliases == 1 then return found end
  if #aliases == 0 then return nil, ("%s is not associated with %s"):format(what.name, source.name) end
  return nil, ("%s is associated with %s several times; include one by its alias: %s")
    :format(source.name, what.name, table.concat(aliases, ", "))
end

return association
