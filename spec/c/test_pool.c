/* The pool and waiting for it, on the straight path and by tickets, against a scripted driver
 * (fake_driver.h): no database. What goes wrong while statements run is in test_faults.c. */
#include "fake_ask.h"

/* ---- opening, taking, giving back ---- */

static void pool_refuses_nonsense(void) {
  rn_error err = { 0 };
  rn_settings settings = { .driver = "oracle" };
  CHECK(!rn_pool_open(&settings, &one, &err) && err.kind == RN_E_USAGE);
  CHECK_TEXT(err.message, "there is no driver \"oracle\"");
  settings.driver = "fake";
  CHECK(!rn_pool_open(&settings, &(rn_pool_options){ .max = 0 }, &err) && err.kind == RN_E_USAGE);
  CHECK(!rn_pool_open(&settings, &(rn_pool_options){ .max = 1, .min = 2 }, &err) && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
}

static void settings_are_copied_and_statements_described(void) {
  char value[] = "secret";
  const char *keys[] = { "user", "password", "empty", NULL }, *values[] = { "me", value, NULL, NULL };
  rn_settings settings = { .driver = "fake", .keys = keys, .values = values, .busy_timeout_ms = 7 }, copy;
  CHECK(rn_settings_copy(&copy, &settings, NULL) == RN_OK);
  memset(value, 'x', sizeof value - 1);
  CHECK_TEXT(copy.driver, "fake");
  CHECK_TEXT(copy.keys[1], "password");
  CHECK_TEXT(copy.values[1], "secret");
  CHECK(copy.values[2] == NULL && copy.keys[3] == NULL && copy.busy_timeout_ms == 7);
  rn_settings_free(&copy);
  settings.keys = settings.values = NULL;
  CHECK(rn_settings_copy(&copy, &settings, NULL) == RN_OK && copy.keys[0] == NULL);
  rn_settings_free(&copy);

  rn_column columns[] = { { 'n', 2 }, { 's', -1 } };
  rn_statement *a = rn_statement_new("select ?", 8, "i", (bool[]){ true }, 1, columns, 2, false, NULL);
  rn_statement *b = rn_statement_new("select ?", 8, "i", NULL, 1, NULL, 0, false, NULL);
  rn_statement *c = rn_statement_new("select ?", 8, "I", NULL, 1, NULL, 0, false, NULL);
  CHECK(a->param_lists[0] && !b->param_lists[0] && a->param_codes[0] == 'i' && a->column_count == 2);
  CHECK(a->columns[0].scale == 2 && a->columns[1].code == 's' && b->column_count == 0);
  CHECK_TEXT(a->text, "select ?");
  CHECK(a->hash != b->hash && b->hash != c->hash && a->hash != c->hash);
  rn_statement_release(rn_statement_retain(a));
  rn_statement_release(a);
  rn_statement_release(b);
  rn_statement_release(c);
  rn_statement_release(NULL);
}

static void pool_opens_nothing_before_it_is_needed_and_keeps_what_it_opened(void) {
  rn_pool *pool = open_fake(two);
  STATS(pool, 0, 0, 0);
  CHECK_INT(fake.opens, 0);
  CHECK_INT(run(pool, "answer 0"), 1);
  STATS(pool, 1, 1, 0);
  CHECK_INT(run(pool, "answer 0"), 1);
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  CHECK_INT(run(pool, "answer 0"), 2);
  STATS(pool, 2, 1, 0);
  CHECK(rn_lease_release(lease, NULL) == RN_OK);
  CHECK(rn_lease_release(lease, NULL) == RN_OK);
  rn_lease_unref(lease);
  CHECK_INT(run(pool, "answer 0"), 1); /* the last used is the first taken */
  CHECK_INT(fake.opens, 2);
  CHECK_INT(fake.looks, 0);
  end_pool(pool);
  CHECK_INT(fake.closes, 2);
}

static void a_connection_idle_for_long_is_looked_at_and_replaced_when_dead(void) {
  rn_pool *pool = open_fake(two);
  CHECK_INT(run(pool, "answer 0"), 1);
  pause_ms(550);
  CHECK_INT(run(pool, "answer 0"), 1);
  CHECK_INT(fake.looks, 1);
  pause_ms(550);
  fake.dead = 1;
  CHECK_INT(run(pool, "answer 0"), 2);
  CHECK_INT(fake.closes, 1);
  STATS(pool, 1, 1, 0);
  end_pool(pool);
}

static void a_connection_in_an_unknown_state_is_not_reused(void) {
  static const char *const words[] = { "begin", "spoil", "lost 1" };
  rn_pool *pool = open_fake(one);
  for (int i = 0; i < 3; i++) {
    run(pool, words[i]);
    STATS(pool, 0, 0, 0);
    CHECK_INT(run(pool, "answer 0"), 2 * i + 2);
    rn_lease *lease = rn_straight_lease(pool, 0, NULL);
    run_on(pool, lease, words[i], 0);
    CHECK(rn_lease_tx(lease) != RN_TX_IDLE);
    CHECK(rn_lease_release(lease, NULL) == RN_OK);
    rn_lease_unref(lease);
    STATS(pool, 0, 0, 0);
  }
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  rn_lease_unref(lease); /* never released: a finaliser does not ask */
  STATS(pool, 0, 0, 0);
  lease = rn_straight_lease(pool, 0, NULL);
  CHECK(run_on(pool, lease, "begin", 0) > 0 && rn_lease_tx(lease) == RN_TX_OPEN);
  CHECK(run_on(pool, lease, "commit", 0) > 0 && rn_lease_tx(lease) == RN_TX_IDLE);
  rn_lease_release(lease, NULL);
  CHECK(rn_lease_tx(lease) == RN_TX_UNKNOWN);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), -RN_E_CLOSED);
  rn_lease_unref(lease);
  STATS(pool, 1, 1, 0);
  CHECK_INT(run(pool, "refuse"), -RN_E_VALUE);
  CHECK_INT(run(pool, "fail 1"), -RN_E_DATABASE);
  STATS(pool, 1, 1, 0);
  end_pool(pool);
}

