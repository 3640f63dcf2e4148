/* Faults, against a scripted driver (fake_driver.h): lost connections, slow and silent servers, abandoned
 * tickets, forks, ends of threads, and a long random mixture of it all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_ask.h"

/* ---- statements: lost, slow, too slow ---- */

static void a_lost_connection_fails_its_statement_and_no_other(void) {
  rn_pool *pool = open_fake(two);
  rn_job *a = submit(pool, "lost 20"), *b = submit(pool, "answer 60"), *c = submit(pool, "answer 1");
  CHECK_INT(take(a), -RN_E_LOST);
  CHECK_TEXT(said, "the connection was lost");
  CHECK(take(b) > 0);
  CHECK(take(c) > 0);
  CHECK_INT(run(pool, "lost 5"), -RN_E_LOST);
  CHECK(run(pool, "answer 0") > 0);
  rn_lease *lease = rn_straight_lease(pool, 0, NULL);
  CHECK_INT(run_on(pool, lease, "lost 1", 0), -RN_E_LOST);
  int sends = fake.sends;
  CHECK_INT(run_on(pool, lease, "answer 0", 0), -RN_E_CLOSED); /* never in autocommit on another connection */
  CHECK_INT(take(submit_on(pool, lease, "answer 0", 0)), -RN_E_CLOSED);
  CHECK_INT(fake.sends, sends);
  rn_lease_release(lease, NULL);
  rn_lease_unref(lease);
  end_pool(pool);
}

static void a_statement_past_its_deadline_is_cancelled_and_its_connection_goes_on(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    rn_pool *pool = open_named(drivers[i], one);
    int64_t began = rn_clock_ms();
    CHECK_INT(run_on(pool, NULL, "answer 5000", 50), -RN_E_TIMEOUT);
    CHECK_INT(take(submit_on(pool, NULL, "answer 5000", 50)), -RN_E_TIMEOUT);
    CHECK(rn_clock_ms() - began < 3000);
    CHECK_INT(take(submit(pool, "answer 0")), 1);
    CHECK(quiet(1000));
    STATS(pool, 1, 1, 0);
    end_pool(pool);
    fake_reset();
  }
  rn_pool *pool = open_fake(one);
  CHECK_INT(run_on(pool, NULL, "late 5000", 50), 1); /* the server says that it ran: so it did */
  CHECK_INT(take(submit_on(pool, NULL, "late 5000", 50)), 1);
  end_pool(pool);
}

static void a_server_that_answers_no_cancel_loses_its_connection(void) {
  rn_pool *pool = open_fake(one);
  int64_t began = rn_clock_ms();
  CHECK_INT(run_on(pool, NULL, "deaf 9000", 50), -RN_E_TIMEOUT);
  CHECK(strstr(said, "may still have run") != NULL);
  STATS(pool, 0, 0, 0);
  CHECK_INT(take(submit_on(pool, NULL, "deaf 9000", 50)), -RN_E_TIMEOUT);
  CHECK(strstr(said, "may still have run") != NULL);
  int64_t took = rn_clock_ms() - began;
  CHECK(took >= 2000 && took < 6000);
  CHECK(quiet(1000));
  STATS(pool, 0, 0, 0);
  CHECK(run(pool, "answer 0") > 0);
  end_pool(pool);
}

static void a_thread_that_does_not_come_back_keeps_its_connection_only(void) {
  rn_pool *pool = open_named("fakefile", two);
  rn_job *job = submit_on(pool, NULL, "deaf 4000", 50);
  int64_t began = rn_clock_ms();
  CHECK_INT(take(job), -RN_E_TIMEOUT);
  CHECK(rn_clock_ms() - began < 3000);
  STATS(pool, 1, 0, 0);
  CHECK_INT(take(submit(pool, "answer 0")), 2);
  CHECK(quiet(6000));
  STATS(pool, 2, 2, 0);
  end_pool(pool);
}

