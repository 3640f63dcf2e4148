--- What `references` on an attribute means: "table", a model, or { table | model, key, deferrable }.
--- Called by schema/attribute.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local options = require("rowan.schema.options")
local suggest = require("rowan.base.suggest")

local reference = {}

---@class rowan.Reference
---@field definition? table the definition pointed at, when a model was named
---@field model? table
---@field table string
---@field schema? string
---@field field string
---@field key string attribute (of a model) or column pointed at
---@field on_delete? string
---@field on_update? string
---@field deferrable? string "DEFERRABLE INITIALLY DEFERRED", ...

local ACTIONS = check.set({ "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION" })
local DEFERRABLE = {
  ["INITIALLY DEFERRED"] = "DEFERRABLE INITIALLY DEFERRED",
  ["INITIALLY IMMEDIATE"] = "DEFERRABLE INITIALLY IMMEDIATE",
  ["NOT"] = "NOT DEFERRABLE",
}
-- `definition` and `defaults` are what associations say.
local KNOWN = check.set({ "table", "model", "tableName", "schema", "definition", "key", "deferrable", "defaults" })

local function fail(subject, rule)
  errors.raise("DefinitionError", { message = subject .. ": " .. rule })
end

---The action that onDelete or onUpdate asks for, in SQL's spelling; nil when there is none.
---@param subject string "User.companyId"
---@param option string
---@param value any
---@return string?
function reference.action(subject, option, value)
  if value == nil then return nil end
  local word = type(value) == "string" and value:upper():gsub("_", " ")
  if not ACTIONS[word] then
    fail(subject, suggest.unknown(option .. " has no action", value, check.sorted_keys(ACTIONS)))
  end
  return word
end

---What `deferrable` asks for, in SQL's spelling; nil when there is nothing.
---@param subject string
---@param value any
---@return string?
function reference.deferrable(subject, value)
  if value == nil then return nil end
  local found = type(value) == "string" and DEFERRABLE[(value:upper():gsub("_", " "))]
  if not found then
    fail(subject, ("references.deferrable must be INITIALLY_DEFERRED, INITIALLY_IMMEDIATE or NOT, not %s")
      :format(suggest.clip(value)))
  end
  return found
end

local function key_of_definition(subject, target, key)
  if key == nil then
    if #target.primary ~= 1 then
      fail(subject, ("references %s, which has no single primary key: give references.key")
        :format(target.name))
    end
    return target.primary[1]
  end
  local attr = target.by_name[key] or target.by_field[key]
  if not attr then
    local names = {}
    for i, known in ipairs(target.list) do names[i] = known.name end
    fail(subject, suggest.unknown(("references %s, which has no attribute"):format(target.name), key, names))
  end
  return attr
end

-- What stands behind `table` or `model`: a definition, or the names of a table.
local function target_of(subject, value)
  if type(value) == "string" and value ~= "" then return nil, value end
  if type(value) == "table" then
    if value.by_name and value.list then return value end
    if value.definition then return value.definition, nil, nil, value end
    if type(value.tableName) == "string" then return nil, value.tableName, value.schema end
  end
  fail(subject, "references must be a table's name, a model, or { table | model, key, deferrable }")
end

local function is_settings(value)
  return type(value) == "table" and getmetatable(value) == nil
    and (value.table ~= nil or value.model ~= nil or value.tableName ~= nil or value.key ~= nil
      or value.deferrable ~= nil)
end

---What a deleted or changed row does to those that point at it, where nothing was said: a key that may be NULL becomes
---NULL, another takes its row along.
---@param on_delete? string
---@param on_update? string
---@param defaults { on_delete?: string, on_update?: string }
---@param nullable boolean
---@return string on_delete
---@return string on_update
function reference.actions(on_delete, on_update, defaults, nullable)
  return on_delete or defaults.on_delete or (nullable and "SET NULL" or "CASCADE"),
    on_update or defaults.on_update or "CASCADE"
end

---What a key without a foreign key points at, seen from a definition: a variant's may lead to another one.
---@param def table
---@param follows? { definition: table, key: string }
---@return { definition: table, key: string }?
function reference.counterpart(def, follows)
  local counterpart = def.context and def.context.counterpart
  if not follows or not counterpart then return follows end
  return { definition = counterpart(follows.definition), key = follows.key }
end

---The normalised reference of an attribute; nil when it has none.
---@param def table the definition that the attribute belongs to
---@param subject string "User.companyId"
---@param spec table the attribute's options
---@return rowan.Reference?
function reference.read(def, subject, spec)
  local given = spec.references
  if given == nil then return nil end
  local settings = {}
  if is_settings(given) then
    check.keys(given, KNOWN, subject .. ": references", "DefinitionError")
    settings = given
    given = settings.definition or settings.model or settings.table or settings.tableName and settings
    check.optional(settings.key, "string", subject .. ": references.key", "DefinitionError")
  end
  local target, table_name, schema, model = target_of(subject, given)
  local made = {
    model = model, deferrable = reference.deferrable(subject, settings.deferrable),
    on_delete = reference.action(subject, "onDelete", spec.onDelete),
    on_update = reference.action(subject, "onUpdate", spec.onUpdate),
  }
  if settings.defaults then
    local nullable = not spec.primaryKey and spec.allowNull ~= false
    made.on_delete, made.on_update =
      reference.actions(made.on_delete, made.on_update, settings.defaults, nullable)
  end
  local counterpart = def.context and def.context.counterpart
  if not target then
    made.table, made.schema = options.table_of(def.dialect, table_name, schema, def.options.schemaDelimiter)
    local own = counterpart and made.table == def.origin.table and made.schema == def.origin.schema
    if own then made.table, made.schema = def.table, def.schema end
    made.key = settings.key or "id"
    made.field = made.key
    return made
  end
  if counterpart then target = counterpart(target) end
  made.definition, made.table, made.schema = target, target.table, target.schema
  local attr = key_of_definition(subject, target, settings.key)
  made.key, made.field = attr.label, attr.field
  return made
end

return reference
