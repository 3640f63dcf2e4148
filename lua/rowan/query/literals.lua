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

local function with_literals(dialect, def, codes, values)
  local function placeholder(slot)
    local value, code = values[slot], codes[slot]
    local type_of = TYPE_OF_CODE[code:sub(2)] or TYPE_OF_VALUE[type(value)]
    if code:sub(1, 1) == "[" or not type_of or not type_of.cast(value) and value ~= false then
      errors.raise("DefinitionError", {
        message = def.name .. ": a condition or an expression of a definition cannot hold lists and documents",
      })
    end
    return dialect.literal(value, type_of)
  end
  return setmetatable({ placeholder = placeholder }, { __index = dialect })
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
