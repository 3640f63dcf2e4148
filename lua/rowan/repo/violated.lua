--- Which columns a violated constraint is about, as far as the words of the database and the model say it. Pure; for
--- repo/failure. What only another question to the database tells is repo/blame's.

local literals = require("rowan.query.literals")
local missing = require("rowan.query.missing")

local violated = {}

-- The attributes that a text speaks of; `word` is a class of what names are made of.
local function mentioned(def, text, word)
  local found, edge = {}, "[^" .. word .. "]"
  for _, attr in ipairs(def.list) do
    local quoted = text:find('"' .. attr.field:gsub('"', '""') .. '"', 1, true)
    if quoted or (" " .. text .. " "):find(edge .. attr.field:gsub("%p", "%%%0") .. edge) then
      found[#found + 1] = attr
    end
  end
  return found
end

local function without_table(def, name)
  return name:sub(1, #def.table + 1) == def.table .. "_" and name:sub(#def.table + 2) or name
end

---The attribute of a CHECK by the name that PostgreSQL and rowan give one of a single column; nil for any other.
---@param def rowan.Definition
---@param name string
---@return rowan.Attribute?
function violated.named_check(def, name)
  local bare = without_table(def, name)
  for _, attr in ipairs(def.list) do
    if bare == attr.field .. "_check" or bare == attr.field .. "_ck" then return attr end
  end
end

---The attributes that a CHECK looks at: by its name, else those that its text (all that SQLite tells of one without a name)
---speaks of, or its name in parts: age_positive.
---@param def rowan.Definition
---@param text? string
---@return rowan.Attribute[]
function violated.checked(def, text)
  if not text then return {} end
  local named = violated.named_check(def, text)
  if named then return { named } end
  local found = mentioned(def, text, "%w_")
  return found[1] and found or mentioned(def, without_table(def, text), "%w")
end

-- The column that a list of names goes on with: a name may have a comma in it.
local function next_column(def, text, at)
  local found
  for _, attr in ipairs(def and def.list or {}) do
    local behind = at + #attr.field
    local fits = text:sub(at, behind - 1) == attr.field and (behind > #text or text:sub(behind, behind + 1) == ", ")
    if fits and (not found or #attr.field > #found) then found = attr.field end
  end
  return found or text:match("^[^,]*", at)
end

-- The names of columns as SQLite lists them: a, b.
local function listed_columns(def, text)
  local list, at = {}, 1
  while at <= #text do
    local name = next_column(def, text, at)
    list[#list + 1] = name
    at = at + #name + 2
  end
  return list
end

-- The columns among the fields of a key, as PostgreSQL writes them: names, in quotes where they need them, and expressions.
local function key_columns(text)
  local list, field, depth, inside = {}, "", 0, false
  for char in (text .. ","):gmatch(".") do
    if char == '"' then inside = not inside end
    if not inside then depth = depth + (char == "(" and 1 or char == ")" and -1 or 0) end
    if char == "," and depth == 0 and not inside then
      field = field:gsub("^%s+", "")
      local name = field:match("^[%a_][%w_$]*$") or field:match('^"(.*)"$')
      if name then list[#list + 1] = (name:gsub('""', '"')) end
      field = ""
    else
      field = field .. char
    end
  end
  return list
end

local function fields_of(attrs)
  local list = {}
  for i, attr in ipairs(attrs) do list[i] = attr.field end
  return list
end

-- Of an expression the columns that it is made of.
local function index_fields(def, index)
  local list, seen, context = {}, {}, literals.context(def.dialect)
  for _, field in ipairs(index.fields) do
    local attrs = field.attr and { field.attr } or mentioned(def, context.expression(field.expression, def), "%w_")
    for _, attr in ipairs(attrs) do
      if not seen[attr] then list[#list + 1] = attr.field end
      seen[attr] = true
    end
  end
  return list
end

-- Fields of a named unique constraint or index that the model declares, or of its primary key.
local function declared_fields(def, constraint)
  if not def or not constraint then return nil end
  for _, unique in ipairs(def.uniques) do
    if unique.name == constraint then return fields_of(unique.attrs), unique.message end
  end
  for _, index in ipairs(def.indexes) do
    if index.name == constraint then return index_fields(def, index), index.message end
  end
  if constraint == def.table .. "_pkey" then return fields_of(def.primary) end
end

local function same_fields(columns, fields)
  if #columns ~= #fields then return false end
  for i, field in ipairs(fields) do
    if columns[i] ~= field then return false end
  end
  return true
end

local function sorted(list)
  local copy = {}
  for i, item in ipairs(list) do copy[i] = item end
  table.sort(copy)
  return copy
end

-- SQLite names the columns of a unique constraint, not the constraint; the model may have them in another order.
local function message_of(def, columns)
  local found
  for _, unique in ipairs(def and def.uniques or {}) do
    local fields = fields_of(unique.attrs)
    if same_fields(columns, fields) then return unique.message end
    if not found and same_fields(sorted(columns), sorted(fields)) then found = unique end
  end
  return found and found.message
end

---The columns of a violated key or NOT NULL: SQLite names them; PostgreSQL names the constraint, and lists the columns of a
---key in the detail in front of the values ("Key (a, b)=(...)" in its language; the values are never looked at).
---@param def? rowan.Definition
---@param err table the driver's
---@return string[] columns
---@return string? message that the model has for it
function violated.columns(def, err)
  local fields, message = declared_fields(def, err.constraint)
  if fields then return fields, message end
  if err.column_name then
    local columns = listed_columns(def, err.column_name)
    return columns, err.sqlstate == "23505" and message_of(def, columns) or nil
  end
  local listed = err.detail and err.detail:match("^[^(]*%((.-)%)=%(")
  return listed and key_columns(listed) or {}
end

-- Which side of a violated foreign key PostgreSQL speaks of: it names the table with the key, and the columns of the key or
-- those that it points at. Which of them only its words say, and they are in any language.
local function side(context, err, columns)
  local def, owner = context.def, context.owner
  if not owner then
    local sql = context.sql or ""
    local elsewhere = err.table ~= nil and not sql:find(err.table, 1, true)
    return def, elsewhere or sql:find("^%s*DELETE") ~= nil
  end
  local own, other = false, nil
  for _, key in ipairs(missing.keys(owner)) do
    local points = same_fields(columns, key.fields)
    if points and def and key.table == def.table then return def, true end
    own = own or same_fields(columns, fields_of(key.attrs))
    other = other or points and key.definition or nil
  end
  if own or not other then return owner, false end
  return other, true
end

-- The same by the name that PostgreSQL gives a key: where rows are hidden from the user, it lists no columns.
local function named_side(context, err)
  local def, owner = context.def, context.owner
  for _, key in ipairs(owner and missing.keys(owner) or {}) do
    local fields = fields_of(key.attrs)
    if err.constraint == owner.table .. "_" .. table.concat(fields, "_") .. "_fkey" then
      local deleted = (context.sql or ""):find("^DELETE") ~= nil
      local referenced = def ~= nil and key.table == def.table and (def ~= owner or deleted)
      return referenced and key.fields or fields, referenced and def or owner, referenced
    end
  end
  return {}, def, false
end

---The columns of a violated foreign key.
---@param context { def?: rowan.Definition, owner?: rowan.Definition, sql?: string }
---@param err table the driver's
---@return string[] columns
---@return rowan.Definition? def whose columns they are
---@return boolean referenced whether others point at them
function violated.key(context, err)
  local columns = violated.columns(nil, err)
  if not columns[1] then return named_side(context, err) end
  return columns, side(context, err, columns)
end

return violated
