-- csrc/lua/l_segments.c: what the tables of joined answers remember, and that many of them come out right.
local core = require "rowan.core"
local segments = require "spec.segments_support"
local support = require "spec.core_support"

local run, collect, JIT = support.run, support.collect, support.JIT
local col, joined, nested, series = segments.col, segments.joined, segments.nested, segments.series
local POST, AUTHOR, COUNTRY, POSTS = segments.POST, segments.AUTHOR, segments.COUNTRY, segments.POSTS

support.each("the snapshots of segments", function(db)
  it("work on each table as on a root row", function()
    local rows = run(db.pool, POSTS, "", nil, nested(), { template = { POST, AUTHOR, COUNTRY } })
    local author = rows[1].author
    assert.is_true(core.isrow(author))
    assert.equal("Author", getmetatable(author).__name)
    assert.equal("Country", getmetatable(author.country).__name)
    for _, row in ipairs(rows) do assert.is_nil(core.changed(row)) end
    author.name = "eve"
    assert.same({ "name" }, core.changed(rows[4].author))
    assert.same({ "ann", true }, { core.original(author, "name") })
    assert.is_false(core.has(author, "title"))
    assert.is_false(core.has(rows[1], "author"))
    local copy = core.snapshot(author)
    core.update(author, { name = "eve", id = 5 })
    assert.same({ "id" }, core.changed(author))
    core.restore(author, copy)
    assert.same({ "name" }, core.changed(author))
    assert.is_nil(core.changed(rows[2].author))
    assert.is_nil(core.changed(rows[1]))
  end)

  it("are left out for plain segments and false templates", function()
    local rows = run(db.pool, POSTS, "", nil, nested { author = { plain = true } },
      { template = { POST, AUTHOR, COUNTRY } })
    assert.is_nil(getmetatable(rows[1].author))
    assert.is_true(core.isrow(rows[1].author.country))
    rows = run(db.pool, POSTS, "", nil, nested(), { template = { false, AUTHOR, false } })
    assert.is_nil(getmetatable(rows[1]))
    assert.is_true(core.isrow(rows[1].author))
    assert.is_nil(getmetatable(rows[1].author.country))
    local statement = core.statement(POSTS, "", nested())
    assert.has_error(function() db.pool:run(statement, nil, 0, nil, { POST, 7, false }) end)
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("are chunked by segment, 128 tables a metatable", function()
    local columns = joined({ col "id", col "id", col("name", "s") },
      { { 2, 2, "half" } })
    local rows = run(db.pool, series(600, "SELECT n, n / 2, 'n' || n FROM s ORDER BY n"), "", nil, columns,
      { template = { POST, AUTHOR } })
    assert.equal(getmetatable(rows[1]), getmetatable(rows[128]))
    assert.not_equal(getmetatable(rows[128]), getmetatable(rows[129]))
    assert.equal(getmetatable(rows[1].half), getmetatable(rows[255].half)) -- 0 .. 127
    assert.not_equal(getmetatable(rows[255].half), getmetatable(rows[256].half))
    rows = { rows[600] }
    collect()
    assert.is_nil(core.changed(rows[1]))
    assert.same({ 300, true }, { core.original(rows[1].half, "id") })
    assert.same({ "n600", true }, { core.original(rows[1].half, "name") })
  end)

  -- Every tenth cell of `name` takes the collector a step on, every thousandth lets it look at everything: it
  -- works while tables are made, however many rows the answer has.
  local function greedy()
    local count = 0
    return function(text)
      count = count + 1
      if count % 1000 == 0 then collectgarbage() elseif count % 10 == 0 then collectgarbage("step") end
      return text
    end
  end

  -- root: 0..999; a: of the root, 0..49, with all b of its roots; c: of the root, one each
  local function many_columns()
    return joined({ col "id", col "id", col("at", "t"), col "id", col("name", "s", greedy()), col "id" }, {
      { 2, 2, "a" },
      { 4, 2, "b", { parent = 1, many = true, fold = false } },
      { 6, 1, "c", { many = true } },
    }, { 1 })
  end

  local templates = { template = { POST, AUTHOR, COUNTRY, {} } }

  local function many_rows(count)
    local stamp = db.pg and "to_timestamp(n % 50)" or "strftime('%Y-%m-%d %H:%M:%S', n % 50, 'unixepoch')"
    local cells = "n % 1000, n % 50, " .. stamp .. ", n, 'name ' || n, n % 10"
    return series(count, "SELECT " .. cells .. " FROM s ORDER BY n")
  end

  it("are right for 10,000 rows while the collector works", function()
    local rows = run(db.pool, many_rows(10000), "", nil, many_columns(), templates)
    collect()
    assert.equal(1000, #rows)
    local bs, equal = 0, function(_, text, value) return text == value end
    for i, row in ipairs(rows) do
      assert(row.id == i % 1000 and row.a.id == i % 50 and #row.c == 1 and row.c[1].id == i % 10)
      assert(row.a.at == ("1970-01-01T00:00:%02d.000Z"):format(i % 50))
      assert(not (core.changed(row) or core.changed(row.a) or core.changed(row.c[1])))
      for _, b in ipairs(i <= 50 and row.a.b or {}) do
        bs = bs + 1
        assert(b.name == "name " .. b.id and b.id % 50 == i % 50 and not core.changed(b, equal))
      end
    end
    assert.equal(10000, bs)
    if not JIT then assert.is_true(collectgarbage("isrunning")) end
  end)

  it("survive a collector that never rests", function()
    local before = not JIT and collectgarbage("incremental", 10, 1000)
    if JIT then collectgarbage("setpause", 1) end
    local rows = run(db.pool, many_rows(200), "", nil, many_columns(), templates)
    if JIT then collectgarbage("setpause", 200) else collectgarbage("incremental", 200, 100) end
    if before then collectgarbage(before) end
    assert.equal(200, #rows)
    assert.same({ id = 57, name = "name 57" }, rows[7].a.b[2])
    for _, row in ipairs(rows) do assert(not (core.changed(row) or core.changed(row.a))) end
  end)
end)
