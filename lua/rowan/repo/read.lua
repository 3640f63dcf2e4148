--- Reading: finders and counts. Takes the shape of the options, finds or makes the plan, runs it, loads the children.

local lazy = require("rowan.base.lazy")
local aggregate = require("rowan.query.aggregate")
local cast = require("rowan.change.cast")
local custom = require("rowan.change.custom")
local errors = require("rowan.base.errors")
local explain = lazy(function() return require("rowan.repo.explain") end)
local load = require("rowan.repo.load")
local nest = require("rowan.query.nest")
local null = require("rowan.base.null")
local path = require("rowan.repo.path")
local plans = require("rowan.repo.plans")
local reading = require("rowan.repo.reading")
local run = require("rowan.repo.run")
local select = require("rowan.query.select")

local read = {}

local function fail_lock(model, rule)
  errors.raise("TransactionError", { message = model.name .. ": lock " .. rule })
end

-- A row lock lasts as long as a transaction. Where the database has none, a writing transaction holds the lock of the whole
-- database, which is more; only what cannot be had so is refused.
local function check_lock(model, options)
  local transaction = run.transaction(model.db, options)
  if not transaction then fail_lock(model, "needs a transaction: it would end with the statement") end
  local root = transaction.root
  if root.options.readOnly then fail_lock(model, "cannot be had in a transaction that only reads") end
  if model.db._dialect.supports.row_locks then return end
  local kind = root.options.type or model.db.options.transactionType
  if kind == "DEFERRED" then
    fail_lock(model, "needs an IMMEDIATE or EXCLUSIVE transaction: a DEFERRED one of SQLite locks when it writes")
  end
  for _, name in ipairs({ "skipLocked", "noWait" }) do
    if options[name] then fail_lock(model, ("with %s is not supported: SQLite locks no single rows"):format(name)) end
  end
end

-- Where the options of every finder come in.
local function plan_of(model, options, kind)
  if options.lock then check_lock(model, options) end
  local key, params = select.shape(model, options, kind)
  local db = model.db
  return db._plans:kept(key, select.plan, model, options, db._dialect, kind), params
end

---The plan of a finder, and the parameters of a call.
---@param model table
---@param options table
---@return rowan.Plan
---@return any[] params
function read.plan(model, options)
  return plan_of(model, options, "select")
end

---Raises when nothing was found and the call has rejectOnEmpty.
---@param model table
---@param options { rejectOnEmpty?: any }
function read.reject_empty(model, options)
  local reject = options.rejectOnEmpty
  if not reject then return end
  if errors.kind_of(reject) then error(reject, 0) end
  local class = reject == true and "EmptyResultError" or reject.name
  errors.raise(class, { message = model.name .. ": no row was found", model = model.name })
end

-- What plain rows are called by, where getters or setters hide a value.
local function relabelled(model, rows)
  if model.db._custom then custom.relabel(model, rows) end
end

-- Keys that are paths become tables.
local function shaped(plan, rows, options)
  if options.raw then relabelled(plan.model, rows) end
  if plan.nested then nest.keys(rows, plan.nested) end
  if options.nest then nest.all(rows) end
  return rows
end

---Rows as the options want them.
read.shaped = shaped

local function all(model, options)
  local plan, params = plan_of(model, options, "select")
  local rows = load.rows(model.db, plan, params, plan.count, options, nil, options.include)
  if rows[1] == nil then read.reject_empty(model, options) end
  if plan.children[1] then load.children(model.db, plan, rows, params, options) end
  return shaped(plan, rows, options)
end

-- With `explain` a search gives its plan instead of rows.
local function explained(model, options)
  explain.check(options.explain, model.name)
  local plan, params = plan_of(model, options, "select")
  return explain.plan(model.db, plan, params, plan.count, options.explain, options)
end

---Rows that match, with what they include.
---@async
---@param model table
---@param options table checked by the caller
---@return table[]
function read.all(model, options)
  if options.searchPath ~= nil then return (path.within(model, options, read.all)) end
  if options.explain then return explained(model, options) end
  if model.definition.searched then return reading.around("all", model, options, all) end
  return all(model, options)
end

local function load_plan_of(model, include)
  local key, params = select.load_shape(model, include)
  local db = model.db
  return db._plans:kept(key, select.load_plan, model, include, db._dialect), params
end

---What an association has for each of the rows, in one statement a level; the rows are not touched.
---@async
---@param made rowan.Association
---@param rows table[]
---@param include? table the options of an include: where, order, limit, attributes, through, include ...
---@param options? table transaction, logging, benchmark, raw
---@return table<table, table> found by row: a list, or one row or load.NOTHING
function read.of_rows(made, rows, include, options)
  local entry = { association = made, required = false }
  for name, value in next, include or {} do entry[name] = value end
  local plan, params = load_plan_of(made.source, { entry })
  return load.by_row(made.source.db, plan, rows, params, options or {})
end

---Loads associations onto rows that are there already.
---@async
---@param model table
---@param rows table[] instances of the model
---@param include any as in a finder
---@param options? table transaction, logging, benchmark
---@return table[] rows
function read.onto(model, rows, include, options)
  local plan, params = load_plan_of(model, include)
  load.children(model.db, plan, rows, params, options or {})
  return rows
end

