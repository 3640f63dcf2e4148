--- INSERT, UPDATE and DELETE by a query of the builder: no model stands behind the table, so names are quoted, values
--- bound by what they are in Lua, and the database decides whether they fit.

local builder = require("rowan.query.builder")
local chain = require("rowan.query.chain")
local check = require("rowan.base.check")
local clause = require("rowan.query.parts")
local columns = require("rowan.query.columns")
local expression = require("rowan.query.expression")
local name = require("rowan.query.name")
local namespace = require("rowan.query.namespace")
local node = require("rowan.sql.node")
local null = require("rowan.base.null")
local sources = require("rowan.query.sources")
local statement = require("rowan.query.statement")

local changing = {}

local fail = chain.fail

-- Parts that a write has no place for.
local USELESS = {
  select = "select", joins = "join", group = "groupBy", having = "having", order = "orderBy", limit = "limit",
  offset = "offset", distinct = "distinct", distinct_on = "distinctOn", compound = "union", finder = "a model's select",
  lock = "forUpdate",
}

---Refuses a query that cannot be written to.
---@param q rowan.Query
---@param context string "update"
function changing.check(q, context)
  local parts = q._parts
  for _, part in ipairs(check.sorted_keys(USELESS)) do
    if parts[part] ~= nil then fail(("%s: it cannot take %s"):format(context, USELESS[part])) end
  end
  local from = parts.from
  if from and from.kind == "model" then
    fail(("%s: %s is a model; write with %s:%s, which checks the values"):format(context, from.alias, from.alias,
      context == "insert" and "create or bulkCreate" or context == "delete" and "destroy" or context))
  end
  if not from or from.kind ~= "table" then fail(context .. " wants a table by its name: db:from(\"users\")") end
end

local function plain(value, as)
  local kind = type(value)
  if value == null or kind == "string" or kind == "number" or kind == "boolean" or expression.is(value) then return end
  fail(("%s: a %s cannot be bound; give JSON and lists as text"):format(as, kind))
end

local function walk_returning(b, ns, q)
  local items = q._parts.returning
  if not items then return nil, nil end
  local output = columns.walk(b, ns, items, statement.nested)
  return not b.is_shape and columns.nodes(output) or nil, columns.known(output) or {}
end

local function bound(b, ns, value, as)
  plain(value, as)
  return expression.walk(b, ns, value)
end

local function walk_sets(b, ns, values)
  local sets = {}
  b:open("set")
  for i, as in ipairs(check.sorted_keys(values)) do
    local field = name.identifier(as, "update")
    b:token(name.token(field))
    sets[i] = { field = field, value = bound(b, ns, values[as], "update: " .. field) }
  end
  b:token(")")
  if #sets == 0 then fail("update wants values by column") end
  return sets
end

local function start(b, q)
  local ns = namespace.new(q._db._dialect)
  local from = sources.walk(b, ns, q._parts, statement.walk)
  return ns, from
end

-- Conditions of the statement itself; those within its subqueries do not narrow it.
local function walk_where(b, ns, q)
  return clause.conditions(b, ns, q._parts.where)
end

---@param b table
---@param q rowan.Query
---@param values table<string, any>
---@return rowan.sql.Node? made in tree building
---@return table[]? known columns of RETURNING
function changing.update(b, q, values)
  b:open("update")
  local with = statement.with(b, q._parts.with)
  local ns, into = start(b, q)
  local sets = walk_sets(b, ns, values)
  local condition = walk_where(b, ns, q)
  local returning, known = walk_returning(b, ns, q)
  b:token(")")
  if b.is_shape then return nil, known end
  local made = node.update(into, sets, condition, returning)
  made.with = with
  return made, known
end

---@param b table
---@param q rowan.Query
---@return rowan.sql.Node? made in tree building
---@return table[]? known columns of RETURNING
function changing.delete(b, q)
  b:open("delete")
  local with = statement.with(b, q._parts.with)
  local ns, from = start(b, q)
  local condition = walk_where(b, ns, q)
  local returning, known = walk_returning(b, ns, q)
  b:token(")")
  if b.is_shape then return nil, known end
  local made = node.delete(from, condition)
  made.with, made.returning = with, returning
  return made, known
end

-- ---- INSERT ----

---The columns of rows, all of which must have the same.
---@param rows table<string, any>[]
---@return string[]
function changing.fields(rows)
  local keys = check.sorted_keys(rows[1])
  if #keys == 0 then fail("insert: the row has no columns") end
  for i, row in ipairs(rows) do
    local count = 0
    for key in pairs(row) do
      count = count + 1
      if rows[1][key] == nil then
        fail(("insert: row %d has %s, which the first row has not; all rows have the same columns")
          :format(i, tostring(key)))
      end
    end
    if count ~= #keys then fail(("insert: row %d lacks columns of the first; write rowan.null for NULL"):format(i)) end
  end
  return keys
end

local function walk_rows(b, ns, rows, keys)
  local list = {}
  b:open("rows")
  for r, row in ipairs(rows) do
    local values = {}
    for i, key in ipairs(keys) do values[i] = bound(b, ns, row[key], "insert: " .. key) end
    b:token(",")
    list[r] = values
  end
  b:token(")")
  return list
end

local function walk_insert(b, q, make)
  local parts = q._parts
  if parts.where then fail("insert: it cannot take where") end
  b:open("insert")
  local with = statement.with(b, parts.with)
  local ns, into = start(b, q)
  local made = { into = into, with = with }
  make(ns, made)
  local known
  made.returning, known = walk_returning(b, ns, q)
  b:token(")")
  if b.is_shape then return nil, known end
  return node.insert_rows(made), known
end

---@param b table
---@param q rowan.Query
---@param rows table<string, any>[]
---@param keys string[] from changing.fields
---@return rowan.sql.Node? made in tree building
---@return table[]? known columns of RETURNING
function changing.insert(b, q, rows, keys)
  return walk_insert(b, q, function(ns, made)
    made.fields = {}
    for i, key in ipairs(keys) do
      made.fields[i] = name.identifier(key, "insert")
      b:token(name.token(made.fields[i]))
    end
    made.rows = walk_rows(b, ns, rows, keys)
  end)
end

---INSERT of what a query gives, by the names of its columns.
---@param b table
---@param q rowan.Query
---@param query rowan.Query
---@return rowan.sql.Node? made in tree building
---@return table[]? known columns of RETURNING
function changing.insert_from(b, q, query)
  return walk_insert(b, q, function(_, made)
    local walked = statement.walk(b, query)
    made.fields, made.query = {}, walked.node
    for i, column in ipairs(walked.columns or {}) do
      if not column.name then fail("insert: every column of the query needs a name: { expression, \"alias\" }") end
      made.fields[i] = column.name
    end
    if not walked.columns then fail("insert: the query must name its columns, not *") end
  end)
end

-- ---- shapes and plans ----

---Takes down the shape of a write.
---@param walk fun(b: table, ...): rowan.sql.Node?, table[]? one of the above
---@param ... any its arguments behind the builder
---@return string key
---@return any[] params
---@return integer count
---@return integer conditions
function changing.shape(walk, ...)
  local shape = builder.shape("change")
  walk(shape, ...)
  return shape:key(), shape.params, shape.count, shape.conditions
end

---@param dialect rowan.Dialect
---@param walk fun(b: table, ...): rowan.sql.Node?, table[]?
---@param ... any
---@return rowan.Plan
function changing.plan(dialect, walk, ...)
  local tree = builder.tree(dialect)
  local made, known = walk(tree, ...)
  return statement.finish(tree, made, known)
end

return changing
