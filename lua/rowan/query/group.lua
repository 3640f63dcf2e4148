--- Grouped rows: `group` and `having`, and aggregates over joined tables. Here an include is a join, of whatever kind: its
--- rows are what the aggregates are about, under "alias.attribute". Nothing is read but what was asked for.

local builder = require("rowan.query.builder")
local check_options = require("rowan.base.check")
local common = require("rowan.query.common")
local compile = require("rowan.sql.compile")
local computed = require("rowan.query.computed")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local layout = require("rowan.query.layout")
local level = require("rowan.query.level")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local order = require("rowan.query.order")
local projection = require("rowan.query.projection")
local remark = require("rowan.query.remark")
local subject = require("rowan.query.subject")
local where = require("rowan.query.where")

local group = {}

-- The field under which the number of all groups comes with each one of a page.
group.TOTAL = "\1total"

local function fail(model, rule)
  errors.raise("QueryError", { message = "group: " .. model.name .. ": " .. rule })
end

-- The model's definition, in which "alias.attribute" is an attribute as well.
local function names_of(model, tables)
  local def = model.definition
  local by_name = setmetatable({}, {
    __index = function(_, name)
      if def.by_name[name] or type(name) ~= "string" then return def.by_name[name] end
      local path, attribute = name:match("^%$?(.+)%.([^.$]+)%$?$")
      if path == def.name and not tables[path] then return def.by_name[attribute] end
      local joined = path and tables[path]
      local attr = joined and joined.def.by_name[attribute]
      if not attr then return nil end
      return setmetatable({
        name = path .. "." .. attribute, path = path, scope = joined.scope,
        token = "j" .. #path .. ":" .. path .. attr.token,
      }, { __index = attr })
    end,
  })
  return setmetatable({ by_name = by_name }, { __index = def })
end

local REFUSED = { "limit", "offset", "order", "separate", "right" }

