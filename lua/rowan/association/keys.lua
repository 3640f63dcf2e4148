--- The keys that tie two models together: which attributes are pointed at, and the foreign keys that point.
--- Called by association/.

local names = require("rowan.association.names")
local reference = require("rowan.schema.reference")
local schema_keys = require("rowan.schema.keys")
local suggest = require("rowan.base.suggest")

local keys = {}

local fail = names.fail

local function attribute_of(context, model, name, option)
  local def = model.definition
  local attr = def.by_name[name]
  if not attr then
    local known = {}
    for i, one in ipairs(def.list) do known[i] = one.name end
    fail(context, suggest.unknown(option .. ": " .. model.name .. " has no attribute", tostring(name), known))
  end
  if attr.virtual then fail(context, ("%s: %s.%s has no column"):format(option, model.name, attr.label)) end
  return attr
end

---The attributes of `model` that a foreign key points at: those named, or its primary key.
---@param context string
---@param model table
---@param given any a name or a list of names
---@param option string "sourceKey" or "targetKey"
---@return table[] attributes
function keys.referenced(context, model, given, option)
  if given == nil then
    if #model.definition.primary == 0 then
      fail(context, ("%s has no primary key; name a key of it with %s"):format(model.name, option))
    end
    local list = {}
    for i, attr in ipairs(model.definition.primary) do list[i] = attr end
    return list
  end
  local list = {}
  for i, name in ipairs(type(given) == "table" and given or { given }) do
    list[i] = attribute_of(context, model, name, option)
  end
  if #list == 0 then fail(context, option .. " wants a name or a list of names") end
  return list
end

---The actions that the options of an association ask for.
---@param context string
---@param options { onDelete?: string, onUpdate?: string }
---@return { on_delete?: string, on_update?: string }
function keys.actions(context, options)
  return {
    on_delete = reference.action(context, "onDelete", options.onDelete),
    on_update = reference.action(context, "onUpdate", options.onUpdate),
  }
end

local function check_target(context, model, referenced)
  if schema_keys.unique(model.definition, referenced) then return end
  local list = {}
  for i, attr in ipairs(referenced) do list[i] = attr.name end
  if model.definition.deleted and referenced[1].unique then
    fail(context, ("a foreign key can only point at a key, and %s.%s is unique only among rows that are not deleted; "
      .. "give constraints = false"):format(model.name, table.concat(list, ", ")))
  end
  fail(context, ("a foreign key can only point at a key, and %s.%s is not unique; declare it so, or give "
    .. "constraints = false"):format(model.name, table.concat(list, ", ")))
end

local function check_free(context, holder, key_names)
  for _, key in ipairs(key_names) do
    if holder.associations[key.name] then
      fail(context, ("the foreign key %s.%s has the name of an association; choose another one with as or foreignKey")
        :format(holder.name, key.name))
    end
  end
end

-- What a NULL would be written into must take it.
local function check_nullable(context, holder, key_names, on_delete)
  if on_delete ~= "SET NULL" then return end
  for _, key in ipairs(key_names) do
    local attr = holder.definition.by_name[key.name]
    if key.spec.allowNull == false or (attr and not attr.allow_null) then
      fail(context, ("onDelete = SET NULL cannot be: %s.%s is never NULL"):format(holder.name, key.name))
    end
  end
end

---@class rowan.LinkOptions
---@field constraints boolean
---@field actions { on_delete?: string, on_update?: string } what the caller asked for
---@field defaults { on_delete?: string, on_update?: string } what holds where nobody asked

---Adds the foreign key attributes to `holder`, which point at `referenced` of `model`.
---@param context string
---@param holder table model
---@param key_names rowan.KeyName[]
---@param model table
---@param referenced table[]
---@param how rowan.LinkOptions
---@return table[] attributes
function keys.add(context, holder, key_names, model, referenced, how)
  check_free(context, holder, key_names)
  if how.constraints then
    check_target(context, model, referenced)
    check_nullable(context, holder, key_names, how.actions.on_delete)
  end
  local single, attrs = #referenced == 1, {}
  for i, key in ipairs(key_names) do
    local spec, to = {}, nil
    for name, value in pairs(key.spec) do spec[name] = value end
    if how.constraints and single then
      to = { definition = model.definition, key = referenced[1].name, defaults = how.defaults }
      spec.onDelete, spec.onUpdate = how.actions.on_delete or spec.onDelete, how.actions.on_update or spec.onUpdate
    end
    attrs[i] = schema_keys.foreign(holder.definition, key.name, {
      spec = spec, type = referenced[i].type, to = to, inferred = key.inferred,
      follows = { definition = model.definition, key = referenced[i].name },
    })
  end
  if how.constraints and not single then
    schema_keys.composite(holder.definition, attrs, model.definition, referenced, {
      on_delete = how.actions.on_delete, on_update = how.actions.on_update, defaults = how.defaults,
    })
  end
  return attrs
end

---The names of attributes as the outside sees a key: one name, or a list of several.
---@param attrs table[] attributes or key names
---@return string|string[]
function keys.shown(attrs)
  if #attrs == 1 then return attrs[1].name end
  local list = {}
  for i, attr in ipairs(attrs) do list[i] = attr.name end
  return list
end

---Pairs of attributes: { { [left] = a[i], [right] = b[i] }, ... }.
---@param left string
---@param a table[]
---@param right string
---@param b table[]
---@return table[]
function keys.pairs(left, a, right, b)
  local list = {}
  for i = 1, #a do list[i] = { [left] = a[i], [right] = b[i] } end
  return list
end

return keys
