-- sync: what stands in the live schema afterwards, in which order it was made, and that it can be done again.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of
local PLAIN = { timestamps = false }

-- ---- the live schema, alike for both databases ----

local live = { sqlite = {}, postgres = {} }

function live.sqlite.tables(db)
  return db:query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
end

function live.postgres.tables(db)
  return db:query([[SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()
    ORDER BY tablename COLLATE "C"]])
end

-- column -> "table.column delete update" that it points at
function live.sqlite.keys(db, name)
  local found = {}
  for _, key in ipairs(db:query(('PRAGMA foreign_key_list("%s")'):format(name))) do
    found[key.from] = ("%s.%s %s %s"):format(key.table, key.to, key.on_delete, key.on_update)
  end
  return found
end

local ACTION = { c = "CASCADE", n = "SET NULL", r = "RESTRICT", a = "NO ACTION", d = "SET DEFAULT" }

function live.postgres.keys(db, name)
  local found = {}
  for _, key in ipairs(db:query([[
    SELECT a.attname::text AS "from", t.relname::text AS "table", f.attname::text AS "to",
      confdeltype::text AS d, confupdtype::text AS u
    FROM pg_constraint c JOIN pg_class s ON s.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid
      JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = c.conkey[1]
      JOIN pg_attribute f ON f.attrelid = t.oid AND f.attnum = c.confkey[1]
    WHERE c.contype = 'f' AND s.relname = $1 AND s.relnamespace = current_schema()::regnamespace]],
    { bind = { name } })) do
    found[key.from] = ("%s.%s %s %s"):format(key.table, key.to, ACTION[key.d], ACTION[key.u])
  end
  return found
end

-- index -> "unique a,b"
function live.sqlite.indexes(db, name)
  local found = {}
  for _, index in ipairs(db:query(('PRAGMA index_list("%s")'):format(name))) do
    local columns = {}
    for i, column in ipairs(db:query(('PRAGMA index_info("%s")'):format(index.name))) do
      columns[i] = column.name or "?"
    end
    found[index.name] = (index.unique == 1 and "unique " or "") .. table.concat(columns, ",")
  end
  return found
end

function live.postgres.indexes(db, name)
  local found = {}
  for _, index in ipairs(db:query([[
    SELECT i.relname::text AS name, x.indisunique AS is_unique,
      (SELECT string_agg(coalesce(a.attname, '?'), ',' ORDER BY k.n)
        FROM unnest(x.indkey) WITH ORDINALITY AS k (attnum, n)
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND a.attnum > 0) AS columns
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    WHERE t.relname = $1 AND t.relnamespace = current_schema()::regnamespace]], { bind = { name } })) do
    found[index.name] = (index.is_unique and "unique " or "") .. index.columns
  end
  return found
end

