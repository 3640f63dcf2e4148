-- What a row remembers of how it was read (snapshots live in the core), for model/ and change/.
local core = require "rowan.core"

local M = {}

--- The keys whose fields differ from what was read, in column order; nil when none do.
---@type fun(row: table, equal: (fun(key: string, original: string, current: any): boolean)|nil): string[]|nil
M.changed = core.changed

--- The value as it was read, nil for NULL; then false when the key was not part of what was read.
---@type fun(row: table, key: string): any, boolean|nil
M.original = core.original

--- Whether the key was part of what was read or written.
---@type fun(row: table, key: string): boolean
M.has = core.has

--- Gives a row that was just inserted a snapshot; layout is a statement whose columns describe the values.
---@type fun(row: table, template: table, layout: userdata, values: table): table
M.adopt = core.adopt

--- Replaces the remembered values of some keys (null for NULL) after a write.
---@type fun(row: table, values: table)
M.update = core.update

--- An opaque copy of what a row remembers, for a transaction that may roll back.
---@type fun(row: table): userdata
M.snapshot = core.snapshot

--- Puts back what `snapshot` gave.
---@type fun(row: table, copy: userdata)
M.restore = core.restore

--- Whether a value is a row with a snapshot.
---@type fun(value: any): boolean
M.isrow = core.isrow

return M
