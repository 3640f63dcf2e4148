--- `where`: the condition tables of the query language, walked into a builder (query/builder). What stands behind an
--- attribute is query/comparison's.

local check = require("rowan.base.check")
local comparison = require("rowan.query.comparison")
local computed = require("rowan.query.computed")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local null = require("rowan.base.null")
local operators = require("rowan.sql.operators")
local ops = require("rowan.base.ops")
local typing = require("rowan.query.typing")

local where = {}

local Op = ops.Op
local AND, OR, NOT = Op["and"], Op["or"], Op["not"]
local MAX_DEPTH = comparison.MAX_DEPTH
local NONE = {}

local fail = comparison.fail

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
  return has_operators and comparison.operators_of(value) or NONE, attributes, count, paths or NONE
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
    local given = value[attr.label]
    if given == nil then given = value[attr.name] end
    list[#list + 1] = comparison.walk(b, def, attr, given, depth)
  end
  for _, path in ipairs(paths) do list[#list + 1] = path_condition(b, path, depth) end
  if joint == "or" and next(value) == nil then return b:truth(false) end
  return b:logic(joint, list)
end

-- Numbers and texts compare as they are bound; decimals, dates and documents must be bound as what they are kept as.
local AS_BOUND = check.set({ "i", "I", "d", "s", "c", "e", "b" })

-- rowan.where(expression, operator, value): where the left side has a type, values are of it; else bound by their own.
local function expression_where(b, def, e)
  local spec, typed = operators.where[e.operator.name], typing.of(def, e.left)
  local left = expression.walk(b, def, e.left)
  local simple = spec and (spec.takes == "value" or spec.takes == "pattern")
  if not simple or typed.type and not AS_BOUND[typed.code] then
    local attr = computed.attribute("(expression)", left, typed.type, 0)
    return comparison.walk(b, def, attr, { [e.operator] = e.value }, 1)
  end
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

-- Of construct.one_of: the values were cast by who made it.
local function one_of_keys(b, e)
  local columns, slots = {}, {}
  b:open("keys")
  for i, attr in ipairs(e.attrs) do
    columns[i] = b:column(attr)
    slots[i] = b:bind("[" .. attr.type.code, e.lists[i])
  end
  return b:member_rows(columns, slots, e.attrs)
end

function expression.condition(b, def, e, depth)
  if e.kind == "keys" then return one_of_keys(b, e) end
  if e.kind == "logic" then return conditions(b, def, e.list, e.operator.name, (depth or 0) + 1) end
  if e.kind == "where" then return expression_where(b, def, e) end
  if e.kind == "seek" then return expression.seek_condition(b, e) end
  if e.kind == "literal" then return b:raw_condition(e.text) end
  if depth and not expression.truths[e.kind] then
    fail(def, nil, "an expression of this kind is no condition; use rowan.where(...)")
  end
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
