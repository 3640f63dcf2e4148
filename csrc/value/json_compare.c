/* JSON compared by value, as PostgreSQL's jsonb does: order, containment, keys. For SQLite's collations
 * ROWAN_JSON and ROWAN_ARRAY and the functions beside it. Looks at canonical texts (json.c), where equal
 * values are equal bytes, lists are [a,b,] and objects {"k":v,} with their keys in order. */
#include "value/json.h"

#include <stdlib.h>
#include <string.h>

typedef rn_json_slice slice;

static int compare_bytes(slice a, slice b) {
  size_t shared = a.size < b.size ? a.size : b.size;
  int order = shared ? memcmp(a.bytes, b.bytes, shared) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

static bool same(slice a, slice b) {
  return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* Behind the value that starts at `at`. */
static const char *past(const char *at, const char *end) {
  int depth = 0;
  do {
    char c = *at++;
    if (c == '"') {
      while (*at != '"') at += *at == '\\' ? 2 : 1;
      at++;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      depth--;
    } else if (depth == 0) {
      while (at < end && *at != ',' && *at != ':' && *at != ']' && *at != '}') at++;
    }
  } while (depth > 0);
  return at;
}

/* The items of a list, or the keys and values of an object. */
typedef struct items {
  const char *at, *end;
  bool pairs;
} items;

static items items_of(slice container) {
  return (items){container.bytes + 1, container.bytes + container.size - 1, container.bytes[0] == '{'};
}

static bool next_item(items *i, slice *key, slice *value) {
  if (i->at >= i->end) return false;
  if (i->pairs) {
    const char *stop = past(i->at, i->end);
    *key = (slice){i->at, (size_t)(stop - i->at)};
    i->at = stop + 1;
  }
  const char *stop = past(i->at, i->end);
  *value = (slice){i->at, (size_t)(stop - i->at)};
  i->at = stop + 1;
  return true;
}

static size_t count_of(slice container) {
  items i = items_of(container);
  slice key = {"", 0}, value;
  size_t count = 0;
  while (next_item(&i, &key, &value)) count++;
  return count;
}

/* ---- order ---- */

static int rank_of(slice v) {
  switch (v.bytes[0]) {
  case 'n': return 0;
  case '"': return 1;
  case 't':
  case 'f': return 3;
  case '[': return 4;
  case '{': return 5;
  default: return 2;
  }
}

/* Numbers are 0, or digits without zeros at their ends, e, and where the point stands. */
static int compare_numbers(slice a, slice b) {
  bool a_negative = a.bytes[0] == '-', b_negative = b.bytes[0] == '-';
  bool a_zero = a.bytes[0] == '0', b_zero = b.bytes[0] == '0';
  if (a_zero || b_zero) return a_zero && b_zero ? 0 : a_zero ? (b_negative ? 1 : -1) : a_negative ? -1 : 1;
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  int sign = a_negative ? -1 : 1;
  slice x = {a.bytes + a_negative, a.size - a_negative}, y = {b.bytes + b_negative, b.size - b_negative};
  const char *xe = memchr(x.bytes, 'e', x.size), *ye = memchr(y.bytes, 'e', y.size);
  if (!xe || !ye) return sign * compare_bytes(x, y);
  long long x_place = strtoll(xe + 1, NULL, 10), y_place = strtoll(ye + 1, NULL, 10);
  if (x_place != y_place) return x_place < y_place ? -sign : sign;
  return sign *
         compare_bytes((slice){x.bytes, (size_t)(xe - x.bytes)}, (slice){y.bytes, (size_t)(ye - y.bytes)});
}

/* The next byte of a text as it counts in its order; what only an escape can hold comes first. */
static int next_byte(const char **at) {
  unsigned char c = (unsigned char)*(*at)++;
  if (c != '\\') return c;
  c = (unsigned char)*(*at)++;
  return c == 'u' ? 0 : c;
}

static int compare_texts(slice a, slice b) {
  const char *x = a.bytes + 1, *x_end = a.bytes + a.size - 1, *y = b.bytes + 1, *y_end = b.bytes + b.size - 1;
  while (x < x_end && y < y_end) {
    int order = next_byte(&x) - next_byte(&y);
    if (order) return order < 0 ? -1 : 1;
  }
  return (x < x_end) - (y < y_end);
}

static int compare_values(slice a, slice b) {
  int rank = rank_of(a);
  if (rank != rank_of(b)) return rank < rank_of(b) ? -1 : 1;
  if (same(a, b)) return 0;
  if (rank == 1) return compare_texts(a, b);
  if (rank == 2) return compare_numbers(a, b);
  if (rank < 4) return compare_bytes(a, b);
  size_t a_count = count_of(a), b_count = count_of(b);
  if (a_count != b_count) return a_count < b_count ? -1 : 1;
  items i = items_of(a), k = items_of(b);
  slice a_key = {"", 0}, b_key = {"", 0}, a_value, b_value;
  while (next_item(&i, &a_key, &a_value) && next_item(&k, &b_key, &b_value)) {
    int order = a_key.size > 0 ? compare_texts(a_key, b_key) : 0;
    if (order == 0) order = compare_values(a_value, b_value);
    if (order) return order;
  }
  return 0;
}

/* Lists as PostgreSQL's arrays: item by item, NULL behind all others, and what goes on behind what has ended.
 */
static int compare_lists(slice a, slice b) {
  if (rank_of(a) != 4 || rank_of(b) != 4) return compare_values(a, b);
  items i = items_of(a), k = items_of(b);
  slice key = {"", 0}, x, y;
  for (;;) {
    bool more = next_item(&i, &key, &x), others = next_item(&k, &key, &y);
    if (!more || !others) return (int)more - (int)others;
    bool x_null = rank_of(x) == 0, y_null = rank_of(y) == 0;
    int order = x_null || y_null ? (int)x_null - (int)y_null : compare_lists(x, y);
    if (order) return order;
  }
}

static int compare_as(const char *a, size_t na, const char *b, size_t nb, int (*compare)(slice, slice)) {
  slice left = {a, na}, right = {b, nb};
  if (same(left, right)) return 0;
  rn_buf x = {0}, y = {0};
  bool x_json = rn_json_canonical(a, na, &x), y_json = rn_json_canonical(b, nb, &y);
  int order;
  if (x.failed || y.failed || (!x_json && !y_json)) {
    order = compare_bytes(left, right);
  } else if (x_json != y_json) {
    order = x_json ? -1 : 1;
  } else {
    order = compare((slice){x.data, x.size}, (slice){y.data, y.size});
  }
  rn_buf_free(&x);
  rn_buf_free(&y);
  return order;
}

int rn_json_compare(const char *a, size_t na, const char *b, size_t nb) {
  return compare_as(a, na, b, nb, compare_values);
}

int rn_json_compare_lists(const char *a, size_t na, const char *b, size_t nb) {
  return compare_as(a, na, b, nb, compare_lists);
}

/* ---- containment ---- */

static bool is_container(slice v) {
  return v.bytes[0] == '{' || v.bytes[0] == '[';
}

static bool contains(slice a, slice b);

static bool holds_item(slice list, slice wanted) {
  items i = items_of(list);
  slice key = {"", 0}, value;
  while (next_item(&i, &key, &value)) {
    if (is_container(wanted) ? contains(value, wanted) : same(value, wanted)) return true;
  }
  return false;
}

static bool find_key(slice object, slice wanted, slice *value) {
  items i = items_of(object);
  slice key = {"", 0};
  while (next_item(&i, &key, value)) {
    if (same(key, wanted)) return true;
  }
  return false;
}

static bool contains(slice a, slice b) {
  if (a.bytes[0] != b.bytes[0] || !is_container(a)) return same(a, b);
  items i = items_of(b);
  slice key = {"", 0}, value, found;
  while (next_item(&i, &key, &value)) {
    if (i.pairs ? !find_key(a, key, &found) || !contains(found, value) : !holds_item(a, value)) return false;
  }
  return true;
}

static bool overlap(slice a, slice b) {
  if (a.bytes[0] != '[' || b.bytes[0] != '[') return false;
  items i = items_of(b), k;
  slice key = {"", 0}, value, other;
  while (next_item(&i, &key, &value)) {
    for (k = items_of(a); next_item(&k, &key, &other);) {
      if (same(value, other)) return true;
    }
  }
  return false;
}

static bool contains_at_top(slice a, slice b) {
  return a.bytes[0] == '[' && !is_container(b) ? holds_item(a, b) : contains(a, b);
}

static int ask(const char *a, size_t na, const char *b, size_t nb, bool (*question)(slice, slice)) {
  rn_buf x = {0}, y = {0};
  int answer = -1;
  if (rn_json_canonical(a, na, &x) && rn_json_canonical(b, nb, &y) && !x.failed && !y.failed) {
    answer = question((slice){x.data, x.size}, (slice){y.data, y.size});
  }
  rn_buf_free(&x);
  rn_buf_free(&y);
  return answer;
}

int rn_json_contains(const char *a, size_t na, const char *b, size_t nb) {
  return ask(a, na, b, nb, contains_at_top);
}

int rn_json_overlap(const char *a, size_t na, const char *b, size_t nb) {
  return ask(a, na, b, nb, overlap);
}

int rn_json_has(const char *s, size_t n, const char *key, size_t nk) {
  rn_buf text = {0}, name = {0};
  rn_json_key(key, nk, &name);
  int answer = -1;
  if (rn_json_canonical(s, n, &text) && !text.failed && !name.failed) {
    slice value = {text.data, text.size}, wanted = {name.data, name.size}, found;
    if (value.bytes[0] == '{')
      answer = find_key(value, wanted, &found);
    else if (value.bytes[0] == '[')
      answer = holds_item(value, wanted);
    else
      answer = same(value, wanted);
  }
  rn_buf_free(&text);
  rn_buf_free(&name);
  return answer;
}
