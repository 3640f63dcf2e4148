/* What a database driver is to the core: non-blocking steps behind one vtable. Nothing above this directory
 * includes libpq-fe.h or sqlite3.h. */
#ifndef RN_DRIVER_DRIVER_H
#define RN_DRIVER_DRIVER_H

#include "base/clock.h"
#include "value/params.h"

/* How a connection is made. Owned by the pool; immutable once the pool is open. Strings are copied by
 * rn_settings_copy (core/settings.c). */
typedef struct rn_settings {
  const char *driver;          /* "postgres" or "sqlite" */
  const char **keys, **values; /* NULL-terminated pairs; postgres: libpq keywords ("dbname" may be a URL);
                                  sqlite: "path", "mode" (rwc | rw | ro | memory) */
  int64_t connect_timeout_ms;
  int64_t busy_timeout_ms; /* sqlite: how long a lock is waited for */
  size_t statement_cache;  /* prepared statements kept per connection; 0 = never prepare */
} rn_settings;

/* One column of an answer as a model wants to see it. */
typedef struct rn_column {
  rn_code code;
  int scale; /* for 'n', else -1 */
} rn_column;

/* What a statement is to its connection, beyond a text that runs. ONCE is never prepared for later. A cursor
 * is opened, fetched from and closed by statements of its number, with any others in between; PostgreSQL gets
 * the text of that (DECLARE, FETCH, CLOSE), SQLite opens by the query itself and looks at nothing but the
 * number afterwards. COPY begins by its text; ROWS carries one list a column; END says that it was all, ABORT
 * that it is not to be. Until then nothing else runs on that connection. PostgreSQL only. */
typedef enum {
  RN_ROLE_PLAIN,
  RN_ROLE_ONCE,
  RN_ROLE_OPEN,
  RN_ROLE_FETCH,
  RN_ROLE_CLOSE,
  RN_ROLE_COPY,
  RN_ROLE_COPY_ROWS,
  RN_ROLE_COPY_END,
  RN_ROLE_COPY_ABORT
} rn_role;

/* A statement text with the codes of its parameters and, where a model knows them, of its columns. Immutable
 * and reference counted (core/statement.h); shared by all connections, threads and plans that use it. */
typedef struct rn_statement {
  int refs;   /* atomic */
  char *text; /* NUL-terminated */
  size_t size;
  uint64_t hash; /* rn_hash over text and codes */
  size_t param_count;
  rn_code *param_codes;
  bool *param_lists;
  size_t column_count; /* 0: the database's own columns */
  rn_column *columns;
  bool script; /* may hold several statements; has no parameters; never prepared */
  rn_role role;
  int64_t cursor, fetch; /* number of the cursor, and how many rows FETCH gives at most */
} rn_statement;

typedef enum { RN_TX_IDLE, RN_TX_OPEN, RN_TX_FAILED, RN_TX_UNKNOWN } rn_tx;

typedef enum { RN_STEP_DONE, RN_STEP_READ, RN_STEP_READ_WRITE, RN_STEP_FAILED } rn_step;

typedef enum { RN_ROW, RN_END, RN_ROW_FAILED } rn_row;

/* The answer of one statement. Made by a driver's `take`, freed by `free`, owned by whoever took it. */
typedef struct rn_result {
  const struct rn_result_ops *ops;
  size_t columns;
  int64_t rows;     /* how many there are, or -1 when only reading tells */
  int64_t affected; /* rows changed, valid after RN_END; -1 when the statement changes none (a SELECT) */
  int64_t last_id;  /* sqlite: rowid of the last row inserted, valid after RN_END, when an INSERT changed
                       rows (one that only updated, by ON CONFLICT, leaves that of an earlier one); else 0 */
  bool detached;    /* needs its connection no longer */
} rn_result;

typedef struct rn_result_ops {
  /* The next row into cells[0..columns-1], as the database typed it (before rn_value_convert). */
  rn_row (*next)(rn_result *result, rn_value *cells, rn_error *err);
  const char *(*name)(const rn_result *result, size_t column);
  /* A code for a column that no model typed: what rn_value_convert should be given ('?' where none), or
   * rn_code_array_of the items of an array. */
  rn_code (*code)(const rn_result *result, size_t column);
  void (*free)(rn_result *result); /* also resets the statement behind it */
} rn_result_ops;

typedef struct rn_driver {
  const char *name;
  bool has_socket; /* steps never block and fd() can be waited for; otherwise send() prepares, take() runs,
                      next() goes on, and all three belong on a thread when a loop is running */
  /* Opens and prepares a session (blocks; runs straight or on the executor). */
  void *(*open)(const rn_settings *settings, rn_deadline deadline, rn_error *err);
  /* forked: the process is not the one that opened it, so nothing may be said to the server. */
  void (*close)(void *conn, bool forked);
  int (*fd)(void *conn);
  /* Starts a statement. The connection must be free of results. params, and all they borrow, stay valid until
   * the result is freed, or send, step or take has failed: SQLite reads text and items as it steps. */
  rn_status (*send)(void *conn, const rn_statement *statement, const rn_params *params, rn_error *err);
  /* One non-blocking step of the statement under way. */
  rn_step (*step)(void *conn, rn_error *err);
  rn_result *(*take)(void *conn, rn_error *err); /* after RN_STEP_DONE */
  rn_tx (*tx)(void *conn);
  /* Asks the server to stop what runs. May block for a moment; may be called from another thread. */
  void (*cancel)(void *conn);
  /* A look without a round trip: false when the connection is known to be broken. */
  bool (*alive)(void *conn);
  /* SQLite: a deadline for the statement that is about to run; sockets: does nothing. */
  void (*limit)(void *conn, rn_deadline deadline);
} rn_driver;

extern const rn_driver rn_postgres_driver;
extern const rn_driver rn_sqlite_driver;

#endif
