-- queryTimeout: a statement that takes too long ends with an error, and what is left can be used.
local driver = require "rowan.driver"
local helper = require "spec.helper"
local rowan = require "rowan"

local error_of = helper.error_of

-- Statements that would take minutes; the suite's own limit would end the run if nothing ended them.
local SLOW = {
  postgres = "SELECT pg_sleep(600)",
  sqlite = [[WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000)
    SELECT count(*) AS n FROM c]],
}

helper.each(function(dialect, connect)
  local db, Note
  local pg = dialect == "postgres"

  before_each(function()
    db = connect { queryTimeout = 150, pool = { max = 3 } }
    Note = db:define("Note", { text = { type = rowan.DataTypes.STRING } }, { timestamps = false })
    db:sync()
    Note:create { text = "a" }
  end)

  local function slow(options)
    return db:query(SLOW[dialect], options)
  end

  local function check(err)
    assert.is_true(rowan.is(err, "TimeoutError"), tostring(err))
    assert.is_true(rowan.is(err, "DatabaseError"))
  end

  local function usable()
    driver.drain(5000) -- a connection comes back when the server has answered the cancellation
    local stats = db.pool:stats()
    assert.equal(0, stats.inUse)
    assert.equal(0, stats.waiting)
    assert.equal(1, Note:count())
    assert.is_true(stats.total <= 3)
  end

  it("ends a slow statement", function()
    check(error_of(slow))
    usable()
    check(error_of(slow))
    usable()
    assert.equal(1, db.pool:stats().total)
  end)

  it("ends slow statements under rowan.all, and not the quick ones beside them", function()
    local caught, count = 0, 0
    local function late()
      local err = error_of(slow)
      check(err)
      caught = caught + 1
    end
    rowan.all { late, function() for _ = 1, 3 do count = count + Note:count() end end, late }
    assert.equal(2, caught)
    assert.equal(3, count)
    usable()
  end)

  it("ends a slow write, which leaves nothing", function()
    local err = error_of(db.query, db, pg
      and [[INSERT INTO "Notes" ("text") SELECT 'b' FROM pg_sleep(600)]]
      or [[WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000)
        INSERT INTO "Notes" ("text") SELECT 'b' FROM c WHERE n < 1000]])
    check(err)
    usable()
  end)

  it("ends a slow statement inside of a transaction, which can be rolled back", function()
    check(error_of(db.transaction, db, function()
      Note:create { text = "b" }
      slow()
    end))
    usable()
    local t = db:transaction()
    Note:create({ text = "b" }, { transaction = t })
    check(error_of(slow, { transaction = t }))
    t:rollback()
    usable()
    assert.equal(1, db.pool:stats().total)
    db:transaction(function() Note:create { text = "c" } end)
    assert.equal(2, Note:count())
  end)

  it("can be undone by a savepoint", function()
    db:transaction(function()
      Note:create { text = "b" }
      check(error_of(db.transaction, db, function()
        Note:create { text = "c" }
        slow()
      end))
    end)
    assert.equal(2, Note:count())
  end)

  it("ends the waiting for a connection as well", function()
    local held = {}
    for i = 1, 3 do held[i] = db:transaction { readOnly = true } end
    local err = error_of(rowan.all, { function() Note:count() end })
    assert.is_true(rowan.is(err, "ConnectionAcquireTimeoutError") or rowan.is(err, "TimeoutError"), tostring(err))
    assert.equal(0, db.pool:stats().waiting)
    for i = 1, 3 do held[i]:rollback() end
    usable()
  end)

  it("ends the waiting for a lock", function()
    local other = connect(pg and { searchPath = { db:query("SELECT current_schema() AS s")[1].s } }
      or { storage = db:query("PRAGMA database_list")[1].file })
    local t = other:transaction()
    other:query([[UPDATE "Notes" SET "text" = 'locked']], { transaction = t })
    check(error_of(Note.update, Note, { text = "b" }, { where = { id = 1 } }))
    t:rollback()
    assert.equal(1, (Note:update({ text = "b" }, { where = { id = 1 } })))
    usable()
  end)
end)

helper.on("postgres", function(_, connect)
  it("the server's own statement_timeout is the same kind of error", function()
    local db = connect { options = "-cstatement_timeout=50 -cclient_min_messages=warning" }
    local err = error_of(db.query, db, SLOW.postgres)
    assert.is_true(rowan.is(err, "TimeoutError"), tostring(err))
    assert.equal("57014", err.sqlstate)
    assert.equal(1, #db:query("SELECT 1"))
  end)
end)
