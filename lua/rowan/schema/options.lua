--- The options of a model: checked, merged with the defaults of the database, and the names that follow from
--- them. Called by schema/definition.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local naming = require("rowan.base.naming")
local suggest = require("rowan.base.suggest")

local options = {}

local KINDS = {
  tableName = "string", schema = "string", schemaDelimiter = "string", freezeTableName = "boolean",
  name = "table",
  underscored = "boolean", timestamps = "boolean", createdAt = "boolean|string", updatedAt = "boolean|string",
  deletedAt = "boolean|string", paranoid = "boolean", version = "boolean|string|table", noPrimaryKey = "boolean",
  omitNull = "boolean", defaultScope = "table|function", scopes = "table", indexes = "table", validate = "table",
  hooks = "table", individualHooks = "boolean", plugins = "table",
  comment = "string", associationLoading = "string", strict = "boolean",
  rejectOnEmpty = "boolean|table",
}

local REFUSED = {
  modelName = "the name is the first argument of define",
  engine = "it is for MySQL", charset = "it is for MySQL", collate = "it is for MySQL",
  hasTrigger = "it is for MSSQL",
  initialAutoIncrement = "it is for MySQL",
  getterMethods = "give the attribute a get, or define a method on the prototype",
  setterMethods = "give the attribute a set, or define a method on the prototype",
  sequelize = "define is a method of the database",
}

local function fail(name, rule)
  errors.raise("DefinitionError", { message = ("the model %s: %s"):format(name, rule) })
end

local function check_one(name, key, value)
  if REFUSED[key] then fail(name, ('the option "%s" is not supported: %s'):format(key, REFUSED[key])) end
  check.type(value, KINDS[key], ('the model %s: the option "%s"'):format(name, key), "DefinitionError")
  if value == "" then fail(name, ('the option "%s" must not be empty'):format(key)) end
  if key == "rejectOnEmpty" and not errors.raisable(value) then
    fail(name, 'the option "rejectOnEmpty" must be true, an error class of rowan.errors, or an error')
  end
end

local function known()
  local names = {}
  for key in pairs(KINDS) do names[key] = true end
  for key in pairs(REFUSED) do names[key] = true end
  return names
end

-- The lists of both, one behind the other.
local function both(before, more)
  local list = {}
  for _, given in ipairs({ before, more }) do
    local one = type(given) ~= "table" or given[1] == nil and next(given) ~= nil
    if one or check.callable(given) then given = { given } end
    for _, item in ipairs(given) do list[#list + 1] = item end
  end
  return list
end

local function by_name(before, more, join)
  local merged = {}
  for key, value in pairs(before) do merged[key] = value end
  for key, value in pairs(more) do merged[key] = join and merged[key] ~= nil and join(merged[key], value) or value end
  return merged
end

-- What a model has of its own comes beside what the database's `define` gives to all; of one name, the model's counts.
local MERGED = {
  hooks = function(before, more) return by_name(before, more, both) end,
  scopes = by_name, validate = by_name, indexes = both, plugins = both,
}

local function merge(name, into, from, context)
  check.keys(from, known(), context, "DefinitionError")
  for _, key in ipairs(check.sorted_keys(from)) do
    local value = from[key]
    check_one(name, key, value)
    local join = MERGED[key]
    if join and next(value) ~= nil then value = join(into[key] or {}, value) end
    into[key] = value
  end
end

local function check_names(name, names)
  check.keys(names, { singular = true, plural = true }, ('the model %s: the option "name"'):format(name),
    "DefinitionError")
  for _, key in ipairs({ "singular", "plural" }) do
    check.optional(names[key], "string", ("the model %s: name.%s"):format(name, key), "DefinitionError")
  end
end

---An identifier that the database can hold: not empty, no control characters, not too long for it.
---@param dialect rowan.Dialect
---@param subject string what it names, in front of the message
---@param identifier any
function options.check_identifier(dialect, subject, identifier)
  local rule
  if type(identifier) ~= "string" or identifier == "" then
    rule = "must be a non-empty string"
  elseif identifier:find("%c") then
    rule = "must not contain control characters"
  elseif dialect.max_identifier and #identifier > dialect.max_identifier then
    rule = ("is %d bytes long; %s takes at most %d"):format(#identifier, dialect.name, dialect.max_identifier)
  end
  if rule then
    errors.raise("DefinitionError", {
      message = ('%s "%s" %s'):format(subject, suggest.clip(identifier), rule),
    })
  end
end

---The table's name and schema as the database knows them: without schemas, the schema becomes part of the
---name.
---@param dialect rowan.Dialect
---@param table_name string
---@param schema? string
---@param delimiter? string "." when not given
---@return string table_name
---@return string? schema
function options.table_of(dialect, table_name, schema, delimiter)
  if not schema or dialect.supports.schemas then return table_name, schema end
  return schema .. (delimiter or ".") .. table_name
end

---The same of a definition's table in a schema; raises for names that the database cannot hold.
---@param def table with name, dialect and unqualified
---@param schema? string
---@param delimiter? string
---@return string table_name
---@return string? schema
function options.place(def, schema, delimiter)
  local table_name, inside = options.table_of(def.dialect, def.unqualified, schema, delimiter)
  options.check_identifier(def.dialect, ("the model %s: the table name"):format(def.name), table_name)
  if inside then options.check_identifier(def.dialect, ("the model %s: the schema name"):format(def.name), inside) end
  return table_name, inside
end

---Reads a model's options into a definition: options, singular, plural, table, schema, comment, and `roles`,
---the names of the attributes that plugins keep, which they enter.
---@param def table the definition so far, with name and dialect
---@param given? table
---@param defaults? table the `define` option of the database
function options.read(def, given, defaults)
  local name, all = def.name, {}
  merge(name, all, defaults or {}, 'the database option "define"')
  check.optional(given, "table", ("the model %s: its options"):format(name), "DefinitionError")
  merge(name, all, given or {}, "the model " .. name)
  local names = all.name or {}
  check_names(name, names)
  def.options = all
  def.singular = names.singular or naming.singularize(name)
  def.plural = names.plural or naming.pluralize(name)
  local table_name = all.tableName or all.freezeTableName and name
    or all.underscored and naming.underscore(def.plural) or def.plural
  def.unqualified = table_name
  def.table, def.schema = options.place(def, all.schema, all.schemaDelimiter)
  def.comment = all.comment
  def.roles = {}
end

return options
