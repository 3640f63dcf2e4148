--- Writing many rows: bulkCreate by list parameters, UPDATE and DELETE by condition.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local check = require("rowan.base.check")
local collect = require("rowan.change.collect")
local custom = require("rowan.change.custom")
local duplicates = require("rowan.repo.duplicates")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local filter = require("rowan.query.filter")
local groups = require("rowan.repo.groups")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local returned = require("rowan.repo.returned")
local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local types = require("rowan.types")
local undo = require("rowan.repo.written")
local write = require("rowan.repo.write")
local write_many = require("rowan.query.write_many")
local write_plan = require("rowan.query.write")

local bulk = {}

local function insert_many_plan(model, group)
  local plan = write_many.insert(model.definition, group.attrs, model.db._dialect)
  plan.model, plan.many = model, true
  return plan
end

local function send_slice(model, slice, options)
  local kept = plans.of(model).insert_many
  local plan = kept[slice.key]
  if not plan then
    plan = insert_many_plan(model, slice)
    kept[slice.key] = plan
  end
  local made, affected = run.plan(model.db, plan, slice.values, plan.count, options)
  if affected ~= slice.count or (plan.columns and #made ~= slice.count) then
    errors.raise("DatabaseError", {
      message = ("%s:bulkCreate: %d rows were sent and %s came back")
        :format(model.name, slice.count, tostring(affected)),
      sql = plan.text,
    })
  end
  slice.undone = undo.new(model, write.made_by(plan))
  if plan.columns then returned.take_all(plan.columns, slice, made) end
end

-- A row without a single value (all defaults) has no list to be in.
local function insert_plain(model, group, options)
  for _, row in ipairs(group.rows) do write.insert(model, row, options) end
end

---Sends what `prepare` made: one statement a group. The rows show what the database gave them (their keys), and are not
---stored instances yet.
---@async
---@param model table
---@param list rowan.BulkGroup[]
---@param options? table
---@param mode? rowan.InsertMode
function bulk.send(model, list, options, mode)
  for _, group in ipairs(list) do
    if #group.attrs == 0 then
      insert_plain(model, group, options)
    elseif mode or group.computed then
      duplicates.send(model, group, mode or duplicates.mode({ context = model.name .. ":create" }), options)
    else
      send_slice(model, group, options)
    end
  end
end

---Makes the rows of groups that were sent stored instances.
---@param model table
---@param list rowan.BulkGroup[]
---@param options? table the call's
function bulk.adopt(model, list, options)
  local inside = run.transaction(model.db, options)
  for _, group in ipairs(list) do
    if #group.attrs > 0 and group.count > 0 then
      for i = 1, inside and group.count or 0 do
        undo.insert(inside, group.rows[i], group.undone or group.undone_rows[i])
      end
      rows.adopt_all(group.rows, model._template, write.layout(model), group.values)
    end
  end
end

---Stamps new instances, checks them, and sorts them by the attributes they have, in pieces that one statement takes.
---@param model table
---@param instances table[]
---@param given? table[] the callers' tables, where it matters what they gave
---@param apart? boolean what a row lacks is not to be sent as NULL
---@return rowan.BulkGroup[]
function bulk.prepare(model, instances, given, apart)
  local list = groups.of(model.definition, instances, given)
  return groups.sliced(apart and list or groups.joined(model.definition, list, instances))
end

local function is_atomic(model, list, mode)
  local only = list[1]
  if #list > 1 or (only and #only.attrs == 0 and only.count > 1) then return false end
  return not (mode and only and duplicates.needs_transaction(model, only, mode))
end

---Stores what `prepare` made, all or none of it.
---@async
---@param model table
---@param list rowan.BulkGroup[]
---@param options? table
---@param mode? rowan.InsertMode
function bulk.store(model, list, options, mode)
  if is_atomic(model, list, mode) then
    bulk.send(model, list, options, mode)
  else
    transaction.around(model.db, options, function(t)
      bulk.send(model, list, { transaction = t, logging = options and options.logging,
        benchmark = options and options.benchmark }, mode)
    end)
  end
  bulk.adopt(model, list, options)
end

---INSERTs new instances: one statement, and one more for each further set of attributes that the database would fill in.
---@async
---@param model table
---@param instances table[]
---@param options? table
---@return table[] instances
function bulk.insert(model, instances, options)
  bulk.store(model, bulk.prepare(model, instances), options)
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
  local made = {}
  for i, key in ipairs(keys) do
    local list = lists[i]
    made[i] = {
      key = key, attrs = collect.attributes(model.definition, list[1]), count = #list, rows = list, values = list,
    }
  end
  bulk.store(model, groups.sliced(groups.joined(model.definition, made, instances)), options)
  return instances
end

---A bulk write must say which rows it means: `where`, or rowan.all for every row.
---@param model table
---@param options? table
---@param context string
function bulk.check_where(model, options, context)
  check.optional(options, "table", context .. ": the options", "QueryError")
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

-- What stands among the values of an UPDATE for a number that is to become bigger.
local Increase = {}

-- -by; numbers kept as text do not pass through a float.
local function negated(by)
  if type(by) ~= "string" then return -by end
  if by:sub(1, 1) == "-" then return by:sub(2) end
  return tonumber(by) == 0 and by or "-" .. by
end

---A value for bulk.update by which an attribute becomes bigger, or smaller; raises when it cannot.
---@param attr rowan.Attribute
---@param by any a number as the attribute holds them
---@param sign 1|-1
---@param context string
---@return table
function bulk.increase(attr, by, sign, context)
  if not types.NUMERIC[attr.type.code] then
    errors.raise("QueryError", {
      message = ("%s: %s.%s is no number"):format(context, attr.definition.name, attr.name),
    })
  end
  local bound, failures = cast.value(attr, by)
  cast.check(attr.definition, failures)
  if bound ~= bound or bound == null then
    errors.raise("QueryError", { message = context .. ": by must be a number" })
  end
  if sign < 0 then bound = negated(bound) end
  return setmetatable({ by = bound }, Increase)
end

local function change_of(attr, value, failures)
  local meta = type(value) == "table" and getmetatable(value)
  if meta == Increase then return { attr = attr, increase = value.by }, failures end
  if meta and expression.is(value) then return { attr = attr, expression = value }, failures end
  local bound
  bound, failures = cast.value(attr, value, failures)
  return { attr = attr, bound = bound == nil and null or bound }, failures
end

-- The changes of a bulk UPDATE in the order of the definition.
local function changes_of(model, given, options, context)
  local def, silent, validates = model.definition, options.silent, options.validate ~= false
  local list, failures = {}, nil
  for name in next, given do
    if not def.by_name[name] then build.unknown(def, name, context) end
  end
  if def.custom then given = custom.values(def, given) end
  local any = next(given) ~= nil
  for _, attr in ipairs(def.list) do
    local value = given[attr.name]
    if value == nil and attr == def.updated and any and not silent then value = build.now() end
    if value ~= nil then
      if attr.immutable and validates then failures = cast.fail_immutable(failures, attr, value) end
      list[#list + 1], failures = change_of(attr, value, failures)
    elseif attr == def.version and any and not attr.system then
      list[#list + 1] = { attr = attr, next = true }
    end
  end
  cast.check(def, failures)
  return list
end

local function target_of(options, condition)
  return { where = condition, limit = options.limit, order = options.order }
end

local function check_target(options, context)
  if options.order ~= nil and options.limit == nil then
    errors.raise("QueryError", { message = context .. ": order goes with limit, and says which rows come first" })
  end
end

-- The attributes that `returning` asks for, nil for none.
local function returning_of(def, returning, context)
  if not returning then return nil end
  if returning == true then return def.list end
  if type(returning) ~= "table" or check.sequence(returning) == nil or returning[1] == nil then
    errors.raise("QueryError", { message = context .. ": returning wants true or a list of attributes" })
  end
  local attrs = {}
  for i, name in ipairs(returning) do attrs[i] = expression.attribute(def, name) end
  return attrs
end

---UPDATEs the rows that match.
---@async
---@param model table
---@param given table values by attribute
---@param options table where, limit, order, returning, silent, transaction, logging ...
---@param context string
---@return integer affected
---@return table[]? rows with `returning`
function bulk.update(model, given, options, context)
  bulk.check_where(model, options, context)
  check_target(options, context)
  local def, db = model.definition, model.db
  local changes, returning = changes_of(model, given, options, context),
    returning_of(def, options.returning, context)
  local target = target_of(options, narrowed(model, options, context))
  local key, params, count, conditions = write_plan.update_shape(def, changes, target, returning)
  refuse_empty(model, options.where, conditions, context)
  if #changes == 0 then return 0, returning and {} or nil end
  local plan = db._plans:kept(key, write_plan.update, def, changes, target, returning, db._dialect)
  plan.model = model
  local template = returning and (options.returning == true and model._template or model._partial_template) or nil
  local changed, affected = run.plan(db, plan, params, count, options, template)
  return affected, returning and changed or nil
end

---DELETEs the rows that match.
---@async
---@param model table
---@param options table where, limit, order, transaction, logging ...
---@param context string
---@return integer affected
function bulk.delete(model, options, context)
  bulk.check_where(model, options, context)
  check_target(options, context)
  local db = model.db
  local target = target_of(options, narrowed(model, options, context))
  local key, params, count, conditions = write_plan.delete_shape(model.definition, target)
  refuse_empty(model, options.where, conditions, context)
  local plan = db._plans:kept(key, write_plan.delete_where, model.definition, target, db._dialect)
  plan.model = model
  local _, affected = run.plan(db, plan, params, count, options)
  return affected
end

return bulk
