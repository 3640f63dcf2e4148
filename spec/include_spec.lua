-- Associations and include: what is loaded, under which names, and by how many statements.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of, pluck = helper.error_of, helper.pluck

local PLAIN = { timestamps = false }

local function define(db)
  local m = {}
  m.User = db:define("User", { name = { type = DataTypes.STRING } }, PLAIN)
  m.Profile = db:define("Profile", { bio = { type = DataTypes.STRING } }, PLAIN)
  m.Post = db:define("Post", { title = { type = DataTypes.STRING } }, PLAIN)
  m.Comment = db:define("Comment", { text = { type = DataTypes.STRING } }, PLAIN)
  m.User:hasOne(m.Profile)
  m.Profile:belongsTo(m.User)
  m.User:hasMany(m.Post)
  m.Post:belongsTo(m.User)
  m.Post:hasMany(m.Comment)
  m.Comment:belongsTo(m.Post)
  m.Comment:belongsTo(m.User, { as = "author", foreignKey = "authorId" })
  db:sync()
  return m
end

local function fill(m)
  m.User:bulkCreate { { name = "Ann" }, { name = "Bea" }, { name = "Cid" } }
  m.Profile:bulkCreate { { bio = "of Ann", userId = 1 }, { bio = "of Cid", userId = 3 } }
  m.Post:bulkCreate {
    { title = "a1", userId = 1 }, { title = "b1", userId = 2 }, { title = "a2", userId = 1 }, { title = "stray" },
  }
  m.Comment:bulkCreate {
    { text = "x", postId = 1, authorId = 2 }, { text = "y", postId = 1, authorId = 3 },
    { text = "z", postId = 3, authorId = 2 }, { text = "nobody's" },
  }
end

