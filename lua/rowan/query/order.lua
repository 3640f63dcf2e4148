--- `order`, `limit` and `offset`. An order along to-one associations is a value of the row; an order along a to-many
--- association orders the children, so it is handed down to the include that loads them, and the parents by the first of
--- theirs, as a join of both would have it.

local association = require("rowan.association")
local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local node = require("rowan.sql.node")
local subject = require("rowan.query.subject")
local syntax = require("rowan.query.syntax")
local where = require("rowan.query.where")

local order = {}

local NONE, NO_LINKS = {}, {}
local type = type

local DIRECTIONS = {}
for _, way in ipairs({ "ASC", "DESC" }) do
  DIRECTIONS[way] = way
  for _, nulls in ipairs({ " NULLS FIRST", " NULLS LAST" }) do DIRECTIONS[way .. nulls] = way .. nulls end
end
DIRECTIONS["NULLS FIRST"], DIRECTIONS["NULLS LAST"] = "ASC NULLS FIRST", "ASC NULLS LAST"

local function fail(model, rule)
  errors.raise("QueryError", { message = "order: " .. model.name .. ": " .. rule })
end

local function direction_of(model, word)
  if word == nil then return "ASC" end
  local direction = DIRECTIONS[word] or type(word) == "string" and DIRECTIONS[word:upper()]
  if not direction then
    fail(model, ("%s is no direction; use ASC or DESC, with NULLS FIRST or NULLS LAST"):format(tostring(word)))
  end
  return direction
end

---@class rowan.OrderItem
---@field links rowan.Association[]
---@field value string|rowan.Expression attribute name or expression
---@field direction string
---@field first? rowan.Association[] along a to-many: the parents are ordered by the first of what it leads to
---@field junction? true|{ def: table, scope?: rowan.sql.Scope } the value is one of the junction that leads to the rows

local function names_association(at, element, following)
  if association.is(element) then return element end
  if type(element) == "table" and not expression.is(element) then
    return rawget(element, "definition") and element or element.association or element.as or element.model
  end
  if type(element) ~= "string" or not at.associations[element] then return nil end
  local is_last = following == nil or type(following) == "string" and DIRECTIONS[following:upper()]
  return not is_last and element or nil
end

-- Whether an element names the junction of a belongsToMany: by its model, or by the field that shows its row.
local function names_junction(at, through, element)
  if not through then return false end
  if type(element) == "string" then return element == through.as and not at.associations[element] end
  if type(element) ~= "table" or expression.is(element) or association.is(element) then return false end
  local named = rawget(element, "definition") and element or element.model
  return named ~= nil and elsewhere.same_model(named, through.model)
end

