--- Keys that associations give to definitions: foreign keys of one column and of several, the primary key of a junction.
--- Called by association/.

local definition = require("rowan.schema.definition")
local errors = require("rowan.base.errors")
local reference = require("rowan.schema.reference")

local keys = {}

---@class rowan.ForeignKey a foreign key of several columns
---@field attrs rowan.Attribute[]
---@field definition rowan.Definition what it points at
---@field keys rowan.Attribute[]
---@field said? { on_delete?: string, on_update?: string } what was asked for
---@field on_delete string
---@field on_update string

---@class rowan.ForeignKeyTarget
---@field definition rowan.Definition
---@field key string attribute pointed at
---@field defaults { on_delete?: string, on_update?: string } actions where nobody gave any

local function fail(subject, rule)
  errors.raise("DefinitionError", { message = subject .. ": " .. rule })
end

local function find(def, name)
  for i, entry in ipairs(def.entries) do
    if entry.name == name then return i, entry end
  end
end

local function copy(t)
  local out = {}
  for key, value in pairs(t) do out[key] = value end
  return out
end

-- The entries with one of them changed, or another at the end.
local function with_entry(def, at, entry)
  local entries = copy(def.entries)
  entries[at or #entries + 1] = entry
  return entries
end

local function same_actions(subject, spec, before)
  for _, option in ipairs({ "onDelete", "onUpdate" }) do
    local now = reference.action(subject, option, spec[option])
    local said = reference.action(subject, option, before[option])
    if now and said and now ~= said then
      fail(subject, ("%s was given before as %s, now as %s"):format(option, said, now))
    end
  end
end

-- What `references` of the attribute becomes; a reference of its own must lead to the same column.
local function joined_reference(subject, attr, spec, to)
  local made = { definition = to.definition, key = to.key, defaults = to.defaults }
  local before = attr and attr.references
  if not before then return made end
  local field = to.definition.by_name[to.key].field
  if before.table ~= to.definition.table or before.schema ~= to.definition.schema or before.field ~= field then
    fail(subject, ("it references %s (%s) already, so it cannot reference %s (%s) as well; constraints = false makes "
      .. "an association without a foreign key in the database")
      :format(before.table, before.field, to.definition.table, field))
  end
  local settings = type(spec.references) == "table" and getmetatable(spec.references) == nil and spec.references or {}
  made.deferrable = settings.deferrable
  made.defaults = copy(to.defaults)
  for action, word in pairs(settings.defaults or {}) do made.defaults[action] = word end
  return made
end

---@class rowan.ForeignKeyOptions
---@field spec table options of the attribute that were given
---@field type rowan.Type its type where none was given
---@field to? rowan.ForeignKeyTarget nil for one that the database does not enforce
---@field follows { definition: rowan.Definition, key: string } what it points at, enforced or not
---@field inferred? boolean the name was made up, so that another association may give it a better one

---Adds a foreign key attribute, or makes one of an attribute that is there: what was said of it stays.
---@param def rowan.Definition
---@param name string
---@param given rowan.ForeignKeyOptions
---@return rowan.Attribute
function keys.foreign(def, name, given)
  local subject = def.name .. "." .. name
  local at, entry = find(def, name)
  local before, more = entry and copy(entry.spec) or { type = given.type }, copy(given.spec)
  if not entry and more.type then before.type = nil end
  same_actions(subject, more, before)
  if given.to then
    more.references = joined_reference(subject, def.by_name[name], before, given.to)
    before.references = nil
  end
  definition.rebuild(def, with_entry(def, at, {
    name = name, spec = definition.merge(subject, before, more), generated = entry and entry.generated,
    inferred = given.inferred and (not entry or entry.inferred) or nil, follows = given.follows,
  }))
  def.linked = def.linked or {}
  def.linked[name] = true
  return def.by_name[name]
end

local function same_set(a, b)
  if #a ~= #b then return false end
  local set = {}
  for _, item in ipairs(a) do set[item] = true end
  for _, item in ipairs(b) do
    if not set[item] then return false end
  end
  return true
end

---Whether no two rows can have the same values of these attributes: they are the primary key, or unique together.
---@param def rowan.Definition
---@param attrs rowan.Attribute[]
---@return boolean
function keys.unique(def, attrs)
  if same_set(def.primary, attrs) then return true end
  for _, unique in ipairs(def.uniques) do
    if same_set(unique.attrs, attrs) and not (unique.index and unique.index.where) then return true end
  end
  return false
end

---Adds a foreign key of several columns; the same one given twice is one.
---@param def rowan.Definition
---@param attrs rowan.Attribute[]
---@param target rowan.Definition
---@param target_attrs rowan.Attribute[]
---@param actions { on_delete?: string, on_update?: string, defaults: table }
function keys.composite(def, attrs, target, target_attrs, actions)
  local nullable = true
  for _, attr in ipairs(attrs) do nullable = nullable and attr.allow_null end
  local found
  for _, known in ipairs(def.foreign_keys) do
    if known.definition == target and same_set(known.attrs, attrs) then found = known end
  end
  local said = found and found.said or {}
  for _, what in ipairs({ "on_delete", "on_update" }) do
    if said[what] and actions[what] and said[what] ~= actions[what] then
      fail(def.name, ("the foreign key to %s was given %s before, now %s")
        :format(target.name, said[what], actions[what]))
    end
  end
  if not found then
    found = { attrs = attrs, definition = target, keys = target_attrs }
    def.foreign_keys[#def.foreign_keys + 1] = found
  end
  found.said = { on_delete = said.on_delete or actions.on_delete, on_update = said.on_update or actions.on_update }
  found.on_delete, found.on_update =
    reference.actions(found.said.on_delete, found.said.on_update, actions.defaults, nullable)
end

---Gives an attribute whose name was made up another name, at the same place. An attribute that the new name had already
---takes its part.
---@param def rowan.Definition
---@param old string
---@param new string
---@return boolean renamed false when somebody else gave the attribute its name
function keys.rename(def, old, new)
  local at, entry = find(def, old)
  if not entry or not entry.inferred then return false end
  local entries, other = copy(def.entries), find(def, new)
  if other then
    local spec = copy(entries[other].spec)
    spec.primaryKey = spec.primaryKey or entry.spec.primaryKey
    entries[other] = { name = new, spec = spec, inferred = entries[other].inferred, follows = entry.follows }
    table.remove(entries, at)
  else
    entries[at] = { name = new, spec = entry.spec, follows = entry.follows }
  end
  definition.rebuild(def, entries)
  return true
end

-- Both keys as the primary key, in place of the `id` that define had made up.
local function make_primary(def, names, generated)
  local entries, is_key = {}, {}
  for _, name in ipairs(names) do is_key[name] = true end
  for _, entry in ipairs(def.entries) do
    if is_key[entry.name] then
      local spec = copy(entry.spec)
      spec.primaryKey = true
      entry = { name = entry.name, spec = spec, inferred = entry.inferred, follows = entry.follows }
    end
    if entry ~= generated or is_key[entry.name] then entries[#entries + 1] = entry end
  end
  definition.rebuild(def, entries)
end

local function add_unique(def, names, index_name)
  local before, list = def.options.indexes, {}
  for i, index in ipairs(before or {}) do list[i] = index end
  list[#list + 1] = { fields = names, unique = true, name = index_name }
  def.options.indexes = list
  local ok, problem = pcall(definition.rebuild, def, def.entries)
  if ok then return end
  def.options.indexes = before
  error(problem, 0)
end

---Makes the keys of a junction its identity: its primary key when it has none of its own, else a unique index.
---@param def rowan.Definition
---@param names string[] the attributes of both keys
---@param index_name? string of the unique index
function keys.identify(def, names, index_name)
  local attrs, generated = {}, nil
  for i, name in ipairs(names) do attrs[i] = def.by_name[name] end
  for _, entry in ipairs(def.entries) do
    if entry.generated then generated = entry end
  end
  if generated then
    make_primary(def, names, generated)
  elseif not keys.unique(def, attrs) then
    add_unique(def, names, index_name)
  end
end

return keys
