--- What a transaction wrote into rows in memory, so that a rollback puts them back: a row that was inserted is new again, a
--- row that was updated is dirty again, and the next save writes what the rollback undid. Values that the caller set stay.

local rows = require("rowan.driver.rows")
local run = require("rowan.repo.run")

local written = {}

-- Attributes that no caller sets: a row that a rollback brought back is not to be deleted by its next save.
local KEPT = { "updated", "version", "deleted" }

local WEAK_KEYS = { __mode = "k" }

---@class rowan.WrittenRow the state of a row before its first write in a transaction
---@field meta table its metatable, which says whether it is stored and holds its snapshot
---@field snapshot any nil when it was new
---@field made? string[] fields that an INSERT filled
---@field before? table<string, any> fields that were written without the caller's having set them, as they were

-- Stands for nil among the fields of `before`.
local NOTHING = {}

local function enter(transaction, row, note)
  local notes = transaction.written
  if not notes then
    notes = setmetatable({}, WEAK_KEYS)
    transaction.written = notes
  end
  if not notes[row] then notes[row] = note end
end

-- A note with further fields; those that it has are older. Notes of inserted rows are shared, so it is another one.
local function with_fields(note, before)
  local own = { meta = note.meta, snapshot = note.snapshot, made = note.made, before = {} }
  for name, value in next, before do own.before[name] = value end
  for name, value in next, note.before or {} do own.before[name] = value end
  return own
end

---What to note of rows that a plan inserts: the same for all of them.
---@param model table
---@param made string[] names of fields that the INSERT gives them
---@return rowan.WrittenRow
function written.new(model, made)
  return { meta = model._new, made = made }
end

---Notes a row that was inserted. To be called once the database has done it, before the row becomes a stored one.
---@param transaction? rowan.Transaction the one that run.plan took
---@param row table
---@param note rowan.WrittenRow of written.new
function written.insert(transaction, row, note)
  if transaction then enter(transaction, row, note) end
end

---Notes a stored row's state before an update is entered into it. To be called once the database has done it.
---@param transaction? rowan.Transaction the one that run.plan took
---@param row table
function written.update(transaction, row)
  if not transaction then return end
  local meta, known = getmetatable(row), transaction.written and transaction.written[row]
  if not known then return enter(transaction, row, { meta = meta, snapshot = meta[1] }) end
  local version = known.made and meta.Model.definition.version
  if version and not (known.before and known.before[version.name]) then
    -- What it was made with, before it is counted.
    transaction.written[row] = with_fields(known, { [version.name] = rawget(row, version.name) })
  end
end

---Notes a stored row of which some fields were written without the caller's having set them in it (keys by association
---methods, values that the database made): a rollback puts them back as well. To be called before they are entered into
---what the row remembers.
---@param model table
---@param row table
---@param names string[]
---@param options? table the call's, which say what transaction it is in
---@param before? table<string, any> the fields as they were; as they are when not given
function written.replaced(model, row, names, options, before)
  local transaction = run.transaction(model.db, options)
  if not transaction then return end
  written.update(transaction, row)
  local fields = {}
  for _, name in ipairs(names) do
    local value = (before or row)[name]
    if value == nil then value = NOTHING end
    fields[name] = value
  end
  transaction.written[row] = with_fields(transaction.written[row], fields)
end

---Notes fields that a call gave to the rows which it inserted, as they were.
---@param transaction? rowan.Transaction
---@param given { row: table, name: string, value: any }[]
function written.given(transaction, given)
  local notes = transaction and transaction.written
  for _, one in ipairs(notes and given or {}) do
    local note, value = notes[one.row], one.value
    if value == nil then value = NOTHING end
    if note then notes[one.row] = with_fields(note, { [one.name] = value }) end
  end
end

local function restore(row, note)
  setmetatable(row, note.meta)
  note.meta[1] = note.snapshot
  for _, name in ipairs(note.made or {}) do row[name] = nil end
  local def = note.meta.Model.definition
  for _, role in ipairs(note.made and {} or KEPT) do
    local attr = def[role]
    if attr then row[attr.name] = (rows.original(row, attr.name)) end
  end
  for name, value in next, note.before or {} do
    if value == NOTHING then value = nil end
    rawset(row, name, value)
  end
end

---Puts back the rows that a transaction wrote.
---@param transaction rowan.Transaction
function written.undo(transaction)
  for row, note in pairs(transaction.written or {}) do restore(row, note) end
  transaction.written = nil
end

---Hands the notes of a savepoint that was kept to the transaction around it, whose own are older.
---@param inner rowan.Transaction
---@param outer rowan.Transaction
function written.keep(inner, outer)
  if not inner.written then return end
  if not outer.written then
    outer.written = inner.written
    return
  end
  for row, note in pairs(inner.written) do
    local known = outer.written[row]
    outer.written[row] = known and (note.before and with_fields(known, note.before) or known) or note
  end
end

return written
