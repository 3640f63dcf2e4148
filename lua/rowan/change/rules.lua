--- The validators of a definition, read when it is made into what change/validate runs. Called by model/define.

local lazy = require("rowan.base.lazy")
local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")
local validators = lazy(function() return require("rowan.change.validators") end)

local rules = {}

---@class rowan.ValidatorUse one validator of an attribute
---@field name string
---@field custom? fun(value: any, row: table, args: any): any a function of the user's
---@field sees_null? boolean whether it runs for NULL
---@field args? any
---@field message? string

---@class rowan.Validates what a definition wants validated
---@field by_name table<string, rowan.ValidatorUse[]> by attribute
---@field model { name: string, check: function }[] those of the whole row

local function fail(subject, rule)
  errors.raise("DefinitionError", { message = subject .. ": " .. rule })
end

local MESSAGE = check.set({ "msg", "args" })

-- A compiled pattern that can be called is a pattern.
local function is_callable(value)
  return check.callable(value) and (type(value) == "function" or getmetatable(value).match == nil)
end

-- { args = ..., msg = "..." }, or the arguments as they are.
local function unwrap(subject, given)
  if type(given) ~= "table" or (given.msg == nil and given.args == nil) then return given, nil end
  check.keys(given, MESSAGE, subject, "DefinitionError")
  check.optional(given.msg, "string", subject .. ": msg", "DefinitionError")
  local args = given.args
  if args == nil then args = true end
  return args, given.msg
end

-- Functions of the application under a name that every model can use.
local named = {}

local function known_names()
  local all = {}
  for name in next, validators.by_name do all[name] = true end
  for name in next, named do all[name] = true end
  return check.sorted_keys(all)
end

---Makes a function known as a validator by a name.
---@param name string
---@param fn fun(value: any, row: table, args: any): any
function rules.register(name, fn)
  check.type(name, "string", "rowan.validator: the name", "DefinitionError")
  if not is_callable(fn) then fail("rowan.validator: " .. name, "wants a function") end
  if validators.by_name[name] or name == "notNull" then fail("rowan.validator: " .. name, "is there already") end
  named[name] = fn
end

-- { msg = "..." } where NULL is refused; the rule itself is allowNull.
local function read_not_null(attr, subject, given)
  if attr.allow_null then fail(subject, "notNull needs allowNull = false") end
  local args, message = unwrap(subject .. ": notNull", given)
  if args ~= true then fail(subject, "notNull wants true or { msg = \"...\" }") end
  attr.null_message = message
end

local function read_one(attr, subject, name, given)
  if is_callable(given) then return { name = name, custom = given, sees_null = true } end
  local own = named[name]
  if not validators.by_name[name] and not own then
    fail(subject, suggest.unknown("there is no validator", name, known_names())
      .. "; one of your own is a function")
  end
  local args, message = unwrap(subject .. ": " .. name, given)
  if is_callable(args) and name ~= "is" and name ~= "not" then
    return { name = name, custom = args, message = message, sees_null = true }
  end
  if own then return { name = name, custom = own, message = message, args = args } end
  local list, problem = validators.arguments(name, args)
  if not list then fail(subject, ("%s %s"):format(name, problem)) end
  return { name = name, args = list, message = message }
end

local function read_attribute(def, attr)
  local subject, list = def.name .. "." .. attr.label .. ": validate", {}
  attr.null_message, attr.immutable = nil, nil
  for _, name in ipairs(check.sorted_keys(attr.validate)) do
    local given = attr.validate[name]
    if type(name) ~= "string" then fail(subject, "wants validators by name") end
    if name == "notNull" then
      read_not_null(attr, subject, given)
    elseif given ~= false then
      list[#list + 1] = read_one(attr, subject, name, given)
      if name == "isImmutable" then attr.immutable = table.remove(list) end
    end
  end
  return (list[1] or attr.immutable) and list
end

local function read_model(def)
  local list, given = {}, def.options.validate or {}
  for _, name in ipairs(check.sorted_keys(given)) do
    local subject = ("the model %s: validate"):format(def.name)
    if type(name) ~= "string" then fail(subject, "wants functions by name") end
    if not is_callable(given[name]) then fail(subject, ('wants functions by name, and "%s" is none'):format(name)) end
    if def.by_name[name] then
      fail(subject, ('the validator "%s" has the name of an attribute; give that one a validate of its own')
        :format(name))
    end
    list[#list + 1] = { name = name, check = given[name] }
  end
  return list
end

---Reads the validators of a definition into `def.validates`, which stays nil for a model without any. Raises DefinitionError
---for a validator that is not known, or has arguments that it cannot use.
---@param def rowan.Definition
function rules.compile(def)
  local by_name, found = {}, false
  for name, attr in next, def.by_name do
    local list = attr.validate and read_attribute(def, attr)
    if list then by_name[name], found = list, true end
  end
  -- A virtual value that must be there is nobody's but ours to look at.
  for _, attr in ipairs(def.virtuals) do found = found or not attr.allow_null end
  local model = read_model(def)
  def.validates = (found or model[1]) and { by_name = by_name, model = model } or nil
end

return rules
