--- What a row knows by itself: its values, what changed in them, and whether it is the same row as another. Part of the
--- methods of instances (model/instance); nothing here asks the database.

local build = require("rowan.change.build")
local changes = require("rowan.change.changed")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local load = require("rowan.repo.load")
local null = require("rowan.base.null")
local plain = require("rowan.model.plain")
local rows = require("rowan.driver.rows")

---@class rowan.Instance
local Values = {}

local values = { methods = Values }

local GET = { plain = true, raw = true, clone = true }
local SET = { raw = true }

---The attribute of an instance called `name`; raises for an unknown one.
---@param self rowan.Instance
---@param name any
---@param context string
---@return rowan.Attribute
function values.attribute(self, name, context)
  local attr = self.Model.definition.by_name[name]
  if not attr then build.unknown(self.Model.definition, name, context) end
  return attr
end
local attribute = values.attribute

-- A computed column that is NULL is no attribute, but was read with the row.
local function is_field(self, name)
  return self.Model.associations[name] ~= nil or (rows.isrow(self) and rows.has(self, name))
end

---The value of an attribute, through its getter, or of a loaded association; with no name, or { plain = true }, a plain
---copy of all of them. Raises QueryError for an unknown name.
---
---    user:get("name")    --> "Ann"
---@param what? string|{ plain?: boolean, raw?: boolean } a name, or how the copy is to be
---@param options? { raw?: boolean } raw passes the getter by
---@return any
function Values:get(what, options)
  if type(what) ~= "string" then
    check.keys(what, GET, "get", "UsageError")
    return plain.copy(self, what and what.raw)
  end
  check.keys(options, GET, "get", "UsageError")
  local attr = self.Model.definition.by_name[what]
  if not attr then
    local value = rawget(self, what)
    if value == nil and not is_field(self, what) then attribute(self, what, "get") end
    return value
  end
  if attr.get and not (options and options.raw) then return attr.get(self) end
  return rawget(self, attr.name)
end

---The value of an attribute, past any getter. Raises QueryError for an unknown attribute.
---
---    user:getDataValue("name")    --> "Ann"
---@param name string of the attribute
---@return any
function Values:getDataValue(name)
  return rawget(self, attribute(self, name, "getDataValue").name)
end

---Sets an attribute, past any setter. Raises QueryError for an unknown attribute.
---
---    user:setDataValue("name", "Ann")
---@param name string of the attribute
---@param value any rowan.null for NULL
function Values:setDataValue(name, value)
  rawset(self, attribute(self, name, "setDataValue").name, value)
end

