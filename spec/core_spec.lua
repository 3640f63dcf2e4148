-- csrc/lua/l_lease.c, l_ticket.c and l_pool.c: handles, what they refuse, and what is left of them.
local core = require "rowan.core"
local support = require "spec.core_support"

local run, fails = support.run, support.fails

local JIT, collect, drain = support.JIT, support.collect, support.drain
local wait_for, memory, nothing_left = support.wait_for, support.memory, support.nothing_left
local unpack = table.unpack or unpack

support.each("the core", function(db)
  local template = { __index = { kind = "person" }, __name = "Person", Model = {} }

  it("runs statements on a lease", function()
    db:people(1)
    local lease = assert(db.pool:lease())
    assert.equal("idle", lease:tx())
    run(db.pool, "BEGIN", "", nil, nil, { lease = lease })
    assert.equal("open", lease:tx())
    run(db.pool, "DELETE FROM " .. db:named("t"), "", nil, nil, { lease = lease })
    run(db.pool, "ROLLBACK", "", nil, nil, { lease = lease })
    assert.equal(1, db.pool:stats().inUse)
    assert.is_true(lease:release())
    assert.is_true(lease:release())
    assert.equal("released", lease:tx())
    assert.equal("closed", fails(db.pool:run(core.statement("SELECT 1", ""), nil, 0, lease)).kind)
    assert.equal(1, #db:select())
  end)

  it("closes the connection of a lease that was forgotten", function()
    db:people(0)
    local lease = assert(db.pool:lease())
    if not db.single then
      run(db.pool, "BEGIN", "", nil, nil, { lease = lease })
      run(db.pool, "DELETE FROM " .. db:named("t"), "", nil, nil, { lease = lease })
      lease = nil -- luacheck: ignore
      collect()
      assert.equal(0, db.pool:stats().inUse)
    else
      lease:release()
    end
  end)

  it("serves tickets side by side", function()
    db:people(5)
    local statement = core.statement(db:places("SELECT id, name FROM " .. db:named("t") .. " WHERE id = ?"),
      "-i", { support.PEOPLE[1], support.PEOPLE[2] })
    local tickets, ids = {}, {}
    for i = 1, 5 do
      tickets[i] = assert(db.pool:submit(statement, { i }, 1))
      ids[tickets[i]:id()] = i
    end
    local done, stop = 0, core.monotonic() + 10000
    while done < 5 and core.monotonic() < stop do
      for _, id in ipairs(core.process()) do
        if ids[id] then
          assert.is_true(tickets[ids[id]]:done())
          ids[id], done = nil, done + 1
        end
      end
      if done < 5 then core.wait(100) end
    end
    assert.equal(5, done)
    for i = 5, 1, -1 do
      local row, affected = tickets[i]:take(template, true)
      assert.equal("n" .. i, row.name)
      assert.is_nil(affected)
      assert.is_nil(core.changed(row))
      assert.equal("closed", fails(tickets[i]:take()).kind)
    end
  end)

  it("hands errors and raised values out of tickets", function()
    db:people(1)
    local bad = assert(db.pool:submit(core.statement("SELEC", ""), nil, 0))
    local columns = { { key = "id", code = "i", load = function() error("load", 0) end } }
    local statement = core.statement("SELECT id FROM " .. db:named("t"), "", columns)
    local raising = assert(db.pool:submit(statement, nil, 0))
    wait_for(bad, raising)
    assert.equal("42601", fails(bad:take()).sqlstate)
    assert.has_error(function() raising:take() end, "load")
    local refused = core.statement(db:places("SELECT ?"), "-i")
    assert.equal(1, fails(db.pool:submit(refused, { "x" }, 1)).param)
  end)

  it("leases by ticket, and runs tickets on the lease", function()
    local ticket = assert(db.pool:submit_lease())
    wait_for(ticket)
    local lease = assert(ticket:take())
    local answer = assert(db.pool:submit(core.statement("SELECT 1 AS one", ""), nil, 0, lease))
    wait_for(answer)
    assert.same({ { one = 1 } }, (answer:take()))
    assert.is_true(lease:release())
  end)

  it("raises when a ticket is taken before it is done", function()
    local slow = db.pg and "SELECT pg_sleep(0.1)"
      or "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1e5) SELECT count(*) FROM c"
    local ticket = assert(db.pool:submit(core.statement(slow, ""), nil, 0))
    assert.has_error(function() ticket:take() end)
    wait_for(ticket)
    assert.is_table(ticket:take())
  end)

  it("abandons tickets, by hand or by the collector", function()
    local statement = core.statement("SELECT 1", "")
    local ticket = assert(db.pool:submit(statement, nil, 0))
    ticket:abandon()
    ticket:abandon()
    assert.is_true(ticket:done())
    assert.equal("closed", fails(ticket:take()).kind)
    for _ = 1, 5 do assert(db.pool:submit(statement, nil, 0)) end
    collect()
    drain()
    assert.equal(0, db.pool:stats().inUse)
  end)

  it("keeps a pool open while a ticket or a lease of it lives", function()
    local other = db.open()
    support.forget()
    local ticket = assert(other:submit(core.statement("SELECT 1 AS one", ""), nil, 0))
    other = nil -- luacheck: ignore
    collect()
    wait_for(ticket)
    assert.same({ { one = 1 } }, (ticket:take()))
    ticket = nil -- luacheck: ignore
    collect() -- now the pool is closed
  end)

  it("refuses everything after close", function()
    local statement = core.statement("SELECT 1", "")
    db.pool:close()
    db.pool:close()
    assert.equal("closed", fails(db.pool:run(statement, nil, 0)).kind)
    assert.equal("closed", fails(db.pool:submit(statement, nil, 0)).kind)
    assert.equal("closed", fails(db.pool:lease()).kind)
    assert.equal("closed", fails(db.pool:submit_lease()).kind)
    assert.equal("rowan.pool: closed", tostring(db.pool))
    db.pool = db.open()
  end)

  it("survives a collector that works all the time", function()
    db:people(130)
    local before = not JIT and collectgarbage("incremental")
    local modes = JIT and { { "setpause", 1 } } or { { "generational" }, { "incremental", 10, 1000 } }
    for _, mode in ipairs(modes) do
      collectgarbage(unpack(mode))
      local last
      for i = 1, 2 do
        local rows = db:select { template = template }
        rows[i].name = "x"
        assert.same({ "name" }, core.changed(rows[i], support.same_json))
        core.update(rows[i], { name = "x", more = i })
        assert.is_nil(last and core.changed(last, support.same_json))
        last = db:select({ template = template, single = true }, db:places("WHERE id = ?"), "-i", { i })
        collectgarbage("step")
      end
    end
    if JIT then collectgarbage("setpause", 200) else collectgarbage("incremental", 200, 100) end
    if before then collectgarbage(before) end
  end)
end)

describe("the core's handles", function()
  after_each(nothing_left)

  it("have names", function()
    local pool = memory()
    assert.equal("rowan.pool: sqlite", tostring(pool))
    assert.equal("sqlite", pool:driver())
    assert.equal("rowan.statement: SELECT 1", tostring(core.statement("SELECT 1", "")))
    local lease = assert(pool:lease())
    assert.equal("rowan.lease: idle", tostring(lease))
    lease:release()
    local ticket = assert(pool:submit(core.statement("SELECT 1", ""), nil, 0))
    ticket:abandon()
    assert.equal("rowan.ticket: abandoned", tostring(ticket))
    assert.equal("0.1.0", core.VERSION)
  end)

  it("check their arguments", function()
    local pool, statement = memory(), core.statement("SELECT ?", "-i")
    assert.has_error(function() pool.run({}, statement) end)
    assert.has_error(function() pool:run(pool) end)
    assert.has_error(function() pool:run(statement) end) -- n is 0, but there is a parameter
    assert.has_error(function() pool:run(statement, nil, 1) end)
    assert.has_error(function() pool:run(statement, { 1 }, 1, statement) end)
    assert.has_error(function() pool:run(statement, { 1 }, 1, nil, 5) end)
    assert.has_error(function() pool:run(statement, { 1 }, 1, nil, nil, "x") end)
    assert.has_error(function() core.statement("a\0b", "") end)
    assert.has_error(function() core.statement("", "i") end)
    assert.has_error(function() core.statement("", "-Z") end)
    assert.has_error(function() core.statement("", "+i") end)
    assert.has_error(function() core.statement("", "", { {} }) end)
    assert.has_error(function() core.statement("", "", { { key = "a", code = "zz" } }) end)
    assert.has_error(function() core.statement("", "", { { key = "a", load = 1 } }) end)
    assert.has_error(function() core.statement("", "-i", nil, true) end)
    assert.has_error(function() core.open { driver = "sqlite", max = 0 } end)
    assert.has_error(function() core.open { driver = "sqlite", settings = { { "path" } } } end)
    assert.equal("usage", fails(core.open { driver = "oracle" }).kind)
    local other = memory()
    local lease = assert(other:lease())
    assert.has_error(function() pool:run(statement, { 1 }, 1, lease) end)
    lease:release()
  end)

  it("do not let NaN become NULL on SQLite", function()
    local err = fails(memory():run(core.statement("SELECT ?", "-d"), { 0 / 0 }, 1))
    assert.same({ kind = "value", param = 1, message = "cannot be NaN: SQLite stores NaN as NULL" }, err)
  end)

  it("run scripts", function()
    local pool = memory()
    local text = "CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO b VALUES (1)"
    assert.is_true((run(pool, text, "", nil, nil, { script = true })))
    assert.equal(1, #run(pool, "SELECT * FROM b"))
  end)

  it("leave nothing when they are forgotten open", function()
    for _ = 1, 20 do
      local pool = core.open { driver = "sqlite", settings = { { "path", ":memory:" } }, max = 1 }
      run(pool, "SELECT 1")
    end
    collect()
  end)

  it("take many parameters", function()
    local n, list = 300, {}
    for i = 1, n do list[i] = "value " .. i end
    local text = "SELECT " .. ("?, "):rep(n - 1) .. "? AS last"
    assert.equal("value 300", run(memory(), text, ("-s"):rep(n), list)[1].last)
  end)

  it("make a pollset", function()
    assert.is_true(core.pollfd() >= 0)
    assert.same({}, core.process())
    core.wait(0)
  end)
end)

describe("the core's helpers", function()
  it("make times canonical", function()
    assert.equal("2024-02-01T00:00:00.000Z", core.timestamp("2024-02-01T01:00:00+01:00"))
    assert.equal("1970-01-01T00:00:01.500Z", core.timestamp(1.5))
    assert.is_nil(core.timestamp("2024-02-30T00:00:00Z"))
    assert.is_nil(core.timestamp(true))
    assert.is_nil(core.timestamp(core.null))
    assert.is_truthy(core.now():match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"))
    assert.is_true(core.date("2024-02-29"))
    assert.is_false(core.date("2023-02-29"))
    assert.is_false(core.date(1))
    assert.equal("01:02:00", core.time("01:02"))
    assert.is_nil(core.time("25:00"))
  end)

  it("make UUIDs and decimals canonical", function()
    assert.equal("01234567-89ab-cdef-0123-456789abcdef", core.uuid("{01234567-89AB-CDEF-0123-456789ABCDEF}"))
    assert.is_nil(core.uuid("x"))
    assert.equal("1.50", core.decimal("1.5", 10, 2))
    assert.equal("12", core.decimal(12, 0, -1))
    assert.equal("0.5", core.decimal(0.5, 0, -1))
    assert.equal("-12.25", core.decimal(-12.25, 0, -1))
    assert.equal("3", core.decimal(3.0, 0, -1))
    assert.is_nil(core.decimal(0.1, 0, -1))
    assert.is_nil(core.decimal(0 / 0, 0, -1))
    assert.is_nil(core.decimal(1e300, 0, -1))
    assert.is_nil(core.decimal("1.234", 10, 2))
    assert.is_nil(core.decimal("x", 0, -1))
  end)

  it("know UTF-8, clocks and chance", function()
    assert.is_true(core.utf8("Zoë"))
    assert.is_false(core.utf8("\255"))
    assert.is_false(core.utf8("\0"))
    assert.equal(16, #core.random(16))
    assert.not_equal(core.random(16), core.random(16))
    assert.has_error(function() core.random(0) end)
    local a = core.monotonic()
    assert.is_true(core.monotonic() >= a)
  end)
end)
