/* Noticing fork(): a count that the child raises before it runs on, so that hot paths compare two integers
 * instead of asking for the process id. Called by pool.c and exec/; thread-safe. */
#ifndef RN_CORE_FORK_H
#define RN_CORE_FORK_H

#include "base/config.h"

extern unsigned rn_fork_count; /* atomic; read through rn_fork_generation */

/* Starts watching; idempotent. What is stamped with a generation calls it first. */
void rn_fork_watch(void);

/* Differs in a child from what it was in its parent. */
static inline unsigned rn_fork_generation(void) {
  return __atomic_load_n(&rn_fork_count, __ATOMIC_RELAXED);
}

#endif
