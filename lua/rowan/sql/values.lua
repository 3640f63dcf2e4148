--- Values that are more than columns and parameters: paths into documents, CASE, pieces of the caller's own SQL. Their
--- nodes are part of sql/node, their visitors of sql/compile.

local nodes, visitors = {}, {}
local values = { nodes = nodes, visitors = visitors }

---What a path leads to in a document: the JSON there, or its text.
---@param of rowan.sql.Node a document
---@param steps (string|integer)[] keys, and places in lists from 0
---@param text? boolean
---@return rowan.sql.Node
function nodes.path(of, steps, text)
  return { node = "path", value = of, steps = steps, text = text }
end

---A value that is compared or ordered by what it means, where its text would not do.
---@param of rowan.sql.Node
---@param code string the code of its type
---@return rowan.sql.Node
function nodes.by_value(of, code)
  return { node = "by_value", value = of, code = code }
end

---left <operator> any of, or all of, a list that is bound as one parameter.
---@param quantifier "any"|"all"
---@param operator string an entry of sql/operators
---@param left rowan.sql.Node
---@param slot integer
---@return rowan.sql.Node
function nodes.over_list(quantifier, operator, left, slot)
  return { node = "over_list", quantifier = quantifier, operator = operator, left = left, slot = slot }
end

---CASE WHEN ... THEN ... ELSE ... END.
---@param branches { when: rowan.sql.Node, value: rowan.sql.Node }[]
---@param otherwise? rowan.sql.Node
---@return rowan.sql.Node
function nodes.case(branches, otherwise)
  return { node = "case", branches = branches, otherwise = otherwise }
end

---SQL text of the caller's own with nodes in between, in parentheses.
---@param pieces (string|rowan.sql.Node)[]
---@return rowan.sql.Node
function nodes.fragment(pieces)
  return { node = "fragment", pieces = pieces }
end

---Values with commas between them, for IN (...); at least one.
---@param items rowan.sql.Node[]
---@return rowan.sql.Node
function nodes.spread(items)
  return { node = "spread", items = items }
end

---A name of one or more parts, quoted.
---@param parts string[]
---@return rowan.sql.Node
function nodes.identifier(parts)
  return { node = "identifier", parts = parts }
end

function visitors.by_value(w, item)
  w:visit(item.value)
end

function visitors.case(w, item)
  w:put("CASE")
  for _, branch in ipairs(item.branches) do
    w:put(" WHEN ")
    w:visit(branch.when)
    w:put(" THEN ")
    w:visit(branch.value)
  end
  if item.otherwise then
    w:put(" ELSE ")
    w:visit(item.otherwise)
  end
  w:put(" END")
end

function visitors.fragment(w, item)
  w:put("(")
  for _, piece in ipairs(item.pieces) do
    if type(piece) == "string" then w:put(piece) else w:visit(piece) end
  end
  w:put(")")
end

function visitors.spread(w, item)
  w:list(item.items, ", ")
end

function visitors.identifier(w, item)
  for i, part in ipairs(item.parts) do
    if i > 1 then w:put(".") end
    w:name(part)
  end
end

return values
