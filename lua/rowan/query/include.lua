--- `include`: which associations are loaded with the rows. The option is normalised into entries, in its own order; each
--- becomes a child of the query. How a child is loaded is decided here too: a pure function of association and options.

local association = require("rowan.association")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")

local include = {}

local OPTIONS = check.set({
  "model", "association", "as", "attributes", "where", "on", "or", "required", "right", "separate", "strategy", "order",
  "limit", "offset", "through", "include", "all", "nested", "paranoid",
})
local THROUGH = check.set({ "attributes", "where", "as", "paranoid" })

---@class rowan.IncludeEntry
---@field association rowan.Association
---@field options table its own options; `order` may hold entries that the parent's order passed on
---@field required boolean parents without a match are left out
---@field joined boolean loaded by the parents' statement
---@field joinable boolean a to-many that the parents' statement may join; query/level decides
---@field right boolean its rows without a parent come too

local function fail(model, rule)
  errors.raise("EagerLoadingError", { message = "include: " .. model.name .. ": " .. rule })
end

local function is_model(value)
  return type(value) == "table" and rawget(value, "definition") ~= nil
end

local function resolve(model, what)
  local found, problem = association.find(model, what)
  if not found then fail(model, (problem:gsub("^" .. model.name .. " ", ""))) end
  return found
end

local NO_OPTIONS = {}

local function resolve_table(model, item)
  local what = item.association or item.as or item.model
  local found = what ~= nil and resolve(model, what)
  check.keys(item, OPTIONS, "include of " .. model.name, "EagerLoadingError",
    found and found.target.definition.plugin_options)
  if not found then fail(model, "an entry needs one of as, model and association") end
  if item.model and item.model.definition ~= found.target.definition then
    fail(model, ("the association %q leads to %s, not to %s"):format(found.as, found.target.name, item.model.name))
  end
  return found, item
end

-- A to-one association whose target can be matched at most once, so that joining it never multiplies the parents.
local function matches_once(made)
  if made.multiple then return false end
  if made.kind == "belongsTo" then return true end
  local def, keys = made.target.definition, made.keys
  if #keys ~= 1 then return false end
  local attr = keys[1].target
  if #def.primary == 1 and def.primary[1] == attr then return true end
  for _, unique in ipairs(def.uniques) do
    if #unique.attrs == 1 and unique.attrs[1] == attr then return true end
  end
  return false
end

-- Whether the parents' statement joins the association, and whether it may: a join of a to-many repeats the parents, which
-- not every statement can bear.
local function joining(model, made, options)
  local strategy = options.strategy
  if options.separate then strategy = strategy or "select" end
  if strategy ~= nil and strategy ~= "join" and strategy ~= "select" then
    fail(model, ("strategy of %q must be \"join\" or \"select\""):format(made.as))
  end
  if strategy == "select" then return false, false end
  if options.limit or options.offset or options.on or options["or"] then return false, false end
  if made.multiple then return false, strategy == "join" or options.right == true end
  return options.order == nil and matches_once(made), false
end

local function check_right(model, made, options, joined, joinable)
  if options.right ~= nil and type(options.right) ~= "boolean" then
    fail(model, ("right of %q must be true or false"):format(made.as))
  end
  if not options.right or options.required or joined or joinable then return end
  local because = (options.separate or options.strategy == "select") and "of its strategy"
    or "of its on, or, order, limit or offset, or because it may have several rows"
  fail(model, ("%q cannot have right: its rows cannot be joined, because %s"):format(made.as, because))
end

local function check_entry(model, made, options)
  if options.separate == true and options.strategy == "join" then
    fail(model, ("%q cannot be both separate and joined"):format(made.as))
  end
  if options.through ~= nil then
    if not made.through then fail(model, ("%q has no junction, so through means nothing"):format(made.as)) end
    local context = ("include of %s.%s: through"):format(model.name, made.as)
    check.keys(options.through, THROUGH, context, "EagerLoadingError")
  end
  if (options.limit or options.offset) and not made.multiple then
    fail(model, ("%q is one row at most, so limit and offset mean nothing"):format(made.as))
  end
  if options["or"] and not options.where then fail(model, ("%q has or without where"):format(made.as)) end
