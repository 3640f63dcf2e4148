-- `where`: conditions compared with a plain Lua reading of them over the same rows, what empty ones mean, and what
-- is refused.
local conditions = require "spec.conditions"
local helper = require "spec.helper"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local Op, null = rowan.Op, rowan.null
local NAMES, POOLS, PATTERNS = conditions.names, conditions.pools, conditions.patterns

local function show(value)
  if value == null then return "null" end
  if type(value) ~= "table" then return ("%q"):format(tostring(value)) end
  if rowan.kind(value) == "operator" then return tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = "[" .. show(key) .. "] = " .. show(item) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function ids(rows) return helper.sorted(rows, "id") end

local ROWS = 60

helper.each(function(dialect, connect)
  local function filled()
    local db = connect()
    local Item = db:define("Item", conditions.attributes, { timestamps = false })
    db:sync()
    local rows = conditions.rows(seeded(42), ROWS)
    Item:bulkCreate(rows)
    return Item, rows, db
  end

  local function expected_ids(rows, condition)
    local list = {}
    for _, row in ipairs(rows) do
      if conditions.read(row, condition, "and") == true then list[#list + 1] = row.id end
    end
    return list
  end

  it("finds what the same condition finds in Lua, 500 times", function()
    local Item, rows = filled()
    local random = seeded(4711)
    local selective = 0
    for round = 1, 500 do
      local condition = conditions.random(random, 1)
      local expected = expected_ids(rows, condition)
      local found = ids(Item:findAll { where = condition, attributes = { "id" } })
      if #expected > 0 and #expected < ROWS then selective = selective + 1 end
      assert(table.concat(expected, ",") == table.concat(found, ","),
        ("round %d: expected %s, found %s by %s"):format(round, table.concat(expected, ","), table.concat(found, ","),
          show(condition)))
      assert.equal(#expected, Item:count { where = condition })
    end
    assert.is_true(selective > 100, selective .. " conditions say something")
  end)

  it("finds by each operator what Lua finds", function()
    local Item, rows = filled()
    for _, name in ipairs(NAMES) do
      for _, op in ipairs(name ~= "flag" and name ~= "size" and conditions.ordered or conditions.plain) do
        for _, value in ipairs(POOLS[name]) do
          local operand = value
          if op:lower():find("between") then operand = { value, POOLS[name][1] } end
          if op == "in" or op == "notIn" then operand = { value, POOLS[name][1] } end
          local condition = { [name] = { [Op[op]] = operand } }
          assert.same(expected_ids(rows, condition), ids(Item:findAll { where = condition }), name .. " " .. op)
        end
      end
    end
    for _, op in ipairs(conditions.textual) do
      for _, value in ipairs(op:lower():find("like") and PATTERNS or POOLS.text) do
        local condition = { text = { [Op[op]] = value } }
        assert.same(expected_ids(rows, condition), ids(Item:findAll { where = condition }), op .. " " .. value)
      end
    end
  end)

  it("means by empty lists and groups what logic says", function()
    local Item = filled()
    local function count(where) return Item:count { where = where } end
    assert.equal(0, count { n = {} })
    assert.equal(0, count { n = { [Op.in_] = {} } })
    assert.equal(ROWS, count { n = { [Op.notIn] = {} } })
    assert.equal(ROWS, count { n = { [Op.not_] = { [Op.in_] = {} } } })
    assert.equal(0, count { [Op.or_] = {} })
    assert.equal(ROWS, count { [Op.and_] = {} })
    assert.equal(ROWS, count {})
    assert.equal(ROWS, count(rowan.all))
    assert.equal(0, count { n = { [Op.or_] = {} } })
    assert.equal(ROWS, count { n = { [Op.and_] = {} } })
    assert.equal(0, count(rowan.or_()))
    assert.equal(ROWS, count(rowan.and_()))
  end)

  it("reads NULL in lists as IS NULL", function()
    local Item, rows = filled()
    local nulls = #expected_ids(rows, { n = null })
    assert.is_true(nulls > 0)
    assert.equal(nulls, Item:count { where = { n = { null } } })
    assert.equal(nulls + #expected_ids(rows, { n = 5 }), Item:count { where = { n = { 5, null } } })
    assert.equal(ROWS - nulls, Item:count { where = { n = { [Op.notIn] = { null } } } })
    assert.equal(ROWS - nulls - #expected_ids(rows, { n = 5 }),
      Item:count { where = { n = { [Op.notIn] = { null, 5 } } } })
  end)

  it("takes expressions", function()
    local Item, rows = filled()
    local fn, col, where = rowan.fn, rowan.col, rowan.where
    assert.equal(#expected_ids(rows, { text = "abc" }), Item:count { where = where(fn("UPPER", col("text")), "ABC") })
    assert.equal(#expected_ids(rows, { n = { [Op.gt] = 1 } }), Item:count { where = { where(col("n"), Op.gt, 1) } })
    assert.equal(#expected_ids(rows, { n = null }), Item:count { where = where(col("n"), null) })
    assert.equal(ROWS - #expected_ids(rows, { n = null }), Item:count { where = where(col("n"), Op.ne, null) })
    assert.equal(ROWS - #expected_ids(rows, { n = null }), Item:count { where = { n = { [Op.eq] = col("n") } } })
    assert.equal(#expected_ids(rows, { n = { [Op.lt] = 3 } }), Item:count { where = rowan.literal("n + 1 <= 3") })
    assert.equal(#expected_ids(rows, { n = 5 }), Item:count { where = rowan.or_({ n = 5 }, { n = {} }) })
    assert.equal(#expected_ids(rows, { n = 5, flag = true }), Item:count { where = rowan.and_({ n = 5 },
      { flag = true }) })
  end)

  local function refused(Item, where, ...)
    local patterns = { ... }
    local calls = {
      function() Item:findAll { where = where } end, function() Item:count { where = where } end,
      function() Item:update({ n = 1 }, { where = where }) end, function() Item:destroy { where = where } end,
    }
    local sent = helper.count(function()
      for _, call in ipairs(calls) do
        local err = helper.error_of(call)
        assert.equal("QueryError", rowan.kind(err) == "error" and err.name or tostring(err))
        for _, pattern in ipairs(patterns) do assert.matches(pattern, err.message) end
      end
    end)
    assert.equal(0, sent)
  end

  it("takes rowan.all for a whole condition alone, not for a document", function()
    local db = connect()
    local Note = db:define("Note", { n = rowan.DataTypes.INTEGER, data = rowan.DataTypes.JSON }, { timestamps = false })
    db:sync()
    refused(Note, { data = rowan.all }, "Note%.data", "rowan%.all stands for a whole condition")
    refused(Note, { data = { a = rowan.all } }, "Note%.data%.a", "rowan%.all stands for a whole condition")
  end)

  it("refuses what is no condition, naming it", function()
    local Item = filled()
    local cyclic, chain, members = {}, {}, {}
    cyclic[Op.and_] = { cyclic }
    chain[Op.not_] = chain
    members[Op.or_] = { members }
    refused(Item, { txet = "a" }, "txet", 'did you mean "text"')
    refused(Item, { [Op.or_] = { { n = 1 }, { prcie = 1 } } }, "prcie", 'did you mean "price"')
    refused(Item, { n = { gt = 1 } }, "Item%.n", '"gt" is no operator')
    refused(Item, { n = { ["$gt"] = 1 } }, "Item%.n", "no operator")
    refused(Item, { n = { [Op.gt] = 1, lt = 2 } }, "Item%.n", '"lt" is no operator')
    refused(Item, { ["or"] = { { n = 1 } } }, "Item has no attribute")
    refused(Item, { [Op.gt] = 1 }, "Op%.gt stands behind an attribute")
    refused(Item, "n = 1", "a condition is a table")
    refused(Item, 7, "a condition is a table")
    refused(Item, true, "a condition is a table")
    refused(Item, { 5 }, "a condition is a table")
    refused(Item, { [true] = 1 }, "neither an attribute nor an operator")
    refused(Item, { [1.5] = { n = 1 } }, "neither an attribute nor an operator")
    refused(Item, { [3] = { n = 1 } }, "neither an attribute nor an operator")
    refused(Item, { n = 0 / 0 }, "Item%.n", "must be an integer")
    refused(Item, { n = "one" }, "Item%.n", "must be an integer")
    refused(Item, { n = function() end }, "Item%.n", "must be an integer")
    refused(Item, { n = { 1, "x" } }, "Item%.n", "must be an integer")
    refused(Item, { n = { 1, [3] = 2 } }, "Item%.n")
    refused(Item, { n = { [Op.in_] = 1 } }, "Item%.n", "list")
    refused(Item, { n = { [Op.in_] = { a = 1 } } }, "Item%.n", "list")
    refused(Item, { n = { [Op.between] = { 1 } } }, "Item%.n", "two values")
    refused(Item, { n = { [Op.between] = { 1, 2, 3 } } }, "Item%.n", "two values")
    refused(Item, { n = { [Op.between] = { 1, null } } }, "Item%.n")
    refused(Item, { n = { [Op.between] = { 1, 2, from = 3 } } }, "Item%.n", "two values")
    refused(Item, { n = { [Op.gt] = null } }, "Item%.n", "rowan%.null")
    refused(Item, { n = { [Op.is] = 1 } }, "Item%.n", "Op%.is")
    refused(Item, { n = { [Op.or_] = { 1, more = 2 } } }, "Item%.n", "list without gaps or other keys")
    refused(Item, { n = rowan.all }, "Item%.n", "rowan%.all stands for a whole condition")
    refused(Item, { n = { [Op["not"]] = rowan.all } }, "Item%.n", "rowan%.all stands for a whole condition")
    refused(Item, { n = { [Op.or_] = { [Op.gt] = 1, more = 2 } } }, "Item%.n", "more")
    refused(Item, { text = { [Op.like] = 1 } }, "Item%.text", "Op%.like", "string")
    refused(Item, { text = { [Op.substring] = "\255" } }, "Item%.text", "UTF%-8")
    refused(Item, { text = { [Op.startsWith] = "a\0" } }, "Item%.text", "NUL")
    refused(Item, { size = "xl" }, "Item%.size", "must be one of")
    refused(Item, { at = "2023-02-30" }, "Item%.at", "must be a time")
    refused(Item, cyclic, "nested too deep")
    refused(Item, chain, "nested too deep")
    refused(Item, { n = members }, "Item%.n", "nested too deep")
    refused(Item, { n = { [Op.overlap] = { 1 } } }, "Item%.n", "Op%.overlap")
    if dialect == "sqlite" then
      refused(Item, { text = { [Op.match] = "a" } }, "Item%.text", "Op%.match", "sqlite")
      refused(Item, { x = 0 / 0 }, "Item%.x", "cannot be NaN")
    end
  end)

  it("gives the nearest name of an operator", function()
    local err = helper.error_of(function() return Op.startWith end)
    assert.matches("startsWith", tostring(err))
  end)

  it("refuses a comparison of an expression with NULL that would find nothing", function()
    local Item = filled()
    local err = helper.error_of(function() Item:count { where = rowan.where(rowan.col("n"), Op.gt, null) } end)
    assert.equal("QueryError", err.name)
    assert.matches("Op%.gt", err.message)
  end)
end)
