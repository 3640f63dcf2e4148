--- What runs around a search: the hooks of finders, and what plugins wrap around reading. Called by repo/read, for models
--- that have either.

local errors = require("rowan.base.errors")
local lifecycle = require("rowan.repo.lifecycle")
local run = require("rowan.repo.run")
local wrap = require("rowan.repo.wrap")

local reading = {}

local fire = lifecycle.fire

local BEFORE_FIND = { "beforeFind", "beforeFindAfterExpandIncludeAll", "beforeFindAfterOptions" }
local BEFORE_COUNT = { "beforeCount" }

---Whether hooks have a say in what a page counts beside its rows.
---@param def table
---@param options table
---@return boolean
function reading.counts(def, options)
  return lifecycle.hooks_of(def, options).beforeCount ~= nil
end

-- Hooks may change a list in its place, which must not be the caller's.
local function own(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil or rawget(value, "definition") then return value end
  local copy = {}
  for key, item in next, value do copy[key] = item end
  return copy
end

-- The options of a search as its hooks get them: a copy, with the transaction that it is in.
local function call_of(model, options, copy)
  local call = {}
  for name, value in next, options do call[name] = copy and copy(value) or value end
  if copy then call.where = lifecycle.condition(options.where) end
  if call.transaction == nil then call.transaction = run.transaction(model.db) end
  return call
end

---Makes a search with what belongs around it. The hooks get a copy of the options and may change it.
---@async
---@param kind "all"|"one"|"page"|"count"
---@param model table
---@param options table
---@param find fun(model: table, options: table): any, any
---@return any ... what `find` returned
function reading.around(kind, model, options, find)
  local on, call = lifecycle.hooks_of(model.definition, options), call_of(model, options, own)
  for _, name in ipairs(kind == "count" and BEFORE_COUNT or BEFORE_FIND) do fire(on[name], call) end
  local first, second = wrap.run(model.definition.reads, { kind = kind, model = model, options = call },
    function(subject) return find(subject.model, subject.options) end)
  if first == nil and kind ~= "one" then
    errors.raise("UsageError", {
      message = model.name .. ": the read of a plugin gave nothing for a search; it has to return what next() gives",
    })
  end
  if kind == "count" then return first end
  local found = first
  if kind == "page" then found = second end
  fire(on.afterFind, found, call)
  return first, second
end

---The same for a search that gives its rows little by little; afterFind gets them as they come.
---@async
---@param model table
---@param options table
---@param open fun(model: table, options: table): rowan.Stream
---@return rowan.Stream
function reading.stream(model, options, open)
  local on, call = lifecycle.hooks_of(model.definition, options), call_of(model, options)
  for _, name in ipairs(BEFORE_FIND) do fire(on[name], call) end
  local opened = wrap.run(model.definition.reads, { kind = "stream", model = model, options = call },
    function(subject) return open(subject.model, subject.options) end)
  opened.found = function(rows) fire(on.afterFind, rows, call) end
  return opened
end

return reading
