--- Getters, setters and virtual attributes: what only the rows of models that have some pay for. The value of an attribute
--- with a getter or setter is in its row under another name (attribute.name, "_" and its label), so that reading and
--- writing the label go through the metatable, which finds the functions here.

local custom = {}

---The index of instances: getters first, then what every instance finds.
---@param def rowan.Definition
---@param base table
---@return fun(row: table, key: any): any
function custom.index(def, base)
  return function(row, key)
    local attr = def.hidden[key]
    if not attr or attr.shadowed then return base[key] end
    if attr.get then return attr.get(row) end
    return rawget(row, attr.name)
  end
end

---@param def rowan.Definition
---@return fun(row: table, key: any, value: any)
function custom.newindex(def)
  return function(row, key, value)
    local attr = def.hidden[key]
    if not attr then
      rawset(row, key, value)
    elseif attr.set then
      attr.set(row, value)
    else
      rawset(row, attr.name, value)
    end
  end
end

-- Whether everything that a virtual attribute is computed from was read; with nothing declared, everything has to be.
local function is_computable(row, attr)
  local partial = getmetatable(row).partial
  if not partial or partial ~= true and partial[attr.label] then return true end
  local def, needed = attr.definition, attr.type.dependencies
  for _, name in ipairs(needed) do
    local other = def.by_name[name]
    if other and rawget(row, other.name) == nil then return false end
  end
  return needed[1] ~= nil
end

---A row's fields as its user sees them: attributes by label, through their getters.
---@param row table an instance of a model with custom attributes
---@param raw? boolean past the getters
---@return table<string, any>
function custom.shown(row, raw)
  local def, out = getmetatable(row).Model.definition, {}
  for name, value in next, row do
    local attr = def.by_name[name]
    if not attr or attr.name == attr.label then out[name] = value end
  end
  for label, attr in next, def.hidden do
    local readable = rawget(row, attr.name) ~= nil or (attr.get and not getmetatable(row).partial)
    if attr.virtual then readable = rawget(row, attr.name) ~= nil or (attr.get and is_computable(row, attr)) end
    if readable and (raw or attr.shadowed) then
      out[label] = rawget(row, attr.name)
    elseif readable then
      out[label] = row[label]
    end
  end
  return out
end

---`pairs` over a row: what `shown` has.
---@param row table
---@return function, table, nil
function custom.pairs(row)
  return next, custom.shown(row), nil
end

---Sets attributes of a row through their setters, in the order of the definition.
---@param def rowan.Definition
---@param row table
---@param given table<string, any> by label
function custom.assign(def, row, given)
  for _, entry in ipairs(def.entries) do
    local value = given[entry.name]
    if value ~= nil then row[entry.name] = value end
  end
  -- Values under the names that rows have them by: an instance's own.
  for _, attr in next, def.hidden do
    if rawget(given, attr.name) ~= nil then rawset(row, attr.name, rawget(given, attr.name)) end
  end
end

---What a bulk write writes: the given values after their setters, by attribute name.
---@param def rowan.Definition
---@param given table<string, any>
---@return table<string, any>
function custom.values(def, given)
  local row, out = setmetatable({}, def.model._new), {}
  custom.assign(def, row, given)
  for name, value in next, row do
    local attr = def.by_name[name]
    if attr and not attr.virtual then out[name] = value end
  end
  return out
end

---Takes plain rows (raw = true), and what was included with them, to the labels of their attributes.
---@param model table
---@param list table[]
---@param seen? table<table, boolean>
function custom.relabel(model, list, seen)
  seen = seen or {}
  for _, row in ipairs(list) do
    if not seen[row] then
      seen[row] = true
      for label, attr in next, model.definition.hidden do
        if row[attr.name] ~= nil then row[label], row[attr.name] = row[attr.name], nil end
      end
      for as, made in next, model.associations do
        local below = row[as]
        if type(below) == "table" then custom.relabel(made.target, made.multiple and below or { below }, seen) end
      end
    end
  end
end

return custom
