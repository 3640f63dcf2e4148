--- The finder options `with` and `withRecursive`: queries under names, which the `where` of the finder reads as tables.

local check = require("rowan.base.check")
local chain = require("rowan.query.chain")
local clauses = require("rowan.query.clauses")
local statement = require("rowan.query.statement")

local common = {}

local function entry_of(context, item, recursive)
  if type(item) ~= "table" or chain.is(item) or type(item[1]) ~= "string" then
    chain.fail(context .. " wants { name = query }, or a list of { name, query, options }")
  end
  return clauses.with_entry(context, item[1], item[2], item[3], recursive)
end

local function add(entries, context, option, recursive)
  if option == nil then return end
  if type(option) ~= "table" or chain.is(option) then entry_of(context, nil) end
  if option[1] ~= nil then
    for _, item in ipairs(option) do entries[#entries + 1] = entry_of(context, item, recursive) end
    return
  end
  for _, name in ipairs(check.sorted_keys(option)) do
    entries[#entries + 1] = entry_of(context, { name, option[name] }, recursive)
  end
end

---Walks the options; until `common.leave` their names are tables to the queries within the finder.
---@param b table
---@param options table
---@return rowan.sql.Node? with of a select node, in tree building
function common.enter(b, options)
  if options.with == nil and options.withRecursive == nil then return nil end
  local entries = {}
  add(entries, "with", options.with, false)
  add(entries, "withRecursive", options.withRecursive, true)
  return statement.with(b, entries)
end

---Ends what `enter` began.
---@param b table
function common.leave(b)
  b.ctes = nil
end

return common
