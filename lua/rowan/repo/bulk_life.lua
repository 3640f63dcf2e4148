--- What runs around calls that write many rows: their own hooks, with `individualHooks` those of each row, and what plugins
--- wrap around them. A model that is not watched (definition.watched) never comes here.

local bulk = require("rowan.repo.bulk")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local lifecycle = require("rowan.repo.lifecycle")
local link = require("rowan.repo.link")
local ops = require("rowan.base.ops")
local read = require("rowan.repo.read")
local run = require("rowan.repo.run")
local save = require("rowan.repo.save")
local transaction = require("rowan.repo.transaction")
local validate = require("rowan.change.validate")
local wrap = require("rowan.repo.wrap")

local bulk_life = {}

local fire = lifecycle.fire
local Op = ops.Op

-- Hooks of rows that a bulk call passes over unless it has individualHooks.
local PER_ROW = {
  Create = { "beforeCreate", "afterCreate", "beforeSave", "afterSave", "beforeValidate", "afterValidate" },
  Update = { "beforeUpdate", "afterUpdate", "beforeSave", "afterSave", "beforeValidate", "afterValidate" },
  Destroy = { "beforeDestroy", "afterDestroy" },
  Restore = { "beforeRestore", "afterRestore" },
}
local CALLS = { Create = "bulkCreate", Update = "update", Destroy = "destroy", Restore = "restore" }

local function warn_passed(model, what, on)
  local def = model.definition
  for _, name in ipairs(PER_ROW[what]) do
    if on[name] then
      def.warned = def.warned or {}
      if not def.warned[what] then
        def.warned[what] = true
        run.warn(model.db, ("%s:%s runs no hook %s, because it writes many rows at once; individualHooks = true runs "
          .. "the hooks of each row, hooks = false says that none are wanted"):format(model.name, CALLS[what], name))
      end
      return
    end
  end
end

-- Whether the hooks of the rows are to run: the call says it, else the model, as far as there are any.
local function wants_each(model, what, options, on)
  local said = options and options.individualHooks
  if said ~= nil or not model.definition.options.individualHooks then return said end
  for _, name in ipairs(PER_ROW[what]) do
    if on[name] then return true end
  end
end

-- The hooks in front of a call may narrow its condition. What they got and left empty for rowan.all still is that.
local function before(list, call, say)
  local given = call.where
  local shown = list and lifecycle.condition(given)
  call.where = list and shown or given
  say(list)
  if list and call.where == shown and given == everything and next(shown) == nil then call.where = given end
end

