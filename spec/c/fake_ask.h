/* What the tests with the scripted driver share: pools, statements by straight calls and by tickets, outcomes
 * as numbers. One translation unit a test. */
#ifndef RN_SPEC_FAKE_ASK_H
#define RN_SPEC_FAKE_ASK_H

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "exec/exec.h"
#include "fake_driver.h"

static const rn_pool_options one = { .max = 1, .acquire_timeout_ms = 5000 };
static const rn_pool_options two = { .max = 2, .acquire_timeout_ms = 5000 };

static inline rn_pool *open_named(const char *driver, rn_pool_options options) {
  rn_settings settings = { .driver = driver, .connect_timeout_ms = 2000 };
  rn_error err = { 0 };
  rn_pool *pool = rn_pool_open(&settings, &options, &err);
  if (!pool) abort(); /* no CHECK: threads come here too, and its counters are plain */
  return pool;
}

static inline rn_pool *open_fake(rn_pool_options options) {
  return open_named("fake", options);
}

static inline void end_pool(rn_pool *pool) {
  rn_pool_close(pool);
  rn_pool_release(pool);
}

static inline rn_statement *say(const char *text) {
  return rn_statement_new(text, strlen(text), NULL, NULL, 0, NULL, 0, false, NULL);
}

static inline rn_job *submit_on(rn_pool *pool, rn_lease *lease, const char *text, int64_t timeout_ms) {
  rn_statement *statement = text ? say(text) : NULL;
  rn_job *job = rn_job_submit(pool, lease, statement, NULL, rn_deadline_after(timeout_ms), NULL);
  rn_statement_release(statement);
  return job;
}

static inline rn_job *submit(rn_pool *pool, const char *text) {
  return submit_on(pool, NULL, text, 0);
}

static inline size_t process(int64_t *ids, size_t cap) {
  size_t n = 0, got;
  int64_t some[8];
  while ((got = rn_runtime_process(some, 8)) > 0)
    for (size_t i = 0; i < got && n < cap; i++) ids[n++] = some[i];
  return n;
}

static inline void finish(rn_job *job) {
  int64_t ids[64];
  while (rn_job_where(job) != RN_JOB_DONE && rn_job_where(job) != RN_JOB_TAKEN) {
    rn_runtime_wait(5000);
    process(ids, 64);
  }
}

/* Until nothing is under way in this thread, or the time is over. */
static inline bool quiet(int64_t ms) {
  rn_deadline deadline = rn_deadline_after(ms);
  int64_t ids[64];
  for (;;) {
    process(ids, 64);
    if (rn_runtime_inflight() == 0) return true;
    if (rn_deadline_passed(deadline)) return false;
    rn_runtime_wait(rn_deadline_left_ms(deadline));
  }
}

static inline int64_t first_cell(rn_result *result) {
  rn_value cells[2];
  return result && result->ops->next(result, cells, NULL) == RN_ROW ? cells[0].u.i : -1;
}

/* The number of the session that answered, or minus the kind of the error; its message in `said`. */
static char said[256];

static inline int64_t outcome(rn_result *result, rn_error *err) {
  int64_t got = result ? first_cell(result) : -(int64_t)err->kind;
  snprintf(said, sizeof said, "%s", err->message ? err->message : "");
  if (result) result->ops->free(result);
  rn_error_clear(err);
  return got;
}

static inline int64_t take(rn_job *job) {
  rn_error err = { 0 };
  finish(job);
  int64_t got = outcome(rn_job_take_result(job, &err), &err);
  rn_job_release(job);
  return got;
}

static inline int64_t run_on(rn_pool *pool, rn_lease *lease, const char *text, int64_t timeout_ms) {
  rn_straight run;
  rn_error err = { 0 };
  rn_statement *statement = say(text);
  int64_t got;
  if (rn_straight_begin(&run, pool, lease, statement, NULL, rn_deadline_after(timeout_ms), &err) == RN_OK) {
    got = first_cell(run.result);
    rn_straight_end(&run, false);
  } else {
    got = outcome(NULL, &err);
  }
  rn_statement_release(statement);
  return got;
}

static inline int64_t run(rn_pool *pool, const char *text) {
  return run_on(pool, NULL, text, 0);
}

static inline rn_lease *take_lease(rn_job *job) {
  rn_error err = { 0 };
  finish(job);
  rn_lease *lease = rn_job_take_lease(job, &err);
  rn_error_clear(&err);
  rn_job_release(job);
  return lease;
}

static inline void check_stats(rn_pool *pool, int total, int idle, int waiting, int line) {
  rn_pool_stats stats = rn_pool_get_stats(pool);
  bool ok = stats.total == total && stats.idle == idle && stats.in_use == total - idle &&
            stats.waiting == waiting;
  check_that(ok, "the pool's statistics", __FILE__, line);
  if (!ok)
    fprintf(stderr, "  got total %d, idle %d, in use %d, waiting %d; want %d, %d, %d, %d\n", stats.total,
            stats.idle, stats.in_use, stats.waiting, total, idle, total - idle, waiting);
}
#define STATS(pool, total, idle, waiting) check_stats(pool, total, idle, waiting, __LINE__)

static inline void pause_ms(int ms) {
  (void)poll(NULL, 0, ms);
}

/* Runs a test from a clean state, and sees that the driver was never misused and nothing was left open. */
static inline void clean(const char *name, void (*test)(void)) {
  fake_reset();
  int before = fake.violations;
  test();
  if (!CHECK(quiet(3000) && fake.violations == before && fake.live == 0))
    fprintf(stderr, "  after %s\n", name);
}
#define CLEAN(test) clean(#test, test)

#endif
