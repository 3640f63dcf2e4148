/* Jobs: statements and leases that are asked for now and answered later. Called by the binding (submit, take,
 * abandon), by the runtime (readiness, deadlines) and by the pool (serving waiters); never blocks.
 *
 * A job's connection goes through waiting, connecting, running, retired; its ticket through pending, done,
 * taken. The two are apart because a ticket gets its outcome by its deadline, while the connection stays with
 * the job until nobody can touch it any more: no task uses it, no cancel is under way that could hit the next
 * statement. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "exec/work.h"

/* How much longer than its deadline a connect or a statement on a thread gets to come back with an error of
 * its own, which says more than ours. */
enum { SLACK_MS = 100 };

/* SQLite forgets an interrupt that comes just before the statement starts, so it is repeated. */
enum { REPEAT_CANCEL_MS = 25 };

/* ---- outcome and retirement ---- */

static void settle(rn_job *job) {
  rn_arena_free(&job->params.arena);
  memset(&job->params, 0, sizeof job->params);
}

/* The ticket's outcome: the result, or what is in job->error when it is NULL. Nobody hears of a second
 * one. */
static void finish(rn_job *job, rn_result *result) {
  if (job->outcome != RN_OUTCOME_PENDING) {
    if (result) result->ops->free(result);
    return;
  }
  job->result = result;
  job->outcome = RN_OUTCOME_DONE;
  rn_runtime_report(job->runtime, job);
}

/* Lets go of the connection and of the runtime. The job may be gone afterwards. */
static void retire(rn_job *job) {
  rn_conn *conn = job->conn;
  rn_lease *lease = job->lease;

  rn_runtime_unwatch(job->runtime, job);
  rn_runtime_remove(job->runtime, job);
  job->phase = RN_PHASE_RETIRED;
  job->conn = NULL;
  job->lease = NULL;
  settle(job);
  if (lease) {
    lease->busy = false;
    rn_lease_unref(lease);
  } else if (conn && conn->state == RN_CONN_CONNECTING) {
    rn_pool_opened(conn, NULL);
  } else if (conn) {
    rn_pool_put(conn);
  }
  rn_job_unref(job);
}

static void retire_when_free(rn_job *job) {
  if (!job->task && !job->cancel_task) retire(job);
}

/* With job->error set. */
static void fail(rn_job *job) {
  finish(job, NULL);
  retire_when_free(job);
}

/* ---- statements ---- */

/* The statement is over: the driver is done with it or has failed. */
static void answer(rn_job *job, rn_result *result) {
  rn_conn *conn = job->conn;

  rn_runtime_unwatch(job->runtime, job);
  rn_runtime_wake(job->runtime, job, 0);
  if (!result) rn_conn_distrust(conn);
  if (!result && job->timed_out) rn_timeout_answer(&job->error);
  if (rn_pool_closed(job->pool) && !job->lease && job->outcome == RN_OUTCOME_PENDING) {
    if (result) result->ops->free(result);
    result = NULL;
    rn_error_set(&job->error, RN_E_CLOSED,
                 "the pool was closed while the statement was under way: "
                 "it may have run");
  }
  finish(job, result);
  retire_when_free(job);
}

void rn_job_ready(rn_job *job) {
  const rn_driver *driver = job->conn->driver;
  void *session = job->conn->session;
  rn_step step = driver->step(session, &job->error);

  if (step == RN_STEP_READ || step == RN_STEP_READ_WRITE) {
    if (rn_runtime_watch(job->runtime, job, step == RN_STEP_READ_WRITE, &job->error) == RN_OK) return;
    job->conn->broken = true; /* a statement is under way that nobody can wait for */
    answer(job, NULL);
    return;
  }
  rn_result *result = step == RN_STEP_DONE ? driver->take(session, &job->error) : NULL;
  if (result && !result->detached) result = rn_packed_drain(result, NULL, &job->error);
  answer(job, result);
}

static void statement_done(rn_task *base) {
  rn_statement_task *task = (rn_statement_task *)base;
  rn_job *job = task->job;
  rn_result *result = task->result;

  job->task = NULL;
  task->result = NULL;
  if (!result && job->outcome == RN_OUTCOME_PENDING) rn_error_move(&job->error, &task->error);
  rn_statement_task_free(task);
  answer(job, result);
}

static rn_status start_on_thread(rn_job *job) {
  rn_statement_task *task = rn_statement_task_new(job, statement_done, &job->error);
  if (!task) return RN_FAIL;
  bool inside = job->conn->driver->tx(job->conn->session) == RN_TX_OPEN;
  if (rn_executor_submit(&task->base, inside ? RN_LANE_INSIDE : RN_LANE_WORK, &job->error) != RN_OK) {
    rn_statement_task_free(task);
    return RN_FAIL;
  }
  job->task = &task->base;
  /* The driver knows the deadline itself; this is for when it does not come back, or was not even begun. */
  if (job->deadline) rn_runtime_wake(job->runtime, job, job->deadline + SLACK_MS);
  return RN_OK;
}

