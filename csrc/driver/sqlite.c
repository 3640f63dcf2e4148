/* The SQLite driver: sessions, their settings, the cache of prepared statements, sending, cancelling. Called
 * by core/ and exec/ through rn_sqlite_driver; sqlite.h says who owns a session and on which thread.
 *
 * There is no socket and nothing here can be waited for: send() prepares, take() runs, next() goes on, and
 * all three may block on the disk or on a lock, for at most the busy timeout or until the deadline set by
 * limit(). */
#define _GNU_SOURCE
#include "driver/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* RETURNING. */
enum { OLDEST_SQLITE = 3035000 };

/* Instructions of SQLite's machine between two looks at the clock: a few microseconds. */
enum { STEPS_PER_LOOK = 1000 };

/* ---- waiting and stopping ---- */

static bool must_stop(rn_sqlite *session) {
  if (atomic_load_explicit(&session->cancelled, memory_order_relaxed) ||
      rn_deadline_passed(session->deadline))
    session->stopped = true;
  return session->stopped;
}

static int look_at_clock(void *context) {
  return must_stop(context);
}

static int wait_for_lock(void *context, int tries) {
  /* Short at first, because most locks are; then long enough to cost nothing, and short enough to hear
   * cancel(). */
  static const int64_t delays_ms[] = {1, 1, 2, 5, 10, 15, 20};
  enum { DELAYS = sizeof delays_ms / sizeof delays_ms[0] };
  rn_sqlite *session = context;

  if (must_stop(session)) return 0;
  int64_t now = rn_clock_ms();
  if (tries == 0) session->busy_since_ms = now;
  int64_t left_ms = session->busy_timeout_ms - (now - session->busy_since_ms);
  if (left_ms <= 0) return 0;
  if (session->deadline && session->deadline - now < left_ms) left_ms = session->deadline - now;
  int64_t delay_ms = delays_ms[tries < DELAYS ? tries : DELAYS - 1];
  if (delay_ms > left_ms) delay_ms = left_ms > 0 ? left_ms : 1;
  nanosleep(&(struct timespec){.tv_nsec = (long)delay_ms * 1000000}, NULL);
  return 1;
}

static void driver_limit(void *conn, rn_deadline deadline) {
  rn_sqlite *session = conn;
  session->deadline = deadline;
}

static void driver_cancel(void *conn) {
  rn_sqlite *session = conn;
  atomic_store_explicit(&session->cancelled, true, memory_order_relaxed);
  sqlite3_interrupt(session->db);
}

/* ---- opening and closing ---- */

typedef struct target {
  const char *path;
  int flags;
  bool memory, writes;
} target;

static rn_status read_settings(const rn_settings *settings, target *to, rn_error *err) {
  const char *path = NULL, *mode = "rwc";
  for (size_t i = 0; settings->keys && settings->keys[i]; i++) {
    if (strcmp(settings->keys[i], "path") == 0)
      path = settings->values[i];
    else if (strcmp(settings->keys[i], "mode") == 0)
      mode = settings->values[i] ? settings->values[i] : mode;
    else
      return rn_error_set(err, RN_E_USAGE, "SQLite has no setting \"%s\"", settings->keys[i]);
  }
  *to = (target){.path = path, .flags = SQLITE_OPEN_NOMUTEX, .writes = true};
  if (strcmp(mode, "rwc") == 0) {
    to->flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  } else if (strcmp(mode, "rw") == 0) {
    to->flags |= SQLITE_OPEN_READWRITE;
  } else if (strcmp(mode, "ro") == 0) {
    to->flags |= SQLITE_OPEN_READONLY;
    to->writes = false;
  } else if (strcmp(mode, "memory") == 0) {
    to->flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    to->path = path = ":memory:";
  } else {
    return rn_error_set(err, RN_E_USAGE, "SQLite has no mode \"%s\" (rwc, rw, ro, memory)", mode);
  }
  if (!path || !*path)
    return rn_error_set(err, RN_E_USAGE, "SQLite needs the path of a file, or \":memory:\"");
  to->memory = strcmp(path, ":memory:") == 0;
  /* Some builds read every path that starts so as a URI; with the flag all do. "./file:x" is a file. */
  if (strncmp(path, "file:", 5) == 0) to->flags |= SQLITE_OPEN_URI;
  return RN_OK;
}

