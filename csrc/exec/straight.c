/* The straight path of plain Lua: a connection, send, poll(2) until the answer is there. Called by the
 * binding and by tests on the pool's thread. Databases without a socket work inside send and inside the
 * reading of rows. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "exec/runtime.h"

/* ---- acquiring ---- */

/* The caller's place in the queue, on its stack. */
typedef struct straight_waiter {
  rn_waiter base;
  rn_pool *pool;
  rn_runtime *runtime;
  rn_conn *conn; /* leased, or reserved */
  bool served;
  rn_error err;
} straight_waiter;

static void serve(rn_waiter *base, rn_conn *conn) {
  straight_waiter *waiter = (straight_waiter *)base;
  waiter->served = true;
  waiter->conn = conn ? conn : rn_pool_reserve(waiter->pool, &waiter->err);
}

/* Whether something under way in this thread holds a connection of the pool that it will give back by
 * itself. */
static bool could_be_freed(const rn_runtime *runtime, const rn_pool *pool) {
  for (const rn_job *job = runtime->first; job; job = job->next)
    if (job->pool == pool && job->conn && !job->lease) return true;
  return false;
}

static bool go_on(void *context) {
  straight_waiter *waiter = context;
  return !waiter->served && could_be_freed(waiter->runtime, waiter->pool);
}

static rn_conn *wait_for_turn(rn_pool *pool, bool as_is, rn_deadline deadline, rn_error *err) {
  straight_waiter waiter = {
      .base.serve = serve, .base.as_is = as_is, .pool = pool, .runtime = rn_runtime_have()};
  rn_deadline until = rn_acquire_deadline(pool, deadline);
  int64_t began_ms = rn_clock_ms();

  if (waiter.runtime && could_be_freed(waiter.runtime, pool)) {
    rn_pool_wait(pool, &waiter.base);
    rn_runtime_work(waiter.runtime, go_on, &waiter, until);
  }
  if (!waiter.served) {
    if (rn_deadline_passed(until) && waiter.base.queued)
      rn_acquire_expired(pool, rn_clock_ms() - began_ms, err);
    else
      rn_error_set(err, RN_E_ACQUIRE,
                   "all %d connections are held by open transactions or unread results of "
                   "this thread",
                   rn_pool_get_options(pool)->max);
    rn_pool_leave(pool, &waiter.base);
  } else if (!waiter.conn) {
    if (waiter.err.kind)
      rn_error_move(err, &waiter.err);
    else
      rn_closed_error(err);
  }
  rn_error_clear(&waiter.err);
  return waiter.conn;
}

static rn_status open_here(rn_conn *conn, rn_deadline deadline, rn_error *err) {
  rn_pool *pool = conn->pool;
  const rn_settings *settings = rn_pool_settings(pool);
  void *session = conn->driver->open(settings, rn_connect_deadline(settings, deadline), err);
  rn_pool_opened(conn, session);
  return session ? RN_OK : RN_FAIL;
}

/* A leased connection, or NULL; as_is: also a reservation. */
static rn_conn *acquire(rn_pool *pool, bool as_is, rn_deadline deadline, rn_error *err) {
  rn_error failure = {0};
  rn_conn *conn = rn_pool_take_idle(pool, as_is);

  if (RN_LIKELY(conn != NULL)) return conn;
  if (rn_pool_closed(pool)) {
    rn_closed_error(err);
    return NULL;
  }
  conn = rn_pool_reserve(pool, &failure);
  if (failure.kind) {
    rn_error_move(err, &failure);
    return NULL;
  }
  if (!conn) conn = wait_for_turn(pool, as_is, deadline, err);
  if (!as_is && conn && conn->state == RN_CONN_CONNECTING && open_here(conn, deadline, err) != RN_OK)
    return NULL;
  return conn;
}

rn_lease *rn_straight_lease(rn_pool *pool, rn_deadline deadline, rn_error *err) {
  return rn_lease_of(acquire(pool, false, deadline, err), err);
}

rn_lease *rn_straight_place(rn_pool *pool, rn_deadline deadline, rn_error *err) {
  return rn_lease_of(acquire(pool, true, deadline, err), err);
}

rn_status rn_straight_connect(rn_lease *lease, const rn_settings *settings, rn_deadline deadline,
                              rn_error *err) {
  if (rn_lease_vacant(lease, err) != RN_OK) return RN_FAIL;
  rn_conn *conn = lease->conn;
  void *session = conn->driver->open(settings, rn_connect_deadline(settings, deadline), err);
  if (!session) return RN_FAIL;
  rn_pool_opened(conn, session);
  return RN_OK;
}

/* ---- running ---- */

/* Steps until the driver is done or failed; RN_STEP_READ means that the deadline came first. */
static rn_step step_until(rn_conn *conn, rn_deadline deadline, rn_error *err) {
  const rn_driver *driver = conn->driver;

  for (;;) {
    rn_step step = driver->step(conn->session, err);
    if (step == RN_STEP_DONE || step == RN_STEP_FAILED) return step;
    struct pollfd fd = {.fd = driver->fd(conn->session),
                        .events = (short)(step == RN_STEP_READ_WRITE ? POLLIN | POLLOUT : POLLIN)};
    /* Interrupted by a signal or not: the driver and the clock know best how things stand. */
    if (poll(&fd, 1, rn_deadline_left_ms(deadline)) <= 0 && rn_deadline_passed(deadline)) return RN_STEP_READ;
  }
}

/* One statement over a connection that is free; the result, or NULL. */
static rn_result *run_once(rn_conn *conn, const rn_statement *statement, const rn_params *params,
                           rn_deadline deadline, rn_error *err) {
  const rn_driver *driver = conn->driver;
  void *session = conn->session;

  if (!driver->has_socket) driver->limit(session, deadline);
  if (driver->send(session, statement, params, err) != RN_OK) return NULL;
  rn_step step = step_until(conn, deadline, err);
  bool late = step == RN_STEP_READ;
  if (late) {
    driver->cancel(session);
    step = step_until(conn, rn_deadline_after(RN_CANCEL_GRACE_MS), err);
  }
  if (step == RN_STEP_READ) {
    conn->broken = true;
    rn_timeout_silent(err);
    return NULL;
  }
  rn_result *result = step == RN_STEP_DONE ? driver->take(session, err) : NULL;
  if (!result && late && err) rn_timeout_answer(err);
  return result;
}

rn_status rn_straight_begin(rn_straight *run, rn_pool *pool, rn_lease *lease, const rn_statement *statement,
                            const rn_params *params, rn_deadline deadline, rn_error *err) {
  static const rn_params none;

  *run = (rn_straight){.pool = pool, .lease = lease};
  if (lease) {
    if (rn_lease_check(lease, pool, err) != RN_OK) return RN_FAIL;
    run->conn = lease->conn;
    lease->busy = true;
  } else if (!(run->conn = acquire(pool, false, deadline, err))) {
    return RN_FAIL;
  }
  if (!params) params = &none;
  run->result = run_once(run->conn, statement, params, deadline, err);
  if (RN_LIKELY(run->result != NULL)) return RN_OK;
  rn_straight_end(run, true);
  return RN_FAIL;
}

void rn_straight_end(rn_straight *run, bool failed) {
  rn_conn *conn = run->conn;

  if (!conn) return;
  if (run->result) run->result->ops->free(run->result);
  if (failed) rn_conn_distrust(conn);
  if (run->lease)
    run->lease->busy = false;
  else
    rn_pool_put(conn);
  run->result = NULL;
  run->conn = NULL;
}
