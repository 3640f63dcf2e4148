-- The options of attributes at work: defaults, counting up, unique and indexed ones, references, comments.
local defining = require "spec.defining"
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local PLAIN = { timestamps = false }
local with = defining.with

helper.each(function(dialect, connect)
  local on_postgres = dialect == "postgres"

  it("have defaults of every kind", function()
    local db = connect()
    local calls = 0
    local T = db:define("T", {
      { "id", D.INTEGER, primaryKey = true, autoIncrement = true }, { "plain", D.STRING, defaultValue = "it's" },
      { "count", D.INTEGER, defaultValue = function() calls = calls + 1 return calls end },
      { "sql", D.INTEGER, defaultValue = rowan.literal("40 + 2") }, { "at", D.DATE, defaultValue = D.NOW },
      { "key", D.UUID, defaultValue = D.UUIDV4 }, { "doc", D.JSON, defaultValue = { a = rowan.array {} } },
        { "off", D.BOOLEAN, defaultValue = false },
      { "dec", D.DECIMAL(6, 2), defaultValue = "1.5" }, { "bytes", D.BLOB, defaultValue = "\0\255" },
        { "day", D.DATE, defaultValue = 0 },
      { "none", D.STRING, defaultValue = null },
    }, PLAIN)
    db:sync()
    local row = T:create()
    assert.equal("it's", row.plain)
    assert.equal(1, row.count)
    assert.equal(42, row.sql)
    assert.matches("^%d+%-%d+%-%d+T", row.at)
    assert.equal(36, #row.key)
    assert.is_false(row.off)
    assert.equal("1.50", row.dec)
    assert.is_nil(row.none)
    row.doc.b = 1
    local second = T:build()
    assert.is_nil(second.doc.b)
    assert.is_nil(second.sql)
    second:save()
    assert.same({ id = 2, plain = "it's", count = 2, sql = 42, at = second.at, key = second.key,
      doc = { a = {} }, off = false, dec = "1.50",
      bytes = "\0\255", day = "1970-01-01T00:00:00.000Z" }, T:findByPk(2, { raw = true }))
    assert.are_not.equal(row.key, second.key)
    local given = T:create { plain = null, off = true, sql = 7 }
    assert.is_nil(T:findByPk(given.id).plain)
    assert.is_true(T:findByPk(given.id).off)
    assert.equal(7, T:findByPk(given.id).sql)
    -- Plain values are the database's defaults too.
    db:query('INSERT INTO "Ts" ("id") VALUES (100)')
    local foreign = T:findByPk(100, { raw = true })
    assert.same({ id = 100, plain = "it's", sql = 42, off = false, dec = "1.50", bytes = "\0\255", doc = { a = {} },
      day = "1970-01-01T00:00:00.000Z" }, foreign)
  end)

  it("count up, and take a value all the same", function()
    local db = connect()
    local T = db:define("T", { { "nr", D.BIGINT, primaryKey = true, autoIncrement = true,
      autoIncrementIdentity = true }, { "a", D.INTEGER } }, PLAIN)
    db:sync()
    assert.equal(1, T:create({ a = 1 }).nr)
    assert.equal(50, T:create({ nr = 50 }).nr)
    local rows = T:bulkCreate { { a = 2 }, { a = 3 } }
    assert.equal(rows[1].nr + 1, rows[2].nr)
    assert.is_truthy(T:create({ nr = null }).nr)
  end)

  it("are unique and indexed", function()
    local db = connect()
    local T = db:define("T", {
      { "a", D.INTEGER, unique = true }, { "b", D.INTEGER, unique = "pair" }, { "c", D.INTEGER,
        unique = { name = "pair", msg = "pair" } },
      { "d", D.INTEGER, index = true }, { "e", D.INTEGER, index = "of_two" }, { "f", D.INTEGER,
        index = { name = "of_two" } },
      { "g", D.STRING, index = { name = "g_unique", unique = true, where = { d = 5 } } },
    }, with { indexes = {
      { fields = { "e", { name = "d", order = "DESC" } } }, { name = "lower_g", unique = true,
        fields = { rowan.fn("LOWER", rowan.col("g")) } },
      { name = "positive", fields = { "a" }, where = { a = { [Op.gt] = 0 }, g = { [Op.ne] = "it's" } } },
    } })
    db:sync()
    db:sync()
    local sql = on_postgres and "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema()"
      or "SELECT name FROM sqlite_master WHERE type = 'index'"
    local found = {}
    for _, row in ipairs((db:query(sql))) do found[row.name] = true end
    for _, name in ipairs({ "ts_d", "of_two", "g_unique", "ts_e_d", "lower_g",
      "positive" }) do assert.is_true(found[name], name) end
    T:create { a = 1, b = 1, c = 1, g = "x" }
    T:create { a = 2, b = 1, c = 2, g = "y" }
    assert.equal("UniqueConstraintError", helper.error_of(T.create, T, { a = 1 }).name)
    local err = helper.error_of(T.create, T, { b = 1, c = 2 })
    assert.equal("pair", err.errors[1].message)
    assert.equal("UniqueConstraintError", helper.error_of(T.create, T, { g = "X" }).name)
  end)

  it("refer to tables and models", function()
    local db = connect()
    local Parent = db:define("Parent", { { "id", D.INTEGER, primaryKey = true }, { "code", D.STRING,
      unique = true } }, PLAIN)
    local Child = db:define("Child", {
      { "id", D.INTEGER, primaryKey = true }, { "a", D.INTEGER, references = "Parents", onDelete = "CASCADE" },
      { "b", D.INTEGER, references = Parent, onDelete = "SET NULL" },
      { "c", D.STRING, references = { model = Parent, key = "code" }, onUpdate = "CASCADE", onDelete = "NO ACTION" },
      { "d", D.INTEGER, references = { table = "Parents", key = "id", deferrable = "INITIALLY_DEFERRED" } },
      { "e", D.INTEGER, references = { tableName = "Parents", key = "id" } },
    }, PLAIN)
    db:sync()
    Parent:bulkCreate { { id = 1, code = "x" }, { id = 2, code = "y" } }
    Child:bulkCreate { { id = 1, a = 1 }, { id = 2, b = 1 }, { id = 3, c = "y" } }
    Parent:update({ code = "z" }, { where = { id = 2 } })
    assert.equal("z", Child:findByPk(3).c)
    Parent:destroy { where = { id = 1 } }
    assert.is_nil(Child:findByPk(1))
    assert.is_nil(Child:findByPk(2).b)
    db:transaction(function()
      Child:create { id = 4, d = 9 }
      Parent:create { id = 9 }
    end)
    local err = helper.error_of(function() db:transaction(function() Child:create { id = 5, d = 10 } end) end)
    assert.equal("ForeignKeyConstraintError", err.name)
    assert.is_nil(Child:findByPk(5))
  end)

  it("have the type of what they point at, as keys of associations", function()
    local db = connect(on_postgres and { extensions = true } or nil)
    local values = {
      { D.DECIMAL(10, 2), "1.50" }, { D.STRING(20), "abc" }, { D.UUID, "3b241101-e2bb-4255-8caf-4136c566a962" },
      { D.CITEXT, "Abc" }, { D.BIGINT, 12345678 }, { D.ENUM("a", "b"), "b" }, { D.DATE, "2024-02-01T00:00:00.000Z" },
    }
    for i, pair in ipairs(values) do
      local kind, value = pair[1], pair[2]
      for _, constraints in ipairs{ true, false } do
        local suffix = i .. tostring(constraints)
        local Parent = db:define("Parent" .. suffix, { { "key", kind, primaryKey = true } }, PLAIN)
        local Other = db:define("Other" .. suffix, { { "id", D.INTEGER, primaryKey = true } }, PLAIN)
        local Child = db:define("Child" .. suffix, { { "id", D.INTEGER, primaryKey = true } }, PLAIN)
        Child:belongsTo(Parent, { as = "parent", foreignKey = "parentKey", constraints = constraints })
        Parent:hasMany(Child, { as = "children", foreignKey = "parentKey", constraints = constraints })
        Parent:belongsToMany(Other, { through = "Link" .. suffix, as = "others", constraints = constraints })
        for _, model in ipairs{ Parent, Other, Child, db:model("Link" .. suffix) } do
          model:sync()
          assert.same({}, model:sync{ alter = true, dryRun = true })
        end
        local parent = Parent:create{ key = value }
        Child:bulkCreate{ { id = 1, parentKey = value }, { id = 2 } }
        assert.equal(parent.key, Child:findOne{ include = "parent", where = { parentKey = { value } } }.parent.key)
        assert.equal(1, #Parent:findOne{ include = "children" }.children)
        parent:createOther{ id = 7 }
        assert.equal(7, Parent:findOne{ include = "others" }.others[1].id)
        if constraints and kind.key == "ENUM" then
          local err = helper.error_of(Child.create, Child, { id = 3, parentKey = "a" })
          assert.equal("ForeignKeyConstraintError", err.name)
          Child:drop()
          assert.equal("b", Parent:findOne().key)
        end
      end
    end
  end)

  it("must name the model that they reference, where an enum has a type of its own", function()
    local db = connect()
    local Parent = db:define("Parent", { { "key", D.ENUM("a", "b"), primaryKey = true } }, PLAIN)
    db:define("Child", { { "key", D.ENUM("a", "b"), references = { model = Parent, key = "key" } } }, PLAIN)
    db:sync()
    db:define("Other", { { "key", D.ENUM("a", "b"), references = { table = "Parents", key = "key" } } }, PLAIN)
    local ok, err = pcall(db.sync, db)
    assert.equal(not on_postgres, ok)
    if on_postgres then assert.matches("Other.key, which points at Parents.key, is an enum: give the model", err.message) end
    db:define("Other", { { "key", D.STRING, references = { model = Parent, key = "key" } } }, PLAIN)
    ok, err = pcall(db.sync, db)
    assert.equal(not on_postgres, ok)
    if on_postgres then assert.matches("must have the type of that: one of the two is an enum", err.message) end
  end)

  it("carry comments", function()
    local db = connect()
    local T = db:define("T", { { "a", D.INTEGER, comment = "it's a" } }, with { comment = "a \"table\"" })
    db:sync()
    assert.equal("it's a", T.rawAttributes.a.comment)
    if not on_postgres then return end
    local row = db:query([[SELECT obj_description('"Ts"'::regclass) AS t, col_description('"Ts"'::regclass, 2) AS c]], { plain = true })
    assert.same({ t = 'a "table"', c = "it's a" }, row)
  end)
end)
