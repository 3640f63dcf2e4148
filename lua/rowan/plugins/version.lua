--- Optimistic locking: a number that each write of a row adds one to. A save or destroy looks for the number that the row
--- was read with; when another write came first, it finds nothing and raises OptimisticLockError.

local types = require("rowan.types")

---@type rowan.Plugin
return {
  name = "version",

  enabled = function(options) return options.version and true or false end,

  define = function(draft)
    local name = type(draft.options.version) == "string" and draft.options.version or "version"
    draft:attribute(name, { type = types.DataTypes.INTEGER, allowNull = false, defaultValue = 0 }, "the version",
      "version")
  end,
}
