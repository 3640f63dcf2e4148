--- Taking an attribute out of a definition: whatever else was said of it must still make sense. Called by
--- Model:removeAttribute.

local definition = require("rowan.schema.definition")
local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local removal = {}

local function fail(def, name, rule)
  errors.raise("DefinitionError", { message = ("%s: %s cannot be removed: %s"):format(def.name, name, rule) })
end

local function has(list, item)
  for _, one in ipairs(list) do
    if one == item then return true end
  end
  return false
end

-- Whether a condition is about an attribute.
local function names(condition, name)
  if type(condition) ~= "table" then return false end
  for key, value in next, condition do
    local head = type(key) == "string" and key:match("^[%w_]+")
    if key == name or head == name or names(value, name) then return true end
  end
  return false
end

-- What is made of several attributes would be another thing without one of them.
local function check_groups(def, attr)
  for _, group in ipairs(def.uniques) do
    if #group.attrs > 1 and has(group.attrs, attr) then
      fail(def, attr.label, ("the unique %s is over it and others"):format(group.name))
    end
  end
  for _, index in ipairs(def.indexes) do
    local held = false
    for _, field in ipairs(index.fields) do held = held or field.attr == attr end
    if held and #index.fields > 1 or has(index.include or {}, attr) or names(index.where, attr.label) then
      fail(def, attr.label, ("the index %s needs it"):format(index.name))
    end
  end
end

local function check_virtuals(def, name)
  for _, attr in ipairs(def.virtuals) do
    if has(attr.type.dependencies, name) then fail(def, name, ("%s is made of it"):format(attr.label)) end
  end
end

---Takes an attribute out; raises when something of the definition needs it.
---@param def rowan.Definition
---@param name string
function removal.remove(def, name)
  local entries, attr = {}, nil
  for _, entry in ipairs(def.entries) do
    if entry.name == name then
      attr = def.by_name[name]
    else
      entries[#entries + 1] = entry
    end
  end
  if not attr then
    local known = {}
    for i, entry in ipairs(def.entries) do known[i] = entry.name end
    errors.raise("DefinitionError", {
      message = suggest.unknown(def.name .. ":removeAttribute: there is no attribute", tostring(name), known),
    })
  end
  if def.kept[name] then fail(def, name, "an option of the model keeps it; turn that off") end
  check_groups(def, attr)
  check_virtuals(def, name)
  local before, waiting = def.entries, #def.pending
  definition.rebuild(def, entries)
  if #def.pending == waiting then return end
  local subject = def.pending[#def.pending].subject
  definition.rebuild(def, before)
  fail(def, name, subject .. " is over it")
end

---Refuses to take out what another attribute points at.
---@param def rowan.Definition that may point
---@param target rowan.Definition
---@param name string
function removal.check_references(def, target, name)
  for _, attr in ipairs(def.list) do
    local to = attr.references
    if to and to.definition == target and to.key == name then
      fail(target, name, ("%s.%s references it"):format(def.name, attr.label))
    end
  end
end

---Refuses to take out a key of an association.
---@param def rowan.Definition
---@param name string
---@param made rowan.Association
function removal.check_association(def, name, made)
  local attr = def.by_name[name]
  for _, side in ipairs({ "keys", "source_keys", "target_keys" }) do
    for _, pair in ipairs(made[side] or {}) do
      if attr and (pair.source == attr or pair.through == attr or pair.target == attr) then
        fail(def, name, ("the association %s.%s goes by it"):format(made.source.name, made.as))
      end
    end
  end
end

return removal