/* Why a file could not be opened, better than "unable to open database file". */
static rn_status fail_open(sqlite3 *db, int rc, const target *to, rn_error *err) {
  char *folder = NULL;
  const char *slash = strrchr(to->path, '/');
  struct stat st;
  rn_error_kind kind = (rc & 0xff) == SQLITE_NOMEM ? RN_E_MEMORY : RN_E_CONNECT;
  int system_error = db ? sqlite3_system_errno(db) : 0;

  if (slash && slash != to->path) folder = strndup(to->path, (size_t)(slash - to->path));
  if (folder && stat(folder, &st) != 0 && errno == ENOENT)
    rn_error_set(err, kind, "cannot open the database \"%s\": the folder \"%s\" does not exist", to->path,
                 folder);
  else if ((rc & 0xff) == SQLITE_CANTOPEN && stat(to->path, &st) == 0 && S_ISDIR(st.st_mode))
    rn_error_set(err, kind, "cannot open the database \"%s\": it is a folder", to->path);
  else
    rn_error_set(err, kind, "cannot open the database \"%s\": %s%s%s%s", to->path,
                 db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), system_error ? " (" : "",
                 system_error ? strerror(system_error) : "", system_error ? ")" : "");
  if (err) err->code = rc;
  free(folder);
  return RN_FAIL;
}

/* Runs a pragma; `answer`, when not NULL, is set to whether its first column was `expected`. */
static int run_pragma(sqlite3 *db, const char *text, const char *expected, bool *answer) {
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW && answer) {
    const char *got = (const char *)sqlite3_column_text(stmt, 0);
    *answer = got && strcmp(got, expected) == 0;
  }
  int closed = sqlite3_finalize(stmt);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? closed : rc;
}

/* Reads the file for the first time. WAL that cannot be had (a read-only file, one that is locked now, a file
 * system without shared memory) is no error; a file that cannot be read, or is no database, is one. NORMAL is
 * as safe as FULL against corruption in WAL only, so it follows WAL. */
static int first_look(rn_sqlite *session, const target *to) {
  enum { WAL_WAIT_MS = 100 }; /* a file that others keep busy stays as it is */
  int64_t busy_timeout_ms = session->busy_timeout_ms;
  bool wal = false;
  int rc = SQLITE_OK;

  if (to->memory) return rc;
  if (to->writes) {
    if (busy_timeout_ms > WAL_WAIT_MS) session->busy_timeout_ms = WAL_WAIT_MS;
    run_pragma(session->db, "PRAGMA journal_mode = WAL", NULL, NULL);
    session->busy_timeout_ms = busy_timeout_ms;
  }
  rc = run_pragma(session->db, "PRAGMA journal_mode", "wal", &wal);
  if (to->writes && wal) rc = run_pragma(session->db, "PRAGMA synchronous = NORMAL", NULL, NULL);
  switch (rc & 0xff) {
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
  case SQLITE_CANTOPEN:
  case SQLITE_IOERR:
  case SQLITE_PERM:
  case SQLITE_AUTH:
  case SQLITE_NOMEM: return rc;
  default: return SQLITE_OK;
  }
}

static int configure(rn_sqlite *session) {
  static const struct {
    int option, value;
  } options[] = {
      {SQLITE_DBCONFIG_DQS_DDL, 0}, /* "x" is a name, never a text */
      {SQLITE_DBCONFIG_DQS_DML, 0},
      {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
      /* SQLite's own JSON functions count as unsafe in a schema, and are wanted there: CHECKs, indexes,
       * generated columns. No function of ours does harm. */
      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1},
  };
  sqlite3 *db = session->db;
  int rc = sqlite3_extended_result_codes(db, 1);

  if (rc == SQLITE_OK) rc = sqlite3_busy_handler(db, wait_for_lock, session);
  for (size_t i = 0; rc == SQLITE_OK && i < sizeof options / sizeof options[0]; i++)
    rc = sqlite3_db_config(db, options[i].option, options[i].value, (int *)NULL);
  /* Always there, not only while a deadline is set: it makes cancel() certain, which sqlite3_interrupt alone
   * is not (a first step forgets it), and costs a point query less than can be measured. */
  sqlite3_progress_handler(db, STEPS_PER_LOOK, look_at_clock, session);
  if (rc == SQLITE_OK) rc = rn_sqlite_functions_register(db);
  if (rc == SQLITE_OK) rc = rn_sqlite_operators_register(db);
  if (rc == SQLITE_OK) rc = rn_sqlite_rows_register(session);
  return rc;
}

static void drop_prepared(void *context, void *value) {
  (void)context;
  rn_sqlite_prepared *prepared = value;
  sqlite3_finalize(prepared->stmt);
  free(prepared);
}

