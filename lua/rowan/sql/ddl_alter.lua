--- ALTER TABLE and its like, as texts: what carries out the changes of schema/difference one by one, where the database
--- can change columns and constraints in place. Called by repo/alter.

local ddl = require("rowan.sql.ddl")
local ddl_index = require("rowan.sql.ddl_index")
local ddl_text = require("rowan.sql.ddl_text")
local ddl_types = require("rowan.sql.ddl_types")
local naming = require("rowan.base.naming")
local tokens = require("rowan.sql.tokens")

local alter = {}

local MAX_NAME = 63

---Names in parentheses.
---@param dialect rowan.Dialect
---@param columns string[]
---@return string
function alter.list(dialect, columns)
  local names = {}
  for i, name in ipairs(columns) do names[i] = dialect.quote(name) end
  return "(" .. table.concat(names, ", ") .. ")"
end

---@class rowan.AlterTarget where changes are carried out
---@field table string quoted
---@field schema? string of what belongs to the table
---@field def rowan.Definition
---@field dialect rowan.Dialect
---@field context rowan.DdlContext
---@field live rowan.TablePicture
---@field plain_context? rowan.DdlContext for columns without foreign keys
---@field version? integer of the server
---@field gone? table<table, boolean> what changes take away of the live table

local function on_column(to, change, text)
  return ("ALTER TABLE %s ALTER COLUMN %s %s"):format(to.table, to.dialect.quote(change.column.name), text)
end

local function drop_constraint(to, change)
  return { ("ALTER TABLE %s DROP CONSTRAINT %s"):format(to.table, to.dialect.quote(change.was.name)) }
end

