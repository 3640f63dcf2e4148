-- From rowan.connect's arguments to what the core opens. Called by database.lua. Pure but for the
-- environment: DATABASE_URL when nothing names a database, PG* as in libpq.
local errors = require "rowan.base.errors"
local making = require "rowan.driver.settings"
local suggest = require "rowan.base.suggest"
local url_parser = require "rowan.driver.url"

local M = {}

local POOL_DEFAULTS = { max = 5, min = 0, acquire = 60000, idle = 10000, lifetime = 1800000 }

-- Every option: what it must be, for which database alone (only), between which bounds, or out of which
-- choices. up: kept in config.options for the layers above.
local FIELDS = {
  { "url", kind = "string" },
  { "dialect", kind = "string", choices = { "postgres", "sqlite" } },
  { "host", kind = "string", only = "postgres" },
  { "port", kind = "integer", only = "postgres", min = 1, max = 65535 },
  { "database", kind = "string", only = "postgres" },
  { "user", kind = "string", only = "postgres" },
  { "password", kind = "string", only = "postgres" },
  { "sslmode", kind = "string", only = "postgres",
    choices = { "disable", "allow", "prefer", "require", "verify-ca", "verify-full" } },
  { "sslrootcert", kind = "string", only = "postgres" },
  { "sslcert", kind = "string", only = "postgres" },
  { "sslkey", kind = "string", only = "postgres" },
  { "applicationName", kind = "string", only = "postgres" },
  { "ssl", kind = "boolean", only = "postgres" },
  { "searchPath", kind = "names", only = "postgres" },
  { "options", kind = "string", only = "postgres" },
  { "storage", kind = "string", only = "sqlite" },
  { "mode", kind = "string", only = "sqlite", choices = { "memory", "ro", "rw", "rwc" } },
  { "busyTimeout", kind = "integer", only = "sqlite", min = 0 },
  { "pool", kind = "table" },
  { "connectTimeout", kind = "integer", min = 1 },
  { "queryTimeout", kind = "integer", min = 1 },
  { "statementCache", kind = "integer", min = 0, max = 100000 },
  { "preparedStatements", kind = "boolean" },
  { "logging", kind = "logger", up = true },
  { "benchmark", kind = "boolean", up = true },
  { "warnings", kind = "logger", up = true },
  { "hooks", kind = "table" },
  { "define", kind = "table", up = true },
  { "schema", kind = "string", up = true },
  { "omitNull", kind = "boolean", up = true },
  { "associationLoading", kind = "string", up = true, choices = { "siblings", "single", "strict" } },
  { "isolationLevel", kind = "string", up = true },
  { "transactionType", kind = "string", up = true, only = "sqlite" },
}
local POOL_FIELDS = {
  { "max", kind = "integer", min = 1, max = 10000 },
  { "min", kind = "integer", min = 0 },
  { "acquire", kind = "integer", min = 1 },
  { "idle", kind = "span", min = 1 },
  { "lifetime", kind = "span", min = 1 },
}

-- Options of Sequelize that are known and refused, with the reason.
local PENDING = "is not supported yet"
local REFUSED = {
  timezone = "is not an option: a DATE is stored, sent and read in UTC",
  keepDefaultTimezone = "is not an option: a DATE is stored, sent and read in UTC",
  username = "is called user",
  dialectModule = "is not an option: the drivers are built in",
  dialectOptions = "is not an option: write its fields beside the others",
  quoteIdentifiers = "is not an option: identifiers are always quoted",
  standardConformingStrings = "is not an option: values are always bound",
  client_encoding = "is not an option: rowan speaks UTF-8",
  foreignKeys = "is not an option: foreign keys are always on",
  native = "is not an option: the driver is always native",
  replication = PENDING, retry = PENDING, models = PENDING, set = PENDING, sync = PENDING,
  query = PENDING, logQueryParameters = PENDING, minifyAliases = PENDING, noTypeValidation = PENDING,
  nullJsonStringification = PENDING, prependSearchPath = PENDING,
  databaseVersion = PENDING,
  defaultTimestampPrecision = PENDING, defaultTransactionNestMode = PENDING, disableClsTransactions = PENDING,
  typeValidation = PENDING, clientMinMessages = PENDING, keepAlive = PENDING, stream = PENDING,
  evict = PENDING, maxUses = PENDING, validate = PENDING,
}

local function fail(message)
  errors.raise("UsageError", { message = "rowan.connect: " .. message })
end

