/* A driver that plays a script instead of asking a database, linked in the place of core/registry.c and the
 * real drivers. "fake" has a socket (a timer that fires when the answer is there), "fakefile" has none and
 * works inside take and next, as SQLite does.
 *
 * A statement is a word and often a number of milliseconds:
 *   answer N     one row, one column: the number of the session, after N ms
 *   rows N       N rows of two columns (an integer and its text), at once
 *   fail N       RN_E_DATABASE, 22012, after N ms
 *   lost N       the connection breaks after N ms; the driver closes its descriptor by itself, as libpq does
 *   deaf N       as answer, but a cancel changes nothing
 *   late N       as answer, and a cancel brings the answer at once, as if it had come too late
 *   begin, commit, spoil     opens, ends, fails a transaction
 *   refuse       send itself fails with RN_E_VALUE */
#ifndef RN_SPEC_FAKE_DRIVER_H
#define RN_SPEC_FAKE_DRIVER_H

#include <stdatomic.h>

#include "driver/driver.h"

/* What the test sets and reads; opens and cancels come from other threads too. */
typedef struct fake_state {
  atomic_int connect_ms;    /* an open takes so long */
  atomic_int connect_fails; /* so many opens to come fail */
  atomic_int cancel_ms;     /* a cancel takes so long */
  atomic_int send_ms;       /* a send takes so long, and forgets what was cancelled before its end */
  atomic_int dead;          /* so many looks (alive) to come find a dead connection */
  atomic_int opens, closes, forked_closes, looks, cancels, sends;
  atomic_int live;          /* sessions that are open */
  atomic_int most;          /* that were open at once */
  /* What must never happen: a session used by two threads, while a cancel is under way, while busy, or after
   * its end. The tests end with none. */
  atomic_int violations;
} fake_state;

extern fake_state fake;

void fake_reset(void); /* all zero; no session may be open */

#endif
