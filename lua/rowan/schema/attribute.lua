--- One attribute: from what a definition says of it to the normalised form. Called by schema/definition.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local json = require("rowan.types.json")
local naming = require("rowan.base.naming")
local null = require("rowan.base.null")
local options = require("rowan.schema.options")
local reference = require("rowan.schema.reference")
local reserved = require("rowan.schema.reserved")
local types = require("rowan.types")

local attribute = {}

---@class rowan.Attribute
---@field name string where its value is in a row: its label, or "_" and that when it has a getter or setter
---@field label string what it is called
---@field field string the column
---@field token string the attribute in the keys of plans, unlike any other word there
---@field type rowan.Type
---@field position integer in the definition's list
---@field allow_null boolean
---@field primary boolean
---@field auto boolean
---@field default any a canonical value, a function, or an expression; nil when there is none
---@field default_kind "value"|"function"|"expression"|nil
---@field generated? { expression: rowan.Expression, stored: boolean } what the database computes it from
---@field made boolean the database makes a value where none is given
---@field references? rowan.Reference
---@field follows? { definition: rowan.Definition, key: string } what it points at as the key of an association, enforced or not
---@field unique boolean unique by itself
---@field comment? string
---@field get? function
---@field set? function
---@field validate? table
---@field immutable? rowan.ValidatorUse its validator isImmutable: no write changes it once it is stored
---@field virtual boolean has no column
---@field system? boolean a column that every table has of itself
---@field shadowed? boolean of a live table: what instances have under its label is a method
---@field definition table

local KINDS = {
  type = "any", allowNull = "boolean", field = "string", columnName = "string", defaultValue = "any",
  primaryKey = "boolean", autoIncrement = "boolean", autoIncrementIdentity = "boolean", unique = "any",
  index = "any", generated = "table",
  references = "string|table", onDelete = "string", onUpdate = "string", comment = "string", get = "function",
  set = "function", validate = "table", values = "any",
}

local function fail(subject, rule)
  errors.raise("DefinitionError", { message = subject .. ": " .. rule })
end

local function check_options(subject, spec)
  check.keys(spec, KINDS, "the attribute " .. subject, "DefinitionError")
  for _, key in ipairs(check.sorted_keys(spec)) do
    if KINDS[key] ~= "any" then
      check.type(spec[key], KINDS[key], ('%s: the option "%s"'):format(subject, key), "DefinitionError")
    end
  end
  if spec.values ~= nil then
    fail(subject, 'the option "values" belongs to the type: DataTypes.ENUM("a", "b")')
  end
  if spec.autoIncrementIdentity == false then
    fail(subject, "autoIncrementIdentity cannot be false: generated keys are identity columns, never SERIAL")
  end
  if spec.field and spec.columnName and spec.field ~= spec.columnName then
    fail(subject, "field and columnName differ; they mean the same")
  end
end

-- Columns of a live table are called what they are called.
local function check_name(subject, name, live)
  if name == "" or name:find("%c") then
    fail(subject, "the name must not be empty or contain control characters")
  end
  if live then return end
  if name:find("%.") or name:find("::") or name:find("->", 1, true) then
    fail(subject, 'the name must not contain ".", "::" or "->", which mean something in queries')
  end
  if name:find("^%$") and name:find("%$$") then fail(subject, 'the name must not start and end with "$"') end
  if reserved[name] then
    fail(subject, ('an attribute "%s" would hide the instance method of that name; give it another name, and '
      .. 'field = "%s" for the column'):format(name, name))
  end
end

---What a definition says of one attribute, as a table of options of its own.
---@param subject string "User.age"
---@param given any a type, or a table of options
---@return table spec
function attribute.spec(subject, given)
  if types.is(given) then return { type = given } end
  if type(given) ~= "table" then
    local what = given == null and "null" or "a " .. type(given)
    fail(subject, "wants a type or a table of options, not " .. what)
  end
  local spec = {}
  for key, value in pairs(given) do spec[key] = value end
  return spec
end

local function is_expression(def, value)
  local is = def.context.is_expression
  return is ~= nil and is(value)
end

local function plain_default(attr, subject, value)
  if type(value) == "table" and getmetatable(value) ~= nil and not json.is_marked(value) then
    fail(subject, "the default value must be a plain value, a function or an SQL expression")
  end
  local canonical, rule = attr.type.cast(json.copy(value))
  local refuse = attr.definition.dialect.refuse
  if canonical ~= nil and refuse then rule = refuse(attr.type, canonical) end
  if rule then fail(subject, "the default value " .. rule) end
  return canonical
end