local function one(model, options)
  local limited = {}
  for key, value in next, options do limited[key] = value end
  if limited.limit == nil then limited.limit = 1 end
  if limited.explain then return explained(model, limited) end
  local plan, params = plan_of(model, limited, "select")
  local row = run.plan(model.db, plan, params, plan.count, options, run.template(plan, options), true)
  if not row then
    read.reject_empty(model, options)
    return nil
  end
  local meta = getmetatable(row)
  if plan.children[1] then
    local list = { row }
    load.children(model.db, plan, list, params, options)
    if meta then meta.list = list end -- so that the lists of its children live as long as the row
  end
  if options.include ~= nil and not options.raw and meta then meta.include = options.include end
  if plan.nested or options.nest or options.raw then shaped(plan, { row }, options) end
  return row
end

---The first row that matches, or nil.
---@async
---@param model table
---@param options table checked by the caller
---@return table?
function read.one(model, options)
  if options.searchPath ~= nil then return (path.within(model, options, read.one)) end
  if options.explain then return one(model, options) end
  if model.definition.searched then return (reading.around("one", model, options, one)) end
  return one(model, options)
end

local function key_value(model, attr, value)
  if value == nil or value == null then
    errors.raise("QueryError", {
      message = ("%s:findByPk: the primary key %q is missing"):format(model.name, attr.name),
    })
  end
  local bound, failures = cast.value(attr, value)
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
  local params, names, count = {}, {}, 0
  for i, attr in ipairs(primary) do params[i], names[i] = key_value(model, attr, key[attr.name]), attr.name end
  for _ in next, key do count = count + 1 end
  if count > #primary then
    errors.raise("QueryError", {
      message = ("%s:findByPk: the key has more attributes than the primary key (%s)")
        :format(model.name, table.concat(names, ", ")),
    })
  end
  return params
end

---The same as a condition.
---@param model table
---@param key any
---@return table<string, any> where
function read.key_condition(model, key)
  read.key_params(model, key) -- checks it
  local condition = {}
  for _, attr in ipairs(model.definition.primary) do
    condition[attr.name] = key
    if type(key) == "table" then condition[attr.name] = key[attr.name] end
  end
  return condition
end

local function by_key_as_one(model, key, options)
  local finder = {}
  for name, value in next, options or {} do finder[name] = value end
  finder.where = read.key_condition(model, key)
  return read.one(model, finder)
end

---The row with a primary key, or nil; options other than transaction and logging go through `read.one`.
---@async
---@param model table
---@param key any
---@param options? table
---@return table?
function read.by_key(model, key, options)
  local def = model.definition
  if def.filters or def.searched then return by_key_as_one(model, key, options) end
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
  if not row and options then read.reject_empty(model, options) end
  if row and not template then relabelled(model, { row }) end
  return row or nil
end

---COUNT(*) or EXISTS of the rows that the options find, each counted once whatever is included.
---@async
---@param model table
---@param options table
---@param kind "count"|"exists"
---@return integer|boolean
function read.tally(model, options, kind)
  local key, params, count = aggregate.rows_shape(model, options, kind)
  local db = model.db
  local plan = db._plans:kept(key, aggregate.rows_plan, model, options, db._dialect, kind)
  return run.plan(db, plan, params, count, options, nil, true)[kind]
end

local function count_all(model, options)
  return read.tally(model, options, "count")
end

---How many rows match.
---@async
---@param model table
---@param options table
---@return integer
function read.count(model, options)
  if model.definition.searched then return reading.around("count", model, options, count_all) end
  return count_all(model, options)
end

-- The options of a page without those that say which of all rows are on it.
local function without_page(options)
  local counted = {}
  for name, value in next, options do counted[name] = value end
  counted.limit, counted.offset, counted.order, counted.lock = nil, nil, nil, nil
  return counted
end

---How many rows there are without limit and offset, groups and distinct rows counted once.
---@async
---@param model table
---@param options table
---@return integer
function read.total(model, options)
  local counted = without_page(options)
  local plain = not (options.group or options.having or options.with or options.withRecursive)
  if plain and not select.distinct(model, options) then return count_all(model, counted) end
  local plan, params = plan_of(model, counted, "total")
  return run.plan(model.db, plan, params, plan.count, options, nil, true).count
end

local function page(model, options)
  if options.lock or select.distinct(model, options) then
    local rows = all(model, options)
    return read.total(model, options), rows
  end
  local plan, params = plan_of(model, options, "page")
  local rows = load.rows(model.db, plan, params, plan.count, options, nil, options.include)
  if rows[1] == nil then
    if not options.limit and not options.offset then return 0, rows end
    return read.total(model, options), rows
  end
  local held = rows[1][select.TOTAL]
  for i = 1, #rows do rows[i][select.TOTAL] = nil end
  if plan.children[1] then load.children(model.db, plan, rows, params, options) end
  return plan.grouped and held or held.total, shaped(plan, rows, options)
end

---A page of rows and the number of all rows that match, from one statement, so that both are of one moment. Only a page
---beyond the last row needs a second one; so do rows whose count hooks have a say in, and rows that are distinct or locked, which cannot be counted beside.
---@async
---@param model table
---@param options table checked by the caller
---@return integer count
---@return table[] rows
function read.page(model, options)
  if options.searchPath ~= nil then return path.within(model, options, read.page) end
  if options.explain then
    errors.raise("QueryError", { message = model.name .. ": explain goes with findAll and findOne" })
  end
  if not model.definition.searched then return page(model, options) end
  local count, rows = reading.around("page", model, options, page)
  if reading.counts(model.definition, options) then
    count = reading.around("count", model, without_page(options), read.total)
  end
  return count, rows
end

return read
