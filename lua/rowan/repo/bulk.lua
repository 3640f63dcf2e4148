--- Writing many rows: bulkCreate by list parameters, UPDATE and DELETE by condition.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local collect = require("rowan.change.collect")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local filter = require("rowan.query.filter")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local undo = require("rowan.repo.written")
local write = require("rowan.repo.write")
local write_plan = require("rowan.query.write")

local bulk = {}

---@class rowan.BulkGroup rows with the same set of attributes, in the caller's order
---@field key number|string
---@field attrs table[]
---@field count integer
---@field rows table[]
---@field values table[] what is bound for each; the rows themselves where all of them show it

local function new_group(def, row, key)
  local group = { key = key, attrs = collect.attributes(def, row), count = 0, rows = {} }
  group.values = group.rows
  return group
end

local function add_to(group, row, values)
  if values ~= row and group.values == group.rows then
    group.values = {}
    for i = 1, group.count do group.values[i] = group.rows[i] end
  end
  local count = group.count + 1
  group.count, group.rows[count] = count, row
  group.values[count] = values
end

local function group_rows(def, instances)
  local groups, by_key, now = {}, {}, build.stamp(def)
  if now == true then now = build.now() end -- one for all
  for i = 1, #instances do
    local row = instances[i]
    local values, key, failures = collect.insert(def, row, now)
    if failures then
      local ok, problem = pcall(cast.check, def, failures)
      if not ok then problem.message = ("row %d: %s"):format(i, problem.message) end
      error(problem, 0)
    end
    local group = by_key[key]
    if not group then
      group = new_group(def, row, key)
      by_key[key] = group
      groups[#groups + 1] = group
    end
    add_to(group, row, values)
  end
  return groups
end

local function insert_many_plan(model, group)
  local plan = write_plan.insert_many(model.definition, group.attrs, model.db._dialect)
  plan.model, plan.names, plan.many, plan.count = model, write.names(plan.attrs), true, #plan.attrs
  return plan
end

local function insert_group(model, group, options)
  local def, db = model.definition, model.db
  local kept = plans.of(model).insert_many
  local plan = kept[group.key]
  if not plan then
    plan = insert_many_plan(model, group)
    kept[group.key] = plan
  end
  local made, affected = run.plan(db, plan, group.values, plan.count, options)
  if affected ~= group.count or (plan.columns and #made ~= group.count) then
    errors.raise("DatabaseError", {
      message = ("%s:bulkCreate: %d rows were sent and %s came back"):format(def.name, group.count, tostring(affected)),
      sql = plan.text,
    })
  end
  group.undone = undo.new(model, write.made_by(plan))
  return plan.columns and made
end

-- What the database made of the rows.
local function set_made(group, made)
  if not made then return end
  local instances, values = group.rows, group.values
  for i = 1, group.count do
    local row, bound = instances[i], values[i]
    for name, value in next, made[i] do row[name], bound[name] = value, value end
  end
end

-- A row without a single value (all defaults) has no list to be in.
local function insert_plain(model, group, options)
  for _, row in ipairs(group.rows) do write.insert(model, row, options) end
end

---Sends what `prepare` made: one statement a group. The rows show what the database gave them (their keys), and are not
---stored instances yet.
---@async
---@param model table
---@param groups rowan.BulkGroup[]
---@param options? table
function bulk.send(model, groups, options)
  for _, group in ipairs(groups) do
    if #group.attrs == 0 then
      insert_plain(model, group, options)
    else
      set_made(group, insert_group(model, group, options))
    end
  end
end

---Makes the rows of groups that were sent stored instances.
---@param model table
---@param groups rowan.BulkGroup[]
---@param options? table the call's
function bulk.adopt(model, groups, options)
  local inside = run.transaction(model.db, options)
  for _, group in ipairs(groups) do
    if #group.attrs > 0 then
      for i = 1, inside and group.count or 0 do undo.insert(inside, group.rows[i], group.undone) end
      rows.adopt_all(group.rows, model._template, write.layout(model), group.values)
    end
  end
end

---Stamps new instances, checks them, and sorts them by the attributes they have.
---@param model table
---@param instances table[]
---@return rowan.BulkGroup[]
function bulk.prepare(model, instances)
  return group_rows(model.definition, instances)
end

local function store(model, groups, options)
  if #groups > 1 or (groups[1] and #groups[1].attrs == 0 and groups[1].count > 1) then
    transaction.around(model.db, options, function(t)
      bulk.send(model, groups, { transaction = t, logging = options and options.logging,
        benchmark = options and options.benchmark })
    end)
  else
    bulk.send(model, groups, options)
  end
  bulk.adopt(model, groups, options)
end

---INSERTs new instances: one statement for each set of attributes that occurs, all or none.
---@async
---@param model table
---@param instances table[]
---@param options? table
---@return table[] instances
function bulk.insert(model, instances, options)
  store(model, bulk.prepare(model, instances), options)
  return instances
end

---The same with instances that `build.ready_all` made.
---@async
---@param model table
---@param instances table[]
---@param keys number[]
---@param lists table[][] the instances of each key
---@param options? table
---@return table[] instances
function bulk.ready(model, instances, keys, lists, options)
  local groups = {}
  for i, key in ipairs(keys) do
    local list = lists[i]
    groups[i] = {
      key = key, attrs = collect.attributes(model.definition, list[1]), count = #list, rows = list, values = list,
    }
  end
  store(model, groups, options)
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

-- The rows that a bulk write means: without those that filters of the model leave out, which do not count as a condition.
local function narrowed(model, options, context)
  local def = model.definition
  if not def.filters then return options.where end
  refuse_empty(model, options.where, write_plan.conditions(def, options.where), context)
  return filter.narrow(def, options.where, options)
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
  local condition = narrowed(model, options, context)
  local key, params, count, conditions = write_plan.update_shape(def, changes, condition, options.returning)
  refuse_empty(model, options.where, conditions, context)
  if #changes == 0 then return 0, options.returning and {} or nil end
  local plan = db._plans:get(key)
  if not plan then
    plan = write_plan.update(def, changes, condition, options.returning, db._dialect)
    plan.model = model
    db._plans:put(key, plan)
  end
  local template = options.returning and model._template or nil
  local changed, affected = run.plan(db, plan, params, count, options, template)
  return affected, options.returning and changed or nil
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
  local condition = narrowed(model, options, context)
  local key, params, count, conditions = write_plan.delete_shape(model.definition, condition)
  refuse_empty(model, options.where, conditions, context)
  local plan = db._plans:get(key)
  if not plan then
    plan = write_plan.delete_where(model.definition, condition, db._dialect)
    plan.model = model
    db._plans:put(key, plan)
  end
  local _, affected = run.plan(db, plan, params, count, options)
  return affected
end

return bulk
