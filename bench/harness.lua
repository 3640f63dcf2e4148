-- Runs the peers in turn and hands what they measured to bench/report.lua. Started by bench/run, which
-- builds, starts the databases and says by environment variables where things are:
--
--   BENCH_DIR, BENCH_BUILD         this folder; the floors, and lua5.4/ and luajit/ with bench_probe.so
--   BENCH_ROOT, BENCH_ROWAN_BUILD  rowan's checkout; lua5.4/ and luajit/ with rowan/core.so
--   BENCH_SQLITE, BENCH_POSTGRES   the database file; a connection URL
--   BENCH_CORE, BENCH_VERSIONS     the core unless --core says another; a line for the heading
--
-- `harness.lua plan <options>` checks the options and prints what bench/run has to provide: the core, the
-- databases joined by commas, and the runtimes that rowan is wanted for. `harness.lua run <options>`
-- measures.

local report = require("report")

local ORDER = { "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10" }
-- A file has nobody to wait for.
local LEFT_OUT = { sqlite = { W10 = true } }
local WRITES = { W4 = true, W5 = true, W8 = true, W9 = true }
local PEERS = {
  c = {},
  ["c-lua"] = { runtime = "lua5.4", name = "c-lua" },
  raw = { runtime = "lua5.4", name = "raw", rowan = true },
  models = { runtime = "lua5.4", name = "models", rowan = true },
  ["raw-jit"] = { runtime = "luajit", name = "raw", rowan = true },
  ["models-jit"] = { runtime = "luajit", name = "models", rowan = true },
}

local env = setmetatable({}, { __index = function(_, name) return os.getenv("BENCH_" .. name) or "" end })

local function fail(...)
  io.stderr:write("bench: ", string.format(...), "\n")
  os.exit(2)
end

