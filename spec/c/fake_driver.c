/* See fake_driver.h. Sessions are used by one thread at a time, but for cancel. */
#define _GNU_SOURCE
#include "fake_driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/settings.h"

fake_state fake;

typedef struct fake_result {
  rn_result base;
  struct fake_session *session; /* NULL when detached */
  int at, count, number;
  char text[16];
} fake_result;

typedef struct fake_session {
  const rn_driver *driver;
  int number;
  int fd; /* under the lock: a cancel fires it while the session may lose it */
  pthread_mutex_t lock;
  rn_tx tx;
  char word[16];
  int argument;
  bool running;
  rn_deadline ready, limit;
  bool unread; /* a result that is not detached was taken and not freed */
  atomic_bool cancelled, deaf;
  atomic_int users, cancelling;
} fake_session;

static void violation(const char *what) {
  atomic_fetch_add(&fake.violations, 1);
  fprintf(stderr, "fake driver: %s\n", what);
}

static void enter(fake_session *s) {
  if (atomic_fetch_add(&s->users, 1) != 0) violation("two threads use one session");
}

static void leave(fake_session *s) {
  atomic_fetch_sub(&s->users, 1);
}

static void sleep_ms(int ms) {
  struct timespec time = { ms / 1000, (ms % 1000) * 1000000L };
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
}

/* Counts down to zero and says whether it was above. */
static bool use_up(atomic_int *counter) {
  int n = atomic_load(counter);
  while (n > 0)
    if (atomic_compare_exchange_weak(counter, &n, n - 1)) return true;
  return false;
}

static void *open_with(const rn_driver *driver, rn_deadline deadline, rn_error *err) {
  int delay_ms = atomic_load(&fake.connect_ms), left_ms = rn_deadline_left_ms(deadline);
  int number = atomic_fetch_add(&fake.opens, 1) + 1;

  sleep_ms(left_ms >= 0 && left_ms < delay_ms ? left_ms : delay_ms);
  if (use_up(&fake.connect_fails)) {
    rn_error_set(err, RN_E_CONNECT, "connection %d was refused", number);
    return NULL;
  }
  if (rn_deadline_passed(deadline)) {
    rn_error_set(err, RN_E_CONNECT, "connection %d timed out", number);
    return NULL;
  }
  fake_session *s = calloc(1, sizeof *s);
  pthread_mutex_init(&s->lock, NULL);
  s->driver = driver;
  s->number = number;
  s->fd = driver->has_socket ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1;
  int live = atomic_fetch_add(&fake.live, 1) + 1, most = atomic_load(&fake.most);
  while (live > most && !atomic_compare_exchange_weak(&fake.most, &most, live)) {}
  return s;
}

static void *fake_open(const rn_settings *settings, rn_deadline deadline, rn_error *err) {
  return open_with(rn_driver_find(settings->driver), deadline, err);
}

static void fake_close(void *conn, bool forked) {
  fake_session *s = conn;
  enter(s);
  if (atomic_load(&s->cancelling) && !forked) violation("closed while a cancel is under way");
  if (s->unread && !forked) violation("closed with an unread result");
  atomic_fetch_add(forked ? &fake.forked_closes : &fake.closes, 1);
  atomic_fetch_sub(&fake.live, 1);
  if (s->fd >= 0) close(s->fd);
  if (!forked) pthread_mutex_destroy(&s->lock);
  free(s);
}

static int fake_fd(void *conn) {
  return ((fake_session *)conn)->fd;
}

static void fire_in(fake_session *s, int64_t ms) {
  struct itimerspec when = { .it_value = { ms / 1000, (ms % 1000) * 1000000L } };
  if (ms <= 0) when.it_value.tv_nsec = 1;
  pthread_mutex_lock(&s->lock);
  if (s->fd >= 0) timerfd_settime(s->fd, 0, &when, NULL);
  pthread_mutex_unlock(&s->lock);
}

static void lose_fd(fake_session *s) {
  pthread_mutex_lock(&s->lock);
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
  pthread_mutex_unlock(&s->lock);
}

static bool is(const fake_session *s, const char *word) {
  return strcmp(s->word, word) == 0;
}

static rn_status fake_send(void *conn, const rn_statement *statement, const rn_params *params,
                           rn_error *err) {
  fake_session *s = conn;
  (void)params;
  enter(s);
  atomic_fetch_add(&fake.sends, 1);
  if (s->running || s->unread) violation("a statement was sent while another is under way");
  /* One without a socket may be cancelled as it starts; then the cancel is repeated. */
  if (s->driver->has_socket && atomic_load(&s->cancelling))
    violation("a statement was sent while a cancel is under way");
  s->argument = 0;
  s->word[0] = '\0';
  sscanf(statement->text, "%15s %d", s->word, &s->argument);
  sleep_ms(atomic_load(&fake.send_ms));
  atomic_store(&s->deaf, is(s, "deaf"));
  atomic_store(&s->cancelled, false);
  rn_status status = RN_OK;
  if (is(s, "refuse")) {
    status = rn_error_set(err, RN_E_VALUE, "the value was refused");
  } else {
    int delay_ms = is(s, "rows") ? 0 : s->argument;
    s->running = true;
    s->ready = rn_clock_ms() + delay_ms;
    fire_in(s, delay_ms);
  }
  leave(s);
  return status;
}