/* job->conn is leased and free of results, or a reservation that is the outcome. */
static void start(rn_job *job) {
  job->phase = RN_PHASE_RUNNING;
  rn_runtime_wake(job->runtime, job, 0);
  if (job->kind == RN_JOB_LEASE) {
    job->granted = rn_lease_new(job->conn, &job->error);
    if (job->granted) job->conn = NULL;
  }
  if (job->kind != RN_JOB_QUERY) {
    fail(job); /* or not: the outcome of a lease job is `granted`, that of a connect that there is no error */
    return;
  }
  if (!job->conn->driver->has_socket) {
    if (start_on_thread(job) != RN_OK) fail(job);
    return;
  }
  if (job->conn->driver->send(job->conn->session, job->statement, &job->params, &job->error) != RN_OK) {
    answer(job, NULL);
    return;
  }
  if (job->deadline) rn_runtime_wake(job->runtime, job, job->deadline);
  rn_job_ready(job);
}

/* ---- connecting, waiting ---- */

static void connect_done(rn_task *base) {
  rn_connect_task *task = (rn_connect_task *)base;
  rn_job *job = task->job;

  job->task = NULL;
  if (!task->session) {
    if (job->outcome == RN_OUTCOME_PENDING) rn_error_move(&job->error, &task->error);
    rn_connect_task_free(task);
    fail(job);
    return;
  }
  rn_pool_opened(job->conn, task->session);
  task->session = NULL;
  rn_connect_task_free(task);
  if (job->outcome != RN_OUTCOME_PENDING) {
    retire(job); /* nobody wants it any more, but somebody else may */
  } else if (rn_pool_closed(job->pool)) {
    rn_closed_error(&job->error);
    fail(job);
  } else {
    start(job);
  }
}

/* job->conn is a reservation. */
static void open_session(rn_job *job, const rn_settings *settings) {
  rn_deadline deadline = rn_connect_deadline(settings, job->deadline);
  rn_connect_task *task = rn_connect_task_new(job, settings, deadline, connect_done, &job->error);

  job->phase = RN_PHASE_CONNECTING;
  if (!task || rn_executor_submit(&task->base, RN_LANE_WORK, &job->error) != RN_OK) {
    if (task) rn_connect_task_free(task);
    fail(job);
    return;
  }
  job->task = &task->base;
  rn_runtime_wake(job->runtime, job, deadline ? deadline + SLACK_MS : 0);
}

static void use_reservation(rn_job *job) {
  if (job->waiter.as_is)
    start(job);
  else
    open_session(job, rn_pool_settings(job->pool));
}

/* What no thread has begun need not be done. */
static void withdraw_connect(rn_job *job) {
  if (!rn_executor_withdraw(job->task)) return;
  job->task->drop(job->task);
  job->task = NULL;
}

static rn_job *job_of(rn_waiter *waiter) {
  return (rn_job *)(void *)((char *)waiter - offsetof(rn_job, waiter));
}

static void serve(rn_waiter *waiter, rn_conn *conn) {
  rn_job *job = job_of(waiter);

  job->conn = conn ? conn : rn_pool_reserve(job->pool, &job->error);
  if (conn) {
    start(job);
  } else if (job->conn) {
    use_reservation(job);
  } else {
    if (!job->error.kind) rn_closed_error(&job->error);
    fail(job);
  }
}

static void acquire(rn_job *job) {
  if ((job->conn = rn_pool_take_idle(job->pool, job->waiter.as_is))) {
    start(job);
    return;
  }
  if ((job->conn = rn_pool_reserve(job->pool, &job->error))) {
    use_reservation(job);
    return;
  }
  if (job->error.kind) {
    fail(job);
    return;
  }
  rn_runtime_wake(job->runtime, job, rn_acquire_deadline(job->pool, job->deadline));
  rn_pool_wait(job->pool, &job->waiter);
}

/* ---- cancelling ---- */

static void cancel_done(rn_task *base) {
  rn_cancel_task *task = (rn_cancel_task *)base;
  rn_job *job = task->job;

  free(task);
  job->cancel_task = NULL;
  /* Over, answered or given up: only this held the connection. Else the answer is still to come. */
  if (job->outcome != RN_OUTCOME_PENDING && !job->watched) retire(job);
}

/* The answer will not come, or not in time. */
static void give_up(rn_job *job) {
  job->conn->broken = true;
  rn_runtime_unwatch(job->runtime, job);
  rn_runtime_wake(job->runtime, job, 0);
  if (job->outcome == RN_OUTCOME_PENDING) rn_timeout_silent(&job->error);
  fail(job);
}

