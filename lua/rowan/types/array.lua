--- ARRAY(T) of PostgreSQL: a Lua list, bound and read as an array literal ({1,2,"a b",NULL}).

local array_text = require("rowan.types.array_text")
local check = require("rowan.base.check")
local family = require("rowan.types.family")
local null = require("rowan.base.null")
local numbers = require("rowan.base.numbers")
local quoted = require("rowan.types.quoted")

local array = {}

local function hex(s)
  return quoted.write("\\x" .. s:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function number_text(v)
  return type(v) == "number" and numbers.text(v) or v
end

local function float_text(v)
  return v == 0 and 1 / v < 0 and "-0" or numbers.text(v)
end

local function self(s) return s end

-- How an item is written, by the code of its type; text is quoted.
local WRITE = {
  i = number_text, I = number_text, d = float_text, n = self, D = self, T = self, u = self, t = quoted.write,
  x = hex,
  b = function(v) return v and "t" or "f" end,
}

local function innermost(element)
  while element.key == "ARRAY" do element = element.element end
  return element
end

-- From the text of an item: as the database's type has it, and from there what a type of the user's own makes of it.
local function reader(element)
  local stored = array_text.read[element.code]
  if not element.load or family.root(element).load or not stored then return element.load or stored or self end
  return function(text) return element.load(stored(text)) end
end

-- What stands between items of a list of this type.
local function delimiter_of(element)
  return family.root(innermost(element)).delimiter or ","
end

local function loader(element)
  return array_text.reader(reader(innermost(element)), delimiter_of(element))
end

local function dumper(element)
  local delimiter = delimiter_of(element)
  local write
  if element.key == "ARRAY" then
    write = element.dump
  elseif element.dump then
    local root = family.root(element)
    local write_stored = not root.dump and WRITE[root.code] or quoted.write
    write = function(v)
      local stored, rule = element.dump(v)
      if stored == nil then return nil, rule end
      return write_stored(stored)
    end
  else
    write = WRITE[element.code] or quoted.write
  end
  return function(list)
    local parts = {}
    for i = 1, #list do
      local item = list[i]
      local text, rule = "NULL", nil
      if item ~= null then text, rule = write(item) end
      if not text then return nil, rule end
      parts[i] = text
    end
    return "{" .. table.concat(parts, delimiter) .. "}"
  end
end

-- PostgreSQL's arrays are rectangles: lists at one depth have one length, and none is empty.
local function same_shape(a, b, depth)
  if #a ~= #b then return false end
  if depth == 0 then return true end
  for i = 1, #a do
    if not same_shape(a[1], b[i], depth - 1) then return false end
  end
  return true
end

local function rectangle(list, depth)
  for i = 1, #list do
    if #list[i] == 0 or not same_shape(list[1], list[i], depth - 1) then return false end
  end
  return true
end

local function depth_of(element)
  local depth = 0
  while element.key == "ARRAY" do depth, element = depth + 1, element.element end
  return depth
end

local function caster(element)
  local cast_item, depth = element.cast, depth_of(element)
  return function(v)
    local n = type(v) == "table" and check.sequence(v)
    if not n then return nil, "must be a list without holes (rowan.null fills one)" end
    local copy
    for i = 1, n do
      local item = v[i]
      if item ~= null then
        local canonical, rule = cast_item(item)
        if canonical == nil then return nil, ("must be a list whose item %d %s"):format(i, rule) end
        if canonical ~= item then
          if not copy then
            copy = {}
            for k = 1, n do copy[k] = v[k] end
          end
          copy[i] = canonical
        end
      elseif depth > 0 then
        return nil, "must not hold rowan.null where a list is meant"
      end
    end
    local list = copy or v
    if depth > 0 and not rectangle(list, depth) then
      return nil, "must hold lists of one length, none of them empty, as PostgreSQL wants it"
    end
    return list
  end
end

local function equality(element)
  local same = element.equal
  return function(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    if #a ~= #b then return false end
    for i = 1, #a do
      local x, y = a[i], b[i]
      if x ~= y and not (same and same(x, y)) and (x == x or y == y) then return false end
    end
    return true
  end
end

array.ARRAY = family.define({
  key = "ARRAY",
  parse = function(fail, ...)
    local options = family.options(fail, { "type" }, ...)
    local element = options.type
    if not family.is(element) then fail("wants the type of its items, as in ARRAY(DataTypes.INTEGER)") end
    if element.incomplete then fail(("of %s: it %s"):format(element.key, element.incomplete)) end
    if not element.code then fail(("cannot hold %s"):format(element.key)) end
    return { type = element }
  end,
  build = function(options)
    local element = options.type
    if not element then return { incomplete = "needs the type of its items" } end
    return {
      code = "a", element = element, cast = caster(element), dump = dumper(element), load = loader(element),
      equal = equality(element),
    }
  end,
})

return array
