--- What a SQLite database holds: the statements that ask for it, and pictures of tables out of their answers. Two
--- statements, however many tables. Called by repo/introspect.

local text = require("rowan.dialect.sqlite_text")
local types = require("rowan.types")

local catalog = {}

---Two names of columns are the same when these are.
---@param name string
---@return string
function catalog.fold(name)
  return name:lower()
end

---The name of the database: its file.
catalog.database = "SELECT file AS name FROM pragma_database_list WHERE name = 'main'"

---The library's version.
catalog.version = "SELECT sqlite_version() AS version"

local NAMED = " AND lower(m.tbl_name) IN (SELECT lower(c0) FROM rowan_rows(?1))"

local function statement(sql, named)
  return { text = sql:gsub("%%NAMED%%", named and NAMED or ""), lists = named and 1 or 0 }
end

---The statements, by name, for these tables and views, or for all. Of all there are the columns of tables alone: a view
---whose table is gone would stop the lot.
---@param names? string[]
---@return table<string, { text: string, lists: integer }>
function catalog.statements(names)
  local kinds = names and "m.type IN ('table', 'view')" or "m.type = 'table'"
  return {
    objects = statement([[SELECT m.type AS type, m.name AS name, m.tbl_name AS tbl_name, m.sql AS sql
      FROM sqlite_master m WHERE m.name NOT LIKE 'sqlite\_%' ESCAPE '\'%NAMED% ORDER BY m.rowid]], names),
    columns = statement([[SELECT m.name AS tbl_name, x.name AS name, x.type AS type, x."notnull" AS not_null,
      x.dflt_value AS dflt, x.pk AS pk, x.hidden AS hidden
      FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x
      WHERE ]] .. kinds .. [[ AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'%NAMED%
      ORDER BY m.rowid, x.cid]], names),
  }
end

---The statement for the tables that point at others, which are its list.
catalog.pointing = [[SELECT DISTINCT m.name AS name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
  WHERE m.type = 'table' AND lower(f."table") IN (SELECT lower(c0) FROM rowan_rows(?1)) ORDER BY m.name]]

---The columns of the first foreign key of some tables by which rows point at nothing, and how many do.
catalog.broken_keys = [[SELECT b.name AS name, b.parent AS parent, b.n AS n, l."from" AS "column"
  FROM (SELECT t.c0 AS name, c.parent AS parent, c.fkid AS fkid, count(*) AS n
    FROM rowan_rows(?1) AS t JOIN pragma_foreign_key_check(t.c0) AS c GROUP BY t.c0, c.fkid LIMIT 1) AS b
  JOIN pragma_foreign_key_list(b.name) AS l ON l.id = b.fkid ORDER BY l.seq]]

---The names of all views.
catalog.view_names = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"

---A type's name in one spelling.
---@param name string
---@return string
function catalog.canonical_type(name)
  return (name:upper():gsub("%s+", " "):gsub("%s*([%(%),])%s*", "%1"))
end

local function affinity(name)
  name = name:upper()
  if name:find("INT") then return "INTEGER" end
  if name:find("CHAR") or name:find("CLOB") or name:find("TEXT") then return "TEXT" end
  if name:find("BLOB") or name == "" then return "BLOB" end
  if name:find("REAL") or name:find("FLOA") or name:find("DOUB") then return "REAL" end
  return "NUMERIC"
end

---The nearest type that a STRICT table knows.
---@param name string
---@return string
function catalog.strict_type(name)
  if name:upper():find("BOOL") then return "INTEGER" end
  local of = affinity(name)
  return of == "NUMERIC" and "ANY" or of
end

local D = types.DataTypes
local TYPES = { INTEGER = D.BIGINT, REAL = D.DOUBLE, BLOB = D.BLOB, TEXT = D.TEXT, NUMERIC = D.DOUBLE }

---The type that an attribute over a live column has.
---@param column rowan.ColumnPicture
---@return rowan.Type
function catalog.type_of(column)
  return column.type:find("BOOL") and D.BOOLEAN or TYPES[affinity(column.type)]
end

---Whether every value of one type can be kept by another.
---@param from string canonical
---@param to string canonical
---@return boolean
function catalog.widens(from, to)
  local a, b = affinity(from), affinity(to)
  return a == b and (from ~= "INTEGER" or to ~= "BOOLEAN") or b == "TEXT" and a ~= "BLOB"
    or from == "BOOLEAN" and b == "INTEGER"
end

local function reference_of(clause, name)
  return {
    name = clause.name, columns = clause.columns, table = clause.table, keys = clause.keys, clause = clause,
    on_delete = clause.on_delete or "NO ACTION", on_update = clause.on_update or "NO ACTION",
    deferrable = clause.deferrable ~= "NOT DEFERRABLE" and clause.deferrable or nil, of = name,
  }
end

local function add_clause(found, clause, column)
  local kind = clause.kind
  if kind == "primary" then
    found.primary = { name = clause.name, columns = clause.columns }
    if clause.auto then column.auto = true end
  elseif kind == "unique" then
    found.uniques[#found.uniques + 1] = { name = clause.name, columns = clause.columns, clause = clause }
  elseif kind == "check" then
    found.checks[#found.checks + 1] = {
      name = clause.name, expression = clause.expression, clause = clause, column = column and column.name,
    }
  elseif kind == "foreign" then
    found.foreign_keys[#found.foreign_keys + 1] = reference_of(clause, found.name)
  elseif kind == "generated" then
    column.generated, column.stored = clause.expression, clause.stored or false
  elseif kind == "collate" then
    column.collate = clause.collate
  end
end

local function read_text(found)
  local parsed = found.sql and text.table(found.sql)
  if not parsed then return end
  found.parsed, found.strict = parsed, parsed.tail:upper():find("STRICT", 1, true) ~= nil
  found.comment = parsed.comment
  for _, written in ipairs(parsed.columns) do
    local column = found.by_name[written.name:lower()]
    if column then column.comment = written.comment end
    for _, clause in ipairs(written.clauses) do
      if column then add_clause(found, clause, column) end
    end
  end
  for _, clause in ipairs(parsed.constraints) do add_clause(found, clause) end
end

-- What PostgreSQL would call a constraint without a name, so that it can be spoken of.
local function name_constraints(found)
  local taken = {}
  local lists = {
    { { found.primary }, "" }, { found.uniques, "key" }, { found.foreign_keys, "fkey" }, { found.checks, "check" },
  }
  for _, pair in ipairs(lists) do
    for _, item in ipairs(pair[1]) do taken[item.name or ""] = true end
  end
  for _, pair in ipairs(lists) do
    for _, item in ipairs(pair[1]) do
      local columns = table.concat(item.columns or { item.column }, "_")
      local base = found.name .. (columns ~= "" and "_" .. columns or "") .. "_" .. pair[2]
      if pair[2] == "" then base = found.name .. "_pkey" end
      local name, count = item.name or base, 0
      while not item.name and taken[name] do
        count = count + 1
        name = base .. count
      end
      item.shown, taken[name] = name, true
    end
  end
end

-- A key that names no columns points at the primary key.
local function complete_keys(tables, by_name)
  for _, found in ipairs(tables) do
    for _, key in ipairs(found.foreign_keys) do
      local target = by_name[key.table:lower()]
      if not key.keys then key.keys = target and target.primary and target.primary.columns or {} end
    end
  end
end

local function new_table(row)
  return {
    name = row.name, kind = row.type, sql = row.sql, columns = {}, by_name = {}, uniques = {}, foreign_keys = {},
    checks = {}, indexes = {}, triggers = {},
  }
end

local function add_column(found, row)
  if row.hidden == 1 then return end
  local column = {
    name = row.name, type = catalog.canonical_type(row.type), not_null = row.not_null == 1, default = row.dflt,
    primary = row.pk > 0,
  }
  found.columns[#found.columns + 1] = column
  found.by_name[row.name:lower()] = column
end

local function add_index(found, row)
  local index = text.index(row.sql)
  index.name, index.sql, index.method = row.name, row.sql, "btree"
  found.indexes[#found.indexes + 1] = index
end

---Pictures of tables and views.
---@param answers table<string, table[]> the rows of each statement
---@return rowan.TablePicture[] tables
---@return table known what is not part of a table: nothing on SQLite
function catalog.pictures(answers)
  local tables, by_name = {}, {}
  for _, row in ipairs(answers.objects) do
    if row.type == "table" or row.type == "view" then
      local found = new_table(row)
      tables[#tables + 1] = found
      by_name[row.name:lower()] = found
    end
  end
  for _, row in ipairs(answers.columns) do
    local found = by_name[row.tbl_name:lower()]
    if found then add_column(found, row) end
  end
  for _, row in ipairs(answers.objects) do
    local found = by_name[row.tbl_name:lower()]
    if found and row.type == "index" then add_index(found, row) end
    if found and row.type == "trigger" then
      found.triggers[#found.triggers + 1] = { name = row.name, definition = row.sql }
    end
  end
  for _, found in ipairs(tables) do
    if found.kind == "table" then
      read_text(found)
      name_constraints(found)
    end
  end
  complete_keys(tables, by_name)
  return tables, { enums = {} }
end

return catalog
