--- Writing many rows: bulkCreate by list parameters, UPDATE and DELETE by condition.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local collect = require("rowan.change.collect")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local write = require("rowan.repo.write")
local write_plan = require("rowan.query.write")

local bulk = {}

---@class rowan.BulkGroup rows with the same set of attributes, in the caller's order
---@field attrs table[]
---@field lists table[] one a column; `n` is its length
---@field rows table[]
---@field params any[][]

local function group_rows(def, instances)
  local groups, by_key = {}, {}
  for i, row in ipairs(instances) do
    local ok, params, n, key, attrs = pcall(collect.insert, def, row)
    if not ok then
      if errors.is(params, "ValidationError") then params.message = ("row %d: %s"):format(i, params.message) end
      error(params, 0)
    end
    local group = by_key[key]
    if not group then
      group = { attrs = attrs, lists = {}, rows = {}, params = {}, key = key }
      for c = 1, n do group.lists[c] = {} end
      by_key[key] = group
      groups[#groups + 1] = group
    end
    local at = #group.rows + 1
    group.rows[at], group.params[at] = row, params
    for c = 1, n do group.lists[c][at] = params[c] end
  end
  return groups
end

local function insert_group(model, group, options)
  local def, db = model.definition, model.db
  local kept = plans.of(model).insert_many
  local plan = kept[group.key]
  if not plan then
    plan = write_plan.insert_many(def, group.attrs, db._dialect)
    plan.model = model
    kept[group.key] = plan
  end
  for _, list in ipairs(group.lists) do list.n = #group.rows end
  local made, affected = run.plan(db, plan, group.lists, #group.lists, options)
  if affected ~= #group.rows or (plan.columns and #made ~= #group.rows) then
    errors.raise("DatabaseError", {
      message = ("%s:bulkCreate: %d rows were sent and %s came back"):format(def.name, #group.rows, tostring(affected)),
      sql = plan.text,
    })
  end
  return plan.columns and made
end

local function adopt_group(model, group)
  for i, row in ipairs(group.rows) do
    for name, value in next, group.made and group.made[i] or {} do row[name] = value end
    write.adopt(model, row, group.attrs, group.params[i])
  end
end

-- A row without a single value (all defaults) has no list to be in.
local function insert_plain(model, group, options)
  for _, row in ipairs(group.rows) do write.insert(model, row, options) end
end

---INSERTs new instances: one statement for each set of attributes that occurs, all or none.
---@async
---@param model table
---@param instances table[]
---@param options? table
---@return table[] instances
function bulk.insert(model, instances, options)
  local def = model.definition
  local now = (def.created or def.updated) and build.now() or nil
  for _, row in ipairs(instances) do build.stamp_new(def, row, now) end
  local groups = group_rows(def, instances)
  local function insert_all()
    for _, group in ipairs(groups) do
      if #group.attrs == 0 then
        insert_plain(model, group, options)
      else
        group.made = insert_group(model, group, options)
      end
    end
  end
  if #groups > 1 or (groups[1] and #groups[1].attrs == 0 and #groups[1].rows > 1) then
    transaction.around(model.db, options, insert_all)
  else
    insert_all()
  end
  for _, group in ipairs(groups) do
    if #group.attrs > 0 then adopt_group(model, group) end
  end
  return instances
end

---A bulk write must say which rows it means: `where`, or rowan.all for every row.
---@param model table
---@param options? table
---@param context string
function bulk.check_where(model, options, context)
  local condition = options and options.where
  if condition == nil then
    errors.raise("QueryError", {
      message = ("%s: there is no where; write where = rowan.all to mean every row of %s"):format(context, model.name),
    })
  end
end

local function refuse_empty(model, condition, conditions, context)
  if conditions == 0 and condition ~= everything then
    errors.raise("QueryError", {
      message = ("%s: the where is empty; write where = rowan.all to mean every row of %s"):format(context, model.name),
    })
  end
end

-- The changes of a bulk UPDATE in the order of the definition.
local function changes_of(model, given, silent, context)
  local def = model.definition
  local list, failures = {}, nil
  for name in next, given do
    if not def.by_name[name] then build.unknown(def, name, context) end
  end
  for _, attr in ipairs(def.list) do
    local value = given[attr.name]
    if value == nil and attr == def.updated and not silent and next(given) ~= nil then value = build.now() end
    if expression.is(value) then
      list[#list + 1] = { attr = attr, expression = value }
    elseif value ~= nil then
      local bound
      bound, failures = cast.bind({}, attr, value, failures)
      list[#list + 1] = { attr = attr, bound = bound == nil and null or bound }
    end
  end
  cast.check(def, failures)
  return list
end

---UPDATEs the rows that match.
---@async
---@param model table
---@param given table values by attribute
---@param options table
---@param context string
---@return integer affected
---@return table[]? rows with `returning`
function bulk.update(model, given, options, context)
  bulk.check_where(model, options, context)
  local def, db = model.definition, model.db
  local changes = changes_of(model, given, options.silent, context)
  local key, params, count, conditions = write_plan.update_shape(def, changes, options.where, options.returning)
  refuse_empty(model, options.where, conditions, context)
  if #changes == 0 then return 0, options.returning and {} or nil end
  local plan = db._plans:get(key)
  if not plan then
    plan = write_plan.update(def, changes, options.where, options.returning, db._dialect)
    plan.model = model
    db._plans:put(key, plan)
  end
  local template = options.returning and model._template or nil
  local rows, affected = run.plan(db, plan, params, count, options, template)
  return affected, options.returning and rows or nil
end

---DELETEs the rows that match.
---@async
---@param model table
---@param options table
---@param context string
---@return integer affected
function bulk.delete(model, options, context)
  bulk.check_where(model, options, context)
  local db = model.db
  local key, params, count, conditions = write_plan.delete_shape(model.definition, options.where)
  refuse_empty(model, options.where, conditions, context)
  local plan = db._plans:get(key)
  if not plan then
    plan = write_plan.delete_where(model.definition, options.where, db._dialect)
    plan.model = model
    db._plans:put(key, plan)
  end
  local _, affected = run.plan(db, plan, params, count, options)
  return affected
end

return bulk
