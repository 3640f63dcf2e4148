--- Maps whose keys are lists of values of one length, such as composite keys: (1, "1") and (11, "") never meet.

local tuple = {}

---@param map table
---@param values any[] not nil
---@return any
function tuple.get(map, values)
  for i = 1, #values do
    map = map[values[i]]
    if map == nil then return nil end
  end
  return map
end

---@param map table
---@param values any[] not nil
---@param item any
function tuple.put(map, values, item)
  local last = #values
  for i = 1, last - 1 do
    local inner = map[values[i]]
    if not inner then
      inner = {}
      map[values[i]] = inner
    end
    map = inner
  end
  map[values[last]] = item
end

return tuple
