--- A model's definition: normalised once from what `define` was given, in an order that depends on nothing
--- but the input. Associations add foreign keys to it later; everyone else only reads.

local attribute = require("rowan.schema.attribute")
local check = require("rowan.base.check")
local draft = require("rowan.schema.draft")
local errors = require("rowan.base.errors")
local index = require("rowan.schema.index")
local options = require("rowan.schema.options")
local reference = require("rowan.schema.reference")
local types = require("rowan.types")

local definition = {}

---@class rowan.Definition
---@field name string
---@field singular string
---@field plural string
---@field table string the table as the database knows it
---@field schema? string only where the database has schemas
---@field comment? string
---@field options table
---@field dialect rowan.Dialect
---@field list rowan.Attribute[] those that have a column
---@field virtuals rowan.Attribute[] those that have none
---@field custom boolean whether it has getters, setters or virtual attributes
---@field by_name table<string, rowan.Attribute> by label, and by name where that is another
---@field by_field table<string, rowan.Attribute> by column
---@field primary rowan.Attribute[]
---@field auto? rowan.Attribute
---@field created? rowan.Attribute
---@field updated? rowan.Attribute
---@field deleted? rowan.Attribute
---@field version? rowan.Attribute
---@field missed? fun(model: rowan.Model, row: rowan.Instance, seen: table) raises for a row that has another version
---@field uniques rowan.Unique[]
---@field indexes rowan.Index[]
---@field filters? rowan.Filter[] what plugins put on every query (query/filter)
---@field plugin_options? table<string, boolean> keys of a call's options that plugins know
---@field hooks? table<string, function[]> what runs around writing and reading (change/hooks); nil for nothing
---@field linked? table<string, boolean> attributes that associations point with, by name
---@field writes? table<string, function[]> what plugins wrap around writing (repo/wrap); nil for nothing
---@field reads? function[] what plugins wrap around reading
---@field searched boolean whether a search takes more than its statement: hooks, wraps
---@field watched boolean whether writing a row takes more than its statement: hooks, validators, wraps
---@field foreign_keys rowan.ForeignKey[] those of several columns; one of a single column is in its attribute's references
---@field kept table<string, boolean> attributes that plugins keep, by name
---@field entries { name: string, spec: table, generated?: boolean, inferred?: boolean }[] what it was made of
---@field roles table<string, any> what plugins said that attributes are for (schema/draft)
---@field context rowan.DefinitionContext what it was made with
---@field pending { subject: string, name: string }[] fields of indexes that an association has still to add
---@field validates table[] the validators of the model as a whole (change/validate)
---@field hidden? table<string, rowan.Attribute> those with a getter or setter, by label
---@field has_dump? boolean whether a type's values are bound as something else
---@field defaults? rowan.Attribute[] those with a default that rowan fills in
---@field model? rowan.Model the way back, for layers to which a model is opaque
---@field generation integer another one after each change; no two definitions share one
---@field unqualified string the name of the table without a schema
---@field origin? rowan.Definition of a variant in another schema (schema/variant): that of the model itself

---@class rowan.DefinitionContext
---@field dialect rowan.Dialect
---@field defaults? table options under every model's own
---@field is_expression? fun(value: any): boolean tells SQL expressions (defaults, fields of indexes)
---@field live? boolean the definition is that of a table as it is (model/live_model), with whatever names its columns have
---@field counterpart? fun(def: table): table of a variant: the definition that a key leads to, where that is another one
---@field path? fun(def: table, name: string): any the expression of an attribute's name with a path or casts behind it
---@field plugins? fun(def: table): { plugin: rowan.Plugin, options: table }[] those of a definition whose options are read

-- Plans are kept by model and generation, and a model may be defined again under its name.
local generations = 0

local function fail(name, rule)
  errors.raise("DefinitionError", { message = ("the model %s: %s"):format(name, rule) })
end

-- The options of an entry of a list: beside the name and the type, or in a table of their own as in a map.
local function entry_spec(def, name, given)
  local subject, second = def.name .. "." .. name, given[2]
  local nested = type(second) == "table" and getmetatable(second) == nil
  local spec = attribute.spec(subject, nested and second or { type = second })
  for key, value in pairs(given) do
    if key ~= 1 and key ~= 2 then
      if spec[key] ~= nil then fail(def.name, ("%s has two %ss"):format(subject, tostring(key))) end
      spec[key] = value
    end
  end
  return spec