static void deadlines_make_the_one_descriptor_readable(void) {
  rn_pool *pool = open_fake(one);
  int64_t began = rn_clock_ms(), ids[4];
  rn_job *job = submit_on(pool, NULL, "deaf 9000", 80);
  struct pollfd fd = { .fd = rn_runtime_pollfd(NULL), .events = POLLIN };
  while (rn_job_where(job) != RN_JOB_DONE && rn_clock_ms() - began < 8000) {
    CHECK(poll(&fd, 1, 4000) == 1); /* what a foreign loop does: nothing but this */
    process(ids, 4);
  }
  int64_t took = rn_clock_ms() - began;
  CHECK(took >= 1080 && took < 5000);
  CHECK_INT(take(job), -RN_E_TIMEOUT);
  end_pool(pool);
}

static void a_late_cancel_never_meets_the_next_statement(void) {
  rn_pool *pool = open_fake(one);
  fake.cancel_ms = 400; /* half of it after the statement has ended */
  rn_job *job = submit_on(pool, NULL, "answer 5000", 20), *next = submit(pool, "answer 0");
  finish(job);
  CHECK(rn_job_where(next) == RN_JOB_WAITING); /* the ticket is done, its connection not yet free */
  STATS(pool, 1, 0, 1);
  CHECK_INT(take(job), -RN_E_TIMEOUT);
  CHECK_INT(take(next), 1);
  end_pool(pool); /* the fake driver counts a statement sent during a cancel as a violation */
}

/* ---- abandoning ---- */

static void abandoning_never_loses_a_place(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    rn_pool *pool = open_named(drivers[i], one);
    fake.connect_ms = 30;
    rn_job *connecting = submit(pool, "answer 5000"), *waiting = submit(pool, "answer 0");
    rn_job *served = submit(pool, "answer 0");
    rn_job_abandon(connecting);
    rn_job_abandon(waiting);
    rn_job_abandon(waiting);
    CHECK_INT(take(served), 1 + (fake.opens > 1));
    rn_job_release(connecting);
    rn_job_release(waiting);
    rn_job *running = submit(pool, "answer 5000"), *after = submit(pool, "answer 0");
    rn_job *lease = submit_on(pool, NULL, NULL, 0), *done = submit(pool, "rows 3");
    int64_t began = rn_clock_ms();
    rn_job_release(running);
    CHECK(take(after) > 0);
    finish(lease);
    rn_job_release(lease); /* granted, never taken */
    finish(done);
    rn_job_release(done);
    CHECK(quiet(3000) && rn_clock_ms() - began < 4000);
    STATS(pool, 1, 1, 0);
    CHECK_INT(fake.closes, 0);
    end_pool(pool);
    fake_reset();
  }
}

static void a_statement_that_no_thread_has_begun_is_not_begun(void) {
  rn_pool *pool = open_named("fakefile", (rn_pool_options){ .max = 8 });
  rn_job *jobs[8];
  for (int i = 0; i < 8; i++) jobs[i] = submit(pool, "answer 0");
  for (int i = 0; i < 8; i++) CHECK(take(jobs[i]) > 0);
  for (int i = 0; i < 4; i++) jobs[i] = submit(pool, "answer 1000"); /* all the threads there are */
  pause_ms(20);
  int sends = fake.sends;
  int64_t began = rn_clock_ms();
  for (int i = 4; i < 8; i++) jobs[i] = submit_on(pool, NULL, "answer 0", i < 6 ? 0 : 60);
  rn_job_abandon(jobs[4]);
  rn_job_abandon(jobs[5]);
  CHECK_INT(take(jobs[6]), -RN_E_TIMEOUT);
  CHECK_INT(take(jobs[7]), -RN_E_TIMEOUT);
  CHECK(rn_clock_ms() - began < 900);
  CHECK_INT(fake.sends, sends);
  for (int i = 0; i < 4; i++) CHECK(take(jobs[i]) > 0);
  rn_job_release(jobs[4]);
  rn_job_release(jobs[5]);
  CHECK(quiet(1000));
  STATS(pool, 8, 8, 0);
  end_pool(pool);
}

static void a_cancel_that_came_too_early_is_repeated(void) {
  rn_pool *pool = open_named("fakefile", one);
  CHECK_INT(run(pool, "answer 0"), 1);
  fake.send_ms = 150;
  rn_job *job = submit(pool, "answer 20000");
  while (fake.sends < 2) pause_ms(1);
  rn_job_release(job);
  CHECK(quiet(5000) && fake.cancels > 1);
  STATS(pool, 1, 1, 0);
  end_pool(pool);
}

