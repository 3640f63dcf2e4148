--- How the methods of associations change and delete rows: as the bulk calls of the model do, with their hooks and with what
--- plugins wrap around them. Called by repo/link_foreign and repo/link_through.

local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local link = require("rowan.repo.link")

local link_rows = {}

-- That a method of an association writes many rows at once is no news to its caller.
local function quiet(model, options)
  if not model.definition.watched then return options end
  return link.with(options, { quiet = true })
end

---UPDATEs the rows under a condition.
---@async
---@param model table
---@param values table<string, any>
---@param options table where, silent, transaction ...
---@param context string
---@return integer affected
function link_rows.change(model, values, options, context)
  if not model.definition.watched then return (bulk.update(model, values, options, context)) end
  return (bulk_life.update(model, values, quiet(model, options), context))
end

---DELETEs the rows under a condition, or what its plugins make of that.
---@async
---@param model table
---@param options table where, force, transaction ...
---@param context string
---@return integer affected
function link_rows.remove(model, options, context)
  if not model.definition.watched then return bulk.delete(model, options, context) end
  return bulk_life.destroy(model, quiet(model, options), context)
end

---UPDATEs the rows with these keys that meet a condition.
---@async
---@param model table
---@param attrs table[] that the keys are of
---@param keys any[][]
---@param base any condition, or nil
---@param values table<string, any>
---@param options table
---@param context string
---@return integer affected
function link_rows.update(model, attrs, keys, base, values, options, context)
  if #keys == 0 then return 0 end
  local finder = link.with(options, { where = link.all_of(base, link.one_of(attrs, keys)), silent = true })
  return link_rows.change(model, values, finder, context)
end

---DELETEs the rows with these keys that meet a condition.
---@async
---@param model table
---@param attrs table[]
---@param keys any[][]
---@param base any
---@param options table
---@param context string
---@return integer affected
function link_rows.delete(model, attrs, keys, base, options, context)
  if #keys == 0 then return 0 end
  return link_rows.remove(model, link.with(options, { where = link.all_of(base, link.one_of(attrs, keys)) }), context)
end

return link_rows
