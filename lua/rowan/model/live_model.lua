--- A model made of a table as it is, for the query interface: its columns by their own names, with the types that the
--- catalogue knows; where that is only text, with that of a model of the table.

local check = require("rowan.base.check")
local define = require("rowan.model.define")
local difference = require("rowan.schema.difference")

local live_model = {}

local function is_of(def, live)
  local here = def.schema == live.schema or def.schema == nil and live.is_current
  return def.table == live.name and here
end

-- The definition of the first model of a table, or of a variant of one; nil when it has none.
local function definition_of(db, live)
  for _, name in ipairs(check.sorted_keys(db.models)) do
    local model = db.models[name]
    if is_of(model.definition, live) then return model.definition end
    for _, variant in next, rawget(model, "_variants") or {} do
      if is_of(variant.definition, live) then return variant.definition end
    end
  end
end

-- SQLite has text for dates, decimals, JSON and more, and says no more of it than that.
local function type_of(db, column, def)
  local catalog = db._dialect.catalog
  local known = catalog.type_of(column)
  local attr = known.key == "TEXT" and def and def.by_field[column.name]
  if not attr or attr.virtual then return known end
  local written = catalog.canonical_type(db._dialect.type_name(attr.type, attr, def))
  return written == column.type and attr.type or known
end

---The attributes of a live table, as a list for define.
---@param db table
---@param live rowan.TablePicture
---@return table[]
function live_model.attributes(db, live)
  local list, def = {}, definition_of(db, live)
  for i, column in ipairs(live.columns) do
    list[i] = {
      column.name, type_of(db, column, def), field = column.name, primaryKey = column.primary or nil,
      autoIncrement = column.auto or nil,
    }
  end
  return list
end

-- What tells rows apart beside the primary key.
local function keys_of(live)
  local list = {}
  for _, unique in ipairs(live.uniques) do
    if not unique.deferrable then list[#list + 1] = { fields = unique.columns, unique = true, name = unique.name } end
  end
  for _, index in ipairs(live.indexes) do
    local columns = difference.plain_columns(index)
    if columns then list[#list + 1] = { fields = columns, unique = true, name = index.name } end
  end
  return list
end

-- With what single columns point at, which SQLite does not say of a violated key.
local function with_references(list, live)
  local by_name = {}
  for _, item in ipairs(list) do by_name[item[1]] = item end
  for _, key in ipairs(live.foreign_keys) do
    local item = #key.columns == 1 and #key.keys == 1 and by_name[key.columns[1]]
    if item then item.references = { table = { tableName = key.table, schema = key.schema }, key = key.keys[1] } end
  end
  return list
end

---The model of a live table.
---@param db table
---@param live rowan.TablePicture
---@return rowan.Model
function live_model.of(db, live)
  return define.model(db, live.name, with_references(live_model.attributes(db, live), live), {
    tableName = live.name, schema = live.schema, timestamps = false, underscored = false,
    noPrimaryKey = live.primary == nil, indexes = keys_of(live),
  }, true)
end

return live_model
