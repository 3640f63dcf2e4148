--- What a PostgreSQL database holds: the statements that ask for it, and pictures of tables out of their answers. Six
--- statements, however many tables. Called by repo/introspect.

local tokens = require("rowan.sql.tokens")
local types = require("rowan.types")

local catalog = {}

---The views that stand on columns of a table, and what makes them anew.
catalog.views = require("rowan.dialect.postgres_views")

---Two names of columns are the same when these are.
---@param name string
---@return string
function catalog.fold(name)
  return name
end

---The name of the database.
catalog.database = "SELECT current_database()::text AS name"

---The search path, and setting it for the rest of the transaction.
catalog.search_path = "SELECT current_setting('search_path') AS path"
catalog.set_search_path = "SELECT set_config('search_path', ($1::text[])[1], true) AS path"

---Names of what is not the system's: schemas, databases; and the server's version.
catalog.schemas = [[SELECT nspname::text AS name FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname COLLATE "C"]]
catalog.databases = [[SELECT datname::text AS name FROM pg_database
  WHERE NOT datistemplate ORDER BY datname COLLATE "C"]]
catalog.version = "SELECT current_setting('server_version') AS version"

-- The tables that a statement speaks of: those named (the schema "" is the current one), those of some schemas, or all.
local NAMED = [[JOIN unnest($1::text[], $2::text[]) AS w (name, schema)
  ON c.relname = w.name AND n.nspname = coalesce(nullif(w.schema, ''), current_schema())]]
local SCHEMAS = "JOIN unnest($1::text[]) AS w (schema) ON n.nspname = coalesce(nullif(w.schema, ''), current_schema())"
local ALL = [[JOIN (SELECT 1) AS w (all_of_them) ON n.nspname !~ '^pg_' AND n.nspname <> 'information_schema']]

