--- What a row can do: the methods behind every instance, found through its metatable. A row itself holds attributes and
--- loaded associations only; whether it is new is a matter of which metatable it has.

local built = require("rowan.model.built")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local increment = require("rowan.repo.increment")
local load = require("rowan.repo.load")
local omit = require("rowan.change.omit")
local read = require("rowan.repo.read")
local lifecycle = require("rowan.repo.lifecycle")
local rows = require("rowan.driver.rows")
local save = require("rowan.repo.save")
local values = require("rowan.model.values")
local write = require("rowan.repo.write")

---@class rowan.Instance
---@field Model rowan.Model
---@field isNewRecord boolean
local Instance = {}

local DESTROY = {
  force = true, silent = true, transaction = true, hooks = true, logging = true, benchmark = true, context = true,
}
local SAVE = {
  transaction = true, hooks = true, validate = true, skip = true, logging = true, benchmark = true, fields = true,
  context = true, silent = true, omitNull = true,
}
local VALIDATE = { skip = true, fields = true, hooks = true, context = true }
local INCREMENT = { by = true, transaction = true, logging = true, benchmark = true, context = true, silent = true }
local RELOAD = {
  transaction = true, logging = true, benchmark = true, context = true, include = true, attributes = true, lock = true,
  paranoid = true, hooks = true,
}

for name, method in pairs(values.methods) do Instance[name] = method end

-- `fields` looked at, and by the names that the row has its values under.
local function by_name(self, options)
  local context, names = self.Model.name .. ":save", {}
  check.type(options.fields, "table", context .. ": fields", "QueryError")
  if options.fields[1] == nil and next(options.fields) ~= nil then
    errors.raise("QueryError", { message = context .. ": fields wants a list of attributes" })
  end
  for i, name in ipairs(options.fields) do names[i] = values.attribute(self, name, context).name end
  if not self.Model.definition.custom then return options end
  local out = {}
  for key, value in next, options do out[key] = value end
  out.fields = names
  return out
end

---Writes what changed: INSERT for a new row, UPDATE of the changed columns otherwise; nothing when nothing changed.
---Raises ValidationError before anything is sent when a value does not fit, and leaves the row as it was on failure.
---
---    user.name = "Ann"
---    user:save()      -- UPDATE "users" SET "name" = $1, "updated_at" = $2 WHERE "id" = $3
---@async
---@param options? rowan.SaveOptions
---@return rowan.Row self
function Instance:save(options)
  local model = type(self) == "table" and self.Model or check.colon(self, "Model", "row:save")
  if options then
    check.keys(options, SAVE, model.name .. ":save", "QueryError")
    if options.omitNull then omit.row(model.definition, self) end
    if options.fields ~= nil then options = by_name(self, options) end
  end
  if self.isNewRecord and built.save(model, self, options) then return self end
  return save.row(model, self, options)
end

