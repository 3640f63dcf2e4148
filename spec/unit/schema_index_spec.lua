-- Unique groups and indexes.
local builtin_plugins = require "spec.builtin_plugins"
local definition = require "rowan.schema.definition"
local dialect = require "rowan.dialect"
local errors = require "rowan.base.errors"
local T = require("rowan.types").DataTypes

local expression = setmetatable({}, { __name = "an expression" })

local function define(attributes, options, dialect_name)
  return definition.new("User", attributes, options, {
    dialect = dialect.get(dialect_name or "postgres"), is_expression = function(v) return v == expression end,
    plugins = builtin_plugins,
  })
end

local function refused(expected, attributes, options, dialect_name)
  local ok, err = pcall(define, attributes, options, dialect_name)
  assert.is_false(ok)
  assert.is_true(errors.is(err, "DefinitionError"), tostring(err))
  assert.truthy(err.message:find(expected, 1, true), ("%q is not in %q"):format(expected, err.message))
end

local function summary(def)
  local all = {}
  for i, index in ipairs(def.indexes) do
    local fields = {}
    for k, field in ipairs(index.fields) do
      fields[k] = (field.attr and field.attr.field or "expression")
        .. (field.order and " " .. field.order or "")
    end
    all[i] = index.name .. "(" .. table.concat(fields, ",") .. ")" .. (index.unique and " unique" or "")
      .. (index.using and " " .. index.using or "")
  end
  return all
end

local function uniques(def)
  local all = {}
  for i, unique in ipairs(def.uniques) do
    local fields = {}
    for k, attr in ipairs(unique.attrs) do fields[k] = attr.name end
    all[i] = unique.name .. "(" .. table.concat(fields, ",") .. ")"
  end
  return all
end

describe("unique", function()
  it("makes a group of one, or of all attributes with the same name", function()
    local def = define({
      { "email", T.TEXT, unique = true }, { "first", T.TEXT, unique = "full" },
      { "last", T.TEXT, unique = { name = "full", msg = "taken" } },
    })
    assert.same({ "users_email_unique(email)", "full(first,last)" }, uniques(def))
    assert.equal("taken", def.uniques[2].message)
    assert.is_true(def.by_name.email.unique)
    assert.is_false(def.by_name.first.unique)
    assert.same({}, def.indexes)
  end)

  it("takes a list, and a message without a name", function()
    local def = define({ a = { type = T.TEXT, unique = { { msg = "no" }, "pair" } },
      b = { type = T.TEXT, unique = { "pair" } } })
    assert.same({ "users_a_unique(a)", "pair(a,b)" }, uniques(def))
    assert.equal("no", def.uniques[1].message)
    assert.same({}, uniques(define({ a = { type = T.TEXT, unique = false } })))
  end)

  it("is also what a unique index says", function()
    local def = define({ a = T.TEXT, b = T.TEXT },
      { indexes = { { fields = { "a" }, unique = true, msg = "no" },
      { fields = { "b" }, type = "UNIQUE", where = { a = 1 } } } })
    assert.same({ "users_a_unique(a)", "users_b_unique(b)" }, uniques(def))
    assert.equal(def.indexes[1], def.uniques[1].index)
    assert.equal("no", def.uniques[1].message)
    assert.is_true(def.by_name.a.unique)
    assert.is_false(def.by_name.b.unique)
  end)

  it("is refused in other shapes", function()
    refused('the option "unique" must be true, a name', { a = { type = T.TEXT, unique = 5 } })
    refused('has no option "nme" (did you mean "name"?)', { a = { type = T.TEXT, unique = { nme = "x" } } })
    refused("at most 63", { a = { type = T.TEXT, unique = ("x"):rep(64) } })
  end)
end)

