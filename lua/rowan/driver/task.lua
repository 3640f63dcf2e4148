-- Who is running: the key under which repo/ keeps "the current transaction". Called by repo/ and by the loops
-- here.
local M = {}

--- Stands for the main thread, which has no coroutine on LuaJIT.
M.MAIN = setmetatable({}, { __tostring = function() return "main thread" end })

local running = coroutine.running

--- The coroutine that is running, or `task.MAIN` outside of any.
---@return thread|table key fit for a table with weak keys
function M.current()
  local co, is_main = running()
  if co == nil or is_main then return M.MAIN end
  return co
end

return M
