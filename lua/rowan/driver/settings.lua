-- What one connection is made with: from checked options to the core's settings, and the table that a hook in front of
-- connecting gets, which may change it. Called by driver/config. Pure but for PG* in the environment.
local suggest = require "rowan.base.suggest"
local url_parser = require "rowan.driver.url"

local M = {}

local CONNECT_TIMEOUT_MS, BUSY_TIMEOUT_MS, STATEMENTS = 10000, 5000, 100

-- Options that are keywords of libpq's, in the order in which they are given to it.
local LIBPQ = {
  { "host", "host" }, { "port", "port" }, { "database", "dbname" }, { "user", "user" }, { "password", "password" },
  { "sslmode", "sslmode" }, { "sslrootcert", "sslrootcert" }, { "sslcert", "sslcert" }, { "sslkey", "sslkey" },
  { "applicationName", "application_name" },
}
local OPTION_OF = { options = "options" }
for _, pair in ipairs(LIBPQ) do OPTION_OF[pair[2]] = pair[1] end

-- The options that one connection can differ from the next in.
local EACH = {
  postgres = {
    "host", "port", "database", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "applicationName",
    "ssl", "searchPath", "options", "connectTimeout", "statementCache", "preparedStatements",
  },
  sqlite = { "storage", "mode", "busyTimeout", "connectTimeout", "statementCache", "preparedStatements" },
}

--- A variable of the environment; nil when it is not set or empty.
---@param name string
---@return string?
function M.environment(name)
  local value = os.getenv(name)
  if value == "" then return nil end
  return value
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

--- The value of a setting; later ones win.
---@param settings {[1]:string,[2]:string}[]
---@param key string
---@return string?
function M.value_of(settings, key)
  for i = #settings, 1, -1 do
    if settings[i][1] == key then return settings[i][2] end
  end
  return nil
end

local value_of = M.value_of

local function postgres(parsed, options, fail)
  local settings = {}
  for i = 1, #(parsed.settings or {}) do settings[i] = parsed.settings[i] end
  for _, pair in ipairs(LIBPQ) do
    local value = options[pair[1]]
    if value and value ~= "" then settings[#settings + 1] = { pair[2], tostring(value) } end
  end
  for i = 1, #settings do
    -- libpq would read such a name as a connection string of its own.
    local name = settings[i][1] == "dbname" and settings[i][2] or ""
    if name:find("=", 1, true) then fail('a database name cannot hold "="') end
    if name:find("^postgres://") or name:find("^postgresql://") then fail("a database name cannot be a URL") end
  end
  if options.ssl ~= nil and not options.sslmode then
    settings[#settings + 1] = { "sslmode", options.ssl and "require" or "disable" }
  end
  local server_options = options.options
  if options.searchPath then
    -- Given once, the keyword replaces the URL's and PGOPTIONS, so it has to carry them.
    local before = server_options or value_of(settings, "options") or M.environment("PGOPTIONS")
    server_options = (before and before .. " " or "") .. search_path(options.searchPath)
  end
  if server_options then settings[#settings + 1] = { "options", server_options } end
  return settings
end

local function sqlite(parsed, options, fail)
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
  local seconds = tonumber(value_of(settings, "connect_timeout") or M.environment("PGCONNECT_TIMEOUT"))
  if seconds and seconds > 0 then return math.floor(seconds * 1000) end
  return CONNECT_TIMEOUT_MS
end

---@class rowan.driver.Settings
---@field driver "postgres"|"sqlite"
---@field settings {[1]:string,[2]:string}[] libpq's keywords, later ones win; or SQLite's path and mode
---@field connect_timeout_ms integer
---@field busy_timeout_ms integer
---@field statement_cache integer prepared statements kept by the connection, 0 for none

--- What the core connects with.
---@param parsed rowan.driver.Parsed
---@param options table checked
---@param fail fun(message: string) raises
---@return rowan.driver.Settings
function M.of(parsed, options, fail)
  local settings = (parsed.driver == "sqlite" and sqlite or postgres)(parsed, options, fail)
  return {
    driver = parsed.driver,
    settings = settings,
    connect_timeout_ms = connect_timeout(options, settings),
    busy_timeout_ms = options.busyTimeout or BUSY_TIMEOUT_MS,
    statement_cache = options.preparedStatements == false and 0 or options.statementCache or STATEMENTS,
  }
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for i = 1, #value do out[i] = value[i] end
  return out
end

--- The options that a connection is made with, the URL's among them, as a table of the caller's own. What has no option
--- has libpq's name.
---@param parsed rowan.driver.Parsed
---@param options table checked
---@return table
function M.unfold(parsed, options)
  local out = { storage = parsed.storage, mode = parsed.mode }
  for _, pair in ipairs(parsed.settings or {}) do
    local name, value = OPTION_OF[pair[1]] or pair[1], pair[2]
    if name == "port" then value = value:find("^%d+$") and tonumber(value) or value end
    out[name] = value
  end
  if options.ssl ~= nil then out.sslmode = nil end -- it wins over the URL's
  for _, name in ipairs(EACH[parsed.driver]) do
    if options[name] ~= nil then out[name] = copy(options[name]) end
  end
  return out
end

-- A keyword's value as text.
local function keyword(name, value, fail)
  local kind = type(value)
  if kind == "number" or kind == "boolean" then value = kind == "boolean" and (value and 1 or 0) or value end
  value = kind ~= "table" and kind ~= "function" and tostring(value) or nil
  if not value or value:find("\0", 1, true) then fail('the option "' .. name .. '" must be a string without NUL') end
  return { name, value }
end

--- Takes such a table apart again: what a URL would have said, and the options, which are still to be checked.
---@param driver "postgres"|"sqlite"
---@param config table
---@param fail fun(message: string) raises
---@return rowan.driver.Parsed
---@return table options
function M.fold(driver, config, fail)
  local known, options, pairs_out, names = {}, {}, {}, {}
  for _, name in ipairs(EACH[driver]) do known[name] = true end
  for name in next, config do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = config[name]
    -- Several hosts have several ports, which are no number.
    if name == "port" and type(value) == "string" and value:find("^[%d,]+$") then
      pairs_out[#pairs_out + 1] = { name, value }
    elseif known[name] then
      options[name] = value
    elseif driver == "postgres" and OPTION_OF[name] then
      fail('the option "' .. name .. '" is called ' .. OPTION_OF[name])
    elseif driver == "postgres" and url_parser.is_keyword(name) then
      pairs_out[#pairs_out + 1] = keyword(name, value, fail)
    else
      fail(suggest.unknown("a connection has no option", name, EACH[driver]))
    end
  end
  return { driver = driver, settings = pairs_out }, options
end

return M