static void a_cancel_has_a_thread_of_its_own(void) {
  rn_pool *files = open_named("fakefile", (rn_pool_options){ .max = 4 }), *pool = open_fake(one);
  rn_job *jobs[4];
  CHECK_INT(run(pool, "answer 0"), 1);
  for (int i = 0; i < 4; i++) jobs[i] = submit(files, "answer 1500");
  pause_ms(20);
  int64_t began = rn_clock_ms();
  CHECK_INT(take(submit_on(pool, NULL, "answer 5000", 30)), -RN_E_TIMEOUT);
  CHECK(rn_clock_ms() - began < 1300);
  for (int i = 0; i < 4; i++) CHECK(take(jobs[i]) > 0);
  CHECK(quiet(1000));
  STATS(pool, 1, 1, 0);
  end_pool(pool);
  end_pool(files);
}

/* ---- fork ---- */

/* Runs a function in a child; the child's checks count as one here. */
static void in_child(void (*body)(void *), void *context) {
  fflush(stdout);
  fflush(stderr);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20); /* a child that hangs is a failure too */
    check_failed = 0;
    body(context);
    fflush(stderr);
    _exit(check_failed ? 1 : 0);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

typedef struct forked {
  rn_pool *pool;
  rn_lease *lease;
  rn_job *jobs[4];
  int pollfd;
} forked;

static void child_of_a_busy_process(void *context) {
  forked *f = context;
  int violations = fake.violations, opens = fake.opens;
  STATS(f->pool, 0, 0, 0);
  CHECK_INT(fake.closes, 0);
  for (int i = 0; i < 4; i++) {
    CHECK(rn_job_where(f->jobs[i]) == RN_JOB_DONE);
    CHECK_INT(take(f->jobs[i]), -RN_E_CLOSED);
  }
  CHECK_TEXT(said, "the process forked while the statement was under way; its answer goes to the parent");
  CHECK_INT(rn_runtime_inflight(), 0);
  CHECK_INT(run_on(f->pool, f->lease, "answer 0", 0), -RN_E_CLOSED);
  CHECK_TEXT(said, "the connection belongs to the process that forked this one");
  CHECK(rn_lease_tx(f->lease) == RN_TX_UNKNOWN && rn_lease_release(f->lease, NULL) == RN_OK);
  rn_lease_unref(f->lease);
  CHECK(run(f->pool, "answer 0") > opens); /* a fresh one */
  CHECK(take(submit(f->pool, "answer 5")) > opens);
  CHECK_INT(take(submit_on(f->pool, NULL, "answer 5000", 20)), -RN_E_TIMEOUT);
  CHECK(quiet(1000));
  STATS(f->pool, 1, 1, 0);
  end_pool(f->pool);
  CHECK_INT(fake.closes, fake.opens - opens);
  CHECK_INT(fake.violations, violations);
}

static void a_child_starts_afresh_and_its_parent_notices_nothing(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    forked f = { .pool = open_named(drivers[i], (rn_pool_options){ .max = 4 }) };
    rn_lease *leases[3];
    for (int k = 0; k < 3; k++) leases[k] = rn_straight_lease(f.pool, 0, NULL);
    for (int k = 1; k < 3; k++) rn_lease_unref((rn_lease_release(leases[k], NULL), leases[k]));
    f.lease = leases[0];
    f.jobs[0] = submit(f.pool, "answer 150");
    f.jobs[1] = submit_on(f.pool, f.lease, "answer 150", 0);
    f.jobs[2] = submit(f.pool, "answer 150");
    fake.connect_ms = 100;
    f.jobs[3] = submit(f.pool, "answer 0"); /* connecting when the fork comes */
    pause_ms(20);
    in_child(child_of_a_busy_process, &f);
    for (int k = 0; k < 4; k++) CHECK(take(f.jobs[k]) > 0);
    CHECK(run_on(f.pool, f.lease, "answer 0", 0) == 1);
    rn_lease_release(f.lease, NULL);
    rn_lease_unref(f.lease);
    STATS(f.pool, 4, 4, 0);
    CHECK_INT(fake.forked_closes, 0);
    end_pool(f.pool);
    fake_reset();
  }
}

