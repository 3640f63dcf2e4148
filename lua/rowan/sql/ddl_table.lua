--- DDL that needs no definition: names of tables, columns, constraints, schemas, databases and enums, as texts.
--- Called by repo/schema for the query interface.

local alter = require("rowan.sql.ddl_alter")
local ddl_text = require("rowan.sql.ddl_text")

local tables = {}

---TRUNCATE of several, which may point at each other.
---@param quoted string[]
---@param options { cascade?: boolean, restartIdentity?: boolean }
---@return string
function tables.truncate(quoted, options)
  return "TRUNCATE TABLE " .. table.concat(quoted, ", ") .. (options.restartIdentity and " RESTART IDENTITY" or "")
    .. (options.cascade and " CASCADE" or "")
end

---@param dialect rowan.Dialect
---@param enum { name: string, schema?: string }
---@return string
function tables.drop_enum(dialect, enum)
  return "DROP TYPE IF EXISTS " .. ddl_text.name(dialect, enum.name, enum.schema)
end

---@param dialect rowan.Dialect
---@param enum { name: string, schema?: string }
---@param values string[]
---@return string
function tables.create_enum(dialect, enum, values)
  local list = {}
  for i, value in ipairs(values) do list[i] = ddl_text.literal(dialect, value) end
  local name = ddl_text.name(dialect, enum.name, enum.schema)
  return ("CREATE TYPE %s AS ENUM (%s)"):format(name, table.concat(list, ", "))
end

---@param dialect rowan.Dialect
---@param enum { name: string, schema?: string }
---@param becomes string
---@return string
function tables.rename_enum(dialect, enum, becomes)
  local name = ddl_text.name(dialect, enum.name, enum.schema)
  return ("ALTER TYPE %s RENAME TO %s"):format(name, dialect.quote(becomes))
end

---@param dialect rowan.Dialect
---@param kind "TABLE"|"TYPE"
---@param at { name: string, schema?: string }
---@param becomes string
---@return string
function tables.set_schema(dialect, kind, at, becomes)
  local name = ddl_text.name(dialect, at.name, at.schema)
  return ("ALTER %s %s SET SCHEMA %s"):format(kind, name, dialect.quote(becomes))
end

---@param dialect rowan.Dialect
---@param quoted string
---@param becomes string
---@return string
function tables.rename(dialect, quoted, becomes)
  return ("ALTER TABLE %s RENAME TO %s"):format(quoted, dialect.quote(becomes))
end

---@param dialect rowan.Dialect
---@param quoted string
---@param before string
---@param after string
---@return string
function tables.rename_column(dialect, quoted, before, after)
  return ("ALTER TABLE %s RENAME COLUMN %s TO %s"):format(quoted, dialect.quote(before), dialect.quote(after))
end

local function reference(dialect, given)
  local parts = { (" REFERENCES %s %s"):format(ddl_text.name(dialect, given.table, given.schema),
    alter.list(dialect, given.keys)) }
  if given.on_delete then parts[#parts + 1] = "ON DELETE " .. given.on_delete end
  if given.on_update then parts[#parts + 1] = "ON UPDATE " .. given.on_update end
  return table.concat(parts, " ")
end

---A constraint of a table, as CREATE TABLE and ADD take it.
---@param dialect rowan.Dialect
---@param given table kind ("CHECK", "UNIQUE", ...), name, columns, expression; table, schema, keys, on_delete, on_update, deferrable
---@return string
function tables.constraint(dialect, given)
  local text = ("CONSTRAINT %s %s "):format(dialect.quote(given.name), given.kind)
  if given.kind == "CHECK" then
    text = text .. "(" .. given.expression .. ")"
  else
    text = text .. alter.list(dialect, given.columns)
  end
  if given.kind == "FOREIGN KEY" then text = text .. reference(dialect, given) end
  return text .. (given.deferrable and " " .. given.deferrable or "")
end

---@param quoted string
---@param clause string
---@return string
function tables.add_constraint(quoted, clause)
  return ("ALTER TABLE %s ADD %s"):format(quoted, clause)
end

---What fails for a view that does not work any more.
---@param dialect rowan.Dialect
---@param name string
---@return string
function tables.look_at(dialect, name)
  return "SELECT 1 FROM " .. dialect.quote(name) .. " LIMIT 0"
end

---@param dialect rowan.Dialect
---@param quoted string
---@param name string
---@param cascade? boolean
---@return string
function tables.drop_constraint(dialect, quoted, name, cascade)
  return ("ALTER TABLE %s DROP CONSTRAINT %s%s"):format(quoted, dialect.quote(name), cascade and " CASCADE" or "")
end

---@param dialect rowan.Dialect
---@param index { name: string, schema?: string }
---@param options { cascade?: boolean, ifExists?: boolean }
---@return string
function tables.drop_index(dialect, index, options)
  return ("DROP INDEX %s%s%s"):format(options.ifExists and "IF EXISTS " or "",
    ddl_text.name(dialect, index.name, index.schema),
    options.cascade and dialect.supports.drop_cascade and " CASCADE" or "")
end

---@param dialect rowan.Dialect
---@param name string
---@param options { ifNotExists?: boolean, authorization?: string }
---@return string
function tables.create_schema(dialect, name, options)
  return "CREATE SCHEMA " .. (options.ifNotExists and "IF NOT EXISTS " or "") .. dialect.quote(name)
    .. (options.authorization and " AUTHORIZATION " .. dialect.quote(options.authorization) or "")
end

---@param dialect rowan.Dialect
---@param name string
---@param options { ifExists?: boolean, cascade?: boolean }
---@return string
function tables.drop_schema(dialect, name, options)
  return "DROP SCHEMA " .. (options.ifExists and "IF EXISTS " or "") .. dialect.quote(name)
    .. (options.cascade and " CASCADE" or "")
end

local DATABASE = { { "encoding", "ENCODING" }, { "collate", "LC_COLLATE" }, { "ctype", "LC_CTYPE" } }

---@param dialect rowan.Dialect
---@param name string
---@param options { encoding?: string, collate?: string, ctype?: string, template?: string }
---@return string
function tables.create_database(dialect, name, options)
  local parts = { "CREATE DATABASE " .. dialect.quote(name) }
  for _, pair in ipairs(DATABASE) do
    local value = options[pair[1]]
    if value then parts[#parts + 1] = pair[2] .. " = " .. ddl_text.literal(dialect, value) end
  end
  if options.template then parts[#parts + 1] = "TEMPLATE = " .. dialect.quote(options.template) end
  return table.concat(parts, " ")
end

---@param dialect rowan.Dialect
---@param name string
---@return string
function tables.drop_database(dialect, name)
  return "DROP DATABASE IF EXISTS " .. dialect.quote(name)
end

return tables
