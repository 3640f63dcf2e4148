--- The methods of belongsTo and hasOne: get, set and create. A set of hasOne, and each create, is atomic.

local create = require("rowan.repo.create")
local foreign = require("rowan.repo.link_foreign")
local link = require("rowan.repo.link")
local load = require("rowan.repo.load")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local read = require("rowan.repo.read")
local rows = require("rowan.driver.rows")
local save = require("rowan.repo.save")
local transaction = require("rowan.repo.transaction")
local undo = require("rowan.repo.written")
local write = require("rowan.repo.write")

local one = { belongsTo = {}, hasOne = {} }

local NOT = ops.Op["not"]

---The row at the other end, or nil.
---@async
---@param made rowan.Association
---@param row table
---@param options? table finder options
---@param context string
---@return table?
function one.get(made, row, options, context)
  local values = link.values(row, link.side(made.keys, "source"), context)
  if not values then
    read.reject_empty(made.target, options or {})
    return nil
  end
  local condition = link.by_name(link.side(made.keys, "target"), values)
  return read.one(made.target, link.with(options, {
    where = link.all_of(condition, made.scope, options and options.where),
  }))
end
one.belongsTo.get, one.hasOne.get = one.get, one.get

-- What was loaded before gives way to what is there now. A key is no row: the next get reads it.
local function show(made, row, item)
  if not load.is_loaded(row, made.as) then return end
  rawset(row, made.as, item and item.row)
end

-- Writes some attributes of a row, with its hooks where there are any.
local function write_names(model, row, names, options)
  if not model.definition.watched then return write.update(model, row, names, options) end
  return save.row(model, row, link.with(options, { fields = names }))
end

-- Writes the foreign key of the row itself, and nothing else that may have changed in it.
local function write_key(made, row, key, options)
  local names, before = {}, {}
  for i, pair in ipairs(made.keys) do
    local name, value = pair.source.name, key and key[i]
    before[name] = rawget(row, name)
    local stored, known = rows.original(row, name)
    -- A composite key is NULL when the part of it is that can be.
    if key or pair.source.allow_null or #made.keys == 1 then
      if known == false or stored ~= value then names[#names + 1] = name end
      rawset(row, name, value)
    end
  end
  if #names == 0 then return end
  local keys = { (table.unpack or unpack)(names) } -- an UPDATE adds the time to the names
  local ok, problem = pcall(write_names, made.source, row, names, options)
  if ok then return undo.replaced(made.source, row, keys, options, before) end
  for _, pair in ipairs(made.keys) do rawset(row, pair.source.name, before[pair.source.name]) end
  error(problem, 0)
end

---Points the row's foreign key at another row, or at none.
---@async
---@param made rowan.Association
---@param row table
---@param target any an instance, a key, or nil
---@param options? table save = false only sets the attribute
---@param context string
function one.belongsTo.set(made, row, target, options, context)
  local item
  if target ~= nil and target ~= null then
    item = link.item(made.target, link.side(made.keys, "target"), target, context)
  end
  local key = item and item.key
  if options and options.save == false then
    for i, pair in ipairs(made.keys) do rawset(row, pair.source.name, key and key[i]) end
  else
    if row.isNewRecord then
      link.fail("InstanceError", context, "the row is new; save it first, or give save = false")
    end
    write_key(made, row, key, link.call(options))
  end
  show(made, row, item)
end

-- Runs fn; when it fails, the row is again what it was, also where it had been written in between.
local function restoring(row, fn)
  local fields, snapshot = {}, rows.snapshot(row)
  for name, value in next, row do fields[name] = value end
  local ok, problem = pcall(fn)
  if ok then return end
  for name in next, row do row[name] = nil end
  for name, value in next, fields do rawset(row, name, value) end
  rows.restore(row, snapshot)
  error(problem, 0)
end

---Makes a row and points the foreign key at it.
---@async
---@param made rowan.Association
---@param row table
---@param values? table
---@param options? table include, transaction, logging
---@param context string
---@return table target
function one.belongsTo.create(made, row, values, options, context)
  if row.isNewRecord then link.fail("InstanceError", context, "the row is new; save it first") end
  local target
  restoring(row, function()
    transaction.around(made.source.db, options, function(t)
      local set = made.values or {}
      target = create.one(made.target, link.with(values, set), link.creation(options, t, set), context)
      local key = {}
      for i, pair in ipairs(made.keys) do key[i] = rawget(target, pair.target.name) end
      write_key(made, row, key, link.call(options, t))
    end)
  end)
  show(made, row, { row = target })
  return target
end

-- Gives a stored row its foreign key as a save of its own, with its hooks.
local function take_row(model, row, values, call)
  local before, names = {}, {}
  for name, value in next, values do
    names[#names + 1], before[name] = name, rawget(row, name)
    rawset(row, name, value)
  end
  local ok, problem = pcall(save.row, model, row, link.with(call, { fields = names }))
  if ok then return undo.replaced(model, row, names, call, before) end
  for _, name in ipairs(names) do rawset(row, name, before[name]) end
  error(problem, 0)
end

---Makes another row, or none, the one that points at this.
---@async
---@param made rowan.Association
---@param row table
---@param target any an instance, a key, or nil
---@param options? table destroyPrevious deletes the row that was there
---@param context string
function one.hasOne.set(made, row, target, options, context)
  local model, primary = made.target, made.target.definition.primary
  local values = foreign.values(made, row, context)
  local base, destroy = foreign.condition(made, row, context), options and options.destroyPrevious
  if target == nil or target == null then
    foreign.release(made, base, link.call(options), destroy, context)
    return show(made, row, nil)
  end
  local item = link.item(model, primary, target, context)
  link.stamped(model, values)
  transaction.around(model.db, options, function(t)
    local call = link.call(options, t)
    foreign.release(made, link.all_of(base, { [NOT] = link.by_name(primary, item.key) }), call, destroy, context)
    if item.row and model.definition.watched then return take_row(model, item.row, values, call) end
    foreign.take(made, { item }, values, call, context)
  end)
  if item.row and not model.definition.watched then link.remember(model, { item }, values) end
  show(made, row, item)
end

---Makes a row that points at this one.
---@async
---@return table target
function one.hasOne.create(made, row, values, options, context)
  local target = foreign.create(made, row, values, options, context)
  show(made, row, { row = target })
  return target
end

return one
