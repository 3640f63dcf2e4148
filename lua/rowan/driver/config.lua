-- From rowan.connect's arguments to what the core opens. Called by database.lua. Pure but for the
-- environment: DATABASE_URL when nothing names a database, PG* as in libpq.
local errors = require "rowan.base.errors"
local suggest = require "rowan.base.suggest"
local url_parser = require "rowan.driver.url"

local M = {}

local POOL_DEFAULTS = { max = 5, min = 0, acquire = 60000, idle = 10000, lifetime = 1800000 }
local CONNECT_TIMEOUT_MS, BUSY_TIMEOUT_MS, STATEMENTS = 10000, 5000, 100

-- Every option: what it must be, for which database alone (only), between which bounds, or out of which
-- choices. up: kept in config.options for the layers above. libpq: the keyword it becomes, in this order.
local FIELDS = {
  { "url", kind = "string" },
  { "dialect", kind = "string", choices = { "postgres", "sqlite" } },
  { "host", kind = "string", only = "postgres", libpq = "host" },
  { "port", kind = "integer", only = "postgres", min = 1, max = 65535, libpq = "port" },
  { "database", kind = "string", only = "postgres", libpq = "dbname" },
  { "user", kind = "string", only = "postgres", libpq = "user" },
  { "password", kind = "string", only = "postgres", libpq = "password" },
  { "sslmode", kind = "string", only = "postgres", libpq = "sslmode",
    choices = { "disable", "allow", "prefer", "require", "verify-ca", "verify-full" } },
  { "sslrootcert", kind = "string", only = "postgres", libpq = "sslrootcert" },
  { "sslcert", kind = "string", only = "postgres", libpq = "sslcert" },
  { "sslkey", kind = "string", only = "postgres", libpq = "sslkey" },
  { "applicationName", kind = "string", only = "postgres", libpq = "application_name" },
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
  { "define", kind = "table", up = true },
  { "schema", kind = "string", up = true },
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
  replication = PENDING, hooks = PENDING, retry = PENDING, models = PENDING, set = PENDING, sync = PENDING,
  query = PENDING, logQueryParameters = PENDING, minifyAliases = PENDING, noTypeValidation = PENDING,
  nullJsonStringification = PENDING, prependSearchPath = PENDING,
  omitNull = "is an option of models: define = { omitNull = true } gives it to all",
  databaseVersion = PENDING,
  defaultTimestampPrecision = PENDING, defaultTransactionNestMode = PENDING, disableClsTransactions = PENDING,
  typeValidation = PENDING, clientMinMessages = PENDING, keepAlive = PENDING, stream = PENDING,
  evict = PENDING, maxUses = PENDING, validate = PENDING,
}

local function fail(message)
  errors.raise("UsageError", { message = "rowan.connect: " .. message })
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

local function sorted_keys(options, prefix)
  local keys = {}
  for key in pairs(options) do
    if type(key) ~= "string" then
      fail("the options are a table of names and values, got the key " .. tostring(key) .. prefix)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- options -> the same with every value checked; prefix is "pool." or "".
local function checked(options, fields, prefix)
  local by_name, names = {}, {}
  for i = 1, #fields do
    names[i] = fields[i][1]
    by_name[names[i]] = fields[i]
  end
  local out = {}
  local keys = sorted_keys(options, prefix == "" and "" or " in " .. prefix:sub(1, -2))
  for i = 1, #keys do
    local key, value = keys[i], options[keys[i]]
    local field = by_name[key]
    if not field then
      if REFUSED[key] then fail('the option "' .. prefix .. key .. '" ' .. REFUSED[key]) end
      fail(suggest.unknown(prefix == "" and "there is no option" or "there is no option of pool", key, names))
    end
    local kept, rule = KINDS[field.kind](value, field)
    if kept == nil then fail('the option "' .. prefix .. key .. '" ' .. rule) end
    if field.choices then
      local found = false
      for c = 1, #field.choices do found = found or field.choices[c] == kept end
      if not found then fail(suggest.unknown('the option "' .. key .. '" cannot be', kept, field.choices)) end
    end
    out[key] = kept
  end
  return out
end

local NAMES_A_DATABASE = { "dialect", "host", "port", "database", "user", "storage" }
local PG_VARIABLES = { "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE" }

local function environment(name)
  local value = os.getenv(name)
  if value == "" then return nil end
  return value
end

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

local function quote_name(name)
  return '"' .. name:gsub('"', '""') .. '"'
end

-- libpq's "options" splits at blanks; a backslash keeps the next character.
local function search_path(value)
  local list = value
  if type(value) == "table" then
    local quoted = {}
    for i = 1, #value do quoted[i] = quote_name(value[i]) end
    list = table.concat(quoted, ",")
  end
  return "-csearch_path=" .. list:gsub("[%s\\]", "\\%0")
