--- The definition of a model in another schema. What depends on the place is its own: the table, the attributes (with the
--- types and keys that name tables), the indexes, and the generation that plans are kept by. All else is read from the
--- definition of the model itself, so that what is added there later holds here too. Called by model/variants.

local definition = require("rowan.schema.definition")
local options = require("rowan.schema.options")

local variant = {}

---Where the table of a definition is in a schema.
---@param def rowan.Definition
---@param schema? string nil for none
---@param delimiter? string where the database has no schemas: between schema and table; that of the model when not given
---@return string table_name
---@return string? schema
function variant.place(def, schema, delimiter)
  return options.place(def, schema, delimiter or def.options.schemaDelimiter)
end

---A definition at another place; variant.refresh fills it.
---@param def rowan.Definition of the model itself
---@param table_name string
---@param schema? string
---@param counterpart fun(def: rowan.Definition): rowan.Definition where keys of the variant lead
---@return rowan.Definition
function variant.new(def, table_name, schema, counterpart)
  local context = setmetatable({ counterpart = counterpart }, { __index = def.context })
  local inherited = def
  if schema == nil and def.schema ~= nil then
    function inherited(_, key)
      if key ~= "schema" then return def[key] end
    end
  end
  return setmetatable({
    table = table_name, schema = schema, origin = def, context = context, generation = 0,
  }, { __index = inherited })
end

local function mapped(attrs, def)
  local list = {}
  for i, attr in ipairs(attrs) do list[i] = def.by_name[attr.label] end
  return list
end

---Makes the variant's own parts anew, out of what its origin has now.
---@param own rowan.Definition
function variant.refresh(own)
  local origin = own.origin
  definition.rebuild(own, origin.entries)
  own.foreign_keys = {}
  for i, key in ipairs(origin.foreign_keys) do
    local target = own.context.counterpart(key.definition)
    own.foreign_keys[i] = {
      attrs = mapped(key.attrs, own), definition = target, keys = mapped(key.keys, target), said = key.said,
      on_delete = key.on_delete, on_update = key.on_update,
    }
  end
end

return variant
