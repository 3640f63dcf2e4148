--- Scopes: finder options that a model carries under a name, or always. A scoped model is a variant: another table with
--- the same definition, whose finders and bulk writes merge the scope's options (query/merge) with those of the call. A
--- model without scopes knows nothing of all this.

local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local merge = require("rowan.query.merge")
local null = require("rowan.base.null")
local query_options = require("rowan.query.options")
local suggest = require("rowan.base.suggest")
local write_plan = require("rowan.query.write")

---@class rowan.Model
---@field baseModel? rowan.Model of a variant: the model itself
---@field scoped? table|function|false the options of its scope; nil for a model without one
local Scopes = {}

local scopes = { methods = Scopes }

-- The methods that take a scope: the place of their options, and which options of a scope they can use (nil for all).
local WHERE, FOUND = check.set({ "where" }), check.set({ "where" })
local COUNTED = check.set({ "where", "include" })
local BULK = check.set({ "update", "destroy", "increment", "decrement" })
local METHODS = {
  findAll = { 1 }, findOne = { 1 }, findByPk = { 2 }, findAndCountAll = { 1 }, each = { 1 }, stream = { 1 },
  paginate = { 1 }, explain = { 1 }, select = { 1 },
  count = { 1, COUNTED }, exists = { 1, COUNTED }, aggregate = { 3, COUNTED }, sum = { 2, COUNTED },
  min = { 2, COUNTED }, max = { 2, COUNTED }, pluck = { 2, COUNTED }, update = { 2, WHERE }, destroy = { 1, WHERE },
  increment = { 2, WHERE }, decrement = { 2, WHERE },
  findOrCreate = { 1, FOUND }, findCreateFind = { 1, FOUND }, findOrBuild = { 1, FOUND },
}

local function fail(model, rule)
  errors.raise("ScopeError", { message = ("%s: %s"):format(model.name, rule), model = model.name })
end

-- The model with the scope that it always has.
local function base_of(model)
  return rawget(model, "_unscoped") or model
end

-- Calls that use some options of a scope alone would pass over what is not known, and mean more rows than the scope.
local function known_options(model, scope)
  check.keys(scope, query_options.finder, model.name .. ": a scope", "QueryError", model.definition.plugin_options)
  return scope
end

local function evaluate(model, scope, ...)
  local made = type(scope) == "function"
  if made then scope = scope(...) end
  if scope ~= nil and (type(scope) ~= "table" or expression.is(scope)) then
    fail(model, "a scope must be a table of options, or a function that returns one")
  end
  return made and known_options(model, scope) or scope or nil
end