-- The type of an enum that nothing else uses goes with its column.
local function drop_own_enum(to, was, texts)
  local enum = was.enum
  if enum and enum.columns == 1 then
    texts[#texts + 1] = "DROP TYPE " .. ddl_text.name(to.dialect, enum.name, enum.schema)
  end
  return texts
end

local function retype(to, change)
  local was, column = change.was, change.column
  local name, texts = to.dialect.quote(column.name), ddl_types.extensions({ column.attr }, to.dialect)
  local becomes = to.dialect.type_name(column.attr.type, column.attr, to.def)
  if was.default then texts[#texts + 1] = on_column(to, change, "DROP DEFAULT") end
  local array = column.type:find("%[%]$") and "[]" or ""
  local direct = not column.enum and not was.enum and to.dialect.catalog.casts(was.type, column.type)
  local over_text = direct and "" or "::text" .. array
  texts[#texts + 1] = on_column(to, change, ("TYPE %s USING %s%s::%s"):format(becomes, name, over_text, becomes))
  return drop_own_enum(to, was, texts)
end

local function comment_text(to, comment)
  return comment and ddl_text.literal(to.dialect, comment) or "NULL"
end

local function column_comment(to, column)
  return ("COMMENT ON COLUMN %s.%s IS %s"):format(to.table, to.dialect.quote(column.name),
    comment_text(to, column.comment))
end

local function new_column(to, column)
  return ("ALTER TABLE %s ADD COLUMN %s"):format(to.table, ddl.column(to.def, column.attr, to.dialect, to.context))
end

local function has(columns, name)
  for _, column in ipairs(columns or {}) do
    if column == name then return true end
  end
  return false
end

-- What hung on a column that was made anew, but for what goes anyway.
local function restore_on(to, name, gone, texts)
  local live = to.live
  for _, list in ipairs({ { live.primary }, live.uniques, live.checks, live.exclusions, live.foreign_keys }) do
    for _, item in ipairs(list) do
      if has(item.columns, name) and not gone[item] then
        texts[#texts + 1] = ("ALTER TABLE %s ADD CONSTRAINT %s %s"):format(to.table, to.dialect.quote(item.name),
          item.definition)
      end
    end
  end
  for _, index in ipairs(live.indexes) do
    if not gone[index] and tokens.mentions(index.definition, name) then
      texts[#texts + 1] = index.definition:gsub("INDEX", "INDEX IF NOT EXISTS", 1)
    end
  end
end

-- Computed values are no data: the column, which was dropped, is made anew, and what hung on it.
local function change_generated(to, change)
  local column, was = change.column, change.was
  if not column.generated then return { on_column(to, change, "DROP EXPRESSION") } end
  local texts = { new_column(to, column) }
  restore_on(to, column.name, to.gone or {}, texts)
  if was.comment and was.comment == column.comment then
    texts[#texts + 1] = column_comment(to, column)
  end
  return texts
end

local function values_list(dialect, values)
  local list = {}
  for i, value in ipairs(values) do list[i] = ddl_text.literal(dialect, value) end
  return table.concat(list, ", ")
end

-- The values to add where nothing else changes: { value, before } each; nil when values go or change places.
local function only_added(was, becomes)
  local added, at = {}, 1
  for _, value in ipairs(becomes) do
    if value == was[at] then at = at + 1 else added[#added + 1] = { value, was[at] } end
  end
  return at > #was and added or nil
end

-- A value cannot be used in the transaction that added it, so a default that is new asks for the longer way.
local function is_default(to, added)
  local set = {}
  for _, pair in ipairs(added) do set[pair[1]] = true end
  for _, attr in ipairs(to.def.list) do
    if attr.default_kind == "value" and set[attr.default] then return true end
  end
  return false
end

local function rebuild_enum(to, change, type_name)
  local old = naming.shorten(change.was.name .. "_old", MAX_NAME)
  local texts = {
    ("ALTER TYPE %s RENAME TO %s"):format(type_name, to.dialect.quote(old)),
    ("CREATE TYPE %s AS ENUM (%s)"):format(type_name, values_list(to.dialect, change.column.enum.values)),
  }
  for _, column in ipairs(to.live.columns) do
    if column.enum and column.enum.name == change.was.name and column.enum.schema == change.was.schema then
      local on, array = { column = column }, column.type:find("%[%]$") and "[]" or ""
      if column.default then texts[#texts + 1] = on_column(to, on, "DROP DEFAULT") end
      texts[#texts + 1] = on_column(to, on, ("TYPE %s USING %s::text%s::%s%s"):format(type_name .. array,
        to.dialect.quote(column.name), array, type_name, array))
      if column.default then
        texts[#texts + 1] = on_column(to, on, "SET DEFAULT " .. column.default)
      end
    end
  end
  texts[#texts + 1] = "DROP TYPE " .. ddl_text.name(to.dialect, old, change.was.schema)
  return texts
end

local function change_enum(to, change)
  local type_name = ddl_text.name(to.dialect, change.was.name, change.was.schema)
  local added = only_added(change.was.values, change.column.enum.values)
  if not added or to.version < 120000 or is_default(to, added) then return rebuild_enum(to, change, type_name) end
  local texts = {}
  for i, pair in ipairs(added) do
    texts[i] = ("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s"):format(type_name, ddl_text.literal(to.dialect, pair[1]))
      .. (pair[2] and " BEFORE " .. ddl_text.literal(to.dialect, pair[2]) or "")
  end
  return texts
end

local function change_auto(to, change)
  local was, name = change.was, change.column.name
  if not change.column.auto then
    return { on_column(to, change, was.serial and "DROP DEFAULT" or "DROP IDENTITY IF EXISTS") }
  end
  local texts = {}
  if was.default then texts[1] = on_column(to, change, "DROP DEFAULT") end
  if not was.not_null then texts[#texts + 1] = on_column(to, change, "SET NOT NULL") end
  texts[#texts + 1] = on_column(to, change, "ADD GENERATED BY DEFAULT AS IDENTITY")
  texts[#texts + 1] = ("SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max(%s), 0) + 1, false) FROM %s"):format(
    ddl_text.literal(to.dialect, to.table), ddl_text.literal(to.dialect, name), to.dialect.quote(name), to.table)
  return texts
end

local function change_primary(to, change)
  local texts = {}
  -- It may have gone with a column.
  if change.was then
    texts[1] = ("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s"):format(to.table, to.dialect.quote(change.was.name))
  end
  if change.becomes then
    local columns = alter.list(to.dialect, change.becomes.columns)
    texts[#texts + 1] = ("ALTER TABLE %s ADD PRIMARY KEY %s"):format(to.table, columns)
  end
  return texts
end

---UNIQUE as a constraint of the table.
---@param dialect rowan.Dialect
---@param unique { name: string, columns: string[] }
---@return string
function alter.unique_clause(dialect, unique)
  return ("CONSTRAINT %s UNIQUE %s"):format(dialect.quote(unique.name), alter.list(dialect, unique.columns))
end

local made_by = {
  create_enum = function(to, change) return { ddl_types.create_enum(to.def, change.column.attr, to.dialect) } end,
  enum = change_enum,
  type = retype,
  auto = change_auto,
  primary = change_primary,
  add_column = function(to, change)
    local texts = ddl_types.extensions({ change.column.attr }, to.dialect)
    texts[#texts + 1] = new_column(to, change.column)
    return texts
  end,
  drop_generated = function(to, change)
    return { ("ALTER TABLE %s DROP COLUMN %s"):format(to.table, to.dialect.quote(change.was.name)) }
  end,
  drop_column = function(to, change)
    local name = to.dialect.quote(change.was.name)
    local tail = change.cascade and " CASCADE" or ""
    return drop_own_enum(to, change.was, { ("ALTER TABLE %s DROP COLUMN %s%s"):format(to.table, name, tail) })
  end,
  default = function(to, change)
    local default = change.column.default
    return { on_column(to, change, default and "SET DEFAULT " .. default or "DROP DEFAULT") }
  end,
  null = function(to, change)
    return { on_column(to, change, change.column.not_null and "SET NOT NULL" or "DROP NOT NULL") }
  end,
  generated = change_generated,
  add_check = function(to, change)
    return { ("ALTER TABLE %s ADD %s"):format(to.table, ddl.type_check(to.def, change.column.attr, to.dialect)) }
  end,
  column_comment = function(to, change)
    return { column_comment(to, change.column) }
  end,
  comment = function(to, change)
    return { ("COMMENT ON TABLE %s IS %s"):format(to.table, comment_text(to, change.becomes.comment)) }
  end,
  drop_unique = drop_constraint,
  drop_check = drop_constraint,
  drop_foreign_key = drop_constraint,
  drop_index = function(to, change)
    return { "DROP INDEX " .. ddl_text.name(to.dialect, change.was.name, to.schema) }
  end,
  add_unique = function(to, change)
    return { ("ALTER TABLE %s ADD %s"):format(to.table, alter.unique_clause(to.dialect, change.becomes)) }
  end,
  create_index = function(to, change)
    return { ddl_index.create(to.def, change.becomes.index, to.dialect, to.context) }
  end,
  add_foreign_key = function(to, change)
    return ddl.foreign_key_statements(to.def, { change.becomes.key }, to.dialect)
  end,
}

---The statements of one change.
---@param change rowan.SchemaChange
---@param to rowan.AlterTarget
---@return string[]
function alter.statements(change, to)
  return made_by[change.kind](to, change)
end

---What keeps others from writing to a table while it is looked at and changed.
---@param quoted string
---@return string
function alter.lock(quoted)
  return "LOCK TABLE " .. quoted .. " IN ACCESS EXCLUSIVE MODE"
end

return alter
