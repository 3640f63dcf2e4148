--- Rows about to be inserted in bulk, sorted into groups of the same set of attributes, in pieces that one statement can
--- take. Called by repo/bulk.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local collect = require("rowan.change.collect")
local null = require("rowan.base.null")

local groups = {}

---@class rowan.BulkGroup rows with the same set of attributes, in the caller's order
---@field key number|string
---@field attrs table[]
---@field count integer
---@field rows table[]
---@field values table[] what is bound for each; the rows themselves where all of them show it
---@field given? table<table, boolean> attributes that the caller gave, where that matters
---@field given_token? string stands for them in the keys of plans
---@field computed? table<rowan.Attribute, rowan.Expression> what the database computes; such a row is a group by itself
---@field undone? rowan.WrittenRow what a rollback makes of its rows
---@field undone_rows? rowan.WrittenRow[] the same row by row

-- Rows of one statement at most, and bytes of text, of which PostgreSQL takes a gigabyte at once.
local MAX_ROWS, MAX_BYTES = 50000, 64 * 1024 * 1024
-- Groups below this are not measured.
local SMALL = 1000

local function new_group(def, row, key)
  local group = { key = key, attrs = collect.attributes(def, row), count = 0, rows = {} }
  group.values = group.rows
  return group
end

local function add_to(group, row, values)
  if values ~= row and group.values == group.rows then
    group.values = {}
    for i = 1, group.count do group.values[i] = group.rows[i] end
  end
  local count = group.count + 1
  group.count, group.rows[count] = count, row
  group.values[count] = values
end

-- Which attributes a caller's table gives.
local function given_of(def, given)
  local set, tokens = {}, {}
  for _, attr in ipairs(def.list) do
    if given[attr.name] ~= nil then
      set[attr] = true
      tokens[#tokens + 1] = attr.name
    end
  end
  return set, "\31" .. table.concat(tokens, "\31")
end

local function raise_row(def, failures, number)
  local ok, problem = pcall(cast.check, def, failures)
  if not ok then problem.message = ("row %d: %s"):format(number, problem.message) end
  error(problem, 0)
end

---Stamps new instances, checks them, and sorts them by the attributes they have.
---@param def rowan.Definition
---@param instances table[]
---@param given? table[] the callers' tables, where it matters what they gave
---@param before? integer rows of the call in front of these, for messages
---@return rowan.BulkGroup[]
function groups.of(def, instances, given, before)
  local list, by_key, now = {}, {}, build.stamp(def)
  if now == true then now = build.now() end -- one for all
  for i = 1, #instances do
    local row = instances[i]
    local values, key, failures, computed = collect.insert(def, row, now)
    if failures then raise_row(def, failures, (before or 0) + i) end
    local set, token
    if given then set, token = given_of(def, given[i]) end
    local place = token and key .. token or key
    local group = not computed and by_key[place]
    if not group then
      group = new_group(def, row, key)
      group.given, group.given_token, group.computed = set, token, computed
      if not computed then by_key[place] = group end
      list[#list + 1] = group
    end
    add_to(group, row, values)
  end
  return list
end

-- What stands for the attributes that the database fills in where a row has none: no NULL may be sent for these.
local function made_token(def, group)
  local has, token = {}, {}
  for _, attr in ipairs(group.attrs) do has[attr] = true end
  for _, attr in ipairs(def.list) do
    if attr.made and has[attr] then token[#token + 1] = attr.name end
  end
  return table.concat(token, "\31")
end

-- Rows of several groups as one: what a row lacks is NULL, as it would be anyway. With `whole` the groups have all rows.
local function joined_group(def, parts, instances, whole)
  local has, attrs, names, shown = {}, {}, {}, true
  for _, group in ipairs(parts) do
    for _, attr in ipairs(group.attrs) do has[attr] = true end
    shown = shown and group.values == group.rows
  end
  for _, attr in ipairs(def.list) do
    if has[attr] then attrs[#attrs + 1], names[#names + 1] = attr, attr.name end
  end
  local group = { key = "\31" .. table.concat(names, "\31"), attrs = attrs, count = 0, rows = {} }
  group.values = group.rows
  if whole and shown then
    group.count, group.rows, group.values = #instances, instances, instances
    return group
  end
  local known = {}
  for _, part in ipairs(parts) do
    for i, row in ipairs(part.rows) do known[row] = part.values[i] end
  end
  for _, row in ipairs(instances) do
    if known[row] then add_to(group, row, known[row]) end
  end
  return group
end

---Groups that lack nothing but NULLs as one, whose rows are in the caller's order.
---@param def rowan.Definition
---@param list rowan.BulkGroup[] of plain inserts
---@param instances table[] all rows in order
---@return rowan.BulkGroup[]
function groups.joined(def, list, instances)
  if #list < 2 then return list end
  local parts, order, made = {}, {}, {}
  for _, group in ipairs(list) do
    local token = group.computed or #group.attrs == 0 and group or made_token(def, group)
    if not parts[token] then
      parts[token] = {}
      order[#order + 1] = parts[token]
    end
    table.insert(parts[token], group)
  end
  for i, some in ipairs(order) do
    made[i] = some[2] and joined_group(def, some, instances, not order[2]) or some[1]
  end
  return made
end

local function bytes_of(values, measured)
  local bytes = 0
  for _, name in ipairs(measured) do
    local value = values[name]
    if type(value) == "string" then bytes = bytes + #value end
  end
  return bytes
end

-- Attributes whose values may be long.
local function unbounded(attrs)
  local names = {}
  for _, attr in ipairs(attrs) do
    local plain = attr.type.plain
    local code = attr.type.code
    if (code == "s" or code == "x" or attr.type.dump) and not (plain and plain.length) then
      names[#names + 1] = attr.name
    end
  end
  return names
end

local function add_slice(slices, group, first, last)
  local slice = {}
  for key, value in next, group do slice[key] = value end
  slice.rows, slice.count = {}, last - first + 1
  for i = first, last do slice.rows[i - first + 1] = group.rows[i] end
  slice.values = slice.rows
  if group.values ~= group.rows then
    slice.values = {}
    for i = first, last do slice.values[i - first + 1] = group.values[i] end
  end
  slices[#slices + 1] = slice
end

-- Whether the long values of a group are too much for one statement.
local function is_heavy(group, measured)
  local bytes, list = 0, group.values
  for _, name in ipairs(measured) do
    for i = 1, group.count do
      local value = list[i][name]
      if value ~= nil and value ~= null then bytes = bytes + #value end
    end
  end
  return bytes > MAX_BYTES
end

-- A group in pieces that one statement can take; most are one.
local function slices_of(group)
  local measured = group.count > SMALL and unbounded(group.attrs) or {}
  if group.count <= MAX_ROWS and not is_heavy(group, measured) then return { group } end
  local slices, first, bytes = {}, 1, 0
  for i = 1, group.count do
    bytes = bytes + bytes_of(group.values[i], measured)
    if i > first and (bytes > MAX_BYTES or i - first >= MAX_ROWS) then
      add_slice(slices, group, first, i - 1)
      first, bytes = i, bytes_of(group.values[i], measured)
    end
  end
  if first == 1 then return { group } end
  add_slice(slices, group, first, group.count)
  return slices
end

---Groups in pieces that one statement can take.
---@param whole rowan.BulkGroup[]
---@return rowan.BulkGroup[]
function groups.sliced(whole)
  local list = {}
  for _, group in ipairs(whole) do
    for _, slice in ipairs(#group.attrs == 0 and { group } or slices_of(group)) do list[#list + 1] = slice end
  end
  return list
end

return groups
