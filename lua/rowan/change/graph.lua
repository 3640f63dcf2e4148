--- New rows with the rows of their associations, out of nested tables: instances level by level, all checked before
--- anything is sent. Pure; repo/nested stores what it gives. Associations are data here.

local build = require("rowan.change.build")
local check = require("rowan.base.check")
local collect = require("rowan.change.collect")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local validate = require("rowan.change.validate")

local graph = {}

---@class rowan.GraphNode the rows of one association at one level
---@field model table
---@field association? table how they hang on the rows of the node above
---@field rows table[] instances, one for each place in the values
---@field owners integer[] the row of the node above that each hangs on
---@field fresh table[] those that are new, each once
---@field places table<table, string> where a new row stands in the values
---@field later table<table, table<string, boolean>> attributes of a new row that are known when others are stored
---@field links table[] belongsToMany: the new row of the junction, for each of rows
---@field children rowan.GraphNode[] in the order of the include

local function fail(class, context, place, rule)
  errors.raise(class, { message = (place == "" and context or context .. ": " .. place) .. ": " .. rule })
end

local function new_node(model, association)
  return {
    model = model, association = association, rows = {}, owners = {}, fresh = {}, places = {}, later = {}, links = {},
    children = {},
  }
end

local function instance_model(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and rawget(meta, "Model") or nil
end

local function junction_of(association)
  return association and association.through
end

-- The values of one row: attributes, nested tables by alias, and those of its junction row.
local function split(node, given, entries, state, place)
  local model, through = node.model, junction_of(node.association)
  local attributes, nested, link, aliases = {}, {}, nil, {}
  for _, entry in ipairs(entries) do aliases[entry.association.as] = true end
  for name, value in next, given do
    if aliases[name] then
      nested[name] = value
    elseif through and name == through.as then
      link = value
    elseif model.associations[name] and not model.definition.by_name[name] then
      build.unknown(model.definition, name, place == "" and state.context or state.context .. ": " .. place)
    else
      attributes[name] = value
    end
  end
  return attributes, nested, link
end

-- A new instance that the caller made: it is stored itself, and is again what it was when that fails.
local function take_instance(node, row, attributes, state, place)
  if state.saved[row] then return end
  local before = {}
  for name, value in next, row do before[name] = value end
  state.saved[row] = { fields = before, model = node.model, node = node }
  for name in next, attributes do
    if not node.model.definition.by_name[name] then
      build.unknown(node.model.definition, name, place == "" and state.context or state.context .. ": " .. place)
    end
  end
end

local function check_instance(node, row, state, place)
  local model, kind = instance_model(row), node.association and node.association.kind
  if model.definition ~= node.model.definition then
    fail("InstanceError", state.context, place, ("wants a row of %s, not of %s"):format(node.model.name, model.name))
  end
  if not row.isNewRecord and kind ~= "belongsTo" and kind ~= "belongsToMany" then
    fail("InstanceError", state.context, place, ("this row of %s is stored already; link it with %s")
      :format(model.name, node.association and node.association.accessors.add or "save"))
  end
  local known = state.saved[row]
  if known and known.node ~= node then
    fail("InstanceError", state.context, place, "this new row is given at two levels; save it first")
  end
end

-- The new row of the junction, but for its keys.
local function junction_row(association, values, state, place)
  local through = association.through
  local model = instance_model(values)
  if values == nil or values == null or (model and not values.isNewRecord) then values = {} end
  local context = state.context .. ": " .. place .. ": " .. through.as
  local row = build.row(through.model.definition, values, context)
  for name, value in next, through.values or {} do row[name] = value end
  return setmetatable(row, through.model._new)
end

-- Attributes that take the key of a row which is stored before.
local function pending(association, side)
  local set = {}
  for _, pair in ipairs(association.keys) do set[pair[side].name] = true end
  return set
end

local add_row

local function add_children(node, row, nested, entries, state, place)
  for i, entry in ipairs(entries) do
    local association = entry.association
    node.children[i] = node.children[i] or new_node(association.target, association)
    local child, value, as = node.children[i], nested[association.as], association.as
    local owner = #node.rows
    local inside = place == "" and as or place .. "." .. as
    if value == nil or value == null then
      row[as] = nil
    elseif association.multiple then
      if type(value) ~= "table" or instance_model(value) or not check.sequence(value) then
        fail("QueryError", state.context, inside, "wants a list of rows")
      end
      local list = {}
      for at, item in ipairs(value) do
        list[at] = add_row(child, item, entry.entries, owner, state, ("%s[%d]"):format(inside, at))
      end
      row[as] = list
    else
      row[as] = add_row(child, value, entry.entries, owner, state, inside)
      if association.kind == "belongsTo" then
        for name in next, pending(association, "source") do node.later[row][name] = true end
      end
    end
  end
end

local function new_row(node, given, entries, state, place)
  local attributes, nested, link = split(node, given, entries, state, place)
  local row = given
  if instance_model(given) then
    take_instance(node, given, attributes, state, place)
  else
    row = setmetatable(build.row(node.model.definition, attributes,
      place == "" and state.context or state.context .. ": " .. place), node.model._new)
  end
  local association = node.association
  for name, value in next, association and association.values or {} do row[name] = value end
  node.fresh[#node.fresh + 1] = row
  node.places[row] = place
  node.later[row] = association and association.keys and association.kind ~= "belongsTo"
    and pending(association, "target") or {}
  return row, nested, link
end

-- Enters one row, and what hangs on it, at the end of the node.
function add_row(node, given, entries, owner, state, place)
  if type(given) ~= "table" then
    fail("QueryError", state.context, place, "wants a table of values, not " .. tostring(given))
  end
  local row, nested, link = given, nil, nil
  if instance_model(given) then
    check_instance(node, given, state, place)
    link = junction_of(node.association) and rawget(given, node.association.through.as)
  end
  if not instance_model(given) or (given.isNewRecord and not state.saved[given]) then
    row, nested, link = new_row(node, given, entries, state, place)
  end
  local at = #node.rows + 1
  node.rows[at], node.owners[at] = row, owner
  if junction_of(node.association) then node.links[at] = junction_row(node.association, link, state, place) end
  if nested then add_children(node, row, nested, entries, state, place) end
  return row
end

---The rows of a list of nested tables.
---@param model table
---@param list table[]
---@param entries table[] of association/includes
---@param context string
---@param single boolean the list is of one row, which messages need not number
---@param saved table<table, { fields: table, model: table }> takes down the caller's instances as they were
---@return rowan.GraphNode root
function graph.build(model, list, entries, context, single, saved)
  local root, state = new_node(model), { context = context, saved = saved }
  for i, given in ipairs(list) do
    add_row(root, given, entries, nil, state, single and "" or "row " .. i)
  end
  return root
end

local function both_keys(association)
  local set = {}
  for _, pair in ipairs(association.source_keys) do set[pair.through.name] = true end
  for _, pair in ipairs(association.target_keys) do set[pair.through.name] = true end
  return set
end

local function add_failures(all, found, place)
  for _, item in ipairs(found or {}) do
    if place ~= "" then item.message = place .. ": " .. item.message end
    item.place = place ~= "" and place or nil
    all[#all + 1] = item
  end
end

-- What is wrong with a new row, as far as no hook is to have a say before.
local function failures_of(def, row, later, validates)
  local hooked = def.hooks and def.hooks.beforeValidate
  if not def.validates or hooked or not validates then return collect.failures(def, row, later) end
  return validate.failures(def, row, { later = later })
end

local function check_node(node, all, now, validates)
  for _, row in ipairs(node.fresh) do
    build.stamp_new(node.model.definition, row, now)
    add_failures(all, failures_of(node.model.definition, row, node.later[row], validates), node.places[row])
  end
  local through = junction_of(node.association)
  if through then
    local keys = both_keys(node.association)
    for i, row in ipairs(node.links) do
      build.stamp_new(through.model.definition, row, now)
      local place = node.places[node.rows[i]]
      add_failures(all, collect.failures(through.model.definition, row, keys),
        (place and place .. "." or "") .. through.as)
    end
  end
  for _, child in ipairs(node.children) do check_node(child, all, now, validates) end
end

---Checks the values of all rows; raises one ValidationError with all that is wrong.
---@param root rowan.GraphNode
---@param validates boolean run validators as well
function graph.check(root, validates)
  local all = {}
  check_node(root, all, build.now(), validates)
  if all[1] then errors.raise("ValidationError", { model = root.model.name, errors = all }) end
end

return graph
