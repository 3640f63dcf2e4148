-- Definitions as an application writes them: order, names, timestamps, keys, and what the live schema shows of
-- them.
local defining = require "spec.defining"
local helper = require "spec.helper"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null

local PLAIN = { timestamps = false }
local refused, with = defining.refused, defining.with

helper.each(function(dialect, connect)
  local on_postgres = dialect == "postgres"

  -- Columns of a table in their order, as the database tells them.
  local function columns(db, name)
    local list, rows = {}
    if on_postgres then
      rows = db:query("SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() "
        .. "AND table_name = ? ORDER BY ordinal_position", { replacements = { name } })
    else
      rows = db:query('SELECT name FROM pragma_table_info(?) ORDER BY cid', { replacements = { name } })
    end
    for i, row in ipairs(rows) do list[i] = row.name end
    return list
  end

  local function tables(db)
    local list = {}
    local rows = on_postgres
      and db:query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1")
      or db:query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
    for i, row in ipairs(rows) do list[i] = row.name end
    return list
  end

  describe("order", function()
    it("of a list is as it is given; of a map the key, the names, the timestamps", function()
      local db = connect()
      local Listed = db:define("Listed", { { "z", D.INTEGER }, { "a", D.INTEGER }, { "key", D.INTEGER,
        primaryKey = true }, { "m", D.INTEGER } })
      local Mapped = db:define("Mapped", { z = D.INTEGER, a = D.INTEGER, key = { type = D.INTEGER,
        primaryKey = true }, m = D.INTEGER })
      local Keyless = db:define("Keyless", { z = D.INTEGER, a = { type = D.INTEGER } })
      db:sync()
      assert.same({ "z", "a", "key", "m", "createdAt", "updatedAt" }, Listed.attributeNames)
      assert.same({ "key", "a", "m", "z", "createdAt", "updatedAt" }, Mapped.attributeNames)
      assert.same({ "id", "a", "z", "createdAt", "updatedAt" }, Keyless.attributeNames)
      for _, model in ipairs({ Listed, Mapped, Keyless }) do assert.same(model.attributeNames, columns(db,
        model.tableName)) end
      assert.same({ "id" }, Keyless.primaryKeyAttributes)
      assert.equal("INTEGER", Keyless.rawAttributes.id.type.key)
    end)

    it("does not depend on how tables were filled", function()
      local random = seeded(77)
      local texts = {}
      for round = 1, 12 do
        local db = connect()
        local names = random.shuffle { "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta" }
        local attributes = {}
        for _, name in ipairs(names) do
          local options = {}
          for _, key in ipairs(random.shuffle { "type", "allowNull", "unique", "defaultValue", "index", "comment" }) do
            options[key] = ({ type = D.STRING(20), allowNull = name ~= "eta", unique = name == "beta" or nil,
              comment = "it's " .. name,
              defaultValue = name, index = name == "zeta" or nil })[key]
          end
          attributes[name] = options
        end
        local options = {}
        for _, key in ipairs(random.shuffle { "tableName", "indexes", "underscored", "comment" }) do
          options[key] = ({ tableName = "same", underscored = true, comment = "table",
            indexes = { { fields = { "alpha", { name = "beta", order = "DESC" } }, unique = true },
              { fields = { "gamma" } } } })[key]
        end
        db:define("Same", attributes, options)
        texts[round] = table.concat(helper.statements(function() db:sync() end), "\n")
        assert.equal(texts[1], texts[round])
        db:drop()
      end
    end)
  end)

  it("takes the options of an entry of a list in a table of their own too", function()
    local db = connect()
    local function text(attributes) return db:define("Same", attributes):sync({ dryRun = true })[1].sql end
    local flat = text { { "b", D.STRING(5), allowNull = false, defaultValue = "x" }, { "a", D.INTEGER } }
    assert.equal(flat, text { { "b", { type = D.STRING(5), allowNull = false, defaultValue = "x" } }, { "a", { type = D.INTEGER } } })
    assert.equal(flat, text { { "b", { type = D.STRING(5), allowNull = false }, defaultValue = "x" }, { "a", type = D.INTEGER } })
  end)

  describe("names", function()
    it("of tables are plural, frozen, snake_case or as told", function()
      local db = connect()
      local function name(model, options) return db:define(model, { a = D.INTEGER }, options).tableName end
      assert.equal("People", name("Person"))
      assert.equal("users", name("user"))
      assert.equal("BlogPosts", name("BlogPost"))
      assert.equal("blog_posts", name("BlogPost", { underscored = true }))
      assert.equal("Person", name("Person", { freezeTableName = true }))
      assert.equal("the folk", name("Person", { tableName = "the folk" }))
      assert.equal("Mice", name("Mouse", { name = { plural = "Mice", singular = "Mouse" } }))
      assert.equal("the folk", db:model("Person"):getTableName())
      local Person = db:model("Person")
      db:sync()
      Person:create { a = 1 }
      assert.equal(1, Person:count())
      -- A model that is defined again takes the place of the one before.
      local found = tables(db)
      table.sort(found)
      assert.same({ "Mice", "blog_posts", "the folk", "users" }, found)
    end)

    it("of columns are the attribute's, snake_case, or as told", function()
      local db = connect()
      local User = db:define("User", {
        { "firstName", D.STRING }, { "lastName", D.STRING, field = "SURNAME" }, { "nickName", D.STRING,
          columnName = "nick \"name\"" },
      }, { underscored = true })
      db:sync()
      assert.same({ "id", "first_name", "SURNAME", "nick \"name\"", "created_at", "updated_at" }, columns(db, "users"))
      local user = User:create { firstName = "Ann", lastName = "Lee", nickName = "A" }
      local row = User:findOne { where = { lastName = "Lee", nickName = "A" }, order = { "firstName" }, raw = true }
      assert.equal("Ann", row.firstName)
      assert.equal("Lee", row.lastName)
      assert.equal("A", row.nickName)
      assert.is_nil(row.first_name)
      user:update { lastName = "Kay" }
      assert.equal(1, (User:update({ nickName = "B" }, { where = { lastName = "Kay" } })))
      assert.equal("B", user:reload().nickName)
      assert.equal("SURNAME", User.rawAttributes.lastName.field)
    end)

    it("take a schema where there are schemas", function()
      local db = connect()
      local T = db:define("Thing", { a = D.INTEGER }, with { schema = "apart", tableName = "things" })
      if on_postgres then
        local name = db:query("SELECT current_schema() AS name", { plain = true }).name .. "_apart"
        T = db:define("Thing", { a = D.INTEGER }, with { schema = name, tableName = "things" })
        db:query('CREATE SCHEMA "' .. name .. '"')
        local ok, err = pcall(function()
          T:sync()
          T:create { a = 5 }
          assert.equal(5, db:query('SELECT a FROM "' .. name .. '".things', { plain = true }).a)
          assert.equal(5, T:findOne { where = { a = 5 } }.a)
          T:update({ a = 6 }, { where = { a = 5 } })
          T:destroy { where = { a = 6 } }
          T:drop()
        end)
        db:query('DROP SCHEMA "' .. name .. '" CASCADE')
        assert.is_true(ok, tostring(err))
      else
        T:sync()
        T:create { a = 5 }
        assert.same({ "apart.things" }, tables(db))
        db:define("Other", { a = D.INTEGER }, with { schema = "apart", schemaDelimiter = "_",
          tableName = "others" }):sync()
        assert.same({ "apart.things", "apart_others" }, tables(db))
      end
    end)

    it("may be anything that is no syntax of queries", function()
      local db = connect()
      local names = { "select", "order", "Mixed Case", "with\"quote", "with'quote", "a;b", "%s", "\195\164",
        "$dollar", "__index" }
      local list = { { "id", D.INTEGER, primaryKey = true } }
      for i, name in ipairs(names) do list[i + 1] = { name, D.INTEGER, index = true } end
      local T = db:define("T", list, with { tableName = "from \"where\"" })
      db:sync()
      local values = { id = 1 }
      for i, name in ipairs(names) do values[name] = i end
      T:create(values)
      assert.same(values, T:findOne { where = values, order = names, raw = true })
      for _, name in ipairs({ "a.b", "a::b", "a->b", "$a$", "", "a\1", "save", "get", "isNewRecord", "Model",
        "update" }) do
        refused("T%.", db.define, db, "T", { { name, D.INTEGER } })
      end
      if on_postgres then refused("at most 63", db.define, db, "T", { { ("x"):rep(64), D.INTEGER } }) end
    end)
  end)

  describe("timestamps", function()
    it("are on, off, renamed, and off one by one", function()
      local db = connect()
      local function names(options) return db:define("T", { { "id", D.INTEGER, primaryKey = true } },
        options).attributeNames end
      assert.same({ "id", "createdAt", "updatedAt" }, names())
      assert.same({ "id" }, names { timestamps = false })
      assert.same({ "id", "born", "changed_on" }, names { createdAt = "born", updatedAt = "changed_on" })
      assert.same({ "id", "updatedAt" }, names { createdAt = false })
      assert.same({ "id", "createdAt" }, names { updatedAt = false })
    end)

    it("are kept by every way of writing", function()
      local db = connect()
      local T = db:define("T", { { "id", D.INTEGER, primaryKey = true }, { "a", D.INTEGER } },
        { createdAt = "born", updatedAt = "seen" })
      db:sync()
      local day = 1
      rowan.setClock(function() return ("2024-01-%02dT00:00:00Z"):format(day) end)
      local ok, err = pcall(function()
        local row = T:create { id = 1, a = 1 }
        T:bulkCreate { { id = 2 }, { id = 3 } }
        assert.equal("2024-01-01T00:00:00.000Z", row.born)
        assert.equal("2024-01-01T00:00:00.000Z", T:findByPk(3).seen)
        day = 2
        row:save()
        assert.equal("2024-01-01T00:00:00.000Z", row.seen)
        row.a = 2
        row:save()
        assert.equal("2024-01-02T00:00:00.000Z", T:findByPk(1).seen)
        assert.equal("2024-01-01T00:00:00.000Z", T:findByPk(1).born)
        day = 3
        T:update({ a = 5 }, { where = { id = 2 } })
        assert.equal("2024-01-03T00:00:00.000Z", T:findByPk(2).seen)
        T:update({ a = 6 }, { where = { id = 3 }, silent = true })
        assert.equal("2024-01-01T00:00:00.000Z", T:findByPk(3).seen)
      end)
      rowan.setClock(nil)
      assert.is_true(ok, tostring(err))
    end)
  end)

  describe("keys", function()
    it("may have several attributes", function()
      local db = connect()
      local T = db:define("T", { { "region", D.STRING, primaryKey = true }, { "number", D.INTEGER,
        primaryKey = true }, { "a", D.INTEGER } }, PLAIN)
      db:sync()
      assert.same({ "region", "number" }, T.primaryKeyAttributes)
      local row = T:create { region = "n", number = 1, a = 1 }
      T:bulkCreate { { region = "n", number = 2, a = 2 }, { region = "s", number = 1, a = 3 } }
      assert.equal(3, T:findByPk({ region = "s", number = 1 }).a)
      assert.is_nil(T:findByPk({ number = 5, region = "s" }))
      row:update { a = 9 }
      assert.equal(2, T:findByPk({ region = "n", number = 2 }).a)
      assert.equal(9, row:reload().a)
      row:destroy()
      assert.equal(2, T:count())
      local err = helper.error_of(T.create, T, { region = "s", number = 1 })
      assert.equal("UniqueConstraintError", err.name)
      assert.same({ "region", "number" }, { err.errors[1].path, err.errors[2].path })
      for _, key in ipairs({ "n", { region = "n" }, { "n", 1 },
        5 }) do assert.is_true(rowan.is(helper.error_of(T.findByPk, T, key), "BaseError")) end
    end)

    it("may be missing", function()
      local db = connect()
      local T = db:define("T", { { "a", D.INTEGER } }, with { noPrimaryKey = true })
      db:sync()
      assert.same({}, T.primaryKeyAttributes)
      assert.same({ "a" }, columns(db, "Ts"))
      local row = T:create { a = 1 }
      assert.equal(1, T:count { where = { a = 1 } })
      assert.equal(1, T:findOne().a)
      row.a = 2
      assert.equal("InstanceError", helper.error_of(row.save, row).name)
      assert.equal("InstanceError", helper.error_of(row.destroy, row).name)
      assert.is_true(rowan.is(helper.error_of(T.findByPk, T, 1), "QueryError"))
      refused('"id" but no primary key', db.define, db, "U", { id = D.INTEGER })
    end)
  end)

  it("takes defaults for all models from the database's options", function()
    local db = connect { define = { underscored = true, timestamps = false } }
    assert.same({ "id", "camelCase" }, db:define("OneThing", { camelCase = D.STRING }).attributeNames)
    assert.equal("one_things", db:model("OneThing").tableName)
    assert.same({ "id", "a", "createdAt", "updatedAt" }, db:define("Other", { a = D.STRING },
      { timestamps = true }).attributeNames)
  end)

  it("gives a model its own hooks, validators, scopes and indexes beside those of all models", function()
    local calls = {}
    local function call(name) return function() calls[#calls + 1] = name end end
    local shared = {
      hooks = { beforeCreate = call("all"), afterCreate = { call("all after") } },
      validate = { all = call("valid"), both = function() error("never") end },
      scopes = { all = { where = { a = 1 } }, both = { where = { a = 2 } } }, indexes = { { fields = { "a" } } },
    }
    local db = connect{ define = shared }
    local T = db:define("T", { a = D.INTEGER, b = D.INTEGER }, {
      hooks = { beforeCreate = { call("own") }, beforeSave = call("save") }, validate = { both = call("both") },
      scopes = { both = { where = { a = 3 } }, own = {} }, indexes = { { fields = { "b" } } },
    })
    T:addScope("later", {})
    local Other = db:define("Other", { a = D.INTEGER })
    db:sync()
    T:create{ a = 3 }
    assert.equal("valid both all own save all after", table.concat(calls, " "))
    assert.same({ 0, 1, 1 }, { T:scope("all"):count(), T:scope("both"):count(), T:scope("own"):count() })
    assert.same({ "ts_a", "ts_b" }, { T:getIndexes()[1].name, T:getIndexes()[2].name })
    assert.equal(1, #Other:getIndexes())
    assert.matches("no scope", helper.error_of(Other.scope, Other, "later").message)
    assert.is_nil(shared.scopes.later)
  end)

  it("takes a model without attributes of its own", function()
    local db = connect()
    assert.same({ "id", "createdAt", "updatedAt" }, db:define("T").attributeNames)
  end)

  it("says of its indexes what was said of their fields", function()
    local db = connect()
    local T = db:define("T", { a = D.STRING, b = D.STRING }, {
      indexes = { { fields = { { name = "a", order = "DESC" }, "b" } } },
    })
    assert.same({ { name = "a", order = "DESC" }, "b" }, T:getIndexes()[1].fields)
  end)

  it("says what things are", function()
    local db = connect()
    local T = db:define("T", { a = D.STRING })
    assert.equal("model", rowan.kind(T))
    assert.equal("database", rowan.kind(db))
    assert.equal("type", rowan.kind(D.STRING(5)))
    assert.equal("operator", rowan.kind(Op.gt))
    assert.equal("expression", rowan.kind(rowan.fn("NOW")))
    assert.equal("instance", rowan.kind(T:build()))
    for _, value in ipairs({ 1, "x", {}, true, print, null }) do assert.is_nil(rowan.kind(value)) end
    assert.equal(T, db.models.T)
    assert.is_true(db:isDefined("T"))
    assert.equal("STRING", T.rawAttributes.a.type.key)
    assert.equal(T.rawAttributes, T:getAttributes())
  end)
end)
