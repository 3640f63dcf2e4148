-- The helper that every other spec trusts.
local helper = require "spec.helper"
local rowan = require "rowan"

local NOTE = { { "id", rowan.DataTypes.INTEGER, primaryKey = true }, { "text", rowan.DataTypes.TEXT } }

helper.each(function(dialect, connect)
  local function with_notes(options)
    local db = connect(options)
    local Note = db:define("Note", NOTE, { timestamps = false })
    db:sync()
    return db, Note
  end

  it("gives databases that are empty and apart from each other", function()
    local one, OneNote = with_notes()
    local _, TwoNote = with_notes()
    assert.equal(dialect, one.dialect)
    OneNote:create { id = 1, text = "a" }
    assert.equal(1, OneNote:count())
    assert.equal(0, TwoNote:count())
  end)

  it("gives what the test before it wrote to nobody", function()
    local _, Note = with_notes()
    assert.equal(0, Note:count())
  end)

  it("logs the statements of a database from the moment it is asked", function()
    local db, Note = with_notes()
    local _, Other = with_notes()
    local log = helper.sql_log(db)
    Note:count()
    Other:count()
    assert.equal(1, #log)
    assert.matches("^SELECT", log[1])
  end)

  it("logs by options, and lets their own logging hear as well", function()
    local heard = 0
    local options = { logging = function() heard = heard + 1 end }
    local log = helper.sql_log(options)
    local _, Note = with_notes(options)
    local before = #log
    Note:count()
    assert.equal(before + 1, #log)
    assert.equal(#log, heard)
  end)

  it("counts the statements of a function", function()
    local _, Note = with_notes()
    assert.equal(0, helper.count(function() end))
    assert.equal(2, helper.count(function()
      Note:count()
      Note:count()
    end))
    assert.matches("boom", helper.error_of(helper.count, function() error("boom") end))
  end)

  it("gives the error of a function, and fails when there is none", function()
    local err = {}
    assert.equal(err, helper.error_of(function() error(err, 0) end))
    assert.is_false((pcall(helper.error_of, function() end)))
  end)
end)
