-- bulkUpdate and insertFrom.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of

local function define(db)
  local Item = db:define("Item", {
    { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
    { "code", DataTypes.STRING(20), unique = true, field = "item_code" },
    { "name", DataTypes.STRING(20), validate = { len = { 1, 10 } } },
    { "price", DataTypes.DECIMAL(10, 2) },
    { "data", DataTypes.JSON },
    { "at", DataTypes.DATE },
  })
  db:sync()
  Item:bulkCreate {
    { code = "a", name = "A", price = "1.10" }, { code = "b", name = "B", price = "2.20", data = { x = 1 } },
    { code = "c", name = "C" },
  }
  return Item
end

local function field(model, name)
  local list = {}
  for i, row in ipairs(model:findAll { order = { "id" } }) do list[i] = row[name] == nil and "-" or row[name] end
  return list
end

helper.each(function(dialect, connect)
  local db, Item

  before_each(function()
    db = connect()
    Item = define(db)
  end)

  describe("bulkUpdate", function()
    it("gives each row its own values in one statement, and says which are not there", function()
      local gone = { id = 99, name = "Z" }
      local count, rows, missing
      assert.equal(1, helper.count(function()
        count, rows, missing = Item:bulkUpdate { { id = 3, name = "CC" }, { id = 1, name = "AA" }, gone }
      end))
      assert.same({ 2, nil }, { count, rows })
      assert.same({ gone }, missing)
      assert.same({ "AA", "B", "CC" }, field(Item, "name"))
      assert.same({ "1.10", "2.20", "-" }, field(Item, "price"))
    end)

    it("minds filters with lists of any type", function()
      local lists = {
        at = { "2024-01-02T03:04:05Z" }, big = { "9007199254740993", 5 }, key = { "550e8400-e29b-41d4-a716-446655440000" },
        price = { "1.50" }, flag = { true }, name = { "it's", "007" },
      }
      for attribute, list in pairs(lists) do
        local plugin = { name = attribute .. dialect }
        function plugin.define(draft) draft:filter({ option = "only", where = { [attribute] = { [Op["in"]] = list } } }) end
        local Kept = db:define("Kept", {
          at = DataTypes.DATE, big = DataTypes.BIGINT, key = DataTypes.UUID, price = DataTypes.DECIMAL(9, 2),
          flag = DataTypes.BOOLEAN, name = DataTypes.STRING, n = DataTypes.INTEGER,
        }, { timestamps = false, plugins = { plugin } })
        db:sync { force = true }
        Kept:bulkCreate { { [attribute] = list[1] }, {} }
        assert.same({ attribute, 1 }, { attribute, (Kept:bulkUpdate { { id = 1, n = 1 }, { id = 2, n = 1 } }) })
      end
    end)

    it("binds what filters of a call say", function()
      local current = "it's a"
      local plugin = { name = "tenant" }
      function plugin.define(draft)
        draft:filter({ option = "tenant", where = function(said) return { tenant = said or current } end })
      end
      local Kept = db:define("Kept", { tenant = DataTypes.STRING, n = DataTypes.INTEGER, m = DataTypes.INTEGER }, {
        timestamps = false, plugins = { plugin },
      })
      db:sync { force = true }
      Kept:bulkCreate { { tenant = current }, { tenant = "b" }, { tenant = current } }
      local list = { { id = 1, n = 1 }, { id = 2, n = 1 }, { id = 3, m = 1 }, { id = 9, m = 1 } }
      local count, missing, _
      local sent = helper.statements(function() count, _, missing = Kept:bulkUpdate(list) end)
      assert.is_nil(table.concat(sent, "\n"):find("it's a", 1, true) or table.concat(sent, "\n"):find("it''s a", 1, true))
      assert.equal(2, count)
      assert.same({ list[2], list[4] }, missing)
      assert.equal(1, (Kept:bulkUpdate({ { id = 1, n = 2 }, { id = 2, n = 2 } }, { tenant = "b" })))
      assert.equal(2, (Kept:bulkUpdate({ { id = 1, n = 3 }, { id = 2, n = 3 } }, { tenant = false })))
      local rows = Kept:bulkUpdate({ { id = 2, n = 4 } }, { returning = true })
      assert.equal(0, rows)
      assert.equal("InstanceError", helper.error_of(function()
        Kept:bulkUpdate({ { id = 1, n = 5 }, { id = 2, n = 5 } }, { strict = true })
      end).name)
      local stored = {}
      for i, row in ipairs(Kept:findAll { tenant = false, order = { "id" } }) do stored[i] = row.n or "-" end
      assert.same({ 3, 3, "-" }, stored)
    end)

    it("finds keys of types of one's own, behind filters of a call too", function()
      local plugin = { name = "tenant" }
      function plugin.define(draft)
        draft:filter({ option = "tenant", where = function(said) return { n = said or 1 } end })
      end
      local Code = DataTypes.custom("Code", {
        type = DataTypes.STRING, cast = function(value) return value:upper() end,
        dump = function(value) return "code:" .. value end, load = function(text) return (text:gsub("^code:", "")) end,
      })
      local Kept = db:define("Kept", { { "key", Code, primaryKey = true }, { "n", DataTypes.INTEGER }, { "m", DataTypes.INTEGER } }, {
        timestamps = false, plugins = { plugin },
      })
      db:sync { force = true }
      Kept:bulkCreate { { key = "a", n = 1 }, { key = "b", n = 2 } }
      assert.equal(1, (Kept:bulkUpdate { { key = "a", m = 5 }, { key = "b", m = 5 } }))
      assert.equal(5, Kept:findByPk("a").m)
      local Open = db:define("Open", { { "key", Code, primaryKey = true }, { "m", DataTypes.INTEGER } }, { timestamps = false })
      Open:sync()
      Open:create { key = "a" }
      local count, rows = Open:bulkUpdate({ { key = "a", m = 5 } }, { returning = true })
      assert.same({ 1, "A", 5 }, { count, rows[1].key, rows[1].m })
    end)

    it("sends one statement for each set of attributes, NULL, documents and updatedAt among them", function()
      rowan.setClock(function() return "2030-01-01T00:00:00Z" end)
      local statements = helper.statements(function()
        Item:bulkUpdate {
          { id = 1, data = { y = { 1, 2 } } }, { id = 2, data = rowan.null }, { id = 3, price = "9.99", name = "C3" },
        }
      end)
      rowan.setClock(nil)
      assert.equal(4, #statements)
      local items = Item:findAll { order = { "id" } }
      assert.same({ y = { 1, 2 } }, items[1].data)
      assert.is_nil(items[2].data)
      assert.equal("9.99", items[3].price)
      assert.equal("2030-01-01T00:00:00.000Z", items[2].updatedAt)
      Item:bulkUpdate({ { id = 1, name = "x" } }, { silent = true })
      assert.equal("2030-01-01T00:00:00.000Z", Item:findByPk(1).updatedAt)
    end)

    it("finds rows by a unique key, gives them with returning, writes only the fields", function()
      local count, rows = Item:bulkUpdate({ { code = "c", name = "c2", price = 5 }, { code = "a", name = "a2", price = 6 } },
        { key = "code", fields = { "name" }, returning = true })
      assert.equal(2, count)
      assert.same({ 3, 1 }, { rows[1].id, rows[2].id })
      assert.same({ "c2", "a2", "1.10" }, { rows[1].name, rows[2].name, rows[2].price })
      assert.is_false(rows[1]:changed())
      rows[1].name = "c3"
      rows[1]:save()
    end)

    it("writes what changed in instances, which are clean then", function()
      local items = Item:findAll { order = { "id" } }
      items[1].name, items[2].name, items[3].name = "x", "y", "z"
      items[2].data.x = 2
      local count = Item:bulkUpdate(items)
      assert.equal(3, count)
      for i, item in ipairs(items) do
        assert.is_false(item:changed())
        assert.same(Item:findByPk(i):toJSON(), item:toJSON())
      end
      assert.equal(0, helper.count(function() assert.equal(0, (Item:bulkUpdate(items))) end))
    end)

    it("all or nothing: a failure leaves rows and instances as they were", function()
      local items = Item:findAll { order = { "id" } }
      items[1].name, items[2].code = "x", "c"
      assert.is_true(rowan.is(error_of(Item.bulkUpdate, Item, items), "UniqueConstraintError"))
      assert.same({ "name" }, items[1]:changed())
      assert.same({ "A", "B", "C" }, field(Item, "name"))
      local err = error_of(Item.bulkUpdate, Item, { { id = 1, name = "q" }, { id = 99, name = "q" } }, { strict = true })
      assert.is_true(rowan.is(err, "InstanceError"))
      assert.same({ "A", "B", "C" }, field(Item, "name"))
      error_of(function()
        db:transaction(function()
          items[2].code = "b2"
          Item:bulkUpdate(items)
          assert.is_false(items[1]:changed())
          error("no")
        end)
      end)
      assert.same({ "name" }, items[1]:changed())
    end)

    it("refuses what it cannot mean, before anything is sent", function()
      local cases = {
        { { { name = "x" } } }, { { { id = 1, nmae = "x" } } }, { { { id = 1, name = "x" }, { id = 1, name = "y" } } },
        { { { id = 1, name = 5 } } }, { { { id = 1, name = "much too long" } } }, { { { id = 1, name = "x" } }, { key = "name" } },
        { { { id = 1, name = "x" } }, { keys = "id" } }, { "x" }, { { Item:build { name = "x" } } },
        { { { id = rowan.null, name = "x" } } },
      }
      assert.equal(0, helper.count(function()
        for i, case in ipairs(cases) do
          local err = error_of(Item.bulkUpdate, Item, case[1], case[2])
          assert.is_true(rowan.is(err, "QueryError") or rowan.is(err, "ValidationError"), i .. tostring(err))
        end
        assert.equal(0, (Item:bulkUpdate {}))
      end))
    end)
  end)

  describe("insertFrom", function()
    it("copies rows without reading them", function()
      local Old = db:define("Old", {
        { "itemId", DataTypes.INTEGER, unique = true }, { "title", DataTypes.STRING(40) },
        { "cents", DataTypes.DECIMAL(12, 2) },
        { "kind", DataTypes.STRING, defaultValue = "moved" },
      })
      Old:sync()
      local from = {
        model = Item, attributes = { itemId = "id", title = rowan.fn("upper", rowan.col("code")), cents = "price" },
        where = { id = { [Op.gt] = 1 } },
      }
      assert.equal(1, helper.count(function() assert.equal(2, Old:insertFrom(from)) end))
      local rows = Old:findAll { order = { "id" } }
      assert.same({ 2, "B", "2.20", "moved" }, { rows[1].itemId, rows[1].title, rows[1].cents, rows[1].kind })
      assert.is_string(rows[1].createdAt)
      from.where = rowan.all
      assert.is_true(rowan.is(error_of(Old.insertFrom, Old, from), "UniqueConstraintError"))
      assert.equal(1, Old:insertFrom(from, { ignoreDuplicates = true }))
      assert.equal(3, Old:count())
      local found = db:from(Item):select("id as itemId", { rowan.fn("upper", rowan.col("code")), "title" }, "price as cents")
        :where { id = 1 }
      Old:destroy { where = { itemId = 1 } }
      assert.equal(1, helper.count(function() assert.equal(1, Old:insertFrom(found)) end))
      local moved = Old:findOne { where = { itemId = 1 } }
      assert.same({ "A", "moved" }, { moved.title, moved.kind })
      assert.equal(1, Old:destroy { where = { itemId = 1 } })
      assert.equal(1, Old:insertFrom(Item:select { attributes = { { "id", "itemId" }, { "code", "title" } }, where = { id = 1 } }))
      assert.equal("a", Old:findOne { where = { itemId = 1 } }.title)
      assert.matches("cents is DECIMAL", error_of(Old.insertFrom, Old, db:from(Item):select("code as cents")).message)
      assert.matches("no attribute", error_of(Old.insertFrom, Old, db:from(Item):select("code")).message)
      from.order, from.limit = { { "id", "DESC" } }, 1
      from.attributes = { title = "code" }
      assert.equal(1, Old:insertFrom(from))
      assert.equal("c", Old:findOne({ where = { itemId = rowan.null } }).title)
      from.attributes = { itemId = 77, title = "code", cents = 2.5 }
      assert.equal(1, Old:insertFrom(from))
      assert.same({ "c", "2.50" }, { Old:findOne({ where = { itemId = 77 } }).title, Old:max("cents") })
      from.attributes = { itemId = 1.5, title = "code" }
      assert.matches("Old.itemId must be an integer", error_of(Old.insertFrom, Old, from).message)
    end)

    it("refuses names, types and options that do not fit", function()
      local Old = db:define("Old", { { "title", DataTypes.STRING(40), allowNull = false }, { "n", DataTypes.INTEGER } })
      Old:sync()
      for i, from in ipairs {
        { model = Item }, { attributes = { title = "name" } }, { model = Item, attributes = { titel = "name" } },
        { model = Item, attributes = { title = "nmae" } }, { model = Item, attributes = { n = "name", title = "name" } },
        { model = Item, attributes = { n = "id" } }, { model = Item, attributes = { title = "name" }, wehre = {} },
      } do
        local err = error_of(Old.insertFrom, Old, from)
        assert.is_true(rowan.is(err, "QueryError") or rowan.is(err, "ValidationError"), i .. tostring(err))
      end
      assert.equal(0, Old:count())
    end)
  end)
end)
