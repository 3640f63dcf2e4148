-- Violated constraints say which attribute it was, alike on both databases, also where the database itself does not say it.
local failure = require "rowan.repo.failure"
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op

local function paths(err)
  local list = {}
  for i, item in ipairs(err.errors) do list[i] = item.path or "?" end
  return table.concat(list, " ")
end

local function violates(class, expected, rule, fn)
  local err = helper.error_of(fn)
  assert.equal(class, err.name, tostring(err))
  assert.equal(expected, paths(err))
  assert.matches(rule, err.message)
  return err
end

helper.each(function(dialect, connect)
  local function refers(expected, fn)
    return violates("ForeignKeyConstraintError", expected, "refers to a row that is not there", fn)
  end
  local function referenced(expected, fn)
    return violates("ForeignKeyConstraintError", expected, "still referenced by another row", fn)
  end

  local function family(options)
    local db = connect(options)
    local own = { timestamps = false, underscored = true }
    local Person = db:define("Person", { name = D.STRING }, own)
    local City = db:define("City", { code = { type = D.STRING, unique = true } }, own)
    local Pair = db:define("Pair", { { "p", D.INTEGER, primaryKey = true }, { "q", D.INTEGER, primaryKey = true } }, own)
    local Letter = db:define("Letter", { text = D.STRING }, own)
    local function points(to, as, key)
      Letter:belongsTo(to, {
        as = as, foreignKey = as .. "Id", targetKey = key, onDelete = "RESTRICT", onUpdate = "NO ACTION",
      })
    end
    points(Person, "from")
    points(Person, "to")
    points(City, "city", "code")
    points(Letter, "answer")
    Letter:belongsTo(Pair, { as = "pair", onDelete = "RESTRICT", onUpdate = "NO ACTION" })
    db:sync()
    Person:create{ id = 1 }
    City:create{ id = 1, code = "o'k, (x)" }
    Pair:create{ p = 1, q = 2 }
    return db, Letter, Person, City
  end

  it("name the foreign key among several, whatever was written", function()
    local db, Letter = family()
    local code = "o'k, (x)"
    local letter = Letter:create{ fromId = 1, toId = 1, cityId = code, pairP = 1, pairQ = 2 }
    local err = refers("toId", function() Letter:create{ fromId = 1, toId = 8 } end)
    assert.equal(8, err.errors[1].value)
    assert.same({ "toId" }, err.fields)
    assert.equal("Letter.toId refers to a row that is not there", err.errors[1].message)
    refers("fromId", function() Letter:create{ fromId = 7, toId = 1 } end)
    refers("fromId", function() Letter:create{ fromId = 7, toId = 8 } end)
    refers("cityId", function() Letter:create{ fromId = 1, cityId = "nowhere" } end)
    refers("pairP pairQ", function() Letter:create{ fromId = 1, pairP = 1, pairQ = 3 } end)
    refers("answerId", function() Letter:create{ id = 50, fromId = 1, answerId = 60 } end)
    refers("cityId", function() letter:update{ cityId = "nowhere", toId = 1 } end)
    refers("pairP pairQ", function() letter:reload():update{ pairQ = 9, toId = 1 } end)
    refers("toId", function() Letter:update({ fromId = 1, toId = 8 }, { where = { id = letter.id } }) end)
    refers("cityId", function() Letter:bulkCreate{ { fromId = 1 }, { fromId = 1, cityId = "x" }, { toId = 1 } } end)
    refers("toId", function() Letter:upsert{ id = letter.id, fromId = 1, toId = 8 } end)
    refers("fromId", function() Letter:increment({ fromId = 5 }, { where = { id = letter.id } }) end)
    refers("fromId", function() Letter:create{ fromId = rowan.literal("7"), toId = 1 } end)
    refers("toId", function()
      db:transaction(function() Letter:create{ fromId = 1, toId = 8 } end)
    end)
    -- What one statement stores together may point at each other.
    Letter:bulkCreate{ { id = 100, fromId = 1, answerId = 101 }, { id = 101, fromId = 1, answerId = 101 } }
    refers("toId", function()
      Letter:bulkCreate{ { id = 200, toId = 1, answerId = 201 }, { id = 201, toId = 8, answerId = 200 } }
    end)
  end)

  it("name the key that others point at", function()
    local db, Letter, Person, City = family()
    local letter = Letter:create{ id = 1, fromId = 1, cityId = "o'k, (x)" }
    Letter:create{ id = 2, answerId = 1 }
    referenced("id", function() Person:destroy{ where = { id = 1 } } end)
    referenced("code", function() City:destroy{ where = rowan.all } end)
    referenced("id", function() letter:destroy() end)
    referenced("id", function() Person:update({ id = 9 }, { where = { id = 1 } }) end)
    referenced("id", function() Letter:update({ id = 9 }, { where = { id = 1 } }) end)
    referenced("code", function() City:update({ code = "other" }, { where = rowan.all }) end)
    if dialect == "postgres" then
      referenced("id", function() db:query("DELETE FROM people") end)
      refers("to_id", function() db:query("UPDATE letters SET to_id = 8") end)
    end
  end)

  it("name a key that is looked at when the transaction ends", function()
    local db = connect()
    local Person = db:define("Person", { name = D.STRING }, { timestamps = false })
    local function key()
      return { type = D.INTEGER, references = { model = Person, key = "id", deferrable = "INITIALLY_DEFERRED" } }
    end
    local Gift = db:define("Gift", { giver = key(), taker = key() }, { timestamps = false })
    db:sync()
    Person:create{ id = 1 }
    refers("taker", function()
      db:transaction(function()
        Gift:create{ giver = 1, taker = 9 }
        assert.equal(1, Gift:count())
      end)
    end)
    refers("taker", function() Gift:create{ giver = 1, taker = 9 } end)
    assert.equal(0, Gift:count())
    db:transaction(function()
      Gift:create{ giver = 1, taker = 2 }
      Person:create{ id = 2 }
    end)
  end)

  it("name what a check looks at, also one that the model does not know", function()
    local db = connect()
    local Span = db:define("Span", {
      { "from", D.INTEGER, field = "from day" }, { "to", D.INTEGER, field = "to_day" }, { "name", D.STRING },
    }, { timestamps = false })
    db:sync()
    db:queryInterface():addConstraint("Spans", {
      type = "CHECK", name = "in_order", where = rowan.literal('"from day" < "to_day"'),
    })
    db:queryInterface():addConstraint("Spans", {
      type = "CHECK", name = "not_negative", where = { to_day = { [Op.gte] = 0 } },
    })
    local function fails(expected, fn)
      return violates("CheckConstraintError", expected, "violates the constraint", fn)
    end
    local err = fails("from to", function() Span:create{ from = 2, to = 1 } end)
    assert.equal("Span.to violates the constraint in_order", err.errors[2].message)
    fails("to", function() Span:create{ from = -9, to = -8 } end)
    Span:create{ from = 1, to = 2 }
    fails("from to", function() Span:increment("from", { by = 5, where = rowan.all }) end)
    fails("from to", function() Span:bulkCreate{ { from = 1, to = 2 }, { from = 4, to = 3 } } end)
    fails("from to", function()
      db:transaction(function() Span:update({ to = 0 }, { where = rowan.all }) end)
    end)
  end)

  it("name unique columns whatever they are called", function()
    local db = connect()
    local Odd = db:define("Odd", {
      { "a", D.STRING, field = "a, b", unique = { msg = "a is taken" } }, { "b", D.STRING, field = "b" },
      { "c", D.STRING, field = "(c)=(d)" },
    }, { timestamps = false, indexes = {
      { unique = true, fields = { "b", "c" }, msg = "b and c" },
      { unique = true, fields = { rowan.fn("lower", rowan.col("c")) }, name = "lower_c" },
    } })
    db:sync()
    local value = "x, (y)=(z) \"q\" 'k'"
    Odd:create{ a = value, b = value, c = value }
    local function fails(expected, message, row)
      local err = violates("UniqueConstraintError", expected, "", function() Odd:create(row) end)
      assert.same({ message, "Odds" }, { err.message, err.table })
    end
    fails("a", "a is taken", { a = value })
    fails("c", "Odd.c must be unique", { c = value:upper() })
    db:query('DROP INDEX "lower_c"')
    fails("b c", "b and c", { b = value, c = value })
    -- The model as somebody else has it, with the columns the other way round.
    Odd = db:define("Odd", {
      { "c", D.STRING, field = "(c)=(d)", unique = { name = "pair", msg = "the pair" } },
      { "b", D.STRING, unique = dialect == "sqlite" and "pair" or nil },
    }, { timestamps = false })
    if dialect == "sqlite" then fails("b c", "the pair", { b = value, c = value }) end
  end)

  it("name what must not overlap", function()
    if dialect ~= "postgres" then return end
    local db = connect()
    local Stay = db:define("Stay", { { "during", D.RANGE(D.INTEGER), field = "the, days" } }, { timestamps = false })
    db:sync()
    db:query([[ALTER TABLE "Stays" ADD CONSTRAINT apart EXCLUDE USING gist ("the, days" WITH &&)]])
    Stay:create{ during = { 1, 10 } }
    local err = violates("ExclusionConstraintError", "during", "Stay.during conflicts with another row", function()
      Stay:create{ during = { 5, 12 } }
    end)
    assert.same({ "during", "apart", "Stays" }, { err.fields[1], err.constraint, err.table })
  end)

  it("are told by their table where a trigger or a cascade has broken them", function()
    local db = connect()
    local Parent = db:define("Parent", { name = D.STRING }, { timestamps = false })
    local Child = db:define("Child", {
      parentId = {
        type = D.INTEGER, allowNull = false, field = "parent", references = { model = Parent, key = "id" }, onDelete = "SET NULL",
      },
    }, { timestamps = false })
    db:sync()
    Child:create{ parentId = Parent:create{ id = 1 }.id }
    local err = violates("NotNullConstraintError", "parentId", "Child.parentId cannot be null",
      function() Parent:destroy{ where = { id = 1 } } end)
    assert.is_nil(err.errors[1].value)
  end)

  it("are known by their names where PostgreSQL hides the columns", function()
    local _, Letter, Person = family()
    local function message(name, model, sql)
      return failure.object({ kind = "database", sqlstate = "23503", message = "no", constraint = name, table = "letters" },
        { def = model.definition, owner = Letter.definition, sql = sql }).message
    end
    assert.equal("Letter.toId refers to a row that is not there (no)", message("letters_to_id_fkey", Letter, "INSERT"))
    assert.equal("Person.id is still referenced by another row (no)", message("letters_to_id_fkey", Person, "UPDATE"))
    assert.equal("Letter.id is still referenced by another row (no)", message("letters_answer_id_fkey", Letter, "DELETE"))
    assert.equal("no", message("other", Letter, "INSERT"))
  end)

  it("are known in any language", function()
    local _, Letter, Person = family()
    local function object(err, model, owner)
      err.kind, err.table = "database", owner.table
      return failure.object(err, { def = model and model.definition, owner = model and owner, sql = "UPDATE" })
    end
    local letters = Letter.definition
    local err = object({ sqlstate = "23503", message = "verletzt", constraint = "x",
      detail = 'Schlüssel (from_id)=(9) ist nicht in Tabelle „people“ vorhanden.' }, Letter, letters)
    assert.equal("Letter.fromId refers to a row that is not there (verletzt)", err.message)
    err = object({ sqlstate = "23503", message = "verletzt", constraint = "x",
      detail = "Auf Schlüssel (id)=(1) wird noch aus Tabelle „letters“ verwiesen." }, Person, letters)
    assert.equal("Person.id is still referenced by another row (verletzt)", err.message)
    err = object({ sqlstate = "23503", message = "verletzt", constraint = "x",
      detail = "Auf Schlüssel (id)=(1) wird noch aus Tabelle „letters“ verwiesen." }, Letter, letters)
    assert.equal("Letter.id is still referenced by another row (verletzt)", err.message)
  end)
end)
