--- Reading the live schema: pictures of tables by the statements of the dialect's catalogue, a constant number of them
--- however many tables there are. Called by the query interface, by sync with `alter`, and by whatever looks at a schema.

local run = require("rowan.repo.run")
local untyped = require("rowan.types.untyped")

local introspect = {}

---@class rowan.TablePicture
---@field name string
---@field schema? string nil on SQLite
---@field is_current? boolean in the current schema
---@field kind "table"|"view"|"materialized view"
---@field comment? string
---@field definition? string of a view
---@field columns rowan.ColumnPicture[]
---@field by_name table<string, rowan.ColumnPicture> by small letters on SQLite
---@field primary? { name?: string, columns: string[] }
---@field uniques { name?: string, columns: string[], deferrable?: string }[]
---@field foreign_keys table[] name, columns, table, schema, keys, on_delete, on_update, deferrable
---@field checks { name?: string, expression: string }[]
---@field exclusions? table[]
---@field indexes rowan.IndexPicture[] without those that make a constraint
---@field triggers { name: string, definition: string }[]
---@field sql? string SQLite's own text
---@field parsed? rowan.sqlite.Table
---@field strict? boolean SQLite

---@class rowan.ColumnPicture
---@field name string
---@field type string in the catalogue's spelling
---@field not_null boolean
---@field default? string as SQL
---@field primary? boolean
---@field auto? boolean
---@field generated? string as SQL
---@field stored? boolean of a generated one
---@field comment? string
---@field collate? string
---@field enum? { name: string, schema: string, values: string[] }

---@class rowan.IndexPicture
---@field name string
---@field unique boolean
---@field method string
---@field fields { column?: string, expression?: string, order?: "DESC", nulls?: string, operator?: string, collate?: string }[]
---@field include? string[]
---@field where? string as SQL

local ORDER = { "objects", "tables", "columns", "constraints", "indexes", "triggers", "enums" }

local function list_of(values)
  local list = { n = #values }
  for i, item in ipairs(values) do list[i] = item end
  return list
end

local function new_plan(text, codes)
  return { text = text, codes = codes, loads = untyped }
end

---The rows of a statement of the catalogue.
---@async
---@param db table
---@param text string
---@param lists string[][] its list parameters
---@param options? table transaction, logging
---@return table[]
function introspect.rows(db, text, lists, options)
  local plan = db._plans:kept("catalog\31" .. text, new_plan, text, ("[s"):rep(#lists))
  local params = {}
  for i, values in ipairs(lists) do params[i] = list_of(values) end
  return (run.plan(db, plan, params, #lists, options))
end

---Pictures of tables and views in the order of the catalogue.
---@async
---@param db table
---@param names? string[] these tables; nil for all
---@param schemas? string[] the schema of each name ("" is the current one); without names, whole schemas
---@param options? table transaction, logging
---@return rowan.TablePicture[]
---@return { enums: table[], schema?: string, version?: integer } known
function introspect.tables(db, names, schemas, options)
  local catalog = db._dialect.catalog
  local answers, statements = {}, catalog.statements(names, schemas)
  for _, name in ipairs(ORDER) do
    local statement = statements[name]
    if statement then
      local lists = names and { names, schemas } or { schemas }
      local given = {}
      for i = 1, statement.lists do given[i] = lists[i] end
      answers[name] = introspect.rows(db, statement.text, given, options)
    end
  end
  return catalog.pictures(answers)
end

---The picture of one table or view; nil when there is none.
---@async
---@param db table
---@param name string
---@param schema? string the current one when not given
---@param options? table
---@return rowan.TablePicture?
---@return table known
function introspect.table(db, name, schema, options)
  local tables, known = introspect.tables(db, { name }, { schema or "" }, options)
  return tables[1], known
end

---The picture of a table that is still to come.
---@param at { name: string, schema?: string }
---@return rowan.TablePicture
function introspect.empty(at)
  return {
    name = at.name, schema = at.schema, kind = "table", columns = {}, by_name = {}, uniques = {}, foreign_keys = {},
    checks = {}, exclusions = {}, indexes = {}, triggers = {},
  }
end

---The name of the database; of SQLite the file, "" for one in memory.
---@async
---@param db table
---@param options? table
---@return string
function introspect.database(db, options)
  return introspect.rows(db, db._dialect.catalog.database, {}, options)[1].name
end

---Sets the search path for the rest of the transaction.
---@async
---@param db table
---@param path string a schema, or with `whole` the setting itself
---@param options table
---@param whole? boolean
---@return string before
function introspect.search_path(db, path, options, whole)
  local catalog = db._dialect.catalog
  local before = introspect.rows(db, catalog.search_path, {}, options)[1].path
  introspect.rows(db, catalog.set_search_path, { { whole and path or db._dialect.quote(path) } }, options)
  return before
end

return introspect
