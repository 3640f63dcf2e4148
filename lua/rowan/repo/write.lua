--- Writing single rows: insert, save, delete. A row is changed in memory only after the database said that it was
--- written.

local build = require("rowan.change.build")
local collect = require("rowan.change.collect")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local projection = require("rowan.query.projection")
local run = require("rowan.repo.run")
local rows = require("rowan.driver.rows")
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

-- What a row's snapshot is made of: bound values by name. A model without dumped types has them in the row itself.
local function written_values(def, row, attrs, params)
  if not def.has_dump then return row end
  local by_name = {}
  for _, attr in ipairs(def.list) do by_name[attr.name] = rawget(row, attr.name) end
  for i, attr in ipairs(attrs) do by_name[attr.name] = params[i] end
  return by_name
end

-- NULL is an absent field in a row that stands for what is stored.
local function drop_nulls(def, row)
  for _, attr in ipairs(def.list) do
    if rawget(row, attr.name) == null then row[attr.name] = nil end
  end
end

---Makes a row that was just inserted a stored instance.
---@param model table
---@param row table
---@param attrs table[]
---@param params any[]
function write.adopt(model, row, attrs, params)
  local def = model.definition
  local values = written_values(def, row, attrs, params)
  rows.adopt(row, model._template, write.layout(model), values)
  drop_nulls(def, row)
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

---INSERTs a new instance.
---@async
---@param model table
---@param row table
---@param options? table
---@return table row
function write.insert(model, row, options)
  local def, db = model.definition, model.db
  build.stamp_new(def, row)
  local params, n, key, attrs = collect.insert(def, row)
  local kept = plans.of(model).insert
  local plan = kept[key]
  if not plan then
    plan = write_plan.insert(def, attrs, db._dialect)
    plan.model = model
    kept[key] = plan
  end
  local made, _, last_id = run.plan(db, plan, params, n, options, nil, true, row)
  if plan.last_id then
    row[plan.last_id.name] = last_id
  elseif plan.columns then
    for name, value in next, made do row[name] = value end
  end
  write.adopt(model, row, attrs, params)
  return row
end

-- The primary key as the row was read: a key that was changed in memory must not find another row.
local function append_key(def, row, params)
  local n = #params
  for i, attr in ipairs(def.primary) do
    local value, known = rows.original(row, attr.name)
    if value == nil or known == false then
      errors.raise("InstanceError", {
        message = ("%s: the row was read without its primary key %q, so it cannot be written")
          :format(def.name, attr.name),
      })
    end
    params[n + i] = value
  end
  if #def.primary == 0 then
    errors.raise("InstanceError", { message = def.name .. " has no primary key, so a row cannot be written by itself" })
  end
  return n + #def.primary
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
  local before
  if def.updated and not (options and options.silent) then
    local updated = def.updated.name
    local given = false
    for _, name in ipairs(names) do given = given or name == updated end
    if not given then
      before = { name = updated, value = rawget(row, updated) }
      names[#names + 1] = updated
      row[updated] = build.now()
    end
  end
  local ok, problem = pcall(write.update_named, model, db, row, names, options)
  if ok then return row end
  if before then row[before.name] = before.value end
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
  local _, affected = run.plan(db, plan, params, count, options, nil, nil, row)
  if affected ~= 1 then
    errors.raise("InstanceError", { message = ("%s: the row is not in the database any more"):format(def.name) })
  end
  local written = {}
  for i, attr in ipairs(attrs) do
    written[attr.name] = params[i]
    if rawget(row, attr.name) == null then row[attr.name] = nil end
  end
  rows.update(row, written)
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
  return affected
end

return write
