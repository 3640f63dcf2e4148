--- What can be said of a function or an expression besides its arguments: `over`, `filter`, `distinct`, `orderBy`, and
--- arithmetic with Lua's operators. Methods of the expressions that query/construct makes.

local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local where = require("rowan.query.where")

local window = {}

local WINDOW = check.set({ "partitionBy", "orderBy", "frame" })
local make = construct.make

---@class rowan.Expression
local Methods = construct.methods

local function fail(message)
  errors.raise("QueryError", { message = message })
end

-- ---- frames ----

local BOUNDS = {
  "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING", "CURRENT ROW", "%d+ PRECEDING", "%d+ FOLLOWING",
}
local EXCLUDED = { [""] = true, ["NO OTHERS"] = true, ["CURRENT ROW"] = true, GROUP = true, TIES = true }

local function is_bound(text)
  for _, pattern in ipairs(BOUNDS) do
    if text:find("^" .. pattern .. "$") then return true end
  end
  return false
end

-- A frame in one spelling; nil when it is none.
local function frame_text(text)
  local words = text:upper():gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  local body, excluded = words:match("^(.-) EXCLUDE (.+)$")
  body, excluded = body or words, excluded or ""
  local unit, rest = body:match("^(%u+) (.+)$")
  if unit ~= "ROWS" and unit ~= "RANGE" and unit ~= "GROUPS" or not EXCLUDED[excluded] then return nil end
  local low, high = rest:match("^BETWEEN (.-) AND (.+)$")
  if low then return is_bound(low) and is_bound(high) and words or nil end
  return is_bound(rest) and words or nil
end

local function frame_of(text)
  if text == nil then return nil end
  local found = type(text) == "string" and frame_text(text)
  if not found then
    fail(("over: %s is no frame; write such as \"ROWS BETWEEN 6 PRECEDING AND CURRENT ROW\""):format(tostring(text)))
  end
  return found
end

-- ---- methods ----

local function list_of(value)
  if type(value) == "table" and not expression.is(value) then return value end
  return { value }
end

---The function over the rows around each row: `partitionBy` and `orderBy` as names, expressions or lists of them.
---Raises QueryError behind anything but a function, or for a frame that is none.
---
---    rowan.fn("ROW_NUMBER"):over{ partitionBy = "userId", orderBy = { { "views", "DESC" } } }
---    -- ROW_NUMBER() OVER (PARTITION BY "user_id" ORDER BY "views" DESC)
---    rowan.fn("SUM", rowan.col("total")):over{ orderBy = "day", frame = "ROWS BETWEEN 6 PRECEDING AND CURRENT ROW" }
---@param options? { partitionBy?: any, orderBy?: any, frame?: string }
---@return rowan.Expression
function Methods:over(options)
  options = options or {}
  check.keys(options, WINDOW, "over", "QueryError")
  if self.kind ~= "fn" and self.kind ~= "filter" and self.kind ~= "aggregate" then
    fail("over stands behind a function, such as rowan.fn(\"SUM\", ...)")
  end
  return make({
    kind = "over", value = self, partition = list_of(options.partitionBy), order = options.orderBy,
    frame = frame_of(options.frame),
  })
end

---The aggregate over those rows only that meet a condition. Raises QueryError behind anything but a function.
---
---    rowan.fn("COUNT", rowan.col("*")):filter{ status = "paid" }   -- COUNT(*) FILTER (WHERE "status" = $1)
---@param condition table as in `where`
---@return rowan.Expression
function Methods:filter(condition)
  if self.kind ~= "fn" and self.kind ~= "aggregate" then fail("filter stands behind an aggregate function") end
  if type(condition) ~= "table" then fail("filter wants a condition, as where does") end
  return make({ kind = "filter", value = self, condition = condition })
end

local function aggregate(self, changes)
  local from = self.kind == "aggregate" and self or self.kind == "fn" and { value = self }
  if not from then fail("distinct and orderBy stand behind an aggregate function") end
  return make({
    kind = "aggregate", value = from.value, unique = changes.unique or from.unique,
    order = changes.order or from.order,
  })
end

---The aggregate over different values only: COUNT(DISTINCT "userId"). Raises QueryError behind anything but a function.
---
---    rowan.fn("COUNT", rowan.col("city")):distinct()    -- COUNT(DISTINCT "city")
---@return rowan.Expression
function Methods:distinct()
  return aggregate(self, { unique = true })
end

---The order in which an aggregate takes its values: STRING_AGG("name", $1 ORDER BY "name" ASC). PostgreSQL only.
---Raises QueryError behind anything but a function.
---
---    rowan.fn("STRING_AGG", rowan.col("name"), ", "):orderBy("name")    -- STRING_AGG("name", $1 ORDER BY "name" ASC)
---@param items any as in a finder's `order`
---@return rowan.Expression
function Methods:orderBy(items)
  return aggregate(self, { order = items })
end

for metamethod, operator in pairs({
  __add = "+", __sub = "-", __mul = "*", __div = "/", __mod = "%", __concat = "||",
}) do
  Methods[metamethod] = function(left, right)
    return make({ kind = "binary", operator = operator, left = left, right = right })
  end
end

-- ---- walking ----

---A name or an expression as a value.
---@param b table
---@param def table
---@param item any
---@return rowan.sql.Node? in tree building
function window.operand(b, def, item)
  if type(item) == "string" then return b:column(expression.attribute(def, item)) end
  if not expression.is(item) then fail(("%s is neither a name nor an expression"):format(tostring(item))) end
  return expression.walk(b, def, item)
end

---A list of names and expressions.
---@param b table
---@param def table
---@param word string what they are, for the shape
---@param items any[]
---@return rowan.sql.Node[]? in tree building, nil for none
function window.operands(b, def, word, items)
  if #items == 0 then return nil end
  local list = {}
  b:open(word)
  for i, item in ipairs(items) do list[i] = window.operand(b, def, item) end
  b:token(")")
  return list
end

---Names, expressions and their directions, as a finder's `order` has them.
---@param b table
---@param def table
---@param items any
---@return rowan.sql.Node[]? in tree building
function window.ordering(b, def, items)
  return order.walk(b, def.model, order.items(def.model, items, nil, {}))
end

local walkers = expression.walkers

function walkers.over(b, def, e)
  b:open("over " .. (e.frame or ""))
  local value = expression.walk(b, def, e.value)
  local partition = window.operands(b, def, "partition", e.partition)
  local sorted = window.ordering(b, def, e.order)
  b:token(")")
  return not b.is_shape and node.over(value, partition, sorted, e.frame) or nil
end

function walkers.filter(b, def, e)
  b:open("filter")
  local value = expression.walk(b, def, e.value)
  local condition = where.walk(b, def, e.condition)
  b:token(")")
  return not b.is_shape and node.filter(value, condition) or nil
end

function walkers.aggregate(b, def, e)
  if e.order and not def.dialect.supports.aggregate_order then
    fail(("%s: an order within an aggregate is not there on %s; order a query and take the aggregate of it")
      :format(e.value.name, def.dialect.name))
  end
  b:open(e.unique and "distinct" or "aggregate")
  local value = expression.walk(b, def, e.value)
  local sorted = window.ordering(b, def, e.order)
  b:token(")")
  if b.is_shape then return nil end
  local made = node.call(value.name, value.args, e.unique)
  made.order = sorted
  return made
end

function walkers.binary(b, def, e)
  b:open(e.operator)
  local left = expression.walk(b, def, e.left)
  local right = expression.walk(b, def, e.right)
  b:token(")")
  return not b.is_shape and node.binary(e.operator, left, right) or nil
end

return window
