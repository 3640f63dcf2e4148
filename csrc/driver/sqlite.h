/* What the files of the SQLite driver share. Private to csrc/driver/sqlite*.c.
 *
 * A session belongs to whoever leased its connection; it is used by one thread at a time and may be handed to
 * another with a mutex in between (SQLite itself takes no locks for it: SQLITE_OPEN_NOMUTEX). Only
 * `cancelled` and sqlite3_interrupt are touched from elsewhere. */
#ifndef RN_DRIVER_SQLITE_H
#define RN_DRIVER_SQLITE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/lru.h"
#include "driver/driver.h"

/* Columns of rowan_rows, and so lists in one call of it. A table of so many columns can be written in bulk.
 */
enum { RN_SQLITE_LISTS_MAX = 200 };

/* What a list parameter is bound as: a blob that names an entry of the session's `lists`. It is no pointer
 * (sqlite3_bind_pointer) because SQLite lets a table-valued function vouch for its first 16 constraints only
 * and compares the others itself, and a pointer compares as NULL: rowan_rows with 17 lists would silently
 * give no rows. A handle equals itself. A forged one is harmless: it finds a list of this very call or none.
 */
typedef struct rn_sqlite_handle {
  char tag[16];    /* "rowan_list" */
  uint64_t serial; /* of the call, so that a handle kept from an earlier one finds nothing */
  uint64_t index;  /* into `lists` */
} rn_sqlite_handle;

typedef struct rn_sqlite_list {
  rn_sqlite_handle handle;
  const rn_value *items; /* borrowed from the parameters */
  size_t count;
} rn_sqlite_list;

/* What a statement does, for `affected` and `last_id`. */
typedef enum {
  RN_SQLITE_READS,    /* changes nothing: -1 */
  RN_SQLITE_CHANGES,  /* UPDATE, DELETE, and any of the changing ones behind WITH */
  RN_SQLITE_INSERTS,  /* INSERT, REPLACE: the only ones with a last_id, which else would be of an earlier one
                       */
  RN_SQLITE_RESHAPES, /* DROP, ALTER, VACUUM: refused by SQLite while a statement is being read */
  RN_SQLITE_DEFINES   /* DDL, PRAGMA, BEGIN IMMEDIATE: changes no row that counts */
} rn_sqlite_effect;

/* Owned by the cache when `cached`, else by the session while it is leased to the result. */
typedef struct rn_sqlite_prepared {
  sqlite3_stmt *stmt;
  int params; /* the highest ?n */
  rn_sqlite_effect effect;
  bool cached;
} rn_sqlite_prepared;

/* A row kept in the session's scratch. */
typedef struct rn_sqlite_kept {
  struct rn_sqlite_kept *next;
  rn_value cells[];
} rn_sqlite_kept;

typedef enum {
  RN_SQLITE_NO_RESULT,
  RN_SQLITE_ON_ROW, /* stands on a row that next() has not given yet */
  RN_SQLITE_STEPPING,
  RN_SQLITE_KEPT, /* ran to its end; rows are in `kept` */
  RN_SQLITE_ENDED
} rn_sqlite_state;

struct rn_sqlite;

typedef struct rn_sqlite_cursor rn_sqlite_cursor;

/* The one result a session can have; it lives inside the session. */
typedef struct rn_sqlite_result {
  rn_result base; /* first, so that a rn_result * is one of these */
  struct rn_sqlite *session;
  rn_sqlite_state state;
  rn_sqlite_kept *kept;
  int64_t left; /* rows that may still be given */
} rn_sqlite_result;

typedef struct rn_sqlite {
  sqlite3 *db;
  rn_lru *cache;                /* of rn_sqlite_prepared; NULL: nothing is kept */
  rn_sqlite_prepared *prepared; /* leased to the statement under way, NULL when there is none */
  rn_sqlite_result result;
  rn_arena scratch; /* texts made for parameters and rows kept; forgotten when the result is freed */

  rn_sqlite_list *lists; /* of the statement under way */
  size_t list_count, list_capacity;
  uint64_t serial;

  rn_sqlite_cursor *cursors, *lent; /* all that are open; the one that is being fetched from */
  rn_role role;                     /* of the statement under way */
  int64_t fetch;

  int64_t busy_timeout_ms, busy_since_ms;
  rn_deadline deadline;
  atomic_bool cancelled; /* since the last send */
  bool stopped;          /* a handler below stopped the statement for its deadline or for `cancelled` */
  bool was_open;         /* a transaction was open when the statement was sent */
  bool misused;          /* rowan_rows refused its arguments: a programmer's mistake */
} rn_sqlite;

/* --- sqlite.c --- */

/* Ends the lease of session->prepared: resets it for the next use or finalizes it. Safe when there is none.
 */
void rn_sqlite_release(rn_sqlite *session);

/* --- sqlite_bind.c --- */

/* Binds all parameters of session->prepared, which has none bound. NULL counts as none. */
rn_status rn_sqlite_bind(rn_sqlite *session, const rn_params *params, rn_error *err) RN_MUSTCHECK;

/* --- sqlite_cursor.c --- */

enum { RN_SQLITE_ALL_CURSORS = -1, RN_SQLITE_OF_TRANSACTION = -2 };

/* Keeps a statement to be fetched from, with copies of its parameters. Takes prepared, which must not be
 * cached, whatever happens. */
rn_status rn_sqlite_cursor_open(rn_sqlite *session, int64_t id, rn_sqlite_prepared *prepared,
                                const rn_params *params, rn_error *err) RN_MUSTCHECK;
/* Lends the cursor's statement to the session until rn_sqlite_release. RN_E_USAGE when there is none. */
rn_status rn_sqlite_cursor_resume(rn_sqlite *session, int64_t id, rn_error *err) RN_MUSTCHECK;
bool rn_sqlite_cursor_done(const rn_sqlite *session); /* the one that is lent gave its last row */
void rn_sqlite_cursor_end(rn_sqlite *session);        /* it gives no more */
void rn_sqlite_cursor_suspend(rn_sqlite *session);    /* for rn_sqlite_release */
/* Closes one cursor, if it is there, or those that are meant by a value above. None may be lent. */
void rn_sqlite_cursor_close(rn_sqlite *session, int64_t id);

/* --- sqlite_result.c --- */

/* The answer to opening or closing a cursor. */
rn_result *rn_sqlite_nothing(rn_sqlite *session);

/* Makes the first step of session->prepared and gives the result; a statement that writes runs to its end.
 * NULL and err when that fails; then nothing is leased any more. */
rn_result *rn_sqlite_take(rn_sqlite *session, rn_error *err);

/* --- sqlite_error.c --- */

/* Fills err from what `rc` and the connection say, right after the call that failed and before any other on
 * the connection. Always RN_FAIL. */
rn_status rn_sqlite_fail(rn_sqlite *session, int rc, rn_error *err);

/* --- sqlite_rows.c, sqlite_functions.c, sqlite_operators.c --- */

/* Registers on one connection; a result code of SQLite. */
int rn_sqlite_rows_register(rn_sqlite *session);
int rn_sqlite_functions_register(sqlite3 *db);
int rn_sqlite_operators_register(sqlite3 *db);

#endif
