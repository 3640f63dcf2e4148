-- db:query: what a statement's type, a model, a map of fields, nest and an instance make of its rows.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, null = rowan.DataTypes, rowan.null

helper.each(function(_, connect)
  local function filled()
    local db = connect()
    local User = db:define("User", {
      { "id", D.INTEGER, primaryKey = true, autoIncrement = true }, { "fullName", D.STRING, field = "full_name" },
      { "born", D.DATE }, { "data", D.JSON }, { "ok", D.BOOLEAN }, { "price", D.DECIMAL(8, 2) },
    }, { timestamps = false, tableName = "users" })
    db:sync()
    User:create { fullName = "Ann", born = "2020-01-01T00:00:00Z", data = { a = { 1, 2 } }, ok = true, price = "1.50" }
    User:create { fullName = "Ben", ok = false }
    return db, User
  end

  it("answers by type, alike on both databases", function()
    local db = filled()
    local function answer(sql, kind) return { db:query(sql, { type = kind }) } end
    assert.same({ {}, 1 }, answer("INSERT INTO users (full_name) VALUES ('C')", "INSERT"))
    assert.same({ { { full_name = "D" } }, 1 },
      answer("INSERT INTO users (full_name) VALUES ('D') RETURNING full_name", "UPSERT"))
    assert.same({ {}, 4 }, answer("UPDATE users SET price = NULL", "UPDATE"))
    assert.same({ 4 }, answer("UPDATE users SET price = NULL", "BULKUPDATE"))
    assert.same({ 1, { { full_name = "D" } } }, answer("DELETE FROM users WHERE full_name = 'D' RETURNING full_name",
      "DELETE"))
    assert.same({ 1 }, answer("DELETE FROM users WHERE full_name = 'C'", "BULKDELETE"))
    assert.same({ { { n = 1 } } }, answer("SELECT 1 AS n", "SELECT"))
  end)

  it("makes instances of a model, with values of its types", function()
    local db, User = filled()
    local rows = db:query("SELECT * FROM users ORDER BY id", { model = User, mapToModel = true })
    assert.is_true(rowan.isInstance(rows[1], User))
    assert.same({ id = 1, fullName = "Ann", born = "2020-01-01T00:00:00.000Z", data = { a = { 1, 2 } }, ok = true,
      price = "1.50" }, rows[1]:toJSON())
    rows[1].fullName, rows[1].data.a[1] = "Anna", 9
    assert.same({ "fullName", "data" }, rows[1]:changed())
    rows[1]:save()
    assert.equal("Anna", User:findByPk(1).fullName)
    local named = db:query('SELECT id, full_name AS "fullName", 1 AS extra FROM users WHERE id = ?',
      { model = User, replacements = { 1 }, plain = true })
    assert.equal("Anna", named.fullName)
    assert.equal(1, named.extra)
    local bare = db:query("SELECT * FROM users WHERE id = 1", { model = User, mapToModel = true, raw = true })[1]
    assert.is_nil(getmetatable(bare))
    assert.same({ a = { 9, 2 } }, bare.data)
  end)

  it("keeps ways of reading one text apart", function()
    local db, User = filled()
    for _ = 1, 2 do
      local sql = "SELECT id, full_name FROM users WHERE id = 1"
      assert.same({ id = 1, full_name = "Ann" }, db:query(sql, { plain = true }))
      assert.same({ id = 1, name = "Ann" }, db:query(sql, { plain = true, fieldMap = { full_name = "name" } }))
      assert.equal("Ann", db:query(sql, { model = User, mapToModel = true, plain = true }).fullName)
      assert.equal("Ann", db:query(sql, { model = User, fieldMap = { full_name = "fullName" }, plain = true }).fullName)
    end
  end)

  it("nests columns whose names are paths", function()
    local db = filled()
    assert.same({ { a = { b = 1, c = { d = 2 } }, e = 3 } },
      (db:query('SELECT 1 AS "a.b", 2 AS "a.c.d", 3 AS e', { nest = true })))
  end)

  it("puts what a statement returns into an instance", function()
    local db, User = filled()
    local user = User:build { fullName = "Cid" }
    local got, count = db:query("INSERT INTO users (full_name, data) VALUES ('Cid', '[1]') RETURNING *",
      { instance = user, type = "INSERT" })
    assert.equal(user, got)
    assert.equal(1, count)
    assert.is_false(user.isNewRecord)
    assert.same({ 1 }, user.data)
    assert.is_false(user:changed())
    user.price = "2.00"
    db:query("UPDATE users SET ok = TRUE WHERE id = ? RETURNING ok", { instance = user, replacements = { user.id } })
    assert.is_true(user.ok)
    assert.same({ "price" }, user:changed())
    assert.is_nil((db:query("UPDATE users SET ok = TRUE WHERE id = 99 RETURNING ok", { instance = user })))
  end)

  it("refuses options that contradict each other", function()
    local db, User = filled()
    local sent = helper.count(function()
      for _, case in ipairs {
        { { model = 3 }, "model wants a model" }, { { mapToModel = true }, "mapToModel wants a model" },
        { { model = User, nest = true }, "nest is for rows without a model" },
        { { instance = {} }, "instance wants an instance" }, { { fieldMap = { 1 } }, "fieldMap wants names" },
        { { type = "DESCRIBE" }, "type must be" }, { { plain = 1 }, "plain must be true or false" },
        { { instance = User:build(), plain = true }, "instance excludes" }, { { fieldMap = { a = null } }, "fieldMap" },
      } do
        assert.matches(case[2], helper.error_of(db.query, db, "SELECT 1", case[1]).message)
      end
    end)
    assert.equal(0, sent)
  end)
end)
