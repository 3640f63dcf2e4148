--- Writing single rows: insert, save, delete. A row is changed in memory only after the database said that it was
--- written.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local collect = require("rowan.change.collect")
local driver = require("rowan.driver")
local duplicates = require("rowan.repo.duplicates")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local projection = require("rowan.query.projection")
local returned = require("rowan.repo.returned")
local run = require("rowan.repo.run")
local rows = require("rowan.driver.rows")
local undo = require("rowan.repo.written")
local write_plan = require("rowan.query.write")

local write = {}

---The statement that describes all attributes of a model, for the snapshots of rows that were not read but written.
---@param model table
---@return userdata
function write.layout(model)
  local kept = plans.of(model)
  if not kept.layout then
    local columns = {}
    for i, attr in ipairs(model.definition.list) do columns[i] = projection.column(attr) end
    kept.layout = driver.statement("", "", columns)
  end
  return kept.layout
end

---Names of attributes: those of a plan's parameters, which are then taken out of tables by name.
---@param attrs table[]
---@return string[]
function write.names(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return names
end

---Takes the fields of a row as what is stored: after it was read again into the same table.
---@param model table
---@param row table
---@return table row
function write.adopt_read(model, row)
  local def = model.definition
  local values = row
  if def.has_dump then
    values = {}
    for _, attr in ipairs(def.list) do
      local value = rawget(row, attr.name)
      if value ~= nil and attr.type.dump then value = attr.type.dump(value) end
      values[attr.name] = value
    end
  end
  return rows.adopt(row, model._template, write.layout(model), values)
end

-- A plan whose parameters are taken by the names of their attributes.
local function named(plan, model)
  plan.model, plan.names, plan.count = model, write.names(plan.attrs), #plan.attrs
  return plan
end

---Names of the fields that an INSERT gives a row, for its undoing.
---@param plan rowan.WritePlan
---@return string[]
function write.made_by(plan)
  if plan.last_id then return { plan.last_id.name } end
  local names = {}
  for i, column in ipairs(plan.columns or {}) do names[i] = column.key end
  return names
end

local function insert_plan(model, row)
  local def = model.definition
  local plan = named(write_plan.insert(def, collect.attributes(def, row), model.db._dialect), model)
  plan.undone = undo.new(model, write.made_by(plan))
  return plan
end

---INSERTs a new instance whose values were looked at.
---@async
---@param model table
---@param row table
---@param values table what is bound, by attribute; the row itself where it shows that
---@param key number|string of the set of attributes
---@param options? table
---@return table row
function write.ready(model, row, values, key, options)
  local kept = model._plans
  if kept.generation ~= model.definition.generation then kept = plans.of(model) end
  local plan = kept.insert[key]
  if not plan then
    plan = insert_plan(model, row)
    kept.insert[key] = plan
  end
  local made, _, last_id, transaction = run.plan(model.db, plan, values, plan.count, options, nil, true, row)
  if plan.last_id then
    row[plan.last_id.name], values[plan.last_id.name] = last_id, last_id
  elseif plan.columns then
    values = returned.take(plan.columns, row, values, made)
  end
  undo.insert(transaction, row, plan.undone)
  return rows.adopt(row, model._template, kept.layout or write.layout(model), values)
end

-- INSERTs a row of which the database computes some values, which the row shows then.
local function insert_computed(model, row, values, computed, options)
  local group = {
    attrs = collect.attributes(model.definition, row), count = 1, rows = { row }, values = { values },
    computed = computed,
  }
  duplicates.send(model, group, duplicates.mode({ context = model.name .. ":create" }), options)
  undo.insert(run.transaction(model.db, options), row, group.undone_rows[1])
  return rows.adopt(row, model._template, write.layout(model), group.values[1])
end

---INSERTs a new instance.
---@async
---@param model table
---@param row table
---@param options? table
---@return table row
function write.insert(model, row, options)
  local def = model.definition
  local values, key, failures, computed = collect.insert(def, row, build.stamp(def))
  cast.check(def, failures)
  if computed then return insert_computed(model, row, values, computed, options) end
  return write.ready(model, row, values, key, options)
end

-- The attributes by which a stored row is found.
local function key_attributes(def)
  if #def.primary == 0 then
    errors.raise("InstanceError", { message = def.name .. " has no primary key, so a row cannot be written by itself" })
  end
  return write_plan.row_keys(def)
end

-- A key as the row was read: one that was changed in memory must not find another row.
local function original_key(def, row, attr)
  local value, known = rows.original(row, attr.name)
  if value == nil or known == false then
    errors.raise("InstanceError", {
      message = ("%s: the row was read without its %s %q, so it cannot be written; reload it")
        :format(def.name, attr == def.version and "version" or "primary key", attr.name),
    })
  end
  return value
end

local function append_key(def, row, params)
  local n, keys = #params, key_attributes(def)
  for i, attr in ipairs(keys) do
    local value, dump = original_key(def, row, attr), attr.type.dump
    params[n + i] = dump and dump(value) or value
  end
  return n + #keys
end

-- What of a row was about to be written, and what it was looked for by.
local function attempt(def, row)
  local values, sought = {}, {}
  for _, name in ipairs(collect.changed(def, row) or {}) do
    local value, attr = rawget(row, name), def.by_name[name]
    values[attr and attr.label or name] = value == nil and null or value
  end
  for _, attr in ipairs(write_plan.row_keys(def)) do sought[attr.label] = rows.original(row, attr.name) end
  return values, sought
end

-- The row that was to be written is not there, or has another version: which of the two, a look at it tells.
---@async
function write.raise_gone(model, row, options)
  local def = model.definition
  if def.version then
    local kept, params = plans.of(model), {}
    kept.version = kept.version or write_plan.version(def, model.db._dialect)
    local count = append_key(def, row, params) - 1
    local found = run.plan(model.db, kept.version, params, count, options, nil, true)
    local values, sought = attempt(def, row)
    def.missed(model, row, {
      read = rows.original(row, def.version.name), current = found and found[def.version.name] or nil,
      values = values, where = sought,
    })
  end
  errors.raise("InstanceError", { message = ("%s: the row is not in the database any more"):format(def.name) })
end

-- What a written row's version is, in its fields and among what was written.
local function count_version(def, row, values)
  local version = def.version
  if not version or version.system then return end
  local now = rows.original(row, version.name) + 1
  values[version.name] = now
  rawset(row, version.name, now)
end

local function save_key(attrs)
  if #attrs == 1 then return attrs[1].name end
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return table.concat(names, "\31")
end

---UPDATEs the named attributes of a stored instance and its updatedAt.
---@async
---@param model table
---@param row table
---@param names string[] not empty
---@param options? { silent?: boolean }
---@return table row
function write.update(model, row, names, options)
  local def, db = model.definition, model.db
  local before = {}
  for i, name in ipairs(names) do before[i] = rawget(row, name) end
  local updated = def.updated and not (options and options.silent) and def.updated.name
  for _, name in ipairs(names) do
    if name == updated then updated = nil end
    if def.version and name == def.version.name then
      errors.raise("InstanceError", {
        message = ("%s.%s is counted by each write; it cannot be set"):format(def.name, name),
      })
    end
  end
  if updated then
    names[#names + 1] = updated
    before[#names] = rawget(row, updated)
    row[updated] = build.now()
  end
  local ok, problem = pcall(write.update_named, model, db, row, names, options)
  if ok then return row end
  for i, name in ipairs(names) do row[name] = before[i] end
  error(problem, 0)
end

---The UPDATE itself; see write.update.
---@async
function write.update_named(model, db, row, names, options)
  local def = model.definition
  local attrs, params = collect.update(def, row, names)
  local count = append_key(def, row, params)
  local kept = plans.of(model).save
  local key = save_key(attrs)
  local plan = kept[key]
  if not plan then
    plan = write_plan.save(def, attrs, db._dialect)
    plan.model = model
    kept[key] = plan
  end
  local made, affected, _, transaction = run.plan(db, plan, params, count, options, nil, nil, row)
  if affected ~= 1 then write.raise_gone(model, row, options) end
  undo.update(transaction, row)
  local written = {}
  for i, attr in ipairs(attrs) do written[attr.name] = params[i] end
  count_version(def, row, written)
  if plan.columns then returned.take(plan.columns, row, written, made[1]) end
  rows.update(row, written)
end

---Takes fields of another reading of a row over into it, as what is stored.
---@param row table
---@param other table
---@param names string[] of attributes
function write.take(row, other, names)
  local def, bound = getmetatable(row).Model.definition, {}
  for _, name in ipairs(names) do
    local value, attr = rawget(other, name), def.by_name[name]
    if value ~= nil and attr.type.dump then value = attr.type.dump(value) end
    bound[name] = value == nil and null or value
  end
  rows.update(row, bound)
  for _, name in ipairs(names) do rawset(row, name, rawget(other, name)) end
end

---What a stored row is found by: its primary key, and its version where it has one, as they were read.
---@param def table
---@param row table
---@return table<string, any> condition
function write.condition_of(def, row)
  local keys, condition = key_attributes(def), {}
  for _, attr in ipairs(keys) do condition[attr.name] = original_key(def, row, attr) end
  return condition
end

-- The time that belongs into updatedAt; nil where it was given, is to stay, or is not kept at all.
local function update_stamp(def, values, options)
  local updated = def.updated
  if not updated or values[updated.name] ~= nil or (options and options.silent) then return nil end
  local now = build.now()
  return updated.type.plain and now or (updated.type.cast(now))
end

-- `values` has the key beside what changed.
local function changes_plan(model, values)
  local attrs = {}
  for _, attr in ipairs(model.definition.list) do
    if values[attr.name] ~= nil and not attr.primary and attr ~= model.definition.version then
      attrs[#attrs + 1] = attr
    end
  end
  return named(write_plan.save(model.definition, attrs, model.db._dialect), model)
end

---UPDATEs what `collect.changes` found in a stored instance, and its updatedAt. The row is changed only after that.
---@async
---@param model table
---@param row table
---@param values table what changed and the key, by attribute; becomes what was written
---@param key number|string of the set of attributes that changed
---@param canonical? table values that the row is to show
---@param options? { silent?: boolean }
---@return table row
function write.changes(model, row, values, key, canonical, options)
  local def, kept = model.definition, model._plans
  if kept.generation ~= def.generation then kept = plans.of(model) end
  local now = update_stamp(def, values, options)
  if now then
    values[def.updated.name] = now
    kept = kept.save_stamped
  else
    kept = kept.save_given
  end
  local plan = kept[key]
  if not plan then
    plan = changes_plan(model, values)
    kept[key] = plan
  end
  local made, affected, _, transaction = run.plan(model.db, plan, values, plan.count, options, nil, nil, row)
  if affected ~= 1 then write.raise_gone(model, row, options) end
  if transaction then undo.update(transaction, row) end
  if def.version then count_version(def, row, values) end
  if plan.columns then returned.take(plan.columns, row, values, made[1]) end
  rows.update(row, values)
  if now then row[def.updated.name] = now end
  if canonical then
    for name, value in next, canonical do row[name] = value end
  end
  return row
end

---DELETEs a stored instance.
---@async
---@param model table
---@param row table
---@param options? table
---@return integer affected 0 when the row was gone already
function write.delete(model, row, options)
  local kept = plans.of(model)
  if not kept.delete then
    kept.delete = write_plan.delete(model.definition, model.db._dialect)
    kept.delete.model = model
  end
  local params = {}
  local count = append_key(model.definition, row, params)
  local _, affected = run.plan(model.db, kept.delete, params, count, options, nil, nil, row)
  if affected == 0 and model.definition.version then write.raise_gone(model, row, options) end
  return affected
end

return write
