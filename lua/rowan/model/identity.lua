--- What a model says of itself in Sequelize's words: the name of its table, its options, its indexes. Called by model/class
--- and model/define.

local ddl_text = require("rowan.sql.ddl_text")

local identity = {}

local function sql_name(self)
  return ddl_text.name(self.dialect, self.table, self.schema)
end

-- Names as SQL, in text too.
local function named(def, names)
  local at = { dialect = def.dialect, table = def.table, schema = def.schema }
  return setmetatable(names, {
    __tostring = function() return sql_name(at) end,
    __concat = function(a, b) return tostring(a) .. tostring(b) end,
  })
end

-- The schema of a definition; where the database has none, the table's name begins with it.
local function schema_of(def, delimiter)
  if def.schema then return def.schema end
  local tail = delimiter .. def.unqualified
  return def.table ~= def.unqualified and def.table:sub(-#tail) == tail and def.table:sub(1, -#tail - 1) or nil
end

---@param model rowan.Model
---@return string|{ tableName: string, schema: string, delimiter: string }
function identity.table_name(model)
  local def = model.definition
  local place = rawget(model, "_place")
  local delimiter = place and place.delimiter or def.options.schemaDelimiter or "."
  local schema = schema_of(def, delimiter)
  if not schema then return def.table end
  return named(def, { tableName = def.unqualified, schema = schema, delimiter = delimiter })
end

---The options of a definition with what they come to.
---@param def rowan.Definition
---@return table
function identity.options(def)
  local options = {}
  for key, value in pairs(def.options) do options[key] = value end
  for _, key in ipairs({ "paranoid", "underscored", "freezeTableName" }) do options[key] = options[key] or false end
  options.timestamps = options.timestamps ~= false
  options.name = { singular = def.singular, plural = def.plural }
  options.tableName = def.unqualified
  options.schema = schema_of(def, options.schemaDelimiter or ".")
  return options
end

-- A field of an index: a name or an expression, in a table where more was said of it.
local function shown(field)
  local name = field.attr and field.attr.label or field.path or field.expression
  if not (field.order or field.collate or field.operator) then return name end
  return { name = name, order = field.order, collate = field.collate, operator = field.operator }
end

---@param def rowan.Definition
---@return { name: string, fields: any[], unique: boolean, where?: table, using?: string }[]
function identity.indexes(def)
  local list = {}
  for _, index in ipairs(def.indexes) do
    local fields = {}
    for i, field in ipairs(index.fields) do fields[i] = shown(field) end
    list[#list + 1] = {
      name = index.name, fields = fields, unique = index.unique, where = index.where, using = index.using,
      msg = index.message, concurrently = index.concurrently,
    }
  end
  for _, unique in ipairs(def.uniques) do
    local fields = {}
    for i, attr in ipairs(unique.attrs) do fields[i] = attr.label end
    if not unique.index then
      list[#list + 1] = { name = unique.name, fields = fields, unique = true, msg = unique.message }
    end
  end
  return list
end

return identity
