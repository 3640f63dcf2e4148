--- What plugins wrap around reading and writing: a chain of functions, each of which gets the next one and what is about to
--- be done, and may change it, do something else, or look at what came of it.

local wrap = {}

---@class rowan.Change something that is about to be written
---@field kind "insert"|"update"|"destroy"|"bulkInsert"|"bulkUpdate"|"bulkDestroy"
---@field model rowan.Model
---@field options table of the call: where (bulkUpdate, bulkDestroy), transaction, logging ...
---@field row? rowan.Instance insert, update, destroy
---@field rows? rowan.Instance[] bulkInsert
---@field values? table<string, any> bulkUpdate: attribute -> value

---@class rowan.Reading a search that is about to be made
---@field kind "all"|"one"|"page"|"count"|"stream"
---@field model rowan.Model
---@field options table of the call

---Runs `last(subject)` with a chain of wraps around it.
---@async
---@param chain? (fun(next: (fun(subject?: table): ...), subject: table): ...)[]
---@param subject table
---@param last fun(subject: table): ...
---@return any ...
function wrap.run(chain, subject, last)
  if not chain then return last(subject) end
  local function step(at, given)
    local one = chain[at]
    if not one then return last(given) end
    return one(function(changed) return step(at + 1, changed or given) end, given)
  end
  return step(1, subject)
end

return wrap
