--- Soft deletes: destroy writes the time into deletedAt, and every query leaves such rows out unless it says
--- `paranoid = false`; `force = true` deletes for good. What depends on a row goes and comes back with it (repo/cascade).

local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local cascade = require("rowan.repo.cascade")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local lifecycle = require("rowan.repo.lifecycle")
local link = require("rowan.repo.link")
local null = require("rowan.base.null")
local save = require("rowan.repo.save")
local types = require("rowan.types")
local written = require("rowan.repo.written")

local RESTORE = check.set({
  "where", "limit", "order", "hooks", "individualHooks", "transaction", "logging", "benchmark", "context",
})
local RESTORE_ROW = check.set({ "hooks", "silent", "transaction", "logging", "benchmark", "context" })

-- When a row was deleted, as far as it is known here; nil while it is there.
local function deleted_at(row)
  local def = row.Model.definition
  local at = rawget(row, def.deleted.name)
  if at == nil or at == null or at == def.roles.live then return nil end
  return at
end

-- Of a row that was read without its deletedAt.
local function look_up(row, call)
  local attr = row.Model.definition.deleted
  if row:isLoaded(attr.label) or rawget(row, attr.name) ~= nil then return end
  row:reload({ attributes = { attr.label }, transaction = call and call.transaction, logging = call and call.logging })
end

-- Sets the deletedAt of a row and has it saved by `send`; when that fails, it is what it was.
local function write_row(model, row, value, options, send, after)
  local name = model.definition.deleted.name
  local before = rawget(row, name)
  rawset(row, name, value)
  local ok, problem = pcall(cascade.within, model, options, function(call)
    send(model, row, call)
    written.replaced(model, row, { name }, call, { [name] = before })
    after(call)
  end)
  if ok then return 1 end
  rawset(row, name, before)
  error(problem, 0)
end

local function soft_destroy(next_one, change)
  local model, row, options = change.model, change.row, change.options
  if options.force then return next_one() end
  if deleted_at(row) then
    -- Deleted before, at that time; what else was changed is saved.
    save.send(model, row, options)
    return 0
  end
  local at = cascade.time(model)
  return write_row(model, row, at, options, save.send, function(call) cascade.delete(model, { row }, at, call) end)
end

local function soft_destroy_many(next_one, change)
  local model, options = change.model, change.options
  local context = model.name .. ":destroy"
  if options.force then
    change.options = link.with(options, { paranoid = false })
    return next_one(change)
  end
  -- Along with a row of another model it goes at the same time.
  local at = options.moment or cascade.time(model)
  return cascade.within(model, options, function(call)
    local further = cascade.dependents(model)[1] ~= nil
    local finder = link.with(call, { returning = further or nil })
    local affected, found = bulk.update(model, { [model.definition.deleted.name] = at }, finder, context)
    if further and found[1] then cascade.delete(model, found, at, call) end
    return affected
  end)
end

local class, instance = {}, {}

---Brings back rows that were deleted softly, and what was deleted along with them; `limit` so many at most, the first by
---`order` or else by primary key.
---Raises QueryError without `where` or for an unknown option.
---
---    Post:restore{ where = { authorId = 7 } }
---    -- UPDATE "drafts" SET "deleted_at" = $1 WHERE "id" = $2 AND "deleted_at" IS NOT NULL
---@async
---@param self rowan.Model
---@param options rowan.RestoreOptions
---@return integer count rows restored
function class.restore(self, options)
  local context = self.name .. ":restore"
  check.keys(options, RESTORE, context, "QueryError")
  bulk.check_where(self, options, context)
  -- Of scopes only one that was asked for counts.
  local scope = self.scoped ~= self.definition.options.defaultScope and self:scopeOptions()
  if scope and scope.where ~= nil then
    options = link.with(options, { where = link.all_of(scope.where, options.where) })
  end
  return bulk_life.restore(self, options, function(call) return cascade.restore_many(self, call) end)
end

---Brings back a row that was deleted softly, and what was deleted along with it. Raises InstanceError for a new row.
---
---    draft:restore()    -- UPDATE "drafts" SET "deleted_at" = $1 WHERE "id" = $2
---@async
---@param self rowan.Instance
---@param options? rowan.RestoreRowOptions
---@return rowan.Row self
function instance.restore(self, options)
  local model = self.Model
  local context = model.name .. ":restore"
  check.keys(options, RESTORE_ROW, context, "QueryError")
  if self.isNewRecord then
    errors.raise("InstanceError", { message = context .. ": the row is new; it was never stored" })
  end
  lifecycle.around(model, "Restore", self, options, function(call)
    look_up(self, call)
    if not deleted_at(self) then return save.send(model, self, call) end
    local before, live = {}, model.definition.roles.live
    for name, value in next, self do before[name] = value end
    if live == null then live = nil end
    return write_row(model, self, live, link.with(call, { omitNull = false }), save.statement, function(inside)
      cascade.restore(model, { before }, inside)
    end)
  end)
  return self
end

---Whether the row was deleted softly, as far as it is known here.
---
---    draft:isSoftDeleted()    --> true
---@param self rowan.Instance
---@return boolean
function instance.isSoftDeleted(self)
  return deleted_at(self) ~= nil
end

---@type rowan.Plugin
return {
  name = "paranoid",

  enabled = function(options) return options.paranoid or false end,

  define = function(draft)
    local name = draft:option_name("deletedAt") or draft:fail("paranoid needs deletedAt")
    draft:attribute(name, { type = types.DataTypes.DATE, allowNull = true }, "a timestamp")
    draft:filter({ option = "paranoid", where = { [name] = draft:deleted(name) } })
  end,

  class = class,
  instance = instance,
  write = { destroy = soft_destroy, bulkDestroy = soft_destroy_many },
}
