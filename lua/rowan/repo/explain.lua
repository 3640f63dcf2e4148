--- Plans of statements, with advice: findAll{ explain = ... } and db:explain. A plan is a table that reads well as text.
---
--- With `analyze` the statement is run: in a transaction, or behind a savepoint of the current one, that is rolled back
--- whatever happens, and on PostgreSQL may not write in the first place.

local chain = require("rowan.query.chain")
local check = require("rowan.base.check")
local control = require("rowan.sql.control")
local errors = require("rowan.base.errors")
local raw = require("rowan.repo.raw")
local run = require("rowan.repo.run")
local statement = require("rowan.repo.statement")
local transaction = require("rowan.repo.transaction")
local untyped = require("rowan.types.untyped")
local values = require("rowan.driver.values")

local explain = {}

-- From so many rows on a table is worth an index.
local THRESHOLD = 1000
local OPTIONS = { analyze = true, threshold = true }
local CALL = check.set({ "replacements", "bind", "analyze", "threshold", "transaction", "logging", "benchmark" })

---@class rowan.PlanNode
---@field type string
---@field detail string
---@field table? string
---@field index? string
---@field filter? string
---@field scans? boolean every row of the table is looked at
---@field rows? integer expected (PostgreSQL)
---@field actualRows? integer with analyze (PostgreSQL)
---@field children rowan.PlanNode[]

---@class rowan.Advice
---@field kind "scan"|"index"|"foreignKey"
---@field table string
---@field columns? string[]
---@field message string

---@class rowan.Explained
---@field sql string
---@field nodes rowan.PlanNode[] the plan as a tree
---@field advice rowan.Advice[]
---@field text string the same to be read; also by tostring
---@field json? table PostgreSQL's own form
---@field executionTime? number milliseconds, with analyze
---@field actualRows? integer rows that came, with analyze
local Explained = { __name = "rowan.plan" }
Explained.__index = Explained
Explained.__tostring = function(plan) return plan.text end

