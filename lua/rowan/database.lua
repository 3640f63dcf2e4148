--- A database: models by name, transactions, raw SQL, the pool. Made by rowan.connect; opens nothing until it is used.

local lazy = require("rowan.base.lazy")
local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local control = require("rowan.sql.control")
local define = require("rowan.model.define")
local connections = require("rowan.repo.connections")
local dialect = require("rowan.dialect")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local explain = lazy(function() return require("rowan.repo.explain") end)
local failure = require("rowan.repo.failure")
local hooked = require("rowan.model.hooks")
local hooks = require("rowan.change.hooks")
local omit_null = require("rowan.plugins.omit_null")
local paranoid = require("rowan.plugins.paranoid")
local plans = require("rowan.repo.plans")
local plugin = require("rowan.model.plugin")
local query = require("rowan.model.query")
local query_interface = lazy(function() return require("rowan.model.query_interface") end)
local raw = require("rowan.repo.raw")
local suggest = require("rowan.base.suggest")
local sync = lazy(function() return require("rowan.repo.sync") end)
local timestamps = require("rowan.plugins.timestamps")
local transaction = require("rowan.repo.transaction")
local truncate = lazy(function() return require("rowan.repo.truncate") end)
local version = require("rowan.plugins.version")

---@class rowan.Database
---@field dialect "postgres"|"sqlite"
---@field models rowan.Models
---@field options table
---@field pool { stats: fun(self): table }
---@field _dialect rowan.Dialect
---@field _handle rowan.driver.Handle
---@field _hooks rowan.HookRegistry
---@field _plugins { plugin: rowan.Plugin, options: table }[]
---@field _plans table
---@field _model_order string[] names, as they were defined
---@field _current table<any, rowan.Transaction> by task
---@field _raw_writes integer
---@field _custom? boolean whether a model has getters or setters
---@field _keeper? table what runs hooks of connections (repo/connections)
---@field _streams? table
---@field _stream_numbers? table
local Database = { __name = "rowan.database" }
Database.__index = Database
Database.__tostring = function(db) return "rowan.database: " .. db.dialect end

-- Plugins that models get by their options.
for _, one in ipairs({ timestamps, paranoid, version, omit_null }) do plugin.register(one.name, one) end

for name, method in pairs(hooked.of_databases) do Database[name] = method end

-- The words of rowan's table that Sequelize also has on its instance.
for _, name in ipairs({
  "fn", "col", "literal", "cast", "and_", "or_", "not_", "case", "sql", "json", "identifier",
}) do
  Database[name] = construct[name]
end

---@type fun(left: any, operator: any, value?: any): rowan.Expression
Database.where = construct.where

---A database for checked options; see rowan.connect.
---@param config table from rowan.driver.config
---@return rowan.Database
local function new(config)
  local handle, err = driver.open(config)
  if not handle then failure.raise(err, {}) end
  local db = {
    dialect = config.driver, models = {}, options = config.options, _model_order = {}, _handle = handle,
    _raw_writes = 0, _hooks = hooks.registry("the database"), _plugins = {},
    _dialect = dialect.get(config.driver), _plans = plans.new(), _current = setmetatable({}, { __mode = "k" }),
    _entered = 0,
  }
  db.hooks = hooked.listeners(db._hooks)
  db.pool = { stats = function() return handle:stats() end }
  setmetatable(db, Database)
  db._hooks.notify = function() connections.attend(db) end
  hooks.add_all(db._hooks, config.hooks or {})
  return db
end

local function copy(given)
  local out = {}
  for key, value in pairs(given or {}) do out[key] = value end
  return out
end

