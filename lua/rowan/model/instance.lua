--- What a row can do: the methods behind every instance, found through its metatable. A row itself holds attributes and
--- loaded associations only; whether it is new is a matter of which metatable it has.

local build = require("rowan.change.build")
local check = require("rowan.base.check")
local collect = require("rowan.change.collect")
local errors = require("rowan.base.errors")
local load = require("rowan.repo.load")
local null = require("rowan.base.null")
local plain = require("rowan.model.plain")
local read = require("rowan.repo.read")
local rows = require("rowan.driver.rows")
local save = require("rowan.repo.save")
local write = require("rowan.repo.write")

---@class rowan.Instance
---@field Model rowan.Model
---@field isNewRecord boolean
local Instance = {}

local DESTROY = { force = true, transaction = true, hooks = true, logging = true, benchmark = true }
local SAVE = { transaction = true, hooks = true, logging = true, benchmark = true, fields = true, silent = true }
local RELOAD = { transaction = true, logging = true, benchmark = true, include = true }

local function attribute(self, name, context)
  local attr = self.Model.definition.by_name[name]
  if not attr then build.unknown(self.Model.definition, name, context) end
  return attr
end

---The value of an attribute or a loaded association; with no name, or { plain = true }, a plain copy of all of them.
---@param what? string|{ plain?: boolean }
---@return any
function Instance:get(what)
  if type(what) == "string" then
    local value = rawget(self, what)
    -- A computed column that is NULL is no attribute, but was read with the row.
    if value == nil and not self.Model.associations[what] and not (rows.isrow(self) and rows.has(self, what)) then
      attribute(self, what, "get")
    end
    return value
  end
  check.keys(what, { plain = true }, "get", "UsageError")
  return plain.copy(self)
end

---The value of an attribute, past any getter.
---@param name string
---@return any
function Instance:getDataValue(name)
  return rawget(self, attribute(self, name, "getDataValue").name)
end

---Sets an attribute, past any setter.
---@param name string
---@param value any
function Instance:setDataValue(name, value)
  rawset(self, attribute(self, name, "setDataValue").name, value)
end

---Sets one attribute, or all of a table. Nothing is sent.
---@param what string|table<string, any>
---@param value? any
---@return rowan.Instance self
function Instance:set(what, value)
  if type(what) == "string" then
    rawset(self, attribute(self, what, "set").name, value)
    return self
  end
  check.type(what, "table", "set")
  for name in next, what do attribute(self, name, "set") end
  for name, item in next, what do self[name] = item end
  return self
end

