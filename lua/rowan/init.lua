--- rowan: models, associations and transactions for Lua over PostgreSQL and SQLite. This is the table that
--- `require("rowan")` gives; see README.md for a tour.

local lazy = require("rowan.base.lazy")
local annotations = lazy(function() return require("rowan.model.annotations") end)
local association = require("rowan.association")
local clock = require("rowan.base.clock")
local construct = require("rowan.query.construct")
local database = require("rowan.database")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local connections = require("rowan.repo.connections")
local everything = require("rowan.base.everything")
local json = require("rowan.types.json")
local hooked = require("rowan.model.hooks")
local hooks = require("rowan.change.hooks")
local null = require("rowan.base.null")
local onto = require("rowan.repo.onto")
local ops = require("rowan.base.ops")
local plugin = require("rowan.model.plugin")
local query = require("rowan.model.query")
local query_interface = lazy(function() return require("rowan.model.query_interface") end)
local rules = require("rowan.change.rules")
local transaction = require("rowan.repo.transaction")
local types = require("rowan.types")
local values = require("rowan.driver.values")
local words = require("rowan.base.words")

local rowan = {
  _VERSION = "0.1.0",
  ---SQL NULL; the same value as cjson.null and ngx.null.
  null = null,
  ---Operators of `where`: Op.gt, Op["or"] or Op.or_, ...
  Op = ops.Op,
  ---Column types: DataTypes.STRING(50), DataTypes.INTEGER, ...
  DataTypes = types.DataTypes,
  ---Error classes by name.
  errors = errors.classes,
  ---`where = rowan.all` means every row; `rowan.all{ fn, fn }` runs functions side by side, each on a connection of its
  ---own, and returns their results in order once all have stopped (raising the first error).
  all = everything,
  fn = construct.fn,
  col = construct.col,
  ---order = rowan.random(): rows in an order that differs each time.
  random = construct.random,
  literal = construct.literal,
  cast = construct.cast,
  where = construct.where,
  and_ = construct.and_,
  or_ = construct.or_,
  ---EXISTS (query): rowan.exists(db:from("posts"):where(...)).
  exists = query.exists,
  ---Rows of one's own as a table of a query: db:from{ rowan.values{ { id = 1 }, { id = 2 } }, "v" }.
  values = query.values,
  not_ = construct.not_,
  case = construct.case,
  sql = construct.sql,
  json = construct.json,
  identifier = construct.identifier,
  ---Marks a table as a JSON array, so that an empty one is stored as [].
  array = json.array,
  ---Marks a table as a JSON object.
  object = json.object,
  ---The words that options take, as tables: QueryTypes.SELECT, Deferrable.INITIALLY_DEFERRED, Lock.UPDATE, ...
  QueryTypes = words.QueryTypes,
  Deferrable = words.Deferrable,
  ConstraintChecking = words.ConstraintChecking,
  IsolationLevel = words.IsolationLevel,
  TransactionType = words.TransactionType,
  TransactionNestMode = words.TransactionNestMode,
  Lock = words.Lock,
}

local static = hooks.static()

---Hooks around rowan.connect, for all databases of the process: beforeInit(options), which may change them, and
---afterInit(db).
---
---    rowan.hooks:addListener("beforeInit", function(options) options.logging = false end)
---@type rowan.Listeners
rowan.hooks = hooked.listeners(static)

getmetatable(everything).__call = function(_, functions) return driver.all(functions) end

---A database. Opens nothing; db:authenticate() does.
---Raises UsageError for an unknown option, a wrong value, or a URL that cannot be read.
---
---    local db = rowan.connect("sqlite:blog.db")
---    local db = rowan.connect{ dialect = "postgres", host = "/run/postgresql", database = "blog" }
---@param url? string|rowan.ConnectOptions a URL, or the options; with neither, DATABASE_URL
---@param options? rowan.ConnectOptions
---@return rowan.Database
function rowan.connect(url, options)
  if not hooks.any(static) then return database.new(driver.config.read(url, options)) end
  local merged = driver.config.merge(url, options)
  hooks.run(static, "beforeInit", merged)
  local db = database.new(driver.config.read(merged))
  hooks.run(static, "afterInit", db)
  return db
end

