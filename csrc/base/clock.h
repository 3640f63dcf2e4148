/* Monotonic milliseconds and deadlines. A deadline of 0 means none. */
#ifndef RN_BASE_CLOCK_H
#define RN_BASE_CLOCK_H

#include "base/config.h"

typedef int64_t rn_deadline; /* a point of rn_clock_ms, or 0 for never */

int64_t rn_clock_ms(void);
/* timeout_ms <= 0 gives 0 (never). */
rn_deadline rn_deadline_after(int64_t timeout_ms);
bool rn_deadline_passed(rn_deadline deadline);
/* Milliseconds left, at least 0, for poll(2): -1 when there is no deadline. */
int rn_deadline_left_ms(rn_deadline deadline);
/* Microseconds since 1970-01-01 UTC by the wall clock. */
int64_t rn_clock_wall_us(void);

#endif
