--- Reading much and in pages: each, paginate. Both are finders over an order that tells all rows apart
--- (query/keyset); they read through findAll, so whatever holds for finders holds here.

local lazy = require("rowan.base.lazy")
local check = require("rowan.base.check")
local copy = lazy(function() return require("rowan.repo.copy") end)
local cursor = require("rowan.query.cursor")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local keyset = lazy(function() return require("rowan.query.keyset") end)
local known_options = require("rowan.query.options")
local null = require("rowan.base.null")
local snapshots = require("rowan.driver.rows")
local stream = lazy(function() return require("rowan.repo.stream") end)

---@class rowan.Model
local Flow = {}

local NO_OPTIONS = {}
local BATCH, PER_PAGE = 500, 25

local function finder_but(dropped, added)
  local allowed = {}
  for name in pairs(known_options.finder) do allowed[name] = not dropped[name] or nil end
  for _, name in ipairs(added) do allowed[name] = true end
  return allowed
end

-- Of rows that are grouped, of parts of rows, and of plans there is nothing to read on behind.
local NOT_FOR_EACH = check.set({ "offset", "group", "having", "distinct", "explain", "plain", "rejectOnEmpty" })
local NOT_FOR_STREAMS = check.set({ "explain", "plain", "rejectOnEmpty", "searchPath" })
local NOT_FOR_PAGES = check.set({
  "limit", "offset", "group", "having", "distinct", "explain", "plain", "rejectOnEmpty",
})

local EACH = finder_but(NOT_FOR_EACH, { "batch" })
local STREAM = finder_but(NOT_FOR_STREAMS, { "batch" })
local BY_NUMBER = finder_but(NOT_FOR_PAGES, { "page", "perPage" })
local BY_CURSOR = finder_but(NOT_FOR_PAGES, { "first", "after", "last", "before", "total" })

local function whole(value, least, context)
  if type(value) ~= "number" or value % 1 ~= 0 or value < least or value > 2 ^ 53 then
    errors.raise("QueryError", {
      message = ("%s must be a whole number, at least %d, not %s"):format(context, least,
        type(value) == "string" and ("the string %q"):format(value) or tostring(value)),
    })
  end
  return value
end

-- The options for the finder, without those that are ours.
local function finder_options(options, own)
  local finder = {}
  for name, value in pairs(options) do
    if not own[name] then finder[name] = value end
  end
  return finder
end

-- The values of a row that an order looks at, as they were read; null for NULL.
local function values_of(items, row)
  local values, is_row = {}, snapshots.isrow(row)
  for i, item in ipairs(items) do
    local value
    if is_row then
      value = snapshots.original(row, item.attr.name)
    else
      value = row[item.attr.name]
    end
    if value == nil then value = null end
    values[i] = value
  end
  return values
end

---All rows that match, one after the other, read a batch at a time by key ranges: constant memory, no connection held
---in between, one statement a batch (and one an association and batch with `include`). Rows may be changed, deleted and
---inserted meanwhile.
---Raises QueryError for an unknown option or an order that is no attribute's; later what findAll raises.
---
---    for user in User:each{ batch = 500, where = { active = true }, include = "posts" } do ... end
---    -- SELECT ... FROM "users" WHERE "active" = $1 ORDER BY "id" ASC LIMIT $2
---    -- SELECT ... FROM "users" WHERE ("active" = $1 AND "id" > $2) ORDER BY "id" ASC LIMIT $3
---@async
---@param options? rowan.FinderOptions|rowan.BatchOptions no offset; order: attributes only, by primary key when not given; limit: rows in all
---@return fun(): rowan.Row? iterator
function Flow:each(options)
  options = options or NO_OPTIONS
  local context = self.name .. ":each"
  expression.check_options(options, EACH, context)
  local batch = whole(options.batch or BATCH, 1, context .. ": batch")
  local left = options.limit and whole(options.limit, 0, context .. ": limit") or math.huge
  local items = keyset.items(self, options.order, context)
  local finder = finder_options(options, { batch = true })
  finder.order, finder.attributes = keyset.order(items), keyset.attributes(items, options.attributes)
  local rows, at, ended = {}, 0, false
  local function read()
    finder.limit = math.min(batch, left)
    rows, at, left = self:findAll(finder), 0, left - finder.limit
    local last = rows[finder.limit]
    ended = last == nil or left == 0
    if ended then return end
    finder.where = keyset.narrowed(options.where, keyset.behind(items, values_of(items, last)))
  end
  return function()
    if rows[at + 1] == nil and not ended then read() end
    at = at + 1
    return rows[at]
  end
