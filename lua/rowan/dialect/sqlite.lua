--- SQLite 3.35 and newer.

local lazy = require("rowan.base.lazy")
local catalog = lazy(function() return require("rowan.dialect.sqlite_catalog") end)
local numbers = require("rowan.base.numbers")
local operators = require("rowan.sql.operators")
local explain = lazy(function() return require("rowan.dialect.sqlite_explain") end)
local quote = require("rowan.dialect.quote")
local types = require("rowan.dialect.sqlite_types")

---@type rowan.Dialect
local sqlite = {
  name = "sqlite",
  catalog = catalog,
  quote = quote,
  explain = explain,
  type_name = types.type_name,
  literal = types.literal,
  refuse = types.refuse,
  type_check = types.type_check,
  collation = types.collation,
  kept_as = types.kept_as,
  max_identifier = nil,
  supports = {
    ranges = false,
    text_search = false,
    instant_casts = false,
    nan = false,
    nulls_are_largest = false,
    copy = false,
    schemas = false,
    enum_types = false,
    identity = false,
    alter_constraints = false,
    comments = true,
    -- ... as part of the text of a table.
    written_comments = true,
    index_methods = false,
    concurrent_indexes = false,
    arrays = false,
    row_locks = false,
    strict_tables = true,
    virtual_columns = true,
    drop_cascade = false,
    drop_many = false,
    functions = false,
    -- The rowid of a plain INSERT is known without RETURNING.
    last_id = true,
    -- A statement that fails leaves the transaction as it was.
    failed_statements = true,
    offset_needs_limit = true,
    lateral = false,
    distinct_on = false,
    aggregate_order = false,
    quantified = false,
    set_all = false,
    compound_parentheses = false,
    column_aliases = false,
    insert_mark = false,
    returning_alias = false,
  },
  visitors = {},
}

---The text that stands for parameter `slot`.
---@param slot integer
---@return string
function sqlite.placeholder(slot)
  return "?" .. slot
end

---The statements of a cursor that gives the rows of a query a few at a time: the core steps the query and knows it by
---its number; the other two texts are for logs.
---@param number integer
---@param query string
---@param rows integer a fetch
---@return { open: string, fetch: string, close: string }
function sqlite.cursor(number, query, rows)
  return { open = query, fetch = "FETCH " .. rows .. " FROM " .. number, close = "CLOSE " .. number }
end

sqlite.cursor_settings = {}
-- A cursor does not get in the way of other statements on its connection, and needs no transaction.
sqlite.cursors_are_shared = true
-- The type of a transaction that only reads, and so must not take the lock of writers.
sqlite.reading = "DEFERRED"

-- rowan_rows is the core's table-valued function over list parameters: any element type, no text in between.
function sqlite.visitors.member(w, item)
  w:visit(item.value)
  w:put(item.negated and " NOT IN (SELECT c0 FROM rowan_rows(" or " IN (SELECT c0 FROM rowan_rows(")
  w:put(w.dialect.placeholder(item.slot))
  w:put("))")
end

function sqlite.visitors.constant(w, item)
  if item.value == nil then return w:put("NULL") end
  w:put(item.value and "1" or "0")
end

-- What is text in SQLite is compared by value through the core's collations.
local COLLATIONS = {
  n = " COLLATE ROWAN_DECIMAL", j = " COLLATE ROWAN_JSON", J = " COLLATE ROWAN_JSON", ARRAY = " COLLATE ROWAN_ARRAY",
  INTERVAL = " COLLATE ROWAN_INTERVAL", INET = " COLLATE ROWAN_ADDRESS", CIDR = " COLLATE ROWAN_ADDRESS",
}

function sqlite.visitors.column(w, item)
  w:column(item)
  w:put(item.decimal and COLLATIONS.n or item.compared and COLLATIONS[item.order] or "")
end

function sqlite.visitors.by_value(w, item)
  w:visit(item.value)
  w:put(COLLATIONS[item.code] or "")
end

-- The functions of the core that stand for operators which SQLite has not, or not with PostgreSQL's meaning.
local FUNCTIONS = {
  like = { "rowan_like" }, notLike = { "rowan_like", negated = true },
  iLike = { "rowan_ilike" }, notILike = { "rowan_ilike", negated = true },
  regexp = { "rowan_regexp" }, notRegexp = { "rowan_regexp", negated = true },
  iRegexp = { "rowan_iregexp" }, notIRegexp = { "rowan_iregexp", negated = true },
  contains = { "rowan_json_contains" }, contained = { "rowan_json_contains", swapped = true },
  overlap = { "rowan_json_overlap" }, has = { "rowan_json_has" },
}

local function operation(w, operator, left, right)
  local found = FUNCTIONS[operator]
  if not found then
    left()
    w:put(" " .. operators.sql[operator].text .. " ")
    return right()
  end
  if found.swapped then left, right = right, left end
  w:put((found.negated and "NOT " or "") .. found[1] .. "(")
  left()
  w:put(", ")
  right()
  w:put(")")