---Defines a model. `attributes` is a map, or a list that fixes the order of the columns.
---Raises DefinitionError for what cannot be, by model, attribute and rule.
---
---    local User = db:define("User", { name = DataTypes.STRING, age = { type = DataTypes.INTEGER } })
---@param name string what it is called by, and its table and columns after it
---@param attributes rowan.Attributes a type or options by name, or a list of { name, type, option = ... }
---@param options? rowan.ModelOptions
---@return rowan.OpenModel
function Database:define(name, attributes, options)
  check.colon(self, "models", "db:define")
  if hooks.has(self._hooks, "beforeDefine") then
    options = copy(options)
    attributes = copy(attributes)
    -- What a hook may change as well: the model's name, and those that follow from it.
    options.modelName, options.name = options.modelName or name, copy(options.name)
    hooks.run(self._hooks, "beforeDefine", attributes, options, name)
    name, options.modelName = options.modelName, nil
  end
  local model = define.model(self, name, attributes, options)
  if not self.models[name] then self._model_order[#self._model_order + 1] = name end
  self.models[name] = model
  hooks.run(self._hooks, "afterDefine", model)
  return model
end

---Gives every model that is defined from here on a plugin.
---Raises DefinitionError for an unknown plugin, or an unknown option of it.
---
---    db:plugin(audit, { to = "log" })
---@param what string|rowan.Plugin a plugin, or the name of one that rowan.plugin made known
---@param options? table the plugin's
---@return rowan.Database self
function Database:plugin(what, options)
  check.optional(options, "table", "db:plugin: the options")
  local item = { what }
  for key, value in pairs(options or {}) do item[key] = value end
  self._plugins[#self._plugins + 1] = plugin.read(item, "db:plugin")
  return self
end

---The model called `name`; raises when there is none.
---
---    db:model("User")
---@param name string as it was defined
---@return rowan.OpenModel
function Database:model(name)
  check.colon(self, "models", "db:model")
  local found = self.models[name]
  if not found then
    errors.raise("UsageError", {
      message = suggest.unknown("there is no model", tostring(name), self._model_order),
    })
  end
  return found
end

---Whether there is a model of that name.
---
---    db:isDefined("User")    --> true
---@param name string as it would be given to define
---@return boolean
function Database:isDefined(name)
  check.colon(self, "models", "db:isDefined")
  return self.models[name] ~= nil
end

local TRUNCATE = check.set({ "cascade", "restartIdentity", "transaction", "logging" })

local function models_of(db)
  local list = {}
  for i, name in ipairs(db._model_order) do list[i] = db.models[name] end
  return list
end

---Creates the tables of all models where they are not there yet. `force = true` drops them first; `alter = true` makes
---those that are there as the models say, and refuses what would lose data (`alter = { drop = true }` does it,
---`alter = { drop = false }` keeps what no model knows). All or nothing. With `dryRun = true` nothing is sent.
---Raises QueryError for an unknown option, or when `alter` would lose data; DatabaseError, and nothing is changed.
---
---    for _, step in ipairs(db:sync{ alter = true, dryRun = true }) do print(step.sql, step.reason) end
---    -- CREATE TABLE IF NOT EXISTS "users" ("id" INTEGER NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, ...); ...
---@async
---@param options? rowan.SyncOptions
---@return rowan.Database|rowan.SchemaStep[] result # itself; with dryRun what would be sent
---@return rowan.SchemaLoss[]? losses with dryRun: what would be lost
function Database:sync(options)
  check.colon(self, "models", "db:sync")
  check.keys(options, sync.OPTIONS, "db:sync", "QueryError")
  local call = copy(options)
  local hooked_call = call.hooks ~= false and not call.dryRun
  if hooked_call then hooks.run(self._hooks, "beforeBulkSync", call) end
  local steps, losses = sync.models(self, models_of(self), call)
  if call.dryRun then return steps, losses end
  if hooked_call then hooks.run(self._hooks, "afterBulkSync", call) end
  return self
end

---Empties the tables of all models, all or none. Raises QueryError for an unknown option.
---
---    db:truncate{ cascade = true }    -- TRUNCATE TABLE "users", "posts", "drafts" CASCADE
---@async
---@param options? rowan.TruncateOptions cascade: also tables without a model that point at them
function Database:truncate(options)
  check.colon(self, "models", "db:truncate")
  check.keys(options, TRUNCATE, "db:truncate", "QueryError")
  truncate.models(self, models_of(self), options or {})
end

---The live schema as a thing to look at and to change.
---
---    db:queryInterface():addColumn("users", "age", DataTypes.INTEGER)
---@return rowan.QueryInterface
function Database:queryInterface()
  check.colon(self, "models", "db:queryInterface")
  self._query_interface = self._query_interface or query_interface.new(self)
  return self._query_interface
end

Database.getQueryInterface = Database.queryInterface

---Which database it is.
---
---    db:getDialect()    --> "postgres"
---@return "postgres"|"sqlite"
function Database:getDialect() return self.dialect end

---The version of the server, or of SQLite: "15.4". Raises ConnectionError when there is no server.
---
---    db:fetchDatabaseVersion()    -- SELECT current_setting('server_version') AS version
---@async
---@param options? { transaction?: any, logging?: any }
---@return string
function Database:fetchDatabaseVersion(options) return self:queryInterface():fetchDatabaseVersion(options) end

---Creates a schema (PostgreSQL). Raises QueryError on SQLite, DatabaseError when it is there.
---
---    db:createSchema("shop")    -- CREATE SCHEMA "shop"
---@async
---@param name string of the schema
---@param options? { ifNotExists?: boolean, transaction?: any, logging?: any }
function Database:createSchema(name, options) self:queryInterface():createSchema(name, options) end

---Drops a schema (PostgreSQL); with `cascade` all that is in it.
---Raises QueryError on SQLite, DatabaseError when it is not there or, without `cascade`, not empty.
---
---    db:dropSchema("shop", { ifExists = true })    -- DROP SCHEMA IF EXISTS "shop"
---@async
---@param name string of the schema
---@param options? { ifExists?: boolean, cascade?: boolean, transaction?: any, logging?: any }
function Database:dropSchema(name, options) self:queryInterface():dropSchema(name, options) end

---The schemas that are not the system's (PostgreSQL). Raises QueryError on SQLite.
---
---    db:showAllSchemas()
---    -- SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname COLLATE "C"
---@async
---@param options? { transaction?: any, logging?: any }
---@return string[]
function Database:showAllSchemas(options) return self:queryInterface():listSchemas(options) end

---Drops all schemas but the system's, with all that is in them (PostgreSQL). Raises QueryError on SQLite.
---
---    db:dropAllSchemas{ skip = { "audit" } }    -- DROP SCHEMA "shop" CASCADE; DROP SCHEMA "tenant_1" CASCADE
---@async
---@param options? { skip?: string[], transaction?: any, logging?: any }
function Database:dropAllSchemas(options) self:queryInterface():dropAllSchemas(options) end

---Drops the tables of all models.
---Raises QueryError for an unknown option, or a database whose name `match` does not fit.
---
---    db:drop()    -- DROP TABLE IF EXISTS "drafts"; DROP TABLE IF EXISTS "posts"; DROP TABLE IF EXISTS "users"
---@async
---@param options? rowan.DropOptions
function Database:drop(options)
  check.colon(self, "models", "db:drop")
  check.keys(options, sync.DROP_OPTIONS, "db:drop", "QueryError")
  sync.drop(self, models_of(self), options or {})
end

---Runs SQL. Values go in as `replacements` (`?`, `:name`) or `bind` (`$1`, `$name`); they are always bound.
---Raises QueryError for values that do not fit the text, DatabaseError for what the database refuses.
---
---    db:query("SELECT * FROM users WHERE name = :name", { replacements = { name = "Ann" } })
---    db:query("SELECT * FROM users", { model = User, mapToModel = true })     -- instances
---@async
---@param sql string one statement, or without values several
---@param options? rowan.QueryOptions
---@return any rows plain tables, or instances; what else comes is told by `type`
---@return any metadata { affected?: integer, lastId?: integer } without a type
function Database:query(sql, options)
  check.colon(self, "models", "db:query")
  return raw.query(self, sql, options)
end

---A query of a table, without a model: "schema.table as alias", a model (whose types its columns then have), a query with
---a name, rowan.values or a function of the database. Each call of the chain gives a new query; all, first, count ... run it.
---Raises QueryError for what is no table.
---
---    db:from("users as u"):select("u.name", { rowan.fn("COUNT", rowan.col("p.id")), "posts" })
---      :leftJoin("posts as p", "p.user_id", "u.id"):groupBy("u.id", "u.name"):orderBy("posts", "DESC"):limit(10):all()
---@param what any one of these, or { one, "alias" }
---@return rowan.Query
function Database:from(what)
  return query.from(self, what)
end

---The plan of a statement, to be read (tostring) or as a tree, with advice: big tables that are read from end to end, and
---indexes that are missing. With `analyze` it is run and measured, and whatever it did is undone; PostgreSQL refuses one
---that writes. Raises QueryError for an unknown option, DatabaseError for what the database refuses.
---
---    print(db:explain("SELECT * FROM users WHERE age > ?", { replacements = { 18 }, analyze = true }))
---@async
---@param sql string|rowan.Query text, or a query of the builder
---@param options? { replacements?: table, bind?: table, analyze?: boolean, threshold?: integer, transaction?: any, logging?: any }
---@return rowan.Explained
function Database:explain(sql, options)
  return explain.query(self, sql, options)
end

---With a function: runs it in a transaction, commits when it returns and rolls back when it raises; calls inside join the
---transaction by themselves. Without: starts a transaction that the caller ends with t:commit() or t:rollback().
---`constraintChecking` ("DEFERRED" or "IMMEDIATE") says when the constraints that may wait are looked at; `nestMode`
---("savepoint", "reuse" or "separate"), what one within another is.
---
---    local user = db:transaction(function() return User:create{ name = "Ann" } end)    -- BEGIN; INSERT ...; COMMIT
---@async
---@generic T
---@param options? rowan.TransactionOptions
---@param fn fun(t: rowan.Transaction): T?, ... its results are the call's
---@return T ... what fn returned
---@overload fun(self: rowan.Database, options?: rowan.TransactionOptions): rowan.Transaction
---@overload fun<T>(self: rowan.Database, fn: fun(t: rowan.Transaction): T?, ...): T
function Database:transaction(options, fn)
  check.colon(self, "models", "db:transaction")
  if type(options) == "function" then options, fn = nil, options end
  if fn == nil then return transaction.unmanaged(self, options) end
  check.type(fn, "function", "db:transaction: the last argument")
  return transaction.managed(self, options, fn)
end

---Connects, to see whether it can. Raises a ConnectionError when it cannot.
---
---    db:authenticate()    -- SELECT 1 AS result
---@async
function Database:authenticate()
  check.colon(self, "models", "db:authenticate")
  raw.query(self, control.ping)
end

---Closes the pool: idle connections now, others when they come back. Calls after it raise. What hooks of disconnecting
---raise is raised once all is closed.
---
---    db:close()
---@async
function Database:close()
  check.colon(self, "models", "db:close")
  connections.close(self)
end

-- `local db <close> = rowan.connect(...)` on Lua 5.4.
Database.__close = Database.close

return { new = new, Database = Database }
