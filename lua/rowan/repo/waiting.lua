--- What waits for the end of a transaction: functions of afterCommit and its like, and what its savepoints hand on. Part of
--- repo/transaction.

local written = require("rowan.repo.written")

local waiting = {}

---What most transactions have of options, savepoints and functions that wait for their end; never filled.
waiting.NONE = {}

---Adds the items of a list to another.
---@param list any[]
---@param more any[]
function waiting.append(list, more)
  for _, item in ipairs(more) do list[#list + 1] = item end
end

---A transaction's own list of what waits for its end.
---@param self rowan.Transaction
---@return { on: string, fn: function }[]
function waiting.of(self)
  if self.after == waiting.NONE then self.after = {} end
  return self.after
end

---Calls what waited for this end, all of it; the first error is raised at last.
---@param self rowan.Transaction
---@param list { on: string, fn: function }[]
---@param how "commit"|"rollback"
function waiting.call(self, list, how)
  if list[1] == nil then return end
  local failed, problem = false, nil
  for _, one in ipairs(list) do
    if one.on == how or one.on == "end" then
      local ok, err = pcall(one.fn, self)
      if not ok and not failed then failed, problem = true, err end
    end
  end
  if failed then error(problem, 0) end
end

---Savepoints are a stack in the database: with one end all that were set behind it, whoever holds them. What waits for the
---end of one that was kept waits for that of the transaction around it; what waited for the others' is returned.
---@param root rowan.Transaction
---@param from integer the depth of the first
---@param how "commit"|"rollback"
---@return { on: string, fn: function }[]
function waiting.end_savepoints(root, from, how)
  local open, ended = root.savepoints, {}
  for i = #open, from, -1 do
    local inner = open[i]
    open[i] = nil
    inner.finished = how
    if how == "commit" then
      written.keep(inner, inner.parent)
      if inner.after[1] then waiting.append(waiting.of(inner.parent), inner.after) end
    else
      written.undo(inner)
      waiting.append(ended, inner.after)
    end
  end
  return ended
end

return waiting
