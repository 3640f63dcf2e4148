--- `include`: which associations are loaded with the rows. The list is walked in its own order; each entry becomes a
--- child of the query with options of its own.

local association = require("rowan.association")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")

local include = {}

local OPTIONS = { model = true, association = true, as = true, attributes = true, order = true, include = true }

local function fail(model, rule)
  errors.raise("EagerLoadingError", { message = "include: " .. model.name .. ": " .. rule })
end

local function is_model(value)
  return type(value) == "table" and rawget(value, "definition") ~= nil
end

local function resolve(model, what)
  local found, problem = association.find(model, what)
  if not found then fail(model, (problem:gsub("^" .. model.name .. " ", ""))) end
  return found
end

local NO_OPTIONS = {}

local function entry(model, item)
  if type(item) == "string" or association.is(item) or is_model(item) then return resolve(model, item), NO_OPTIONS end
  if type(item) ~= "table" then fail(model, "an entry is an alias, a model, an association or a table") end
  check.keys(item, OPTIONS, "include of " .. model.name, "EagerLoadingError")
  local what = item.association or item.as or item.model
  if what == nil then fail(model, "an entry needs one of as, model and association") end
  local found = resolve(model, what)
  if item.model and item.model.definition ~= found.target.definition then
    fail(model, ("the association %q leads to %s, not to %s"):format(found.as, found.target.name, item.model.name))
  end
  return found, item
end

---The entries of an `include` option.
---@param model table
---@param option any one entry or a list of them; nil for none
---@return { association: rowan.Association, options: table }[]
function include.entries(model, option)
  local list, seen = {}, {}
  if option == nil then return list end
  local is_list = type(option) == "table" and not is_model(option) and not association.is(option)
    and (option[1] ~= nil or next(option) == nil)
  for _, item in ipairs(is_list and option or { option }) do
    local found, options = entry(model, item)
    if seen[found.as] then fail(model, ("the association %q is included twice"):format(found.as)) end
    seen[found.as] = true
    list[#list + 1] = { association = found, options = options }
  end
  return list
end

---Names of the model's attributes that its children are found by, so that they are read with the rows.
---@param entries { association: rowan.Association }[]
---@return string[]
function include.needed(entries)
  local names = {}
  for _, item in ipairs(entries) do
    for _, pair in ipairs(item.association.keys) do names[#names + 1] = pair.source.name end
  end
  return names
end

return include
