/* Turns cells as a database typed them into what a model's type promises. Called for every cell that is
 * read, by the binding. Text it makes lives in the caller's arena; no state. */
#include "value/value.h"

#include <stdio.h>

#include "value/digits.h"
#include "value/text.h"

#define KIND(kind) (1u << (kind))

/* The kinds that a code takes as they are. 'n', 'c' and the text of 'D' want a look at the bytes. */
static const unsigned char kept[256] = {
    ['i'] = KIND(RN_NULL) | KIND(RN_INT),
    ['I'] = KIND(RN_NULL) | KIND(RN_INT),
    ['b'] = KIND(RN_NULL) | KIND(RN_BOOL),
    ['d'] = KIND(RN_NULL) | KIND(RN_DOUBLE),
    ['n'] = KIND(RN_NULL),
    ['c'] = KIND(RN_NULL),
    ['D'] = KIND(RN_NULL),
    ['s'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['e'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['T'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['u'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['j'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['J'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['a'] = KIND(RN_NULL) | KIND(RN_TEXT),
    ['x'] = KIND(RN_NULL) | KIND(RN_BLOB),
    ['t'] = KIND(RN_NULL) | KIND(RN_TIMESTAMP),
    [RN_CODE_ANY] = 0xFF,
};

bool rn_code_known(rn_code code) {
  return kept[(unsigned char)code] != 0;
}

/* ---- errors ---- */

static const char *name_of(rn_code code) {
  switch (code) {
  case 'i':
  case 'I': return "an integer";
  case 'b': return "a boolean";
  case 'd': return "a number";
  case 'n': return "a decimal";
  case 't':
  case 'D': return "a date";
  case 'T': return "a time";
  case 'u': return "a UUID";
  case 'e': return "an enum value";
  case 'j':
  case 'J': return "JSON";
  case 'a': return "an array";
  case 'x': return "bytes";
  default: return "text";
  }
}

#define SHOWN_BYTES 40

/* At most SHOWN_BYTES of a text in quotes, never part of a character, controls and bad bytes as '?'. */
static void show_text(const char *bytes, size_t size, char out[SHOWN_BYTES + 8]) {
  size_t shown = size < SHOWN_BYTES ? size : SHOWN_BYTES;
  while (shown < size && shown > 0 && ((unsigned char)bytes[shown] & 0xC0) == 0x80) shown--;
  bool valid = rn_utf8_valid(bytes, shown);
  char *at = out;
  *at++ = '"';
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)bytes[i];
    *at++ = c < 0x20 || c == 0x7F || (c >= 0x80 && !valid) ? '?' : (char)c;
  }
  memcpy(at, shown < size ? "...\"" : "\"", shown < size ? 5 : 2);
}

static rn_status refuse(const rn_value *v, rn_code code, rn_error *err) {
  char shown[SHOWN_BYTES + 8] = "a list";
  switch (v->kind) {
  case RN_BOOL: snprintf(shown, sizeof shown, "%s", v->u.i ? "true" : "false"); break;
  case RN_INT: rn_int_to_text(v->u.i, shown); break;
  case RN_DOUBLE: rn_double_to_text(v->u.d, shown); break;
  case RN_TIMESTAMP: rn_timestamp_iso(v->u.i, shown); break;
  case RN_TEXT: show_text(v->u.s.bytes, v->u.s.size, shown); break;
  case RN_BLOB: snprintf(shown, sizeof shown, "a blob of %zu bytes", v->u.s.size); break;
  case RN_NULL:
  case RN_LIST: break;
  }
  return rn_error_set(err, RN_E_VALUE, "%s cannot be read as %s", shown, name_of(code));
}

static rn_status no_memory(rn_error *err) {
  return rn_error_set(err, RN_E_MEMORY, "out of memory");
}

/* ---- making ---- */

static rn_status become_text(rn_value *v, const char *text, size_t size, rn_arena *scratch, rn_error *err) {
  char *copy = rn_arena_copy(scratch, text, size);
  if (!copy) return no_memory(err);
  v->kind = RN_TEXT;
  v->u.s.bytes = copy;
  v->u.s.size = size;
  return RN_OK;
}

/* The text of a number, 0 for anything else. */
static size_t number_text(const rn_value *v, char out[RN_DOUBLE_TEXT_MAX]) {
  if (v->kind == RN_INT) return rn_int_to_text(v->u.i, out);
  if (v->kind == RN_DOUBLE) return rn_double_to_text(v->u.d, out);
  return 0;
}

/* No double's decimal is longer: 309 digits before the point, or 324 + 17 behind it. */
#define EXPONENT_ROOM 400

/* Any decimal as it should be read. What is exactly so already, as PostgreSQL's always is, is not copied. */
static rn_status to_decimal(rn_value *v, int scale, rn_arena *scratch, rn_error *err) {
  char number[RN_DOUBLE_TEXT_MAX];
  const char *text = number;
  size_t size = number_text(v, number);
  if (v->kind == RN_TEXT) {
    text = v->u.s.bytes;
    size = v->u.s.size;
  }
  rn_scan scan;
  if (size == 0) return refuse(v, 'n', err);
  if (!rn_number_scan(text, size, &scan)) {
    double special; /* NaN and the infinities, which PostgreSQL's numeric has */
    if (!rn_text_to_double(text, size, &special)) return refuse(v, 'n', err);
    return v->kind == RN_TEXT ? RN_OK : become_text(v, text, size, scratch, err);
  }
  bool minus_zero = scan.negative && rn_scan_first(&scan) == scan.whole + scan.fraction;
  if (v->kind == RN_TEXT && scan.canonical && !minus_zero && (scale < 0 || scan.fraction == (size_t)scale))
    return RN_OK;
  size_t cap = size + 3 + (scale > 0 ? (size_t)scale : 0) + (scan.exponent ? EXPONENT_ROOM : 0);
  char *out = rn_arena_alloc(scratch, cap);
  if (!out) return no_memory(err);
  size_t length = rn_decimal_canonical(text, size, 0, scale, out, cap);
  if (length == 0 && scale >= 0) length = rn_decimal_canonical(text, size, 0, -1, out, cap);
  if (length == 0) return refuse(v, 'n', err); /* an exponent that would fill the memory */
  v->kind = RN_TEXT;
  v->u.s.bytes = out;
  v->u.s.size = length;
  return RN_OK;
}

/* Integer text is taken only as it would be written: "007" is not 7. */
static bool text_to_int(const char *s, size_t n, int64_t *out) {
  size_t sign = n > 0 && s[0] == '-';
  if (n == sign || s[sign] == '+' || (s[sign] == '0' && n > 1)) return false;
  return rn_text_to_int(s, n, out);
}

static rn_status to_int(rn_value *v, rn_code code, rn_error *err) {
  int64_t i;
  switch (v->kind) {
  case RN_BOOL: i = v->u.i != 0; break;
  case RN_DOUBLE: /* 2^63 itself is too large; NaN fails both comparisons */
    if (!(v->u.d >= -9223372036854775808.0 && v->u.d < 9223372036854775808.0)) return refuse(v, code, err);
    i = (int64_t)v->u.d;
    if ((double)i != v->u.d) return refuse(v, code, err);
    break;
  case RN_TEXT:
    if (!text_to_int(v->u.s.bytes, v->u.s.size, &i)) return refuse(v, code, err);
    break;
  default: return refuse(v, code, err);
  }
  v->kind = RN_INT;
  v->u.i = i;
  return RN_OK;
}

static rn_status to_double(rn_value *v, rn_error *err) {
  double d;
  if (v->kind == RN_INT)
    d = (double)v->u.i;
  else if (v->kind != RN_TEXT || !rn_text_to_double(v->u.s.bytes, v->u.s.size, &d))
    return refuse(v, 'd', err);
  v->kind = RN_DOUBLE;
  v->u.d = d;
  return RN_OK;
}

static bool text_is(const rn_value *v, const char *word, size_t n) {
  return v->u.s.size == n && memcmp(v->u.s.bytes, word, n) == 0;
}

static rn_status to_timestamp(rn_value *v, rn_error *err) {
  int64_t us;
  if (v->kind != RN_TEXT) return refuse(v, 't', err);
  if (rn_timestamp_parse(v->u.s.bytes, v->u.s.size, false, &us)) {
    v->kind = RN_TIMESTAMP;
    v->u.i = us;
    return RN_OK;
  }
  return text_is(v, "infinity", 8) || text_is(v, "-infinity", 9) ? RN_OK : refuse(v, 't', err);
}

/* Numbers and, where the code may hold any text, blobs and timestamps. */
static rn_status to_text(rn_value *v, rn_code code, rn_arena *scratch, rn_error *err) {
  char text[RN_DOUBLE_TEXT_MAX > RN_TIMESTAMP_TEXT_MAX ? RN_DOUBLE_TEXT_MAX : RN_TIMESTAMP_TEXT_MAX];
  size_t size = number_text(v, text);
  bool any_text = code == 's' || code == 'c' || code == 'e' || code == 'j' || code == 'J';
  if (v->kind == RN_BLOB && any_text && rn_utf8_valid(v->u.s.bytes, v->u.s.size)) {
    v->kind = RN_TEXT;
    return RN_OK;
  }
  if (v->kind == RN_TIMESTAMP && (code == 's' || code == 'c')) size = rn_timestamp_iso(v->u.i, text);
  return size ? become_text(v, text, size, scratch, err) : refuse(v, code, err);
}

static rn_status to_date(rn_value *v, rn_arena *scratch, rn_error *err) {
  char text[RN_TIMESTAMP_TEXT_MAX];
  int64_t us;
  if (v->kind == RN_TEXT) { /* the calendar day as written, whatever its zone */
    if (v->u.s.size > 10 && rn_timestamp_parse(v->u.s.bytes, v->u.s.size, false, &us)) v->u.s.size = 10;
    return RN_OK;
  }
  if (v->kind != RN_TIMESTAMP) return to_text(v, 'D', scratch, err);
  rn_timestamp_sqlite(v->u.i, text);
  return become_text(v, text, strcspn(text, " "), scratch, err);
}

rn_status rn_value_convert(rn_value *v, rn_code code, int scale, rn_arena *scratch, rn_error *err) {
  if (RN_LIKELY(kept[(unsigned char)code] >> v->kind & 1)) return RN_OK;
  switch (code) {
  case 'i':
  case 'I': return to_int(v, code, err);
  case 'd': return to_double(v, err);
  case 'n': return to_decimal(v, scale, scratch, err);
  case 't': return to_timestamp(v, err);
  case 'D': return to_date(v, scratch, err);
  case 'b':
    if (v->kind != RN_INT || (v->u.i != 0 && v->u.i != 1)) return refuse(v, code, err);
    v->kind = RN_BOOL;
    return RN_OK;
  case 'x':
    if (v->kind != RN_TEXT) return refuse(v, code, err);
    v->kind = RN_BLOB;
    return RN_OK;
  case 'c':
    if (v->kind != RN_TEXT && to_text(v, code, scratch, err) != RN_OK) return RN_FAIL;
    while (v->u.s.size && v->u.s.bytes[v->u.s.size - 1] == ' ') v->u.s.size--;
    return RN_OK;
  case 's':
  case 'e':
  case 'T':
  case 'u':
  case 'j':
  case 'J':
  case 'a': return to_text(v, code, scratch, err);
  default: return rn_error_set(err, RN_E_USAGE, "unknown type code '%c'", code);
  }
}
