--- Syntax tree -> SQL text: the one generator of statements. Each kind of node has a visitor that appends to a
--- buffer; a dialect overrides single visitors and carries its differences as flags, so there is no
--- `if dialect ==` here. Called by query/ when a plan is made, never on a cached call.

local operators = require("rowan.sql.operators")
local queries = require("rowan.sql.queries")
local values = require("rowan.sql.values")
local writes = require("rowan.sql.writes")

local compile = {}

---@class rowan.sql.Writer
---@field out string[] pieces of the text
---@field n integer
---@field dialect table
local Writer = {}
Writer.__index = Writer

function Writer:put(text)
  self.n = self.n + 1
  self.out[self.n] = text
end

function Writer:visit(item)
  local dialect = self.dialect
  local visitor = dialect.visitors[item.node] or compile.visitors[item.node]
  visitor(self, item)
end

function Writer:list(items, separator)
  for i = 1, #items do
    if i > 1 then self:put(separator) end
    self:visit(items[i])
  end
end

function Writer:name(identifier)
  self:put(self.dialect.quote(identifier))
end

---The items of a clause behind its keyword; nothing when there are none.
function Writer:clause(keyword, items)
  if items and #items > 0 then
    self:put(keyword)
    self:list(items, ", ")
  end
end

-- A condition at the top of a clause needs no parentheses around its conjunction.
function Writer:condition(keyword, item)
  if not item then return end
  self:put(keyword)
  if item.node == "logic" and item.operator == "and" then return self:list(item.list, " AND ") end
  self:visit(item)
end

local visitors = {}
compile.visitors = visitors

function Writer:column(item)
  local scope = item.scope
  if scope and scope.alias then
    self:name(scope.alias)
    self:put(".")
  end
  self:name(item.field)
end

function visitors.column(w, item)
  w:column(item)
end

function visitors.param(w, item)
  w:put(w.dialect.placeholder(item.slot))
end

function visitors.literal(w, item)
  w:put(item.text)
end

function visitors.constant(w, item)
  if item.value == nil then return w:put("NULL") end
  w:put(item.value and "TRUE" or "FALSE")
end

function visitors.call(w, item)
  w:put(item.name)
  w:put(item.distinct and "(DISTINCT " or "(")
  w:list(item.args, ", ")
  w:clause(" ORDER BY ", item.order)
  w:put(")")
end

function visitors.cast(w, item)
  w:put("CAST(")
  w:visit(item.value)
  w:put(" AS " .. item.type_text .. ")")
end

function visitors.compare(w, item)
  local operator = operators.sql[item.operator]
  w:visit(item.left)
  w:put(" " .. operator.text .. " ")
  w:visit(item.right)
  if operator.suffix then w:put(operator.suffix) end
end

function visitors.row(w, item)
  w:put("(")
  w:list(item.values, ", ")
  w:put(")")
end

function visitors.between(w, item)
  w:visit(item.left)
  w:put(item.negated and " NOT BETWEEN " or " BETWEEN ")
  w:visit(item.low)
  w:put(" AND ")
  w:visit(item.high)
end

function visitors.is_null(w, item)
  w:visit(item.value)
  w:put(item.negated and " IS NOT NULL" or " IS NULL")
end

function visitors.logic(w, item)
  w:put("(")
  w:list(item.list, item.operator == "and" and " AND " or " OR ")
  w:put(")")
end

function visitors.negate(w, item)
  w:put("NOT (")
  w:visit(item.condition)
  w:put(")")
end

function visitors.exists(w, item)
  w:put("EXISTS (")
  w:visit(item.query)
  w:put(")")
end

function visitors.aliased(w, item)
  w:visit(item.value)
  w:put(" AS ")
  w:name(item.alias)
end

function visitors.ordering(w, item)
  w:visit(item.value)
  w:put(" " .. item.direction)
end

function visitors.source(w, item)
  if item.schema then
    w:name(item.schema)
    w:put(".")
  end
  w:name(item.table)
  if item.scope and item.scope.alias then
    w:put(" AS ")
    w:name(item.scope.alias)
  end
end

function visitors.decimal(w, item)
  w:visit(item.value)
end

function visitors.derived(w, item)
  w:put("(")
  w:visit(item.query)
  w:put(") AS ")
  w:name(item.scope.alias)
end

function visitors.lists(w, item)
  w.dialect.lists(w, item)
  w:put(" AS ")
  w:name(item.scope.alias)
  if w.dialect.supports.column_aliases then
    local names = {}
    for i = 1, #item.slots do names[i] = w.dialect.quote("c" .. (i - 1)) end
    w:put("(" .. table.concat(names, ", ") .. ")")
  end
end

function visitors.scalar(w, item)
  w:put("(")
  w:visit(item.query)
  w:put(")")
end

function visitors.member_rows(w, item)
  w:put("(")
  w:list(item.values, ", ")
  w:put(") IN (SELECT * FROM ")
  w.dialect.lists(w, item, true)
  w:put(")")
end

function visitors.binary(w, item)
  w:put("(")
  w:visit(item.left)
  w:put(" " .. item.operator .. " ")
  w:visit(item.right)
  w:put(")")
end

for _, more in ipairs({ queries, values, writes }) do
  for name, visitor in next, more.visitors do visitors[name] = visitor end
end

---The text of a statement, or of an expression.
---@param item rowan.sql.Node
---@param dialect table from rowan.dialect
---@return string
function compile.text(item, dialect)
  local writer = setmetatable({ out = {}, n = 0, dialect = dialect }, Writer)
  writer:visit(item)
  return table.concat(writer.out)
end

return compile
