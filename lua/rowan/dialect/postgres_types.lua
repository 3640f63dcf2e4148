--- PostgreSQL's names of types, and values as literals in DEFAULT clauses. Merged into dialect/postgres.

local family = require("rowan.types.family")
local infinite = require("rowan.types.infinite")
local json = require("rowan.types.json")
local naming = require("rowan.base.naming")
local numbers = require("rowan.base.numbers")
local quote = require("rowan.dialect.quote")

local postgres_types = {}

local MAX_IDENTIFIER = 63
-- What a value is that was dumped already.
local TEXT = { key = "TEXT", code = "s" }

local NAMES = {
  TINYINT = "SMALLINT", SMALLINT = "SMALLINT", MEDIUMINT = "INTEGER", INTEGER = "INTEGER", BIGINT = "BIGINT",
  FLOAT = "DOUBLE PRECISION", DOUBLE = "DOUBLE PRECISION", BOOLEAN = "BOOLEAN", TEXT = "TEXT",
  -- Single precision would give back another number than was written.
  REAL = "DOUBLE PRECISION",
  BLOB = "BYTEA", DATEONLY = "DATE", UUID = "UUID", JSON = "JSON", JSONB = "JSONB", CITEXT = "CITEXT",
  HSTORE = "HSTORE", INET = "INET", CIDR = "CIDR", MACADDR = "MACADDR", MACADDR8 = "MACADDR8", TSVECTOR = "TSVECTOR",
  INTERVAL = "INTERVAL",
}
local RANGES = {
  INTEGER = "INT4RANGE", BIGINT = "INT8RANGE", DECIMAL = "NUMRANGE", DATE = "TSTZRANGE", DATEONLY = "DATERANGE",
}
-- What the types of extensions need, by key.
local EXTENSIONS = { CITEXT = "citext", HSTORE = "hstore", GEOMETRY = "postgis", GEOGRAPHY = "postgis" }
-- The next larger type, since PostgreSQL has no unsigned ones.
local UNSIGNED = { TINYINT = "SMALLINT", SMALLINT = "INTEGER", MEDIUMINT = "INTEGER", INTEGER = "BIGINT" }

local function with_precision(name, precision, rest)
  return name .. (precision and "(" .. precision .. ")" or "") .. (rest or "")
end

---A type as attributes have it on PostgreSQL: times may be infinite, decimals too and NaN.
---@param type_of rowan.Type
---@return rowan.Type
function postgres_types.kept_as(type_of)
  if type_of.base then return family.rebased(type_of, postgres_types.kept_as) end
  if type_of.key ~= "ARRAY" then return infinite(type_of) end
  local element = postgres_types.kept_as(type_of.element)
  return element == type_of.element and type_of or type_of(element)
end

---The attribute whose enum type a column has: of a key that of what it points at, for PostgreSQL compares no two types;
---else its own.
---@param def table
---@param attr table
---@return table def
---@return table attr
function postgres_types.enum_owner(def, attr)
  local seen = {}
  while not seen[attr] do
    seen[attr] = true
    local to = attr.references or attr.follows
    local target = to and to.definition and (to.definition.by_name or {})[to.key]
    local stored = target and family.root(target.type)
    if not stored or stored.key ~= "ENUM" or stored.check then break end
    def, attr = to.definition, target
  end
  return def, attr
end

---The name of an enum's type, not quoted: "enum_<table>_<column>", shortened to what PostgreSQL takes.
---@param def table of the owner
---@param attr table
---@return string
function postgres_types.enum_name(def, attr)
  return naming.shorten("enum_" .. def.table .. "_" .. attr.field, MAX_IDENTIFIER)
end

local function enum_text(type_of, attr, def)
  -- Without an attribute it is a cast, and text takes every value.
  if type_of.check or not attr or not def then return "TEXT" end
  local owner, own = postgres_types.enum_owner(def, attr)
  local name = quote(postgres_types.enum_name(owner, own))
  return owner.schema and quote(owner.schema) .. "." .. name or name
end

local function shape_text(name)
  return function(t)
    if not t.shape and not t.srid then return name end
    return ("%s(%s%s)"):format(name, t.shape or "GEOMETRY", t.srid and "," .. t.srid or "")
  end
end

