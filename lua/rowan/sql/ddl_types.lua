--- Types that a database has to be told of before columns can have them: enums, and those of extensions.

local ddl_text = require("rowan.sql.ddl_text")

local ddl_types = {}

---The enum of a type, of its elements or of what it is stored as that has a type of its own in the database; nil for others.
---@param type_of rowan.Type
---@return rowan.Type?
function ddl_types.enum_of(type_of)
  while type_of.base or type_of.key == "ARRAY" do type_of = type_of.base or type_of.element end
  return type_of.key == "ENUM" and not type_of.check and type_of or nil
end

---The quoted name of the enum that an attribute has, and the attribute whose own it is.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return string name
---@return rowan.Attribute own
function ddl_types.enum_name(def, attr, dialect)
  local owner, own = dialect.enum_owner(def, attr)
  return ddl_text.name(dialect, dialect.enum_name(owner, own), owner.schema), own
end

---CREATE TYPE for the enum of an attribute, where it is not there.
---@param def rowan.Definition
---@param attr rowan.Attribute
---@param dialect rowan.Dialect
---@return string
function ddl_types.create_enum(def, attr, dialect)
  local values, name, own = {}, ddl_types.enum_name(def, attr, dialect)
  for i, value in ipairs(ddl_types.enum_of(own.type).values) do values[i] = ddl_text.literal(dialect, value) end
  return ddl_text.unless_there(("CREATE TYPE %s AS ENUM (%s)"):format(name, table.concat(values, ", ")), dialect)
end

-- What an extension has is no use outside of the search path, and some of it (operators) would quietly be something else.
local function in_path(dialect, extension, key)
  local schema = ("(SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
    .. "WHERE e.extname = %s)"):format(ddl_text.literal(dialect, extension))
  local message = ("the type %s is of the extension %s in the schema %%, which is not in the search path: "
    .. "name that schema in searchPath too"):format(key, extension)
  local raise = "IF to_regtype(%s) IS NULL THEN RAISE EXCEPTION %s, %s USING ERRCODE = '42704'; END IF"
  return raise:format(ddl_text.literal(dialect, key:lower()), ddl_text.literal(dialect, message), schema)
end

---CREATE EXTENSION for what types of attributes need, in the schema that every search path has as a rule: an extension
---belongs to the whole database.
---@param attrs rowan.Attribute[]
---@param dialect rowan.Dialect
---@return string[]
function ddl_types.extensions(attrs, dialect)
  local texts, seen = {}, {}
  for _, attr in ipairs(dialect.extension and attrs or {}) do
    local name, key = dialect.extension(attr.type)
    if name and not seen[name] then
      seen[name] = true
      local create = ("CREATE EXTENSION IF NOT EXISTS %s SCHEMA public"):format(dialect.quote(name))
      texts[#texts + 1] = ddl_text.unless_there(create, dialect, in_path(dialect, name, key))
    end
  end
  return texts
end

return ddl_types
