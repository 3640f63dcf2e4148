--- SQL NULL as a Lua value: the light userdata NULL, which is also `cjson.null` and `ngx.null`. `nil` means
--- "not given".

return require("cjson").null
