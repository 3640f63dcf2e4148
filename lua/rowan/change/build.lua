--- New rows: values checked by name, defaults and timestamps filled in. Pure but for the clock.

local clock = require("rowan.base.clock")
local custom = require("rowan.change.custom")
local errors = require("rowan.base.errors")
local fields = require("rowan.change.fields")
local json = require("rowan.types.json")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local suggest = require("rowan.base.suggest")
local values = require("rowan.driver.values")

local build = {}

local real_now = values.now

---Refuses a key that is no attribute.
---@param def table
---@param name any
---@param context string
function build.unknown(def, name, context)
  if def.model and def.model.associations[name] then
    errors.raise("QueryError", {
      message = ("%s: %q is an association of %s, not an attribute; create and bulkCreate make its rows where include "
        .. "names it"):format(context, name, def.name),
    })
  end
  local names = {}
  for i, entry in ipairs(def.entries) do names[i] = entry.name end
  errors.raise("QueryError", {
    message = context .. ": " .. suggest.unknown(def.name .. " has no attribute", tostring(name), names),
  })
end

---Now, as a DATE attribute holds it.
---@return string
function build.now()
  if clock.real then return real_now() end
  local replaced = clock.now()
  if replaced == nil then return real_now() end
  local text = values.timestamp(replaced)
  if not text then
    errors.raise("UsageError", { message = "the function given to rowan.setClock must return a time" })
  end
  return text
end

---Fills what the caller left out of a new row.
---@param def table
---@param row table
function build.defaults(def, row)
  for _, attr in ipairs(def.defaults) do
    if rawget(row, attr.name) == nil then
      local default = attr.default
      if attr.default_kind == "function" then default = default() end
      rawset(row, attr.name, json.copy(default))
    end
  end
end

-- Setters may look at what the row has, so that the defaults come first.
local function with_setters(def, given)
  local row, before = setmetatable({}, def.model._new), {}
  for name, value in next, given do before[def.by_name[name].name] = value end
  build.defaults(def, before)
  for name, value in next, before do
    local label = def.by_name[name].label
    if given[label] == nil and given[name] == nil then rawset(row, name, value) end
  end
  custom.assign(def, row, given)
  return row
end

---The fields of a new row from a caller's table, which is not changed.
---@param def table
---@param given table
---@param context string for messages
---@return table row with no metatable, or that of new rows
function build.row(def, given, context)
  if type(given) ~= "table" then
    errors.raise("QueryError", { message = context .. " wants a table of values, not " .. tostring(given) })
  end
  local row, by_name = {}, def.by_name
  for name, value in next, given do
    if not by_name[name] then build.unknown(def, name, context) end
    row[name] = value
  end
  if def.custom then return with_setters(def, row) end
  if def.defaults[1] then build.defaults(def, row) end
  return row
end

---A new instance with the values of a caller's table, which is not changed.
---@param model table
---@param given any
---@param context string for messages
---@param number? integer which row of a list it is, for messages
---@return table instance
function build.instance(model, given, context, number)
  local def = model.definition
  local row = not def.custom and type(given) == "table" and rows.build(fields.of(def), given, model._new)
  if not row then
    -- Says what is wrong.
    return setmetatable(build.row(def, given, number and context .. ": row " .. number or context), model._new)
  end
  if def.defaults[1] then build.defaults(def, row) end
  return row
end

---A new instance that can be stored as it is, with the key of its set of attributes; nil when its values have to be looked
---at one by one, by `build.instance` and `collect.insert`.
---@param model table
---@param given any
---@return table? instance
---@return number|string? key
function build.ready(model, given)
  local def, now = model.definition, nil
  if def.custom then return nil end
  if def.created or def.updated then now = clock.real or build.now() end
  return rows.create(def.fields or fields.of(def), given, model._new, now)
end

---The same for a list of values.
---@param model table
---@param list any[]
---@return table[]? instances
---@return number[]? keys that occur
---@return table[][]? groups the instances of each key
function build.ready_all(model, list)
  local def = model.definition
  if def.custom then return nil end
  return rows.create_all(fields.of(def), list, model._new, build.stamp(def))
end

---The time that rows which are inserted now get: text, or true for the core's clock; nil for a model that keeps none.
---@param def table
---@return string|boolean|nil
function build.stamp(def)
  if def.created or def.updated then return clock.real or build.now() end
  return nil
end

---Sets the timestamps of a row about to be inserted.
---@param def table
---@param row table
---@param now? string
function build.stamp_new(def, row, now)
  local created, updated = def.created, def.updated
  if not created and not updated then return end
  now = now or build.now()
  if created and (row[created.name] == nil or row[created.name] == null) then row[created.name] = now end
  if updated and (row[updated.name] == nil or row[updated.name] == null) then row[updated.name] = now end
end

return build
