--- The visitors of statements that write: INSERT, UPDATE, DELETE, TRUNCATE. Part of sql/compile, which puts them among its
--- own and gives them its writer.

local visitors = {}
local writes = { visitors = visitors }

local function field_list(w, fields)
  w:put(" (")
  for i = 1, #fields do
    if i > 1 then w:put(", ") end
    w:name(fields[i])
  end
  w:put(")")
end

local function set_list(w, sets)
  w:put(" SET ")
  for i, set in ipairs(sets) do
    if i > 1 then w:put(", ") end
    w:name(set.field)
    w:put(" = ")
    w:visit(set.value)
  end
end

-- What is to be done instead when a row with the same key is there.
local function on_conflict(w, conflict)
  if not conflict then return end
  w:put(" ON CONFLICT")
  if conflict.fields then field_list(w, conflict.fields) end
  w:condition(" WHERE ", conflict.where)
  if not conflict.sets then return w:put(" DO NOTHING") end
  w:put(" DO UPDATE")
  set_list(w, conflict.sets)
end

function visitors.insert(w, item)
  w:put("INSERT INTO ")
  w:visit(item.into)
  if #item.fields == 0 then
    w:put(" DEFAULT VALUES")
  else
    field_list(w, item.fields)
    w:put(" VALUES (")
    w:list(item.values, ", ")
    w:put(")")
  end
  on_conflict(w, item.conflict)
  w:clause(" RETURNING ", item.returning)
end

function visitors.insert_lists(w, item)
  w:put("INSERT INTO ")
  w:visit(item.into)
  field_list(w, item.fields)
  w.dialect.select_lists(w, item)
  on_conflict(w, item.conflict)
  w:clause(" RETURNING ", item.returning)
end

function visitors.copy(w, item)
  w:put("COPY ")
  w:visit(item.into)
  field_list(w, item.fields)
  w:put(" FROM STDIN")
end

function visitors.insert_rows(w, item)
  if item.with then w:visit(item.with) end
  w:put("INSERT INTO ")
  w:visit(item.into)
  field_list(w, item.fields)
  if item.query then
    w:put(" ")
    w:visit(item.query)
  else
    w:put(" VALUES ")
    for i, row in ipairs(item.rows) do
      w:put(i > 1 and ", (" or "(")
      w:list(row, ", ")
      w:put(")")
    end
  end
  w:clause(" RETURNING ", item.returning)
end

function visitors.insert_query(w, item)
  w:put("INSERT INTO ")
  w:visit(item.into)
  field_list(w, item.fields)
  w:put(" ")
  w:visit(item.query)
  on_conflict(w, item.conflict)
end

function visitors.update(w, item)
  if item.with then w:visit(item.with) end
  w:put("UPDATE ")
  w:visit(item.into)
  set_list(w, item.sets)
  if item.from then
    w:put(" FROM ")
    w:visit(item.from)
  end
  w:condition(" WHERE ", item.where)
  w:clause(" RETURNING ", item.returning)
end

function visitors.delete(w, item)
  if item.with then w:visit(item.with) end
  w:put("DELETE FROM ")
  w:visit(item.from)
  w:condition(" WHERE ", item.where)
  w:clause(" RETURNING ", item.returning)
end

function visitors.increased(w, item)
  w:visit(item.column)
  w:put(" + ")
  w:visit(item.by)
end

function visitors.truncate(w, item)
  w:put("TRUNCATE TABLE ")
  w:visit(item.from)
  if item.restart then w:put(" RESTART IDENTITY") end
  if item.cascade then w:put(" CASCADE") end
end

return writes
