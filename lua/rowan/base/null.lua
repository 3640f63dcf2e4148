--- SQL NULL as a Lua value: the light userdata NULL, which is also `cjson.null` and `ngx.null`. `nil` means
--- "not given".

---@type any
local null = require("cjson").null

return null
