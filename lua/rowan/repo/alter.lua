--- sync with `alter`: what must be done so that the live schema becomes the one of the definitions, as steps with their
--- reasons, and what would be lost by it. Called by repo/sync and by the query interface.

local ddl_alter = require("rowan.sql.ddl_alter")
local ddl_index = require("rowan.sql.ddl_index")
local ddl_loss = require("rowan.sql.ddl_loss")
local ddl_rebuild = require("rowan.sql.ddl_rebuild")
local ddl_text = require("rowan.sql.ddl_text")
local difference = require("rowan.schema.difference")
local introspect = require("rowan.repo.introspect")
local literals = require("rowan.query.literals")
local run = require("rowan.repo.run")
local tokens = require("rowan.sql.tokens")
local transaction = require("rowan.repo.transaction")
local wanted = require("rowan.schema.wanted")

local alter = {}

---@class rowan.SchemaStep
---@field sql string
---@field reason string
---@field table string
---@field loses? string what is lost by it, in words
---@field rebuild? string the table that this statement helps to make anew (SQLite)
---@field locks? string the table that is locked before it
---@field undo? string the statement goes by itself, behind the transaction; this takes away what it leaves when it fails
---@field early? boolean before what is done to other tables: it may hold them

---@class rowan.SchemaLoss
---@field message string
---@field table string
---@field fatal boolean not even with permission
---@field rows integer

-- ---- what two expressions mean ---------------------------------------------------------------------------------------

local function same_literal(a, b)
  local x, kind_x = tokens.literal(a)
  local y, kind_y = tokens.literal(b)
  if not x or not y then return false end
  if x == y then return true end
  return (kind_x == "number" or kind_y == "number") and #x < 16 and #y < 16 and tonumber(x) ~= nil
    and tonumber(x) == tonumber(y)
end

local function pair_key(live, becomes)
  return live .. "\31" .. becomes
end

