-- The core checks rows to be written in one call, and takes only values that it knows to be right as they are; the casts
-- of the types are the authority. Here both meet: whatever the core takes, the cast must give back unchanged; and what
-- comes of a row must be the same whether the core took it or Lua went through it attribute by attribute.
local build = require "rowan.change.build"
local cast = require "rowan.change.cast"
local collect = require "rowan.change.collect"
local core = require "rowan.core"
local fields = require "rowan.change.fields"
local helper = require "spec.helper"
local null = require "rowan.base.null"
local rowan = require "rowan"
local rows = require "rowan.driver.rows"
local seeded = require "spec.seeded"

local T = rowan.DataTypes
local math_type = math.type

local NOW = "2024-02-01T10:20:30.456Z"

local KINDS = {
  T.TINYINT, T.SMALLINT, T.MEDIUMINT, T.INTEGER, T.BIGINT, T.INTEGER.UNSIGNED, T.TINYINT.UNSIGNED, T.FLOAT, T.REAL,
  T.DOUBLE, T.DECIMAL, T.DECIMAL(5, 2), T.BOOLEAN, T.STRING, T.STRING(3), T.STRING(4).BINARY, T.CHAR(3), T.TEXT, T.BLOB,
  T.ENUM("red", "green", "é"), T.DATE, T.DATE(0), T.DATE(3), T.DATE(6), T.DATEONLY, T.TIME, T.UUID, T.UUID.V4, T.JSON,
}

local EDGES = {
  0, -0.0, 1, -1, 3.0, 1.5, 127, 128, -128, -129, 255, 256, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648,
  -2147483648, -2147483649, 4294967295, 4294967296, 2 ^ 53, 2 ^ 53 + 2, -2 ^ 53, 2 ^ 63, -2 ^ 63, 1e300, 5e-324,
  1 / 0, -1 / 0, 0 / 0, true, false, {}, print, "", "0", "1", "-7", "007", "1.50", "9223372036854775807", "abc", "abcd",
  "äöü", "äöüx", "\228", "a\0b", "\237\160\128", "\240\159\152\128", "red", "green", "é", "Red", NOW, "2024-02-01",
  "2024-02-30", "0000-01-01", "2024-02-01T10:20:30Z", "2024-02-01T10:20:30.456789Z", "2024-02-01T10:20:30.456000Z",
  "2024-02-01T11:20:30.456+01:00", "2024-02-01 10:20:30.456Z", "10:20", "10:20:30", "10:20:30.5",
  "2c1a4f0e-6c1d-4f7e-9b5a-0123456789ab", "2C1A4F0E-6C1D-4F7E-9B5A-0123456789AB", "2c1a4f0e6c1d4f7e9b5a0123456789ab",
  "2c1a4f0e-6c1d-1f7e-9b5a-0123456789ab", "  x ", "ab ", ("x"):rep(255), ("x"):rep(256), ("é"):rep(255), ("é"):rep(256),
}
if math_type then
  for _, value in ipairs({ math.maxinteger, math.mininteger, 9007199254740993 }) do EDGES[#EDGES + 1] = value end
end

local random = seeded(20240201)

local function any_value()
  local kind = random.integer(1, 8)
  if kind == 1 then return random.integer(-300, 300) end
  if kind == 2 then return random.double() end
  if kind == 3 then return random.bytes(random.integer(0, 6)) end
  if kind == 4 then return random.integer(-2 ^ 40, 2 ^ 40) end
  return random.pick(EDGES)
end

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) == "number" then
    if a ~= a then return b ~= b end
    return a == b and 1 / a == 1 / b and (not math_type or math_type(a) == math_type(b))
  end
  return rawequal(a, b)
end

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

