--- A model: its place in the database, what it says of itself, and its associations. What reads and writes rows is in
--- model/finders and model/writers.

local lazy = require("rowan.base.lazy")
local accessors = require("rowan.model.accessors")
local association = require("rowan.association")
local cascade = require("rowan.repo.cascade")
local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local definition = require("rowan.schema.definition")
local errors = require("rowan.base.errors")
local flow = require("rowan.model.flow")
local finders = require("rowan.model.finders")
local hooked = require("rowan.model.hooks")
local hooks = require("rowan.change.hooks")
local identity = require("rowan.model.identity")
local removal = require("rowan.schema.removal")
local scopes = require("rowan.model.scopes")
local sync = lazy(function() return require("rowan.repo.sync") end)
local variants = require("rowan.model.variants")
local writers = require("rowan.model.writers")

---@class rowan.Model
---@field name string
---@field tableName string
---@field db rowan.Database
---@field definition rowan.Definition the normalised definition
---@field prototype table methods of its instances go here
---@field rawAttributes table<string, table>
---@field attributeNames string[]
---@field primaryKeyAttributes string[]
---@field primaryKeyAttribute? string the first of them
---@field options table those of the definition and of the database's `define`, with what they come to
---@field associations table<string, rowan.Association>
---@field association_order rowan.Association[]
---@field _template table the metatable of stored rows; _partial_template of those that lack attributes, _new of new ones
---@field _partial_template table
---@field _new table
---@field _hooks rowan.HookRegistry
---@field _plans table
---@field _recent? table variants that were asked for last (model/variants)
---@field _written integer how often rows were written, for what is kept of reads
---@field refresh fun(self: rowan.Model) brings what is said of it up to date with its definition
local Model = { __name = "rowan.model" }
Model.__index = Model
Model.__tostring = function(m) return "rowan.model: " .. m.name end

for _, methods in ipairs({ finders, writers, flow, hooked.methods, scopes.methods, variants.methods }) do
  for name, method in pairs(methods) do Model[name] = method end
end

local NO_OPTIONS = {}

---Creates the model's table where it is not there yet, or with `alter` makes it as the model says; see db:sync.
---@async
---@param options? table force, alter, dryRun, match, searchPath, schema, logging, benchmark, transaction
---@return rowan.Model|rowan.SchemaStep[] result # itself; with dryRun what would be sent
---@return rowan.SchemaLoss[]? losses with dryRun
function Model:sync(options)
  check.keys(options, sync.OPTIONS, self.name .. ":sync", "QueryError")
  local steps, losses = sync.models(self.db, { self }, options or NO_OPTIONS)
  if options and options.dryRun then return steps, losses end
  return self
end

---Drops the model's table.
---@async
---@param options? { cascade?: boolean, match?: string, logging?: any, transaction?: any }
function Model:drop(options)
  check.keys(options, sync.DROP_OPTIONS, self.name .. ":drop", "QueryError")
  sync.drop(self.db, { self }, options or NO_OPTIONS)
end

---The columns of the live table; see queryInterface:describeTable.
---@async
---@param options? { transaction?: any, logging?: any }
---@return table<string, table>
function Model:describe(options)
  return self.db:queryInterface():describeTable(self, options)
end

---The name of the table; with a schema { tableName =, schema =, delimiter = }, which as text is the name in SQL. Either is
---what the methods of the query interface take.
---
---    User:getTableName()    --> "Users"
---@return string|{ tableName: string, schema: string, delimiter: string }
function Model:getTableName()
  return identity.table_name(self)
end

---The indexes and unique keys of the definition, those of attributes among them.
---@return { name: string, fields: any[], unique: boolean, where?: table, using?: string }[]
function Model:getIndexes()
  return identity.indexes(self.definition)
end

---The associations that lead to a model.
---@param target rowan.Model
---@return rowan.Association[]
function Model:getAssociations(target)
  return association.all(self, target)
end

---Whether there is an association under an alias.
---@param alias string
---@return boolean
function Model:hasAlias(alias)
  return self.associations[alias] ~= nil
end

---The attributes by name, as rawAttributes.
---@return table<string, table>
function Model:getAttributes()
  return self.rawAttributes
end

local function run_for(models, name)
  for _, model in ipairs(models) do hooks.run(model._hooks, name, model) end
end

