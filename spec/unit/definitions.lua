-- What the specs of definitions start from: definitions without a database, and what is said of wrong ones.
local builtin_plugins = require "spec.builtin_plugins"
local definition = require "rowan.schema.definition"
local dialect = require "rowan.dialect"
local errors = require "rowan.base.errors"

local M = {}

-- Stands for any SQL expression.
M.expression = setmetatable({}, { __name = "an expression" })

--- A definition for PostgreSQL, or with `more` as its context.
function M.define(name, attributes, options, more)
  local context = {
    dialect = dialect.get("postgres"), is_expression = function(v) return v == M.expression end, plugins = builtin_plugins,
  }
  for key, value in pairs(more or {}) do context[key] = value end
  return definition.new(name, attributes, options, context)
end

function M.on_sqlite(name, attributes, options)
  return M.define(name, attributes, options, { dialect = dialect.get("sqlite") })
end

--- What the DefinitionError says that a function raises.
function M.message_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "expected a DefinitionError, but there was none")
  assert(errors.is(err, "DefinitionError"), tostring(err))
  return err.message
end

--- A definition that is refused with a message that contains `expected`.
function M.refused(expected, ...)
  local message = M.message_of(M.define, ...)
  assert(message:find(expected, 1, true), ("%q is not in %q"):format(expected, message))
end

--- The names of attributes in their order.
function M.names(list)
  local all = {}
  for i, attr in ipairs(list) do all[i] = attr.name end
  return table.concat(all, " ")
end

return M
