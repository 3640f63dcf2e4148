--- Model:bulkUpdate: many rows, each with values of its own, found by a key; one UPDATE for each set of attributes that
--- occurs, all or nothing. Instances among the rows change only after the database has.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local collect = require("rowan.change.collect")
local conflict = require("rowan.query.conflict")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local filter = require("rowan.query.filter")
local groups = require("rowan.repo.groups")
local link = require("rowan.repo.link")
local literals = require("rowan.query.literals")
local null = require("rowan.base.null")
local read = require("rowan.repo.read")
local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local tuple = require("rowan.base.tuple")
local undo = require("rowan.repo.written")
local validate = require("rowan.change.validate")
local write_many = require("rowan.query.write_many")

local bulk_update = {}

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

local function is_instance(row)
  return getmetatable(row) ~= nil and row.Model ~= nil
end

-- Names of what is to be set in a row, in the order of the definition.
local function names_of(def, row, key, fields, context)
  local chosen, names, is_key = nil, {}, {}
  for _, attr in ipairs(key.attrs) do is_key[attr.name] = true end
  if fields then
    chosen = {}
    for _, name in ipairs(fields) do chosen[expression.attribute(def, name).name] = true end
  elseif is_instance(row) then
    chosen = {}
    for _, name in ipairs(collect.changed(def, row) or {}) do chosen[name] = true end
  else
    for name in next, row do
      if not def.by_name[name] then build.unknown(def, name, context) end
    end
  end
  for _, attr in ipairs(def.list) do
    local wanted = not is_key[attr.name] and (chosen == nil or chosen[attr.name])
    -- An attribute of an instance that is nil is NULL; of a plain table, it is not given.
    if wanted and (rawget(row, attr.name) ~= nil or (is_instance(row) and chosen ~= nil)) then
      names[#names + 1] = attr.name
    end
  end
  return names
end

local function check_row(model, row, i, context)
  if type(row) ~= "table" then fail(context, ("row %d is no table"):format(i)) end
  if not is_instance(row) then return end
  if row.Model.definition ~= model.definition then fail(context, ("row %d is of another model"):format(i)) end
  if row.isNewRecord then fail(context, ("row %d is new; save it first"):format(i)) end
end

local function key_value(row, attr, i, context)
  local value
  if is_instance(row) then value = rows.original(row, attr.name) else value = rawget(row, attr.name) end
  if value == nil or value == null then
    fail(context, ("row %d has no %s, by which it is found"):format(i, attr.name))
  end
  return value
end

-- What is bound for a row, and what it will show.
local function bind(def, row, names, key, now, i, context)
  local bound, shown, failures = {}, {}, nil
  for _, attr in ipairs(key.attrs) do
    bound[attr.name], failures = cast.value(attr, key_value(row, attr, i, context), failures)
  end
  for _, name in ipairs(names) do
    local value = rawget(row, name)
    if value == nil then value = null end
    bound[name], failures = cast.bind(shown, def.by_name[name], value, failures)
  end
  if failures then
    local ok, problem = pcall(cast.check, def, failures)
    if not ok then problem.message = ("row %d: %s"):format(i, problem.message) end
    error(problem, 0)
  end
  if now and bound[def.updated.name] == nil then bound[def.updated.name], shown[def.updated.name] = now, now end
  return bound, shown
end

local function validate_row(def, row, names)
  if not def.validates then return end
  local values = {}
  for _, name in ipairs(names) do values[name] = rawget(row, name) end
  validate.values(def, values)
end

local function key_of(values, key)
  local list = {}
  for i, attr in ipairs(key.attrs) do list[i] = values[attr.name] end
  return list
end

-- The key of a row that was read, as it is bound.
local function key_read(row, key)
  local list = {}
  for i, attr in ipairs(key.attrs) do list[i] = (cast.value(attr, rawget(row, attr.name))) end
  return list
end

local function new_group(def, names, token)
  local group = { key = token, attrs = {}, count = 0, rows = {}, values = {}, shown = {} }
  for i, name in ipairs(names) do group.attrs[i] = def.by_name[name] end
  return group
end

-- Rows with the same set of attributes together, in pieces that one statement takes.
local function grouped(model, list, key, options, context)
  local def, made, by_names, seen = model.definition, {}, {}, {}
  local now = def.updated and not options.silent and build.now() or nil
  for i, row in ipairs(list) do
    check_row(model, row, i, context)
    local names = names_of(def, row, key, options.fields, context)
    if names[1] then
      if options.validate ~= false then validate_row(def, row, names) end
      local bound, shown = bind(def, row, names, key, now, i, context)
      local found = key_of(bound, key)
      local before = tuple.get(seen, found)
      if before then fail(context, ("rows %d and %d have the same %s"):format(before, i, conflict.names(key.attrs))) end
      tuple.put(seen, found, i)
      if now and rawget(row, def.updated.name) == nil or now and is_instance(row) then
        names[#names + 1] = def.updated.name
      end
      local token = table.concat(names, "\31")
      local group = by_names[token]
      if not group then
        group = new_group(def, names, token)
        by_names[token], made[#made + 1] = group, group
      end
      group.count = group.count + 1
      group.rows[group.count], group.values[group.count] = row, bound
      group.shown[bound] = shown
    end
  end
  return groups.sliced(made)
end

local function reads_of(def, key, returning)
  if returning then return def.list end
  local reads, is_key = {}, {}
  for i, attr in ipairs(key.attrs) do reads[i], is_key[attr] = attr, true end
  if def.version and not is_key[def.version] then reads[#reads + 1] = def.version end
  return reads
end

local function new_plan(model, group, key, text, options)
  local def = model.definition
  local plan = write_many.update(def, key, group.attrs, model.db._dialect, text ~= "" and text or nil,
    reads_of(def, key, options.returning))
  plan.model, plan.many = model, true
  return plan
end

-- The parameters are lists, one for all rows, so that what the definition's filters say stands in the text; what those of a
-- call say is looked at before (let_through).
local function plan_of(model, group, key, options)
  local def = model.definition
  local narrowed = filter.is_fixed(def) and filter.narrow(def, nil, options) or nil
  local text = narrowed and literals.where(model.db._dialect, def, narrowed) or ""
  local token = table.concat({ "update each", def.generation, key.token, group.key,
    options.returning and "returning" or "", text }, "\31")
  return model.db._plans:kept(token, new_plan, model, group, key, text, options)
end

-- Sends one group; the rows that were there join `state`, and the others `state.missing`.
local function send(model, group, key, options, call, state)
  local plan = plan_of(model, group, key, options)
  local template = options.returning and model._template or nil
  local answers = run.plan(model.db, plan, group.values, plan.count, call, template)
  local by_key = {}
  for _, answer in ipairs(answers) do
    tuple.put(by_key, key_read(answer, key), answer)
  end
  for i = 1, group.count do
    local answer = tuple.get(by_key, key_of(group.values[i], key))
    local row = group.rows[i]
    if answer then
      state.count = state.count + 1
      local bound = group.values[i]
      state.done[state.count] = { row = row, bound = bound, shown = group.shown[bound], answer = answer }
    else
      state.missing[#state.missing + 1] = row
    end
  end
  if #answers ~= group.count - (#state.missing - state.missed) then
    errors.raise("DatabaseError", {
      message = ("%s:bulkUpdate: %d rows were sent and %d were changed, under other keys")
        :format(model.name, group.count, #answers),
    })
  end
end

-- Instances show what was written, once it was.
local function refresh(model, key, state, options)
  local def = model.definition
  for _, one in ipairs(state.done) do
    local row = one.row
    if is_instance(row) then
      undo.update(run.transaction(model.db, options), row)
      for _, attr in ipairs(key.attrs) do one.bound[attr.name] = nil end
      for name, value in next, one.shown do row[name] = value end
      if def.version then
        local version = rawget(one.answer, def.version.name)
        row[def.version.name], one.bound[def.version.name] = version, version
      end
      rows.update(row, one.bound)
    end
  end
end

-- The rows of a group that the filters of the model let through, locked; the others join `missing`.
local function let_through(model, group, key, options, call, missing)
  local def, names, keys, found = model.definition, {}, {}, {}
  for i, attr in ipairs(key.attrs) do names[i] = attr.label end
  for i, row in ipairs(group.rows) do
    keys[i] = {}
    for k, attr in ipairs(key.attrs) do keys[i][k] = key_value(row, attr) end
  end
  local finder = link.with(link.call(call), {
    where = link.one_of(key.attrs, keys), attributes = names, raw = true, hooks = false,
    lock = model.db._dialect.supports.row_locks or nil,
  })
  for _, one in ipairs(def.filters) do finder[one.option] = options[one.option] end
  for _, row in ipairs(read.all(model, finder)) do
    tuple.put(found, key_read(row, key), true)
  end
  local kept = { key = group.key, attrs = group.attrs, count = 0, rows = {}, values = {}, shown = group.shown }
  for i = 1, group.count do
    if tuple.get(found, key_of(group.values[i], key)) then
      kept.count = kept.count + 1
      kept.rows[kept.count], kept.values[kept.count] = group.rows[i], group.values[i]
    else
      missing[#missing + 1] = group.rows[i]
    end
  end
  return kept
end

local function key_option(def, given, context)
  if given ~= nil then return conflict.find(def, given, nil, context .. ": key", true) end
  if #def.primary == 0 then fail(context, "wants the option key: the model has no primary key") end
  return conflict.keys(def)[1]
end

---UPDATEs many rows, each with its own values.
---@async
---@param model table
---@param list table[] tables of values with the key, or stored instances
---@param options table key, fields, returning, strict, silent, validate, transaction, logging ...
---@param context string
---@return integer count rows changed
---@return table[]? rows with `returning`, in the order of the list
---@return table[] missing those of the list that are not stored
function bulk_update.rows(model, list, options, context)
  local key = key_option(model.definition, options.key, context)
  local made = grouped(model, list, key, options, context)
  local state = { count = 0, done = {}, missing = {}, missed = 0 }
  local fixed = filter.is_fixed(model.definition)
  local function all(call)
    for _, group in ipairs(made) do
      if not fixed then group = let_through(model, group, key, options, call, state.missing) end
      state.missed = #state.missing
      if group.count > 0 then send(model, group, key, options, call, state) end
    end
    if options.strict and state.missing[1] then
      errors.raise("InstanceError", {
        message = ("%s: %d of %d rows are not in the database"):format(context, #state.missing, #list),
      })
    end
  end
  if #made > 1 or (made[1] and (options.strict or not fixed)) then
    transaction.around(model.db, options, function(t)
      all({ transaction = t, logging = options.logging, benchmark = options.benchmark })
    end)
  else
    all(options)
  end
  refresh(model, key, state, options)
  if not options.returning then return state.count, nil, state.missing end
  local answers, answer_of = {}, {}
  for _, one in ipairs(state.done) do answer_of[one.row] = one.answer end
  for _, row in ipairs(list) do answers[#answers + 1] = answer_of[row] end
  return state.count, answers, state.missing
end

return bulk_update
