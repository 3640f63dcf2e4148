-- The event loops that may own the running coroutine. driver/init asks before it submits a statement, never
-- after: a statement that is under way cannot be taken back when its caller turns out to be unable to wait.
local M = {}

---@class rowan.driver.Loop
---@field name string
---@field can_park fun(): boolean whether the running coroutine may yield to this loop right now
---@field park fun(ticket: userdata) yields until the ticket is done; the deadline is the ticket's own

local loops = {}

--- The loops there are, in the order in which they are asked; driver/init looks whether there is any before it asks.
---@type rowan.driver.Loop[]
M.list = loops

--- Adds a loop, to be asked after those that are there already. Adding one a second time does nothing.
---@param loop rowan.driver.Loop
function M.add(loop)
  for i = 1, #loops do
    if loops[i] == loop then return end
  end
  loops[#loops + 1] = loop
end

--- Removes a loop; nothing happens when it is not there.
---@param loop rowan.driver.Loop
function M.remove(loop)
  for i = #loops, 1, -1 do
    if loops[i] == loop then table.remove(loops, i) end
  end
end

--- The loop that owns the running coroutine, or nil when the caller has to block.
---@return rowan.driver.Loop|nil
function M.current()
  for i = 1, #loops do
    local loop = loops[i]
    if loop.can_park() then return loop end
  end
  return nil
end

return M
