-- Reading on: each by key ranges, pages by number and by cursor.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

helper.each(function(_, connect)
  local function filled(n)
    local db = connect()
    local User = db:define("User", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING }, { "score", D.INTEGER },
      { "price", D.DECIMAL(8, 2), allowNull = false }, { "big", D.BIGINT, allowNull = false },
    }, { timestamps = false })
    local Post = db:define("Post", { title = D.STRING }, { timestamps = false })
    User:hasMany(Post)
    db:sync()
    local rows, posts = {}, {}
    for i = 1, n do
      rows[i] = {
        id = i, name = "n" .. i % 4, score = i % 5 ~= 0 and i % 3 or null, price = ("%d.50"):format(i % 7),
        big = "9007199254740" .. 990 + i % 6,
      }
      posts[i] = { title = "p" .. i, userId = i }
    end
    User:bulkCreate(rows)
    Post:bulkCreate(posts)
    return User, Post, db
  end

  local function ids(rows) return helper.pluck(rows, "id") end

  local function collect(User, options)
    local list = {}
    for user in User:each(options) do list[#list + 1] = user.id end
    return list
  end

  describe("each", function()
    it("reads all rows by key ranges, a statement a batch", function()
      local User = filled(23)
      local list
      local sent = helper.statements(function() list = collect(User, { batch = 10 }) end)
      assert.same(ids(User:findAll { order = { "id" } }), list)
      assert.equal(3, #sent)
      assert.falsy(sent[2]:find("OFFSET"))
      assert.same({}, collect(User, { where = { id = { [Op.gt] = 100 } } }))
      assert.same({ 4, 5, 6, 7 }, collect(User, { batch = 2, where = { id = { [Op.gt] = 3 } }, limit = 4 }))
      assert.same(ids(User:findAll { order = { { "score", "DESC" }, { "id", "DESC" } } }),
        collect(User, { batch = 4, order = { { "score", "DESC" } } }))
    end)

    it("loads includes a batch, reads what it needs, and can be left", function()
      local User = filled(9)
      local titles = {}
      assert.equal(4, helper.count(function()
        for user in User:each { batch = 5, include = "posts", attributes = { "name" } } do
          titles[#titles + 1] = user.posts[1].title
          assert.is_nil(user.price)
        end
      end))
      assert.equal("p1 p2 p3 p4 p5 p6 p7 p8 p9", table.concat(titles, " "))
      for user in User:each { batch = 2, raw = true } do
        if user.id == 3 then break end
      end
      assert.equal(9, User:count())
    end)

    it("goes on while rows are changed, deleted and inserted", function()
      local User = filled(8)
      local seen = {}
      for user in User:each { batch = 3 } do
        seen[#seen + 1] = user.id
        if user.id == 2 then User:destroy { where = { id = 3 } } end
        if user.id == 4 then User:create { id = 100, price = 1, big = 1 } end
        if user.id > 4 and user.id < 100 then user:update { name = "seen" } end
      end
      assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 100 }, seen)
    end)

    it("walks composite keys", function()
      local db = connect()
      local Seat = db:define("Seat", {
        { "row", D.STRING(5), primaryKey = true }, { "number", D.INTEGER, primaryKey = true },
      }, { timestamps = false })
      db:sync()
      for _, r in ipairs { "a", "b", "c" } do
        for n = 1, 3 do Seat:create { row = r, number = n } end
      end
      local seen = {}
      for seat in Seat:each { batch = 2 } do seen[#seen + 1] = seat.row .. seat.number end
      assert.equal("a1 a2 a3 b1 b2 b3 c1 c2 c3", table.concat(seen, " "))
    end)

    it("refuses what it cannot do, by name and before anything is sent", function()
      local User, _, db = filled(1)
      local Log = db:define("Log", { { "doc", D.JSON }, { "at", D.DATE } }, { noPrimaryKey = true, timestamps = false })
      assert.equal(0, helper.count(function()
        assert.matches("batch must be a whole number", helper.error_of(User.each, User, { batch = 0 }).message)
        assert.matches('no option "offset"', helper.error_of(User.each, User, { offset = 1 }).message)
        assert.matches("Log has no primary key", helper.error_of(Log.each, Log, {}).message)
        assert.matches("only attributes of User", helper.error_of(User.each, User,
          { order = { rowan.fn("LOWER", rowan.col("name")) } }).message)
      end))
    end)
  end)

  describe("pages by number", function()
    it("count rows and pages", function()
      local User = filled(23)
      local page = User:paginate { page = 2, perPage = 10, order = "name" }
      local all = ids(User:findAll { order = { "name", "id" } })
      for i = 1, 10 do assert.equal(all[10 + i], page.rows[i].id) end
      assert.same({ 23, 2, 10, 3, true, true },
        { page.total, page.page, page.perPage, page.pages, page.hasNext, page.hasPrevious })
      local beyond = User:paginate { page = 9, perPage = 10 }
      assert.same({ 0, 23, false, true }, { #beyond.rows, beyond.total, beyond.hasNext, beyond.hasPrevious })
      local none = User:paginate { where = { id = 0 } }
      assert.same({ 0, 0, 1, false, false }, { none.total, none.pages, none.page, none.hasNext, none.hasPrevious })
    end)

    it("refuse nonsense", function()
      local User = filled(1)
      assert.matches("page must be", helper.error_of(User.paginate, User, { page = 0 }).message)
      assert.matches("perPage must be", helper.error_of(User.paginate, User, { perPage = 1.5 }).message)
      assert.matches('no option "limit"', helper.error_of(User.paginate, User, { limit = 1 }).message)
      assert.matches("takes first and after", helper.error_of(User.paginate, User, { first = 1, last = 1 }).message)
    end)
  end)

  describe("pages by cursor", function()
    local ORDERS = {
      { "id" }, { { "id", "DESC" } }, { "score" }, { { "score", "DESC" } }, { { "score", "ASC NULLS FIRST" } },
      { { "score", "DESC NULLS LAST" }, "name" }, { { "score", "ASC NULLS LAST" }, { "name", "DESC" } },
      { { "name", "DESC" }, { "score", "ASC" } }, { "price", "big" }, { { "price", "DESC" }, { "big", "ASC" } },
    }

    it("walk every order in both directions without skipping or repeating a row", function()
      local User = filled(31)
      for _, order in ipairs(ORDERS) do
        local whole = {}
        for i, entry in ipairs(order) do whole[i] = entry end
        local last = order[#order]
        local down = type(last) == "table" and last[2]:sub(1, 4) == "DESC"
        if whole[1] ~= "id" then whole[#whole + 1] = { "id", down and "DESC" or "ASC" } end
        local expected = ids(User:findAll { order = whole })
        local forward, page = {}, nil
        repeat
          local before = page
          page = User:paginate { first = 7, order = order, after = page and page.endCursor }
          assert.equal(before ~= nil, page.hasPrevious)
          for _, row in ipairs(page.rows) do forward[#forward + 1] = row.id end
        until not page.hasNext
        assert.same(expected, forward)
        local back
        page = nil
        repeat
          local before = page
          page = User:paginate { last = 7, order = order, before = page and page.startCursor }
          assert.equal(before ~= nil, page.hasNext)
          local list = ids(page.rows)
          for _, id in ipairs(back or {}) do list[#list + 1] = id end
          back = list
        until not page.hasPrevious
        assert.same(expected, back)
      end
    end)

    it("are exact about times and numbers, and refuse what has no order", function()
      local db = connect()
      local Mark = db:define("Mark", { at = D.DATE, x = D.DOUBLE, doc = D.JSON }, { timestamps = false })
      db:sync()
      local marks = {}
      for i = 1, 9 do
        marks[i] = { at = ("2024-01-01T00:00:00.%06dZ"):format(i % 4 * 1000 + i % 2), x = i % 3 * 1e300 / 7 }
      end
      Mark:bulkCreate(marks)
      for _, order in ipairs { "at", "x" } do
        local seen, page = {}, nil
        repeat
          page = Mark:paginate { first = 2, order = { order }, after = page and page.endCursor }
          for _, id in ipairs(ids(page.rows)) do seen[#seen + 1] = id end
        until not page.hasNext
        assert.same(ids(Mark:findAll { order = { order, "id" } }), seen)
      end
      assert.matches("Mark.doc has no order", helper.error_of(Mark.paginate, Mark, { first = 1, order = "doc" }).message)
    end)

    it("take the options of finders, and count by them", function()
      local db = connect()
      local Item = db:define("Item", { name = D.STRING }, { paranoid = true })
      db:sync()
      Item:bulkCreate { { name = "a" }, { name = "b" }, { name = "c" } }
      Item:destroy { where = { name = "a" } }
      local page = Item:paginate { first = 1, total = true }
      assert.same({ 2, "b", true }, { page.total, page.rows[1].name, page.hasNext })
      assert.equal(3, Item:paginate({ first = 1, total = true, paranoid = false }).total)
      assert.equal(2, Item:paginate({ perPage = 1 }).total)
      local names = {}
      for item in Item:stream { order = "name" } do names[#names + 1] = item.name end
      for item in Item:each { paranoid = false } do names[#names + 1] = item.name end
      assert.equal("b c a b c", table.concat(names, " "))
      local deep = Item:scope({ where = { name = "c" } })
      assert.same({ 1, "c" }, { deep:paginate({ first = 5, total = true }).total, deep:stream():next().name })
    end)

    it("neither skip nor repeat while rows are inserted, and say what is left", function()
      local User = filled(6)
      local one = User:paginate { first = 3, order = { { "id", "DESC" } }, total = true }
      assert.same({ 6, 5, 4 }, ids(one.rows))
      assert.equal(6, one.total)
      User:create { id = 7, price = 1, big = 1 }
      local two = User:paginate { first = 3, order = { { "id", "DESC" } }, after = one.endCursor }
      assert.same({ 3, 2, 1 }, ids(two.rows))
      assert.is_false(two.hasNext)
      local empty = User:paginate { first = 3, order = { { "id", "DESC" } }, after = two.endCursor }
      assert.same({ {}, false, true }, { empty.rows, empty.hasNext, empty.hasPrevious })
      assert.is_nil(empty.endCursor)
    end)

    it("bind values, and plan a shape once", function()
      local User = filled(6)
      local page = User:paginate { first = 2, order = { { "big", "DESC" }, { "id", "DESC" } } }
      local sent = helper.statements(function()
        page = User:paginate { first = 2, order = { { "big", "DESC" }, { "id", "DESC" } }, after = page.endCursor }
      end)
      assert.equal(2, #sent)
      assert.matches('%("big", "id"%) < %(', sent[1])
      assert.falsy(sent[1]:find("9007199"))
    end)

    it("refuse cursors of others", function()
      local User, Post = filled(6)
      local page = User:paginate { first = 2, order = "name" }
      local function refused(options)
        local err
        assert.equal(0, helper.count(function() err = helper.error_of(User.paginate, User, options) end))
        return err.message
      end
      assert.matches("another model or another order", refused { first = 2, after = page.endCursor })
      assert.matches("another model or another order",
        refused { first = 2, order = "name", after = Post:paginate { first = 1 }.endCursor })
      for _, text in ipairs { "", "x", "'; DROP TABLE users; --", page.endCursor .. "A", page.endCursor:sub(1, -2),
        page.endCursor:sub(1, 20) .. "AAAA" .. page.endCursor:sub(25), ("A"):rep(80) } do
        assert.matches("is not a cursor that rowan made", refused { first = 2, order = "name", after = text })
      end
      assert.matches("must be a cursor", refused { first = 2, after = 7 })
    end)
  end)
end)
