-- Transactions: who joins, what ends how, and that nothing in doubt is ever reused.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

local function define(db)
  local Account = db:define("Account", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.STRING(20), unique = true },
    { "balance", DataTypes.INTEGER, allowNull = false, defaultValue = 0 },
  }, { timestamps = false })
  return Account
end

helper.each(function(dialect, connect)
  local db, Account
  local pg = dialect == "postgres"

  before_each(function()
    db = connect { busyTimeout = not pg and 100 or nil, pool = { acquire = 2000 } }
    Account = define(db)
    db:sync()
  end)

  local function idle()
    assert.equal(0, db.pool:stats().inUse)
  end

  describe("a managed transaction", function()
    it("commits when its function returns, and gives its results", function()
      local results = { n = 0 }
      local function keep(...) results = { n = select("#", ...), ... } end
      keep(db:transaction(function(t)
        assert.equal("transaction", rowan.kind(t))
        Account:create { name = "a" }
        return 1, nil, "three", nil
      end))
      assert.same({ n = 4, 1, nil, "three", nil }, results)
      assert.equal(1, Account:count())
      idle()
    end)

    it("sends BEGIN, the work and COMMIT", function()
      local sent = helper.statements(function()
        db:transaction(function() Account:count() end)
      end)
      assert.equal(3, #sent)
      assert.equal(pg and "BEGIN" or "BEGIN IMMEDIATE", sent[1])
      assert.equal("COMMIT", sent[3])
    end)

    it("rolls back when its function raises, and passes the error on unchanged", function()
      for _, thrown in ipairs { { 1 }, "text", 7, true } do
        local err = error_of(db.transaction, db, function()
          Account:create { name = "a" }
          error(thrown, 0)
        end)
        assert.equal(thrown, err)
        idle()
      end
      local ok, err = pcall(db.transaction, db, function() error() end)
      assert.is_false(ok)
      assert.is_nil(err)
      err = error_of(db.transaction, db, function()
        Account:create { name = "a" }
        Account:create { name = "a" }
      end)
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      assert.equal(0, Account:count())
    end)

    it("can be ended early by its function", function()
      local result = db:transaction(function(t)
        Account:create { name = "a" }
        t:rollback()
        return "rolled back"
      end)
      assert.equal("rolled back", result)
      assert.equal(0, Account:count())
      db:transaction(function(t)
        Account:create { name = "a" }
        t:commit()
      end)
      assert.equal(1, Account:count())
      idle()
    end)

    it("is joined by every call of its coroutine", function()
      error_of(db.transaction, db, function()
        local one = Account:create { name = "a" }
        Account:bulkCreate { { name = "b" }, { name = "c", balance = 5 } }
        one.balance = 7
        one:save()
        assert.equal(7, one:reload().balance)
        assert.equal(3, Account:count())
        assert.equal(3, #Account:findAll())
        assert.equal(7, Account:findByPk(one.id).balance)
        Account:update({ balance = 1 }, { where = { name = "b" } })
        Account:destroy { where = { name = "c" } }
        db:query([[INSERT INTO "Accounts" ("name", "balance") VALUES ('d', 1)]])
        assert.equal(1, db.pool:stats().inUse)
        error("undo")
      end)
      assert.equal(0, Account:count())
    end)

    it("is not joined by other coroutines, unless they name it", function()
      db:transaction(function(t)
        Account:create { name = "a" }
        local outside, inside
        coroutine.wrap(function()
          outside = Account:count()
          inside = Account:count { transaction = t }
        end)()
        assert.equal(0, outside)
        assert.equal(1, inside)
        local seen = rowan.all { function() return Account:count() end }
        assert.equal(0, seen[1])
      end)
      assert.equal(1, Account:count())
    end)

    it("is stepped out of by transaction = false", function()
      db:transaction(function()
        Account:create { name = "a" }
        assert.equal(0, Account:count { transaction = false })
        assert.equal(1, Account:count())
      end)
      if pg then
        error_of(db.transaction, db, function()
          Account:create({ name = "b" }, { transaction = false })
          error("undo")
        end)
        assert.equal(2, Account:count())
      end
    end)

    it("is not the current one any more when it has ended", function()
      local kept
      db:transaction(function(t) kept = t end)
      Account:create { name = "a" }
      assert.equal(1, Account:count())
      for _, use in ipairs {
        function() Account:create({ name = "b" }, { transaction = kept }) end,
        function() kept:commit() end, function() kept:rollback() end,
        function() db:query("SELECT 1", { transaction = kept }) end,
        function() db:transaction({ transaction = kept }, function() end) end,
        function() kept:afterCommit(function() end) end,
      } do
        assert.is_true(rowan.is(error_of(use), "TransactionError"))
      end
      assert.equal(1, Account:count())
    end)

    it("can be inside of one of another database", function()
      local other = connect()
      local OtherAccount = define(other)
      other:sync()
      error_of(db.transaction, db, function(t)
        other:transaction(function() OtherAccount:create { name = "kept" } end)
        Account:create { name = "lost" }
        local err = error_of(OtherAccount.create, OtherAccount, { name = "x" }, { transaction = t })
        assert.is_true(rowan.is(err, "TransactionError"))
        error("undo")
      end)
      assert.equal(1, OtherAccount:count())
      assert.equal(0, Account:count())
    end)
  end)

  describe("an unmanaged transaction", function()
    it("is joined by calls that name it, until it ends", function()
      local t = db:transaction()
      Account:create({ name = "a" }, { transaction = t })
      assert.equal(0, Account:count())
      assert.equal(1, Account:count { transaction = t })
      t:commit()
      assert.equal(1, Account:count())
      t = db:transaction()
      Account:destroy { where = rowan.all, transaction = t }
      t:rollback()
      assert.equal(1, Account:count())
      idle()
    end)

    it("leaves nothing open when it is forgotten", function()
      local function forget()
        local t = db:transaction()
        Account:create({ name = "a" }, { transaction = t })
      end
      forget()
      collectgarbage()
      collectgarbage()
      idle()
      assert.equal(0, Account:count())
      Account:create { name = "a" }
      local co = coroutine.wrap(function()
        db:transaction(function()
          Account:create { name = "b" }
          coroutine.yield()
        end)
      end)
      co()
      co = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      idle()
      assert.equal(1, Account:count())
    end)

    it("rolls back at the end of its block with <close>", function()
      if _VERSION < "Lua 5.4" then return end
      local run = assert(load([[
        local db, Account, raise = ...
        do
          local t <close> = db:transaction()
          Account:create({ name = "lost" }, { transaction = t })
          if raise then error("undo") end
        end
        do
          local t <close> = db:transaction()
          Account:create({ name = "kept" }, { transaction = t })
          t:commit()
        end
      ]]))
      run(db, Account)
      assert.equal(1, Account:count())
      assert.equal("kept", Account:findOne().name)
      assert.matches("undo", error_of(run, db, Account, true))
      assert.equal(1, Account:count())
      idle()
    end)
  end)

  describe("a nested transaction", function()
    it("is a savepoint of the one around it", function()
      db:transaction(function(outer)
        Account:create { name = "outer" }
        local err = error_of(db.transaction, db, function(inner)
          assert.not_equal(outer, inner)
          Account:create { name = "inner" }
          assert.equal(2, Account:count())
          error("undo inner")
        end)
        assert.matches("undo inner", err)
        assert.equal(1, Account:count())
        db:transaction(function()
          Account:create { name = "second" }
          db:transaction(function() Account:create { name = "third" } end)
        end)
      end)
      assert.equal(3, Account:count())
      idle()
    end)

    it("saves the one around it from an error", function()
      Account:create { name = "a" }
      db:transaction(function()
        Account:create { name = "b" }
        local err = error_of(db.transaction, db, function() Account:create { name = "a" } end)
        assert.is_true(rowan.is(err, "UniqueConstraintError"))
        Account:create { name = "c" }
      end)
      assert.equal(3, Account:count())
    end)

    it("goes with the one around it", function()
      error_of(db.transaction, db, function()
        db:transaction(function() Account:create { name = "inner" } end)
        error("undo")
      end)
      assert.equal(0, Account:count())
    end)

    it("can be unmanaged, and ends with the one around it at the latest", function()
      local outer = db:transaction()
      local inner = db:transaction { transaction = outer }
      Account:create({ name = "a" }, { transaction = inner })
      inner:rollback()
      assert.equal(0, Account:count { transaction = outer })
      inner = db:transaction { transaction = outer }
      local innermost = db:transaction { transaction = inner }
      Account:create({ name = "b" }, { transaction = innermost })
      outer:commit()
      for _, t in ipairs { inner, innermost } do
        assert.is_true(rowan.is(error_of(Account.count, Account, { transaction = t }), "TransactionError"))
        assert.is_true(rowan.is(error_of(t.commit, t), "TransactionError"))
        assert.is_true(rowan.is(error_of(t.rollback, t), "TransactionError"))
      end
      assert.equal(1, Account:count())
      idle()
    end)

    it("ends with the savepoint that was set before it", function()
      local outer = db:transaction()
      local first = db:transaction { transaction = outer }
      Account:create({ name = "first" }, { transaction = first })
      local second = db:transaction { transaction = outer }
      Account:create({ name = "second" }, { transaction = second })
      first:rollback()
      assert.is_true(rowan.is(error_of(second.commit, second), "TransactionError"))
      assert.equal(0, Account:count { transaction = outer })
      Account:create({ name = "outer" }, { transaction = outer })
      outer:commit()
      assert.equal("outer", Account:findOne().name)
      assert.equal(1, Account:count())
    end)

    it("that cannot be committed is undone, and the one around it goes on", function()
      Account:create { name = "a" }
      db:transaction(function()
        local committed = pcall(db.transaction, db, function()
          Account:create { name = "b" }
          error_of(Account.create, Account, { name = "a" })
        end)
        assert.equal(not pg, committed)
        Account:create { name = "c" }
      end)
      assert.equal(pg and 2 or 3, Account:count())
    end)

    it("with nestMode reuse is the one around it", function()
      db:transaction(function(outer)
        db:transaction({ nestMode = "reuse" }, function(inner)
          assert.equal(outer, inner)
          Account:create { name = "a" }
        end)
        Account:create { name = "b" }
        local sent = helper.statements(function() db:transaction({ nestMode = "reuse" }, function() end) end)
        assert.same({}, sent)
      end)
      assert.equal(2, Account:count())
    end)

    it("with nestMode separate has a connection of its own", function()
      error_of(db.transaction, db, function()
        Account:create { name = "a" }
        db:transaction({ nestMode = "separate", readOnly = true }, function()
          assert.equal(0, Account:count())
          assert.equal(2, db.pool:stats().inUse)
        end)
        assert.equal(1, Account:count())
        if pg then
          db:transaction({ nestMode = "separate" }, function() Account:create { name = "kept" } end)
        end
        error("undo")
      end)
      assert.equal(pg and 1 or 0, Account:count())
    end)

    it("refuses options that only the outermost can have", function()
      db:transaction(function()
        local err = error_of(db.transaction, db, { isolationLevel = "SERIALIZABLE" }, function() end)
        assert.is_true(rowan.is(err, "TransactionError"))
        Account:create { name = "a" }
      end)
      assert.equal(1, Account:count())
    end)
  end)

  describe("options", function()
    it("set the isolation level", function()
      for _, level in ipairs { "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE" } do
        local shown = db:transaction({ isolationLevel = level }, function()
          Account:count()
          return pg and db:query("SHOW transaction_isolation", { plain = true }).transaction_isolation
        end)
        if pg then assert.equal(level:lower(), shown) end
      end
    end)

    it("readOnly refuses to write, for this transaction alone", function()
      local err = error_of(db.transaction, db, { readOnly = true }, function()
        assert.equal(0, Account:count())
        Account:create { name = "a" }
      end)
      assert.is_true(rowan.is(err, "DatabaseError"))
      for _ = 1, 3 do Account:create {} end
      assert.equal(3, Account:count())
      assert.equal(1, db.pool:stats().total)
    end)

    it("that are not known are refused by name, and nothing is opened", function()
      local cases = {
        { { isolationLvel = "SERIALIZABLE" }, "isolationLevel" }, { { isolationLevel = "NONE" }, "isolationLevel" },
        { { nestMode = "other" }, "nestMode" }, { { type = "SLOW" }, "type" }, { { transaction = 7 }, "transaction" },
      }
      for _, case in ipairs(cases) do
        local err
        assert.equal(0, helper.count(function() err = error_of(db.transaction, db, case[1], function() end) end))
        assert.is_true(rowan.is(err, "TransactionError"))
        assert.is_truthy(tostring(err):find(case[2], 1, true), tostring(err))
      end
      error_of(db.transaction, db, {}, "fn")
      idle()
    end)
  end)

  describe("afterCommit", function()
    it("runs once the outermost transaction is committed", function()
      local calls = {}
      db:transaction(function(t)
        t:afterCommit(function(given)
          assert.equal(t, given)
          calls[#calls + 1] = "outer " .. Account:count()
        end)
        db:transaction(function(inner)
          inner:afterCommit(function() calls[#calls + 1] = "inner" end)
        end)
        pcall(db.transaction, db, function(inner)
          inner:afterCommit(function() calls[#calls + 1] = "never" end)
          error("undo")
        end)
        Account:create { name = "a" }
        assert.same({}, calls)
      end)
      assert.same({ "outer 1", "inner" }, calls)
    end)

    it("does not run after a rollback", function()
      local called = false
      error_of(db.transaction, db, function(t)
        t:afterCommit(function() called = true end)
        error("undo")
      end)
      local t = db:transaction()
      t:afterCommit(function() called = true end)
      t:rollback()
      assert.is_false(called)
    end)
  end)

  it("transactions side by side count right", function()
    Account:create { name = "a" }
    local function add()
      for _ = 1, 5 do
        db:transaction(function()
          Account:update({ balance = rowan.literal('"balance" + 1') }, { where = { id = 1 } })
        end)
      end
    end
    rowan.all { add, add, add }
    assert.equal(15, Account:findByPk(1).balance)
  end)
end)
