-- Comments of tables and columns, on both databases: SQLite keeps them in the text of the table.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(dialect, connect)
  local db, qi

  before_each(function()
    db = connect()
    qi = db:queryInterface()
  end)

  local function define(column, whole, more)
    return db:define("Note", {
      { "text", DataTypes.STRING(20), comment = column, unique = true }, { "size", DataTypes.INTEGER }, more,
    }, { timestamps = false, comment = whole })
  end

  local function comment(name) return qi:describeTable("Notes")[name].comment end

  local function of_table()
    if dialect == "postgres" then return db:query([[SELECT obj_description('"Notes"'::regclass) AS c]])[1].c end
    return db:query("SELECT sql FROM sqlite_master WHERE name = 'Notes'")[1].sql:match("%(%s*/%*: (.-) %*/")
  end

  local function settled() assert.equal("", tostring((db:sync { alter = true, dryRun = true }))) end

  it("are created, changed and taken away", function()
    define("what it says", "notes"):sync()
    assert.same({ "what it says", nil, "notes" }, { comment("text"), comment("size"), of_table() })
    settled()
    local Note = define("other", "more notes", { "added", DataTypes.TEXT, comment = "new" })
    Note:create { text = "a", size = 1 }
    Note:sync { alter = true }
    settled()
    assert.same({ "other", "new", "more notes" }, { comment("text"), comment("added"), of_table() })
    define(nil, nil):sync { alter = { drop = false } }
    assert.same({ "other", "more notes" }, { comment("text"), of_table() })
    define(nil, nil):sync { alter = true }
    settled()
    assert.is_nil(comment("text"))
    assert.is_nil(of_table())
    assert.equal(1, Note:count())
  end)

  it("stay when their tables and columns change", function()
    define("what it says", "notes"):sync()
    qi:addColumn("Notes", "extra", { type = DataTypes.TEXT, comment = "more", allowNull = false, defaultValue = "x" })
    qi:changeColumn("Notes", "text", { type = DataTypes.STRING(80), allowNull = false })
    qi:changeColumn("Notes", "size", { type = DataTypes.BIGINT, comment = "in bytes" })
    qi:renameColumn("Notes", "text", "words")
    qi:addColumn("Notes", "last", DataTypes.TEXT)
    qi:removeColumn("Notes", "last")
    qi:removeColumn("Notes", "extra")
    assert.same({ "what it says", "in bytes", "notes" }, { comment("words"), comment("size"), of_table() })
    qi:renameTable("Notes", "Papers")
    assert.equal("in bytes", qi:describeTable("Papers").size.comment)
    qi:createTable("plain", { a = { type = DataTypes.TEXT, comment = "a" } }, { comment = "p" })
    assert.equal("a", qi:describeTable("plain").a.comment)
  end)

  it("may say anything", function()
    for _, text in ipairs { "it's", "*/ , x TEXT", "/* x", "a \\ b \\", "-- x\ny", '"q" (', " blanks ", "ä $1 ? :a" } do
      define(text, text):sync { force = true }
      assert.equal(text, comment("text"))
      settled()
      qi:changeColumn("Notes", "size", { type = DataTypes.DOUBLE, allowNull = false })
      assert.equal(text, comment("text"))
    end
  end)

  it("of people in the text of a table are their own", function()
    db:query('CREATE TABLE "Notes" ( /* mine */ "id" INTEGER PRIMARY KEY, "text" TEXT /* yours */, "size" INTEGER)')
    assert.is_nil(comment("text"))
  end)
end)
