-- Dropping tables that others point at: nothing of the others is lost, and nothing is lost unasked.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

helper.each(function(dialect, connect)
  local db, qi

  before_each(function()
    db = connect()
    qi = db:queryInterface()
  end)

  local function users_and_posts(action)
    local User = db:define("User", { { "bossId", DataTypes.INTEGER, references = "Users" } }, { timestamps = false })
    local Post = db:define("Post", {
      { "userId", DataTypes.INTEGER, references = "Users", onDelete = action },
      { "editorId", DataTypes.INTEGER, references = "Users" },
    }, { timestamps = false })
    db:sync()
    User:create { id = 1, bossId = 1 }
    Post:create { id = 1, userId = 1, editorId = 1 }
    return User, Post
  end

  local function stands(Post)
    assert.same({ 1, 1 }, { Post:findByPk(1).userId, Post:findByPk(1).editorId })
    assert.equal(2, #qi:getForeignKeys("Posts"))
    if dialect == "sqlite" then assert.equal(1, db:query("PRAGMA foreign_keys")[1].foreign_keys) end
  end

  it("refuses while rows of others point at the table, whatever would happen to them", function()
    for _, action in ipairs { "CASCADE", "SET NULL", "RESTRICT" } do
      local User, Post = users_and_posts(action)
      for _, fn in ipairs {
        function() qi:dropTable("Users") end, function() User:drop() end,
        function() db:transaction(function() User:drop() end) end,
      } do
        local err = error_of(fn)
        assert.is_true(rowan.is(err, "DatabaseError"))
        if dialect == "sqlite" then
          assert.matches("1 rows of Posts point at it %(cascade = true drops the foreign key", err.message)
        end
        stands(Post)
      end
      if dialect == "sqlite" then
        assert.matches("Posts point at it", error_of(User.sync, User, { force = true }).message)
        stands(Post)
      end
      db:drop()
    end
  end)

  it("takes the foreign keys of others along with cascade, and keeps their rows", function()
    for _, drop in ipairs {
      function() qi:dropTable("Users", { cascade = true }) end,
      function(User) User:drop { cascade = true } end,
    } do
      local User, Post = users_and_posts("CASCADE")
      drop(User)
      assert.is_false(qi:tableExists("Users"))
      assert.same({}, qi:getForeignKeys("Posts"))
      assert.equal(1, Post:findByPk(1).userId)
      Post:create { id = 2, userId = 99 }
      db:drop()
    end
    qi:dropTable("nowhere", { cascade = true })
  end)

  it("drops one that nobody's rows point at, and all models together", function()
    local User, Post = users_and_posts("CASCADE")
    db:sync { force = true }
    assert.equal(0, Post:count())
    qi:dropTable("Posts")
    User:drop()
    assert.same({}, qi:listTables())
  end)
end)
