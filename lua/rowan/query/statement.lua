--- Queries of the builder (query/chain) walked with either builder: WITH, the tables, columns, conditions, groups, order
--- and page of one, or several joined by UNION; at the top, in FROM, or as a value. Gives shapes and plans as query/select
--- does for finders. Pure.

local builder = require("rowan.query.builder")
local chain = require("rowan.query.chain")
local columns = require("rowan.query.columns")
local compile = require("rowan.sql.compile")
local computed = require("rowan.query.computed")
local distinct_on = require("rowan.query.distinct_on")
local expression = require("rowan.query.expression")
local level = require("rowan.query.level")
local name = require("rowan.query.name")
local namespace = require("rowan.query.namespace")
local clause = require("rowan.query.parts")
local node = require("rowan.sql.node")
local sources = require("rowan.query.sources")
local untyped = require("rowan.types.untyped")

local statement = {}

local fail = chain.fail

---@class rowan.query.Walked
---@field node? rowan.sql.Node in tree building
---@field columns? table[] { name, field, type, code, scale, load }; nil where a * of an unknown table is among them

-- ---- one SELECT ----

local function walk_plain(b, q, outer)
  local parts = q._parts
  local ns = namespace.new(q._db._dialect, outer)
  b:open(parts.distinct and "select distinct" or "select")
  local made = { distinct = parts.distinct }
  made.from, made.joins = sources.walk(b, ns, parts, statement.walk)
  local output = columns.walk(b, ns, parts.select, statement.nested)
  local known = computed.of(output)
  made.where = clause.conditions(b, ns, parts.where)
  namespace.results(ns, output)
  made.group = clause.operands(b, ns, "group", parts.group, known)
  made.having = clause.conditions(b, ns, parts.having)
  namespace.results(ns, output, true)
  made.distinct_on = clause.operands(b, ns, "distinct on", parts.distinct_on, known)
  made.order = clause.ordering(b, ns, parts.order, known)
  made.limit, made.offset = clause.page(b, ns, parts)
  made.lock = clause.lock(b, ns, parts.lock)
  b:token(")")
  local walked = { columns = columns.known(output) }
  if b.is_shape then return walked end
  made.columns = columns.nodes(output)
  if made.distinct_on and not b.dialect.supports.distinct_on then
    walked.node = distinct_on.numbered(made, output)
  else
    walked.node = node.select(made)
  end
  return walked
end

-- ---- a model's select ----

local function entries_of(model, parts)
  local entries = parts.entries
  if parts.whole then return namespace.columns_of(model) end
  local list = {}
  for i, entry in ipairs(entries) do
    local attr, column = entry.attr, entry.column
    list[i] = {
      name = column.key, field = column.key, type = entry.type or attr and attr.type or namespace.ANY,
      code = column.code, scale = column.scale, load = column.load,
    }
  end
  return list
end

local NOT_NESTED = { "include", "group", "having", "lock", "with", "withRecursive" }

local function walk_finder(b, q, outer)
  local model, options = q._parts.finder.model, q._parts.finder.options
  for _, option in ipairs(NOT_NESTED) do
    if options[option] ~= nil then
      fail(("%s:select: within another query it cannot take %s; build it with %s:query()")
        :format(model.name, option, model.name))
    end
  end
  local before = b.outer
  b.outer = outer
  b:open("finder " .. name.token(model.name) .. (options.distinct and " distinct" or ""))
  local at = level.new(model, options)
  local parts = level.walk(b, at, {})
  parts.where = level.conditions(b, at, options.where, true)
  parts.order, parts.limit, parts.offset = level.page(b, at, parts)
  b:token(")")
  b.outer = before
  local walked = { columns = entries_of(model, parts) }
  if b.is_shape then return walked end
  local def, nodes = model.definition, {}
  for i, entry in ipairs(parts.entries) do
    local aliased = entry.alias or entry.column.key ~= entry.node.field and entry.column.key
    nodes[i] = aliased and node.aliased(entry.node, aliased) or entry.node
  end
  walked.node = node.select({
    columns = nodes, from = node.source(def.table, def.schema, b.scope), where = parts.where, order = parts.order,
    limit = parts.limit, offset = parts.offset, distinct = options.distinct,
  })
  return walked
end

-- ---- UNION ----

