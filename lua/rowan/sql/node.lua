--- The SQL syntax tree: plain tables tagged with `node`, in the words of SQL (tables, aliases, columns, parameters).
--- Built by query/, read by sql/compile alone. A node is never changed once it was handed on.

local further = require("rowan.sql.values")
local write_nodes = require("rowan.sql.write_nodes")

local node = {}

---@class rowan.sql.Node
---@field node string the kind: the name of the visitor in sql/compile
---@field [string] any what that visitor looks at

---A table's place in a statement. Its alias is given when a second table joins the statement, which may be after nodes
---that refer to it were made; columns of a scope without alias are written unqualified.
---@class rowan.sql.Scope
---@field alias? string

---A column.
---@param field string column name
---@param scope? rowan.sql.Scope
---@param decimal? boolean the values are decimals, which SQLite must be told to compare as such
---@return rowan.sql.Node
function node.column(field, scope, decimal)
  return { node = "column", field = field, scope = scope, decimal = decimal }
end

---A computed value that is a decimal, which SQLite must be told to compare as such.
---@param value rowan.sql.Node
---@return rowan.sql.Node
function node.decimal(value)
  return { node = "decimal", value = value }
end

---A bound value by its number among the statement's parameters.
---@param slot integer 1-based
---@return rowan.sql.Node
function node.param(slot)
  return { node = "param", slot = slot }
end

---SQL text of the caller's own, taken as it is.
---@param text string
---@return rowan.sql.Node
function node.literal(text)
  return { node = "literal", text = text }
end

---A constant that the dialect spells: true, false or NULL.
---@param value boolean|nil
---@return rowan.sql.Node
function node.constant(value)
  return { node = "constant", value = value }
end

---A function call.
---@param name string checked by the caller to be an identifier
---@param args rowan.sql.Node[]
---@param distinct? boolean
---@return rowan.sql.Node
function node.call(name, args, distinct)
  return { node = "call", name = name, args = args, distinct = distinct }
end

---CAST(value AS type).
---@param value rowan.sql.Node
---@param type_text string checked by the caller
---@param key? string the key of the DataType
---@return rowan.sql.Node
function node.cast(value, type_text, key)
  return { node = "cast", value = value, type_text = type_text, key = key }
end

---left <operator> right, for the operators in sql/operators.
---@param operator string an entry of sql/operators
---@param left rowan.sql.Node
---@param right rowan.sql.Node
---@return rowan.sql.Node
function node.compare(operator, left, right)
  return { node = "compare", operator = operator, left = left, right = right }
end

---(a, b, ...): several values compared as one.
---@param values rowan.sql.Node[]
---@return rowan.sql.Node
function node.row(values)
  return { node = "row", values = values }
end

---left BETWEEN low AND high.
---@return rowan.sql.Node
function node.between(left, low, high, negated)
  return { node = "between", left = left, low = low, high = high, negated = negated }
end

---value IS NULL, or IS NOT NULL.
---@param value rowan.sql.Node
---@param negated? boolean
---@return rowan.sql.Node
function node.is_null(value, negated)
  return { node = "is_null", value = value, negated = negated }
end

---value is one of a list that is bound as one parameter.
---@param value rowan.sql.Node
---@param slot integer the list's parameter
---@param negated? boolean
---@return rowan.sql.Node
function node.member(value, slot, negated)
  return { node = "member", value = value, slot = slot, negated = negated }
end

---All of, or any of, a list of conditions. An empty `and` is true, an empty `or` false.
---@param operator "and"|"or"
---@param list rowan.sql.Node[]
---@return rowan.sql.Node
function node.logic(operator, list)
  if #list == 1 then return list[1] end
  if #list == 0 then return node.constant(operator == "and") end
  return { node = "logic", operator = operator, list = list }
end

---NOT condition.
---@param condition rowan.sql.Node
---@return rowan.sql.Node
function node.negate(condition)
  return { node = "negate", condition = condition }
end

---EXISTS (query).
---@param query rowan.sql.Node a select
---@return rowan.sql.Node
function node.exists(query)
  return { node = "exists", query = query }
end

---A value in the select list under a name of its own.
---@param value rowan.sql.Node
---@param alias string
---@return rowan.sql.Node
function node.aliased(value, alias)
  return { node = "aliased", value = value, alias = alias }
end

---One ORDER BY entry.
---@param value rowan.sql.Node
---@param direction "ASC"|"DESC"|"ASC NULLS FIRST"|"ASC NULLS LAST"|"DESC NULLS FIRST"|"DESC NULLS LAST"
---@return rowan.sql.Node
function node.ordering(value, direction)
  return { node = "ordering", value = value, direction = direction }
end

---A table in FROM.
---@param table_name string
---@param schema? string
---@param scope? rowan.sql.Scope
---@return rowan.sql.Node
function node.source(table_name, schema, scope)
  return { node = "source", table = table_name, schema = schema, scope = scope }
end

---Tables that are joined with each other before they are joined with others.
---@param from rowan.sql.Node
---@param joins table[] as in a select
---@return rowan.sql.Node
function node.nested(from, joins)
  return { node = "nested", from = from, joins = joins }
end

---A subquery in FROM.
---@param query rowan.sql.Select
---@param scope rowan.sql.Scope
---@return rowan.sql.Node
function node.derived(query, scope)
  return { node = "derived", query = query, scope = scope }
