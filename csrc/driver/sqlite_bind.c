/* Parameters -> bound values. Called by send() on the thread that has the session. Text, blobs and list items
 * are borrowed from the parameters until the result is freed; timestamps become text in the session's
 * scratch. */
#include "driver/sqlite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "value/text.h"

static const char handle_tag[16] = "rowan_list";

static bool is_nan(const rn_value *v) {
  return v->kind == RN_DOUBLE && isnan(v->u.d);
}

static rn_status refuse_value(rn_error *err, size_t number, const char *rule) {
  rn_error_set(err, RN_E_VALUE, "%s", rule);
  if (err) err->param = (int)number;
  return RN_FAIL;
}

static const char nan_rule[] = "cannot be NaN: SQLite stores NaN as NULL";

/* Notes the list for rowan_rows and binds its handle. */
static rn_status bind_list(rn_sqlite *session, size_t number, const rn_value *v, int *rc, rn_error *err) {
  for (size_t i = 0; i < v->u.list.count; i++) {
    if (is_nan(&v->u.list.items[i])) return refuse_value(err, number, nan_rule);
    if (v->u.list.items[i].kind == RN_LIST) return refuse_value(err, number, "cannot hold a list in a list");
  }
  rn_sqlite_list *list = &session->lists[session->list_count];
  *list = (rn_sqlite_list){
      .handle = {.serial = session->serial, .index = session->list_count},
      .items = v->u.list.items,
      .count = v->u.list.count,
  };
  memcpy(list->handle.tag, handle_tag, sizeof handle_tag);
  session->list_count++;
  *rc = sqlite3_bind_blob(session->prepared->stmt, (int)number, &list->handle, sizeof list->handle,
                          SQLITE_STATIC);
  return RN_OK;
}

/* Values are what their codes want (value/params.h), so that the kind says everything. SQLITE_STATIC: what is
 * borrowed must outlive the result. */
static rn_status bind_value(rn_sqlite *session, size_t number, const rn_value *v, rn_error *err) {
  sqlite3_stmt *stmt = session->prepared->stmt;
  int at = (int)number, rc = SQLITE_OK;

  switch (v->kind) {
  case RN_NULL: /* cleared bindings are NULL */ break;
  case RN_BOOL:
  case RN_INT: rc = sqlite3_bind_int64(stmt, at, v->u.i); break;
  case RN_DOUBLE:
    if (isnan(v->u.d)) return refuse_value(err, number, nan_rule);
    rc = sqlite3_bind_double(stmt, at, v->u.d);
    break;
  case RN_TEXT:
    rc = sqlite3_bind_text64(stmt, at, v->u.s.bytes ? v->u.s.bytes : "", v->u.s.size, SQLITE_STATIC,
                             SQLITE_UTF8);
    break;
  case RN_BLOB:
    rc = sqlite3_bind_blob64(stmt, at, v->u.s.bytes ? v->u.s.bytes : "", v->u.s.size, SQLITE_STATIC);
    break;
  case RN_TIMESTAMP: {
    char *text = rn_arena_alloc(&session->scratch, RN_TIMESTAMP_TEXT_MAX);
    if (!text) return rn_error_set(err, RN_E_MEMORY, "out of memory while binding a parameter");
    size_t size = rn_timestamp_sqlite(v->u.i, text);
    rc = sqlite3_bind_text(stmt, at, text, (int)size, SQLITE_STATIC);
    break;
  }
  case RN_LIST:
    if (bind_list(session, number, v, &rc, err) != RN_OK) return RN_FAIL;
    break;
  }
  if (RN_LIKELY(rc == SQLITE_OK)) return RN_OK;
  rn_sqlite_fail(session, rc, err);
  if (err) err->param = (int)number;
  return RN_FAIL;
}

/* Handles are bound by address, so that the table of lists must not move once the first is bound. */
static rn_status make_room(rn_sqlite *session, const rn_params *params, rn_error *err) {
  size_t lists = 0;
  for (size_t i = 0; i < params->count; i++) lists += params->at[i].value.kind == RN_LIST;
  session->list_count = 0;
  if (lists == 0) return RN_OK;
  session->serial++;
  if (lists <= session->list_capacity) return RN_OK;
  rn_sqlite_list *larger = calloc(lists, sizeof *larger);
  if (!larger) return rn_error_set(err, RN_E_MEMORY, "out of memory while binding lists");
  free(session->lists);
  session->lists = larger;
  session->list_capacity = lists;
  return RN_OK;
}

rn_status rn_sqlite_bind(rn_sqlite *session, const rn_params *params, rn_error *err) {
  size_t count = params ? params->count : 0;
  if (count != (size_t)session->prepared->params)
    return rn_error_set(err, RN_E_USAGE, "the statement has %d parameter%s, but %zu %s given",
                        session->prepared->params, session->prepared->params == 1 ? "" : "s", count,
                        count == 1 ? "was" : "were");
  if (count == 0) return RN_OK;
  if (make_room(session, params, err) != RN_OK) return RN_FAIL;
  for (size_t i = 0; i < count; i++)
    if (bind_value(session, i + 1, &params->at[i].value, err) != RN_OK) return RN_FAIL;
  return RN_OK;
}
