--- FROM and the joins of a query of the builder: each table becomes a source of the namespace, with what is known of its
--- columns, and a node.

local construct = require("rowan.query.construct")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local name = require("rowan.query.name")
local namespace = require("rowan.query.namespace")
local node = require("rowan.sql.node")
local null = require("rowan.base.null")
local types = require("rowan.types")
local where = require("rowan.query.where")

local sources = {}

local D = types.DataTypes

local function fail(message)
  errors.raise("QueryError", { message = message })
end

---The type of a Lua value, where nothing else is known of it; nil for what is no plain value.
---@param value any
---@return rowan.Type?
function sources.type_of(value)
  local kind = type(value)
  if kind == "string" then return D.TEXT end
  if kind == "boolean" then return D.BOOLEAN end
  if kind == "number" then return value % 1 == 0 and value >= -2 ^ 53 and value <= 2 ^ 53 and D.BIGINT or D.DOUBLE end
  return nil
end

-- ---- rowan.values ----

local function column_type(as, rows)
  local found
  for i, row in ipairs(rows) do
    local value = row[as]
    if value == nil then
      fail(("values: row %d has no %s; write rowan.null for NULL"):format(i, as))
    end
    if value ~= null then
      local type_of = sources.type_of(value)
      if not type_of then fail(("values: row %d: %s must be a string, a number or a boolean"):format(i, as)) end
      if found and found ~= type_of then
        local numbers = (found == D.BIGINT or found == D.DOUBLE) and (type_of == D.BIGINT or type_of == D.DOUBLE)
        if not numbers then fail(("values: row %d: %s is of another type than in the rows before"):format(i, as)) end
        type_of = D.DOUBLE
      end
      found = type_of
    end
  end
  return found or D.TEXT
end

---Rows of one's own as a table: { rowan.values{ { id = 1, name = "a" }, { id = 2, name = "b" } }, "v" } in from or a join.
---Each column is one bound list, so the statement is the same for any number of rows.
---@param rows table<string, any>[]
---@return rowan.Expression
function sources.values(rows)
  if type(rows) ~= "table" or not check.sequence(rows) or type(rows[1]) ~= "table" then
    fail("values wants a list of rows: rowan.values{ { id = 1 }, { id = 2 } }")
  end
  local columns = {}
  for i, as in ipairs(check.sorted_keys(rows[1])) do
    columns[i] = { name = name.identifier(as, "values"), type = column_type(as, rows) }
  end
  for i, row in ipairs(rows) do
    local count = 0
    for key in pairs(row) do
      if rows[1][key] == nil then fail(("values: row %d has %s, the first row has not"):format(i, tostring(key))) end
      count = count + 1
    end
    if count ~= #columns then fail(("values: row %d has other columns than the first"):format(i)) end
  end
  return construct.make({ kind = "values", rows = rows, columns = columns })
end

