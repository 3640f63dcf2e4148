/* Connections and their pool. A connection's state is the list it is on; pool.c has the one function that
 * moves it. A pool belongs to the thread that opened it; only `cancel` and the executor touch a connection
 * from another thread, and then it is leased (or being opened) and used by the job that put it there and by
 * nobody else.
 *
 * A connection in an unknown state is never reused: on release its driver must say that it is idle (no
 * result, no transaction, not known to be broken), else it is closed. After fork() the child drops what it
 * inherited without a word to the server: idle connections at once, leased ones when their holder gives them
 * back; they count no more. A leased connection and a reservation each hold a reference on their pool.
 *
 * A watched pool has a user who wants to be there when a connection ends. It closes nothing for its age by
 * itself: the user asks for what has expired, and is told of what had to be closed without asking. */
#ifndef RN_CORE_POOL_H
#define RN_CORE_POOL_H

#include "core/settings.h"
#include "core/statement.h"

typedef struct rn_pool_options {
  int max, min;               /* connections; 0 <= min <= max, 1 <= max */
  int64_t acquire_timeout_ms; /* <= 0: for ever */
  int64_t idle_timeout_ms;    /* close a connection idle for longer, down to min; <= 0: never */
  int64_t lifetime_ms;        /* close an older one unless it is in use (jittered by 10 %); <= 0: never */
} rn_pool_options;

/* CLOSED: on no list; about to be freed, or inherited through fork() and still in somebody's hands. */
typedef enum { RN_CONN_IDLE, RN_CONN_LEASED, RN_CONN_CONNECTING, RN_CONN_CLOSED } rn_conn_state;

typedef struct rn_pool rn_pool;

typedef struct rn_conn {
  rn_pool *pool;
  struct rn_conn *next, *previous; /* in the list of its state */
  rn_conn_state state;
  const rn_driver *driver;
  void *session; /* the driver's connection; NULL while connecting or when given away */
  int64_t opened_ms, idle_since_ms, lifetime_ms;
  unsigned generation; /* of the process that made it (core/fork.h) */
  int64_t id;          /* of the session, unique in the process; 0 without one */
  int watch_fd;        /* exec's duplicate of the socket or -1; closed with the connection */
  bool broken;         /* close on release */
} rn_conn;

/* One reference, owned by the caller. settings are copied. */
rn_pool *rn_pool_open(const rn_settings *settings, const rn_pool_options *options, rn_error *err);
rn_pool *rn_pool_retain(rn_pool *pool);
/* The last release frees the pool; rn_pool_close has happened by then or happens now. */
void rn_pool_release(rn_pool *pool);
/* Closes idle connections now (those of a watched pool wait for rn_pool_take_expired), leased ones when they
 * come back; fails every waiter with RN_E_CLOSED. Idempotent. */
void rn_pool_close(rn_pool *pool);
bool rn_pool_closed(const rn_pool *pool);
const rn_driver *rn_pool_driver(const rn_pool *pool);
const rn_settings *rn_pool_settings(const rn_pool *pool);
const rn_pool_options *rn_pool_get_options(const rn_pool *pool);

typedef struct rn_pool_stats {
  int max, min, total, idle, in_use, waiting;
} rn_pool_stats;
rn_pool_stats rn_pool_get_stats(rn_pool *pool);

/* --- a watched pool --- */

void rn_pool_watch(rn_pool *pool, bool watched);
/* An idle connection that should be closed, now leased: it was idle or lived too long, or the pool is closed.
 * NULL when there is none. */
rn_conn *rn_pool_take_expired(rn_pool *pool);
/* The sessions that were closed without rn_pool_clear: up to `cap` of their ids; returns how many. */
size_t rn_pool_gone(rn_pool *pool, int64_t *ids, size_t cap);

/* --- taking and giving back (used by exec/) --- */

/* An idle connection, now leased, the last used first; NULL when there is none. Never blocks, never opens.
 * One that was idle for longer than half a second is looked at first, and closed when it is dead; as_is: it
 * is given all the same, broken. */
rn_conn *rn_pool_take_idle(rn_pool *pool, bool as_is);
/* A place for a new connection (state CONNECTING, no session), NULL when `max` are there, when the pool is
 * closed (rn_pool_closed) or when memory ran out (err, set in that case only). */
rn_conn *rn_pool_reserve(rn_pool *pool, rn_error *err);
/* Ends a reservation: with a session the connection is leased, with NULL it is gone and its place is free. A
 * reservation that fork() brought along ends in the latter way only. */
void rn_pool_opened(rn_conn *conn, void *session);
/* Closes the session of a leased connection, which is a reservation then. */
void rn_pool_clear(rn_conn *conn);
/* Whether rn_pool_put would keep the connection. */
bool rn_pool_keeps(const rn_conn *conn);
/* Gives a leased connection (or a reservation) back: idle, or closed when it is broken, too old, not idle for
 * its driver (a transaction, a result), without a session, inherited through fork(), or the pool is closed.
 * Then the first waiter is served. The connection and the pool may be gone afterwards. */
void rn_pool_put(rn_conn *conn);

/* A place in the FIFO queue of those who wait for a connection. `serve` is called from rn_pool_put /
 * rn_pool_opened / rn_pool_close with a leased connection, or with NULL when a place is free, which the
 * waiter must reserve before it returns, or when the pool was closed. The waiter has left the queue by then.
 * `serve` may call back into the pool: who is served by that is served by the outermost call, so depth does
 * not grow with the queue. Who waits when the process forks is in the child's queue no more. */
typedef struct rn_waiter {
  struct rn_waiter *next, *previous;
  bool queued;
  bool as_is; /* as for rn_pool_take_idle */
  void (*serve)(struct rn_waiter *waiter, rn_conn *conn);
} rn_waiter;
void rn_pool_wait(rn_pool *pool, rn_waiter *waiter);
void rn_pool_leave(rn_pool *pool, rn_waiter *waiter); /* no-op when it is not queued */

/* Closes what was idle or lived too long, unless the pool is watched. Cheap; called by take, put and
 * rn_pools_tick. */
void rn_pool_tick(rn_pool *pool);
/* Ticks every open pool of this thread. */
void rn_pools_tick(void);

#endif
