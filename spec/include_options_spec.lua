-- What an include can be told: filters, pages per parent, orders along associations, joins of one's own; and that parents
-- are never multiplied, and children never cost more statements than there are levels.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

local pluck = helper.pluck

helper.each(function(_, connect)
  local m

  -- user 1 has posts 1..3, user 2 has post 4, user 3 none; post p has p comments, the last of them by user 3.
  before_each(function()
    local db = connect()
    m = { db = db }
    m.User = db:define("User", { name = DataTypes.STRING }, { timestamps = false })
    m.Post = db:define("Post", { title = DataTypes.STRING, price = DataTypes.DECIMAL(8, 2) }, { timestamps = false })
    m.Comment = db:define("Comment", { text = DataTypes.STRING }, { timestamps = false })
    m.User:hasMany(m.Post, { as = "posts" })
    m.Post:belongsTo(m.User, { as = "author", foreignKey = "userId" })
    m.Post:hasMany(m.Comment, { as = "comments" })
    m.Comment:belongsTo(m.Post, { as = "post" })
    m.Comment:belongsTo(m.User, { as = "author", foreignKey = "authorId" })
    db:sync()
    m.User:bulkCreate{ { name = "Ann" }, { name = "Ben" }, { name = "Cid" } }
    for i, user in ipairs{ 1, 1, 1, 2 } do
      m.Post:create{ title = "post " .. i, price = ("%d.50"):format(13 - 3 * i), userId = user }
      for c = 1, i do m.Comment:create{ text = "text " .. c, postId = i, authorId = c == i and 3 or nil } end
    end
  end)

  describe("where in an include", function()
    it("filters the children, and with them the parents", function()
      local users = m.User:findAll{ include = { { as = "posts", where = { title = "post 2" } } } }
      assert.same({ "Ann" }, pluck(users, "name"))
      assert.same({ "post 2" }, pluck(users[1].posts, "title"))
    end)

    it("leaves the parents alone with required = false", function()
      local users = m.User:findAll{
        order = { "id" }, include = { { as = "posts", required = false, where = { title = "post 2" } } },
      }
      assert.same({ "Ann", "Ben", "Cid" }, pluck(users, "name"))
      assert.equal(1, #users[1].posts)
      assert.same({}, users[2].posts)
    end)

    it("goes along with required children of children", function()
      local users = m.User:findAll{
        include = { { as = "posts", required = true, include = { { as = "comments", where = { text = "text 4" } } } } },
      }
      assert.same({ "Ben" }, pluck(users, "name"))
      assert.same({ "text 4" }, pluck(users[1].posts[1].comments, "text"))
    end)

    it("keeps required to its own level when the parent is not required", function()
      local users = m.User:findAll{
        order = { "id" },
        include = { { as = "posts", include = { { as = "comments", required = true, where = { text = "text 3" } } } } },
      }
      assert.equal(3, #users)
      assert.same({ "post 3" }, pluck(users[1].posts, "title"))
    end)
  end)

  describe("limit", function()
    it("counts parents, whatever is included", function()
      for _, strategy in ipairs{ "join", "select" } do
        local users = m.User:findAll{
          limit = 2, order = { { "id", "DESC" } },
          include = { { as = "posts", strategy = strategy, include = "comments" } },
        }
        assert.same({ "Cid", "Ben" }, pluck(users, "name"))
        assert.equal(4, #users[2].posts[1].comments)
      end
    end)

    it("in an include counts the children of each parent, with one statement", function()
      local users
      local statements = helper.statements(function()
        users = m.User:findAll{
          order = { "id" }, include = { { as = "posts", limit = 2, offset = 1, order = { { "price", "DESC" } } } },
        }
      end)
      assert.equal(2, #statements)
      assert.same({ "post 2", "post 3" }, pluck(users[1].posts, "title"))
      assert.same({}, users[2].posts)
    end)

    it("in an include, and separate, leave the parents alone unless required is said", function()
      for _, more in ipairs{ { limit = 1 }, { separate = true }, { separate = true, limit = 1 } } do
        local include = { as = "posts", where = { title = "post 4" } }
        for key, value in pairs(more) do include[key] = value end
        local users = m.User:findAll{ order = { "id" }, include = { include } }
        assert.same({ "Ann", "Ben", "Cid" }, pluck(users, "name"))
        assert.same({ "post 4" }, pluck(users[2].posts, "title"))
        assert.same({}, users[1].posts)
        assert.equal(3, m.User:findAndCountAll{ include = { include } }.count)
        include.required = true
        assert.same({ "Ben" }, pluck(m.User:findAll{ include = { include } }, "name"))
      end
    end)
  end)

  describe("findAndCountAll", function()
    it("counts each parent once, in the statement that reads the page", function()
      local page
      local statements = helper.statements(function()
        page = m.User:findAndCountAll{ limit = 1, order = { "id" }, include = { { as = "posts", required = true } } }
      end)
      assert.equal(2, page.count)
      assert.same({ "Ann" }, pluck(page.rows, "name"))
      assert.equal(3, #page.rows[1].posts)
      assert.equal(2, #statements)
    end)

    it("knows the number of rows behind the last page too", function()
      local page = m.User:findAndCountAll{ limit = 1, offset = 7 }
      assert.equal(3, page.count)
      assert.same({}, page.rows)
      assert.equal(2, m.User:count{ include = { { as = "posts", required = true } } })
    end)
  end)

  describe("$alias.attribute$ in where", function()
    it("asks about associated rows along any path, and multiplies nothing", function()
      assert.same({ "Ann" }, pluck(m.User:findAll{ where = { ["$posts.comments.text$"] = "text 3",
        ["$posts.title$"] = "post 3" } }, "name"))
      assert.equal(2, #m.User:findAll{ where = { ["$posts.price$"] = { [Op.gt] = "0.00" } }, limit = 5 })
      assert.same({ "text 4" }, pluck(m.Comment:findAll{
        where = { ["$post.author.name$"] = "Ben", ["$author.name$"] = "Cid" } }, "text"))
    end)

    it("finds rows without associated ones by NULL, as a join would", function()
      assert.same({ "Cid" }, pluck(m.User:findAll{ where = { ["$posts.id$"] = rowan.null } }, "name"))
    end)

    it("means one and the same row in one table of conditions", function()
      assert.same({}, m.User:findAll{ where = { ["$posts.title$"] = "post 1", ["$posts.price$"] = "7.50" } })
      assert.equal(1, #m.User:findAll{ where = { { ["$posts.title$"] = "post 1" }, { ["$posts.price$"] = "7.50" } } })
    end)

    it("works in bulk updates and deletes, and names what it does not know", function()
      assert.equal(3, (m.Post:update({ title = "by Ann" }, { where = { ["$author.name$"] = "Ann" } })))
      assert.equal(4, m.Comment:destroy{ where = { ["$post.author.name$"] = "Ben" } })
      assert.matches('did you mean "posts"', tostring(helper.error_of(function()
        m.User:findAll{ where = { ["$post.title$"] = "x" } }
      end)), 1, true)
    end)
  end)

  describe("order along associations", function()
    it("sorts by a value of a to-one association", function()
      local posts = m.Post:findAll{ order = { { "author", "name", "DESC" }, { "id", "DESC" } } }
      assert.same({ 4, 3, 2, 1 }, pluck(posts, "id"))
      posts = m.Post:findAll{ order = { { m.User, "name", "ASC" }, "id" }, limit = 2, include = "comments" }
      assert.same({ 1, 2 }, pluck(posts, "id"))
      assert.same({ 4, 1, 2, 3 }, pluck(m.Post:findAll{ order = { { "$author.name$", "DESC" }, "id" } }, "id"))
    end)

    it("along a to-many association sorts the children that are included", function()
      local users = m.User:findAll{
        order = { "id", { "posts", "price", "ASC" }, { "posts", "comments", "text", "DESC" } },
        include = { { as = "posts", include = "comments" } },
      }
      assert.same({ "post 3", "post 2", "post 1" }, pluck(users[1].posts, "title"))
      assert.same({ "text 3", "text 2", "text 1" }, pluck(users[1].posts[1].comments, "text"))
      assert.is_true(rowan.is(helper.error_of(function()
        m.User:findAll{ order = { { "posts", "price" } } }
      end), "QueryError"))
    end)
  end)

  describe("a join of one's own", function()
    it("takes the place of the keys with on", function()
      local users = m.User:findAll{
        order = { "id" },
        include = { { as = "posts", order = { "id" }, on = { userId = { [Op.ne] = rowan.col("User.id") } } } },
      }
      assert.same({ "post 4" }, pluck(users[1].posts, "title"))
      assert.same({ "post 1", "post 2", "post 3" }, pluck(users[2].posts, "title"))
      assert.equal(4, #users[3].posts)
      assert.is_nil(users[1].posts[1]["\1keys"])
    end)

    it("adds to the keys with or", function()
      local users = m.User:findAll{
        order = { "id" },
        include = { { as = "posts", order = { "id" }, required = false, ["or"] = true, where = { title = "post 4" } } },
      }
      assert.same({ 4, 1, 1 }, { #users[1].posts, #users[2].posts, #users[3].posts })
    end)
  end)

  describe("include all", function()
    it("takes every association, or those of a kind", function()
      local post = m.Post:findOne{ where = { id = 4 }, include = { all = true } }
      assert.equal("Ben", post.author.name)
      assert.equal(4, #post.comments)
      post = m.Post:findOne{ where = { id = 4 }, include = { all = "HasMany" } }
      assert.is_nil(post.author)
      assert.equal(4, #post.comments)
    end)

    it("nested goes on until it would come back", function()
      local user = m.User:findOne{ where = { id = 2 }, include = { all = true, nested = true } }
      assert.equal(4, #user.posts[1].comments)
      assert.is_nil(user.posts[1].author)
    end)
  end)

  describe("statements", function()
    it("do not grow with the rows", function()
      local options = { include = { { as = "posts", include = { "comments", "author" } } } }
      local few = helper.count(function() m.User:findAll(options) end)
      local list = {}
      for i = 1, 1000 do list[i] = { name = "user " .. i } end
      local users = m.User:bulkCreate(list)
      for i, user in ipairs(users) do list[i] = { title = "of " .. i, userId = user.id } end
      m.Post:bulkCreate(list)
      assert.equal(few, helper.count(function() m.User:findAll(options) end))
      assert.equal(3, few)
    end)

    it("share rows that are the same: one author of three posts is one table", function()
      for _, strategy in ipairs{ "join", "select" } do
        local posts = m.Post:findAll{ order = { "id" }, include = { { as = "author", strategy = strategy } } }
        assert.equal(posts[1].author, posts[3].author)
        assert.not_equal(posts[1].author, posts[4].author)
        posts[1].author.name = "Anna"
        posts[2].author:save()
        assert.equal("Anna", m.User:findByPk(1).name)
        m.User:update({ name = "Ann" }, { where = { id = 1 } })
      end
    end)
  end)

  describe("what is wrong with an include", function()
    it("is refused by name", function()
      local wrong = {
        { { as = "post" }, 'did you mean "posts"' }, { { as = "posts", wher = {} }, 'did you mean "where"' },
        { { as = "posts", strategy = "lazy" }, "strategy" }, { { as = "posts", through = {} }, "no junction" },
        { { as = "posts", limit = -1 }, "limit" }, { { as = "posts", ["or"] = true }, "or without where" },
      }
      for _, case in ipairs(wrong) do
        local err = helper.error_of(function() m.User:findAll{ include = { case[1] } } end)
        assert.matches(case[2], tostring(err), 1, true)
      end
      local err = helper.error_of(function() m.Post:findAll{ include = { { as = "author", limit = 1 } } } end)
      assert.matches("one row at most", tostring(err), 1, true)
    end)
  end)
end)
