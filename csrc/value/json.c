/* JSON brought to one text for all spellings of a value, which json_compare.c looks at; and a member found by
 * its key. */
#include "value/json.h"

#include <stdlib.h>
#include <string.h>

#include "value/digits.h"

typedef struct reader {
  const char *at, *end;
  int depth;
} reader;

/* A member of an object, in the object's scratch buffer. */
typedef struct member {
  size_t key, key_size, value, value_size, position;
  const char *base; /* the scratch buffer once it grows no more */
} member;

static bool value_into(reader *r, rn_buf *out);

static void skip_blanks(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool take(reader *r, char c) {
  skip_blanks(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool word_into(reader *r, const char *word, rn_buf *out) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  rn_buf_add(out, word, n);
  return true;
}

/* ---- strings ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u. */
static bool take_unit(reader *r, unsigned *unit) {
  if (r->end - r->at < 4) return false;
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*r->at++);
    if (digit < 0) return false;
    *unit = *unit << 4 | (unsigned)digit;
  }
  return true;
}

static void add_utf8(rn_buf *out, unsigned c) {
  char bytes[4];
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = n; i-- > 1; c >>= 6) bytes[i] = (char)(0x80 | (c & 0x3F));
  bytes[0] = (char)(lead[n] | c);
  rn_buf_add(out, bytes, n);
}

/* What \u names, its other half included; NUL and a half alone keep an escaped form. */
static bool unit_into(reader *r, rn_buf *out) {
  unsigned unit, low;
  if (!take_unit(r, &unit)) return false;
  if (unit >= 0xD800 && unit < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
    const char *before = r->at;
    r->at += 2;
    if (!take_unit(r, &low)) return false;
    if (low >= 0xDC00 && low < 0xE000) {
      add_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
      return true;
    }
    r->at = before;
  }
  if (unit == 0 || (unit >= 0xD800 && unit < 0xE000)) {
    rn_buf_printf(out, "\\u%04x", unit);
  } else if (unit == '"' || unit == '\\') {
    rn_buf_printf(out, "\\%c", (char)unit);
  } else {
    add_utf8(out, unit);
  }
  return true;
}

static bool escape_into(reader *r, rn_buf *out) {
  static const char names[] = "bfnrt/", stand_for[] = "\b\f\n\r\t/";
  if (r->at == r->end) return false;
  char c = *r->at++;
  if (c == 'u') return unit_into(r, out);
  if (c == '"' || c == '\\') {
    rn_buf_printf(out, "\\%c", c);
    return true;
  }
  const char *found = c ? strchr(names, c) : NULL;
  if (!found) return false;
  rn_buf_char(out, stand_for[found - names]);
  return true;
}

/* Behind the opening quote. */
static bool string_into(reader *r, rn_buf *out) {
  rn_buf_char(out, '"');
  while (r->at < r->end) {
    const char *from = r->at;
    while (r->at < r->end && *r->at != '"' && *r->at != '\\') r->at++;
    rn_buf_add(out, from, (size_t)(r->at - from));
    if (r->at == r->end) return false;
    if (*r->at++ == '"') {
      rn_buf_char(out, '"');
      return true;
    }
    if (!escape_into(r, out)) return false;
  }
  return false;
}

/* ---- numbers ---- */

/* 120, 1.2e2 and 120.0 are 12 at the place 3. */
static bool number_into(reader *r, rn_buf *out) {
  const char *from = r->at;
  while (r->at < r->end && *r->at && strchr("+-.0123456789eE", *r->at)) r->at++;
  rn_scan scan;
  if (from == r->at || !rn_number_scan(from, (size_t)(r->at - from), &scan)) return false;
  size_t count = scan.whole + scan.fraction, first = rn_scan_first(&scan);
  if (first == count) {
    rn_buf_char(out, '0');
    return true;
  }
  while (rn_scan_digit(&scan, count - 1) == 0) count--;
  if (scan.negative) rn_buf_char(out, '-');
  for (size_t i = first; i < count; i++) rn_buf_char(out, (char)('0' + rn_scan_digit(&scan, i)));
  rn_buf_printf(out, "e%lld", (long long)((int64_t)scan.whole + scan.exponent - (int64_t)first));
  return true;
}

/* ---- lists and objects ---- */

static bool list_into(reader *r, rn_buf *out) {
  rn_buf_char(out, '[');
  if (!take(r, ']')) {
    do {
      if (!value_into(r, out)) return false;
      rn_buf_char(out, ',');
    } while (take(r, ','));
    if (!take(r, ']')) return false;
  }
  rn_buf_char(out, ']');
  return true;
}

