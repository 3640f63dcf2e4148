--- Dialects by name. A dialect is data and small pure functions: how to quote, what is supported, the names of types,
--- the texts that steer a transaction, and the visitors of sql/compile that it overrides.

local errors = require("rowan.base.errors")

local dialect = {}

-- Most programs use one.
local dialects = {
  postgres = function() return require("rowan.dialect.postgres") end,
  sqlite = function() return require("rowan.dialect.sqlite") end,
}

---The dialect called `name`.
---@param name "postgres"|"sqlite"
---@return rowan.Dialect
function dialect.get(name)
  local found = dialects[name]
  if not found then
    errors.raise("UsageError", { message = ("there is no dialect %q; known: postgres, sqlite"):format(tostring(name)) })
  end
  return found()
end

return dialect
