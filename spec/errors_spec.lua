-- What goes wrong in the database or on the way to it: classes, attributes, and what a message never holds.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local SECRET = "s3cr3t-value"

-- Neither in what is printed, nor in any message below.
local function hides(err, secret)
  assert.is_nil(tostring(err):find(secret, 1, true), tostring(err))
  assert.is_nil(err.message:find(secret, 1, true))
  assert.is_nil((err.traceback or ""):find(secret, 1, true))
  if type(err.cause) == "table" then assert.is_nil((err.cause.message or ""):find(secret, 1, true)) end
  for _, item in ipairs(err.errors or {}) do assert.is_nil(item.message:find(secret, 1, true)) end
end

helper.each(function(dialect, connect)
  local function models(options)
    local db = connect(options)
    local User = db:define("User", {
      { "id", D.INTEGER, primaryKey = true, autoIncrement = true },
      { "email", D.STRING, unique = true, field = "e_mail" },
      { "first", D.STRING, unique = "full_name" }, { "last", D.STRING, unique = "full_name",
        allowNull = false, defaultValue = "L" },
      { "nick", D.STRING, unique = { name = "nicks", msg = "somebody has this nick" } },
    }, { timestamps = false })
    local Post = db:define("Post", {
      { "id", D.INTEGER, primaryKey = true }, { "title", D.STRING },
      { "userId", D.INTEGER, field = "user_id", references = { model = User, key = "id" }, onDelete = "RESTRICT" },
    }, { timestamps = false })
    db:sync()
    return User, Post, db
  end

  local function violation(class, ...)
    local err = helper.error_of(...)
    assert.equal("error", rowan.kind(err), tostring(err))
    assert.equal(class, err.name)
    assert.is_true(rowan.is(err, class))
    assert.is_true(rowan.is(err, rowan.errors[class]))
    assert.is_true(rowan.is(err, "BaseError"))
    assert.matches("^" .. class .. ": .", tostring(err))
    assert.equal("string", type(err.sql))
    assert.equal(5, #err.sqlstate)
    hides(err, SECRET)
    return err
  end

  it("names the attribute of a unique violation, in each way of writing", function()
    local User = models()
    User:create { email = SECRET }
    local other = User:create { email = "other" }
    local function check(...)
      local err = violation("UniqueConstraintError", ...)
      assert.is_true(rowan.is(err, "ValidationError"))
      assert.is_false(rowan.is(err, "DatabaseError"))
      assert.equal("email", err.errors[1].path)
      assert.equal("User.email must be unique", err.errors[1].message)
      assert.equal("unique violation", err.errors[1].type)
      assert.equal("not_unique", err.errors[1].validatorKey)
      assert.is_truthy(err.fields.email)
      assert.equal("User.email must be unique", err:get("email")[1].message)
      assert.equal("23505", err.sqlstate)
    end
    check(function() User:create { email = SECRET } end)
    check(function() User:bulkCreate { { email = "new" }, { email = SECRET } } end)
    check(function() User:update({ email = SECRET }, { where = { id = other.id } }) end)
    check(function() other:update { email = SECRET } end)
    assert.equal("other", other.email)
    other.email = SECRET
    check(function() other:save() end)
    assert.equal(2, User:count())
    assert.equal("other", other:reload().email)
  end)

  it("names every attribute of a composite unique constraint, and its own message", function()
    local User = models()
    User:create { first = "Ann", last = SECRET, nick = "nick" }
    local err = violation("UniqueConstraintError", function() User:create { first = "Ann", last = SECRET } end)
    assert.same({ "first", "last" }, { err.errors[1].path, err.errors[2].path })
    assert.equal("UniqueConstraintError: User.first must be unique; User.last must be unique", tostring(err))
    err = violation("UniqueConstraintError", function() User:create { nick = "nick" } end)
    assert.equal("nick", err.errors[1].path)
    assert.equal("somebody has this nick", err.errors[1].message)
    err = violation("UniqueConstraintError", function() User:create { id = 1, last = "x" } end)
    assert.equal("id", err.errors[1].path)
  end)

  it("names the attribute of a foreign key", function()
    local User, Post = models()
    local user = User:create()
    Post:create { id = 1, userId = user.id, title = SECRET }
    local err = violation("ForeignKeyConstraintError", function() Post:create { id = 2, userId = 999,
      title = SECRET } end)
    assert.is_true(rowan.is(err, "DatabaseError"))
    assert.is_true(rowan.is(err, "ValidationError"))
    assert.equal("23503", err.sqlstate)
    assert.same({ { "userId" }, "Posts", "userId", 999 }, { err.fields, err.table, err.errors[1].path, err.errors[1].value })
    assert.matches("^Post%.userId refers to a row that is not there %(.+%)$", err.message)
    err = violation("ForeignKeyConstraintError", function() Post:update({ userId = 999 }, { where = { id = 1 } }) end)
    assert.same({ { "userId" }, "userId", 999 }, { err.fields, err.errors[1].path, err.errors[1].value })
    violation("ForeignKeyConstraintError", function() user:destroy() end)
    violation("ForeignKeyConstraintError", function() User:destroy { where = { id = user.id } } end)
    if dialect == "postgres" then
      assert.equal("Posts", err.table)
      assert.equal("string", type(err.constraint))
    end
    assert.equal(1, User:count())
  end)

  it("names the attribute of a not-null violation that the database finds", function()
    local User, _, db = models()
    -- Past the check of the model.
    local err = violation("NotNullConstraintError", function()
      User:update({ last = rowan.literal("NULL") }, { where = { id = { [Op.gte] = 0 } } })
      User:create { email = SECRET }
      User:update({ last = rowan.literal("NULL") }, { where = { id = { [Op.gte] = 0 } } })
    end)
    assert.is_true(rowan.is(err, "ValidationError"))
    assert.equal("23502", err.sqlstate)
    assert.equal("last", err.errors[1].path)
    assert.equal("User.last cannot be null", err.errors[1].message)
    err = violation("NotNullConstraintError", function()
      db:query('INSERT INTO "Users" ("e_mail", "last") VALUES (?, ?)', { replacements = { SECRET, null } })
    end)
    assert.equal("last", err.errors[1].path)
  end)

  it("names the constraint of a check violation", function()
    local _, _, db = models()
    db:query('CREATE TABLE "Prices" (id INTEGER PRIMARY KEY, price INTEGER, CONSTRAINT price_is_positive CHECK (price > 0))')
    local Price = db:define("Price", { { "id", D.INTEGER, primaryKey = true }, { "price", D.INTEGER } },
      { timestamps = false })
    local function check(...)
      local err = violation("CheckConstraintError", ...)
      assert.is_true(rowan.is(err, "DatabaseError"))
      assert.is_true(rowan.is(err, "ValidationError"))
      assert.same({ "price", "Prices" }, { err.errors[1].path, err.table })
      assert.equal("23514", err.sqlstate)
      assert.equal("price_is_positive", err.constraint)
      assert.matches("price_is_positive", err.message)
    end
    check(function() Price:create { id = 1, price = -98765 } end)
    Price:create { id = 1, price = 5 }
    check(function() Price:update({ price = -98765 }, { where = { id = 1 } }) end)
    check(function() Price:bulkCreate { { id = 2, price = 1 }, { id = 3, price = 0 } } end)
    assert.equal(1, Price:count())
  end)

  it("says what is wrong with SQL, and where", function()
    local _, _, db = models()
    local err = violation("DatabaseError", function() db:query("SELEC 1") end)
    assert.equal("42601", err.sqlstate)
    assert.equal("SELEC 1", err.sql)
    assert.equal("42P01", violation("DatabaseError", function() db:query("SELECT * FROM nowhere") end).sqlstate)
    assert.equal("42703", violation("DatabaseError", function() db:query('SELECT nope FROM "Users"') end).sqlstate)
    assert.equal("table", type(err.cause))
    assert.equal("string", type(err.traceback))
  end)

  it("names the attributes of keys that are partial, of several columns or of expressions, and of rows that are pointed at", function()
    local db = connect()
    local Thing = db:define("Thing", {
      { "id", D.INTEGER, primaryKey = true }, { "a", D.INTEGER, field = "col a" }, { "b", D.INTEGER, field = "col_b" },
      { "low", D.STRING, field = "low_name" }, { "c", D.INTEGER }, { "z", D.INTEGER, field = "z, y" },
    }, { timestamps = false, indexes = {
      { fields = { "a", "b" }, unique = true, name = "ab", msg = "a and b are taken" },
      { fields = { "c" }, unique = true, where = { b = { [Op.gt] = 0 } }, name = "partial" },
      { fields = { rowan.fn("lower", rowan.col("low")) }, unique = true, name = "folded", msg = "low is taken" },
      { fields = { "z", rowan.fn("lower", rowan.col("low")) }, unique = true, name = "mixed" },
    } })
    local Pair = db:define("Pair", { { "p", D.INTEGER, primaryKey = true }, { "q", D.INTEGER, primaryKey = true } },
      { timestamps = false })
    local Child = db:define("Child", { { "id", D.INTEGER, primaryKey = true } }, { timestamps = false })
    Child:belongsTo(Pair, { onDelete = "RESTRICT" })
    Child:belongsTo(Thing, { onDelete = "RESTRICT" })
    db:sync()
    local first = Thing:create { id = 1, a = 1, b = 2, c = 3, low = "Low" }
    local function paths(class, ...)
      local err, list = violation(class, ...), {}
      for i, item in ipairs(err.errors) do list[i] = item.path or false end
      return list, err
    end
    local list, err = paths("UniqueConstraintError", Thing.create, Thing, { id = 2, a = 1, b = 2 })
    assert.same({ "a", "b" }, list)
    assert.equal("a and b are taken", err.message)
    assert.same({ "c" }, (paths("UniqueConstraintError", Thing.create, Thing, { id = 2, b = 9, c = 3 })))
    list, err = paths("UniqueConstraintError", Thing.create, Thing, { id = 2, low = "LOW" })
    assert.same({ { "low" }, "low is taken", "folded" }, { list, err.message, err.constraint })
    Thing:create { id = 2, low = "x", z = 1 }
    db:query('DROP INDEX "folded"')
    assert.same({ "z", "low" }, (paths("UniqueConstraintError", Thing.create, Thing, { id = 3, low = "X", z = 1 })))
    -- One that no model knows.
    db:query('CREATE UNIQUE INDEX "other" ON "Things" ("z, y", (abs("col_b")))')
    Thing:create { id = 4, z = 7, b = -4 }
    list = paths("UniqueConstraintError", Thing.create, Thing, { id = 5, z = 7, b = 4 })
    assert.same({ dialect == "postgres" and "z" or false }, list)
    assert.same({ "pairP", "pairQ" }, (paths("ForeignKeyConstraintError", Child.create, Child, { id = 1, pairP = 1, pairQ = 2 })))
    Child:create { id = 1, thingId = 1 }
    list, err = paths("ForeignKeyConstraintError", first.destroy, first)
    assert.same({ "id" }, list)
    assert.equal("Thing.id is still referenced by another row", err.errors[1].message)
    Pair:create { p = 1, q = 1 }
    Child:create { id = 2, pairP = 1, pairQ = 1 }
    assert.same({ "p", "q" }, (paths("ForeignKeyConstraintError", Pair.destroy, Pair, { where = { p = 1 } })))
  end)

  it("tells a constraint that is not there from a type that is not", function()
    local _, _, db = models()
    if dialect ~= "postgres" then return end
    for _, sql in ipairs {
      'ALTER TABLE "Users" DROP CONSTRAINT "nope"', 'DROP INDEX "nope"', 'DROP TRIGGER "nope" ON "Users"',
      [[INSERT INTO "Users" ("id") VALUES (1) ON CONFLICT ON CONSTRAINT "nope" DO NOTHING]],
    } do
      assert.equal("nope", violation("UnknownConstraintError", function() db:query(sql) end).constraint)
    end
    for _, sql in ipairs {
      'CREATE TABLE x (a nope, CONSTRAINT y UNIQUE (a))', 'DROP TYPE nope', [[SELECT 'a'::nope AS "drop constraint x"]],
      'ALTER TABLE "Users" ADD COLUMN a nope, ADD CONSTRAINT b UNIQUE (a)', 'SELECT 1 ORDER BY \'a\' COLLATE "nope"',
    } do
      assert.equal("42704", violation("DatabaseError", function() db:query(sql) end).sqlstate)
    end
  end)

  it("puts no bound value into a message", function()
    local User, _, db = models()
    local function quiet(sql, options)
      local ok, err = pcall(db.query, db, sql, options)
      if not ok then hides(err, SECRET) end
      return ok, err
    end
    if dialect == "postgres" then
      for _, sql in ipairs({
        "SELECT CAST(? AS INTEGER)", "SELECT CAST(? AS DATE)", "SELECT CAST(? AS UUID)", "SELECT CAST(? AS INTEGER[])",
        "SELECT CAST(? AS NUMERIC)", "SELECT CAST(? AS JSON)", "SELECT to_date('2024', ?)::text::integer",
          "SELECT set_config('TimeZone', ?, true)",
        "SELECT pg_read_file(?)",
      }) do
        local ok, err = quiet(sql, { replacements = { SECRET } })
        assert.is_false(ok, sql)
        assert.is_true(rowan.is(err, "DatabaseError"))
      end
      quiet("SELECT CAST(? AS INTEGER[])", { replacements = { "{1,\"x" .. SECRET .. "\"}" } })
      quiet("SELECT CAST(? AS INTEGER)", { replacements = { 'a"' .. SECRET .. '"b' } })
      quiet("SELECT CAST(v AS INTEGER) FROM unnest(CAST($1 AS TEXT[])) AS u(v)", { bind = { { "1", SECRET } } })
    else
      assert.is_false((quiet("SELECT json_extract('{}', ?)", { replacements = { SECRET } })))
      assert.is_false((quiet("SELECT json(?)", { replacements = { SECRET } })))
    end
    for _, call in ipairs({
      function() User:findAll { where = { id = SECRET } } end, function() User:create { id = SECRET } end,
      function() User:create { email = SECRET .. "\0" } end, function() User:findByPk(SECRET) end,
      function() User:create { email = { SECRET } } end,
      function() db:query("SELECT :x", { replacements = { y = SECRET } }) end,
      function() db:query("SELECT ?", { replacements = { SECRET, SECRET } }) end,
    }) do
      hides(helper.error_of(call), SECRET)
    end
  end)

  local UNSAFE = { false, {}, { {} }, { [Op.and_] = {} }, { [Op.and_] = { {}, {} } },
    { [Op.not_] = { [Op.not_] = {} } }, { email = {
    [Op.and_] = {} } } }

  it("refuses to write every row without being told so", function()
    local User = models()
    User:bulkCreate { { email = "a" }, { email = "b" } }
    local sent = helper.count(function()
      for _, where in ipairs(UNSAFE) do
        local options = { where = where or nil }
        for _, call in ipairs({
          function() User:update({ first = "x" }, options) end, function() User:destroy(options) end,
          function() User:update({}, options) end,
        }) do
          local err = helper.error_of(call)
          assert.equal("QueryError", err.name)
          assert.matches("rowan%.all", err.message)
        end
      end
      for _, call in ipairs({
        function() User:update { first = "x" } end, function() User:destroy() end,
          function() User:destroy { id = 1 } end,
        function() User:update({ first = "x" }, { wheer = { id = 1 } }) end,
          function() User:destroy { wheer = { id = 1 } } end,
        function() User:destroy(rowan.all) end, function() User:update({ first = "x" }, rowan.all) end,
        function() User:destroy { where = null } end, function() User:destroy { where = true } end,
        function() User:destroy { where = "1 = 1" } end,
      }) do
        assert.equal("QueryError", helper.error_of(call).name)
      end
    end)
    assert.equal(0, sent)
    assert.equal(2, User:count { where = { first = null } })
  end)

  it("writes every row when told so", function()
    local User = models()
    User:bulkCreate { { email = "a" }, { email = "b" } }
    assert.equal(2, (User:update({ last = rowan.col("email") }, { where = rowan.all })))
    assert.equal(1, User:count { where = { last = "b" } })
    assert.equal(2, User:destroy { where = rowan.all })
    assert.equal(0, User:count())
  end)

  it("raises what it is told to when nothing was found", function()
    local User = models()
    local err = helper.error_of(function() User:findOne { where = { id = 1 }, rejectOnEmpty = true } end)
    assert.is_true(rowan.is(err, "EmptyResultError"))
    local own = helper.error_of(function() User:findAll { wheer = 1 } end)
    assert.equal(own, helper.error_of(function() User:findByPk(1, { rejectOnEmpty = own }) end))
  end)
end)

describe("errors of connecting", function()
  local PASSWORD = "pa55-w0rd"

  local function failing(url, options)
    return helper.error_of(function()
      local db = rowan.connect(url, options)
      local ok, err = pcall(db.authenticate, db)
      db:close()
      if not ok then error(err, 0) end
    end)
  end

  it("tell their kinds apart, without the password", function()
    local err = failing("postgres://u:" .. PASSWORD .. "@127.0.0.1:1/x")
    assert.equal("ConnectionRefusedError", err.name)
    assert.is_true(rowan.is(err, "ConnectionError"))
    hides(err, PASSWORD)
    err = failing("postgres://u@no-such-host.invalid/x", { password = PASSWORD })
    assert.equal("HostNotFoundError", err.name)
    hides(err, PASSWORD)
    err = failing("sqlite:/no/such/folder/x.db")
    assert.is_true(rowan.is(err, "ConnectionError"))
    assert.matches("/no/such/folder", err.message)
  end)

  it("never quote a URL", function()
    for _, url in ipairs({
      "postgres://u:" .. PASSWORD .. "@host:port/x", "postgres://u:" .. PASSWORD .. "@h/%zz", "mysql://u:"
        .. PASSWORD .. "@h/x",
      "postgres:u:" .. PASSWORD .. "@h/x", "postgres://u:" .. PASSWORD .. "@h/x?nope=1", "host=h pasword="
        .. PASSWORD, PASSWORD,
      "postgres://u:" .. PASSWORD .. "\0@h/x", "host=h password='" .. PASSWORD,
    }) do
      local err = helper.error_of(rowan.connect, url)
      assert.equal("UsageError", err.name)
      hides(err, PASSWORD)
    end
    hides(helper.error_of(rowan.connect, { dialect = "postgres", password = PASSWORD, hots = "x" }), PASSWORD)
    hides(helper.error_of(rowan.connect, { dialect = "postgres", password = { PASSWORD } }), PASSWORD)
  end)

  it("are kept out of what a database shows of itself", function()
    local db = rowan.connect("postgres://u:" .. PASSWORD .. "@127.0.0.1:1/x", { logging = false })
    assert.is_nil(tostring(db):find(PASSWORD, 1, true))
    local function search(value, seen)
      if type(value) == "string" then return value:find(PASSWORD, 1, true) ~= nil end
      if type(value) ~= "table" or seen[value] then return false end
      seen[value] = true
      for key, item in pairs(value) do
        if search(key, seen) or search(item, seen) then return true end
      end
      return false
    end
    assert.is_false(search(db.options, {}))
    db:close()
  end)

  helper.on("postgres", function()
    it("name a database or a role that is not there", function()
      local err = failing(helper.postgres(), { database = "rowan_no_such_database", password = PASSWORD })
      assert.is_true(rowan.is(err, "ConnectionError"))
      assert.equal("3D000", err.sqlstate)
      assert.matches("rowan_no_such_database", err.message)
      hides(err, PASSWORD)
      err = failing(helper.postgres(), { user = "rowan_nobody", password = PASSWORD })
      assert.equal("AccessDeniedError", err.name)
      hides(err, PASSWORD)
    end)
  end)
end)
