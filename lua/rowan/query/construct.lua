--- SQL expressions in the words of the query language: rowan.fn, col, literal, cast, where, case, sql ... Data only;
--- query/expression walks them. Called by users through rowan and db.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local ops = require("rowan.base.ops")
local raw = require("rowan.query.raw")
local types = require("rowan.types")

local construct = {}

---@class rowan.Expression
---@field kind? string always there: "fn", "col", "literal", "cast", "where", "logic", "case", "sql", ...; what else there is depends on it
---@field name? string of fn and col
---@field args? table of fn
---@field text? string of literal and sql
---@field type? rowan.Type of cast
---@field left? any of where and binary
---@field operator? any of where, logic and binary
---@field right? any of binary
---@field value? any of where, cast, and what stands behind a function
---@field list? table of logic
---@field query? rowan.Query of exists
---@field condition? table of filter
---@field partition? table of over
---@field order? any of over and aggregate
---@field frame? string of over
---@field unique? boolean of aggregate
local Expression = { __name = "rowan.expression" }
Expression.__index = Expression
Expression.__tostring = function(e) return "rowan.expression: " .. e.kind end

-- What counts as an expression: these, and queries (query/chain), which stand wherever a value does.
local METATABLES = { [Expression] = true }
local getmetatable = getmetatable
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
  return METATABLES[getmetatable(value)] == true
end

---An SQL function call; Lua values among the arguments are bound. Raises QueryError for what is no name of a function.
---
---    rowan.fn("COUNT", rowan.col("id"))       -- COUNT("id")
---@param name string a function's name, letters, digits, `_` and `.`
---@param ... any expressions or values
---@return rowan.Expression
function construct.fn(name, ...)
  if type(name) ~= "string" or not ("." .. name):gsub("%.[%a_][%w_]*", ""):find("^$") then
    fail("rowan.fn wants the name of an SQL function, such as \"COUNT\"")
  end
  return make({ kind = "fn", name = name, args = { ... }, count = select("#", ...) })
end

---A random number: order = rowan.random().
---
---    User:findAll{ order = rowan.random() }    -- SELECT ... FROM "users" ORDER BY RANDOM() ASC
---@return rowan.Expression
function construct.random()
  return construct.fn("RANDOM")
end

---A column by attribute name, or "*". Paths and casts stand behind the name as everywhere in queries.
---Raises QueryError for what is no text; for an unknown name when it is used.
---
---    rowan.col("data.size::int")              -- CAST(("data" ->> 'size') AS INTEGER)
---@param name string "age", "*", "alias.attribute", "data.a.b"
---@return rowan.Expression
function construct.col(name)
  if type(name) ~= "string" then fail("rowan.col wants the name of an attribute") end
  return make({ kind = "col", name = name })
end

---SQL text taken as it is: never put a value of somebody else's into it. Raises QueryError for what is no text.
---
---    rowan.literal("CURRENT_DATE - 7")    -- CURRENT_DATE - 7
---@param text string SQL
---@return rowan.Expression
function construct.literal(text)
  if type(text) ~= "string" then fail("rowan.literal wants SQL text") end
  return make({ kind = "literal", text = text })
end

-- integer, numeric(10, 2), double precision, timestamp(3) with time zone, text[]
local function is_type_name(text)
  local rest = text:gsub("^[%a_][%w_ ]*", "", 1)
  if rest == text then return false end
  rest = rest:gsub("^%(%s*%d+%s*%)", ""):gsub("^%(%s*%d+%s*,%s*%d+%s*%)", ""):gsub("^ %a+ time zone", "")
  return rest:gsub("%[%]", "") == ""
end

---CAST(value AS type). A table is checked and written as a value of the DataType.
---Raises QueryError for what is no type, or a table that is no value of it.
---
---    rowan.cast(rowan.col("size"), DataTypes.TEXT)                                -- CAST("size" AS TEXT)
---    rowan.cast({ type = "Point", coordinates = { 1, 2 } }, DataTypes.GEOMETRY)   -- CAST($1 AS GEOMETRY)
---@param value any an expression or a value
---@param to string|table a type's SQL name, or a DataType
---@return rowan.Expression
function construct.cast(value, to)
  if types.is(to) then
    local resolved = types.resolve(to)
    return make({ kind = "cast", value = value, type = resolved, type_token = types.token(resolved) })
  end
  if type(to) ~= "string" or not is_type_name(to) then
    fail("rowan.cast wants the name of an SQL type, or a DataType")
  end
  return make({ kind = "cast", value = value, to = to })
end

---A condition on an expression; or a table of conditions, as in `where`, as an expression.
---Raises QueryError for an unknown operator.
---
---    rowan.where(rowan.fn("LOWER", rowan.col("name")), "ann")        -- LOWER("name") = ?
---    rowan.where(rowan.fn("LENGTH", rowan.col("name")), Op.gt, 3)    -- LENGTH("name") > ?
---@param left any an expression, or a table of conditions when it is the only argument
---@param operator any an operator, or the value when it is the last argument
---@param value? any what it is compared with
---@return rowan.Expression
function construct.where(left, operator, value)
  if operator == nil and value == nil and type(left) == "table" and not construct.is(left) then
    return construct.and_(left)
  end
  if value == nil then operator, value = ops.Op.eq, operator end
  if not construct.is(left) then fail("rowan.where wants an expression first, such as rowan.fn(...)") end
  if value == nil then fail("rowan.where has no value to compare with; write rowan.null for NULL") end
  if type(operator) == "string" then operator = ops.Op[operator] end
  if not ops.is(operator) then fail("rowan.where wants an operator such as Op.gt") end
  return make({ kind = "where", left = left, operator = operator, value = value })
