--- What the methods of the query interface are given: checked, and the table that is meant. Called by model/query_*.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local options = require("rowan.schema.options")

local args = {}

local KEYS = { tableName = true, schema = true, delimiter = true }

---@param message string behind the method's name
function args.fail(message)
  errors.raise("QueryError", { message = "queryInterface:" .. message })
end

---The options of a method: those of every call, and its own.
---@param given? table
---@param what string the method
---@param own? table<string, any>
---@return table
function args.options(given, what, own)
  local known = { transaction = true, logging = true, schema = true }
  for key in pairs(own or {}) do known[key] = true end
  check.keys(given, known, "queryInterface:" .. what, "QueryError")
  return given or {}
end

---@param value any
---@param what string the method and what it wants the text for
---@return string
function args.text(value, what)
  check.type(value, "string", "queryInterface:" .. what, "QueryError")
  return value
end

---The name and schema of a table, as the database knows them.
---@param db table
---@param given string|{ tableName: string, schema?: string }|rowan.Model
---@param own? { schema?: string } the call's options
---@param what string the method
---@return rowan.TableName
function args.table(db, given, own, what)
  local context = "queryInterface:" .. what .. ": the table"
  if type(given) == "table" and rawget(given, "definition") then
    return { name = given.definition.table, schema = given.definition.schema }
  end
  local table_name, schema, delimiter = given, own and own.schema, nil
  if type(given) == "table" then
    check.keys(given, KEYS, context, "QueryError")
    table_name, schema, delimiter = given.tableName, given.schema or schema, given.delimiter
  end
  if type(table_name) ~= "string" or table_name == "" then
    errors.raise("QueryError", { message = context .. " must be its name, { tableName =, schema = }, or a model" })
  end
  check.optional(schema, "string", context .. ": schema", "QueryError")
  local name, in_schema = options.table_of(db._dialect, table_name, schema or db.options.schema, delimiter)
  return { name = name, schema = in_schema }
end

return args
