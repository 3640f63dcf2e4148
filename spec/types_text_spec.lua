-- rowan.types: annotations that an editor reads.
local rowan = require "rowan"

local D = rowan.DataTypes
local helper = require "spec.helper"

helper.on("sqlite", function(_, connect)
  local db, User, Post

  before_each(function()
    db = connect{ storage = ":memory:" }
    User = db:define("User", {
      { "name", D.STRING, allowNull = false, comment = "what\nto call" }, { "age", D.INTEGER }, { "score", D.DOUBLE },
      { "role", D.ENUM("user", "admin") }, { "data", D.JSON }, { "end", D.BOOLEAN },
      { "card", D.VIRTUAL(D.STRING, { "name" }), get = function() return "" end },
    }, { timestamps = false })
    Post = db:define("blog-post", { title = D.STRING }, { timestamps = false })
    User:hasMany(Post, { as = "posts" })
    Post:belongsTo(User, { as = "author", foreignKey = "userId" })
  end)

  local function has(text, line)
    assert(("\n" .. text):find("\n---" .. line .. "\n", 1, true), "there is no line " .. line .. " in\n" .. text)
  end

  it("writes valid Lua with a class for rows, one for values and one for the model", function()
    local text = rowan.types(db)
    assert(load(text))()
    has(text, "@meta")
    has(text, "@class User: rowan.Instance")
    has(text, "@field id integer")
    has(text, "@field name string what to call")
    has(text, "@field age? integer")
    has(text, "@field score? number")
    has(text, '@field role? "user"|"admin"')
    has(text, "@field data? any")
    has(text, '@field ["end"] boolean?')
    has(text, "@field card? string")
    has(text, "@field posts? blog_post[]")
    has(text, "@field getPosts fun(self: User, options?: table): blog_post[]")
    has(text, "@field createPost fun(self: User, values?: blog_postValues, options?: table): blog_post")
    has(text, "@field author? User")
    has(text, "@field getAuthor fun(self: blog_post, options?: table): User?")
    has(text, "@class UserModel: rowan.Model")
    has(text, "@field findByPk fun(self: UserModel, key: any, options?: table): User?")
    has(text, '@field model fun(self: rowan.Database, name: "User"): UserModel')
  end)

  it("takes a model or models, and nothing else", function()
    assert.equal(rowan.types(User), rowan.types{ User })
    assert.equal(rowan.types{ User, Post }, rowan.types(db))
    assert.is_nil(rowan.types(User):find("blog_post", 1, true))
    for _, wrong in ipairs{ 5, { 5 }, { User = "x" } } do
      assert.equal("UsageError", helper.error_of(rowan.types, wrong).name)
    end
  end)
end)
