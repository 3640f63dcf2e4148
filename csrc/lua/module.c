/* luaopen_rowan_core: checks that it runs in the Lua it was built for, makes the userdata types and returns
 * the module's table. The one symbol of the library that others see. */
#include "lua/binding.h"

#include <string.h>

/* Raises when this is not the Lua of the build. It comes before any call of a function that the other Lua may
 * lack, so it uses only what every Lua since 5.1 exports under one name: luaL_callmeta is the one way to call
 * a function that is neither a macro nor of changed arguments anywhere. */
static void check_runtime(lua_State *L) {
  static const char probe[] =
      "return _VERSION .. (type(jit) == 'table' and jit.version and '/' .. jit.version or '')";
  if (luaL_loadstring(L, probe) != 0) return;
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__probe");
  lua_setmetatable(L, -2);
  luaL_callmeta(L, -1, "__probe");
  const char *version = lua_tolstring(L, -1, NULL);
  const char *jit = version ? strchr(version, '/') : NULL;
  int base = version ? (int)(jit ? jit - version : (long)strlen(version)) : 0;
#if LUA_VERSION_NUM == 504
  bool right = version && !jit && strcmp(version, "Lua 5.4") == 0;
  const char *built = "Lua 5.4";
#else
  bool right = version && jit && strncmp(version, "Lua 5.1", (size_t)base) == 0;
  const char *built = "LuaJIT 2.1 (Lua 5.1)";
#endif
  if (!right) {
    const char *advice = jit ? "build it again with -DROWAN_LUA=luajit"
                         : version && strcmp(version, "Lua 5.4") == 0
                             ? "build it again with -DROWAN_LUA=lua5.4"
                             : "rowan runs in Lua 5.4 and LuaJIT 2.1";
    char name[64] = "an unknown Lua";
    if (version && base < 24) {
      /* "LuaJIT 2.1.0-beta3" -> "LuaJIT 2.1" */
      size_t length = jit ? strcspn(jit + 1, "-") : 0;
      if (length > 10) length = 10;
      strcpy(name, "");
      if (jit) strncat(name, jit + 1, length);
      if (jit) strcat(name, " (");
      strncat(name, version, (size_t)base);
      if (jit) strcat(name, ")");
    }
    luaL_error(L, "rowan.core was built for %s but is loaded by %s; %s", built, name, advice);
  }
  lua_settop(L, -4);
}

/* [-0, +1] */
static void type_push(lua_State *L, const char *name) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name); /* Lua 5.1 does not set it */
  lua_setfield(L, -2, "__name");
}

/* Gives functions the upvalues, which are at 1..RN_UP_COUNT, and puts them into the table at index. */
static void set_functions(lua_State *L, int table, const luaL_Reg *functions) {
  lua_pushvalue(L, table);
  for (int i = 1; i <= RN_UP_COUNT; i++) lua_pushvalue(L, i);
  luaL_setfuncs(L, functions, RN_UP_COUNT);
  lua_settop(L, -2);
}

/* The methods of a type and its metamethods live in one table, the metatable, which is its own __index. */
static void set_methods(lua_State *L, int type, const luaL_Reg *methods) {
  set_functions(L, type, methods);
  lua_pushvalue(L, type);
  lua_setfield(L, type, "__index");
}

/* [-0, +RN_UP_COUNT] */
static void push_upvalues(lua_State *L) {
  type_push(L, RN_LUA_POOL);
  type_push(L, RN_LUA_LEASE);
  type_push(L, RN_LUA_TICKET);
  type_push(L, RN_LUA_STATEMENT);
  type_push(L, "rowan.snapshot");
  type_push(L, "rowan.layout");
  type_push(L, "rowan.fields");
  rn_lua_scratch_push(L);
  lua_pushliteral(L, "n");
  lua_pushnil(L);
  for (int i = 1; i <= RN_UP_COUNT; i++) lua_pushvalue(L, i);
  lua_pushcclosure(L, rn_lua_guard, RN_UP_COUNT);
  lua_replace(L, RN_UP_GUARD);
}

RN_EXPORT int luaopen_rowan_core(lua_State *L);

RN_EXPORT int luaopen_rowan_core(lua_State *L) {
  static const luaL_Reg makers[] = {
      {"open", rn_lua_pool_open}, {"statement", rn_lua_statement_new}, {NULL, NULL}};
  check_runtime(L);
  lua_settop(L, 0);
  luaL_checkstack(L, 3 * RN_UP_COUNT, NULL);
  push_upvalues(L);
  set_methods(L, RN_UP_POOL, rn_lua_pool_methods);
  set_methods(L, RN_UP_LEASE, rn_lua_lease_methods);
  set_methods(L, RN_UP_TICKET, rn_lua_ticket_methods);
  set_methods(L, RN_UP_STATEMENT, rn_lua_statement_methods);
  lua_newtable(L);
  int module = lua_gettop(L);
  set_functions(L, module, makers);
  set_functions(L, module, rn_lua_snapshot_functions);
  set_functions(L, module, rn_lua_collect_functions);
  set_functions(L, module, rn_lua_runtime_functions);
  set_functions(L, module, rn_lua_helper_functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, module, "null");
  lua_pushliteral(L, RN_LUA_VERSION);
  lua_setfield(L, module, "VERSION");
  lua_pushliteral(L, RN_LUA_NAME);
  lua_setfield(L, module, "LUA");
  return 1;
}
