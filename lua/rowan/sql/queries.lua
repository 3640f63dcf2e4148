--- The visitors of whole queries: SELECT, what stands in front of it (WITH), beside it (UNION ...) and in its parts
--- (windows, filters, subqueries). Part of sql/compile, which puts them
--- among its own and gives them its writer.

local visitors = {}
local queries = { visitors = visitors }

function visitors.over(w, item)
  w:visit(item.value)
  w:put(" OVER (")
  w:clause("PARTITION BY ", item.partition)
  local partitioned = item.partition and item.partition[1]
  w:clause(partitioned and " ORDER BY " or "ORDER BY ", item.order)
  if item.frame then w:put((partitioned or item.order) and " " .. item.frame or item.frame) end
  w:put(")")
end

function visitors.filter(w, item)
  w:visit(item.value)
  w:condition(" FILTER (WHERE ", item.condition)
  w:put(")")
end

function visitors.in_query(w, item)
  w:visit(item.value)
  w:put(item.negated and " NOT IN (" or " IN (")
  w:visit(item.query)
  w:put(")")
end

function visitors.quantified(w, item)
  w:put(item.word .. " (")
  w:visit(item.query)
  w:put(")")
end

function visitors.star(w, item)
  if item.scope then
    w:name(item.scope.alias)
    w:put(".")
  end
  w:put("*")
end

local function name_list(w, names)
  for i = 1, #names do
    if i > 1 then w:put(", ") end
    w:name(names[i])
  end
end

function visitors.from_function(w, item)
  w:visit(item.value)
  w:put(" AS ")
  w:name(item.scope.alias)
  if item.columns then
    w:put("(")
    name_list(w, item.columns)
    w:put(")")
  end
end

visitors["with"] = function(w, item)
  w:put(item.recursive and "WITH RECURSIVE " or "WITH ")
  for i, entry in ipairs(item.list) do
    if i > 1 then w:put(", ") end
    w:name(entry.name)
    if entry.columns then
      w:put(" (")
      name_list(w, entry.columns)
      w:put(")")
    end
    w:put(" AS ")
    if entry.materialized ~= nil then w:put(entry.materialized and "MATERIALIZED " or "NOT MATERIALIZED ") end
    w:put("(")
    w:visit(entry.query)
    w:put(")")
  end
  w:put(" ")
end

local function page(w, item)
  w:clause(" ORDER BY ", item.order)
  if item.limit then
    w:put(" LIMIT ")
    w:visit(item.limit)
  elseif item.offset and w.dialect.supports.offset_needs_limit then
    w:put(" LIMIT -1")
  end
  if item.offset then
    w:put(" OFFSET ")
    w:visit(item.offset)
  end
end

-- A part of a compound that is more than a plain SELECT must be told apart from what follows it.
local function part(w, query)
  local plain = query.node == "select" and not (query.with or query.order or query.limit or query.offset)
  if plain then return w:visit(query) end
  local parentheses = w.dialect.supports.compound_parentheses
  w:put(parentheses and "(" or "SELECT * FROM (")
  w:visit(query)
  w:put(")")
end

function visitors.compound(w, item)
  if item.with then w:visit(item.with) end
  for _, entry in ipairs(item.list) do
    if entry.operator then w:put(" " .. entry.operator .. " ") end
    part(w, entry.query)
  end
  page(w, item)
end

local function joined(w, joins)
  for _, join in ipairs(joins or {}) do
    w:put(" " .. join.kind .. " ")
    w:visit(join.source)
    w:condition(" ON ", join.on)
  end
end

function visitors.nested(w, item)
  w:put("(")
  w:visit(item.from)
  joined(w, item.joins)
  w:put(")")
end

local function lock(w, wanted)
  w:put(" FOR " .. wanted.level)
  for i, scope in ipairs(wanted.of or {}) do
    w:put(i == 1 and " OF " or ", ")
    w:name(scope.alias)
  end
  if wanted.wait then w:put(" " .. wanted.wait) end
end

function visitors.select(w, item)
  if item.with then w:visit(item.with) end
  w:put(item.distinct and "SELECT DISTINCT " or "SELECT ")
  if item.distinct_on then
    w:clause("DISTINCT ON (", item.distinct_on)
    w:put(") ")
  end
  w:list(item.columns, ", ")
  if item.from then
    w:put(" FROM ")
    w:visit(item.from)
  end
  joined(w, item.joins)
  w:condition(" WHERE ", item.where)
  w:clause(" GROUP BY ", item.group)
  w:condition(" HAVING ", item.having)
  page(w, item)
  if item.lock then lock(w, item.lock) end
end

return queries
