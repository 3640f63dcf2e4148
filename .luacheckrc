-- The common language of Lua 5.4 and LuaJIT (Lua 5.1), and what is looked at behind a guard.
std = "min"
max_line_length = 120
-- An annotation cannot be wrapped.
max_comment_line_length = 180
cache = false
unused_args = false
exclude_files = { "build*", ".luarocks" }

read_globals = {
  "unpack", "jit",
  coroutine = { fields = { "close", "isyieldable" } },
  math = { fields = { "tointeger", "type", "maxinteger", "mininteger" } },
  table = { fields = { "unpack", "pack", "move" } },
}

files["spec/**/*.lua"] = { std = "min+busted", max_line_length = 140 }
files["docs/layers.lua"] = { max_line_length = false }
files["rockspec/*.rockspec"] = { std = "+rockspec" }
