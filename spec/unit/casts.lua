-- What the specs of types start from: values that a cast takes, in what form, and those that it refuses, by what rule.
local assert = require "luassert"
local errors = require "rowan.base.errors"

local M = {}

function M.accepts(type_of, value, canonical)
  local got, rule = type_of.cast(value)
  assert.is_nil(rule)
  assert.equal(canonical, got)
  return got
end

function M.refuses(type_of, value, rule)
  local got, given = type_of.cast(value)
  assert.is_nil(got)
  assert.equal(rule, given)
end

--- What the DefinitionError says that a function raises.
function M.definition_error(fn)
  local ok, err = pcall(fn)
  assert.is_false(ok)
  assert.is_true(errors.is(err, "DefinitionError"))
  return err.message
end

return M
