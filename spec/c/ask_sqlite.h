/* What the tests of the SQLite driver share: sessions, questions with parameters, answers as text. */
#ifndef RN_SPEC_ASK_SQLITE_H
#define RN_SPEC_ASK_SQLITE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "check.h"
#include "core/statement.h"
#include "driver/driver.h"
#include "value/text.h"

static const rn_driver *const driver = &rn_sqlite_driver;

/* ---- asking ---- */

static rn_error failure; /* of the last question */
static rn_result answer; /* what the last result said when it was freed */
static rn_buf shown;     /* its rows as text */

static inline rn_value null_value(void) {
  return (rn_value){.kind = RN_NULL};
}
static inline rn_value boolean(bool v) {
  return (rn_value){.kind = RN_BOOL, .u.i = v};
}
static inline rn_value integer(int64_t v) {
  return (rn_value){.kind = RN_INT, .u.i = v};
}
static inline rn_value number(double v) {
  return (rn_value){.kind = RN_DOUBLE, .u.d = v};
}
static inline rn_value moment(int64_t us) {
  return (rn_value){.kind = RN_TIMESTAMP, .u.i = us};
}
static inline rn_value bytes(rn_kind kind, const char *s, size_t n) {
  return (rn_value){.kind = kind, .u.s = {s, n}};
}
static inline rn_value text(const char *s) {
  return bytes(RN_TEXT, s, strlen(s));
}
static inline rn_value list(const rn_value *items, size_t n) {
  return (rn_value){.kind = RN_LIST, .u.list = {items, n}};
}
#define LIST(...) list((rn_value[]){__VA_ARGS__}, sizeof((rn_value[]){__VA_ARGS__}) / sizeof(rn_value))

static inline void show(const rn_value *v) {
  char out[RN_DOUBLE_TEXT_MAX];
  switch (v->kind) {
  case RN_NULL: rn_buf_printf(&shown, "null"); break;
  case RN_INT: rn_buf_printf(&shown, "%lld", (long long)v->u.i); break;
  case RN_DOUBLE:
    rn_double_to_text(v->u.d, out);
    rn_buf_printf(&shown, "d%s", out);
    break;
  case RN_TEXT: rn_buf_printf(&shown, "'%.*s'", (int)v->u.s.size, v->u.s.bytes); break;
  case RN_BLOB:
    rn_buf_char(&shown, 'x');
    for (size_t i = 0; i < v->u.s.size; i++) rn_buf_printf(&shown, "%02x", (unsigned char)v->u.s.bytes[i]);
    break;
  default: rn_buf_printf(&shown, "(kind %d)", v->kind); break;
  }
}

static inline rn_result *begin(void *conn, const char *sql, bool script, const rn_value *values,
                               size_t count) {
  rn_code codes[256];
  rn_param at[256];
  bool lists[256];
  rn_result *result = NULL;

  rn_error_clear(&failure);
  for (size_t i = 0; i < count; i++) {
    codes[i] = RN_CODE_ANY;
    lists[i] = values[i].kind == RN_LIST;
    at[i] = (rn_param){RN_CODE_ANY, values[i]};
  }
  rn_params params = {.at = at, .count = count};
  rn_statement *statement = rn_statement_new(sql, strlen(sql), codes, lists, count, NULL, 0, script, NULL);
  if (driver->send(conn, statement, &params, &failure) == RN_OK &&
      driver->step(conn, &failure) == RN_STEP_DONE)
    result = driver->take(conn, &failure);
  rn_statement_release(statement);
  return result;
}

/* Reads at most `rows` rows into `shown`: "1,'a'/2,null". */
static inline const char *finish(rn_result *result, size_t rows) {
  rn_buf_reset(&shown);
  if (!result) return failure.message ? failure.message : "(no message)";
  size_t columns = result->columns, at = 0;
  rn_value *cells = calloc(columns + 1, sizeof *cells);
  rn_row row = RN_END;
  rn_buf_printf(&shown, "%s", "");
  for (; at < rows && (row = result->ops->next(result, cells, &failure)) == RN_ROW; at++) {
    if (at) rn_buf_char(&shown, '/');
    for (size_t i = 0; i < columns; i++) {
      if (i) rn_buf_char(&shown, ',');
      show(&cells[i]);
    }
  }
  if (row == RN_ROW_FAILED) rn_buf_printf(&shown, "!%s", failure.message);
  answer = *result;
  result->ops->free(result);
  free(cells);
  return shown.data;
}

static inline const char *ask_values(void *conn, const char *sql, const rn_value *values, size_t count) {
  return finish(begin(conn, sql, false, values, count), SIZE_MAX);
}
static inline const char *ask(void *conn, const char *sql) {
  return ask_values(conn, sql, NULL, 0);
}
static inline const char *script(void *conn, const char *sql) {
  return finish(begin(conn, sql, true, NULL, 0), SIZE_MAX);
}
#define ASK(conn, sql, ...)                                                                                  \
  ask_values(conn, sql, (rn_value[]){__VA_ARGS__}, sizeof((rn_value[]){__VA_ARGS__}) / sizeof(rn_value))

static inline bool same(const char *a, const char *b) {
  bool equal = a && b ? strcmp(a, b) == 0 : a == b;
  if (!equal) fprintf(stderr, "  got    %s\n  wanted %s\n", a ? a : "(null)", b ? b : "(null)");
  return equal;
}

static inline bool failed(rn_error_kind kind, const char *sqlstate) {
  if (failure.kind == kind && strcmp(failure.sqlstate, sqlstate) == 0) return true;
  fprintf(stderr, "  error kind %d, sqlstate \"%s\": %s\n", failure.kind, failure.sqlstate,
          failure.message ? failure.message : "");
  return false;
}

static inline void *open_with(const char *path, const char *mode, size_t cache, int64_t busy_ms) {
  const char *keys[] = {"path", "mode", NULL}, *values[] = {path, mode, NULL};
  rn_settings settings = {.driver = "sqlite",
                          .keys = keys,
                          .values = values,
                          .busy_timeout_ms = busy_ms,
                          .statement_cache = cache};
  rn_error_clear(&failure);
  return driver->open(&settings, rn_deadline_after(10000), &failure);
}
static inline void *open_memory(void) {
  return open_with(":memory:", "rwc", 10, 0);
}

static inline int done(void) {
  rn_error_clear(&failure);
  rn_buf_free(&shown);
  return check_done();
}

#endif
