--- Names of machines, e-mail addresses and addresses of the web. Each function says whether a text is one; the options have
--- the names and defaults of validator.js. Pure; the validators (change/validators) call it.

local formats = require("rowan.change.formats")
local letters = require("rowan.change.letters")

local addresses = {}

local NONE = {}

-- Letters of a name: no blanks, and none that look like ASCII but are not.
local LABEL = {
  { 0x2D, 0x2D }, { 0x30, 0x39 }, { 0x5F, 0x5F }, { 0x61, 0x7A }, { 0xA1, 0xFF00 }, { 0xFF5F, 0x10FFFF },
}
local TOP = {
  { 0x61, 0x7A }, { 0xA1, 0xA8 }, { 0xAA, 0x167F }, { 0x1681, 0x1FFF }, { 0x200B, 0x2027 }, { 0x202A, 0x202E },
  { 0x2030, 0x205E }, { 0x2060, 0x2FFF }, { 0x3001, 0xD7FF }, { 0xF900, 0xFDCF }, { 0xFDF0, 0xFEFE },
  { 0xFF5F, 0xFFEF },
}

local function is_label(label, options)
  if not letters.are_within(label, LABEL) or label:find("^%-") or label:find("%-$") then return false end
  if letters.count(label) > 63 and not options.ignore_max_length then return false end
  return options.allow_underscores or not label:find("_", 1, true)
end

local function is_top(label)
  if label:lower():find("^xn[%l%d%-][%l%d%-]") then return not label:find("[^%w%-]") end
  return letters.count(label) > 1 and letters.are_within(label, TOP)
end

