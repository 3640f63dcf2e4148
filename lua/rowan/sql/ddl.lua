--- CREATE and DROP of tables, types and indexes, as texts, from a definition and a dialect. No effects.
--- Called by the repository's sync.

local comments_of = require("rowan.sql.comments")
local errors = require("rowan.base.errors")
local naming = require("rowan.base.naming")
local types = require("rowan.types")

local ddl = {}

---@class rowan.DdlContext
---@field defer? table<rowan.Attribute|rowan.ForeignKey, boolean> foreign keys that foreign_key_statements adds later
---@field bare? boolean a column without the keys it is part of
---@field expression? fun(expression: any, def: table): string the text of a default or an index's field
---@field where? fun(where: table, def: table): string the text of a partial index's condition

-- The longest name of PostgreSQL.
local MAX_NAME = 63

local function text_literal(dialect, text)
  return dialect.literal(text, types.DataTypes.TEXT)
end

local function need(context, key, def, what)
  local fn = context and context[key]
  if not fn then
    local message = ("the table %s has %s, and nothing was given that writes it"):format(def.table, what)
    errors.raise("UsageError", { message = message })
  end
  return fn
end

local function quoted_table(dialect, name, schema)
  return schema and dialect.quote(schema) .. "." .. dialect.quote(name) or dialect.quote(name)
end
ddl.quoted_table = quoted_table

