--- Functions and triggers, and when constraints are looked at. Methods of model/query_interface.

local args = require("rowan.model.query_args")
local check = require("rowan.base.check")
local control = require("rowan.sql.control")
local ddl_routine = require("rowan.sql.ddl_routine")
local expression = require("rowan.query.expression")
local run = require("rowan.repo.run")
local schema = require("rowan.repo.schema")

---@class rowan.QueryInterface
local routines = {}

local function named(self, name, options, what)
  return { name = args.text(name, what .. ": the name"), schema = options.schema or self.db.options.schema }
end

local function list_of(given, what)
  check.type(given, "table", "queryInterface:" .. what, "QueryError")
  return given
end

-- SQL of the caller's own is given as such.
local function literal_text(given, what)
  if not expression.is(given) or given.kind ~= "literal" then args.fail(what .. " wants rowan.literal") end
  return given.text
end

local FUNCTION = { force = true, variables = true }

---Creates a function (PostgreSQL). In plpgsql the body is what stands between BEGIN and END; `variables` are declared.
---Raises QueryError on SQLite or for an unknown word, DatabaseError when it is there.
---
---    qi:createFunction("twice", { { type = "INTEGER", name = "n" } }, "INTEGER", "plpgsql", "RETURN n * 2;", { "IMMUTABLE" })
---    -- CREATE FUNCTION "twice"("n" INTEGER) RETURNS INTEGER LANGUAGE "plpgsql" IMMUTABLE AS 'BEGIN RETURN n * 2; END;'
---@async
---@param name string of the function
---@param params { type: any, name?: string, direction?: "IN"|"OUT"|"INOUT"|"VARIADIC" }[] its parameters
---@param returns any a type of DataTypes, or its name
---@param language string "plpgsql", "sql"
---@param body string its text: never put input into it
---@param words? string[] IMMUTABLE, STRICT, SECURITY DEFINER, COST 10, ...
---@param options? { force?: boolean, variables?: { name: string, type: any, default?: any }[], schema?: string, transaction?: any, logging?: any } force: replace one that is there
function routines:createFunction(name, params, returns, language, body, words, options)
  options = args.options(options, "createFunction", FUNCTION)
  args.need(self.db, "functions", "createFunction")
  local text = ddl_routine.create_function(self.db._dialect, named(self, name, options, "createFunction"), {
    params = list_of(params, "createFunction: the parameters"), returns = returns, words = words, force = options.force,
    language = args.text(language, "createFunction: the language"), body = args.text(body, "createFunction: the body"),
    variables = options.variables,
  })
  schema.send(self.db, { text }, options)
end

---Drops a function (PostgreSQL). Raises QueryError on SQLite, DatabaseError when there is none.
---
---    qi:dropFunction("twice", { { type = "INTEGER" } })    -- DROP FUNCTION "twice"(INTEGER) RESTRICT
---@async
---@param name string of the function
---@param params { type: any }[] of the one that is meant
---@param options? { ifExists?: boolean, cascade?: boolean, schema?: string, transaction?: any, logging?: any }
function routines:dropFunction(name, params, options)
  options = args.options(options, "dropFunction", { ifExists = true, cascade = true })
  args.need(self.db, "functions", "dropFunction")
  local text = ddl_routine.drop_function(self.db._dialect, named(self, name, options, "dropFunction"),
    list_of(params, "dropFunction: the parameters"), options)
  schema.send(self.db, { text }, options)
end

---Renames a function (PostgreSQL). Raises QueryError on SQLite, DatabaseError when there is none.
---
---    qi:renameFunction("twice", { { type = "INTEGER" } }, "double")
---    -- ALTER FUNCTION "twice"(INTEGER) RENAME TO "double"
---@async
---@param before string its name
---@param params { type: any }[] of the one that is meant
---@param after string the new one
---@param options? { schema?: string, transaction?: any, logging?: any }
function routines:renameFunction(before, params, after, options)
  options = args.options(options, "renameFunction")
  args.need(self.db, "functions", "renameFunction")
  local text = ddl_routine.rename_function(self.db._dialect, named(self, before, options, "renameFunction"),
    list_of(params, "renameFunction: the parameters"), args.text(after, "renameFunction: the new name"))
  schema.send(self.db, { text }, options)
end