helper.each(function(_, connect)
  local db, m

  before_each(function()
    db = connect()
    m = define(db)
    fill(m)
  end)

  describe("include", function()
    it("loads hasMany as lists", function()
      local users = m.User:findAll { include = "posts", order = { "id" } }
      local titles = pluck(users[1].posts, "title")
      table.sort(titles)
      assert.same({ "a1", "a2" }, titles)
      assert.same({ "b1" }, pluck(users[2].posts, "title"))
      assert.same({}, users[3].posts)
      assert.is_true(rowan.isInstance(users[1].posts[1], m.Post))
      local post = users[1].posts[1]
      post.title = "changed"
      post:save()
      assert.equal("changed", m.Post:findByPk(post.id).title)
    end)

    it("loads belongsTo and hasOne as rows, or leaves them out", function()
      local posts = m.Post:findAll { include = "user", order = { "id" } }
      assert.equal("Ann", posts[1].user.name)
      assert.equal("Bea", posts[2].user.name)
      assert.is_nil(posts[4].user)
      assert.is_true(posts[4]:isLoaded("user"))
      local users = m.User:findAll { include = "profile", order = { "id" } }
      assert.equal("of Ann", users[1].profile.bio)
      assert.is_nil(users[2].profile)
      assert.equal("of Cid", users[3].profile.bio)
    end)

    it("loads several levels and several associations", function()
      local users = m.User:findAll {
        include = {
          "profile",
          {
            as = "posts", order = { "id" },
            include = { { as = "comments", order = { "id" }, include = "author" }, "user" },
          },
        },
        order = { "id" },
      }
      assert.equal("of Ann", users[1].profile.bio)
      assert.same({ "x", "y" }, pluck(users[1].posts[1].comments, "text"))
      assert.equal("Cid", users[1].posts[1].comments[2].author.name)
      assert.equal("Ann", users[1].posts[2].user.name)
      assert.same({}, users[2].posts[1].comments)
    end)

    it("takes an alias, a model, an association or a table", function()
      local forms = {
        "posts", m.Post, m.User.associations.posts, { as = "posts" }, { model = m.Post }, { "posts" }, { m.Post },
        { association = m.User:getAssociation("posts") }, { association = "posts" }, { model = m.Post, as = "posts" },
        { { model = m.Post, as = "posts" } },
      }
      for i, form in ipairs(forms) do
        local user = m.User:findByPk(1, { include = form })
        assert.equal(2, #user.posts, "form " .. i)
      end
      assert.is_nil(m.User:findByPk(1, { include = {} }).posts)
    end)

    it("works with findOne, findByPk, limit and order", function()
      assert.equal(1, #m.User:findOne({ where = { name = "Bea" }, include = "posts" }).posts)
      assert.is_nil(m.User:findByPk(99, { include = "posts" }))
      local users = m.User:findAll { include = "posts", order = { { "name", "DESC" } }, limit = 2, offset = 1 }
      assert.same({ "Bea", "Ann" }, pluck(users, "name"))
      assert.equal(2, #users[2].posts)
    end)

    it("takes attributes and order, and reads the keys that it needs", function()
      local users = m.User:findAll {
        attributes = { "name" }, order = { "name" },
        include = { { as = "posts", attributes = { "title" }, order = { { "title", "DESC" } } } },
      }
      assert.same({ "a2", "a1" }, pluck(users[1].posts, "title"))
      assert.same({ "b1" }, pluck(users[2].posts, "title"))
      local include = { { as = "user", attributes = { "name" } } }
      local post = m.Post:findByPk(1, { attributes = { "title" }, include = include })
      assert.equal("Ann", post.user.name)
    end)

    it("gives plain tables with raw", function()
      local users = m.User:findAll { include = { { as = "posts", include = "user" } }, raw = true, order = { "id" } }
      assert.is_nil(getmetatable(users[1]))
      assert.is_nil(getmetatable(users[1].posts[1]))
      assert.is_nil(getmetatable(users[1].posts[1].user))
      assert.same({ id = 2, name = "Bea", posts = {
        { id = 2, title = "b1", userId = 2, user = { id = 2, name = "Bea" } } } }, users[2])
    end)

    it("gives the same row as the same table", function()
      local posts = m.Post:findAll { include = "user", order = { "id" } }
      assert.equal(posts[1].user, posts[3].user)
      assert.not_equal(posts[1].user, posts[2].user)
    end)

    it("is the same before and after a plan is kept", function()
      local function load()
        return m.User:findAll { include = { { as = "posts", include = "comments" } }, order = { "id" }, raw = true }
      end
      local first = load()
      assert.same(first, load())
      assert.same(first, load())
    end)

    it("keeps a change of an included row when its parent is saved", function()
      local post = m.Post:findByPk(1, { include = "user" })
      post.user.name = "Anna"
      post.title = "new"
      assert.same({ "title" }, post:changed())
      post:save()
      assert.equal("Ann", m.User:findByPk(1).name)
      post.user:save()
      assert.equal("Anna", m.User:findByPk(1).name)
    end)

    it("reload loads what it is told, also that there is nothing", function()
      local post = m.Post:findByPk(1, { include = "user" })
      m.Post:update({ userId = rowan.null }, { where = { id = 1 } })
      post:reload { include = { "user", "comments" } }
      assert.is_nil(post.user)
      assert.is_true(post:isLoaded("user"))
      assert.equal(2, #post.comments)
    end)
  end)

  describe("statements", function()
    local INCLUDE = { "profile", { as = "posts", include = { { as = "comments", include = "author" } } } }

    local function count(where)
      return helper.count(function() m.User:findAll { where = where, include = INCLUDE } end)
    end

    it("are as many for 10 rows as for 1,000", function()
      local users, posts, comments = {}, {}, {}
      for i = 1, 1000 do
        users[i] = { id = 100 + i, name = "n" .. i }
        posts[i] = { id = 100 + i, title = "t" .. i, userId = 100 + i }
        comments[i] = { id = 100 + i, text = "c" .. i, postId = 100 + i, authorId = 100 + i }
      end
      m.User:bulkCreate(users)
      m.Post:bulkCreate(posts)
      m.Comment:bulkCreate(comments)
      local ten = count { id = { [Op.between] = { 101, 110 } } }
      local thousand = count { id = { [Op.gt] = 100 } }
      assert.is_true(ten <= 5)
      assert.equal(ten, thousand)
      local found = m.User:findAll { where = { id = { [Op.gt] = 100 } }, include = INCLUDE }
      assert.equal(1000, #found)
      for _, user in ipairs(found) do
        assert.equal("t" .. user.id - 100, user.posts[1].title)
        assert.equal(user.name, user.posts[1].comments[1].author.name)
      end
    end)

    it("are not sent for parents that are not there", function()
      assert.equal(1, count { id = 99 })
      assert.equal(1, helper.count(function() m.Post:findAll { where = { id = 4 }, include = "user" } end))
      local sent = helper.count(function()
        m.User:findAll { where = { name = "Cid" }, include = { { as = "posts", include = "comments" } } }
      end)
      assert.is_true(sent <= 2)
    end)
  end)

  describe("refuses", function()
    local function refused(include, part, model)
      local err
      assert.equal(0, helper.count(function()
        err = error_of((model or m.User).findAll, model or m.User, { include = include })
      end))
      assert.is_true(rowan.is(err, "EagerLoadingError"), tostring(err))
      assert.is_truthy(err.message:find(part, 1, true), err.message)
    end

    it("what is not associated", function()
      refused("post", '"posts"')
      refused({ as = "postz" }, '"posts"')
      refused(m.Comment, "Comment")
      refused({ model = m.Comment }, "Comment")
      refused({ model = m.Comment, as = "posts" }, "Comment")
      refused(m.Post.associations.comments, "Post")
      refused({ { as = "posts", include = "coments" } }, '"comments"')
    end)

    it("what is meant twice or could be either", function()
      m.Comment:belongsTo(m.User, { as = "editor", foreignKey = "authorId" })
      refused(m.User, "author, editor", m.Comment)
      refused({ "posts", { as = "posts" } }, '"posts"')
    end)

    it("options it does not know, and other things", function()
      refused({ { as = "posts", atributes = { "title" } } }, '"attributes"')
      refused({ {} }, "as, model")
      refused(7, "an alias")
      refused({ true }, "an alias")
      local err = error_of(m.User.findAll, m.User, { include = { { as = "posts", attributes = { "titel" } } } })
      assert.is_truthy(err.message:find('"title"', 1, true))
    end)
  end)

  describe("a self reference", function()
    local Node

    before_each(function()
      Node = db:define("Node", { name = { type = DataTypes.STRING } }, PLAIN)
      Node:belongsTo(Node, { as = "parent", foreignKey = "parentId" })
      Node:hasMany(Node, { as = "children", foreignKey = "parentId" })
      Node:sync()
      Node:create { name = "root" }
      Node:bulkCreate { { name = "l", parentId = 1 }, { name = "r", parentId = 1 } }
      Node:create { name = "leaf", parentId = 2 }
    end)

    it("loads both ways by its aliases", function()
      local root = Node:findByPk(1, { include = { { as = "children", order = { "name" }, include = "children" } } })
      assert.same({ "l", "r" }, pluck(root.children, "name"))
      assert.same({ "leaf" }, pluck(root.children[1].children, "name"))
      assert.same({}, root.children[2].children)
      local leaf = Node:findByPk(4, { include = { { as = "parent", include = "parent" } } })
      assert.equal("root", leaf.parent.parent.name)
      assert.is_nil(root.parent)
    end)

    it("must be named by alias", function()
      local err = error_of(Node.findAll, Node, { include = Node })
      assert.is_truthy(err.message:find("parent, children", 1, true))
    end)
  end)

  describe("getters", function()
    it("load for one row, with the options of finders", function()
      local user = m.User:findByPk(1)
      assert.equal(1, helper.count(function() assert.equal(2, #user:getPosts()) end))
      assert.same({ "a2" }, pluck(user:getPosts { where = { title = "a2" } }, "title"))
      assert.same({ "a2", "a1" }, pluck(user:getPosts { order = { { "title", "DESC" } } }, "title"))
      assert.equal("of Ann", user:getProfile().bio)
      assert.equal("Ann", m.Post:findByPk(1):getUser().name)
      assert.equal("Bea", m.Comment:findByPk(1):getAuthor().name)
      assert.is_nil(user.posts)
      assert.is_true(rowan.is(error_of(user.getPosts, user, { wehre = {} }), "QueryError"))
    end)

    it("send nothing when the key is NULL", function()
      local stray = m.Post:findByPk(4)
      assert.equal(0, helper.count(function() assert.is_nil(stray:getUser()) end))
      assert.equal(0, helper.count(function() assert.same({}, m.User:build({ name = "x" }):getPosts()) end))
    end)

    it("say so when the row was read without its key", function()
      local part = m.Post:findOne { attributes = { "title" } }
      assert.is_true(rowan.is(error_of(part.getUser, part), "InstanceError"))
    end)
  end)

  describe("keys", function()
    it("of other attributes, other types and NULL", function()
      local Country = db:define("Country", {
        { "code", DataTypes.CHAR(2), unique = true }, { "name", DataTypes.STRING },
      }, PLAIN)
      local City = db:define("City", { name = { type = DataTypes.STRING } }, PLAIN)
      Country:hasMany(City, { sourceKey = "code", foreignKey = "countryCode" })
      City:belongsTo(Country, { targetKey = "code", foreignKey = "countryCode" })
      db:sync()
      Country:bulkCreate { { code = "CH", name = "Switzerland" }, { name = "Nowhere" } }
      City:bulkCreate { { name = "Bern", countryCode = "CH" }, { name = "Atlantis" } }
      local cities = City:findAll { include = "country", order = { "id" } }
      assert.equal("Switzerland", cities[1].country.name)
      assert.is_nil(cities[2].country)
      local countries = Country:findAll { include = "cities", order = { "id" } }
      assert.same({ "Bern" }, pluck(countries[1].cities, "name"))
      assert.same({}, countries[2].cities)
      assert.same({}, countries[2]:getCities())
      countries[1].code = rowan.null
      assert.same({}, countries[1]:getCities())
    end)

    it("of BIGINT, DECIMAL and UUID tables", function()
      local values = {
        { DataTypes.BIGINT, "9007199254740993", "9007199254740995" }, { DataTypes.DECIMAL(5, 2), "1.50", "2.00" },
        { DataTypes.UUID, "6f2e4e10-0000-4000-8000-00000000000a", "6f2e4e10-0000-4000-8000-00000000000b" },
      }
      for i, case in ipairs(values) do
        local One = db:define("One" .. i, { { "key", case[1], primaryKey = true } }, PLAIN)
        local Many = db:define("Many" .. i, { name = { type = DataTypes.STRING } }, PLAIN)
        One:hasMany(Many, { as = "many", foreignKey = "oneKey" })
        Many:belongsTo(One, { as = "one", foreignKey = "oneKey" })
        db:sync()
        One:bulkCreate { { key = case[2] }, { key = case[3] } }
        Many:bulkCreate {
          { name = "a", oneKey = case[2] }, { name = "b", oneKey = case[2] }, { name = "c", oneKey = case[3] },
        }
        local ones = One:findAll { include = { { as = "many", order = { "name" } } } }
        local counts = {}
        for _, one in ipairs(ones) do counts[#one.many] = tostring(one.key) end
        assert.same({ case[3], case[2] }, counts)
        assert.equal(case[3], tostring(Many:findOne({ where = { name = "c" }, include = "one" }).one.key))
      end
    end)
  end)
end)