describe("what the core takes without asking", function()
  local function takes(type_of, value)
    local def = { list = { { name = "v", type = type_of, allow_null = true } }, primary = {} }
    local _, left = rows.collect(fields.of(def), { v = value })
    return left == nil
  end

  local function check(type_of, value)
    if not takes(type_of, value) then return false end
    local canonical = type_of.cast(value)
    assert.is_true(same(canonical, value), ("%s takes %s, which its cast makes %s"):format(tostring(type_of),
      shown(value), shown(canonical)))
    assert.is_nil(type_of.dump)
    return true
  end

  it("is what the casts give back as it is", function()
    for _, type_of in ipairs(KINDS) do
      for _, value in ipairs(EDGES) do check(type_of, value) end
      for _ = 1, 2000 do check(type_of, any_value()) end
    end
  end)

  it("is what is stored most often", function()
    local float = 1.5
    for _, case in ipairs({
      { T.TINYINT, -128 }, { T.INTEGER, 2147483647 }, { T.BIGINT, 2147483648 }, { T.INTEGER.UNSIGNED, 4294967295 },
      { T.DOUBLE, float }, { T.FLOAT, -0.0 }, { T.DOUBLE, 1 / 0 }, { T.BOOLEAN, false }, { T.STRING, ("é"):rep(255) },
      { T.STRING(3), "äöü" }, { T.TEXT, ("x"):rep(1000) }, { T.BLOB, "\0\255" }, { T.STRING(4).BINARY, "\255\0\1\2" },
      { T.ENUM("red", "é"), "é" }, { T.DATE, NOW }, { T.DATE, "2024-02-01T10:20:30.456789Z" },
      { T.DATE(6), NOW }, { T.DATEONLY, "2024-02-29" }, { T.UUID, "2c1a4f0e-6c1d-4f7e-9b5a-0123456789ab" },
    }) do
      assert.is_true(check(case[1], case[2]), tostring(case[1]) .. " " .. shown(case[2]))
    end
  end)
end)

