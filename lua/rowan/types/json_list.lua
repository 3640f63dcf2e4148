--- ARRAY(T) where a database has no arrays: the same type to its users, kept as JSON text. Called by dialects.

local family = require("rowan.types.family")
local json = require("rowan.types.json")
local null = require("rowan.base.null")

-- Item types whose canonical values JSON holds as they are.
local HELD = {
  i = true, I = true, b = true, d = true, n = true, s = true, c = true, e = true, t = true, D = true, T = true,
  u = true, j = true, J = true,
}

-- Items as JSON has them; lists up to `depth` say that they are lists, which matters where they are empty.
local function written(list, depth, write)
  local copy = {}
  for i = 1, #list do
    local item = list[i]
    if item == null then
      copy[i] = null
    else
      local made, rule
      if depth > 0 then made, rule = written(item, depth - 1, write) else made, rule = write(item) end
      if made == nil then return nil, rule end
      copy[i] = made
    end
  end
  return json.array(copy)
end

local function plain(list, depth, read)
  for i = 1, #list do
    local item = list[i]
    if item ~= null then
      if depth > 0 then list[i] = plain(item, depth - 1, read) else list[i] = read(item) end
    end
  end
  return setmetatable(list, nil)
end

-- JSON writes 1.0 as 1.
local function as_float(v) return v + 0.0 end
local function as_is(v) return v end

-- How an item is written to JSON and read from it; nil where JSON cannot hold it.
local function ways_of(element)
  local root = family.root(element)
  if not HELD[root.code] or root.binary then return nil end
  local stored = root.code == "d" and as_float or as_is
  if root == element then
    if element.dump and element.code:upper() ~= "J" then return nil end
    return as_is, stored
  end
  if not element.dump then return as_is, stored end
  if root.dump then return nil end
  return element.dump, function(v) return element.load(stored(v)) end
end

---The type as JSON text keeps it; nil when it cannot.
---@param type_of rowan.Type an ARRAY
---@return rowan.Type?
return function(type_of)
  local element, depth = type_of.element, 0
  while element.key == "ARRAY" do element, depth = element.element, depth + 1 end
  local write, read = ways_of(element)
  if not write then return nil end
  return family.variant(type_of, {
    code = "j",
    dump = function(list)
      local items, rule = written(list, depth, write)
      if not items then return nil, rule end
      return json.encode(items)
    end,
    load = function(text) return plain(json.decode(text), depth, read) end,
  })
end
