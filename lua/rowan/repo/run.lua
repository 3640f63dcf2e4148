--- Running a plan: chooses the connection (the transaction given, the current one of this task, or the pool), logs, and
--- raises what goes wrong. Every statement of rowan passes through here.

local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local failure = require("rowan.repo.failure")
local values = require("rowan.driver.values")

local run = {}

local current_task = driver.task.current

---The transaction a call belongs to: the one it names, none with `false`, else the current one of this task.
---@param db table
---@param options? table
---@return table? transaction
function run.transaction(db, options)
  local chosen = options and options.transaction
  if chosen == nil then
    local current = db._current
    if next(current) == nil then return nil end
    return current[current_task()]
  end
  if chosen == false then return nil end
  if type(chosen) ~= "table" or chosen.db ~= db then
    errors.raise("TransactionError", {
      message = "the option transaction wants a transaction of this database, or false",
    })
  end
  return chosen
end

local function log(db, options, text, info)
  local logging = options and options.logging
  if logging == nil then logging = db.options.logging end
  if not logging then return end
  if logging == true then logging = run.print end
  logging(text, info)
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

-- The driver's call with its log line; with `benchmark` the line comes after it and carries the milliseconds.
local function logged(db, options, plan, transaction, call)
  local info = { model = plan.model and plan.model.name, transaction = transaction and transaction.id }
  if not wants_benchmark(db, options) then
    log(db, options, plan.text, info)
    return call()
  end
  local started = values.monotonic()
  local rows, affected, last_id = call()
  info.duration = values.monotonic() - started
  log(db, options, plan.text, info)
  return rows, affected, last_id
end

---Runs a plan. Raises what goes wrong.
---@async
---@param db table
---@param plan table { text, codes, columns?, script?, loads?, def? }; keeps its statement in plan.statement
---@param params? any[]
---@param n integer how many
---@param options? table the call's: transaction, logging, benchmark
---@param template? table metatable template: rows become instances
---@param single? boolean one row, or false
---@param row? table the instance being written, for messages
---@return table|boolean rows, integer? affected, integer? last_id
function run.plan(db, plan, params, n, options, template, single, row)
  local statement = plan.statement
  if not statement then
    statement = driver.statement(plan.text, plan.codes, plan.columns, plan.script, plan.loads)
    plan.statement = statement
  end
  local transaction = run.transaction(db, options)
  local lease = transaction and transaction:lease_for_use()
  local rows, affected, last_id
  if (options and (options.logging or options.benchmark)) or db.options.logging or db.options.benchmark then
    rows, affected, last_id = logged(db, options, plan, transaction, function()
      return db._handle:query(statement, params, n, lease, template, single)
    end)
  else
    rows, affected, last_id = db._handle:query(statement, params, n, lease, template, single)
  end
  if rows == nil then
    local def = plan.def or (plan.model and plan.model.definition)
    failure.raise(affected, { def = def, plan = plan, sql = plan.text, row = row })
  end
  return rows, affected, last_id
end

return run
