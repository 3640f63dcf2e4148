--- Running a plan: chooses the connection (the transaction given, the current one of this task, or the pool), logs, and
--- raises what goes wrong. Every statement of rowan passes through here.

local check = require("rowan.base.check")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local failure = require("rowan.repo.failure")
local hooks = require("rowan.change.hooks")
local lazy = require("rowan.base.lazy")
local values = require("rowan.driver.values")

-- Itself runs statements.
local blame = lazy(function() return require("rowan.repo.blame") end)

local run = {}

local current_task = driver.task.current
local next = next

---The transaction a call belongs to: the one it names, none with `false`, else the current one of this task.
---@param db table
---@param options? table
---@return table? transaction
function run.transaction(db, options)
  local chosen = options and options.transaction
  if chosen == nil then return db._entered > 0 and db._current[current_task()] or nil end
  if chosen == false then return nil end
  if type(chosen) ~= "table" or chosen.db ~= db or not (chosen.lease or chosen.lease_for_use) then
    errors.raise("TransactionError", {
      message = "the option transaction wants a transaction of this database, or false",
    })
  end
  return chosen
end

local transaction_of = run.transaction

-- What gets the lines of a call's statements; false for nobody.
local function logger(db, options)
  local logging = options and options.logging
  if logging == nil then logging = db.options.logging end
  if not logging then return false end
  if logging == true then return run.print end
  if check.callable(logging) then return logging end
  errors.raise("UsageError", {
    message = "the option logging must be a function or a boolean, not a " .. type(logging),
  })
end

---What `logging = true` does: one line on standard error.
---@param text string
---@param info { transaction?: integer, duration?: number }
function run.print(text, info)
  local where = info.transaction and ("transaction " .. info.transaction) or "default"
  local took = info.duration and (" [%.1f ms]"):format(info.duration) or ""
  io.stderr:write("Executing (", where, "): ", text, took, "\n")
end

local function wants_benchmark(db, options)
  local benchmark = options and options.benchmark
  if benchmark == nil then benchmark = db.options.benchmark end
  return benchmark
end

---Tells of something that works and is probably not meant: to the database's option `warnings`, a function, or one line on
---standard error; false is for nothing.
---@param db table
---@param message string
function run.warn(db, message)
  local to = db.options.warnings
  if to == false then return end
  if type(to) == "function" then return to(message) end
  io.stderr:write("rowan: ", message, "\n")
end

-- What the hooks around a statement get: a copy of the call's options, and what is sent.
local function for_hooks(options, plan, transaction)
  local own = {}
  for name, value in next, options or {} do own[name] = value end
  -- A connection that a hook uses (repo/connections) stands where a transaction does, and has no root.
  own.transaction = transaction and transaction.root and transaction or nil
  return own, { sql = plan.text, model = plan.model and plan.model.name, transaction = own.transaction }
end

-- The driver's call with the hooks around each statement; they run once there is a connection for it.
local function hooked(db, options, plan, transaction, lease, send)
  local own, query = for_hooks(options, plan, transaction)
  local function around(held)
    hooks.run(db._hooks, "beforeQuery", own, query)
    local ok, rows, affected, last_id = pcall(send, held)
    if not ok then query.error = rows elseif rows == nil then query.error = affected end
    hooks.run(db._hooks, "afterQuery", own, query)
    if not ok then error(rows, 0) end
    return rows, affected, last_id
  end
  if lease then return around(lease) end
  return db._handle:holding(plan.statement, around)
end

-- The driver's call with its log line; with `benchmark` the line comes after it and carries the milliseconds.
local function observed(db, options, plan, transaction, lease, send)
  local call, log = send, logger(db, options)
  if db._hooks.queries then
    call = function(held) return hooked(db, options, plan, transaction, held, send) end
  end
  local info = { model = plan.model and plan.model.name, transaction = transaction and transaction.id }
  if not wants_benchmark(db, options) then
    if log then log(plan.text, info) end
    return call(lease)
  end
  local started = values.monotonic()
  local rows, affected, last_id = call(lease)
  info.duration = values.monotonic() - started
  if log then log(plan.text, info) end
  return rows, affected, last_id
end

-- Joined tables have layouts of their own, for the snapshots of their rows.
local function make_statement(plan)
  local segments = plan.columns and plan.columns.segments
  for _, segment in ipairs(segments or {}) do
    if not segment.plain then segment.layout = driver.statement("", "", segment.columns) end
  end
  return driver.statement(plan.text, plan.codes, plan.columns, plan.script, plan.loads, plan.names,
    plan.known, plan.role, plan.cursor, plan.fetch)
end

