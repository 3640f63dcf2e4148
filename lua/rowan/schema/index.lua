--- Unique groups and indexes of a definition: from the options `unique` and `index` of attributes and
--- `indexes` of the model to ordered lists with names. Called by schema/definition.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local naming = require("rowan.base.naming")
local options = require("rowan.schema.options")
local suggest = require("rowan.base.suggest")
local types = require("rowan.types")

local index = {}

---@class rowan.IndexField
---@field attr? rowan.Attribute
---@field expression? any
---@field path? string the attribute's name with a path or casts, which the expression stands for
---@field order? "ASC"|"DESC"
---@field collate? string
---@field operator? string operator class

---@class rowan.Index
---@field name string
---@field fields rowan.IndexField[]
---@field unique boolean
---@field where? table condition of a partial index, as in `where`
---@field using? string "btree", "gin", ...
---@field include? rowan.Attribute[] further columns that the index holds
---@field message? string for unique ones
---@field concurrently? boolean made while others write to the table, outside of a transaction
---@field undeleted? boolean the condition is that rows are not deleted softly

---@class rowan.Unique
---@field name string
---@field attrs rowan.Attribute[]
---@field message? string
---@field index? rowan.Index set when it is made by a unique index instead of a constraint

-- The longest name of PostgreSQL; names made up here fit it on every database.
local MAX_NAME = 63

local METHODS = check.set({ "btree", "hash", "gist", "gin", "brin", "spgist" })
local ORDERS = { ASC = true, DESC = true }
local FIELD_KEYS = check.set({ "name", "attribute", "order", "collate", "operator", "length" })

---What can be said of an index.
---@type table<string, boolean>
index.KEYS = check.set({
  "name", "fields", "unique", "type", "method", "using", "where", "include", "operator", "concurrently", "parser",
  "prefix", "msg",
})
local ATTRIBUTE_INDEX_KEYS = { attribute = true }
for key in pairs(index.KEYS) do ATTRIBUTE_INDEX_KEYS[key] = key ~= "fields" or nil end

local function fail(subject, rule)
  errors.raise("DefinitionError", { message = subject .. ": " .. rule })
end

-- An attribute by its name, or by its column.
local function attribute_of(def, subject, name)
  local attr = def.by_name[name] or def.by_field[name]
  if not attr then
    local names = {}
    for i, known in ipairs(def.list) do names[i] = known.name end
    fail(subject, suggest.unknown("there is no attribute", name, names))
  end
  if attr.virtual then fail(subject, ('the attribute "%s" has no column'):format(attr.label)) end
  return attr
end

---The name that an index without one of its own gets.
---@param at string the table
---@param columns string[] of the fields
---@param unique? boolean
---@return string
function index.made_up_name(at, columns, unique)
  local text = at .. "_" .. table.concat(columns, "_") .. (unique and "_unique" or "")
  return naming.shorten(naming.underscore(text), MAX_NAME)
end

local function default_name(def, fields, unique, prefix)
  local columns = {}
  for i, field in ipairs(fields) do
    columns[i] = field.attr and field.attr.field or field.path:gsub("[^%w]+", "_"):gsub("_$", "")
  end
  return index.made_up_name(prefix or def.table, columns, unique)
end

-- A name that was given. Where there are no schemas, those of indexes are the database's, and a variant needs its own.
local function given_name(def, name)
  if not name or not def.origin or def.dialect.supports.schemas then return name end
  return def.table .. "." .. name
end

local function operator_class(def, subject, value)
  if value == nil then return nil end
  if type(value) ~= "string" or not value:find("^[%a_][%w_%.]*$") then
    fail(subject, "operator must be the name of an operator class")
  end
  if not def.dialect.supports.index_methods then
    fail(subject, ("%s has no operator classes"):format(def.dialect.name))
  end
  return value
end

-- What an index has of an attribute: its column, or what a path or casts behind its name make of it ("data.size::int").
local function field_of(def, subject, name)
  local known = type(name) ~= "string" or def.by_name[name] or def.by_field[name]
  local made = not known and def.context.path and def.context.path(def, name)
  if made then return { expression = made, path = name } end
  return { attr = attribute_of(def, subject, name) }
end

local function read_field(def, subject, given, operator)
  if type(given) == "string" then
    local field = field_of(def, subject, given)
    field.operator = operator
    return field
  end
  if def.context.is_expression and def.context.is_expression(given) then
    return { expression = given, operator = operator }
  end
  if type(given) ~= "table" or types.is(given) then
    fail(subject, "a field must be an attribute's name, { name =, order = }, or an SQL expression")
  end
  check.keys(given, FIELD_KEYS, subject .. ": a field", "DefinitionError")
  if given.length ~= nil then fail(subject, "length of a field is for MySQL") end
  local order = given.order
  if order ~= nil then
    order = type(order) == "string" and order:upper() or order
    if not ORDERS[order] then fail(subject, "order must be ASC or DESC, not " .. suggest.clip(order)) end
  end
  if given.collate ~= nil then
    options.check_identifier(def.dialect, subject .. ": collate", given.collate)
  end
  local field = field_of(def, subject, given.name or given.attribute)
  field.order, field.collate = order, given.collate
  field.operator = operator_class(def, subject, given.operator) or operator
  return field
