/* Running statements on real databases: SQLite always, PostgreSQL when ROWAN_TEST_POSTGRES holds a conninfo
 * (its role must be allowed to end its own sessions); without it the part that needs it says that it is
 * skipped. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "exec/exec.h"

static char folder[] = "/tmp/rowan-exec-XXXXXX";
static const char *conninfo;

/* ---- helpers ---- */

/* The name tells sessions of this test from those of others that use the server at the same time. */
static char application[32];

static rn_pool *open_pool(const char *driver, const char *key, const char *value, int max) {
  bool postgres = strcmp(driver, "postgres") == 0;
  const char *keys[] = { key, postgres ? "application_name" : NULL, NULL };
  const char *values[] = { value, application, NULL };
  rn_settings settings = { .driver = driver, .keys = keys, .values = values, .connect_timeout_ms = 10000,
                           .busy_timeout_ms = 20000, .statement_cache = 10 };
  rn_pool_options options = { .max = max, .acquire_timeout_ms = 10000 };
  rn_error err = { 0 };
  rn_pool *pool = rn_pool_open(&settings, &options, &err);
  if (!pool) {
    fprintf(stderr, "no pool: %s\n", err.message);
    exit(1);
  }
  return pool;
}

static rn_pool *open_postgres(int max) {
  return open_pool("postgres", "dbname", conninfo, max);
}

static rn_pool *open_sqlite(const char *name, int max) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s.db", folder, name);
  return open_pool("sqlite", "path", path, max);
}

static void end_pool(rn_pool *pool) {
  rn_pool_close(pool);
  rn_pool_release(pool);
}

/* One integer parameter when the text has a place for it. */
static rn_statement *make(const char *text) {
  bool one = strstr(text, "$1") || strstr(text, "?1");
  return rn_statement_new(text, strlen(text), "I", NULL, one, NULL, 0, false, NULL);
}

static rn_params integer_param(int64_t value) {
  rn_params params = { .count = 1 };
  params.at = rn_arena_alloc(&params.arena, sizeof *params.at);
  params.at[0] = (rn_param){ 'I', { .kind = RN_INT, .u.i = value } };
  return params;
}

static char said[512]; /* all of an answer, or its error: "kind sqlstate" */
static char message[512];

static const char *show(rn_result *result, rn_error *err) {
  rn_value cells[16];
  rn_row row = RN_END;
  size_t at = 0;
  said[0] = message[0] = '\0';
  while (result && (row = result->ops->next(result, cells, err)) == RN_ROW && at < sizeof said - 64) {
    for (size_t i = 0; i < result->columns; i++) {
      if (at > 0) at += (size_t)snprintf(said + at, sizeof said - at, " ");
      if (cells[i].kind == RN_TEXT)
        at += (size_t)snprintf(said + at, sizeof said - at, "%.*s", (int)cells[i].u.s.size,
                               cells[i].u.s.bytes);
      else
        at += (size_t)snprintf(said + at, sizeof said - at, "%lld",
                               cells[i].kind == RN_NULL ? -1LL : (long long)cells[i].u.i);
    }
  }
  if (!result || row == RN_ROW_FAILED) {
    snprintf(said, sizeof said, "error %d %s", (int)err->kind, err->sqlstate);
    snprintf(message, sizeof message, "%s", err->message ? err->message : "");
  }
  rn_error_clear(err);
  return said;
}

static const char *error_text(rn_error_kind kind, const char *sqlstate) {
  static char text[32];
  snprintf(text, sizeof text, "error %d %s", (int)kind, sqlstate);
  return text;
}