local SCOPE = [[WITH scope AS (
  SELECT c.oid, c.relname, c.relkind, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace %WANTED%
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')) ]]

local TABLES = SCOPE .. [[SELECT s.oid::bigint AS id, s.relname::text AS name, s.nspname::text AS schema,
    s.relkind::text AS kind, obj_description(s.oid, 'pg_class') AS comment,
    s.nspname = current_schema() AS is_current,
    CASE WHEN s.relkind IN ('v', 'm') THEN pg_get_viewdef(s.oid) END AS definition
  FROM scope s ORDER BY s.nspname COLLATE "C", s.relname COLLATE "C"]]

-- attgenerated came with version 12.
local COLUMNS = SCOPE .. [[SELECT s.oid::bigint AS id, a.attname::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
    pg_get_expr(d.adbin, d.adrelid) AS expression, a.attidentity::text AS identity,
    to_jsonb(a)->>'attgenerated' AS generated, col_description(s.oid, a.attnum) AS comment,
    e.oid::bigint AS enum_id, CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END AS collate
  FROM scope s JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END AND e.typtype = 'e'
    LEFT JOIN pg_attrdef d ON d.adrelid = s.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
  ORDER BY s.oid, a.attnum]]

local COLUMN_LIST = [[(SELECT jsonb_agg(b.attname ORDER BY k.n) FROM unnest(%s) WITH ORDINALITY AS k (num, n)
  JOIN pg_attribute b ON b.attrelid = %s AND b.attnum = k.num)]]

local CONSTRAINTS = SCOPE .. [[SELECT s.oid::bigint AS id, x.conname::text AS name, x.contype::text AS kind,
    ]] .. COLUMN_LIST:format("x.conkey", "x.conrelid") .. [[ AS columns,
    f.relname::text AS target, fn.nspname::text AS target_schema, ]] .. COLUMN_LIST:format("x.confkey", "x.confrelid")
    .. [[ AS keys, x.confdeltype::text AS on_delete, x.confupdtype::text AS on_update, x.condeferrable AS can_defer,
    x.condeferred AS deferred, pg_get_expr(x.conbin, x.conrelid) AS expression,
    pg_get_constraintdef(x.oid) AS definition
  FROM scope s JOIN pg_constraint x ON x.conrelid = s.oid AND x.contype IN ('p', 'u', 'f', 'c', 'x')
    LEFT JOIN pg_class f ON f.oid = x.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
  ORDER BY s.oid, x.conname COLLATE "C"]]

local INDEXES = SCOPE .. [[SELECT s.oid::bigint AS id, i.relname::text AS name, x.indisunique AS is_unique,
    x.indisvalid AS valid, m.amname::text AS method, pg_get_expr(x.indpred, x.indrelid) AS predicate,
    pg_get_indexdef(x.indexrelid) AS definition, x.indnkeyatts::int AS keys,
    (SELECT jsonb_agg(jsonb_build_object('column', b.attname, 'expression', CASE WHEN b.attname IS NULL
        THEN pg_get_indexdef(x.indexrelid, p.n, true) END, 'flags', x.indoption[p.n - 1],
        'operator', o.opcname, 'usual_operator', o.opcdefault,
        'collate', CASE WHEN x.indcollation[p.n - 1] <> coalesce(b.attcollation, 0) THEN l.collname END) ORDER BY p.n)
      FROM generate_series(1, x.indnatts) AS p (n)
      LEFT JOIN pg_attribute b ON b.attrelid = x.indrelid AND b.attnum = x.indkey[p.n - 1] AND b.attnum > 0
      LEFT JOIN pg_opclass o ON o.oid = x.indclass[p.n - 1]
      LEFT JOIN pg_collation l ON l.oid = x.indcollation[p.n - 1]) AS fields
  FROM scope s JOIN pg_index x ON x.indrelid = s.oid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_am m ON m.oid = i.relam
  WHERE NOT EXISTS (SELECT 1 FROM pg_constraint q WHERE q.conindid = x.indexrelid AND q.contype IN ('p', 'u', 'x'))
  ORDER BY s.oid, i.relname COLLATE "C"]]

local TRIGGERS = SCOPE .. [[SELECT s.oid::bigint AS id, g.tgname::text AS name, pg_get_triggerdef(g.oid) AS definition
  FROM scope s JOIN pg_trigger g ON g.tgrelid = s.oid AND NOT g.tgisinternal ORDER BY s.oid, g.tgname COLLATE "C"]]

-- Enums are few: all of the user's schemas, with how many columns hold each.
local ENUMS = [[SELECT t.oid::bigint AS id, t.typname::text AS name, n.nspname::text AS schema,
    n.nspname = current_schema() AS is_current,
    (SELECT jsonb_agg(v.enumlabel ORDER BY v.enumsortorder) FROM pg_enum v WHERE v.enumtypid = t.oid) AS "values",
    (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
      WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN (t.oid, t.typarray)) AS columns,
    current_schema()::text AS current, current_setting('server_version_num')::int AS version
  FROM (SELECT 1) AS one LEFT JOIN pg_type t ON t.typtype = 'e' AND EXISTS (SELECT 1 FROM pg_namespace u
      WHERE u.oid = t.typnamespace AND u.nspname !~ '^pg_' AND u.nspname <> 'information_schema')
    LEFT JOIN pg_namespace n ON n.oid = t.typnamespace
  ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"]]

---The statements, by name, for these tables, these schemas, or everything that is not the system's.
---@param names? string[]
---@param schemas? string[] of each of `names`; alone: whole schemas
---@return table<string, { text: string, lists: integer }>
function catalog.statements(names, schemas)
  local wanted = names and NAMED or schemas and SCHEMAS or ALL
  local lists = names and 2 or schemas and 1 or 0
  local function statement(text)
    local scoped, n = text:gsub("%%WANTED%%", function() return wanted end)
    return { text = scoped, lists = n > 0 and lists or 0 }
  end
  return {
    tables = statement(TABLES), columns = statement(COLUMNS), constraints = statement(CONSTRAINTS),
    indexes = statement(INDEXES), triggers = statement(TRIGGERS), enums = statement(ENUMS),
  }
end

---A question that changes nothing: the planner spells out pairs of expressions, so that two that mean the same give the
---same text. The answer is read by `spelled`.
---@param pairs_of { [1]: string, [2]: string, type?: string }[]
---@param source string the table, quoted
---@return string
function catalog.spell(pairs_of, source)
  local list = {}
  for _, pair in ipairs(pairs_of) do
    local cast = pair.type and "::" .. pair.type or ""
    list[#list + 1] = ("(%s)%s"):format(pair[1], cast)
    list[#list + 1] = ("(%s)%s"):format(pair[2], cast)
  end
  return ("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT %s FROM %s"):format(table.concat(list, ", "), source)
end

---Which of the pairs mean the same.
---@param rows table[] the answer
---@return boolean[]
function catalog.spelled(rows)
  local output, same = rows[1]["QUERY PLAN"][1].Plan.Output, {}
  for i = 1, #output, 2 do same[#same + 1] = output[i] == output[i + 1] end
  return same
end

-- format_type's words for what has several.
local WORDS = {
  varchar = "character varying", char = "character", decimal = "numeric", int = "integer", int2 = "smallint",
  int4 = "integer", int8 = "bigint", float8 = "double precision", float4 = "real", bool = "boolean",
  timestamptz = "timestamp with time zone", timetz = "time with time zone",
  timestamp = "timestamp without time zone", time = "time without time zone",
}

---A type's name in the spelling of the catalogue: VARCHAR(5) is "character varying(5)".
---@param name string
---@return string
function catalog.canonical_type(name)
  local text, arrays = name:lower():gsub("%s+", " "):gsub("%s*%[%d*%]", "")
  local base, args, rest = text:match("^([^%(]-)%s*(%([^%)]*%))%s*(.*)$")
  if not base then base, args, rest = text, "", "" end
  local word = WORDS[base]
  if word and rest ~= "" then word = nil end
  if word then
    local first, more = word:match("^(%a+) (with.*)$")
    if first then base, rest = first, more else base = word end
  end
  args = args:gsub("%s+", "")
  if base == "character" and args == "" then args = "(1)" end
  if base == "numeric" and args:find("^%(%d+%)$") then args = args:gsub("%)", ",0)") end
  return base .. args .. (rest ~= "" and " " .. rest or "") .. (arrays > 0 and "[]" or "")
end

local D = types.DataTypes
local TYPES = {
  smallint = D.SMALLINT, integer = D.INTEGER, bigint = D.BIGINT, boolean = D.BOOLEAN, numeric = D.DECIMAL,
  ["double precision"] = D.DOUBLE, real = D.DOUBLE, uuid = D.UUID, json = D.JSON, jsonb = D.JSONB, bytea = D.BLOB,
  date = D.DATEONLY, ["timestamp with time zone"] = D.DATE, ["time without time zone"] = D.TIME,
  interval = D.INTERVAL, inet = D.INET, cidr = D.CIDR, macaddr = D.MACADDR, macaddr8 = D.MACADDR8,
  int4range = D.RANGE(D.INTEGER), int8range = D.RANGE(D.BIGINT), numrange = D.RANGE(D.DECIMAL),
  daterange = D.RANGE(D.DATEONLY), tstzrange = D.RANGE(D.DATE),
}

---The type that an attribute over a live column has.
---@param column rowan.ColumnPicture
---@return rowan.Type
function catalog.type_of(column)
  local name = column.type:gsub("%[%]$", "")
  local of = column.enum and D.ENUM(column.enum.values) or TYPES[(name:gsub("%b()", ""))] or D.TEXT
  return name ~= column.type and D.ARRAY(of) or of
end

local RANK = { smallint = 1, integer = 2, bigint = 3 }
local DIGITS = { smallint = 5, integer = 10, bigint = 19 }

local function parts_of(name)
  local base, args = name:match("^([^%(]+)%(([^%)]*)%)")
  local rest = name:match("%)( .*)$") or ""
  local a, b = (args or ""):match("^(%d*),?(%d*)$")
  return (base or name) .. rest, tonumber(a), tonumber(b)
end

---Whether every value of one type can be kept by another.
---@param from string canonical
---@param to string canonical
---@return boolean
function catalog.widens(from, to)
  if from == to then return true end
  if from:find("%[%]$") and to:find("%[%]$") then return catalog.widens(from:sub(1, -3), to:sub(1, -3)) end
  if to == "text" or to == "character varying" or to:find("citext$") then return from ~= "bytea" end
  local a, a1, a2 = parts_of(from)
  local b, b1, b2 = parts_of(to)
  if RANK[a] and RANK[b] then return RANK[a] <= RANK[b] end
  if b == "numeric" then
    if a == "numeric" then return not b1 or a1 ~= nil and b2 >= a2 and b1 - b2 >= a1 - a2 end
    return DIGITS[a] ~= nil and (not b1 or b1 - b2 >= DIGITS[a])
  end
  if b == "double precision" then return a == "real" or a == "smallint" or a == "integer" end
  if b == "character varying" then
    if a == "uuid" then return b1 >= 36 end
    if DIGITS[a] then return b1 > DIGITS[a] end
    return (a == "character varying" or a == "character") and a1 ~= nil and b1 >= a1
  end
  if a ~= b then return a == "json" and b == "jsonb" or a == "jsonb" and b == "json" end
  return (b1 or 6) >= (a1 or 6)
end

local KIND_OF = {
  smallint = "number", integer = "number", bigint = "number", numeric = "number", real = "number",
  ["double precision"] = "number", text = "text", ["character varying"] = "text", character = "text", citext = "text",
  date = "time", ["timestamp with time zone"] = "time", ["timestamp without time zone"] = "time",
}

---Whether there is a cast from one type to the other; without one, the way leads over text.
---@param from string canonical
---@param to string canonical
---@return boolean
function catalog.casts(from, to)
  local a, b = KIND_OF[(parts_of(from))], KIND_OF[(parts_of(to))]
  if a == "text" or b == "text" or a ~= nil and a == b then return true end
  if from:find("%[%]$") and to:find("%[%]$") then return true end
  return from == "boolean" and to == "integer" or from == "integer" and to == "boolean"
end

local KINDS = { r = "table", p = "table", f = "table", v = "view", m = "materialized view" }
local ACTIONS = { a = "NO ACTION", r = "RESTRICT", c = "CASCADE", n = "SET NULL", d = "SET DEFAULT" }

local function new_table(row)
  return {
    name = row.name, schema = row.schema, is_current = row.is_current, kind = KINDS[row.kind], comment = row.comment,
    definition = row.definition, columns = {}, by_name = {}, uniques = {}, foreign_keys = {}, checks = {},
    exclusions = {}, indexes = {}, triggers = {},
  }
end

local function add_column(found, row, enums)
  local generated = row.generated ~= nil and row.generated ~= "" and row.expression or nil
  local identity = row.identity ~= "" and row.identity or nil
  if row.expression and tokens.literal(row.expression) == "null" then row.expression = nil end
  local serial = row.expression ~= nil and row.expression:find("^nextval%(") ~= nil
  local column = {
    name = row.name, type = catalog.canonical_type(row.type), not_null = row.not_null,
    auto = identity ~= nil or serial, serial = serial, generated = generated,
    stored = generated and row.generated == "s" or nil,
    default = not generated and not serial and row.expression or nil, comment = row.comment, collate = row.collate,
    enum = row.enum_id and enums[row.enum_id] or nil,
  }
  found.columns[#found.columns + 1] = column
  found.by_name[row.name] = column
end

local function deferrable(row)
  if not row.can_defer then return nil end
  return row.deferred and "DEFERRABLE INITIALLY DEFERRED" or "DEFERRABLE INITIALLY IMMEDIATE"
end

local function add_constraint(found, row)
  local made = { name = row.name, columns = row.columns, deferrable = deferrable(row), definition = row.definition }
  if row.kind == "p" then
    found.primary = made
    for _, name in ipairs(row.columns) do
      if found.by_name[name] then found.by_name[name].primary = true end
    end
  elseif row.kind == "u" then
    table.insert(found.uniques, made)
  elseif row.kind == "c" then
    made.expression = row.expression
    table.insert(found.checks, made)
  elseif row.kind == "x" then
    table.insert(found.exclusions, made)
  else
    made.table, made.schema, made.keys = row.target, row.target_schema, row.keys
    made.on_delete, made.on_update = ACTIONS[row.on_delete], ACTIONS[row.on_update]
    table.insert(found.foreign_keys, made)
  end
end

local function value(v)
  if type(v) == "userdata" then return nil end
  return v
end

-- Bits of indoption: 1 is DESC, 2 is NULLS FIRST, which is what DESC means by itself.
local function index_field(given)
  local flags = value(given.flags) or 0
  local descends, nulls_first = flags % 2 == 1, flags >= 2
  local nulls
  if descends ~= nulls_first then nulls = nulls_first and "FIRST" or "LAST" end
  return {
    column = value(given.column), expression = value(given.expression), order = descends and "DESC" or nil,
    nulls = nulls, operator = value(given.operator), usual_operator = value(given.usual_operator),
    collate = given.collate ~= "default" and value(given.collate) or nil,
  }
end

local function add_index(found, row)
  local index = {
    name = row.name, unique = row.is_unique, valid = row.valid, method = row.method, where = row.predicate,
    definition = row.definition, fields = {},
  }
  for i, given in ipairs(row.fields) do
    if i <= row.keys then
      index.fields[i] = index_field(given)
    else
      index.include = index.include or {}
      table.insert(index.include, given.column)
    end
  end
  table.insert(found.indexes, index)
end

local function enums_of(rows)
  local by_id, list = {}, {}
  for _, row in ipairs(rows) do
    if row.id then
      local enum = {
        name = row.name, schema = row.schema, is_current = row.is_current, values = row.values or {},
        columns = row.columns,
      }
      by_id[row.id] = enum
      list[#list + 1] = enum
    end
  end
  return by_id, { enums = list, schema = rows[1].current, version = rows[1].version }
end

---Pictures of tables and views, and what is not part of one: enums, the current schema, the server's version.
---@param answers table<string, table[]> the rows of each statement
---@return rowan.TablePicture[] tables
---@return table known
function catalog.pictures(answers)
  local enums, known = enums_of(answers.enums)
  local tables, by_id = {}, {}
  for i, row in ipairs(answers.tables) do
    tables[i] = new_table(row)
    by_id[row.id] = tables[i]
  end
  -- Others may have made tables and columns between two statements.
  local function each(rows, add)
    for _, row in ipairs(rows) do
      local found = by_id[row.id]
      if found then add(found, row, enums) end
    end
  end
  each(answers.columns, add_column)
  each(answers.constraints, add_constraint)
  each(answers.indexes, add_index)
  each(answers.triggers, function(found, row)
    table.insert(found.triggers, { name = row.name, definition = row.definition })
  end)
  return tables, known
end

return catalog
