-- DataTypes as a whole: names, text, and that a cast makes no garbage.
local casts = require "spec.unit.casts"
local types = require "rowan.types"

local T = types.DataTypes
local definition_error = casts.definition_error

describe("the registry", function()
  it("names the nearest of an unknown type", function()
    assert.truthy(definition_error(function() return T.STIRNG end):find('did you mean "STRING"', 1, true))
    assert.truthy(definition_error(function() return T.STRING.BINRY end)
      :find('did you mean "BINARY"', 1, true))
    assert.truthy(definition_error(function() return T.BOOLEAN(1) end):find("takes no arguments", 1, true))
    assert.is_false(pcall(function() T.MINE = 1 end))
  end)

  it("resolves types and refuses everything else, naming what it is for", function()
    assert.equal(T.STRING, types.resolve(T.STRING))
    assert.equal("M.a wants a type, not a string: write DataTypes.STRING",
      definition_error(function() types.resolve("string", "M.a") end))
    assert.equal("M.a wants a type such as DataTypes.STRING, not nothing",
      definition_error(function() types.resolve(nil, "M.a") end))
    assert.equal("M.a wants a type such as DataTypes.STRING, not a table",
      definition_error(function() types.resolve({}, "M.a") end))
    assert.is_true(types.is(T.STRING(5)))
    assert.is_false(types.is({ key = "STRING" }))
  end)

  it("reads absent fields as nil, and writes itself as text", function()
    assert.is_nil(T.STRING.dump)
    assert.is_nil(T.STRING.load)
    assert.equal("DataTypes.STRING(50)", tostring(T.STRING(50)))
    assert.equal("DataTypes.DECIMAL(10, 2)", tostring(T.DECIMAL(10, 2)))
    assert.equal("DataTypes.ARRAY(INTEGER.UNSIGNED)", tostring(T.ARRAY(T.INTEGER.UNSIGNED)))
    assert.equal('DataTypes.ENUM("a", "b")', tostring(T.ENUM("a", "b")))
  end)

  it("casts without making tables", function()
    local cases = {
      { T.INTEGER, 5 }, { T.BIGINT, 5 }, { T.DOUBLE, 0.5 }, { T.BOOLEAN, true }, { T.STRING, "abc" },
      { T.TEXT, "abc" },
      { T.ENUM("a"), "a" }, { T.BLOB, "abc" }, { T.DATEONLY, "2024-02-01" }, { T.JSON, { a = { 1, 2 } } },
    }
    for _, case in ipairs(cases) do
      local cast, value = case[1].cast, case[2]
      for _ = 1, 200 do cast(value) end
      collectgarbage()
      collectgarbage("stop")
      local before = collectgarbage("count")
      for _ = 1, 1000 do cast(value) end
      local grown = (collectgarbage("count") - before) * 1024
      collectgarbage("restart")
      -- A table a call would be 32 kB and more; compiled traces and the like are not.
      assert.is_true(grown < 16000, case[1].key .. " grew by " .. grown)
    end
  end)
end)
