--- What a select list computes, by alias: ORDER BY, GROUP BY and HAVING mean these values by the alias, or by writing the
--- same expression once more. They are then the same SQL with the same parameters, which PostgreSQL asks for.

local expression = require("rowan.query.expression")
local namespace = require("rowan.query.namespace")

local computed = {}

---@class rowan.Computeds
---@field list { alias?: string, expression?: rowan.Expression, attr: table }[]
local Computeds = {}
Computeds.__index = Computeds

-- Two expressions that say the same. Models and databases within them are the same or are not.
local function same(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" or getmetatable(a) ~= getmetatable(b) then return false end
  if getmetatable(a) ~= nil and not expression.is(a) then return false end
  for key, value in next, a do
    if not same(value, rawget(b, key)) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end

---A value that looks like an attribute to those who walk conditions and orders.
---@param name string
---@param value? rowan.sql.Node in tree building
---@param type_of? rowan.Type
---@param position integer
---@return table attr
function computed.attribute(name, value, type_of, position)
  return {
    name = name, token = "&" .. #name .. ":" .. name, node = value, type = type_of or namespace.ANY,
    position = 1000000 + position,
  }
end

---Of the entries of a select list; nil when nothing in it has an alias.
---@param entries table[] from query/projection
---@return rowan.Computeds?
function computed.of(entries)
  local self
  for i, entry in ipairs(entries) do
    if entry.alias then
      self = self or setmetatable({ list = {} }, Computeds)
      self:add(entry.alias, entry.expression,
        entry.attr or computed.attribute(entry.alias, entry.node, entry.type, i))
    end
  end
  return self
end

---@return rowan.Computeds
function computed.none()
  return setmetatable({ list = {} }, Computeds)
end

---@param alias? string
---@param e? rowan.Expression
---@param attr table
function Computeds:add(alias, e, attr)
  self.list[#self.list + 1] = { alias = alias, expression = e, attr = attr }
end

---The value that an alias or an expression means; nil when it is another one.
---@param value any
---@return table? attr
function Computeds:find(value)
  local by_expression = expression.is(value)
  for _, item in ipairs(self.list) do
    if by_expression then
      if item.expression and same(item.expression, value) then return item.attr end
    elseif item.alias == value then
      return item.attr
    end
  end
  return nil
end

return computed
