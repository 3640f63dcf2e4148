--- The hooks of connections: what runs around acquiring, connecting and disconnecting, and the connections that they get.
--- Called by database.lua, which tells when there are such hooks, and by driver/attended, whose keeper this is.

local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local hooks = require("rowan.change.hooks")
local raw = require("rowan.repo.raw")
local run = require("rowan.repo.run")

local connections = {}

local current_task, waiting_for = driver.task.current, driver.task.waiting_for

---One connection to the database, as hooks get it: the same table for as long as it is open. Fields of one's own may be
---kept in it.
---@class rowan.Connection
---@field db rowan.Database
---@field number integer tells it from all others of the process
---@field package lease? rowan.core.Lease while a hook has it
---@field package ending? boolean its end has begun
local Connection = { __name = "rowan.connection" }

-- A lease is its call's, and goes with it: here it is held weakly, for a coroutine may be left inside of a hook.
local lent = setmetatable({}, { __mode = "kv" })

function Connection.__index(connection, key)
  if key == "lease" then return lent[connection] end
  return Connection[key]
end

Connection.__tostring = function(connection) return "rowan.connection: " .. connection.number end

---Runs SQL on this very connection, as db:query does; in a hook that has it, and not later.
---Raises UsageError outside of the hook that has it, and as db:query.
---
---    db:afterConnect(function(connection) connection:query("SET statement_timeout = 5000") end)   -- SET statement_timeout = 5000
---@async
---@param sql string one statement, or without values several
---@param options? rowan.QueryOptions without transaction
---@return any rows as db:query gives them
---@return any metadata
function Connection:query(sql, options)
  if not self.lease then
    errors.raise("UsageError", {
      message = "connection:query: " .. (self.ending and "the connection is lost"
        or "a hook may use its connection for as long as it runs"),
    })
  end
  local call = {}
  for key, value in pairs(options or {}) do call[key] = value end
  if call.transaction ~= nil then
    errors.raise("UsageError", { message = "connection:query: a connection has no transaction of its own" })
  end
  call.transaction = self
  return raw.query(self.db, sql, call)
end

---@class rowan.Keeper: rowan.driver.Keeper
---@field db rowan.Database
---@field known table<number, rowan.Connection> the open ones that hooks have seen, by their number
---@field inside table<any, string> the hook that a task is in
---@field failures any[]? what hooks raised while the database is being closed
local Keeper = {}
Keeper.__index = Keeper

local function wanted(self, name)
  local list = self.db._hooks.own[name]
  return list ~= nil and list[1] ~= nil
end

-- Runs the hooks of a name.
local function call(self, name, ...)
  if not wanted(self, name) then return true end
  local task = current_task()
  local before = self.inside[task]
  self.inside[task] = name
  local ok, problem = pcall(hooks.run, self.db._hooks, name, ...)
  self.inside[task] = before
  return ok, problem
end

-- The same with a connection that they can use until they end.
local function lend(self, name, connection, lease, ...)
  lent[connection] = lease
  local ok, problem = call(self, name, connection, ...)
  lent[connection] = nil
  return ok, problem
end

local function raise_unless(ok, problem)
  if not ok then error(problem, 0) end
end

-- For hooks behind which nothing can fail any more.
local function report_unless(self, name, ok, problem)
  if ok then return end
  if self.failures then
    self.failures[#self.failures + 1] = { problem }
  else
    run.warn(self.db, ("a hook %s failed: %s"):format(name, tostring(problem)))
  end
end

function Keeper:connection(number)
  local found = self.known[number]
  if not found then
    found = setmetatable({ db = self.db, number = number }, Connection)
    self.known[number] = found
  end
  return found
end

function Keeper:check()
  local task, name = current_task(), nil
  while task and not name do
    name, task = self.inside[task], waiting_for(task)
  end
  if not name then return end
  errors.raise("UsageError", {
    message = ("a hook %s cannot wait for another connection of its database; %s"):format(name,
      name == "beforeConnect" or name == "beforePoolAcquire" or name == "afterDisconnect" and "it runs without one"
        or "use connection:query"),
  })
end

function Keeper:acquiring(options) raise_unless(call(self, "beforePoolAcquire", options)) end

function Keeper:acquired(lease, options)
  if not wanted(self, "afterPoolAcquire") then return end
  raise_unless(lend(self, "afterPoolAcquire", self:connection(lease:id()), lease, options))
end

function Keeper:connecting(config) raise_unless(call(self, "beforeConnect", config)) end

function Keeper:connected(lease, config)
  raise_unless(lend(self, "afterConnect", self:connection(lease:id()), lease, config))
end

function Keeper:closing(lease, number)
  local connection = self:connection(number)
  if connection.ending then return end
  connection.ending = true
  report_unless(self, "beforeDisconnect", lend(self, "beforeDisconnect", connection, lease))
end

function Keeper:closed(number)
  local connection = self:connection(number)
  self.known[number] = nil
  report_unless(self, "afterDisconnect", call(self, "afterDisconnect", connection))
end

function Keeper:lost(number)
  if not self.known[number] then return end
  self:closing(nil, number)
  self:closed(number)
end

---Has the hooks of connections run, when a database has any.
---@param db rowan.Database
function connections.attend(db)
  local any = false
  for name in pairs(hooks.OF_CONNECTIONS) do any = any or hooks.has(db._hooks, name) end
  if not any then
    if db._keeper then db._keeper.known = {} end
    return db._handle:attend(nil)
  end
  db._keeper = db._keeper or setmetatable({
    db = db, known = {}, inside = setmetatable({}, { __mode = "k" }),
  }, Keeper)
  db._handle:attend(db._keeper)
end

---Closes a database's pool. What hooks raised meanwhile is raised once all is closed.
---@async
---@param db rowan.Database
function connections.close(db)
  local keeper = db._keeper
  if not keeper then return db._handle:close() end
  local failures = {}
  keeper.failures = failures
  local ok, problem = pcall(db._handle.close, db._handle)
  keeper.failures = nil
  if not ok then error(problem, 0) end
  if failures[1] then error(failures[1][1], 0) end
end

---Is it a connection?
---@param value any
---@return boolean
function connections.is(value)
  return type(value) == "table" and getmetatable(value) == Connection
end

return connections
