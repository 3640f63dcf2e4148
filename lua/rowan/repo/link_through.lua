--- The methods of belongsToMany: get, count, has, set, add, remove and create, over the rows of the junction. What takes
--- several statements is atomic.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local cast = require("rowan.change.cast")
local create = require("rowan.repo.create")
local link = require("rowan.repo.link")
local link_rows = require("rowan.repo.link_rows")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local read = require("rowan.repo.read")
local reading = require("rowan.repo.reading")
local transaction = require("rowan.repo.transaction")
local tuple = require("rowan.base.tuple")

local through = {}

local function near(made) return link.side(made.source_keys, "through") end
local function far(made) return link.side(made.target_keys, "through") end
local function target_attrs(made) return link.side(made.target_keys, "target") end

-- The condition that rows of the junction are those of `row`; nil when its key is NULL.
local function condition_of(made, row, context)
  local values = link.values(row, link.side(made.source_keys, "source"), context)
  if not values then return nil end
  return link.all_of(link.by_name(near(made), values), made.through.scope)
end

-- What every row of the junction has that links `row`, which must be stored.
local function own_values(made, row, context)
  local values = link.by_name(near(made), link.stored_values(row, link.side(made.source_keys, "source"), context))
  for name, value in next, made.through.values or {} do values[name] = value end
  return values
end

local function key_of(row, attrs)
  local key = {}
  for i, attr in ipairs(attrs) do
    key[i] = row[attr.name]
    if key[i] == nil then return nil end
  end
  return key
end

