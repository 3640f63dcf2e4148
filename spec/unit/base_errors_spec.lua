-- Error objects: classes, messages, hierarchy.
local errors = require "rowan.base.errors"

describe("base.errors", function()
  it("makes objects that know their class, message and place", function()
    local cause = { "why" }
    local fields = { message = "boom", sqlstate = "42601", cause = cause }
    local err = errors.new("DatabaseError", fields)
    assert.equal("DatabaseError", err.name)
    assert.equal("boom", err.message)
    assert.equal("42601", err.sqlstate)
    assert.equal(cause, err.cause)
    assert.truthy(err.traceback:find("base_errors_spec", 1, true))
    assert.is_nil(fields.name)
    assert.is_nil(getmetatable(fields))
  end)

  it("reads well as text, alone and concatenated", function()
    local err = errors.new("QueryError", { message = "no such thing" })
    assert.equal("QueryError: no such thing", tostring(err))
    assert.equal("got QueryError: no such thing!", "got " .. err .. "!")
  end)

  it("joins the items of a validation error", function()
    local items = { { path = "name", message = "User.name is missing" },
      { path = "age", message = "User.age is odd" } }
    local err = errors.new("ValidationError", { errors = items })
    assert.equal("User.name is missing; User.age is odd", err.message)
    assert.same({ items[2] }, err:get("age"))
    assert.same({}, err:get("id"))
    assert.same({}, errors.new("UniqueConstraintError").errors)
    assert.is_nil(errors.new("QueryError").errors)
  end)

  it("keeps a message of the validation error's own", function()
    local err = errors.new("ValidationError", { message = "own", errors = { { message = "item" } } })
    assert.equal("own", err.message)
  end)

  it("follows the hierarchy, and is false for anything else", function()
    local err = errors.new("UniqueConstraintError")
    assert.is_true(errors.is(err, "UniqueConstraintError"))
    assert.is_true(errors.is(err, "ValidationError"))
    assert.is_true(errors.is(err, "BaseError"))
    assert.is_true(errors.is(err, errors.classes.ValidationError))
    assert.is_false(errors.is(err, "DatabaseError"))
    assert.is_false(errors.is("UniqueConstraintError", "BaseError"))
    assert.is_false(errors.is({ name = "UniqueConstraintError" }, "BaseError"))
    assert.is_false(errors.is(nil, "BaseError"))
    assert.is_true(errors.kind_of(err))
    assert.is_false(errors.kind_of({}))
  end)

  it("has every class below BaseError", function()
    local count = 0
    for name, class in pairs(errors.classes) do
      count = count + 1
      assert.equal(name, class.name)
      assert.is_true(errors.is(errors.new(name), "BaseError"))
    end
    assert.is_true(count >= 28)
    assert.equal(errors.classes.DatabaseError, errors.classes.TimeoutError.parent)
    assert.is_nil(errors.classes.BaseError.parent)
  end)

  it("raises the object itself, and a UsageError for a class that is not there", function()
    local ok, err = pcall(errors.raise, "ScopeError", { message = "x" })
    assert.is_false(ok)
    assert.is_true(errors.is(err, "ScopeError"))
    assert.equal("UsageError", errors.new("NoSuchError", { message = "x" }).name)
  end)
end)