-- Every attribute by Lua alone.
local function by_hand(def, row)
  local values, present, failures = {}, {}, nil
  for _, attr in ipairs(def.list) do
    local value = rawget(row, attr.name)
    if value == nil or (value == null and attr.auto) then
      if not (attr.allow_null or attr.auto or attr.default_kind == "expression") then
        failures = cast.fail(failures, attr, "cannot be null", "notNull violation", "is_null", nil)
      end
    else
      values[attr.name], failures = cast.bind(row, attr, value, failures)
      present[#present + 1] = attr.name
    end
  end
  return values, table.concat(present, ","), failures
end

local function copy(row)
  local out = {}
  for name, value in next, row do out[name] = value end
  return out
end

local function messages(failures)
  local list = {}
  for i, item in ipairs(failures or {}) do list[i] = item.message end
  return list
end

local function assert_same_fields(a, b)
  for name, value in next, a do
    assert.is_true(same(value, b[name]), ("%s: %s and %s"):format(name, shown(value), shown(b[name])))
  end
  for name in next, b do assert.is_true(a[name] ~= nil, name) end
end

describe("rows to be inserted", function()
  local db, model

  before_each(function()
    rowan.setClock(function() return NOW end)
    db = rowan.connect({ dialect = "sqlite", storage = ":memory:" })
    model = db:define("Thing", {
      { "id", T.INTEGER, primaryKey = true, autoIncrement = true },
      { "name", T.STRING(5), allowNull = false }, { "count", T.SMALLINT }, { "size", T.DOUBLE, defaultValue = 1.5 },
      { "kind", T.ENUM("red", "green"), defaultValue = "red" }, { "tag", T.UUID, defaultValue = function() return "x" end },
      { "day", T.DATEONLY }, { "seen", T.DATE(0) }, { "price", T.DECIMAL(6, 2) }, { "data", T.JSON },
      { "flag", T.BOOLEAN, allowNull = false, defaultValue = false },
    })
  end)

  after_each(function()
    rowan.setClock(nil)
    db:close()
  end)

  local LIKELY = {
    id = { 7, 7.0 }, name = { "ann", "bob", "äöüäö" }, count = { 3, 3.0, -5 }, size = { 2.25, 2 }, kind = { "green" },
    tag = { "2c1a4f0e-6c1d-4f7e-9b5a-0123456789ab" }, day = { "2024-02-29" }, seen = { NOW }, price = { "12.50", 3 },
    flag = { true, false }, createdAt = { NOW, "2023-01-01T00:00:00Z" }, updatedAt = { NOW },
  }

  local function any_row()
    local row = {}
    for _, attr in ipairs(model.definition.list) do
      local likely = LIKELY[attr.name]
      if likely and random.chance(attr.name == "price" and 0.3 or 0.6) then
        row[attr.name] = random.pick(likely)
      elseif random.chance(0.1) then
        row[attr.name] = null
      elseif random.chance(0.03) then
        row[attr.name] = any_value()
      end
    end
    return row
  end

  it("come to the same by the core as by Lua", function()
    local def, keys, clean = model.definition, {}, 0
    for _ = 1, 5000 do
      local row = any_row()
      local other = copy(row)
      build.stamp_new(def, other, NOW)
      local want_values, want_present, want_failures = by_hand(def, other)
      local values, key, failures = collect.insert(def, row, NOW)
      assert.same(messages(want_failures), messages(failures))
      if not failures then
        clean = clean + 1
        assert_same_fields(other, row)
        for name, value in next, want_values do assert.is_true(same(value, values[name]), name) end
        assert.equal(keys[key] or want_present, want_present)
        keys[key] = want_present
        local names = {}
        for i, attr in ipairs(collect.attributes(def, row)) do names[i] = attr.name end
        assert.equal(want_present, table.concat(names, ","))
      end
    end
    assert.is_true(clean > 1000)
  end)

  it("are made in one call only where the longer way makes the same", function()
    local def, made = model.definition, 0
    for _ = 1, 5000 do
      local given = any_row()
      if random.chance(0.8) then given.seen, given.price = nil, nil end
      if given.tag == nil and random.chance(0.8) then given.tag = null end
      local before = copy(given)
      local row, key = build.ready(model, given)
      assert_same_fields(before, given)
      if row then
        made = made + 1
        local slow = build.instance(model, given, "Thing:create")
        local values, slow_key, failures = collect.insert(def, slow, NOW)
        assert.is_nil(failures)
        assert.equal(slow_key, key)
        assert.equal(slow, values)
        assert.equal(getmetatable(slow), getmetatable(row))
        assert_same_fields(slow, row)
      end
    end
    assert.is_true(made > 500)
  end)

  it("are made in one call and grouped by what they have", function()
    local list = {}
    for i = 1, 300 do
      list[i] = { name = "n" .. i % 100, tag = null, count = i % 3 == 0 and i or nil, day = i % 5 == 0 and "2024-01-01" or nil }
    end
    local made, keys, groups = build.ready_all(model, list)
    assert.equal(300, #made)
    assert.equal(4, #keys)
    local seen = 0
    for g, group in ipairs(groups) do
      for _, row in ipairs(group) do
        local _, key = build.ready(model, copy(row))
        assert.equal(keys[g], key)
        seen = seen + 1
      end
    end
    assert.equal(300, seen)
    list[200].count = 1.5
    assert.is_nil((build.ready_all(model, list)))
  end)
end)

helper.each(function(_, connect)
  local db

  local function define(count)
    local attributes = { { "id", T.INTEGER, primaryKey = true, autoIncrement = true } }
    for i = 1, count do attributes[i + 1] = { "a" .. i, i % 2 == 0 and T.INTEGER or T.STRING } end
    local model = db:define("Wide" .. count, attributes, { timestamps = false })
    model:sync({ force = true })
    return model
  end

  before_each(function() db = connect() end)

  local function read(model, id)
    return model:findByPk(id):toJSON()
  end

  for _, count in ipairs({ 3, 49, 50, 130, 160 }) do
    it(("rows with %d attributes are created, listed and saved"):format(count + 1), function()
      local model = define(count)
      local one = model:create({ a1 = "x", a2 = 7 })
      assert.same({ id = one.id, a1 = "x", a2 = 7 }, read(model, one.id))
      local list = {}
      for i = 1, 300 do list[i] = { a1 = "r" .. i, a2 = i % 2 == 0 and i or nil, a3 = i % 3 == 0 and null or "y" } end
      local made = model:bulkCreate(list)
      for i = 1, 300, 37 do
        local want = { id = made[i].id, a1 = "r" .. i, a2 = i % 2 == 0 and i or nil, a3 = i % 3 ~= 0 and "y" or nil }
        assert.same(want, made[i]:toJSON())
        assert.same(want, read(model, made[i].id))
        assert.is_false(made[i]:changed())
      end
      local row = made[38]
      row.a2, row["a" .. count] = null, count % 2 == 0 and 5.0 or "last"
      assert.same({ "a2", "a" .. count }, row:changed())
      row:save()
      assert.is_nil(rawget(row, "a2"))
      assert.is_false(row:changed())
      assert.equal("r37", made[37].a1)
      assert.is_false(made[37]:changed())
      local stored = read(model, row.id)
      assert.is_nil(stored.a2)
      assert.equal(count % 2 == 0 and 5 or "last", stored["a" .. count])
      if math_type and count % 2 == 0 then assert.equal("integer", math_type(row["a" .. count])) end
    end)
  end

  it("rows of many shapes are created together", function()
    local model = define(8)
    local list = {}
    for i = 1, 256 do
      list[i] = { a1 = "s" .. i }
      for bit = 2, 8 do
        if math.floor(i / 2 ^ bit) % 2 == 1 then list[i]["a" .. bit] = bit % 2 == 0 and i or "t" .. i end
      end
    end
    for i, row in ipairs(model:bulkCreate(list)) do
      list[i].id = row.id
      assert.same(list[i], read(model, row.id))
    end
  end)

  it("rows keep what they were where a save fails", function()
    local model = define(3)
    local row = model:create({ a1 = "x", a2 = 7 })
    row.a2, row.a3 = 3.0, 12
    local ok, problem = pcall(row.save, row)
    assert.is_false(ok)
    assert.equal("Wide3.a3 must be a string", problem.message)
    assert.is_true(same(3.0, row.a2))
    assert.same({ "a2", "a3" }, row:changed())
    assert.equal(7, row:previous("a2"))
  end)

  it("rows keep the times that their attributes hold", function()
    rowan.setClock(function() return NOW end)
    local model = db:define("Timed", {
      { "id", T.INTEGER, primaryKey = true, autoIncrement = true }, { "name", T.STRING, allowNull = false },
      { "createdAt", T.DATE(0) }, { "updatedAt", T.DATE(0) },
    })
    model:sync({ force = true })
    local cut = "2024-02-01T10:20:30.000Z"
    local row, listed = model:create({ name = "x" }), model:bulkCreate({ { name = "y" } })[1]
    rowan.setClock(function() return "2024-02-01T10:20:31.999Z" end)
    assert.same({ id = row.id, name = "x", createdAt = cut, updatedAt = cut }, row:toJSON())
    assert.equal(cut, listed.updatedAt)
    row.name = "z"
    row:save()
    rowan.setClock(nil)
    assert.equal("2024-02-01T10:20:31.000Z", row.updatedAt)
    assert.same(row:toJSON(), read(model, row.id))
    assert.is_false(row:changed())
  end)

  it("rows are refused a NULL where there must be none", function()
    local model = db:define("Named", { name = { type = T.STRING, allowNull = false } })
    model:sync({ force = true })
    local row = model:create({ name = "x" })
    for _, value in ipairs({ null, false }) do
      row.name = value or nil
      local log = helper.statements(function()
        local ok, problem = pcall(row.save, row)
        assert.is_false(ok)
        assert.equal("Named.name cannot be null", problem.message)
      end)
      assert.same({}, log)
    end
  end)

  it("rows are found by the key that they were read with", function()
    local model = define(3)
    local row, other = model:create({ a1 = "x" }), model:create({ a1 = "y" })
    local old = row.id
    row.id, row.a1 = 5000, "moved"
    row:save()
    assert.same({ id = 5000, a1 = "moved" }, read(model, 5000))
    assert.is_nil(model:findByPk(old))
    assert.same({ id = other.id, a1 = "y" }, read(model, other.id))
  end)
end)

describe("named parameters", function()
  local function problem(...)
    local ok, message = pcall(core.statement, ...)
    assert.is_false(ok)
    return message
  end

  it("are checked when the statement is made", function()
    assert.matches("every parameter must have a name", problem("SELECT ?1", "-i", nil, nil, nil, {}))
    assert.matches("names must be strings", problem("SELECT ?1", "-i", nil, nil, nil, { 1 }))
    assert.matches("all be lists, or none", problem("SELECT ?1", "-i[i", nil, nil, nil, { "a", "b" }))
  end)

  it("come out of one table, or out of every table of a list", function()
    local pool = assert(core.open({ driver = "sqlite", settings = { { "path", ":memory:" }, { "mode", "memory" } }, max = 1 }))
    local one = core.statement("SELECT ?1 AS x, ?2 AS y", "-i-s", nil, nil, nil, { "b", "a" })
    assert.same({ { x = 5, y = "t" } }, (pool:run(one, { a = "t", b = 5, c = {} }, 2)))
    assert.same({ {} }, (pool:run(one, { a = null }, 2)))
    local _, err = pool:run(one, { a = 1, b = 5 }, 2)
    assert.equal("value", err.kind)
    assert.equal(2, err.param)
    local many = core.statement("SELECT c0 AS x, c1 AS y FROM rowan_rows(?1, ?2)", "[i[s", nil, nil, nil, { "b", "a" })
    assert.same({ { x = 1, y = "p" }, { x = 2 } }, (pool:run(many, { { b = 1, a = "p" }, { b = 2 } }, 2)))
    assert.same({}, (pool:run(many, {}, 2)))
    _, err = pool:run(many, { { b = 1 }, { b = "no" } }, 2)
    assert.equal("value", err.kind)
    assert.equal(1, err.param)
    _, err = pool:run(many, { { b = 1 }, 7 }, 2)
    assert.equal("value", err.kind)
    pool:close()
  end)
end)