-- The attributes that were given, and those that their setters have set.
local function touched(self, given, before)
  local names = {}
  for _, entry in ipairs(self.Model.definition.entries) do
    local attr = self.Model.definition.by_name[entry.name]
    local is_set = given[attr.label] ~= nil or given[attr.name] ~= nil or rawget(self, attr.name) ~= before[attr.name]
    if is_set then names[#names + 1] = attr.name end
  end
  return names
end

-- Those of the given values that `fields` names, and virtual ones, which may set attributes that it names.
local function among(self, given, fields, context)
  local kept = {}
  check.type(fields, "table", context .. ": fields", "QueryError")
  for _, attr in ipairs(self.Model.definition.virtuals) do kept[attr.label] = given[attr.label] end
  for _, name in ipairs(fields) do
    local attr = values.attribute(self, name, context .. ": fields")
    kept[attr.label] = given[attr.label]
  end
  return kept
end

---Sets attributes (with `fields` those of them alone; the primary key and timestamps stay, as with set) and writes them, and
---only them. On failure the row is as it was.
---Raises InstanceError for a new row, QueryError for an unknown attribute, ValidationError as save.
---
---    user:update{ name = "Ben", age = 31 }    -- UPDATE "users" SET "name" = $1, "age" = $2 WHERE "id" = $3
---@async
---@param given table<string, any>
---@param options? rowan.SaveOptions
---@return rowan.Row self
function Instance:update(given, options)
  check.colon(self, "Model", "row:update")
  local context = self.Model.name .. ":update"
  check.type(given, "table", context)
  check.optional(options, "table", context .. ": the options", "QueryError")
  if self.isNewRecord then
    errors.raise("InstanceError", { message = context .. ": the row is new; save it first" })
  end
  for name in next, given do values.attribute(self, name, context) end
  if options and options.fields then given = among(self, given, options.fields, context) end
  local before = {}
  for name, value in next, self do before[name] = value end
  local ok, problem = pcall(function()
    self:set(given)
    local all = { fields = touched(self, given, before) }
    for key, value in next, options or {} do all[key] = value end
    self:save(all)
  end)
  if ok then return self end
  local def = self.Model.definition
  for _, list in ipairs({ def.list, def.virtuals }) do
    for _, attr in ipairs(list) do rawset(self, attr.name, before[attr.name]) end
  end
  error(problem, 0)
end

---Deletes the row. Raises InstanceError for a new row, OptimisticLockError for one that another write changed.
---
---    user:destroy()    -- DELETE FROM "users" WHERE "id" = $1
---@async
---@param options? rowan.DestroyOptions
---@return rowan.Row self
function Instance:destroy(options)
  check.colon(self, "Model", "row:destroy")
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
---Raises InstanceError for a new row, or on a model that is not paranoid.
---
---    draft:restore()    -- UPDATE "drafts" SET "deleted_at" = $1 WHERE "id" = $2
---@async
---@param _? rowan.RestoreRowOptions
---@return rowan.Row self
function Instance:restore(_)
  return not_paranoid(self, "restore")
end

---Whether the row was deleted softly; only for paranoid models. Raises InstanceError on a model that is not paranoid.
---
---    draft:isSoftDeleted()    --> true
---@return boolean
function Instance:isSoftDeleted()
  return not_paranoid(self, "isSoftDeleted")
end

---Adds to numbers where they are stored, so that two processes that do it at once both count; the row then shows the
---stored values. NULL stays NULL.
---Raises InstanceError for a new row, QueryError for what is no number, ValidationError for a sum that the column
---cannot hold.
---
---    user:increment("visits")                       -- UPDATE "users" SET "visits" = "visits" + $1, ... WHERE "id" = $3
---    user:increment({ "wins", "games" }, { by = 2 })
---    user:increment{ wins = 1, points = 3 }
---@async
---@param fields string|string[]|table<string, number>
---@param options? rowan.AddOptions
---@return rowan.Row self
function Instance:increment(fields, options)
  local context = self.Model.name .. ":increment"
  check.keys(options, INCREMENT, context, "QueryError")
  return increment.row(self, fields, options, 1, context)
end

---The opposite of increment. Raises as increment.
---
---    user:decrement("visits", { by = 2 })
---    -- UPDATE "users" SET "visits" = "visits" + $1 WHERE "id" = $2 RETURNING "visits"
---@async
---@param fields string|string[]|table<string, number>
---@param options? rowan.AddOptions
---@return rowan.Row self
function Instance:decrement(fields, options)
  local context = self.Model.name .. ":decrement"
  check.keys(options, INCREMENT, context, "QueryError")
  return increment.row(self, fields, options, -1, context)
end

-- That an association was looked for and not found is kept by the metatable, of which the row is about to get another.
local function loaded_by(row, fresh)
  local all = {}
  for name in next, row.Model.associations do
    if load.is_loaded(row, name) or load.is_loaded(fresh, name) then all[name] = true end
  end
  return all
end

-- The attributes that another reading of the row has; the others stay as they are, changed or not.
local function take_some(self, fresh)
  local names = {}
  for _, attr in ipairs(self.Model.definition.list) do
    if rows.has(fresh, attr.name) then names[#names + 1] = attr.name end
  end
  write.take(self, fresh, names)
  return self
end

-- What a row was read with; one that was made is read with what the default scope includes.
local function included_with(row)
  local include = getmetatable(row).include
  if include ~= nil then return include end
  local scope = row.Model:scopeOptions()
  return scope and scope.include
end

---Reads the row again (or with `attributes` some of it), dropping unsaved changes, with what it was read with: the same includes, if none are named.
---A row that was deleted softly is read too, but with `paranoid = true`.
---Raises InstanceError for a new row, and for one that is not there any more.
---
---    user:reload()    -- SELECT "id", "name", ... FROM "users" WHERE "id" = $1 ORDER BY "id" ASC LIMIT $2
---@async
---@param options? rowan.ReloadOptions
---@return rowan.Row self
function Instance:reload(options)
  check.colon(self, "Model", "row:reload")
  local model = self.Model
  check.keys(options, RELOAD, model.name .. ":reload", "QueryError")
  if self.isNewRecord then
    errors.raise("InstanceError", { message = model.name .. ":reload: the row is new; it was never stored" })
  end
  local finder = { where = self:where(), include = included_with(self), paranoid = false }
  for name, value in next, options or {} do finder[name] = value end
  local fresh = read.one(model, finder)
  if not fresh then
    errors.raise("InstanceError", { message = model.name .. ":reload: the row is not in the database any more" })
  end
  for name in next, model.associations do
    if fresh:isLoaded(name) then rawset(self, name, rawget(fresh, name)) end
  end
  if finder.attributes then return take_some(self, fresh) end
  for _, attr in ipairs(model.definition.list) do rawset(self, attr.name, rawget(fresh, attr.name)) end
  for _, attr in ipairs(model.definition.virtuals) do rawset(self, attr.name, nil) end
  local loaded = loaded_by(self, fresh)
  write.adopt_read(model, self)
  local meta = getmetatable(self)
  meta.loaded, meta.include = loaded, finder.include
  return self
end

---Checks the row as a save would: its types, its validators and those of its model, with the hooks around them. Raises one
---ValidationError with all that is wrong.
---
---    user:validate{ skip = { "age" } }
---@async
---@param options? rowan.ValidationOptions
---@return rowan.Row self
function Instance:validate(options)
  local model = self.Model
  check.keys(options, VALIDATE, model.name .. ":validate", "QueryError")
  lifecycle.validate_alone(model, self, options)
  return self
end

return Instance
