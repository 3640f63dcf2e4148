--- The clock of timestamps, replaceable in tests through rowan.setClock.

local errors = require("rowan.base.errors")

local clock = {
  ---Whether it is the real one.
  real = true,
}

local replacement

---Replaces the clock: `fn` returns an ISO 8601 text or seconds since the epoch; nil gives the real one back.
---@param fn? fun(): string|number
function clock.set(fn)
  if fn ~= nil and type(fn) ~= "function" then
    errors.raise("UsageError", { message = "rowan.setClock wants a function or nil" })
  end
  replacement, clock.real = fn, fn == nil
end

---What the replacement says, nil when there is none.
---@return string|number|nil
function clock.now()
  return replacement and replacement()
end

return clock
