--- `order`, `limit` and `offset`.

local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local node = require("rowan.sql.node")

local order = {}

local DIRECTIONS = {}
for _, way in ipairs({ "ASC", "DESC" }) do
  DIRECTIONS[way] = way
  for _, nulls in ipairs({ " NULLS FIRST", " NULLS LAST" }) do DIRECTIONS[way .. nulls] = way .. nulls end
end

local function fail(def, rule)
  errors.raise("QueryError", { message = "order: " .. def.name .. ": " .. rule })
end

local function direction_of(def, word)
  if word == nil then return "ASC" end
  local direction = type(word) == "string" and DIRECTIONS[word:upper()]
  if not direction then
    fail(def, ("%s is no direction; use ASC or DESC, with NULLS FIRST or NULLS LAST"):format(tostring(word)))
  end
  return direction
end

local function entry(b, def, item)
  local value, word = item, nil
  if type(item) == "table" and not expression.is(item) then
    value, word = item[1], item[2]
    if #item > 2 or value == nil then fail(def, "an entry is a name, or { name or expression, direction }") end
  end
  local direction = direction_of(def, word)
  local what
  if type(value) == "string" then
    what = b:column(expression.attribute(def, value))
  elseif expression.is(value) then
    what = expression.walk(b, def, value)
  else
    fail(def, "an entry is a name, or { name or expression, direction }")
  end
  b:token(direction)
  return what and node.ordering(what, direction)
end

---Walks `order` into builder `b`.
---@param b table
---@param def table definition
---@param option? table list of entries; a single name is taken as a list of one
---@return rowan.sql.Node[]? in tree building
function order.walk(b, def, option)
  if option == nil then return nil end
  if type(option) == "string" or expression.is(option) then option = { option } end
  if type(option) ~= "table" then fail(def, "wants a list") end
  for key in next, option do
    if type(key) ~= "number" or key > #option then fail(def, "wants a list without gaps") end
  end
  local list = {}
  b:open("order")
  for i = 1, #option do list[i] = entry(b, def, option[i]) end
  b:token(")")
  return list
end

---Ascending by the primary key: what makes a page of rows the same page each time.
---@param b table
---@param def table definition
---@return rowan.sql.Node[]? in tree building
function order.by_key(b, def)
  local list = {}
  b:open("order")
  for i, attr in ipairs(def.primary) do
    local column = b:column(attr)
    list[i] = column and node.ordering(column, "ASC")
  end
  b:token(")")
  return list
end

---Walks `limit` or `offset`: a whole number that is not negative, bound as a parameter.
---@param b table
---@param def table definition
---@param name "limit"|"offset"
---@param value? integer
---@return rowan.sql.Node? in tree building
function order.number(b, def, name, value)
  if value == nil then return nil end
  if type(value) ~= "number" or value < 0 or value % 1 ~= 0 or value > 2 ^ 53 then
    errors.raise("QueryError", {
      message = ("%s: %s: must be a whole number of rows, not %s"):format(name, def.name, tostring(value)),
    })
  end
  b:token(name)
  return b:param("-I", value)
end

return order
