--- What the query interface shows of the live schema, in Sequelize's words: plain tables out of repo/introspect. Methods
--- of model/query_interface. Each looks at whole tables, by the same statements: six over pg_class and what it leads to,
--- two over sqlite_master.

local args = require("rowan.model.query_args")
local errors = require("rowan.base.errors")
local introspect = require("rowan.repo.introspect")
local schema = require("rowan.repo.schema")
local tokens = require("rowan.sql.tokens")

---@class rowan.QueryInterface
local looks = {}

local function live_of(self, at, options, what)
  options = args.options(options, what)
  return schema.live(self.db, args.table(self.db, at, options, what), options)
end

local function default_of(column)
  if not column.default then return nil end
  return tokens.literal(column.default) or column.default
end

local function sole_uniques(live, fold)
  local set = {}
  for _, unique in ipairs(live.uniques) do
    if #unique.columns == 1 then set[fold(unique.columns[1])] = true end
  end
  for _, index in ipairs(live.indexes) do
    local field = index.unique and not index.where and #index.fields == 1 and index.fields[1].column
    if field then set[fold(field)] = true end
  end
  return set
end

-- The values of an enum: of its type, or those that SQLite's check of the column lists.
local function enum_values(live, column)
  if column.enum then return column.enum.values end
  for _, check in ipairs(live.checks) do
    local found = check.column == column.name and tokens.listed(check.expression, column.name)
    if found then return found end
  end
  return {}
end

---The columns of a table or view by name. Raises QueryError when there is none.
---
---    db:queryInterface():describeTable("Users").name.type --> "CHARACTER VARYING(255)"
---@async
---@param at string|{ tableName: string, schema?: string }|rowan.Model its name, { tableName =, schema = }, or a model
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return table<string, table> columns type, allowNull, defaultValue, primaryKey, autoIncrement, unique, comment, special (the values of an enum, else empty), generated
function looks:describeTable(at, options)
  if type(options) == "string" then options = { schema = options } end
  local live = live_of(self, at, options, "describeTable")
  local fold = self.db._dialect.catalog.fold
  local unique, columns = sole_uniques(live, fold), {}
  for _, column in ipairs(live.columns) do
    columns[column.name] = {
      type = column.enum and "USER-DEFINED" or column.type:upper(), allowNull = not column.not_null and not column.auto,
      defaultValue = default_of(column), primaryKey = column.primary or false, autoIncrement = column.auto or false,
      unique = unique[fold(column.name)] or false, comment = column.comment,
      special = enum_values(live, column), generated = column.generated,
    }
  end
  return columns
end

