-- A small blog: three models, their associations, rows written in a transaction and read back with everything that
-- belongs to them. Runs on an SQLite database in memory; give a connection URL to use another:
--
--     lua5.4 examples/blog.lua postgres:///blog

local rowan = require("rowan")
local DataTypes, Op = rowan.DataTypes, rowan.Op

local statements = 0
local db = rowan.connect(arg and arg[1] or "sqlite::memory:", {
  logging = function() statements = statements + 1 end,
})

local User = db:define("User", {
  name = { type = DataTypes.STRING(80), allowNull = false },
  email = { type = DataTypes.STRING, allowNull = false, unique = true },
}, { underscored = true })

local Post = db:define("Post", {
  title = { type = DataTypes.STRING(120), allowNull = false },
  body = DataTypes.TEXT,
  views = { type = DataTypes.INTEGER, allowNull = false, defaultValue = 0 },
  tags = DataTypes.JSON,
}, { underscored = true })

local Comment = db:define("Comment", {
  text = { type = DataTypes.TEXT, allowNull = false },
}, { underscored = true })

User:hasMany(Post)
Post:belongsTo(User, { as = "author", foreignKey = "userId" })
Post:hasMany(Comment)
Comment:belongsTo(Post)
Comment:belongsTo(User, { as = "author", foreignKey = "userId" })

function User.prototype:signature()
  return ("%s <%s>"):format(self.name, self.email)
end

db:sync({ force = true })

-- Everything in the function happens, or nothing does.
local ann = db:transaction(function()
  local writer = User:create{ name = "Ann", email = "ann@example.org" }
  local reader = User:create{ name = "Ben", email = "ben@example.org" }
  local posts = Post:bulkCreate{
    { title = "Hello", body = "The first post.", userId = writer.id, tags = { "news", "lua" } },
    { title = "Tables", body = "A row is a table.", userId = writer.id, tags = { "lua" }, views = 41 },
    { title = "Drafts", userId = reader.id },
  }
  Comment:bulkCreate{
    { text = "Welcome!", postId = posts[1].id, userId = reader.id },
    { text = "Thank you.", postId = posts[1].id, userId = writer.id },
    { text = "Just a table?", postId = posts[2].id, userId = reader.id },
  }
  return writer
end)

print("Written by " .. ann:signature())

-- One statement for the posts, one for their authors, one for the comments, one for the comments' authors.
statements = 0
local posts = Post:findAll{
  where = { title = { [Op.ne] = "Drafts" } },
  order = { { "title", "ASC" } },
  include = { "author", { as = "comments", order = { "id" }, include = { "author" } } },
}
for _, post in ipairs(posts) do
  print(("\n%s, by %s (%d views)"):format(post.title, post.author.name, post.views))
  for _, tag in ipairs(post.tags) do print("  #" .. tag) end
  for _, comment in ipairs(post.comments) do
    print(("  %s: %s"):format(comment.author.name, comment.text))
  end
end
print(("\n%d statements loaded it all."):format(statements))

-- Only what changed is written; a change inside a JSON value is seen as well.
local tables = Post:findOne{ where = { title = "Tables" } }
tables.views = tables.views + 1
table.insert(tables.tags, "design")
print("\nchanged: " .. table.concat(tables:changed(), ", ") .. "; views were " .. tables:previous("views"))
tables:save()
print(("views are %d, tags are %s"):format(tables.views, table.concat(tables:reload().tags, ", ")))

-- Constraint violations name the attribute.
local ok, err = pcall(function() User:create{ name = "Another Ann", email = "ann@example.org" } end)
print("\nsecond ann: " .. (ok and "created" or tostring(err)))
ok, err = pcall(function() Post:create{ title = rowan.null, views = 1.5 } end)
print("bad post:   " .. (ok and "created" or tostring(err)))

-- A bulk write must say which rows it means.
ok, err = pcall(function() Post:destroy{} end)
print("careless:   " .. (ok and "deleted" or tostring(err)))
print("deleted:    " .. Post:destroy{ where = { title = { "Drafts", "Nothing" } } } .. " of " .. Post:count() + 1)

db:close()
