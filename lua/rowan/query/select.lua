--- Finder options -> shape, and shape -> plan. A plan is what the repository runs: a statement with the layout of its
--- rows, and the children to load for them. Pure: nothing here touches a database.

local builder = require("rowan.query.builder")
local children = require("rowan.query.children")
local common = require("rowan.query.common")
local compile = require("rowan.sql.compile")
local group = require("rowan.query.group")
local layout = require("rowan.query.layout")
local level = require("rowan.query.level")
local link = require("rowan.query.link")
local lock = require("rowan.query.lock")
local node = require("rowan.sql.node")
local projection = require("rowan.query.projection")
local remark = require("rowan.query.remark")

local select = {}

---@class rowan.Plan
---@field text string
---@field codes string two characters a parameter
---@field columns table[] layout
---@field whole boolean the rows hold every attribute of the model
---@field model table
---@field first integer number of its first parameter among the call's
---@field count integer how many parameters are its own
---@field reserved? integer list parameters for keys, in front of its own
---@field children rowan.PlanChild[]
---@field template? table the metatable of its rows, or a list of them (repo/run)
---@field statement? userdata the driver's, made on first use

---@class rowan.PlanChild
---@field association rowan.Association
---@field plan rowan.Plan
---@field path string[] fields that lead from the plan's rows to the parents
---@field lists boolean[] which of these fields are lists
---@field parent_keys string[] attributes of the parent
---@field child_keys string[] attributes equal to them
---@field dumps? (function|false)[] of parent_keys whose values are bound in another form
---@field identity? string[] the primary key of the child's rows, when it is read
---@field keys_in? string field of the child's row that holds child_keys, when it is not the row itself

-- The field under which the number of all rows comes with each row of a page.
select.TOTAL = group.TOTAL

local function shape_children(shape, parent, batched)
  for _, child in ipairs(batched) do
    shape:open("children " .. child.entry.association.as)
    local walked = children.walk(shape, parent, child.entry)
    shape_children(shape, child.entry.association.target, walked.parts.batched)
    shape:token(")")
  end
end

-- The model that a path of joined associations leads to, and which of them are lists.
local function follow(model, path)
  local lists = {}
  for i, alias in ipairs(path) do
    local made = model.associations[alias]
    model, lists[i] = made.target, made.multiple
  end
  return model, lists
end

-- A page of rows that a joined to-many repeats: the keys of the page are selected by themselves, so that LIMIT never counts
-- what was joined.
local function walk_repeated_page(b, at, options, parts)
  local def = at.model.definition
  local outer = b:enter()
  local found = level.conditions(b, at, options.where, false)
  local sorted, limit, offset = level.page(b, at, { entries = parts.entries, inner_order = {} })
  local keys, inner = {}, {}
  for i, attr in ipairs(not b.is_shape and def.primary or {}) do
    keys[i], inner[i] = b:field(attr, outer), b:field(attr)
  end
  local source = not b.is_shape and link.source(def, b.scope) or nil
  b:leave(outer)
  parts.order = level.sorted(b, at, parts)
  parts.where = node.in_query(#keys == 1 and keys[1] or node.row(keys), node.select({
    columns = inner, from = source, where = found, order = sorted, limit = limit, offset = offset,
  }))
  return parts
end

local function walk_level(b, model, options, kind)
  local at = level.new(model, options)
  local distinct = options.distinct and select.distinct(model, options)
  local parts = level.walk(b, at, {}, kind ~= "page" and kind ~= "total" and not distinct)
  if distinct then
    parts.distinct = true
    b:token("distinct")
  end
  if options.comment ~= nil or options.onPath ~= nil then b:token(remark.of(options)) end
  if parts.repeats and (options.limit ~= nil or options.offset ~= nil) then
    parts = walk_repeated_page(b, at, options, parts)
    if options.lock then parts.lock = lock.walk(b, model, options, parts) end
    return parts
  end
  parts.where = level.conditions(b, at, options.where, true)
  parts.order, parts.limit, parts.offset = level.page(b, at, parts)
  if options.lock then parts.lock = lock.walk(b, model, options, parts) end
  return parts
end

local function contains(list, name)
  for _, item in ipairs(list) do
    if item == name then return true end
  end
  return false
end

---Whether equal rows must be taken out: rows read with their primary key are distinct as they are.
---@param model table
---@param options table
---@return boolean?
function select.distinct(model, options)
  if not options.distinct then return nil end
  local list = options.attributes
  local read_all = list == nil or type(list) == "table" and list.include ~= nil and list.exclude == nil
  for _, attr in ipairs(model.definition.primary) do
    if not read_all and not (type(list) == "table" and contains(list, attr.name)) then return true end
  end
  return #model.definition.primary == 0 or nil
end

local function walk_root(b, model, options, kind)
  if options.with == nil and options.withRecursive == nil then return walk_level(b, model, options, kind) end
  local with = common.enter(b, options)
  local parts = walk_level(b, model, options, kind)
  parts.with = with
  common.leave(b)
  return parts
end

