--- What stands behind a subject in `where`: a value, a list, a table of operators, a table of keys below JSON. Called by
--- query/where, which reads the tables around them; what the operators do is query/operation's.

local check = require("rowan.base.check")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local json = require("rowan.types.json")
local null = require("rowan.base.null")
local operation = require("rowan.query.operation")
local operators = require("rowan.sql.operators")
local ops = require("rowan.base.ops")
local subject = require("rowan.query.subject")
local typing = require("rowan.query.typing")

local comparison = {}

local Op, known = ops.Op, ops.known
local AND, OR, NOT, ANY, ALL, COL, EQ = Op["and"], Op["or"], Op["not"], Op.any, Op.all, Op.col, Op.eq
local type, next, rawget = type, next, rawget
-- Deeper conditions are refused: a cyclic table would never end, and databases limit the depth of expressions.
local MAX_DEPTH = 100
comparison.MAX_DEPTH = MAX_DEPTH

local fail, compare, member, takes = operation.fail, operation.compare, operation.member, operation.takes

local function by_name(a, b)
  return a.name < b.name
end

---Puts operators in the order of their names.
---@param keys rowan.Operator[]
---@return rowan.Operator[] keys
function comparison.in_order(keys)
  if keys[3] then
    table.sort(keys, by_name)
  elseif keys[2] and by_name(keys[2], keys[1]) then
    keys[1], keys[2] = keys[2], keys[1]
  end
  return keys
end
local in_order = comparison.in_order

