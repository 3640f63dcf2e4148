-- The public face as a user looks at it: kinds, what models, associations, instances and databases show of themselves.
local cjson = require "cjson"
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

helper.each(function(_, connect)
  local function blog(options)
    local db = connect(options)
    local User = db:define("User", { name = DataTypes.STRING(40), age = DataTypes.INTEGER })
    local Post = db:define("Post", { title = DataTypes.STRING })
    User:hasMany(Post)
    Post:belongsTo(User, { as = "author", foreignKey = "userId" })
    db:sync()
    return db, User, Post
  end

  describe("rowan.kind", function()
    it("names everything that rowan makes, and nothing else", function()
      local db, User = blog()
      local user = User:create{ name = "Ann" }
      assert.equal("database", rowan.kind(db))
      assert.equal("model", rowan.kind(User))
      assert.equal("instance", rowan.kind(user))
      assert.equal("instance", rowan.kind(User:build{ name = "Ben" }))
      assert.equal("association", rowan.kind(User.associations.posts))
      assert.equal("type", rowan.kind(DataTypes.STRING(3)))
      assert.equal("expression", rowan.kind(rowan.literal("1")))
      assert.equal("operator", rowan.kind(Op.gte))
      assert.equal("error", rowan.kind(helper.error_of(function() User:create{ nme = 1 } end)))
      db:transaction(function(t) assert.equal("transaction", rowan.kind(t)) end)
      for _, other in ipairs{ {}, "text", 1, true, rowan.null, print } do assert.is_nil(rowan.kind(other)) end
      assert.is_nil(rowan.kind(nil))
    end)

    it("tells instances by model", function()
      local _, User, Post = blog()
      local user = User:create{ name = "Ann" }
      assert.is_true(rowan.isInstance(user))
      assert.is_true(rowan.isInstance(user, User))
      assert.is_false(rowan.isInstance(user, Post))
      assert.is_false(rowan.isInstance({}))
    end)
  end)

  it("has the words of options in tables, which refuse others", function()
    assert.equal("SELECT", rowan.QueryTypes.SELECT)
    assert.equal("READ COMMITTED", rowan.IsolationLevel.READ_COMMITTED)
    assert.equal("NO KEY UPDATE", rowan.Lock.NO_KEY_UPDATE)
    assert.equal("INITIALLY_DEFERRED", rowan.Deferrable.INITIALLY_DEFERRED)
    assert.equal("savepoint", rowan.TransactionNestMode.savepoint)
    assert.matches('there is no rowan.QueryTypes "SELCT" (did you mean "SELECT"?)',
      helper.error_of(function() return rowan.QueryTypes.SELCT end).message, 1, true)
    local db = connect()
    assert.same({ { one = 1 } }, db:query("SELECT 1 AS one", { type = rowan.QueryTypes.SELECT }))
  end)

  describe("a model", function()
    it("shows its name, table, attributes in order and primary key", function()
      local _, User, Post = blog()
      assert.equal("User", User.name)
      assert.equal("Users", User.tableName)
      assert.equal("Users", User:getTableName())
      assert.same({ "id", "age", "name", "createdAt", "updatedAt" }, User.attributeNames)
      assert.same({ "id" }, User.primaryKeyAttributes)
      assert.equal("STRING", User.rawAttributes.name.type.key)
      assert.equal("INTEGER", Post:getAttributes().userId.type.key)
      assert.is_true(User.rawAttributes.id.primaryKey)
    end)

    it("shows what its options come to, its indexes, and its table with a schema", function()
      local db, User, Post = blog { define = { underscored = true, indexes = {} } }
      -- Of this connection alone: the other runtime's tests run in the same database.
      local shop = db.dialect == "postgres" and "shop_" .. db:query("SELECT current_schema() AS at")[1].at or "shop"
      local Item = db:define("Item", {
        code = { type = DataTypes.STRING, unique = true, primaryKey = true }, kind = { type = DataTypes.STRING, index = true },
      }, { schema = shop, timestamps = false, paranoid = false, indexes = { { name = "both", fields = { "kind", "code" } } } })
      local o = Item.options
      assert.same({ false, false, true, "items", shop, "Item", "Items" }, {
        o.timestamps, o.paranoid, o.underscored, o.tableName, o.schema, o.name.singular, o.name.plural,
      })
      assert.is_true(User.options.timestamps)
      assert.equal("code", Item.primaryKeyAttribute)
      local names = {}
      for i, index in ipairs(Item:getIndexes()) do
        names[i] = ("%s(%s)"):format(index.name:gsub("^shop%.", ""), table.concat(index.fields, ","))
      end
      table.sort(names)
      assert.same({ "both(kind,code)", "items_code_unique(code)", "items_kind(kind)" }, names)
      local at = Item:getTableName()
      assert.same({ tableName = "items", schema = shop, delimiter = "." }, at)
      local quoted = db.dialect == "postgres" and '"' .. shop .. '"."items"' or '"shop.items"'
      assert.equal("SELECT 1 FROM " .. quoted, "SELECT 1 FROM " .. at)
      if db.dialect == "postgres" then db:createSchema(shop) end
      Item:sync()
      assert.truthy(db:getQueryInterface():describeTable(at).kind)
      assert.is_true(User:hasAlias("posts"))
      assert.is_false(User:hasAlias("post"))
      assert.same({ User.associations.posts }, User:getAssociations(Post))
      if db.dialect == "postgres" then db:dropSchema(shop, { cascade = true }) else Item:drop() end
      assert.is_false(db:queryInterface():tableExists(at))
      assert.matches("^%d+%.", db:fetchDatabaseVersion())
    end)

    it("shows its associations with their accessors", function()
      local _, User, Post = blog()
      local posts = User:getAssociation("posts")
      assert.equal(User.associations.posts, posts)
      assert.equal("hasMany", posts.kind)
      assert.equal(User, posts.source)
      assert.equal(Post, posts.target)
      assert.equal("posts", posts.as)
      assert.equal("userId", posts.foreignKey)
      assert.equal("getPosts", posts.accessors.get)
      assert.equal("getAuthor", Post.associations.author.accessors.get)
    end)

    it("takes class methods and instance methods", function()
      local _, User = blog()
      function User:findByName(name) return self:findOne{ where = { name = name } } end
      function User.prototype:shout() return self.name:upper() end
      User:create{ name = "Ann" }
      assert.equal("ANN", User:findByName("Ann"):shout())
      assert.equal("BEN", User:build{ name = "Ben" }:shout())
    end)
  end)

  describe("an instance", function()
    it("is a plain table of attributes and loaded associations", function()
      local _, User = blog()
      local user = User:create{ name = "Ann", age = 31 }
      user:reload()
      local keys = {}
      for key in pairs(User:findByPk(user.id)) do keys[#keys + 1] = key end
      table.sort(keys)
      assert.same({ "age", "createdAt", "id", "name", "updatedAt" }, keys)
      local decoded = cjson.decode(cjson.encode(User:findAll{ include = "posts" }))
      assert.equal("Ann", decoded[1].name)
      assert.equal(User, user.Model)
      assert.is_false(user.isNewRecord)
      assert.is_true(User:build{}.isNewRecord)
      assert.is_true(user:isLoaded("name"))
      assert.is_false(user:isLoaded("posts"))
      assert.is_true(User:findOne{ include = "posts" }:isLoaded("posts"))
    end)

    it("has no field for NULL, and writes NULL from nil and from rowan.null", function()
      local _, User = blog()
      local user = User:create{ name = "Ann", age = rowan.null }
      assert.is_nil(rawget(user, "age"))
      user.age = 5
      user:save()
      user.age = nil
      user:save()
      assert.is_nil(User:findByPk(user.id).age)
      user:update{ name = rowan.null }
      assert.is_nil(User:findByPk(user.id).name)
      assert.equal(cjson.null, rowan.null)
    end)
  end)

  describe("a database", function()
    it("shows models, dialect, options and the pool", function()
      local db, User = blog()
      assert.equal(User, db.models.User)
      assert.equal(User, db:model("User"))
      assert.is_true(db:isDefined("User"))
      assert.is_false(db:isDefined("Usr"))
      assert.matches('did you mean "User"', tostring(helper.error_of(function() db:model("Usr") end)), 1, true)
      assert.is_table(db.options)
      local stats = db.pool:stats()
      for _, name in ipairs{ "max", "min", "total", "idle", "inUse", "waiting" } do
        assert.is_number(stats[name])
      end
    end)

    it("authenticates, and refuses calls once it is closed", function()
      local db, User = blog()
      db:authenticate()
      db:close()
      assert.is_true(rowan.is(helper.error_of(function() User:findAll() end), "ConnectionError"))
    end)
  end)

  describe("rowan.setClock", function()
    it("decides timestamps until it is given back", function()
      local _, User = blog()
      rowan.setClock(function() return "2024-02-01T12:00:00+02:00" end)
      local ok, user = pcall(User.create, User, { name = "Ann" })
      rowan.setClock(nil)
      assert.is_true(ok)
      assert.equal("2024-02-01T10:00:00.000Z", user.createdAt)
      assert.equal("2024-02-01T10:00:00.000Z", User:findByPk(user.id).updatedAt)
      user.name = "Bea"
      user:save()
      assert.is_true(user.updatedAt > "2024-02-01T10:00:00.000Z")
      assert.equal("2024-02-01T10:00:00.000Z", user.createdAt)
    end)
  end)
end)

describe("operators", function()
  it("have twins for the words that Lua reserves", function()
    for _, word in ipairs{ "and", "or", "not", "in" } do assert.equal(Op[word], Op[word .. "_"]) end
    assert.matches('did you mean "gte"', tostring(helper.error_of(function() return Op.gtee end)), 1, true)
  end)
end)