---Which attributes differ from what is stored: a list of names, or false. With a name: whether that one does.
---@param name? string
---@return string[]|boolean
function Instance:changed(name)
  local def = self.Model.definition
  if name ~= nil then attribute(self, name, "changed") end
  local names
  if self.isNewRecord then
    for _, attr in ipairs(def.list) do
      if rawget(self, attr.name) ~= nil then
        names = names or {}
        names[#names + 1] = attr.name
      end
    end
  else
    names = collect.changed(def, self)
  end
  if name == nil then return names or false end
  for _, changed in ipairs(names or {}) do
    if changed == name then return true end
  end
  return false
end

---The stored value of an attribute as it was read or last written; without a name a table of all of them.
---@param name? string
---@return any
function Instance:previous(name)
  if name ~= nil then
    attribute(self, name, "previous")
    if self.isNewRecord then return nil end
    return (rows.original(self, name))
  end
  local values = {}
  if self.isNewRecord then return values end
  for _, attr in ipairs(self.Model.definition.list) do values[attr.name] = rows.original(self, attr.name) end
  return values
end

---Whether an attribute was read with the row (or written), or an association was loaded, even if nothing was found.
---@param name string
---@return boolean
function Instance:isLoaded(name)
  local model = self.Model
  if model.associations[name] then return load.is_loaded(self, name) end
  attribute(self, name, "isLoaded")
  if self.isNewRecord then return rawget(self, name) ~= nil end
  return rows.has(self, name)
end

---Writes what changed: INSERT for a new row, UPDATE of the changed columns otherwise; nothing when nothing changed.
---Raises ValidationError before anything is sent when a value does not fit, and leaves the row as it was on failure.
---
---    user.name = "Ann"
---    user:save()      -- UPDATE "users" SET "name" = $1, "updated_at" = $2 WHERE "id" = $3
---@async
---@param options? { fields?: string[], silent?: boolean, hooks?: boolean, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance self
function Instance:save(options)
  local model = self.Model
  if options then check.keys(options, SAVE, model.name .. ":save", "QueryError") end
  return save.row(model, self, options)
end

---Sets attributes and writes them, and only them. On failure the row is as it was.
---@async
---@param values table<string, any>
---@param options? table as for save
---@return rowan.Instance self
function Instance:update(values, options)
  local context = self.Model.name .. ":update"
  check.type(values, "table", context)
  if self.isNewRecord then
    errors.raise("InstanceError", { message = context .. ": the row is new; save it first" })
  end
  local before, fields = {}, {}
  for name in next, values do
    attribute(self, name, context)
    fields[#fields + 1] = name
    before[name] = rawget(self, name)
  end
  for name, value in next, values do rawset(self, name, value) end
  local all = { fields = fields }
  for key, value in next, options or {} do all[key] = value end
  local ok, problem = pcall(self.save, self, all)
  if ok then return self end
  for _, name in ipairs(fields) do rawset(self, name, before[name]) end
  error(problem, 0)
end

---Deletes the row.
---@async
---@param options? { hooks?: boolean, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance self
function Instance:destroy(options)
  local model = self.Model
  check.keys(options, DESTROY, model.name .. ":destroy", "QueryError")
  if self.isNewRecord then
    errors.raise("InstanceError", { message = model.name .. ":destroy: the row is new; there is nothing to delete" })
  end
  save.destroy(model, self, options)
  return self
end

local function not_paranoid(self, what)
  errors.raise("InstanceError", {
    message = ("%s:%s: the model is not paranoid, so its rows are deleted for good"):format(self.Model.name, what),
  })
end

---Brings back a row that was deleted softly; only for paranoid models.
---@async
---@param _? table hooks, silent, transaction, logging
---@return rowan.Instance self
function Instance:restore(_)
  return not_paranoid(self, "restore")
end

---Whether the row was deleted softly; only for paranoid models.
---@return boolean
function Instance:isSoftDeleted()
  return not_paranoid(self, "isSoftDeleted")
end

local function key_of(self)
  local def = self.Model.definition
  local key, complete = {}, #def.primary > 0
  for _, attr in ipairs(def.primary) do
    key[attr.name] = rows.original(self, attr.name)
    complete = complete and key[attr.name] ~= nil
  end
  if not complete then
    errors.raise("InstanceError", { message = def.name .. ":reload: the row was read without a primary key" })
  end
  return key
end

-- That an association was looked for and not found is kept by the metatable, of which the row is about to get another.
local function loaded_by(row, fresh)
  local all = {}
  for name in next, row.Model.associations do
    if load.is_loaded(row, name) or load.is_loaded(fresh, name) then all[name] = true end
  end
  return all
end

---Reads the row again, dropping unsaved changes.
---@async
---@param options? { include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return rowan.Instance self
function Instance:reload(options)
  local model = self.Model
  check.keys(options, RELOAD, model.name .. ":reload", "QueryError")
  if self.isNewRecord then
    errors.raise("InstanceError", { message = model.name .. ":reload: the row is new; it was never stored" })
  end
  local finder = { where = key_of(self), paranoid = false }
  for name, value in next, options or {} do finder[name] = value end
  local fresh = read.one(model, finder)
  if not fresh then
    errors.raise("InstanceError", { message = model.name .. ":reload: the row is not in the database any more" })
  end
  for _, attr in ipairs(model.definition.list) do rawset(self, attr.name, rawget(fresh, attr.name)) end
  for name in next, model.associations do
    if fresh:isLoaded(name) then rawset(self, name, rawget(fresh, name)) end
  end
  local loaded = loaded_by(self, fresh)
  write.adopt_read(model, self)
  getmetatable(self).loaded = loaded
  return self
end

---A plain copy of the row and of what was loaded with it: no metatables, no cycles.
---@return table
function Instance:toJSON()
  return plain.copy(self)
end

---Whether both are the same stored row: one model, one primary key.
---@param other any
---@return boolean
function Instance:equals(other)
  local meta = type(other) == "table" and getmetatable(other)
  if not meta or meta.Model ~= self.Model then return false end
  for _, attr in ipairs(self.Model.definition.primary) do
    local value = rawget(self, attr.name)
    if value == nil or value == null or value ~= rawget(other, attr.name) then return false end
  end
  return #self.Model.definition.primary > 0
end

return Instance
