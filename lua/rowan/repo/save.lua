--- Saving one row, new or stored: the statement that it needs, with validation and hooks around it where the model has
--- any. Called by Instance:save, and by whatever stores single rows.

local bulk = require("rowan.repo.bulk")
local collect = require("rowan.change.collect")
local build = require("rowan.change.build")
local lifecycle = require("rowan.repo.lifecycle")
local null = require("rowan.base.null")
local undo = require("rowan.repo.written")
local wrap = require("rowan.repo.wrap")
local write = require("rowan.repo.write")

local save = {}

local function chosen(def, names, fields)
  local keep, list = {}, {}
  for _, name in ipairs(fields) do
    if not def.by_name[name] then build.unknown(def, name, def.name .. ":save") end
    keep[name] = true
  end
  for _, name in ipairs(names) do
    if keep[name] then list[#list + 1] = name end
  end
  return list
end

-- A failed INSERT leaves the row without the timestamps and canonical values that were made for it.
local function insert(model, row, options)
  local before = {}
  for name, value in next, row do before[name] = value end
  local ok, problem = pcall(write.insert, model, row, options)
  if ok then return end
  for _, attr in ipairs(model.definition.list) do rawset(row, attr.name, before[attr.name]) end
  error(problem, 0)
end

-- UPDATEs a row with values that the database computes, which the row shows then.
local function compute(model, row, names, options)
  local def, given, shown = model.definition, {}, {}
  for _, name in ipairs(names) do
    local value = rawget(row, name)
    if value == nil then value = null end
    given[name], shown[#shown + 1] = value, name
  end
  for _, attr in ipairs(def.list) do
    local kept = attr == def.updated or attr == def.version or attr.generated
    if kept and given[attr.name] == nil then shown[#shown + 1] = attr.name end
  end
  local call = { where = write.condition_of(def, row), returning = true, silent = options and options.silent }
  for _, name in ipairs({ "transaction", "logging", "benchmark" }) do call[name] = options and options[name] end
  for _, filter in ipairs(def.filters or {}) do call[filter.option] = false end
  local affected, made = bulk.update(model, given, call, model.name .. ":save")
  if affected ~= 1 then write.raise_gone(model, row, options) end
  undo.replaced(model, row, shown, options)
  write.take(row, made[1], shown)
end

-- What stands outside of `fields` is no part of an INSERT: the row has its defaults meanwhile.
local function set_aside(def, row, fields)
  local keep, aside = {}, {}
  for _, name in ipairs(fields) do
    if not def.by_name[name] then build.unknown(def, name, def.name .. ":save") end
    keep[name] = true
  end
  for _, attr in ipairs(def.list) do
    local value = rawget(row, attr.name)
    local kept = attr.primary or attr == def.created or attr == def.updated or attr == def.version
    if value ~= nil and not (kept or keep[attr.name]) then
      aside[attr.name] = value
      rawset(row, attr.name, nil)
    end
  end
  build.defaults(def, row)
  return aside
end

---Has new rows INSERTed with some of their attributes alone; the others stay in the rows.
---@async
---@param model table
---@param rows table[]
---@param fields? string[] nil: all of them
---@param send fun()
function save.limited(model, rows, fields, send)
  if not fields then return send() end
  local aside = {}
  for i, row in ipairs(rows) do aside[i] = set_aside(model.definition, row, fields) end
  local ok, problem = pcall(send)
  for i, row in ipairs(rows) do
    for name, value in next, aside[i] do rawset(row, name, value) end
  end
  if not ok then error(problem, 0) end
end

local function insert_fields(model, row, options)
  save.limited(model, { row }, options.fields, function() insert(model, row, options) end)
end

---The statement alone.
---@async
---@param model table
---@param row table new or stored
---@param options? table
---@return boolean sent false when there was nothing to write
function save.send(model, row, options)
  local def, is_new = model.definition, row.isNewRecord
  if not is_new and not (options and options.fields) then
    local values, key, canonical = collect.changes(def, row, model.associations)
    if values then
      write.changes(model, row, values, key, canonical, options)
      return true
    end
    if values == nil then return false end
  end
  collect.check_fields(def, row, model.associations)
  if is_new then
    local send = options and options.fields and insert_fields or insert
    send(model, row, options)
    return true
  end
  local names = collect.changed(def, row)
  if names and options and options.fields then names = chosen(def, names, options.fields) end
  if not names or #names == 0 then return false end
  if collect.holds_expression(def, row, names) then
    compute(model, row, names, options)
  else
    write.update(model, row, names, options)
  end
  return true
end

---The statement with what plugins wrap around it, without hooks and validation.
---@async
---@param model table
---@param row table
---@param options? table
---@return boolean sent
function save.statement(model, row, options)
  local writes, kind = model.definition.writes, row.isNewRecord and "insert" or "update"
  local change = { kind = kind, model = model, row = row, options = options }
  return wrap.run(writes and writes[kind], change, function(given) return save.send(model, row, given.options) end)
end

---Writes what changed in a row: INSERT for a new one, UPDATE of the changed columns otherwise, nothing when nothing
---changed.
---@async
---@param model table
---@param row table
---@param options? { fields?: string[], silent?: boolean, hooks?: boolean, transaction?: any, logging?: any }
---@return table row
function save.row(model, row, options)
  local def = model.definition
  if not def.watched then
    save.send(model, row, options)
  else
    lifecycle.save(model, row, options, function(call) return save.statement(model, row, call) end)
  end
  return row
end

---Deletes a stored row.
---@async
---@param model table
---@param row table
---@param options? { hooks?: boolean, transaction?: any, logging?: any }
---@return integer affected
function save.destroy(model, row, options)
  local def = model.definition
  if not def.watched then return write.delete(model, row, options) end
  return lifecycle.around(model, "Destroy", row, options, function(call)
    return wrap.run(def.writes and def.writes.destroy, { kind = "destroy", model = model, row = row, options = call },
      function(change) return write.delete(model, row, change.options) end)
  end)
end

return save
