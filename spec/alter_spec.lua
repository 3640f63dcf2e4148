-- sync{ alter }: what differs is changed, nothing else is sent, and no data is lost unasked.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local Op = rowan.Op
local error_of = helper.error_of
local PLAIN = { timestamps = false }

local function is_ddl(text)
  local word = text:match("^%s*(%a+)")
  return word == "CREATE" or word == "ALTER" or word == "DROP" or word == "COMMENT" or word == "DO" or word == "INSERT"
end

-- The statements that change something while a function runs.
local function ddl_of(fn)
  local found = {}
  for _, text in ipairs(helper.statements(fn)) do
    if is_ddl(text) then found[#found + 1] = text end
  end
  return found
end

local function with(attributes, more)
  local all = {}
  for _, item in ipairs(attributes) do all[#all + 1] = item end
  for _, item in ipairs(more) do all[#all + 1] = item end
  return all
end

helper.each(function(dialect, connect)
  local db
  local postgres = dialect == "postgres"

  before_each(function() db = connect() end)

  local function alter(options) return ddl_of(function() db:sync { alter = options or true } end) end

  -- Whatever was asked for stands, so that there is nothing left to do.
  local function settled()
    assert.same({}, alter())
    assert.same({}, (db:sync { alter = true, dryRun = true }))
  end

  local function column(model, name) return model:describe()[name] end

  it("sends nothing for tables that are as the models say, of every type and option", function()
    local attributes = {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "tiny", DataTypes.TINYINT, defaultValue = -5 }, { "small", DataTypes.SMALLINT.UNSIGNED, defaultValue = 7 },
      { "big", DataTypes.BIGINT, defaultValue = 9007199254740993 }, { "float", DataTypes.FLOAT, defaultValue = 0.1 },
      { "double", DataTypes.DOUBLE, defaultValue = -1e100 }, { "exact", DataTypes.DECIMAL(10, 2), defaultValue = "1.50" },
      { "any", DataTypes.DECIMAL, defaultValue = "12345678901234567890.5" },
      { "yes", DataTypes.BOOLEAN, allowNull = false, defaultValue = true }, { "no", DataTypes.BOOLEAN, defaultValue = false },
      { "text", DataTypes.TEXT, defaultValue = "it's \\ \"x\"\nü" }, { "empty", DataTypes.STRING(10), defaultValue = "" },
      { "char", DataTypes.CHAR(3), defaultValue = "abc" }, { "blob", DataTypes.BLOB, defaultValue = "\0\255'" },
      { "bytes", DataTypes.STRING(5).BINARY }, { "uuid", DataTypes.UUID, defaultValue = DataTypes.UUIDV4 },
      { "at", DataTypes.DATE, defaultValue = "2024-02-01T10:00:00.123Z" }, { "at3", DataTypes.DATE(3) },
      { "now", DataTypes.DATE, defaultValue = DataTypes.NOW }, { "day", DataTypes.DATEONLY, defaultValue = "2024-02-29" },
      { "time", DataTypes.TIME, defaultValue = "10:11:12" }, { "json", DataTypes.JSON, defaultValue = { a = { 1, 2 } } },
      { "jsonb", DataTypes.JSONB, defaultValue = { b = "x", aa = rowan.array {} } },
      { "kind", DataTypes.ENUM("a", "it's", "c"), defaultValue = "it's", comment = "of a thing" },
      { "sum", DataTypes.INTEGER, defaultValue = rowan.literal("1 + 2") },
      { "stamp", DataTypes.DATE, defaultValue = rowan.literal("CURRENT_TIMESTAMP") },
      { "code", DataTypes.STRING(10), unique = true, field = 'a "code"' }, { "seen", DataTypes.INTEGER, index = true },
      { "hall", DataTypes.STRING(10), unique = "place" }, { "number", DataTypes.INTEGER, unique = "place" },
    }
    attributes = with(attributes, {
      { "state", DataTypes.ENUM { values = { "on", "it's" }, check = true }, defaultValue = "on" },
      { "twice", DataTypes.INTEGER, generated = { as = rowan.literal('"seen" * 2'), stored = true } },
      { "ci", postgres and DataTypes.TEXT or DataTypes.CITEXT, defaultValue = "X" }, { "net", DataTypes.CIDR },
      { "took", DataTypes.INTERVAL }, { "mac", DataTypes.MACADDR }, { "ip", DataTypes.INET, defaultValue = "10.0.0.1" },
    })
    if postgres then
      attributes = with(attributes, {
        { "span", DataTypes.RANGE(DataTypes.INTEGER) }, { "vector", DataTypes.TSVECTOR },
        { "times", DataTypes.RANGE(DataTypes.DATE) }, { "addresses", DataTypes.ARRAY(DataTypes.INET) },
        { "list", DataTypes.ARRAY(DataTypes.INTEGER), defaultValue = { 1, 2 } },
        { "words", DataTypes.ARRAY(DataTypes.ENUM("x", "y")), defaultValue = { "x", "y" } },
        { "texts", DataTypes.ARRAY(DataTypes.STRING(5)) },
      })
    end
    local Thing = db:define("Thing", attributes, { comment = "all of it", indexes = {
      { fields = { "seen", { name = "number", order = "DESC" } }, name = "by_seen" },
      { fields = { "hall", "kind" }, unique = true, name = "once" },
      { fields = { "number" }, name = "taken", where = { hall = { [Op.ne] = rowan.null }, number = { [Op.gt] = 5 } } },
      { fields = { "text" }, name = "not_empty", where = { text = { [Op.or_] = { { [Op.like] = "a%" }, "b" } } } },
      { fields = { rowan.fn("lower", rowan.col("hall")) }, name = "folded" },
    } })
    local Part = db:define("Part", { a = { type = DataTypes.INTEGER } }, { underscored = true })
    local Tag = db:define("Tag", { name = { type = DataTypes.STRING } }, PLAIN)
    Thing:hasMany(Part, { onDelete = "RESTRICT" })
    Part:belongsTo(Part, { as = "parent" })
    Tag:belongsToMany(Thing, { through = "ThingTags" })
    Thing:belongsToMany(Tag, { through = "ThingTags" })
    if postgres then
      db:define("Late", { thingId = { type = DataTypes.INTEGER,
        references = { table = "Things", key = "id", deferrable = "INITIALLY_DEFERRED" } } })
    end
    db:sync()
    settled()
    db:drop()
    assert.is_true(#alter() > 5)
    settled()
  end)

  it("adds columns, with their values and keys", function()
    db:define("User", { { "name", DataTypes.STRING } }, PLAIN)
    db:sync()
    db:query([[INSERT INTO "Users" ("name") VALUES ('Ann')]])
    local User = db:define("User", {
      { "name", DataTypes.STRING }, { "age", DataTypes.INTEGER, allowNull = false, defaultValue = 7, index = true },
      { "note", DataTypes.TEXT }, { "kind", DataTypes.ENUM("a", "b"), defaultValue = "b" },
      { "made", DataTypes.DATE, defaultValue = rowan.literal("CURRENT_TIMESTAMP") },
      { "bossId", DataTypes.INTEGER, references = "Users" }, { "code", DataTypes.STRING(5), unique = true },
    }, PLAIN)
    alter()
    settled()
    local user = User:findOne()
    assert.same({ 7, "b", "Ann" }, { user.age, user.kind, user.name })
    assert.is_string(user.made)
    assert.is_true(rowan.is(error_of(User.create, User, { bossId = 99 }), "ForeignKeyConstraintError"))
    User:create { code = "x" }
    assert.is_true(rowan.is(error_of(User.create, User, { code = "x" }), "UniqueConstraintError"))
  end)

  it("changes types, nullability and defaults, and keeps rows, numbers, indexes and what points at the table", function()
    local User = db:define("User", {
      { "name", DataTypes.STRING(10), defaultValue = "x", unique = true }, { "age", DataTypes.INTEGER, allowNull = false },
      { "seen", DataTypes.INTEGER, index = true },
    }, PLAIN)
    local Post = db:define("Post", { { "title", DataTypes.STRING } }, PLAIN)
    User:hasMany(Post, { onDelete = "CASCADE" })
    db:sync()
    User:bulkCreate { { name = "a", age = 1 }, { name = "b", age = 2 }, { name = "c", age = 3 } }
    Post:create { title = "t", userId = 1 }
    User:destroy { where = { name = "c" } }
    User = db:define("User", {
      { "name", DataTypes.TEXT, allowNull = false, unique = true }, { "age", DataTypes.TEXT, defaultValue = "old" },
      { "seen", DataTypes.INTEGER, index = true },
    }, PLAIN)
    Post = db:define("Post", { { "title", DataTypes.STRING } }, PLAIN)
    User:hasMany(Post, { onDelete = "CASCADE" })
    assert.is_true(#alter() > 0)
    settled()
    assert.same({ "1", "2" }, { User:findByPk(1).age, User:findByPk(2).age })
    assert.equal(1, Post:count { where = { userId = 1 } })
    assert.is_true(rowan.is(error_of(db.query, db, [[INSERT INTO "Users" ("age") VALUES ('x')]]),
      "NotNullConstraintError"))
    assert.is_true(rowan.is(error_of(User.create, User, { name = "a" }), "UniqueConstraintError"))
    -- A number that was given out is not given again.
    local id = User:create { name = "d" }.id
    assert.is_true(id > 3)
    assert.equal("old", User:findByPk(id).age)
    User:destroy { where = { id = 1 } }
    assert.equal(0, Post:count())
    assert.is_true(rowan.is(error_of(Post.create, Post, { userId = 77 }), "ForeignKeyConstraintError"))
  end)

  it("changes indexes and constraints by what they are, not by their names", function()
    local function define(second)
      return db:define("Seat", {
        { "hall", DataTypes.STRING(10) }, { "number", DataTypes.INTEGER, unique = not second },
        { "guest", DataTypes.STRING(20) },
      }, { timestamps = false, indexes = {
        { fields = { "hall" }, name = "one", unique = second },
        { fields = { "guest" }, name = "two", where = { number = { [Op.gt] = second and 6 or 5 } } },
        { fields = { second and { name = "guest", order = "DESC" } or "guest" }, name = "three" },
        not second and { fields = { "number", "hall" }, name = "four" } or nil,
      } })
    end
    define(false)
    db:sync()
    db:query('CREATE INDEX "by hand" ON "Seats" ("number", "hall")')
    db:query('DROP INDEX "four"')
    settled()
    local Seat = define(true)
    alter { drop = false }
    local names = {}
    for _, index in ipairs(db:queryInterface():showIndexes("Seats")) do names[index.name or ""] = index end
    assert.is_true(names.one.unique)
    assert.truthy(names["by hand"])
    alter()
    settled()
    assert.matches('"by hand"', alter { drop = true }[1])
    assert.equal(3, #db:query(postgres and "SELECT 1 FROM pg_indexes WHERE tablename = 'Seats' AND schemaname = current_schema() "
      .. "AND indexname NOT LIKE '%pkey'" or "SELECT 1 FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    Seat:create { number = 1 }
    Seat:create { number = 1 }
  end)

  it("takes lists in conditions of indexes and checks", function()
    for _, where in ipairs {
      { kind = { "a", "it's" } }, { number = { [Op.in_] = { 1, 2 } } }, { kind = { [Op.notIn] = { "a", "b" } } }, { kind = {} },
      { [Op.or_] = { { kind = { "a" } }, { number = { 3 } } } },
    } do
      db:define("Seat", { { "kind", DataTypes.STRING(5) }, { "number", DataTypes.INTEGER } }, {
        timestamps = false, indexes = { { fields = { "number" }, name = "some", unique = true, where = where } },
      })
      alter()
      settled()
    end
    local Seat = db:model("Seat")
    Seat:bulkCreate { { kind = "b", number = 1 }, { kind = "b", number = 1 }, { kind = "a", number = 1 } }
    assert.is_true(rowan.is(error_of(Seat.create, Seat, { kind = "a", number = 1 }), "UniqueConstraintError"))
    db:queryInterface():addConstraint("Seats", { type = "CHECK", name = "known_kind", where = { kind = { "a", "b" } } })
    assert.equal("kind", error_of(Seat.create, Seat, { kind = "c" }).errors[1].path)
  end)

  it("changes foreign keys", function()
    local function define(action, constraints)
      local User = db:define("User", { { "name", DataTypes.STRING } }, PLAIN)
      local Post = db:define("Post", { { "title", DataTypes.STRING } }, PLAIN)
      User:hasMany(Post, { onDelete = action, constraints = constraints })
      return User, Post
    end
    define("SET NULL")
    db:sync()
    local User, Post = define("CASCADE")
    alter()
    settled()
    Post:create { userId = User:create({}).id }
    User:destroy { where = rowan.all }
    assert.equal(0, Post:count())
    Post = select(2, define(nil, false))
    alter()
    settled()
    Post:create { userId = 99 }
    User, Post = define("CASCADE")
    local err = error_of(db.sync, db, { alter = true })
    assert.is_true(rowan.is(err, "ForeignKeyConstraintError"), tostring(err))
    assert.equal(1, Post:count())
    assert.equal(0, User:count())
  end)

  it("makes tables and keys of cycles", function()
    local User = db:define("User", { { "name", DataTypes.STRING } }, PLAIN)
    db:sync()
    local Team = db:define("Team", { { "name", DataTypes.STRING } }, PLAIN)
    User:belongsTo(Team)
    Team:belongsTo(User, { as = "captain" })
    alter()
    settled()
    local team = Team:create { captainId = User:create({}).id }
    User:update({ teamId = team.id }, { where = rowan.all })
    assert.is_true(rowan.is(error_of(Team.create, Team, { captainId = 99 }), "ForeignKeyConstraintError"))
  end)

  it("refuses to lose data, says all of it, and does it when told", function()
    db:define("User", { { "name", DataTypes.STRING(20) }, { "age", DataTypes.INTEGER }, { "old", DataTypes.TEXT } }, PLAIN)
    db:sync()
    db:query([[INSERT INTO "Users" ("name", "age", "old") VALUES ('a long name', 1, 'x'), ('b', 2, NULL)]])
    db:query([[ALTER TABLE "Users" ADD COLUMN "50% off" INTEGER]])
    db:query([[UPDATE "Users" SET "50% off" = 1 WHERE "age" = 1]])
    local User = db:define("User", {
      { "name", DataTypes.STRING(5) }, { "age", DataTypes.INTEGER },
    }, PLAIN)
    local err
    assert.same({}, ddl_of(function() err = error_of(db.sync, db, { alter = true }) end))
    assert.is_true(rowan.is(err, "QueryError"))
    assert.matches('1 rows have a value in the column "old"', err.message, 1, true)
    assert.matches('1 rows have a value in the column "50% off"', err.message, 1, true)
    assert.matches('rows have a value in the column "name"', err.message, 1, true)
    assert.equal(3, #err.losses)
    local steps, losses = User:sync { alter = true, dryRun = true }
    assert.is_true(#steps > 0)
    assert.equal(3, #losses)
    for _, step in ipairs(steps) do assert.is_true(step.sql ~= "" and step.reason:find("^Users: ") ~= nil) end
    assert.equal("x", db:query('SELECT "old" FROM "Users" WHERE "age" = 1')[1].old)
    alter { drop = true }
    settled()
    assert.equal("a lon", User:findByPk(1).name)
    assert.is_nil(column(User, "old"))
  end)

  it("says as SQL with comments what it would do, and what it would cost", function()
    local function define(attributes) return db:define("User", attributes, PLAIN) end
    local User = define { { "name", DataTypes.STRING(20) }, { "old", DataTypes.INTEGER } }
    db:sync()
    User:create { name = "Ann", old = 5 }
    User = define { { "name", DataTypes.STRING(20) }, { "new", DataTypes.INTEGER } }
    local steps = User:sync { alter = true, dryRun = true }
    local text = tostring(steps)
    assert.matches('%-%- Users: the column "old" is not in the model %(loses data: Users: 1 rows have a value', text)
    assert.matches('\nALTER TABLE [^\n]* DROP COLUMN "old";\n%-%- Users: the column "new" is missing\nALTER', text)
    assert.matches("1 rows", steps[1].loses)
    assert.is_nil(steps[2].loses)
    assert.matches("DROP COLUMN", tostring(steps[1]))
    assert.equal("all rows of Users", User:sync({ force = true, dryRun = true })[1].loses)
    User = define { { "name", DataTypes.STRING(20) }, { "old", DataTypes.INTEGER } }
    assert.equal("", tostring((User:sync { alter = true, dryRun = true })))
  end)

  it("cuts text and reads numbers from it only when told, and never makes what cannot be read", function()
    local function define(kind) return db:define("User", { { "v", kind } }, PLAIN) end
    local User = define(DataTypes.STRING(50))
    db:sync()
    User:create { v = "1234567890123" }
    User = define(DataTypes.STRING(5))
    assert.matches("1 rows have a value in the column \"v\"", error_of(db.sync, db, { alter = true }).message)
    alter { drop = true }
    settled()
    assert.equal("12345", User:findOne().v)
    User:create { v = "abc" }
    for _, kind in ipairs {
      DataTypes.INTEGER, DataTypes.DOUBLE, DataTypes.DATE, DataTypes.DATEONLY, DataTypes.TIME, DataTypes.DECIMAL,
    } do
      define(kind)
      local err = error_of(db.sync, db, { alter = { drop = true } })
      assert.matches('Users: .*"v"', err.message)
      define(DataTypes.STRING(5))
      settled()
      assert.equal("abc", User:findByPk(2).v)
    end
    User:destroy { where = { v = "abc" } }
    User = define(DataTypes.INTEGER)
    alter { drop = true }
    settled()
    assert.equal(12345, User:findOne().v)
    User = define(DataTypes.STRING)
    alter()
    User:update({ v = "true" }, { where = rowan.all })
    User:create { v = "f" }
    User = define(DataTypes.BOOLEAN)
    alter { drop = true }
    settled()
    assert.same({ true, false }, { User:findByPk(1).v, User:findOne({ where = { v = false } }).v })
  end)

  it("gives whole numbers a smaller type where it holds all of them", function()
    local function define(kind) return db:define("User", { { "n", kind } }, PLAIN) end
    local User = define(DataTypes.BIGINT)
    db:sync()
    User:bulkCreate { { n = 2147483647 }, { n = -32768 }, {} }
    define(DataTypes.SMALLINT)
    if db.dialect == "postgres" then
      assert.matches('1 rows have a value in the column "n" that smallint may not hold', error_of(db.sync, db, { alter = true }).message)
    end
    User = define(DataTypes.INTEGER)
    alter()
    settled()
    assert.equal(2, User:count { where = { n = { 2147483647, -32768 } } })
  end)

  it("keeps what the model does not know with drop = false, and drops columns that hold nothing", function()
    local function define(attributes, options) return db:define("User", attributes, options or PLAIN) end
    define({ { "name", DataTypes.STRING }, { "old", DataTypes.INTEGER, index = true }, { "code", DataTypes.STRING } })
    db:sync()
    local User = define { { "name", DataTypes.STRING } }
    assert.same({}, alter { drop = false })
    assert.truthy(column(User, "old"))
    alter()
    settled()
    assert.is_nil(column(User, "old"))
  end)

  it("does not make columns NOT NULL over NULLs, unique over duplicates, or full out of nothing", function()
    local User = db:define("User", { { "name", DataTypes.STRING } }, PLAIN)
    db:sync()
    User:bulkCreate { { name = "a" }, { name = "a" }, {} }
    local function refused(attributes, words, options)
      db:define("User", attributes, options or PLAIN)
      local err
      assert.same({}, ddl_of(function() err = error_of(db.sync, db, { alter = { drop = true } }) end))
      assert.matches(words, err.message, 1, true)
    end
    refused({ { "name", DataTypes.STRING, allowNull = false } }, '1 rows have no value in the column "name"')
    refused({ { "name", DataTypes.STRING, unique = true } }, "1 values of name occur more than once")
    refused({ { "name", DataTypes.STRING } }, "1 values of name occur more than once",
      { timestamps = false, indexes = { { fields = { "name" }, unique = true } } })
    refused({ { "name", DataTypes.STRING }, { "age", DataTypes.INTEGER, allowNull = false } },
      '3 rows would have no value in the new column "age"')
    db:query('DELETE FROM "Users"')
    alter()
    settled()
  end)

  it("changes primary keys and who numbers the rows", function()
    db:define("Line", { { "a", DataTypes.INTEGER, primaryKey = true }, { "b", DataTypes.INTEGER } }, PLAIN)
    db:sync()
    db:query([[INSERT INTO "Lines" ("a", "b") VALUES (5, 2)]])
    local Line = db:define("Line", {
      { "a", DataTypes.INTEGER, primaryKey = true }, { "b", DataTypes.INTEGER, primaryKey = true },
    }, PLAIN)
    alter()
    settled()
    Line:create { a = 5, b = 3 }
    assert.is_true(rowan.is(error_of(Line.create, Line, { a = 5, b = 3 }), "UniqueConstraintError"))
    db:query('DELETE FROM "Lines" WHERE "b" = 3')
    Line = db:define("Line", { { "a", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "b", DataTypes.INTEGER } }, PLAIN)
    alter()
    settled()
    assert.equal(6, Line:create { b = 1 }.a)
    db:define("Line", { { "a", DataTypes.INTEGER, primaryKey = true }, { "b", DataTypes.INTEGER } }, PLAIN)
    alter()
    settled()
    assert.is_false(db:queryInterface():describeTable("Lines").a.autoIncrement)
  end)

  it("changes checks of types, collations and what is generated", function()
    local function define(second)
      return db:define("Thing", {
        { "state", DataTypes.ENUM { values = second and { "on", "off", "mid" } or { "on", "off" }, check = true } },
        { "word", second and not postgres and DataTypes.CITEXT or DataTypes.TEXT, index = true }, { "n", DataTypes.INTEGER },
        { "twice", DataTypes.INTEGER, generated = rowan.literal(second and '"n" * 3' or '"n" * 2') },
        { "old", DataTypes.INTEGER, generated = not second and rowan.literal('"n" + 1') or nil },
        { "flag", DataTypes.STRING(second and 9 or 3) },
      }, { timestamps = false, strict = second })
    end
    local Thing = define(false)
    db:sync()
    Thing:create { state = "off", word = "Word", n = 5, flag = "abc" }
    Thing = define(true)
    alter()
    settled()
    local row = Thing:findOne { where = { word = postgres and "Word" or "wORD" } }
    assert.same({ "off", 15, "Word", "abc" }, { row.state, row.twice, row.word, row.flag })
    row:update { state = "mid", old = 3, flag = "abcdef", n = 4 }
    assert.equal(12, row:reload().twice)
    error_of(db.query, db, [[INSERT INTO "Things" ("state") VALUES ('x')]])
    error_of(db.query, db, [[INSERT INTO "Things" ("flag") VALUES ('abcdefghij')]])
    row:update { state = "on", flag = "abc", old = rowan.null }
    Thing = define(false)
    alter { drop = true }
    settled()
    assert.equal(8, Thing:findOne().twice)
    assert.is_nil(Thing:findOne { where = { word = "wORD" } })
  end)

  it("makes generated columns anew with what hangs on them, and keeps their values when they are written from then on", function()
    local function define(type_of, times)
      return db:define("Thing", {
        { "id", DataTypes.INTEGER, primaryKey = true }, { "a", DataTypes.INTEGER },
        { "twice", type_of, generated = times and { as = rowan.literal('"a" * ' .. times), stored = true }, index = true,
          comment = "of a", unique = true },
      }, PLAIN)
    end
    define(DataTypes.INTEGER, 2)
    db:sync()
    db:queryInterface():addConstraint("Things", { type = "CHECK", name = "odd", where = { twice = { [Op.lt] = 100 } } })
    local Thing = define(DataTypes.BIGINT, 3)
    Thing:create { id = 1, a = 2 }
    db:sync { alter = true }
    settled()
    assert.equal(6, Thing:findOne().twice)
    assert.is_true(rowan.is(error_of(Thing.create, Thing, { id = 2, a = 50 }), "CheckConstraintError"))
    Thing = define(DataTypes.BIGINT)
    db:sync { alter = true }
    settled()
    assert.equal(6, Thing:findOne().twice)
    Thing:update({ twice = 7 }, { where = rowan.all })
  end)

  it("computes columns of those that come, change and go with them, in whatever order", function()
    local function define(type_of, base, more)
      return db:define("Thing", with({
        { "id", DataTypes.INTEGER, primaryKey = true },
        { "twice", DataTypes.BIGINT, generated = { as = rowan.literal(('"%s" * 2'):format(base)), stored = postgres }, index = true },
        { base, type_of, defaultValue = 4 },
      }, more or {}), PLAIN)
    end
    local Thing = define(DataTypes.SMALLINT, "z")
    db:sync()
    Thing:create { id = 1, z = 5 }
    Thing = define(DataTypes.BIGINT, "z")
    db:sync { alter = true }
    settled()
    assert.equal(10, Thing:findOne().twice)
    Thing = define(DataTypes.INTEGER, "y", {
      { "more", DataTypes.INTEGER, generated = { as = rowan.literal('"x" + 1'), stored = postgres } },
      { "x", DataTypes.INTEGER, defaultValue = 1 },
    })
    db:sync { alter = { drop = true } }
    settled()
    assert.same({ 8, 2 }, { Thing:findOne().twice, Thing:findOne().more })
    define(DataTypes.INTEGER, "y")
    db:sync { alter = { drop = true } }
    settled()
  end)

  it("settles with soft deletion, versions, keys of several columns, other schemas and cycles", function()
    local schema = postgres and db:query("SELECT current_schema() AS s")[1].s .. "_cycle" or "other"
    local function define(paranoid, first, second)
      local A = db:define("A", {
        { "email", DataTypes.STRING, unique = true }, { "x", DataTypes.INTEGER, unique = "xy" },
        { "y", DataTypes.INTEGER, unique = "xy" }, { "note", DataTypes.TEXT, comment = paranoid and "it's \\ \n" or nil },
      }, { paranoid = paranoid, version = true, comment = paranoid and "all" or nil })
      local B = db:define("B", {
        { first, DataTypes.INTEGER, primaryKey = true }, { second, DataTypes.INTEGER, primaryKey = true },
        { "v", DataTypes.INTEGER },
      }, { paranoid = paranoid, underscored = true, indexes = {
        { fields = { "v" }, unique = true }, { fields = { "v", "p" }, unique = true, where = { v = { [Op.gt] = 3 } } },
      } })
      local C = db:define("C", { { "n", DataTypes.INTEGER } }, { schema = schema })
      if not paranoid then return end
      A:belongsTo(B)
      A:belongsTo(C, { as = "seen" })
      B:belongsTo(A, { as = "owner" })
      A:belongsTo(A, { as = "parent" })
      C:belongsTo(B)
    end
    if postgres then db:createSchema(schema) end
    local ok, err = pcall(function()
      define(true, "p", "q")
      db:sync()
      settled()
      db:drop()
      db:sync { alter = true }
      settled()
      -- Also the order of a key that others pointed at.
      define(false, "q", "p")
      db:sync { alter = true }
      settled()
    end)
    if postgres then db:dropSchema(schema, { cascade = true }) end
    assert(ok, err)
  end)

  it("gives a name to another index, and keeps rows whose columns are all others", function()
    local function define(attributes, indexes)
      return db:define("Thing", attributes, { timestamps = false, noPrimaryKey = true, indexes = indexes })
    end
    local columns = { { "a", DataTypes.INTEGER }, { "b", DataTypes.INTEGER } }
    define(columns, { { fields = { "a" }, name = "one" }, { fields = { "b" }, name = "two" } })
    db:sync()
    local Thing = define(columns, { { fields = { "b" }, name = "one" }, { fields = { "a" }, name = "two" } })
    alter()
    settled()
    Thing:bulkCreate { { a = 1 }, { b = 2 } }
    Thing = define { { "c", DataTypes.INTEGER, defaultValue = 5 } }
    alter { drop = true }
    settled()
    assert.equal(2, Thing:count { where = { c = 5 } })
  end)

  it("finds a way between types that have no cast", function()
    local function define(type_of) return db:define("Thing", { { "a", type_of } }, { timestamps = false }) end
    for _, type_of in ipairs { DataTypes.DATEONLY, DataTypes.INTEGER, DataTypes.BOOLEAN, DataTypes.UUID, DataTypes.BLOB,
      DataTypes.DECIMAL(5, 2), DataTypes.JSON, DataTypes.ENUM("x"), DataTypes.DATE, DataTypes.DOUBLE } do
      define(type_of)
      alter()
      settled()
    end
    define(DataTypes.STRING(20))
    alter()
    local Thing = db:model("Thing")
    Thing:create { a = "longer" }
    define(DataTypes.STRING(5))
    assert.matches("1 rows have a value", error_of(db.sync, db, { alter = true }).message, 1, true)
    Thing:update({ a = "fits" }, { where = rowan.all })
    alter()
    settled()
  end)

  it("asks a constant number of statements, however many tables there are", function()
    local function count(n)
      for i = 1, n do db:define("T" .. i, { a = { type = DataTypes.INTEGER } }) end
      db:sync()
      return helper.count(function() db:sync { alter = true } end)
    end
    assert.equal(count(2), count(20))
  end)

  it("is all or nothing, also within a transaction", function()
    db:define("Good", { { "n", DataTypes.INTEGER } }, PLAIN)
    db:sync()
    db:define("Good", { { "n", DataTypes.INTEGER }, { "m", DataTypes.INTEGER } }, PLAIN)
    db:define("Zad", { { "n", DataTypes.INTEGER, defaultValue = rowan.literal("nonsense(") } }, PLAIN)
    error_of(db.sync, db, { alter = true })
    assert.is_nil(column(db:model("Good"), "m"))
    local Good = db:model("Good")
    error_of(db.transaction, db, function()
      Good:sync { alter = true }
      assert.truthy(column(Good, "m"))
      error("undo")
    end)
    assert.is_nil(column(Good, "m"))
  end)

  it("looks at the name of the database first", function()
    db:define("Thing", { n = { type = DataTypes.INTEGER } })
    assert.same({}, ddl_of(function()
      local err = error_of(db.sync, db, { force = true, match = "^no such database$" })
      assert.matches("does not match", err.message, 1, true)
      error_of(db.drop, db, { match = "^no such database$" })
    end))
    db:sync { match = "." }
    assert.matches("no option", error_of(db.sync, db, { alter = { dorp = true } }).message, 1, true)
    assert.matches("alter", error_of(db.sync, db, { alter = true, force = true }).message, 1, true)
  end)
end)

helper.on("postgres", function(_, connect)
  local db

  before_each(function() db = connect() end)

  local function settled()
    assert.same({}, ddl_of(function() db:sync { alter = true } end))
  end

  it("adds, moves and removes values of enums", function()
    local function define(values, default)
      return db:define("Thing", {
        { "kind", DataTypes.ENUM(values), defaultValue = default, index = true },
        { "kinds", DataTypes.ARRAY(DataTypes.ENUM(#values > 2 and { "q", "p" } or { "p", "q" })) },
      }, PLAIN)
    end
    local Thing = define({ "a", "b" }, "a")
    db:sync()
    Thing:create { kind = "b", kinds = { "p", "q" } }
    for _, values in ipairs { { "z", "a", "x", "b", "y" }, { "a", "b" }, { "b", "a" } } do
      Thing = define(values, "a")
      db:sync { alter = true }
      settled()
      assert.equal("b", Thing:findOne().kind)
      assert.same(values, db:queryInterface():describeTable("Things").kind.special)
      assert.same({ "p", "q" }, Thing:findOne().kinds)
    end
    Thing = define({ "a", "new" }, "new")
    local err = error_of(db.sync, db, { alter = { drop = true } })
    assert.matches("1 rows have one of the values 'b' in the column \"kind\"", err.message, 1, true)
    Thing:update({ kind = "a" }, { where = rowan.all })
    db:sync { alter = true }
    settled()
    assert.equal("new", Thing:create({}).kind)
  end)

  it("turns text into enums and back, and leaves no type behind", function()
    local function define(type_of) return db:define("Thing", { { "kind", type_of, defaultValue = "a" } }, PLAIN) end
    define(DataTypes.STRING(10))
    db:sync()
    db:query([[INSERT INTO "Things" DEFAULT VALUES]])
    db:query([[INSERT INTO "Things" (kind) VALUES ('other')]])
    define(DataTypes.ENUM("a", "b"))
    assert.matches('1 rows have a value in the column "kind" that its enum does not have',
      error_of(db.sync, db, { alter = { drop = true } }).message, 1, true)
    db:query([[UPDATE "Things" SET kind = 'b' WHERE kind = 'other']])
    db:sync { alter = true }
    settled()
    assert.equal(1, #db:queryInterface():listEnums())
    local Thing = define(DataTypes.TEXT)
    db:sync { alter = true }
    settled()
    assert.equal(0, #db:queryInterface():listEnums())
    assert.equal("a", Thing:findOne().kind)
  end)

  it("turns lists of text into lists of enums and back, where they hold no other", function()
    local function define(type_of) return db:define("Thing", { { "kinds", DataTypes.ARRAY(type_of) } }, PLAIN) end
    local Thing = define(DataTypes.TEXT)
    db:sync()
    Thing:bulkCreate { { kinds = { "a", rowan.null } }, {}, { kinds = {} } }
    define(DataTypes.ENUM("b"))
    assert.matches("1 rows have a value", error_of(db.sync, db, { alter = { drop = true } }).message, 1, true)
    define(DataTypes.ENUM("b", "a"))
    db:sync { alter = true }
    settled()
    Thing = define(DataTypes.TEXT)
    db:sync { alter = true }
    settled()
    assert.same({ "a", rowan.null }, Thing:findByPk(1).kinds)
  end)

  it("changes comments, methods, operators and what an index includes", function()
    local function define(second)
      return db:define("Thing", { { "a", DataTypes.TEXT, comment = second and "it's" or "x" }, { "b", DataTypes.JSONB } },
        { timestamps = false, comment = not second and "table" or nil, indexes = {
          { fields = { "a" }, name = "one", using = second and "hash" or "btree" },
          { fields = { { name = "a", operator = second and "text_pattern_ops" or nil } }, name = "two" },
          { fields = { "a" }, name = "three", include = second and { "id" } or nil },
          { fields = { { name = "b", operator = "jsonb_path_ops" } }, using = "gin", name = "four" },
        } })
    end
    define(false)
    db:sync()
    settled()
    define(true)
    db:sync { alter = true }
    settled()
    assert.equal("it's", db:queryInterface():describeTable("Things").a.comment)
  end)

  it("sends nothing for types of extensions, and says when the search path has them not", function()
    local function define(from)
      from:define("Thing", {
        { "ci", DataTypes.CITEXT, defaultValue = "It's", unique = true }, { "cis", DataTypes.ARRAY(DataTypes.CITEXT) },
        { "h", DataTypes.HSTORE, defaultValue = { a = "1" } }, { "point", DataTypes.GEOMETRY("POINT", 4326) },
        { "shape", DataTypes.GEOMETRY }, { "place", DataTypes.GEOGRAPHY("POINT", 4326) },
        { "span", DataTypes.RANGE(DataTypes.DECIMAL) }, { "day", DataTypes.RANGE(DataTypes.DATEONLY), defaultValue =
          { "2024-01-01", "2024-02-01" } }, { "took", DataTypes.INTERVAL, defaultValue = "P1D" },
      }, PLAIN)
    end
    local with_them = connect { extensions = true }
    define(with_them)
    with_them:sync()
    assert.same({}, (with_them:sync { alter = { drop = true }, dryRun = true }))
    define(db)
    local err = error_of(db.sync, db)
    assert.same({ "DatabaseError", "42704" }, { err.name, err.sqlstate })
    assert.matches("CITEXT.*schema public.*searchPath", err.message)
  end)

  it("works in another schema, and gives the search path back", function()
    local other = db:query("SELECT current_schema() AS s")[1].s .. "_other"
    db:createSchema(other)
    local ok, err = pcall(function()
      local Thing = db:define("Thing", { { "n", DataTypes.INTEGER } }, PLAIN)
      db:sync { searchPath = other }
      assert.is_false(db:queryInterface():tableExists("Things"))
      assert.same({}, ddl_of(function() Thing:sync { alter = true, schema = other } end))
      db:sync()
      assert.is_true(db:queryInterface():tableExists("Things"))
    end)
    db:dropSchema(other, { cascade = true })
    assert(ok, err)
  end)
end)

helper.on("sqlite", function(_, connect)
  it("keeps triggers, views and checks of a table that it makes anew, and the pragmas", function()
    local db = connect()
    db:query([[CREATE TABLE "Users" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "name" TEXT CHECK (length(name) < 9)
      /* a, b) */, "age" INTEGER, CONSTRAINT "odd, name" CHECK ("age" <> 3 OR 'x,)' = "name"))]])
    db:query([[CREATE TABLE "Logs" ("t" TEXT)]])
    db:query([[CREATE TRIGGER "log" AFTER INSERT ON "Users" BEGIN INSERT INTO "Logs" VALUES (new.name); END]])
    db:query([[CREATE TRIGGER "back" AFTER INSERT ON "Logs" BEGIN UPDATE "Users" SET "age" = 1; END]])
    db:query([[CREATE VIEW "Names" AS SELECT "name" FROM "Users"]])
    local User = db:define("User", { { "name", DataTypes.STRING, defaultValue = "q" }, { "age", DataTypes.TEXT } }, PLAIN)
    local sent = ddl_of(function() User:sync { alter = true } end)
    assert.is_true(#sent > 3)
    assert.same({}, ddl_of(function() User:sync { alter = true } end))
    User:create { name = "Ann" }
    assert.equal("Ann", db:query('SELECT "t" FROM "Logs"')[1].t)
    assert.equal("1", User:findOne().age)
    assert.equal("Ann", db:query('SELECT * FROM "Names"')[1].name)
    assert.is_true(rowan.is(error_of(User.create, User, { name = "much too long" }), "CheckConstraintError"))
    assert.is_true(rowan.is(error_of(User.create, User, { age = "3" }), "CheckConstraintError"))
    assert.equal(1, db:query("PRAGMA foreign_keys")[1].foreign_keys)
    assert.equal(0, db:query("PRAGMA legacy_alter_table")[1].legacy_alter_table)
  end)

  it("drops no column that a trigger takes", function()
    local db = connect()
    local qi = db:queryInterface()
    qi:createTable("users", { { "name", DataTypes.TEXT }, { "age", DataTypes.INTEGER }, { "other", DataTypes.INTEGER } })
    qi:createTable("log", { { "age", DataTypes.INTEGER }, { "other", DataTypes.INTEGER } })
    qi:createTrigger("users", "log_users", "after", { "insert" }, rowan.literal("INSERT INTO log (age, other) VALUES (NEW.age, 1)"))
    assert.matches('trigger "log_users".*"age"', error_of(qi.removeColumn, qi, "users", "age").message)
    qi:removeColumn("users", "other")
    qi:insert("users", { age = 3 })
    assert.equal(3, qi:rawSelect("log", {}, "age"))
  end)

  it("makes tables strict and loose again, and keeps their rows", function()
    local db = connect()
    local function define(strict)
      return db:define("Thing", {
        { "yes", DataTypes.BOOLEAN, defaultValue = true }, { "exact", DataTypes.DECIMAL(5, 2), defaultValue = "1.50" },
        { "at", DataTypes.DATE }, { "kind", DataTypes.ENUM("a", "b") }, { "json", DataTypes.JSON },
        { "list", DataTypes.ARRAY(DataTypes.INTEGER), defaultValue = { 1, 2 } }, { "name", DataTypes.CITEXT, unique = true },
        { "twice", DataTypes.INTEGER, generated = { as = rowan.literal('"id" * 2') } }, { "blob", DataTypes.BLOB },
      }, { timestamps = false, strict = strict })
    end
    local Thing = define(true)
    db:sync()
    Thing:create { yes = false, at = "2024-01-01T00:00:00Z", kind = "a", json = { x = 1 }, name = "Ann", blob = "\0x" }
    local before = Thing:findOne():toJSON()
    for _, strict in ipairs { false, true } do
      Thing = define(strict)
      db:sync { alter = true }
      assert.same({}, (db:sync { alter = true, dryRun = true }))
      assert.same(before, Thing:findOne():toJSON())
    end
  end)

  it("refuses to make a table anew inside of a transaction when others point at it", function()
    local db = connect()
    local User = db:define("User", { { "name", DataTypes.STRING } }, PLAIN)
    User:hasMany(db:define("Post", { { "t", DataTypes.STRING } }, PLAIN), { onDelete = "CASCADE" })
    db:sync()
    db:model("Post"):create { userId = User:create({}).id }
    db:define("User", { { "name", DataTypes.STRING, defaultValue = "x" } }, PLAIN)
    local err = error_of(db.transaction, db, function() db:model("User"):sync { alter = true } end)
    assert.matches("inside of a transaction", err.message, 1, true)
    assert.equal(1, db:model("Post"):count())
  end)
end)
