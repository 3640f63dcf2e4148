--- What runs a query of the builder (query/chain, query/clauses): its terminals. Each sends one statement and gives plain
--- tables; the others of its methods send nothing.

local lazy = require("rowan.base.lazy")
local chain = require("rowan.query.chain")
local check = require("rowan.base.check")
local clauses = require("rowan.query.clauses")
local construct = require("rowan.query.construct")
local null = require("rowan.base.null")
local read = require("rowan.repo.read")
local sources = require("rowan.query.sources")
local statement = require("rowan.repo.statement")
local stream = lazy(function() return require("rowan.repo.stream") end)
local suggest = require("rowan.base.suggest")

---@class rowan.Query
local Query = chain.methods

local query = {
  ---See rowan.exists.
  exists = clauses.exists,
  ---See rowan.values.
  values = sources.values,
  ---Whether a value is a query.
  is = chain.is,
}

local fail = chain.fail
local OPTIONS = check.set({ "transaction", "logging", "benchmark" })

local function options_of(options, context)
  check.keys(options, OPTIONS, context, "QueryError")
  return options
end

---A query of a table: see Database:from.
---@param db rowan.Database
---@param what any
---@return rowan.Query
function query.from(db, what)
  return chain.from(db, what)
end

---A search of a model that is not made yet: see Model:select.
---@param model rowan.Model
---@param options table checked by the caller
---@return rowan.Query
function query.of_model(model, options)
  return chain.new(model.db, { finder = { model = model, options = options } })
end

-- A finder's own answer, instances and all, when nothing was done to it.
local function finder_of(self, options)
  local finder = self._parts.finder
  if not finder or self._parts.with then return nil end
  local own = {}
  for key, value in next, finder.options do own[key] = value end
  for key, value in next, options or {} do own[key] = value end
  return finder.model, own
end

---The rows: plain tables, or instances of a model whose `select` this is.
---Raises QueryError for an unknown option, DatabaseError for what the database refuses, such as an unknown column.
---
---    db:from("users as u"):where("u.age", ">=", 18):orderBy("u.name"):all()
---    -- SELECT * FROM "users" AS "u" WHERE "u"."age" >= $1 ORDER BY "u"."name" ASC
---@async
---@param options? rowan.SendOptions
---@return table[]
function Query:all(options)
  options = options_of(options, "all")
  local model, own = finder_of(self, options)
  if model then return read.all(model, own) end
  return statement.read(self, options)
end

---The first row, or nil. Raises as all.
---
---    db:from("users"):orderBy("age", "DESC"):first()    -- SELECT * FROM "users" ORDER BY "age" DESC LIMIT $1
---@async
---@param options? rowan.SendOptions
---@return table?
function Query:first(options)
  options = options_of(options, "first")
  local model, own = finder_of(self, options)
  if model then return read.one(model, own) end
  local one = self._parts.limit == nil and chain.changed(self, { limit = 1 }) or self
  return statement.read(one, options, true)
end

local STREAM = check.set({ "transaction", "logging", "benchmark", "batch" })

---The rows one after the other, in constant memory, through a cursor of the database; as Model:stream.
---Raises as all, and QueryError for a `batch` that is no whole number.
---
---    for row in db:from("events"):orderBy("id"):stream() do ... end
---    -- DECLARE "rowan_cursor_1" NO SCROLL CURSOR FOR SELECT * FROM "users" ORDER BY "id" ASC; CLOSE "rowan_cursor_1"
---@async
---@param options? { batch?: integer, transaction?: rowan.Transaction|false, logging?: any } batch: rows read at a time, default 500
---@return rowan.Stream iterator
---@return nil, nil
---@return rowan.Stream closing the same, for the `for` of Lua 5.4
function Query:stream(options)
  check.keys(options, STREAM, "stream", "QueryError")
  local model, own = finder_of(self, options)
  if model then return model:stream(own) end
  options = options or {}
  local batch = options.batch or 500
  if type(batch) ~= "number" or batch % 1 ~= 0 or batch < 1 then
    fail("stream: batch must be a whole number, at least 1")
  end
  local plan, params = statement.plan(self)
  local opened = stream.over(self._db, plan, params, {
    raw = true, transaction = options.transaction, logging = options.logging, benchmark = options.benchmark,
  }, batch)
  return opened, nil, nil, opened
end

-- The query as a table of another, where it is more than one plain SELECT over its tables.
local function as_table(self)
  return chain.from(self._db, self._parts.alias and self or self:as("q"))
end

local function is_simple(parts)
  return not (parts.compound or parts.finder or parts.group or parts.distinct or parts.distinct_on or parts.limit
    or parts.offset or parts.having or parts.with)
end

-- The key of the rows under which a column's values are; the query itself, or one that reads that column alone.
local function plucked(self, column)
  local parts = self._parts
  if not (parts.compound or parts.select) then return self:select({ column, "value" }), "value" end
  local names = statement.names(self)
  for _, known in ipairs(names or { column }) do
    if known == column then return self, column end
  end
  fail(suggest.unknown("pluck: the query has no column", tostring(column), names))
