--- What a violated constraint is about, where the database does not say it: SQLite does not tell which foreign key it was,
--- and neither database which columns a check looks at. Called by repo/run, only once a statement has failed; the answer goes
--- to repo/failure.

local control = require("rowan.sql.control")
local introspect = require("rowan.repo.introspect")
local missing = require("rowan.query.missing")
local null = require("rowan.base.null")
local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")
local violated = require("rowan.repo.violated")

local blame = {}

---@class rowan.Blame
---@field attrs? rowan.Attribute[] of the foreign key, or of the key that others point at
---@field referenced? boolean others point at it
---@field def? rowan.Definition of these attributes, where it is not the statement's
---@field check? string what a check looks at, as SQL

-- The model of a table; nil when there is none, or more than one.
local function model_of(db, table_name, schema)
  local found
  for _, model in next, db.models do
    local def = model.definition
    if def.table == table_name and (schema == nil or def.schema == nil or def.schema == schema) then
      if found then return nil end
      found = model
    end
  end
  return found
end

---The definition of the table whose constraint it is: another one than the statement's where a trigger, a cascade or the
---end of a transaction has broken it. nil for SQL that the user wrote, in which columns keep their names.
---@param db table
---@param err table the driver's
---@param context table as for failure.object
---@return rowan.Definition?
function blame.owner(db, err, context)
  local def = context.def
  if not err.table or (def and def.table == err.table) then return def end
  if not def and context.sql ~= control.commit then return nil end
  local model = model_of(db, err.table, err.schema)
  return model and model.definition or nil
end

-- ---- foreign keys ----

-- What the parameters say: for each attribute the list of its values, one of each row.
local function values_of(plan, params)
  local by_attr, slot = {}, 0
  for list_mark in plan.codes:gmatch("(%[?)%-?%a") do
    slot = slot + 1
    local attr = plan.attrs[slot]
    -- Of a row that is saved, the key by which it is found comes behind what is written.
    if attr and by_attr[attr] == nil then
      by_attr[attr] = list_mark == "[" and params[slot] or { params[slot], n = 1 }
    end
  end
  return by_attr
end

-- The values of a key in each row; nil where they are not known, `touched` says whether the statement writes it at all.
local function tuples_of(key, written, computed, row)
  local lists, touched, count = {}, false, 1
  for i, attr in ipairs(key.attrs) do
    if computed[attr] then return nil, true end
    lists[i] = written[attr]
    touched = touched or lists[i] ~= nil
    if lists[i] then count = lists[i].n or #lists[i] end
  end
  if not touched then return nil, false end
  for i, attr in ipairs(key.attrs) do
    if not lists[i] then
      if not row then return nil, true end
      local value = rawget(row, attr.name)
      if value == nil and not row.isNewRecord and not rows.has(row, attr.name) then return nil, true end
      lists[i] = { n = count }
      for r = 1, count do lists[i][r] = value == nil and null or value end
    end
  end
  return lists, true, count
end

-- Without those of which a part is NULL, which point at nothing, and those that point at a row of the same statement.
local function pointing(key, def, lists, count, written)
  local kept, n, own = {}, 0, {}
  if key.table == def.table and key.schema == def.schema and #key.attrs == 1 then
    for _, value in ipairs(written[def.by_field[key.fields[1]]] or {}) do own[value] = true end
  end
  for i in ipairs(lists) do kept[i] = {} end
  for r = 1, count do
    local whole = not own[lists[1][r]]
    for i in ipairs(lists) do whole = whole and lists[i][r] ~= nil and lists[i][r] ~= null end
    if whole then
      n = n + 1
      for i in ipairs(lists) do kept[i][n] = lists[i][r] end
    end
  end
  for i in ipairs(lists) do kept[i].n = n end
  return kept, n
end

