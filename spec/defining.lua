-- What the specs of `define` share: options of a model without timestamps, and definitions that are refused.
local assert = require "luassert"
local helper = require "spec.helper"
local rowan = require "rowan"

local M = {}

--- Options of a model without timestamps, and others beside.
function M.with(options)
  local all = { timestamps = false }
  for key, value in pairs(options) do all[key] = value end
  return all
end

--- A call that raises a DefinitionError whose message matches a pattern.
function M.refused(pattern, ...)
  local err = helper.error_of(...)
  assert.equal("error", rowan.kind(err), tostring(err))
  assert.equal("DefinitionError", err.name)
  assert.matches(pattern, err.message)
end

return M
