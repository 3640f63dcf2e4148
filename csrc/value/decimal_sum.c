/* Exact sums: see decimal_sum.h. Numbers are cut at their point into digits to base 10^9. */
#include "value/decimal_sum.h"

#include <stdlib.h>
#include <string.h>

#include "value/digits.h"
#include "value/text.h"

enum { BASE = 1000000000, BASE_DIGITS = 9 };

/* More digits than PostgreSQL's numeric has on a side of the point, against exponents that would fill the
 * memory. */
#define SIDE_MAX 131072

static bool reserve(rn_digits *d, size_t count) {
  if (count <= d->capacity) return true;
  size_t capacity = d->capacity ? d->capacity : 4;
  while (capacity < count) capacity *= 2;
  uint32_t *limbs = realloc(d->limbs, capacity * sizeof *limbs);
  if (!limbs) return false;
  d->limbs = limbs;
  d->capacity = capacity;
  return true;
}

/* Makes room for `whole` limbs before the point, with one for a carry, and `fraction` behind it. */
static bool widen(rn_digits *d, size_t whole, size_t fraction) {
  size_t below = fraction > d->fraction ? fraction - d->fraction : 0;
  size_t before = d->count - d->fraction;
  size_t above = whole + 1 > before ? whole + 1 - before : 0;
  if (below + above == 0) return true;
  if (!reserve(d, d->count + below + above)) return false;
  memmove(d->limbs + below, d->limbs, d->count * sizeof *d->limbs);
  memset(d->limbs, 0, below * sizeof *d->limbs);
  memset(d->limbs + below + d->count, 0, above * sizeof *d->limbs);
  d->count += below + above;
  d->fraction += below;
  return true;
}

/* Adds a limb at `at`; the highest limb is 0 before, so that no carry is lost. */
static void add_limb(rn_digits *d, size_t at, uint32_t limb) {
  uint64_t carry = limb;
  for (; carry && at < d->count; at++) {
    carry += d->limbs[at];
    d->limbs[at] = (uint32_t)(carry % BASE);
    carry /= BASE;
  }
}

static bool add_int(rn_digits *d, uint64_t v) {
  if (!widen(d, 3, 0)) return false;
  bool full = d->limbs[d->count - 1] != 0;
  if (full && !widen(d, d->count - d->fraction, 0)) return false;
  for (size_t at = d->fraction; v; at++, v /= BASE) add_limb(d, at, (uint32_t)(v % BASE));
  return true;
}

rn_sum_status rn_decimal_sum_int(rn_decimal_sum *sum, int64_t v, bool away) {
  int64_t next;
  bool over =
      away ? __builtin_sub_overflow(sum->small, v, &next) : __builtin_add_overflow(sum->small, v, &next);
  if (RN_LIKELY(!over)) {
    sum->small = next;
    return RN_SUM_OK;
  }
  int64_t spilled = sum->small;
  uint64_t magnitude = spilled < 0 ? 0 - (uint64_t)spilled : (uint64_t)spilled;
  if (!add_int(spilled < 0 ? &sum->minus : &sum->plus, magnitude)) return RN_SUM_NO_MEMORY;
  sum->small = 0;
  return rn_decimal_sum_int(sum, v, away);
}

/* The digit that is `place` places before the point (0: the ones), or behind it (-1: the tenths). */
static unsigned digit_before(const rn_scan *scan, int64_t point, int64_t place) {
  int64_t i = point - 1 - place;
  size_t count = scan->whole + scan->fraction;
  return i < 0 || i >= (int64_t)count ? 0 : rn_scan_digit(scan, (size_t)i);
}

rn_sum_status rn_decimal_sum_text(rn_decimal_sum *sum, const char *s, size_t n, bool away) {
  rn_scan scan;
  if (!rn_number_scan(s, n, &scan)) return RN_SUM_NOT_DECIMAL;
  int64_t point = (int64_t)scan.whole + scan.exponent;
  int64_t behind = (int64_t)(scan.whole + scan.fraction) - point;
  if (point > SIDE_MAX || behind > SIDE_MAX) return RN_SUM_NOT_DECIMAL;
  if (behind < 0) behind = 0;
  size_t whole = point > 0 ? ((size_t)point + BASE_DIGITS - 1) / BASE_DIGITS : 0;
  size_t fraction = ((size_t)behind + BASE_DIGITS - 1) / BASE_DIGITS;
  rn_digits *d = scan.negative != away ? &sum->minus : &sum->plus;
  if (!widen(d, whole, fraction)) return RN_SUM_NO_MEMORY;
  if (d->limbs[d->count - 1] != 0 && !widen(d, d->count - d->fraction, 0)) return RN_SUM_NO_MEMORY;
  for (int64_t limb = -(int64_t)fraction; limb < (int64_t)whole; limb++) {
    uint32_t value = 0;
    for (int64_t place = BASE_DIGITS - 1; place >= 0; place--)
      value = value * 10 + digit_before(&scan, point, limb * BASE_DIGITS + place);
    add_limb(d, (size_t)((int64_t)d->fraction + limb), value);
  }
  sum->decimals = true;
  if ((size_t)behind > sum->scale) sum->scale = (size_t)behind;
  return RN_SUM_OK;
}

