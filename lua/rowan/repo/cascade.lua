--- Deletions that take dependents along: rows that belong to a deleted row by a foreign key with onDelete CASCADE.
--- Of a row that is deleted softly, those of models that are paranoid themselves get the same deletedAt, and a restore brings
--- back those of the same deletion. A level of dependents takes one statement, however many rows it has; where an association
--- says `hooks = true` it takes two, and their own hooks run, also when the database would delete them by itself. Called by
--- plugins/paranoid, and around the deletions of models with such associations.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local expression = require("rowan.query.expression")
local hooks = require("rowan.change.hooks")
local link = require("rowan.repo.link")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local read = require("rowan.repo.read")
local transaction = require("rowan.repo.transaction")

local cascade = {}

---@class rowan.Dependents
---@field model table
---@field sources table[] attributes of the row that they belong to
---@field targets table[] their own that are equal
---@field scope? table<string, any>
---@field hooks? boolean they go by their own hooks

local function same(attrs, others)
  for i, attr in ipairs(attrs) do
    if others[i] ~= attr then return false end
  end
  return #attrs == #others
end

-- Whether rows go when the row that these attributes point at goes.
local function goes_along(def, attrs, said)
  if said then return said == "CASCADE" end
  local to = #attrs == 1 and attrs[1].references
  if to then return to.on_delete == "CASCADE" end
  for _, key in ipairs(def.foreign_keys) do
    if same(key.attrs, attrs) then return key.on_delete == "CASCADE" end
  end
  return false
end

