-- Options of finders beside conditions, order and page: distinct, plain, nest, comments, empty includes, what is raised.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, fn, col = rowan.DataTypes, rowan.fn, rowan.col

helper.each(function(_, connect)
  local function filled()
    local db = connect()
    local User = db:define("User", { { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING } },
      { timestamps = false })
    local Post = db:define("Post", { { "id", D.INTEGER, primaryKey = true }, { "title", D.STRING } },
      { timestamps = false })
    Post:belongsTo(User, { as = "author" })
    User:hasMany(Post, { as = "posts", foreignKey = "authorId" })
    db:sync()
    User:bulkCreate { { id = 1, name = "Ann" }, { id = 2, name = "Ben" }, { id = 3, name = "Ann" } }
    Post:bulkCreate { { id = 1, title = "a", authorId = 1 }, { id = 2, title = "b", authorId = 2 } }
    return User, Post
  end

  local function text_of(call)
    return helper.statements(call)[1]
  end

  it("gives equal rows once", function()
    local User = filled()
    local rows = User:findAll { attributes = { "name" }, distinct = true, order = "name" }
    assert.same({ "Ann", "Ben" }, { rows[1].name, rows[2].name })
    assert.is_nil(rows[3])
    assert.equal(1, #User:findAll { attributes = { "name" }, distinct = true, limit = 1 })
    -- With their primary key all rows differ.
    local text = text_of(function()
      assert.equal(3, User:findAndCountAll { distinct = true, limit = 1, include = "posts" }.count)
    end)
    assert.is_nil(text:find("DISTINCT", 1, true))
  end)

  it("gives the first row alone", function()
    local User = filled()
    assert.equal(3, User:findAll { plain = true, order = { { "id", "DESC" } } }.id)
    assert.is_nil(User:findAll { plain = true, where = { id = 9 } })
    assert.equal(1, User:findOne { limit = 1 }.id)
    assert.matches("limit is 1", helper.error_of(User.findOne, User, { limit = 2 }).message)
  end)

  it("refuses what is neither true nor false where that is asked", function()
    local User = filled()
    for _, name in ipairs { "raw", "paranoid", "hooks" } do
      local err = helper.error_of(User.findAll, User, { [name] = "no" })
      assert.equal("QueryError", err.name)
      assert.matches(name .. " must be true or false", err.message)
    end
    assert.matches("paranoid must be", helper.error_of(User.count, User, { paranoid = 0 }).message)
    assert.equal(User:count(), User:count { paranoid = false, hooks = true })
  end)

  it("nests raw rows", function()
    local User = filled()
    assert.same({ { id = 1, name = { first = "Ann" } } },
      User:findAll { raw = true, nest = true, attributes = { "id", { "name", "name.first" } }, limit = 1 })
  end)

  it("orders by alias, by an expression of an association, and at random", function()
    local User, Post = filled()
    local rows = User:findAll { attributes = { "id", { fn("UPPER", col("name")), "loud" } },
      order = { { "loud", "DESC" }, "id" } }
    assert.same({ 2, 1, 3 }, { rows[1].id, rows[2].id, rows[3].id })
    local posts = Post:findAll { order = { { "author", fn("UPPER", col("name")), "DESC" } } }
    assert.same({ 2, 1 }, { posts[1].id, posts[2].id })
    assert.equal(3, #User:findAll { order = rowan.random() })
    assert.equal(3, #User:findAll { order = { { "name", "NULLS LAST" } } })
  end)

  it("writes a comment that nothing in it can end", function()
    local User = filled()
    local text = text_of(function() User:findAll { comment = "*/ DROP TABLE x; /*/\n-- $1" } end)
    assert.matches(" /%* %* / DROP TABLE x; / %* / %-%- %$1 %*/$", text)
    text = text_of(function() User:count { comment = { route = "/a*/b'", app = "x" } } end)
    assert.matches(" /%* app='x',route='%%2Fa%%2A%%2Fb%%27' %*/$", text)
    for _, hostile in ipairs { "*/", "/*", "*/*", "/", "*", "/*/", "**//**//", "'\"`;" } do
      assert.equal(3, #User:findAll { comment = hostile })
      assert.is_true(User:exists { comment = hostile })
    end
  end)

  it("filters by an include that reads nothing, and loads nothing of it", function()
    local User, Post = filled()
    local rows
    local sent = helper.count(function()
      rows = User:findAll { include = { { association = "posts", attributes = {}, where = { title = "b" } } } }
    end)
    assert.equal(1, sent)
    assert.same({ { id = 2, name = "Ben" } }, { rows[1]:toJSON() })
    assert.is_nil(rows[1].posts)
    assert.is_false(rows[1]:isLoaded("posts"))
    assert.same({ id = 1, title = "a", authorId = 1 },
      Post:findOne { include = { { association = "author", attributes = {}, required = true } }, order = "id" }:toJSON())
  end)

  it("raises what the call says when there is nothing", function()
    local User = filled()
    local nobody = { id = 9 }
    assert.equal("EmptyResultError", helper.error_of(User.findOne, User, { where = nobody, rejectOnEmpty = true }).name)
    assert.equal("ValidationError",
      helper.error_of(User.findAll, User, { where = nobody, rejectOnEmpty = rowan.errors.ValidationError }).name)
    local own = helper.error_of(User.findOne, User, { limit = 2 })
    assert.equal(own, helper.error_of(User.findByPk, User, 9, { rejectOnEmpty = own }))
    assert.is_nil(User:findOne { where = nobody, rejectOnEmpty = false })
    local Strict = User.db:define("Strict", { name = rowan.DataTypes.STRING }, { rejectOnEmpty = true })
    Strict:sync()
    for _, method in ipairs { "findAll", "findOne" } do
      assert.equal("EmptyResultError", helper.error_of(Strict[method], Strict).name)
      assert.equal(own, helper.error_of(Strict[method], Strict, { rejectOnEmpty = own }))
    end
    assert.equal("EmptyResultError", helper.error_of(Strict.findByPk, Strict, 1).name)
    assert.same({}, Strict:findAll { rejectOnEmpty = false })
    assert.is_true((select(2, Strict:findOrCreate { where = { name = "a" } })))
    assert.equal("DefinitionError", helper.error_of(User.db.define, User.db, "Odd", {}, { rejectOnEmpty = {} }).name)
  end)
end)

describe("searchPath", function()
  helper.on("sqlite", function(_, connect)
    it("is refused by name", function()
      local db = connect()
      local User = db:define("User", { name = D.STRING }, { timestamps = false })
      assert.matches("searchPath: User: sqlite has no schemas",
        helper.error_of(User.findAll, User, { searchPath = "one" }).message)
    end)
  end)

  helper.on("postgres", function(_, connect)
    it("is for one call, in a transaction of its own or the one around", function()
      local db = connect()
      local schemas = {}
      for i, letter in ipairs { "a", "b" } do
        schemas[i] = db:query("SELECT current_schema() AS name", { plain = true }).name .. " " .. letter
        db:query(('CREATE SCHEMA "%s"'):format(schemas[i]))
      end
      local ok, problem = pcall(function()
        local User = db:define("User", { { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING } },
          { timestamps = false })
        User:hasMany(User, { as = "friends", foreignKey = "friendId" })
        db:sync()
        User:create { id = 1, name = "here" }
        for i, schema in ipairs(schemas) do
          db:query(('CREATE TABLE "%s"."Users" (id int, name text, "friendId" int)'):format(schema))
          db:query(([[INSERT INTO "%s"."Users" VALUES (%d, 'in %d', 1), (1, 'x', NULL)]]):format(schema, i + 1, i))
        end
        local function names(path)
          local list = User:pluck("name", { searchPath = path, order = { { "id", "DESC" } } })
          return table.concat(list, " ")
        end
        local function all_of()
          assert.equal("in 1 x", names(schemas[1]))
          assert.equal("in 2 x", names { schemas[2], "public" })
          assert.equal("here", names())
          assert.equal(2, User:count { searchPath = schemas[1] })
          assert.equal(3, User:sum("id", { searchPath = schemas[1] }))
          assert.is_false(User:exists { searchPath = schemas[1], where = { id = 3 } })
          assert.is_true(User:exists { searchPath = schemas[2], where = { id = 3 } })
          assert.equal("in 2", User:findByPk(3, { searchPath = schemas[2] }).name)
          assert.equal("in 1", User:findByPk(1, { searchPath = schemas[1], include = "friends" }).friends[1].name)
          assert.equal(2, User:findAndCountAll { searchPath = schemas[1], limit = 1 }.count)
        end
        all_of()
        db:transaction(all_of)
        db:transaction(function()
          helper.error_of(User.findAll, User, { searchPath = schemas[1], where = { nme = 1 } })
          assert.equal("here", names())
        end)
      end)
      for _, schema in ipairs(schemas) do db:query(('DROP SCHEMA "%s" CASCADE'):format(schema)) end
      if not ok then error(problem, 0) end
    end)
  end)
end)