static const char *run_with(rn_pool *pool, rn_lease *lease, const char *text, int64_t value,
                            int64_t timeout_ms) {
  rn_straight run;
  rn_error err = { 0 };
  rn_statement *statement = make(text);
  rn_params params = { 0 };
  if (statement->param_count) params = integer_param(value);
  rn_deadline deadline = rn_deadline_after(timeout_ms);
  if (rn_straight_begin(&run, pool, lease, statement, &params, deadline, &err) == RN_OK) {
    show(run.result, &err);
    rn_straight_end(&run, strncmp(said, "error", 5) == 0);
  } else {
    show(NULL, &err);
  }
  rn_arena_free(&params.arena);
  rn_statement_release(statement);
  return said;
}

static const char *run(rn_pool *pool, const char *text) {
  return run_with(pool, NULL, text, 0, 0);
}

static rn_job *submit_with(rn_pool *pool, rn_lease *lease, const char *text, int64_t value,
                           int64_t timeout_ms) {
  rn_statement *statement = make(text);
  rn_params params = { 0 };
  if (statement->param_count) params = integer_param(value);
  rn_job *job = rn_job_submit(pool, lease, statement, &params, rn_deadline_after(timeout_ms), NULL);
  CHECK(job && !params.at); /* moved */
  rn_statement_release(statement);
  return job;
}

static rn_job *submit(rn_pool *pool, const char *text) {
  return submit_with(pool, NULL, text, 0, 0);
}

/* As a foreign loop does it: waits for the one descriptor and for nothing else. */
static void turn(void) {
  struct pollfd fd = { .fd = rn_runtime_pollfd(NULL), .events = POLLIN };
  int64_t ids[16];
  CHECK(poll(&fd, 1, 20000) == 1);
  while (rn_runtime_process(ids, 16) == 16) {}
}

static const char *take(rn_job *job) {
  rn_error err = { 0 };
  while (rn_job_where(job) != RN_JOB_DONE) turn();
  rn_result *result = rn_job_take_result(job, &err);
  show(result, &err);
  if (result) result->ops->free(result);
  rn_job_release(job);
  return said;
}

static bool quiet(int64_t ms) {
  rn_deadline deadline = rn_deadline_after(ms);
  while (rn_runtime_inflight() > 0 && !rn_deadline_passed(deadline)) {
    rn_runtime_wait(50);
    rn_runtime_process(NULL, 0);
  }
  return rn_runtime_inflight() == 0;
}

static void check_pool(rn_pool *pool, int total, int idle, int line) {
  rn_pool_stats stats = rn_pool_get_stats(pool);
  check_that(stats.total == total && stats.idle == idle && stats.waiting == 0, "statistics", __FILE__, line);
}
#define STATS(pool, total, idle) check_pool(pool, total, idle, __LINE__)

static const char slow_sqlite[] =
  "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?1) SELECT count(*) FROM s";
#define OTHERS                                                                                               \
  "FROM pg_stat_activity WHERE application_name = current_setting('application_name')"                       \
  " AND pid <> pg_backend_pid()"
static const char count_sleeping[] = "SELECT count(*) " OTHERS
                                     " AND query LIKE '%pg_sleep%' AND state = 'active'";
static const char sleep_some[] = "SELECT 1 FROM pg_sleep($1::int8 / 1000.0)";

/* ---- SQLite ---- */

