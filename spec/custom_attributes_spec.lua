-- Getters, setters and VIRTUAL attributes.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op

local function define(db)
  local User = db:define("User", {
    name = {
      type = D.STRING, allowNull = false,
      get = function(self)
        local value = self:getDataValue("name")
        return value and value:upper()
      end,
    },
    email = {
      type = D.STRING, unique = true, set = function(self, value) self:setDataValue("email", value and value:lower()) end,
    },
    hash = D.STRING,
    password = {
      type = D.VIRTUAL, validate = { len = { 4, 20 } },
      set = function(self, value)
        self:setDataValue("password", value)
        self.hash = "#" .. value
      end,
    },
    card = {
      type = D.VIRTUAL(D.STRING, { "name", "email" }),
      get = function(self) return self.name .. " <" .. tostring(self.email) .. ">" end,
    },
    tags = { type = D.JSON, get = function(self) return self:getDataValue("tags") or {} end },
    plainOne = { type = D.INTEGER, defaultValue = 7, field = "p", get = function(self) return self:getDataValue("plainOne") * 2 end },
  }, { timestamps = false })
  db:sync()
  return User
end

helper.each(function(_, connect)
  local db, User

  before_each(function()
    db = connect()
    User = define(db)
  end)

  describe("getters and setters", function()
    it("stand between a row and its values, in build, create, reading and assignment", function()
      local user = User:build{ name = "ann", email = "Ann@X.org" }
      assert.equal("ANN", user.name)
      assert.equal("ann", user:getDataValue("name"))
      assert.equal("ann@x.org", user.email)
      assert.equal(14, user.plainOne)
      user = User:create{ name = "ann", email = "Ann@X.org" }
      assert.equal("ANN", user.name)
      assert.equal(14, user.plainOne)
      user.email = "B@X"
      assert.equal("b@x", user.email)
      user:set("email", "C@X")
      assert.equal("c@x", user.email)
      user:set("email", "C@X", { raw = true })
      assert.equal("C@X", user.email)
      local read = User:findByPk(user.id)
      assert.equal("ANN", read.name)
      assert.equal("ann", read:get("name", { raw = true }))
      assert.same({}, read.tags)
      assert.equal("ann@x.org", read.email)
    end)

    it("leave change tracking and saving as they are", function()
      local user = User:create{ name = "ann", email = "a@x" }
      assert.is_false(user:changed())
      user.email = "A@X"
      assert.is_false(user:changed())
      user.email = "B@X"
      assert.same({ "email" }, user:changed())
      assert.equal("a@x", user:previous("email"))
      local sent = helper.statements(function() user:save() end)
      assert.equal(1, #sent)
      assert.matches("email", sent[1])
      assert.is_nil(sent[1]:find("name", 1, true))
      assert.is_false(user:changed())
      assert.equal("b@x", User:findOne{ where = { email = "b@x" } }.email)
      user.name = nil
      local err = helper.error_of(user.save, user)
      assert.equal("ValidationError", err.name)
      assert.equal("name", err.errors[1].path)
      user:reload()
      assert.equal("ANN", user.name)
      user:update{ name = "bob" }
      assert.equal("BOB", user:reload().name)
      user:destroy()
      assert.equal(0, User:count())
    end)

    it("work with bulk calls", function()
      local list = User:bulkCreate{ { name = "a", email = "A@X" }, { name = "b", email = "B@X", plainOne = 1 } }
      assert.equal("A", list[1].name)
      assert.equal("b@x", list[2].email)
      assert.equal(2, list[2].plainOne)
      assert.equal(1, (User:update({ email = "NEW@X" }, { where = { name = "a" } })))
      assert.equal("new@x", User:findOne{ where = { name = "a" } }.email)
      local rows = User:findAll{ order = { "name" }, attributes = { "id", "name" } }
      assert.equal("B", rows[2].name)
      assert.is_false(rows[2]:isLoaded("email"))
    end)

    it("work with rows that may be there already", function()
      local _, created = User:upsert{ name = "ann", email = "A@X", password = "secret" }
      assert.is_true(created)
      local user
      user, created = User:upsert{ name = "bob", email = "A@X", password = "another", plainOne = 3 }
      assert.is_false(created)
      local stored = User:findByPk(user.id)
      assert.equal("BOB #another 6", ("%s %s %d"):format(stored.name, stored.hash, stored.plainOne))
      user, created = User:findOrCreate{ where = { email = "new@x" }, defaults = { name = "cid" } }
      assert.is_true(created)
      assert.equal("CID new@x", user.name .. " " .. user.email)
      assert.is_false((select(2, User:findOrCreate{ where = { email = "new@x" } })))
      local ok, list = pcall(User.bulkCreate, User, { { name = "dan", email = "NEW@X" } },
        { updateOnDuplicate = { "name" }, conflictAttributes = { "email" } })
      assert(ok, tostring(list))
      assert.equal("dan", User:findByPk(user.id):getDataValue("name"))
      assert.equal(2, User:count())
    end)

    it("are seen by toJSON and get, and passed by with raw", function()
      User:create{ name = "ann", email = "a@x", tags = { "x" } }
      local user = User:findOne()
      local json = user:toJSON()
      assert.equal("ANN", json.name)
      assert.equal("ANN <a@x>", json.card)
      assert.same({ "x" }, json.tags)
      assert.is_nil(json._name)
      assert.same(json, user:get{ plain = true })
      assert.same(json, user:get())
      assert.equal("ann", user:get({ plain = true, raw = true }).name)
      local raw = User:findOne{ raw = true }
      assert.equal("ann", raw.name)
      assert.equal(7, raw.plainOne)
      assert.is_nil(raw._name)
      assert.is_nil(raw.card)
      assert.equal("ann", User:findByPk(user.id, { raw = true }).name)
    end)

    it("keep names of errors, and of what is described", function()
      User:create{ name = "ann", email = "a@x" }
      local err = helper.error_of(User.create, User, { name = "b", email = "A@X" })
      assert.equal("UniqueConstraintError", err.name)
      assert.equal("email", err.errors[1].path)
      assert.equal("a@x", err.errors[1].value)
      assert.is_not_nil(User.rawAttributes.name.get)
      assert.same({ "id", "card", "email", "hash", "name", "password", "plainOne", "tags" }, User.attributeNames)
      err = helper.error_of(db.define, db, "X", { a = { type = D.STRING, get = function() end }, _a = D.STRING })
      assert.equal("DefinitionError", err.name)
      assert.matches("_a", err.message)
    end)
  end)

  describe("a VIRTUAL attribute", function()
    it("is computed from others, and selecting it reads them", function()
      User:create{ name = "ann", email = "a@x" }
      local user = User:findOne{ attributes = { "id", "card" } }
      assert.equal("ANN <a@x>", user.card)
      assert.equal("ANN <a@x>", user:toJSON().card)
      assert.is_false(user:isLoaded("hash"))
      user = User:findOne{ attributes = { exclude = { "card", "hash" } } }
      assert.is_false(user:isLoaded("hash"))
    end)

    it("is in the rows of a part of the columns where it was asked for", function()
      local Item = db:define("Item", {
        { "a", D.STRING }, { "answer", D.VIRTUAL, get = function() return 42 end },
        { "other", D.VIRTUAL, get = function() return 43 end },
      }, { timestamps = false })
      local Box = db:define("Box", {}, { timestamps = false })
      Item:belongsTo(Box)
      Box:hasMany(Item)
      db:sync()
      Box:create():createItem{ a = "x" }
      local function shown(...) return Item:findOne(...):get{ plain = true } end
      assert.same({ id = 1, answer = 42 }, shown{ attributes = { "id", "answer" } })
      assert.same({ id = 1 }, shown{ attributes = { "id" } })
      assert.same({ id = 1, other = 43 }, shown{ attributes = { "id", "other" } })
      assert.same({ id = 1, a = "x", boxId = 1, other = 43 }, shown{ attributes = { exclude = { "answer" } } })
      assert.same({ id = 1, a = "x", boxId = 1, answer = 42, other = 43 }, shown())
      local box = Box:findOne{ include = { { model = Item, attributes = { "id", "answer" } } } }
      assert.same({ id = 1, boxId = 1, answer = 42 }, box.items[1]:get{ plain = true })
      local joined = Box:findOne{ include = { { model = Item, attributes = { "id", "answer" }, strategy = "join" } } }
      assert.equal(42, joined.items[1]:get{ plain = true }.answer)
    end)

    it("sets others through its setter also where only those are written", function()
      local user = User:create{ name = "ann", email = "a@x", password = "12345" }
      user:update({ password = "abcde", email = "B@X" }, { fields = { "hash" } })
      assert.equal("#abcde", user.hash)
      assert.equal("a@x", user.email)
      assert.equal("#abcde", User:findByPk(user.id).hash)
    end)

    it("is validated and never sent", function()
      local user = User:create{ name = "ann", password = "secret" }
      assert.equal("#secret", User:findByPk(user.id).hash)
      assert.is_nil(User:findByPk(user.id).password)
      local err = helper.error_of(User.create, User, { name = "b", password = "abc" })
      assert.equal("ValidationError", err.name)
      assert.equal("password", err.errors[1].path)
      user.password = "abc"
      assert.equal("ValidationError", helper.error_of(user.save, user).name)
      user.password = "abcdef"
      user:save()
      assert.equal("#abcdef", User:findByPk(user.id).hash)
      user:update{ password = "another" }
      assert.equal("#another", User:findByPk(user.id).hash)
    end)

    it("cannot be part of a query, nor have what a column has", function()
      for _, options in ipairs{
        { where = { card = "x" } }, { order = { "card" } }, { attributes = { { "card", "c" } } },
        { where = { [Op["or"]] = { card = 1 } } }, { attributes = { { rowan.fn("max", rowan.col("card")), "c" } } },
      } do
        local err = helper.error_of(User.findAll, User, options)
        assert.equal("QueryError", err.name)
        assert.matches("card", err.message)
      end
      local err = helper.error_of(db.define, db, "X", { a = { type = D.VIRTUAL, unique = true } })
      assert.matches("VIRTUAL", err.message)
    end)
  end)

  it("custom attributes work on both sides of associations", function()
    local Post = db:define("Post", {
      title = { type = D.STRING, get = function(self) return "*" .. self:getDataValue("title") end },
    }, { timestamps = false })
    User:hasMany(Post, { as = "posts", foreignKey = "userId" })
    Post:belongsTo(User, { as = "user", foreignKey = "userId" })
    db:sync{ force = true }
    User:create({ name = "ann", posts = { { title = "one" }, { title = "two" } } }, { include = "posts" })
    local user = User:findOne{ include = { { as = "posts", order = { "id" } } } }
    assert.equal("*two", user.posts[2].title)
    assert.equal("ANN", user:getPosts()[1]:getUser().name)
    assert.equal("*one", user:toJSON().posts[1].title)
    local raw = User:findOne{ include = "posts", raw = true }
    assert.equal("ann", raw.name)
    assert.equal(2, #raw.posts)
    local post = user:createPost{ title = "three" }
    assert.equal("*three", post:reload().title)
    assert.equal(3, #user:reload().posts)
  end)
end)
