-- Definitions: order, names, keys, and attributes that are added later.
local definition = require "rowan.schema.definition"
local definitions = require "spec.unit.definitions"
local types = require "rowan.types"

local T = types.DataTypes
local define, on_sqlite, message_of = definitions.define, definitions.on_sqlite, definitions.message_of
local refused, names = definitions.refused, definitions.names

describe("the order of attributes", function()
  it("is the primary key, then by name, then the timestamps, for a map", function()
    local def = define("User",
      { zip = T.STRING, name = T.STRING, uid = { type = T.UUID, primaryKey = true } })
    assert.equal("uid name zip createdAt updatedAt", names(def.list))
    for i, attr in ipairs(def.list) do assert.equal(i, attr.position) end
  end)

  it("is as given for a list", function()
    local def = define("User",
      { { "zip", T.STRING }, { "id", T.INTEGER, primaryKey = true }, { "name", type = T.TEXT } })
    assert.equal("zip id name createdAt updatedAt", names(def.list))
    assert.equal(T.TEXT, def.by_name.name.type)
  end)

  it("starts with an id where there is no primary key", function()
    local def = define("User", { age = T.INTEGER })
    assert.equal("id age createdAt updatedAt", names(def.list))
    assert.equal("id", names(def.primary))
    assert.equal(def.by_name.id, def.auto)
    assert.equal("age",
      names(define("User", { age = T.INTEGER }, { noPrimaryKey = true, timestamps = false }).list))
    assert.equal("id age", names(define("User", { { "age", T.INTEGER } }, { timestamps = false }).list))
  end)

  it("keeps composite keys in order", function()
    local def = define("Seat",
      { { "row", T.INTEGER, primaryKey = true }, { "hall", T.INTEGER, primaryKey = true } })
    assert.equal("row hall", names(def.primary))
    local map = define("Seat",
      { row = { type = T.INTEGER, primaryKey = true }, hall = { type = T.INTEGER, primaryKey = true } })
    assert.equal("hall row", names(map.primary))
  end)

  it("puts timestamps that a map says more about last all the same", function()
    local def = define("User",
      { createdAt = { type = T.DATE(3), field = "born" }, zz = T.STRING, aa = T.STRING })
    assert.equal("id aa zz createdAt updatedAt", names(def.list))
    assert.equal("born", def.created.field)
    assert.equal(3, def.created.type.precision)
    assert.is_false(def.created.allow_null)
    local only_updated = define("User", { updatedAt = T.DATE, zz = T.STRING })
    assert.equal("id zz createdAt updatedAt", names(only_updated.list))
  end)
end)

