/* What the tests of the PostgreSQL driver share: sessions, statements with parameters, answers as text. A
 * test that includes it sets `conninfo` first, by need_server. */
#ifndef RN_SPEC_ASK_H
#define RN_SPEC_ASK_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/lru.h"
#include "driver/driver.h"
#include "value/text.h"

#include "check.h"

static const rn_driver *const driver = &rn_postgres_driver;
static const char *conninfo;

/* False, with a message, when there is no server to test against. */
static inline bool need_server(void) {
  conninfo = getenv("ROWAN_TEST_POSTGRES");
  if (!conninfo || !*conninfo) puts("skipped: ROWAN_TEST_POSTGRES is not set");
  return conninfo && *conninfo;
}

/* ---- sessions ---- */

static inline void *try_open(const char **keys, const char **values, size_t cache, int64_t timeout_ms,
                             rn_error *err) {
  const rn_settings settings = {.driver = "postgres",
                                .keys = keys,
                                .values = values,
                                .connect_timeout_ms = timeout_ms,
                                .statement_cache = cache};
  return driver->open(&settings, 0, err);
}

static inline void *open_session(size_t cache) {
  rn_error err = {0};
  const char *keys[] = {"dbname", NULL}, *values[] = {conninfo, NULL};
  void *conn = try_open(keys, values, cache, 10000, &err);
  if (!conn) {
    fprintf(stderr, "cannot connect: %s\n", err.message ? err.message : "?");
    exit(1);
  }
  return conn;
}

/* ---- statements ---- */

/* codes as the binding writes them: "-i[s". Each piece of the answer, or the error, ends up in a static text:
 * rows end with ';', columns are parted by '|'. */
typedef struct call {
  rn_statement statement;
  rn_code codes[16];
  bool lists[16];
  rn_param at[16];
  rn_params params;
} call;

static inline void make_statement(rn_statement *out, const char *text, rn_code *codes, bool *lists,
                                  const char *spec) {
  *out = (rn_statement){.refs = 1,
                        .text = (char *)text,
                        .size = strlen(text),
                        .param_codes = codes,
                        .param_lists = lists,
                        .param_count = strlen(spec) / 2};
  uint64_t hash = rn_hash(text, out->size);
  for (size_t i = 0; i < out->param_count; i++) {
    lists[i] = spec[2 * i] == '[';
    codes[i] = spec[2 * i + 1];
    hash = hash * 31 + (unsigned char)spec[2 * i] * 256u + (unsigned char)spec[2 * i + 1];
  }
  out->hash = hash;
}

static inline void make_call(call *c, const char *text, const char *spec, const rn_value *values) {
  make_statement(&c->statement, text, c->codes, c->lists, spec);
  c->params = (rn_params){.at = c->at, .count = c->statement.param_count};
  for (size_t i = 0; i < c->params.count; i++) c->at[i] = (rn_param){c->codes[i], values[i]};
}

static inline rn_step wait_step(void *conn, rn_error *err) {
  for (int i = 0; i < 1000000; i++) {
    const rn_step step = driver->step(conn, err);
    if (step == RN_STEP_DONE || step == RN_STEP_FAILED) return step;
    struct pollfd socket = {driver->fd(conn), step == RN_STEP_READ ? POLLIN : POLLIN | POLLOUT, 0};
    if (poll(&socket, 1, 20000) == 0) break;
  }
  rn_error_set(err, RN_E_TIMEOUT, "the test waited too long");
  return RN_STEP_FAILED;
}

static inline rn_result *run_call(void *conn, const rn_statement *statement, const rn_params *params,
                                  rn_error *err) {
  if (driver->send(conn, statement, params, err) != RN_OK) return NULL;
  return wait_step(conn, err) == RN_STEP_DONE ? driver->take(conn, err) : NULL;
}