static void idle_connections_go_down_to_min_and_old_ones_go_altogether(void) {
  rn_pool *pool = open_fake((rn_pool_options){ .max = 4, .min = 1, .idle_timeout_ms = 60 });
  rn_lease *leases[4];
  for (int i = 0; i < 4; i++) leases[i] = rn_straight_lease(pool, 0, NULL);
  for (int i = 0; i < 4; i++) rn_lease_unref((rn_lease_release(leases[i], NULL), leases[i]));
  STATS(pool, 4, 4, 0);
  pause_ms(40);
  CHECK_INT(run(pool, "answer 0"), 4);
  pause_ms(40);
  rn_pool_tick(pool);
  STATS(pool, 1, 1, 0);
  pause_ms(80);
  rn_pools_tick();
  STATS(pool, 1, 1, 0);
  CHECK_INT(run(pool, "answer 0"), 4);
  end_pool(pool);

  pool = open_fake((rn_pool_options){ .max = 50, .min = 50, .lifetime_ms = 1000 });
  rn_lease *many[50];
  int64_t least = INT64_MAX, most = 0;
  for (int i = 0; i < 50; i++) {
    many[i] = rn_straight_lease(pool, 0, NULL);
    int64_t ms = many[i]->conn->lifetime_ms;
    least = ms < least ? ms : least;
    most = ms > most ? ms : most;
  }
  CHECK(least >= 900 && most <= 1100 && most - least > 50);
  for (int i = 0; i < 25; i++) rn_lease_unref((rn_lease_release(many[i], NULL), many[i]));
  STATS(pool, 50, 25, 0);
  pause_ms(1150);
  rn_pools_tick();
  STATS(pool, 25, 0, 0); /* those in use are not touched */
  for (int i = 25; i < 50; i++) rn_lease_unref((rn_lease_release(many[i], NULL), many[i]));
  STATS(pool, 0, 0, 0);
  end_pool(pool);
}

/* ---- connecting ---- */