-- "data.a[0].b" -> { "a", 1, "b" }: keys of Lua tables, where lists begin at 1.
local function path_of(text)
  local path = {}
  for name, indexes in text:gmatch("%.?([^.%[%]]+)([%[%]%d]*)") do
    path[#path + 1] = name
    for index in indexes:gmatch("%[(%d+)%]") do path[#path + 1] = tonumber(index) + 1 end
  end
  return path
end

-- A value inside a JSON attribute: the tables on the way are made where there are none.
local function set_inside(self, name, value)
  local head, rest = name:match("^([^.%[]+)(.+)$")
  local attr = head and self.Model.definition.by_name[head]
  if not attr then attribute(self, name, "set") end
  if attr.type.key ~= "JSON" and attr.type.key ~= "JSONB" then
    errors.raise("UsageError", {
      message = ("set: %s.%s is no JSON, so there is nothing called %s inside it"):format(self.Model.name, head, rest),
    })
  end
  local path = path_of(rest)
  local at = rawget(self, attr.name)
  if type(at) ~= "table" then
    at = {}
    rawset(self, attr.name, at)
  end
  for i = 1, #path - 1 do
    if type(at[path[i]]) ~= "table" then at[path[i]] = {} end
    at = at[path[i]]
  end
  at[path[#path]] = value
end

-- What set and update leave as it is, because it comes with values that were meant for others: a key that is there, and the
-- timestamps of a stored row. A plain assignment changes them.
local function is_kept(self, attr)
  if attr.primary then
    local value = rawget(self, attr.name)
    return value ~= nil and value ~= null
  end
  local def = self.Model.definition
  return not self.isNewRecord and (attr == def.created or attr == def.updated or attr == def.deleted)
end

local function set_one(self, name, value, raw)
  local attr = self.Model.definition.by_name[name]
  if not attr then
    if type(name) == "string" and name:find("[.%[]") then return set_inside(self, name, value) end
    attribute(self, name, "set")
  end
  if not raw and is_kept(self, attr) then return end
  if attr.set and not raw then
    attr.set(self, value)
  else
    rawset(self, attr.name, value)
  end
end

---Sets one attribute, a value inside a JSON attribute ("data.a.b"), or all of a table, through their setters. Nothing is
---sent. A primary key that is there stays, and so do the timestamps of a stored row, but for `raw` and plain assignments.
---Raises QueryError for an unknown attribute, UsageError for a path into one that is no JSON.
---
---    user:set{ name = "Ann", ["data.tags[0]"] = "new" }
---@param what string|table<string, any>
---@param value? any behind a name; rowan.null for NULL
---@param options? { raw?: boolean } raw passes setters by; the second argument where `what` is a table
---@return rowan.Row self
function Values:set(what, value, options)
  if type(what) == "string" then
    check.keys(options, SET, "set", "UsageError")
    set_one(self, what, value, options and options.raw)
    return self
  end
  check.type(what, "table", "set")
  check.keys(value, SET, "set", "UsageError")
  local def = self.Model.definition
  local names = check.sorted_keys(what)
  for _, name in ipairs(names) do
    if not (type(name) == "string" and name:find("[.%[]")) then attribute(self, name, "set") end
  end
  for _, entry in ipairs(def.entries) do
    if what[entry.name] ~= nil then set_one(self, entry.name, what[entry.name], value and value.raw) end
  end
  for _, name in ipairs(names) do
    if not def.by_name[name] then set_one(self, name, what[name]) end
  end
  return self
end

-- Whether it differs is a matter of what it is compared with.
local function mark_changed(self, attr, changed)
  if self.isNewRecord or attr.virtual then return end
  local value, bound = rawget(self, attr.name), null
  -- So a row is touched.
  if changed and attr == self.Model.definition.updated then value = build.now() end
  if not changed and value ~= nil and value ~= null then
    bound = attr.type.cast(value)
    if attr.type.dump and bound ~= nil then bound = attr.type.dump(bound) end
    if bound == nil then return end
  end
  rows.update(self, { [attr.name] = bound })
  rawset(self, attr.name, value)
end

---Which attributes differ from what is stored: a list of names, or false. With a name: whether that one does; with true or
---false as well, it counts as changed (and is written by the next save), or as stored. Hooks behind a write are told what it
---changed. Raises QueryError for an unknown attribute.
---
---    user:changed()    --> { "name" }
---@param name? string of the attribute
---@param value? boolean what it counts as from here on
---@return string[]|false names
---@overload fun(self: rowan.Instance, name: string, value?: boolean): boolean
function Values:changed(name, value)
  if name == nil then
    local names = changes.names(self)
    return names[1] ~= nil and names
  end
  local attr = attribute(self, name, "changed")
  if value ~= nil then mark_changed(self, attr, value) end
  for _, changed in ipairs(changes.names(self)) do
    if changed == attr.label then return true end
  end
  return false
end

---The stored value of an attribute as it was read or last written (in hooks behind a write: before it); without a name a
---table of those of the attributes that changed. Raises QueryError for an unknown attribute.
---
---    user:previous("name")    --> "Ann"
---@param name? string of the attribute
---@return any
function Values:previous(name)
  if name ~= nil then
    return changes.previous(self, attribute(self, name, "previous"))
  end
  local all, by_name = {}, self.Model.definition.by_name
  for _, changed in ipairs(changes.names(self)) do all[changed] = changes.previous(self, by_name[changed]) end
  return all
end

---Whether an attribute was read with the row (or written), or an association was loaded, even if nothing was found.
---Raises QueryError for an unknown name.
---
---    user:isLoaded("posts")    --> false
---@param name string of an attribute or association
---@return boolean
function Values:isLoaded(name)
  local model = self.Model
  if model.associations[name] then return load.is_loaded(self, name) end
  local attr = attribute(self, name, "isLoaded")
  if self.isNewRecord or attr.virtual then return rawget(self, attr.name) ~= nil end
  return rows.has(self, attr.name)
end

---A plain copy of the row and of what was loaded with it, through getters: no metatables, no cycles.
---
---    user:toJSON()    --> { id = 7, name = "Ann", ... }
---@return table
function Values:toJSON()
  return plain.copy(self)
end

---Whether both are the same stored row: one model, one primary key.
---
---    user:equals(User:findByPk(user.id))    --> true
---@param other any anything
---@return boolean
function Values:equals(other)
  local meta = type(other) == "table" and getmetatable(other)
  if not meta or meta.Model ~= self.Model then return false end
  for _, attr in ipairs(self.Model.definition.primary) do
    local value = rawget(self, attr.name)
    if value == nil or value == null or value ~= rawget(other, attr.name) then return false end
  end
  return #self.Model.definition.primary > 0
end

---Whether the row is the same as one of a list. Raises UsageError for what is no list.
---
---    user:equalsOneOf(User:findAll())    --> true
---@param others any[] a list of rows
---@return boolean
function Values:equalsOneOf(others)
  check.type(others, "table", "equalsOneOf")
  for i = 1, #others do
    if self:equals(others[i]) then return true end
  end
  return false
end

---The condition that finds the row: its primary key as it is stored.
---Raises InstanceError for a row without a primary key.
---
---    Post:count{ where = post:where() }
---@return table<string, any>
function Values:where()
  local def = self.Model.definition
  local key, complete = {}, #def.primary > 0 and not self.isNewRecord
  for _, attr in ipairs(complete and def.primary or {}) do
    key[attr.label] = rows.original(self, attr.name)
    complete = complete and key[attr.label] ~= nil
  end
  if not complete then
    errors.raise("InstanceError", {
      message = ("%s: %s"):format(def.name, self.isNewRecord and "the row is new; it was never stored"
        or #def.primary == 0 and "the model has no primary key" or "the row was read without its primary key"),
    })
  end
  return key
end

return values
