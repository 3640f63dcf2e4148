--- rowan.load: associations onto rows that are at hand, whatever answers they came in.

local errors = require("rowan.base.errors")
local link = require("rowan.query.link")
local read = require("rowan.repo.read")

local onto = {}

local function fail(message)
  errors.raise("EagerLoadingError", { message = "rowan.load: " .. message })
end

local function model_of(row)
  local meta = type(row) == "table" and getmetatable(row)
  local model = type(meta) == "table" and meta.Model
  if not model then fail("wants instances, not " .. tostring(row)) end
  return model
end

-- Instances by model, each once, in the order in which they were met.
local function by_model(rows)
  local groups, seen = {}, {}
  for _, row in ipairs(rows) do
    local model = model_of(row)
    if not groups[model] then
      groups[model] = {}
      groups[#groups + 1] = { model = model, rows = groups[model] }
    end
    if not seen[row] then
      seen[row] = true
      table.insert(groups[model], row)
    end
  end
  return groups
end

local function loaded_rows(rows, as)
  local list = {}
  for _, row in ipairs(rows) do
    local value = rawget(row, as)
    if value and getmetatable(value) and getmetatable(value).Model then
      list[#list + 1] = value
    else
      for _, child in ipairs(value or {}) do list[#list + 1] = child end
    end
  end
  return list
end

-- One association of a path after the other; what is loaded already is not loaded again.
local function follow(model, rows, links, at, options)
  local made, pending = links[at], {}
  for _, row in ipairs(rows) do
    if not row:isLoaded(made.as) then pending[#pending + 1] = row end
  end
  if pending[1] then read.onto(model, pending, { made }, options) end
  if links[at + 1] then
    local next_rows = loaded_rows(rows, made.as)
    if next_rows[1] then follow(made.target, next_rows, links, at + 1, options) end
  end
end

local function load_item(model, rows, item, options)
  if type(item) ~= "string" then return read.onto(model, rows, { item }, options) end
  local aliases = {}
  for alias in item:gmatch("[^.]+") do aliases[#aliases + 1] = alias end
  follow(model, rows, (link.follow(model, aliases)), 1, options)
end

---Loads associations onto rows: each by one statement, however many rows there are. A path loads only what is missing; an
---include table is loaded anew.
---@async
---@param rows table an instance, or a list of them
---@param what any a path ("posts.tags"), an include, or a list of these
---@param options? table transaction, logging, benchmark
---@return table rows
function onto.load(rows, what, options)
  if type(rows) ~= "table" then fail("wants an instance or a list of them") end
  local meta = getmetatable(rows)
  local list = meta and meta.Model and { rows } or rows
  local items = type(what) == "table" and what[1] ~= nil and what or { what }
  for _, group in ipairs(by_model(list)) do
    for _, item in ipairs(items) do load_item(group.model, group.rows, item, options) end
  end
  return rows
end

return onto
