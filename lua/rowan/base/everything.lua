--- `rowan.all`: the word for "every row" in `where`, and, called with functions, what runs them together. One value
--- serves both, so it lives below everything; init.lua makes it callable.

return setmetatable({}, {
  __tostring = function() return "rowan.all" end,
  __newindex = function() error("rowan.all is no table of conditions; make one of your own", 2) end,
})
