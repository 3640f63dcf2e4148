--- Finder options -> shape, and shape -> plan. A plan is what the repository runs: a statement with the layout of its
--- rows, and the children to load for them. Pure: nothing here touches a database.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local expression = require("rowan.query.expression")
local include = require("rowan.query.include")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local projection = require("rowan.query.projection")
local where = require("rowan.query.where")

local select = {}

---@class rowan.Plan
---@field text string
---@field codes string two characters a parameter
---@field columns table[] layout
---@field whole boolean the rows hold every attribute of the model
---@field model table
---@field first integer number of its first parameter among the call's
---@field count integer how many parameters are its own
---@field children rowan.PlanChild[]
---@field statement? userdata the driver's, made on first use

---@class rowan.PlanChild
---@field association rowan.Association
---@field plan rowan.Plan its first parameter is the list of keys
---@field parent_key string attribute of the parent
---@field child_key string attribute of the child

local FINDER = {
  where = true, attributes = true, include = true, order = true, limit = true, offset = true, raw = true,
  transaction = true, logging = true, benchmark = true, rejectOnEmpty = true,
}
select.finder_options = FINDER

local NO_KEYS = {}

local function child_needs(keys)
  local names = {}
  for _, pair in ipairs(keys) do names[#names + 1] = pair.target.name end
  return names
end

-- Everything of one level but its children, in the order that fixes the numbers of the parameters.
local function walk_level(b, model, options, entries, keys)
  local def = model.definition
  local needed = include.needed(entries)
  for _, name in ipairs(keys and child_needs(keys) or NO_KEYS) do needed[#needed + 1] = name end
  local parts = {}
  parts.entries, parts.whole = projection.walk(b, def, options.attributes, needed)
  parts.where = where.walk(b, def, options.where)
  parts.order = order.walk(b, def, options.order)
  local paged = options.limit ~= nil or options.offset ~= nil
  if paged and options.order == nil then parts.order = order.by_key(b, def) end
  parts.limit = order.number(b, def, "limit", options.limit)
  parts.offset = order.number(b, def, "offset", options.offset)
  return parts
end

local function shape_level(shape, model, options, keys)
  local entries = include.entries(model, options.include)
  shape:token("@" .. model.definition.generation)
  walk_level(shape, model, options, entries, keys)
  for _, item in ipairs(entries) do
    shape:open(item.association.as)
    shape_level(shape, item.association.target, item.options, item.association.keys)
    shape:token(")")
  end
end

---Takes down the shape and the parameters of finder options, refusing what is wrong with them.
---@param model table
---@param options table
---@return string key
---@return any[] params
---@return integer count
function select.shape(model, options)
  local shape = builder.shape("select " .. model.name)
  if options.include == nil then
    shape:token("@" .. model.definition.generation)
    walk_level(shape, model, options, NO_KEYS, nil)
  else
    shape_level(shape, model, options, nil)
  end
  return shape:key(), shape.params, shape.count
end

local function key_condition(keys, condition)
  local attr = keys[1].target
  local column = node.column(attr.field)
  column.decimal = attr.type.code == "n"
  local found = node.member(column, 1)
  if not condition then return found end
  return node.logic("and", { found, condition })
end

local function layout(parts)
  local columns, nodes = {}, {}
  for i, entry in ipairs(parts.entries) do
    columns[i] = entry.column
    nodes[i] = entry.alias and node.aliased(entry.node, entry.alias) or entry.node
  end
  return columns, nodes
end

local function source_of(def)
  return node.source(def.table, def.schema)
end
select.source_of = source_of

local plan_level

local function plan_children(model, options, state, plan)
  for i, item in ipairs(include.entries(model, options.include)) do
    local link = item.association
    plan.children[i] = {
      association = link,
      plan = plan_level(link.target, item.options, link.keys, state),
      parent_key = link.keys[1].source.name,
      child_key = link.keys[1].target.name,
    }
  end
end

function plan_level(model, options, keys, state)
  local def = model.definition
  local tree = builder.tree(state.dialect, nil, keys and "[" .. keys[1].target.type.code)
  local parts = walk_level(tree, model, options, include.entries(model, options.include), keys)
  local columns, nodes = layout(parts)
  local condition = parts.where
  if keys then condition = key_condition(keys, condition) end
  local own = #tree.codes - (keys and 1 or 0)
  local plan = {
    model = model, columns = columns, whole = parts.whole, children = {}, first = state.total + 1, count = own,
    codes = table.concat(tree.codes),
    text = compile.text(node.select({
      columns = nodes, from = source_of(def), where = condition, order = parts.order, limit = parts.limit,
      offset = parts.offset,
    }), state.dialect),
  }
  state.total = state.total + own
  plan_children(model, options, state, plan)
  return plan
end

---The plan for options of a shape that was not seen before.
---@param model table
---@param options table
---@param dialect rowan.Dialect
---@return rowan.Plan
function select.plan(model, options, dialect)
  return plan_level(model, options, nil, { dialect = dialect, total = 0 })
end

local COUNTER = { where = true, transaction = true, logging = true, benchmark = true }
select.count_options = COUNTER

---@param model table
---@param options table
---@return string key, any[] params, integer count
function select.count_shape(model, options)
  local shape = builder.shape("count " .. model.name)
  shape:token("@" .. model.definition.generation)
  where.walk(shape, model.definition, options.where)
  return shape:key(), shape.params, shape.count
end

---The plan of COUNT(*) under a condition.
---@param model table
---@param options table
---@param dialect rowan.Dialect
---@return rowan.Plan
function select.count_plan(model, options, dialect)
  local tree = builder.tree(dialect)
  local condition = where.walk(tree, model.definition, options.where)
  local counted = node.aliased(node.call("COUNT", { node.literal("*") }), "count")
  return {
    model = model, columns = { { key = "count", code = "I" } }, whole = false, children = {}, first = 1,
    count = #tree.codes, codes = table.concat(tree.codes),
    text = compile.text(node.select({ columns = { counted }, from = source_of(model.definition), where = condition }),
      dialect),
  }
end

---The plan of a search by primary key: one parameter a key attribute.
---@param model table
---@param dialect rowan.Dialect
---@return rowan.Plan
function select.by_key_plan(model, dialect)
  local def = model.definition
  local columns, nodes, conditions, codes = {}, {}, {}, {}
  for i, attr in ipairs(def.list) do
    columns[i] = projection.column(attr)
    nodes[i] = node.column(attr.field)
  end
  for i, attr in ipairs(def.primary) do
    local column = node.column(attr.field)
    column.decimal = attr.type.code == "n"
    conditions[i] = node.compare("eq", column, node.param(i))
    codes[i] = "-" .. attr.type.code
  end
  return {
    model = model, columns = columns, whole = true, children = {}, first = 1, count = #codes,
    codes = table.concat(codes),
    text = compile.text(node.select({
      columns = nodes, from = source_of(def), where = node.logic("and", conditions),
    }), dialect),
  }
end

---Refuses options that a finder does not know.
---@param options any
---@param context string
function select.check(options, context)
  expression.check_options(options, FINDER, context)
end

return select
