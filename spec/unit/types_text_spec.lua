-- Text, bytes and enums: what is accepted, in what form, and what is refused by what rule.
local casts = require "spec.unit.casts"
local types = require "rowan.types"

local T = types.DataTypes
local accepts, refuses, definition_error = casts.accepts, casts.refuses, casts.definition_error

describe("text types", function()
  it("count characters, not bytes", function()
    accepts(T.STRING(3), "\195\164\195\182\195\188", "\195\164\195\182\195\188")
    refuses(T.STRING(3), "\195\164\195\182\195\188x", "must be at most 3 characters long")
    accepts(T.STRING, ("x"):rep(255), ("x"):rep(255))
    refuses(T.STRING, ("x"):rep(256), "must be at most 255 characters long")
    accepts(T.TEXT, ("x"):rep(100000), ("x"):rep(100000))
    accepts(T.TEXT("long"), "x", "x")
  end)

  it("are valid UTF-8 without NUL", function()
    for _, type_of in ipairs({ T.STRING, T.TEXT, T.CHAR(300) }) do
      accepts(type_of, "", "")
      accepts(type_of, "\240\159\152\128", "\240\159\152\128")
      for _, bad in ipairs({ "a\0b", "\255", "\195", "\237\160\128", "\192\128" }) do
        refuses(type_of, bad, "must be valid UTF-8 without NUL")
      end
      refuses(type_of, 5, "must be a string")
      refuses(type_of, true, "must be a string")
    end
  end)

  it("refuse what padding would lose", function()
    accepts(T.CHAR(5), "ab", "ab")
    refuses(T.CHAR(5), "ab ", "must not end with a space, which CHAR pads with")
    refuses(T.CHAR(2), "abc", "must be at most 2 characters long")
  end)

  it("hold any bytes where they are binary", function()
    local bytes = "\0\255'\\"
    accepts(T.BLOB, bytes, bytes)
    accepts(T.STRING(4).BINARY, bytes, bytes)
    refuses(T.STRING(3).BINARY, bytes, "must be at most 3 bytes long")
    refuses(T.BLOB, 5, "must be a string")
    assert.equal("x", T.STRING.BINARY(7).code)
    assert.equal(7, T.STRING.BINARY(7).length)
  end)

  it("check their arguments", function()
    assert.truthy(definition_error(function() return T.STRING(0) end)
      :find("from 1 to 10485760, not 0", 1, true))
    assert.truthy(definition_error(function() return T.STRING("5") end):find("not 5", 1, true))
    assert.truthy(definition_error(function() return T.STRING({ lenght = 5 }) end):find('"length"', 1, true))
    assert.truthy(definition_error(function() return T.STRING(1, true, 2) end)
      :find("at most 2 arguments", 1, true))
    assert.truthy(definition_error(function() return T.TEXT("huge") end):find('"tiny"', 1, true))
    assert.truthy(definition_error(function() return T.CHAR.BINARY end):find("CHAR.BINARY", 1, true))
  end)
end)

describe("ENUM", function()
  it("takes its values and names the nearest", function()
    for _, type_of in ipairs({ T.ENUM("red", "green"), T.ENUM({ "red", "green" }),
      T.ENUM({ values = { "red", "green" } }) }) do
      accepts(type_of, "red", "red")
      refuses(type_of, "gren", 'must be one of "red", "green" (did you mean "green"?)')
      refuses(type_of, "violet-ish", 'must be one of "red", "green"')
      refuses(type_of, 1, "must be a string")
      assert.same({ "red", "green" }, type_of.values)
    end
  end)

  it("does not change when the list it was made of does", function()
    local list = { "a" }
    local type_of = T.ENUM(list)
    list[1] = "b"
    accepts(type_of, "a", "a")
  end)

  it("refuses lists that cannot be", function()
    assert.truthy(definition_error(function() return T.ENUM("a", "a") end):find('"a" twice', 1, true))
    assert.truthy(definition_error(function() return T.ENUM({}) end):find("at least one value", 1, true))
    assert.truthy(definition_error(function() return T.ENUM("a", 5) end):find("value 2", 1, true))
    assert.truthy(definition_error(function() return T.ENUM("") end):find("value 1", 1, true))
    assert.truthy(definition_error(function() return T.ENUM({ vales = { "a" } }) end):find("values", 1, true))
    assert.truthy(definition_error(function() return T.ENUM(("x"):rep(64)) end):find("63 bytes", 1, true))
    assert.truthy(definition_error(function() return types.resolve(T.ENUM,
      "M.a") end):find("M.a.*needs its values"))
  end)
end)
