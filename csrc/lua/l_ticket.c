/* Tickets: statements and leases under way that a loop waits for, and the runtime calls a loop makes
 * (core.pollfd, core.process ...). Called by module.c and, for pool:submit, l_pool.c. Nothing here blocks but
 * core.wait.
 *
 * A ticket owns one reference of its job until it is taken, abandoned or collected. Its environment: [1] the
 * pool, which a ticket thereby keeps open, [2] the statement, [3] the lease. */
#include "lua/binding.h"

typedef struct ticket {
  rn_job *job; /* NULL before it is submitted and once taken or abandoned */
  int64_t id;
  bool taken;
} ticket;

enum { ENV_POOL = 1, ENV_STATEMENT = 2, ENV_LEASE = 3 };

static ticket *check_ticket(lua_State *L) {
  return rn_lua_check(L, 1, RN_UP_TICKET, RN_LUA_TICKET);
}

/* [-0, +1] A ticket without a job. statement and lease are absolute indices, or 0. */
static ticket *ticket_push(lua_State *L, int pool, int statement, int lease) {
  ticket *self = rn_lua_new(L, sizeof *self, RN_UP_TICKET);
  lua_createtable(L, statement ? 3 : 1, 0);
  lua_pushvalue(L, pool);
  lua_rawseti(L, -2, ENV_POOL);
  if (statement) {
    lua_pushvalue(L, statement);
    lua_rawseti(L, -2, ENV_STATEMENT);
  }
  if (lease) {
    lua_pushvalue(L, lease);
    lua_rawseti(L, -2, ENV_LEASE);
  }
  rn_lua_setenv(L, -2);
  return self;
}

/* Keeps the job, or returns what failed. The ticket is on top. */
static int submitted(lua_State *L, ticket *self, rn_job *job, rn_error *err) {
  if (!job) return rn_lua_fail(L, err);
  self->job = job;
  self->id = rn_job_id(job);
  return 1;
}

/* pool:submit(statement, params, n, lease, timeout_ms) -> ticket | nil, err */
int rn_lua_submit(lua_State *L) {
  enum { POOL = 1, STATEMENT, PARAMS, N, LEASE, TIMEOUT, TICKET };
  rn_lua_pool *pool = rn_lua_check(L, POOL, RN_UP_POOL, RN_LUA_POOL);
  const rn_lua_statement *statement = rn_lua_statement_check(L, STATEMENT);
  rn_lua_params_check(L, statement->statement, PARAMS);
  rn_lua_lease *lease = rn_lua_lease_opt(L, LEASE, pool);
  int64_t timeout_ms = rn_lua_optms(L, TIMEOUT);
  if (!pool->pool || (!lease && rn_pool_closed(pool->pool))) /* who has a lease may finish with it */
    return rn_lua_fail_kind(L, RN_E_CLOSED, "the pool is closed");
  if (lease && !lease->lease) return rn_lua_fail_kind(L, RN_E_CLOSED, "the lease was released");
  lua_settop(L, TIMEOUT);
  ticket *self = ticket_push(L, POOL, STATEMENT, lease ? LEASE : 0);

  rn_params params = {0};
  rn_lua_refusal refusal;
  if (!rn_lua_params_read(L, STATEMENT, pool->bind | RN_BIND_COPY, &params, &refusal)) {
    rn_arena_free(&params.arena);
    return rn_lua_refuse(L, &refusal);
  }
  rn_error err = {0};
  rn_job *job = rn_job_submit(pool->pool, lease ? lease->lease : NULL, statement->statement, &params,
                              rn_deadline_after(timeout_ms), &err);
  rn_arena_free(&params.arena); /* empty when it was moved */
  lua_settop(L, TICKET);
  return submitted(L, self, job, &err);
}

static int submit_lease(lua_State *L, bool place) {
  rn_lua_pool *pool = rn_lua_check(L, 1, RN_UP_POOL, RN_LUA_POOL);
  int64_t timeout_ms = rn_lua_optms(L, 2);
  if (!pool->pool || rn_pool_closed(pool->pool))
    return rn_lua_fail_kind(L, RN_E_CLOSED, "the pool is closed");
  ticket *self = ticket_push(L, 1, 0, 0);
  rn_error err = {0};
  rn_deadline deadline = rn_deadline_after(timeout_ms);
  rn_job *job = place ? rn_job_submit_place(pool->pool, deadline, &err)
                      : rn_job_submit(pool->pool, NULL, NULL, NULL, deadline, &err);
  return submitted(L, self, job, &err);
}

/* pool:submit_lease(timeout_ms) -> ticket | nil, err */
int rn_lua_submit_lease(lua_State *L) {
  return submit_lease(L, false);
}

/* pool:submit_place(timeout_ms) -> ticket | nil, err */
int rn_lua_submit_place(lua_State *L) {
  return submit_lease(L, true);
}

/* lease:submit_connect(settings, timeout_ms) -> ticket | nil, err: lease:connect as a job */
int rn_lua_submit_connect(lua_State *L) {
  const rn_lua_lease *lease = rn_lua_check(L, 1, RN_UP_LEASE, RN_LUA_LEASE);
  int64_t timeout_ms = rn_lua_optms(L, 3);
  lua_settop(L, 3);
  rn_settings settings = rn_lua_settings_read(L, 2);
  if (!lease->lease) return rn_lua_fail_kind(L, RN_E_CLOSED, "the lease was released");
  rn_lua_getenv(L, 1);
  lua_rawgeti(L, -1, ENV_POOL);
  ticket *self = ticket_push(L, lua_gettop(L), 0, 0);
  rn_error err = {0};
  rn_job *job = rn_job_submit_connect(lease->lease, &settings, rn_deadline_after(timeout_ms), &err);
  return submitted(L, self, job, &err);
}

