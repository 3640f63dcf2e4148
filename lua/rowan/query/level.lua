--- One level of a query: a model's own columns, the to-one children joined to it, its conditions and order. Walked with
--- either builder; in tree building it gives the parts that query/select and query/children put into statements.

local expression = require("rowan.query.expression")
local include = require("rowan.query.include")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local projection = require("rowan.query.projection")
local where = require("rowan.query.where")

local level = {}

---@class rowan.Level
---@field model table
---@field options table
---@field entries rowan.IncludeEntry[]
---@field order rowan.OrderItem[]

---@class rowan.Segment a joined table's columns within a row
---@field key string field of the parent's row
---@field parent integer number of the parent's segment, 0 for the root
---@field model? table nil for plain values
---@field whole? boolean
---@field entries table[] { node, column }
---@field keys integer[] numbers among entries that identify the row
---@field fold boolean

---@class rowan.LevelParts
---@field entries table[] the level's own columns
---@field whole boolean
---@field segments rowan.Segment[]
---@field joins table[]
---@field where? rowan.sql.Node
---@field order? rowan.sql.Node[]
---@field batched { entry: rowan.IncludeEntry, path: string[] }[] children that statements of their own load

---Reads the options of a level; nothing is walked yet.
---@param model table
---@param options table
---@param passed? rowan.OrderItem[] order handed down from above
---@return rowan.Level
function level.new(model, options, passed)
  local entries = include.entries(model, options.include)
  return {
    model = model, options = options, entries = entries, order = order.items(model, options.order, passed, entries),
  }
end

local required_filters

local function move_all(from)
  local list = {}
  for i = #from, 1, -1 do
    list[i] = from[i]
    from[i] = nil
  end
  return list
end

-- The conditions under which a child row belongs: its keys (or `on`), scopes, `where`, and what its own children require.
local function belonging(b, entry, child, parts, outer_model, outer)
  local made, options = entry.association, entry.options
  local found = parts.conditions
  if options.on then
    move_all(found)
    found[1] = expression.with_outer(b, outer_model, outer, function()
      return where.walk(b, made.target.definition, options.on)
    end)
  end
  if options["or"] then
    b:open("or")
    b:open("and")
    local tied = b:logic("and", move_all(found))
    found[1] = b:logic("or", { tied, where.walk(b, made.target.definition, options.where) })
  elseif options.where ~= nil then
    found[#found + 1] = where.walk(b, made.target.definition, options.where)
  end
  link.scopes(b, made, found, parts.through, where.walk)
  local through = options.through
  if through and through.where ~= nil then
    found[#found + 1] = link.within(b, parts.through, function()
      return where.walk(b, made.through.model.definition, through.where)
    end)
  end
  required_filters(b, child, found, false)
end
level.belonging = belonging

local function exists(b, parent, entry)
  b:open("required " .. entry.association.as)
  local child = level.new(entry.association.target, entry.options)
  local outer = b:enter()
  local parts = link.tables(b, entry.association, outer)
  belonging(b, entry, child, parts, parent.model, outer)
  b:leave(outer)
  b:token(")")
  if b.is_shape then
    b.conditions = b.conditions + 1
    return nil
  end
  return node.exists(node.select({
    columns = { node.literal("1") }, from = parts.from, joins = parts.joins,
    where = node.logic("and", parts.conditions),
  }))
end

-- Children that a row must have. Those that an INNER JOIN sees to need no condition.
function required_filters(b, at, found, inner)
  for _, entry in ipairs(at.entries) do
    if entry.required and not (entry.joined and inner) then found[#found + 1] = exists(b, at, entry) end
  end
end
level.required_filters = required_filters

local function key_numbers(entries, def)
  local numbers = {}
  for _, attr in ipairs(def.primary) do
    for i, entry in ipairs(entries) do
      if entry.column.key == attr.name and not entry.alias then numbers[#numbers + 1] = i end
    end
  end
  return numbers
end

local function primary_names(def)
  local names = {}
  for i, attr in ipairs(def.primary) do names[i] = attr.name end
  return names
end

local walk_children

local function walk_joined(b, at, entry, parts, segment_number, path, inner)
  local made = entry.association
  b:open("join " .. made.as .. (entry.required and "!" or ""))
  local child = level.new(made.target, entry.options, entry.passed_order)
  local outer = b:enter()
  local def = made.target.definition
  local needed = include.needed(child.entries)
  for _, name in ipairs(primary_names(def)) do needed[#needed + 1] = name end
  for _, pair in ipairs(made.keys) do needed[#needed + 1] = pair.target.name end
  local segment = { key = made.as, parent = segment_number, model = made.target, fold = true }
  segment.entries, segment.whole = projection.walk(b, def, entry.options.attributes, needed)
  segment.keys = key_numbers(segment.entries, def)
  parts.segments[#parts.segments + 1] = segment
  local tied = link.tables(b, made, outer)
  belonging(b, entry, child, tied, at.model, outer)
  local requires = inner and entry.required
  parts.joins[#parts.joins + 1] = {
    kind = requires and "INNER JOIN" or "LEFT JOIN", source = tied.from, on = node.logic("and", tied.conditions),
  }
  local below = {}
  for i, alias in ipairs(path) do below[i] = alias end
  below[#below + 1] = made.as
  walk_children(b, child, parts, #parts.segments, below, requires)
  b:leave(outer)
  b:token(")")
end

function walk_children(b, at, parts, segment_number, path, inner)
  for _, entry in ipairs(at.entries) do
    if entry.joined then
      walk_joined(b, at, entry, parts, segment_number, path, inner)
    else
      parts.batched[#parts.batched + 1] = { entry = entry, path = path }
    end
  end
end

---Walks a level. `needed` names attributes that must be read whatever `attributes` says.
---@param b table
---@param at rowan.Level
---@param needed string[]
---@return rowan.LevelParts
function level.walk(b, at, needed)
  local def, options = at.model.definition, at.options
  b:token("@" .. def.generation)
  for _, name in ipairs(include.needed(at.entries)) do needed[#needed + 1] = name end
  local parts = { segments = {}, joins = {}, batched = {} }
  parts.entries, parts.whole = projection.walk(b, def, options.attributes, needed)
  walk_children(b, at, parts, 0, {}, true)
  return parts
end

---Walks the conditions of a level: its `where` and what its children require.
---@param b table
---@param at rowan.Level
---@param condition any the `where` option
---@param joined boolean the statement joins the level's children, so that INNER JOINs filter as well
---@return rowan.sql.Node? in tree building
function level.conditions(b, at, condition, joined)
  local found = {}
  local own = where.walk(b, at.model.definition, condition)
  if own then found[1] = own end
  required_filters(b, at, found, joined)
  if #found == 0 then return nil end
  return node.logic("and", found)
end

-- Rows of computed values may be groups, which have no primary key to be ordered by.
local function has_computed(parts)
  for _, entry in ipairs(parts.entries) do
    if entry.computed then return true end
  end
  return false
end

---Walks order and page of a level: by primary key when a page of rows is asked for without an order.
---@param b table
---@param at rowan.Level
---@param parts rowan.LevelParts
---@return rowan.sql.Node[]? order, rowan.sql.Node? limit, rowan.sql.Node? offset
function level.page(b, at, parts)
  local def, options = at.model.definition, at.options
  local sorted = order.walk(b, at.model, at.order)
  local paged = options.limit ~= nil or options.offset ~= nil
  if paged and #at.order == 0 and not has_computed(parts) then sorted = order.by_key(b, def) end
  return sorted, order.number(b, def, "limit", options.limit), order.number(b, def, "offset", options.offset)
end

return level