---The operators among the keys of a table, in the order of their names.
---@param value table
---@return rowan.Operator[]
function comparison.operators_of(value)
  local keys = {}
  for key in next, value do
    if known[key] then keys[#keys + 1] = key end
  end
  return comparison.in_order(keys)
end

-- The keys of a table behind a subject: operators, and below JSON also names, each in an order of their own.
local function keys_of(def, s, value)
  local names, keys = {}, {}
  for key in next, value do
    if known[key] then
      keys[#keys + 1] = key
    elseif type(key) == "string" and subject.is_document(s.type) and not s.expression then
      names[#names + 1] = key
    else
      operation.no_operator(def, s, key)
    end
  end
  if #names > 1 then table.sort(names) end
  return in_order(keys), names
end

local walk_value

-- The members of an and/or/not behind a subject: a list of values and operator tables, or one operator table.
local function group(b, def, s, operator, value, depth)
  if operator == NOT then
    b:open("not")
    return b:negate(walk_value(b, def, s, value, depth))
  end
  if type(value) ~= "table" or expression.is(value) then
    fail(def, s, ("takes a list or a table of operators with Op.%s"):format(operator.name))
  end
  local list = {}
  b:open(operator.name)
  if value[1] ~= nil or next(value) == nil then
    local count = check.sequence(value)
    if not count then fail(def, s, ("takes a list without gaps or other keys with Op.%s"):format(operator.name)) end
    for i = 1, count do list[i] = walk_value(b, def, s, value[i], depth) end
  else
    local keys, names = keys_of(def, s, value)
    for _, key in ipairs(keys) do list[#list + 1] = walk_value(b, def, s, { [key] = value[key] }, depth) end
    for _, key in ipairs(names) do list[#list + 1] = walk_value(b, def, s, { [key] = value[key] }, depth) end
  end
  if operator == OR and next(value) == nil then return b:truth(false) end
  return b:logic(operator.name, list)
end

-- A plain table with one operator on the right side: { [Op.col] = ... }, { [Op.any] = ... }.
local function sole_operator(value)
  if expression.is(value) then return nil end
  local key = next(value)
  if not known[key] or next(value, key) ~= nil then return nil end
  return key, value[key]
end

local function walk_operator(b, def, s, operator, value, depth)
  if operator == AND or operator == OR or operator == NOT then return group(b, def, s, operator, value, depth) end
  if operator == ANY or operator == ALL then
    return operation.over_list(b, def, s, EQ, operators.where.eq, operator.name, value)
  end
  if operator == COL then return compare(b, def, s, EQ, operators.where.eq, expression.col(value)) end
  local spec = operators.where[operator.name]
  if not spec then fail(def, s, ("cannot take Op.%s"):format(operator.name)) end
  if spec.feature and not def.dialect.supports[spec.feature] then
    fail(def, s, ("cannot take Op.%s: %s does not have it"):format(operator.name, def.dialect.name))
  end
  if type(value) == "table" then
    local inner, operand = sole_operator(value)
    if inner == ANY or inner == ALL then
      return operation.over_list(b, def, s, operator, spec, inner.name, operand)
    end
    if inner == COL then value = expression.col(operand) end
  end
  return takes[spec.takes](b, def, s, operator, spec, value)
end

-- Operators, and below JSON also keys, of one table: all of them hold.
local function walk_table(b, def, s, value, depth)
  local keys, names = keys_of(def, s, value)
  if #keys + #names == 1 and keys[1] then return walk_operator(b, def, s, keys[1], value[keys[1]], depth) end
  local list = {}
  b:open("and")
  for i = 1, #keys do
    list[i] = walk_operator(b, def, s, keys[i], value[keys[i]], depth)
  end
  for _, name in ipairs(names) do
    list[#list + 1] = walk_value(b, def, subject.below(def, s, name), value[name], depth)
  end
  return b:logic("and", list)
end

-- Whether a table is one value of the subject, not a list of values: where values of its type are tables, with keys or any.
-- A type of the user's own says so by taking it.
local function is_value(s, value)
  local type_of = s.type
  if type_of.keyed then return value[1] == nil end
  return rawget(type_of, "dump") ~= nil and (not type_of.base or type_of.cast(value) ~= nil)
end

-- A list says so by its first key, and is not looked through here.
local function holds_operators(value)
  local key = next(value)
  if key == nil or key == 1 then return false end
  while key ~= nil do
    if known[key] then return true end
    key = next(value, key)
  end
  return false
end

-- A table of keys below JSON, which is a path; marked as an object or empty it is a document. So is a value of a type of the
-- user's own that is stored in another form.
local function holds_keys(s, value)
  if s.type.own_form and not s.steps and s.type.cast(value) ~= nil then return false end
  if s.expression or not subject.is_document(s.type) or json.is_marked(value) then return false end
  return type(next(value)) == "string"
end

function walk_value(b, def, s, value, depth)
  if depth > MAX_DEPTH then fail(def, s, "has conditions nested too deep") end
  if value == null then
    if operation.within_document(s) then
      fail(def, s, "wants [Op.is] = rowan.null where nothing stands, or [Op.eq] = rowan.null for JSON's null")
    end
    return operation.is_null(b, def, s)
  end
  if type(value) ~= "table" or expression.is(value) then
    return compare(b, def, s, EQ, operators.where.eq, value)
  end
  if value == everything then fail(def, s, "wants values: rowan.all stands for a whole condition") end
  local sole = next(value)
  if sole == 1 and not rawget(s.type, "dump") then return member(b, def, s, nil, operators.where["in"], value) end
  if known[sole] and next(value, sole) == nil then
    return walk_operator(b, def, s, sole, value[sole], depth + 1)
  end
  if holds_operators(value) or holds_keys(s, value) then return walk_table(b, def, s, value, depth + 1) end
  if is_value(s, value) then return compare(b, def, s, EQ, operators.where.eq, value) end
  return member(b, def, s, nil, operators.where["in"], value)
end

---Walks what stands behind a subject into builder `b`.
---@type fun(b: table, def: table, s: rowan.Subject|rowan.Attribute, value: any, depth: integer): rowan.sql.Node?
comparison.walk = walk_value

-- Numbers and texts compare as they are bound; decimals, dates and documents must be bound as what they are kept as.
local AS_BOUND = check.set({ "i", "I", "d", "s", "c", "e", "b" })

---Walks rowan.where(expression, operator, value) into builder `b`.
---@param b table
---@param def table definition
---@param e rowan.Expression
---@param depth integer
---@return rowan.sql.Node? in tree building
function comparison.of_expression(b, def, e, depth)
  local about = expression.subject(b, def, e.left)
  local typed = not about and typing.of(def, e.left)
  if typed and (not typed.type or AS_BOUND[typed.code]) then typed = { type = operation.UNTYPED } end
  local s = {
    expression = e.left, type = about and about.type or typed.type, steps = about and about.steps,
    name = about and about.name or "rowan.where(...)",
  }
  local value = e.value
  if e.operator == Op.eq and type(value) == "table" and not expression.is(value) and holds_operators(value) then
    return walk_value(b, def, s, value, depth)
  end
  return walk_operator(b, def, s, e.operator, value, depth)
end

return comparison
