--- Which table a call of the query interface means.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local options = require("rowan.schema.options")

local KEYS = { tableName = true, schema = true, delimiter = true }

---The name and schema of a table, as the database knows them.
---@param db table
---@param given string|{ tableName: string, schema?: string }|rowan.Model
---@param call? { schema?: string }
---@param what string the method, for messages
---@return rowan.TableName
return function(db, given, call, what)
  local context = "queryInterface:" .. what .. ": the table"
  if type(given) == "table" and rawget(given, "definition") then
    return { name = given.definition.table, schema = given.definition.schema }
  end
  local table_name, schema, delimiter = given, call and call.schema, nil
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
