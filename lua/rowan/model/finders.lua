--- The finders of models: what reads rows. Each checks its options and hands on to repo/read.

local arguments = require("rowan.base.check")
local aggregate = require("rowan.repo.aggregate")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local finder_options = require("rowan.query.options")
local query = require("rowan.model.query")
local read = require("rowan.repo.read")

---@class rowan.Model
local Finders = {}

local NO_OPTIONS = {}
local check, check_aggregate = finder_options.check, finder_options.check_aggregate

-- The option of the model stands in for that of the call.
local function reject_empty(model, options)
  local reject = model.definition.options.rejectOnEmpty
  if reject and (options == nil or options.rejectOnEmpty == nil) then
    read.reject_empty(model, { rejectOnEmpty = reject })
  end
end

local function all(model, options)
  local rows = read.all(model, options)
  if rows[1] == nil and not options.explain then reject_empty(model, options) end
  return rows
end

local function one(model, options)
  local row = read.one(model, options)
  if row == nil then reject_empty(model, options) end
  return row
end

local function by_key(model, key, options)
  local row = read.by_key(model, key, options)
  if row == nil then reject_empty(model, options) end
  return row
end

---All rows that match. With `group` or `having` the rows are groups, which hold nothing but what was asked for.
---Raises QueryError for an unknown name or option, EmptyResultError with `rejectOnEmpty`.
---
---    User:findAll{ where = { age = { [Op.gte] = 18 } }, order = { { "name", "DESC" } }, limit = 10 }
---    -- SELECT "id", "name", ... FROM "users" WHERE "age" >= $1 ORDER BY "name" DESC LIMIT $2
---@async
---@param options? rowan.FinderOptions
---@return rowan.Row[] rows # with `plain` the first one, or nil; with `explain` a rowan.Explained
function Finders:findAll(options)
  arguments.colon(self, "definition", "Model:findAll")
  if options == nil then return all(self, NO_OPTIONS) end
  check(self, options, "finder", "findAll")
  if options.plain then return one(self, options) end
  return all(self, options)
end

---The first row that matches, or nil. Without `order` the first by primary key.
---Raises as findAll, and QueryError for a `limit` other than 1.
---
---    User:findOne{ where = { name = "Ann" } }
---    -- SELECT "id", "name", ... FROM "users" WHERE "name" = $1 ORDER BY "id" ASC LIMIT $2
---@async
---@param options? rowan.FinderOptions
---@return rowan.Row?
function Finders:findOne(options)
  arguments.colon(self, "definition", "Model:findOne")
  if options == nil then return one(self, NO_OPTIONS) end
  check(self, options, "finder", "findOne")
  if options.limit ~= nil and options.limit ~= 1 then
    errors.raise("QueryError", { message = self.name .. ":findOne: limit is 1; findAll gives more rows" })
  end
  return one(self, options)
end

local function plain_lookup(options)
  for key in next, options do
    if key ~= "transaction" and key ~= "logging" and key ~= "benchmark" and key ~= "raw"
      and key ~= "rejectOnEmpty" then
      return false
    end
  end
  return true
end

---The row with a primary key (a table by attribute name when it is composite), or nil.
---Raises QueryError for a key that lacks an attribute, ValidationError for one that does not fit its type.
---
---    User:findByPk(7)      -- SELECT "id", "name", ... FROM "users" WHERE "id" = $1
---@async
---@param key any the value of the primary key, or a table by attribute
---@param options? rowan.FinderOptions but for limit and offset
---@return rowan.Row?
function Finders:findByPk(key, options)
  arguments.colon(self, "definition", "Model:findByPk")
  if options == nil then return by_key(self, key) end
  check(self, options, "finder", "findByPk")
  if plain_lookup(options) then return by_key(self, key, options) end
  local condition, finder = read.key_condition(self, key), {}
  for name, value in next, options do finder[name] = value end
  local own = options.where
  finder.where = (own == nil or own == everything) and condition or expression.and_(condition, own)
  return one(self, finder)
end

---A page of rows and the number of all rows that match, counting each row once whatever is included. Raises as findAll.
---
---    local page = User:findAndCountAll{ limit = 10, offset = 20 }
---    -- SELECT ..., COUNT(*) OVER () AS "total" FROM "users" ORDER BY "id" ASC LIMIT $1 OFFSET $2
---@async
---@param options? rowan.FinderOptions
---@return { count: integer, rows: rowan.Row[] }
function Finders:findAndCountAll(options)
  arguments.colon(self, "definition", "Model:findAndCountAll")
  options = options or NO_OPTIONS
  check(self, options, "finder", "findAndCountAll")
  local count, rows = read.page(self, options)
  return { count = count, rows = rows }
end

---How many rows match, each counted once whatever is included; with `group` a list of rows, each with its `count`.
---Raises QueryError for an unknown name or option, or one that needs `group`.
---
---    User:count{ where = { active = true } }         -- SELECT COUNT(*) AS "count" FROM "users" WHERE "active" = $1
---    User:count{ col = "city", distinct = true }     -- SELECT COUNT(DISTINCT("city")) AS "value" FROM "users"
---    User:count{ group = "city" }                    -- { { city = "Bern", count = 2 }, ... }
---@async
---@param options? rowan.AggregateOptions
---@return integer count # with `group` a list of tables
function Finders:count(options)
  arguments.colon(self, "definition", "Model:count")
  if options == nil then return read.count(self, NO_OPTIONS) end
  check(self, options, "count", "count")
  check_aggregate(options, self.name .. ":count")
  return aggregate.count(self, options)
