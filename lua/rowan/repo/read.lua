--- Reading: finders and counts. Takes the shape of the options, finds or makes the plan, runs it, loads the children.

local cast = require("rowan.change.cast")
local errors = require("rowan.base.errors")
local load = require("rowan.repo.load")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local run = require("rowan.repo.run")
local select = require("rowan.query.select")

local read = {}

-- Rows of a whole definition, of a part of it, or plain tables.
local function template_of(model, plan, options)
  if options.raw then return nil end
  return plan.whole and model._template or model._partial_template
end

local function plan_of(model, options)
  local key, params, count = select.shape(model, options)
  local db = model.db
  local plan = db._plans:get(key)
  if not plan then
    plan = select.plan(model, options, db._dialect)
    db._plans:put(key, plan)
  end
  return plan, params, count
end

local function empty(model, options)
  local reject = options.rejectOnEmpty
  if not reject then return end
  if errors.kind_of(reject) then error(reject, 0) end
  errors.raise("EmptyResultError", { message = model.name .. ": no row was found", model = model.name })
end

---Rows that match, with what they include.
---@async
---@param model table
---@param options table checked by the caller
---@return table[]
function read.all(model, options)
  local plan, params = plan_of(model, options)
  local rows = run.plan(model.db, plan, params, plan.count, options, template_of(model, plan, options))
  if rows[1] == nil then empty(model, options) end
  if plan.children[1] then load.children(model.db, plan, rows, params, options) end
  return rows
end

---The first row that matches, or nil.
---@async
---@param model table
---@param options table checked by the caller
---@return table?
function read.one(model, options)
  local limited = {}
  for key, value in next, options do limited[key] = value end
  limited.limit = 1
  local plan, params = plan_of(model, limited)
  local row = run.plan(model.db, plan, params, plan.count, options, template_of(model, plan, options), true)
  if not row then
    empty(model, options)
    return nil
  end
  if plan.children[1] then load.children(model.db, plan, { row }, params, options) end
  return row
end

local function key_value(model, attr, value)
  if value == nil or value == null then
    errors.raise("QueryError", {
      message = ("%s:findByPk: the primary key %q is missing"):format(model.name, attr.name),
    })
  end
  local bound, failures = cast.bind({}, attr, value)
  cast.check(model.definition, failures)
  return bound
end

---The values of a primary key, from one value or from a table by attribute name.
---@param model table
---@param key any
---@return any[]
function read.key_params(model, key)
  local primary = model.definition.primary
  if #primary == 0 then
    errors.raise("QueryError", { message = ("%s has no primary key"):format(model.name) })
  end
  if #primary == 1 and type(key) ~= "table" then return { key_value(model, primary[1], key) } end
  if type(key) ~= "table" then
    errors.raise("QueryError", {
      message = ("%s:findByPk wants a table with all attributes of its composite key"):format(model.name),
    })
  end
  local params = {}
  for i, attr in ipairs(primary) do params[i] = key_value(model, attr, key[attr.name]) end
  return params
end

---The row with a primary key, or nil; options other than transaction and logging go through `read.one`.
---@async
---@param model table
---@param key any
---@param options? table
---@return table?
function read.by_key(model, key, options)
  local kept = plans.of(model)
  local plan = kept.by_key
  if not plan then
    plan = select.by_key_plan(model, model.db._dialect)
    kept.by_key = plan
  end
  local params = read.key_params(model, key)
  local template = model._template
  if options and options.raw then template = nil end
  local row = run.plan(model.db, plan, params, plan.count, options, template, true)
  if not row and options then empty(model, options) end
  return row or nil
end

---How many rows match.
---@async
---@param model table
---@param options table
---@return integer
function read.count(model, options)
  local key, params, count = select.count_shape(model, options)
  local db = model.db
  local plan = db._plans:get(key)
  if not plan then
    plan = select.count_plan(model, options, db._dialect)
    db._plans:put(key, plan)
  end
  return run.plan(db, plan, params, count, options, nil, true).count
end

return read