static void sqlite_runs_straight_and_on_threads_alike(void) {
  rn_pool *pool = open_sqlite("alike", 3);
  CHECK_TEXT(run(pool, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"), "");
  for (int i = 1; i <= 3; i++) {
    int id = 2 * i;
    CHECK_INT(atoi(run_with(pool, NULL, "INSERT INTO t VALUES (?1, 'straight') RETURNING id", id, 0)), id);
    id++;
    rn_job *job = submit_with(pool, NULL, "INSERT INTO t VALUES (?1, 'thread') RETURNING id", id, 0);
    CHECK_INT(atoi(take(job)), id);
  }
  static const char all[] = "2 straight 3 thread 4 straight 5 thread 6 straight 7 thread";
  CHECK_TEXT(run(pool, "SELECT * FROM t"), all);
  CHECK_TEXT(take(submit(pool, "SELECT * FROM t")), all);
  rn_job *job = submit(pool, "UPDATE t SET name = 'x' WHERE id > 4");
  while (rn_job_where(job) != RN_JOB_DONE) turn();
  rn_result *result = rn_job_take_result(job, NULL);
  CHECK(result && result->affected == 3 && result->columns == 0);
  result->ops->free(result);
  rn_job_release(job);
  job = submit(pool, "INSERT INTO t (name) VALUES ('last')");
  while (rn_job_where(job) != RN_JOB_DONE) turn();
  result = rn_job_take_result(job, NULL);
  CHECK(result && result->affected == 1 && result->last_id == 8);
  result->ops->free(result);
  rn_job_release(job);
  CHECK_TEXT(take(submit_with(pool, NULL, "INSERT INTO t VALUES (?1, 'again')", 2, 0)),
             error_text(RN_E_DATABASE, "23505"));
  CHECK_TEXT(run(pool, "SELEC 1"), error_text(RN_E_DATABASE, "42601"));
  CHECK_TEXT(take(submit(pool, "SELEC 1")), error_text(RN_E_DATABASE, "42601"));
  STATS(pool, 1, 1);
  end_pool(pool);
}

static void sqlite_statements_end_by_their_deadline_and_when_abandoned(void) {
  rn_pool *pool = open_sqlite("deadline", 2);
  int64_t began = rn_clock_ms();
  CHECK_TEXT(run_with(pool, NULL, slow_sqlite, 1000000000000, 100), error_text(RN_E_TIMEOUT, "57014"));
  rn_job *job = submit_with(pool, NULL, slow_sqlite, 1000000000000, 100);
  CHECK_TEXT(take(job), error_text(RN_E_TIMEOUT, "57014"));
  job = submit_with(pool, NULL, slow_sqlite, 1000000000000, 0);
  (void)poll(NULL, 0, 50);
  rn_job_release(job);
  for (int i = 0; i < 50; i++) /* at any moment */
    rn_job_release(submit_with(pool, NULL, slow_sqlite, 1000000000000, 0));
  CHECK(quiet(5000));
  CHECK(rn_clock_ms() - began < 10000);
  CHECK_TEXT(take(submit_with(pool, NULL, slow_sqlite, 1000, 5000)), "1000");
  rn_pool_stats stats = rn_pool_get_stats(pool);
  CHECK(stats.total > 0 && stats.idle == stats.total);
  end_pool(pool);
}

static void sqlite_transactions_keep_their_connection(void) {
  rn_pool *pool = open_sqlite("transaction", 2);
  CHECK_TEXT(run(pool, "CREATE TABLE t (id INTEGER)"), "");
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  CHECK_TEXT(run_with(pool, lease, "BEGIN IMMEDIATE", 0, 0), "");
  CHECK(rn_lease_tx(lease) == RN_TX_OPEN);
  CHECK_TEXT(take(submit_with(pool, lease, "INSERT INTO t VALUES (?1)", 1, 0)), "");
  CHECK_TEXT(run_with(pool, lease, "SELECT count(*) FROM t", 0, 0), "1");
  CHECK_TEXT(take(submit(pool, "SELECT count(*) FROM t")), "0");
  rn_job *waits = submit_with(pool, NULL, "INSERT INTO t VALUES (?1)", 2, 0); /* for the lock */
  rn_job *busy = submit_with(pool, lease, slow_sqlite, 300000, 0);
  CHECK_TEXT(take(submit_with(pool, lease, "SELECT 1", 0, 0)), error_text(RN_E_USAGE, ""));
  CHECK_TEXT(run_with(pool, lease, "SELECT 1", 0, 0), error_text(RN_E_USAGE, ""));
  CHECK_TEXT(take(busy), "300000");
  CHECK_TEXT(take(submit_with(pool, lease, "COMMIT", 0, 0)), "");
  CHECK(rn_lease_tx(lease) == RN_TX_IDLE);
  CHECK_TEXT(take(waits), "");
  CHECK_TEXT(run(pool, "SELECT count(*) FROM t"), "2");
  CHECK_TEXT(run_with(pool, lease, "BEGIN IMMEDIATE", 0, 0), "");
  CHECK_TEXT(run_with(pool, lease, "DELETE FROM t", 0, 0), "");
  CHECK(rn_lease_release(lease, NULL) == RN_OK); /* open: closed by the pool, which rolls it back */
  rn_lease_unref(lease);
  STATS(pool, 1, 1);
  CHECK_TEXT(run(pool, "SELECT count(*) FROM t"), "2");
  end_pool(pool);
}

/* ---- PostgreSQL ---- */

static void one_descriptor_stands_for_all_that_is_under_way(void) {
  rn_pool *pool = open_postgres(8), *files = open_sqlite("overlap", 2);
  rn_job *jobs[10];
  for (int i = 0; i < 8; i++) jobs[i] = submit(pool, "SELECT 1"); /* connects */
  for (int i = 0; i < 8; i++) CHECK_TEXT(take(jobs[i]), "1");
  int64_t began = rn_clock_ms();
  for (int i = 0; i < 8; i++) jobs[i] = submit_with(pool, NULL, sleep_some, 600, 0);
  for (int i = 8; i < 10; i++) jobs[i] = submit_with(files, NULL, slow_sqlite, 50000, 0);
  CHECK(rn_clock_ms() - began < 500); /* to submit waits for nothing */
  CHECK(rn_runtime_inflight() == 10);
  for (int i = 0; i < 8; i++) CHECK_TEXT(take(jobs[i]), "1");
  for (int i = 8; i < 10; i++) CHECK_TEXT(take(jobs[i]), "50000");
  int64_t took = rn_clock_ms() - began;
  CHECK(took >= 600 && took < 3000); /* one after the other: 4800 and more */
  CHECK_INT(rn_runtime_inflight(), 0);
  STATS(pool, 8, 8);
  end_pool(pool);
  end_pool(files);
}

static void more_statements_than_connections_run_in_order(void) {
  enum { COUNT = 200 };
  rn_pool *pool = open_postgres(1);
  rn_job *jobs[COUNT];
  int64_t ids[COUNT], wanted[COUNT];
  size_t seen = 0;
  CHECK_TEXT(run(pool, "CREATE TEMP TABLE seen (n serial, v int8)"), "");
  for (int i = 0; i < COUNT; i++) {
    jobs[i] = submit_with(pool, NULL, "INSERT INTO seen (v) VALUES ($1)", i, 0);
    wanted[i] = rn_job_id(jobs[i]);
  }
  CHECK_INT(rn_pool_get_stats(pool).waiting, COUNT - 1);
  while (seen < COUNT) {
    rn_runtime_wait(10000);
    seen += rn_runtime_process(ids + seen, COUNT - seen);
  }
  CHECK(memcmp(ids, wanted, sizeof ids) == 0);
  for (int i = 0; i < COUNT; i++) take(jobs[i]);
  CHECK_TEXT(run(pool, "SELECT count(*) FROM seen WHERE n = v + 1"), "200");
  STATS(pool, 1, 1);
  end_pool(pool);
}

static void postgres_deadlines_cancel_at_the_server(void) {
  rn_pool *pool = open_postgres(2);
  int64_t began = rn_clock_ms();
  char pid[32];
  snprintf(pid, sizeof pid, "%s", run(pool, "SELECT pg_backend_pid()"));
  CHECK_TEXT(run_with(pool, NULL, sleep_some, 20000, 150), error_text(RN_E_TIMEOUT, "57014"));
  CHECK_TEXT(message, "the statement did not end by its deadline and was cancelled");
  CHECK_TEXT(take(submit_with(pool, NULL, sleep_some, 20000, 150)), error_text(RN_E_TIMEOUT, "57014"));
  CHECK(rn_clock_ms() - began < 5000);
  CHECK(quiet(2000));
  CHECK_TEXT(run(pool, "SELECT pg_backend_pid()"), pid); /* the connection goes on */
  CHECK_TEXT(run(pool, count_sleeping), "0");
  for (int i = 0; i < 40; i++) { /* a cancel must never meet the statement that comes next */
    rn_job *a = submit_with(pool, NULL, sleep_some, i % 4, 1 + i % 3);
    rn_job *b = submit_with(pool, NULL, sleep_some, 1, 0);
    take(a);
    CHECK_TEXT(take(b), "1");
  }
  end_pool(pool);
}

static void postgres_abandoned_statements_stop_and_their_connections_come_back(void) {
  rn_pool *pool = open_postgres(2);
  rn_job *running[2], *queued[3];
  for (int i = 0; i < 2; i++) running[i] = submit_with(pool, NULL, sleep_some, 20000, 0);
  for (int i = 0; i < 3; i++) queued[i] = submit(pool, "SELECT 7");
  while (rn_job_where(running[0]) != RN_JOB_RUNNING || rn_job_where(running[1]) != RN_JOB_RUNNING) turn();
  (void)poll(NULL, 0, 50);
  int64_t began = rn_clock_ms();
  rn_job_abandon(queued[1]);
  for (int i = 0; i < 2; i++) rn_job_release(running[i]);
  CHECK_TEXT(take(queued[0]), "7");
  CHECK_TEXT(take(queued[2]), "7");
  rn_job_release(queued[1]);
  CHECK(quiet(5000) && rn_clock_ms() - began < 5000);
  STATS(pool, 2, 2);
  CHECK_TEXT(run(pool, count_sleeping), "0");
  end_pool(pool);
}

static void postgres_transactions_keep_their_connection(void) {
  rn_pool *pool = open_postgres(2);
  rn_error err = { 0 };
  rn_job *job = rn_job_submit(pool, NULL, NULL, NULL, 0, NULL);
  while (rn_job_where(job) != RN_JOB_DONE) turn();
  rn_lease *lease = rn_job_take_lease(job, &err);
  rn_job_release(job);
  CHECK(lease && rn_lease_tx(lease) == RN_TX_IDLE);
  CHECK_TEXT(take(submit_with(pool, lease, "BEGIN", 0, 0)), "");
  CHECK(rn_lease_tx(lease) == RN_TX_OPEN);
  job = submit_with(pool, lease, sleep_some, 100, 0);
  CHECK_TEXT(take(submit_with(pool, lease, "SELECT 1", 0, 0)), error_text(RN_E_USAGE, ""));
  CHECK(rn_lease_release(lease, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  CHECK_TEXT(take(job), "1");
  CHECK_TEXT(take(submit_with(pool, lease, sleep_some, 20000, 50)), error_text(RN_E_TIMEOUT, "57014"));
  CHECK(quiet(2000));
  CHECK(rn_lease_tx(lease) == RN_TX_FAILED);
  CHECK_TEXT(run_with(pool, lease, "SELECT 1", 0, 0), error_text(RN_E_DATABASE, "25P02"));
  CHECK_TEXT(run_with(pool, lease, "ROLLBACK", 0, 0), "");
  CHECK(rn_lease_tx(lease) == RN_TX_IDLE);
  CHECK_TEXT(run_with(pool, lease, "BEGIN", 0, 0), "");
  CHECK(rn_lease_release(lease, NULL) == RN_OK);
  rn_lease_unref(lease);
  STATS(pool, 0, 0);

  rn_lease *both[2];
  for (int i = 0; i < 2; i++) both[i] = rn_straight_lease(pool, 0, NULL);
  CHECK_TEXT(run(pool, "SELECT 1"), error_text(RN_E_ACQUIRE, ""));
  CHECK_TEXT(message, "all 2 connections are held by open transactions or unread results of this thread");
  CHECK_TEXT(take(submit_with(pool, NULL, "SELECT 1", 0, 50)), error_text(RN_E_ACQUIRE, ""));
  CHECK(strstr(message, "(max 2, in use 2, waiting 1)") != NULL);
  job = submit(pool, "SELECT 5");
  rn_lease_release(both[0], NULL);
  CHECK_TEXT(take(job), "5");
  rn_lease_release(both[1], NULL);
  for (int i = 0; i < 2; i++) rn_lease_unref(both[i]);
  STATS(pool, 2, 2);
  end_pool(pool);
}

static bool is_lost(const char *text) {
  char start[16];
  snprintf(start, sizeof start, "error %d ", RN_E_LOST);
  return strncmp(text, start, strlen(start)) == 0;
}

static void a_killed_backend_fails_its_statement_only(void) {
  rn_pool *pool = open_postgres(3);
  rn_job *a = submit_with(pool, NULL, sleep_some, 1000, 0), *b = submit_with(pool, NULL, sleep_some, 1000, 0);
  while (rn_job_where(a) != RN_JOB_RUNNING || rn_job_where(b) != RN_JOB_RUNNING) turn();
  (void)poll(NULL, 0, 100);
  CHECK_TEXT(run(pool, "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid " OTHERS
                       " AND query LIKE '%pg_sleep%' AND state = 'active' LIMIT 1) AS v"), "1");
  /* Which of the two it was is the server's to say. */
  int lost = is_lost(take(a)), ran = strcmp(said, "1") == 0;
  lost += is_lost(take(b));
  ran += strcmp(said, "1") == 0;
  CHECK(lost == 1 && ran == 1);
  STATS(pool, 2, 2);
  CHECK_TEXT(take(submit(pool, "SELECT 1")), "1");
  CHECK_TEXT(run(pool, "SELECT count(pg_terminate_backend(pid)) " OTHERS " AND state = 'idle'"), "1");
  (void)poll(NULL, 0, 600); /* idle for longer than is trusted */
  for (int i = 0; i < 3; i++) CHECK_TEXT(run(pool, "SELECT 1"), "1");
  end_pool(pool);
}

static void refused_connects_are_told(void) {
  rn_pool *pool = open_pool("postgres", "dbname", "host=/nowhere-at-all user=nobody dbname=nothing", 2);
  CHECK_TEXT(run(pool, "SELECT 1"), error_text(RN_E_CONNECT, ""));
  rn_job *a = submit(pool, "SELECT 1"), *b = submit(pool, "SELECT 1"), *c = submit(pool, "SELECT 1");
  CHECK_TEXT(take(a), error_text(RN_E_CONNECT, ""));
  CHECK_TEXT(take(b), error_text(RN_E_CONNECT, ""));
  CHECK_TEXT(take(c), error_text(RN_E_CONNECT, ""));
  STATS(pool, 0, 0);
  end_pool(pool);
}

static int child(rn_pool *pool, rn_pool *files, const char *pid) {
  alarm(20);
  check_failed = 0;
  CHECK(strcmp(run(pool, "SELECT pg_backend_pid()"), pid) != 0);
  CHECK_TEXT(take(submit_with(pool, NULL, sleep_some, 50, 0)), "1");
  CHECK_TEXT(take(submit_with(pool, NULL, sleep_some, 20000, 50)), error_text(RN_E_TIMEOUT, "57014"));
  CHECK_TEXT(take(submit(files, "INSERT INTO t VALUES (2) RETURNING id")), "2");
  CHECK_TEXT(run(files, "SELECT count(*) FROM t"), "2");
  CHECK(quiet(2000));
  end_pool(pool);
  end_pool(files);
  return check_failed ? 1 : 0;
}

static void a_child_has_connections_of_its_own(void) {
  rn_pool *pool = open_postgres(2), *files = open_sqlite("fork", 2);
  char pid[32];
  CHECK_TEXT(run(files, "CREATE TABLE t (id INTEGER)"), "");
  CHECK_TEXT(take(submit(files, "INSERT INTO t VALUES (1) RETURNING id")), "1");
  snprintf(pid, sizeof pid, "%s", run(pool, "SELECT pg_backend_pid()"));
  rn_job *job = submit_with(pool, NULL, "SELECT 1 FROM pg_sleep($1::int8 / 1000.0)", 300, 0);
  fflush(stdout);
  fflush(stderr);
  pid_t forked = fork();
  if (forked == 0) {
    int failed = child(pool, files, pid);
    fflush(stderr);
    _exit(failed);
  }
  int status = -1;
  CHECK(waitpid(forked, &status, 0) == forked && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_TEXT(take(job), "1");
  CHECK_TEXT(run(pool, "SELECT pg_backend_pid()"), pid);
  CHECK_TEXT(run(files, "SELECT count(*) FROM t"), "2");
  end_pool(pool);
  end_pool(files);
}

static void large_answers_and_parameters_go_through_the_pollset(void) {
  rn_pool *pool = open_postgres(2);
  rn_job *a = submit_with(
    pool, NULL, "SELECT sum(length(repeat(md5(i::text), 100))) FROM generate_series(1, $1) AS i", 20000, 0);
  rn_job *b =
    submit_with(pool, NULL, "SELECT i, repeat('x', 100) FROM generate_series(1, $1) AS i", 50000, 0);
  CHECK_TEXT(take(a), "64000000");
  while (rn_job_where(b) != RN_JOB_DONE) turn();
  rn_result *result = rn_job_take_result(b, NULL);
  rn_value cells[2];
  int64_t rows = 0;
  while (result && result->ops->next(result, cells, NULL) == RN_ROW) rows++;
  CHECK_INT(rows, 50000);
  if (result) result->ops->free(result);
  rn_job_release(b);

  /* More than the socket's buffers hold: sending has to wait as well. */
  enum { BYTES = 8 << 20 };
  rn_statement *statement = rn_statement_new("SELECT length($1)", 17, "s", NULL, 1, NULL, 0, false, NULL);
  rn_params params = { .count = 1 };
  params.at = rn_arena_alloc(&params.arena, sizeof *params.at);
  char *text = rn_arena_alloc(&params.arena, BYTES);
  memset(text, 'y', BYTES);
  params.at[0] = (rn_param){ 's', { .kind = RN_TEXT, .u.s = { text, BYTES } } };
  rn_job *job = rn_job_submit(pool, NULL, statement, &params, 0, NULL);
  CHECK_TEXT(take(job), "8388608");
  rn_statement_release(statement);
  end_pool(pool);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  snprintf(application, sizeof application, "rowan-exec-%d", (int)getpid());
  sqlite_runs_straight_and_on_threads_alike();
  sqlite_statements_end_by_their_deadline_and_when_abandoned();
  sqlite_transactions_keep_their_connection();
  refused_connects_are_told();
  conninfo = getenv("ROWAN_TEST_POSTGRES");
  if (conninfo && *conninfo) {
    one_descriptor_stands_for_all_that_is_under_way();
    more_statements_than_connections_run_in_order();
    postgres_deadlines_cancel_at_the_server();
    postgres_abandoned_statements_stop_and_their_connections_come_back();
    postgres_transactions_keep_their_connection();
    a_killed_backend_fails_its_statement_only();
    a_child_has_connections_of_its_own();
    large_answers_and_parameters_go_through_the_pollset();
  } else {
    puts("skipped what needs PostgreSQL: ROWAN_TEST_POSTGRES is not set");
  }
  CHECK_INT(rn_runtime_inflight(), 0);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command) != 0) return 1;
  return check_done();
}
