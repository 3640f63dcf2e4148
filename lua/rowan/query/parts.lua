--- The clauses of a query of the builder, walked: conditions, groups, order, page, locks. Called by query/statement and
--- query/changing.

local chain = require("rowan.query.chain")
local expression = require("rowan.query.expression")
local name = require("rowan.query.name")
local namespace = require("rowan.query.namespace")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local where = require("rowan.query.where")
local window = require("rowan.query.window")

local parts = {}

local fail = chain.fail

---Conditions as they were said: a AND b OR c AND d.
---@param b table
---@param ns rowan.query.Namespace
---@param list? table[] from query/clauses
---@return rowan.sql.Node? in tree building
function parts.conditions(b, ns, list)
  if not list or #list == 0 then return nil end
  local alternatives, all, count, outer_count = {}, {}, 0, 0
  b:open("conditions")
  for _, entry in ipairs(list) do
    if entry.joint == "or" and count > 0 then
      b:token("or")
      outer_count = outer_count + 1
      alternatives[outer_count] = not b.is_shape and node.logic("and", all) or nil
      all, count = {}, 0
    end
    if entry.negated then b:token("negated") end
    local found
    if entry.group then found = parts.conditions(b, ns, entry.group) else found = where.walk(b, ns, entry.condition) end
    count = count + 1
    if not b.is_shape then
      found = found or node.constant(true)
      all[count] = entry.negated and node.negate(found) or found
    end
  end
  b:token(")")
  if b.is_shape then return nil end
  alternatives[outer_count + 1] = node.logic("and", all)
  return node.logic("or", alternatives)
end

---Names and expressions. An expression that is among the columns is taken from there, so that its parameters are the same.
---@param b table
---@param ns rowan.query.Namespace
---@param word string for the shape
---@param items? any[]
---@param known? rowan.Computeds
---@return rowan.sql.Node[]? in tree building
function parts.operands(b, ns, word, items, known)
  if not items or #items == 0 then return nil end
  local list = {}
  b:open(word)
  for i, item in ipairs(items) do
    local attr = known and expression.is(item) and known:find(item)
    if attr then list[i] = b:column(attr) else list[i] = window.operand(b, ns, item) end
  end
  b:token(")")
  return list
end

---ORDER BY.
---@param b table
---@param ns rowan.query.Namespace
---@param items? any[] as in a finder's `order`
---@param known? rowan.Computeds
---@return rowan.sql.Node[]? in tree building
function parts.ordering(b, ns, items, known)
  if not items or #items == 0 then return nil end
  local list = {}
  b:open("order")
  for i, item in ipairs(order.items(ns.model, items, nil, {})) do
    local attr, value = known and expression.is(item.value) and known:find(item.value)
    if attr then value = b:column(attr) else value = window.operand(b, ns, item.value) end
    b:token(item.direction)
    list[i] = value and node.ordering(value, item.direction)
  end
  b:token(")")
  return list
end

---LIMIT and OFFSET.
---@param b table
---@param ns rowan.query.Namespace
---@param given table the parts of a query
---@return rowan.sql.Node? limit, rowan.sql.Node? offset
function parts.page(b, ns, given)
  return order.number(b, ns, "limit", given.limit), order.number(b, ns, "offset", given.offset)
end

---FOR UPDATE.
---@param b table
---@param ns rowan.query.Namespace
---@param wanted? table from query/clauses
---@return table? lock of a select node
function parts.lock(b, ns, wanted)
  if not wanted then return nil end
  if not ns.dialect.supports.row_locks then
    fail(("lock: %s has no locks of rows; a transaction that writes locks the whole database"):format(ns.dialect.name))
  end
  b:token("lock " .. wanted.level .. " " .. (wanted.wait or ""))
  local of = {}
  for i, alias in ipairs(wanted.of or {}) do
    of[i] = namespace.source(ns, alias).scope
    b:token(name.token(alias))
  end
  return { level = wanted.level, wait = wanted.wait, of = of }
end

return parts
