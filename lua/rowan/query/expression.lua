--- Expressions (query/construct) walked into a builder, which binds every Lua value they hold; and the names of
--- attributes looked up.

local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local namespace = require("rowan.query.namespace")
local null = require("rowan.base.null")
local suggest = require("rowan.base.suggest")

local expression = {}

local function fail(message)
  errors.raise("QueryError", { message = message })
end

-- The constructors are here too: who walks expressions also makes some.
for name, make in pairs(construct) do expression[name] = make end

---The attribute called `name`, or an error that names the nearest.
---@param def table definition
---@param name string
---@return table attr
function expression.attribute(def, name)
  local attr = type(name) == "string" and def.by_name[name]
  if not attr then
    if def.sources then namespace.refuse(def, name) end
    local names = {}
    for i, known in ipairs(def.list) do names[i] = known.name end
    fail(suggest.unknown(def.name .. " has no attribute", tostring(name), names))
  end
  if attr.virtual then
    fail(("%s.%s is VIRTUAL: it has no column, so it cannot be part of a query"):format(def.name, attr.label))
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
  b.outer = { model = model, scope = scope, next = before }
  local made = fn()
  b.outer = before
  return made
end

local function column(b, def, name)
  if name == "*" then return b:literal("*") end
  if def.by_name[name] then return b:column(expression.attribute(def, name)) end
  local outside = namespace.outside(b.outer, name)
  if outside then return b:column(outside) end
  local own, attribute_name = name:match("^([^.]+)%.([^.]+)$")
  return b:column(expression.attribute(def, own == def.name and attribute_name or name))
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
  local walk = expression.walkers[e.kind]
  if walk then return walk(b, def, e) end
  return expression.condition(b, def, e)
end

---How other kinds are walked: filled by the files that make them (query/window, query/statement).
---@type table<string, fun(b: table, def: table, e: rowan.Expression): rowan.sql.Node?>
expression.walkers = {}

---Kinds among them that are conditions.
---@type table<string, boolean>
expression.truths = {}

---Set by query/where, which knows how conditions are read; expressions may hold conditions and the reverse.
---@type fun(b: table, def: table, e: rowan.Expression): rowan.sql.Node?
expression.condition = nil

---Set by query/keyset.
---@type fun(b: table, e: rowan.Expression): rowan.sql.Node?
expression.seek_condition = nil

---Refuses what is no options table, and keys that the call does not know.
---@param options any
---@param allowed table<string, boolean>
---@param context string "User:findAll"
---@param more? table<string, boolean> further known ones: those of a model's plugins
function expression.check_options(options, allowed, context, more)
  if type(options) ~= "table" or expression.is(options) or options == everything then
    fail(context .. " wants a table of options, not " .. tostring(options))
  end
  check.keys(options, allowed, context, "QueryError", more)
end

return expression
