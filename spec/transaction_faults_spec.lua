-- Transactions when things go wrong: lost connections, COMMIT that is no COMMIT, keys checked at the end, locks.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

local function define(db)
  local Account = db:define("Account", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.STRING(20), unique = true },
  }, { timestamps = false })
  return Account
end

helper.each(function(dialect, connect)
  local db, Account

  before_each(function()
    db = connect()
    Account = define(db)
    db:sync()
  end)

  local function idle()
    assert.equal(0, db.pool:stats().inUse)
  end

  it("a readOnly transaction leaves a connection that can write", function()
    for _ = 1, 2 do
      db:transaction({ readOnly = true }, function() Account:count() end)
      local t = db:transaction { readOnly = true }
      t:rollback()
      Account:create {}
    end
    assert.equal(2, Account:count())
    assert.equal(1, db.pool:stats().total)
  end)

  describe("a key that is checked at COMMIT", function()
    before_each(function()
      db:query('CREATE TABLE parent (id INTEGER PRIMARY KEY)')
      db:query([[CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER
        REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)]])
    end)

    it("makes COMMIT fail, and nothing is stored", function()
      local after = false
      local err = error_of(db.transaction, db, function(t)
        t:afterCommit(function() after = true end)
        db:query("INSERT INTO child VALUES (1, 7)")
        Account:create { name = "a" }
      end)
      assert.is_true(rowan.is(err, "ForeignKeyConstraintError"))
      assert.is_nil(err.outcomeUnknown)
      assert.is_false(after)
      idle()
      assert.equal(0, Account:count())
      assert.same({}, (db:query("SELECT * FROM child")))
    end)

    it("may be met late", function()
      db:transaction(function()
        db:query("INSERT INTO child VALUES (1, 7)")
        db:query("INSERT INTO parent VALUES (7)")
      end)
      assert.equal(1, #db:query("SELECT * FROM child"))
    end)

    it("ends an unmanaged transaction all the same", function()
      local t = db:transaction()
      db:query("INSERT INTO child VALUES (1, 7)", { transaction = t })
      assert.is_true(rowan.is(error_of(t.commit, t), "ForeignKeyConstraintError"))
      assert.equal("rollback", t.finished)
      assert.is_true(rowan.is(error_of(t.commit, t), "TransactionError"))
      idle()
      assert.same({}, (db:query("SELECT * FROM child")))
    end)
  end)

  it("an error that was caught inside does not make COMMIT a lie on " .. dialect, function()
    Account:create { name = "a" }
    local ok, err = pcall(db.transaction, db, function()
      Account:create { name = "b" }
      error_of(Account.create, Account, { name = "a" })
    end)
    -- PostgreSQL answers such a COMMIT with ROLLBACK, SQLite commits what went well.
    assert.equal(dialect == "sqlite", ok)
    assert.equal(ok and 2 or 1, Account:count())
    if not ok then assert.is_true(rowan.is(err, "DatabaseError"), tostring(err)) end
    idle()
    Account:create { name = "c" }
  end)

  it("a statement after a failed one is refused by PostgreSQL alone", function()
    Account:create { name = "a" }
    local t = db:transaction()
    error_of(Account.create, Account, { name = "a" }, { transaction = t })
    local ok, err = pcall(Account.create, Account, { name = "b" }, { transaction = t })
    assert.equal(dialect == "sqlite", ok)
    if not ok then assert.equal("25P02", err.sqlstate) end
    t:rollback()
    assert.equal(1, Account:count())
    assert.equal(1, db.pool:stats().total)
  end)
end)

helper.on("sqlite", function(_, connect)
  local one, two, One, Two

  before_each(function()
    one = connect()
    One = define(one)
    one:sync()
    local path = one:query("PRAGMA database_list")[1].file
    two = connect { storage = path, busyTimeout = 50 }
    Two = define(two)
  end)

  it("a writer that waits too long for another gets an error, and can go on later", function()
    local t = one:transaction()
    One:create({ name = "a" }, { transaction = t })
    for _, write in ipairs {
      function() Two:create { name = "b" } end,
      function() two:transaction(function() Two:create { name = "b" } end) end,
      function() Two:bulkCreate { { name = "b" }, { name = "c" } } end,
    } do
      local err = error_of(write)
      assert.is_true(rowan.is(err, "TimeoutError"), tostring(err))
      assert.is_true(err.retryable)
      assert.equal(0, two.pool:stats().inUse)
    end
    assert.equal(0, Two:count())
    t:commit()
    assert.equal(1, Two:count())
    Two:create { name = "b" }
    assert.equal(2, One:count())
  end)

  it("a writer that is waited for makes others wait, not fail", function()
    local many = connect { storage = one:query("PRAGMA database_list")[1].file, busyTimeout = 20000 }
    local Many = define(many)
    local function add(db, model, name)
      return function()
        for i = 1, 5 do
          db:transaction(function()
            local count = model:count()
            model:create { name = name .. count .. i }
          end)
        end
      end
    end
    rowan.all { add(one, One, "x"), add(many, Many, "y"), add(many, Many, "z") }
    assert.equal(15, One:count())
  end)
end)