---Takes down the shape and the parameters of finder options, refusing what is wrong with them.
---@param model table
---@param options table
---@param kind? string "select" when not given, or "page"
---@return string key
---@return any[] params
---@return integer count
function select.shape(model, options, kind)
  if group.wanted(model, options) then return group.shape(model, options, kind) end
  local shape = builder.shape(kind or "select", model.name)
  local parts = walk_root(shape, model, options, kind)
  local batched = parts.batched
  for i = 1, #batched do
    local child = batched[i]
    shape_children(shape, (follow(model, child.path)), { child })
  end
  return shape:key(), shape.params, shape.count
end

local function names_of(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return names
end

-- The primary key of a plan's rows, when all of it is read.
local function identity_of(plan)
  local read = {}
  for _, column in ipairs(plan.columns) do read[column.key] = true end
  local names = names_of(plan.model.definition.primary)
  for _, name in ipairs(names) do
    if not read[name] then return nil end
  end
  return names[1] and names
end

-- What makes the values that rows show into those that are bound; nil when they are the same.
local function dumps_of(attrs)
  local dumps, any = {}, false
  for i, attr in ipairs(attrs) do
    dumps[i] = attr.type.dump or false
    any = any or attr.type.dump ~= nil
  end
  return any and dumps or nil
end

local function plan_children(state, model, batched, plan)
  for _, child in ipairs(batched) do
    local parent, lists = follow(model, child.path)
    local child_plan, walked = children.plan(state, parent, child.entry)
    child_plan.text = child_plan.text .. (state.remark or "")
    plan.children[#plan.children + 1] = {
      association = child.entry.association, plan = child_plan, path = child.path, lists = lists,
      parent_keys = names_of(walked.tie.sources), child_keys = names_of(walked.tie.targets),
      dumps = dumps_of(walked.tie.sources), keys_in = walked.parts.keys_in, identity = identity_of(child_plan),
    }
    plan_children(state, child.entry.association.target, walked.parts.batched, child_plan)
  end
end

-- COUNT(*) OVER () beside each row of a page: the rows and their number come from one statement, so they agree.
local function add_total(parts)
  local counted = node.window("COUNT", { node.literal("*") })
  parts.segments[#parts.segments + 1] = {
    key = select.TOTAL, parent = 0, keys = {}, fold = false,
    entries = { { column = { key = "total", code = "I" }, node = counted, alias = "total" } },
  }
end

local function text_of(tree, model, parts, nodes, kind)
  local query = node.select({
    columns = nodes, from = link.source(model.definition, tree.scope), joins = parts.joins, where = parts.where,
    order = parts.order, limit = parts.limit, offset = parts.offset, distinct = parts.distinct, lock = parts.lock,
    with = parts.with,
  })
  return compile.text(kind == "total" and layout.total(query) or query, tree.dialect)
end

---The plan for options of a shape that was not seen before.
---@param model table
---@param options table
---@param dialect rowan.Dialect
---@param kind? string as for select.shape; "page" has the number of all rows with each row, "total" that number alone
---@return rowan.Plan
function select.plan(model, options, dialect, kind)
  if group.wanted(model, options) then return group.plan(model, options, dialect, kind) end
  local tree = builder.tree(dialect)
  local parts = walk_root(tree, model, options, kind)
  if kind == "page" then add_total(parts) end
  local columns, nodes = layout.of(parts)
  if kind == "total" then columns = { { key = "count", code = "I" } } end
  local state = { dialect = dialect, total = #tree.codes, remark = remark.of(options) }
  local plan = {
    model = model, columns = columns, whole = parts.whole, children = {}, first = 1, count = #tree.codes,
    codes = table.concat(tree.codes),
    text = text_of(tree, model, parts, nodes, kind) .. state.remark,
  }
  if kind ~= "total" then plan_children(state, model, parts.batched, plan) end
  return plan
end

local function all_children(model, include)
  local at = level.new(model, { include = include })
  local batched = {}
  for i, entry in ipairs(at.entries) do
    entry.joined = false
    batched[i] = { entry = entry, path = {} }
  end
  return batched
end

---The shape of loading associations onto rows that are there already.
---@param model table
---@param include any as in a finder
---@return string key, any[] params
function select.load_shape(model, include)
  local shape = builder.shape("load " .. model.name)
  shape:generation(model.definition)
  shape_children(shape, model, all_children(model, include))
  return shape:key(), shape.params
end

---The plan of loading associations onto rows: children without a statement for the rows themselves.
---@param model table
---@param include any
---@param dialect rowan.Dialect
---@return { model: table, children: rowan.PlanChild[] }
function select.load_plan(model, include, dialect)
  local plan = { model = model, children = {} }
  plan_children({ dialect = dialect, total = 0 }, model, all_children(model, include), plan)
  return plan
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
    conditions[i] = node.compare("eq", node.column(attr.field, nil, attr.type.code == "n"), node.param(i))
    codes[i] = "-" .. attr.type.code
  end
  return {
    model = model, columns = columns, whole = true, children = {}, first = 1, count = #codes,
    codes = table.concat(codes),
    text = compile.text(node.select({
      columns = nodes, from = link.source(def), where = node.logic("and", conditions),
    }), dialect),
  }
end

return select