end

local function make_entry(model, made, options)
  check_entry(model, made, options)
  local required = options.required
  if required == nil then
    required = options.where ~= nil or (options.through ~= nil and options.through.where ~= nil)
  end
  local joined, joinable = joining(model, made, options)
  check_right(model, made, options, joined, joinable)
  return {
    association = made, options = options, required = required, joined = joined, joinable = joinable,
    right = options.right == true and not required,
  }
end

-- { all = true | kind | { kinds }, nested = true }: every association of the model, of some kinds; nested goes on until it
-- would come back to a model it came through.
local function expand_all(model, item, above)
  local kinds
  if item.all ~= true then
    kinds = {}
    for _, kind in ipairs(type(item.all) == "table" and item.all or { item.all }) do
      kinds[type(kind) == "string" and kind:gsub("^%u", string.lower) or kind] = true
    end
  end
  local list = {}
  for _, made in ipairs(model.association_order) do
    local wanted = not kinds or kinds[made.kind]
    if wanted and not (item.nested and above[made.target]) then
      local options = {}
      for key, value in pairs(item) do
        if key ~= "all" and key ~= "nested" then options[key] = value end
      end
      if item.nested then
        local deeper = { [made.target] = true }
        for seen in pairs(above) do deeper[seen] = true end
        options.include = expand_all(made.target, item, deeper)
      end
      options.association = made
      list[#list + 1] = options
    end
  end
  return list
end

local function items_of(model, option)
  if type(option) == "table" and option.all ~= nil and not is_model(option) then
    check.keys(option, OPTIONS, "include of " .. model.name, "EagerLoadingError")
    return expand_all(model, option, { [model] = true })
  end
  local is_list = type(option) == "table" and not is_model(option) and not association.is(option)
    and (option[1] ~= nil or next(option) == nil)
  return is_list and option or { option }
end

local function has_path(items)
  for _, item in ipairs(items) do
    if type(item) == "string" and item:find(".", 1, true) then return true end
  end
  return false
end

-- Paths such as "posts.tags" among the items become includes in includes, those that begin alike together.
local function with_paths(model, items)
  if not has_path(items) then return items end
  local list, begun = {}, {}
  for _, item in ipairs(items) do
    local head, rest
    if type(item) == "string" and not model.associations[item] then head, rest = item:match("^([^.]+)%.(.+)$") end
    local name = head or type(item) == "string" and item
    local entry = name and begun[name]
    if not entry then
      entry = name and { as = name, include = {} } or item
      list[#list + 1] = entry
      if name then begun[name] = entry end
    end
    if rest then table.insert(entry.include, rest) end
  end
  return list
end

---The entries of an `include` option.
---@param model table
---@param option any one entry or a list of them; nil for none
---@return rowan.IncludeEntry[]
function include.entries(model, option)
  local list, seen = {}, {}
  if option == nil then return list end
  local function add(made, options)
    if seen[made.as] then fail(model, ("the association %q is included twice"):format(made.as)) end
    seen[made.as] = true
    list[#list + 1] = make_entry(model, made, options)
  end
  for _, item in ipairs(with_paths(model, items_of(model, option))) do
    if type(item) == "string" or association.is(item) or is_model(item) then
      add(resolve(model, item), NO_OPTIONS)
    elseif type(item) ~= "table" then
      fail(model, "an entry is an alias, a model, an association or a table")
    elseif item.all ~= nil then
      for _, one in ipairs(items_of(model, item)) do add(resolve_table(model, one)) end
    else
      add(resolve_table(model, item))
    end
  end
  return list
end

---Names of the model's attributes that its children are found by, so that they are read with the rows.
---@param entries rowan.IncludeEntry[]
---@return string[]
function include.needed(entries)
  local names = {}
  for _, item in ipairs(entries) do
    local made = item.association
    for _, pair in ipairs(made.through and made.source_keys or made.keys) do names[#names + 1] = pair.source.name end
  end
  return names
end

return include