static inline void show_value(rn_buf *out, const rn_value *v) {
  char text[RN_TIMESTAMP_TEXT_MAX];
  switch (v->kind) {
  case RN_NULL: rn_buf_printf(out, "NULL"); break;
  case RN_BOOL: rn_buf_printf(out, v->u.i ? "true" : "false"); break;
  case RN_INT: rn_buf_printf(out, "%lld", (long long)v->u.i); break;
  case RN_DOUBLE:
    rn_double_to_text(v->u.d, text);
    rn_buf_printf(out, "%s", text);
    break;
  case RN_TEXT: rn_buf_add(out, v->u.s.bytes, v->u.s.size); break;
  case RN_BLOB:
    rn_buf_printf(out, "x'");
    for (size_t i = 0; i < v->u.s.size; i++) rn_buf_printf(out, "%02x", (unsigned char)v->u.s.bytes[i]);
    rn_buf_printf(out, "'");
    break;
  case RN_TIMESTAMP: rn_buf_printf(out, "@%lld", (long long)v->u.i); break;
  case RN_LIST: rn_buf_printf(out, "list"); break;
  }
}

static rn_buf shown;

static inline const char *show_result(rn_result *result, rn_error *err) {
  rn_value cells[64];
  rn_row row = RN_END;
  rn_buf_reset(&shown);
  rn_buf_add(&shown, "", 0);
  while (result && result->columns <= 64 && (row = result->ops->next(result, cells, err)) == RN_ROW) {
    for (size_t i = 0; i < result->columns; i++) {
      if (i > 0) rn_buf_char(&shown, '|');
      show_value(&shown, &cells[i]);
    }
    rn_buf_char(&shown, ';');
  }
  if (!result || row == RN_ROW_FAILED) {
    rn_buf_printf(&shown, "error %d %s %s", (int)err->kind, err->sqlstate, err->message ? err->message : "");
  } else if (result->affected >= 0) {
    rn_buf_printf(&shown, "[%lld]", (long long)result->affected);
  }
  if (result) result->ops->free(result);
  rn_error_clear(err);
  return shown.data ? shown.data : "";
}

static inline const char *ask(void *conn, const char *text, const char *spec, const rn_value *values) {
  call c;
  rn_error err = {0};
  make_call(&c, text, spec, values);
  rn_result *result = run_call(conn, &c.statement, &c.params, &err);
  return show_result(result, &err);
}

static inline const char *say(void *conn, const char *text) {
  return ask(conn, text, "", NULL);
}

static inline const char *script(void *conn, const char *text) {
  call c;
  rn_error err = {0};
  make_call(&c, text, "", NULL);
  c.statement.script = true;
  rn_result *result = run_call(conn, &c.statement, NULL, &err);
  return show_result(result, &err);
}

/* The SQLSTATE of a statement that must fail with RN_E_DATABASE. */
static inline const char *fails(void *conn, const char *text, const char *spec, const rn_value *values) {
  static char state[6];
  call c;
  rn_error err = {0};
  make_call(&c, text, spec, values);
  rn_result *result = run_call(conn, &c.statement, &c.params, &err);
  CHECK(!result && err.kind == RN_E_DATABASE);
  if (result) result->ops->free(result);
  memcpy(state, err.sqlstate, 6);
  rn_error_clear(&err);
  return state;
}

static inline rn_value v_int(int64_t i) {
  return (rn_value){.kind = RN_INT, .u.i = i};
}
static inline rn_value v_bool(bool b) {
  return (rn_value){.kind = RN_BOOL, .u.i = b};
}
static inline rn_value v_double(double d) {
  return (rn_value){.kind = RN_DOUBLE, .u.d = d};
}
static inline rn_value v_time(int64_t us) {
  return (rn_value){.kind = RN_TIMESTAMP, .u.i = us};
}
static inline rn_value v_bytes(rn_kind kind, const char *bytes, size_t n) {
  rn_value v = {.kind = kind};
  v.u.s.bytes = bytes;
  v.u.s.size = n;
  return v;
}
static inline rn_value v_text(const char *s) {
  return v_bytes(RN_TEXT, s, strlen(s));
}
static inline rn_value v_list(const rn_value *items, size_t n) {
  rn_value v = {.kind = RN_LIST};
  v.u.list.items = items;
  v.u.list.count = n;
  return v;
}
static const rn_value v_null = {.kind = RN_NULL};

#endif
