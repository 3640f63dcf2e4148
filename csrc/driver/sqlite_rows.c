/* rowan_rows(list, ...): list parameters as a table, one column a list. `x IN (SELECT c0 FROM
 * rowan_rows(?1))` asks for membership, `INSERT ... SELECT c0, c1 FROM rowan_rows(?1, ?2)` writes many rows
 * by one text. Every value crosses as what it is: no JSON, no text in between, blobs and NULLs included.
 *
 * An eponymous virtual table with the columns c0..c199 and the hidden arguments a0..a199, registered by
 * open() and called by SQLite only, on the thread that steps. It reads the lists of the session's statement,
 * which are valid until its result is freed; it owns nothing but its cursors. Lists are bound as handles
 * (sqlite.h says why). */
#include "driver/sqlite.h"

#include <string.h>

#include "base/buf.h"
#include "value/text.h"

typedef struct rows_table {
  sqlite3_vtab base;
  rn_sqlite *session;
} rows_table;

typedef struct rows_cursor {
  sqlite3_vtab_cursor base;
  size_t row, rows;
  int list_count;
  const rn_sqlite_list *lists[RN_SQLITE_LISTS_MAX]; /* the first list_count are set */
} rows_cursor;

static int rows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **message) {
  (void)argc, (void)argv, (void)message;
  rn_buf text = {0};
  rows_table *table = NULL;
  int rc = SQLITE_NOMEM;

  /* No types: a column without affinity leaves its values alone. */
  for (int i = 0; i < RN_SQLITE_LISTS_MAX; i++) rn_buf_printf(&text, "%sc%d", i ? "," : "CREATE TABLE x(", i);
  for (int i = 0; i < RN_SQLITE_LISTS_MAX; i++) rn_buf_printf(&text, ",a%d HIDDEN", i);
  rn_buf_char(&text, ')');
  if (text.failed) goto cleanup;
  rc = sqlite3_declare_vtab(db, text.data);
  if (rc != SQLITE_OK) goto cleanup;
  /* It gives nothing away but what the caller bound, so views and triggers of an untrusted file may use it.
   */
  rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
  if (rc != SQLITE_OK) goto cleanup;
  table = sqlite3_malloc(sizeof *table);
  if (!table) {
    rc = SQLITE_NOMEM;
    goto cleanup;
  }
  memset(table, 0, sizeof *table);
  table->session = aux;
  *out = &table->base;

cleanup:
  rn_buf_free(&text);
  return rc;
}

static int rows_disconnect(sqlite3_vtab *base) {
  sqlite3_free(base);
  return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
  (void)base;
  rows_cursor *cursor = sqlite3_malloc(sizeof *cursor);
  if (!cursor) return SQLITE_NOMEM;
  memset(cursor, 0, offsetof(rows_cursor, lists));
  *out = &cursor->base;
  return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *base) {
  sqlite3_free(base);
  return SQLITE_OK;
}

/* Replaces the table's message. Returns SQLITE_ERROR; rn_sqlite_fail makes it the caller's mistake. */
static int refuse(sqlite3_vtab *base, char *message) {
  ((rows_table *)base)->session->misused = true;
  sqlite3_free(base->zErrMsg);
  base->zErrMsg = message;
  return message ? SQLITE_ERROR : SQLITE_NOMEM;
}

/* The arguments of a table-valued function arrive as equality constraints on the hidden columns; all of
 * a0..an-1 must be there. idxNum is n. */
static int rows_best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
  bool given[RN_SQLITE_LISTS_MAX] = {false}, wanted[RN_SQLITE_LISTS_MAX] = {false};
  int lists = 0;

  for (int i = 0; i < info->nConstraint; i++) {
    int argument = info->aConstraint[i].iColumn - RN_SQLITE_LISTS_MAX;
    if (argument < 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    wanted[argument] = true;
    if (argument >= lists) lists = argument + 1;
    if (!info->aConstraint[i].usable || given[argument]) continue;
    given[argument] = true;
    info->aConstraintUsage[i].argvIndex = argument + 1;
    info->aConstraintUsage[i].omit = 1;
  }
  if (lists == 0) return refuse(base, sqlite3_mprintf("rowan_rows needs a list parameter for each column"));
  for (int i = 0; i < lists; i++) {
    if (!wanted[i]) return refuse(base, sqlite3_mprintf("rowan_rows has no argument a%d", i));
    if (!given[i]) return SQLITE_CONSTRAINT; /* not in this order of joining */
  }
  info->idxNum = lists;
  /* Cheap, so that it drives lookups in the tables beside it. How long the lists are is not known yet. */
  info->estimatedCost = 10;
  info->estimatedRows = 10;
  return SQLITE_OK;
}

