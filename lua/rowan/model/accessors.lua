--- The methods that an association gives to the instances of its source: user:getPosts().

local association_layer = require("rowan.association")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local read = require("rowan.repo.read")
local select = require("rowan.query.select")

local accessors = {}

-- The condition that ties targets to `row`; nil when the row's side of the key is NULL, so that nothing can match.
local function condition_for(made, row)
  local condition = {}
  for _, pair in ipairs(made.keys) do
    local value = rawget(row, pair.source.name)
    if value == nil then return nil end
    condition[pair.target.name] = value
  end
  return condition
end

local function get(made, row, options)
  local context = made.source.name .. ":" .. made.accessors.get
  if options then select.check(options, context) end
  local condition = condition_for(made, row)
  if not condition then return made.multiple and {} or nil end
  local finder = {}
  for name, value in next, options or {} do finder[name] = value end
  local own = finder.where
  finder.where = (own == nil or own == everything) and condition or expression.and_(condition, own)
  if made.multiple then return read.all(made.target, finder) end
  return read.one(made.target, finder)
end

local METHODS = {
  get = get,
}

---Adds the methods of an association to its source's prototype; a name that is taken is refused.
---@param made rowan.Association
function accessors.define(made)
  local prototype, def = made.source.prototype, made.source.definition
  for role, method in pairs(METHODS) do
    local name = made.accessors[role]
    if name then
      if def.by_name[name] or prototype[name] ~= nil then
        association_layer.forget(made)
        errors.raise("AssociationError", {
          message = ("%s:%s: the method %s that the alias %q needs is there already; choose another alias with as")
            :format(made.source.name, made.kind, name, made.as),
        })
      end
      rawset(prototype, name, function(self, ...) return method(made, self, ...) end)
    end
  end
end

return accessors