static void a_refused_connect_is_told_to_its_caller_and_the_next_one_tries(void) {
  rn_pool *pool = open_fake(one);
  fake.connect_fails = 2;
  CHECK_INT(run(pool, "answer 0"), -RN_E_CONNECT);
  CHECK_TEXT(said, "connection 1 was refused");
  STATS(pool, 0, 0, 0);
  rn_job *a = submit(pool, "answer 0"), *b = submit(pool, "answer 0"), *c = submit_on(pool, NULL, NULL, 0);
  STATS(pool, 1, 0, 2);
  CHECK_INT(take(a), -RN_E_CONNECT);
  CHECK_INT(take(b), 3);
  rn_lease *lease = take_lease(c);
  CHECK(lease && rn_lease_tx(lease) == RN_TX_IDLE);
  rn_lease_release(lease, NULL);
  rn_lease_unref(lease);
  STATS(pool, 1, 1, 0);
  end_pool(pool);
}

static void ten_thousand_refused_waiters_need_no_deep_stack(void) {
  enum { COUNT = 10000 };
  rn_pool *pool = open_fake(one);
  rn_job **jobs = calloc(COUNT, sizeof *jobs);
  fake.connect_ms = 20;
  fake.connect_fails = COUNT;
  for (int i = 0; i < COUNT; i++) jobs[i] = submit(pool, "answer 0");
  STATS(pool, 1, 0, COUNT - 1);
  fake.connect_ms = 0;
  rn_pool_close(pool);
  int closed = 0, refused = 0;
  for (int i = 0; i < COUNT; i++) {
    int64_t got = take(jobs[i]);
    closed += got == -RN_E_CLOSED;
    refused += got == -RN_E_CONNECT;
  }
  CHECK_INT(refused, 1);
  CHECK_INT(closed, COUNT - 1);
  free(jobs);
  CHECK(quiet(1000));
  rn_pool_release(pool);
}

static void a_slow_connect_ends_by_the_deadline(void) {
  rn_pool *pool = open_fake(one);
  fake.connect_ms = 1000;
  int64_t began = rn_clock_ms();
  CHECK_INT(run_on(pool, NULL, "answer 0", 50), -RN_E_CONNECT);
  CHECK_INT(take(submit_on(pool, NULL, "answer 0", 50)), -RN_E_CONNECT);
  CHECK(rn_clock_ms() - began < 900);
  CHECK(quiet(3000));
  STATS(pool, 0, 0, 0);
  end_pool(pool);
}

/* ---- waiting for a connection ---- */

static void waiters_are_served_in_the_order_they_came(void) {
  enum { COUNT = 40 };
  rn_pool *pool = open_fake(one);
  rn_job *jobs[COUNT];
  int64_t ids[COUNT];
  size_t seen = 0;
  for (int i = 0; i < COUNT; i++) jobs[i] = submit(pool, i % 3 ? "answer 1" : "fail 0");
  STATS(pool, 1, 0, COUNT - 1);
  while (seen < COUNT) {
    rn_runtime_wait(1000);
    seen += process(ids + seen, COUNT - seen);
  }
  for (int i = 0; i < COUNT; i++) {
    CHECK_INT(ids[i], rn_job_id(jobs[i]));
    CHECK_INT(take(jobs[i]), i % 3 ? 1 : -RN_E_DATABASE);
  }
  CHECK_INT(fake.most, 1);
  end_pool(pool);
}

static void waiting_ends_by_the_acquire_deadline(void) {
  rn_pool *pool = open_fake((rn_pool_options){ .max = 1, .acquire_timeout_ms = 400 });
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  int64_t began = rn_clock_ms();
  rn_job *job = submit(pool, "answer 0"), *hasty = submit_on(pool, NULL, "answer 0", 30);
  CHECK_INT(take(hasty), -RN_E_ACQUIRE);
  CHECK(rn_clock_ms() - began < 350);
  CHECK_INT(take(job), -RN_E_ACQUIRE);
  int64_t waited = rn_clock_ms() - began;
  CHECK(waited >= 400 && waited < 2000);
  int ms = 0;
  char rest[64] = "";
  CHECK_INT(sscanf(said, "no connection became free within %d ms %63[^\n]", &ms, rest), 2);
  CHECK(ms >= 400 && ms < 2000);
  CHECK_TEXT(rest, "(max 1, in use 1, waiting 1)");
  CHECK_INT(run(pool, "answer 0"), -RN_E_ACQUIRE); /* at once: only this thread could release the lease */
  CHECK_TEXT(said, "all 1 connections are held by open transactions or unread results of this thread");
  CHECK(rn_clock_ms() - began < waited + 350);
  rn_lease_release(lease, NULL);
  rn_lease_unref(lease);
  CHECK_INT(run(pool, "answer 0"), 1);
  CHECK_INT(fake.sends, 1);
  end_pool(pool);
}

