-- csrc/lua/l_value.c: every type code there and back, lists, and what is refused.
local core = require "rowan.core"
local support = require "spec.core_support"

local run, check, fails = support.run, support.check, support.fails

local JIT, null = support.JIT, support.null
local unpack = table.unpack or unpack

-- code, column type on each database, values that come back as they are, { value, what comes back } pairs
local CODES = {
  { "i", "INTEGER", "integer", { 0, 1, -1, 2147483647, -2147483648 }, { { 7.0, 7 } } },
  { "I", "INTEGER", "bigint", { 0, 9007199254740992, -9007199254740992 }, { { "12", 12 }, { "-0", 0 } } },
  { "b", "BOOLEAN", "boolean", { true, false } },
  { "d", "REAL", "double precision", { 0, 0.1, -1.5, 1e300, 5e-324, 2 ^ 53 + 2, math.huge, -math.huge } },
  { "n", "TEXT", "numeric", { "0", "12.50", "-0.001", "123456789012345678901234567890.123456789" },
    { { 12, "12" }, { "007.10", "7.10" }, { "+1", "1" }, { 3.0, "3" } } },
  { "s", "TEXT", "text", { "", "a", "Zoë \240\159\152\128", ("x"):rep(100000), "'\"\\; --", "12" } },
  { "c", "TEXT", "char(5)", { "abcde" } },
  { "e", "TEXT", "mood", { "sad", "happy" } },
  { "x", "BLOB", "bytea", { "", "a", "\0\1\255\0", ("\0\254"):rep(5000) } },
  { "t", "TEXT", "timestamptz",
    { "2024-02-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "1969-12-31T23:59:59.123456Z",
      "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999Z" },
    { { "2024-02-01T02:30:00+02:30", "2024-02-01T00:00:00.000Z" }, { 0, "1970-01-01T00:00:00.000Z" },
      { 1706745600.5, "2024-02-01T00:00:00.500Z" }, { -0.000001, "1969-12-31T23:59:59.999999Z" } } },
  { "D", "TEXT", "date", { "2024-02-29", "0001-01-01", "9999-12-31" } },
  { "T", "TEXT", "time", { "00:00:00", "23:59:59.5", "12:34:56.123456" } },
  { "u", "TEXT", "uuid", { "01234567-89ab-cdef-0123-456789abcdef" } },
  { "j", "TEXT", "json", { '{"a":[1,null]}', "[]", "1" } },
  { "J", "TEXT", "jsonb", { '{"a": [1, null]}', "[]" } },
}

local TIME_RULE =
  "must be an ISO 8601 time with a zone or a number of seconds, between the years 1 and 9999"
-- What it is not: code, value, the rule.
local REFUSED = {
  { "i", 2147483648, "must be an integer between -2147483648 and 2147483647" },
  { "i", 1.5, "must be an integer between -2147483648 and 2147483647" },
  { "i", "1", "must be an integer between -2147483648 and 2147483647" },
  { "i", true, "must be an integer between -2147483648 and 2147483647" },
  { "i", 0 / 0, "must be an integer between -2147483648 and 2147483647" },
  { "I", 1e19, "must be an integer between -9223372036854775808 and 9223372036854775807" },
  { "I", "9223372036854775808", "must be an integer between -9223372036854775808 and 9223372036854775807" },
  { "I", "1.0", "must be an integer between -9223372036854775808 and 9223372036854775807" },
  { "b", 1, "must be a boolean" },
  { "b", "true", "must be a boolean" },
  { "d", "1", "must be a number" },
  { "n", "x", "must be a decimal number: text of digits, an integer, or a float that is a whole number" },
  { "n", 0.5, "must be a decimal number: text of digits, an integer, or a float that is a whole number" },
  { "s", 1, "must be a string" },
  { "s", {}, "must be a string" },
  { "s", "a\0b", "must be valid UTF-8 without NUL" },
  { "s", "\255", "must be valid UTF-8 without NUL" },
  { "s", "\237\160\128", "must be valid UTF-8 without NUL" },
  { "x", 1, "must be a string" },
  { "t", "2024-02-01", TIME_RULE },
  { "t", 1e12, TIME_RULE },
  { "t", 0 / 0, TIME_RULE },
  { "?", {}, "must be a boolean, a number or a string" },
  { "?", "\0", "must be valid UTF-8 without NUL" },
}

local BIG = "9223372036854775807"