end

---All rows that match, one after the other, as one query gives them: in any order, of one moment, in constant memory. The
---rows are read from a cursor of the database, `batch` at a time, inside the current transaction or one of the stream's own,
---whose connection it holds until the last row is read, the loop is left (Lua 5.4), `close` is called, or it is collected.
---Raises QueryError for an unknown name or option; what goes wrong later ends the stream.
---
---    for user in User:stream{ order = "name", include = "posts" } do ... end
---    -- DECLARE ... CURSOR FOR SELECT ... FROM "users" ORDER BY "name" ASC; FETCH FORWARD 500 FROM ...; ...
---    local users = User:stream()
---    local first = users()
---    users:close()
---@async
---@param options? rowan.FinderOptions|rowan.BatchOptions
---@return rowan.Stream iterator
---@return nil, nil
---@return rowan.Stream closing the same, for the `for` of Lua 5.4
function Flow:stream(options)
  options = options or NO_OPTIONS
  local context = self.name .. ":stream"
  expression.check_options(options, STREAM, context)
  local batch = whole(options.batch or BATCH, 1, context .. ": batch")
  local opened = stream.open(self, finder_options(options, { batch = true }), batch)
  return opened, nil, nil, opened
end

local COPY = check.set({ "fields", "batch", "progress", "validate", "transaction", "logging", "benchmark" })

-- The rows as a function that gives one after the other.
local function source(rows, context)
  if type(rows) == "function" then return rows end
  local meta = getmetatable(rows)
  if type(meta) == "table" and meta.__call then return function() return rows() end end
  if type(rows) ~= "table" or not check.sequence(rows) then
    errors.raise("QueryError", {
      message = context .. " wants a list of tables, or a function that gives one after the other",
    })
  end
  local at = 0
  return function()
    at = at + 1
    return rows[at]
  end
end

---Stores rows in any number, all of them or none, in constant memory: by COPY on PostgreSQL, by INSERTs of a batch on
---SQLite. Defaults, timestamps and casts are those of bulkCreate; hooks are not run. A row that cannot be stored, or an error
---of the function, leaves nothing behind; the error says the row's number.
---
---    Reading:copy(function() return next_line() end, { progress = function(count) print(count) end })
---    -- COPY "readings" ("sensor", "value", "at") FROM STDIN
---@async
---@param rows table[]|fun(): table? what is stored: a list, a stream, or a function that gives nil at the end
---@param options? rowan.CopyOptions
---@return integer count rows stored
function Flow:copy(rows, options)
  local context = self.name .. ":copy"
  check.keys(options, COPY, context, "QueryError")
  local own = finder_options(options or NO_OPTIONS, NO_OPTIONS)
  own.batch = whole(own.batch or BATCH, 1, context .. ": batch")
  check.optional(own.progress, "function", context .. ": progress", "QueryError")
  return copy.rows(self, source(rows, context), own, context)
end

---@class rowan.Page
---@field rows rowan.Row[]
---@field hasNext boolean
---@field hasPrevious boolean
---@field total? integer rows of all pages
---@field page? integer of pages by number, as perPage and pages
---@field perPage? integer
---@field pages? integer
---@field startCursor? string of pages by cursor: the first row's
---@field endCursor? string the last row's

-- Pages by number.
local function numbered(self, options)
  local context = self.name .. ":paginate"
  expression.check_options(options, BY_NUMBER, context)
  local page = whole(options.page or 1, 1, context .. ": page")
  local per_page = whole(options.perPage or PER_PAGE, 1, context .. ": perPage")
  local finder = finder_options(options, { page = true, perPage = true })
  finder.limit, finder.offset = per_page, (page - 1) * per_page
  finder.order = keyset.completed(self, options.order)
  local found = self:findAndCountAll(finder)
  local pages = math.ceil(found.count / per_page)
  return {
    rows = found.rows, total = found.count, page = page, perPage = per_page, pages = pages,
    hasNext = page < pages, hasPrevious = page > 1 and found.count > 0,
  }
