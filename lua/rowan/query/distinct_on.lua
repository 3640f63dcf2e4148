--- DISTINCT ON for databases without it: the rows of each group are numbered in the order asked for, and the first is
--- taken.

local chain = require("rowan.query.chain")
local node = require("rowan.sql.node")

local distinct_on = {}

-- What an entry of ORDER BY sorts by, where it may be the name of a column of the result.
local function ordered_value(item, by_key)
  local value = item.value
  if value.node == "column" and not (value.scope and value.scope.alias) then return by_key[value.field] or value end
  return value
end

---The same rows as SELECT DISTINCT ON would give.
---@param parts table fields of a select node, with distinct_on
---@param output rowan.query.Output[]
---@return rowan.sql.Node
function distinct_on.numbered(parts, output)
  local page, inner, outer, by_key = { alias = "d" }, {}, {}, {}
  for i, entry in ipairs(output) do
    if entry.open then chain.fail("distinctOn wants the columns by name here, not *") end
    inner[i] = node.aliased(entry.node, "c" .. i)
    local column = node.column("c" .. i, page)
    outer[i] = entry.key and node.aliased(column, entry.key) or column
    if entry.key then by_key[entry.key] = entry.node end
  end
  local sorted, outer_sorted = {}, {}
  for i, item in ipairs(parts.order or {}) do
    local value = ordered_value(item, by_key)
    inner[#inner + 1] = node.aliased(value, "o" .. i)
    sorted[i] = node.ordering(value, item.direction)
    outer_sorted[i] = node.ordering(node.column("o" .. i, page), item.direction)
  end
  local groups = {}
  for i, value in ipairs(parts.distinct_on) do groups[i] = ordered_value({ value = value }, by_key) end
  inner[#inner + 1] = node.aliased(node.window("ROW_NUMBER", {}, groups, sorted), "n")
  local numbered = node.select({
    columns = inner, from = parts.from, joins = parts.joins, where = parts.where, group = parts.group,
    having = parts.having,
  })
  return node.select({
    columns = outer, from = node.derived(numbered, page),
    where = node.compare("eq", node.column("n", page), node.literal("1")), order = outer_sorted, limit = parts.limit,
    offset = parts.offset,
  })
end

return distinct_on