support.each("the core's values", function(db)
  for _, case in ipairs(CODES) do
    local code, sqlite_type, pg_type, values, pairs_of = unpack(case, 1, 5)
    it("keeps values of code " .. code, function()
      if code == "e" and db.pg then
        run(db.pool, "CREATE TYPE " .. support.SCHEMA .. ".mood AS ENUM ('sad', 'happy')")
        pg_type = support.SCHEMA .. ".mood"
      end
      db:create("k integer, v " .. (db.pg and pg_type or sqlite_type))
      local insert = core.statement(db:places("INSERT INTO " .. db:named("t") .. " VALUES (?, ?)"),
        "-i-" .. code)
      local wanted, n = {}, 0
      local function add(value, back)
        n = n + 1
        wanted[n] = back
        check(db.pool:run(insert, { n, value }, 2))
      end
      for _, value in ipairs(values) do add(value, value) end
      for _, pair in ipairs(pairs_of or {}) do add(pair[1], pair[2]) end
      check(db.pool:run(insert, { n + 1, nil }, 2))
      check(db.pool:run(insert, { n + 2, null }, 2))
      local rows = run(db.pool, "SELECT k, v FROM " .. db:named("t") .. " ORDER BY k", "", nil,
        { { key = "k", code = "i" }, { key = "v", code = code } })
      assert.equal(n + 2, #rows)
      for i = 1, n do
        assert.equal(wanted[i], rows[i].v)
        if not JIT and (code == "i" or code == "I") then assert.equal("integer", math.type(rows[i].v)) end
      end
      assert.is_nil(rows[n + 1].v)
      assert.is_nil(rows[n + 2].v)
    end)
  end

  it("keeps 64 bit integers, as text where the runtime has no such number", function()
    db:create("v bigint")
    local insert = core.statement(db:places("INSERT INTO " .. db:named("t") .. " VALUES (?)"), "-I")
    check(db.pool:run(insert, { BIG }, 1))
    local wanted = JIT and BIG or math.maxinteger
    assert.equal(wanted, run(db.pool, "SELECT v FROM " .. db:named("t"))[1].v)
    local column = { { key = "v", code = "I" } }
    local one = { template = {}, single = true }
    local row = run(db.pool, "SELECT v FROM " .. db:named("t"), "", nil, column, one)
    assert.equal(wanted, row.v)
    assert.is_nil(core.changed(row))
    row.v = "9223372036854775806"
    assert.same({ "v" }, core.changed(row))
  end)

  it("sends values of no known type by what they are", function()
    local text = db:places(db.pg and "SELECT ?::int AS i, ?::float8 AS d, ?::text AS s, ?::bool AS b"
      or "SELECT ? AS i, ? AS d, ? AS s, ? AS b")
    local row = run(db.pool, text, "-?-?-?-?", { 3, 1.5, "x", true }, nil, { single = true })
    assert.equal(3, row.i)
    assert.equal(1.5, row.d)
    assert.equal("x", row.s)
    if db.pg then assert.is_true(row.b) else assert.equal(1, row.b) end
    if not db.pg then
      assert.equal("integer", run(db.pool, "SELECT typeof(?) AS t", "-?", { 3 })[1].t)
      assert.equal("real", run(db.pool, "SELECT typeof(?) AS t", "-?", { 1.5 })[1].t)
    end
  end)

  it("refuses values that are not of the code, names the parameter and sends nothing", function()
    db:create("v integer")
    for _, case in ipairs(REFUSED) do
      local statement = core.statement(db:places("INSERT INTO " .. db:named("t") .. " VALUES (?), (?)"),
        "-i-" .. case[1])
      local err = fails(db.pool:run(statement, { 1, case[2] }, 2))
      assert.same({ kind = "value", param = 2, message = case[3] }, err)
    end
    assert.equal(0, #run(db.pool, "SELECT * FROM " .. db:named("t")))
  end)

  it("binds lists, with NULLs, lengths and refusals", function()
    db:people(6)
    local where = db.pg and "WHERE id = ANY($1) ORDER BY id"
      or "WHERE id IN (SELECT c0 FROM rowan_rows(?)) ORDER BY id"
    local function ids(list)
      local found = {}
      for i, row in ipairs(db:select(nil, where, "[i", { list })) do found[i] = row.id end
      return found
    end
    assert.same({ 2, 5 }, ids { 5, 2, 99 })
    assert.same({}, ids {})
    assert.same({ 1, 3 }, ids { n = 3, 1, nil, 3 })
    assert.same({ 1, 3 }, ids { 1, null, 3 })
    assert.same({ 1 }, ids { n = 1, 1, 2, 3 })
    local statement = core.statement("SELECT 1 " .. (db.pg and "WHERE 1 = ANY($1)" or "WHERE ?"), "[i")
    local err = fails(db.pool:run(statement, { 5 }, 1))
    assert.same({ kind = "value", param = 1, message = "must be a list" }, err)
    err = fails(db.pool:run(statement, { { 1, "x" } }, 1))
    assert.equal("item 2 must be an integer between -2147483648 and 2147483647", err.message)
    assert.equal("must be a list", fails(db.pool:run(statement, { { n = "2" } }, 1)).message)
  end)
end)
