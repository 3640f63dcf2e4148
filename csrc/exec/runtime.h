/* What the files of exec/ share and nobody else sees: tasks of the executor, the runtime of a thread,
 * jobs. */
#ifndef RN_EXEC_RUNTIME_H
#define RN_EXEC_RUNTIME_H

#include "exec/exec.h"

/* After its deadline a statement is cancelled; a server that does not answer the cancel within this time has
 * lost its connection. */
enum { RN_CANCEL_GRACE_MS = 1000 };

/* ---- the executor: threads for what blocks (executor.c) ---- */

/* Where finished tasks of one runtime are put. The eventfd is made readable with the first. */
typedef struct rn_mailbox {
  struct rn_task *first, *last; /* under the executor's lock */
  bool notified;                /* under the executor's lock */
  int event_fd;
} rn_mailbox;

typedef enum { RN_TASK_NEW, RN_TASK_QUEUED, RN_TASK_RUNNING, RN_TASK_FINISHED } rn_task_state;

/* Embedded as the first member of what a thread works on. Belongs to its job, but for the time between submit
 * and finish to the executor; nothing in it is touched by two threads at once. */
typedef struct rn_task {
  struct rn_task *next; /* in a queue or mailbox */
  rn_mailbox *box;
  rn_task_state state;            /* under the executor's lock */
  bool orphan;                    /* under the executor's lock */
  unsigned generation;            /* of the process that made it */
  void (*run)(struct rn_task *);  /* on a thread of the executor; blocks */
  void (*done)(struct rn_task *); /* on the runtime's thread, from the mailbox; owns the task */
  /* On any thread: nobody waits for it. Frees the task; `orphan` says that the session it used is its own
   * now. */
  void (*drop)(struct rn_task *);
} rn_task;

/* Statements and connects share the working threads. Statements inside of a transaction have threads of their
 * own, since those that wait for its lock may hold all the others; so have cancels, for the same reason. */
typedef enum { RN_LANE_WORK, RN_LANE_INSIDE, RN_LANE_CANCEL, RN_LANES } rn_lane;

rn_status rn_executor_submit(rn_task *task, rn_lane lane, rn_error *err) RN_MUSTCHECK;
/* True when the task had not begun: it never will, and is the caller's again. */
bool rn_executor_withdraw(rn_task *task);
/* Gives a task up, whatever its state: it is dropped now, or by its thread when it ends (or never, when a
 * fork took its thread away). True in the latter two cases: the session it uses belongs to the task. */
bool rn_executor_orphan(rn_task *task);
/* All finished tasks of a mailbox, oldest first. Resets the eventfd. */
rn_task *rn_executor_collect(rn_mailbox *box);

/* ---- the runtime of a thread (runtime.c) ---- */

typedef struct rn_runtime {
  unsigned generation; /* of the process whose descriptors it holds */
  int epoll_fd, timer_fd;
  rn_mailbox box;
  rn_job *first, *last;     /* not retired, in the order of their submission */
  rn_job *cursor;           /* where the walk over the list goes on; moved when that job leaves */
  size_t count;             /* not retired */
  rn_job *done, *last_done; /* finished, not yet reported by rn_runtime_process */
  bool stepping;            /* a step is on the stack: finishing a job needs no notice */
  int64_t next_ms;          /* the earliest wake_ms of the jobs, or earlier; 0 when none */
  int64_t armed_ms;         /* when timer_fd fires, 0 when it does not */
} rn_runtime;

/* This thread's, made when needed. NULL and err when it cannot be made. */
rn_runtime *rn_runtime_need(rn_error *err);
/* This thread's if it was made already, with what fork() left of it put right; else NULL. */
rn_runtime *rn_runtime_have(void);
void rn_runtime_add(rn_runtime *runtime, rn_job *job);
void rn_runtime_remove(rn_runtime *runtime, rn_job *job);
/* Has rn_job_tick called at wake_ms or a little later; 0: not any more. */
void rn_runtime_wake(rn_runtime *runtime, rn_job *job, int64_t wake_ms);
/* Puts a finished job (and a reference to it) where rn_runtime_process finds it. */
void rn_runtime_report(rn_runtime *runtime, rn_job *job);
/* Reports the readiness of the connection's socket to the job, level triggered; again to change what is
 * wanted. */
