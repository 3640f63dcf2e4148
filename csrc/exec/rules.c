/* What the straight path and jobs decide alike: deadlines, which errors mean what, when a connection is not
 * trusted any more. Called by straight.c and job.c on the pool's thread. */
#include <string.h>

#include "exec/runtime.h"

static rn_deadline sooner(rn_deadline a, rn_deadline b) {
  if (!a || !b) return a ? a : b;
  return a < b ? a : b;
}

rn_deadline rn_acquire_deadline(const rn_pool *pool, rn_deadline deadline) {
  return sooner(deadline, rn_deadline_after(rn_pool_get_options(pool)->acquire_timeout_ms));
}

rn_deadline rn_connect_deadline(const rn_settings *settings, rn_deadline deadline) {
  return sooner(deadline, rn_deadline_after(settings->connect_timeout_ms));
}

rn_status rn_acquire_expired(rn_pool *pool, int64_t waited_ms, rn_error *err) {
  rn_pool_stats stats = rn_pool_get_stats(pool);
  return rn_error_set(err, RN_E_ACQUIRE,
                      "no connection became free within %lld ms (max %d, in use %d, waiting %d)",
                      (long long)waited_ms, stats.max, stats.in_use, stats.waiting);
}

rn_status rn_closed_error(rn_error *err) {
  return rn_error_set(err, RN_E_CLOSED, "the pool is closed");
}

void rn_timeout_answer(rn_error *err) {
  static const char cancelled[6] = "57014";
  if (err->kind != RN_E_DATABASE || strcmp(err->sqlstate, cancelled) != 0) return;
  rn_error_set(err, RN_E_TIMEOUT, "the statement did not end by its deadline and was cancelled");
  memcpy(err->sqlstate, cancelled, sizeof cancelled);
}

rn_status rn_timeout_silent(rn_error *err) {
  return rn_error_set(err, RN_E_TIMEOUT,
                      "the statement did not end by its deadline, and its cancel was not "
                      "answered within %d ms: it may still have run",
                      RN_CANCEL_GRACE_MS);
}

void rn_conn_distrust(rn_conn *conn) {
  if (conn->driver->tx(conn->session) == RN_TX_UNKNOWN) conn->broken = true;
}
