--- The words of annotations: types of attributes, names of classes and fields, and text that stays on its line whatever
--- it holds. Called by model/annotations.

local check = require("rowan.base.check")

local words = {}

local BY_KEY = {
  BOOLEAN = "boolean", FLOAT = "number", DOUBLE = "number", REAL = "number", JSON = "any", JSONB = "any",
  RANGE = "table", HSTORE = "table<string, string>", GEOMETRY = "table", GEOGRAPHY = "table",
}
local TEXTS = check.set({
  "STRING", "CHAR", "TEXT", "CITEXT", "UUID", "DATE", "DATEONLY", "TIME", "DECIMAL", "BLOB", "INET", "CIDR", "MACADDR",
  "MACADDR8", "TSVECTOR", "INTERVAL",
})
-- What else is taken where a value is written.
local ALSO_WRITTEN = {
  DATE = "string|number", DECIMAL = "string|number", BIGINT = "integer|string", INTERVAL = "string|table",
}

---Text between double quotes, on one line.
---@param text string
---@return string
function words.quote(text)
  local escaped = text:gsub('[%c"\\]', function(c)
    if c == '"' or c == "\\" then return "\\" .. c end
    return ("\\%03d"):format(c:byte())
  end)
  return '"' .. escaped .. '"'
end

---A remark behind a type: nothing in it is read as a part of the type, or as another line.
---@param text? string
---@return string
function words.remark(text)
  local line = text and text:gsub("[%s%c]+", " "):gsub("^ ", ""):gsub(" $", "") or ""
  return line ~= "" and " # " .. line or ""
end

-- A union is one type among others only in brackets.
local function grouped(name)
  return name:find("|", 1, true) and "(" .. name .. ")" or name
end

---What an attribute of a type holds.
---@param type_of rowan.Type
---@param written? boolean what it may be given
---@return string
function words.type(type_of, written)
  if type_of.virtual then return type_of.returns and words.type(type_of.returns, written) or "any" end
  local base = type_of.base
  -- A type of the user's own whose values are made by a function of theirs may hold anything.
  if base then return type_of.load == base.load and words.type(base, written) or "any" end
  if type_of.key == "ENUM" then
    local list = {}
    for i, word in ipairs(type_of.values) do list[i] = words.quote(word) end
    return table.concat(list, "|")
  end
  if type_of.key == "ARRAY" then return grouped(words.type(type_of.element, written)) .. "[]" end
  if type_of.key == "RANGE" and not written then
    return ("{ value?: %s, inclusive: boolean }[]"):format(words.type(type_of.element))
  end
  if written and ALSO_WRITTEN[type_of.key] then return ALSO_WRITTEN[type_of.key] end
  if type_of.integer then return "integer" end
  return BY_KEY[type_of.key] or (TEXTS[type_of.key] and "string") or "any"
end

local KEYWORDS = check.set({
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while",
  -- Words of `@field`, when they stand in front.
  "public", "private", "protected", "package",
})

---The name of a field, and whether it may have a `?` behind it.
---@param name string
---@return string
---@return boolean plain
function words.field(name)
  if name:find("^[%a_][%w_]*$") and not KEYWORDS[name] then return name, true end
  return "[" .. words.quote(name) .. "]", false
end

-- What LuaLS knows already: a class of that name would say more of all strings, files, ...
local TAKEN = {
  "nil", "any", "boolean", "string", "integer", "number", "function", "table", "thread", "userdata", "lightuserdata",
  "unknown", "self", "fun", "true", "false", "async", "type", "metatable", "arg", "_G",
  "bit32lib", "bitlib", "coroutinelib", "debuglib", "ffilib", "iolib", "jitlib", "mathlib", "oslib", "packagelib",
  "stringlib", "tablelib", "utf8lib", "debuginfo", "exitcode", "filetype", "hookmask", "infowhat", "loadmode",
  "localecategory", "openmode", "osdate", "osdateparam", "popenmode", "readmode", "seekwhence", "vbuf",
}

---The names that classes cannot have, for words.class.
---@return table<string, true>
function words.taken()
  return check.set(TAKEN)
end

---A name for a class, taken once.
---@param taken table<string, true>
---@param wanted string
---@return string
function words.class(taken, wanted)
  local name = wanted:gsub("[^%w_.]", "_"):gsub("^([%d.])", "_%1"):gsub("^rowan%.", "rowan_")
  while taken[name] do name = name .. "_" end
  taken[name] = true
  return name
end

---The parameters of a method behind `self`, by the names that its author gave them.
---@param fn function
---@return string ", name: any, ...: any"
function words.parameters(fn)
  local info, list = debug.getinfo(fn, "u"), {}
  for i = 2, info.nparams or 0 do
    local name = debug.getlocal(fn, i)
    list[#list + 1] = (", %s: any"):format(name and name:find("^[%a_][%w_]*$") and name or "a" .. i)
  end
  if info.isvararg or info.nparams == nil then list[#list + 1] = ", ...: any" end
  return table.concat(list)
end

return words
