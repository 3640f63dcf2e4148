/* Rows for COPY ... FROM STDIN in PostgreSQL's text format: every type goes through its own input function,
 * as parameters sent as text do. Called by postgres.c. */
#include "driver/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "value/text.h"

static rn_status refuse(rn_error *err, size_t column, const char *rule) {
  rn_error_set(err, RN_E_VALUE, "%s", rule);
  if (err) err->param = (int)column + 1;
  return RN_FAIL;
}

/* What would end a field or a row, or begin an escape, is escaped; runs without any are copied whole. */
static rn_status put_text(rn_buf *out, const char *bytes, size_t n, size_t column, rn_error *err) {
  static const char special[] = "\\\n\r\t\b\f\v", letters[] = "\\nrtbfv";
  if (n > 0 && memchr(bytes, '\0', n)) return refuse(err, column, "must be valid UTF-8 without NUL");
  for (size_t from = 0; from < n;) {
    size_t to = from;
    while (to < n && (bytes[to] > '\r' || !memchr(special + 1, bytes[to], sizeof special - 2)) &&
           bytes[to] != '\\')
      to++;
    rn_buf_add(out, bytes + from, to - from);
    if (to < n) {
      const char *found = memchr(special, bytes[to], sizeof special - 1);
      rn_buf_char(out, '\\');
      rn_buf_char(out, letters[found - special]);
      to++;
    }
    from = to;
  }
  return RN_OK;
}

static void put_bytes(rn_buf *out, const char *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  rn_buf_add(out, "\\\\x", 3);
  for (size_t i = 0; i < n; i++) {
    rn_buf_char(out, digits[(unsigned char)bytes[i] >> 4]);
    rn_buf_char(out, digits[(unsigned char)bytes[i] & 15]);
  }
}

static rn_status put_value(rn_buf *out, const rn_value *v, size_t column, rn_error *err) {
  char text[RN_DOUBLE_TEXT_MAX > RN_TIMESTAMP_TEXT_MAX ? RN_DOUBLE_TEXT_MAX : RN_TIMESTAMP_TEXT_MAX];
  switch (v->kind) {
  case RN_NULL: rn_buf_add(out, "\\N", 2); return RN_OK;
  case RN_BOOL: rn_buf_char(out, v->u.i ? 't' : 'f'); return RN_OK;
  case RN_INT: rn_buf_add(out, text, rn_int_to_text(v->u.i, text)); return RN_OK;
  case RN_DOUBLE: rn_buf_add(out, text, rn_double_to_text(v->u.d, text)); return RN_OK;
  case RN_TIMESTAMP: rn_buf_add(out, text, rn_timestamp_iso(v->u.i, text)); return RN_OK;
  case RN_TEXT: return put_text(out, v->u.s.bytes, v->u.s.size, column, err);
  case RN_BLOB: put_bytes(out, v->u.s.bytes, v->u.s.size); return RN_OK;
  case RN_LIST: break;
  }
  return refuse(err, column, "cannot hold a list in a list");
}

rn_status rn_pg_copy_encode(rn_buf *out, const rn_params *params, rn_error *err) {
  size_t columns = params ? params->count : 0;
  size_t rows = columns && params->at[0].value.kind == RN_LIST ? params->at[0].value.u.list.count : 0;
  for (size_t c = 0; c < columns; c++) {
    const rn_value *list = &params->at[c].value;
    if (list->kind != RN_LIST || list->u.list.count != rows)
      return rn_error_set(err, RN_E_USAGE, "COPY takes one list a column, all of the same length");
  }
  rn_buf_reset(out);
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) {
      if (c > 0) rn_buf_char(out, '\t');
      if (put_value(out, &params->at[c].value.u.list.items[r], c, err) != RN_OK) return RN_FAIL;
    }
    rn_buf_char(out, '\n');
  }
  return out->failed ? rn_error_set(err, RN_E_MEMORY, "out of memory while encoding rows") : RN_OK;
}
