--- The metatables that instances of a model get: of stored rows, of rows read in part, and of new ones. Called by
--- model/define and model/variants.

local custom = require("rowan.change.custom")

local templates = {}

local NAMES = { "_template", "_partial_template", "_new" }

local function tostring_row(row)
  return "rowan.instance: " .. getmetatable(row).Model.name
end

-- Instances find their methods through two tables: one that says whether they are stored, then the prototype.
local function instance_metatable(model, is_new, partial)
  local index = setmetatable({ Model = model, isNewRecord = is_new }, { __index = model.prototype })
  return { __index = index, __name = "rowan.instance", __tostring = tostring_row, Model = model, partial = partial }
end

---@param model rowan.Model
function templates.give(model)
  rawset(model, "_template", instance_metatable(model, false))
  rawset(model, "_partial_template", instance_metatable(model, false, true))
  rawset(model, "_new", instance_metatable(model, true))
end

---Lets getters and setters be found through the metatables, where the model has any.
---@param model rowan.Model
function templates.customise(model)
  local def = model.definition
  if next(def.hidden) == nil then return end
  model.db._custom = true
  for _, name in ipairs(NAMES) do
    local template = model[name]
    if not template.__newindex then
      template.__index, template.__newindex = custom.index(def, template.__index), custom.newindex(def)
      template.__pairs = custom.pairs
    end
  end
end

return templates
