/* core.open and the pool: running a statement straight through, and what a pool tells of itself. Called by
 * module.c. The pool userdata owns one reference of the rn_pool, until it is collected; closing it only
 * closes it. */
#include "lua/binding.h"

#include <limits.h>
#include <string.h>

/* Parameters up to this number are left on the Lua stack during a call, so that their text can be borrowed
 * whatever Lua code does to the table meanwhile; text of more is copied. */
#define ANCHORS_MAX 128

#define RULE_FIELDS "must be a field of each table in a sequence of tables"

/* ---- parameters ---- */

void rn_lua_params_check(lua_State *L, const rn_statement *statement, int index) {
  double n = lua_isnoneornil(L, index + 1) ? 0 : (double)luaL_checknumber(L, index + 1);
  luaL_argcheck(L, n >= 0 && n <= INT_MAX, index + 1, "out of range");
  if (RN_UNLIKELY(n != (double)statement->param_count)) {
    const char *message =
        lua_pushfstring(L, "the statement has %d parameters, not %d", (int)statement->param_count, (int)n);
    luaL_argerror(L, index + 1, message);
  }
  if (n > 0) luaL_checktype(L, index, LUA_TTABLE);
}

/* [-0, +0..] Parameters that are read at 1..n. */
static bool read_places(lua_State *L, const rn_statement *statement, int index, unsigned flags,
                        rn_params *params, rn_lua_refusal *refusal, bool anchored) {
  for (size_t i = 0; i < params->count; i++) {
    rn_param *param = &params->at[i];
    lua_rawgeti(L, index, (int)i + 1);
    int value = lua_gettop(L);
    if (statement->param_lists && statement->param_lists[i]) {
      refusal->rule =
          rn_lua_bind_list(L, value, param->code, flags, &params->arena, &param->value, &refusal->item);
    } else {
      refusal->rule = rn_lua_bind(L, value, param->code, -1, flags, &params->arena, &param->value);
    }
    if (RN_UNLIKELY(refusal->rule)) {
      refusal->param = i + 1;
      return false;
    }
    if (!anchored) lua_settop(L, value - 1);
  }
  return true;
}

/* [-0, +0..] Parameters that are fields of one table: the names of the statement follow the stack index
 * `names`. */
static bool read_fields(lua_State *L, int index, int names, unsigned flags, rn_params *params,
                        rn_lua_refusal *refusal, bool anchored) {
  int value = lua_gettop(L);
  for (size_t i = 0; i < params->count; i++) {
    rn_param *param = &params->at[i];
    lua_pushvalue(L, names + (int)i);
    lua_rawget(L, index);
    if (anchored || i == 0) value++;
    refusal->rule = rn_lua_bind(L, value, param->code, -1, flags, &params->arena, &param->value);
    if (RN_UNLIKELY(refusal->rule)) {
      refusal->param = i + 1;
      return false;
    }
    if (!anchored) lua_settop(L, value - 1);
  }
  return true;
}

/* [-0, +0..] Lists that are the fields of a sequence of tables, one item a table. */
static bool read_columns(lua_State *L, int index, int names, unsigned flags, rn_params *params,
                         rn_lua_refusal *refusal) {
  size_t rows = rn_lua_rawlen(L, index), columns = params->count;
  if (flags & RN_BIND_COPY_ITEMS) flags |= RN_BIND_COPY;
  for (size_t c = 0; c < columns; c++) {
    rn_value *items =
        rows <= SIZE_MAX / sizeof *items ? rn_arena_alloc(&params->arena, rows * sizeof *items) : NULL;
    if (!items) return false;
    params->at[c].value = (rn_value){.kind = RN_LIST, .u.list = {.items = items, .count = rows}};
  }
  for (size_t r = 0; r < rows; r++) {
    lua_rawgeti(L, index, (int)r + 1);
    int row = lua_gettop(L);
    refusal->item = r + 1;
    for (size_t c = 0; c < columns; c++) {
      rn_value *item = (rn_value *)&params->at[c].value.u.list.items[r];
      refusal->param = c + 1;
      refusal->rule = RULE_FIELDS;
      if (!lua_istable(L, row)) return false;
      lua_pushvalue(L, names + (int)c);
      lua_rawget(L, row);
      refusal->rule = rn_lua_bind(L, row + 1, params->at[c].code, -1, flags, &params->arena, item);
      if (RN_UNLIKELY(refusal->rule)) return false;
      lua_settop(L, row);
    }
    lua_settop(L, row - 1);
  }
  return true;
}

