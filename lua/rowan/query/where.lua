--- `where`: the condition tables of the query language, walked into a builder (query/builder). Values are checked
--- against their attribute's type here, so that nothing wrong is sent.

local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local operators = require("rowan.sql.operators")
local ops = require("rowan.base.ops")

local where = {}

local Op = ops.Op
local AND, OR, NOT = Op["and"], Op["or"], Op["not"]
-- Deeper conditions are refused: a cyclic table would never end, and databases limit the depth of expressions.
local MAX_DEPTH = 100

local function fail(def, attr, rule)
  local name = attr and (def.name .. "." .. attr.name .. " ") or (def.name .. ": ")
  errors.raise("QueryError", { message = "where: " .. name .. rule })
end

local function by_name(a, b)
  return a.name < b.name
end

-- The operators among the keys of a table, in the order of their names.
local function operators_of(value)
  local keys = {}
  for key in next, value do
    if ops.is(key) then keys[#keys + 1] = key end
  end
  if #keys > 1 then table.sort(keys, by_name) end
  return keys
end

-- The keys of a table behind an attribute, all of which must be operators.
local function only_operators(def, attr, value)
  for key in next, value do
    if not ops.is(key) then
      fail(def, attr, ("takes a value, a list or a table of operators; %q is no operator"):format(tostring(key)))
    end
  end
  return operators_of(value)
end

-- One value of an attribute, as it is bound.
local function bindable(def, attr, value)
  local type_of = attr.type
  local canonical, rule = type_of.cast(value)
  if canonical == nil then fail(def, attr, rule) end
  if type_of.dump then return type_of.dump(canonical) end
  return canonical
end

local function list_of(def, attr, values)
  if type(values) ~= "table" or expression.is(values) then fail(def, attr, "wants a list of values") end
  local list, has_null, n = {}, false, 0
  local count = #values
  for key in next, values do
    if type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
      fail(def, attr, ("wants a list without gaps, not a table with the key %q"):format(tostring(key)))
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
  local list, has_null = list_of(def, attr, values)
  local joint = negated and "and" or "or"
  if has_null then b:open(joint) end
  local column = b:column(attr)
  local found = b:member(column, b:bind("[" .. attr.type.code, list), negated)
  if not has_null then return found end
  local missing = b:is_null(b:column(attr), negated)
  return b:logic(joint, { found, missing })
end

local function pattern(b, def, attr, operator, spec, value)
  if type(value) ~= "string" then fail(def, attr, ("takes a string with Op.%s"):format(operator.name)) end
  if spec.make then value = spec.make(value) end
  local column = b:column(attr)
  return b:compare(spec.sql, column, b:bind("-s", value))
end

local function truth(b, def, attr, spec, value)
  if value == null then return b:is_null(b:column(attr), spec.negated) end
  if type(value) ~= "boolean" then fail(def, attr, "takes rowan.null, true or false with Op.is and Op.isNot") end
  local column = b:column(attr)
  return b:compare(spec.negated and "ne" or "eq", column, b:bind("-" .. attr.type.code, bindable(def, attr, value)))
end

local function pair(b, def, attr, operator, spec, value)
  if type(value) ~= "table" or #value ~= 2 then
    fail(def, attr, ("takes a list of two values with Op.%s"):format(operator.name))
  end
  local column, code = b:column(attr), "-" .. attr.type.code
  local low = b:bind(code, bindable(def, attr, value[1]))
  local high = b:bind(code, bindable(def, attr, value[2]))
  return b:between(column, low, high, spec.negated)
end

local function compare(b, def, attr, operator, spec, value)
  if value == null then
    if operator == Op.eq or operator == Op.ne then return b:is_null(b:column(attr), operator == Op.ne) end
    fail(def, attr, ("cannot be compared with rowan.null by Op.%s"):format(operator.name))
  end
  local column = b:column(attr)
  if expression.is(value) then
    return b:operand(spec.sql, column, expression.walk(b, def, value))
  end
  return b:compare(spec.sql, column, b:bind("-" .. attr.type.code, bindable(def, attr, value)))
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
    for i = 1, #value do list[#list + 1] = attribute_value(b, def, attr, value[i], depth) end
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

-- Types whose values are tables themselves: a list is a value of theirs, not a list of values.
local function holds_tables(attr)
  return attr.type.dump ~= nil
end

function attribute_value(b, def, attr, value, depth)
  if depth > MAX_DEPTH then fail(def, attr, "has conditions nested too deep") end
  if value == null then return b:is_null(b:column(attr)) end
  if type(value) ~= "table" or expression.is(value) then
    return compare(b, def, attr, Op.eq, operators.where.eq, value)
  end
  local key = next(value)
  if ops.is(key) then return operator_table(b, def, attr, value, depth + 1) end
  if holds_tables(attr) then return compare(b, def, attr, Op.eq, operators.where.eq, value) end
  return member(b, def, attr, value)
end

local conditions

local function group(b, def, operator, value, depth)
  if operator == NOT then
    b:open("not")
    return b:negate(conditions(b, def, value, "and", depth + 1))
  end
  if operator ~= AND and operator ~= OR then
    fail(def, nil, ("Op.%s stands behind an attribute, not in its place"):format(operator.name))
  end
  return conditions(b, def, value, operator.name, depth + 1)
end

local function by_position(a, b)
  return a.position < b.position
end

-- The keys of a condition table in an order that depends on the definition alone.
local function sorted_keys(def, value)
  local has_operators, attributes, count = false, {}, #value
  for key in next, value do
    if type(key) == "string" then
      attributes[#attributes + 1] = expression.attribute(def, key)
    elseif ops.is(key) then
      has_operators = true
    elseif type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
      fail(def, nil, ("has a key that is neither an attribute nor an operator: %s"):format(tostring(key)))
    end
  end
  if #attributes > 1 then table.sort(attributes, by_position) end
  return has_operators and operators_of(value) or {}, attributes, count
end

-- A condition table: list members, operators, attributes; joined by `joint`.
function conditions(b, def, value, joint, depth)
  if depth > MAX_DEPTH then fail(def, nil, "conditions are nested too deep") end
  if expression.is(value) then return expression.condition(b, def, value, depth) end
  if type(value) ~= "table" or value == everything or ops.is(value) then
    fail(def, nil, ("a condition is a table, not %s"):format(tostring(value)))
  end
  local operator_keys, attributes, count = sorted_keys(def, value)
  local list = {}
  b:open(joint)
  for i = 1, count do list[#list + 1] = conditions(b, def, value[i], "and", depth + 1) end
  for _, operator in ipairs(operator_keys) do
    list[#list + 1] = group(b, def, operator, value[operator], depth)
  end
  for i = 1, #attributes do
    local attr = attributes[i]
    list[#list + 1] = attribute_value(b, def, attr, value[attr.name], depth)
  end
  if joint == "or" and next(value) == nil then return b:truth(false) end
  return b:logic(joint, list)
end

-- rowan.where(expression, operator, value): the left side has no type, so values are bound by their own.
local function expression_where(b, def, e)
  local spec = operators.where[e.operator.name]
  if not spec or (spec.takes ~= "value" and spec.takes ~= "pattern") then
    fail(def, nil, ("rowan.where cannot take Op.%s"):format(e.operator.name))
  end
  local left = expression.walk(b, def, e.left)
  if e.value == null then return b:is_null(left, e.operator == Op.ne) end
  local value = e.value
  if spec.make and type(value) == "string" then value = spec.make(value) end
  return b:operand(spec.sql, left, expression.walk(b, def, value))
end

function expression.condition(b, def, e, depth)
  if e.kind == "logic" then return conditions(b, def, e.list, e.operator.name, (depth or 0) + 1) end
  if e.kind == "where" then return expression_where(b, def, e) end
  if e.kind == "literal" then return b:raw_condition(e.text) end
  if depth then fail(def, nil, "an expression of this kind is no condition; use rowan.where(...)") end
  return expression.walk(b, def, e)
end

---Walks a `where` into builder `b`.
---@param b table
---@param def table definition
---@param value any the option's value; nil and rowan.all mean every row
---@return rowan.sql.Node? condition in tree building, nil for every row
function where.walk(b, def, value)
  if value == nil or value == everything then
    b:token("all")
    return nil
  end
  return conditions(b, def, value, "and", 1)
end

return where
