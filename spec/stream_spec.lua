-- Streams: rows in constant memory, and a connection that is free again however the loop ends.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes
local closes = _VERSION == "Lua 5.4" -- `for` closes the stream

helper.each(function(dialect, connect)
  local function define(db, n)
    local User = db:define("User", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING }, { "at", D.DATE },
    }, { timestamps = false })
    local Post = db:define("Post", { title = D.STRING }, { timestamps = false })
    User:hasMany(Post)
    Post:belongsTo(User)
    db:sync()
    local rows, posts = {}, {}
    for i = 1, n do
      rows[i] = { id = i, name = "n" .. i, at = "2024-01-01T00:00:00.000Z" }
      posts[i] = { title = "p" .. i, userId = i }
    end
    User:bulkCreate(rows)
    Post:bulkCreate(posts)
    return User, Post
  end

  local function filled(n, options)
    local db = connect(options)
    local User, Post = define(db, n)
    return db, User, Post
  end

  local function in_use(db)
    return db.pool:stats().inUse
  end

  it("gives the rows of one query as instances, whatever the order", function()
    local db, User = filled(23)
    local list = {}
    for user in User:stream { batch = 5, order = { { "name", "DESC" } }, where = { id = { 1, 2, 3, 10, 20 } } } do
      list[#list + 1] = user.name
      assert.equal(User, user.Model)
      assert.equal("2024-01-01T00:00:00.000Z", user.at)
    end
    assert.equal("n3 n20 n2 n10 n1", table.concat(list, " "))
    local n = 0
    for row in User:stream { batch = 10, raw = true, attributes = { "id" } } do
      n = n + row.id
    end
    assert.equal(23 * 12, n)
    for _ in User:stream { where = { id = 0 } } do error("there is none") end
    assert.equal(0, in_use(db))
  end)

  it("loads includes a batch at a time, joined ones within the rows", function()
    local _, User, Post = filled(7)
    local seen = {}
    for user in User:stream { batch = 3, include = "posts", order = "id" } do seen[#seen + 1] = user.posts[1].title end
    assert.equal("p1 p2 p3 p4 p5 p6 p7", table.concat(seen, " "))
    seen = {}
    for post in Post:stream { batch = 3, include = "user", order = "id" } do seen[#seen + 1] = post.user.name end
    assert.equal("n1 n2 n3 n4 n5 n6 n7", table.concat(seen, " "))
    assert.matches("posts is to%-many", helper.error_of(User.stream, User,
      { include = { association = "posts", strategy = "join" } }).message)
  end)

  it("lets other statements run in between", function()
    local db, User = filled(6)
    for user in User:stream { batch = 2, order = "id" } do
      assert.equal(6, User:count())
      db:transaction(function() user:update { name = "new" .. user.id } end)
    end
    assert.equal("new6", User:findByPk(6).name)
    assert.equal(0, in_use(db))
  end)

  it("is free when the loop is left early", function()
    local db, User = filled(9)
    for user in User:stream { batch = 2, order = "id" } do
      if user.id == 3 then break end
    end
    if closes then assert.equal(0, in_use(db)) end
    pcall(function()
      for user in User:stream { batch = 2, order = "id" } do
        if user.id == 3 then error("left") end
      end
    end)
    if closes then assert.equal(0, in_use(db)) end
    local users = User:stream { batch = 2, order = "id" }
    assert.equal(1, users().id)
    users:close()
    assert.is_nil(users())
    users:close()
    for _ = 1, 12 do User:stream { batch = 2 }() end -- more than there are connections
    assert.equal(9, User:count())
    collectgarbage()
    collectgarbage()
    db:drop()
  end)

  it("reads in the current transaction, and ends with it", function()
    local db, User = filled(5)
    local kept
    db:transaction(function()
      User:create { id = 6, name = "n6" }
      local n = 0
      for user in User:stream { batch = 2, include = "posts" } do
        n = n + 1
        assert.equal(6, User:count())
        user:update { name = "inside" }
      end
      assert.equal(6, n)
      kept = User:stream { batch = 2 }
      kept()
    end)
    kept()
    local err = helper.error_of(function() kept() end)
    assert.truthy(err.name)
    assert.equal(6, User:count { where = { name = "inside" } })
    assert.equal(0, in_use(db))
  end)

  it("says what goes wrong, and is free then", function()
    local db, User = filled(5)
    assert.matches("batch must be", helper.error_of(User.stream, User, { batch = 0 }).message)
    assert.matches('no option "ordr"', helper.error_of(User.stream, User, { ordr = 1 }).message)
    local bad = rowan.literal(dialect == "postgres" and "1 / (3 - id)"
      or "abs(CASE id WHEN 3 THEN -9223372036854775807 - 1 ELSE 1 END)")
    local n = 0
    local err = helper.error_of(function()
      for _ in User:stream { batch = 1, order = "id", attributes = { "id", { bad, "x" } } } do n = n + 1 end
    end)
    assert.equal("DatabaseError", err.name)
    assert.truthy(n <= 2)
    assert.equal(0, in_use(db))
    assert.equal(5, User:count())
  end)

  it("parks under rowan.all", function()
    local db, User, Post = filled(30)
    local sums = rowan.all {
      function()
        local n = 0
        for user in User:stream { batch = 4, include = "posts" } do n = n + #user.posts end
        return n
      end,
      function()
        local n = 0
        for post in Post:stream { batch = 7 } do n = n + post.userId end
        return n
      end,
      function()
        for user in User:stream { batch = 7 } do if user.id == 5 then break end end
        return User:count()
      end,
    }
    assert.same({ 30, 465, 30 }, sums)
    collectgarbage()
    collectgarbage()
    assert.equal(0, in_use(db))
  end)

  it("holds a connection of its own where there are several", function()
    if dialect ~= "sqlite" then return end
    local path = os.tmpname()
    local db = rowan.connect("sqlite:" .. path)
    local User = define(db, 9)
    for user in User:stream { batch = 2, order = "id" } do
      user:update { name = "new" }
      if user.id == 5 then break end
    end
    collectgarbage()
    collectgarbage()
    assert.equal(5, User:count { where = { name = "new" } })
    assert.equal(0, in_use(db))
    db:close()
    for _, tail in ipairs { "", "-wal", "-shm" } do os.remove(path .. tail) end
  end)
end)
