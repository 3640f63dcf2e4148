-- Options of associations and of their methods that users of Sequelize bring along.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of
local PLAIN = { timestamps = false }

local function pluck(rows, name) return table.concat(helper.sorted(rows, name), " ") end

helper.each(function(_, connect)
  local db, User, Post

  before_each(function()
    db = connect()
    User = db:define("User", { name = DataTypes.STRING }, PLAIN)
    Post = db:define("Post", { title = DataTypes.STRING, kind = DataTypes.STRING, draft = DataTypes.BOOLEAN }, PLAIN)
  end)

  describe("foreignKeyConstraints", function()
    it("is constraints by its newer name", function()
      local posts = User:hasMany(Post, { foreignKeyConstraints = false })
      assert.is_false(posts.constraints)
      assert.is_nil(Post.rawAttributes.userId.references)
      local err = error_of(User.hasMany, User, Post, { as = "more", constraints = true, foreignKeyConstraints = false })
      assert.equal("AssociationError", err.name)
    end)
  end)

  describe("a junction that is made up", function()
    it("is told how by both sides alike", function()
      local options = { through = { model = "Likes", timestamps = false, paranoid = false } }
      User:belongsToMany(Post, options)
      Post:belongsToMany(User, options)
      assert.same({ "userId", "postId" }, db:model("Likes").attributeNames)
      assert.matches("was given before as false", error_of(User.belongsToMany, User, Post, {
        as = "liked", through = { model = "Likes", timestamps = true },
      }).message, 1, true)
    end)

    it("deletes its rows for good, whatever models do by default, unless it is told", function()
      local other = connect { define = { paranoid = true } }
      local A, B = other:define("A", {}), other:define("B", {})
      A:belongsToMany(B, { through = "Hard" })
      A:belongsToMany(B, { as = "soft", through = { model = "Soft", paranoid = true } })
      assert.is_nil(other:model("Hard").rawAttributes.deletedAt)
      assert.is_not_nil(other:model("Soft").rawAttributes.deletedAt)
    end)
  end)

  describe("a scope with operators", function()
    it("narrows what is read and changed, and sets the plain values only", function()
      User:hasMany(Post)
      User:hasMany(Post, {
        as = "news", foreignKey = "userId", scope = { kind = { [Op["in"]] = { "a", "b" } }, draft = false },
      })
      User:hasMany(Post, { as = "lists", foreignKey = "userId", scope = { kind = { "b", "c" } } })
      db:sync()
      local user = User:create { name = "Ann" }
      for _, kind in ipairs { "a", "b", "c" } do user:createNews { title = kind, kind = kind } end
      local other = user:createPost { title = "draft", kind = "a", draft = true }
      assert.equal("a b", pluck(user:getNews(), "title"))
      assert.equal(2, user:countNews())
      assert.is_false(user:hasNews(other))
      assert.equal("b c", pluck(user:getLists(), "title"))
      local found = User:findOne { include = { "news", "lists" } }
      assert.equal("a b", pluck(found.news, "title"))
      assert.equal("b c", pluck(found.lists, "title"))
      user:setNews {}
      assert.equal("c draft", pluck(user:getPosts(), "title"))
    end)
  end)

  describe("aggregates of included lists", function()
    it("are about all rows, where nothing else is read", function()
      User:hasMany(Post, { as = "posts" })
      Post:hasMany(Post, { as = "parts", foreignKey = "partOf" })
      db:sync()
      local include = { { as = "posts", include = "parts" } }
      User:create({ name = "a", posts = { { title = "x", parts = { { title = "p" }, { title = "q" } } } } }, { include = include })
      User:create({ name = "b", posts = { { title = "y", parts = { { title = "r" } } } } }, { include = include })
      local read = { { as = "posts", attributes = {}, include = { { as = "parts", attributes = {} } } } }
      local rows = User:findAll {
        attributes = {
          { rowan.fn("COUNT", rowan.col("posts.parts.id")), "n" }, { rowan.fn("MAX", rowan.col("posts.title")), "last" },
        },
        include = read, raw = true,
      }
      assert.same({ { n = 3, last = "y" } }, rows)
      assert.matches("leads to many rows", error_of(User.findAll, User, {
        attributes = { "id", { rowan.fn("COUNT", rowan.col("posts.parts.id")), "n" } }, include = read,
      }).message, 1, true)
    end)
  end)

  describe("an index", function()
    it("may name a key that an association adds later, which sync asks for", function()
      local function indexes(...)
        local list = {}
        for i, fields in ipairs { ... } do list[i] = { fields = fields, unique = i == 1 } end
        return { timestamps = false, indexes = list }
      end
      local Vote = db:define("Vote", { stars = DataTypes.INTEGER }, indexes({ "userId", "postId" }, { "userId", "stars" }))
      Vote:belongsTo(User)
      assert.matches('index 1: there is no attribute "postId"', error_of(db.sync, db).message, 1, true)
      Vote:belongsTo(Post)
      db:sync()
      local user, post = User:create {}, Post:create {}
      Vote:create { userId = user.id, postId = post.id }
      assert.equal("UniqueConstraintError", error_of(Vote.create, Vote, { userId = user.id, postId = post.id }).name)
      assert.equal(2, #Vote.definition.indexes)
      assert.matches('did you mean "stars"', error_of(db.define, db, "Typo", { stars = DataTypes.INTEGER },
        indexes { "strs" }).message, 1, true)
    end)
  end)

  describe("hooks of a junction", function()
    it("run for the call and for each row", function()
      local Like = db:define("Like", {}, PLAIN)
      User:belongsToMany(Post, { as = "liked", through = Like })
      db:sync()
      local seen = {}
      for _, hook in ipairs { "beforeBulkCreate", "beforeCreate", "afterCreate", "afterBulkCreate" } do
        Like:addHook(hook, function() seen[#seen + 1] = hook end)
      end
      local user = User:create {}
      user:addLiked(Post:create {})
      assert.equal("beforeBulkCreate beforeCreate afterCreate afterBulkCreate", table.concat(seen, " "))
      user:createLiked({}, { hooks = false })
      assert.equal(4, #seen)
    end)
  end)

  describe("an order by the junction", function()
    local Tag, Tagging

    before_each(function()
      Tag = db:define("Tag", { name = DataTypes.STRING }, PLAIN)
      Tagging = db:define("Tagging", { rank = DataTypes.INTEGER }, PLAIN)
      User:hasMany(Post)
      Post:belongsToMany(Tag, { through = Tagging })
      db:sync()
      local tags = Tag:bulkCreate { { name = "a" }, { name = "b" }, { name = "c" } }
      for i, ranks in ipairs { { 2, 3, 1 }, { 1, 2, 3 } } do
        local post = Post:create { title = "p" .. i, userId = User:create { name = "u" .. i }.id }
        for t, rank in ipairs(ranks) do post:addTag(tags[t], { through = { rank = rank } }) end
      end
    end)

    local function in_order(rows)
      local list = {}
      for i, row in ipairs(rows) do list[i] = row.name end
      return table.concat(list)
    end

    it("sorts what it leads to, however that is loaded", function()
      for _, strategy in ipairs { "select", "join" } do
        for _, name in ipairs { Tagging, "Tagging", { model = Tagging } } do
          local posts = Post:findAll {
            include = { { as = "tags", strategy = strategy } }, order = { "id", { "tags", name, "rank", "DESC" } },
          }
          assert.equal("bac cba", in_order(posts[1].tags) .. " " .. in_order(posts[2].tags))
        end
        local users = User:findAll {
          include = { { as = "posts", strategy = strategy, include = { { as = "tags", order = { { Tagging, "rank" } } } } } },
          order = { "id" },
        }
        assert.equal("cab", in_order(users[1].posts[1].tags))
      end
      local deep = User:findAll {
        include = { { as = "posts", include = "tags" } }, order = { "id", { "posts", Tag, Tagging, "rank", "DESC" } },
      }
      assert.equal("bac", in_order(deep[1].posts[1].tags))
    end)

    it("sorts in getters and in pages of each parent", function()
      local post = Post:findOne { order = { "id" } }
      assert.equal("cab", in_order(post:getTags { order = { { Tagging, "rank" } } }))
      assert.equal("ba", in_order(post:getTags { order = { { "Tagging", "rank", "DESC" } }, limit = 2 }))
      local posts = Post:findAll {
        order = { "id" }, include = { { as = "tags", limit = 1, order = { { Tagging, "rank", "DESC" } } } },
      }
      assert.equal("bc", in_order(posts[1].tags) .. in_order(posts[2].tags))
      assert.matches("rnk", error_of(post.getTags, post, { order = { { Tagging, "rnk" } } }).message, 1, true)
    end)
  end)

  describe("methods", function()
    local user

    before_each(function()
      User:hasMany(Post)
      Post:belongsTo(User)
      User:belongsToMany(Post, { as = "liked", through = "Likes" })
      db:sync()
      user = User:create { name = "Ann" }
    end)

    it("create with fields, beside which the association writes its own", function()
      local post = user:createPost({ title = "x", kind = "k" }, { fields = { "title" } })
      assert.equal(user.id, post.userId)
      assert.is_nil(post.kind)
      local liked = user:createLiked({ title = "y", kind = "k" }, { fields = { "title" } })
      assert.is_nil(liked:reload().kind)
      assert.equal(1, user:countLiked())
      local author = post:createUser({ name = "Bea" }, { fields = { "name" }, returning = true })
      assert.equal(author.id, post.userId)
    end)

    it("create and skip validators where they are told so", function()
      local Note = db:define("Note", { text = { type = DataTypes.STRING, validate = { len = { 2, 5 } } } }, PLAIN)
      User:hasMany(Note)
      db:sync()
      assert.equal("ValidationError", error_of(user.createNote, user, { text = "x" }).name)
      assert.equal("x", user:createNote({ text = "x" }, { validate = false }).text)
    end)

    it("count what has associated rows", function()
      user:createPost { title = "x" }
      user:createLiked { title = "y" }:setUser(user)
      local include = { association = Post.associations.user, where = { name = "Ann" } }
      assert.equal(2, user:countPosts { include = include })
      assert.equal(1, user:countLiked { include = include })
      include.where = { name = "Bea" }
      assert.equal(0, user:countPosts { include = include })
      assert.equal(0, user:countLiked { include = include })
    end)

    it("raise where nothing is there, when they are told so", function()
      local stray = Post:create { title = "stray" }
      assert.equal("EmptyResultError", error_of(stray.getUser, stray, { rejectOnEmpty = true }).name)
      assert.equal("EmptyResultError", error_of(user.getPosts, user, { rejectOnEmpty = true }).name)
      local new = User:build {}
      assert.equal("EmptyResultError", error_of(new.getPosts, new, { rejectOnEmpty = true }).name)
    end)

    it("take further options of finders", function()
      user:createPost { title = "x", kind = "k" }
      user:createPost { title = "y", kind = "k" }
      local groups = user:getPosts { attributes = { "kind", { rowan.fn("COUNT", rowan.col("id")), "n" } }, group = "kind" }
      assert.equal(2, groups[1].n)
      assert.equal(1, #user:getPosts { attributes = { "kind" }, distinct = true, raw = true })
      assert.equal("Ann", user:getPosts { comment = "why" }[1]:getUser { comment = "why" }.name)
    end)
  end)
end)
