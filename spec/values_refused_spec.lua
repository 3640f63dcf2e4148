-- What cannot be kept is refused before anything is sent, by model, attribute and rule, in every way of writing and
-- in `where`.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local NAN, INFINITY = 0 / 0, math.huge
local TEXT_RULE = "must be valid UTF%-8 without NUL"

local cyclic = { name = "x" }
cyclic.self = cyclic
local holes = { 1, 2, 3 }
holes[2] = nil
local deep = {}
do
  local at = deep
  for _ = 1, 101 do
    at.down = {}
    at = at.down
  end
end

local BAD_TEXT = {
  { "nul\0byte", TEXT_RULE }, { "\255", TEXT_RULE }, { "\192\128", TEXT_RULE }, { "\237\160\128", TEXT_RULE },
  { "\244\144\128\128", TEXT_RULE }, { "cut \226\130", TEXT_RULE }, { 1, "must be a string" }, { true,
    "must be a string" },
  { {}, "must be a string" }, { print, "must be a string" },
}

local function with(list, more)
  local all = {}
  for _, item in ipairs(list) do all[#all + 1] = item end
  for _, item in ipairs(more) do all[#all + 1] = item end
  return all
end

local function integer(low, high)
  local range = ("must be an integer between %s and %s"):format(low, high):gsub("%-", "%%-")
  return {
    { tonumber(low) - 1, range }, { tonumber(high) + 1, range }, { 1.5, "must be an integer" }, { NAN,
      "must be an integer" },
    { INFINITY, "must be an integer" }, { -INFINITY, "must be an integer" }, { "1.0", "must be an integer" },
    { tostring(high) .. "0", range }, { true, "must be an integer" }, { {}, "must be an integer" },
  }
end

-- { type, { { value, rule } } }
local REFUSED = {
  { "BOOLEAN", D.BOOLEAN, { { 1, "must be a boolean" }, { "true", "must be a boolean" }, { {},
    "must be a boolean" } } },
  { "TINYINT", D.TINYINT, integer("-128", "127") },
  { "TINYINT.UNSIGNED", D.TINYINT.UNSIGNED, integer("0", "255") },
  { "SMALLINT", D.SMALLINT, integer("-32768", "32767") },
  { "MEDIUMINT", D.MEDIUMINT, integer("-8388608", "8388607") },
  { "INTEGER", D.INTEGER, integer("-2147483648", "2147483647") },
  { "INTEGER.UNSIGNED", D.INTEGER.UNSIGNED, integer("0", "4294967295") },
  { "BIGINT", D.BIGINT, {
    { "9223372036854775999", "must be an integer between" }, { "-9223372036854775999", "must be an integer between" },
    { 1.5, "must be an integer" }, { 2 ^ 60, "must be exact" }, { NAN, "must be an integer" }, { "1.0",
      "must be an integer" },
    { "", "must be an integer" }, { "0x10", "must be an integer" }, { " 1", "must be an integer" },
  } },
  { "DOUBLE", D.DOUBLE, { { "1,5", "must be a number" }, { true, "must be a number" }, { {}, "must be a number" } } },
  { "DECIMAL", D.DECIMAL, {
    { "abc", "must be a decimal number" }, { "", "must be a decimal number" }, { "1,5", "must be a decimal number" },
    { "nan", "must be a decimal number" }, { "inf", "must be a decimal number" },
    { 0.1, "must be given as text" }, { true, "must be a decimal number" },
  } },
  { "DECIMAL(5, 2)", D.DECIMAL(5, 2), {
    { "1000", "at most 3 digits before and 2 behind" },
    { math.huge, "must be a decimal number" }, { "0.001", "at most 3 digits before and 2 behind" },
  } },
  { "STRING", D.STRING, with(BAD_TEXT, { { ("x"):rep(256), "must be at most 255 characters long" } }) },
  { "STRING(3)", D.STRING(3), { { "\195\164\195\164\195\164\195\164", "must be at most 3 characters long" } } },
  { "TEXT", D.TEXT, BAD_TEXT },
  { "CHAR(3)", D.CHAR(3), { { "abcd", "must be at most 3 characters" }, { "a ", "must not end with a space" } } },
  { "BLOB", D.BLOB, { { 1, "must be a string" }, { {}, "must be a string" } } },
  { "STRING(2).BINARY", D.STRING(2).BINARY, { { "abc", "must be at most 2 bytes long" } } },
  { "DATE", D.DATE, {
    { "2024-02-30T00:00:00Z", "must be a time" }, { "2023-02-29T00:00:00Z", "must be a time" },
    { "2024-02-01T24:30:00Z", "must be a time" }, { "2024-02-01T10:60:00Z", "must be a time" },
    { "2024-02-01T10:00:00", "must be a time" }, { "2024-13-01T00:00:00Z", "must be a time" },
    { "0000-01-01T00:00:00Z", "must be a time" }, { "10000-01-01T00:00:00Z", "must be a time" },
    { "yesterday", "must be a time" }, { 1e18, "must be a time" }, { NAN, "must be a time" }, { {}, "must be a time" },
    { "0001-01-01T00:00:00+01:00", "must be a time" }, { "9999-12-31T23:59:59-01:00", "must be a time" },
  } },
  { "DATEONLY", D.DATEONLY, {
    { "2023-02-29", "must be a date" }, { "2024-00-10", "must be a date" }, { "0000-01-01", "must be a date" },
    { "2024-1-1", "must be a date" }, { "2024-01-01T00:00:00Z", "must be a date" }, { 20240101, "must be a date" },
  } },
  { "TIME", D.TIME, {
    { "24:00:01", "must be a time of day" }, { "12:60:00", "must be a time of day" }, { "12", "must be a time of day" },
    { "12:00:00.1234567", "must be a time of day" }, { 12, "must be a time of day" },
  } },
  { "UUID", D.UUID, { { "6ba7b810", "must be a UUID" }, { "xba7b810-9dad-11d1-80b4-00c04fd430c8", "must be a UUID" },
    { 1, "must be a UUID" } } },
  { "UUID.V4", D.UUID.V4, { { "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "must be a UUID of version 4" } } },
  { "ENUM", D.ENUM("small", "large"), {
    { "smal", 'must be one of "small", "large" %(did you mean "small"%?%)' }, { "", "must be one of" }, { 1,
      "must be a string" },
  } },
  { "JSON", D.JSON, {
    { holes, "must not mix list items with named fields, or have holes" }, { { 1, a = 2 }, "must not mix" },
    { cyclic, "must not be nested deeper than 100 levels, or hold itself" }, { deep, "nested deeper" },
    { { f = print }, "must not hold a function" }, { { [true] = 1 }, "must have strings as keys" },
    { { NAN }, "must not hold NaN" }, { { INFINITY }, "infinity" }, { { "\255" }, "valid UTF%-8" }, { "a\0",
      "valid UTF%-8" },
    { { ["\255"] = 1 }, "must have keys that are valid UTF%-8" }, { coroutine.create(print), "must not hold a thread" },
  } },
  { "JSONB", D.JSONB, { { cyclic, "hold itself" }, { { f = print }, "must not hold a function" } } },
}

local ARRAYS = {
  { "ARRAY(INTEGER)", D.ARRAY(D.INTEGER), {
    { { 1, "b" }, "must be a list whose item 2 must be an integer" }, { { 1.5 }, "item 1 must be an integer" },
    { { 2 ^ 31 }, "item 1 must be an integer between" }, { holes, "must be a list without holes" },
    { { a = 1 }, "must be a list without holes" }, { 1, "must be a list" }, { "{1}", "must be a list" },
  } },
  { "ARRAY(TEXT)", D.ARRAY(D.TEXT), { { { "\0" }, "item 1 must be valid UTF%-8" } } },
  { "ARRAY(ARRAY(INTEGER))", D.ARRAY(D.ARRAY(D.INTEGER)), { { { { 1 }, { 1, 2 } }, "must hold lists of one length" },
    { { 1 }, "item 1 must be a list" } } },
}

local function check_error(err, class, rule, value)
  assert.is_true(rowan.is(err, class))
  assert.matches("Value%.v ", err.message)
  assert.matches(rule, err.message)
  if class == "ValidationError" then
    assert.equal("v", err.errors[1].path)
    assert.matches("^Value%.v .*" .. rule, err.errors[1].message)
  end
  local is_text = type(value) == "string" and #value > 5 and not rule:find(value, 1, true)
  if is_text then assert.is_nil(tostring(err):find(value, 1, true)) end
end

local function refuses(db, type_of, value, rule)
  local Value = db.models.Value
  if not Value or Value.rawAttributes.v.type ~= type_of then
    Value = db:define("Value", { { "id", D.INTEGER, primaryKey = true }, { "v", type_of } }, { timestamps = false })
    db:sync { force = true }
    Value:create { id = 1 }
  end
  local row = Value:findByPk(1)
  local sent = helper.count(function()
    local function refused(class, ...) check_error(helper.error_of(...), class, rule, value) end
    refused("ValidationError", function() Value:create { id = 2, v = value } end)
    refused("ValidationError", function() Value:bulkCreate { { id = 2 }, { id = 3, v = value } } end)
    refused("ValidationError", function() Value:update({ v = value }, { where = { id = 1 } }) end)
    refused("ValidationError", function() row:update { v = value } end)
    assert.is_nil(row.v)
    row.v = value
    refused("ValidationError", function() row:save() end)
    refused("QueryError", function() Value:findAll { where = { v = { [Op.ne] = value } } } end)
    refused("QueryError", function() Value:findAll { where = { v = { [Op.or_] = { null, { [Op.eq] = value } } } } } end)
    refused("QueryError", function() Value:count { where = { v = { [Op["in"]] = { value } } } } end)
    refused("QueryError", function() Value:destroy { where = { v = { [Op.lt] = value } } } end)
  end)
  assert.equal(0, sent)
  assert.equal(1, Value:count())
  assert.is_nil(row:reload().v)
end

helper.each(function(dialect, connect)
  for _, family in ipairs(dialect == "postgres" and with(REFUSED, ARRAYS) or REFUSED) do
    it("refuses what is no " .. family[1], function()
      local db = connect()
      for _, case in ipairs(family[3]) do refuses(db, family[2], case[1], case[2]) end
    end)
  end

  local function with_value(type_of, options)
    local db = connect()
    options = options or {}
    options.type = type_of
    local Value = db:define("Value", { { "id", D.INTEGER, primaryKey = true }, { "v", options.type,
      allowNull = options.allowNull },
      { "w", D.INTEGER } }, { timestamps = false })
    db:sync()
    return Value
  end

  it("collects every failure of a row before it raises", function()
    local Value = with_value(D.INTEGER, { allowNull = false })
    local err = helper.error_of(function() Value:create { id = "x", w = 1.5 } end)
    assert.equal("ValidationError", err.name)
    assert.equal(3, #err.errors)
    assert.equal("Value.id must be an integer; Value.v cannot be null; Value.w must be an integer", err.message)
    assert.equal("Value.v cannot be null", err:get("v")[1].message)
    err = helper.error_of(function() Value:update({ v = null, w = "x" }, { where = { id = 1 } }) end)
    assert.equal("Value.v cannot be null; Value.w must be an integer", err.message)
  end)

  it("names the row of a list that is refused", function()
    local Value = with_value(D.INTEGER)
    local err = helper.error_of(function() Value:bulkCreate { { id = 1 }, { id = 2 }, { id = 3, v = 1.5 } } end)
    assert.matches("row 3", err.message)
    assert.equal(0, Value:count())
  end)

  it("refuses NaN where it cannot be kept", function()
    local Value = with_value(D.DOUBLE)
    if dialect == "postgres" then
      Value:create { id = 1, v = NAN }
      assert.equal(1, Value:count { where = { v = NAN } })
      return
    end
    for _, call in ipairs({
      function() Value:create { id = 1, v = NAN } end,
      function() Value:bulkCreate { { id = 1, v = NAN } } end,
      function() Value:update({ v = NAN }, { where = { id = 1 } }) end,
      function() Value:count { where = { v = NAN } } end,
      function() Value:count { where = { v = { [Op.between] = { 0, NAN } } } } end,
    }) do
      local err = helper.error_of(call)
      assert.matches("Value%.v .*cannot be NaN", err.message)
    end
    assert.equal(0, Value:count())
  end)

  it("refuses a default that the type refuses", function()
    local db = connect()
    local err = helper.error_of(function() db:define("Value", { v = { type = D.INTEGER, defaultValue = "one" } }) end)
    assert.equal("DefinitionError", err.name)
    assert.equal("Value.v: the default value must be an integer", err.message)
    local Value = db:define("Value", { v = { type = D.INTEGER, defaultValue = function() return 1.5 end } })
    check_error(helper.error_of(function() Value:create() end), "ValidationError", "must be an integer", 1.5)
  end)
end)
