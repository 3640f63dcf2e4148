--- The clauses of the chain: joins, conditions, groups, order, pages, UNION and WITH. Methods of queries (query/chain).

local chain = require("rowan.query.chain")
local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local name = require("rowan.query.name")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local suggest = require("rowan.base.suggest")

local clauses = {}

---@class rowan.Query
local Query = chain.methods
local Op = ops.Op
local appended, changed, fail, plain_only = chain.appended, chain.changed, chain.fail, chain.plain_only

-- ---- conditions ----

local WORDS = {
  ["="] = "eq", ["<>"] = "ne", ["!="] = "ne", [">"] = "gt", [">="] = "gte", ["<"] = "lt", ["<="] = "lte",
  ["in"] = "in", ["not in"] = "notIn", like = "like", ["not like"] = "notLike", ilike = "iLike",
  ["not ilike"] = "notILike", between = "between", ["not between"] = "notBetween", is = "is", ["is not"] = "isNot",
}

local function operator_of(operator, context)
  if ops.is(operator) then return operator end
  local word = type(operator) == "string" and WORDS[operator:lower()]
  if not word then
    fail(suggest.unknown(context .. ": there is no operator", tostring(operator), check.sorted_keys(WORDS)))
  end
  return Op[word]
end

local function compare(context, left, operator, value)
  if value == nil then fail(context .. ": there is no value to compare with; write rowan.null for NULL") end
  if construct.is(left) then
    if operator == nil then return construct.where(left, value) end
    return construct.where(left, operator_of(operator, context), value)
  end
  if type(left) ~= "string" then fail(context .. " wants a column's name or an expression first") end
  if operator == nil then return { [left] = value } end
  return { [left] = { [operator_of(operator, context)] = value } }
end

-- One entry of a list of conditions, from the arguments of where or having.
local function condition_of(self, context, ...)
  local count = select("#", ...)
  local first, second, third = ...
  if count == 1 and type(first) == "function" then
    local inner = first(chain.new(self._db, {}))
    if not chain.is(inner) then
      fail(context .. ": the function must return the query it was given, with conditions")
    end
    return { group = inner._parts.where or {} }
  end
  if count == 1 then
    if type(first) ~= "table" then fail(context .. " wants a condition: a table, or a column and a value") end
    return { condition = first }
  end
  if count == 2 then return { condition = compare(context, first, nil, second) } end
  if count ~= 3 then
    fail(context .. " takes a condition, a column and a value, or a column, an operator and a value")
  end
  return { condition = compare(context, first, second, third) }
end

local function add_condition(self, clause, joint, context, ...)
  plain_only(self, context)
  local entry = condition_of(self, context, ...)
  entry.joint = joint
  return changed(self, { [clause] = appended(self._parts[clause], { entry }) })
end

---Narrows the rows: `where{ ["u.age"] = { [Op.gte] = 18 } }`, `where("u.age", ">=", 18)`, `where("u.id", { 1, 2 })`,
---`where(expression)`, or a function for a group: `where(function(q) return q:where("a", 1):orWhere("b", 2) end)`.
---Further calls are joined by AND. Raises QueryError for an unknown operator, or what is no condition.
---
---    db:from("users"):where("age", ">=", 18):where{ active = true }:all()
---    -- SELECT * FROM "users" WHERE "age" >= $1 AND "active" = $2
---@param ... any a table, a column with a value or an operator and a value, an expression, or a function
---@return rowan.Query
function Query:where(...) return add_condition(self, "where", "and", "where", ...) end

---An alternative to all that stands before it: a AND b OR c, as SQL reads it. Raises as where.
---
---    db:from("users"):where("age", ">=", 18):orWhere("active", true):all()
---    -- SELECT * FROM "users" WHERE ("age" >= $1 OR "active" = $2)
---@param ... any as for where
---@return rowan.Query
function Query:orWhere(...) return add_condition(self, "where", "or", "orWhere", ...) end