bool rn_decimal_sum_whole(const rn_decimal_sum *sum, int64_t *out) {
  if (sum->decimals || sum->plus.count || sum->minus.count) return false;
  *out = sum->small;
  return true;
}

/* large - small, digit by digit, into `large`, which is the larger one and as wide as the other. */
static void subtract(rn_digits *large, const rn_digits *small) {
  int64_t borrow = 0;
  for (size_t i = 0; i < large->count; i++) {
    int64_t v = (int64_t)large->limbs[i] - (i < small->count ? small->limbs[i] : 0) - borrow;
    borrow = v < 0;
    large->limbs[i] = (uint32_t)(v < 0 ? v + BASE : v);
  }
}

static bool copy_digits(rn_digits *to, const rn_digits *from) {
  *to = (rn_digits){0};
  if (!reserve(to, from->count ? from->count : 1)) return false;
  if (from->count) memcpy(to->limbs, from->limbs, from->count * sizeof *to->limbs);
  to->count = from->count;
  to->fraction = from->fraction;
  return true;
}

/* Equally wide. */
static bool less(const rn_digits *a, const rn_digits *b) {
  for (size_t i = a->count; i-- > 0;)
    if (a->limbs[i] != b->limbs[i]) return a->limbs[i] < b->limbs[i];
  return false;
}

static char *write_digits(const rn_digits *d, bool negative, size_t scale) {
  char *out = malloc(d->count * BASE_DIGITS + scale + 4);
  if (!out) return NULL;
  char *at = out;
  if (negative) *at++ = '-';
  char *first = at;
  for (size_t i = d->count; i-- > 0;) {
    if (i + 1 == d->fraction) {
      if (at == first) *at++ = '0';
      *at++ = '.';
    }
    uint32_t limb = d->limbs[i];
    for (uint32_t unit = BASE / 10; unit; unit /= 10) {
      unsigned digit = limb / unit % 10;
      if (digit == 0 && at == first && i >= d->fraction) continue;
      *at++ = (char)('0' + digit);
    }
  }
  if (at == first) *at++ = '0';
  size_t written = d->fraction * BASE_DIGITS;
  if (scale == 0 && written)
    at -= written + 1;
  else if (written > scale)
    at -= written - scale;
  *at = '\0';
  return out;
}

char *rn_decimal_sum_string(const rn_decimal_sum *sum) {
  rn_digits plus, minus = {0};
  char *text = NULL;
  uint64_t magnitude = sum->small < 0 ? 0 - (uint64_t)sum->small : (uint64_t)sum->small;
  bool ready = copy_digits(&plus, &sum->plus) && copy_digits(&minus, &sum->minus) &&
               add_int(sum->small < 0 ? &minus : &plus, magnitude);
  size_t whole_plus = plus.count - plus.fraction, whole_minus = minus.count - minus.fraction;
  size_t whole = whole_plus > whole_minus ? whole_plus : whole_minus;
  size_t fraction = plus.fraction > minus.fraction ? plus.fraction : minus.fraction;
  size_t wanted = (sum->scale + BASE_DIGITS - 1) / BASE_DIGITS;
  if (fraction < wanted) fraction = wanted;
  if (ready && widen(&plus, whole, fraction) && widen(&minus, whole, fraction)) {
    bool negative = less(&plus, &minus);
    rn_digits *large = negative ? &minus : &plus;
    subtract(large, negative ? &plus : &minus);
    text = write_digits(large, negative, sum->scale);
  }
  free(plus.limbs);
  free(minus.limbs);
  return text;
}

void rn_decimal_sum_free(rn_decimal_sum *sum) {
  free(sum->plus.limbs);
  free(sum->minus.limbs);
  *sum = (rn_decimal_sum){0};
}
