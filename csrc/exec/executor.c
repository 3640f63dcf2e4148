/* The executor: a few threads of the process for what blocks (SQLite statements, connects, cancels). Called
 * by job.c; finished tasks reach their runtime through its mailbox and eventfd. The threads know nothing of
 * Lua, take no signals, start when there is work for them and stay until the process ends.
 *
 * One lock guards all that is shared: queues, mailboxes, the state of tasks. It is held over fork(), so that
 * the child finds it consistent; the child starts without threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/fork.h"
#include "exec/runtime.h"

enum { WORK_THREADS = 4, CANCEL_THREADS = 1, MAX_THREADS = 4 };

/* How long the end of the process waits for tasks that are running: enough for a short statement to end, too
 * short to be taken for a hang. */
enum { EXIT_WAIT_MS = 250 };

typedef struct lane {
  rn_task *first, *last;
  int queued, idle, threads, max_threads;
  pthread_cond_t wake;
  pthread_t thread[MAX_THREADS];
} lane;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lane lanes[RN_LANES] = {
    [RN_LANE_WORK] = {.max_threads = WORK_THREADS, .wake = PTHREAD_COND_INITIALIZER},
    [RN_LANE_INSIDE] = {.max_threads = WORK_THREADS, .wake = PTHREAD_COND_INITIALIZER},
    [RN_LANE_CANCEL] = {.max_threads = CANCEL_THREADS, .wake = PTHREAD_COND_INITIALIZER},
};
static bool stopping;
static pthread_once_t start_once = PTHREAD_ONCE_INIT;

/* ---- queues; all under the lock ---- */

static void enqueue(lane *to, rn_task *task) {
  task->next = NULL;
  task->state = RN_TASK_QUEUED;
  if (to->last)
    to->last->next = task;
  else
    to->first = task;
  to->last = task;
  to->queued++;
}

/* Takes a task out of a list wherever it is; false when it is not there. */
static bool unlink_task(rn_task **first, rn_task **last, rn_task *task) {
  rn_task *previous = NULL;
  for (rn_task *at = *first; at; previous = at, at = at->next) {
    if (at != task) continue;
    if (previous)
      previous->next = task->next;
    else
      *first = task->next;
    if (*last == task) *last = previous;
    task->next = NULL;
    return true;
  }
  return false;
}

static bool unqueue(rn_task *task) {
  for (int i = 0; i < RN_LANES; i++) {
    if (!unlink_task(&lanes[i].first, &lanes[i].last, task)) continue;
    lanes[i].queued--;
    task->state = RN_TASK_NEW;
    return true;
  }
  return false;
}

static void finish(rn_task *task) {
  rn_mailbox *box = task->box;
  task->next = NULL;
  task->state = RN_TASK_FINISHED;
  if (box->last)
    box->last->next = task;
  else
    box->first = task;
  box->last = task;
  if (box->notified) return;
  box->notified = true;
  uint64_t one = 1;
  /* Cannot fail: the counter is far from full and the descriptor is the runtime's own. */
  while (write(box->event_fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

/* ---- threads ---- */

static void *thread_main(void *argument) {
  lane *mine = argument;

  pthread_mutex_lock(&lock);
  for (;;) {
    while (!mine->first && !stopping) {
      mine->idle++;
      pthread_cond_wait(&mine->wake, &lock);
      mine->idle--;
    }
    if (stopping) break;
    rn_task *task = mine->first;
    (void)unlink_task(&mine->first, &mine->last, task);
    mine->queued--;
    task->state = RN_TASK_RUNNING;
    pthread_mutex_unlock(&lock);
    task->run(task);
    pthread_mutex_lock(&lock);
    if (!task->orphan) {
      finish(task);
      continue;
    }
    pthread_mutex_unlock(&lock);
    task->drop(task);
    pthread_mutex_lock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* The new thread inherits the mask of its maker, so no signal can find it with an open one. */
static bool start_thread(lane *of) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(&of->thread[of->threads], NULL, thread_main, of);
  if (rc == 0) {
    (void)pthread_setname_np(of->thread[of->threads], "rowan");
    of->threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc == 0;
}

static void before_fork(void) {
  pthread_mutex_lock(&lock);
}

static void after_fork_parent(void) {
  pthread_mutex_unlock(&lock);
}

static void after_fork_child(void) {
  for (int i = 0; i < RN_LANES; i++) {
    for (rn_task *task; (task = lanes[i].first);) (void)unqueue(task);
    lanes[i].idle = lanes[i].threads = 0;
    lanes[i].wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
  }
  pthread_mutex_unlock(&lock);
}

/* Idle threads end at once; one that is busy for longer than the wait goes down with the process. */
static void stop_at_exit(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += EXIT_WAIT_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;

  pthread_mutex_lock(&lock);
  stopping = true;
  for (int i = 0; i < RN_LANES; i++) pthread_cond_broadcast(&lanes[i].wake);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < RN_LANES; i++)
    for (int k = 0; k < lanes[i].threads; k++) (void)pthread_timedjoin_np(lanes[i].thread[k], NULL, &until);
}

static void start(void) {
  (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
  (void)atexit(stop_at_exit);
}

/* ---- what job.c and runtime.c call ---- */

rn_status rn_executor_submit(rn_task *task, rn_lane which, rn_error *err) {
  lane *to = &lanes[which];
  bool started = true;

  (void)pthread_once(&start_once, start);
  pthread_mutex_lock(&lock);
  bool over = stopping;
  if (!over) {
    enqueue(to, task);
    if (to->queued > to->idle && to->threads < to->max_threads) started = start_thread(to);
    started = started || to->threads > 0;
    if (started)
      pthread_cond_signal(&to->wake);
    else
      (void)unqueue(task);
  }
  pthread_mutex_unlock(&lock);
  if (over) return rn_error_set(err, RN_E_CLOSED, "the process is ending");
  if (!started) return rn_error_set(err, RN_E_MEMORY, "no thread could be started");
  return RN_OK;
}

bool rn_executor_withdraw(rn_task *task) {
  pthread_mutex_lock(&lock);
  bool withdrawn = task->state == RN_TASK_QUEUED && unqueue(task);
  pthread_mutex_unlock(&lock);
  return withdrawn;
}

bool rn_executor_orphan(rn_task *task) {
  pthread_mutex_lock(&lock);
  bool running = task->state == RN_TASK_RUNNING;
  if (running)
    task->orphan = true;
  else if (task->state == RN_TASK_QUEUED)
    (void)unqueue(task);
  else if (task->state == RN_TASK_FINISHED)
    (void)unlink_task(&task->box->first, &task->box->last, task);
  pthread_mutex_unlock(&lock);
  if (!running) task->drop(task);
  return running;
}

rn_task *rn_executor_collect(rn_mailbox *box) {
  uint64_t count;
  /* Read before the list is taken: what is finished in between makes it readable again. */
  while (read(box->event_fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
  pthread_mutex_lock(&lock);
  rn_task *tasks = box->first;
  box->first = box->last = NULL;
  box->notified = false;
  pthread_mutex_unlock(&lock);
  return tasks;
}
