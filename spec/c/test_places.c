/* Places: for who makes and ends connections himself, in a watched pool. Against the scripted driver; no
 * database. */
#include <sys/wait.h>
#include <unistd.h>

#include "fake_ask.h"

static rn_settings own(const char *driver) {
  return (rn_settings){ .driver = driver, .connect_timeout_ms = 2000 };
}

static rn_lease *place(rn_pool *pool) {
  rn_error err = { 0 };
  rn_lease *lease = rn_straight_place(pool, 0, &err);
  CHECK(lease != NULL);
  rn_error_clear(&err);
  return lease;
}

static void give_back(rn_lease *lease) {
  CHECK(rn_lease_release(lease, NULL) == RN_OK);
  rn_lease_unref(lease);
}

static int64_t connect_here(rn_lease *lease) {
  rn_error err = { 0 };
  rn_settings settings = own("fake");
  bool ok = rn_straight_connect(lease, &settings, 0, &err) == RN_OK;
  int64_t got = ok ? rn_lease_id(lease) : -(int64_t)err.kind;
  snprintf(said, sizeof said, "%s", err.message ? err.message : "");
  rn_error_clear(&err);
  return got;
}

static rn_job *submit_connect(rn_lease *lease, int64_t timeout_ms) {
  rn_settings settings = own("fake");
  return rn_job_submit_connect(lease, &settings, rn_deadline_after(timeout_ms), NULL);
}

static int64_t take_connected(rn_job *job) {
  rn_error err = { 0 };
  finish(job);
  int64_t got = rn_job_take_connected(job, &err) == RN_OK ? 1 : -(int64_t)err.kind;
  rn_error_clear(&err);
  rn_job_release(job);
  return got;
}

/* ---- one place ---- */

static void a_place_is_vacant_until_it_is_connected(void) {
  rn_pool *pool = open_fake(one);
  rn_lease *lease = place(pool);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT && rn_lease_id(lease) == 0);
  CHECK(rn_lease_tx(lease) == RN_TX_UNKNOWN);
  CHECK_INT(fake.opens, 0);
  STATS(pool, 1, 0, 0);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), -RN_E_CLOSED);
  CHECK_TEXT(said, "the connection is not open");
  CHECK_INT(take(submit_on(pool, lease, "answer 0", 0)), -RN_E_CLOSED);
  CHECK_INT(run(pool, "answer 0"), -RN_E_ACQUIRE); /* its place is taken all the same */

  fake.connect_fails = 1;
  CHECK_INT(connect_here(lease), -RN_E_CONNECT);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT);
  int64_t id = connect_here(lease);
  CHECK(id > 0 && rn_lease_fate(lease) == RN_FATE_KEEP);
  CHECK_INT(connect_here(lease), -RN_E_USAGE);
  CHECK_TEXT(said, "the connection is open already");
  CHECK_INT(run_on(pool, lease, "answer 0", 0), 2);
  give_back(lease);
  STATS(pool, 1, 1, 0);
  lease = place(pool);
  CHECK_INT(rn_lease_id(lease), id);

  CHECK(rn_lease_clear(lease, NULL) == RN_OK);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT && fake.live == 0);
  STATS(pool, 1, 0, 0);
  CHECK(connect_here(lease) > id);
  CHECK(rn_lease_clear(lease, NULL) == RN_OK);
  give_back(lease);
  STATS(pool, 0, 0, 0);
  end_pool(pool);
}

