--- Transactions: managed, unmanaged, nested by savepoints. A managed one is the current transaction of its task, so that
--- every call inside joins it by itself. The connection is a lease of the core; it never goes back to the pool with a
--- transaction open: whatever ends in doubt is closed.

local check = require("rowan.base.check")
local control = require("rowan.sql.control")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local failure = require("rowan.repo.failure")
local lock = require("rowan.query.lock")
local run = require("rowan.repo.run")
local waiting = require("rowan.repo.waiting")
local written = require("rowan.repo.written")

local transaction = {}

local OPTIONS = {
  isolationLevel = true, readOnly = true, type = true, transaction = true, nestMode = true, logging = true,
  constraintChecking = true,
  -- false: foreign keys are not looked at until the end; for rebuilds of tables on SQLite.
  foreignKeys = true,
}

---@class rowan.Transaction
---@field id integer
---@field db rowan.Database
---@field options rowan.TransactionOptions
---@field lease? rowan.core.Lease the connection it holds; nil while one that waits for its first statement has none
---@field root rowan.Transaction the outermost
---@field savepoint? { set: string, release: string, rollback: string }
---@field depth? integer of a savepoint
---@field instead? rowan.Transaction|false what the call that it was made for said
---@field outside? rowan.Transaction the one that was current before it
---@field savepoints rowan.Transaction[] those that are open in it
---@field after table[] functions that wait for its end
---@field written? table<table, table> what its rows were before (repo/written)
---@field parent? rowan.Transaction the transaction around it, when this one is a savepoint
---@field finished? "commit"|"rollback"
---@field private call? table the options of its own statements
---@field LOCK table<"UPDATE"|"SHARE"|"KEY_SHARE"|"NO_KEY_UPDATE", string> levels for `lock` in finders
local Transaction = { __name = "rowan.transaction", LOCK = lock.LEVELS }
Transaction.__index = Transaction
Transaction.__tostring = function(t) return "rowan.transaction: " .. t.id end

local NONE, append, call_after, end_savepoints = waiting.NONE, waiting.append, waiting.call, waiting.end_savepoints

local last_id = 0

local function next_id()
  last_id = last_id + 1
  return last_id
end

local control_plans = {}

local function control_plan(text)
  local plan = { text = text, codes = "" }
  control_plans[text] = plan
  return plan
end

-- Savepoint names are numbered by depth, so that their texts are few and their statements stay prepared.
local function say(self, text)
  local call = self.call
  if not call then
    call = { transaction = self, logging = self.options.logging }
    self.call = call
  end
  run.plan(self.db, control_plans[text] or control_plan(text), nil, 0, call)
end

local function say_all(self, texts)
  for i = 1, #texts do say(self, texts[i]) end
end

---The lease that a statement inside this transaction runs on.
---@return rowan.core.Lease
function Transaction:lease_for_use()
  if self.finished then
    errors.raise("TransactionError", {
      message = ("the transaction has ended with a %s; it cannot be used any more"):format(self.finished),
    })
  end
  if not self.lease then self:start() end
  return self.lease
end

-- Gives the connection back to the pool, which closes it unless it is idle. One that could not be made what it was
-- before the transaction is closed here. Returns what waits for this end.
local function give_back(self, how)
  local clean, last = true, self.db._dialect.after_transaction(self.options)
  if last[1] and self.lease:tx() == "idle" then
    for _, text in ipairs(last) do clean = clean and pcall(say, self, text) end
  end
  self.finished = how
  local ended = self.after
  if self.savepoints[1] then
    ended = end_savepoints(self, 1, how)
    append(ended, self.after)
  end
  if how == "rollback" then written.undo(self) end
  self.db._handle:give_back(self.lease, clean)
  return ended
end

local function begin_texts(db, options)
  local texts, problem = db._dialect.begin({
    isolationLevel = options.isolationLevel or db.options.isolationLevel, readOnly = options.readOnly,
    type = options.type or (not options.readOnly and db.options.transactionType or nil),
    foreignKeys = options.foreignKeys,
  })
  if not texts then errors.raise("TransactionError", { message = "transaction: " .. problem }) end
  local checking = options.constraintChecking
  if checking == nil then return texts end
  if checking ~= "DEFERRED" and checking ~= "IMMEDIATE" then
    errors.raise("TransactionError", { message = "transaction: constraintChecking must be DEFERRED or IMMEDIATE" })
  end
  local all = {} -- the dialect keeps its own list
  append(all, texts)
  append(all, { control.defer_constraints(db._dialect, checking) })
  return all
end

