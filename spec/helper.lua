-- What every spec with a database starts from: fresh databases on each dialect, their statements, and a check
-- after each test that nothing was left in use. Uses rowan's public face, and the driver for the counters.
--
-- PostgreSQL is there when ROWAN_TEST_POSTGRES holds a URL or a libpq connection string; scripts/test starts
-- one.
local busted = require "busted"
local lfs = require "lfs"
local rowan = require "rowan"
local driver = require "rowan.driver"

local M = {}

local POSTGRES = os.getenv("ROWAN_TEST_POSTGRES")
if POSTGRES == "" then POSTGRES = nil end
local NEEDS_POSTGRES = "needs PostgreSQL: set ROWAN_TEST_POSTGRES, or run scripts/test"

local DRAIN_MS = 5000 -- how long abandoned statements may take to end before they count as a leak

local opened = {}        -- { db =, remove = function() } of the running test, oldest first
local listeners = {}     -- lists that get every statement's text
local serial = 0

local function unique()
  serial = serial + 1
  local bytes = { driver.values.random(4):byte(1, 4) }
  return string.format("rowan_%02x%02x%02x%02x_%d", bytes[1], bytes[2], bytes[3], bytes[4], serial)
end

-- ---- statements ------------------------------------------------------------------------------------------

local function statement_of(text)
  return (text:gsub("^Executing %b(): ", ""))
end

