-- Operators, argument checks, topological order, numbers as text.
local check = require "rowan.base.check"
local errors = require "rowan.base.errors"
local numbers = require "rowan.base.numbers"
local null = require "rowan.base.null"
local ops = require "rowan.base.ops"
local topo = require "rowan.base.topo"

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.kind_of(err))
  return err
end

describe("base.null", function()
  it("is cjson's null", function()
    assert.equal(require("cjson").null, null)
    assert.equal("userdata", type(null))
  end)
end)

describe("base.ops", function()
  local Op = ops.Op

  it("has unique operators with names", function()
    local seen = {}
    for _, name in ipairs(ops.names()) do
      local op = Op[name]
      assert.equal(name, op.name)
      assert.equal("Op." .. name, tostring(op))
      assert.is_true(ops.is(op))
      assert.is_nil(seen[op])
      seen[op] = true
    end
    assert.equal(44, #ops.names())
  end)

  it("has twins for the words that Lua reserves", function()
    assert.equal(Op["and"], Op.and_)
    assert.equal(Op["or"], Op.or_)
    assert.equal(Op["not"], Op.not_)
    assert.equal(Op["in"], Op.in_)
  end)

  it("refuses unknown ones with the nearest, and changes", function()
    assert.truthy(refusal(function() return Op.gtee end).message:find('did you mean "gte"', 1, true))
    assert.equal("UsageError", refusal(function() Op.gte = 1 end).name)
    assert.equal("UsageError", refusal(function() Op.gte.other = 1 end).name)
  end)

  it("takes nothing else for an operator", function()
    assert.is_false(ops.is("gte"))
    assert.is_false(ops.is({ name = "gte" }))
    assert.is_false(ops.is(Op))
  end)
end)

describe("base.check", function()
  it("passes known keys and nil", function()
    check.keys({ a = 1 }, { a = true, b = true }, "x")
    check.keys(nil, {}, "x")
  end)

  it("refuses the first unknown key by name, with the nearest", function()
    local err = refusal(check.keys, { whree = 1, zzz = 2, limit = 3 }, { where = true, limit = true },
      "User:findAll",
      "QueryError")
    assert.equal("QueryError", err.name)
    assert.equal('User:findAll has no option "whree" (did you mean "where"?)', err.message)
    assert.equal("UsageError", refusal(check.keys, { "a" }, { a = true }, "x").name)
    assert.equal("UsageError", refusal(check.keys, 5, { a = true }, "x").name)
  end)

  it("checks Lua types", function()
    check.type("a", "string", "x")
    check.type({}, "string|table", "x")
    check.optional(nil, "string", "x")
    assert.equal("x must be a string or a table, not a number",
      refusal(check.type, 5, "string|table", "x").message)
    assert.equal("x must be a string, not nil", refusal(check.type, nil, "string", "x").message)
    assert.equal("x must be a string, not a boolean", refusal(check.optional, false, "string", "x").message)
  end)

  it("tells sequences", function()
    assert.equal(0, check.sequence({}))
    assert.equal(2, check.sequence({ "a", "b" }))
    assert.is_nil(check.sequence({ "a", nil, "c" }))
    assert.is_nil(check.sequence({ "a", x = 1 }))
    assert.is_nil(check.sequence({ [0] = "a" }))
    assert.is_nil(check.sequence({ [1.5] = "a" }))
  end)

  it("sorts keys of all kinds", function()
    assert.same({ 1, 3, "a", "b" }, check.sorted_keys({ b = 1, a = 1, [3] = 1, [1] = 1 }))
  end)
end)

describe("base.topo", function()
  local function sort(edges, nodes)
    return topo.sort(nodes, function(node) return edges[node] end)
  end

  it("puts what is needed first, and otherwise keeps the order given", function()
    assert.same({ "c", "b", "a" }, (sort({ a = { "b" }, b = { "c" } }, { "a", "b", "c" })))
    assert.same({ "x", "y", "z" }, (sort({}, { "x", "y", "z" })))
    assert.same({ "z", "y", "x" }, (sort({}, { "z", "y", "x" })))
  end)

  it("names cycles, whose members stand together", function()
    local ordered,
      cycles = sort({ a = { "b" }, b = { "c" }, c = { "a" }, d = { "a" } }, { "d", "a", "b", "c" })
    assert.same({ "a", "b", "c", "d" }, ordered)
    assert.same({ { "a", "b", "c" } }, cycles)
  end)

  it("does not count needing oneself, or something outside", function()
    local ordered, cycles = sort({ a = { "a", "elsewhere" } }, { "a" })
    assert.same({ "a" }, ordered)
    assert.same({}, cycles)
  end)

  it("copes with long chains", function()
    local edges, nodes = {}, {}
    for i = 1, 5000 do
      nodes[i] = i
      edges[i] = { i + 1 }
    end
    local ordered = sort(edges, nodes)
    assert.equal(5000, ordered[1])
    assert.equal(1, ordered[5000])
  end)
end)

describe("base.numbers", function()
  it("writes the shortest text that reads back", function()
    local cases = {
      { 0, "0" }, { 5, "5" }, { -7, "-7" }, { 0.1, "0.1" }, { 1e22, "1e+22" }, { 2 ^ 53, "9007199254740992" },
      { 123456789012345, "123456789012345" }, { 1 / 0, "Infinity" }, { -1 / 0, "-Infinity" },
      { 0 / 0, "NaN" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], numbers.text(case[1])) end
    for _, value in ipairs({ 1 / 3, 2 / 3, 1e-300, 1.7976931348623157e308, 5e-324, -1 / 7 }) do
      assert.equal(value, tonumber(numbers.text(value)))
    end
  end)

  it("tells whole numbers", function()
    assert.is_true(numbers.is_integral(5))
    assert.is_true(numbers.is_integral(2 ^ 60))
    assert.is_false(numbers.is_integral(1.5))
    assert.is_false(numbers.is_integral(1 / 0))
    assert.is_false(numbers.is_integral(0 / 0))
    assert.is_false(numbers.is_integral("5"))
  end)
end)
