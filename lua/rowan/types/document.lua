--- JSON and JSONB: any value that JSON can hold, decoded into plain Lua tables.

local family = require("rowan.types.family")
local json = require("rowan.types.json")

local document = {}

local check = json.check

local function cast(v)
  local ok, rule = check(v)
  if ok then return v end
  return nil, rule
end

local function document_family(key, code)
  return {
    key = key,
    build = function()
      return { code = code, cast = cast, dump = json.encode, load = json.decode, equal = json.equal }
    end,
  }
end

document.JSON = family.define(document_family("JSON", "j"))
document.JSONB = family.define(document_family("JSONB", "J"))

return document
