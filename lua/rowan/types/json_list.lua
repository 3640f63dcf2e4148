--- ARRAY(T) where a database has no arrays: the same type to its users, kept as JSON text. Called by dialects.

local family = require("rowan.types.family")
local json = require("rowan.types.json")
local null = require("rowan.base.null")

-- Item types whose canonical values JSON holds as they are.
local HELD = {
  i = true, I = true, b = true, d = true, n = true, s = true, c = true, e = true, t = true, D = true, T = true,
  u = true, j = true, J = true,
}

-- Lists up to `depth` say that they are lists, which matters where they are empty.
local function marked(list, depth)
  local copy = {}
  for i = 1, #list do
    local item = list[i]
    if depth > 0 and item ~= null then item = marked(item, depth - 1) end
    copy[i] = item
  end
  return json.array(copy)
end

local function plain(list, depth, read)
  for i = 1, #list do
    local item = list[i]
    if item ~= null then list[i] = depth > 0 and plain(item, depth - 1, read) or depth == 0 and read(item) end
  end
  return setmetatable(list, nil)
end

-- JSON writes 1.0 as 1.
local function as_float(v) return v + 0.0 end
local function as_is(v) return v end

---The type as JSON text keeps it; nil when it cannot.
---@param type_of rowan.Type an ARRAY
---@return rowan.Type?
return function(type_of)
  local element, depth = type_of.element, 0
  while element.key == "ARRAY" do element, depth = element.element, depth + 1 end
  if not HELD[element.code] or element.binary or element.base or element.dump and element.code:upper() ~= "J" then
    return nil
  end
  local read = element.code == "d" and as_float or as_is
  return family.variant(type_of, {
    code = "j",
    dump = function(list) return json.encode(marked(list, depth)) end,
    load = function(text) return plain(json.decode(text), depth, read) end,
  })
end