describe("names", function()
  it("of tables are plurals, as they are when frozen, or as given", function()
    assert.equal("People", define("Person", { a = T.TEXT }).table)
    assert.equal("Person", define("Person", { a = T.TEXT }, { freezeTableName = true }).table)
    assert.equal("folk", define("Person", { a = T.TEXT }, { tableName = "folk" }).table)
    assert.equal("blog_posts", define("BlogPost", { a = T.TEXT }, { underscored = true }).table)
    assert.equal("Folk", define("Person", { a = T.TEXT }, { name = { plural = "Folk" } }).table)
  end)

  it("have a singular and a plural", function()
    local def = define("People", { a = T.TEXT })
    assert.equal("Person", def.singular)
    assert.equal("People", def.plural)
    local named = define("Person", { a = T.TEXT }, { name = { singular = "one", plural = "many" } })
    assert.equal("one", named.singular)
    assert.equal("many", named.plural)
  end)

  it("of columns are explicit, underscored, or the attribute's", function()
    local attributes = { firstName = T.TEXT, x = { type = T.TEXT, field = "X1" },
      y = { type = T.TEXT, columnName = "Y1" } }
    local def = define("User", attributes, { underscored = true })
    assert.equal("first_name", def.by_name.firstName.field)
    assert.equal("X1", def.by_name.x.field)
    assert.equal("Y1", def.by_name.y.field)
    assert.equal("created_at", def.created.field)
    assert.equal(def.by_name.firstName, def.by_field.first_name)
    assert.equal("firstName", define("User", attributes).by_name.firstName.field)
  end)

  it("take a schema where the database has them, and become part of the table's name where not", function()
    local def = define("User", { a = T.TEXT }, { schema = "app" })
    assert.equal("app", def.schema)
    assert.equal("Users", def.table)
    local lite = on_sqlite("User", { a = T.TEXT }, { schema = "app" })
    assert.is_nil(lite.schema)
    assert.equal("app.Users", lite.table)
    assert.equal("app_Users",
      on_sqlite("User", { a = T.TEXT }, { schema = "app", schemaDelimiter = "_" }).table)
  end)

  it("are checked", function()
    for _, bad in ipairs({ "a.b", "a::b", "a->b", "$a$", "", "a\nb" }) do
      refused("the name must not", "U", { [bad] = T.TEXT })
    end
    for _, good in ipairs({ "a b", "$a", "a$", "select", "naïve" }) do
      assert.truthy(define("U", { [good] = T.TEXT }).by_name[good])
    end
    refused('hide the instance method of that name', "U", { save = T.TEXT })
    refused("U.x: the column", "U", { x = { type = T.TEXT, field = ("x"):rep(64) } })
    refused("at most 63", "U", { [("x"):rep(64)] = T.TEXT })
    refused("the table name", "U", { a = T.TEXT }, { tableName = ("x"):rep(64) })
    assert.truthy(on_sqlite("U", { [("x"):rep(64)] = T.TEXT }))
    refused('the attributes "a" and "b" have the same column "c"', "U",
      { a = { type = T.TEXT, field = "c" }, b = { type = T.TEXT, field = "c" } })
    assert.truthy(define("U", { a = T.TEXT, A = T.TEXT }))
    assert.truthy(message_of(on_sqlite, "U", { a = T.TEXT, A = T.TEXT }):find("the same column", 1, true))
  end)
end)

describe("timestamps", function()
  it("can be renamed, and left out one by one or together", function()
    local def = define("User", { a = T.TEXT }, { createdAt = "born", updatedAt = false })
    assert.equal("id a born", names(def.list))
    assert.equal("born", def.created.name)
    assert.is_nil(def.updated)
    assert.equal("id a", names(define("User", { a = T.TEXT }, { timestamps = false }).list))
    assert.is_nil(define("User", { a = T.TEXT }, { timestamps = false }).created)
  end)

  it("are never NULL, and never of another type", function()
    local def = define("User", { a = T.TEXT })
    assert.equal("DATE", def.created.type.key)
    assert.is_false(def.updated.allow_null)
    refused("its type must be DataTypes.DATE", "User", { createdAt = T.TEXT })
    refused("allowNull must be false", "User", { updatedAt = { type = T.DATE, allowNull = true } })
    refused('two of its options name the attribute "at"', "User", { a = T.TEXT },
      { createdAt = "at", updatedAt = "at" })
  end)
end)

describe("keys", function()
  it("are never NULL", function()
    local def = define("User",
      { k = { type = T.TEXT, primaryKey = true }, n = T.TEXT, m = { type = T.TEXT, allowNull = false } })
    assert.is_false(def.by_name.k.allow_null)
    assert.is_true(def.by_name.n.allow_null)
    assert.is_false(def.by_name.m.allow_null)
    refused("a primary key cannot be NULL", "U",
      { k = { type = T.TEXT, primaryKey = true, allowNull = true } })
  end)

  it("refuse an id that is no key", function()
    refused('it has an attribute "id" but no primary key', "User", { id = T.INTEGER })
    assert.equal("id",
      names(define("User", { id = T.INTEGER }, { noPrimaryKey = true, timestamps = false }).list))
    assert.same({}, define("User", { id = { type = T.INTEGER, primaryKey = false } }).primary)
  end)

  it("count up in one integer attribute only", function()
    local def = define("User", { n = { type = T.BIGINT, primaryKey = true, autoIncrement = true } })
    assert.equal(def.by_name.n, def.auto)
    assert.truthy(define("User",
      { n = { type = T.INTEGER, primaryKey = true, autoIncrementIdentity = true } }).auto)
    refused("autoIncrement needs an integer type, not DataTypes.TEXT", "U",
      { k = { type = T.TEXT, primaryKey = true, autoIncrement = true } })
    refused('only one attribute can be autoIncrement, not both "a" and "b"', "U",
      { { "a", T.INTEGER, primaryKey = true, autoIncrement = true },
        { "b", T.INTEGER, autoIncrement = true } })
    refused("exclude each other", "U",
      { k = { type = T.INTEGER, primaryKey = true, autoIncrement = true, defaultValue = 1 } })
    refused("never SERIAL", "U",
      { k = { type = T.INTEGER, primaryKey = true, autoIncrementIdentity = false } })
  end)

  it("count up on SQLite in a single primary key only", function()
    local attributes = { { "k", T.TEXT, primaryKey = true }, { "n", T.INTEGER, autoIncrement = true } }
    assert.truthy(define("U", attributes).auto)
    assert.truthy(message_of(on_sqlite, "U", attributes):find('autoIncrement on "n"', 1, true))
    attributes[2].primaryKey = true
    assert.truthy(message_of(on_sqlite, "U", attributes):find("a single primary key only", 1, true))
  end)
end)

