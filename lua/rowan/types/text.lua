--- Text and bytes: STRING, CHAR, TEXT, BLOB, ENUM. Text is valid UTF-8 without NUL on every database.

local family = require("rowan.types.family")
local suggest = require("rowan.base.suggest")
local values = require("rowan.driver.values")

local text = {}

local valid = values.utf8
local TEXT_RULE = "must be valid UTF-8 without NUL"

local function too_long(n, unit)
  return ("must be at most %d %s long"):format(n, unit)
end

-- Characters are the bytes that do not continue one.
local function characters(s)
  local _, continued = s:gsub("[\128-\191]", "")
  return #s - continued
end

local function any_text(v)
  if type(v) ~= "string" then return nil, "must be a string" end
  if not valid(v) then return nil, TEXT_RULE end
  return v
end

local function text_cast(length)
  local rule = too_long(length, "characters")
  return function(v)
    if type(v) ~= "string" then return nil, "must be a string" end
    if not valid(v) then return nil, TEXT_RULE end
    if #v > length and characters(v) > length then return nil, rule end
    return v
  end
end

local function bytes_cast(length)
  local rule = length and too_long(length, "bytes")
  return function(v)
    if type(v) ~= "string" then return nil, "must be a string" end
    if rule and #v > length then return nil, rule end
    return v
  end
end

-- PostgreSQL's limit for varchar and char.
local MAX_LENGTH = 10485760

local function parse_length(fail, ...)
  local options = family.options(fail, { "length", "binary" }, ...)
  options.length = family.whole(fail, "length", options.length, 1, MAX_LENGTH)
  if options.binary ~= nil and type(options.binary) ~= "boolean" then fail("binary must be a boolean") end
  return options
end

text.STRING = family.define({
  key = "STRING",
  flags = { BINARY = { binary = true } },
  parse = parse_length,
  build = function(options)
    local length = options.length or 255
    if options.binary then
      return {
        code = "x", binary = true, length = length, cast = bytes_cast(length),
        plain = { kind = "bytes", length = length },
      }
    end
    return { code = "s", length = length, cast = text_cast(length), plain = { kind = "text", length = length } }
  end,
})

local NO_BINARY_CHAR = "is not supported: STRING(n).BINARY and BLOB hold bytes"

text.CHAR = family.define({
  key = "CHAR",
  flags = { BINARY = NO_BINARY_CHAR },
  parse = parse_length,
  build = function(options, fail)
    if options.binary then fail("BINARY " .. NO_BINARY_CHAR) end
    local length = options.length or 255
    local cast = text_cast(length)
    return {
      code = "c", length = length,
      cast = function(v)
        local canonical, rule = cast(v)
        if canonical and v:byte(-1) == 32 then
          return nil, "must not end with a space, which CHAR pads with"
        end
        return canonical, rule
      end,
    }
  end,
})

-- MySQL's sizes: accepted, and without effect.
local function parse_size(fail, ...)
  local options = family.options(fail, { "length" }, ...)
  local size = options.length
  if size ~= nil and size ~= "tiny" and size ~= "medium" and size ~= "long" then
    fail('takes "tiny", "medium", "long" or nothing')
  end
  return {}
end

text.TEXT = family.define({
  key = "TEXT",
  flags = { BINARY = "is not supported: BLOB holds bytes" },
  parse = parse_size,
  build = function() return { code = "s", cast = any_text, plain = { kind = "text" } } end,
})

-- Compared without regard to case: an extension of PostgreSQL, a collation of SQLite.
text.CITEXT = family.define({
  key = "CITEXT",
  build = function() return { code = "s", cast = any_text, plain = { kind = "text" } } end,
})

-- Made by functions such as to_tsvector; what is read is PostgreSQL's text of it.
text.TSVECTOR = family.define({
  key = "TSVECTOR",
  build = function() return { code = "s", cast = any_text, plain = { kind = "text" }, settled = true } end,
})

text.BLOB = family.define({
  key = "BLOB",
  parse = parse_size,
  build = function() return { code = "x", cast = bytes_cast(), plain = { kind = "bytes" } } end,
})

local function check_values(list, fail)
  local set = {}
  for i, value in ipairs(list) do
    if type(value) ~= "string" or value == "" or not valid(value) then
      fail(("wants strings; value %d is not one, or is empty"):format(i))
    end
    if #value > 63 then
      fail(('has the value "%s": PostgreSQL takes at most 63 bytes'):format(suggest.clip(value)))
    end
    if set[value] then fail(('has the value "%s" twice'):format(suggest.clip(value))) end
    set[value] = true
  end
  return set
end

local function enum_cast(list, set)
  local shown = {}
  for i = 1, math.min(#list, 20) do shown[i] = list[i] end
  local rule = ('must be one of "%s"%s'):format(table.concat(shown, '", "'), #list > 20 and ", ..." or "")
  return function(v)
    if set[v] then return v end
    if type(v) ~= "string" then return nil, "must be a string" end
    local near = suggest.nearest(v, list)
    return nil, near and ('%s (did you mean "%s"?)'):format(rule, near) or rule
  end
end

local function parse_enum(fail, ...)
  local first = ...
  if type(first) ~= "table" then
    local list = { ... }
    if #list ~= select("#", ...) then fail("wants strings") end
    return { values = list }
  end
  local check
  if first.values ~= nil then
    local options = family.options(fail, { "values", "check" }, first)
    first, check = options.values, options.check
  end
  if type(first) ~= "table" then fail("wants a list of values") end
  if check ~= nil and type(check) ~= "boolean" then fail("check must be true or false") end
  local list = {}
  for i = 1, #first do list[i] = first[i] end
  for key in pairs(first) do
    if list[key] == nil then fail(suggest.unknown("has no option", key, { "values", "check" })) end
  end
  return { values = list, check = check }
end

-- `check`: text with a CHECK instead of a type of its own, on PostgreSQL; SQLite has nothing else.
text.ENUM = family.define({
  key = "ENUM",
  parse = parse_enum,
  build = function(options, fail)
    local list = options.values or {}
    if options.values and #list == 0 then fail("needs at least one value") end
    local words = check_values(list, fail)
    return {
      code = "e", values = options.values, incomplete = not options.values and "needs its values" or nil,
      check = options.check, cast = enum_cast(list, words), plain = { kind = "word", words = words },
    }
  end,
})

return text