local function refuse_config(message)
  errors.raise("UsageError", { message = "beforeConnect: " .. message })
end

local function is_integer(value)
  return type(value) == "number" and value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53
end

-- Each gives the value to keep, or nil and what was wanted.
local KINDS = {
  string = function(value)
    if type(value) == "string" and not value:find("\0", 1, true) then return value end
    return nil, "must be a string without NUL"
  end,
  boolean = function(value)
    if type(value) == "boolean" then return value end
    return nil, "must be true or false"
  end,
  table = function(value)
    if type(value) == "table" then return value end
    return nil, "must be a table"
  end,
  logger = function(value)
    if type(value) == "function" or type(value) == "boolean" then return value end
    return nil, "must be a function, true (standard error) or false"
  end,
  integer = function(value, field)
    if type(value) == "string" and value:find("^%d+$") and #value < 16 then value = tonumber(value) end
    local low, high = field.min, field.max
    if is_integer(value) and (not low or value >= low) and (not high or value <= high) then
      return math.floor(value)
    end
    return nil, "must be an integer " .. (high and "from " .. low .. " to " .. high or "of at least " .. low)
  end,
  names = function(value)
    if type(value) == "string" and not value:find("\0", 1, true) then return value end
    local names = type(value) == "table" and value or {}
    for i = 1, #names do
      local name = names[i]
      if type(name) ~= "string" or name:find("\0", 1, true) then
        return nil, "must be a list of schema names"
      end
    end
    if #names > 0 then return names end
    return nil, "must be a schema name or a list of them"
  end,
}

-- Milliseconds, or false for never; the core calls that 0.
KINDS.span = function(value, field)
  if value == false or value == math.huge then return 0 end
  local kept, rule = KINDS.integer(value, field)
  return kept, rule and rule .. " (milliseconds), or false for never"
end

local function sorted_keys(options, prefix, refuse)
  local keys = {}
  for key in pairs(options) do
    if type(key) ~= "string" then
      refuse("the options are a table of names and values, got the key " .. tostring(key) .. prefix)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- options -> the same with every value checked; prefix is "pool." or "".
local function checked(options, fields, prefix, refuse)
  refuse = refuse or fail
  local by_name, names = {}, {}
  for i = 1, #fields do
    names[i] = fields[i][1]
    by_name[names[i]] = fields[i]
  end
  local out = {}
  local keys = sorted_keys(options, prefix == "" and "" or " in " .. prefix:sub(1, -2), refuse)
  for i = 1, #keys do
    local key, value = keys[i], options[keys[i]]
    local field = by_name[key]
    if not field then
      if REFUSED[key] then refuse('the option "' .. prefix .. key .. '" ' .. REFUSED[key]) end
      refuse(suggest.unknown(prefix == "" and "there is no option" or "there is no option of pool", key, names))
    end
    local kept, rule = KINDS[field.kind](value, field)
    if kept == nil then refuse('the option "' .. prefix .. key .. '" ' .. rule) end
    if field.choices then
      local found = false
      for c = 1, #field.choices do found = found or field.choices[c] == kept end
      if not found then refuse(suggest.unknown('the option "' .. key .. '" cannot be', kept, field.choices)) end
    end
    out[key] = kept
  end
  return out
end

local NAMES_A_DATABASE = { "dialect", "host", "port", "database", "user", "storage" }
local PG_VARIABLES = { "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE" }

local environment, value_of = making.environment, making.value_of

-- Which database is meant -> what the URL says, or just the driver's name.
local function target(options)
  if options.url then return url_parser.parse(options.url) end
  if options.dialect then return { driver = options.dialect } end
  if options.storage then return { driver = "sqlite" } end
  for i = 1, #NAMES_A_DATABASE do
    if options[NAMES_A_DATABASE[i]] then
      fail('"' .. NAMES_A_DATABASE[i] .. '" needs dialect = "postgres" or "sqlite" beside it')
    end
  end
  local from_environment = environment("DATABASE_URL")
  if from_environment then return url_parser.parse(from_environment) end
  for i = 1, #PG_VARIABLES do
    if environment(PG_VARIABLES[i]) then return { driver = "postgres" } end
  end
  return fail('needs a URL, a dialect or DATABASE_URL (try rowan.connect("sqlite::memory:"))')
end

