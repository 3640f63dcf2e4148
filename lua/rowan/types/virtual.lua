--- VIRTUAL: an attribute without a column.

local family = require("rowan.types.family")

local virtual = {}

local function anything(v) return v end

virtual.VIRTUAL = family.define({
  key = "VIRTUAL",
  parse = function(fail, ...)
    local options = family.options(fail, { "returns", "dependencies" }, ...)
    local returns, dependencies = options.returns, options.dependencies
    if returns ~= nil and (not family.is(returns) or returns.incomplete or not returns.code) then
      fail("wants the type of its value first, as in VIRTUAL(DataTypes.STRING, { \"name\" })")
    end
    if dependencies ~= nil and type(dependencies) ~= "table" then
      fail("wants a list of attributes second")
    end
    for _, name in ipairs(dependencies or {}) do
      if type(name) ~= "string" then fail("wants names of attributes in its list") end
    end
    return options
  end,
  build = function(options)
    local returns = options.returns
    return {
      virtual = true, returns = returns, dependencies = options.dependencies or {},
      cast = returns and returns.cast or anything, equal = returns and returns.equal,
    }
  end,
})

return virtual
