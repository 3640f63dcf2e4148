--- Plain copies of rows: for toJSON and get{ plain = true }.

local custom = require("rowan.change.custom")

local plain = {}

local function is_instance(value)
  local meta = type(value) == "table" and getmetatable(value)
  return meta and meta.Model ~= nil
end

local copy_row

-- A row that is met again below itself is left out: JSON has no way to say it.
local function copy_value(value, above, raw)
  if type(value) ~= "table" then return value end
  if is_instance(value) then
    if above[value] then return nil end
    return copy_row(value, above, raw)
  end
  local out = {}
  for key, item in pairs(value) do out[key] = copy_value(item, above, raw) end
  return setmetatable(out, getmetatable(value))
end

function copy_row(row, above, raw)
  above[row] = true
  local out, meta = {}, getmetatable(row)
  for key, value in next, meta and meta.__newindex and custom.shown(row, raw) or row do
    if type(value) == "table" and not is_instance(value) and is_instance(value[1]) then
      local list = {}
      for i = 1, #value do list[#list + 1] = copy_value(value[i], above, raw) end
      out[key] = list
    else
      out[key] = copy_value(value, above, raw)
    end
  end
  above[row] = nil
  return out
end

---A deep copy without metatables of rows.
---@param row table
---@param raw? boolean past the getters
---@return table
function plain.copy(row, raw)
  return copy_row(row, {}, raw)
end

return plain
