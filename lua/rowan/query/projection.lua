--- `attributes`: which columns a query reads, and the layout of its rows: key, type code and loader per column.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local subject = require("rowan.query.subject")
local types = require("rowan.types")
local typing = require("rowan.query.typing")

local projection = {}

-- Entries of a shape, which has no columns; never filled.
local NONE = {}

local function fail(def, rule)
  errors.raise("QueryError", { message = "attributes: " .. def.name .. ": " .. rule })
end

---The layout entry of an attribute.
---@param attr table
---@return table column as rowan.driver's statements want it
function projection.column(attr)
  local type_of = attr.type
  return { key = attr.name, code = type_of.code, scale = type_of.scale, load = type_of.load }
end

local function all_but(def, excluded)
  local drop = {}
  for _, name in ipairs(excluded) do
    local attr = def.by_name[name]
    if not (attr and attr.virtual) then drop[expression.attribute(def, name).name] = true end
  end
  local list = {}
  for _, attr in ipairs(def.list) do
    if not drop[attr.name] then list[#list + 1] = attr.name end
  end
  return list
end

-- { include = {...}, exclude = {...} } as a plain list.
local function expand(def, option)
  if option.include == nil and option.exclude == nil then return option end
  for key in next, option do
    if key ~= "include" and key ~= "exclude" then
      fail(def, ("%q is not known beside include and exclude"):format(tostring(key)))
    end
    if type(option[key]) ~= "table" or not check.sequence(option[key]) then
      fail(def, key .. " wants a list of names")
    end
  end
  local list = all_but(def, option.exclude or {})
  for _, item in ipairs(option.include or {}) do list[#list + 1] = item end
  return list
end

-- What was not asked for of the virtual attributes is not in the row: those that were excluded, where no column was.
local function left_in(def, option)
  local chosen = {}
  for _, attr in ipairs(def.virtuals) do chosen[attr.label] = true end
  for _, name in ipairs(option.exclude) do
    local attr = def.by_name[name]
    if not (attr and attr.virtual) then return {} end
    chosen[attr.label] = nil
  end
  return chosen
end

-- A virtual attribute is read by what it is computed from; others by the names that rows have them by.
local function with_columns(def, list, chosen)
  local out, seen = {}, {}
  local function add(name)
    if not seen[name] then out[#out + 1] = name end
    seen[name] = true
  end
  for _, item in ipairs(list) do
    local attr = type(item) == "string" and def.by_name[item]
    if attr and attr.virtual then
      chosen[attr.label] = true
      for _, name in ipairs(attr.type.dependencies) do add(expression.attribute(def, name).name) end
    elseif attr then
      add(attr.name)
    else
      out[#out + 1] = item
    end
  end
  return out
end

-- Key columns that children are stitched by must be read even when they were not asked for.
local function with_needed(list, needed)
  local seen = {}
  for _, item in ipairs(list) do
    if type(item) == "string" then seen[item] = true end
  end
  local out = {}
  for i, item in ipairs(list) do out[i] = item end
  for _, name in ipairs(needed) do
    if not seen[name] then
      seen[name] = true
      out[#out + 1] = name
    end
  end
  return out
end

-- The entry of a name with a path or casts behind it.
local function read_subject(b, s, alias)
  local column = typing.of_type(s.type)
  return {
    node = subject.walk(b, s, "read"), alias = alias, type = s.type,
    column = { key = alias, code = column.code, scale = column.scale, load = column.load },
  }
end

-- An entry { name or expression, alias }.
local function aliased(b, def, item)
  local value, alias = item[1], item[2]
  if type(alias) ~= "string" or check.sequence(item) ~= 2 then
    fail(def, "an entry is a name, or { name or expression, alias }")
  end
  b:token("as:" .. #alias .. ":" .. alias)
  if type(value) == "string" then
    local attr = subject.resolve(def, value)
    if attr.base then return read_subject(b, attr, alias) end
    local column = projection.column(attr)
    column.key = alias
    return { node = b:field(attr), column = column, alias = alias, attr = attr }
  end
  local typed = typing.of(def, value)
  local is_expression = expression.is(value)
  if is_expression and value.typed then b:token("type " .. types.token(value.typed)) end
  local made
  if is_expression then made = expression.walk_as(b, def, value, "read") else made = expression.walk(b, def, value) end
  return {
    node = made, alias = alias, computed = is_expression, type = typed.type,
    column = { key = alias, code = typed.code, scale = typed.scale, load = typed.load },
    expression = is_expression and value or nil,
  }
end

local function entry_of(b, def, item)
  if expression.is(item) and item.kind == "col" then item = item.name end
  if type(item) == "string" then
    local attr = subject.resolve(def, item)
    if attr.base then return read_subject(b, attr, item) end
    return { node = b:field(attr), column = projection.column(attr), attr = attr }
  end
  if type(item) == "table" and not expression.is(item) then return aliased(b, def, item) end
  fail(def, "an expression needs an alias: { expression, \"alias\" }")
end

---Walks the option into builder `b`.
---@param b table
---@param def table definition
---@param option? table nil means every attribute
---@param needed string[] attribute names that must be among the columns
---@return table[] entries { node =, column =, alias =, attr =, expression =, type = of a computed one }, and `chosen`: the
--- virtual attributes that are in the rows of a part of the columns, by label
---@return boolean whole every attribute is read, and nothing else
function projection.walk(b, def, option, needed)
  if option == nil then
    b:token("*")
    if b.is_shape then return NONE, true end
    local entries = {}
    for i, attr in ipairs(def.list) do entries[i] = { node = b:field(attr), column = projection.column(attr) } end
    return entries, true
  end
  if type(option) ~= "table" or expression.is(option) then fail(def, "wants a list of names") end
  local list = expand(def, option)
  if not check.sequence(list) then fail(def, "wants a list of names, without gaps or other keys") end
  local chosen
  if def.custom then
    chosen = option.exclude and left_in(def, option) or {}
    list = with_columns(def, list, chosen)
    for _, attr in ipairs(def.virtuals) do
      if chosen[attr.label] then b:token("virtual" .. attr.token) end
    end
  end
  list = with_needed(list, needed)
  if #list == 0 then fail(def, "at least one attribute must be read") end
  local entries = { chosen = chosen }
  b:open("attributes")
  for i, item in ipairs(list) do entries[i] = entry_of(b, def, item) end
  b:token(")")
  return entries, false
end

return projection
