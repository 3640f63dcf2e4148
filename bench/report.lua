-- Prints what bench/harness.lua measured: a block a workload, then the ratios beside the targets.
--
-- A cell is one peer's samples of one workload: { times, cpu (seconds), sums, deep (texts), ops, peak_kb }
-- and, where it applies, none = true, failed = text. A cell whose checksums are not the reference's
-- is marked WRONG and takes part in no ratio.

local targets = require("targets")

local M = { wrong = false }

-- How far the ratio of medians and the ratio of bests may lie apart before a cell counts as noisy.
local NOISY = 1.25
-- On SQLite the client does everything: more time than this multiple of its CPU time means that something
-- else had the core too.
local SHARED = 1.1

local function sorted(list)
  local copy = {}
  for i, v in ipairs(list) do copy[i] = v end
  table.sort(copy)
  return copy
end

local function median(list)
  local s = sorted(list)
  local n = #s
  if n % 2 == 1 then return s[(n + 1) / 2] end
  return (s[n / 2] + s[n / 2 + 1]) / 2
end

local function best(list)
  return sorted(list)[1]
end

local function usable(cell)
  return cell and not cell.failed and not cell.none and not cell.wrong and #cell.times > 0
end

local function all_equal(list, value)
  for _, v in ipairs(list) do
    if v ~= value then return false end
  end
  return true
end

-- Marks cells that did not do the work of the reference: c-lua, or the first peer that has samples.
local function check(peers, cells)
  local reference = cells["c-lua"]
  for _, name in ipairs(peers) do
    if not reference or #reference.times == 0 then reference = cells[name] end
  end
  for _, name in ipairs(peers) do
    local cell = cells[name]
    if #cell.times > 0 and #reference.times > 0
      and not (all_equal(cell.sums, reference.sums[1]) and all_equal(cell.deep, reference.deep[1])) then
      cell.wrong = true
      M.wrong = true
    end
    if cell.failed then M.wrong = true end
  end
end

-- The ratio of medians to c-lua's, and the ratio of bests; nil where one of the two is missing.
local function ratios(cell, floor)
  if not usable(cell) or not usable(floor) then return nil end
  return median(cell.times) / median(floor.times), best(cell.times) / best(floor.times)
end

local function is_noisy(database, cell, floor)
  local ratio, by_best = ratios(cell, floor)
  if database == "sqlite" and median(cell.times) > SHARED * median(cell.cpu) then return true end
  return ratio ~= nil and math.max(ratio / by_best, by_best / ratio) > NOISY
end

local function thousands(n)
  local text = ("%.0f"):format(n)
  while true do
    local more, changed = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
    if changed == 0 then return text end
    text = more
  end
end

local function number(v)
  return v and ("%.2f"):format(v)
end

function M.heading(database, o, versions)
  print(("\n== %s: client and server on core %d, %d round%s of %d, %s"):format(
    database == "postgres" and "PostgreSQL" or "SQLite", o.core, o.rounds, o.rounds == 1 and "" or "s",
    o.reps, versions))
end

local function line(name, cell, floor, noisy)
  if cell.none then return end
  if cell.failed then return print(("  %-11s failed: %s"):format(name, cell.failed)) end
  if cell.wrong then
    return print(("  %-11s WRONG: checksum %s, deep %s"):format(name, cell.sums[1], cell.deep[1]))
  end
  local middle, ratio, by_best = median(cell.times), ratios(cell, floor)
  print(("  %-11s %11s %9.3f %9.3f %8s %8s%s %10.2f %8.1f"):format(name, thousands(cell.ops / middle),
    middle * 1e3, best(cell.times) * 1e3, number(ratio) or "", number(by_best) or "", noisy and "~" or " ",
    median(cell.cpu) / cell.ops * 1e6, cell.peak_kb / 1024))
end

function M.workload(database, workload, peers, cells)
  local floor = cells["c-lua"]
  check(peers, cells)
  print(("\n%s %s"):format(workload, targets.titles[workload]))
  print(("  %-11s %11s %9s %9s %8s %8s  %10s %8s"):format("peer", "ops/s", "median ms", "best ms", "x c-lua",
    "by best", "CPU us/op", "peak MB"))
  for _, name in ipairs(peers) do
    local cell = cells[name]
    line(name, cell, floor, usable(cell) and is_noisy(database, cell, floor))
  end
  io.stdout:flush()
end

-- Half-way to a target is half the speed that it asks for. A noisy cell, or one over a noisy floor, is not
-- judged.
local function verdict(database, cell, floor, must, goal)
  local ratio = ratios(cell, floor)
  if not ratio then return "" end
  if is_noisy(database, cell, floor) or is_noisy(database, floor, floor) then return "noisy" end
  if ratio <= goal then return "goal" end
  if ratio <= must then return "must" end
  if ratio <= 2 * must then return "half-way" end
  return "short"
end

local function table_row(title, workloads, text)
  local cells = {}
  for i, w in ipairs(workloads) do cells[i] = ("%9s"):format(text(w) or "") end
  print(("  %-11s%s"):format(title, table.concat(cells)))
end

local function memory_line(results)
  local cells = results[targets.memory.workload]
  if not cells or not usable(cells.models) or not usable(cells["c-lua"]) then return end
  print(("  peak memory of %s as models: %.2f times c-lua's (must %.2f)"):format(targets.memory.workload,
    cells.models.peak_kb / cells["c-lua"].peak_kb, targets.memory.must))
end

function M.targets(database, o, results)
  local aims = targets[database]
  print("\nTimes c-lua's median, and the targets")
  table_row("", o.only, function(w) return w end)
  for _, name in ipairs(o.peers) do
    table_row(name, o.only, function(w) return number((ratios(results[w][name], results[w]["c-lua"]))) end)
  end
  for _, aim in ipairs({ "must", "goal", "orm" }) do
    table_row(aim == "orm" and "best ORM" or aim, o.only, function(w) return number(aims[aim][w]) end)
  end
  for _, name in ipairs({ "models", "models-jit" }) do
    if results[o.only[1]][name] then
      table_row(name .. ":", o.only, function(w)
        return verdict(database, results[w][name], results[w]["c-lua"], aims.must[w], aims.goal[w])
      end)
    end
  end
  memory_line(results)
end

return M
