-- The one door to the C core: opening a database, running statements, leasing a connection, waiting. Called
-- by repo/ and by database.lua; nothing outside this directory may require rowan.core.
--
-- A statement goes straight through (the core blocks in poll(2)) unless a loop owns the running coroutine;
-- then it is submitted and the coroutine parks until its ticket is done. All failures of the outside world
-- are `nil, err` with err a plain table of the core (kind, message, sqlstate, ...); repo/ turns them into
-- raised objects.
local attended = require "rowan.driver.attended"
local core = require "rowan.core"
local loops = require "rowan.driver.loops"
local scheduler = require "rowan.driver.all"
local wait = require "rowan.driver.wait"

local M = {}

M.config = require "rowan.driver.config"
M.loops = loops
M.task = require "rowan.driver.task"
M.values = require "rowan.driver.values"
M.rows = require "rowan.driver.rows"

local loop_list, current_loop = loops.list, loops.current

---What the core's `open` gives (csrc/lua).
---@class rowan.core.Pool
---@field run function
---@field lease function
---@field submit function
---@field submit_lease function
---@field place function
---@field submit_place function
---@field watch fun(self, on: boolean)
---@field expired fun(self): rowan.core.Lease?
---@field gone fun(self): integer[]?
---@field stats function
---@field close function

---A connection that one transaction or stream holds.
---@class rowan.core.Lease
---@field tx fun(self): "idle"|"open"|"failed"|"unknown"
---@field release fun(self): boolean
---@field discard fun(self)
---@field id fun(self): integer
---@field fate fun(self): string?
---@field clear fun(self): boolean
---@field connect function
---@field submit_connect function

---@class rowan.driver.Handle
---@field driver "postgres"|"sqlite"
---@field label string names the database in messages, without secrets
---@field pool rowan.core.Pool for driver alone, as are the next ones
---@field private run function pool.run; every statement takes it, and the method `query`, so that both are fields
---@field private timeout_ms integer|nil
---@field config rowan.driver.Config
---@field attended boolean the keeper is to be asked about connections
---@field keeper rowan.driver.Keeper|nil
---@field stops table<rowan.core.Lease, number> deadlines of calls that have that lease
local Handle = {}
Handle.__index = Handle
Handle.__name = "rowan.driver.Handle"

--- Makes a handle; no connection is opened before it is needed.
---@param config rowan.driver.Config as driver.config.read gives it
---@return rowan.driver.Handle|nil handle
---@return table|nil err
function M.open(config)
  local pool_options = config.pool
  local pool, err = core.open {
    driver = config.driver,
    settings = config.settings,
    connect_timeout_ms = config.connect_timeout_ms,
    busy_timeout_ms = config.busy_timeout_ms,
    statement_cache = config.statement_cache,
    max = pool_options.max,
    min = pool_options.min,
    acquire_timeout_ms = pool_options.acquire_timeout_ms,
    idle_timeout_ms = pool_options.idle_timeout_ms,
    lifetime_ms = pool_options.lifetime_ms,
  }
  if not pool then return nil, err end
  return setmetatable({
    driver = config.driver,
    label = config.label,
    pool = pool,
    run = pool.run,
    query = Handle.query,
    timeout_ms = config.query_timeout_ms,
    config = config,
    attended = false,
  }, Handle)
end

--- From here on the keeper is asked about connections, or no longer. Those that are there stay as they are.
---@param keeper rowan.driver.Keeper|nil
function Handle:attend(keeper)
  self.attended = keeper ~= nil
  self.keeper = keeper or self.keeper -- calls that are under way go on with it
  self.stops = self.stops or setmetatable({}, { __mode = "k" })
  self.pool:watch(self.attended)
end