helper.on("postgres", function(_, connect)
  local db, Account, admin

  before_each(function()
    db = connect()
    Account = define(db)
    db:sync()
    admin = connect()
  end)

  local function kill(t)
    local pid = db:query("SELECT pg_backend_pid() AS pid", { transaction = t, plain = true }).pid
    admin:query("SELECT pg_terminate_backend($1)", { bind = { pid } })
    -- It is gone once the server does not list it any more.
    repeat
      local left = admin:query("SELECT count(*) AS n FROM pg_stat_activity WHERE pid = $1",
        { bind = { pid }, plain = true }).n
    until left == 0
  end

  local function works_again()
    assert.equal(0, db.pool:stats().inUse)
    assert.equal(0, db.pool:stats().total)
    assert.equal(0, Account:count())
    Account:create { name = "a" }
    assert.equal(1, db.pool:stats().total)
  end

  it("a connection lost inside is an error, and is not used again", function()
    local err = error_of(db.transaction, db, function(t)
      Account:create { name = "a" }
      kill(t)
      Account:create { name = "b" }
    end)
    assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
    works_again()
  end)

  it("a connection lost inside cannot be committed, even when nobody looked", function()
    local t = db:transaction()
    Account:create({ name = "a" }, { transaction = t })
    kill(t)
    local err = error_of(t.commit, t)
    assert.is_true(rowan.is(err, "TransactionError"), tostring(err))
    assert.is_true(err.outcomeUnknown)
    assert.matches("not known", err.message)
    works_again()
  end)

  it("a connection lost inside cannot be committed after its error was caught", function()
    local ok, err = pcall(db.transaction, db, function(t)
      Account:create { name = "a" }
      kill(t)
      error_of(Account.create, Account, { name = "b" })
      -- Nothing of it runs on another connection.
      assert.is_true(rowan.is(error_of(Account.create, Account, { name = "c" }), "ConnectionError"))
    end)
    assert.is_false(ok)
    assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
    assert.is_nil(err.outcomeUnknown)
    works_again()
  end)

  it("a lost connection can be rolled back", function()
    local t = db:transaction()
    Account:create({ name = "a" }, { transaction = t })
    kill(t)
    pcall(t.rollback, t)
    assert.equal("rollback", t.finished)
    works_again()
  end)

  it("a savepoint on a lost connection raises as well", function()
    local err = error_of(db.transaction, db, function(t)
      db:transaction(function()
        Account:create { name = "a" }
        kill(t)
      end)
    end)
    assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
    works_again()
  end)

  it("a deadlock ends one of the two, which may be tried again", function()
    Account:bulkCreate { { name = "a" }, { name = "b" } }
    local met = { count = 0 }
    local function locker(first, second)
      return function()
        return db:transaction(function()
          Account:update({ name = "x" .. first }, { where = { id = first } })
          met.count = met.count + 1
          while met.count < 2 do db:query("SELECT pg_sleep(0.01)") end
          Account:update({ name = "y" .. first }, { where = { id = second } })
          return true
        end)
      end
    end
    local err = error_of(rowan.all, { locker(1, 2), locker(2, 1) })
    assert.equal("40P01", err.sqlstate)
    assert.is_true(err.retryable)
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("a transaction that cannot be serialized says that it may be tried again", function()
    Account:create { name = "a" }
    local first = db:transaction { isolationLevel = "REPEATABLE READ" }
    Account:count { transaction = first }
    Account:update({ name = "b" }, { where = { id = 1 } })
    local err = error_of(Account.update, Account, { name = "c" }, { where = { id = 1 }, transaction = first })
    assert.equal("40001", err.sqlstate)
    assert.is_true(err.retryable)
    first:rollback()
  end)
end)
