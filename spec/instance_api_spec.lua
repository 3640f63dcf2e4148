-- What instances offer beyond saving: build, set, changed, equals, reload, where.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes

helper.each(function(_, connect)
  local db, User, Post

  before_each(function()
    db = connect()
    User = db:define("User", {
      name = { type = D.STRING, defaultValue = "nobody" }, age = D.INTEGER, data = D.JSON,
    }, { timestamps = false })
    Post = db:define("Post", { title = D.STRING }, { timestamps = false })
    User:hasMany(Post, { as = "posts", foreignKey = "userId" })
    Post:belongsTo(User, { as = "user", foreignKey = "userId" })
    db:sync()
  end)

  describe("set and update", function()
    it("leave the primary key and the timestamps as they are, which a plain assignment changes", function()
      local Item = db:define("Item", { code = { type = D.STRING, primaryKey = true }, name = D.STRING }, { paranoid = true })
      Item:sync()
      local item = Item:create{ code = "a", name = "x" }
      local made = item.createdAt
      item:update{ code = "b", name = "y", createdAt = 0, deletedAt = 0 }
      assert.same({ "a", "y", made }, { item.code, item.name, item.createdAt })
      assert.same({ "a", "y", made }, { Item:findOne().code, Item:findOne().name, Item:findOne().createdAt })
      item:set("createdAt", 0):set("code", "c")
      assert.is_false(item:changed())
      item.code = "d"
      item:set({ createdAt = "2000-01-01T00:00:00Z" }, { raw = true })
      item:save()
      assert.same({ "d", "2000-01-01T00:00:00.000Z" }, { Item:findOne().code, Item:findOne().createdAt })
      assert.equal("e", Item:build{ name = "z" }:set("code", "e").code)
    end)
  end)

  describe("changed", function()
    it("says nothing of the same value in other words", function()
      local Event = db:define("Event", { at = D.DATE, price = D.DECIMAL(10, 2), note = D.STRING }, { timestamps = false })
      Event:sync()
      local made = Event:create{ at = "2020-01-01T00:00:00Z", price = "1.50" }
      local event = Event:findByPk(made.id)
      event.at = "2020-01-01T01:00:00+01:00"
      assert.is_false(event:changed())
      assert.equal(0, helper.count(function() event:save() end))
      event.at, event.note = 1577836800, "x"
      assert.same({ "note" }, event:changed())
      local sent = helper.statements(function() event:save() end)
      assert.is_nil(sent[1]:find('"at"', 1, true))
      event.at = 1577836801
      assert.is_true(event:changed("at"))
      event:save()
      assert.equal("2020-01-01T00:00:01.000Z", Event:findByPk(made.id).at)
    end)
  end)

  it("a row is touched by changed(\"updatedAt\", true)", function()
    local Event = db:define("Event", { note = D.STRING })
    Event:sync()
    rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
    finally(function() rowan.setClock(nil) end)
    local event = Event:create{ note = "a" }
    rowan.setClock(function() return "2031-01-01T00:00:00Z" end)
    assert.is_true(event:changed("updatedAt", true))
    event:save()
    assert.equal("2031-01-01T00:00:00.000Z", event:reload().updatedAt)
    assert.equal("2030-01-01T00:00:00.000Z", event.createdAt)
  end)

  describe("build", function()
    it("of a list makes one of each", function()
      local made = User:build({ { name = "ann" }, { name = "bob" } })
      assert.same({ "ann", "bob" }, { made[1].name, made[2].name })
      assert.is_true(made[2].isNewRecord)
    end)

    it("makes nested instances, which save stores together", function()
      local user = User:build({ name = "ann", posts = { { title = "a" }, { title = "b" } } }, { include = "posts" })
      assert.is_true(rowan.isInstance(user.posts[1], Post))
      assert.is_true(user.posts[1].isNewRecord)
      user:save()
      assert.is_false(user.isNewRecord)
      assert.equal(user.id, user.posts[2].userId)
      assert.equal(2, Post:count{ where = { userId = user.id } })
      assert.equal(0, helper.count(function() user:save() end))
      local post = Post:build({ title = "c", user = { name = "bob" } }, { include = "user" })
      post:save()
      assert.equal("bob", post:reload():getUser().name)
    end)

    it("makes instances of rows that are known to be stored", function()
      local id = User:create{ name = "ann", age = 3 }.id
      local user = User:build({ id = id }, { isNewRecord = false })
      assert.is_false(user.isNewRecord)
      assert.is_false(user:changed())
      user:update{ age = 4 }
      assert.same({ id = id, name = "ann", age = 4 }, User:findByPk(id, { raw = true }))
      user:destroy()
      assert.equal(0, User:count())
      user = User:build({ name = "x" }, { isNewRecord = false })
      user.name = "y"
      assert.equal("x", user:previous("name"))
      for _, method in ipairs{ "save", "reload", "destroy" } do
        assert.equal("InstanceError", helper.error_of(user[method], user).name)
      end
      user = User:build({}, { isNewRecord = false })
      assert.is_false(user:changed())
      assert.equal("InstanceError", helper.error_of(user.update, user, { name = "z" }).name)
      assert.equal("ValidationError", helper.error_of(User.build, User, { id = "x" }, { isNewRecord = false }).name)
    end)

    it("takes lists and refuses what it does not know", function()
      local list = User:bulkBuild{ { name = "a" }, {} }
      assert.equal("a", list[1].name)
      assert.equal("nobody", list[2].name)
      assert.equal("nobody", User:build({}, { raw = true }).name)
      assert.equal("QueryError", helper.error_of(User.build, User, { nmae = 1 }, { raw = true }).name)
      assert.equal("QueryError", helper.error_of(User.build, User, {}, { isNew = true }).name)
      assert.equal("QueryError", helper.error_of(User.build, User, 5).name)
    end)
  end)

  describe("set and changed", function()
    it("reach inside JSON", function()
      local user = User:create{ data = { a = { b = 1 }, list = { { x = 1 }, { x = 2 } } } }
      user:set("data.a.b", 2)
      user:set("data.list[1].x", 5)
      user:set{ ["data.new.deep"] = "y", name = "bob" }
      assert.same({ "data", "name" }, user:changed())
      user:save()
      user = User:findByPk(user.id)
      assert.equal(2, user.data.a.b)
      assert.equal(5, user.data.list[2].x)
      assert.equal("y", user.data.new.deep)
      assert.equal("UsageError", helper.error_of(user.set, user, "name.first", "x").name)
      assert.equal("QueryError", helper.error_of(user.set, user, "dta.a", "x").name)
    end)

    it("can be told", function()
      local user = User:create{ name = "ann", age = 5 }
      assert.is_true(user:changed("name", true))
      assert.equal("ann", user.name)
      assert.equal(1, helper.count(function() user:save() end))
      assert.is_false(user:changed("name"))
      user.age = 6
      assert.is_false(user:changed("age", false))
      assert.equal(0, helper.count(function() user:save() end))
      assert.equal(6, user.age)
      assert.equal(5, User:findByPk(user.id).age)
    end)

    it("take SQL expressions, which the database computes and the row then shows", function()
      local user = User:create{ name = "ann", age = 5 }
      user.age = rowan.literal("age + 10")
      user.data = { 1 }
      assert.equal(1, helper.count(function() user:save() end))
      assert.equal(15, user.age)
      assert.is_false(user:changed())
      user:update{ name = rowan.fn("upper", rowan.col("name")) }
      assert.equal("ANN", user.name)
      assert.same({ 1 }, User:findByPk(user.id).data)
      User:destroy{ where = rowan.all }
      user.age = rowan.literal("age + 1")
      assert.equal("InstanceError", helper.error_of(user.save, user).name)
    end)

    it("a new row can be computed by the database", function()
      local made
      assert.equal(1, helper.count(function()
        made = User:create{ name = rowan.fn("upper", "ann"), age = rowan.literal("1 + 1"), data = { 1 } }
      end))
      assert.equal("ANN", made.name)
      assert.equal(2, made.age)
      assert.is_false(made:changed())
      assert.same({ 1 }, User:findByPk(made.id).data)
      made:update{ age = 3 }
      local list = User:bulkCreate{
        { name = "a", age = 1 }, { name = rowan.fn("lower", "B") }, { name = "c", age = rowan.cast("7", "integer") },
      }
      assert.same({ "a", "b", "c" }, { list[1].name, list[2].name, list[3].name })
      assert.equal(7, User:findByPk(list[3].id).age)
      local twin = User:build{ name = rowan.fn("upper", "x") }
      pcall(db.transaction, db, function()
        twin:save()
        assert.equal("X", twin.name)
        error("no")
      end)
      assert.is_true(twin.isNewRecord)
      assert.is_nil(twin.id)
      twin:save()
      assert.equal("X", twin.name)
    end)

    it("take fields, beside which nothing is set or written", function()
      local user = User:create{ name = "ann", age = 5 }
      user:update({ name = "bea", age = 6 }, { fields = { "name" } })
      assert.equal(5, user.age)
      assert.is_false(user:changed())
      helper.error_of(user.update, user, { name = "x" }, { fields = { "nmae" } })
      local made = User:build{ name = "cid", age = "many" }
      made:save{ fields = { "name" } }
      assert.equal("many", made.age)
      assert.same({ "age" }, made:changed())
      assert.is_nil(User:findByPk(made.id).age)
      helper.error_of(made.save, User:build{ name = "x" }, { fields = { "nmae" } })
      assert.is_nil(User:create({ age = 4 }, { fields = {} }).age)
    end)

    it("update writes what it is given, not what else has changed", function()
      local user = User:create{ name = "ann", age = 5 }
      user.name = "bob"
      user:update{ age = 6 }
      assert.same({ "name" }, user:changed())
      assert.equal("ann", User:findByPk(user.id).name)
      assert.equal(6, User:findByPk(user.id).age)
    end)
  end)

  it("compare by model and key", function()
    local a, b = User:create{}, User:create{}
    assert.is_true(a:equals(User:findByPk(a.id)))
    assert.is_false(a:equals(b))
    assert.is_true(a:equalsOneOf{ b, User:findByPk(a.id) })
    assert.is_false(a:equalsOneOf{ b, 5 })
    assert.same({ id = a.id }, a:where())
    assert.equal(1, User:count{ where = a:where() })
    assert.equal("InstanceError", helper.error_of(function() User:build():where() end).name)
  end)

  it("reload reads what was read before: includes too, or the attributes that it names", function()
    local user = User:create({ name = "ann", age = 1, posts = { { title = "a" } } }, { include = "posts" })
    user = User:findOne{ where = { id = user.id }, include = { { as = "posts", include = "user" } } }
    User:update({ age = 2, name = "new" }, { where = rowan.all })
    Post:create{ title = "b", userId = user.id }
    user:reload()
    assert.equal(2, #user.posts)
    assert.equal("new", user.posts[2].user.name)
    Post:destroy{ where = rowan.all }
    assert.equal(0, #user:reload().posts)
    local single = User:findByPk(user.id)
    User:update({ age = 3, name = "newer" }, { where = rowan.all })
    single.name = "mine"
    single:reload{ attributes = { "age" } }
    assert.equal(3, single.age)
    assert.same({ "name" }, single:changed())
    assert.equal("mine", single.name)
  end)

  it("a method called with a point for the colon says so", function()
    local user = User:create{}
    for _, call in ipairs{
      function() User.findAll{} end, function() User.findByPk(1) end, function() User.create{ name = "x" } end,
      function() User.destroy{ where = rowan.all } end, function() user.save() end, function() user.update{ age = 1 } end,
    } do
      local err = helper.error_of(call)
      assert.equal("UsageError", err.name)
      assert.matches("wants a colon", err.message)
    end
  end)

  it("what cannot be an option of a call is refused by name, before anything is sent", function()
    local user = User:create{}
    assert.matches('has no attribute "agge"', helper.error_of(user.save, user, { fields = { "agge" } }).message)
    local refused = {
      ["User:destroy: the options must be a table, not a number"] = function() User:destroy(user.id) end,
      ["User:update: the options must be a table, not a number"] = {
        function() User:update({ age = 1 }, user.id) end, function() user:update({ age = 1 }, 3) end,
      },
      ["User:increment: the options must be a table, not a boolean"] = function() User:increment("age", true) end,
      ["group: User: wants names and expressions"] = function() User:count{ group = 3 } end,
      ["attributes: User: wants a list of names"] = function() User:count{ group = "age", attributes = 3 } end,
      ["User:save: fields must be a table, not a string"] = function() user:save{ fields = "age" } end,
      ["User:save: fields wants a list of attributes"] = function() user:save{ fields = { age = true } } end,
      ["User:save: skip wants a list of names"] = function() user:validate{ skip = { age = true } } end,
      ["User:getPosts: skipLocked means nothing without lock"] = function() user:getPosts{ skipLocked = true } end,
      ["the option logging must be a function or a boolean, not a number"] = function() User:findAll{ logging = 3 } end,
      ["the option transaction wants a transaction of this database, or false"] = {
        function() User:findAll{ transaction = User } end, function() user:save{ transaction = user } end,
      },
    }
    user.age = 7
    for message, calls in pairs(refused) do
      for _, call in ipairs(type(calls) == "table" and calls or { calls }) do
        local err
        assert.same({}, helper.statements(function() err = helper.error_of(call) end))
        assert.equal(message, err.message)
      end
    end
  end)
end)
