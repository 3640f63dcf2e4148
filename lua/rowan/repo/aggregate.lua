--- Aggregates: how many, whether there are any, sums, and lists of single values. Called by model/finders and by what
--- counts associated rows.

local aggregates = require("rowan.query.aggregate")
local expression = require("rowan.query.expression")
local finder_options = require("rowan.query.options")
local null = require("rowan.base.null")
local path = require("rowan.repo.path")
local read = require("rowan.repo.read")
local reading = require("rowan.repo.reading")
local run = require("rowan.repo.run")

local aggregate = {}

-- Options for the grouped rows that an aggregate over groups, or over a joined table, is.
local function grouped_options(options, attributes, alias, e)
  local made = {}
  for _, name in ipairs(finder_options.of_groups) do made[name] = options[name] end
  local list, group = {}, options.group
  if type(group) == "string" or expression.is(group) then group = { group } end
  local named = attributes or group
  for _, item in ipairs(type(named) == "table" and named or {}) do
    if attributes then
      list[#list + 1] = item
    elseif type(item) == "string" then
      list[#list + 1] = (item:gsub("^%$(.*)%$$", "%1"))
    end
  end
  list[#list + 1] = { e, alias }
  -- What is no list is refused like that of a finder.
  made.attributes = (attributes == nil or type(attributes) == "table") and list or attributes
  made.raw, made.onPath = true, options.onPath
  made.group = group or {}
  return made
end

---One aggregate: its value, nil of no rows; or with `group` a row for each group.
---@async
---@param model table
---@param name string "SUM"
---@param what string|rowan.Expression
---@param options table checked by the caller
---@return any
function aggregate.value(model, name, what, options)
  if options.searchPath ~= nil then
    return (path.within(model, options, function(_, inner) return aggregate.value(model, name, what, inner) end))
  end
  local e = aggregates.expression(model, name, what, options)
  if options.group ~= nil or aggregates.is_path(model, what) then
    local alias = name:lower()
    local rows = read.all(model, grouped_options(options, options.attributes, alias, e))
    if options.group ~= nil then return rows end
    return rows[1][alias]
  end
  local key, params, count = aggregates.shape(model, e, options)
  local db = model.db
  local plan = db._plans:kept(key, aggregates.plan, model, e, options, db._dialect)
  return run.plan(db, plan, params, count, options, nil, true).value
end

local function count(model, options)
  if options.countGroupedRows then return read.total(model, options) end
  local what, distinct, primary = options.col, options.distinct, model.definition.primary
  if what == nil and distinct and options.group ~= nil and #primary == 1 then what = primary[1].name end
  if what == nil or what == "*" then
    -- Rows are distinct as they are.
    if options.group == nil then return read.tally(model, options, "count") end
    what, options = "*", setmetatable({ distinct = false }, { __index = options })
  end
  return aggregate.value(model, "COUNT", what, options)
end

---How many rows match, each counted once whatever is included; with `group` a row for each group.
---@async
---@param model table
---@param options table checked by the caller
---@return integer|table[]
function aggregate.count(model, options)
  if options.searchPath ~= nil then return (path.within(model, options, aggregate.count)) end
  if model.definition.searched then return reading.around("count", model, options, count) end
  return count(model, options)
end

---Whether any row matches.
---@async
---@param model table
---@param options table
---@return boolean
function aggregate.exists(model, options)
  if options.searchPath ~= nil then return (path.within(model, options, aggregate.exists)) end
  return read.tally(model, options, "exists")
end

local function keys_of(what)
  local single = type(what) == "string" or expression.is(what)
  local attributes, keys = {}, {}
  for i, item in ipairs(single and { what } or what) do
    if expression.is(item) then item = { item, "value " .. i } end
    attributes[i] = item
    keys[i] = type(item) == "table" and item[2] or item
  end
  return attributes, keys, single
end

---The values of one attribute as a list, or of several as a list of lists; NULL is rowan.null in them.
---@async
---@param model table
---@param what string|rowan.Expression|table
---@param options table checked by the caller
---@return any[]
function aggregate.pluck(model, what, options)
  local attributes, keys, single = keys_of(what)
  local finder = { attributes = attributes, raw = true }
  for name, value in next, options do finder[name] = value end
  local rows = read.all(model, finder)
  for i = 1, #rows do
    local row, values = rows[i], {}
    for k = 1, #keys do
      local value = row[keys[k]]
      if value == nil then value = null end
      values[k] = value
    end
    if single then rows[i] = values[1] else rows[i] = values end
  end
  return rows
end

return aggregate
