-- lock, skipLocked, noWait: rows locked until the transaction ends, or a refusal by name; never a lock that is none.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes

helper.each(function(dialect, connect)
  local on_postgres = dialect == "postgres"

  local function filled()
    local db = connect()
    local User = db:define("User", { { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING } },
      { timestamps = false })
    local Post = db:define("Post", { { "id", D.INTEGER, primaryKey = true } }, { timestamps = false })
    Post:belongsTo(User, { as = "author" })
    User:hasMany(Post, { as = "posts" })
    db:sync()
    for i = 1, 3 do
      User:create { id = i, name = "u" .. i }
      Post:create { id = i, authorId = i }
    end
    return db, User, Post
  end

  local function refused(class, pattern, call)
    local err = helper.error_of(call)
    assert.equal(class, err.name)
    assert.matches(pattern, err.message)
  end

  local function suffix(db, call)
    local sent
    db:transaction(function()
      sent = helper.statements(call)
    end)
    return #sent, sent[1]:match(" (FOR .*)$")
  end

  it("locks the rows of the model at every level", function()
    local db, User = filled()
    db:transaction(function(t)
      assert.same({ UPDATE = "UPDATE", SHARE = "SHARE", KEY_SHARE = "KEY SHARE", NO_KEY_UPDATE = "NO KEY UPDATE" }, t.LOCK)
    end)
    for lock, words in pairs { UPDATE = "FOR UPDATE", SHARE = "FOR SHARE", ["KEY SHARE"] = "FOR KEY SHARE",
      NO_KEY_UPDATE = "FOR NO KEY UPDATE" } do
      local n, text = suffix(db, function()
        assert.equal(3, #User:findAll { lock = lock })
      end)
      assert.equal(1, n)
      assert.equal(on_postgres and words or nil, text)
    end
    local _, text = suffix(db, function()
      assert.equal("u2", User:findByPk(2, { lock = true }).name)
    end)
    assert.equal(on_postgres and "FOR UPDATE" or nil, text)
  end)

  it("locks joined rows where it is told, and only those that are there", function()
    local db, User, Post = filled()
    local required = { { association = "author", required = true } }
    for _, case in ipairs {
      { true, 'FOR UPDATE OF "t0"' }, { { level = "SHARE", of = { Post, "author" } }, 'FOR SHARE OF "t0", "t1"' },
      { { of = User }, 'FOR UPDATE OF "t1"' }, { { of = Post.associations.author }, 'FOR UPDATE OF "t1"' },
    } do
      local _, text = suffix(db, function() Post:findAll { lock = case[1], include = required } end)
      assert.equal(on_postgres and case[2] or nil, text)
    end
    refused("QueryError", 'rows of "author" cannot be locked: they may be missing', function()
      db:transaction(function() Post:findAll { lock = { of = "author" }, include = "author" } end)
    end)
    refused("QueryError", '"writer" is neither the model nor', function()
      db:transaction(function() Post:findAll { lock = { of = "writer" }, include = "author" } end)
    end)
  end)

  it("refuses a lock that would not hold", function()
    local db, User = filled()
    local sent = helper.count(function()
      refused("TransactionError", "needs a transaction", function() User:findAll { lock = true } end)
      refused("QueryError", "skipLocked means nothing without lock", function() User:findAll { skipLocked = true } end)
    end)
    assert.equal(0, sent)
    refused("TransactionError", "only reads", function()
      db:transaction({ readOnly = true }, function() User:findAll { lock = true } end)
    end)
    refused("QueryError", 'no level "UPDAT"', function()
      db:transaction(function() User:findAll { lock = "UPDAT" } end)
    end)
    if on_postgres then return end
    for _, option in ipairs { "skipLocked", "noWait" } do
      refused("TransactionError", option .. " is not supported: SQLite", function()
        db:transaction(function() User:findAll { lock = true, [option] = true } end)
      end)
    end
    refused("TransactionError", "needs an IMMEDIATE", function()
      db:transaction({ type = "DEFERRED" }, function() User:findAll { lock = true } end)
    end)
  end)

  it("holds others off until the transaction ends", function()
    local db, User = filled()
    local t = db:transaction()
    User:findByPk(2, { lock = true, transaction = t })
    if on_postgres then
      local other = db:transaction()
      local free = User:findAll { lock = true, skipLocked = true, transaction = other, order = "id" }
      assert.same({ 1, 3 }, { free[1].id, free[2].id })
      assert.is_nil(free[3])
      refused("TimeoutError", "lock", function() User:findByPk(2, { lock = true, noWait = true, transaction = other }) end)
      other:rollback()
    else
      refused("TimeoutError", "locked", function()
        db:query("PRAGMA busy_timeout = 1")
        User:create({ id = 9 }, { transaction = false })
      end)
    end
    t:commit()
  end)

  it("counts beside locked rows", function()
    local db, User = filled()
    db:transaction(function()
      local page = User:findAndCountAll { lock = true, limit = 2 }
      assert.same({ 3, 2 }, { page.count, #page.rows })
    end)
  end)
end)
