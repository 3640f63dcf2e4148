-- Prepared statements that PostgreSQL lost, outdated or has under another text: outside of transactions they are prepared
-- again and nobody notices; inside, the failed statement has ended the transaction, so the error is reported.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

helper.on("postgres", function(_, connect)
  local db, User

  before_each(function()
    db = connect { pool = { max = 1 } }
    User = db:define("User", {
      { "id", DataTypes.INTEGER, primaryKey = true, autoIncrement = true },
      { "name", DataTypes.STRING(20) },
    }, { timestamps = false })
    db:sync()
    User:create { name = "a" }
    -- A statement is prepared when it is met again.
    for _ = 1, 4 do User:findByPk(1) end
  end)

  local function prepared()
    return db:query("SELECT name, statement FROM pg_prepared_statements ORDER BY name")
  end

  local function name_of(text)
    for _, statement in ipairs(prepared()) do
      if statement.statement:find(text, 1, true) then return statement.name end
    end
    error("nothing is prepared for " .. text)
  end

  local BY_KEY = 'FROM "Users" WHERE "id" ='

  -- The driver sees a DEALLOCATE ALL go by and forgets what it had prepared. One inside of a block it does not see.
  local function behind_its_back(statements, options)
    db:query("DO $block$ BEGIN EXECUTE '" .. table.concat(statements, "'; EXECUTE '") .. "'; END $block$", options)
  end

  it("a statement that is run often is prepared once", function()
    local name = name_of(BY_KEY)
    for _ = 1, 3 do User:findByPk(1) end
    assert.equal(name, name_of(BY_KEY))
  end)

  describe("26000, a statement the server has forgotten,", function()
    it("is prepared again", function()
      for _, forget in ipairs {
        function() db:query("DEALLOCATE ALL") end, function() behind_its_back { "DEALLOCATE ALL" } end,
      } do
        local before = name_of(BY_KEY)
        forget()
        for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
        assert.not_equal(before, name_of(BY_KEY))
      end
      assert.equal(1, db.pool:stats().total)
    end)

    it("is healed for writes as well, which run once", function()
      for i = 1, 4 do User:create { name = "n" .. i } end
      name_of('INSERT INTO "Users"')
      behind_its_back { "DEALLOCATE ALL" }
      User:create { name = "once" }
      assert.equal(1, User:count { where = { name = "once" } })
    end)

    it("is reported inside of a transaction", function()
      local err = error_of(db.transaction, db, function()
        User:create { name = "b" }
        behind_its_back { "DEALLOCATE ALL" }
        User:findByPk(1)
      end)
      assert.equal("26000", err.sqlstate)
      assert.is_true(rowan.is(err, "DatabaseError"))
      assert.equal(0, db.pool:stats().inUse)
      for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      assert.equal(1, User:count())
      db:transaction(function() assert.equal("a", User:findByPk(1).name) end)
      assert.equal(1, db.pool:stats().total)
    end)

    it("that was forgotten in the open is no error in a transaction either", function()
      db:transaction(function()
        db:query("DEALLOCATE ALL")
        for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      end)
    end)
  end)

  describe("0A000, a plan whose columns have changed,", function()
    local function rename(options)
      behind_its_back({ [[ALTER TABLE "Users" ALTER COLUMN "name" TYPE text]] }, options)
    end

    it("is made again", function()
      assert.is_truthy(name_of(BY_KEY))
      rename()
      for _ = 1, 4 do assert.equal("a", User:findByPk(1).name) end
    end)

    it("is made again when its parameters have other types too", function()
      db:query('CREATE TABLE things (x text)')
      local function find(count)
        for _ = 1, 3 do
          assert.equal(count, db:query("SELECT count(*) AS n FROM things WHERE x = ?", { replacements = { "10.0.0.1" } })[1].n)
        end
      end
      find(0)
      behind_its_back { "ALTER TABLE things ALTER x TYPE inet USING NULL", [[INSERT INTO things VALUES (''10.0.0.1'')]] }
      find(1)
    end)

    it("is forgotten by who changes the columns", function()
      local function thing(type_of, value)
        local Thing = db:define("Thing", { x = { type = type_of } }, { timestamps = false })
        Thing:sync { force = true }
        for _ = 1, 4 do assert.same(value, Thing:create { x = value }.x) end
        for _ = 1, 3 do assert.equal(4, Thing:count { where = { x = value } }) end
      end
      thing(rowan.DataTypes.TEXT, "10.0.0.1")
      thing(rowan.DataTypes.INET, "10.0.0.1")
      thing(rowan.DataTypes.ARRAY(rowan.DataTypes.BOOLEAN), { true })
      thing(rowan.DataTypes.ARRAY(rowan.DataTypes.DATE), { "2024-02-01T00:00:00.000Z" })
      db:transaction(function()
        db:query([[ALTER TABLE "Users" ALTER COLUMN "name" TYPE varchar(50)]])
        for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      end)
      assert.equal(1, db.pool:stats().total)
    end)

    it("is reported inside of a transaction", function()
      local t = db:transaction()
      rename { transaction = t }
      local err = error_of(User.findByPk, User, 1, { transaction = t })
      assert.equal("0A000", err.sqlstate)
      t:rollback()
      for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      rename()
      for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
    end)
  end)

  describe("42P05, a name that is taken,", function()
    -- A name is a counter and the hash of the text: those that this text may get next are taken by somebody else.
    local function take_names()
      local number, hash = name_of(BY_KEY):match("^rn_(%d+)_(%x+)$")
      local statements = { "DEALLOCATE ALL" }
      for i = 1, 30 do statements[i + 1] = ("PREPARE rn_%d_%s AS SELECT %d"):format(number + i, hash, i) end
      behind_its_back(statements)
    end

    local function taken()
      return db:query("SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE '%AS SELECT %'",
        { plain = true }).n
    end

    it("is replaced by another", function()
      take_names()
      for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      assert.matches("^rn_%d+_%x+_%x+$", name_of(BY_KEY))
      assert.equal(30, taken())
    end)

    it("is reported inside of a transaction", function()
      take_names()
      local err = error_of(db.transaction, db, function()
        User:create { name = "b" }
        db:transaction(function()
          assert.equal("26000", error_of(User.findByPk, User, 1).sqlstate)
          error("undo the savepoint")
        end)
      end)
      assert.matches("undo the savepoint", err)
      err = error_of(db.transaction, db, function()
        User:create { name = "b" }
        for _ = 1, 3 do User:findByPk(1) end
      end)
      assert.equal("42P05", err.sqlstate)
      assert.equal(1, User:count())
      for _ = 1, 3 do assert.equal("a", User:findByPk(1).name) end
      assert.equal(1, db.pool:stats().total)
    end)
  end)
end)
