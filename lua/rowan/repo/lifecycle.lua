--- What runs around the writing of rows, in one place and one order: validation, hooks before, the statement, hooks after.
--- A model without hooks and validators never comes here. Called by repo/save (one row) and repo/bulk_life (many).
---
--- A call that has hooks behind its statement runs in a transaction of its own (a savepoint of the current one), so that an
--- error in one of them leaves nothing behind, of the call and of what hooks did. One that has hooks in front alone is in the
--- current one, or in one of its own that begins with their first statement: when they send none, it needs none.

local build = require("rowan.change.build")
local changed = require("rowan.change.changed")
local collect = require("rowan.change.collect")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local validate = require("rowan.change.validate")

local lifecycle = {}

local NONE = {}

---The hooks that a call runs, by name; none with `hooks = false`.
---@param def table
---@param options? table
---@return table<string, function[]>
function lifecycle.hooks_of(def, options)
  if def.hooks == nil or (options and options.hooks == false) then return NONE end
  return def.hooks
end

---Runs the hooks of one name.
---@async
---@param list? function[]
---@param ... any
function lifecycle.fire(list, ...)
  for i = 1, list and #list or 0 do list[i](...) end
end
local fire = lifecycle.fire

---A `where` as hooks get it: a table of its own, to which they may add conditions that are to hold as well.
---@param where any the option
---@return any
function lifecycle.condition(where)
  if where == everything then return {} end
  if type(where) ~= "table" then return where end
  if expression.is(where) then return { where } end
  local own = {}
  for key, value in next, where do own[key] = value end
  return own
end

---Runs `body(call, hooks)`, where `call` is a copy of the call's options that the hooks get and may change, with the
---transaction of the call in it.
---@async
---@param model table
---@param after string[] names of the hooks that run behind the statement
---@param options? table
---@param body fun(call: table, hooks: table<string, function[]>, t?: rowan.Transaction): ... with `t` one of the call's own
---@return any ... what body returned
function lifecycle.within(model, after, options, body)
  local on, call, behind = lifecycle.hooks_of(model.definition, options), {}, false
  for name, value in next, options or {} do call[name] = value end
  for _, name in ipairs(after) do behind = behind or on[name] ~= nil end
  local outer = not behind and run.transaction(model.db, options)
  if not behind and (outer or next(on) == nil) then
    call.transaction = outer or call.transaction
    return body(call, on)
  end
  local around = behind and transaction.around or transaction.around_hooks
  return around(model.db, options, function(t)
    call.transaction = t
    return body(call, on, t)
  end)
end

---Ends the time of the hooks in front of a statement: it needs no transaction when they sent nothing, and no hook follows.
---@param call table
function lifecycle.settle(call)
  call.transaction = transaction.leave(call.transaction)
end
local settle = lifecycle.settle

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

