/* The pool: three lists of connections, one function that moves a connection between them, a FIFO of waiters.
 * Called by exec/ (taking and giving back) and by the binding (open, close, statistics).
 *
 * Owned by its references; a leased connection and a reservation hold one each, so that what is in use
 * outlives its user's last handle. Belongs to the thread that opened it; nothing here takes a lock. */
#include "core/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/fork.h"

/* A connection used so recently is taken without a look: the look is a system call on every statement. */
enum { ALIVE_TRUST_MS = 500 };

enum { LIST_COUNT = RN_CONN_CLOSED }; /* CLOSED is not a list */

typedef struct conn_list {
  rn_conn *first, *last;
  int count;
} conn_list;

struct rn_pool {
  int refs;
  unsigned generation; /* of the process that used it last */
  bool closed;
  bool watched;
  bool serving; /* serve_waiters is on the stack */
  rn_settings settings;
  const rn_driver *driver;
  rn_pool_options options;
  conn_list lists[LIST_COUNT]; /* by rn_conn_state; the idle list has the last used first */
  rn_waiter *waiters, *last_waiter;
  int waiting;
  int64_t next_tick_ms; /* nothing expires before; INT64_MAX when nothing can */
  int64_t *gone;        /* of a watched pool: sessions whose end its user was not told of */
  size_t gone_count, gone_capacity;
  uint64_t random;          /* state of the jitter's generator, never 0 */
  rn_pool *next, *previous; /* open pools of this thread */
};

static _Thread_local rn_pool *open_pools;

/* ---- the one mover ---- */

static bool move_allowed(rn_conn_state from, rn_conn_state to) {
  switch (to) {
  case RN_CONN_CONNECTING: return from == RN_CONN_CLOSED || from == RN_CONN_LEASED;
  case RN_CONN_LEASED: return from == RN_CONN_CONNECTING || from == RN_CONN_IDLE;
  case RN_CONN_IDLE: return from == RN_CONN_LEASED;
  case RN_CONN_CLOSED: return true;
  }
  return false;
}

static void move(rn_conn *conn, rn_conn_state to) {
  bool allowed = move_allowed(conn->state, to);
  assert(allowed);
  (void)allowed;
  if (conn->state != RN_CONN_CLOSED) {
    conn_list *list = &conn->pool->lists[conn->state];
    if (conn->previous)
      conn->previous->next = conn->next;
    else
      list->first = conn->next;
    if (conn->next)
      conn->next->previous = conn->previous;
    else
      list->last = conn->previous;
    list->count--;
  }
  conn->state = to;
  conn->previous = conn->next = NULL;
  if (to != RN_CONN_CLOSED) {
    conn_list *list = &conn->pool->lists[to];
    conn->next = list->first;
    if (list->first)
      list->first->previous = conn;
    else
      list->last = conn;
    list->first = conn;
    list->count++;
  }
}

static void end_session(rn_conn *conn) {
  if (conn->watch_fd >= 0) (void)close(conn->watch_fd);
  if (conn->session) conn->driver->close(conn->session, conn->generation != rn_fork_generation());
  conn->watch_fd = -1;
  conn->session = NULL;
  conn->id = 0;
}

/* Without memory for it the session is not reported. */
static void note_gone(rn_pool *pool, const rn_conn *conn) {
  if (!pool->watched || !conn->id || conn->generation != rn_fork_generation()) return;
  if (pool->gone_count == pool->gone_capacity) {
    size_t capacity = pool->gone_capacity ? 2 * pool->gone_capacity : 8;
    int64_t *grown = realloc(pool->gone, capacity * sizeof *grown);
    if (!grown) return;
    pool->gone = grown;
    pool->gone_capacity = capacity;
  }
  pool->gone[pool->gone_count++] = conn->id;
}

/* Ends a connection in any state. Its reference on the pool, if it had one, is the caller's to drop. */
static void discard(rn_conn *conn) {
  move(conn, RN_CONN_CLOSED);
  note_gone(conn->pool, conn);
  end_session(conn);
  free(conn);
}

static int total(const rn_pool *pool) {
  int n = 0;
  for (int i = 0; i < LIST_COUNT; i++) n += pool->lists[i].count;
  return n;
}

