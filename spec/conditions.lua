-- Rows and conditions made of small pools of values, and a plain Lua reading of conditions by SQL's three-valued
-- logic: what spec/where_spec.lua compares the databases with.
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local M = {}

local ATTRIBUTES = {
  { "id", D.INTEGER, primaryKey = true }, { "n", D.INTEGER }, { "price", D.DECIMAL(8, 2) }, { "x", D.DOUBLE },
  { "text", D.STRING }, { "flag", D.BOOLEAN }, { "at", D.DATE }, { "size", D.ENUM("s", "m", "l") },
  { "big", D.BIGINT },
}

-- The values that rows and conditions are made of. Ordered text is lower case: its order is the same everywhere.
local POOLS = {
  n = { -3, -1, 0, 1, 2, 5, 1000 },
  price = { "-1.00", "0.00", "0.50", "9.99", "10.00", "100.00" },
  x = { -1.5, 0.0, 0.1, 0.1 + 0.2, 2.5, 1e300 },
  text = { "", "a", "ab", "abc", "b", "a%c", "a_c", "a\\c", "%", "_", "\\", "c\195\164t", "cat", "'" },
  flag = { true, false },
  at = { "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000001Z", "2023-12-31T23:59:59.999Z",
    "1999-05-05T05:05:05.500Z" },
  size = { "s", "m", "l" },
  big = { 1, 2 ^ 53, -2 ^ 53 },
}
local NAMES = { "n", "price", "x", "text", "flag", "at", "size", "big" }

--- Rows of random values, some NULL.
---@param random table
---@param count integer
---@return table[]
local function rows_of(random, count)
  local rows = {}
  for id = 1, count do
    local row = { id = id }
    for _, name in ipairs(NAMES) do
      row[name] = random.chance(0.2) and null or random.pick(POOLS[name])
    end
    rows[id] = row
  end
  return rows
end

-- ---- reading conditions in Lua: true, false, or nil for unknown ----

local function negation(v)
  if v == nil then return nil end
  return not v
end

local function all_of(list)
  local unknown = false
  for i = 1, list.n do
    if list[i] == false then return false end
    if list[i] == nil then unknown = true end
  end
  if unknown then return nil end
  return true
end

local function any_of(list)
  for i = 1, list.n do list[i] = negation(list[i]) end
  return negation(all_of(list))
end

local function comparable(name, value)
  if name == "price" then return tonumber(value) end
  if name == "flag" then return value and 1 or 0 end
  -- Three digits of a second or six: only with the same number of them does the text order as the time.
  if name == "at" then return #value == 24 and value:sub(1, 23) .. "000Z" or value end
  return value
end

local function order_of(name, a, b)
  a, b = comparable(name, a), comparable(name, b)
  if a == b then return 0 end
  if name == "text" then
    -- Bytes, not the locale of the process.
    for i = 1, math.min(#a, #b) do
      if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) and -1 or 1 end
    end
    return #a < #b and -1 or 1
  end
  return a < b and -1 or 1
end

