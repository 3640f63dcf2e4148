--- createdAt and updatedAt: the times at which a row was made and last changed. The option `timestamps` turns them off,
--- `createdAt` and `updatedAt` rename one or turn it off. The stamping itself is the core's, which does it
--- while it collects a row's values.

local types = require("rowan.types")

local DATE = types.DataTypes.DATE

---@type rowan.Plugin
return {
  name = "timestamps",

  enabled = function(options) return options.timestamps ~= false end,

  define = function(draft)
    for _, one in ipairs({ { "createdAt", "created" }, { "updatedAt", "updated" } }) do
      local name = draft:option_name(one[1])
      if name then
        draft:attribute(name, { type = DATE, allowNull = false }, "a timestamp")
        draft:stamp(name, one[2])
      end
    end
  end,
}
