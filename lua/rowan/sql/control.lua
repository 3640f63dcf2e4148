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

return control
