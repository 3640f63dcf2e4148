--- Functions and triggers as texts. Names are quoted, bodies and arguments are literals, and what stands for itself (types,
--- options) must look like that. Called by model/query_routines.

local ddl_text = require("rowan.sql.ddl_text")
local ddl_types = require("rowan.sql.ddl_types")
local errors = require("rowan.base.errors")
local types = require("rowan.types")

local routine = {}

local TEXT = types.DataTypes.TEXT

local function fail(message)
  errors.raise("QueryError", { message = "queryInterface:" .. message })
end

-- A type, by its name ("INTEGER", "SETOF users", "TABLE (id int, name text)") or as one of DataTypes.
local function type_text(dialect, given, what)
  if types.is(given) then
    if ddl_types.enum_of(given) then fail(what .. ": an enum is named by the type that it has in the database") end
    return dialect.type_name(given)
  end
  if type(given) ~= "string" or not given:find("^[%a_\"][%w_%s.,()%[%]\"%%]*$") then
    fail(what .. " must be one of DataTypes, or the name of a type")
  end
  return given
end

local DIRECTIONS = { IN = true, OUT = true, INOUT = true, VARIADIC = true }

local function parameter(dialect, given, what)
  if type(given) ~= "table" or types.is(given) then fail(what .. ": a parameter is { type =, name =, direction = }") end
  local parts = {}
  if given.direction then
    local direction = tostring(given.direction):upper()
    if not DIRECTIONS[direction] then fail(what .. ": direction must be IN, OUT, INOUT or VARIADIC") end
    parts[1] = direction
  end
  if given.name then parts[#parts + 1] = dialect.quote(given.name) end
  parts[#parts + 1] = type_text(dialect, given.type, what .. ": the type of a parameter")
  return table.concat(parts, " ")
end

local function signature(dialect, at, params, what)
  local list = {}
  for i, given in ipairs(params) do list[i] = parameter(dialect, given, what) end
  return ("%s(%s)"):format(ddl_text.name(dialect, at.name, at.schema), table.concat(list, ", "))
end

local function known_words(given, known, what)
  local words = {}
  for i, word in ipairs(given or {}) do
    local plain = type(word) == "string" and word:upper():gsub("%s+", " ") or ""
    if not known[plain] and not (known.numbers and plain:find("^%u+ %d+$") and known.numbers[plain:match("^%u+")]) then
      fail(("%s: the option %s is not known"):format(what, tostring(word)))
    end
    words[i] = plain
  end
  return words
end

local FUNCTION_WORDS = {
  IMMUTABLE = true, STABLE = true, VOLATILE = true, STRICT = true, LEAKPROOF = true, ["NOT LEAKPROOF"] = true,
  ["CALLED ON NULL INPUT"] = true, ["RETURNS NULL ON NULL INPUT"] = true, ["SECURITY DEFINER"] = true,
  ["SECURITY INVOKER"] = true, WINDOW = true, ["PARALLEL SAFE"] = true, ["PARALLEL RESTRICTED"] = true,
  ["PARALLEL UNSAFE"] = true, numbers = { COST = true, ROWS = true },
}

local function value_text(dialect, value)
  if type(value) == "string" then return dialect.literal(value, TEXT) end
  if type(value) == "boolean" then return value and "TRUE" or "FALSE" end
  if type(value) ~= "number" then
    fail("createFunction: the default of a variable must be a text, a number or a boolean")
  end
  return dialect.literal(value, types.DataTypes.DOUBLE)
end

local function variables_text(dialect, variables)
  local list = {}
  for i, given in ipairs(variables or {}) do
    local type_of = type_text(dialect, given.type, "createFunction: the type of a variable")
    local text = dialect.quote(given.name) .. " " .. type_of
    if given.default ~= nil then text = text .. " := " .. value_text(dialect, given.default) end
    list[i] = text .. "; "
  end
  return list[1] and "DECLARE " .. table.concat(list) or ""
end

---CREATE FUNCTION. A body in plpgsql is what stands between BEGIN and END.
---@param dialect rowan.Dialect
---@param at { name: string, schema?: string }
---@param given { params: table[], returns: any, language: string, body: string, words?: string[], variables?: table[], force?: boolean }
---@return string
function routine.create_function(dialect, at, given)
  local body, language = given.body, given.language:lower()
  if language == "plpgsql" then
    body = ("%sBEGIN %s END;"):format(variables_text(dialect, given.variables), body)
  elseif given.variables then
    fail("createFunction: variables are for plpgsql")
  end
  local parts = {
    given.force and "CREATE OR REPLACE FUNCTION" or "CREATE FUNCTION",
    signature(dialect, at, given.params, "createFunction"),
    "RETURNS " .. type_text(dialect, given.returns, "createFunction: the return type"),
    "LANGUAGE " .. dialect.quote(language),
  }
  for _, word in ipairs(known_words(given.words, FUNCTION_WORDS, "createFunction")) do parts[#parts + 1] = word end
  parts[#parts + 1] = "AS " .. dialect.literal(body, TEXT)
  return table.concat(parts, " ")
end

---@param dialect rowan.Dialect
---@param at { name: string, schema?: string }
---@param params table[]
---@param options { ifExists?: boolean, cascade?: boolean }
---@return string
function routine.drop_function(dialect, at, params, options)
  return ("DROP FUNCTION %s%s %s"):format(options.ifExists and "IF EXISTS " or "",
    signature(dialect, at, params, "dropFunction"), options.cascade and "CASCADE" or "RESTRICT")
end

---@param dialect rowan.Dialect
---@param at { name: string, schema?: string }
---@param params table[]
---@param becomes string
---@return string
function routine.rename_function(dialect, at, params, becomes)
  return ("ALTER FUNCTION %s RENAME TO %s"):format(signature(dialect, at, params, "renameFunction"),
    dialect.quote(becomes))
end

local TIMINGS = {
  before = "BEFORE", after = "AFTER", instead_of = "INSTEAD OF", after_constraint = "AFTER",
}
local EVENTS = { "insert", "update", "delete", "truncate" }
local TRIGGER_WORDS = {
  ["FOR EACH ROW"] = true, ["FOR EACH STATEMENT"] = true, DEFERRABLE = true, ["NOT DEFERRABLE"] = true,
  ["INITIALLY DEFERRED"] = true, ["INITIALLY IMMEDIATE"] = true,
}

-- { "insert", "update" }, or { "insert", update = { "name" } } for those of some columns.
local function events_of(dialect, given)
  local wanted, count = {}, 0
  for key, value in pairs(type(given) == "table" and given or {}) do
    local event = type(key) == "number" and value or key
    wanted[tostring(event):lower()] = type(key) == "number" and true or value
    count = count + 1
  end
  local list = {}
  for _, event in ipairs(EVENTS) do
    local columns = wanted[event]
    if type(columns) == "table" and (event ~= "update" or not columns[1]) then
      fail("createTrigger: columns are named for update alone, as { update = { \"name\" } }")
    elseif type(columns) == "table" then
      local names = {}
      for i, name in ipairs(columns) do names[i] = dialect.quote(name) end
      list[#list + 1] = "UPDATE OF " .. table.concat(names, ", ")
    elseif columns then
      list[#list + 1] = event:upper()
    end
  end
  if #list == 0 or #list ~= count then fail("createTrigger: fires on insert, update, delete or truncate") end
  return list
end

-- What a trigger does: a function of PostgreSQL with texts as arguments, or statements of SQLite.
local function action_text(dialect, given)
  if not dialect.supports.functions then return ("BEGIN %s END"):format((given.body:gsub(";?%s*$", ";"))) end
  local arguments = {}
  for i, value in ipairs(given.params or {}) do arguments[i] = dialect.literal(tostring(value), TEXT) end
  local name = ddl_text.name(dialect, given.execute, given.schema)
  return ("EXECUTE PROCEDURE %s(%s)"):format(name, table.concat(arguments, ", "))
end

---CREATE TRIGGER.
---@param dialect rowan.Dialect
---@param at rowan.TableName
---@param name string
---@param given { timing: string, events: table, execute?: string, params?: any[], body?: string, words?: string[], when?: string, schema?: string }
---@return string
function routine.create_trigger(dialect, at, name, given)
  local timing = TIMINGS[type(given.timing) == "string" and given.timing:lower() or false]
  if not timing then fail("createTrigger: the timing must be before, after, instead_of or after_constraint") end
  local constraint = given.timing:lower() == "after_constraint"
  local events = events_of(dialect, given.events)
  if not dialect.supports.functions and (events[2] or events[1] == "TRUNCATE" or constraint) then
    fail("createTrigger: a trigger of SQLite fires on one of insert, update and delete")
  end
  local parts = {
    constraint and "CREATE CONSTRAINT TRIGGER" or "CREATE TRIGGER", dialect.quote(name), timing,
    table.concat(events, " OR "), "ON", ddl_text.name(dialect, at.name, at.schema),
  }
  for _, word in ipairs(known_words(given.words, TRIGGER_WORDS, "createTrigger")) do parts[#parts + 1] = word end
  if given.when then parts[#parts + 1] = "WHEN (" .. given.when .. ")" end
  parts[#parts + 1] = action_text(dialect, given)
  return table.concat(parts, " ")
end

---@param dialect rowan.Dialect
---@param at rowan.TableName
---@param name string
---@param options { cascade?: boolean }
---@return string
function routine.drop_trigger(dialect, at, name, options)
  if not dialect.supports.functions then return "DROP TRIGGER " .. dialect.quote(name) end
  return ("DROP TRIGGER %s ON %s %s"):format(dialect.quote(name), ddl_text.name(dialect, at.name, at.schema),
    options.cascade and "CASCADE" or "RESTRICT")
end

---@param dialect rowan.Dialect
---@param at rowan.TableName
---@param name string
---@param becomes string
---@return string
function routine.rename_trigger(dialect, at, name, becomes)
  return ("ALTER TRIGGER %s ON %s RENAME TO %s"):format(dialect.quote(name),
    ddl_text.name(dialect, at.name, at.schema), dialect.quote(becomes))
end

return routine
