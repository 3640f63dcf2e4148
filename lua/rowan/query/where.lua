--- `where`: the condition tables of the query language, walked into a builder (query/builder). Values are checked
--- against their attribute's type here, so that nothing wrong is sent.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local null = require("rowan.base.null")
local operators = require("rowan.sql.operators")
local ops = require("rowan.base.ops")
local suggest = require("rowan.base.suggest")
local types = require("rowan.types")

local where = {}

local Op = ops.Op
local TEXT = types.DataTypes.TEXT
local AND, OR, NOT = Op["and"], Op["or"], Op["not"]
-- Deeper conditions are refused: a cyclic table would never end, and databases limit the depth of expressions.
local MAX_DEPTH = 100
local NONE = {}

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

-- Types whose values are tables themselves: a list is a value of theirs, not a list of values.
local function holds_tables(attr)
  return attr.type.dump ~= nil
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

local function by_prefix(a, b)
  return a.prefix < b.prefix
end

-- The conditions of "$alias.attribute$" keys, gathered by path: those of one path are about one and the same row.
local function add_path(def, paths, key, value)
  local links, prefix, name, target = link.path(def.model, key)
  local found = paths[prefix]
  if not found then
    found = { prefix = prefix, links = links, def = target.definition, conditions = {} }
    paths[prefix] = found
    paths[#paths + 1] = found
  end
  found.conditions[expression.attribute(target.definition, name).name] = value
end

local function is_path(key)
  return key:sub(1, 1) == "$" and key:sub(-1) == "$"
end

-- The keys of a condition table in an order that depends on the definition alone.
local function sorted_keys(def, value)
  local has_operators, attributes, paths, count = false, {}, nil, #value
  for key, item in next, value do
    if type(key) == "string" and not def.by_name[key] and is_path(key) then
      paths = paths or {}
      add_path(def, paths, key, item)
    elseif type(key) == "string" then
      attributes[#attributes + 1] = expression.attribute(def, key)
    elseif ops.is(key) then
      has_operators = true
    elseif type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
      fail(def, nil, ("has a key that is neither an attribute nor an operator: %s"):format(tostring(key)))
    end
  end
  if #attributes > 1 then table.sort(attributes, by_position) end
  if paths and #paths > 1 then table.sort(paths, by_prefix) end
  return has_operators and operators_of(value) or NONE, attributes, count, paths or NONE
end

local function asks_for_null(value)
  if value == null then return true end
  if type(value) ~= "table" or expression.is(value) then return false end
  local key = next(value)
  return (key == Op.eq or key == Op.is) and value[key] == null and next(value, key) == nil
end

local function exists_along(b, path, at, depth)
  return link.exists(b, path.links[at], where.walk, function(found)
    if at < #path.links then
      found[#found + 1] = exists_along(b, path, at + 1, depth)
    else
      found[#found + 1] = conditions(b, path.def, path.conditions, "and", depth + 1)
    end
  end)
end

local function anything_along(b, path, at)
  return link.exists(b, path.links[at], where.walk, function(found)
    if at < #path.links then found[#found + 1] = anything_along(b, path, at + 1) end
  end)
end

-- A condition on associated rows. As a LEFT JOIN would have it, a row with nothing at the end of the path has NULL there.
local function path_condition(b, path, depth)
  local only_null = true
  for _, value in next, path.conditions do only_null = only_null and asks_for_null(value) end
  if not only_null then return exists_along(b, path, 1, depth) end
  b:open("or")
  local found = exists_along(b, path, 1, depth)
  b:open("not")
  local missing = b:negate(anything_along(b, path, 1))
  return b:logic("or", { found, missing })
end

-- A condition table: list members, operators, attributes, paths; joined by `joint`.
function conditions(b, def, value, joint, depth)
  if depth > MAX_DEPTH then fail(def, nil, "conditions are nested too deep") end
  if expression.is(value) then return expression.condition(b, def, value, depth) end
  if type(value) ~= "table" or value == everything or ops.is(value) then
    fail(def, nil, ("a condition is a table, not %s"):format(tostring(value)))
  end
  local operator_keys, attributes, count, paths = sorted_keys(def, value)
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
  for _, path in ipairs(paths) do list[#list + 1] = path_condition(b, path, depth) end
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
  if e.value == null then
    if e.operator ~= Op.eq and e.operator ~= Op.ne then
      fail(def, nil, ("rowan.where cannot compare with rowan.null by Op.%s"):format(e.operator.name))
    end
    return b:is_null(left, e.operator == Op.ne)
  end
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