local function set_default(attr, subject, spec)
  local value = spec.defaultValue
  if value == nil or value == null then
    if value == null and not attr.allow_null then
      fail(subject, "the default value is NULL, which allowNull forbids")
    end
    return
  end
  if attr.auto then fail(subject, "autoIncrement and defaultValue exclude each other") end
  if types.is(value) then
    local generate = value.generator_for and value.generator_for(attr.type)
    if not generate then
      fail(subject, ("DataTypes.%s is no default value for DataTypes.%s"):format(value.key, attr.type.key))
    end
    attr.default, attr.default_kind = generate, "function"
  elseif type(value) == "function" then
    attr.default, attr.default_kind = value, "function"
  elseif is_expression(attr.definition, value) then
    attr.default, attr.default_kind = value, "expression"
  else
    attr.default, attr.default_kind = plain_default(attr, subject, value), "value"
  end
end

local function set_key(attr, subject, spec)
  attr.primary = spec.primaryKey or false
  attr.auto = spec.autoIncrement or spec.autoIncrementIdentity or false
  if attr.primary and spec.allowNull then
    fail(subject, "a primary key cannot be NULL: allowNull must not be true")
  end
  attr.allow_null = not attr.primary and spec.allowNull ~= false
  if not attr.auto then return end
  if spec.autoIncrement == false then fail(subject, "autoIncrementIdentity needs autoIncrement") end
  if not attr.type.integer then
    fail(subject, ("autoIncrement needs an integer type, not DataTypes.%s"):format(attr.type.key))
  end
  -- A value comes from the database for every row that does not give one.
  if spec.allowNull then
    fail(subject, "an autoIncrement attribute is never NULL: allowNull must not be true")
  end
  attr.allow_null = false
end

local GENERATED = check.set({ "as", "stored" })

-- `generated`: an expression, or { as = expression, stored = true | false }.
local function set_generated(attr, subject, given)
  if given == nil then return end
  local as, stored = given, true
  if not is_expression(attr.definition, given) then
    check.keys(given, GENERATED, ('%s: the option "generated"'):format(subject), "DefinitionError")
    as = given.as
    if given.stored ~= nil then stored = given.stored end
  end
  if not is_expression(attr.definition, as) then
    fail(subject, 'the option "generated" wants an SQL expression, such as rowan.literal("price * 2")')
  end
  if not stored and not attr.definition.dialect.supports.virtual_columns then
    fail(subject, ("generated columns are stored on %s: stored must not be false"):format(attr.definition.dialect.name))
  end
  if attr.primary or attr.auto or attr.default_kind then
    fail(subject, "a generated column has no default, and is no key that rows are written with")
  end
  attr.generated = { expression = as, stored = stored }
end

local function check_virtual(subject, spec)
  for _, key in ipairs({
    "primaryKey", "autoIncrement", "generated", "field", "columnName", "unique", "index", "references", "onDelete",
    "onUpdate", "comment",
  }) do
    if spec[key] then
      fail(subject, ('a VIRTUAL attribute has no column, so the option "%s" means nothing'):format(key))
    end
  end
end

---Fills `attr` from its options; raises DefinitionError, naming model, attribute and option.
---@param attr table an empty table, or the attribute as it was
---@param def table the definition: name, dialect, options, roles, context
---@param name string
---@param spec table
---@param position integer
---@return rowan.Attribute attr
function attribute.fill(attr, def, name, spec, position)
  local subject = def.name .. "." .. name
  for key in pairs(attr) do attr[key] = nil end
  check_name(subject, name, def.context.live)
  check_options(subject, spec)
  attr.label, attr.position, attr.definition = name, position, def
  -- A plain field would hide the getter, or a method.
  attr.shadowed = reserved[name]
  attr.name = attr.shadowed and "column " .. name or (spec.get or spec.set) and "_" .. name or name
  attr.token = "." .. name
  attr.type = types.resolve(spec.type, subject)
  if def.dialect.kept_as then attr.type = def.dialect.kept_as(attr.type) end
  attr.virtual = attr.type.virtual or false
  attr.field = spec.field or spec.columnName or def.options.underscored and naming.underscore(name) or name
  set_key(attr, subject, spec)
  if attr.virtual then check_virtual(subject, spec) end
  set_default(attr, subject, spec)
  set_generated(attr, subject, spec.generated)
  attr.settled = family.root(attr.type).settled
  attr.made = attr.auto or attr.generated ~= nil or attr.default_kind == "expression"
  attr.references = reference.read(def, subject, spec)
  reference.action(subject, "onDelete", spec.onDelete)
  reference.action(subject, "onUpdate", spec.onUpdate)
  attr.unique = false
  attr.comment, attr.get, attr.set, attr.validate = spec.comment, spec.get, spec.set, spec.validate
  if not attr.virtual then
    options.check_identifier(def.dialect, subject .. ": the column", attr.field)
    -- Raises for a type that the database does not have.
    def.dialect.type_name(attr.type, attr, def)
  end
  return attr
end

return attribute
