--- DataTypes: the types of attributes by their Sequelize names. A type is used bare (`DataTypes.STRING`) or
--- with arguments (`DataTypes.STRING(50)`); what it is made of stands in `rowan.types.family`.

local array = require("rowan.types.array")
local document = require("rowan.types.document")
local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local number = require("rowan.types.number")
local suggest = require("rowan.base.suggest")
local temporal = require("rowan.types.temporal")
local text = require("rowan.types.text")
local uuid = require("rowan.types.uuid")
local virtual = require("rowan.types.virtual")

local types = {}

local known, names = {}, {}
for _, group in ipairs({ number, text, temporal, uuid, document, array, virtual }) do
  for name, value in pairs(group) do
    known[name] = value
    names[#names + 1] = name
  end
end
known.NUMERIC = known.DECIMAL
names[#names + 1] = "NUMERIC"

-- Types of Sequelize that are not here yet.
local PENDING = {
  CITEXT = true, HSTORE = true, RANGE = true, GEOMETRY = true, GEOGRAPHY = true, CIDR = true, INET = true,
  MACADDR = true, MACADDR8 = true, TSVECTOR = true,
}

---The types by name; an unknown name raises, with the nearest.
---@type table<string, rowan.Type>
types.DataTypes = setmetatable({}, {
  __index = function(_, name)
    local value = known[name]
    if value then return value end
    local message = PENDING[name] and ("DataTypes.%s is not supported yet"):format(name)
      or suggest.unknown("there is no type", name, names)
    errors.raise("DefinitionError", { message = message })
  end,
  __newindex = function()
    errors.raise("UsageError", { message = "DataTypes cannot be changed" })
  end,
  __tostring = function() return "rowan.DataTypes" end,
})

---Is `value` a type?
---@param value any
---@return boolean
function types.is(value)
  return family.is(value)
end

---The names of all types.
---@return string[]
function types.names()
  local list = {}
  for i = 1, #names do list[i] = names[i] end
  table.sort(list)
  return list
end

---The type that `value` stands for, ready for use by an attribute; raises DefinitionError for anything else.
---@param value any
---@param context? string what the type is for, in front of the message: "User.age"
---@return rowan.Type
function types.resolve(value, context)
  local rule
  if not family.is(value) then
    if type(value) == "string" and known[value:upper()] then
      rule = ("wants a type, not a string: write DataTypes.%s"):format(value:upper())
    else
      local given = value == nil and "nothing" or "a " .. type(value)
      rule = "wants a type such as DataTypes.STRING, not " .. given
    end
  elseif value.generate then
    rule = ("wants a type: DataTypes.%s is a default value"):format(value.key)
  elseif value.incomplete then
    rule = ("has a type that is not complete: DataTypes.%s %s"):format(value.key, value.incomplete)
  else
    return value
  end
  errors.raise("DefinitionError", { message = (context or "an attribute") .. " " .. rule })
end

return types