static void cancel_socket(rn_job *job) {
  rn_cancel_task *task = rn_cancel_task_new(job, cancel_done);
  if (!task || rn_executor_submit(&task->base, RN_LANE_CANCEL, NULL) != RN_OK) {
    free(task);
    give_up(job);
    return;
  }
  job->cancel_task = &task->base;
  rn_runtime_wake(job->runtime, job, job->grace_ms);
}

/* A statement on a thread. SQLite's cancel sets a flag, so it needs no thread; one that has not begun
 * never does. */
static void cancel_on_thread(rn_job *job) {
  rn_statement_task *task = (rn_statement_task *)job->task;
  __atomic_store_n(&task->stop, true, __ATOMIC_RELAXED);
  if (rn_executor_withdraw(&task->base)) {
    if (job->outcome == RN_OUTCOME_PENDING)
      rn_error_set(&task->error, RN_E_TIMEOUT, "the statement's deadline passed before it was started");
    statement_done(&task->base);
    return;
  }
  task->driver->cancel(task->session);
  rn_runtime_wake(job->runtime, job, rn_clock_ms() + REPEAT_CANCEL_MS);
}

static void cancel(rn_job *job) {
  job->cancelling = true;
  job->grace_ms = rn_clock_ms() + RN_CANCEL_GRACE_MS;
  if (job->task)
    cancel_on_thread(job);
  else
    cancel_socket(job);
}

/* ---- deadlines ---- */

static void tick_running(rn_job *job, int64_t now) {
  if (!job->cancelling) {
    job->timed_out = true;
    cancel(job);
  } else if (!job->task) {
    give_up(job);
  } else {
    if (now >= job->grace_ms && job->outcome == RN_OUTCOME_PENDING) {
      rn_timeout_silent(&job->error);
      finish(job, NULL); /* the thread keeps the connection until it comes back */
    }
    cancel_on_thread(job);
  }
}

void rn_job_tick(rn_job *job, int64_t now) {
  switch (job->phase) {
  case RN_PHASE_WAITING:
    rn_acquire_expired(job->pool, now - job->submitted_ms, &job->error);
    rn_pool_leave(job->pool, &job->waiter);
    fail(job);
    break;
  case RN_PHASE_CONNECTING:
    rn_error_set(&job->error, RN_E_CONNECT, "no connection could be made within %lld ms",
                 (long long)(now - job->submitted_ms));
    withdraw_connect(job);
    fail(job);
    break;
  case RN_PHASE_RUNNING: tick_running(job, now); break;
  case RN_PHASE_RETIRED: break;
  }
}

/* ---- what the runtime and the binding call ---- */

void rn_job_unref(rn_job *job) {
  if (--job->refs > 0) return;
  if (job->result) job->result->ops->free(job->result);
  rn_lease_unref(job->granted);
  settle(job);
  rn_error_clear(&job->error);
  rn_statement_release(job->statement);
  rn_pool_release(job->pool);
  free(job);
}

static void force_task(rn_job *job, rn_task **slot) {
  if (!*slot) return;
  if (rn_executor_orphan(*slot) && job->phase == RN_PHASE_RUNNING) job->conn->session = NULL;
  *slot = NULL;
}

void rn_job_force(rn_job *job, const char *why) {
  rn_pool_leave(job->pool, &job->waiter);
  if (job->outcome == RN_OUTCOME_PENDING) rn_error_set(&job->error, RN_E_CLOSED, "%s", why);
  finish(job, NULL);
  force_task(job, &job->task);
  force_task(job, &job->cancel_task);
  if (job->conn) job->conn->broken = true;
  retire(job);
}

static int64_t next_id(void) {
  static int64_t last;
  return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static rn_job *job_new(rn_pool *pool, rn_job_kind kind, rn_deadline deadline, rn_error *err) {
  rn_runtime *runtime = rn_runtime_need(err);
  if (!runtime) return NULL;
  rn_job *job = calloc(1, sizeof *job);
  if (!job) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while submitting a statement");
    return NULL;
  }
  job->refs = 2; /* the ticket and the runtime */
  job->id = next_id();
  job->kind = kind;
  job->phase = RN_PHASE_WAITING;
  job->runtime = runtime;
  job->pool = rn_pool_retain(pool);
  job->waiter.serve = serve;
  job->submitted_ms = rn_clock_ms();
  job->deadline = deadline;
  rn_runtime_add(runtime, job);
  return job;
}

static void use_lease(rn_job *job, rn_lease *lease) {
  job->lease = rn_lease_retain(lease);
  job->conn = lease->conn;
  lease->busy = true;
}

