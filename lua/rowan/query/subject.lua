--- What a condition, an order or an expression is about: an attribute, or what a path and casts make of one. A subject is
--- an attribute itself, or a table with the same `name`, `type` and `token` and what to do with the column.

local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local namespace = require("rowan.query.namespace")
local suggest = require("rowan.base.suggest")
local syntax = require("rowan.query.syntax")
local types = require("rowan.types")

local subject = {}

local D = types.DataTypes
local MAX_NAME = 200

---@class rowan.Subject
---@field name string for messages
---@field written? string the key it was written as
---@field type rowan.Type what it is compared with
---@field token string
---@field base? rowan.Attribute nil when the subject is an attribute itself
---@field steps? (string|integer)[]
---@field text? boolean the path is read as text
---@field casts? rowan.Type[]
---@field expression? rowan.Expression the left side of rowan.where

-- What can stand behind `::`, in SQL's words; the names of DataTypes are known as well.
local CASTS = {
  int = D.INTEGER, int2 = D.SMALLINT, int4 = D.INTEGER, int8 = D.BIGINT, numeric = D.DECIMAL, bool = D.BOOLEAN,
  float4 = D.DOUBLE, float8 = D.DOUBLE, ["double precision"] = D.DOUBLE, varchar = D.TEXT, string = D.TEXT,
  char = D.TEXT, date = D.DATEONLY, timestamp = D.DATE, timestamptz = D.DATE, datetime = D.DATE, bytea = D.BLOB,
  ["timestamp with time zone"] = D.DATE, dateonly = D.DATEONLY,
}
for _, name in ipairs({
  "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "REAL", "DECIMAL", "TEXT", "BOOLEAN", "TIME", "UUID", "JSON",
  "JSONB", "BLOB",
}) do
  CASTS[name:lower()] = D[name]
