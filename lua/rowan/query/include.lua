--- `include`: which associations are loaded with the rows. The option is normalised into entries, in its own order; each
--- becomes a child of the query. How a child is loaded is decided here too: a pure function of association and options.

local check = require("rowan.base.check")
local included = require("rowan.query.included")
local merge = require("rowan.query.merge")

local include = {}

local fail = included.fail

-- What `through` may hold where rows of a junction are read.
include.THROUGH = check.set({ "attributes", "where", "as", "paranoid" })

---@class rowan.IncludeEntry
---@field association rowan.Association
---@field options table its own options; `order` may hold entries that the parent's order passed on
---@field required boolean parents without a match are left out
---@field joined boolean loaded by the parents' statement
---@field unread boolean it has `attributes = {}`: it filters the parents, and nothing of it is loaded
---@field joinable boolean a to-many that the parents' statement may join; query/level decides
---@field right boolean its rows without a parent come too

-- A to-one association whose target can be matched at most once, so that joining it never multiplies the parents.
local function matches_once(made, options)
  if made.multiple then return false end
  if made.kind == "belongsTo" then return true end
  local def, keys = made.target.definition, made.keys
  if #keys ~= 1 then return false end
  local attr = keys[1].target
  if #def.primary == 1 and def.primary[1] == attr then return true end
  for _, unique in ipairs(def.uniques) do
    local partial = unique.index and unique.index.where ~= nil
      and not (unique.index.undeleted and options.paranoid ~= false)
    if #unique.attrs == 1 and unique.attrs[1] == attr and not partial then return true end
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
  return options.order == nil and matches_once(made, options), false
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
    check.keys(options.through, include.THROUGH, context, "EagerLoadingError")
  end
  if (options.limit or options.offset) and not made.multiple then
    fail(model, ("%q is one row at most, so limit and offset mean nothing"):format(made.as))
  end
  if options["or"] and not options.where then fail(model, ("%q has or without where"):format(made.as)) end
end

local function is_empty(list)
  return type(list) == "table" and next(list) == nil
end

local function make_entry(model, made, options)
  check_entry(model, made, options)
  local required = options.required
  -- What a statement of its own reads, or some rows of each parent, filters no parents unless that is said.
  local apart = options.separate or options.limit ~= nil
  if required == nil then
    required = not apart and (options.where ~= nil or (options.through ~= nil and options.through.where ~= nil))
  end
  -- What a scope asks for makes no row of the model be left out.
  local scoped = made.variant or made.target.scoped or options.scope ~= nil
    or (options.model and options.model._unscoped)
  if scoped then options = merge.included(made, options) end
  local joined, joinable = joining(model, made, options)
  check_right(model, made, options, joined, joinable)
  local unread = is_empty(options.attributes) and options.include == nil and not options.right
  return {
    association = made, options = options, required = required, joined = joined and not unread,
    joinable = joinable and not unread, right = options.right == true and not required, unread = unread,
  }
end

---The entries of an `include` option.
---@param model table
---@param option any one entry or a list of them; nil for none
---@return rowan.IncludeEntry[]
function include.entries(model, option)
  local list = {}
  for i, item in ipairs(included.items(model, option)) do
    list[i] = make_entry(model, item.association, item.options)
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
    for _, pair in ipairs(item.unread and {} or made.through and made.source_keys or made.keys) do
      names[#names + 1] = pair.source.name
    end
  end
  return names
end

return include
