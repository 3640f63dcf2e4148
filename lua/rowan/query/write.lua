--- Plans of writing: INSERT of one row, UPDATE and DELETE by key or by condition; query/write_many has those by lists.
--- Pure. Which columns take part is the shape; the values are parameters.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local many = require("rowan.query.write_many")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local where = require("rowan.query.where")

local write = {}

---@class rowan.WritePlan
---@field model? table whose rows are written
---@field many? boolean each parameter is a list
---@field told? table columns that tell what became of a row
---@field text string
---@field codes string
---@field attrs table<integer, rowan.Attribute> the attribute of each parameter that is the value of one, for messages
---@field computed? table<rowan.Attribute, any> those that the database computes a value for
---@field columns? table[] what RETURNING gives
---@field last_id? table the attribute that takes the rowid the database chose

---INSERT of one row with the given attributes as parameters 1..n.
---@param def table
---@param attrs table[]
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function write.insert(def, attrs, dialect)
  local fields, values, codes = {}, {}, {}
  for i, attr in ipairs(attrs) do
    fields[i], values[i], codes[i] = attr.field, node.param(i), "-" .. attr.type.code
  end
  local made = many.made_by_database(def, attrs)
  local last_id
  if dialect.supports.last_id and #made == 1 and made[1].auto then last_id, made = made[1], {} end
  local nodes, columns = many.returning(made)
  return {
    codes = table.concat(codes), attrs = attrs, columns = columns, last_id = last_id,
    text = compile.text(node.insert(link.source(def), fields, values, nodes), dialect),
  }
end

