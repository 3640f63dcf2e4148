--- What databases quote in their messages, which are in the language of the server: names, and values that no message may
--- hold. Pure; for repo/failure.

local words = {}

-- Opening and closing, as the translations of PostgreSQL have them; French puts spaces inside.
local QUOTES = {
  { '"', '"' }, { "'", "'" }, { "»", "«" }, { "«", "»" }, { "« ", " »" }, { "«\194\160", "\194\160»" }, { "„", "“" },
  { "“", "”" }, { "「", "」" }, { "『", "』" },
}

---What stands in the first quotes of a message; nil when there are none.
---@param message string
---@return string?
function words.quoted(message)
  local at, found
  for _, pair in ipairs(QUOTES) do
    local from, to = message:find(pair[1], 1, true)
    local close = from and pair[1] ~= "'" and message:find(pair[2], to + 1, true)
    if close and (not at or from < at or (from == at and #pair[1] > #found[1])) then
      at, found = from, { pair[1], message:sub(to + 1, close - 1) }
    end
  end
  return found and found[2]
end

-- A message without what stands between its first quote and its last one.
local function emptied(message)
  local first, last
  for _, pair in ipairs(QUOTES) do
    local from, to = message:find(pair[1], 1, true)
    if from and pair[1] ~= "'" and (not first or from < first[1]) then first = { from, to } end
  end
  if not first then return message end
  for _, pair in ipairs(QUOTES) do
    local from = message:find(pair[2], first[2] + 1, true)
    while from do
      if pair[2] ~= "'" and (not last or from > last) then last = from end
      from = message:find(pair[2], from + 1, true)
    end
  end
  return last and message:sub(1, first[2]) .. "..." .. message:sub(last) or message
end

local function drop(message, value)
  if type(value) == "table" then
    for i = 1, value.n or #value do message = drop(message, value[i]) end
  elseif type(value) == "string" and value ~= "" then
    for _, pair in ipairs(QUOTES) do
      local from, to = message:find(pair[1] .. value .. pair[2], 1, true)
      if from then message = message:sub(1, from + #pair[1] - 1) .. "..." .. message:sub(to - #pair[2] + 1) end
    end
  end
  return message
end

---The message of an error without the values that it quotes (`invalid input syntax for type integer: "..."`); what is wrong
---with names and constraints (classes 42 and 23) quotes names.
---@param err table the driver's
---@param context { params?: any[], count?: integer, plan?: table }
---@return string
function words.without_values(err, context)
  local class, message = (err.sqlstate or ""):sub(1, 2), err.message
  local count, plan = context.count or 0, context.plan
  local sent = count > 0 or (plan and plan.role == "copy_end")
  if not sent or class == "42" or class == "23" then return message end
  if class == "22" then return emptied(message) end
  for i = 1, count do message = drop(message, context.params[i]) end
  return message
end

return words
