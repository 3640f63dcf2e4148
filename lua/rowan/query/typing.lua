--- The type of a computed column, where it follows from the expression alone: what COUNT, SUM, MIN or a condition gives is
--- the same Lua value on every database. What is not known here comes as the database's own type.

local expression = require("rowan.query.expression")
local link = require("rowan.query.link")
local subject = require("rowan.query.subject")
local types = require("rowan.types")

local typing = {}

local D = types.DataTypes

---@class rowan.Typed
---@field type? rowan.Type what its values are, for comparisons
---@field code string
---@field scale? integer
---@field load? fun(value: any): any

local UNKNOWN = { code = "?" }

---What values of a type are read as.
---@param type_of rowan.Type
---@return rowan.Typed
function typing.of_type(type_of)
  return { type = type_of, code = type_of.code, scale = type_of.scale, load = type_of.load }
end

local INTEGER, DOUBLE = typing.of_type(D.BIGINT), typing.of_type(D.DOUBLE)
local TEXT, BOOLEAN, DOCUMENT = typing.of_type(D.TEXT), typing.of_type(D.BOOLEAN), typing.of_type(D.JSONB)
local TEXTS = typing.of_type(D.ARRAY(D.TEXT))

-- A sum of integers: an integer as long as it is one here, decimal text beyond.
local WIDE = {
  type = D.DECIMAL, code = "n",
  load = function(text)
    local whole = D.BIGINT.cast(text)
    if whole == nil then return text end
    return whole
  end,
}

local function first_known(def, e)
  for i = 1, e.count do
    local found = typing.of(def, e.args[i])
    if found.type then return found end
  end
  return UNKNOWN
end

local function first_array(def, e)
  for i = 1, e.count do
    local found = typing.of(def, e.args[i])
    if types.is(found.type) and found.type.key == "ARRAY" then return found end
  end
  return UNKNOWN
end

local function own(def, e)
  return typing.of(def, e.args[1])
end

-- What the database computes of stored values, as a value of the type that they are stored of.
local function loaded(found, computed)
  if not types.is(found.type) or not found.type.own_form or not computed.type then return computed end
  return {
    type = found.type, code = computed.code, scale = computed.scale,
    load = function(v)
      if computed.load then v = computed.load(v) end
      return found.load(v)
    end,
  }
end

local function total(found)
  if found.code == "i" then return INTEGER end
  if found.code == "I" then return WIDE end
  if found.code == "n" then return { type = D.DECIMAL, code = "n", scale = found.scale } end
  return found.code == "d" and DOUBLE or UNKNOWN
end

local function sum(def, e)
  local found = own(def, e)
  return loaded(found, total(found))
end

local function average(def, e)
  return loaded(own(def, e), DOUBLE)
end

-- Only PostgreSQL has it; the list is of what its argument gives.
local function list(def, e)
  local found = own(def, e)
  return types.is(found.type) and typing.of_type(D.ARRAY(found.type)) or UNKNOWN
end

local function always(found)
  return function() return found end
end

