--- Carrying out changes of the schema, all or nothing: they are planned, then planned again and sent inside of one
--- transaction. Sees to what SQLite needs for making a table anew. Called by repo/sync and repo/schema.

local check = require("rowan.base.check")
local control = require("rowan.sql.ddl_rebuild")
local ddl_alter = require("rowan.sql.ddl_alter")
local ddl_index = require("rowan.sql.ddl_index")
local ddl_table = require("rowan.sql.ddl_table")
local errors = require("rowan.base.errors")
local introspect = require("rowan.repo.introspect")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")

local steps = {}

-- PostgreSQL: other objects depend on it.
local DEPENDENT = "2BP01"

---Statements as steps about one table.
---@param texts string[]
---@param name string the table's, or "" where they are about none
---@return rowan.SchemaStep[]
function steps.of(texts, name)
  local list = {}
  for i, text in ipairs(texts) do list[i] = { sql = text, table = name, reason = name } end
  return list
end

local function about(step)
  local text = step.reason .. (step.loses and " (loses data: " .. step.loses .. ")" or "")
  return "-- " .. text:gsub("%s+", " ")
end

local Step = { __tostring = function(step) return about(step) .. "\n" .. step.sql .. ";" end }

local Plan = {}
function Plan.__tostring(list)
  local lines, last = {}, nil
  for _, step in ipairs(list) do
    local said = about(step)
    if said ~= last then lines[#lines + 1] = said end
    last, lines[#lines + 1] = said, step.sql .. ";"
  end
  return table.concat(lines, "\n")
end

---Steps that are SQL to read as text, one and all.
---@param list rowan.SchemaStep[]
---@return rowan.SchemaStep[]
function steps.readable(list)
  for _, step in ipairs(list) do setmetatable(step, Step) end
  return setmetatable(list, Plan)
end

local function say(db, text, options)
  run.plan(db, { text = text, codes = "", script = true }, nil, 0, options)
end

-- Sends a step; what goes wrong tells what it was for.
local function carry_out(db, step, options)
  local ok, problem = pcall(say, db, step.sql, options)
  if not ok and errors.kind_of(problem) and step.reason ~= "" then
    -- The detail names what depends on what is to go.
    local more = problem.sqlstate == DEPENDENT and problem.detail and (" (%s)"):format(problem.detail) or ""
    problem.message = ("%s: %s%s"):format(step.reason, problem.message, more)
  end
  return ok, problem
end

-- Views of SQLite are looked at only when they are read: those that work must do so when a table was made anew.
local function working_views(db, options)
  local works = {}
  for _, row in ipairs(introspect.rows(db, db._dialect.catalog.view_names, {}, options)) do
    works[row.name] = pcall(introspect.rows, db, ddl_table.look_at(db._dialect, row.name), {}, options)
  end
  return works
end

local function check_views(db, before, list, options)
  local broken, after = {}, working_views(db, options)
  for _, name in ipairs(check.sorted_keys(after)) do
    if before[name] and not after[name] then broken[#broken + 1] = name end
  end
  if not broken[1] then return end
  errors.raise("QueryError", {
    message = ("%s: these views would not work any more: %s; nothing was changed (drop them first)"):format(
      list[1].reason, table.concat(broken, ", ")),
  })
end

local function rebuilt_tables(list)
  local names, seen = {}, {}
  for _, step in ipairs(list) do
    if step.rebuild and not seen[step.rebuild] then
      seen[step.rebuild] = true
      names[#names + 1] = step.rebuild
    end
  end
  return names
end

local function pointing_at(db, names, options)
  return introspect.rows(db, db._dialect.catalog.pointing, { names }, options)
end

-- With enforced foreign keys, dropping the old table would delete the rows that point at it.
local function guard(db, names, options)
  local enforced = introspect.rows(db, control.keys_enforced, {}, options)[1].foreign_keys
  if tonumber(enforced) == 0 then return end
  local pointing = pointing_at(db, names, options)
  if #pointing == 0 then return end
  errors.raise("QueryError", {
    message = ("the table %s must be made anew, and %s points at it: SQLite cannot do that inside of a "
      .. "transaction, because it would delete these rows; do it before or after"):format(table.concat(names, ", "),
      pointing[1].name),
  })
end

local function check_keys(db, names, options)
  local tables = {}
  for i, name in ipairs(names) do tables[i] = name end
  for _, row in ipairs(pointing_at(db, names, options)) do tables[#tables + 1] = row.name end
  local broken = introspect.rows(db, db._dialect.catalog.broken_keys, { tables }, options)
  if not broken[1] then return end
  local first, columns, items = broken[1], {}, {}
  for i, row in ipairs(broken) do
    columns[i] = row.column
    items[i] = {
      path = row.column, type = "foreign key violation", validatorKey = "foreign_key", origin = "DB",
      message = row.name .. "." .. row.column .. " refers to a row that is not there",
    }
  end
  errors.raise("ForeignKeyConstraintError", {
    message = ("%d rows of %s would point at no row of %s; nothing was changed")
      :format(first.n, first.name, first.parent),
    table = first.name, fields = columns, errors = items,
  })
end

local function send(db, list, options)
  for _, step in ipairs(list) do
    local ok, problem = true, nil
    if not step.undo then ok, problem = carry_out(db, step, options) end
    if not ok then
      -- The mode of the connection is not undone by a rollback.
      if step.rebuild then pcall(say, db, control.plain_alter, options) end
      error(problem, 0)
    end
  end
end

-- What goes by itself: the rest is committed.
local function send_alone(db, list, options)
  for _, step in ipairs(list) do
    local ok, problem = true, nil
    if step.undo then ok, problem = carry_out(db, step, options) end
    if not ok then
      pcall(say, db, step.undo, options)
      error(problem, 0)
    end
  end
end

local function refuse_inside(list)
  for _, step in ipairs(list) do
    if step.undo then
      errors.raise("QueryError", {
        message = ("%s: an index that is made concurrently cannot be made inside of a transaction"):format(step.table),
      })
    end
  end
end

---Adds the steps that make the concurrent indexes of a definition.
---@param db table
---@param def rowan.Definition
---@param context rowan.DdlContext
---@param list rowan.SchemaStep[]
function steps.add_concurrent(db, def, context, list)
  for _, index in ipairs(def.indexes) do
    if index.concurrently then
      list[#list + 1] = {
        sql = ddl_index.create(def, index, db._dialect, context), table = def.table,
        reason = ("%s: the index %s is created concurrently where it is missing"):format(def.table, index.name),
        undo = ddl_index.drop_invalid(def, index, db._dialect),
      }
    end
  end
end

local function lock(db, list, options)
  if not db._dialect.supports.alter_constraints then return end
  local seen = {}
  for _, step in ipairs(list) do
    if step.locks and not seen[step.locks] then
      seen[step.locks] = true
      say(db, ddl_alter.lock(step.locks), options)
    end
  end
end

---Plans, and where there is something to do, plans again in a transaction and does it. A plan that raises stops it all.
---@async
---@param db table
---@param options table transaction, logging, benchmark
---@param plan fun(options: table): rowan.SchemaStep[]
---@param hooks? { before: function, after: function } called around it all
---@return rowan.SchemaStep[] what was done
function steps.apply(db, options, plan, hooks)
  local list = plan(options)
  if not list[1] then
    if hooks then
      hooks.before()
      hooks.after()
    end
    return list
  end
  local names = rebuilt_tables(list)
  local outer = run.transaction(db, options)
  if outer then refuse_inside(list) end
  local own = { transaction = options.transaction, logging = options.logging }
  if names[1] and not outer then own.foreignKeys = false end
  transaction.managed(db, own, function()
    local inside = { logging = options.logging, benchmark = options.benchmark }
    if hooks then hooks.before() end
    lock(db, list, inside)
    list = plan(inside)
    names = rebuilt_tables(list)
    local views
    if names[1] then
      guard(db, names, inside)
      views = working_views(db, inside)
    end
    send(db, list, inside)
    if names[1] then
      check_keys(db, names, inside)
      check_views(db, views, list, inside)
    end
    if hooks then hooks.after() end
  end)
  send_alone(db, list, { logging = options.logging, benchmark = options.benchmark, transaction = false })
  return list
end

return steps
