--- Variants of a model in other schemas: each a table of its own with a definition of its own (schema/variant), which reads
--- all else from the model itself. Plans are kept by definition, so that no statement of one is ever sent for another.

local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local link = require("rowan.repo.link")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local scopes = require("rowan.model.scopes")
local templates = require("rowan.model.templates")
local variant = require("rowan.schema.variant")

---@class rowan.Model
local Variants = {}

local variants = { methods = Variants }

local DELIMITER = { schemaDelimiter = true }
local PLACE = check.set({ "schema", "schemaDelimiter", "associations" })

local function fail(context, rule)
  errors.raise("UsageError", { message = context .. ": " .. rule })
end

-- The options of withSchema, in one form. A schema that is nil is a mistake, never the default one.
local function read_place(given, context)
  local place = type(given) == "table" and given or { schema = given }
  if given ~= null then check.keys(place, PLACE, context, "UsageError") end
  local schema = given == null and null or place.schema
  if schema ~= null and type(schema) ~= "string" then
    fail(context, ("the schema must be a string, or rowan.null for the default one, not %s"):format(tostring(schema)))
  end
  check.optional(place.schemaDelimiter, "string", context .. ": schemaDelimiter")
  check.optional(place.associations, "boolean", context .. ": associations")
  return {
    schema = schema ~= null and schema ~= "" and schema or nil, delimiter = place.schemaDelimiter,
    associations = place.associations or nil,
  }
end

-- The associations of the model as they start from a variant. They lead where those of the model do, but for those that
-- lead to the model itself; with `associations` all stay in the schema.
local function own_associations(own)
  local base = own.baseModel
  local by_alias, order = {}, {}
  for i, made in ipairs(base.association_order) do
    local target, junction = own._counterpart(made.target), made.through and own._counterpart(made.through.model)
    order[i] = elsewhere.between(made, own, target, junction)
    by_alias[made.as] = order[i]
  end
  rawset(own, "associations", by_alias)
  rawset(own, "association_order", order)
end

local function renew(own)
  variant.refresh(own.definition)
  rawset(own, "associations", nil)
  rawset(own, "association_order", nil)
  rawset(own, "_between", nil)
  own:_publish()
end

-- Associations are made when they are first asked for: with `associations` they lead to further variants.
local function behind(own, base)
  scopes.behind(own, base)
  getmetatable(own).__index = function(_, key)
    if key ~= "associations" and key ~= "association_order" then return base[key] end
    own_associations(own)
    return rawget(own, key)
  end
  return own
end

local function make(base, place, table_name, schema)
  local own = { baseModel = base, prototype = base.prototype, tableName = table_name, _plans = { generation = -1 },
    _written = 0, _place = place }
  function own._counterpart(model)
    if model == base then return own end
    return place.associations and variants.at(model, place) or model
  end
  own.definition = variant.new(base.definition, table_name, schema, function(def)
    return own._counterpart(def.model).definition
  end)
  own.definition.model = own
  templates.give(own)
  return behind(own, base)
end

local function itself(own) return own end

---The variant of a model at a place; the model itself where that is its own.
---@param base rowan.Model the model itself
---@param place { schema?: string, delimiter?: string, associations?: boolean }
---@return rowan.OpenModel
function variants.at(base, place)
  local def = base.definition
  local table_name, schema = variant.place(def, place.schema or base.db.options.schema, place.delimiter)
  if table_name == def.table and schema == def.schema and not place.associations then return base end
  local key = ("%s\31%s\31%s"):format(schema or "", table_name, place.associations and "all" or "")
  local known = rawget(base, "_variants")
  if not known then
    known = setmetatable({}, { __mode = "v" })
    rawset(base, "_variants", known)
    rawset(base, "_recent", plans.new())
  end
  local own = known[key]
  if not own then
    own = make(base, place, table_name, schema)
    known[key] = own
    renew(own)
  end
  -- Those in use stay, however many there were; of the others none is kept for ever.
  return base._recent:kept(key, itself, own)
end

---Brings the variants of a model up to date with it.
---@param model rowan.Model
function variants.refresh(model)
  for _, own in next, rawget(model, "_variants") or {} do renew(own) end
end

---An association as it is for the rows of a model, toward the schema that the options of a call name.
---@param made rowan.Association
---@param model? rowan.Model
---@param options? table
---@return rowan.Association
---@return table? options without those of the schema
function variants.association(made, model, options)
  local found = model and model.associations[made.as] or made
  if not options or (options.schema == nil and options.schemaDelimiter == nil) then
    return elsewhere.check(found), options
  end
  local own = model and rawget(model, "_place")
  local place = read_place({
    schema = options.schema, schemaDelimiter = options.schemaDelimiter, associations = own and own.associations,
  }, made.source.name .. "." .. made.as)
  local target = variants.at(elsewhere.initial(found.target), place)
  options = link.with(options, {})
  options.schema, options.schemaDelimiter = nil, nil
  return elsewhere.check(elsewhere.between(found, found.source, target)), options
end

---The model with its table in another schema: a real one on PostgreSQL, a prefix of the table's name on SQLite. The model
---itself is not changed; the scope is kept; the same schema gives the same variant. Its associations lead where those of the
---model do, unless an include names a variant, a getter a `schema`, or `associations = true` keeps all of them in the schema;
---by foreign keys that point out of the schema they lead nowhere.
---Raises UsageError for what is no schema.
---
---    local Users = User:withSchema("tenant_1")
---    Users:findAll()         -- SELECT ... FROM "tenant_1"."users"
---@param place string|table the schema (rowan.null for the default one), or { schema =, schemaDelimiter =, associations = }
---@return rowan.OpenModel
function Variants:withSchema(place, ...)
  if select("#", ...) > 0 then
    fail(self.name .. ":withSchema", "takes one argument, the schema or { schema =, schemaDelimiter = }")
  end
  local found = variants.at(elsewhere.initial(self), read_place(place, self.name .. ":withSchema"))
  if not rawget(self, "_unscoped") then return found end
  return scopes.variant(found, rawget(self, "scoped"))
end

---withSchema as it was called in Sequelize 6, with the delimiter behind the schema.
---
---    User:schema("tenant_1", "_")    -- on SQLite "tenant_1_users"
---@param schema string
---@param options? string|{ schemaDelimiter?: string }
---@return rowan.OpenModel
function Variants:schema(schema, options)
  if type(schema) == "table" then return self:withSchema(schema) end
  local delimiter = options
  if type(options) == "table" then
    check.keys(options, DELIMITER, self.name .. ":schema", "UsageError")
    delimiter = options.schemaDelimiter
  end
  return self:withSchema{ schema = schema, schemaDelimiter = delimiter }
end

---The model itself, without a schema or scope of a variant.
---
---    User:withSchema("tenant_1"):getInitialModel() == User    --> true
---@return rowan.OpenModel
function Variants:getInitialModel()
  return elsewhere.initial(self)
end

return variants
