--- Loading what a query includes: one statement an association and level, whatever the number of rows; then the children
--- are hung on their parents. Children that are the same row become the same table.

local run = require("rowan.repo.run")

local load = {}

-- The rows at the end of a path of joined fields: each once, or as often as the path leads there.
local function rows_at(rows, path, lists, repeated)
  if not path[1] then return rows end
  local list, seen = {}, {}
  local function walk(row, step)
    local value = row[path[step]]
    if not value then return end
    for _, one in ipairs(lists[step] and value or { value }) do
      if path[step + 1] then
        walk(one, step + 1)
      elseif repeated or not seen[one] then
        seen[one] = true
        list[#list + 1] = one
      end
    end
  end
  for i = 1, #rows do walk(rows[i], 1) end
  return list
end

-- Several values as one table key; the lengths keep ("1","11") and ("11","1") apart, the kinds 1 and "1".
local function composite(row, names)
  local parts = {}
  for i = 1, #names do
    local value = row[names[i]]
    if value == nil then return nil end
    local text = type(value) == "number" and ("%.17g"):format(value) or tostring(value)
    parts[i] = type(value):sub(1, 1) .. #text .. ":" .. text
  end
  return table.concat(parts)
end

-- A function that gives a row's key, or nil when part of it is NULL.
local function reader(names)
  if #names == 1 then
    local name = names[1]
    return function(row) return row[name] end
  end
  return function(row) return composite(row, names) end
end

local function key_list(parents, name)
  local list, seen, n = {}, {}, 0
  for i = 1, #parents do
    local key = parents[i][name]
    if key ~= nil and not seen[key] then
      seen[key], n = true, n + 1
      list[n] = key
    end
  end
  list.n = n
  return n > 0 and { list } or nil
end

-- The distinct keys of the parents as one list a key attribute; nil when there are none, so that nothing has to be asked.
local function shown_lists(parents, names)
  if not names[2] then return key_list(parents, names[1]) end
  local key_of, lists, seen, n = reader(names), {}, {}, 0
  for i = 1, #names do lists[i] = {} end
  for i = 1, #parents do
    local row = parents[i]
    local key = key_of(row)
    if key ~= nil and not seen[key] then
      seen[key] = true
      n = n + 1
      for c = 1, #names do lists[c][n] = row[names[c]] end
    end
  end
  for i = 1, #names do lists[i].n = n end
  return n > 0 and lists or nil
end

-- The same as they are bound.
local function key_lists(parents, child)
  local lists, dumps = shown_lists(parents, child.parent_keys), child.dumps
  for c = 1, lists and dumps and #lists or 0 do
    local list, dump = lists[c], dumps[c]
    for i = 1, dump and list.n or 0 do list[i] = dump(list[i]) end
  end
  return lists
end

local WEAK_KEYS = { __mode = "k" }

-- Rows read together with an association know by their metatable that it was loaded (repo/run); of a row that was given
-- it later, and for which nothing was found, the metatable keeps a note.
local function mark_missing(row, as)
  local meta = getmetatable(row)
  if not meta or (meta.loaded and meta.loaded[as]) then return end
  meta.missing = meta.missing or {}
  meta.missing[as] = meta.missing[as] or setmetatable({}, WEAK_KEYS)
  meta.missing[as][row] = true
end

---Whether an association was loaded for an instance, even if nothing was found.
---@param row table
---@param as string
---@return boolean
function load.is_loaded(row, as)
  if rawget(row, as) ~= nil then return true end
  local meta = getmetatable(row)
  if meta.loaded and meta.loaded[as] then return true end
  local missing = meta.missing and meta.missing[as]
  return missing ~= nil and missing[row] == true
end

local function group_by(rows, name)
  local groups = {}
  for i = 1, #rows do
    local row = rows[i]
    local key = row[name]
    local list = groups[key]
    if list then
      list[#list + 1] = row
    else
      groups[key] = { row }
    end
  end
  return groups
end

-- The children by key. Where the keys came in a field of their own that nobody asked for, it is taken off, and rows that
-- are then the same row become one table.
local function group(rows, child)
  local key_of, keys_in = reader(child.child_keys), child.keys_in
  if not keys_in and not child.child_keys[2] then return group_by(rows, child.child_keys[1]) end
  local hidden = keys_in ~= nil and keys_in:byte() == 1
  local identity = hidden and child.identity and reader(child.identity)
  local groups, known = {}, {}
  for i = 1, #rows do
    local row = rows[i]
    local holder = keys_in and row[keys_in] or row
    local key = key_of(holder)
    if hidden then row[keys_in] = nil end
    local id = identity and identity(row) or nil
    if id ~= nil then
      if known[id] then
        row = known[id]
      else
        known[id] = row
      end
    end
    local list = groups[key]
    if list then
      list[#list + 1] = row
    else
      groups[key] = { row }
    end
  end
  return groups
end

local function hang(parents, groups, child)
  local as, many = child.association.as, child.association.multiple
  local key_of, name = reader(child.parent_keys), not child.parent_keys[2] and child.parent_keys[1]
  for i = 1, #parents do
    local parent = parents[i]
    local key
    if name then key = parent[name] else key = key_of(parent) end
    local found = key ~= nil and groups[key] or nil
    if many then
      parent[as] = found or {}
    elseif found then
      parent[as] = found[1]
    else
      mark_missing(parent, as)
    end
  end
end

-- The rows of one answer know each other through a weak reference to their list: as long as somebody holds the list, a
-- getter called on one of them can load for all. The lists of children live as long as the list of their parents.
local children_of = setmetatable({}, { __mode = "k" })
local WEAK = { __mode = "v" }

---@class rowan.Siblings in the metatable of a row
---@field of table<1, table[]> the rows of the answer
---@field path? string[] fields that lead from them to the row and those like it
---@field lists? boolean[]

local function with_siblings(template, siblings, include)
  if not template then return template end
  local own = { __index = nil, __name = nil, __tostring = nil, Model = nil, loaded = nil, siblings = siblings,
    include = include }
  for key, value in next, template do own[key] = value end
  return own
end

-- The templates of a plan for one answer, whose list goes into `of`.
local function introduced(plan, template, of, include)
  local segments = plan.columns.segments
  if not segments then return with_siblings(template, { of = of }, include) end
  local list, paths, many = { with_siblings(template[1], { of = of }, include) }, { [0] = {} }, { [0] = {} }
  for i, segment in ipairs(segments) do
    local path, lists = {}, {}
    for step, key in ipairs(paths[segment.parent]) do path[step], lists[step] = key, many[segment.parent][step] end
    path[#path + 1], lists[#path + 1] = segment.key, segment.many or false
    paths[i], many[i] = path, lists
    list[i + 1] = with_siblings(template[i + 1], { of = of, path = path, lists = lists })
  end
  return list
end

local function can_load(plan)
  if plan.model.association_order[1] then return true end
  for _, segment in ipairs(plan.columns.segments or {}) do
    if segment.model and segment.model.association_order[1] then return true end
  end
  return false
end

---Runs a plan for its rows, which then know each other.
---@async
---@param db table
---@param plan rowan.Plan
---@param params any[]
---@param count integer
---@param options table
---@param holder? table[] a list that keeps that of the rows alive
---@param include? any what the rows know they were read with, for reload
---@return table[] rows
function load.rows(db, plan, params, count, options, holder, include)
  local template = run.template(plan, options)
  if not template or not can_load(plan) then return (run.plan(db, plan, params, count, options, template)) end
  local of = setmetatable({ false }, WEAK)
  local rows = run.plan(db, plan, params, count, options, introduced(plan, template, of, include))
  of[1] = rows
  if holder then
    local kept = children_of[holder] or {}
    kept[#kept + 1] = rows
    children_of[holder] = kept
  end
  return rows
end

---The list of rows that a row came in, if somebody still holds it. A row that several others share is in it several times.
---@param row table
---@return table[]?
function load.siblings(row)
  local known = getmetatable(row).siblings
  local rows = known and known.of[1]
  if not rows or not known.path then return rows end
  return rows_at(rows, known.path, known.lists, true)
end

local function child_rows(db, child, lists, params, options, holder)
  local plan = child.plan
  local args = lists
  local reserved = #lists
  for i = 1, plan.count do args[reserved + i] = params[plan.first + i - 1] end
  return load.rows(db, plan, args, reserved + plan.count, options, holder)
end

---Stands for "no row" among the results of load.by_row.
load.NOTHING = {}

---What belongs to each row by the only child of a plan, without touching the rows.
---@async
---@param db table
---@param plan { children: rowan.PlanChild[] }
---@param rows table[]
---@param params any[]
---@param options table
---@return table<table, table> found by row: a list, or one row or load.NOTHING
function load.by_row(db, plan, rows, params, options)
  local child = plan.children[1]
  local lists = key_lists(rows, child)
  local children = lists and child_rows(db, child, lists, params, options, rows) or {}
  local groups, key_of, found = group(children, child), reader(child.parent_keys), {}
  for i = 1, #rows do
    local key = key_of(rows[i])
    local list = key ~= nil and groups[key] or nil
    if child.association.multiple then
      found[rows[i]] = list or {}
    else
      found[rows[i]] = list and list[1] or load.NOTHING
    end
  end
  if child.plan.children[1] and children[1] then load.children(db, child.plan, children, params, options) end
  return found
end

---Loads the children of `plan` for its rows, level by level.
---@async
---@param db table
---@param plan rowan.Plan
---@param rows table[]
---@param params any[] all parameters of the call
---@param options table the call's
function load.children(db, plan, rows, params, options)
  for _, child in ipairs(plan.children) do
    local parents = rows_at(rows, child.path, child.lists)
    local lists = key_lists(parents, child)
    local found = lists and child_rows(db, child, lists, params, options, rows) or {}
    hang(parents, group(found, child), child)
    if child.plan.children[1] and found[1] then load.children(db, child.plan, found, params, options) end
  end
end

return load
