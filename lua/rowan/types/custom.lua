--- Types of the user's own, stored as one of the others: DataTypes.custom(name, { type =, cast =, dump =, load =, equal = }).

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local family = require("rowan.types.family")

local custom = {}

local OPTIONS = check.set({ "type", "cast", "dump", "load", "equal" })

local function fail(name, rule)
  errors.raise("DefinitionError", { message = ("DataTypes.custom(%q): %s"):format(tostring(name), rule) })
end

local function check_options(name, options)
  if type(name) ~= "string" or not name:find("^%u[%w_]*$") then
    fail(name, "the name must be letters and digits and begin with a capital")
  end
  if type(options) ~= "table" then fail(name, "wants a table of options") end
  check.keys(options, OPTIONS, ("DataTypes.custom(%q)"):format(name), "DefinitionError")
  local base = options.type
  if not family.is(base) or base.incomplete or not base.code then
    fail(name, "type must be the type that it is stored as")
  end
  for _, key in ipairs({ "cast", "dump", "load", "equal" }) do
    if options[key] ~= nil and type(options[key]) ~= "function" then fail(name, key .. " must be a function") end
  end
  if not options.cast and not options.dump then fail(name, "wants a cast, or a dump and a load, or all three") end
  if (options.dump ~= nil) ~= (options.load ~= nil) then fail(name, "dump and load belong together") end
end

local made = 0

local function same(a, b) return a == b end

-- What a cast raised, as a rule: without the place that Lua puts in front, unless it stumbled over the value.
-- Errors of the library go on.
local function rule_of(name, raised)
  if type(raised) == "table" and not errors.kind_of(raised) then raised = raised.message end
  if type(raised) ~= "string" then error(raised, 0) end
  local text = raised:match("^[^\n]-:%d+: (.*)$") or raised
  return text:find("^attempt to ") and ("must be a %s (%s)"):format(name, raised) or text
end

-- A cast that raises, and one that forgets to say why.
local function cast_of(name, options)
  local cast = options.cast
  if not cast then return function(v) return v end end
  return function(v)
    local ok, canonical, rule = pcall(cast, v)
    if not ok then return nil, rule_of(name, canonical) end
    if canonical == nil then return nil, rule or "must be a " .. name end
    return canonical
  end
end

local function with_dump(options, base, fields)
  fields.own_form = true
  function fields.dump(canonical)
    local stored, rule = options.dump(canonical)
    if stored == nil then return nil, rule or "cannot be stored" end
    stored, rule = base.cast(stored)
    if stored == nil then return nil, rule end
    if base.dump then return base.dump(stored) end
    return stored
  end
  function fields.load(stored)
    if base.load then stored = base.load(stored) end
    return options.load(stored)
  end
  fields.equal = options.equal or same
end

-- The functions of a type of these options that is stored as `base`.
local function fields_of(name, options, base, serial)
  local fields = {
    code = base.code, base = base, serial = serial, cast = cast_of(name, options),
    scale = base.scale, ordered = base.ordered,
  }
  -- The same, stored as one database needs it.
  function fields.stored_as(other)
    return family.variant(fields, fields_of(name, options, other, serial))
  end
  if options.dump then
    with_dump(options, base, fields)
    return fields
  end
  local own = fields.cast
  fields.dump, fields.load, fields.equal = base.dump, base.load, base.equal
  function fields.cast(v)
    local canonical, rule = own(v)
    if canonical == nil then return nil, rule end
    return base.cast(canonical)
  end
  return fields
end

---A type whose values are `cast` when they are set, stored as `dump` makes them, and read as `load` makes them.
---Raises DefinitionError for an option that is missing or unknown.
---
---    local Money = DataTypes.custom("Money", { type = DataTypes.INTEGER,
---      cast = function(v) return type(v) == "number" and v or nil, "must be an amount" end,
---      dump = function(v) return math.floor(v * 100 + 0.5) end, load = function(cents) return cents / 100 end })
---@param name string begins with a capital
---@param options rowan.CustomTypeOptions
---@return rowan.Type
function custom.type(name, options)
  check_options(name, options)
  made = made + 1
  local fields = fields_of(name, options, options.type, made)
  return family.define({ key = name, build = function() return fields end })
end

return custom
