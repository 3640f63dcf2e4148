-- The operators of `where` beyond plain comparisons: what stands within JSON, regular expressions, lists on the right side,
-- arrays and ranges; each with PostgreSQL's meaning on both databases.
local helper = require "spec.helper"
local rowan = require "rowan"

local Op, D, null = rowan.Op, rowan.DataTypes, rowan.null

local DOCUMENTS = {
  { id = 1, name = "ann", data = { a = { b = 1, c = "x" }, tags = { "red", "blue" }, n = 5, ok = true } },
  { id = 2, name = "Ben", data = { a = { b = 2 }, tags = { "blue" }, n = 40, ok = false, gone = null } },
  { id = 3, name = "a_c", data = { a = { b = "1" }, tags = rowan.array {}, n = 5.5, ["odd/\"key\\'"] = "here" } },
  { id = 4, name = "\195\164rger" , data = { 10, { x = "y" }, "text" } },
  { id = 5, name = "a\nc" },
}

helper.each(function(dialect, connect)
  local function filled()
    local db = connect()
    local Item = db:define("Item", {
      { "id", D.INTEGER, primaryKey = true }, { "name", D.STRING }, { "data", D.JSONB }, { "doc", D.JSON },
      { "at", D.DATE }, { "long", D.TEXT },
    }, { timestamps = false })
    db:sync()
    for _, row in ipairs(DOCUMENTS) do
      Item:create { id = row.id, name = row.name, data = row.data, doc = row.data,
        at = ("2024-03-0%dT10:00:00Z"):format(row.id) }
    end
    return Item, db
  end

  local Item, db
  local function ids(where)
    local list = {}
    for i, row in ipairs(Item:findAll { where = where, order = { "id" }, attributes = { "id" } }) do list[i] = row.id end
    return table.concat(list, ",")
  end
  local function refused(where, pattern)
    local err = helper.error_of(function() Item:count { where = where } end)
    assert.equal("QueryError", rowan.kind(err) == "error" and err.name or tostring(err))
    assert.matches(pattern, err.message)
  end

  before_each(function() Item, db = filled() end)

  it("takes what the database computes among values", function()
    local col, fn = rowan.col, rowan.fn
    assert.equal("1,2,4", ids { id = { [Op.in_] = { 2, rowan.literal("1"), rowan.sql("? + ?", 2, 2) } } })
    assert.equal("3,5", ids { id = { [Op.notIn] = { 2, rowan.literal("1"), rowan.sql("? + ?", 2, 2) } } })
    assert.equal("2", ids { id = { [Op.in_] = { rowan.literal("2"), null } } })
    assert.equal("1,2,3,4,5", ids { name = { { [Op.col] = "name" }, "x" } })
    assert.equal("2,3", ids { id = { [Op.between] = { rowan.cast("2", "integer"), 3 } } })
    assert.equal("1,2,3,4,5", ids { id = { [Op.between] = { 1, { [Op.col] = "id" } } } })
    Item:update({ long = fn("SUBSTR", col("name"), 1, 2) }, { where = { id = { 1, 2, 3 } } })
    Item:update({ long = "an" }, { where = { id = 4 } })
    assert.equal("1,2,3", ids { name = { [Op.startsWith] = col("long") } })
    assert.equal("4", ids { name = { [Op.notStartsWith] = col("long") } })
    assert.equal("2", ids { name = { [Op.endsWith] = fn("LOWER", "EN") } })
    assert.equal("3", ids { name = { [Op.substring] = rowan.literal("'_'") } })
    assert.equal("", ids { name = { [Op.substring] = rowan.sql("?", "%") } })
  end)

  it("patterns are for text", function()
    refused({ id = { [Op.like] = "1%" } }, 'cannot take Op.like: that is for text, and this is INTEGER; %["id::text"%] is')
    refused({ at = { [Op.startsWith] = "2024" } }, "this is DATE")
    assert.equal("1", ids { ["id::text"] = { [Op.like] = "1%" } })
  end)

  it("looks into documents, of both JSON types", function()
    for _, name in ipairs { "data", "doc" } do
      assert.equal("1", ids { [name .. ".a.b"] = 1 })
      assert.equal("3", ids { [name .. ".a.b"] = "1" })
      assert.equal("1", ids { [name] = { a = { b = 1 } } })
      assert.equal("1", ids { [name] = { ["a.b"] = 1, n = { [Op.lt] = 10 } } })
      assert.equal("1,2,3", ids { [name .. ".n"] = { [Op.gte] = 5 } })
      assert.equal("1,3", ids { [name .. ".n"] = { [Op.between] = { 5, 6 } } })
      assert.equal("2", ids { [name .. ".n"] = { [Op.in_] = { 40, "5" } } })
      assert.equal("1", ids { [name .. ".ok"] = true })
      assert.equal("1", ids { [name .. ".tags"] = { "red", "blue" } })
      assert.equal("1,2", ids { [name .. ".tags"] = { [Op.contains] = { "blue" } } })
      assert.equal("4", ids { [name .. "[1].x"] = "y" })
      assert.equal("4", ids { [name .. "[0]"] = 10 })
      assert.equal("", ids { [name .. ".0"] = 10 })
      assert.equal("3", ids { [name .. [[."odd/""key\'"]]] = "here" })
      assert.equal("3", ids { [name] = { [ [["odd/""key\'"]] ] = "here" } })
      assert.equal("1", ids { [name .. ".a.c:unquote"] = "x" })
      assert.equal("1", ids { [name .. ".a.c"] = { [Op.like] = "x%" } })
      assert.equal("2", ids { [name .. ".ok:unquote"] = "false" })
      assert.equal("1,3", ids { [name .. ".a.b::int"] = 1 })
      assert.equal("1,3", ids { [name .. ".a.b:unquote::int"] = { [Op.lt] = 2 } })
      assert.equal("2", ids { [name .. ".ok::boolean"] = false })
    end
  end)

  it("keeps a path below and, or and not", function()
    assert.equal("1,2", ids { data = { a = { b = { [Op.or_] = { 1, 2 } } } } })
    assert.equal("2,3", ids { data = { a = { b = { [Op.not_] = 1 } } } })
    assert.equal("2,3", ids { data = { [Op.not_] = { a = { b = 1 } } } })
    assert.equal("1,2", ids { data = { [Op.or_] = { { a = { c = "x" } }, { n = 40 } } } })
    assert.equal("2", ids { data = { n = { [Op.and_] = { { [Op.gt] = 5 }, { [Op.ne] = 5.5 } } } } })
    assert.equal("1", ids { data = { [Op.ne] = rowan.object {}, a = { b = 1 } } })
  end)

  it("tells JSON's null from nothing there", function()
    assert.equal("2", ids { ["data.gone"] = { [Op.eq] = null } })
    assert.equal("1,3,4,5", ids { ["data.gone"] = { [Op.is] = null } })
    assert.equal("1,3,4,5", ids { ["data.gone"] = { [Op.not_] = { [Op.isNot] = null } } })
    assert.equal("1,2,3,4,5", ids { ["data.gone:unquote"] = null })
    assert.equal("5", ids { data = null })
    assert.equal("2,3", ids { ["data.n"] = { [Op.in_] = { null, 40, 5.5 } } })
    refused({ ["data.gone"] = null }, "Op.eq.*JSON's null")
    refused({ data = { gone = null } }, "Op.is")
  end)

  it("compares whole documents by Op.eq, and by what is marked", function()
    assert.equal("4", ids { data = { [Op.eq] = { 10, { x = "y" }, "text" } } })
    assert.equal("2", ids { ["data.a"] = { [Op.eq] = { b = 2 } } })
    assert.equal("2", ids { ["data.a"] = rowan.object { b = 2 } })
    assert.equal("3", ids { ["data.tags"] = rowan.array {} })
    assert.equal("1,2,4", ids { data = { [Op.ne] = DOCUMENTS[3].data } })
  end)

  it("finds what contains, is contained, and has keys", function()
    for _, name in ipairs { "data", "doc" } do
      assert.equal("1", ids { [name] = { [Op.contains] = { a = { b = 1 } } } })
      assert.equal("1,2", ids { [name] = { [Op.contains] = { tags = { "blue", "blue" } } } })
      assert.equal("4", ids { [name] = { [Op.contains] = { 10 } } })
      assert.equal("4", ids { [name] = { [Op.contains] = { "text", { x = "y" } } } })
      assert.equal("2", ids { [name .. ".a"] = { [Op.contained] = { b = 2, z = 1 } } })
      assert.equal("2,3", ids { [name .. ".tags"] = { [Op.contained] = { "blue", "green" } } })
      assert.equal("2,3", ids { [name] = { [Op.anyKeyExists] = { "gone", "odd/\"key\\'" } } })
      assert.equal("4", ids { [name] = { [Op.anyKeyExists] = { "text" } } })
      assert.equal("1,2", ids { [name] = { [Op.allKeysExist] = { "n", "ok" } } })
      assert.equal("", ids { [name] = { [Op.anyKeyExists] = {} } })
      assert.equal("1,2,3,4", ids { [name] = { [Op.allKeysExist] = {} } })
      assert.equal("5", ids { [Op.not_] = { [Op.or_] = { { id = { 1, 2, 3, 4 } } } } })
    end
    refused({ name = { [Op.contains] = "a" } }, "Op.contains.*STRING")
    refused({ data = { [Op.overlap] = { 1 } } }, "Op.overlap")
    refused({ name = { [Op.anyKeyExists] = { "a" } } }, "Op.anyKeyExists")
    refused({ data = { [Op.anyKeyExists] = "a" } }, "list of keys")
  end)

  it("takes lists on the right side of operators", function()
    assert.equal("1,3", ids { id = { [Op.eq] = { [Op.any] = { 1, 3 } } } })
    assert.equal("1,3", ids { id = { [Op.any] = { 1, 3 } } })
    assert.equal("2,4,5", ids { id = { [Op.ne] = { [Op.all] = { 1, 3 } } } })
    assert.equal("4,5", ids { id = { [Op.gt] = { [Op.all] = { [Op.values] = { 1, 3 } } } } })
    assert.equal("1,3,5", ids { name = { [Op.like] = { [Op.any] = { "a_n", "a_c", "zz%" } } } })
    assert.equal("2,4", ids { name = { [Op.notLike] = { [Op.all] = { "a%", "zz%" } } } })
    assert.equal("1,2", ids { name = { [Op.startsWith] = { [Op.any] = { "an", "Be" } } } })
    assert.equal("3", ids { name = { [Op.substring] = { [Op.any] = { "_", "%" } } } })
    assert.equal("1", ids { ["data.n"] = { [Op.any] = { 5, 6 } } })
    assert.equal("", ids { id = { [Op.gt] = { [Op.any] = {} } } })
    assert.equal("1,2,3,4,5", ids { id = { [Op.gt] = { [Op.all] = {} } } })
    assert.equal("1,2,3,4,5", ids { [Op.not_] = { id = { [Op.any] = {} } } })
    refused({ id = { [Op.eq] = { [Op.any] = { 1, "x" } } } }, "Item.id must be an integer")
    refused({ id = { [Op.eq] = { [Op.any] = { null } } } }, "rowan.null")
    refused({ id = { [Op.in_] = { [Op.any] = { 1 } } } }, "Op.in")
  end)

  it("tells letters by case with like, and not with iLike", function()
    assert.equal("2", ids { name = { [Op.like] = "B%" } })
    assert.equal("", ids { name = { [Op.like] = "b%" } })
    assert.equal("2", ids { name = { [Op.iLike] = "b_N" } })
    assert.equal("4", ids { name = { [Op.iLike] = "\195\132RGER" } })
    assert.equal("1,3,5", ids { name = { [Op.notILike] = { [Op.all] = { "B%", "%R" } } } })
    assert.equal("3", ids { name = { [Op.like] = "a\\_c" } })
    assert.equal("3,5", ids { name = { [Op.like] = "a_c" } })
  end)

  it("matches regular expressions as PostgreSQL does", function()
    for pattern, expected in pairs {
      ["^a"] = "1,3,5", ["n$"] = "1,2", ["a.c"] = "3,5", ["^[^a]"] = "2,4", ["(nn|_)"] = "1,3", ["n{2}"] = "1",
      ["n{1,}"] = "1,2", ["^\\w+$"] = "1,2,3,4", ["\\s"] = "5", ["[[:upper:]]"] = "2", ["^.{3}$"] = "1,2,3,5",
      ["^(?:a|B)(n|e)+n?$"] = "1,2", ["\\me"] = "", ["\\mB"] = "2", ["^$"] = "", [""] = "1,2,3,4,5", ["x*"] = "1,2,3,4,5",
      ["[]a]"] = "1,3,5", ["[b-e]"] = "2,3,4,5", ["a\\nc"] = "5", ["\195\164r"] = "4", ["^\\W"] = "", ["(a|b)?n+"] = "1,2",
    } do
      assert.equal(expected, ids { name = { [Op.regexp] = pattern } }, pattern)
    end
    assert.equal("2,3,5", (ids { name = { [Op.iRegexp] = "^b|C$" } }))
    assert.equal("1,4", ids { name = { [Op.notIRegexp] = "^b|C$" } })
    assert.equal("2,4", ids { name = { [Op.notRegexp] = "^a" } })
    assert.equal("4", ids { name = { [Op.iRegexp] = "[\195\128-\195\150]" } })
    assert.equal("1,2", ids { name = { [Op.regexp] = { [Op.any] = { "nn", "^B" } } } })
    for _, pattern in ipairs { "(", "a{2,1}", "[b", "*", "\\", "[z-a]", "a{999}" } do
      local err = helper.error_of(function() Item:count { where = { name = { [Op.regexp] = pattern } } } end)
      assert.equal("DatabaseError", rowan.kind(err) == "error" and err.name or tostring(err))
    end
  end)

  it("ends with patterns that take others for ever", function()
    if dialect ~= "sqlite" then return end
    Item:create { id = 9, name = ("a"):rep(255) }
    assert.equal("", ids { id = 9, name = { [Op.regexp] = "^(a+)+$b" } })
    assert.equal("", ids { id = 9, name = { [Op.regexp] = "(a*)*(a*)*(a*)*b" } })
    assert.equal("", ids { id = 9, name = { [Op.like] = ("%a"):rep(100) .. "b" } })
    for _, pattern in ipairs { "((a{1,99}){1,99}){1,99}", "(){255}{255}", ("a"):rep(1001), ("("):rep(200), "(a)\\1",
      "(?=a)" } do
      local err = helper.error_of(function() ids { name = { [Op.regexp] = pattern } } end)
      assert.matches("regular expression", tostring(err))
    end
    Item:create { id = 10, long = ("a"):rep(2000000) }
    local err = helper.error_of(function() ids { id = 10, long = { [Op.regexp] = "(a?){200}b" } } end)
    assert.matches("too many steps", tostring(err))
  end)

  it("compares with columns and expressions", function()
    assert.equal("1", ids { ["data.a.b::int"] = { [Op.col] = "id" }, id = 1 })
    assert.equal("1,2,3,4,5", ids { id = { [Op.gte] = { [Op.col] = "Item.id" } } })
    assert.equal("2", ids { ["data.n::float"] = { [Op.gt] = rowan.sql("? * ?", rowan.col("id"), 7) } })
    assert.equal("1,2,3,4,5", ids { name = { [Op.like] = rowan.col("name") } })
    assert.equal("2", ids { id = { [Op.between] = { rowan.sql("1 + ?", 1), 2 } } })
  end)

  it("casts attributes, and checks values against what they are cast to", function()
    assert.equal("2", ids { ["id::text"] = "2" })
    assert.equal("2", ids { ["$id$"] = 2 })
    assert.equal("2", ids { ["$data$.a.b::int"] = 2 })
    assert.equal("3", ids { ["at::date"] = "2024-03-03" })
    refused({ ["id::text"] = 2 }, "must be a string")
    refused({ ["data.a::int"] = "x" }, "must be an integer")
    refused({ ["data.a:unquote"] = 5 }, "must be a string")
    refused({ ["id::widget"] = 2 }, "no cast to")
    refused({ ["id.a"] = 2 }, "not JSON")
    refused({ ["dta.a"] = 2 }, 'no attribute "dta"')
    refused({ ["data.a'"] = 2, ["data..a"] = 1 }, "wants a key")
    refused({ ["data[x]"] = 2 }, "place in a list")
    refused({ ['data."a'] = 2 }, "never closed")
    refused({ ["data.a\0b"] = 2 }, "UTF%-8 without NUL")
    refused({ ["data.a:nope"] = 2 }, "unquote")
  end)

  it("uses the same words for order, attributes and groups", function()
    local found = Item:findAll { attributes = { "id", { "data.a.b", "b" }, { "data.a.b:unquote", "text" },
      { "data.n::int", "n" } }, where = { id = { 1, 2 } }, order = { { "data.n", "DESC" } } }
    assert.same({ 2, 2, "2", 40 }, { found[1].id, found[1].b, found[1].text, found[1].n })
    assert.same({ 1, 1, "1", 5 }, { found[2].id, found[2].b, found[2].text, found[2].n })
    local order = {}
    for i, row in ipairs(Item:findAll { where = { id = { 1, 2, 3 } }, order = { { "data.n", "ASC" } } }) do
      order[i] = row.id
    end
    assert.same({ 1, 3, 2 }, order)
    local groups = Item:findAll { attributes = { { "data.ok:unquote", "ok" }, { rowan.fn("COUNT", rowan.col("id")), "n" } },
      group = { "data.ok:unquote" }, order = { { "data.ok:unquote", "ASC NULLS FIRST" } } }
    assert.same({ nil, 3, "false", 1, "true", 1 }, { groups[1].ok, groups[1].n, groups[2].ok, groups[2].n, groups[3].ok,
      groups[3].n })
  end)

  it("keeps one statement for one shape, whatever the values", function()
    local texts = {}
    for i = 1, 3 do
      local where = { data = { a = { b = i } }, name = { [Op.regexp] = "a" .. i }, id = { [Op.any] = { i, i + 1 } } }
      texts[helper.statements(function() Item:findAll { where = where } end)[1]] = true
    end
    local count = 0
    for _ in pairs(texts) do count = count + 1 end
    assert.equal(1, count)
  end)

  it("looks into arrays", function()
    local Row = db:define("Tagged", { tags = { type = D.ARRAY(D.STRING), defaultValue = {} },
      sizes = D.ARRAY(D.ARRAY(D.DOUBLE)), kind = D.TEXT }, { timestamps = false })
    Row:sync()
    Row:create { tags = { "a", "b" }, sizes = { { 1, 2 }, { 3, 4.5 } } }
    Row:bulkCreate { { tags = { "c" } }, {} }
    local function rows(where)
      local list = {}
      for i, row in ipairs(Row:findAll { where = where, order = { "id" } }) do list[i] = row.id end
      return table.concat(list, ",")
    end
    assert.equal("1", rows { tags = { [Op.contains] = { "b" } } })
    assert.equal("1,2,3", rows { tags = { [Op.contains] = {} } })
    assert.equal("1", rows { tags = { [Op.overlap] = { "b", "z" } } })
    assert.equal("2,3", rows { tags = { [Op.contained] = { "c", "d" } } })
    assert.equal("1", rows { tags = { "a", "b" } })
    assert.equal("3", rows { tags = {} })
    assert.equal("2,3", rows { tags = { [Op.ne] = { "a", "b" } } })
    assert.equal("1,2", rows { tags = { [Op.in_] = { { "c" }, { "a", "b" } } } })
    assert.equal("1", rows { sizes = { { 1, 2 }, { 3, 4.5 } } })
    assert.same({ { 1, 2 }, { 3, 4.5 } }, Row:findByPk(1).sizes)
    refused({ name = { [Op.overlap] = { "a" } } }, "Op.overlap")
    local err = helper.error_of(function() rows { tags = { [Op.contains] = { 1 } } } end)
    assert.matches("item 1 must be a string", err.message)
    local row = Row:findByPk(1)
    row.tags[3] = "new"
    assert.same({ "tags" }, row:changed())
    row:save()
    assert.equal("1", rows { tags = { [Op.contains] = { "new" } } })
  end)

  if dialect == "postgres" then
    it("takes arrays, ranges and text searches", function()
      local Row = db:define("Row", { tags = D.ARRAY(D.STRING), span = D.RANGE(D.INTEGER), text = D.TEXT },
        { timestamps = false })
      Row:sync()
      Row:create { tags = { "a", "b" }, span = { 1, 5 }, text = "the quick brown fox" }
      Row:create { tags = { "c" }, span = { 5, 9 }, text = "a lazy dog" }
      local function rows(where)
        local list = {}
        for i, row in ipairs(Row:findAll { where = where, order = { "id" } }) do list[i] = row.id end
        return table.concat(list, ",")
      end
      assert.equal("1", rows { tags = { [Op.contains] = { "a" } } })
      assert.equal("1", rows { tags = { [Op.overlap] = { "b", "z" } } })
      assert.equal("2", rows { tags = { [Op.contained] = { "c", "d" } } })
      assert.equal("1", rows { tags = { "a", "b" } })
      assert.equal("1", rows { span = { [Op.contains] = 2 } })
      assert.equal("1,2", rows { span = { [Op.overlap] = { 4, 6 } } })
      assert.equal("1", rows { span = { [Op.adjacent] = { 5, 7 } } })
      assert.equal("1", rows { span = { [Op.strictLeft] = { 5, 7 } } })
      assert.equal("2", rows { span = { [Op.strictRight] = { 1, 3 } } })
      assert.equal("1", rows { span = { [Op.noExtendRight] = { 2, 6 } } })
      assert.equal("2", rows { span = { [Op.noExtendLeft] = { 3, 6 } } })
      assert.equal("1", rows { text = { [Op.match] = rowan.fn("to_tsquery", "english", "fox & quick") } })
      assert.equal("2", rows { text = { [Op.match] = "lazy dogs" } })
    end)
  else
    it("refuses what SQLite does not have, by name", function()
      refused({ name = { [Op.match] = "a" } }, "Op.match: sqlite does not have it")
      refused({ name = { [Op.adjacent] = { 1, 2 } } }, "Op.adjacent")
      refused({ ["at::timestamptz"] = "2024-01-01T00:00:00Z" }, "keeps times as text")
    end)
  end
end)