local function from_table(model, item, through)
  local links, at, i, junction = {}, model, 1, nil
  while item[i] ~= nil do
    if links[1] then through = links[#links].through end
    junction = names_junction(at, through, item[i]) or nil
    if junction then
      i = i + 1
      break
    end
    local step = names_association(at, item[i], item[i + 1])
    if not step then break end
    local followed, target = link.follow(at, { step })
    links[#links + 1], at, i = followed[1], target, i + 1
  end
  local value, word = item[i], item[i + 1]
  if value == nil or item[i + 2] ~= nil or not check.sequence(item) then
    fail(model, "an entry is a name, or { associations..., name or expression, direction }")
  end
  return { links = links, value = value, direction = direction_of(model, word), junction = junction }
end

-- The entries of most: "name" and { "name", "DESC" }, for an attribute that is called as no association is.
local function plain_entry(model, item)
  local name, word = item, nil
  if type(item) == "table" then
    name, word = item[1], item[2]
    if item[3] ~= nil or type(word) ~= "string" or check.sequence(item) ~= 2 then return nil end
  end
  if type(name) ~= "string" or not model.definition.by_name[name] or model.associations[name] then return nil end
  return { links = NO_LINKS, value = name, direction = direction_of(model, word) }
end

local function parse(model, item, through)
  local parsed = plain_entry(model, item)
  if parsed then return parsed end
  if type(item) == "table" and not expression.is(item) then
    parsed = from_table(model, item, through)
  else
    parsed = { links = {}, value = item, direction = "ASC" }
  end
  local value = parsed.value
  local stray = value == item and type(value) == "string" and DIRECTIONS[value:upper()]
  if stray and not model.definition.by_name[value] then
    fail(model, ('"%s" is an entry of its own here; a direction is written { { "name", "%s" } }'):format(value, value))
  end
  if type(value) == "string" and #parsed.links == 0 and not parsed.junction and not model.definition.by_name[value]
    and syntax.is_path(value) and syntax.parse(value).aliases then
    local links, _, name = link.path(model, value)
    parsed.links, parsed.value = links, name
  elseif type(value) ~= "string" and not expression.is(value) then
    fail(model, "an entry is a name, or { name or expression, direction }")
  end
  return parsed
end

---The entries of an `order` option, not yet tied to a query.
---@param model table
---@param option any
---@param through? table of the association that leads to the rows
---@return rowan.OrderItem[] not to be changed
function order.parse(model, option, through)
  if option == nil then return NONE end
  if type(option) == "string" or expression.is(option) then option = { option } end
  if type(option) ~= "table" then fail(model, "wants a list") end
  if not check.sequence(option) then fail(model, "wants a list without gaps or other keys") end
  local list = {}
  for i = 1, #option do list[i] = parse(model, option[i], through) end
  return list
end

local function has_many(links)
  for i = 1, #links do
    if links[i].multiple then return true end
  end
  return false
end

local function hand_down(model, item, entries)
  for _, entry in ipairs(entries) do
    if elsewhere.same(entry.association, item.links[1]) then
      local rest = {}
      for i = 2, #item.links do rest[i - 1] = item.links[i] end
      entry.passed_order = entry.passed_order or {}
      table.insert(entry.passed_order, {
        links = rest, value = item.value, direction = item.direction, junction = item.junction,
      })
      return
    end
  end
  fail(model, ("%q is a to-many association that is not included; only included ones can be ordered")
    :format(item.links[1].as))
end

-- Whether no two rows are alike in the order so far, so that nothing behind it matters.
local function tells_all(model, items)
  local primary = model.definition.primary
  for _, attr in ipairs(primary) do
    local found
    for i = 1, #items do
      found = found or (items[i].value == attr.name and #items[i].links == 0 and not items[i].first)
    end
    if not found then return false end
  end
  return #primary > 0
end

-- Whether all are about the rows themselves, as most are.
local function are_plain(items)
  for i = 1, #items do
    if items[i].links ~= NO_LINKS then return false end
  end
  return true
end

---The order of one level; what concerns children is handed down to their entries.
---@param model table
---@param option any the level's own option
---@param passed? rowan.OrderItem[] handed down from above
---@param entries rowan.IncludeEntry[]
---@param through? table of the association that leads to the rows
---@return rowan.OrderItem[]
function order.items(model, option, passed, entries, through)
  local own, given = {}, order.parse(model, option, through)
  if not passed and are_plain(given) then return given end
  for _, items in ipairs({ given, passed }) do
    for i = 1, #items do
      if has_many(items[i].links) then
        local item = items[i]
        hand_down(model, item, entries)
        if not tells_all(model, own) then
          own[#own + 1] = {
            links = NO_LINKS, first = item.links, value = item.value, direction = item.direction,
            junction = item.junction,
          }
        end
      else
        own[#own + 1] = items[i]
      end
    end
  end
  return own
end

---Walks what is ordered by: a name with what stands behind it, or an expression.
---@param b table
---@param def table definition
---@param value string|rowan.Expression
---@return rowan.sql.Node? in tree building
function order.value(b, def, value)
  if type(value) ~= "string" and expression.is(value) then return expression.walk_as(b, def, value, "compare") end
  return subject.walk(b, subject.resolve(def, value), "compare")
end

---Tells items that are values of a junction where it stands in the statement.
---@param items rowan.OrderItem[]
---@param made rowan.Association that leads to the rows
---@param scope? rowan.sql.Scope
function order.seat(items, made, scope)
  for i = 1, #items do
    local item = items[i]
    if item.junction and not item.first then item.junction = { def = made.through.model.definition, scope = scope } end
  end
end

local function junction_value(b, item)
  local junction = item.junction
  b:open("through")
  local value = link.within(b, junction.scope, function() return order.value(b, junction.def, item.value) end)
  b:token(")")
  return value
end

local function value_of(b, model, item, computed, first, level)
  local value = item.value
  if item.first then return first(b, level, item, 1) end
  if item.junction then return junction_value(b, item) end
  if #item.links > 0 then
    local target = item.links[#item.links].target.definition
    return link.value(b, item.links, where.walk, function() return order.value(b, target, value) end)
  end
  local known = computed and computed:find(value)
  if known then return b:column(known) end
  return order.value(b, model.definition, value)
end

---Walks order items into builder `b`.
---@param b table
---@param model table
---@param items rowan.OrderItem[]
---@param computed? rowan.Computeds values of the select list, which can be ordered by under their aliases
---@param first? fun(b: table, level: rowan.Level, item: rowan.OrderItem, depth: integer): rowan.sql.Node? gives the value of items along to-many associations
---@param level? rowan.Level for `first`
---@return rowan.sql.Node[]? in tree building
function order.walk(b, model, items, computed, first, level)
  if #items == 0 then return nil end
  local list = {}
  b:open("order")
  for i = 1, #items do
    local item = items[i]
    local value = value_of(b, model, item, computed, first, level)
    b:token(item.direction)
    list[i] = value and node.ordering(value, item.direction)
  end
  b:token(")")
  return list
end

---Ascending by the primary key: what makes a page of rows the same page each time.
---@param b table
---@param def table
---@return rowan.sql.Node[]? in tree building
function order.by_key(b, def)
  local list = {}
  b:open("order")
  for i, attr in ipairs(def.primary) do
    local column = b:column(attr)
    list[i] = column and node.ordering(column, "ASC")
  end
  b:token(")")
  return list
end

---Walks `limit` or `offset`: a whole number that is not negative, bound as a parameter.
---@param b table
---@param def table definition
---@param name "limit"|"offset"
---@param value? integer
---@return rowan.sql.Node? in tree building
function order.number(b, def, name, value)
  if value == nil then return nil end
  if type(value) ~= "number" or value < 0 or value % 1 ~= 0 or value > 2 ^ 53 then
    errors.raise("QueryError", {
      message = ("%s: %s: must be a whole number of rows, not %s"):format(name, def.name,
        type(value) == "string" and ("the string %q"):format(value) or tostring(value)),
    })
  end
  b:token(name)
  return b:param("-I", value)
end

return order