-- One that has not begun.
local function waiting_root(db, options)
  local self = setmetatable({
    id = next_id(), db = db, lease = false, options = options, savepoints = NONE, after = NONE,
    root = false, call = false, finished = nil, written = nil,
  }, Transaction)
  self.root = self
  return self
end

---Begins one that waits for its first statement.
---@private
---@async
function Transaction:start()
  local texts = begin_texts(self.db, self.options)
  local lease, err = self.db._handle:lease(nil, self.options.readOnly)
  if not lease then failure.raise(err, {}) end
  self.lease = lease
  local ok, problem = pcall(say_all, self, texts)
  if not ok then
    give_back(self, "rollback")
    error(problem, 0)
  end
  return self
end

local function begin_savepoint(parent, options)
  if parent.root.savepoints == NONE then parent.root.savepoints = {} end
  local open = parent.root.savepoints
  local self = setmetatable({
    id = parent.id, db = parent.db, lease = parent:lease_for_use(), parent = parent, root = parent.root,
    options = options, depth = #open + 1, after = NONE,
  }, Transaction)
  self.savepoint = control.savepoint(self.depth)
  say(self, self.savepoint.set)
  open[self.depth] = self
  return self
end

local function check_open(self)
  if self.finished then
    errors.raise("TransactionError", {
      message = ("the transaction has already ended with a %s"):format(self.finished),
    })
  end
end

local function rollback_savepoint(self)
  say(self, self.savepoint.rollback)
  say(self, self.savepoint.release)
  call_after(self, end_savepoints(self.root, self.depth, "rollback"), "rollback")
end

-- PostgreSQL releases no savepoint after a failed statement: then its work is undone, so that the transaction around it
-- can go on.
local function commit_savepoint(self)
  local ok, problem = pcall(say, self, self.savepoint.release)
  if ok then
    end_savepoints(self.root, self.depth, "commit")
    return
  end
  if self.lease:tx() == "failed" then rollback_savepoint(self) end
  error(problem, 0)
end

-- Ends one that never began.
local function end_unused(self, how)
  self.finished = how
  call_after(self, self.after, how)
end

-- A COMMIT that was sent and not answered may have been done or not, and the message must say so.
local function raise_unknown(problem)
  errors.raise("TransactionError", {
    message = "the answer to COMMIT never came: it is not known whether the transaction was committed ("
      .. tostring(problem) .. ")",
    outcomeUnknown = true, cause = problem,
  })
end

---Makes the work permanent. Raises when the database did not say that it is; then it is rolled back, or, when the
---connection broke on the way, the message says that the outcome is not known.
---
---    t:commit()    -- COMMIT; of a savepoint RELEASE SAVEPOINT ...
---@async
function Transaction:commit()
  check_open(self)
  if not self.lease then return end_unused(self, "commit") end
  if self.parent then return commit_savepoint(self) end
  local was_lost = self.lease:tx() == "unknown"
  local ok, problem = pcall(say, self, control.commit)
  if not ok then
    local state = self.lease:tx()
    if state == "open" or state == "failed" then pcall(say, self, control.rollback) end
    local ended = give_back(self, "rollback")
    if state == "unknown" and not was_lost then raise_unknown(problem) end
    pcall(call_after, self, ended, "rollback")
    error(problem, 0)
  end
  call_after(self, give_back(self, "commit"), "commit")
end

---Undoes the work. Raises TransactionError when it has ended already.
---
---    t:rollback()    -- ROLLBACK; of a savepoint ROLLBACK TO SAVEPOINT ...
---@async
function Transaction:rollback()
  check_open(self)
  if not self.lease then return end_unused(self, "rollback") end
  if self.parent then return rollback_savepoint(self) end
  local state = self.lease:tx()
  local ok, problem = true, nil
  if state == "open" or state == "failed" then ok, problem = pcall(say, self, control.rollback) end
  call_after(self, give_back(self, "rollback"), "rollback")
  if not ok then error(problem, 0) end
end

local function wait_for(self, on, name, fn)
  check.type(fn, "function", name)
  if self.finished then self:lease_for_use() end
  append(waiting.of(self), { { on = on, fn = fn } })
end

---Calls `fn(transaction)` once the outermost transaction is committed; never when it is rolled back. An error in it is
---raised after all others were called, and undoes nothing. Raises TransactionError when it has ended already.
---
---    t:afterCommit(function() mail(user) end)
---@param fn fun(transaction: rowan.Transaction) gets the transaction
function Transaction:afterCommit(fn) wait_for(self, "commit", "afterCommit", fn) end

