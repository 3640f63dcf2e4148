--- Conditions and expressions as text with literals in them, for the places of SQL that take no parameters: DDL, and the
--- condition of a partial index in ON CONFLICT. Only for what definitions say, never for a caller's values.

local builder = require("rowan.query.builder")
local compile = require("rowan.sql.compile")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local types = require("rowan.types")
local where = require("rowan.query.where")

local literals = {}

local D = types.DataTypes
local TYPE_OF_CODE = {
  i = D.INTEGER, I = D.BIGINT, b = D.BOOLEAN, d = D.DOUBLE, n = D.DECIMAL, s = D.TEXT, c = D.TEXT, e = D.TEXT,
  x = D.BLOB, t = D.DATE, D = D.DATEONLY, T = D.TIME, u = D.UUID,
}
local TYPE_OF_VALUE = { boolean = D.BOOLEAN, string = D.TEXT, number = D.DOUBLE }

local function literal(dialect, def, value, code)
  local type_of = TYPE_OF_CODE[code] or TYPE_OF_VALUE[type(value)]
  if not type_of or not type_of.cast(value) and value ~= false then
    errors.raise("DefinitionError", {
      message = def.name .. ": a condition or an expression of a definition cannot hold lists and documents",
    })
  end
  return dialect.literal(value, type_of)
end

-- One of the values of a list: nothing but these stands in the text.
local function member(dialect, def, codes, values)
  return function(w, item)
    local list, parts = values[item.slot], {}
    for i = 1, list.n or #list do parts[i] = literal(dialect, def, list[i], codes[item.slot]:sub(2)) end
    if #parts == 0 then return w:put(item.negated and "(1 = 1)" or "(1 = 0)") end
    w:visit(item.value)
    w:put((item.negated and " NOT IN (" or " IN (") .. table.concat(parts, ", ") .. ")")
  end
end

local function with_literals(dialect, def, codes, values)
  local visitors = { member = member(dialect, def, codes, values) }
  return setmetatable({
    placeholder = function(slot) return literal(dialect, def, values[slot], codes[slot]:sub(2)) end,
    visitors = setmetatable(visitors, { __index = dialect.visitors }),
  }, { __index = dialect })
end

local function text_of(dialect, def, walk)
  local shape, tree = builder.shape("literals"), builder.tree(dialect)
  walk(shape)
  return compile.text(walk(tree), with_literals(dialect, def, tree.codes, shape.params))
end

---The text of a condition of a definition.
---@param dialect rowan.Dialect
---@param def table definition
---@param value any as in `where`
---@return string
function literals.where(dialect, def, value)
  return text_of(dialect, def, function(b) return where.walk(b, def, value) end)
end

---How sql/ddl gets the text of what definitions say in the query language: defaults, fields and conditions of indexes.
---@param dialect rowan.Dialect
---@return rowan.DdlContext
function literals.context(dialect)
  return {
    expression = function(value, def)
      return text_of(dialect, def, function(b) return expression.walk(b, def, value) end)
    end,
    where = function(value, def) return literals.where(dialect, def, value) end,
  }
end

return literals
