-- csrc/lua/l_rows.c and l_snapshot.c: answers as rows, errors while they are read, and what rows remember.
local core = require "rowan.core"
local support = require "spec.core_support"

local run, fails = support.run, support.fails

local JIT, null, collect = support.JIT, support.null, support.collect

support.each("the core's rows", function(db)
  it("gives rows, affected and last_id; `true` without result columns", function()
    db:create("id integer primary key, v integer")
    local insert = core.statement(db:places("INSERT INTO " .. db:named("t") .. " VALUES (?, ?)"), "-i-i")
    local rows, affected, last_id = db.pool:run(insert, { 41, 1 }, 2)
    assert.is_true(rows)
    assert.equal(1, affected)
    assert.equal(db.pg and 0 or 41, last_id)
    rows, affected = run(db.pool, "UPDATE " .. db:named("t") .. " SET v = 2 RETURNING id")
    assert.same({ { id = 41 } }, rows)
    assert.equal(1, affected)
    rows, affected = run(db.pool, "SELECT * FROM " .. db:named("t") .. " WHERE id = 7")
    assert.same({}, rows)
    assert.is_nil(affected)
  end)

  it("gives the first row, or false, when asked for a single one", function()
    db:people(3)
    assert.equal("n1", db:select({ single = true }).name)
    assert.is_false((db:select({ single = true }, "WHERE id = 9")))
  end)

  it("names columns as the answer does, the last of equal names winning", function()
    local row = run(db.pool, "SELECT 1 AS a, 2 AS b, 3 AS a", "", nil, nil, { single = true })
    assert.same({ a = 3, b = 2 }, row)
    row = run(db.pool, "SELECT 1 AS a, 2 AS b, NULL AS a", "", nil, nil, { single = true })
    assert.same({ b = 2 }, row)
    local columns = { { key = "a", code = "i" }, { key = "b", code = "i" }, { key = "a", code = "i" } }
    row = run(db.pool, "SELECT 1, 2, NULL", "", nil, columns, { single = true, template = {} })
    assert.same({ b = 2 }, row)
    assert.is_nil(core.changed(row))
    row.a = 1
    assert.same({ "a" }, core.changed(row))
  end)

  it("follows a statement whose own columns change", function()
    db:create("a integer")
    run(db.pool, "INSERT INTO " .. db:named("t") .. " VALUES (1)")
    local all = core.statement("SELECT * FROM " .. db:named("t"), "")
    local before = db.pool:run(all, nil, 0, nil, {})
    run(db.pool, "ALTER TABLE " .. db:named("t") .. " ADD COLUMN b integer")
    run(db.pool, "UPDATE " .. db:named("t") .. " SET b = 2")
    assert.same({ { a = 1, b = 2 } }, (db.pool:run(all, nil, 0)))
    assert.is_true(core.has(before[1], "a"))
    assert.is_false(core.has(before[1], "b"))
  end)

  it("applies load functions by column and, without columns, by code", function()
    db:people(1)
    assert.same({ text = '{"i":1}' }, db:select()[1].data)
    local text = "SELECT data FROM " .. db:named("t")
    assert.equal('{"i":1}', run(db.pool, text)[1].data)
    if db.pg then
      local rows = run(db.pool, text, "", nil, nil, { loads = { j = support.decode } })
      assert.same({ text = '{"i":1}' }, rows[1].data)
    end
  end)

  it("refuses an answer with other columns than the statement describes", function()
    local err = fails(db.pool:run(core.statement("SELECT 1", "", { { key = "a" }, { key = "b" } }), nil, 0))
    assert.same({ kind = "usage", message = "the statement describes 2 columns, but the answer has 1" }, err)
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("tells what the database refused", function()
    local err = fails(db.pool:run(core.statement("SELEC 1", ""), nil, 0))
    assert.equal("database", err.kind)
    assert.equal("42601", err.sqlstate)
    assert.equal(1, err.position)
    db:people(1)
    local again = core.statement("INSERT INTO " .. db:named("t") .. " (id) VALUES (1)", "")
    err = fails(db.pool:run(again, nil, 0))
    assert.equal("23505", err.sqlstate)
    assert.equal("t", err.table)
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("names the key of a cell that is not what its code says", function()
    local text = "SELECT 1, 'seven'" .. (db.pg and "::text" or "")
    local columns = { { key = "a", code = "i" }, { key = "b", code = "i" } }
    local err = fails(db.pool:run(core.statement(text, "", columns), nil, 0))
    assert.equal("value", err.kind)
    assert.equal(2, err.column)
    assert.equal("b", err.key)
    assert.equal(0, db.pool:stats().inUse)
    local rows = run(db.pool, text)
    assert.equal(1, #rows)
  end)

  it("lets a load function raise, and gives the connection back", function()
    db:people(600) -- so many that the collector rests meanwhile
    local boom = {}
    local function load(id)
      if id == 590 then error(boom, 0) end
      return id
    end
    local columns = { { key = "id", code = "i", load = load } }
    local statement = core.statement("SELECT id FROM " .. db:named("t") .. " ORDER BY id", "", columns)
    for _ = 1, 5 do
      local ok, raised = pcall(db.pool.run, db.pool, statement, nil, 0, nil, {})
      assert.is_false(ok)
      assert.equal(boom, raised)
      assert.equal(0, db.pool:stats().inUse)
    end
    if not JIT then assert.is_true(collectgarbage("isrunning")) end
    assert.equal(600, #db:select())
  end)

  it("lets a load function run another statement on the same pool", function()
    db:people(3)
    local inner = core.statement(db:places("SELECT name FROM " .. db:named("t") .. " WHERE id = ?"), "-i")
    local function load(id)
      local row, err = db.pool:run(inner, { id }, 1, nil, nil, nil, true)
      return row and row.name or err.kind
    end
    local names = run(db.pool, "SELECT id FROM " .. db:named("t") .. " ORDER BY id", "", nil,
      { { key = "name", code = "i", load = load } }, { template = {} })
    local wanted = db.single and "acquire" or nil -- the only connection is being read from
    for i, row in ipairs(names) do assert.equal(wanted or "n" .. i, row.name) end
  end)
end)

support.each("the core's snapshots", function(db)
  local template = { __index = { kind = "person" }, __name = "Person", Model = {} }

  it("gives rows a metatable with the template's fields", function()
    db:people(300)
    local rows = db:select { template = template }
    for i, row in ipairs(rows) do
      local meta = getmetatable(row)
      assert.equal(template.Model, meta.Model)
      assert.equal("person", row.kind)
      assert.is_nil(rawget(row, "kind"))
      assert.is_true(core.isrow(row))
      assert.is_nil(core.changed(row, support.same_json))
      assert.equal("n" .. i, (core.original(row, "name")))
    end
    assert.equal(getmetatable(rows[1]), getmetatable(rows[128]))
    assert.not_equal(getmetatable(rows[1]), getmetatable(rows[129]))
    assert.is_nil(template[1])
    assert.is_false(core.isrow({}))
    assert.is_false(core.isrow(setmetatable({}, getmetatable(rows[1]))))
    assert.is_false(core.isrow(7))
  end)

  it("knows what changed, in column order", function()
    db:people(2)
    local row = db:select { template = template }[2]
    row.at, row.name, row.age = "2024-01-01T00:00:00.000Z", "x", nil
    assert.same({ "name", "age", "at" }, core.changed(row, support.same_json))
    row.at, row.name, row.age = "1970-01-01T00:00:02.000Z", "n2", 2.0
    assert.is_nil(core.changed(row, support.same_json))
    row.data.text = "{}"
    assert.same({ "data" }, core.changed(row, support.same_json))
    row.data = null
    assert.same({ "data" }, core.changed(row, support.same_json))
    row.data = nil
    assert.same({ "data" }, core.changed(row, support.same_json))
    row.age = "2"
    assert.same({ "age", "data" }, core.changed(row, support.same_json))
    row.extra = 1
    assert.same({ "age", "data" }, core.changed(row, support.same_json))
  end)

  it("treats nil and null as NULL", function()
    db:people(1)
    local row = db:select({ template = template, single = true })
    assert.is_nil(row.age)
    row.age = null
    assert.is_nil(core.changed(row, support.same_json))
    row.age = 0
    assert.same({ "age" }, core.changed(row, support.same_json))
  end)

  it("gives original values back, loaded again", function()
    db:people(2)
    local row = db:select { template = template }[1]
    local data = row.data
    row.name, row.data = nil, nil
    local again, known = core.original(row, "data")
    assert.same(data, again)
    assert.not_equal(data, again)
    assert.is_true(known)
    assert.same({ nil, true }, { core.original(row, "age") })
    assert.same({ nil, false }, { core.original(row, "nothing") })
    assert.is_true(core.has(row, "age"))
    assert.is_false(core.has(row, "nothing"))
  end)

  it("updates the snapshot of one row and leaves the others' alone", function()
    db:people(3)
    local rows = db:select { template = template }
    local row = rows[2]
    row.name, row.age = "new", nil
    core.update(row, { name = "new", age = null })
    assert.is_nil(core.changed(row, support.same_json))
    assert.same({ "new", true }, { core.original(row, "name") })
    assert.equal("person", row.kind)
    core.update(row, { zeta = 1, beta = "\255", data = "{}" })
    assert.same({ "data", "beta", "zeta" }, core.changed(row, support.same_json))
    row.zeta, row.beta, row.data = 1, "\255", { text = "{}" }
    assert.is_nil(core.changed(row, support.same_json))
    assert.equal("n3", (core.original(rows[3], "name")))
    assert.is_nil(core.changed(rows[3], support.same_json))
    assert.is_false(core.has(rows[3], "beta"))
    for i = 1, 500 do core.update(row, { age = i }) end
    assert.equal(500, (core.original(row, "age")))
  end)

  it("types keys that the snapshot lacked by a layout", function()
    db:people(1)
    local layout = core.statement("", "", support.PEOPLE)
    local text, id = "SELECT id FROM " .. db:named("t"), { support.PEOPLE[1] }
    local row = run(db.pool, text, "", nil, id, { template = template })[1]
    core.update(row, { data = "{}", at = 0 }, layout)
    row.data, row.at = { text = "{}" }, "1970-01-01T00:00:00.000Z"
    assert.is_nil(core.changed(row, support.same_json))
    assert.same({ text = "{}" }, (core.original(row, "data")))
  end)

  it("adopts a new row", function()
    local layout = core.statement("", "", support.PEOPLE)
    local row = { id = 1, name = "a", data = { text = "{}" } }
    assert.equal(row, core.adopt(row, template, layout, { id = 1, name = "a", data = "{}" }))
    assert.is_true(core.isrow(row))
    assert.equal("person", row.kind)
    assert.is_nil(core.changed(row, support.same_json))
    assert.is_true(core.has(row, "age"))
    row.age = 3
    assert.same({ "age" }, core.changed(row, support.same_json))
    assert.has_error(function() core.adopt({}, template, layout, { id = "x" }) end,
      "id must be an integer between -2147483648 and 2147483647")
    assert.has_error(function() core.adopt({}, template, core.statement("", ""), {}) end)
  end)

  it("restores what a rolled back transaction had changed", function()
    db:people(3)
    local rows = db:select { template = template }
    local row = rows[2]
    local copy = core.snapshot(row)
    core.update(row, { name = "later", more = 1 })
    local second = core.snapshot(row)
    core.restore(row, copy)
    assert.is_nil(core.changed(row, support.same_json))
    assert.is_false(core.has(row, "more"))
    core.restore(row, second)
    assert.equal("later", (core.original(row, "name")))
    assert.has_error(function() core.restore(rows[1], copy) end)
    assert.has_error(function() core.restore(row, db.pool) end)
  end)

  it("keeps snapshots when everything else is gone", function()
    db:people(200)
    local row
    do
      local rows = db:select { template = template }
      row = rows[150]
    end
    collect()
    assert.is_nil(core.changed(row, support.same_json))
    assert.same({ text = '{"i":150}' }, (core.original(row, "data")))
  end)
end)
