-- The scheduler behind rowan.all: coroutines around the core's one fd. Called by driver/init.
--
-- One scheduler serves the whole Lua state. `all` outside of a task runs it until its own group has stopped;
-- `all` inside a task only parks that task, so nesting costs no C stack. A task is known by its coroutine: a
-- coroutine of the user's own inside a task is not one, cannot park (its resumer would get our yield) and
-- blocks instead.
local core = require "rowan.core"
local argument = require "rowan.base.check"
local errors = require "rowan.base.errors"
local loops = require "rowan.driver.loops"
local started = require("rowan.driver.task").started

local M = {}

-- Ids may be reported to another Lua state of this thread; after so long without one, every ticket is asked
-- itself.
local SWEEP_MS = 1000

local PARKED = {} -- what a waiting task yields; anything else was meant for somebody else

local running, resume, status, yield = coroutine.running, coroutine.resume, coroutine.status, coroutine.yield
local is_yieldable = coroutine.isyieldable or function() return true end

---@class rowan.driver.Task
---@field co thread
---@field group table { results, pending, failed, failure, waiter }
---@field index integer place in the group's results
---@field ticket userdata|nil what it is parked on

local tasks = {}   -- coroutine -> task, for as long as it has not stopped
local task_count = 0
local parked = {}  -- ticket id -> task
local ready, first, last = {}, 1, 0 -- FIFO of tasks to resume

local function push(task)
  last = last + 1
  ready[last] = task
end

local function pop()
  if first > last then return nil end
  local task = ready[first]
  ready[first] = nil
  first = first + 1
  return task
end

-- The pcall lies inside the coroutine so that an error unwinds it there: <close> variables may still wait.
local function body(fn)
  return pcall(fn)
end

local function finish(task, ok, value)
  local group = task.group
  tasks[task.co] = nil
  task_count = task_count - 1
  if task_count == 0 then loops.remove(M.loop) end
  if ok then
    group.results[task.index] = value
  elseif not group.failed then
    group.failed, group.failure = true, value
  end
  group.pending = group.pending - 1
  if group.pending == 0 and group.waiter then push(group.waiter) end
end

local function stray_yield(task)
  if coroutine.close then coroutine.close(task.co) end -- Lua 5.4: its <close> variables
  return errors.new("UsageError", {
    message = "function " .. task.index .. " of rowan.all yielded; only rowan's own calls can wait there",
  })
end

local function step(task)
  local fn = task.fn
  task.fn = nil
  local alive, a, b = resume(task.co, fn)
  if status(task.co) == "dead" then
    if alive then finish(task, a, b) else finish(task, false, a) end
  elseif a ~= PARKED then
    finish(task, false, stray_yield(task))
  end
end

local function wake(id)
  local task = parked[id]
  if not task then return false end
  parked[id], task.ticket = nil, nil
  push(task)
  return true
end

local function dispatch()
  local ids, woken = core.process(), false
  for i = 1, #ids do
    if wake(ids[i]) then woken = true end
  end
  return woken
end

local function sweep()
  local done = {}
  for id, task in pairs(parked) do
    if task.ticket:done() then done[#done + 1] = id end
  end
  table.sort(done)
  for i = 1, #done do wake(done[i]) end
end

local function poll()
  if dispatch() then return end
  if next(parked) == nil then error("rowan.all: tasks are left, but none of them waits for anything") end
  core.wait(SWEEP_MS)
  if not dispatch() then sweep() end
end

local function run(group)
  while group.pending > 0 do
    local task = pop()
    if task then step(task) else poll() end
  end
end

local function current_task()
  local co = running()
  local task = co and tasks[co]
  if task and is_yieldable() then return task end
  return nil
end

-- One of the loops for as long as there are tasks: who has none is spared the question.
---@type rowan.driver.Loop
M.loop = {
  name = "rowan.all",
  can_park = function() return current_task() ~= nil end,
  park = function(ticket)
    if ticket:done() then return end
    local task = tasks[running()]
    task.ticket = ticket
    parked[ticket:id()] = task
    yield(PARKED)
  end,
}

local function refuse(message)
  errors.raise("UsageError", { message = "rowan.all " .. message })
end

local function check(functions)
  if type(functions) ~= "table" then
    refuse("expects a list of functions, got a " .. type(functions))
  end
  local count = argument.sequence(functions)
  if not count then refuse("expects a list of functions without holes or other keys") end
  for i = 1, count do
    if type(functions[i]) ~= "function" then
      refuse("expects functions, entry " .. i .. " is a " .. type(functions[i]))
    end
  end
  return count
end

--- Runs functions side by side, each in its own coroutine, and waits until all have stopped.
---@async
---@param functions (fun(): any)[] a list without holes
---@return any[] results the first result of each, in the order of the list
--- Raises the first error that happened, unchanged, once all have stopped.
function M.all(functions)
  local count = check(functions)
  local group = { results = {}, pending = count }
  if count == 0 then return group.results end
  loops.add(M.loop)
  for i = 1, count do
    local co = coroutine.create(body)
    local task = { co = co, group = group, index = i, fn = functions[i] }
    tasks[co] = task
    started(co)
    task_count = task_count + 1
    push(task)
  end
  local caller = current_task()
  if caller then
    group.waiter = caller
    yield(PARKED)
  else
    run(group)
  end
  if group.failed then error(group.failure, 0) end
  return group.results
end

return M
