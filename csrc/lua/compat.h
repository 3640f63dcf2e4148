/* Lua 5.4 and LuaJIT 2.1 (Lua 5.1's C API) made one. Every difference between the two that csrc/lua meets is
 * here; the other files use this header instead of lua.h. No state, no threads. */
#ifndef RN_LUA_COMPAT_H
#define RN_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#include "base/config.h"

#if LUA_VERSION_NUM == 504
#define RN_LUA_NAME "5.4"
#elif LUA_VERSION_NUM == 501 && defined(LUA_GCISRUNNING)
#define RN_LUA_NAME "luajit" /* PUC Lua 5.1 has no LUA_GCISRUNNING */
#else
#error "rowan.core builds against Lua 5.4 or LuaJIT 2.1"
#endif

/* Doubles hold every integer up to here; a LuaJIT number beyond it is not trusted to be one. */
#define RN_LUA_EXACT_MAX ((int64_t)1 << 53)

/* What one runtime has and the other lacks is weak, so that the loader (which binds at once) lets a module
 * that was built for the wrong Lua in, and luaopen can say what is wrong instead of "undefined symbol". */
#if LUA_VERSION_NUM == 504
#pragma weak lua_callk
#pragma weak lua_copy
#pragma weak lua_getiuservalue
#pragma weak lua_isinteger
#pragma weak lua_newuserdatauv
#pragma weak lua_pcallk
#pragma weak lua_rawlen
#pragma weak lua_rotate
#pragma weak lua_setiuservalue
#else
#pragma weak lua_call
#pragma weak lua_getfenv
#pragma weak lua_insert
#pragma weak lua_newuserdata
#pragma weak lua_objlen
#pragma weak lua_pcall
#pragma weak lua_replace
#pragma weak lua_setfenv
#pragma weak lua_tonumber
#endif
#pragma weak lua_tointegerx
#pragma weak lua_tonumberx
#pragma weak luaL_setfuncs

/* ---- userdata with one table of their own ----
 * Lua 5.1 can hang a table, and only a table, on a userdata; so on both runtimes a userdata has one
 * environment table, which is how a child keeps its parents alive and a statement its keys. Until it is set,
 * it must not be read: 5.4 gives nil there and 5.1 the globals. */

static inline void *rn_lua_newuserdata(lua_State *L, size_t size) {
#if LUA_VERSION_NUM == 504
  return lua_newuserdatauv(L, size, 1);
#else
  return lua_newuserdata(L, size);
#endif
}

/* [-1, +0] the table on top becomes the environment of the userdata at index. */
static inline void rn_lua_setenv(lua_State *L, int index) {
#if LUA_VERSION_NUM == 504
  lua_setiuservalue(L, index, 1);
#else
  lua_setfenv(L, index);
#endif
}

/* [-0, +1] */
static inline void rn_lua_getenv(lua_State *L, int index) {
#if LUA_VERSION_NUM == 504
  lua_getiuservalue(L, index, 1);
#else
  lua_getfenv(L, index);
#endif
}

static inline size_t rn_lua_rawlen(lua_State *L, int index) {
#if LUA_VERSION_NUM == 504
  return (size_t)lua_rawlen(L, index);
#else
  return lua_objlen(L, index);
#endif
}

/* ---- integers ---- */

/* The integer that the number at index is; false for anything else, and for floats beyond 2^53. */
static inline bool rn_lua_tointeger(lua_State *L, int index, int64_t *out) {
#if LUA_VERSION_NUM == 504
  if (RN_LIKELY(lua_isinteger(L, index))) {
    *out = (int64_t)lua_tointegerx(L, index, NULL);
    return true;
  }
#endif
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  double d = (double)lua_tonumber(L, index);
  if (!(d >= -(double)RN_LUA_EXACT_MAX && d <= (double)RN_LUA_EXACT_MAX)) return false;
  int64_t i = (int64_t)d;
  if ((double)i != d) return false;
  *out = i;
  return true;
}

/* Whether the number at index is one that a float attribute holds as it is: 5.4 keeps integers apart. */
static inline bool rn_lua_isfloat(lua_State *L, int index) {
#if LUA_VERSION_NUM == 504
  return !lua_isinteger(L, index);
#else
  (void)L, (void)index;
  return true;
#endif
}

/* Whether the number at index is to be sent as an integer where the column's type is unknown. LuaJIT has
 * floats only, so there every integral one but -0.0 is. */
static inline bool rn_lua_prefers_integer(lua_State *L, int index, int64_t *out) {
#if LUA_VERSION_NUM == 504
  return lua_isinteger(L, index) && rn_lua_tointeger(L, index, out);
#else
  if (!rn_lua_tointeger(L, index, out)) return false;
  return *out != 0 || !__builtin_signbit((double)lua_tonumber(L, index));
#endif
}

/* Whether an int64 is an exact number of this Lua; where not, it is handed over as decimal text. */
static inline bool rn_lua_exact(int64_t value) {
#if LUA_VERSION_NUM == 504
  (void)value;
  return true;
#else
  return value >= -RN_LUA_EXACT_MAX && value <= RN_LUA_EXACT_MAX;
#endif
}

/* [-0, +1] An integer that rn_lua_exact. */
static inline void rn_lua_pushexact(lua_State *L, int64_t value) {
#if LUA_VERSION_NUM == 504
  lua_pushinteger(L, (lua_Integer)value);
#else
  lua_pushnumber(L, (lua_Number)value);
#endif
}

#endif
