-- db:queryInterface(): the live schema looked at and changed without models.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local Op = rowan.Op
local error_of = helper.error_of
local unpack = table.unpack or unpack

helper.each(function(dialect, connect)
  local db, qi
  local postgres = dialect == "postgres"

  before_each(function()
    db = connect()
    qi = db:queryInterface()
  end)

  local function create(name, more)
    local columns = {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true }, { "name", DataTypes.STRING(20) },
    }
    for _, item in ipairs(more or {}) do columns[#columns + 1] = item end
    qi:createTable(name, columns)
  end

  local function constraint(name, at)
    return qi:showConstraints(at or "users", { constraintName = name })[1]
  end

  local function violates(class, sql)
    local err = error_of(db.query, db, sql)
    assert.is_true(rowan.is(err, class), tostring(err))
  end

  it("is one of a database, and knows what it is", function()
    assert.equal("queryInterface", rowan.kind(qi))
    assert.equal(qi, db:queryInterface())
    assert.equal('"a ""b"""', qi:quoteIdentifier('a "b"'))
    assert.equal('"app"."a ""b"""', qi:quoteIdentifiers('app.a "b"'))
    assert.matches("^%d+%.%d+", qi:fetchDatabaseVersion())
    assert.matches("withoutForeignKeyChecks", error_of(qi.unsafeToggleForeignKeyChecks, qi, false).message, 1, true)
  end)

  it("creates, lists, renames and drops tables", function()
    create("users")
    create("teams")
    db:query('CREATE VIEW "seen" AS SELECT * FROM "users"')
    assert.same({ "teams", "users" }, qi:showAllTables())
    assert.equal("teams", qi:listTables()[1].tableName)
    assert.is_true(qi:tableExists("users"))
    assert.is_true(qi:tableExists({ tableName = "seen" }))
    assert.is_false(qi:tableExists("nobody"))
    db:query('DROP VIEW "seen"')
    qi:renameTable("users", "people")
    assert.same({ "people", "teams" }, qi:showAllTables())
    qi:dropTable("people")
    qi:dropTable("people")
    assert.same({ "teams" }, qi:showAllTables())
  end)

  it("drops all tables, whatever points where, but for those to skip", function()
    create("users")
    create("posts", { { "userId", DataTypes.INTEGER, references = "users", allowNull = false, onDelete = "RESTRICT" } })
    create("kept")
    db:query([[INSERT INTO "users" ("name") VALUES ('a')]])
    db:query([[INSERT INTO "posts" ("name", "userId") VALUES ('a', 1)]])
    qi:dropAllTables { skip = { "kept" } }
    assert.same({ "kept" }, qi:showAllTables())
    create("users")
    create("posts", { { "userId", DataTypes.INTEGER, references = "users" } })
    violates("ForeignKeyConstraintError", [[INSERT INTO "posts" ("userId") VALUES (9)]])
  end)

  it("describes columns, in the words of the database", function()
    create("users", {
      { "age", DataTypes.INTEGER, allowNull = false, defaultValue = 7 }, { "email", DataTypes.STRING, unique = true },
      { "kind", DataTypes.ENUM("a", "b"), defaultValue = "b", comment = "of user" },
      { "at", DataTypes.DATE, defaultValue = rowan.literal("CURRENT_TIMESTAMP") },
    })
    local columns = qi:describeTable("users")
    local function has(name, fields)
      for key, value in pairs(fields) do assert.same(value, columns[name][key], name .. "." .. key) end
    end
    has("id", { type = "INTEGER", allowNull = false, primaryKey = true, autoIncrement = true })
    has("name", { type = postgres and "CHARACTER VARYING(20)" or "TEXT", allowNull = true, primaryKey = false,
      autoIncrement = false, unique = false })
    assert.is_nil(columns.name.defaultValue)
    has("age", { allowNull = false, defaultValue = "7" })
    has("email", { unique = true })
    has("kind", { defaultValue = "b", type = postgres and "USER-DEFINED" or "TEXT" })
    has("at", { defaultValue = "CURRENT_TIMESTAMP" })
    if postgres then has("kind", { special = { "a", "b" }, comment = "of user" }) end
    local User = db:define("User", { n = { type = DataTypes.INTEGER } }, { tableName = "users" })
    assert.same(columns, User:describe())
    assert.matches("No description found for table nobody", error_of(qi.describeTable, qi, "nobody").message, 1, true)
  end)

  it("adds, changes, renames and removes columns, and keeps rows", function()
    create("users", { { "seen", DataTypes.INTEGER, index = true } })
    create("posts", { { "userId", DataTypes.INTEGER, references = "users", onDelete = "CASCADE" } })
    db:query([[INSERT INTO "users" ("name", "seen") VALUES ('a', 1), ('b', 2)]])
    db:query([[INSERT INTO "posts" ("name", "userId") VALUES ('a', 1)]])
    qi:addColumn("users", "age", { type = DataTypes.INTEGER, allowNull = false, defaultValue = 3 })
    assert.matches("has a column", error_of(qi.addColumn, qi, "users", "age", DataTypes.INTEGER).message, 1, true)
    qi:addColumn("users", "age", DataTypes.INTEGER, { ifNotExists = true })
    qi:addColumn("users", "bossId", { type = DataTypes.INTEGER, references = "users" })
    qi:addColumn("users", "code", { type = DataTypes.STRING(5), unique = true })
    qi:changeColumn("users", "name", { type = DataTypes.STRING(30), allowNull = false, defaultValue = "x" })
    qi:changeColumn("users", "id", { type = DataTypes.BIGINT })
    qi:renameColumn("users", "age", "years")
    qi:removeColumn("users", "seen")
    assert.matches("no column", error_of(qi.removeColumn, qi, "users", "seen").message, 1, true)
    qi:removeColumn("users", "seen", { ifExists = true })
    db:query([[INSERT INTO "users" ("code") VALUES ('c')]])
    assert.same({ { id = 3, name = "x", years = 3, code = "c" } },
      qi:select("users", { where = { code = "c" } }))
    violates("NotNullConstraintError", [[INSERT INTO "users" ("name") VALUES (NULL)]])
    violates("UniqueConstraintError", [[INSERT INTO "users" ("code") VALUES ('c')]])
    violates("ForeignKeyConstraintError", [[INSERT INTO "users" ("bossId") VALUES (99)]])
    assert.equal(1, #qi:select("posts"))
    assert.same({}, (function()
      local names = {}
      for _, index in ipairs(qi:showIndexes("users")) do
        if index.fields[1].attribute == "seen" then names[1] = index.name end
      end
      return names
    end)())
    db:query('DELETE FROM "users" WHERE "id" = 1')
    assert.same({}, qi:select("posts"))
    violates("ForeignKeyConstraintError", [[INSERT INTO "posts" ("userId") VALUES (99)]])
  end)

  it("refuses NOT NULL over NULLs and lets nothing half-done", function()
    create("users")
    db:query([[INSERT INTO "users" ("name") VALUES (NULL)]])
    local err = error_of(qi.changeColumn, qi, "users", "name", { type = DataTypes.TEXT, allowNull = false })
    assert.matches("must not be NULL", err.message, 1, true)
    assert.is_true(qi:describeTable("users").name.allowNull)
    error_of(db.transaction, db, function()
      qi:addColumn("users", "x", DataTypes.INTEGER)
      qi:addIndex("users", { "x" })
      error("undo")
    end)
    assert.is_nil(qi:describeTable("users").x)
  end)

  it("adds and removes indexes, by name and by fields", function()
    create("users", { { "age", DataTypes.INTEGER } })
    qi:addIndex("users", { "name", { name = "age", order = "DESC" } })
    qi:addIndex("users", { fields = { "age" }, name = "adult", unique = true, where = { age = { [Op.gte] = 18 } } })
    local found = {}
    for _, index in ipairs(qi:showIndexes("users")) do found[index.name or ""] = index end
    assert.same({ { attribute = "name", order = "ASC" }, { attribute = "age", order = "DESC" } },
      found.users_name_age.fields)
    assert.is_true(found.adult.unique)
    assert.matches("18", found.adult.where)
    assert.matches("has an index", error_of(qi.addIndex, qi, "users", { "age" }, { name = "adult" }).message, 1, true)
    local unknown = error_of(qi.addIndex, qi, "users", { "nope" })
    assert.equal("DefinitionError", unknown.name)
    assert.matches('no attribute "nope"', unknown.message, 1, true)
    db:query([[INSERT INTO "users" ("age") VALUES (20), (5), (5)]])
    violates("UniqueConstraintError", [[INSERT INTO "users" ("age") VALUES (20)]])
    qi:removeIndex("users", { "name", "age" })
    qi:removeIndex("users", "adult")
    assert.matches("no index", error_of(qi.removeIndex, qi, "users", "adult").message, 1, true)
    qi:removeIndex("users", "adult", { ifExists = true })
    db:query([[INSERT INTO "users" ("age") VALUES (20)]])
  end)

  it("adds, shows and removes constraints of every kind", function()
    qi:createTable("levels", { { "id", DataTypes.INTEGER, allowNull = false }, { "name", DataTypes.STRING } })
    create("users", { { "age", DataTypes.INTEGER }, { "levelId", DataTypes.INTEGER }, { "state", DataTypes.STRING(9) } })
    qi:addConstraint("levels", { type = "PRIMARY KEY", fields = { "id" }, name = "levels_key" })
    qi:addConstraint("users", { type = "foreign key", fields = { "levelId" }, onDelete = "CASCADE",
      references = { table = "levels", field = "id" }, name = "to_levels" })
    qi:addConstraint("users", { type = "UNIQUE", fields = { "name", "age" } })
    qi:addConstraint("users", { type = "CHECK", fields = { "age" }, where = { age = { [Op.gte] = 18 } } })
    qi:addConstraint("users", { type = "CHECK", name = "states",
      where = { [Op.or_] = { { state = "on" }, { state = "it's" } } } })

    local key = constraint("to_levels")
    assert.same({ "FOREIGN KEY", { "levelId" }, "levels", { "id" }, "CASCADE", "NO ACTION", "INITIALLY_IMMEDIATE" }, {
      key.constraintType, key.columnNames, key.referencedTableName, key.referencedColumnNames, key.deleteAction,
      key.updateAction, key.deferrable,
    })
    assert.same({ "name", "age" }, constraint("users_name_age_uk").columnNames)
    assert.matches("18", constraint("users_age_ck").definition)
    assert.equal("levels_key", qi:showConstraints("levels", { constraintType = "PRIMARY KEY" })[1].constraintName)
    assert.equal(1, #qi:getForeignKeys("users"))
    assert.equal("CHECK", constraint("states").constraintType)

    db:query([[INSERT INTO "levels" ("id") VALUES (1)]])
    db:query([[INSERT INTO "users" ("name", "age", "levelId", "state") VALUES ('a', 20, 1, 'it''s')]])
    violates("UniqueConstraintError", [[INSERT INTO "users" ("name", "age") VALUES ('a', 20)]])
    violates("CheckConstraintError", [[INSERT INTO "users" ("age") VALUES (17)]])
    violates("CheckConstraintError", [[INSERT INTO "users" ("state") VALUES ('x')]])
    violates("ForeignKeyConstraintError", [[INSERT INTO "users" ("levelId") VALUES (7)]])
    violates("UniqueConstraintError", [[INSERT INTO "levels" ("id") VALUES (1)]])

    for _, name in ipairs { "to_levels", "users_name_age_uk", "users_age_ck", "states" } do
      qi:removeConstraint("users", name)
      assert.is_nil(constraint(name))
    end
    qi:removeConstraint("levels", "levels_key")
    db:query([[INSERT INTO "levels" ("id") VALUES (1)]])
    db:query([[INSERT INTO "users" ("name", "age", "levelId", "state") VALUES ('a', 20, 1, 'x'), ('a', 20, 8, 'y')]])
    local err = error_of(qi.removeConstraint, qi, "users", "nothing")
    assert.is_true(rowan.is(err, "UnknownConstraintError"))
    assert.same({ "nothing", "users" }, { err.constraint, err.table })
    err = error_of(qi.addConstraint, qi, "users", { type = "UNIQUE", fields = { "name" } })
    assert.is_true(rowan.is(err, "UniqueConstraintError"))
    assert.matches("type must be CHECK, .*, not DEFAULT", error_of(qi.addConstraint, qi, "users", { type = "DEFAULT" }).message)
  end)

  it("says so when it, a model or the database is called with a point, or with options of another kind", function()
    local User = db:define("User", { { "name", DataTypes.STRING } }, { timestamps = false })
    local calls = {
      ["queryInterface:dropTable"] = function() qi.dropTable("users") end,
      ["queryInterface:quoteIdentifier"] = function() qi.quoteIdentifier("users") end,
      ["queryInterface:showIndex"] = function() qi.showIndex(User) end,
      ["Model:sync"] = function() User.sync { force = true } end, ["Model:drop"] = function() User.drop() end,
      ["Model:describe"] = function() User.describe() end, ["db:sync"] = function() db.sync() end,
      ["db:define"] = function() db.define("User", {}) end, ["db:queryInterface"] = function() db.queryInterface() end,
      ["db:drop"] = function() db.drop() end,
      ["db:transaction"] = function() db.transaction(function() end) end, ["db:query"] = function() db.query("SELECT 1") end,
      ["Model:upsert"] = function() User.upsert { name = "a" } end, ["Model:hasMany"] = function() User.hasMany("User") end,
    }
    for name, call in pairs(calls) do
      assert.matches("^a method wants a colon: write " .. name:gsub("show.*", "show"), error_of(call).message)
    end
    assert.matches("option logging must be a function", error_of(User.sync, User, { logging = 5 }).message)
    assert.matches("option transaction wants", error_of(User.findAll, User, { transaction = User }).message)
    assert.is_false(qi:tableExists("Users"))
  end)

  it("shows which columns a check looks at", function()
    create("users", { { "age", DataTypes.INTEGER }, { "ageMax", DataTypes.INTEGER } })
    qi:addConstraint("users", { type = "CHECK", name = "sane", where = { age = { [rowan.Op.lt] = rowan.col("ageMax") } } })
    assert.same({ "age", "ageMax" }, constraint("sane").columnNames)
    for column, count in pairs { age = 1, ageMax = 1, id = 0 } do
      assert.equal(count, #qi:showConstraints("users", { constraintType = "CHECK", columnName = column }), column)
    end
  end)

  it("names the column of a foreign key that its rows break", function()
    create("users")
    create("posts", { { "kind", DataTypes.INTEGER }, { "userId", DataTypes.INTEGER, references = "users" } })
    local err = error_of(qi.bulkInsert, qi, "posts", { { userId = 9 } })
    assert.same({ "ForeignKeyConstraintError", "userId" }, { err.name, err.errors[1].path })
    assert.matches("^posts%.userId refers to a row that is not there", err.message)
    qi:insert("users", {})
    qi:insert("posts", { userId = 1 })
    err = error_of(qi.bulkUpdate, qi, "posts", { userId = 8 }, { userId = 1 })
    assert.equal("userId", err.errors[1].path)
    create("notes", { { "postId", DataTypes.INTEGER } })
    qi:insert("notes", { postId = 5 })
    err = error_of(qi.addConstraint, qi, "notes", {
      type = "FOREIGN KEY", fields = { "postId" }, references = { table = "posts", field = "id" },
    })
    assert.same({ "ForeignKeyConstraintError", "postId" }, { err.name, err.errors[1] and err.errors[1].path })
  end)

  it("speaks of constraints without a name by those that PostgreSQL gives them", function()
    db:query('CREATE TABLE "users" (id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b INTEGER CHECK (b > 2), UNIQUE (a, b))')
    db:query('CREATE TABLE "posts" (id INTEGER PRIMARY KEY, "userId" INTEGER REFERENCES "users" (id))')
    local names = {}
    for _, at in ipairs { "users", "posts" } do
      for _, shown in ipairs(qi:showConstraints(at)) do names[#names + 1] = shown.constraintName end
    end
    table.sort(names)
    assert.same({ "posts_pkey", "posts_userId_fkey", "users_a_b_key", "users_a_key", "users_b_check", "users_pkey" }, names)
    for _, index in ipairs(qi:showIndex("users")) do
      assert.same({ "string", "users" }, { type(index.name), index.tableName })
    end
    qi:removeConstraint("posts", "posts_userId_fkey")
    qi:removeConstraint("users", "users_a_key", { cascade = true })
    qi:removeConstraint("users", "users_a_key", { ifExists = true })
    qi:removeConstraint("users", "users_b_check")
    db:query('INSERT INTO "posts" VALUES (1, 99)')
    db:query('INSERT INTO "users" VALUES (1, 1, 1), (2, 1, 2)')
    violates("UniqueConstraintError", 'INSERT INTO "users" VALUES (3, 1, 1)')
  end)

  it("looks at the tables also where a view is broken, and gives the values of enums", function()
    create("users", { { "kind", DataTypes.ENUM("a", "it's") } })
    local shown = qi:describeTable("users")
    assert.same({ { "a", "it's" }, {} }, { shown.kind.special, shown.name.special })
    assert.same(postgres and { "a", "it's" } or nil, (qi:pgListEnums("users", "kind")[1] or {}).values)
    if postgres then return end
    db:query('CREATE TABLE "teams" (id INTEGER)')
    db:query('CREATE VIEW "seen" AS SELECT * FROM "teams"')
    db:query('DROP TABLE "teams"')
    assert.same({ "users" }, qi:showAllTables())
  end)

  it("inserts, changes, finds and deletes rows without a model", function()
    create("users", { { "ok", DataTypes.BOOLEAN }, { "data", DataTypes.BLOB } })
    assert.equal(2, qi:bulkInsert("users", { { name = "a", ok = true, data = "\0\255" }, { name = "b" } }))
    assert.equal(1, qi:bulkUpdate("users", { name = "c" }, { name = "b" }))
    assert.same({ { id = 1, name = "a", ok = true, data = "\0\255" } }, qi:select("users", { where = { ok = true } }))
    error_of(qi.bulkDelete, qi, "users")
    assert.equal(1, qi:bulkDelete("users", { name = { [Op.in_] = { "c" } } }))
    assert.equal(1, #qi:select("users"))
  end)

  it("knows the types that a model of the table has, where the database has text", function()
    local Thing = db:define("Thing", {
      { "at", DataTypes.DATE }, { "exact", DataTypes.DECIMAL(5, 2) }, { "json", DataTypes.JSON, field = "js" },
      { "kind", DataTypes.ENUM("a", "b") },
    }, { timestamps = false })
    Thing:sync()
    qi:bulkInsert("Things", { { at = "2024-01-01T00:00:00+01:00", exact = 1.5, js = { x = 1 }, kind = "a" } })
    local row = Thing:findOne { where = { at = { [Op.lt] = "2023-12-31T23:30:00Z" } } }
    assert.same({ "2023-12-31T23:00:00.000Z", "1.50", 1 }, { row.at, row.exact, row.json.x })
    assert.equal("2023-12-31T23:00:00.000Z", qi:select("Things")[1].at)
    assert.is_true(rowan.is(error_of(qi.insert, qi, "Things", { kind = "z" }), "ValidationError"))
  end)

  it("takes unique keys by name, limits, and names with dots", function()
    qi:createTable("my.users", { { "id", DataTypes.INTEGER, primaryKey = true }, { "name", DataTypes.TEXT } },
      { uniqueKeys = { once = { fields = { "name" } } } })
    assert.equal("once", qi:showIndexes("my.users")[1].name)
    qi:bulkInsert("my.users", { { id = 1, name = "a" }, { id = 2, name = "b" }, { id = 3, name = "c" } })
    assert.equal(1, qi:bulkUpdate("my.users", { name = "z" }, rowan.all, { limit = 1, order = { { "id", "DESC" } } }))
    assert.equal(2, qi:bulkDelete("my.users", rowan.all, { limit = 2 }))
    assert.equal("z", qi:select("my.users")[1].name)
    local err = error_of(qi.createTable, qi, "x", { { "a", DataTypes.TEXT } }, { uniqueKeys = { k = { columns = {} } } })
    assert.matches('no option "columns"', err.message, 1, true)
    assert.matches("the attribute must be", error_of(qi.addColumn, qi, "my.users", "a").message, 1, true)
  end)

  it("inserts, upserts, counts up and empties without a model, and gives single values", function()
    create("users", { { "email", DataTypes.STRING, unique = true }, { "visits", DataTypes.INTEGER, defaultValue = 1 } })
    assert.same({ id = 1, name = "Ann", email = "a", visits = 1 }, qi:insert("users", { name = "Ann", email = "a" }))
    local row, created = qi:upsert("users", { email = "a", name = "Eva" }, { conflictFields = { "email" } })
    assert.same({ 1, "Eva", false }, { row.id, row.name, created })
    row, created = qi:upsert("users", { email = "b", name = "Ben", visits = 5 }, { conflictFields = { "email" } })
    assert.same({ "Ben", true }, { row.name, created })
    qi:upsert("users", { email = "b", name = "Bob", visits = 9 },
      { conflictFields = { "email" }, updateFields = { "visits" } })
    assert.equal(1, qi:increment("users", "visits", { email = "a" }, { by = 3 }))
    assert.equal(2, qi:decrement("users", { visits = 2 }, rowan.all))
    local found = qi:select("users", { order = { "email" } })
    assert.same({ "Eva", 2, "Ben", 7 }, { found[1].name, found[1].visits, found[2].name, found[2].visits })
    local sum = { attributes = { { rowan.fn("SUM", rowan.col("visits")), "total" } } }
    assert.equal(9, tonumber(qi:rawSelect("users", sum, "total")))
    assert.equal("Ben", qi:rawSelect("users", { where = { email = "b" } }, "name"))
    assert.is_nil(qi:rawSelect("users", { where = { email = "c" } }, "name"))
    assert.equal(0, helper.count(function()
      error_of(qi.upsert, qi, "users", { email = "a" }, { conflictField = { "email" } })
      error_of(qi.increment, qi, "users", "visits", rowan.all, { many = 1 })
    end))
    assert.matches("where", error_of(qi.increment, qi, "users", "visits").message, 1, true)
    qi:truncate("users", { restartIdentity = true })
    assert.equal(1, qi:insert("users", { name = "Cid" }).id)
  end)

  it("takes columns by whatever names they have, those of methods and paths among them", function()
    qi:createTable("odd", {
      { "id", DataTypes.INTEGER, primaryKey = true }, { "get", DataTypes.STRING, unique = true }, { "save", DataTypes.INTEGER },
      { "isNewRecord", DataTypes.INTEGER }, { "Model", DataTypes.STRING }, { "a.b", DataTypes.STRING },
      { "x::int", DataTypes.STRING }, { "$m$", DataTypes.STRING },
    })
    qi:addColumn("odd", "set", DataTypes.STRING)
    qi:renameColumn("odd", "set", "toJSON")
    local first = {
      id = 1, get = "g", save = 5, isNewRecord = 0, Model = "M", ["a.b"] = "ab", ["x::int"] = "5", ["$m$"] = "m",
      toJSON = "j",
    }
    assert.same(first, qi:insert("odd", first))
    qi:bulkInsert("odd", { { id = 2, get = "h", save = 1 } })
    assert.same({ first, { id = 2, get = "h", save = 1 } }, qi:select("odd", { order = { "id" } }))
    assert.same({ { get = "g", ["a.b"] = "ab" } },
      qi:select("odd", { where = { Model = "M", ["a.b"] = "ab", ["$m$"] = "m" }, attributes = { "get", "a.b" } }))
    assert.equal(2, qi:rawSelect("odd", { order = { { "get", "DESC" } } }, "id"))
    qi:bulkUpdate("odd", { save = 7, ["x::int"] = "8" }, { get = "g" })
    qi:increment("odd", "save", { isNewRecord = 0 })
    assert.equal(8, qi:rawSelect("odd", { where = { ["x::int"] = "8" } }, "save"))
    local row, created = qi:upsert("odd", { id = 3, get = "h", Model = "N" }, { conflictFields = { "get" } })
    assert.same({ { id = 2, get = "h", save = 1, Model = "N" }, false }, { row, created })
    assert.equal(1, qi:bulkDelete("odd", { get = "g" }))
  end)

  it("waits with foreign keys until the end of a transaction, or looks at once", function()
    create("users")
    create("posts", { { "userId", DataTypes.INTEGER, references = { table = "users", deferrable = "INITIALLY_IMMEDIATE" } } })
    db:transaction(function(t)
      qi:deferConstraints({ transaction = t })
      qi:insert("posts", { userId = 7 })
      qi:insert("users", { id = 7 })
    end)
    assert.is_true(rowan.is(error_of(db.transaction, db, function()
      qi:deferConstraints("DEFERRED")
      qi:insert("posts", { userId = 8 })
    end), "ForeignKeyConstraintError"))
    assert.equal(1, #qi:select("posts"))
    assert.matches("no transaction", error_of(qi.deferConstraints, qi, "DEFERRED").message, 1, true)
    assert.matches("IMMEDIATE", error_of(qi.deferConstraints, qi, "NEVER").message, 1, true)
    db:transaction({ constraintChecking = "DEFERRED" }, function()
      qi:insert("posts", { userId = 6 })
      qi:insert("users", { id = 6 })
    end)
    assert.is_true(rowan.is(error_of(db.transaction, db, function()
      qi:insert("posts", { userId = 5 })
    end), "ForeignKeyConstraintError"))
    assert.matches("IMMEDIATE", error_of(db.transaction, db, { constraintChecking = "LATE" }, print).message, 1, true)
    if not postgres then return end
    db:transaction(function()
      qi:deferConstraints("DEFERRED", { constraints = { "posts_userId_fkey" } })
      qi:insert("posts", { userId = 9 })
      assert.is_true(rowan.is(error_of(qi.deferConstraints, qi, "IMMEDIATE"), "ForeignKeyConstraintError"))
      qi:insert("users", { id = 9 })
      qi:deferConstraints("IMMEDIATE")
    end)
  end)

  it("creates and drops triggers", function()
    create("users")
    create("log")
    local action = rowan.literal([[INSERT INTO "log" ("name") VALUES (NEW."name")]])
    if postgres then
      qi:createFunction("note", {}, "trigger", "plpgsql",
        [[INSERT INTO "log" ("name") VALUES (NEW."name" || TG_ARGV[0]); RETURN NEW;]])
      action = "note"
    end
    local words = { "for each row" }
    qi:createTrigger("users", "note users", "after", { "insert" }, action, { "'s" }, words,
      { when = rowan.literal([[NEW."name" <> 'x']]) })
    qi:createTrigger("users", "renamed", "after", { update = { "name" } }, action, { "" }, words)
    qi:insert("users", { name = "Ann" })
    qi:insert("users", { name = "x" })
    qi:bulkUpdate("users", { name = "Eva" }, { name = "Ann" })
    local names = {}
    for i, row in ipairs(qi:select("log", { order = { "id" } })) do names[i] = row.name end
    assert.same({ postgres and "Ann's" or "Ann", "Eva" }, names)
    qi:dropTrigger("users", "note users")
    qi:dropTrigger("users", "note users", { ifExists = true })
    assert.matches('no trigger "note users"', error_of(qi.dropTrigger, qi, "users", "note users").message, 1, true)
    qi:insert("users", { name = "Ben" })
    assert.equal(2, #qi:select("log"))
    local refused = {
      { "users", "t", "sometimes", { "insert" }, action }, { "users", "t", "after", { "select" }, action },
      { "users", "t", "after", {}, action }, { "users", "t", "after", { "insert" }, action, {}, { "; DROP TABLE users" } },
      { "users", "t", "after", { "insert" }, postgres and rowan.literal("x") or "note" },
      { "users", "t", "after", { "insert" }, action, {}, {}, { when = "1 = 1" } },
    }
    assert.equal(0, helper.count(function()
      for _, given in ipairs(refused) do error_of(qi.createTrigger, qi, unpack(given)) end
    end))
  end)

  it("refuses arguments of the wrong kind as errors of its own", function()
    create("users")
    for _, call in ipairs {
      function() qi:select("users", 5) end, function() qi:select("users", "id") end,
      function() qi:withoutForeignKeyChecks(print, "x") end, function() db:plugin("timestamps", 5) end,
    } do
      assert.matches("options must be a table", error_of(call).message)
    end
    local User = db:define("User", { name = DataTypes.STRING })
    assert.equal("AssociationError", error_of(User.getAssociation, User, 5).name)
  end)

  it("refuses what it does not know before anything is sent", function()
    create("users")
    local err
    assert.equal(0, helper.count(function()
      err = error_of(qi.addColumn, qi, "users", "x", DataTypes.INTEGER, { ifNotExist = true })
      error_of(qi.createTable, qi, "t", { { "a", DataTypes.INTEGER, alowNull = true } })
      error_of(qi.createTable, qi, "t", { { "a", "TEXT" } })
      error_of(qi.dropTable, qi, 7)
      error_of(qi.renameColumn, qi, "users", "name")
    end))
    assert.matches("ifNotExists", err.message, 1, true)
  end)

  it("quotes every name", function()
    local odd = 'a "t"; DROP'
    qi:createTable(odd, { { "id", DataTypes.INTEGER, primaryKey = true }, { 'c "1"', DataTypes.TEXT } })
    qi:addColumn(odd, "it's", { type = DataTypes.INTEGER, defaultValue = 1 })
    qi:addIndex(odd, { "it's" }, { name = 'i "x"' })
    qi:changeColumn(odd, 'c "1"', { type = DataTypes.TEXT, defaultValue = "'; --" })
    qi:addConstraint(odd, { type = "UNIQUE", fields = { 'c "1"', "it's" }, name = 'u "n"' })
    qi:renameColumn(odd, "it's", 'z"')
    assert.equal("'; --", qi:describeTable(odd)['c "1"'].defaultValue)
    assert.equal(1, qi:bulkInsert(odd, { { id = 1, ['z"'] = 5 } }))
    qi:removeConstraint(odd, 'u "n"')
    qi:removeColumn(odd, 'z"')
    qi:renameTable(odd, 'b "t"')
    assert.same({ 'b "t"' }, qi:showAllTables())
    qi:dropTable('b "t"')
  end)

  it("asks a constant number of statements, however many tables there are", function()
    for i = 1, 3 do create("t" .. i) end
    local few = helper.count(function() qi:listTables() end)
    for i = 4, 12 do create("t" .. i) end
    assert.equal(few, helper.count(function() assert.equal(12, #qi:listTables()) end))
    assert.equal(postgres and 6 or 2, few)
  end)
end)

helper.on("postgres", function(_, connect)
  local db, qi

  before_each(function()
    db = connect()
    qi = db:queryInterface()
  end)

  -- A name that no other run on this server has.
  local function unique(name) return db:query("SELECT current_schema() AS s")[1].s .. "_" .. name end

  it("creates and drops schemas, and tables in them", function()
    local other = unique("schema")
    local ok, err = pcall(function()
      db:createSchema(other)
      db:createSchema(other, { ifNotExists = true })
      local found
      for _, name in ipairs(db:showAllSchemas()) do found = found or name == other end
      assert.is_true(found)
      local at = { tableName = "users", schema = other }
      qi:createTable(at, { { "kind", DataTypes.ENUM("a", "b"), index = true } })
      qi:addColumn("users", "age", DataTypes.INTEGER, { schema = other })
      assert.truthy(qi:describeTable("users", other).age)
      assert.is_false(qi:tableExists("users"))
      qi:removeIndex(at, { "kind" })
      qi:dropTable(at)
      assert.same({}, qi:listEnums { schema = other })
    end)
    db:dropSchema(other, { ifExists = true, cascade = true })
    assert(ok, err)
  end)

  it("makes enum types, and renames those of tables along", function()
    qi:createEnum("mood", { "so", "la'la" })
    assert.same({ "so", "la'la" }, qi:listEnums()[1].values)
    qi:dropEnum("mood")
    qi:createTable("a", { { "kind", DataTypes.ENUM("x", "y") } })
    qi:renameTable("a", "b")
    qi:renameColumn("b", "kind", "sort")
    assert.equal("enum_b_sort", qi:listEnums()[1].name)
    qi:changeColumn("b", "sort", DataTypes.ENUM("x", "y", "z"))
    qi:removeColumn("b", "sort")
    assert.same({}, qi:listEnums())
  end)

  it("moves tables and their enum types to another schema, when told so", function()
    local here, other = db:query("SELECT current_schema() AS s")[1].s, unique("other")
    qi:createSchema(other)
    local ok, err = pcall(function()
      qi:createTable({ tableName = "a", schema = other }, { { "mood", DataTypes.ENUM("x") } })
      qi:renameTable({ tableName = "a", schema = other }, { tableName = "b", schema = other })
      local away = { tableName = "c", schema = here }
      assert.matches("changeSchema", error_of(qi.renameTable, qi, { tableName = "b", schema = other }, away).message, 1, true)
      qi:renameTable({ tableName = "b", schema = other }, away, { changeSchema = true })
      assert.same({ "c" }, qi:showAllTables())
      assert.same({}, qi:showAllTables { schema = other })
      assert.equal("enum_c_mood", qi:listEnums()[1].name)
    end)
    qi:dropSchema(other, { cascade = true })
    assert(ok, err)
  end)

  it("creates, calls, renames and drops functions, and renames triggers", function()
    qi:createFunction("add up", { { type = DataTypes.INTEGER, name = "a" }, { type = "int", name = "b" } }, "INTEGER", "plpgsql",
      [[s := s || 'x\'; RETURN a + b + step;]], { "immutable", "COST 10" },
      { variables = { { name = "step", type = "INT", default = 10 }, { name = "s", type = "TEXT", default = "it's" } } })
    local two = { { type = "INTEGER" }, { type = "INTEGER" } }
    local function call(name) return db:query(('SELECT "%s"(1, 2) AS n'):format(name), { plain = true, type = "SELECT" }).n end
    assert.equal(13, call("add up"))
    qi:renameFunction("add up", two, "total")
    qi:createFunction("total", { { type = "INT", name = "a" }, { type = "INT", name = "b" } }, "INT", "SQL", "SELECT a - b", nil,
      { force = true })
    assert.equal(-1, call("total"))
    qi:dropFunction("total", two)
    qi:dropFunction("total", two, { ifExists = true })
    assert.is_true(rowan.is(error_of(qi.dropFunction, qi, "total", two), "DatabaseError"))
    assert.equal(0, helper.count(function()
      error_of(qi.createFunction, qi, "f", {}, "INT; DROP TABLE x", "sql", "SELECT 1")
      error_of(qi.createFunction, qi, "f", { { name = "a" } }, "INT", "sql", "SELECT 1")
      error_of(qi.createFunction, qi, "f", { { type = "INT", direction = "UP" } }, "INT", "sql", "SELECT 1")
      error_of(qi.createFunction, qi, "f", {}, "INT", "sql", "SELECT 1", { "FAST" })
      error_of(qi.createFunction, qi, "f", {}, "INT", "sql")
    end))
    qi:createTable("users", { { "name", DataTypes.TEXT } })
    qi:createFunction("noop", {}, "trigger", "plpgsql", "RETURN NEW;")
    qi:createTrigger("users", "before", "before", { "insert", "update" }, "noop", {}, { "FOR EACH ROW" })
    qi:renameTrigger("users", "before", "after")
    qi:dropTrigger("users", "after")
    assert.matches("no trigger", error_of(qi.renameTrigger, qi, "users", "after", "x").message, 1, true)
  end)

  it("makes the enum types of a table as its attributes say, and drops them", function()
    local function ensure(...) qi:ensureEnums("users", { { "mood", DataTypes.ENUM(...) }, { "name", DataTypes.TEXT } }) end
    ensure("a", "c")
    qi:createTable("users", { { "mood", DataTypes.ENUM("a", "c") } })
    assert.equal(1, qi:bulkInsert("users", { { mood = "c" } }))
    assert.is_true(helper.count(function() ensure("a", "b", "c") end) > 0)
    assert.same({ "a", "b", "c" }, qi:listEnums()[1].values)
    assert.matches("'c'", error_of(ensure, "a", "b").message, 1, true)
    assert.is_true(rowan.is(error_of(qi.dropAllEnums, qi), "DatabaseError"))
    assert.equal(1, #qi:listEnums())
    db:query('DROP TABLE "users"')
    qi:dropAllEnums()
    assert.same({}, qi:listEnums())
  end)

  it("creates, lists and drops databases", function()
    local other = unique("database")
    local ok, err = pcall(function()
      qi:createDatabase(other, { encoding = "UTF8", template = "template0" })
      local found
      for _, name in ipairs(qi:listDatabases()) do found = found or name == other end
      assert.is_true(found)
    end)
    qi:dropDatabase(other)
    assert(ok, err)
  end)

  it("drops all schemas of a database", function()
    local name = unique("schemas")
    qi:createDatabase(name)
    local other = connect { database = name, searchPath = { "public" } }
    local ok, err = pcall(function()
      local there = other:queryInterface()
      for _, schema in ipairs { "a", "b", "kept" } do there:createSchema(schema) end
      there:createTable({ tableName = "users", schema = "a" }, { { "id", DataTypes.INTEGER, primaryKey = true } })
      there:createTable("posts", { { "userId", DataTypes.INTEGER, references = { table = { tableName = "users", schema = "a" } } } },
        { schema = "b" })
      there:dropAllSchemas { skip = { "kept" } }
      assert.same({ "kept", "public" }, there:listSchemas())
    end)
    other:close()
    qi:dropDatabase(name)
    assert(ok, err)
  end)
end)

helper.on("sqlite", function(_, connect)
  it("refuses what SQLite does not have, and leaves foreign keys alone when asked", function()
    local db = connect()
    local qi = db:queryInterface()
    for _, name in ipairs { "createSchema", "dropSchema", "createDatabase", "dropDatabase", "dropEnum", "createFunction", "dropFunction",
      "renameFunction", "renameTrigger" } do
      assert.matches("sqlite", error_of(qi[name], qi, "x").message, 1, true)
    end
    assert.matches("sqlite", error_of(qi.dropAllSchemas, qi).message, 1, true)
    qi:ensureEnums("users", { { "mood", DataTypes.ENUM("a") } })
    assert.matches("sqlite", error_of(qi.createEnum, qi, "x", { "a" }).message, 1, true)
    assert.same({}, qi:listEnums())
    qi:createTable("users", { { "id", DataTypes.INTEGER, primaryKey = true } })
    qi:createTable("posts", { { "userId", DataTypes.INTEGER, references = "users" } })
    assert.equal("x", qi:withoutForeignKeyChecks(function()
      db:query([[INSERT INTO "posts" VALUES (5)]])
      return "x"
    end))
    local err = error_of(db.query, db, [[INSERT INTO "posts" VALUES (6)]])
    assert.is_true(rowan.is(err, "ForeignKeyConstraintError"))
  end)
end)
