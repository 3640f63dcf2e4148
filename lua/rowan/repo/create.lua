--- Making and storing rows out of tables of values: Model:create, Model:bulkCreate, and the create methods of
--- associations.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local nested = require("rowan.repo.nested")
local save = require("rowan.repo.save")
local write = require("rowan.repo.write")

local create = {}

---@async
---@param model table
---@param values? table<string, any>
---@param options? table include, transaction, logging
---@param context? string "User:create" when not given
---@return table instance
function create.one(model, values, options, context)
  values = values or {}
  local watched = model.definition.watched
  if not watched and (not options or options.include == nil) then
    local row, key = build.ready(model, values)
    if row then return write.ready(model, row, row, key, options) end
  end
  context = context or model.name .. ":create"
  if options and options.include ~= nil then return nested.create(model, { values }, options, context, true)[1] end
  local row = build.instance(model, values, context)
  if watched then return save.row(model, row, options) end
  return write.insert(model, row, options)
end

---@async
---@param model table
---@param list table<string, any>[]
---@param options? table include, transaction, logging
---@param context string
---@return table[] instances in the order of the list
function create.many(model, list, options, context)
  if options and options.include ~= nil then return nested.create(model, list, options, context) end
  local watched = model.definition.watched
  if not watched then
    local ready, keys, groups = build.ready_all(model, list)
    if ready then return bulk.ready(model, ready, keys, groups, options) end
  end
  local instances = {}
  for i = 1, #list do
    instances[i] = build.instance(model, list[i], context, i)
  end
  if not watched then return bulk.insert(model, instances, options) end
  bulk_life.create(model, instances, options, function(rows, call) bulk.insert(model, rows, call) end)
  return instances
end

return create
