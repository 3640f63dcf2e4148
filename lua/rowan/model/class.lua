--- The methods of models: the Sequelize-like face. Each checks the shape of its arguments and hands on to repo/.

local association = require("rowan.association")
local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local check = require("rowan.base.check")
local create = require("rowan.repo.create")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local accessors = require("rowan.model.accessors")
local expression = require("rowan.query.expression")
local read = require("rowan.repo.read")
local select = require("rowan.query.select")
local sync = require("rowan.repo.sync")

---@class rowan.Model
---@field name string
---@field tableName string
---@field db rowan.Database
---@field definition table the normalised definition
---@field prototype table methods of its instances go here
---@field rawAttributes table<string, table>
---@field attributeNames string[]
---@field primaryKeyAttributes string[]
---@field associations table<string, rowan.Association>
local Model = { __name = "rowan.model" }
Model.__index = Model
Model.__tostring = function(m) return "rowan.model: " .. m.name end

local BUILD = { isNewRecord = true }
local CREATE = { include = true, transaction = true, logging = true, benchmark = true }
local UPDATE = { where = true, returning = true, silent = true, transaction = true, logging = true, benchmark = true }
local DESTROY = { where = true, transaction = true, logging = true, benchmark = true }
local SYNC = { force = true, logging = true, benchmark = true, transaction = true }
local NO_OPTIONS = {}

---A new instance that is not stored yet. Defaults are filled in; unknown names are refused.
---@param values? table<string, any>
---@param options? table
---@return rowan.Instance
function Model:build(values, options)
  check.keys(options, BUILD, self.name .. ":build", "QueryError")
  return setmetatable(build.row(self.definition, values or {}, self.name .. ":build"), self._new)
end

