-- Soft deletes: what is deleted is out of sight, comes back, and takes its dependents along both ways.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local SOFT = { paranoid = true }

local function names(rows) return table.concat(helper.sorted(rows, "name"), " ") end

helper.each(function(dialect, connect)
  local db, User, Post, Comment

  before_each(function()
    db = connect({ warnings = false })
    User = db:define("User", { name = { type = DataTypes.STRING, unique = true } }, SOFT)
    Post = db:define("Post", { name = DataTypes.STRING }, SOFT)
    Comment = db:define("Comment", { name = DataTypes.STRING }, SOFT)
    User:hasMany(Post, { as = "posts", onDelete = "CASCADE" })
    Post:belongsTo(User, { as = "user", onDelete = "CASCADE" })
    Post:hasMany(Comment, { as = "comments", onDelete = "CASCADE" })
    db:sync()
  end)

  after_each(function() rowan.setClock(nil) end)

  describe("a soft deletion", function()
    it("is an UPDATE, and finders, counts and bulk writes pass it over", function()
      local ann = User:create({ name = "ann" })
      User:create({ name = "bob" })
      local statements = helper.statements(function() ann:destroy({ logging = nil }) end)
      assert.truthy(table.concat(statements, "\n"):find("UPDATE", 1, true))
      assert.is_nil(table.concat(statements, "\n"):find("DELETE", 1, true))
      assert.is_true(ann:isSoftDeleted())
      assert.equal("bob", names(User:findAll()))
      assert.is_nil(User:findByPk(ann.id))
      assert.is_nil(User:findOne({ where = { name = "ann" } }))
      assert.equal(1, User:count())
      assert.equal(1, User:findAndCountAll().count)
      assert.equal(1, (User:update({ name = "x" }, { where = rowan.all })))
      assert.equal("ann x", names(User:findAll({ paranoid = false })))
      assert.equal(2, User:count({ paranoid = false }))
      assert.equal("ann", User:findByPk(ann.id, { paranoid = false }).name)
      assert.equal(2, (User:update({ name = rowan.null }, { where = rowan.all, paranoid = false })))
    end)

    it("is told from the default value of deletedAt, where it has one", function()
      local long_ago = "1970-01-01T00:00:00.000Z"
      local Epoch = db:define("Epoch", {
        name = { type = DataTypes.STRING, unique = true }, deletedAt = { type = DataTypes.DATE, defaultValue = 0 },
      }, SOFT)
      Epoch:hasMany(Epoch, { as = "parts", foreignKey = "wholeId", onDelete = "CASCADE" })
      Epoch:sync()
      local row = Epoch:create({ name = "a" })
      local part = row:createPart({ name = "p" })
      assert.equal(long_ago, row.deletedAt)
      assert.is_false(row:isSoftDeleted())
      assert.equal(2, Epoch:count())
      row:destroy()
      assert.is_true(row:isSoftDeleted())
      assert.equal(0, Epoch:count())
      local at = row.deletedAt
      row:destroy()
      assert.equal(at, row.deletedAt)
      row:restore()
      assert.equal(long_ago, row.deletedAt)
      assert.equal(long_ago, part:reload().deletedAt)
      assert.equal(2, Epoch:destroy({ where = rowan.all }))
      assert.equal(1, Epoch:restore({ where = { name = "a" }, individualHooks = true }))
      assert.equal(2, Epoch:count())
      Epoch:destroy({ where = { name = "p" } })
      local _, created = Epoch:upsert({ name = "p" })
      assert.is_true(created)
      assert.equal("UniqueConstraintError", helper.error_of(Epoch.create, Epoch, { name = "p" }).name)
      assert.equal("UniqueConstraintError", helper.error_of(part.restore, part:reload()).name)
    end)

    it("is taken back whatever the default scope says, and as far as another scope says", function()
      local Item = db:define("Item", { name = DataTypes.STRING, live = DataTypes.BOOLEAN }, {
        paranoid = true, defaultScope = { where = { live = true } }, scopes = { a = { where = { name = "a" } } },
      })
      Item:sync()
      Item:bulkCreate({ { name = "a", live = false }, { name = "b", live = false } })
      Item:unscoped():destroy({ where = rowan.all })
      assert.equal(1, Item:scope("a"):restore({ where = { live = false } }))
      assert.equal(1, Item:restore({ where = { name = "b" } }))
      assert.equal(2, Item:unscoped():count())
    end)

    it("deletes for good with force", function()
      local ann, bob = User:create({ name = "ann" }), User:create({ name = "bob" })
      ann:destroy()
      ann:destroy({ force = true })
      assert.equal(1, User:count({ paranoid = false }))
      bob:destroy()
      assert.equal(1, User:destroy({ where = { name = "bob" }, force = true }))
      assert.equal(0, User:count({ paranoid = false }))
    end)

    it("keeps its time when it is done twice, and saves what else changed", function()
      local ann = User:create({ name = "ann" })
      rowan.setClock(function() return "2024-01-01T00:00:00Z" end)
      ann.name = "anna"
      ann:destroy()
      rowan.setClock(function() return "2025-01-01T00:00:00Z" end)
      ann:destroy()
      local read = User:findByPk(ann.id, { paranoid = false })
      assert.equal("2024-01-01T00:00:00.000Z", read.deletedAt)
      assert.equal("anna", read.name)
    end)

    it("of many rows keeps a condition that is a list or an expression", function()
      User:bulkCreate({ { name = "a" }, { name = "b" }, { name = "c" } })
      assert.equal(1, User:destroy({ where = rowan.or_({ name = "a" }, { name = "x" }) }))
      assert.equal(1, User:destroy({ where = { { name = "b" } } }))
      assert.equal("c", names(User:findAll()))
      assert.truthy(helper.error_of(function() User:destroy({ where = {} }) end).message:find("the where is empty", 1, true))
    end)

    it("lets the name be used again, and only one row at a time", function()
      local ann = User:create({ name = "ann" })
      ann:destroy()
      User:create({ name = "ann" })
      local err = helper.error_of(function() User:create({ name = "ann" }) end)
      assert.equal("UniqueConstraintError", err.name)
      assert.equal("name", err.errors[1].path)
      assert.equal("UniqueConstraintError", helper.error_of(function() ann:restore() end).name)
      assert.is_true(ann:isSoftDeleted())
    end)

    it("is undone in memory by a rollback", function()
      local ann = User:create({ name = "ann" })
      pcall(db.transaction, db, function() ann:destroy() error("no") end)
      assert.equal("ann", names(User:findAll()))
      assert.is_false(ann:isSoftDeleted())
      assert.is_false(ann:changed())
      local bob
      pcall(db.transaction, db, function()
        bob = User:create({ name = "bob" })
        bob:destroy()
        bob:restore()
        bob:destroy()
        error("no")
      end)
      assert.is_true(bob.isNewRecord)
      assert.is_nil(bob.deletedAt)
    end)

    it("is read again with its row, unless that is to be there", function()
      local ann = User:create({ name = "ann" })
      User:destroy({ where = { name = "ann" } })
      assert.is_true(ann:reload():isSoftDeleted())
      assert.is_true(ann:reload({ paranoid = false }):isSoftDeleted())
      local err = helper.error_of(function() ann:reload({ paranoid = true }) end)
      assert.truthy(err.message:find("not in the database any more", 1, true))
    end)
  end)

  describe("a restore", function()
    it("brings rows back, one or many", function()
      local list = User:bulkCreate({ { name = "a" }, { name = "b" }, { name = "c" } })
      User:destroy({ where = rowan.all })
      list[1]:reload():restore()
      assert.equal("a", names(User:findAll()))
      assert.equal(1, User:restore({ where = { name = { "a", "b" } } }))
      assert.equal("a b", names(User:findAll()))
      assert.equal(1, User:restore({ where = rowan.all }))
    end)

    it("looks up when a row was deleted that was read without that", function()
      local ann = User:create({ name = "ann" })
      ann:createPost({ name = "first" })
      ann:destroy()
      local found = User:findOne({ attributes = { "id" }, paranoid = false })
      found:restore()
      assert.is_false(found:isSoftDeleted())
      assert.equal("ann", names(User:findAll()))
      assert.equal("first", names(Post:findAll()))
      User:build({ id = ann.id }, { isNewRecord = false }):restore()
      local keyless = User:build({ name = "ann" }, { isNewRecord = false })
      assert.equal("InstanceError", helper.error_of(keyless.restore, keyless).name)
      ann:destroy({ force = true })
      assert.equal("InstanceError", helper.error_of(found.reload, found).name)
    end)

    it("is refused for models that delete for good", function()
      local Plain = db:define("Plain", { name = DataTypes.STRING })
      db:sync()
      local row = Plain:create({ name = "a" })
      assert.truthy(helper.error_of(function() row:restore() end).message:find("not paranoid", 1, true))
      assert.truthy(helper.error_of(function() row:isSoftDeleted() end).message:find("not paranoid", 1, true))
      assert.truthy(helper.error_of(function() Plain:restore({ where = {} }) end).message:find("not paranoid", 1, true))
    end)

    it("runs its hooks, those of each row where they are wanted", function()
      local seen = {}
      for _, name in ipairs({ "beforeBulkRestore", "beforeRestore", "afterRestore", "afterBulkRestore" }) do
        User:addHook(name, function() seen[#seen + 1] = name end)
      end
      local ann = User:create({ name = "ann" })
      ann:destroy()
      ann:restore()
      assert.same({ "beforeRestore", "afterRestore" }, seen)
      ann:destroy()
      assert.equal(1, User:restore({ where = rowan.all, individualHooks = true }))
      assert.same({ "beforeRestore", "afterRestore", "beforeBulkRestore", "beforeRestore", "afterRestore",
        "afterBulkRestore" }, seen)
      assert.equal(1, User:count())
    end)
  end)

  describe("dependents", function()
    local function family()
      local ann = User:create({ name = "ann", posts = {
        { name = "p1", comments = { { name = "c1" }, { name = "c2" } } }, { name = "p2" },
      } }, { include = { { association = "posts", include = "comments" } } })
      User:create({ name = "bob", posts = { { name = "p3" } } }, { include = "posts" })
      return ann
    end

    it("go along with one deletion, and come back with it", function()
      local ann = family()
      rowan.setClock(function() return "2023-01-01T00:00:00Z" end)
      Comment:destroy({ where = { name = "c2" } })
      rowan.setClock(function() return "2024-01-01T00:00:00Z" end)
      -- BEGIN, three tables, COMMIT
      assert.equal(5, helper.count(function() ann:destroy() end))
      assert.equal("p3", names(Post:findAll()))
      assert.equal(0, Comment:count())
      assert.equal("2024-01-01T00:00:00.000Z", Post:findOne({ paranoid = false, where = { name = "p2" } }).deletedAt)
      ann:restore()
      assert.equal("p1 p2 p3", names(Post:findAll()))
      assert.equal("c1", names(Comment:findAll()))
    end)

    it("are told from those of another deletion in the same moment", function()
      local ann = family()
      rowan.setClock(function() return "2024-01-01T00:00:00Z" end)
      Comment:destroy({ where = { name = "c2" } })
      Post:destroy({ where = { name = "p2" } })
      ann:destroy()
      ann:restore()
      assert.equal("p1 p3", names(Post:findAll()))
      assert.equal("c1", names(Comment:findAll()))
    end)

    it("go along with bulk calls, both ways", function()
      family()
      rowan.setClock(function() return "2024-01-01T00:00:00Z" end)
      assert.equal(2, User:destroy({ where = rowan.all }))
      assert.equal(0, Post:count())
      assert.equal(0, Comment:count())
      assert.equal(1, User:restore({ where = { name = "ann" } }))
      assert.equal("p1 p2", names(Post:findAll()))
      assert.equal("c1 c2", names(Comment:findAll()))
    end)

    it("stay when one of them cannot go", function()
      local ann = family()
      db:addHook("beforeBulkUpdate", function() end)
      db:query(dialect == "postgres" and 'ALTER TABLE "Comments" ADD CHECK ("deletedAt" IS NULL)'
        or 'CREATE TRIGGER no BEFORE UPDATE ON "Comments" BEGIN SELECT RAISE(ABORT, \'no\'); END')
      assert.truthy(helper.error_of(function() ann:destroy() end))
      assert.equal("ann bob", names(User:findAll()))
      assert.equal("p1 p2 p3", names(Post:findAll()))
      assert.is_false(ann:isSoftDeleted())
    end)
  end)

  describe("dependents with hooks = true", function()
    local seen

    local function watched(options)
      local Team = db:define("Team", { name = DataTypes.STRING }, options)
      local Member = db:define("Member", { name = DataTypes.STRING }, options)
      local Badge = db:define("Badge", { name = DataTypes.STRING }, options)
      Team:hasMany(Member, { as = "members", foreignKey = "teamId", onDelete = "CASCADE", hooks = true })
      Member:hasOne(Badge, { as = "badge", foreignKey = "memberId", onDelete = "CASCADE", hooks = true })
      db:sync()
      seen = {}
      for _, hook in ipairs({ "beforeDestroy", "afterDestroy", "beforeRestore" }) do
        for _, model in ipairs({ Member, Badge }) do
          model:addHook(hook, function(row, call)
            assert.is_not_nil(call.transaction)
            seen[#seen + 1] = hook .. " " .. row.name
          end)
        end
      end
      local team = Team:create({ name = "t", members = { { name = "m1", badge = { name = "b1" } }, { name = "m2" } } },
        { include = { { association = "members", include = "badge" } } })
      Team:create({ name = "other", members = { { name = "x" } } }, { include = "members" })
      return team, Team, Member, Badge
    end

    local GONE = { "beforeDestroy b1", "beforeDestroy m1", "beforeDestroy m2", "afterDestroy b1", "afterDestroy m1",
      "afterDestroy m2" }

    local function sorted(list)
      table.sort(list, function(a, b) return a:reverse() < b:reverse() end)
      return list
    end

    it("go by them, softly and back again", function()
      local team, Team, Member, Badge = watched(SOFT)
      team:destroy()
      assert.same(sorted(GONE), sorted(seen))
      assert.equal("x", names(Member:findAll()))
      assert.equal(team.deletedAt, Badge:findOne({ paranoid = false }).deletedAt)
      seen = {}
      team:restore()
      assert.same(sorted({ "beforeRestore m1", "beforeRestore m2", "beforeRestore b1" }), sorted(seen))
      assert.equal("m1 m2 x", names(Member:findAll()))
      assert.equal(1, Badge:count())
      seen = {}
      Team:destroy({ where = { name = "t" } })
      assert.same(sorted(GONE), sorted(seen))
      seen = {}
      Team:restore({ where = rowan.all, hooks = false })
      assert.same({}, seen)
      assert.equal("m1 m2 x", names(Member:findAll()))
      team:reload():destroy({ force = true })
      assert.same(sorted(GONE), sorted(seen))
      assert.equal(1, Member:count({ paranoid = false }))
      assert.equal(0, Badge:count({ paranoid = false }))
    end)

    it("go by them before the database deletes them", function()
      local team, Team, Member, Badge = watched()
      assert.equal(1, Team:destroy({ where = rowan.all, limit = 1, order = { "id" } }))
      assert.same(sorted(GONE), sorted(seen))
      assert.equal("x", names(Member:findAll()))
      assert.equal(0, Badge:count())
      assert.equal(0, Team:destroy({ where = { id = team.id } }))
      team = Team:findOne()
      Member:addHook("beforeDestroy", "guard", function() error("stays", 0) end)
      assert.equal("stays", helper.error_of(function() team:destroy() end))
      assert.equal(1, Team:count())
      Member:removeHook("beforeDestroy", "guard")
      seen = {}
      team:destroy({ hooks = false })
      assert.same({}, seen)
      assert.equal(0, Member:count())
    end)

    it("may point at each other in a circle", function()
      local Node = db:define("Node", { name = DataTypes.STRING }, SOFT)
      Node:hasMany(Node, { as = "children", foreignKey = "parentId", onDelete = "CASCADE", hooks = true })
      db:sync()
      seen = {}
      Node:addHook("beforeDestroy", function(row) seen[#seen + 1] = row.name end)
      local root = Node:create({ name = "a", children = { { name = "b", children = { { name = "c" } } } } },
        { include = { { association = "children", include = "children" } } })
      root:update({ parentId = root.children[1].children[1].id })
      root:destroy()
      assert.same({ "a", "b", "c" }, seen)
      root:restore()
      assert.equal(3, Node:count())
      seen = {}
      root:destroy({ force = true })
      assert.same({ "a", "b", "c" }, seen)
      assert.equal(0, Node:count({ paranoid = false }))
    end)

    it("are refused where it is said that nothing goes along", function()
      User:hasOne(Comment, { as = "first", foreignKey = { name = "firstId", onUpdate = "cascade" }, hooks = true })
      local err = helper.error_of(function() User:hasMany(Comment, { as = "remarks", onDelete = "SET NULL", hooks = true }) end)
      assert.equal("AssociationError", err.name)
      assert.truthy(err.message:find("wants onDelete", 1, true))
    end)
  end)

  describe("associations", function()
    local ann

    before_each(function()
      ann = User:create({ name = "ann", posts = { { name = "p1" }, { name = "p2" } } }, { include = "posts" })
      Post:destroy({ where = { name = "p1" } })
    end)

    it("are read without what is deleted, unless told", function()
      assert.equal("p2", names(User:findOne({ include = "posts" }).posts))
      assert.equal("p1 p2", names(User:findOne({ include = { { association = "posts", paranoid = false } } }).posts))
      assert.equal("p2", names(ann:getPosts()))
      assert.equal("p1 p2", names(ann:getPosts({ paranoid = false })))
      assert.equal(1, ann:countPosts())
      assert.equal(2, ann:countPosts({ paranoid = false }))
      local gone = Post:findOne({ where = { name = "p1" }, paranoid = false })
      assert.is_false(ann:hasPost(gone))
      assert.is_true(ann:hasPost(gone, { paranoid = false }))
    end)

    it("filter by what is there", function()
      assert.equal(0, #User:findAll({ include = { { association = "posts", where = { name = "p1" } } } }))
      assert.equal(0, #User:findAll({ where = { ["$posts.name$"] = "p1" } }))
      assert.equal(1, #User:findAll({ where = { ["$posts.name$"] = "p2" } }))
      assert.equal(1, #User:findAll({ include = {
        { association = "posts", where = { name = "p1" }, paranoid = false } } }))
    end)

    it("lead to nothing where the other row is deleted", function()
      local post = Post:findOne()
      User:destroy({ where = rowan.all, hooks = false, individualHooks = false })
      Post:restore({ where = rowan.all })
      post = Post:findByPk(post.id, { include = "user" })
      assert.is_nil(post.user)
      assert.is_nil(Post:findByPk(post.id):getUser())
      assert.equal("ann", post:getUser({ paranoid = false }).name)
    end)

    it("over a paranoid junction are unlinked softly, and can be linked again", function()
      local Tag = db:define("Tag", { name = DataTypes.STRING }, SOFT)
      local Link = db:define("Link", { rank = DataTypes.INTEGER }, SOFT)
      User:belongsToMany(Tag, { through = Link, as = "tags" })
      Tag:belongsToMany(User, { through = Link, as = "users" })
      db:sync()
      local x, y = Tag:create({ name = "x" }), Tag:create({ name = "y" })
      ann:setTags({ x, y })
      ann:removeTag(x)
      assert.equal("y", names(ann:getTags()))
      assert.equal("x y", names(ann:getTags({ through = { paranoid = false } })))
      assert.equal(1, ann:countTags())
      assert.is_false(ann:hasTag(x))
      assert.equal("y", names(User:findOne({ include = "tags" }).tags))
      ann:addTag(x)
      assert.equal("x y", names(ann:getTags()))
      y:destroy()
      assert.equal("x", names(ann:getTags()))
      assert.equal(1, ann:countTags())
      y:restore()
      assert.equal("x y", names(ann:getTags()))
    end)

    it("of one row are found after another took the place of the deleted one", function()
      local Profile = db:define("Profile", { name = DataTypes.STRING, userId = { type = DataTypes.INTEGER, unique = true } },
        SOFT)
      User:hasOne(Profile, { as = "profile", foreignKey = "userId" })
      db:sync()
      Profile:create({ name = "a", userId = ann.id }):destroy()
      Profile:create({ name = "b", userId = ann.id })
      local found = User:findAll({ include = "profile" })
      assert.equal(1, #found)
      assert.equal("b", found[1].profile.name)
      assert.equal(1, #User:findAll({ include = { { association = "profile", paranoid = false } } }))
    end)
  end)

  it("deletedAt can have another name and column, and stand without other timestamps", function()
    local Item = db:define("Item", { name = DataTypes.STRING, goneAt = { type = DataTypes.DATE, field = "gone_at" } },
      { paranoid = true, deletedAt = "goneAt", createdAt = false, updatedAt = false })
    db:sync()
    local item = Item:create({ name = "a" })
    item:destroy()
    assert.equal(0, Item:count())
    assert.equal(1, Item:count({ paranoid = false, where = { goneAt = { [Op.ne] = rowan.null } } }))
    assert.truthy(helper.error_of(function() db:define("X", { a = DataTypes.TEXT }, { paranoid = true, deletedAt = false })
      end).message:find("paranoid needs deletedAt", 1, true))
  end)

  it("a restore may be limited, and brings back the dependents of those rows alone", function()
    for _, name in ipairs{ "a", "b", "c" } do
      User:create({ name = name, posts = { { name = "of " .. name } } }, { include = "posts" })
    end
    User:destroy{ where = rowan.all }
    local function first(options)
      options.where, options.limit, options.order = rowan.all, 1, { { "name", "DESC" } }
      return User:restore(options)
    end
    assert.equal(1, first{})
    assert.same({ "c", "of c" }, { names(User:findAll()), names(Post:findAll()) })
    assert.equal(1, first{ individualHooks = true })
    assert.same({ "b c", "of b of c" }, { names(User:findAll()), names(Post:findAll()) })
    Post:destroy{ where = rowan.all }
    assert.equal(1, Post:restore{ where = rowan.all, limit = 1 })
    assert.equal("of a", names(Post:findAll()))
    assert.equal(0, User:restore{ where = { name = "c" }, limit = 1 })
  end)

  it("a row that is deleted with silent keeps its updatedAt", function()
    local ann = User:create{ name = "ann" }
    local before = ann.updatedAt
    rowan.setClock(function() return "2099-01-01T00:00:00Z" end)
    ann:destroy{ silent = true }
    assert.same({ before, "2099-01-01T00:00:00.000Z" }, { ann.updatedAt, ann.deletedAt })
    ann:restore{ silent = true }
    assert.equal(before, User:findByPk(ann.id).updatedAt)
    ann:destroy()
    assert.equal("2099-01-01T00:00:00.000Z", User:findByPk(ann.id, { paranoid = false }).updatedAt)
  end)
end)
