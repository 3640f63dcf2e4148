/* Type checks by upvalue, new userdata, and the scratch memory that calls share. Called by every other file
 * here. */
#include "lua/binding.h"

#include <stdlib.h>
#include <string.h>

/* A scratch that grew beyond this in one call is given back to the heap, not kept. */
#define SCRATCH_KEEP_BYTES ((size_t)1 << 20)

void *rn_lua_test(lua_State *L, int index, int up) {
  void *userdata = lua_touserdata(L, index); /* or a light one, which has none of our metatables */
  if (!userdata || !lua_getmetatable(L, index)) return NULL;
  bool same = lua_rawequal(L, -1, lua_upvalueindex(up));
  lua_settop(L, -2);
  return same ? userdata : NULL;
}

void *rn_lua_check(lua_State *L, int index, int up, const char *name) {
  void *userdata = rn_lua_test(L, index, up);
  if (RN_UNLIKELY(!userdata)) {
    luaL_argerror(L, index, lua_pushfstring(L, "%s expected, got %s", name, luaL_typename(L, index)));
  }
  return userdata;
}

void *rn_lua_new(lua_State *L, size_t size, int up) {
  void *userdata = rn_lua_newuserdata(L, size);
  memset(userdata, 0, size);
  lua_pushvalue(L, lua_upvalueindex(up));
  lua_setmetatable(L, -2);
  return userdata;
}

int64_t rn_lua_optms(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  double ms = (double)luaL_checknumber(L, index);
  /* A NaN is no time; a deadline that is further than a thousand years away is none. */
  luaL_argcheck(L, ms == ms, index, "must be a number of milliseconds");
  if (ms <= 0 || ms > 3.2e13) return 0;
  return ms < 1 ? 1 : (int64_t)ms;
}

/* ---- protected calls ---- */

int rn_lua_guard(lua_State *L) {
  rn_lua_guarded *guarded = lua_touserdata(L, 1);
  return guarded->body(L);
}

int rn_lua_guarded_call(lua_State *L, rn_lua_guarded *guarded, int args, int results) {
  int first = lua_gettop(L) - args + 1;
  lua_pushvalue(L, lua_upvalueindex(RN_UP_GUARD));
  lua_insert(L, first);
  lua_pushlightuserdata(L, guarded);
  lua_insert(L, first + 1);
  return lua_pcall(L, args + 1, results, 0);
}

/* ---- scratch ---- */

static void scratch_clear(rn_lua_scratch *scratch) {
  rn_arena_free(&scratch->params.arena);
  rn_arena_free(&scratch->text);
  rn_rows_free(&scratch->rows);
  free(scratch->cells);
  scratch->params = (rn_params){0};
  scratch->text = (rn_arena){0};
  scratch->rows = (rn_rows){0};
  scratch->cells = NULL;
  scratch->cell_capacity = 0;
}

rn_lua_scratch *rn_lua_scratch_take(lua_State *L) {
  rn_lua_scratch *scratch = lua_touserdata(L, lua_upvalueindex(RN_UP_SCRATCH));
  if (RN_UNLIKELY(scratch->busy || scratch->gone)) {
    scratch = calloc(1, sizeof *scratch);
    if (!scratch) return NULL;
    scratch->template_fields = 8;
  }
  scratch->busy = true;
  return scratch;
}

void rn_lua_scratch_give(rn_lua_scratch *scratch) {
  if (RN_UNLIKELY(!scratch->shared)) {
    scratch_clear(scratch);
    free(scratch);
    return;
  }
  scratch->params.at = NULL;
  scratch->params.count = 0;
  rn_arena_reset(&scratch->params.arena);
  rn_arena_reset(&scratch->text);
  if (rn_arena_bytes(&scratch->params.arena) > SCRATCH_KEEP_BYTES) rn_arena_free(&scratch->params.arena);
  if (rn_arena_bytes(&scratch->text) > SCRATCH_KEEP_BYTES) rn_arena_free(&scratch->text);
  if (scratch->rows.bytes.capacity > SCRATCH_KEEP_BYTES) {
    rn_rows_free(&scratch->rows);
    scratch->rows = (rn_rows){0};
  }
  scratch->busy = false;
}

bool rn_lua_scratch_cells(rn_lua_scratch *scratch, size_t count) {
  if (RN_LIKELY(scratch->cell_capacity >= count && scratch->cells)) return true;
  size_t capacity = count < 16 ? 16 : count;
  rn_value *cells = calloc(capacity, sizeof *cells);
  if (!cells) return false;
  free(scratch->cells);
  scratch->cells = cells;
  scratch->cell_capacity = capacity;
  return true;
}

static int scratch_collect(lua_State *L) {
  rn_lua_scratch *scratch = lua_touserdata(L, 1);
  if (scratch && !scratch->gone) {
    scratch->gone = true;
    scratch_clear(scratch);
  }
  return 0;
}

void rn_lua_scratch_push(lua_State *L) {
  rn_lua_scratch *scratch = rn_lua_newuserdata(L, sizeof *scratch);
  memset(scratch, 0, sizeof *scratch);
  scratch->shared = true;
  scratch->template_fields = 8;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, scratch_collect);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}