-- `same` for one table, and the list of what it could not tell.
local function comparer(answers)
  local open = {}
  local function same(live, becomes, type_of)
    if tokens.same(live, becomes) or type_of and same_literal(live, becomes) then return true end
    local key = pair_key(live, becomes)
    if answers[key] == nil then
      answers[key] = false
      open[#open + 1] = { live, becomes, type = type_of, key = key }
    end
    return answers[key]
  end
  return same, open
end

local function ask_alone(db, source, pairs_of, options)
  local catalog = db._dialect.catalog
  local text = catalog.spell(pairs_of, source)
  local function ask() return catalog.spelled(introspect.rows(db, text, {}, options)) end
  -- A failed statement would end the transaction around it.
  if run.transaction(db, options) then return pcall(transaction.around, db, options, ask) end
  return pcall(ask)
end

-- What is no expression over the table as it is (a column still to come) counts as different.
local function ask_pairs(db, source, open, answers, options)
  local ok, found = ask_alone(db, source, open, options)
  if ok then
    for i, pair in ipairs(open) do answers[pair.key] = found[i] end
  elseif #open > 1 then
    for _, pair in ipairs(open) do ask_pairs(db, source, { pair }, answers, options) end
  end
end

-- ---- changes ---------------------------------------------------------------------------------------------------------

local function enums_by_name(known)
  local map = {}
  for _, enum in ipairs(known.enums) do map[enum.schema .. "." .. enum.name] = enum end
  return map
end

local function target_of(db, def, live, known)
  local dialect, context = db._dialect, literals.context(db._dialect)
  local bare = { bare = true, expression = context.expression, where = context.where }
  return {
    def = def, dialect = dialect, live = live, schema = live.schema, version = known.version, context = bare,
    plain_context = context, table = ddl_text.name(dialect, live.name, live.schema),
  }
end

-- What is added to a STRICT table has the types of one, also where its definition is of a few columns alone.
local function as_strict(def, live, keep)
  if not keep or not live.strict or def.options.strict then return def end
  local options = setmetatable({ strict = true }, { __index = def.options })
  return setmetatable({ options = options }, { __index = def })
end

local RETYPED = { type = true, enum = true, generated = true }

-- The views that are in the way of changes, because they take a column that gets another type.
local function views_on(db, changes, live, options)
  local text, columns = db._dialect.catalog.views, {}
  for _, change in ipairs(changes) do
    if RETYPED[change.kind] then columns[#columns + 1] = change.column.name end
  end
  if not text or not columns[1] then return {} end
  return introspect.rows(db, text, { { live.schema }, { live.name }, columns }, options)
end

---The changes that lead from the live table to the one of a definition.
---@async
---@param db table
---@param def rowan.Definition
---@param live rowan.TablePicture
---@param known table from introspect
---@param options table keep?, keep_indexes?, transaction, logging
---@return rowan.SchemaChange[]
---@return rowan.AlterTarget
function alter.changes(db, def, live, known, options)
  def = as_strict(def, live, options.keep)
  local to = target_of(db, def, live, known)
  local becomes = wanted.picture(def, db._dialect, to.plain_context)
  local answers = {}
  local same, open = comparer(answers)
  local context = {
    dialect = db._dialect, schema = known.schema, enums = enums_by_name(known), keep = options.keep,
    keep_indexes = options.keep_indexes, same = same,
  }
  local changes = difference.changes(live, becomes, context)
  if open[1] and db._dialect.catalog.spell then
    ask_pairs(db, to.table, open, answers, options)
    changes = difference.changes(live, becomes, context)
  end
  to.views = views_on(db, changes, live, options)
  return changes, to
end

-- ---- steps -----------------------------------------------------------------------------------------------------------

local function add_steps(steps, texts, change, to, rebuilt)
  local index = change.kind == "create_index" and change.becomes.index
  local undo = index and index.concurrently and ddl_index.drop_invalid(to.def, index, to.dialect) or nil
  local early = change.kind == "drop_foreign_key" or nil
  for _, text in ipairs(texts) do
    steps[#steps + 1] = {
      sql = text, reason = change.reason, table = to.live.name, rebuild = rebuilt, undo = undo, early = early,
      loses = change.loses,
    }
  end
end

local function view_change(view)
  return { reason = ("the view %s takes a column that gets another type, and is made anew"):format(view.name) }
end

-- All changes of a table that is made anew, as one.
local function together(changes)
  local reasons, loses, said = {}, {}, {}
  for _, change in ipairs(changes) do
    -- A check that goes and one that comes have one reason.
    if not said[change.reason] then reasons[#reasons + 1] = change.reason end
    said[change.reason] = true
    loses[#loses + 1] = change.loses
  end
  return { reason = table.concat(reasons, "; "), loses = loses[1] and table.concat(loses, "; ") or nil }
end

-- What is dropped comes first, so that names are free and nothing holds what changes; what is computed, behind the columns
-- that it is computed of; what stands on columns, behind them; what a primary key forbade, last.
local RANKS = {
  drop_foreign_key = 1, drop_unique = 2, drop_check = 2, drop_index = 2, drop_generated = 3, drop_column = 4,
  generated = 6, primary = 7, add_unique = 7, create_index = 7, add_check = 7, add_foreign_key = 7, column_comment = 7,
  comment = 7,
}
local LAST = 8

local function rank_of(change)
  if change.kind == "null" and change.was.primary then return LAST end
  if change.kind == "drop_column" and change.was.generated then return RANKS.drop_generated end
  if change.kind == "generated" and not change.column.generated then return RANKS.drop_generated end
  if change.kind == "add_column" and change.column.generated then return RANKS.generated end
  return RANKS[change.kind] or 5
end

local function in_order(changes)
  local list = {}
  for rank = 1, LAST do
    for _, change in ipairs(changes) do
      if rank_of(change) == rank then list[#list + 1] = change end
    end
  end
  return list
end

-- A column that is to be computed in another way goes first, so that those that it is computed of can change, and comes
-- anew.
local function in_place(changes, to)
  local list = {}
  to.gone = {}
  for _, change in ipairs(changes) do
    if change.was then to.gone[change.was] = true end
    if change.kind == "generated" and change.column.generated then
      list[#list + 1] = { kind = "drop_generated", reason = change.reason, was = change.was }
    end
    list[#list + 1] = change
  end
  return in_order(list)
end

---The steps of changes of one table. New foreign keys come apart, for the end, where they may point at any table.
---@param changes rowan.SchemaChange[]
---@param to rowan.AlterTarget
---@return rowan.SchemaStep[] steps
---@return rowan.SchemaStep[] keys
function alter.steps(changes, to)
  local steps, keys = {}, {}
  if to.dialect.supports.alter_constraints then
    local views = to.views or {}
    for i = #views, 1, -1 do add_steps(steps, { views[i].drop }, view_change(views[i]), to) end
    for _, change in ipairs(in_place(changes, to)) do
      add_steps(change.kind == "add_foreign_key" and keys or steps, ddl_alter.statements(change, to), change, to)
    end
    for _, view in ipairs(views) do add_steps(steps, view.restore, view_change(view), to) end
  elseif changes[1] and ddl_rebuild.is_native(changes, to.live) then
    for _, change in ipairs(in_order(changes)) do add_steps(steps, ddl_rebuild.native(change, to), change, to) end
  elseif changes[1] then
    add_steps(steps, ddl_rebuild.statements(changes, to), together(changes), to, to.live.name)
  end
  return steps, keys
end

---The steps of changes that the caller made up himself: in place where that can be, else with a new table.
---@param db table
---@param changes rowan.SchemaChange[] without reasons
---@param live rowan.TablePicture
---@param known table from introspect
---@return rowan.SchemaStep[]
function alter.by_hand(db, changes, live, known)
  for _, change in ipairs(changes) do change.reason = live.name end
  return (alter.steps(changes, {
    dialect = db._dialect, live = live, schema = live.schema, version = known.version,
    table = ddl_text.name(db._dialect, live.name, live.schema),
  }))
end

-- Numbers come as text where no model typed them on LuaJIT.
local function ask_number(db, text, options)
  return tonumber(introspect.rows(db, text, {}, options)[1].n)
end

---What changes would lose, as far as there are rows that have it; the changes are marked.
---@async
---@param db table
---@param changes rowan.SchemaChange[]
---@param to rowan.AlterTarget
---@param options table
---@param losses rowan.SchemaLoss[] gets them
function alter.losses(db, changes, to, options, losses)
  for _, change in ipairs(changes) do
    local question = ddl_loss.question(change, to)
    local n = question and ask_number(db, question.text, options) or 0
    local worse = n > 0 and question.worse and ask_number(db, question.worse.text, options) or 0
    if worse > 0 then n, question = worse, question.worse end
    if n > 0 then
      -- Names in it may hold a percent sign.
      local message = to.live.name .. ": " .. question.say:gsub("%%d", ("%d"):format(n), 1)
      losses[#losses + 1] = {
        table = to.live.name, rows = n, fatal = question.fatal or false, message = message,
      }
      change.loses = message
    end
  end
end

---The live tables of definitions, by definition.
---@async
---@param db table
---@param defs rowan.Definition[]
---@param options table
---@return table<rowan.Definition, rowan.TablePicture>
---@return table known
function alter.live(db, defs, options)
  local names, schemas, found = {}, {}, {}
  for i, def in ipairs(defs) do names[i], schemas[i] = def.table, def.schema or "" end
  local tables, known = introspect.tables(db, names, schemas, options)
  local fold = db._dialect.catalog.fold
  for _, def in ipairs(defs) do
    for _, live in ipairs(tables) do
      local same_schema = live.schema == nil or live.schema == (def.schema or known.schema)
      if same_schema and fold(live.name) == fold(def.table) then found[def] = live end
    end
  end
  return found, known
end

return alter
