--- What the query interface does beside tables: schemas, databases and enums of PostgreSQL, and rows without models.
--- Methods of model/query_interface.

local check = require("rowan.base.check")
local ddl_table = require("rowan.sql.ddl_table")
local errors = require("rowan.base.errors")
local live_model = require("rowan.model.live_model")
local name_of = require("rowan.model.table_name")
local schema = require("rowan.repo.schema")

local others = {}

local function fail(message)
  errors.raise("QueryError", { message = "queryInterface:" .. message })
end

-- The options of a method: those of every call, and its own.
local function options_of(options, what, own)
  local known = { transaction = true, logging = true, schema = true }
  for key in pairs(own or {}) do known[key] = true end
  check.keys(options, known, "queryInterface:" .. what, "QueryError")
  return options or {}
end

local function text_of(value, what)
  check.type(value, "string", "queryInterface:" .. what, "QueryError")
  return value
end

-- ---- schemas, databases, enums ---------------------------------------------------------------------------------------

local function need(self, capability, what)
  if not self.db._dialect.supports[capability] then fail(("%s: %s has none of these"):format(what, self.db.dialect)) end
end

---Creates a schema (PostgreSQL).
---@async
---@param name string
---@param options? { ifNotExists?: boolean, transaction?: any, logging?: any }
function others:createSchema(name, options)
  options = options_of(options, "createSchema", { ifNotExists = true })
  need(self, "schemas", "createSchema")
  schema.send(self.db, { ddl_table.create_schema(self.db._dialect, text_of(name, "createSchema"), options) }, options)
end

---Drops a schema (PostgreSQL); with `cascade` all that is in it.
---@async
---@param name string
---@param options? { ifExists?: boolean, cascade?: boolean, transaction?: any, logging?: any }
function others:dropSchema(name, options)
  options = options_of(options, "dropSchema", { ifExists = true, cascade = true })
  need(self, "schemas", "dropSchema")
  schema.send(self.db, { ddl_table.drop_schema(self.db._dialect, text_of(name, "dropSchema"), options) }, options)
end

---Creates a database (PostgreSQL), outside of any transaction.
---@async
---@param name string
---@param options? { encoding?: string, collate?: string, ctype?: string, template?: string, logging?: any }
function others:createDatabase(name, options)
  options = options_of(options, "createDatabase", { encoding = true, collate = true, ctype = true, template = true })
  need(self, "schemas", "createDatabase")
  local text = ddl_table.create_database(self.db._dialect, text_of(name, "createDatabase"), options)
  schema.send_alone(self.db, text, options)
end

---Drops a database, if it is there (PostgreSQL), outside of any transaction.
---@async
---@param name string
---@param options? { logging?: any }
function others:dropDatabase(name, options)
  options = options_of(options, "dropDatabase")
  need(self, "schemas", "dropDatabase")
  schema.send_alone(self.db, ddl_table.drop_database(self.db._dialect, text_of(name, "dropDatabase")), options)
end

---Creates an enum type (PostgreSQL).
---@async
---@param name string
---@param values string[]
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:createEnum(name, values, options)
  options = options_of(options, "createEnum")
  need(self, "enum_types", "createEnum")
  check.type(values, "table", "queryInterface:createEnum: the values", "QueryError")
  local enum = { name = text_of(name, "createEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.create_enum(self.db._dialect, enum, values) }, options)
end

---Drops an enum type, if it is there (PostgreSQL).
---@async
---@param name string
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:dropEnum(name, options)
  options = options_of(options, "dropEnum")
  need(self, "enum_types", "dropEnum")
  local enum = { name = text_of(name, "dropEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.drop_enum(self.db._dialect, enum) }, options)
end

-- ---- rows ------------------------------------------------------------------------------------------------------------

-- A model of the table as it is, which does what models do.
local function rows_of(self, at, options, what)
  return live_model.of(self.db, schema.live(self.db, name_of(self.db, at, options, what), options))
end

local function call_of(options)
  return { transaction = options.transaction, logging = options.logging }
end

---Inserts rows, given as plain tables by column.
---@async
---@param at string|table
---@param rows table[]
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return integer count
function others:bulkInsert(at, rows, options)
  options = options_of(options, "bulkInsert")
  return #rows_of(self, at, options, "bulkInsert"):bulkCreate(rows, call_of(options))
end

---Changes rows; `where` is needed, rowan.all for all of them.
---@async
---@param at string|table
---@param values table<string, any>
---@param where table
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return integer count
function others:bulkUpdate(at, values, where, options)
  options = options_of(options, "bulkUpdate")
  local call = call_of(options)
  call.where = where
  return (rows_of(self, at, options, "bulkUpdate"):update(values, call))
end

---Deletes rows; `where` is needed, rowan.all for all of them.
---@async
---@param at string|table
---@param where table
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return integer count
function others:bulkDelete(at, where, options)
  options = options_of(options, "bulkDelete")
  local call = call_of(options)
  call.where = where
  return rows_of(self, at, options, "bulkDelete"):destroy(call)
end

---Rows as plain tables by column.
---@async
---@param at string|table
---@param options? table those of findAll; schema
---@return table[]
function others:select(at, options)
  local find = { raw = true }
  for key, value in pairs(options or {}) do
    if key ~= "schema" then find[key] = value end
  end
  local call = { transaction = find.transaction, logging = find.logging, schema = options and options.schema }
  return rows_of(self, at, call, "select"):findAll(find)
end

return others
