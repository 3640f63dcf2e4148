--- Soft deletes: destroy writes the time into deletedAt, and queries leave such rows out unless they say
--- `paranoid = false`.

local null = require("rowan.base.null")
local types = require("rowan.types")

---@type rowan.Plugin
return {
  name = "paranoid",

  enabled = function(options) return options.paranoid or false end,

  define = function(draft)
    if draft.options.timestamps == false then draft:fail("paranoid needs timestamps") end
    local name = draft:option_name("deletedAt") or draft:fail("paranoid needs deletedAt")
    draft:attribute(name, { type = types.DataTypes.DATE, allowNull = true }, "a timestamp", "deleted")
    draft:filter({ option = "paranoid", where = { [name] = null } })
  end,
}
