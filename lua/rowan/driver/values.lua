-- The core's helpers for values, for types/ and change/: parsing and canonical text, the clock, random bytes.
local core = require "rowan.core"

local M = {}

--- The canonical ISO text of an instant (ISO text with a zone, or seconds since the epoch); nil for others.
---@type fun(value: string|number): string|nil
M.timestamp = core.timestamp

--- The canonical ISO text of this moment, to the millisecond.
---@type fun(): string
M.now = core.now

--- Whether the text is a day that exists, YYYY-MM-DD.
---@type fun(text: string): boolean
M.date = core.date

--- The canonical HH:MM:SS[.f] of a time of day; nil when it is none.
---@type fun(text: string): string|nil
M.time = core.time

--- The canonical lower-case spelling of a UUID; nil when it is none.
---@type fun(text: string): string|nil
M.uuid = core.uuid

--- Exact decimal text; nil when digits would be lost. precision 0: any; scale -1: any.
---@type fun(value: string|number, precision: integer, scale: integer): string|nil
M.decimal = core.decimal

--- Whether the bytes are well-formed UTF-8 without NUL.
---@type fun(bytes: string): boolean
M.utf8 = core.utf8

--- n random bytes of the operating system.
---@type fun(n: integer): string
M.random = core.random

--- Milliseconds of a clock that never jumps, for measuring.
---@type fun(): number
M.monotonic = core.monotonic

return M