/* In a child of the process that used the pool: what is idle goes at once, what somebody holds leaves its
 * list and goes when it is given back. Waiters are forgotten: the child's runtime fails the jobs they belong
 * to. */
static void inherit(rn_pool *pool) {
  pool->generation = rn_fork_generation();
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_IDLE].first);) discard(conn);
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_LEASED].first);) move(conn, RN_CONN_CLOSED);
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_CONNECTING].first);) move(conn, RN_CONN_CLOSED);
  while (pool->waiters) rn_pool_leave(pool, pool->waiters);
  pool->gone_count = 0;
  pool->serving = false;
}

static void notice_fork(rn_pool *pool) {
  if (RN_UNLIKELY(pool->generation != rn_fork_generation())) inherit(pool);
}

/* ---- expiry ---- */

static int64_t sooner(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t dies_at(const rn_conn *conn) {
  return conn->lifetime_ms > 0 ? conn->opened_ms + conn->lifetime_ms : INT64_MAX;
}

static int64_t bored_at(const rn_pool *pool, const rn_conn *conn) {
  return pool->options.idle_timeout_ms > 0 ? conn->idle_since_ms + pool->options.idle_timeout_ms : INT64_MAX;
}

/* 10 % around the wanted lifetime, so that connections opened together do not die together. (xorshift64) */
static int64_t jittered_lifetime(rn_pool *pool) {
  int64_t wanted = pool->options.lifetime_ms;
  if (wanted <= 0) return 0;
  pool->random ^= pool->random << 13;
  pool->random ^= pool->random >> 7;
  pool->random ^= pool->random << 17;
  double share = 0.9 + 0.2 * ((double)(pool->random >> 11) / (double)(UINT64_C(1) << 53));
  int64_t lifetime = (int64_t)((double)wanted * share);
  return lifetime > 0 ? lifetime : 1;
}

/* An idle connection whose time is over, the longest idle first; NULL when there is none, and then
 * next_tick_ms says when to look again. Only as many as are above `min` may go for being idle. */
static rn_conn *expired(rn_pool *pool, int64_t now) {
  if (RN_LIKELY(now < pool->next_tick_ms)) return NULL;
  const bool spare = total(pool) > pool->options.min;
  int64_t next_ms = INT64_MAX;
  for (rn_conn *conn = pool->lists[RN_CONN_IDLE].last; conn; conn = conn->previous) {
    if (dies_at(conn) <= now || (spare && bored_at(pool, conn) <= now)) return conn;
    next_ms = sooner(next_ms, dies_at(conn));
    if (spare) next_ms = sooner(next_ms, bored_at(pool, conn));
  }
  pool->next_tick_ms = next_ms;
  return NULL;
}

static void tick_at(rn_pool *pool, int64_t now) {
  if (pool->watched) return;
  for (rn_conn *conn; (conn = expired(pool, now));) discard(conn);
}

void rn_pool_tick(rn_pool *pool) {
  notice_fork(pool);
  if (pool->next_tick_ms != INT64_MAX) tick_at(pool, rn_clock_ms());
}

void rn_pools_tick(void) {
  for (rn_pool *pool = open_pools; pool; pool = pool->next) rn_pool_tick(pool);
}

/* ---- opening, closing, references ---- */

rn_pool *rn_pool_open(const rn_settings *settings, const rn_pool_options *options, rn_error *err) {
  const rn_driver *driver = rn_driver_find(settings->driver);
  if (!driver) {
    rn_error_set(err, RN_E_USAGE, "there is no driver \"%s\"", settings->driver ? settings->driver : "");
    return NULL;
  }
  if (options->max < 1 || options->min < 0 || options->min > options->max) {
    rn_error_set(err, RN_E_USAGE, "a pool needs 1 <= max and 0 <= min <= max (max is %d, min is %d)",
                 options->max, options->min);
    return NULL;
  }
  rn_pool *pool = calloc(1, sizeof *pool);
  if (!pool) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while opening a pool");
    return NULL;
  }
  if (rn_settings_copy(&pool->settings, settings, err) != RN_OK) {
    free(pool);
    return NULL;
  }
  rn_fork_watch();
  pool->refs = 1;
  pool->generation = rn_fork_generation();
  pool->driver = driver;
  pool->options = *options;
  pool->next_tick_ms = INT64_MAX;
  pool->random = ((uint64_t)rn_clock_wall_us() ^ (uint64_t)(uintptr_t)pool) | 1;
  pool->next = open_pools;
  if (open_pools) open_pools->previous = pool;
  open_pools = pool;
  return pool;
}

