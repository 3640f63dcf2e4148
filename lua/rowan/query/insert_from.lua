--- INSERT ... SELECT: the rows of one model's query into another model's table, without passing through here. Pure.

local builder = require("rowan.query.builder")
local check = require("rowan.base.check")
local compile = require("rowan.sql.compile")
local conflict = require("rowan.query.conflict")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local filter = require("rowan.query.filter")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local null = require("rowan.base.null")
local order = require("rowan.query.order")
local statement = require("rowan.query.statement")
local where = require("rowan.query.where")

local insert_from = {}

---@class rowan.InsertSource
---@field model table
---@field attributes table<string, any> what each attribute of the target gets: an attribute of `model`, an expression, or a value that is no text
---@field where? any
---@field order? any
---@field limit? integer

---@class rowan.InsertPart what one attribute of the target gets
---@field attr rowan.Attribute
---@field source? rowan.Attribute|rowan.Expression
---@field bound? any a value that is the same for all rows

local SOURCE = check.set({ "model", "attributes", "where", "order", "limit", "paranoid" })
-- Types that hold everything the other one does.
local WIDER = { iI = true, ["in"] = true, In = true }

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

local function is_model(value)
  return type(value) == "table" and not expression.is(value) and type(value.definition) == "table"
    and value.definition.by_name ~= nil
end

-- A list of names means attributes of the same names.
local function by_target(given, context)
  if type(given) ~= "table" or expression.is(given) or next(given) == nil then
    fail(context, "attributes wants a table: attribute = attribute of the source, or an expression")
  end
  if given[1] == nil then return given end
  local named = {}
  for _, name in ipairs(given) do named[name] = name end
  return named
end

-- A value that is the same for all rows.
local function constant(attr, value, context)
  if value == null then return { attr = attr, bound = null } end
  local canonical, rule = attr.type.cast(value)
  if canonical == nil then fail(context, ("%s.%s %s"):format(attr.definition.name, attr.label, rule)) end
  return { attr = attr, bound = attr.type.dump and attr.type.dump(canonical) or canonical }
end

local function part_of(def, source, name, from, context)
  local attr = expression.attribute(def, name)
  if expression.is(from) then return { attr = attr, source = from } end
  if type(from) ~= "string" then return constant(attr, from, context) end
  local origin = expression.attribute(source, from)
  if origin.type.code ~= attr.type.code and not WIDER[origin.type.code .. attr.type.code] then
    fail(context, ("%s.%s is %s and %s.%s is %s; say with rowan.cast what becomes of the values")
      :format(def.name, attr.name, attr.type.key, source.name, origin.name, origin.type.key))
  end
  return { attr = attr, source = origin }
end

