--- Model:insertFrom: rows of a query into a table. Called by model/writers.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local plan_of = require("rowan.query.insert_from")
local run = require("rowan.repo.run")

local insert_from = {}

-- What an attribute gets that the source says nothing of.
local function filler(def, context)
  local now = build.now()
  return function(attr)
    if attr == def.created or attr == def.updated then return (cast.value(attr, now)) end
    if attr.default_kind == "value" then return (cast.value(attr, attr.default)) end
    local made = attr.auto or attr.default_kind == "expression" or attr.generated
    if attr.default_kind == "function" or not (made or attr.allow_null) then
      errors.raise("QueryError", {
        message = ("%s: attributes must say what %s.%s gets"):format(context, def.name, attr.name),
      })
    end
    return nil
  end
end

local function run_plan(model, key, params, count, make, options)
  local db = model.db
  local plan = db._plans:kept(key, make, db._dialect)
  plan.model = model
  local _, affected = run.plan(db, plan, params, count, options)
  return affected
end

---INSERTs the rows of a query.
---@async
---@param model table
---@param given rowan.InsertSource|rowan.Query
---@param options table ignoreDuplicates, transaction, logging, benchmark
---@param context string
---@return integer count rows inserted
function insert_from.rows(model, given, options, context)
  local def, skip = model.definition, options.ignoreDuplicates
  local fill = filler(def, context)
  if expression.is(given) and given.kind == "query" then
    local key, params, count, make = plan_of.query(def, given, fill, skip, context)
    return run_plan(model, key, params, count, make, options)
  end
  local parts = plan_of.parts(def, given, fill, context)
  local key, params, count = plan_of.shape(def, given, parts, skip)
  return run_plan(model, key, params, count, function(dialect)
    return plan_of.plan(def, given, parts, skip, dialect)
  end, options)
end

return insert_from
