--- What other tables have to do with one that is dropped, where the database does not see to it: SQLite deletes their rows
--- or sets them to NULL, as the foreign keys say, and knows no CASCADE. Called by repo/schema and repo/sync.

local alter = require("rowan.repo.alter")
local errors = require("rowan.base.errors")
local introspect = require("rowan.repo.introspect")
local ddl_loss = require("rowan.sql.ddl_loss")

local dropping = {}

-- The foreign keys of other tables to these: { live =, known =, keys = } each.
local function pointing(db, names, call)
  local catalog, dropped, list = db._dialect.catalog, {}, {}
  for _, name in ipairs(names) do dropped[catalog.fold(name)] = true end
  for _, row in ipairs(introspect.rows(db, catalog.pointing, { names }, call)) do
    if not dropped[catalog.fold(row.name)] then
      local live, known = introspect.table(db, row.name, nil, call)
      local found = { live = live, known = known, keys = {} }
      for _, key in ipairs(live.foreign_keys) do
        if dropped[catalog.fold(key.table)] then found.keys[#found.keys + 1] = key end
      end
      list[#list + 1] = found
    end
  end
  return list
end

---Raises when rows of other tables point at these.
---@async
---@param db table
---@param names string[]
---@param advice string what to do about it
---@param call table transaction, logging
function dropping.refuse(db, names, advice, call)
  if db._dialect.supports.drop_cascade then return end
  for _, found in ipairs(pointing(db, names, call)) do
    for _, key in ipairs(found.keys) do
      local text = ddl_loss.pointing(db._dialect, found.live, key.columns)
      local count = tonumber(introspect.rows(db, text, {}, call)[1].n)
      if count > 0 then
        errors.raise("ForeignKeyConstraintError", {
          message = ("the table %s cannot be dropped: %d rows of %s point at it (%s)"):format(key.table, count,
            found.live.name, advice),
          table = found.live.name, fields = key.columns,
        })
      end
    end
  end
end

-- Whether a foreign key leads to a column; to any, when none is given.
local function leads_to(db, key, column)
  local fold = db._dialect.catalog.fold
  for _, name in ipairs(column and key.keys or {}) do
    if fold(name) == fold(column) then return true end
  end
  return column == nil
end

---The steps that take the foreign keys of other tables to these away.
---@async
---@param db table
---@param names string[]
---@param call table transaction, logging
---@param column? string only keys that lead to this one
---@return rowan.SchemaStep[]
function dropping.unlink(db, names, call, column)
  local list = {}
  if db._dialect.supports.drop_cascade then return list end
  for _, found in ipairs(pointing(db, names, call)) do
    local changes = {}
    for _, key in ipairs(found.keys) do
      if leads_to(db, key, column) then changes[#changes + 1] = { kind = "drop_foreign_key", was = key } end
    end
    for _, step in ipairs(alter.by_hand(db, changes, found.live, found.known)) do list[#list + 1] = step end
  end
  return list
end

return dropping
