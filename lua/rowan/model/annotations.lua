--- What an editor wants to know of models: LuaLS annotations of their rows (attributes, associations, methods) and of the
--- models themselves, as text that is valid Lua and does nothing. Called by rowan.types.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")

local annotations = {}

local BY_KEY = {
  BOOLEAN = "boolean", FLOAT = "number", DOUBLE = "number", REAL = "number", JSON = "any", JSONB = "any",
  RANGE = "table", HSTORE = "table<string, string>", GEOMETRY = "table", GEOGRAPHY = "table",
}
local TEXTS = check.set({
  "STRING", "CHAR", "TEXT", "CITEXT", "UUID", "UUIDV1", "UUIDV4", "UUIDV7", "DATE", "DATEONLY", "TIME", "DECIMAL",
  "BLOB", "INET", "CIDR", "MACADDR", "MACADDR8", "TSVECTOR", "INTERVAL",
})

local function type_name(type_of)
  if type_of.virtual then return type_of.returns and type_name(type_of.returns) or "any" end
  if type_of.key == "ENUM" then
    local words = {}
    for i, word in ipairs(type_of.values) do words[i] = ("%q"):format(word) end
    return table.concat(words, "|")
  end
  if type_of.key == "ARRAY" then
    local element = type_name(type_of.element)
    return (element:find("|", 1, true) and "(" .. element .. ")" or element) .. "[]"
  end
  if type_of.integer then return "integer" end
  return BY_KEY[type_of.key] or (TEXTS[type_of.key] and "string") or "any"
end

local KEYWORDS = check.set({
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while",
})

local function field_name(name)
  if name:find("^[%a_][%w_]*$") and not KEYWORDS[name] then return name end
  return ("[%q]"):format(name)
end

-- A name for a class, taken once.
local function class_name(taken, wanted)
  local name = wanted:gsub("[^%w_.]", "_"):gsub("^(%d)", "_%1")
  while taken[name] do name = name .. "_" end
  taken[name] = true
  return name
end

local Text = {}
Text.__index = Text

