-- examples/chinook.lua as a program, over real data on both databases: all that it prints is compared with plain SQL.
local helper = require "spec.helper"

local DATA = "../shared/data/" -- beside the checkout; the tests run in its root
local ABSENT = "needs " .. DATA .. "%s, the Chinook database"

local function content(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

local function shell_quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs the example by the interpreter that runs this, and gives what it prints.
local function run_example(argument, environment)
  local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
  local command = ("LUA_PATH=%s LUA_CPATH=%s %s %s examples/chinook.lua %s 2>&1; echo \"status $?\""):format(
    shell_quote(package.path), shell_quote(package.cpath), environment or "", interpreter, shell_quote(argument))
  local pipe = assert(io.popen(command))
  local printed = pipe:read("*a")
  pipe:close()
  local text, status = printed:match("^(.*)status (%d+)\n$")
  return text, tonumber(status)
end

-- ---- the figures by plain SQL; {invoice_line} is the name as the database has it ----

local SOLD = [[
  SELECT ar.{artist_id} AS id, ar.{name} AS name,
    CAST(ROUND(SUM(l.{unit_price} * l.{quantity}) * 100) AS INTEGER) AS cents
  FROM {invoice_line} l JOIN {track} t ON t.{track_id} = l.{track_id}
    JOIN {album} al ON al.{album_id} = t.{album_id} JOIN {artist} ar ON ar.{artist_id} = al.{artist_id}
  GROUP BY ar.{artist_id}, ar.{name} ORDER BY cents DESC, id LIMIT 5]]

local ALBUMS = [[
  SELECT al.{album_id} AS id, al.{title} AS title, COUNT(t.{track_id}) AS tracks
  FROM {album} al LEFT JOIN {track} t ON t.{album_id} = al.{album_id}
  WHERE al.{artist_id} = %d GROUP BY al.{album_id}, al.{title} ORDER BY al.{title}]]

local TRACKS = "SELECT {name} AS name FROM {track} WHERE {album_id} = %d ORDER BY {track_id} LIMIT 3"

local COUNTRIES = [[
  SELECT {billing_country} AS country, CAST(ROUND(SUM({total}) * 100) AS INTEGER) AS cents
  FROM {invoice} GROUP BY {billing_country}]]

local function money(cents)
  return ("%d.%02d"):format(math.floor(cents / 100), cents % 100)
end

local function expected(db)
  local function query(text, ...)
    local sql = text:format(...):gsub("{([%l_]+)}", function(name)
      if db.dialect == "postgres" then return name end
      return '"' .. name:gsub("^%l", string.upper):gsub("_(%l)", string.upper) .. '"'
    end)
    return (db:query(sql))
  end
  local lines = { "The five best-selling artists" }
  local function say(format, ...) lines[#lines + 1] = format:format(...) end
  for rank, artist in ipairs(query(SOLD)) do
    say("%d. %s: %s", rank, artist.name, money(artist.cents))
    for _, album in ipairs(query(ALBUMS, artist.id)) do
      say("   %s (%d tracks)", album.title, album.tracks)
      for _, track in ipairs(query(TRACKS, album.id)) do say("      %s", track.name) end
    end
  end
  say("")
  say("Sales by country")
  local countries = query(COUNTRIES)
  table.sort(countries, function(a, b)
    if a.cents ~= b.cents then return a.cents > b.cents end
    return a.country < b.country
  end)
  for _, row in ipairs(countries) do say("%-16s %10s", row.country, money(row.cents)) end
  return table.concat(lines, "\n") .. "\n"
end

local function check(db, printed, status)
  assert.equal(0, status, printed)
  local wanted = expected(db)
  assert.equal(wanted, printed)
  -- The figures are of data, not of nothing.
  assert.is_true(select(2, printed:gsub("\n", "")) > 50)
  assert.matches("\n5%. ", printed)
  assert.matches("USA +%d+%.%d%d\n", printed)
end

helper.on("sqlite", function(_, connect)
  it("the example prints what SQL says, and leaves the file as it was", function()
    local data = content(DATA .. "chinook.sqlite")
    if not data then return pending(ABSENT:format("chinook.sqlite")) end
    local path = os.tmpname()
    -- Bytes 19 and 20 say how the file is journalled: not by WAL, which only a writer could have brought about.
    data = data:sub(1, 18) .. "\1\1" .. data:sub(21)
    write(path, data)
    local ok, err = pcall(function()
      local printed, status = run_example(path)
      assert.is_true(content(path) == data, "the example has changed the file")
      check(connect { storage = path, mode = "ro" }, printed, status)
    end)
    os.remove(path)
    if not ok then error(err, 0) end
  end)

  it("the example says so when there is no file", function()
    local printed, status = run_example("no/such/file.sqlite")
    assert.equal(2, status)
    assert.equal("chinook: there is no file no/such/file.sqlite; give the path of a Chinook database\n", printed)
  end)
end)

helper.on("postgres", function(_, connect)
  it("the example prints what SQL says", function()
    local script = content(DATA .. "chinook.postgres.sql")
    if not script then return pending(ABSENT:format("chinook.postgres.sql")) end
    if not helper.postgres():find("^%a+://") then return pending("needs ROWAN_TEST_POSTGRES to be a URL") end
    local db = connect()
    -- What comes before makes a database and goes to it by a command of psql.
    db:query(script:sub((assert(script:find("CREATE TABLE", 1, true)))))
    local schema = db:query("SELECT current_schema() AS name", { plain = true }).name
    local printed, status = run_example(helper.postgres(), "PGOPTIONS=" .. shell_quote("-csearch_path=" .. schema))
    check(db, printed, status)
  end)
end)