static int ticket_id(lua_State *L) {
  rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = check_ticket(L)->id});
  return 1;
}

/* ticket:done() -> whether there is nothing more to wait for */
static int ticket_done(lua_State *L) {
  const ticket *self = check_ticket(L);
  lua_pushboolean(L, !self->job || rn_job_where(self->job) >= RN_JOB_DONE);
  return 1;
}

/* Lets go of the job: cancelled unless it was taken. */
static void drop(ticket *self) {
  rn_job *job = self->job;
  self->job = NULL;
  if (job) rn_job_release(job);
}

static int ticket_abandon(lua_State *L) {
  drop(check_ticket(L));
  return 0;
}

/* [-0, +1..2] The lease of a ticket for one; the ticket is at 1. */
static int take_lease(lua_State *L, ticket *self) {
  rn_lua_getenv(L, 1);
  lua_rawgeti(L, -1, ENV_POOL);
  rn_lua_lease *lease = rn_lua_lease_push(L, lua_gettop(L));
  rn_error err = {0};
  lease->lease = rn_job_take_lease(self->job, &err);
  self->taken = true;
  drop(self);
  return lease->lease ? 1 : rn_lua_fail(L, &err);
}

/* [-0, +1..2] true, of a ticket for a connect. */
static int take_connected(lua_State *L, ticket *self) {
  rn_error err = {0};
  bool connected = rn_job_take_connected(self->job, &err) == RN_OK;
  self->taken = true;
  drop(self);
  if (!connected) return rn_lua_fail(L, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* [-0, +1..3] The rows of a ticket for a statement; arguments (ticket, template, single). */
static int take_rows(lua_State *L, ticket *self) {
  enum { TEMPLATE = 2, SINGLE = 3, STATEMENT = 5 };
  rn_lua_getenv(L, 1);
  lua_rawgeti(L, -1, ENV_STATEMENT);
  rn_lua_statement_check(L, STATEMENT);

  /* From here to rn_lua_read_results nothing raises. */
  rn_lua_scratch *scratch = rn_lua_scratch_take(L);
  if (!scratch) return rn_lua_fail_kind(L, RN_E_MEMORY, "out of memory");
  rn_lua_frame frame = {.scratch = scratch, .single = lua_toboolean(L, SINGLE)};
  frame.result = rn_job_take_result(self->job, &frame.err);
  self->taken = true;
  drop(self);
  if (!frame.result) {
    rn_lua_scratch_give(scratch);
    return rn_lua_fail(L, &frame.err);
  }
  rn_lua_reading reading = rn_lua_read(L, &frame, STATEMENT, TEMPLATE);
  frame.result->ops->free(frame.result);
  rn_lua_scratch_give(scratch);
  return rn_lua_read_results(L, &frame, reading, STATEMENT);
}

/* ticket:take(template, single) -> as pool:run, or the lease, or true (of a connect) | nil, err */
static int ticket_take(lua_State *L) {
  ticket *self = check_ticket(L);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  if (!self->job) {
    const char *message = self->taken ? "the ticket was taken already" : "the ticket was abandoned";
    return rn_lua_fail_kind(L, RN_E_CLOSED, message);
  }
  if (rn_job_where(self->job) != RN_JOB_DONE) luaL_error(L, "the ticket is not done yet");
  switch (rn_job_what(self->job)) {
  case RN_JOB_LEASE: return take_lease(L, self);
  case RN_JOB_CONNECT: return take_connected(L, self);
  case RN_JOB_QUERY: break;
  }
  return take_rows(L, self);
}

static int ticket_tostring(lua_State *L) {
  const ticket *self = check_ticket(L);
  const char *state = !self->job                               ? (self->taken ? "taken" : "abandoned")
                      : rn_job_where(self->job) == RN_JOB_DONE ? "done"
                                                               : "under way";
  lua_pushfstring(L, RN_LUA_TICKET ": %s", state);
  return 1;
}

const luaL_Reg rn_lua_ticket_methods[] = {{"id", ticket_id},
                                          {"done", ticket_done},
                                          {"take", ticket_take},
                                          {"abandon", ticket_abandon},
                                          {"__gc", ticket_abandon},
                                          {"__close", ticket_abandon},
                                          {"__tostring", ticket_tostring},
                                          {NULL, NULL}};

/* ---- the runtime of this thread ---- */

static int core_pollfd(lua_State *L) {
  rn_error err = {0};
  int fd = rn_runtime_pollfd(&err);
  if (fd < 0) return rn_lua_fail(L, &err);
  lua_pushinteger(L, fd);
  return 1;
}

/* core.process() -> ids of the tickets that are done now */
static int core_process(lua_State *L) {
  int64_t ids[64];
  const size_t cap = sizeof ids / sizeof *ids;
  lua_newtable(L);
  int count = 0;
  size_t got;
  do {
    got = rn_runtime_process(ids, cap);
    for (size_t i = 0; i < got; i++) {
      rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = ids[i]});
      lua_rawseti(L, -2, ++count);
    }
  } while (got == cap);
  return 1;
}

/* core.wait(ms or -1) blocks until there is something to process */
static int core_wait(lua_State *L) {
  double ms = (double)luaL_optnumber(L, 1, -1);
  rn_runtime_wait(ms >= 0 && ms < 1e15 ? (int64_t)ms : -1);
  return 0;
}

static int core_inflight(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)rn_runtime_inflight());
  return 1;
}

const luaL_Reg rn_lua_runtime_functions[] = {{"pollfd", core_pollfd},
                                             {"process", core_process},
                                             {"wait", core_wait},
                                             {"inflight", core_inflight},
                                             {NULL, NULL}};
