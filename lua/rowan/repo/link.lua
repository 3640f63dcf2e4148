--- What the methods of all associations share: the caller's rows and keys as a list of keys, the conditions that find
--- them, and what rows remember once something was written. Called by repo/link_one, link_many and link_through.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local tuple = require("rowan.base.tuple")
local undo = require("rowan.repo.written")

local link = {}

---@class rowan.LinkItem one row that a caller named
---@field key any[] values of the attributes that identify it
---@field row? table the instance, when one was given

---@param class string
---@param context string
---@param rule string
function link.fail(class, context, rule)
  errors.raise(class, { message = context .. ": " .. rule })
end

local fail = link.fail

---The options of a call that its statements take over; inside a transaction of the call, `t` is theirs.
---@param options? table
---@param t? rowan.Transaction
---@return table
function link.call(options, t)
  if not options then return { transaction = t } end
  local chosen = t
  if chosen == nil then chosen = options.transaction end
  return {
    transaction = chosen, logging = options.logging, benchmark = options.benchmark, hooks = options.hooks,
    context = options.context,
  }
end

---The options of a call that makes a row: with `fields`, what the association sets is written as well.
---@param options? table
---@param t? rowan.Transaction
---@param set table<string, any>
---@return table
function link.creation(options, t, set)
  local call = link.call(options, t)
  if not options then return call end
  call.include, call.validate, call.returning, call.silent =
    options.include, options.validate, options.returning, options.silent
  if type(options.fields) ~= "table" then
    call.fields = options.fields
    return call
  end
  call.fields = { (table.unpack or unpack)(options.fields) }
  for name in next, set do call.fields[#call.fields + 1] = name end
  return call
end

---Finder options with further ones.
---@param options? table
---@param more table
---@return table
function link.with(options, more)
  local finder = {}
  for name, value in next, options or {} do finder[name] = value end
  for name, value in next, more do finder[name] = value end
  return finder
end

---The condition that all of the given ones hold; nil and rowan.all do not count.
---@param ... any
---@return any condition nil for none
function link.all_of(...)
  local list = {}
  for i = 1, select("#", ...) do
    local condition = (select(i, ...))
    if condition ~= nil and condition ~= everything then list[#list + 1] = condition end
  end
  if #list < 2 then return list[1] end
  return expression.and_((table.unpack or unpack)(list))
end

---The values of attributes of the row that an association starts from; nil when one of them is NULL.
---@param row table
---@param attrs table[]
---@param context? string of an error; not where the row is known to have them
---@return any[]?
function link.values(row, attrs, context)
  local list = {}
  for i, attr in ipairs(attrs) do
    local value = rawget(row, attr.name)
    if value == nil and not row.isNewRecord and not rows.has(row, attr.name) then
      fail("InstanceError", context, ("the row was read without %q"):format(attr.name))
    end
    if value == nil or value == null then return nil end
    list[i] = value
  end
  return list
end

---The values that a link is written with: the row must be stored, and have them.
---@param row table
---@param attrs table[]
---@param context string
---@return any[]
function link.stored_values(row, attrs, context)
  if row.isNewRecord then fail("InstanceError", context, "the row is new; save it first") end
  local list = link.values(row, attrs, context)
  if not list then
    fail("InstanceError", context, ("%s.%s is NULL, so nothing can be linked to the row")
      :format(attrs[1].definition.name, attrs[1].name))
  end
  return list
end

---Values by attribute name.
---@param attrs table[]
---@param values any[]
---@return table<string, any>
function link.by_name(attrs, values)
  local out = {}
  for i, attr in ipairs(attrs) do out[attr.name] = values[i] end
  return out
end

---One side of pairs of attributes.
---@param pairs_of_keys table[]
---@param side string
---@return table[]
function link.side(pairs_of_keys, side)
  local attrs = {}
  for i, pair in ipairs(pairs_of_keys) do attrs[i] = pair[side] end
  return attrs
end

local function instance_model(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "Model") or nil
end

---@param value any
---@return boolean
function link.is_instance(value)
  return type(value) == "table" and instance_model(value) ~= nil
end

---Two models in words that tell them apart: by where they are, when they are variants of one.
---@param model table
---@param other table
---@return string, string
function link.told_apart(model, other)
  if model.name ~= other.name then return model.name, other.name end
  local function placed(one)
    local def = one.definition
    return ("%s in %s"):format(one.name, def.schema and def.schema .. "." .. def.table or def.table)
  end
  return placed(model), placed(other)
end

---Refuses an instance of another model, and one that is not stored.
---@param model table
---@param row table
---@param context string
function link.check_instance(model, row, context)
  local other = instance_model(row)
  if other.definition ~= model.definition then
    fail("InstanceError", context, ("wants a row of %s, not of %s"):format(link.told_apart(model, other)))
  end
  if row.isNewRecord then
    fail("InstanceError", context, ("the given row of %s is not stored; save it first"):format(model.name))
  end
end

local function instance_key(row, attrs, context)
  local key = {}
  for i, attr in ipairs(attrs) do
    local value, known = rows.original(row, attr.name)
    if known == false then
      fail("InstanceError", context, ("the given row was read without %q"):format(attr.name))
    end
    if value == nil then
      fail("InstanceError", context, ("%s.%s of the given row is NULL"):format(attr.definition.name, attr.name))
    end
    key[i] = value
  end
  return key
end

local function cast_key(attr, value, context)
  local canonical, rule = nil, "is missing"
  if value == null then
    rule = "cannot be null"
  elseif value ~= nil then
    canonical, rule = attr.type.cast(value)
  end
  if canonical == nil then
    fail("QueryError", context, ("the key %s.%s %s"):format(attr.definition.name, attr.name, rule))
  end
  return canonical
end

local function plain_key(value, attrs, context)
  if #attrs == 1 then return { cast_key(attrs[1], value, context) } end
  local key, count = {}, 0
  if type(value) == "table" then
    for i, attr in ipairs(attrs) do key[i] = cast_key(attr, value[attr.name], context) end
    for _ in next, value do count = count + 1 end
  end
  if count ~= #attrs then
    local names = {}
    for i, attr in ipairs(attrs) do names[i] = attr.name .. " =" end
    fail("QueryError", context, ("a key of %s is a table { %s }"):format(attrs[1].definition.name,
      table.concat(names, ", ")))
  end
  return key
end

---A row that a caller named: an instance, or its key.
---@param model table
---@param attrs table[] what identifies it
---@param value any
---@param context string
---@return rowan.LinkItem
function link.item(model, attrs, value, context)
  if not link.is_instance(value) then return { key = plain_key(value, attrs, context) } end
  link.check_instance(model, value, context)
  return { key = instance_key(value, attrs, context), row = value }
end

---The rows that a caller named: one or a list of instances and keys. The same row given twice is one.
---@param model table
---@param attrs table[]
---@param argument any
---@param context string
---@return rowan.LinkItem[]
function link.items(model, attrs, argument, context)
  if argument == nil or argument == null then
    fail("QueryError", context, ("wants a row of %s, its key, or a list of them"):format(model.name))
  end
  local is_list = type(argument) == "table" and not link.is_instance(argument)
    and (argument[1] ~= nil or next(argument) == nil)
  local list, seen = {}, {}
  for _, value in ipairs(is_list and argument or { argument }) do
    local item = link.item(model, attrs, value, context)
    local known = tuple.get(seen, item.key)
    if not known then
      tuple.put(seen, item.key, item)
      list[#list + 1] = item
    end
    known = known or item
    known.rows = known.rows or {}
    known.rows[#known.rows + 1] = item.row
  end
  return list
end

---The condition that attributes are one of the keys, in one statement whatever their number.
---@param attrs table[]
---@param keys any[][]
---@return any
function link.one_of(attrs, keys)
  if #attrs > 1 then return expression.one_of(attrs, keys) end
  local list = {}
  for i, key in ipairs(keys) do list[i] = key[1] end
  return { [attrs[1].name] = list }
end

---@param items rowan.LinkItem[]
---@return any[][]
function link.keys_of(items)
  local list = {}
  for i, item in ipairs(items) do list[i] = item.key end
  return list
end

---Adds the time of the change to values about to be written.
---@param model table
---@param values table<string, any>
---@return table<string, any> values
function link.stamped(model, values)
  local updated = model.definition.updated
  if updated and values[updated.name] == nil then values[updated.name] = build.now() end
  return values
end

-- Every UPDATE adds one to the version of its rows.
local function count_version(def, row, written)
  local version = def.version
  local before = version and rows.original(row, version.name)
  if not before then return end
  if version.system then
    -- Only the database knows; the row has to be read again before it is written.
    written[version.name] = null
    return rawset(row, version.name, nil)
  end
  written[version.name] = before + 1
  rawset(row, version.name, before + 1)
end

---Makes instances show and remember what was written to their rows.
---@param model table
---@param items rowan.LinkItem[]
---@param values table<string, any> rowan.null for NULL
function link.remember(model, items, values)
  local def, written, shown, names = model.definition, {}, {}, {}
  for name, value in next, values do
    names[#names + 1] = name
    written[name] = cast.bind(shown, def.by_name[name], value)
  end
  for _, item in ipairs(items) do
    for _, row in ipairs(item.rows or { item.row }) do
      undo.replaced(model, row, names)
      for name in next, values do rawset(row, name, shown[name]) end
      count_version(def, row, written)
      rows.update(row, written)
    end
  end
end

return link
