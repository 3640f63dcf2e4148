--- What the core knows of a definition's attributes, so that it can check whole rows: see driver/rows.

local rows = require("rowan.driver.rows")

local fields = {}

local function describe(def, attr)
  local plain = not attr.type.dump and not attr.generated and attr.type.plain or {}
  local constant, default = attr.default_kind == "value" and type(attr.default) ~= "table", nil
  if constant then default = attr.default end
  return {
    name = attr.name, kind = plain.kind, low = plain.low, high = plain.high, length = plain.length, words = plain.words,
    nullable = attr.allow_null, generated = attr.auto, key = attr.primary or (attr == def.version and #def.primary > 0),
    optional = attr.allow_null or attr.made,
    stamped = attr == def.created or attr == def.updated,
    default = default,
    computed = attr.default_kind == "function" or (attr.default_kind == "value" and not constant),
  }
end

-- Made once for a definition, which drops it when it changes.
---@param def table definition
---@return userdata
function fields.of(def)
  if def.fields then return def.fields end
  local list = {}
  for i, attr in ipairs(def.list) do list[i] = describe(def, attr) end
  for _, attr in ipairs(def.primary) do
    -- What is bound for such a key is not what the row shows.
    if attr.type.dump then
      for _, field in ipairs(list) do field.key = nil end
    end
  end
  def.fields = rows.fields(list)
  return def.fields
end

return fields
