-- copy: rows in any number, all of them or none.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, null = rowan.DataTypes, rowan.null
local error_of = helper.error_of

helper.each(function(dialect, connect)
  local function defined()
    local db = connect()
    local Thing = db:define("Thing", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING, unique = true }, { "n", D.BIGINT },
      { "price", D.DECIMAL(10, 2) }, { "ratio", D.DOUBLE }, { "ok", D.BOOLEAN, defaultValue = true },
      { "at", D.DATE }, { "day", D.DATEONLY }, { "doc", D.JSON }, { "raw", D.BLOB }, { "uuid", D.UUID },
      { "kind", D.ENUM("a", "b"), defaultValue = "b" },
      { "size", D.INTEGER, validate = { min = 0 } },
    })
    db:sync()
    return Thing, db
  end

  local NASTY = "tab\t nl\n cr\r back\\slash \\N \\. quote' \" \8\12\11 \195\164 end"

  it("stores every type as it is read, with defaults and timestamps", function()
    local Thing = defined()
    local rows = {
      {
        id = 1, name = NASTY, n = "9007199254740993", price = "12.50", ratio = 0.1, ok = false,
        at = "2024-02-01T10:00:00.123456Z", day = "2024-02-29", doc = { a = { 1, 2, "x\ny" } },
        raw = "\0\1\255\\x", uuid = "00000000-0000-4000-8000-000000000001", kind = "a", size = 3,
      },
      { id = 2, name = "", n = null },
      { id = 3, name = "\\N" },
    }
    assert.equal(3, Thing:copy(rows))
    local one, two, three = Thing:findByPk(1), Thing:findByPk(2), Thing:findByPk(3)
    assert.same({ NASTY, "12.50", 0.1, false, "2024-02-01T10:00:00.123456Z", "2024-02-29", "\0\1\255\\x", "a" },
      { one.name, one.price, one.ratio, one.ok, one.at, one.day, one.raw, one.kind })
    assert.same({ a = { 1, 2, "x\ny" } }, one.doc)
    assert.equal("9007199254740993", ("%s"):format(tostring(one.n)))
    assert.same({ "", nil, true, "b" }, { two.name, two.n, two.ok, two.kind })
    assert.equal("\\N", three.name)
    assert.is_string(three.createdAt)
    assert.equal(0, Thing:copy {})
  end)

  it("takes a function, tells how far it is, and sends a statement a batch", function()
    local Thing, db = defined()
    local i, progress = 0, {}
    local sent = helper.statements(function()
      assert.equal(25, Thing:copy(function()
        i = i + 1
        return i <= 25 and { id = i, name = "n" .. i } or nil
      end, { batch = 10, progress = function(count) progress[#progress + 1] = count end }))
    end)
    assert.same({ 10, 20, 25 }, progress)
    assert.truthy(#sent < 14)
    assert.equal(25, Thing:count())
    assert.equal(0, db.pool:stats().inUse)
    local Name = db:define("Name", { name = D.STRING }, { timestamps = false })
    Name:sync()
    assert.equal(25, Name:copy(Thing:stream { raw = true, attributes = { "name" }, batch = 4 }, { batch = 6 }))
    assert.equal(1, Name:count { where = { name = "n25" } })
  end)

  it("stores rows with different keys", function()
    local Thing = defined()
    local rows = {}
    for k = 1, 30 do rows[k] = k % 3 == 0 and { id = k, name = "x" .. k } or { id = k, size = k } end
    assert.equal(30, Thing:copy(rows, { batch = 7 }))
    assert.equal(10, Thing:count { where = { name = { [rowan.Op.ne] = null } } })
  end)

  local function refused(Thing, rows, options)
    local err = error_of(Thing.copy, Thing, rows, options)
    assert.equal(0, Thing:count())
    assert.equal(0, Thing.db.pool:stats().inUse)
    return err
  end

  it("leaves nothing behind when a row is wrong, and says which", function()
    local Thing = defined()
    local function rows(bad)
      local list = {}
      for k = 1, 20 do list[k] = { id = k, name = "n" .. k } end
      list[13] = bad
      return list
    end
    assert.matches("row 13: .*n", refused(Thing, rows { id = 13, n = "abc" }, { batch = 5 }).message)
    assert.matches("row 13", refused(Thing, rows { id = 13, nam = "abc" }, { batch = 5 }).message)
    local err = refused(Thing, rows { id = 13, name = "n4" }, { batch = 5 })
    assert.equal("UniqueConstraintError", err.name)
    assert.matches("row 13: ", err.message)
    assert.matches("row 13: ", refused(Thing, rows { id = 4, size = 3 }, { batch = 5 }).message)
    assert.matches("row 13: ", refused(Thing, rows { id = 13, size = -1 }, { batch = 5, validate = true }).message)
    assert.matches("row 13", refused(Thing, rows(7), { batch = 5 }).message)
  end)

  it("leaves nothing behind when the function raises", function()
    local Thing = defined()
    local k = 0
    assert.matches("no more lines", refused(Thing, function()
      k = k + 1
      if k == 12 then error("no more lines") end
      return { id = k }
    end, { batch = 5 }))
    assert.equal(1, Thing:copy { { id = 1 } })
  end)

  it("joins a transaction, which can go on when it fails", function()
    local Thing, db = defined()
    db:transaction(function()
      Thing:create { id = 100 }
      assert.equal(2, Thing:copy { { id = 1 }, { id = 2 } })
      error_of(Thing.copy, Thing, { { id = 3 }, { id = 1 } })
      assert.equal(3, Thing:count())
    end)
    assert.equal(3, Thing:count())
    pcall(db.transaction, db, function()
      Thing:copy { { id = 5 } }
      error("no")
    end)
    assert.equal(3, Thing:count())
  end)

  it("parks under rowan.all, and keeps others from its connection", function()
    local Thing, db = defined()
    local function numbers(from)
      local k = from
      return function()
        k = k + 1
        return k <= from + 50 and { id = k } or nil
      end
    end
    assert.same({ 50, 50 }, rowan.all {
      function() return Thing:copy(numbers(0), { batch = 9 }) end,
      function() return Thing:copy(numbers(1000), { batch = 9 }) end,
    })
    assert.equal(100, Thing:count())
    if dialect ~= "postgres" then return end
    local t = db:transaction()
    local err = error_of(Thing.copy, Thing, function() return Thing:findAll { transaction = t }[1] end, { transaction = t })
    assert.matches("a COPY is under way", err.message)
    t:rollback()
  end)

  it("refuses what it does not know", function()
    local Thing = defined()
    assert.matches('no option "batchSize"', error_of(Thing.copy, Thing, {}, { batchSize = 1 }).message)
    assert.matches("wants a list", error_of(Thing.copy, Thing, 7).message)
    assert.matches("batch must be", error_of(Thing.copy, Thing, {}, { batch = 0 }).message)
  end)
end)
