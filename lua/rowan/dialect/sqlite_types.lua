--- SQLite's names of types, and values as literals in DEFAULT clauses. Merged into dialect/sqlite. The names
--- give the affinity that keeps values as the driver stores them (csrc/value/value.h).

local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local json = require("rowan.types.json")
local json_list = require("rowan.types.json_list")
local numbers = require("rowan.base.numbers")

local sqlite_types = {}

local NAMES = {
  TINYINT = "INTEGER", SMALLINT = "INTEGER", MEDIUMINT = "INTEGER", INTEGER = "INTEGER", BIGINT = "INTEGER",
  FLOAT = "REAL", DOUBLE = "REAL", REAL = "REAL", BOOLEAN = "BOOLEAN", DECIMAL = "TEXT", STRING = "TEXT",
  TEXT = "TEXT", CHAR = "TEXT", UUID = "TEXT", DATE = "TEXT", DATEONLY = "TEXT", TIME = "TEXT", ENUM = "TEXT",
  JSON = "TEXT", JSONB = "TEXT", BLOB = "BLOB", CITEXT = "TEXT", INET = "TEXT", CIDR = "TEXT", MACADDR = "TEXT",
  MACADDR8 = "TEXT", INTERVAL = "TEXT",
}
-- What a value is that was dumped already.
local TEXT = { key = "TEXT", code = "s" }

---A type as attributes have it on SQLite: arrays are JSON.
---@param type_of rowan.Type
---@return rowan.Type
function sqlite_types.kept_as(type_of)
  if type_of.base then return family.rebased(type_of, sqlite_types.kept_as) end
  return type_of.key == "ARRAY" and json_list(type_of) or type_of
end

---The SQL name of a type; raises DefinitionError for one that SQLite does not have.
---@param type_of rowan.Type
---@param attr? table the attribute, for the message
---@param def? table its definition
---@return string
function sqlite_types.type_name(type_of, attr, def)
  if type_of.binary then return "BLOB" end
  if type_of.base then return sqlite_types.type_name(type_of.base, attr, def) end
  -- STRICT tables know no other names.
  if type_of.key == "BOOLEAN" and def and def.options.strict then return "INTEGER" end
  local name = type_of.key == "ARRAY" and type_of.code == "j" and "TEXT" or NAMES[type_of.key]
  if name then return name end
  local subject = attr and def and def.name .. "." .. attr.name .. ": " or ""
  local what = type_of.key == "ARRAY" and tostring(type_of) or "DataTypes." .. type_of.key
  errors.raise("DefinitionError", {
    message = ("%s%s is not there on SQLite, only on PostgreSQL"):format(subject, what),
  })
end

---The collation of a column, nil for the one that tells all texts apart.
---@param type_of rowan.Type
---@return string?
function sqlite_types.collation(type_of)
  if type_of.base then return sqlite_types.collation(type_of.base) end
  return type_of.key == "CITEXT" and "NOCASE" or nil
end

-- As the driver stores it: YYYY-MM-DD HH:MM:SS, and six digits where there is a fraction.
local function instant(iso)
  local day, time, fraction = iso:match("^(.-)T(%d+:%d+:%d+)%.(%d+)Z$")
  if fraction == "000" then return day .. " " .. time end
  return day .. " " .. time .. "." .. fraction .. ("0"):rep(6 - #fraction)
end

---Text as a literal.
---@param text string
---@return string
function sqlite_types.string_literal(text)
  return "'" .. text:gsub("'", "''") .. "'"
end
local string_literal = sqlite_types.string_literal

local function length_check(type_of, column)
  return ("length(%s) <= %d"):format(column, type_of.length)
end

-- Before SQLite 3.42, NULL is no valid JSON.
local function json_check(_, column)
  return ("%s IS NULL OR json_valid(%s)"):format(column, column)
end

local CHECKS = {
  BOOLEAN = function(_, column) return column .. " IN (0, 1)" end,
  ENUM = function(type_of, column)
    local list = {}
    for i, value in ipairs(type_of.values) do list[i] = string_literal(value) end
    return ("%s IN (%s)"):format(column, table.concat(list, ", "))
  end,
  STRING = length_check,
  CHAR = length_check,
  -- In small letters, as they are compared.
  UUID = function(_, column)
    return ("%s GLOB '????????-????-????-????-????????????' AND %s NOT GLOB '*[^0-9a-f-]*'"):format(column, column)
  end,
  JSON = json_check,
  JSONB = json_check,
  ARRAY = function(_, column)
    return ("CASE WHEN json_valid(%s) THEN json_type(%s) = 'array' ELSE %s IS NULL END"):format(column, column, column)
  end,
}

---The condition under which a column holds a value of the type: SQLite itself takes anything. nil for none.
---@param type_of rowan.Type
---@param column string quoted
---@return string?
function sqlite_types.type_check(type_of, column)
  if type_of.base then return sqlite_types.type_check(type_of.base, column) end
  local check = CHECKS[type_of.key]
  return check and check(type_of, column)
end

---A canonical value as an SQL literal, for DEFAULT clauses; values of statements are bound instead.
---@param value any
---@param type_of rowan.Type
---@return string
function sqlite_types.literal(value, type_of)
  local code = type_of.code
  if type_of.base then
    if type_of.dump then value = type_of.dump(value) end
    return sqlite_types.literal(value, type_of.base.dump and TEXT or type_of.base)
  end
  if code == "b" and type(value) == "boolean" then return value and "1" or "0" end
  if code == "x" then
    return "X'" .. value:gsub(".", function(c) return ("%02X"):format(c:byte()) end) .. "'"
  end
  if code == "t" then return string_literal(instant(value)) end
  if type_of.key == "ARRAY" then return string_literal((type_of.dump(value))) end
  if code == "j" or code == "J" then return string_literal((json.encode_sorted(value))) end
  if type(value) == "number" then return numbers.text(value) end
  if code == "I" then return value end
  return string_literal(value)
end

---Why SQLite cannot hold a canonical value of the type.
---@param type_of rowan.Type
---@param value any
---@return string? rule
function sqlite_types.refuse(type_of, value)
  if type_of.code ~= "d" then return nil end
  if value ~= value then return "cannot be NaN: SQLite stores NaN as NULL" end
  if value == math.huge or value == -math.huge then return "cannot be infinite on SQLite" end
  return nil
end

return sqlite_types
