--- Tables and columns under new names, and the enum types whose names come from theirs. Called by model/query_interface.

local ddl_table = require("rowan.sql.ddl_table")
local ddl_text = require("rowan.sql.ddl_text")
local errors = require("rowan.base.errors")
local schema = require("rowan.repo.schema")
local steps = require("rowan.repo.steps")

local rename = {}

-- The enums of a table have its name in theirs, and are in its schema.
local function move_enums(db, columns, name_of, to_schema, texts)
  for _, column in ipairs(columns) do
    local before, after = name_of(column)
    local enum = column.enum
    if enum and enum.name == before then
      if to_schema and to_schema ~= enum.schema then
        texts[#texts + 1] = ddl_table.set_schema(db._dialect, "TYPE", enum, to_schema)
        enum = { name = enum.name, schema = to_schema }
      end
      if before ~= after then texts[#texts + 1] = ddl_table.rename_enum(db._dialect, enum, after) end
    end
  end
end

local function check_schema(live, becomes, options)
  if not becomes.schema or becomes.schema == live.schema or options.changeSchema then return end
  errors.raise("QueryError", {
    message = ("queryInterface:renameTable: %s would go from the schema %s to %s: changeSchema = true does that")
      :format(live.name, live.schema, becomes.schema),
  })
end

---@async
---@param db table
---@param at rowan.TableName
---@param becomes rowan.TableName without a schema it stays in its own
---@param options { changeSchema?: boolean, transaction?: any, logging?: any }
function rename.table(db, at, becomes, options)
  local dialect = db._dialect
  steps.apply(db, options, function(call)
    local live = schema.live(db, at, call)
    check_schema(live, becomes, options)
    local here, texts = { name = live.name, schema = live.schema }, {}
    if becomes.schema and becomes.schema ~= live.schema then
      texts[1] = ddl_table.set_schema(dialect, "TABLE", here, becomes.schema)
      here.schema = becomes.schema
    end
    if becomes.name ~= live.name then
      texts[#texts + 1] = ddl_table.rename(dialect, ddl_text.name(dialect, here.name, here.schema), becomes.name)
    end
    move_enums(db, live.columns, function(column)
      local attr = { field = column.name }
      return dialect.enum_name and dialect.enum_name({ table = live.name }, attr),
        dialect.enum_name and dialect.enum_name({ table = becomes.name }, attr)
    end, here.schema, texts)
    return steps.of(texts, at.name)
  end)
end

---@async
---@param db table
---@param at rowan.TableName
---@param before string
---@param after string
---@param options table
function rename.column(db, at, before, after, options)
  local dialect = db._dialect
  steps.apply(db, options, function(call)
    local live = schema.live(db, at, call)
    local column = schema.column(db, live, before)
    local texts = { ddl_table.rename_column(dialect, ddl_text.name(dialect, at.name, at.schema), before, after) }
    move_enums(db, { column }, function()
      local def = { table = at.name }
      return dialect.enum_name and dialect.enum_name(def, { field = before }),
        dialect.enum_name and dialect.enum_name(def, { field = after })
    end, nil, texts)
    return steps.of(texts, at.name)
  end)
end

return rename
