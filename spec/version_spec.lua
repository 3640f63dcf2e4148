-- Optimistic locking by a version: a write of a row that somebody else wrote first is refused.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(_, connect)
  local db, Account

  local function define(options)
    db = connect({ warnings = false })
    Account = db:define("Account", { number = DataTypes.INTEGER, data = DataTypes.JSON }, options or { version = true })
    db:sync()
  end

  local function stale(fn)
    local err = helper.error_of(fn)
    assert.equal("OptimisticLockError", err.name)
    return err
  end

  describe("a version", function()
    it("starts at 0 and counts each write of the row", function()
      define()
      local account = Account:create({ number = 1 })
      assert.equal(0, account.version)
      account.number = 2
      account:save()
      assert.equal(1, account.version)
      account:update({ number = 3 })
      assert.equal(2, account.version)
      account.data = { 1 }
      account:save()
      account.data[2] = 2
      account:save({ fields = { "data" } })
      assert.equal(4, account.version)
      assert.equal(4, Account:findByPk(account.id).version)
      assert.is_false(account:changed())
      assert.equal(0, helper.count(function() account:save() end))
    end)

    it("takes one statement", function()
      define()
      local account = Account:create({ number = 1 })
      account.number = 2
      assert.equal(1, helper.count(function() account:save() end))
    end)

    it("tells a stale row from a deleted one, and leaves it as it was", function()
      define()
      local account = Account:create({ number = 1 })
      local other, third = Account:findByPk(account.id), Account:findByPk(account.id)
      account:update({ number = 2 })
      other.number = 5
      local err = stale(function() other:save() end)
      assert.equal("stale", err.reason)
      assert.equal(0, err.version)
      assert.equal(1, err.current)
      assert.equal(5, other.number)
      assert.same({ "number" }, other:changed())
      assert.equal("stale", stale(function() other:destroy() end).reason)
      account:destroy()
      assert.equal("deleted", stale(function() third:update({ number = 7 }) end).reason)
      assert.equal(1, third.number)
      assert.equal("deleted", stale(function() third:destroy() end).reason)
    end)

    it("is counted by bulk updates and by methods of associations", function()
      define()
      local Owner = db:define("Owner", { name = DataTypes.STRING })
      Owner:hasMany(Account, { as = "accounts" })
      db:sync({ force = true })
      local account = Account:create({ number = 1 })
      Account:update({ number = 2 }, { where = rowan.all })
      assert.equal("stale", stale(function() account:update({ number = 3 }) end).reason)
      account:reload()
      assert.equal(1, account.version)
      local owner = Owner:create({ name = "a" })
      owner:addAccount(account)
      assert.equal(2, account.version)
      account:update({ number = 9 })
      assert.equal(3, Account:findByPk(account.id).version)
    end)

    it("is counted by upserts", function()
      define()
      local account = Account:create({ number = 1 })
      assert.equal(1, (Account:upsert({ id = account.id, number = 2 })).version)
      assert.equal("stale", stale(function() account:update({ number = 3 }) end).reason)
      account:reload():update({ number = 9 })
      assert.equal(2, account.version)
    end)

    it("is what it was after a rollback", function()
      define()
      local account = Account:create({ number = 1 })
      pcall(db.transaction, db, function()
        account:update({ number = 2 })
        account:update({ number = 3 })
        error("no")
      end)
      assert.equal(0, account.version)
      account:save()
      assert.equal(1, account.version)
      assert.equal(3, Account:findByPk(account.id).number)
    end)

    it("can have another name, and cannot be set", function()
      define({ version = "revision" })
      local account = Account:create({ number = 1 })
      account.revision = 7
      assert.truthy(helper.error_of(function() account:save() end).message:find("cannot be set", 1, true))
      account.revision = 0
      account:update({ number = 2 })
      assert.equal(1, account.revision)
    end)

    it("has to be read with a row that is to be written", function()
      define()
      Account:create({ number = 1 })
      local account = Account:findOne({ attributes = { "id", "number" } })
      account.number = 2
      assert.truthy(helper.error_of(function() account:save() end).message:find('without its version "version"', 1, true))
    end)

    it("guards soft deletes as well", function()
      define({ version = true, paranoid = true })
      local account = Account:create({ number = 1 })
      local other = Account:findByPk(account.id)
      account:update({ number = 2 })
      assert.equal("stale", stale(function() other:destroy() end).reason)
      assert.is_false(other:isSoftDeleted())
      account:destroy()
      assert.equal(2, account.version)
      account:restore()
      assert.equal(3, account.version)
      assert.equal(1, Account:count())
    end)
  end)
end)
