-- Every type, those of one's own among them, through every call that writes, finds or reads: two values, `a` before `b`.
local helper = require "spec.helper"
local roundtrip = require "spec.roundtrip"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local Money = D.custom("Money", {
  type = D.INTEGER, cast = function(v) return type(v) == "number" and v or nil, "must be an amount" end,
  dump = function(v) return math.floor(v * 100 + 0.5) end, load = function(v) return v / 100 end,
})
local Point = D.custom("Point", {
  type = D.STRING(20), cast = function(v) return type(v) == "table" and v.x and v or nil end,
  dump = function(v) return tostring(v.x) end, load = function(text) return { x = tonumber(text) } end,
  equal = function(a, b) return a.x == b.x end,
})
local Wrapped = D.custom("Wrapped", {
  type = D.JSON, cast = function(v) return type(v) == "table" and v or nil end, dump = function(v) return { wrapped = v } end,
  load = function(v) return v.wrapped end, equal = function(a, b) return a.k == b.k end,
})
local Upper = D.custom("Upper", { type = D.STRING, cast = function(v) return type(v) == "string" and v:upper() or nil end })
local Word = D.custom("Word", {
  type = D.ENUM("a", "b"), cast = function(v) return type(v) == "string" and v:lower() or nil end,
  dump = function(v) return v end, load = function(v) return v end,
})

local function range(low, high)
  return { { value = low, inclusive = true }, { value = high, inclusive = false } }
end

