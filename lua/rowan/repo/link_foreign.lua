--- What hasOne and hasMany share: rows of the target take a foreign key, or let go of it. Called by repo/link_one and
--- repo/link_many.

local create = require("rowan.repo.create")
local link = require("rowan.repo.link")
local link_rows = require("rowan.repo.link_rows")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")

local foreign = {}

---The condition that rows of the target belong to `row`; nil when its key is NULL, so that none can.
---@param made rowan.Association
---@param row table
---@param context string
---@return any
function foreign.condition(made, row, context)
  local values = link.values(row, link.side(made.keys, "source"), context)
  if not values then return nil end
  return link.all_of(link.by_name(link.side(made.keys, "target"), values), made.scope)
end

---The values that a row of the target has when it belongs to `row`: its foreign key, and the scope.
---@param made rowan.Association
---@param row table a stored row
---@param context string
---@return table<string, any>
function foreign.values(made, row, context)
  local values = link.by_name(link.side(made.keys, "target"),
    link.stored_values(row, link.side(made.keys, "source"), context))
  for name, value in next, made.values or {} do values[name] = value end
  return values
end

---Writes the values into the rows named; all of them must be there. Inside a transaction.
---@async
---@param made rowan.Association
---@param items rowan.LinkItem[]
---@param values table<string, any>
---@param call table
---@param context string
function foreign.take(made, items, values, call, context)
  local model = made.target
  local affected = link_rows.update(model, model.definition.primary, link.keys_of(items), nil, values, call, context)
  if affected ~= #items then
    link.fail("InstanceError", context, ("%d of the %d rows of %s are not in the database")
      :format(#items - affected, #items, model.name))
  end
end

---Whether the foreign key can be NULL.
---@param made rowan.Association
---@return boolean
function foreign.releasable(made)
  for _, pair in ipairs(made.keys) do
    if pair.target.allow_null then return true end
  end
  return false
end

-- What a row is given when it is let go of. A part of the key that is never NULL stays; the others say enough.
local function released(made)
  local values = {}
  for _, pair in ipairs(made.keys) do
    if pair.target.allow_null then values[pair.target.name] = null end
  end
  return link.stamped(made.target, values)
end

---Lets go of the rows under a condition: their foreign key becomes NULL, or they are deleted.
---@async
---@param made rowan.Association
---@param base any
---@param call table
---@param destroy? boolean
---@param context string
function foreign.release(made, base, call, destroy, context)
  if destroy or not foreign.releasable(made) then
    link_rows.remove(made.target, link.with(call, { where = base }), context)
  else
    link_rows.change(made.target, released(made), link.with(call, { where = base, silent = true }), context)
  end
end

-- Instances whose rows were let go of show it, if they belonged to `row`.
local function forget(made, row, items, values)
  local own, list = link.by_name(link.side(made.keys, "target"), link.values(row, link.side(made.keys, "source"))), {}
  for _, item in ipairs(items) do
    for _, instance in ipairs(item.rows or {}) do
      local belonged = true
      for name, value in next, own do belonged = belonged and rows.original(instance, name) == value end
      if belonged then list[#list + 1] = { row = instance } end
    end
  end
  link.remember(made.target, list, values)
end

---Lets go of the rows named, as far as they are under the condition.
---@async
---@param made rowan.Association
---@param row table
---@param items rowan.LinkItem[]
---@param base any
---@param options? table
---@param destroy? boolean
---@param context string
function foreign.let_go(made, row, items, base, options, destroy, context)
  if #items == 0 then return end
  local model, keys = made.target, link.keys_of(items)
  local primary = model.definition.primary
  if destroy or not foreign.releasable(made) then
    link_rows.delete(model, primary, keys, base, link.call(options), context)
    return
  end
  local values = released(made)
  link_rows.update(model, primary, keys, base, values, link.call(options), context)
  forget(made, row, items, values)
end

---Makes a row of the target that belongs to `row`.
---@async
---@param made rowan.Association
---@param row table
---@param values? table
---@param options? table
---@param context string
---@return table
function foreign.create(made, row, values, options, context)
  local own = foreign.values(made, row, context)
  local inside = options and link.creation(options, nil, own)
  return create.one(made.target, link.with(values, own), inside, context)
end

return foreign
