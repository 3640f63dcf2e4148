-- Validation: validators of attributes and of the model, before anything is sent, and violations the database reports.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes

local function refused(db, attributes, options)
  local err = helper.error_of(db.define, db, "X", attributes, options)
  assert.equal("DefinitionError", err.name)
  return err.message
end

local function paths(err)
  local list = {}
  for i, item in ipairs(err.errors) do list[i] = item.path end
  table.sort(list)
  return table.concat(list, " ")
end

helper.each(function(dialect, connect)
  local db, User

  before_each(function()
    db = connect()
    User = db:define("User", {
      name = { type = D.STRING, allowNull = false, validate = { notNull = { msg = "a name, please" }, len = { 2, 10 } } },
      email = { type = D.STRING, unique = { msg = "taken" }, validate = { isEmail = { msg = "no e-mail address" } } },
      age = { type = D.INTEGER, validate = { min = 0, isEven = function(value)
        if value and value % 2 == 1 then error("must be even") end
      end } },
      role = { type = D.STRING, defaultValue = "user", validate = { isIn = { { "user", "admin" } } } },
      note = { type = D.STRING, validate = {
        fine = function(value, row) return value ~= "bad" and row.name ~= "nobody", "is not fine" end,
      } },
    }, {
      timestamps = false,
      validate = { adultsHaveMail = function(self)
        if (self.age or 0) >= 18 and not self.email then error("an adult needs an e-mail address", 0) end
      end },
    })
    db:sync()
  end)

  it("says all that is wrong at once, before anything is sent", function()
    local err
    local sent = helper.count(function()
      err = helper.error_of(User.create, User, { email = "x", age = 21, role = "boss", note = "bad" })
    end)
    assert.equal(0, sent)
    assert.equal("ValidationError", err.name)
    assert.equal("age email name note role", paths(err))
    assert.equal("a name, please", err:get("name")[1].message)
    assert.equal("is_null", err:get("name")[1].validatorKey)
    assert.equal("CORE", err:get("name")[1].origin)
    assert.equal("no e-mail address", err:get("email")[1].message)
    local age = err:get("age")[1]
    assert.equal("must be even", age.message)
    assert.equal("isEven", age.validatorKey)
    assert.equal(21, age.value)
    assert.equal("FUNCTION", age.origin)
    assert.equal("function.isEven", age:getValidatorKey())
    assert.equal("core:is_null", err:get("name")[1]:getValidatorKey(true, ":"))
    assert.equal("isEven", age:getValidatorKey(false))
    assert.equal(age.instance, err:get("name")[1].instance)
    local role = err:get("role")[1]
    assert.equal("Validation isIn on role failed", role.message)
    assert.equal("Validation error", role.type)
    assert.equal("isIn", role.validatorName)
    assert.same({ "user", "admin" }, role.validatorArgs)
    assert.equal("is not fine", err:get("note")[1].message)
    err = helper.error_of(User.create, User, { name = "ann", age = 20 })
    assert.equal("adultsHaveMail", err.errors[1].path)
    assert.equal("an adult needs an e-mail address", err.errors[1].message)
  end)

  it("passes NULL by, but not its own functions", function()
    local seen = 0
    local Item = db:define("Item", {
      a = { type = D.INTEGER, validate = { min = 5, own = function() seen = seen + 1 end } },
      b = { type = D.INTEGER, allowNull = false, validate = { own = function() seen = seen + 100 end } },
    }, { timestamps = false })
    assert.equal("b", paths(helper.error_of(Item.create, Item, {})))
    assert.equal(1, seen)
  end)

  it("looks at what an update writes, and at nothing else of the row", function()
    local user = User:create{ name = "ann", note = "ok" }
    db:query([[UPDATE "Users" SET "role" = 'boss']])
    user:reload()
    user.note = "better"
    user:save()
    user.age = 3
    local err
    assert.equal(0, helper.count(function() err = helper.error_of(user.save, user) end))
    assert.equal("age", paths(err))
    assert.equal(3, user.age)
    user.age = nil
    assert.equal("role", paths(helper.error_of(user.validate, user)))
    assert.equal(user, user:validate{ skip = { "role" } })
    assert.equal(user, user:validate{ fields = { "name" } })
    err = helper.error_of(user.update, user, { age = -2 })
    assert.equal("Validation min on age failed", err.errors[1].message)
    assert.is_nil(user.age)
    user:save{ validate = false }
    user:update({ age = -2 }, { validate = false })
    assert.equal(-2, User:findOne().age)
    assert.equal("QueryError", helper.error_of(user.validate, user, { skip = { "nmae" } }).name)
  end)

  it("looks at the values of a bulk update, and at rows of bulkCreate when told to", function()
    User:bulkCreate{ { name = "ann" }, { name = "bob", role = "boss" } }
    local err
    assert.equal(0, helper.count(function()
      err = helper.error_of(User.update, User, { role = "king", name = rowan.null }, { where = rowan.all })
    end))
    assert.equal("name role", paths(err))
    assert.equal(2, (User:update({ role = "admin" }, { where = rowan.all })))
    assert.equal(2, (User:update({ role = "king" }, { where = rowan.all, validate = false })))
    local list = { { name = "cid" }, { name = "x" }, { name = "dan", email = "no", age = 1 } }
    err = helper.error_of(User.bulkCreate, User, list, { validate = true })
    assert.equal("AggregateError", err.name)
    assert.equal(2, #err.errors)
    assert.equal("BulkRecordError", err.errors[1].name)
    assert.equal("x", err.errors[1].record.name)
    assert.equal("age email", paths(err.errors[2].cause))
    assert.equal(2, User:count())
  end)

  it("shows the model's validators the values of a bulk update, with which they may have nothing to do", function()
    local Span = db:define("Span", { from = D.INTEGER, to = D.INTEGER, name = D.STRING }, {
      timestamps = false,
      validate = {
        order = function(self) if self.from > self.to then error("the other way round") end end,
        known = function(self) if self.name == "error" then return false, "no such name" end end,
      },
    })
    db:sync()
    Span:create{ from = 1, to = 2, name = "a" }
    assert.equal(1, (Span:update({ name = "b" }, { where = rowan.all })))
    assert.equal(1, (Span:update({ from = 7 }, { where = rowan.all })))
    assert.equal("the other way round", helper.error_of(Span.update, Span, { from = 3, to = 2 }, { where = rowan.all }).message)
    local err = helper.error_of(Span.update, Span, { name = "error" }, { where = rowan.all })
    assert.equal("known", err.errors[1].path)
    assert.equal(1, (Span:update({ name = "error" }, { where = rowan.all, validate = false })))
  end)

  it("shows functions NULL as nil, in the row too", function()
    local seen = {}
    local Login = db:define("Login", {
      name = { type = D.STRING, validate = { own = function(value, row) seen[#seen + 1] = { value, row.mail } end } },
      mail = D.STRING,
    }, { timestamps = false, validate = {
      reachable = function(self) if not self.mail and not self.name then error("neither name nor mail") end end,
    } })
    db:sync()
    local err = helper.error_of(Login.create, Login, { name = rowan.null, mail = rowan.null })
    assert.equal("neither name nor mail", err.message)
    assert.same({ {} }, seen)
    local login = Login:create{ name = "ann", mail = "a@example.com" }
    login.name, login.mail = rowan.null, rowan.null
    assert.equal("neither name nor mail", helper.error_of(login.save, login).message)
    assert.equal(rowan.null, login.mail)
    login.name = "bob"
    login:save()
    assert.is_nil(login:reload().mail)
    err = helper.error_of(Login.update, Login, { name = rowan.null, mail = rowan.null }, { where = rowan.all })
    assert.equal("neither name nor mail", err.message)
  end)

  it("knows functions by name that the application has registered", function()
    rowan.validator("isDivisible", function(value, row, by)
      return value % (by == true and 2 or by) == 0, row.name .. ": " .. value
    end)
    local Item = db:define("Item", {
      name = D.STRING, a = { type = D.INTEGER, validate = { isDivisible = true } },
      b = { type = D.INTEGER, validate = { isDivisible = { args = 5, msg = "by five" } } },
    }, { timestamps = false })
    Item:build{ name = "x", a = 4, b = 10 }:validate()
    Item:build{ name = "x" }:validate()
    local item = Item:build{ name = "x", a = 3, b = 7 }
    local err = helper.error_of(item.validate, item)
    assert.equal("x: 3", err:get("a")[1].message)
    assert.equal("by five", err:get("b")[1].message)
    assert.equal("isDivisible", err:get("b")[1].validatorKey)
    assert.equal("DefinitionError", helper.error_of(rowan.validator, "isEmail", function() end).name)
    assert.equal("DefinitionError", helper.error_of(rowan.validator, "isOdd", true).name)
  end)

  it("takes part in every way of creating a row", function()
    local bad = { name = "x" }
    for _, make in ipairs{
      function() User:create(bad) end, function() User:build(bad):save() end,
      function() User:create(bad, { ignoreDuplicates = true }) end, function() User:create(bad, { returning = true }) end,
      function() User:findOrCreate{ where = bad } end, function() User:upsert{ id = 1, name = "x" } end,
      function() User:bulkCreate({ bad }, { individualHooks = true }) end,
    } do
      local err = helper.error_of(make)
      assert.equal("ValidationError", err.name)
      assert.equal("Validation len on name failed", err.errors[1].message)
    end
    assert.equal(0, User:count())
    User:create(bad, { validate = false })
    assert.equal(1, User:count())
  end)

  it("says at once what is wrong with all rows of a bulkCreate, also with hooks of their own", function()
    local validated, rows = 0, { { name = "x" }, { name = "good" }, { name = "y" } }
    db.options.warnings = false
    User:addHook("afterValidate", function() validated = validated + 1 end)
    for _, options in ipairs{ { validate = true }, { validate = true, individualHooks = true } } do
      local err = helper.error_of(User.bulkCreate, User, rows, options)
      assert.equal(0, User:count())
      assert.equal("AggregateError", err.name)
      assert.same({ 1, 3 }, { err.errors[1].row, err.errors[2].row })
      assert.equal("Validation len on name failed", err.errors[2].errors[1].message)
      assert.is_true(options.validate)
    end
    assert.equal(1, validated)
    User:bulkCreate({ { name = "good" } }, { validate = true, individualHooks = true })
    assert.equal(2, validated)
  end)

  it("reaches the rows of nested values before any is stored", function()
    local Post = db:define("Post", { title = { type = D.STRING, validate = { notEmpty = true } } }, { timestamps = false })
    User:hasMany(Post, { as = "posts" })
    db:sync{ force = true }
    local err
    assert.equal(0, helper.count(function()
      err = helper.error_of(User.create, User, { name = "ann", posts = { { title = "ok" }, { title = " " } } },
        { include = "posts" })
    end))
    assert.matches("posts%[2%]", err.errors[1].message)
    User:create({ name = "ann", posts = { { title = "ok" } } }, { include = "posts" })
    assert.equal("Post", User:findOne():createPost{ title = "b" }.Model.name)
  end)

  it("refuses what it does not know when the model is defined", function()
    local function validating(validate) return { a = { type = D.STRING, validate = validate } } end
    assert.matches('X%.a.*"isEmial".*did you mean "isEmail"', refused(db, validating{ isEmial = true }))
    assert.matches("X%.a.*is wants a Lua pattern", refused(db, validating{ is = rowan.null }))
    assert.matches("X%.a.*len wants", refused(db, validating{ len = "x" }))
    assert.matches("notNull needs allowNull = false", refused(db, validating{ notNull = true }))
    assert.matches('has no option "mesage"', refused(db, validating{ len = { args = { 1 }, msg = "x", mesage = "x" } }))
    assert.matches("name of an attribute", refused(db, { a = D.STRING }, { validate = { a = function() end } }))
    assert.matches('functions by name, and "b" is none', refused(db, { a = D.STRING }, { validate = { b = true } }))
  end)

  it("checks types with the validators, which speak for generated keys", function()
    local Item = db:define("Item", {
      id = { type = D.INTEGER, primaryKey = true, autoIncrement = true, validate = { isInt = { msg = "an integer!" } } },
      kind = { type = D.ENUM("a", "b"), validate = { isIn = { { "a", "b" } } } },
      code = { type = D.STRING, validate = { isImmutable = true } },
    }, { timestamps = false })
    db:sync()
    local err = helper.error_of(Item.create, Item, { id = "helloworld" })
    assert.equal("an integer!", err:get("id")[1].message)
    err = helper.error_of(Item.create, Item, { kind = "c" })
    assert.equal(2, #err:get("kind"))
    assert.equal("DATATYPE", err:get("kind")[1].origin)
    local item = Item:create{ code = "x" }
    item.code = "y"
    assert.equal("Validation isImmutable on code failed", helper.error_of(item.save, item).errors[1].message)
  end)

  describe("isImmutable", function()
    local Item

    before_each(function()
      Item = db:define("Item", {
        { "key", D.INTEGER, unique = true }, { "code", D.STRING, validate = { isImmutable = { msg = "stays" } } },
        { "rank", D.INTEGER, validate = { isImmutable = true } }, { "name", D.STRING },
      }, { timestamps = false })
      db:sync()
      Item:bulkCreate{ { key = 1, code = "x", rank = 1, name = "a" }, { key = 2, name = "b" } }
    end)

    local function assert_refused(fn, ...)
      local err = helper.error_of(fn, ...)
      assert.equal("ValidationError", err.name)
      assert.equal("isImmutable", err.errors[1].validatorKey)
      local row = Item:findOne{ where = { key = 1 } }
      assert.same({ "x", 1 }, { row.code, row.rank })
      return err
    end

    it("holds for what a row has, for NULL, and for what was not read", function()
      for _, value in ipairs{ "y", rowan.null, rowan.fn("upper", rowan.col("code")) } do
        local row = Item:findOne{ where = { key = 1 } }
        row.code = value
        assert.equal("stays", assert_refused(row.save, row).errors[1].message)
      end
      local empty = Item:findOne{ where = { key = 2 } }
      assert_refused(empty.update, empty, { code = "y" })
      local part = Item:findOne{ where = { key = 1 }, attributes = { "id" } }
      assert_refused(part.update, part, { code = "x" })
      local row = Item:findOne{ where = { key = 1 } }
      row.code = "x"
      row.name = "c"
      row:save()
      assert.equal("c", row:reload().name)
      assert.equal("y", Item:build{ code = "y" }.code)
    end)

    it("holds for writes of many rows, before anything is sent", function()
      local where = { where = { key = 1 } }
      local sent = helper.statements(function()
        local err = helper.error_of(Item.update, Item, { code = "y", rank = 2, name = "z" }, where)
        assert.equal(2, #err.errors)
      end)
      assert.equal(0, #sent)
      assert_refused(Item.update, Item, { code = rowan.literal("'y'") }, where)
      assert_refused(Item.update, Item, { code = rowan.null }, where)
      assert_refused(Item.update, Item, { code = "y" }, { where = { key = 1 }, individualHooks = true })
      assert_refused(Item.increment, Item, "rank", where)
      local row = Item:findOne(where)
      assert_refused(row.decrement, row, "rank")
      assert_refused(Item.bulkUpdate, Item, { { id = row.id, code = "y" } })
      assert_refused(Item.bulkCreate, Item, { { key = 1, code = "y" } },
        { updateOnDuplicate = { "code" }, conflictAttributes = { "key" } })
      assert_refused(Item.bulkUpdate, Item, { { id = row.id, code = "y" } }, { fields = { "code" } })
      Item:update({ name = "c" }, where)
      assert.equal("c", Item:findOne(where).name)
    end)

    it("holds for a row that an upsert finds, which keeps what it has", function()
      local row = Item:upsert({ key = 1, code = "y", rank = 5, name = "c" })
      assert.same({ "x", 1, "c" }, { row.code, row.rank, row.name })
      Item:upsert({ key = 3, code = "z" })
      assert.equal("z", Item:findOne{ where = { key = 3 } }.code)
      Item:bulkCreate({ { key = 1, code = "y", name = "d" } }, { updateOnDuplicate = true, conflictAttributes = { "key" } })
      row:reload()
      assert.same({ "x", "d" }, { row.code, row.name })
    end)

    it("is passed over with the other validators where a call says validate = false", function()
      Item:update({ code = "y" }, { where = { key = 1 }, validate = false })
      local row = Item:findOne{ where = { key = 1 } }
      assert.equal("y", row.code)
      row.code = "w"
      row:save{ validate = false }
      assert.equal("w", row:reload().code)
    end)
  end)

  it("takes a mistake in a function for a failure, but lets the database's errors through", function()
    local Broken = db:define("Broken", { a = { type = D.STRING, validate = {
      broken = function() local none = nil; return none.field end,
    } } })
    local err = helper.error_of(Broken.create, Broken, { a = "x" })
    assert.matches("validation_spec.*attempt to index", err.errors[1].message)
    local Asking = db:define("Asking", { a = { type = D.STRING, validate = {
      query = function() db:query("SELECT nothing_like_it") end,
    } } })
    assert.equal("DatabaseError", helper.error_of(Asking.create, Asking, { a = "x" }).name)
  end)

  it("gives violations that the database reports the same items", function()
    local Post = db:define("Post", { title = D.STRING }, { timestamps = false })
    Post:belongsTo(User, { as = "user", foreignKey = "userId" })
    db:sync()
    User:create{ name = "ann", email = "a@example.com" }
    local err = helper.error_of(User.create, User, { name = "bob", email = "a@example.com" })
    assert.equal("UniqueConstraintError", err.name)
    assert.equal("taken", err:get("email")[1].message)
    assert.equal("bob", err:get("email")[1].instance.name)
    assert.equal("DB", err:get("email")[1].origin)
    err = helper.error_of(Post.create, Post, { title = "x", userId = 99 })
    assert.equal("ForeignKeyConstraintError", err.name)
    assert.equal("userId", err.errors[1].path)
    assert.equal(99, err.errors[1].value)
    assert.equal("Post.userId refers to a row that is not there", err.errors[1].message)
    if dialect == "postgres" then
      db:query([[ALTER TABLE "Posts" ADD CONSTRAINT short_title CHECK (length("title") < 5)]])
      db:query([[ALTER TABLE "Posts" ADD CHECK ("title" <> 'bad')]])
    else
      db:query([[DROP TABLE "Posts"]])
      db:query([[CREATE TABLE "Posts" (id INTEGER PRIMARY KEY, "title" TEXT CHECK ("title" <> 'bad'), "userId" INTEGER)]])
    end
    err = helper.error_of(Post.create, Post, { title = "bad" })
    assert.equal("CheckConstraintError", err.name)
    assert.equal("title", err.errors[1].path)
    assert.equal("check violation", err.errors[1].type)
  end)

  it("looks for virtual values that must be there, and says a message of several attributes once", function()
    local Login = db:define("Login", {
      { "user", D.STRING, unique = { name = "pair", msg = "twice" } }, { "host", D.STRING, unique = "pair" },
      { "password", D.VIRTUAL, allowNull = false },
    })
    db:sync()
    assert.equal("Login.password cannot be null", helper.error_of(Login.create, Login, { user = "a" }).message)
    local login = Login:create{ user = "a", host = "b", password = "c" }
    login:update{ host = "x" }
    Login:findByPk(login.id):update{ host = "b" }
    local err = helper.error_of(Login.create, Login, { user = "a", host = "b", password = "c" })
    assert.equal("twice", err.message)
    assert.equal(2, #err.errors)
  end)
end)