local function collected(model, wanted)
  local list = {}
  local function add(target, pairs_of_keys, side, scope, made)
    local one = {
      model = target, sources = link.side(pairs_of_keys, "source"), targets = link.side(pairs_of_keys, side),
      scope = scope, hooks = made.hooks,
    }
    -- Rows in the schema of the model itself point at rows there, not at those of a variant.
    if model.definition.origin and not target.definition.origin then return end
    local said = not made.through and made.on_delete or nil
    if wanted(one) and goes_along(target.definition, one.targets, said) then list[#list + 1] = one end
  end
  for _, made in ipairs(model.association_order) do
    if made.through then
      add(made.through.model, made.source_keys, "through", made.through.scope, made)
    elseif made.kind ~= "belongsTo" then
      add(made.target, made.keys, "target", made.scope, made)
    end
  end
  return list
end

local function is_paranoid(one) return one.model.definition.deleted ~= nil end
local function is_hooked(one) return one.hooks end

---What goes along when a row of a model is deleted softly.
---@param model table
---@return rowan.Dependents[]
function cascade.dependents(model)
  return collected(model, is_paranoid)
end

---Runs body(call), in a transaction where dependents take further statements.
---@async
---@param model table
---@param options? table
---@param body fun(call?: table): ...
---@return any ... what body returned
function cascade.within(model, options, body)
  if not cascade.dependents(model)[1] then return body(options) end
  return transaction.around(model.db, options, function(t) return body(link.with(options, { transaction = t })) end)
end

-- Deletions are told apart by their time, which a computer is faster than: of several in one millisecond, each that takes
-- dependents along gets a microsecond of its own.
local MILLISECONDS = #"2024-02-01T00:00:00.000"
local last, count = nil, 0

---The deletedAt of a deletion.
---@param model table
---@return string
function cascade.time(model)
  local now = build.now()
  local moment = now:sub(1, MILLISECONDS)
  if moment ~= last then
    last, count = moment, 0
    return now
  end
  if not cascade.dependents(model)[1] or #now > MILLISECONDS + 1 then return now end
  count = count + 1
  return ("%s%03dZ"):format(moment, count % 1000)
end

-- The values of attributes of rows as keys; rows where one is NULL have nothing that belongs to them.
local function keys_of(rows, attrs, more)
  local keys = {}
  for _, row in ipairs(rows) do
    local key = {}
    for i, attr in ipairs(attrs) do
      local value = row[attr.name]
      if value == nil or value == null then
        key = nil
        break
      end
      key[i] = value
    end
    if key and more then key[#key + 1] = row[more] end
    keys[#keys + 1] = key
  end
  return keys
end

-- An UPDATE of dependents with what plugins wrap around it; returns the rows that the statement gave as well.
local function change_all(model, values, options, context)
  local found
  local change = { values = values, options = link.with(options, { omitNull = false }) }
  local affected = bulk_life.wrapped(model, "bulkUpdate", change, function(given)
    local changed, rows = bulk.update(model, given.values, given.options, context)
    found = rows
    return changed, rows
  end)
  return affected, found
end

---Deletes softly what belongs to rows that were deleted at a time.
---@async
---@param model table
---@param rows table[] with the attributes that keys point at
---@param at string the deletion's deletedAt
---@param call table options with the transaction
function cascade.delete(model, rows, at, call)
  for _, one in ipairs(cascade.dependents(model)) do
    local keys = keys_of(rows, one.sources)
    local where = keys[1] and link.all_of(link.one_of(one.targets, keys), one.scope)
    if where and one.hooks and call.hooks ~= false then
      bulk_life.destroy(one.model, link.with(link.call(call), { where = where, individualHooks = true, moment = at }),
        model.name .. ":destroy")
    elseif where then
      local further = cascade.dependents(one.model)[1] ~= nil
      local finder = link.with(link.call(call), { where = where, returning = further or nil })
      local values = { [one.model.definition.deleted.name] = at }
      local _, found = change_all(one.model, values, finder, model.name .. ":destroy")
      if further and found and found[1] then cascade.delete(one.model, found, at, call) end
    end
  end
end

---Brings back what was deleted along with rows.
---@async
---@param model table
---@param rows table[] with the attributes that keys point at, and the deletedAt that they had
---@param call table options with the transaction
function cascade.restore(model, rows, call)
  local deleted = model.definition.deleted.name
  for _, one in ipairs(cascade.dependents(model)) do
    local keys = keys_of(rows, one.sources, deleted)
    if keys[1] then
      local own = one.model.definition.deleted
      local attrs = {}
      for i, attr in ipairs(one.targets) do attrs[i] = attr end
      attrs[#attrs + 1] = own
      local finder = link.with(link.call(call), {
        where = link.all_of(expression.one_of(attrs, keys), one.scope), paranoid = false,
      })
      if one.hooks and call.hooks ~= false then
        bulk_life.restore(one.model, link.with(finder, { individualHooks = true }), function(inside)
          return cascade.restore_many(one.model, inside)
        end)
      else
        local further = cascade.dependents(one.model)[1] and read.all(one.model, link.with(finder, { hooks = false }))
        change_all(one.model, { [own.name] = one.model.definition.roles.live }, finder, model.name .. ":restore")
        if further and further[1] then cascade.restore(one.model, further, call) end
      end
    end
  end
end

---Brings back the rows of a condition that are deleted, and what was deleted along with them.
---@async
---@param model table
---@param call table where, limit, order, transaction, logging ...
---@return integer affected
function cascade.restore_many(model, call)
  local deleted, live = model.definition.deleted.name, model.definition.roles.live
  local finder = link.with(call, {
    where = link.all_of(call.where, { [deleted] = { [ops.Op.ne] = live } }), paranoid = false,
  })
  return cascade.within(model, finder, function(inside)
    local further = cascade.dependents(model)[1] and read.all(model, link.with(link.call(inside), {
      where = inside.where, limit = inside.limit, order = inside.order, paranoid = false, hooks = false,
    }))
    -- Of a limited restore these are the rows; another search could find others.
    local limited = inside.limit ~= nil and further and further[1]
    local own = limited and link.with(inside, { where = bulk_life.among(model, further) }) or inside
    local affected = change_all(model, { [deleted] = live }, own, model.name .. ":restore")
    if further and further[1] then cascade.restore(model, further, link.call(inside)) end
    return affected
  end)
end

-- ---- rows that the database deletes ----------------------------------------------------------------------------------

-- The keys of the rows of each definition that are on their way, with some more: rows may point at each other in a circle.
local function with_going(going, model, rows)
  local def, all, keys = model.definition, {}, {}
  for known, list in next, going or {} do all[known] = list end
  for i, key in ipairs(all[def] or {}) do keys[i] = key end
  for _, key in ipairs(keys_of(rows, def.primary)) do keys[#keys + 1] = key end
  all[def] = keys[1] and keys
  return all
end

-- Deletes what belongs to rows by its own hooks, before the database would.
local function go_first(model, rows, call)
  local going = with_going(call.going, model, rows)
  for _, one in ipairs(collected(model, is_hooked)) do
    local keys, def = keys_of(rows, one.sources), one.model.definition
    if keys[1] then
      local others = going[def] and { [ops.Op["not"]] = link.one_of(def.primary, going[def]) }
      local where = link.all_of(link.one_of(one.targets, keys), one.scope, others)
      bulk_life.destroy(one.model, link.with(link.call(call), {
        where = where, individualHooks = true, force = true, going = going,
      }), model.name .. ":destroy")
    end
  end
end

local function row_goes(next_one, change)
  local model, options = change.model, change.options
  if options.hooks == false then return next_one(change) end
  return transaction.around(model.db, options, function(t)
    change.options = link.with(options, { transaction = t })
    go_first(model, { change.row }, change.options)
    return next_one(change)
  end)
end

local function rows_go(next_one, change)
  local model, options = change.model, change.options
  if options.hooks == false then return next_one(change) end
  return transaction.around(model.db, options, function(t)
    local call = link.with(options, { transaction = t })
    local rows = bulk_life.rows_of(model, call)
    if not rows[1] then return 0 end
    go_first(model, rows, call)
    change.options = link.with(call, { where = bulk_life.among(model, rows) })
    return next_one(change)
  end)
end

---Wraps the deletions of a model that has an association with `hooks = true`; soft ones never come to the end of the chain.
---@param model table
function cascade.watch(model)
  local def = model.definition
  if def.takes_along then return end
  def.takes_along, def.writes = true, def.writes or {}
  local function wrap(kind, goes)
    def.writes[kind] = def.writes[kind] or {}
    table.insert(def.writes[kind], goes)
  end
  wrap("destroy", row_goes)
  wrap("bulkDestroy", rows_go)
  hooks.watch(def)
end

return cascade