end

local function value_of(self, name, method, attribute, options)
  options = options or NO_OPTIONS
  check(self, options, "aggregate", method)
  check_aggregate(options, self.name .. ":" .. method)
  return aggregate.value(self, name, attribute, options)
end

---The sum of an attribute, exact: an integer (decimal text beyond 64 bits) of integers, decimal text of decimals. nil when
---no row has a value. Raises QueryError for an unknown attribute, or one that is no number.
---
---    Order:sum("total", { where = { paid = true } })
---    -- SELECT SUM("total") AS "value" FROM "orders" WHERE "paid" = $1
---@async
---@param attribute string|rowan.Expression an attribute, or "alias.attribute" of an included association
---@param options? rowan.AggregateOptions
---@return any value # with `group` a list of rows with the field `sum`
function Finders:sum(attribute, options) return value_of(self, "SUM", "sum", attribute, options) end

---The smallest value of an attribute, of its type; nil when no row has one. Raises QueryError for an unknown attribute.
---
---    User:min("age")    -- SELECT MIN("age") AS "value" FROM "users"
---@async
---@param attribute string|rowan.Expression as for sum
---@param options? rowan.AggregateOptions
---@return any
function Finders:min(attribute, options) return value_of(self, "MIN", "min", attribute, options) end

---The largest value of an attribute, of its type; nil when no row has one. Raises QueryError for an unknown attribute.
---
---    User:max("age", { where = { active = true } })
---    -- SELECT MAX("age") AS "value" FROM "users" WHERE "active" = $1
---@async
---@param attribute string|rowan.Expression as for sum
---@param options? rowan.AggregateOptions
---@return any
function Finders:max(attribute, options) return value_of(self, "MAX", "max", attribute, options) end

---Any aggregate function of the database over an attribute.
---Raises QueryError for what is no name of a function, or an unknown attribute.
---
---    User:aggregate("age", "avg")     -- SELECT AVG("age") AS "value" FROM "users"
---@async
---@param attribute string|rowan.Expression "*" with "count"
---@param fn string letters, digits and `_`: "avg", "string_agg"
---@param options? rowan.AggregateOptions `dataType` says what the value is read as where it does not follow
---@return any value # with `group` a list of rows with a field of the function's name
function Finders:aggregate(attribute, fn, options)
  if type(fn) ~= "string" or not fn:find("^[%a_][%w_]*$") then
    errors.raise("QueryError", { message = self.name .. ":aggregate wants the name of a function, such as \"avg\"" })
  end
  return value_of(self, fn:upper(), "aggregate", attribute, options)
end

---Whether any row matches. Raises QueryError for an unknown name or option.
---
---    User:exists{ where = { name = "Ann" } }
---    -- SELECT EXISTS (SELECT 1 FROM "users" WHERE "name" = $1) AS "exists"
---@async
---@param options? rowan.ExistsOptions
---@return boolean
function Finders:exists(options)
  if options == nil then return aggregate.exists(self, NO_OPTIONS) end
  check(self, options, "rows", "exists")
  return aggregate.exists(self, options)
end

---The values of one attribute as a list, or of several as a list of lists. NULL is rowan.null, so that no list has gaps.
---Raises QueryError for an unknown attribute, or an option that makes no sense here.
---
---    User:pluck("name", { order = "name" })     -- { "Ann", "Ben" }
---    User:pluck({ "id", "name" })               -- { { 1, "Ann" }, { 2, "Ben" } }
---    -- SELECT "name" FROM "users" ORDER BY "name" ASC
---@async
---@param what string|rowan.Expression|table an attribute, an expression, or a list of them
---@param options? rowan.FinderOptions but for attributes, raw, nest and plain
---@return any[]
function Finders:pluck(what, options)
  local context = self.name .. ":pluck"
  options = options or NO_OPTIONS
  check(self, options, "finder", "pluck")
  for _, name in ipairs({ "attributes", "raw", "nest", "plain" }) do
    if options[name] ~= nil then
      errors.raise("QueryError", { message = ("%s has no option %q"):format(context, name) })
    end
  end
  if type(what) ~= "string" and type(what) ~= "table" then
    errors.raise("QueryError", { message = context .. " wants an attribute, or a list of them" })
  end
  return aggregate.pluck(self, what, options)
end

---A search as a value: it runs by `:all()` or `:first()`, and stands in the `where`, `attributes` or tables of others.
---Raises QueryError for an unknown option; for an unknown name when it runs.
---
---    User:findAll{ where = { id = { [Op.in_] = Post:select{ attributes = { "userId" }, where = { views = 0 } } } } }
---    -- ... WHERE "id" IN (SELECT "user_id" FROM "posts" WHERE "views" = $1)
---@param options? rowan.FinderOptions
---@return rowan.Query
function Finders:select(options)
  if options ~= nil then check(self, options, "finder", "select") end
  return query.of_model(self, options or NO_OPTIONS)
end

---The model's table for the builder: its names are the attributes, its values have their types. Rows are plain tables, and
---scopes, hooks and plugins have no part in it.
---
---    User:query("u"):where("u.age", ">", 18):all()
---    -- SELECT "id", "name", ... FROM "users" AS "u" WHERE "u"."age" > $1
---@param alias? string the model's name when not given
---@return rowan.Query
function Finders:query(alias)
  return query.from(self.db, alias and { self, alias } or self)
end

return Finders
