--- What an editor wants to know of models: LuaLS annotations of their rows (attributes, associations, methods), of what
--- finders and writers are told, and of the models themselves, as text that is valid Lua and does nothing. Called by
--- rowan.types.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local words = require("rowan.model.annotation_words")

local annotations = {}

local Text = {}
Text.__index = Text

function Text:line(...)
  self[#self + 1] = "---" .. string.format(...)
end

-- A field that may be absent has a "?"; behind a name in brackets only the type can say so.
function Text:field(name, type_name, may_lack, remark)
  local shown, plain = words.field(name)
  if may_lack and plain then
    shown = shown .. "?"
  elseif may_lack and type_name ~= "any" then
    type_name = type_name:find("[|:]") and "(" .. type_name .. ")?" or type_name .. "?"
  end
  self:line("@field %s %s%s", shown, type_name, words.remark(remark))
end

function Text:method(owner, name, arguments, result, remark)
  self:field(name, ("fun(self: %s%s)%s"):format(owner, arguments, result and ": " .. result or ""), false, remark)
end

function Text:gap()
  self[#self + 1] = ""
end

-- One of these words; for nothing, any text.
function Text:choice(name, list)
  local quoted = {}
  for i, word in ipairs(list) do quoted[i] = words.quote(word) end
  self:line("@alias %s %s", name, quoted[1] and table.concat(quoted, "|") or "string")
end

local function write_attributes(text, def, written)
  for _, entry in ipairs(def.entries) do
    local attr = def.by_name[entry.name]
    local type_name = words.type(attr.type, written)
    if written and type_name ~= "any" then type_name = type_name .. "|rowan.Expression" end
    text:field(attr.label, type_name, written or attr.allow_null or attr.virtual, attr.comment)
  end
end

local ROLES = {
  get = "The rows of %s", count = "How many rows %s has", has = "Whether %s has the row",
  hasAll = "Whether %s has all of these rows", set = "Makes %s these rows", add = "Adds to %s", addMany = "Adds to %s",
  remove = "Removes from %s", removeMany = "Removes from %s", create = "Stores a new row, and adds it to %s",
}
local ROLES_OF_ONE = { get = "The %s", set = "Makes the row the %s", create = "Stores a new row as the %s" }

-- What the methods of an association take and give, by role.
local function methods_of(target, multiple)
  local one = target.row .. "|rowan.Key"
  local list = ("%s|(%s)[]"):format(one, one)
  local create = ", options?: rowan.CreateOptions|rowan.LinkCallOptions"
  local find, call = (", options?: %s|rowan.GetterOptions"):format(target.finder), ", options?: rowan.LinkCallOptions"
  local get = multiple and target.row .. "[]" or target.row .. "?"
  local many = { ", rows: " .. list .. call }
  local set = (multiple and ", rows?: " .. list or ", row?: " .. one) .. call
  return {
    get = { find, get }, count = { find, "integer" }, has = { ", row: " .. one .. find, "boolean" },
    hasAll = { ", rows: " .. list .. find, "boolean" }, set = { set }, add = { ", row: " .. list .. call },
    addMany = many, remove = { ", row: " .. list .. call }, removeMany = many,
    create = { ", values?: " .. target.values .. create, target.row },
  }
end

local function write_association(text, made, names)
  local at, target = names[made.source.definition], names[made.target.definition]
  if not target then return end
  text:field(made.as, made.multiple and target.row .. "[]" or target.row, true)
  local methods = methods_of(target, made.multiple)
  for _, role in ipairs(check.sorted_keys(made.accessors)) do
    local method = methods[role]
    local remark = (made.multiple and ROLES or ROLES_OF_ONE)[role]
    if method then text:method(at.row, made.accessors[role], method[1], method[2], remark:format(made.as)) end
  end
end

-- Rows that were found through a model in between hold its row.
local function write_junctions(text, model, models, names)
  local seen = {}
  for _, other in ipairs(models) do
    for _, made in ipairs(other.association_order) do
      local through = made.through
      local between = through and names[through.model.definition]
      if between and made.target.definition == model.definition and not seen[through.as] then
        seen[through.as] = true
        text:field(through.as, between.row, true, ("when found through %s"):format(made.source.name))
      end
    end
  end
end

-- Functions of the user's own: those that rowan's have not, and that were not written already.
local function write_functions(text, owner, from, rowans, written)
  for _, name in ipairs(check.sorted_keys(from)) do
    local own = type(name) == "string" and not (written[name] or rowans[name])
    if own and type(from[name]) == "function" then
      text:method(owner, name, words.parameters(from[name]), "any")
    end
  end
end

local ADDED = ", fields: string|string[]|table<string, number>, options?: rowan.AddOptions"

local ROW_METHODS = {
  { "save", ", options?: rowan.SaveOptions", "Writes what changed" },
  { "update", ", values: %s, options?: rowan.SaveOptions", "Sets attributes and writes them, and only them" },
  { "set", ", what: %s|string, value?: any, options?: { raw?: boolean }", "Sets attributes, through their setters" },
  { "reload", ", options?: rowan.ReloadOptions", "Reads the row again" },
  { "destroy", ", options?: rowan.DestroyOptions", "Deletes the row" },
  { "restore", ", options?: rowan.RestoreRowOptions", "Brings back a row that was deleted softly" },
  { "validate", ", options?: rowan.ValidationOptions", "Checks it as a save would" },
  { "increment", ADDED, "Adds to numbers where they are stored" },
  { "decrement", ADDED, "The opposite of increment" },
}

local function write_row(text, model, models, names)
  local at, written = names[model.definition], {}
  text:line("A row of %s.%s", words.quote(model.name), words.remark(model.definition.comment))
  text:line("@class %s: rowan.Instance", at.row)
  text:field("Model", at.model)
  write_attributes(text, model.definition, false)
  for _, made in ipairs(model.association_order) do
    write_association(text, made, names)
    for _, name in pairs(made.accessors) do written[name] = true end
  end
  write_junctions(text, model, models, names)
  for _, method in ipairs(ROW_METHODS) do
    written[method[1]] = true
    local arguments = method[2]:format(method[1] == "reload" and at.finder or at.values)
    text:method(at.row, method[1], arguments, at.row, method[3])
  end
  write_functions(text, at.row, model.prototype, getmetatable(model.prototype).__index, written)
  text:gap()
end

-- What is said to build, create and update, and to finders.
local function write_options(text, model, names)
  local def, at, aliases = model.definition, names[model.definition], {}
  for _, made in ipairs(model.association_order) do aliases[#aliases + 1] = made.as end
  text:choice(at.attribute, model.attributeNames)
  if aliases[1] then text:choice(at.association, aliases) end
  text:gap()
  text:line("Values of a row, as build, create and update take them.")
  text:line("@class %s", at.values)
  write_attributes(text, def, true)
  for _, made in ipairs(model.association_order) do
    local target = names[made.target.definition]
    if target then
      text:field(made.as, made.multiple and target.values .. "[]" or target.values, true, "with include")
    end
  end
  text:gap()
  text:line("Conditions: values, lists of them, and tables of operators.")
  text:line("@class %s", at.where)
  for _, attr in ipairs(def.list) do
    local type_name = words.type(attr.type, true)
    text:field(attr.label, type_name == "any" and "any" or type_name .. "|table", true)
  end
  text:gap()
  text:line("@class %s", at.filter)
  text:field("where", at.where .. "|table", true, "rowan.all for every row")
  text:gap()
  text:line("@class %s: %s, rowan.FinderOptions", at.finder, at.filter)
  text:field("attributes", ("(%s|table)[]|table"):format(at.attribute), true,
    "names, { expression, alias }, or { include =, exclude = }")
  if aliases[1] then
    local one = ("%s|string|rowan.IncludeOptions"):format(at.association)
    text:field("include", ("%s|(%s)[]"):format(one, one), true, "associations to load")
  end
  text:gap()
end

-- Each with its arguments, result and remark. ROW, VALUES ... stand for the names of this model's classes (terms_of).
local MODEL_METHODS = {
  { "findAll", ", options?: FINDER", "ROW[]", "All rows that match" },
  { "findOne", ", options?: FINDER", "ROW?", "The first row that matches, or nil" },
  { "findByPk", ", key: rowan.Key, options?: FINDER", "ROW?", "The row with a primary key, or nil" },
  { "findAndCountAll", ", options?: FINDER", "{ count: integer, rows: ROW[] }", "Some rows, and how many there are" },
  { "findOrBuild", ", options: EITHER", "ROW, boolean", "The row that matches, or a new one that is not stored" },
  { "findOrCreate", ", options: EITHER", "ROW, boolean", "The row that matches, or a new one; and whether it is new" },
  { "findCreateFind", ", options: EITHER", "ROW, boolean", "findOrCreate, looking first" },
  { "each", ", options?: FINDER|rowan.BatchOptions", "fun(): ROW?", "All rows that match, a batch at a time" },
  { "stream", ", options?: FINDER|rowan.BatchOptions", "rowan.Stream|fun(): ROW?", "All rows, through a cursor" },
  { "paginate", ", options?: FINDER|rowan.PageOptions", "PAGE", "A page of rows, by number or by cursor" },
  { "count", ", options?: AGGREGATE", "integer", "How many rows match; with group a list" },
  { "sum", ", attribute: COLUMN, options?: AGGREGATE", "any", "The sum of an attribute" },
  { "min", ", attribute: COLUMN, options?: AGGREGATE", "any", "The smallest value of an attribute" },
  { "max", ", attribute: COLUMN, options?: AGGREGATE", "any", "The largest value of an attribute" },
  { "aggregate", ", attribute: COLUMN, fn: string, options?: AGGREGATE", "any", "Any aggregate function" },
  { "exists", ", options?: FILTER|rowan.ExistsOptions", "boolean", "Whether any row matches" },
  { "pluck", ", what: COLUMN|table, options?: FINDER", "any[]", "The values of one attribute, or of several" },
  { "select", ", options?: FINDER", "rowan.Query", "A search as a value" },
  { "build", ", values?: VALUES, options?: rowan.BuildOptions", "ROW", "A new row that is not stored yet" },
  { "bulkBuild", ", list: VALUES[], options?: rowan.BuildOptions", "ROW[]", "A new row for each table of values" },
  { "create", ", values?: VALUES, options?: rowan.CreateOptions", "ROW, boolean?", "Makes and stores a row" },
  { "bulkCreate", ", list: VALUES[], options?: rowan.BulkCreateOptions", "ROW[], table?", "Stores rows, all or none" },
  { "upsert", ", values: VALUES, options?: rowan.UpsertOptions", "ROW, boolean", "Stores a row, or updates it" },
  { "update", ", values: VALUES, options: FILTER|rowan.UpdateOptions", "integer, ROW[]?", "Changes rows" },
  { "bulkUpdate", ", list: (VALUES|ROW)[], options?: rowan.BulkUpdateOptions", "integer, ROW[]?, table[]",
    "Changes rows, each to values of its own" },
  { "destroy", ", options: FILTER|rowan.BulkDestroyOptions", "integer", "Deletes all rows that match" },
  { "restore", ", options: FILTER|rowan.RestoreOptions", "integer", "Brings back rows that were deleted softly" },
  { "increment", ", fields: NUMBERS, options: FILTER|rowan.IncrementOptions", "integer, ROW[]?", "Adds to numbers" },
  { "decrement", ", fields: NUMBERS, options: FILTER|rowan.IncrementOptions", "integer, ROW[]?", "Takes from numbers" },
  { "scope", ", ...: any", "MODEL", "The model with other scopes" },
  { "withScope", ", ...: any", "MODEL", "scope" },
  { "unscoped", "", "MODEL", "The model without any scope" },
  { "withoutScope", "", "MODEL", "unscoped" },
  { "withInitialScope", "", "MODEL", "The model with the scope that it always has" },
  { "withSchema", ", place: any", "MODEL", "The model with its table in another schema" },
  { "getInitialModel", "", "MODEL", "The model itself, without a schema or scope of a variant" },
}

-- What the words in MODEL_METHODS stand for.
local function terms_of(at)
  return {
    ROW = at.row, VALUES = at.values, FINDER = at.finder, FILTER = at.filter, MODEL = at.model, PAGE = at.page,
    COLUMN = at.attribute .. "|string|rowan.Expression", AGGREGATE = at.filter .. "|rowan.AggregateOptions",
    NUMBERS = at.attribute .. "|string[]|table<string, number>",
    EITHER = ("{ where: %s|table, defaults?: %s }|rowan.FindOrOptions"):format(at.where, at.values),
  }
end

-- The hooks whose functions get a row, or a list of them.
local ROW_HOOKS = {
  "beforeValidate", "afterValidate", "beforeCreate", "afterCreate", "beforeUpdate", "afterUpdate", "beforeSave",
  "afterSave", "beforeDestroy", "afterDestroy", "beforeRestore", "afterRestore",
}
local LIST_HOOKS = { "beforeBulkCreate", "afterBulkCreate" }

-- What adds a hook: a function, or a name and a function.
local function adds(model, arguments)
  local fn = ("fun(%s, options: table)"):format(arguments)
  return ("fun(self: %s, name: string|%s, fn?: %s): fun()"):format(model, fn, fn)
end

local function write_model(text, model, names)
  local at, written = names[model.definition], {}
  local terms = terms_of(at)
  text:line("@class %s: rowan.Page", at.page)
  text:field("rows", at.row .. "[]")
  text:gap()
  text:line("@alias %s %s", at.hook, adds(at.model, "row: " .. at.row))
  text:gap()
  text:line("The model %s.", words.quote(model.name))
  text:line("@class %s: rowan.Model", at.model)
  text:field("prototype", at.row, false, "methods of its rows go here")
  for _, method in ipairs(MODEL_METHODS) do
    local arguments, result = method[2]:gsub("%u%u+", terms), method[3]:gsub("%u%u+", terms)
    written[method[1]] = true
    text:method(at.model, method[1], arguments, result, method[4])
  end
  for _, name in ipairs(ROW_HOOKS) do text:field(name, at.hook) end
  for _, name in ipairs(LIST_HOOKS) do text:field(name, adds(at.model, "rows: " .. at.row .. "[]")) end
  write_functions(text, at.model, model, getmetatable(model), written)
  text:gap()
end

local function add(list, seen, model)
  if type(model) ~= "table" or rawget(model, "definition") == nil or rawget(model, "prototype") == nil then
    errors.raise("UsageError", { message = "rowan.types wants a database, a model, or these in a table" })
  end
  if not seen[model.definition] then list[#list + 1] = model.definition.model end
  seen[model.definition] = true
end

local function add_all(list, seen, subject)
  if type(subject) == "table" and rawget(subject, "_model_order") then
    for _, name in ipairs(subject._model_order) do add(list, seen, subject.models[name]) end
  else
    add(list, seen, subject)
  end
end

local function models_of(subject)
  local list, seen = {}, {}
  if type(subject) ~= "table" or rawget(subject, "definition") or rawget(subject, "_model_order") then
    add_all(list, seen, subject)
  else
    for _, key in ipairs(check.sorted_keys(subject)) do add_all(list, seen, subject[key]) end
  end
  return list
end

local PARTS = { "values", "where", "filter", "finder", "attribute", "association", "page", "hook", "model" }

local function names_of(models, prefix)
  local names, taken = {}, words.taken()
  taken[prefix .. "Database"], taken[prefix .. "Models"] = prefix ~= "", prefix ~= ""
  for _, model in ipairs(models) do
    names[model.definition] = { row = words.class(taken, prefix .. model.name) }
  end
  for _, model in ipairs(models) do
    local at = names[model.definition]
    for _, part in ipairs(PARTS) do at[part] = words.class(taken, at.row .. part:gsub("^%l", string.upper)) end
  end
  return names
end

local DEFINED = ", attributes: rowan.Attributes, options?: rowan.ModelOptions"

-- How a database hands them out: every one, or with a prefix one that is said to be of a class of its own.
local function write_database(text, models, names, prefix)
  local own = prefix ~= ""
  local place = own and prefix or "rowan."
  local class, of_models = place .. "Database", place .. "Models"
  text:line("@class %s%s", of_models, own and ": rowan.Models" or "")
  for _, model in ipairs(models) do text:field(model.name, names[model.definition].model) end
  text:gap()
  text:line("@class %s%s", class, own and ": rowan.Database" or "")
  if own then text:field("models", of_models) end
  for _, model in ipairs(models) do
    local name, of_model = words.quote(model.name), names[model.definition].model
    text:method(class, "define", ", name: " .. name .. DEFINED, of_model)
    text:method(class, "model", ", name: " .. name, of_model)
  end
  -- These hide the methods of the library; so here is what is true of any other name.
  text:method(class, "define", ", name: string" .. DEFINED, "rowan.OpenModel", "Defines a model")
  text:method(class, "model", ", name: string", "rowan.OpenModel", "The model of that name")
end

---Annotations of models.
---@param subject any a database, a model, or a table of these
---@param options? { prefix?: string } prefix: "shop.", in front of the names of all classes
---@return string text
function annotations.of(subject, options)
  check.keys(options, { prefix = true }, "rowan.types")
  local said = options and options.prefix
  if said ~= nil and not (type(said) == "string" and said:find("^%a[%w_.]*$") and not said:find("^rowan%.")) then
    errors.raise("UsageError", { message = 'rowan.types: prefix must be a name such as "shop.", not that of rowan' })
  end
  local models, prefix = models_of(subject), said or ""
  local names, text = names_of(models, prefix), setmetatable({}, Text)
  text:line("@meta")
  text:line("Written by rowan.types; what is changed here is lost when it is written again.")
  text:gap()
  for _, model in ipairs(models) do
    write_row(text, model, models, names)
    write_options(text, model, names)
    write_model(text, model, names)
  end
  write_database(text, models, names, prefix)
  return table.concat(text, "\n") .. "\n"
end

return annotations
