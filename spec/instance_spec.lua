-- Rows are plain tables: what they show, what they know of how they were read, and what save makes of them.
local cjson = require "cjson"
local helper = require "spec.helper"
local people = require "spec.people"
local rowan = require "rowan"

local error_of = helper.error_of

local function keys_of(row)
  local keys = {}
  for key in pairs(row) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function contains(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in %q"):format(part, text))
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

  describe("as a table", function()
    it("shows its attributes and nothing else", function()
      assert.same({ "age", "createdAt", "data", "id", "name", "updatedAt" }, keys_of(user))
      assert.same({ "age", "createdAt", "data", "id", "name", "updatedAt" },
        keys_of(User:create { name = "Bea", age = 1, data = {} }))
      assert.same({ "age", "name" }, keys_of(User:findOne { attributes = { "name", "age" } }))
    end)

    it("has its values as raw fields", function()
      assert.equal("Ann", rawget(user, "name"))
      assert.equal(30, rawget(user, "age"))
      assert.same({ "a", "b" }, rawget(user, "data").tags)
    end)

    it("leaves out what is NULL", function()
      assert.is_nil(user.email)
      assert.is_nil(rawget(user, "email"))
      local made = User:create { name = "Bea", age = rowan.null, data = rowan.null }
      assert.is_nil(rawget(made, "age"))
      assert.is_nil(rawget(made, "data"))
    end)

    it("shows what was loaded with it", function()
      Post:create { title = "one", userId = 1 }
      local found = User:findByPk(1, { include = "posts", attributes = { "id", "name" } })
      assert.same({ "id", "name", "posts" }, keys_of(found))
      assert.same({ "id", "title", "userId" }, keys_of(found.posts[1]))
    end)

    it("goes through cjson as it is, alone and in a list", function()
      Post:create { title = "one", userId = 1 }
      User:create { name = "Bea" }
      local users = User:findAll { attributes = { "id", "name", "age" }, include = "posts", order = { "id" } }
      assert.same({ id = 1, name = "Ann", age = 30, posts = { { id = 1, title = "one", userId = 1 } } },
        cjson.decode(cjson.encode(users[1])))
      local list = cjson.decode(cjson.encode(users))
      assert.equal(2, #list)
      assert.same({ id = 2, name = "Bea", posts = {} }, list[2])
      assert.equal("one", cjson.decode(cjson.encode(User:findAll { include = "posts" }))[1].posts[1].title)
    end)

    it("finds its methods without showing them", function()
      function User.prototype:shout() return self.name:upper() end
      assert.equal("ANN", user:shout())
      assert.equal("ANN", User:build({ name = "Ann" }):shout())
      assert.is_nil(rawget(user, "save"))
      assert.equal("rowan.instance: User", tostring(user))
      assert.equal(User, user.Model)
    end)

    it("is known by its kind", function()
      assert.equal("instance", rowan.kind(user))
      assert.is_true(rowan.isInstance(user, User))
      assert.is_false(rowan.isInstance(user, Post))
      assert.is_false(rowan.isInstance(User:findByPk(1, { raw = true })))
      assert.is_nil(getmetatable(User:findAll({ raw = true })[1]))
    end)
  end)

  describe("save", function()
    it("writes the changed columns only", function()
      user.age = 31
      local sent = helper.statements(function() assert.equal(user, user:save()) end)
      assert.equal(1, #sent)
      contains(sent[1], '"age"')
      contains(sent[1], '"updatedAt"')
      contains_not(sent[1], '"name"')
      contains_not(sent[1], '"data"')
      assert.equal(31, User:findByPk(1).age)
    end)

    it("does not write over what another has written meanwhile", function()
      User:update({ name = "Anna" }, { where = { id = 1 } })
      user.age = 31
      user:save()
      local found = User:findByPk(1)
      assert.equal("Anna", found.name)
      assert.equal(31, found.age)
    end)

    it("sends nothing when nothing has changed", function()
      assert.equal(0, helper.count(function()
        user:save()
        user.age = 30
        user.data = { depth = { level = 1 }, tags = { "a", "b" } }
        user.email = rowan.null
        user:save()
      end))
    end)

    it("writes NULL for nil and for rowan.null", function()
      user.age = nil
      assert.same({ "age" }, user:changed())
      user:save()
      assert.is_nil(User:findByPk(1).age)
      user.age = 5
      user:save()
      assert.equal(5, User:findByPk(1).age)
      user.age, user.data = rowan.null, nil
      user:save()
      assert.is_nil(rawget(user, "age"))
      local found = User:findByPk(1)
      assert.is_nil(found.age)
      assert.is_nil(found.data)
      assert.is_false(user:changed())
    end)

    it("sees changes inside JSON", function()
      user.data.depth.level = 2
      assert.same({ "data" }, user:changed())
      assert.equal(1, user:previous("data").depth.level)
      user:save()
      assert.equal(2, User:findByPk(1).data.depth.level)
      assert.is_false(user:changed())
      user.data.tags[3] = "c"
      user:save()
      assert.same({ "a", "b", "c" }, User:findByPk(1).data.tags)
      user.data.tags = nil
      user:save()
      assert.same({ depth = { level = 2 } }, User:findByPk(1).data)
    end)

    it("knows what is stored after several saves", function()
      for age = 31, 35 do
        user.age = age
        user.name = "Ann" .. age
        assert.equal(age - 1, user:previous("age"))
        assert.same({ "name", "age" }, user:changed())
        user:save()
        assert.is_false(user:changed())
      end
      user.age = 34
      assert.equal(35, user:previous("age"))
      user.age = 35
      assert.is_false(user:changed())
      assert.equal("Ann35", User:findByPk(1).name)
    end)

    it("knows what is stored after create, save, save", function()
      local made = User:create { name = "Bea", data = { a = 1 } }
      made.data.a = 2
      made:save()
      made.email = "b@x"
      local sent = helper.statements(function() made:save() end)
      contains(sent[1], '"email"')
      contains_not(sent[1], '"data"')
      made.data.a = 1
      assert.same({ "data" }, made:changed())
    end)

    it("stores a new row, and then is a stored one", function()
      local made = User:build { name = "Bea" }
      made.age = 3
      assert.equal(made, made:save())
      assert.equal(2, made.id)
      assert.is_false(made.isNewRecord)
      assert.equal(0, helper.count(function() made:save() end))
      made.age = 4
      made:save()
      assert.equal(4, User:findByPk(2).age)
      assert.equal(2, User:count())
    end)

    it("writes chosen fields only", function()
      user.age, user.name = 31, "Anna"
      user:save { fields = { "age" } }
      local found = User:findByPk(1)
      assert.equal(31, found.age)
      assert.equal("Ann", found.name)
      assert.same({ "name" }, user:changed())
      assert.is_true(rowan.is(error_of(user.save, user, { fields = { "nmae" } }), "QueryError"))
    end)

    it("leaves updatedAt with silent", function()
      local before = user.updatedAt
      user.age = 31
      user:save { silent = true }
      assert.equal(before, user.updatedAt)
      assert.equal(before, User:findByPk(1).updatedAt)
    end)

    it("sets updatedAt in the row and in the database", function()
      user.age = 31
      rowan.setClock(function() return "2031-05-06T07:08:09.123456Z" end)
      local ok, err = pcall(user.save, user)
      rowan.setClock(nil)
      assert.is_true(ok, tostring(err))
      assert.equal("2031-05-06T07:08:09.123456Z", user.updatedAt)
      assert.equal("2031-05-06T07:08:09.123456Z", User:findByPk(1).updatedAt)
    end)

    it("refuses a typing error in a field", function()
      user.nmae = "Anna"
      local err
      assert.equal(0, helper.count(function() err = error_of(user.save, user) end))
      contains(tostring(err), '"nmae"')
      contains(tostring(err), '"name"')
      local made = User:build { name = "Bea" }
      made.agee = 3
      contains(tostring(error_of(made.save, made)), '"agee"')
      assert.equal(1, User:count())
    end)

    it("updates the row that was read, even when its key was changed in memory", function()
      User:create { name = "Bea" }
      user.id = 7
      user.age = 31
      user:save()
      assert.equal(31, User:findByPk(7).age)
      assert.is_nil(User:findByPk(1))
      assert.is_nil(User:findByPk(2).age)
      user.age = 32
      user:save()
      assert.equal(32, User:findByPk(7).age)
    end)

    it("says when the row is gone", function()
      User:destroy { where = { id = 1 } }
      user.age = 31
      assert.is_true(rowan.is(error_of(user.save, user), "InstanceError"))
      assert.equal(31, user.age)
      assert.same({ "age" }, user:changed())
    end)
  end)
end)
