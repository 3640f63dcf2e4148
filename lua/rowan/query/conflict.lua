--- The keys that rows can conflict on: which one a call means, and its ON CONFLICT clause. Pure. Used by bulkCreate,
--- upsert, findOrCreate and bulkUpdate.

local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local literals = require("rowan.query.literals")
local node = require("rowan.sql.node")

local conflict = {}

---@class rowan.ConflictKey the primary key, or one unique together
---@field attrs rowan.Attribute[]
---@field where? table the condition of its partial index
---@field token string stands for it in the keys of plans

local EXCLUDED = { alias = "excluded" }

local function fail(context, rule)
  errors.raise("QueryError", { message = context .. ": " .. rule })
end

---Names of attributes as they are written in messages: (a, b).
---@param attrs rowan.Attribute[]
---@return string
function conflict.names(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.label end
  return "(" .. table.concat(names, ", ") .. ")"
end

---The keys of a definition, the primary key first.
---@param def rowan.Definition
---@return rowan.ConflictKey[]
function conflict.keys(def)
  local list = {}
  if #def.primary > 0 then list[1] = { attrs = def.primary, token = "primary" } end
  for i, unique in ipairs(def.uniques) do
    list[#list + 1] = {
      attrs = unique.attrs, where = unique.index and unique.index.where or nil, token = "unique" .. i,
    }
  end
  return list
end

local function described(keys)
  local parts = {}
  for i, key in ipairs(keys) do parts[i] = conflict.names(key.attrs) .. (key.where and " where ..." or "") end
  return table.concat(parts, ", ")
end

local function same_value(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" or getmetatable(a) ~= getmetatable(b) then return false end
  for key, value in next, a do
    if not same_value(value, b[key]) then return false end
  end
  for key in next, b do
    if a[key] == nil then return false end
  end
  return true
end

local function has_exactly(key, set, count)
  if #key.attrs ~= count then return false end
  for _, attr in ipairs(key.attrs) do
    if not set[attr] then return false end
  end
  return true
end

-- Of keys of the same attributes: the one with that condition; without one the key that holds for all rows.
local function by_where(list, where)
  for _, key in ipairs(list) do
    if same_value(key.where, where) then return key end
  end
  return where == nil and #list == 1 and list[1] or nil
end

-- A key that the model does not know: whether the table has it, only the database can say, and refuses it if not.
local function unknown_key(def, attrs, where)
  local token = { "named" }
  for i, attr in ipairs(attrs) do token[i + 1] = attr.name end
  token[#token + 1] = where and literals.where(def.dialect, def, where) or nil
  return { attrs = attrs, where = where, token = table.concat(token, "\31") }
end

---The key made of exactly these attributes.
---@param def rowan.Definition
---@param names string|string[]
---@param where? table the condition of its partial index, where several keys are of the same attributes
---@param context string
---@param known? boolean it has to be one of the model's; else it may be of the table alone
---@return rowan.ConflictKey
function conflict.find(def, names, where, context, known)
  local set, count, list, attrs = {}, 0, {}, {}
  if type(names) == "string" then names = { names } end
  if type(names) ~= "table" or #names == 0 then fail(context, "wants the names of a key's attributes") end
  for _, name in ipairs(names) do
    local attr = expression.attribute(def, name)
    if not set[attr] then
      count = count + 1
      set[attr], attrs[count] = true, attr
    end
  end
  local keys = conflict.keys(def)
  for _, key in ipairs(keys) do
    if has_exactly(key, set, count) then list[#list + 1] = key end
  end
  local found = by_where(list, where)
  if found then return found end
  if #list > 0 then
    fail(context, ("%s has no key of (%s) with this condition; a partial index is named by the condition it was "
      .. "defined with"):format(def.name, table.concat(names, ", ")))
  end
  if not known then return unknown_key(def, attrs, where) end
  fail(context, ("(%s) is no key of %s: rows are told apart by its primary key or a unique key, which are %s")
    :format(table.concat(names, ", "), def.name, #keys > 0 and described(keys) or "none"))
end

---The key whose attributes a call gives: the primary key, else the first unique key; those of partial indexes come last.
---@param def rowan.Definition
---@param given fun(attr: rowan.Attribute): boolean
---@param where? table only the keys of partial indexes with this condition
---@return rowan.ConflictKey? nil when it gives none
function conflict.choose(def, given, where)
  local partial
  for _, key in ipairs(conflict.keys(def)) do
    local complete = where == nil or same_value(key.where, where)
    for _, attr in ipairs(key.attrs) do complete = complete and given(attr) end
    if complete and not key.where then return key end
    if complete then partial = partial or key end
  end
  return partial
end

---Refuses a call that gives no key.
---@param def rowan.Definition
---@param where? table
---@param context string
function conflict.raise_none(def, where, context)
  local keys = conflict.keys(def)
  fail(context, ("the values have no key of %s%s by which a row that is there could be found; its keys are %s")
    :format(def.name, where and " with this condition" or "", #keys > 0 and described(keys) or "none"))
end

---Column = what the INSERT would have given it, for each of the attributes.
---@param attrs rowan.Attribute[]
---@return { field: string, value: rowan.sql.Node }[]
function conflict.sets(attrs)
  local sets = {}
  for i, attr in ipairs(attrs) do sets[i] = { field = attr.field, value = node.column(attr.field, EXCLUDED) } end
  return sets
end

---What an update adds to the version of the row that was there.
---@param def rowan.Definition
---@return { field: string, value: rowan.sql.Node }
function conflict.next_version(def)
  local stored = node.column(def.version.field, { alias = def.table })
  return { field = def.version.field, value = node.binary("+", stored, node.literal("1")) }
end

---The ON CONFLICT clause.
---@param def rowan.Definition
---@param key? rowan.ConflictKey nil for any key
---@param sets? { field: string, value: rowan.sql.Node }[] nil for DO NOTHING; none for an update that changes nothing
---@return rowan.sql.Conflict
function conflict.clause(def, key, sets)
  if not key then return { sets = nil } end
  local fields = {}
  for i, attr in ipairs(key.attrs) do fields[i] = attr.field end
  if sets and #sets == 0 then sets = conflict.sets({ key.attrs[1] }) end
  return {
    fields = fields, sets = sets,
    where = key.where and node.literal(literals.where(def.dialect, def, key.where)) or nil,
  }
end

return conflict
