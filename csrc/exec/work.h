/* The tasks that jobs give to the executor. Private to job.c and work.c. Each is owned by its job while the
 * executor does not have it, and read by the job in `done`, which then frees it. */
#ifndef RN_EXEC_WORK_H
#define RN_EXEC_WORK_H

#include "exec/runtime.h"

typedef struct rn_connect_task {
  rn_task base;
  rn_job *job;
  const rn_driver *driver;
  rn_settings settings; /* its own copy: the pool may be gone before a slow connect ends */
  rn_deadline deadline;
  void *session; /* what came of it; whoever takes it sets it to NULL */
  rn_error error;
} rn_connect_task;

typedef struct rn_statement_task {
  rn_task base;
  rn_job *job;
  const rn_driver *driver;
  void *session;           /* borrowed from the job's connection until the task is an orphan */
  rn_statement *statement; /* retained */
  rn_params params;        /* moved out of the job */
  rn_deadline deadline;
  bool stop;         /* atomic: do not begin, or read no further */
  rn_result *result; /* packed; whoever takes it sets it to NULL */
  rn_error error;
} rn_statement_task;

typedef struct rn_cancel_task {
  rn_task base;
  rn_job *job;
  const rn_driver *driver;
  void *session; /* borrowed as above */
} rn_cancel_task;

/* NULL and err when memory ran out. */
rn_connect_task *rn_connect_task_new(rn_job *job, const rn_settings *settings, rn_deadline deadline,
                                     void (*done)(rn_task *), rn_error *err);
rn_statement_task *rn_statement_task_new(rn_job *job, void (*done)(rn_task *), rn_error *err);
rn_cancel_task *rn_cancel_task_new(rn_job *job, void (*done)(rn_task *));
void rn_connect_task_free(rn_connect_task *task); /* closes a session that nobody took */
void rn_statement_task_free(rn_statement_task *task);

#endif
