--- The tables that a query of the builder reads, by alias: what a column's name means there. It looks like a model's
--- definition to query/where and query/expression, with attributes made when they are asked for: typed where a model or
--- a subquery is behind them, else of a type that takes what Lua has.

local errors = require("rowan.base.errors")
local name = require("rowan.query.name")
local suggest = require("rowan.base.suggest")

local namespace = {}

local KINDS = { string = true, number = true, boolean = true }

---The type of a column that nothing is known of.
namespace.ANY = {
  key = "ANY", code = "?",
  cast = function(value)
    if KINDS[type(value)] then return value end
    return nil, "must be a string, a number or a boolean where no model knows the type"
  end,
}

---@class rowan.query.Source
---@field alias string
---@field scope rowan.sql.Scope
---@field columns? { name: string, field: string, type: table, attr?: table }[] nil: not known

---What is a definition to those who walk conditions.
---@class rowan.query.Namespace
---@field name string
---@field sources rowan.query.Source[]
---@field list { name: string }[] columns of all sources, for messages
---@field aliases? table<string, any> of results
---@field dialect rowan.Dialect
---@field model? table what is a model to the walk of an order
---@field results_first? boolean names are looked for among results before sources
---@field outer? table what is around the query: { namespace = } or { model =, scope = }, and next

-- A column without a table in front of it.
local BARE = {}

local function raise(message)
  errors.raise("QueryError", { message = message })
end

local function attribute(as, field, scope, column)
  local alias = scope.alias
  return {
    name = as, field = field, scope = scope, position = as, type = column and column.type or namespace.ANY,
    definition = column and column.attr and column.attr.definition,
    token = "c" .. (alias and name.token(alias) or "") .. "." .. name.token(field),
  }
end

local function column_of(source, column_name)
  for _, column in ipairs(source.columns) do
    if column.name == column_name then return column end
  end
  return nil
end

local function source_of(self, alias)
  for _, source in ipairs(self.sources) do
    if source.alias == alias then return source end
  end
  return nil
end

local function no_column(source, column_name)
  local names = {}
  for i, column in ipairs(source.columns) do names[i] = column.name end
  raise(suggest.unknown(source.alias .. " has no column", column_name, names))
end

local function qualified(source, as, column_name)
  if not source.columns then return attribute(as, column_name, source.scope) end
  local column = column_of(source, column_name)
  if not column then no_column(source, column_name) end
  return attribute(as, column.field, source.scope, column)
end

-- A name without a table: of the one source that is known to have it; bare where one might have it.
local function unqualified(self, column_name)
  local found, open
  for _, source in ipairs(self.sources) do
    local column = source.columns and column_of(source, column_name)
    if column and found then
      raise(("%q is in %s and in %s; write which is meant"):format(column_name, found.alias, source.alias))
    end
    if column then found = source end
    open = open or not source.columns
  end
  if not found then return open and attribute(column_name, column_name, BARE) or nil end
  local made = qualified(found, column_name, column_name)
  if #self.sources == 1 then
    made.scope, made.token = BARE, "c." .. name.token(made.field)
  end
  return made
end

local function from_model(level, qualifier, column_name)
  local def = level.model.definition
  if qualifier ~= level.model.name then return nil end
  local attr = def.by_name[column_name]
  if not attr or attr.virtual then return nil end
  local made = attribute(attr.label, attr.field, level.scope or BARE, { type = attr.type, attr = attr })
  made.token = "o" .. name.token(def.name) .. attr.token
  return made
end

---The column "table.column" of what is around a query.
---@param outer? table
---@param as string
---@return table? attr
function namespace.outside(outer, as)
  local parsed = name.read(as)
  if not outer or not parsed or #parsed.parts ~= 2 or parsed.star or parsed.alias then return nil end
  local qualifier, column_name = parsed.parts[1], parsed.parts[2]
  while outer do
    if outer.model then
      local made = from_model(outer, qualifier, column_name)
      if made then return made end
    else
      local source = source_of(outer.namespace, qualifier)
      if source then return qualified(source, as, column_name) end
    end
    outer = outer.next
  end
  return nil