static void connecting_as_a_job_ends_by_its_deadline(void) {
  rn_pool *pool = open_fake(one);
  rn_lease *lease = take_lease(rn_job_submit_place(pool, 0, NULL));
  CHECK_INT(take_connected(submit_connect(lease, 0)), 1);
  CHECK_INT(take(submit_on(pool, lease, "answer 5", 0)), 1);
  CHECK(rn_lease_clear(lease, NULL) == RN_OK);

  fake.connect_fails = 1;
  CHECK_INT(take_connected(submit_connect(lease, 0)), -RN_E_CONNECT);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT);

  fake.connect_ms = 300;
  int64_t began = rn_clock_ms();
  CHECK_INT(take_connected(submit_connect(lease, 50)), -RN_E_CONNECT);
  CHECK(rn_clock_ms() - began < 280);
  CHECK(quiet(2000));
  rn_job *job = submit_connect(lease, 0);
  rn_error err = { 0 };
  CHECK(!rn_job_submit_connect(lease, &(rn_settings){ .driver = "fake" }, 0, &err) && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  CHECK(rn_lease_release(lease, NULL) == RN_FAIL && rn_lease_clear(lease, NULL) == RN_FAIL);
  rn_job_release(job); /* nobody wants it: closed when it comes, since nobody set it up */
  rn_lease_unref(lease);
  CHECK(quiet(2000));
  STATS(pool, 0, 0, 0);
  CHECK_INT(fake.live, 0);
  end_pool(pool);
}

/* ---- the queue ---- */

static void places_are_given_in_turn(void) {
  rn_pool *pool = open_fake(one);
  rn_lease *lease = place(pool);
  rn_job *jobs[3];
  for (int i = 0; i < 3; i++) jobs[i] = rn_job_submit_place(pool, 0, NULL);
  rn_job *plain = submit(pool, "answer 0");
  STATS(pool, 1, 0, 4);
  give_back(lease); /* vacant: so is what the first one gets */
  lease = take_lease(jobs[0]);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT);
  int64_t id = connect_here(lease);
  give_back(lease);
  lease = take_lease(jobs[1]);
  CHECK_INT(rn_lease_id(lease), id);
  CHECK(rn_lease_clear(lease, NULL) == RN_OK);
  give_back(lease);
  lease = take_lease(jobs[2]);
  CHECK(rn_lease_fate(lease) == RN_FATE_VACANT);
  give_back(lease); /* who wants no place connects by itself */
  CHECK(take(plain) > 0);

  lease = place(pool);
  rn_job *late = rn_job_submit_place(pool, rn_deadline_after(30), NULL);
  rn_error err = { 0 };
  finish(late);
  CHECK(!rn_job_take_lease(late, &err) && err.kind == RN_E_ACQUIRE);
  rn_error_clear(&err);
  rn_job_release(late);
  rn_job *forgotten = rn_job_submit_place(pool, 0, NULL);
  give_back(lease);
  rn_job_release(forgotten); /* it had its place already */
  STATS(pool, 1, 1, 0);

  lease = place(pool);
  rn_job *refused = rn_job_submit_place(pool, 0, NULL);
  rn_pool_close(pool);
  CHECK(!take_lease(refused));
  CHECK(rn_lease_clear(lease, NULL) == RN_OK);
  CHECK_INT(connect_here(lease), -RN_E_CLOSED);
  give_back(lease);
  CHECK(!rn_job_submit_place(pool, 0, NULL) && !rn_straight_place(pool, 0, NULL));
  end_pool(pool);
}

static void a_dead_connection_is_given_as_it_is(void) {
  rn_pool *pool = open_fake(one);
  rn_pool_watch(pool, true);
  CHECK_INT(run(pool, "answer 0"), 1);
  pause_ms(600);
  fake.dead = 1;
  rn_lease *lease = place(pool);
  CHECK(rn_lease_fate(lease) == RN_FATE_CLOSE && rn_lease_id(lease) > 0 && fake.closes == 0);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), -RN_E_CLOSED);
  CHECK(rn_lease_clear(lease, NULL) == RN_OK && connect_here(lease) > 0);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), 2);
  give_back(lease);
  pause_ms(600);
  fake.dead = 1;
  CHECK_INT(run(pool, "answer 0"), 3); /* who wants no place gets none that is dead */
  int64_t ids[4];
  CHECK_INT(rn_pool_gone(pool, ids, 4), 1);
  end_pool(pool);
}

/* ---- a watched pool ---- */

static rn_lease *take_expired(rn_pool *pool) {
  return rn_lease_of(rn_pool_take_expired(pool), NULL);
}

