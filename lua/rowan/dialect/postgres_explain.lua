--- How PostgreSQL tells its plans, and what it knows of tables: for repo/explain.

local explain = {
  -- A plan that is run must not write: set for the transaction that runs it, and undone with it.
  guard = "SET LOCAL transaction_read_only = on",
  measures = true,
}

---@param query string
---@param analyze boolean
---@return string
function explain.text(query, analyze)
  return "EXPLAIN (FORMAT JSON, VERBOSE" .. (analyze and ", ANALYZE, BUFFERS) " or ") ") .. query
end

-- The columns of table $1: whether an index begins with it, and whether a foreign key does.
explain.columns = [[SELECT a.attname AS name,
  EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indpred IS NULL
    AND i.indisvalid) AS leads,
  EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conrelid = a.attrelid AND c.contype = 'f' AND c.conkey[1] = a.attnum)
    AS refers
FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum]]

local function node_of(item)
  local node = {
    type = item["Node Type"], table = item["Relation Name"], schema = item["Schema"], alias = item["Alias"],
    index = item["Index Name"], filter = item["Filter"], condition = item["Index Cond"] or item["Hash Cond"],
    rows = item["Plan Rows"], cost = item["Total Cost"], actualRows = item["Actual Rows"], loops = item["Actual Loops"],
    time = item["Actual Total Time"], removed = item["Rows Removed by Filter"], children = {},
  }
  node.scans = node.type == "Seq Scan"
  for i, child in ipairs(item.Plans or {}) do node.children[i] = node_of(child) end
  node.detail = node.type .. (node.table and " on " .. node.table or "")
    .. (node.index and " using " .. node.index or "")
  node.numbers = ("cost=%.2f rows=%d"):format(node.cost or 0, node.rows or 0)
  if node.actualRows then
    node.numbers = node.numbers .. (" actual rows=%d loops=%d time=%.3f ms"):format(node.actualRows, node.loops or 1,
      node.time or 0)
  end
  return node
end

---The answer of an EXPLAIN as a tree.
---@param rows table[]
---@return table[] nodes
---@return table more planningTime, executionTime, json
function explain.tree(rows)
  local json = rows[1]["QUERY PLAN"]
  local whole = json[1]
  return { node_of(whole.Plan) }, {
    json = json, planningTime = whole["Planning Time"], executionTime = whole["Execution Time"],
  }
end

return explain
