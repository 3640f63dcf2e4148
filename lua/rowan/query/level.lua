--- One level of a query: a model's own columns, the to-one children joined to it, its conditions and order. Walked with
--- either builder; in tree building it gives the parts that query/select and query/children put into statements.

local computed = require("rowan.query.computed")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local filter = require("rowan.query.filter")
local include = require("rowan.query.include")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local projection = require("rowan.query.projection")
local where = require("rowan.query.where")

local level = {}

-- What a level without children has of them; never filled.
local NONE = {}

---@class rowan.Level
---@field model table
---@field options table
---@field entries rowan.IncludeEntry[]
---@field order rowan.OrderItem[]
---@field passed_order? table of children: what the parents' order says of them

---@class rowan.Segment a joined table's columns within a row
---@field key string field of the parent's row
---@field parent integer number of the parent's segment, 0 for the root
---@field model? table nil for plain values
---@field whole? boolean
---@field entries table[] { node, column }
---@field keys integer[] numbers among entries that identify the row
---@field fold boolean equal keys are one table
---@field many? boolean the field is a list
---@field scope? rowan.sql.Scope
---@field inner? boolean every row has one

---@class rowan.LevelParts
---@field entries table[] the level's own columns
---@field whole boolean
---@field segments rowan.Segment[]
---@field joins table[]
---@field where? rowan.sql.Node
---@field distinct? boolean
---@field order? rowan.sql.Node[]
---@field limit? rowan.sql.Node
---@field offset? rowan.sql.Node
---@field keys_in? string of children: the field of their rows that holds the keys of the parents
---@field lock? table
---@field may_repeat boolean the statement can join a to-many association
---@field repeats? string "posts.comments.": path of the to-many that the statement joins, which repeats the rows above it
---@field root_keys? integer[] numbers among entries that identify the level's own row, where it is repeated
---@field inner_order rowan.sql.Node[][] orders of the joined to-many
---@field batched { entry: rowan.IncludeEntry, path: string[] }[] children that statements of their own load

