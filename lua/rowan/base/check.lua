--- Checks of arguments. A failed one raises an error object; a passed one returns nothing or what was asked.

local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local check = {}

local function before(a, b)
  local kind_a, kind_b = type(a), type(b)
  if kind_a ~= kind_b then return kind_a < kind_b end
  if kind_a == "number" or kind_a == "string" then return a < b end
  return tostring(a) < tostring(b)
end

---The keys of a table in an order that does not depend on how it was filled: numbers, then strings.
---@param t table
---@return any[]
function check.sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, before)
  return keys
end

---Refuses the first key of `options` that is not in `allowed`, with the nearest known one. nil passes.
---@param options table?
---@param allowed table<string, any> the known keys
---@param context string what the keys belong to: "User:findAll"
---@param class? string error class, "UsageError" when not given
---@param more? table<string, any> further known keys
function check.keys(options, allowed, context, class, more)
  if options == nil then return end
  check.type(options, "table", context, class)
  local unknown = false
  for key in pairs(options) do
    if allowed[key] == nil and not (more and more[key]) then
      unknown = true
      break
    end
  end
  if not unknown then return end
  for _, key in ipairs(check.sorted_keys(options)) do
    if allowed[key] == nil and not (more and more[key]) then
      local message = suggest.unknown(context .. " has no option", key, check.sorted_keys(allowed))
      errors.raise(class or "UsageError", { message = message })
    end
  end
end

---Refuses a value of another Lua type.
---@param value any
---@param expected string a Lua type name, or several as in "string|table"
---@param context string what the value is: "User:findByPk: the key"
---@param class? string error class, "UsageError" when not given
function check.type(value, expected, context, class)
  local kind = type(value)
  if kind == expected then return end
  for name in expected:gmatch("[^|]+") do
    if kind == name then return end
  end
  local wanted = expected:gsub("|", " or a ")
  local given = kind == "nil" and "nil" or "a " .. kind
  errors.raise(class or "UsageError", {
    message = ("%s must be a %s, not %s"):format(context, wanted, given),
  })
end

---Whether a value can be called: a function, or a table with __call.
---@param value any
---@return boolean
function check.callable(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(value) == "function" or (type(meta) == "table" and meta.__call ~= nil)
end

---Refuses a value of another Lua type; nil passes.
---@param value any
---@param expected string as in `check.type`
---@param context string
---@param class? string
function check.optional(value, expected, context, class)
  if value ~= nil then check.type(value, expected, context, class) end
end

---Refuses a method that was called with a point for the colon, so that something else is in the place of its `self`.
---@param self any
---@param field string what every `self` of the method has
---@param example string "User:findAll"
function check.colon(self, field, example)
  if type(self) == "table" and self[field] then return end
  errors.raise("UsageError", {
    message = ("a method wants a colon: write %s(...), not %s(...)"):format(example, (example:gsub(":", "."))),
  })
end

---How many items a sequence has; nil when the table is none (other keys than 1..n, or holes).
---@param t table
---@return integer?
function check.sequence(t)
  local n = #t
  for i = 1, n do
    if t[i] == nil then return nil end
  end
  local count = 0
  for _ in next, t do count = count + 1 end
  return count == n and n or nil
end

---A set of the given words.
---@param words string[]
---@return table<string, boolean>
function check.set(words)
  local set = {}
  for i = 1, #words do set[words[i]] = true end
  return set
end

return check
