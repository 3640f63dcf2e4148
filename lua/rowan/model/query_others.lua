--- What the query interface does beside tables: schemas, databases and enums of PostgreSQL, and rows without models.
--- Methods of model/query_interface.

local args = require("rowan.model.query_args")
local check = require("rowan.base.check")
local ddl_table = require("rowan.sql.ddl_table")
local live_model = require("rowan.model.live_model")
local schema = require("rowan.repo.schema")

local others = {}

-- ---- schemas, databases, enums ---------------------------------------------------------------------------------------

local function need(self, capability, what)
  if self.db._dialect.supports[capability] then return end
  args.fail(("%s: %s has none of these"):format(what, self.db.dialect))
end

---Creates a schema (PostgreSQL).
---@async
---@param name string
---@param options? { ifNotExists?: boolean, transaction?: any, logging?: any }
function others:createSchema(name, options)
  options = args.options(options, "createSchema", { ifNotExists = true })
  need(self, "schemas", "createSchema")
  local text = ddl_table.create_schema(self.db._dialect, args.text(name, "createSchema"), options)
  schema.send(self.db, { text }, options)
end

---Drops a schema (PostgreSQL); with `cascade` all that is in it.
---@async
---@param name string
---@param options? { ifExists?: boolean, cascade?: boolean, transaction?: any, logging?: any }
function others:dropSchema(name, options)
  options = args.options(options, "dropSchema", { ifExists = true, cascade = true })
  need(self, "schemas", "dropSchema")
  schema.send(self.db, { ddl_table.drop_schema(self.db._dialect, args.text(name, "dropSchema"), options) }, options)
end

---Creates a database (PostgreSQL), outside of any transaction.
---@async
---@param name string
---@param options? { encoding?: string, collate?: string, ctype?: string, template?: string, logging?: any }
function others:createDatabase(name, options)
  options = args.options(options, "createDatabase", { encoding = true, collate = true, ctype = true, template = true })
  need(self, "schemas", "createDatabase")
  local text = ddl_table.create_database(self.db._dialect, args.text(name, "createDatabase"), options)
  schema.send_alone(self.db, text, options)
end

---Drops a database, if it is there (PostgreSQL), outside of any transaction.
---@async
---@param name string
---@param options? { logging?: any }
function others:dropDatabase(name, options)
  options = args.options(options, "dropDatabase")
  need(self, "schemas", "dropDatabase")
  schema.send_alone(self.db, ddl_table.drop_database(self.db._dialect, args.text(name, "dropDatabase")), options)
end

---Creates an enum type (PostgreSQL).
---@async
---@param name string
---@param values string[]
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:createEnum(name, values, options)
  options = args.options(options, "createEnum")
  need(self, "enum_types", "createEnum")
  check.type(values, "table", "queryInterface:createEnum: the values", "QueryError")
  local enum = { name = args.text(name, "createEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.create_enum(self.db._dialect, enum, values) }, options)
end

---Drops an enum type, if it is there (PostgreSQL).
---@async
---@param name string
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:dropEnum(name, options)
  options = args.options(options, "dropEnum")
  need(self, "enum_types", "dropEnum")
  local enum = { name = args.text(name, "dropEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.drop_enum(self.db._dialect, enum) }, options)
end

-- ---- rows ------------------------------------------------------------------------------------------------------------

-- A model of the table as it is, which does what models do.
local function rows_of(self, at, options, what)
  return live_model.of(self.db, schema.live(self.db, args.table(self.db, at, options, what), options))
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
  options = args.options(options, "bulkInsert")
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
  options = args.options(options, "bulkUpdate")
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
  options = args.options(options, "bulkDelete")
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
