-- Runs one workload of one Lua peer and prints what it took; started by bench/harness.lua, one process a
-- workload, so that the peak memory is the workload's own.
--
--   lua5.4 peer.lua <peer> <database> <where> <workload> <repetitions> <reset.sql> <written.sql>
--
-- peer: c-lua, raw or models. Prints `deep` (a checksum over every byte, of an untimed first repetition),
-- then `rep` (seconds, CPU seconds, checksum) for each timed one, then `ops` and `peak_kb`; `none` says that it
-- has no such operation.
--
-- A peer has: open(database, where, connections), exec(sql), number(sql) -> first column of the first row,
-- transaction(fn), and of the following those that it can do: find(id), all(), filter(low, high, names,
-- limit), create(values), bulk(list), first(limit), parents(limit), nested(limit), save(user), pair(a, b),
-- flight(workers, queries, key, each): each(user) for find(key(i)) of i = 1..queries.

local probe = require("bench_probe")
local workloads = require("workloads")

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The statements of such a file: separated by a line of `--;`, with whole lines of comment left out.
local function statements(path)
  local list, lines = {}, {}
  for line in (read_file(path) .. "\n--;\n"):gmatch("(.-)\n") do
    if line == "--;" then
      list[#list + 1] = table.concat(lines, "\n")
      lines = {}
    elseif line:sub(1, 2) ~= "--" then
      lines[#lines + 1] = line
    end
  end
  return list
end

local function c_lua(database)
  local peer = require("floor_" .. database)
  local open = peer.open
  peer.open = function(_, where) open(where) end
  peer.transaction = function(fn)
    peer.begin()
    fn()
    peer.commit()
  end
  return peer
end

local function new_peer(name, database)
  if name == "c-lua" then return c_lua(database) end
  return require("rowan_peer").new(name)
end

local function measure(peer, workload, repetitions, reset, check)
  local function set_back()
    if not workload.writes then return end
    for _, sql in ipairs(reset) do peer.exec(sql) end
  end
  local function input()
    return workload.input and workload.input(peer)
  end
  local sum = workload.run(peer, input(), workloads.deep)
  print(("deep %.3f"):format(workload.writes and peer.number(check) or sum))
  for _ = 1, repetitions do
    set_back()
    local rows = input()
    collectgarbage()
    collectgarbage()
    local start, cpu = probe.now(), probe.cpu()
    sum = workload.run(peer, rows, workloads.quick)
    local stop, cpu_stop = probe.now(), probe.cpu()
    print(("rep %.9f %.9f %.3f"):format(stop - start, cpu_stop - cpu, sum))
  end
  set_back()
end

local function main(name, database, where, wanted, repetitions, reset, written)
  local peer = new_peer(name, database)
  for _, workload in ipairs(workloads.list) do
    if workload.name == wanted then
      peer.open(database, where, workload.connections or 1)
      if not peer[workload.needs] then return print("none") end
      measure(peer, workload, tonumber(repetitions), statements(reset), statements(written)[1])
      print("ops " .. workload.operations)
      return print("peak_kb " .. probe.peak_kb())
    end
  end
  print("none")
end

main(...)
