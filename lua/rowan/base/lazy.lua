--- Modules that many programs never need, loaded when they are first used: their requirer holds this in their place. The
--- `require` stays with the requirer, by a literal name, so that the layers can be checked.

---A stand-in for a module.
---@generic T: table
---@param load fun(): T, ... requires it
---@return T
return function(load)
  local meta = {}
  function meta.__index(_, name)
    local module = load()
    meta.__index = module
    return module[name]
  end
  return setmetatable({}, meta)
end
