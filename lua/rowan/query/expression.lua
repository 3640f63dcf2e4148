--- Expressions (query/construct) walked into a builder, which binds every Lua value they hold; and the names of
--- attributes looked up.

local check = require("rowan.base.check")
local construct = require("rowan.query.construct")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local namespace = require("rowan.query.namespace")
local null = require("rowan.base.null")
local plain = require("rowan.query.plain")
local subject = require("rowan.query.subject")
local types = require("rowan.types")

local expression = {}

local TEXT = types.DataTypes.TEXT

local function fail(message)
  errors.raise("QueryError", { message = message })
end

-- The constructors are here too: who walks expressions also makes some.
for name, make in pairs(construct) do expression[name] = make end

expression.attribute = subject.attribute

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

---The path "$alias.attribute$" that a name is along associations of the definition's model; nil when it is none.
---@param def table
---@param name string
---@return string?
function expression.association_path(def, name)
  if def.by_name[name] then return nil end
  if name:find("^%$.+%..+%$") then return name end
  local first = name:match("^([^.]+)%.")
  return first and not def.by_name[first] and def.model.associations[first] and "$" .. name .. "$" or nil
end

-- What a name is about: an attribute, with what stands behind it; "Model.attribute" too, of models outside as well.
local function about(b, def, name)
  local attr = def.by_name[name] or namespace.outside(b.outer, name)
  if attr and not attr.virtual then return attr end
  local first, rest = name:match("^([^.]+)%.(.+)$")
  if first == def.name and not def.by_name[first] then name = rest end
  return subject.resolve(def, name)
end

local function column(b, def, name, how)
  if name == "*" then return b:literal("*") end
  local path = expression.association_path(def, name)
  if path then return expression.along(b, def, path, how) end
  return subject.walk(b, about(b, def, name), how)
end

---Binds a plain value that no attribute gives a type.
---@param b table
---@param def table definition
---@param value any
---@return rowan.sql.Node? in tree building
function expression.bind(b, def, value)
  local kind = type(value)
  if value == null or value == nil then return b:constant(nil) end
  if kind == "number" then
    local code, bound = plain.number(def.dialect, value)
    return b:param("-" .. code, bound)
  end
  if kind == "boolean" then return b:param("-b", value) end
  if kind ~= "string" then
    fail("an expression takes strings, numbers, booleans, rowan.null and other expressions, not a " .. kind
      .. (kind == "table" and "; rowan.cast(value, DataTypes.JSONB) says of which type a table is" or ""))
  end
  local text, rule = TEXT.cast(value)
  if not text then fail("a value in an expression " .. rule) end
  return b:param("-?", text)
end

-- The parameter of a `?` in rowan.sql: a list becomes several.
local function placeholder(b, def, value)
  if type(value) ~= "table" or construct.is(value) or value == null then return expression.walk(b, def, value) end
  local count = check.sequence(value)
  if not count then fail("rowan.sql takes values, expressions and lists without gaps or other keys") end
  if count == 0 then fail("rowan.sql: an empty list has no SQL; Op.in_ and Op.notIn take one") end
  local items = {}
  b:open("spread")
  for i = 1, count do items[i] = expression.walk(b, def, value[i]) end
  return b:spread(items)
end

local function fragment(b, def, e)
  local pieces, used = {}, 0
  b:open("sql")
  b:literal(e.text)
  for i, piece in ipairs(e.pieces) do
    if type(piece) == "table" then
      used = used + 1
      piece = placeholder(b, def, e.values[used])
    end
    pieces[i] = piece or ""
  end
  return b:fragment(pieces)
end

-- Walks conditions that choose values, not rows: they do not count as conditions of the statement.
local function aside(b, walk, def, condition)
  local before = b.conditions
  local made = walk(b, def, condition)
  b.conditions = before
  return made
end

local function case(b, def, e)
  local branches = {}
  b:open("case")
  for i, branch in ipairs(e.branches) do
    b:token("when")
    local when = aside(b, expression.when, def, branch.when)
    branches[i] = { when = when, value = expression.walk(b, def, branch.value) }
  end
  b:token("else")
  return b:case(branches, e.otherwise ~= nil and expression.walk(b, def, e.otherwise) or nil)