static const rn_sqlite_list *find_list(const rn_sqlite *session, sqlite3_value *argument) {
  rn_sqlite_handle handle;
  if (sqlite3_value_type(argument) != SQLITE_BLOB || sqlite3_value_bytes(argument) != (int)sizeof handle)
    return NULL;
  const void *bytes = sqlite3_value_blob(argument);
  if (!bytes) return NULL;
  memcpy(&handle, bytes, sizeof handle);
  if (handle.index >= session->list_count) return NULL;
  const rn_sqlite_list *list = &session->lists[handle.index];
  return memcmp(&handle, &list->handle, sizeof handle) == 0 ? list : NULL;
}

static int rows_filter(sqlite3_vtab_cursor *base, int lists, const char *text, int argc,
                       sqlite3_value **argv) {
  (void)text, (void)argc;
  rows_cursor *cursor = (rows_cursor *)base;
  const rn_sqlite *session = ((rows_table *)base->pVtab)->session;

  cursor->row = cursor->rows = 0;
  cursor->list_count = lists;
  for (int i = 0; i < lists; i++) {
    const rn_sqlite_list *list = find_list(session, argv[i]);
    if (!list)
      return refuse(base->pVtab, sqlite3_mprintf("rowan_rows: argument %d is not a list parameter", i + 1));
    if (i > 0 && list->count != cursor->rows)
      return refuse(base->pVtab, sqlite3_mprintf("rowan_rows: the lists differ in length (%lld and %lld)",
                                                 (long long)cursor->rows, (long long)list->count));
    cursor->rows = list->count;
    cursor->lists[i] = list;
  }
  return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base) {
  ((rows_cursor *)base)->row++;
  return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base) {
  const rows_cursor *cursor = (const rows_cursor *)base;
  return cursor->row >= cursor->rows;
}

/* By kind, as bind_value (sqlite_bind.c) binds a scalar; what is borrowed outlives the statement's run. */
static void give(sqlite3_context *context, const rn_value *v) {
  switch (v->kind) {
  case RN_BOOL:
  case RN_INT: sqlite3_result_int64(context, v->u.i); return;
  case RN_DOUBLE: sqlite3_result_double(context, v->u.d); return;
  case RN_TEXT:
    sqlite3_result_text64(context, v->u.s.bytes ? v->u.s.bytes : "", v->u.s.size, SQLITE_STATIC, SQLITE_UTF8);
    return;
  case RN_BLOB:
    sqlite3_result_blob64(context, v->u.s.bytes ? v->u.s.bytes : "", v->u.s.size, SQLITE_STATIC);
    return;
  case RN_TIMESTAMP: {
    char text[RN_TIMESTAMP_TEXT_MAX];
    size_t size = rn_timestamp_sqlite(v->u.i, text);
    sqlite3_result_text(context, text, (int)size, SQLITE_TRANSIENT);
    return;
  }
  case RN_NULL:
  case RN_LIST: /* refused when it was bound */ sqlite3_result_null(context); return;
  }
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
  rows_cursor *cursor = (rows_cursor *)base;
  int list = column % RN_SQLITE_LISTS_MAX;

  if (list >= cursor->list_count)
    return refuse(base->pVtab, sqlite3_mprintf("rowan_rows has no list for its column c%d", list));
  if (column < RN_SQLITE_LISTS_MAX)
    give(context, &cursor->lists[list]->items[cursor->row]);
  else /* asked for where SQLite checks the constraint itself: it must equal the argument */
    sqlite3_result_blob(context, &cursor->lists[list]->handle, sizeof(rn_sqlite_handle), SQLITE_STATIC);
  return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid) {
  *rowid = (sqlite3_int64)((rows_cursor *)base)->row;
  return SQLITE_OK;
}

/* No xCreate: it exists without CREATE VIRTUAL TABLE, and cannot be made by it. */
static const sqlite3_module rows_module = {
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

int rn_sqlite_rows_register(rn_sqlite *session) {
  return sqlite3_create_module_v2(session->db, "rowan_rows", &rows_module, session, NULL);
}
