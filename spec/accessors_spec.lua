-- The methods that belongsTo, hasOne and hasMany give to instances: what they do, what they send, what they refuse.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local count, error_of = helper.count, helper.error_of
local pluck, says, work = helper.sorted, helper.says, helper.verbs
local PLAIN = { timestamps = false }

helper.each(function(dialect, connect)
  local db, User, Post, Profile, Comment, ann, bea

  before_each(function()
    db = connect()
    User = db:define("User", { name = { type = DataTypes.STRING, unique = true } })
    Post = db:define("Post", { title = DataTypes.STRING })
    Profile = db:define("Profile", { bio = DataTypes.STRING }, PLAIN)
    Comment = db:define("Comment", { text = DataTypes.STRING, kind = DataTypes.STRING }, PLAIN)
    User:hasMany(Post)
    Post:belongsTo(User)
    User:hasOne(Profile)
    Profile:belongsTo(User)
    Post:hasMany(Comment, { foreignKey = { name = "postId", allowNull = false } })
    Comment:belongsTo(Post)
    db:sync()
    ann, bea = User:create { name = "Ann" }, User:create { name = "Bea" }
  end)

  describe("belongsTo", function()
    it("gets the row, or nil", function()
      local post = ann:createPost { title = "a" }
      assert.equal("Ann", post:getUser().name)
      assert.is_nil(post:getUser { where = { name = "Bea" } })
      assert.same({ name = "Ann" }, post:getUser { attributes = { "name" }, raw = true })
      assert.is_nil(Post:create {}:getUser())
      assert.equal("Bea", Post:build { userId = bea.id }:getUser().name)
    end)

    it("sets by instance and by key, and writes that only", function()
      local post = Post:create { title = "a" }
      post.title = "unsaved"
      assert.equal("UPDATE", work(function() post:setUser(ann) end))
      assert.equal(ann.id, post.userId)
      assert.same({ "title" }, post:changed())
      post:setUser(bea.id)
      assert.equal(bea.id, Post:findByPk(post.id).userId)
      assert.equal("a", Post:findByPk(post.id).title)
      assert.equal("", work(function() post:setUser(bea) end))
      post:setUser(nil)
      assert.is_nil(post.userId)
      assert.is_nil(Post:findByPk(post.id).userId)
      post:setUser(ann)
      post:setUser(rowan.null)
      assert.is_nil(Post:findByPk(post.id).userId)
    end)

    it("sets without writing", function()
      local post = Post:build {}
      assert.equal(0, count(function() post:setUser(ann, { save = false }) end))
      assert.equal(ann.id, post.userId)
      post:save()
      assert.equal("Ann", post:getUser().name)
    end)

    it("changes what was loaded", function()
      local post = ann:createPost { title = "a" }
      post = Post:findByPk(post.id, { include = "user" })
      post:setUser(bea)
      assert.equal(bea, post.user)
      post:setUser(nil)
      assert.is_nil(post.user)
    end)

    it("creates and links, both or none", function()
      local post = Post:create { title = "a" }
      local user = post:createUser { name = "Cid" }
      assert.equal(user.id, Post:findByPk(post.id).userId)
      assert.equal("UniqueConstraintError", error_of(post.createUser, post, { name = "Ann" }).name)
      assert.equal(user.id, post.userId)
      assert.is_false(post:changed())
      assert.equal(3, User:count())
    end)

    it("leaves the row as it was when it cannot", function()
      local post = ann:createPost { title = "a" }
      local before = post.updatedAt
      assert.equal("ForeignKeyConstraintError", error_of(post.setUser, post, 999).name)
      assert.equal(ann.id, post.userId)
      assert.equal(before, post.updatedAt)
      local comment = post:createComment { text = "x" }
      assert.equal("ValidationError", error_of(comment.setPost, comment, nil).name)
      assert.equal(post.id, comment.postId)
      assert.is_false(comment:changed())
    end)

    it("refuses rows that are not stored, of another model, and wrong keys", function()
      local post = Post:create {}
      says("not stored; save it first", "InstanceError", post.setUser, post, User:build {})
      says("wants a row of User, not of Post", "InstanceError", post.setUser, post, post)
      says("the key User.id must be an integer", "QueryError", post.setUser, post, "one")
      says("the row is new; save it first", "InstanceError", Post.prototype.setUser, Post:build {}, ann)
      says('has no option "sav"', "QueryError", post.setUser, post, ann, { sav = true })
    end)
  end)

  describe("hasOne", function()
    it("gets, sets and lets go", function()
      assert.is_nil(ann:getProfile())
      local first, second = ann:createProfile { bio = "1" }, Profile:create { bio = "2" }
      assert.equal("1", ann:getProfile().bio)
      ann:setProfile(second)
      assert.equal(ann.id, second.userId)
      assert.is_false(second:changed())
      assert.is_nil(Profile:findByPk(first.id).userId)
      assert.equal("2", ann:getProfile().bio)
      ann:setProfile(first.id)
      assert.equal("1", ann:getProfile().bio)
      ann:setProfile(nil)
      assert.is_nil(ann:getProfile())
      assert.equal(2, Profile:count())
    end)

    it("is atomic", function()
      ann:createProfile { bio = "1" }
      says("1 of the 1 rows of Profile are not in the database", "InstanceError", ann.setProfile, ann, 99)
      assert.equal("1", ann:getProfile().bio)
    end)

    it("can delete what was there", function()
      ann:createProfile { bio = "1" }
      ann:setProfile(Profile:create { bio = "2" }, { destroyPrevious = true })
      assert.same({ "2" }, pluck(Profile:findAll(), "bio"))
    end)

    it("deletes what cannot be without it", function()
      local Passport = db:define("Passport", {}, PLAIN)
      User:hasOne(Passport, { foreignKey = { name = "ownerId", allowNull = false } })
      Passport:sync()
      ann:createPassport()
      ann:setPassport(bea:createPassport())
      assert.equal(1, Passport:count())
      assert.is_nil(bea:getPassport())
    end)

    it("refuses rows that are not stored", function()
      says("not stored; save it first", "InstanceError", ann.setProfile, ann, Profile:build {})
      says("the row is new", "InstanceError", User.prototype.setProfile, User:build {}, 1)
      says("the row is new", "InstanceError", User.prototype.createProfile, User:build {}, {})
    end)
  end)

  describe("hasMany", function()
    local a, b, c

    before_each(function()
      a, b, c = Post:create { title = "a" }, Post:create { title = "b" }, Post:create { title = "c" }
    end)

    it("gets with the options of a finder", function()
      ann:setPosts { a, b, c }
      assert.same({ "a", "b", "c" }, pluck(ann:getPosts(), "title"))
      assert.same({}, bea:getPosts())
      local found = ann:getPosts {
        where = { title = { [Op.ne] = "b" } }, order = { { "title", "DESC" } }, limit = 1, offset = 1,
        attributes = { "title" }, raw = true,
      }
      assert.same({ { title = "a" } }, found)
      assert.equal("Ann", ann:getPosts { include = "user" }[1].user.name)
      says('has no option "wher"', "QueryError", ann.getPosts, ann, { wher = {} })
      assert.same({}, User:build {}:getPosts())
    end)

    it("counts", function()
      ann:setPosts { a, b }
      assert.equal(2, ann:countPosts())
      assert.equal(1, ann:countPosts { where = { title = "a" } })
      assert.equal(0, bea:countPosts())
      assert.equal("SELECT", work(function() ann:countPosts() end))
    end)

    it("adds and removes instances and keys, one and many, each once", function()
      ann:addPost(a)
      assert.equal(ann.id, a.userId)
      assert.is_false(a:changed())
      ann:addPosts { a, b.id, b.id, a }
      assert.same({ "a", "b" }, pluck(ann:getPosts(), "title"))
      ann:addPosts(c.id)
      assert.equal(3, ann:countPosts())
      ann:removePost(a)
      assert.is_nil(a.userId)
      assert.is_false(a:changed())
      ann:removePosts { b.id, c, c.id }
      assert.equal(0, ann:countPosts())
      ann:addPosts {}
      ann:removePosts {}
    end)

    it("stamps what it changes", function()
      rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
      local ok, err = pcall(function()
        ann:addPost(a)
        assert.equal("2030-01-01T00:00:00.000Z", a.updatedAt)
        assert.equal("2030-01-01T00:00:00.000Z", Post:findByPk(a.id).updatedAt)
      end)
      rowan.setClock(nil)
      assert.is_true(ok, tostring(err))
    end)

    it("does not take away what belongs to another", function()
      bea:addPost(a)
      ann:removePost(a)
      assert.equal(bea.id, Post:findByPk(a.id).userId)
      assert.equal(bea.id, a.userId)
    end)

    it("says whether it has them", function()
      ann:setPosts { a, b }
      assert.is_true(ann:hasPost(a))
      assert.is_true(ann:hasPost(b.id))
      assert.is_false(ann:hasPost(c))
      assert.is_true(ann:hasPosts { a, b, a.id, a })
      assert.is_false(ann:hasPosts { a, c })
      assert.is_true(ann:hasPosts {})
      assert.is_false(ann:hasPost(a, { where = { title = "b" } }))
      assert.is_false(bea:hasPost(a))
    end)

    it("sets by sending the difference", function()
      assert.equal("SELECT UPDATE", work(function() ann:setPosts { a, b } end))
      assert.equal("SELECT UPDATE UPDATE", work(function() ann:setPosts { b, c.id, c } end))
      assert.same({ "b", "c" }, pluck(ann:getPosts(), "title"))
      assert.equal("SELECT", work(function() ann:setPosts { c, b } end))
      assert.equal("SELECT UPDATE", work(function() ann:setPosts(nil) end))
      assert.equal(0, ann:countPosts())
      ann:setPosts { a }
      ann:setPosts({ b }, { destroyPrevious = true })
      assert.same({ "b", "c" }, pluck(Post:findAll(), "title"))
    end)

    it("is atomic, in its own transaction and in one around it", function()
      ann:setPosts { a }
      says("1 of the 2 rows of Post are not in the database", "InstanceError", ann.setPosts, ann, { b, 99 })
      assert.same({ "a" }, pluck(ann:getPosts(), "title"))
      assert.is_nil(b.userId)
      db:transaction(function()
        assert.is_false((pcall(ann.addPosts, ann, { b, 99 })))
        ann:addPost(c)
      end)
      assert.same({ "a", "c" }, pluck(ann:getPosts(), "title"))
      local t = db:transaction()
      ann:addPost(b, { transaction = t })
      assert.equal(3, ann:countPosts { transaction = t })
      t:rollback()
      assert.equal(2, ann:countPosts())
    end)

    it("creates what belongs to it, and leaves the values alone", function()
      local values = { title = "new", userId = bea.id }
      local post = ann:createPost(values)
      assert.equal(ann.id, post.userId)
      assert.same({ title = "new", userId = bea.id }, values)
      assert.equal(ann.id, ann:createPost().userId)
    end)

    it("deletes where a key is never NULL", function()
      local x, y = a:createComment { text = "x" }, a:createComment { text = "y" }
      says("Comment.postId is never NULL", "AssociationError", a.removeComment, a, x)
      a:removeComment(x, { destroy = true })
      assert.same({ "y" }, pluck(a:getComments(), "text"))
      a:setComments {}
      assert.equal(0, Comment:count { where = { id = y.id } })
    end)

    it("refuses what is wrong with its arguments, before anything is sent", function()
      local refused = {
        { "not stored; save it first", "InstanceError", Post:build {} },
        { "not stored; save it first", "InstanceError", { a, Post:build {} } },
        { "wants a row of Post, not of User", "InstanceError", bea },
        { "the key Post.id must be an integer", "QueryError", "x" },
        { "wants a row of Post, its key, or a list", "QueryError", nil },
      }
      local sent = count(function()
        for _, case in ipairs(refused) do
          for _, method in ipairs { "addPost", "removePosts", "hasPosts" } do
            says(case[1], case[2], ann[method], ann, case[3])
          end
        end
        says("the row is new", "InstanceError", User.prototype.addPost, User:build {}, a)
        says("the row is new", "InstanceError", User.prototype.setPosts, User:build {}, {})
        says("the row is new", "InstanceError", User.prototype.createPost, User:build {}, {})
        says("wants a table of values", "QueryError", ann.createPost, ann, "x")
      end)
      assert.equal(0, sent)
      local partial = User:findOne { attributes = { "name" }, where = { name = "Ann" } }
      if not partial.id then says('was read without "id"', "InstanceError", partial.getPosts, partial) end
    end)

    it("links by another key than the primary one", function()
      local Fan = db:define("Fan", { mood = DataTypes.STRING }, PLAIN)
      User:hasMany(Fan, { sourceKey = "name", foreignKey = "idol" })
      Fan:belongsTo(User, { as = "star", targetKey = "name", foreignKey = "idol" })
      Fan:sync()
      local fan = ann:createFan { mood = "good" }
      assert.equal("Ann", fan.idol)
      assert.equal(ann.id, fan:getStar().id)
      fan:setStar("Bea")
      assert.equal(1, bea:countFans())
      ann:setFans { fan }
      assert.equal("Ann", fan.idol)
      local nobody = User:create {}
      says("User.name is NULL", "InstanceError", nobody.addFan, nobody, fan)
      assert.equal(0, nobody:countFans())
    end)

    it("sends as many statements for 1,000 rows as for 10", function()
      local function counts(n)
        local list = {}
        for i = 1, n do list[i] = { title = "p" .. i } end
        local posts = Post:bulkCreate(list)
        local half = {}
        for i = 1, n, 2 do half[#half + 1] = posts[i] end
        local user = User:create { name = "of " .. n }
        local sent = {}
        local function measure(fn) sent[#sent + 1] = count(fn) end
        measure(function() user:addPosts(posts) end)
        measure(function() assert.is_true(user:hasPosts(posts)) end)
        measure(function() user:setPosts(half) end)
        measure(function() assert.equal(#half, #user:getPosts()) end)
        measure(function() user:removePosts(posts) end)
        assert.equal(0, user:countPosts())
        return sent
      end
      assert.same(counts(10), counts(1000))
    end)
  end)

  describe("a scope", function()
    it("narrows what is loaded, and is set on what is created", function()
      local Video = db:define("Video", { name = DataTypes.STRING }, PLAIN)
      local Note = db:define("Note", { text = DataTypes.STRING, onType = DataTypes.STRING }, PLAIN)
      local function notes(kind)
        return { foreignKey = "onId", constraints = false, scope = { onType = kind } }
      end
      Post:hasMany(Note, notes("post"))
      Video:hasMany(Note, notes("video"))
      Note:belongsTo(Post, { foreignKey = "onId", constraints = false })
      Video:sync()
      Note:sync()
      local post, video = Post:create {}, Video:create {}
      assert.equal(post.id, video.id)
      local note = post:createNote { text = "on a post" }
      assert.equal("post", note.onType)
      video:createNote { text = "on a video" }
      assert.same({ "on a post" }, pluck(post:getNotes(), "text"))
      assert.same({ "on a post" }, pluck(post:getNotes { where = { text = { [Op.like] = "on%" } } }, "text"))
      assert.equal(1, video:countNotes())
      assert.is_false(video:hasNote(note))
      assert.same({ "on a video" }, pluck(Video:findOne { include = "notes" }.notes, "text"))
      video:addNote(note)
      assert.equal("video", note.onType)
      assert.equal(2, video:countNotes())
      post:setNotes {}
      assert.equal(2, video:countNotes())
    end)

    it("of hasOne and belongsTo as well", function()
      User:hasOne(Comment, { as = "headline", foreignKey = "authorId", scope = { kind = "head" } })
      Comment:belongsTo(User, { as = "author", scope = { name = "Ann" } })
      Comment:sync { force = true }
      local post = Post:create {}
      post:createComment { text = "x", authorId = ann.id }
      assert.is_nil(ann:getHeadline())
      local head = ann:createHeadline { text = "y", postId = post.id }
      assert.equal("head", head.kind)
      assert.equal("y", ann:getHeadline().text)
      assert.equal("Ann", head:getAuthor().name)
      head:setAuthor(bea)
      assert.is_nil(head:getAuthor())
    end)
  end)

  describe("a getter without options", function()
    before_each(function()
      for _, user in ipairs { ann, bea } do
        user:createPost { title = "of " .. user.name }
        user:createProfile { bio = "of " .. user.name }
      end
    end)

    local function walk(users, options)
      return count(function()
        for _, user in ipairs(users) do
          assert.same({ "of " .. user.name }, pluck(user:getPosts(options), "title"))
          assert.equal("of " .. user.name, user:getProfile(options).bio)
        end
      end)
    end

    it("loads for all rows of a result", function()
      assert.equal(2, walk(User:findAll()))
      assert.equal(2, count(function()
        for _, post in ipairs(Post:findAll()) do assert.truthy(post:getUser()) end
      end))
    end)

    it("loads for itself, or raises, where that was chosen", function()
      assert.equal(4, walk(User:findAll(), { associationLoading = "single" }))
      says("was not loaded", "AssociationError", ann.getPosts, ann, { associationLoading = "strict" })
      says("associationLoading must be", "UsageError", ann.getPosts, ann, { associationLoading = "lazy" })
    end)
  end)

  it("works on both sides of a model with itself", function()
    local Node = db:define("Node", { name = DataTypes.STRING }, PLAIN)
    Node:hasMany(Node, { as = "children", foreignKey = "parentId" })
    Node:belongsTo(Node, { as = "parent", foreignKey = "parentId" })
    Node:sync()
    local root = Node:create { name = "root" }
    local leaf = root:createChild { name = "leaf" }
    root:addChildren { Node:create { name = "other" } }
    assert.same({ "leaf", "other" }, pluck(root:getChildren(), "name"))
    assert.equal("root", leaf:getParent().name)
    assert.is_nil(root:getParent())
    leaf:setChildren { root.id }
    assert.equal(leaf.id, Node:findByPk(root.id).parentId)
    assert.equal(dialect, db.dialect)
  end)
end)