end

local AS_TEXT = { to = "TEXT" }

local function call(b, def, e)
  local args, any = {}, def.dialect.takes_any
  local as_text = any and any[e.name:lower()]
  b:open("fn " .. e.name)
  for i = 1, e.count do
    local arg = e.args[i]
    if as_text and type(arg) == "string" then
      b:open("cast")
      args[i] = b:cast(expression.bind(b, def, arg), AS_TEXT)
    else
      args[i] = expression.walk(b, def, arg)
    end
  end
  return b:call(e.name, args)
end

-- A table is a value of the type that it is cast to: GeoJSON, a list, a document.
local function typed(b, def, e)
  local type_of = def.dialect.kept_as(e.type)
  local value, rule = type_of.cast(e.value)
  if value ~= nil and type_of.dump then value, rule = type_of.dump(value) end
  if value == nil then fail(("rowan.cast: the value for %s %s"):format(e.type_token, rule)) end
  return b:param("-" .. type_of.code, value)
end

local function cast(b, def, e)
  b:open("cast")
  local value = e.value
  if e.type and type(value) == "table" and not construct.is(value) then return b:cast(typed(b, def, e), e) end
  return b:cast(expression.walk(b, def, value), e)
end

local WALK = {
  literal = function(b, _, e) return b:literal(e.text) end,
  col = function(b, def, e) return column(b, def, e.name, "value") end,
  identifier = function(b, _, e) return b:identifier(e.parts) end,
  cast = cast, fn = call, sql = fragment, case = case,
}

---Drives builder `b` with an operand: an expression, or a plain value that is bound.
---@param b table a builder (query/builder)
---@param def table definition that columns are looked up in
---@param e any
---@return rowan.sql.Node? in tree building
function expression.walk(b, def, e)
  if not construct.is(e) then return expression.bind(b, def, e) end
  local walk = WALK[e.kind] or expression.walkers[e.kind]
  if walk then return walk(b, def, e) end
  return aside(b, expression.condition, def, e)
end

---Walks an expression for a purpose, as subject.walk: what is ordered or grouped by is compared.
---@param b table
---@param def table
---@param e rowan.Expression
---@param how "value"|"read"|"compare"|"document"|"text"
---@return rowan.sql.Node? in tree building
function expression.walk_as(b, def, e, how)
  if e.kind == "col" then return column(b, def, e.name, how) end
  local value = expression.walk(b, def, e)
  if how == "compare" and e.type then return b:by_value(value, e.type) end
  return value
end

---What an expression is about, nil when the database alone knows: an attribute, a path, a type it is cast to.
---@param b table
---@param def table
---@param e rowan.Expression
---@return { type: rowan.Type, name?: string, steps?: table }?
function expression.subject(b, def, e)
  if e.kind == "cast" then return e.type and { type = e.type } end
  if e.kind == "col" and e.name ~= "*" then return about(b, def, e.name) end
  return nil
end

---The expression of an attribute's name with a path or casts behind it; nil when the name is none of an attribute.
---@param def table
---@param name string
---@return rowan.Expression?
function expression.path(def, name)
  return subject.find(def, name) and construct.col(name)
end

---How other kinds are walked: filled by the files that make them (query/window, query/statement).
---@type table<string, fun(b: table, def: table, e: rowan.Expression): rowan.sql.Node?>
expression.walkers = {}

---Kinds whose value may be a condition.
---@type table<string, boolean>
expression.truths = { fn = true, sql = true, case = true }

---Set by query/where, which knows how conditions are read; expressions may hold conditions and the reverse.
---@type fun(b: table, def: table, e: rowan.Expression, depth?: integer): rowan.sql.Node?
expression.condition = nil

---Set by query/keyset.
---@type fun(b: table, e: rowan.Expression): rowan.sql.Node?
expression.seek_condition = nil
---Set by query/where: the condition of a branch of CASE.
---@type fun(b: table, def: table, condition: any): rowan.sql.Node?
expression.when = nil

---Set by query/where too: a value at the end of a path of to-one associations.
---@type fun(b: table, def: table, path: string, how: string): rowan.sql.Node?
expression.along = nil

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