local SPECIAL = {
  STRING = function(t) return t.binary and "BYTEA" or ("VARCHAR(%d)"):format(t.length) end,
  CHAR = function(t) return ("CHAR(%d)"):format(t.length) end,
  DECIMAL = function(t)
    return t.precision and ("DECIMAL(%d,%d)"):format(t.precision, t.scale) or "DECIMAL"
  end,
  DATE = function(t) return with_precision("TIMESTAMP", t.precision, " WITH TIME ZONE") end,
  TIME = function(t) return with_precision("TIME", t.precision) end,
  ENUM = enum_text,
  RANGE = function(t) return t.element.unsigned and "INT8RANGE" or RANGES[t.element.key] end,
  GEOMETRY = shape_text("GEOMETRY"),
  GEOGRAPHY = shape_text("GEOGRAPHY"),
  ARRAY = function(t, attr, def) return postgres_types.type_name(t.element, attr, def) .. "[]" end,
}

---The SQL name of a type.
---@param type_of rowan.Type
---@param attr? table the attribute, for the name of an enum's type
---@param def? table its definition
---@return string
function postgres_types.type_name(type_of, attr, def)
  if type_of.base then return postgres_types.type_name(type_of.base, attr, def) end
  local special = SPECIAL[type_of.key]
  if special then return special(type_of, attr, def) end
  return type_of.unsigned and UNSIGNED[type_of.key] or NAMES[type_of.key]
end

---Whether a list of such values travels as a list of texts, to be cast one by one: a list of arrays would become one flat
---array, and PostGIS has an array syntax of its own.
---@param type_of rowan.Type
---@return boolean
function postgres_types.lists_as_text(type_of)
  if type_of.base then return postgres_types.lists_as_text(type_of.base) end
  return type_of.key == "ARRAY" or EXTENSIONS[type_of.key] == "postgis"
end

---The extension that a type needs; nil for what PostgreSQL has by itself.
---@param type_of rowan.Type
---@return string? name
---@return string? key of the type that it brings
function postgres_types.extension(type_of)
  local inner = type_of.element or type_of.base
  if EXTENSIONS[type_of.key] or not inner then return EXTENSIONS[type_of.key], type_of.key end
  return postgres_types.extension(inner)
end

---Text as a literal, whatever standard_conforming_strings says.
---@param text string
---@return string
function postgres_types.string_literal(text)
  local doubled = text:gsub("'", "''")
  if not doubled:find("\\", 1, true) then return "'" .. doubled .. "'" end
  return "E'" .. doubled:gsub("\\", "\\\\") .. "'"
end
local string_literal = postgres_types.string_literal

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

---The condition under which a column holds a value of the type, where its SQL type takes more; nil for none.
---@param type_of rowan.Type
---@param column string quoted
---@return string?
function postgres_types.type_check(type_of, column)
  if type_of.base then return postgres_types.type_check(type_of.base, column) end
  if type_of.key ~= "ENUM" or not type_of.check then return nil end
  local list = {}
  for i, value in ipairs(type_of.values) do list[i] = string_literal(value) end
  return ("%s IN (%s)"):format(column, table.concat(list, ", "))
end

---A canonical value as an SQL literal, for DEFAULT clauses; values of statements are bound instead.
---@param value any
---@param type_of rowan.Type
---@return string
function postgres_types.literal(value, type_of)
  if type_of.base then
    if type_of.dump then value = type_of.dump(value) end
    return postgres_types.literal(value, type_of.base.dump and TEXT or type_of.base)
  end
  if type(value) == "boolean" and type_of.code == "b" then return value and "TRUE" or "FALSE" end
  if type_of.code == "x" then return string_literal("\\x" .. hex(value)) .. "::bytea" end
  if type_of.code == "j" or type_of.code == "J" then return string_literal((json.encode_sorted(value))) end
  if type_of.dump then return string_literal((type_of.dump(value))) end
  if type(value) == "number" then
    local text = numbers.text(value)
    return text:find("^%-?%d") and text or string_literal(text)
  end
  if type_of.code == "n" or type_of.code == "I" then return value end
  return string_literal(value)
end

---Why PostgreSQL cannot hold a canonical value of the type; it holds them all.
---@param type_of rowan.Type
---@param value any
---@return string? rule
function postgres_types.refuse(type_of, value)
  return nil
end

return postgres_types
