-- Models that are changed after they were defined: attributes taken out, added and completed.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes

helper.each(function(_, connect)
  local db

  before_each(function() db = connect() end)

  describe("removeAttribute", function()
    it("takes the id away, and what was planned with it", function()
      local Log = db:define("Log", { { "text", D.STRING } }, { timestamps = false })
      assert.same({ "id" }, Log.primaryKeyAttributes)
      db:sync()
      Log:create{ text = "a" }
      assert.equal(1, Log:findByPk(1).id)
      assert.equal("a", Log:findOne().text)
      Log:removeAttribute("id")
      assert.same({}, Log.primaryKeyAttributes)
      assert.same({ "text" }, Log.attributeNames)
      assert.same({ text = "a" }, Log:findOne():get{ plain = true })
      assert.match("has no primary key", helper.error_of(Log.findByPk, Log, 1).message)
      assert.match("no attribute", helper.error_of(Log.findAll, Log, { where = { id = 1 } }).message)
      assert.match('no attribute "id"', helper.error_of(Log.create, Log, { id = 1 }).message)
      Log:sync{ force = true }
      assert.is_nil(Log:describe().id)
      local row = Log:create{ text = "b" }
      assert.same({ text = "b" }, row:get{ plain = true })
      Log:bulkCreate{ { text = "c" }, { text = "d" } }
      assert.equal(2, Log:destroy{ where = { text = { "c", "d" } } })
    end)

    it("takes an index and a unique of the attribute alone along", function()
      local T = db:define("T", { { "a", D.STRING, unique = true }, { "b", D.STRING, index = true }, { "c", D.STRING } })
      T:removeAttribute("a")
      T:removeAttribute("b")
      db:sync()
      assert.equal(1, #db:queryInterface():showIndexes(T))
    end)

    it("is refused by name while something needs the attribute, and then changes nothing", function()
      local User = db:define("User", {
        { "code", D.STRING, unique = true }, { "a", D.STRING, unique = "pair" }, { "b", D.STRING, unique = "pair" },
        { "c", D.STRING }, { "d", D.STRING }, { "e", D.STRING }, { "f", D.JSON },
        { "full", D.VIRTUAL(D.STRING, { "d" }), get = function(self) return self.d end },
      }, {
        version = true,
        indexes = { { fields = { "c" } }, { name = "part", fields = { "b" }, where = { e = "x" } },
          { name = "path", fields = { "f.size::integer" } } },
      })
      local Post = db:define("Post", { { "userCode", D.STRING, references = { model = User, key = "code" } } })
      Post:belongsTo(User, { as = "author", foreignKey = "authorId" })
      local before = User.definition.generation
      for name, rule in pairs{
        a = "the unique pair is over it and others", c = "index 1 is over it", e = "the index part needs it",
        f = "index 3 is over it", d = "full is made of it", code = "Post.userCode references it",
        id = "Post.authorId references it", createdAt = "an option of the model keeps it",
        version = "an option of the model keeps it",
      } do
        local err = helper.error_of(User.removeAttribute, User, name)
        assert.equal("DefinitionError", err.name)
        assert.matches("User: " .. name .. " cannot be removed: ", err.message)
        assert.matches(rule, err.message)
      end
      assert.match("the association Post.author goes by it", helper.error_of(Post.removeAttribute, Post, "authorId").message)
      assert.match('no attribute "codes" .did you mean "code"', helper.error_of(User.removeAttribute, User, "codes").message)
      assert.equal(12, #User.attributeNames)
      assert.is_true(User.definition.generation >= before)
      db:sync()
      User:create{ code = "x" }
      assert.equal("x", User:findOne().code)
    end)

    it("holds for variants of the model", function()
      local Log = db:define("Log", { { "text", D.STRING }, { "more", D.STRING } }, { scopes = { all = {} } })
      local variant = Log:withSchema("elsewhere")
      variant:removeAttribute("more")
      assert.is_nil(variant.rawAttributes.more)
      assert.is_nil(Log:scope("all").rawAttributes.more)
    end)
  end)

  describe("mergeAttributesDefault", function()
    it("adds attributes, and says more of those that are there", function()
      local User = db:define("User", { { "name", D.STRING(10), allowNull = false } }, { timestamps = false })
      local raw = User:mergeAttributesDefault{ name = { type = D.TEXT, unique = true }, nick = D.STRING }
      assert.equal(User.rawAttributes, raw)
      assert.same({ "id", "name", "nick" }, User.attributeNames)
      assert.equal("STRING", raw.name.type.key)
      assert.is_false(raw.name.allowNull)
      assert.is_true(raw.name.unique)
      db:sync()
      User:create{ name = "Ann", nick = "a" }
      assert.equal("UniqueConstraintError", helper.error_of(User.create, User, { name = "Ann" }).name)
    end)
  end)
end)
