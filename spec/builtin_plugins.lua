-- The plugins that a definition gets by its options, for specs that make definitions without a database.
local LIST = {
  require("rowan.plugins.timestamps"), require("rowan.plugins.paranoid"), (require("rowan.plugins.version")),
}

return function(def)
  local used = {}
  for _, one in ipairs(LIST) do
    if one.enabled(def.options) then used[#used + 1] = { plugin = one, options = {} } end
  end
  return used
end
