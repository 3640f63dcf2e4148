--- Reads the texts that SQLite keeps of its tables and indexes (sqlite_master.sql), by its grammar. They hold what no
--- PRAGMA tells: checks, names of constraints, collations, deferrable keys. Called by dialect/sqlite_catalog.

local comments = require("rowan.sql.comments")
local tokens = require("rowan.sql.tokens")

local sqlite_text = {}

---@class rowan.sqlite.Clause a constraint of a column or a table
---@field kind "primary"|"not_null"|"null"|"unique"|"check"|"default"|"collate"|"foreign"|"generated"
---@field name? string
---@field text string as it is written
---@field columns? string[]
---@field expression? string of a check, a default, a generated column
---@field auto? boolean AUTOINCREMENT
---@field table? string of a foreign key
---@field keys? string[]
---@field on_delete? string
---@field on_update? string
---@field deferrable? string
---@field stored? boolean of a generated column

---@class rowan.sqlite.Column
---@field name string
---@field type string
---@field clauses rowan.sqlite.Clause[]
---@field text string
---@field comment? string

---@class rowan.sqlite.Table
---@field columns rowan.sqlite.Column[]
---@field constraints rowan.sqlite.Clause[]
---@field comment? string
---@field tail string what stands behind the last parenthesis: STRICT, WITHOUT ROWID

local Cursor = {}
Cursor.__index = Cursor

local function cursor(sql)
  return setmetatable({ sql = sql, list = tokens.read(sql, true), at = 1 }, Cursor)
end

function Cursor:is(...)
  for i = 1, select("#", ...) do
    local token = self.list[self.at + i - 1]
    local wanted = select(i, ...)
    if not token or token.value ~= wanted or (token.kind ~= "word" and token.kind ~= "symbol") then return false end
  end
  return true
end

function Cursor:take(...)
  if not self:is(...) then return false end
  self.at = self.at + select("#", ...)
  return true
end

-- A name, in whatever quotes; SQLite takes strings as well.
function Cursor:name()
  local token = self.list[self.at]
  self.at = self.at + 1
  if token.kind == "word" then return self.sql:sub(token.from, token.to) end
  return token.value
end

function Cursor:text(from, to)
  return from > to and "" or self.sql:sub(self.list[from].from, self.list[to].to)
end

