/* SQLite's extended result codes and messages -> rn_error. Called by the other files of the driver, on the
 * thread that uses the session, right after the call that failed.
 *
 * SQLSTATEs are those PostgreSQL gives for the same trouble, where there is an obvious one, so that the
 * layers above need one table for both. */
#include "driver/sqlite.h"

#include <string.h>

typedef struct code_state {
  int code;
  char state[6];
} code_state;

/* Extended codes first: the first row whose code is the extended or the primary code wins. */
static const code_state states[] = {
    {SQLITE_CONSTRAINT_UNIQUE, "23505"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, "23505"},
    {SQLITE_CONSTRAINT_ROWID, "23505"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, "23503"},
    {SQLITE_CONSTRAINT_NOTNULL, "23502"},
    {SQLITE_CONSTRAINT_CHECK, "23514"},
    {SQLITE_CONSTRAINT_TRIGGER, "P0001"},
    {3091 /* _CONSTRAINT_DATATYPE, 3.37 */, "42804"},
    {SQLITE_BUSY_SNAPSHOT, "40001"}, /* only the whole transaction, begun anew, can succeed */
    {SQLITE_ABORT_ROLLBACK, "40000"},
    {SQLITE_CONSTRAINT, "23000"},
    {SQLITE_BUSY, "55P03"},
    {SQLITE_LOCKED, "55P03"},
    {SQLITE_PROTOCOL, "55P03"},
    {SQLITE_TOOBIG, "54000"},
    {SQLITE_READONLY, "25006"},
    {SQLITE_INTERRUPT, "57014"},
    {SQLITE_FULL, "53100"},
    {SQLITE_IOERR, "58030"},
    {SQLITE_CORRUPT, "58030"},
    {SQLITE_NOTADB, "58030"},
    {SQLITE_CANTOPEN, "58030"},
    {SQLITE_PERM, "42501"},
    {SQLITE_AUTH, "42501"},
    {SQLITE_MISMATCH, "42804"},
    {SQLITE_INTERNAL, "XX000"},
    {SQLITE_MISUSE, "XX000"},
};

typedef struct text_state {
  const char *start, *end; /* how the message starts, and ends ("" for anyhow) */
  char state[6];
} text_state;

/* SQLITE_ERROR says everything in its message. Texts of SQLite 3.35 to 3.46. */
static const text_state messages[] = {
    {"near \"", ": syntax error", "42601"},
    {"incomplete input", "", "42601"},
    {"unrecognized token: ", "", "42601"},
    {"no such table: ", "", "42P01"},
    {"no such column: ", "", "42703"},
    {"table ", " already exists", "42P07"},
    {"index ", " already exists", "42P07"},
    {"view ", " already exists", "42P07"},
    {"no such function: ", "", "42883"},
    {"duplicate column name: ", "", "42701"},
    {"ambiguous column name: ", "", "42702"},
    {"foreign key mismatch", "", "42830"},
    {"integer overflow", "", "22003"},
    {"cannot start a transaction within a transaction", "", "25001"},
    {"cannot commit - no transaction is active", "", "25P01"},
    {"cannot rollback - no transaction is active", "", "25P01"},
    {"no such savepoint: ", "", "3B001"},
    {"too many ", "", "54000"},
    {"Expression tree is too large", "", "54001"},
};

/* What RESTRICT, which SQLite makes of a trigger, says as well. */
static const char foreign_key_text[] = "FOREIGN KEY constraint failed";

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

/* Six bytes. */
static const char *state_of(int rc, const char *message) {
  static const char none[6] = "", foreign_key[6] = "23503";
  if (rc == SQLITE_CONSTRAINT_TRIGGER && strcmp(message, foreign_key_text) == 0) return foreign_key;
  if (rc == SQLITE_ERROR) {
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
      const text_state *m = &messages[i];
      if (starts_with(message, m->start) && ends_with(message, m->end)) return m->state;
    }
    return none;
  }
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    if (states[i].code == rc || states[i].code == (rc & 0xff)) return states[i].state;
  return none;
}

/* ---- which table and which columns ---- */

/* The end of the column that starts at `from`: the next ", table." or the end of the text. */
static const char *column_end(const char *from, const char *table, size_t table_size) {
  for (const char *at = from; (at = strstr(at, ", ")); at++)
    if (strncmp(at + 2, table, table_size) == 0 && at[2 + table_size] == '.') return at;
  return from + strlen(from);
}

static bool column_exists(sqlite3 *db, const char *table, size_t table_size, const char *column,
                          size_t size) {
  char *table_name = sqlite3_mprintf("%.*s", (int)table_size, table);
  char *column_name = sqlite3_mprintf("%.*s", (int)size, column);
  bool exists = table_name && column_name &&
                sqlite3_table_column_metadata(db, NULL, table_name, column_name, NULL, NULL, NULL, NULL,
                                              NULL) == SQLITE_OK;
  sqlite3_free(table_name);
  sqlite3_free(column_name);
  return exists;
}