---The attributes by which a statement finds the one row that was read: the primary key, and the version where there is one.
---@param def table
---@return table[] attrs
function write.row_keys(def)
  local list = {}
  for i, attr in ipairs(def.primary) do list[i] = attr end
  if list[1] then list[#list + 1] = def.version end
  return list
end

-- The next version of a row.
local function next_version(b, version)
  return node.binary("+", b:column(version), node.literal("1"))
end

---COPY into the columns of some attributes, and the rows of it: parameter i is the list of the values of attrs[i].
---@param def table
---@param attrs table[]
---@param dialect rowan.Dialect
---@return { text: string, codes: string, attrs: table[] }
function write.copy(def, attrs, dialect)
  local fields, codes = {}, {}
  for i, attr in ipairs(attrs) do fields[i], codes[i] = attr.field, "[" .. attr.type.code end
  return {
    text = compile.text(node.copy(link.source(def), fields), dialect), codes = table.concat(codes), attrs = attrs,
  }
end

-- pk1 = $n+1 AND ..., behind n parameters already there.
local function by_key(def, attrs, codes)
  local list, all = {}, {}
  for i, attr in ipairs(attrs) do all[i] = attr end
  for _, attr in ipairs(write.row_keys(def)) do
    all[#all + 1] = attr
    codes[#codes + 1] = "-" .. attr.type.code
    local column = node.column(attr.field, nil, attr.type.code == "n")
    list[#list + 1] = node.compare("eq", column, node.param(#codes))
  end
  return node.logic("and", list), all
end

---UPDATE of one row by its primary key; parameters: the attributes, then the key.
---@param def table
---@param attrs table[]
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function write.save(def, attrs, dialect)
  local sets, codes = {}, {}
  for i, attr in ipairs(attrs) do
    sets[i] = { field = attr.field, value = node.param(i) }
    codes[i] = "-" .. attr.type.code
  end
  if def.version and not def.version.system then
    sets[#sets + 1] = { field = def.version.field, value = next_version(builder.tree(dialect), def.version) }
  end
  local condition, all = by_key(def, attrs, codes)
  local nodes, columns = many.returning(many.generated(def))
  return {
    codes = table.concat(codes), attrs = all, columns = columns,
    text = compile.text(node.update(link.source(def), sets, condition, nodes), dialect),
  }
end

---DELETE of one row by its primary key.
---@param def table
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function write.delete(def, dialect)
  local codes = {}
  local condition, all = by_key(def, {}, codes)
  return {
    codes = table.concat(codes), attrs = all,
    text = compile.text(node.delete(link.source(def), condition), dialect),
  }
end

---SELECT of a row's version by its primary key.
---@param def table
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function write.version(def, dialect)
  local list, codes = {}, {}
  for i, attr in ipairs(def.primary) do
    codes[i] = "-" .. attr.type.code
    list[i] = node.compare("eq", node.column(attr.field, nil, attr.type.code == "n"), node.param(i))
  end
  local nodes, columns = many.returning({ def.version })
  return {
    codes = table.concat(codes), columns = columns,
    text = compile.text(node.select({
      columns = nodes, from = link.source(def), where = node.logic("and", list),
    }), dialect),
  }
end

---How many conditions a `where` has; an empty one means every row.
---@param def table
---@param condition any
---@return integer
function write.conditions(def, condition)
  local shape = builder.shape("conditions")
  where.walk(shape, def, condition)
  return shape.conditions
end

-- SET in a builder. `changes` is a list of { attr =, bound = }, { attr =, expression = } or { attr =, increase = }; the
-- attribute whose value is parameter i goes to `attrs`[i].
local function walk_sets(b, def, changes, attrs)
  local sets = not b.is_shape and {} or nil
  b:open("set")
  for i, change in ipairs(changes) do
    b:token(change.attr.token)
    local value
    if change.next then
      value = not b.is_shape and next_version(b, change.attr)
    elseif change.expression then
      value = expression.walk(b, def, change.expression)
    elseif change.increase ~= nil then
      b:token("+")
      local by = b:param(builder.single[change.attr.type.code], change.increase)
      value = by and node.increased(b:field(change.attr), by, change.attr.type)
    else
      value = b:param(builder.single[change.attr.type.code], change.bound)
      if attrs then attrs[#b.codes] = change.attr end
    end
    if sets then sets[i] = { field = change.attr.field, value = value } end
  end
  b:token(")")
  return sets
end

---@class rowan.Target which rows a write by condition is about
---@field where any
---@field limit? integer of them at most
---@field order? any which of them first, as in a finder; by primary key when not given

-- The primary keys of the first so many rows that match.
local function walk_page(b, def, target)
  if #def.primary == 0 then
    errors.raise("QueryError", { message = ("limit: %s has no primary key to tell rows apart by"):format(def.name) })
  end
  b:open("limit")
  local outer = b:enter()
  local found = where.walk(b, def, target.where)
  local items = order.items(def.model, target.order, nil, {})
  local sorted = items[1] and order.walk(b, def.model, items) or order.by_key(b, def)
  local limit = order.number(b, def, "limit", target.limit)
  local inner = b.scope
  b:leave(outer)
  b:token(")")
  if b.is_shape then return nil end
  local own, keys = {}, {}
  for i, attr in ipairs(def.primary) do
    own[i], keys[i] = node.column(attr.field, outer), node.column(attr.field, inner)
  end
  local query = node.select({
    columns = keys, from = link.source(def, inner), where = found, order = sorted, limit = limit,
  })
  return node.in_query(#own == 1 and own[1] or node.row(own), query)
end

-- The one place where the condition of a bulk write is walked.
local function walk_target(b, def, target)
  if target.limit ~= nil then return walk_page(b, def, target) end
  return where.walk(b, def, target.where)
end

local function names_of(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return table.concat(names, "\31")
end

---Shape of UPDATE by condition.
---@param def table
---@param changes table[] as for walk_sets; { attr =, next = true } for a version
---@param target rowan.Target
---@param returning? rowan.Attribute[]
---@return string key, any[] params, integer count, integer conditions
function write.update_shape(def, changes, target, returning)
  local shape = builder.shape("update", def.name)
  shape:generation(def)
  walk_sets(shape, def, changes)
  local before = shape.conditions
  walk_target(shape, def, target)
  if returning then shape:token("returning " .. names_of(returning)) end
  return shape:key(), shape.params, shape.count, shape.conditions - before
end

---Plan of UPDATE by condition; the arguments as for write.update_shape.
---@return rowan.WritePlan
function write.update(def, changes, target, returning, dialect)
  local tree = builder.tree(dialect)
  local attrs, computed = {}, {}
  local sets = walk_sets(tree, def, changes, attrs)
  local found = walk_target(tree, def, target)
  for _, change in ipairs(changes) do
    if change.bound == nil and not change.next then computed[change.attr] = true end
  end
  local nodes, columns
  if returning then nodes, columns = many.returning(returning) end
  return {
    codes = table.concat(tree.codes), attrs = attrs, computed = computed, columns = columns,
    text = compile.text(node.update(link.source(def, tree.scope), sets, found, nodes), dialect),
  }
end

---Shape of DELETE by condition.
---@param def table
---@param target rowan.Target
---@return string key, any[] params, integer count, integer conditions
function write.delete_shape(def, target)
  local shape = builder.shape("delete", def.name)
  shape:generation(def)
  walk_target(shape, def, target)
  return shape:key(), shape.params, shape.count, shape.conditions
end

---Plan of DELETE by condition.
---@return rowan.WritePlan
function write.delete_where(def, target, dialect)
  local tree = builder.tree(dialect)
  local found = walk_target(tree, def, target)
  return {
    codes = table.concat(tree.codes), attrs = {},
    text = compile.text(node.delete(link.source(def, tree.scope), found), dialect),
  }
end

return write