static bool all_lists(const rn_statement *statement) {
  for (size_t i = 0; i < statement->param_count; i++) {
    if (!statement->param_lists || !statement->param_lists[i]) return false;
  }
  return true;
}

bool rn_lua_params_read(lua_State *L, int index, unsigned flags, rn_params *params, rn_lua_refusal *refusal) {
  const rn_lua_statement *self = lua_touserdata(L, index);
  const rn_statement *statement = self->statement;
  size_t count = statement->param_count;
  *refusal = (rn_lua_refusal){0};
  params->count = count;
  if (count == 0) return true;
  bool anchored = count <= ANCHORS_MAX;
  int room = (int)count * (anchored ? 2 : 1) + LUA_MINSTACK; /* texts, and names */
  if (!lua_checkstack(L, room)) return false;
  if (!anchored) flags |= RN_BIND_COPY;
  params->at = count <= SIZE_MAX / sizeof *params->at
                   ? rn_arena_alloc(&params->arena, count * sizeof *params->at)
                   : NULL;
  if (!params->at) return false;
  for (size_t i = 0; i < count; i++) params->at[i].code = statement->param_codes[i];
  if (!self->keyed) return read_places(L, statement, index + 1, flags, params, refusal, anchored);
  rn_lua_statement_names(L, index);
  int names = lua_gettop(L);
  for (int i = 1; i <= (int)count; i++) lua_rawgeti(L, names, i);
  if (all_lists(statement)) return read_columns(L, index + 1, names + 1, flags, params, refusal);
  return read_fields(L, index + 1, names + 1, flags, params, refusal, anchored);
}

/* ---- open ---- */

static void read_pairs(lua_State *L, int index, rn_settings *settings) {
  lua_getfield(L, index, "settings");
  size_t count = 0;
  if (!lua_isnil(L, -1)) {
    luaL_argcheck(L, lua_istable(L, -1), index, "settings must be a table");
    count = rn_lua_rawlen(L, -1);
  }
  int list = lua_gettop(L);
  luaL_argcheck(L, count < 1000, index, "too many settings");
  const char **texts = rn_lua_newuserdata(L, 2 * (count + 1) * sizeof *texts);
  memset(texts, 0, 2 * (count + 1) * sizeof *texts);
  settings->keys = texts;
  settings->values = texts + count + 1;
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, list, (int)i + 1);
    luaL_argcheck(L, lua_istable(L, -1), index, "every setting must be a pair");
    for (int k = 1; k <= 2; k++) {
      lua_rawgeti(L, list + 2, k);
      size_t size = 0;
      const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
      luaL_argcheck(L, text && !memchr(text, 0, size), index, "settings must be strings without NUL");
      texts[i + (k == 2 ? count + 1 : 0)] = text;
      lua_settop(L, list + 2);
    }
    lua_settop(L, list + 1);
  } /* stack: ..., settings, userdata */
}

static int64_t number_field(lua_State *L, int index, const char *name, int64_t absent, int64_t least,
                            int64_t most) {
  lua_getfield(L, index, name);
  int64_t number = absent;
  if (!lua_isnil(L, -1) && (!rn_lua_tointeger(L, -1, &number) || number < least || number > most)) {
    luaL_argerror(L, index, lua_pushfstring(L, "%s is out of range", name));
  }
  lua_settop(L, -2);
  return number;
}

