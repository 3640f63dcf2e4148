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

local function writes_to(made)
  local count = made.target._written
  if made.through then count = count + made.through.model._written end
  return count + made.target.db._raw_writes
end

local WEAK_KEYS = { __mode = "k" }

---@class rowan.SiblingBatch
---@field found table<table, table> what belongs to each row that has not asked as often as it is in the list
---@field left table<table, integer> how often it may still ask
---@field writes integer
---@field transaction? rowan.Transaction

-- Each row of the list that is one of the association's source, and how often it is there.
local function askers(made, list)
  local model, rows, left = made.source, {}, setmetatable({}, WEAK_KEYS)
  for i = 1, #list do
    local other = list[i]
    local meta = type(other) == "table" and getmetatable(other)
    if meta and meta.Model == model then
      if not left[other] then rows[#rows + 1] = other end
      left[other] = (left[other] or 0) + 1
    end
  end
  return rows, left
end

---@param batch rowan.SiblingBatch
local function serve(batch, row)
  local value = batch.found[row]
  if value == nil then return nil end
  local left = batch.left[row] - 1
  batch.left[row] = left
  if left < 1 then batch.found[row] = nil end
  return value
end

-- Loads `made` for all rows of the list, and keeps what belongs to the others than `row`.
local function load_all(made, list, row, transaction)
  local rows, left = askers(made, list)
  local batch = {
    found = setmetatable(read.of_rows(made, rows), WEAK_KEYS), left = left, writes = writes_to(made),
    transaction = transaction,
  }
  for i = 1, #rows do
    local meta = getmetatable(rows[i])
    meta.waiting = meta.waiting or {}
    meta.waiting[made.as] = batch
  end
  return serve(batch, row)
end

local function waiting(made, row, transaction)
  local kept = getmetatable(row).waiting
  local batch = kept and kept[made.as]
  if not batch then return nil, false end
  if batch.writes ~= writes_to(made) or batch.transaction ~= transaction then return nil, true end
  return serve(batch, row), true
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
  local list = mode == "siblings" and not tried and load.siblings(row) or nil
  if not list or not list[2] then
    value = read.of_rows(made, { row })[row]
  else
    value = load_all(made, list, row, transaction)
  end
  return value ~= load.NOTHING and value or nil
end

return siblings
