--- What a change of the schema would destroy, or cannot be done over: the question to the data for each kind of change.
--- Called by repo/alter before anything is sent.

local alter = require("rowan.sql.ddl_alter")
local ddl_text = require("rowan.sql.ddl_text")

local loss = {}

---@class rowan.LossQuestion
---@field text string gives one number, `n`
---@field say string what is lost, with %d for the number
---@field fatal? boolean not even with permission
---@field worse? rowan.LossQuestion for rows of which more is to be said

local function count(to, condition)
  return ("SELECT count(*) AS n FROM %s%s"):format(to.table, condition and " WHERE " .. condition or "")
end

---How many rows of a table point at another one.
---@param dialect rowan.Dialect
---@param live rowan.TablePicture
---@param columns string[] of the foreign key
---@return string
function loss.pointing(dialect, live, columns)
  local conditions = {}
  for i, name in ipairs(columns) do conditions[i] = dialect.quote(name) .. " IS NOT NULL" end
  return count({ table = dialect.quote(live.name) }, table.concat(conditions, " AND "))
end

local asks = {}

function asks.drop_column(change, to)
  if change.was.generated then return nil end
  local name = to.dialect.quote(change.was.name)
  return {
    text = count(to, name .. " IS NOT NULL"),
    say = ('%%d rows have a value in the column "%s"'):format(change.was.name),
  }
end

function asks.generated(change, to)
  return change.column.generated and asks.drop_column(change, to)
end

local WHOLE = { smallint = { -32768, 32767 }, integer = { -2147483648, 2147483647 }, bigint = {} }

-- Shorter text is only lost where it is too long, a whole number where it is too large.
local function narrowing_condition(change, name)
  local range = WHOLE[change.was.type] and WHOLE[change.column.type]
  if range and range[1] then return ("%s NOT BETWEEN %d AND %d"):format(name, range[1], range[2]) end
  local length = change.column.type:match("^character varying%((%d+)%)$")
  local was_text = change.was.type == "text" or change.was.type:find("^character varying")
  if length and was_text then return ("char_length(%s) > %s"):format(name, length) end
  return name .. " IS NOT NULL"
end

-- SQLite keeps truth values as numbers.
local TRUTH = "%s NOT IN (0, 1)"

-- A column of SQLite takes over anything: what has not the form that values of the new type have there could not be read any
-- more.
local KIND = [[CASE typeof({}) WHEN 'text' THEN CASE WHEN json_valid({}) THEN json_type({}) ELSE 'text' END
  WHEN 'real' THEN CASE WHEN {} = CAST({} AS INTEGER) THEN 'integer' ELSE 'real' END ELSE typeof({}) END]]
local DAY = "{} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' AND julianday({}) IS NOT NULL"
local FORMS = {
  INTEGER = KIND .. " = 'integer'", REAL = KIND .. " IN ('integer', 'real')",
  DECIMAL = KIND .. " IN ('integer', 'real')",
  DATE = DAY, DATEONLY = DAY, TIME = "{} GLOB '[0-9][0-9]:[0-9][0-9]*'", BLOB = "typeof({}) IN ('blob', 'text')",
}

local function unreadable(change, to)
  local column = change.column
  local kind = column.attr and FORMS[column.attr.type.key] and column.attr.type.key or column.type
  local form = not to.dialect.supports.alter_constraints and FORMS[kind]
  if not form then return nil end
  local name = to.dialect.quote(column.name)
  form = form:gsub("{}", function() return name end)
  return {
    text = count(to, ("%s IS NOT NULL AND NOT (%s)"):format(name, form)), fatal = true,
    say = ('%%d rows have a value in the column "%s" that is no %s'):format(column.name, kind),
  }
end

---How long a text may be by the check of its type.
---@param expression string
---@return integer? length nil for other checks
function loss.length(expression)
  return tonumber(expression:match("^length%(.+%) <= (%d+)$"))
end

local function is_text(type_name)
  local item = type_name:gsub("%[%]$", "")
  return item == "text" or item:find("^character varying") ~= nil
end

local function text_list(to, values)
  local list = {}
  for i, value in ipairs(values) do list[i] = ddl_text.literal(to.dialect, value) end
  return table.concat(list, ", ")
end

-- Text becomes values of an enum, where it is some.
local function strangers(change, to, name)
  local list = text_list(to, change.column.enum.values)
  local condition = change.was.type:find("%[%]$") and ("NOT array_remove(%s::text[], NULL) <@ ARRAY[%s]::text[]")
    or "%s::text NOT IN (%s)"
  return {
    text = count(to, condition:format(name, list)), fatal = true,
    say = ('%%d rows have a value in the column "%s" that its enum does not have'):format(change.column.name),
  }
