--- Cursors of `paginate`: where a row stands in an order, as a text that can be handed to a client and comes back
--- checked. It holds the row's values for the order, with their kinds, and two sums: one over the model and the order, so
--- that a cursor of another order is told from a damaged one, and one over all of it. It is no secret, and no proof of
--- who made it: its values are cast and bound like those of any `where`.

local base64 = require("rowan.base.base64")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local numbers = require("rowan.base.numbers")

local cursor = {}

local VERSION = "1"
local to_integer = math.tointeger or function(v) return v end

-- 32 bits; the factor keeps every product exact in a double.
local function sum(text)
  local h = 7
  for i = 1, #text do h = (h * 65599 + text:byte(i)) % 4294967291 end
  return ("%08x"):format(h)
end

local function sum_of_order(model, items)
  local parts = { model.name }
  for _, item in ipairs(items) do
    parts[#parts + 1] = item.attr.name .. (item.descending and " DESC" or " ASC")
      .. (item.nulls_first and " NULLS FIRST" or " NULLS LAST")
  end
  return sum(table.concat(parts, "\31"))
end

local KINDS = { string = "s", number = "f", boolean = "b" }

local function pack(value)
  if value == null then return "z0:" end
  local kind, text = KINDS[type(value)], tostring(value)
  if kind == "f" then
    text = numbers.text(value)
    if text:find("^%-?%d+$") then kind = "i" end
  end
  return kind .. #text .. ":" .. text
end

local NAMED = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function unpack_one(kind, text)
  if kind == "z" then return null end
  if kind == "s" then return text end
  if kind == "b" then return text == "true" end
  if kind == "f" then return NAMED[text] or tonumber(text) end
  local value = to_integer(tonumber(text))
  -- What does not fit a number of this Lua stays text, which a BIGINT takes.
  return value and numbers.text(value) == text and value or text
end

local function unpack_all(payload)
  local values, at = {}, 1
  while at <= #payload do
    local kind, size, from = payload:match("^([zsbfi])(%d+):()", at)
    if not kind then return nil end
    at = from + tonumber(size)
    if at > #payload + 1 then return nil end
    values[#values + 1] = unpack_one(kind, payload:sub(from, at - 1))
  end
  return values
end

---The cursor of a row that has these values.
---@param model table
---@param items rowan.KeysetItem[]
---@param values any[] one for each item, null for NULL
---@return string
function cursor.of(model, items, values)
  local parts = {}
  for i, value in ipairs(values) do parts[i] = pack(value) end
  local body = sum_of_order(model, items) .. table.concat(parts)
  return base64.encode(VERSION .. sum(body) .. body)
end

local function refuse(context, rule)
  errors.raise("QueryError", { message = context .. " " .. rule })
end

---The values that a cursor stands for. Refuses what is no cursor, and one of another model or order.
---@param model table
---@param items rowan.KeysetItem[]
---@param text any
---@param context string "User:paginate: after"
---@return any[] values
function cursor.read(model, items, text, context)
  if type(text) ~= "string" then refuse(context, "must be a cursor, a string, not a " .. type(text)) end
  local bytes = base64.decode(text)
  local check, body = (bytes or ""):match("^" .. VERSION .. "(%x%x%x%x%x%x%x%x)(.+)$")
  if not check or sum(body) ~= check then refuse(context, "is not a cursor that rowan made, or was changed") end
  if body:sub(1, 8) ~= sum_of_order(model, items) then
    refuse(context, ("is a cursor of another model or another order than this page of %s"):format(model.name))
  end
  local values = unpack_all(body:sub(9))
  if not values or #values ~= #items then refuse(context, "is not a cursor that rowan made, or was changed") end
  for i, item in ipairs(items) do
    if values[i] ~= null then
      values[i] = item.attr.type.cast(values[i])
      if values[i] == nil then refuse(context, ("does not fit the type of %s"):format(item.attr.name)) end
    end
  end
  return values
end

return cursor
