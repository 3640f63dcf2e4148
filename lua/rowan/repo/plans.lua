--- The plans of one database: by the shape of a call, bounded; and by kind for the writes of one model. A model whose
--- definition changed (an association gave it a foreign key) starts afresh.

local plans = {}

-- Shapes kept at least; twice as many at most. A shape costs a few kilobytes.
local KEPT = 1000

---@class rowan.PlanCache
local Cache = {}
Cache.__index = Cache

---@return rowan.PlanCache
function plans.new()
  return setmetatable({ hot = {}, cold = {}, count = 0 }, Cache)
end

---The plan under a key; one that is not known is what `make` gives for the values behind it.
---@param key string
---@param make fun(...): table
---@param ... any
---@return table
function Cache:kept(key, make, ...)
  local plan = self.hot[key]
  if plan then return plan end
  plan = self.cold[key] or make(...)
  self:put(key, plan)
  return plan
end

-- Two generations: when the hot one is full it becomes the cold one, whose unused plans are forgotten next time.
function Cache:put(key, plan)
  if self.count >= KEPT then
    self.hot, self.cold, self.count = {}, self.hot, 0
  end
  self.hot[key] = plan
  self.count = self.count + 1
end

---The write plans of a model and its plan by key.
---@param model table
---@return { insert: table, insert_many: table, save: table, save_stamped: table, save_given: table, by_key?: table, delete?: table, layout?: userdata }
function plans.of(model)
  local kept = model._plans
  if kept.generation ~= model.definition.generation then
    kept = { generation = model.definition.generation, insert = {}, insert_many = {}, save = {},
      save_stamped = {}, save_given = {} }
    model._plans = kept
  end
  return kept
end

return plans
