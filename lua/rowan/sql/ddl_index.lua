--- CREATE and DROP of the indexes of a definition.

local ddl_text = require("rowan.sql.ddl_text")

local ddl_index = {}

local function index_field(def, field, dialect, context)
  local parts
  if field.attr then
    parts = { dialect.quote(field.attr.field) }
  else
    local write = ddl_text.need(context, "expression", def, "an index on an expression")
    parts = { "(" .. write(field.expression, def) .. ")" }
  end
  if field.collate then parts[#parts + 1] = "COLLATE " .. dialect.quote(field.collate) end
  if field.operator then parts[#parts + 1] = field.operator end
  if field.order then parts[#parts + 1] = field.order end
  return table.concat(parts, " ")
end

---CREATE INDEX IF NOT EXISTS for one index of a definition.
---@param def rowan.Definition
---@param index rowan.Index
---@param dialect rowan.Dialect
---@param context? rowan.DdlContext
---@return string
function ddl_index.create(def, index, dialect, context)
  local fields = {}
  for i, field in ipairs(index.fields) do fields[i] = index_field(def, field, dialect, context) end
  local parts = {
    index.unique and "CREATE UNIQUE INDEX" or "CREATE INDEX",
    index.concurrently and "CONCURRENTLY IF NOT EXISTS" or "IF NOT EXISTS", dialect.quote(index.name), "ON",
    ddl_text.name(dialect, def.table, def.schema),
  }
  if index.using then parts[#parts + 1] = "USING " .. index.using end
  parts[#parts + 1] = "(" .. table.concat(fields, ", ") .. ")"
  if index.include then parts[#parts + 1] = "INCLUDE " .. ddl_text.fields(dialect, index.include) end
  if index.where then
    parts[#parts + 1] = "WHERE " .. ddl_text.need(context, "where", def, "a partial index")(index.where, def)
  end
  return table.concat(parts, " ")
end

---What takes away the invalid index that a CREATE INDEX CONCURRENTLY leaves when it fails.
---@param def rowan.Definition
---@param index rowan.Index
---@param dialect rowan.Dialect
---@return string
function ddl_index.drop_invalid(def, index, dialect)
  return "DROP INDEX CONCURRENTLY IF EXISTS " .. ddl_text.name(dialect, index.name, def.schema)
end

return ddl_index
