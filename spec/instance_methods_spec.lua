-- The methods of rows, and what a failed one leaves behind.
local helper = require "spec.helper"
local people = require "spec.people"
local rowan = require "rowan"

local error_of = helper.error_of

local function copy_of(row)
  local copy = {}
  for key, value in pairs(row) do copy[key] = value end
  return copy
end

local function contains_not(text, part)
  assert.is_nil(text:find(part, 1, true), ("%q is in %q"):format(part, text))
end

helper.each(function(_, connect)
  local db, User, Post, user

  before_each(function()
    db = connect()
    User, Post, user = people(db)
  end)

  describe("a failure", function()
    before_each(function() User:create { name = "Bea", email = "b@x" } end)

    it("of save leaves the row and the database as they were", function()
      for _, wrong in ipairs { "b@x", 7, ("x"):rep(51) } do
        user.age, user.email, user.seen = 31, wrong, 0
        local before = copy_of(user)
        local err = error_of(user.save, user)
        assert.is_true(rowan.is(err, "ValidationError"))
        assert.equal("email", err.errors[1].path)
        assert.same(before, copy_of(user))
        assert.same({ "age", "email", "seen" }, user:changed())
        local found = User:findByPk(1)
        assert.equal(30, found.age)
        assert.is_nil(found.email)
      end
      user.email = "a@x"
      user:save()
      assert.equal("a@x", User:findByPk(1).email)
      assert.equal("1970-01-01T00:00:00.000Z", user.seen)
    end)

    it("of update leaves the row and the database as they were", function()
      user.name = "Anna"
      local before = copy_of(user)
      for _, changes in ipairs { { age = 31, email = "b@x" }, { age = 1.5 }, { agee = 1 }, { name = rowan.null } } do
        error_of(user.update, user, changes)
        assert.same(before, copy_of(user))
        assert.same({ "name" }, user:changed())
      end
      assert.equal(30, User:findByPk(1).age)
      assert.equal("Ann", User:findByPk(1).name)
    end)

    it("of a new row's save leaves it new and as it was", function()
      local made = User:build { name = "Cid", email = "b@x", seen = 0 }
      local before = copy_of(made)
      assert.is_true(rowan.is(error_of(made.save, made), "UniqueConstraintError"))
      assert.is_true(made.isNewRecord)
      assert.same(before, copy_of(made))
      made.email = "c@x"
      made:save()
      assert.equal("c@x", User:findByPk(made.id).email)
      assert.is_false(made.isNewRecord)
    end)

    it("of create leaves the caller's table alone", function()
      local given = { name = "Cid", email = "b@x" }
      error_of(User.create, User, given)
      assert.same({ name = "Cid", email = "b@x" }, given)
      assert.equal(2, User:count())
    end)
  end)

  describe("methods", function()
    it("changed and previous", function()
      assert.is_false(user:changed())
      assert.is_false(user:changed("name"))
      user.name = "Anna"
      assert.is_true(user:changed("name"))
      assert.is_false(user:changed("age"))
      assert.equal("Ann", user:previous("name"))
      assert.equal(30, user:previous("age"))
      assert.is_nil(user:previous("email"))
      assert.same({ name = "Ann" }, user:previous())
      error_of(user.changed, user, "nmae")
      error_of(user.previous, user, "nmae")
      local made = User:build { name = "Bea" }
      assert.same({ "name" }, made:changed())
      assert.is_nil(made:previous("name"))
    end)

    it("get, set, getDataValue and setDataValue", function()
      assert.equal("Ann", user:get("name"))
      assert.equal("Ann", user:getDataValue("name"))
      assert.equal(user, user:set("name", "Anna"))
      user:set { age = 31, email = "a@x" }
      user:setDataValue("age", 32)
      assert.same({ "name", "age", "email" }, user:changed())
      assert.equal(0, helper.count(function() user:set("age", 33) end))
      user:set("age", nil)
      assert.is_nil(user.age)
      user:save()
      assert.is_nil(User:findByPk(1).age)
      error_of(user.set, user, "nmae", 1)
      error_of(user.set, user, { name = "x", agee = 1 })
      assert.equal("Anna", user.name)
      error_of(user.setDataValue, user, "nmae", 1)
      error_of(user.getDataValue, user, "nmae")
      error_of(user.get, user, "nmae")
    end)

    it("toJSON and get{ plain = true } give plain copies", function()
      Post:create { title = "one", userId = 1 }
      local found = User:findByPk(1, { include = { { as = "posts", include = "user" } } })
      for _, plain in ipairs { found:toJSON(), found:get { plain = true }, found:get() } do
        assert.is_nil(getmetatable(plain))
        assert.is_nil(getmetatable(plain.posts[1]))
        assert.equal("one", plain.posts[1].title)
        plain.name = "other"
        plain.data.depth.level = 9
        plain.posts[1].title = "other"
      end
      assert.equal("Ann", found.name)
      assert.equal(1, found.data.depth.level)
      assert.equal("one", found.posts[1].title)
      found.posts[1].user = found
      assert.is_nil(found:toJSON().posts[1].user)
    end)

    it("reload reads again and drops unsaved changes", function()
      user.name, user.email = "Anna", "a@x"
      user.data.depth.level = 5
      User:update({ age = 77 }, { where = { id = 1 } })
      assert.equal(user, user:reload())
      assert.equal("Ann", user.name)
      assert.equal(77, user.age)
      assert.is_nil(user.email)
      assert.equal(1, user.data.depth.level)
      assert.is_false(user:changed())
      User:update({ age = rowan.null }, { where = { id = 1 } })
      user:reload()
      assert.is_nil(user.age)
      Post:create { title = "one", userId = 1 }
      assert.equal("one", user:reload({ include = "posts" }).posts[1].title)
      User:destroy { where = { id = 1 } }
      assert.is_true(rowan.is(error_of(user.reload, user), "InstanceError"))
      local made = User:build { name = "x" }
      assert.is_true(rowan.is(error_of(made.reload, made), "InstanceError"))
    end)

    it("reload of a row that was read without its key is refused", function()
      User:create { name = "Bea" }
      local part = User:findOne { where = { name = "Bea" }, attributes = { "name" } }
      assert.equal(0, helper.count(function()
        assert.is_true(rowan.is(error_of(part.reload, part), "InstanceError"))
      end))
      assert.equal("Bea", part.name)
    end)

    it("update writes what it is given and nothing else", function()
      user.name = "Anna"
      local sent = helper.statements(function() assert.equal(user, user:update { age = 31, email = "a@x" }) end)
      assert.equal(1, #sent)
      contains_not(sent[1], '"name"')
      local found = User:findByPk(1)
      assert.equal(31, found.age)
      assert.equal("a@x", found.email)
      assert.equal("Ann", found.name)
      assert.same({ "name" }, user:changed())
      user:update { email = rowan.null }
      assert.is_nil(user.email)
      assert.is_nil(User:findByPk(1).email)
    end)

    it("destroy deletes this row alone", function()
      User:create { name = "Bea" }
      user:destroy()
      assert.equal("Bea", User:findOne().name)
      assert.equal(1, User:count())
      local made = User:build { name = "x" }
      assert.is_true(rowan.is(error_of(made.destroy, made), "InstanceError"))
    end)

    it("equals", function()
      local same, other = User:findByPk(1), User:create { name = "Bea" }
      same.name = "changed"
      assert.is_true(user:equals(same))
      assert.is_false(user:equals(other))
      assert.is_false(user:equals(nil))
      assert.is_false(user:equals { id = 1 })
      assert.is_false(user:equals(Post:create { id = 1 }))
      assert.is_false(User:build({ name = "a" }):equals(User:build { name = "a" }))
    end)

    it("isLoaded tells NULL from what was not read", function()
      assert.is_true(user:isLoaded("email"))
      local part = User:findOne { attributes = { "id", "name" } }
      assert.is_true(part:isLoaded("name"))
      assert.is_false(part:isLoaded("email"))
      error_of(user.isLoaded, user, "nmae")
      assert.is_false(user:isLoaded("posts"))
      assert.is_true(User:findByPk(1, { include = "posts" }):isLoaded("posts"))
      Post:create { title = "stray" }
      local stray = Post:findOne { include = "user" }
      assert.is_nil(stray.user)
      assert.is_true(stray:isLoaded("user"))
      assert.is_false(Post:findOne():isLoaded("user"))
    end)

    it("isNewRecord", function()
      assert.is_true(User:build({}).isNewRecord)
      assert.is_false(user.isNewRecord)
      assert.is_false(User:create({ name = "x" }).isNewRecord)
      assert.is_false(User:bulkCreate({ { name = "y" } })[1].isNewRecord)
    end)
  end)
end)
