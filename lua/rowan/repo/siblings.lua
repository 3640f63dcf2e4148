--- Getters without N+1: what an association getter asks for one row is loaded for all rows of the same answer with one
--- statement, and kept until each of them asks. What is kept serves each row once, within the same transaction, and only
--- while nothing was written to the target; after that every row asks for itself.

local errors = require("rowan.base.errors")
local load = require("rowan.repo.load")
local read = require("rowan.repo.read")
local run = require("rowan.repo.run")

local siblings = {}

local MODES = { siblings = true, single = true, strict = true }

---Checks an `associationLoading` option.
---@param mode any
---@param context string
---@return string? mode
function siblings.check(mode, context)
  if mode ~= nil and not MODES[mode] then
    errors.raise("UsageError", {
      message = context .. ": associationLoading must be \"siblings\", \"single\" or \"strict\"",
    })
  end
  return mode
end

-- The list that the row came in, if somebody still holds it.
local function list_of(row)
  local known = getmetatable(row).siblings
  return known and known[1]
end

local function writes_to(made)
  local count = made.target._written
  if made.through then count = count + made.through.model._written end
  return count + made.target.db._raw_writes
end

-- Loads `made` for every row of the list that is one of the association's source, and hands out what belongs to `row`.
local function load_all(made, list, row, transaction)
  local model, rows = made.source, {}
  for i = 1, #list do
    local other = list[i]
    local meta = type(other) == "table" and getmetatable(other)
    if meta and meta.Model == model then rows[#rows + 1] = other end
  end
  local found = read.of_rows(made, rows)
  local mine = found[row]
  found[row] = nil
  return mine, {
    found = setmetatable(found, { __mode = "k" }), writes = writes_to(made), transaction = transaction,
  }
end

local function waiting(made, row, transaction)
  local kept = getmetatable(row).waiting
  local batch = kept and kept[made.as]
  if not batch then return nil, false end
  if batch.writes ~= writes_to(made) or batch.transaction ~= transaction then return nil, true end
  local value = batch.found[row]
  batch.found[row] = nil
  return value, true
end

---The associated rows of one row: a list, or one row or nil.
---@async
---@param made rowan.Association
---@param row table
---@param mode "siblings"|"single"|"strict"
---@return table[]|table|nil
function siblings.get(made, row, mode)
  if mode == "strict" then
    errors.raise("AssociationError", {
      message = ("%s.%s was not loaded, and associationLoading is \"strict\"; include it, or use rowan.load")
        :format(made.source.name, made.as),
    })
  end
  local transaction = run.transaction(made.source.db)
  local value, tried = waiting(made, row, transaction)
  if value ~= nil then return value ~= load.NOTHING and value or nil end
  local list = mode == "siblings" and not tried and list_of(row) or nil
  if not list or not list[2] then
    value = read.of_rows(made, { row })[row]
  else
    local batch
    value, batch = load_all(made, list, row, transaction)
    local last
    for i = 1, #list do
      local meta = type(list[i]) == "table" and getmetatable(list[i])
      if meta and meta ~= last and meta.Model == made.source then
        meta.waiting = meta.waiting or {}
        meta.waiting[made.as] = batch
        last = meta
      end
    end
  end
  return value ~= load.NOTHING and value or nil
end

return siblings
