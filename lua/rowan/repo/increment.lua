--- Numbers made bigger or smaller where they are stored, so that calls at the same time all count. Called by model/writers
--- and by instances. Without hooks and validation, but with what plugins wrap around bulk updates.

local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local undo = require("rowan.repo.written")

local increment = {}

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

-- fields: a name, a list of names, or numbers by name.
local function values_of(def, fields, by, sign, context)
  if by == nil then by = 1 end
  local values = {}
  local function add(name, number)
    local attr = expression.attribute(def, name)
    values[attr.name] = bulk.increase(attr, number, sign, context)
  end
  if type(fields) == "string" then
    add(fields, by)
  elseif type(fields) ~= "table" or expression.is(fields) or next(fields) == nil then
    fail(context, "wants the name of an attribute, a list of names, or a table of numbers by name")
  elseif fields[1] ~= nil then
    for _, name in ipairs(fields) do add(name, by) end
  else
    for name, number in next, fields do add(name, number) end
  end
  return values
end

---Adds to attributes of the rows that match.
---@async
---@param model table
---@param fields string|string[]|table<string, any>
---@param options table where, by, silent, returning, limit, order, transaction, logging ...
---@param sign 1|-1
---@param context string
---@return integer affected
---@return table[]? rows with `returning`
function increment.rows(model, fields, options, sign, context)
  bulk.check_where(model, options, context)
  local values = values_of(model.definition, fields, options.by, sign, context)
  return bulk_life.wrapped(model, "bulkUpdate", { values = values, options = options }, function(change)
    return bulk.update(model, change.values, change.options, context)
  end)
end

-- The condition that finds a stored row, by the key it was read with.
local function key_of(row, def, context)
  local where = {}
  for _, attr in ipairs(def.primary) do
    where[attr.name] = rows.original(row, attr.name)
    if where[attr.name] == nil then
      errors.raise("InstanceError", {
        message = ("%s: the row was read without its primary key %q"):format(context, attr.name),
      })
    end
  end
  if next(where) == nil then
    errors.raise("InstanceError", { message = context .. ": the model has no primary key" })
  end
  return where
end

-- One row by its key. Where the database keeps the version by itself, nobody else wrote the row in between when it is
-- found with the one it was read with; else it is changed all the same.
local function send(model, row, fields, call, sign, context)
  local def = model.definition
  local version, key = def.version, key_of(row, def, context)
  local read = version and version.system and rows.original(row, version.name)
  if read then
    call.where = { [version.name] = read }
    for name, value in next, key do call.where[name] = value end
    local affected, changed = increment.rows(model, fields, call, sign, context)
    if affected == 1 then return affected, changed, true end
  end
  call.where = key
  return increment.rows(model, fields, call, sign, context)
end

-- The version that the row may go on with: not the stored one when somebody else wrote the row in between, whose other
-- values it does not know.
local function version_after(row, def, stored, is_sure)
  local version = def.version
  if not version then return nil end
  if version.system then return is_sure and rawget(stored, version.name) or nil end
  local before = rows.original(row, version.name)
  return before and rawget(stored, version.name) == before + 1 and before + 1 or before
end

---Adds to attributes of one stored row, which then shows their stored values.
---@async
---@param row table
---@param fields string|string[]|table<string, any>
---@param options? table by, silent, transaction, logging ...
---@param sign 1|-1
---@param context string
---@return table row
function increment.row(row, fields, options, sign, context)
  local model, call = row.Model, {}
  local def = model.definition
  if row.isNewRecord then errors.raise("InstanceError", { message = context .. ": the row is new; save it first" }) end
  local names = {}
  for name in next, values_of(def, fields, options and options.by, sign, context) do names[#names + 1] = name end
  for _, kept in ipairs({ def.updated or false, def.version or false }) do
    if kept then names[#names + 1] = kept.name end
  end
  for _, attr in ipairs(def.list) do
    if attr.generated then names[#names + 1] = attr.name end
  end
  for name, value in next, options or {} do call[name] = value end
  call.returning = names
  for _, one in ipairs(def.filters or {}) do call[one.option] = false end
  local affected, changed, is_sure = send(model, row, fields, call, sign, context)
  if affected ~= 1 then
    errors.raise("InstanceError", { message = context .. ": the row is not in the database any more" })
  end
  undo.replaced(model, row, names, options)
  local written, version = {}, version_after(row, def, changed[1], is_sure)
  for _, name in ipairs(names) do
    local value = rawget(changed[1], name)
    if def.version and name == def.version.name then value = version end
    row[name], written[name] = value, value == nil and null or value
  end
  rows.update(row, written)
  return row
end

return increment