end

local function method_of(def, subject, given)
  local using = given.using or given.method
  if using == nil then return nil end
  local word = type(using) == "string" and using:lower()
  if not METHODS[word] then
    fail(subject, suggest.unknown("there is no index method", using, check.sorted_keys(METHODS)))
  end
  if def.dialect.supports.index_methods then return word end
  if word ~= "btree" then fail(subject, ("%s has no index method %s"):format(def.dialect.name, using)) end
end

local function uniqueness(subject, given)
  local kind = given.type
  if kind == nil then return given.unique or false end
  if type(kind) == "string" and kind:upper() == "UNIQUE" then return true end
  fail(subject, "type must be UNIQUE: FULLTEXT and SPATIAL are for MySQL")
end

local function included(def, subject, given)
  if given.include == nil then return nil end
  if not def.dialect.supports.index_methods then
    fail(subject, ("%s has no covering indexes"):format(def.dialect.name))
  end
  local list = {}
  check.type(given.include, "table", subject .. ": include", "DefinitionError")
  for i, name in ipairs(given.include) do list[i] = attribute_of(def, subject, name) end
  return list
end

-- One entry of `indexes`, or of an attribute's `index` with its field put in.
local function read_index(def, subject, given, fields)
  if given.parser ~= nil then fail(subject, "parser is for MySQL") end
  check.optional(given.name, "string", subject .. ": name", "DefinitionError")
  check.optional(given.prefix, "string", subject .. ": prefix", "DefinitionError")
  check.optional(given.unique, "boolean", subject .. ": unique", "DefinitionError")
  check.optional(given.concurrently, "boolean", subject .. ": concurrently", "DefinitionError")
  check.optional(given.msg, "string", subject .. ": msg", "DefinitionError")
  check.optional(given.where, "table", subject .. ": where", "DefinitionError")
  local operator = operator_class(def, subject, given.operator)
  local made = {
    fields = {}, unique = uniqueness(subject, given), using = method_of(def, subject, given),
    where = given.where, include = included(def, subject, given), message = given.msg,
    name = given_name(def, given.name),
    concurrently = def.dialect.supports.concurrent_indexes and given.concurrently or nil,
  }
  for i, field in ipairs(fields) do made.fields[i] = read_field(def, subject, field, operator) end
  if #made.fields == 0 then fail(subject, "wants fields") end
  if made.name then
    options.check_identifier(def.dialect, subject .. ": the name", made.name)
    return made
  end
  for _, field in ipairs(made.fields) do
    if field.expression and not field.path then fail(subject, "an index on an expression needs a name") end
  end
  made.name = default_name(def, made.fields, made.unique, given_name(def, given.prefix))
  made.made_up = true
  return made
end