---Calls `fn(transaction)` once this transaction, or one around it, is rolled back.
---Raises TransactionError when it has ended already.
---
---    t:afterRollback(function() log("undone") end)
---@param fn fun(transaction: rowan.Transaction) gets the transaction
function Transaction:afterRollback(fn) wait_for(self, "rollback", "afterRollback", fn) end

---Calls `fn(transaction)` once the outermost transaction is committed, or this one or one around it is rolled back.
---Raises TransactionError when it has ended already.
---
---    t:afterTransaction(function() cache:clear() end)
---@param fn fun(transaction: rowan.Transaction) gets the transaction
function Transaction:afterTransaction(fn) wait_for(self, "end", "afterTransaction", fn) end

-- `local t <close> = db:transaction()` on Lua 5.4: what was not committed is rolled back.
Transaction.__close = function(self)
  if not self.finished then self:rollback() end
end

---Is it a transaction?
---@param value any
---@return boolean
function transaction.is(value)
  return type(value) == "table" and getmetatable(value) == Transaction
end

local function begin(db, options)
  options = options or NONE
  if options ~= NONE then check.keys(options, OPTIONS, "db:transaction", "TransactionError") end
  local mode = options.nestMode or "savepoint"
  if mode ~= "savepoint" and mode ~= "reuse" and mode ~= "separate" then
    errors.raise("TransactionError", { message = "nestMode must be savepoint, reuse or separate" })
  end
  local outer = mode ~= "separate" and run.transaction(db, options) or nil
  if not outer then return waiting_root(db, options):start(), true end
  if options.isolationLevel or options.readOnly or options.type or options.foreignKeys ~= nil
    or options.constraintChecking then
    errors.raise("TransactionError", {
      message = "a nested transaction has the options of the one around it; use nestMode = \"separate\" for its own",
    })
  end
  if mode == "reuse" then return outer, false end
  return begin_savepoint(outer, options), true
end

-- Ends a transaction that ran as its task's current one in the place of `before`, by how its function ended.
local function conclude(db, task, before, t, owned, ok, ...)
  db._current[task] = before
  db._entered = db._entered - 1
  if not ok then
    -- The caller's error is the one that matters; a rollback that fails closes the connection.
    if owned and not t.finished then pcall(t.rollback, t) end
    error((...), 0)
  end
  if owned and not t.finished then t:commit() end
  return ...
end

local function run_in(db, t, owned, fn)
  local task = driver.task.current()
  local before = db._current[task]
  db._current[task] = t
  db._entered = db._entered + 1
  return conclude(db, task, before, t, owned, pcall(fn, t))
end

---Managed transaction: commits when `fn` returns, rolls back and raises again when it raises.
---@async
---@param db table
---@param options? table
---@param fn fun(t: rowan.Transaction): ...
---@return any ... what fn returned
function transaction.managed(db, options, fn)
  local t, owned = begin(db, options)
  return run_in(db, t, owned, fn)
end

---Unmanaged transaction: the caller commits or rolls back, and names it in each call.
---@async
---@param db table
---@param options? table
---@return rowan.Transaction
function transaction.unmanaged(db, options)
  return (begin(db, options))
end

-- What fn returned, unless it has ended its transaction so that nothing of its work is left.
local function done(t, ...)
  if t.finished == "rollback" then
    errors.raise("TransactionError", { message = "the transaction of the call was rolled back: nothing was written" })
  end
  return ...
end

---Runs fn in a transaction of its own, or within a savepoint of the current one: for calls that need several statements.
---@async
---@param db table
---@param options? table the call's options
---@param fn fun(t: rowan.Transaction): ...
---@return any ...
function transaction.around(db, options, fn)
  local own = { transaction = options and options.transaction, logging = options and options.logging }
  return transaction.managed(db, own, function(t) return done(t, fn(t)) end)
end

---Runs fn in a transaction that begins with the first statement in it, for hooks that may or may not send some, and that are
---in no transaction. Without any statement it is left by `transaction.leave`, and what follows needs none.
---@async
---@param db table
---@param options? table the call's options
---@param fn fun(t: rowan.Transaction): ...
---@return any ...
function transaction.around_hooks(db, options, fn)
  local t = waiting_root(db, { logging = options and options.logging })
  t.instead, t.outside = options and options.transaction, db._current[driver.task.current()]
  return run_in(db, t, true, function() return done(t, fn(t)) end)
end

---Leaves a transaction of around_hooks in which nothing was sent.
---@param t any
---@return any transaction what the call's statements are to have as that option
function transaction.leave(t)
  if not transaction.is(t) or t.lease or t.finished then return t end
  t.db._current[driver.task.current()] = t.outside
  return t.instead
end

return transaction
