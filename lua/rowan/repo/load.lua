--- Loading what a query includes: one statement an association and level, whatever the number of rows, then the
--- children are hung on their parents. Also keeps equal children one table.

local run = require("rowan.repo.run")

local load = {}

-- The distinct key values of the parents; nil when there are none, so that nothing has to be asked.
local function keys_of(parents, name)
  local list, seen, n = {}, {}, 0
  for i = 1, #parents do
    local key = parents[i][name]
    if key ~= nil and not seen[key] then
      seen[key] = true
      n = n + 1
      list[n] = key
    end
  end
  list.n = n
  return n > 0 and list or nil
end

local function hang_many(parents, children, child, as)
  local parent_key, child_key = child.parent_key, child.child_key
  local groups = {}
  for i = 1, #children do
    local row = children[i]
    local key = row[child_key]
    local group = groups[key]
    if group then
      group[#group + 1] = row
    else
      groups[key] = { row }
    end
  end
  for i = 1, #parents do
    local parent = parents[i]
    parent[as] = groups[parent[parent_key]] or {}
  end
end

-- That nothing was found is remembered by the rows' metatable, which the rows of one read share.
local function mark_loaded(parent, as)
  local meta = getmetatable(parent)
  if not meta then return end
  meta.loaded = meta.loaded or {}
  meta.loaded[as] = true
end

local function hang_one(parents, children, child, as)
  local parent_key, child_key = child.parent_key, child.child_key
  local found = {}
  for i = 1, #children do
    local row = children[i]
    local key = row[child_key]
    if found[key] == nil then found[key] = row end
  end
  for i = 1, #parents do
    local parent = parents[i]
    local key = parent[parent_key]
    local row = key ~= nil and found[key] or nil
    if row then
      parent[as] = row
    else
      mark_loaded(parent, as)
    end
  end
end

local function child_rows(db, child, keys, params, options)
  local plan = child.plan
  local args = { keys }
  for i = 1, plan.count do args[i + 1] = params[plan.first + i - 1] end
  local model = plan.model
  local template
  if not options.raw then template = plan.whole and model._template or model._partial_template end
  return run.plan(db, plan, args, plan.count + 1, options, template)
end

---Loads the children of `plan` for the rows, level by level.
---@async
---@param db table
---@param plan rowan.Plan
---@param parents table[]
---@param params any[] all parameters of the call
---@param options table the call's
function load.children(db, plan, parents, params, options)
  if #parents == 0 then return end
  for _, child in ipairs(plan.children) do
    local link = child.association
    local keys = keys_of(parents, child.parent_key)
    local children = keys and child_rows(db, child, keys, params, options) or {}
    local hang = link.multiple and hang_many or hang_one
    hang(parents, children, child, link.as)
    if child.plan.children[1] then load.children(db, child.plan, children, params, options) end
  end
end

return load
