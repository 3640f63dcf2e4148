-- Times and ids, and the default values that are made: NOW, UUIDV1, UUIDV4, UUIDV7.
local casts = require "spec.unit.casts"
local types = require "rowan.types"

local T = types.DataTypes
local accepts, refuses, definition_error = casts.accepts, casts.refuses, casts.definition_error

describe("DATE", function()
  local RULE = "must be a time: ISO 8601 text with a zone, or seconds since 1970"

  it("is canonical ISO text", function()
    accepts(T.DATE, "2024-02-01T01:00:00+01:00", "2024-02-01T00:00:00.000Z")
    accepts(T.DATE, "2024-02-01 00:00:00.5Z", "2024-02-01T00:00:00.500Z")
    accepts(T.DATE, "2024-02-01T00:00:00.123456Z", "2024-02-01T00:00:00.123456Z")
    accepts(T.DATE, 1.25, "1970-01-01T00:00:01.250Z")
    for _, value in ipairs({ "2024-02-01", "2024-02-01T00:00:00", "2024-02-30T00:00:00Z", "", true, {}, 0 / 0,
      1 / 0 }) do
      refuses(T.DATE, value, RULE)
    end
  end)

  it("cuts to its precision, in canonical form again", function()
    local full = "2024-02-01T00:00:00.123456Z"
    accepts(T.DATE(6), full, full)
    accepts(T.DATE(5), full, "2024-02-01T00:00:00.123450Z")
    accepts(T.DATE(4), full, "2024-02-01T00:00:00.123400Z")
    accepts(T.DATE(3), full, "2024-02-01T00:00:00.123Z")
    accepts(T.DATE(1), full, "2024-02-01T00:00:00.100Z")
    accepts(T.DATE(0), full, "2024-02-01T00:00:00.000Z")
    accepts(T.DATE(4), "2024-02-01T00:00:00.123056Z", "2024-02-01T00:00:00.123Z")
    accepts(T.DATE(4), "2024-02-01T00:00:00.123Z", "2024-02-01T00:00:00.123Z")
    assert.truthy(definition_error(function() return T.DATE(7) end):find("from 0 to 6", 1, true))
  end)
end)

describe("DATEONLY, TIME and UUID", function()
  it("take what exists, in canonical form", function()
    accepts(T.DATEONLY, "2024-02-29", "2024-02-29")
    for _, value in ipairs({ "2023-02-29", "2024-2-1", "2024-02-01T00:00:00Z", 20240201, true }) do
      refuses(T.DATEONLY, value, "must be a date: YYYY-MM-DD")
    end
    accepts(T.TIME, "10:00", "10:00:00")
    accepts(T.TIME, "10:00:00.120", "10:00:00.12")
    accepts(T.TIME(1), "10:00:00.19", "10:00:00.1")
    accepts(T.TIME(1), "10:00:00.01", "10:00:00")
    for _, value in ipairs({ "25:00", "10", 10, true }) do
      refuses(T.TIME, value, "must be a time of day: HH:MM:SS")
    end
    accepts(T.UUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    for _, value in ipairs({ "a0ee", "", 5, true }) do refuses(T.UUID, value, "must be a UUID") end
  end)

  it("check the version of a UUID where one is asked for", function()
    local v4 = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    accepts(T.UUID.V4, v4, v4)
    refuses(T.UUID.V7, v4, "must be a UUID of version 7")
  end)
end)

describe("generated defaults", function()
  local clock = require "rowan.base.clock"
  after_each(function() clock.set(nil) end)

  it("are valid, of their version, and never the same", function()
    for version, type_of in pairs({ ["1"] = T.UUIDV1, ["4"] = T.UUIDV4, ["7"] = T.UUIDV7 }) do
      local seen = {}
      for _ = 1, 5000 do
        local id = type_of.generate()
        assert.is_nil(seen[id])
        seen[id] = true
        assert.equal(id, T.UUID.cast(id))
        assert.equal(version, id:sub(15, 15))
        assert.truthy(id:sub(20, 20):find("[89ab]"))
      end
    end
  end)

  it("order by time for version 7, also within one millisecond", function()
    clock.set(function() return "2024-02-01T00:00:00.007Z" end)
    local ids = {}
    for i = 1, 9000 do ids[i] = T.UUIDV7.generate() end
    clock.set(nil)
    local last = ""
    for _, id in ipairs(ids) do
      assert.is_true(id > last)
      last = id
    end
    assert.is_true(T.UUIDV7.generate() > last)
  end)

  it("hold the time", function()
    -- The clock stands ahead of everything made before, or the counters would go on from there.
    clock.set(function() return "2124-02-01T00:00:00.007Z" end)
    -- 4862419200007 ms
    assert.equal("046c1ec4-e807", T.UUIDV7.generate():sub(1, 13))
    local low, mid, high = T.UUIDV1.generate():match("^(%x+)-(%x+)-1(%x+)")
    local ms = (tonumber(high, 16) * 2 ^ 48 + tonumber(mid, 16) * 2 ^ 32 + tonumber(low,
      16)) / 10000 - 12219292800000
    assert.is_true(math.abs(ms - 4862419200007) < 1)
  end)

  it("are no types of attributes", function()
    for _, type_of in ipairs({ T.NOW, T.UUIDV1, T.UUIDV4, T.UUIDV7 }) do
      assert.truthy(definition_error(function() return types.resolve(type_of,
        "M.a") end):find("is a default value", 1, true))
    end
  end)

  it("fit the type they are for", function()
    clock.set(function() return "2024-02-01T10:11:12.123456Z" end)
    assert.equal("2024-02-01T10:11:12.123456Z", T.NOW.generator_for(T.DATE)())
    assert.equal("2024-02-01T10:11:12.000Z", T.NOW.generator_for(T.DATE(0))())
    assert.equal("2024-02-01", T.NOW.generator_for(T.DATEONLY)())
    assert.equal("10:11:12.123456", T.NOW.generator_for(T.TIME)())
    assert.is_nil(T.NOW.generator_for(T.STRING))
    assert.truthy(T.UUIDV4.generator_for(T.UUID))
    assert.truthy(T.UUIDV4.generator_for(T.STRING(36)))
    assert.is_nil(T.UUIDV4.generator_for(T.STRING(35)))
    assert.is_nil(T.UUIDV4.generator_for(T.UUID.V7))
    assert.is_nil(T.UUIDV4.generator_for(T.INTEGER))
  end)
end)