static void driver_close(void *conn, bool forked) {
  rn_sqlite *session = conn;
  if (!session) return;
  /* In a child of the process that opened it everything is left as it is, memory included: closing would end
   * the WAL files that the parent still works with, and SQLite's own state is a copy that no lock protects.
   */
  if (forked) return;
  rn_sqlite_release(session);
  rn_sqlite_cursor_close(session, RN_SQLITE_ALL_CURSORS);
  rn_lru_free(session->cache);
  int rc = sqlite3_close(session->db);
  assert(rc == SQLITE_OK); /* every statement was finalized */
  (void)rc;
  rn_arena_free(&session->scratch);
  free(session->lists);
  free(session);
}

static void *driver_open(const rn_settings *settings, rn_deadline deadline, rn_error *err) {
  target to = {0};
  rn_sqlite *session = NULL;
  int rc;

  if (sqlite3_libversion_number() < OLDEST_SQLITE || !sqlite3_threadsafe()) {
    rn_error_set(err, RN_E_CONNECT, "SQLite 3.35 or newer, built for threads, is needed; this is %s%s",
                 sqlite3_libversion(), sqlite3_threadsafe() ? "" : " without threads");
    return NULL;
  }
  if (read_settings(settings, &to, err) != RN_OK) return NULL;
  session = calloc(1, sizeof *session);
  if (!session) goto memory;
  session->busy_timeout_ms = settings->busy_timeout_ms;
  if (settings->statement_cache > 0) {
    session->cache = rn_lru_new(settings->statement_cache, drop_prepared, NULL);
    if (!session->cache) goto memory;
  }
  rc = sqlite3_open_v2(to.path, &session->db, to.flags, NULL);
  if (rc == SQLITE_OK) rc = configure(session);
  if (rc == SQLITE_OK) {
    driver_limit(session, deadline);
    rc = first_look(session, &to);
    driver_limit(session, 0);
    session->stopped = false;
  }
  if (rc == SQLITE_OK) return session;
  fail_open(session->db, rc, &to, err);
  driver_close(session, false);
  return NULL;

memory:
  rn_error_set(err, RN_E_MEMORY, "out of memory while opening a database");
  free(session);
  return NULL;
}

/* ---- preparing ---- */

/* Past what SQLite takes for nothing: white space, comments, empty statements. */
static const char *skip_blank(const char *at) {
  for (;;) {
    at += strspn(at, " \t\n\f\r;");
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0) {
      at += 3;
    } else if (at[0] == '-' && at[1] == '-') {
      at += strcspn(at, "\n");
    } else if (at[0] == '/' && at[1] == '*') {
      const char *end = strstr(at + 2, "*/");
      at = end ? end + 2 : at + strlen(at);
    } else {
      return at;
    }
  }
}

static rn_sqlite_effect effect_of(sqlite3_stmt *stmt, const char *text) {
  static const struct {
    char word[8];
    rn_sqlite_effect effect;
  } words[] = {
      {"INSERT", RN_SQLITE_INSERTS}, {"REPLACE", RN_SQLITE_INSERTS}, {"WITH", RN_SQLITE_CHANGES},
      {"UPDATE", RN_SQLITE_CHANGES}, {"DELETE", RN_SQLITE_CHANGES},  {"DROP", RN_SQLITE_RESHAPES},
      {"ALTER", RN_SQLITE_RESHAPES}, {"VACUUM", RN_SQLITE_RESHAPES},
  };
  if (sqlite3_stmt_readonly(stmt)) return RN_SQLITE_READS;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (sqlite3_strnicmp(text, words[i].word, (int)strlen(words[i].word)) == 0) return words[i].effect;
  return RN_SQLITE_DEFINES;
}

/* Where SQLite points at: `offset` bytes into text[from..]; err->position counts characters from 1. */
static void point_at(rn_sqlite *session, const char *text, const char *from, rn_error *err) {
#if SQLITE_VERSION_NUMBER >= 3038000
  int offset = sqlite3_error_offset(session->db);
  if (!err || offset < 0) return;
  err->position = 1;
  for (const char *at = text; at < from + offset; at++)
    if (((unsigned char)*at & 0xc0) != 0x80) err->position++;
#else
  (void)session, (void)text, (void)from, (void)err;
#endif
}

/* Prepares the statement that starts at `from`, where skip_blank has led; *rest is where the next one starts.
 */
