--- The question whether one of some foreign keys points at no row. Pure; asked by repo/blame.

local compile = require("rowan.sql.compile")
local node = require("rowan.sql.node")

local missing = {}

---@class rowan.KeyOfRows a foreign key, of one column or several
---@field attrs rowan.Attribute[]
---@field table string what it points at
---@field schema? string
---@field fields string[] columns there
---@field definition? rowan.Definition of that table, where it is known

---The foreign keys of a definition, in the order of its columns, those of several columns last.
---@param def rowan.Definition
---@return rowan.KeyOfRows[]
function missing.keys(def)
  local list = {}
  for _, attr in ipairs(def.list) do
    local to = attr.references
    if to then
      list[#list + 1] = {
        attrs = { attr }, table = to.table, schema = to.schema, fields = { to.field }, definition = to.definition,
      }
    end
  end
  for _, key in ipairs(def.foreign_keys) do
    local fields = {}
    for i, attr in ipairs(key.keys) do fields[i] = attr.field end
    local to = key.definition
    list[#list + 1] = { attrs = key.attrs, table = to.table, schema = to.schema, fields = fields, definition = to }
  end
  return list
end

---SELECT that gives a row where one of the given values, a list for each attribute of the key, points at nothing.
---@param key rowan.KeyOfRows
---@param dialect rowan.Dialect
---@return { text: string, codes: string, columns: table[] }
function missing.plan(key, dialect)
  local given, stored = { alias = "u" }, { alias = "t" }
  local slots, type_names, codes, conditions = {}, {}, {}, {}
  for i, attr in ipairs(key.attrs) do
    slots[i], codes[i] = i, "[" .. attr.type.code
    type_names[i] = dialect.type_name(attr.type, attr, attr.definition)
    conditions[i] = node.compare("eq", node.column(key.fields[i], stored, attr.type.code == "n"),
      node.column("c" .. (i - 1), given))
  end
  return {
    codes = table.concat(codes), columns = { { key = "missing", code = "i" } },
    text = compile.text(node.select({
      columns = { node.literal("1") }, from = node.lists(slots, type_names, given),
      joins = {
        { kind = "LEFT JOIN", source = node.source(key.table, key.schema, stored), on = node.logic("and", conditions) },
      },
      where = node.is_null(node.column(key.fields[1], stored)), limit = node.literal("1"),
    }), dialect),
  }
end

return missing