local function words(text, allowed, what)
  local list = {}
  for word in text:gmatch("[^,]+") do
    if not allowed[word] then fail("unknown %s %q", what, word) end
    list[#list + 1] = word
  end
  if #list == 0 then fail("no %s given", what) end
  return list
end

local function set(list)
  local t = {}
  for _, v in ipairs(list) do t[v] = true end
  return t
end

local function count(text, name)
  local n = tonumber(text)
  if not n or n < 0 or n ~= math.floor(n) then fail("%s wants a whole number, not %q", name, text) end
  return n
end

local function parse(args)
  local o = { rounds = 3, reps = 3, core = tonumber(env.CORE), db = { "postgres", "sqlite" }, only = ORDER,
    peers = { "c", "c-lua", "raw", "models" } }
  local take = {
    ["--db"] = function(v) o.db = words(v, { postgres = true, sqlite = true }, "database") end,
    ["--only"] = function(v) o.only = words(v, set(ORDER), "workload") end,
    ["--peers"] = function(v) o.peers = words(v, PEERS, "peer") end,
    ["--rounds"] = function(v) o.rounds = count(v, "--rounds") end,
    ["--reps"] = function(v) o.reps = count(v, "--reps") end,
    ["--core"] = function(v) o.core = count(v, "--core") end,
  }
  local i = 1
  while i <= #args do
    local name = args[i]
    if name == "--quick" then
      o.rounds, o.reps = 1, 2
    elseif take[name] then
      i = i + 1
      if not args[i] then fail("%s wants a value", name) end
      take[name](args[i])
    else
      fail("unknown option %q; see bench/README.md", name)
    end
    i = i + 1
  end
  if o.rounds < 1 or o.reps < 1 then fail("at least one round of one repetition") end
  return o
end

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- The lines that a command printed (errors among them), and whether it left with status 0.
local function lines_of(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  return lines, (pipe:close())
end

local function schema(name, database)
  return quote(("%s/schema/%s%s.sql"):format(env.DIR, name, database))
end

local function where(database)
  return quote(database == "sqlite" and env.SQLITE or env.POSTGRES)
end

local function floor_program(database)
  return quote(env.BUILD .. "/floor-" .. database)
end

local function script(database, file)
  local lines, ok = lines_of(("%s script %s %s"):format(floor_program(database), where(database), file))
  if not ok then fail("%s: %s", file, table.concat(lines, " ")) end
end

local function command(peer, database, workload, reps)
  local tail = ("%s %s %d %s %s"):format(where(database), workload, reps, schema("reset-", database),
    schema("written", ""))
  if not peer.runtime then return floor_program(database) .. " run " .. tail end
  local lua_path = ("%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;;"):format(env.ROOT, env.ROOT, env.DIR)
  local core_path = ("%s/%s/?.so;%s/%s/?.so;;"):format(env.BUILD, peer.runtime, env.ROWAN_BUILD, peer.runtime)
  return ("env LUA_PATH=%s LUA_CPATH=%s %s %s %s %s %s"):format(quote(lua_path), quote(core_path),
    peer.runtime, quote(env.DIR .. "/peer.lua"), peer.name, database, tail)
end

-- Reads a peer's lines into the cell; a peer that failed leaves the last line of what it said.
local function read_cell(cell, lines, ok)
  local known = {
    deep = function(v) cell.deep[#cell.deep + 1] = v end,
    ops = function(v) cell.ops = tonumber(v) end,
    peak_kb = function(v) cell.peak_kb = math.max(cell.peak_kb or 0, tonumber(v)) end,
    none = function() cell.none = true end,
    rep = function(v)
      local seconds, cpu, sum = v:match("^(%S+) (%S+) (%S+)$")
      cell.times[#cell.times + 1] = tonumber(seconds)
      cell.cpu[#cell.cpu + 1] = tonumber(cpu)
      cell.sums[#cell.sums + 1] = sum
    end,
  }
  local said = {}
  for _, line in ipairs(lines) do
    local word, rest = line:match("^(%S+) ?(.*)$")
    if known[word] then known[word](rest) else said[#said + 1] = line end
  end
  if not ok then cell.failed = said[1] or "left without a word" end
end

local function new_cell()
  return { times = {}, cpu = {}, sums = {}, deep = {} }
end

-- A writer sets back what it wrote; this is for what it left when it failed, and for the dead rows.
local function set_back(database)
  script(database, schema("reset-", database))
  script(database, schema("tidy-", database))
end

local function measure(o, database, workload, cells)
  for round = 1, o.rounds do
    for k = 1, #o.peers do
      -- every round begins with another peer, so that none always follows the same one
      local name = o.peers[(k + round - 2) % #o.peers + 1]
      local cell = cells[name] or new_cell()
      cells[name] = cell
      if not cell.failed and not cell.none then
        if WRITES[workload] then set_back(database) end
        read_cell(cell, lines_of(command(PEERS[name], database, workload, o.reps)))
      end
    end
  end
  if WRITES[workload] then set_back(database) end
end

local function plan(o)
  local runtimes, seen = {}, {}
  for _, name in ipairs(o.peers) do
    local peer = PEERS[name]
    if peer.rowan and not seen[peer.runtime] then
      seen[peer.runtime] = true
      runtimes[#runtimes + 1] = peer.runtime
    end
  end
  print(o.core, table.concat(o.db, ","), table.concat(runtimes, " "))
end

local function wanted(o, database)
  local list = {}
  for _, workload in ipairs(o.only) do
    if not (LEFT_OUT[database] or {})[workload] then list[#list + 1] = workload end
  end
  return list
end

local function measure_all(o, database, only)
  script(database, schema("", database))
  local results = {}
  report.heading(database, o, env.VERSIONS)
  for _, workload in ipairs(only) do
    results[workload] = {}
    measure(o, database, workload, results[workload])
    report.workload(database, workload, o.peers, results[workload])
  end
  report.targets(database, { only = only, peers = o.peers }, results)
end

local function run(o)
  for _, database in ipairs(o.db) do
    local only = wanted(o, database)
    if only[1] then measure_all(o, database, only) end
  end
  os.exit(report.wrong and 1 or 0)
end

local function main(what, ...)
  local o = parse({ ... })
  if what == "plan" then plan(o) else run(o) end
end

main(...)