static const int64_t ms_max = (int64_t)1 << 50;

rn_settings rn_lua_settings_read(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  rn_settings settings = {
      .connect_timeout_ms = number_field(L, index, "connect_timeout_ms", 0, -1, ms_max),
      .busy_timeout_ms = number_field(L, index, "busy_timeout_ms", 0, -1, ms_max),
      .statement_cache = (size_t)number_field(L, index, "statement_cache", 100, 0, INT_MAX),
  };
  lua_getfield(L, index, "driver");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "driver must be a string");
  settings.driver = lua_tostring(L, -1);
  read_pairs(L, index, &settings);
  return settings;
}

/* core.open{...} -> pool | nil, err */
int rn_lua_pool_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  rn_pool_options options = {
      .max = (int)number_field(L, 1, "max", 5, 1, INT_MAX / 2),
      .min = (int)number_field(L, 1, "min", 0, 0, INT_MAX / 2),
      .acquire_timeout_ms = number_field(L, 1, "acquire_timeout_ms", 60000, -1, ms_max),
      .idle_timeout_ms = number_field(L, 1, "idle_timeout_ms", 10000, -1, ms_max),
      .lifetime_ms = number_field(L, 1, "lifetime_ms", 0, -1, ms_max),
  };
  luaL_argcheck(L, options.min <= options.max, 1, "min is more than max");
  rn_settings settings = rn_lua_settings_read(L, 1);
  rn_lua_pool *self = rn_lua_new(L, sizeof *self, RN_UP_POOL);
  rn_error err = {0};
  self->pool = rn_pool_open(&settings, &options, &err);
  if (!self->pool) return rn_lua_fail(L, &err);
  /* SQLite would store NaN as NULL, and it reads lists while rows are made of its answer. */
  bool sqlite = strcmp(rn_pool_driver(self->pool)->name, "sqlite") == 0;
  self->bind = sqlite ? RN_BIND_NO_NAN | RN_BIND_COPY_ITEMS : 0;
  lua_createtable(L, 1, 0); /* what a lease has for its environment: it holds the pool */
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 1);
  rn_lua_setenv(L, -2);
  return 1;
}

static rn_lua_pool *check_pool(lua_State *L) {
  return rn_lua_check(L, 1, RN_UP_POOL, RN_LUA_POOL);
}

/* ---- run ---- */

/* pool:run(statement, params, n, lease, template, timeout_ms, single) -> rows, affected, last_id | nil, err
 */
static int pool_run(lua_State *L) {
  enum { STATEMENT = 2, PARAMS = 3, LEASE = 5, TEMPLATE = 6, TIMEOUT = 7, SINGLE = 8 };
  rn_lua_pool *pool = check_pool(L);
  const rn_lua_statement *statement = rn_lua_statement_check(L, STATEMENT);
  rn_lua_params_check(L, statement->statement, PARAMS);
  rn_lua_lease *lease = rn_lua_lease_opt(L, LEASE, pool);
  if (!lua_isnoneornil(L, TEMPLATE)) luaL_checktype(L, TEMPLATE, LUA_TTABLE);
  int64_t timeout_ms = rn_lua_optms(L, TIMEOUT);
  lua_settop(L, SINGLE);
  if (!pool->pool || (!lease && rn_pool_closed(pool->pool))) /* who has a lease may finish with it */
    return rn_lua_fail_kind(L, RN_E_CLOSED, "the pool is closed");
  if (lease && !lease->lease) return rn_lua_fail_kind(L, RN_E_CLOSED, "the lease was released");

  /* From here to rn_lua_read_results nothing raises: what is held is given back on every way. */
  rn_lua_scratch *scratch = rn_lua_scratch_take(L);
  if (!scratch) return rn_lua_fail_kind(L, RN_E_MEMORY, "out of memory");
  rn_lua_refusal refusal;
  if (!rn_lua_params_read(L, STATEMENT, pool->bind, &scratch->params, &refusal)) {
    rn_lua_scratch_give(scratch);
    return rn_lua_refuse(L, &refusal);
  }
  rn_lua_frame frame = {.scratch = scratch, .single = lua_toboolean(L, SINGLE)};
  rn_straight run;
  if (rn_straight_begin(&run, pool->pool, lease ? lease->lease : NULL, statement->statement, &scratch->params,
                        rn_deadline_after(timeout_ms), &frame.err) != RN_OK) {
    rn_lua_scratch_give(scratch);
    return rn_lua_fail(L, &frame.err);
  }
  frame.result = run.result;
  rn_lua_reading reading = rn_lua_read(L, &frame, STATEMENT, TEMPLATE);
  rn_straight_end(&run, reading != RN_READ_DONE);
  rn_lua_scratch_give(scratch);
  return rn_lua_read_results(L, &frame, reading, STATEMENT);
}

