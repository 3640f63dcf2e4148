--- The methods by which hooks are added to a model or to a database: addHook, removeHook, hasHook, and one method for
--- each hook that can be added there (User:beforeCreate(fn)). Mixed into both.

local check = require("rowan.base.check")
local hooks = require("rowan.change.hooks")

---@class rowan.Hooked
---@field _hooks rowan.HookRegistry
local Hooked = {}

---Adds a hook. On a database it works for all models, after their own hooks.
---Raises UsageError for an unknown hook, with the nearest.
---
---    User:addHook("beforeCreate", "hash", function(user, options) user.hash = digest(user.password) end)
---@param name string "beforeCreate", "afterFind", ...
---@param listener_name string|function a name to remove it by, or the function
---@param fn? function what runs, with the arguments that docs/guide/hooks.md names
---@return fun() remove takes the hook away again
function Hooked:addHook(name, listener_name, fn)
  check.colon(self, "_hooks", "Model:addHook")
  if fn == nil then listener_name, fn = nil, listener_name end
  return hooks.add(self._hooks, name, listener_name, fn)
end

---Removes a hook by its listener's name or its function. Raises UsageError for an unknown hook.
---
---    User:removeHook("beforeCreate", "hash")    --> true
---@param name string of the hook
---@param what string|function the listener's name or its function
---@return boolean removed whether there was one
function Hooked:removeHook(name, what)
  check.colon(self, "_hooks", "Model:removeHook")
  return hooks.remove(self._hooks, name, what)
end

---Whether there are hooks of a name, here or on the database. Raises UsageError for an unknown hook.
---
---    User:hasHook("beforeCreate")    --> true
---@param name string of the hook
---@return boolean
function Hooked:hasHook(name)
  check.colon(self, "_hooks", "Model:hasHook")
  return hooks.has(self._hooks, name)
end
Hooked.hasHooks = Hooked.hasHook

---Runs the hooks of a name, first those of the model, then those of the database.
---Raises UsageError for an unknown hook, and what its functions raise.
---
---    User:runHooks("beforeCreate", user, {})
---@async
---@param name string of the hook
---@param ... any what its functions get
function Hooked:runHooks(name, ...)
  check.colon(self, "_hooks", "Model:runHooks")
  hooks.check_name(self._hooks, name)
  hooks.run(self._hooks, name, ...)
end

---The hooks of a model or a database as an object, `User.hooks`.
---@class rowan.Listeners
---@field private registry rowan.HookRegistry
local Listeners = {}
Listeners.__index = Listeners

---Adds a hook. Raises UsageError for an unknown hook.
---
---    User.hooks:addListener("beforeCreate", function(user) user.name = user.name:lower() end, "lower")
---@param name string of the hook
---@param fn function what runs
---@param listener_name? string to remove it by
---@return fun() remove
function Listeners:addListener(name, fn, listener_name)
  return hooks.add(self.registry, name, listener_name, fn)
end

---Adds hooks by their names: a function each, { name =, callback = }, or a list of these. Raises UsageError for an unknown hook.
---
---    User.hooks:addListeners{ beforeCreate = { stamp, { name = "hash", callback = hash } } }
---@param given table<string, function|table>
function Listeners:addListeners(given)
  hooks.add_all(self.registry, given)
end

---Removes a hook. Raises UsageError for an unknown hook.
---
---    User.hooks:removeListener("beforeCreate", "lower")    --> true
---@param name string of the hook
---@param what string|function the listener's name or its function
---@return boolean removed
function Listeners:removeListener(name, what)
  return hooks.remove(self.registry, name, what)
end

---Removes all hooks that were added here, or those of one name. Raises UsageError for an unknown hook.
---
---    User.hooks:removeAllListeners("beforeCreate")
---@param name? string of the hook
function Listeners:removeAllListeners(name)
  hooks.clear(self.registry, name)
end

---Whether there are hooks of a name. Raises UsageError for an unknown hook.
---
---    User.hooks:hasListeners("beforeCreate")    --> true
---@param name string of the hook
---@return boolean
function Listeners:hasListeners(name)
  return hooks.has(self.registry, name)
end

---A registry as an object for users.
---@param registry rowan.HookRegistry
---@return rowan.Listeners
local function listeners(registry)
  return setmetatable({ registry = registry }, Listeners)
end

local function with_methods(names, methods)
  for name in pairs(names) do
    methods[name] = function(self, listener_name, fn)
      check.colon(self, "_hooks", "Model:" .. name)
      return self:addHook(name, listener_name, fn)
    end
  end
  return methods
end

with_methods(hooks.OF_MODELS, Hooked)
local of_databases = with_methods(hooks.OF_DATABASES, {})
for name, method in pairs(Hooked) do of_databases[name] = method end

return { of_models = Hooked, of_databases = of_databases, listeners = listeners }
