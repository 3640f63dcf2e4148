--- Soft deletes that take dependents along: rows that belong to a deleted row by a foreign key with onDelete CASCADE, of
--- models that are paranoid themselves, get the same deletedAt; a restore brings back those of the same deletion. A level of
--- dependents takes one statement, however many rows it has. Called by plugins/paranoid, inside a transaction.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local expression = require("rowan.query.expression")
local link = require("rowan.repo.link")
local null = require("rowan.base.null")
local read = require("rowan.repo.read")

local cascade = {}

---@class rowan.Dependents
---@field model table
---@field sources table[] attributes of the row that they belong to
---@field targets table[] their own that are equal
---@field scope? table<string, any>

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

local function add(list, model, pairs_of_keys, side, scope, said)
  local def = model.definition
  if not def.deleted then return end
  local sources, targets = link.side(pairs_of_keys, "source"), link.side(pairs_of_keys, side)
  if goes_along(def, targets, said) then
    list[#list + 1] = { model = model, sources = sources, targets = targets, scope = scope }
  end
end

---What goes along when a row of a model is deleted softly.
---@param model table
---@return rowan.Dependents[]
function cascade.dependents(model)
  local list = {}
  for _, made in ipairs(model.association_order) do
    if made.through then
      add(list, made.through.model, made.source_keys, "through", made.through.scope)
    elseif made.kind ~= "belongsTo" then
      add(list, made.target, made.keys, "target", made.scope, made.on_delete)
    end
  end
  return list
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

---Deletes softly what belongs to rows that were deleted at a time.
---@async
---@param model table
---@param rows table[] with the attributes that keys point at
---@param at string the deletion's deletedAt
---@param call table options with the transaction
function cascade.delete(model, rows, at, call)
  for _, one in ipairs(cascade.dependents(model)) do
    local keys = keys_of(rows, one.sources)
    if keys[1] then
      local further = cascade.dependents(one.model)[1] ~= nil
      local finder = link.with(link.call(call), {
        where = link.all_of(link.one_of(one.targets, keys), one.scope), returning = further or nil,
      })
      local values = { [one.model.definition.deleted.name] = at }
      local _, found = bulk.update(one.model, values, finder, model.name .. ":destroy")
      if further and found[1] then cascade.delete(one.model, found, at, call) end
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
      local further = cascade.dependents(one.model)[1] and read.all(one.model, link.with(finder, { hooks = false }))
      bulk.update(one.model, { [own.name] = null }, finder, model.name .. ":restore")
      if further and further[1] then cascade.restore(one.model, further, call) end
    end
  end
end

return cascade
