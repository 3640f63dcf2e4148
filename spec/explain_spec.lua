-- Plans of statements, and the advice that comes with them.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op
local error_of = helper.error_of

helper.each(function(dialect, connect)
  local function filled(n)
    local db = connect()
    local User = db:define("User", { name = D.STRING, age = D.INTEGER }, { timestamps = false })
    local Post = db:define("Post", { title = D.STRING }, { timestamps = false })
    User:hasMany(Post)
    Post:belongsTo(User)
    db:sync()
    local users, posts = {}, {}
    for i = 1, n do users[i], posts[i] = { name = "n" .. i, age = i % 90 }, { title = "t" .. i, userId = i } end
    User:bulkCreate(users)
    Post:bulkCreate(posts)
    return User, Post, db
  end

  local function kinds(plan)
    local list = {}
    for i, advice in ipairs(plan.advice) do
      list[i] = advice.kind .. " " .. advice.table .. " " .. table.concat(advice.columns or {}, ",")
    end
    return table.concat(list, "; ")
  end

  it("gives a plan that reads well, as a tree, instead of rows", function()
    local User = filled(3)
    local plan = User:findAll { where = { age = 7 }, explain = true }
    assert.matches('SELECT .* FROM "Users" WHERE "age" = ', plan.sql)
    assert.equal("Users", plan.nodes[1].table)
    assert.is_true(plan.nodes[1].scans)
    assert.equal(plan.text, tostring(plan))
    assert.matches("Users", tostring(plan))
    assert.same({}, plan.advice)
    assert.falsy(User:findByPk(1, { explain = true }).nodes[1].scans and dialect == "sqlite")
    assert.is_string(User:findOne { explain = true }.text)
  end)

  it("advises where a big table is read from end to end", function()
    local User, Post, db = filled(60)
    local how = { threshold = 50 }
    local plan = User:findAll { where = { age = { [Op.gt] = 7 } }, explain = how }
    assert.equal("scan Users ; index Users age", kinds(plan))
    assert.matches("no index of Users begins with age", plan.text)
    assert.equal("", kinds(User:findAll { where = { age = 7 }, explain = true }))
    assert.matches("foreignKey Posts userId", kinds(User:findAll { include = "posts", explain = how }))
    assert.matches("index Posts userId; foreignKey Posts userId",
      kinds(Post:findAll { where = { userId = 3 }, explain = how }))
    db:query('CREATE INDEX posts_by_user ON "Posts" ("userId")')
    assert.falsy(kinds(Post:findAll { where = { userId = 3 }, explain = how }):find("userId"))
  end)

  it("runs what it is to measure, and nothing of it stays", function()
    local User, _, db = filled(5)
    local plan = User:findAll { explain = { analyze = true } }
    assert.equal(5, plan.actualRows)
    assert.is_number(plan.executionTime)
    local sql = 'DELETE FROM "Users" WHERE age > ?'
    local values = { 0 }
    assert.is_table(db:explain(sql, { replacements = values }).nodes)
    local ok, err = pcall(db.explain, db, sql, { replacements = values, analyze = true })
    if dialect == "postgres" then
      assert.is_false(ok)
      assert.matches("read%-only transaction", err.message)
    end
    assert.equal(5, User:count())
    db:transaction(function()
      User:create { name = "x" }
      assert.equal(6, User:findAll({ explain = { analyze = true } }).actualRows)
      pcall(db.explain, db, sql, { replacements = values, analyze = true })
      assert.equal(6, User:count())
      User:create { name = "y" }
    end)
    assert.equal(7, User:count())
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("takes SQL, its values and queries of the builder", function()
    local User, _, db = filled(60)
    local plan = db:explain('SELECT * FROM "Users" AS u WHERE u.age = :age', { replacements = { age = 3 }, threshold = 50 })
    assert.equal("scan Users ; index Users age", kinds(plan))
    assert.equal("Users", db:explain(db:from("Users"):where { age = 3 }).nodes[1].table)
    assert.equal(60, User:count())
  end)

  it("refuses what it cannot do", function()
    local User, _, db = filled(1)
    assert.matches('no option "analyse"', error_of(User.findAll, User, { explain = { analyse = true } }).message)
    assert.matches("threshold must be", error_of(User.findAll, User, { explain = { threshold = 0 } }).message)
    assert.matches("explain", error_of(User.findAndCountAll, User, { explain = true }).message)
    assert.matches("single statement", error_of(db.explain, db, "SELECT 1; SELECT 2").message)
    assert.equal("DatabaseError", error_of(db.explain, db, "SELECT * FROM nowhere").name)
  end)
end)