local function pool_of(options, in_memory)
  local given = checked(options.pool or {}, POOL_FIELDS, "pool.")
  -- A second connection to :memory: would be a second, empty database; closing the only one would lose it.
  if in_memory then
    given.max, given.min, given.idle, given.lifetime = 1, 1, 0, 0
  end
  local out = {
    max = given.max or POOL_DEFAULTS.max,
    min = given.min or POOL_DEFAULTS.min,
    acquire_timeout_ms = given.acquire or POOL_DEFAULTS.acquire,
    idle_timeout_ms = given.idle or POOL_DEFAULTS.idle,
    lifetime_ms = given.lifetime or POOL_DEFAULTS.lifetime,
  }
  if out.min > out.max then fail("pool.min (" .. out.min .. ") is more than pool.max (" .. out.max .. ")") end
  return out
end

local function label_of(driver, settings)
  if driver == "sqlite" then return "sqlite " .. value_of(settings, "path") end
  local database, host = value_of(settings, "dbname"), value_of(settings, "host")
  return "postgres" .. (database and " " .. database or "") .. (host and " at " .. host or "")
end

--- rowan.connect's arguments as one table of the caller's own.
---@param url string|table|nil
---@param options table|nil
---@return table
function M.merge(url, options)
  if type(url) == "table" and options == nil then url, options = nil, url end
  if url ~= nil and type(url) ~= "string" then fail("expects a URL, a table of options, or both") end
  if options ~= nil and type(options) ~= "table" then
    fail("the options must be a table, got a " .. type(options))
  end
  local out = {}
  for key, value in pairs(options or {}) do out[key] = value end
  if url and out.url then fail("the URL is given twice, as the first argument and as an option") end
  out.url = url or out.url
  return out
end

local function check_dialect(driver, options)
  if options.dialect and options.dialect ~= driver then
    fail('the URL is one of ' .. driver .. ', but dialect = "' .. options.dialect .. '"')
  end
  for i = 1, #FIELDS do
    local field = FIELDS[i]
    if options[field[1]] ~= nil and field.only and field.only ~= driver then
      fail('the option "' .. field[1] .. '" is one of ' .. field.only .. ", not of " .. driver)
    end
  end
end

---@class rowan.driver.Config: rowan.driver.Settings
---@field pool table max, min, acquire_timeout_ms, idle_timeout_ms, lifetime_ms (0: never)
---@field query_timeout_ms integer|nil ends every call that sets no deadline of its own
---@field hooks table|nil hooks of the database, by name
---@field options table what the layers above look at: logging, benchmark, define, schema, isolationLevel, ...
---@field label string names the database in messages, without secrets
---@field parsed rowan.driver.Parsed
---@field given table

--- Reads rowan.connect's arguments. Connects to nothing.
---@param url string|table|nil a URL, or the options
---@param options table|nil
---@return rowan.driver.Config
--- Raises a UsageError for an unknown option, a wrong value, or a URL that cannot be read; it quotes no URL.
function M.read(url, options)
  local given = checked(M.merge(url, options), FIELDS, "")
  local parsed = target(given)
  local driver = parsed.driver
  check_dialect(driver, given)
  parsed.driver = driver
  local config = making.of(parsed, given, fail) --[[@as rowan.driver.Config]]
  local settings = config.settings
  local kept = {}
  for i = 1, #FIELDS do
    local name = FIELDS[i][1]
    if FIELDS[i].up then kept[name] = given[name] end
  end
  config.pool = pool_of(given, driver == "sqlite" and value_of(settings, "mode") == "memory")
  config.query_timeout_ms = given.queryTimeout
  config.options, config.hooks = kept, given.hooks
  config.label = label_of(driver, settings)
  config.parsed, config.given = parsed, given
  return config
end

--- What the next connection is to be made with, as options, for hooks that may change it.
---@param config rowan.driver.Config
---@return table
function M.unfold(config)
  return making.unfold(config.parsed, config.given)
end

--- What the core connects with, by what hooks made of such a table.
---@param config rowan.driver.Config
---@param changed table
---@return rowan.driver.Settings
--- Raises a UsageError for an unknown option or a wrong value.
function M.fold(config, changed)
  for _, name in ipairs(sorted_keys(changed, "", refuse_config)) do
    if REFUSED[name] then refuse_config('the option "' .. name .. '" ' .. REFUSED[name]) end
  end
  local parsed, options = making.fold(config.driver, changed, refuse_config)
  local connection = making.of(parsed, checked(options, FIELDS, "", refuse_config), refuse_config)
  if value_of(connection.settings, "mode") == "memory" and config.pool.max > 1 then
    refuse_config("a database in memory has one connection, this pool may have " .. config.pool.max)
  end
  return connection
end

return M
