-- What rows keep alive, rows of many chunks, rows that were read in part.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

local CHUNK = 128 -- rows that share a metatable, at most

local function kilobytes()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

helper.each(function(_, connect)
  local db, Item

  before_each(function()
    db = connect()
    Item = db:define("Item", {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "name", DataTypes.STRING(100) },
      { "size", DataTypes.INTEGER },
      { "data", DataTypes.JSON },
      { "note", DataTypes.TEXT },
    }, { timestamps = false })
    db:sync()
  end)

  local function fill(count, note)
    local list = {}
    for i = 1, count do list[i] = { name = "item " .. i, size = i, note = note } end
    return Item:bulkCreate(list)
  end

  it("one row of 10,000 that is kept alive does not keep all of them", function()
    fill(10000, ("x"):rep(200))
    local before = kilobytes()
    local rows = Item:findAll { order = { "id" } }
    local with_all = kilobytes() - before
    -- A snapshot in C lives as long as the metatable that holds it.
    local alive = setmetatable({}, { __mode = "k" })
    for _, row in ipairs(rows) do
      alive[row] = true
      alive[getmetatable(row)] = true
    end
    local kept = rows[5000]
    rows = nil -- luacheck: ignore
    local with_one = kilobytes() - before
    local count = 0
    for _ in pairs(alive) do count = count + 1 end
    assert.equal(2, count)
    -- 10,000 tables of five fields and as many texts are some megabytes.
    assert.is_true(with_all > 2000, "all: " .. with_all .. " KB")
    assert.is_true(with_one < with_all / 5, ("one: %.0f of %.0f KB"):format(with_one, with_all))
    assert.is_false(kept:changed())
    kept.size = 1
    assert.equal(5000, kept:previous("size"))
    kept:save()
    assert.equal(1, Item:findByPk(kept.id).size)
  end)

  it("a query's rows share few metatables, and few rows share one", function()
    fill(1000)
    local rows_of, count = {}, 0
    local rows = Item:findAll()
    for _, row in ipairs(rows) do
      local meta = getmetatable(row)
      if not rows_of[meta] then
        rows_of[meta] = 0
        count = count + 1
      end
      rows_of[meta] = rows_of[meta] + 1
    end
    assert.equal(1000, #rows)
    assert.is_true(count <= 1000 / CHUNK + 1)
    for _, shared in pairs(rows_of) do assert.is_true(shared <= CHUNK) end
  end)

  it("every row of a result of several chunks knows its own values", function()
    fill(3 * CHUNK + 5)
    local rows = Item:findAll { order = { "id" } }
    for i, row in ipairs(rows) do
      assert.equal(i, row:previous("size"))
      assert.is_false(row:changed())
    end
    local places = { 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK + 5 }
    for _, i in ipairs(places) do rows[i].name = "changed " .. i end
    local statements = helper.count(function()
      for _, row in ipairs(rows) do row:save() end
    end)
    assert.equal(#places, statements)
    for _, i in ipairs(places) do assert.equal("changed " .. i, Item:findByPk(i).name) end
    assert.equal("item 2", Item:findByPk(2).name)
  end)

  it("rows survive a collector that runs all the time", function()
    fill(100)
    -- From cycle to cycle, but not a whole one at each allocation.
    local pause, step = collectgarbage("setpause", 10), collectgarbage("setstepmul", 200)
    local ok, err = pcall(function()
      local rows = Item:findAll { order = { "id" } }
      for i, row in ipairs(rows) do
        row.data = { n = { i } }
        row.size = i + 1
        row:save()
        assert.equal(i, row.data.n[1])
        assert.equal(i + 1, row:previous("size"))
        if i % 5 == 0 then collectgarbage() end
      end
      for i, row in ipairs(Item:findAll { order = { "id" } }) do
        assert.equal(i, row.data.n[1])
        assert.same({ i }, row:previous("data").n)
        assert.equal(i + 1, row.size)
        assert.is_false(row:changed())
      end
    end)
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
    if not ok then error(err, 0) end
  end)

  it("saving a row often does not make it grow", function()
    local item = fill(1, "n")[1]
    local function saves(count)
      for i = 1, count do
        item.size, item.note = i % 7 - 1, ("y"):rep(100 + i % 3)
        item:save()
      end
    end
    saves(50)
    local before = kilobytes()
    saves(500)
    assert.is_true(kilobytes() - before < 100, "grew by " .. (kilobytes() - before) .. " KB")
    assert.equal(500 % 7 - 1, Item:findByPk(item.id).size)
  end)

  describe("a row that was read in part", function()
    before_each(function()
      Item:create { name = "a", size = 1, note = "kept" }
    end)

    it("has what was asked for", function()
      local item = Item:findOne { attributes = { "id", "name" } }
      assert.same({ id = 1, name = "a" }, item:toJSON())
      item = Item:findOne { attributes = { exclude = { "note", "data" } } }
      assert.same({ id = 1, name = "a", size = 1 }, item:toJSON())
    end)

    it("saves what changed and leaves alone what was not read", function()
      local item = Item:findOne { attributes = { "id", "name" } }
      assert.is_false(item:changed())
      item.name = "b"
      item:save()
      local found = Item:findByPk(1)
      assert.equal("b", found.name)
      assert.equal("kept", found.note)
      assert.equal(1, found.size)
    end)

    it("saves attributes that were not read when they are set", function()
      local item = Item:findOne { attributes = { "id", "name" } }
      item.size, item.data = 5, { a = 1 }
      assert.same({ "size", "data" }, item:changed())
      item:save()
      assert.is_false(item:changed())
      assert.is_true(item:isLoaded("size"))
      assert.equal(5, Item:findByPk(1).size)
      item.size, item.data.a = 6, 2
      assert.equal(5, item:previous("size"))
      item:save()
      assert.equal(2, Item:findByPk(1).data.a)
      item.size = nil
      item:save()
      assert.is_nil(Item:findByPk(1).size)
      assert.equal("kept", Item:findByPk(1).note)
      item.note = rowan.null
      item:save()
      assert.is_nil(Item:findByPk(1).note)
    end)

    it("cannot be written or deleted without its key", function()
      local item = Item:findOne { attributes = { "name" } }
      item.name = "b"
      assert.is_true(rowan.is(error_of(item.save, item), "InstanceError"))
      assert.is_true(rowan.is(error_of(item.destroy, item), "InstanceError"))
      assert.equal("a", Item:findByPk(1).name)
    end)

    it("shows computed columns, which are read and not written", function()
      local attributes = {
        "id", "name", { rowan.fn("UPPER", rowan.col("name")), "loud" }, { "data", "document" },
        { rowan.fn("NULLIF", 1, 1), "nothing" },
      }
      Item:update({ data = { a = 1 } }, { where = { id = 1 } })
      local item = Item:findOne { attributes = attributes }
      assert.equal("A", item.loud)
      assert.equal("A", item:get("loud"))
      assert.is_nil(item:get("nothing"))
      assert.equal(1, item.document.a)
      assert.is_false(item:changed())
      item.name = "b"
      assert.same({ "name" }, item:changed())
      item:save()
      assert.equal("b", Item:findByPk(1).name)
      item.loud, item.name = "C", "c"
      assert.is_true(rowan.is(error_of(item.save, item), "QueryError"))
      assert.equal("b", Item:findByPk(1).name)
    end)

    it("is reloaded whole", function()
      local item = Item:findOne { attributes = { "id" } }
      assert.equal("kept", item:reload().note)
      assert.is_true(item:isLoaded("data"))
      item.note = nil
      item:save()
      assert.is_nil(Item:findByPk(1).note)
    end)
  end)

  it("large answers one after the other do not pile up", function()
    local rows = {}
    for i = 1, 1000 do rows[i] = { name = "item " .. i, size = i, note = ("x"):rep(100) } end
    Item:bulkCreate(rows)
    local before, most = kilobytes(), 0
    for _ = 1, 300 do
      Item:findAll()
      most = math.max(most, collectgarbage("count"))
    end
    assert.truthy(most < 2 * before + 100 * 1024)
  end)

  it("a model without a primary key can be read and created, not written row by row", function()
    local Line = db:define("Line", { text = { type = DataTypes.STRING } }, { noPrimaryKey = true, timestamps = false })
    Line:sync()
    Line:create { text = "a" }
    Line:bulkCreate { { text = "b" }, { text = "c" } }
    assert.equal(3, Line:count())
    local line = Line:findOne { where = { text = "b" } }
    line.text = "d"
    assert.is_true(rowan.is(error_of(line.save, line), "InstanceError"))
    assert.is_true(rowan.is(error_of(line.destroy, line), "InstanceError"))
    assert.is_true(rowan.is(error_of(line.reload, line), "InstanceError"))
    assert.is_true(rowan.is(error_of(Line.findByPk, Line, 1), "QueryError"))
    assert.equal(1, (Line:update({ text = "d" }, { where = { text = "b" } })))
  end)
end)
