/* Running statements: the straight path for plain Lua, and tickets for loops. The only directory that
 * waits. */
#ifndef RN_EXEC_EXEC_H
#define RN_EXEC_EXEC_H

#include "core/pool.h"
#include "value/rows.h"

/* ---- leases: a connection kept over several statements (a transaction) ---- */

/* Reference counted so that a statement under way keeps it. Released by rn_lease_release (idempotent), at the
 * latest by its last reference: then the connection is closed, not rolled back, because a finaliser must not
 * wait. Outlives its pool's other users; not usable in a forked child, where releasing it only forgets it.
 *
 * A *place* is a lease for who makes connections himself: what it holds is a connection as it was found,
 * maybe broken, or a reservation, to be opened by rn_straight_connect or rn_job_submit_connect. Until then no
 * statement runs on it. */
typedef struct rn_lease {
  int refs;
  rn_conn *conn; /* NULL once released */
  bool busy;     /* a statement is under way or its result is being read, or it is being opened */
} rn_lease;

/* Takes conn (NULL: there is none) in any case. */
rn_lease *rn_lease_of(rn_conn *conn, rn_error *err);
rn_lease *rn_lease_retain(rn_lease *lease);
void rn_lease_unref(rn_lease *lease);
/* Puts the connection back. RN_FAIL (usage) while busy. In a transaction: the pool closes the connection. */
rn_status rn_lease_release(rn_lease *lease, rn_error *err);
/* RN_TX_UNKNOWN also while busy, when the connection was lost, and when it was released. */
rn_tx rn_lease_tx(const rn_lease *lease);
/* What becomes of the connection when it is released now. VACANT: there is none; FORGET: it is the parent
 * process's. */
typedef enum { RN_FATE_VACANT, RN_FATE_KEEP, RN_FATE_CLOSE, RN_FATE_FORGET } rn_fate;
rn_fate rn_lease_fate(const rn_lease *lease);
int64_t rn_lease_id(const rn_lease *lease); /* of its session; 0: there is none */
/* Closes the session and keeps its place. RN_FAIL (usage) while busy. */
rn_status rn_lease_clear(rn_lease *lease, rn_error *err);

/* ---- the straight path: blocks in poll(2), SQLite runs inline ---- */

/* A leased connection of the caller, by waiting, opening, or failing at once (RN_E_ACQUIRE) when nothing
 * under way in this thread could ever free one. While it waits, the jobs of this thread go on. */
rn_lease *rn_straight_lease(rn_pool *pool, rn_deadline deadline, rn_error *err);
/* The same, a place. */
rn_lease *rn_straight_place(rn_pool *pool, rn_deadline deadline, rn_error *err);
/* Opens a session in a vacant place, by these settings instead of the pool's; on failure it stays vacant. */
rn_status rn_straight_connect(rn_lease *lease, const rn_settings *settings, rn_deadline deadline,
                              rn_error *err) RN_MUSTCHECK;

/* One statement under way on the straight path; lives on the caller's stack. */
typedef struct rn_straight {
  rn_pool *pool;
  rn_lease *lease; /* borrowed from the caller, or NULL */
  rn_conn *conn;
  rn_result *result;
} rn_straight;

/* Acquires (unless lease), sends, waits for the answer. On RN_OK rows can be read from run->result and
 * rn_straight_end must follow; on RN_FAIL nothing is held. deadline covers everything, 0 for none: when it
 * passes, the statement is cancelled and the server gets a second to answer that; an answer that comes all
 * the same, success or failure, is given as it is. params may be NULL; statement and params must stay until
 * rn_straight_end, because SQLite reads them as it goes. Nothing is sent twice here: a driver whose prepared
 * statement turned out to be gone or outdated before it could start recovers by itself. */
rn_status rn_straight_begin(rn_straight *run, rn_pool *pool, rn_lease *lease, const rn_statement *statement,
                            const rn_params *params, rn_deadline deadline, rn_error *err) RN_MUSTCHECK;
/* Frees the result and gives the connection back. failed: reading broke off, so the connection is not trusted
 * unless its driver says it is idle. */
void rn_straight_end(rn_straight *run, bool failed);

/* ---- tickets: nothing here ever blocks ---- */

typedef enum { RN_JOB_QUERY, RN_JOB_LEASE, RN_JOB_CONNECT } rn_job_kind;
typedef enum { RN_JOB_WAITING, RN_JOB_CONNECTING, RN_JOB_RUNNING, RN_JOB_DONE, RN_JOB_TAKEN } rn_job_state;

typedef struct rn_job rn_job; /* reference counted: the ticket holds one, the runtime one until it is done */

/* Queues a statement, or a lease when statement is NULL. params are moved into the job (text must already be
 * in their arena; NULL is legal); statement and lease are retained. deadline covers waiting and running. A
 * job on a busy lease fails with RN_E_USAGE. NULL and err only for what is wrong at once (closed pool,
 * memory), and then params are still the caller's; otherwise the ticket fails. A closed pool goes on with the
 * statements of its leases. */
rn_job *rn_job_submit(rn_pool *pool, rn_lease *lease, rn_statement *statement, rn_params *params,
                      rn_deadline deadline, rn_error *err);
/* Queues a lease that is a place. */
rn_job *rn_job_submit_place(rn_pool *pool, rn_deadline deadline, rn_error *err);
/* rn_straight_connect as a job. The settings are copied. */
rn_job *rn_job_submit_connect(rn_lease *lease, const rn_settings *settings, rn_deadline deadline,
                              rn_error *err);
int64_t rn_job_id(const rn_job *job); /* unique in the process, never 0 */
rn_job_kind rn_job_what(const rn_job *job);
rn_job_state rn_job_where(const rn_job *job);
/* When DONE: the answer, now owned by the caller (detached from any connection), or NULL and the error.
 * Once. */
rn_result *rn_job_take_result(rn_job *job, rn_error *err);
rn_lease *rn_job_take_lease(rn_job *job, rn_error *err);
rn_status rn_job_take_connected(rn_job *job, rn_error *err);
/* Nobody will take it: dropped if it still waits, else cancelled; its connection comes back when it is
 * safe. */
void rn_job_abandon(rn_job *job);
void rn_job_release(rn_job *job); /* drops the ticket's reference, abandoning it if it was not taken */

/* The runtime of this thread: one epoll fd over every libpq socket under way and the executor's eventfd, made
 * when first needed, remade after fork(). */
int rn_runtime_pollfd(rn_error *err); /* -1 and err when it cannot be made */
/* Steps everything that is ready and every deadline that passed; puts up to `cap` ids of newly done jobs into
 * ids and returns how many (call again while it returns cap). Never blocks. */
size_t rn_runtime_process(int64_t *ids, size_t cap);
/* Blocks in poll(2) until something is ready, a deadline passes, a signal comes, or timeout_ms (-1: for ever,
 * but returns at once when nothing is under way). */
void rn_runtime_wait(int64_t timeout_ms);
/* Jobs submitted whose connection is not free yet: those not done, and of those abandoned or past their
 * deadline the ones whose cancel is not over. 0 means that nothing of this thread is under way at any
 * server. */
size_t rn_runtime_inflight(void);

/* An answer over packed rows: what a statement that ran on the executor gives. rows, names (rows->columns of
 * them, each from malloc, in an array from malloc) and codes are moved in; on failure they are still the
 * caller's. */
rn_result *rn_packed_result(rn_rows *rows, char **names, rn_code *codes, int64_t affected, int64_t last_id,
                            rn_error *err);

#endif