end

function sqlite.visitors.compare(w, item)
  operation(w, item.operator, function() w:visit(item.left) end, function() w:visit(item.right) end)
end

-- Three-valued as in PostgreSQL: unknown when the left side is NULL, but decided when the list is empty; not so for keys.
function sqlite.visitors.over_list(w, item)
  local any = item.quantifier == "any"
  if item.operator == "has" then
    w:put("CASE WHEN ")
    w:visit(item.left)
    w:put(" IS NOT NULL THEN ")
  end
  w:put("(SELECT CASE COUNT(*) WHEN 0 THEN " .. (any and "0 ELSE MAX(" or "1 ELSE MIN("))
  operation(w, item.operator, function() w:visit(item.left) end, function() w:put("list.c0") end)
  w:put(") END FROM rowan_rows(" .. w.dialect.placeholder(item.slot) .. ") AS list)")
  if item.operator == "has" then w:put(" END") end
end

-- SQLite finds a key by the text that stands in the document; any other key may be spelt in more than one way there.
local PLAIN_KEY = "^[%w_ %-%.,;:!?@#$%%&*()+=<>|~^{}%[%]'`]+$"

local function path_literal(steps, first, last)
  local pieces = { "$" }
  for i = first, last do
    local step = steps[i]
    pieces[#pieces + 1] = type(step) == "number" and ("[%d]"):format(step) or '."' .. step .. '"'
  end
  return types.string_literal(table.concat(pieces))
end

-- The document that the steps up to `stop` lead to, but for a last run of plain ones; where that run begins.
local function walk_path(w, item, stop)
  local last_odd
  for i = 1, stop do
    local step = item.steps[i]
    if type(step) == "string" and not step:find(PLAIN_KEY) then last_odd = i end
  end
  if not last_odd then
    w:visit(item.value)
    return 1
  end
  w:put("rowan_json_get(")
  local first = walk_path(w, item, last_odd - 1)
  if first < last_odd then w:put(" -> " .. path_literal(item.steps, first, last_odd - 1)) end
  w:put(", " .. types.string_literal(item.steps[last_odd]) .. ")")
  return last_odd + 1
end

function sqlite.visitors.path(w, item)
  local count = #item.steps
  local function document() return walk_path(w, item, count) end
  w:put("(")
  if not item.text then
    local first = document()
    if first <= count then w:put(" -> " .. path_literal(item.steps, first, count)) end
    return w:put(")")
  end
  w:put("CASE json_type(")
  local path = path_literal(item.steps, document(), count)
  w:put(", " .. path .. ") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(")
  document()
  w:put(" ->> " .. path .. " AS TEXT) END)")
end

-- Text as PostgreSQL writes truth is no number to SQLite.
local function truth(w, item)
  w:put("(CASE ")
  w:visit(item.value)
  w:put(" WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE CAST(")
  w:visit(item.value)
  w:put(" AS INTEGER) <> 0 END)")
end

-- A cast to a day or a time of day cuts it out of the text that stands for a moment.
local CUTS = { DATEONLY = "date(", TIME = "time(" }

function sqlite.visitors.cast(w, item)
  if item.key == "BOOLEAN" then return truth(w, item) end
  local cut = CUTS[item.key]
  w:put(cut or "CAST(")
  w:visit(item.value)
  w:put(cut and ")" or " AS " .. item.type_text .. ")")
end

function sqlite.visitors.decimal(w, item)
  w:put("CAST(")
  w:visit(item.value)
  w:put(" AS TEXT) COLLATE ROWAN_DECIMAL")
end

local PARTS = { "args", "value", "otherwise", "branches", "list", "pieces", "left", "right" }

-- Whether a value is made of a column with the given flag.
local function is_made_of(item, flag)
  if item.node == "column" then return item[flag] == true end
  for i = 1, #item do
    if type(item[i]) == "table" and is_made_of(item[i], flag) then return true end
  end
  for _, name in ipairs(PARTS) do
    local part = rawget(item, name)
    if type(part) == "table" and is_made_of(part, flag) then return true end
  end
  return false
end

local EXTREMES = { MIN = true, MAX = true }

-- How MIN and MAX order what they are given; a column of decimals says so itself.
local function order_within(item)
  if item.node == "column" then return not item.decimal and COLLATIONS[item.order] or nil end
  return is_made_of(item, "decimal") and COLLATIONS.n or nil
end

-- SUM would make doubles of decimals and fail on integers beyond 64 bits.
function sqlite.visitors.call(w, item)
  local name, first = item.name:upper(), item.args[1]
  local exact = name == "SUM" and first and (is_made_of(first, "decimal") or is_made_of(first, "wide"))
  w:put(exact and "ROWAN_SUM" or item.name)
  w:put(item.distinct and "(DISTINCT " or "(")
  w:list(item.args, ", ")
  w:put((EXTREMES[name] and #item.args == 1 and order_within(first) or "") .. ")")
end

-- SQLite's own sum leaves the integers where they end, and knows no decimals.
function sqlite.visitors.increased(w, item)
  local of = item.type
  local low, high
  if of.code == "i" or of.code == "I" then
    local plain = of.plain or {}
    low = plain.low and numbers.text(plain.low) or "-9223372036854775808"
    high = plain.high and numbers.text(plain.high) or "9223372036854775807"
  elseif of.code == "n" then
    low, high = of.precision or 0, of.scale or -1
  end
  if low then w:put(of.code == "n" and "rowan_add_decimal(" or "rowan_add_integer(") end
  w:visit(item.column)
  w:put(low and ", " or " + ")
  w:visit(item.by)
  if low then w:put((", %s, %s)"):format(low, high)) end
end

---List parameters as a table. `narrow`: only the columns that are used, where a plain SELECT * would give them all.
---@param w rowan.sql.Writer
---@param item rowan.sql.Node a lists or member_rows node
---@param narrow? boolean
function sqlite.lists(w, item, narrow)
  local columns, args = {}, {}
  for i, slot in ipairs(item.slots) do
    columns[i] = "c" .. (i - 1)
    args[i] = sqlite.placeholder(slot)
  end
  local rows = "rowan_rows(" .. table.concat(args, ", ") .. ")"
  w:put(narrow and "(SELECT " .. table.concat(columns, ", ") .. " FROM " .. rows .. ")" or rows)
end

---The rows of an INSERT from one list parameter a column.
---@param w rowan.sql.Writer
---@param item rowan.sql.Node an insert_lists node
function sqlite.select_lists(w, item)
  local columns, args = {}, {}
  for i = 1, #item.fields do
    columns[i] = "c" .. (i - 1)
    args[i] = sqlite.placeholder(i)
  end
  w:put(" SELECT " .. table.concat(columns, ", ") .. " FROM rowan_rows(" .. table.concat(args, ", ") .. ") WHERE 1")
end

---The columns of the first foreign key that keeps a transaction from being committed.
sqlite.violated_keys = [[SELECT c."table" AS name, l."from" AS "column"
  FROM (SELECT "table", fkid FROM pragma_foreign_key_check LIMIT 1) AS c
  JOIN pragma_foreign_key_list(c."table") AS l ON l.id = c.fkid ORDER BY l.seq]]

---What TRUNCATE does in other databases takes several statements here; nil where it does not.
sqlite.emulated_truncate = {
  -- Tables with a foreign key to one, but for itself.
  referencing = [[SELECT DISTINCT m.name FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
    WHERE m.type = 'table' AND lower(f."table") = lower(?1) AND lower(m.name) <> lower(?1) ORDER BY m.name]],
  -- The table of the last generated keys is there once any table has such keys.
  numbered = "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'",
  restart = "DELETE FROM sqlite_sequence WHERE lower(name) = lower(?1)",
}

local TYPES = { DEFERRED = { "BEGIN DEFERRED" }, IMMEDIATE = { "BEGIN IMMEDIATE" }, EXCLUSIVE = { "BEGIN EXCLUSIVE" } }
local NOTHING = {}
-- SQLite's transactions are serializable, which satisfies every weaker level as well.
local LEVELS = {
  ["READ UNCOMMITTED"] = true, ["READ COMMITTED"] = true, ["REPEATABLE READ"] = true, ["SERIALIZABLE"] = true,
}

---The statements that start a transaction. Writers take the lock at once (IMMEDIATE), so that no transaction fails
---half-way for having been a reader first.
---@param options { isolationLevel?: string, readOnly?: boolean, type?: string, foreignKeys?: boolean }
---@return string[]? texts or nil
---@return string? problem what is wrong with the options
function sqlite.begin(options)
  local kind = options.type or (options.readOnly and "DEFERRED" or "IMMEDIATE")
  if not TYPES[kind] then return nil, "type must be DEFERRED, IMMEDIATE or EXCLUSIVE" end
  if options.isolationLevel and not LEVELS[options.isolationLevel] then return nil, "isolationLevel is not known" end
  -- Inside of a transaction it would do nothing.
  if options.foreignKeys == false then return { "PRAGMA foreign_keys = 0", "BEGIN " .. kind } end
  if options.readOnly then return { "PRAGMA query_only = 1", "BEGIN " .. kind } end
  return TYPES[kind]
end

---The statements that undo what `begin` changed for the session.
---@param options { readOnly?: boolean, foreignKeys?: boolean }
---@return string[]
function sqlite.after_transaction(options)
  if options.foreignKeys == false then return { "PRAGMA foreign_keys = 1", "PRAGMA legacy_alter_table = 0" } end
  return options.readOnly and { "PRAGMA query_only = 0" } or NOTHING
end

return sqlite