rn_job *rn_job_submit(rn_pool *pool, rn_lease *lease, rn_statement *statement, rn_params *params,
                      rn_deadline deadline, rn_error *err) {
  if (!lease && rn_pool_closed(pool)) {
    rn_closed_error(err);
    return NULL;
  }
  rn_job *job = job_new(pool, statement ? RN_JOB_QUERY : RN_JOB_LEASE, deadline, err);
  if (!job) return NULL;
  if (statement) job->statement = rn_statement_retain(statement);
  if (params) {
    job->params = *params;
    memset(params, 0, sizeof *params);
  }
  if (!lease) {
    acquire(job);
  } else if (rn_lease_check(lease, pool, &job->error) != RN_OK) {
    fail(job);
  } else {
    use_lease(job, lease);
    start(job);
  }
  return job;
}

rn_job *rn_job_submit_place(rn_pool *pool, rn_deadline deadline, rn_error *err) {
  if (rn_pool_closed(pool)) {
    rn_closed_error(err);
    return NULL;
  }
  rn_job *job = job_new(pool, RN_JOB_LEASE, deadline, err);
  if (!job) return NULL;
  job->waiter.as_is = true;
  acquire(job);
  return job;
}

rn_job *rn_job_submit_connect(rn_lease *lease, const rn_settings *settings, rn_deadline deadline,
                              rn_error *err) {
  if (rn_lease_vacant(lease, err) != RN_OK) return NULL;
  rn_job *job = job_new(lease->conn->pool, RN_JOB_CONNECT, deadline, err);
  if (!job) return NULL;
  use_lease(job, lease);
  open_session(job, settings);
  return job;
}

int64_t rn_job_id(const rn_job *job) {
  return job->id;
}

rn_job_kind rn_job_what(const rn_job *job) {
  return job->kind;
}

rn_job_state rn_job_where(const rn_job *job) {
  (void)rn_runtime_have(); /* in a forked child this is where inherited jobs fail */
  if (job->outcome == RN_OUTCOME_DONE) return RN_JOB_DONE;
  if (job->outcome == RN_OUTCOME_TAKEN) return RN_JOB_TAKEN;
  return job->phase == RN_PHASE_WAITING      ? RN_JOB_WAITING
         : job->phase == RN_PHASE_CONNECTING ? RN_JOB_CONNECTING
                                             : RN_JOB_RUNNING;
}

/* Whether there is an outcome of this kind to take; it is taken then. */
static bool take(rn_job *job, rn_job_kind kind, rn_error *err) {
  if (job->kind != kind || rn_job_where(job) != RN_JOB_DONE) {
    rn_error_set(err, RN_E_USAGE,
                 job->kind != kind                  ? "this ticket is for something else"
                 : job->outcome == RN_OUTCOME_TAKEN ? "this ticket's outcome was taken or abandoned already"
                                                    : "this ticket is not done yet");
    return false;
  }
  job->outcome = RN_OUTCOME_TAKEN;
  return true;
}

rn_result *rn_job_take_result(rn_job *job, rn_error *err) {
  if (!take(job, RN_JOB_QUERY, err)) return NULL;
  rn_result *result = job->result;
  job->result = NULL;
  if (!result) rn_error_move(err, &job->error);
  return result;
}

rn_lease *rn_job_take_lease(rn_job *job, rn_error *err) {
  if (!take(job, RN_JOB_LEASE, err)) return NULL;
  rn_lease *lease = job->granted;
  job->granted = NULL;
  if (!lease) rn_error_move(err, &job->error);
  return lease;
}

rn_status rn_job_take_connected(rn_job *job, rn_error *err) {
  if (!take(job, RN_JOB_CONNECT, err)) return RN_FAIL;
  if (job->error.kind == RN_E_NONE) return RN_OK;
  rn_error_move(err, &job->error);
  return RN_FAIL;
}

static void throw_away(rn_job *job) {
  if (job->result) job->result->ops->free(job->result);
  job->result = NULL;
  if (job->granted) (void)rn_lease_release(job->granted, NULL); /* nothing ran on it: it can go on */
  rn_lease_unref(job->granted);
  job->granted = NULL;
}

void rn_job_abandon(rn_job *job) {
  (void)rn_runtime_have();
  if (job->outcome == RN_OUTCOME_TAKEN) return;
  bool pending = job->outcome == RN_OUTCOME_PENDING;
  job->outcome = RN_OUTCOME_TAKEN;
  if (!pending) {
    throw_away(job);
  } else if (job->phase == RN_PHASE_WAITING) {
    rn_pool_leave(job->pool, &job->waiter);
    retire(job);
  } else if (job->phase == RN_PHASE_CONNECTING) {
    rn_runtime_wake(job->runtime, job, 0);
    withdraw_connect(job);
    retire_when_free(job); /* if not now, the connection will be somebody else's */
  } else if (job->phase == RN_PHASE_RUNNING && !job->cancelling) {
    cancel(job);
  }
}

void rn_job_release(rn_job *job) {
  if (!job) return;
  rn_job_abandon(job);
  rn_job_unref(job);
}
