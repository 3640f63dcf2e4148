-- JSON, JSONB and ARRAY: what lua-cjson would lose is kept or refused.
local cjson = require "cjson"
local json = require "rowan.types.json"
local null = require "rowan.base.null"
local types = require "rowan.types"

local T = types.DataTypes
local math_type = math.type

local function round(value)
  return json.decode(assert(json.encode(value)))
end

local function refused(value, rule)
  local text, given = json.encode(value)
  assert.is_nil(text)
  assert.equal(rule, given)
  local canonical, again = T.JSON.cast(value)
  assert.is_nil(canonical)
  assert.equal(rule, again)
end

describe("types.json encode", function()
  it("keeps every digit of a number", function()
    for _, value in ipairs({ 0.1, 1 / 3, 123456789012345, 2 ^ 53, 1e300, 5e-324, -1e15, 0, -7, 1.5 }) do
      assert.equal(value, round(value))
      assert.equal(value, round({ a = { value } }).a[1])
    end
    assert.equal('{"a":9007199254740992}', json.encode({ a = 2 ^ 53 }))
    if math_type then assert.equal("[9223372036854775807]", json.encode({ math.maxinteger })) end
  end)

  it("tells empty lists from empty objects by their mark", function()
    assert.equal("{}", json.encode({}))
    assert.equal("[]", json.encode(json.array({})))
    assert.equal("[]", json.encode(json.array()))
    assert.equal('{"a":[]}', json.encode({ a = json.array() }))
    assert.equal("[[],{}]", json.encode({ json.array(), json.object() }))
    assert.equal("[1]", json.encode(json.array({ 1 })))
    assert.equal('{"1":"a"}', json.encode(json.object({ "a" })))
  end)

  it("leaves the caller's tables as they were", function()
    local value = { n = 2 ^ 60, list = json.array(), inner = { 0.1 + 0.2 } }
    json.encode(value)
    assert.equal(2 ^ 60, value.n)
    assert.is_true(json.is_array(value.list))
    assert.is_nil(next(value.list))
    assert.equal(0.1 + 0.2, value.inner[1])
  end)

  it("hides the marks from pairs and from lua-cjson", function()
    assert.is_nil(next(json.array()))
    assert.equal("[1,2]", cjson.encode(json.array({ 1, 2 })))
    assert.is_false(pcall(json.array, setmetatable({}, {})))
    assert.is_false(pcall(json.object, 5))
  end)

  it("refuses what JSON cannot hold, by rule", function()
    refused(0 / 0, "must not hold NaN or infinity, which JSON does not have")
    refused({ 1 / 0 }, "must not hold NaN or infinity, which JSON does not have")
    refused({ f = print }, "must not hold a function, which JSON does not have")
    refused({ io.stdout }, "must not hold a userdata, which JSON does not have")
    local mixed = "must not mix list items with named fields, or have holes (rowan.null fills one)"
    refused({ 1, nil, 3 }, mixed)
    refused({ 1, x = 2 }, mixed)
    refused({ [5] = 1 }, mixed)
    refused({ [true] = 1 }, "must have strings as keys, not a boolean")
    refused("\255", "must hold text that is valid UTF-8 without NUL")
    refused({ "a\0" }, "must hold text that is valid UTF-8 without NUL")
    refused({ ["\255"] = 1 }, "must have keys that are valid UTF-8 without NUL")
    refused(json.array({ x = 1 }),
      "must be a list without holes and named fields where it is marked rowan.array")
    refused(json.object({ [1] = "a", ["1"] = "b" }), "must not have the same key as text and as a number")
  end)

  it("refuses cycles and bottomless nesting", function()
    local rule = "must not be nested deeper than 100 levels, or hold itself"
    local cycle = {}
    cycle.self = cycle
    refused(cycle, rule)
    local both = {}
    both[1], both[2] = both, both
    refused(both, rule)
    local deep = 1
    for _ = 1, 100 do deep = { deep } end
    assert.truthy(json.encode(deep))
    refused({ deep }, rule)
  end)

  it("holds false, null and text at the top and inside", function()
    assert.is_false(T.JSON.cast(false))
    assert.equal("false", json.encode(false))
    assert.equal("null", json.encode(null))
    assert.equal('[false,null,"x"]', json.encode({ false, null, "x" }))
    assert.same({ false, null, "x" }, round({ false, null, "x" }))
    assert.equal("", round(""))
  end)

  it("writes keys in order where the text is compared", function()
    local value = { b = 1, a = { d = json.array(), c = { 2, 0.1 } }, ["c\""] = false }
    assert.equal('{"a":{"c":[2,0.1],"d":[]},"b":1,"c\\"":false}', json.encode_sorted(value))
    local text, rule = json.encode_sorted({ print })
    assert.is_nil(text)
    assert.truthy(rule)
  end)
end)