---Makes and stores a row, with the rows of the associations that `include` names: all of them, or none.
---
---    local user = User:create{ name = "Ann" }
---    -- INSERT INTO "users" ("name", "created_at", "updated_at") VALUES ($1, $2, $3) RETURNING "id"
---    User:create({ name = "Ann", posts = { { title = "First" } } }, { include = "posts" })
---@async
---@param values? table<string, any>
---@param options? { include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance
function Model:create(values, options)
  if options then check.keys(options, CREATE, self.name .. ":create", "QueryError") end
  return create.one(self, values, options)
end

---Stores many rows with one statement (one for each set of attributes that occurs), all or none of them; with those of
---the associations that `include` names, which take as many statements however many they are.
---@async
---@param list table<string, any>[]
---@param options? { include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance[] in the order of the list
function Model:bulkCreate(list, options)
  local context = self.name .. ":bulkCreate"
  check.keys(options, CREATE, context, "QueryError")
  if type(list) ~= "table" or not check.sequence(list) then
    errors.raise("QueryError", { message = context .. " wants a list of tables" })
  end
  return create.many(self, list, options, context)
end

---All rows that match.
---
---    User:findAll{ where = { age = { [Op.gte] = 18 } }, order = { { "name", "DESC" } }, limit = 10 }
---    -- SELECT "id", "name", ... FROM "users" WHERE "age" >= $1 ORDER BY "name" DESC LIMIT $2
---@async
---@param options? table where, attributes, include, order, limit, offset, raw, rejectOnEmpty, transaction, logging
---@return rowan.Instance[]
function Model:findAll(options)
  if options == nil then return read.all(self, NO_OPTIONS) end
  select.check(options, self.name .. ":findAll")
  return read.all(self, options)
end

---The first row that matches, or nil. Without `order` the first by primary key.
---@async
---@param options? table as for findAll
---@return rowan.Instance?
function Model:findOne(options)
  if options == nil then return read.one(self, NO_OPTIONS) end
  select.check(options, self.name .. ":findOne")
  return read.one(self, options)
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
---
---    User:findByPk(7)      -- SELECT "id", "name", ... FROM "users" WHERE "id" = $1
---@async
---@param key any
---@param options? table as for findAll, but for limit and offset
---@return rowan.Instance?
function Model:findByPk(key, options)
  if options == nil then return read.by_key(self, key) end
  select.check(options, self.name .. ":findByPk")
  if plain_lookup(options) then return read.by_key(self, key, options) end
  local condition = {}
  local params = read.key_params(self, key)
  for i, attr in ipairs(self.definition.primary) do condition[attr.name] = params[i] end
  local finder = {}
  for name, value in next, options do finder[name] = value end
  local own = options.where
  finder.where = (own == nil or own == everything) and condition or expression.and_(condition, own)
  return read.one(self, finder)
end

---A page of rows and the number of all rows that match, counting each row once whatever is included.
---
---    local page = User:findAndCountAll{ limit = 10, offset = 20 }
---    -- SELECT ..., COUNT(*) OVER () AS "total" FROM "users" ORDER BY "id" ASC LIMIT $1 OFFSET $2
---@async
---@param options? table as for findAll
---@return { count: integer, rows: rowan.Instance[] }
function Model:findAndCountAll(options)
  options = options or NO_OPTIONS
  select.check(options, self.name .. ":findAndCountAll")
  local count, rows = read.page(self, options)
  return { count = count, rows = rows }
end

---How many rows match.
---@async
---@param options? { where?: any, include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return integer
function Model:count(options)
  if options == nil then return read.count(self, NO_OPTIONS) end
  select.check_count(options, self.name .. ":count")
  return read.count(self, options)
end

---Changes all rows that match `where`; `where = rowan.all` for every row.
---
---    User:update({ active = false }, { where = { lastSeen = { [Op.lt] = day } } })
---    -- UPDATE "users" SET "active" = $1, "updated_at" = $2 WHERE "last_seen" < $3
---@async
---@param values table<string, any>
---@param options { where: any, returning?: boolean, silent?: boolean, transaction?: rowan.Transaction|false }
---@return integer count rows changed
---@return rowan.Instance[]? rows with `returning = true`
function Model:update(values, options)
  local context = self.name .. ":update"
  check.type(values, "table", context, "QueryError")
  bulk.check_where(self, options, context)
  expression.check_options(options, UPDATE, context)
  return bulk.update(self, values, options, context)
end

---Deletes all rows that match `where`; `where = rowan.all` for every row.
---@async
---@param options { where: any, transaction?: rowan.Transaction|false, logging?: any }
---@return integer count rows deleted
function Model:destroy(options)
  local context = self.name .. ":destroy"
  bulk.check_where(self, options, context)
  expression.check_options(options, DESTROY, context)
  return bulk.delete(self, options, context)
end

---Creates the model's table where it is not there yet; `force = true` drops it first.
---@async
---@param options? { force?: boolean, logging?: any }
---@return rowan.Model self
function Model:sync(options)
  check.keys(options, SYNC, self.name .. ":sync", "QueryError")
  sync.models(self.db, { self }, options or NO_OPTIONS)
  return self
end

---Drops the model's table.
---@async
---@param options? { cascade?: boolean, logging?: any }
function Model:drop(options)
  check.keys(options, { cascade = true, logging = true, transaction = true }, self.name .. ":drop", "QueryError")
  sync.drop(self.db, { self }, options or NO_OPTIONS)
end

---@return string
function Model:getTableName()
  return self.tableName
end

---The attributes by name, as rawAttributes.
---@return table<string, table>
function Model:getAttributes()
  return self.rawAttributes
end

---The association under an alias; raises for an unknown one.
---@param alias string
---@return rowan.Association
function Model:getAssociation(alias)
  local found, problem = association.find(self, alias)
  if not found then errors.raise("AssociationError", { message = problem }) end
  return found
end

local function associate(kind, source, target, options)
  local made = association.define(kind, source, target, options)
  source:refresh()
  target:refresh()
  if made.through then made.through.model:refresh() end
  accessors.define(made)
  return made
end

---Each row of this model belongs to one of `target`: the foreign key is here.
---@param target rowan.Model
---@param options? table as, foreignKey, targetKey, scope, constraints, onDelete, onUpdate
---@return rowan.Association
function Model:belongsTo(target, options) return associate("belongsTo", self, target, options) end

---Each row of this model has at most one of `target`, which holds the foreign key.
---@param target rowan.Model
---@param options? table as, foreignKey, sourceKey, scope, constraints, onDelete, onUpdate
---@return rowan.Association
function Model:hasOne(target, options) return associate("hasOne", self, target, options) end

---Each row of this model has any number of `target`, which holds the foreign key.
---@param target rowan.Model
---@param options? table as, foreignKey, sourceKey, scope, constraints, onDelete, onUpdate
---@return rowan.Association
function Model:hasMany(target, options) return associate("hasMany", self, target, options) end

---Rows of this model and of `target` belong to each other, as rows of the model in between say.
---
---    Post:belongsToMany(Tag, { through = "PostTags" })
---@param target rowan.Model
---@param options table through (a name, a model, or { model =, scope =, unique = }), as, foreignKey, otherKey, sourceKey, targetKey, scope, constraints, onDelete, onUpdate
---@return rowan.Association
function Model:belongsToMany(target, options) return associate("belongsToMany", self, target, options) end

return Model
