--- What the columns of a statement that somebody else wrote are to a model: by the names of its columns, by those of its
--- attributes, or as `fieldMap` says. Used by repo/raw.

local errors = require("rowan.base.errors")
local projection = require("rowan.query.projection")

local mapping = {}

local function fail(message)
  errors.raise("QueryError", { message = "db:query: " .. message })
end

local function sorted_keys(map)
  local keys = {}
  for key, value in next, map do
    if type(key) ~= "string" or type(value) ~= "string" then fail("fieldMap wants names of columns and of fields") end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function token(text)
  return #text .. ":" .. text
end

---What tells apart two mappings of the same text.
---@param options { model?: rowan.Model, mapToModel?: boolean, fieldMap?: table<string, string>, raw?: boolean }
---@return string
function mapping.key(options)
  local model, map = options.model, options.fieldMap
  if not model and not map then return "" end
  local parts = { "\31map" }
  if model then
    parts[2] = token(model.name) .. model.definition.generation .. (options.mapToModel and "m" or "")
  end
  for _, key in ipairs(map and sorted_keys(map) or {}) do parts[#parts + 1] = token(key) .. token(map[key]) end
  return table.concat(parts, " ")
end

-- Columns of attributes that hold tables come as text; so do those of SQLite's dates.
local function of_model(known, model, by_field)
  for _, attr in ipairs(model.definition.list) do
    if attr.type.code then known[by_field and attr.field or attr.name] = projection.column(attr) end
  end
end

---How columns are read, by their names; nil where nothing is known of them.
---@param options { model?: rowan.Model, mapToModel?: boolean, fieldMap?: table<string, string> }
---@return table<string, table>? known as rowan.driver's statements want it
function mapping.known(options)
  local model, map = options.model, options.fieldMap
  if not model and not map then return nil end
  local known = {}
  if model then
    of_model(known, model, false)
    if options.mapToModel then of_model(known, model, true) end
  end
  for _, column in ipairs(map and sorted_keys(map) or {}) do
    local attr = model and model.definition.by_name[map[column]]
    known[column] = attr and attr.type.code and projection.column(attr) or { key = map[column] }
  end
  return known
end

return mapping