static rn_sqlite_prepared *prepare(rn_sqlite *session, const rn_statement *statement, const char *from,
                                   unsigned flags, const char **rest, rn_error *err) {
  rn_sqlite_prepared *prepared = calloc(1, sizeof *prepared);
  const char *tail = NULL;
  size_t left =
      statement->size - (size_t)(from - statement->text) + 1; /* NUL included spares SQLite a copy */

  if (!prepared) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while preparing a statement");
    return NULL;
  }
  int rc = left > INT32_MAX ? SQLITE_TOOBIG
                            : sqlite3_prepare_v3(session->db, from, (int)left, flags, &prepared->stmt, &tail);
  if (rc != SQLITE_OK) {
    rn_sqlite_fail(session, rc, err);
    point_at(session, statement->text, from, err);
    free(prepared);
    return NULL;
  }
  prepared->params = sqlite3_bind_parameter_count(prepared->stmt);
  prepared->effect = effect_of(prepared->stmt, from);
  *rest = skip_blank(tail);
  return prepared;
}
/* Where the first statement starts; NULL and err when there is none. */
static const char *first_statement(const rn_statement *statement, rn_error *err) {
  const char *from = skip_blank(statement->text), *what = statement->script ? "script" : "statement";
  if (strlen(statement->text) != statement->size)
    rn_error_set(err, RN_E_USAGE, "the %s holds a NUL character", what);
  else if (!*from)
    rn_error_set(err, RN_E_USAGE, "the %s is empty", what);
  else
    return from;
  return NULL;
}

/* The statement of a text that may hold one only, prepared for it. */
static rn_sqlite_prepared *prepare_only(rn_sqlite *session, const rn_statement *statement, unsigned flags,
                                        rn_error *err) {
  const char *from = first_statement(statement, err), *rest;
  rn_sqlite_prepared *prepared = from ? prepare(session, statement, from, flags, &rest, err) : NULL;
  if (!prepared || !*rest) return prepared;
  rn_error_set(err, RN_E_USAGE, "only one statement can be sent at a time, unless it is a script");
  drop_prepared(NULL, prepared);
  return NULL;
}

/* The same from the cache, if it is there. */
static rn_sqlite_prepared *find_prepared(rn_sqlite *session, const rn_statement *statement, rn_error *err) {
  rn_sqlite_prepared *prepared = NULL;

  if (session->cache) {
    prepared = rn_lru_get(session->cache, statement->text, statement->size, statement->hash);
    if (RN_LIKELY(prepared != NULL)) return prepared;
  }
  prepared = prepare_only(session, statement, session->cache ? SQLITE_PREPARE_PERSISTENT : 0, err);
  if (!prepared) return NULL;
  /* Without memory for the cache's entry it is used once. */
  prepared->cached = session->cache && rn_lru_put(session->cache, statement->text, statement->size,
                                                  statement->hash, prepared) == RN_OK;
  return prepared;
}

/* Runs all statements of a script but the last, which is given back to be taken. What ran before one that
 * fails stays done, unless the script opened a transaction; err->detail says which one it was. */
static rn_sqlite_prepared *run_script(rn_sqlite *session, const rn_statement *statement, rn_error *err) {
  rn_sqlite_prepared *prepared = NULL;
  const char *from = first_statement(statement, err);
  int number = 1, rc;

  if (!from) return NULL;
  for (;; number++) {
    prepared = prepare(session, statement, from, 0, &from, err);
    if (!prepared) break;
    if (prepared->params > 0) {
      rn_error_set(err, RN_E_USAGE, "a script cannot have parameters");
      break;
    }
    if (prepared->effect == RN_SQLITE_RESHAPES) rn_sqlite_cursor_close(session, RN_SQLITE_ALL_CURSORS);
    if (!*from) return prepared;
    session->was_open = !sqlite3_get_autocommit(session->db);
    rc = must_stop(session) ? SQLITE_INTERRUPT : sqlite3_step(prepared->stmt);
    while (rc == SQLITE_ROW) rc = sqlite3_step(prepared->stmt);
    if (rc != SQLITE_DONE) {
      rn_sqlite_fail(session, rc, err);
      break;
    }
    drop_prepared(NULL, prepared);
  }
  if (prepared) drop_prepared(NULL, prepared);
  if (err && !err->detail) {
    char text[64];
    int size = snprintf(text, sizeof text, "statement %d of the script", number);
    rn_error_text(&err->detail, text, (size_t)size);
  }
  return NULL;
}

/* ---- the conversation ---- */

