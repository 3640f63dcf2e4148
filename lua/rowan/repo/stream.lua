--- Streams: the rows of a query read a few at a time through a cursor of the database, in constant memory. The cursor
--- lives in a transaction: the call's, or one of the stream's own, on a connection that it holds until its end. Other
--- statements run in between, on that connection too, so that what is included is loaded a batch at a time.
---
--- A stream that is left early and not closed closes its connection when it is collected (a lease does). SQLite's single
--- connection of a database in memory is not held: there the cursor stays in it beside all other statements.

local errors = require("rowan.base.errors")
local load = require("rowan.repo.load")
local read = require("rowan.repo.read")
local reading = require("rowan.repo.reading")
local run = require("rowan.repo.run")
local transaction = require("rowan.repo.transaction")

local stream = {}

---@class rowan.Stream an iterator that can be closed
---@field private batch integer
---@field package db rowan.Database
---@field package number integer of its cursor
---@field package call table the options of its own statements
---@field package own? rowan.Transaction
---@field package close_text? string
---@field package rows table[] those that were fetched
---@field package at integer the last one given
---@field package ended? boolean
local Stream = { __name = "rowan.stream" }
Stream.__index = Stream

local last_number = 0

local function say(db, text, role, number, options)
  run.plan(db, { text = text, codes = "", role = role, cursor = number }, nil, 0, options)
end

-- Cursors of streams that were forgotten in a connection that nobody holds.
local function forget_lost(db, call)
  local open = db._streams
  for number in pairs(db._stream_numbers or {}) do
    if not open[number] then
      say(db, db._dialect.cursor(number, "", 1).close, "close", number, call)
      db._stream_numbers[number] = nil
    end
  end
end

local function note_shared(self)
  local db = self.db
  if not db._streams then db._streams, db._stream_numbers = setmetatable({}, { __mode = "v" }), {} end
  forget_lost(db, self.call)
  db._streams[self.number], db._stream_numbers[self.number] = self, true
end

local function fetching(plan, number, batch, text)
  local made = {}
  for key, value in pairs(plan) do made[key] = value end
  made.text, made.codes, made.count, made.statement = text, "", 0, nil
  made.role, made.cursor, made.fetch = "fetch", number, batch
  return made
end

local function refuse_many(model, plan)
  for _, segment in ipairs(plan.columns.segments or {}) do
    if segment.many then
      errors.raise("QueryError", {
        message = ('%s:stream: %s is to-many, and cannot be joined where rows are read a few at a time; leave out '
          .. 'strategy = "join"'):format(model.name, segment.key),
      })
    end
  end
end

local function open_cursor(self, plan, params)
  local db = self.db
  local texts = db._dialect.cursor(self.number, plan.text, self.batch)
  self.plan, self.params, self.close_text = fetching(plan, self.number, self.batch, texts.fetch), params, texts.close
  run.plan(db, {
    text = texts.open, codes = plan.codes, role = "open", cursor = self.number, model = plan.model,
  }, params, plan.count, self.call)
end

local function open(model, options, batch)
  local plan, params = read.plan(model, options)
  refuse_many(model, plan)
  return stream.over(model.db, plan, params, options, batch)
end

---Opens a stream of what a plan reads.
---@async
---@param db table
---@param plan rowan.Plan
---@param params any[]
---@param options table transaction, logging, benchmark, raw
---@param batch integer rows a fetch
---@return rowan.Stream
function stream.over(db, plan, params, options, batch)
  last_number = last_number + 1
  local self = setmetatable({ db = db, number = last_number, batch = batch, rows = {}, at = 0, call = {},
    options = options }, Stream)
  for _, name in ipairs({ "logging", "benchmark", "raw" }) do self.call[name] = options[name] end
  local inside = run.transaction(db, options)
  self.call.transaction = inside
  if not inside and db._dialect.cursors_are_shared and db._handle:stats().max == 1 then
    note_shared(self)
  elseif not inside then
    self.own = transaction.unmanaged(db, { transaction = false, logging = options.logging, type = db._dialect.reading })
    self.call.transaction = self.own
  end
  local ok, problem = pcall(function()
    for _, text in ipairs(self.own and db._dialect.cursor_settings or {}) do say(db, text, "once", nil, self.call) end
    open_cursor(self, plan, params)
  end)
  if not ok then
    self:finish(false)
    error(problem, 0)
  end
  return self
end

---Opens a stream.
---@async
---@param model table
---@param options table of a finder, checked by the caller
---@param batch integer rows a fetch
---@return rowan.Stream
function stream.open(model, options, batch)
  if not model.definition.searched then return open(model, options, batch) end
  return reading.stream(model, options, function(subject, call) return open(subject, call, batch) end)
end

-- Gives back what the stream holds; errors of doing so only hide the one that matters.
function Stream:finish(well)
  if self.ended then return end
  self.ended, self.rows, self.at = true, {}, 0
  local own, inside = self.own, self.call.transaction
  if own then
    if not own.finished then
      if well then own:commit() else pcall(own.rollback, own) end
    end
  elseif self.close_text and (inside == nil or not inside.finished) then
    local ok, problem = pcall(say, self.db, self.close_text, "close", self.number, self.call)
    if well and not ok then error(problem, 0) end
  end
  if self.db._stream_numbers then self.db._stream_numbers[self.number] = nil end
end

local function fetch(self)
  local rows = load.rows(self.db, self.plan, self.params, 0, self.call, nil, self.options.include)
  if self.plan.children[1] and rows[1] then
    load.children(self.db, self.plan, rows, self.params, self.call)
  end
  if self.plan.model then rows = read.shaped(self.plan, rows, self.options) end
  if self.found then self.found(rows) end
  return rows
end

---The next row; nil at the end. Raises what goes wrong, and has ended then.
---
---    local first = stream:next()    -- FETCH FORWARD 500 FROM "rowan_cursor_1"
---@async
---@return rowan.Row?
function Stream:next()
  local row = self.rows[self.at + 1]
  if row == nil and not self.ended then
    local ok, rows = pcall(fetch, self)
    if not ok then
      self:finish(false)
      error(rows, 0)
    end
    -- What is held is given back before the last rows are looked at.
    if #rows < self.batch then self:finish(true) end
    self.rows, self.at = rows, 0
    row = rows[1]
  end
  self.at = self.at + 1
  return row
end

---Ends the stream before its end: nothing is read any more and the connection is free. A second call does nothing.
---Raises DatabaseError when its own transaction cannot be ended.
---
---    stream:close()    -- CLOSE "rowan_cursor_1"
---@async
function Stream:close()
  self:finish(true)
  self.rows, self.at = {}, 0
end

Stream.__call = Stream.next

-- Lua 5.4 closes the stream of a `for` however the loop is left.
Stream.__close = function(self, problem)
  self:finish(problem == nil)
end

return stream