end

---The values of one column: of those that were selected, or of the tables. Raises as all.
---
---    db:from("users"):where("active", true):pluck("name")
---    -- SELECT "name" AS "value" FROM "users" WHERE "active" = $1
---@async
---@param column string|rowan.Expression a name or an expression
---@param options? rowan.SendOptions
---@return any[] NULL is rowan.null
function Query:pluck(column, options)
  options = options_of(options, "pluck")
  local model, own = finder_of(self, options)
  if model then return model:pluck(column, own) end
  local base, key = plucked(self, column)
  local list = {}
  for i, row in ipairs(statement.read(base, options)) do
    local value = row[key]
    if value == nil then value = null end
    list[i] = value
  end
  return list
end

local function single(self, value, options)
  local parts = self._parts
  local base = as_table(self)
  if is_simple(parts) then
    base = chain.new(self._db, { from = parts.from, joins = parts.joins, where = parts.where })
  end
  return statement.read(base:select({ value, "value" }), options, true).value
end

---How many rows there are; with a column, how many have a value in it. Raises as all.
---
---    db:from("users"):where("age", ">=", 18):count()    -- SELECT COUNT(*) AS "value" FROM "users" WHERE "age" >= $1
---@async
---@param column? string a name
---@param options? rowan.SendOptions
---@return integer
function Query:count(column, options)
  return single(self, construct.fn("COUNT", construct.col(column or "*")), options_of(options, "count"))
end

for method, name in pairs({ sum = "SUM", min = "MIN", max = "MAX", avg = "AVG" }) do
  Query[method] = function(self, column, options)
    if type(column) == "string" then column = construct.col(column) end
    if not construct.is(column) then fail(method .. " wants a column's name or an expression") end
    return single(self, construct.fn(name, column), options_of(options, method))
  end
end

---Whether there is any row. Raises as all.
---
---    db:from("users"):where("name", "Ann"):exists()
---    -- SELECT EXISTS (SELECT 1 FROM "users" WHERE "name" = $1) AS "found"
---@async
---@param options? rowan.SendOptions
---@return boolean
function Query:exists(options)
  options = options_of(options, "exists")
  local found = chain.new(self._db, {}):select({ clauses.exists(self), "found" })
  return statement.read(found, options, true).found
end

---The text that would be sent, and its parameters. Raises QueryError as all would.
---
---    db:from("users"):where("id", 7):toSQL()    --> 'SELECT * FROM "users" WHERE "id" = $1', { 7 }
---@return string text
---@return any[] params
function Query:toSQL()
  return statement.text(self)
end

---Stores a row, a list of rows, or what a query gives, in one statement (several in one transaction where there are more
---values than one can take).
---Raises QueryError for rows that have not the same columns, UniqueConstraintError and its like when the database
---refuses.
---
---    db:from("users"):returning("id"):insert{ name = "Ann", age = 30 }
---    -- INSERT INTO "users" ("age", "name") VALUES ($1, $2) RETURNING "id"
---@async
---@param rows table<string, any>|table<string, any>[]|rowan.Query
---@param options? rowan.SendOptions
---@return integer affected
---@return table[]? rows with `returning`
function Query:insert(rows, options)
  options = options_of(options, "insert")
  if type(rows) ~= "table" then fail("insert wants a row, a list of rows, or a query") end
  if chain.is(rows) then return statement.insert(self, rows, options) end
  if rows[1] == nil and next(rows) ~= nil then rows = { rows } end
  if not check.sequence(rows) then fail("insert wants a row, a list of rows, or a query") end
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then fail(("insert: row %d is no table"):format(i)) end
  end
  return statement.insert(self, rows, options)
end

---Changes the rows that `where` names; `where(rowan.all)` for every row. Values may be expressions.
---Raises QueryError without `where`, or where the query is more than a table and conditions.
---
---    db:from("users"):where("id", 7):update{ age = rowan.col("age") + 1 }
---    -- UPDATE "users" SET "age" = ("age" + $1) WHERE "id" = $2
---@async
---@param values table<string, any>
---@param options? rowan.SendOptions
---@return integer affected
---@return table[]? rows with `returning`
function Query:update(values, options)
  options = options_of(options, "update")
  if type(values) ~= "table" or construct.is(values) then fail("update wants a table of values by column") end
  return statement.update(self, values, options)
end

---Deletes the rows that `where` names; `where(rowan.all)` for every row. Raises as update.
---
---    db:from("users"):where("active", false):delete()    -- DELETE FROM "users" WHERE "active" = $1
---@async
---@param options? rowan.SendOptions
---@return integer affected
---@return table[]? rows with `returning`
function Query:delete(options)
  return statement.delete(self, options_of(options, "delete"))
end

return query
