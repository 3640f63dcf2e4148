-- Connection URLs and libpq's key=value strings, taken apart. Called by driver/config and driver/settings.
--
-- libpq could read both itself, but its messages quote the whole text, password included. A message made here
-- names what is wrong and never what was written. The grammar is libpq's (conninfo_uri_parse and
-- conninfo_parse in fe-connect.c, PostgreSQL 15).
local errors = require "rowan.base.errors"
local suggest = require "rowan.base.suggest"

local M = {}

-- Not here: client_encoding (the core speaks UTF-8 alone) and replication (no statements could be run).
local KEYWORDS = {
  "host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "connect_timeout",
  "options",
  "application_name", "fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval",
  "keepalives_count", "tcp_user_timeout", "sslmode", "sslcompression", "sslcert", "sslkey", "sslpassword",
  "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "sslcertmode", "sslnegotiation", "ssl_min_protocol_version",
  "ssl_max_protocol_version", "gssencmode", "krbsrvname", "gsslib", "gssdelegation", "channel_binding",
  "require_auth", "requirepeer", "target_session_attrs", "load_balance_hosts",
}
local KNOWN = {}
for i = 1, #KEYWORDS do KNOWN[KEYWORDS[i]] = true end

local function fail(message)
  errors.raise("UsageError", { message = "rowan.connect: " .. message })
end

local function decode(text, part)
  local text_out = text:gsub("%%(.?.?)", function(hex)
    local byte = hex:match("^%x%x$") and tonumber(hex, 16)
    if not byte or byte == 0 then
      fail("in the " .. part .. " of the URL a % stands without two hexadecimal digits (write %25 for %)")
    end
    return string.char(byte)
  end)
  return text_out
end

local function check_keyword(key)
  if not KNOWN[key] then fail(suggest.unknown("a PostgreSQL connection has no parameter", key, KEYWORDS)) end
end

-- "name[:port]" or "[address]:port" -> name, port
local function split_host(text)
  local name, rest
  if text:sub(1, 1) == "[" then
    name, rest = text:match("^%[([^%]]+)%](.*)$")
    if not name then fail("an IPv6 address in the URL must stand between [ and ]") end
  else
    name, rest = text:match("^([^:]*)(.*)$")
  end
  if rest == "" then return decode(name, "host"), "" end
  local port = rest:match("^:(%d*)$")
  if not port then
    fail("the port in the URL must be a number (in a user name or password write : / @ as %3A %2F %40)")
  end
  return decode(name, "host"), port
end

local function add_hosts(authority, add)
  if authority == "" then return end
  local names, ports = {}, {}
  for item in (authority .. ","):gmatch("([^,]*),") do
    names[#names + 1], ports[#ports + 1] = split_host(item)
  end
  add("host", table.concat(names, ","))
  if table.concat(ports) ~= "" then add("port", table.concat(ports, ",")) end
end

local function add_query(query, add)
  if not query or query == "" then return end
  for item in (query .. "&"):gmatch("([^&]*)&") do
    local key, value = item:match("^([^=]+)=([^=]*)$")
    if not key then fail("the part of the URL behind ? must be name=value, joined by &") end
    key, value = decode(key, "query"), decode(value, "query")
    -- As libpq does, for the URLs of JDBC.
    if key == "ssl" and value == "true" then key, value = "sslmode", "require" end
    check_keyword(key)
    add(key, value)
  end
end

local function collector()
  local pairs_out = {}
  return pairs_out, function(key, value)
    if value ~= "" then pairs_out[#pairs_out + 1] = { key, value } end
  end
end

-- rest: what follows "postgres://"
local function postgres(rest)
  local out, add = collector()
  local credentials, behind = rest:match("^([^@/]*)@(.*)$")
  if credentials then
    local user, password = credentials:match("^([^:]*):?(.*)$")
    add("user", decode(user, "user name"))
    add("password", decode(password, "password"))
    rest = behind
  end
  local authority, path, query = rest:match("^([^/?]*)/?([^?]*)%??(.*)$")
  add_hosts(authority, add)
  add("dbname", decode(path, "database name"))
  add_query(query, add)
  return { driver = "postgres", settings = out }
end

local function sqlite(rest)
  local path, query = rest:match("^([^?]*)%??(.*)$")
  path = decode(path:gsub("^//", ""), "path")
  local mode
  if query ~= "" then
    mode = query:match("^mode=(%a+)$")
    if not mode then fail("the only parameter of a SQLite URL is ?mode=rwc, rw, ro or memory") end
  end
  if path == "" then fail("the SQLite URL names no file (sqlite:path/to/file.db, or sqlite::memory:)") end
  return { driver = "sqlite", storage = path, mode = mode }
end

-- key = value pairs; values may stand between single quotes, with \' and \\ inside.
local function conninfo(text)
  local out, add = collector()
  local at = 1
  while true do
    at = text:find("%S", at)
    if not at then break end
    local key, value_at = text:match("^([%w_]+)%s*=%s*()", at)
    if not key then fail("a connection string must be a URL, or name=value pairs as libpq takes them") end
    check_keyword(key)
    local parts, quoted = {}, text:sub(value_at, value_at) == "'"
    at = quoted and value_at + 1 or value_at
    while true do
      local c = text:sub(at, at)
      if c == "" then
        if quoted then fail("a quoted value in the connection string has no closing quote") end
        break
      end
      at = at + 1
      if c == "\\" then
        c = text:sub(at, at)
        at = at + 1
      elseif quoted and c == "'" or not quoted and c:find("%s") then
        break
      end
      parts[#parts + 1] = c
    end
    add(key, table.concat(parts))
  end
  return { driver = "postgres", settings = out }
end

---@class rowan.driver.Parsed
---@field driver "postgres"|"sqlite"
---@field settings {[1]:string,[2]:string}[]|nil PostgreSQL: libpq keywords and values, as they were written
---@field storage string|nil SQLite: path, or ":memory:"
---@field mode string|nil SQLite

--- Takes a URL or a libpq connection string apart.
---@param text string
---@return rowan.driver.Parsed
--- Raises a UsageError that never quotes the text.
function M.parse(text)
  if text:find("\0", 1, true) then fail("a URL cannot hold a NUL byte") end
  local scheme, rest = text:match("^(%a[%w+.-]*):(.*)$")
  if scheme == "sqlite" then return sqlite(rest) end
  if scheme == "postgres" or scheme == "postgresql" then
    if rest:sub(1, 2) ~= "//" then fail("a PostgreSQL URL starts with " .. scheme .. "://") end
    return postgres(rest:sub(3))
  end
  if not scheme and text:find("=", 1, true) then return conninfo(text) end
  if text:find("://", 1, true) then
    local schemes = { "postgres", "postgresql", "sqlite" }
    fail(suggest.unknown("there is no database for the URL scheme", scheme or "", schemes))
  end
  return fail("expects a URL such as sqlite::memory:, sqlite:path/file.db or postgres://user@host/database")
end

--- Whether the name is one of libpq's connection keywords that rowan passes on.
---@param name string
---@return boolean
function M.is_keyword(name)
  return KNOWN[name] == true
end

return M