/* ---- the rest ---- */

/* pool:stats() -> table; also of a closed pool, whose leased connections still count */
static int pool_stats(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  rn_pool_stats stats = {0};
  if (self->pool) stats = rn_pool_get_stats(self->pool);
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, stats.max);
  lua_setfield(L, -2, "max");
  lua_pushinteger(L, stats.min);
  lua_setfield(L, -2, "min");
  lua_pushinteger(L, stats.total);
  lua_setfield(L, -2, "total");
  lua_pushinteger(L, stats.idle);
  lua_setfield(L, -2, "idle");
  lua_pushinteger(L, stats.in_use);
  lua_setfield(L, -2, "inUse");
  lua_pushinteger(L, stats.waiting);
  lua_setfield(L, -2, "waiting");
  return 1;
}

/* pool:watch(boolean): its user wants to be there when a connection ends */
static int pool_watch(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  if (self->pool) rn_pool_watch(self->pool, lua_toboolean(L, 2));
  return 0;
}

/* pool:gone() -> ids of sessions that were closed unasked, or nil */
static int pool_gone(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  int64_t ids[64];
  const size_t cap = sizeof ids / sizeof *ids;
  size_t count = self->pool ? rn_pool_gone(self->pool, ids, cap) : 0;
  if (count == 0) return 0;
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = ids[i]});
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int pool_driver(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  luaL_argcheck(L, self->pool, 1, "the pool was collected");
  lua_pushstring(L, rn_pool_driver(self->pool)->name);
  return 1;
}

static int pool_close(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  if (self->pool) rn_pool_close(self->pool);
  lua_pushboolean(L, 1);
  return 1;
}

static int pool_collect(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  rn_pool *pool = self->pool;
  self->pool = NULL;
  if (pool) {
    rn_pool_close(pool);
    rn_pool_release(pool);
  }
  return 0;
}

static int pool_tostring(lua_State *L) {
  rn_lua_pool *self = check_pool(L);
  bool open = self->pool && !rn_pool_closed(self->pool);
  lua_pushfstring(L, RN_LUA_POOL ": %s", open ? rn_pool_driver(self->pool)->name : "closed");
  return 1;
}

const luaL_Reg rn_lua_pool_methods[] = {{"run", pool_run},
                                        {"submit", rn_lua_submit},
                                        {"submit_lease", rn_lua_submit_lease},
                                        {"submit_place", rn_lua_submit_place},
                                        {"lease", rn_lua_lease_straight},
                                        {"place", rn_lua_place_straight},
                                        {"expired", rn_lua_lease_expired},
                                        {"watch", pool_watch},
                                        {"gone", pool_gone},
                                        {"stats", pool_stats},
                                        {"driver", pool_driver},
                                        {"close", pool_close},
                                        {"__close", pool_close},
                                        {"__gc", pool_collect},
                                        {"__tostring", pool_tostring},
                                        {NULL, NULL}};