---A condition on groups; as where, with aggregates: `having(rowan.fn("COUNT", rowan.col("*")), ">", 3)`.
---Raises as where.
---
---    db:from("posts"):select("user_id"):groupBy("user_id"):having(rowan.fn("COUNT", rowan.col("*")), ">", 3):all()
---    -- SELECT "user_id" FROM "posts" GROUP BY "user_id" HAVING COUNT(*) > $1
---@param ... any as for where
---@return rowan.Query
function Query:having(...) return add_condition(self, "having", "and", "having", ...) end

---The rows for which a condition does not hold. Raises as where.
---
---    db:from("users"):whereNot("name", "Ann"):all()    -- SELECT * FROM "users" WHERE NOT ("name" = $1)
---@param ... any as for where
---@return rowan.Query
function Query:whereNot(...)
  local entry = condition_of(self, "whereNot", ...)
  if not entry.group then return self:where({ [Op["not"]] = entry.condition }) end
  plain_only(self, "whereNot")
  entry.joint, entry.negated = "and", true
  return changed(self, { where = appended(self._parts.where, { entry }) })
end

for method, operator in pairs({ whereIn = "in", whereNotIn = "notIn", whereBetween = "between" }) do
  Query[method] = function(self, column, value)
    return add_condition(self, "where", "and", method, column, Op[operator], value)
  end
end

---The rows without a value in a column. Raises as where.
---
---    db:from("users"):whereNull("age"):all()    -- SELECT * FROM "users" WHERE "age" IS NULL
---@param column any a name or an expression
---@return rowan.Query
function Query:whereNull(column) return self:where(column, null) end

---The rows with a value in a column. Raises as where.
---
---    db:from("users"):whereNotNull("age"):all()    -- SELECT * FROM "users" WHERE "age" IS NOT NULL
---@param column any a name or an expression
---@return rowan.Query
function Query:whereNotNull(column) return self:where(column, "<>", null) end

---The rows for which a query finds any; it names columns of this one by their tables ("u.id").
---Raises QueryError for what is no query.
---
---    db:from("users as u"):whereExists(db:from("posts as p"):where("p.user_id", rowan.col("u.id"))):all()
---    -- SELECT * FROM "users" AS "u" WHERE EXISTS (SELECT 1 FROM "posts" AS "p" WHERE "p"."user_id" = "u"."id")
---@param query rowan.Query of the builder
---@return rowan.Query
function Query:whereExists(query) return self:where(clauses.exists(query)) end

---The rows for which a query finds none. Raises QueryError for what is no query.
---
---    db:from("users as u"):whereNotExists(db:from("posts as p"):where("p.user_id", rowan.col("u.id"))):all()
---    -- SELECT * FROM "users" AS "u" WHERE NOT (EXISTS (SELECT 1 FROM "posts" AS "p" WHERE "p"."user_id" = "u"."id"))
---@param query rowan.Query of the builder
---@return rowan.Query
function Query:whereNotExists(query) return self:whereNot(clauses.exists(query)) end

---A condition in SQL of one's own, with a ? for each value.
---Raises QueryError when values and question marks are not as many.
---
---    db:from("users"):whereRaw("age % ? = 0", 2):all()    -- SELECT * FROM "users" WHERE (age % $1 = 0)
---@param text string SQL: never put input into it
---@param ... any values, which are bound, and expressions
---@return rowan.Query
function Query:whereRaw(text, ...) return self:where(construct.sql(text, ...)) end

---EXISTS (query), as a condition or a value.
---@param query rowan.Query
---@return rowan.Expression
function clauses.exists(query)
  if not chain.is(query) then fail("exists wants a query, such as db:from(\"posts\")") end
  return construct.make({ kind = "exists", query = query })
end

-- ---- joins ----

local function on_of(context, ...)
  local count = select("#", ...)
  local first, second, third = ...
  if count == 1 and type(first) == "table" then return first end
  if count == 2 then return { [first] = construct.col(second) } end
  if count == 3 then return { [first] = { [operator_of(second, context)] = construct.col(third) } } end
  fail(context .. " wants a condition, or two columns: leftJoin(\"posts as p\", \"p.user_id\", \"u.id\")")
end

local JOINS = {
  join = "INNER JOIN", innerJoin = "INNER JOIN", leftJoin = "LEFT JOIN", rightJoin = "RIGHT JOIN",
  fullJoin = "FULL JOIN", crossJoin = "CROSS JOIN",
}

