-- bulkCreate and create with rows that are there already, and with what is read back.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

local function define(db)
  local User = db:define("User", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "email", DataTypes.STRING(50), unique = true, field = "email_address" },
    { "name", DataTypes.STRING(50) },
    { "role", DataTypes.STRING(20), defaultValue = "reader" },
    { "age", DataTypes.INTEGER },
    { "data", DataTypes.JSON },
  })
  local Price = db:define("Price", {
    { "code", DataTypes.DECIMAL(10, 2), primaryKey = true },
    { "at", DataTypes.DATE, unique = true },
    { "label", DataTypes.STRING, defaultValue = rowan.literal("'made'") },
  }, { timestamps = false })
  local Member = db:define("Member", {
    { "user", DataTypes.INTEGER, allowNull = false },
    { "team", DataTypes.INTEGER, allowNull = false },
    { "active", DataTypes.BOOLEAN, allowNull = false, defaultValue = true },
    { "note", DataTypes.STRING },
  }, {
    timestamps = false,
    indexes = { { name = "member_active", unique = true, fields = { "user", "team" }, where = { active = true } } },
  })
  db:sync()
  return User, Price, Member
end

local function field(rows, name)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row[name] == nil and "-" or row[name] end
  return list
end

helper.each(function(dialect, connect)
  local db, User, Price, Member

  before_each(function()
    db = connect()
    User, Price, Member = define(db)
  end)

  local function stored(model, order)
    return (model or User):findAll { order = { order or "id" } }
  end

  it("stores rows of different shapes in their order with one statement, and leaves out what the database fills in", function()
    local Entry = db:define("Entry", {
      { "a", DataTypes.INTEGER }, { "b", DataTypes.STRING }, { "c", DataTypes.JSON },
      { "d", DataTypes.INTEGER, defaultValue = rowan.literal("7") }, { "e", DataTypes.INTEGER, defaultValue = 5 },
    }, { timestamps = false })
    Entry:sync()
    local made
    local statements = helper.statements(function()
      made = Entry:bulkCreate { { a = 1 }, { b = "two" }, {}, { a = 4, c = { 1 }, e = rowan.null }, { b = "five", a = 5 } }
    end)
    assert.equal(1, #statements)
    local rows = Entry:findAll { order = { "id" } }
    assert.same({ 1, nil, nil, 4, 5 }, { rows[1].a, rows[2].a, rows[3].a, rows[4].a, rows[5].a })
    assert.same({ "two", { 1 }, "five" }, { rows[2].b, rows[4].c, rows[5].b })
    for i, row in ipairs(made) do
      assert.same({ rows[i].id, 7, false }, { row.id, row.d, row:changed() })
      assert.equal(i ~= 4 and 5 or nil, rows[i].e)
    end
    statements = helper.statements(function() Entry:bulkCreate { { a = 6 }, { a = 7, d = 1 }, { b = "8" }, { id = 90 } } end)
    assert.equal(3, #statements - 2)
    assert.same({ 7, 1, 7, 7 }, { Entry:findOne({ where = { a = 6 } }).d, Entry:findOne({ where = { a = 7 } }).d,
      Entry:findOne({ where = { b = "8" } }).d, Entry:findByPk(90).d })
  end)

  describe("ignoreDuplicates", function()
    it("skips rows whose key is there, and the others get their own ids", function()
      User:create { email = "b@x", name = "old" }
      local statements = helper.statements(function()
        local users, what = User:bulkCreate({
          { email = "a@x", name = "a" }, { email = "b@x", name = "b" }, { email = "c@x", name = "c" },
        }, { ignoreDuplicates = true })
        assert.same({ "created", "skipped", "created", created = 2, updated = 0, skipped = 1 }, what)
        assert.is_true(users[2].isNewRecord)
        assert.is_nil(users[2].id)
        for _, i in ipairs { 1, 3 } do
          assert.is_false(users[i].isNewRecord)
          assert.is_false(users[i]:changed())
        end
        assert.equal("a@x", User:findByPk(users[1].id).email)
        assert.equal("c@x", User:findByPk(users[3].id).email)
      end)
      assert.equal(1 + 2, #statements)
      assert.equal("old", User:findOne({ where = { email = "b@x" } }).name)
    end)

    it("takes the first of two rows with one key, and any row without a key", function()
      local users, what = User:bulkCreate({
        { email = "a@x", name = "first" }, { email = "a@x", name = "second" },
        { email = rowan.null, name = "x" }, { email = rowan.null, name = "y" },
      }, { ignoreDuplicates = true })
      assert.same({ "created", "skipped", "created", "created" }, { what[1], what[2], what[3], what[4] })
      assert.equal("first", User:findByPk(users[1].id).name)
      assert.equal("y", User:findByPk(users[4].id).name)
      assert.equal(3, User:count())
    end)

    it("tells rows apart by exact decimals and times", function()
      Price:create { code = "1.50", at = "2024-01-01T00:00:00.123456Z" }
      local rows, what = Price:bulkCreate({
        { code = "1.5", at = "2025-01-01T00:00:00Z" }, { code = 2, at = "2024-01-01T00:00:00.123456Z" },
        { code = "3.10", at = "2026-01-01T00:00:00.5Z" },
      }, { ignoreDuplicates = true })
      assert.same({ "skipped", "skipped", "created", created = 1, updated = 0, skipped = 2 }, what)
      assert.equal("made", rows[3].label)
      assert.is_nil(rows[1].label)
    end)

    it("only skips the conflicts that are meant", function()
      User:create { id = 7, email = "b@x" }
      local err = error_of(User.bulkCreate, User, { { id = 7, email = "new@x" } }, {
        ignoreDuplicates = true, conflictAttributes = { "email" },
      })
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      local _, what = User:bulkCreate({ { id = 7, email = "new@x" } }, { ignoreDuplicates = true })
      assert.equal(1, what.skipped)
    end)

    it("leaves other failures alone, and nothing behind them", function()
      local err = error_of(Member.bulkCreate, Member, { { user = 1, team = 1 }, { user = 2 } }, { ignoreDuplicates = true })
      assert.equal("team", err.errors[1].path)
      assert.equal(0, Member:count())
    end)

    it("create says whether the row was created", function()
      local user, created = User:create({ email = "a@x" }, { ignoreDuplicates = true })
      assert.is_true(created)
      assert.equal(1, user.id)
      user, created = User:create({ email = "a@x" }, { ignoreDuplicates = true })
      assert.is_false(created)
      assert.is_true(user.isNewRecord)
      assert.is_nil(user.id)
    end)

    it("makes rows new again when the transaction around is rolled back", function()
      User:create { email = "b@x" }
      local users
      error_of(function()
        db:transaction(function()
          users = User:bulkCreate({ { email = "a@x" }, { email = "b@x" } }, { ignoreDuplicates = true })
          error("no")
        end)
      end)
      assert.is_true(users[1].isNewRecord)
      assert.is_nil(users[1].id)
      assert.equal("a@x", users[1].email)
    end)
  end)

  describe("updateOnDuplicate", function()
    before_each(function()
      User:bulkCreate { { email = "a@x", name = "a", age = 1 }, { email = "b@x", name = "b", age = 2, role = "admin" } }
    end)

    it("updates what it lists, and shows the stored row", function()
      local before = stored()
      rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
      local ok, users, what = pcall(User.bulkCreate, User, {
        { email = "c@x", name = "C", age = 30 }, { email = "b@x", name = "B", age = 20 },
      }, { updateOnDuplicate = { "name" }, conflictAttributes = { "email" } })
      rowan.setClock(nil)
      assert.is_true(ok, tostring(users))
      assert.same({ "created", "updated", created = 1, updated = 1, skipped = 0 }, what)
      assert.equal(before[2].id, users[2].id)
      assert.same({ "B", 2, "admin" }, { users[2].name, users[2].age, users[2].role })
      assert.equal(before[2].createdAt, users[2].createdAt)
      assert.equal("2030-01-01T00:00:00.000Z", users[2].updatedAt)
      assert.same({ "a", "B", "C" }, field(stored(), "name"))
      assert.is_false(users[2]:changed())
      assert.same(users[2]:toJSON(), User:findByPk(users[2].id):toJSON())
    end)

    it("with true updates what each row gives, and no default overwrites what is stored", function()
      local users, what = User:bulkCreate({
        { email = "b@x", age = 20 }, { email = "a@x", role = "writer" }, { email = "d@x" },
        { email = "e@x", data = { x = 1 } },
      }, { updateOnDuplicate = true })
      assert.same({ "updated", "updated", "created", "created" }, { what[1], what[2], what[3], what[4] })
      assert.same({ "admin", "b", 20 }, { users[1].role, users[1].name, users[1].age })
      assert.same({ "writer", "reader", "reader" }, { users[2].role, users[3].role, users[4].role })
      assert.same({ x = 1 }, User:findByPk(users[4].id).data)
      users[4].data.x = 2
      assert.same({ "data" }, users[4]:changed())
    end)

    it("leaves updatedAt with silent", function()
      local before = stored()[1].updatedAt
      User:bulkCreate({ { email = "a@x", age = 5 } }, { updateOnDuplicate = true, silent = true })
      assert.equal(before, stored()[1].updatedAt)
      assert.equal(5, stored()[1].age)
    end)

    it("is one statement where the database says what it did", function()
      local list = {}
      for i = 1, 300 do list[i] = { email = i .. "@x", name = "n" .. i } end
      local count = helper.count(function()
        local users = User:bulkCreate(list, { updateOnDuplicate = { "name" }, conflictAttributes = { "email" } })
        for i, user in ipairs(users) do assert.equal(i .. "@x", user.email) end
      end)
      assert.equal(dialect == "postgres" and 1 or 4, count)
    end)

    it("uses the primary key where it is given, else a unique key", function()
      local _, what = User:bulkCreate({ { id = 1, email = "z@x", name = "Z" } }, { updateOnDuplicate = true })
      assert.equal("updated", what[1])
      assert.same({ "z@x", "b@x" }, field(stored(), "email"))
    end)

    it("refuses keys that are none, and rows that are the same", function()
      local cases = {
        { { { email = "q@x" } }, { updateOnDuplicate = {} } },
        { { { email = "q@x" } }, { updateOnDuplicate = "name" } },
        { { { email = "q@x" } }, { updateOnDuplicate = { "nmae" } } },
        { { { name = "q" } }, { updateOnDuplicate = { "name" } }, "(id), (email)" },
        { { { name = "q" } }, { updateOnDuplicate = true, conflictAttributes = { "nmae" } }, '"nmae"' },
        { { { email = "q@x" } }, { conflictAttributes = { "email" } } },
        { { { email = "q@x" } }, { updateOnDuplicate = true, ignoreDuplicates = true } },
        { { { email = "q@x" }, { email = "r@x" }, { email = "q@x" } }, { updateOnDuplicate = true }, "rows 1 and 3" },
        { { { email = "q@x" } }, { updateOnDuplicates = true }, '"updateOnDuplicate"' },
      }
      local count = helper.count(function()
        for i, case in ipairs(cases) do
          local err = error_of(User.bulkCreate, User, case[1], case[2])
          assert.is_true(rowan.is(err, "QueryError"), i .. tostring(err))
          if case[3] then assert.matches(case[3], err.message, 1, true) end
        end
      end)
      assert.equal(0, count)
    end)

    it("takes a partial index", function()
      Member:bulkCreate { { user = 1, team = 1, active = false }, { user = 1, team = 1, note = "old" } }
      local list, what = Member:bulkCreate({ { user = 1, team = 1, note = "new" }, { user = 1, team = 2 } }, {
        updateOnDuplicate = { "note" }, conflictAttributes = { "user", "team" }, conflictWhere = { active = true },
      })
      assert.same({ "updated", "created" }, { what[1], what[2] })
      assert.same({ 2, "new" }, { list[1].id, list[1].note })
      assert.same({ "-", "new", "-" }, field(stored(Member), "note"))
      local err = error_of(Member.bulkCreate, Member, { { user = 1, team = 1 } }, {
        updateOnDuplicate = { "note" }, conflictAttributes = { "user", "team" }, conflictWhere = { active = false },
      })
      assert.matches("no key of %(user, team%) with this condition", err.message)
      local _, again = Member:bulkCreate({ { user = 1, team = 1, active = false } }, { updateOnDuplicate = { "note" } })
      assert.equal("created", again[1])
    end)
  end)

  describe("fields and returning", function()
    it("writes only the fields, of attributes that exist", function()
      local user = User:create({ email = "a@x", name = "a", age = 3 }, { fields = { "email", "age" } })
      assert.is_nil(user.name)
      assert.same({ "a@x", 3 }, { user.email, user.age })
      local users = User:bulkCreate({ { email = "b@x", age = 3 }, { email = "c@x", name = "c" } }, { fields = { "email" } })
      assert.same({ "-", "-" }, field(users, "age"))
      assert.equal(0, User:count { where = { name = "c" } })
      assert.matches('"emial"', error_of(User.create, User, { email = "a" }, { fields = { "emial" } }).message, 1, true)
      assert.matches('"nmae"', error_of(User.create, User, { nmae = "a" }, { fields = { "email" } }).message, 1, true)
    end)

    it("reads back what the database made of the values", function()
      Price:create({ code = 1, at = "2024-01-01T00:00:00Z" }, { returning = true })
      local rows = Price:bulkCreate({ { code = 2 }, { code = "3.3", label = "own" } }, { returning = { "code", "label" } })
      assert.same({ "2.00", "3.30" }, field(rows, "code"))
      assert.same({ "made", "own" }, field(rows, "label"))
      assert.is_false(rows[1]:changed())
      assert.is_true(rowan.is(error_of(Price.create, Price, { code = 9 }, { returning = { "cod" } }), "QueryError"))
    end)
  end)

  it("writes lists beyond one statement, all or none", function()
    local Long = db:define("Long", { { "text", DataTypes.TEXT }, { "n", DataTypes.INTEGER, unique = true } },
      { timestamps = false })
    Long:sync()
    local list, text = {}, ("x"):rep(60000)
    for i = 1, 1200 do list[i] = { text = text, n = i } end
    local statements = helper.statements(function() Long:bulkCreate(list) end)
    assert.equal(4, #statements)
    assert.equal(1200, Long:count())
    Long:destroy { where = rowan.all }
    list[1200].n = 1
    error_of(Long.bulkCreate, Long, list)
    assert.equal(0, Long:count())
  end)

  it("validate says what is wrong with all rows at once", function()
    local err = error_of(User.bulkCreate, User, { { age = "x" }, { age = 1 }, { name = 5 } }, { validate = true })
    assert.is_true(rowan.is(err, "AggregateError"))
    assert.same({ 1, 3 }, { err.errors[1].row, err.errors[2].row })
    assert.equal("age", err.errors[1].errors[1].path)
    assert.equal(0, User:count())
  end)

  it("an empty list is an empty list", function()
    local rows, what = User:bulkCreate({}, { ignoreDuplicates = true })
    assert.same({}, rows)
    assert.equal(0, what.created)
  end)
end)
