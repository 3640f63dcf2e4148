--- The one place where an error of the core or the database becomes a raised object. Constraint violations become
--- items that name the attribute, alike on both databases. No bound value ever enters a message.

local errors = require("rowan.base.errors")
local violated = require("rowan.repo.violated")
local words = require("rowan.repo.words")

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

local ITEM = {
  UniqueConstraintError = { type = "unique violation", key = "not_unique", rule = "must be unique" },
  NotNullConstraintError = { type = "notNull violation", key = "is_null", rule = "cannot be null" },
}

-- What was sent for an attribute: that of the instance, or the parameter, if the attribute has but one.
local function written_value(context, attr)
  if not attr or attr.definition ~= context.def then return nil end
  if context.row then return rawget(context.row, attr.name) end
  local found
  for i, one in next, context.plan and context.plan.attrs or {} do
    if one == attr then
      if found ~= nil then return nil end
      found = context.params and context.params[i]
    end
  end
  if type(found) ~= "table" then return found end
end

local function constraint_items(class, def, err, context)
  local item = ITEM[class]
  local columns, message = violated.columns(def, err)
  local items, fields = {}, {}
  for i, column in ipairs(columns) do
    local attr = def and def.by_field[column]
    local name, value = attr and attr.label or column, written_value(context, attr)
    fields[name] = value == nil and true or value
    items[i] = {
      path = name, type = item.type, validatorKey = item.key, value = value, origin = "DB",
      instance = context.row, message = message or ((def and def.name .. "." or "") .. name .. " " .. item.rule),
    }
  end
  if #items == 0 then
    items[1] = { type = item.type, validatorKey = item.key, message = message or err.message, origin = "DB" }
  end
  return items, fields
end

local REFERENCE = {
  type = "foreign key violation", key = "foreign_key", rule = "refers to a row that is not there",
}
local REFERENCED = {
  type = "foreign key violation", key = "foreign_key", rule = "is still referenced by another row",
}
local CHECK = { type = "check violation", key = "check" }
local EXCLUSION = { type = "exclusion violation", key = "exclusion", rule = "conflicts with another row" }

-- Items for violations whose class is no ValidationError.
local function violation_items(def, err, names, kind, context)
  local items, rule = {}, kind.rule or "violates the constraint " .. tostring(err.constraint)
  for i, name in ipairs(names) do
    local attr = def and def.by_name[name]
    items[i] = {
      path = name, type = kind.type, validatorKey = kind.key, origin = "DB",
      value = written_value(context, attr), instance = context.row,
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

local function names_of(def, columns)
  local names = {}
  for i, column in ipairs(columns) do
    local attr = def and def.by_field[column]
    names[i] = attr and attr.label or column
  end
  return names
end

local function labels_of(attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = attr.label end
  return names
end

-- The names, the items and the message of a violation.
local function about(fields, def, names, kind, context, err)
  fields.fields, fields.errors = names, violation_items(def, err, names, kind, context)
  fields.message = violation_message(fields.errors, err)
end

-- The attributes, whose they are, and whether others point at them.
local function key_of(context, err)
  local found = context.blame
  if found then return labels_of(found.attrs), found.def or context.def, found.referenced end
  local columns, def, referenced = violated.key(context, err)
  return names_of(def, columns), def, referenced
end

local function foreign_key(fields, context, err)
  local names, def, referenced = key_of(context, err)
  about(fields, def, names, referenced and REFERENCED or REFERENCE, context, err)
  -- SQLite names no table; a row that is still pointed at is in another than the key.
  fields.table = fields.table or names[1] and not referenced and def and def.table or nil
end

local function check(fields, context, err)
  local def = context.owner
  local attrs = def and violated.checked(def, context.blame and context.blame.check or err.constraint) or {}
  about(fields, def, labels_of(attrs), CHECK, context, err)
  fields.table = fields.table or def and def.table
end

---The error object for what the driver reported.
---@param err table the driver's
---@param context { def?: table, owner?: table, blame?: rowan.Blame, plan?: table, sql?: string, row?: table, params?: any[], count?: integer }
---@return rowan.Error
function failure.object(err, context)
  local def = context.def
  local class = class_of(err, context.sql)
  if err.kind == "database" then err.message = words.without_values(err, context) end
  local fields = {
    message = err.message, sql = context.sql, sqlstate = err.sqlstate, code = err.code, constraint = err.constraint,
    table = err.table, detail = err.detail, hint = err.hint, position = err.position, model = def and def.name,
    cause = err, retryable = RETRYABLE[err.sqlstate or ""] or nil,
  }
  if class == "UnknownConstraintError" then
    fields.constraint = words.quoted(err.message)
  elseif ITEM[class] then
    fields.errors, fields.fields = constraint_items(class, context.owner, err, context)
    fields.message, fields.table = nil, err.table or context.owner and context.owner.table
  elseif class == "ValidationError" then
    fields.errors, fields.message = value_items(err, context.plan, def), nil
  elseif class == "ForeignKeyConstraintError" then
    foreign_key(fields, context, err)
  elseif class == "CheckConstraintError" then
    check(fields, context, err)
  elseif class == "ExclusionConstraintError" then
    local names = names_of(context.owner, violated.columns(context.owner, err))
    about(fields, context.owner, names, EXCLUSION, context, err)
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