-- Changes the definition of a model, with the hooks around it.
local function redefine(model, change, ...)
  run_for({ model }, "beforeDefinitionRefresh")
  change(model.definition, ...)
  model:_publish()
  run_for({ model }, "afterDefinitionRefresh")
end

---Takes an attribute out of the model, such as the `id` that was added to it. Refused while something goes by it: an index
---over it and others, an association, a key of another model, an option such as `timestamps`.
---
---    Log:removeAttribute("id")
---@param name string
function Model:removeAttribute(name)
  local model = elsewhere.initial(self)
  local def = model.definition
  for _, known in ipairs(model.db._model_order) do
    local other = model.db.models[known]
    removal.check_references(other.definition, def, name)
    for _, made in ipairs(other.association_order) do removal.check_association(def, name, made) end
  end
  redefine(model, removal.remove, name)
end

---Adds attributes to the model, and to those that it has what was not said of them.
---
---    User:mergeAttributesDefault{ nick = DataTypes.STRING, name = { allowNull = false } }
---@param attributes table as in db:define
---@return table<string, table> rawAttributes
function Model:mergeAttributesDefault(attributes)
  check.type(attributes, "table", self.name .. ":mergeAttributesDefault", "DefinitionError")
  local model = elsewhere.initial(self)
  redefine(model, definition.fill_in, attributes)
  return model.rawAttributes
end

---The association under an alias; raises for an unknown one.
---@param alias string
---@return rowan.Association
function Model:getAssociation(alias)
  local found, problem = association.find(self, alias)
  if not found then errors.raise("AssociationError", { message = problem }) end
  return found
end

-- The model itself; one in a schema of its own cannot be meant, for what is defined holds for all of them.
local function itself(model, context)
  if type(model) ~= "table" or not rawget(model, "definition") then return model end
  if model.definition.origin then
    errors.raise("AssociationError", {
      message = ("%s: %s is a variant in another schema; associations are between the models themselves")
        :format(context, model.name),
    })
  end
  return elsewhere.initial(model)
end

-- Who gets another definition by an association: its source, and, unless it is there that the foreign key is, the target.
local function changed_by(kind, source, target)
  if kind == "belongsTo" or target == source or type(target) ~= "table" or not target._hooks then return { source } end
  return { source, target }
end

local function open_to_hooks(options)
  if options ~= nil and type(options) ~= "table" then return options end
  local own = {}
  for name, value in pairs(options or {}) do own[name] = value end
  return own
end

local function associate(kind, source, target, options)
  local context, variant = source.name .. ":" .. kind, target
  source, target = itself(source, context), itself(target, context)
  local about = { source = source, target = target, kind = kind }
  options = open_to_hooks(options)
  hooks.run(source._hooks, "beforeAssociate", about, options)
  local changed = changed_by(kind, source, target)
  run_for(changed, "beforeDefinitionRefresh")
  local made = association.define(kind, source, target, options)
  if variant ~= target then made.variant = variant end
  source:_publish()
  target:_publish()
  if made.through then made.through.model:_refresh() end
  run_for(changed, "afterDefinitionRefresh")
  accessors.define(made)
  if made.hooks then cascade.watch(source) end
  about.association = made
  hooks.run(source._hooks, "afterAssociate", about, options)
  return made
end

---Each row of this model belongs to one of `target`: the foreign key is here.
---@param target rowan.Model
---@param options? rowan.AssociationOptions
---@return rowan.Association
function Model:belongsTo(target, options) return associate("belongsTo", self, target, options) end

---Each row of this model has at most one of `target`, which holds the foreign key.
---@param target rowan.Model
---@param options? rowan.AssociationOptions
---@return rowan.Association
function Model:hasOne(target, options) return associate("hasOne", self, target, options) end

---Each row of this model has any number of `target`, which holds the foreign key.
---@param target rowan.Model
---@param options? rowan.AssociationOptions
---@return rowan.Association
function Model:hasMany(target, options) return associate("hasMany", self, target, options) end

---Rows of this model and of `target` belong to each other, as rows of the model in between say.
---
---    Post:belongsToMany(Tag, { through = "PostTags" })
---@param target rowan.Model
---@param options rowan.AssociationOptions with through: a name, a model, or { model =, scope =, unique = }
---@return rowan.Association
function Model:belongsToMany(target, options) return associate("belongsToMany", self, target, options) end

return Model
