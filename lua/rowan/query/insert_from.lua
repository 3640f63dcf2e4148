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
  local fields = {}
  for i, part in ipairs(parts) do fields[i] = part.attr.field end
  -- Without a WHERE, SQLite would take ON CONFLICT for a condition of a join.
  local query = node.select({
    columns = values, from = link.source(given.model.definition, tree.scope), where = found or node.constant(true),
    order = sorted, limit = limit,
  })
  local into = node.insert_query(link.source(def), fields, query, skip and conflict.clause(def) or nil)
  return { codes = table.concat(tree.codes), attrs = {}, text = compile.text(into, dialect) }
end

return insert_from