local BOTH = {
  STRING = { D.STRING, "a", "b" }, CHAR = { D.CHAR(3), "a", "b" }, CITEXT = { D.CITEXT, "a", "B" }, BLOB = { D.BLOB, "\0a", "b" },
  INTEGER = { D.INTEGER, 1, 2 }, BIGINT = { D.BIGINT, D.BIGINT.cast("9007199254740993"), D.BIGINT.cast("9007199254740995") },
  DOUBLE = { D.DOUBLE, 0.5, 1.5 }, ["DECIMAL(10, 2)"] = { D.DECIMAL(10, 2), "9.50", "10.00" }, DECIMAL = { D.DECIMAL, "9.5", "10" },
  BOOLEAN = { D.BOOLEAN, false, true }, DATE = { D.DATE, "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000001Z" },
  DATEONLY = { D.DATEONLY, "2024-01-01", "2024-02-01" }, TIME = { D.TIME, "10:00:00", "10:00:00.5" },
  UUID = { D.UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
  ENUM = { D.ENUM("a", "b"), "a", "b" }, CHECKED = { D.ENUM{ values = { "a", "b" }, check = true }, "a", "b" },
  JSON = { D.JSON, { k = 1 }, { k = 2 }, unordered = true }, JSONB = { D.JSONB, { k = 1 }, { k = 2 } },
  INTERVAL = { D.INTERVAL, "P2D", "P10D" }, INET = { D.INET, "9.0.0.1", "10.0.0.1" }, CIDR = { D.CIDR, "9.0.0.0/8", "10.0.0.0/8" },
  MACADDR = { D.MACADDR, "08:00:2b:01:02:03", "08:00:2b:01:02:04" }, integers = { D.ARRAY(D.INTEGER), { 1, null }, { 2 } },
  enums = { D.ARRAY(D.ENUM("a", "b")), { "a", null }, { "b" } }, documents = { D.ARRAY(D.JSONB), { { k = 1 } }, { { k = 2 } } },
  matrix = { D.ARRAY(D.ARRAY(D.INTEGER)), { { 1 } }, { { 2 } } }, Money = { Money, 1.5, 2.25 }, Point = { Point, { x = 1 }, { x = 2 } },
  Wrapped = { Wrapped, { k = 1 }, { k = 2 }, unordered = true }, Upper = { Upper, "A", "B" }, Word = { Word, "a", "b" },
  moneys = { D.ARRAY(Money), { 1.5, null }, { 10.5 } }, uppers = { D.ARRAY(Upper), { "A" }, { "B" } },
}
local POSTGRES = {
  ["RANGE(INTEGER)"] = { D.RANGE(D.INTEGER), range(1, 5), range(2, 5) }, ["RANGE(DATE)"] = { D.RANGE(D.DATE), {},
    range("2024-01-01T00:00:00.000Z", "infinity") }, HSTORE = { D.HSTORE, { a = "1" }, { b = null } },
  TSVECTOR = { D.TSVECTOR, "'a'", "'b'" },
  ranges = { D.ARRAY(D.RANGE(D.DECIMAL)), { range("1.5", "2") }, { range("1.6", "2"), {} } },
  blobs = { D.ARRAY(D.BLOB), { "\0" }, { "x" } },
  endless = { D.DATE, "2024-01-01T00:00:00.000Z", "infinity" },
}

-- Each is given the parent and its child, both with an attribute of the type, and the two values.
local ways = {}

local function same(expected, got)
  roundtrip.expect(expected, got, "it")
end

function ways.create(Parent, _, a, b)
  local row = Parent:create{ id = 1, v = a }
  for _ = 1, 2 do
    same(a, row.v)
    same(b, row.w)
    row:reload()
  end
end

function ways.copy(Parent, _, a, b)
  Parent:copy{ { id = 10, v = a, w = b }, { id = 11, v = null, w = a }, { id = 12, v = a } }
  same({ a, b }, { Parent:findByPk(10).v, Parent:findByPk(10).w })
  same({ a, null, b }, { Parent:findByPk(11).w, Parent:findByPk(11).v or null, Parent:findByPk(12).w })
end

function ways.stream(Parent, _, a)
  local count = 0
  for row in Parent:stream{ where = { v = a } } do count = count + 1; same(a, row.v) end
  for row in Parent:each{ where = { v = a } } do count = count - 1; same(a, row.v) end
  assert.equal(0, count)
end

function ways.upsert(Parent, _, a, b)
  same(b, Parent:upsert{ id = 10, v = b }.v)
  same(a, Parent:upsert{ id = 20, v = a }.v)
  Parent:bulkCreate({ { id = 20, v = b }, { id = 21, v = a } }, { updateOnDuplicate = { "v" } })
  Parent:bulkUpdate{ { id = 21, v = b }, { id = 10, v = a } }
  same({ a, b, b }, { Parent:findByPk(10).v, Parent:findByPk(20).v, Parent:findByPk(21).v })
end

function ways.find_or_create(Parent, _, a)
  local row, created = Parent:findOrCreate{ where = { id = 30 }, defaults = { v = a } }
  same({ a, true }, { row.v, created })
  same(false, select(2, Parent:findOrCreate{ where = { id = 30, v = a } }))
  same(a, Parent:findOrBuild{ where = { id = 31, v = a } }.v)
end

function ways.include(Parent, Child, a, b)
  Parent:create({ id = 40, v = a, w = b, children = { { v = a }, { v = b } } }, { include = "children" })
  for _, include in ipairs{ "children", { association = "children", strategy = "join" } } do
    local parent = Parent:findOne{ where = { id = 40 }, include = { include } }
    table.sort(parent.children, function(x, y) return x.id < y.id end)
    same({ a, b }, { parent.children[1].v, parent.children[2].v })
    assert.is_false(parent.children[1]:changed())
  end
  local child = Child:findOne{ where = { v = b }, include = "parent" }
  same({ a, b }, { child.parent.v, child.parent.w })
  assert.is_false(child.parent:changed())
  same(b, Parent:findAll{ include = { { association = "children", where = { v = b } } } }[1].children[1].v)
  assert.equal(2, Child:count{ where = { ["$parent.v$"] = a } })
end

function ways.where(Parent, Child, a, b)
  assert.equal(2, Child:count{ where = { v = { [Op.in_] = { a, b } } } })
  assert.equal(1, Child:count{ where = { v = { [Op.notIn] = { a } } } })
  assert.equal(1, Child:count{ where = { v = { [Op.ne] = a } } })
  same({ a, b }, Child:pluck("v", { order = "id" }))
  same(b, Child.db:from(Child):select("v"):where{ v = b }:first().v)
  local joined = Parent:findOne{ where = { id = 40 }, attributes = { { rowan.fn("COALESCE", rowan.col("v"), rowan.col("v")), "c" } } }
  same(a, joined.c)
end

function ways.order(_, Child, a, b)
  same({ a, b }, Child:pluck("v", { order = "v" }))
  same({ b, a }, Child:pluck("v", { order = { { "v", "DESC" } } }))
  local groups = Child:findAll{ attributes = { "v", { rowan.fn("COUNT", rowan.col("id")), "n" } }, group = "v", order = "v" }
  same({ a, 1, b }, { groups[1].v, groups[1].n, groups[2].v })
  assert.equal(2, Child:count{ distinct = true, col = "v" })
end

function ways.change(Parent, _, a, b)
  local row = Parent:findByPk(40)
  row.v = a
  assert.is_false(row:changed())
  row.v = b
  assert.same({ "v" }, row:changed())
  same(a, row:previous("v"))
  row:save()
  same(b, Parent:findByPk(40).v)
  local count, rows = Parent:update({ v = a }, { where = { id = 40, v = b }, returning = true })
  same({ 1, a }, { count, rows[1].v })
  row:update{ v = null }
  assert.is_nil(row:reload().v)
end

local ORDER = { "create", "copy", "stream", "upsert", "find_or_create", "include", "where", "order", "change" }

helper.each(function(dialect, connect)
  local function goes_every_way(name, case)
    it("takes every way: " .. name, function()
      local db = connect{ extensions = dialect == "postgres" or nil }
      local type_of, a, b = case[1], case[2], case[3]
      local Parent = db:define("Parent", { v = type_of, w = { type = type_of, defaultValue = b } }, { timestamps = false })
      local Child = db:define("Child", { v = type_of }, { timestamps = false })
      Parent:hasMany(Child, { as = "children" })
      Child:belongsTo(Parent, { as = "parent" })
      db:sync()
      assert.same({}, db:sync{ alter = true, dryRun = true })
      for _, way in ipairs(ORDER) do
        if way ~= "order" or not case.unordered then
          local ok, err = pcall(ways[way], Parent, Child, a, b)
          if not ok then error(way .. ": " .. tostring(err), 0) end
        end
      end
    end)
  end

  for name, case in pairs(BOTH) do goes_every_way(name, case) end
  for name, case in pairs(dialect == "postgres" and POSTGRES or {}) do goes_every_way(name, case) end

  it("a type of one's own is a key of upserts, and what is summed", function()
    local db = connect()
    local Price = db:define("Price", { { "price", Money, unique = true }, { "n", D.INTEGER } }, { timestamps = false })
    db:sync()
    Price:bulkCreate{ { price = 1.5, n = 1 }, { price = 2.25, n = 2 } }
    Price:upsert({ price = 1.5, n = 3 }, { conflictFields = { "price" } })
    assert.equal(3, Price:findOne{ where = { price = 1.5 } }.n)
    assert.same({ 3.75, 1.5, 2.25, 1.875 }, { Price:sum("price"), Price:min("price"), Price:max("price"), Price:aggregate("price", "avg") })
  end)

  it("a cast may raise what is wrong, and one that stumbles over a value names the attribute", function()
    local Strict = D.custom("Strict", { type = D.STRING, cast = function(v)
      if v:sub(1, 1) ~= "#" then error("must begin with #") end
      if v == "#t" then error({ message = "must not be #t" }) end
      return v
    end })
    local Tag = connect():define("Tag", { name = Strict }, { timestamps = false })
    for value, rule in pairs{
      x = "^Tag%.name must begin with #$", ["#t"] = "^Tag%.name must not be #t$", [12] = "^Tag%.name must be a Strict %(.*attempt to",
    } do
      local err = helper.error_of(function() Tag:build{ name = value }:validate() end)
      assert.same({ "ValidationError", "name" }, { err.name, err.errors[1].path })
      assert.matches(rule, err.message)
      assert.matches("name must", helper.error_of(Tag.count, Tag, { where = { name = value } }).message)
    end
  end)

  it("text in documents and lists sorts as text, lists item by item, alike on both databases", function()
    local db = connect()
    local Row = db:define("Row", { doc = D.JSONB, words = D.ARRAY(D.TEXT) }, { timestamps = false })
    db:sync()
    local texts = { "", "a", "a\t", "a b", 'a"', "a#", "aZ", "a\\", "ab", "\195\164" }
    for i = #texts, 1, -1 do Row:create{ doc = texts[i], words = { texts[i], null } } end
    assert.same(texts, Row:pluck("doc", { order = "doc" }))
    assert.equal(#texts - 2, Row:count{ where = { doc = { [Op.gt] = "a" } } })
    assert.equal(2, Row:count{ where = { words = { [Op.lte] = { "a", null } } } })
    assert.equal(1, Row:count{ where = { words = { [Op.lt] = { "a", "z" } } } })
    assert.same({ "\195\164", null }, Row:findOne{ order = { { "words", "DESC" } } }.words)
  end)

  it("lengths of time and addresses sort by what they mean, alike on both databases", function()
    local db = connect()
    local Row = db:define("Row", { span = D.INTERVAL, ip = D.INET, net = D.CIDR }, { timestamps = false })
    db:sync()
    local spans = { "P-1Y", "PT-0.000001S", "PT0S", "PT0.5S", "PT9M", "PT90H", "P4D", "P10D", "P29DT23H", "P1M", "P1MT1S", "P1Y" }
    local ips = { "0.0.0.0", "9.255.0.0", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0", "10.0.0.1", "::/0", "::1", "2001:db8::/32",
      "2001:db8::1" }
    local nets = { "0.0.0.0/0", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.128.0.0/32", "::/0", "fe80::/10" }
    for i = 12, 1, -1 do Row:create{ span = spans[i], ip = ips[i] or null, net = nets[i] or null } end
    assert.same(spans, Row:pluck("span", { order = "span" }))
    assert.same(ips, Row:pluck("ip", { order = "ip", where = { ip = { [Op.ne] = null } } }))
    assert.same(nets, Row:pluck("net", { order = "net", where = { net = { [Op.ne] = null } } }))
    assert.equal(2, Row:count{ where = { span = { [Op.gt] = "P1M" } } })
    assert.equal(1, Row:count{ where = { span = "P30D" } })
    assert.equal(4, Row:count{ where = { ip = { [Op.gt] = "10.0.0.1" } } })
    assert.equal(3, Row:count{ where = { net = { [Op.between] = { "9.0.0.0/8", "10.0.0.0/9" } } } })
    assert.same({ "P-1Y", "P1Y" }, { Row:min("span"), Row:max("span") })
  end)

  it("documents compare with documents", function()
    local db = connect()
    local Pair = db:define("Pair", { a = D.JSON, b = D.JSON, c = D.JSONB }, { timestamps = false })
    db:sync()
    Pair:bulkCreate{ { a = { x = 1, y = 2 }, b = { y = 2, x = 1 }, c = { x = 1, y = 2 } }, { a = { x = 1 }, b = { x = 2 }, c = {} } }
    assert.equal(1, Pair:count{ where = { a = { [Op.col] = "b" } } })
    assert.equal(1, Pair:count{ where = { c = rowan.col("b") } })
    assert.equal(1, Pair:count{ where = { b = { [Op.ne] = rowan.col("c") } } })
  end)
end)

helper.on("postgres", function(_, connect)
  it("a type of one's own over a range, an hstore or a list of them is found, changed and compared like one", function()
    local db = connect{ extensions = true }
    local Period = D.custom("Period", {
      type = D.RANGE(D.DATEONLY), cast = function(v) return type(v) == "table" and v.from and v or nil, "must have from and to" end,
      dump = function(v) return { v.from, v.to } end, load = function(r) return { from = r[1].value, to = r[2].value } end,
      equal = function(a, b) return a.from == b.from and a.to == b.to end,
    })
    local Counts = D.custom("Counts", {
      type = D.HSTORE, cast = function(v) return type(v) == "table" and v or nil end, equal = function(a, b) return a.n == b.n end,
      dump = function(v) return { n = tostring(v.n) } end, load = function(h) return { n = tonumber(h.n) } end,
    })
    local Stay = db:define("Stay", { at = Period, counts = Counts, all = D.ARRAY(Period) }, { timestamps = false })
    db:sync()
    assert.same({}, db:sync{ alter = true, dryRun = true })
    local may = { from = "2024-05-01", to = "2024-06-01" }
    local values = { at = may, counts = { n = 2.5 }, all = { may, null } }
    Stay:bulkCreate{ values, {} }
    Stay:copy{ values }
    local stay = Stay:findByPk(3)
    assert.same({ may, { n = 2.5 }, { may, null } }, { stay.at, stay.counts, stay.all })
    assert.equal(2, Stay:count{ where = { at = { [Op.contains] = "2024-05-31" } } })
    assert.equal(2, Stay:count{ where = { at = { [Op.overlap] = { from = "2024-05-20", to = "2024-07-01" } }, counts = { n = 2.5 } } })
    stay.at.to, stay.counts.n = "2024-05-02", 3
    assert.same({ "at", "counts" }, stay:changed())
    stay:save()
    assert.equal(1, Stay:count{ where = { at = { from = "2024-05-01", to = "2024-05-02" } } })
    local err = helper.error_of(function() Stay:create{ at = { from = "2024-05-01", to = "2024-04-01" } } end)
    assert.equal("Stay.at must be a range whose lower bound is not above the upper one", err.errors[1].message)
  end)

  it("a type of one's own over an enum makes the enum, and follows its values", function()
    local db = connect()
    local function define(...)
      local type_of = D.custom("Level", { type = D.ENUM(...), cast = function(v) return v end })
      return db:define("Task", { level = type_of, levels = D.ARRAY(type_of) }, { timestamps = false })
    end
    define("low", "high")
    db:sync()
    local Task = define("low", "middle", "high")
    db:sync{ alter = true }
    assert.same({}, db:sync{ alter = true, dryRun = true })
    Task:create{ level = "middle", levels = { "high", null } }
    assert.equal(1, Task:count{ where = { level = { [Op.gt] = "low" }, levels = { [Op.contains] = { "high" } } } })
  end)
end)
