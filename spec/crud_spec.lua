-- Making, finding, changing and deleting rows through models.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of

local function ids_of(rows)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row.id end
  return ids
end

local function define(db)
  local User = db:define("User", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.STRING(50), allowNull = false },
    { "age", DataTypes.INTEGER },
    { "role", DataTypes.STRING(20), defaultValue = "reader" },
    { "token", DataTypes.STRING(20), defaultValue = function() return "made" end },
    { "email", DataTypes.STRING(50), unique = true },
  })
  local Seat = db:define("Seat", {
    { "row", DataTypes.INTEGER, primaryKey = true },
    { "place", DataTypes.STRING(4), primaryKey = true },
    { "taken", DataTypes.BOOLEAN, allowNull = false, defaultValue = false },
  }, { timestamps = false })
  db:sync()
  return User, Seat
end

helper.each(function(_, connect)
  local db, User, Seat

  before_each(function()
    db = connect()
    User, Seat = define(db)
  end)

  describe("build", function()
    it("sends nothing, fills defaults in and leaves the caller's table alone", function()
      local given = { name = "Ann" }
      local user
      assert.equal(0, helper.count(function() user = User:build(given) end))
      assert.same({ name = "Ann" }, given)
      assert.equal("reader", user.role)
      assert.equal("made", user.token)
      assert.is_nil(user.id)
      assert.is_true(user.isNewRecord)
    end)

    it("keeps what was given in place of a default, NULL included", function()
      local user = User:build { name = "Ann", role = "admin", token = rowan.null }
      assert.equal("admin", user.role)
      assert.equal(rowan.null, user.token)
    end)

    it("refuses names that are no attributes, with the nearest", function()
      for _, call in ipairs { "build", "create" } do
        local err = error_of(User[call], User, { nmae = "Ann" })
        assert.is_true(rowan.is(err, "QueryError"))
        assert.matches('"nmae"', err.message, 1, true)
        assert.matches('"name"', err.message, 1, true)
      end
      assert.is_true(rowan.is(error_of(User.build, User, "Ann"), "QueryError"))
    end)
  end)

  describe("create", function()
    it("stores a row with one statement and gives it back with its key", function()
      local user
      assert.equal(1, helper.count(function() user = User:create { name = "Ann", age = 30 } end))
      assert.equal(1, user.id)
      assert.is_false(user.isNewRecord)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", user.createdAt)
      assert.equal(user.createdAt, user.updatedAt)
      local found = User:findByPk(1)
      assert.same(user:toJSON(), found:toJSON())
    end)

    it("numbers rows in order and takes a key that was given", function()
      assert.equal(1, User:create({ name = "a" }).id)
      assert.equal(2, User:create({ name = "b" }).id)
      assert.equal(70, User:create({ id = 70, name = "c" }).id)
      assert.equal("c", User:findByPk(70).name)
    end)

    it("stores NULL for what is absent and for rowan.null", function()
      local user = User:create { name = "a", token = rowan.null }
      assert.is_nil(user.token)
      assert.is_nil(user.age)
      local found = User:findByPk(user.id)
      assert.is_nil(found.token)
      assert.is_nil(found.age)
      assert.equal("reader", found.role)
    end)

    it("names every attribute that is wrong before anything is sent", function()
      local err
      assert.equal(0, helper.count(function()
        err = error_of(User.create, User, { age = "old", role = 7 })
      end))
      assert.is_true(rowan.is(err, "ValidationError"))
      local paths = {}
      for i, item in ipairs(err.errors) do paths[i] = item.path end
      assert.same({ "name", "age", "role" }, paths)
      assert.equal(0, User:count())
    end)

    it("stores a row of defaults alone", function()
      local Note = db:define("Note", { text = { type = DataTypes.STRING } }, { timestamps = false })
      Note:sync()
      local note = Note:create {}
      assert.equal(1, note.id)
      assert.equal(2, Note:create().id)
      assert.same({ { id = 1 }, { id = 2 } }, Note:findAll { raw = true, order = { "id" } })
    end)

    it("reads defaults that only the database can make", function()
      local Item = db:define("Item", {
        { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
        { "size", DataTypes.INTEGER, defaultValue = rowan.literal("40 + 2") },
      }, { timestamps = false })
      Item:sync()
      local item = Item:create {}
      assert.equal(1, item.id)
      assert.equal(42, item.size)
      assert.is_false(item:changed())
      assert.equal(7, Item:create({ size = 7 }).size)
      local made = Item:bulkCreate { { size = 1 }, {}, { size = 2 }, {} }
      local sizes = {}
      for i, row in ipairs(made) do sizes[i] = Item:findByPk(row.id).size end
      assert.same({ 1, 42, 2, 42 }, sizes)
      assert.equal(42, made[2].size)
    end)

    it("takes the clock of rowan.setClock", function()
      rowan.setClock(function() return 1706745600 end)
      local ok, user = pcall(User.create, User, { name = "Ann" })
      rowan.setClock(nil)
      assert.is_true(ok)
      assert.equal("2024-02-01T00:00:00.000Z", user.createdAt)
      assert.equal("2024-02-01T00:00:00.000Z", User:findByPk(user.id).updatedAt)
      assert.not_equal("2024-02-01T00:00:00.000Z", User:create({ name = "Bea" }).createdAt)
    end)
  end)

  describe("bulkCreate", function()
    it("stores rows in their order with one statement", function()
      local users
      assert.equal(1, helper.count(function()
        users = User:bulkCreate { { name = "a", age = 3 }, { name = "b", age = 2 }, { name = "c", age = 1 } }
      end))
      assert.same({ 1, 2, 3 }, ids_of(users))
      for i, name in ipairs { "a", "b", "c" } do
        assert.equal(name, User:findByPk(i).name)
        assert.equal(name, users[i].name)
        assert.is_false(users[i].isNewRecord)
        assert.is_false(users[i]:changed())
        assert.equal("reader", users[i].role)
      end
    end)

    it("stores rows with different keys, each with its own", function()
      local users = User:bulkCreate {
        { name = "a", age = 1 }, { name = "b" }, { name = "c", age = 3, email = "c@x" }, { name = "d" },
        { name = "e", age = rowan.null },
      }
      assert.equal(5, #users)
      for _, user in ipairs(users) do
        local found = User:findByPk(user.id)
        assert.equal(user.name, found.name)
        assert.equal(user.age, found.age)
        assert.equal(user.email, found.email)
      end
      assert.equal(5, User:count())
    end)

    it("sends nothing for an empty list", function()
      local users
      assert.equal(0, helper.count(function() users = User:bulkCreate {} end))
      assert.same({}, users)
    end)

    it("refuses what is no list of rows, and unknown names with the row's number", function()
      assert.is_true(rowan.is(error_of(User.bulkCreate, User, { name = "a" }), "QueryError"))
      assert.is_true(rowan.is(error_of(User.bulkCreate, User, "a"), "QueryError"))
      local err = error_of(User.bulkCreate, User, { { name = "a" }, { name = "b", agee = 1 } })
      assert.matches("row 2", err.message)
      assert.matches('"agee"', err.message)
      assert.equal(0, User:count())
    end)

    it("names the row whose value is wrong, and sends nothing", function()
      local err
      assert.equal(0, helper.count(function()
        err = error_of(User.bulkCreate, User, { { name = "a" }, { name = "b", age = 1.5 } })
      end))
      assert.is_true(rowan.is(err, "ValidationError"))
      assert.equal("age", err.errors[1].path)
      assert.matches("row 2", tostring(err))
    end)

    it("stores all rows or none, also when they take several statements", function()
      User:create { name = "first", email = "a@x" }
      local err = error_of(User.bulkCreate, User, { { name = "b", email = "b@x" }, { name = "c", email = "a@x" } })
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      assert.equal(1, User:count())
      error_of(User.bulkCreate, User, { { name = "b" }, { name = "c", age = 1 }, { name = "d", email = "a@x" } })
      assert.equal(1, User:count())
    end)

    it("stores 10,000 rows with one statement", function()
      local list = {}
      for i = 1, 10000 do list[i] = { name = "n" .. i, age = i % 100 } end
      local users
      assert.equal(1, helper.count(function() users = User:bulkCreate(list) end))
      assert.equal(10000, User:count())
      for _, i in ipairs { 1, 2, 127, 128, 129, 5000, 9999, 10000 } do
        assert.equal(users[1].id + i - 1, users[i].id)
        assert.equal("n" .. i, User:findByPk(users[i].id).name)
      end
    end)

    it("stores rows of defaults alone", function()
      local Note = db:define("Note", { text = { type = DataTypes.STRING } }, { timestamps = false })
      Note:sync()
      local notes = Note:bulkCreate { {}, { text = "b" }, {} }
      assert.equal(3, Note:count())
      for _, note in ipairs(notes) do assert.equal(note.text, Note:findByPk(note.id).text) end
    end)
  end)

  describe("findByPk", function()
    it("finds by key, or gives nil", function()
      local user = User:create { name = "Ann" }
      assert.equal("Ann", User:findByPk(user.id).name)
      assert.equal("Ann", User:findByPk({ id = user.id }).name)
      assert.is_nil(User:findByPk(99))
      assert.is_nil(User:findByPk(99, { raw = true }))
    end)

    it("finds by a composite key", function()
      Seat:bulkCreate { { row = 1, place = "a" }, { row = 1, place = "b", taken = true }, { row = 2, place = "a" } }
      assert.is_true(Seat:findByPk({ row = 1, place = "b" }).taken)
      assert.is_false(Seat:findByPk({ place = "a", row = 2 }).taken)
      assert.is_nil(Seat:findByPk { row = 2, place = "b" })
      assert.equal("b", Seat:findByPk({ row = 1, place = "b" }, { attributes = { "place" } }).place)
    end)

    it("takes a key as text, as it comes from outside", function()
      User:create { id = 12, name = "Ann" }
      assert.equal("Ann", User:findByPk("12").name)
      assert.equal(12, User:findOne({ where = { id = { "12", 13 } } }).id)
      local user = User:create { name = "Ben", age = "7" }
      assert.same({ 7, 7 }, { user.age, user:reload().age })
      user.age = "8"
      assert.same({ "age" }, user:changed())
      user:save()
      assert.same({ 8, false }, { user.age, user:changed() })
    end)

    it("refuses keys of the wrong type, that are missing or that do not exist", function()
      local wrong = {
        { User, "one" }, { User, 1.5 }, { User, nil }, { User, rowan.null }, { User, true }, { User, {} },
        { User, { idd = 1 } }, { User, { id = 1, name = "Ann" } }, { Seat, 1 }, { Seat, { row = 1 } },
        { Seat, { row = 1, place = rowan.null } }, { Seat, { row = 1, place = "a", plaec = "b" } },
      }
      for i, case in ipairs(wrong) do
        local statements = helper.count(function()
          local ok, err = pcall(case[1].findByPk, case[1], case[2])
          assert.is_false(ok, "case " .. i)
          assert.is_true(rowan.is(err, "QueryError") or rowan.is(err, "ValidationError"), tostring(err))
        end)
        assert.equal(0, statements)
      end
    end)

    it("takes the options of finders", function()
      User:create { name = "Ann", age = 4 }
      assert.same({ name = "Ann", age = 4 }, User:findByPk(1, { raw = true, attributes = { "name", "age" } }))
      assert.is_nil(User:findByPk(1, { where = { age = 5 } }))
      assert.equal("Ann", User:findByPk(1, { where = { age = 4 } }).name)
      local err = error_of(User.findByPk, User, 1, { atributes = { "name" } })
      assert.matches('"attributes"', err.message, 1, true)
    end)
  end)

  describe("findAll, findOne and count", function()
    before_each(function()
      User:bulkCreate { { name = "a", age = 10 }, { name = "b", age = 20 }, { name = "c", age = 30 } }
    end)

    it("give the rows that match", function()
      assert.equal(3, #User:findAll())
      assert.same({ 2, 3 }, ids_of(User:findAll { where = { age = { [Op.gt] = 10 } }, order = { "id" } }))
      assert.same({}, User:findAll { where = { age = 11 } })
      assert.same({ 3, 2 }, ids_of(User:findAll { order = { { "age", "DESC" } }, limit = 2 }))
      assert.same({ 1 }, ids_of(User:findAll { order = { { "age", "DESC" } }, offset = 2 }))
    end)

    it("findOne gives the first row, by key where no order is given", function()
      assert.equal("a", User:findOne().name)
      assert.equal("c", User:findOne({ order = { { "age", "DESC" } } }).name)
      assert.is_nil(User:findOne { where = { age = 11 } })
      assert.equal("b", User:findOne({ where = { age = 20 }, raw = true }).name)
    end)

    it("count counts, with and without a condition", function()
      assert.equal(3, User:count())
      assert.equal(2, User:count { where = { age = { [Op.lt] = 30 } } })
      assert.equal(0, User:count { where = { age = {} } })
      assert.is_true(rowan.is(error_of(User.count, User, { wehre = {} }), "QueryError"))
    end)

    it("rejectOnEmpty raises when nothing is found", function()
      local none = { where = { age = 11 }, rejectOnEmpty = true }
      assert.is_true(rowan.is(error_of(User.findAll, User, none), "EmptyResultError"))
      assert.is_true(rowan.is(error_of(User.findOne, User, none), "EmptyResultError"))
      assert.is_true(rowan.is(error_of(User.findByPk, User, 99, { rejectOnEmpty = true }), "EmptyResultError"))
      assert.equal(1, User:findByPk(1, { rejectOnEmpty = true }).id)
      assert.equal(3, #User:findAll { rejectOnEmpty = true })
      assert.is_nil(User:findByPk(99, { rejectOnEmpty = false }))
    end)
  end)

  describe("update", function()
    before_each(function()
      User:bulkCreate { { name = "a", age = 10 }, { name = "b", age = 20 }, { name = "c", age = 30 } }
    end)

    it("changes the rows that match, their updatedAt, and says how many", function()
      rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
      local ok, count, rows = pcall(User.update, User, { role = "admin" }, { where = { age = { [Op.gte] = 20 } } })
      rowan.setClock(nil)
      assert.is_true(ok)
      assert.equal(2, count)
      assert.is_nil(rows)
      assert.equal("reader", User:findByPk(1).role)
      assert.equal("admin", User:findByPk(2).role)
      assert.equal("2030-01-01T00:00:00.000Z", User:findByPk(3).updatedAt)
      assert.not_equal("2030-01-01T00:00:00.000Z", User:findByPk(1).updatedAt)
      assert.not_equal("2030-01-01T00:00:00.000Z", User:findByPk(3).createdAt)
    end)

    it("gives the rows with returning", function()
      local count, rows = User:update({ age = 21 }, { where = { id = { 2, 3 } }, returning = true })
      assert.equal(2, count)
      local names = {}
      for i, row in ipairs(rows) do
        assert.equal(21, row.age)
        assert.is_false(row:changed())
        names[i] = row.name
      end
      table.sort(names)
      assert.same({ "b", "c" }, names)
      rows[1].age = 22
      rows[1]:save()
      assert.equal(1, User:count { where = { age = 22 } })
    end)

    it("takes expressions and NULL, and leaves updatedAt with silent", function()
      local before = User:findByPk(1).updatedAt
      local changes = { age = rowan.null, name = rowan.fn("UPPER", rowan.col("name")) }
      User:update(changes, { where = { id = 1 }, silent = true })
      local user = User:findByPk(1)
      assert.is_nil(user.age)
      assert.equal("A", user.name)
      assert.equal(before, user.updatedAt)
    end)

    it("sends nothing when there is nothing to change", function()
      assert.equal(0, helper.count(function()
        assert.equal(0, (User:update({}, { where = { id = 1 } })))
      end))
    end)

    it("refuses unknown attributes, wrong values and a missing where", function()
      assert.is_true(rowan.is(error_of(User.update, User, { nmae = "x" }, { where = { id = 1 } }), "QueryError"))
      local err = error_of(User.update, User, { age = "x" }, { where = { id = 1 } })
      assert.equal("age", err.errors[1].path)
      err = error_of(User.update, User, { name = rowan.null }, { where = { id = 1 } })
      assert.equal("is_null", err.errors[1].validatorKey)
      for _, options in ipairs { {}, { where = {} }, { where = { [Op.and_] = {} } } } do
        assert.is_true(rowan.is(error_of(User.update, User, { age = 1 }, options), "QueryError"))
      end
      error_of(User.update, User, { age = 1 })
      assert.equal(0, User:count { where = { age = 1 } })
      assert.equal(3, (User:update({ age = 1 }, { where = rowan.all })))
    end)
  end)

  describe("destroy", function()
    before_each(function()
      User:bulkCreate { { name = "a", age = 10 }, { name = "b", age = 20 }, { name = "c", age = 30 } }
    end)

    it("deletes the rows that match and says how many", function()
      assert.equal(2, User:destroy { where = { age = { [Op.lt] = 30 } } })
      assert.equal(0, User:destroy { where = { age = 10 } })
      assert.same({ 3 }, ids_of(User:findAll()))
    end)

    it("wants to know which rows", function()
      for _, options in ipairs { {}, { where = {} } } do
        assert.is_true(rowan.is(error_of(User.destroy, User, options), "QueryError"))
      end
      error_of(User.destroy, User)
      assert.is_true(rowan.is(error_of(User.destroy, User, { where = { id = 1 }, limti = 1 }), "QueryError"))
      assert.equal(3, User:count())
      assert.equal(3, User:destroy { where = rowan.all })
    end)
  end)

  it("a row of another process is seen at once", function()

    db:query([[INSERT INTO "Users" ("name", "createdAt", "updatedAt") VALUES
      ('raw', '2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.000Z')]])
    local user = User:findOne { where = { name = "raw" } }
    assert.equal("2024-01-01T00:00:00.000Z", user.createdAt)
  end)
end)
