-- Attributes: defaults, references, and what is refused by name.
local definitions = require "spec.unit.definitions"
local json = require "rowan.types.json"
local null = require "rowan.base.null"
local types = require "rowan.types"

local T = types.DataTypes
local define, on_sqlite, message_of = definitions.define, definitions.on_sqlite, definitions.message_of
local refused, names, expression = definitions.refused, definitions.names, definitions.expression

describe("defaults", function()
  local function default_of(spec)
    local attr = define("U", { a = spec }).by_name.a
    return attr.default, attr.default_kind
  end

  it("are cast to canonical form", function()
    assert.same({ "1.50", "value" }, { default_of({ type = T.DECIMAL(4, 2), defaultValue = "1.5" }) })
    assert.same({ false, "value" }, { default_of({ type = T.BOOLEAN, defaultValue = false }) })
    assert.same({ "1970-01-01T00:00:00.000Z", "value" }, { default_of({ type = T.DATE, defaultValue = 0 }) })
    assert.is_nil((default_of(T.TEXT)))
    assert.is_nil((default_of({ type = T.TEXT, defaultValue = null })))
  end)

  it("are refused when they do not fit", function()
    refused("U.a: the default value must be an integer", "U",
      { a = { type = T.INTEGER, defaultValue = "one" } })
    refused("must be one of", "U", { a = { type = T.ENUM("x"), defaultValue = "y" } })
    refused("which allowNull forbids", "U", { a = { type = T.TEXT, allowNull = false, defaultValue = null } })
    refused("a plain value, a function or an SQL expression", "U",
      { a = { type = T.JSON, defaultValue = setmetatable({}, {}) } })
    assert.truthy(message_of(on_sqlite, "U", { a = { type = T.DOUBLE, defaultValue = 0 / 0 } })
      :find("NaN", 1, true))
  end)

  it("are copies, so that a later change of the table does not reach them", function()
    local value = { list = json.array() }
    local default = default_of({ type = T.JSON, defaultValue = value })
    value.list = 5
    assert.is_true(json.is_array(default.list))
  end)

  it("may be functions, generators and expressions", function()
    local fn = function() return "x" end
    assert.same({ fn, "function" }, { default_of({ type = T.TEXT, defaultValue = fn }) })
    assert.same({ expression, "expression" }, { default_of({ type = T.TEXT, defaultValue = expression }) })
    local generate, kind = default_of({ type = T.UUID, defaultValue = T.UUIDV4 })
    assert.equal("function", kind)
    assert.equal("4", generate():sub(15, 15))
    local today = default_of({ type = T.DATEONLY, defaultValue = T.NOW })
    assert.equal(10, #today())
    refused("DataTypes.UUIDV4 is no default value for DataTypes.INTEGER", "U",
      { a = { type = T.INTEGER, defaultValue = T.UUIDV4 } })
    refused("DataTypes.TEXT is no default value", "U", { a = { type = T.TEXT, defaultValue = T.TEXT } })
  end)
end)

describe("references", function()
  local company = define("Company", { code = { type = T.TEXT, unique = true, field = "the_code" } })
  local model = setmetatable({ definition = company }, { __index = {} })

  local function reference_of(spec)
    spec.type = T.INTEGER
    return define("User", { c = spec }).by_name.c.references
  end

  it("name a table, a model, or more", function()
    local by_table = reference_of({ references = "companies" })
    assert.equal("companies", by_table.table)
    assert.equal("id", by_table.field)
    local by_model = reference_of({ references = model })
    assert.equal(company, by_model.definition)
    assert.equal("Companies", by_model.table)
    assert.equal("id", by_model.field)
    local keyed = reference_of({ references = { model = model, key = "code",
      deferrable = "INITIALLY_DEFERRED" } })
    assert.equal("the_code", keyed.field)
    assert.equal("code", keyed.key)
    assert.equal("DEFERRABLE INITIALLY DEFERRED", keyed.deferrable)
    local both = reference_of({ references = { table = { tableName = "t", schema = "s" }, key = "k" } })
    assert.equal("s", both.schema)
    assert.equal("k", both.field)
    assert.equal(company, reference_of({ references = { definition = company, key = "id" } }).definition)
  end)

  it("know their actions in any case", function()
    local found = reference_of({ references = "x", onDelete = "cascade", onUpdate = "set null" })
    assert.equal("CASCADE", found.on_delete)
    assert.equal("SET NULL", found.on_update)
    refused('onDelete has no action "CASCAD" (did you mean "CASCADE"?)', "U",
      { c = { type = T.INTEGER, references = "x", onDelete = "CASCAD" } })
    refused("onUpdate has no action", "U", { c = { type = T.INTEGER, onUpdate = "DROP TABLE" } })
  end)

  it("refuse what leads nowhere", function()
    refused('Company, which has no attribute "cod" (did you mean "code"?)', "U",
      { c = { type = T.INTEGER, references = { model = model, key = "cod" } } })
    refused("references must be a table's name, a model", "U", { c = { type = T.INTEGER, references = {} } })
    refused('has no option "tabel"', "U",
      { c = { type = T.INTEGER, references = { tabel = "x", key = "id" } } })
    refused("references.deferrable must be", "U",
      { c = { type = T.INTEGER, references = { table = "x", deferrable = "LATER" } } })
    local seat = define("Seat",
      { a = { type = T.INTEGER, primaryKey = true }, b = { type = T.INTEGER, primaryKey = true } })
    refused("which has no single primary key", "U",
      { c = { type = T.INTEGER, references = { definition = seat } } })
  end)
end)

describe("what is not known, or not there", function()
  it("is refused by model, attribute and option", function()
    refused('the model User has no option "tabelName" (did you mean "tableName"?)', "User", { a = T.TEXT },
      { tabelName = "x" })
    refused('the attribute User.a has no option "allowNul" (did you mean "allowNull"?)', "User",
      { a = { type = T.TEXT, allowNul = true } })
    refused("User.a wants a type", "User", { a = {} })
    refused("User.a: wants a type or a table of options, not a string", "User", { a = "string" })
    refused('User.a: the option "allowNull" must be a boolean, not a string', "User",
      { a = { type = T.TEXT, allowNull = "no" } })
    refused('the model User: the option "timestamps" must be a boolean', "User", { a = T.TEXT },
      { timestamps = "no" })
    refused('the option "values" belongs to the type', "User", { a = { type = T.TEXT, values = { "x" } } })
    refused('the option "engine" is not supported: it is for MySQL', "User", { a = T.TEXT },
      { engine = "InnoDB" })
    refused("field and columnName differ", "User", { a = { type = T.TEXT, field = "x", columnName = "y" } })
    refused('name" has no option "plurl" (did you mean "plural"?)', "User", { a = T.TEXT },
      { name = { plurl = "x" } })
  end)

  it("is refused by shape", function()
    refused("its attributes must be a table", "User", "x")
    refused("must be a map by name or a list", "User", { { "a", T.TEXT }, b = T.TEXT })
    refused('there are two attributes "a"', "User", { { "a", T.TEXT }, { "a", T.TEXT } })
    refused("attribute 1 of the list must be", "User", { { T.TEXT } })
    refused("attribute 1 of the list must be", "User", { T.TEXT })
    refused("User.a has two types", "User", { { "a", T.TEXT, type = T.TEXT } })
    refused("User.a has two types", "User", { { "a", { type = T.TEXT }, type = T.TEXT } })
    refused('has no option "3"', "User", { { "a", T.TEXT, true } })
    refused("it has no attributes", "User", {}, { noPrimaryKey = true, timestamps = false })
    refused("define wants the model's name", "", { a = T.TEXT })
    refused("define wants the model's name", nil, { a = T.TEXT })
  end)

  it("is refused where the database lacks it", function()
    assert.truthy(message_of(on_sqlite, "U",
      { a = T.ARRAY(T.BLOB) }):find("U.a: DataTypes.ARRAY(BLOB) is not there on SQLite", 1, true))
    assert.truthy(define("U", { a = T.ARRAY(T.BLOB) }))
  end)

  it("comes with the defaults of the database too", function()
    local defaults = { underscored = true, timestamps = false }
    local def = define("BlogPost", { aB = T.TEXT }, nil, { defaults = defaults })
    assert.equal("blog_posts", def.table)
    assert.equal("id aB", names(def.list))
    local own = define("BlogPost", { aB = T.TEXT }, { underscored = false }, { defaults = defaults })
    assert.equal("BlogPosts", own.table)
    assert.same({ underscored = true, timestamps = false }, defaults)
    refused('the database option "define" has no option "underscore"', "User", { a = T.TEXT }, nil,
      { defaults = { underscore = true } })
  end)
end)

describe("a definition with more than columns", function()
  it("has paranoid and version", function()
    local def = define("User", { a = T.TEXT }, { paranoid = true, version = true })
    assert.equal("id a createdAt updatedAt deletedAt version", names(def.list))
    assert.is_true(def.deleted.allow_null)
    assert.equal(0, def.version.default)
    assert.is_false(def.version.allow_null)
    assert.equal("gone", define("User", { a = T.TEXT }, { paranoid = true, deletedAt = "gone" }).deleted.name)
    assert.equal("id a deletedAt", names(define("User", { a = T.TEXT }, { paranoid = true, timestamps = false }).list))
    refused("paranoid needs deletedAt", "User", { a = T.TEXT }, { paranoid = true, deletedAt = false })
    refused("its type must be DataTypes.INTEGER", "User", { version = T.TEXT }, { version = true })
  end)

  it("has getters and VIRTUAL", function()
    local def = define("User",
      { a = { type = T.TEXT, get = print }, v = { type = T.VIRTUAL(T.TEXT, { "a" }), set = print } })
    assert.equal(print, def.by_name.a.get)
    assert.is_true(def.by_name.v.virtual)
    assert.is_nil(def.by_field.v)
    assert.same({ "a" }, def.by_name.v.type.dependencies)
    refused('a VIRTUAL attribute has no column, so the option "unique"', "User",
      { v = { type = T.VIRTUAL, unique = true } })
  end)
end)