local function join(b, state, at, entry, path, inner)
  local made = entry.association
  for _, name in ipairs(REFUSED) do
    if entry.options[name] then
      fail(at.model, ("%s of the include %q means nothing where rows are grouped"):format(name, made.as))
    end
  end
  b:open("join " .. made.as .. (entry.required and "!" or ""))
  local outer = b:enter()
  local child, tied = level.new(made.target, entry.options), link.tables(b, made, outer)
  level.belonging(b, entry, child, tied, at.model, outer)
  local requires, here = inner and entry.required, path .. made.as
  if not b.is_shape then level.add_join(state, entry, tied, requires) end
  state.tables[here] = { def = made.target.definition, scope = b.scope }
  state.included[#state.included + 1] = { path = here, attributes = entry.options.attributes }
  for _, below in ipairs(child.entries) do join(b, state, child, below, here .. ".", requires) end
  b:leave(outer)
  b:token(")")
end

-- What is read when `attributes` does not say: the names that the rows are grouped by.
local function default_attributes(items)
  local list = {}
  for _, item in ipairs(items) do
    if type(item) == "string" then list[#list + 1] = (item:gsub("^%$(.*)%$$", "%1")) end
  end
  return list
end

local function is_empty(option)
  return type(option) == "table" and next(option) == nil
end

-- Columns of included tables, under "alias.attribute".
local function add_included(b, state, names, entries)
  for _, included in ipairs(state.included) do
    local option = included.attributes
    if option ~= nil and not is_empty(option) then
      local joined = state.tables[included.path]
      b:open("of " .. included.path)
      local found = link.within(b, joined.scope, function() return (projection.walk(b, joined.def, option, {})) end)
      b:token(")")
      for _, entry in ipairs(found) do
        entry.alias = included.path .. "." .. entry.column.key
        entry.column.key = entry.alias
        if entry.attr then entry.attr = names.by_name[included.path .. "." .. entry.attr.name] end
        entry.nested = true
        entries[#entries + 1] = entry
      end
    end
  end
end

local function walk_columns(b, model, state, names, options, items)
  local option = options.attributes
  if option == nil then option = default_attributes(items) end
  local entries = {}
  if not is_empty(option) then entries = projection.walk(b, names, option, {}) end
  for _, entry in ipairs(entries) do entry.nested = entry.attr ~= nil and entry.attr.path ~= nil and not entry.alias end
  add_included(b, state, names, entries)
  if #entries == 0 then fail(model, "attributes must name what is read of the groups") end
  return entries
end

local function items_of(model, option)
  if option == nil then return {} end
  if type(option) == "string" or expression.is(option) then option = { option } end
  if type(option) ~= "table" then fail(model, "wants names and expressions") end
  local list = {}
  for key, item in next, option do
    if type(key) ~= "number" or not (type(item) == "string" or expression.is(item)) then
      fail(model, "wants a list of names, \"alias.attribute\" paths and expressions")
    end
    list[key] = expression.is(item) and item.kind == "col" and item.name or item
  end
  return list
end

-- GROUP BY, and by the tokens of their columns what the rows are grouped by.
local function walk_group(b, names, items, known)
  local nodes, grouped = {}, {}
  b:open("group")
  for i, item in ipairs(items) do
    local attr = names.by_name[item] or known:find(item)
    if attr then
      grouped[attr.token] = true
      nodes[i] = b:column(attr)
    elseif expression.is(item) then
      nodes[i] = expression.walk(b, names, item)
      known:add(nil, item, computed.attribute("group " .. i, nodes[i], nil, i))
      b:token("&")
    else
      local about = subject.resolve(names, item)
      grouped[about.token] = true
      nodes[i] = subject.walk(b, about, "compare")
    end
  end
  b:token(")")
  return nodes, grouped
end

-- A column that is not grouped has many values in a group. PostgreSQL says so; SQLite would give any of them.
local function check_grouped(model, names, grouped, attr)
  if attr.node or grouped[attr.token] or attr.token:sub(1, 1) == "&" then return end
  local path = attr.path
  local primary = attr.definition.primary
  local whole = #primary > 0
  for _, key in ipairs(primary) do
    local own = path and names.by_name[path .. "." .. key.name] or key
    whole = whole and grouped[own.token] == true
  end
  if not whole then
    fail(model, ("%q has many values in a group: group by it, or take an aggregate of it, as rowan.fn(\"MAX\", ...)")
      :format(attr.name))
  end
end

local function walk_having(b, names, condition, known)
  if condition == nil then return nil end
  b:open("having")
  local either = setmetatable({}, {
    __index = function(_, name) return known:find(name) or names.by_name[name] end,
  })
  local found = where.walk(b, setmetatable({ by_name = either }, { __index = names }), condition)
  b:token(")")
  return found
end

local function ordered_attribute(names, item, known)
  local value = item.value
  if #item.links == 0 then
    return known:find(value) or type(value) == "string" and subject.resolve(names, value)
  end
  local path = {}
  for i, made in ipairs(item.links) do path[i] = made.as end
  return expression.attribute(names, table.concat(path, ".") .. "." .. tostring(value))
end

local function walk_order(b, model, names, option, known, grouped)
  local items, list = order.parse(model, option), {}
  if #items == 0 then return nil end
  b:open("order")
  for i, item in ipairs(items) do
    local attr = ordered_attribute(names, item, known)
    if attr then check_grouped(model, names, grouped, attr) end
    local value
    if attr then value = subject.walk(b, attr, "compare") else value = order.value(b, names, item.value) end
    b:token(item.direction)
    list[i] = value and node.ordering(value, item.direction)
  end
  b:token(")")
  return list
end

local function walk(b, model, options)
  local def = model.definition
  b:generation(def)
  local with = common.enter(b, options)
  local state = { tables = {}, included = {}, joins = {} }
  local at = level.new(model, { include = options.include })
  at.options = options
  for _, entry in ipairs(at.entries) do
    entry.joined = true
    join(b, state, at, entry, "", true)
  end
  local names, items = names_of(model, state.tables), items_of(model, options.group)
  local entries = walk_columns(b, model, state, names, options, items)
  local known = computed.of(entries) or computed.none()
  local parts = { entries = entries, segments = {}, joins = state.joins, with = with }
  parts.where = level.conditions(b, at, options.where, true)
  local grouped
  parts.group, grouped = walk_group(b, names, items, known)
  for _, entry in ipairs(entries) do
    if entry.attr then check_grouped(model, names, grouped, entry.attr) end
  end
  parts.having = walk_having(b, names, options.having, known)
  parts.order = walk_order(b, model, names, options.order, known, grouped)
  parts.limit = order.number(b, def, "limit", options.limit)
  parts.offset = order.number(b, def, "offset", options.offset)
  if options.distinct then b:token("distinct") end
  b:token(remark.of(options))
  common.leave(b)
  return parts
end

local function check(model, options)
  if options.lock then fail(model, "rows cannot be locked where they are grouped") end
end

-- Whether an expression takes values along a path with a list in it: "posts.price".
local function of_many(model, value)
  if not expression.is(value) then return false end
  if value.kind == "col" then
    local at, many = model, false
    for alias in value.name:gmatch("([^.]+)%.") do
      local made = at.associations[alias]
      if not made then return false end
      at, many = made.target, many or made.multiple
    end
    return many
  end
  if value.kind ~= "fn" then return of_many(model, value.value) end
  for i = 1, value.count do
    if of_many(model, value.args[i]) then return true end
  end
  return false
end

local AGGREGATES = check_options.set({ "COUNT", "SUM", "AVG", "MIN", "MAX" })

-- Aggregates of included lists, and nothing else: they are about all rows, which are one group.
local function is_total(model, list)
  if type(list) ~= "table" or list[1] == nil then return false end
  for i = 1, #list do
    local value = type(list[i]) == "table" and not expression.is(list[i]) and list[i][1]
    if not expression.is(value) then return false end
    local fn = value.kind == "fn" and value or value.value
    local known = expression.is(fn) and fn.kind == "fn" and AGGREGATES[fn.name:upper()]
    if not known or not of_many(model, value) then return false end
  end
  return true
end

---Whether options ask for groups.
---@param model table
---@param options table
---@return boolean
function group.wanted(model, options)
  if options.group ~= nil or options.having ~= nil then return true end
  return options.include ~= nil and options.attributes ~= nil and is_total(model, options.attributes)
end

---@param model table
---@param options table
---@param kind? string "page" and "total" as in group.plan
---@return string key, any[] params, integer count
function group.shape(model, options, kind)
  check(model, options)
  local shape = builder.shape("group " .. (kind or "") .. " " .. model.name)
  walk(shape, model, options)
  return shape:key(), shape.params, shape.count
end

-- The keys of a row that are paths.
local function nested_keys(entries)
  local list = {}
  for _, entry in ipairs(entries) do
    if entry.nested then list[#list + 1] = entry.column.key end
  end
  return list[1] and list or nil
end

---The plan of grouped rows.
---@param model table
---@param options table
---@param dialect rowan.Dialect
---@param kind? string "page": with the number of all groups beside each; "total": that number alone
---@return rowan.Plan
function group.plan(model, options, dialect, kind)
  local tree = builder.tree(dialect)
  local parts = walk(tree, model, options)
  if kind == "page" then
    parts.entries[#parts.entries + 1] = {
      column = { key = group.TOTAL, code = "I" }, node = node.window("COUNT", { node.literal("*") }), alias = "total",
    }
  end
  local nested = nested_keys(parts.entries)
  local columns, nodes = layout.of(parts)
  local query = node.select({
    columns = nodes, from = link.source(model.definition, tree.scope), joins = parts.joins, where = parts.where,
    group = parts.group, having = parts.having, order = parts.order, limit = parts.limit, offset = parts.offset,
    distinct = options.distinct, with = parts.with,
  })
  if kind == "total" then query, columns = layout.total(query), { { key = "count", code = "I" } } end
  return {
    model = model, columns = columns, whole = false, children = {}, first = 1, count = #tree.codes, grouped = true,
    codes = table.concat(tree.codes), nested = nested,
    text = compile.text(query, dialect) .. remark.of(options),
  }
end

return group