static void a_watched_pool_closes_nothing_for_its_age_by_itself(void) {
  rn_pool *pool = open_fake((rn_pool_options){ .max = 3, .min = 1, .idle_timeout_ms = 30 });
  rn_pool_watch(pool, true);
  rn_lease *leases[3];
  for (int i = 0; i < 3; i++) leases[i] = rn_straight_lease(pool, 0, NULL);
  int64_t first = rn_lease_id(leases[0]);
  for (int i = 0; i < 3; i++) give_back(leases[i]);
  CHECK(!take_expired(pool));
  pause_ms(50);
  rn_pools_tick();
  STATS(pool, 3, 3, 0);
  rn_lease *lease = take_expired(pool);
  CHECK_INT(rn_lease_id(lease), first);
  CHECK_INT(run_on(pool, lease, "answer 0", 0), 1); /* it can still be used */
  CHECK(rn_lease_clear(lease, NULL) == RN_OK);
  give_back(lease);
  lease = take_expired(pool);
  CHECK(lease && rn_lease_clear(lease, NULL) == RN_OK);
  give_back(lease);
  CHECK(!take_expired(pool));
  STATS(pool, 1, 1, 0);
  int64_t ids[4];
  CHECK_INT(rn_pool_gone(pool, ids, 4), 0); /* all of it was asked for */

  rn_pool_close(pool);
  STATS(pool, 1, 1, 0);
  lease = take_expired(pool);
  CHECK(lease && rn_lease_fate(lease) == RN_FATE_CLOSE && rn_lease_clear(lease, NULL) == RN_OK);
  give_back(lease);
  CHECK(!take_expired(pool));
  STATS(pool, 0, 0, 0);
  rn_pool_release(pool);

  pool = open_fake(one); /* what nobody fetches goes with the pool, or once it is watched no more */
  rn_pool_watch(pool, true);
  CHECK_INT(run(pool, "answer 0"), 4);
  end_pool(pool);
  CHECK_INT(fake.live, 0);
  pool = open_fake(one);
  rn_pool_watch(pool, true);
  CHECK_INT(run(pool, "answer 0"), 5);
  rn_pool_close(pool);
  STATS(pool, 1, 1, 0);
  rn_pool_watch(pool, false);
  STATS(pool, 0, 0, 0);
  rn_pool_release(pool);
}

static void a_watched_pool_tells_what_it_had_to_close(void) {
  rn_pool *pool = open_fake((rn_pool_options){ .max = 20 });
  int64_t ids[20], wanted[20];
  rn_lease *leases[20];
  rn_lease *unseen = rn_straight_lease(pool, 0, NULL);
  rn_lease_unref(unseen); /* not watched yet */
  rn_pool_watch(pool, true);
  for (int i = 0; i < 20; i++) leases[i] = rn_straight_lease(pool, 0, NULL);
  for (int i = 0; i < 20; i++) {
    wanted[i] = rn_lease_id(leases[i]);
    rn_lease_unref(leases[i]);
  }
  CHECK_INT(rn_pool_gone(pool, ids, 7), 7);
  CHECK_INT(rn_pool_gone(pool, ids + 7, 20), 13);
  CHECK_INT(rn_pool_gone(pool, ids, 0), 0);
  CHECK(memcmp(ids, wanted, sizeof ids) == 0);
  CHECK_INT(run(pool, "lost 0"), -RN_E_LOST);
  CHECK_INT(rn_pool_gone(pool, ids, 20), 1);
  CHECK(take(submit(pool, "begin")) > 0); /* in a transaction, so it does not come back */
  CHECK_INT(rn_pool_gone(pool, ids, 20), 1);
  end_pool(pool);
}

/* ---- fork, threads ---- */

typedef struct forked {
  rn_pool *pool;
  rn_lease *vacant, *open;
  rn_job *job;
} forked;

