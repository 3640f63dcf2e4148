-- Model:withSchema: the same model in several schemas, as an application with tenants uses it.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op

helper.each(function(dialect, connect)
  local postgres = dialect == "postgres"
  local db, User, Post, Tag
  local ONE, TWO

  local function define()
    User = db:define("User", {
      { "name", D.STRING, unique = true }, { "mood", D.ENUM("glad", "sad") }, { "data", D.JSON },
      { "shout", D.STRING, set = function(self, value) self:setDataValue("shout", value:upper()) end },
    }, {
      paranoid = true, indexes = { { name = "by_mood", fields = { "mood" } } },
      scopes = { glad = { where = { mood = "glad" } } },
    })
    Post = db:define("Post", { { "title", D.STRING } }, { paranoid = true })
    Tag = db:define("Tag", { { "label", D.STRING } })
    User:hasMany(Post, { as = "posts", foreignKey = "userId", onDelete = "CASCADE" })
    Post:belongsTo(User, { as = "author", foreignKey = "userId" })
    User:belongsTo(User, { as = "boss" })
    Post:belongsToMany(Tag, { through = "PostTag", as = "tags" })
    Tag:belongsToMany(Post, { through = "PostTag", as = "posts" })
  end

  -- The models of a tenant, whose tables are made.
  local function tenant(schema, given)
    local found = {}
    for _, model in ipairs{ User, Post, Tag, db:model("PostTag") } do
      found[model.name] = model:withSchema{ schema = schema, associations = given ~= false }
      found[model.name]:sync()
    end
    return found
  end

  describe("in several schemas", function()
    before_each(function()
      db = connect()
      -- Runs at the same time share a database.
      local own = postgres and db:query("SELECT current_schema() AS name", { plain = true }).name or "tenant"
      ONE, TWO = own .. "_one", own .. "_two"
      if postgres then
        for _, schema in ipairs{ ONE, TWO } do db:createSchema(schema) end
      end
      define()
      db:sync()
    end)

    after_each(function()
      if not postgres then return end
      for _, schema in ipairs{ ONE, TWO } do db:dropSchema(schema, { cascade = true }) end
    end)

    describe("a model in another schema", function()
      it("is the same one each time, and leaves the model alone", function()
        local one = User:withSchema(ONE)
        assert.equal(one, User:withSchema(ONE))
        assert.equal(one, User:withSchema{ schema = ONE })
        assert.equal(one, User:withSchema(TWO):withSchema(ONE))
        assert.equal(User, one:withSchema(""))
        assert.equal(User, one:withSchema(rowan.null))
        assert.are_not.equal(one, User:withSchema(TWO))
        assert.equal(one, User:schema(ONE))
        assert.equal(User, one:getInitialModel())
        assert.equal("model", rowan.kind(one))
        assert.equal(postgres and "Users" or ONE .. ".Users", one.tableName)
        assert.equal("Users", User.tableName)
      end)

      it("has a delimiter of its own where schemas are a part of the name", function()
        local given = User:withSchema{ schema = ONE, schemaDelimiter = "$" }
        assert.equal(postgres and "Users" or ONE .. "$Users", given.tableName)
        if not postgres then
          assert.same({ tableName = "Users", schema = ONE, delimiter = "$" }, given:getTableName())
        end
        assert.equal(given, User:schema(ONE, "$"))
        assert.equal(given, User:schema(ONE, { schemaDelimiter = "$" }))
        assert.match("takes one argument", helper.error_of(User.withSchema, User, ONE, "$").message)
      end)

      it("can stand in a schema of its own, and be taken out of it", function()
        local Placed = db:define("Placed", { name = D.STRING }, { schema = ONE })
        assert.is_nil(Placed:withSchema("").definition.schema)
        assert.equal("Placeds", Placed:withSchema("").tableName)
        assert.equal(Placed, Placed:withSchema(ONE))
        Placed:sync()
        Placed:withSchema(""):sync()
        Placed:create{ name = "x" }
        assert.equal(0, Placed:withSchema(""):count())
      end)

      it("is never the default one by mistake", function()
        assert.match("schema must be a string", helper.error_of(User.withSchema, User).message)
        assert.match("schema must be a string", helper.error_of(User.withSchema, User, {}).message)
        assert.match("schema must be a string", helper.error_of(User.withSchema, User, 5).message)
        assert.match('no option "schemma".*schema', helper.error_of(User.withSchema, User, { schemma = ONE }).message)
      end)

      it("reads and writes there and nowhere else, whatever was planned before", function()
        local one, two = tenant(ONE).User, tenant(TWO).User
        for _, model in ipairs{ one, two, User } do
          local row = model:create{ name = "Ann", mood = "glad", shout = "hey" }
          assert.equal(model, row.Model)
          assert.equal("HEY", row.shout)
        end
        local ann = one:findOne{ where = { name = "Ann" } }
        ann.name = "Bea"
        ann:save()
        assert.equal("Bea", one:findByPk(ann.id).name)
        assert.equal("Ann", two:findByPk(ann.id).name)
        one:update({ mood = "sad" }, { where = { name = { [Op.in_] = { "Ann", "Bea" } } } })
        two:bulkCreate({ { name = "Ann", mood = "sad" }, { name = "Cid", mood = "sad" } },
          { updateOnDuplicate = { "mood" }, conflictAttributes = { "name" } })
        one:upsert({ name = "Bea", mood = "glad" })
        assert.equal(1, one:count{ where = { mood = "glad" } })
        assert.equal(2, two:count{ where = { mood = { "sad" } } })
        assert.equal("glad", User:findOne().mood)
        assert.equal(1, one:findAndCountAll{ where = { mood = { [Op.ne] = "sad" } } }.count)
        local _, created = two:findOrCreate{ where = { name = "Bea" } }
        assert.is_true(created)
        two:increment("id", { by = 100, where = { name = "Bea" } })
        assert.is_nil(one:findByPk(103))
        ann:destroy()
        assert.equal(0, one:count())
        ann:restore()
        assert.equal("Bea", one:findOne().name)
        one:truncate{ cascade = true }
        assert.equal(3, two:count())
        assert.equal(1, User:count())
      end)

      it("keeps the scope, and takes one, in either order", function()
        local one = tenant(ONE).User
        one:bulkCreate{ { name = "Ann", mood = "glad" }, { name = "Bob", mood = "sad" } }
        assert.equal(1, User:scope("glad"):withSchema{ schema = ONE, associations = true }:count())
        assert.equal(1, one:scope("glad"):count())
        assert.equal(1, User:scope("glad"):withSchema(ONE):count())
        assert.equal(0, User:scope("glad"):count())
        assert.equal(2, one:scope("glad"):unscoped():count())
        assert.equal(one, one:scope("glad"):withInitialScope())
        assert.equal(User, one:scope("glad").baseModel)
        User:addScope("defaultScope", { where = { mood = "sad" } })
        assert.equal("Bob", one:findOne().name)
        assert.equal(2, one:unscoped():count())
        assert.equal("Bob", User:withSchema(ONE):findOne().name)
      end)

      it("has what is added to the model later: hooks, scopes, methods, attributes", function()
        local all = tenant(ONE)
        User:addHook("beforeCreate", function(row) row.name = row.name .. "!" end)
        User:addScope("ann", { where = { name = "Ann!" } })
        User.prototype.greet = function(self) return "I am " .. self.name end
        function User:where_am_i() return self.tableName end
        all.User:create{ name = "Ann" }
        assert.equal("I am Ann!", all.User:scope("ann"):findOne():greet())
        assert.equal(all.User.tableName, all.User:scope("ann"):where_am_i())
        Post:belongsTo(Tag, { as = "mainTag", constraints = false })
        assert.equal(all.Tag, all.Post.associations.mainTag.target)
        assert.is_table(all.Post.rawAttributes.mainTagId)
        local steps = all.Post:sync{ alter = true, dryRun = true }
        assert.equal(1, #steps)
      end)

      it("has tables, indexes and types of its own, which an alter finds as they should be", function()
        local one = tenant(ONE)
        tenant(TWO)
        assert.same({}, one.User:sync{ alter = true, dryRun = true })
        assert.same({}, one.Post:sync{ alter = true, dryRun = true })
        local fields = {}
        for _, index in ipairs(db:queryInterface():showIndexes(one.User)) do
          fields[#fields + 1] = index.fields[1].attribute
        end
        table.sort(fields)
        assert.same({ "id", "mood", "name" }, fields)
        local err = helper.error_of(function() one.User:bulkCreate{ { name = "Ann" }, { name = "Ann" } } end)
        assert.equal("UniqueConstraintError", err.name)
        assert.equal("name", err.errors[1].path)
      end)

      it("tells the query interface of what types its columns are", function()
        local one = tenant(ONE).User
        one:create{ name = "Ann", data = { a = { 1 } } }
        assert.same({ { data = { a = { 1 } } } }, db:queryInterface():select(one, { attributes = { "data" } }))
      end)

      it("points at itself where the model does", function()
        local one = tenant(ONE, false).User
        local boss = one:create{ name = "Boss" }
        local ann = one:create{ name = "Ann", bossId = boss.id }
        assert.equal("Boss", one:findByPk(ann.id, { include = "boss" }).boss.name)
        assert.equal(one, ann:getBoss().Model)
        assert.equal("ForeignKeyConstraintError", helper.error_of(one.create, one, { bossId = 99 }).name)
      end)

      it("defines no associations: they are the model's", function()
        local err = helper.error_of(User.hasMany, User, Post:withSchema(ONE))
        assert.match("Post is a variant in another schema", err.message)
        assert.is_true(rowan.is(err, "AssociationError"))
      end)

      it("has rows that are instances of it and of the model", function()
        local row = User:withSchema(ONE):build{ name = "Ann" }
        assert.is_true(rowan.isInstance(row, User))
        assert.is_true(rowan.isInstance(row, User:withSchema(ONE)))
        assert.is_false(rowan.isInstance(row, User:withSchema(TWO)))
        assert.is_false(rowan.isInstance(User:build{}, User:withSchema(ONE)))
      end)
    end)

    describe("its associations", function()
      it("lead where those of the model do, or to the variant that an include names", function()
        local all = tenant(ONE)
        local one = User:withSchema(ONE)
        local ann = all.User:create({ name = "Ann", posts = { { title = "b" }, { title = "a" } } },
          { include = "posts" })
        Post:create{ title = "of the default schema" }
        local given = { model = all.Post, as = "posts" }
        local found = one:findOne{ include = { given }, order = { { "posts", "title" } },
          where = { ["$posts.title$"] = "b" } }
        assert.equal(2, #found.posts)
        assert.equal("a", found.posts[1].title)
        assert.equal(all.Post, found.posts[1].Model)
        assert.equal(1, one:count{ include = { given }, where = { ["$posts.title$"] = "b" } })
        local scoped = Post:withSchema(ONE):scope{ where = { title = "a" } }
        assert.equal(1, #one:findOne{ include = { { model = scoped, as = "posts" } } }.posts)
        local back = Post:withSchema(ONE):findAll{ include = { { model = one, as = "author" } },
          order = { { "author", "name" }, "title" }, where = { ["$author.name$"] = "Ann" } }
        assert.equal("Ann", back[2].author.name)
        assert.equal(2, #one:findByPk(ann.id):getPosts{ schema = ONE })
        assert.equal(2, one:findByPk(ann.id):countPosts{ schema = ONE })
        one:findByPk(ann.id):createPost({ title = "c" }, { schema = ONE })
        assert.equal(3, all.Post:count())
        assert.equal(1, Post:count())
      end)

      it("lead to rows of the default schema where no foreign key says other", function()
        tenant(ONE)
        local Shop, Place = db:define("Shop", { { "name", D.STRING } }), db:define("Place", { { "name", D.STRING } })
        local Visit = db:define("Visit", { { "at", D.INTEGER } })
        Shop:belongsTo(Place, { as = "place" })
        Shop:hasMany(Visit, { as = "visits", constraints = false })
        db:sync()
        local shops = Shop:withSchema(ONE)
        shops:sync()
        local place = Place:create{ name = "HQ" }
        local shop = shops:create{ name = "a", placeId = place.id }
        assert.equal("HQ", shops:findOne{ include = "place" }.place.name)
        assert.equal("HQ", shop:getPlace().name)
        shop:setPlace(nil)
        shop:createVisit{ at = 1 }
        assert.equal(1, #shops:findOne{ include = "visits" }.visits)
        assert.equal(1, Visit:count())
      end)

      it("lead nowhere by foreign keys that point at other rows", function()
        tenant(ONE)
        local one = User:withSchema(ONE)
        local ann = one:create{ name = "Ann" }
        User:create{ name = "Other" }:createPost{ title = "of Other" }
        for _, wrong in ipairs{
          function() one:findAll{ include = "posts" } end, function() one:findAll{ include = { all = true } } end,
          function() one:count{ where = { ["$posts.title$"] = "x" } } end, function() ann:getPosts() end,
          function() ann:createPost{ title = "x" } end, function() rowan.load({ ann }, "posts") end,
          function() one:create({ posts = { { title = "x" } } }, { include = "posts" }) end,
          function() Post:withSchema(ONE):findAll{ include = "tags" } end,
          function() Post:withSchema(ONE):build{ id = 1 }:getTags{ schema = ONE } end,
        } do
          local err = helper.error_of(wrong)
          assert.equal("AssociationError", err.name)
          assert.match("leads out of the schema", err.message)
        end
        assert.equal(1, Post:count())
      end)

      it("all stay in the schema where that is asked for", function()
        local all = tenant(ONE)
        local ann = all.User:create({ name = "Ann", posts = { { title = "a", tags = { { label = "x" } } } } },
          { include = { { as = "posts", include = "tags" } } })
        assert.equal(all.Tag, ann.posts[1].tags[1].Model)
        local found = all.User:findOne{ include = { { as = "posts", include = "tags" } },
          where = { ["$posts.tags.label$"] = "x" } }
        assert.equal("x", found.posts[1].tags[1].label)
        found.posts[1]:createTag{ label = "y" }
        assert.equal(2, #found.posts[1]:getTags())
        found:addPost(all.Post:create{ title = "b" })
        assert.equal(2, #found:getPosts())
        assert.equal(all.User, found:getPosts()[1]:getAuthor().Model)
        assert.equal(0, Tag:count() + Post:count() + User:count())
        found:destroy()
        assert.equal(0, all.Post:count())
        found:restore()
        assert.equal(2, all.Post:count())
      end)

      it("never tie rows of two tenants together", function()
        local one, two = tenant(ONE), tenant(TWO)
        local ann, post = one.User:create{ name = "Ann" }, two.Post:create{ title = "a" }
        local err = helper.error_of(ann.addPost, ann, post)
        assert.match("wants a row of Post in " .. ONE .. ".*, not of Post in " .. TWO, err.message)
        assert.equal("InstanceError", err.name)
        post:reload()
        assert.is_nil(post.userId)
      end)

      it("take nothing along in another schema when a row goes", function()
        tenant(ONE)
        local one = User:withSchema(ONE)
        local ann, other = one:create{ name = "Ann" }, User:create{ name = "Other" }
        assert.equal(ann.id, other.id)
        other:createPost{ title = "stays" }
        ann:destroy()
        assert.equal(1, Post:count())
      end)
    end)
  end)
end)
