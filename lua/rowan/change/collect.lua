--- From a row to the parameters of its INSERT or UPDATE: which attributes take part, their bound values, and every
--- failure at once. Pure.

local cast = require("rowan.change.cast")
local errors = require("rowan.base.errors")
local fields = require("rowan.change.fields")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local suggest = require("rowan.base.suggest")

local collect = {}

local function missing(attr, failures)
  if attr.allow_null or attr.made then return failures end
  return cast.fail_null(failures, attr)
end

-- What is bound for a row, by name, where it is not what the row shows.
local function with_bound(def, row, bound)
  local values = {}
  for _, attr in ipairs(def.list) do
    local value = bound[attr.name]
    if value == nil then value = rawget(row, attr.name) end
    values[attr.name] = value
  end
  return values
end

local function is_computed(def, value)
  local is_expression = def.context.is_expression
  return type(value) == "table" and is_expression ~= nil and is_expression(value)
end

-- Casts what the core has left to us: the attributes at these positions of the definition.
local function settle_row(def, row, key, ...)
  local failures, bound, computed
  for _, position in ipairs({ ... }) do
    local attr = def.list[position]
    local value = rawget(row, attr.name)
    if value == nil or (value == null and attr.auto) then
      failures = missing(attr, failures)
    elseif is_computed(def, value) and not attr.generated then
      computed = computed or {}
      computed[attr] = value
    else
      local made
      made, failures = cast.bind(row, attr, value, failures)
      if attr.type.dump then
        bound = bound or {}
        bound[attr.name] = made
      end
    end
  end
  return bound and with_bound(def, row, bound) or row, key, failures, computed
end

---What is bound in the INSERT of a row.
---@param def table
---@param row table a new instance; canonical values, and the time where it belongs, are written into it
---@param now? string|boolean as build.stamp gives it
---@return table values by attribute; the row itself where it shows what is bound
---@return number|string key names the set of attributes
---@return rowan.Failure[]? failures
---@return table<rowan.Attribute, rowan.Expression>? computed what the database is to compute
function collect.insert(def, row, now)
  local known = def.fields or fields.of(def)
  local key, left = rows.collect(known, row, now)
  if left == nil then return row, key end
  -- Once more, for all that it gives: a row that has its time keeps it.
  return settle_row(def, row, rows.collect(known, row, now))
end

---The attributes that take part in the INSERT of a row, in the order of the definition.
---@param def table
---@param row table
---@return table[] attrs
function collect.attributes(def, row)
  local attrs = {}
  for _, attr in ipairs(def.list) do
    local value = rawget(row, attr.name)
    if value ~= nil and not (value == null and attr.auto) then attrs[#attrs + 1] = attr end
  end
  return attrs
end

-- A column that was read under a name of the query's own is shown by the row, but cannot be written; so is a row of a
-- junction that was loaded with it.
local function is_untouched(row, name)
  if rows.isrow(row[name]) then return true end
  if not rows.isrow(row) or not rows.has(row, name) then return false end
  local value = row[name]
  return type(value) == "table" or value == rows.original(row, name)
end

---What is wrong with a new row; canonical values are written back.
---@param def table
---@param row table
---@param later table<string, boolean> attributes that get their values later
---@return rowan.Failure[]?
function collect.failures(def, row, later)
  local failures
  for _, attr in ipairs(def.list) do
    local value = rawget(row, attr.name)
    if not later[attr.name] then
      if value == nil or (value == null and attr.auto) then
        failures = missing(attr, failures)
      elseif attr.generated or not is_computed(def, value) then
        local _
        _, failures = cast.bind(row, attr, value, failures)
      end
    end
  end
  return failures
end

---Refuses a field of a row that is neither an attribute nor a loaded association: a typing error that a save would lose.
---@param def table
---@param row table
---@param associations table<string, any>
function collect.check_fields(def, row, associations)
  local by_name = def.by_name
  for name in next, row do
    if not by_name[name] and not associations[name] and not is_untouched(row, name) then
      if name == "isNewRecord" then
        errors.raise("QueryError", {
          message = def.name .. ": isNewRecord tells, and is not set; a copy of a row is made by build, of its values",
        })
      end
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
    local attr = def.by_name[key]
    if not attr then return true end
    if current == nil or current == null then return false end
    return attr.type.equal(attr.type.load(original), current)
  end
end

local function only_attributes(def, names)
  local list
  for _, name in ipairs(names or {}) do
    if def.by_name[name] then
      list = list or {}
      list[#list + 1] = name
    end
  end
  return list
end

local function compare_with(def)
  def.compare_loaded = def.compare_loaded or compare_loaded(def)
  return def.compare_loaded
end

local function has_expression(def, values, ...)
  for _, position in ipairs({ ... }) do
    if is_computed(def, values[def.list[position].name]) then return true end
  end
  return false
end

---Names among the given ones whose field holds an SQL expression; nil when none does.
---@param def table
---@param row table
---@param names string[]
---@return boolean
function collect.holds_expression(def, row, names)
  for _, name in ipairs(names) do
    if def.context.is_expression(rawget(row, name)) then return true end
  end
  return false
end

-- Whether a value is but another way to write what is stored: the same point in time in another zone.
local function is_stored(row, attr, value)
  if value == nil or value == null or attr.type.dump then return false end
  local canonical = attr.type.cast(value)
  return canonical ~= nil and canonical ~= value and canonical == rows.original(row, attr.name)
end

-- As settle_row, for changed values. What is canonical goes into a table of its own: a row is as it was until the
-- database has it.
local function settle_changes(def, row, values, key, ...)
  if not values or has_expression(def, values, ...) then return false end
  local canonical, failures = {}, nil
  for _, position in ipairs({ ... }) do
    local attr = def.list[position]
    if is_stored(row, attr, values[attr.name]) then return false end
    values[attr.name], failures = cast.bind(canonical, attr, values[attr.name], failures)
  end
  cast.check(def, failures)
  return values, key, canonical
end

---What is bound in the UPDATE of a stored row: the attributes that differ from what was read. The row is not changed.
---@param def table
---@param row table
---@param associations table<string, any> names that the row may have beside its attributes
---@return table|boolean|nil values by attribute, null for NULL, and the row's key; nil when nothing differs; false when it
--- has to be found out by check_fields, changed and update
---@return number|string? key names the set of attributes
---@return table? canonical values that the row should show
function collect.changes(def, row, associations)
  local known, equal = def.fields or fields.of(def), def.compare_loaded or compare_with(def)
  local values, key, left = rows.dirty(known, row, associations, equal)
  if left == nil then return values, key end
  return settle_changes(def, row, rows.dirty(known, row, associations, equal))
end

local function without_stored(def, row, names)
  local list
  for _, name in ipairs(names or {}) do
    local attr = def.by_name[name]
    if not attr or not is_stored(row, attr, rawget(row, name)) then
      list = list or {}
      list[#list + 1] = name
    end
  end
  return list
end

---Names of the attributes whose field differs from what was read, in the order of the definition; nil when none do.
---@param def table
---@param row table
---@return string[]?
function collect.changed(def, row)
  local names = without_stored(def, row, rows.changed(row, compare_with(def)))
  if not getmetatable(row).partial then return names end
  names = only_attributes(def, names)
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
