--- What a data type is: a table of plain functions made by its family (`STRING`) from its arguments
--- (`STRING(50)`) and flags (`STRING(50).BINARY`). The families are the other files of this directory.

local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local family = {}

---@class rowan.Type
---@field key string "STRING"
---@field code? string how the driver binds and reads it, a letter of csrc/value/value.h; nil without a column
---@field cast fun(value: any): any, string? the canonical value, or nil and a rule that reads on after the
--- attribute's name ("must be an integer"); never sees nil or rowan.null
---@field dump? fun(canonical: any): any, string? what is bound, or nil and a rule; no field: bound as it is
---@field load? fun(text: string): any the Lua value of what the driver read; nil when that is final
---@field equal? fun(a: any, b: any): boolean for types whose values are tables
---@field plain? rowan.Plain values that `cast` gives back as they are; the core takes them without asking
---@field length? integer characters; bytes when `binary`
---@field precision? integer
---@field scale? integer
---@field values? string[]
---@field element? rowan.Type of a list or a range
---@field serial? integer tells types of the user's own apart
---@field base? rowan.Type what a type of the user's own is stored as
---@field own_form? boolean a type of the user's own whose values are stored in another form
---@field stored_as? fun(base: rowan.Type): rowan.Type the same, stored as another
---@field check? boolean an ENUM that is text with a CHECK
---@field integer? boolean
---@field unsigned? boolean
---@field binary? boolean
---@field ordered? boolean whose order is not that of its text
---@field settled? boolean whose form the database alone knows: what was written is read back
---@field keyed? boolean whose values may be tables with keys, and are no lists
---@field delimiter? string what stands between items of an ARRAY of it, "," when absent
---@field shape? string of a geometry: "POINTZ"
---@field srid? integer
---@field virtual? boolean
---@field returns? rowan.Type of VIRTUAL: what its value is
---@field dependencies? string[] of VIRTUAL
---@field generate? fun(): any for NOW and UUIDV1, V4, V7, which are default values and no types of attributes
---@field incomplete? string what its arguments lack: "needs its values"

---What the core can tell for itself. A type whose values are dumped, or cut, has none.
---@class rowan.Plain
---@field kind "integer"|"float"|"boolean"|"text"|"bytes"|"instant"|"day"|"uuid"|"word"
---@field low? integer
---@field high? integer
---@field length? integer characters, or bytes
---@field words? table<string, boolean>

---@class rowan.TypeFamily
---@field key string
---@field build fun(options: table, fail: fun(rule: string)): table the fields of a type with these options
---@field parse? fun(fail: fun(rule: string), ...): table options from a call's arguments; absent: takes none
---@field flags? table<string, table|string> options that a flag adds, or why there is no such flag

local Type = { __name = "rowan.type" }

local function fail_in(key)
  return function(rule)
    errors.raise("DefinitionError", { message = ("DataTypes.%s %s"):format(key, rule) })
  end
end

local function merged(a, b)
  local all = {}
  for key, value in pairs(a) do all[key] = value end
  for key, value in pairs(b) do all[key] = value end
  return all
end

local function make(of, options)
  local fields = of.build(options, fail_in(of.key))
  fields.key = of.key
  fields._family = of
  fields._options = options
  return setmetatable(fields, Type)
end

function Type.__call(self, ...)
  if select("#", ...) == 0 then return self end
  local of = self._family
  local fail = fail_in(of.key)
  if not of.parse then fail("takes no arguments") end
  return make(of, merged(self._options, of.parse(fail, ...)))
end

-- Flags are upper case, so that reading a field that a type does not have is nil as in any table. Some are looked for in
-- every value that is sent.
local OPTIONAL = { dump = true, load = true, base = true, equal = true, scale = true, plain = true }

function Type.__index(self, name)
  if OPTIONAL[name] or type(name) ~= "string" or not name:find("^%u") then return nil end
  local of = rawget(self, "_family")
  local flags = of.flags or {}
  local flag = flags[name]
  if type(flag) == "table" then return make(of, merged(self._options, flag)) end
  if flag then fail_in(of.key .. "." .. name)(flag) end
  local names = {}
  for known, meaning in pairs(flags) do
    if type(meaning) == "table" then names[#names + 1] = known end
  end
  errors.raise("DefinitionError", {
    message = suggest.unknown("DataTypes." .. of.key .. " has no variant", name, names),
  })
end

function Type.__tostring(self)
  local args = self.values and '"' .. table.concat(self.values, '", "') .. '"'
    or self.element and tostring(self.element):gsub("^DataTypes%.", "")
    or self.length or self.precision and self.scale and self.precision .. ", " .. self.scale
    or self.precision or self.srid and (self.shape or "GEOMETRY") .. ", " .. self.srid or self.shape
  local flag = self.unsigned and ".UNSIGNED" or self.binary and ".BINARY" or ""
  return "DataTypes." .. self.key .. (args and "(" .. args .. ")" or "") .. flag
end

---The type of a family without arguments.
---@param of rowan.TypeFamily
---@return rowan.Type
function family.define(of)
  return make(of, {})
end

---A type with some of its fields replaced, as one database needs it.
---@param type_of rowan.Type
---@param fields table
---@return rowan.Type
function family.variant(type_of, fields)
  return setmetatable(merged(type_of, fields), Type)
end

---Is `value` a type?
---@param value any
---@return boolean
function family.is(value)
  return type(value) == "table" and getmetatable(value) == Type
end

---A type of the user's own, stored as one database keeps the type that it is made of.
---@param type_of rowan.Type
---@param kept_as fun(type_of: rowan.Type): rowan.Type
---@return rowan.Type
function family.rebased(type_of, kept_as)
  local base = kept_as(type_of.base)
  return base == type_of.base and type_of or type_of.stored_as(base)
end

---The type that values are stored as in the end: what a type of the user's own is made of, else the type itself.
---@param type_of rowan.Type
---@return rowan.Type
function family.root(type_of)
  while type_of.base do type_of = type_of.base end
  return type_of
end

---Text that tells a type from all others, for keys of plans: types of the user's own may share a name.
---@param type_of rowan.Type
---@return string
function family.token(type_of)
  local inner = type_of
  while inner.element do inner = inner.element end
  return tostring(type_of) .. (inner.serial and "#" .. inner.serial or "")
end

---Refuses an argument that is not a whole number from `low` to `high`; nil passes.
---@param fail fun(rule: string)
---@param what string
---@param value any
---@param low integer
---@param high integer
---@return integer?
function family.whole(fail, what, value, low, high)
  if value == nil then return nil end
  if type(value) ~= "number" or value % 1 ~= 0 or value < low or value > high then
    fail(("wants a %s from %d to %d, not %s"):format(what, low, high, suggest.clip(value)))
  end
  return math.tointeger and math.tointeger(value) or value
end

---The options of a call: STRING(50) gives `first = 50`, STRING{ length = 50 } the table after a look at its
---keys.
---@param fail fun(rule: string)
---@param names string[] the options, in the order of plain arguments
---@param ... any
---@return table
function family.options(fail, names, ...)
  local first = ...
  local options = {}
  if type(first) == "table" and not family.is(first) then
    local known = {}
    for _, name in ipairs(names) do known[name] = true end
    for key, value in pairs(first) do
      if not known[key] then fail((suggest.unknown("has no option", key, names))) end
      options[key] = value
    end
    return options
  end
  if select("#", ...) > #names then fail("takes at most " .. #names .. " arguments") end
  for i, name in ipairs(names) do options[name] = (select(i, ...)) end
  return options
end

return family
