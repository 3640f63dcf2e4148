-- Every type and every option of a column: what sync has made, alter finds as it should be; and on SQLite, which holds
-- anything, CHECK refuses what is no value of the type.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

local Money = DataTypes.custom("Money", {
  type = DataTypes.DECIMAL(10, 2), dump = function(v) return v end, load = function(v) return v end,
})
local POINT = { type = "Point", coordinates = { 1, 2 } }
local UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
local MOMENT = "2024-01-01T00:00:00.500Z"

-- A type and a value of it; without a value it is no default's.
local BOTH = {
  string = { DataTypes.STRING, [[it's "q" \ x]] }, short = { DataTypes.STRING(5), "ab" },
  bytes = { DataTypes.STRING(9).BINARY, "\0\255" },
  text = { DataTypes.TEXT, "" }, char = { DataTypes.CHAR(5), "ab" }, letter = { DataTypes.CHAR, "a" },
  citext = { DataTypes.CITEXT, "Hi" },
  blob = { DataTypes.BLOB, "\0a'" }, tiny = { DataTypes.TINYINT, -128 }, tinyu = { DataTypes.TINYINT.UNSIGNED, 255 },
  small = { DataTypes.SMALLINT, 5 }, smallu = { DataTypes.SMALLINT.UNSIGNED, 65535 }, medium = { DataTypes.MEDIUMINT, 5 },
  mediumu = { DataTypes.MEDIUMINT.UNSIGNED, 5 }, int = { DataTypes.INTEGER, -5 }, intu = { DataTypes.INTEGER.UNSIGNED, 4294967295 },
  wide = { DataTypes.INTEGER(11), 1 }, big = { DataTypes.BIGINT, -9007199254740992 }, float = { DataTypes.FLOAT, 1.5 },
  double = { DataTypes.DOUBLE, 1e300 }, real = { DataTypes.REAL, -0.1 }, decimal = { DataTypes.DECIMAL, "12.50" },
  price = { DataTypes.DECIMAL(10, 2), "-12.50" }, whole = { DataTypes.DECIMAL(5, 0), "7" }, boolean = { DataTypes.BOOLEAN, false },
  at = { DataTypes.DATE, MOMENT }, at0 = { DataTypes.DATE(0), "2024-01-01T00:00:00.000Z" }, at6 = { DataTypes.DATE(6), MOMENT },
  now = { DataTypes.DATE, DataTypes.NOW, generated = true },
  moment = { DataTypes.DATE, rowan.literal("CURRENT_TIMESTAMP"), generated = true },
  day = { DataTypes.DATEONLY, "2024-02-29" }, time = { DataTypes.TIME, "10:00:00" }, time3 = { DataTypes.TIME(3), "10:00:00.123" },
  uuid = { DataTypes.UUID, UUID }, uuid4 = { DataTypes.UUID, DataTypes.UUIDV4, generated = true },
  enum = { DataTypes.ENUM("a", "b'c", "d,e", 'f"g', "h i"), "b'c" },
  word = { DataTypes.ENUM{ values = { "a", "b'c", "x\\y" }, check = true }, "b'c" },
  json = { DataTypes.JSON, { a = { 1, 2, "x'y" } } }, jsonb = { DataTypes.JSONB, rowan.array{} },
  interval = { DataTypes.INTERVAL, "P1DT2H" }, inet = { DataTypes.INET, "10.0.0.1/8" }, cidr = { DataTypes.CIDR, "10.0.0.0/8" },
  mac = { DataTypes.MACADDR, "08:00:2b:01:02:03" }, mac8 = { DataTypes.MACADDR8, "08:00:2b:01:02:03:04:05" },
  ints = { DataTypes.ARRAY(DataTypes.INTEGER), { 1, 2 } }, texts = { DataTypes.ARRAY(DataTypes.TEXT), { 'a,"b', rowan.null, "it's" } },
  strings = { DataTypes.ARRAY(DataTypes.STRING(5)), {} }, times = { DataTypes.ARRAY(DataTypes.DATE), { MOMENT } },
  enums = { DataTypes.ARRAY(DataTypes.ENUM("x", "y")), { "x" } },
  matrix = { DataTypes.ARRAY(DataTypes.ARRAY(DataTypes.DOUBLE)), { { 1, 2 }, { 3, 4 } } },
  decimals = { DataTypes.ARRAY(DataTypes.DECIMAL(10, 2)), { "1.50" } }, flags = { DataTypes.ARRAY(DataTypes.BOOLEAN), { true } },
  documents = { DataTypes.ARRAY(DataTypes.JSONB), { { a = 1 } } }, money = { Money, "5.00" },
}
local POSTGRES = {
  range = { DataTypes.RANGE(DataTypes.INTEGER), { { value = 1, inclusive = true }, { value = 5, inclusive = false } } },
  bigs = { DataTypes.RANGE(DataTypes.BIGINT), {} }, nums = { DataTypes.RANGE(DataTypes.DECIMAL) },
  span = { DataTypes.RANGE(DataTypes.DATE) },
  days = { DataTypes.RANGE(DataTypes.DATEONLY) }, hstore = { DataTypes.HSTORE, { a = "1", b = rowan.null } },
  vector = { DataTypes.TSVECTOR, "'a' 'b'" },
  ranges = { DataTypes.ARRAY(DataTypes.RANGE(DataTypes.DATE)) }, hstores = { DataTypes.ARRAY(DataTypes.HSTORE), { { a = "1" } } },
  blobs = { DataTypes.ARRAY(DataTypes.BLOB), { "\0x" } }, citexts = { DataTypes.ARRAY(DataTypes.CITEXT), { "a" } },
  inets = { DataTypes.ARRAY(DataTypes.INET), { "::1" } }, forever = { DataTypes.DATE, "infinity" },
  huge = { DataTypes.DOUBLE, math.huge },
}
local POSTGIS = {
  geometry = { DataTypes.GEOMETRY, POINT }, point = { DataTypes.GEOMETRY("POINTZ", 4326) }, geography = { DataTypes.GEOGRAPHY, POINT },
  points = { DataTypes.ARRAY(DataTypes.GEOMETRY), { POINT } },
}

local VARIANTS = {
  plain = function(t) return { type = t } end,
  default = function(t, value) return { type = t, defaultValue = value } end,
  notNull = function(t) return { type = t, allowNull = false } end,
  unique = function(t, _, key) return { type = t, unique = key ~= "json" or nil } end,
  index = function(t, _, key) return { type = t, index = key ~= "json" or nil } end,
  comment = function(t) return { type = t, comment = [[it's a \ "comment"]] } end,
  field = function(t, _, key) return { type = t, field = key .. ' of a "field"' } end,
}

helper.each(function(dialect, connect)
  local function all_types(db)
    local all = {}
    local function add(group)
      for key, case in pairs(group) do all[key] = case end
    end
    add(BOTH)
    if dialect == "postgres" then
      add(POSTGRES)
      local found = db:query("SELECT 1 AS one FROM pg_available_extensions WHERE name = 'postgis'")
      if #found > 0 then add(POSTGIS) end
    end
    return all
  end

  for name, variant in pairs(VARIANTS) do
    for _, strict in ipairs(dialect == "sqlite" and { false, true } or { false }) do
      it("every type is what sync has made of it: " .. name .. (strict and ", strict" or ""), function()
        local db = connect{ extensions = dialect == "postgres" or nil }
        local attributes, types = {}, all_types(db)
        for key, case in pairs(types) do attributes[key] = variant(case[1], case[2], key) end
        local Thing = db:define("Thing", attributes, {
          timestamps = false, strict = strict or nil, comment = name == "comment" and "a 'table'" or nil,
        })
        db:sync()
        assert.same({}, db:sync{ alter = true, dryRun = true })
        if name == "default" then
          -- The database's default is the program's.
          db:query('INSERT INTO "Things" DEFAULT VALUES')
          local made, stored = Thing:create{}, Thing:findOne{ order = "id" }
          for key, case in pairs(types) do
            if not case.generated then
              assert.same(case[2], made[key], key)
              assert.same(case[2], stored[key], key)
            end
          end
        end
      end)
    end
  end
end)

helper.on("sqlite", function(_, connect)
  it("a CHECK refuses what is no value of the type, and says whose", function()
    local db = connect()
    local Thing = db:define("Thing", {
      flag = DataTypes.BOOLEAN, word = DataTypes.ENUM("a", "b'c"), short = DataTypes.STRING(3), letter = DataTypes.CHAR(1),
      bytes = DataTypes.STRING(2).BINARY, key = DataTypes.UUID, doc = DataTypes.JSON, docb = DataTypes.JSONB,
      list = DataTypes.ARRAY(DataTypes.INTEGER), own = DataTypes.custom("Tag", { type = DataTypes.STRING(2), cast = tostring }),
    }, { timestamps = false })
    db:sync()
    for column, case in pairs{
      flag = { { 0, 1 }, { 2, "'true'", "-1" } }, word = { { "'a'", "'b''c'" }, { "'A'", "''", 1 } },
      short = { { "'äöü'", "''" }, { "'abcd'" } },
      letter = { { "'x'" }, { "'xy'" } }, bytes = { { "x'0001'" }, { "x'000102'" } },
      key = { { "'" .. UUID .. "'" }, { "'x'", "'" .. UUID:upper() .. "'", "'" .. UUID:gsub("^a", "z") .. "'",
      "'" .. ("a"):rep(36) .. "'" } },
      doc = { { "'{}'", "'null'" }, { "'{'", "'abc'", "''" } }, docb = { { "'[1]'" }, { "'[1'" } },
      list = { { "'[1]'", "'[]'" }, { "'{}'", "'1'", "'['" } }, own = { { "'ab'" }, { "'abc'" } },
    } do
      local insert = ('INSERT INTO "Things" ("%s") VALUES (%%s)'):format(column)
      for _, value in ipairs(case[1]) do db:query(insert:format(value)) end
      db:query(insert:format("NULL"))
      for _, value in ipairs(case[2]) do
        local err = helper.error_of(function() db:query(insert:format(value)) end)
        assert.same({ "CheckConstraintError", "Things_" .. column .. "_check" }, { err.name, err.constraint }, value)
        assert.truthy(tostring(err):find("Things_" .. column .. "_check", 1, true))
      end
      db:query('DELETE FROM "Things"')
    end
    assert.equal(0, Thing:count())
  end)
end)