end

-- { { name, type, option = ... }, ... } as a list of { name =, spec = }.
local function from_list(def, attributes)
  local entries, seen = {}, {}
  if not check.sequence(attributes) then
    fail(def.name, "its attributes must be a map by name or a list of { name, type, option = ... }")
  end
  for i, given in ipairs(attributes) do
    local name = type(given) == "table" and not types.is(given) and given[1]
    if type(name) ~= "string" then
      fail(def.name, ("attribute %d of the list must be { name, type, ... }"):format(i))
    end
    local spec = entry_spec(def, name, given)
    if seen[name] then fail(def.name, ('there are two attributes "%s"'):format(name)) end
    seen[name] = true
    entries[i] = { name = name, spec = spec }
  end
  return entries
end

-- A map by name: primary key, then the other attributes by name.
local function from_map(def, attributes)
  local primary, others = {}, {}
  for _, name in ipairs(check.sorted_keys(attributes)) do
    if type(name) ~= "string" then fail(def.name, "the names of attributes must be strings") end
    local spec = attribute.spec(def.name .. "." .. name, attributes[name])
    local group = spec.primaryKey and primary or others
    group[#group + 1] = { name = name, spec = spec }
  end
  for _, entry in ipairs(others) do primary[#primary + 1] = entry end
  return primary
end

local function add_id(def, entries)
  if def.options.noPrimaryKey then return end
  for _, entry in ipairs(entries) do
    if entry.spec.primaryKey then return end
  end
  local id = draft.find(entries, "id")
  if id and id.spec.primaryKey == false then return end
  if id then
    fail(def.name, 'it has an attribute "id" but no primary key: set primaryKey to true, or to false for none')
  end
  local spec = { type = types.DataTypes.INTEGER, primaryKey = true, autoIncrement = true }
  table.insert(entries, 1, { name = "id", spec = spec, generated = true })
end

-- What plugins keep comes last in a map, wherever its name would put it.
local function kept_last(entries, kept)
  local ordered = {}
  for _, entry in ipairs(entries) do
    if not kept[entry.name] then ordered[#ordered + 1] = entry end
  end
  for _, entry in ipairs(kept) do ordered[#ordered + 1] = entry end
  return ordered
end

local function enter_field(def, made, attr)
  -- SQLite's column names are the same in upper and lower case.
  local field = def.dialect.name == "sqlite" and attr.field:lower() or attr.field
  local other = made.fields_seen[field]
  if other then
    fail(def.name, ('the attributes "%s" and "%s" have the same column "%s"')
      :format(other.name, attr.name, attr.field))
  end
  made.fields_seen[field] = attr
  made.by_field[attr.field] = attr
end

local function enter_name(def, made, attr)
  for _, name in ipairs({ attr.label, attr.name }) do
    local other = made.by_name[name]
    if other and other ~= attr then
      local holder = other.name ~= other.label and other or attr
      fail(def.name, ('the value of "%s", which has a get or set, is kept under "%s", so no attribute can be called so')
        :format(holder.label, holder.name))
    end
    made.by_name[name] = attr
  end
  local list = attr.virtual and made.virtuals or made.list
  list[#list + 1] = attr
  made.custom = made.custom or attr.virtual or attr.name ~= attr.label
end

local function enter_auto(def, made, attr)
  if made.auto then
    fail(def.name, ('only one attribute can be autoIncrement, not both "%s" and "%s"')
      :format(made.auto.name, attr.name))
  end
  made.auto = attr
end

-- Builds every part of the definition out of its entries. `reuse` gives the table of an attribute by name.
local function assemble(def, entries, reuse)
  local made = {
    name = def.name, dialect = def.dialect, options = def.options, context = def.context, table = def.table,
    origin = rawget(def, "origin"), roles = def.roles,
    list = {}, virtuals = {}, by_name = {}, by_field = {}, primary = {}, fields_seen = {}, custom = false,
  }
  local spec_of = {}
  for i, entry in ipairs(entries) do
    local attr = attribute.fill(reuse(entry.name), def, entry.name, entry.spec, i)
    enter_name(def, made, attr)
    spec_of[attr] = entry.spec
    attr.system, attr.follows = entry.system, reference.counterpart(def, entry.follows)
    if not attr.virtual then enter_field(def, made, attr) end
    if attr.primary then made.primary[#made.primary + 1] = attr end
    if attr.auto then enter_auto(def, made, attr) end
  end
  if not made.list[1] then fail(def.name, "it has no attributes") end
  if made.auto and not def.dialect.supports.identity and (#made.primary ~= 1 or not made.auto.primary) then
    fail(def.name, ('autoIncrement on "%s": %s makes values for a single primary key only')
      :format(made.auto.name, def.dialect.name))
  end
  made.uniques, made.indexes, made.pending = index.read(made, spec_of)
  return made
end

-- All or nothing: the entries are tried on fresh tables first, then enter the attributes that others already
-- hold.
local function commit(def, entries)
  assemble(def, entries, function() return {} end)
  local before = rawget(def, "by_name") or {}
  local made = assemble(def, entries, function(name) return before[name] or {} end)
  for _, key in ipairs({ "list", "virtuals", "custom", "by_name", "by_field", "primary", "uniques", "indexes",
    "pending" }) do
    def[key] = made[key]
  end
  def.auto = made.auto
  for _, role in ipairs(draft.ROLES) do def[role] = def.roles[role] and made.by_name[def.roles[role]] end
  def.entries = entries
  generations = generations + 1
  def.generation = generations
  def.fields = nil -- what change/fields has made of the list
end

---Makes the definition anew out of changed entries, all or nothing; schema/keys uses it. Attributes keep their tables.
---@param def rowan.Definition
---@param entries table[]
function definition.rebuild(def, entries)
  commit(def, entries)
end

---Normalises a model's definition; raises DefinitionError for what is wrong with it, by name.
---@param name string
---@param attributes table a map by name, or a list of { name, type, option = ... }, which fixes the order
---@param given? table the model's options
---@param context rowan.DefinitionContext
---@return rowan.Definition
function definition.new(name, attributes, given, context)
  if type(name) ~= "string" or name == "" or name:find("%c") then
    errors.raise("DefinitionError", { message = "define wants the model's name first, a non-empty string" })
  end
  local def = { name = name, dialect = context.dialect, context = context, generation = 0, foreign_keys = {} }
  options.read(def, given, context.defaults)
  if attributes == nil then attributes = {} end
  if type(attributes) ~= "table" then
    fail(name, "its attributes must be a table, not a " .. type(attributes))
  end
  local is_list = #attributes > 0
  local entries = is_list and from_list(def, attributes) or from_map(def, attributes)
  add_id(def, entries)
  local drafted = draft.new(def, entries)
  for _, used in ipairs(context.plugins and context.plugins(def) or {}) do
    if used.plugin.define then used.plugin.define(drafted, used.options) end
  end
  def.kept = drafted.kept
  commit(def, is_list and entries or kept_last(entries, drafted.kept))
  return def
end

local function same_option(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  if types.is(a) or types.is(b) then return tostring(a) == tostring(b) end
  for key, value in pairs(a) do
    if b[key] ~= value then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

---What was said first stays; what follows from it (actions of a foreign key) is filled in where nothing was said.
---@param subject string
---@param spec table
---@param more table
---@return table merged
function definition.merge(subject, spec, more)
  local merged = {}
  for key, value in pairs(spec) do merged[key] = value end
  for _, key in ipairs(check.sorted_keys(more)) do
    local before = merged[key]
    if before == nil then
      merged[key] = more[key]
    elseif key ~= "onDelete" and key ~= "onUpdate" and not same_option(before, more[key]) then
      errors.raise("DefinitionError", {
        message = ('%s: the option "%s" was given before, with another value'):format(subject, key),
      })
    end
  end
  return merged
end

---Adds attributes at the end, and to those that are there what was not said of them; what was said stays. A failure leaves
---the definition as it was.
---@param def rowan.Definition
---@param attributes table as for definition.new
function definition.fill_in(def, attributes)
  local given = #attributes > 0 and from_list(def, attributes) or from_map(def, attributes)
  local entries, at = {}, {}
  for i, entry in ipairs(def.entries) do entries[i], at[entry.name] = entry, i end
  for _, one in ipairs(given) do
    local place = at[one.name] or #entries + 1
    local entry = {}
    for key, value in pairs(entries[place] or one) do entry[key] = value end
    entry.spec = one.spec
    for key, value in pairs(entries[place] and entries[place].spec or {}) do entry.spec[key] = value end
    entries[place] = entry
  end
  commit(def, entries)
end

return definition
