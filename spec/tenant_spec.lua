-- The plugin of the guide that keeps tenants apart, held to its word: no call sees or writes rows of another one.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

helper.each(function(_, connect)
  local db, User, Post, Tag, Link, current, other

  local function tenant_id() return current or error("no tenant", 0) end

  local function keep(next_one, change)
    for _, row in ipairs(change.rows or { change.row }) do
      if row.tenantId ~= tenant_id() then error("a row of another tenant", 0) end
    end
    return next_one()
  end

  local tenant = {
    name = "tenant",
    define = function(draft)
      draft:attribute("tenantId", {
        type = DataTypes.STRING, allowNull = false, defaultValue = tenant_id, validate = { isImmutable = true },
      }, "the tenant")
      draft:filter({ option = "tenant", where = function() return { tenantId = tenant_id() } end })
    end,
    write = {
      insert = keep, update = keep, destroy = keep,
      bulkInsert = function(next_one, change)
        return db:transaction({ transaction = change.options and change.options.transaction }, function()
          keep(function() end, change)
          next_one()
          keep(function() end, change)
        end)
      end,
      bulkUpdate = function(next_one, change)
        change.options.tenant = nil
        return next_one()
      end,
    },
  }

  local function as(name, fn)
    local before = current
    current = name
    local made = fn()
    current = before
    return made
  end

  local function fill()
    local user = User:create({ name = current, code = "c", n = 1 })
    local post = user:createPost({ title = current })
    local tag = Tag:create({ label = current })
    post:addTag(tag)
    return { user = user, post = post, tag = tag }
  end

  local own
  before_each(function()
    db = connect({ warnings = false })
    db:plugin(tenant)
    User = db:define("User", { name = DataTypes.STRING, code = DataTypes.STRING, n = DataTypes.INTEGER }, {
      paranoid = true, indexes = { { unique = true, fields = { "tenantId", "code" } } },
    })
    Post = db:define("Post", { title = DataTypes.STRING })
    Tag = db:define("Tag", { label = DataTypes.STRING })
    Link = db:define("Link", { weight = DataTypes.INTEGER })
    User:hasMany(Post, { as = "posts", foreignKey = "userId" })
    Post:belongsTo(User, { as = "user", foreignKey = "userId" })
    Post:belongsToMany(Tag, { through = Link, as = "tags", foreignKey = "postId", otherKey = "tagId" })
    Tag:belongsToMany(Post, { through = Link, as = "posts", foreignKey = "tagId", otherKey = "postId" })
    current = nil
    db:sync()
    other = as("o'b", fill)
    current = "a"
    own = fill()
  end)

  it("no search finds them, whatever it asks for", function()
    assert.same({ "a" }, helper.sorted(User:findAll(), "name"))
    local either = { [Op.or_] = { { n = 1 }, { n = 2 } }, name = "o'b" }
    for _, where in ipairs({ { id = other.user.id }, { tenantId = "o'b" }, either }) do
      assert.is_nil(User:findOne({ where = where }))
      assert.equal(0, User:count({ where = where }))
      assert.is_false(User:exists({ where = where }))
    end
    assert.is_nil(User:findByPk(other.user.id))
    assert.equal(1, User:count({ where = rowan.all }))
    assert.equal(1, User:sum("n"))
    assert.equal(1, User:findAndCountAll({ limit = 5 }).count)
    assert.equal(1, #User:count({ group = "name" }))
    assert.same({ "a" }, User:pluck("name"))
    local seen = 0
    for _ in User:each() do seen = seen + 1 end
    for _ in User:stream() do seen = seen + 1 end
    assert.equal(2, seen)
    assert.equal(1, Post:count({ where = { userId = { [Op.in_] = User:select({ attributes = { "id" } }) } } }))
    assert.is_true(rowan.is(helper.error_of(other.user.reload, other.user), "InstanceError"))
  end)

  it("no association leads to them", function()
    -- Rows that point across, past all models.
    local function across(table_name, field, value, id)
      db:query(('UPDATE "%s" SET "%s" = %d WHERE "id" = %d'):format(table_name, field, value, id))
    end
    across("Posts", "userId", own.user.id, other.post.id)
    assert.equal(1, #own.user:getPosts())
    assert.equal(1, own.user:countPosts())
    assert.is_false(own.user:hasPost(other.post.id))
    for _, how in ipairs({ {}, { separate = true }, { limit = 5 }, { required = true } }) do
      how.association = "posts"
      assert.equal(1, #User:findOne({ include = { how } }).posts)
    end
    assert.equal(0, User:count({ where = { ["$posts.title$"] = "o'b" } }))
    across("Posts", "userId", other.user.id, own.post.id)
    assert.is_nil(own.post:reload():getUser())
    assert.is_nil(Post:findOne({ include = "user" }).user)
    assert.equal(0, Post:count({ include = { { association = "user", required = true } } }))
    local strange = Tag:create({ label = "b" })
    db:query(('UPDATE "Links" SET "postId" = %d, "tagId" = %d WHERE "postId" = %d')
      :format(own.post.id, strange.id, other.post.id))
    assert.same({ "a" }, helper.sorted(own.post:getTags(), "label"))
    assert.equal(1, own.post:countTags())
    assert.equal(1, #Post:findByPk(own.post.id, { include = "tags" }).tags)
    assert.equal(0, Post:count({ where = { ["$tags.label$"] = "b" } }))
  end)

  it("no bulk write changes them, nor one that is said to", function()
    assert.equal(1, (User:update({ n = 5 }, { where = rowan.all })))
    assert.equal(0, (User:update({ n = 5 }, { where = { id = other.user.id }, tenant = false })))
    assert.equal(1, (User:increment("n", { where = rowan.all })))
    local function both(n) return (User:bulkUpdate({ { id = own.user.id, n = n }, { id = other.user.id, n = n } })) end
    for _ = 1, 2 do
      assert.equal(1, both(7))
      assert.equal(1, as("o'b", function() return both(1) end))
    end
    assert.equal(0, User:destroy({ where = { id = other.user.id } }))
    assert.equal(0, Tag:destroy({ where = { id = other.tag.id }, individualHooks = true }))
    as("o'b", function() return other.user:destroy() end)
    assert.equal(0, User:restore({ where = rowan.all }))
    assert.equal(1, as("o'b", function() return User:restore({ where = rowan.all }) end))
    assert.equal(7, own.user:reload().n)
    assert.equal(1, as("o'b", function() return other.user:reload().n end))
  end)

  it("no key, row at hand or value of a row leads over the border", function()
    for _, call in ipairs({
      function() User:upsert({ id = other.user.id, name = "x" }) end,
      function() User:bulkCreate({ { id = other.user.id, name = "x" } }, { updateOnDuplicate = { "name" } }) end,
      function() User:create({ name = "x", tenantId = "o'b" }) end,
      function() User:bulkCreate({ { name = "x", tenantId = "o'b" } }) end,
      function() own.user:update({ tenantId = "o'b" }) end,
      function() User:update({ tenantId = "o'b" }, { where = rowan.all }) end,
      function() other.post:update({ title = "x" }) end,
      function() other.post:destroy() end,
      function() other.user:destroy() end,
      function() other.user:destroy({ force = true }) end,
      function() other.user:restore() end,
      function() other.user:increment("n") end,
      function() own.user:setPosts({ own.post.id, other.post.id }) end,
      function() own.post:addTag(other.tag.id) end,
    }) do
      pcall(call)
    end
    as("o'b", function()
      assert.same({ "o'b", 1 }, { User:findOne().name, User:findOne().n })
      assert.equal(1, User:count())
      assert.same({ "o'b", other.user.id }, { Post:findOne().title, Post:findOne().userId })
      assert.equal(1, Link:count())
    end)
    assert.equal(1, User:count({ where = { id = own.user.id } }))
    local mine = User:upsert({ code = "c", name = "mine", tenantId = "a" })
    assert.equal(own.user.id, mine.id)
    assert.equal("o'b", as("o'b", function() return User:findOne({ where = { code = "c" } }).name end))
  end)

  it("without a tenant nothing works", function()
    current = nil
    for _, call in ipairs({
      function() User:findAll() end, function() User:count() end, function() User:create({ name = "x" }) end,
      function() User:update({ n = 2 }, { where = rowan.all }) end, function() own.post:getTags() end,
      function() User:destroy({ where = rowan.all }) end, function() own.user:update({ n = 2 }) end,
    }) do
      assert.equal("no tenant", helper.error_of(call))
    end
  end)
end)
