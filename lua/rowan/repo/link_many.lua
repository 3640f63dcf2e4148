--- The methods of hasMany: get, count, has, set, add, remove and create. What takes several statements is atomic.

local foreign = require("rowan.repo.link_foreign")
local link = require("rowan.repo.link")
local null = require("rowan.base.null")
local read = require("rowan.repo.read")
local transaction = require("rowan.repo.transaction")
local tuple = require("rowan.base.tuple")

local many = {}

---Rows that belong to the row.
---@async
---@param made rowan.Association
---@param row table
---@param options? table finder options
---@param context string
---@return table[]
function many.get(made, row, options, context)
  local condition = foreign.condition(made, row, context)
  if not condition then
    read.reject_empty(made.target, options or {})
    return {}
  end
  return read.all(made.target, link.with(options, { where = link.all_of(condition, options and options.where) }))
end

---How many there are.
---@async
---@return integer
function many.count(made, row, options, context)
  local condition = foreign.condition(made, row, context)
  if not condition then return 0 end
  return read.count(made.target, link.with(options, { where = link.all_of(condition, options and options.where) }))
end

---Whether all of the named rows belong to the row.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table where, transaction, logging
---@param context string
---@return boolean
function many.has(made, row, argument, options, context)
  local primary = made.target.definition.primary
  local items = link.items(made.target, primary, argument, context)
  local condition = foreign.condition(made, row, context)
  if #items == 0 then return true end
  if not condition then return false end
  local count = read.count(made.target, link.with(options, {
    where = link.all_of(condition, options and options.where, link.one_of(primary, link.keys_of(items))),
  }))
  return count == #items
end

---Makes the named rows belong to the row.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table
---@param context string
function many.add(made, row, argument, options, context)
  local values = link.stamped(made.target, foreign.values(made, row, context))
  local items = link.items(made.target, made.target.definition.primary, argument, context)
  if #items == 0 then return end
  transaction.around(made.target.db, options, function(t)
    foreign.take(made, items, values, link.call(options, t), context)
  end)
  link.remember(made.target, items, values)
end

---Makes the named rows belong to the row no more; those that did not are left alone.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table destroy = true deletes them
---@param context string
function many.remove(made, row, argument, options, context)
  foreign.values(made, row, context)
  local base = foreign.condition(made, row, context)
  local items = link.items(made.target, made.target.definition.primary, argument, context)
  if #items == 0 then return end
  local destroy = options and options.destroy
  if not destroy and not foreign.releasable(made) then
    link.fail("AssociationError", context, ("%s is never NULL, so the rows can only be deleted; destroy = true does")
      :format(made.keys[1].target.definition.name .. "." .. made.keys[1].target.name))
  end
  foreign.let_go(made, row, items, base, link.call(options), destroy, context)
end

-- What is to be taken and what is to be let go of, so that exactly the named rows belong to the row.
local function difference(made, items, base, call)
  local primary = made.target.definition.primary
  local names, current, wanted = {}, {}, {}
  for i, attr in ipairs(primary) do names[i] = attr.name end
  local found = read.all(made.target, link.with(call, { attributes = names, where = base, raw = true }))
  local missing, surplus = {}, {}
  for _, item in ipairs(items) do tuple.put(wanted, item.key, true) end
  for i, row in ipairs(found) do
    local key = {}
    for c, name in ipairs(names) do key[c] = row[name] end
    found[i] = key
    tuple.put(current, key, true)
    if not tuple.get(wanted, key) then surplus[#surplus + 1] = { key = key } end
  end
  for _, item in ipairs(items) do
    if not tuple.get(current, item.key) then missing[#missing + 1] = item end
  end
  return missing, surplus
end

---Makes exactly the named rows belong to the row: sends the difference only.
---@async
---@param made rowan.Association
---@param row table
---@param argument any nil for none
---@param options? table destroyPrevious deletes the others
---@param context string
function many.set(made, row, argument, options, context)
  local values = link.stamped(made.target, foreign.values(made, row, context))
  local base = foreign.condition(made, row, context)
  if argument == nil or argument == null then argument = {} end
  local items = link.items(made.target, made.target.definition.primary, argument, context)
  local missing
  transaction.around(made.target.db, options, function(t)
    local call = link.call(options, t)
    local surplus
    missing, surplus = difference(made, items, base, call)
    foreign.let_go(made, row, surplus, base, call, options and options.destroyPrevious, context)
    if #missing > 0 then foreign.take(made, missing, values, call, context) end
  end)
  link.remember(made.target, missing, values)
end

many.create = foreign.create

return many
