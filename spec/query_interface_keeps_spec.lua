-- The query interface over tables with keys, uniques and rows: what a change does not speak of stays, on both databases.
-- After Sequelize's integration tests of changeColumn, removeColumn, select and delete.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

helper.each(function(dialect, connect)
  local db, qi

  before_each(function()
    db = connect()
    qi = db:queryInterface()
  end)

  local function id() return { type = DataTypes.INTEGER, primaryKey = true, autoIncrement = true } end

  local function keys() return qi:showConstraints("users", { constraintType = "FOREIGN KEY" }) end

  local function index_names()
    local names = {}
    for i, index in ipairs(qi:showIndex("users")) do names[i] = index.name end
    table.sort(names)
    return names
  end

  local function users_of_levels()
    qi:createTable("levels", { id = id(), name = { type = DataTypes.STRING, allowNull = false } })
    qi:createTable("users", {
      id = id(), name = { type = DataTypes.INTEGER },
      levelId = { type = DataTypes.INTEGER, allowNull = false, references = { table = "levels", key = "id" },
        onDelete = "CASCADE", onUpdate = "CASCADE" },
    })
    qi:bulkInsert("levels", { { id = 1, name = "one" }, { id = 2, name = "two" } })
    qi:bulkInsert("users", { { name = 1, levelId = 2 }, { name = 2, levelId = 1 } })
  end

  local function all_there()
    assert.same({ { id = 1, name = 1, levelId = 2 }, { id = 2, name = 2, levelId = 1 } },
      qi:select("users", { order = { "id" } }))
    assert.same({ 1, "CASCADE", "CASCADE" }, { #keys(), keys()[1].deleteAction, keys()[1].updateAction })
  end

  it("changes a column to a foreign key, and then its nullability alone", function()
    qi:createTable("users", { id = id(), levelId = { type = DataTypes.INTEGER, allowNull = false } })
    qi:createTable("levels", { id = id() })
    qi:changeColumn("users", "levelId", { type = DataTypes.INTEGER, references = { table = "levels", key = "id" },
      onUpdate = "cascade", onDelete = "cascade" })
    assert.same({ "levelId" }, keys()[1].columnNames)
    assert.is_false(qi:describeTable("users").levelId.allowNull)
    qi:changeColumn("users", "levelId", { type = DataTypes.INTEGER, allowNull = true })
    assert.equal(1, #keys())
    assert.is_true(qi:describeTable("users").levelId.allowNull)
    qi:changeColumn("users", "levelId", DataTypes.BIGINT)
    assert.is_true(qi:describeTable("users").levelId.allowNull)
  end)

  it("keeps NOT NULL that nobody spoke of, uniques and indexes", function()
    qi:createTable("users", {
      id = id(), name = { type = DataTypes.STRING, allowNull = false }, email = { type = DataTypes.STRING, unique = true },
      born = { type = DataTypes.DATEONLY, allowNull = false },
    })
    qi:addIndex("users", { "born" })
    local before = index_names()
    qi:addColumn("users", "phone", { type = DataTypes.STRING, defaultValue = rowan.null })
    assert.same(before, index_names())
    qi:changeColumn("users", "name", { type = DataTypes.STRING(80), unique = true })
    qi:changeColumn("users", "email", { type = DataTypes.STRING(80), allowNull = false })
    qi:changeColumn("users", "born", DataTypes.STRING)
    local columns = qi:describeTable("users")
    for _, name in ipairs { "name", "email" } do assert.is_true(columns[name].unique) end
    for _, name in ipairs { "name", "email", "born" } do assert.is_false(columns[name].allowNull) end
    assert.equal(#before + 1, #index_names())
  end)

  it("changes and removes columns of tables that point at each other, and loses no row", function()
    users_of_levels()
    qi:changeColumn("levels", "name", { type = DataTypes.STRING(60), allowNull = true })
    all_there()
    qi:changeColumn("users", "name", { type = DataTypes.BIGINT })
    all_there()
    qi:removeColumn("levels", "name")
    all_there()
  end)

  it("removes columns that are keys, unique, or pointed at with cascade", function()
    users_of_levels()
    qi:addColumn("users", "bossId", { type = DataTypes.INTEGER, references = { table = "users", key = "id" } })
    qi:addColumn("users", "email", { type = DataTypes.STRING, unique = true })
    qi:removeColumn("levels", "id", { cascade = true })
    assert.is_nil(qi:describeTable("levels").id)
    assert.same({ "bossId" }, keys()[1].columnNames)
    assert.equal(2, #qi:select("users"))
    for _, name in ipairs { "bossId", "email", "levelId", "id" } do
      qi:removeColumn("users", name)
      assert.is_nil(qi:describeTable("users")[name])
    end
    assert.equal(2, #qi:select("users"))
  end)

  it("takes the arguments of Sequelize's select, insert and bulkDelete", function()
    local User = db:define("User", { name = DataTypes.TEXT }, { timestamps = false, tableName = "users" })
    User:sync()
    qi:insert(nil, "users", { name = "Ann" })
    qi:insert(User:build { name = "Ben" }, "users", { name = "Ben" })
    qi:insert("users", { name = "Cid" })
    assert.equal("Ben", qi:select(User, "users", { order = { "id" }, offset = 1, limit = 1 })[1].name)
    assert.equal(3, #qi:select(nil, "users"))
    assert.equal(1, qi:bulkDelete(User, { where = { name = "Ann" } }))
    assert.equal(1, qi:bulkDelete("users", { where = rowan.all, limit = 1 }))
    assert.equal(1, qi:bulkDelete("users", { name = "Cid" }))
    assert.matches("through options.type", error_of(qi.addConstraint, qi, "users", { fields = { "name" } }).message, 1, true)
  end)

  if dialect == "postgres" then
    it("creates a schema for a role", function()
      local me = db:query("SELECT current_user::text AS me")[1].me
      db:createSchema("mine", { authorization = me })
      assert.equal(me, db:query("SELECT nspowner::regrole::text AS who FROM pg_namespace WHERE nspname = 'mine'")[1].who)
      db:dropSchema("mine")
    end)
  end
end)
