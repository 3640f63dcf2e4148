--- SQLite 3.35 and newer.

local quote = require("rowan.dialect.quote")
local types = require("rowan.dialect.sqlite_types")

---@type rowan.Dialect
local sqlite = {
  name = "sqlite",
  quote = quote,
  type_name = types.type_name,
  literal = types.literal,
  refuse = types.refuse,
  type_check = types.type_check,
  collation = types.collation,
  max_identifier = nil,
  supports = {
    ilike = false,
    nan = false,
    nulls_are_largest = false,
    schemas = false,
    enum_types = false,
    identity = false,
    alter_constraints = false,
    comments = false,
    index_methods = false,
    arrays = false,
    row_locks = false,
    strict_tables = true,
    virtual_columns = true,
    drop_cascade = false,
    drop_many = false,
    -- The rowid of a plain INSERT is known without RETURNING.
    last_id = true,
    offset_needs_limit = true,
    lateral = false,
    distinct_on = false,
    quantified = false,
    set_all = false,
    compound_parentheses = false,
    column_aliases = false,
    insert_mark = false,
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

-- DECIMAL and JSON are text in SQLite, so they are compared by value through the core's collations.
function sqlite.visitors.column(w, item)
  w:column(item)
  if item.decimal then w:put(" COLLATE ROWAN_DECIMAL") end
  if item.document then w:put(" COLLATE ROWAN_JSON") end
end

function sqlite.visitors.decimal(w, item)
  w:put("CAST(")
  w:visit(item.value)
  w:put(" AS TEXT) COLLATE ROWAN_DECIMAL")
end

-- The column that is summed, also behind DISTINCT.
local function summed(item)
  local arg = item.name:upper() == "SUM" and item.args[1]
  if arg and arg.node == "call" and arg.name == "DISTINCT" then arg = arg.args[1] end
  return arg and arg.node == "column" and arg or nil
end

-- SUM would make doubles of decimals and fail on integers beyond 64 bits.
function sqlite.visitors.call(w, item)
  local column = summed(item)
  local exact = column and (column.decimal or column.wide)
  w:put(exact and "ROWAN_SUM" or item.name)
  w:put(item.distinct and "(DISTINCT " or "(")
  w:list(item.args, ", ")
  w:put(")")
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

local TYPES = { DEFERRED = true, IMMEDIATE = true, EXCLUSIVE = true }
-- SQLite's transactions are serializable, which satisfies every weaker level as well.
local LEVELS = {
  ["READ UNCOMMITTED"] = true, ["READ COMMITTED"] = true, ["REPEATABLE READ"] = true, ["SERIALIZABLE"] = true,
}

---The statements that start a transaction. Writers take the lock at once (IMMEDIATE), so that no transaction fails
---half-way for having been a reader first.
---@param options { isolationLevel?: string, readOnly?: boolean, type?: string }
---@return string[]? texts or nil
---@return string? problem what is wrong with the options
function sqlite.begin(options)
  local kind = options.type or (options.readOnly and "DEFERRED" or "IMMEDIATE")
  if not TYPES[kind] then return nil, "type must be DEFERRED, IMMEDIATE or EXCLUSIVE" end
  if options.isolationLevel and not LEVELS[options.isolationLevel] then return nil, "isolationLevel is not known" end
  if options.readOnly then return { "PRAGMA query_only = 1", "BEGIN " .. kind } end
  return { "BEGIN " .. kind }
end

---The statements that undo what `begin` changed for the session.
---@param options { readOnly?: boolean }
---@return string[]
function sqlite.after_transaction(options)
  return options.readOnly and { "PRAGMA query_only = 0" } or {}
end

return sqlite