/* "t.a, t.b" with the table ending before the dot at `dot`. Appends "a, b" to err->column unless err is NULL;
 * then it only says whether all those columns exist. */
static bool read_columns(sqlite3 *db, const char *text, const char *dot, rn_error *err) {
  size_t table_size = (size_t)(dot - text);
  char *columns = NULL;
  bool all = true;

  for (const char *at = dot + 1; all;) {
    const char *end = column_end(at, text, table_size);
    if (err) {
      char *longer =
          sqlite3_mprintf("%s%s%.*s", columns ? columns : "", columns ? ", " : "", (int)(end - at), at);
      sqlite3_free(columns);
      if (!(columns = longer)) return false;
    } else {
      all = column_exists(db, text, table_size, at, (size_t)(end - at));
    }
    if (!*end) break;
    at = end + 2 + table_size + 1;
  }
  if (err) {
    rn_error_text(&err->table, text, table_size);
    rn_error_text(&err->column, columns, strlen(columns));
    sqlite3_free(columns);
  }
  return all;
}

/* SQLite prints names as they are, and a name may hold a dot: the split that names columns which exist is
 * meant, and the first dot when none does. */
static void name_columns(sqlite3 *db, const char *text, rn_error *err) {
  const char *first = strchr(text, '.');
  for (const char *dot = first; dot; dot = strchr(dot + 1, '.')) {
    if (!read_columns(db, text, dot, NULL)) continue;
    read_columns(db, text, dot, err);
    return;
  }
  if (first) read_columns(db, text, first, err);
}

static const char *after(const char *text, const char *start) {
  return starts_with(text, start) ? text + strlen(start) : NULL;
}

static void name_constraint(sqlite3 *db, int rc, const char *message, rn_error *err) {
  const char *rest = NULL;
  switch (rc) {
  case SQLITE_CONSTRAINT_UNIQUE:
  case SQLITE_CONSTRAINT_PRIMARYKEY:
  case SQLITE_CONSTRAINT_ROWID:
    if (!(rest = after(message, "UNIQUE constraint failed: "))) return;
    /* An index over expressions has no columns to name. */
    if (starts_with(rest, "index '") && ends_with(rest, "'")) {
      rn_error_text(&err->constraint, rest + strlen("index '"), strlen(rest) - strlen("index ''"));
      return;
    }
    name_columns(db, rest, err);
    return;
  case SQLITE_CONSTRAINT_NOTNULL:
    if ((rest = after(message, "NOT NULL constraint failed: "))) name_columns(db, rest, err);
    return;
  case SQLITE_CONSTRAINT_CHECK:
    if ((rest = after(message, "CHECK constraint failed: ")))
      rn_error_text(&err->constraint, rest, strlen(rest));
    return;
  default: return;
  }
}

/* ---- */

static rn_status fail_stopped(const rn_sqlite *session, int rc, rn_error *err) {
  bool cancelled = atomic_load_explicit(&session->cancelled, memory_order_relaxed);
  rn_error_set(err, RN_E_TIMEOUT, "the statement was cancelled%s%s", cancelled ? "" : ": its deadline passed",
               (rc & 0xff) == SQLITE_BUSY ? " while it waited for a lock" : "");
  if (!err) return RN_FAIL;
  err->code = rc;
  memcpy(err->sqlstate, "57014", 6);
  return RN_FAIL;
}

rn_status rn_sqlite_fail(rn_sqlite *session, int rc, rn_error *err) {
  sqlite3 *db = session->db;
  int primary = rc & 0xff;
  bool ended = session->was_open && sqlite3_get_autocommit(db);

  if (primary == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM)
    return rn_error_set(err, RN_E_MEMORY, "out of memory in SQLite");

  bool interrupted =
      primary == SQLITE_INTERRUPT && atomic_load_explicit(&session->cancelled, memory_order_relaxed);
  if (interrupted || (session->stopped && (primary == SQLITE_INTERRUPT || primary == SQLITE_BUSY))) {
    fail_stopped(session, rc, err);
  } else {
    const char *message = sqlite3_extended_errcode(db) == rc ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    rn_error_set(err, session->misused ? RN_E_USAGE : RN_E_DATABASE, "%s", message);
    if (err) {
      err->code = rc;
      if (err->message) {
        memcpy(err->sqlstate, state_of(rc, err->message), 6);
        name_constraint(db, rc, err->message, err);
      }
    }
  }
  if (ended && err) {
    static const char text[] = "SQLite has rolled back the whole transaction";
    rn_error_text(&err->detail, text, sizeof text - 1);
  }
  return RN_FAIL;
}