rn_pool *rn_pool_retain(rn_pool *pool) {
  pool->refs++;
  return pool;
}

void rn_pool_release(rn_pool *pool) {
  if (!pool || pool->refs > 1) {
    if (pool) pool->refs--;
    return;
  }
  rn_pool_close(pool); /* with the last reference still held: serving waiters may take and drop others */
  if (--pool->refs > 0) return;
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_IDLE].first);) discard(conn); /* watched, and not fetched */
  free(pool->gone);
  rn_settings_free(&pool->settings);
  free(pool);
}

static void serve_waiters(rn_pool *pool);

void rn_pool_close(rn_pool *pool) {
  if (pool->closed) return;
  notice_fork(pool);
  pool->closed = true;
  if (pool->previous)
    pool->previous->next = pool->next;
  else if (open_pools == pool)
    open_pools = pool->next; /* not so when its thread has ended */
  if (pool->next) pool->next->previous = pool->previous;
  pool->next = pool->previous = NULL;
  if (!pool->watched)
    for (rn_conn *conn; (conn = pool->lists[RN_CONN_IDLE].first);) discard(conn);
  rn_pool_retain(pool);
  serve_waiters(pool);
  rn_pool_release(pool);
}

bool rn_pool_closed(const rn_pool *pool) {
  return pool->closed;
}

const rn_driver *rn_pool_driver(const rn_pool *pool) {
  return pool->driver;
}

const rn_settings *rn_pool_settings(const rn_pool *pool) {
  return &pool->settings;
}

const rn_pool_options *rn_pool_get_options(const rn_pool *pool) {
  return &pool->options;
}

rn_pool_stats rn_pool_get_stats(rn_pool *pool) {
  notice_fork(pool);
  int idle = pool->lists[RN_CONN_IDLE].count;
  return (rn_pool_stats){.max = pool->options.max,
                         .min = pool->options.min,
                         .total = total(pool),
                         .idle = idle,
                         .in_use = total(pool) - idle,
                         .waiting = pool->waiting};
}

/* ---- taking and giving back ---- */

static rn_conn *lease(rn_conn *conn) {
  move(conn, RN_CONN_LEASED);
  rn_pool_retain(conn->pool);
  return conn;
}

static rn_conn *take_idle_at(rn_pool *pool, int64_t now, bool as_is) {
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_IDLE].first);) {
    if (now - conn->idle_since_ms > ALIVE_TRUST_MS && !conn->driver->alive(conn->session)) {
      conn->broken = true;
      if (!as_is) {
        discard(conn);
        continue;
      }
    }
    return lease(conn);
  }
  return NULL;
}

rn_conn *rn_pool_take_idle(rn_pool *pool, bool as_is) {
  notice_fork(pool);
  if (!pool->lists[RN_CONN_IDLE].first || pool->closed) return NULL;
  int64_t now = rn_clock_ms();
  tick_at(pool, now);
  return take_idle_at(pool, now, as_is);
}

rn_conn *rn_pool_reserve(rn_pool *pool, rn_error *err) {
  notice_fork(pool);
  if (pool->closed || total(pool) >= pool->options.max) return NULL;
  rn_conn *conn = calloc(1, sizeof *conn);
  if (!conn) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while opening a connection");
    return NULL;
  }
  conn->pool = rn_pool_retain(pool);
  conn->state = RN_CONN_CLOSED;
  conn->driver = pool->driver;
  conn->generation = pool->generation;
  conn->watch_fd = -1;
  move(conn, RN_CONN_CONNECTING);
  return conn;
}