static void child(forked *f) {
  int64_t ids[4];
  CHECK(rn_lease_fate(f->vacant) == RN_FATE_VACANT && rn_lease_fate(f->open) == RN_FATE_FORGET);
  CHECK_INT(connect_here(f->vacant), -RN_E_CLOSED);
  CHECK_INT(take_connected(f->job), -RN_E_CLOSED);
  STATS(f->pool, 0, 0, 0);
  CHECK(rn_lease_clear(f->open, NULL) == RN_OK && rn_lease_fate(f->open) == RN_FATE_VACANT);
  CHECK_INT(connect_here(f->open), -RN_E_CLOSED);
  give_back(f->open);
  give_back(f->vacant);
  CHECK_INT(rn_pool_gone(f->pool, ids, 4), 0);
  CHECK_INT(fake.closes, 0);
  fake.connect_ms = 0;
  rn_lease *lease = place(f->pool);
  CHECK(connect_here(lease) > 0 && run_on(f->pool, lease, "answer 0", 0) > 0);
  give_back(lease);
  end_pool(f->pool);
}

static void a_child_of_a_fork_forgets_places(void) {
  forked f = { .pool = open_fake((rn_pool_options){ .max = 3 }) };
  rn_pool_watch(f.pool, true);
  f.open = rn_straight_lease(f.pool, 0, NULL);
  f.vacant = place(f.pool);
  rn_lease *connecting = place(f.pool);
  fake.connect_ms = 100;
  f.job = submit_connect(connecting, 0);
  pause_ms(20);
  fflush(stdout);
  fflush(stderr);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    check_failed = 0;
    child(&f);
    fflush(stderr);
    _exit(check_failed ? 1 : 0);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_INT(take_connected(f.job), 1);
  give_back(connecting);
  CHECK(connect_here(f.vacant) > 0);
  give_back(f.vacant);
  give_back(f.open);
  STATS(f.pool, 3, 3, 0);
  end_pool(f.pool);
}

/* Places taken, filled, lost and left in any order, with plain statements in between. */
static void anything_may_happen_to_places(void) {
  rn_pool *pool = open_fake((rn_pool_options){ .max = 3, .acquire_timeout_ms = 300 });
  rn_pool_watch(pool, true);
  unsigned random = 20240601;
  rn_lease *held[2] = { NULL, NULL };
  for (int round = 0; round < 400; round++) {
    random = random * 1103515245u + 12345u;
    int what = (int)(random >> 16) % 9, at = (int)(random >> 24) % 2;
    rn_lease *lease = held[at];
    if (!lease) {
      held[at] = what < 4 ? place(pool) : take_lease(rn_job_submit_place(pool, 0, NULL));
    } else if (what == 0) {
      rn_lease_unref(lease);
      held[at] = NULL;
    } else if (what == 1) {
      give_back(lease);
      held[at] = NULL;
    } else if (what == 2) {
      CHECK(rn_lease_clear(lease, NULL) == RN_OK);
    } else if (rn_lease_fate(lease) == RN_FATE_VACANT) {
      fake.connect_fails = what == 3;
      if (what < 6) (void)connect_here(lease);
      else (void)take_connected(submit_connect(lease, 0));
      fake.connect_fails = 0;
    } else {
      static const char *const texts[] = { "answer 0", "lost 1", "begin", "fail 0", "answer 1", "commit" };
      (void)take(submit_on(pool, lease, texts[what - 3], 0));
    }
    if (what == 7) CHECK(take(submit(pool, "answer 0")) > 0);
    if (what == 8) rn_job_release(rn_job_submit_place(pool, 0, NULL));
  }
  for (int i = 0; i < 2; i++)
    if (held[i]) rn_lease_unref(held[i]);
  CHECK(quiet(1000));
  rn_pool_stats stats = rn_pool_get_stats(pool);
  CHECK(stats.in_use == 0 && stats.waiting == 0 && stats.total == fake.live);
  CHECK(fake.most <= 3);
  end_pool(pool);
}

int main(void) {
  CLEAN(a_place_is_vacant_until_it_is_connected);
  CLEAN(connecting_as_a_job_ends_by_its_deadline);
  CLEAN(places_are_given_in_turn);
  CLEAN(a_dead_connection_is_given_as_it_is);
  CLEAN(a_watched_pool_closes_nothing_for_its_age_by_itself);
  CLEAN(a_watched_pool_tells_what_it_had_to_close);
  CLEAN(a_child_of_a_fork_forgets_places);
  CLEAN(anything_may_happen_to_places);
  return check_done();
}