---Loads associations onto instances that are there already, each with one statement.
---Raises QueryError for an unknown association, EagerLoadingError for what is no instance.
---
---    rowan.load(users, { "posts.tags", "profile" })
---    -- SELECT "id", "title", ... FROM "posts" WHERE "user_id" = ANY ($1)
---@async
---@param rows table an instance, or a list of them
---@param what any a path ("posts.tags"), an include as in a finder, or a list of these
---@param options? { transaction?: rowan.Transaction|false, logging?: any }
---@return table rows
function rowan.load(rows, what, options)
  return onto.load(rows, what, options)
end

---LuaLS annotations of models, for a file that an editor reads: their attributes, associations and methods. The text is
---valid Lua, and does nothing. Raises UsageError for anything but models and databases.
---
---    local file = assert(io.open("types/models.lua", "w"))
---    file:write(rowan.types(db))
---    file:close()
---@param models any a database, a model, or a table of databases and models
---@param options? { prefix?: string } prefix: in front of the names of all classes, for programs with several databases
---@return string text the same for the same models
function rowan.types(models, options)
  return annotations.of(models, options)
end

---Now, as a DATE attribute holds it: 2024-02-01T00:00:00.000Z.
---
---    rowan.now()    --> "2024-02-01T00:00:00.000Z"
---@return string
function rowan.now()
  return values.now()
end

---Makes a plugin known by a name: `plugins = { "slug" }` in a model's options.
---Raises DefinitionError for an unknown part.
---
---    rowan.plugin("slug", { name = "slug", options = { "from" }, instance = { slug = function(row) return row.name:lower() end } })
---@param name string what models say; a plugin of that name is replaced
---@param given rowan.Plugin see docs/guide/plugins.md
function rowan.plugin(name, given)
  plugin.register(name, given)
end

---Makes a function known as a validator: `validate = { isIsbn = true }` in any model that is defined behind it. It gets the
---value (never NULL), the row and what was said (`true`, or arguments), and refuses as any function of a model's `validate`.
---
---    rowan.validator("isIsbn", function(value) return #value == 13, "is no ISBN" end)
---@param name string what `validate` says; a validator of that name is replaced
---@param fn fun(value: any, row: rowan.Row, args: any): any raises, or returns false and a message, to refuse
function rowan.validator(name, fn)
  rules.register(name, fn)
end

---Replaces the clock of timestamps; nil gives the real one back.
---
---    rowan.setClock(function() return "2024-02-01T00:00:00Z" end)
---@param fn? fun(): string|number gives the time: ISO 8601 text or seconds since the epoch
function rowan.setClock(fn)
  clock.set(fn)
end

---Whether `err` is an error of rowan of this class, or of one below it in the hierarchy.
---
---    rowan.is(err, "DatabaseError")    --> true of a ForeignKeyConstraintError too
---@param err any anything; false for what is no error of rowan
---@param class string|rowan.ErrorClass one of rowan.errors, or its name
---@return boolean
function rowan.is(err, class)
  return errors.is(err, class)
end

local function instance_model(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and meta.__name == "rowan.instance" and meta.Model or nil
end

---What a value is to rowan: "model", "instance", "transaction", "connection", "association", "database",
---"queryInterface", "type", "expression", "query", "operator", "error", or nil.
---
---    rowan.kind(User:build())    --> "instance"
---@param value any anything
---@return string?
function rowan.kind(value)
  if type(value) ~= "table" then return nil end
  if instance_model(value) then return "instance" end
  if getmetatable(value) == database.Database then return "database" end
  if getmetatable(value) == query_interface.QueryInterface then return "queryInterface" end
  if transaction.is(value) then return "transaction" end
  if connections.is(value) then return "connection" end
  if association.is(value) then return "association" end
  if query.is(value) then return "query" end
  if construct.is(value) then return "expression" end
  if ops.is(value) then return "operator" end
  if errors.kind_of(value) then return "error" end
  if types.is(value) then return "type" end
  if rawget(value, "definition") and rawget(value, "prototype") then return "model" end
  return nil
end

---Whether a value is an instance, of `model` when one is given.
---
---    rowan.isInstance(User:build(), User)    --> true
---@param value any anything
---@param model? rowan.Model a variant stands for the model itself
---@return boolean
function rowan.isInstance(value, model)
  local found = instance_model(value)
  if found == nil or model == nil then return found ~= nil end
  return found.definition == model.definition or found.definition.origin == model.definition
end

return rowan
