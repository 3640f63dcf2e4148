-- Types beside the plain ones, through a database: written, read, found, changed, in lists.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

local function round_trip(db, attributes, values)
  local Thing = db:define("Thing", attributes, { timestamps = false })
  db:sync()
  local made = Thing:create(values)
  local read = Thing:findByPk(made.id)
  assert.same(made:toJSON(), read:toJSON())
  assert.is_false(read:changed())
  assert.is_false(made:changed())
  for name in pairs(values) do
    assert.equal(1, Thing:count{ where = { [name] = made[name] } }, name)
  end
  local rows = Thing:bulkCreate{ values, {} , values }
  local expected = made:toJSON()
  expected.id = rows[3].id
  assert.same(expected, Thing:findByPk(rows[3].id):toJSON())
  assert.same({ id = rows[2].id }, Thing:findByPk(rows[2].id):toJSON())
  return Thing, read
end

helper.each(function(dialect, connect)
  local db
  before_each(function() db = connect(dialect == "postgres" and { extensions = true } or nil) end)

  describe("types with a form of their own", function()
    it("come back as they were written", function()
      local Money = DataTypes.custom("Money", {
        type = DataTypes.INTEGER, cast = function(v) return type(v) == "number" and v or nil, "must be an amount" end,
        dump = function(v) return math.floor(v * 100 + 0.5) end, load = function(cents) return cents / 100 end,
      })
      local Thing, read = round_trip(db, {
        ci = DataTypes.CITEXT, ip = DataTypes.INET, net = DataTypes.CIDR, mac = DataTypes.MACADDR, mac8 = DataTypes.MACADDR8,
        length = DataTypes.INTERVAL, level = DataTypes.ENUM{ values = { "low", "high" }, check = true }, price = Money,
        prices = DataTypes.ARRAY(Money), table = DataTypes.ARRAY(DataTypes.ARRAY(Money)),
      }, {
        ci = "Hello", ip = "2001:db8::1/64", net = "10.0.0.0/8", mac = "08:00:2b:01:02:03", mac8 = "08:00:2b:01:02:03:04:05",
        length = { months = 14, days = 40, hours = -3, seconds = 1.5 }, level = "high", price = 12.34,
        prices = { 1.5, rowan.null, 2 }, table = { { 0.25, 3 }, { 4, 5 } },
      })
      assert.equal(3, Thing:count{ where = { prices = { [rowan.Op.contains] = { 2, 1.5 } } } })
      assert.equal(3, Thing:count{ where = { ci = "hELLO" } })
      assert.equal(3, Thing:count{ where = { price = { 12.34, 1 } } })
      read.price = 99.99
      assert.same({ "price" }, read:changed())
      read:save()
      assert.equal(99.99, read:reload().price)
      local err = helper.error_of(function() Thing:create{ price = "much" } end)
      assert.equal("Thing.price must be an amount", err.errors[1].message)
    end)

    it("are what functions of documents and lists give", function()
      local fn, col = rowan.fn, rowan.col
      local Thing = db:define("Thing", { doc = DataTypes.JSONB, list = DataTypes.ARRAY(DataTypes.INTEGER), words = DataTypes.TEXT },
        { timestamps = false })
      db:sync()
      Thing:create{ doc = { a = 1, b = rowan.null }, list = { 1, 2 }, words = "x,y" }
      local cases = dialect == "sqlite" and {
        { fn("JSON_SET", col("doc"), "$.a", 9), { a = 9, b = rowan.null } }, { fn("json_remove", col("doc"), "$.b"), { a = 1 } },
      } or {
        { fn("jsonb_strip_nulls", col("doc")), { a = 1 } }, { fn("array_append", col("list"), 3), { 1, 2, 3 } },
        { fn("string_to_array", col("words"), ","), { "x", "y" } }, { fn("array_remove", fn("array_agg", col("id")), 7), { 1 } },
      }
      for _, case in ipairs(cases) do
        assert.same(case[2], Thing:findOne{ attributes = { { case[1], "it" } }, group = "id" }.it)
      end
    end)

    it("are held to by the database too", function()
      local Thing = db:define("Thing", {
        level = DataTypes.ENUM{ values = { "it's", "high" }, check = true }, flag = DataTypes.BOOLEAN, doc = DataTypes.JSON,
        key = DataTypes.UUID, name = DataTypes.STRING(3),
      }, { timestamps = false, strict = true })
      db:sync()
      Thing:create{ level = "it's", flag = true, doc = { 1 }, key = rowan.null, name = "äöü" }
      local wrong = dialect == "sqlite" and { level = "'low'", flag = "2", doc = "'{'", key = "'x'", name = "'abcd'" }
        or { level = "'low'" }
      for column, value in pairs(wrong) do
        local err = helper.error_of(function()
          db:query(('INSERT INTO "Things" ("%s") VALUES (%s)'):format(column, value))
        end)
        assert.equal("CheckConstraintError", err.name)
        assert.equal("Things_" .. column .. "_check", err.constraint)
      end
      assert.equal(1, Thing:count())
    end)

    it("make generated columns, which are read after every write and never written", function()
      local Line = db:define("Line", {
        price = DataTypes.INTEGER, amount = { type = DataTypes.INTEGER, defaultValue = 1 },
        total = { type = DataTypes.INTEGER, generated = rowan.literal('"price" * "amount"') },
      }, { timestamps = false })
      db:sync()
      local line = Line:create{ price = 5 }
      assert.equal(5, line.total)
      line.amount = 3
      line:save()
      assert.equal(15, line.total)
      assert.is_false(line:changed())
      line:update{ price = 7 }
      assert.equal(21, line.total)
      assert.equal(21, Line:findOne{ where = { total = 21 } }.total)
      line:increment("amount")
      assert.same({ 4, 28, false }, { line.amount, line.total, line:changed() })
      local lines = Line:bulkCreate{ { price = 1 }, { price = 2, amount = 4 } }
      assert.same({ 1, 8 }, { lines[1].total, lines[2].total })
      local err = helper.error_of(function() Line:create{ total = 5 } end)
      assert.equal("Line.total is generated by the database; it cannot be given", err.errors[1].message)
      err = helper.error_of(function() Line:update({ total = 5 }, { where = { id = 1 } }) end)
      assert.equal("ValidationError", err.name)
      line.total = 1
      assert.equal("ValidationError", helper.error_of(function() line:save() end).name)
    end)

    if dialect == "postgres" then
      it("hold ranges, hstores and lists of them", function()
        local Thing = round_trip(db, {
          r = DataTypes.RANGE(DataTypes.INTEGER), rb = DataTypes.RANGE(DataTypes.BIGINT),
          rn = DataTypes.RANGE(DataTypes.DECIMAL(10, 2)), rt = DataTypes.RANGE(DataTypes.DATE),
          rd = DataTypes.RANGE(DataTypes.DATEONLY), h = DataTypes.HSTORE, hs = DataTypes.ARRAY(DataTypes.HSTORE),
          rs = DataTypes.ARRAY(DataTypes.RANGE(DataTypes.INTEGER)), ips = DataTypes.ARRAY(DataTypes.INET),
          tv = DataTypes.TSVECTOR,
        }, {
          r = { 1, 10 }, rb = { rowan.null, 5 }, rn = { "1.5", { value = "2.25", inclusive = true } },
          rt = { "2024-01-01T00:00:00Z", rowan.null }, rd = { { value = "2024-02-28", inclusive = false }, "2024-12-31" },
          h = { a = "1", ["b\"\\x"] = rowan.null, c = 'q,"=>' }, hs = { { a = "1" }, { b = rowan.null } },
          rs = { { 1, 2 }, {} }, ips = { "1.2.3.4", "::1", rowan.null }, tv = "'a':1 'b'",
        })
        local first = Thing:findOne{ order = "id" }
        first.r, first.rn = { 1, 10 }, { "1.5", { value = "2.25", inclusive = true } }
        assert.is_false(first:changed())
        first.r = { 1, 11 }
        assert.same({ "r" }, first:changed())
        local empty = Thing:create{ r = {} }
        assert.same({}, empty:reload().r)
      end)

      it("are found by what is in an hstore", function()
        local Thing = db:define("Thing", { h = DataTypes.HSTORE }, { timestamps = false })
        db:sync()
        Thing:bulkCreate{ { h = { a = "1", b = "2" } }, { h = { a = rowan.null } }, {} }
        for operator, case in pairs{
          contains = { { a = "1" }, 1 }, contained = { { a = "1", b = "2", c = "3" }, 1 }, anyKeyExists = { { "a", "z" }, 2 },
          allKeysExist = { { "a", "b" }, 1 },
        } do
          assert.equal(case[2], Thing:count{ where = { h = { [rowan.Op[operator]] = case[1] } } }, operator)
        end
        assert.equal(2, Thing:count{ where = { h = { { a = "1", b = "2" }, { a = rowan.null } } } })
      end)

      it("come as PostgreSQL writes them, right after they were written", function()
        local Thing = db:define("Thing", { words = DataTypes.TSVECTOR }, { timestamps = false })
        db:sync()
        local made = Thing:create{ words = "b a a:2" }
        assert.equal("'a':2 'b'", made.words)
        made:update{ words = rowan.fn("to_tsvector", "english", "fat cats") }
        assert.same({ "'cat':2 'fat':1", false }, { made.words, made:changed() })
        assert.equal("'x'", Thing:bulkCreate{ { words = "x" } }[1].words)
        made.words = rowan.null
        made:save()
        assert.is_nil(made.words)
        assert.equal(1, Thing:count{ where = { words = { [rowan.Op.match] = "x" } } })
      end)

      it("hold times without end, and give back the text that is read", function()
        local Span = db:define("Span", {
          { "id", DataTypes.INTEGER, primaryKey = true }, { "at", DataTypes.DATE }, { "day", DataTypes.DATEONLY },
          { "list", DataTypes.ARRAY(DataTypes.DATE) }, { "range", DataTypes.RANGE(DataTypes.DATE) },
          { "days", DataTypes.RANGE(DataTypes.DATEONLY) }, { "ends", DataTypes.DATE(0), defaultValue = math.huge },
        }, { timestamps = false })
        db:sync()
        local function values(id)
          return { id = id, at = math.huge, day = -math.huge, list = { "infinity", "2024-01-01T00:00:00Z" },
            range = { -math.huge, "2024-01-01T00:00:00Z" }, days = { "2024-01-01", "infinity" } }
        end
        local made = Span:create(values(1))
        Span:bulkCreate{ values(2), { id = 3, at = "2024-01-01T00:00:00Z" } }
        Span:copy{ values(4) }
        for _, id in ipairs{ 1, 2, 4 } do
          local row = Span:findByPk(id)
          assert.same({ "infinity", "-infinity", "infinity" }, { row.at, row.day, row.ends })
          assert.same({ "infinity", "2024-01-01T00:00:00.000Z" }, row.list)
          assert.same({ "-infinity", "infinity" }, { row.range[1].value, row.days[2].value })
          row.at, row.day = row.at, row.day
          assert.is_false(row:changed())
        end
        assert.same({ "infinity", "-infinity" }, { made.at, made.day })
        assert.equal(3, Span:count{ where = { at = math.huge, day = { -math.huge, "2024-01-01" } } })
        assert.same({ 3, 1, 2, 4 }, Span:pluck("id", { order = { "at", "id" } }))
        assert.equal(3, Span:count{ where = { at = { [rowan.Op.between] = { "2025-01-01T00:00:00Z", "infinity" } } } })
        made:update{ at = "-infinity", day = math.huge }
        assert.same({ "-infinity", "infinity" }, { made:reload().at, made.day })
        Span:bulkUpdate{ { id = 1, at = "2024-01-01T00:00:00Z" }, { id = 2, at = -math.huge } }
        assert.equal("-infinity", Span:findByPk(2).at)
        assert.equal(0, #db:sync{ alter = true, dryRun = true })
      end)
    else
      it("refuse times without end", function()
        local Span = db:define("Span", { at = DataTypes.DATE, day = DataTypes.DATEONLY })
        for _, value in ipairs{ math.huge, -math.huge, "infinity", "-infinity" } do
          assert.equal("ValidationError", helper.error_of(function() Span:create{ at = value } end).name)
          assert.equal("ValidationError", helper.error_of(function() Span:create{ day = value } end).name)
        end
      end)

      it("are refused by name where the database has none", function()
        for _, type_of in ipairs{ DataTypes.RANGE(DataTypes.INTEGER), DataTypes.HSTORE, DataTypes.GEOMETRY, DataTypes.TSVECTOR } do
          local err = helper.error_of(function() db:define("Thing", { x = type_of }) end)
          assert.equal("DefinitionError", err.name)
          assert.truthy(err.message:find(type_of.key .. " is not there on SQLite", 1, true))
        end
      end)
    end
  end)
end)
