/* What the executor's threads do for jobs: open a session, run a statement of a database without a socket,
 * cancel. Made and read by job.c on the pool's thread; `run` is the only part that happens elsewhere. A task
 * holds copies of (or references to) all it needs, because its job, its pool and its runtime may be gone
 * before it ends. */
#include "exec/work.h"

#include <stdlib.h>
#include <string.h>

#include "core/fork.h"

static void stamp(rn_task *task, rn_job *job, void (*run)(rn_task *), void (*done)(rn_task *),
                  void (*drop)(rn_task *)) {
  task->box = &job->runtime->box;
  task->generation = rn_fork_generation();
  task->run = run;
  task->done = done;
  task->drop = drop;
}

static void close_session(const rn_task *task, const rn_driver *driver, void *session) {
  if (session) driver->close(session, task->generation != rn_fork_generation());
}

static rn_status no_memory(rn_error *err) {
  return rn_error_set(err, RN_E_MEMORY, "out of memory while starting work on a thread");
}

/* ---- connect ---- */

static void connect_run(rn_task *base) {
  rn_connect_task *task = (rn_connect_task *)base;
  task->session = task->driver->open(&task->settings, task->deadline, &task->error);
}

void rn_connect_task_free(rn_connect_task *task) {
  close_session(&task->base, task->driver, task->session);
  rn_settings_free(&task->settings);
  rn_error_clear(&task->error);
  free(task);
}

static void connect_drop(rn_task *base) {
  rn_connect_task_free((rn_connect_task *)base);
}

rn_connect_task *rn_connect_task_new(rn_job *job, const rn_settings *settings, rn_deadline deadline,
                                     void (*done)(rn_task *), rn_error *err) {
  rn_connect_task *task = calloc(1, sizeof *task);
  if (!task || rn_settings_copy(&task->settings, settings, NULL) != RN_OK) {
    free(task);
    no_memory(err);
    return NULL;
  }
  stamp(&task->base, job, connect_run, done, connect_drop);
  task->job = job;
  task->driver = rn_pool_driver(job->pool);
  task->deadline = deadline;
  return task;
}

/* ---- statement ---- */

static rn_status run_statement(rn_statement_task *task) {
  const rn_driver *driver = task->driver;
  rn_error *err = &task->error;

  if (__atomic_load_n(&task->stop, __ATOMIC_RELAXED) || rn_deadline_passed(task->deadline))
    return rn_error_set(err, RN_E_TIMEOUT, "the statement's deadline passed before it was started");
  driver->limit(task->session, task->deadline);
  if (driver->send(task->session, task->statement, &task->params, err) != RN_OK) return RN_FAIL;
  for (rn_step step; (step = driver->step(task->session, err)) != RN_STEP_DONE;)
    if (step == RN_STEP_FAILED) return RN_FAIL;
  rn_result *live = driver->take(task->session, err);
  if (!live) return RN_FAIL;
  task->result = rn_packed_drain(live, &task->stop, err);
  return task->result ? RN_OK : RN_FAIL;
}

static void statement_run(rn_task *base) {
  (void)run_statement((rn_statement_task *)base);
}

void rn_statement_task_free(rn_statement_task *task) {
  if (task->result) task->result->ops->free(task->result);
  rn_arena_free(&task->params.arena);
  rn_statement_release(task->statement);
  rn_error_clear(&task->error);
  free(task);
}

static void statement_drop(rn_task *base) {
  rn_statement_task *task = (rn_statement_task *)base;
  if (base->orphan) close_session(base, task->driver, task->session);
  rn_statement_task_free(task);
}

rn_statement_task *rn_statement_task_new(rn_job *job, void (*done)(rn_task *), rn_error *err) {
  rn_statement_task *task = calloc(1, sizeof *task);
  if (!task) {
    no_memory(err);
    return NULL;
  }
  stamp(&task->base, job, statement_run, done, statement_drop);
  task->job = job;
  task->driver = job->conn->driver;
  task->session = job->conn->session;
  task->statement = rn_statement_retain(job->statement);
  task->params = job->params;
  memset(&job->params, 0, sizeof job->params);
  task->deadline = job->deadline;
  return task;
}

/* ---- cancel ---- */

static void cancel_run(rn_task *base) {
  rn_cancel_task *task = (rn_cancel_task *)base;
  task->driver->cancel(task->session);
}

static void cancel_drop(rn_task *base) {
  rn_cancel_task *task = (rn_cancel_task *)base;
  if (base->orphan) close_session(base, task->driver, task->session);
  free(task);
}

rn_cancel_task *rn_cancel_task_new(rn_job *job, void (*done)(rn_task *)) {
  rn_cancel_task *task = calloc(1, sizeof *task);
  if (!task) return NULL;
  stamp(&task->base, job, cancel_run, done, cancel_drop);
  task->job = job;
  task->driver = job->conn->driver;
  task->session = job->conn->session;
  return task;
}