end

function asks.type(change, to)
  local was, column = change.was, change.column
  if was.enum and is_text(column.type) then return nil end
  if not was.enum and not column.enum and to.dialect.catalog.widens(was.type, column.type) then return nil end
  local name = to.dialect.quote(column.name)
  if column.enum and not was.enum and is_text(was.type) then return strangers(change, to, name) end
  local numbers = was.type == "INTEGER" and column.type == "BOOLEAN"
  return {
    text = count(to, numbers and TRUTH:format(name) or narrowing_condition(change, name)),
    say = ('%%d rows have a value in the column "%s" that %s may not hold'):format(column.name, column.type),
    worse = unreadable(change, to),
  }
end

function asks.drop_check(change, to)
  local column = change.column
  local live = to.live.by_name[to.dialect.catalog.fold(column.name)]
  if not column.check and live and live.type == column.type then return unreadable(change, to) end
end

function asks.add_check(change, to)
  local column = change.column
  if column.type ~= change.was.type then return nil end
  return {
    text = count(to, "NOT (" .. column.check.expression .. ")"), fatal = not loss.length(column.check.expression),
    say = ('%%d rows have a value in the column "%s" that its type does not take (%s)'):format(column.name,
      (column.check.expression:gsub("%%", "%%%%"))),
  }
end

function asks.enum(change, to)
  local stays, gone = {}, {}
  for _, value in ipairs(change.column.enum.values) do stays[value] = true end
  for _, value in ipairs(change.was.values) do
    if not stays[value] then gone[#gone + 1] = ddl_text.literal(to.dialect, value) end
  end
  local was = to.live.by_name[change.column.name]
  if #gone == 0 or not was or not was.enum then return nil end
  local name, list = to.dialect.quote(change.column.name), table.concat(gone, ", ")
  local condition = was.type:find("%[%]$") and ("%s::text[] && ARRAY[%s]"):format(name, list)
    or ("%s::text IN (%s)"):format(name, list)
  return {
    text = count(to, condition), fatal = true,
    say = ('%%d rows have one of the values %s in the column "%s"'):format(list, change.column.name),
  }
end

function asks.null(change, to)
  if not change.column.not_null then return nil end
  return {
    text = count(to, to.dialect.quote(change.column.name) .. " IS NULL"), fatal = true,
    say = ('%%d rows have no value in the column "%s", which must not be NULL'):format(change.column.name),
  }
end

function asks.add_column(change, to)
  local column = change.column
  if column.auto or column.generated or not column.not_null or column.default then return nil end
  return {
    text = count(to), fatal = true,
    say = ('%%d rows would have no value in the new column "%s", which must not be NULL: give it a default')
      :format(column.name),
  }
end

local function duplicates(to, columns, what)
  local conditions = {}
  for i, name in ipairs(columns) do
    -- A column that is still to come holds nothing twice but NULL.
    if not to.live.by_name[to.dialect.catalog.fold(name)] then return nil end
    conditions[i] = to.dialect.quote(name) .. " IS NOT NULL"
  end
  local from = ("%s WHERE %s GROUP BY %s HAVING count(*) > 1"):format(to.table, table.concat(conditions, " AND "),
    alter.list(to.dialect, columns):sub(2, -2))
  return {
    text = "SELECT count(*) AS n FROM (SELECT 1 FROM " .. from .. ") AS d", fatal = true,
    say = ("%%d values of %s occur more than once, which %s forbids"):format(table.concat(columns, ", "), what),
  }
end

function asks.add_unique(change, to)
  return duplicates(to, change.becomes.columns, ('the unique constraint "%s"'):format(change.becomes.name))
end

function asks.create_index(change, to)
  local index, columns = change.becomes, {}
  if not index.unique or index.where then return nil end
  for i, field in ipairs(index.fields) do
    if not field.column then return nil end
    columns[i] = field.column
  end
  return duplicates(to, columns, ('the unique index "%s"'):format(index.name))
end

---The question that a change puts to the data; nil when it cannot lose anything.
---@param change rowan.SchemaChange
---@param to rowan.AlterTarget
---@return rowan.LossQuestion?
function loss.question(change, to)
  local ask = asks[change.kind]
  return ask and ask(change, to)
end

return loss
