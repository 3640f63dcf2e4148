--- Loading what a query includes: one statement an association and level, whatever the number of rows; then the children
--- are hung on their parents. Children that are the same row become the same table.

local run = require("rowan.repo.run")

local load = {}

-- Parents at the end of a path of joined fields, each once.
local function parents_at(rows, path)
  if not path[1] then return rows end
  local list, seen = {}, {}
  for i = 1, #rows do
    local row = rows[i]
    for step = 1, #path do
      row = row and row[path[step]]
    end
    if row and not seen[row] then
      seen[row] = true
      list[#list + 1] = row
    end
  end
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

-- The distinct keys of the parents as one list a key attribute; nil when there are none, so that nothing has to be asked.
local function key_lists(parents, names)
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

-- The children by key. Where the keys came in a field of their own that nobody asked for, it is taken off, and rows that
-- are then the same row become one table.
local function group(rows, child)
  local key_of, keys_in = reader(child.child_keys), child.keys_in
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
  local as, many, key_of = child.association.as, child.association.multiple, reader(child.parent_keys)
  for i = 1, #parents do
    local parent = parents[i]
    local key = key_of(parent)
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

local function child_rows(db, child, lists, params, options)
  local plan = child.plan
  local args = lists
  local reserved = #lists
  for i = 1, plan.count do args[reserved + i] = params[plan.first + i - 1] end
  return run.plan(db, plan, args, reserved + plan.count, options, run.template(plan, options))
end

-- The rows of one answer know each other through a weak reference to their list: as long as somebody holds the list, a
-- getter called on one of them can load for all. The lists of children live as long as the list of their parents.
local children_of = setmetatable({}, { __mode = "k" })
local WEAK = { __mode = "v" }

---Lets the rows of an answer know their list.
---@param rows table[]
---@param holder? table[] the list that keeps this one alive
function load.introduce(rows, holder)
  local meta = rows[2] and getmetatable(rows[1])
  if not meta then return end
  if holder then
    local kept = children_of[holder] or {}
    kept[#kept + 1] = rows
    children_of[holder] = kept
  end
  local known = setmetatable({ rows }, WEAK)
  for i = 1, #rows do
    local one = getmetatable(rows[i])
    if one ~= meta or i == 1 then
      meta = one
      meta.siblings = known
    end
  end
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
  local lists = key_lists(rows, child.parent_keys)
  local children = lists and child_rows(db, child, lists, params, options) or {}
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
  load.introduce(children, rows)
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
    local parents = parents_at(rows, child.path)
    local lists = key_lists(parents, child.parent_keys)
    local found = lists and child_rows(db, child, lists, params, options) or {}
    hang(parents, group(found, child), child)
    load.introduce(found, rows)
    if child.plan.children[1] and found[1] then load.children(db, child.plan, found, params, options) end
  end
end

return load
