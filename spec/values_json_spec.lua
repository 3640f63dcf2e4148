-- P6 for values that are tables: JSON and JSONB on both databases, arrays on PostgreSQL.
local helper = require "spec.helper"
local roundtrip = require "spec.roundtrip"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local D, null = rowan.DataTypes, rowan.null

local function as(given, expected)
  return { given = given, expected = expected }
end

local function deep(levels)
  local t = { leaf = true }
  for i = 1, levels do t = i % 2 == 0 and { down = t } or { t } end
  return t
end

-- 2^53 and beyond are Lua integers on 5.4; on LuaJIT decimal text, which is written as a number again.
local function big(text)
  return math.tointeger and math.tointeger(tonumber(text)) or text
end

local function random_document(random, depth)
  local kind = random.integer(1, depth > 3 and 6 or 8)
  if kind == 1 then return random.integer(-1e9, 1e9) end
  if kind == 2 then return random.double() end
  if kind == 3 then return random.chance(0.5) end
  if kind == 4 then return null end
  if kind == 5 then return rowan.array {} end
  if kind == 6 then return random.pick { "", "\195\188", "a\\b\"c", "\240\159\152\128", "123456789012345678", "[]" } end
  local t = {}
  for i = 1, random.integer(1, 4) do
    t[kind == 7 and i or random.pick { "a", "b", "key with space", "0", "", "\195\188", "[]" }] =
      random_document(random, depth + 1)
  end
  return t
end

local function whole(n)
  return math.tointeger and math.tointeger(n) or n
end

-- What a JSON number is read as: 3.0 and 3 are one number there.
local function as_read(v)
  if type(v) == "number" then return whole(v) or v end
  if type(v) ~= "table" or getmetatable(v) then return v end
  local out = {}
  for key, item in pairs(v) do out[key] = as_read(item) end
  return out
end

