--- HSTORE of PostgreSQL: text by text, as a Lua table; a key without a value has rowan.null.

local family = require("rowan.types.family")
local null = require("rowan.base.null")
local quoted = require("rowan.types.quoted")
local values = require("rowan.driver.values")

local hstore = {}

local valid = values.utf8
local RULE = "must be a table of strings by string (rowan.null for a key without a value)"

local function cast(v)
  if type(v) ~= "table" then return nil, RULE end
  for key, value in next, v do
    if type(key) ~= "string" or not valid(key) then return nil, RULE end
    if value ~= null and (type(value) ~= "string" or not valid(value)) then return nil, RULE end
  end
  return v
end

local function dump(v)
  local keys, parts = {}, {}
  for key in next, v do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = quoted.write(key) .. "=>" .. (v[key] == null and "NULL" or quoted.write(v[key]))
  end
  return table.concat(parts, ",")
end

local function load(text)
  local out, at = {}, 1
  while at <= #text do
    local key, value
    if text:byte(at) ~= 34 then quoted.malformed("hstore") end
    key, at = quoted.read(text, at, "hstore")
    if text:sub(at, at + 1) ~= "=>" then quoted.malformed("hstore") end
    at = at + 2
    if text:sub(at, at + 3) == "NULL" then
      value, at = null, at + 4
    else
      value, at = quoted.read(text, at, "hstore")
    end
    out[key] = value
    at = text:match("^, ?()", at) or at
  end
  return out
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in next, a do
    if b[key] ~= value then return false end
  end
  for key in next, b do
    if a[key] == nil then return false end
  end
  return true
end

hstore.HSTORE = family.define({
  key = "HSTORE",
  build = function() return { code = "s", cast = cast, dump = dump, load = load, equal = equal, keyed = true } end,
})

return hstore
