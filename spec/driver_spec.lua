-- lua/rowan/driver over the real core: the straight path, rowan.all, and how they live together.
local core = require "rowan.core"
local driver = require "rowan.driver"
local errors = require "rowan.base.errors"
local config = require "rowan.driver.config"

local POSTGRES = os.getenv("ROWAN_TEST_POSTGRES")
if POSTGRES == "" then POSTGRES = nil end

-- Some tenths of a second of work for SQLite, on one core.
local COUNT = [[
  WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?)
  SELECT count(*) AS total FROM c]]
local count_statement = driver.statement(COUNT, "-I")
local SLOW, QUICK = 1500000, 10

local handles = {}

local function open(url, options)
  local handle = assert(driver.open(config.read(url, options)))
  handles[#handles + 1] = handle
  return handle
end

local function memory(options)
  return open("sqlite::memory:", options)
end

local function rows_of(handle, text, codes, ...)
  local n = select("#", ...)
  local rows, err = handle:query(driver.statement(text, codes or ""), { ... }, n)
  if not rows then error(err, 0) end
  return rows
end

local function count_to(handle, n)
  local rows, err = handle:query(count_statement, { n }, 1)
  if not rows then error(err, 0) end
  return rows[1].total
end

local function error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function nothing_left()
  collectgarbage()
  collectgarbage()
  driver.drain(5000)
  local open_handles = handles
  handles = {}
  for _, handle in ipairs(open_handles) do
    local stats = handle:stats()
    assert.equal(0, stats.inUse)
    assert.equal(0, stats.waiting)
    handle:close()
    assert.equal(0, handle:stats().total)
  end
  assert.equal(0, driver.inflight())
end

describe("the driver's straight path", function()
  after_each(nothing_left)

  it("runs a statement and gives rows, count and last id", function()
    local db = memory()
    local create = driver.statement("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)", "")
    assert.is_true((db:query(create, nil, 0)))
    local insert = driver.statement("INSERT INTO t (name) VALUES (?)", "-s")
    local _, affected, last_id = db:query(insert, { "a" }, 1)
    assert.equal(1, affected)
    assert.equal(1, last_id)
    db:query(insert, { "b" }, 1)
    local rows = rows_of(db, "SELECT * FROM t ORDER BY id")
    assert.same({ { id = 1, name = "a" }, { id = 2, name = "b" } }, rows)
    local by_id = driver.statement("SELECT name FROM t WHERE id = ?", "-i")
    assert.same({ name = "b" }, (db:query(by_id, { 2 }, 1, nil, nil, true)))
    assert.is_false((db:query(by_id, { 9 }, 1, nil, nil, true)))
  end)

  it("gives errors as plain tables", function()
    local rows, err = memory():query(driver.statement("SELECT nowhere", ""), nil, 0)
    assert.is_nil(rows)
    assert.equal("database", err.kind)
    assert.matches("nowhere", err.message)
  end)

  it("keeps a lease's connection to itself", function()
    local db = memory()
    local lease = assert(db:lease())
    assert.equal(1, db:stats().inUse)
    assert.is_true((db:query(driver.statement("BEGIN", ""), nil, 0, lease)))
    assert.equal("open", lease:tx())
    assert.is_true((db:query(driver.statement("COMMIT", ""), nil, 0, lease)))
    assert.equal("idle", lease:tx())
    assert.is_true(lease:release())
    assert.equal(0, db:stats().inUse)
  end)

  it("closes the connection of a lease that is discarded", function()
    local db = memory()
    db:query(driver.statement("CREATE TABLE t (n INTEGER)", ""), nil, 0)
    local lease = assert(db:lease())
    lease:discard()
    lease:discard()
    assert.equal("released", lease:tx())
    assert.equal(0, db:stats().total)
    assert.same({ { n = 0 } }, rows_of(db, "SELECT count(*) AS n FROM sqlite_master"))
  end)

  it("refuses work after close", function()
    local db = memory()
    db:close()
    local rows, err = db:query(count_statement, { QUICK }, 1)
    assert.is_nil(rows)
    assert.equal("closed", err.kind)
    local lease, lease_err = db:lease()
    assert.is_nil(lease)
    assert.equal("closed", lease_err.kind)
  end)

  it("ends a statement at its deadline, the database's or the call's", function()
    local db = memory { queryTimeout = 50 }
    local _, err = db:query(count_statement, { 1e12 }, 1)
    assert.equal("timeout", err.kind)
    _, err = memory():query(count_statement, { 1e12 }, 1, nil, nil, nil, 50)
    assert.equal("timeout", err.kind)
  end)
end)

describe("rowan.all", function()
  after_each(nothing_left)

  it("gives the first result of each function in the order of the list", function()
    local db = memory()
    assert.same({}, driver.all {})
    assert.same({ 1, "two", { 3 } }, driver.all {
      function() return 1, "dropped" end,
      function() return "two" end,
      function() return { 3 } end,
    })
    local got = driver.all {
      function() return count_to(db, 300000) end,
      function() return nil end,
      function() return count_to(db, QUICK) end,
    }
    assert.equal(300000, got[1])
    assert.is_nil(got[2])
    assert.equal(QUICK, got[3])
  end)

  it("refuses anything but a list of functions", function()
    for _, wrong in ipairs { { 7 }, { "x" }, { key = print }, { print, [3] = print } } do
      assert.is_true(errors.is(error_of(driver.all, wrong), "UsageError"))
    end
    assert.is_true(errors.is(error_of(driver.all), "UsageError"))
    assert.is_true(errors.is(error_of(driver.all, print), "UsageError"))
  end)

  it("runs none of a list it refuses", function()
    local ran = false
    error_of(driver.all, { function() ran = true end, 7 })
    assert.is_false(ran)
  end)

  it("raises the first error, unchanged, once all have stopped", function()
    local first, slow, finished = { mine = true }, memory(), false
    local err = error_of(driver.all, {
      function()
        count_to(slow, 300000)
        finished = true
        error("too late", 0)
      end,
      function() error(first, 0) end,
    })
    assert.equal(first, err)
    assert.is_true(finished)
  end)

  it("raises errors that are not objects as they are", function()
    assert.equal("text", error_of(driver.all, { function() error("text", 0) end }))
    local ok, err = pcall(driver.all, { function() error(nil) end })
    assert.is_false(ok)
    -- Lua's own conversion of a nil error differs between runtimes; it must only not be lost.
    assert.is_true(err == nil or type(err) == "string")
  end)

  it("gives each function a coroutine of its own", function()
    local seen = { [driver.task.current()] = true }
    assert.equal(driver.task.current(), driver.task.current())
    driver.all {
      function() seen[driver.task.current()] = true end,
      function() seen[driver.task.current()] = true end,
    }
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.equal(3, count)
  end)

  it("nests", function()
    local db, other = memory(), memory()
    local function three(handle, base)
      return function()
        return driver.all {
          function() return count_to(handle, base + 1) end,
          function() return driver.all { function() return count_to(handle, base + 2) end }[1] end,
          function() return base + 3 end,
        }
      end
    end
    assert.same({ { 11, 12, 13 }, { 21, 22, 23 }, {} }, driver.all {
      three(db, 10), three(other, 20), function() return driver.all {} end,
    })
  end)

  it("lets an inner failure be caught by the task around it", function()
    local got = driver.all {
      function()
        local ok, err = pcall(driver.all, { function() error("inner", 0) end })
        return tostring(ok) .. " " .. err
      end,
      function() return "outer" end,
    }
    assert.same({ "false inner", "outer" }, got)
  end)

  it("overlaps: quick work finishes before slow work that was sent first", function()
    local slow, quick, order, most = memory(), memory(), {}, 0
    driver.all {
      function()
        count_to(slow, SLOW)
        order[#order + 1] = "slow"
      end,
      function()
        count_to(quick, QUICK)
        order[#order + 1] = "quick"
      end,
      function() most = driver.inflight() end,
    }
    assert.same({ "quick", "slow" }, order)
    assert.equal(2, most)
  end)

  it("lets tasks wait for one connection in turn", function()
    local db, order = memory(), {}
    local function task(name)
      return function()
        local lease = assert(db:lease())
        order[#order + 1] = name .. " in"
        assert(db:query(count_statement, { 1000 }, 1, lease))
        order[#order + 1] = name .. " out"
        assert(lease:release())
      end
    end
    driver.all { task "a", task "b", task "c" }
    assert.same({ "a in", "a out", "b in", "b out", "c in", "c out" }, order)
  end)

  it("lets a coroutine of the user's own inside a task go straight", function()
    local db, other = memory(), memory()
    local got = driver.all {
      function()
        local generator = coroutine.wrap(function()
          for n = 1, 3 do coroutine.yield(count_to(db, n * 100)) end
        end)
        return { generator(), generator(), generator() }
      end,
      function() return count_to(other, 200000) end,
      function()
        local inner = coroutine.wrap(function()
          return driver.all { function() return count_to(other, 5) end, function() return 6 end }
        end)
        return inner()
      end,
    }
    assert.same({ { 100, 200, 300 }, 200000, { 5, 6 } }, got)
  end)

  it("goes straight where a coroutine cannot yield", function()
    local db, other = memory(), memory()
    local got = driver.all {
      function()
        local list = { 30, 10, 20 }
        table.sort(list, function(a, b) return count_to(db, a) < count_to(db, b) end)
        return list
      end,
      function() return count_to(other, 200000) end,
    }
    assert.same({ { 10, 20, 30 }, 200000 }, got)
  end)

  it("refuses a yield that is not rowan's, and ends the others all the same", function()
    local db, finished = memory(), false
    local err = error_of(driver.all, {
      function() coroutine.yield("lost") end,
      function()
        count_to(db, 1000)
        finished = true
      end,
    })
    assert.is_true(errors.is(err, "UsageError"))
    assert.matches("function 1 of rowan.all yielded", err.message)
    assert.is_true(finished)
  end)

  it("gives a lost task's connection back", function()
    local db = memory()
    error_of(driver.all, { function()
      local lease = assert(db:lease())
      coroutine.yield(lease)
    end })
    collectgarbage()
    collectgarbage()
    assert.equal(0, db:stats().inUse)
    -- The lease was collected, so its connection was closed; the next one is a new, empty database.
    assert.equal(QUICK, count_to(db, QUICK))
  end)

  it("ends a task's statement at its deadline", function()
    local db = memory()
    local got = driver.all { function()
      local _, err = db:query(count_statement, { 1e12 }, 1, nil, nil, nil, 50)
      return err
    end }
    assert.equal("timeout", got[1].kind)
  end)

  it("can be used again inside a coroutine, and by many tasks", function()
    local db, tasks = memory(), {}
    for i = 1, 200 do
      tasks[i] = function() return count_to(db, i) end
    end
    local got = coroutine.wrap(function() return driver.all(tasks) end)()
    for i = 1, 200 do assert.equal(i, got[i]) end
  end)
end)

describe("the one fd", function()
  if not POSTGRES then
    pending("needs PostgreSQL: set ROWAN_TEST_POSTGRES, or run scripts/test")
    return
  end
  after_each(nothing_left)

  it("lets eight slow queries and two SQLite jobs overlap", function()
    local SLEEP_S, SLEEPERS, WORK = 0.5, 8, 100000
    local server = open(POSTGRES, { pool = { max = SLEEPERS } })
    local sleep = driver.statement("SELECT pg_sleep($1)", "-d")
    local function sleeping(seconds)
      return function() return (assert(server:query(sleep, { seconds }, 1))) ~= nil end
    end
    local tasks, most = {}, 0
    for i = 1, SLEEPERS do tasks[i] = sleeping(0.01) end
    driver.all(tasks) -- connects, so that only the statements are timed
    for i = 1, SLEEPERS do tasks[i] = sleeping(SLEEP_S) end
    for _ = 1, 2 do
      local file = memory()
      tasks[#tasks + 1] = function() return count_to(file, WORK) end
    end
    tasks[#tasks + 1] = function() most = driver.inflight() end
    local fd = assert(core.pollfd())
    local started = core.monotonic()
    local got = driver.all(tasks)
    local took_ms = core.monotonic() - started
    assert.equal(fd, core.pollfd())
    assert.equal(SLEEPERS + 2, most)
    assert.same({ WORK, WORK }, { got[SLEEPERS + 1], got[SLEEPERS + 2] })
    -- One behind the other they would take 4 s and more.
    assert.is_true(took_ms >= SLEEP_S * 1000)
    assert.is_true(took_ms < SLEEP_S * SLEEPERS * 1000 / 2, "took " .. took_ms .. " ms")
    assert.equal(SLEEPERS, server:stats().total)
  end)

  it("is left alone by the straight path", function()
    local server = open(POSTGRES)
    local got = driver.all {
      function() return rows_of(server, "SELECT pg_sleep(0.2), 1 AS one")[1].one end,
      function()
        return coroutine.wrap(function() return rows_of(server, "SELECT 2 AS two")[1].two end)()
      end,
    }
    assert.same({ 1, 2 }, got)
    assert.equal(3, rows_of(server, "SELECT 3 AS three")[1].three)
  end)

  it("queues more tasks than the pool has connections", function()
    local server, tasks = open(POSTGRES, { pool = { max = 2 } }), {}
    for i = 1, 20 do
      tasks[i] = function() return rows_of(server, "SELECT $1::int AS n", "-i", i)[1].n end
    end
    local got = driver.all(tasks)
    for i = 1, 20 do assert.equal(i, got[i]) end
    assert.is_true(server:stats().total <= 2)
  end)

  it("reports what fails in one task alone", function()
    local server = open(POSTGRES)
    local got = driver.all {
      function()
        local _, err = server:query(driver.statement("SELECT 1/0", ""), nil, 0)
        return err.sqlstate
      end,
      function()
        local _, err = server:query(driver.statement("SELECT pg_sleep(5)", ""), nil, 0, nil, nil, nil, 100)
        return err.kind
      end,
      function() return rows_of(server, "SELECT 1 AS one")[1].one end,
    }
    assert.same({ "22012", "timeout", 1 }, got)
  end)
end)
