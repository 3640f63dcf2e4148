-- sync{ alter } and the query interface where views stand on the table.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of = helper.error_of

helper.each(function(dialect, connect)
  local db
  local postgres = dialect == "postgres"

  before_each(function() db = connect() end)

  local function define(attributes) return db:define("Seat", attributes, { timestamps = false }) end

  local function views()
    define { { "a", DataTypes.STRING(10) }, { "b", DataTypes.INTEGER }, { "kind", DataTypes.ENUM("x", "y", "z") } }
    db:sync()
    db:model("Seat"):create { a = "1", b = 2, kind = "x" }
    db:query('CREATE VIEW "some seats" AS SELECT a AS "A a", b, kind FROM "Seats" WHERE b > 1')
    db:query([[CREATE VIEW shown AS SELECT "A a" || '!' AS text FROM "some seats"]])
  end

  it("changes the type of columns that views take", function()
    views()
    define { { "a", DataTypes.STRING(50) }, { "b", DataTypes.BIGINT }, { "kind", DataTypes.ENUM("y", "x") } }
    db:sync { alter = true }
    assert.same({}, (db:sync { alter = true, dryRun = true }))
    db:queryInterface():changeColumn("Seats", "a", DataTypes.TEXT)
    assert.equal("1!", db:query("SELECT text FROM shown")[1].text)
    assert.equal("1", db:query('SELECT "A a" FROM "some seats"')[1]["A a"])
  end)

  it("loses no column that a view takes, and says which view", function()
    views()
    local Seat = define { { "a", DataTypes.STRING(60) }, { "kind", DataTypes.ENUM("x", "y", "z") } }
    local err = error_of(db.sync, db, { alter = { drop = true } })
    assert.matches("some seats", err.message, 1, true)
    local qi = db:queryInterface()
    err = error_of(qi.removeColumn, qi, "Seats", "b")
    assert.matches("some seats", err.message, 1, true)
    assert.equal(2, Seat:describe() and db:query('SELECT b FROM "Seats"')[1].b)
    assert.equal("1!", db:query("SELECT text FROM shown")[1].text)
  end)

  if dialect == "sqlite" then
    it("minds no view that was broken before", function()
      views()
      db:query("CREATE TABLE gone (x)")
      db:query("CREATE VIEW broken AS SELECT x FROM gone")
      db:query("DROP TABLE gone")
      define { { "a", DataTypes.STRING(50) }, { "b", DataTypes.BIGINT }, { "kind", DataTypes.ENUM("x", "y") } }
      db:sync { alter = true }
      assert.equal("1!", db:query("SELECT text FROM shown")[1].text)
    end)
  end

  if not postgres then return end

  it("gives views their owners, grants, defaults, comments, indexes, rules and options back", function()
    views()
    local function one(sql) return db:query(sql .. " AS v")[1].v end
    db:query('CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS n FROM "Seats" GROUP BY kind')
    db:query("CREATE UNIQUE INDEX kinds_kind ON kinds (kind)")
    db:query([[COMMENT ON VIEW "some seats" IS 'it''s a view']])
    db:query([[COMMENT ON COLUMN "some seats".b IS 'bee']])
    db:query("GRANT INSERT ON shown TO PUBLIC")
    db:query('GRANT SELECT (b), UPDATE (b) ON "some seats" TO PUBLIC')
    db:query('ALTER VIEW "some seats" ALTER COLUMN b SET DEFAULT 5')
    db:query("CREATE RULE quiet AS ON INSERT TO shown DO INSTEAD NOTHING")
    db:query('ALTER VIEW "some seats" SET (security_barrier = true)')
    define { { "a", DataTypes.TEXT }, { "b", DataTypes.BIGINT }, { "kind", DataTypes.ENUM("y", "x") } }
    db:sync { alter = true }
    assert.equal("x", one("SELECT (SELECT kind::text FROM kinds WHERE n = 1)"))
    assert.equal("it's a view", one([[SELECT obj_description('"some seats"'::regclass)]]))
    assert.equal("bee", one([[SELECT col_description('"some seats"'::regclass, 2)]]))
    assert.is_true(one("SELECT has_table_privilege('public', 'shown', 'INSERT')"))
    assert.same({ true, true, false }, {
      one([[SELECT has_column_privilege('public', '"some seats"', 'b', 'SELECT')]]),
      one([[SELECT has_column_privilege('public', '"some seats"', 'b', 'UPDATE')]]),
      one([[SELECT has_column_privilege('public', '"some seats"', 'kind', 'SELECT')]]),
    })
    db:query([[INSERT INTO "some seats" ("A a", kind) VALUES ('2', 'y')]])
    assert.equal(5, one([[SELECT (SELECT b::int FROM "some seats" WHERE "A a" = '2')]]))
    assert.matches("security_barrier",
      one([[SELECT (SELECT reloptions::text FROM pg_class WHERE oid = '"some seats"'::regclass)]]))
    assert.equal("kinds_kind", one("SELECT (SELECT relname::text FROM pg_class WHERE oid = 'kinds_kind'::regclass)"))
    db:query("INSERT INTO shown VALUES ('nothing')")
  end)

  it("leaves tables alone whose rules take a column", function()
    views()
    db:query("CREATE TABLE notes (t text)")
    db:query([[CREATE RULE noted AS ON INSERT TO notes DO ALSO UPDATE "Seats" SET b = 7 WHERE a = '1']])
    define { { "a", DataTypes.TEXT }, { "b", DataTypes.INTEGER }, { "kind", DataTypes.ENUM("x", "y", "z") } }
    assert.matches("rule noted on table notes", error_of(db.sync, db, { alter = true }).detail, 1, true)
    assert.equal("1!", db:query("SELECT text FROM shown")[1].text)
  end)
end)