local function values_of(map)
  local list = {}
  for _, value in pairs(map) do list[#list + 1] = value end
  table.sort(list)
  return list
end

helper.each(function(dialect, connect)
  local db
  local schema = live[dialect]

  before_each(function() db = connect() end)

  local function tables()
    local names = {}
    for i, row in ipairs(schema.tables(db)) do names[i] = row.name end
    return names
  end

  it("creates every table once, and can be run again", function()
    local User = db:define("User", {
      name = { type = DataTypes.STRING(30), unique = true },
      kind = { type = DataTypes.ENUM("a", "b"), defaultValue = "a" },
      age = { type = DataTypes.INTEGER, index = true },
    })
    local Post = db:define("Post", { title = { type = DataTypes.STRING } }, PLAIN)
    User:hasMany(Post)
    assert.equal(db, db:sync())
    assert.same({ "Posts", "Users" }, tables())
    User:create { name = "Ann" }
    local indexes = schema.indexes(db, "Users")
    for _ = 1, 3 do db:sync() end
    assert.equal(User, User:sync())
    assert.equal(1, User:count())
    assert.equal("a", User:findOne().kind)
    assert.same(indexes, schema.indexes(db, "Users"))
    assert.same({ userId = "Users.id SET NULL CASCADE" }, schema.keys(db, "Posts"))
  end)

  it("force drops what is there, drop drops it for good", function()
    local User = db:define("User", { kind = { type = DataTypes.ENUM("a", "b") } }, PLAIN)
    local Post = db:define("Post", { title = { type = DataTypes.STRING } }, PLAIN)
    User:hasMany(Post, { foreignKey = { name = "userId", allowNull = false } })
    db:sync()
    User:create { kind = "a" }
    Post:create { title = "one", userId = 1 }
    db:sync { force = true }
    assert.equal(0, User:count())
    assert.equal(0, Post:count())
    assert.equal(1, User:create({ kind = "b" }).id)
    db:drop()
    assert.same({}, tables())
    db:sync()
    assert.same({ "Posts", "Users" }, tables())
    Post:drop()
    assert.same({ "Users" }, tables())
  end)

  it("creates tables behind those they point at, whatever the order of definition", function()
    local C = db:define("C", { n = { type = DataTypes.INTEGER } }, PLAIN)
    local B = db:define("B", { n = { type = DataTypes.INTEGER } }, PLAIN)
    local A = db:define("A", { n = { type = DataTypes.INTEGER } }, PLAIN)
    C:belongsTo(B)
    B:belongsTo(A)
    local sent = helper.statements(function() db:sync() end)
    local place = {}
    for i, text in ipairs(sent) do
      local name = text:match('^CREATE TABLE IF NOT EXISTS "(%w+)"')
      if name then place[name] = i end
    end
    assert.is_true(place.As < place.Bs and place.Bs < place.Cs)
    C:create { bId = B:create({ aId = A:create({}).id }).id }
    db:sync { force = true }
    assert.equal(0, C:count())
  end)

  it("creates tables that point at each other and at themselves", function()
    local User = db:define("User", { name = { type = DataTypes.STRING } }, PLAIN)
    local Team = db:define("Team", { name = { type = DataTypes.STRING } }, PLAIN)
    User:belongsTo(Team)
    Team:belongsTo(User, { as = "captain", foreignKey = "captainId" })
    User:belongsTo(User, { as = "boss", foreignKey = "bossId" })
    db:sync()
    db:sync()
    assert.same({ teamId = "Teams.id SET NULL CASCADE", bossId = "Users.id SET NULL CASCADE" },
      schema.keys(db, "Users"))
    assert.same({ captainId = "Users.id SET NULL CASCADE" }, schema.keys(db, "Teams"))
    local user = User:create { name = "Ann" }
    local team = Team:create { name = "one", captainId = user.id }
    user:update { teamId = team.id, bossId = user.id }
    local err = error_of(Team.create, Team, { captainId = 99 })
    assert.is_true(rowan.is(err, "ForeignKeyConstraintError"))
    db:sync { force = true }
    assert.equal(0, User:count() + Team:count())
    db:drop()
    assert.same({}, tables())
  end)

  it("makes the actions of foreign keys as associations say", function()
    local User = db:define("User", { name = { type = DataTypes.STRING } }, PLAIN)
    local function child(name) return db:define(name, { n = { type = DataTypes.INTEGER } }, PLAIN) end
    local models = { child "Loose", child "Tight", child "Kept", child "Free", child "Own" }
    User:hasMany(models[1])
    User:hasMany(models[2], { foreignKey = { name = "userId", allowNull = false } })
    User:hasOne(models[3], { onDelete = "RESTRICT", onUpdate = "NO ACTION" })
    models[4]:belongsTo(User, { constraints = false })
    models[5]:belongsTo(User, { as = "owner", onDelete = "CASCADE" })
    db:sync()
    assert.same({ userId = "Users.id SET NULL CASCADE" }, schema.keys(db, models[1].tableName))
    assert.same({ userId = "Users.id CASCADE CASCADE" }, schema.keys(db, models[2].tableName))
    assert.same({ userId = "Users.id RESTRICT NO ACTION" }, schema.keys(db, models[3].tableName))
    assert.same({}, schema.keys(db, models[4].tableName))
    assert.same({ ownerId = "Users.id CASCADE CASCADE" }, schema.keys(db, models[5].tableName))
    local user = User:create { name = "Ann" }
    models[1]:create { userId = user.id }
    models[2]:create { userId = user.id }
    models[4]:create { userId = 99 }
    user:destroy()
    assert.is_nil(models[1]:findOne().userId)
    assert.equal(0, models[2]:count())
    user = User:create { name = "Bea" }
    models[3]:create { userId = user.id }
    assert.is_true(rowan.is(error_of(user.destroy, user), "ForeignKeyConstraintError"))
  end)

  it("puts defaults, NOT NULL and keys into the tables", function()
    db:define("Thing", {
      { "code", DataTypes.STRING(10), primaryKey = true },
      { "size", DataTypes.INTEGER, allowNull = false, defaultValue = 7 },
      { "ratio", DataTypes.DOUBLE, defaultValue = 0.5 },
      { "name", DataTypes.STRING(20), defaultValue = "it's \"quoted\"" },
      { "ok", DataTypes.BOOLEAN, allowNull = false, defaultValue = true },
      { "price", DataTypes.DECIMAL(6, 2), defaultValue = "12.50" },
      { "sum", DataTypes.INTEGER, defaultValue = rowan.literal("1 + 2") },
    }, PLAIN)
    db:sync()
    -- Written by somebody who knows nothing of the model.
    db:query([[INSERT INTO "Things" ("code") VALUES ('a')]])
    assert.same({ code = "a", size = 7, ratio = 0.5, name = "it's \"quoted\"", ok = true, price = "12.50", sum = 3 },
      db:model("Thing"):findByPk("a", { raw = true }))
    local err = error_of(db.query, db, [[INSERT INTO "Things" ("code", "size") VALUES ('b', NULL)]])
    assert.is_true(rowan.is(err, "NotNullConstraintError"))
    err = error_of(db.query, db, [[INSERT INTO "Things" ("code") VALUES ('a')]])
    assert.is_true(rowan.is(err, "UniqueConstraintError"))
    err = error_of(db.query, db, [[INSERT INTO "Things" ("size") VALUES (1)]])
    assert.is_true(rowan.is(err, "NotNullConstraintError"), tostring(err))
  end)

  it("makes unique constraints and indexes", function()
    local Seat = db:define("Seat", {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "hall", DataTypes.STRING(10), unique = "place" },
      { "number", DataTypes.INTEGER, unique = "place" },
      { "code", DataTypes.STRING(10), unique = true, field = "seat_code" },
      { "guest", DataTypes.STRING(20), index = true },
    }, { timestamps = false, indexes = {
      { fields = { "guest", { name = "number", order = "DESC" } }, name = "by_guest" },
      { fields = { "hall", "guest" }, unique = true },
      { fields = { "number" }, name = "taken", where = { guest = { [rowan.Op.ne] = rowan.null } } },
    } })
    db:sync()
    db:sync()
    local indexes = schema.indexes(db, "Seats")
    assert.equal("guest,number", indexes.by_guest)
    assert.equal("number", indexes.taken)
    local all = values_of(indexes)
    local wanted = { "guest", "guest,number", "number", "unique hall,guest", "unique hall,number", "unique seat_code" }
    if dialect == "postgres" then table.insert(wanted, 6, "unique id") end
    assert.same(wanted, all)
    Seat:create { hall = "a", number = 1, code = "x" }
    Seat:create { hall = "a", number = 2 }
    local err = error_of(Seat.create, Seat, { hall = "a", number = 1 })
    assert.is_true(rowan.is(err, "UniqueConstraintError"))
    assert.same({ "hall", "number" }, { err.errors[1].path, err.errors[2].path })
    err = error_of(Seat.create, Seat, { hall = "b", code = "x" })
    assert.equal("code", err.errors[1].path)
  end)

  it("makes composite keys, underscored names, and names that need quotes", function()
    local Odd = db:define("Odd", {
      { "orderNo", DataTypes.INTEGER, primaryKey = true },
      { "lineNo", DataTypes.INTEGER, primaryKey = true },
      { "select", DataTypes.STRING(5), field = 'the "select" column' },
      { "group", DataTypes.INTEGER, index = true },
    }, { underscored = true, tableName = 'odd "table" of\'s' })
    db:sync()
    db:sync()
    assert.same({ 'odd "table" of\'s' }, tables())
    Odd:create { orderNo = 1, lineNo = 1, select = "a", group = 3 }
    Odd:create { orderNo = 1, lineNo = 2 }
    assert.is_true(rowan.is(error_of(Odd.create, Odd, { orderNo = 1, lineNo = 2 }), "UniqueConstraintError"))
    local found = Odd:findOne { where = { select = "a", group = { 3, 4 } }, order = { { "group", "DESC" } } }
    found.select = "b"
    found:save()
    assert.equal("b", Odd:findByPk({ orderNo = 1, lineNo = 1 }).select)
    local columns = db:query(dialect == "sqlite" and "SELECT name FROM pragma_table_info('odd \"table\" of''s')"
      or "SELECT column_name::text AS name FROM information_schema.columns WHERE table_schema = current_schema()")
    local names = {}
    for _, column in ipairs(columns) do names[column.name] = true end
    assert.is_true(names.order_no and names.created_at and names['the "select" column'])
  end)

  it("is all or nothing, and runs inside of a transaction", function()
    db:define("Good", { n = { type = DataTypes.INTEGER } }, PLAIN)
    db:define("Bad", { n = { type = DataTypes.INTEGER, defaultValue = rowan.literal("nonsense(") } }, PLAIN)
    local err = error_of(db.sync, db)
    assert.is_true(rowan.is(err, "DatabaseError"), tostring(err))
    assert.same({}, tables())
    error_of(db.transaction, db, function()
      db:model("Good"):sync()
      error("undo")
    end)
    assert.same({}, tables())
  end)

  it("truncate empties the tables of all models, whatever points where", function()
    local User = db:define("User", { name = { type = DataTypes.STRING } }, PLAIN)
    local Post = db:define("Post", { title = { type = DataTypes.STRING } }, PLAIN)
    Post:belongsTo(User, { onDelete = "RESTRICT", foreignKey = { name = "userId", allowNull = false } })
    User:belongsTo(Post, { as = "best", foreignKey = "bestId" })
    db:sync()
    local user = User:create { name = "Ann" }
    local post = Post:create { userId = user.id }
    Post:create { userId = user.id }
    if dialect == "postgres" then user:update { bestId = post.id } end
    db:truncate { restartIdentity = true }
    assert.equal(0, User:count() + Post:count())
    assert.equal(1, User:create({}).id)
    db:query('CREATE TABLE "others" ("userId" INTEGER REFERENCES "Users" ("id"))')
    assert.truthy(error_of(db.truncate, db))
    db:truncate { cascade = true }
    assert.equal(0, User:count())
    assert.matches("no option", error_of(db.truncate, db, { cascad = true }).message, 1, true)
  end)

  it("makes an index concurrently behind its transaction, where the database can", function()
    local function define()
      return db:define("Thing", { n = DataTypes.INTEGER }, {
        timestamps = false, indexes = { { fields = { "n" }, unique = true, concurrently = true, name = "n_key" } },
      })
    end
    local Thing = define()
    local sent = helper.statements(function() db:sync() end)
    local last = sent[#sent]
    assert.equal(dialect == "postgres", last:find("CREATE UNIQUE INDEX CONCURRENTLY", 1, true) ~= nil, last)
    Thing:create{ n = 1 }
    assert.equal("UniqueConstraintError", error_of(Thing.create, Thing, { n = 1 }).name)
    db:sync()
    assert.equal(0, #db:sync{ alter = true, dryRun = true })
    local qi = db:queryInterface()
    qi:removeIndex("Things", "n_key")
    assert.equal(1, #db:sync{ alter = true, dryRun = true })
    db:sync{ alter = true }
    qi:removeIndex("Things", "n_key")
    Thing:create{ n = 1 }
    assert.equal("UniqueConstraintError", error_of(db.sync, db).name)
    for _, index in ipairs(qi:showIndex("Things")) do assert.is_not.equal("n_key", index.name) end
    Thing:destroy{ where = rowan.all }
    if dialect == "postgres" then
      assert.matches("cannot be made inside of a transaction", error_of(db.transaction, db, function() db:sync() end).message)
    end
    qi:addIndex("Things", { "n" }, { unique = true, concurrently = true, name = "n_key" })
    Thing:create{ n = 1 }
    assert.equal("UniqueConstraintError", error_of(Thing.create, Thing, { n = 1 }).name)
  end)

  it("refuses two tables with an index of one name, and looks for the database also without models", function()
    db:sync()
    local gone = rowan.connect(dialect == "postgres" and { dialect = "postgres", host = "127.0.0.1", port = 1, user = "x" }
      or { dialect = "sqlite", storage = "/nowhere/at/all.db" })
    assert.is_true(rowan.is(helper.error_of(gone.sync, gone), "ConnectionError"))
    gone:close()
    for _, name in ipairs { "One", "Two" } do
      db:define(name, { { "n", rowan.DataTypes.INTEGER } }, { indexes = { { name = "by_n", fields = { "n" } } } })
    end
    local err
    assert.equal(0, helper.count(function() err = helper.error_of(db.sync, db) end))
    assert.matches('Twos and Ones both have an index "by_n"', err.message, 1, true)
    for name, text in pairs { One = "Twos and Ones", Two = "Ones and Twos" } do
      err = helper.error_of(db:model(name).sync, db:model(name))
      assert.matches(text .. ' both have an index "by_n"', err.message, 1, true)
    end
  end)

  it("refuses options it does not know", function()
    assert.is_true(rowan.is(error_of(db.sync, db, { forse = true }), "QueryError"))
    local Thing = db:define("Thing", { n = { type = DataTypes.INTEGER } })
    assert.is_true(rowan.is(error_of(Thing.sync, Thing, { altr = true }), "QueryError"))
    -- "no" would be true, and every row gone.
    for _, key in ipairs { "force", "alter", "dryRun", "hooks" } do
      assert.matches("the option " .. key .. " must be a boolean", error_of(Thing.sync, Thing, { [key] = "no" }).message)
    end
    assert.matches("cascade must be a boolean", error_of(Thing.drop, Thing, { cascade = "no" }).message)
  end)
end)
