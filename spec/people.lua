-- What the specs of instances start from: users with posts, and one user that was read.
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

--- Defines User and Post, and stores Ann.
---@return rowan.Model User
---@return rowan.Model Post
---@return rowan.Instance ann
return function(db)
  local User = db:define("User", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "name", DataTypes.STRING(50), allowNull = false },
    { "age", DataTypes.INTEGER },
    { "email", DataTypes.STRING(50), unique = true },
    { "data", DataTypes.JSON },
    { "seen", DataTypes.DATE },
  })
  local Post = db:define("Post", { title = { type = DataTypes.STRING } }, { timestamps = false })
  User:hasMany(Post)
  Post:belongsTo(User)
  db:sync()
  User:create { name = "Ann", age = 30, data = { tags = { "a", "b" }, depth = { level = 1 } } }
  return User, Post, User:findByPk(1)
end