static void child_with_idle_connections(void *context) {
  rn_pool *pool = context;
  CHECK(run(pool, "answer 0") == 3 && fake.forked_closes == 2 && fake.closes == 0);
  CHECK(take(submit(pool, "answer 0")) == 3);
  end_pool(pool);
  CHECK_INT(fake.live, 0);
}

static void idle_connections_are_dropped_without_a_word(void) {
  rn_pool *pool = open_fake(two);
  rn_job *a = submit(pool, "answer 20"), *b = submit(pool, "answer 20");
  CHECK(take(a) > 0 && take(b) > 0);
  STATS(pool, 2, 2, 0);
  in_child(child_with_idle_connections, pool);
  STATS(pool, 2, 2, 0);
  CHECK(run(pool, "answer 0") > 0);
  CHECK_INT(fake.opens, 2);
  end_pool(pool);
}

/* The parent's epoll set must not keep a socket that libpq has closed because a child still holds it. */
static void a_lost_connection_leaves_the_pollset_though_a_child_holds_its_socket(void) {
  rn_pool *pool = open_fake(one);
  rn_job *job = submit(pool, "lost 60");
  while (rn_job_where(job) != RN_JOB_RUNNING) (rn_runtime_wait(100), rn_runtime_process(NULL, 0));
  int gate[2];
  CHECK(pipe(gate) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    char byte;
    close(gate[1]);
    _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1); /* until the parent closes its end */
  }
  close(gate[0]);
  CHECK_INT(take(job), -RN_E_LOST);
  struct pollfd fd = { .fd = rn_runtime_pollfd(NULL), .events = POLLIN };
  rn_runtime_process(NULL, 0);
  CHECK_INT(poll(&fd, 1, 50), 0);
  CHECK(take(submit(pool, "answer 0")) > 0);
  close(gate[1]);
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  end_pool(pool);
}

/* ---- threads, signals ---- */

typedef struct left {
  const char *driver;
  rn_job *jobs[5];
} left;

static void *leaves_everything_behind(void *context) {
  left *l = context;
  rn_pool *pool = open_named(l->driver, (rn_pool_options){ .max = 4 });
  for (int i = 0; i < 5; i++) l->jobs[i] = submit(pool, "answer 200");
  rn_runtime_wait(50);
  rn_runtime_process(NULL, 0);
  rn_pool_release(pool);
  return NULL;
}

static void a_thread_may_end_while_its_statements_run(void) {
  static const char *const drivers[] = { "fake", "fakefile" };
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    left l = { .driver = drivers[i] };
    rn_deadline deadline = rn_deadline_after(3000);
    CHECK(pthread_create(&thread, NULL, leaves_everything_behind, &l) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int k = 0; k < 5; k++) CHECK_INT(take(l.jobs[k]), -RN_E_CLOSED);
    CHECK_TEXT(said, "the thread that ran the statement has ended");
    while (fake.live > 0 && !rn_deadline_passed(deadline)) pause_ms(5);
    CHECK_INT(fake.live, 0);
  }
}

static void *works_alone(void *context) {
  rn_pool *pool = open_named(context, two);
  intptr_t wrong = 0;
  for (int i = 0; i < 200; i++) {
    rn_job *a = submit(pool, "rows 3"), *b = submit(pool, "answer 0"), *c = submit(pool, "answer 1");
    if (i % 7 == 0) rn_job_abandon(b);
    wrong += take(a) != 0;
    wrong += run(pool, "answer 0") < 1;
    if (i % 7 == 0) rn_job_release(b);
    else wrong += take(b) < 1;
    wrong += take(c) < 1;
  }
  wrong += !quiet(2000);
  end_pool(pool);
  return (void *)wrong;
}