/* Runs out the statement that is due; RN_FAIL with its error. */
static rn_status conclude(fake_session *s, bool cancelled, rn_error *err) {
  s->running = false;
  if (is(s, "lost")) {
    s->tx = RN_TX_UNKNOWN;
    lose_fd(s);
    return rn_error_set(err, RN_E_LOST, "the connection was lost");
  }
  if (cancelled || is(s, "fail")) {
    if (s->tx == RN_TX_OPEN) s->tx = RN_TX_FAILED;
    rn_error_set(err, RN_E_DATABASE, "%s",
                 cancelled ? "canceling statement due to user request" : "division by zero");
    if (err) memcpy(err->sqlstate, cancelled ? "57014" : "22012", 6);
    return RN_FAIL;
  }
  if (is(s, "begin")) s->tx = RN_TX_OPEN;
  if (is(s, "commit")) s->tx = RN_TX_IDLE;
  if (is(s, "spoil")) s->tx = RN_TX_FAILED;
  return RN_OK;
}

static rn_step fake_step(void *conn, rn_error *err) {
  fake_session *s = conn;
  rn_step step = RN_STEP_DONE;
  enter(s);
  if (!s->running) violation("a step without a statement");
  if (s->driver->has_socket) {
    bool cancelled = atomic_load(&s->cancelled) && !atomic_load(&s->deaf);
    if (!cancelled && rn_clock_ms() < s->ready) step = RN_STEP_READ;
    else if (conclude(s, cancelled && !is(s, "late"), err) != RN_OK) step = RN_STEP_FAILED;
  }
  leave(s);
  return step;
}

/* What a driver without a socket does where SQLite would work. */
static rn_status work(fake_session *s, rn_error *err) {
  while (rn_clock_ms() < s->ready) {
    bool deaf = atomic_load(&s->deaf);
    if (!deaf && rn_deadline_passed(s->limit)) {
      s->running = false;
      return rn_error_set(err, RN_E_TIMEOUT, "the statement was cancelled: its deadline passed");
    }
    if (!deaf && atomic_load(&s->cancelled)) return conclude(s, true, err);
    sleep_ms(1);
  }
  return conclude(s, false, err);
}

static rn_row result_next(rn_result *result, rn_value *cells, rn_error *err) {
  fake_result *r = (fake_result *)result;
  (void)err;
  if (r->at >= r->count) return RN_END;
  int size = snprintf(r->text, sizeof r->text, "row %d", r->at);
  cells[0] = (rn_value){ .kind = RN_INT, .u.i = r->count == 1 && r->number ? r->number : r->at };
  if (result->columns > 1) cells[1] = (rn_value){ .kind = RN_TEXT, .u.s = { r->text, (size_t)size } };
  r->at++;
  return RN_ROW;
}

static const char *result_name(const rn_result *result, size_t column) {
  (void)result;
  return column == 0 ? "number" : "name";
}

static rn_code result_code(const rn_result *result, size_t column) {
  (void)result;
  return column == 0 ? 'i' : 's';
}

static void result_free(rn_result *result) {
  fake_result *r = (fake_result *)result;
  if (r->session) r->session->unread = false;
  free(r);
}

static const rn_result_ops result_ops = { result_next, result_name, result_code, result_free };

static rn_result *fake_take(void *conn, rn_error *err) {
  fake_session *s = conn;
  fake_result *r = NULL;
  bool rows = is(s, "rows");
  enter(s);
  if (s->driver->has_socket || work(s, err) == RN_OK) {
    r = calloc(1, sizeof *r);
    r->base = (rn_result){ .ops = &result_ops, .columns = rows ? 2 : 1, .rows = rows ? s->argument : 1,
                           .affected = -1, .detached = s->driver->has_socket };
    r->count = rows ? s->argument : 1;
    r->number = rows ? 0 : s->number;
    if (!r->base.detached) {
      r->session = s;
      r->base.rows = -1;
      s->unread = true;
    }
  }
  leave(s);
  return r ? &r->base : NULL;
}

static rn_tx fake_tx(void *conn) {
  fake_session *s = conn;
  enter(s);
  rn_tx tx = s->running || s->unread ? RN_TX_UNKNOWN : s->tx;
  leave(s);
  return tx;
}

static void fake_cancel(void *conn) {
  fake_session *s = conn;
  atomic_fetch_add(&s->cancelling, 1);
  atomic_fetch_add(&fake.cancels, 1);
  int delay_ms = atomic_load(&fake.cancel_ms);
  if (delay_ms) sleep_ms(delay_ms / 2);
  atomic_store(&s->cancelled, true);
  if (!atomic_load(&s->deaf)) fire_in(s, 0);
  if (delay_ms) sleep_ms(delay_ms - delay_ms / 2);
  atomic_fetch_sub(&s->cancelling, 1);
}

static bool fake_alive(void *conn) {
  (void)conn;
  atomic_fetch_add(&fake.looks, 1);
  return !use_up(&fake.dead);
}

static void fake_limit(void *conn, rn_deadline deadline) {
  ((fake_session *)conn)->limit = deadline;
}

#define FAKE(text, socket)                                                                                   \
  { .name = text, .has_socket = socket, .open = fake_open, .close = fake_close, .fd = fake_fd,               \
    .send = fake_send, .step = fake_step, .take = fake_take, .tx = fake_tx, .cancel = fake_cancel,           \
    .alive = fake_alive, .limit = fake_limit }

const rn_driver *rn_driver_find(const char *name) {
  static const rn_driver with_socket = FAKE("fake", true), without_socket = FAKE("fakefile", false);
  if (name && strcmp(name, "fake") == 0) return &with_socket;
  if (name && strcmp(name, "fakefile") == 0) return &without_socket;
  return NULL;
}

void fake_reset(void) {
  if (atomic_load(&fake.live) != 0) violation("a test left sessions open");
  atomic_int *counters[] = { &fake.connect_ms, &fake.connect_fails, &fake.cancel_ms, &fake.send_ms,
                             &fake.dead,
                             &fake.opens, &fake.closes, &fake.forked_closes, &fake.looks, &fake.cancels,
                             &fake.sends, &fake.live, &fake.most };
  for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) atomic_store(counters[i], 0);
}
