--- Plugins: features of models outside of the core, on its public seams. Which ones a model has, and what each adds to it.
--- Called by model/define; rowan.plugin and db:plugin make them known.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local hooks = require("rowan.change.hooks")
local suggest = require("rowan.base.suggest")

local plugin = {}

---@class rowan.Plugin
---@field name string
---@field options? string[] keys of its own options: plugins = { { slug, from = "title" } }
---@field enabled? fun(model_options: table): boolean a registered plugin that models get by their options alone
---@field define? fun(draft: rowan.Draft, options: table) adds attributes and filters before the definition is assembled
---@field apply? fun(model: rowan.Model, options: table) after the model was made
---@field class? table<string, function> methods of the model
---@field instance? table<string, function> methods of its rows
---@field hooks? table<string, function|function[]>
---@field read? fun(next: (fun(reading?: rowan.Reading): ...), reading: rowan.Reading, options: table): ...
---@field write? table<string, fun(next: (fun(change?: rowan.Change): ...), change: rowan.Change, options: table): ...> by kind

local PARTS = {
  name = "string", options = "table", enabled = "function", define = "function", apply = "function", class = "table",
  instance = "table", hooks = "table", read = "function", write = "table",
}
local KINDS = check.set({ "insert", "update", "destroy", "bulkInsert", "bulkUpdate", "bulkDestroy" })

local registered, order = {}, {}

local function check_plugin(given, context)
  check.type(given, "table", context, "DefinitionError")
  check.keys(given, PARTS, context, "DefinitionError")
  check.type(given.name, "string", context .. ": name", "DefinitionError")
  for key, kind in pairs(PARTS) do check.optional(given[key], kind, context .. ": " .. key, "DefinitionError") end
  check.keys(given.write, KINDS, context .. ": write", "DefinitionError")
  for kind, wrap in pairs(given.write or {}) do
    check.type(wrap, "function", context .. ": write." .. kind, "DefinitionError")
  end
end

---Makes a plugin known by a name, so that models can name it.
---@param name string
---@param given rowan.Plugin
function plugin.register(name, given)
  check.type(name, "string", "rowan.plugin: the name", "DefinitionError")
  check_plugin(given, ("the plugin %q"):format(name))
  if not registered[name] then order[#order + 1] = name end
  registered[name] = given
end

local function find(what, context)
  if type(what) == "table" then
    check_plugin(what, context .. ": plugins")
    return what
  end
  if registered[what] then return registered[what] end
  errors.raise("DefinitionError", {
    message = context .. ": " .. suggest.unknown("there is no plugin", tostring(what), order),
  })
end

---One entry of an option `plugins`: a plugin or its name, or { that, option = ... }.
---@param item any
---@param context string
---@return { plugin: rowan.Plugin, options: table }
function plugin.read(item, context)
  if type(item) ~= "table" or item[1] == nil then return { plugin = find(item, context), options = {} } end
  local made, options = find(item[1], context), {}
  for key, value in pairs(item) do
    if key ~= 1 then options[key] = value end
  end
  check.keys(options, check.set(made.options or {}), ("%s: the plugin %q"):format(context, made.name),
    "DefinitionError")
  return { plugin = made, options = options }
end

---The plugins of a definition whose options are read: those that its options ask for, those of the database, its own.
---@param def table
---@param of_database? { plugin: rowan.Plugin, options: table }[]
---@return { plugin: rowan.Plugin, options: table }[]
function plugin.of(def, of_database)
  local list, at = {}, {}
  local function add(used)
    -- The one said last has the options.
    at[used.plugin] = at[used.plugin] or #list + 1
    list[at[used.plugin]] = used
  end
  for _, name in ipairs(order) do
    local one = registered[name]
    if one.enabled and one.enabled(def.options) then add({ plugin = one, options = {}, by_options = true }) end
  end
  for _, used in ipairs(of_database or {}) do add(used) end
  for _, item in ipairs(def.options.plugins or {}) do add(plugin.read(item, "the model " .. def.name)) end
  return list
end

local function add_methods(target, methods, def, used)
  for _, name in ipairs(check.sorted_keys(methods or {})) do
    if def.by_name[name] then
      errors.raise("DefinitionError", {
        message = ('the model %s: the plugin %q has a method "%s", which is the name of an attribute')
          :format(def.name, used.plugin.name, name),
      })
    end
    rawset(target, name, methods[name])
  end
end

local function bound(fn, options)
  return function(next_one, subject) return fn(next_one, subject, options) end
end

local function add_wraps(def, used)
  for _, kind in ipairs(check.sorted_keys(used.plugin.write or {})) do
    def.writes = def.writes or {}
    def.writes[kind] = def.writes[kind] or {}
    table.insert(def.writes[kind], bound(used.plugin.write[kind], used.options))
  end
  if used.plugin.read then
    def.reads = def.reads or {}
    table.insert(def.reads, bound(used.plugin.read, used.options))
  end
end

---Adds what the plugins of a definition bring to its model.
---@param model rowan.Model
---@param list { plugin: rowan.Plugin, options: table }[]
function plugin.apply(model, list)
  local def = model.definition
  for _, used in ipairs(list) do
    add_methods(model, used.plugin.class, def, used)
    add_methods(model.prototype, used.plugin.instance, def, used)
    if not used.by_options then add_wraps(def, used) end
    if used.plugin.hooks then hooks.add_all(model._hooks, used.plugin.hooks) end
  end
  -- Inside of the others, which see what was asked for: a destroy, and not the UPDATE that becomes of it.
  for _, used in ipairs(list) do
    if used.by_options then add_wraps(def, used) end
  end
  for _, used in ipairs(list) do
    if used.plugin.apply then used.plugin.apply(model, used.options) end
  end
end

return plugin