local function list_of(rows, as)
  local list = { n = #rows }
  for i, row in ipairs(rows) do list[i] = row[as] end
  return list
end

local function walk_values(b, values, scope)
  local slots, names, known, nodes = {}, {}, {}, {}
  local inner = { alias = "v" }
  for i, column in ipairs(values.columns) do
    b:token(name.token(column.name) .. column.type.code)
    slots[i] = b:bind("[" .. column.type.code, list_of(values.rows, column.name))
    known[i] = { name = column.name, field = column.name, type = column.type }
    if not b.is_shape then
      names[i] = b.dialect.type_name(column.type)
      nodes[i] = node.aliased(node.column("c" .. (i - 1), inner), column.name)
    end
  end
  if b.is_shape then return nil, known end
  return node.derived(node.select({ columns = nodes, from = node.lists(slots, names, inner) }), scope), known
end

-- ---- kinds of tables ----

---Columns under other names; they themselves without names.
---@param known? table[]
---@param names? string[]
---@return table[]?
function sources.renamed(known, names)
  if not names then return known end
  local columns = {}
  if known and #known ~= #names then
    fail(("%d names were given to the %d columns of a query"):format(#names, #known))
  end
  for i, as in ipairs(names) do
    local column = known and known[i] or { type = namespace.ANY, code = "?" }
    columns[i] = {
      name = as, field = as, type = column.type, code = column.code, scale = column.scale, load = column.load,
    }
  end
  return columns
end

local KINDS = {}

function KINDS.table(b, _, source, scope)
  local found = not source.schema and b.ctes and b.ctes[source.table]
  b:token("table " .. name.token(source.schema or "") .. name.token(source.table))
  local made = not b.is_shape and node.source(source.table, source.schema, source.aliased and scope or nil)
  return made, found and found.columns or nil
end

function KINDS.model(b, _, source, scope)
  local def = source.model.definition
  b:token("model " .. name.token(def.name) .. "@" .. def.generation)
  local made = not b.is_shape and node.source(def.table, def.schema, scope)
  return made, namespace.columns_of(source.model)
end

---Refuses columns that nothing can refer to.
---@param known? table[]
---@param alias string
function sources.need_names(known, alias)
  for i, column in ipairs(known or {}) do
    if not column.name then
      fail(("%s: column %d of the query needs a name to be read as a table: { expression, \"name\" }"):format(alias, i))
    end
  end
end

function KINDS.query(b, ns, source, scope, walk, lateral)
  local outer = lateral and { namespace = ns, next = ns.outer } or ns.outer
  b:open("query")
  local made = walk(b, source.query, outer)
  b:token(")")
  sources.need_names(made.columns, source.alias)
  return not b.is_shape and node.derived(made.node, scope), made.columns
end

function KINDS.values(b, _, source, scope)
  return walk_values(b, source.values, scope)
end

KINDS["function"] = function(b, ns, source, scope)
  b:open("function")
  local value = expression.walk(b, ns, source.value)
  b:token(")")
  return not b.is_shape and node.from_function(value, scope, source.columns), nil
end

local function check_columns(ns, source)
  if source.columns and source.kind ~= "function" then
    fail(source.alias .. ": only the columns of a function are named in FROM; name others in their query")
  end
  if source.columns and not ns.dialect.supports.column_aliases then
    fail(("%s: %s cannot name the columns of a table in FROM; name them in the query itself")
      :format(source.alias, ns.dialect.name))
  end
end

-- One table: its node, after it was added to the namespace.
local function add(b, ns, source, walk, lateral)
  check_columns(ns, source)
  local scope = { alias = source.alias }
  local made, known = KINDS[source.kind](b, ns, source, scope, walk, lateral)
  b:token(name.token(source.alias) .. (source.columns and #source.columns or ""))
  for _, as in ipairs(source.columns or {}) do b:token(name.token(as)) end
  namespace.add(ns, { alias = source.alias, scope = scope, columns = sources.renamed(known, source.columns) })
  if not b.is_shape then b:claim(source.alias) end
  return made
end

---Walks FROM and the joins; the namespace has their tables afterwards.
---@param b table
---@param ns rowan.query.Namespace
---@param parts table of a query
---@param walk fun(b: table, q: rowan.Query, outer?: table): table query/statement's
---@return rowan.sql.Node? from
---@return table[] joins in tree building
function sources.walk(b, ns, parts, walk)
  if not parts.from then return nil, {} end
  local from, joins = add(b, ns, parts.from, walk, false), {}
  for i, join in ipairs(parts.joins or {}) do
    b:open(join.kind .. (join.lateral and " LATERAL" or ""))
    if join.lateral and not ns.dialect.supports.lateral then
      fail("LATERAL is not there on " .. ns.dialect.name .. "; number the rows with rowan.fn(\"ROW_NUMBER\"):over{...}")
    end
    local source = add(b, ns, join.source, walk, join.lateral)
    local on = join.on and where.walk(b, ns, join.on.condition)
    b:token(")")
    joins[i] = not b.is_shape and {
      kind = join.lateral and join.kind .. " LATERAL" or join.kind, source = source, on = on,
    } or nil
  end
  return from, joins
end

return sources
