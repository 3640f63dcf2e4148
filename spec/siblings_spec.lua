-- Getters in a loop: one statement for all rows of an answer, and never a stale or a wrong row for it.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(_, connect)
  local db, User, Post

  local function define(options)
    db = connect(options)
    User = db:define("User", { name = DataTypes.STRING }, { timestamps = false })
    Post = db:define("Post", { title = DataTypes.STRING }, { timestamps = false })
    User:hasMany(Post, { as = "posts" })
    Post:belongsTo(User, { as = "user" })
    db:sync()
    for i, user in ipairs(User:bulkCreate{ { name = "Ann" }, { name = "Ben" }, { name = "Cid" } }) do
      for p = 1, i - 1 do user:createPost{ title = user.name .. " " .. p } end
    end
  end

  local function counted(users)
    local counts = {}
    local statements = helper.count(function()
      for i, user in ipairs(users) do counts[i] = #user:getPosts() end
    end)
    return counts, statements
  end

  describe("a getter without options", function()
    before_each(function() define() end)

    it("loads for all rows of findAll with one statement, at 3 rows and at 1,000", function()
      local counts, statements = counted(User:findAll{ order = { "id" } })
      assert.same({ 0, 1, 2 }, counts)
      assert.equal(1, statements)
      local list = {}
      for i = 1, 1000 do list[i] = { name = "user " .. i } end
      User:bulkCreate(list)
      assert.equal(1, select(2, counted(User:findAll())))
    end)

    it("does so for rows of a page, of an include, and for to-one associations", function()
      assert.equal(1, select(2, counted(User:findAndCountAll{ limit = 3 }.rows)))
      local users = User:findAll{ order = { "id" }, include = "posts" }
      local names = {}
      assert.equal(1, helper.count(function()
        for _, user in ipairs(users) do
          for _, post in ipairs(user.posts) do names[#names + 1] = post:getUser().name end
        end
      end))
      assert.same({ "Ben", "Cid", "Cid" }, names)
    end)

    it("asks again on a second call, and after a write to the target", function()
      local users = User:findAll{ order = { "id" } }
      assert.equal(0, #users[1]:getPosts())
      users[2]:createPost{ title = "late" }
      assert.equal(2, #users[2]:getPosts())
      db:query([[INSERT INTO "Posts" ("title", "userId") VALUES ('raw', 3)]])
      assert.equal(3, #users[3]:getPosts())
      assert.equal(3, #users[3]:getPosts())
    end)

    it("does not mix what was read in a transaction with what is outside", function()
      local users = User:findAll{ order = { "id" } }
      pcall(db.transaction, db, function()
        Post:create{ title = "gone", userId = 1 }
        assert.equal(1, #users[1]:getPosts())
        error("undo")
      end)
      assert.equal(1, #users[2]:getPosts())
      assert.equal(0, #users[1]:getPosts())
    end)

    it("works for a row whose list nobody holds any more", function()
      local user = User:findAll{ order = { "id" } }[3]
      collectgarbage()
      collectgarbage()
      assert.equal(2, #user:getPosts())
    end)

    it("leaves the row as it is: what a getter gives is no field", function()
      local users = User:findAll()
      users[1]:getPosts()
      assert.is_nil(rawget(users[1], "posts"))
      assert.is_nil(rawget(users[2], "posts"))
    end)
  end)

  describe("associationLoading", function()
    it("single loads for each row by itself: by call, model or database", function()
      define()
      local users = User:findAll()
      assert.equal(3, helper.count(function()
        for _, user in ipairs(users) do user:getPosts{ associationLoading = "single" } end
      end))
      define{ associationLoading = "single" }
      assert.equal(3, select(2, counted(User:findAll())))
    end)

    it("strict raises, naming model and association", function()
      define{ associationLoading = "strict" }
      local err = helper.error_of(function() User:findOne():getPosts() end)
      assert.matches("User.posts was not loaded", tostring(err), 1, true)
      assert.equal(0, #User:findOne{ order = { "id" }, include = "posts" }.posts)
    end)

    it("refuses any other word", function()
      define()
      assert.is_true(rowan.is(helper.error_of(function()
        User:findOne():getPosts{ associationLoading = "lazy" }
      end), "UsageError"))
      assert.is_true(rowan.is(helper.error_of(function()
        db:define("Other", { name = DataTypes.STRING }, { associationLoading = "lazy" })
      end), "UsageError"))
    end)
  end)

  describe("rowan.load", function()
    before_each(function() define() end)

    it("loads paths onto rows at hand with a statement a level, and nothing twice", function()
      local users = User:findAll{ order = { "id" } }
      assert.equal(2, helper.count(function() rowan.load(users, { "posts.user" }) end))
      assert.equal("Cid", users[3].posts[2].user.name)
      assert.equal(0, helper.count(function() rowan.load(users, { "posts.user" }) end))
    end)

    it("takes one row, a list of several models, and include tables", function()
      local user, post = User:findOne{ where = { name = "Cid" } }, Post:findOne()
      rowan.load(user, { { as = "posts", where = { title = "Cid 1" } } })
      assert.equal(1, #user.posts)
      local posts = Post:findAll()
      rowan.load({ post, posts[1], posts[2] }, "user")
      assert.is_truthy(post.user and posts[1].user and posts[2].user)
    end)

    it("knows of each row by itself that nothing was found", function()
      Post:create{ title = "alone" }
      Post:create{ title = "alone too" }
      local posts = Post:findAll{ where = { userId = rowan.null }, order = { "id" } }
      rowan.load(posts[1], "user")
      assert.is_true(posts[1]:isLoaded("user"))
      assert.is_false(posts[2]:isLoaded("user"))
    end)

    it("refuses what is no instance, and unknown names", function()
      assert.is_true(rowan.is(helper.error_of(function() rowan.load({ {} }, "posts") end), "EagerLoadingError"))
      assert.matches('did you mean "posts"', tostring(helper.error_of(function()
        rowan.load(User:findAll(), "post")
      end)), 1, true)
    end)
  end)
end)