function Text:line(...)
  self[#self + 1] = "---" .. string.format(...)
end

function Text:field(name, what)
  self:line("@field %s %s", name, what)
end

function Text:gap()
  self[#self + 1] = ""
end

local function write_attributes(text, def, optional)
  for _, entry in ipairs(def.entries) do
    local attr = def.by_name[entry.name]
    local may_lack = optional or attr.allow_null or attr.virtual
    local comment = attr.comment and " " .. attr.comment:gsub("%s+", " ") or ""
    local name = field_name(attr.label)
    if may_lack and name:sub(1, 1) ~= "[" then
      text:field(name .. "?", type_name(attr.type) .. comment)
    else
      text:field(name, type_name(attr.type) .. (may_lack and "?" or "") .. comment)
    end
  end
end

-- What the methods of an association take and give, by role.
local function methods_of(row, target, values)
  local one, keys = target .. "|any", target .. "|any|(" .. target .. "|any)[]"
  local many = ("fun(self: %s, rows: %s, options?: table)"):format(row, keys)
  local function fun(arguments, result)
    return ("fun(self: %s%s, options?: table)%s"):format(row, arguments, result and ": " .. result or "")
  end
  return {
    count = fun("", "integer"), has = fun(", row: " .. one, "boolean"), hasAll = fun(", rows: " .. keys, "boolean"),
    add = fun(", row: " .. keys), addMany = many, remove = fun(", row: " .. keys), removeMany = many,
    create = fun(", values?: " .. values, target), fun = fun, keys = keys, one = one,
  }
end

local function write_association(text, made, names)
  local row, target = names[made.source.definition], names[made.target.definition]
  if not target then return end
  local methods = methods_of(row.row, target.row, target.values)
  local shown = made.multiple and target.row .. "[]" or target.row
  methods.get = methods.fun("", made.multiple and shown or shown .. "?")
  methods.set = methods.fun((made.multiple and ", rows?: " .. methods.keys) or (", row?: " .. methods.one))
  local name = field_name(made.as)
  if name:sub(1, 1) == "[" then
    text:field(name, shown .. "?")
  else
    text:field(name .. "?", shown)
  end
  for _, role in ipairs(check.sorted_keys(made.accessors)) do
    if type(methods[role]) == "string" then text:field(field_name(made.accessors[role]), methods[role]) end
  end
end

-- The methods of a model that give rows of its own.
local function write_methods(text, row, values, class)
  local function method(name, arguments, result)
    text:field(name, ("fun(self: %s%s)%s"):format(class, arguments, result and ": " .. result or ""))
  end
  method("findAll", ", options?: table", row .. "[]")
  method("findOne", ", options?: table", row .. "?")
  method("findByPk", ", key: any, options?: table", row .. "?")
  method("findAndCountAll", ", options?: table", ("{ count: integer, rows: %s[] }"):format(row))
  method("findOrBuild", ", options: table", row .. ", boolean")
  method("findOrCreate", ", options: table", row .. ", boolean")
  method("findCreateFind", ", options: table", row .. ", boolean")
  method("each", ", options?: table", ("fun(): %s?"):format(row))
  method("stream", ", options?: table", ("fun(): %s?"):format(row))
  method("build", (", values?: %s, options?: table"):format(values), row)
  method("bulkBuild", (", list: %s[], options?: table"):format(values), row .. "[]")
  method("create", (", values?: %s, options?: table"):format(values), row)
  method("bulkCreate", (", list: %s[], options?: table"):format(values), row .. "[]")
  method("upsert", (", values: %s, options?: table"):format(values), row .. ", boolean")
  method("update", (", values: %s, options: table"):format(values), ("integer, %s[]?"):format(row))
  for _, name in ipairs({ "scope", "withScope" }) do method(name, ", ...: any", class) end
  for _, name in ipairs({ "unscoped", "withoutScope" }) do method(name, "", class) end
end

local function write_model(text, model, names)
  local at = names[model.definition]
  local row, values, class = at.row, at.values, at.model
  text:line("A row of %s.", model.name)
  text:line("@class %s: rowan.Instance", row)
  write_attributes(text, model.definition, false)
  for _, made in ipairs(model.association_order) do write_association(text, made, names) end
  text:gap()
  text:line("Values of a row of %s, as build, create and update take them.", model.name)
  text:line("@class %s", values)
  write_attributes(text, model.definition, true)
  text:gap()
  text:line("@class %s: rowan.Model", class)
  write_methods(text, row, values, class)
  text:gap()
end

local function add(list, seen, model)
  if type(model) ~= "table" or rawget(model, "definition") == nil or rawget(model, "prototype") == nil then
    errors.raise("UsageError", { message = "rowan.types wants a database, a model, or models in a table" })
  end
  if not seen[model.definition] then list[#list + 1] = model.definition.model end
  seen[model.definition] = true
end

local function models_of(subject)
  local list, seen = {}, {}
  if type(subject) ~= "table" then add(list, seen, subject) end
  if rawget(subject, "definition") then
    add(list, seen, subject)
  elseif rawget(subject, "_model_order") then
    for _, name in ipairs(subject._model_order) do add(list, seen, subject.models[name]) end
  else
    for _, key in ipairs(check.sorted_keys(subject)) do add(list, seen, subject[key]) end
  end
  return list
end

---Annotations of models.
---@param subject any a database, a model, or a table of models
---@return string text
function annotations.of(subject)
  local models, names, taken = models_of(subject), {}, {}
  for _, model in ipairs(models) do names[model.definition] = { row = class_name(taken, model.name) } end
  for _, model in ipairs(models) do
    local at = names[model.definition]
    at.values, at.model = class_name(taken, at.row .. "Values"), class_name(taken, at.row .. "Model")
  end
  local text = setmetatable({}, Text)
  text:line("@meta")
  text:line("Written by rowan.types; what is changed here is lost when it is written again.")
  text:gap()
  for _, model in ipairs(models) do write_model(text, model, names) end
  text:line("@class rowan.Database")
  for _, model in ipairs(models) do
    local name, class = ("%q"):format(model.name), names[model.definition].model
    text:field("define", ("fun(self: rowan.Database, name: %s, attributes: table, options?: table): %s")
      :format(name, class))
    text:field("model", ("fun(self: rowan.Database, name: %s): %s"):format(name, class))
  end
  return table.concat(text, "\n") .. "\n"
end

return annotations
