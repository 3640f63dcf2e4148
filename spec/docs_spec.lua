-- The documentation runs: every ```lua block of README.md, docs/guide.md and docs/guide/*.md, page by page, the blocks
-- of a page one after the other as one program. What its comments promise is checked:
--
--     print(x)            -- prints: 1          what the line prints; several times: `1, then 2`
--     local n = f()       -- => 2               the value, as a Lua expression; `a, b` for several
--     f()                 -- => 2               the same for a call
--     -- SQL: SELECT ...                        the statement sent last, with ? for its parameters
--
-- A comment `-- prints:` on a line of its own belongs to the line above. A page connects with
-- rowan.connect("sqlite::memory:"...), which becomes the database under test. A block behind ```lua no-run is only
-- compiled. Assigning or reading an undefined global fails.
local helper = require "spec.helper"
local lfs = require "lfs"

local CONNECT = 'rowan%.connect%("sqlite::memory:"'

local function pages()
  local list = {}
  for name in lfs.dir("docs/guide") do
    if name:find("%.md$") then list[#list + 1] = "docs/guide/" .. name end
  end
  table.sort(list)
  table.insert(list, 1, "README.md")
  table.insert(list, 2, "docs/guide.md")
  return list
end

-- The lines of a page's blocks at their own line numbers, everything else empty; and the no-run blocks likewise.
local function blocks_of(path)
  local run, only_compiled, count = {}, {}, 0
  local mode, at, opened = nil, 0, nil
  for line in io.lines(path) do
    at = at + 1
    local fence = line:match("^```(.*)$")
    run[at] = ""
    if fence and mode then
      if mode == "no-run" then only_compiled[#only_compiled + 1] = table.concat(opened, "\n") end
      mode = nil
    elseif fence then
      mode = fence == "lua" and "run" or fence == "lua no-run" and "no-run" or "other"
      if mode == "run" then count = count + 1 end
      opened = {}
      for i = 1, at do opened[i] = "" end
    elseif mode == "run" then
      run[at] = line
    elseif mode == "no-run" then
      opened[at] = line
    end
  end
  assert(not mode, path .. ": a block is not closed")
  return run, only_compiled, count
end

local function fail(path, line, message)
  error(("%s:%d: %s"):format(path, line, message), 0)
end

-- Turns the promises of a line into calls of `docs`; the number of lines stays.
local function instrument(path, lines)
  local expected, last_code, checks = {}, nil, 0
  for at, line in ipairs(lines) do
    local code, text = line:match("^(.-)%s*%-%- prints: (.*)$")
    local value_code, value = line:match("^(.-)%s*%-%- => (.*)$")
    local sql = line:match("^%s*%-%- SQL: (.*)$")
    if text then
      if code:find("%S") then last_code = at end
      expected[last_code] = text
    elseif value then
      local names = value_code:match("^%s*local ([%w_, ]+) =") or value_code:match("^%s*([%w_]+) =")
      lines[at] = names and ("%s; docs.value(%d, %q, %s)"):format(value_code, at, value, names)
        or ("docs.value(%d, %q, %s)"):format(at, value, value_code)
    elseif sql then
      lines[at] = ("docs.sql(%d, %q)"):format(at, sql)
    end
    if text or value or sql then checks = checks + 1 end
    if not line:find("^%s*%-%-") and line:find("%S") then last_code = at end
    lines[at] = lines[at]:gsub(CONNECT, 'docs.connect("sqlite::memory:"')
  end
  return expected, checks
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, item in pairs(a) do
    if not same(item, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function shown(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = tostring(key) .. " = " .. shown(item) end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function pack(...) return { n = select("#", ...), ... } end

local function environment()
  return setmetatable({}, {
    __index = function(_, name)
      local value = _G[name]
      if value == nil then error("there is no global " .. tostring(name), 2) end
      return value
    end,
    __newindex = function(_, name) error("assigns the global " .. tostring(name), 2) end,
  })
end

local function compile(text, name, env)
  return load(text, name, "t", env)
end

-- What a page's program is given: its print, and `docs` for the instrumented lines.
local function tools(path, env, dialect, connect, printed)
  local log
  local docs = {}
  function docs.connect(_, options)
    local given = { storage = dialect == "sqlite" and ":memory:" or nil }
    for key, value in pairs(options or {}) do given[key] = value end
    local db = connect(given)
    log = log or helper.sql_log(db)
    return db
  end
  function docs.value(line, text, ...)
    local chunk, problem = compile("return " .. text, "@" .. path, env)
    if not chunk then fail(path, line, "the promised value is no Lua: " .. problem) end
    local wanted, got = pack(chunk()), pack(...)
    for i = 1, math.max(wanted.n, got.n) do
      if not same(wanted[i], got[i]) then
        fail(path, line, ("promised %s, got %s"):format(shown(wanted[i]), shown(got[i])))
      end
    end
  end
  function docs.sql(line, text)
    local sent = log and log[#log] or "nothing"
    sent = sent:gsub("[?$]%d+", "?")
    if sent ~= text then fail(path, line, ("promised %s\nsent     %s"):format(text, sent)) end
  end
  rawset(env, "docs", docs)
  rawset(env, "print", function(...)
    local info, words = debug.getinfo(2, "Sl"), pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    if info.source ~= "@" .. path then return end
    local line = info.currentline
    local text = table.concat(words, " ")
    printed[line] = printed[line] and printed[line] .. ", then " .. text or text
  end)
end

local function run_page(path, dialect, connect)
  local lines = blocks_of(path)
  local expected = instrument(path, lines)
  local env, printed = environment(), {}
  tools(path, env, dialect, connect, printed)
  local chunk, problem = compile(table.concat(lines, "\n"), "@" .. path, env)
  if not chunk then error(problem, 0) end
  chunk()
  for at, text in pairs(expected) do
    if printed[at] ~= text then
      fail(path, at, ("promised to print %s, printed %s"):format(text, tostring(printed[at])))
    end
  end
end

describe("the documentation", function()
  for _, path in ipairs(pages()) do
    it("compiles the blocks that are not run: " .. path, function()
      local _, only_compiled, count = blocks_of(path)
      assert.is_true(count > 0, path .. " has no block that runs")
      for _, text in ipairs(only_compiled) do assert(compile(text, "@" .. path, environment())) end
    end)
  end

  it("is checked: promises that are not kept fail", function()
    local expected, checks = instrument("page", { "print(1) -- prints: 2", "local a = 1 -- => 2", "-- SQL: SELECT" })
    assert.same({ "2" }, expected)
    assert.equal(3, checks)
    local env = environment()
    tools("page", env, "sqlite", nil, {})
    assert.has_error(function() env.docs.value(1, "2", 1) end)
    assert.has_error(function() env.docs.value(1, "2") end)
    assert.has_error(function() env.docs.value(1, "{ 1, 2 }", { 1 }) end)
    assert.has_error(function() env.docs.sql(1, "SELECT 1") end)
    env.docs.value(1, "{ 1, { a = nil } }, 'x'", { 1, {} }, "x")
  end)
end)

helper.each(function(dialect, connect)
  for _, path in ipairs(pages()) do
    it("does what it says: " .. path, function() run_page(path, dialect, connect) end)
  end
end)
