/* The order of lengths of time and of addresses that are kept as text: as PostgreSQL has it for interval,
 * inet and cidr. For SQLite's collations. Text that is none sorts behind all that is, bytewise. */
#include "value/text.h"

#include <arpa/inet.h>
#include <string.h>

static int compare_bytes(const char *a, size_t na, const char *b, size_t nb) {
  const size_t shared = na < nb ? na : nb;
  const int order = shared ? memcmp(a, b, shared) : 0;
  return order ? order : (na > nb) - (na < nb);
}

static int compare_numbers(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

/* ---- lengths of time: a month counts 30 days, a day 24 hours ---- */

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

typedef struct span {
  int64_t days, us; /* us within a day, of the sign that it comes with */
} span;

/* Reads "-4.5" as a whole number and millionths. */
static bool take_amount(const char **at, const char *end, int64_t *whole, int64_t *millionths) {
  const char *s = *at;
  const bool negative = s < end && *s == '-';
  if (s < end && (*s == '-' || *s == '+')) s++;
  const char *const from = s;
  *whole = *millionths = 0;
  while (s < end && *s >= '0' && *s <= '9' && s - from < 17) *whole = *whole * 10 + (*s++ - '0');
  if (s == from) return false;
  if (s < end && *s == '.') {
    int64_t unit = SECOND_US;
    for (s++; s < end && *s >= '0' && *s <= '9'; s++) *millionths += (*s - '0') * (unit /= 10);
  }
  if (negative) {
    *whole = -*whole;
    *millionths = -*millionths;
  }
  *at = s;
  return true;
}

static bool add_part(span *out, bool time, char unit, int64_t whole, int64_t millionths) {
  static const int64_t days[] = {360, 30, 7, 1}, seconds[] = {3600, 60, 1};
  const char *const units = time ? "HMS" : "YMWD", *const found = unit ? strchr(units, unit) : NULL;
  int64_t sum;
  if (!found) return false;
  if (!time)
    return !__builtin_mul_overflow(whole, days[found - units], &sum) &&
           !__builtin_add_overflow(out->days, sum, &out->days);
  return !__builtin_mul_overflow(whole, seconds[found - units] * SECOND_US, &sum) &&
         !__builtin_add_overflow(sum, millionths, &sum) && !__builtin_add_overflow(out->us, sum, &out->us);
}

/* P1Y2M-3DT4H5M-6.7S */
static bool read_span(const char *s, size_t n, span *out) {
  const char *at = s, *const end = s + n;
  bool time = false;
  *out = (span){0, 0};
  if (n < 3 || *at++ != 'P') return false;
  while (at < end) {
    int64_t whole, millionths;
    if (*at == 'T' && !time) {
      time = true;
      at++;
      continue;
    }
    if (!take_amount(&at, end, &whole, &millionths) || at >= end) return false;
    if (!add_part(out, time, *at++, whole, millionths)) return false;
  }
  int64_t carried = out->us / DAY_US;
  out->us %= DAY_US;
  if (out->us < 0) {
    out->us += DAY_US;
    carried--;
  }
  return !__builtin_add_overflow(out->days, carried, &out->days);
}

int rn_interval_compare(const char *a, size_t na, const char *b, size_t nb) {
  span x, y;
  const bool x_read = read_span(a, na, &x), y_read = read_span(b, nb, &y);
  if (!x_read || !y_read) return x_read != y_read ? (x_read ? -1 : 1) : compare_bytes(a, na, b, nb);
  return x.days != y.days ? compare_numbers(x.days, y.days) : compare_numbers(x.us, y.us);
}

/* ---- addresses: by family, by what both networks have in common, by their length, by the rest ---- */

typedef struct address {
  unsigned char bytes[16];
  int size, bits;
} address;

static bool read_address(const char *s, size_t n, address *out) {
  char text[64];
  int64_t bits;
  if (n >= sizeof text) return false;
  memcpy(text, s, n);
  text[n] = '\0';
  char *const slash = strchr(text, '/');
  if (slash) *slash = '\0';
  out->size = inet_pton(AF_INET, text, out->bytes) == 1    ? 4
              : inet_pton(AF_INET6, text, out->bytes) == 1 ? 16
                                                           : 0;
  if (out->size == 0) return false;
  out->bits = out->size * 8;
  if (!slash) return true;
  if (!rn_text_to_int(slash + 1, strlen(slash + 1), &bits) || bits < 0 || bits > out->bits) return false;
  out->bits = (int)bits;
  return true;
}

static int compare_bits(const address *a, const address *b, int bits) {
  const int order = memcmp(a->bytes, b->bytes, (size_t)(bits / 8));
  if (order || bits % 8 == 0) return order;
  const int shift = 8 - bits % 8;
  return (a->bytes[bits / 8] >> shift) - (b->bytes[bits / 8] >> shift);
}

int rn_address_compare(const char *a, size_t na, const char *b, size_t nb) {
  address x, y;
  const bool x_read = read_address(a, na, &x), y_read = read_address(b, nb, &y);
  if (!x_read || !y_read) return x_read != y_read ? (x_read ? -1 : 1) : compare_bytes(a, na, b, nb);
  if (x.size != y.size) return x.size - y.size;
  const int common = compare_bits(&x, &y, x.bits < y.bits ? x.bits : y.bits);
  if (common) return common;
  return x.bits != y.bits ? x.bits - y.bits : compare_bits(&x, &y, x.size * 8);
}