end
local CAST_NAMES = {}
for name in pairs(CASTS) do CAST_NAMES[#CAST_NAMES + 1] = name end
table.sort(CAST_NAMES)

local function fail(def, message)
  errors.raise("QueryError", { message = def.name .. ": " .. message })
end

---The attribute called `name`, or an error that names the nearest.
---@param def table definition
---@param name string
---@return table attr
function subject.attribute(def, name)
  local attr = type(name) == "string" and def.by_name[name]
  if not attr then
    if def.sources then namespace.refuse(def, name) end
    local names = {}
    for i, known in ipairs(def.list) do names[i] = known.name end
    errors.raise("QueryError", {
      message = suggest.unknown(def.name .. " has no attribute", tostring(name), names),
    })
  end
  if attr.virtual then
    fail(def, ("%s is VIRTUAL: it has no column, so it cannot be part of a query"):format(attr.label))
  end
  return attr
end

-- Arrays kept as JSON are still arrays.
local function is_document(type_of)
  return (type_of.code == "j" or type_of.code == "J") and family.root(type_of).key ~= "ARRAY"
end
subject.is_document = is_document

local function cast_types(def, name, words)
  local list = {}
  for i, word in ipairs(words) do
    local found = CASTS[word:lower()]
    if not found then fail(def, ("%s: %s"):format(name, suggest.unknown("there is no cast to", word, CAST_NAMES))) end
    if found.code == "t" and not def.dialect.supports.instant_casts then
      fail(def, ("%s cannot be cast to %s: %s keeps times as text, so compare text"):format(name, word,
        def.dialect.name))
    end
    list[i] = found
  end
  return list
end

local function check_steps(def, name, steps)
  for _, step in ipairs(steps) do
    if type(step) == "string" then
      local text, rule = D.TEXT.cast(step)
      if not text then fail(def, ("a key of the path %s %s"):format(name, rule)) end
    end
  end
end

local function make(def, attr, name, steps, unquote, words)
  local written = name
  if #name > MAX_NAME then name = name:sub(1, MAX_NAME) .. "..." end
  if not is_document(attr.type) and (#steps > 0 or unquote) then
    fail(def, ("%s is not JSON, so there is nothing below it: %s"):format(attr.name, name))
  end
  check_steps(def, name, steps)
  local casts = cast_types(def, name, words)
  local last = casts[#casts]
  -- A cast of what stands in a document is one of its text: "5"::int and 5::int are both 5.
  local text = unquote or casts[1] ~= nil and is_document(attr.type) and not is_document(casts[1])
  local pieces = { "~" .. attr.name }
  for i, step in ipairs(steps) do
    pieces[i + 1] = type(step) == "string" and "." .. #step .. ":" .. step or "[" .. step
  end
  for _, word in ipairs(words) do pieces[#pieces + 1] = "::" .. word:lower() end
  return {
    name = name, written = written, base = attr, position = attr.position, steps = steps, text = text,
    casts = casts, definition = def,
    type = last or text and D.TEXT or #steps > 0 and D.JSONB or attr.type,
    token = table.concat(pieces, "\30") .. (text and "\30text" or ""),
  }
end

---The subject that a name in a query is: an attribute, or one with a path and casts behind it.
---@param def table definition
---@param name any
---@return rowan.Subject|rowan.Attribute
function subject.resolve(def, name)
  local attr = def.by_name[name]
  if attr and not attr.virtual then return attr end
  if attr or type(name) ~= "string" or syntax.is_plain(name) then return subject.attribute(def, name) end
  local parsed = syntax.parse(name)
  if parsed.aliases then
    fail(def, ("%s is about associated rows, which cannot stand here"):format(name))
  end
  local steps = parsed.steps
  attr = def.by_name[parsed.name]
  if not attr and def.sources and type(steps[1]) == "string" then
    -- In a query of several tables the first point stands behind the table.
    attr, steps = subject.attribute(def, parsed.name .. "." .. steps[1]), { (table.unpack or unpack)(steps, 2) }
  end
  attr = attr or subject.attribute(def, parsed.name)
  if not steps[1] and not parsed.unquote and not parsed.casts[1] then return attr end
  return make(def, attr, name, steps, parsed.unquote, parsed.casts)
end

---The subject of a name with a path or casts behind it; nil when the name is no attribute's.
---@param def table definition
---@param name string
---@return rowan.Subject?
function subject.find(def, name)
  if syntax.is_plain(name) then return nil end
  local parsed = syntax.parse(name)
  if parsed.aliases or not def.by_name[parsed.name] then return nil end
  return subject.resolve(def, name)
end

---The same subject under another key.
---@param s rowan.Subject|rowan.Attribute
---@param key string
---@return rowan.Subject
function subject.written_as(s, key)
  local copy = { written = key, base = s.base or s, steps = s.steps or {}, casts = s.casts or {}, text = s.text }
  for _, field in ipairs({ "name", "type", "token", "position", "definition" }) do copy[field] = s[field] end
  return copy
end

---The subject that a key below a JSON one is: { data = { ["a.b"] = ... } }.
---@param def table definition
---@param above rowan.Subject|rowan.Attribute
---@param key string
---@return rowan.Subject
function subject.below(def, above, key)
  local parsed = syntax.parse_below(key)
  local steps = {}
  for i, step in ipairs(above.steps or {}) do steps[i] = step end
  for _, step in ipairs(parsed.steps) do steps[#steps + 1] = step end
  local name = above.name .. (key:sub(1, 1) == "[" and "" or ".") .. key
  return make(def, above.base or above, name, steps, parsed.unquote, parsed.casts)
end

---Walks a subject that is no expression into builder `b`.
---@param b table
---@param s rowan.Subject|rowan.Attribute
---@param how "value"|"read"|"compare"|"document"|"text" what for: within SQL, as it is, by value, as JSONB, as text
---@return rowan.sql.Node? in tree building
function subject.walk(b, s, how)
  if b.is_shape then return b:token(s.token) end
  local attr = s.base or s
  local as_text = s.text or how == "text" and is_document(s.type) and (s.steps ~= nil)
  if not s.base then
    if how == "compare" and (attr.type.dump or attr.type.ordered) then return b:compared(attr) end
    if how == "document" then return b:document(attr) end
    if how == "text" and is_document(attr.type) then return b:path(b:document(attr), {}, true) end
    return how == "read" and b:field(attr) or b:column(attr)
  end
  local value
  if #s.steps > 0 or as_text then
    value = b:path(b:document(attr), s.steps, as_text)
  else
    value = b:field(attr)
  end
  for _, type_of in ipairs(s.casts) do value = b:convert(value, type_of) end
  return how == "compare" and b:by_value(value, s.type) or value
end

return subject
