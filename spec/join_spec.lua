-- Includes that the parents' statement joins: to-many on request, RIGHT JOIN, and getters of rows that were joined.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(_, connect)
  local db, User, Post, Comment, Tag, Profile

  before_each(function()
    db = connect()
    local function define(name, attributes) return db:define(name, attributes, { timestamps = false }) end
    User, Post = define("User", { name = DataTypes.STRING }), define("Post", { title = DataTypes.STRING })
    Comment, Tag = define("Comment", { text = DataTypes.STRING }), define("Tag", { name = DataTypes.STRING })
    Profile = define("Profile", { bio = DataTypes.STRING })
    local PostTag = define("PostTag", { weight = DataTypes.INTEGER })
    User:hasMany(Post, { as = "posts", foreignKey = "userId" })
    User:hasOne(Profile, { as = "profile", foreignKey = "userId" })
    Post:belongsTo(User, { as = "user", foreignKey = "userId" })
    Post:hasMany(Comment, { as = "comments", foreignKey = "postId" })
    Post:belongsToMany(Tag, { as = "tags", through = PostTag, foreignKey = "postId", otherKey = "tagId" })
    Tag:belongsToMany(Post, { as = "posts", through = PostTag, foreignKey = "tagId", otherKey = "postId" })
    db:sync()
    User:bulkCreate({
      { name = "Ann", profile = { bio = "a" }, posts = {
        { title = "one", comments = { { text = "c1" }, { text = "c2" } }, tags = { { name = "red" }, { name = "blue" } } },
        { title = "two" },
      } },
      { name = "Ben" },
      { name = "Cid", posts = { { title = "three", comments = { { text = "c3" } } } } },
    }, { include = { "profile", { as = "posts", include = { "comments", "tags" } } } })
    Post:create{ title = "orphan" }
    for _, tag in ipairs(Tag:findAll{ order = { "id" } }) do
      if tag.name == "red" then Post:findOne{ where = { title = "two" } }:addTag(tag, { through = { weight = 7 } }) end
    end
  end)

  local function titles(posts)
    local list = {}
    for i, post in ipairs(posts) do list[i] = post.title end
    return table.concat(list, " ")
  end

  describe("strategy = \"join\" on a to-many", function()
    it("loads a chain of them with one statement, in the order of each level", function()
      local users
      assert.equal(1, helper.count(function()
        users = User:findAll{ order = { { "name", "DESC" } }, include = {
          { as = "posts", strategy = "join", order = { { "title", "DESC" } }, include = {
            { as = "comments", strategy = "join", order = { { "id", "DESC" } } },
          } },
        } }
      end))
      assert.same({ "Cid", "Ben", "Ann" }, { users[1].name, users[2].name, users[3].name })
      assert.same({ "three", "", "two one" }, { titles(users[1].posts), titles(users[2].posts), titles(users[3].posts) })
      assert.same({ "c2", "c1" }, { users[3].posts[2].comments[1].text, users[3].posts[2].comments[2].text })
      assert.same({}, users[3].posts[1].comments)
    end)

    it("never joins two beside each other", function()
      local statements = helper.statements(function()
        Post:findAll{ include = { { as = "comments", strategy = "join" }, { as = "tags", strategy = "join" } } }
      end)
      assert.equal(2, #statements)
      assert.truthy(statements[1]:find("JOIN \"Comments\"", 1, true))
      assert.falsy(statements[1]:find("JOIN (\"Tags\"", 1, true))
    end)

    it("counts parents with limit, offset and findOne", function()
      local posts
      assert.equal(1, helper.count(function()
        posts = Post:findAll{ order = { "id" }, limit = 2, offset = 1, include = { { as = "tags", strategy = "join" } } }
      end))
      assert.equal("two three", titles(posts))
      local post = Post:findOne{ order = { "id" }, include = { { as = "tags", strategy = "join", required = true } } }
      assert.equal(2, #post.tags)
    end)

    it("gives each parent its own row of the junction", function()
      local posts = Post:findAll{ order = { "id" }, include = { { as = "tags", strategy = "join", order = { "id" } } } }
      assert.is_nil(posts[1].tags[1].PostTag.weight)
      assert.equal(7, posts[2].tags[1].PostTag.weight)
      assert.equal("red", posts[2].tags[1].name)
      posts = Post:findAll{ order = { "id" }, include = {
        { as = "tags", strategy = "join", order = { "id" }, through = { attributes = {} } },
      } }
      assert.equal(posts[1].tags[1], posts[2].tags[1])
      assert.is_nil(posts[1].tags[1].PostTag)
    end)
  end)

  describe("right = true", function()
    it("brings the rows of the include that have no parent", function()
      local users = User:findAll{ include = { { as = "posts", right = true } } }
      local orphans, named = nil, {}
      for _, user in ipairs(users) do
        if user.id then named[#named + 1] = user.name else orphans = user.posts end
      end
      table.sort(named)
      assert.same({ "Ann", "Cid" }, named)
      assert.equal("orphan", titles(orphans))
      local posts = Post:findAll{ include = { { as = "user", right = true } } }
      assert.equal(4, #posts)
      assert.error(function()
        for _, post in ipairs(posts) do
          if not post.id then post:update{ title = "lost" } end
        end
      end)
    end)

    it("means nothing beside required, and is refused where rows cannot be joined", function()
      assert.equal(2, #User:findAll{ include = { { as = "posts", right = true, required = true } } })
      local err = helper.error_of(function() User:findAll{ include = { { as = "posts", right = true, limit = 1 } } } end)
      assert.truthy(err.message:find("posts\" cannot have right", 1, true))
      err = helper.error_of(function()
        Post:findAll{ include = { { as = "comments", right = true }, { as = "tags", right = true } } }
      end)
      assert.truthy(err.message:find("tags\" cannot have right here", 1, true))
    end)
  end)

  describe("a path in include", function()
    it("includes along it, with those that begin alike together", function()
      local users
      assert.equal(4, helper.count(function()
        users = User:findAll{ order = { "id" }, include = { "posts.tags", "posts.comments" } }
      end))
      assert.same({ 2, 2 }, { #users[1].posts[1].tags, #users[1].posts[1].comments })
    end)

    it("is refused with the name of the step that is not there", function()
      local err = helper.error_of(function() User:findAll{ include = "posts.tgas" } end)
      assert.truthy(err.message:find("tgas", 1, true))
    end)
  end)

  describe("an order along a to-many", function()
    it("orders the children, and the parents by the first of theirs", function()
      local function names(order, limit)
        local list = {}
        for _, strategy in ipairs{ "select", "join" } do
          local users = User:findAll{ include = { { as = "posts", strategy = strategy } }, order = order, limit = limit }
          local found = {}
          for i, user in ipairs(users) do found[i] = user.name .. ":" .. titles(user.posts) end
          list[#list + 1] = table.concat(found, ", ")
        end
        assert.equal(list[1], list[2])
        return list[1]
      end
      assert.equal("Ann:one two, Cid:three, Ben:", names{ { "posts", "title", "ASC NULLS LAST" } })
      assert.equal("Ann:two one, Cid:three, Ben:", names{ { "posts", "title", "DESC NULLS LAST" } })
      assert.equal("Ann:two one, Cid:three", names({ { "posts", "title", "DESC NULLS LAST" } }, 2))
      assert.equal("Ann:two one, Ben:, Cid:three", names{ "name", { "posts", "title", "DESC" } })
    end)

    it("costs nothing where the parents are told apart before", function()
      local statements = helper.statements(function()
        User:findAll{ include = "posts", order = { "id", { "posts", "title" } } }
      end)
      assert.falsy(statements[1]:find("Posts", 1, true))
    end)
  end)

  describe("rowan.col along to-one associations", function()
    it("is a value of the row, in attributes, conditions and orders", function()
      local posts = Post:findAll{
        attributes = { "title", { rowan.col("user.name"), "author" } }, raw = true,
        where = rowan.where(rowan.fn("UPPER", rowan.col("user.name")), { [rowan.Op.ne] = "CID" }),
        order = { { rowan.col("user.name"), "DESC" }, "id" },
      }
      assert.same({ { title = "one", author = "Ann" }, { title = "two", author = "Ann" } }, posts)
    end)

    it("is refused along a to-many, whose values are many", function()
      local err = helper.error_of(function() User:findAll{ order = { rowan.col("posts.title") } } end)
      assert.truthy(err.message:find("leads to many rows", 1, true))
    end)

    it("names the model's own attributes too, where rows are grouped", function()
      local users = User:findAll{
        attributes = { "User.name", { rowan.fn("COUNT", rowan.col("posts.id")), "posts" } }, group = "User.name",
        include = { { as = "posts", attributes = {} } }, order = { "name" }, raw = true,
      }
      assert.equal(3, #users)
      assert.equal(2, users[1].posts)
    end)
  end)

  describe("a getter on joined rows", function()
    it("loads for all of them at once, also for a row that several share", function()
      local posts = Post:findAll{ include = "user", order = { "id" } }
      local bios = {}
      assert.equal(1, helper.count(function()
        for _, post in ipairs(posts) do
          local profile = post.user and post.user:getProfile()
          bios[#bios + 1] = profile and profile.bio or "-"
        end
      end))
      assert.same({ "a", "a", "-", "-" }, bios)
    end)

    it("loads for all rows of a joined list", function()
      local users = User:findAll{ include = { { as = "posts", strategy = "join" } } }
      assert.equal(1, helper.count(function()
        for _, user in ipairs(users) do
          for _, post in ipairs(user.posts) do post:getComments() end
        end
      end))
    end)

    it("loads for all children of a single row, as long as the row is held", function()
      local user = User:findByPk(1, { include = "posts" })
      collectgarbage()
      collectgarbage()
      assert.equal(1, helper.count(function()
        for _, post in ipairs(user.posts) do post:getComments() end
      end))
    end)
  end)
end)
