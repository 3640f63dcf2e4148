--- The columns of a query of the builder: what select said, or everything that its tables have; with the types that are
--- known of them.

local chain = require("rowan.query.chain")
local expression = require("rowan.query.expression")
local name = require("rowan.query.name")
local namespace = require("rowan.query.namespace")
local node = require("rowan.sql.node")
local null = require("rowan.base.null")
local sources = require("rowan.query.sources")
local subject = require("rowan.query.subject")
local typing = require("rowan.query.typing")

local columns = {}

local fail = chain.fail

---@class rowan.query.Output
---@field key? string the column's name in the result; nil for a value without a name, and for a * of an unknown table
---@field alias? string
---@field node? rowan.sql.Node in tree building
---@field typed table { type?, code, scale?, load? }
---@field expression? rowan.Expression
---@field open? boolean a * of an unknown table

-- A column that a table is known, or believed, to have.
local function column_entry(b, attr, key)
  b:token(name.token(key))
  return {
    key = key, alias = key, node = b:field(attr), attr = attr,
    typed = attr.type == namespace.ANY and { code = "?" } or typing.of_type(attr.type),
  }
end

-- What stands below a JSON column, or behind a cast.
local function path_entry(b, ns, item)
  local s = subject.resolve(ns, item.path)
  b:token(name.token(item.alias))
  return { key = item.alias, alias = item.alias, node = subject.walk(b, s, "read"), typed = typing.of_type(s.type) }
end

local function add_star(b, ns, source, output)
  if not source.columns then
    b:token("*" .. (source.whole and "" or name.token(source.alias)))
    local scope = not source.whole and source.scope or nil
    output[#output + 1] = { open = true, typed = { code = "?" }, node = node.star(scope) }
    return
  end
  for _, attr in ipairs(namespace.attributes(ns, source)) do
    output[#output + 1] = column_entry(b, attr, attr.column)
  end
end

local function walk_star(b, ns, alias, output)
  if alias then return add_star(b, ns, namespace.source(ns, alias), output) end
  local known = false
  for _, source in ipairs(ns.sources) do known = known or source.columns ~= nil end
  if not known then return add_star(b, ns, { whole = true }, output) end
  for _, source in ipairs(ns.sources) do add_star(b, ns, source, output) end
end

-- A Lua value among the columns carries its own type: nothing else says what it is.
local function plain_value(b, value)
  if value == null then return b:constant(nil), { code = "?" } end
  local type_of = sources.type_of(value)
  if not type_of then fail("select: " .. tostring(value) .. " is no value of a column") end
  return b:param("-" .. type_of.code, value), typing.of_type(type_of)
end

local function walk_value(b, ns, item, nested)
  local value = item.value
  local made, typed
  b:open("as " .. name.token(item.alias or ""))
  if chain.is(value) then
    local walked = nested(b, ns, value)
    local found = walked.columns
    if found and #found ~= 1 then
      fail(("select: a query that stands for a value gives one column, this one %d"):format(#found))
    end
    made, typed = walked.node and node.scalar(walked.node), found and typing.of_type(found[1].type)
  elseif expression.is(value) then
    made, typed = expression.walk(b, ns, value), typing.of(ns, value)
  else
    made, typed = plain_value(b, value)
  end
  b:token(")")
  return {
    key = item.alias, alias = item.alias, node = made, typed = typed or { code = "?" },
    expression = expression.is(value) and value or nil,
  }
end

local function check_keys(output)
  local seen = {}
  for _, entry in ipairs(output) do
    if entry.key and seen[entry.key] then
      fail(("two columns of the result are called %q; give one another name: \"table.%s as name\"")
        :format(entry.key, entry.key))
    end
    if entry.key then seen[entry.key] = true end
  end
end

---Walks the columns.
---@param b table
---@param ns rowan.query.Namespace
---@param items? table[] from query/chain; nil: all that the tables have
---@param nested fun(b: table, def: table, q: rowan.Query): table query/statement's
---@return rowan.query.Output[]
function columns.walk(b, ns, items, nested)
  local output = {}
  b:open("columns")
  if not items then
    walk_star(b, ns, nil, output)
  end
  for _, item in ipairs(items or {}) do
    if item.star then
      walk_star(b, ns, item.parts[1], output)
    elseif item.path then
      output[#output + 1] = path_entry(b, ns, item)
    elseif item.column then
      local attr = expression.attribute(ns, item.column)
      output[#output + 1] = column_entry(b, attr, item.alias)
    else
      output[#output + 1] = walk_value(b, ns, item, nested)
    end
  end
  b:token(")")
  check_keys(output)
  for _, entry in ipairs(output) do entry.type = entry.typed.type end
  return output
end

---The select list.
---@param output rowan.query.Output[]
---@return rowan.sql.Node[]
function columns.nodes(output)
  local list = {}
  for i, entry in ipairs(output) do
    local made = entry.node
    local same = made.node == "column" and made.field == entry.key
    list[i] = entry.key and not same and node.aliased(made, entry.key) or made
  end
  return list
end

---What is known of the columns to those who read the query as a table; nil when not all are known.
---@param output rowan.query.Output[]
---@return table[]?
function columns.known(output)
  local list = {}
  for i, entry in ipairs(output) do
    if entry.open then return nil end
    local typed = entry.typed
    list[i] = {
      name = entry.key, field = entry.key, type = typed.type or namespace.ANY, code = typed.code, scale = typed.scale,
      load = typed.load,
    }
  end
  return list
end

---The layout of rows; nil where nothing is known, and the database's own types say what the values are.
---@param known table[]
---@return table[]?
function columns.layout(known)
  local list, typed = {}, false
  for i, column in ipairs(known) do
    if not column.name then fail("select: an expression needs a name: { expression, \"alias\" }") end
    local type_of = column.type
    list[i] = {
      key = column.name, code = column.code or type_of.code, scale = column.scale or type_of.scale,
      load = column.load or type_of.load,
    }
    typed = typed or list[i].code ~= "?"
  end
  return typed and list or nil
end

return columns
