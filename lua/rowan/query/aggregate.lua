--- COUNT, SUM, MIN, MAX and the like, and EXISTS, of the rows that a finder would find: their expressions, shapes and
--- plans. Included associations filter, and never multiply; over their columns aggregates are grouped rows (query/group).

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local level = require("rowan.query.level")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local remark = require("rowan.query.remark")
local types = require("rowan.types")
local typing = require("rowan.query.typing")

local aggregate = {}

local OF_NUMBERS = { SUM = true, AVG = true }
local NO_ORDER = { j = true, J = true }

local function fail(model, name, rule)
  errors.raise("QueryError", { message = ("%s: %s: %s"):format(name:lower(), model.name, rule) })
end

local function check_type(model, name, attr)
  local code = attr.type.code
  if OF_NUMBERS[name] and not types.NUMERIC[code] then
    fail(model, name, ("%q is %s, not a number"):format(attr.name, attr.type.key))
  end
  if (name == "MIN" or name == "MAX") and NO_ORDER[code] then
    fail(model, name, ("%q is %s, which has no order"):format(attr.name, attr.type.key))
  end
end

---Whether a column lies in an included table: "alias.attribute".
---@param model table
---@param what any
---@return boolean
function aggregate.is_path(model, what)
  if type(what) ~= "string" or model.definition.by_name[what] then return false end
  local first = what:match("^%$?([^.$]+)%.")
  return first ~= nil and model.associations[first] ~= nil and not model.definition.by_name[first]
end

-- The attribute at the end of a path, which has to be included.
local function at_end(model, name, path, options)
  local links, _, attribute, target = link.path(model, "$" .. path:gsub("^%$(.*)%$$", "%1") .. "$")
  if options.include == nil then
    fail(model, name, ("%q is of an association: include %q as well"):format(path, links[1].as))
  end
  return expression.attribute(target.definition, attribute)
end

-- What is aggregated: a column by name or path, an expression, "*".
local function operand(model, name, what, options)
  if expression.is(what) then return what end
  if type(what) ~= "string" then fail(model, name, "wants the name of an attribute, or an expression") end
  if what == "*" and name ~= "COUNT" then fail(model, name, "wants an attribute; only count takes \"*\"") end
  local attr = model.definition.by_name[what]
  if aggregate.is_path(model, what) then attr = at_end(model, name, what, options) end
  if attr then check_type(model, name, attr) end
  return expression.col(what)
end

---The expression of an aggregate.
---@param model table
---@param name string "SUM"
---@param what string|rowan.Expression an attribute, "alias.attribute", an expression; "*" for COUNT
---@param options { distinct?: boolean, dataType?: rowan.Type }
---@return rowan.Expression
function aggregate.expression(model, name, what, options)
  local value = operand(model, name, what, options)
  if options.distinct then
    if what == "*" then fail(model, name, "distinct wants an attribute (col)") end
    value = expression.fn("DISTINCT", value)
  end
  local made = expression.fn(name, value)
  if options.dataType ~= nil then made.typed = types.resolve(options.dataType, name:lower() .. ": dataType") end
  return made
end

local function conditions(b, model, options)
  b:generation(model.definition)
  return level.conditions(b, level.new(model, options), options.where, false)
end

local function plan_of(model, tree, column, select_parts, options)
  return {
    model = model, columns = { column }, whole = false, children = {}, first = 1, count = #tree.codes,
    codes = table.concat(tree.codes),
    text = compile.text(node.select(select_parts), tree.dialect) .. remark.of(options),
  }
end

local function walk_value(b, model, e, options)
  b:token(remark.of(options))
  if e.typed then b:token("type " .. types.token(e.typed)) end
  return expression.walk(b, model.definition, e), conditions(b, model, options)
end

---The shape of one aggregate without groups.
---@param model table
---@param e rowan.Expression
---@param options table
---@return string key, any[] params, integer count
function aggregate.shape(model, e, options)
  local shape = builder.shape("aggregate " .. model.name)
  walk_value(shape, model, e, options)
  return shape:key(), shape.params, shape.count
end

---@param model table
---@param e rowan.Expression
---@param options table
---@param dialect rowan.Dialect
---@return rowan.Plan whose row has the field `value`
function aggregate.plan(model, e, options, dialect)
  local tree = builder.tree(dialect)
  local value, condition = walk_value(tree, model, e, options)
  local typed = typing.of(model.definition, e)
  return plan_of(model, tree, { key = "value", code = typed.code, scale = typed.scale, load = typed.load }, {
    columns = { node.aliased(value, "value") }, from = link.source(model.definition, tree.scope), where = condition,
  }, options)
end

---The shape of COUNT(*), or of "is there any".
---@param model table
---@param options table
---@param kind "count"|"exists"
---@return string key, any[] params, integer count
function aggregate.rows_shape(model, options, kind)
  local shape = builder.shape(kind .. " " .. model.name)
  shape:token(remark.of(options))
  conditions(shape, model, options)
  return shape:key(), shape.params, shape.count
end

---@param model table
---@param options table
---@param dialect rowan.Dialect
---@param kind "count"|"exists"
---@return rowan.Plan whose row has the field `count` or `exists`
function aggregate.rows_plan(model, options, dialect, kind)
  local tree = builder.tree(dialect)
  local condition = conditions(tree, model, options)
  local from = link.source(model.definition, tree.scope)
  if kind == "count" then
    return plan_of(model, tree, { key = "count", code = "I" }, {
      columns = { node.aliased(node.call("COUNT", { node.literal("*") }), "count") }, from = from, where = condition,
    }, options)
  end
  local found = node.exists(node.select({ columns = { node.literal("1") }, from = from, where = condition }))
  return plan_of(model, tree, { key = "exists", code = "b" }, { columns = { node.aliased(found, "exists") } }, options)
end

return aggregate
