-- rowan.connect's arguments -> what the core opens. No database, no core.
local config = require "rowan.driver.config"
local errors = require "rowan.base.errors"

local real_getenv = os.getenv
local environment

local function read(url, options)
  return config.read(url, options)
end

local function settings_of(url, options)
  local out = {}
  for _, pair in ipairs(read(url, options).settings) do out[pair[1]] = pair[2] end
  return out
end

local function refusal(url, options)
  local ok, err = pcall(config.read, url, options)
  assert.is_false(ok)
  assert.is_true(errors.is(err, "UsageError"))
  return err.message
end

describe("driver.config", function()
  before_each(function()
    environment = {}
    os.getenv = function(name) return environment[name] end -- luacheck: ignore 122
  end)
  after_each(function()
    os.getenv = real_getenv -- luacheck: ignore 122
  end)

  describe("of SQLite", function()
    it("reads every form of URL", function()
      local forms = {
        ["sqlite::memory:"] = ":memory:",
        ["sqlite://:memory:"] = ":memory:",
        ["sqlite:path/to/file.db"] = "path/to/file.db",
        ["sqlite:file.db"] = "file.db",
        ["sqlite:/absolute/path.db"] = "/absolute/path.db",
        ["sqlite:///absolute/path.db"] = "/absolute/path.db",
        ["sqlite://path/to/file.db"] = "path/to/file.db",
        ["sqlite:with%20blank%3F.db"] = "with blank?.db",
      }
      for url, path in pairs(forms) do
        local got = read(url)
        assert.equal("sqlite", got.driver)
        assert.same({ { "path", path }, { "mode", path == ":memory:" and "memory" or "rwc" } }, got.settings)
      end
    end)

    it("takes storage instead of a URL", function()
      assert.same({ path = "a b.db", mode = "rwc" }, settings_of { dialect = "sqlite", storage = "a b.db" })
      assert.same({ path = "x.db", mode = "ro" }, settings_of { storage = "x.db", mode = "ro" })
      assert.same({ path = "x.db", mode = "ro" }, settings_of "sqlite:x.db?mode=ro")
      assert.same({ path = ":memory:", mode = "memory" }, settings_of { dialect = "sqlite", mode = "memory" })
    end)

    it("keeps one connection for ever in memory, whatever the pool says", function()
      local pool = read("sqlite::memory:", { pool = { max = 9, idle = 5, lifetime = 5, acquire = 7 } }).pool
      assert.same({ max = 1, min = 1, acquire_timeout_ms = 7, idle_timeout_ms = 0, lifetime_ms = 0 }, pool)
    end)

    it("refuses what names no file, an unknown mode, and PostgreSQL's options", function()
      assert.matches("names no file", refusal "sqlite:", nil, true)
      assert.matches('needs storage = "path/to/file.db"', refusal { dialect = "sqlite" }, nil, true)
      assert.matches('needs storage', refusal { dialect = "sqlite", storage = "" }, nil, true)
      assert.matches('did you mean "ro"', refusal "sqlite:x.db?mode=r", nil, true)
      assert.matches("?mode=", refusal "sqlite:x.db?cache=shared", nil, true)
      assert.matches('can only be "memory"', refusal("sqlite::memory:", { mode = "ro" }), nil, true)
      local message = refusal { storage = "x", host = "h" }
      assert.matches('"host" is one of postgres, not of sqlite', message, nil, true)
    end)
  end)

  describe("of PostgreSQL", function()
    it("takes a URL apart as libpq does", function()
      assert.same({
        user = "joe", password = "s3c:r%t", host = "db.example", port = "6432", dbname = "app",
        application_name = "x y", sslmode = "require",
      }, settings_of "postgres://joe:s3c:r%25t@db.example:6432/app?application_name=x%20y&ssl=true")
      assert.same({ host = "/run/pg", dbname = "app" }, settings_of "postgresql:///app?host=/run/pg")
      assert.same({ host = "/run/pg", dbname = "app" }, settings_of "postgresql://%2Frun%2Fpg/app")
      assert.same({ user = "joe", dbname = "app" }, settings_of "postgres://joe@/app")
      assert.same({ host = "::1", port = "5433" }, settings_of "postgres://[::1]:5433")
      assert.same({ host = "a,b", port = "1,2", dbname = "d" }, settings_of "postgres://a:1,b:2/d")
      assert.same({ host = "a,b", port = ",2" }, settings_of "postgres://a,b:2")
      assert.same({}, settings_of "postgres://")
    end)

    it("takes libpq's name=value strings", function()
      assert.same({ host = "/tmp/x y", dbname = "it's", port = "5433" },
        settings_of [[host = '/tmp/x y' dbname='it\'s' port=5433]])
      assert.same({ host = "a b" }, settings_of [[host=a\ b]])
    end)

    it("lets fields win over the URL", function()
      local got = settings_of("postgres://joe@old:1/olddb", {
        host = "/run/new", port = "6000", database = "newdb", user = "", applicationName = "app",
      })
      assert.same({
        user = "joe", host = "/run/new", port = "6000", dbname = "newdb", application_name = "app",
      }, got)
    end)

    it("leaves out what is empty, so that libpq's PG variables hold", function()
      assert.same({}, settings_of { dialect = "postgres", host = "", password = "" })
      environment.PGHOST = "/run/pg"
      assert.equal("postgres", read().driver)
      assert.same({}, settings_of())
    end)

    it("turns ssl into sslmode", function()
      assert.equal("require", settings_of { dialect = "postgres", ssl = true }.sslmode)
      assert.equal("disable", settings_of("postgres://h/?sslmode=require", { ssl = false }).sslmode)
      local both = settings_of { dialect = "postgres", ssl = true, sslmode = "verify-full" }
      assert.equal("verify-full", both.sslmode)
      assert.matches('did you mean "verify%-full"', refusal { dialect = "postgres", sslmode = "verify_full" })
    end)

    it("quotes the search path and keeps the server options that were there", function()
      local function options(o, url) return settings_of(url or "postgres://", o).options end
      assert.equal([[-csearch_path="app","we\ ird""\\"]], options { searchPath = { "app", [[we ird"\]] } })
      assert.equal([[-csearch_path=app,\ public]], options { searchPath = "app, public" })
      assert.equal([[-cgeqo=off -csearch_path=app]], options { searchPath = "app", options = "-cgeqo=off" })
      assert.equal([[-cgeqo=off -csearch_path=app]],
        options({ searchPath = "app" }, "postgres://?options=-cgeqo%3Doff"))
      environment.PGOPTIONS = "-cjit=off"
      assert.equal("-cjit=off -csearch_path=app", options { searchPath = "app" })
      assert.is_nil(options {})
    end)

    it("takes the time to connect from the option, the URL, the environment, in this order", function()
      local function timeout(url, options) return read(url, options).connect_timeout_ms end
      assert.equal(10000, timeout "postgres://")
      environment.PGCONNECT_TIMEOUT = "4"
      assert.equal(4000, timeout "postgres://")
      assert.equal(3000, timeout "postgres://?connect_timeout=3")
      assert.equal(250, timeout("postgres://?connect_timeout=3", { connectTimeout = 250 }))
    end)

    it("refuses broken URLs without quoting them", function()
      local broken = {
        ["postgres:joe:hunter2@h"] = "starts with postgres://",
        ["postgres://joe:hunter2/x@h/db"] = "port in the URL",
        ["postgres://joe:hunter2%@h/db"] = "without two hexadecimal digits",
        ["postgres://joe:hunter2%00@h/db"] = "without two hexadecimal digits",
        ["postgres://joe:hunter2@h:port/db"] = "port in the URL",
        ["postgres://joe:hunter2@[::1/db"] = "between [ and ]",
        ["postgres://joe:hunter2@h/db?x"] = "name=value",
        ["postgres://joe:hunter2@h/db?sslmod=require"] = 'did you mean "sslmode"',
        ["postgres://joe:hunter2@h/db?client_encoding=LATIN1"] = "no parameter",
        ["postgres://joe:hunter2@h/a=b"] = 'cannot hold "="',
        ["password=hunter2 host"] = "name=value pairs",
        ["password='hunter2"] = "no closing quote",
        ["pasword=hunter2"] = 'did you mean "password"',
        ["mysql://joe:hunter2@h/db"] = 'URL scheme "mysql"',
        ["hunter2"] = "expects a URL",
      }
      for url, expected in pairs(broken) do
        local message = refusal(url)
        assert.matches(expected, message, nil, true)
        assert.not_matches("hunter2", message, nil, true)
      end
    end)

    it("shows no secret in its label", function()
      assert.equal("postgres app at h", read("postgres://joe:hunter2@h/app").label)
    end)
  end)

  describe("arguments", function()
    it("are a URL, options, or both", function()
      local logging = function() end
      assert.equal(logging, read("sqlite::memory:", { logging = logging }).options.logging)
      assert.equal(logging, read({ url = "sqlite::memory:", logging = logging }).options.logging)
      assert.equal("sqlite", read({ dialect = "sqlite", storage = ":memory:" }).driver)
      assert.matches("given twice", refusal("sqlite::memory:", { url = "sqlite::memory:" }))
      assert.matches("expects a URL", refusal(7))
      assert.matches("must be a table", refusal("sqlite::memory:", "x"))
    end)

    it("fall back on DATABASE_URL when they name no database", function()
      environment.DATABASE_URL = "sqlite:from-environment.db"
      assert.equal("from-environment.db", settings_of().path)
      assert.equal("from-environment.db", settings_of({ benchmark = true }).path)
      assert.equal("given.db", settings_of("sqlite:given.db").path)
      environment.DATABASE_URL = ""
      assert.matches("DATABASE_URL", refusal())
    end)

    it("name a dialect where one is needed, and only one", function()
      assert.matches('"host" needs dialect', refusal { host = "h" })
      assert.matches('cannot be "postgre" %(did you mean "postgres"', refusal { dialect = "postgre" })
      assert.matches("the URL is one of sqlite", refusal("sqlite:x", { dialect = "postgres" }))
      assert.matches('"storage" is one of sqlite', refusal("postgres://", { storage = "x" }))
    end)

    it("have defaults", function()
      local got = read("sqlite:x.db")
      assert.same({
        max = 5, min = 0, acquire_timeout_ms = 60000, idle_timeout_ms = 10000, lifetime_ms = 1800000,
      }, got.pool)
      assert.equal(100, got.statement_cache)
      assert.equal(5000, got.busy_timeout_ms)
      assert.is_nil(got.query_timeout_ms)
      assert.same({}, got.options)
    end)

    it("are taken in milliseconds and counts", function()
      local got = read("sqlite:x.db", {
        pool = { max = 3, min = 1, acquire = 10, idle = false, lifetime = math.huge },
        queryTimeout = 20.0, busyTimeout = 0, statementCache = 7,
      })
      local pool = { max = 3, min = 1, acquire_timeout_ms = 10, idle_timeout_ms = 0, lifetime_ms = 0 }
      assert.same(pool, got.pool)
      assert.equal("20", tostring(got.query_timeout_ms))
      assert.equal(0, got.busy_timeout_ms)
      assert.equal(7, got.statement_cache)
      assert.equal(0, read("sqlite:x.db", { preparedStatements = false, statementCache = 7 }).statement_cache)
    end)

    it("refuse unknown names with the nearest, known ones with the reason", function()
      assert.matches('no option "loging" (did you mean "logging"?)', refusal { loging = print }, nil, true)
      assert.matches('no option of pool "mx" (did you mean "max"?)',
        refusal("sqlite:x", { pool = { mx = 1 } }), nil, true)
      assert.matches('"timezone" is not an option', refusal("sqlite:x", { timezone = "+00:00" }), nil, true)
      for _, name in ipairs { "replication", "retry" } do
        local message = refusal("sqlite:x", { [name] = {} })
        assert.matches('"' .. name .. '" is not supported yet', message, nil, true)
      end
      assert.matches('"username" is called user', refusal { dialect = "postgres", username = "x" }, nil, true)
    end)

    it("refuse wrong values by name", function()
      local wrong = {
        { { storage = 1 }, '"storage" must be a string' },
        { { storage = "a\0b" }, '"storage" must be a string without NUL' },
        { { dialect = "postgres", port = 0 }, '"port" must be an integer from 1 to 65535' },
        { { dialect = "postgres", port = 1.5 }, '"port" must be an integer' },
        { { dialect = "postgres", searchPath = {} }, '"searchPath" must be' },
        { { storage = "x", pool = false }, '"pool" must be a table' },
        { { storage = "x", pool = { max = 0 } }, '"pool.max" must be' },
        { { storage = "x", pool = { min = 6 } }, "pool.min (6) is more than pool.max (5)" },
        { { storage = "x", pool = { idle = 0 } }, "or false for never" },
        { { storage = "x", logging = "yes" }, '"logging" must be a function, true' },
        { { storage = "x", benchmark = "yes" }, '"benchmark" must be true or false' },
        { { storage = "x", [1] = "y" }, "table of names and values" },
      }
      for _, case in ipairs(wrong) do
        assert.matches(case[2], refusal(case[1]), nil, true)
      end
    end)
  end)

  describe("for one connection", function()
    -- What libpq or SQLite would get: the last of each name.
    local function effective(settings)
      local out = {
        connect_timeout_ms = settings.connect_timeout_ms, busy_timeout_ms = settings.busy_timeout_ms,
        statement_cache = settings.statement_cache, driver = settings.driver,
      }
      for _, pair in ipairs(settings.settings) do out[pair[1]] = pair[2] end
      return out
    end

    it("unfolded and folded again, is made of the same", function()
      environment.PGOPTIONS = "-cwork_mem=1MB"
      for _, case in ipairs {
        { "sqlite:a%20b.db?mode=ro", { busyTimeout = 7, statementCache = 3 } },
        { "sqlite::memory:" }, { { dialect = "sqlite", mode = "memory" } },
        { "postgres://joe:s3c:r%25t@db.example:6432/app?application_name=x%20y&connect_timeout=3&keepalives=0" },
        { "postgres://a:1,b:2/d", { password = "p", connectTimeout = 5 } },
        { "postgres://h/d?sslmode=disable", { ssl = true } }, { "postgres://h/d?sslmode=require", { ssl = false } },
        { "postgres://h/d?options=-cx%3D1", { searchPath = { "a b", 'c"d' } } },
        { "host=h dbname=d", { options = "-cy=2", searchPath = "s", preparedStatements = false } },
        { "postgres://" },
      } do
        local read_config = read(case[1], case[2])
        local again = config.fold(read_config, config.unfold(read_config))
        assert.same(effective(read_config), effective(again))
      end
    end)

    it("shows options by their names, as a table of the caller's own", function()
      local made = read("postgres://joe:pw@h:5433/d?keepalives=0", { searchPath = { "s" } })
      local open = config.unfold(made)
      assert.same({
        user = "joe", password = "pw", host = "h", port = 5433, database = "d", keepalives = "0", searchPath = { "s" },
      }, open)
      open.searchPath[1], open.password = "t", "new"
      assert.equal("pw", config.unfold(made).password)
      assert.equal("s", config.unfold(made).searchPath[1])
      local settings = effective(config.fold(made, open))
      assert.equal("new", settings.password)
      assert.matches("search_path=\"t\"", settings.options, nil, true)
    end)

    it("refuses what it cannot be made with, and quotes no value", function()
      local pg, lite = read("postgres://h/d"), read("sqlite:x.db")
      local function refused(made, change)
        local open = config.unfold(made)
        for key, value in pairs(change) do open[key] = value end
        local ok, err = pcall(config.fold, made, open)
        assert.is_false(ok)
        assert.is_true(errors.is(err, "UsageError"))
        assert.matches("beforeConnect: ", err.message, nil, true)
        return err.message
      end
      assert.matches('no option "pasword" (did you mean "password"?)', refused(pg, { pasword = "s3cret" }), nil, true)
      assert.matches('"dbname" is called database', refused(pg, { dbname = "x" }), nil, true)
      assert.matches('"password" must be a string', refused(pg, { password = 5 }), nil, true)
      assert.matches('cannot hold "="', refused(pg, { database = "host=evil" }), nil, true)
      assert.matches("cannot be a URL", refused(pg, { database = "postgresql://evil/d" }), nil, true)
      assert.matches('"keepalives" must be a string', refused(pg, { keepalives = {} }), nil, true)
      assert.matches('"sslmode" cannot be', refused(pg, { sslmode = "maybe" }), nil, true)
      assert.matches("no option", refused(pg, { storage = "x" }), nil, true)
      assert.matches("no option", refused(lite, { host = "x" }), nil, true)
      assert.matches("in memory", refused(lite, { storage = ":memory:" }), nil, true)
      assert.matches('"username" is called user', refused(pg, { username = "x" }), nil, true)
      assert.matches("table of names", refused(lite, { [1] = "x" }), nil, true)
    end)
  end)
end)
