-- create and bulkCreate with include: rows with the rows of their associations, all or none of them.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local count, error_of, says, statements = helper.count, helper.error_of, helper.says, helper.statements
local PLAIN = { timestamps = false }

local function tables_of(sent)
  local list = {}
  for _, text in ipairs(sent) do list[#list + 1] = text:match('^INSERT INTO "(%w+)"') end
  return table.concat(list, " ")
end

helper.each(function(_, connect)
  local db, User, Profile, Post, Comment, Tag, PostTag

  before_each(function()
    db = connect()
    User = db:define("User", {
      name = { type = DataTypes.STRING, unique = true }, mood = { type = DataTypes.STRING, defaultValue = "fine" },
    })
    Profile = db:define("Profile", { bio = DataTypes.STRING }, PLAIN)
    Post = db:define("Post", { title = { type = DataTypes.STRING, allowNull = false }, data = DataTypes.JSON })
    Comment = db:define("Comment", { text = DataTypes.STRING, kind = DataTypes.STRING }, PLAIN)
    Tag = db:define("Tag", { name = { type = DataTypes.STRING, unique = true } }, PLAIN)
    PostTag = db:define("PostTag", { relevance = DataTypes.INTEGER }, PLAIN)
    User:hasOne(Profile)
    User:hasMany(Post, { foreignKey = { name = "userId", allowNull = false } })
    Post:belongsTo(User)
    Post:hasMany(Comment, { scope = { kind = "post" } })
    Comment:belongsTo(User, { as = "author" })
    Post:belongsToMany(Tag, { through = PostTag })
    Tag:belongsToMany(Post, { through = PostTag })
    db:sync()
  end)

  local function totals()
    local list = {}
    for i, model in ipairs { User, Profile, Post, Comment, Tag, PostTag } do list[i] = model:count() end
    return table.concat(list, " ")
  end

  local WHOLE = {
    "profile", { as = "posts", include = { "tags", { as = "comments", include = "author" } } },
  }

  local function whole(name)
    return {
      name = name, profile = { bio = "of " .. name },
      posts = {
        {
          title = "first", data = { n = { 1 } },
          tags = { { name = name .. " t1", PostTag = { relevance = 1 } }, { name = name .. " t2", PostTag = { relevance = 2 } } },
          comments = { { text = "c1", author = { name = name .. "'s friend" } }, { text = "c2" } },
        },
        { title = "second", data = {} },
      },
    }
  end

  it("stores a row with all that hangs on it", function()
    local given = whole("Ann")
    local user
    local sent = statements(function() user = User:create(given, { include = WHOLE }) end)
    assert.same(whole("Ann"), given)
    -- The comments have different attributes: one with an author, one without.
    assert.equal("Users Profiles Posts Tags PostTags Users Comments", tables_of(sent))
    assert.equal("2 1 2 2 2 2", totals())
    assert.is_false(user.isNewRecord)
    assert.is_false(user:changed())
    assert.equal("fine", user.mood)
    assert.equal(user.id, user.profile.userId)
    local post = user.posts[1]
    assert.equal(user.id, post.userId)
    assert.is_false(post.isNewRecord)
    assert.is_false(post:changed())
    assert.equal(post.id, post.comments[2].postId)
    assert.equal("post", post.comments[1].kind)
    assert.equal("Ann's friend", post.comments[1].author.name)
    assert.equal(post.comments[1].author.id, post.comments[1].authorId)
    assert.is_nil(post.comments[2].author)
    assert.equal(1, post.tags[1].PostTag.relevance)
    assert.equal(post.tags[1].id, post.tags[1].PostTag.tagId)
    assert.is_nil(user.posts[2].tags)
    local loaded = User:findByPk(user.id, { include = WHOLE })
    assert.equal("of Ann", loaded.profile.bio)
    assert.equal(2, #loaded.posts)
    post.title = "renamed"
    post:save()
    assert.equal("renamed", Post:findByPk(post.id).title)
  end)

  it("stores what a row belongs to before it", function()
    local sent
    local post
    sent = statements(function()
      post = Post:create({ title = "x", user = { name = "Ann", profile = { bio = "b" } } },
        { include = { model = User, include = Profile } })
    end)
    assert.equal("Users Profiles Posts", tables_of(sent))
    assert.equal(post.user.id, post.userId)
    assert.equal(post.user.id, post.user.profile.userId)
  end)

  it("names associations by alias, model, association and table", function()
    for i, include in ipairs {
      "posts", { "posts" }, Post, { Post }, User.associations.posts, { model = Post }, { { as = "posts" } },
      { association = User.associations.posts }, { model = Post, as = "posts" },
    } do
      assert.equal(1, #User:create({ name = "u" .. i, posts = { { title = "x" } } }, { include = include }).posts)
    end
    local function create(include) return User:create({ name = "no" }, { include = include }) end
    says('has no association "post" (did you mean "posts"?)', "AssociationError", create, "post")
    says("is named twice", "AssociationError", create, { "posts", Post })
    says('has no option "wher"', "AssociationError", create, { { as = "posts", wher = 1 } })
    assert.equal(0, User:count { where = { name = "no" } })
  end)

  it("takes the junction's model in include, and no other", function()
    local include = { { model = Tag, as = "tags", through = { model = PostTag } } }
    local user = User:create { name = "Ann" }
    local post = Post:create({ title = "x", userId = user.id, tags = { { name = "t" } } }, { include = include })
    assert.equal(1, post:countTags())
    include[1].through.model = User
    says('through of "tags" must be PostTag', "AssociationError", Post.create, Post, { title = "y" }, { include = include })
  end)

  it("refuses nested tables that include does not name", function()
    says('User:create: "posts" is an association of User, not an attribute', "QueryError", User.create, User,
      { posts = {} })
    says('row 2: "posts" is an association', "QueryError", User.bulkCreate, User, { {}, { posts = {} } })
    says('posts[1]: "comments" is an association of Post', "QueryError", User.create, User,
      { posts = { { title = "x", comments = {} } } }, { include = "posts" })
    says('User:create: posts[1]: Post has no attribute "titel" (did you mean "title"?)', "QueryError", User.create,
      User, { posts = { { titel = "x" } } }, { include = "posts" })
  end)

  it("refuses what is no row or no list, by its place", function()
    local function create(values) return User:create(values, { include = WHOLE }) end
    says("User:create: posts: wants a list of rows", "QueryError", create, { posts = { title = "x" } })
    says("User:create: posts[2]: wants a table of values, not 5", "QueryError", create, { posts = { { title = "x" }, 5 } })
    says("User:create: profile: wants a table of values", "QueryError", create, { profile = "x" })
    says('User:create: posts[1].tags[1]: PostTag: PostTag has no attribute "relevnce"', "QueryError", create,
      { posts = { { title = "x", tags = { { name = "t", PostTag = { relevnce = 1 } } } } } })
    assert.equal("0 0 0 0 0 0", totals())
  end)

  it("checks every row before anything is sent, and says where", function()
    local err
    local sent = count(function()
      err = says("posts[1]: Post.title cannot be null", "ValidationError", User.create, User, {
        name = "Ann",
        posts = { { tags = { { name = 5, PostTag = { relevance = "x" } } } }, { title = "y", comments = { { text = 1 } } } },
      }, { include = WHOLE })
    end)
    assert.equal(0, sent)
    assert.equal(4, #err.errors)
    assert.equal("title", err.errors[1].path)
    assert.equal("posts[1]", err.errors[1].place)
    assert.truthy(err.message:find("posts[1].tags[1]: Tag.name must be a string", 1, true))
    assert.truthy(err.message:find("posts[1].tags[1].PostTag: PostTag.relevance must be an integer", 1, true))
    assert.truthy(err.message:find("posts[2].comments[1]: Comment.text must be a string", 1, true))
  end)

  it("leaves nothing behind when the database refuses", function()
    Tag:create { name = "taken" }
    local post = Post:build { title = "x" }
    local values = { name = "Ann", posts = { post, { title = "y", tags = { { name = "taken" } } } } }
    local err = error_of(User.create, User, values, { include = WHOLE })
    assert.equal("UniqueConstraintError", err.name)
    assert.equal("0 0 0 0 1 0", totals())
    assert.is_true(post.isNewRecord)
    assert.is_nil(post.id)
    assert.is_nil(post.userId)
    assert.is_nil(post.createdAt)
    assert.same({ "title" }, post:changed())
    db:transaction(function()
      assert.is_false((pcall(User.create, User, values, { include = WHOLE })))
      values.posts[2].tags[1].name = "free"
      User:create(values, { include = WHOLE })
    end)
    assert.equal("1 0 2 0 2 1", totals())
    assert.is_false(post.isNewRecord)
  end)

  it("takes instances: new ones are stored, stored ones are linked", function()
    local tag, user = Tag:create { name = "old" }, User:create { name = "Ann" }
    local new = Tag:build { name = "new" }
    tag.PostTag = { relevance = 7 }
    local post = Post:create({ title = "x", user = user, tags = { tag, new, tag } }, { include = { "user", "tags" } })
    assert.equal(user.id, post.userId)
    assert.equal(user, post.user)
    assert.is_false(new.isNewRecord)
    assert.equal(new, post.tags[2])
    assert.equal(2, post:countTags())
    assert.equal(7, post:getTags { where = { name = "old" } }[1].PostTag.relevance)
    says("this row of Post is stored already; link it with addPost", "InstanceError", User.create, User,
      { name = "Bea", posts = { post } }, { include = "posts" })
    says("wants a row of Tag, not of User", "InstanceError", Post.create, Post, { title = "y", tags = { user } },
      { include = "tags" })
    assert.equal(1, User:count())
  end)

  it("stores one new row for several parents", function()
    local tag = Tag:build { name = "shared" }
    local posts = Post:bulkCreate({
      { title = "x", tags = { tag }, userId = User:create { name = "Ann" }.id }, { title = "y", tags = { tag }, userId = 1 },
    }, { include = "tags" })
    assert.equal(1, Tag:count())
    assert.equal(2, PostTag:count())
    assert.equal(tag, posts[2].tags[1])
    assert.is_nil(tag.PostTag)
  end)

  it("opens a transaction only for several statements", function()
    local user
    assert.equal(1, count(function() user = User:create({ name = "Ann" }, { include = WHOLE }) end))
    assert.equal(1, count(function() Post:create({ title = "x", user = user }, { include = "user" }) end))
    assert.equal(4, count(function() User:create({ name = "Bea", profile = {} }, { include = "profile" }) end))
    assert.equal(0, count(function() assert.same({}, User:bulkCreate({}, { include = WHOLE })) end))
  end)

  it("runs hooks behind a row when what hangs on it is stored, and those of a bulk call at each level", function()
    local seen = {}
    local function note(name, text) seen[#seen + 1] = name .. " " .. text end
    for _, model in ipairs { User, Post } do
      for _, hook in ipairs { "beforeBulkCreate", "beforeCreate", "afterCreate", "afterBulkCreate" } do
        model:addHook(hook, function(rows, call)
          local children = rows[1] == nil and rows.posts
          note(model.name, hook .. (children and children[1].id and " with posts" or ""))
          assert.is_truthy(call.transaction)
        end)
      end
    end
    local values = { name = "Ann", posts = { { title = "x", tags = { { name = "t" } } } } }
    local include = { { as = "posts", include = "tags" } }
    local user = User:create(values, { include = include })
    assert.same({ "User beforeCreate", "Post beforeCreate", "Post afterCreate", "User afterCreate with posts" }, seen)
    assert.equal(1, user.posts[1]:countTags())
    seen = {}
    User:bulkCreate({ { name = "Bea", posts = { { title = "y" } } } }, { include = include })
    assert.same({
      "User beforeBulkCreate", "User beforeCreate", "Post beforeBulkCreate", "Post beforeCreate", "Post afterCreate",
      "Post afterBulkCreate", "User afterCreate with posts", "User afterBulkCreate",
    }, seen)
    seen = {}
    User:bulkCreate({ { name = "Cid", posts = { { title = "z" } } } }, { include = include, individualHooks = false })
    assert.same({ "User beforeBulkCreate", "Post beforeBulkCreate", "Post afterBulkCreate", "User afterBulkCreate" }, seen)
    Post:addHook("afterCreate", function() error("no") end)
    assert.is_false((pcall(User.create, User, { name = "Dan", posts = { { title = "q" } } }, { include = "posts" })))
    assert.equal(0, User:count { where = { name = "Dan" } })
  end)

  it("joins the transaction that it is told", function()
    local t = db:transaction()
    User:create({ name = "Ann", profile = { bio = "x" } }, { include = "profile", transaction = t })
    assert.equal(1, User:count { transaction = t })
    t:rollback()
    assert.equal("0 0 0 0 0 0", totals())
  end)

  it("creates from a getter's side as well", function()
    local user = User:create { name = "Ann" }
    local post = user:createPost({ title = "x", tags = { { name = "t" } } }, { include = "tags" })
    assert.equal(1, post:countTags())
    assert.equal(user.id, post.userId)
  end)

  it("uses the keys that associations name", function()
    local City = db:define("City", { code = { type = DataTypes.STRING, unique = true } }, PLAIN)
    local Street = db:define("Street", { name = DataTypes.STRING }, PLAIN)
    City:hasMany(Street, { sourceKey = "code", foreignKey = "cityCode" })
    Street:belongsTo(City, { targetKey = "code", foreignKey = "cityCode" })
    db:sync()
    local city = City:create({ code = "B", streets = { { name = "x" }, { name = "y" } } }, { include = "streets" })
    assert.equal("B", city.streets[2].cityCode)
    local street = Street:create({ name = "z", city = { code = "M" } }, { include = "city" })
    assert.equal("M", street.cityCode)
    says("City.code has no value", "InstanceError", City.create, City, { streets = { { name = "q" } } },
      { include = "streets" })
    assert.equal(2, City:count())
  end)

  it("sends as many statements for 1,000 rows as for 10", function()
    local function counts(n)
      local list = {}
      for i = 1, n do list[i] = whole(n .. " " .. i) end
      local users
      local sent = count(function() users = User:bulkCreate(list, { include = WHOLE }) end)
      assert.equal(n, #users)
      for i = 1, n, 7 do
        assert.equal(n .. " " .. i, users[i].name)
        assert.equal(users[i].id, users[i].posts[2].userId)
        assert.equal(n .. " " .. i .. " t2", users[i].posts[1].tags[2].name)
      end
      local last = User:findOne { where = { name = n .. " " .. n }, include = WHOLE }
      assert.equal(2, #last.posts)
      return sent
    end
    assert.equal(counts(10), counts(1000))
    assert.equal(2 * 1010, PostTag:count())
  end)
end)
