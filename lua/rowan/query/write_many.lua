--- Plans of writing many rows by list parameters: INSERT with what happens to rows whose key is there, and the question
--- which of them are. Pure.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local literals = require("rowan.query.literals")
local node = require("rowan.sql.node")
local projection = require("rowan.query.projection")

local many = {}

---The field under which an answer says whether its row was inserted.
many.MARK = "\1inserted"

---Attributes of a new row that only the database knows: generated keys, defaults that are SQL, forms of its own.
---@param def rowan.Definition
---@param attrs rowan.Attribute[] those that it is given
---@return rowan.Attribute[]
function many.made_by_database(def, attrs)
  local present, list = {}, {}
  for _, attr in ipairs(attrs) do present[attr] = true end
  for _, attr in ipairs(def.list) do
    if not present[attr] and attr.made or attr.settled then list[#list + 1] = attr end
  end
  return list
end

---Attributes that change with others, without being written, or come in another form than they were written in.
---@param def rowan.Definition
---@return rowan.Attribute[]
function many.generated(def)
  local list = {}
  for _, attr in ipairs(def.list) do
    if attr.generated or attr.system or attr.settled then list[#list + 1] = attr end
  end
  return list
end

---RETURNING these attributes.
---@param attrs rowan.Attribute[]
---@return rowan.sql.Node[]? nodes nil for none
---@return table[]? columns
function many.returning(attrs)
  if #attrs == 0 then return nil, nil end
  local nodes, columns = {}, {}
  for i, attr in ipairs(attrs) do
    nodes[i] = node.column(attr.field)
    columns[i] = projection.column(attr)
    columns[i].dump = attr.type.dump
  end
  return nodes, columns
end

---@class rowan.InsertManyRequest
---@field conflict? rowan.sql.Conflict
---@field reads? rowan.Attribute[] what RETURNING gives; those that the database makes when not given
---@field mark? boolean whether the row was inserted is wanted

-- What an INSERT is to tell, and whether who was there has to be asked before it.
local function answers(def, attrs, dialect, request)
  local nodes, columns = many.returning(request.reads or many.made_by_database(def, attrs))
  if not request.mark then return nodes, columns, nil end
  if not dialect.supports.insert_mark then return nodes, columns, true end
  nodes, columns = nodes or {}, columns or {}
  nodes[#nodes + 1] = node.inserted()
  columns[#columns + 1] = { key = many.MARK, code = "b" }
  return nodes, columns, nil
end

-- The values of one row, of which some are expressions; the attribute whose value is parameter i goes to `bound`[i].
local function walk_row(b, def, attrs, values, computed, bound)
  local nodes = {}
  for i, attr in ipairs(attrs) do
    b:token(attr.token)
    if computed[attr] then
      nodes[i] = expression.walk(b, def, computed[attr])
    else
      nodes[i] = b:param("-" .. attr.type.code, values[attr.name])
      if bound then bound[#b.codes] = attr end
    end
  end
  return nodes
end

---Shape of the INSERT of one row, of which the database computes some values.
---@param def rowan.Definition
---@param attrs rowan.Attribute[]
---@param values table what is bound, by name
---@param computed table<rowan.Attribute, rowan.Expression>
---@param token string stands for the request
---@return string key, any[] params, integer count
function many.row_shape(def, attrs, values, computed, token)
  local shape = builder.shape("insert " .. def.name)
  shape:token("@" .. def.generation)
  shape:token(token)
  walk_row(shape, def, attrs, values, computed)
  return shape:key(), shape.params, shape.count
end

---Plan of the same.
---@param def rowan.Definition
---@param attrs rowan.Attribute[]
---@param values table
---@param computed table<rowan.Attribute, rowan.Expression>
---@param dialect rowan.Dialect
---@param request rowan.InsertManyRequest
---@return rowan.WritePlan
function many.row(def, attrs, values, computed, dialect, request)
  local tree, fields, bound = builder.tree(dialect), {}, {}
  local row = walk_row(tree, def, attrs, values, computed, bound)
  for i, attr in ipairs(attrs) do fields[i] = attr.field end
  local nodes, columns, asks_before = answers(def, attrs, dialect, request)
  return {
    codes = table.concat(tree.codes), attrs = bound, computed = computed, columns = columns, asks_before = asks_before,
    text = compile.text(node.insert(link.source(def), fields, row, nodes, request.conflict), dialect),
  }
end

---INSERT of many rows: parameter i is the list of the values of attrs[i].
---@param def rowan.Definition
---@param attrs rowan.Attribute[]
---@param dialect rowan.Dialect
---@param request? rowan.InsertManyRequest
---@return rowan.WritePlan
function many.insert(def, attrs, dialect, request)
  request = request or {}
  local fields, type_list, names, type_names, codes = {}, {}, {}, {}, {}
  for i, attr in ipairs(attrs) do
    fields[i], type_list[i], names[i] = attr.field, attr.type, attr.name
    type_names[i] = dialect.type_name(attr.type, attr, def)
    codes[i] = "[" .. attr.type.code
  end
  local nodes, columns, asks_before = answers(def, attrs, dialect, request)
  return {
    codes = table.concat(codes), attrs = attrs, columns = columns, names = names, count = #attrs,
    asks_before = asks_before,
    text = compile.text(node.insert_lists(link.source(def), fields, type_list, type_names, nodes, request.conflict),
      dialect),
  }
end

---SELECT of the primary keys (else of the keys themselves) of the rows whose key is among those given as lists.
---@param def rowan.Definition
---@param key rowan.ConflictKey
---@param dialect rowan.Dialect
---@return rowan.WritePlan
function many.found(def, key, dialect)
  local given, stored = { alias = "u" }, { alias = "t" }
  local slots, type_names, names, codes, conditions = {}, {}, {}, {}, {}
  for i, attr in ipairs(key.attrs) do
    slots[i], names[i], codes[i] = i, attr.name, "[" .. attr.type.code
    type_names[i] = dialect.type_name(attr.type, attr, def)
    local column = node.column(attr.field, stored, attr.type.code == "n")
    conditions[i] = node.compare("eq", column, node.column("c" .. (i - 1), given))
  end
  if key.where then
    conditions[#conditions + 1] = node.literal("(" .. literals.where(dialect, def, key.where) .. ")")
  end
  local nodes, columns, identity = {}, {}, many.identity(def, key)
  for i, attr in ipairs(identity) do
    nodes[i], columns[i] = node.column(attr.field, stored), projection.column(attr)
  end
  return {
    codes = table.concat(codes), attrs = key.attrs, columns = columns, names = names, count = #key.attrs,
    text = compile.text(node.select({
      columns = nodes, from = node.lists(slots, type_names, given),
      joins = { { kind = "INNER JOIN", source = link.source(def, stored), on = node.logic("and", conditions) } },
    }), dialect),
  }
end

---What tells the stored rows of a definition apart, for one that has a key.
---@param def rowan.Definition
---@param key rowan.ConflictKey
---@return rowan.Attribute[]
function many.identity(def, key)
  return #def.primary > 0 and def.primary or key.attrs
end

-- The value of column i of the lists, in the type of its attribute: arrays of arrays travel as text.
local function list_value(dialect, def, attr, i, scope, type_names)
  local name, value = dialect.type_name(attr.type, attr, def), node.column("c" .. (i - 1), scope)
  local as_text = dialect.lists_as_text and dialect.lists_as_text(attr.type)
  type_names[i] = as_text and "text" or name
  return as_text and node.cast(value, name) or value
end

---UPDATE of many rows with values of their own, found by a key: the lists of the key come first.
---@param def rowan.Definition
---@param key rowan.ConflictKey
---@param attrs rowan.Attribute[] what is set
---@param dialect rowan.Dialect
---@param filter? string text of a condition that the rows have to meet besides
---@param reads rowan.Attribute[] RETURNING
---@return rowan.WritePlan
function many.update(def, key, attrs, dialect, filter, reads)
  local given, stored = { alias = "u" }, { alias = "t" }
  local all, slots, type_names, names, codes, conditions, sets = {}, {}, {}, {}, {}, {}, {}
  for _, attr in ipairs(key.attrs) do all[#all + 1] = attr end
  for _, attr in ipairs(attrs) do all[#all + 1] = attr end
  for i, attr in ipairs(all) do
    slots[i], names[i], codes[i] = i, attr.name, "[" .. attr.type.code
    local value = list_value(dialect, def, attr, i, given, type_names)
    if i <= #key.attrs then
      conditions[i] = node.compare("eq", node.column(attr.field, stored, attr.type.code == "n"), value)
    else
      sets[#sets + 1] = { field = attr.field, value = value }
    end
  end
  if def.version then
    local version = node.column(def.version.field, stored)
    sets[#sets + 1] = { field = def.version.field, value = node.binary("+", version, node.literal("1")) }
  end
  if filter then conditions[#conditions + 1] = node.literal("(" .. filter .. ")") end
  local _, columns = many.returning(reads)
  local nodes, scope = {}, dialect.supports.returning_alias and stored or nil
  for i, attr in ipairs(reads) do nodes[i] = node.column(attr.field, scope) end
  return {
    codes = table.concat(codes), attrs = all, columns = columns, names = names, count = #all,
    text = compile.text(node.update(link.source(def, stored), sets, node.logic("and", conditions), nodes,
      node.lists(slots, type_names, given)), dialect),
  }
end

return many