local function quoted_fields(dialect, attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = dialect.quote(attr.field) end
  return "(" .. table.concat(names, ", ") .. ")"
end

local function has_columns(def)
  local list = {}
  for _, attr in ipairs(def.list) do
    if not attr.virtual and not attr.system then list[#list + 1] = attr end
  end
  return list
end

---The REFERENCES clause of an attribute; nil when it has none.
---@param _ table definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return string?
function ddl.foreign_key(_, attr, dialect)
  local to = attr.references
  if not to then return nil end
  local parts = {
    "REFERENCES " .. quoted_table(dialect, to.table, to.schema) .. " (" .. dialect.quote(to.field) .. ")",
  }
  if to.on_delete then parts[#parts + 1] = "ON DELETE " .. to.on_delete end
  if to.on_update then parts[#parts + 1] = "ON UPDATE " .. to.on_update end
  if to.deferrable then parts[#parts + 1] = to.deferrable end
  return table.concat(parts, " ")
end

---What stands behind DEFAULT; nil for an attribute whose default the database does not know.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@param context? rowan.DdlContext
---@return string?
function ddl.default_text(def, attr, dialect, context)
  if attr.default_kind == "value" then return dialect.literal(attr.default, attr.type) end
  if attr.default_kind == "expression" then
    local write = need(context, "expression", def, "an expression as a default")
    return "(" .. write(attr.default, def) .. ")"
  end
end

local function generated_clause(def, attr, dialect, context)
  if not attr.generated then return nil end
  local write = need(context, "expression", def, "a generated column")
  return ("GENERATED ALWAYS AS (%s) %s"):format(write(attr.generated.expression, def),
    attr.generated.stored and "STORED" or "VIRTUAL")
end

---The name of the CHECK that a column's type may make.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@return string
function ddl.check_name(def, attr)
  return naming.shorten(def.table .. "_" .. attr.field .. "_check", MAX_NAME)
end

---The CHECK by which a column holds only what its type has, where the database's type does not see to it; nil for none.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return { name: string, expression: string }?
function ddl.check_of(def, attr, dialect)
  if attr.auto and not dialect.supports.identity then return nil end
  local condition = dialect.type_check(attr.type, dialect.quote(attr.field))
  if not condition then return nil end
  return { name = ddl.check_name(def, attr), expression = condition }
end

---The same as a constraint.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return string?
function ddl.type_check(def, attr, dialect)
  local check = ddl.check_of(def, attr, dialect)
  return check and ("CONSTRAINT %s CHECK (%s)"):format(dialect.quote(check.name), check.expression)
end

local function written_comment(dialect, text)
  return dialect.supports.written_comments and comments_of.write(text) or ""
end

---A column of CREATE TABLE and ADD COLUMN: its name and the clauses behind it, in the order that both databases take.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@param context? rowan.DdlContext `defer` leaves out its foreign key
---@return string
function ddl.column(def, attr, dialect, context)
  local parts = { dialect.quote(attr.field), dialect.type_name(attr.type, attr, def) }
  local collation = dialect.collation and dialect.collation(attr.type)
  if collation then parts[3] = "COLLATE " .. collation end
  local sole_key = attr.primary and #def.primary == 1
  local rowid_key = attr.auto and not dialect.supports.identity
  local function put(text) parts[#parts + 1] = text end
  if rowid_key then
    -- These three words in this order, and INTEGER in front, make SQLite number the rows and never use a
    -- number again.
    parts[2] = "INTEGER"
    put("PRIMARY KEY AUTOINCREMENT")
  else
    if not attr.allow_null then put("NOT NULL") end
    if attr.auto then put("GENERATED BY DEFAULT AS IDENTITY") end
    local default = ddl.default_text(def, attr, dialect, context)
    if default then put("DEFAULT " .. default) end
    put(generated_clause(def, attr, dialect, context))
    put(ddl.type_check(def, attr, dialect))
    if sole_key and not (context and context.bare) then put("PRIMARY KEY") end
  end
  if context and context.bare then return table.concat(parts, " ") end
  local deferred = context and context.defer and context.defer[attr] and dialect.supports.alter_constraints
  if not deferred then put(ddl.foreign_key(def, attr, dialect)) end
  return table.concat(parts, " ") .. written_comment(dialect, attr.comment)
end

-- A foreign key of several columns.
local function composite_key(key, dialect)
  local to = key.definition
  return ("FOREIGN KEY %s REFERENCES %s %s ON DELETE %s ON UPDATE %s"):format(quoted_fields(dialect, key.attrs),
    quoted_table(dialect, to.table, to.schema), quoted_fields(dialect, key.keys), key.on_delete, key.on_update)
end

---FOREIGN KEY as a constraint of the table.
---@param def rowan.Definition
---@param key rowan.Attribute|rowan.ForeignKey
---@param dialect rowan.Dialect
---@return string
function ddl.key_clause(def, key, dialect)
  if key.attrs then return composite_key(key, dialect) end
  return ("FOREIGN KEY %s %s"):format(quoted_fields(dialect, { key }), ddl.foreign_key(def, key, dialect))
end

local function table_constraints(def, dialect, lines, context)
  if #def.primary > 1 then
    lines[#lines + 1] = "PRIMARY KEY " .. quoted_fields(dialect, def.primary)
  end
  for _, unique in ipairs(def.uniques) do
    if not unique.index then
      local name, fields = dialect.quote(unique.name), quoted_fields(dialect, unique.attrs)
      lines[#lines + 1] = ("CONSTRAINT %s UNIQUE %s"):format(name, fields)
    end
  end
  for _, key in ipairs(def.foreign_keys or {}) do
    local deferred = context and context.defer and context.defer[key] and dialect.supports.alter_constraints
    if not deferred then lines[#lines + 1] = composite_key(key, dialect) end
  end
end

-- A statement that does nothing when its object is there already; PostgreSQL has no IF NOT EXISTS for these. `after` comes
-- then.
local function unless_there(statement, dialect, after)
  local ignore = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
  local block = ("BEGIN %s; %s; END"):format(statement, ignore)
  return "DO " .. text_literal(dialect, after and ("BEGIN %s; %s; END"):format(block, after) or block)
end

---The enum of a type, of its elements or of what it is stored as that has a type of its own in the database; nil for others.
---@param type_of rowan.Type
---@return rowan.Type?
function ddl.enum_of(type_of)
  while type_of.base or type_of.key == "ARRAY" do type_of = type_of.base or type_of.element end
  return type_of.key == "ENUM" and not type_of.check and type_of or nil
end

local function quoted_enum(def, attr, dialect)
  local owner, own = dialect.enum_owner(def, attr)
  return quoted_table(dialect, dialect.enum_name(owner, own), owner.schema), own
end

---CREATE TYPE for the enum of an attribute, where it is not there.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return string
function ddl.create_enum(def, attr, dialect)
  local values, name, own = {}, quoted_enum(def, attr, dialect)
  for i, value in ipairs(ddl.enum_of(own.type).values) do values[i] = text_literal(dialect, value) end
  return unless_there(("CREATE TYPE %s AS ENUM (%s)"):format(name, table.concat(values, ", ")), dialect)
end

-- What an extension has is no use outside of the search path, and some of it (operators) would quietly be something else.
local function in_path(dialect, extension, key)
  local schema = ("(SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
    .. "WHERE e.extname = %s)"):format(text_literal(dialect, extension))
  local message = ("the type %s is of the extension %s in the schema %%, which is not in the search path: "
    .. "name that schema in searchPath too"):format(key, extension)
  local raise = "IF to_regtype(%s) IS NULL THEN RAISE EXCEPTION %s, %s USING ERRCODE = '42704'; END IF"
  return raise:format(text_literal(dialect, key:lower()), text_literal(dialect, message), schema)
end

---CREATE EXTENSION for what types of attributes need, in the schema that every search path has as a rule: an extension
---belongs to the whole database.
---@param attrs rowan.Attribute[]
---@param dialect rowan.Dialect
---@return string[]
function ddl.extensions(attrs, dialect)
  local texts, seen = {}, {}
  for _, attr in ipairs(dialect.extension and attrs or {}) do
    local name, key = dialect.extension(attr.type)
    if name and not seen[name] then
      seen[name] = true
      local create = ("CREATE EXTENSION IF NOT EXISTS %s SCHEMA public"):format(dialect.quote(name))
      texts[#texts + 1] = unless_there(create, dialect, in_path(dialect, name, key))
    end
  end
  return texts
end

local function enums(def, dialect)
  local list = {}
  if dialect.supports.enum_types then
    for _, attr in ipairs(has_columns(def)) do
      if ddl.enum_of(attr.type) then list[#list + 1] = attr end
    end
  end
  return list
end

local function index_field(def, field, dialect, context)
  local parts
  if field.attr then
    parts = { dialect.quote(field.attr.field) }
  else
    local write = need(context, "expression", def, "an index on an expression")
    parts = { "(" .. write(field.expression, def) .. ")" }
  end
  if field.collate then parts[#parts + 1] = "COLLATE " .. dialect.quote(field.collate) end
  if field.operator then parts[#parts + 1] = field.operator end
  if field.order then parts[#parts + 1] = field.order end
  return table.concat(parts, " ")
end

---CREATE INDEX IF NOT EXISTS for one index of a definition.
---@param def rowan.Definition
---@param index rowan.Index
---@param dialect rowan.Dialect
---@param context? rowan.DdlContext
---@return string
function ddl.create_index(def, index, dialect, context)
  local fields = {}
  for i, field in ipairs(index.fields) do fields[i] = index_field(def, field, dialect, context) end
  local parts = {
    index.unique and "CREATE UNIQUE INDEX" or "CREATE INDEX",
    index.concurrently and "CONCURRENTLY IF NOT EXISTS" or "IF NOT EXISTS", dialect.quote(index.name), "ON",
    quoted_table(dialect, def.table, def.schema),
  }
  if index.using then parts[#parts + 1] = "USING " .. index.using end
  parts[#parts + 1] = "(" .. table.concat(fields, ", ") .. ")"
  if index.include then parts[#parts + 1] = "INCLUDE " .. quoted_fields(dialect, index.include) end
  if index.where then
    parts[#parts + 1] = "WHERE " .. need(context, "where", def, "a partial index")(index.where, def)
  end
  return table.concat(parts, " ")
end

---What takes away the invalid index that a CREATE INDEX CONCURRENTLY leaves when it fails.
---@param def rowan.Definition
---@param index rowan.Index
---@param dialect rowan.Dialect
---@return string
function ddl.drop_invalid(def, index, dialect)
  return "DROP INDEX CONCURRENTLY IF EXISTS " .. quoted_table(dialect, index.name, def.schema)
end

local function comments(def, dialect, texts)
  if dialect.supports.written_comments then return end
  local name = quoted_table(dialect, def.table, def.schema)
  if def.comment then
    texts[#texts + 1] = ("COMMENT ON TABLE %s IS %s"):format(name, text_literal(dialect, def.comment))
  end
  for _, attr in ipairs(has_columns(def)) do
    if attr.comment then
      local place = name .. "." .. dialect.quote(attr.field)
      texts[#texts + 1] = ("COMMENT ON COLUMN %s IS %s"):format(place, text_literal(dialect, attr.comment))
    end
  end
end

---What creates the table of a definition where it is not there: its enum types, the table, its indexes (but for those that
---are made concurrently, which no transaction holds), its comments.
---@param def rowan.Definition
---@param dialect rowan.Dialect
---@param context? rowan.DdlContext
---@return string[] texts in order
function ddl.create_table(def, dialect, context)
  local texts, lines = ddl.extensions(has_columns(def), dialect), {}
  for _, attr in ipairs(enums(def, dialect)) do texts[#texts + 1] = ddl.create_enum(def, attr, dialect) end
  for _, attr in ipairs(has_columns(def)) do lines[#lines + 1] = ddl.column(def, attr, dialect, context) end
  table_constraints(def, dialect, lines, context)
  local strict = def.options.strict and dialect.supports.strict_tables and " STRICT" or ""
  local comment = written_comment(dialect, def.comment)
  texts[#texts + 1] = ("CREATE TABLE IF NOT EXISTS %s (%s%s)%s"):format(quoted_table(dialect, def.table, def.schema),
    comment ~= "" and comment .. " " or "", table.concat(lines, ", "), strict)
  for _, index in ipairs(def.indexes) do
    if not index.concurrently then texts[#texts + 1] = ddl.create_index(def, index, dialect, context) end
  end
  comments(def, dialect, texts)
  return texts
end

---What drops the tables of definitions that are there, in one statement where they may need each other and the database
---can, and their enum types.
---@param defs rowan.Definition[]
---@param dialect rowan.Dialect
---@param options? { cascade?: boolean }
---@return string[] texts in order
function ddl.drop_tables(defs, dialect, options)
  local cascade = options and options.cascade and dialect.supports.drop_cascade and " CASCADE" or ""
  local tables, texts = {}, {}
  for i, def in ipairs(defs) do tables[i] = quoted_table(dialect, def.table, def.schema) end
  if dialect.supports.drop_many then tables = { table.concat(tables, ", ") } end
  for i, name in ipairs(tables) do texts[i] = "DROP TABLE IF EXISTS " .. name .. cascade end
  for _, def in ipairs(defs) do
    for _, attr in ipairs(enums(def, dialect)) do
      local name, own = quoted_enum(def, attr, dialect)
      if own == attr then texts[#texts + 1] = "DROP TYPE IF EXISTS " .. name end
    end
  end
  return texts
end

---What drops the table of a definition where it is there, and its enum types.
---@param def rowan.Definition
---@param dialect rowan.Dialect
---@param options? { cascade?: boolean }
---@return string[] texts in order
function ddl.drop_table(def, dialect, options)
  return ddl.drop_tables({ def }, dialect, options)
end

---What lets tables that need each other be dropped one after the other in this transaction; nil where that is not needed.
---@param dialect rowan.Dialect
---@return string?
function ddl.defer_keys(dialect)
  return not dialect.supports.drop_many and "PRAGMA defer_foreign_keys = 1" or nil
end

---What adds the foreign keys that create_table left out. Empty where the database takes references to tables
---that are not there yet, for which create_table leaves none out.
---@param def rowan.Definition
---@param list (rowan.Attribute|rowan.ForeignKey)[]
---@param dialect rowan.Dialect
---@return string[] texts
function ddl.foreign_key_statements(def, list, dialect)
  local texts = {}
  if not dialect.supports.alter_constraints then return texts end
  for _, key in ipairs(list) do
    local fields = {}
    for i, attr in ipairs(key.attrs or { key }) do fields[i] = attr.field end
    local clause = ddl.key_clause(def, key, dialect)
    local name = naming.shorten(def.table .. "_" .. table.concat(fields, "_") .. "_fkey", MAX_NAME)
    texts[#texts + 1] = unless_there(("ALTER TABLE %s ADD CONSTRAINT %s %s"):format(
      quoted_table(dialect, def.table, def.schema), dialect.quote(name), clause), dialect)
  end
  return texts
end

return ddl
