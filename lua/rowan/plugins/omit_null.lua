--- The option `omitNull` of a model: what change/omit does for one call, for all of them. A call says `omitNull = false`.

local omit = require("rowan.change.omit")
local null = require("rowan.base.null")

local function is_on(options)
  return not options or options.omitNull ~= false
end

local function one(next_one, change)
  if is_on(change.options) then omit.row(change.model.definition, change.row) end
  return next_one()
end

---@type rowan.Plugin
return {
  name = "omitNull",

  enabled = function(options) return options.omitNull or false end,

  write = {
    insert = one,
    update = one,

    bulkInsert = function(next_one, change)
      for _, row in ipairs(is_on(change.options) and change.rows or {}) do omit.row(change.model.definition, row) end
      return next_one()
    end,

    bulkUpdate = function(next_one, change)
      if is_on(change.options) then change.values = omit.changes(change.model.definition, change.values) end
      return next_one()
    end,
  },

  hooks = {
    beforeUpsert = function(values, options)
      for name, value in pairs(is_on(options) and values or {}) do
        if value == null then values[name] = nil end
      end
    end,
  },
}
