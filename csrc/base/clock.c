/* The clocks and deadlines. Called by pool, exec and drivers; no state, any thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/clock.h"

#include <limits.h>
#include <time.h>

int64_t rn_clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

rn_deadline rn_deadline_after(int64_t timeout_ms) {
  if (timeout_ms <= 0) return 0;
  int64_t now_ms = rn_clock_ms();
  return timeout_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + timeout_ms;
}

bool rn_deadline_passed(rn_deadline deadline) {
  return deadline != 0 && rn_clock_ms() >= deadline;
}

int rn_deadline_left_ms(rn_deadline deadline) {
  if (deadline == 0) return -1;
  int64_t now_ms = rn_clock_ms();
  if (deadline <= now_ms) return 0;
  return deadline - now_ms > INT_MAX ? INT_MAX : (int)(deadline - now_ms);
}

int64_t rn_clock_wall_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
