--- Storing new rows together with those of their associations: what they point at first, then the rows, then what points
--- at them, one bulk statement a level (and set of attributes), all in one transaction. Called by repo/create.

local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local errors = require("rowan.base.errors")
local graph = require("rowan.change.graph")
local includes = require("rowan.association.includes")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local undo = require("rowan.repo.written")

local nested = {}

---@class rowan.NestedState
---@field call table options of the statements
---@field bulk boolean of bulkCreate, whose own hooks run as well
---@field alone boolean only one statement is sent, outside of a transaction of our own
---@field given { row: table, name: string, value: any }[] keys that rows got, and what they had there
---@field sent { model: table, groups: rowan.BulkGroup[] }[] rows that become stored instances at the end

-- How many nodes have something to INSERT.
local function writes_of(node)
  local count = #node.fresh > 0 and 1 or 0
  if #node.links > 0 then count = count + 1 end
  for _, child in ipairs(node.children) do count = count + writes_of(child) end
  return count
end

-- What hangs on rows is stored in the transaction that their hooks run in.
local function within(state, call, inside)
  local outer, own = state.call, {}
  for name, value in next, outer do own[name] = value end
  own.transaction = call.transaction
  state.call = own
  inside()
  state.call = outer
end

-- Hooks behind the INSERT see stored rows, with what hangs on them; a rollback makes them new ones again (repo/written).
-- Those of each row run, and of a bulk call its own as well.
local function insert_watched(model, instances, state, inside)
  local around, options = bulk_life.insert_each, state.call
  if state.bulk then
    around, options = bulk_life.create, {}
    for name, value in next, state.call do options[name] = value end
    if options.individualHooks == nil then options.individualHooks = true end
  end
  around(model, instances, options, function(list, call)
    if state.alone then return bulk.insert(model, list, call) end
    local groups = bulk.prepare(model, list)
    bulk.send(model, groups, call)
    bulk.adopt(model, groups, call)
  end, inside and function(call) within(state, call, inside) end)
end

-- INSERTs rows, and does what comes before the hooks behind it.
local function insert(model, instances, state, inside)
  if #instances > 0 then
    if model.definition.watched then return insert_watched(model, instances, state, inside) end
    if state.alone then
      bulk.insert(model, instances, state.call)
    else
      local groups = bulk.prepare(model, instances)
      bulk.send(model, groups, state.call)
      state.sent[#state.sent + 1] = { model = model, groups = groups }
    end
  end
  if inside then inside() end
end

local function key_value(row, attr)
  local value = rawget(row, attr.name)
  if value == nil then
    errors.raise("InstanceError", {
      message = ("%s.%s has no value, so no row can be linked by it"):format(attr.definition.name, attr.name),
    })
  end
  return value
end

local function set_keys(to, to_side, from, from_side, pairs_of_keys)
  for _, pair in ipairs(pairs_of_keys) do to[pair[to_side].name] = key_value(from, pair[from_side]) end
end

-- The rows of the junction; a pair that was given twice is one, where the junction holds each pair once.
local function insert_links(node, child, state)
  local made, list, seen = child.association, {}, {}
  for i, link in ipairs(child.links) do
    local owner, row = node.rows[child.owners[i]], child.rows[i]
    set_keys(link, "through", owner, "source", made.source_keys)
    set_keys(link, "through", row, "target", made.target_keys)
    seen[owner] = seen[owner] or {}
    if not (made.through.unique and seen[owner][row]) then list[#list + 1] = link end
    seen[owner][row] = true
  end
  insert(made.through.model, list, state)
end

-- The same for rows that the caller may have; a rollback takes the keys from them again.
local function give_keys(state, to, to_side, from, from_side, pairs_of_keys)
  for _, pair in ipairs(pairs_of_keys) do
    local name = pair[to_side].name
    state.given[#state.given + 1] = { row = to, name = name, value = rawget(to, name) }
  end
  set_keys(to, to_side, from, from_side, pairs_of_keys)
end

local save

-- What points at the rows of a node.
local function save_dependents(node, state)
  for _, child in ipairs(node.children) do
    local made = child.association
    if made.through then
      save(child, state)
      insert_links(node, child, state)
    elseif made.kind ~= "belongsTo" then
      for i, row in ipairs(child.rows) do
        give_keys(state, row, "target", node.rows[child.owners[i]], "source", made.keys)
      end
      save(child, state)
    end
  end
end

function save(node, state)
  for _, child in ipairs(node.children) do
    if child.association.kind == "belongsTo" then
      save(child, state)
      for i, row in ipairs(child.rows) do
        give_keys(state, node.rows[child.owners[i]], "source", row, "target", child.association.keys)
      end
    end
  end
  insert(node.model, node.fresh, state, function() save_dependents(node, state) end)
end

-- A row that hangs on one parent only shows the row of the junction.
local function show_links(node)
  local made = node.association
  if made and made.through then
    local times = {}
    for _, row in ipairs(node.rows) do times[row] = (times[row] or 0) + 1 end
    for i, row in ipairs(node.rows) do
      rawset(row, made.through.as, times[row] == 1 and node.links[i] or nil)
    end
  end
  for _, child in ipairs(node.children) do show_links(child) end
end

-- Instances of the caller's are again as they were given.
local function restore(saved)
  for row, before in next, saved do
    for name in next, row do row[name] = nil end
    for name, value in next, before.fields do rawset(row, name, value) end
    setmetatable(row, before.model._new)
  end
end

local function store(root, model, options, single)
  local state = { sent = {}, given = {}, call = options or {}, alone = writes_of(root) < 2, bulk = not single }
  if state.alone then
    save(root, state)
  else
    transaction.around(model.db, options, function(t)
      state.call = {
        transaction = t, logging = options and options.logging, benchmark = options and options.benchmark,
        hooks = options and options.hooks, validate = options and options.validate,
        individualHooks = options and options.individualHooks, context = options and options.context,
      }
      save(root, state)
    end)
  end
  for _, sent in ipairs(state.sent) do bulk.adopt(sent.model, sent.groups, options) end
  undo.given(run.transaction(model.db, options), state.given)
  show_links(root)
end

---Makes and stores rows with the rows of the associations that `include` names; on failure nothing is left of them.
---@async
---@param model table
---@param list table[] values, with nested tables under the aliases
---@param options table include, transaction, logging
---@param context string
---@param single? boolean the list is of one row
---@return table[] instances
function nested.create(model, list, options, context, single)
  local entries = includes.entries(model, options.include, context)
  local saved, root = {}, nil
  local ok, problem = pcall(function()
    root = graph.build(model, list, entries, context, single or false, saved)
    graph.check(root, options.validate ~= false)
    store(root, model, options, single)
  end)
  if ok then return root.rows end
  restore(saved)
  error(problem, 0)
end

return nested