describe("types.json decode", function()
  it("reads whole numbers as integers, fractions as floats", function()
    assert.equal(1, json.decode("1"))
    if math_type then
      assert.equal("integer", math_type(json.decode("1")))
      assert.equal("integer", math_type(json.decode('{"a":[1]}').a[1]))
      assert.equal("float", math_type(json.decode("1.5")))
    end
  end)

  it("keeps the digits of integers, also through another encode", function()
    local text = '{"a":[123456789012345678,-9223372036854775808,123456789012345678901234567890]}'
    local value = json.decode(text)
    assert.equal(text, json.encode(value))
    assert.equal(text, json.encode(json.copy(value)))
    assert.equal("123456789012345678901234567890", value.a[3])
    assert.equal(-2 ^ 63, value.a[2])
    assert.equal(math_type and 123456789012345678 or "123456789012345678", value.a[1])
    value.a[3] = "text"
    assert.truthy(json.encode(value):find(',"text"]', 1, true))
  end)

  it("keeps empty lists lists", function()
    local value = json.decode('{"a":[],"b":{},"c":[ [ ] , {} ]}')
    assert.is_true(json.is_array(value.a))
    assert.is_false(json.is_array(value.b))
    assert.is_true(json.is_array(value.c[1]))
    assert.is_nil(next(value.a))
    assert.is_true(json.is_array(json.decode("[]")))
  end)

  it("leaves strings alone that look like what it marks", function()
    local text = '["[]","1234567890123456789","a\\"[]\\\\",[],1234567890123456789]'
    local value = json.decode(text)
    assert.equal("[]", value[1])
    assert.equal("1234567890123456789", value[2])
    assert.equal('a"[]\\', value[3])
    assert.equal(text, json.encode(value))
  end)

  it("reads numbers with a point or an exponent as numbers", function()
    assert.equal(1.2345678901234567e10, json.decode("12345678901.234567"))
    assert.equal(1e20, json.decode("[100000000000000000000.0]")[1])
    assert.equal(1e20, json.decode("[1e20,[]]")[1])
  end)

  it("raises an error object for what is no JSON", function()
    local ok, err = pcall(json.decode, "{")
    assert.is_false(ok)
    assert.equal("DatabaseError", err.name)
  end)
end)

describe("types.json equal", function()
  it("compares what the JSON says", function()
    assert.is_true(json.equal({ a = { 1, { b = null } } }, { a = { 1, { b = null } } }))
    assert.is_false(json.equal({ a = 1 }, { a = 2 }))
    assert.is_false(json.equal({ a = 1 }, { a = 1, b = 2 }))
    assert.is_false(json.equal({ a = 1, b = 2 }, { a = 1 }))
    assert.is_false(json.equal(json.array(), {}))
    assert.is_true(json.equal(json.array(), json.array()))
    assert.is_true(json.equal({ 1 }, json.array({ 1 })))
    assert.is_false(json.equal({ 1 }, json.object({ 1 })))
    assert.is_false(json.equal({}, "{}"))
  end)
end)

describe("JSON types", function()
  it("keep the value and bind its text", function()
    for _, type_of in ipairs({ T.JSON, T.JSONB }) do
      local value = { a = 1 }
      assert.equal(value, (type_of.cast(value)))
      assert.equal('{"a":1}', type_of.dump(value))
      assert.same(value, type_of.load('{"a": 1}'))
      assert.is_true(type_of.equal({ a = 1 }, value))
    end
    assert.equal("j", T.JSON.code)
    assert.equal("J", T.JSONB.code)
  end)

  it("say what is wrong with a value that was changed after its check", function()
    local text, rule = T.JSON.dump({ print })
    assert.is_nil(text)
    assert.truthy(rule:find("function", 1, true))
  end)
end)