end

---List parameters as a table in FROM: one row an element, columns c0, c1, ...
---@param slots integer[]
---@param type_names string[] SQL names of the element types
---@param scope rowan.sql.Scope
---@return rowan.sql.Node
function node.lists(slots, type_names, scope)
  return { node = "lists", slots = slots, type_names = type_names, scope = scope }
end

---A query as a value.
---@param query rowan.sql.Select of one column
---@return rowan.sql.Node
function node.scalar(query)
  return { node = "scalar", query = query }
end

---Several columns that together are one of the rows of list parameters.
---@param values rowan.sql.Node[]
---@param slots integer[]
---@param type_names string[]
---@return rowan.sql.Node
function node.member_rows(values, slots, type_names)
  return { node = "member_rows", values = values, slots = slots, type_names = type_names }
end

---A function over the rows of a group: ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...).
---@param value rowan.sql.Node a call, or one with a filter
---@param partition? rowan.sql.Node[]
---@param order? rowan.sql.Node[]
---@param frame? string checked by the caller
---@return rowan.sql.Node
function node.over(value, partition, order, frame)
  return { node = "over", value = value, partition = partition, order = order, frame = frame }
end

---The same for a function by name.
---@param name string
---@param args rowan.sql.Node[]
---@param partition? rowan.sql.Node[]
---@param order? rowan.sql.Node[]
---@return rowan.sql.Node
function node.window(name, args, partition, order)
  return node.over(node.call(name, args), partition, order)
end

---An aggregate over those rows that meet a condition: SUM(x) FILTER (WHERE ...).
---@param value rowan.sql.Node a call
---@param condition rowan.sql.Node
---@return rowan.sql.Node
function node.filter(value, condition)
  return { node = "filter", value = value, condition = condition }
end

---value IN (query).
---@param value rowan.sql.Node
---@param query rowan.sql.Node a select of one column, or of as many as the value is a row of
---@param negated? boolean
---@return rowan.sql.Node
function node.in_query(value, query, negated)
  return { node = "in_query", value = value, query = query, negated = negated }
end

---The right side of a comparison with any, or all, of a query's values.
---@param word "ANY"|"ALL"
---@param query rowan.sql.Node a select of one column
---@return rowan.sql.Node
function node.quantified(word, query)
  return { node = "quantified", word = word, query = query }
end

---Every column of a table, or of all of them.
---@param scope? rowan.sql.Scope
---@return rowan.sql.Node
function node.star(scope)
  return { node = "star", scope = scope }
end

---A function in FROM, or a query there whose columns get names.
---@param value rowan.sql.Node
---@param scope rowan.sql.Scope
---@param columns? string[]
---@return rowan.sql.Node
function node.from_function(value, scope, columns)
  return { node = "from_function", value = value, scope = scope, columns = columns }
end

---The common table expressions in front of a statement: its field `with`.
---@param list { name: string, columns?: string[], materialized?: boolean, query: rowan.sql.Node }[]
---@param recursive? boolean
---@return rowan.sql.Node
function node.with(list, recursive)
  return { node = "with", list = list, recursive = recursive }
end

---Queries joined by UNION, INTERSECT or EXCEPT.
---@param parts table list = { { operator?: string, query: rowan.sql.Node }, ... }, and with, order, limit, offset
---@return rowan.sql.Node
function node.compound(parts)
  parts.node = "compound"
  return parts
end

---left <operator> right, in parentheses.
---@param operator "+"|"-"|"*"|"/"|"%"|"||"
---@return rowan.sql.Node
function node.binary(operator, left, right)
  return { node = "binary", operator = operator, left = left, right = right }
end

---@class rowan.sql.Select: rowan.sql.Node
---@field columns rowan.sql.Node[]
---@field from rowan.sql.Node
---@field with? rowan.sql.Node
---@field joins? { kind: string, source: rowan.sql.Node, on?: rowan.sql.Node }[] kind is "LEFT JOIN", "CROSS JOIN LATERAL" ...
---@field where? rowan.sql.Node
---@field group? rowan.sql.Node[]
---@field order? rowan.sql.Node[]
---@field limit? rowan.sql.Node
---@field offset? rowan.sql.Node
---@field distinct? boolean
---@field distinct_on? rowan.sql.Node[]
---@field having? rowan.sql.Node

---SELECT; the fields are those of rowan.sql.Select.
---@param parts table
---@return rowan.sql.Select
function node.select(parts)
  parts.node = "select"
  return parts
end

---INSERT of rows value by value, or of what a query gives.
---@param parts { into: rowan.sql.Node, fields: string[], rows?: rowan.sql.Node[][], query?: rowan.sql.Node, with?: rowan.sql.Node, returning?: rowan.sql.Node[] }
---@return rowan.sql.Node
function node.insert_rows(parts)
  parts.node = "insert_rows"
  return parts
end

---COPY of rows that the client sends.
---@param into rowan.sql.Node source
---@param fields string[]
---@return rowan.sql.Node
function node.copy(into, fields)
  return { node = "copy", into = into, fields = fields }
end

for name, make in pairs(further.nodes) do node[name] = make end
for name, make in pairs(write_nodes) do node[name] = make end

return node
