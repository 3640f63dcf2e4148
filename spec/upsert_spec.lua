-- upsert, findOrCreate, findCreateFind and findOrBuild.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of

local function define(db)
  local User = db:define("User", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "email", DataTypes.STRING(50), unique = true, field = "email_address" },
    { "nick", DataTypes.STRING(50), unique = true },
    { "name", DataTypes.STRING(50) },
    { "role", DataTypes.STRING(20), defaultValue = "reader" },
    { "age", DataTypes.INTEGER },
  })
  local Plain = db:define("Plain", {
    { "name", DataTypes.STRING(50), allowNull = false }, { "age", DataTypes.INTEGER },
  }, { timestamps = false })
  local Pair = db:define("Pair", {
    { "a", DataTypes.UUID, primaryKey = true }, { "b", DataTypes.INTEGER, primaryKey = true },
    { "note", DataTypes.TEXT },
  }, { timestamps = false })
  db:sync()
  return User, Plain, Pair
end

helper.each(function(dialect, connect)
  local db, User, Plain, Pair

  before_each(function()
    db = connect { pool = { max = 8 } }
    User, Plain, Pair = define(db)
  end)

  describe("upsert", function()
    it("makes the row, then updates it, and says which", function()
      local user, created = User:upsert { email = "a@x", name = "a", role = "admin" }
      assert.is_true(created)
      assert.is_false(user.isNewRecord)
      local again, made = User:upsert { email = "a@x", age = 3 }
      assert.is_false(made)
      assert.equal(user.id, again.id)
      assert.same({ "a", "admin", 3 }, { again.name, again.role, again.age })
      assert.equal(user.createdAt, again.createdAt)
      assert.same(again:toJSON(), User:findByPk(user.id):toJSON())
      assert.is_false(again:changed())
    end)

    it("tells a row of the same transaction that was there from one that was not", function()
      db:transaction(function()
        local _, first = User:upsert { email = "a@x" }
        local _, second = User:upsert { email = "a@x", name = "b" }
        local _, third = User:upsert { email = "a@x", name = "b" }
        assert.same({ true, false, false }, { first, second, third })
      end)
    end)

    it("is one statement where the database says what it did", function()
      local count = helper.count(function() User:upsert { email = "a@x" } end)
      assert.equal(dialect == "postgres" and 1 or 4, count)
    end)

    it("prefers the primary key, takes composite keys, and the first of several", function()
      User:create { id = 42, email = "a@x", nick = "a" }
      local user, created = User:upsert { id = 42, email = "b@x", nick = "b" }
      assert.same({ false, 42, "b@x", "b" }, { created, user.id, user.email, user.nick })
      local key = { a = "6f1e4c0e-9e6f-4a53-8d7a-0d6a1d2b3c4d", b = 1, note = "x" }
      assert.is_true((select(2, Pair:upsert(key))))
      key.note = "y"
      assert.is_false((select(2, Pair:upsert(key))))
      assert.equal("y", Pair:findOne().note)
      assert.is_false((select(2, User:upsert { email = "b@x", nick = "c" })))
      assert.equal("c", User:findByPk(42).nick)
      assert.is_false((select(2, User:upsert({ email = "c@x", nick = "c" }, { conflictFields = { "nick" } }))))
      assert.equal("c@x", User:findByPk(42).email)
      local err = error_of(User.upsert, User, { email = "d@x", nick = "c" })
      assert.equal("nick", err.errors[1].path)
    end)

    it("makes a new row where the values have no key", function()
      local user, created = User:upsert { name = "a" }
      assert.same({ true, 1, "a" }, { created, user.id, user.name })
      local Token = db:define("Token", {
        { "id", DataTypes.UUID, primaryKey = true, unique = true, defaultValue = DataTypes.UUIDV4 },
        { "name", DataTypes.STRING },
      })
      Token:sync()
      local token
      token, created = Token:upsert { name = "x" }
      assert.same({ true, "x" }, { created, Token:findByPk(token.id).name })
    end)

    it("takes a key that only the table has", function()
      db:queryInterface():addConstraint("Users", { type = "UNIQUE", fields = { "role", "email_address" } })
      local by = { conflictFields = { "role", "email" } }
      local user = User:upsert({ role = "x", email = "a@x", age = 1 }, by)
      local again, created = User:upsert({ role = "x", email = "a@x", age = 2 }, by)
      assert.same({ false, user.id, 2 }, { created, again.id, again.age })
      local list, what = User:bulkCreate({ { role = "x", email = "a@x", age = 3 }, { role = "y", email = "b@x" } },
        { updateOnDuplicate = { "age" }, conflictAttributes = by.conflictFields })
      assert.same({ "updated", "created", user.id, 3 }, { what[1], what[2], list[1].id, list[1].age })
      assert.is_true(rowan.is(error_of(User.upsert, User, { age = 1 }, { conflictFields = "age" }), "DatabaseError"))
      assert.equal(2, User:count())
    end)

    it("finds a partial index by its condition", function()
      local Seat = db:define("Seat", {
        { "name", DataTypes.STRING }, { "note", DataTypes.STRING }, { "open", DataTypes.BOOLEAN },
      }, { timestamps = false, indexes = { { fields = { "name" }, unique = true, where = { open = true } } } })
      Seat:sync()
      local by = { conflictWhere = { open = true } }
      Seat:upsert({ name = "a", open = true, note = "1" }, by)
      assert.is_false((select(2, Seat:upsert({ name = "a", open = true, note = "2" }, by))))
      assert.is_true((select(2, Seat:upsert({ name = "a", open = false, note = "3" }, by))))
      Seat:bulkCreate({ { name = "a", open = true, note = "4" } }, { updateOnDuplicate = { "note" }, conflictWhere = { open = true } })
      assert.same({ "4", "3" }, Seat:pluck("note", { order = { "id" } }))
      local err = error_of(Seat.upsert, Seat, { name = "a", open = true }, { conflictWhere = { open = false } })
      assert.matches("no key of Seat with this condition", err.message)
    end)

    it("shows documents of the row that was there, and knows them as stored", function()
      local Note = db:define("Note", {
        { "name", DataTypes.STRING, unique = true }, { "age", DataTypes.INTEGER }, { "data", DataTypes.JSONB },
        { "made", DataTypes.JSON, defaultValue = rowan.literal("'[1]'") },
      }, { timestamps = false })
      Note:sync()
      Note:upsert { name = "a", data = { x = { 1 } } }
      local note = Note:upsert { name = "a", age = 1 }
      assert.same({ 1, { x = { 1 } }, false }, { note.age, note.data, note:changed() })
      note.data.x[2] = 2
      note:save()
      assert.same({ 1, 2 }, Note:findOne().data.x)
      local list = Note:bulkCreate({ { name = "a", age = 2 }, { name = "b", age = 2 } }, { updateOnDuplicate = { "age" } })
      assert.same({ { 1, 2 }, false }, { list[1].data.x, list[1]:changed() })
      assert.is_nil(list[2].data)
      list = Note:bulkCreate { { name = "c" }, { name = "d" } }
      assert.same({ { 1 }, false }, { list[2].made, list[2]:changed() })
      list[2].made[1] = 5
      list[2]:save()
      assert.same({ 5 }, Note:findByPk(list[2].id).made)
    end)

    it("stores what SQL computes, and says whether the row was there", function()
      local user, created = User:upsert { email = "a@x", name = rowan.fn("upper", "ann"), age = rowan.cast("7", "integer") }
      assert.same({ true, "ANN", 7, "reader" }, { created, user.name, user.age, user.role })
      user, created = User:upsert { email = "a@x", name = rowan.fn("upper", "ben") }
      assert.same({ false, "BEN", 7 }, { created, user.name, user.age })
      assert.is_false(user:changed())
      local err = error_of(User.upsert, User, { email = rowan.fn("upper", "a") })
      assert.matches("User.email is of the key", err.message)
    end)

    it("raises a conflict on another key, and changes nothing", function()
      User:bulkCreate { { email = "a@x", nick = "a" }, { email = "b@x", nick = "b" } }
      local err = error_of(User.upsert, User, { email = "a@x", nick = "b" }, { conflictFields = "email" })
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      assert.equal("nick", err.errors[1].path)
      assert.equal("a", User:findOne({ where = { email = "a@x" } }).nick)
    end)

    it("fields are what an update changes; none of them changes nothing", function()
      User:upsert({ email = "a@x", name = "a" }, { fields = { "name" } })
      local user = User:upsert({ email = "a@x", name = "b", age = 5 }, { fields = { "age" } })
      assert.same({ "a", 5 }, { user.name, user.age })
      assert.equal(5, User:findOne().age)
      Plain:upsert({ id = 1, name = "x" }, { fields = { "age" } })
      local plain, created = Plain:upsert({ id = 1, name = "y" }, { fields = { "age" } })
      assert.same({ "x", false }, { plain.name, created })
    end)

    it("refuses what it cannot do, before anything is sent", function()
      local cases = {
        { { email = "a@x" }, { conflictFields = { "nick" } } }, { { email = "a@x" }, { conflictFields = { "nmae" } } },
        { { email = "a@x" }, { conflictFields = { "name" } } }, { { email = "a@x" }, { conflictField = "email" } },
        { { emial = "a@x" } }, { { email = "a@x" }, { conflictWhere = { name = "x" } } }, { "a@x" },
      }
      assert.equal(0, helper.count(function()
        for i, case in ipairs(cases) do
          assert.is_true(rowan.is(error_of(User.upsert, User, case[1], case[2]), "QueryError"), "case " .. i)
        end
        assert.is_true(rowan.is(error_of(User.upsert, User, { email = "a@x", age = "x" }), "ValidationError"))
        assert.is_true(rowan.is(error_of(Plain.upsert, Plain, { id = 1 }), "ValidationError"))
      end))
    end)
  end)

  describe("findOrCreate", function()
    it("is one INSERT, and one SELECT when the row was there", function()
      local options = { where = { email = "a@x" }, defaults = { name = "a" } }
      local user, created
      assert.equal(1, helper.count(function() user, created = User:findOrCreate(options) end))
      assert.is_true(created)
      assert.same({ "a@x", "a" }, { user.email, user.name })
      local again
      assert.equal(2, helper.count(function() again, created = User:findOrCreate(options) end))
      assert.is_false(created)
      assert.equal(user.id, again.id)
      assert.same({ where = { email = "a@x" }, defaults = { name = "a" } }, options)
    end)

    it("reads equal values out of and, lists and Op.eq, and nothing else", function()
      local user = User:findOrCreate {
        where = { { email = { [Op.eq] = "a@x" } }, [Op.and_] = { { nick = "a" } }, age = 4, name = { [Op.ne] = "q" } },
        defaults = { name = "n" },
      }
      assert.same({ "a@x", "a", 4, "n" }, { user.email, user.nick, user.age, user.name })
      assert.is_false((select(2, User:findOrCreate { where = { [Op.or_] = { { email = "a@x" }, { nick = "q" } } } })))
    end)

    it("raises when another key is taken, or the row with the key is another one", function()
      User:create { email = "a@x", nick = "a", age = 1 }
      local err = error_of(User.findOrCreate, User, { where = { email = "b@x" }, defaults = { nick = "a" } })
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      assert.equal("nick", err.errors[1].path)
      err = error_of(User.findOrCreate, User, { where = { email = "a@x", age = 2 } })
      assert.is_true(rowan.is(err, "UniqueConstraintError"))
      assert.equal("email", err.errors[1].path)
      assert.equal(1, User:count())
    end)

    it("finds a row that could not have been made", function()
      local Strict = db:define("Strict", {
        { "code", DataTypes.STRING, unique = true }, { "must", DataTypes.STRING, allowNull = false },
      })
      Strict:sync()
      Strict:create { code = "a", must = "x" }
      assert.is_false((select(2, Strict:findOrCreate { where = { code = "a" } })))
      local err = error_of(Strict.findOrCreate, Strict, { where = { code = "b" } })
      assert.equal("must", err.errors[1].path)
    end)

    it("makes one row where nothing is unique, too", function()
      local row, created = Plain:findOrCreate { where = { name = "a", age = { [Op.is] = rowan.null } } }
      assert.is_true(created)
      assert.equal("a", row.name)
      assert.equal(1, helper.count(function()
        assert.is_false((select(2, Plain:findOrCreate { where = { name = "a" }, defaults = { age = 5 } })))
      end))
      local none = User:findOrCreate { where = { email = rowan.null, name = "z" } }
      assert.is_nil(none.email)
    end)

    it("is safe when called at once", function()
      if dialect == "sqlite" then db:query("PRAGMA journal_mode = WAL") end
      local function race(model, where)
        local calls = {}
        for i = 1, 8 do
          calls[i] = function()
            local row, created = model:findOrCreate { where = where, defaults = { age = i } }
            return { id = row.id, age = row.age, created = created }
          end
        end
        local results, made = { rowan.all(calls) }, 0
        if #results == 1 then results = results[1] end
        for _, result in ipairs(results) do
          assert.equal(results[1].id, result.id)
          assert.equal(results[1].age, result.age)
          made = made + (result.created and 1 or 0)
        end
        assert.equal(1, made)
        assert.equal(1, model:count { where = where })
      end
      for round = 1, 3 do
        race(User, { email = round .. "@x" })
        race(Plain, { name = "n" .. round })
      end
    end)

    it("joins the transaction around it, and leaves it usable", function()
      User:create { email = "a@x" }
      error_of(function()
        db:transaction(function()
          assert.is_false((select(2, User:findOrCreate { where = { email = "a@x" } })))
          assert.is_true((select(2, User:findOrCreate { where = { email = "b@x" } })))
          assert.is_true((select(2, Plain:findOrCreate { where = { name = "b" } })))
          assert.equal(2, User:count())
          error("no")
        end)
      end)
      assert.equal(1, User:count())
      assert.equal(0, Plain:count())
    end)

    it("refuses what says nothing or contradicts itself", function()
      for i, options in ipairs {
        {}, { where = rowan.all }, { where = { emial = "a" } }, { where = { email = "a" }, defaults = { nmae = "a" } },
        { where = { email = "a" }, defaults = { email = "b" } }, { where = { email = "a" }, default = {} },
      } do
        assert.is_true(rowan.is(error_of(User.findOrCreate, User, options), "QueryError"), "case " .. i)
      end
      assert.equal(0, User:count())
    end)
  end)

  it("findCreateFind looks first", function()
    local options = { where = { email = "a@x" }, defaults = { name = "a" } }
    local created
    assert.equal(2, helper.count(function() created = select(2, User:findCreateFind(options)) end))
    assert.is_true(created)
    assert.equal(1, helper.count(function() created = select(2, User:findCreateFind(options)) end))
    assert.is_false(created)
  end)

  it("findOrBuild stores nothing", function()
    local user, built = User:findOrBuild { where = { email = "a@x" }, defaults = { name = "a" } }
    assert.same({ true, true, "a@x", "a", "reader" }, { built, user.isNewRecord, user.email, user.name, user.role })
    assert.equal(0, User:count())
    user:save()
    user, built = User:findOrBuild { where = { email = "a@x" } }
    assert.same({ false, false, "a" }, { built, user.isNewRecord, user.name })
  end)

  it("findOrBuild builds, or reads, what include names", function()
    User:hasMany(Plain, { as = "notes", foreignKey = "userId" })
    Plain:sync { force = true }
    local call = { where = { email = "a@x" }, defaults = { notes = { { name = "n" } } }, include = "notes" }
    local user, built = User:findOrBuild(call)
    assert.same({ true, "n" }, { built, user.notes[1].name })
    user:save()
    user, built = User:findOrBuild(call)
    assert.same({ false, "n" }, { built, user.notes[1].name })
  end)

  it("no hooks run where the call wants none", function()
    local ran = 0
    for _, name in ipairs { "beforeUpsert", "beforeCreate" } do User:addHook(name, function() ran = ran + 1 end) end
    User:upsert({ email = "a@x" }, { hooks = false })
    User:findOrCreate { where = { email = "b@x" }, hooks = false }
    assert.equal(0, ran)
    User:upsert { email = "c@x" }
    User:findOrCreate { where = { email = "d@x" } }
    assert.equal(2, ran)
  end)
end)
