--- Instances made out of values without asking the database: Model:build and bulkBuild. New ones, with those of the
--- associations that `include` names, or such as are known to be stored. Called by model/writers; model/instance saves
--- what was built with an include.

local build = require("rowan.change.build")
local cast = require("rowan.change.cast")
local check = require("rowan.base.check")
local driver = require("rowan.driver")
local errors = require("rowan.base.errors")
local graph = require("rowan.change.graph")
local includes = require("rowan.association.includes")
local nested = require("rowan.repo.nested")
local null = require("rowan.base.null")
local projection = require("rowan.query.projection")
local rows = require("rowan.driver.rows")

local built = {}

local OPTIONS = check.set({ "include", "isNewRecord", "raw" })

-- What a new row was built with. A row that is stored no longer needs it, unless a rollback makes it a new one again.
local includes_of = setmetatable({}, { __mode = "k" })

-- The values by the names that rows have them by, past setters.
local function raw_values(def, given, context)
  local out = {}
  for name, value in next, given do
    local attr = def.by_name[name]
    if not attr then build.unknown(def, name, context) end
    out[attr.name] = value
  end
  return out
end

-- A row with exactly these values as what is stored.
local function stored(model, given, context)
  local def = model.definition
  local row, values, columns, failures = raw_values(def, given, context), {}, {}, nil
  for _, attr in ipairs(def.list) do
    local value = row[attr.name]
    if value ~= nil then
      columns[#columns + 1] = projection.column(attr)
      values[attr.name], failures = cast.bind(row, attr, value, failures)
      if value == null then row[attr.name] = nil end
    end
  end
  cast.check(def, failures)
  -- Without its key it can be looked at, not written; without anything it has an attribute that is NULL.
  if #columns == 0 then columns[1] = projection.column(def.list[1]) end
  local template = #columns == #def.list and model._template or model._partial_template
  return rows.adopt(row, template, driver.statement("", "", columns), values)
end

local function fresh(model, given, options, context)
  if options and options.include ~= nil then
    local entries = includes.entries(model, options.include, context)
    local row = graph.build(model, { given }, entries, context, true, {}).rows[1]
    includes_of[row] = options.include
    return row
  end
  local def = model.definition
  if not (options and options.raw) then return setmetatable(build.row(def, given, context), model._new) end
  local row = setmetatable(raw_values(def, given, context), model._new)
  build.defaults(def, row)
  return row
end

---One instance.
---@param model table
---@param given any
---@param options? { include?: any, isNewRecord?: boolean, raw?: boolean }
---@param context string
---@return table
function built.one(model, given, options, context)
  check.keys(options, OPTIONS, context, "QueryError")
  if given == nil then given = {} end
  if type(given) ~= "table" or given == null then
    errors.raise("QueryError", { message = context .. " wants a table of values, not " .. tostring(given) })
  end
  if not options or options.isNewRecord ~= false then return fresh(model, given, options, context) end
  if options.include ~= nil then
    errors.raise("QueryError", { message = context .. ": include goes with new rows only" })
  end
  return stored(model, given, context)
end

---Stores a new row that was built with an include, with what hangs on it.
---@async
---@param model table
---@param row table
---@param options? table
---@return boolean done false for any other row
function built.save(model, row, options)
  local include = includes_of[row]
  if not include or not row.isNewRecord then return false end
  local call = { include = include }
  for _, name in ipairs({ "transaction", "logging", "benchmark", "context", "hooks", "validate" }) do
    call[name] = options and options[name]
  end
  nested.create(model, { row }, call, model.name .. ":save", true)
  return true
end

---Notes what a row was made and stored with, for when a rollback makes it a new one again.
---@param row table
---@param include any the option
function built.remember(row, include)
  includes_of[row] = include
end

return built