-- Adds an index; one of the same name given before gets the further fields (composite indexes are written
-- so).
local function add(list, by_name, subject, made)
  local before = by_name[made.name]
  if not before then
    list[#list + 1] = made
    by_name[made.name] = made
    return
  end
  if made.made_up or before.made_up then
    fail(subject, ('two indexes get the name "%s"; give one of them another'):format(made.name))
  end
  for _, key in ipairs({ "unique", "using", "where", "message", "concurrently" }) do
    if made[key] ~= nil and before[key] ~= made[key] then
      fail(subject, ('the index "%s" is described twice, with different options'):format(made.name))
    end
  end
  for _, field in ipairs(made.fields) do before.fields[#before.fields + 1] = field end
end

-- The entries of an option that takes true, a name, a table of options, or a list of these.
local function entries(subject, option, given, known)
  if given == nil or given == false then return {} end
  local list = type(given) == "table" and #given > 0 and given or { given }
  local all = {}
  for i, entry in ipairs(list) do
    if entry == true then
      all[i] = {}
    elseif type(entry) == "string" and entry ~= "" then
      all[i] = { name = entry }
    elseif type(entry) == "table" then
      check.keys(entry, known, ('%s: the option "%s"'):format(subject, option), "DefinitionError")
      all[i] = entry
    else
      fail(subject, ('the option "%s" must be true, a name, or a table with name'):format(option))
    end
  end
  return all
end

local UNIQUE_KEYS = { name = true, msg = true }

local function read_uniques(def, spec_of)
  local list, by_name = {}, {}
  for _, attr in ipairs(def.list) do
    local subject = def.name .. "." .. attr.label
    for _, entry in ipairs(entries(subject, "unique", spec_of[attr].unique, UNIQUE_KEYS)) do
      check.optional(entry.name, "string", subject .. ": unique.name", "DefinitionError")
      check.optional(entry.msg, "string", subject .. ": unique.msg", "DefinitionError")
      local name = given_name(def, entry.name) or default_name(def, { { attr = attr } }, true)
      options.check_identifier(def.dialect, subject .. ": the name of the unique constraint", name)
      local group = by_name[name]
      if not group then
        group = { name = name, attrs = {} }
        list[#list + 1] = group
        by_name[name] = group
      end
      group.attrs[#group.attrs + 1] = attr
      group.message = group.message or entry.msg
    end
  end
  for _, group in ipairs(list) do
    if #group.attrs == 1 then group.attrs[1].unique = true end
  end
  return list, by_name
end

local function attribute_indexes(def, spec_of, each)
  for _, attr in ipairs(def.list) do
    local subject = def.name .. "." .. attr.label
    for _, entry in ipairs(entries(subject, "index", spec_of[attr].index, ATTRIBUTE_INDEX_KEYS)) do
      check.optional(entry.attribute, "table", subject .. ": index.attribute", "DefinitionError")
      local field, given = { name = attr.name }, {}
      for key, value in pairs(entry.attribute or {}) do field[key] = value end
      for key, value in pairs(entry) do given[key] = value end
      field.name = attr.name
      -- A plain index on JSONB serves nothing but equality of whole documents.
      local plain = not given.using and not given.method
      if plain and attr.type.key == "JSONB" and def.dialect.supports.index_methods then
        given.using = "gin"
      end
      each(subject .. ": index", read_index(def, subject .. ": index", given, { field }))
    end
  end
end

-- The first field of an entry of `indexes` that no attribute is called like, nor nearly: an association may add it yet.
local function missing_field(def, given)
  for _, field in ipairs(given.fields) do
    local name = field
    if type(field) == "table" and getmetatable(field) == nil then name = field.name or field.attribute end
    local known = type(name) ~= "string" or def.by_name[name] or def.by_field[name]
    if not known and not (def.context.path and def.context.path(def, name)) then
      local names = {}
      for i, attr in ipairs(def.list) do names[i] = attr.name end
      return not suggest.nearest(name, names) and name or nil
    end
  end
end

local function plain_attributes(made)
  local attrs = {}
  for i, field in ipairs(made.fields) do
    if not field.attr then return nil end
    attrs[i] = field.attr
  end
  return attrs
end

-- Of a model whose rows are deleted softly, what is unique is so among those that are not: a name can be used again.
local function partial_uniques(def, uniques, add_index)
  local deleted = def.roles.deleted
  if not deleted then return uniques end
  for _, group in ipairs(uniques) do
    local made = {
      name = group.name, fields = {}, unique = true, where = { [deleted] = def.roles.live }, message = group.message,
      undeleted = true,
    }
    for i, attr in ipairs(group.attrs) do made.fields[i] = { attr = attr } end
    add_index(("the model %s: unique %s"):format(def.name, group.name), made)
  end
  return {}
end

---Reads the unique groups and indexes of a definition whose attributes are there.
---@param def table with list, by_name, by_field, options, context
---@param spec_of table<rowan.Attribute, table> the options of each attribute
---@return rowan.Unique[] uniques
---@return rowan.Index[] indexes
---@return { subject: string, name: string }[] pending indexes that wait for an attribute of an association
function index.read(def, spec_of)
  local uniques, taken = read_uniques(def, spec_of)
  local list, by_name, pending = {}, {}, {}
  local function each(subject, made)
    if taken[made.name] then
      fail(subject, ('the name "%s" is taken by a unique constraint'):format(made.name))
    end
    add(list, by_name, subject, made)
  end
  for i, given in ipairs(def.options.indexes or {}) do
    local subject = ("the model %s: index %d"):format(def.name, i)
    check.type(given, "table", subject, "DefinitionError")
    check.keys(given, index.KEYS, subject, "DefinitionError")
    check.type(given.fields, "table", subject .. ": fields", "DefinitionError")
    local missing = missing_field(def, given)
    if missing then
      pending[#pending + 1] = { subject = subject, name = missing }
    else
      local made = read_index(def, subject, given, given.fields)
      if made.unique and not made.where and def.roles.deleted then
        made.where, made.undeleted = { [def.roles.deleted] = def.roles.live }, true
      end
      each(subject, made)
    end
  end
  attribute_indexes(def, spec_of, each)
  uniques = partial_uniques(def, uniques, function(_, made) list[#list + 1] = made end)
  for _, made in ipairs(list) do
    local attrs = made.unique and plain_attributes(made)
    if attrs then
      uniques[#uniques + 1] = { name = made.name, attrs = attrs, message = made.message, index = made }
      if #attrs == 1 and not made.where then attrs[1].unique = true end
    end
  end
  return uniques, list, pending
end

---Raises when an index of a definition has a field that no association added either. Called before tables are made.
---@param def rowan.Definition
function index.settled(def)
  local waiting = def.pending[1]
  if waiting then attribute_of(def, waiting.subject, waiting.name) end
end

return index
