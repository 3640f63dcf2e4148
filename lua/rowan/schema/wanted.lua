--- The picture of the table that a definition wants, in the form that dialect catalogues give of those that are there,
--- so that schema/difference can lay one over the other.

local ddl = require("rowan.sql.ddl")
local ddl_types = require("rowan.sql.ddl_types")
local family = require("rowan.types.family")
local schema_index = require("rowan.schema.index")

local wanted = {}

local function fields_of(attrs)
  local list = {}
  for i, attr in ipairs(attrs) do list[i] = attr.field end
  return list
end

-- The values of an enum that has a type of its own.
local function enum_of(def, attr, dialect)
  local of = ddl_types.enum_of(attr.type)
  if not of or not dialect.supports.enum_types then return nil end
  local owner, own = dialect.enum_owner(def, attr)
  -- The values of another column's type are that column's.
  return {
    name = dialect.enum_name(owner, own), schema = owner.schema, values = ddl_types.enum_of(own.type).values,
    borrowed = own ~= attr,
  }
end

local function column(def, attr, dialect, context)
  local rowid_key = attr.auto and not dialect.supports.identity
  return {
    name = attr.field, attr = attr, primary = attr.primary, auto = attr.auto, not_null = not attr.allow_null,
    type = dialect.catalog.canonical_type(rowid_key and "INTEGER" or dialect.type_name(attr.type, attr, def)),
    enum = enum_of(def, attr, dialect), array = family.root(attr.type).key == "ARRAY",
    default = not attr.auto and ddl.default_text(def, attr, dialect, context) or nil, comment = attr.comment,
    check_name = ddl.check_name(def, attr),
    generated = attr.generated and context.expression(attr.generated.expression, def),
    stored = attr.generated and (attr.generated.stored or false), check = ddl.check_of(def, attr, dialect),
    collate = dialect.collation and dialect.collation(attr.type),
  }
end

local function deferrable(word)
  return word ~= "NOT DEFERRABLE" and word or nil
end

local function foreign_keys(def)
  local list = {}
  for _, attr in ipairs(def.list) do
    local to = attr.references
    if to then
      list[#list + 1] = {
        columns = { attr.field }, table = to.table, schema = to.schema, keys = { to.field }, key = attr,
        on_delete = to.on_delete or "NO ACTION", on_update = to.on_update or "NO ACTION",
        deferrable = deferrable(to.deferrable),
      }
    end
  end
  for _, key in ipairs(def.foreign_keys) do
    list[#list + 1] = {
      columns = fields_of(key.attrs), table = key.definition.table, schema = key.definition.schema,
      keys = fields_of(key.keys), key = key, on_delete = key.on_delete, on_update = key.on_update,
    }
  end
  return list
end

local function index_field(def, field, context)
  return {
    column = field.attr and field.attr.field, order = field.order == "DESC" and "DESC" or nil, collate = field.collate,
    expression = field.expression and context.expression(field.expression, def), operator = field.operator,
  }
end

local function index(def, given, context)
  local made = {
    name = given.name, unique = given.unique, method = given.using or "btree", fields = {}, index = given,
    include = given.include and fields_of(given.include), where = given.where and context.where(given.where, def),
  }
  for i, field in ipairs(given.fields) do made.fields[i] = index_field(def, field, context) end
  return made
end

---What a definition wants.
---@param def rowan.Definition
---@param dialect rowan.Dialect
---@param context rowan.DdlContext
---@return rowan.TablePicture
function wanted.picture(def, dialect, context)
  schema_index.settled(def)
  local made = {
    name = def.table, schema = def.schema, comment = def.comment, columns = {}, by_name = {}, uniques = {},
    indexes = {}, foreign_keys = foreign_keys(def),
    definition = def, strict = dialect.supports.strict_tables and def.options.strict or false,
    primary = def.primary[1] and { columns = fields_of(def.primary) } or nil,
  }
  for _, attr in ipairs(def.list) do
    if not attr.virtual and not attr.system then
      local of = column(def, attr, dialect, context)
      made.columns[#made.columns + 1] = of
      made.by_name[dialect.catalog.fold(of.name)] = of
    end
  end
  for _, unique in ipairs(def.uniques) do
    if not unique.index then
      made.uniques[#made.uniques + 1] = { name = unique.name, columns = fields_of(unique.attrs) }
    end
  end
  for i, given in ipairs(def.indexes) do made.indexes[i] = index(def, given, context) end
  return made
end

return wanted