describe("index names", function()
  it("come from table and columns, and are hashed down when too long", function()
    local long = ("long"):rep(12)
    local def = define({ { "firstName", T.TEXT, index = true }, { long, T.TEXT } },
      { indexes = { { fields = { "firstName", long } }, { fields = { long, "firstName" } } } })
    assert.equal("users_first_name", def.indexes[3].name)
    assert.equal(63, #def.indexes[1].name)
    assert.equal(63, #def.indexes[2].name)
    assert.not_equal(def.indexes[1].name, def.indexes[2].name)
  end)

  it("begin with a prefix instead of the table's name, where one is given", function()
    local def = define({ { "firstName", T.TEXT }, { "b", T.TEXT, index = { prefix = "idx" } } }, { indexes = {
      { fields = { "firstName", "b" }, prefix = "myPrefix" }, { name = "own", prefix = "x", fields = { "b" } },
    } })
    assert.equal("my_prefix_first_name_b", def.indexes[1].name)
    assert.equal("own", def.indexes[2].name)
    assert.equal("idx_b", def.indexes[3].name)
    refused("prefix must be a string", { a = T.TEXT }, { indexes = { { fields = { "a" }, prefix = 5 } } })
  end)

  it("must differ", function()
    refused('two indexes get the name "users_a"', { a = { type = T.TEXT, index = true } },
      { indexes = { { fields = { "a" } } } })
    refused('the name "x" is taken by a unique constraint',
      { a = { type = T.TEXT, unique = "x", index = "x" } })
    refused("an index on an expression needs a name", { a = T.TEXT },
      { indexes = { { fields = { expression } } } })
  end)
end)

describe("indexes", function()
  it("come from attributes, alone or together", function()
    local def = define({ { "a", T.TEXT, index = true }, { "b", T.TEXT, index = "pair" },
      { "c", T.TEXT, index = { { name = "pair", attribute = { order = "desc" } }, { unique = true } } } })
    assert.same({ "users_a(a)", "pair(b,c DESC)", "users_c_unique(c) unique" }, summary(def))
  end)

  it("come from the model's list, by attribute, column or expression", function()
    local def = define({ { "a", T.TEXT, field = "col_a" }, { "b", T.TEXT } }, { indexes = {
      { fields = { "a", { name = "b", order = "DESC", collate = "C" } } },
      { fields = { "col_a" }, using = "HASH", name = "h" },
      { name = "e", fields = { expression, { attribute = "b", operator = "text_pattern_ops" } },
        include = { "a" } },
    } })
    assert.same({ "users_col_a_b(col_a,b DESC)", "h(col_a) hash", "e(expression,b)" }, summary(def))
    assert.equal("C", def.indexes[1].fields[2].collate)
    assert.equal(expression, def.indexes[3].fields[1].expression)
    assert.equal("text_pattern_ops", def.indexes[3].fields[2].operator)
    assert.equal(def.by_name.a, def.indexes[3].include[1])
  end)

  it("use gin for JSONB on PostgreSQL", function()
    assert.same({ "users_j(j) gin" }, summary(define({ j = { type = T.JSONB, index = true } })))
    assert.same({ "users_j(j) btree" },
      summary(define({ j = { type = T.JSONB, index = { using = "btree" } } })))
    assert.same({ "users_j(j)" }, summary(define({ j = { type = T.JSONB, index = true } }, nil, "sqlite")))
  end)

  it("are refused by what is wrong with them", function()
    local a = { a = T.TEXT }
    local function index(given) return { indexes = { given } } end
    refused('the model User: index 1: there is no attribute "aa" (did you mean "a"?)',
      { a = T.TEXT, name = T.TEXT }, index({ fields = { "aa", "a" } }))
    refused('index 1 has no option "field" (did you mean "fields"?)', a, index({ field = { "a" } }))
    refused("index 1: fields must be a table, not nil", a, index({ unique = true }))
    refused("index 1: wants fields", a, index({ fields = {} }))
    refused("order must be ASC or DESC, not UP", a, index({ fields = { { name = "a", order = "up" } } }))
    refused('there is no index method "bteree" (did you mean "btree"?)', a,
      index({ fields = { "a" }, using = "bteree" }))
    refused("operator must be the name of an operator class", a,
      index({ fields = { "a" }, operator = "x; DROP" }))
    refused("type must be UNIQUE", a, index({ fields = { "a" }, type = "FULLTEXT" }))
    refused("concurrently must be a boolean", a, index({ fields = { "a" }, concurrently = "yes" }))
    refused("parser is for MySQL", a, index({ fields = { "a" }, parser = "x" }))
    refused("length of a field is for MySQL", a, index({ fields = { { name = "a", length = 5 } } }))
    refused('has no option "fields"', { a = { type = T.TEXT, index = { fields = { "a" } } } })
    refused('the index "x" is described twice, with different options',
      { { "a", T.TEXT, index = { name = "x", unique = true } }, { "b", T.TEXT, index = { name = "x" } } })
  end)

  it("are refused where the database lacks them", function()
    local a = { a = T.TEXT }
    local function index(given) return { indexes = { given } } end
    refused("sqlite has no index method gin", a, index({ fields = { "a" }, using = "gin" }), "sqlite")
    refused("sqlite has no operator classes", a, index({ fields = { "a" }, operator = "x" }), "sqlite")
    refused("sqlite has no covering indexes", a, index({ fields = { "a" }, include = { "a" } }), "sqlite")
    assert.same({ "users_a(a)" }, summary(define(a, index({ fields = { "a" }, using = "BTREE" }), "sqlite")))
  end)
end)
