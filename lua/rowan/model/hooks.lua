--- The methods by which hooks are added to a model or to a database: addHook, removeHook, hasHook, and one method for
--- each hook (User:beforeCreate(fn)). Mixed into both.

local hooks = require("rowan.change.hooks")

---@class rowan.Hooked
---@field _hooks rowan.HookRegistry
local Hooked = {}

---Adds a hook. On a database it works for all models, after their own hooks.
---
---    User:addHook("beforeCreate", "hash", function(user, options) user.hash = digest(user.password) end)
---@param name string "beforeCreate", "afterFind", ...
---@param listener_name string|function a name to remove it by, or the function
---@param fn? function
---@return fun() remove takes the hook away again
function Hooked:addHook(name, listener_name, fn)
  if fn == nil then listener_name, fn = nil, listener_name end
  return hooks.add(self._hooks, name, listener_name, fn)
end

---Removes a hook by its listener's name or its function.
---@param name string
---@param what string|function
---@return boolean removed whether there was one
function Hooked:removeHook(name, what)
  return hooks.remove(self._hooks, name, what)
end

---Whether there are hooks of a name, here or on the database.
---@param name string
---@return boolean
function Hooked:hasHook(name)
  return hooks.has(self._hooks, name)
end
Hooked.hasHooks = Hooked.hasHook

---Runs the hooks of a name, first those of the model, then those of the database.
---@async
---@param name string
---@param ... any
function Hooked:runHooks(name, ...)
  hooks.check_name(self._hooks, name)
  hooks.run(self._hooks, name, ...)
end

for _, name in ipairs(hooks.NAMES) do
  Hooked[name] = function(self, listener_name, fn) return self:addHook(name, listener_name, fn) end
end

return Hooked
