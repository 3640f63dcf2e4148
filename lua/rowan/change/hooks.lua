--- Hooks: functions that run around what a model does, by name, in the order in which they were added: the model's own
--- first, then those of the database. Registries are data; who runs which hook when is said in repo/lifecycle.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local hooks = {}

-- Around what rows and calls of a model do, and which of them may be added to one model.
local OF_MODELS = check.set({
  "beforeValidate", "afterValidate", "validationFailed", "beforeCreate", "afterCreate", "beforeUpdate", "afterUpdate",
  "beforeSave", "afterSave", "beforeDestroy", "afterDestroy", "beforeRestore", "afterRestore", "beforeUpsert",
  "afterUpsert", "beforeBulkCreate", "afterBulkCreate", "beforeBulkUpdate", "afterBulkUpdate", "beforeBulkDestroy",
  "afterBulkDestroy", "beforeBulkRestore", "afterBulkRestore", "beforeFind", "beforeFindAfterExpandIncludeAll",
  "beforeFindAfterOptions", "afterFind", "beforeCount", "beforeSync", "afterSync", "beforeAssociate", "afterAssociate",
  "beforeDefinitionRefresh", "afterDefinitionRefresh",
})
local OF_DATABASES = check.set({
  "beforeDefine", "afterDefine", "beforeBulkSync", "afterBulkSync", "beforeQuery", "afterQuery", "beforePoolAcquire",
  "afterPoolAcquire", "beforeConnect", "afterConnect", "beforeDisconnect", "afterDisconnect",
})
-- Those that repo/connections runs.
hooks.OF_CONNECTIONS = check.set({
  "beforePoolAcquire", "afterPoolAcquire", "beforeConnect", "afterConnect", "beforeDisconnect", "afterDisconnect",
})
-- Around rowan.connect, before there is a database.
local ROWAN = { "beforeInit", "afterInit" }
local OF_ROWAN = check.set(ROWAN)

local SEARCHES = check.set({
  "beforeFind", "beforeFindAfterExpandIncludeAll", "beforeFindAfterOptions", "afterFind", "beforeCount",
})
-- Not around calls that read or write rows.
local ONCE = check.set({
  "beforeSync", "afterSync", "beforeAssociate", "afterAssociate", "beforeDefinitionRefresh", "afterDefinitionRefresh",
})

local REFUSED = {
  beforeDestroyMany = "use beforeBulkDestroy", afterDestroyMany = "use afterBulkDestroy",
}

