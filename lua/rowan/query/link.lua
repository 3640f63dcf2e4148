--- How an association ties two tables together in SQL: the conditions between them, EXISTS along a path of associations.
--- Used by filters (`required`, `$alias.attribute$`), by ordering and by the loading of children.

local association = require("rowan.association")
local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local filter = require("rowan.query.filter")
local node = require("rowan.sql.node")
local syntax = require("rowan.query.syntax")

local link = {}

---The table of a model in FROM.
---@param def table
---@param scope? rowan.sql.Scope
---@return rowan.sql.Node
function link.source(def, scope)
  return node.source(def.table, def.schema, scope)
end

local function equal_columns(b, list, left_attr, left_scope, right_attr, right_scope)
  list[#list + 1] = node.compare("eq", b:column(left_attr, left_scope), b:column(right_attr, right_scope))
end

---The tables of an association's target in the current scope: with its junction, when it has one.
---@param b table
---@param made rowan.Association
---@return { from: rowan.sql.Node, joins: table[], conditions: rowan.sql.Node[], through?: rowan.sql.Scope }
function link.from(b, made)
  local parts = { joins = {}, conditions = {} }
  b:generation(made.target.definition)
  if b.is_shape then return parts end
  parts.from = link.source(made.target.definition, b.scope)
  if not made.through then return parts end
  local through = b:another()
  parts.through = through
  local on = {}
  for _, pair in ipairs(made.target_keys) do equal_columns(b, on, pair.through, through, pair.target, b.scope) end
  parts.joins[1] = {
    kind = "INNER JOIN", source = link.source(made.through.model.definition, through), on = node.logic("and", on),
  }
  return parts
end

---The same with the conditions that tie it to the row of the association's source in scope `outer`.
---@param b table
---@param made rowan.Association
---@param outer? rowan.sql.Scope
---@return { from: rowan.sql.Node, joins: table[], conditions: rowan.sql.Node[], through?: rowan.sql.Scope }
function link.tables(b, made, outer)
  local parts = link.from(b, made)
  if b.is_shape then return parts end
  if made.through then
    for _, pair in ipairs(made.source_keys) do
      equal_columns(b, parts.conditions, pair.through, parts.through, pair.source, outer)
    end
  else
    for _, pair in ipairs(made.keys) do
      equal_columns(b, parts.conditions, pair.target, b.scope, pair.source, outer)
    end
  end
  return parts
end

---Walks what narrows an association by itself: its scope, the scope of its junction, and the filters of both models.
---@param b table
---@param made rowan.Association
---@param conditions rowan.sql.Node[]
---@param through? rowan.sql.Scope
---@param walk fun(b: table, def: table, where: any): rowan.sql.Node?
---@param options? table of the include, which may turn filters off
function link.scopes(b, made, conditions, through, walk, options)
  if made.scope then conditions[#conditions + 1] = walk(b, made.target.definition, made.scope) end
  filter.walk(b, made.target.definition, options, conditions, walk)
  local def = made.through and made.through.model.definition
  if not def or not (made.through.scope or def.filters) then return end
  link.within(b, through, function()
    if made.through.scope then conditions[#conditions + 1] = walk(b, def, made.through.scope) end
    filter.walk(b, def, options and options.through, conditions, walk)
  end)
end

-- The scope of the variant that an association was defined with is part of what a path along it means.
local function walk_variant(b, made, conditions, walk)
  local scope = made.variant and made.variant:scopeOptions()
  if scope and scope.where ~= nil then conditions[#conditions + 1] = walk(b, made.target.definition, scope.where) end
end

---Runs `fn` with another scope current.
---@param b table
---@param scope? rowan.sql.Scope
---@param fn fun(): any
---@return any
function link.within(b, scope, fn)
  local before = b.scope
  b.scope = scope
  local made = fn()
  b.scope = before
  return made
end

---EXISTS over the tables of an association, tied to the row outside.
---@param b table
---@param made rowan.Association
---@param word string what kind it is, for the shape
---@param fill fun(parts: table, outer?: rowan.sql.Scope) adds the conditions
---@return rowan.sql.Node? in tree building
function link.any(b, made, word, fill)
  b:open(word .. made.as)
  local outer = b:enter()
  local parts = link.tables(b, made, outer)
  fill(parts, outer)
  b:leave(outer)
  b:token(")")
  if b.is_shape then
    b.conditions = b.conditions + 1
    return nil
  end
  return node.exists(node.select({
    columns = { node.literal("1") }, from = parts.from, joins = parts.joins,
    where = node.logic("and", parts.conditions),
  }))
end

---EXISTS over an association and its scopes; `inner(conditions, through)` adds the conditions on the target.
---@param b table
---@param made rowan.Association
---@param walk fun(b: table, def: table, where: any): rowan.sql.Node?
---@param inner fun(conditions: rowan.sql.Node[], through?: rowan.sql.Scope)
---@return rowan.sql.Node? in tree building
function link.exists(b, made, walk, inner)
  return link.any(b, made, "exists ", function(parts)
    link.scopes(b, made, parts.conditions, parts.through, walk)
    walk_variant(b, made, parts.conditions, walk)
    inner(parts.conditions, parts.through)
  end)
end

---A column at the end of a path of to-one associations, as a value: NULL where the path breaks off.
---@param b table
---@param links rowan.Association[]
---@param walk fun(b: table, def: table, where: any): rowan.sql.Node?
---@param value fun(): rowan.sql.Node? what is taken at the end of the path
---@param at? integer
---@return rowan.sql.Node? in tree building
function link.value(b, links, walk, value, at)
  at = at or 1
  local made = links[at]
  b:open("value " .. made.as)
  local outer = b:enter()
  local parts = link.tables(b, made, outer)
  link.scopes(b, made, parts.conditions, parts.through, walk)
  walk_variant(b, made, parts.conditions, walk)
  local column
  if at == #links then
    column = value()
  else
    column = link.value(b, links, walk, value, at + 1)
  end
  b:leave(outer)
  b:token(")")
  if b.is_shape then return nil end
  return node.scalar(node.select({
    columns = { column }, from = parts.from, joins = parts.joins, where = node.logic("and", parts.conditions),
    limit = made.kind == "hasOne" and node.literal("1") or nil,
  }))
end

local function fail(model, rule)
  errors.raise("QueryError", { message = model.name .. ": " .. rule })
end

---The associations along aliases: "author", "profile".
---@param model table
---@param aliases any[] aliases, models or associations
---@return rowan.Association[] links
---@return table model at the end
function link.follow(model, aliases)
  local links, at = {}, model
  for i, alias in ipairs(aliases) do
    local made, problem = association.find(at, alias)
    if not made then fail(model, problem) end
    links[i], at = elsewhere.check(made), made.target
  end
  return links, at
end

---Splits "$author.profile.bio$" into its links and the attribute at the end, with the path and casts behind it.
---@param model table
---@param key string
---@return rowan.Association[] links
---@return string prefix "author.profile"
---@return string name of the attribute, and what stands behind it
---@return table model at the end
function link.path(model, key)
  local parsed = syntax.parse(key)
  if not parsed.aliases then fail(model, ("%q is no path of the form $alias.attribute$"):format(key)) end
  local links, at = link.follow(model, parsed.aliases)
  return links, table.concat(parsed.aliases, "."), parsed.rest, at
end

return link
