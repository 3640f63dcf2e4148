rockspec_format = "3.0"
package = "rowan"
version = "scm-1"

-- For `luarocks make`, which builds the checkout it is run in and never looks here. A rockspec that is to be
-- uploaded needs the repository's public address.
source = {
  url = "git+file://.",
}

description = {
  summary = "A data layer for Lua with a C core: models, associations, transactions on PostgreSQL and SQLite",
  detailed = [[
    Models in the manner of Sequelize for Lua 5.4 and LuaJIT. Statements run through libpq and SQLite without
    blocking: one descriptor stands for all that is under way, for plain Lua, event loops and nginx alike.
  ]],
  license = "MIT",
  labels = { "database", "orm", "postgresql", "sqlite", "openresty" },
}

-- lua-cjson is needed too. It is not listed because distributions ship it as a package that LuaRocks does not
-- see: listed, `luarocks make` would want to fetch and build a second one, and fail without a network. Debian's
-- package lua-cjson gives it, and so does `luarocks install lua-cjson`.
dependencies = {
  "lua >= 5.1", -- Lua 5.4, or LuaJIT, which counts as 5.1; CMake refuses all others by name
}

-- No header for PGSQL: on Debian libpq-fe.h is in a folder that LuaRocks does not search. CMake does.
external_dependencies = {
  PGSQL = { library = "pq" },
  SQLITE = { header = "sqlite3.h", library = "sqlite3" },
}

build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    LUA_INCDIR = "$(LUA_INCDIR)", -- says which Lua it is for
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    ROWAN_CFLAGS = "$(CFLAGS)",
    PGSQL_DIR = "$(PGSQL_DIR)",
    PGSQL_INCDIR = "$(PGSQL_INCDIR)",
    PGSQL_LIBDIR = "$(PGSQL_LIBDIR)",
    SQLITE_INCDIR = "$(SQLITE_INCDIR)",
    SQLITE_LIBDIR = "$(SQLITE_LIBDIR)",
  },
}
