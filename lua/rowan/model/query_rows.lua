--- Rows of tables without models: what the query interface does with a model made of the live table. Methods of
--- model/query_interface.

local args = require("rowan.model.query_args")
local check = require("rowan.base.check")
local live_model = require("rowan.model.live_model")
local schema = require("rowan.repo.schema")

---@class rowan.QueryInterface
local rows = {}

-- A model of the table as it is, which does what models do.
local function model_of(self, at, options, what)
  return live_model.of(self.db, schema.live(self.db, args.table(self.db, at, options, what), options))
end

-- Sequelize puts a model, an instance or nothing in front of the table's name: these say nothing more here.
local function behind_model(at, second, ...)
  if type(second) == "string" and type(at) ~= "string" then return second, ... end
  return at, second, ...
end

-- The condition by itself, or among the options.
local function in_options(where, options)
  if options ~= nil or type(where) ~= "table" or type(rawget(where, "where")) ~= "table" then return where, options end
  local own = {}
  for key, value in pairs(where) do own[key] = value end
  own.where = nil
  return where.where, own
end

---Inserts rows, given as plain tables by column.
---Raises QueryError for an unknown column, UniqueConstraintError and its like when the database refuses.
---
---    qi:bulkInsert("users", { { name = "Ann", email = "ann@b.c" }, { name = "Ben", email = "ben@b.c" } })
---    -- INSERT INTO "public"."users" ("name", "email") SELECT ... FROM unnest($1, $2, ...) RETURNING "id"
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param list table[] the rows
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return integer count
function rows:bulkInsert(at, list, options)
  options = args.options(options, "bulkInsert")
  return #model_of(self, at, options, "bulkInsert"):bulkCreate(list, args.call(options))
end

local SOME = { limit = true, order = true }

---Changes rows; `where` is needed, rowan.all for all of them.
---Raises QueryError without `where` or for an unknown column.
---
---    qi:bulkUpdate("users", { active = false }, { age = { [Op.lt] = 18 } })
---    -- UPDATE "public"."users" SET "active" = $1 WHERE "age" < $2
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param values table<string, any>
---@param where table as in a finder
---@param options? { limit?: integer, order?: any, schema?: string, transaction?: any, logging?: any }
---@return integer count
function rows:bulkUpdate(at, values, where, options)
  options = args.options(options, "bulkUpdate", SOME)
  local call = args.call(options)
  call.where, call.limit, call.order = where, options.limit, options.order
  return (model_of(self, at, options, "bulkUpdate"):update(values, call))
end

---Deletes rows; `where` is needed, rowan.all for all of them.
---Raises QueryError without `where` or for an unknown column.
---
---    qi:bulkDelete("users", { active = false })    -- DELETE FROM "public"."users" WHERE "active" = $1
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param where table as in a finder
---@param options? { limit?: integer, order?: any, schema?: string, transaction?: any, logging?: any }
---@return integer count
function rows:bulkDelete(at, where, options)
  where, options = in_options(where, options)
  options = args.options(options, "bulkDelete", SOME)
  local call = args.call(options)
  call.where, call.limit, call.order = where, options.limit, options.order
  return model_of(self, at, options, "bulkDelete"):destroy(call)
end

---Rows as plain tables by column. Raises QueryError for an unknown column or option.
---
---    qi:select("users", { attributes = { "id", "name" }, where = { active = true } })
---    -- SELECT "id", "name" FROM "public"."users" WHERE "active" = $1
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? table those of findAll; schema
---@param ... any Sequelize's order puts a model, or nothing, in front of the table
---@return table[]
---@overload fun(self: rowan.QueryInterface, model: any, at: string, options?: table): table[]
function rows:select(at, options, ...)
  at, options = behind_model(at, options, ...)
  check.optional(options, "table", "queryInterface:select: the options", "QueryError")
  local find = { raw = true }
  for key, value in pairs(options or {}) do
    if key ~= "schema" then find[key] = value end
  end
  local call = { transaction = find.transaction, logging = find.logging, schema = options and options.schema }
  return model_of(self, at, call, "select"):findAll(find)
end