local function add_join(self, context, kind, lateral, what, ...)
  plain_only(self, context)
  local source = chain.source(self._db, what, context)
  if lateral and source.kind ~= "query" then fail(context .. " wants a query with a name: query:as(\"name\")") end
  local join = { kind = kind, lateral = lateral, source = source }
  if kind ~= "CROSS JOIN" then
    if lateral and select("#", ...) == 0 then
      join.on = { condition = {} }
    else
      join.on = { condition = on_of(context, ...) }
    end
  elseif select("#", ...) > 0 then
    fail(context .. " takes no condition")
  end
  return changed(self, { joins = appended(self._parts.joins, { join }) })
end

-- join, innerJoin, leftJoin, rightJoin, fullJoin(table, left, right), (table, left, operator, right) or (table, condition);
-- crossJoin(table); and the same with Lateral behind it, over a query that sees the tables before it.
for method, kind in pairs(JOINS) do
  Query[method] = function(self, what, ...) return add_join(self, method, kind, false, what, ...) end
  if kind ~= "RIGHT JOIN" and kind ~= "FULL JOIN" then
    local lateral = method .. "Lateral"
    Query[lateral] = function(self, what, ...) return add_join(self, lateral, kind, true, what, ...) end
  end
end

-- ---- groups, order, pages ----

---One row a group of rows with these columns equal. Raises QueryError on a search of a model or a UNION.
---
---    db:from("posts"):select("user_id"):groupBy("user_id"):all()
---    -- SELECT "user_id" FROM "posts" GROUP BY "user_id"
---@param ... any names or expressions
---@return rowan.Query
function Query:groupBy(...)
  plain_only(self, "groupBy")
  return changed(self, { group = appended(self._parts.group, { ... }) })
end

---The order of the rows: a name or an expression, and a direction; or a list as in a finder's `order`. A further call adds
---to it. Raises QueryError for another direction, when it runs.
---
---    :orderBy("u.name")   :orderBy("u.age", "DESC NULLS LAST")   :orderBy{ { "u.age", "DESC" }, "u.id" }
---@param what any a name, an expression, or a list
---@param direction? string "ASC", "DESC", with NULLS FIRST or NULLS LAST; ASC when not given
---@return rowan.Query
function Query:orderBy(what, direction)
  if self._parts.finder then plain_only(self, "orderBy") end
  local items
  if type(what) == "table" and not construct.is(what) then
    if direction then fail("orderBy: in a list each entry has its own direction: { { \"name\", \"DESC\" } }") end
    items = what
  else
    items = { direction and { what, direction } or what }
  end
  return changed(self, { order = appended(self._parts.order, items) })
end

---At most so many rows. Raises QueryError for what is no whole number, when it runs.
---
---    db:from("users"):orderBy("id"):limit(10):all()    -- SELECT * FROM "users" ORDER BY "id" ASC LIMIT $1
---@param count integer 0 or more
---@return rowan.Query
function Query:limit(count)
  if self._parts.finder then plain_only(self, "limit") end
  return changed(self, { limit = count })
end

---Without the first so many rows. Raises QueryError for what is no whole number, when it runs.
---
---    db:from("users"):orderBy("id"):limit(10):offset(20):all()
---    -- SELECT * FROM "users" ORDER BY "id" ASC LIMIT $1 OFFSET $2
---@param count integer 0 or more
---@return rowan.Query
function Query:offset(count)
  if self._parts.finder then plain_only(self, "offset") end
  return changed(self, { offset = count })
end

local LOCK = check.set({ "of", "skipLocked", "noWait" })

local function lock_of(context, level, options)
  check.keys(options, LOCK, context, "QueryError")
  options = options or {}
  if options.skipLocked and options.noWait then fail(context .. ": skipLocked and noWait exclude each other") end
  local of = options.of
  if type(of) == "string" then of = { of } end
  return { level = level, of = of, wait = options.skipLocked and "SKIP LOCKED" or options.noWait and "NOWAIT" or nil }
end

