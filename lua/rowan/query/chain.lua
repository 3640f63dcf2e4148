--- Queries as values: what `db:from(...)` and a model's `select` give. Every call of the chain gives a new query, so that
--- a base can be shared; nothing is sent before a terminal (model/query) runs it. A query is also an expression: it
--- stands where a value, a table or a list does. Pure; query/statement makes the SQL.

local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local errors = require("rowan.base.errors")
local name = require("rowan.query.name")

local chain = {}

---@class rowan.Query: rowan.Expression
---@field _db rowan.Database
---@field _parts table see query/statement
local Query = { __name = "rowan.query", kind = "query" }
Query.__index = Query
Query.__tostring = function() return "rowan.query" end
construct.metatables[Query] = true

---The methods of queries; model/query adds the terminals.
chain.methods = Query

---Raises a QueryError.
---@param message string
function chain.fail(message)
  errors.raise("QueryError", { message = message })
end
local fail = chain.fail

---A query with these parts; see query/statement for what they are.
---@param db rowan.Database
---@param parts table
---@return rowan.Query
function chain.new(db, parts)
  return setmetatable({ _db = db, _parts = parts }, Query)
end

---Whether a value is a query.
---@param value any
---@return boolean
function chain.is(value)
  return type(value) == "table" and getmetatable(value) == Query
end

local function copied(t)
  local copy = {}
  for key, value in next, t or {} do copy[key] = value end
  return copy
end

---The same query with other parts.
---@param self rowan.Query
---@param changes table
---@return rowan.Query
function chain.changed(self, changes)
  local parts = copied(self._parts)
  for key, value in next, changes do parts[key] = value end
  return chain.new(self._db, parts)
end
local changed = chain.changed