end

local function value_of(settings, key)
  for i = #settings, 1, -1 do
    if settings[i][1] == key then return settings[i][2] end
  end
  return nil
end

local function postgres_settings(parsed, options)
  local settings = {}
  for i = 1, #(parsed.settings or {}) do settings[i] = parsed.settings[i] end
  for i = 1, #FIELDS do
    local field = FIELDS[i]
    local value = field.libpq and options[field[1]]
    if value and value ~= "" then settings[#settings + 1] = { field.libpq, tostring(value) } end
  end
  for i = 1, #settings do
    -- libpq would read such a name as a connection string of its own.
    if settings[i][1] == "dbname" and settings[i][2]:find("=", 1, true) then
      fail('a database name cannot hold "="')
    end
  end
  if options.ssl ~= nil and not options.sslmode then
    settings[#settings + 1] = { "sslmode", options.ssl and "require" or "disable" }
  end
  local server_options = options.options
  if options.searchPath then
    -- Given once, the keyword replaces the URL's and PGOPTIONS, so it has to carry them.
    local before = server_options or value_of(settings, "options") or environment("PGOPTIONS")
    server_options = (before and before .. " " or "") .. search_path(options.searchPath)
  end
  if server_options then settings[#settings + 1] = { "options", server_options } end
  return settings
end

local function sqlite_settings(parsed, options)
  local path, mode = options.storage or parsed.storage, options.mode or parsed.mode
  if not path or path == "" then
    if mode ~= "memory" then fail('dialect "sqlite" needs storage = "path/to/file.db" or ":memory:"') end
    path = ":memory:"
  end
  if mode and mode ~= "memory" and path == ":memory:" then
    fail('the mode of ":memory:" can only be "memory"')
  end
  if path == ":memory:" then mode = "memory" end
  if mode ~= nil and not (mode == "memory" or mode == "ro" or mode == "rw" or mode == "rwc") then
    fail(suggest.unknown("a SQLite database has no mode", mode, { "rwc", "rw", "ro", "memory" }))
  end
  return { { "path", path }, { "mode", mode or "rwc" } }
end

-- Seconds in the URL's connect_timeout and in PGCONNECT_TIMEOUT, as libpq has them; 0 or less is "for ever"
-- there.
local function connect_timeout(options, settings)
  if options.connectTimeout then return options.connectTimeout end
  local seconds = tonumber(value_of(settings, "connect_timeout") or environment("PGCONNECT_TIMEOUT"))
  if seconds and seconds > 0 then return math.floor(seconds * 1000) end
  return CONNECT_TIMEOUT_MS
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

local function merge(url, options)
  if type(url) == "table" and options == nil then url, options = nil, url end
  if url ~= nil and type(url) ~= "string" then fail("expects a URL, a table of options, or both") end
  if options ~= nil and type(options) ~= "table" then
    fail("the options must be a table, got a " .. type(options))
  end
  local out = checked(options or {}, FIELDS, "")
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

---@class rowan.driver.Config
---@field driver "postgres"|"sqlite"
---@field settings {[1]:string,[2]:string}[] libpq's keywords, later ones win; or SQLite's path and mode
---@field pool table max, min, acquire_timeout_ms, idle_timeout_ms, lifetime_ms (0: never)
---@field connect_timeout_ms integer
---@field busy_timeout_ms integer
---@field statement_cache integer prepared statements kept by each connection, 0 for none
---@field query_timeout_ms integer|nil ends every call that sets no deadline of its own
---@field options table what the layers above look at: logging, benchmark, define, schema, isolationLevel, ...
---@field label string names the database in messages, without secrets

--- Reads rowan.connect's arguments. Connects to nothing.
---@param url string|table|nil a URL, or the options
---@param options table|nil
---@return rowan.driver.Config
--- Raises a UsageError for an unknown option, a wrong value, or a URL that cannot be read; it quotes no URL.
function M.read(url, options)
  local given = merge(url, options)
  local parsed = target(given)
  local driver = parsed.driver
  check_dialect(driver, given)
  local settings = driver == "sqlite" and sqlite_settings(parsed, given) or postgres_settings(parsed, given)
  local kept = {}
  for i = 1, #FIELDS do
    local name = FIELDS[i][1]
    if FIELDS[i].up then kept[name] = given[name] end
  end
  return {
    driver = driver,
    settings = settings,
    pool = pool_of(given, driver == "sqlite" and value_of(settings, "mode") == "memory"),
    connect_timeout_ms = connect_timeout(given, settings),
    busy_timeout_ms = given.busyTimeout or BUSY_TIMEOUT_MS,
    statement_cache = given.preparedStatements == false and 0 or given.statementCache or STATEMENTS,
    query_timeout_ms = given.queryTimeout,
    options = kept,
    label = label_of(driver, settings),
  }
end

return M
