--- The changes of schema/difference where a database cannot change columns and constraints in place: SQLite. What it can
--- do itself is done so; else the table is made anew beside the old one, filled, and put in its place, with its indexes
--- and triggers. Called by repo/alter, which sees to the foreign keys meanwhile.

local alter = require("rowan.sql.ddl_alter")
local comments = require("rowan.sql.comments")
local ddl = require("rowan.sql.ddl")
local ddl_index = require("rowan.sql.ddl_index")
local ddl_text = require("rowan.sql.ddl_text")
local errors = require("rowan.base.errors")
local loss = require("rowan.sql.ddl_loss")
local tokens = require("rowan.sql.tokens")

local rebuild = {}

local PREFIX = "rowan_rebuild_"

---What ends the mode that a rebuild needs for its last step.
rebuild.plain_alter = "PRAGMA legacy_alter_table = 0"

---The question whether foreign keys are enforced.
rebuild.keys_enforced = "PRAGMA foreign_keys"

local function mentions(text, name)
  return tokens.mentions(text, name, string.lower)
end

-- ---- what needs no rebuild -------------------------------------------------------------------------------------------

local function plain_default(attr)
  return attr.default_kind == nil or attr.default_kind == "function" or attr.default_kind == "value"
end

local function can_add(column)
  local attr = column.attr
  if attr.primary or attr.auto or not plain_default(attr) then return false end
  if column.generated then return not column.stored end
  return not column.not_null or column.default ~= nil
end

local BINDING = { primary = true, unique = true, check = true, foreign = true }

local function can_drop(live, name)
  for _, written in ipairs(live.parsed.columns) do
    for _, clause in ipairs(written.clauses) do
      local own = written.name:lower() == name:lower()
      if own and BINDING[clause.kind] or not own and mentions(clause.expression, name) then return false end
    end
  end
  for _, list in ipairs({ live.parsed.constraints, live.indexes, live.triggers }) do
    for _, item in ipairs(list) do
      if mentions(item.text or item.sql or item.definition, name) then return false end
    end
  end
  return true
end

-- A new column's own foreign key can come with it.
local function own_key(changes, column)
  for _, change in ipairs(changes) do
    local key = change.kind == "add_foreign_key" and change.becomes
    if key and #key.columns == 1 and key.columns[1] == column.name then return change end
  end
end

---Whether SQLite can make all changes itself.
---@param changes rowan.SchemaChange[]
---@param live rowan.TablePicture
---@return boolean
function rebuild.is_native(changes, live)
  local keys = {}
  for _, change in ipairs(changes) do
    if change.kind == "add_column" then
      local key = own_key(changes, change.column)
      if not can_add(change.column) or key and change.column.default then return false end
      keys[key or false] = true
    end
  end
  for _, change in ipairs(changes) do
    local kind = change.kind
    local native = kind == "add_column" or kind == "drop_index" or kind == "create_index"
      or kind == "drop_column" and live.parsed ~= nil and can_drop(live, change.was.name) or keys[change]
    if not native then return false end
  end
  return true
end

---The statements of a change that SQLite can make itself.
---@param change rowan.SchemaChange
---@param to rowan.AlterTarget
---@return string[]
function rebuild.native(change, to)
  if change.kind == "add_column" then
    local column = ddl.column(to.def, change.column.attr, to.dialect, to.plain_context)
    return { ("ALTER TABLE %s ADD COLUMN %s"):format(to.table, column) }
  end
  if change.kind == "add_foreign_key" then return {} end
  if change.kind == "drop_column" then
    return { ("ALTER TABLE %s DROP COLUMN %s"):format(to.table, to.dialect.quote(change.was.name)) }
  end
  return alter.statements(change, to)
end

-- ---- the new table's text --------------------------------------------------------------------------------------------

local RETOUCHED = {
  type = true, default = true, null = true, auto = true, generated = true, add_check = true, collate = true,
}
local DROPPED = { drop_unique = true, drop_foreign_key = true, drop_check = true }

-- What the changes mean for the text: columns to write anew and to leave out, clauses that go, clauses that come.
local function edits_of(changes)
  local edits = { columns = {}, dropped = {}, gone = {}, added = {}, constraints = {}, comments = {} }
  for _, change in ipairs(changes) do
    if RETOUCHED[change.kind] then edits.columns[change.column.name:lower()] = change.column end
    if change.kind == "drop_column" then edits.dropped[change.was.name:lower()] = true end
    if change.kind == "add_column" then table.insert(edits.added, change.column) end
    if DROPPED[change.kind] then edits.gone[change.was.clause] = true end
    if change.kind == "primary" then edits.primary = change end
    if change.kind == "column_comment" then edits.comments[change.column.name:lower()] = change end
    if change.kind == "comment" then edits.comment = change end
    if change.kind == "strict" then
      -- The names of types are others in strict tables.
      edits.strict = change.becomes
      for _, column in ipairs(change.becomes.columns) do edits.columns[column.name:lower()] = column end
    end
    if change.kind == "add_unique" or change.kind == "add_foreign_key" or change.kind == "add_constraint" then
      table.insert(edits.constraints, change)
    end
  end
  return edits