static int64_t next_id(void) {
  static int64_t last;
  return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void rn_pool_opened(rn_conn *conn, void *session) {
  rn_pool *pool = conn->pool;

  notice_fork(pool);
  if (session) {
    assert(conn->state == RN_CONN_CONNECTING);
    conn->session = session;
    conn->id = next_id();
    conn->opened_ms = rn_clock_ms();
    conn->lifetime_ms = jittered_lifetime(pool);
    move(conn, RN_CONN_LEASED);
    return;
  }
  discard(conn);
  serve_waiters(pool);
  rn_pool_release(pool);
}

static bool reusable(const rn_pool *pool, const rn_conn *conn, int64_t now) {
  return !pool->closed && !conn->broken && conn->session && now < dies_at(conn) &&
         conn->driver->tx(conn->session) == RN_TX_IDLE;
}

bool rn_pool_keeps(const rn_conn *conn) {
  return conn->state == RN_CONN_LEASED && reusable(conn->pool, conn, rn_clock_ms());
}

void rn_pool_clear(rn_conn *conn) {
  notice_fork(conn->pool);
  end_session(conn);
  conn->broken = false;
  if (conn->state == RN_CONN_LEASED) move(conn, RN_CONN_CONNECTING);
}

void rn_pool_put(rn_conn *conn) {
  rn_pool *pool = conn->pool;
  int64_t now = rn_clock_ms();

  notice_fork(pool);
  if (conn->state == RN_CONN_LEASED && reusable(pool, conn, now)) {
    move(conn, RN_CONN_IDLE);
    conn->idle_since_ms = now;
    pool->next_tick_ms = sooner(pool->next_tick_ms, sooner(dies_at(conn), bored_at(pool, conn)));
  } else {
    discard(conn);
  }
  if (pool->waiters) serve_waiters(pool);
  tick_at(pool, now);
  rn_pool_release(pool);
}

/* ---- a watched pool ---- */

void rn_pool_watch(rn_pool *pool, bool watched) {
  pool->watched = watched;
  if (watched) return;
  pool->gone_count = 0;
  if (!pool->closed) return;
  for (rn_conn *conn; (conn = pool->lists[RN_CONN_IDLE].first);) discard(conn);
}

rn_conn *rn_pool_take_expired(rn_pool *pool) {
  notice_fork(pool);
  rn_conn *conn = pool->closed ? pool->lists[RN_CONN_IDLE].last : expired(pool, rn_clock_ms());
  return conn ? lease(conn) : NULL;
}

size_t rn_pool_gone(rn_pool *pool, int64_t *ids, size_t cap) {
  notice_fork(pool);
  size_t n = pool->gone_count < cap ? pool->gone_count : cap;
  if (n == 0) return 0;
  memcpy(ids, pool->gone, n * sizeof *ids);
  pool->gone_count -= n;
  memmove(pool->gone, pool->gone + n, pool->gone_count * sizeof *ids);
  return n;
}

/* ---- waiters ---- */

void rn_pool_wait(rn_pool *pool, rn_waiter *waiter) {
  waiter->queued = true;
  waiter->next = NULL;
  waiter->previous = pool->last_waiter;
  if (pool->last_waiter)
    pool->last_waiter->next = waiter;
  else
    pool->waiters = waiter;
  pool->last_waiter = waiter;
  pool->waiting++;
}

void rn_pool_leave(rn_pool *pool, rn_waiter *waiter) {
  if (!waiter->queued) return;
  if (waiter->previous)
    waiter->previous->next = waiter->next;
  else
    pool->waiters = waiter->next;
  if (waiter->next)
    waiter->next->previous = waiter->previous;
  else
    pool->last_waiter = waiter->previous;
  waiter->queued = false;
  waiter->next = waiter->previous = NULL;
  pool->waiting--;
}

/* Serves in order for as long as there is something to give: keeps the invariant that nobody waits while a
 * connection is idle or a place is free, so newcomers cannot overtake. The caller holds a reference. */
static void serve_waiters(rn_pool *pool) {
  if (pool->serving) return;
  pool->serving = true;
  for (rn_waiter *waiter; (waiter = pool->waiters);) {
    rn_conn *conn = NULL;
    if (!pool->closed) {
      conn = take_idle_at(pool, rn_clock_ms(), waiter->as_is);
      if (!conn && total(pool) >= pool->options.max) break;
    }
    rn_pool_leave(pool, waiter);
    waiter->serve(waiter, conn);
  }
  pool->serving = false;
}
