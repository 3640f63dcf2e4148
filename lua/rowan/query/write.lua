--- Plans of writing: INSERT of one row, UPDATE and DELETE by key or by condition; query/write_many has those by lists.
--- Pure. Which columns take part is the shape; the values are parameters.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local many = require("rowan.query.write_many")
local node = require("rowan.sql.node")
local where = require("rowan.query.where")

local write = {}

---@class rowan.WritePlan
---@field text string
---@field codes string
---@field attrs table[] the attribute of each parameter, for messages
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
  if def.version then
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

-- SET in a builder.
local function walk_sets(b, def, changes)
  local sets = {}
  b:open("set")
  for i, change in ipairs(changes) do
    b:token(change.attr.token)
    local value
    if change.next then
      value = not b.is_shape and next_version(b, change.attr)
    elseif change.expression then
      value = expression.walk(b, def, change.expression)
    else
      value = b:param("-" .. change.attr.type.code, change.bound)
    end
    sets[i] = { field = change.attr.field, value = value }
  end
  b:token(")")
  return sets
end

---Shape of UPDATE by condition.
---@param def table
---@param changes table[] { attr =, bound = }, { attr =, expression = }, or { attr =, next = true } for a version
---@param condition any the `where` option
---@param with_rows? boolean RETURNING every attribute
---@return string key, any[] params, integer count, integer conditions
function write.update_shape(def, changes, condition, with_rows)
  local shape = builder.shape("update " .. def.name)
  shape:token("@" .. def.generation .. (with_rows and "r" or ""))
  walk_sets(shape, def, changes)
  where.walk(shape, def, condition)
  return shape:key(), shape.params, shape.count, shape.conditions
end

---Plan of UPDATE by condition; the arguments as for write.update_shape.
---@return rowan.WritePlan
function write.update(def, changes, condition, with_rows, dialect)
  local tree = builder.tree(dialect)
  local sets = walk_sets(tree, def, changes)
  local found = where.walk(tree, def, condition)
  local attrs = {}
  for _, change in ipairs(changes) do
    if not change.expression and not change.next then attrs[#attrs + 1] = change.attr end
  end
  local nodes, columns
  if with_rows then nodes, columns = many.returning(def.list) end
  return {
    codes = table.concat(tree.codes), attrs = attrs, columns = columns,
    text = compile.text(node.update(link.source(def, tree.scope), sets, found, nodes), dialect),
  }
end

---Shape of DELETE by condition.
---@param def table
---@param condition any the `where` option
---@return string key, any[] params, integer count, integer conditions
function write.delete_shape(def, condition)
  local shape = builder.shape("delete " .. def.name)
  shape:token("@" .. def.generation)
  where.walk(shape, def, condition)
  return shape:key(), shape.params, shape.count, shape.conditions
end

---Plan of DELETE by condition.
---@return rowan.WritePlan
function write.delete_where(def, condition, dialect)
  local tree = builder.tree(dialect)
  local found = where.walk(tree, def, condition)
  return {
    codes = table.concat(tree.codes), attrs = {},
    text = compile.text(node.delete(link.source(def, tree.scope), found), dialect),
  }
end

return write