end

local function direction(options, context)
  local backwards = options.last ~= nil or options.before ~= nil
  if backwards and (options.first ~= nil or options.after ~= nil) then
    errors.raise("QueryError", { message = context .. " takes first and after, or last and before" })
  end
  return backwards
end

local function reversed(rows)
  local list, n = {}, #rows
  for i = 1, n do list[i] = rows[n + 1 - i] end
  return list
end

-- Whether there is a row on the side that the page was not read towards. Behind an empty page that is any row.
local function any_before(self, finder, items, edge, backwards)
  local asked = finder_options(finder, NO_OPTIONS)
  asked.order, asked.limit = keyset.order(items, backwards), 1
  asked.attributes, asked.raw = keyset.attributes(items, {}), true
  if edge then
    asked.where = keyset.narrowed(finder.where, keyset.behind(items, values_of(items, edge), backwards))
  end
  return self:findAll(asked)[1] ~= nil
end

local function read_page(self, finder, items, size, from, backwards)
  local asked = finder_options(finder, NO_OPTIONS)
  asked.order, asked.limit = keyset.order(items, backwards), size + 1
  asked.attributes = keyset.attributes(items, finder.attributes)
  if from then asked.where = keyset.narrowed(finder.where, keyset.behind(items, from, backwards)) end
  local rows = self:findAll(asked)
  local more = rows[size + 1] ~= nil
  rows[size + 1] = nil
  return backwards and reversed(rows) or rows, more
end

local COUNTED = {
  "where", "include", "paranoid", "hooks", "transaction", "logging", "benchmark", "context", "comment", "searchPath",
}

local function count_all(self, options)
  local asked = {}
  for _, name in ipairs(COUNTED) do asked[name] = options[name] end
  return self:count(asked)
end

-- Pages by cursor.
local function by_cursor(self, options)
  local context = self.name .. ":paginate"
  expression.check_options(options, BY_CURSOR, context)
  local backwards = direction(options, context)
  local size = whole((backwards and options.last or options.first) or PER_PAGE, 1,
    context .. (backwards and ": last" or ": first"))
  local items = keyset.items(self, options.order, context)
  local given = backwards and options.before or options.after
  local from = given ~= nil and cursor.read(self, items, given, context .. (backwards and ": before" or ": after"))
  local finder = finder_options(options, {
    first = true, after = true, last = true, before = true, total = true, order = true,
  })
  local rows, more = read_page(self, finder, items, size, from, backwards)
  local first, last = rows[1], rows[#rows]
  local opposite = from and any_before(self, finder, items, backwards and last or first, not backwards) or false
  return {
    rows = rows, hasNext = backwards and opposite or not backwards and more,
    hasPrevious = backwards and more or not backwards and opposite,
    startCursor = first and cursor.of(self, items, values_of(items, first)),
    endCursor = last and cursor.of(self, items, values_of(items, last)),
    total = options.total and count_all(self, options) or nil,
  }
end

---A page of rows: by number, with the number of all rows and pages; or by cursor, which stays right while rows are
---inserted and costs the same however far in it is. The primary key is always added to the order.
---Raises QueryError for options of both kinds, a page that is no whole number, or a cursor of another order.
---
---    local page = User:paginate{ page = 2, perPage = 20 }         -- page.rows, total, pages, hasNext, hasPrevious
---    -- SELECT ..., COUNT(*) OVER () AS "total" FROM "users" ORDER BY "id" ASC LIMIT $1 OFFSET $2
---    local top = User:paginate{ first = 20, order = { { "score", "DESC" } } }
---    local rest = User:paginate{ first = 20, order = { { "score", "DESC" } }, after = top.endCursor }
---    -- SELECT ... WHERE ("score", "id") < ($1, $2) ORDER BY "score" DESC, "id" DESC LIMIT $3
---@async
---@param options? rowan.FinderOptions|rowan.PageOptions page and perPage, or first and after, or last and before
---@return rowan.Page
function Flow:paginate(options)
  options = options or NO_OPTIONS
  check.type(options, "table", self.name .. ":paginate", "QueryError")
  if options.first ~= nil or options.after ~= nil or options.last ~= nil or options.before ~= nil then
    return by_cursor(self, options)
  end
  return numbered(self, options)
end

return Flow
