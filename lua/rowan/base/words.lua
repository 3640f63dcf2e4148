--- The words that options take, in tables as Sequelize has them: rowan.QueryTypes.SELECT is "SELECT". The words themselves
--- will do everywhere. Part of rowan's table.

local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local function group(name, known)
  local list = {}
  for key in pairs(known) do list[#list + 1] = key end
  table.sort(list)
  return setmetatable(known, {
    __index = function(_, key)
      errors.raise("UsageError", { message = suggest.unknown(("there is no rowan.%s"):format(name), key, list) })
    end,
  })
end

local function words(name, list)
  local known = {}
  for _, word in ipairs(list) do known[word:gsub(" ", "_")] = word end
  return group(name, known)
end

return {
  ---`type` of db:query.
  QueryTypes = words("QueryTypes", {
    "SELECT", "INSERT", "UPDATE", "DELETE", "UPSERT", "BULKUPDATE", "BULKDELETE", "RAW",
  }),
  ---`deferrable` of references and of constraints.
  Deferrable = words("Deferrable", { "INITIALLY_DEFERRED", "INITIALLY_IMMEDIATE", "NOT" }),
  ---`constraintChecking` of a transaction.
  ConstraintChecking = words("ConstraintChecking", { "DEFERRED", "IMMEDIATE" }),
  ---`isolationLevel` of a transaction.
  IsolationLevel = words("IsolationLevel", {
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE",
  }),
  ---`type` of a transaction on SQLite.
  TransactionType = words("TransactionType", { "DEFERRED", "IMMEDIATE", "EXCLUSIVE" }),
  ---`nestMode` of a transaction.
  TransactionNestMode = group("TransactionNestMode", {
    reuse = "reuse", savepoint = "savepoint", separate = "separate",
  }),
  ---`lock` of a finder.
  Lock = words("Lock", { "UPDATE", "SHARE", "KEY SHARE", "NO KEY UPDATE" }),
}
