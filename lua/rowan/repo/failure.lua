--- The one place where an error of the core or the database becomes a raised object. Constraint violations become
--- items that name the attribute, alike on both databases. No bound value ever enters a message.

local errors = require("rowan.base.errors")
local null = require("rowan.base.null")

local failure = {}

local BY_KIND = {
  connect = "ConnectionError", lost = "ConnectionError", acquire = "ConnectionAcquireTimeoutError",
  timeout = "TimeoutError", closed = "ConnectionError", usage = "QueryError", memory = "BaseError",
  value = "ValidationError", database = "DatabaseError",
}

local BY_STATE = {
  ["23505"] = "UniqueConstraintError", ["23503"] = "ForeignKeyConstraintError", ["23502"] = "NotNullConstraintError",
  ["23514"] = "CheckConstraintError", ["23P01"] = "ExclusionConstraintError", ["57014"] = "TimeoutError",
  ["55P03"] = "TimeoutError",
}

-- The state of whatever is not there: types, collations, operator classes, languages too. The statement says what it was.
local UNKNOWN = "42704"
local NAMES_CONSTRAINT = {
  "^%s*DROP%s+INDEX", "^%s*ALTER%s+INDEX", "^%s*DROP%s+TRIGGER", "^%s*ALTER%s+TRIGGER", "^%s*SET%s+CONSTRAINTS",
  "^%s*ALTER%s+TABLE.*%s%a+%s+CONSTRAINT%s", "%sON%s+CONSTRAINT%s",
}

local function names_constraint(sql)
  local text = (sql or ""):upper()
  if text:find("^%s*ALTER%s+TABLE") and text:find("%sADD%s+CONSTRAINT%s") then return false end
  for _, pattern in ipairs(NAMES_CONSTRAINT) do
    if text:find(pattern) then return true end
  end
  return false
end

-- libpq says only in words why there is no connection.
local BY_WORDS = {
  { "Connection refused", "ConnectionRefusedError" }, { "could not translate host name", "HostNotFoundError" },
  { "No route to host", "HostNotReachableError" }, { "Network is unreachable", "HostNotReachableError" },
  { "timeout expired", "ConnectionTimedOutError" }, { "longer than allowed", "ConnectionTimedOutError" },
  { "no connection could be made within", "ConnectionTimedOutError" },
}

local ACCESS = { ["28000"] = true, ["28P01"] = true }

-- Transactions that met one of these can be tried again from their start.
local RETRYABLE = { ["40001"] = true, ["40P01"] = true, ["55P03"] = true }

local function attribute_name(def, field)
  local attr = def and def.by_field[field]
  return attr and attr.label or field, attr and attr.name or field
end

