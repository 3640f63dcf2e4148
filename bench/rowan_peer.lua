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
  return User
end

-- One connection: what is set on it stays set, as in the floors.
local function connect(database, where)
  local pool = { max = 1, min = 1 }
  if database == "postgres" then return rowan.connect(where, { pool = pool }) end
  local db = rowan.connect({ dialect = "sqlite", storage = where, pool = pool })
  db:query("PRAGMA synchronous = OFF")
  return db
end

local function readers(peer, User, raw)
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

  function peer.open(database, where)
    db = connect(database, where)
    local User = define(db)
    readers(peer, User, raw)
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