---The value of one column of the first row that `select` finds; nil when there is none.
---Raises QueryError for an unknown column.
---
---    qi:rawSelect("users", { attributes = { { rowan.fn("MAX", rowan.col("age")), "oldest" } } }, "oldest")
---    -- SELECT MAX("age") AS "oldest" FROM "users" ORDER BY ... LIMIT $1
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options table as for select
---@param column string of the result
---@return any
function rows:rawSelect(at, options, column)
  args.text(column, "rawSelect: the column")
  local row = self:select(at, options)[1]
  return row and row[column]
end

---Inserts a row, given as a plain table by column, and returns it as it is stored.
---Raises QueryError for an unknown column, UniqueConstraintError and its like when the database refuses.
---
---    qi:insert("users", { name = "Ann", email = "ann@b.c" })
---    -- INSERT INTO "public"."users" ("name", "email") SELECT ... FROM unnest($1, $2, ...) RETURNING "id", "name", ...
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param values table<string, any>
---@param options? { schema?: string, transaction?: any, logging?: any }
---@param ... any Sequelize's order puts an instance, or nothing, in front of the table
---@return table<string, any> row
---@overload fun(self: rowan.QueryInterface, row: any, at: string, values: table<string, any>, options?: table): table<string, any>
function rows:insert(at, values, options, ...)
  at, values, options = behind_model(at, values, options, ...)
  options = args.options(options, "insert")
  local call = args.call(options)
  call.returning = true
  return (model_of(self, at, options, "insert"):create(values, call):get({ plain = true }))
end

local UPSERT = { conflictFields = true, updateFields = true }

---Inserts a row, or updates the one that is there under the same key.
---Raises QueryError for an unknown column, or values without the key.
---
---    qi:upsert("users", { email = "a@b.c", name = "Ann" }, { conflictFields = { "email" } })
---    -- INSERT INTO "public"."users" ("name", "email") SELECT ... FROM unnest($1, $2, ...) ON CONFLICT ("email") DO UPDATE SET "name" = "excluded"."name"  ...
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param values table<string, any>
---@param options? { conflictFields?: string[], updateFields?: string[], schema?: string, transaction?: any, logging?: any } updateFields: the only columns that an update sets
---@return table<string, any> row as it is stored
---@return boolean created
function rows:upsert(at, values, options)
  options = args.options(options, "upsert", UPSERT)
  local call = args.call(options)
  call.conflictFields, call.fields = options.conflictFields, options.updateFields
  local row, created = model_of(self, at, options, "upsert"):upsert(values, call)
  return row:get({ plain = true }), created
end

local function count(self, what, at, columns, where, options)
  options = args.options(options, what, { by = true })
  local call = args.call(options)
  call.where, call.by = where, options.by
  local model = model_of(self, at, options, what)
  return (model[what](model, columns, call))
end

---Adds to numbers, where they are stored; `where` is needed, rowan.all for all rows.
---Raises QueryError without `where` or for what is no number.
---
---    qi:increment("users", { visits = 2 }, { id = 1 })    -- UPDATE "users" SET "visits" = "visits" + $1 WHERE "id" = $2
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param columns string|string[]|table<string, number>
---@param where table as in a finder
---@param options? { by?: number, schema?: string, transaction?: any, logging?: any }
---@return integer count rows changed
function rows:increment(at, columns, where, options)
  return count(self, "increment", at, columns, where, options)
end

---The opposite of increment. Raises as increment.
---
---    qi:decrement("users", { visits = 2 }, { id = 1 })
---    -- UPDATE "public"."users" SET "visits" = "visits" + $1 WHERE "id" = $2
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param columns string|string[]|table<string, number>
---@param where table as in a finder
---@param options? { by?: number, schema?: string, transaction?: any, logging?: any }
---@return integer count rows changed
function rows:decrement(at, columns, where, options)
  return count(self, "decrement", at, columns, where, options)
end

---Empties a table; see Model:truncate.
---Raises DatabaseError or QueryError when rows of other tables could point at its rows.
---
---    qi:truncate("logs", { restartIdentity = true })    -- TRUNCATE TABLE "public"."logs" RESTART IDENTITY
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? { cascade?: boolean, restartIdentity?: boolean, schema?: string, transaction?: any, logging?: any }
function rows:truncate(at, options)
  options = args.options(options, "truncate", { cascade = true, restartIdentity = true })
  local call = args.call(options)
  call.cascade, call.restartIdentity = options.cascade, options.restartIdentity
  model_of(self, at, options, "truncate"):truncate(call)
end

return rows