end

local OWN = { not_null = true, null = true, default = true, generated = true, collate = true }

-- What the definition of a column says itself.
local function is_own(clause, column)
  return OWN[clause.kind] or clause.kind == "check" and clause.name == column.check_name
end

-- The clauses of a column that stay, without those that its definition says anew.
local function kept_clauses(written, edits, column)
  local parts = {}
  for _, clause in ipairs(written.clauses) do
    local keep = not edits.gone[clause] and not (column and is_own(clause, column))
    if clause.kind == "primary" and (edits.primary or column and column.auto) then keep = false end
    if keep and clause.kind == "primary" and column and clause.auto then
      parts[#parts + 1] = "PRIMARY KEY"
    elseif keep then
      parts[#parts + 1] = clause.text
    end
  end
  return parts
end

local function column_text(written, edits, to)
  local column = edits.columns[written.name:lower()]
  local parts = kept_clauses(written, edits, column)
  if column then
    table.insert(parts, 1, ddl.column(to.def, column.attr, to.dialect, to.context))
  else
    local type_name = edits.strict and to.dialect.catalog.strict_type(written.type) or written.type
    table.insert(parts, 1, to.dialect.quote(written.name) .. (type_name ~= "" and " " .. type_name or ""))
  end
  local told = edits.comments[written.name:lower()]
  local comment = written.comment
  if told then comment = told.column.comment end
  return table.concat(parts, " ") .. comments.write(comment)
end

local function of_dropped(clause, edits)
  for _, name in ipairs(clause.columns or {}) do
    if edits.dropped[name:lower()] then return true end
  end
  for name in pairs(edits.dropped) do
    if mentions(clause.expression, name) then return true end
  end
  return false
end

local function has_rowid_key(edits)
  for _, column in pairs(edits.columns) do
    if column.auto then return true end
  end
  for _, column in ipairs(edits.added) do
    if column.auto then return true end
  end
  return false
end

local function constraint_text(change, to)
  if change.kind == "add_unique" then return alter.unique_clause(to.dialect, change.becomes) end
  if change.kind == "add_constraint" then return change.text end
  return ddl.key_clause(to.def, change.becomes.key, to.dialect)
end

local function constraints(live, edits, to, lines)
  local rowid_key = has_rowid_key(edits)
  for _, clause in ipairs(live.parsed.constraints) do
    local gone = edits.gone[clause] or of_dropped(clause, edits)
      or clause.kind == "primary" and (edits.primary or rowid_key)
    if not gone then lines[#lines + 1] = clause.text end
  end
  local key = edits.primary and edits.primary.becomes
  if key and not rowid_key then lines[#lines + 1] = "PRIMARY KEY " .. alter.list(to.dialect, key.columns) end
  for _, change in ipairs(edits.constraints) do lines[#lines + 1] = constraint_text(change, to) end
end

local TRUTH = "CASE lower(%s) WHEN 'true' THEN 1 WHEN 't' THEN 1 WHEN 'false' THEN 0 WHEN 'f' THEN 0 ELSE %s END"
local CUT = "CASE typeof(%s) WHEN 'text' THEN substr(%s, 1, %d) ELSE %s END"

-- The value of a column as the new one takes it: what a cast does elsewhere. What it cannot hold was asked for before.
local function taken_over(was, becomes, dialect)
  local name = dialect.quote(was.name)
  if not becomes then return name end
  local length = becomes.check and loss.length(becomes.check.expression)
  if length then return CUT:format(name, name, length, name) end
  if becomes.type == "BOOLEAN" and was.type == "TEXT" then return TRUTH:format(name, name) end
  return name
end

-- The text of the table as it will be, the columns whose values are taken over, and these values.
local function table_text(live, edits, to, name)
  local lines, copied, values = {}, {}, {}
  for _, written in ipairs(live.parsed.columns) do
    local folded = written.name:lower()
    if not edits.dropped[folded] then
      lines[#lines + 1] = column_text(written, edits, to)
      local column = live.by_name[folded]
      local becomes = edits.columns[folded]
      local computed = column.generated
      if becomes then computed = becomes.generated end
      if not computed then
        copied[#copied + 1] = to.dialect.quote(column.name)
        values[#copied] = taken_over(column, becomes, to.dialect)
      end
    end
  end
  for _, column in ipairs(edits.added) do
    lines[#lines + 1] = ddl.column(to.def, column.attr, to.dialect, to.context) .. comments.write(column.comment)
  end
  constraints(live, edits, to, lines)
  local tail = live.parsed.tail ~= "" and " " .. live.parsed.tail or ""
  if edits.strict then
    tail = tail:gsub(",?%s*[Ss][Tt][Rr][Ii][Cc][Tt]", "")
    if edits.strict.strict then tail = tail .. (tail ~= "" and ", STRICT" or " STRICT") end
  end
  local comment = live.comment
  if edits.comment then comment = edits.comment.becomes.comment end
  local create = ("CREATE TABLE %s (%s%s)%s"):format(name, comment and comments.write(comment) .. " " or "",
    table.concat(lines, ", "), tail)
  return create, table.concat(copied, ", "), table.concat(values, ", ")
end

-- The numbers that AUTOINCREMENT gave out, also those of rows that are gone.
local function keep_sequence(live, temporary, to)
  local old, new = ddl_text.literal(to.dialect, live.name), ddl_text.literal(to.dialect, temporary)
  return ("DELETE FROM sqlite_sequence WHERE name = %s"):format(new),
    ("INSERT INTO sqlite_sequence (name, seq) SELECT %s, seq FROM sqlite_sequence WHERE name = %s"):format(new, old)
end

local function is_numbered(live, edits)
  for _, column in ipairs(live.columns) do
    local altered = edits.columns[column.name:lower()]
    if column.auto and (not altered or altered.auto) and not edits.dropped[column.name:lower()] then return true end
  end
  return false
end

local function dropped_set(changes, kind)
  local set = {}
  for _, change in ipairs(changes) do
    if change.kind == kind then set[change.was] = true end
  end
  return set
end

local function indexes(live, changes, edits, to, texts)
  local gone = dropped_set(changes, "drop_index")
  for _, index in ipairs(live.indexes) do
    local lost = gone[index]
    for name in pairs(edits.dropped) do lost = lost or mentions(index.sql, name) end
    if not lost then texts[#texts + 1] = index.sql end
  end
  for _, change in ipairs(changes) do
    if change.kind == "create_index" then
      texts[#texts + 1] = ddl_index.create(to.def, change.becomes.index, to.dialect, to.context)
    end
  end
end

-- Whether a trigger takes a column of the row that it fires for.
local function takes(trigger, name)
  local list = tokens.read(trigger.definition, true)
  for i = 3, #list do
    local row, dot, column = list[i - 2].value:lower(), list[i - 1].value, list[i].value:lower()
    if (row == "new" or row == "old") and dot == "." and column == name then return true end
  end
  return false
end

-- With such a trigger left behind, nothing could be written to the table any more.
local function check_triggers(live, edits)
  for _, trigger in ipairs(live.triggers) do
    for name in pairs(edits.dropped) do
      if takes(trigger, name) then
        errors.raise("QueryError", {
          message = ('the trigger "%s" of the table %s takes the column "%s", which is to go: drop the trigger first')
            :format(trigger.name, live.name, name),
        })
      end
    end
  end
end

---The statements that make the table anew with these changes. Foreign keys must not be enforced meanwhile.
---@param changes rowan.SchemaChange[]
---@param to rowan.AlterTarget
---@return string[]
function rebuild.statements(changes, to)
  local live, edits = to.live, edits_of(changes)
  check_triggers(live, edits)
  local temporary = PREFIX .. live.name
  local quoted = to.dialect.quote(temporary)
  local create, copied, values = table_text(live, edits, to, quoted)
  -- Rows stay rows where no column of theirs does.
  if copied == "" then copied, values = "rowid", "rowid" end
  local texts = { create, ("INSERT INTO %s (%s) SELECT %s FROM %s"):format(quoted, copied, values, to.table) }
  if is_numbered(live, edits) then
    texts[3], texts[4] = keep_sequence(live, temporary, to)
  end
  texts[#texts + 1] = "DROP TABLE " .. to.table
  -- Views and triggers of other tables that speak of this one are not to be looked at before it is back.
  texts[#texts + 1] = "PRAGMA legacy_alter_table = 1"
  texts[#texts + 1] = ("ALTER TABLE %s RENAME TO %s"):format(quoted, to.table)
  texts[#texts + 1] = rebuild.plain_alter
  indexes(live, changes, edits, to, texts)
  for _, trigger in ipairs(live.triggers) do texts[#texts + 1] = trigger.definition end
  return texts
end

return rebuild
