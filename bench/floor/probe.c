/* bench_probe: the clocks of bench.h for bench/peer.lua, which runs on Lua 5.4 and LuaJIT. */
#include <lauxlib.h>
#include <lua.h>

#include "bench.h"

static int l_now(lua_State *L) {
  lua_pushnumber(L, bench_now_s());
  return 1;
}

static int l_cpu(lua_State *L) {
  lua_pushnumber(L, bench_cpu_s());
  return 1;
}

static int l_peak_kb(lua_State *L) {
  lua_pushinteger(L, bench_peak_kb());
  return 1;
}

int luaopen_bench_probe(lua_State *L);

int luaopen_bench_probe(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, l_now);
  lua_setfield(L, -2, "now");
  lua_pushcfunction(L, l_cpu);
  lua_setfield(L, -2, "cpu");
  lua_pushcfunction(L, l_peak_kb);
  lua_setfield(L, -2, "peak_kb");
  return 1;
}
