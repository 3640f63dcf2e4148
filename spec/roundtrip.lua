-- Sends values of one type through every way in and out of a database and compares what comes back with what is
-- expected, bit by bit. For spec/values_*_spec.lua.
local assert = require "luassert"
local rowan = require "rowan"

local Op, null = rowan.Op, rowan.null

local M = {}

-- Equal in a way that `==` is not: the sign of zero, NaN, integer against float, marked empty lists.
local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) == "number" then
    if math.type and math.type(a) ~= math.type(b) then return false end
    return a ~= a and b ~= b or a == b and 1 / a == 1 / b
  end
  if type(a) ~= "table" then return a == b end
  if next(a) == nil and next(b) == nil and getmetatable(a) ~= getmetatable(b) then return false end
  for key, item in pairs(a) do
    if not same(item, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end
M.same = same

local function show(v, depth)
  if type(v) == "number" then return ("%s %.17g"):format(math.type and math.type(v) or "number", v) end
  if type(v) ~= "table" or depth == 0 then return type(v) .. " " .. tostring(v) end
  local parts = {}
  for key, item in pairs(v) do parts[#parts + 1] = tostring(key) .. " = " .. show(item, (depth or 4) - 1) end
  return (getmetatable(v) and "marked " or "") .. "{ " .. table.concat(parts, ", ") .. " }"
end

local function expect(expected, got, way)
  if not same(expected, got) then
    error(("%s: expected %s, got %s"):format(way, show(expected), show(got)), 2)
  end
end
M.expect = expect

-- { given, expected }, or one value for both.
local function case_of(item)
  if type(item) == "table" and item.given ~= nil then return item.given, item.expected end
  return item, item
end

local function define(db, type_of)
  local Value = db:define("Value", {
    { "id", rowan.DataTypes.INTEGER, primaryKey = true }, { "v", type_of }, { "other", type_of },
  }, { timestamps = false })
  db:sync { force = true }
  return Value
end

-- Three times: a statement that is prepared may change its protocol format from one execution to the next.
local THREE = 3

local function through_create(Value, cases, canonical)
  for i, item in ipairs(cases) do
    local given, expected = case_of(item)
    local row = Value:create { id = i, v = given }
    if canonical then expect(expected, row.v, "the created row") end
    for _ = 1, THREE do
      local found = Value:findByPk(i)
      expect(expected, found.v, "findByPk")
      assert.is_nil(found.other)
    end
    row.v = nil
    expect(expected, row:reload().v, "reload")
    assert.is_false(row:changed())
  end
end

local function through_lists(Value, cases)
  for _ = 1, THREE do
    local rows = Value:findAll { order = { "id" } }
    local raw = Value:findAll { order = { "id" }, raw = true }
    for i, item in ipairs(cases) do
      local _, expected = case_of(item)
      expect(expected, rows[i].v, "findAll")
      expect(expected, raw[i].v, "raw")
      assert.is_nil(getmetatable(raw[i]))
    end
  end
end

local function through_bulk(Value, cases, canonical)
  local list = {}
  for i, item in ipairs(cases) do list[i] = { id = 1000 + i, v = (case_of(item)), other = null } end
  list[#list + 1] = { id = 2000, v = null, other = null }
  local made = Value:bulkCreate(list)
  for i, item in ipairs(cases) do
    local _, expected = case_of(item)
    if canonical then expect(expected, made[i].v, "the row of bulkCreate") end
    expect(expected, Value:findByPk(1000 + i).v, "bulkCreate")
  end
  assert.is_nil(Value:findByPk(2000).v)
  Value:destroy { where = { id = { [Op.gte] = 1000 } } }
end

local function through_updates(Value, cases, canonical)
  local row = Value:create { id = 5000 }
  assert.is_nil(row.v)
  for _, item in ipairs(cases) do
    local given, expected = case_of(item)
    row:update { v = given }
    if canonical then expect(expected, row.v, "the updated row") end
    expect(expected, Value:findByPk(5000).v, "an update of the row")
    row.v = nil
    row:save()
    assert.is_nil(Value:findByPk(5000).v)
    local count, rows = Value:update({ v = given }, { where = { id = 5000 }, returning = true })
    assert.equal(1, count)
    expect(expected, rows[1].v, "a bulk update's returning")
    expect(expected, Value:findByPk(5000).v, "a bulk update")
    row:reload()
    row.other = given
    row:save()
    expect(expected, Value:findByPk(5000).other, "save")
    Value:update({ v = null, other = null }, { where = { id = 5000 } })
    row:reload()
    assert.is_nil(row.v)
  end
  row:destroy()
end

local function through_where(Value, cases)
  Value:create { id = 6000 }
  local all = {}
  for i, item in ipairs(cases) do
    local given, expected = case_of(item)
    all[i] = given
    for _ = 1, THREE do
      local found, seen = Value:findAll { where = { v = { [Op.eq] = given } } }, false
      for _, row in ipairs(found) do
        seen = seen or row.id == i
        if row.id ~= i and row.v ~= expected and not same(row.v, expected) then
          error(("where %s also found %s"):format(show(expected), show(row.v)))
        end
      end
      if not seen then error(("where did not find %s"):format(show(given))) end
    end
    assert.equal(Value:count { where = { v = { [Op.eq] = given } } } + Value:count { where = { v = { [Op.ne] = given } } },
      #cases)
  end
  assert.equal(#cases, Value:count { where = { v = { [Op["in"]] = all } } })
  assert.equal(#cases + 1, Value:count { where = { v = { [Op.or_] = { { [Op["in"]] = all }, null } } } })
  assert.equal(6000, Value:findOne { where = { v = null } }.id)
  assert.equal(1, Value:count { where = { v = { [Op.is] = null } } })
  assert.equal(#cases, Value:count { where = { v = { [Op.ne] = null } } })
  Value:destroy { where = { id = 6000 } }
end

--- Every way in and out, for all cases.
---@param db table
---@param type_of table
---@param cases any[] values, or { given =, expected = } where a value is read in another form
function M.check(db, type_of, cases)
  local Value = define(db, type_of)
  -- A row keeps the document it was given as it is; everything else it holds as it would be read.
  local canonical = type_of.key ~= "JSON" and type_of.key ~= "JSONB" and type_of.key ~= "ARRAY"
  through_create(Value, cases, canonical)
  through_lists(Value, cases)
  through_updates(Value, cases, canonical)
  through_where(Value, cases)
  through_bulk(Value, cases, canonical)
end

return M
