-- rowan as a peer, through its public face alone: `raw` reads with raw = true, `models` is what an
-- application gets, validation, timestamps and change tracking included. Made by bench/peer.lua, which
-- says what a peer is.

local rowan = require("rowan")

local DataTypes, Op = rowan.DataTypes, rowan.Op

local M = {}

local function define(db)
  local User = db:define("User", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "firstName", DataTypes.TEXT, allowNull = false },
    { "lastName", DataTypes.TEXT, allowNull = false },
    { "email", DataTypes.TEXT, allowNull = false, unique = true },
    { "age", DataTypes.INTEGER, allowNull = false },
    { "score", DataTypes.DOUBLE, allowNull = false },
    { "isActive", DataTypes.BOOLEAN, allowNull = false },
    { "bio", DataTypes.TEXT },
  }, { tableName = "users", underscored = true })
  local Post = db:define("Post", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "userId", DataTypes.INTEGER, allowNull = false },
    { "title", DataTypes.TEXT, allowNull = false },
    { "content", DataTypes.TEXT, allowNull = false },
    { "status", DataTypes.TEXT, allowNull = false },
    { "publishedAt", DataTypes.DATE, allowNull = false },
  }, { tableName = "posts", underscored = true, timestamps = false })
  User:hasMany(Post, { as = "posts", foreignKey = "userId" })
  Post:belongsTo(User, { as = "author", foreignKey = "userId" })
  return User, Post
end

-- What W7 hangs on posts and their authors.
local function define_nested(db, User, Post)
  local Profile = db:define("Profile", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "userId", DataTypes.INTEGER, allowNull = false, unique = true },
    { "bio", DataTypes.TEXT, allowNull = false },
    { "website", DataTypes.TEXT, allowNull = false },
  }, { tableName = "profiles", underscored = true, timestamps = false })
  local Tag = db:define("Tag", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.TEXT, allowNull = false },
    { "slug", DataTypes.TEXT, allowNull = false },
  }, { tableName = "tags", underscored = true, timestamps = false })
  local PostTag = db:define("PostTag", {
    { "postId", DataTypes.INTEGER, primaryKey = true },
    { "tagId", DataTypes.INTEGER, primaryKey = true },
    { "relevance", DataTypes.INTEGER, allowNull = false },
  }, { tableName = "post_tags", underscored = true, timestamps = false })
  User:hasOne(Profile, { as = "profile", foreignKey = "userId" })
  Post:belongsToMany(Tag, { as = "tags", through = PostTag, foreignKey = "postId", otherKey = "tagId" })
end

-- What is set on a connection stays set, as in the floors.
local function connect(database, where, connections)
  local pool = { max = connections, min = connections }
  if database == "postgres" then return rowan.connect(where, { pool = pool }) end
  local db = rowan.connect({ dialect = "sqlite", storage = where, pool = pool })
  db:query("PRAGMA synchronous = OFF")
  return db
end

local function readers(peer, User, Post, raw)
  -- one table for all calls where nothing in it changes, as an application would hold it
  local by_key = raw and { raw = true } or nil
  local every = { raw = raw }

  function peer.find(id) return User:findByPk(id, by_key) end

  function peer.all() return User:findAll(every) end

  function peer.filter(low, high, names, limit)
    return User:findAll({
      where = { age = { [Op.gte] = low, [Op.lte] = high }, firstName = names },
      order = { { "id", "ASC" } }, limit = limit, raw = raw,
    })
  end

  function peer.parents(limit)
    return User:findAll({ include = { "posts" }, order = { { "id", "ASC" } }, limit = limit, raw = raw })
  end

  function peer.nested(limit)
    return Post:findAll({
      include = { { as = "author", include = { "profile" } }, "tags" }, order = { { "id", "ASC" } }, limit = limit,
      raw = raw,
    })
  end

  function peer.flight(workers, queries, key, each)
    local last, tasks = 0, {}
    for i = 1, workers do
      tasks[i] = function()
        while last < queries do
          last = last + 1
          each(User:findByPk(key(last), by_key))
        end
      end
    end
    rowan.all(tasks)
  end
end

local function writers(peer, db, User)
  function peer.create(values) return User:create(values) end

  function peer.bulk(list) return User:bulkCreate(list) end

  function peer.first(limit) return User:findAll({ order = { { "id", "ASC" } }, limit = limit }) end

  function peer.save(user) return user:save() end

  function peer.pair(a, b)
    return User:findAll({ where = { id = { a, b } }, order = { { "id", "ASC" } }, lock = peer.lock })
  end

  function peer.transaction(fn) return db:transaction(fn) end
end

---@param name "raw"|"models"
---@return table peer
function M.new(name)
  local raw = name == "raw" or nil
  local peer, db = {}, nil

  function peer.open(database, where, connections)
    db = connect(database, where, connections)
    local User, Post = define(db)
    define_nested(db, User, Post)
    readers(peer, User, Post, raw)
    if raw then return end
    writers(peer, db, User)
    peer.lock = db.dialect ~= "sqlite" -- there the transaction holds the write lock
  end

  function peer.exec(sql) db:query(sql) end

  function peer.number(sql)
    local rows = db:query(sql)
    return rows[1].v
  end

  return peer
end

return M
