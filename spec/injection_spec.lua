-- Hostile strings (spec/hostile) through every place that takes a value or a name: they come back as they were or are
-- refused, none stands in a statement's text but in quotes, and a table that they want dropped is still there.
local helper = require "spec.helper"
local hostile = require "spec.hostile"
local rowan = require "rowan"
local values = require "rowan.driver.values"

local Op, D = rowan.Op, rowan.DataTypes
local ALL = hostile.strings()

local TEXTS = {}
for _, text in ipairs(ALL) do
  if values.utf8(text) then TEXTS[#TEXTS + 1] = text end
end

-- What a database says of text that it cannot read as a statement.
local GARBLED = { "syntax error", "unterminated", "unrecognized token", "incomplete input", "no such function",
  "near \"" }

helper.each(function(dialect, connect)
  local db, Note, Kid, log

  before_each(function()
    db = connect(dialect == "sqlite" and { storage = ":memory:" } or nil)
    local Canary = db:define("Canary", { name = D.STRING }, { timestamps = false, tableName = "Canaries" })
    Note = db:define("Note", {
      { "id", D.INTEGER, primaryKey = true }, { "text", D.TEXT }, { "data", D.JSONB }, { "n", D.INTEGER },
    }, { timestamps = false })
    Kid = db:define("Kid", { text = D.TEXT }, { timestamps = false })
    Note:hasMany(Kid, { as = "kids" })
    db:sync()
    Canary:create { name = "sings" }
    log = helper.sql_log(db)
  end)

  local function finish()
    local seen = {}
    for _, sql in ipairs(log) do seen[sql] = true end
    for sql in pairs(seen) do
      local bare = hostile.bare(sql)
      if bare:find(hostile.MARK, 1, true) then error("outside of quotes: " .. sql, 0) end
    end
    assert.equal("sings", db:query('SELECT name FROM "Canaries"')[1].name)
  end

  -- Either it works, or rowan refuses it; a database that could not read a statement tells of a hole.
  local function try(what, text, fn)
    -- In a coroutine of its own, since errors keep a traceback, and that of the test runner is long.
    local ok, err = coroutine.wrap(function() return pcall(fn) end)()
    if ok then return end
    local message = tostring(err)
    if rowan.kind(err) ~= "error" then error(("%s with %q: %s"):format(what, text, message), 0) end
    for _, sign in ipairs(GARBLED) do
      if message:find(sign, 1, true) then error(("%s with %q: %s"):format(what, text, message), 0) end
    end
  end

  local function store()
    local rows = {}
    for i, text in ipairs(TEXTS) do rows[i] = { id = i, text = text, data = { [text] = text, list = { text } }, n = i } end
    Note:bulkCreate(rows)
  end

  it("has some hundreds of them", function()
    assert.is_true(#ALL >= 500, #ALL .. " strings")
    assert.is_true(#TEXTS >= 450, #TEXTS .. " texts")
    assert.equal("a  b ", hostile.bare("a 'x''\"' b \"y\"\"\"/* /* */ */--"))
  end)

  it("gives values back as they were, wherever they are compared", function()
    store()
    local found = Note:findAll { order = { "id" } }
    for i, text in ipairs(TEXTS) do
      assert.equal(text, found[i].text)
      assert.equal(text, found[i].data[text])
    end
    local function is(i, where)
      local id = Note:findOne { where = where, attributes = { "id" }, order = { "id" } }.id
      if id ~= i then error(("%q was found at %s, not at %d"):format(TEXTS[i], tostring(id), i), 0) end
    end
    for i, text in ipairs(TEXTS) do
      is(i, { text = text })
      is(i, { text = { [Op.in_] = { text, "no" } }, id = i })
      is(i, { text = { [Op.startsWith] = text }, n = i })
      is(i, { [Op.and_] = { { text = { [Op.endsWith] = text } }, { text = { [Op.substring] = text } } }, id = i })
      is(i, { text = { [Op.like] = { [Op.any] = { (text:gsub("[%%_\\]", "\\%0")) } } } })
      is(i, { data = { list = { text } } })
      is(i, rowan.sql("text = ?", text))
      is(i, rowan.where(rowan.fn("COALESCE", rowan.col("text"), text), text))
      is(i, rowan.where(rowan.case { { { id = i }, text } }, text))
    end
    finish()
  end)

  it("takes values into raw SQL, updates and single rows", function()
    for i, text in ipairs(TEXTS) do
      if i % 3 == 0 then
        local row = db:query("SELECT CAST(? AS TEXT) AS a, CAST(? AS TEXT) AS b", { replacements = { text, text } })[1]
        assert.same({ text, text }, { row.a, row.b })
        assert.equal(text, db:query("SELECT CAST(:v AS TEXT) AS a", { replacements = { v = text } })[1].a)
      elseif i % 3 == 1 then
        assert.equal(text, db:query("SELECT CAST($v AS TEXT) AS a", { bind = { v = text } })[1].a)
        local note = Note:create { id = i, text = text }
        Note:update({ text = "other" }, { where = { text = text } })
        assert.equal("other", note:reload().text)
        note.text = text
        note:save()
        assert.equal(text, Note:findByPk(i).text)
      else
        local note = Note:findOrCreate { where = { text = text }, defaults = { id = 100000 + i } }
        Note:update({ text = rowan.fn("COALESCE", text, "x"), data = { [text] = 1 } }, { where = { id = note.id } })
        assert.same({ text, { [text] = 1 } }, { note:reload().text, note.data })
      end
    end
    finish()
  end)

  it("takes keys of documents", function()
    store()
    for i, text in ipairs(TEXTS) do
      if #text <= 500 then
        local quoted = '"' .. text:gsub('"', '""') .. '"'
        local where = i % 3 == 0 and { ["data." .. quoted] = text } or i % 3 == 1 and { data = { [quoted] = text } }
          or { data = { [Op.anyKeyExists] = { text } } }
        local row = Note:findOne { where = where, attributes = { "id", { "data." .. quoted .. ":unquote", text } },
          order = { { "data." .. quoted, "DESC" } } }
        if not row or row.id ~= i then error(("%q was not found by %d"):format(text, i % 3), 0) end
        assert.equal(text, row[text])
      end
    end
    finish()
  end)

  it("has no name that gets into a statement", function()
    Note:create { id = 1, text = "a", n = 1, data = { a = 1 } }
    local places = {
      ["where"] = function(s) return Note:findAll { where = { [s] = 1 } } end,
      ["where below"] = function(s) return Note:findAll { where = { [Op.or_] = { { [s] = 1 }, { id = 1 } } } } end,
      ["operator"] = function(s) return Note:findAll { where = { text = { [s] = 1 } } } end,
      ["Op"] = function(s) return Op[s] end,
      ["cast behind"] = function(s) return Note:findAll { where = { ["text::" .. s] = "1" } } end,
      ["path"] = function(s) return Note:findAll { where = { ["data." .. s] = { [Op.ne] = 1 } } } end,
      ["place"] = function(s) return Note:findAll { where = { ["data[" .. s .. "]"] = 1 } } end,
      ["key"] = function(s) return Note:findAll { where = { data = { [s] = { a = 1 } } } } end,
      ["associated"] = function(s) return Note:findAll { where = { ["$" .. s .. "$"] = 1 } } end,
      ["associated attribute"] = function(s) return Note:findAll { where = { ["$kids." .. s .. "$"] = 1 } } end,
      ["order"] = function(s) return Note:findAll { order = { s } } end,
      ["order path"] = function(s) return Note:findAll { order = { { "data." .. s, "ASC" } } } end,
      ["direction"] = function(s) return Note:findAll { order = { { "id", s } } } end,
      ["attribute"] = function(s) return Note:findAll { attributes = { s } } end,
      ["excluded"] = function(s) return Note:findAll { attributes = { exclude = { s } } } end,
      ["alias"] = function(s) return Note:findAll { attributes = { { "n", s } } } end,
      ["alias of an expression"] = function(s)
        return Note:findAll { attributes = { { rowan.fn("COUNT", rowan.col("id")), s } }, group = { "n" }, raw = true }
      end,
      ["group"] = function(s) return Note:findAll { attributes = { "n" }, group = { s } } end,
      ["having"] = function(s) return Note:findAll { attributes = { "n" }, group = { "n" }, having = { [s] = 1 } } end,
      ["include"] = function(s) return Note:findAll { include = s } end,
      ["include as"] = function(s) return Note:findAll { include = { model = Kid, as = s } } end,
      ["comment"] = function(s) return Note:findAll { comment = s } end,
      ["lock"] = function(s) return Note:findAll { lock = s } end,
      ["limit"] = function(s) return Note:findAll { limit = s } end,
      ["option"] = function(s) return Note:findAll { [s] = 1 } end,
      ["fn"] = function(s) return Note:findAll { attributes = { { rowan.fn(s), "x" } } } end,
      ["col"] = function(s) return Note:findAll { where = rowan.where(rowan.col(s), 1) } end,
      ["json"] = function(s) return Note:findAll { where = rowan.json("data." .. s, "x") } end,
      ["cast"] = function(s) return Note:findAll { attributes = { { rowan.cast(1, s), "x" } } } end,
      ["identifier"] = function(s)
        return Note:findAll { where = rowan.sql("? IS NULL", rowan.identifier(s)) }
      end,
      ["sum"] = function(s) return Note:sum(s) end,
      ["count"] = function(s) return Note:count { col = s } end,
      ["update"] = function(s) return Note:update({ [s] = 1 }, { where = { id = 1 } }) end,
      ["create"] = function(s) return Note:create({ id = 5, n = 1 }, { fields = { "id", s } }) end,
      ["replacement"] = function(s) return db:query("SELECT :v AS a", { replacements = { [s] = 1, v = 1 } }) end,
      ["model"] = function(s) return db:model(s) end,
      ["from"] = function(s) return db:from(s):all() end,
      ["select"] = function(s) return db:from("Notes"):select(s):all() end,
      ["builder where"] = function(s) return db:from("Notes"):where { [s] = 1 }:all() end,
      ["builder order"] = function(s) return db:from("Notes"):orderBy(s):all() end,
    }
    local names = {}
    for name in pairs(places) do names[#names + 1] = name end
    table.sort(names)
    -- A plain word is the name of a function or a type, and no way out.
    local function is_word(name, text)
      return name == "fn" and text:find("^[%w_.]+$") or name == "cast" and text:find("^[%w_ ]+%(?%d*%)?$")
    end
    -- Every place sees every string. On PostgreSQL, on LuaJIT and under the sanitizers, which run the same Lua, only every payload,
    -- each in another of the forms that hostile.strings gives it: all of them would take minutes.
    local all = dialect == "sqlite" and not rawget(_G, "jit") and not os.getenv("LD_PRELOAD")
    local function sees(i, k)
      return all or (math.floor((i - 1) / hostile.FORMS) + k) % hostile.FORMS == i % hostile.FORMS
    end
    for i, text in ipairs(ALL) do
      for k, name in ipairs(names) do
        if sees(i, k) and not is_word(name, text) then
          try(name, text, function() return places[name](text) end)
        end
      end
    end
    finish()
  end)

  it("names tables, columns, indexes and aliases with them", function()
    local done = 0
    for i, text in ipairs(TEXTS) do
      local short = #text <= 60 and not text:find("[%c\127]")
      if i % 17 == 0 and short then
        try("define", text, function()
          local Odd = db:define("Odd" .. i, { { "id", D.INTEGER, primaryKey = true },
            { "value", D.TEXT, field = text, defaultValue = text } }, { timestamps = false, tableName = text,
            indexes = { { fields = { "value" }, name = "i" .. text }, { fields = { "value" }, where = { value = text },
              name = "p" .. i } } })
          Odd:hasMany(Odd, { as = "odds" .. i, foreignKey = { name = "oddId", field = "f" .. text }, constraints = false })
          Odd:sync()
          Odd:create { id = 1 }
          assert.equal(text, Odd:findOne { where = { value = text }, include = "odds" .. i }.value)
          Odd:drop()
          done = done + 1
        end)
      end
    end
    assert.is_true(done >= 15, done .. " tables")
    finish()
  end)
end)