local function fill_in(def, name, spec)
  definition.fill_in(def, { [name] = spec })
  return def.by_name[name]
end

describe("definition.fill_in", function()
  it("adds at the end, and counts the change", function()
    local def = define("Post", { title = T.TEXT })
    local before, generation = def.by_name.title, def.generation
    local attr = fill_in(def, "userId", { type = T.INTEGER, references = "users", onDelete = "CASCADE" })
    assert.equal("id title createdAt updatedAt userId", names(def.list))
    assert.equal(5, attr.position)
    assert.equal(attr, def.by_field.userId)
    assert.equal(before, def.by_name.title)
    assert.equal(before, def.list[2])
    assert.equal(generation + 1, def.generation)
    assert.equal("Post", attr.definition.name)
  end)

  it("merges: what was said stays, what was not is filled in", function()
    local def = define("Post", { userId = { type = T.BIGINT, allowNull = false, onDelete = "RESTRICT" } })
    local before = def.by_name.userId
    local attr = fill_in(def, "userId",
      { type = T.INTEGER, references = "users", onDelete = "CASCADE", onUpdate = "CASCADE" })
    assert.equal(before, attr)
    assert.equal("id userId createdAt updatedAt", names(def.list))
    assert.is_false(attr.allow_null)
    assert.equal("BIGINT", attr.type.key)
    assert.equal("RESTRICT", attr.references.on_delete)
    assert.equal("CASCADE", attr.references.on_update)
  end)

  it("uses the model's naming", function()
    local def = define("Post", { title = T.TEXT }, { underscored = true })
    assert.equal("user_id", fill_in(def, "userId", T.INTEGER).field)
  end)

  it("leaves everything as it was when it fails", function()
    local def = define("Post", { userId = { type = T.BIGINT, unique = true } })
    local before, generation, list = def.by_name.userId, def.generation, def.list
    message_of(fill_in, def, "save", T.TEXT)
    message_of(fill_in, def, "other", { type = T.TEXT, field = "userId" })
    message_of(fill_in, def, "other", { type = T.TEXT, unique = "x", index = "x" })
    message_of(fill_in, def, 5, T.TEXT)
    -- These fail when the attribute itself is half-way filled anew.
    message_of(fill_in, def, "userId", { allowNull = false, defaultValue = "no integer" })
    message_of(fill_in, def, "userId", { allowNull = false, index = { using = "no method" } })
    assert.equal(generation, def.generation)
    assert.equal(list, def.list)
    assert.equal(before, def.list[2])
    assert.is_true(before.allow_null)
    assert.equal("BIGINT", before.type.key)
    assert.is_true(before.unique)
    assert.is_nil(def.by_name.other)
  end)

  it("refers to the definition itself", function()
    local def = define("Node", { name = T.TEXT })
    local attr = fill_in(def, "parentId", { type = T.INTEGER, references = { definition = def, key = "id" } })
    assert.equal(def, attr.references.definition)
    assert.equal("Nodes", attr.references.table)
  end)
end)
