--- From a row to the parameters of its INSERT or UPDATE: which attributes take part, their bound values, and every
--- failure at once. Pure.

local cast = require("rowan.change.cast")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local suggest = require("rowan.base.suggest")

local collect = {}

-- A shape key of so many attributes still fits the 53 bits of a number.
local NUMERIC_KEY = 50

local function missing(attr, failures)
  if attr.allow_null or attr.auto or attr.default_kind == "expression" then return failures end
  return cast.fail(failures, attr, "cannot be null", "notNull Violation", "is_null", nil)
end

---The parameters of an INSERT: attributes that have a value, in the order of the definition.
---@param def table
---@param row table a new instance; canonical values are written back
---@return any[] params
---@return integer count
---@return number|string key names the set of attributes
---@return table attrs
function collect.insert(def, row)
  local params, attrs, n, key, failures = {}, {}, 0, 0, nil
  local list = def.list
  local bits = #list > NUMERIC_KEY and {} or nil
  for i = 1, #list do
    local attr = list[i]
    local value = rawget(row, attr.name)
    local present = value ~= nil and not (value == null and attr.auto)
    if present then
      local bound
      bound, failures = cast.bind(row, attr, value, failures)
      n = n + 1
      params[n], attrs[n] = bound, attr
    else
      failures = missing(attr, failures)
    end
    if bits then
      bits[i] = present and "1" or "0"
    else
      key = key * 2 + (present and 1 or 0)
    end
  end
  cast.check(def, failures)
  return params, n, bits and table.concat(bits) or key, attrs
end

---Refuses a field of a row that is neither an attribute nor a loaded association: a typing error that a save would lose.
---@param def table
---@param row table
---@param associations table<string, any>
function collect.check_fields(def, row, associations)
  local by_name = def.by_name
  for name in next, row do
    if not by_name[name] and not associations[name] then
      local names = {}
      for i, attr in ipairs(def.list) do names[i] = attr.name end
      errors.raise("QueryError", {
        message = suggest.unknown(def.name .. " has no attribute", tostring(name), names),
      })
    end
  end
end

local function compare_loaded(def)
  return function(key, original, current)
    local type_of = def.by_name[key].type
    if current == nil or current == null then return false end
    return type_of.equal(type_of.load(original), current)
  end
end

---Names of the attributes whose field differs from what was read, in the order of the definition; nil when none do.
---@param def table
---@param row table
---@return string[]?
function collect.changed(def, row)
  def.compare_loaded = def.compare_loaded or compare_loaded(def)
  local names = rows.changed(row, def.compare_loaded)
  if not getmetatable(row).partial then return names end
  for _, attr in ipairs(def.list) do
    local value = rawget(row, attr.name)
    if value ~= nil and not rows.has(row, attr.name) then
      names = names or {}
      names[#names + 1] = attr.name
    end
  end
  return names
end

---The parameters of an UPDATE of the named attributes.
---@param def table
---@param row table canonical values are written back
---@param names string[]
---@return table[] attrs in the order of the definition
---@return any[] params one for each of attrs
function collect.update(def, row, names)
  local attrs, params, failures = {}, {}, nil
  for i, name in ipairs(names) do attrs[i] = def.by_name[name] end
  table.sort(attrs, function(a, b) return a.position < b.position end)
  for i, attr in ipairs(attrs) do
    local value = rawget(row, attr.name)
    if value == nil then value = null end
    params[i], failures = cast.bind(row, attr, value, failures)
  end
  cast.check(def, failures)
  return attrs, params
end

return collect