---Creates a trigger. On PostgreSQL it calls a function, with texts as arguments; on SQLite the action is a rowan.literal, the
---statements between BEGIN and END, and it fires on one event, for each row.
---Raises QueryError for what the database has not, DatabaseError when it is there.
---
---    qi:createTrigger("users", "log_users", "after", { "insert", update = { "name" } }, "log_user", {}, { "FOR EACH ROW" })
---    -- CREATE TRIGGER "log_users" AFTER INSERT OR UPDATE OF "name" ON "users" FOR EACH ROW EXECUTE PROCEDURE "log_user"()
---    qi:createTrigger("users", "log_users", "after", { "insert" }, rowan.literal("INSERT INTO log (what) VALUES (NEW.name);"))
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param name string of the trigger
---@param timing "before"|"after"|"instead_of"|"after_constraint" when it fires
---@param events table "insert", "update", "delete", "truncate"; update = { columns }
---@param action string|table the function's name, { its name, schema }, or a rowan.literal
---@param params? any[] texts for the function (PostgreSQL)
---@param words? string[] FOR EACH ROW, FOR EACH STATEMENT, DEFERRABLE, INITIALLY DEFERRED, ...
---@param options? { when?: table, schema?: string, transaction?: any, logging?: any } when: a rowan.literal
function routines:createTrigger(at, name, timing, events, action, params, words, options)
  options = args.options(options, "createTrigger", { when = true })
  local given = {
    timing = timing, events = events, params = params, words = words,
    when = options.when and literal_text(options.when, "createTrigger: when"),
  }
  local to = args.table(self.db, at, options, "createTrigger")
  if self.db._dialect.supports.functions then
    given.execute, given.schema = args.text(action, "createTrigger: the function"), to.schema
  else
    given.body = literal_text(action, "createTrigger: sqlite has no functions; the action")
  end
  local text = ddl_routine.create_trigger(self.db._dialect, to, args.text(name, "createTrigger: the name"), given)
  schema.send(self.db, { text }, options)
end

---Drops a trigger. Raises QueryError when there is none and `ifExists` is not given.
---
---    qi:dropTrigger("logs", "log_logs")    -- DROP TRIGGER "log_logs" ON "logs" RESTRICT
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param name string of the trigger
---@param options? { ifExists?: boolean, cascade?: boolean, schema?: string, transaction?: any, logging?: any }
function routines:dropTrigger(at, name, options)
  options = args.options(options, "dropTrigger", { ifExists = true, cascade = true })
  local to = args.table(self.db, at, options, "dropTrigger")
  local text = ddl_routine.drop_trigger(self.db._dialect, to, args.text(name, "dropTrigger: the name"), options)
  schema.change_trigger(self.db, to, name, text, options)
end

---Renames a trigger (PostgreSQL). Raises QueryError on SQLite, or when there is none.
---
---    qi:renameTrigger("logs", "log_logs", "note_logs")    -- ALTER TRIGGER "log_logs" ON "logs" RENAME TO "note_logs"
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param before string its name
---@param after string the new one
---@param options? { schema?: string, transaction?: any, logging?: any }
function routines:renameTrigger(at, before, after, options)
  options = args.options(options, "renameTrigger")
  args.need(self.db, "functions", "renameTrigger")
  local to = args.table(self.db, at, options, "renameTrigger")
  local text = ddl_routine.rename_trigger(self.db._dialect, to, args.text(before, "renameTrigger: the name"),
    args.text(after, "renameTrigger: the new name"))
  schema.change_trigger(self.db, to, before, text, options)
end

---Says when the constraints that may wait are looked at, until the transaction ends: at its end, or at once. On SQLite
---these are all foreign keys. Raises QueryError for another word.
---
---    qi:deferConstraints("DEFERRED", { constraints = { "posts_user_id_fkey" } })   -- SET CONSTRAINTS ... DEFERRED
---@async
---@param checking? "DEFERRED"|"IMMEDIATE" at the end (when not given), or at once
---@param options? { constraints?: string[], transaction?: any, logging?: any } constraints: all when not given (PostgreSQL)
function routines:deferConstraints(checking, options)
  if type(checking) == "table" then options, checking = checking, nil end
  checking = checking or "DEFERRED"
  options = args.options(options, "deferConstraints", { constraints = true })
  if checking ~= "DEFERRED" and checking ~= "IMMEDIATE" then
    args.fail('deferConstraints: wants "DEFERRED" or "IMMEDIATE"')
  end
  args.names(options.constraints, "deferConstraints: constraints")
  if options.constraints then args.need(self.db, "functions", "deferConstraints: names of constraints") end
  if not run.transaction(self.db, options) then args.fail("deferConstraints: there is no transaction") end
  schema.send(self.db, { control.defer_constraints(self.db._dialect, checking, options.constraints) }, options)
end

return routines
