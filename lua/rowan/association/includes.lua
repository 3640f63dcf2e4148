--- The option `include` of create and bulkCreate: which associations the values of a new row may hold, level by level.
--- (Finders read theirs in query/include, which knows far more options.)

local association = require("rowan.association")
local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local names = require("rowan.association.names")

local includes = {}

local OPTIONS = check.set({ "model", "association", "as", "include", "through" })
local THROUGH = check.set({ "model" })

---@class rowan.IncludedAssociation
---@field association rowan.Association
---@field entries rowan.IncludedAssociation[] what its rows may hold in turn

local function resolve(model, what, context)
  local found, problem = association.find(model, what)
  if not found then names.fail(context, "include: " .. problem) end
  return found
end

-- The junction may be named; it cannot be another one.
local function check_through(found, through, context)
  check.type(through, "table", context .. ": through", "AssociationError")
  check.keys(through, THROUGH, context .. ": through", "AssociationError")
  local own, named = found.through and found.through.model, through.model
  if named ~= nil and not (own and elsewhere.is_model(named) and elsewhere.same_model(named, own)) then
    names.fail(context, ("through of %q must be %s"):format(found.as, own and own.name or "left out"))
  end
end

local function entry(model, item, context)
  if elsewhere.is_model(item) then return elsewhere.toward(resolve(model, item, context), item) end
  if type(item) == "string" or association.is(item) then return resolve(model, item, context) end
  if type(item) ~= "table" then
    names.fail(context, "include: an entry is an alias, a model, an association or a table")
  end
  check.keys(item, OPTIONS, context .. ": include", "AssociationError")
  local what = item.association or item.as or item.model
  if what == nil then names.fail(context, "include: an entry needs one of as, model and association") end
  local found = resolve(model, what, context)
  if item.through ~= nil then check_through(found, item.through, context .. ": include") end
  return elsewhere.toward(found, item.model), item.include
end

---The associations that an `include` names.
---@param model table
---@param option any one entry or a list of them; nil for none
---@param context string "User:create"
---@return rowan.IncludedAssociation[]
function includes.entries(model, option, context)
  local list, seen = {}, {}
  if option == nil then return list end
  local is_list = type(option) == "table" and not elsewhere.is_model(option) and not association.is(option)
    and (option[1] ~= nil or next(option) == nil)
  for i, item in ipairs(is_list and option or { option }) do
    local found, nested = entry(model, item, context)
    elsewhere.check(found)
    if seen[found.as] then names.fail(context, ("include: the association %q is named twice"):format(found.as)) end
    seen[found.as] = true
    list[i] = { association = found, entries = includes.entries(found.target, nested, context) }
  end
  return list
end

return includes
