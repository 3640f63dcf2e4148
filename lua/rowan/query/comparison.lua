--- What stands behind an attribute in `where`: a value, a list, a table of operators. Values are checked against the
--- attribute's type here, so that nothing wrong is sent. Called by query/where, which reads the tables around them.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local operators = require("rowan.sql.operators")
local ops = require("rowan.base.ops")
local suggest = require("rowan.base.suggest")
local types = require("rowan.types")

local comparison = {}

local Op = ops.Op
local TEXT = types.DataTypes.TEXT
local AND, OR, NOT = Op["and"], Op["or"], Op["not"]
-- Deeper conditions are refused: a cyclic table would never end, and databases limit the depth of expressions.
local MAX_DEPTH = 100
comparison.MAX_DEPTH = MAX_DEPTH

---Raises a QueryError that names the model, and the attribute when there is one.
---@param def table definition
---@param attr? table
---@param rule string
function comparison.fail(def, attr, rule)
  local name = attr and (def.name .. "." .. (attr.label or attr.name) .. " ") or (def.name .. ": ")
  errors.raise("QueryError", { message = "where: " .. name .. rule })
end
local fail = comparison.fail

local function by_name(a, b)
  return a.name < b.name
end

---The operators among the keys of a table, in the order of their names.
---@param value table
---@return rowan.Operator[]
function comparison.operators_of(value)
  local keys = {}
  for key in next, value do
    if ops.is(key) then keys[#keys + 1] = key end
  end
  if #keys > 1 then table.sort(keys, by_name) end
  return keys
end
local operators_of = comparison.operators_of

local function no_operator(def, attr, key)
  local meant = type(key) == "string" and suggest.nearest((key:gsub("^%$", "")), ops.names())
  fail(def, attr, ("takes a value, a list or a table of operators; %q is no operator%s"):format(tostring(key),
    meant and (' (did you mean [Op["%s"]]?)'):format(meant) or ""))
end

-- The keys of a table behind an attribute, all of which must be operators.
local function only_operators(def, attr, value)
  for key in next, value do
    if not ops.is(key) then no_operator(def, attr, key) end
  end
  return operators_of(value)
end

-- One value of an attribute, as it is bound.
local function bindable(def, attr, value)
  local type_of = attr.type
  local canonical, rule = type_of.cast(value)
  if canonical == nil then fail(def, attr, rule) end
  if canonical ~= canonical and not def.dialect.supports.nan then
    fail(def, attr, ("cannot be NaN: %s does not have it"):format(def.dialect.name))
  end
  if type_of.dump then return type_of.dump(canonical) end
  return canonical
end

-- A column that is compared, and the code of what it is compared with. Tables (documents, arrays) compare by value,
-- which takes more than `=` (builder:compared).
local function subject(b, attr)
  local code = attr.type.code
  if not attr.type.dump then return b:column(attr), code end
  return b:compared(attr), code == "j" and "J" or code
end

local function list_of(def, attr, values)
  if type(values) ~= "table" or expression.is(values) then fail(def, attr, "wants a list of values") end
  local list, has_null, n = {}, false, 0
  local count = #values
  for key in next, values do
    if type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
      if type(key) ~= "number" then no_operator(def, attr, key) end
      fail(def, attr, "wants a list without gaps")
    end
  end
  for i = 1, count do
    if values[i] == null then
      has_null = true
    else
      n = n + 1
      list[n] = bindable(def, attr, values[i])
    end
  end
  list.n = n
  return list, has_null
end

-- NULL in a list means "or is NULL"; SQL itself would never find it, and NOT IN would find nothing at all.
local function member(b, def, attr, values, negated)
  if expression.is(values) and values.kind == "query" then
    local column = subject(b, attr)
    return b:in_query(column, expression.walk(b, def, values), negated)
  end
  local list, has_null = list_of(def, attr, values)
  local joint = negated and "and" or "or"
  if has_null then b:open(joint) end
  local column, code = subject(b, attr)
  local found = b:member(column, b:bind("[" .. code, list), negated)
  if not has_null then return found end
  local missing = b:is_null(b:column(attr), negated)
  return b:logic(joint, { found, missing })
end

local function pattern(b, def, attr, operator, spec, value)
  local text, rule = TEXT.cast(value)
  if not text then fail(def, attr, ("with Op.%s %s"):format(operator.name, rule)) end
  if spec.make then value = spec.make(value) end
  local column = b:column(attr)
  return b:compare(spec.sql, column, b:bind("-s", value))
end

local function truth(b, def, attr, spec, value)
  if value == null then return b:is_null(b:column(attr), spec.negated) end
  if type(value) ~= "boolean" then fail(def, attr, "takes rowan.null, true or false with Op.is and Op.isNot") end
  bindable(def, attr, value)
  local column = b:column(attr)
  return b:operand(spec.negated and "isNot" or "is", column, b:constant(value))
end

local function pair(b, def, attr, operator, spec, value)
  if type(value) ~= "table" or check.sequence(value) ~= 2 then
    fail(def, attr, ("takes a list of two values with Op.%s"):format(operator.name))
  end
  local column, code = subject(b, attr)
  local low = b:bind("-" .. code, bindable(def, attr, value[1]))
  local high = b:bind("-" .. code, bindable(def, attr, value[2]))
  return b:between(column, low, high, spec.negated)
end

local function compare(b, def, attr, operator, spec, value)
  if value == null then
    if operator == Op.eq or operator == Op.ne then return b:is_null(b:column(attr), operator == Op.ne) end
    fail(def, attr, ("cannot be compared with rowan.null by Op.%s"):format(operator.name))
  end
  local column, code = subject(b, attr)
  if expression.is(value) then
    return b:operand(spec.sql, column, expression.walk(b, def, value))
  end
  return b:compare(spec.sql, column, b:bind("-" .. code, bindable(def, attr, value)))
end

local attribute_value

-- The members of an and/or/not below an attribute: a list of values and operator tables, or one operator table.
local function attribute_group(b, def, attr, operator, value, depth)
  if operator == NOT then
    b:open("not")
    return b:negate(attribute_value(b, def, attr, value, depth))
  end
  if type(value) ~= "table" or expression.is(value) then
    fail(def, attr, ("takes a list or a table of operators with Op.%s"):format(operator.name))
  end
  local list = {}
  b:open(operator.name)
  if value[1] ~= nil or next(value) == nil then
    local count = check.sequence(value)
    if not count then fail(def, attr, ("takes a list without gaps or other keys with Op.%s"):format(operator.name)) end
    for i = 1, count do list[i] = attribute_value(b, def, attr, value[i], depth) end
  else
    for _, key in ipairs(only_operators(def, attr, value)) do
      list[#list + 1] = attribute_value(b, def, attr, { [key] = value[key] }, depth)
    end
  end
  if operator == OR and next(value) == nil then return b:truth(false) end
  return b:logic(operator.name, list)
end

local function attribute_operator(b, def, attr, operator, value, depth)
  if operator == AND or operator == OR or operator == NOT then
    return attribute_group(b, def, attr, operator, value, depth)
  end
  local spec = operators.where[operator.name]
  if not spec then fail(def, attr, ("cannot take Op.%s yet"):format(operator.name)) end
  if spec.feature and not def.dialect.supports[spec.feature] then
    fail(def, attr, ("cannot take Op.%s: %s does not have it"):format(operator.name, def.dialect.name))
  end
  if spec.takes == "value" then return compare(b, def, attr, operator, spec, value) end
  if spec.takes == "list" then return member(b, def, attr, value, spec.negated) end
  if spec.takes == "pair" then return pair(b, def, attr, operator, spec, value) end
  if spec.takes == "truth" then return truth(b, def, attr, spec, value) end
  return pattern(b, def, attr, operator, spec, value)
end

local function operator_table(b, def, attr, value, depth)
  local keys = only_operators(def, attr, value)
  if #keys == 1 then return attribute_operator(b, def, attr, keys[1], value[keys[1]], depth) end
  local list = {}
  b:open("and")
  for i = 1, #keys do
    list[i] = attribute_operator(b, def, attr, keys[i], value[keys[i]], depth)
  end
  return b:logic("and", list)
end

-- Whether a table is one value of the attribute, not a list of values: where values of its type are tables. A type of the
-- user's own says so by taking it.
local function is_value(attr, value)
  local type_of = attr.type
  return type_of.dump ~= nil and (not type_of.base or type_of.cast(value) ~= nil)
end

-- A list says so by its first key, and is not looked through here.
local function holds_operators(value)
  local key = next(value)
  if key == nil or key == 1 then return false end
  while key ~= nil do
    if ops.is(key) then return true end
    key = next(value, key)
  end
  return false
end

function attribute_value(b, def, attr, value, depth)
  if depth > MAX_DEPTH then fail(def, attr, "has conditions nested too deep") end
  if value == null then return b:is_null(b:column(attr)) end
  if type(value) ~= "table" or expression.is(value) then
    return compare(b, def, attr, Op.eq, operators.where.eq, value)
  end
  if holds_operators(value) then return operator_table(b, def, attr, value, depth + 1) end
  if is_value(attr, value) then return compare(b, def, attr, Op.eq, operators.where.eq, value) end
  return member(b, def, attr, value)
end

---Walks what stands behind an attribute into builder `b`.
---@param b table
---@param def table definition
---@param attr table
---@param value any
---@param depth integer
---@return rowan.sql.Node? in tree building
function comparison.walk(b, def, attr, value, depth)
  return attribute_value(b, def, attr, value, depth)
end

return comparison