---The tables of a schema, sorted by name.
---
---    qi:listTables()[1].tableName    --> "posts"
---@async
---@param options? { schema?: string, transaction?: any, logging?: any } schema: the current one when not given
---@return { tableName: string, schema?: string }[]
function looks:listTables(options)
  options = args.options(options, "listTables")
  local list = {}
  for _, live in ipairs((introspect.tables(self.db, nil, { options.schema or "" }, options))) do
    if live.kind == "table" then list[#list + 1] = { tableName = live.name, schema = live.schema } end
  end
  table.sort(list, function(a, b) return a.tableName < b.tableName end)
  return list
end

---The names of the tables of a schema.
---
---    qi:showAllTables()    --> { "posts", "users" }
---@async
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return string[]
function looks:showAllTables(options)
  local names = {}
  for i, item in ipairs(self:listTables(options)) do names[i] = item.tableName end
  return names
end

---Whether there is a table or view of that name.
---
---    qi:tableExists("users")    --> true
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return boolean
function looks:tableExists(at, options)
  options = args.options(options, "tableExists")
  local name = args.table(self.db, at, options, "tableExists")
  return introspect.table(self.db, name.name, name.schema, options) ~= nil
end

local function plain_fields(columns)
  local fields = {}
  for i, name in ipairs(columns) do fields[i] = { attribute = name, order = "ASC" } end
  return fields
end

local function shown_index(index, live)
  local fields = {}
  for i, field in ipairs(index.fields) do
    fields[i] = {
      attribute = field.column, expression = field.expression, order = field.order or "ASC", collate = field.collate,
      operator = not field.usual_operator and field.operator or nil,
    }
  end
  return {
    name = index.name, tableName = live.name, primary = false, unique = index.unique, fields = fields,
    type = index.method, where = index.where, includes = index.include, definition = index.definition or index.sql,
  }
end

---The indexes of a table, with those that make its constraints. Raises QueryError when there is no such table.
---
---    qi:showIndexes("users")[1].name    --> "users_email_index"
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return { name: string, tableName: string, primary: boolean, unique: boolean, fields: table[], type: string, where?: string, includes?: string[], constraint?: boolean }[]
function looks:showIndexes(at, options)
  local live = live_of(self, at, options, "showIndexes")
  local list = {}
  for i, index in ipairs(live.indexes) do list[i] = shown_index(index, live) end
  for _, unique in ipairs(live.uniques) do
    list[#list + 1] = {
      name = unique.shown or unique.name, tableName = live.name, primary = false, unique = true,
      fields = plain_fields(unique.columns), type = "btree", constraint = true,
    }
  end
  if live.primary then
    list[#list + 1] = {
      name = live.primary.shown or live.primary.name, tableName = live.name, primary = true, unique = true,
      fields = plain_fields(live.primary.columns), type = "btree", constraint = true,
    }
  end
  return list
end
looks.showIndex = looks.showIndexes

local function deferral(word)
  if not word then return "INITIALLY_IMMEDIATE" end
  return word:find("INITIALLY DEFERRED") and "INITIALLY_DEFERRED" or "INITIALLY_IMMEDIATE"
end

-- PostgreSQL says which columns a check looks at; of SQLite's, its text does.
local function columns_of(live, item, fold)
  if item.columns or not item.expression then return item.columns end
  local columns = {}
  for _, column in ipairs(live.columns) do
    if tokens.mentions(item.expression, column.name, fold) then columns[#columns + 1] = column.name end
  end
  return columns
end

local function shown_constraint(live, kind, item, fold)
  return {
    constraintName = item.shown or item.name, constraintType = kind, tableName = live.name, tableSchema = live.schema,
    constraintSchema = live.schema, columnNames = columns_of(live, item, fold), definition = item.expression,
    referencedTableName = item.table, referencedTableSchema = item.table and item.schema,
    referencedColumnNames = item.keys, deleteAction = item.on_delete, updateAction = item.on_update,
    deferrable = kind ~= "CHECK" and deferral(item.deferrable) or nil,
  }
end

local FILTERS = { columnName = true, constraintName = true, constraintType = true }

local function passes(shown, options)
  if options.constraintName and shown.constraintName ~= options.constraintName then return false end
  if options.constraintType and shown.constraintType ~= options.constraintType then return false end
  if not options.columnName then return true end
  for _, name in ipairs(shown.columnNames or {}) do
    if name == options.columnName then return true end
  end
  return false
end

---The constraints of a table: PRIMARY KEY, UNIQUE, FOREIGN KEY, CHECK, EXCLUDE.
---Raises QueryError when there is no such table.
---
---    qi:showConstraints("posts", { constraintType = "FOREIGN KEY" })[1].columnNames[1]    --> "user_id"
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? { columnName?: string, constraintName?: string, constraintType?: string, schema?: string, transaction?: any, logging?: any }
---@return table[] constraints constraintName, constraintType, columnNames, definition, referencedTableName, referencedColumnNames, deleteAction, updateAction, deferrable
function looks:showConstraints(at, options)
  options = args.options(options, "showConstraints", FILTERS)
  local live = schema.live(self.db, args.table(self.db, at, options, "showConstraints"), options)
  local list = {}
  local function add(kind, items)
    for _, item in ipairs(items or {}) do
      local shown = shown_constraint(live, kind, item, self.db._dialect.catalog.fold)
      if passes(shown, options) then list[#list + 1] = shown end
    end
  end
  add("PRIMARY KEY", { live.primary })
  add("UNIQUE", live.uniques)
  add("FOREIGN KEY", live.foreign_keys)
  add("CHECK", live.checks)
  add("EXCLUDE", live.exclusions)
  return list
end

---The foreign keys of a table, as showConstraints gives them. Raises QueryError when there is no such table.
---
---    qi:getForeignKeys("posts")[1].referencedTableName    --> "users"
---@async
---@param at string|table its name, { tableName =, schema = }, or a model
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return table[]
function looks:getForeignKeys(at, options)
  options = args.options(options, "getForeignKeys")
  return self:showConstraints(at, {
    constraintType = "FOREIGN KEY", schema = options.schema, transaction = options.transaction,
    logging = options.logging,
  })
end

local function names_by(self, what, options)
  local text = self.db._dialect.catalog[what]
  if not text then
    errors.raise("QueryError", { message = ("queryInterface: %s has no %s"):format(self.db.dialect, what) })
  end
  local names = {}
  for i, row in ipairs(introspect.rows(self.db, text, {}, options)) do names[i] = row.name end
  return names
end

---The schemas that are not the system's (PostgreSQL). Raises QueryError on SQLite.
---
---    qi:listSchemas()
---    -- SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname COLLATE "C"
---@async
---@param options? { transaction?: any, logging?: any }
---@return string[]
function looks:listSchemas(options)
  return names_by(self, "schemas", args.options(options, "listSchemas"))
end
looks.showAllSchemas = looks.listSchemas

---The databases of the server (PostgreSQL). Raises QueryError on SQLite.
---
---    qi:listDatabases()
---    -- SELECT datname::text AS name FROM pg_database WHERE NOT datistemplate ORDER BY datname COLLATE "C"
---@async
---@param options? { transaction?: any, logging?: any }
---@return string[]
function looks:listDatabases(options)
  return names_by(self, "databases", args.options(options, "listDatabases"))
end

---The enum types of a schema; of SQLite none.
---
---    qi:listEnums()[1].values    --> { "user", "admin" }
---@async
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return { name: string, schema: string, values: string[] }[]
function looks:listEnums(options)
  options = args.options(options, "listEnums")
  local _, known = introspect.tables(self.db, {}, {}, options)
  local list = {}
  for _, enum in ipairs(known.enums) do
    local here = enum.is_current
    if options.schema then here = enum.schema == options.schema end
    if here then list[#list + 1] = { name = enum.name, schema = enum.schema, values = enum.values } end
  end
  return list
end

---The enum types that a table uses, or all of a schema; of SQLite none. Raises QueryError when there is no such table.
---
---    qi:pgListEnums("users", "role")[1].values    --> { "user", "admin" }
---@async
---@param at? string|table its name, { tableName =, schema = }, or a model
---@param attribute? string the column alone
---@param options? { schema?: string, transaction?: any, logging?: any }
---@return { name: string, schema: string, values: string[] }[]
function looks:pgListEnums(at, attribute, options)
  if at == nil then return self:listEnums(options) end
  local list = {}
  for _, column in ipairs(live_of(self, at, options, "pgListEnums").columns) do
    local enum = column.enum
    if enum and (attribute == nil or attribute == column.name) then
      list[#list + 1] = { name = enum.name, schema = enum.schema, values = enum.values }
    end
  end
  return list
end

---The version of the server, or of SQLite: "15.4". Raises ConnectionError when there is no server.
---
---    qi:fetchDatabaseVersion()    -- SELECT current_setting('server_version') AS version
---@async
---@param options? { transaction?: any, logging?: any }
---@return string
function looks:fetchDatabaseVersion(options)
  options = args.options(options, "fetchDatabaseVersion")
  return introspect.rows(self.db, self.db._dialect.catalog.version, {}, options)[1].version:match("^%S+")
end

return looks
