--- Model:copy: rows in any number, in constant memory, all of them or none. PostgreSQL takes them by COPY, SQLite by
--- INSERTs of a batch each. Rows are built, checked and cast as those of bulkCreate are, a batch at a time; what is wrong
--- with one is said with its number.

local build = require("rowan.change.build")
local bulk = require("rowan.repo.bulk")
local cast = require("rowan.change.cast")
local control = require("rowan.sql.control")
local create = require("rowan.repo.create")
local errors = require("rowan.base.errors")
local groups = require("rowan.repo.groups")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")
local validate = require("rowan.change.validate")
local wrap = require("rowan.repo.wrap")
local write = require("rowan.repo.write")
local write_plan = require("rowan.query.write")

local copy = {}

---@class rowan.Copying one call of copy
---@field model table
---@field context string
---@field call table options of its statements
---@field options table of the caller
---@field count integer rows taken from the caller
---@field open? table the COPY under way: key, plans, sent, from (the row in front of its first), numbers

local function with_row(number, problem)
  if errors.kind_of(problem) and not problem.message:find("^row %d+: ") then
    problem.message = ("row %d: %s"):format(number, problem.message)
    problem.row = number
  end
  error(problem, 0)
end

-- Up to a batch of the caller's rows as new instances; nil at the end.
local function take(self, next_row, batch)
  local model, options, list = self.model, self.options, {}
  while #list < batch do
    local given = next_row()
    if given == nil then break end
    local number = self.count + #list + 1
    if options.fields then given = create.chosen(model.definition, given, options.fields, self.context) end
    local row = build.instance(model, given, self.context, number)
    if options.validate then
      local ok, problem = pcall(validate.check, model.definition, row)
      if not ok then with_row(number, problem) end
    end
    list[#list + 1] = row
  end
  return list[1] and list or nil
end

-- COPY takes values alone, and so does the INSERT that stands for it.
local function grouped(self, rows)
  local list = groups.of(self.model.definition, rows, nil, self.count)
  for _, group in ipairs(list) do
    local attr = group.computed and next(group.computed)
    for i = 1, attr and #rows or 0 do
      if rows[i] == group.rows[1] then
        local failures = cast.fail(nil, attr, "cannot be an SQL expression here", "type violation", "type", nil)
        with_row(self.count + i, select(2, pcall(cast.check, self.model.definition, failures)))
      end
    end
  end
  return list
end

-- ---- by INSERT ----

-- Which row it was: a statement that fails has left nothing behind, so its rows can be tried one by one.
local function find_bad(self, rows, problem)
  for i, row in ipairs(rows) do
    local ok, cause = pcall(function()
      transaction.around(self.model.db, self.call, function(t)
        bulk.send(self.model, bulk.prepare(self.model, { row }), { transaction = t, logging = self.call.logging })
      end)
    end)
    if not ok then with_row(self.count + i, cause) end
  end
  error(problem, 0)
end

local function insert(self, rows)
  local prepared = groups.sliced(grouped(self, rows))
  local ok, problem = pcall(function()
    transaction.around(self.model.db, self.call, function(t)
      bulk.send(self.model, prepared, { transaction = t, logging = self.call.logging, benchmark = self.call.benchmark })
    end)
  end)
  if not ok then find_bad(self, rows, problem) end
end

-- ---- by COPY ----

local function say(self, role)
  local plan = { text = control[role], codes = "", role = role, model = self.model }
  return run.plan(self.model.db, plan, nil, 0, self.call)
end

local function begin(self, group)
  local plan = write_plan.copy(self.model.definition, group.attrs, self.model.db._dialect)
  run.plan(self.model.db, {
    text = plan.text, codes = "", role = "copy", model = self.model,
  }, nil, 0, self.call)
  self.open = {
    key = group.key, sent = 0, numbers = nil, from = self.count,
    rows = {
      text = plan.text, codes = plan.codes, attrs = plan.attrs, names = write.names(plan.attrs), many = true,
      role = "rows", model = self.model,
    },
  }
end

local function finish(self)
  local open = self.open
  self.open = nil
  if not open then return end
  local ok, problem, affected = pcall(say, self, "copy_end")
  if not ok then
    local line = problem.cause and problem.cause.row
    if not line then error(problem, 0) end
    with_row(open.numbers and open.numbers[line] or open.from + line, problem)
  end
  if affected ~= open.sent then
    errors.raise("DatabaseError", {
      message = ("%s: %d rows were sent and %s were stored"):format(self.context, open.sent, tostring(affected)),
      sql = open.rows.text,
    })
  end
end

local function send_rows(self, group)
  local open = self.open
  run.plan(self.model.db, open.rows, group.values, #group.attrs, self.call)
  open.sent = open.sent + group.count
end

-- Rows with the same attributes go on in the COPY that is open. In a batch with different ones each kind gets its own, and
-- which row of the caller's it was is kept for these only.
local function send(self, rows)
  local list = grouped(self, rows)
  if list[2] == nil then
    local group = list[1]
    if self.open and self.open.key ~= group.key then finish(self) end
    if not self.open then begin(self, group) end
    return send_rows(self, group)
  end
  finish(self)
  local number_of = {}
  for i, row in ipairs(rows) do number_of[row] = self.count + i end
  for _, group in ipairs(list) do
    begin(self, group)
    self.open.numbers = {}
    for i, row in ipairs(group.rows) do self.open.numbers[i] = number_of[row] end
    send_rows(self, group)
    finish(self)
  end
end

-- ---- both ----

local function load(self, next_row, batch, store)
  local model, rows = self.model, take(self, next_row, batch)
  local wraps = model.definition.writes and model.definition.writes.bulkInsert
  while rows do
    wrap.run(wraps, { kind = "bulkInsert", model = model, rows = rows, options = self.call }, function(change)
      store(self, change.rows)
    end)
    self.count = self.count + #rows
    if self.options.progress then self.options.progress(self.count) end
    rows = take(self, next_row, batch)
  end
  finish(self)
end

-- Nothing else can run on a connection while a COPY is: the transaction is not the current one, so that what the caller's
-- function asks of the database goes elsewhere.
local function within_copy(self, next_row, batch)
  local t = transaction.unmanaged(self.model.db, {
    transaction = self.options.transaction, logging = self.options.logging,
  })
  self.call.transaction = t
  local ok, problem = pcall(load, self, next_row, batch, send)
  if ok then return t:commit() end
  if self.open then pcall(say, self, "copy_abort") end
  pcall(t.rollback, t)
  error(problem, 0)
end

---Stores rows in any number, all of them or none.
---@async
---@param model table
---@param next_row fun(): table? the caller's rows, one after the other
---@param options table fields, batch, progress, validate, transaction, logging, benchmark
---@param context string
---@return integer count
function copy.rows(model, next_row, options, context)
  local self = {
    model = model, context = context, options = options, count = 0,
    call = { logging = options.logging, benchmark = options.benchmark },
  }
  if model.db._dialect.supports.copy then
    within_copy(self, next_row, options.batch)
  else
    transaction.around(model.db, options, function(t)
      self.call.transaction = t
      load(self, next_row, options.batch, insert)
    end)
  end
  return self.count
end

return copy
