--- What the methods of the query interface are given: checked, and the table that is meant. Called by model/query_*.

local check = require("rowan.base.check")
local definition = require("rowan.schema.definition")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
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
---@param given string|{ tableName: string, schema?: string, delimiter?: string }|rowan.Model
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

---Refuses a method that the dialect has nothing for.
---@param db table
---@param capability string of dialect.supports
---@param what string the method
function args.need(db, capability, what)
  if db._dialect.supports[capability] then return end
  args.fail(("%s: %s has none of these"):format(what, db.dialect))
end

---What a call of a model takes of the options of a method.
---@param given table
---@return table
function args.call(given)
  return { transaction = given.transaction, logging = given.logging }
end

---A set of names given as a list, or not at all.
---@param given? string[]
---@param what string the method and the option
---@return table<string, boolean>
function args.names(given, what)
  check.optional(given, "table", "queryInterface:" .. what, "QueryError")
  for _, name in ipairs(given or {}) do args.text(name, what .. ": a name") end
  return check.set(given or {})
end

---A definition of columns alone, with no more than what was given.
---@param db table
---@param at rowan.TableName
---@param attributes table
---@param given { comment?: string, indexes?: table[] }
---@return rowan.Definition
function args.definition(db, at, attributes, given)
  return definition.new(at.name, attributes, {
    tableName = at.name, schema = at.schema, timestamps = false, noPrimaryKey = true, comment = given.comment,
    indexes = given.indexes,
  }, { dialect = db._dialect, is_expression = expression.is, live = true })
end

return args