local function is_missing(db, key, lists, options)
  local plan = missing.plan(key, db._dialect)
  return run.plan(db, plan, lists, #lists, options)[1] ~= nil
end

-- The attributes of a definition that keys of other models point at: each such set once.
local function pointed_at(db, def)
  local sets, seen = {}, {}
  for _, model in next, db.models do
    for _, key in ipairs(missing.keys(model.definition)) do
      local id = table.concat(key.fields, "\31")
      if key.table == def.table and key.schema == def.schema and not seen[id] then
        local attrs = {}
        for i, field in ipairs(key.fields) do attrs[i] = def.by_field[field] end
        seen[id] = true
        if #attrs == #key.fields then sets[#sets + 1] = attrs end
      end
    end
  end
  return sets
end

local function only(sets, wanted)
  local found
  for _, attrs in ipairs(sets) do
    local touches = wanted == nil
    for _, attr in ipairs(attrs) do touches = touches or wanted[attr] ~= nil end
    if touches and found then return nil end
    if touches then found = attrs end
  end
  return found
end

-- Which foreign key a statement has broken: the first whose value is nowhere; else the only one that the database computed,
-- else the key that was changed under those who point at it.
local function broken_key(db, context, options)
  local def, plan = context.def, context.plan
  if not def or not plan.attrs then return nil end
  if plan.text:find("^DELETE") then
    return { attrs = only(pointed_at(db, def)) or def.primary, referenced = true }
  end
  local written, computed, unknown = values_of(plan, context.params), plan.computed or {}, {}
  for _, key in ipairs(missing.keys(def)) do
    local lists, touched, count = tuples_of(key, written, computed, context.row)
    if lists then
      local kept, n = pointing(key, def, lists, count, written)
      if n > 0 and is_missing(db, key, kept, options) then return { attrs = key.attrs } end
    elseif touched then
      unknown[#unknown + 1] = key
    end
  end
  if #unknown == 1 then return { attrs = unknown[1].attrs } end
  local changed = only(pointed_at(db, def), written)
  if not unknown[1] and changed and plan.text:find("^UPDATE") then return { attrs = changed, referenced = true } end
end

-- The first key that keeps a transaction from being committed.
local function deferred_key(db, options)
  local text = db._dialect.violated_keys
  local found = text and introspect.rows(db, text, {}, options) or {}
  local model = found[1] and model_of(db, found[1].name)
  if not model then return nil end
  local attrs = {}
  for i, row in ipairs(found) do attrs[i] = model.definition.by_field[row.column] end
  return { attrs = attrs, def = model.definition }
end

-- ---- checks ----

-- A failed transaction of PostgreSQL answers nothing: another connection does, if one is free.
local function can_ask(db, call)
  if not call.transaction or db._dialect.supports.failed_statements then return true end
  call.transaction = false
  local stats = db.pool:stats()
  return stats.inUse < stats.max and stats.waiting == 0
end

local function check_text(db, err, def, call)
  if not can_ask(db, call) then return nil end
  local picture = introspect.table(db, def.table, def.schema, call)
  for _, one in ipairs(picture and picture.checks or {}) do
    if one.name == err.constraint then return { check = one.expression } end
  end
end

local function inquire(db, err, context, transaction, options)
  local call = { transaction = transaction or false, logging = options and options.logging }
  if err.sqlstate == "23503" and not err.constraint then
    if context.plan.text == control.commit then return deferred_key(db, call) end
    return broken_key(db, context, call)
  end
  local def = context.owner
  local name = err.constraint
  if err.sqlstate == "23514" and def and name and not name:find("[^%w_]") and not violated.named_check(def, name) then
    return check_text(db, err, def, call)
  end
end

---What else can be found out about a violation; nil when nothing. It never raises: what matters is the violation.
---@async
---@param db table
---@param err table the driver's
---@param context table as for failure.object
---@param transaction? rowan.Transaction that the statement ran in
---@param options? table the call's
---@return rowan.Blame?
function blame.inquire(db, err, context, transaction, options)
  local ok, found = pcall(inquire, db, err, context, transaction, options)
  return ok and found or nil
end

return blame
