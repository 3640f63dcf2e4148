-- Hooks of connections: around acquiring, connecting and disconnecting; then those around rowan.connect and definitions.
local driver = require "rowan.driver"
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

local ALL = {
  "beforePoolAcquire", "afterPoolAcquire", "beforeConnect", "afterConnect", "beforeDisconnect", "afterDisconnect",
}

local function wait_ms(ms)
  local stop = driver.values.monotonic() + ms
  repeat until driver.values.monotonic() >= stop
end

-- The names of the hooks that ran, in their order.
local function record(db, names)
  local seen = {}
  for _, name in ipairs(names or ALL) do
    db:addHook(name, "record", function() seen[#seen + 1] = name end)
  end
  return seen
end

local function forget(list)
  for i = #list, 1, -1 do list[i] = nil end
end

helper.each(function(dialect, connect)
  local pg = dialect == "postgres"

  local function one(db)
    return db:query("SELECT 1 AS one", { plain = true }).one
  end

  -- A word that only this session knows.
  local function mark(connection, word)
    if pg then return connection:query("SELECT set_config('rowan.word', $1, false)", { bind = { word } }) end
    connection:query("CREATE TEMP TABLE IF NOT EXISTS word (word TEXT)")
    connection:query("INSERT INTO word VALUES ($1)", { bind = { word } })
  end

  local function word_of(db)
    local sql = pg and "SELECT current_setting('rowan.word') AS word" or "SELECT word FROM word"
    return db:query(sql, { plain = true }).word
  end

  describe("hooks of connections", function()
    it("run around acquiring and connecting, in their order", function()
      local db = connect()
      local seen = record(db)
      db:authenticate()
      assert.same({ "beforePoolAcquire", "beforeConnect", "afterConnect", "afterPoolAcquire" }, seen)
      forget(seen)
      assert.equal(1, one(db))
      assert.same({ "beforePoolAcquire", "afterPoolAcquire" }, seen)
      forget(seen)
      db:transaction(function() one(db) end)
      assert.same({ "beforePoolAcquire", "afterPoolAcquire" }, seen)
      forget(seen)
      db:close()
      assert.same({ "beforeDisconnect", "afterDisconnect" }, seen)
    end)

    it("get the connection, which stays the same, and the options", function()
      local db = connect()
      local got = {}
      db:beforePoolAcquire(function(options) got.options = options end)
      db:beforeConnect(function(config) got.config = config end)
      db:afterConnect(function(connection, config)
        assert.equal(got.config, config)
        connection.made = "here"
        got.connection = connection
      end)
      for _, name in ipairs({ "beforeDisconnect", "afterDisconnect" }) do
        db:addHook(name, function(connection) got[name] = connection end)
      end
      db:afterPoolAcquire(function(connection, options)
        assert.equal(got.connection, connection)
        assert.equal("here", connection.made)
        assert.equal(got.options, options)
      end)
      one(db)
      assert.equal("read", got.options.type)
      db:transaction({ readOnly = true }, function() assert.equal("read", got.options.type) end)
      db:transaction(function() assert.equal("write", got.options.type) end)
      assert.equal(db, got.connection.db)
      assert.equal("connection", rowan.kind(got.connection))
      db:close()
      assert.equal(got.connection, got.beforeDisconnect)
      assert.equal(got.connection, got.afterDisconnect)
    end)

    it("run in a loop too, each in the coroutine of its call", function()
      local db, other = connect { pool = { max = 2 } }, connect()
      local seen = {}
      db:beforeConnect(function()
        local answer = "other " .. one(other)
        seen[#seen + 1] = answer
      end)
      db:afterConnect(function(connection) mark(connection, "set") end)
      local words = rowan.all {
        function() return word_of(db) end, function() return word_of(db) end, function() return word_of(db) end,
      }
      assert.same({ "set", "set", "set" }, words)
      assert.same({ "other 1", "other 1" }, seen)
      assert.equal(2, db.pool:stats().total)
    end)

    it("can be given as an option, and removed", function()
      local ran = 0
      local db = connect { hooks = { afterPoolAcquire = function() ran = ran + 1 end } }
      one(db)
      local remove = db:addHook("beforePoolAcquire", function() ran = ran + 10 end)
      one(db)
      assert.equal(12, ran)
      remove()
      db.hooks:removeAllListeners("afterPoolAcquire")
      one(db)
      assert.equal(12, ran)
      assert.is_false(db:hasHook("afterPoolAcquire"))
      assert.matches("there is no hook \"beforeConect\"", error_of(connect, { hooks = { beforeConect = print } }).message)
    end)

    it("are of the database alone", function()
      local User = connect():define("User", {})
      for _, name in ipairs(ALL) do
        assert.matches("one of the database", error_of(function() User:addHook(name, print) end).message)
      end
    end)
  end)

  describe("beforeConnect", function()
    it("changes what this one connection is made with", function()
      local db = connect { pool = { max = 2 } }
      local made = 0
      db:beforeConnect(function(config)
        made = made + 1
        if pg then config.applicationName = "token-" .. made else config.mode = made == 1 and "rwc" or "ro" end
      end)
      local function name()
        if pg then return db:query("SHOW application_name", { plain = true }).application_name end
        return db:query("PRAGMA query_only", { plain = true }) and db:query("PRAGMA database_list", { plain = true }).name
      end
      local first = name()
      local t = db:transaction({ readOnly = true })
      if pg then
        assert.equal("token-1", first)
        assert.equal("token-2", name())
      else
        local ok = pcall(db.query, db, "CREATE TABLE made_read_only (n)", { transaction = false })
        assert.is_false(ok)
      end
      assert.equal(2, made)
      t:rollback()
    end)

    it("sees what the URL and the options say, and its changes stay out of the next one", function()
      local db = connect { connectTimeout = 4000 }
      local seen = {}
      db:beforeConnect(function(config)
        seen[#seen + 1] = { config.connectTimeout, config.extra, config.storage ~= nil or config.searchPath ~= nil }
        if #seen == 1 then config.connectTimeout = 3000 end
      end)
      one(db)
      local t = db:transaction({ readOnly = true })
      db:query("SELECT 1", { transaction = false })
      t:rollback()
      assert.same({ { 4000, nil, true }, { 4000, nil, true } }, seen)
    end)

    it("is told of what it spells wrong", function()
      local db = connect()
      local key = pg and "pasword" or "storge"
      db:beforeConnect("wrong", function(config) config[key] = "x" end)
      local err = error_of(one, db)
      assert.is_true(rowan.is(err, "UsageError"))
      assert.matches(("beforeConnect: a connection has no option %q"):format(key), err.message, 1, true)
      assert.equal(0, db.pool:stats().total)
      db:removeHook("beforeConnect", "wrong")
      db:beforeConnect("type", function(config) config.connectTimeout = "soon" end)
      assert.matches("connectTimeout", error_of(one, db).message)
      db:removeHook("beforeConnect", "type")
      assert.equal(1, one(db))
    end)

    it("fails the call when the connection cannot be made so", function()
      local db = connect()
      db:beforeConnect("wrong", function(config)
        if pg then config.user = "nobody_of_that_name" else config.storage = "/nowhere/at/all.db" end
      end)
      for _, call in ipairs({ one, function() rowan.all({ function() one(db) end }) end }) do
        local err = error_of(call, db)
        assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
        assert.equal(0, db.pool:stats().total)
      end
      db:removeHook("beforeConnect", "wrong")
      assert.equal(1, one(db))
    end)
  end)

  describe("afterConnect", function()
    it("sets a session up before anybody has it", function()
      local db = connect { pool = { max = 1 } }
      db:afterConnect(function(connection) mark(connection, "ready") end)
      local tasks = {}
      for i = 1, 5 do tasks[i] = function() return word_of(db) end end
      assert.same({ "ready", "ready", "ready", "ready", "ready" }, rowan.all(tasks))
      assert.equal("ready", word_of(db))
    end)

    it("has the connection to itself, and only for as long as it runs", function()
      local db = connect()
      local kept
      db:afterConnect(function(connection) kept = connection end)
      one(db)
      local err = error_of(kept.query, kept, "SELECT 1")
      assert.is_true(rowan.is(err, "UsageError"))
      assert.matches("for as long as it runs", err.message)
    end)

    it("ends with the call's deadline", function()
      local db = connect { queryTimeout = 150 }
      local slow = pg and "SELECT pg_sleep(5)"
        or "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
      db:afterConnect("slow", function(connection) connection:query(slow) end)
      local began = driver.values.monotonic()
      assert.is_true(rowan.is(error_of(one, db), "TimeoutError"))
      assert.is_true(driver.values.monotonic() - began < 1500)
      assert.equal(0, db.pool:stats().total)
      db:removeHook("afterConnect", "slow")
      assert.equal(1, one(db))
    end)

    it("leaves a transaction without that deadline", function()
      local db = connect { queryTimeout = 300 }
      db:afterConnect(function(connection) connection:query("SELECT 1") end)
      local t = db:transaction({ readOnly = true })
      wait_ms(350)
      assert.equal(1, db:query("SELECT 1 AS one", { transaction = t, plain = true }).one)
      t:rollback()
    end)

    it("has its statements logged and hooked like others", function()
      local db = connect()
      local query
      db:beforeQuery(function(_, about) query = query or about end)
      db:afterConnect(function(connection) connection:query("SELECT 5 AS five") end)
      assert.same({ "SELECT 1 AS one", "SELECT 5 AS five" }, helper.statements(function() one(db) end))
      assert.equal("SELECT 5 AS five", query.sql)
    end)

    it("and all of them come before the hooks of the statement", function()
      local db = connect()
      local names = { "beforeQuery", "afterQuery" }
      for _, name in ipairs(ALL) do names[#names + 1] = name end
      local seen = record(db, names)
      one(db)
      assert.same({
        "beforePoolAcquire", "beforeConnect", "afterConnect", "afterPoolAcquire", "beforeQuery", "afterQuery",
      }, seen)
      forget(seen)
      db:addHook("afterConnect", function() error("no", 0) end)
      local t = db:transaction({ readOnly = true })
      forget(seen)
      assert.equal("no", error_of(db.query, db, "SELECT 1", { transaction = false }))
      assert.same({ "beforePoolAcquire", "beforeConnect", "afterConnect", "beforeDisconnect", "afterDisconnect" }, seen)
      t:rollback()
    end)
  end)

  describe("an error in a hook of connections", function()
    for _, name in ipairs({ "beforePoolAcquire", "beforeConnect", "afterConnect", "afterPoolAcquire" }) do
      it("fails the call and holds nothing: " .. name, function()
        local db = connect { pool = { max = 1 } }
        db:addHook(name, "stop", function() error("not now", 0) end)
        local seen = record(db, { "afterDisconnect" })
        for _, call in ipairs({
          function() one(db) end, function() db:transaction(function() end) end,
          function() rowan.all { function() one(db) end } end,
        }) do
          assert.equal("not now", error_of(call))
          local stats = db.pool:stats()
          assert.same({ 0, 0 }, { stats.inUse, stats.waiting })
        end
        if name == "afterConnect" then
          assert.equal(0, db.pool:stats().total)
          assert.equal(3, #seen)
        end
        db:removeHook(name, "stop")
        assert.equal(1, one(db))
      end)
    end

    it("fails no call when it is one of disconnecting, and leaks nothing", function()
      local told = {}
      local db = connect { pool = { max = 1, idle = 20 }, warnings = function(text) told[#told + 1] = text end }
      db:beforeDisconnect(function() error("first", 0) end)
      db:afterDisconnect(function() error("second", 0) end)
      one(db)
      wait_ms(40)
      assert.equal(1, one(db))
      assert.same({ "a hook beforeDisconnect failed: first", "a hook afterDisconnect failed: second" }, told)
      assert.equal("first", error_of(db.close, db))
      assert.equal(0, db.pool:stats().total)
      db:close()
    end)
  end)

  describe("disconnecting", function()
    it("has a connection that can be used in front, and none behind", function()
      local db = connect()
      local word, behind
      db:afterConnect(function(connection) mark(connection, "bye") end)
      db:beforeDisconnect(function(connection) word = word_of(connection) end)
      db:afterDisconnect(function(connection) behind = error_of(connection.query, connection, "SELECT 1") end)
      one(db)
      db:close()
      assert.equal("bye", word)
      assert.is_true(rowan.is(behind, "UsageError"))
    end)

    it("happens to what was idle for too long, down to min", function()
      local db = connect { pool = { max = 3, min = 1, idle = 30 } }
      local seen = record(db, { "beforeDisconnect", "afterDisconnect" })
      local a, b = db:transaction({ readOnly = true }), db:transaction({ readOnly = true })
      a:rollback()
      b:rollback()
      assert.equal(2, db.pool:stats().total)
      wait_ms(50)
      one(db)
      assert.same({ "beforeDisconnect", "afterDisconnect" }, seen)
      assert.equal(1, db.pool:stats().total)
    end)

    it("happens to what lived for long enough, and its place is filled by who comes for it", function()
      local db = connect { pool = { max = 1, lifetime = 20 } }
      local seen = record(db)
      one(db)
      wait_ms(40)
      forget(seen)
      rowan.all { function() one(db) end }
      assert.same({
        "beforePoolAcquire", "beforeDisconnect", "afterDisconnect", "beforeConnect", "afterConnect", "afterPoolAcquire",
      }, seen)
    end)

    it("is told of when a transaction was forgotten", function()
      local db = connect { pool = { max = 1 } }
      local seen = record(db, { "beforeDisconnect", "afterDisconnect" })
      do db:transaction({ readOnly = true }) end
      assert.equal(1, one(db))
      assert.same({ "beforeDisconnect", "afterDisconnect" }, seen)
    end)

    it("is told of when a coroutine was left inside of a hook", function()
      for _, name in ipairs { "beforeConnect", "afterConnect", "afterPoolAcquire" } do
        local db = connect { pool = { max = 1 } }
        local seen = record(db, { "beforeDisconnect", "afterDisconnect" })
        db:addHook(name, "leave", function() coroutine.yield("left") end)
        local co = coroutine.create(one)
        assert.equal("left", select(2, coroutine.resume(co, db)))
        db:removeHook(name, "leave")
        co = nil -- luacheck: ignore
        assert.equal(1, one(db))
        assert.equal(0, db.pool:stats().inUse)
        assert.same(name == "beforeConnect" and {} or { "beforeDisconnect", "afterDisconnect" }, seen)
      end
    end)

    it("of what comes back behind db:close has its hooks too", function()
      local db = connect()
      local seen = record(db, { "beforeDisconnect", "afterDisconnect" })
      local t = db:transaction({ readOnly = true })
      db:close()
      assert.same({}, seen)
      t:rollback()
      assert.same({ "beforeDisconnect", "afterDisconnect" }, seen)
    end)

    if pg then
      it("happens to a connection that was lost, and the next one is made by hooks again", function()
        local db, killer = connect { pool = { max = 1 } }, connect()
        local seen = record(db)
        db:afterConnect(function(connection) mark(connection, "again") end)
        db:beforeDisconnect("lost", function(connection)
          assert.is_true(rowan.is(error_of(connection.query, connection, "SELECT 1"), "ConnectionError"))
        end)
        local function kill()
          local pid = db:query("SELECT pg_backend_pid() AS pid", { plain = true }).pid
          killer:query("SELECT pg_terminate_backend($1::int)", { bind = { pid } })
          wait_ms(600)
          forget(seen)
        end
        kill()
        assert.equal("again", word_of(db))
        assert.same({
          "beforePoolAcquire", "beforeDisconnect", "afterDisconnect", "beforeConnect", "afterConnect", "afterPoolAcquire",
        }, seen)
        kill()
        assert.same({ "again" }, rowan.all { function() return word_of(db) end })
        local t = db:transaction()
        local pid = db:query("SELECT pg_backend_pid() AS pid", { plain = true, transaction = t }).pid
        killer:query("SELECT pg_terminate_backend($1::int)", { bind = { pid } })
        forget(seen)
        assert.is_true(rowan.is(error_of(db.query, db, "SELECT 1", { transaction = t }), "DatabaseError")
          or rowan.is(error_of(db.query, db, "SELECT 1", { transaction = t }), "ConnectionError"))
        t:rollback()
        assert.same({ "beforeDisconnect", "afterDisconnect" }, seen)
        assert.equal("again", word_of(db))
        db:removeHook("beforeDisconnect", "lost")
      end)
    end
  end)

  describe("a hook that wants another connection of its database", function()
    for _, name in ipairs(ALL) do
      it("is told that it cannot have it: " .. name, function()
        local problems = {}
        local db = connect { pool = { max = 1 }, warnings = false }
        db:addHook(name, function()
          local function wanted(fn) problems[#problems + 1] = error_of(fn) end
          wanted(function() one(db) end)
          wanted(function() db:transaction(function() end) end)
          wanted(function() rowan.all { function() one(db) end } end)
        end)
        one(db)
        rowan.all { function() one(db) end }
        db:close()
        assert.is_true(#problems >= 2)
        for _, err in ipairs(problems) do
          assert.is_true(rowan.is(err, "UsageError"))
          assert.matches("a hook " .. name .. " cannot wait", err.message)
        end
      end)
    end
  end)

  describe("waiting for a connection with hooks", function()
    it("serves who came first, and never opens more than max", function()
      local db, other = connect { pool = { max = 2, idle = 1 } }, connect()
      local open, most, order, tasks = 0, 0, {}, {}
      db:beforeConnect(function() one(other) end)
      db:afterConnect(function(connection)
        open = open + 1
        most = math.max(most, open)
        connection:query("SELECT 1")
      end)
      db:beforeDisconnect(function() one(other) end)
      db:afterDisconnect(function() open = open - 1 end)
      for i = 1, 12 do
        tasks[i] = function()
          if i % 3 == 0 then db:transaction(function() one(db) end) else one(db) end
          order[#order + 1] = i
        end
      end
      rowan.all(tasks)
      assert.equal(12, #order)
      assert.is_true(most <= 2)
      local stats = db.pool:stats()
      assert.same({ 0, 0 }, { stats.inUse, stats.waiting })
      db:close()
      assert.equal(0, open)
    end)

    it("loses no place, whatever its hooks raise and wherever it is", function()
      local db, other = connect { pool = { max = 2, idle = 5, lifetime = 20 }, warnings = false }, connect()
      local state, open, failing = 7, 0, true
      local function chance(of)
        state = (state * 1103515245 + 12345) % 2147483648
        return math.floor(state / 65536) % of == 0
      end
      local function hook(name, change)
        db:addHook(name, function(connection)
          open = open + (change or 0)
          if chance(3) then one(other) end
          if connection.query and chance(2) then pcall(connection.query, connection, "SELECT 1") end
          if failing and chance(8) then error("by chance", 0) end
        end)
      end
      for _, name in ipairs(ALL) do
        hook(name, name == "afterConnect" and 1 or name == "afterDisconnect" and -1 or nil)
      end
      local done, calls = 0, {
        one, function() db:transaction({ readOnly = true }, function() one(db) end) end,
        function() db:query("SELECT nothing FROM nowhere") end,
        function() db:transaction(function() error("mine", 0) end) end,
      }
      local function some()
        for i = 1, 8 do
          if pcall(calls[i % #calls + 1], db) then done = done + 1 end
        end
      end
      for _ = 1, 8 do
        rowan.all { some, some, some, some, some }
        some()
      end
      failing = false
      local stats = db.pool:stats()
      assert.same({ 0, 0 }, { stats.inUse, stats.waiting })
      assert.is_true(done > 50)
      db:close()
      assert.same({ 0, 0 }, { open, db.pool:stats().total })
    end)

    it("gives up after the acquire timeout", function()
      local db = connect { pool = { max = 1, acquire = 30 } }
      record(db)
      local t = db:transaction { readOnly = true }
      for _, call in ipairs({ one, function() rowan.all({ function() one(db) end }) end }) do
        assert.is_true(rowan.is(error_of(call, db), "ConnectionAcquireTimeoutError"))
      end
      t:rollback()
      assert.equal(1, one(db))
    end)

    it("fails when the pool was closed meanwhile", function()
      local db = connect()
      db:beforeConnect(function() db:close() end)
      local err = error_of(one, db)
      assert.is_true(rowan.is(err, "ConnectionError"), tostring(err))
      assert.equal(0, db.pool:stats().total)
    end)
  end)

  describe("models work with hooks of connections:", function()
    it("rows, streams and sync", function()
      local db = connect()
      local set = 0
      db:afterPoolAcquire(function(connection)
        set = set + 1
        connection:query("SELECT 1")
      end)
      local User = db:define("User", { name = { type = DataTypes.STRING, unique = true } })
      db:sync()
      local ann = User:create { name = "ann" }
      ann:update { name = "anna" }
      User:bulkCreate { { name = "b" }, { name = "c" } }
      local names = {}
      for user in User:stream({ order = "name" }) do names[#names + 1] = user.name end
      assert.same({ "anna", "b", "c" }, names)
      assert.is_true(rowan.is(error_of(User.create, User, { name = "b" }), "UniqueConstraintError"))
      assert.equal(3, User:count())
      assert.is_true(set >= 6)
    end)
  end)

  describe("hooks of rowan", function()
    it("run around rowan.connect, with options that can be changed", function()
      local seen = {}
      rowan.hooks:addListener("beforeInit", function(options)
        seen[#seen + 1] = "before"
        options.pool = { max = 3 }
      end, "change")
      rowan.hooks:addListener("beforeInit", function(options) seen[#seen + 1] = options.pool.max end, "second")
      rowan.hooks:addListener("afterInit", function(db) seen[#seen + 1] = rowan.kind(db) end, "after")
      assert.is_true(rowan.hooks:hasListeners("beforeInit"))
      local given = { pool = { max = 1 } }
      local db = connect(given)
      rowan.hooks:removeListener("beforeInit", "change")
      rowan.hooks:removeAllListeners()
      assert.same({ "before", 3, "database" }, { seen[1], seen[2], seen[3] })
      assert.equal(3, db.pool:stats().max)
      assert.equal(1, given.pool.max)
      assert.is_false(rowan.hooks:hasListeners("beforeInit"))
      local count = #seen
      connect()
      assert.equal(count, #seen)
    end)

    it("are these two, and of nobody else", function()
      local db = connect()
      assert.matches("one of rowan.hooks", error_of(db.addHook, db, "beforeInit", print).message)
      assert.matches("one of a database",
        error_of(rowan.hooks.addListener, rowan.hooks, "beforeConnect", print).message)
      assert.matches("beforeInit", error_of(rowan.hooks.addListener, rowan.hooks, "beforInit", print).message)
    end)
  end)

  describe("hooks of definitions", function()
    it("run around each change of a model's definition", function()
      local db = connect()
      local seen = {}
      for _, name in ipairs({ "beforeDefinitionRefresh", "afterDefinitionRefresh" }) do
        db:addHook(name, function(model)
          seen[#seen + 1] = name:match("^%l+") .. " " .. model.name .. " " .. table.concat(model.attributeNames, ",")
        end)
      end
      local options = { timestamps = false }
      local User = db:define("User", {}, options)
      assert.same({ "before User ", "after User id" }, seen)
      local Post = db:define("Post", {}, options)
      forget(seen)
      Post:belongsTo(User)
      assert.same({ "before Post id", "after Post id,userId" }, seen)
      forget(seen)
      User:hasMany(Post, { as = "posts" })
      assert.same({ "before User id", "before Post id,userId", "after User id", "after Post id,userId" }, seen)
    end)

    it("can be a model's own", function()
      local ran = {}
      local db = connect()
      local User = db:define("User", {}, {
        hooks = { afterDefinitionRefresh = function(model) ran[#ran + 1] = model.name end },
      })
      assert.same({ "User" }, ran)
      User:hasMany(db:define("Post", {}))
      assert.same({ "User", "User" }, ran)
    end)
  end)
end)
