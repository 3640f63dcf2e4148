--- The statements that load children: one an association and level, whatever the number of parents. The keys of the
--- parents come as list parameters in front of all others.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local layout = require("rowan.query.layout")
local level = require("rowan.query.level")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local projection = require("rowan.query.projection")

local children = {}

-- The field under which keys that belong to no row of the result come with it; taken off when children are hung.
children.KEYS = "\1keys"

local function names_of(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return names
end

-- What ties children to their parents, by kind of relation: the parent's attributes whose values are the keys, and the
-- attributes that must be equal to them, on the child, on the junction, or on the parent's own table joined again.
local function relation(parent, entry)
  local made = entry.association
  local sources, targets = {}, {}
  if entry.options.on or entry.options["or"] then
    for i, attr in ipairs(parent.definition.primary) do sources[i], targets[i] = attr, attr end
    return { kind = "parent", sources = sources, targets = targets }
  end
  for i, pair in ipairs(made.through and made.source_keys or made.keys) do
    sources[i], targets[i] = pair.source, made.through and pair.through or pair.target
  end
  return { kind = made.through and "through" or "child", sources = sources, targets = targets }
end

-- FROM and the conditions of a relation, without the condition on the keys; and the scope that the keys are in.
local function tables(b, made, tie)
  if tie.kind ~= "parent" then
    local tied = link.from(b, made)
    return tied, tied.through
  end
  local scope = not b.is_shape and b:another() or nil
  local tied = link.tables(b, made, scope)
  tied.joins[#tied.joins + 1] = {
    kind = "INNER JOIN", source = link.source(made.source.definition, scope), on = node.constant(true),
  }
  return tied, scope
end

-- The first segment of a row; those that were there move on by one.
local function insert_segment(parts, segment)
  for _, other in ipairs(parts.segments) do
    if other.parent > 0 then other.parent = other.parent + 1 end
  end
  table.insert(parts.segments, 1, segment)
end

-- Columns of the junction as a segment of the row: all of them, those asked for, or only the keys.
local function through_segment(b, entry, tie, parts, scope)
  local made = entry.association
  local through = entry.options.through or {}
  local model = made.through.model
  local wanted = through.attributes
  local hidden = type(wanted) == "table" and next(wanted) == nil
  local segment = {
    key = through.as or made.through.as or model.name, parent = 0, model = model, keys = {}, fold = false,
  }
  b:open("through " .. segment.key)
  if hidden then
    wanted, segment.key, segment.model = names_of(tie.targets), children.KEYS, nil
  end
  link.within(b, scope, function()
    segment.entries, segment.whole = projection.walk(b, model.definition, wanted, names_of(tie.targets))
  end)
  b:token(")")
  insert_segment(parts, segment)
  return segment.key
end

local function parent_segment(b, tie, parts, scope)
  local entries = {}
  for i, attr in ipairs(tie.targets) do
    local column = projection.column(attr)
    entries[i] = { column = column, node = not b.is_shape and b:field(attr, scope) or nil }
  end
  insert_segment(parts, { key = children.KEYS, parent = 0, entries = entries, keys = {}, fold = false })
  return children.KEYS
end

---Walks one level of children, in the order that fixes the numbers of its parameters.
---@param b table
---@param parent table model of the parents
---@param entry rowan.IncludeEntry
---@return table walked
function children.walk(b, parent, entry)
  local made, options = entry.association, entry.options
  local tie = relation(parent, entry)
  local at = level.new(made.target, options, entry.passed_order, made.through)
  local needed = tie.kind == "child" and names_of(tie.targets) or {}
  local paged = options.limit ~= nil or options.offset ~= nil
  local parts = level.walk(b, at, needed, tie.kind == "child" and not paged)
  local tied, keys_scope = tables(b, made, tie)
  if tie.kind == "through" then parts.keys_in = through_segment(b, entry, tie, parts, keys_scope) end
  if tie.kind == "parent" then parts.keys_in = parent_segment(b, tie, parts, keys_scope) end
  level.belonging(b, entry, at, tied, parent, keys_scope)
  order.seat(at.order, made, tied.through)
  local sorted, limit, offset = level.page(b, at, parts)
  if made.kind == "hasOne" and not sorted then sorted = order.by_key(b, made.target.definition) end
  return {
    tie = tie, parts = parts, tied = tied, keys_scope = keys_scope, order = sorted, limit = limit, offset = offset,
  }
end

local function key_columns(tree, walked)
  local scope = walked.keys_scope
  local columns = {}
  for i, attr in ipairs(walked.tie.targets) do columns[i] = tree:column(attr, scope) end
  return columns
end

local function type_names(tree, walked)
  local names = {}
  for i, attr in ipairs(walked.tie.sources) do names[i] = tree.dialect.type_name(attr.type, attr, attr.definition) end
  return names
end

local function slots(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

local function by_lists(tree, walked)
  local columns = key_columns(tree, walked)
  if #columns == 1 then return node.member(columns[1], 1) end
  return node.member_rows(columns, slots(#columns), type_names(tree, walked))
end

local function all_joins(walked)
  local joins = {}
  for _, join in ipairs(walked.tied.joins) do joins[#joins + 1] = join end
  for _, join in ipairs(walked.parts.joins) do joins[#joins + 1] = join end
  return joins
end

local function plain(tree, walked, nodes)
  local conditions = { by_lists(tree, walked) }
  for _, condition in ipairs(walked.tied.conditions) do conditions[#conditions + 1] = condition end
  return node.select({
    columns = nodes, from = walked.tied.from, joins = all_joins(walked), where = node.logic("and", conditions),
    order = walked.order,
  })
end

-- Every column under a short name, to be selected once more around a subquery.
local function renamed(nodes)
  local inner = {}
  for i, item in ipairs(nodes) do
    inner[i] = node.aliased(item.node == "aliased" and item.value or item, "c" .. i)
  end
  return inner
end

local function outer_columns(count, scope)
  local list = {}
  for i = 1, count do list[i] = node.column("c" .. i, scope) end
  return list
end

-- A page for each parent, where the database can look aside: the subquery runs once a key, along an index.
local function lateral(tree, walked, nodes)
  local keys, page = { alias = "k" }, { alias = "p" }
  local conditions = {}
  for i, column in ipairs(key_columns(tree, walked)) do
    conditions[i] = node.compare("eq", column, node.column("c" .. (i - 1), keys))
  end
  for _, condition in ipairs(walked.tied.conditions) do conditions[#conditions + 1] = condition end
  local inner = node.select({
    columns = renamed(nodes), from = walked.tied.from, joins = all_joins(walked), where = node.logic("and", conditions),
    order = walked.order, limit = walked.limit, offset = walked.offset,
  })
  local lists = node.lists(slots(#walked.tie.sources), type_names(tree, walked), keys)
  return node.select({
    columns = outer_columns(#nodes, page), from = lists,
    joins = { { kind = "CROSS JOIN LATERAL", source = node.derived(inner, page) } },
  })
end

-- The same by numbering each parent's rows.
local function numbered(tree, walked, nodes)
  local page = { alias = "p" }
  local inner_columns = renamed(nodes)
  inner_columns[#inner_columns + 1] = node.aliased(
    node.window("ROW_NUMBER", {}, key_columns(tree, walked), walked.order), "n")
  local conditions = { by_lists(tree, walked) }
  for _, condition in ipairs(walked.tied.conditions) do conditions[#conditions + 1] = condition end
  local inner = node.select({
    columns = inner_columns, from = walked.tied.from, joins = all_joins(walked), where = node.logic("and", conditions),
  })
  local number, bounds = node.column("n", page), {}
  if walked.offset then bounds[1] = node.compare("gt", number, walked.offset) end
  if walked.limit then
    local last = walked.offset and node.binary("+", walked.limit, walked.offset) or walked.limit
    bounds[#bounds + 1] = node.compare("lte", number, last)
  end
  return node.select({
    columns = outer_columns(#nodes, page), from = node.derived(inner, page), where = node.logic("and", bounds),
    order = { node.ordering(number, "ASC") },
  })
end

---The plan of one level of children; see query/select for what a plan is.
---@param state table { dialect =, total = parameters so far }
---@param parent table model of the parents
---@param entry rowan.IncludeEntry
---@return table plan
---@return table walked
function children.plan(state, parent, entry)
  local reserved = {}
  for i, attr in ipairs(relation(parent, entry).sources) do reserved[i] = "[" .. attr.type.code end
  local tree = builder.tree(state.dialect, reserved)
  local walked = children.walk(tree, parent, entry)
  local columns, nodes = layout.of(walked.parts)
  local paged = walked.limit or walked.offset
  local build = not paged and plain or state.dialect.supports.lateral and lateral or numbered
  local own = #tree.codes - #reserved
  local plan = {
    model = entry.association.target, columns = columns, whole = walked.parts.whole, children = {},
    first = state.total + 1, count = own, reserved = #reserved, codes = table.concat(tree.codes),
    text = compile.text(build(tree, walked, nodes), state.dialect),
  }
  state.total = state.total + own
  return plan, walked
end

return children
