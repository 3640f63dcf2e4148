-- The other options of finders: order, limit, offset, attributes, raw.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op, null = rowan.DataTypes, rowan.Op, rowan.null
local fn, col = rowan.fn, rowan.col

local WORDS = { "pear", "apple", "fig", "apple", "cherry", null, "banana" }

helper.each(function(dialect, connect)
  local function filled()
    local db = connect()
    local Word = db:define("Word", {
      { "id", D.INTEGER, primaryKey = true }, { "text", D.STRING, field = "the_text" }, { "price", D.DECIMAL(6, 2) },
    }, { timestamps = false })
    db:sync()
    local rows = {}
    for i, word in ipairs(WORDS) do
      rows[i] = { id = i, text = word, price = ("%d.%02d"):format(i % 3 == 0 and 100 or i, i) }
    end
    Word:bulkCreate(rows)
    return Word, db
  end

  local function ids(Word, options) return helper.pluck(Word:findAll(options), "id") end

  it("orders", function()
    local Word = filled()
    local known = { text = { [Op.ne] = null } }
    assert.same({ 2, 4, 7, 5, 3, 1 }, ids(Word, { where = known, order = { "text", "id" } }))
    assert.same({ 4, 2, 7, 5, 3, 1 }, ids(Word, { where = known, order = { { "text" }, { "id", "DESC" } } }))
    assert.same({ 1, 3, 5, 7, 2, 4 }, ids(Word, { where = known, order = { { "text", "desc" }, "id" } }))
    assert.same({ 7, 6, 5, 4, 3, 2, 1 }, ids(Word, { order = { { "id", "DESC" } } }))
    assert.same({ 1, 2, 4, 5, 7, 3, 6 }, ids(Word, { order = "price" }))
    assert.same({ 6, 2, 4, 7, 5, 3, 1 }, ids(Word, { order = { { "text", "ASC NULLS FIRST" }, "id" } }))
    assert.same({ 1, 3, 5, 7, 2, 4, 6 }, ids(Word, { order = { { "text", "DESC NULLS LAST" }, "id" } }))
    assert.same({ 3, 1, 2, 4 }, ids(Word, {
      where = { text = { "fig", "pear", "apple" } }, order = { fn("LENGTH", col("text")),
        { rowan.literal("the_text = 'apple'") }, "id" },
    }))
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, ids(Word, { order = { "id" } }))
  end)

  it("limits and skips, by the primary key where no order is given", function()
    local Word = filled()
    assert.same({ 1, 2, 3 }, ids(Word, { limit = 3 }))
    assert.same({ 3, 4 }, ids(Word, { limit = 2, offset = 2 }))
    assert.same({ 6, 7 }, ids(Word, { offset = 5 }))
    assert.same({}, ids(Word, { limit = 0 }))
    assert.same({}, ids(Word, { offset = 100 }))
    assert.same({ 7, 6 }, ids(Word, { limit = 2.0, order = { { "id", "DESC" } } }))
    assert.equal(1, Word:findOne().id)
    assert.equal(7, Word:findOne { order = { { "id", "DESC" } } }.id)
    assert.equal(3, Word:findOne { offset = 2 }.id)
  end)

  it("reads the attributes that are asked for", function()
    local Word = filled()
    local function row_of(attributes)
      local row = Word:findOne { where = { id = 2 }, attributes = attributes, raw = true }
      assert.is_nil(getmetatable(row))
      return row
    end
    assert.same({ id = 2 }, row_of { "id" })
    assert.same({ id = 2, text = "apple" }, row_of { "text", "id" })
    assert.same({ id = 2, text = "apple" }, row_of { exclude = { "price" } })
    assert.same({ id = 2, text = "apple", price = "2.02", size = 5 }, row_of { include = { { fn("LENGTH",
      col("text")), "size" } } })
    assert.same({ id = 2, size = 5 }, row_of { include = { { fn("LENGTH", col("text")), "size" } },
      exclude = { "text", "price" } })
    assert.same({ word = "apple", cost = "2.02" }, row_of { { "text", "word" }, { "price", "cost" } })
    assert.same({ loud = "APPLE!" }, row_of { { rowan.literal("UPPER(the_text) || '!'"), "loud" } })
    assert.same({ n = 7 }, row_of { { rowan.cast(7, "INTEGER"), "n" } })
    assert.same({ ["odd \"alias\"?"] = 2 }, row_of { { "id", "odd \"alias\"?" } })
    assert.is_nil(rawget(Word:findOne { attributes = { "id" } }, "text"))
  end)

  it("gives plain tables with raw", function()
    local Word = filled()
    local rows = Word:findAll { raw = true, order = { "id" } }
    assert.equal(#WORDS, #rows)
    for i, row in ipairs(rows) do
      assert.is_nil(getmetatable(row))
      assert.equal(WORDS[i] ~= null and WORDS[i] or nil, row.text)
    end
    assert.is_nil(getmetatable(Word:findByPk(1, { raw = true })))
    assert.is_nil(getmetatable(Word:findOne { raw = true }))
    assert.is_false(rowan.isInstance(rows[1]))
    assert.is_true(rowan.isInstance(Word:findByPk(1), Word))
  end)

  local REFUSED = {
    { { order = { "txet" } }, 'did you mean "text"' },
    { { order = { { "text", "DOWN" } } }, "DOWN is no direction" },
    { { order = { { "text", "ASC; DROP TABLE x" } } }, "is no direction" },
    { { order = { "text", "DESC" } }, "DESC" },
    { { order = { { "text", "DESC", "x" } } }, "an entry is a name" },
    { { order = { [2] = "text" } }, "order" },
    { { order = { by = "text" } }, "order" },
    { { order = { "text", [1.5] = "id" } }, "order" },
    { { order = { { "text", dir = "DESC" } } }, "an entry is a name" },
    { { order = 5 }, "order" },
    { { order = { 5 } }, "an entry is a name" },
    { { limit = -1 }, "limit: Word: must be a whole number" },
    { { limit = 1.5 }, "limit: Word: must be a whole number" },
    { { limit = "1" }, "limit: Word: must be a whole number" },
    { { limit = 0 / 0 }, "limit: Word: must be a whole number" },
    { { limit = math.huge }, "limit: Word: must be a whole number" },
    { { offset = -1 }, "offset: Word: must be a whole number" },
    { { attributes = { "txet" } }, 'did you mean "text"' },
    { { attributes = {} }, "at least one attribute" },
    { { attributes = "text" }, "wants a list of names" },
    { { attributes = { "id", more = "text" } }, "wants a list of names" },
    { { attributes = { [2] = "id" } }, "wants a list of names" },
    { { attributes = { exclude = "text" } }, "exclude wants a list" },
    { { attributes = { exclude = { "txet" } } }, 'did you mean "text"' },
    { { attributes = { exclude = { "text" }, only = { "id" } } }, '"only" is not known' },
    { { attributes = { fn("COUNT", col("id")) } }, "needs an alias" },
    { { attributes = { { fn("COUNT", col("id")) } } }, "an entry is a name" },
    { { attributes = { { fn("COUNT", col("idd")), "n" } } }, 'did you mean "id"' },
    { { wheer = {} }, 'did you mean "where"' },
    { { order = { "text", "DESC" } }, 'a direction is written { { "name", "DESC" } }' },
    { { Where = {} }, 'did you mean "where"' },
    { { oder = {} }, 'did you mean "order"' },
    { { gruop = { "text" } }, 'did you mean "group"' },
    { { group = 5 }, "group: Word: wants names" },
    { { group = { "txet" } }, 'did you mean "text"' },
    { { distinct = 1 }, "distinct must be true or false" },
    { { skipLocked = true }, "skipLocked means nothing without lock" },
    { { lock = true, skipLocked = true, noWait = true }, "exclude each other" },
    { { lock = { levl = "UPDATE" } }, 'did you mean "level"' },
    { { lock = true, distinct = true }, "lock means nothing of distinct rows" },
    { { nest = true }, "nest is for raw rows" },
    { { rejectOnEmpty = 3 }, "rejectOnEmpty must be true" },
    { { comment = 5 }, "comment must be a string" },
    { { comment = ("x"):rep(501) }, "comment must not be longer" },
    { { [1] = "x" }, "has no option" },
  }

  it("refuses what is wrong with an option, naming it, and sends nothing", function()
    local Word = filled()
    local sent = helper.count(function()
      for i, case in ipairs(REFUSED) do
        -- findOne has a limit of its own.
        for _, finder in ipairs({ "findAll", case[1].limit == nil and "findOne" or nil }) do
          local err = helper.error_of(Word[finder], Word, case[1])
          assert.equal("QueryError", rowan.kind(err) == "error" and err.name or i .. tostring(err))
          assert.matches(case[2], err.message)
        end
      end
      for _, wrong in ipairs({ "text", 5, true, print, rowan.all, fn("COUNT", col("id")) }) do
        assert.equal("QueryError", helper.error_of(Word.findAll, Word, wrong).name)
      end
      assert.matches("Word:count: order means nothing without group",
        helper.error_of(Word.count, Word, { order = { "id" } }).message)
    end)
    assert.equal(0, sent)
  end)

  it("refuses what is no function, column or type", function()
    assert.equal("QueryError", helper.error_of(fn, "COUNT(*); --").name)
    assert.equal("QueryError", helper.error_of(fn, 5).name)
    assert.equal("QueryError", helper.error_of(col, 5).name)
    assert.equal("QueryError", helper.error_of(rowan.literal, 5).name)
    assert.equal("QueryError", helper.error_of(rowan.cast, 1, "INTEGER); DROP TABLE x").name)
    assert.equal("QueryError", helper.error_of(rowan.where, "id", 1).name)
    assert.equal("QueryError", helper.error_of(rowan.where, col("id"), "greater", 1).name)
    assert.equal("QueryError", helper.error_of(rowan.where, col("id")).name)
  end)

  it("binds the values of expressions", function()
    local Word = filled()
    local hostile = "'; DROP TABLE \"Words\"; --"
    local text = helper.statements(function()
      local row = Word:findOne { attributes = { "id", { rowan.cast(fn("COALESCE", null, hostile), "TEXT"),
        "v" } }, raw = true }
      assert.equal(hostile, row.v)
    end)[1]
    assert.is_nil(text:find("DROP", 1, true))
    assert.equal(#WORDS, Word:count())
    assert.equal(dialect == "postgres", text:find("$1", 1, true) ~= nil)
  end)
end)