-- The parameters of a plan as a list, also of one that takes them by name.
local function in_order(plan, params)
  local names = plan.names
  if not names then return params end
  local list = {}
  for i, name in ipairs(names) do
    if plan.many then
      list[i] = { n = #params }
      for r, row in ipairs(params) do list[i][r] = rawget(row, name) end
    else
      list[i] = rawget(params, name)
    end
  end
  return list
end

-- The metatable template of one table of a plan: its model's, and which associations come with the rows, so that a row
-- without any knows that there are none.
local function template_of(model, whole, loaded, chosen)
  local template = whole and model._template or model._partial_template
  local plain = chosen == nil or next(chosen) == nil
  if plain and next(loaded) == nil then return template end
  local own = {}
  for key, value in pairs(template) do own[key] = value end
  own.loaded = next(loaded) ~= nil and loaded or nil
  if not whole and not plain then own.partial = chosen end
  return own
end

-- What is loaded into the rows of each of a plan's tables; 0 is the plan's own.
local function loaded_by(plan)
  local segments = plan.columns.segments or {}
  local loaded, at = { [0] = {} }, { [""] = 0 }
  local paths = { [0] = "" }
  for i, segment in ipairs(segments) do
    loaded[i] = {}
    loaded[segment.parent][segment.key] = true
    paths[i] = paths[segment.parent] .. "." .. segment.key
    at[paths[i]] = i
  end
  for _, child in ipairs(plan.children) do
    local path = child.path[1] and "." .. table.concat(child.path, ".") or ""
    loaded[at[path]][child.association.as] = true
  end
  return loaded
end

local function make_template(plan)
  local loaded = loaded_by(plan)
  local own = template_of(plan.model, plan.whole, loaded[0], plan.columns.chosen)
  local segments = plan.columns.segments
  if not segments then return own end
  local list = { own }
  for i, segment in ipairs(segments) do
    list[i + 1] = segment.model and template_of(segment.model, segment.whole, loaded[i], segment.chosen) or false
  end
  return list
end

---What the rows of a plan become: instances of its model (and of those joined), or plain tables with `raw`.
---@param plan rowan.Plan
---@param options? { raw?: boolean }
---@return table? template # a list of them when the plan joins
function run.template(plan, options)
  if options and options.raw then return nil end
  plan.template = plan.template or make_template(plan)
  return plan.template
end

-- Of a violated constraint more can be found out than the database says.
local function raise_failed(db, plan, err, context, transaction, options)
  context.plan, context.sql, context.params = plan, plan.text, in_order(plan, context.params)
  context.def = plan.def or (plan.model and plan.model.definition)
  if err.kind == "database" and (err.sqlstate or ""):find("^23") then
    context.owner = blame.owner(db, err, context)
    context.blame = blame.inquire(db, err, context, transaction, options)
  end
  failure.raise(err, context)
end

-- The driver's call when somebody watches; apart from run.plan, whose other calls need no function of their own.
local function watched(db, options, plan, transaction, lease, ...)
  local statement, params, n, template, single = ...
  return observed(db, options, plan, transaction, lease, function(held)
    return db._handle:query(statement, params, n, held, template, single)
  end)
end

---Runs a plan. Raises what goes wrong.
---@async
---@param db table
---@param plan table { text, codes, columns?, script?, loads?, def?, names? }; keeps its statement in plan.statement
---@param params? table a list; a table by name where the plan has names, or with plan.many a list of such tables
---@param n integer how many
---@param options? table the call's: transaction, logging, benchmark
---@param template? table metatable template: rows become instances
---@param single? boolean one row, or false
---@param row? table the instance being written, for messages
---@return table|boolean rows, integer? affected, integer? last_id
---@return table? transaction that it ran in
function run.plan(db, plan, params, n, options, template, single, row)
  local statement = plan.statement
  if not statement then
    statement = make_statement(plan)
    plan.statement = statement
  end
  local transaction, lease
  if options and options.transaction ~= nil then
    transaction = transaction_of(db, options)
  elseif db._entered > 0 then
    transaction = db._current[current_task()]
  end
  if transaction then lease = not transaction.finished and transaction.lease or transaction:lease_for_use() end
  local rows, affected, last_id
  local settings = db.options
  if settings.logging or settings.benchmark or db._hooks.queries
    or options and (options.logging or options.benchmark) then
    rows, affected, last_id = watched(db, options, plan, transaction, lease, statement, params, n, template, single)
  else
    rows, affected, last_id = db._handle:query(statement, params, n, lease, template, single)
  end
  if rows == nil then
    raise_failed(db, plan, affected, { params = params, count = n, row = row }, transaction, options)
  end
  -- Getters must not give what a write has made old (repo/siblings).
  if affected then
    local written = plan.model
    if written then
      written._written = written._written + 1
    else
      db._raw_writes = db._raw_writes + 1
    end
  end
  return rows, affected, last_id, transaction
end

return run