end

---What stands in a JSON attribute, by its path; with a value a condition on it; a table of conditions as rowan.where.
---Raises QueryError for what is no path.
---
---    rowan.json("data.tags[0]")               -- ("data" -> 'tags' -> 0)
---    rowan.json("data.size", 5)               -- ("data" -> 'size') = ?
---@param path string|table "attribute.key[0]", or conditions
---@param value? any what it is equal to
---@return rowan.Expression
function construct.json(path, value)
  if type(path) == "table" and value == nil then return construct.where(path) end
  if type(path) ~= "string" then fail('rowan.json wants a path such as "data.size"') end
  local column = construct.col(path)
  if value == nil then return column end
  return construct.where(column, value)
end

local function logic(operator, ...)
  local count = select("#", ...)
  local list = { ... }
  for i = 1, count do
    if list[i] == nil then fail(("rowan.%s_: condition %d is nil"):format(operator.name, i)) end
  end
  return make({ kind = "logic", operator = operator, list = list })
end

---All of the conditions. Raises QueryError for what is no condition, when it is used.
---
---    rowan.and_({ age = 18 }, { name = "Ann" })    -- "age" = ? AND "name" = ?
---@param ... table conditions as in `where`
---@return rowan.Expression
function construct.and_(...)
  return logic(ops.Op["and"], ...)
end

---Any of the conditions. Raises QueryError for what is no condition, when it is used.
---
---    rowan.or_({ age = 18 }, { name = "Ann" })    -- ("age" = ? OR "name" = ?)
---@param ... table conditions as in `where`
---@return rowan.Expression
function construct.or_(...)
  return logic(ops.Op["or"], ...)
end

---Not the condition. Raises QueryError for what is no condition, when it is used.
---
---    rowan.not_{ name = "Ann" }    -- NOT ("name" = ?)
---@param condition table as in `where`
---@return rowan.Expression
function construct.not_(condition)
  return make({ kind = "logic", operator = ops.Op["not"], list = logic(ops.Op["not"], condition).list })
end

---CASE: the value beside the first condition that holds, else `else_`, else NULL.
---Raises QueryError for a branch that is not { condition, value }.
---
---    rowan.case{ { { age = { [Op.lt] = 18 } }, "young" }, { { age = 18 }, "just" }, else_ = "old" }
---    -- CASE WHEN "age" < ? THEN ? WHEN "age" = ? THEN ? ELSE ? END
---@param branches table a list of { condition, value }, and `else_`
---@return rowan.Expression
function construct.case(branches)
  local rule = "rowan.case wants a list of { condition, value }, and else_"
  if type(branches) ~= "table" or construct.is(branches) then fail(rule) end
  local list = {}
  for key, branch in next, branches do
    local known = key == "else_" or type(key) == "number" and key >= 1 and key <= #branches and key % 1 == 0
    if not known then fail(("%s; it does not know %s"):format(rule, tostring(key))) end
    if key ~= "else_" then
      if type(branch) ~= "table" or check.sequence(branch) ~= 2 then fail(rule) end
      list[key] = { when = branch[1], value = branch[2] }
    end
  end
  if not list[1] then fail(rule) end
  return make({ kind = "case", branches = list, otherwise = branches.else_ })
end

---A name that is quoted: of a column, a table, or of both with a point between. Raises QueryError for what is no text.
---
---    rowan.identifier("users", "name")        -- "users"."name"
---@param ... string parts
---@return rowan.Expression
function construct.identifier(...)
  local parts = { ... }
  for i = 1, math.max(1, select("#", ...)) do
    local part = parts[i]
    if type(part) ~= "string" or part == "" or part:find("%z") then
      fail("rowan.identifier wants names: non-empty strings without NUL")
    end
  end
  return make({ kind = "identifier", parts = parts })
end

local POSITIONAL = { positional = true }

-- `??` is a question mark of SQL's own; the parser sees two placeholders with nothing between them.
local function fragment_pieces(text)
  local pieces, out, i = raw.parse(text, POSITIONAL), {}, 1
  while i <= #pieces do
    local piece = pieces[i]
    if type(piece) ~= "string" and pieces[i + 1] == "" and type(pieces[i + 2]) == "table" then
      out[#out] = (out[#out] or "") .. "?" .. (pieces[i + 3] or "")
      i = i + 4
    else
      out[#out + 1] = piece
      i = i + 1
    end
  end
  return out
end

---A piece of SQL with values in it. Each `?` is a value that is bound, or an expression; a list gives as many values
---as it has, for IN (?). Question marks in strings and comments stay, and `??` is one question mark.
---Raises QueryError when values and question marks are not as many.
---
---    rowan.sql("? * price + ?", 2, rowan.col("tax"))      -- (? * price + "tax")
---    rowan.sql("size IN (?)", { 1, 2 })                   -- (size IN (?, ?))
---@param text string SQL; never put input into it
---@param ... any values and expressions
---@return rowan.Expression
function construct.sql(text, ...)
  if type(text) ~= "string" then fail("rowan.sql wants SQL text") end
  local pieces, given, used = fragment_pieces(text), { ... }, 0
  for _, piece in ipairs(pieces) do
    if type(piece) == "table" then
      used = used + 1
      if given[used] == nil then fail(("rowan.sql: there is no value for ? number %d"):format(used)) end
    end
  end
  if select("#", ...) ~= used then
    fail(("rowan.sql: there are %d values for %d ?"):format(select("#", ...), used))
  end
  return make({ kind = "sql", text = text, pieces = pieces, values = given })
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
