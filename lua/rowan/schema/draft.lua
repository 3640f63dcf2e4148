--- A definition before it is put together, as plugins see it: they add attributes and filters, and say what their attributes
--- are for. Made by schema/definition, handed to each plugin's `define`.

local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local types = require("rowan.types")

local draft = {}

---@class rowan.Draft a definition that plugins add to before it is assembled
---@field definition rowan.Definition
---@field options table the model's options
---@field entries table[]
---@field kept table
local Draft = {}
Draft.__index = Draft

-- What an attribute that a plugin keeps can be for; the rest of rowan finds it in the definition by that word.
draft.ROLES = { "created", "updated", "deleted", "version" }

---@param def rowan.Definition
---@param entries table[] of attributes; grows
---@return rowan.Draft
function draft.new(def, entries)
  return setmetatable({ definition = def, options = def.options, entries = entries, kept = {} }, Draft)
end

---@param entries { name: string }[]
---@param name string
---@return table?
function draft.find(entries, name)
  for _, entry in ipairs(entries) do
    if entry.name == name then return entry end
  end
end

---Refuses the definition; the message begins with the model's name.
---
---    draft:fail("slug needs the option from")    -- DefinitionError: the model Post: slug needs the option from
---@param rule string what is wrong, behind the model's name
function Draft:fail(rule)
  errors.raise("DefinitionError", { message = ("the model %s: %s"):format(self.definition.name, rule) })
end

---Adds an attribute that a plugin keeps, at the end. The user may have said more about it, but not another type or
---nullability: that raises DefinitionError.
---
---    draft:attribute("slug", { type = DataTypes.STRING, allowNull = true }, "the slug")
---@param name string of the attribute
---@param spec table as in a definition
---@param what string "a timestamp", for messages
function Draft:attribute(name, spec, what)
  if self.kept[name] then self:fail(('two of its options name the attribute "%s"'):format(name)) end
  local entry = draft.find(self.entries, name)
  if not entry then
    entry = { name = name, spec = spec }
    self.entries[#self.entries + 1] = entry
  end
  self.kept[name] = true
  self.kept[#self.kept + 1] = entry
  local given, subject = entry.spec, self.definition.name .. "." .. name
  if given.type == nil then given.type = spec.type end
  if types.is(given.type) and given.type.key ~= spec.type.key then
    self:fail(("%s is %s, so its type must be DataTypes.%s"):format(subject, what, spec.type.key))
  end
  if given.allowNull ~= nil and given.allowNull ~= spec.allowNull then
    self:fail(("%s is %s, so allowNull must be %s"):format(subject, what, tostring(spec.allowNull)))
  end
  given.allowNull = spec.allowNull
  if given.defaultValue == nil then given.defaultValue = spec.defaultValue end
end

-- A model has one attribute in each role.
local function take_role(self, role, name)
  if not draft.find(self.entries, name) then
    self:fail(('there is no attribute "%s" that could be its %s'):format(name, role))
  end
  local roles = self.definition.roles
  if roles[role] then self:fail(('its %s is "%s" already, so it cannot be "%s"'):format(role, roles[role], name)) end
  roles[role] = name
end

---The attribute gets the time when a row is made ("created"), or at every write of it ("updated", but for `silent`).
---Raises DefinitionError when another attribute has the role.
---
---    draft:attribute("madeAt", { type = DataTypes.DATE }, "a timestamp") draft:stamp("madeAt", "created")
---@param name string of an attribute of the draft
---@param when "created"|"updated" which time it is
function Draft:stamp(name, when)
  if when ~= "created" and when ~= "updated" then self:fail('a stamp is "created" or "updated"') end
  take_role(self, when, name)
end

---The attribute tells when a row was deleted: unique indexes leave deleted rows out, and what depends on the row follows it
---(repo/cascade). A row is there while it is NULL, or its default value where it has one.
---Raises DefinitionError when another attribute has the role.
---
---    draft:filter{ option = "paranoid", where = { deletedAt = draft:deleted("deletedAt") } }
---@param name string of an attribute of the draft
---@return any live what the attribute is while the row is there
function Draft:deleted(name)
  take_role(self, "deleted", name)
  local spec, live = draft.find(self.entries, name).spec, null
  if spec.defaultValue ~= nil and spec.defaultValue ~= null then
    local kind = type(spec.defaultValue)
    live = (kind == "string" or kind == "number") and (spec.type.cast(spec.defaultValue)) or nil
    if live == nil then
      self:fail(("%s.%s has a default value that is no point in time; a row is there while it has that, or NULL")
        :format(self.definition.name, name))
    end
  end
  self.definition.roles.live = live
  return live
end

---@class rowan.Missed
---@field read any the version that the row was read with
---@field current? any the one that is stored; nil when the row is not there
---@field values table<string, any> what was to be written
---@field where table<string, any> what the row was looked for by

---The attribute tells one state of a row from the next. Every write adds one to it, unless the database keeps it by itself,
---and a save or destroy of a row looks for the row with the value it was read with. When it is not found, `missed` raises.
---
---    draft:version("version", function(model, row) raise_stale(model, row) end)
---@param name string of an attribute of the draft
---@param missed fun(model: rowan.Model, row: rowan.Instance, seen: rowan.Missed) raises for a row that another write came before
---@param by_database? boolean every table has it by itself: it is read, never written or created
function Draft:version(name, missed, by_database)
  take_role(self, "version", name)
  self.definition.missed = missed
  draft.find(self.entries, name).system = by_database
end

---The name of the attribute that a model's option speaks of: `createdAt = "made"` renames it, false turns it off.
---
---    draft:option_name("createdAt")    --> "createdAt"; what the option says; nil where it is false
---@param option string also the name where nothing was said
---@return string?
function Draft:option_name(option)
  local value = self.options[option]
  if value == false then return nil end
  return type(value) == "string" and value or option
end

---Puts a condition on every query of the model, which a call turns off with `<option> = false`.
---
---    draft:filter{ option = "tenant", where = function(said) return { tenantId = said or current } end }
---@param filter rowan.Filter { option, where }
function Draft:filter(filter)
  local def = self.definition
  def.filters = def.filters or {}
  def.filters[#def.filters + 1] = filter
  def.plugin_options = def.plugin_options or {}
  def.plugin_options[filter.option] = true
end

return draft