static int by_key(const void *left, const void *right) {
  const member *a = left, *b = right;
  size_t shared = a->key_size < b->key_size ? a->key_size : b->key_size;
  int order = memcmp(a->base + a->key, b->base + b->key, shared);
  if (order) return order;
  if (a->key_size != b->key_size) return a->key_size < b->key_size ? -1 : 1;
  return a->position < b->position ? -1 : 1;
}

static bool same_key(const member *a, const member *b) {
  return a->key_size == b->key_size && memcmp(a->base + a->key, b->base + b->key, a->key_size) == 0;
}

/* Reads the members; their texts go to `scratch`. */
static bool read_members(reader *r, rn_buf *scratch, rn_buf *members) {
  if (take(r, '}')) return true;
  size_t position = 0;
  do {
    member m = {.key = scratch->size, .position = position++};
    if (!take(r, '"') || !string_into(r, scratch)) return false;
    m.key_size = scratch->size - m.key;
    m.value = scratch->size;
    if (!take(r, ':') || !value_into(r, scratch)) return false;
    m.value_size = scratch->size - m.value;
    rn_buf_add(members, &m, sizeof m);
  } while (take(r, ','));
  return take(r, '}');
}

static bool object_into(reader *r, rn_buf *out) {
  rn_buf scratch = {0}, members = {0};
  bool read = read_members(r, &scratch, &members);
  if (scratch.failed || members.failed) out->failed = true;
  if (read && !out->failed) {
    member *list = (member *)(void *)members.data;
    size_t count = members.size / sizeof *list;
    for (size_t i = 0; i < count; i++) list[i].base = scratch.data;
    if (count > 1) qsort(list, count, sizeof *list, by_key);
    rn_buf_char(out, '{');
    for (size_t i = 0; i < count; i++) {
      if (i + 1 < count && same_key(&list[i], &list[i + 1])) continue;
      rn_buf_add(out, scratch.data + list[i].key, list[i].key_size);
      rn_buf_char(out, ':');
      rn_buf_add(out, scratch.data + list[i].value, list[i].value_size);
      rn_buf_char(out, ',');
    }
    rn_buf_char(out, '}');
  }
  rn_buf_free(&scratch);
  rn_buf_free(&members);
  return read;
}

static bool value_into(reader *r, rn_buf *out) {
  skip_blanks(r);
  if (r->at == r->end || r->depth == RN_JSON_DEPTH_MAX) return false;
  r->depth++;
  bool read;
  switch (*r->at) {
  case '{':
    r->at++;
    read = object_into(r, out);
    break;
  case '[':
    r->at++;
    read = list_into(r, out);
    break;
  case '"':
    r->at++;
    read = string_into(r, out);
    break;
  case 't': read = word_into(r, "true", out); break;
  case 'f': read = word_into(r, "false", out); break;
  case 'n': read = word_into(r, "null", out); break;
  default: read = number_into(r, out); break;
  }
  r->depth--;
  return read;
}

bool rn_json_canonical(const char *s, size_t n, rn_buf *out) {
  reader r = {.at = s, .end = s + n};
  if (!value_into(&r, out)) return false;
  skip_blanks(&r);
  return r.at == r.end;
}

bool rn_json_member(const char *s, size_t n, const char *key, size_t nk, rn_json_slice *value, bool *found) {
  reader r = {.at = s, .end = s + n};
  rn_buf name = {0}, wanted = {0}, ignored = {0};
  *found = false;
  rn_json_key(key, nk, &wanted);
  bool read = true;
  if (take(&r, '{') && !take(&r, '}')) {
    do {
      rn_buf_reset(&name);
      rn_buf_reset(&ignored);
      read = take(&r, '"') && string_into(&r, &name) && take(&r, ':');
      skip_blanks(&r);
      const char *from = r.at;
      read = read && value_into(&r, &ignored);
      if (read && name.size == wanted.size && memcmp(name.data, wanted.data, name.size) == 0) {
        *value = (rn_json_slice){from, (size_t)(r.at - from)};
        *found = true;
      }
    } while (read && take(&r, ','));
    read = read && take(&r, '}');
  }
  read = read && !name.failed && !wanted.failed && !ignored.failed;
  rn_buf_free(&name);
  rn_buf_free(&wanted);
  rn_buf_free(&ignored);
  return read;
}

void rn_json_key(const char *key, size_t n, rn_buf *out) {
  rn_buf_char(out, '"');
  for (size_t i = 0; i < n; i++) {
    if (key[i] == '"' || key[i] == '\\') rn_buf_char(out, '\\');
    rn_buf_char(out, key[i]);
  }
  rn_buf_char(out, '"');
}
