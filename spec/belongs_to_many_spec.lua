-- The methods that belongsToMany gives to instances, and the rows of the junction behind them.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local count, error_of = helper.count, helper.error_of
local pluck, says, work = helper.sorted, helper.says, helper.verbs
local PLAIN = { timestamps = false }

helper.each(function(_, connect)
  local db, Post, Tag, PostTag, post, other, a, b, c

  before_each(function()
    db = connect()
    Post = db:define("Post", { title = DataTypes.STRING })
    Tag = db:define("Tag", { name = { type = DataTypes.STRING, unique = true }, active = DataTypes.BOOLEAN }, PLAIN)
    PostTag = db:define("PostTag", {
      relevance = DataTypes.INTEGER, meta = DataTypes.JSON, kind = { type = DataTypes.STRING, defaultValue = "plain" },
    })
    Post:belongsToMany(Tag, { through = PostTag })
    Tag:belongsToMany(Post, { through = PostTag })
    db:sync()
    post, other = Post:create { title = "one" }, Post:create { title = "two" }
    a, b, c = Tag:create { name = "a" }, Tag:create { name = "b" }, Tag:create { name = "c" }
  end)

  local function links(of)
    local list = PostTag:findAll { where = { postId = (of or post).id }, order = { "tagId" } }
    local out = {}
    for i, row in ipairs(list) do out[i] = row.tagId .. ":" .. tostring(row.relevance) end
    return table.concat(out, " ")
  end

  it("adds instances and keys, one and many, each once", function()
    post:addTag(a)
    post:addTags { a, b.id, b.id, b }
    assert.equal("1:nil 2:nil", links())
    assert.equal("", links(other))
    assert.equal("plain", PostTag:findOne().kind)
    assert.truthy(PostTag:findOne().createdAt)
    assert.equal("SELECT", work(function() post:addTags { a, b } end))
    assert.equal("SELECT INSERT", work(function() post:addTags { a, c } end))
    post:addTags {}
    c:addPost(other)
    assert.equal("3:nil", links(other))
  end)

  it("writes attributes of the junction, for all or for one", function()
    b.PostTag = { relevance = 9 }
    post:addTags({ a, b }, { through = { relevance = 5, meta = { x = { 1 } } } })
    assert.equal("1:5 2:9", links())
    assert.equal(post.id, b.PostTag.postId)
    assert.is_nil(a.PostTag)
    b.name = "b2"
    b:save()
    assert.same({ 1 }, PostTag:findOne().meta.x)
    -- What is linked already is changed where it differs.
    assert.equal("SELECT", work(function() post:addTag(a, { through = { relevance = 5, meta = { x = { 1 } } } }) end))
    assert.equal("SELECT INSERT UPDATE", work(function() post:addTags({ a.id, c.id }, { through = { relevance = 6 } }) end))
    assert.equal("1:6 2:9 3:6", links())
    assert.equal("plain", PostTag:findOne().kind)
    post:addTag(a, { through = { relevance = rowan.null } })
    assert.equal("1:nil 2:9 3:6", links())
    says('has no attribute "relevnce" (did you mean "relevance"?)', "QueryError", post.addTag, post, c,
      { through = { relevnce = 1 } })
    says("PostTag.relevance must be an integer", "ValidationError", post.addTag, post, c,
      { through = { relevance = "x" } })
  end)

  it("gets rows with the row of the junction", function()
    post:addTags({ a, b, c }, { through = { relevance = 1 } })
    other:addTags({ a }, { through = { relevance = 2 } })
    local tags = post:getTags { order = { { "name", "DESC" } } }
    assert.equal("c", tags[1].name)
    assert.equal(1, tags[1].PostTag.relevance)
    assert.equal(post.id, tags[1].PostTag.postId)
    assert.equal("instance", rowan.kind(tags[1].PostTag))
    assert.is_false(tags[1].PostTag.isNewRecord)
    assert.equal(2, other:getTags()[1].PostTag.relevance)
    assert.same({ "a", "b" }, pluck(post:getTags { where = { name = { "a", "b" } } }, "name"))
    assert.same({ "b" }, pluck(post:getTags { order = { "name" }, limit = 1, offset = 1 }, "name"))
    assert.same({}, Post:create {}:getTags())
    local only = post:getTags { attributes = { "name" }, joinTableAttributes = { "relevance" }, where = { name = "a" } }[1]
    assert.equal("a", only.name)
    assert.is_nil(only.active)
    assert.equal(1, only.PostTag.relevance)
    assert.is_nil(only.PostTag.kind)
    assert.is_nil(post:getTags { joinTableAttributes = {} }[1].PostTag)
    assert.same({ "one", "two" }, pluck(a:getPosts { include = "tags" }, "title"))
    assert.equal(3, #a:getPosts { include = "tags", where = { title = "one" } }[1].tags)
  end)

  it("filters by the junction", function()
    post:addTag(a, { through = { relevance = 1 } })
    post:addTag(b, { through = { relevance = 2 } })
    local through = { where = { relevance = { [Op.gt] = 1 } } }
    assert.same({ "b" }, pluck(post:getTags { through = through }, "name"))
    assert.equal(1, post:countTags { through = through })
    assert.is_false(post:hasTag(a, { through = through }))
    assert.is_true(post:hasTag(b, { through = through }))
    assert.equal(2, post:getTags { through = { where = through.where, as = "link" } }[1].link.relevance)
    says('has no option "wher"', "QueryError", post.getTags, post, { through = { wher = {} } })
  end)

  it("takes the loaded row back to save", function()
    post:addTag(a)
    local tag = post:getTags()[1]
    tag.name = "changed"
    tag:save()
    assert.equal("changed", Tag:findByPk(a.id).name)
    tag.PostTag.relevance = 4
    tag.PostTag:save()
    assert.equal("1:4", links())
  end)

  it("counts and says whether it has them", function()
    post:addTags { a, b }
    assert.equal(2, post:countTags())
    assert.equal(1, post:countTags { where = { name = "b" } })
    assert.equal(0, other:countTags())
    assert.is_true(post:hasTag(a))
    assert.is_true(post:hasTags { a, b.id, a.id, a })
    assert.is_false(post:hasTags { a, c })
    assert.is_true(post:hasTags {})
    assert.is_false(post:hasTag(a, { where = { name = "b" } }))
    assert.equal("SELECT", work(function() post:hasTags { a, b } end))
    assert.equal("SELECT", work(function() post:countTags() end))
  end)

  it("removes the link, and nothing else", function()
    post:addTags { a, b, c }
    other:addTag(a)
    assert.equal("DELETE", work(function() post:removeTag(a) end))
    assert.equal("2:nil 3:nil", links())
    assert.equal("1:nil", links(other))
    post:removeTags { b, c.id, a, c }
    assert.equal("", links())
    assert.equal(3, Tag:count())
    post:removeTags {}
  end)

  it("sets by sending the difference", function()
    assert.equal("SELECT INSERT", work(function() post:setTags({ a, b }, { through = { relevance = 1 } }) end))
    local before = PostTag:findOne { where = { tagId = b.id } }.createdAt
    assert.equal("SELECT DELETE INSERT", work(function() post:setTags { b, c.id, c } end))
    assert.equal("2:1 3:nil", links())
    assert.equal(before, PostTag:findOne { where = { tagId = b.id } }.createdAt)
    assert.equal("SELECT", work(function() post:setTags { c, b } end))
    assert.equal("SELECT UPDATE", work(function() post:setTags({ c, b }, { through = { relevance = 1 } }) end))
    assert.equal("SELECT DELETE", work(function() post:setTags(nil) end))
    assert.equal("", links())
  end)

  it("is atomic, in its own transaction and in one around it", function()
    post:setTags { a }
    assert.equal("ForeignKeyConstraintError", error_of(post.setTags, post, { b, 99 }).name)
    assert.equal("1:nil", links())
    db:transaction(function()
      assert.is_false((pcall(post.setTags, post, { b, 99 })))
      post:addTag(c)
    end)
    assert.equal("1:nil 3:nil", links())
    local t = db:transaction()
    post:setTags({}, { transaction = t })
    assert.equal(0, post:countTags { transaction = t })
    t:rollback()
    assert.equal(2, post:countTags())
  end)

  it("creates and links, both or none", function()
    local values = { name = "new" }
    local tag = post:createTag(values, { through = { relevance = 3 } })
    assert.same({ name = "new" }, values)
    assert.equal(3, tag.PostTag.relevance)
    assert.is_false(tag.PostTag.isNewRecord)
    assert.equal(tag.id .. ":3", links())
    says("relevance", "ValidationError", post.createTag, post, { name = "lost" }, { through = { relevance = "x" } })
    assert.equal(0, Tag:count { where = { name = "lost" } })
    assert.equal("UniqueConstraintError", error_of(post.createTag, post, { name = "new" }).name)
    assert.equal(1, post:countTags())
  end)

  it("refuses what is wrong with its arguments, before anything is sent", function()
    local refused = {
      { "not stored; save it first", "InstanceError", Tag:build {} },
      { "not stored; save it first", "InstanceError", { a, Tag:build {} } },
      { "wants a row of Tag, not of Post", "InstanceError", post },
      { "the key Tag.id must be an integer", "QueryError", "x" },
      { "wants a row of Tag, its key, or a list", "QueryError", nil },
    }
    local new = Post:build {}
    local sent = count(function()
      for _, case in ipairs(refused) do
        for _, method in ipairs { "addTag", "removeTags", "hasTags" } do
          says(case[1], case[2], post[method], post, case[3])
        end
      end
      for _, method in ipairs { "addTag", "setTags", "removeTag" } do
        says("the row is new; save it first", "InstanceError", new[method], new, a)
      end
      says("the row is new; save it first", "InstanceError", new.createTag, new, {})
      says('has no option "limit"', "QueryError", post.addTag, post, a, { limit = 1 })
    end)
    assert.equal(0, sent)
  end)

  it("serves both directions of a model with itself", function()
    local Person = db:define("Person", { name = DataTypes.STRING }, PLAIN)
    Person:belongsToMany(Person, { as = "children", through = "Family", foreignKey = "parentId", otherKey = "childId" })
    Person:belongsToMany(Person, { as = "parents", through = "Family", foreignKey = "childId", otherKey = "parentId" })
    db:sync()
    local mary, tom = Person:create { name = "Mary" }, Person:create { name = "Tom" }
    mary:addChild(tom)
    assert.same({ "Tom" }, pluck(mary:getChildren(), "name"))
    assert.same({ "Mary" }, pluck(tom:getParents(), "name"))
    assert.same({}, tom:getChildren())
    assert.is_true(tom:hasParent(mary))
    assert.is_false(tom:hasChild(mary))
  end)

  it("keeps several associations over one junction apart by their scopes", function()
    local Image = db:define("Image", { url = DataTypes.STRING }, PLAIN)
    local Tagging = db:define("Tagging", {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "tagId", DataTypes.INTEGER, unique = "once" }, { "onId", DataTypes.INTEGER, unique = "once" },
      { "onType", DataTypes.STRING, unique = "once" },
    }, PLAIN)
    for model, kind in pairs { [Image] = "image", [Post] = "post" } do
      model:belongsToMany(Tag, {
        as = "marks", foreignKey = "onId", constraints = false,
        through = { model = Tagging, unique = false, scope = { onType = kind } },
      })
    end
    db:sync()
    local image = Image:create {}
    assert.equal(post.id, image.id)
    image:addMarks { a, b }
    post:setMarks { b, c }
    assert.same({ "a", "b" }, pluck(image:getMarks(), "name"))
    assert.same({ "b", "c" }, pluck(post:getMarks(), "name"))
    assert.equal("post", post:getMarks()[1].Tagging.onType)
    image:removeMark(b)
    assert.equal(2, post:countMarks())
    assert.equal(1, image:countMarks())
    post:setMarks {}
    assert.same({ "a" }, pluck(image:getMarks(), "name"))
    assert.is_true(image:hasMark(a))
    assert.is_false(image:hasMark(b))
  end)

  it("narrows by a scope of the target, and sets it on what is created", function()
    Post:belongsToMany(Tag, { as = "liveTags", through = PostTag, scope = { active = true } })
    local live = post:createLiveTag { name = "live" }
    assert.is_true(live.active)
    post:addTags { a, b }
    assert.same({ "live" }, pluck(post:getLiveTags(), "name"))
    assert.equal(1, post:countLiveTags())
    assert.is_false(post:hasLiveTag(a))
    assert.is_true(post:hasLiveTag(live))
    -- Links to what is out of scope are not touched.
    post:setLiveTags {}
    assert.same({ "a", "b" }, pluck(post:getTags(), "name"))
  end)

  it("links a pair more than once where unique = false", function()
    Post:belongsToMany(Tag, { as = "hits", through = { model = "Hits", unique = false } })
    db:sync()
    post:addHit(a)
    post:addHit(a)
    assert.equal(2, db:model("Hits"):count())
    assert.equal(1, post:countHits())
    post:setHits { a }
    assert.equal(2, db:model("Hits"):count())
    post:removeHit(a)
    assert.equal(0, db:model("Hits"):count())
  end)

  it("goes when one of both goes", function()
    post:addTags { a, b }
    a:destroy()
    assert.equal("2:nil", links())
    post:destroy()
    assert.equal(0, PostTag:count())
  end)

  it("sends as many statements for 1,000 rows as for 10", function()
    local function counts(n)
      local list = {}
      for i = 1, n do list[i] = { name = n .. " " .. i } end
      local tags = Tag:bulkCreate(list)
      local half = {}
      for i = 1, n, 2 do half[#half + 1] = tags[i].id end
      local of, sent = Post:create {}, {}
      local function measure(fn) sent[#sent + 1] = count(fn) end
      measure(function() of:addTags(tags, { through = { relevance = 1 } }) end)
      measure(function() assert.is_true(of:hasTags(tags)) end)
      measure(function() assert.equal(n, #of:getTags()) end)
      measure(function() of:setTags(half, { through = { relevance = 2 } }) end)
      assert.equal(#half, of:countTags())
      measure(function() of:addTags(tags) end)
      measure(function() of:removeTags(tags) end)
      assert.equal(0, of:countTags())
      return sent
    end
    assert.same(counts(10), counts(1000))
  end)
end)
