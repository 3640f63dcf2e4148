--- Bulk INSERTs with rows whose key may be there already, or that are read back: which rows were stored, updated or
--- skipped, and which answer belongs to which row. An answer is found by the key it shows, since rows that were skipped
--- leave no gap. Called by repo/bulk.

local compile_plan = require("rowan.query.write_many")
local conflict = require("rowan.query.conflict")
local errors = require("rowan.base.errors")
local null = require("rowan.base.null")
local plans = require("rowan.repo.plans")
local returned = require("rowan.repo.returned")
local run = require("rowan.repo.run")
local tuple = require("rowan.base.tuple")

local duplicates = {}

---@class rowan.InsertMode
---@field action? "skip"|"update" what happens to a row whose key is there; nil: it is an error
---@field key? rowan.ConflictKey nil: any key (only with skip)
---@field named? rowan.Attribute[] what an update changes; nil: what was given
---@field returning? rowan.Attribute[] what is read back
---@field silent? boolean an update leaves updatedAt
---@field context string for messages
---@field token string stands for it in the keys of plans
---@field outcome table<table, string> "created", "updated" or "skipped" by row

---@param mode table action, key, named, returning, silent, context
---@return rowan.InsertMode
function duplicates.mode(mode)
  local parts = { mode.action or "", mode.key and mode.key.token or "", mode.silent and "silent" or "" }
  for _, attr in ipairs(mode.named or {}) do parts[#parts + 1] = attr.name end
  parts[#parts + 1] = mode.named and "named" or "all"
  for _, attr in ipairs(mode.returning or {}) do parts[#parts + 1] = attr.name end
  mode.token = "\31" .. table.concat(parts, "\31")
  mode.outcome = {}
  return mode
end

-- What two equal values have in common, so that it can be the key of a table.
local function comparable(value)
  if value == nil then return null end
  return value == value and value or "NaN"
end

local function values_of(row, attrs)
  local values = {}
  for i, attr in ipairs(attrs) do values[i] = comparable(rawget(row, attr.name)) end
  return values
end

-- The same of a row that the database gave: in the form that a row about to be written has.
local function answered(made, attrs)
  local values = {}
  for i, attr in ipairs(attrs) do
    local value = made[attr.name]
    if value ~= nil then value = attr.type.cast(value) end
    values[i] = comparable(value)
  end
  return values
end

local function has_null(values)
  for i = 1, #values do
    if values[i] == null then return true end
  end
  return false
end

local function contains_all(list, wanted)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  for _, item in ipairs(wanted) do
    if not set[item] then return false end
  end
  return true
end

-- The attributes among those sent by which an answer is told from the others: those of the keys that it could conflict
-- on, else all of them. Tables are no keys.
local function telling(def, mode, attrs)
  local list, wanted = {}, {}
  for _, key in ipairs(mode.key and { mode.key } or conflict.keys(def)) do
    for _, attr in ipairs(key.attrs) do wanted[attr] = true end
  end
  for _, attr in ipairs(attrs) do
    if wanted[attr] and not attr.type.dump then list[#list + 1] = attr end
  end
  if list[1] then return list end
  for _, attr in ipairs(attrs) do
    if not attr.type.dump then list[#list + 1] = attr end
  end
  return list
end

-- Whether a group's rows can be found by the key: it has all of its attributes.
local function applies(mode, group)
  return mode.action ~= nil and (mode.key == nil or contains_all(group.attrs, mode.key.attrs))
end

local function changed_attributes(def, mode, group)
  local keep, list = {}, {}
  for _, attr in ipairs(mode.key.attrs) do keep[attr] = true end
  for _, attr in ipairs(def.primary) do keep[attr] = true end
  if def.created then keep[def.created] = true end
  local wanted
  if mode.named then
    wanted = {}
    for _, attr in ipairs(mode.named) do wanted[attr] = true end
  end
  for _, attr in ipairs(group.attrs) do
    local chosen
    if attr == def.updated then
      chosen = not mode.silent
    elseif wanted then
      chosen = wanted[attr]
    else
      chosen = not group.given or group.given[attr]
    end
    if chosen and not keep[attr] and not attr.immutable then list[#list + 1] = attr end
  end
  return list
end

local function add_all(list, seen, attrs)
  for _, attr in ipairs(attrs) do
    if not seen[attr] and not attr.virtual then
      seen[attr] = true
      list[#list + 1] = attr
    end
  end
end

local function reads_of(def, mode, group, told)
  local reads, seen = {}, {}
  add_all(reads, seen, compile_plan.made_by_database(def, group.attrs))
  if applies(mode, group) then
    add_all(reads, seen, told)
    -- A row that was there has values of its own in what was not updated.
    if mode.action == "update" then add_all(reads, seen, def.list) end
  end
  if group.computed then add_all(reads, seen, group.attrs) end
  add_all(reads, seen, mode.returning or {})
  return reads
end

-- What the statement of a group is to do besides, as write_many takes it.
local function request_of(def, mode, group, told)
  local clause
  if applies(mode, group) then
    local sets = mode.action == "update" and conflict.sets(changed_attributes(def, mode, group)) or nil
    if sets and def.version and not def.version.system then sets[#sets + 1] = conflict.next_version(def) end
    clause = conflict.clause(def, mode.key, sets)
  end
  return {
    conflict = clause, reads = reads_of(def, mode, group, told), mark = clause ~= nil and mode.action == "update",
  }
end

local function new_computed_plan(model, group, mode)
  local def, told = model.definition, telling(model.definition, mode, group.attrs)
  local plan = compile_plan.row(def, group.attrs, group.values[1], group.computed, model.db._dialect,
    request_of(def, mode, group, told))
  plan.model, plan.told = model, told
  return plan
end

-- The plan of a row with expressions, and its parameters.
local function computed_plan(model, group, mode)
  local key, params, count = compile_plan.row_shape(model.definition, group.attrs, group.values[1], group.computed,
    mode.token .. (group.given_token or ""))
  return model.db._plans:kept(key, new_computed_plan, model, group, mode), params, count
end

-- The plan of a group, its parameters and how many.
local function plan_of(model, group, mode)
  if group.computed then return computed_plan(model, group, mode) end
  local kept = plans.of(model).insert_many
  local token = group.key .. mode.token .. (group.given_token or "")
  local plan = kept[token]
  if not plan then
    local def = model.definition
    local told = telling(def, mode, group.attrs)
    plan = compile_plan.insert(def, group.attrs, model.db._dialect, request_of(def, mode, group, told))
    plan.model, plan.told, plan.many = model, told, true
    kept[token] = plan
  end
  return plan, group.values, plan.count
end

-- What the rows were before the INSERT, in what it fills in.
local function undone_by(model, plan, row)
  local before, names = {}, {}
  for i, column in ipairs(plan.columns or {}) do
    names[i] = column.key
    before[column.key] = rawget(row, column.key)
  end
  return { meta = model._new, made = names, before = before }
end

local function raise_unclear(model, count, answers)
  errors.raise("DatabaseError", {
    message = ("%s:bulkCreate: %d rows were sent and %d came back, with other values than were sent, so it cannot be "
      .. "told which were skipped"):format(model.name, count, answers),
  })
end

-- The answer to each row by its number; nil for one that was skipped.
local function match(model, slice, plan, made)
  if slice.count == 1 and not made[2] then return made end
  local told, queues, of, answers = plan.told, {}, {}, #made
  for i = 1, answers do
    local values = answered(made[i], told)
    local queue = tuple.get(queues, values)
    if not queue then
      queue = { at = 1 }
      tuple.put(queues, values, queue)
    end
    queue[#queue + 1] = i
  end
  local taken, count = {}, 0
  for r = 1, slice.count do
    local queue = tuple.get(queues, values_of(slice.rows[r], told))
    local number = queue and queue[queue.at]
    if number then
      queue.at, taken[number], of[r], count = queue.at + 1, true, made[number], count + 1
    end
  end
  if count == answers then return of end
  -- Every row was stored, some under values that the database changed: those are the ones left over, in their order.
  if answers ~= slice.count then raise_unclear(model, slice.count, answers) end
  local next_row = 1
  for i = 1, answers do
    if not taken[i] then
      while of[next_row] do next_row = next_row + 1 end
      of[next_row] = made[i]
    end
  end
  return of
end

-- The stored rows with one of the keys, asked for before anything is written: where RETURNING cannot tell.
local function found_before(model, slice, mode, options)
  local kept = plans.of(model).insert_many
  local token = "\31found" .. mode.token
  local plan = kept[token]
  if not plan then
    plan = compile_plan.found(model.definition, mode.key, model.db._dialect)
    plan.model, plan.many = model, true
    kept[token] = plan
  end
  local there = {}
  for _, row in ipairs(run.plan(model.db, plan, slice.values, plan.count, options)) do
    tuple.put(there, answered(row, compile_plan.identity(model.definition, mode.key)), true)
  end
  return there
end

local function word_of(def, mode, answer, there)
  if not answer then return "skipped" end
  if mode.action ~= "update" then return "created" end
  if there then
    return tuple.get(there, answered(answer, compile_plan.identity(def, mode.key))) and "updated" or "created"
  end
  return answer[compile_plan.MARK] == false and "updated" or "created"
end

---Sends one slice of a group. What was not stored is taken out of it; the rest shows what the database gave.
---@async
---@param model table
---@param slice rowan.BulkGroup
---@param mode rowan.InsertMode
---@param options? table
function duplicates.send(model, slice, mode, options)
  local plan, params, n = plan_of(model, slice, mode)
  local there
  if plan.asks_before then there = found_before(model, slice, mode, options) end
  local made, affected = run.plan(model.db, plan, params, n, options)
  if not plan.columns then
    made = {}
    for i = 1, affected do made[i] = {} end
  end
  if affected ~= #made or (not applies(mode, slice) and affected ~= slice.count) then
    raise_unclear(model, slice.count, affected)
  end
  local answers, rows, values, undone, count = match(model, slice, plan, made), {}, {}, {}, 0
  for r = 1, slice.count do
    local row, answer = slice.rows[r], answers[r]
    mode.outcome[row] = word_of(model.definition, mode, answer, there)
    if answer then
      count = count + 1
      rows[count], undone[count] = row, undone_by(model, plan, row)
      values[count] = returned.take(plan.columns or {}, row, slice.values[r], answer)
    end
  end
  slice.rows, slice.values, slice.count, slice.undone_rows = rows, values, count, undone
end

-- Types whose values come back as they were sent, whatever the column makes of them.
local SURE = { i = true, I = true, s = true, u = true, b = true, D = true, e = true }

---Whether a group has to be written in a transaction of its own, because it takes two statements, or because what was
---written may have to be undone when it cannot be told apart.
---@param model table
---@param group rowan.BulkGroup
---@param mode rowan.InsertMode
---@return boolean
function duplicates.needs_transaction(model, group, mode)
  if not applies(mode, group) then return false end
  if mode.action == "update" then return not model.db._dialect.supports.insert_mark end
  for _, attr in ipairs(telling(model.definition, mode, group.attrs)) do
    if not SURE[attr.type.code] then return true end
  end
  return false
end

---Refuses two rows with one key: a statement updates a row once only.
---@param model table
---@param groups rowan.BulkGroup[]
---@param instances table[] all rows in the caller's order
---@param mode rowan.InsertMode
function duplicates.check(model, groups, instances, mode)
  if mode.action ~= "update" then return end
  local complete, seen = {}, {}
  for _, group in ipairs(groups) do
    for _, attr in ipairs(mode.key.attrs) do
      if group.computed and group.computed[attr] then
        errors.raise("QueryError", {
          message = ("%s: %s.%s is of the key by which a row that is there is found; it cannot be an SQL expression")
            :format(mode.context, model.name, attr.label),
        })
      end
    end
    for i = 1, applies(mode, group) and group.count or 0 do complete[group.rows[i]] = true end
  end
  for i, row in ipairs(instances) do
    local values = complete[row] and values_of(row, mode.key.attrs)
    if values and not has_null(values) then
      local before = tuple.get(seen, values)
      if before then
        errors.raise("QueryError", {
          message = ("%s: rows %d and %d of %s have the same %s; one of them would be lost")
            :format(mode.context, before, i, model.name, conflict.names(mode.key.attrs)),
        })
      end
      tuple.put(seen, values, i)
    end
  end
end

---What became of each row, in the caller's order, and how many of each.
---@param instances table[]
---@param mode rowan.InsertMode
---@return { created: integer, updated: integer, skipped: integer }
function duplicates.outcome(instances, mode)
  local list = { created = 0, updated = 0, skipped = 0 }
  for i, row in ipairs(instances) do
    local word = mode.outcome[row] or "created"
    list[i], list[word] = word, list[word] + 1
  end
  return list
end

return duplicates