local function record(db_log, text)
  local sql = statement_of(text)
  for i = 1, #db_log.lists do
    local list = db_log.lists[i]
    list[#list + 1] = sql
  end
  for i = 1, #listeners do
    local list = listeners[i]
    list[#list + 1] = sql
  end
end

local function with_recorder(options)
  local db_log = { lists = {} }
  local own = options.logging
  if own == false then return db_log end
  options.logging = function(text, info)
    record(db_log, text)
    if type(own) == "function" then own(text, info) end
  end
  return db_log
end

--- A list that from now on gets the text of every statement.
---@param subject table a database that `connect` gave, or options that are about to be given to it
---@return string[]
function M.sql_log(subject)
  local list = {}
  for i = 1, #opened do
    if opened[i].db == subject then
      local lists = opened[i].log.lists
      lists[#lists + 1] = list
      return list
    end
  end
  local own = subject.logging
  subject.logging = function(text, info)
    list[#list + 1] = statement_of(text)
    if type(own) == "function" then own(text, info) end
  end
  return list
end

--- The statements sent while a function runs, on all databases of the test.
---@param fn function
---@return string[]
function M.statements(fn)
  local list = {}
  listeners[#listeners + 1] = list
  local ok, err = pcall(fn)
  table.remove(listeners)
  if not ok then error(err, 0) end
  return list
end

--- How many statements are sent while a function runs.
---@param fn function
---@return integer
function M.count(fn)
  return #M.statements(fn)
end

--- The error a function raises; fails when it raises none.
---@param fn function
---@return any err
function M.error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("expected an error, but there was none", 2) end
  return err
end

--- The error a function raises, which has to be of a class and to say a text.
---@param text string
---@param class string
---@param fn function
---@return rowan.Error err
function M.says(text, class, fn, ...)
  local err = M.error_of(fn, ...)
  if not rowan.is(err, class) then error(("%s expected, not %s"):format(class, tostring(err)), 2) end
  if not err.message:find(text, 1, true) then error(("%q is not in %q"):format(text, err.message), 2) end
  return err
end

--- The verbs of the statements sent while a function runs, but for BEGIN, COMMIT and savepoints: "SELECT INSERT".
---@param fn function
---@return string
function M.verbs(fn)
  local list = {}
  for _, text in ipairs(M.statements(fn)) do
    local verb = text:match("^%u+")
    if verb == "SELECT" or verb == "INSERT" or verb == "UPDATE" or verb == "DELETE" then list[#list + 1] = verb end
  end
  return table.concat(list, " ")
end

-- ---- rows ------------------------------------------------------------------------------------------------

--- One field of each row, in their order.
---@param rows table[]
---@param name string
---@return any[]
function M.pluck(rows, name)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row[name] end
  return list
end

--- One field of each row, sorted.
---@param rows table[]
---@param name string
---@return any[]
function M.sorted(rows, name)
  local list = M.pluck(rows, name)
  table.sort(list)
  return list
end

-- ---- databases -------------------------------------------------------------------------------------------

local function remove_folder(path)
  for name in lfs.dir(path) do
    if name ~= "." and name ~= ".." then os.remove(path .. "/" .. name) end
  end
  assert(lfs.rmdir(path))
end

local function copy(options)
  local out = {}
  for key, value in pairs(options or {}) do out[key] = value end
  return out
end

local function connect_sqlite(options)
  if options.storage or options.url then return rowan.connect(options) end
  options.dialect = "sqlite"
  local folder = (os.getenv("TMPDIR") or "/tmp") .. "/" .. unique()
  assert(lfs.mkdir(folder))
  options.storage = folder .. "/test.db"
  return rowan.connect(options), function() remove_folder(folder) end
end

local function administer(sql)
  local admin = rowan.connect(POSTGRES, {
    pool = { max = 1 }, queryTimeout = 20000, options = "-cclient_min_messages=warning -clock_timeout=10000",
  })
  local ok, err = pcall(admin.query, admin, sql)
  admin:close()
  if not ok then error(err, 0) end
end

local function connect_postgres(options)
  if options.url then return rowan.connect(options) end
  if options.searchPath then return rowan.connect(POSTGRES, options) end
  local name = unique()
  administer('CREATE SCHEMA "' .. name .. '"')
  options.searchPath = { name }
  -- Not for rowan.connect: whether what extensions bring, which is in public, can be seen.
  if options.extensions then options.searchPath[2], options.extensions = "public", nil end
  if not options.options then options.options = "-cclient_min_messages=warning" end
  return rowan.connect(POSTGRES, options), function()
    administer('DROP SCHEMA IF EXISTS "' .. name .. '" CASCADE')
  end
end

local function connector(connect)
  return function(options)
    options = copy(options)
    local log = with_recorder(options)
    local db, remove = connect(options)
    opened[#opened + 1] = { db = db, log = log, remove = remove }
    return db
  end
end

local function leaks_of(db)
  local problems = {}
  local stats = db.pool:stats()
  if stats.inUse ~= 0 then problems[#problems + 1] = stats.inUse .. " connections still in use" end
  if stats.waiting ~= 0 then problems[#problems + 1] = stats.waiting .. " callers still waiting" end
  db:close()
  stats = db.pool:stats()
  if stats.total ~= 0 then problems[#problems + 1] = stats.total .. " connections open after close" end
  return problems
end

local function finish()
  local ending = opened
  opened, listeners = {}, {}
  collectgarbage()
  collectgarbage()
  driver.drain(DRAIN_MS)
  local problems = {}
  for i = #ending, 1, -1 do
    local ok, found = pcall(leaks_of, ending[i].db)
    if not ok then found = { tostring(found) } end
    for p = 1, #found do problems[#problems + 1] = found[p] end
    if ending[i].remove then
      local removed, err = pcall(ending[i].remove)
      if not removed then problems[#problems + 1] = tostring(err) end
    end
  end
  if driver.inflight() ~= 0 then
    problems[#problems + 1] = driver.inflight() .. " statements still under way"
  end
  if #problems > 0 then error("the test left something behind: " .. table.concat(problems, "; "), 0) end
end

local CONNECTORS = { sqlite = connect_sqlite, postgres = connect_postgres }

--- The dialects that can be tested here: sqlite always, postgres when ROWAN_TEST_POSTGRES says where.
---@return string[]
function M.dialects()
  if POSTGRES then return { "sqlite", "postgres" } end
  return { "sqlite" }
end

--- Where the PostgreSQL of the tests is, nil when there is none.
---@return string|nil
function M.postgres()
  return POSTGRES
end

--- A describe block for one dialect, with `connect` for its body. After each test every database it gave is
--- closed, removed, and has to have nothing in use.
---@param dialect string
---@param body fun(dialect: string, connect: fun(options: table|nil): table)
function M.on(dialect, body)
  busted.describe("on " .. dialect, function()
    if dialect == "postgres" and not POSTGRES then
      busted.pending(NEEDS_POSTGRES)
      return
    end
    busted.after_each(finish)
    body(dialect, connector(CONNECTORS[dialect]))
  end)
end

--- The same describe block for SQLite and for PostgreSQL. `connect(options)` gives a fresh, empty database: a
--- new SQLite file (`storage = ":memory:"` for one in memory), a new schema of PostgreSQL.
---@param body fun(dialect: string, connect: fun(options: table|nil): table)
function M.each(body)
  M.on("sqlite", body)
  M.on("postgres", body)
end

return M
