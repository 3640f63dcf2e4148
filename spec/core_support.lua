-- What the specs of the C core start from: the databases there are, a table of people on each, and a check
-- after each test that nothing was left under way. Uses rowan.core alone.
local busted = require "busted"
local core = require "rowan.core"

local M = {}

-- Of this process alone: several suites run against one server at the same time.
M.SCHEMA = ("rowan_core_%02x%02x%02x%02x"):format(core.random(4):byte(1, 4))

M.null = core.null
M.JIT = core.LUA == "luajit"

local POSTGRES = os.getenv("ROWAN_TEST_POSTGRES")
if POSTGRES == "" then POSTGRES = nil end

local pools = {}

local function open(options)
  local pool, err = core.open(options)
  if not pool then error(err, 0) end
  pools[#pools + 1] = pool
  return pool
end

--- A pool of one connection to an empty SQLite database.
function M.memory()
  return open { driver = "sqlite", settings = { { "path", ":memory:" } }, max = 1, min = 1 }
end

--- The newest pool is the test's own business from now on.
function M.forget()
  pools[#pools] = nil
end

local function file_pool(path)
  return open { driver = "sqlite", settings = { { "path", path } }, max = 3 }
end

local function postgres()
  return open { driver = "postgres", settings = { { "dbname", POSTGRES } }, max = 3 }
end

local function raising(rows, ...)
  if rows == nil then error((...), 0) end
  return rows, ...
end
--- Passes the results of pool:run on; raises what went wrong.
M.check = raising

--- pool:run of a text. options: lease, template, timeout, single, script, loads.
function M.run(pool, text, codes, params, columns, options)
  options = options or {}
  local statement = core.statement(text, codes or "", columns, options.script, options.loads)
  return raising(pool:run(statement, params, #(codes or "") / 2, options.lease, options.template,
    options.timeout, options.single))
end
local run = M.run

--- The error of a call that must have failed.
function M.fails(rows, err)
  busted.assert.is_nil(rows)
  busted.assert.is_table(err)
  return err
end

local DRAIN_MS = 10000

--- Waits until all tickets are done.
function M.wait_for(...)
  local stop = core.monotonic() + DRAIN_MS
  for i = 1, select("#", ...) do
    local ticket = select(i, ...)
    while not ticket:done() do
      assert(core.monotonic() < stop, "the ticket was never done")
      core.wait(100)
      core.process()
    end
  end
end

--- Lets everything that was submitted come to its end.
function M.drain()
  local stop = core.monotonic() + DRAIN_MS
  while core.inflight() > 0 and core.monotonic() < stop do
    core.wait(10)
    core.process()
  end
end

--- Two rounds, because the first only finds what has a finaliser.
function M.collect()
  collectgarbage()
  collectgarbage()
end

--- For after_each: no connection is in use, no ticket under way; closes the pools.
function M.nothing_left()
  M.collect()
  M.drain()
  local all = pools
  pools = {}
  for _, pool in ipairs(all) do
    local stats = pool:stats()
    busted.assert.equal(0, stats.inUse)
    busted.assert.equal(0, stats.waiting)
    pool:close()
    busted.assert.equal(0, pool:stats().total)
  end
  busted.assert.equal(0, core.inflight())
end

-- ---- people ----------------------------------------------------------------------------------------------

--- A load function that makes a table, and how two of its values compare.
function M.decode(text) return { text = text } end
function M.same_json(_, text, value) return type(value) == "table" and value.text == text end

M.PEOPLE = {
  { key = "id", code = "i" }, { key = "name", code = "s" }, { key = "age", code = "i" },
  { key = "at", code = "t" }, { key = "data", code = "j", load = M.decode },
}

local PLACE = "%?"

---@class Db a database of a test: pool, pg, single (one connection only), open()
local Db = {}
Db.__index = Db

--- "?" becomes $1, $2 ... on PostgreSQL.
function Db:places(text)
  if not self.pg then return text end
  local n = 0
  return (text:gsub(PLACE, function()
    n = n + 1
    return "$" .. n
  end))
end

function Db:named(name)
  return self.pg and M.SCHEMA .. "." .. name or name
end

function Db:create(columns)
  run(self.pool, "CREATE TABLE " .. self:named("t") .. " (" .. columns .. ")")
end

--- A table t of people: the even ones have an age, each has data.
function Db:people(count)
  self:create(self.pg and "id integer primary key, name text, age integer, at timestamptz, data json"
    or "id INTEGER PRIMARY KEY, name TEXT, age INTEGER, at TEXT, data TEXT")
  local insert = core.statement(self:places("INSERT INTO " .. self:named("t") .. " VALUES (?, ?, ?, ?, ?)"),
    "-i-s-i-t-j")
  for i = 1, count do
    local age = i % 2 == 0 and i or nil
    raising(self.pool:run(insert, { i, "n" .. i, age, i, '{"i":' .. i .. "}" }, 5))
  end
end

function Db:select(options, tail, codes, params)
  local text = "SELECT id, name, age, at, data FROM " .. self:named("t") .. " " .. (tail or "ORDER BY id")
  return run(self.pool, text, codes, params, M.PEOPLE, options)
end

function Db:start()
  if self.file then self.path = os.tmpname() end
  self.pool = self.open()
  if self.pg then
    run(self.pool, "DROP SCHEMA IF EXISTS " .. M.SCHEMA .. " CASCADE")
    run(self.pool, "CREATE SCHEMA " .. M.SCHEMA)
  end
end

function Db:stop()
  if self.pg then run(self.pool, "DROP SCHEMA " .. M.SCHEMA .. " CASCADE") end
  self.pool = nil
  M.nothing_left()
  if not self.path then return end
  local wal = io.open(self.path .. "-wal") -- SQLite's last connection to a file takes it away
  if wal then wal:close() end
  os.remove(self.path)
  busted.assert.is_nil(wal)
end

local function databases()
  local file = setmetatable({ name = "SQLite in a file", file = true }, Db)
  file.open = function() return file_pool(file.path) end
  local list = { setmetatable({ name = "SQLite in memory", open = M.memory, single = true }, Db), file }
  if POSTGRES then list[3] = setmetatable({ name = "PostgreSQL", open = postgres, pg = true }, Db) end
  return list
end

--- Describes the same on every database; body(db) declares the tests, db.pool is there while they run.
---@param what string
---@param body fun(db: Db)
function M.each(what, body)
  for _, db in ipairs(databases()) do
    busted.describe(what .. " on " .. db.name, function()
      busted.before_each(function() db:start() end)
      busted.after_each(function() db:stop() end)
      body(db)
    end)
  end
end

return M
