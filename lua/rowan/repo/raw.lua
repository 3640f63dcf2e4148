--- Running SQL of the user's own: db:query.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local json = require("rowan.types.json")
local raw_query = require("rowan.query.raw")
local run = require("rowan.repo.run")

local raw = {}

local OPTIONS = {
  replacements = true, bind = true, type = true, plain = true, raw = true, transaction = true, logging = true,
  benchmark = true,
}
local TYPES = { SELECT = true, INSERT = true, UPDATE = true, DELETE = true, RAW = true }

-- Columns that no model typed are decoded by the database's own type.
local LOADS = { j = json.decode, J = json.decode }

local function fail(message)
  errors.raise("QueryError", { message = "db:query: " .. message })
end

local function values_table(options, name)
  local value = options[name]
  if value ~= nil and type(value) ~= "table" then fail(name .. " wants a list or a table by name") end
  return value
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
  local kept = db._plans:get(key)
  if not kept then
    local pieces, several = raw_query.parse(sql, modes)
    kept = { pieces = pieces, several = several, plans = {} }
    db._plans:put(key, kept)
  end
  return kept
end

local function plan_of(db, sql, options)
  local replacements, bind = values_table(options, "replacements"), values_table(options, "bind")
  local kept = parsed(db, sql, replacements, bind)
  local text, codes, values = raw_query.fill(kept.pieces, db._dialect, replacements, bind)
  if kept.several and #values > 0 then fail("several statements cannot take values; send them one by one") end
  local key = codes .. "\31" .. text
  local plan = db._plans:get(key)
  if not plan then
    plan = { text = text, codes = codes, script = kept.several or nil, loads = LOADS }
    db._plans:put(key, plan)
  end
  return plan, values
end

local function answer(kind, rows, affected, last_id)
  if kind == "SELECT" then return rows end
  if kind == "DELETE" then return affected or 0 end
  if kind == "UPDATE" then return rows, affected or 0 end
  if kind == "INSERT" then return (rows[1] ~= nil or not last_id or last_id == 0) and rows or last_id, affected or 0 end
  return rows, { affected = affected, lastId = last_id ~= 0 and last_id or nil }
end

---Runs SQL and gives its rows as plain tables, then { affected =, lastId = }.
---@async
---@param db table
---@param sql string
---@param options? table
---@return any
function raw.query(db, sql, options)
  if type(sql) ~= "string" then fail("wants SQL text first, not " .. type(sql)) end
  options = options or {}
  check.keys(options, OPTIONS, "db:query", "QueryError")
  if options.type ~= nil and not TYPES[options.type] then
    fail("type must be SELECT, INSERT, UPDATE, DELETE or RAW")
  end
  local plan, values = plan_of(db, sql, options)
  local rows, affected, last_id = run.plan(db, plan, values, #values, options)
  if rows == true then rows = {} end
  if options.plain then return rows[1] end
  return answer(options.type, rows, affected, last_id)
end

return raw