local function split(text)
  local list = {}
  for word in text:gmatch("[^,]+") do list[#list + 1] = (word:gsub('^%s*"?', ""):gsub('"?%s*$', "")) end
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

-- Fields of a named unique constraint or index that the model declares (expressions are none), or of its primary key.
local function declared_fields(def, constraint)
  if not def or not constraint then return nil end
  for _, unique in ipairs(def.uniques) do
    if unique.name == constraint then return fields_of(unique.attrs), unique.message end
  end
  for _, index in ipairs(def.indexes) do
    if index.name == constraint then
      local list = {}
      for _, field in ipairs(index.fields) do
        if field.attr then list[#list + 1] = field.attr.field end
      end
      return list, index.message
    end
  end
  if constraint == def.table .. "_pkey" then return fields_of(def.primary) end
end

-- SQLite names the columns of a unique constraint, not the constraint.
local function message_of(def, columns)
  for _, unique in ipairs(def and def.uniques or {}) do
    local same = #unique.attrs == #columns
    for i, attr in ipairs(unique.attrs) do same = same and attr.field == columns[i] end
    if same then return unique.message end
  end
end

-- The columns of a violated constraint: SQLite names them; PostgreSQL names the constraint, and lists the columns of a
-- key in the detail in front of the values ("Key (a, b)=(...)" in its language; the values are never looked at).
local function columns_of(def, err)
  local fields, message = declared_fields(def, err.constraint)
  if fields then return fields, message end
  if err.column_name then
    local columns = split(err.column_name)
    return columns, err.sqlstate == "23505" and message_of(def, columns) or nil
  end
  local listed = err.detail and err.detail:match("^[^(]*%((.-)%)=%(")
  return listed and key_columns(listed) or {}
end

local ITEM = {
  UniqueConstraintError = { type = "unique violation", key = "not_unique", rule = "must be unique" },
  NotNullConstraintError = { type = "notNull violation", key = "is_null", rule = "cannot be null" },
}

-- What was sent for an attribute: that of the instance, or the parameter, if the attribute has but one.
local function written_value(context, name)
  if context.row then return rawget(context.row, name) end
  local found
  for i, attr in pairs(context.plan and context.plan.attrs or {}) do
    if attr.name == name then
      if found ~= nil then return nil end
      found = context.params and context.params[i]
    end
  end
  if type(found) ~= "table" then return found end
end

local function constraint_items(class, def, err, context)
  local item = ITEM[class]
  local columns, message = columns_of(def, err)
  local items, fields = {}, {}
  for i, column in ipairs(columns) do
    local name, at = attribute_name(def, column)
    local value = written_value(context, at)
    fields[name] = value == nil and true or value
    items[i] = {
      path = name, type = item.type, validatorKey = item.key, value = value, origin = "DB",
      message = message or ((def and def.name .. "." or "") .. name .. " " .. item.rule),
    }
  end
  if #items == 0 then
    items[1] = { type = item.type, validatorKey = item.key, message = message or err.message, origin = "DB" }
  end
  return items, fields
end

-- The columns that a text speaks of; `word` is a class of what columns are made of.
local function columns_in(def, text, word)
  local found = {}
  for _, attr in ipairs(def.list) do
    local quoted = text:find('"' .. attr.field .. '"', 1, true)
    local edge = "[^" .. word .. "]"
    if quoted or (" " .. text .. " "):find(edge .. attr.field:gsub("%p", "%%%0") .. edge) then
      found[#found + 1] = attr.field
    end
  end
  return found
end

-- The columns of a CHECK: by the name that PostgreSQL gives one of a single column, else those that its name or text (all
-- that SQLite tells of one without a name) speaks of, as words or as parts of a name such as age_positive.
local function checked_columns(def, err)
  local text = err.constraint
  if not def or not text then return {} end
  local bare = text:sub(1, #def.table + 1) == def.table .. "_" and text:sub(#def.table + 2) or text
  for _, attr in ipairs(def.list) do
    if bare == attr.field .. "_check" or bare == attr.field .. "_ck" then return { attr.field } end
  end
  local found = columns_in(def, text, "%w_")
  return found[1] and found or columns_in(def, bare, "%w")
end

local REFERENCE = { type = "foreign key violation", key = "foreign_key" }
local REFERENCED = { type = "foreign key violation", key = "foreign_key", referenced = true }
local CHECK = { type = "check violation", key = "check" }

-- Items for violations whose class is no ValidationError.
local function violation_items(def, err, names, kind, context)
  local items, rule = {}, "violates the constraint " .. tostring(err.constraint)
  if kind == REFERENCE or kind == REFERENCED then
    local referenced = kind.referenced or (err.detail or ""):find("still referenced", 1, true)
    rule = referenced and "is still referenced by another row" or "refers to a row that is not there"
  end
  for i, name in ipairs(names) do
    local attr = def and def.by_name[name]
    items[i] = {
      path = name, type = kind.type, validatorKey = kind.key, origin = "DB",
      value = attr and written_value(context, attr.name),
      message = (def and def.name .. "." or "") .. name .. " " .. rule,
    }
  end
  if not items[1] then
    items[1] = { type = kind.type, validatorKey = kind.key, origin = "DB", message = err.message }
  end
  return items
end

-- What the items say, and the words of the database, which name the constraint.
local function violation_message(items, err)
  local parts = {}
  for i, item in ipairs(items) do
    if not item.path then return err.message end
    parts[i] = item.message
  end
  return ("%s (%s)"):format(table.concat(parts, "; "), err.message)
end

local function connect_class(err)
  if ACCESS[err.sqlstate or ""] then return "AccessDeniedError" end
  for _, pair in ipairs(BY_WORDS) do
    if not err.sqlstate and err.message:find(pair[1], 1, true) then return pair[2] end
  end
  return "ConnectionError"
end

local function class_of(err, sql)
  if err.kind == "connect" then return connect_class(err) end
  if err.sqlstate == UNKNOWN and names_constraint(sql) then return "UnknownConstraintError" end
  if err.kind == "database" then return BY_STATE[err.sqlstate or ""] or "DatabaseError" end
  return BY_KIND[err.kind] or "DatabaseError"
end

local function value_items(err, plan, def)
  local attr = plan and plan.attrs and err.param and plan.attrs[err.param]
  local path = attr and attr.label or err.key
  local subject = path and ((def and def.name .. "." or "") .. path) or ("parameter " .. tostring(err.param or "?"))
  return { { path = path, message = subject .. " " .. err.message, type = "type violation", validatorKey = "type" } }
end

-- Databases quote the value that they cannot take (`invalid input syntax for type integer: "..."`); what is wrong with
-- names and constraints (classes 42 and 23) quotes names.
local function without_values(err, params, n, plan)
  local class, message = (err.sqlstate or ""):sub(1, 2), err.message
  local sent = n > 0 or (plan and plan.role == "copy_end")
  if not sent or class == "42" or class == "23" then return message end
  if class == "22" then return (message:gsub('".*"', '"..."')) end
  local function drop(value)
    if type(value) == "table" then
      for i = 1, value.n or #value do drop(value[i]) end
    elseif type(value) == "string" and value ~= "" then
      for _, quote in ipairs({ '"', "'" }) do
        local from, to = message:find(quote .. value .. quote, 1, true)
        if from then message = message:sub(1, from) .. "..." .. message:sub(to) end
      end
    end
  end
  for i = 1, n do drop(params[i]) end
  return message
end

-- SQLite does not say which foreign key it was; where the statement writes a single one that is not NULL, there is no doubt.
local function only_foreign_key(def, plan, row)
  local written, found = {}, nil
  for _, attr in ipairs(def and plan and plan.attrs or {}) do
    local value = row and rawget(row, attr.name)
    if attr.definition == def and not (row and (value == nil or value == null)) then written[attr] = true end
  end
  local function consider(attrs)
    for _, attr in ipairs(attrs) do
      if not written[attr] then return end
    end
    found = found == nil and attrs
  end
  for _, attr in ipairs(def and def.list or {}) do
    if attr.references then consider({ attr }) end
  end
  for _, key in ipairs(def and def.foreign_keys or {}) do consider(key.attrs) end
  local names = {}
  for i, attr in ipairs(found or {}) do names[i] = attr.label end
  return names
end

-- ... nor that it was one of another table: a row that goes can break no other. These point at its primary key.
local function deleted_key(def, sql)
  local names = {}
  if not def or not (sql or ""):find("^DELETE") then return names end
  for i, attr in ipairs(def.primary) do names[i] = attr.label end
  return names, REFERENCED
end

---The error object for what the driver reported.
---@param err table the driver's
---@param context { def?: table, plan?: table, sql?: string, row?: table, params?: any[], count?: integer }
---@return rowan.Error
function failure.object(err, context)
  local def = context.def
  local class = class_of(err, context.sql)
  if err.kind == "database" then err.message = without_values(err, context.params, context.count or 0, context.plan) end
  local fields = {
    message = err.message, sql = context.sql, sqlstate = err.sqlstate, code = err.code, constraint = err.constraint,
    table = err.table, detail = err.detail, hint = err.hint, position = err.position, model = def and def.name,
    cause = err, retryable = RETRYABLE[err.sqlstate or ""] or nil,
  }
  if class == "UnknownConstraintError" then
    fields.constraint = err.message:match('"(.-)"')
  elseif ITEM[class] then
    fields.errors, fields.fields = constraint_items(class, def, err, context)
    fields.message = nil
  elseif class == "ValidationError" then
    fields.errors, fields.message = value_items(err, context.plan, def), nil
  elseif class == "ForeignKeyConstraintError" then
    local names, deleted = {}, nil
    for i, column in ipairs(columns_of(def, err)) do names[i] = (attribute_name(def, column)) end
    if #names == 0 then names, deleted = deleted_key(def, context.sql) end
    if #names == 0 then names = only_foreign_key(def, context.plan, context.row) end
    fields.fields, fields.errors = names, violation_items(def, err, names, deleted or REFERENCE, context)
    fields.message = violation_message(fields.errors, err)
    -- SQLite names no table; a row that is still pointed at is in another than the key.
    fields.table = fields.table or names[1] and not deleted and def and def.table or nil
  elseif class == "CheckConstraintError" then
    local names = {}
    for i, column in ipairs(checked_columns(def, err)) do names[i] = (attribute_name(def, column)) end
    fields.fields, fields.errors = names, violation_items(def, err, names, CHECK, context)
    fields.message = violation_message(fields.errors, err)
    fields.table = fields.table or def and def.table
  end
  return errors.new(class, fields)
end

---Raises the error object for what the driver reported.
---@param err table
---@param context table as for failure.object
function failure.raise(err, context)
  error(failure.object(err, context), 0)
end

return failure