rn_status rn_runtime_watch(rn_runtime *runtime, rn_job *job, bool writable, rn_error *err) RN_MUSTCHECK;
void rn_runtime_unwatch(rn_runtime *runtime, rn_job *job);
/* Works on what is under way for as long as go_on says so and until the deadline: for the straight path.
 * Blocks. */
void rn_runtime_work(rn_runtime *runtime, bool (*go_on)(void *context), void *context, rn_deadline deadline);

/* ---- jobs (job.c) ---- */

/* What happens with the job's connection; what its ticket sees is `outcome`. A job whose ticket has its
 * outcome stays with its connection until that is free. */
typedef enum { RN_PHASE_WAITING, RN_PHASE_CONNECTING, RN_PHASE_RUNNING, RN_PHASE_RETIRED } rn_phase;
typedef enum { RN_OUTCOME_PENDING, RN_OUTCOME_DONE, RN_OUTCOME_TAKEN } rn_outcome;

struct rn_job {
  int refs; /* the ticket, the runtime until it is retired, the list of done jobs */
  int64_t id;
  rn_job_kind kind;
  rn_phase phase;
  rn_outcome outcome;
  rn_runtime *runtime;
  rn_job *next, *previous; /* runtime's list */
  rn_job *next_done;
  int64_t wake_ms;
  int watched; /* epoll events asked for, 0 when not registered */

  rn_pool *pool; /* retained */
  rn_waiter waiter;
  rn_lease *lease;         /* retained; NULL without one. What it runs on, or connects */
  rn_conn *conn;           /* of the lease, or its own */
  rn_statement *statement; /* retained; of RN_JOB_QUERY, else NULL */
  rn_params params;
  int64_t submitted_ms;
  rn_deadline deadline;

  rn_task *task; /* connect or statement on the executor */
  rn_task *cancel_task;
  bool cancelling, timed_out;
  int64_t grace_ms; /* when a cancelled statement's connection is given up */

  rn_result *result; /* of a done query */
  rn_lease *granted; /* of a done lease job */
  rn_error error;
};

void rn_job_ready(rn_job *job);             /* its socket is */
void rn_job_tick(rn_job *job, int64_t now); /* wake_ms has come */
/* The runtime is going (end of the thread) or was not inherited (fork): fails the job and lets everything
 * go. */
void rn_job_force(rn_job *job, const char *why);
void rn_job_unref(rn_job *job);

/* ---- shared by the straight path and jobs (lease.c, packed.c, rules.c) ---- */

rn_lease *rn_lease_new(rn_conn *conn, rn_error *err); /* owns conn; NULL: the caller still does */
/* Whether a statement for the pool can be sent over the lease now. */
rn_status rn_lease_check(const rn_lease *lease, const rn_pool *pool, rn_error *err) RN_MUSTCHECK;
/* Whether a session can be opened in it now. */
rn_status rn_lease_vacant(const rn_lease *lease, rn_error *err) RN_MUSTCHECK;
/* When waiting for a connection that one asks for now ends. */
rn_deadline rn_acquire_deadline(const rn_pool *pool, rn_deadline deadline);
rn_status rn_acquire_expired(rn_pool *pool, int64_t waited_ms, rn_error *err);
/* When a connect that starts now ends. */
rn_deadline rn_connect_deadline(const rn_settings *settings, rn_deadline deadline);
rn_status rn_closed_error(rn_error *err);
/* What a statement that was cancelled for its deadline failed with, as RN_E_TIMEOUT; any other error is the
 * server's own answer and stays. */
void rn_timeout_answer(rn_error *err);
/* The server did not answer the cancel. */
rn_status rn_timeout_silent(rn_error *err);
/* Looks whether the connection may still be used after a failure, and marks it broken if not. */
void rn_conn_distrust(rn_conn *conn);
/* Reads a result to its end into a detached one and frees it. stop (may be NULL) ends it early. */
rn_result *rn_packed_drain(rn_result *result, const bool *stop, rn_error *err);

#endif