---A domain name: example.com. Options: require_tld (true), allow_underscores, allow_trailing_dot, ignore_max_length.
---@param text string
---@param options? table
---@return boolean
function addresses.domain(text, options)
  options = options or NONE
  if options.allow_trailing_dot then text = text:gsub("%.$", "") end
  if #text > 254 and not options.ignore_max_length then return false end
  local list = formats.parts(text, ".")
  if options.require_tld ~= false and (#list < 2 or not is_top(list[#list])) then return false end
  if list[#list]:find("^%d+$") then return false end
  for _, label in ipairs(list) do
    if not is_label(label, options) then return false end
  end
  return true
end

-- Whether a host is in a list of texts, and of patterns with a method `match`.
local function is_listed(host, list)
  for _, one in ipairs(list) do
    if one == host or (type(one) ~= "string" and one:match(host)) then return true end
  end
  return false
end

local function is_allowed(host, options)
  if options.host_blacklist and is_listed(host, options.host_blacklist) then return false end
  return not options.host_whitelist or is_listed(host, options.host_whitelist)
end

-- ---- e-mail ----

local PLAIN = letters.ranges("a-z0-9!#$%&'*+/=?^_`{|}~")
PLAIN[#PLAIN + 1] = { 0x2D, 0x2D }
local UTF8 = { { 0xA1, 0xD7FF }, { 0xF900, 0xFDCF }, { 0xFDF0, 0xFFEF } }
for _, range in ipairs(PLAIN) do UTF8[#UTF8 + 1] = range end

local function is_display_name(name)
  local bare = name:match('^"(.+)"$')
  if not (bare or name):find("%S") or name:find("%c") then return false end
  if bare then return not bare:gsub('\\"', ""):find('"', 1, true) end
  return not name:find('[.";<>]')
end

-- "Ann <ann@example.com>": the address in it; nil where the name in front is none.
local function without_display_name(text, options)
  local name, address = text:match("^([^<].*)<([^<>]*)>$")
  if not name and text:find("^[^<]+<") then return nil end
  if not name then return not options.require_display_name and text or nil end
  return is_display_name((name:gsub(" $", ""))) and address or nil
end

local function is_user(user, options)
  local quoted = user:match('^"(.*)"$')
  if quoted then
    quoted = quoted:gsub("\\.", "")
    return not quoted:find('["\\%c]') and (options.allow_utf8_local_part ~= false or not quoted:find("[\128-\255]"))
  end
  for _, part in ipairs(formats.parts(user, ".")) do
    if not letters.are_within(part, options.allow_utf8_local_part ~= false and UTF8 or PLAIN) then return false end
  end
  return true
end

-- What one large provider takes: 6 to 30 letters and digits, points between them, whatever behind a plus.
local function is_gmail_user(user)
  local name = user:lower():match("^[^+]*")
  if name:find("^%.") or name:find("%.$") or name:find("..", 1, true) then return false end
  local bare = name:gsub("%.", "")
  return #bare >= 6 and #bare <= 30 and not bare:find("%W")
end

local function is_mail_domain(domain, options)
  if addresses.domain(domain, options) then return true end
  return (options.allow_ip_domain and formats.ip(domain:match("^%[(.*)%]$") or domain)) and true or false
end

---An e-mail address; the name in front of the @ may stand in quotes. Options: allow_display_name, require_display_name,
---allow_utf8_local_part (true), require_tld (true), allow_underscores, allow_ip_domain, ignore_max_length,
---domain_specific_validation, blacklisted_chars (a text), host_blacklist and host_whitelist (lists).
---@param text string
---@param options? table
---@return boolean
function addresses.email(text, options)
  options = options or NONE
  if options.allow_display_name or options.require_display_name then
    text = without_display_name(text, options)
    if not text then return false end
  end
  local user, domain = text:match("^(.*)@([^@]*)$")
  if not user then return false end
  if not options.ignore_max_length and (letters.count(text) > 254 or #user > 64) then return false end
  if not is_mail_domain(domain, options) or not is_allowed(domain:lower(), options) then return false end
  if options.domain_specific_validation and domain:lower():find("^g%l*mail%.com$") and not is_gmail_user(user) then
    return false
  end
  for character in (options.blacklisted_chars or ""):gmatch("[^\128-\191][\128-\191]*") do
    if user:find(character, 1, true) then return false end
  end
  return is_user(user, options)
end

-- ---- the web ----

local PROTOCOLS = { "http", "https", "ftp" }

-- "user:password@host" and "host:80" have a colon too; what is escaped in a password is a scheme in disguise.
local function has_scheme(after)
  if after:find("^//") then return true end
  local before = after:match("^([^/@]*)@")
  if before then return before:find("[^%w%-_.%%:]") ~= nil or before:find("%%%x%x") ~= nil end
  return not after:find("^%d")
end

-- The address without its scheme; nil where that is wrong.
local function without_scheme(text, options)
  local scheme, after = text:match("^(%a[%w+%-.]*):(.*)$")
  if not scheme or not has_scheme(after) then
    if options.require_protocol or (text:find("^//") and not options.allow_protocol_relative_urls) then return nil end
    return (text:gsub("^//", ""))
  end
  if options.require_valid_protocol ~= false and not is_listed(scheme:lower(), options.protocols or PROTOCOLS) then
    return nil
  end
  return (after:gsub("^//", ""))
end

local function is_login(login, options)
  return not options.disallow_auth and login ~= "" and login ~= ":" and not login:find(":.*:")
end

local function is_port(port, options)
  if port == nil or port == "" then return not options.require_port end
  return port:find("^%d+$") ~= nil and tonumber(port) >= 1 and tonumber(port) <= 65535
end

local function is_host(authority, options)
  local bracketed, after = authority:match("^%[(.-)%](.*)$")
  local host, port = authority:match("^([^:]*):?(.*)$")
  if bracketed then
    if after ~= "" and after:sub(1, 1) ~= ":" then return false end
    host, port = bracketed, after:sub(2)
  end
  if not is_port(port, options) then return false end
  if host == "" then return options.require_host == false and not options.host_whitelist end
  if not is_allowed(host, options) then return false end
  if bracketed then return formats.ipv6(host) end
  return formats.ip(host) or addresses.domain(host, options)
end

---An address of the web: a scheme (or none), a login, a domain or an IP address, a port, a path. Options: protocols,
---require_protocol, require_valid_protocol (true), require_host (true), require_port, require_tld (true), allow_underscores,
---allow_trailing_dot, allow_protocol_relative_urls, allow_fragments (true), allow_query_components (true), disallow_auth,
---validate_length (true), max_allowed_length (2084), host_blacklist and host_whitelist (lists).
---@param text string
---@param options? table
---@return boolean
function addresses.url(text, options)
  options = options or NONE
  if text:find("[%s%c<>]") or text:find("^mailto:") then return false end
  if options.validate_length ~= false and #text > (options.max_allowed_length or 2084) then return false end
  if options.allow_fragments == false and text:find("#", 1, true) then return false end
  if options.allow_query_components == false and text:find("[?&]") then return false end
  local rest = without_scheme(text:match("^[^#?]*"), options)
  if not rest or rest == "" then return false end
  local authority = rest:match("^[^/]*")
  if authority == "" then return options.require_host == false end
  local login, host = authority:match("^([^@]*)@(.*)$")
  if login and not is_login(login, options) then return false end
  return is_host(host or authority, options)
end

return addresses
