--- The methods that an association gives to the instances of its source: user:getPosts(), user:addPost(post). Each checks
--- its options and hands on to repo/.

local lazy = require("rowan.base.lazy")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local include = require("rowan.query.include")
local link = require("rowan.repo.link")
local lock = require("rowan.query.lock")
local merge = require("rowan.query.merge")
local null = require("rowan.base.null")
local siblings = require("rowan.repo.siblings")
local variants = require("rowan.model.variants")

local accessors = {}

local CALL = { "transaction", "hooks", "logging", "benchmark", "context", "schema", "schemaDelimiter" }

local function options_of(...)
  local set = check.set({ ... })
  for _, name in ipairs(CALL) do set[name] = true end
  return set
end

local function finder_options(...)
  return options_of("where", "attributes", "include", "order", "limit", "offset", "raw", "rejectOnEmpty",
    "associationLoading", "scope", "paranoid", ...)
end

local FINDER = finder_options("lock", "skipLocked", "noWait", "comment")
local LIST = finder_options("lock", "skipLocked", "noWait", "comment", "distinct", "group", "having")
local CONDITION = options_of("where", "scope", "paranoid")
local CREATE = options_of("include", "fields", "validate", "returning", "silent")

-- What each method of each kind may be told.
local OPTIONS = {
  belongsTo = { get = FINDER, set = options_of("save"), create = CREATE },
  hasOne = { get = FINDER, set = options_of("destroyPrevious"), create = CREATE },
  hasMany = {
    get = LIST, count = options_of("where", "scope", "paranoid", "include", "distinct", "col"), has = CONDITION,
    set = options_of("destroyPrevious"), add = options_of(), remove = options_of("destroy"), create = CREATE,
  },
  belongsToMany = {
    get = finder_options("through", "joinTableAttributes"),
    count = options_of("where", "through", "scope", "paranoid", "include"),
    has = options_of("where", "through", "scope", "paranoid"), set = options_of("through"), add = options_of("through"),
    remove = options_of(),
    create = options_of("include", "through", "fields", "validate", "returning", "silent"),
  },
}

local EFFECTS = {
  belongsTo = lazy(function() return require("rowan.repo.link_one").belongsTo end),
  hasOne = lazy(function() return require("rowan.repo.link_one").hasOne end),
  hasMany = lazy(function() return require("rowan.repo.link_many") end),
  belongsToMany = lazy(function() return require("rowan.repo.link_through") end),
}

-- Names of methods for one and for many do the same.
local SAME = { hasAll = "has", addMany = "add", removeMany = "remove" }
local READS_THROUGH = { get = true, count = true, has = true }

local function check_options(made, role, options, context)
  check.keys(options, OPTIONS[made.kind][role], context, "QueryError", made.target.definition.plugin_options)
  if options == nil then return end
  if options.skipLocked ~= nil or options.noWait ~= nil then lock.check(nil, options, context) end
  local said = options.through
  check.optional(said, "table", context .. ": through", "QueryError")
  if said and READS_THROUGH[role] then check.keys(said, include.THROUGH, context .. ": through", "QueryError") end
end

-- The options of a call that reads, with those of its target's scope. Through a junction the target is included, and
-- query/include knows scopes.
local function with_scope(made, options)
  local has_scope = made.variant or made.target.scoped or (options and options.scope ~= nil)
  if made.through or not has_scope then return options end
  local scope = merge.scope_of(made, options and options.scope)
  if options then
    options = link.with(options, {})
    options.scope = nil
  end
  return scope and merge.options(made.target, scope, options) or options
end

-- How a getter without options of its own loads (repo/siblings); nil for one that has some.
local function loading_mode(made, options, context)
  local mode = options and siblings.check(options.associationLoading, context)
  for key in next, options or {} do
    if key ~= "associationLoading" then return nil end
  end
  return mode or made.source.definition.options.associationLoading or made.source.db.options.associationLoading
    or "siblings"
end

-- The association as it is for a row, which may be of a variant, and toward the schema that the call names.
local function of_row(made, row, options)
  local model = row.Model
  if model == made.source and not (options and (options.schema ~= nil or options.schemaDelimiter ~= nil)) then
    return made, options
  end
  return variants.association(made, model, options)
end

local function getter(defined, context)
  local effect, attrs = EFFECTS[defined.kind].get, link.side(defined.source_keys or defined.keys, "source")
  return function(self, options)
    check_options(defined, "get", options, context)
    local made
    made, options = of_row(defined, self, options)
    local mode = loading_mode(made, options, context)
    -- Hooks are run for each search; one for all rows of a list would be another.
    if mode == "siblings" and made.target.definition.searched then mode = nil end
    if not mode then
      local finder = link.with(with_scope(made, options), {})
      finder.associationLoading = nil
      return effect(made, self, finder, context)
    end
    if not link.values(self, attrs, context) then return made.multiple and {} or nil end
    return siblings.get(made, self, mode)
  end
end

local function method(defined, role, name)
  local effect, context = EFFECTS[defined.kind][role], defined.source.name .. ":" .. name
  if role == "get" then return getter(defined, context) end
  if role == "count" then
    return function(self, options)
      check_options(defined, role, options, context)
      local made, call = of_row(defined, self, options)
      return effect(made, self, with_scope(made, call), context)
    end
  end
  return function(self, argument, options)
    check_options(defined, role, options, context)
    local made, call = of_row(defined, self, options)
    if role == "has" then call = with_scope(made, call) end
    if role == "create" and argument ~= nil and (type(argument) ~= "table" or argument == null) then
      errors.raise("QueryError", { message = context .. " wants a table of values, not " .. tostring(argument) })
    end
    return effect(made, self, argument, call, context)
  end
end

---Adds the methods of an association to its source's prototype. That no name is taken was checked when it was defined.
---@param made rowan.Association
function accessors.define(made)
  for role, name in pairs(made.accessors) do
    rawset(made.source.prototype, name, method(made, SAME[role] or role, name))
  end
end

return accessors
