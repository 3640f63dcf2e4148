-- Connections that somebody attends: who is asked before one is made, handed out or closed, and told behind it. Called by
-- driver/init for a handle with a keeper (repo/connections); a handle without one leaves all of this to the core.
--
-- The queue and the places stay the core's: a caller waits there for a place, which is a connection as it was found or room
-- for one, and what is to be done with it is done here, by that caller. So nobody waits for anybody's hooks but those of who
-- holds a place.
local config = require "rowan.driver.config"
local core = require "rowan.core"
local wait = require "rowan.driver.wait"

local M = {}

---@class rowan.driver.Keeper
---@field check fun(self) raises when a connection may not be asked for here
---@field acquiring fun(self, options: table)
---@field acquired fun(self, lease: rowan.core.Lease, options: table)
---@field connecting fun(self, config: table)
---@field connected fun(self, lease: rowan.core.Lease, config: table)
---@field closing fun(self, lease: rowan.core.Lease, id: number) never raises, nor do those below
---@field closed fun(self, id: number)
---@field lost fun(self, id: number) it was closed already

local function deadline(timeout_ms)
  return timeout_ms and core.monotonic() + timeout_ms
end

-- What is left until a deadline, for the core: at least something, because nothing would be for ever.
local function left(stop)
  return stop and math.max(1, math.ceil(stop - core.monotonic()))
end

local function let_go(lease)
  if not lease:release() then lease:discard() end
end

-- Closes the session; its place is the lease's still. One with a statement under way is closed by the core when that ends,
-- which tells of it then.
local function clear(self, lease)
  local id = lease:id()
  self.keeper:closing(lease, id)
  if not lease:clear() then return false end
  self.keeper:closed(id)
  return true
end

local function close(self, lease)
  clear(self, lease)
  lease:discard()
end

-- Tells of what the core had to close, and closes what was idle or lived for too long.
local function sweep(self)
  local ids = self.pool:gone()
  while ids do
    for i = 1, #ids do self.keeper:lost(ids[i]) end
    ids = self.pool:gone()
  end
  local lease = self.pool:expired()
  while lease do
    close(self, lease)
    lease = self.pool:expired()
  end
end

-- Fills a vacant place: nil, or why it cannot be (or raises what a hook raised).
local function open(self, lease, stop)
  local given = config.unfold(self.config)
  self.keeper:connecting(given)
  local settings = config.fold(self.config, given)
  local connected, err = wait.connect(lease, settings, left(stop))
  if not connected then return err end
  self.keeper:connected(lease, given)
  return nil
end

-- Makes sure that there is a connection which can be used, in the place that the lease holds.
local function fill(self, lease, stop)
  if lease:fate() == "close" and not clear(self, lease) then
    lease:discard()
    return { kind = "lost", message = "the connection was lost" }
  end
  if lease:fate() ~= "vacant" then return nil end
  local ok, err = pcall(open, self, lease, stop)
  if ok and err == nil then return nil end
  if lease:fate() == "vacant" then let_go(lease) else close(self, lease) end
  if not ok then error(err, 0) end
  return err
end

local function hand_out(self, lease, options)
  local ok, err = pcall(self.keeper.acquired, self.keeper, lease, options)
  if ok then return end
  M.give_back(self, lease, true)
  error(err, 0)
end

--- Takes a connection out of the pool.
---@async
---@param self rowan.driver.Handle
---@param timeout_ms integer|nil
---@param options table what it is wanted for: type = "read" or "write"
---@return rowan.core.Lease|nil lease
---@return table|number|nil err or the deadline
function M.lease(self, timeout_ms, options)
  self.keeper:check()
  local stop = deadline(timeout_ms)
  self.keeper:acquiring(options)
  sweep(self)
  local lease, err = wait.place(self.pool, left(stop))
  if not lease then return nil, err end
  self.stops[lease] = stop -- for the hooks
  err = fill(self, lease, stop)
  if err then return nil, err end
  hand_out(self, lease, options)
  self.stops[lease] = nil
  return lease, stop
end

--- Gives a connection back; closes it when it cannot be used any more, or `clean` says that it should not be.
---@async
---@param self rowan.driver.Handle
---@param lease rowan.core.Lease
---@param clean boolean
function M.give_back(self, lease, clean)
  local fate = lease:fate()
  if fate == "close" or fate == "keep" and not clean then close(self, lease) else let_go(lease) end
  sweep(self)
end

local function finish(self, lease, ok, ...)
  self.stops[lease] = nil
  self:give_back(lease, true)
  if not ok then error((...), 0) end
  return ...
end

local function purpose(statement)
  return statement:text():find("^%s*[Ss][Ee][Ll][Ee][Cc][Tt]%s") and "read" or "write"
end

--- Calls fn(lease) with a connection for one statement, which is given back behind it.
---@async
---@param self rowan.driver.Handle
---@param statement userdata
---@param timeout_ms integer|nil for all of it
---@param fn fun(lease: rowan.core.Lease): ...
---@return any ... what fn returned; or nil and the error when there is no connection
function M.hold(self, statement, timeout_ms, fn)
  local lease, stop = M.lease(self, timeout_ms, { type = purpose(statement) })
  if not lease then return nil, stop end
  self.stops[lease] = stop
  return finish(self, lease, pcall(fn, lease))
end

--- How long a statement may take: not longer than the call that it, or its hook, belongs to.
---@param self rowan.driver.Handle
---@param lease rowan.core.Lease
---@param timeout_ms integer|nil
---@return integer|nil
function M.bounded(self, lease, timeout_ms)
  local rest = left(self.stops[lease])
  if rest and (not timeout_ms or rest < timeout_ms) then return rest end
  return timeout_ms
end

--- Closes the pool: what is idle now, the rest when it comes back.
---@async
---@param self rowan.driver.Handle
function M.close(self)
  self.pool:close()
  sweep(self)
end

return M
