--- Nearest names for messages about unknown ones. Pure; used wherever a key or a name is refused.

local suggest = {}

local LISTED = 20
local CLIPPED = 80

-- Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count one each.
local function distance(a, b)
  local before, last, row = {}, {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    row[0] = i
    local x = a:sub(i, i)
    for j = 1, #b do
      local y = b:sub(j, j)
      local cost = x == y and 0 or 1
      local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and x == b:sub(j - 1, j - 1) and a:sub(i - 1, i - 1) == y then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, last, row = last, row, before
  end
  return last[#b]
end

---The name that `word` most likely stands for: at most a third of its letters (two in short words) differ,
---upper and lower case do not count. Of equally near ones the first by name.
---@param word any
---@param names string[]
---@return string?
function suggest.nearest(word, names)
  if type(word) ~= "string" or #word > CLIPPED then return nil end
  local limit = math.max(2, math.floor(#word / 3))
  local lower = word:lower()
  local best, best_distance
  for i = 1, #names do
    local name = names[i]
    if math.abs(#name - #word) <= limit then
      local d = distance(lower, name:lower())
      local near = d <= limit and d < math.max(#word, #name)
      if near and (not best or d < best_distance or (d == best_distance and name < best)) then
        best, best_distance = name, d
      end
    end
  end
  return best
end

---`value` for a message: clipped, and without control characters.
---@param value any
---@return string
function suggest.clip(value)
  local text = tostring(value):gsub("%c", "?")
  if #text <= CLIPPED then return text end
  -- Never half a UTF-8 character.
  return (text:sub(1, CLIPPED):gsub("[\192-\255]?[\128-\191]*$", "")) .. "..."
end

---The message for an unknown name: `User has no attribute "nmae" (did you mean "name"?)`; when none is near
---it lists the known ones.
---@param what string what the name was taken for: "User has no attribute"
---@param word any the unknown name
---@param names string[] the known names, in any order
---@return string
function suggest.unknown(what, word, names)
  local message = ('%s "%s"'):format(what, suggest.clip(word))
  local near = suggest.nearest(word, names)
  if near then return ('%s (did you mean "%s"?)'):format(message, near) end
  if #names == 0 then return message end
  local sorted = {}
  for i = 1, #names do sorted[i] = names[i] end
  table.sort(sorted)
  local rest = #sorted > LISTED and ", ..." or ""
  return ("%s (known: %s%s)"):format(message, table.concat(sorted, ", ", 1, math.min(#sorted, LISTED)), rest)
end

return suggest
