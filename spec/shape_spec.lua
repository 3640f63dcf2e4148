-- Plans are kept by the shape of a call: the text of a statement depends on neither values, nor the lengths of lists,
-- nor the order in which tables were filled, and the second call of a shape plans nothing.
local compile = require "rowan.sql.compile"
local conditions = require "spec.conditions"
local helper = require "spec.helper"
local plans = require "rowan.repo.plans"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null
local fn, col, literal = rowan.fn, rowan.col, rowan.literal

-- How many statements were planned while `body` ran.
local function planned(body)
  local real, count = compile.text, 0
  compile.text = function(...)
    count = count + 1
    return real(...)
  end
  local ok, err = pcall(body)
  compile.text = real
  if not ok then error(err, 0) end
  return count
end

-- The same table, filled in another order, with another history of its hash part.
local function refilled(value, random)
  if type(value) ~= "table" or getmetatable(value) then return value end
  local keys, out = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  for i = 1, random.integer(0, 9) do out["filler" .. i] = true end
  for i = 1, 9 do out["filler" .. i] = nil end
  for _, key in ipairs(random.shuffle(keys)) do out[key] = refilled(value[key], random) end
  return out
end

-- ---- the same condition with other values ----

local function other_list(name, list, random)
  local out, has_null = {}, false
  for _, item in ipairs(list) do has_null = has_null or item == null end
  for i = 1, random.integer(0, 5) do out[i] = random.pick(conditions.pools[name]) end
  if has_null then out[#out + 1] = null end
  return out
end

local other_value

local function other_operand(name, operator, value, random)
  local op = operator.name
  if value == null then return null end
  if op == "in" or op == "notIn" then return other_list(name, value, random) end
  if op == "between" or op == "notBetween" then
    return { random.pick(conditions.pools[name]), random.pick(conditions.pools[name]) }
  end
  -- IS TRUE and IS FALSE are operators, not values.
  if op == "is" or op == "isNot" then return value end
  if op == "not" then return other_value(name, value, random) end
  if op == "and" or op == "or" then
    local out = {}
    local is_list = value[1] ~= nil or next(value) == nil
    for key, item in pairs(value) do
      if is_list then
        out[key] = other_value(name, item, random)
      else
        out[key] = other_operand(name, key, item, random)
      end
    end
    return out
  end
  return random.pick(conditions.pools[name])
end

function other_value(name, value, random)
  if value == null then return null end
  if type(value) ~= "table" then return random.pick(conditions.pools[name]) end
  if rowan.kind(next(value)) ~= "operator" then return other_list(name, value, random) end
  local out = {}
  for operator, item in pairs(value) do out[operator] = other_operand(name, operator, item, random) end
  return out
end

local function other_values(condition, random)
  local out = {}
  for key, item in pairs(condition) do
    if type(key) == "string" then
      out[key] = other_value(key, item, random)
    else
      out[key] = other_values(item, random)
    end
  end
  return out
end

-- ---- random option tables ----

local function random_order(random)
  local list = {}
  for i = 1, random.integer(0, 3) do
    local name = random.pick(conditions.names)
    local what = random.chance(0.3) and fn(random.pick { "LOWER", "UPPER" }, col(name)) or name
    list[i] = random.chance(0.5) and what or { what, random.pick { "ASC", "DESC", "DESC NULLS LAST" } }
  end
  return list
end

local function random_attributes(random)
  local kind = random.integer(1, 4)
  if kind == 1 then return nil end
  if kind == 2 then return { exclude = { random.pick(conditions.names), random.pick(conditions.names) } } end
  local list = { "id" }
  for _ = 1, random.integer(0, 3) do
    local name = random.pick(conditions.names)
    list[#list + 1] = random.chance(0.5) and name
      or { random.chance(0.5) and literal(random.pick { "1", "2", "'a'" }) or fn("COALESCE", col(name), 1),
        random.pick { "x", "y" } }
  end
  return list
end

local function random_options(random)
  return {
    where = random.chance(0.9) and conditions.random(random, 1) or nil, order = random_order(random),
    attributes = random_attributes(random), limit = random.chance(0.5) and random.integer(0, 9) or nil,
    offset = random.chance(0.3) and random.integer(0, 9) or nil,
  }
end

helper.each(function(dialect, connect)
  local function items()
    local db = connect()
    local Item = db:define("Item", conditions.attributes, { timestamps = false })
    db:sync()
    return Item, db
  end

  -- The text of a finder's statement, whatever the database makes of it.
  local function text_of(model, options)
    local text = helper.statements(function() pcall(model.findAll, model, options) end)[1]
    return assert(text, "nothing was sent")
  end

  -- The text that is made when nothing is known yet.
  local function fresh_text_of(model, options)
    local kept = model.db._plans
    model.db._plans = plans.new()
    local text = text_of(model, options)
    model.db._plans = kept
    return text
  end

  it("makes one text of one shape and another of another, 400 times", function()
    local Item = items()
    local random = seeded(99)
    local texts, shapes = {}, 0
    for _ = 1, 400 do
      local options = random_options(random)
      local text = text_of(Item, options)
      assert.equal(fresh_text_of(Item, options), text)
      if not texts[text] then shapes = shapes + 1 end
      texts[text] = true
      local twin, other = refilled(options, random), refilled(options, random)
      other.where = other.where and other_values(other.where, random)
      assert.equal(0, planned(function()
        assert.equal(text, text_of(Item, twin))
        assert.equal(text, text_of(Item, other))
      end))
      assert.equal(text, fresh_text_of(Item, twin))
      assert.equal(text, fresh_text_of(Item, other))
    end
    assert.is_true(shapes > 200)
  end)

  it("is not confused by names that look like its own words", function()
    local db = connect()
    local names = { "(and", ")", "and", "eq", "null", "in", "all", "*", "?-I", "limit", "ASC", "(fn x", "@1",
      "true", "as:1:a",
      ",", "not", "!1:1" }
    local list = { { "id", D.INTEGER, primaryKey = true } }
    for i, name in ipairs(names) do list[i + 1] = { name, D.INTEGER, field = "c" .. i } end
    local Odd = db:define("Odd", list, { timestamps = false })
    db:sync()
    local random = seeded(3)
    local function group(depth)
      local out = {}
      for _ = 1, random.integer(0, 2) do
        out[random.pick(names)] = random.pick { null, 1, { 1, null }, { [Op.ne] = 1 }, { [Op.between] = { 1, 2 } }, {},
          { [Op.or_] = { 1, null } }, { [Op.not_] = 1 }, { [Op.eq] = col(random.pick(names)) } }
      end
      if depth < 3 and random.chance(0.5) then out[random.pick { Op.and_, Op.or_, Op.not_ }] = group(depth + 1) end
      if random.chance(0.2) then out[1] = literal(random.pick { "1=0", "1=1" }) end
      return out
    end
    for _ = 1, 600 do
      local options = {
        where = group(1), order = { random.pick(names), random.pick(names) }, attributes = { "id", random.pick(names) },
        limit = random.chance(0.5) and 1 or nil,
      }
      assert.equal(fresh_text_of(Odd, options), text_of(Odd, options))
    end
  end)

  it("tells casts and calls apart by everything that is in their text", function()
    local Item = items()
    local values = {
      rowan.cast(1, "INTEGER"), rowan.cast(1, D.INTEGER), rowan.cast(1, "TEXT"), rowan.cast("1", D.STRING(5)),
      rowan.cast("1", D.STRING(6)), rowan.cast(1, D.DECIMAL(5, 2)), rowan.cast(1, D.DECIMAL(5, 3)),
      rowan.cast(1, D.INTEGER.UNSIGNED), rowan.cast("1", D.STRING(5).BINARY), fn("COALESCE", 1), fn("COALESCE", 1, 1),
      fn("COALESCE", fn("COALESCE", 1), 1), fn("COALESCE", null), literal("1"), literal("2"), fn("COALESCE",
        literal("1")),
      col("n"), literal("n"), fn("NOW_1"), fn("and", literal("1")),
    }
    if dialect == "postgres" then
      for _, element in ipairs({ D.INTEGER, D.TEXT, D.DECIMAL(4, 2) }) do
        values[#values + 1] = rowan.cast("{}", D.ARRAY(element))
      end
    end
    for _, value in ipairs(values) do
      local options = { attributes = { { value, "x" } } }
      assert.equal(fresh_text_of(Item, options), text_of(Item, options))
    end
    local is = { where = rowan.and_(literal("1")) }
    local call = { where = rowan.where(fn("and", literal("1")), 1) }
    assert.equal(fresh_text_of(Item, is), text_of(Item, is))
    assert.equal(fresh_text_of(Item, call), text_of(Item, call))
  end)

  it("sends one text for calls that differ in values only", function()
    local Item = items()
    local random = seeded(8)
    local function texts(calls)
      local log = helper.statements(function()
        for _, call in ipairs(calls) do call() end
      end)
      for i = 2, #log do assert.equal(log[1], log[i]) end
      assert.equal(#calls, #log)
    end
    local finders, updates, counts = {}, {}, {}
    for i = 1, 20 do
      local list = {}
      for k = 1, random.integer(0, 50) do list[k] = k end
      local where = refilled({ n = list, text = { [Op.startsWith] = ("x"):rep(i % 3) }, id = { [Op.gt] = i,
        [Op.lt] = 100 } }, random)
      finders[i] = function() Item:findAll(refilled({ where = where, limit = i, offset = i,
        order = { "id" } }, random)) end
      counts[i] = function() Item:count { where = where } end
      updates[i] = function() Item:update(refilled({ n = i, text = "t" .. i, flag = i % 2 == 0 }, random),
        { where = where }) end
    end
    texts(finders)
    texts(counts)
    texts(updates)
    texts({ function() Item:create { id = 1, n = 5 } end, function() Item:create { n = 6, id = 2 } end })
    texts({ function() Item:bulkCreate { { id = 3, n = 5 } } end,
      function() Item:bulkCreate { { n = 6, id = 4 }, { id = 5, n = null }, { n = 1, id = 6 } } end })
    texts({ function() Item:findByPk(1) end, function() Item:findByPk(-2) end })
    texts({ function() Item:destroy { where = { id = { 1, 2 } } } end,
      function() Item:destroy { where = { id = { 3 } } } end })
  end)

  it("writes what is literal into the text, and into the key", function()
    local Item = items()
    local log = helper.statements(function()
      Item:count { where = literal("id = 1") }
      Item:count { where = literal("id = 2") }
      Item:count { where = { n = { [Op.eq] = literal("1") } } }
      Item:count { where = { n = { [Op.eq] = literal("2") } } }
      Item:findAll { order = { literal("id + 1") } }
      Item:findAll { order = { literal("id + 2") } }
    end)
    for i = 1, #log, 2 do assert.are_not.equal(log[i], log[i + 1]) end
  end)

  it("plans nothing on the second call of a shape", function()
    local db = connect()
    local Author = db:define("Author", { name = D.STRING, data = D.JSON })
    local Book = db:define("Book", { title = D.STRING })
    Author:hasMany(Book, { as = "books" })
    Book:belongsTo(Author, { as = "author" })
    db:sync()
    local serial = 0
    local function round()
      serial = serial + 1
      local author = Author:create { name = "a" .. serial, data = { serial } }
      Book:bulkCreate { { title = "x" .. serial, authorId = author.id }, { title = "y", authorId = author.id } }
      Author:findByPk(author.id)
      Author:findAll { where = { name = { [Op.ne] = "z" .. serial } }, order = { { "id", "DESC" } }, limit = serial }
      Author:findAll { include = { "books" }, where = { id = author.id } }
      Book:findOne { include = { { as = "author", attributes = { "name" } } }, where = { title = "x" .. serial } }
      Author:count { where = { id = { serial, 1, 2 } } }
      author.name = "b" .. serial
      author:save()
      author:update { data = { a = serial } }
      author:reload()
      author:getBooks { where = { title = "y" } }
      Author:update({ name = "c" .. serial }, { where = { id = author.id } })
      Book:destroy { where = { title = { "x" .. serial, "none" } } }
      db:query("SELECT ? AS a", { replacements = { serial } })
      Book:destroy { where = { authorId = author.id } }
      author:destroy()
    end
    assert.is_true(planned(round) > 8)
    assert.equal(0, planned(round))
    assert.equal(0, planned(function() db:transaction(round) end))
  end)

  it("plans anew for a model that was defined again under its name", function()
    local db = connect()
    local Old = db:define("Thing", { { "id", D.INTEGER, primaryKey = true }, { "a", D.TEXT } },
      { timestamps = false, tableName = "old" })
    db:sync()
    Old:create { id = 1, a = "x" }
    assert.equal("x", Old:findAll()[1].a)
    local New = db:define("Thing", { { "id", D.INTEGER, primaryKey = true }, { "b", D.TEXT } },
      { timestamps = false, tableName = "new" })
    db:sync()
    New:create { id = 2, b = "y" }
    assert.equal("y", New:findAll()[1].b)
    assert.equal(1, New:count())
    assert.equal("x", Old:findAll()[1].a)
    assert.equal(1, Old:destroy { where = { id = 1 } })
    assert.equal(1, New:count())
  end)
end)