local function names_of(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.name end
  return names
end

local INCLUDED = { "where", "attributes", "include", "order", "limit", "offset", "scope", "paranoid" }

-- Finder options as those of an include.
local function include_of(options)
  local said, include = options.through or {}, {}
  for _, name in ipairs(INCLUDED) do include[name] = options[name] end
  local attributes = options.joinTableAttributes
  if attributes == nil then attributes = said.attributes end
  if attributes ~= nil or options.through then
    include.through = { attributes = attributes, where = said.where, as = said.as, paranoid = said.paranoid }
  end
  return include
end

local function get(made, row, options, context)
  local found = {}
  if link.values(row, link.side(made.source_keys, "source"), context) then
    local call = link.call(options)
    call.raw = options and options.raw
    found = read.of_rows(made, { row }, include_of(options or {}), call)[row]
  end
  if found[1] == nil then read.reject_empty(made.target, options or {}) end
  return found
end

---Rows that belong to the row, each with the row of the junction under its name.
---@async
---@param made rowan.Association
---@param row table
---@param options? table finder options; through = { where, attributes, as }, joinTableAttributes
---@param context string
---@return table[]
function through.get(made, row, options, context)
  if made.target.definition.searched then
    return (reading.around("all", made.target, options or {}, function(_, call)
      return get(made, row, call, context)
    end))
  end
  return get(made, row, options, context)
end

-- The keys of the targets that belong to the row, each once.
local function linked_keys(made, row, options, more, context)
  local attrs, seen, keys = target_attrs(made), {}, {}
  local found = through.get(made, row, link.with(options, {
    where = link.all_of(more, options and options.where), attributes = names_of(attrs), joinTableAttributes = {},
    raw = true,
  }), context)
  for _, target in ipairs(found) do
    local key = key_of(target, attrs)
    if not tuple.get(seen, key) then
      tuple.put(seen, key, true)
      keys[#keys + 1] = key
    end
  end
  return keys
end

---How many there are.
---@async
---@param made rowan.Association
---@param row table
---@param options? table where, through = { where }, transaction, logging
---@param context string
---@return integer
function through.count(made, row, options, context)
  local said = options and options.through or {}
  -- Each row of the junction leads to a row of its own.
  local plain = not made.scope and not made.variant and not made.target.scoped and not made.target.definition.filters
    and not (options and (options.where or options.include or options.scope ~= nil))
  if made.through.unique and made.constraints and plain then
    local condition = condition_of(made, row, context)
    if not condition then return 0 end
    return read.count(made.through.model, link.with(link.call(options), {
      where = link.all_of(condition, said.where), paranoid = said.paranoid,
    }))
  end
  return #linked_keys(made, row, options, nil, context)
end

---Whether all of the named rows belong to the row.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table where, through = { where }, transaction, logging
---@param context string
---@return boolean
function through.has(made, row, argument, options, context)
  local attrs = target_attrs(made)
  local items = link.items(made.target, attrs, argument, context)
  if #items == 0 then return true end
  return #linked_keys(made, row, options, link.one_of(attrs, link.keys_of(items)), context) == #items
end

-- The attributes of the junction's row that an instance carries under its name, or that the call gives to all.
local function junction_values(made, item, options, context)
  local def, values = made.through.model.definition, {}
  local function take(from)
    if from == nil or from == null or (link.is_instance(from) and not from.isNewRecord) then return end
    if type(from) ~= "table" then
      link.fail("QueryError", context, "through wants a table of attributes of " .. made.through.model.name)
    end
    for name, value in next, from do
      if not def.by_name[name] then build.unknown(def, name, context .. ": through") end
      values[name] = value
    end
  end
  take(options and options.through)
  take(item.row and rawget(item.row, made.through.as))
  return values
end

-- A pair is the primary key of its junction's row: of one that was deleted softly, the new row takes the place.
local function make_room(made, items, own, call, context)
  local def = made.through.model.definition
  if not def.deleted or #def.primary ~= #near(made) + #far(made) then return end
  local keys = link.keys_of(items)
  link_rows.delete(made.through.model, far(made), keys,
    link.all_of(own, { [def.deleted.name] = { [ops.Op.ne] = def.roles.live } }),
    link.with(call, { force = true, hooks = false }), context)
end

local function insert_rows(made, items, own, options, call, context)
  local model, list = made.through.model, {}
  local attrs = far(made)
  make_room(made, items, own, call, context)
  for i, item in ipairs(items) do
    local row = build.row(model.definition, junction_values(made, item, options, context), context)
    for name, value in next, own do row[name] = value end
    for c, attr in ipairs(attrs) do row[attr.name] = item.key[c] end
    list[i] = setmetatable(row, model._new)
  end
  if #list == 0 then return list end
  if model.definition.watched then
    -- The hooks of the call, and those of each row.
    bulk_life.create(model, list, link.with(call, { individualHooks = true }), function(fresh, inside)
      bulk.insert(model, fresh, inside)
    end)
  else
    bulk.insert(model, list, call)
  end
  return list
end

-- The attributes that are not what the row of the junction has.
local function changes_of(made, stored, values)
  local def, changed = made.through.model.definition, nil
  local failures
  for name, value in next, values do
    local attr, shown = def.by_name[name], {}
    local _
    _, failures = cast.bind(shown, attr, value, failures)
    local equal = attr.type.equal or rawequal
    local now = shown[name]
    if (now == nil) ~= (stored[name] == nil) or (now ~= nil and not equal(now, stored[name])) then
      changed = changed or {}
      changed[name] = value
    end
  end
  cast.check(def, failures)
  return changed
end

local function same_values(a, b)
  for name, value in next, a do
    if b[name] ~= value then return false end
  end
  for name in next, b do
    if a[name] == nil then return false end
  end
  return true
end

-- Rows that are linked already get the junction attributes that were given: one statement for all that change alike.
local function update_rows(made, items, by_key, own, options, call, context)
  local groups = {}
  for _, item in ipairs(items) do
    local changed = changes_of(made, tuple.get(by_key, item.key), junction_values(made, item, options, context))
    if changed then
      local group
      for _, known in ipairs(groups) do group = group or same_values(known.values, changed) and known end
      if not group then
        group = { values = changed, keys = {} }
        groups[#groups + 1] = group
      end
      group.keys[#group.keys + 1] = item.key
    end
  end
  for _, group in ipairs(groups) do
    link_rows.update(made.through.model, far(made), group.keys, own, link.stamped(made.through.model, group.values),
      call, context)
  end
end

-- A row that carried the attributes of its link shows the row of the junction in their place.
local function show_links(made, missing, linked, present)
  local as = made.through.as
  for i, item in ipairs(missing) do
    if item.row and rawget(item.row, as) ~= nil then rawset(item.row, as, linked[i]) end
  end
  for _, item in ipairs(present) do
    if item.row and not link.is_instance(rawget(item.row, as)) then rawset(item.row, as, nil) end
  end
end

local function divide(items, by_key)
  local missing, present = {}, {}
  for _, item in ipairs(items) do
    local list = tuple.get(by_key, item.key) and present or missing
    list[#list + 1] = item
  end
  return missing, present
end

---Links the named rows; those that are linked already only get the attributes of the junction that were given.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table through = attributes of the junction's rows
---@param context string
function through.add(made, row, argument, options, context)
  local own = own_values(made, row, context)
  local items = link.items(made.target, target_attrs(made), argument, context)
  if #items == 0 then return end
  local missing, present, linked
  transaction.around(made.source.db, options, function(t)
    local call, by_key = link.call(options, t), {}
    if made.through.unique then
      local found = read.all(made.through.model, link.with(call, {
        where = link.all_of(own, link.one_of(far(made), link.keys_of(items))), raw = true,
      }))
      for _, stored in ipairs(found) do tuple.put(by_key, key_of(stored, far(made)), stored) end
    end
    missing, present = divide(items, by_key)
    linked = insert_rows(made, missing, own, options, call, context)
    update_rows(made, present, by_key, own, options, call, context)
  end)
  show_links(made, missing, linked, present)
end

---Unlinks the named rows; those that are not linked are left alone.
---@async
---@param made rowan.Association
---@param row table
---@param argument any
---@param options? table
---@param context string
function through.remove(made, row, argument, options, context)
  local own = own_values(made, row, context)
  local items = link.items(made.target, target_attrs(made), argument, context)
  if #items == 0 then return end
  local keys = link.keys_of(items)
  link_rows.delete(made.through.model, far(made), keys, own, link.call(options), context)
end

-- The rows of the junction that link `row`, as far as their targets are in the association's scope.
local function current_links(made, row, own, call, context)
  local by_key, keys = {}, {}
  local found = read.all(made.through.model, link.with(call, { where = own, raw = true }))
  for _, stored in ipairs(found) do
    local key = key_of(stored, far(made))
    if key then
      if not tuple.get(by_key, key) then keys[#keys + 1] = key end
      tuple.put(by_key, key, stored)
    end
  end
  if made.scope and keys[1] then keys = linked_keys(made, row, call, nil, context) end
  return by_key, keys
end

---Links exactly the named rows: sends the difference only.
---@async
---@param made rowan.Association
---@param row table
---@param argument any nil for none
---@param options? table through = attributes of the junction's rows
---@param context string
function through.set(made, row, argument, options, context)
  local own = own_values(made, row, context)
  if argument == nil or argument == null then argument = {} end
  local items = link.items(made.target, target_attrs(made), argument, context)
  local missing, present, linked
  transaction.around(made.source.db, options, function(t)
    local call, wanted, surplus = link.call(options, t), {}, {}
    local by_key, current = current_links(made, row, own, call, context)
    for _, item in ipairs(items) do tuple.put(wanted, item.key, true) end
    for _, key in ipairs(current) do
      if not tuple.get(wanted, key) then surplus[#surplus + 1] = key end
    end
    link_rows.delete(made.through.model, far(made), surplus, own, call, context)
    missing, present = divide(items, by_key)
    linked = insert_rows(made, missing, own, options, call, context)
    update_rows(made, present, by_key, own, options, call, context)
  end)
  show_links(made, missing, linked, present)
end

---Makes a row and links it.
---@async
---@param made rowan.Association
---@param row table
---@param values? table
---@param options? table include, through
---@param context string
---@return table
function through.create(made, row, values, options, context)
  local own = own_values(made, row, context)
  local target, linked_rows
  transaction.around(made.source.db, options, function(t)
    local call = link.call(options, t)
    local set = made.values or {}
    target = create.one(made.target, link.with(values, set), link.creation(options, t, set), context)
    local item = { key = key_of(target, target_attrs(made)) }
    if not item.key then
      link.fail("InstanceError", context, ("%s.%s is NULL, so the row cannot be linked")
        :format(made.target.name, target_attrs(made)[1].name))
    end
    linked_rows = insert_rows(made, { item }, own, options, call, context)
  end)
  rawset(target, made.through.as, linked_rows[1])
  return target
end

return through
