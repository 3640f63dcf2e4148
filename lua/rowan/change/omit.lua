--- The option `omitNull`: NULL given is as good as nothing given, so that an INSERT takes the default and an UPDATE keeps
--- what is stored. Keys of associations let go all the same. Called by model/writers and model/instance for a call, by
--- plugins/omit_null for a model.

local build = require("rowan.change.build")
local collect = require("rowan.change.collect")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")

local omit = {}

---The values of a new row without those that are NULL, also of the rows of associations among them.
---@param def rowan.Definition
---@param given any
---@return any
function omit.new(def, given)
  if type(given) ~= "table" or getmetatable(given) ~= nil then return given end
  local kept, associations = {}, def.model.associations
  for name, value in next, given do
    local made = type(value) == "table" and associations[name]
    if made then
      value = value[1] ~= nil and omit.list(made.target.definition, value) or omit.new(made.target.definition, value)
    end
    if value ~= null then kept[name] = value end
  end
  return kept
end

---@param def rowan.Definition
---@param list any
---@return any
function omit.list(def, list)
  if type(list) ~= "table" then return list end
  local kept = {}
  for i, given in ipairs(list) do kept[i] = omit.new(def, given) end
  return kept
end

---The values of an UPDATE without those that are NULL, but for keys of associations.
---@param def rowan.Definition
---@param given table<string, any>
---@return table<string, any>
function omit.changes(def, given)
  local kept = {}
  for name, value in next, given do
    if value ~= null or (def.linked and def.linked[name]) then kept[name] = value end
  end
  return kept
end

---A row that is about to be written: a new one takes its defaults, a stored one has again what it was read with.
---@param def rowan.Definition
---@param row table
function omit.row(def, row)
  if row.isNewRecord then
    for name, value in next, row do
      if value == null then rawset(row, name, nil) end
    end
    return build.defaults(def, row)
  end
  for _, name in ipairs(collect.changed(def, row) or {}) do
    local value = rawget(row, name)
    if (value == nil or value == null) and not (def.linked and def.linked[def.by_name[name].label]) then
      rawset(row, name, (rows.original(row, name)))
    end
  end
end

return omit
