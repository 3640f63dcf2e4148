--- Running SQL of the user's own: db:query.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local mapping = require("rowan.query.mapping")
local nest = require("rowan.query.nest")
local raw_query = require("rowan.query.raw")
local run = require("rowan.repo.run")
local snapshots = require("rowan.driver.rows")
local untyped = require("rowan.types.untyped")
local write = require("rowan.repo.write")

local raw = {}

local NO_OPTIONS = {}

local OPTIONS = check.set({
  "replacements", "bind", "type", "plain", "raw", "nest", "model", "mapToModel", "fieldMap", "instance", "transaction",
  "logging", "benchmark",
})
-- What a call of each type returns, of rows and the number of rows that were changed.
local ANSWERS = {
  SELECT = function(rows) return rows end,
  INSERT = function(rows, affected) return rows, affected end,
  UPSERT = function(rows, affected) return rows, affected end,
  UPDATE = function(rows, affected) return rows, affected end,
  BULKUPDATE = function(_, affected) return affected end,
  DELETE = function(rows, affected) return affected, rows end,
  BULKDELETE = function(_, affected) return affected end,
}

local function fail(message)
  errors.raise("QueryError", { message = "db:query: " .. message })
end

local function values_table(options, name)
  local value = options[name]
  if value ~= nil and type(value) ~= "table" then fail(name .. " wants a list or a table by name") end
  return value
end

local function parse(sql, modes)
  local pieces, several = raw_query.parse(sql, modes)
  return { pieces = pieces, several = several }
end

-- A text is parsed once for each way of giving values; what differs after that are lists among the replacements.
local function parsed(db, sql, replacements, bind)
  local modes = {
    positional = replacements ~= nil and (replacements[1] ~= nil or next(replacements) == nil),
    named = replacements ~= nil and replacements[1] == nil,
    bind = bind ~= nil,
  }
  local key = ("raw %s%s%s\31%s"):format(modes.positional and "?" or "", modes.named and ":" or "",
    modes.bind and "$" or "", sql)
  return db._plans:kept(key, parse, sql, modes)
end

local function new_plan(text, codes, script, options)
  return {
    text = text, codes = codes, script = script or nil, loads = untyped, known = mapping.known(options),
    def = options.model and options.model.definition,
  }
end

local function plan_of(db, sql, options)
  local replacements, bind = values_table(options, "replacements"), values_table(options, "bind")
  local kept = parsed(db, sql, replacements, bind)
  local text, codes, values = raw_query.fill(kept.pieces, db._dialect, replacements, bind)
  if kept.several and #values > 0 then fail("several statements cannot take values; send them one by one") end
  local key = codes .. "\31" .. text .. mapping.key(options)
  return db._plans:kept(key, new_plan, text, codes, kept.several, options), values
end

---The plan of SQL text with its values.
raw.plan = plan_of

local function check_model(db, options)
  local model, instance = options.model, options.instance
  if instance ~= nil then
    if not snapshots.isrow(instance) and not (type(instance) == "table" and getmetatable(instance)
      and instance.isNewRecord) then
      fail("instance wants an instance")
    end
    if model ~= nil and model ~= instance.Model then fail("the instance is not one of the model") end
    if options.plain or options.nest or options.raw then fail("instance excludes plain, nest and raw") end
    model = instance.Model
  end
  if model == nil then
    if options.mapToModel then fail("mapToModel wants a model") end
    return
  end
  if type(model) ~= "table" or rawget(model, "definition") == nil then fail("model wants a model") end
  if model.db ~= db then fail("the model is one of another database") end
  if options.nest then fail("nest is for rows without a model") end
  return model
end

local function check_options(db, options)
  check.keys(options, OPTIONS, "db:query", "QueryError")
  local kind = options.type
  if kind ~= nil and kind ~= "RAW" and not ANSWERS[kind] then
    fail("type must be SELECT, INSERT, UPDATE, DELETE, UPSERT, BULKUPDATE, BULKDELETE or RAW")
  end
  for _, name in ipairs({ "plain", "nest", "raw", "mapToModel" }) do
    if options[name] ~= nil and type(options[name]) ~= "boolean" then fail(name .. " must be true or false") end
  end
  if options.fieldMap ~= nil and type(options.fieldMap) ~= "table" then fail("fieldMap wants a table by column") end
  return check_model(db, options)
end

-- Puts what a statement returned of a row into its instance: what the row did not return stays as it was.
local function take_row(model, instance, fresh)
  if not fresh then return nil end
  local stored, is_new = {}, instance.isNewRecord
  for _, attr in ipairs(model.definition.list) do
    local name = attr.name
    local value
    if snapshots.has(fresh, name) then
      value = rawget(fresh, name)
      rawset(instance, name, value)
    elseif not is_new then
      value = snapshots.original(instance, name)
    end
    if value ~= nil and attr.type.dump then value = attr.type.dump(value) end
    stored[name] = value
  end
  return snapshots.adopt(instance, model._template, write.layout(model), stored)
end

-- The row of an instance is read as those of its model.
local function of_instance(options, model)
  local mapped = {}
  for name, value in next, options do mapped[name] = value end
  mapped.model, mapped.mapToModel = model, true
  return mapped
end

---Runs SQL and gives its rows as plain tables or instances, then { affected =, lastId = }; or what its type says.
---@async
---@param db table
---@param sql string
---@param options? table
---@return any
---@return any metadata
function raw.query(db, sql, options)
  if type(sql) ~= "string" then fail("wants SQL text first, not " .. type(sql)) end
  options = options or NO_OPTIONS
  local model = check_options(db, options)
  if options.instance then options = of_instance(options, model) end
  local plan, values = plan_of(db, sql, options)
  local template = model and not options.raw and model._partial_template or nil
  local rows, affected, last_id = run.plan(db, plan, values, #values, options, template)
  if rows == true then rows = {} end
  if options.instance then return take_row(model, options.instance, rows[1]), affected or 0 end
  if options.nest then nest.all(rows) end
  if options.plain then return rows[1] end
  local answer = ANSWERS[options.type]
  if answer then return answer(rows, affected or 0) end
  if options.type == nil and (model or options.nest) then return rows end
  return rows, { affected = affected, lastId = last_id ~= 0 and last_id or nil }
end

return raw
