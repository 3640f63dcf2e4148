--- Going on behind a row: an order that tells all rows apart, and the condition that a row comes after a given one in it.
--- What `each` and the cursors of `paginate` are made of: no row is skipped or repeated, whatever is inserted meanwhile,
--- and an index over the order finds each page without counting through those before it.

local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local order = require("rowan.query.order")

local keyset = {}

---@class rowan.KeysetItem
---@field attr table
---@field descending boolean
---@field nulls? "FIRST"|"LAST" when the caller said so
---@field nulls_first boolean

-- Documents and arrays have no order that both databases agree on; nor have other values that are tables.
local UNORDERED = { j = true, J = true, a = true }

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": order: " .. rule })
end

local function item_of(def, parsed, context)
  if #parsed.links > 0 or type(parsed.value) ~= "string" then
    fail(context, ("only attributes of %s itself can order rows that are read on behind each other"):format(def.name))
  end
  local attr = expression.attribute(def, parsed.value)
  if not attr.field or UNORDERED[attr.type.code] or attr.type.dump then
    fail(context, ("%s.%s has no order that rows could be read on by"):format(def.name, attr.name))
  end
  local descending = parsed.direction:sub(1, 4) == "DESC"
  local nulls = parsed.direction:match("NULLS (%a+)$")
  local nulls_first = nulls == "FIRST"
  -- PostgreSQL takes NULL for larger than everything, SQLite for smaller.
  if not nulls then nulls_first = descending == def.dialect.supports.nulls_are_largest end
  return { attr = attr, descending = descending, nulls = nulls, nulls_first = nulls_first }
end

