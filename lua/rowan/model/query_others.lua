--- What the query interface does beside tables: schemas, databases and enums of PostgreSQL. Methods of
--- model/query_interface; rows are in model/query_rows, functions and triggers in model/query_routines.

local args = require("rowan.model.query_args")
local check = require("rowan.base.check")
local ddl_table = require("rowan.sql.ddl_table")
local schema = require("rowan.repo.schema")

---@class rowan.QueryInterface
local others = {}

---Creates a schema (PostgreSQL). Raises QueryError on SQLite, DatabaseError when it is there.
---
---    qi:createSchema("shop", { ifNotExists = true })    -- CREATE SCHEMA IF NOT EXISTS "shop"
---@async
---@param name string of the schema
---@param options? { ifNotExists?: boolean, authorization?: string, transaction?: any, logging?: any } authorization: the role that owns it
function others:createSchema(name, options)
  options = args.options(options, "createSchema", { ifNotExists = true, authorization = true })
  args.need(self.db, "schemas", "createSchema")
  local text = ddl_table.create_schema(self.db._dialect, args.text(name, "createSchema"), options)
  schema.send(self.db, { text }, options)
end

---Drops a schema (PostgreSQL); with `cascade` all that is in it.
---Raises QueryError on SQLite, DatabaseError when it is not there or not empty.
---
---    qi:dropSchema("shop", { ifExists = true, cascade = true })    -- DROP SCHEMA IF EXISTS "shop" CASCADE
---@async
---@param name string of the schema
---@param options? { ifExists?: boolean, cascade?: boolean, transaction?: any, logging?: any }
function others:dropSchema(name, options)
  options = args.options(options, "dropSchema", { ifExists = true, cascade = true })
  args.need(self.db, "schemas", "dropSchema")
  schema.send(self.db, { ddl_table.drop_schema(self.db._dialect, args.text(name, "dropSchema"), options) }, options)
end

---Drops all schemas that are not the system's, with all that is in them, but for `public` and those to skip (PostgreSQL).
---Raises QueryError on SQLite.
---
---    qi:dropAllSchemas{ skip = { "audit" } }    -- DROP SCHEMA "shop" CASCADE; DROP SCHEMA "tenant_1" CASCADE
---@async
---@param options? { skip?: string[], transaction?: any, logging?: any } skip: schemas to keep
function others:dropAllSchemas(options)
  options = args.options(options, "dropAllSchemas", { skip = true })
  args.need(self.db, "schemas", "dropAllSchemas")
  local skip, texts = args.names(options.skip, "dropAllSchemas: skip"), {}
  for _, name in ipairs(self:listSchemas(args.call(options))) do
    if name ~= "public" and not skip[name] then
      texts[#texts + 1] = ddl_table.drop_schema(self.db._dialect, name, { cascade = true })
    end
  end
  schema.send(self.db, texts, options)
end

---Creates a database (PostgreSQL), outside of any transaction.
---Raises QueryError on SQLite, DatabaseError when it is there.
---
---    qi:createDatabase("shop", { template = "template0" })    -- CREATE DATABASE "shop" TEMPLATE = "template0"
---@async
---@param name string of the database
---@param options? { encoding?: string, collate?: string, ctype?: string, template?: string, logging?: any }
function others:createDatabase(name, options)
  options = args.options(options, "createDatabase", { encoding = true, collate = true, ctype = true, template = true })
  args.need(self.db, "schemas", "createDatabase")
  local text = ddl_table.create_database(self.db._dialect, args.text(name, "createDatabase"), options)
  schema.send_alone(self.db, text, options)
end

---Drops a database, if it is there (PostgreSQL), outside of any transaction.
---Raises QueryError on SQLite, DatabaseError while others are connected to it.
---
---    qi:dropDatabase("shop")    -- DROP DATABASE IF EXISTS "shop"
---@async
---@param name string of the database
---@param options? { logging?: any }
function others:dropDatabase(name, options)
  options = args.options(options, "dropDatabase")
  args.need(self.db, "schemas", "dropDatabase")
  schema.send_alone(self.db, ddl_table.drop_database(self.db._dialect, args.text(name, "dropDatabase")), options)
end

---Creates an enum type (PostgreSQL). Raises QueryError on SQLite, DatabaseError when it is there.
---
---    qi:createEnum("mood", { "good", "bad" })    -- CREATE TYPE "mood" AS ENUM ('good', 'bad')
---@async
---@param name string of the type
---@param values string[] its words, in their order
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:createEnum(name, values, options)
  options = args.options(options, "createEnum")
  args.need(self.db, "enum_types", "createEnum")
  check.type(values, "table", "queryInterface:createEnum: the values", "QueryError")
  local enum = { name = args.text(name, "createEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.create_enum(self.db._dialect, enum, values) }, options)
end

---Drops an enum type, if it is there (PostgreSQL).
---Raises QueryError on SQLite, DatabaseError while a column is of that type.
---
---    qi:dropEnum("mood")    -- DROP TYPE IF EXISTS "mood"
---@async
---@param name string of the type
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:dropEnum(name, options)
  options = args.options(options, "dropEnum")
  args.need(self.db, "enum_types", "dropEnum")
  local enum = { name = args.text(name, "dropEnum"), schema = options.schema }
  schema.send(self.db, { ddl_table.drop_enum(self.db._dialect, enum) }, options)
end

---Drops the enum types of a schema; none may be the type of a column any more (PostgreSQL).
---Raises QueryError on SQLite, DatabaseError while a column is of such a type.
---
---    qi:dropAllEnums()    -- DROP TYPE IF EXISTS "public"."mood"; ...
---@async
---@param options? { schema?: string, transaction?: any, logging?: any } schema: the current one when not given
function others:dropAllEnums(options)
  options = args.options(options, "dropAllEnums")
  args.need(self.db, "enum_types", "dropAllEnums")
  local texts = {}
  for i, enum in ipairs(self:listEnums(options)) do texts[i] = ddl_table.drop_enum(self.db._dialect, enum) end
  schema.send(self.db, texts, options)
end

---Makes the enum types of a table as its attributes say: those that are missing are created, values added, and taken away
---where no row has them. SQLite has none, and nothing is done. Raises QueryError when a word is to go that rows have.
---
---    qi:ensureEnums("users", { { "role", DataTypes.ENUM("user", "admin") } })
---    -- DO 'BEGIN CREATE TYPE "enum_users_role" AS ENUM (''user'', ''admin''); ...'
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param attributes table as for createTable
---@param options? { schema?: string, transaction?: any, logging?: any }
function others:ensureEnums(at, attributes, options)
  options = args.options(options, "ensureEnums")
  local name = args.table(self.db, at, options, "ensureEnums")
  schema.ensure_enums(self.db, args.definition(self.db, name, attributes, {}), name, options)
end

return others
