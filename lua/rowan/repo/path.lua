--- `searchPath`: a search through other schemas of PostgreSQL. The path is set for one transaction only, the call's own or
--- the current one, and put back before that goes on. Called by repo/read and repo/aggregate.

local control = require("rowan.sql.control")
local errors = require("rowan.base.errors")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")

local path = {}

local function fail(model, rule)
  errors.raise("QueryError", { message = ("searchPath: %s: %s"):format(model.name, rule) })
end

-- The names, quoted: "schema_one, public" or { "schema_one", "public" }.
local function text_of(model, given)
  local dialect = model.db._dialect
  if not dialect.supports.schemas then fail(model, dialect.name .. " has no schemas to search through") end
  if type(given) == "string" then
    local list = {}
    for name in given:gmatch("[^,]+") do list[#list + 1] = name:match('^%s*"?(.-)"?%s*$') end
    given = list
  end
  if type(given) ~= "table" or given[1] == nil then fail(model, "wants the names of schemas") end
  local quoted = {}
  for i, name in ipairs(given) do
    if type(name) ~= "string" or name == "" or name:find("%z") then fail(model, "wants the names of schemas") end
    quoted[i] = dialect.quote(name)
  end
  return table.concat(quoted, ", ")
end

local SHOW = { text = control.search_path, codes = "", columns = { { key = "path", code = "s" } } }
local SET = { text = control.set_search_path, codes = "-s" }

local function set(db, call, value)
  run.plan(db, SET, { value }, 1, call)
end

---Makes a search with its path.
---@async
---@param model table
---@param options table with searchPath
---@param find fun(model: table, options: table): ...
---@return any ... what `find` returned
function path.within(model, options, find)
  local db, wanted = model.db, text_of(model, options.searchPath)
  local around = run.transaction(db, options)
  return transaction.around(db, options, function(t)
    local inner = {}
    for name, value in next, options do inner[name] = value end
    inner.transaction, inner.searchPath, inner.onPath = t, nil, wanted
    local call = { transaction = t, logging = options.logging }
    local before = around and run.plan(db, SHOW, nil, 0, call, nil, true).path
    set(db, call, wanted)
    local first, second = find(model, inner)
    -- An error needs nothing: the savepoint it goes back to has the path of before.
    if before then set(db, call, before) end
    return first, second
  end)
end

return path
