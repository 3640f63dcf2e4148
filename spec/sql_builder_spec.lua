-- db:from, Model:query and Model:select: queries as values, what they refuse, and how they are planned.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local fn, col = rowan.fn, rowan.col

local function values(rows, key)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row[key] end
  return table.concat(list, " ")
end

helper.each(function(dialect, connect)
  local db, User, Post

  before_each(function()
    db = connect()
    User = db:define("User", {
      name = DataTypes.STRING, age = DataTypes.INTEGER, active = DataTypes.BOOLEAN, born = DataTypes.DATEONLY,
      prefs = DataTypes.JSONB,
    }, { timestamps = false })
    Post = db:define("Post", {
      title = DataTypes.STRING, views = DataTypes.INTEGER, userId = DataTypes.INTEGER, price = DataTypes.DECIMAL(8, 2),
      at = DataTypes.DATE,
    }, { timestamps = false, underscored = true, tableName = "posts" })
    db:sync()
    User:bulkCreate({
      { name = "Ann", age = 30, active = true, born = "1994-05-01", prefs = { dark = true } },
      { name = "Ben", age = 20, active = false }, { name = "Cid", age = 40, active = true },
    })
    Post:bulkCreate({
      { title = "a", views = 1, userId = 1, price = "1.10", at = "2024-01-01T00:00:00.000Z" },
      { title = "b", views = 5, userId = 1, price = "2.20" }, { title = "c", views = 3, userId = 2, price = "0.05" },
    })
  end)

  local function refused(pattern, fun)
    local err = helper.error_of(fun)
    assert.is_true(rowan.is(err, "QueryError"), tostring(err))
    assert.matches(pattern, err.message)
  end

  it("leaves a query as it was when another is made from it", function()
    local base = db:from("Users as u"):where("u.active", true)
    local named, counted = base:select("u.name"):orderBy("u.name"), base:count()
    assert.equal(2, counted)
    assert.equal("Ann Cid", values(named:all(), "name"))
    assert.equal(2, #base:all())
    assert.equal("Cid", base:where("u.age", ">", 30):first().name)
    assert.equal("query", rowan.kind(base))
  end)

  it("plans a shape once, whatever the values", function()
    local function text(age, names)
      return (db:from("Users as u"):where("u.age", ">", age):whereIn("u.name", names):limit(age):toSQL())
    end
    assert.equal(text(1, { "a" }), text(2, { "a", "b", "c" }))
    local statement = require("rowan.query.statement")
    local plan, planned = statement.plan, 0
    statement.plan = function(...)
      planned = planned + 1
      return plan(...)
    end
    for i = 1, 5 do
      db:from(Post:query("p"):where("p.views", ">", i):as("x")):join({ User, "u" }, "u.id", "x.userId")
        :select("u.name", { fn("SUM", col("x.views")), "views" }):groupBy("u.name"):having(fn("COUNT", col("*")), ">=", i):all()
    end
    statement.plan = plan
    assert.equal(1, planned)
  end)

  it("gives values of a model's columns their types, through subqueries and WITH", function()
    local recent = Post:query("p"):select("p.at", "p.price", "p.userId"):where("p.title", "a")
    local row = db:from("recent as r"):with("recent", recent):join({ User, "u" }, "u.id", "r.userId")
      :select("r.at", "r.price", "u.active", "u.born", "u.prefs"):first()
    assert.same({
      at = "2024-01-01T00:00:00.000Z", price = "1.10", active = true, born = "1994-05-01", prefs = { dark = true },
    }, row)
    refused("age must be an integer", function() User:query():where("age", "old"):all() end)
  end)

  it("takes conditions as tables, triples, expressions and groups", function()
    local q = db:from("Users as u"):orderBy("u.id")
    assert.equal("Ann Cid", values(q:where{ ["u.age"] = { [Op.gte] = 30 } }:all(), "name"))
    assert.equal("Ben Cid", values(q:where("u.age", 20):orWhere("u.age", ">", 30):all(), "name"))
    assert.equal("Cid", values(q:where("u.active", true):where(function(w)
      return w:where("u.age", 20):orWhere("u.age", 40)
    end):all(), "name"))
    assert.equal("Ben", values(q:whereNot("u.active", true):all(), "name"))
    assert.equal("Ben", values(q:whereNot(function(w) return w:where("u.age", 30):orWhere("u.age", 40) end):all(), "name"))
    assert.equal("Ann", values(q:whereNotNull("u.born"):all(), "name"))
    assert.equal("Ben Cid", values(q:whereNull("u.born"):all(), "name"))
    assert.equal("Ann Ben", values(q:whereBetween("u.age", { 20, 30 }):all(), "name"))
    assert.equal("Ann", values(q:where(rowan.where(fn("LOWER", col("u.name")), "ann")):all(), "name"))
    assert.equal(3, #q:where(rowan.all):all())
  end)

  it("joins in every way, and names what is ambiguous or unknown", function()
    local q = User:query("u"):leftJoin({ Post, "p" }, { ["p.userId"] = col("u.id"), ["p.views"] = { [Op.gt] = 2 } })
      :select("u.name", "p.title"):orderBy{ "u.id", "p.id" }
    local rows = q:all()
    assert.equal("Ann Ben Cid", values(rows, "name"))
    assert.is_nil(rows[3].title)
    assert.equal(9, db:from("Users as u"):crossJoin("posts as p"):count())
    refused("u has no column \"nam\" .did you mean \"name\"", function() User:query("u"):where("u.nam", 1):all() end)
    refused("no table \"x\" %(known: p, u%)", function() q:where("x.id", 1):all() end)
    refused('"id" is in u and in p', function() q:where("id", 1):all() end)
    refused("two tables of the query are called u", function() User:query("u"):join("posts as u", "u.id", "u.id"):all() end)
    refused('two columns of the result are called "id"', function() q:select("u.id", "p.id"):all() end)
  end)

  it("stands as a value, a list and a condition in finders, and sees the row around it", function()
    local many = Post:select{ attributes = { "userId" }, where = { views = { [Op.gt] = 2 } } }
    assert.equal("Ann Ben", values(User:findAll{ where = { id = { [Op.in_] = many } }, order = { "id" } }, "name"))
    assert.equal("Cid", values(User:findAll{ where = { id = { [Op.notIn] = many } } }, "name"))
    local own = db:from("posts as p"):where("p.user_id", col("User.id"))
    local rows = User:findAll{
      attributes = { "name", { own:select(fn("COUNT", col("*"))), "posts" } }, where = rowan.exists(own), order = { "id" },
    }
    assert.equal("Ann Ben", values(rows, "name"))
    assert.equal("2 1", values(rows, "posts"))
    assert.equal("Cid", values(User:findAll{
      where = { [Op.not_] = rowan.exists(Post:select{ where = { userId = col("User.id") } }) },
    }, "name"))
    local oldest = db:from("Users"):select(fn("MAX", col("age")))
    assert.equal("Cid", User:findOne{ where = { age = oldest } }.name)
    assert.equal(1, User:count{ where = { age = { [Op.lt] = db:from("Users"):select(fn("AVG", col("age"))) } } })
    refused("gives one column, this one 2", function()
      User:findAll{ where = { id = { [Op.in_] = Post:select{ attributes = { "id", "userId" } } } } }
    end)
  end)

  it("compares with any or all of what a query gives, and orders within an aggregate, on PostgreSQL", function()
    local ages = db:from("Users"):select("age")
    local names = User:query():select({ fn("STRING_AGG", col("name"), ","):orderBy{ { "name", "DESC" } }, "names" })
    if dialect == "sqlite" then
      refused("Op.any of a query: sqlite does not have it", function()
        User:findAll{ where = { age = { [Op.gt] = { [Op.any] = ages } } } }
      end)
      return refused("an order within an aggregate is not there on sqlite", function() names:all() end)
    end
    assert.equal(2, User:count{ where = { age = { [Op.gt] = { [Op.any] = ages } } } })
    assert.equal("Cid", User:findOne{ where = { age = { [Op.gte] = { [Op.all] = ages } } } }.name)
    assert.equal("Cid,Ben,Ann", names:first().names)
  end)

  it("reads paths below JSON, CASE and SQL of one's own", function()
    local q = User:query("u"):select("u.name"):orderBy("u.id")
    assert.equal("Ann", values(q:where("u.prefs.dark", true):all(), "name"))
    assert.same({ a = true, b = true, name = "Ann" },
      q:select({ "u.prefs.dark", "a" }, { col("u.prefs.dark"), "b" }):first())
    assert.equal("Ann Cid", values(q:whereRaw("u.age > ? AND u.name <> ?", 25, "x"):all(), "name"))
    local kind = rowan.case{ { { age = { [Op.gt] = 25 } }, "old" }, else_ = "young" }
    local rows = db:from("Users"):select({ kind, "kind" }, { fn("COUNT", col("*")), "n" }):groupBy(kind):orderBy("kind"):all()
    assert.same({ { kind = "old", n = 2 }, { kind = "young", n = 1 } }, rows)
  end)

  it("gives its own tables other aliases than the caller's", function()
    for _, alias in ipairs({ "t0", "t1", "t7" }) do
      local own = db:from("posts as " .. alias):where(alias .. ".user_id", col("User.id"))
      assert.equal(2, User:count{ where = rowan.exists(own) })
    end
  end)

  it("narrows bulk writes of models by queries", function()
    assert.equal(2, (User:update({ active = false }, {
      where = { id = { [Op.in_] = db:from("posts"):select("user_id") } },
    })))
    assert.equal(1, User:destroy{ where = { [Op.not_] = rowan.exists(Post:select{ where = { userId = col("User.id") } }) } })
  end)

  it("puts queries under names for a finder", function()
    local popular = Post:query():select("userId", { fn("SUM", col("views")), "views" }):groupBy("userId")
    local list = User:findAll{
      with = { popular = popular }, order = { "id" },
      where = { id = { [Op.in_] = db:from("popular"):select("userId"):where("views", ">", 3) } },
    }
    assert.equal("Ann", values(list, "name"))
    local beyond = User:findAndCountAll{
      with = { popular = popular }, where = { id = { [Op.in_] = db:from("popular"):select("userId") } }, limit = 1, offset = 9,
    }
    assert.equal(2, beyond.count)
    local numbers = db:from{ rowan.values{ { n = 20 } }, "v" }:select("v.n")
      :unionAll(db:from("numbers"):select({ col("n") + 10, "n" }):where("n", "<", 30))
    assert.equal("Ann Ben", values(User:findAll{
      withRecursive = { { "numbers", numbers } }, where = { age = { [Op.in_] = db:from("numbers"):select("n") } },
      order = { "name" },
    }, "name"))
  end)

  it("joins queries by UNION, INTERSECT and EXCEPT, nested as they were written", function()
    local young, old = db:from("Users"):select("name"):where("age", "<", 30), db:from("Users"):select("name"):where("age", ">", 30)
    local active = db:from("Users"):select("name"):where("active", true)
    assert.equal("Ben Cid", values(young:union(old):orderBy("name"):all(), "name"))
    assert.equal("Cid", values(young:union(old):intersect(active):all(), "name"))
    assert.equal("Ben", values(young:union(old):except(active):all(), "name"))
    assert.equal(4, young:unionAll(old, active):count())
    assert.equal("Cid", young:union(old):orderBy("name", "DESC"):limit(1):first().name)
    assert.equal("Ben", values(young:union(db:from("Users"):select("name"):orderBy("age", "DESC"):limit(1)):except(old):all(), "name"))
    refused("give 1 and 2 columns", function() young:union(db:from("Users"):select("name", "age")):all() end)
    if dialect == "sqlite" then refused("INTERSECT ALL is not there", function() young:intersectAll(old):all() end) end
  end)

  it("takes rows of one's own, functions and lateral queries as tables", function()
    local own = rowan.values{ { id = 1, note = "x" }, { id = 3, note = rowan.null } }
    local rows = User:query("u"):join({ own, "v" }, "v.id", "u.id"):select("u.name", "v.note"):orderBy("u.id"):all()
    assert.same({ { name = "Ann", note = "x" }, { name = "Cid" } }, rows)
    local best = Post:query("p"):where("p.userId", col("u.id")):orderBy("p.views", "DESC"):limit(1):select("p.title"):as("best")
    local lateral = User:query("u"):leftJoinLateral(best):select("u.name", "best.title"):orderBy("u.id")
    if dialect == "postgres" then
      assert.equal("b c", values(lateral:all(), "title"))
      assert.equal("1 2 3", values(db:from{ fn("generate_series", rowan.cast(1, "int"), 3), "g", { "n" } }:all(), "n"))
    else
      refused("LATERAL is not there on sqlite", function() lateral:all() end)
      assert.equal("4 5", values(db:from{ fn("json_each", "[4,5]"), "j" }:select("j.value"):all(), "value"))
    end
  end)

  it("takes the first of each group, also where no DISTINCT ON is", function()
    local rows = Post:query("p"):distinctOn("p.userId"):orderBy{ "p.userId", { "p.views", "DESC" } }
      :select("p.title", "p.userId as who"):offset(0):limit(5):all()
    assert.same({ { title = "b", who = 1 }, { title = "c", who = 2 } }, rows)
  end)

  it("locks rows where they can be locked", function()
    local q = User:query("u"):join({ Post, "p" }, "p.userId", "u.id"):select("u.id"):forUpdate{ of = "u", skipLocked = true }
    if dialect == "sqlite" then return refused("no locks of rows", function() q:all() end) end
    assert.matches('FOR UPDATE OF "u" SKIP LOCKED$', (q:toSQL()))
    db:transaction(function() assert.equal(3, #q:all()) end)
  end)

  it("answers with one value", function()
    local posts = Post:query("p")
    assert.equal(3, posts:count())
    assert.equal(1, posts:count("p.at"))
    assert.equal(9, posts:sum("p.views"))
    assert.equal("3.35", posts:sum("p.price"))
    assert.equal("2024-01-01T00:00:00.000Z", posts:max("p.at"))
    assert.equal(2, posts:groupBy("p.userId"):select("p.userId"):count())
    assert.equal(2, posts:limit(2):count())
    assert.is_true(posts:where("p.views", 5):exists())
    assert.is_false(posts:where("p.views", 6):exists())
    assert.same({ "a", "b", "c" }, posts:orderBy("p.title"):pluck("p.title"))
    assert.equal(rowan.null, User:query():where("name", "Ben"):pluck("born")[1])
    local named = posts:select("p.title as t", "p.views"):orderBy("p.views", "DESC")
    assert.same({ "b", "c", "a" }, named:pluck("t"))
    assert.same({ "a", "b", "c" }, named:union(named):orderBy("t"):pluck("t"))
    assert.same({ "Ann", "Ben" }, User:select{ order = { "id" }, limit = 2 }:pluck("name"))
    refused('no column "title"', function() named:pluck("title") end)
    refused("column 1 of the query needs a name", function() db:from(posts:select(fn("MAX", col("p.views"))):as("x")):all() end)
    refused("is of another database", function() connect():from(User) end)
    assert.is_nil(posts:where("p.views", 6):first())
  end)

  it("is explained like a finder", function()
    assert.matches("Users", tostring(db:explain(db:from("Users"):where("age", ">", 1))))
  end)

  it("gives rows one after the other", function()
    local names = {}
    local statements = helper.statements(function()
      for row in User:query("u"):select("u.name", "u.active"):orderBy("u.id"):stream{ batch = 2 } do
        names[#names + 1] = row.name .. tostring(row.active)
      end
    end)
    assert.equal("Anntrue Benfalse Cidtrue", table.concat(names, " "))
    assert.is_true(#statements > 2)
    for row in User:select{ order = { "id" } }:stream() do names[#names + 1] = row:get("name") end
    assert.equal("Cid", names[6])
  end)

  it("writes by name, and only where it was told", function()
    local users = db:from("Users")
    local count, rows = users:returning("id", "name"):insert({ { name = "Dot", age = 1 }, { name = "Eve", age = rowan.null } })
    assert.equal(2, count)
    assert.same({ { id = 4, name = "Dot" }, { id = 5, name = "Eve" } }, rows)
    assert.equal(1, (users:where("name", "Dot"):update{ age = col("age") + 1, name = fn("UPPER", col("name")) }))
    assert.equal(2, users:where("name", "DOT"):first().age)
    assert.equal(3, (users:insert(users:select("name", "age"):where("age", ">=", 20))))
    local removed, gone = users:where("id", ">", 5):returning("name"):delete()
    assert.equal(3, removed)
    assert.equal(3, #gone)
    refused("there is no where", function() users:delete() end)
    refused("the where is empty", function() users:where{}:update{ age = 1 } end)
    refused("the where is empty", function() users:with("x", users:where("id", 1)):where{}:delete() end)
    refused("cannot take limit", function() users:where("id", 1):limit(1):delete() end)
    refused("User is a model", function() User:query():where("id", 1):update{ age = 1 } end)
    refused("row 2 has age", function() users:insert{ { name = "x" }, { age = 1 } } end)
    refused("cannot be bound", function() users:insert{ name = {} } end)
    assert.equal(5, (users:where(rowan.all):delete()))
  end)

  it("stores more rows than a statement has parameters, all or none", function()
    local rows = {}
    for i = 1, 20000 do rows[i] = { name = "n" .. i, age = i } end
    assert.equal(20000, (db:from("Users"):insert(rows)))
    rows[20000].age = "x"
    if dialect == "postgres" then
      assert.is_false((pcall(function() db:from("Users"):insert(rows) end)))
      assert.equal(20003, db:from("Users"):count())
    end
  end)

  it("quotes every name and binds every value", function()
    local hostile = { "x; DROP TABLE Users", "a'b", "a b", "u.id; --", "1", "", "u.*.x", "a.b.c.d", "x as", "x as y z" }
    for _, text in ipairs(hostile) do
      refused("is no name", function() db:from(text) end)
      refused("is no name", function() db:from("Users as u"):select(text) end)
      refused("is no name", function() db:from("Users as u"):as(text) end)
      refused(".", function() db:from("Users as u"):orderBy(text):all() end)
      refused(".", function() db:from("Users as u"):where(text, 1):all() end)
      refused("is no name", function() db:from("Users"):where("id", 1):update{ [text] = 1 } end)
    end
    local odd = 'we"ird name'
    local quoted = '"' .. odd:gsub('"', '""') .. '"'
    local row = db:from("Users as " .. quoted):select(quoted .. ".name as " .. quoted):where(quoted .. ".id", 1):first()
    assert.equal("Ann", row[odd])
    local evil = "'; DROP TABLE \"Users\"; --"
    assert.equal(0, #db:from("Users"):where("name", evil):all())
    assert.is_nil((db:from("Users"):where("name", evil):toSQL()):find("DROP", 1, true))
    refused("is no frame", function() fn("SUM", 1):over{ frame = "ROWS 1 PRECEDING) --" } end)
    refused('no option "partition"', function() fn("SUM", 1):over{ partition = "x" } end)
  end)
end)
