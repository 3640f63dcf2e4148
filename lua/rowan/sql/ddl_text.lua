--- What the texts of DDL are put together of: quoted names, literals, and statements that do nothing where their object is
--- there. Called by the other files of DDL.

local errors = require("rowan.base.errors")
local types = require("rowan.types")

local text = {}

---@param dialect rowan.Dialect
---@param value string
---@return string
function text.literal(dialect, value)
  return dialect.literal(value, types.DataTypes.TEXT)
end

---@param dialect rowan.Dialect
---@param name string of a table, a type or an index
---@param schema? string
---@return string
function text.name(dialect, name, schema)
  return schema and dialect.quote(schema) .. "." .. dialect.quote(name) or dialect.quote(name)
end

---@param dialect rowan.Dialect
---@param attrs rowan.Attribute[]
---@return string "(a, b)"
function text.fields(dialect, attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = dialect.quote(attr.field) end
  return "(" .. table.concat(names, ", ") .. ")"
end

---A function of the context that writes a part which a definition has.
---@param context? rowan.DdlContext
---@param key "expression"|"where"
---@param def rowan.Definition
---@param what string "an index on an expression", for the message
---@return function
function text.need(context, key, def, what)
  local fn = context and context[key]
  if not fn then
    local message = ("the table %s has %s, and nothing was given that writes it"):format(def.table, what)
    errors.raise("UsageError", { message = message })
  end
  return fn
end

---A statement that does nothing when its object is there already; PostgreSQL has no IF NOT EXISTS for these.
---@param statement string
---@param dialect rowan.Dialect
---@param after? string comes then
---@return string
function text.unless_there(statement, dialect, after)
  local ignore = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
  local block = ("BEGIN %s; %s; END"):format(statement, ignore)
  return "DO " .. text.literal(dialect, after and ("BEGIN %s; %s; END"):format(block, after) or block)
end

---DROP TABLE of several, in one statement where the database can, with what hangs on them where that was asked for.
---@param dialect rowan.Dialect
---@param quoted string[]
---@param cascade? boolean
---@return string[]
function text.drop_tables(dialect, quoted, cascade)
  local tail = cascade and dialect.supports.drop_cascade and " CASCADE" or ""
  if dialect.supports.drop_many then quoted = { table.concat(quoted, ", ") } end
  local texts = {}
  for i, name in ipairs(quoted) do texts[i] = "DROP TABLE IF EXISTS " .. name .. tail end
  return texts
end

return text