local function merged(first, other, operator)
  if not first or not other then return nil end
  if #first ~= #other then
    fail(("%s: the queries give %d and %d columns"):format(operator, #first, #other))
  end
  local list = {}
  for i, column in ipairs(first) do
    local same = column.code == other[i].code
    list[i] = same and column or { name = column.name, field = column.field, type = namespace.ANY, code = "?" }
  end
  return list
end

local function check_operator(q)
  local parts = q._parts
  local whole = parts.operator == "INTERSECT ALL" or parts.operator == "EXCEPT ALL"
  if whole and not q._db._dialect.supports.set_all then
    fail(parts.operator .. " is not there on " .. q._db._dialect.name)
  end
end

-- `itself`: the entry of WITH RECURSIVE that this is; its later parts may read it.
local function walk_compound(b, q, outer, itself)
  local parts, list, found = q._parts, {}, nil
  check_operator(q)
  b:open("compound " .. parts.operator)
  for i, query in ipairs(parts.compound) do
    local walked = statement.walk(b, query, outer)
    list[i] = { operator = i > 1 and parts.operator or nil, query = walked.node }
    if i == 1 then found = walked.columns else found = merged(found, walked.columns, parts.operator) end
    if i == 1 and itself then
      b.ctes[itself.name] = { columns = sources.renamed(found, itself.columns) }
      sources.need_names(b.ctes[itself.name].columns, itself.name)
    end
  end
  local ns = namespace.new(q._db._dialect, outer)
  namespace.add(ns, { alias = "the result", scope = {}, columns = found })
  local made = { list = list }
  made.order = clause.ordering(b, ns, parts.order)
  made.limit, made.offset = clause.page(b, ns, parts)
  b:token(")")
  return { node = not b.is_shape and node.compound(made) or nil, columns = found }
end

-- ---- WITH ----

local function names_in(b, entry)
  b:token(name.token(entry.name) .. (entry.recursive and "r" or "") .. tostring(entry.materialized))
  for _, column in ipairs(entry.columns or {}) do b:token(name.token(column)) end
end

---Walks the entries of WITH; from then on their names are tables, until b.ctes is put back.
---@param b table
---@param list? table[]
---@param outer? table
---@return rowan.sql.Node? in tree building
function statement.with(b, list, outer)
  if not list or #list == 0 then return nil end
  local entries, recursive = {}, false
  b.ctes = setmetatable({}, { __index = b.ctes })
  b:open("with")
  for i, entry in ipairs(list) do
    names_in(b, entry)
    local query = entry.query
    if entry.recursive and not query._parts.compound then
      fail(("withRecursive: %s wants two queries joined by unionAll or union"):format(entry.name))
    end
    recursive = recursive or entry.recursive
    local walked = statement.walk(b, query, outer, entry.recursive and entry or nil)
    local known = sources.renamed(walked.columns, entry.columns)
    sources.need_names(known, entry.name)
    b.ctes[entry.name] = { columns = known }
    entries[i] = {
      name = entry.name, columns = entry.columns, materialized = entry.materialized, query = walked.node,
    }
  end
  b:token(")")
  return not b.is_shape and node.with(entries, recursive) or nil
end

-- ---- all of it ----

---Walks a query.
---@param b table
---@param q rowan.Query
---@param outer? table what is around it; see query/namespace
---@param itself? table the entry of WITH RECURSIVE that it is
---@return rowan.query.Walked
function statement.walk(b, q, outer, itself)
  local parts, before = q._parts, b.ctes
  local with = statement.with(b, parts.with, outer)
  local walked
  if parts.compound then
    walked = walk_compound(b, q, outer, itself)
  elseif parts.finder then
    walked = walk_finder(b, q, outer)
  else
    walked = walk_plain(b, q, outer)
  end
  if with then walked.node.with = with end
  b.ctes = before
  return walked
end

-- Tables of finders get their aliases when a query stands in them: not those that the query uses itself.
local function reserve(b, parts)
  if parts.from then b:reserve(parts.from.alias) end
  for _, join in ipairs(parts.joins or {}) do b:reserve(join.source.alias) end
end

---Walks a query that stands in an expression.
---@param b table
---@param def table definition or namespace around it
---@param q rowan.Query
---@return rowan.query.Walked
function statement.nested(b, def, q)
  b:open("query")
  reserve(b, q._parts)
  local scope = b:enter()
  local around = def.sources and { namespace = def, next = def.outer }
    or { model = def.model, scope = scope, next = b.outer }
  local before = b.outer
  b.outer = around
  local walked = statement.walk(b, q, around)
  b.outer = before
  b:leave(scope)
  b:token(")")
  return walked
end

local function one_column(walked)
  if walked.columns and #walked.columns ~= 1 then
    fail(("a query that stands for a value gives one column, this one %d"):format(#walked.columns))
  end
end

expression.walkers["query"] = function(b, def, q)
  local walked = statement.nested(b, def, q)
  one_column(walked)
  return walked.node and node.scalar(walked.node)
end

-- EXISTS does not look at columns; those that bind nothing are left out.
local function without_columns(made)
  if made.node ~= "select" or made.group or made.distinct or made.distinct_on then return made end
  for _, item in ipairs(made.columns) do
    local value = item.node == "aliased" and item.value or item
    if value.node ~= "column" and value.node ~= "star" then return made end
  end
  made.columns = { node.literal("1") }
  return made
end

function expression.walkers.exists(b, def, e)
  local walked = statement.nested(b, def, e.query)
  if b.is_shape then
    b:condition("exists")
    return nil
  end
  return node.exists(without_columns(walked.node))
end
expression.truths.exists = true

-- ---- shapes and plans ----

---Takes down the shape and the parameters of a query.
---@param q rowan.Query
---@return string key
---@return any[] params
---@return integer count
function statement.shape(q)
  local shape = builder.shape("query")
  statement.walk(shape, q)
  return shape:key(), shape.params, shape.count
end

---The names of a query's columns; nil where a * of an unknown table is among them.
---@param q rowan.Query
---@return string[]?
function statement.names(q)
  local walked = statement.walk(builder.shape("names"), q)
  if not walked.columns then return nil end
  local list = {}
  for i, column in ipairs(walked.columns) do list[i] = column.name or "" end
  return list
end

---A plan from what was walked.
---@param tree rowan.query.Tree
---@param made rowan.sql.Node
---@param known? table[] columns
---@return rowan.Plan
function statement.finish(tree, made, known)
  local layout = known and columns.layout(known)
  return {
    columns = layout, loads = not layout and untyped or nil, children = {}, count = #tree.codes,
    codes = table.concat(tree.codes), text = compile.text(made, tree.dialect),
  }
end

---The plan of a query of a shape that was not seen before.
---@param q rowan.Query
---@return rowan.Plan
function statement.plan(q)
  local tree = builder.tree(q._db._dialect)
  local walked = statement.walk(tree, q)
  return statement.finish(tree, walked.node, walked.columns)
end

return statement