local function add_lines(lines, nodes, indent)
  for _, node in ipairs(nodes) do
    lines[#lines + 1] = indent .. node.detail .. (node.numbers and "  (" .. node.numbers .. ")" or "")
    if node.condition then lines[#lines + 1] = indent .. "  condition: " .. node.condition end
    if node.filter and node.numbers then lines[#lines + 1] = indent .. "  filter: " .. node.filter end
    add_lines(lines, node.children, indent .. "  ")
  end
end

local function text_of(plan)
  local lines = {}
  add_lines(lines, plan.nodes, "")
  if plan.executionTime then
    lines[#lines + 1] = ("took %.3f ms, %s rows"):format(plan.executionTime, tostring(plan.actualRows or "?"))
  end
  for _, advice in ipairs(plan.advice) do lines[#lines + 1] = "advice: " .. advice.message end
  return table.concat(lines, "\n")
end

-- ---- advice ----

local function facts_of(db, name, schema, threshold, call)
  local quoted = (schema and db._dialect.quote(schema) .. "." or "") .. db._dialect.quote(name)
  local columns = run.plan(db, {
    text = db._dialect.explain.columns, codes = "-s",
    columns = { { key = "name", code = "s" }, { key = "leads", code = "b" }, { key = "refers", code = "b" } },
  }, { db._dialect.supports.schemas and quoted or name }, 1, call)
  if columns[1] == nil then return nil end -- a view, or something the database made up
  local size = run.plan(db, {
    text = control.count_some(quoted, db._dialect.placeholder(1)), codes = "-I",
    columns = { { key = "n", code = "I" } },
  }, { threshold }, 1, call, nil, true)
  return { name = name, columns = columns, big = size.n >= threshold }
end

local function filtered(node, facts)
  local words, list = {}, {}
  for word in (node.filter or ""):gmatch("[%w_]+") do words[word] = true end
  for _, column in ipairs(facts.columns) do
    if words[column.name] and not column.leads then list[#list + 1] = column.name end
  end
  return list
end

local function note(plan, kind, name, columns, message)
  local key = kind .. "\31" .. name .. "\31" .. table.concat(columns or {}, "\31")
  if plan.noted[key] then return end
  plan.noted[key] = true
  plan.advice[#plan.advice + 1] = { kind = kind, table = name, columns = columns, message = message }
end

local function advise_scan(plan, node, facts, threshold)
  note(plan, "scan", node.table, nil,
    ("%s is read from end to end; it has %d rows or more"):format(node.table, threshold))
  local columns = filtered(node, facts)
  if columns[1] then
    note(plan, "index", node.table, columns, ("no index of %s begins with %s, which the rows are chosen by")
      :format(node.table, table.concat(columns, " or ")))
  end
end

local function advise_keys(plan, facts, only)
  for _, column in ipairs(facts.columns) do
    local meant = column.refers
    if only then meant = only[column.name] end
    if meant and not column.leads then
      note(plan, "foreignKey", facts.name, { column.name },
        ("the foreign key %s.%s has no index: rows that point at one are found by reading the table")
          :format(facts.name, column.name))
    end
  end
end

-- The tables that are read for the children: by which columns, by table.
local function child_tables(children, found)
  for _, child in ipairs(children or {}) do
    local def = child.plan.model.definition
    if not child.keys_in then
      local fields = {}
      for _, name in ipairs(child.child_keys) do
        if def.by_name[name] then fields[def.by_name[name].field] = true end
      end
      found[#found + 1] = { table = def.table, schema = def.schema, fields = fields }
    end
    child_tables(child.plan.children, found)
  end
  return found
end

local function advise(db, plan, children, threshold, call)
  local known = {}
  local function facts(name, schema)
    local key = (schema or "") .. "." .. name
    if known[key] == nil then known[key] = facts_of(db, name, schema, threshold, call) or false end
    return known[key]
  end
  plan.advice, plan.noted = {}, {}
  local function visit(nodes)
    for _, node in ipairs(nodes) do
      local found = node.table and facts(node.table, node.schema)
      if found and found.big then
        if node.scans then advise_scan(plan, node, found, threshold) end
        advise_keys(plan, found)
      end
      visit(node.children)
    end
  end
  visit(plan.nodes)
  for _, child in ipairs(child_tables(children, {})) do
    local found = facts(child.table, child.schema)
    if found and found.big then advise_keys(plan, found, child.fields) end
  end
  plan.noted = nil
end

-- ---- plans ----

-- Runs `fn` where nothing that it does stays.
local function undone(db, options, fn)
  local outer = run.transaction(db, options)
  local t = transaction.unmanaged(db, {
    transaction = options.transaction, logging = options.logging,
    type = not outer and db._dialect.reading or nil,
  })
  local call = { transaction = t, logging = options.logging, benchmark = options.benchmark }
  local ok, result = pcall(fn, call)
  local undo, problem = pcall(t.rollback, t)
  if not ok then error(result, 0) end
  if not undo then error(problem, 0) end
  return result
end

local function ask(db, plan, params, count, analyze, call)
  local how = db._dialect.explain
  local rows = run.plan(db, {
    text = how.text(plan.text, analyze and how.measures), codes = plan.codes, role = "once", loads = untyped,
    def = plan.def,
  }, params, count, call)
  local nodes, made = how.tree(rows, plan.text)
  made.sql, made.nodes = plan.text, nodes
  if analyze and how.measures then made.actualRows = nodes[1] and nodes[1].actualRows end
  return made
end

-- Where the database measures nothing itself.
local function measure(db, plan, params, count, made, call)
  local started = values.monotonic()
  local rows = run.plan(db, { text = plan.text, codes = plan.codes, role = "once" }, params, count, call)
  made.executionTime, made.actualRows = values.monotonic() - started, type(rows) == "table" and #rows or 0
end

local function analyzed(db, plan, params, count, options)
  local how = db._dialect.explain
  return undone(db, options, function(call)
    if how.guard then run.plan(db, { text = how.guard, codes = "" }, nil, 0, call) end
    local made = ask(db, plan, params, count, true, call)
    if not how.measures then measure(db, plan, params, count, made, call) end
    return made
  end)
end

---The plan of a statement that rowan made, with advice.
---@async
---@param db table
---@param plan table text, codes, children?
---@param params any[]
---@param count integer
---@param how true|table analyze, threshold
---@param options table of the call: transaction, logging, benchmark
---@return rowan.Explained
function explain.plan(db, plan, params, count, how, options)
  how = how == true and {} or how
  local call = { transaction = options.transaction, logging = options.logging, benchmark = options.benchmark }
  local made
  if how.analyze then
    made = analyzed(db, plan, params, count, call)
  else
    made = ask(db, plan, params, count, false, call)
  end
  advise(db, made, plan.children, how.threshold or THRESHOLD, call)
  made.text = text_of(made)
  return setmetatable(made, Explained)
end

---Refuses an `explain` that is neither true nor a table of its options.
---@param value any
---@param context string
function explain.check(value, context)
  if value == true then return end
  check.type(value, "table", context .. ": explain", "QueryError")
  check.keys(value, OPTIONS, context .. ": explain", "QueryError")
  local threshold = value.threshold
  if threshold ~= nil and (type(threshold) ~= "number" or threshold < 1 or threshold % 1 ~= 0) then
    errors.raise("QueryError", { message = context .. ": explain: threshold must be a whole number of rows" })
  end
end

---db:explain.
---@async
---@param db table
---@param query string|rowan.Query
---@param options? table
---@return rowan.Explained
function explain.query(db, query, options)
  options = options or {}
  check.keys(options, CALL, "db:explain", "QueryError")
  local how = { analyze = options.analyze, threshold = options.threshold }
  explain.check(how, "db:explain")
  if chain.is(query) then
    local plan, params, count = statement.plan(query)
    return explain.plan(db, plan, params, count, how, options)
  end
  check.type(query, "string", "db:explain: the query", "QueryError")
  local plan, params = raw.plan(db, query, { replacements = options.replacements, bind = options.bind })
  if plan.script then errors.raise("QueryError", { message = "db:explain takes a single statement" }) end
  return explain.plan(db, plan, params, #params, how, options)
end

return explain