local function characters(s)
  local list = {}
  for c in s:gmatch("[\1-\127\194-\244][\128-\191]*") do list[#list + 1] = c end
  return list
end

local function pattern_of(text, escaped)
  local items, chars, i = {}, characters(text), 1
  while i <= #chars do
    local c = chars[i]
    if c == "\\" and escaped then
      i = i + 1
      items[#items + 1] = { text = chars[i] }
    elseif escaped and c == "%" then
      items[#items + 1] = { many = true }
    elseif escaped and c == "_" then
      items[#items + 1] = { one = true }
    else
      items[#items + 1] = { text = c }
    end
    i = i + 1
  end
  return items
end

local function matches(items, chars, at, i, fold)
  local item = items[at]
  if not item then return i > #chars end
  if item.many then
    for from = i, #chars + 1 do
      if matches(items, chars, at + 1, from, fold) then return true end
    end
    return false
  end
  local c = chars[i]
  if not c then return false end
  local fits = item.one or item.text == c or fold == true and item.text:lower() == c:lower()
  return fits and matches(items, chars, at + 1, i + 1, fold)
end

local MANY = { many = true }

local function like(text, items, fold)
  return matches(items, characters(text), 1, 1, fold)
end

local function affixed(value, before, after)
  local items = pattern_of(value, false)
  if before then table.insert(items, 1, MANY) end
  if after then items[#items + 1] = MANY end
  return items
end

-- op -> function(name, cell, value); `cell` is never NULL here.
local READ = {
  eq = function(name, a, b) return order_of(name, a, b) == 0 end,
  ne = function(name, a, b) return order_of(name, a, b) ~= 0 end,
  gt = function(name, a, b) return order_of(name, a, b) > 0 end,
  gte = function(name, a, b) return order_of(name, a, b) >= 0 end,
  lt = function(name, a, b) return order_of(name, a, b) < 0 end,
  lte = function(name, a, b) return order_of(name, a, b) <= 0 end,
  between = function(name, a, pair) return order_of(name, a, pair[1]) >= 0 and order_of(name, a, pair[2]) <= 0 end,
  like = function(_, a, b) return like(a, pattern_of(b, true)) end,
  startsWith = function(_, a, b) return like(a, affixed(b, false, true)) end,
  endsWith = function(_, a, b) return like(a, affixed(b, true, false)) end,
  substring = function(_, a, b) return like(a, affixed(b, true, true)) end,
  iLike = function(_, a, b) return like(a, pattern_of(b, true), true) end,
}
local NEGATED = {
  notBetween = "between", notLike = "like", notStartsWith = "startsWith", notEndsWith = "endsWith",
  notSubstring = "substring", notILike = "iLike",
}

local read_value

local function read_member(name, cell, list)
  local found, has_null = false, false
  for _, item in ipairs(list) do
    if item == null then
      has_null = true
    elseif cell ~= null and order_of(name, cell, item) == 0 then
      found = true
    end
  end
  if cell == null then
    if has_null then return true end
    if #list == 0 then return false end
    return nil
  end
  return found
end

local function read_operator(name, cell, operator, value)
  local op = operator.name
  if op == "not" then return negation(read_value(name, cell, value)) end
  if op == "and" or op == "or" then
    local list = { n = 0 }
    local is_list = value[1] ~= nil or next(value) == nil
    for key, item in pairs(value) do
      if not is_list then item = { [key] = item } end
      list.n = list.n + 1
      list[list.n] = read_value(name, cell, item)
    end
    if op == "and" then return all_of(list) end
    return any_of(list)
  end
  if op == "in" then return read_member(name, cell, value) end
  if op == "notIn" then return negation(read_member(name, cell, value)) end
  if op == "is" or op == "isNot" then
    -- Never unknown: NULL is neither true nor false, so it IS NOT either.
    return (cell == value) == (op == "is")
  end
  if value == null then return (cell == null) == (op == "eq") end
  if cell == null then return nil end
  local positive = NEGATED[op]
  if positive then return not READ[positive](name, cell, value) end
  return READ[op](name, cell, value)
end

function read_value(name, cell, value)
  if value == null then return cell == null end
  if type(value) ~= "table" then return read_operator(name, cell, Op.eq, value) end
  local key = next(value)
  if rowan.kind(key) ~= "operator" then return read_member(name, cell, value) end
  local list = { n = 0 }
  for operator, item in pairs(value) do
    list.n = list.n + 1
    list[list.n] = read_operator(name, cell, operator, item)
  end
  return all_of(list)
end

--- What a condition says of a row: true, false, or nil for unknown.
---@param row table
---@param condition table
---@param joint "and"|"or"
---@return boolean|nil
local function read_condition(row, condition, joint)
  local list = { n = 0 }
  local function add(v)
    list.n = list.n + 1
    list[list.n] = v
  end
  for key, item in pairs(condition) do
    if type(key) == "number" then
      add(read_condition(row, item, "and"))
    elseif type(key) == "string" then
      add(read_value(key, row[key], item))
    elseif key == Op.not_ then
      add(negation(read_condition(row, item, "and")))
    else
      add(read_condition(row, item, key.name))
    end
  end
  if joint == "and" then return all_of(list) end
  return any_of(list)
end

-- ---- random conditions ----

local ORDERED = { "eq", "ne", "gt", "gte", "lt", "lte", "between", "notBetween", "in", "notIn", "eq", "in" }
local PLAIN = { "eq", "ne", "in", "notIn" }
local TEXTUAL = { "like", "notLike", "startsWith", "notStartsWith", "endsWith", "notEndsWith", "substring",
  "notSubstring" }
local PATTERNS = { "%", "a%", "%c", "a\\%c", "a_c", "_", "__", "a\\_c", "a\\\\c", "%\195\164%", "c_t", "A%", "" }

local function random_list(random, pool)
  local list = {}
  for i = 1, random.integer(0, 4) do list[i] = random.chance(0.15) and null or random.pick(pool) end
  return list
end

local function random_operator(random, name)
  local pool = POOLS[name]
  local kinds = (name == "flag" or name == "size") and PLAIN or ORDERED
  local op = random.pick(kinds)
  if name == "text" and random.chance(0.5) then
    op = random.pick(TEXTUAL)
    if random.chance(0.2) then op = random.pick { "iLike", "notILike" } end
    local is_pattern = op:lower():find("like", 1, true)
    return Op[op], random.pick(is_pattern and PATTERNS or pool)
  end
  if name == "flag" and random.chance(0.3) then return random.pick { Op.is, Op.isNot }, random.pick { true,
    false, null } end
  if op == "in" or op == "notIn" then return Op[op], random_list(random, pool) end
  if op == "between" or op == "notBetween" then return Op[op], { random.pick(pool), random.pick(pool) } end
  if (op == "eq" or op == "ne") and random.chance(0.2) then return Op[op], null end
  return Op[op], random.pick(pool)
end

local function random_value(random, name, depth)
  local kind = random.integer(1, depth > 2 and 4 or 6)
  if kind == 1 then return random.chance(0.2) and null or random.pick(POOLS[name]) end
  if kind == 2 then return random_list(random, POOLS[name]) end
  if kind <= 4 then
    local value = {}
    for _ = 1, random.integer(1, 2) do
      local operator, operand = random_operator(random, name)
      value[operator] = operand
    end
    return value
  end
  if random.chance(0.3) then return { [Op.not_] = random_value(random, name, depth + 1) } end
  local members = {}
  for i = 1, random.integer(0, 3) do
    local member = random_value(random, name, depth + 1)
    -- A list in here would be a list of values.
    members[i] = member
  end
  return { [random.pick { Op.and_, Op.or_ }] = members }
end

--- A random condition.
---@param random table
---@param depth integer 1 for the outermost
---@return table
local function random_condition(random, depth)
  local condition = {}
  for _ = 1, random.integer(0, 3) do
    local name = random.pick(NAMES)
    condition[name] = random_value(random, name, 1)
  end
  if depth < 4 then
    for _, operator in ipairs({ Op.and_, Op.or_, Op.not_ }) do
      if random.chance(0.25) then condition[operator] = random_condition(random, depth + 1) end
    end
    for i = 1, random.chance(0.3) and random.integer(1, 3) or 0 do
      condition[i] = random_condition(random, depth + 1)
    end
  end
  return condition
end

M.attributes, M.pools, M.names = ATTRIBUTES, POOLS, NAMES
M.ordered, M.plain, M.textual, M.patterns = ORDERED, PLAIN, TEXTUAL, PATTERNS
M.rows, M.read, M.random = rows_of, read_condition, random_condition

return M
