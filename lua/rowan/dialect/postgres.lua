--- PostgreSQL 11 and newer.

local lazy = require("rowan.base.lazy")
local catalog = lazy(function() return require("rowan.dialect.postgres_catalog") end)
local operators = require("rowan.sql.operators")
local explain = lazy(function() return require("rowan.dialect.postgres_explain") end)
local quote = require("rowan.dialect.quote")
local types = require("rowan.dialect.postgres_types")

---@class rowan.Dialect
---@field cursors_are_shared? boolean a cursor needs no transaction, and is in nobody's way
---@field reading? string the type of a transaction that only reads
---@field emulated_truncate? table
---@field violated_keys? string
---@field collation? fun(type_of: rowan.Type): string?
local postgres = {
  name = "postgres",
  catalog = catalog,
  quote = quote,
  explain = explain,
  kept_as = types.kept_as,
  type_name = types.type_name,
  literal = types.literal,
  enum_name = types.enum_name,
  enum_owner = types.enum_owner,
  refuse = types.refuse,
  type_check = types.type_check,
  extension = types.extension,
  lists_as_text = types.lists_as_text,
  max_identifier = 63,
  supports = {
    ranges = true,
    text_search = true,
    instant_casts = true,
    nan = true,
    nulls_are_largest = true,
    copy = true,
    schemas = true,
    enum_types = true,
    identity = true,
    alter_constraints = true,
    comments = true,
    index_methods = true,
    concurrent_indexes = true,
    arrays = true,
    row_locks = true,
    strict_tables = false,
    virtual_columns = false,
    drop_cascade = true,
    drop_many = true,
    functions = true,
    -- The generated key of a plain INSERT comes by RETURNING.
    last_id = false,
    offset_needs_limit = false,
    lateral = true,
    distinct_on = true,
    aggregate_order = true,
    quantified = true,
    set_all = true,
    compound_parentheses = true,
    column_aliases = true,
    -- RETURNING can tell a row that was inserted from one that was updated.
    insert_mark = true,
    -- RETURNING may qualify columns by the alias of its table.
    returning_alias = true,
  },
  visitors = {},
}

-- Makes transactions that give the same text wait for each other until they end. SQLite has one writer at a time anyway.
-- Functions that take values of any type: text that is bound has to say that it is text.
postgres.takes_any = {}
for _, name in ipairs({
  "concat", "concat_ws", "format", "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
  "to_json", "to_jsonb", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "array_agg", "count",
  "pg_typeof", "quote_literal", "quote_nullable", "num_nulls", "num_nonnulls",
}) do
  postgres.takes_any[name] = true
end

postgres.advisory_lock = "SELECT CAST(pg_advisory_xact_lock(hashtextextended($1, 0)) AS TEXT)"

---The text that stands for parameter `slot`.
---@param slot integer
---@return string
function postgres.placeholder(slot)
  return "$" .. slot
end

---The statements of a cursor that gives the rows of a query a few at a time. It lives as long as its transaction.
---@param number integer
---@param query string
---@param rows integer a fetch
---@return { open: string, fetch: string, close: string }
function postgres.cursor(number, query, rows)
  local name = '"rowan_cursor_' .. number .. '"'
  return {
    open = "DECLARE " .. name .. " NO SCROLL CURSOR FOR " .. query,
    fetch = "FETCH FORWARD " .. rows .. " FROM " .. name,
    close = "CLOSE " .. name,
  }
end

---What a transaction that is only for a cursor says first: it will be read to its end, so no plan for the first rows.
postgres.cursor_settings = { "SET LOCAL cursor_tuple_fraction = 1" }

-- JSON has no equality of its own, JSONB has.
function postgres.visitors.column(w, item)
  if item.plain_json then w:put("CAST(") end
  w:column(item)
  if item.plain_json then w:put(" AS JSONB)") end
end

-- A row version that no transaction has locked or updated is a new row.
function postgres.visitors.inserted(w)
  w:put("(xmax = 0)")
end

function postgres.visitors.path(w, item)
  w:put("(")
  w:visit(item.value)
  if #item.steps == 0 then w:put(" #>> '{}'") end
  for i, step in ipairs(item.steps) do
    w:put(item.text and i == #item.steps and " ->> " or " -> ")
    w:put(type(step) == "number" and ("%d"):format(step) or types.string_literal(step))
  end
  w:put(")")
end

function postgres.visitors.over_list(w, item)
  w:visit(item.left)
  if item.operator == "has" then
    w:put(item.quantifier == "any" and " ?| " or " ?& ")
    return w:put(w.dialect.placeholder(item.slot))
  end
  -- The backslash escapes in LIKE ANY too, where the clause that says so cannot stand.
  w:put(" " .. operators.sql[item.operator].text .. (item.quantifier == "any" and " ANY (" or " ALL ("))
  w:put(w.dialect.placeholder(item.slot) .. ")")
end

function postgres.visitors.member(w, item)
  w:visit(item.value)
  if item.value.text_type then
    w:put((item.negated and " NOT IN" or " IN") .. " (SELECT u.c::" .. item.value.text_type .. " FROM unnest("
      .. w.dialect.placeholder(item.slot) .. "::text[]) AS u(c))")
    return
  end
  w:put(item.negated and " <> ALL (" or " = ANY (")
  w:put(w.dialect.placeholder(item.slot))
  w:put(")")
end

---List parameters as a table.
---@param w rowan.sql.Writer
---@param item rowan.sql.Node a lists or member_rows node
function postgres.lists(w, item)
  local arrays = {}
  for i, slot in ipairs(item.slots) do arrays[i] = "$" .. slot .. "::" .. item.type_names[i] .. "[]" end
  w:put("unnest(" .. table.concat(arrays, ", ") .. ")")
end

---The rows of an INSERT from one array parameter a column.
---@param w rowan.sql.Writer
---@param item rowan.sql.Node an insert_lists node
function postgres.select_lists(w, item)
  local names, values, arrays = {}, {}, {}
  for i = 1, #item.fields do
    local as_text = types.lists_as_text(item.types[i])
    names[i] = "c" .. i
    values[i] = "u.c" .. i .. (as_text and "::" .. item.type_names[i] or "")
    arrays[i] = "$" .. i .. "::" .. (as_text and "text" or item.type_names[i]) .. "[]"
  end
  w:put(" SELECT " .. table.concat(values, ", ") .. " FROM unnest(" .. table.concat(arrays, ", ") .. ") AS u("
    .. table.concat(names, ", ") .. ")")
end

local LEVELS = {
  ["READ UNCOMMITTED"] = true, ["READ COMMITTED"] = true, ["REPEATABLE READ"] = true, ["SERIALIZABLE"] = true,
}

---The statements that start a transaction.
---@param options { isolationLevel?: string, readOnly?: boolean, type?: string, foreignKeys?: boolean }
---@return string[]? texts
---@return string? problem what is wrong with the options
function postgres.begin(options)
  local text = "BEGIN"
  if options.type then return nil, "type is for SQLite; PostgreSQL has no transaction types" end
  if options.foreignKeys == false then return nil, "foreignKeys is for SQLite; PostgreSQL always checks them" end
  if options.isolationLevel then
    if not LEVELS[options.isolationLevel] then return nil, "isolationLevel is not known" end
    text = text .. " ISOLATION LEVEL " .. options.isolationLevel
  end
  if options.readOnly then text = text .. " READ ONLY" end
  return { text }
end

---The statements that undo what `begin` changed for the session; none.
---@return string[]
function postgres.after_transaction()
  return {}
end

return postgres
