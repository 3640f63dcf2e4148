/* Leases: a connection kept over several statements. Called by the binding, by straight.c and by job.c on the
 * pool's thread. A lease owns its connection until it is released. */
#include <stdlib.h>

#include "core/fork.h"
#include "exec/runtime.h"

rn_lease *rn_lease_new(rn_conn *conn, rn_error *err) {
  rn_lease *lease = calloc(1, sizeof *lease);
  if (!lease) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while leasing a connection");
    return NULL;
  }
  lease->refs = 1;
  lease->conn = conn;
  return lease;
}

rn_lease *rn_lease_of(rn_conn *conn, rn_error *err) {
  if (!conn) return NULL;
  rn_lease *lease = rn_lease_new(conn, err);
  if (!lease) rn_pool_put(conn);
  return lease;
}

rn_lease *rn_lease_retain(rn_lease *lease) {
  lease->refs++;
  return lease;
}

void rn_lease_unref(rn_lease *lease) {
  if (!lease || --lease->refs > 0) return;
  if (lease->conn) {
    lease->conn->broken = true; /* its state is whatever was left: a finaliser must not wait to find out */
    rn_pool_put(lease->conn);
  }
  free(lease);
}

rn_status rn_lease_release(rn_lease *lease, rn_error *err) {
  if (!lease->conn) return RN_OK;
  if (lease->busy)
    return rn_error_set(err, RN_E_USAGE,
                        "a statement is under way on this connection: "
                        "it cannot be released yet");
  rn_conn *conn = lease->conn;
  lease->conn = NULL;
  rn_pool_put(conn);
  return RN_OK;
}

static bool inherited(const rn_conn *conn) {
  return conn->generation != rn_fork_generation();
}

rn_tx rn_lease_tx(const rn_lease *lease) {
  const rn_conn *conn = lease->conn;
  if (!conn || !conn->session || conn->broken || lease->busy || inherited(conn)) return RN_TX_UNKNOWN;
  return conn->driver->tx(conn->session);
}

rn_fate rn_lease_fate(const rn_lease *lease) {
  const rn_conn *conn = lease->conn;
  if (!conn || !conn->session) return RN_FATE_VACANT;
  if (inherited(conn)) return RN_FATE_FORGET;
  return !lease->busy && rn_pool_keeps(conn) ? RN_FATE_KEEP : RN_FATE_CLOSE;
}

int64_t rn_lease_id(const rn_lease *lease) {
  return lease->conn ? lease->conn->id : 0;
}

rn_status rn_lease_clear(rn_lease *lease, rn_error *err) {
  if (lease->busy)
    return rn_error_set(err, RN_E_USAGE,
                        "a statement is under way on this connection: "
                        "it cannot be closed yet");
  if (lease->conn) rn_pool_clear(lease->conn);
  return RN_OK;
}

rn_status rn_lease_vacant(const rn_lease *lease, rn_error *err) {
  const rn_conn *conn = lease->conn;
  if (!conn) return rn_error_set(err, RN_E_CLOSED, "the connection was released");
  if (inherited(conn))
    return rn_error_set(err, RN_E_CLOSED, "the connection belongs to the process that forked this one");
  if (rn_pool_closed(conn->pool)) return rn_closed_error(err);
  if (lease->busy || conn->state != RN_CONN_CONNECTING)
    return rn_error_set(err, RN_E_USAGE, "the connection is open already");
  return RN_OK;
}

rn_status rn_lease_check(const rn_lease *lease, const rn_pool *pool, rn_error *err) {
  const rn_conn *conn = lease->conn;
  if (!conn) return rn_error_set(err, RN_E_CLOSED, "the connection was released");
  if (conn->pool != pool)
    return rn_error_set(err, RN_E_USAGE, "the connection belongs to another database than the statement");
  if (inherited(conn))
    return rn_error_set(err, RN_E_CLOSED, "the connection belongs to the process that forked this one");
  if (lease->busy)
    return rn_error_set(err, RN_E_USAGE,
                        "another statement is under way, or its result is being read, on "
                        "this connection: one transaction runs one statement at a time");
  if (!conn->session) return rn_error_set(err, RN_E_CLOSED, "the connection is not open");
  if (conn->broken) return rn_error_set(err, RN_E_CLOSED, "the connection was lost by an earlier statement");
  return RN_OK;
}
