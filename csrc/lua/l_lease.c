/* Leases: a connection that Lua keeps over several statements. Called by l_pool.c and l_ticket.c, which make
 * them. The userdata owns one reference of the rn_lease; its environment is the pool's, which holds the
 * pool: a lease thereby keeps it open. A lease that is collected closes its connection: a finaliser must not
 * wait for a ROLLBACK. */
#include "lua/binding.h"

static rn_lua_lease *check_lease(lua_State *L) {
  return rn_lua_check(L, 1, RN_UP_LEASE, RN_LUA_LEASE);
}

rn_lua_lease *rn_lua_lease_push(lua_State *L, int pool) {
  rn_lua_lease *self = rn_lua_new(L, sizeof *self, RN_UP_LEASE);
  rn_lua_getenv(L, pool);
  rn_lua_setenv(L, -2);
  return self;
}

rn_lua_lease *rn_lua_lease_opt(lua_State *L, int index, const rn_lua_pool *pool) {
  if (lua_isnoneornil(L, index)) return NULL;
  rn_lua_lease *self = rn_lua_check(L, index, RN_UP_LEASE, RN_LUA_LEASE);
  const rn_conn *conn = self->lease ? self->lease->conn : NULL;
  luaL_argcheck(L, !conn || conn->pool == pool->pool, index, "the lease is of another pool");
  return self;
}

typedef rn_lease *take_straight(rn_pool *pool, rn_deadline deadline, rn_error *err);

static int lease_straight(lua_State *L, take_straight *take) {
  rn_lua_pool *pool = rn_lua_check(L, 1, RN_UP_POOL, RN_LUA_POOL);
  int64_t timeout_ms = rn_lua_optms(L, 2);
  if (!pool->pool || rn_pool_closed(pool->pool))
    return rn_lua_fail_kind(L, RN_E_CLOSED, "the pool is closed");
  rn_lua_lease *self = rn_lua_lease_push(L, 1);
  rn_error err = {0};
  self->lease = take(pool->pool, rn_deadline_after(timeout_ms), &err);
  return self->lease ? 1 : rn_lua_fail(L, &err);
}

/* pool:lease(timeout_ms) -> lease | nil, err; may block */
int rn_lua_lease_straight(lua_State *L) {
  return lease_straight(L, rn_straight_lease);
}

/* pool:place(timeout_ms) -> a lease that is a place (exec.h) | nil, err; may block */
int rn_lua_place_straight(lua_State *L) {
  return lease_straight(L, rn_straight_place);
}

/* pool:expired() -> a lease of a connection that should be closed, or nil */
int rn_lua_lease_expired(lua_State *L) {
  rn_lua_pool *pool = rn_lua_check(L, 1, RN_UP_POOL, RN_LUA_POOL);
  rn_lua_lease *self = rn_lua_lease_push(L, 1);
  rn_error err = {0};
  rn_conn *conn = pool->pool ? rn_pool_take_expired(pool->pool) : NULL;
  if (!conn) return 0;
  self->lease = rn_lease_of(conn, &err);
  return self->lease ? 1 : rn_lua_fail(L, &err);
}

/* lease:connect(settings, timeout_ms) -> true | nil, err: opens a session in a vacant place; may block */
static int lease_connect(lua_State *L) {
  rn_lua_lease *self = check_lease(L);
  int64_t timeout_ms = rn_lua_optms(L, 3);
  rn_settings settings = rn_lua_settings_read(L, 2);
  if (!self->lease) return rn_lua_fail_kind(L, RN_E_CLOSED, "the lease was released");
  rn_error err = {0};
  if (rn_straight_connect(self->lease, &settings, rn_deadline_after(timeout_ms), &err) != RN_OK)
    return rn_lua_fail(L, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* lease:clear() -> true | nil, err: closes the session and keeps its place */
static int lease_clear(lua_State *L) {
  rn_lua_lease *self = check_lease(L);
  rn_error err = {0};
  if (self->lease && rn_lease_clear(self->lease, &err) != RN_OK) return rn_lua_fail(L, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* lease:id() -> number of its session, 0 without one */
static int lease_id(lua_State *L) {
  const rn_lua_lease *self = check_lease(L);
  int64_t id = self->lease ? rn_lease_id(self->lease) : 0;
  rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = id});
  return 1;
}

/* lease:fate() -> "vacant", "keep", "close", "forget": what becomes of the connection when it is released */
static int lease_fate(lua_State *L) {
  static const char *const names[] = {"vacant", "keep", "close", "forget"};
  const rn_lua_lease *self = check_lease(L);
  lua_pushstring(L, names[self->lease ? rn_lease_fate(self->lease) : RN_FATE_VACANT]);
  return 1;
}

/* lease:release() -> true | nil, err; again: true */
static int lease_release(lua_State *L) {
  rn_lua_lease *self = check_lease(L);
  if (self->lease) {
    rn_error err = {0};
    if (rn_lease_release(self->lease, &err) != RN_OK) return rn_lua_fail(L, &err);
    rn_lease_unref(self->lease);
    self->lease = NULL;
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* lease:discard(), and the finaliser: closes the connection, whatever its state; again: nothing */
static int lease_collect(lua_State *L) {
  rn_lua_lease *self = check_lease(L);
  rn_lease *lease = self->lease;
  self->lease = NULL;
  if (lease) rn_lease_unref(lease);
  return 0;
}

static const char *lease_state(const rn_lua_lease *self) {
  if (!self->lease || !self->lease->conn) return "released";
  switch (rn_lease_tx(self->lease)) {
  case RN_TX_IDLE: return "idle";
  case RN_TX_OPEN: return "open";
  case RN_TX_FAILED: return "failed";
  case RN_TX_UNKNOWN: break;
  }
  return "unknown";
}

static int lease_tx(lua_State *L) {
  lua_pushstring(L, lease_state(check_lease(L)));
  return 1;
}

static int lease_tostring(lua_State *L) {
  lua_pushfstring(L, RN_LUA_LEASE ": %s", lease_state(check_lease(L)));
  return 1;
}

const luaL_Reg rn_lua_lease_methods[] = {
    {"release", lease_release},     {"discard", lease_collect},
    {"connect", lease_connect},     {"submit_connect", rn_lua_submit_connect},
    {"clear", lease_clear},         {"id", lease_id},
    {"fate", lease_fate},           {"tx", lease_tx},
    {"__gc", lease_collect},        {"__close", lease_collect},
    {"__tostring", lease_tostring}, {NULL, NULL}};