static void threads_have_runtimes_of_their_own(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    CHECK(pthread_create(&threads[i], NULL, works_alone, i % 2 ? "fake" : "fakefile") == 0);
  for (int i = 0; i < 4; i++) {
    void *wrong = NULL;
    CHECK(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }
}

static volatile sig_atomic_t signals;

static void on_signal(int number) {
  (void)number;
  signals++;
}

static void signals_disturb_nothing(void) {
  struct sigaction action = { .sa_handler = on_signal }, before;
  struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
  rn_pool *pool = open_fake(two), *files = open_named("fakefile", two);
  sigaction(SIGALRM, &action, &before);
  setitimer(ITIMER_REAL, &often, NULL);
  rn_job *a = submit(pool, "answer 100"), *b = submit(files, "answer 100");
  CHECK(run(pool, "answer 50") > 0);
  CHECK_INT(run_on(pool, NULL, "answer 5000", 50), -RN_E_TIMEOUT);
  CHECK(take(a) > 0 && take(b) > 0);
  setitimer(ITIMER_REAL, &never, NULL);
  sigaction(SIGALRM, &before, NULL);
  CHECK(signals > 20);
  end_pool(pool);
  end_pool(files);
}

/* What one thread of this process blocks, as a mask; 0 for a thread that is not the executor's. */
static unsigned long long blocked_by(const char *thread) {
  char path[64], line[128], name[32] = "";
  unsigned long long mask = 0;
  snprintf(path, sizeof path, "/proc/self/task/%.20s/status", thread);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) {
    (void)sscanf(line, "Name: %31s", name);
    if (strcmp(name, "rowan") == 0) (void)sscanf(line, "SigBlk: %llx", &mask);
  }
  if (file) fclose(file);
  return mask;
}

static void the_executors_threads_take_no_signals(void) {
  static const int used[] = { SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGHUP, SIGUSR1, SIGPIPE, SIGQUIT };
  rn_pool *pool = open_named("fakefile", one);
  CHECK(take(submit(pool, "answer 0")) > 0);
  int threads = 0;
  DIR *folder = opendir("/proc/self/task");
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    unsigned long long mask = blocked_by(entry->d_name);
    if (!mask) continue;
    threads++;
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) CHECK(mask >> (used[i] - 1) & 1);
  }
  if (folder) closedir(folder);
  CHECK(threads > 0);
  sigset_t mine;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mine) == 0 && !sigismember(&mine, SIGTERM));
  end_pool(pool);
}

/* ---- a long random mixture ---- */

static unsigned chance_state;

static int chance(int n) {
  chance_state = chance_state * 1664525u + 1013904223u;
  return (int)((chance_state >> 16) % (unsigned)n);
}

static const char *random_statement(void) {
  static const char *const statements[] = { "answer 0", "answer 1", "answer 3", "rows 5",  "fail 0", "fail 2",
                                            "begin",    "spoil",    "commit",   "refuse", "lost 0", "lost 2",
                                            "answer 40" };
  return statements[chance(sizeof statements / sizeof statements[0])];
}