local function loaded_names(def, row)
  local names = {}
  for _, attr in ipairs(def.list) do
    if rawget(row, attr.name) ~= nil or rows.has(row, attr.name) then names[#names + 1] = attr.name end
  end
  return names
end

-- What is to be looked at in a row: what is about to be written of a stored one (or with `whole` what was read of it),
-- everything in a new one.
local function validated(model, row, call, whole)
  local def = model.definition
  local options = validate.options(def, call, model.name .. ":save")
  if row.isNewRecord then return options end
  local names, only = whole and loaded_names(def, row) or collect.changed(def, row) or NONE, {}
  for _, name in ipairs(names) do
    local attr = def.by_name[name]
    only[name] = not options.only or options.only[name] or (attr and options.only[attr.label]) or nil
  end
  return { skip = options.skip, only = only, strict = options.only ~= nil }
end

local function raise_invalid(model, row, call, on, failures)
  local problem = errors.new("ValidationError", { model = model.name, errors = failures })
  fire(on.validationFailed, row, call, problem)
  error(problem, 0)
end

---Validates a row with the hooks around it; raises one ValidationError with all that is wrong.
---@async
---@param model table
---@param row table
---@param call table
---@param on table<string, function[]>
---@param whole? boolean look at all of a stored row
function lifecycle.validate(model, row, call, on, whole)
  if call.validate == false then return end
  fire(on.beforeValidate, row, call)
  local failures = validate.failures(model.definition, row, validated(model, row, call, whole))
  if failures then raise_invalid(model, row, call, on, failures) end
  fire(on.afterValidate, row, call)
end

---Validates a row that is not about to be written.
---@async
---@param model table
---@param row table
---@param options? table skip, fields, hooks
function lifecycle.validate_alone(model, row, options)
  local call = {}
  for name, value in next, options or NONE do call[name] = value end
  lifecycle.validate(model, row, call, lifecycle.hooks_of(model.definition, options), true)
end

local function copy(row)
  local fields = {}
  for name, value in next, row do fields[name] = value end
  return fields
end

-- Runs fn; when it fails, the attributes of the row are again what they were.
local function restoring(model, row, fn, ...)
  local before = copy(row)
  local function conclude(ok, ...)
    if ok then return ... end
    for _, attr in ipairs(model.definition.list) do rawset(row, attr.name, before[attr.name]) end
    error((...), 0)
  end
  return conclude(pcall(fn, ...))
end

-- Attributes of a row that have another value than before.
local function replaced(def, row, before)
  local names = {}
  for _, attr in ipairs(def.list) do
    if rawget(row, attr.name) ~= before[attr.name] then names[#names + 1] = attr.name end
  end
  return names
end

-- `fields` of a call, and what the hooks in front of its statement changed in the row.
local function with_changed(def, row, fields, before, dirty)
  local list, seen = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  for _, name in ipairs(fields) do add(name) end
  for _, name in ipairs(replaced(def, row, before)) do add(name) end
  for _, name in ipairs(not row.isNewRecord and collect.changed(def, row) or NONE) do
    if not dirty[name] then add(name) end
  end
  return list
end

---Validates new rows with the hooks around it; raises one AggregateError with what is wrong with all of them.
---@async
---@param model table
---@param list table[]
---@param call table
---@param on table<string, function[]>
function lifecycle.validate_each(model, list, call, on)
  validate.check_each(model.definition, list, function(row)
    build.stamp_new(model.definition, row)
    local ok, problem = pcall(lifecycle.validate, model, row, call, on)
    if ok then return nil end
    if not errors.is(problem, "ValidationError") then error(problem, 0) end
    return problem
  end)
end

local CREATED, UPDATED = { "afterCreate", "afterSave" }, { "afterUpdate", "afterSave" }

---Hooks and validation in front of the INSERT of a new row.
---@async
---@param model table
---@param row table
---@param call table
---@param on table<string, function[]>
function lifecycle.before_create(model, row, call, on)
  build.stamp_new(model.definition, row)
  local before = call.fields and copy(row)
  lifecycle.validate(model, row, call, on)
  fire(on.beforeCreate, row, call)
  fire(on.beforeSave, row, call)
  if before then call.fields = with_changed(model.definition, row, call.fields, before) end
end

-- What the hooks in front of an UPDATE put into a row that was validated before them.
local function validate_replaced(model, row, before, call, on)
  local def = model.definition
  local names = call.validate ~= false and replaced(def, row, before) or NONE
  if not names[1] then return end
  local failures = validate.failures(def, row, { only = set_of(names), strict = true, part = "row" })
  if failures then raise_invalid(model, row, call, on, failures) end
end

local function fire_behind(row, call, first, second)
  fire(first, row, call)
  fire(second, row, call)
end

---What is about to be written of a row, for the hooks behind that; nil when there are none.
---@param row table
---@param on table<string, function[]>
---@param what "Create"|"Update"
---@return rowan.WrittenNote?
function lifecycle.note(row, on, what)
  return (on["after" .. what] or on.afterSave) and changed.note(row) or nil
end

---Hooks behind the INSERT or UPDATE of a row.
---@async
---@param row table
---@param call table
---@param on table<string, function[]>
---@param what "Create"|"Update"
---@param note? rowan.WrittenNote as lifecycle.note gave it
function lifecycle.behind(row, call, on, what, note)
  if note then changed.behind(row, note, fire_behind, row, call, on["after" .. what], on.afterSave) end
end

---Hooks and validation in front of the UPDATE of a stored row; what the hooks change joins `call.fields`.
---@async
---@param model table
---@param row table
---@param call table
---@param on table<string, function[]>
function lifecycle.before_update(model, row, call, on)
  local def = model.definition
  local before, dirty = copy(row), set_of(collect.changed(def, row) or NONE)
  lifecycle.validate(model, row, call, on)
  local valid = def.validates and (on.beforeUpdate or on.beforeSave) and copy(row)
  fire(on.beforeUpdate, row, call)
  fire(on.beforeSave, row, call)
  if valid then validate_replaced(model, row, valid, call, on) end
  if call.fields then call.fields = with_changed(def, row, call.fields, before, dirty) end
end

---Writes a row with what belongs around it.
---@async
---@param model table
---@param row table new or stored
---@param options? table
---@param send fun(call: table): boolean the statement; false when there was nothing to write
function lifecycle.save(model, row, options, send)
  local is_new = row.isNewRecord
  restoring(model, row, lifecycle.within, model, is_new and CREATED or UPDATED, options, function(call, on)
    if is_new then
      lifecycle.before_create(model, row, call, on)
    else
      lifecycle.before_update(model, row, call, on)
    end
    local what = is_new and "Create" or "Update"
    local note = lifecycle.note(row, on, what)
    settle(call)
    if send(call) or is_new then lifecycle.behind(row, call, on, what, note) end
  end)
end

---Runs the hooks before and after something else that is done to one row.
---@async
---@param model table
---@param what "Destroy"|"Restore"
---@param row table
---@param options? table
---@param send fun(call: table): ...
---@return any ... what send returned
function lifecycle.around(model, what, row, options, send)
  return lifecycle.within(model, { "after" .. what }, options, function(call, on)
    fire(on["before" .. what], row, call)
    settle(call)
    local made = send(call)
    fire(on["after" .. what], row, call)
    return made
  end)
end

return lifecycle