local FUNCTIONS = {
  COUNT = always(INTEGER), SUM = sum, AVG = average, MIN = own, MAX = own, DISTINCT = own,
  COALESCE = first_known, IFNULL = first_known, NULLIF = own, LENGTH = always(INTEGER), LOWER = always(TEXT),
  UPPER = always(TEXT), TRIM = always(TEXT), ROW_NUMBER = always(INTEGER), RANK = always(INTEGER),
  DENSE_RANK = always(INTEGER), NTILE = always(INTEGER), LAG = own, LEAD = own, FIRST_VALUE = own, LAST_VALUE = own,
  NTH_VALUE = own, PERCENT_RANK = always(DOUBLE), CUME_DIST = always(DOUBLE), ABS = own, GREATEST = first_known,
  LEAST = first_known, ARRAY_AGG = list, BOOL_AND = always(BOOLEAN), BOOL_OR = always(BOOLEAN),
}
for _, name in ipairs({
  "JSON_AGG", "JSONB_AGG", "JSON_OBJECT_AGG", "JSONB_OBJECT_AGG", "JSON_BUILD_OBJECT", "JSONB_BUILD_OBJECT",
  "JSON_BUILD_ARRAY", "JSONB_BUILD_ARRAY", "TO_JSON", "TO_JSONB", "ROW_TO_JSON", "JSON_GROUP_ARRAY",
  "JSON_GROUP_OBJECT", "JSON_OBJECT", "JSON_ARRAY", "JSON_SET", "JSON_INSERT", "JSON_REPLACE", "JSON_REMOVE",
  "JSON_PATCH", "JSONB_SET", "JSONB_SET_LAX", "JSONB_INSERT", "JSON_STRIP_NULLS", "JSONB_STRIP_NULLS", "JSONB_OBJECT",
  "JSON_EXTRACT_PATH", "JSONB_EXTRACT_PATH", "JSONB_PATH_QUERY", "JSONB_PATH_QUERY_ARRAY", "JSONB_PATH_QUERY_FIRST",
  "ARRAY_TO_JSON", "HSTORE_TO_JSON", "HSTORE_TO_JSONB",
}) do
  FUNCTIONS[name] = always(DOCUMENT)
end
-- PostgreSQL's functions of arrays.
for _, name in ipairs({
  "ARRAY_APPEND", "ARRAY_PREPEND", "ARRAY_CAT", "ARRAY_REMOVE", "ARRAY_REPLACE", "TRIM_ARRAY",
}) do
  FUNCTIONS[name] = first_array
end
for _, name in ipairs({ "STRING_TO_ARRAY", "REGEXP_SPLIT_TO_ARRAY", "REGEXP_MATCH", "AKEYS", "AVALS" }) do
  FUNCTIONS[name] = always(TEXTS)
end

-- What is said of a function's rows does not change what it gives.
local function inner(def, e)
  return typing.of(def, e.value)
end

-- Arithmetic over what two sides have in common; a plain number takes the type of the other side, but no fraction does.
local function arithmetic(def, e)
  if e.operator == "||" then return TEXT end
  local left, right = typing.of(def, e.left), typing.of(def, e.right)
  local whole = type(e.left) == "number" and e.left % 1 == 0 and right
    or type(e.right) == "number" and e.right % 1 == 0 and left
  local found = whole or left.code == right.code and left or UNKNOWN
  return (found.code == "i" or found.code == "I") and INTEGER or found.code == "d" and found or UNKNOWN
end

local KINDS = {
  over = inner, filter = inner, aggregate = inner, binary = arithmetic, exists = always(BOOLEAN),
  col = function(def, e)
    local path, name = expression.association_path(def, e.name), e.name
    if path then
      local _, _, attribute, target = link.path(def.model, path)
      def, name = target.definition, attribute
    end
    local attr = def.by_name[name] or subject.find(def, name)
    return attr and typing.of_type(attr.type) or UNKNOWN
  end,
  fn = function(def, e)
    local rule = FUNCTIONS[e.name:upper()]
    return rule and rule(def, e) or UNKNOWN
  end,
  cast = function(def, e) return e.type and typing.of_type(def.dialect.kept_as(e.type)) or UNKNOWN end,
  case = function(def, e)
    for _, branch in ipairs(e.branches) do
      local found = typing.of(def, branch.value)
      if found.type then return found end
    end
    return typing.of(def, e.otherwise)
  end,
  where = always(BOOLEAN),
  logic = always(BOOLEAN),
}

---What an expression gives.
---@param def table definition that columns are looked up in
---@param e any
---@return rowan.Typed
function typing.of(def, e)
  if not expression.is(e) then return UNKNOWN end
  if e.typed then return typing.of_type(e.typed) end
  local rule = KINDS[e.kind]
  return rule and rule(def, e) or UNKNOWN
end

return typing
