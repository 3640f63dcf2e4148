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

--- Gives a row that was just inserted a snapshot; layout is a statement whose columns describe the values. A NULL
--- among them is no field of the row any more; so it is with update.
---@type fun(row: table, template: table, layout: userdata, values: table): table
M.adopt = core.adopt

--- The same for many rows at once; `values` is a list with one table for each.
---@type fun(rows: table[], template: table, layout: userdata, values: table[]): table[]
M.adopt_all = core.adopt_all

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

--- What the core knows of a model's attributes, one for each in their order. kind, low, high, length and words are a
--- type's `plain`; nullable: NULL may be stored; optional: may be left out of an INSERT; generated: NULL in an INSERT
--- means left out; key: says which row it is; stamped: an INSERT gives it the time; default, computed: what it gives else is always that, or made
--- by Lua.
---@type fun(list: table[]): userdata
M.fields = core.fields

--- A table of its own with what is given, and that metatable; nil and a key that is no field.
---@type fun(fields: userdata, given: table, metatable: table): table|nil, any
M.build = core.build

--- `build` and `collect` in one: the row and its key, or nil when something about it is not known to be right as it is.
---@type fun(fields: userdata, given: any, metatable: table, now: string|boolean|nil): table|nil, number|string|nil
M.create = core.create

--- The same for a list: the rows, the keys that occur, and the rows of each key, in their order; or nil.
---@type fun(fields: userdata, list: any[], metatable: table, now: string|boolean|nil): table[]|nil, number[]|nil, table[][]|nil
M.create_all = core.create_all

--- Which fields of a row take part in its INSERT, as a key, then the positions of those that are not known to be right
--- as they are. Fields that the time belongs into get `now`, or with true the core's own.
---@type fun(fields: userdata, row: table, now: string|boolean|nil): number|string, ...
M.collect = core.collect

--- What differs from what was read: nil when nothing does, false when only `changed` can tell; else a table of the new
--- values (null for NULL) and the fields marked `key`, which did not change; the key of what changed; then positions as
--- from `collect`. others: names that a row may have beside.
---@type fun(fields: userdata, row: table, others: table, equal: function): table|boolean|nil, number|string, ...
M.dirty = core.dirty

return M