---Reads the options of a level; nothing is walked yet.
---@param model table
---@param options table
---@param passed? rowan.OrderItem[] order handed down from above
---@param through? table of the association that leads to the rows
---@return rowan.Level
function level.new(model, options, passed, through)
  local entries, sorted = NONE, NONE
  if options.include ~= nil then
    entries = include.entries(model, options.include)
    for i = 1, #entries do
      if entries[i].association.origin then model = elsewhere.seeing(model, entries[i].association) end
    end
  end
  if options.order ~= nil or passed then sorted = order.items(model, options.order, passed, entries, through) end
  return { model = model, options = options, entries = entries, order = sorted }
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
      return where.walk(b, child.model.definition, options.on)
    end)
  end
  if options["or"] then
    b:open("or")
    b:open("and")
    local tied = b:logic("and", move_all(found))
    found[1] = b:logic("or", { tied, where.walk(b, child.model.definition, options.where) })
  elseif options.where ~= nil then
    found[#found + 1] = where.walk(b, child.model.definition, options.where)
  end
  link.scopes(b, made, found, parts.through, where.walk, options)
  local through = options.through
  if through and through.where ~= nil then
    found[#found + 1] = link.within(b, parts.through, function()
      return where.walk(b, made.through.model.definition, through.where)
    end)
  end
  if child.entries[1] then required_filters(b, child, found, false) end
end
level.belonging = belonging

local function exists(b, parent, entry)
  local made = entry.association
  return link.any(b, made, "required ", function(parts, outer)
    belonging(b, entry, level.new(made.target, entry.options, nil, made.through), parts, parent.model, outer)
  end)
end

-- What the first of the rows has that an order along to-many associations leads to: of those that the include loads.
local function first_value(b, at, item, depth)
  local made, entry = item.first[depth], nil
  for _, known in ipairs(at.entries) do
    if elsewhere.same(known.association, made) then entry = known end
  end
  made = entry.association
  b:open("first " .. made.as)
  local child = level.new(made.target, entry.options, nil, made.through)
  local outer = b:enter()
  local parts = link.tables(b, made, outer)
  belonging(b, entry, child, parts, at.model, outer)
  local value
  if item.first[depth + 1] then
    value = first_value(b, child, item, depth + 1)
  elseif item.junction then
    value = link.within(b, parts.through, function()
      return order.value(b, made.through.model.definition, item.value)
    end)
  else
    value = order.value(b, made.target.definition, item.value)
  end
  b:leave(outer)
  b:token(item.direction .. ")")
  if b.is_shape then return nil end
  return node.scalar(node.select({
    columns = { value }, from = parts.from, joins = parts.joins, where = node.logic("and", parts.conditions),
    order = { node.ordering(value, item.direction) }, limit = node.literal("1"),
  }))
end

local function walk_order(b, at, computeds)
  return order.walk(b, at.model, at.order, computeds, first_value, at)
end

-- Children that a row must have. Those that an INNER JOIN sees to need no condition.
function required_filters(b, at, found, inner)
  for _, entry in ipairs(at.entries) do
    if entry.required and not (entry.joined and inner) then found[#found + 1] = exists(b, at, entry) end
  end
end

local function key_numbers(entries, def)
  local numbers = {}
  for _, attr in ipairs(def.primary) do
    for i, entry in ipairs(entries) do
      if entry.column.key == attr.name and not entry.alias then numbers[#numbers + 1] = i end
    end
  end
  return numbers
end

local function names_of_targets(made)
  local names = {}
  for i, pair in ipairs(made.keys or {}) do names[i] = pair.target.name end
  return names
end

local function primary_names(def)
  local names = {}
  for i, attr in ipairs(def.primary) do names[i] = attr.name end
  return names
end

-- Whether a statement reads the primary key as it is, without adding it for the sake of a join: what rows show must not
-- depend on how they are loaded.
local function reads_key(def, option, needed)
  if #def.primary == 0 then return false end
  if option == nil then return true end
  local excluded, listed = {}, {}
  for _, name in ipairs(needed) do listed[name] = true end
  for _, name in ipairs(option) do listed[name] = true end
  for _, name in ipairs(option.exclude or NONE) do excluded[name] = true end
  local all = option.include ~= nil or option.exclude ~= nil
  for _, attr in ipairs(def.primary) do
    if excluded[attr.name] or not listed[attr.name] and not all then return false end
  end
  return true
end

-- A statement joins to-many associations along one path only: two beside each other would multiply.
local function may_join(parts, at, entry, path)
  local made, here = entry.association, table.concat(path, ".") .. (path[1] and "." or "")
  local allowed = parts.may_repeat and (not parts.repeats or here:sub(1, #parts.repeats) == parts.repeats)
    and reads_key(made.target.definition, entry.options.attributes, names_of_targets(made))
  if not allowed then
    if entry.right then
      errors.raise("EagerLoadingError", {
        message = ("include: %s: %q cannot have right here: only the statement of the call's own rows can join it, "
          .. "beside no other to-many, and with the primary keys read"):format(at.model.name, made.as),
      })
    end
    return false
  end
  parts.repeats = here .. made.as .. "."
  return true
end

local walk_children

-- The junction's columns beside those of the row that it leads to.
local function add_junction(b, entry, tied, parts, segment_number)
  local made, through = entry.association, entry.options.through or {}
  local wanted, model = through.attributes, made.through.model
  if type(wanted) == "table" and next(wanted) == nil then return end
  local segment = {
    key = through.as or made.through.as or model.name, parent = segment_number, model = model, keys = {}, fold = false,
  }
  local needed = {}
  for i, pair in ipairs(made.source_keys) do needed[i] = pair.through.name end
  b:open("through " .. segment.key)
  link.within(b, tied.through, function()
    segment.entries, segment.whole = projection.walk(b, model.definition, wanted, needed)
  end)
  b:token(")")
  parts.segments[segment_number].fold = false
  parts.segments[#parts.segments + 1] = segment
end

---Joins the tables of an association, in tree building.
---@param parts { joins: table[] }
---@param entry rowan.IncludeEntry
---@param tied table from query/link
---@param requires boolean every row has one
function level.add_join(parts, entry, tied, requires)
  local source = tied.from
  if tied.joins[1] then source = node.nested(tied.from, tied.joins) end
  parts.joins[#parts.joins + 1] = {
    kind = requires and "INNER JOIN" or entry.right and "RIGHT JOIN" or "LEFT JOIN",
    source = source, on = node.logic("and", tied.conditions),
  }
end

local function new_segment(b, entry, child, parts, parent)
  local made = entry.association
  local def = made.target.definition
  local needed = include.needed(child.entries)
  for _, name in ipairs(primary_names(def)) do needed[#needed + 1] = name end
  for _, name in ipairs(names_of_targets(made)) do needed[#needed + 1] = name end
  local segment = { key = made.as, parent = parent, model = made.target, fold = true, many = made.multiple }
  segment.entries, segment.whole = projection.walk(b, def, entry.options.attributes, needed)
  segment.keys = key_numbers(segment.entries, def)
  parts.segments[#parts.segments + 1] = segment
  return #parts.segments
end

local function walk_joined(b, at, entry, parts, segment_number, path, inner)
  local made = entry.association
  b:open("join " .. made.as .. (entry.required and "!" or entry.right and ">" or ""))
  local child = level.new(made.target, entry.options, entry.passed_order, made.through)
  local outer = b:enter()
  local number = new_segment(b, entry, child, parts, segment_number)
  local tied = link.tables(b, made, outer)
  if made.through then add_junction(b, entry, tied, parts, number) end
  belonging(b, entry, child, tied, at.model, outer)
  local requires = inner and entry.required
  parts.segments[number].scope, parts.segments[number].inner = b.scope, requires
  if not b.is_shape then level.add_join(parts, entry, tied, requires) end
  if made.multiple and #child.order > 0 then
    order.seat(child.order, made, tied.through)
    parts.inner_order[#parts.inner_order + 1] = walk_order(b, child) or {}
  end
  local below = {}
  for i, alias in ipairs(path) do below[i] = alias end
  below[#below + 1] = made.as
  walk_children(b, child, parts, number, below, requires)
  b:leave(outer)
  b:token(")")
end

function walk_children(b, at, parts, segment_number, path, inner)
  for _, entry in ipairs(at.entries) do
    if entry.joinable then entry.joined = may_join(parts, at, entry, path) end
    if entry.unread then
      b:token("unread " .. entry.association.as)
    elseif entry.joined then
      walk_joined(b, at, entry, parts, segment_number, path, inner)
    else
      parts.batched[#parts.batched + 1] = { entry = entry, path = path }
    end
  end
end

-- Rows of computed values may be groups, which have no primary key to be ordered by.
local function has_computed(parts)
  for _, entry in ipairs(parts.entries) do
    if entry.computed then return true end
  end
  return false
end

---Walks a level. `needed` names attributes that must be read whatever `attributes` says.
---@param b table
---@param at rowan.Level
---@param needed string[]
---@param may_repeat? boolean the statement can join a to-many association, whose rows repeat its own
---@return rowan.LevelParts
function level.walk(b, at, needed, may_repeat)
  local def, options = at.model.definition, at.options
  b:generation(def)
  local has_children = at.entries[1] ~= nil
  if not has_children and b.is_shape then
    local entries, whole = projection.walk(b, def, options.attributes, needed)
    return { segments = {}, joins = NONE, batched = NONE, inner_order = NONE, entries = entries, whole = whole }
  end
  local parts = { segments = {}, joins = {}, batched = {}, inner_order = {} }
  for _, name in ipairs(has_children and include.needed(at.entries) or NONE) do needed[#needed + 1] = name end
  parts.entries, parts.whole = projection.walk(b, def, options.attributes, needed)
  if not has_children then return parts end
  parts.may_repeat = may_repeat and reads_key(def, options.attributes, needed) and not has_computed(parts)
  walk_children(b, at, parts, 0, NONE, true)
  if parts.repeats then parts.root_keys = key_numbers(parts.entries, def) end
  return parts
end

---Walks the conditions of a level: its `where` and what its children require.
---@param b table
---@param at rowan.Level
---@param condition any the `where` option
---@param joined boolean the statement joins the level's children, so that INNER JOINs filter as well
---@return rowan.sql.Node? in tree building
function level.conditions(b, at, condition, joined)
  local def = at.model.definition
  local own = where.walk(b, def, condition)
  if not def.filters and not at.entries[1] then return own end
  local found = { own }
  if def.filters then filter.walk(b, def, at.options, found, where.walk) end
  if at.entries[1] then required_filters(b, at, found, joined) end
  if found[1] == nil then return nil end
  return node.logic("and", found)
end

---Walks the order of a level: by primary key when a page of rows is asked for without an order.
---@param b table
---@param at rowan.Level
---@param parts rowan.LevelParts
---@return rowan.sql.Node[]? in tree building
function level.sorted(b, at, parts)
  local items, sorted = at.order, nil
  if items[1] then
    sorted = walk_order(b, at, parts.entries[1] and computed.of(parts.entries))
    if items[#items].first and not has_computed(parts) and not parts.distinct then
      -- Rows that are alike in this, as those without any such row are, keep an order all the same.
      for _, item in ipairs(order.by_key(b, at.model.definition)) do sorted[#sorted + 1] = item end
    end
  else
    local paged = at.options.limit ~= nil or at.options.offset ~= nil
    if parts.inner_order[1] or paged and not parts.distinct and not has_computed(parts) then
      sorted = order.by_key(b, at.model.definition)
    end
  end
  if b.is_shape then return sorted end
  for _, inner in ipairs(parts.inner_order) do
    for _, item in ipairs(inner) do sorted[#sorted + 1] = item end
  end
  return sorted
end

---Walks order and page of a level.
---@param b table
---@param at rowan.Level
---@param parts rowan.LevelParts
---@return rowan.sql.Node[]? order, rowan.sql.Node? limit, rowan.sql.Node? offset
function level.page(b, at, parts)
  local def, options = at.model.definition, at.options
  local sorted, limit, offset = level.sorted(b, at, parts), options.limit, options.offset
  if limit ~= nil then limit = order.number(b, def, "limit", limit) end
  if offset ~= nil then offset = order.number(b, def, "offset", offset) end
  return sorted, limit, offset
end

return level
