--- Running queries of the builder: what the terminals of model/query do.

local changing = require("rowan.query.changing")
local chain = require("rowan.query.chain")
local everything = require("rowan.base.everything")
local run = require("rowan.repo.run")
local query = require("rowan.query.statement")
local transaction = require("rowan.repo.transaction")

local statement = {}

local fail = chain.fail

-- So many values go into one INSERT: fewer than either database or LuaJIT's stack can take.
local MAX_PARAMS = 4000

---The plan of a query, and its parameters.
---@param q rowan.Query
---@return rowan.Plan plan
---@return any[] params
---@return integer count
function statement.plan(q)
  local key, params, count = query.shape(q)
  return q._db._plans:kept(key, query.plan, q), params, count
end

local plan_of = statement.plan

---The rows of a query, or with `single` its first row or nil.
---@async
---@param q rowan.Query
---@param options? table transaction, logging, benchmark
---@param single? boolean
---@return any
function statement.read(q, options, single)
  local plan, params, count = plan_of(q)
  local rows = run.plan(q._db, plan, params, count, options, nil, single)
  if single then return rows or nil end
  return rows
end

---The names of a query's columns; nil where they are not known.
---@type fun(q: rowan.Query): string[]?
statement.names = query.names

---The text of a query and its parameters.
---@param q rowan.Query
---@return string text
---@return any[] params
function statement.text(q)
  local plan, params = plan_of(q)
  return plan.text, params
end

local function change(q, options, walk, ...)
  local key, params, count = changing.shape(walk, ...)
  local plan = q._db._plans:kept(key, changing.plan, q._db._dialect, walk, ...)
  local rows, affected = run.plan(q._db, plan, params, count, options)
  return affected, q._parts.returning and rows or nil
end

local function check_where(q, context)
  local list, all = q._parts.where or {}, false
  for _, entry in ipairs(list) do all = all or entry.condition == everything end
  if all and #list > 1 then fail(context .. ": rowan.all stands alone") end
  if #list == 0 then
    fail(("%s: there is no where; write where(rowan.all) to mean every row of %s"):format(context,
      q._parts.from.alias))
  end
  return all
end

local function narrowed(q, context, walk, ...)
  changing.check(q, context)
  if check_where(q, context) then return end
  local _, _, _, with_where = changing.shape(walk, q, ...)
  local _, _, _, without = changing.shape(walk, chain.changed(q, { where = {} }), ...)
  if with_where == without then
    fail(("%s: the where is empty; write where(rowan.all) to mean every row of %s"):format(context,
      q._parts.from.alias))
  end
end

---Changes the rows that the query's where names.
---@async
---@param q rowan.Query
---@param values table<string, any>
---@param options? table
---@return integer affected
---@return table[]? rows with `returning`
function statement.update(q, values, options)
  narrowed(q, "update", changing.update, values)
  return change(q, options, changing.update, q, values)
end

---Deletes the rows that the query's where names.
---@async
---@param q rowan.Query
---@param options? table
---@return integer affected
---@return table[]? rows with `returning`
function statement.delete(q, options)
  narrowed(q, "delete", changing.delete)
  return change(q, options, changing.delete, q)
end

local function insert_parts(q, rows, keys, options)
  local size = math.max(1, math.floor(MAX_PARAMS / #keys))
  if #rows <= size then return change(q, options, changing.insert, q, rows, keys) end
  local affected, all = 0, q._parts.returning and {} or nil
  transaction.around(q._db, options, function(t)
    for from = 1, #rows, size do
      local part = {}
      for i = from, math.min(from + size - 1, #rows) do part[#part + 1] = rows[i] end
      local count, returned = change(q, { transaction = t, logging = options and options.logging },
        changing.insert, q, part, keys)
      affected = affected + count
      for _, row in ipairs(returned or {}) do all[#all + 1] = row end
    end
  end)
  return affected, all
end

---Stores rows, all or none of them.
---@async
---@param q rowan.Query
---@param rows table<string, any>[]|rowan.Query
---@param options? table
---@return integer affected
---@return table[]? rows with `returning`
function statement.insert(q, rows, options)
  changing.check(q, "insert")
  if chain.is(rows) then return change(q, options, changing.insert_from, q, rows) end
  if #rows == 0 then return 0, q._parts.returning and {} or nil end
  return insert_parts(q, rows, changing.fields(rows), options)
end

return statement
