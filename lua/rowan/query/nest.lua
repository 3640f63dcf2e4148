--- Rows whose keys are paths, as tables in tables: { ["author.name"] = "Ann" } becomes { author = { name = "Ann" } }.

local nest = {}

local function place(row, key, value)
  local at, from = row, 1
  while true do
    local dot = key:find(".", from, true)
    if not dot then break end
    local name = key:sub(from, dot - 1)
    local below = at[name]
    if type(below) ~= "table" then
      below = {}
      at[name] = below
    end
    at, from = below, dot + 1
  end
  at[key:sub(from)] = value
end

---Nests some keys of each row, in place.
---@param rows table[]
---@param keys string[]
---@return table[] rows
function nest.keys(rows, keys)
  for i = 1, #rows do
    local row = rows[i]
    for k = 1, #keys do
      local key = keys[k]
      local value = row[key]
      if value ~= nil then
        row[key] = nil
        place(row, key, value)
      end
    end
  end
  return rows
end

---Nests every key with a point in it.
---@param rows table[]
---@return table[] rows
function nest.all(rows)
  for i = 1, #rows do
    local paths
    for key in next, rows[i] do
      if type(key) == "string" and key:find(".", 2, true) then
        paths = paths or {}
        paths[#paths + 1] = key
      end
    end
    if paths then nest.keys({ rows[i] }, paths) end
  end
  return rows
end

return nest
