--- Topological order with named cycles (Tarjan). Used to create and drop tables, and to save graphs.

local topo = {}

local function edges_in(nodes, edges_of)
  local known, edges = {}, {}
  for _, item in ipairs(nodes) do known[item] = true end
  for _, item in ipairs(nodes) do
    local list = {}
    for _, other in ipairs(edges_of(item) or {}) do
      if known[other] and other ~= item then list[#list + 1] = other end
    end
    edges[item] = list
  end
  return edges
end

-- The strongly connected components, each after those it needs.
local function components(nodes, edges)
  local index, low, on_stack, stack, found = {}, {}, {}, {}, {}
  local count = 0

  local function visit(item)
    count = count + 1
    index[item], low[item] = count, count
    stack[#stack + 1] = item
    on_stack[item] = true
    for _, other in ipairs(edges[item]) do
      if not index[other] then
        visit(other)
        low[item] = math.min(low[item], low[other])
      elseif on_stack[other] then
        low[item] = math.min(low[item], index[other])
      end
    end
    if low[item] ~= index[item] then return end
    local members = {}
    repeat
      local member = table.remove(stack)
      on_stack[member] = nil
      members[#members + 1] = member
    until member == item
    found[#found + 1] = members
  end

  for _, item in ipairs(nodes) do
    if not index[item] then visit(item) end
  end
  return found
end

---Orders nodes so that each comes after those it needs. The order of `nodes` decides between equals, so the
---same input always gives the same answer. Needing oneself is no cycle, and needs outside `nodes` do not
---count.
---@generic T
---@param nodes T[]
---@param edges_of fun(node: T): T[]? what the node needs
---@return T[] ordered the members of a cycle stand together, in the order given
---@return T[][] cycles groups of two or more that need each other
function topo.sort(nodes, edges_of)
  local position = {}
  for i, item in ipairs(nodes) do position[item] = position[item] or i end
  local ordered, cycles = {}, {}
  for _, members in ipairs(components(nodes, edges_in(nodes, edges_of))) do
    table.sort(members, function(a, b) return position[a] < position[b] end)
    for _, member in ipairs(members) do ordered[#ordered + 1] = member end
    if #members > 1 then cycles[#cycles + 1] = members end
  end
  return ordered, cycles
end

return topo
