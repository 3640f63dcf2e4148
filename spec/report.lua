-- busted's output for scripts/test: failures in full, and "passed failed skipped" in the file that -Xoutput
-- names. busted's own TAP and JSON lose what fails outside of a test (an after_each that finds a leak, a file
-- that does not load); this one counts it. Without a file (busted -o spec/report.lua) it prints the numbers.
local busted = require "busted"
local base = require "busted.outputHandlers.base"

local function text_of(message)
  if type(message) == "table" and getmetatable(message) and getmetatable(message).__tostring then
    return tostring(message) .. (message.traceback or "")
  elseif type(message) == "table" then
    return require("pl.pretty").write(message)
  end
  return tostring(message)
end

local function indent(text)
  return "    " .. text:gsub("\n", "\n    ")
end

return function(options)
  local handler = base()
  local target = options.arguments and options.arguments[1]
  local counts = { passed = 0, failed = 0, skipped = 0 }
  local reasons = {}

  local function failed(element, message, trace)
    counts.failed = counts.failed + 1
    local at = element.trace or trace or {}
    local where = at.short_src and (at.short_src .. ":" .. tostring(at.currentline) .. ": ") or ""
    io.write("FAILED ", where, handler.getFullName(element), "\n", indent(text_of(message)), "\n")
    if trace and trace.traceback then io.write(indent(trace.traceback:gsub("^\n", "")), "\n") end
    io.flush()
  end

  local function on_trouble(element, _, message, trace)
    failed(element, message, trace)
    return nil, true
  end

  local function on_pending(element, _, message)
    reasons[tostring(element)] = message
    return nil, true
  end

  local function on_end(element, _, status)
    if status == "success" then
      counts.passed = counts.passed + 1
    elseif status == "pending" then
      counts.skipped = counts.skipped + 1
      io.write("skipped ", handler.getFullName(element), "\n")
      local reason = reasons[tostring(element)]
      if reason then io.write(indent(text_of(reason)), "\n") end
    end
    return nil, true
  end

  local function on_suite_end()
    local line = counts.passed .. " " .. counts.failed .. " " .. counts.skipped
    if target then
      local file = assert(io.open(target, "w"))
      file:write(line, "\n")
      file:close()
    else
      io.write(counts.passed, " passed, ", counts.failed, " failed, ", counts.skipped, " skipped\n")
    end
    return nil, true
  end

  busted.subscribe({ "failure" }, on_trouble)
  busted.subscribe({ "error" }, on_trouble)
  busted.subscribe({ "pending" }, on_pending)
  busted.subscribe({ "test", "end" }, on_end)
  busted.subscribe({ "suite", "end" }, on_suite_end)
  return handler
end
