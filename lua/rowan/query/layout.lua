--- The layout of a row: the level's own columns, then those of the joined segments, as rowan.driver's statements take it.

local node = require("rowan.sql.node")

local layout = {}

local function add(columns, nodes, entries)
  for _, entry in ipairs(entries) do
    columns[#columns + 1] = entry.column
    nodes[#nodes + 1] = entry.alias and node.aliased(entry.node, entry.alias) or entry.node
  end
end

---@param parts rowan.LevelParts
---@return table columns with a field `segments` when there are any, and `chosen` of the level's own entries
---@return rowan.sql.Node[] nodes
function layout.of(parts)
  local columns, nodes = { chosen = parts.entries.chosen }, {}
  add(columns, nodes, parts.entries)
  if #parts.segments == 0 then return columns, nodes end
  columns.segments, columns.fold = {}, parts.root_keys
  for i, segment in ipairs(parts.segments) do
    local first = #columns + 1
    add(columns, nodes, segment.entries)
    local own, keys = {}, {}
    for c = first, #columns do own[#own + 1] = columns[c] end
    for k, number in ipairs(segment.keys) do keys[k] = first + number - 1 end
    columns.segments[i] = {
      first = first, count = #own, key = segment.key, parent = segment.parent, keys = keys, fold = segment.fold,
      many = segment.many,
      plain = segment.model == nil, columns = own, model = segment.model, whole = segment.whole,
      chosen = segment.entries.chosen,
    }
  end
  return columns, nodes
end

---Around a query, the number of rows that it would give, as the column `count`.
---@param query rowan.sql.Select
---@return rowan.sql.Select
function layout.total(query)
  local list = {}
  for i, item in ipairs(query.columns) do
    list[i] = node.aliased(item.node == "aliased" and item.value or item, "c" .. i)
  end
  query.columns = list
  return node.select({
    columns = { node.aliased(node.call("COUNT", { node.literal("*") }), "count") },
    from = node.derived(query, { alias = "g" }),
  })
end

return layout