static void the_straight_path_waits_for_jobs_of_its_thread(void) {
  rn_pool *pool = open_fake(one);
  struct pollfd fd = { .events = POLLIN };
  int64_t ids[4];
  rn_job *job = submit(pool, "answer 60"), *second = submit(pool, "answer 20");
  CHECK_INT(run(pool, "answer 0"), 1); /* behind both */
  fd.fd = rn_runtime_pollfd(NULL);
  CHECK(poll(&fd, 1, 0) == 1); /* their ends are still to be told */
  CHECK(process(ids, 4) == 2 && ids[0] == rn_job_id(job) && ids[1] == rn_job_id(second));
  CHECK(poll(&fd, 1, 0) == 0);
  CHECK_INT(take(job), 1);
  CHECK_INT(take(second), 1);
  job = submit(pool, "answer 200");
  CHECK_INT(run_on(pool, NULL, "answer 0", 30), -RN_E_ACQUIRE);
  CHECK(strncmp(said, "no connection became free within", 32) == 0);
  CHECK_INT(take(job), 1);
  job = submit_on(pool, NULL, NULL, 0); /* a lease that nobody gives back */
  CHECK_INT(run(pool, "answer 0"), -RN_E_ACQUIRE);
  CHECK_TEXT(said, "all 1 connections are held by open transactions or unread results of this thread");
  rn_job_release(job);
  STATS(pool, 1, 1, 0);
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  job = submit_on(pool, lease, "answer 400", 0); /* its end frees nothing */
  int64_t began = rn_clock_ms();
  CHECK_INT(run(pool, "answer 0"), -RN_E_ACQUIRE);
  CHECK(rn_clock_ms() - began < 350);
  CHECK_INT(take(job), 1);
  rn_lease_release(lease, NULL);
  rn_lease_unref(lease);
  end_pool(pool);
}
/* ---- results, leases, closing ---- */

static void results_are_detached_from_their_connection(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    rn_pool *pool = open_named(drivers[i], one);
    rn_job *job = submit(pool, "rows 300");
    finish(job);
    CHECK_INT(run(pool, "answer 0"), 1); /* the connection is free already */
    rn_result *result = rn_job_take_result(job, NULL);
    rn_error err = { 0 };
    CHECK(!rn_job_take_result(job, &err) && err.kind == RN_E_USAGE);
    rn_error_clear(&err);
    rn_job_release(job);
    end_pool(pool);
    CHECK(result->detached && result->columns == 2 && result->rows == 300 && result->affected == -1);
    CHECK_TEXT(result->ops->name(result, 1), "name");
    CHECK_INT(result->ops->code(result, 1), 's');
    rn_value cells[2];
    int rows = 0;
    char text[16];
    while (result->ops->next(result, cells, NULL) == RN_ROW) {
      int size = snprintf(text, sizeof text, "row %d", rows);
      if (cells[0].u.i != rows || cells[1].u.s.size != (size_t)size) break;
      if (memcmp(cells[1].u.s.bytes, text, (size_t)size) != 0) break;
      rows++;
    }
    CHECK_INT(rows, 300);
    CHECK(result->ops->next(result, cells, NULL) == RN_END);
    result->ops->free(result);
    fake_reset();
  }
}

