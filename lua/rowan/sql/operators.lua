--- What each operator of the query language is in SQL, as data. query/where reads `operators.where` to know how an
--- operator takes its value; sql/compile reads `operators.sql` for the text.

local operators = {}

-- The backslash is the escape character in every LIKE that rowan writes; PostgreSQL's default, told to SQLite.
local ESCAPE = " ESCAPE '\\'"

operators.sql = {
  eq = { text = "=" },
  ne = { text = "<>" },
  gt = { text = ">" },
  gte = { text = ">=" },
  lt = { text = "<" },
  lte = { text = "<=" },
  -- What stands on the right brings its parentheses.
  ["in"] = { text = "IN" },
  notIn = { text = "NOT IN" },
  is = { text = "IS" },
  isNot = { text = "IS NOT" },
  like = { text = "LIKE", suffix = ESCAPE },
  notLike = { text = "NOT LIKE", suffix = ESCAPE },
  iLike = { text = "ILIKE", suffix = ESCAPE },
  notILike = { text = "NOT ILIKE", suffix = ESCAPE },
  regexp = { text = "~" },
  notRegexp = { text = "!~" },
  iRegexp = { text = "~*" },
  notIRegexp = { text = "!~*" },
  contains = { text = "@>" },
  contained = { text = "<@" },
  overlap = { text = "&&" },
  adjacent = { text = "-|-" },
  strictLeft = { text = "<<" },
  strictRight = { text = ">>" },
  noExtendRight = { text = "&<" },
  noExtendLeft = { text = "&>" },
  match = { text = "@@" },
  -- A key of an object, or a string in a list; with any and all of a list.
  has = { text = "?" },
}

local function escape_pattern(text)
  return (text:gsub("[%%_\\]", "\\%0"))
end

-- takes: "value" one value of the attribute's type; "list" a sequence of them; "pair" two of them; "pattern" a string
-- that becomes a LIKE pattern through `make`; "truth" null, true or false; "set" one value of an array's, a range's or a
-- document's type; "query" a text search; "keys" a list of strings. `among`: the types it is for.
operators.where = {
  eq = { takes = "value", sql = "eq" },
  ne = { takes = "value", sql = "ne" },
  gt = { takes = "value", sql = "gt" },
  gte = { takes = "value", sql = "gte" },
  lt = { takes = "value", sql = "lt" },
  lte = { takes = "value", sql = "lte" },
  ["in"] = { takes = "list" },
  notIn = { takes = "list", negated = true },
  between = { takes = "pair" },
  notBetween = { takes = "pair", negated = true },
  is = { takes = "truth" },
  isNot = { takes = "truth", negated = true },
  like = { takes = "pattern", sql = "like" },
  notLike = { takes = "pattern", sql = "notLike" },
  iLike = { takes = "pattern", sql = "iLike" },
  notILike = { takes = "pattern", sql = "notILike" },
  regexp = { takes = "pattern", sql = "regexp" },
  notRegexp = { takes = "pattern", sql = "notRegexp" },
  iRegexp = { takes = "pattern", sql = "iRegexp" },
  notIRegexp = { takes = "pattern", sql = "notIRegexp" },
  contains = { takes = "set", sql = "contains", among = { "ARRAY", "RANGE", "JSON", "JSONB", "HSTORE" } },
  contained = { takes = "set", sql = "contained", among = { "ARRAY", "RANGE", "JSON", "JSONB", "HSTORE" } },
  overlap = { takes = "set", sql = "overlap", among = { "ARRAY", "RANGE" } },
  adjacent = { takes = "set", sql = "adjacent", among = { "RANGE" }, feature = "ranges" },
  strictLeft = { takes = "set", sql = "strictLeft", among = { "RANGE" }, feature = "ranges" },
  strictRight = { takes = "set", sql = "strictRight", among = { "RANGE" }, feature = "ranges" },
  noExtendRight = { takes = "set", sql = "noExtendRight", among = { "RANGE" }, feature = "ranges" },
  noExtendLeft = { takes = "set", sql = "noExtendLeft", among = { "RANGE" }, feature = "ranges" },
  match = { takes = "query", sql = "match", feature = "text_search" },
  anyKeyExists = { takes = "keys", quantifier = "any", among = { "JSON", "JSONB", "HSTORE" } },
  allKeysExist = { takes = "keys", quantifier = "all", among = { "JSON", "JSONB", "HSTORE" } },
  startsWith = { takes = "pattern", sql = "like", make = function(s) return escape_pattern(s) .. "%" end },
  notStartsWith = { takes = "pattern", sql = "notLike", make = function(s) return escape_pattern(s) .. "%" end },
  endsWith = { takes = "pattern", sql = "like", make = function(s) return "%" .. escape_pattern(s) end },
  notEndsWith = { takes = "pattern", sql = "notLike", make = function(s) return "%" .. escape_pattern(s) end },
  substring = { takes = "pattern", sql = "like", make = function(s) return "%" .. escape_pattern(s) .. "%" end },
  notSubstring = { takes = "pattern", sql = "notLike", make = function(s) return "%" .. escape_pattern(s) .. "%" end },
}

return operators
