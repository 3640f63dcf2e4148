--- `where`: the condition tables of the query language, walked into a builder (query/builder). What stands behind an
--- attribute is query/comparison's.

local comparison = require("rowan.query.comparison")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local null = require("rowan.base.null")
local operation = require("rowan.query.operation")
local ops = require("rowan.base.ops")
local subject = require("rowan.query.subject")
local syntax = require("rowan.query.syntax")

local where = {}

local Op, operators = ops.Op, ops.known
local type, sort = type, table.sort
local AND, OR, NOT = Op["and"], Op["or"], Op["not"]
local MAX_DEPTH, compare = comparison.MAX_DEPTH, comparison.walk
local NONE = {}

local fail = operation.fail

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
  if a.position ~= b.position then return a.position < b.position end
  return (a.written or a.name) < (b.written or b.name)
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
  subject.resolve(target.definition, name)
  found.conditions[name] = value
end

-- What a key that is no attribute's name says: nil when it is about associated rows, which are noted in `paths`.
local function look_up(def, paths, key, item)
  if not syntax.is_path(key) then return subject.resolve(def, key) end
  local parsed = syntax.parse(key)
  if not parsed.aliases then return subject.written_as(subject.resolve(def, parsed.rest), key) end
  add_path(def, paths, key, item)
end

-- The keys of a condition table in an order that depends on the definition alone.
local function sorted_keys(def, value)
  local has_operators, attributes, paths, count = false, {}, nil, #value
  for key, item in next, value do
    if type(key) == "string" then
      local found = def.by_name[key]
      if found and found.virtual then subject.attribute(def, key) end
      if not found then
        paths = paths or {}
        found = look_up(def, paths, key, item)
      end
      if found then attributes[#attributes + 1] = found end
    elseif operators[key] then
      has_operators = true
    elseif type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
      fail(def, nil, ("has a key that is neither an attribute nor an operator: %s"):format(tostring(key)))
    end
  end
  local first, second = attributes[1], attributes[2]
  if attributes[3] then
    sort(attributes, by_position)
  elseif second and by_position(second, first) then
    attributes[1], attributes[2] = second, first
  end
  if paths and #paths > 1 then sort(paths, by_prefix) end
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
  if type(value) ~= "table" or getmetatable(value) ~= nil then
    if expression.is(value) then return expression.condition(b, def, value, depth) end
    if type(value) ~= "table" or value == everything or operators[value] then
      fail(def, nil, ("a condition is a table, not %s"):format(tostring(value)))
    end
  end
  local operator_keys, attributes, count, paths = sorted_keys(def, value)
  local list = {}
  b:open(joint)
  for i = 1, count do list[#list + 1] = conditions(b, def, value[i], "and", depth + 1) end
  for i = 1, #operator_keys do
    list[#list + 1] = group(b, def, operator_keys[i], value[operator_keys[i]], depth)
  end
  for i = 1, #attributes do
    local attr = attributes[i]
    local given = value[attr.written or attr.label]
    if given == nil then given = value[attr.name] end
    list[#list + 1] = compare(b, def, attr, given, depth)
  end
  for i = 1, #paths do list[#list + 1] = path_condition(b, paths[i], depth) end
  if joint == "or" and next(value) == nil then return b:truth(false) end
  return b:logic(joint, list)
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
  if e.kind == "logic" then
    if e.operator ~= NOT then return conditions(b, def, e.list, e.operator.name, (depth or 0) + 1) end
    b:open("not")
    return b:negate(conditions(b, def, e.list, "and", (depth or 0) + 1))
  end
  if e.kind == "where" then return comparison.of_expression(b, def, e, depth or 0) end
  if e.kind == "seek" then return expression.seek_condition(b, e) end
  if e.kind == "literal" then return b:raw_condition(e.text) end
  if not expression.truths[e.kind] then
    fail(def, nil, "an expression of this kind is no condition; use rowan.where(...)")
  end
  return b:holds(expression.walk(b, def, e))
end

function expression.along(b, def, path, how)
  local links, prefix, name, target = link.path(def.model, path)
  for _, made in ipairs(links) do
    if made.multiple then
      fail(def, nil, ("%q leads to many rows, of which none is the value; group by it, or filter by %q")
        :format(prefix .. "." .. name, path))
    end
  end
  return link.value(b, links, where.walk, function()
    return subject.walk(b, subject.resolve(target.definition, name), how)
  end)
end

function expression.when(b, def, condition)
  return conditions(b, def, condition, "and", 1)
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