---Reads what is to be inserted, in the order of the target's definition; `fill(attr)` gives the value of an attribute that the
---source says nothing of, nil for none.
---@param def rowan.Definition the target's
---@param given rowan.InsertSource
---@param fill fun(attr: rowan.Attribute): any
---@param context string
---@return rowan.InsertPart[]
function insert_from.parts(def, given, fill, context)
  expression.check_options(given, SOURCE, context)
  if not is_model(given.model) then fail(context, "wants model, whose rows are inserted") end
  local source, by_name, parts = given.model.definition, {}, {}
  for name, from in next, by_target(given.attributes, context) do
    by_name[name] = part_of(def, source, name, from, context)
  end
  for _, attr in ipairs(def.list) do
    local part = by_name[attr.name]
    if not part then
      local bound = fill(attr)
      if bound ~= nil then part = { attr = attr, bound = bound } end
    end
    parts[#parts + 1] = part
  end
  return parts
end

-- A column of a query for an attribute of the same name.
local function column_for(attr, columns, context)
  for _, column in ipairs(columns) do
    if column.name == attr.label then
      local code = column.type and column.type.code or "?"
      if code ~= "?" and code ~= attr.type.code and not WIDER[code .. attr.type.code] then
        fail(context, ("%s.%s is %s and the query's column is %s; say with rowan.cast what becomes of the values")
          :format(attr.definition.name, attr.label, attr.type.key, column.type.key))
      end
      return column
    end
  end
end

local function check_columns(def, columns, context)
  if not columns then fail(context, "the query must name its columns, not *") end
  for _, column in ipairs(columns) do
    if not column.name then fail(context, "every column of the query needs a name: { expression, \"alias\" }") end
    expression.attribute(def, column.name)
  end
end

-- The rows of a query value: its columns go to the attributes of their names.
local function walk_query(b, def, query, fill, context)
  local scope = not b.is_shape and b:another() or nil
  b:open("query")
  local walked = statement.walk(b, query)
  b:token(")")
  check_columns(def, walked.columns, context)
  local attrs, values = {}, {}
  for _, attr in ipairs(def.list) do
    local column, bound = column_for(attr, walked.columns, context), nil
    if not column then bound = fill(attr) end
    if column or bound ~= nil then
      attrs[#attrs + 1] = attr
      b:token(attr.token)
      values[#attrs] = column and not b.is_shape and node.column(column.field or column.name, scope)
        or not column and b:param("-" .. attr.type.code, bound) or nil
    end
  end
  return attrs, values, not b.is_shape and node.derived(walked.node, scope) or nil
end

local function into(def, attrs, query, skip)
  local fields = {}
  for i, attr in ipairs(attrs) do fields[i] = attr.field end
  return node.insert_query(link.source(def), fields, query, skip and conflict.clause(def) or nil)
end

---The shape and, on the first call of one, the plan of inserting the rows of a query value.
---@param def rowan.Definition
---@param query rowan.Query
---@param fill fun(attr: rowan.Attribute): any
---@param skip? boolean
---@param context string
---@return string key, any[] params, integer count
---@return fun(dialect: rowan.Dialect): rowan.WritePlan
function insert_from.query(def, query, fill, skip, context)
  local shape = builder.shape("insert from query")
  shape:token(def.name .. "@" .. def.generation .. (skip and "skip" or ""))
  walk_query(shape, def, query, fill, context)
  return shape:key(), shape.params, shape.count, function(dialect)
    local tree = builder.tree(dialect)
    local attrs, values, from = walk_query(tree, def, query, fill, context)
    local made = into(def, attrs, node.select({ columns = values, from = from, where = node.constant(true) }), skip)
    return { codes = table.concat(tree.codes), attrs = {}, text = compile.text(made, dialect) }
  end
end

local function walk(b, given, parts)
  local source, values = given.model.definition, {}
  b:generation(source)
  for i, part in ipairs(parts) do
    b:token(part.attr.token)
    if part.source == nil then
      values[i] = b:param("-" .. part.attr.type.code, part.bound)
    elseif expression.is(part.source) then
      values[i] = expression.walk(b, source, part.source)
    else
      values[i] = b:field(part.source)
    end
  end
  local found = where.walk(b, source, filter.narrow(source, given.where, given))
  local sorted = order.walk(b, given.model, order.items(given.model, given.order, nil, {}))
  return values, found, sorted, order.number(b, source, "limit", given.limit)
end

---@param def rowan.Definition
---@param given rowan.InsertSource
---@param parts rowan.InsertPart[]
---@param skip? boolean rows whose key is there
---@return string key, any[] params, integer count
function insert_from.shape(def, given, parts, skip)
  local shape = builder.shape("insert from " .. given.model.name)
  shape:token(def.name .. "@" .. def.generation .. (skip and "skip" or ""))
  walk(shape, given, parts)
  return shape:key(), shape.params, shape.count
end

---@param def rowan.Definition
---@param given rowan.InsertSource
---@param parts rowan.InsertPart[]
---@param skip? boolean
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function insert_from.plan(def, given, parts, skip, dialect)
  local tree = builder.tree(dialect)
  local values, found, sorted, limit = walk(tree, given, parts)
  local attrs = {}
  for i, part in ipairs(parts) do attrs[i] = part.attr end
  -- Without a WHERE, SQLite would take ON CONFLICT for a condition of a join.
  local query = node.select({
    columns = values, from = link.source(given.model.definition, tree.scope), where = found or node.constant(true),
    order = sorted, limit = limit,
  })
  local made = into(def, attrs, query, skip)
  return { codes = table.concat(tree.codes), attrs = {}, text = compile.text(made, dialect) }
end

return insert_from
