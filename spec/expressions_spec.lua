-- Expressions: rowan.sql, case, json, not_, identifier and the others, wherever a value or a condition can stand; and what is
-- bound of them.
local helper = require "spec.helper"
local rowan = require "rowan"

local Op, D, null = rowan.Op, rowan.DataTypes, rowan.null

helper.each(function(dialect, connect)
  local db, Item

  before_each(function()
    db = connect()
    Item = db:define("Item", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING }, { "size", D.INTEGER }, { "price", D.DECIMAL(10, 2) },
      { "data", D.JSONB }, { "rank", D.INTEGER, defaultValue = rowan.sql("? + ?", 40, 2) },
    }, { timestamps = false, indexes = { { fields = { "data.kind:unquote" } }, { fields = { "size", "data.n::int" },
      unique = true, name = "by_n" } } })
    db:sync()
    Item:bulkCreate {
      { id = 1, name = "a", size = 1, price = "1.10", data = { kind = "x", n = 1 } },
      { id = 2, name = "b", size = 20, price = "2.20", data = { kind = "y", n = 2 } },
      { id = 3, name = "c?", size = 300, price = "3.30", data = { kind = "x", n = 3 } },
      { id = 4, name = "it's", data = { kind = "z", n = 4 } },
    }
  end)

  local function ids(where, order)
    local list = {}
    for i, row in ipairs(Item:findAll { where = where, order = order or { "id" }, attributes = { "id" } }) do
      list[i] = row.id
    end
    return table.concat(list, ",")
  end

  it("casts a table as a value of its type", function()
    local Token = D.custom("Token", { type = D.STRING, cast = function(v) return type(v) == "table" and v or nil end,
      dump = function(v) return v.a .. "." .. v.b end, load = function(text) return { a = text:match("^%w"), b = text:match("%w$") } end })
    local row = Item:findOne { where = { id = 1 }, attributes = {
      { rowan.cast({ k = null, l = { 1 } }, D.JSON), "json" }, { rowan.cast({ 3, null }, D.ARRAY(D.INTEGER)), "list" },
      { rowan.cast({ a = "x", b = "y" }, Token), "token" }, { rowan.cast(rowan.col("name"), D.custom("Token", { type = D.STRING,
        cast = tostring, dump = tostring, load = string.upper })), "upper" },
    } }
    assert.same({ json = { k = null, l = { 1 } }, list = { 3, null }, token = { a = "x", b = "y" }, upper = "A" }, row:toJSON())
    Item:update({ data = rowan.cast({ kind = "new" }, D.JSONB) }, { where = { id = 2 } })
    assert.same({ kind = "new" }, Item:findByPk(2).data)
    assert.equal(1, Item:count { where = { data = rowan.cast({ kind = "new" }, D.JSONB) } })
    local err = helper.error_of(function() Item:count { where = rowan.where(rowan.cast({ 1, "x" }, D.ARRAY(D.INTEGER)), null) } end)
    assert.equal("rowan.cast: the value for DataTypes.ARRAY(INTEGER) must be a list whose item 2 must be an integer", err.message)
    err = helper.error_of(function() Item:count { where = rowan.where(rowan.cast({}, "INTEGER"), 1) } end)
    assert.truthy(err.message:find("not a table; rowan.cast(value, DataTypes.JSONB)", 1, true))
  end)

  it("binds text for functions that take any type", function()
    if dialect ~= "postgres" then return end
    local fn, col = rowan.fn, rowan.col
    local row = Item:findOne { where = { id = 1 }, raw = true, attributes = {
      { fn("concat", col("name"), " of ", col("size")), "words" }, { fn("CONCAT_WS", "-", col("name"), "z"), "joined" },
      { fn("json_build_object", "name", col("name"), "n", 5, "t", "x"), "object" }, { fn("format", "%s!", "y"), "made" },
    } }
    assert.same({ "a of 1", "a-z", "y!" }, { row.words, row.joined, row.made })
    assert.same({ name = "a", n = 5, t = "x" }, row.object)
    assert.equal("1", ids(rowan.where(fn("concat", col("name"), "'"), "a'")))
    Item:update({ name = fn("concat", col("name"), "?") }, { where = { id = 1 } })
    assert.equal("a?", Item:findByPk(1).name)
  end)

  it("makes the values of new rows, one or many, and binds what is in them", function()
    local sent = helper.statements(function()
      local item = Item:create { id = 5, name = rowan.fn("upper", "it's"), size = rowan.sql("? + ?", 1, 2), price = "1.5" }
      assert.same({ "IT'S", 3, "1.50", 42 }, { item.name, item.size, item.price, item.rank })
      assert.same({ "IT'S", false }, { item:previous("name"), item:changed() })
    end)
    assert.equal(1, #sent)
    assert.is_nil(sent[1]:find("it's", 1, true))
    local list = Item:bulkCreate {
      { id = 6, name = "f", data = { kind = "y", n = 6 } }, { id = 7, name = rowan.fn("lower", "G") },
      { id = 8, name = "h", price = rowan.cast("2.5", D.DECIMAL(10, 2)), data = { kind = "y", n = 8 } },
      { id = 9, name = rowan.fn("lower", "I"), data = { kind = "y", n = 9 } },
    }
    assert.same({ "f", "g", "h", "i" }, { list[1].name, list[2].name, list[3].name, list[4].name })
    assert.same({ "2.50", 8 }, { list[3].price, list[3].data.n })
    assert.same({ "f", "g", "h", "i" }, Item:pluck("name", { where = { id = { [Op.gt] = 5 } }, order = { "id" } }))
    assert.equal("2.50", Item:findByPk(8).price)
    local built = Item:build { id = 10, name = rowan.literal("'x' || 'y'") }
    pcall(db.transaction, db, function()
      built:save()
      assert.equal("xy", built.name)
      error("no")
    end)
    assert.is_true(built.isNewRecord)
    built:save()
    assert.equal("xy", Item:findByPk(10).name)
    local skipped, what = Item:bulkCreate({ { id = 10, name = rowan.fn("lower", "Z") }, { id = 11 } }, { ignoreDuplicates = true })
    assert.same({ "skipped", "created", 11 }, { what[1], what[2], skipped[2].id })
    local err = helper.error_of(Item.copy, Item, { { id = 12 }, { id = 13, name = rowan.fn("lower", "Z") } })
    assert.matches("row 2: Item.name cannot be an SQL expression here", err.message)
    assert.is_nil(Item:findByPk(12))
    assert.equal("DatabaseError", helper.error_of(Item.create, Item, { id = 14, size = rowan.literal("nothing") }).name)
  end)

  it("binds what stands for ? in rowan.sql, and takes expressions and lists there", function()
    assert.equal("2,3", ids(rowan.sql("size > ?", 5)))
    assert.equal("2,3", ids { rowan.sql("? * ? < ?", rowan.col("size"), 2, 1000), size = { [Op.gt] = 5 } })
    assert.equal("1,3", ids(rowan.sql("id IN (?)", { 1, 3 })))
    assert.equal("4", ids(rowan.sql("name = ?", "it's")))
    assert.equal("3", ids(rowan.sql("name = 'c?' AND ? = ?", 1, 1)))
    assert.equal("3", ids(rowan.sql("/* why? */ ? = 'c?'", rowan.identifier("Items", "name"))))
    local text = helper.statements(function() ids(rowan.sql("name = ?", "x'; DROP TABLE \"Items\"; --")) end)[1]
    assert.is_nil(text:find("DROP", 1, true))
    assert.equal(4, Item:count())
    for _, call in ipairs {
      function() rowan.sql("a = ?") end, function() rowan.sql("a = ?", 1, 2) end, function() rowan.sql(5) end,
      function() rowan.sql("a = 'x") end, function() ids(rowan.sql("id = ?", { a = 1 })) end,
      function() ids(rowan.sql("id = ?", print)) end, function() ids(rowan.sql("id IN (?)", {})) end, function() rowan.identifier("") end,
      function() rowan.identifier("a\0b") end,
    } do
      assert.equal("QueryError", helper.error_of(call).name)
    end
  end)

  it("has one question mark for two", function()
    local text = helper.statements(function()
      pcall(Item.count, Item, { where = rowan.sql("'a' ?? 'b' AND id = ?", 1) })
    end)[1]
    assert.is_truthy(text:find("'a' ? 'b' AND id = ", 1, true))
  end)

  it("chooses by CASE", function()
    local kind = rowan.case { { { size = { [Op.lt] = 10 } }, "small" }, { rowan.where(rowan.col("size"), 20), "fair" },
      else_ = "other" }
    local list = {}
    for i, row in ipairs(Item:findAll { attributes = { "id", { kind, "kind" } }, order = { "id" } }) do
      list[i] = row.kind
    end
    assert.same({ "small", "fair", "other", "other" }, list)
    assert.equal("3,4,1,2", ids({}, { { rowan.case { { { size = { [Op.lt] = 100 } }, 2 }, else_ = 1 }, "ASC" }, "id" }))
    assert.equal("2", ids(rowan.where(kind, "fair")))
    local row = Item:findAll { attributes = { { rowan.fn("SUM", rowan.case { { { size = { [Op.gt] = 5 } }, 1 },
      else_ = 0 }), "n" } }, raw = true }[1]
    assert.equal(2, tonumber(row.n))
    assert.equal(4, (Item:update({ size = rowan.case { { { id = 1 }, 7 }, else_ = rowan.col("id") } },
      { where = rowan.all })))
    assert.equal("2", ids { size = 2 })
    assert.equal("1", ids { size = 7 })
    for _, given in ipairs { {}, { 1 }, { { 1 } }, { { {}, 1 }, els = 2 }, "x" } do
      assert.equal("QueryError", helper.error_of(rowan.case, given).name)
    end
  end)

  it("does not take conditions of values for conditions of the statement", function()
    local set = { size = rowan.case { { { id = 1 }, 7 }, else_ = 0 } }
    assert.equal("QueryError", helper.error_of(function() Item:update(set, { where = {} }) end).name)
    assert.equal("2", ids { size = 20 })
  end)

  it("negates, and reads paths as expressions", function()
    assert.equal("1,2,4", ids(rowan.not_ { id = 3 }))
    assert.equal("4", ids(rowan.not_(rowan.or_({ id = 3 }, { name = { "a", "q" } }, { id = { [Op.lt] = 3 } }))))
    assert.equal("1,3", ids(rowan.json("data.kind", "x")))
    assert.equal("2", ids(rowan.json { data = { kind = "y" } }))
    assert.equal("1,2", ids(rowan.where(rowan.json("data.n"), Op.lt, 3)))
    assert.equal("2,3", ids(rowan.where(rowan.cast(rowan.json("data.n:unquote"), D.INTEGER), Op.between, { 2, 3 })))
    assert.equal("1,3", ids(rowan.where(rowan.col("data.kind:unquote"), Op.in_, { "x", "q" })))
    assert.equal("2,3", ids(rowan.where(rowan.fn("LENGTH", rowan.cast(rowan.col("size"), D.TEXT)), Op.gt, 1)))
    assert.equal("1,2", ids(rowan.where { id = { [Op.lt] = 3 } }))
    assert.equal("QueryError", helper.error_of(function() ids(rowan.where(rowan.col("size"), Op.gt, "x")) end).name)
    assert.equal("3", ids(rowan.where(rowan.col("price"), Op.gt, "2.20")))
    for _, name in ipairs { "fn", "col", "literal", "cast", "where", "and_", "or_", "not_", "case", "sql", "json",
      "identifier" } do
      assert.equal(rowan[name], db[name], name)
    end
  end)

  it("binds numbers as the literals they stand for", function()
    local row = Item:findOne { where = { id = 2 }, attributes = { "id", { rowan.sql("? * price", 1.5), "more" },
      { rowan.sql("? + ?", 1, 2), "three" }, { rowan.sql("CAST(? AS TEXT)", 5000000000), "big" } } }
    assert.is_true(math.abs(tonumber(row.more) - 3.3) < 1e-9)
    assert.equal(3, tonumber(row.three))
    assert.equal("5000000000", row.big)
    Item:update({ size = rowan.sql("? + ?", rowan.col("size"), 5), name = rowan.fn("COALESCE", null, "n") },
      { where = { id = 2 } })
    local changed = Item:findByPk(2)
    assert.equal(25, changed.size)
    assert.equal("n", changed.name)
  end)

  it("takes expressions as defaults, and paths in indexes", function()
    assert.equal(42, Item:create { id = 9 }.rank)
    local names = {}
    local rows = dialect == "sqlite" and db:query("SELECT name FROM sqlite_master WHERE type = 'index'")
      or db:query("SELECT indexname AS name FROM pg_indexes WHERE tablename = 'Items' AND schemaname = current_schema()")
    for _, row in ipairs(rows) do names[row.name] = true end
    assert.is_true(names.items_data_kind_unquote)
    assert.is_true(names.by_n)
    local err = helper.error_of(function()
      Item:create { id = 10, size = 1, data = { n = 1 } }
    end)
    assert.is_true(rowan.is(err, "UniqueConstraintError"))
  end)

  it("finds by an index of a path", function()
    local where = { ["data.kind:unquote"] = "x" }
    local text = helper.statements(function() ids(where) end)[1]
    if dialect == "sqlite" then
      local plan = db:query("EXPLAIN QUERY PLAN " .. text:gsub("%?1", "'x'"))
      assert.matches("items_data_kind_unquote", plan[1].detail)
    else
      db:query("SET enable_seqscan = off")
      local plan = db:query("EXPLAIN " .. text:gsub("%$1", "'x'"))
      local found = false
      for _, line in ipairs(plan) do found = found or line["QUERY PLAN"]:find("items_data_kind_unquote") ~= nil end
      assert.is_true(found)
    end
  end)
end)