static void random_mixture(const char *driver, unsigned seed) {
  enum { SLOTS = 12, STEPS = 400, MAX = 3 };
  rn_pool *pool = open_named(driver, (rn_pool_options){ .max = MAX, .min = 1, .acquire_timeout_ms = 60,
                                                        .idle_timeout_ms = 5, .lifetime_ms = 20 });
  rn_job *jobs[SLOTS] = { NULL };
  rn_lease *leases[2] = { NULL };
  int64_t ids[64];
  chance_state = seed;
  for (int step = 0; step < STEPS; step++) {
    int slot = chance(SLOTS), l = chance(2);
    if (chance(12) == 0) fake.connect_fails = 1;
    fake.connect_ms = chance(3);
    fake.cancel_ms = chance(4);
    fake.dead = chance(20) == 0;
    switch (chance(9)) {
      case 0:
      case 1:
      case 2:
        rn_job_release(jobs[slot]);
        jobs[slot] = submit_on(pool, chance(3) ? NULL : leases[l], random_statement(),
                               chance(3) ? 0 : 1 + chance(30));
        break;
      case 3: rn_runtime_wait(chance(4)); break;
      case 4: process(ids, 64); break;
      case 5:
        if (jobs[slot]) rn_job_abandon(jobs[slot]);
        break;
      case 6:
        if (leases[l] && chance(2) && rn_lease_release(leases[l], NULL) != RN_OK) break;
        rn_lease_unref(leases[l]);
        leases[l] = NULL;
        if (chance(2)) leases[l] = take_lease(submit_on(pool, NULL, NULL, 40));
        break;
      case 7:
        (void)run_on(pool, chance(2) ? NULL : leases[l], random_statement(), chance(2) ? 0 : 1 + chance(20));
        break;
      default:
        if (jobs[slot] && rn_job_where(jobs[slot]) == RN_JOB_DONE) {
          take(jobs[slot]);
          jobs[slot] = NULL;
        }
    }
    rn_pool_stats stats = rn_pool_get_stats(pool);
    bool ok = stats.total <= MAX && stats.idle >= 0 && stats.in_use >= 0 && stats.waiting >= 0 &&
              !(stats.waiting && (stats.idle || stats.total < MAX));
    if (!ok) {
      CHECK(ok);
      break;
    }
  }
  for (int i = 0; i < SLOTS; i++) rn_job_release(jobs[i]);
  for (int i = 0; i < 2; i++) rn_lease_unref(leases[i]);
  CHECK(quiet(4000));
  rn_pool_stats stats = rn_pool_get_stats(pool);
  if (!CHECK(stats.in_use == 0 && stats.waiting == 0 && fake.live == stats.total))
    fprintf(stderr, "  with seed %u\n", seed);
  end_pool(pool);
  CHECK(fake.live == 0 && fake.most <= MAX);
  fake_reset();
}

static void anything_may_happen_in_any_order(void) {
  for (unsigned seed = 1; seed <= 12; seed++) random_mixture(seed % 2 ? "fake" : "fakefile", seed);
}

/* ---- descriptors ---- */

static int open_descriptors(void) {
  int count = 0;
  DIR *listing = opendir("/proc/self/fd");
  while (listing && readdir(listing)) count++;
  if (listing) closedir(listing);
  return count;
}

static void descriptors_stay_as_many_as_they_were(void) {
  rn_pool *pool = open_fake(two);
  for (int round = 0, before = 0; round < 3; round++) {
    for (int i = 0; i < 30; i++) {
      rn_job *a = submit(pool, "lost 0"), *b = submit(pool, "begin"), *c = submit(pool, "answer 0");
      fake.connect_fails = i % 3;
      take(a);
      take(b);
      take(c);
      (void)run(pool, "lost 0");
    }
    fake.connect_fails = 0;
    for (int i = 0; i < 30; i++) CHECK(take(submit(pool, "answer 1")) > 0);
    CHECK(take(submit(pool, "begin")) > 0); /* closed afterwards */
    CHECK(quiet(1000));
    if (round > 0) CHECK_INT(open_descriptors(), before);
    before = open_descriptors();
  }
  end_pool(pool);
}

int main(void) {
  CLEAN(a_lost_connection_fails_its_statement_and_no_other);
  CLEAN(a_statement_past_its_deadline_is_cancelled_and_its_connection_goes_on);
  CLEAN(a_server_that_answers_no_cancel_loses_its_connection);
  CLEAN(a_thread_that_does_not_come_back_keeps_its_connection_only);
  CLEAN(deadlines_make_the_one_descriptor_readable);
  CLEAN(a_late_cancel_never_meets_the_next_statement);
  CLEAN(abandoning_never_loses_a_place);
  CLEAN(a_statement_that_no_thread_has_begun_is_not_begun);
  CLEAN(a_cancel_that_came_too_early_is_repeated);
  CLEAN(a_cancel_has_a_thread_of_its_own);
  CLEAN(idle_connections_are_dropped_without_a_word);
  CLEAN(a_child_starts_afresh_and_its_parent_notices_nothing);
  CLEAN(a_lost_connection_leaves_the_pollset_though_a_child_holds_its_socket);
  CLEAN(a_thread_may_end_while_its_statements_run);
  CLEAN(threads_have_runtimes_of_their_own);
  CLEAN(signals_disturb_nothing);
  CLEAN(the_executors_threads_take_no_signals);
  CLEAN(anything_may_happen_in_any_order);
  CLEAN(descriptors_stay_as_many_as_they_were);
  return check_done();
}
