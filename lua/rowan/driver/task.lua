-- Who is running: the key under which repo/ keeps "the current transaction". Called by repo/ and by the loops
-- here.
local M = {}

--- Stands for the main thread, which has no coroutine on LuaJIT.
M.MAIN = setmetatable({}, { __tostring = function() return "main thread" end })

local running = coroutine.running

--- The coroutine that is running, or `task.MAIN` outside of any; on Lua 5.4 the main thread is one like the others.
---@return thread|table key fit for a table with weak keys
function M.current()
  return running() or M.MAIN
end

-- Asked by every statement inside a transaction.
if _VERSION ~= "Lua 5.1" then M.current = running end

-- task -> the one that waits for it.
local waiting = setmetatable({}, { __mode = "k" })

--- Notes that the running task waits for another one to end.
---@param task thread
function M.started(task)
  waiting[task] = M.current()
end

--- The task that waits for this one to end, if any.
---@param task thread|table
---@return thread|table|nil
function M.waiting_for(task)
  return waiting[task]
end

return M
