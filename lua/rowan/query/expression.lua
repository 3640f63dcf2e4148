--- SQL expressions in the words of the query language: rowan.fn, col, literal, cast, where, and_, or_. They are data;
--- `walk` drives a builder with them, which binds every Lua value they hold.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local suggest = require("rowan.base.suggest")
local types = require("rowan.types")

local expression = {}

---@class rowan.Expression
local Expression = { __name = "rowan.expression" }
Expression.__index = Expression
Expression.__tostring = function(e) return "rowan.expression: " .. e.kind end

local function make(fields)
  return setmetatable(fields, Expression)
end

local function fail(message)
  errors.raise("QueryError", { message = message })
end

---True for anything the constructors here made.
---@param value any
---@return boolean
function expression.is(value)
  return type(value) == "table" and getmetatable(value) == Expression
end

---An SQL function call; Lua values among the arguments are bound.
---@param name string a function's name, letters, digits, `_` and `.`
---@param ... any expressions or values
---@return rowan.Expression
function expression.fn(name, ...)
  if type(name) ~= "string" or not name:find("^[%a_][%w_%.]*$") then
    fail("rowan.fn wants the name of an SQL function, such as \"COUNT\"")
  end
  return make({ kind = "fn", name = name, args = { ... }, count = select("#", ...) })
end

---A column by attribute name, or "*".
---@param name string
---@return rowan.Expression
function expression.col(name)
  if type(name) ~= "string" then fail("rowan.col wants the name of an attribute") end
  return make({ kind = "col", name = name })
end

---SQL text taken as it is: never put a value of somebody else's into it.
---@param text string
---@return rowan.Expression
function expression.literal(text)
  if type(text) ~= "string" then fail("rowan.literal wants SQL text") end
  return make({ kind = "literal", text = text })
end

---CAST(value AS type).
---@param value any an expression or a value
---@param to string|table a type's SQL name, or a DataType
---@return rowan.Expression
function expression.cast(value, to)
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
function expression.where(left, operator, value)
  if value == nil then operator, value = ops.Op.eq, operator end
  if not expression.is(left) then fail("rowan.where wants an expression first, such as rowan.fn(...)") end
  if value == nil then fail("rowan.where has no value to compare with; write rowan.null for NULL") end
  if type(operator) == "string" then operator = ops.Op[operator] end
  if not ops.is(operator) then fail("rowan.where wants an operator such as Op.gt") end
  return make({ kind = "where", left = left, operator = operator, value = value })
end

---All of the conditions.
---@param ... table conditions as in `where`
---@return rowan.Expression
function expression.and_(...)
  return make({ kind = "logic", operator = ops.Op["and"], list = { ... } })
end

---Any of the conditions.
---@param ... table conditions as in `where`
---@return rowan.Expression
function expression.or_(...)
  return make({ kind = "logic", operator = ops.Op["or"], list = { ... } })
end

---The attribute called `name`, or an error that names the nearest.
---@param def table definition
---@param name string
---@return table attr
function expression.attribute(def, name)
  local attr = type(name) == "string" and def.by_name[name]
  if not attr then
    local names = {}
    for i, known in ipairs(def.list) do names[i] = known.name end
    fail(suggest.unknown(def.name .. " has no attribute", tostring(name), names))
  end
  return attr
end

---Runs `fn` while columns of the model outside can be written as "Model.attribute": in the `on` of an include.
---@param b table
---@param model table
---@param scope? rowan.sql.Scope
---@param fn fun(): any
---@return any
function expression.with_outer(b, model, scope, fn)
  local before = b.outer
  b.outer = { model = model, scope = scope }
  local made = fn()
  b.outer = before
  return made
end

local function column(b, def, name)
  if name == "*" then return b:literal("*") end
  local outer, attribute_name = name:match("^([^.]+)%.([^.]+)$")
  if outer and not def.by_name[name] then
    if b.outer and outer == b.outer.model.name then
      b:token(outer)
      return b:column(expression.attribute(b.outer.model.definition, attribute_name), b.outer.scope)
    end
    if outer == def.name then name = attribute_name end
  end
  return b:column(expression.attribute(def, name))
end

local function bind_plain(b, value)
  local kind = type(value)
  if value == null or value == nil then return b:constant(nil) end
  if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    fail("an expression takes strings, numbers, booleans, rowan.null and other expressions, not a " .. kind)
  end
  return b:param("-?", value)
end

---Drives builder `b` with an operand: an expression, or a plain value that is bound.
---@param b table a builder (query/builder)
---@param def table definition that columns are looked up in
---@param e any
---@return rowan.sql.Node? in tree building
function expression.walk(b, def, e)
  if not expression.is(e) then return bind_plain(b, e) end
  if e.kind == "literal" then return b:literal(e.text) end
  if e.kind == "col" then return column(b, def, e.name) end
  if e.kind == "cast" then
    b:open("cast")
    return b:cast(expression.walk(b, def, e.value), e)
  end
  if e.kind == "fn" then
    local args = {}
    b:open("fn " .. e.name)
    for i = 1, e.count do args[i] = expression.walk(b, def, e.args[i]) end
    return b:call(e.name, args)
  end
  return expression.condition(b, def, e)
end

---Set by query/where, which knows how conditions are read; expressions may hold conditions and the reverse.
---@type fun(b: table, def: table, e: rowan.Expression): rowan.sql.Node?
expression.condition = nil

---Refuses what is no options table, and keys that the call does not know.
---@param options any
---@param allowed table<string, boolean>
---@param context string "User:findAll"
function expression.check_options(options, allowed, context)
  if type(options) ~= "table" or expression.is(options) or options == everything then
    fail(context .. " wants a table of options, not " .. tostring(options))
  end
  check.keys(options, allowed, context, "QueryError")
end

return expression
