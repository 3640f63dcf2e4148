--- The forms of `include`: an alias, a path, a model, an association, a table, { all = true }, or a list of them, read into
--- pairs of an association and its options. Called by query/include and query/merge.

local association = require("rowan.association")
local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")

local included = {}

local OPTIONS = check.set({
  "model", "association", "as", "attributes", "where", "on", "or", "required", "right", "separate", "strategy", "order",
  "limit", "offset", "through", "include", "all", "nested", "scope",
  "paranoid",
})

local function fail(model, rule)
  errors.raise("EagerLoadingError", { message = "include: " .. model.name .. ": " .. rule })
end
included.fail = fail

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
  if item.model and not elsewhere.same_model(item.model, found.target) then
    fail(model, ("the association %q leads to %s, not to %s"):format(found.as, found.target.name, item.model.name))
  end
  return elsewhere.toward(found, item.model), item
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
  if type(option) == "table" and option.all ~= nil and not elsewhere.is_model(option) then
    check.keys(option, OPTIONS, "include of " .. model.name, "EagerLoadingError")
    return expand_all(model, option, { [model] = true })
  end
  local is_list = type(option) == "table" and not elsewhere.is_model(option) and not association.is(option)
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

---What an `include` option names, in its order.
---@param model table
---@param option any one entry or a list of them; nil for none
---@return { association: rowan.Association, options: table }[]
function included.items(model, option)
  local list = {}
  if option == nil then return list end
  local function add(made, options)
    elsewhere.check(made)
    for _, other in ipairs(list) do
      if elsewhere.same(other.association, made) then
        fail(model, ("the association %q is included twice"):format(made.as))
      end
    end
    list[#list + 1] = { association = made, options = options }
  end
  for _, item in ipairs(with_paths(model, items_of(model, option))) do
    if elsewhere.is_model(item) then
      local found = elsewhere.toward(resolve(model, item), item)
      add(found, item.baseModel and { model = item } or NO_OPTIONS)
    elseif type(item) == "string" or association.is(item) then
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

return included
