-- Writing by condition beyond plain values: increment and decrement, limits, fields, and truncate.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of

local function define(db)
  local Player = db:define("Player", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.STRING(20) },
    { "wins", DataTypes.INTEGER, defaultValue = 0, field = "win_count" },
    { "games", DataTypes.INTEGER, defaultValue = 0 },
    { "total", DataTypes.BIGINT },
    { "money", DataTypes.DECIMAL(20, 2) },
    { "ratio", DataTypes.DOUBLE },
  })
  db:sync()
  Player:bulkCreate {
    { name = "a", wins = 1, games = 3, money = "90071992547409.93" }, { name = "b", wins = 2 }, { name = "c", wins = 3 },
  }
  return Player
end

local function field(Player, name)
  local list = {}
  for i, row in ipairs(Player:findAll { order = { "id" } }) do list[i] = row[name] == nil and "-" or row[name] end
  return list
end

helper.each(function(dialect, connect)
  local db, Player

  before_each(function()
    db = connect()
    Player = define(db)
  end)

  describe("increment", function()
    it("adds to one field, several, or each its own number, in one statement", function()
      local sql = helper.statements(function()
        assert.equal(1, (Player:increment("wins", { where = { id = 1 } })))
      end)
      assert.equal(1, #sql)
      assert.equal(2, (Player:increment({ "wins", "games" }, { where = { id = { [Op.gt] = 1 } }, by = 10 })))
      assert.equal(1, (Player:decrement({ wins = 1, games = 2 }, { where = { id = 3 } })))
      assert.same({ 2, 12, 12 }, field(Player, "wins"))
      assert.same({ 3, 10, 8 }, field(Player, "games"))
    end)

    it("changes updatedAt, but for silent", function()
      rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
      Player:increment("wins", { where = { id = 1 } })
      Player:increment("wins", { where = { id = 2 }, silent = true })
      rowan.setClock(nil)
      local at = field(Player, "updatedAt")
      assert.equal("2030-01-01T00:00:00.000Z", at[1])
      assert.not_equal("2030-01-01T00:00:00.000Z", at[2])
    end)

    it("is exact, stays within the column, and leaves NULL alone", function()
      Player:increment({ money = "0.09", ratio = 0.5 }, { where = rowan.all })
      assert.same({ "90071992547410.02", "-", "-" }, field(Player, "money"))
      Player:decrement("money", { where = { id = 1 }, by = "90071992547410.03" })
      assert.equal("-0.01", field(Player, "money")[1])
      Player:update({ total = dialect == "sqlite" and rowan.literal("9223372036854775806") or rowan.cast("9223372036854775806", "BIGINT"),
        wins = 2147483646, money = "999999999999999999.99" }, { where = { id = 1 } })
      for name, by in pairs { total = 2, wins = 2, money = "0.01" } do
        assert.is_true(rowan.is(error_of(Player.increment, Player, name, { where = { id = 1 }, by = by }), "DatabaseError"))
      end
      Player:increment({ total = 1, wins = 1 }, { where = { id = 1 } })
      assert.equal("9223372036854775807", tostring(field(Player, "total")[1]))
      assert.equal(2147483647, field(Player, "wins")[1])
    end)

    it("gives the rows with returning", function()
      local count, rows = Player:increment("wins", { where = { id = 2 }, returning = true })
      assert.same({ 1, 3, "b" }, { count, rows[1].wins, rows[1].name })
      assert.is_false(rows[1]:changed())
      local _, parts = Player:update({ wins = 8 }, { where = { id = 2 }, returning = { "id", "wins" } })
      assert.same({ id = 2, wins = 8 }, parts[1]:toJSON())
    end)

    it("refuses what it cannot add, and to add to everything by accident", function()
      local where = { where = { id = 1 } }
      local cases = {
        { "wins" }, { "wins", {} }, { "wins", { where = {} } }, { "winz", where }, { {}, where }, { "name", where },
        { nil, where }, { "wins", { where = { id = 1 }, bye = 2 } },
      }
      assert.equal(0, helper.count(function()
        for i = 1, 8 do
          assert.is_true(rowan.is(error_of(Player.increment, Player, cases[i][1], cases[i][2]), "QueryError"), "case " .. i)
        end
        for _, by in ipairs { 1.5, "x", rowan.null, 2 ^ 40 } do
          error_of(Player.increment, Player, "wins", { where = { id = 1 }, by = by })
        end
      end))
      assert.same({ 1, 2, 3 }, field(Player, "wins"))
    end)

    it("of a row refreshes what it changed and nothing else", function()
      local row, other = Player:findByPk(1), Player:findByPk(1)
      other.name = "unsaved"
      row:increment("wins", { by = 5 })
      assert.equal(row, row:increment { games = 1 })
      other:decrement("wins")
      assert.same({ 5, "unsaved" }, { other.wins, other.name })
      assert.same({ "name" }, other:changed())
      assert.same({ 6, 4 }, { row.wins, row.games })
      assert.is_false(row:changed())
      assert.equal(Player:findByPk(1).updatedAt, other.updatedAt)
      local part = Player:findOne { attributes = { "id" }, where = { id = 2 } }
      assert.equal(3, part:increment("wins").wins)
    end)

    it("of a row is undone by a rollback, and raises for a row that is new or gone", function()
      local row = Player:findByPk(1)
      local at = row.updatedAt
      error_of(function()
        db:transaction(function()
          row:increment("wins")
          assert.equal(2, row.wins)
          error("no")
        end)
      end)
      assert.same({ 1, at, false }, { row.wins, row.updatedAt, row:changed() })
      assert.is_true(rowan.is(error_of(function() Player:build({}):increment("wins") end), "InstanceError"))
      Player:destroy { where = { id = 1 } }
      assert.is_true(rowan.is(error_of(function() row:increment("wins") end), "InstanceError"))
      assert.equal(1, row.wins)
    end)
  end)

  describe("update and destroy", function()
    it("change so many rows at most", function()
      assert.equal(2, (Player:update({ games = 9 }, { where = rowan.all, limit = 2 })))
      assert.same({ 9, 9, 0 }, field(Player, "games"))
      assert.equal(1, (Player:update({ games = 7 }, {
        where = { wins = { [Op.gt] = 1 } }, limit = 1, order = { { "wins", "DESC" } },
      })))
      assert.same({ 9, 9, 7 }, field(Player, "games"))
      assert.equal(1, Player:destroy { where = { wins = { [Op.lt] = 3 } }, limit = 1, order = { { "id", "DESC" } } })
      assert.same({ "a", "c" }, field(Player, "name"))
      assert.equal(0, Player:destroy { where = rowan.all, limit = 0 })
      for _, options in ipairs { { where = {}, limit = 1 }, { where = { id = 1 }, order = { "id" } },
        { where = { id = 1 }, limit = -1 } } do
        assert.is_true(rowan.is(error_of(Player.destroy, Player, options), "QueryError"))
      end
    end)

    it("limits rows of a composite key", function()
      local Pair = db:define("Pair", {
        { "a", DataTypes.INTEGER, primaryKey = true }, { "b", DataTypes.INTEGER, primaryKey = true },
      }, { timestamps = false })
      Pair:sync()
      Pair:bulkCreate { { a = 1, b = 1 }, { a = 1, b = 2 }, { a = 2, b = 1 } }
      assert.equal(2, Pair:destroy { where = rowan.all, limit = 2, order = { { "a", "DESC" }, "b" } })
      assert.same({ 1, 2 }, { Pair:findOne().a, Pair:findOne().b })
    end)

    it("write only the fields", function()
      Player:update({ wins = 50, games = 60 }, { where = { id = 1 }, fields = { "games" } })
      assert.same({ 1, 60 }, { Player:findByPk(1).wins, Player:findByPk(1).games })
    end)
  end)

  describe("truncate", function()
    it("empties the table, and numbers from the start when asked", function()
      Player:truncate()
      assert.equal(0, Player:count())
      assert.equal(4, Player:create({ name = "d" }).id)
      Player:truncate { restartIdentity = true }
      assert.equal(1, Player:create({ name = "e" }).id)
    end)

    it("is refused in a scope, of which it knows nothing", function()
      Player:addScope("a", { where = { name = "a" } })
      assert.matches("Player:truncate empties the whole table", error_of(function() Player:scope("a"):truncate() end).message)
      assert.equal(3, Player:count())
      Player:addScope("defaultScope", { where = { name = "a" } })
      Player:truncate()
      assert.equal(0, Player:unscoped():count())
      Player:scope("a"):unscoped():truncate()
    end)

    it("is refused while others point at the rows, and takes them with cascade", function()
      local Team, Cup = db:define("Team", { { "name", DataTypes.STRING } }), db:define("Cup", { { "name", DataTypes.STRING } })
      Team:belongsTo(Player)
      Cup:belongsTo(Team)
      db:sync()
      Team:create { name = "t", playerId = 1 }
      Cup:create { name = "c", teamId = 1 }
      error_of(Player.truncate, Player)
      assert.same({ 3, 1 }, { Player:count(), Team:count() })
      Player:truncate { cascade = true, restartIdentity = true }
      assert.same({ 0, 0, 0 }, { Player:count(), Team:count(), Cup:count() })
      assert.equal(1, Team:create({ name = "t" }).id)
    end)

    it("is part of a transaction", function()
      error_of(function()
        db:transaction(function()
          Player:truncate()
          error("no")
        end)
      end)
      assert.equal(3, Player:count())
      assert.is_true(rowan.is(error_of(Player.truncate, Player, { restart = true }), "QueryError"))
    end)
  end)
end)
