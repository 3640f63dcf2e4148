-- The pool as seen from a database: its counters, its limits, who is served first, what becomes of dead connections.
local driver = require "rowan.driver"
local helper = require "spec.helper"
local rowan = require "rowan"

local error_of = helper.error_of

local function wait_ms(ms)
  local stop = driver.values.monotonic() + ms
  repeat until driver.values.monotonic() >= stop
end

helper.each(function(dialect, connect)
  local pg = dialect == "postgres"

  -- Work that takes the database long enough for other tasks to get in line.
  local function slow(db)
    if pg then return db:query("SELECT pg_sleep(0.02)") end
    return db:query([[WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000)
      SELECT count(*) AS n FROM c]])
  end

  local function one(db)
    return db:query("SELECT 1 AS one", { plain = true }).one
  end

  it("opens nothing before it is used, and keeps what it opened", function()
    local db = connect { pool = { max = 3 } }
    assert.same({ max = 3, min = 0, total = 0, idle = 0, inUse = 0, waiting = 0 }, db.pool:stats())
    db:authenticate()
    assert.same({ max = 3, min = 0, total = 1, idle = 1, inUse = 0, waiting = 0 }, db.pool:stats())
    for _ = 1, 5 do one(db) end
    assert.equal(1, db.pool:stats().total)
    local t = db:transaction { readOnly = true }
    assert.equal(1, db.pool:stats().inUse)
    one(db)
    assert.same({ max = 3, min = 0, total = 2, idle = 1, inUse = 1, waiting = 0 }, db.pool:stats())
    t:rollback()
    assert.equal(2, db.pool:stats().idle)
  end)

  it("never opens more than max, and lets the others wait", function()
    local db = connect { pool = { max = 2 } }
    local most, waited, tasks = 0, 0, {}
    for i = 1, 8 do
      tasks[i] = function()
        slow(db)
        local stats = db.pool:stats()
        most, waited = math.max(most, stats.total), math.max(waited, stats.waiting)
        return i
      end
    end
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, rowan.all(tasks))
    assert.equal(2, most)
    assert.is_true(waited >= 1)
    assert.same({ max = 2, min = 0, total = 2, idle = 2, inUse = 0, waiting = 0 }, db.pool:stats())
  end)

  it("serves who came first", function()
    local db = connect { pool = { max = 1 } }
    local order, tasks = {}, {}
    for i = 1, 6 do
      tasks[i] = function()
        if i % 2 == 0 then
          db:transaction({ readOnly = true }, function()
            slow(db)
            order[#order + 1] = i
          end)
        else
          slow(db)
          order[#order + 1] = i
        end
      end
    end
    rowan.all(tasks)
    assert.same({ 1, 2, 3, 4, 5, 6 }, order)
  end)

  it("says who holds all connections when nobody here can give one back", function()
    local db = connect { pool = { max = 2, acquire = 60000 } }
    local a, b = db:transaction { readOnly = true }, db:transaction { readOnly = true }
    for _, call in ipairs {
      function() one(db) end, function() db:transaction() end,
      function() db:query("SELECT 1", { transaction = false }) end,
    } do
      local err = error_of(call)
      assert.is_true(rowan.is(err, "ConnectionAcquireTimeoutError"), tostring(err))
      assert.is_true(rowan.is(err, "ConnectionError"))
      assert.matches("all 2 connections", err.message)
    end
    a:rollback()
    assert.equal(1, one(db))
    b:rollback()
  end)

  it("gives up after the acquire timeout, and names the numbers", function()
    local db = connect { pool = { max = 1, acquire = 30 } }
    local t = db:transaction { readOnly = true }
    local err = error_of(rowan.all, { function() one(db) end })
    assert.is_true(rowan.is(err, "ConnectionAcquireTimeoutError"), tostring(err))
    assert.matches("%d+ ms", err.message)
    assert.matches("1", err.message)
    assert.equal(0, db.pool:stats().waiting)
    t:rollback()
    assert.same({ 1 }, rowan.all { function() return one(db) end })
  end)

  it("lets go of connections that were idle too long, down to min", function()
    local db = connect { pool = { max = 3, min = 1, idle = 300 } }
    local function three() rowan.all { function() slow(db) end, function() slow(db) end, function() slow(db) end } end
    three()
    assert.equal(3, db.pool:stats().total)
    wait_ms(350)
    one(db)
    assert.equal(1, db.pool:stats().total)
  end)

  it("replaces connections that have lived long enough", function()
    local db = connect { pool = { max = 1, lifetime = 10 } }
    local function identity()
      if pg then return db:query("SELECT pg_backend_pid() AS pid", { plain = true }).pid end
      -- A temporary table belongs to its connection.
      local seen = db:query("SELECT count(*) AS n FROM sqlite_temp_master", { plain = true }).n
      db:query("CREATE TEMP TABLE IF NOT EXISTS mark (n)")
      return seen
    end
    local first = identity()
    wait_ms(25)
    local second = identity()
    if pg then
      assert.not_equal(first, second)
    else
      assert.same({ 0, 0 }, { first, second })
    end
    assert.equal(1, db.pool:stats().max)
  end)

  it("refuses work after close, and can be closed twice", function()
    local db = connect()
    one(db)
    db:close()
    db:close()
    assert.equal(0, db.pool:stats().total)
    for _, call in ipairs {
      function() one(db) end, function() db:authenticate() end, function() db:transaction(function() end) end,
      function() db:transaction() end, function() rowan.all { function() one(db) end } end,
    } do
      local err = error_of(call)
      assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
      assert.matches("closed", err.message)
    end
  end)

  it("close lets a transaction come to its end, and then closes its connection", function()
    local db = connect()
    local path = not pg and db:query("PRAGMA database_list")[1].file or nil
    local schema = pg and { db:query("SELECT current_schema() AS name", { plain = true }).name } or nil
    db:query("CREATE TABLE t (n INTEGER)")
    local again = connect { storage = path, searchPath = schema }
    local t = db:transaction()
    db:close()
    db:query("INSERT INTO t VALUES (1)", { transaction = t })
    t:commit()
    assert.equal(0, db.pool:stats().total)
    assert.equal(1, #again:query("SELECT * FROM t"))
  end)

  it("close ends the waiting of those who wait", function()
    local db = connect { pool = { max = 1 } }
    db:authenticate()
    local errors = {}
    local function caught(i, fn)
      return function()
        local ok, err = pcall(fn, db)
        if not ok then errors[i] = err end
      end
    end
    rowan.all { caught(1, slow), caught(2, one), function() db:close() end }
    assert.is_true(rowan.is(errors[2], "ConnectionError"), tostring(errors[2]))
    assert.matches("may have run", errors[1].message)
    assert.equal(0, db.pool:stats().total)
  end)

  it("a failing statement gives its connection back", function()
    local db = connect { pool = { max = 1 } }
    for _ = 1, 5 do
      error_of(db.query, db, "SELECT nothing FROM nowhere")
      error_of(db.query, db, "SELEC 1")
      error_of(rowan.all, { function() db:query("SELECT nothing FROM nowhere") end })
    end
    assert.equal(1, one(db))
    assert.equal(1, db.pool:stats().total)
  end)
end)

helper.on("sqlite", function(_, connect)
  it("in memory has one connection for good", function()
    local db = connect { storage = ":memory:", pool = { max = 5, idle = 1, lifetime = 1 } }
    assert.equal(1, db.pool:stats().max)
    db:query("CREATE TABLE t (n INTEGER)")
    wait_ms(5)
    db:query("INSERT INTO t VALUES (1)")
    wait_ms(5)
    assert.equal(1, #db:query("SELECT * FROM t"))
    local err = error_of(db.transaction, db, function() db:query("SELECT 1", { transaction = false }) end)
    assert.is_true(rowan.is(err, "ConnectionAcquireTimeoutError"))
    assert.equal(1, #db:query("SELECT * FROM t"))
    local function insert() db:query("INSERT INTO t VALUES (2)") end
    rowan.all { insert, insert }
    assert.equal(3, #db:query("SELECT * FROM t"))
  end)
end)

helper.on("postgres", function(_, connect)
  local function sleep(db) db:query("SELECT pg_sleep(0.02)") end

  it("replaces connections that were killed while they were idle", function()
    local db, admin = connect(), connect()
    rowan.all { function() sleep(db) end, function() sleep(db) end, function() sleep(db) end }
    assert.equal(3, db.pool:stats().idle)
    local schema = db:query("SELECT current_schema() AS name", { plain = true }).name
    -- Those of this pool are known by their search path.
    local pids = {}
    rowan.all {
      function() pids[1] = db:query("SELECT pg_backend_pid() AS pid, pg_sleep(0.02)", { plain = true }).pid end,
      function() pids[2] = db:query("SELECT pg_backend_pid() AS pid, pg_sleep(0.02)", { plain = true }).pid end,
      function() pids[3] = db:query("SELECT pg_backend_pid() AS pid, pg_sleep(0.02)", { plain = true }).pid end,
    }
    for i = 1, 3 do admin:query("SELECT pg_terminate_backend($1)", { bind = { pids[i] } }) end
    -- A connection is looked at before it is used again, unless it was used just now.
    admin:query("SELECT pg_sleep(0.6)")
    for _ = 1, 3 do
      assert.equal(schema, db:query("SELECT current_schema() AS name", { plain = true }).name)
    end
    assert.equal(1, db.pool:stats().total)
  end)

  it("refuses to connect where nobody listens, without a word of the password", function()
    local db = connect { url = "postgres://ann:pa55word@127.0.0.1:1/nowhere", connectTimeout = 2000 }
    local err = error_of(db.authenticate, db)
    assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
    assert.is_nil(tostring(err):find("pa55word", 1, true))
    assert.equal(0, db.pool:stats().total)
  end)
end)