local function documents(jsonb)
  local list = {
    { a = 1 }, { a = { b = { c = { d = "x" } } } }, { 1, 2, 3 }, rowan.array {}, {}, { list = rowan.array {},
      map = {} },
    { rowan.array {}, {}, { rowan.array {} } }, { null, 1, null }, { a = null }, { null },
    { 0.1, 0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789.12345678 },
    { whole(2 ^ 53), whole(-2 ^ 53), whole(0), whole(1e15) }, true, false, "", "text",
      "\195\164\226\130\172\240\159\152\128",
    whole(42), 0.5, { ["key with space"] = 1, [""] = 2, ["\"'\\"] = 3, ["1"] = 4, ["a.b"] = 5, ["\195\188"] = 6 },
    { text = "quote \" slash / back \\ control \1 newline \n end" }, { ["[]"] = "[]", n = "12345678901234567890" },
    { big("9007199254740993"), big("9223372036854775807"), big("-9223372036854775808") },
    deep(90), as(rowan.object { [1] = "a" }, { ["1"] = "a" }), { ("x"):rep(100000) },
  }
  if not math.tointeger then
    -- Text beside text that was read as a number: only the program can tell them apart, by what it read.
    table.remove(list, #list - 3)
  end
  local random = seeded(jsonb and 11 or 12)
  for _ = 1, 30 do
    local document = random_document(random, 0)
    if document ~= null then list[#list + 1] = as(document, as_read(document)) end
  end
  return list
end

helper.each(function(dialect, connect)
  for _, prepared in ipairs({ true, false }) do
    local how = prepared and "" or ", unprepared"

    it("keeps every JSON document" .. how, function()
      roundtrip.check(connect { preparedStatements = prepared }, D.JSON, documents(false))
    end)

    it("keeps every JSONB document" .. how, function()
      roundtrip.check(connect { preparedStatements = prepared }, D.JSONB, documents(true))
    end)
  end

  local function with_document(value)
    local db = connect()
    local T = db:define("T", { id = { type = D.INTEGER, primaryKey = true }, data = D.JSON }, { timestamps = false })
    db:sync()
    return T, value ~= nil and T:create { id = 1, data = value } or nil, db
  end

  it("keeps big integers that were read when they are written again", function()
    local T, _, db = with_document()
    local text = '{"n": 9223372036854775807, "list": [-9223372036854775808, 1], "s": "9223372036854775807"}'
    db:query(dialect == "postgres" and 'INSERT INTO "Ts" VALUES (1, $1)' or 'INSERT INTO "Ts" VALUES (1, $1)',
      { bind = { text } })
    local row = T:findByPk(1)
    assert.equal(big("9223372036854775807"), row.data.n)
    assert.is_false(row:changed())
    row.data.more = true
    row:save()
    local stored = db:query('SELECT CAST("data" AS TEXT) AS t FROM "Ts"')[1].t
    assert.matches('"n": ?9223372036854775807[,}]', stored)
    assert.matches("%[ ?%-9223372036854775808, ?1%]", stored)
    assert.matches('"s": ?"9223372036854775807"', stored)
  end)

  it("finds documents by their value, whatever the order of their keys", function()
    local T, _, db = with_document()
    db:query([[INSERT INTO "Ts" VALUES (1, '{"a": 1, "b": [1, {"x": null, "y": 2}]}'), (2, '{"b": 1, "a": 2}')]])
    local random = seeded(5)
    for _ = 1, 20 do
      local document = { b = { 1, {} } }
      for _, key in ipairs(random.shuffle { "x", "y" }) do document.b[2][key] = key == "x" and null or 2 end
      for _, key in ipairs(random.shuffle { "a", "z" }) do document[key] = key == "a" and 1 or nil end
      local found = T:findAll { where = { data = { [rowan.Op.eq] = document } } }
      assert.equal(1, #found)
      assert.equal(1, found[1].id)
    end
    assert.equal(0, T:count { where = { data = { [rowan.Op.eq] = { a = 1 } } } })
    assert.equal(1, T:count { where = { data = { a = 1 } } })
  end)

  it("sees a change inside a document, and none where there is none", function()
    local _, row = with_document { a = { 1, 2 }, b = rowan.array {} }
    assert.is_false(row:changed())
    row.data.a[3] = 3
    assert.same({ "data" }, row:changed())
    row:save()
    assert.same({ 1, 2, 3 }, row:reload().data.a)
    row.data = { b = rowan.array {}, a = { 1, 2, 3 } }
    assert.is_false(row:changed())
    row.data.b = {}
    assert.same({ "data" }, row:changed())
  end)

  it("keeps JSON's own null apart from an absent document", function()
    local T, _, db = with_document()
    db:query([[INSERT INTO "Ts" VALUES (1, 'null'), (2, NULL)]])
    assert.equal(null, T:findByPk(1).data)
    assert.is_nil(T:findByPk(2).data)
  end)
end)

helper.each(function(dialect, connect)
  local UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
  local ARRAYS = {
    { "INTEGER", D.INTEGER, { {}, { 1 }, { 1, null, -2147483648, 2147483647 }, { null }, as({ 1.0 }, { whole(1) }) } },
    { "BIGINT", D.BIGINT, { { big("9223372036854775807"), big("-9223372036854775808") }, { 1, null } } },
    { "DOUBLE", D.DOUBLE, { { 0.1 + 0.2, 5e-324, 1e300 }, as({ 3 }, { 3.0 }) } },
    { "DECIMAL(10, 2)", D.DECIMAL(10, 2), { { "1.50", "-0.01", null }, as({ "2" }, { "2.00" }) } },
    { "BOOLEAN", D.BOOLEAN, { { true, false, null } } },
    { "TEXT", D.TEXT, {
      {}, { "" }, { "a,b", "{}", '"', "\\", "'", "NULL", "null", " lead", "trail ", "a b", "\n\t", "(1)" },
      { '\\"', "\\\\", '{"x": 1}', "\195\164\240\159\152\128", null, "" }, { ("x"):rep(100000), "y" },
    } },
    { "STRING(5)", D.STRING(5), { { "abc", "\195\164\195\164\195\164\195\164\195\164" } } },
    { "CHAR(3)", D.CHAR(3), { { "a", "abc", "" } } },
    { "DATE", D.DATE, { { "2024-02-01T10:11:12.123456Z", "0001-01-01T00:00:00.000Z",
      "9999-12-31T23:59:59.999999Z", null },
      as({ "2024-02-01T01:00:00+01:00" }, { "2024-02-01T00:00:00.000Z" }) } },
    { "DATEONLY", D.DATEONLY, { { "2024-02-29", "0001-01-01" } } },
    { "TIME", D.TIME, { { "00:00:00", "12:34:56.5" } } },
    { "UUID", D.UUID, { { UUID, null }, as({ UUID:upper() }, { UUID }) } },
    { "ENUM", D.ENUM("a", "b c", 'q"', "NULL"), { { "a", "b c", 'q"', "NULL", null } } },
    { "JSONB", D.JSONB, { { { a = { 1, "x" } }, { rowan.array {} }, "text", "q\"\\", true } } },
    { "ARRAY(INTEGER)", D.ARRAY(D.INTEGER), { { { 1, 2 }, { 3, null } }, {} } },
    { "ARRAY(TEXT)", D.ARRAY(D.TEXT), { { { "a,b", "{}" }, { "\\", '"' } } } },
  }
  -- What JSON, as which SQLite keeps lists, does not hold.
  if dialect == "postgres" then
    ARRAYS[#ARRAYS + 1] = { "BLOB", D.BLOB, { { "", "\0", "\255\254\0", "\\x41", "text" } } }
    ARRAYS[#ARRAYS + 1] = { "FLOAT", D.FLOAT, { { -0.0, math.huge, -math.huge } } }
  end
  for _, prepared in ipairs({ true, false }) do
    for _, family in ipairs(ARRAYS) do
      it("keeps every ARRAY(" .. family[1] .. ")" .. (prepared and "" or ", unprepared"), function()
        roundtrip.check(connect { preparedStatements = prepared }, D.ARRAY(family[2]), family[3])
      end)
    end
  end
end)

helper.on("sqlite", function(_, connect)
  it("refuses an array of what JSON does not hold, by name", function()
    local err = helper.error_of(function() connect():define("T", { list = D.ARRAY(D.BLOB) }) end)
    assert.equal("DefinitionError", err.name)
    assert.matches("T%.list", err.message)
  end)
end)
