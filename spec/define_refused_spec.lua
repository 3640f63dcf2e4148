-- What definitions and calls do not know is refused by name, with the nearest known one.
local defining = require "spec.defining"
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op

local PLAIN = { timestamps = false }
local refused = defining.refused

helper.each(function(_, connect)
  it("is refused by name: model, attribute and option", function()
    local db = connect()
    for _, name in ipairs({ "engine", "charset", "collate", "hasTrigger", "initialAutoIncrement",
      "modelName", "sequelize", "getterMethods" }) do
      refused("User.*" .. name, db.define, db, "User", { a = D.INTEGER }, { [name] = "x" })
    end
    refused("values", db.define, db, "User", { a = { type = D.STRING, values = { "x" } } })
    assert.is_false(db:isDefined("User"))
  end)

  it("gets the nearest name", function()
    local db = connect()
    local User = db:define("User", { name = D.STRING }, PLAIN)
    refused('User%.a.*"alowNull".*did you mean "allowNull"', db.define, db, "User",
      { a = { type = D.INTEGER, alowNull = false } })
    refused('did you mean "defaultValue"', db.define, db, "User", { a = { type = D.INTEGER, defaultvalue = 1 } })
    refused("User.deletedAt has a default value", db.define, db, "User",
      { deletedAt = { type = D.DATE, defaultValue = D.NOW } }, { paranoid = true })
    refused('User.*did you mean "underscored"', db.define, db, "User", { a = D.INTEGER }, { underscore = true })
    refused('did you mean "fields"', db.define, db, "User", { a = D.INTEGER }, { indexes = { { field = { "a" } } } })
    refused('did you mean "a"', db.define, db, "User", { a = D.INTEGER }, { indexes = { { fields = { "A" } } } })
    refused('did you mean "STRING"', function() return D.STRNG end)
    refused('did you mean "CASCADE"', db.define, db, "User", { a = { type = D.INTEGER, references = "Us",
      onDelete = "CASCADES" } })
    local function finds(pattern, ...)
      local err = helper.error_of(...)
      assert.equal("error", rowan.kind(err), tostring(err))
      assert.matches(pattern, err.message)
    end
    db:sync()
    finds('did you mean "where"', User.findAll, User, { were = {} })
    finds('did you mean "name"', User.findAll, User, { where = { nmae = "x" } })
    finds('did you mean "name"', User.create, User, { Name = "x" })
    finds('did you mean "name"', User.build, User, { nam = "x" })
    finds('did you mean "name"', User.update, User, { nane = "x" }, { where = { id = 1 } })
    finds('did you mean "returning"', User.update, User, { name = "x" }, { where = { id = 1 }, returnig = true })
    finds('did you mean "between"', function() return Op.betwen end)
    finds('did you mean "User"', db.model, db, "Usr")
    User:hasMany(db:define("Post", { title = D.STRING }, PLAIN), { as = "posts" })
    finds('did you mean "posts"', User.findAll, User, { include = { "post" } })
    finds('did you mean "attributes"', User.findAll, User, { include = { { as = "posts", attribute = {} } } })
    finds('did you mean "title"', User.findAll, User, { include = { { as = "posts", attributes = { "titel" } } } })
    finds('did you mean "onDelete"', User.hasOne, User, db:model("Post"), { as = "one", ondelete = "CASCADE" })
    finds('did you mean "logging"', function() rowan.connect("sqlite::memory:", { loging = false }) end)
  end)

  it("is refused by shape", function()
    local db = connect()
    refused("attributes", db.define, db, "T", {}, { noPrimaryKey = true, timestamps = false })
    refused("name", db.define, db, nil, {})
    refused("name", db.define, db, "", {})
    refused("T%.a", db.define, db, "T", { a = "STRING" })
    refused("T%.a", db.define, db, "T", { a = {} })
    refused("T%.a", db.define, db, "T", { a = { type = D.NOW } })
    refused("T%.a", db.define, db, "T", { a = { type = D.ENUM } })
    refused("T%.a", db.define, db, "T", { a = { type = D.INTEGER, allowNull = "no" } })
    refused("T%.a", db.define, db, "T", { a = { type = D.STRING, autoIncrement = true } })
    refused("two attributes", db.define, db, "T", { { "a", D.STRING }, { "a", D.STRING } })
    refused("same column", db.define, db, "T", { { "a", D.STRING }, { "b", D.STRING, field = "a" } })
    refused("options", db.define, db, "T", { a = D.STRING }, "timestamps")
    refused("timestamps", db.define, db, "T", { a = D.STRING }, { timestamps = "yes" })
  end)
end)
