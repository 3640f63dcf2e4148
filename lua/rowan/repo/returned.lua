--- What the database made of a row that was written: it goes into the row as it is shown, and into what stands for the
--- row as it is stored. Called by whatever writes rows.

local write_many = require("rowan.query.write_many")

local returned = {}

local function copy(row)
  local values = {}
  for name, bound in next, row do values[name] = bound end
  return values
end

---Takes one answer over.
---@param columns table[] what RETURNING gives
---@param row table
---@param values table what is bound, by attribute; the row itself where it shows that
---@param answer table
---@return table values the same, or a table of its own where the row does not show what is stored
function returned.take(columns, row, values, answer)
  for _, column in ipairs(columns) do
    local name = column.key
    if name ~= write_many.MARK then
      local value = answer[name]
      if column.dump and values == row then values = copy(row) end
      row[name] = value
      values[name] = value ~= nil and column.dump and column.dump(value) or value
    end
  end
  return values
end

-- The fields that an answer fills, when what the row shows is what is stored.
local function plain_names(columns)
  local names = {}
  for _, column in ipairs(columns) do
    if column.dump then return nil end
    if column.key ~= write_many.MARK then names[#names + 1] = column.key end
  end
  return names
end

---Takes the answers of many rows over, each that of the row in its place.
---@param columns table[]
---@param group { rows: table[], values: table[], count: integer } its values are replaced where they have to be
---@param answers table[]
function returned.take_all(columns, group, answers)
  local rows, values, names = group.rows, group.values, plain_names(columns)
  for _, name in ipairs(names or {}) do
    for i = 1, group.count do
      local value = answers[i][name]
      rows[i][name], values[i][name] = value, value
    end
  end
  for i = 1, names and 0 or group.count do
    local taken = returned.take(columns, rows[i], values[i], answers[i])
    if taken ~= values[i] and values == rows then
      values = {}
      for n = 1, group.count do values[n] = rows[n] end
      group.values = values
    end
    values[i] = taken
  end
end

return returned
