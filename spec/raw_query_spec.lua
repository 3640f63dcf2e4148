-- db:query: values as replacements and binds, what is left alone around them, what is refused, types of results.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local null = rowan.null

helper.each(function(dialect, connect)
  local on_postgres = dialect == "postgres"

  local function filled()
    local db = connect()
    db:query("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    db:query("INSERT INTO t VALUES (1, 'Ann'), (2, 'Bob'), (3, 'O''Brien'), (4, 'Dan')")
    return db
  end

  local function names(db, sql, options)
    local list = {}
    for i, row in ipairs((db:query(sql, options))) do list[i] = row.name end
    return list
  end

  local function fails(db, pattern, sql, options)
    local err = helper.error_of(db.query, db, sql, options)
    assert.equal("QueryError", rowan.kind(err) == "error" and err.name or tostring(err))
    assert.matches(pattern, err.message)
  end

  it("binds replacements by position and by name", function()
    local db = filled()
    assert.same({ "Ann", "Bob" }, names(db, "SELECT name FROM t WHERE id < ? AND id <> ? ORDER BY id",
      { replacements = { 3, 0 } }))
    assert.same({ "O'Brien" }, names(db, "SELECT name FROM t WHERE name = :name",
      { replacements = { name = "O'Brien" } }))
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE id > :low AND (id < :high OR id = :low)",
      { replacements = { low = 1, high = 3 } }))
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE (name=:a_1)AND(:a_1=name)",
      { replacements = { a_1 = "Bob" } }))
  end)

  it("binds by number and by name", function()
    local db = filled()
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE id = $2 AND name <> $1", { bind = { "Ann", 2 } }))
    assert.same({ "Ann" }, names(db, "SELECT name FROM t WHERE id = $1 AND id = $1", { bind = { 1 } }))
    assert.same({ "Ann" }, names(db, "SELECT name FROM t WHERE id = $id AND name = $name",
      { bind = { name = "Ann", id = 1 } }))
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE name = $1 AND id = :id", { bind = { "Bob" },
      replacements = { id = 2 } }))
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE id = ? AND name = $1", { bind = { "Bob" },
      replacements = { 2 } }))
    local eleven = {}
    for i = 1, 11 do eleven[i] = i == 11 and 2 or 99 end
    assert.same({ "Bob" }, names(db, "SELECT name FROM t WHERE id = $11 OR id = $1", { bind = eleven }))
  end)

  it("spreads lists among the replacements", function()
    local db = filled()
    assert.same({ "Ann", "O'Brien" }, names(db, "SELECT name FROM t WHERE id IN (:ids) ORDER BY id",
      { replacements = { ids = { 3, 1 } } }))
    assert.same({ "Bob", "O'Brien" }, names(db, "SELECT name FROM t WHERE id > ? AND id IN (?) ORDER BY id",
      { replacements = { 1, { 1, 2, 3 } } }))
    assert.same({}, names(db, "SELECT name FROM t WHERE id IN (:ids)", { replacements = { ids = {} } }))
  end)

  it("takes a list as one bind", function()
    local db = filled()
    local sql = on_postgres and "SELECT name FROM t WHERE id = ANY($1) ORDER BY id"
      or "SELECT name FROM t WHERE id IN (SELECT c0 FROM rowan_rows($1)) ORDER BY id"
    local log = helper.sql_log(db)
    assert.same({ "Ann", "O'Brien" }, names(db, sql, { bind = { { 1, 3, 77 } } }))
    assert.same({ "Bob" }, names(db, sql, { bind = { { 2 } } }))
    assert.same({}, names(db, sql, { bind = { {} } }))
    assert.equal(log[1], log[2])
    assert.equal(log[1], log[3])
  end)

  it("binds every kind of value, as it is", function()
    local db = filled()
    local hostile = "x' OR 1=1; DROP TABLE t; -- ? :name $1 \\ \" $$"
    local log = helper.sql_log(db)
    local row = db:query("SELECT CAST(? AS TEXT) AS a, CAST(? AS INTEGER) AS b, CAST(? AS DOUBLE PRECISION) AS c, CAST(? AS TEXT) AS d, "
      .. "CASE WHEN CAST(? AS BOOLEAN) THEN 'yes' ELSE 'no' END AS e",
      { replacements = { hostile, 7, 0.1 + 0.2, null, true }, plain = true })
    assert.equal(hostile, row.a)
    assert.equal(7, row.b)
    assert.equal(0.1 + 0.2, row.c)
    assert.is_nil(row.d)
    assert.equal("yes", row.e)
    assert.is_nil(log[1]:find("DROP", 1, true))
    for _, options in ipairs({ { replacements = { hostile } }, { bind = { hostile } } }) do
      local sql = options.bind and "SELECT name FROM t WHERE name = $1" or "SELECT name FROM t WHERE name = ?"
      assert.same({}, names(db, sql, options))
    end
    assert.equal(4, #names(db, "SELECT name FROM t"))
  end)

  local ALONE = {
    "SELECT '? :name $1' || CAST(%s AS TEXT) AS v", "SELECT '''?' || CAST(%s AS TEXT) AS v",
      "SELECT /* ? :name $1 ' */ CAST(%s AS TEXT) AS v",
    "SELECT CAST(%s AS TEXT) AS v -- ? :name $1 '", "SELECT CAST(%s AS TEXT) AS v -- it's\n",
      "-- ? ' :name\nSELECT CAST(%s AS TEXT) AS v",
    "SELECT 1 AS \"? :name $1 '\", CAST(%s AS TEXT) AS v", "SELECT CAST(%s AS TEXT) AS v;",
      "SELECT CAST(%s AS TEXT) AS v ; -- done",
    "SELECT CAST(%s AS TEXT) AS v; /* done */ ;", "SELECT 4 / 2 - -1 AS x, CAST(%s AS TEXT) AS v",
  }
  local ONLY_POSTGRES = {
    "SELECT $$ ? :name $1 ' $$ || %s::text AS v", "SELECT $tag$ $$ ? :name $tag$ || %s::text AS v",
      "SELECT E'\\'?' || %s::text AS v",
    "SELECT e'a\\\\' || %s::text AS v", "SELECT /* /* ? */ :name */ %s::text AS v",
      "SELECT ('a'::text) || %s::varchar::text AS v",
    "SELECT (ARRAY['a','b'])[1:2] AS x, %s::text AS v", "SELECT 'a' AS a$1, %s::text AS v",
      "SELECT (ARRAY[%s])[1]::text AS v",
  }

  it("leaves strings, identifiers, comments, dollar quotes and casts alone", function()
    local db = filled()
    local cases = {}
    for _, sql in ipairs(ALONE) do cases[#cases + 1] = sql end
    for _, sql in ipairs(on_postgres and ONLY_POSTGRES or {}) do cases[#cases + 1] = sql end
    for _, sql in ipairs(cases) do
      for mark, options in pairs({
        ["?"] = { replacements = { "value" } }, [":v"] = { replacements = { v = "value" } },
          ["$1"] = { bind = { "value" } },
        ["$v"] = { bind = { v = "value" } },
      }) do
        local text = sql:gsub("%%s", function() return mark end)
        local rows = db:query(text, options)
        assert.equal("value", rows[1].v:sub(-5), text)
      end
    end
  end)

  it("refuses values that are missing or too many", function()
    local db = filled()
    local sent = helper.count(function()
      fails(db, 'Named parameter ":nmae" has no value', "SELECT :nmae", { replacements = { name = 1 } })
      fails(db, "more %? than replacements", "SELECT ?, ?", { replacements = { 1 } })
      fails(db, "more replacements than %?", "SELECT ?", { replacements = { 1, 2 } })
      fails(db, 'bind parameter "$2"', "SELECT $1, $2", { bind = { 1 } })
      fails(db, 'bind parameter "$b"', "SELECT $a, $b", { bind = { a = 1 } })
      fails(db, "more %? than replacements", "SELECT ?", { replacements = {} })
      fails(db, "function", "SELECT ?", { replacements = { print } })
      fails(db, "function", "SELECT $1", { bind = { print } })
      fails(db, "list of lists", "SELECT 1 WHERE 1 IN (?)", { replacements = { { { 1 } } } })
      fails(db, "never closed", "SELECT 'a", { replacements = { 1 } })
      fails(db, "never closed", "SELECT /* a", { replacements = { 1 } })
    end)
    assert.equal(0, sent)
  end)

  it("refuses placeholders that nothing was given for", function()
    local db = filled()
    for _, sql in ipairs({ "SELECT $1 AS a", "SELECT ? AS a", "SELECT :a AS a" }) do
      local err = helper.error_of(db.query, db, sql)
      assert.is_true(rowan.is(err, "BaseError"), tostring(err))
    end
  end)

  it("refuses several statements with values, and runs them without", function()
    local db = filled()
    fails(db, "several statements", "SELECT ?; DROP TABLE t", { replacements = { 1 } })
    fails(db, "several statements", "SELECT $1; DROP TABLE t;", { bind = { 1 } })
    fails(db, "several statements", "SELECT 1; DELETE FROM t WHERE id = :id", { replacements = { id = 1 } })
    assert.equal(4, #names(db, "SELECT name FROM t"))
    db:query("INSERT INTO t VALUES (5, 'a;b'); INSERT INTO t VALUES (6, 'c')")
    assert.equal(6, #names(db, "SELECT name FROM t"))
    assert.same({ "a;b" }, names(db, "SELECT name FROM t WHERE name = 'a;b' AND id = ?", { replacements = { 5 } }))
  end)

  it("gives rows, then what happened", function()
    local db = filled()
    local rows, metadata = db:query("SELECT id, name FROM t ORDER BY id")
    assert.same({ id = 1, name = "Ann" }, rows[1])
    assert.is_nil(getmetatable(rows[1]))
    assert.equal("table", type(metadata))
    local none, told = db:query("UPDATE t SET name = 'x' WHERE id < 3")
    assert.same({}, none)
    assert.equal(2, told.affected)
    assert.equal(3, db:query("DELETE FROM t WHERE id > 1", { type = "DELETE" }))
    local _, count = db:query("UPDATE t SET name = 'y'", { type = "UPDATE" })
    assert.equal(1, count)
    assert.equal("y", db:query("SELECT name FROM t", { plain = true }).name)
    assert.is_nil(db:query("SELECT name FROM t WHERE id = 99", { plain = true }))
    local only = { db:query("SELECT name FROM t", { type = "SELECT" }) }
    assert.equal(1, #only)
    assert.same({ { id = 9 } }, (db:query("INSERT INTO t VALUES (9, 'z') RETURNING id")))
  end)

  it("binds numbers and booleans as what they would be in the text", function()
    local db = filled()
    for _, how in ipairs { "bind", "replacements" } do
      local mark = how == "bind" and "$1" or "?"
      local function value(sql, given) return db:query(sql:format(mark), { [how] = { given }, plain = true }).v end
      assert.equal(5, value("SELECT %s AS v", 5))
      assert.equal(5000000000, value("SELECT %s AS v", 5000000000))
      assert.equal(1.5, tonumber(value("SELECT %s AS v", 1.5)))
      assert.equal("x", value("SELECT %s AS v", "x"))
      assert.equal(7, value("SELECT COALESCE(NULL, %s) AS v", 7))
      assert.equal("nn", value("SELECT substr(name, %s) AS v FROM t WHERE id = 1", 2))
    end
    assert.same({ "Ann" }, names(db, "SELECT name FROM t WHERE ? AND id = ? LIMIT ?", { replacements = { true, 1, 3 } }))
    fails(db, "no value has been provided", "SELECT $01", { bind = { 1 } })
  end)

  it("refuses what it does not know", function()
    local db = filled()
    fails(db, 'did you mean "replacements"', "SELECT ?", { replacments = { 1 } })
    fails(db, "type must be", "SELECT 1", { type = "SELCT" })
    fails(db, "replacements wants", "SELECT ?", { replacements = 1 })
    fails(db, "bind wants", "SELECT $1", { bind = "x" })
    fails(db, "SQL text", { "SELECT 1" })
    fails(db, "SQL text", nil)
  end)

  it("runs in the transaction around it, and outside when told so", function()
    local db = filled()
    pcall(function()
      db:transaction(function()
        db:query("INSERT INTO t VALUES (7, 'gone')")
        assert.equal(5, #names(db, "SELECT name FROM t"))
        if on_postgres then assert.equal(4, #names(db, "SELECT name FROM t", { transaction = false })) end
        error("undo")
      end)
    end)
    assert.equal(4, #names(db, "SELECT name FROM t"))
  end)

  it("types what it reads", function()
    local db = connect()
    local row
    for _ = 1, 3 do
      if on_postgres then
        row = db:query([[
          SELECT 42 AS int, 9007199254740991::bigint AS big, 9223372036854775807 AS huge, 0.1::float8 AS double,
            1.50::numeric AS dec, true AS yes, false AS no, 'text' AS text, '\x00ff'::bytea AS bytes,
            DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-01 01:00:00.123456+01' AS at, TIME '10:20:30' AS time,
            '{"a": [1, null]}'::jsonb AS doc, '[]'::json AS list, NULL AS missing, 'NaN'::float8 AS nan,
            '6BA7B810-9DAD-11D1-80B4-00C04FD430C8'::uuid AS uuid
        ]], { plain = true })
        assert.equal("2024-02-01T00:00:00.123456Z", row.at)
        assert.equal("1.50", row.dec)
        assert.is_true(row.yes)
        assert.is_false(row.no)
        assert.equal("\0\255", row.bytes)
        assert.equal("2024-02-29", row.day)
        assert.equal("10:20:30", row.time)
        assert.same({ a = { 1, null } }, row.doc)
        assert.equal(getmetatable(rowan.array {}), getmetatable(row.list))
        assert.equal("6ba7b810-9dad-11d1-80b4-00c04fd430c8", row.uuid)
        assert.is_true(row.nan ~= row.nan)
      else
        row = db:query([[
          SELECT 42 AS int, 9007199254740991 AS big, 9223372036854775807 AS huge, 0.1 AS double, 'text' AS text,
            x'00ff' AS bytes, NULL AS missing
        ]], { plain = true })
        assert.equal("\0\255", row.bytes)
      end
      assert.equal(42, row.int)
      if math.type then assert.equal("integer", math.type(row.int)) end
      assert.equal(9007199254740991, row.big)
      assert.equal(math.maxinteger or "9223372036854775807", row.huge)
      assert.equal(0.1, row.double)
      assert.equal("text", row.text)
      assert.is_nil(row.missing)
    end
  end)
end)

helper.on("postgres", function(_, connect)
  it("leaves the question marks of JSON operators alone where values are named", function()
    local db = connect()
    local row = db:query([[SELECT '{"a": 1}'::jsonb ? :key AS yes, '{"a": 1}'::jsonb ?| ARRAY['b'] AS no]],
      { replacements = { key = "a" }, plain = true })
    assert.is_true(row.yes)
    assert.is_false(row.no)
  end)

  it("reads arrays as lists, and what is in them as it reads it elsewhere", function()
    local db = connect()
    for _ = 1, 3 do
      local row = db:query([=[
        SELECT ARRAY[1, 2, NULL] AS ints, ARRAY[[1, 2], [3, 4]] AS nested, '{}'::int[] AS none, '[0:1]={5,6}'::int[] AS moved,
          NULL::int[] AS missing, ARRAY[9007199254740993, 1] AS bigs, ARRAY[1.5, 'Infinity']::float8[] AS doubles,
          ARRAY[1.50] AS decimals, ARRAY[true, false, NULL] AS flags, ARRAY['a,b', 'NULL', NULL, '"x\', '', '{}'] AS texts,
          ARRAY[TIMESTAMPTZ '2024-02-01 01:00+01', 'infinity'] AS times, ARRAY[TIMESTAMP '2024-02-01 00:00:00.5'] AS locals,
          ARRAY[DATE '2024-02-29'] AS days, ARRAY['{"a": [1, null]}', 'null', '5']::jsonb[] AS documents,
          ARRAY['\x00ff5c31', '']::bytea[] AS bytes, ARRAY['10.0.0.1'::inet] AS others, ARRAY['[1,5)'::int4range] AS ranges,
          '{(1,1),(0,0)}'::box[] AS boxes
      ]=], { plain = true })
      local expected = {
        ints = { 1, 2, null }, nested = { { 1, 2 }, { 3, 4 } }, none = {}, moved = { 5, 6 },
        bigs = { math.type and 9007199254740992 + 1 or "9007199254740993", 1 }, doubles = { 1.5, math.huge }, decimals = { "1.50" },
        flags = { true, false, null }, texts = { "a,b", "NULL", null, '"x\\', "", "{}" },
        times = { "2024-02-01T00:00:00.000Z", "infinity" }, locals = { "2024-02-01T00:00:00.500Z" }, days = { "2024-02-29" },
        documents = { { a = { 1, null } }, null, 5 }, bytes = { "\0\255\\1", "" }, others = { "10.0.0.1" }, ranges = { "[1,5)" },
        boxes = "{(1,1),(0,0)}",
      }
      assert.same(expected, row)
    end
    assert.same({ { "1", "2" } }, { db:query("SELECT ARRAY['1', '2'] AS list", { plain = true }).list })
    local N = db:define("N", { n = DataTypes.INTEGER, at = DataTypes.DATE }, { timestamps = false })
    db:sync()
    N:bulkCreate{ { n = 1, at = 0 }, { at = 1 } }
    local all = N:findOne{ attributes = { { rowan.fn("ARRAY_AGG", rowan.col("n")), "ns" },
      { rowan.fn("ARRAY_AGG", rowan.col("at")), "times" } } }
    assert.same({ ns = { 1, null }, times = { "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z" } }, all:toJSON())
  end)
end)