static void a_lease_runs_one_statement_at_a_time(void) {
  rn_pool *pool = open_fake(two), *other = open_fake(one);
  rn_lease *lease = take_lease(submit_on(pool, NULL, NULL, 0));
  rn_error err = { 0 };
  rn_job *job = submit_on(pool, lease, "answer 30", 0);
  CHECK(rn_lease_release(lease, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), -RN_E_USAGE);
  CHECK_INT(take(submit_on(pool, lease, "answer 0", 0)), -RN_E_USAGE);
  CHECK_INT(take(job), 1);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), 1);
  CHECK_INT(run_on(other, lease, "answer 0", 0), -RN_E_USAGE);
  CHECK_INT(take(submit_on(other, lease, "answer 0", 0)), -RN_E_USAGE);
  job = submit_on(pool, lease, "answer 30", 0);
  rn_lease_unref(lease); /* the job holds it for as long as it runs */
  CHECK_INT(take(job), 1);
  STATS(pool, 0, 0, 0);
  end_pool(pool);
  end_pool(other);
}

static void closing_fails_waiters_at_once_and_closes_the_rest_as_it_comes_back(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    rn_pool *pool = open_named(drivers[i], two);
    rn_lease *lease = rn_straight_lease(pool, 0, NULL);
    rn_job *running = submit(pool, "answer 400"), *waiting = submit(pool, "answer 0");
    while (rn_job_where(running) != RN_JOB_RUNNING) (rn_runtime_wait(100), rn_runtime_process(NULL, 0));
    rn_pool_close(pool);
    rn_pool_close(pool);
    CHECK(rn_pool_closed(pool) && rn_job_where(waiting) == RN_JOB_DONE);
    CHECK_INT(take(waiting), -RN_E_CLOSED);
    CHECK_TEXT(said, "the pool is closed");
    CHECK_INT(run(pool, "answer 0"), -RN_E_CLOSED);
    rn_error err = { 0 };
    CHECK(!rn_job_submit(pool, NULL, NULL, NULL, 0, &err) && err.kind == RN_E_CLOSED);
    rn_error_clear(&err);
    CHECK(!rn_straight_lease(pool, 0, NULL));
    rn_pool_release(pool); /* the lease and the job still hold it */
    CHECK(run_on(lease->conn->pool, lease, "answer 0", 0) > 0);
    CHECK(take(submit_on(lease->conn->pool, lease, "commit", 0)) > 0);
    STATS(lease->conn->pool, 2, 0, 0);
    CHECK_INT(take(running), -RN_E_CLOSED);
    CHECK_TEXT(said, "the pool was closed while the statement was under way: it may have run");
    STATS(lease->conn->pool, 1, 0, 0);
    rn_lease_release(lease, NULL);
    rn_lease_unref(lease);
    CHECK_INT(fake.live, 0);
    fake_reset();
  }
  rn_pool *pool = open_fake(one);
  fake.connect_ms = 50;
  rn_job *job = submit(pool, "answer 0");
  rn_pool_close(pool);
  rn_pool_release(pool);
  CHECK_INT(take(job), -RN_E_CLOSED);
  CHECK_INT(fake.closes, 1);
}

int main(void) {
  CLEAN(pool_refuses_nonsense);
  CLEAN(settings_are_copied_and_statements_described);
  CLEAN(pool_opens_nothing_before_it_is_needed_and_keeps_what_it_opened);
  CLEAN(a_connection_idle_for_long_is_looked_at_and_replaced_when_dead);
  CLEAN(a_connection_in_an_unknown_state_is_not_reused);
  CLEAN(idle_connections_go_down_to_min_and_old_ones_go_altogether);
  CLEAN(a_refused_connect_is_told_to_its_caller_and_the_next_one_tries);
  CLEAN(ten_thousand_refused_waiters_need_no_deep_stack);
  CLEAN(a_slow_connect_ends_by_the_deadline);
  CLEAN(waiters_are_served_in_the_order_they_came);
  CLEAN(waiting_ends_by_the_acquire_deadline);
  CLEAN(the_straight_path_waits_for_jobs_of_its_thread);
  CLEAN(results_are_detached_from_their_connection);
  CLEAN(a_lease_runs_one_statement_at_a_time);
  CLEAN(closing_fails_waiters_at_once_and_closes_the_rest_as_it_comes_back);
  return check_done();
}
