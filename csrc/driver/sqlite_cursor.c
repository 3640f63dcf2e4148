/* Cursors: statements that are read a few rows at a time, while others run on the connection. What such a
 * statement needs of its session (the prepared statement, its lists, its scratch) belongs to the cursor and
 * is lent to the session for a fetch. Called by sqlite.c and sqlite_result.c on the session's thread.
 *
 * As in PostgreSQL, a cursor ends with the transaction it was opened in. Besides, what drops or rebuilds
 * tables ends all of them, because SQLite would refuse it. */
#include "driver/sqlite.h"

#include <stdlib.h>

struct rn_sqlite_cursor {
  struct rn_sqlite_cursor *next;
  int64_t id;
  bool in_transaction; /* one was open when the cursor was */
  bool done;           /* not to be stepped again: it would begin anew */
  rn_sqlite_prepared *prepared;
  rn_arena scratch; /* the parameters */
  rn_sqlite_list *lists;
  size_t list_count, list_capacity;
  uint64_t serial; /* of the lists; while it is lent, the session's own */
};

static rn_status no_memory(rn_error *err) {
  return rn_error_set(err, RN_E_MEMORY, "out of memory while opening a cursor");
}

/* Exchanges what the session works with for what the cursor keeps. */
static void exchange(rn_sqlite *session, rn_sqlite_cursor *cursor) {
#define SWAP(type, a, b)                                                                                     \
  do {                                                                                                       \
    type kept = (a);                                                                                         \
    (a) = (b);                                                                                               \
    (b) = kept;                                                                                              \
  } while (0)
  SWAP(rn_sqlite_prepared *, session->prepared, cursor->prepared);
  SWAP(rn_arena, session->scratch, cursor->scratch);
  SWAP(rn_sqlite_list *, session->lists, cursor->lists);
  SWAP(size_t, session->list_count, cursor->list_count);
  SWAP(size_t, session->list_capacity, cursor->list_capacity);
  SWAP(uint64_t, session->serial, cursor->serial);
#undef SWAP
}

static bool copy_value(rn_arena *arena, rn_value *v) {
  if (v->kind == RN_TEXT || v->kind == RN_BLOB) {
    v->u.s.bytes = rn_arena_copy(arena, v->u.s.bytes ? v->u.s.bytes : "", v->u.s.size);
    return v->u.s.bytes != NULL;
  }
  if (v->kind != RN_LIST) return true;
  rn_value *items = rn_arena_alloc(arena, v->u.list.count * sizeof *items);
  if (!items) return false;
  for (size_t i = 0; i < v->u.list.count; i++) {
    items[i] = v->u.list.items[i];
    if (!copy_value(arena, &items[i])) return false;
  }
  v->u.list.items = items;
  return true;
}

/* Binds copies of the parameters, because the caller's are gone when the first rows are fetched. */
static rn_status bind_copies(rn_sqlite *session, const rn_params *params, rn_error *err) {
  rn_params copy = {.count = params ? params->count : 0};
  if (copy.count) copy.at = rn_arena_alloc(&session->scratch, copy.count * sizeof *copy.at);
  if (copy.count && !copy.at) return no_memory(err);
  for (size_t i = 0; i < copy.count; i++) {
    copy.at[i] = params->at[i];
    if (!copy_value(&session->scratch, &copy.at[i].value)) return no_memory(err);
  }
  return rn_sqlite_bind(session, &copy, err);
}

rn_status rn_sqlite_cursor_open(rn_sqlite *session, int64_t id, rn_sqlite_prepared *prepared,
                                const rn_params *params, rn_error *err) {
  rn_sqlite_cursor *cursor = calloc(1, sizeof *cursor);
  rn_status status = RN_FAIL;

  session->prepared = prepared; /* not cached: a failure below drops it */
  if (!cursor) {
    no_memory(err);
  } else if (prepared->effect != RN_SQLITE_READS) {
    rn_error_set(err, RN_E_USAGE, "only statements that read can be streamed");
  } else {
    status = bind_copies(session, params, err);
  }
  if (status != RN_OK) {
    free(cursor);
    rn_sqlite_release(session);
    return RN_FAIL;
  }
  cursor->id = id;
  cursor->in_transaction = session->was_open;
  cursor->serial = session->serial;
  exchange(session, cursor);
  cursor->next = session->cursors;
  session->cursors = cursor;
  return RN_OK;
}

rn_status rn_sqlite_cursor_resume(rn_sqlite *session, int64_t id, rn_error *err) {
  rn_sqlite_cursor *cursor = session->cursors;
  while (cursor && cursor->id != id) cursor = cursor->next;
  if (!cursor)
    return rn_error_set(err, RN_E_USAGE,
                        "the stream has ended: its transaction did, its connection was lost, "
                        "or a table was dropped or rebuilt");
  exchange(session, cursor);
  session->lent = cursor;
  return RN_OK;
}

bool rn_sqlite_cursor_done(const rn_sqlite *session) {
  return session->lent && session->lent->done;
}

void rn_sqlite_cursor_end(rn_sqlite *session) {
  if (session->lent) session->lent->done = true;
}

void rn_sqlite_cursor_suspend(rn_sqlite *session) {
  rn_sqlite_cursor *cursor = session->lent;
  session->lent = NULL;
  if (cursor->done) sqlite3_reset(session->prepared->stmt); /* holds no lock any more */
  exchange(session, cursor);
}

static bool is_meant(const rn_sqlite_cursor *cursor, int64_t id) {
  return id == RN_SQLITE_ALL_CURSORS ||
         (id == RN_SQLITE_OF_TRANSACTION ? cursor->in_transaction : cursor->id == id);
}

void rn_sqlite_cursor_close(rn_sqlite *session, int64_t id) {
  for (rn_sqlite_cursor **at = &session->cursors, *cursor; (cursor = *at);) {
    if (!is_meant(cursor, id)) {
      at = &cursor->next;
      continue;
    }
    *at = cursor->next;
    sqlite3_finalize(cursor->prepared->stmt);
    free(cursor->prepared);
    rn_arena_free(&cursor->scratch);
    free(cursor->lists);
    free(cursor);
  }
}
