--- Nearest names for messages about unknown ones. Pure; used wherever a key or a name is refused.

local suggest = {}

local LISTED = 20
local CLIPPED = 80
-- Looking for near names takes time with the length, and what is longer is no slip of the fingers.
local LONGEST = 32

-- Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count one each. nil beyond `limit`.
local function distance(a, b, limit)
  local before, last, row = {}, {}, {}
  local y = { b:byte(1, -1) }
  for j = 0, #b do last[j] = j end
  local x_before
  for i = 1, #a do
    row[0] = i
    local x, least = a:byte(i), i
    for j = 1, #b do
      local best = last[j - 1] + (x == y[j] and 0 or 1)
      if last[j] < best then best = last[j] + 1 end
      if row[j - 1] < best then best = row[j - 1] + 1 end
      local swapped = x_before and j > 1 and x == y[j - 1] and x_before == y[j]
      if swapped and before[j - 2] < best then best = before[j - 2] + 1 end
      row[j] = best
      if best < least then least = best end
    end
    if least > limit then return nil end
    before, last, row, x_before = last, row, before, x
  end
  return last[#b]
end

---The name that `word` most likely stands for: at most a third of its letters (two in short words) differ,
---upper and lower case do not count. Of equally near ones the first by name.
---@param word any
---@param names string[]
---@return string?
function suggest.nearest(word, names)
  if type(word) ~= "string" or #word > LONGEST then return nil end
  local limit = math.max(2, math.floor(#word / 3))
  local lower = word:lower()
  local best, best_distance
  for i = 1, #names do
    local name = names[i]
    if math.abs(#name - #word) <= limit then
      local d = distance(lower, name:lower(), limit)
      local near = d and d <= limit and d < math.max(#word, #name)
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
