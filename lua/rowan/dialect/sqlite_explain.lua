--- How SQLite tells its plans, and what it knows of tables: for repo/explain.

local explain = { measures = false }

---@param query string
---@return string
function explain.text(query)
  return "EXPLAIN QUERY PLAN " .. query
end

-- The columns of table ?1: whether an index (or the primary key) begins with it, and whether a foreign key does.
explain.columns = [[SELECT t.name AS name, (t.pk = 1 OR EXISTS (SELECT 1 FROM pragma_index_list(?1) l
  JOIN pragma_index_info(l.name) i WHERE l.partial = 0 AND i.seqno = 0 AND i.name = t.name)) AS leads,
  EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) f WHERE f."from" = t.name AND f.seq = 0) AS refers
FROM pragma_table_info(?1) t ORDER BY t.cid]]

-- "SCAN users", "SEARCH t0 USING INDEX posts_user_id (user_id=?)"; a table goes by its alias.
local function node_of(detail, text)
  local word, name = detail:match("^(%u+) TABLE ([%w_]+)")
  if not word then word, name = detail:match("^(%u+) ([%w_]+)") end
  local node = { detail = detail, children = {}, numbers = nil }
  if word ~= "SCAN" and word ~= "SEARCH" or name == "SUBQUERY" or name == "CONSTANT" then
    node.type = detail
    return node
  end
  local as = '%s+[aA][sS]%s+"?' .. name .. '%f[^%w_]'
  local from = text:match('"([^"]+)"' .. as) or text:match("([%w_]+)" .. as)
  node.type, node.table, node.alias = word, from or name, name
  node.index = detail:match("INDEX ([%w_]+)")
  node.scans = word == "SCAN" and not detail:find("VIRTUAL TABLE", 1, true)
  -- SQLite does not say what it filters by: everything behind WHERE is looked through.
  local filter = text:match("%f[%w][wW][hH][eE][rR][eE]%f[%W](.*)$")
  filter = filter and filter:gsub("%f[%w]ORDER BY.*$", ""):gsub("%f[%w]GROUP BY.*$", "")
  if filter and from then
    local own = {}
    for column in filter:gmatch('"?' .. name .. '"?%."?([%w_]+)') do own[#own + 1] = column end
    filter = table.concat(own, " ")
  end
  node.filter = filter
  return node
end

---The answer of an EXPLAIN QUERY PLAN as a tree.
---@param rows table[]
---@param text string the statement
---@return table[] nodes
---@return table more
function explain.tree(rows, text)
  local nodes, by_id = {}, {}
  for _, row in ipairs(rows) do
    local node = node_of(row.detail, text)
    by_id[row.id] = node
    local siblings = by_id[row.parent] and by_id[row.parent].children or nodes
    siblings[#siblings + 1] = node
  end
  return nodes, {}
end

return explain
