--- The writers of models: build, create and what changes or deletes many rows. Each checks the shape of its arguments
--- and hands on to repo/.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local check = require("rowan.base.check")
local create = require("rowan.repo.create")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")

---@class rowan.Model
local Writers = {}

local BUILD = { isNewRecord = true }
local CREATE = { include = true, hooks = true, transaction = true, logging = true, benchmark = true }
local BULK_CREATE = { individualHooks = true }
for name in pairs(CREATE) do BULK_CREATE[name] = true end
local UPDATE = {
  where = true, hooks = true, individualHooks = true, returning = true, silent = true, transaction = true,
  logging = true, benchmark = true,
}
local DESTROY = {
  where = true, hooks = true, individualHooks = true, transaction = true, logging = true, benchmark = true,
}

---A new instance that is not stored yet. Defaults are filled in; unknown names are refused.
---@param values? table<string, any>
---@param options? table
---@return rowan.Instance
function Writers:build(values, options)
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
function Writers:create(values, options)
  if options then check.keys(options, CREATE, self.name .. ":create", "QueryError") end
  return create.one(self, values, options)
end

---Stores many rows with one statement (one for each set of attributes that occurs), all or none of them; with those of
---the associations that `include` names, which take as many statements however many they are.
---@async
---@param list table<string, any>[]
---@param options? { include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance[] in the order of the list
function Writers:bulkCreate(list, options)
  local context = self.name .. ":bulkCreate"
  check.keys(options, BULK_CREATE, context, "QueryError")
  if type(list) ~= "table" or not check.sequence(list) then
    errors.raise("QueryError", { message = context .. " wants a list of tables" })
  end
  return create.many(self, list, options, context)
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
function Writers:update(values, options)
  local context = self.name .. ":update"
  check.type(values, "table", context, "QueryError")
  bulk.check_where(self, options, context)
  expression.check_options(options, UPDATE, context, self.definition.plugin_options)
  if self.definition.watched then return bulk_life.update(self, values, options, context) end
  return bulk.update(self, values, options, context)
end

---Deletes all rows that match `where`; `where = rowan.all` for every row.
---@async
---@param options { where: any, transaction?: rowan.Transaction|false, logging?: any }
---@return integer count rows deleted
function Writers:destroy(options)
  local context = self.name .. ":destroy"
  bulk.check_where(self, options, context)
  expression.check_options(options, DESTROY, context, self.definition.plugin_options)
  if self.definition.watched then return bulk_life.destroy(self, options, context) end
  return bulk.delete(self, options, context)
end

return Writers
