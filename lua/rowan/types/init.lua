--- DataTypes: the types of attributes by their Sequelize names. A type is used bare (`DataTypes.STRING`) or
--- with arguments (`DataTypes.STRING(50)`); what it is made of stands in `rowan.types.family`.

local array = require("rowan.types.array")
local custom = require("rowan.types.custom")
local document = require("rowan.types.document")
local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local geometry = require("rowan.types.geometry")
local hstore = require("rowan.types.hstore")
local interval = require("rowan.types.interval")
local network = require("rowan.types.network")
local number = require("rowan.types.number")
local range = require("rowan.types.range")
local suggest = require("rowan.base.suggest")
local temporal = require("rowan.types.temporal")
local text = require("rowan.types.text")
local uuid = require("rowan.types.uuid")
local virtual = require("rowan.types.virtual")

local types = {}

local known, names = {}, {}
for _, group in ipairs({
  number, text, temporal, interval, uuid, document, array, range, hstore, network, geometry, virtual,
}) do
  for name, value in pairs(group) do
    known[name] = value
    names[#names + 1] = name
  end
end
known.NUMERIC = known.DECIMAL
names[#names + 1] = "NUMERIC"

---The types by name; an unknown name raises, with the nearest.
---@type rowan.DataTypes
types.DataTypes = setmetatable({}, {
  __index = function(_, name)
    local value = known[name]
    if value then return value end
    if name == "custom" then return custom.type end
    errors.raise("DefinitionError", { message = suggest.unknown("there is no type", name, names) })
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

types.token = family.token

---Codes of types whose values are numbers, which can be summed and increased.
---@type table<string, boolean>
types.NUMERIC = { i = true, I = true, n = true, d = true }

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