--- Runs one statement and gives its rows.
---@async
---@param statement userdata made by driver.statement
---@param params table|nil values at 1..n; nil and null are NULL
---@param n integer how many
---@param lease rowan.core.Lease|nil the connection of a transaction; otherwise one of the pool
---@param template table|nil rows become instances with copies of this metatable; nil: plain tables
---@param single boolean|nil give the first row, or false, instead of a list
---@param timeout_ms integer|nil ends the call; default is the database's queryTimeout
---@return table|boolean|nil rows `true` when the statement has no result columns, nil on failure
---@return integer|table|nil affected rows changed, nil for a SELECT; the error on failure
---@return integer|nil last_id SQLite's last inserted rowid
function Handle:query(statement, params, n, lease, template, single, timeout_ms)
  local loop = loop_list[1] and current_loop()
  timeout_ms = timeout_ms or self.timeout_ms
  if self.attended then
    if not lease then
      return attended.hold(self, statement, timeout_ms, function(held)
        return self:query(statement, params, n, held, template, single, timeout_ms)
      end)
    end
    timeout_ms = attended.bounded(self, lease, timeout_ms)
  end
  if not loop then
    local rows, affected, last_id = self.run(self.pool, statement, params, n, lease, template, timeout_ms, single)
    if rows == nil and wait.can_collect(affected) then
      return self.run(self.pool, statement, params, n, lease, template, timeout_ms, single)
    end
    return rows, affected, last_id
  end
  local ticket, err = self.pool:submit(statement, params, n, lease, timeout_ms)
  if not ticket then return nil, err end
  loop.park(ticket)
  return ticket:take(template, single)
end

--- Calls fn(lease) with a connection for one statement, where somebody attends them; else fn(nil).
---@async
---@param statement userdata
---@param fn fun(lease: userdata|nil): ...
---@return any ... what fn returned; or nil and the error when there is no connection
function Handle:holding(statement, fn)
  if not self.attended then return fn(nil) end
  return attended.hold(self, statement, self.timeout_ms, fn)
end

--- Takes a connection out of the pool for several statements. Its owner calls handle:give_back(lease, clean).
---@async
---@param timeout_ms integer|nil default is the pool's acquire timeout
---@param read_only boolean|nil what it is wanted for, for hooks
---@return rowan.core.Lease|nil lease
---@return any err
function Handle:lease(timeout_ms, read_only)
  if self.attended then return attended.lease(self, timeout_ms, { type = read_only and "read" or "write" }) end
  return wait.lease(self.pool, timeout_ms)
end

--- Gives a leased connection back. One that is not as it was before, or of which nobody knows how it is, is closed.
---@async
---@param lease rowan.core.Lease
---@param clean boolean false: it was not made what it was
function Handle:give_back(lease, clean)
  if self.attended then return attended.give_back(self, lease, clean) end
  if not clean or not lease:release() then lease:discard() end
end

--- The pool's counters: max, min, total, idle, inUse, waiting.
---@return table
function Handle:stats()
  return self.pool:stats()
end

--- Closes what is idle now and what is in use when it comes back. A second call does nothing.
function Handle:close()
  if self.attended then return attended.close(self) end
  self.pool:close()
end

--- Describes a statement once, to be run many times: core.statement(text, codes, columns, script, loads, names, known,
--- role, cursor, fetch). With `names` its parameters are fields of one table instead of items 1..n; lists, of which there
--- must then be nothing else, are the fields of every table in a sequence. Without `columns`, `loads` says how values are
--- read by their code ("j"; "ai" for arrays of "i"), and `known` how columns of some names are: name -> { key, code,
--- scale, load }. The role (csrc/driver/driver.h) says what it is to its connection: "once", or a step of reading by a
--- cursor ("open", "fetch", "close") or of COPY ("copy", "rows", "copy_end", "copy_abort").
---@type fun(text: string, codes: string, columns: table[]|nil, script: boolean|nil, loads: table|nil, names: string[]|nil, ...: any): userdata
M.statement = core.statement

--- Runs functions side by side: see driver/all.
M.all = scheduler.all

--- How many submitted statements have not ended, in the whole process. For leak checks.
---@return integer
function M.inflight()
  return core.inflight()
end

--- Lets what is under way go on for at most `ms`, for callers that abandoned it and now wait for its end.
---@param ms integer
function M.drain(ms)
  local stop = core.monotonic() + ms
  while core.inflight() > 0 and core.monotonic() < stop do
    core.wait(10)
    core.process()
  end
end

return M