---Locks the rows until the transaction ends. SQLite, which has no locks of rows, refuses it.
---
---    db:from("users"):where("id", 7):forUpdate{ skipLocked = true }:all()
---    -- SELECT * FROM "users" WHERE "id" = $1 FOR UPDATE SKIP LOCKED
---@param options? { of?: string|string[], skipLocked?: boolean, noWait?: boolean } of: the tables whose rows, by alias
---@return rowan.Query
function Query:forUpdate(options)
  plain_only(self, "forUpdate")
  return changed(self, { lock = lock_of("forUpdate", "UPDATE", options) })
end

---Keeps others from changing the rows until the transaction ends; as forUpdate. Raises as forUpdate.
---
---    db:from("users"):where("id", 7):forShare():all()    -- SELECT * FROM "users" WHERE "id" = $1 FOR SHARE
---@param options? { of?: string|string[], skipLocked?: boolean, noWait?: boolean }
---@return rowan.Query
function Query:forShare(options)
  plain_only(self, "forShare")
  return changed(self, { lock = lock_of("forShare", "SHARE", options) })
end

-- ---- UNION, WITH ----

local function compound(self, operator, context, ...)
  local count = select("#", ...)
  if count == 0 then fail(context .. " wants a query") end
  local parts = self._parts
  local open = parts.compound and parts.operator == operator
    and not (parts.order or parts.limit or parts.offset or parts.with or parts.alias)
  local list = open and appended(parts.compound, {}) or { self }
  for i = 1, count do
    local query = select(i, ...)
    if not chain.is(query) then fail(context .. " wants queries, not " .. tostring(query)) end
    list[#list + 1] = query
  end
  return chain.new(self._db, { compound = list, operator = operator })
end

-- union, unionAll, intersect, intersectAll, except, exceptAll(query, ...): the rows of these queries as those of one. What
-- follows (orderBy, limit) is about all of them.
for method, operator in pairs({
  union = "UNION", unionAll = "UNION ALL", intersect = "INTERSECT", intersectAll = "INTERSECT ALL",
  except = "EXCEPT", exceptAll = "EXCEPT ALL",
}) do
  Query[method] = function(self, ...) return compound(self, operator, method, ...) end
end

local WITH = check.set({ "columns", "materialized" })

---An entry of WITH from its name, query and options.
---@param context string
---@param as string
---@param query rowan.Query
---@param options? { columns?: string[], materialized?: boolean }
---@param recursive? boolean
---@return table
function clauses.with_entry(context, as, query, options, recursive)
  if not chain.is(query) then fail(context .. ": " .. tostring(as) .. " wants a query") end
  check.keys(options, WITH, context, "QueryError")
  options = options or {}
  return {
    name = name.identifier(as, context), query = query, recursive = recursive, materialized = options.materialized,
    columns = chain.columns(options.columns, context),
  }
end

local function add_with(self, context, recursive, as, query, options)
  local entry = clauses.with_entry(context, as, query, options, recursive)
  return changed(self, { with = appended(self._parts.with, { entry }) })
end

---A query under a name that this one, and those named after it, can read as a table: WITH name AS (...).
---Raises QueryError for what is no name or no query.
---
---    db:from("adults"):with("adults", db:from("users"):where("age", ">=", 18)):all()
---    -- WITH "adults" AS (SELECT * FROM "users" WHERE "age" >= $1) SELECT * FROM "adults"
---@param as string a plain name
---@param query rowan.Query what it stands for
---@param options? { columns?: string[], materialized?: boolean }
---@return rowan.Query
function Query:with(as, query, options) return add_with(self, "with", false, as, query, options) end

---The same for a query that reads itself: its second part, behind unionAll or union, reads the name as a table.
---Raises QueryError for what is no name or no query.
---
---    local tree = db:from("categories"):select("id"):where("id", 1):unionAll(
---      db:from("categories as c"):select("c.id"):join("tree as t", "t.id", "c.parent_id"))
---    db:from("tree"):withRecursive("tree", tree):all()
---@param as string a plain name
---@param query rowan.Query what it stands for
---@param options? { columns?: string[], materialized?: boolean }
---@return rowan.Query
function Query:withRecursive(as, query, options) return add_with(self, "withRecursive", true, as, query, options) end

return clauses
