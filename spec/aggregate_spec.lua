-- Aggregates, groups, exists and pluck: exact values of the attribute's type, the same on both databases.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null
local fn, col = rowan.fn, rowan.col

helper.each(function(_, connect)
  local function blog()
    local db = connect()
    local Author = db:define("Author", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING, field = "full_name" }, { "city", D.STRING },
    }, { timestamps = false })
    local Post = db:define("Post", {
      { "id", D.INTEGER, primaryKey = true }, { "title", D.STRING }, { "likes", D.BIGINT },
      { "price", D.DECIMAL(10, 2) }, { "score", D.DOUBLE }, { "at", D.DATE }, { "data", D.JSON },
    }, { timestamps = false })
    local Tag = db:define("Tag", { { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING } }, { timestamps = false })
    Author:hasMany(Post, { as = "posts", foreignKey = "authorId" })
    Post:belongsTo(Author, { as = "author", foreignKey = "authorId" })
    Post:belongsToMany(Tag, { through = "PostTags", as = "tags" })
    Tag:belongsToMany(Post, { through = "PostTags", as = "posts" })
    db:sync()
    Author:bulkCreate { { id = 1, name = "Ann", city = "Bern" }, { id = 2, name = "Ben", city = "Bern" },
      { id = 3, name = "Cid", city = "Rome" } }
    Post:bulkCreate {
      { id = 1, title = "a", likes = 5, price = "1.10", score = 1.5, at = "2024-01-01T00:00:00Z", authorId = 1 },
      { id = 2, title = "b", likes = "9223372036854775807", price = "2.20", score = 2.5,
        at = "2024-02-01T00:00:00Z", authorId = 1 },
      { id = 3, title = "a", likes = 7, price = "10.05", score = 3, authorId = 2 },
    }
    Post:findByPk(1):addTags { Tag:create { id = 1, name = "x" }, Tag:create { id = 2, name = "y" } }
    Post:findByPk(2):addTag(1)
    return Author, Post, Tag, db
  end

  local function refused(pattern, call, ...)
    local err = helper.error_of(call, ...)
    assert.matches(pattern, err.message)
    return err
  end

  it("counts rows, values and distinct values", function()
    local Author, Post = blog()
    assert.equal(3, Post:count())
    assert.equal(2, Post:count { where = { title = "a" } })
    assert.equal(2, Post:count { col = "at" })
    assert.equal(2, Post:count { col = "title", distinct = true })
    assert.equal(3, Author:count { include = "posts" })
    assert.equal(2, Author:count { include = { { association = "posts", required = true } } })
    assert.equal(3, Author:count { include = "posts", distinct = true })
    assert.same({ { title = "a", count = 2 }, { title = "b", count = 1 } },
      Post:count { group = "title", order = "title" })
    assert.same({ { author = { name = "Ann" }, count = 2 }, { author = { name = "Ben" }, count = 1 } },
      Post:count { include = "author", group = { "author.name" }, order = { "author.name" } })
    assert.equal(2, Post:count { group = { "title" }, countGroupedRows = true })
    assert.same({ { t = "a", count = 2 } }, Post:count { attributes = { { "title", "t" } }, group = { "t" },
      having = { count = { [Op.gt] = 1 } } })
    assert.same({}, Post:count { where = { title = "zz" }, group = "title" })
    refused("no option \"colum\"", Post.count, Post, { colum = "x" })
    refused("limit means nothing without group", Post.count, Post, { limit = 1 })
  end)

  it("sums exactly, beyond 64 bits and behind the point", function()
    local Author, Post = blog()
    assert.equal("9223372036854775819", Post:sum("likes"))
    assert.equal(12, Post:sum("likes", { where = { id = { 1, 3 } } }))
    assert.equal(6, Post:sum("id"))
    assert.equal("13.35", Post:sum("price"))
    assert.equal(7.0, Post:sum("score"))
    assert.is_nil(Post:sum("price", { where = { id = 99 } }))
    assert.equal("13.35", Author:sum("posts.price", { include = "posts" }))
    assert.same({ { title = "a", sum = "11.15" } },
      Post:sum("price", { group = "title", having = { sum = { [Op.gt] = 3 } } }))
    Post:create { id = 4, price = "99999999.99", score = 0.1 }
    Post:create { id = 5, price = "-0.01" }
    assert.equal("100000013.33", Post:sum("price"))
    refused("title.* is STRING, not a number", Post.sum, Post, "title")
    refused("no attribute \"titel\"", Post.min, Post, "titel")
    refused("data.* is JSON", Post.max, Post, "data")
  end)

  it("is exact over values that are chosen or defaulted", function()
    local _, Post, _, db = blog()
    local function value(e) return Post:findAll { attributes = { { e, "v" } }, raw = true }[1].v end
    assert.equal("13.35", value(fn("SUM", fn("COALESCE", col("price"), 0))))
    assert.equal("11.15", value(fn("SUM", rowan.case { { { title = "a" }, col("price") }, else_ = 0 })))
    assert.equal(2, value(fn("SUM", rowan.case { { { title = "a" }, 1 }, else_ = 0 })))
    assert.same({ "10.05", "1.10" }, { value(fn("MAX", fn("COALESCE", col("price"), 0))),
      value(fn("MIN", fn("ABS", col("price")))) })
    assert.equal("9223372036854775819", value(fn("SUM", fn("COALESCE", col("likes"), 0))))
    assert.same({ 1, 2, 3 }, value(fn(db.dialect == "sqlite" and "json_group_array" or "json_agg", col("id"))))
  end)

  it("gives smallest and largest values as the attribute's type", function()
    local _, Post = blog()
    assert.same({ "1.10", "10.05" }, { Post:min("price"), Post:max("price") })
    assert.equal("2024-02-01T00:00:00.000Z", Post:max("at"))
    assert.same({ 2.0, 4.45 }, { Post:aggregate("id", "avg"), Post:aggregate("price", "AVG") })
    assert.equal(3, Post:aggregate("*", "count"))
    assert.equal("2", Post:aggregate("id", "avg", { dataType = D.DECIMAL(3, 0) }))
    assert.equal("B", Post:max(fn("UPPER", col("title"))))
    refused("wants the name of a function", Post.aggregate, Post, "id", "avg(1); --")
  end)

  it("tells whether there is a row", function()
    local Author, Post = blog()
    assert.is_true(Post:exists())
    assert.is_true(Author:exists { include = { { association = "posts", where = { title = "b" } } } })
    assert.is_false(Post:exists { where = { title = "zz" } })
  end)

  it("plucks values without gaps", function()
    local _, Post = blog()
    assert.same({ "a", "b", "a" }, Post:pluck("title", { order = "id" }))
    assert.same({ "a", "b" }, Post:pluck("title", { order = "title", distinct = true }))
    assert.same({ { 2, "2024-02-01T00:00:00.000Z" }, { 3, null } },
      Post:pluck({ "id", "at" }, { order = "id", offset = 1 }))
    assert.same({ "A", "B", "A" }, Post:pluck(fn("UPPER", col("title")), { order = "id" }))
    refused("no option \"raw\"", Post.pluck, Post, "id", { raw = true })
  end)

  it("groups, also over included tables of every kind, without columns that nobody asked for", function()
    local Author, Post, Tag = blog()
    local rows = Author:findAll {
      attributes = { "name", { fn("COUNT", col("posts.id")), "n" }, { fn("SUM", col("posts.price")), "total" } },
      include = { { association = "posts", attributes = {} } }, group = { "id" }, order = { { "n", "DESC" }, "name" },
    }
    assert.same({ { name = "Ann", n = 2, total = "3.30" }, { name = "Ben", n = 1, total = "10.05" },
      { name = "Cid", n = 0 } }, rows)
    assert.equal("3.30", rows[1]:get("total"))
    assert.is_nil(rows[3]:get("total"))
    assert.same({ { name = "x", n = 2 }, { name = "y", n = 1 } }, Tag:findAll {
      attributes = { "name", { fn("COUNT", col("posts.id")), "n" } }, include = "posts", group = { "name" },
      order = { { "n", "DESC" } },
    })
    assert.same({ { n = 1, author = { name = "Ben" } } }, Post:findAll {
      attributes = { { fn("COUNT", col("*")), "n" } }, include = { { association = "author", attributes = { "name" } } },
      group = { "author.name" }, having = { n = { [Op.lt] = 2 } }, order = { { "author", "name", "DESC" } },
    })
    assert.same({ { t = "a", n = 2 }, { t = "b", n = 1 } }, Post:findAll {
      attributes = { { fn("COALESCE", col("title"), "-"), "t" }, { fn("COUNT", col("*")), "n" } },
      group = { fn("COALESCE", col("title"), "-") }, order = { fn("COALESCE", col("title"), "-") },
    })
  end)

  it("has conditions on groups by alias, attribute and expression, with values of their type", function()
    local _, Post = blog()
    local function titles(having)
      local rows = Post:findAll {
        attributes = { "title", { fn("SUM", col("price")), "total" }, { fn("MAX", col("at")), "last" } },
        group = "title", having = having, order = { { "total", "DESC" } },
      }
      local list = {}
      for i, row in ipairs(rows) do list[i] = row.title end
      return list
    end
    assert.same({ "a", "b" }, titles({}))
    assert.same({ "a" }, titles { total = { [Op.gt] = 9 } })
    assert.same({ "a" }, titles(rowan.where(fn("SUM", col("price")), Op.gt, 9)))
    assert.same({ "b" }, titles { [Op.or_] = { { total = { [Op.lt] = "2.21" } }, { title = "zz" } } })
    assert.same({ "b" }, titles { last = { [Op.gt] = "2024-01-15T00:00:00Z" } })
    assert.same({ "b" }, titles(rowan.where(fn("MAX", col("at")), Op.gt, "2024-01-15T00:00:00Z")))
    assert.same({ "a" }, titles(rowan.where(fn("COUNT", col("*")), Op.in_, { 2, 5 })))
    refused("no attribute \"totl\"", titles, { totl = 1 })
  end)

  it("refuses columns with many values in a group", function()
    local _, Post = blog()
    refused('"id" has many values in a group', Post.findAll, Post, { group = "title", attributes = { "id" } })
    refused('"id" has many values in a group', Post.findAll, Post, { group = "title", order = { "id" } })
    refused("attributes must name", Post.findAll, Post, { having = { id = 1 } })
    refused("no attribute \"zz\"", Post.findAll, Post, { group = "zz" })
    refused("rows cannot be locked", Post.db.transaction, Post.db, function()
      Post:findAll { group = "title", lock = true }
    end)
    refused("limit of the include", Post.findAll, Post,
      { group = "title", include = { { association = "tags", limit = 1 } } })
  end)

  it("counts the groups of a page, and distinct rows once", function()
    local _, Post = blog()
    local function counted(options)
      local page = Post:findAndCountAll(options)
      return { page.count, #page.rows }
    end
    assert.same({ 2, 1 }, counted { group = "title", limit = 1 })
    assert.same({ 2, 0 }, counted { group = "title", limit = 1, offset = 9 })
    assert.same({ 1, 1 }, counted { group = "title", limit = 1, attributes = { "title", { fn("COUNT", col("*")), "n" } },
      having = { n = 2 } })
    assert.same({ 2, 1 }, counted { attributes = { "title" }, distinct = true, raw = true, limit = 1 })
  end)

  it("types what is computed alike on both databases", function()
    local _, Post = blog()
    assert.same({ last = "2024-02-01T00:00:00.000Z", many = true, total = "13.35", n = 3, mean = 2.0 },
      Post:findOne { raw = true, order = { { "n", "DESC" } }, attributes = {
        { fn("MAX", col("at")), "last" }, { rowan.where(fn("COUNT", col("*")), Op.gt, 2), "many" },
        { fn("COALESCE", fn("SUM", col("price")), "0.00"), "total" }, { fn("COUNT", col("*")), "n" },
        { fn("AVG", col("id")), "mean" },
      } })
  end)

  it("does not plan a known shape again", function()
    local _, Post, _, db = blog()
    local function calls(n)
      Post:sum("price", { where = { id = n } })
      Post:count { group = "title", having = { count = { [Op.gt] = n } } }
      Post:exists { where = { id = n } }
      Post:pluck("id", { where = { id = n } })
      Post:findAll { where = { id = n }, attributes = { "id" }, distinct = true, comment = "x" }
    end
    calls(1)
    local planned = 0
    local put = db._plans.put
    function db._plans.put(...)
      planned = planned + 1
      return put(...)
    end
    calls(2)
    assert.equal(0, planned)
  end)
end)
