--- The short fixed statements that steer a session, in one place. The dialect makes those that differ.

local control = {
  commit = "COMMIT",
  rollback = "ROLLBACK",
  ping = "SELECT 1 AS result",
  search_path = "SELECT current_setting('search_path') AS path",
  -- Until the transaction ends.
  set_search_path = "SELECT set_config('search_path', $1, true)",
  -- For logs: the core knows what to do.
  copy_end = "COPY END",
  copy_abort = "COPY ABORT",
}

---How many rows a table has, counted up to a number of them.
---@param source string the table, quoted
---@param placeholder string of the number
---@return string
function control.count_some(source, placeholder)
  return "SELECT COUNT(*) AS n FROM (SELECT 1 FROM " .. source .. " LIMIT " .. placeholder .. ") AS rowan_counted"
end

---A savepoint's three statements. The name is made by rowan, never by a user.
---@param number integer
---@return { set: string, release: string, rollback: string }
function control.savepoint(number)
  local name = '"rowan_' .. number .. '"'
  return {
    set = "SAVEPOINT " .. name,
    release = "RELEASE SAVEPOINT " .. name,
    rollback = "ROLLBACK TO SAVEPOINT " .. name,
  }
end

---When constraints that may wait are looked at in the transaction: each of them, or those named.
---@param dialect rowan.Dialect
---@param checking "DEFERRED"|"IMMEDIATE"
---@param names? string[]
---@return string
function control.defer_constraints(dialect, checking, names)
  if not dialect.supports.functions then
    return "PRAGMA defer_foreign_keys = " .. (checking == "DEFERRED" and 1 or 0)
  end
  local list = {}
  for i, name in ipairs(names or {}) do list[i] = dialect.quote(name) end
  return ("SET CONSTRAINTS %s %s"):format(list[1] and table.concat(list, ", ") or "ALL", checking)
end

return control
