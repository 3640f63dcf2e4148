/* The answer of a SQLite statement: steps it and gives its rows. Called through the vtable of rn_result by
 * the core, on the thread that has the session. The result is a part of its session and leases
 * session->prepared; cells borrow from SQLite until the next step, or from the session's scratch until the
 * result is freed.
 *
 * A statement that writes runs to its end when it is taken, and rows that it returns are kept: SQLite commits
 * when the last row was read, so handing out the first one earlier would report a success that a failing
 * commit takes back. A statement that reads is stepped once when it is taken (SQLite prepares it anew in its
 * first step when the schema has changed, and only then the number of its columns is known), then as rows are
 * asked for. */
#include "driver/sqlite.h"

#include <string.h>

/* Steps unless cancel() was heard: SQLite forgets an interrupt that comes before the first step. */
static int step(rn_sqlite *session) {
  if (RN_UNLIKELY(atomic_load_explicit(&session->cancelled, memory_order_relaxed))) return SQLITE_INTERRUPT;
  return sqlite3_step(session->prepared->stmt);
}

/* By storage class. The values are used on this thread only and the connection has no mutex, so that
 * sqlite3_value_* on them is as safe as sqlite3_column_* and spares a lookup each. */
static rn_status read_cells(sqlite3_stmt *stmt, size_t columns, rn_value *cells, rn_error *err) {
  for (size_t i = 0; i < columns; i++) {
    sqlite3_value *value = sqlite3_column_value(stmt, (int)i);
    rn_value *cell = &cells[i];
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      cell->kind = RN_INT;
      cell->u.i = sqlite3_value_int64(value);
      break;
    case SQLITE_FLOAT:
      cell->kind = RN_DOUBLE;
      cell->u.d = sqlite3_value_double(value);
      break;
    case SQLITE_TEXT:
      cell->kind = RN_TEXT;
      cell->u.s.bytes = (const char *)sqlite3_value_text(value);
      if (RN_UNLIKELY(!cell->u.s.bytes)) return rn_error_set(err, RN_E_MEMORY, "out of memory in SQLite");
      cell->u.s.size = (size_t)sqlite3_value_bytes(value);
      break;
    case SQLITE_BLOB:
      cell->kind = RN_BLOB;
      cell->u.s.size = (size_t)sqlite3_value_bytes(value);
      cell->u.s.bytes = sqlite3_value_blob(value);
      if (!cell->u.s.bytes) {
        if (cell->u.s.size) return rn_error_set(err, RN_E_MEMORY, "out of memory in SQLite");
        cell->u.s.bytes = ""; /* SQLite gives NULL for an empty blob */
      }
      break;
    default: cell->kind = RN_NULL; break;
    }
  }
  return RN_OK;
}

/* The row the statement stands on, copied to the end of the kept ones. */
static rn_status keep_row(rn_sqlite *session, rn_sqlite_kept ***end, rn_error *err) {
  size_t columns = session->result.base.columns;
  rn_sqlite_kept *kept = rn_arena_alloc(&session->scratch, sizeof *kept + columns * sizeof kept->cells[0]);
  if (!kept) return rn_error_set(err, RN_E_MEMORY, "out of memory while keeping a row");
  kept->next = NULL;
  if (read_cells(session->prepared->stmt, columns, kept->cells, err) != RN_OK) return RN_FAIL;
  for (size_t i = 0; i < columns; i++) {
    rn_value *cell = &kept->cells[i];
    if (cell->kind != RN_TEXT && cell->kind != RN_BLOB) continue;
    cell->u.s.bytes = rn_arena_copy(&session->scratch, cell->u.s.bytes, cell->u.s.size);
    if (!cell->u.s.bytes) return rn_error_set(err, RN_E_MEMORY, "out of memory while keeping a row");
  }
  **end = kept;
  *end = &kept->next;
  session->result.base.rows++;
  return RN_OK;
}

static int64_t changes(sqlite3 *db) {
#if SQLITE_VERSION_NUMBER >= 3037000
  return sqlite3_changes64(db);
#else
  return sqlite3_changes(db);
#endif
}

static void finish(rn_sqlite *session, rn_sqlite_state state) {
  rn_sqlite_result *result = &session->result;
  rn_sqlite_effect effect = session->prepared->effect;
  result->state = state;
  rn_sqlite_cursor_end(session);
  result->base.affected = effect == RN_SQLITE_READS      ? -1
                          : effect >= RN_SQLITE_RESHAPES ? 0
                                                         : changes(session->db);
  if (effect == RN_SQLITE_INSERTS && result->base.affected > 0)
    result->base.last_id = sqlite3_last_insert_rowid(session->db);
}

