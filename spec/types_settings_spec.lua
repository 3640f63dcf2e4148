-- What a role, a database or a session of PostgreSQL is set to never changes what is read and written.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

local SETTINGS = {
  "timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "bytea_output = 'escape'",
  "extra_float_digits = -15", "array_nulls = off", "standard_conforming_strings = off", "escape_string_warning = off",
  "client_encoding = 'LATIN1'", "search_path = 'nowhere'", "quote_all_identifiers = on", "lc_numeric = 'C'",
  "transform_null_equals = on",
}

local ATTRIBUTES = {
  at = DataTypes.DATE, day = DataTypes.DATEONLY, time = DataTypes.TIME, span = DataTypes.INTERVAL, bytes = DataTypes.BLOB,
  double = DataTypes.DOUBLE, text = DataTypes.TEXT, dec = DataTypes.DECIMAL(20, 5), range = DataTypes.RANGE(DataTypes.DATE),
  days = DataTypes.RANGE(DataTypes.DATEONLY), doubles = DataTypes.ARRAY(DataTypes.DOUBLE), blobs = DataTypes.ARRAY(DataTypes.BLOB),
  texts = DataTypes.ARRAY(DataTypes.TEXT), times = DataTypes.ARRAY(DataTypes.DATE), spans = DataTypes.ARRAY(DataTypes.INTERVAL),
  state = { type = DataTypes.ENUM("a", "b"), defaultValue = "a" },
}

local VALUES = {
  at = "2024-02-29T12:30:00.123456Z", day = "2024-02-03", time = "12:30:00.5", span = "P1Y2M-3DT-4H", bytes = "\0\255\\x\\",
  double = 0.1 + 0.2, text = "back\\slash 'ö'", dec = "-12345.67890", doubles = { 1 / 3, 1e-300, 5 }, blobs = { "\0\\", "\\x41" },
  range = { { value = "2024-02-29T12:30:00.000Z", inclusive = true }, { value = rowan.null, inclusive = false } },
  days = { { value = "2024-02-03", inclusive = true }, { value = "2024-11-04", inclusive = false } },
  texts = { "NULL", rowan.null, "a\\b" }, times = { "2024-02-29T12:30:00.000Z" }, spans = { "P1Y", "P1DT-1H" }, state = "b",
}

helper.on("postgres", function(_, connect)
  local role

  local function role_of(db)
    role = "rowan_settings_" .. db:query("SELECT current_schema() AS name", { plain = true }).name
    db:query(('CREATE ROLE "%s" LOGIN SUPERUSER'):format(role))
    for _, setting in ipairs(SETTINGS) do db:query(('ALTER ROLE "%s" SET %s'):format(role, setting)) end
    return db:query("SELECT current_schema() AS name", { plain = true }).name
  end

  local function round_trips(db, create)
    local Thing = db:define("Thing", ATTRIBUTES, { timestamps = false })
    if create then db:sync() end
    local made = Thing:create(VALUES)
    -- The first executions of a statement read text, later ones binary.
    for _ = 1, 4 do
      local read = Thing:findByPk(made.id)
      local row = read:toJSON()
      row.id = nil
      assert.same(VALUES, row)
      assert.is_false(read:changed())
      assert.equal(VALUES.double, db:query('SELECT double FROM "Things" WHERE id = ?', { replacements = { made.id } })[1].double)
    end
    for name, value in pairs(VALUES) do
      assert.is_true(Thing:count{ where = { id = made.id, [name] = value } } == 1, name)
    end
    assert.equal(0, #db:sync{ alter = true, dryRun = true })
  end

  it("is so for the settings of a role", function()
    local admin = connect()
    local schema = role_of(admin)
    local ok, err = pcall(function()
      local db = connect{ user = role, searchPath = { schema } }
      assert.equal("escape", db:query("SHOW bytea_output", { plain = true }).bytea_output)
      round_trips(db, true)
      db:close()
    end)
    admin:query(('DROP TABLE IF EXISTS "Things"; DROP TYPE IF EXISTS "enum_Things_state"; DROP ROLE "%s"'):format(role))
    assert.is_true(ok, tostring(err))
  end)

  it("is so for what a session is set to", function()
    local db = connect{ pool = { max = 1 } }
    db:define("Thing", ATTRIBUTES, { timestamps = false })
    db:sync()
    for _, style in ipairs{ "iso_8601", "postgres", "postgres_verbose", "sql_standard" } do
      db:query("SET intervalstyle TO " .. style)
      db:query("SET bytea_output TO escape")
      db:query("SET timezone TO 'America/St_Johns'")
      round_trips(db)
    end
    db:query("SET datestyle TO 'SQL, DMY'")
    local err = helper.error_of(function() db:query("SELECT DATE '2024-02-03' AS day") end)
    assert.truthy(err.message:find("cannot be read as its type", 1, true))
  end)
end)
