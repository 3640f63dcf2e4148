-- What waits for the end of a transaction: afterCommit, afterRollback, afterTransaction.
local helper = require "spec.helper"
local rowan = require "rowan"

local error_of = helper.error_of

helper.each(function(_, connect)
  local db, seen

  before_each(function()
    db = connect()
    seen = {}
  end)

  local function watch(t, name)
    t:afterCommit(function() seen[#seen + 1] = name .. " committed" end)
    t:afterRollback(function() seen[#seen + 1] = name .. " rolled back" end)
    t:afterTransaction(function(ended) seen[#seen + 1] = name .. " ended with " .. tostring(ended.finished) end)
  end

  describe("the end of a transaction", function()
    it("calls what waits for it, in its order", function()
      db:transaction(function(t) watch(t, "a") end)
      assert.same({ "a committed", "a ended with commit" }, seen)
      seen = {}
      error_of(db.transaction, db, function(t)
        watch(t, "b")
        error("no")
      end)
      assert.same({ "b rolled back", "b ended with rollback" }, seen)
    end)

    it("is that of the outermost one for a savepoint that was kept", function()
      db:transaction(function(t)
        watch(t, "outer")
        db:transaction(function(inner) watch(inner, "inner") end)
        assert.same({}, seen)
      end)
      assert.same({ "outer committed", "outer ended with commit", "inner committed", "inner ended with commit" }, seen)
      seen = {}
      error_of(db.transaction, db, function()
        db:transaction(function(inner) watch(inner, "inner") end)
        error("no")
      end)
      assert.same({ "inner rolled back", "inner ended with rollback" }, seen)
    end)

    it("comes at once for a savepoint that is rolled back", function()
      db:transaction(function(t)
        watch(t, "outer")
        error_of(db.transaction, db, function(inner)
          watch(inner, "inner")
          error("no")
        end)
        assert.same({ "inner rolled back", "inner ended with rollback" }, seen)
        seen = {}
      end)
      assert.same({ "outer committed", "outer ended with commit" }, seen)
    end)

    it("lets an error of one be heard when all were called, and stays what it was", function()
      local Item = db:define("Item", { name = rowan.DataTypes.STRING })
      db:sync()
      local err = error_of(db.transaction, db, function(t)
        t:afterCommit(function() error("late", 0) end)
        t:afterCommit(function() seen[1] = Item:count() end)
        Item:create({ name = "a" })
      end)
      assert.equal("late", err)
      assert.same({ 1 }, seen)
      assert.equal(1, Item:count())
    end)

    it("may start further work, and is heard of an unmanaged one too", function()
      local t = db:transaction()
      t:afterCommit(function() db:transaction(function(other) watch(other, "further") end) end)
      t:commit()
      assert.same({ "further committed", "further ended with commit" }, seen)
      assert.is_true(rowan.is(error_of(function() t:afterRollback(print) end), "TransactionError"))
    end)
  end)
end)