---An order as items that tell all rows apart: the primary key is added behind what the caller gave.
---@param model table
---@param option any as the `order` of finders, attributes only; nil: by primary key
---@param context string
---@return rowan.KeysetItem[]
function keyset.items(model, option, context)
  local def = model.definition
  if #def.primary == 0 then fail(context, def.name .. " has no primary key to tell its rows apart by") end
  local items, known = {}, {}
  local function add(parsed)
    local item = item_of(def, parsed, context)
    if not known[item.attr] then items[#items + 1] = item end
    known[item.attr] = true
  end
  for _, parsed in ipairs(order.items(model, option, nil, {})) do add(parsed) end
  local last = items[#items]
  local direction = last and last.descending and "DESC" or "ASC"
  for _, attr in ipairs(def.primary) do add({ links = {}, value = attr.name, direction = direction }) end
  return items
end

---The items as the `order` of a finder, or that order the other way round.
---@param items rowan.KeysetItem[]
---@param backwards? boolean
---@return table[]
function keyset.order(items, backwards)
  local list = {}
  for i, item in ipairs(items) do
    local direction = item.descending ~= (backwards or false) and "DESC" or "ASC"
    if item.nulls then
      direction = direction .. (item.nulls_first ~= (backwards or false) and " NULLS FIRST" or " NULLS LAST")
    end
    list[i] = { item.attr.name, direction }
  end
  return list
end

---Any order of a finder, with the primary key behind it, so that a page of rows is the same page each time.
---@param model table
---@param option any
---@return table[]
function keyset.completed(model, option)
  local list, named = {}, {}
  if type(option) == "string" or expression.is(option) then option = { option } end
  for i, entry in ipairs(option or {}) do
    list[i] = entry
    local name = entry
    if type(entry) == "table" and not expression.is(entry) then name = entry[1] end
    if type(name) == "string" then named[name] = true end
  end
  for _, attr in ipairs(model.definition.primary) do
    if not named[attr.name] then list[#list + 1] = { attr.name, "ASC" } end
  end
  return list
end

---`attributes` of a finder with those that the items need, so that there is a row to go on behind.
---@param items rowan.KeysetItem[]
---@param option any
---@return any
function keyset.attributes(items, option)
  if type(option) ~= "table" or expression.is(option) then return option end
  local list, seen = {}, {}
  if option[1] == nil and (option.exclude or option.include) then
    local needed = {}
    for _, item in ipairs(items) do needed[item.attr.name] = true end
    for _, name in ipairs(option.exclude or {}) do
      if not needed[name] then list[#list + 1] = name end
    end
    return { include = option.include, exclude = list }
  end
  for key, value in pairs(option) do list[key] = value end
  for _, name in ipairs(option) do seen[name] = true end
  for _, item in ipairs(items) do
    if not seen[item.attr.name] then list[#list + 1] = item.attr.name end
  end
  return list
end

---The condition of rows behind the one that has these values, as an expression for `where`.
---@param items rowan.KeysetItem[]
---@param values any[] one for each item, null for NULL
---@param backwards? boolean of rows in front of it
---@return rowan.Expression
function keyset.behind(items, values, backwards)
  return expression.seek(items, values, backwards or false)
end

---A `where` that asks for more than one did.
---@param condition any
---@param more rowan.Expression
---@return any
function keyset.narrowed(condition, more)
  if condition == nil or condition == everything then return more end
  return expression.and_(condition, more)
end

local function same(b, item, value)
  local column = b:column(item.attr)
  if value == null then return b:is_null(column) end
  return b:operand("eq", column, b:param("-" .. item.attr.type.code, value))
end

-- Behind a value by one item alone; nil when nothing can be.
local function further(b, e, i)
  local item, value = e.items[i], e.values[i]
  local first = item.nulls_first ~= e.backwards
  local column = b:column(item.attr)
  if value == null then return b:is_null(column, true) end
  local operator = item.descending ~= e.backwards and "lt" or "gt"
  local more = b:operand(operator, column, b:param("-" .. item.attr.type.code, value))
  if first or not item.attr.allow_null then return more end
  return b:logic("or", { more, b:is_null(b:column(item.attr)) })
end

local function nothing_further(e, i)
  return e.values[i] == null and e.items[i].nulls_first == e.backwards
end

-- (a, b) > (x, y): what an index over both answers best; for columns without NULL that go the same way.
local function comparable_rows(e)
  for i, item in ipairs(e.items) do
    if item.attr.allow_null or e.values[i] == null or item.attr.type.code == "n" then return false end
    if item.descending ~= e.items[1].descending then return false end
  end
  return #e.items > 1
end

local function compare_rows(b, e)
  local columns, values = {}, {}
  b:open("row")
  for i, item in ipairs(e.items) do columns[i] = b:column(item.attr) end
  for i, item in ipairs(e.items) do values[i] = b:param("-" .. item.attr.type.code, e.values[i]) end
  local operator = e.items[1].descending ~= e.backwards and "lt" or "gt"
  return b:operand(operator, b:row(columns), b:row(values))
end

-- The first item once more, so that an index over it finds where to start.
local function start(b, e)
  local item, value = e.items[1], e.values[1]
  if value == null or #e.items == 1 or (item.attr.allow_null and item.nulls_first == e.backwards) then return nil end
  local operator = item.descending ~= e.backwards and "lte" or "gte"
  return b:operand(operator, b:column(item.attr), b:param("-" .. item.attr.type.code, value))
end

-- a > x OR (a = x AND (b > y OR (b = y AND c > z)))
local function walk_from(b, e, i)
  local last = i == #e.items
  if nothing_further(e, i) then
    if last then return b:truth(false) end
    b:open("and")
    local equal = same(b, e.items[i], e.values[i])
    return b:logic("and", { equal, walk_from(b, e, i + 1) })
  end
  b:open("or")
  local more = further(b, e, i)
  if last then return b:logic("or", { more }) end
  b:open("and")
  local equal = same(b, e.items[i], e.values[i])
  return b:logic("or", { more, b:logic("and", { equal, walk_from(b, e, i + 1) }) })
end

---Walks the expression of `behind` into builder `b`; called by query/where.
---@param b table
---@param e table
---@return rowan.sql.Node? in tree building
function keyset.walk(b, e)
  if comparable_rows(e) then return compare_rows(b, e) end
  b:open("seek")
  local list = {}
  list[1] = start(b, e)
  list[#list + 1] = walk_from(b, e, 1)
  return b:logic("and", list)
end

expression.seek_condition = keyset.walk

return keyset
