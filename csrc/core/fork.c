/* The process-wide generation that fork() raises. Called by the pool and by exec/; thread-safe. */
#define _GNU_SOURCE
#include "core/fork.h"

#include <pthread.h>

unsigned rn_fork_count = 1;

static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void in_child(void) {
  __atomic_add_fetch(&rn_fork_count, 1, __ATOMIC_RELAXED);
}

/* A failure (no memory for the handler) cannot be reported through pthread_once and leaves a child to find
 * out by itself, as without this file. */
static void watch(void) {
  (void)pthread_atfork(NULL, NULL, in_child);
}

void rn_fork_watch(void) {
  (void)pthread_once(&watch_once, watch);
}
