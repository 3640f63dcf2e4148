/* The runtime of a thread: one epoll descriptor over the sockets of running statements, the executor's
 * eventfd and a timer for the nearest deadline, so that a foreign loop needs to watch nothing else. Called by
 * the binding (pollfd, process, wait), by job.c and by the straight path while it waits for a connection.
 *
 * Made when first needed, belongs to its thread, put right by its first use after fork(). Descriptors that
 * were inherited are closed, never used: the epoll instance behind them is the parent's. */
#define _GNU_SOURCE
#include "exec/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/fork.h"

/* Events taken from epoll at once, and how often a step asks again when there were so many. What is left over
 * keeps the descriptor readable. */
enum { EVENTS = 64, ROUNDS = 16 };

static _Thread_local rn_runtime *current;
static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

/* ---- making and ending ---- */

static void close_fd(int *fd) {
  if (*fd >= 0) (void)close(*fd);
  *fd = -1;
}

static void close_descriptors(rn_runtime *runtime) {
  close_fd(&runtime->epoll_fd);
  close_fd(&runtime->timer_fd);
  close_fd(&runtime->box.event_fd);
}

static bool watch_own(rn_runtime *runtime, int fd, void *tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
  return fd >= 0 && epoll_ctl(runtime->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static rn_status open_descriptors(rn_runtime *runtime, rn_error *err) {
  runtime->armed_ms = 0;
  runtime->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  runtime->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  runtime->box.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (runtime->epoll_fd >= 0 && watch_own(runtime, runtime->timer_fd, &runtime->timer_fd) &&
      watch_own(runtime, runtime->box.event_fd, &runtime->box)) {
    return RN_OK;
  }
  int why = errno;
  close_descriptors(runtime);
  return rn_error_set(err, RN_E_MEMORY, "the pollset cannot be made: %s", strerror(why));
}

/* Fails all jobs. Those that wait go first, so that none of them starts with what the others let go. */
static void force_all(rn_runtime *runtime, const char *why) {
  runtime->stepping = true; /* nobody is to be woken */
  for (int waiting = 1; waiting >= 0; waiting--) {
    for (runtime->cursor = runtime->first; runtime->cursor;) {
      rn_job *job = runtime->cursor;
      runtime->cursor = job->next;
      if (!waiting || job->phase == RN_PHASE_WAITING) rn_job_force(job, why);
    }
  }
  runtime->stepping = false;
}

static void drop_reported(rn_runtime *runtime) {
  for (rn_job *job; (job = runtime->done);) {
    runtime->done = job->next_done;
    rn_job_unref(job);
  }
  runtime->last_done = NULL;
}

/* At the end of a thread (not of the process). What its tickets still hold may outlive it, but not be
 * used. */
static void end_of_thread(void *argument) {
  rn_runtime *runtime = argument;
  if (runtime->generation != rn_fork_generation()) return;
  force_all(runtime, "the thread that ran the statement has ended");
  drop_reported(runtime);
  close_descriptors(runtime);
  free(runtime);
  current = NULL;
}

static void make_exit_key(void) {
  exit_key_made = pthread_key_create(&exit_key, end_of_thread) == 0;
}

static void nudge(rn_runtime *runtime) {
  uint64_t one = 1;
  while (write(runtime->box.event_fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

/* The child of a fork keeps the struct (its tickets point there) and gets descriptors of its own; what was
 * under way is under way in the parent only. Not having descriptors is tried again by the next call that
 * needs them. */
static void notice_fork(rn_runtime *runtime) {
  if (RN_LIKELY(runtime->generation == rn_fork_generation())) return;
  runtime->generation = rn_fork_generation();
  close_descriptors(runtime);
  force_all(runtime, "the process forked while the statement was under way; its answer goes to the parent");
  memset(&runtime->box, 0, sizeof runtime->box);
  runtime->box.event_fd = -1;
  runtime->next_ms = 0;
  if (open_descriptors(runtime, NULL) == RN_OK && runtime->done) nudge(runtime);
}

rn_runtime *rn_runtime_have(void) {
  if (current) notice_fork(current);
  return current;
}

rn_runtime *rn_runtime_need(rn_error *err) {
  rn_runtime *runtime = rn_runtime_have();
  if (RN_LIKELY(runtime != NULL))
    return runtime->epoll_fd >= 0 || open_descriptors(runtime, err) == RN_OK ? runtime : NULL;

  rn_fork_watch();
  (void)pthread_once(&exit_key_once, make_exit_key);
  runtime = calloc(1, sizeof *runtime);
  if (!runtime) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while making the pollset");
    return NULL;
  }
  runtime->generation = rn_fork_generation();
  if (open_descriptors(runtime, err) != RN_OK) {
    free(runtime);
    return NULL;
  }
  if (exit_key_made) (void)pthread_setspecific(exit_key, runtime);
  return current = runtime;
}

/* ---- the list of jobs, deadlines, finished jobs ---- */

void rn_runtime_add(rn_runtime *runtime, rn_job *job) {
  job->previous = runtime->last;
  if (runtime->last)
    runtime->last->next = job;
  else
    runtime->first = job;
  runtime->last = job;
  runtime->count++;
}

void rn_runtime_remove(rn_runtime *runtime, rn_job *job) {
  if (runtime->cursor == job) runtime->cursor = job->next;
  if (job->previous)
    job->previous->next = job->next;
  else
    runtime->first = job->next;
  if (job->next)
    job->next->previous = job->previous;
  else
    runtime->last = job->previous;
  job->next = job->previous = NULL;
  runtime->count--;
}

/* The timer is set only when it would fire too late, which for timeouts of one length is rarely so. */
static void arm(rn_runtime *runtime) {
  if (!runtime->next_ms || (runtime->armed_ms && runtime->armed_ms <= runtime->next_ms)) return;
  int64_t left_ms = runtime->next_ms - rn_clock_ms();
  if (left_ms < 1) left_ms = 1; /* 0 would disarm it */
  struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(left_ms / 1000), .tv_nsec = (long)(left_ms % 1000) * 1000000L},
  };
  if (timerfd_settime(runtime->timer_fd, 0, &when, NULL) == 0) runtime->armed_ms = runtime->next_ms;
}

void rn_runtime_wake(rn_runtime *runtime, rn_job *job, int64_t wake_ms) {
  job->wake_ms = wake_ms;
  if (!wake_ms || (runtime->next_ms && runtime->next_ms <= wake_ms)) return;
  runtime->next_ms = wake_ms;
  arm(runtime);
}

static void enforce_deadlines(rn_runtime *runtime) {
  if (!runtime->next_ms) return;
  int64_t now = rn_clock_ms();
  if (now < runtime->next_ms) {
    arm(runtime);
    return;
  }
  runtime->next_ms = 0;
  for (runtime->cursor = runtime->first; runtime->cursor;) {
    rn_job *job = runtime->cursor;
    runtime->cursor = job->next;
    if (!job->wake_ms) continue;
    if (job->wake_ms <= now) {
      job->wake_ms = 0;
      rn_job_tick(job, now);
    } else if (!runtime->next_ms || job->wake_ms < runtime->next_ms) {
      runtime->next_ms = job->wake_ms;
    }
  }
  arm(runtime);
}

void rn_runtime_report(rn_runtime *runtime, rn_job *job) {
  job->refs++;
  job->next_done = NULL;
  if (runtime->last_done)
    runtime->last_done->next_done = job;
  else
    runtime->done = job;
  runtime->last_done = job;
  if (!runtime->stepping) nudge(runtime);
}

/* ---- sockets ---- */

rn_status rn_runtime_watch(rn_runtime *runtime, rn_job *job, bool writable, rn_error *err) {
  rn_conn *conn = job->conn;
  uint32_t events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0);
  if (job->watched == (int)events) return RN_OK;

  /* A duplicate, because libpq closes its own socket when it is lost: then neither could that be taken out of
   * the epoll set again, nor would it leave by itself while a forked child holds it. */
  if (conn->watch_fd < 0) conn->watch_fd = fcntl(conn->driver->fd(conn->session), F_DUPFD_CLOEXEC, 3);
  struct epoll_event event = {.events = events, .data.ptr = job};
  int how = job->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (conn->watch_fd < 0 || epoll_ctl(runtime->epoll_fd, how, conn->watch_fd, &event) != 0)
    return rn_error_set(err, RN_E_LOST, "the connection's socket cannot be watched: %s", strerror(errno));
  job->watched = (int)events;
  return RN_OK;
}

void rn_runtime_unwatch(rn_runtime *runtime, rn_job *job) {
  if (!job->watched) return;
  job->watched = 0;
  (void)epoll_ctl(runtime->epoll_fd, EPOLL_CTL_DEL, job->conn->watch_fd, NULL);
}

/* ---- stepping ---- */

static void dispatch(rn_runtime *runtime, const struct epoll_event *event) {
  if (event->data.ptr == &runtime->box) {
    for (rn_task *task = rn_executor_collect(&runtime->box), *next; task; task = next) {
      next = task->next;
      task->done(task);
    }
  } else if (event->data.ptr == &runtime->timer_fd) {
    uint64_t fired;
    while (read(runtime->timer_fd, &fired, sizeof fired) < 0 && errno == EINTR) {
    }
    runtime->armed_ms = 0;
  } else {
    rn_job_ready(event->data.ptr);
  }
}

/* A job of this batch of events cannot be gone when its turn comes: what is watched has no connect or
 * statement on the executor, the end of its cancel does not retire it, and deadlines, which may, are looked
 * at last. */
static void step(rn_runtime *runtime) {
  struct epoll_event events[EVENTS];
  int n, rounds = 0;

  do {
    n = epoll_wait(runtime->epoll_fd, events, EVENTS, 0);
    for (int i = 0; i < n; i++) dispatch(runtime, &events[i]);
  } while (n == EVENTS && ++rounds < ROUNDS);
  enforce_deadlines(runtime);
  rn_pools_tick();
}

static int clamp_ms(int64_t ms) {
  return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static void block(rn_runtime *runtime, int64_t timeout_ms) {
  struct pollfd fd = {.fd = runtime->epoll_fd, .events = POLLIN};
  if (runtime->next_ms) {
    int64_t left_ms = clamp_ms(runtime->next_ms - rn_clock_ms());
    if (timeout_ms < 0 || left_ms < timeout_ms) timeout_ms = left_ms;
  }
  (void)poll(&fd, 1, timeout_ms < 0 ? -1 : clamp_ms(timeout_ms));
}

void rn_runtime_work(rn_runtime *runtime, bool (*go_on)(void *context), void *context, rn_deadline deadline) {
  runtime->stepping = true;
  step(runtime);
  while (go_on(context) && !rn_deadline_passed(deadline)) {
    block(runtime, rn_deadline_left_ms(deadline));
    step(runtime);
  }
  runtime->stepping = false;
  /* The steps may have eaten the notice of jobs that somebody else waits for. */
  if (runtime->done) nudge(runtime);
}

int rn_runtime_pollfd(rn_error *err) {
  rn_runtime *runtime = rn_runtime_need(err);
  return runtime ? runtime->epoll_fd : -1;
}

size_t rn_runtime_process(int64_t *ids, size_t cap) {
  rn_runtime *runtime = rn_runtime_have();
  size_t n = 0;

  if (!runtime || runtime->epoll_fd < 0) return 0;
  runtime->stepping = true;
  step(runtime);
  runtime->stepping = false;
  for (rn_job *job; n < cap && (job = runtime->done);) {
    runtime->done = job->next_done;
    if (!runtime->done) runtime->last_done = NULL;
    if (job->outcome == RN_OUTCOME_DONE) ids[n++] = job->id;
    rn_job_unref(job);
  }
  if (runtime->done) nudge(runtime);
  return n;
}

void rn_runtime_wait(int64_t timeout_ms) {
  rn_runtime *runtime = rn_runtime_have();
  if (!runtime || runtime->epoll_fd < 0 || runtime->count == 0) {
    if (timeout_ms > 0 && !(runtime && runtime->done)) (void)poll(NULL, 0, clamp_ms(timeout_ms));
    return; /* for ever would be for ever: nothing can become ready */
  }
  if (!runtime->done) block(runtime, timeout_ms);
}

size_t rn_runtime_inflight(void) {
  rn_runtime *runtime = rn_runtime_have();
  return runtime ? runtime->count : 0;
}
