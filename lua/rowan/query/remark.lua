--- `comment`: a remark of the caller's behind the statement, for logs and monitors. It is part of the text, so each
--- different one is a statement of its own; and nothing in it can end the comment.

local errors = require("rowan.base.errors")

local remark = {}

local MAX = 500

local function encode(text)
  return (text:gsub("[^%w%-_.~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- sqlcommenter: key='value' with both encoded, in the order of the keys.
local function of_map(map)
  local keys, parts = {}, {}
  for key in next, map do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = ("%s='%s'"):format(encode(key), encode(tostring(map[key]))) end
  return table.concat(parts, ",")
end

local function cleaned(text)
  -- No other character can be part of */ or /*, in any encoding.
  text = text:gsub("[%c]", " "):gsub("%*/", "* /"):gsub("/%*", "/ *")
  return " /* " .. text .. " */"
end

local function of_comment(comment)
  local kind = type(comment)
  local text = kind == "table" and of_map(comment) or comment
  if kind ~= "table" and kind ~= "string" then
    errors.raise("QueryError", { message = "comment must be a string or a table of strings, not a " .. kind })
  end
  if #text > MAX then
    errors.raise("QueryError", { message = ("comment must not be longer than %d bytes"):format(MAX) })
  end
  return cleaned(text)
end

---What stands behind a statement: the call's comment, text or keys and values as sqlcommenter writes them; and the path on
---which its tables are looked for, so that it is prepared for that path alone.
---@param options { comment?: string|table<string, any>, onPath?: string }
---@return string "" for nothing
function remark.of(options)
  local comment, path = options.comment, options.onPath
  if comment == nil and path == nil then return "" end
  return (comment ~= nil and of_comment(comment) or "") .. (path and cleaned("search_path: " .. path) or "")
end

return remark
