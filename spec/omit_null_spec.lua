-- The option omitNull of a model: NULL given is as good as nothing given.

local helper = require "spec.helper"
local rowan = require "rowan"

local D, null = rowan.DataTypes, rowan.null

helper.each(function(_, connect)
  local db, User

  before_each(function()
    db = connect()
    User = db:define("User", {
      { "email", D.STRING, unique = true }, { "name", D.STRING }, { "level", D.INTEGER, defaultValue = rowan.literal("7") },
      { "rank", D.INTEGER, defaultValue = 3 },
    }, { omitNull = true, timestamps = false })
    db:sync()
  end)

  it("leaves NULL out of an INSERT, so that the column's default is taken", function()
    local user = User:create{ email = "a", level = null, rank = null }
    assert.equal(7, user.level)
    assert.equal(3, user.rank)
    assert.equal(7, User:findByPk(user.id).level)
    local users = User:bulkCreate{ { email = "b", level = null }, { email = "c", level = 1 } }
    assert.equal(7, users[1].level)
    assert.equal(1, users[2].level)
  end)

  it("leaves NULL out of an UPDATE, and the row shows what is stored", function()
    local user = User:create{ email = "a", name = "Ann", level = 1 }
    user:update{ name = null, level = 2 }
    assert.equal("Ann", user.name)
    assert.equal(2, user.level)
    user.name = nil
    user:save()
    user:reload()
    assert.equal("Ann", user.name)
    User:update({ name = null, level = 3 }, { where = { email = "a" } })
    user:reload()
    assert.equal("Ann", user.name)
    assert.equal(3, user.level)
  end)

  it("leaves NULL out of an upsert", function()
    User:create{ email = "a", name = "Ann" }
    local user = User:upsert{ email = "a", name = null, level = 4 }
    assert.equal("Ann", user.name)
    assert.equal(4, user.level)
  end)

  it("does not keep associations and soft deletes from letting go", function()
    local Task = db:define("Task", { title = D.STRING }, { omitNull = true, paranoid = true })
    User:hasMany(Task, { as = "tasks", foreignKey = "userId", constraints = false })
    Task:belongsTo(User, { as = "user", foreignKey = "userId", constraints = false })
    db:sync()
    local user = User:create{ email = "a" }
    local task = user:createTask{ title = "x" }
    user:setTasks({})
    assert.equal(0, user:countTasks())
    task:reload()
    task:setUser(user)
    task:setUser(nil)
    assert.is_nil(task:reload().userId)
    task:destroy()
    task:restore()
    assert.is_nil(Task:findByPk(task.id).deletedAt)
    Task:destroy{ where = rowan.all }
    Task:restore{ where = rowan.all }
    assert.equal(1, Task:count())
  end)

  it("is turned off by a call", function()
    local user = User:create({ email = "a", name = "Ann", rank = null }, { omitNull = false })
    assert.is_nil(user:reload().rank)
    user:update({ name = null }, { omitNull = false })
    assert.is_nil(user:reload().name)
    User:update({ level = null }, { where = { email = "a" }, omitNull = false })
    assert.is_nil(user:reload().level)
    user:update{ name = "Ann" }
    assert.is_nil(User:upsert({ email = "a", name = null }, { omitNull = false }).name)
    assert.is_nil(User:bulkCreate({ { email = "b", rank = null } }, { omitNull = false })[1].rank)
  end)

  it("can be asked for by one call", function()
    local Plain = db:define("Plain", {
      { "email", D.STRING, unique = true }, { "name", D.STRING }, { "rank", D.INTEGER, defaultValue = 3 },
    }, { timestamps = false })
    Plain:hasMany(Plain, { as = "below", foreignKey = "aboveId" })
    db:sync()
    assert.is_nil(Plain:create{ email = "0", rank = null }.rank)
    local call = { omitNull = true }
    local one = Plain:create({ email = "a", name = "Ann", rank = null, below = { { email = "b", rank = null } } },
      { omitNull = true, include = "below" })
    assert.same({ 3, 3 }, { one.rank, one.below[1].rank })
    assert.equal(3, Plain:bulkCreate({ { email = "c", rank = null } }, call)[1].rank)
    one:update({ name = null, rank = 4 }, call)
    assert.same({ "Ann", 4 }, { one.name, one.rank })
    one.name = nil
    one:save(call)
    assert.equal("Ann", one.name)
    assert.equal("Ann", one:reload().name)
    Plain:update({ name = null, rank = 5 }, { where = { email = "a" }, omitNull = true })
    assert.same({ "Ann", 5 }, { one:reload().name, one.rank })
    assert.equal("Ann", Plain:upsert({ email = "a", name = null, rank = 6 }, call).name)
    local below = Plain:findOne{ where = { email = "b" } }
    below.aboveId = nil
    below:save(call)
    assert.is_nil(below:reload().aboveId)
    assert.equal(7, Plain:build({ email = "d", rank = null }):save(call).rank + 4)
  end)

  it("is given to all models by an option of the database", function()
    local own = connect{ omitNull = true }
    local attributes = { { "rank", D.INTEGER, defaultValue = 3 } }
    local All = own:define("All", attributes, { timestamps = false })
    local None = own:define("None", attributes, { timestamps = false, omitNull = false })
    own:sync()
    assert.equal(3, All:create{ rank = null }.rank)
    assert.is_nil(None:create{ rank = null }.rank)
  end)
end)