-- Runs body(call, on, each) between the call's own hooks; `each`: the hooks of the rows are wanted.
local function around(model, what, options, subject, body)
  local bulk_before, bulk_after = "beforeBulk" .. what, "afterBulk" .. what
  local hooks = lifecycle.hooks_of(model.definition, options)
  local after, wanted = { bulk_after }, wants_each(model, what, options, hooks)
  if hooks[bulk_before] or wanted then
    -- The hook in front may ask for those of the rows.
    for _, name in ipairs(PER_ROW[what]) do
      if name:find("^after") then after[#after + 1] = name end
    end
  end
  return lifecycle.within(model, after, options, function(call, on, t)
    local function say(list)
      if subject then fire(list, subject, call) else fire(list, call) end
    end
    local function conclude(...)
      say(on[bulk_after])
      return ...
    end
    call.individualHooks = wanted
    before(on[bulk_before], call, say)
    local each = call.individualHooks
    if not each and not call.quiet then warn_passed(model, what, on) end
    if not each then lifecycle.settle(call) end
    if not each or t or what == "Create" then return conclude(body(call, on, each)) end
    -- The rows are read, and then written.
    return conclude(transaction.around(model.db, call, function(own)
      call.transaction = own
      return body(call, on, each)
    end))
  end)
end

---The statements of a bulk call with what plugins wrap around them.
---@async
---@param model table
---@param kind string of the change
---@param change table the rest of the rowan.Change
---@param send fun(change: rowan.Change): ...
---@return any ... what send returned
function bulk_life.wrapped(model, kind, change, send)
  local writes = model.definition.writes
  change.kind, change.model = kind, model
  return wrap.run(writes and writes[kind], change, send)
end

---Stores new instances without hooks.
---@async
---@param model table
---@param instances table[]
---@param call? table
---@param store fun(instances: table[], call: table) INSERTs them and makes them stored ones
function bulk_life.insert(model, instances, call, store)
  return bulk_life.wrapped(model, "bulkInsert", { rows = instances, options = call }, function(change)
    return store(change.rows, change.options)
  end)
end

-- What is about to be written of rows; empty when no hook behind wants it.
local function notes_of(instances, on, what)
  local notes = {}
  for i, row in ipairs(instances) do notes[i] = lifecycle.note(row, on, what) end
  return notes
end

-- Rows that were passed over, because their key was there, are new ones still.
local function created(instances, call, on, notes)
  for i, row in ipairs(instances) do
    if not row.isNewRecord then lifecycle.behind(row, call, on, "Create", notes[i]) end
  end
end

---Stores new instances with the hooks of each of them, and no hooks of a call: for rows that are written along with
---others.
---@async
---@param model table
---@param instances table[]
---@param options? table
---@param store fun(instances: table[], call: table) INSERTs them and makes them stored ones
---@param inside? fun(call: table) what is done before the hooks behind
function bulk_life.insert_each(model, instances, options, store, inside)
  lifecycle.within(model, { "afterCreate", "afterSave" }, options, function(call, on)
    for _, row in ipairs(instances) do lifecycle.before_create(model, row, call, on) end
    local notes = notes_of(instances, on, "Create")
    lifecycle.settle(call)
    bulk_life.insert(model, instances, call, store)
    if inside then inside(call) end
    created(instances, call, on, notes)
  end)
end

---Model:bulkCreate.
---@async
---@param model table
---@param instances table[] new ones
---@param options? table individualHooks, validate, hooks ...
---@param store fun(instances: table[], call: table) INSERTs them and makes them stored ones
---@param inside? fun(call: table) what is done before the hooks behind
function bulk_life.create(model, instances, options, store, inside)
  around(model, "Create", options, instances, function(call, on, each)
    if each then
      if call.validate then
        lifecycle.validate_each(model, instances, call, on)
        call.validate = false
      end
      for _, row in ipairs(instances) do lifecycle.before_create(model, row, call, on) end
    elseif call.validate then
      validate.check_all(model.definition, instances, validate.options(model.definition, call, model.name))
    end
    local notes = each and notes_of(instances, on, "Create")
    lifecycle.settle(call)
    bulk_life.insert(model, instances, call, store)
    if inside then inside(call) end
    if each then created(instances, call, on, notes) end
  end)
end

---The stored rows that a bulk call is about.
---@async
---@param model table
---@param call table where, limit, order, transaction ...
---@return table[]
function bulk_life.rows_of(model, call)
  local finder = link.call(call)
  finder.where, finder.hooks, finder.limit, finder.order = call.where, false, call.limit, call.order
  -- Nobody else changes them between here and the statement.
  finder.lock = model.db._dialect.supports.row_locks or nil
  for name in next, model.definition.plugin_options or {} do finder[name] = call[name] end
  return read.all(model, finder)
end
local rows_of = bulk_life.rows_of

local function names_of(values, context)
  local names = {}
  for name, value in next, values do
    if expression.is(value) then
      errors.raise("QueryError", {
        message = ("%s: %s is an SQL expression, which no row can show to its hooks; leave out individualHooks")
          :format(context, tostring(name)),
      })
    end
    names[#names + 1] = name
  end
  return names
end

-- Whether the hooks have left all rows with the values of the call and nothing else.
local function uniform(rows, calls, values, count)
  for i, row in ipairs(rows) do
    if #calls[i].fields ~= count then return false end
    for name, value in next, values do
      if rawget(row, name) ~= value then return false end
    end
  end
  return true
end

---The condition that finds exactly these rows.
---@param model table
---@param rows table[]
---@return any where
function bulk_life.among(model, rows)
  local primary, keys = model.definition.primary, {}
  for i, row in ipairs(rows) do keys[i] = link.item(model, primary, row, model.name).key end
  return link.one_of(primary, keys)
end
local among = bulk_life.among

-- Through the setters of a model that has any.
local function give(row, values)
  local def = row.Model.definition
  if def.custom then row:set(values) end
  for name, value in next, values do
    local attr = def.by_name[name]
    if not attr.set then rawset(row, attr.name, value) end
  end
end

local function items_of(rows)
  local items = {}
  for i, row in ipairs(rows) do items[i] = { row = row } end
  return items
end

local function update_each(model, values, call, on, context)
  local rows, calls = rows_of(model, call), {}
  local names = names_of(values, context)
  for i, row in ipairs(rows) do
    local own = link.call(call)
    own.fields, own.silent, own.hooks = {}, call.silent, call.hooks
    for n, name in ipairs(names) do own.fields[n] = expression.attribute(model.definition, name).name end
    give(row, values)
    lifecycle.before_update(model, row, own, on)
    calls[i] = own
  end
  local notes = notes_of(rows, on, "Update")
  if uniform(rows, calls, values, #names) then
    local written = call.silent and values or link.stamped(model, link.with(values, {}))
    local own = link.with(link.call(call), { where = among(model, rows), silent = true })
    bulk_life.wrapped(model, "bulkUpdate", { values = written, options = own }, function(change)
      return bulk.update(model, change.values, change.options, context)
    end)
    link.remember(model, items_of(rows), written)
  else
    for i, row in ipairs(rows) do save.statement(model, row, calls[i]) end
  end
  for i, row in ipairs(rows) do lifecycle.behind(row, calls[i], on, "Update", notes[i]) end
  return #rows, rows
end

---Model:update.
---@async
---@param model table
---@param values table<string, any>
---@param options table where, individualHooks, hooks ...
---@param context string
---@return integer affected
---@return table[]? rows with `returning` or `individualHooks`
function bulk_life.update(model, values, options, context)
  bulk.check_where(model, options, context)
  local given = link.with(options, { attributes = link.with(values, {}) })
  return around(model, "Update", given, nil, function(call, on, each)
    -- A hook may have put something else there.
    check.type(call.attributes, "table", context .. ": options.attributes", "QueryError")
    if each then return update_each(model, call.attributes, call, on, context) end
    if call.validate ~= false then validate.values(model.definition, call.attributes) end
    return bulk_life.wrapped(model, "bulkUpdate", { values = call.attributes, options = call }, function(change)
      return bulk.update(model, change.values, change.options, context)
    end)
  end)
end

local function destroy_each(model, call, on, context)
  local rows = rows_of(model, call)
  for _, row in ipairs(rows) do fire(on.beforeDestroy, row, call) end
  local own = link.with(call, { where = among(model, rows) })
  local affected = bulk_life.wrapped(model, "bulkDestroy", { options = own }, function(change)
    return bulk.delete(model, change.options, context)
  end)
  for _, row in ipairs(rows) do fire(on.afterDestroy, row, call) end
  return affected
end

---Model:restore of a paranoid model.
---@async
---@param model table
---@param options table where, individualHooks, hooks ...
---@param send fun(call: table): integer restores the rows
---@return integer affected
function bulk_life.restore(model, options, send)
  return around(model, "Restore", options, nil, function(call, on, each)
    if not each then return send(call) end
    local deleted, live = model.definition.deleted.name, model.definition.roles.live
    local rows = rows_of(model, link.with(call, {
      paranoid = false, where = link.all_of(call.where, { [deleted] = { [Op.ne] = live } }),
    }))
    for _, row in ipairs(rows) do fire(on.beforeRestore, row, call) end
    local affected = send(link.with(call, { where = among(model, rows) }))
    link.remember(model, items_of(rows), { [deleted] = live })
    for _, row in ipairs(rows) do fire(on.afterRestore, row, call) end
    return affected
  end)
end

---Model:destroy.
---@async
---@param model table
---@param options table where, individualHooks, hooks ...
---@param context string
---@return integer affected
function bulk_life.destroy(model, options, context)
  bulk.check_where(model, options, context)
  return around(model, "Destroy", options, nil, function(call, on, each)
    if each then return destroy_each(model, call, on, context) end
    return bulk_life.wrapped(model, "bulkDestroy", { options = call }, function(change)
      return bulk.delete(model, change.options, context)
    end)
  end)
end

return bulk_life
