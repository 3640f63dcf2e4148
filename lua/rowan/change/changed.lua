--- Which attributes of a row differ from what is stored, and what is stored: row:changed() and row:previous(). The hooks
--- behind a write are told what that write has changed, although it is stored by then (repo/lifecycle).

local collect = require("rowan.change.collect")
local rows = require("rowan.driver.rows")

local changed = {}

---@class rowan.WrittenNote what a write changes in a row
---@field names string[]
---@field before table<string, any> what was stored, by the names that rows have it by

local notes = setmetatable({}, { __mode = "k" })

local function differing(row)
  local def, names = row.Model.definition, {}
  if row.isNewRecord then
    for _, attr in ipairs(def.list) do
      if rawget(row, attr.name) ~= nil then names[#names + 1] = attr.label end
    end
  else
    for i, name in ipairs(collect.changed(def, row) or {}) do
      local attr = def.by_name[name]
      names[i] = attr and attr.label or name
    end
  end
  for _, attr in ipairs(def.virtuals) do
    if rawget(row, attr.name) ~= nil then names[#names + 1] = attr.label end
  end
  return names
end

---Names of the attributes that differ from what is stored; behind a write those that it changed as well.
---@param row table
---@return string[]
function changed.names(row)
  local names, note, seen = differing(row), notes[row], {}
  if not note then return names end
  for _, name in ipairs(names) do seen[name] = true end
  for _, name in ipairs(note.names) do
    if not seen[name] then names[#names + 1] = name end
  end
  return names
end

---The stored value of an attribute; behind a write the one before it.
---@param row table
---@param attr rowan.Attribute
---@return any
function changed.previous(row, attr)
  local note = notes[row]
  if note then return note.before[attr.name] end
  if row.isNewRecord or attr.virtual then return nil end
  return (rows.original(row, attr.name))
end

---What is about to be written of a row.
---@param row table
---@return rowan.WrittenNote
function changed.note(row)
  local before = {}
  for _, attr in ipairs(row.isNewRecord and {} or row.Model.definition.list) do
    before[attr.name] = rows.original(row, attr.name)
  end
  return { names = differing(row), before = before }
end

---Runs fn behind the write that a note was made for.
---@async
---@param row table
---@param note rowan.WrittenNote
---@param fn fun(...)
---@param ... any
function changed.behind(row, note, fn, ...)
  local outer = notes[row]
  notes[row] = note
  local ok, problem = pcall(fn, ...)
  notes[row] = outer
  if not ok then error(problem, 0) end
end

return changed