---A list with more items; the list itself stays.
---@param list? any[]
---@param items any[]
---@return any[]
function chain.appended(list, items)
  local longer = copied(list)
  for _, item in ipairs(items) do longer[#longer + 1] = item end
  return longer
end
local appended = chain.appended

---Refuses what only a plain SELECT can take: a finder's and a compound's rows are what they are, and to go on with them
---they become a table.
---@param self rowan.Query
---@param method string
function chain.plain_only(self, method)
  local parts = self._parts
  local what = parts.finder and "a model's select" or parts.compound and "a UNION"
  if what then
    fail(("%s: %s is complete; build on it with db:from(query:as(\"name\"))"):format(method, what))
  end
end
local plain_only = chain.plain_only

-- ---- tables ----

local function is_model(value)
  return type(value) == "table" and rawget(value, "definition") ~= nil and rawget(value, "prototype") ~= nil
end

local function table_of(what, context)
  local parsed = name.need(what, context, 2)
  if parsed.star then name.need(nil, context, 2) end
  local parts = parsed.parts
  local table_name = parts[#parts]
  return {
    kind = "table", table = table_name, schema = parts[2] and parts[1] or nil, alias = parsed.alias or table_name,
    aliased = parsed.alias ~= nil,
  }
end

---A list of columns' names, checked; nil passes.
---@param columns any
---@param context string
---@return string[]?
function chain.columns(columns, context)
  if columns == nil then return nil end
  if type(columns) ~= "table" or not check.sequence(columns) then
    fail(context .. ": the columns are a list of names")
  end
  local list = {}
  for i, column in ipairs(columns) do list[i] = name.identifier(column, context) end
  return list
end

local function source_of(what, context)
  if type(what) == "string" then return table_of(what, context) end
  if is_model(what) then return { kind = "model", model = what, alias = what.name } end
  if chain.is(what) then return { kind = "query", query = what, alias = what._parts.alias } end
  if construct.is(what) then
    if what.kind == "values" then return { kind = "values", values = what } end
    if what.kind == "fn" then return { kind = "function", value = what } end
  elseif type(what) == "table" and what[1] ~= nil and type(what[2]) == "string" and what[4] == nil then
    local source = source_of(what[1], context)
    source.alias, source.aliased = name.identifier(what[2], context), true
    source.columns = chain.columns(what[3], context)
    return source
  end
  fail(context .. " wants \"table as alias\", a model, a query, rowan.values or a function; "
    .. "or { one of them, \"alias\" }")
end

---A table of FROM or of a join: "schema.table as alias", a model, a query with a name, rowan.values, a function; or
---{ one of these, "alias", columns? }.
---@param db rowan.Database which it must be of
---@param what any
---@param context string
---@return table source
function chain.source(db, what, context)
  local source = source_of(what, context)
  local owner = source.model and source.model.db or source.query and source.query._db
  if owner and owner ~= db then fail(("%s: %s is of another database"):format(context, source.alias or "the query")) end
  if not source.alias then
    fail(context .. ": the table needs a name: query:as(\"name\"), or { function, \"name\" }")
  end
  return source
end

---A query of a table; see chain.source.
---@param db rowan.Database
---@param what any
---@return rowan.Query
function chain.from(db, what)
  return chain.new(db, { from = chain.source(db, what, "from") })
end

---The query under a name, to stand in FROM, in a join or among the columns of another.
---Raises QueryError for what is no name.
---
---    db:from(db:from("posts"):select("user_id"):distinct():as("writers"))
---    -- FROM (SELECT DISTINCT "user_id" FROM "posts") AS "writers"
---@param alias string a plain name
---@return rowan.Query
function Query:as(alias)
  return changed(self, { alias = name.identifier(alias, "as") })
end

-- ---- columns ----

local function item_of(item, context)
  if type(item) == "string" then
    local parsed = name.need(item, context, 2)
    local alias = parsed.alias or parsed.parts[#parsed.parts]
    return { column = parsed.column, parts = parsed.parts, star = parsed.star, alias = alias }
  end
  if chain.is(item) then return { value = item, alias = item._parts.alias } end
  if construct.is(item) then return { value = item } end
  if type(item) == "table" and check.sequence(item) == 2 then
    local value, alias = item[1], name.identifier(item[2], context)
    if construct.is(value) and value.kind == "col" and value.name ~= "*" then value = value.name end
    if type(value) ~= "string" then return { value = value, alias = alias } end
    local parsed = name.read(value)
    if not parsed or #parsed.parts > 2 then return { path = value, alias = alias } end
    local inner = item_of(value, context)
    if inner.star then fail(context .. ": a * has no alias") end
    inner.alias = alias
    return inner
  end
  fail(context .. " wants names (\"u.id\", \"u.id as uid\", \"u.*\"), expressions, or { one of these, \"alias\" }")
end

local function items_of(context, ...)
  local list = {}
  for i = 1, select("#", ...) do list[i] = item_of((select(i, ...)), context) end
  return list
end

---The columns of the result: "u.id", "u.id as uid", "u.*", { expression, "alias" }. A further call adds to them.
---Raises QueryError for what is no column.
---
---    db:from("users as u"):select("u.id", "u.name as who", { rowan.fn("UPPER", rowan.col("u.name")), "loud" })
---@param ... any columns
---@return rowan.Query
function Query:select(...)
  plain_only(self, "select")
  return changed(self, { select = appended(self._parts.select, items_of("select", ...)) })
end

---Each different row once. Raises QueryError on a search of a model or a UNION.
---
---    db:from("users"):select("age"):distinct():all()    -- SELECT DISTINCT "age" FROM "users"
---@return rowan.Query
function Query:distinct()
  plain_only(self, "distinct")
  return changed(self, { distinct = true })
end

---The first row of each group of rows with these columns equal, by orderBy, which begins with them: DISTINCT ON. SQLite
---has it not, and gets a ROW_NUMBER instead. Raises DatabaseError where the order begins with something else.
---
---    db:from("posts"):distinctOn("user_id"):orderBy("user_id"):orderBy("id", "DESC"):all()
---    -- SELECT DISTINCT ON ("user_id") * FROM "posts" ORDER BY "user_id" ASC, "id" DESC
---@param ... any names or expressions
---@return rowan.Query
function Query:distinctOn(...)
  plain_only(self, "distinctOn")
  return changed(self, { distinct_on = { ... } })
end

---The columns that a write gives back: db:from("users"):returning("id"):insert{ name = "Ann" }.
---Raises QueryError for what is no column.
---
---    db:from("users"):returning("id"):where("active", false):delete()
---    -- DELETE FROM "users" WHERE "active" = $1 RETURNING "id"
---@param ... any as for select
---@return rowan.Query
function Query:returning(...)
  plain_only(self, "returning")
  return changed(self, { returning = items_of("returning", ...) })
end

return chain
