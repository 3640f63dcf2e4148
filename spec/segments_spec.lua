-- csrc/lua/l_segments.c: answers whose rows hold several tables each, and the tables that are made of them.
local core = require "rowan.core"
local segments = require "spec.segments_support"
local support = require "spec.core_support"

local run, fails, decode, collect = support.run, support.fails, support.decode, support.collect
local col, joined, rows_of, nested = segments.col, segments.joined, segments.rows_of, segments.nested
local POST, AUTHOR, COUNTRY, POSTS = segments.POST, segments.AUTHOR, segments.COUNTRY, segments.POSTS

support.each("to-one segments", function(db)
  it("make a table of their own, or none where a key is NULL", function()
    local rows = run(db.pool, POSTS, "", nil, nested())
    assert.same({
      { id = 1, title = "p1", author = { id = 7, name = "ann", country = { id = 70 } } },
      { id = 2, title = "p2", author = { id = 8, name = "bob" } },
      { id = 3, title = "p3" },
      { id = 4, title = "p4", author = { id = 7, name = "ann", country = { id = 70 } } },
      { id = 5, title = "p5", author = { id = 9, name = "cid", country = { id = 70 } } },
    }, rows)
  end)

  it("fold equal keys into the very same table", function()
    local rows = run(db.pool, POSTS, "", nil, nested())
    assert.equal(rows[1].author, rows[4].author)
    assert.equal(rows[1].author.country, rows[5].author.country)
    assert.not_equal(rows[1].author, rows[5].author)
    rows = run(db.pool, POSTS, "", nil, nested { author = { fold = false } })
    assert.not_equal(rows[1].author, rows[4].author)
    assert.same(rows[1].author, rows[4].author)
    assert.equal(rows[1].author.country, rows[4].author.country)
  end)

  it("share tables within an answer, not between answers", function()
    local statement = core.statement(POSTS, "", nested())
    local first, second = db.pool:run(statement, nil, 0), db.pool:run(statement, nil, 0)
    assert.same(first, second)
    assert.not_equal(first[1].author, second[1].author)
  end)

  it("always have a row when they have no keys", function()
    local rows = run(db.pool, POSTS, "", nil, nested { author = { keys = {}, fold = false } })
    assert.same({}, rows[3].author)
    assert.same({ id = 7, name = "ann", country = { id = 70 } }, rows[4].author)
    assert.not_equal(rows[1].author, rows[4].author)
    rows = run(db.pool, POSTS, "", nil, nested { author = { keys = {} } })
    assert.equal(rows[1].author, rows[5].author)
  end)

  it("may be identified by columns of others, whatever those are converted to", function()
    local columns = joined({ col "id", col("at", "t"), col "id", col("name", "s") },
      { { 3, 2, "author", { keys = { 2, 3 } } } }, { 1 })
    local stamp = db.pg and "'2024-01-01T00:00:00Z'::timestamptz" or "'2024-01-01 00:00:00'"
    local function row(id, name) return ("%d, %s, 7, '%s'"):format(id, stamp, name) end
    local text = rows_of(row(1, "ann"), row(1, "ann"), row(2, "x"), "3, NULL, 7, 'ann'")
    local rows = run(db.pool, text, "", nil, columns)
    assert.equal(3, #rows)
    assert.equal("2024-01-01T00:00:00.000Z", rows[1].at)
    assert.same({ id = 7, name = "ann" }, rows[1].author)
    assert.equal(rows[1].author, rows[2].author)
    assert.is_nil(rows[3].author)
  end)

  it("do not mix up composite keys", function()
    local columns = joined({ col "id", col("a", "s"), col("b", "s"), col "n" },
      { { 2, 3, "pair", { keys = { 2, 3 } } } })
    local text = rows_of("1, 'ab', 'c', 1", "2, 'a', 'bc', 2", "3, 'a', 'bc', 3", "4, '', 'abc', 4",
      "5, 'abc', '', 5", "6, 'a', NULL, 6", "7, '', '', 7")
    local rows = run(db.pool, text, "", nil, columns)
    local numbers = {}
    for i, row in ipairs(rows) do numbers[i] = row.pair and row.pair.n or 0 end
    assert.same({ 1, 2, 2, 4, 5, 0, 7 }, numbers)
  end)

  if not db.pg then
    it("tell the integer 1 from the text '1' and from 1.0", function()
      local columns = joined({ col "id", col("v", "?") }, { { 2, 1, "x" } })
      local text = rows_of("1, 1", "2, '1'", "3, 1.0", "4, x'31'", "5, 1", "6, '1'")
      local rows = run(db.pool, text, "", nil, columns)
      local seen = {}
      for i = 1, 4 do
        assert.is_nil(seen[rows[i].x])
        seen[rows[i].x] = true
      end
      assert.equal(rows[1].x, rows[5].x)
      assert.equal(rows[2].x, rows[6].x)
    end)
  end

  it("keep the last of equal keys within a segment, and those of different segments apart", function()
    local columns = joined({ col "id", col "id", col "v", col "v" }, { { 2, 3, "x" } })
    local row = run(db.pool, "SELECT 1, 2, 3, 4", "", nil, columns, { single = true, template = { {}, {} } })
    assert.same({ id = 1, x = { id = 2, v = 4 } }, row)
    row.x.v = 5
    assert.same({ "v" }, core.changed(row.x))
    assert.is_nil(core.changed(row))
    assert.is_false(core.has(row, "v"))
  end)

  it("come with a single row", function()
    local row = run(db.pool, POSTS, "", nil, nested(), { single = true })
    assert.same({ id = 1, title = "p1", author = { id = 7, name = "ann", country = { id = 70 } } }, row)
    assert.is_false((run(db.pool, POSTS .. " WHERE 1 = 0", "", nil, nested(), { single = true })))
    assert.same({}, (run(db.pool, POSTS .. " WHERE 1 = 0", "", nil, nested())))
  end)

  it("come out of tickets", function()
    local ticket = assert(db.pool:submit(core.statement(POSTS, "", nested()), nil, 0))
    support.wait_for(ticket)
    local rows = assert(ticket:take { POST, AUTHOR, COUNTRY })
    assert.equal(rows[1].author, rows[4].author)
    assert.equal("Author", getmetatable(rows[2].author).__name)
    assert.is_nil(core.changed(rows[4].author.country))
  end)

  it("apply load functions, and tell what they raise", function()
    local columns = joined({ col "id", col "id", col("data", "j", decode) }, { { 2, 2, "doc" } })
    local text = rows_of([[1, 5, '{"a":1}']], "2, 5, 'x'", "3, 6, NULL")
    local rows = run(db.pool, text, "", nil, columns, { template = { {}, {} } })
    assert.same({ id = 5, data = { text = '{"a":1}' } }, rows[1].doc)
    assert.equal(rows[1].doc, rows[2].doc)
    assert.same({ id = 6 }, rows[3].doc)
    assert.same({ { text = '{"a":1}' }, true }, { core.original(rows[2].doc, "data") })
    assert.is_nil(core.changed(rows[1].doc, support.same_json))
    local boom = {}
    columns[3] = col("data", "j", function(t) return t == "{}" and error(boom, 0) or t end)
    columns = joined(columns, { { 2, 2, "doc" } })
    local statement = core.statement(rows_of("1, 1, '[]'", "2, 2, '{}'"), "", columns)
    for _ = 1, 3 do
      local ok, raised = pcall(db.pool.run, db.pool, statement, nil, 0, nil, { {}, {} })
      assert.is_false(ok)
      assert.equal(boom, raised)
      assert.equal(0, db.pool:stats().inUse)
    end
  end)

  it("let a load function read another joined answer", function()
    local inner = core.statement("SELECT 1, 2", "", joined({ col "id", col "id" }, { { 2, 1, "x" } }))
    local other = support.memory()
    local function load() return assert(other:run(inner, nil, 0, nil, { {}, {} }))[1] end
    local columns = joined({ col "id", col("row", "i", load) }, { { 2, 1, "y" } })
    local rows = run(db.pool, rows_of("1, 1", "2, 2"), "", nil, columns, { template = { {}, {} } })
    assert.same({ row = { id = 1, x = { id = 2 } } }, rows[2].y)
  end)

  it("name the key of a cell that is not what its code says", function()
    local columns = joined({ col "a", col "b", col "c" }, { { 2, 2, "x" } })
    local text = "SELECT 1, 2, 'three'" .. (db.pg and "::text" or "")
    local err = fails(db.pool:run(core.statement(text, "", columns), nil, 0))
    assert.equal("value", err.kind)
    assert.equal(3, err.column)
    assert.equal("c", err.key)
    assert.equal(0, db.pool:stats().inUse)
  end)
end)

-- post: id, title; comments: id, body; author of the comment: id; tags: id, label
local function folded(options)
  options = options or {}
  local columns = { col "id", col("title", "s"), col "id", col("body", "s"), col "id", col "id" }
  columns[7] = col("label", "s")
  return joined(columns, {
    { 3, 2, "comments", options.comments or { many = true } },
    { 5, 1, "author", { parent = 1 } },
    { 6, 2, "tags", options.tags or { many = true } },
  }, { 1 })
end

local COMMENTS = rows_of("1, 'p1', 11, 'c1', 7, 21, 'red'", "1, 'p1', 11, 'c1', 7, 22, 'blue'",
  "2, 'p2', 13, 'c3', NULL, 21, 'red'", "1, 'p1', 12, 'c2', 7, 21, 'red'", "1, 'p1', 12, 'c2', 7, 22, 'blue'",
  "3, 'p3', NULL, NULL, NULL, NULL, NULL", "2, 'p2', 14, 'c4', 8, 21, 'red'")

support.each("many segments", function(db)
  local wanted = {
    { id = 1, title = "p1",
      comments = { { id = 11, body = "c1", author = { id = 7 } },
        { id = 12, body = "c2", author = { id = 7 } } },
      tags = { { id = 21, label = "red" }, { id = 22, label = "blue" } } },
    { id = 2, title = "p2",
      comments = { { id = 13, body = "c3" }, { id = 14, body = "c4", author = { id = 8 } } },
      tags = { { id = 21, label = "red" } } },
    { id = 3, title = "p3", comments = {}, tags = {} },
  }

  it("gather what belongs to a root, each row once", function()
    local rows = run(db.pool, COMMENTS, "", nil, folded())
    assert.same(wanted, rows)
    assert.equal(rows[1].tags[1], rows[2].tags[1])
    assert.equal(rows[1].comments[1].author, rows[1].comments[2].author)
  end)

  it("give each parent tables of its own without fold", function()
    local rows = run(db.pool, COMMENTS, "", nil, folded { tags = { many = true, fold = false } })
    assert.same(wanted, rows)
    assert.not_equal(rows[1].tags[1], rows[2].tags[1])
  end)

  it("take every row of the answer without keys and fold", function()
    local rows = run(db.pool, COMMENTS, "", nil, folded { tags = { many = true, fold = false, keys = {} } })
    assert.equal(4, #rows[1].tags)
    assert.equal("blue", rows[1].tags[4].label)
    assert.same({ {} }, rows[3].tags)
  end)

  it("may be nested in each other, shared or not", function()
    for _, fold in ipairs { true, false } do
      local columns = joined({ col "id", col "id", col "id", col "id" },
        { { 2, 1, "a", { many = true, fold = fold } }, { 3, 1, "b", { parent = 1, fold = fold } },
          { 4, 1, "c", { parent = 2, many = true, fold = fold } } }, { 1 })
      local text = rows_of("1, 1, 5, 1", "1, 2, 6, 1", "1, 1, 5, 2", "1, 2, 6, 1", "1, 2, 6, NULL",
        "1, 3, NULL, NULL", "1, 1, 5, 3")
      local b5, b6 = { id = 5, c = { { id = 1 }, { id = 2 }, { id = 3 } } }, { id = 6, c = { { id = 1 } } }
      local rows = run(db.pool, text, "", nil, columns)
      assert.same({ { id = 1, a = { { id = 1, b = b5 }, { id = 2, b = b6 }, { id = 3 } } } }, rows)
      assert.equal(fold, rows[1].a[1].b.c[1] == rows[1].a[2].b.c[1])
    end
  end)

  it("share what two roots have in common, with all its children", function()
    local columns = joined({ col "id", col "id", col "id" },
      { { 2, 1, "author" }, { 3, 1, "books", { parent = 1, many = true } } }, { 1 })
    local text = rows_of("1, 7, 1", "1, 7, 2", "2, 7, 1", "2, 7, 2", "3, 8, NULL")
    local rows = run(db.pool, text, "", nil, columns)
    assert.equal(rows[1].author, rows[2].author)
    assert.same({ { id = 1 }, { id = 2 } }, rows[2].author.books)
    assert.same({ id = 8, books = {} }, rows[3].author)
  end)

  it("come with a single root, read to the end", function()
    local row = run(db.pool, COMMENTS, "", nil, folded(), { single = true, template = { {}, {}, {}, {} } })
    assert.same(wanted[1], row)
    assert.is_nil(core.changed(row))
    assert.is_nil(core.changed(row.comments[2]))
    assert.is_false((run(db.pool, COMMENTS .. " WHERE 1 = 0", "", nil, folded(), { single = true })))
  end)

  it("are not needed to fold the root", function()
    local columns = joined({ col "id", col("name", "s") }, {}, { 1, 2 })
    local rows = run(db.pool, rows_of("1, 'a'", "1, 'b'", "1, 'a'", "2, NULL", "2, NULL"), "", nil, columns,
      { template = { POST } })
    assert.same({ { id = 1, name = "a" }, { id = 1, name = "b" }, { id = 2 } }, rows)
    assert.is_nil(core.changed(rows[3]))
  end)

  it("tell what a load function raises", function()
    local function load(v) return v > 2 and error("boom", 0) or v end
    local columns = joined({ col "id", col("v", "i", load) }, { { 2, 1, "x", { many = true } } }, { 1 })
    local statement = core.statement(rows_of("1, 1", "1, 2", "1, 3"), "", columns)
    for _ = 1, 3 do
      local ok, raised = pcall(db.pool.run, db.pool, statement, nil, 0)
      assert.is_false(ok)
      assert.equal("boom", raised)
      assert.equal(0, db.pool:stats().inUse)
    end
  end)
end)

describe("a statement with segments", function()
  after_each(support.nothing_left)

  local function refuses(change, message)
    local columns = nested()
    change(columns, columns.segments[1], columns.segments[2])
    local ok, raised = pcall(core.statement, "", "", columns)
    assert.is_false(ok)
    assert.is_truthy(tostring(raised):find(message, 1, true), tostring(raised))
  end

  it("is refused when they do not fit its columns", function()
    refuses(function(_, a) a.first = 2 end, "a segment's layout must describe its columns")
    refuses(function(_, _, b) b.first = 4 end, "consecutive")
    refuses(function(_, _, b) b.count = 2 end, "count is missing or out of range")
    refuses(function(_, _, b) b.parent = 2 end, "parent is missing or out of range")
    refuses(function(columns) columns.segments[2] = nil end, "must cover all columns")
    refuses(function(_, a) a.first = nil end, "first is missing or out of range")
    refuses(function(_, a) a.key = 1 end, "a key that is a string")
    refuses(function(_, a) a.keys = nil end, "sequences of column numbers")
    refuses(function(_, a) a.keys = { 6 } end, "must be the number of a column")
    refuses(function(_, a) a.keys = { 0 } end, "must be the number of a column")
    refuses(function(_, a) a.many = true end, "only when the root is folded")
    refuses(function(_, a) a.layout = 1 end, "a statement with columns")
    refuses(function(_, a, b) a.layout = b.layout end, "must describe its columns")
    refuses(function(columns) columns.segments = 1 end, "must be a sequence")
    refuses(function(columns) columns.segments = { 1 } end, "every segment must be a table")
    refuses(function(columns) columns.fold = 1 end, "sequences of column numbers")
  end)

  it("makes the layouts that are not given, and outlives what it was made of", function()
    local columns = nested()
    for _, one in ipairs(columns.segments) do one.layout = nil end
    local statement = core.statement(POSTS, "", columns)
    columns = nil -- luacheck: ignore
    collect()
    local rows = assert(support.memory():run(statement, nil, 0, nil, { POST, AUTHOR, COUNTRY }))
    statement = nil -- luacheck: ignore
    collect()
    rows[1].author.name = "x"
    assert.same({ "name" }, core.changed(rows[1].author))
    assert.is_nil(core.changed(rows[1].author.country))
  end)
end)
