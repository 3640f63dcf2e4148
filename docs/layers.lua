-- The layers of rowan, lowest first: a file may use its own directory and those listed for it, nothing else.
-- spec/architecture_spec.lua reads every `require` and `#include` against this table.
return {
  lua = {
    { dir = "base", uses = {} },
    { dir = "driver", uses = { "base" } }, -- and the only one that may require rowan.core
    { dir = "types", uses = { "base", "driver" } },
    { dir = "sql", uses = { "base", "types" } },
    { dir = "dialect", uses = { "base", "types", "sql" } },
    { dir = "schema", uses = { "base", "types", "sql", "dialect" } },
    { dir = "association", uses = { "base", "types", "schema" } },
    { dir = "change", uses = { "base", "types", "schema", "driver" } },
    { dir = "query", uses = { "base", "types", "sql", "dialect", "schema", "association" } },
    { dir = "repo", uses = { "base", "driver", "types", "sql", "dialect", "schema", "association", "change", "query" } },
    { dir = "model", uses = { "base", "driver", "types", "sql", "schema", "association", "change", "query", "repo" } },
    { dir = "plugins", uses = { "base", "types", "schema", "change", "query", "repo", "model" } },
    { dir = ".", uses = { "base", "driver", "types", "sql", "dialect", "schema", "association", "change", "query", "repo", "model",
      "plugins" } },
  },
  c = {
    { dir = "base", uses = {} },
    { dir = "value", uses = { "base" } },
    { dir = "driver", uses = { "base", "value" } },
    { dir = "core", uses = { "base", "value", "driver" } },
    { dir = "exec", uses = { "base", "value", "driver", "core" } },
    { dir = "lua", uses = { "base", "value", "driver", "core", "exec" } },
  },
  -- Foreign headers have one home each.
  headers = { ["lua.h"] = "lua", ["lauxlib.h"] = "lua", ["lualib.h"] = "lua", ["libpq-fe.h"] = "driver", ["sqlite3.h"] = "driver" },
}
