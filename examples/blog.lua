-- The complete blog: users with profiles, posts in categories, tags with a relevance, comments with replies. Written in a
-- few calls, then loaded "with everything". Runs on an SQLite database in memory; give a connection URL to use another:
--
--     lua5.4 examples/blog.lua postgres:///blog

local rowan = require("rowan")
local DataTypes, Op = rowan.DataTypes, rowan.Op

local statements = 0
local db = rowan.connect(arg and arg[1] or "sqlite::memory:", {
  define = { underscored = true },
  logging = function() statements = statements + 1 end,
})

local User = db:define("User", {
  name = { type = DataTypes.STRING(80), allowNull = false },
  email = { type = DataTypes.STRING, allowNull = false, unique = true },
})
local Profile = db:define("Profile", { bio = DataTypes.TEXT, website = DataTypes.STRING })
local Category = db:define("Category", { name = { type = DataTypes.STRING(40), unique = true } })
local Post = db:define("Post", {
  title = { type = DataTypes.STRING(120), allowNull = false },
  body = DataTypes.TEXT,
  views = { type = DataTypes.INTEGER, allowNull = false, defaultValue = 0 },
  links = DataTypes.JSON,
})
local Tag = db:define("Tag", { name = { type = DataTypes.STRING(30), unique = true } }, { timestamps = false })
local PostTag = db:define("PostTag", { relevance = DataTypes.INTEGER }, { timestamps = false })
local Comment = db:define("Comment", { text = { type = DataTypes.TEXT, allowNull = false } })

-- One to one, one to many, many to many through a model of its own, and a tree.
User:hasOne(Profile, { as = "profile", onDelete = "CASCADE" })
Profile:belongsTo(User, { as = "user" })
User:hasMany(Post, { as = "posts", foreignKey = "authorId" })
Post:belongsTo(User, { as = "author", foreignKey = "authorId" })
Category:hasMany(Post, { as = "posts" })
Post:belongsTo(Category, { as = "category" })
Post:belongsToMany(Tag, { as = "tags", through = PostTag })
Tag:belongsToMany(Post, { as = "posts", through = PostTag })
Post:hasMany(Comment, { as = "comments" })
Comment:belongsTo(Post, { as = "post" })
Comment:belongsTo(User, { as = "author", foreignKey = "authorId" })
Comment:hasMany(Comment, { as = "replies", foreignKey = "parentId" })
Comment:belongsTo(Comment, { as = "parent", foreignKey = "parentId" })

function User.prototype:signature()
  return ("%s <%s>"):format(self.name, self.email)
end

db:sync({ force = true })

-- Everything in the function happens, or nothing does.
statements = 0
local ann = db:transaction(function()
  local writer = User:create({
    name = "Ann", email = "ann@example.org",
    profile = { bio = "Writes about tables.", website = "https://example.org" },
  }, { include = { "profile" } })
  local reader = User:create{ name = "Ben", email = "ben@example.org" }
  local news = Category:create{ name = "News" }
  local lua, design = Tag:create{ name = "lua" }, Tag:create{ name = "design" }

  -- A post with comments and replies, in one call.
  local hello = Post:create({
    title = "Hello", body = "The first post.", authorId = writer.id, categoryId = news.id,
    links = { "https://www.lua.org" },
    comments = {
      { text = "Welcome!", authorId = reader.id, replies = { { text = "Thank you.", authorId = writer.id } } },
      { text = "At last.", authorId = reader.id },
    },
  }, { include = { { as = "comments", include = { "replies" } } } })
  hello:addTag(lua, { through = { relevance = 3 } })

  local tables = writer:createPost{ title = "Tables", body = "A row is a table.", views = 41 }
  tables:setTags({ lua, design })
  tables:addTag(design, { through = { relevance = 9 } })
  writer:createPost{ title = "Drafts" }
  return writer
end)
print(("Written by %s with %d statements."):format(ann:signature(), statements))

-- With everything: each association is one statement or a join, however many rows there are.
statements = 0
local users = User:findAll{
  order = { "name" },
  include = {
    "profile",
    {
      as = "posts", where = { title = { [Op.ne] = "Drafts" } }, required = false, order = { { "title", "ASC" } },
      include = {
        "category",
        { as = "tags", order = { "name" }, through = { attributes = { "relevance" } } },
        {
          as = "comments", where = { parentId = rowan.null }, required = false, order = { "id" },
          include = { "author", { as = "replies", order = { "id" }, include = "author" } },
        },
      },
    },
  },
}
local took = statements

local function show_comment(comment, indent)
  print(indent .. comment.author.name .. ": " .. comment.text)
  for _, reply in ipairs(comment.replies or {}) do show_comment(reply, indent .. "  ") end
end

for _, user in ipairs(users) do
  print(("\n%s%s"):format(user.name, user.profile and ": " .. user.profile.bio or " has no profile"))
  for _, post in ipairs(user.posts) do
    print(("  %s (%d views)%s"):format(post.title, post.views, post.category and " in " .. post.category.name or ""))
    for _, tag in ipairs(post.tags) do
      print(("    #%s%s"):format(tag.name, tag.PostTag.relevance and " relevance " .. tag.PostTag.relevance or ""))
    end
    for _, comment in ipairs(post.comments) do show_comment(comment, "    ") end
  end
end
print(("\n%d statements loaded it all."):format(took))

-- A getter in a loop over a result loads for all of its rows at once.
statements = 0
for _, post in ipairs(Post:findAll{ order = { "title" } }) do
  print(("%s has %d comments"):format(post.title, #post:getComments()))
end
print(statements .. " statements for the loop.")

-- Only what changed is written; a change inside a JSON value is seen as well.
local hello = Post:findOne{ where = { title = "Hello" } }
hello.views = hello.views + 1
table.insert(hello.links, "https://luarocks.org")
print("\nchanged: " .. table.concat(hello:changed(), ", ") .. "; views were " .. hello:previous("views"))
hello:save()
print(("views are %d, links are %s"):format(hello.views, table.concat(hello:reload().links, ", ")))

-- Constraint violations name the attribute; a bulk write must say which rows it means.
local ok, err = pcall(function() User:create{ name = "Another Ann", email = "ann@example.org" } end)
print("\nsecond ann: " .. (ok and "created" or tostring(err)))
ok, err = pcall(function() Post:create{ title = rowan.null, views = 1.5 } end)
print("bad post:   " .. (ok and "created" or tostring(err)))
ok, err = pcall(function() Post:destroy{} end)
print("careless:   " .. (ok and "deleted" or tostring(err)))
print("deleted:    " .. Post:destroy{ where = { title = { "Drafts", "Nothing" } } } .. " of " .. Post:count() + 1)

db:close()
