-- What docs call the aims of speed, as multiples of c-lua's median time; used by bench/report.lua. must
-- and goal are the project's own, `orm` is the best object mapper of any language that was measured
-- against the same floor.

local function row(values)
  local names = { "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10" }
  local t = {}
  for i, name in ipairs(names) do t[name] = values[i] or nil end
  return t
end

return {
  titles = {
    W1 = "find by primary key",
    W2 = "10,000 rows of ten columns",
    W3 = "filtered, ordered, first 50",
    W4 = "2,000 creates in one transaction",
    W5 = "bulkCreate of 10,000, ids back",
    W6 = "1,000 parents with 10 children each",
    W7 = "200 posts with author, profile, 3 tags",
    W8 = "2,000 one-column saves in one transaction",
    W9 = "transactions: lock two, save both, create one",
    W10 = "find by primary key, 8 at a time",
  },
  postgres = {
    must = row{ 1.35, 1.2, 1.15, 1.4, 1.5, 1.2, 1.5, 1.3, 1.2, 1.4 },
    goal = row{ 1.15, 1.0, 1.05, 1.2, 1.2, 1.1, 1.25, 1.1, 0.8, 1.2 },
    orm = row{ 2.7, 1.7, 1.6, 2.8, 6.2, 1.9, 2.5, 2.1, 2.6, 3.3 },
  },
  sqlite = {
    must = row{ 2.0, 1.15, 1.3, 2.5, 1.5, 1.3, 1.6, 2.5, 1.6, false },
    goal = row{ 1.5, 1.0, 1.1, 1.8, 1.0, 1.1, 1.3, 1.8, 1.3, false },
    orm = row{ 4.2, 1.2, 1.7, 19, 3.8, 1.8, 2.7, 17, 9.5, false },
  },
  -- Peak memory of W2 as models, as a multiple of c-lua's.
  memory = { workload = "W2", must = 1.4 },
}