end

local function find(self, as)
  local parsed = name.read(as)
  if not parsed or parsed.star or parsed.alias or #parsed.parts > 2 then return nil end
  if #parsed.parts == 1 then
    local result = self.aliases[parsed.parts[1]]
    if result and self.results_first then return result end
    return unqualified(self, parsed.parts[1]) or result
  end
  local source = source_of(self, parsed.parts[1])
  if source then return qualified(source, as, parsed.parts[2]) end
  return namespace.outside(self.outer, as)
end

-- by_name looks each name up once.
local BY_NAME = {}

function BY_NAME.__index(by_name, as)
  if type(as) ~= "string" then return nil end
  local made = find(by_name[BY_NAME], as)
  by_name[as] = made
  return made
end

-- What names mean has changed.
local function forget(self)
  self.by_name = setmetatable({ [BY_NAME] = self }, BY_NAME)
end

---A namespace without tables yet.
---@param dialect rowan.Dialect
---@param outer? table
---@return rowan.query.Namespace
function namespace.new(dialect, outer)
  local self = {
    name = "the query", dialect = dialect, sources = {}, outer = outer, list = {}, aliases = {},
  }
  -- Paths of associations lead nowhere from here.
  self.model = { name = "the query", definition = self, associations = {}, association_order = {} }
  forget(self)
  return self
end

---Takes in one more table. Its alias must be new.
---@param self rowan.query.Namespace
---@param source rowan.query.Source
function namespace.add(self, source)
  if source_of(self, source.alias) then
    raise(("two tables of the query are called %s; give one of them another name: \"table as name\"")
      :format(source.alias))
  end
  self.sources[#self.sources + 1] = source
  forget(self)
  for _, column in ipairs(source.columns or {}) do
    self.list[#self.list + 1] = { name = source.alias .. "." .. column.name }
  end
end

---From here on names that no table has mean columns of the result: in GROUP BY; with `first` they come first: in ORDER BY.
---@param self rowan.query.Namespace
---@param output { key: string, type?: table }[]
---@param first? boolean
function namespace.results(self, output, first)
  for _, column in ipairs(output) do
    local as = column.key
    if as then self.aliases[as] = attribute(as, as, BARE, { type = column.type or namespace.ANY }) end
  end
  self.results_first = first
  forget(self)
end

---The attributes of a table whose columns are known, each with `column`, its name there.
---@param self rowan.query.Namespace
---@param source rowan.query.Source
---@return table[]
function namespace.attributes(self, source)
  local list = {}
  for i, column in ipairs(source.columns) do
    local scope = #self.sources == 1 and BARE or source.scope
    list[i] = attribute(column.name, column.field, scope, column)
    list[i].column = column.name
  end
  return list
end

---The columns of a model as a source has them.
---@param model rowan.Model
---@return table[]
function namespace.columns_of(model)
  local columns = {}
  for _, attr in ipairs(model.definition.list) do
    if not attr.virtual then
      local type_of = attr.type
      columns[#columns + 1] = {
        name = attr.label, field = attr.field, type = type_of, attr = attr, code = type_of.code, scale = type_of.scale,
        load = type_of.load,
      }
    end
  end
  return columns
end

---Raises for a name that means nothing in a query.
---@param self rowan.query.Namespace
---@param as any
function namespace.refuse(self, as)
  local parsed = name.need(as, "the query", 2)
  if #parsed.parts == 2 and not parsed.alias and not parsed.star then namespace.source(self, parsed.parts[1]) end
  local names = {}
  for i, known in ipairs(self.list) do names[i] = known.name end
  raise(suggest.unknown("the query has no column", tostring(as), names))
end

---The table called `alias`, or an error that names those there are.
---@param self rowan.query.Namespace
---@param alias string
---@return rowan.query.Source
function namespace.source(self, alias)
  local found = source_of(self, alias)
  if found then return found end
  local names = {}
  for i, source in ipairs(self.sources) do names[i] = source.alias end
  raise(suggest.unknown("the query has no table", alias, names))
end

return namespace