describe("ARRAY", function()
  local function round_trip(type_of, list)
    local canonical = assert(type_of.cast(list))
    local back = type_of.load(type_of.dump(canonical))
    assert.is_true(type_of.equal(canonical, back))
    return back
  end

  it("carries items of every type through its literal", function()
    assert.same({ 1, null, -3 }, round_trip(T.ARRAY(T.INTEGER), { 1, null, -3 }))
    assert.same({ true, false, null }, round_trip(T.ARRAY(T.BOOLEAN), { true, false, null }))
    assert.same({ 0.1, 1e300, math.huge, -math.huge },
      round_trip(T.ARRAY(T.DOUBLE), { 0.1, 1e300, math.huge, -math.huge }))
    assert.same({ "1.50", "2.00" }, round_trip(T.ARRAY(T.DECIMAL(10, 2)), { "1.5", 2 }))
    local texts = { "", "NULL", "a,b", '"', "\\", "{x}", " y ", "it's", "\195\164", null, "a\nb" }
    assert.same(texts, round_trip(T.ARRAY(T.STRING), texts))
    assert.same({ "\0\255\\x", "" }, round_trip(T.ARRAY(T.BLOB), { "\0\255\\x", "" }))
    assert.same({ "2024-02-01T00:00:00.000Z" }, round_trip(T.ARRAY(T.DATE), { "2024-02-01T00:00:00Z" }))
    assert.same({ { a = { 1 } }, "x" }, round_trip(T.ARRAY(T.JSONB), { { a = { 1 } }, "x" }))
    assert.same({ "a" }, round_trip(T.ARRAY(T.ENUM("a")), { "a" }))
    assert.same({}, round_trip(T.ARRAY(T.INTEGER), {}))
    assert.same({ { 1, 2 }, { 3, null } }, round_trip(T.ARRAY(T.ARRAY(T.INTEGER)), { { 1, 2 }, { 3, null } }))
  end)

  it("carries integers of 64 bits", function()
    local back = round_trip(T.ARRAY(T.BIGINT), { "9223372036854775807", 5 })
    assert.equal("9223372036854775807", math_type and ("%d"):format(back[1]) or back[1])
    assert.equal(5, back[2])
    assert.equal("{9223372036854775807,5}",
      T.ARRAY(T.BIGINT).dump(T.ARRAY(T.BIGINT).cast({ "9223372036854775807", 5 })))
  end)

  it("reads what PostgreSQL writes", function()
    assert.same({ "2024-02-01T00:00:00.000Z", "infinity" },
      T.ARRAY(T.DATE).load('{"2024-02-01 01:00:00+01",infinity}'))
    assert.same({ "ab", "c" }, T.ARRAY(T.CHAR(3)).load('{"ab ","c  "}'))
    assert.same({ 1, 2 }, T.ARRAY(T.INTEGER).load("[0:1]={1,2}"))
    assert.same({ true, false }, T.ARRAY(T.BOOLEAN).load("{t,f}"))
    local nan = T.ARRAY(T.DOUBLE).load("{NaN}")[1]
    assert.not_equal(nan, nan)
    for _, bad in ipairs({ "", "{", "{1", '{"a', "{{1}" }) do
      local ok, err = pcall(T.ARRAY(T.INTEGER).load, bad)
      assert.is_false(ok)
      assert.equal("DatabaseError", err.name)
    end
  end)

  it("casts each item, and copies the list only when one changes", function()
    local list = { 1, 2 }
    assert.equal(list, (T.ARRAY(T.INTEGER).cast(list)))
    local uuids = { "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" }
    local canonical = T.ARRAY(T.UUID).cast(uuids)
    assert.not_equal(uuids, canonical)
    assert.equal("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", uuids[1])
    assert.same({ "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" }, canonical)
  end)

  it("refuses what is no list, and names the bad item", function()
    local type_of = T.ARRAY(T.INTEGER)
    local function rule(of, value) return select(2, of.cast(value)) end
    assert.equal("must be a list without holes (rowan.null fills one)", rule(type_of, "{1}"))
    assert.equal("must be a list without holes (rowan.null fills one)", rule(type_of, { 1, nil, 3 }))
    assert.equal("must be a list without holes (rowan.null fills one)", rule(type_of, { a = 1 }))
    assert.equal("must be a list whose item 2 must be an integer", rule(type_of, { 1, "b" }))
    local grid = T.ARRAY(T.ARRAY(T.INTEGER))
    local shape = "must hold lists of one length, none of them empty, as PostgreSQL wants it"
    assert.equal(shape, rule(grid, { { 1 }, { 1, 2 } }))
    assert.equal(shape, rule(grid, { {} }))
    assert.equal("must not hold rowan.null where a list is meant", rule(grid, { { 1 }, null }))
    local cube = T.ARRAY(grid)
    assert.truthy(cube.cast({ { { 1, 2 } }, { { 3, 4 } } }))
    assert.equal(shape, rule(cube, { { { 1, 2 } }, { { 3 } } }))
    assert.equal(shape, rule(cube, { { { 1 }, { 2 } }, { { 3 } } }))
  end)

  it("wants the type of its items", function()
    for _, fn in ipairs({
      function() return T.ARRAY("INTEGER") end, function() return T.ARRAY(T.NOW) end,
      function() return T.ARRAY(T.VIRTUAL) end, function() return T.ARRAY(T.ENUM) end,
      function() return types.resolve(T.ARRAY) end,
    }) do
      local ok, err = pcall(fn)
      assert.is_false(ok)
      assert.equal("DefinitionError", err.name)
    end
    assert.equal("INTEGER", T.ARRAY({ type = T.INTEGER }).element.key)
  end)

  it("compares item by item", function()
    local type_of = T.ARRAY(T.JSON)
    assert.is_true(type_of.equal({ { a = 1 } }, { { a = 1 } }))
    assert.is_false(type_of.equal({ { a = 1 } }, { { a = 2 } }))
    assert.is_false(type_of.equal({ 1 }, { 1, 2 }))
    assert.is_false(type_of.equal({ 1 }, null))
    assert.is_true(T.ARRAY(T.DOUBLE).equal({ 0 / 0 }, { 0 / 0 }))
  end)
end)
