--- Where a live table differs from the one that a definition wants, as a list of changes with their reasons. Pure: what
--- two expressions mean is asked of `same`, because only the database knows. Called by repo/alter.

local schema_index = require("rowan.schema.index")
local tokens = require("rowan.sql.tokens")

local difference = {}

---@class rowan.SchemaChange
---@field kind string what is to be done: "add_column", "type", "drop_index", ...
---@field reason string in words, for people
---@field column? rowan.ColumnPicture
---@field was? table the live column, index or constraint
---@field becomes? table the wanted one

---@class rowan.Differ
---@field live rowan.TablePicture
---@field wanted rowan.TablePicture
---@field dialect rowan.Dialect
---@field schema? string the current one
---@field keep boolean leave what the definition does not know
---@field keep_indexes boolean leave indexes that the definition does not know, if they have names of their own
---@field same fun(live: string, wanted: string, type?: string): boolean

local function add(self, kind, reason, fields)
  fields.kind, fields.reason = kind, ("%s: %s"):format(self.wanted.name, reason)
  self.changes[#self.changes + 1] = fields
end

local function list_key(self, names)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = self.dialect.catalog.fold(name) end
  return table.concat(parts, "\31")
end

local function shown(names)
  return '"' .. table.concat(names, '", "') .. '"'
end

local function same_text(self, live, wanted, type_of)
  if live == nil or wanted == nil then return live == wanted end
  return self.same(live, wanted, type_of)
end

-- ---- columns -------------------------------------------------------------------------------------------------------

local function same_enum(self, live, wanted)
  return live ~= nil and live.name == wanted.name and live.schema == (wanted.schema or self.schema)
end

local function same_values(live, wanted)
  return table.concat(live, "\31") == table.concat(wanted, "\31")
end

local function type_change(self, was, column)
  local kept
  if column.enum or was.enum then
    kept = column.enum and same_enum(self, was.enum, column.enum) and (was.type:find("%[%]$") ~= nil) == column.array
  else
    kept = was.type == column.type or self.same("NULL::" .. was.type, "NULL::" .. column.type)
  end
  if kept then return false end
  add(self, "type", ('the column "%s" has the type %s, and wants %s'):format(column.name, was.type, column.type),
    { column = column, was = was })
  return true
end

-- The type as which two defaults are compared. An enum may be about to get the values of its new default.
local function compared_as(self, was, column)
  if not column.enum then return column.type end
  if not column.array or not was.enum then return "text" end
  return ("%s.%s[]"):format(self.dialect.quote(was.enum.schema), self.dialect.quote(was.enum.name))
end

local function default_change(self, was, column, retyped)
  if was.auto or column.auto then return end
  if not retyped and same_text(self, was.default, column.default, compared_as(self, was, column)) then return end
  if retyped and was.default == nil and column.default == nil then return end
  add(self, "default", ('the column "%s" has the default %s, and wants %s'):format(column.name, was.default or "NULL",
    column.default or "NULL"), { column = column, was = was })
end

-- What is computed anew when the column is made anew.
local function generated_change(self, was, column)
  if was.generated and column.generated and was.stored == column.stored and was.type == column.type
    and same_text(self, was.generated, column.generated) then
    return
  end
  add(self, "generated", ('the column "%s" is %s, and should be %s'):format(column.name,
    was.generated and "generated as " .. was.generated or "not generated",
    column.generated and "generated as " .. column.generated or "written"), { column = column, was = was })
end

-- The check that a column's type makes, known by its name.
local function check_change(self, was, column, retyped)
  local found
  for _, live in ipairs(self.live.checks) do
    -- A column of SQLite holds its check, which keeps its name when the table gets another.
    local held = live.column and self.dialect.catalog.fold(live.column) == self.dialect.catalog.fold(column.name)
    if live.name == column.check_name or held and live.name and live.name:find("_check$") then found = live end
  end
  if column.check then
    if found and same_text(self, found.expression, column.check.expression) then return end
  elseif not found or self.keep or self.dialect.supports.alter_constraints and not retyped then
    -- PostgreSQL gives checks written by hand names like these.
    return
  end
  local reason = ('the check of the column "%s" is %s, and should be %s'):format(column.name,
    found and found.expression or "missing", column.check and column.check.expression or "none")
  if found then add(self, "drop_check", reason, { column = column, was = found }) end
  if column.check then add(self, "add_check", reason, { column = column, was = was }) end
end

local function collate_change(self, was, column)
  local differs = (was.collate or ""):upper() ~= (column.collate or ""):upper()
  if self.dialect.supports.alter_constraints or not differs or self.keep and not column.collate then return end
  add(self, "collate", ('the column "%s" compares as %s, and should as %s'):format(column.name, was.collate or "bytes",
    column.collate or "bytes"), { column = column, was = was })
end

local function compare_column(self, was, column)
  if was.generated or column.generated then return generated_change(self, was, column) end
  local retyped = type_change(self, was, column)
  check_change(self, was, column, retyped)
  collate_change(self, was, column)
  default_change(self, was, column, retyped)
  if not column.primary and was.not_null ~= column.not_null then
    add(self, "null", ('the column "%s" %s'):format(column.name,
      column.not_null and "takes NULL, and must not" or "takes no NULL, and should"), { column = column, was = was })
  end
  if (was.auto or false) ~= (column.auto or false) then
    add(self, "auto", ('the column "%s" %s'):format(column.name,
      column.auto and "wants its values from the database" or "gets values from the database, and should not"),
      { column = column, was = was })
  end
end

local function compare_comment(self, was, column)
  local differs = (was and was.comment) ~= column.comment
  if not self.dialect.supports.comments or not differs or self.keep and not column.comment then return end
  -- A new column brings its own.
  if not was and self.dialect.supports.written_comments then return end
  add(self, "column_comment", ('the comment of the column "%s"'):format(column.name), { column = column, was = was })
end

local function compare_enums(self, column, enums)
  local there = column.enum and enums[(column.enum.schema or self.schema) .. "." .. column.enum.name]
  if column.enum and not there then
    add(self, "create_enum", ('the type "%s" is missing'):format(column.enum.name), { column = column })
  elseif column.enum and not column.enum.borrowed and not same_values(there.values, column.enum.values) then
    add(self, "enum", ('the values of "%s" are %s, and should be %s'):format(column.enum.name,
      table.concat(there.values, ", "), table.concat(column.enum.values, ", ")), { column = column, was = there })
  end
end

-- PostgreSQL changes no type of a column that another is computed of.
local function compute_anew(self, column, was)
  if not was or not was.generated or not column.generated or not self.dialect.supports.alter_constraints then return end
  for _, change in ipairs(self.changes) do
    if change.kind == "generated" and change.column == column then return end
  end
  for _, change in ipairs(self.changes) do
    if change.kind == "type" and tokens.mentions(was.generated, change.column.name) then
      add(self, "generated", ('the column "%s" is computed of "%s", whose type changes'):format(column.name,
        change.column.name), { column = column, was = was })
      return
    end
  end
end

local function compare_columns(self, enums)
  for _, column in ipairs(self.wanted.columns) do
    local was = self.live.by_name[self.dialect.catalog.fold(column.name)]
    compare_enums(self, column, enums)
    if was then
      compare_column(self, was, column)
    else
      add(self, "add_column", ('the column "%s" is missing'):format(column.name), { column = column })
    end
    compare_comment(self, was, column)
  end
  for _, column in ipairs(self.wanted.columns) do
    compute_anew(self, column, self.live.by_name[self.dialect.catalog.fold(column.name)])
  end
  if self.keep then return end
  for _, was in ipairs(self.live.columns) do
    if not self.wanted.by_name[self.dialect.catalog.fold(was.name)] then
      add(self, "drop_column", ('the column "%s" is not in the model'):format(was.name), { was = was, column = was })
    end
  end
end

-- ---- uniques and indexes --------------------------------------------------------------------------------------------

---The columns that a unique index holds apart; nil for one that is partial, over expressions or not valid.
---@param index table of repo/introspect
---@return string[]?
function difference.plain_columns(index)
  if index.where or not index.unique or index.valid == false then return nil end
  local names = {}
  for i, field in ipairs(index.fields) do
    if not field.column then return nil end
    names[i] = field.column
  end
  return names
end

local function same_operator(live, wanted)
  if wanted.operator == nil then return live.operator == nil or live.usual_operator == true end
  return live.operator == wanted.operator
end

local function same_field(self, live, wanted)
  if live.order ~= wanted.order or live.nulls or not same_operator(live, wanted) then return false end
  if (live.collate or ""):upper() ~= (wanted.collate or ""):upper() then return false end
  if wanted.column or live.column then
    return list_key(self, { live.column }) == list_key(self, { wanted.column })
  end
  return same_text(self, live.expression, wanted.expression)
end

local function same_index(self, live, wanted)
  if live.unique ~= wanted.unique or live.method ~= wanted.method or live.valid == false then return false end
  if list_key(self, live.include or {}) ~= list_key(self, wanted.include or {}) then return false end
  if #live.fields ~= #wanted.fields then return false end
  for i, field in ipairs(wanted.fields) do
    if not same_field(self, live.fields[i], field) then return false end
  end
  return same_text(self, live.where, wanted.where)
end

-- One of another name will do, unless that name is wanted for something else.
local function may_stand(self, live, wanted, taken)
  return not taken[live] and (live.name == wanted.name or not self.names[live.name or 0])
end

local function find_index(self, wanted, taken)
  local found
  for _, live in ipairs(self.live.indexes) do
    local fits = may_stand(self, live, wanted, taken) and same_index(self, live, wanted)
    if fits and (not found or live.name == wanted.name) then found = live end
  end
  return found
end

local function find_unique(self, columns, wanted, taken)
  local key = list_key(self, columns)
  for _, live in ipairs(self.live.uniques) do
    local fits = may_stand(self, live, wanted, taken) and not live.deferrable
    if fits and list_key(self, live.columns) == key then return live end
  end
end

local function find_unique_index(self, columns, wanted, taken)
  local key = list_key(self, columns)
  for _, live in ipairs(self.live.indexes) do
    local names = may_stand(self, live, wanted, taken) and difference.plain_columns(live)
    if names and list_key(self, names) == key then return live end
  end
end

-- Whether an index may be somebody else's: nobody gave it the name that a definition without one makes.
local function has_own_name(self, live)
  local columns = {}
  for i, field in ipairs(live.fields) do columns[i] = field.column or "" end
  local made_up = schema_index.made_up_name(self.live.name, columns, live.unique)
  return self.dialect.catalog.fold(live.name) ~= self.dialect.catalog.fold(made_up)
end

local function drop_unknown(self, list, kind, word, taken, names)
  for _, live in ipairs(list) do
    local kept = self.keep or kind == "drop_index" and self.keep_indexes and has_own_name(self, live)
    if not taken[live] and (not kept or names[live.name or 0]) then
      add(self, kind, ('the %s "%s" is not in the model'):format(word, live.name or table.concat(live.columns, ", ")),
        { was = live })
    end
  end
end

local function compare_uniques(self)
  local taken, names, adding = {}, {}, {}
  self.names = {}
  for _, list in ipairs({ self.wanted.uniques, self.wanted.indexes }) do
    for _, item in ipairs(list) do self.names[item.name] = true end
  end
  for _, unique in ipairs(self.wanted.uniques) do
    local live = find_unique(self, unique.columns, unique, taken)
      or find_unique_index(self, unique.columns, unique, taken)
    if live then taken[live] = true else adding[#adding + 1] = { "add_unique", unique } end
  end
  for _, index in ipairs(self.wanted.indexes) do
    local columns = difference.plain_columns(index)
    local live = find_index(self, index, taken) or columns and find_unique(self, columns, index, taken)
    if live then taken[live] = true else adding[#adding + 1] = { "create_index", index } end
  end
  for _, item in ipairs(adding) do names[item[2].name] = true end
  drop_unknown(self, self.live.uniques, "drop_unique", "unique constraint", taken, names)
  drop_unknown(self, self.live.indexes, "drop_index", "index", taken, names)
  for _, item in ipairs(adding) do
    local unique = item[1] == "add_unique"
    add(self, item[1], ('the %s "%s" is missing'):format(unique and "unique constraint" or "index", item[2].name),
      { becomes = item[2] })
  end
end

-- ---- keys -----------------------------------------------------------------------------------------------------------

local function immediate(word)
  return word == "DEFERRABLE" and "DEFERRABLE INITIALLY IMMEDIATE" or word
end

local function same_key(self, live, wanted)
  local schema = self.dialect.supports.schemas and (wanted.schema or self.schema) or nil
  return live.schema == schema and list_key(self, { live.table }) == list_key(self, { wanted.table })
    and list_key(self, live.columns) == list_key(self, wanted.columns)
    and list_key(self, live.keys) == list_key(self, wanted.keys)
    and live.on_delete == wanted.on_delete and live.on_update == wanted.on_update
    and immediate(live.deferrable) == immediate(wanted.deferrable)
end

local function compare_foreign_keys(self)
  local taken, missing, columns = {}, {}, {}
  for _, key in ipairs(self.wanted.foreign_keys) do
    local found
    for _, live in ipairs(self.live.foreign_keys) do
      if not taken[live] and same_key(self, live, key) then found = found or live end
    end
    if found then
      taken[found] = true
    else
      missing[#missing + 1] = key
      columns[list_key(self, key.columns)] = true
    end
  end
  for _, live in ipairs(self.live.foreign_keys) do
    if not taken[live] and (not self.keep or columns[list_key(self, live.columns)]) then
      add(self, "drop_foreign_key", ("the foreign key of %s to \"%s\" is not in the model, or is another there"):format(
        shown(live.columns), live.table), { was = live })
    end
  end
  for _, key in ipairs(missing) do
    add(self, "add_foreign_key", ('the foreign key of %s to "%s" is missing'):format(shown(key.columns), key.table),
      { becomes = key })
  end
end

local function compare_primary(self)
  local live, wanted = self.live.primary, self.wanted.primary
  if list_key(self, live and live.columns or {}) == list_key(self, wanted and wanted.columns or {}) then return end
  if self.keep and not wanted then return end
  add(self, "primary", ("the primary key is %s, and should be %s"):format(live and shown(live.columns) or "missing",
    wanted and shown(wanted.columns) or "none"), { was = live, becomes = wanted })
end

local function compare_table_comment(self)
  local live, wanted = self.live.comment, self.wanted.comment
  if not self.dialect.supports.comments or live == wanted or self.keep and not wanted then return end
  add(self, "comment", "its comment", { becomes = self.wanted })
end

---What must change so that the live table becomes the one wanted.
---@param live rowan.TablePicture
---@param wanted rowan.TablePicture
---@param context { dialect: rowan.Dialect, schema?: string, enums: table<string, table>, keep?: boolean, keep_indexes?: boolean, same: function }
---@return rowan.SchemaChange[]
function difference.changes(live, wanted, context)
  local self = {
    live = live, wanted = wanted, dialect = context.dialect, schema = context.schema, same = context.same,
    keep = context.keep or false, keep_indexes = context.keep_indexes or false, changes = {},
  }
  compare_columns(self, context.enums)
  compare_primary(self)
  compare_uniques(self)
  compare_foreign_keys(self)
  compare_table_comment(self)
  if self.wanted.strict ~= (self.live.strict or false) then
    local reason = self.wanted.strict and "it should be STRICT" or "it should not be STRICT"
    add(self, "strict", reason, { becomes = self.wanted })
  end
  return self.changes
end

return difference