void rn_sqlite_release(rn_sqlite *session) {
  rn_sqlite_prepared *prepared = session->prepared;
  if (!prepared) return;
  session->result.state = RN_SQLITE_NO_RESULT;
  if (session->lent) {
    rn_sqlite_cursor_suspend(session);
    return;
  }
  session->prepared = NULL;
  if (prepared->cached) {
    sqlite3_reset(prepared->stmt); /* what it returns was reported by the step that failed */
    if (prepared->params > 0) sqlite3_clear_bindings(prepared->stmt);
  } else {
    drop_prepared(NULL, prepared);
  }
  session->list_count = 0;
  if (session->scratch.blocks) rn_arena_reset(&session->scratch);
}

/* Opens, resumes or closes a cursor. */
static rn_status send_cursor(rn_sqlite *session, const rn_statement *statement, const rn_params *params,
                             rn_error *err) {
  rn_sqlite_prepared *prepared;

  switch (statement->role) {
  case RN_ROLE_OPEN:
    prepared = prepare_only(session, statement, 0, err);
    return prepared ? rn_sqlite_cursor_open(session, statement->cursor, prepared, params, err) : RN_FAIL;
  case RN_ROLE_FETCH:
    session->fetch = statement->fetch;
    return rn_sqlite_cursor_resume(session, statement->cursor, err);
  case RN_ROLE_CLOSE: rn_sqlite_cursor_close(session, statement->cursor); return RN_OK;
  default: return rn_error_set(err, RN_E_USAGE, "SQLite has no COPY");
  }
}

static rn_status driver_send(void *conn, const rn_statement *statement, const rn_params *params,
                             rn_error *err) {
  rn_sqlite *session = conn;

  if (session->prepared)
    return rn_error_set(err, RN_E_USAGE, "the result of the statement before has not been freed");
  if (statement->script && params && params->count > 0)
    return rn_error_set(err, RN_E_USAGE, "a script cannot have parameters");
  /* SQLite would go on interrupting statements for as long as one is being read. */
  if (atomic_exchange_explicit(&session->cancelled, false, memory_order_relaxed))
    rn_sqlite_cursor_close(session, RN_SQLITE_ALL_CURSORS);
  session->stopped = session->misused = false;
  session->was_open = !sqlite3_get_autocommit(session->db);
  if (session->deadline && must_stop(session)) return rn_sqlite_fail(session, SQLITE_INTERRUPT, err);

  session->role = statement->role;
  session->fetch = INT64_MAX;
  if (statement->role > RN_ROLE_ONCE) return send_cursor(session, statement, params, err);
  session->prepared =
      statement->script ? run_script(session, statement, err) : find_prepared(session, statement, err);
  if (!session->prepared) return RN_FAIL;
  if (session->cursors && session->prepared->effect == RN_SQLITE_RESHAPES)
    rn_sqlite_cursor_close(session, RN_SQLITE_ALL_CURSORS);
  if (rn_sqlite_bind(session, params, err) == RN_OK) return RN_OK;
  rn_sqlite_release(session);
  return RN_FAIL;
}

static rn_step driver_step(void *conn, rn_error *err) {
  (void)conn, (void)err;
  return RN_STEP_DONE; /* nothing to wait for: take() runs it */
}

static rn_result *driver_take(void *conn, rn_error *err) {
  rn_sqlite *session = conn;
  if (session->role == RN_ROLE_OPEN || session->role == RN_ROLE_CLOSE) return rn_sqlite_nothing(session);
  rn_result *result = rn_sqlite_take(session, err);
  if (session->cursors && !session->lent && session->was_open && sqlite3_get_autocommit(session->db))
    rn_sqlite_cursor_close(session, RN_SQLITE_OF_TRANSACTION);
  return result;
}

static int driver_fd(void *conn) {
  (void)conn;
  return -1;
}

static rn_tx driver_tx(void *conn) {
  /* Asked of SQLite each time: an error may have ended the transaction behind everyone's back. */
  const rn_sqlite *session = conn;
  return sqlite3_get_autocommit(session->db) ? RN_TX_IDLE : RN_TX_OPEN;
}

static bool driver_alive(void *conn) {
  (void)conn;
  return true;
}

const rn_driver rn_sqlite_driver = {
    .name = "sqlite",
    .has_socket = false,
    .open = driver_open,
    .close = driver_close,
    .fd = driver_fd,
    .send = driver_send,
    .step = driver_step,
    .take = driver_take,
    .tx = driver_tx,
    .cancel = driver_cancel,
    .alive = driver_alive,
    .limit = driver_limit,
};
