--- Making a model: the normalised definition, and the metatables that its instances get.

local Instance = require("rowan.model.instance")
local Model = require("rowan.model.class")
local definition = require("rowan.schema.definition")
local expression = require("rowan.query.expression")
local hooked = require("rowan.model.hooks")
local hooks = require("rowan.change.hooks")
local identity = require("rowan.model.identity")
local plugin = require("rowan.model.plugin")
local scopes = require("rowan.model.scopes")
local siblings = require("rowan.repo.siblings")
local templates = require("rowan.model.templates")
local rules = require("rowan.change.rules")
local variants = require("rowan.model.variants")

local define = {}

-- What a definition looks like from outside, by Sequelize's names.
local function describe(attr)
  local references = attr.references
  return {
    type = attr.type, allowNull = attr.allow_null, primaryKey = attr.primary, autoIncrement = attr.auto,
    field = attr.field, fieldName = attr.label, defaultValue = attr.default, unique = attr.unique,
    comment = attr.comment, get = attr.get, set = attr.set, validate = attr.validate,
    references = references and {
      table = references.table or (references.definition and references.definition.table), key = references.key,
      onDelete = references.on_delete, onUpdate = references.on_update,
    } or nil,
  }
end

---Brings the public description up to date with the definition, which associations may have extended.
---@param model rowan.Model
function define.publish(model)
  local def = model.definition
  local raw, names, keys = {}, {}, {}
  for i, entry in ipairs(def.entries) do
    raw[entry.name] = describe(def.by_name[entry.name])
    names[i] = entry.name
  end
  for i, attr in ipairs(def.primary) do keys[i] = attr.label end
  rawset(model, "rawAttributes", raw)
  rawset(model, "attributeNames", names)
  rawset(model, "primaryKeyAttributes", keys)
  rawset(model, "primaryKeyAttribute", keys[1])
  rawset(model, "options", identity.options(def))
  rules.compile(def)
  -- A variant has its hooks from the model itself.
  if not def.origin then hooks.watch(def) end
  def.has_dump, def.defaults, def.hidden = false, {}, {}
  for _, entry in ipairs(def.entries) do
    local attr = def.by_name[entry.name]
    if attr.type.dump and not attr.virtual then def.has_dump = true end
    if attr.default_kind == "value" or attr.default_kind == "function" then
      def.defaults[#def.defaults + 1] = attr
    end
    if attr.name ~= attr.label then def.hidden[attr.label] = attr end
  end
  templates.customise(model)
  variants.refresh(model)
end
Model._publish = define.publish

---The same with the hooks around it: after a change to the definition.
---@param model rowan.Model
function define.refresh(model)
  hooks.run(model._hooks, "beforeDefinitionRefresh", model)
  define.publish(model)
  hooks.run(model._hooks, "afterDefinitionRefresh", model)
end
Model._refresh = define.refresh

-- Options under every model's own.
local function defaults_of(db)
  local defaults = {}
  for key, value in pairs(db.options.define or {}) do defaults[key] = value end
  defaults.schema = defaults.schema or db.options.schema
  if defaults.omitNull == nil then defaults.omitNull = db.options.omitNull end
  return defaults
end

---A model of a database.
---@param db rowan.Database
---@param name string
---@param attributes table map or list
---@param options? table
---@param live? boolean of a table as it is
---@return rowan.Model
function define.model(db, name, attributes, options, live)
  local used
  local def = definition.new(name, attributes, options or {}, {
    dialect = db._dialect, defaults = defaults_of(db), is_expression = expression.is,
    path = expression.path, live = live,
    plugins = function(draft_of)
      used = plugin.of(draft_of, db._plugins)
      return used
    end,
  })
  siblings.check(def.options.associationLoading, "the model " .. name)
  local model = setmetatable({
    name = name, tableName = def.table, db = db, definition = def, associations = {}, association_order = {},
    prototype = setmetatable({}, { __index = Instance }), _plans = { generation = -1 }, _written = 0,
    rawAttributes = {}, attributeNames = {}, primaryKeyAttributes = {},
  }, Model)
  -- The way back, for layers to which a model is opaque.
  def.model = model
  templates.give(model)
  model._hooks = hooks.registry("the model " .. name, def, db._hooks)
  model.hooks = hooked.listeners(model._hooks)
  hooks.add_all(model._hooks, def.options.hooks or {})
  plugin.apply(model, used)
  define.refresh(model)
  scopes.install(model)
  return model
end

return define