local function named(model, name, ...)
  local options = model.definition.options
  if name == "defaultScope" then return evaluate(model, options.defaultScope or {}) end
  local scope = (options.scopes or {})[name]
  if scope == nil then
    local known = check.sorted_keys(options.scopes or {})
    known[#known + 1] = "defaultScope"
    fail(model, suggest.unknown("there is no scope", tostring(name), known))
  end
  if select("#", ...) > 0 and type(scope) ~= "function" then
    fail(model, ('the scope "%s" is no function, so it takes no arguments'):format(name))
  end
  return evaluate(model, scope, ...)
end

local unpack = table.unpack or unpack

local function arguments_after_first(list)
  local last = 1
  for key in next, list do
    if type(key) == "number" and key > last then last = key end
  end
  return unpack(list, 2, last)
end

local function add(model, merged, scope)
  if scope == nil then return merged end
  return merge.options(model, merged, scope)
end

-- One argument of scope(): a name, { "name", argument ... }, { method = ... }, options, or a list of names.
local function read(model, merged, item)
  if item == nil or item == null or item == false then return merged end
  if type(item) == "string" then return add(model, merged, named(model, item)) end
  if type(item) ~= "table" or expression.is(item) then
    fail(model, "a scope is asked for by its name, by { name, argument ... }, or as a table of options")
  end
  if item.method ~= nil then
    local call = type(item.method) == "table" and item.method or { item.method }
    return add(model, merged, named(model, call[1], arguments_after_first(call)))
  end
  if item[1] == nil then return add(model, merged, known_options(model, item)) end
  local scope = type(item[1]) == "string" and (model.definition.options.scopes or {})[item[1]]
  if type(scope) == "function" then return add(model, merged, named(model, item[1], arguments_after_first(item))) end
  for _, one in ipairs(item) do merged = read(model, merged, one) end
  return merged
end

-- The options of a call with those of the model's scope.
local function scoped_options(model, given, usable)
  local scope = model:scopeOptions()
  if scope and usable then
    local part = {}
    for key in next, usable do part[key] = scope[key] end
    -- What turns filters off: paranoid = false.
    for key in next, usable ~= FOUND and model.definition.plugin_options or {} do part[key] = scope[key] end
    scope = part
  end
  if scope == nil then return given end
  if given ~= nil and (type(given) ~= "table" or expression.is(given)) then return given end
  return merge.options(base_of(model), scope, given)
end

---Makes a variant of what is its own: all else is read from another model, and what is put into it is put there.
---@param own table
---@param base rowan.Model
---@return rowan.Model own
function scopes.behind(own, base)
  local meta = getmetatable(base)
  return setmetatable(own, {
    __index = base, __newindex = function(_, key, value) base[key] = value end, __name = meta.__name,
    __tostring = meta.__tostring,
  })
end

local function class_of(model)
  return getmetatable(elsewhere.initial(model))
end

-- A bulk write has to say by itself which rows it means: a condition that came to nothing (`{ id = nil }`) is not one because
-- there is a scope. A scope that was asked for is a condition where the call has none at all.
local function says_which(model, given)
  local where = type(given) == "table" and given.where or nil
  if where == nil then return model.scoped ~= model.definition.options.defaultScope end
  return where == everything or write_plan.conditions(model.definition, where) > 0
end

-- The model as its own methods see it when they run for a scoped one: without its scope.
local function bare(base)
  local found = rawget(base, "_bare")
  if found then return found end
  local class = class_of(base)
  found = { definition = base.definition, prototype = base.prototype, baseModel = elsewhere.initial(base),
    _unscoped = base, scoped = false }
  for name in next, METHODS do found[name] = class[name] end
  rawset(base, "_bare", found)
  return scopes.behind(found, base)
end

-- A method that merges the scope of the model it is called on with the options at `place`.
local function merging(method, place, usable, is_bulk)
  return function(self, ...)
    local n, arguments = math.max(select("#", ...), place), { ... }
    local given = arguments[place]
    if not is_bulk or says_which(self, given) then arguments[place] = scoped_options(self, given, usable) end
    return method(bare(base_of(self)), unpack(arguments, 1, n))
  end
end

local function give_methods(model, class)
  for name, how in next, METHODS do
    if class[name] then rawset(model, name, merging(class[name], how[1], how[2], BULK[name])) end
  end
end

---A model with another scope; the same one each time for none.
---@param base rowan.Model without a scope of a call's
---@param scope table|function|false
---@return rowan.OpenModel
function scopes.variant(base, scope)
  if not scope then return bare(base) end
  local made = { definition = base.definition, prototype = base.prototype, baseModel = elsewhere.initial(base),
    _unscoped = base, scoped = scope }
  give_methods(made, class_of(base))
  return scopes.behind(made, base)
end
local variant = scopes.variant

---The options that the scope of the model stands for, or with an argument those of the scopes that it names (as for
---scope); nil for none. Raises ScopeError for an unknown scope.
---
---    User:scopeOptions("active")    --> { where = { active = true } }
---@param what? any false for none
---@return table?
function Scopes:scopeOptions(what)
  if what == nil then
    if not self.scoped then return nil end
    return evaluate(self, self.scoped)
  end
  local merged = read(base_of(self), {}, what)
  return next(merged) ~= nil and merged or nil
end

---The model with other scopes: each a name, { name, argument ... }, { method = { name, argument ... } } or a table of
---options. The default scope is among them only where it is named ("defaultScope"); without any, the model is unscoped.
---The model itself is not changed.
---Raises ScopeError for an unknown one, QueryError when the call and its scopes cannot be joined.
---
---    User:scope("active", { "olderThan", 30 }):findAll()
---    -- SELECT ... FROM "users" WHERE "active" = $1 AND "age" > $2
---@param ... any scopes
---@return rowan.OpenModel
function Scopes:scope(...)
  check.colon(self, "definition", "Model:scope")
  local base = base_of(self)
  local merged = {}
  for i = 1, select("#", ...) do merged = read(base, merged, (select(i, ...))) end
  return variant(base, next(merged) ~= nil and merged or false)
end
Scopes.withScope = Scopes.scope

---The model without any scope, the default one included.
---
---    User:unscoped():count()    -- SELECT COUNT(*) AS "count" FROM "users"
---@return rowan.OpenModel
function Scopes:unscoped()
  return bare(base_of(self))
end
Scopes.withoutScope = Scopes.unscoped

---The model with the scope that it always has, in the schema that it is in.
---
---    User:unscoped():withInitialScope() == User    --> true
---@return rowan.OpenModel
function Scopes:withInitialScope()
  return base_of(self)
end

local function check_scope(model, name, scope)
  local kind = type(scope)
  local context = ('the model %s: the scope "%s"'):format(model.name, tostring(name))
  if kind ~= "function" and (kind ~= "table" or expression.is(scope)) then
    errors.raise("DefinitionError", {
      message = context .. " must be a table of options, or a function that returns one",
    })
  end
  if kind == "table" then
    check.keys(scope, query_options.finder, context, "DefinitionError", model.definition.plugin_options)
  end
end

---Adds a scope. One that is there already is replaced with `override = true` only.
---Raises ScopeError for one that is there already, for what is no scope, or on a variant.
---
---    User:addScope("adults", { where = { age = { [Op.gte] = 18 } } })
---@param name string "defaultScope" for the one that always applies
---@param scope table|function finder options, or what gives them
---@param options? { override?: boolean }
function Scopes:addScope(name, scope, options)
  if rawget(self, "baseModel") then fail(self, "addScope wants the model itself, not a variant") end
  check.keys(options, { override = true }, self.name .. ":addScope", "ScopeError")
  check.type(name, "string", self.name .. ":addScope: the name", "ScopeError")
  check.type(scope, "table|function", self.name .. ":addScope: the scope", "ScopeError")
  check_scope(self, name, scope)
  local known = self.definition.options
  local before = (known.scopes or {})[name]
  if name == "defaultScope" then before = rawget(self, "scoped") end
  if before and not (options and options.override) then
    fail(self, ('there is a scope "%s" already; override = true replaces it'):format(name))
  end
  if name == "defaultScope" then
    known.defaultScope = scope
  else
    known.scopes = known.scopes or {}
    known.scopes[name] = scope
  end
  scopes.install(self)
end

---Gives a model that was just defined its default scope.
---@param model rowan.Model
function scopes.install(model)
  local options = model.definition.options
  for _, name in ipairs(check.sorted_keys(options.scopes or {})) do check_scope(model, name, options.scopes[name]) end
  local scope = options.defaultScope
  if scope ~= nil then check_scope(model, "defaultScope", scope) end
  local none = scope == nil or (type(scope) == "table" and next(scope) == nil)
  if none and not rawget(model, "scoped") then return end
  rawset(model, "scoped", scope)
  give_methods(model, getmetatable(model))
end

return scopes
