--- How columns are read that no model types: by the type that the database names. Called by whoever runs such statements.

local array_text = require("rowan.types.array_text")
local json = require("rowan.types.json")
local values = require("rowan.driver.values")

local function as_is(text) return text end

-- A time without a zone is read as if it were UTC, as it is outside of arrays.
local function instant(text)
  return values.timestamp(text) or values.timestamp(text .. "+00") or text
end

---The load functions by code, for driver.statement: "j" for JSON, "ai" for an array of integers. Of what has no code of its
---own (ranges, addresses, intervals) an array holds texts.
---@type table<string, fun(text: string): any>
local loads = { j = json.decode, J = json.decode }
for code in ("i I b d n s x D T u ?"):gmatch("%S") do
  loads["a" .. code] = array_text.reader(array_text.read[code] or as_is)
end
loads.at = array_text.reader(instant)
loads.aj, loads.aJ = array_text.reader(json.decode), array_text.reader(json.decode)

return loads
