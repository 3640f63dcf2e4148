--- The options of finders and aggregates: which there are, and what a single one must look like. Called by model/finders
--- before anything else.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local lock = require("rowan.query.lock")

local options = {}

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

local function switch(name)
  return function(value, _, context)
    if type(value) ~= "boolean" then fail(context, name .. " must be true or false") end
  end
end

local function reject(value, _, context)
  if errors.raisable(value) then return end
  fail(context, "rejectOnEmpty must be true, an error class of rowan.errors, or an error")
end

local function nest(value, given, context)
  if value and not (given.raw or given.group) then fail(context, "nest is for raw rows: give raw = true as well") end
end

-- By name; a function looks at the value of an option that is given.
---@type table<string, true|function>
local FINDER = check.set({
  "where", "attributes", "include", "order", "limit", "offset", "raw", "transaction", "logging", "benchmark", "context",
  "group", "having", "comment", "searchPath", "paranoid", "hooks", "with", "withRecursive",
  "explain",
})
FINDER.lock, FINDER.skipLocked, FINDER.noWait = lock.check, lock.check, lock.check
FINDER.rejectOnEmpty, FINDER.nest = reject, nest
FINDER.distinct, FINDER.plain = switch("distinct"), switch("plain")

local ROWS = check.set({ "where", "include", "paranoid", "hooks", "transaction", "logging", "benchmark",
  "context", "comment", "searchPath" })
-- Beside group these go on to the grouped rows.
options.of_groups = { "where", "include", "group", "having", "order", "limit", "offset", "paranoid", "hooks",
  "transaction", "logging", "benchmark", "context", "comment", "searchPath" }
---@type table<string, true|function>
local GROUPS = check.set(options.of_groups)
GROUPS.attributes, GROUPS.distinct, GROUPS.dataType = true, switch("distinct"), true
---@type table<string, true|function>
local COUNT = check.set(options.of_groups)
COUNT.attributes, COUNT.distinct, COUNT.col = true, switch("distinct"), true
COUNT.countGroupedRows = function(value, given, context)
  if value and given.group == nil then fail(context, "countGroupedRows means nothing without group") end
end

for _, known in ipairs({ FINDER, ROWS, GROUPS, COUNT }) do
  for _, name in ipairs({ "raw", "paranoid", "hooks" }) do
    if known[name] then known[name] = switch(name) end
  end
end

---What a finder may be told.
---@type table<string, true|function>
options.finder = FINDER

local ALLOWED = { finder = FINDER, rows = ROWS, aggregate = GROUPS, count = COUNT }

---Refuses what is no table of options, options that the call does not know, and values that cannot be.
---@param model rowan.Model its plugins may know further options
---@param given any
---@param kind "finder"|"rows"|"aggregate"|"count"
---@param method string "findAll"
function options.check(model, given, kind, method)
  local special = type(given) ~= "table"
    or getmetatable(given) ~= nil and (expression.is(given) or given == everything or rawget(given, "definition"))
  if special then
    fail(model.name .. ":" .. method, "wants a table of options, not " .. tostring(given))
  end
  local allowed, more = ALLOWED[kind], model.definition.plugin_options
  for name, value in next, given do
    local known = allowed[name] or more and more[name]
    if known ~= true then
      local context = model.name .. ":" .. method
      if not known then check.keys(given, allowed, context, "QueryError", more) end
      if type(known) == "function" then known(value, given, context) end
    end
  end
end

local ONLY_GROUPED = { "having", "order", "limit", "offset", "attributes" }

---Refuses options of an aggregate that mean something for groups only.
---@param given table
---@param context string
function options.check_aggregate(given, context)
  if given.group ~= nil then return end
  for _, name in ipairs(ONLY_GROUPED) do
    if given[name] ~= nil then fail(context, name .. " means nothing without group") end
  end
end

return options