-- What is written between a token and the one behind another, blanks and comments too.
function Cursor:between(from, to)
  local behind = self.list[to + 1]
  return self.sql:sub(self.list[from].to + 1, behind and behind.from - 1 or #self.sql)
end

-- Behind the parenthesis that closes the one at the cursor; what is inside.
function Cursor:group()
  local from, depth = self.at, 0
  repeat
    if self:is("(") then depth = depth + 1 end
    if self:is(")") then depth = depth - 1 end
    self.at = self.at + 1
  until depth == 0 or self.at > #self.list
  return self:text(from + 1, self.at - 2), from + 1, self.at - 2
end

-- The indexes of the tokens of each item between two places, split at commas of this level.
local function items(self, from, to)
  local list, depth, start = {}, 0, from
  for i = from, to do
    local token = self.list[i]
    if token.kind == "symbol" then
      if token.value == "(" then depth = depth + 1 end
      if token.value == ")" then depth = depth - 1 end
      if token.value == "," and depth == 0 then
        list[#list + 1] = { start, i - 1 }
        start = i + 1
      end
    end
  end
  list[#list + 1] = { start, to }
  return list
end

-- ("a", b COLLATE NOCASE DESC): the names alone.
local function column_names(self)
  local _, from, to = self:group()
  local after, names = self.at, {}
  for i, range in ipairs(items(self, from, to)) do
    self.at = range[1]
    names[i] = self:name()
  end
  self.at = after
  return names
end

local function conflict(self)
  if self:take("on", "conflict") then self.at = self.at + 1 end
end

local ACTIONS = {
  { "set", "null", text = "SET NULL" }, { "set", "default", text = "SET DEFAULT" }, { "cascade", text = "CASCADE" },
  { "restrict", text = "RESTRICT" }, { "no", "action", text = "NO ACTION" },
}

local function action(self)
  for _, words in ipairs(ACTIONS) do
    if words[2] and self:take(words[1], words[2]) or not words[2] and self:take(words[1]) then return words.text end
  end
end

local function deferral(self, clause)
  local negated = self:take("not", "deferrable")
  if not negated and not self:take("deferrable") then return false end
  clause.deferrable = negated and "NOT DEFERRABLE" or "DEFERRABLE"
  if self:take("initially") then
    clause.deferrable = clause.deferrable .. " INITIALLY " .. self:name():upper()
  end
  return true
end

local function reference(self, clause)
  clause.kind, clause.table = "foreign", self:name()
  if self:is("(") then clause.keys = column_names(self) end
  while true do
    if self:take("on", "delete") then
      clause.on_delete = action(self)
    elseif self:take("on", "update") then
      clause.on_update = action(self)
    elseif self:take("match") then
      self.at = self.at + 1
    elseif not deferral(self, clause) then
      return
    end
  end
end

local function default_value(self)
  if self:is("(") then return (self:group()) end
  local from = self.at
  if self:is("-") or self:is("+") then self.at = self.at + 1 end
  -- X'00'
  local token, after = self.list[self.at], self.list[self.at + 1]
  local is_blob = token.value == "x" and after and after.kind == "string" and after.from == token.to + 1
  if is_blob then self.at = self.at + 1 end
  self.at = self.at + 1
  return self:text(from, self.at - 1)
end

local function generated(self, clause)
  clause.kind, clause.expression = "generated", self:group()
  if self:take("stored") then clause.stored = true else self:take("virtual") end
end

-- One constraint of a column; nil at the end of the column's.
local function column_clause(self, column)
  local from, clause = self.at, {}
  if self:take("constraint") then clause.name = self:name() end
  if self:take("primary", "key") then
    clause.kind, clause.columns = "primary", { column }
    if not self:take("asc") then self:take("desc") end
    conflict(self)
    clause.auto = self:take("autoincrement")
  elseif self:take("not", "null") then
    clause.kind = "not_null"
    conflict(self)
  elseif self:take("null") then
    clause.kind = "null"
    conflict(self)
  elseif self:take("unique") then
    clause.kind, clause.columns = "unique", { column }
    conflict(self)
  elseif self:take("check") then
    clause.kind, clause.expression = "check", self:group()
  elseif self:take("default") then
    clause.kind, clause.expression = "default", default_value(self)
  elseif self:take("collate") then
    clause.kind, clause.collate = "collate", self:name()
  elseif self:take("references") then
    clause.columns = { column }
    reference(self, clause)
  elseif self:take("generated", "always", "as") or self:take("as") then
    generated(self, clause)
  else
    return nil
  end
  clause.text = self:text(from, self.at - 1)
  return clause
end

local STARTS = {
  constraint = true, primary = true, ["not"] = true, null = true, unique = true, check = true, default = true,
  collate = true, references = true, generated = true, as = true,
}

local function column(self, to)
  local from = self.at
  local made = { name = self:name(), clauses = {} }
  local type_from = self.at
  while self.at <= to and not (self.list[self.at].kind == "word" and STARTS[self.list[self.at].value]) do
    if self:is("(") then self:group() else self.at = self.at + 1 end
  end
  made.type = self:text(type_from, self.at - 1)
  while self.at <= to do
    local clause = column_clause(self, made.name)
    if not clause then break end
    made.clauses[#made.clauses + 1] = clause
  end
  made.text, made.comment = self:text(from, to), comments.read(self:between(from, to))
  return made
end

local TABLE_STARTS = { constraint = true, primary = true, unique = true, check = true, foreign = true }

local function table_clause(self, to)
  local from, clause = self.at, {}
  if self:take("constraint") then clause.name = self:name() end
  if self:take("primary", "key") then
    clause.kind, clause.columns = "primary", column_names(self)
  elseif self:take("unique") then
    clause.kind, clause.columns = "unique", column_names(self)
  elseif self:take("check") then
    clause.kind, clause.expression = "check", self:group()
  elseif self:take("foreign", "key") then
    clause.columns = column_names(self)
    self:take("references")
    reference(self, clause)
  end
  clause.text = self:text(from, to)
  return clause
end

---The parts of a CREATE TABLE text; nil for a virtual table, whose text means nothing here.
---@param sql string
---@return rowan.sqlite.Table?
function sqlite_text.table(sql)
  local self = cursor(sql)
  while self.at <= #self.list and not self:is("(") do
    if self:is("virtual") or self:is("select") then return nil end
    self.at = self.at + 1
  end
  local _, from, to = self:group()
  local made = { columns = {}, constraints = {}, tail = self:text(self.at, #self.list) }
  made.comment = comments.read(self:between(from - 1, from - 1))
  for _, range in ipairs(items(self, from, to)) do
    self.at = range[1]
    local first = self.list[self.at]
    if first.kind == "word" and TABLE_STARTS[first.value] then
      made.constraints[#made.constraints + 1] = table_clause(self, range[2])
    else
      made.columns[#made.columns + 1] = column(self, range[2])
    end
  end
  return made
end

local function index_field(self, from, to)
  local field = {}
  local last = self.list[to]
  if to > from and last.kind == "word" and (last.value == "asc" or last.value == "desc") then
    field.order = last.value == "desc" and "DESC" or nil
    to = to - 1
  end
  local before = self.list[to - 1]
  if to - 2 >= from and before.kind == "word" and before.value == "collate" then
    self.at = to
    field.collate = self:name()
    to = to - 2
  end
  if from == to then
    self.at = from
    field.column = self:name()
  else
    field.expression = self:text(from, to)
  end
  return field
end

---The parts of a CREATE INDEX text.
---@param sql string
---@return { unique: boolean, fields: table[], where?: string }
function sqlite_text.index(sql)
  local self = cursor(sql)
  self:take("create")
  local made = { unique = self:take("unique"), fields = {} }
  while not self:is("(") do self.at = self.at + 1 end
  local _, from, to = self:group()
  local after = self.at
  for i, range in ipairs(items(self, from, to)) do made.fields[i] = index_field(self, range[1], range[2]) end
  if self.list[after] and self.list[after].value == "where" then made.where = self:text(after + 1, #self.list) end
  return made
end

return sqlite_text