-- All of them; those of models also work on a database, for all of its models.
local KNOWN = {}
for name in pairs(OF_MODELS) do KNOWN[#KNOWN + 1] = name end
for name in pairs(OF_DATABASES) do KNOWN[#KNOWN + 1] = name end
table.sort(KNOWN)

hooks.OF_MODELS, hooks.OF_DATABASES = OF_MODELS, OF_DATABASES

---@class rowan.Listener
---@field fn function
---@field name? string to remove it by

---@class rowan.HookRegistry
---@field subject string for messages
---@field own table<string, rowan.Listener[]>
---@field definition? table whose `hooks` it keeps: name -> functions, nil while there are none
---@field parent? rowan.HookRegistry the database's
---@field members table<rowan.HookRegistry, boolean> of a database: its models'
---@field static? boolean rowan's own
---@field notify? fun() of a database: told when hooks came or went
---@field queries? boolean of a database: there are hooks around each statement

local function fail(message)
  errors.raise("UsageError", { message = message })
end

---A registry of a model, below that of its database, or one of a database.
---@param subject string "User", for messages
---@param definition? table nil for a database
---@param parent? rowan.HookRegistry
---@return rowan.HookRegistry
function hooks.registry(subject, definition, parent)
  local made = {
    subject = subject, own = {}, definition = definition, parent = parent,
    members = setmetatable({}, { __mode = "k" }),
  }
  if parent then parent.members[made] = true end
  hooks.settle(made)
  return made
end

local function append(list, listeners)
  for _, listener in ipairs(listeners or {}) do list[#list + 1] = listener.fn end
end

---The registry of the hooks around rowan.connect.
---@return rowan.HookRegistry
function hooks.static()
  return { subject = "rowan", own = {}, static = true, members = {} }
end

---Works out which functions run under which name, for the registry's model or for all models below it.
---@param registry rowan.HookRegistry
function hooks.settle(registry)
  for member in pairs(registry.members) do hooks.settle(member) end
  if registry.static then return end
  if not registry.definition then
    registry.queries = hooks.has(registry, "beforeQuery") or hooks.has(registry, "afterQuery") or nil
    if registry.notify then registry.notify() end
    return
  end
  local effective = nil
  for _, name in ipairs(KNOWN) do
    local list = {}
    append(list, registry.own[name])
    if OF_MODELS[name] then append(list, registry.parent and registry.parent.own[name]) end
    if list[1] then
      effective = effective or {}
      effective[name] = list
    end
  end
  registry.definition.hooks = effective
  hooks.watch(registry.definition)
end

---Notes whether writing a row of a definition, or searching, takes more than a statement, so that callers ask one field.
---@param def table
function hooks.watch(def)
  def.watched = def.validates ~= nil or def.writes ~= nil
  def.searched = def.reads ~= nil
  for name in pairs(def.hooks or {}) do
    if SEARCHES[name] then
      def.searched = true
    elseif not ONCE[name] then
      def.watched = true
    end
  end
end

---Refuses what is no hook, or none of this registry.
---@param registry rowan.HookRegistry
---@param name any
function hooks.check_name(registry, name)
  if registry.static then
    if OF_ROWAN[name] then return end
    local known = OF_MODELS[name] or OF_DATABASES[name]
    fail("rowan.hooks: " .. (known and ("the hook %s is one of a database"):format(name)
      or suggest.unknown("there is no hook", tostring(name), ROWAN)))
  end
  if OF_MODELS[name] or (OF_DATABASES[name] and not registry.definition) then return end
  if REFUSED[name] then fail(("%s: there is no hook %s: %s"):format(registry.subject, name, REFUSED[name])) end
  if OF_ROWAN[name] then fail(("%s: the hook %s is one of rowan.hooks"):format(registry.subject, name)) end
  if OF_DATABASES[name] then fail(("%s: the hook %s is one of the database"):format(registry.subject, name)) end
  fail(registry.subject .. ": " .. suggest.unknown("there is no hook", tostring(name), KNOWN))
end

---Adds a listener; the same listener name twice is refused.
---@param registry rowan.HookRegistry
---@param name string
---@param listener_name? string
---@param fn function
---@return fun() remove takes it away again
function hooks.add(registry, name, listener_name, fn)
  hooks.check_name(registry, name)
  if not check.callable(fn) then check.type(fn, "function", ("%s: the hook %s"):format(registry.subject, name)) end
  check.optional(listener_name, "string", ("%s: the name of the listener of %s"):format(registry.subject, name))
  local list = registry.own[name] or {}
  for _, known in ipairs(list) do
    if listener_name ~= nil and known.name == listener_name then
      fail(("%s: %s has a listener %q already"):format(registry.subject, name, listener_name))
    end
  end
  registry.own[name] = list
  local listener = { fn = fn, name = listener_name }
  list[#list + 1] = listener
  hooks.settle(registry)
  return function() hooks.remove(registry, name, listener) end
end

local NAMED = check.set({ "name", "callback" })

-- A function, or { name =, callback = }.
local function add_one(registry, name, value)
  if type(value) ~= "table" or check.callable(value) then return hooks.add(registry, name, nil, value) end
  check.keys(value, NAMED, ("%s: a listener of %s"):format(registry.subject, name), "UsageError")
  hooks.add(registry, name, value.name, value.callback)
end

---Adds what an option `hooks` holds by name: a function, { name =, callback = }, or a list of these.
---@param registry rowan.HookRegistry
---@param given table<string, function|table>
function hooks.add_all(registry, given)
  check.type(given, "table", registry.subject .. ": the hooks", "UsageError")
  for _, name in ipairs(check.sorted_keys(given)) do
    hooks.check_name(registry, name)
    local value = given[name]
    local one = type(value) ~= "table" or check.callable(value) or value.callback ~= nil
    for _, item in ipairs(one and { value } or value) do add_one(registry, name, item) end
  end
end

---Removes a listener by its name or its function.
---@param registry rowan.HookRegistry
---@param name string
---@param what string|function|rowan.Listener
---@return boolean removed
function hooks.remove(registry, name, what)
  hooks.check_name(registry, name)
  local kept, removed = {}, false
  for _, listener in ipairs(registry.own[name] or {}) do
    if listener == what or listener.fn == what or (listener.name ~= nil and listener.name == what) then
      removed = true
    else
      kept[#kept + 1] = listener
    end
  end
  registry.own[name] = kept
  hooks.settle(registry)
  return removed
end

---Removes all listeners, or those of one name.
---@param registry rowan.HookRegistry
---@param name? string
function hooks.clear(registry, name)
  if name then
    hooks.check_name(registry, name)
    registry.own[name] = nil
  else
    registry.own = {}
  end
  hooks.settle(registry)
end

---Whether there are listeners at all in a registry of its own.
---@param registry rowan.HookRegistry
---@return boolean
function hooks.any(registry)
  for _, list in pairs(registry.own) do
    if list[1] then return true end
  end
  return false
end

---Whether there are listeners under a name, in the registry itself or in its database's.
---@param registry rowan.HookRegistry
---@param name string
---@return boolean
function hooks.has(registry, name)
  hooks.check_name(registry, name)
  local own, above = registry.own[name], registry.parent and OF_MODELS[name] and registry.parent.own[name]
  return (own ~= nil and own[1] ~= nil) or (above and above[1] ~= nil) or false
end

---Runs the listeners of a name, one after the other; the first error ends it.
---@async
---@param registry rowan.HookRegistry
---@param name string
---@param ... any what they get
function hooks.run(registry, name, ...)
  for _, at in ipairs({ registry, registry.parent }) do
    local list = {}
    append(list, at.own[name])
    for i = 1, #list do list[i](...) end
  end
end

return hooks
