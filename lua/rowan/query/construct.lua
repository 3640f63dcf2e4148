--- SQL expressions in the words of the query language: rowan.fn, col, literal, cast, where, and_, or_. Data only;
--- query/expression walks them. Called by users through rowan and db.

local errors = require("rowan.base.errors")
local ops = require("rowan.base.ops")
local types = require("rowan.types")

local construct = {}

---@class rowan.Expression
local Expression = { __name = "rowan.expression" }
Expression.__index = Expression
Expression.__tostring = function(e) return "rowan.expression: " .. e.kind end

-- What counts as an expression: these, and queries (query/chain), which stand wherever a value does.
local METATABLES = { [Expression] = true }
construct.metatables = METATABLES
-- Methods of expressions; query/window adds those of functions.
construct.methods = Expression

---@param fields table with a kind
---@return rowan.Expression
function construct.make(fields)
  return setmetatable(fields, Expression)
end
local make = construct.make

local function fail(message)
  errors.raise("QueryError", { message = message })
end

---True for anything the constructors here made.
---@param value any
---@return boolean
function construct.is(value)
  return type(value) == "table" and METATABLES[getmetatable(value)] == true
end

---An SQL function call; Lua values among the arguments are bound.
---@param name string a function's name, letters, digits, `_` and `.`
---@param ... any expressions or values
---@return rowan.Expression
function construct.fn(name, ...)
  if type(name) ~= "string" or not name:find("^[%a_][%w_%.]*$") then
    fail("rowan.fn wants the name of an SQL function, such as \"COUNT\"")
  end
  return make({ kind = "fn", name = name, args = { ... }, count = select("#", ...) })
end

---A random number: order = rowan.random().
---@return rowan.Expression
function construct.random()
  return construct.fn("RANDOM")
end

---A column by attribute name, or "*".
---@param name string
---@return rowan.Expression
function construct.col(name)
  if type(name) ~= "string" then fail("rowan.col wants the name of an attribute") end
  return make({ kind = "col", name = name })
end

---SQL text taken as it is: never put a value of somebody else's into it.
---@param text string
---@return rowan.Expression
function construct.literal(text)
  if type(text) ~= "string" then fail("rowan.literal wants SQL text") end
  return make({ kind = "literal", text = text })
end

---CAST(value AS type).
---@param value any an expression or a value
---@param to string|table a type's SQL name, or a DataType
---@return rowan.Expression
function construct.cast(value, to)
  if types.is(to) then
    local resolved = types.resolve(to)
    return make({ kind = "cast", value = value, type = resolved, type_token = tostring(resolved) })
  end
  if type(to) ~= "string" or not to:find("^[%a_][%w_ ]*[%d, %(%)]*[%[%]]*$") then
    fail("rowan.cast wants the name of an SQL type, or a DataType")
  end
  return make({ kind = "cast", value = value, to = to })
end

---A condition on an expression: rowan.where(rowan.fn("LOWER", rowan.col("name")), "ann").
---@param left any an expression
---@param operator any an operator, or the value when it is the last argument
---@param value? any
---@return rowan.Expression
function construct.where(left, operator, value)
  if value == nil then operator, value = ops.Op.eq, operator end
  if not construct.is(left) then fail("rowan.where wants an expression first, such as rowan.fn(...)") end
  if value == nil then fail("rowan.where has no value to compare with; write rowan.null for NULL") end
  if type(operator) == "string" then operator = ops.Op[operator] end
  if not ops.is(operator) then fail("rowan.where wants an operator such as Op.gt") end
  return make({ kind = "where", left = left, operator = operator, value = value })
end

---All of the conditions.
---@param ... table conditions as in `where`
---@return rowan.Expression
function construct.and_(...)
  return make({ kind = "logic", operator = ops.Op["and"], list = { ... } })
end

---Any of the conditions.
---@param ... table conditions as in `where`
---@return rowan.Expression
function construct.or_(...)
  return make({ kind = "logic", operator = ops.Op["or"], list = { ... } })
end

---Rows behind one that has these values, in an order: made by query/keyset, which also walks it.
---@param items rowan.KeysetItem[]
---@param values any[]
---@param backwards boolean
---@return rowan.Expression
function construct.seek(items, values, backwards)
  return make({ kind = "seek", items = items, values = values, backwards = backwards })
end

---Several attributes that together are one of a list of keys. Each attribute's values travel as one list, so that the
---statement is the same for any number of keys. For rowan's own use.
---@param attrs rowan.Attribute[]
---@param keys any[][] canonical values, in the order of the attributes
---@return rowan.Expression
function construct.one_of(attrs, keys)
  local lists = {}
  for i = 1, #attrs do
    lists[i] = { n = #keys }
    for k, key in ipairs(keys) do lists[i][k] = key[i] end
  end
  return make({ kind = "keys", attrs = attrs, lists = lists })
end

return construct
