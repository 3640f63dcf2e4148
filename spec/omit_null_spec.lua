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
end)