static rn_row result_next(rn_result *base, rn_value *cells, rn_error *err) {
  rn_sqlite_result *result = (rn_sqlite_result *)base;
  rn_sqlite *session = result->session;

  switch (result->state) {
  case RN_SQLITE_KEPT: {
    const rn_sqlite_kept *kept = result->kept;
    if (!kept) return RN_END;
    if (base->columns) memcpy(cells, kept->cells, base->columns * sizeof *cells);
    result->kept = kept->next;
    return RN_ROW;
  }
  case RN_SQLITE_ON_ROW:
    result->state = RN_SQLITE_STEPPING;
    result->left--;
    break;
  case RN_SQLITE_STEPPING: {
    if (RN_UNLIKELY(result->left-- == 0)) { /* the rest is for later fetches */
      result->state = RN_SQLITE_ENDED;
      return RN_END;
    }
    int rc = step(session);
    if (RN_LIKELY(rc == SQLITE_ROW)) break;
    if (rc == SQLITE_DONE) {
      finish(session, RN_SQLITE_ENDED);
      return RN_END;
    }
    result->state = RN_SQLITE_ENDED;
    rn_sqlite_fail(session, rc, err);
    rn_sqlite_cursor_end(session);
    return RN_ROW_FAILED;
  }
  case RN_SQLITE_NO_RESULT:
  case RN_SQLITE_ENDED: return RN_END;
  }
  if (RN_LIKELY(read_cells(session->prepared->stmt, base->columns, cells, err) == RN_OK)) return RN_ROW;
  result->state = RN_SQLITE_ENDED;
  return RN_ROW_FAILED;
}

static const char *result_name(const rn_result *base, size_t column) {
  const rn_sqlite *session = ((const rn_sqlite_result *)base)->session;
  const char *name = sqlite3_column_name(session->prepared->stmt, (int)column);
  return name ? name : ""; /* NULL: out of memory */
}

/* Only booleans need to be told from what they are stored as; everything else reads naturally as it is. */
static rn_code result_code(const rn_result *base, size_t column) {
  const rn_sqlite *session = ((const rn_sqlite_result *)base)->session;
  const char *type = sqlite3_column_decltype(session->prepared->stmt, (int)column);
  bool boolean = type && (sqlite3_stricmp(type, "BOOLEAN") == 0 || sqlite3_stricmp(type, "BOOL") == 0);
  return boolean ? 'b' : RN_CODE_ANY;
}

static void result_free(rn_result *base) {
  rn_sqlite_release(((rn_sqlite_result *)base)->session);
}

static const rn_result_ops result_ops = {
    .next = result_next, .name = result_name, .code = result_code, .free = result_free};

/* Runs a statement that writes to its end; rc is of its first step. Sets *failed when err already says what
 * went wrong. To leave such a statement in the middle would commit it, so a row that cannot be kept
 * interrupts it: then SQLite undoes it (and the transaction around it, as tx() will tell). */
static int run_out(rn_sqlite *session, int rc, bool *failed, rn_error *err) {
  rn_sqlite_kept **end = &session->result.kept;
  while (rc == SQLITE_ROW) {
    if (!*failed && keep_row(session, &end, err) != RN_OK) *failed = true;
    if (*failed) sqlite3_interrupt(session->db);
    rc = sqlite3_step(session->prepared->stmt);
  }
  return rc;
}

rn_result *rn_sqlite_nothing(rn_sqlite *session) {
  session->result = (rn_sqlite_result){
      .base = {.ops = &result_ops, .affected = -1}, .session = session, .state = RN_SQLITE_ENDED};
  return &session->result.base;
}

rn_result *rn_sqlite_take(rn_sqlite *session, rn_error *err) {
  rn_sqlite_result *result = &session->result;
  rn_sqlite_prepared *prepared = session->prepared;
  bool failed = false;

  if (!prepared) {
    rn_error_set(err, RN_E_USAGE, "no statement was sent");
    return NULL;
  }
  int rc = rn_sqlite_cursor_done(session) ? SQLITE_DONE : step(session);
  *result = (rn_sqlite_result){
      .base = {.ops = &result_ops, .columns = (size_t)sqlite3_column_count(prepared->stmt), .affected = -1},
      .session = session,
      .left = session->fetch,
  };
  if (rc == SQLITE_ROW && prepared->effect == RN_SQLITE_READS) {
    result->base.rows = -1;
    result->state = RN_SQLITE_ON_ROW;
    return &result->base;
  }
  rc = run_out(session, rc, &failed, err);
  if (failed || rc != SQLITE_DONE) {
    if (!failed) rn_sqlite_fail(session, rc, err);
    rn_sqlite_cursor_end(session);
    rn_sqlite_release(session);
    return NULL;
  }
  finish(session, RN_SQLITE_KEPT);
  return &result->base;
}
