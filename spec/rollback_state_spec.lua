-- A rollback puts rows in memory back with those on disk: what it undid is dirty again, so that the next save writes it.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(_, connect)
  local db, User, Post

  before_each(function()
    db = connect()
    User = db:define("User", { name = DataTypes.STRING, data = DataTypes.JSON })
    Post = db:define("Post", { title = DataTypes.STRING })
    User:hasMany(Post, { as = "posts", foreignKey = "userId" })
    db:sync()
  end)

  local function rolled_back(fn)
    local stop = {}
    local ok, err = pcall(db.transaction, db, function(t)
      fn(t)
      error(stop, 0)
    end)
    assert.is_false(ok)
    assert.equal(stop, err)
  end

  describe("after a rollback", function()
    it("a changed row is dirty again, and save writes it", function()
      local user = User:create{ name = "Ann", data = { 1 } }
      local stamp = user.updatedAt
      rolled_back(function()
        user.name = "Bea"
        user.data[2] = 2
        user:save()
        assert.is_false(user:changed())
      end)
      assert.same({ "data", "name" }, user:changed())
      assert.equal("Ann", user:previous("name"))
      assert.equal(stamp, user.updatedAt)
      user:save()
      assert.equal("Bea", User:findByPk(user.id).name)
    end)

    it("the first state of several counts, in rows of one result too", function()
      User:bulkCreate{ { name = "a" }, { name = "b" }, { name = "c" } }
      local users = User:findAll{ order = { "id" } }
      rolled_back(function()
        for round = 1, 3 do
          for _, user in ipairs(users) do user:update{ name = user.name .. round } end
        end
      end)
      assert.equal("b", users[2]:previous("name"))
      assert.equal("b123", users[2].name)
      users[2]:save()
      assert.equal("b123", User:findByPk(users[2].id).name)
      assert.equal("a", User:findByPk(users[1].id).name)
    end)

    it("a created row is new again, and can be saved", function()
      local one, many, tree
      rolled_back(function()
        one = User:create{ name = "one" }
        many = User:bulkCreate{ { name = "two" }, { name = "three" } }
        tree = User:create({ name = "tree", posts = { { title = "leaf" } } }, { include = "posts" })
      end)
      for _, user in ipairs{ one, many[1], many[2], tree, tree.posts[1] } do
        assert.is_true(user.isNewRecord)
        assert.is_nil(user.id)
      end
      assert.is_nil(tree.posts[1].userId)
      one:save()
      assert.is_false(one.isNewRecord)
      assert.equal("one", User:findByPk(one.id).name)
      assert.equal(1, User:count())
      -- With what hangs on it.
      tree:save()
      assert.equal("leaf", tree:getPosts()[1].title)
      assert.is_false(tree.posts[1].isNewRecord)
    end)

    it("a row that was built with others can be saved with them", function()
      local user = User:build({ name = "Ann", posts = { { title = "p" } } }, { include = "posts" })
      rolled_back(function() user:save() end)
      user:save()
      assert.equal(user.id, Post:findOne().userId)
      user.name = "Bea"
      assert.equal(1, helper.count(function() user:save() end))
    end)

    it("of a savepoint only what was written in it is put back", function()
      local user = User:create{ name = "Ann" }
      db:transaction(function()
        user:update{ name = "outer" }
        rolled_back(function() user:update{ name = "inner" } end)
        assert.equal("outer", user:previous("name"))
        assert.is_true(user:changed("name"))
      end)
      assert.equal("outer", User:findByPk(user.id).name)
      assert.equal("outer", user:previous("name"))
    end)

    it("of the outer transaction what a kept savepoint wrote is put back as well", function()
      local user, made = User:create{ name = "Ann" }, nil
      rolled_back(function()
        db:transaction(function()
          user:update{ name = "inner" }
          made = User:create{ name = "new" }
        end)
      end)
      assert.equal("Ann", user:previous("name"))
      assert.is_true(made.isNewRecord)
    end)

    it("keys that association methods wrote are put back, and what the caller set stays", function()
      Post:belongsTo(User, { as = "author", foreignKey = "userId" })
      local ann, bea, post = User:create{ name = "Ann" }, User:create{ name = "Bea" }, Post:create{ title = "p" }
      ann:addPost(post)
      rolled_back(function()
        bea:addPost(post)
        post.title = "q"
        post:save()
        db:transaction(function() post:setAuthor(nil) end)
      end)
      assert.equal(ann.id, post.userId)
      assert.same({ "title" }, post:changed())
      post:save()
      assert.equal("q", ann:getPosts()[1].title)
    end)

    it("versions are those that rows were made with, and keys of watched models are put back as well", function()
      local Item = db:define("Item", { n = DataTypes.INTEGER }, { version = true, paranoid = true })
      User:hasOne(Item, { as = "item", foreignKey = "userId" })
      Item:sync()
      local made, user, item = nil, User:create{ name = "Ann" }, Item:create{ n = 0 }
      rolled_back(function()
        made = Item:bulkCreate{ { n = 1 }, { n = 2 } }
        for _, one in ipairs(made) do one:update{ n = one.n * 10 } end
        made[2]:destroy()
        user:setItem(item)
      end)
      assert.same({ 10, 0, 20, 0 }, { made[1].n, made[1].version, made[2].n, made[2].version })
      assert.is_nil(made[2].deletedAt)
      assert.is_nil(item.userId)
      assert.is_false(item:changed())
      made[2]:save()
      assert.equal(20, Item:findByPk(made[2].id).n)
    end)

    it("an unmanaged transaction puts back the rows of the calls that named it", function()
      local user = User:create{ name = "Ann" }
      local t = db:transaction()
      user.name = "Bea"
      user:save{ transaction = t }
      t:rollback()
      assert.is_true(user:changed("name"))
    end)
  end)

  it("after a commit rows are as they were written", function()
    local user
    db:transaction(function()
      user = User:create{ name = "Ann" }
      user:update{ name = "Bea" }
    end)
    assert.is_false(user:changed())
    assert.is_false(user.isNewRecord)
    assert.equal("Bea", user:previous("name"))
  end)
end)
