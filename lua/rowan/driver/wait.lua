-- Asking the core for what may take its time: straight through, or by a ticket when a loop owns the running coroutine.
-- Called by driver/init and driver/attended.
local loops = require "rowan.driver.loops"

local M = {}

local current_loop = loops.current

--- Connections may be held by what nobody can reach any more, such as a stream that a loop was left from: then they are
--- free once it is collected. Nothing was sent yet, so it can be tried again.
---@param err table
---@return boolean
function M.can_collect(err)
  if err.kind ~= "acquire" then return false end
  collectgarbage()
  collectgarbage()
  return true
end

local function by_ticket(loop, ticket, err)
  if not ticket then return nil, err end
  loop.park(ticket)
  return ticket:take()
end

--- A connection out of the pool.
---@async
---@param pool rowan.core.Pool
---@param timeout_ms integer|nil
---@return rowan.core.Lease|nil lease
---@return table|nil err
function M.lease(pool, timeout_ms)
  local loop = current_loop()
  if loop then return by_ticket(loop, pool:submit_lease(timeout_ms)) end
  local lease, err = pool:lease(timeout_ms)
  if lease == nil and M.can_collect(err) then return pool:lease(timeout_ms) end
  return lease, err
end

--- A connection out of the pool as it was found, or the place for one.
---@async
---@param pool rowan.core.Pool
---@param timeout_ms integer|nil
---@return rowan.core.Lease|nil lease
---@return table|nil err
function M.place(pool, timeout_ms)
  local loop = current_loop()
  if loop then return by_ticket(loop, pool:submit_place(timeout_ms)) end
  local lease, err = pool:place(timeout_ms)
  if lease == nil and M.can_collect(err) then return pool:place(timeout_ms) end
  return lease, err
end

--- Makes a connection in such a place.
---@async
---@param lease rowan.core.Lease
---@param settings rowan.driver.Settings
---@param timeout_ms integer|nil
---@return boolean|nil connected
---@return table|nil err
function M.connect(lease, settings, timeout_ms)
  local loop = current_loop()
  if loop then return by_ticket(loop, lease:submit_connect(settings, timeout_ms)) end
  return lease:connect(settings, timeout_ms)
end

return M
