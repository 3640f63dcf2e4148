/* Exact decimal text: canonical form and comparison. Called by the converter and, for the type checks of
 * Lua, by the binding. Works on the digits where they are: no allocation, no limit on their number. */
#include "value/digits.h"
#include "value/text.h"

/* A decimal's digits placed around its point. Indices count digits of the scan; before and behind it are
 * zeros. */
typedef struct decimal {
  rn_scan scan;
  size_t count, first; /* digits, and the first that is not zero (= count for zero) */
  int64_t point;       /* digits before the point, less than 0 for 0.00ddd */
} decimal;

static bool decimal_read(const char *s, size_t n, decimal *out) {
  if (!rn_number_scan(s, n, &out->scan)) return false;
  out->count = out->scan.whole + out->scan.fraction;
  out->first = rn_scan_first(&out->scan);
  out->point = (int64_t)out->scan.whole + out->scan.exponent;
  return true;
}

static unsigned digit_at(const decimal *d, int64_t i) {
  return i < 0 || i >= (int64_t)d->count ? 0 : rn_scan_digit(&d->scan, (size_t)i);
}

/* Digits behind the point as written, or as `scale` asks; -1 when one that is not zero would be lost. */
static int64_t fraction_length(const decimal *d, int scale) {
  int64_t written = (int64_t)d->count - d->point;
  if (written < 0) written = 0;
  if (scale < 0) return written;
  int64_t lost = d->point + scale; /* the first digit that has no room */
  if (lost < (int64_t)d->first) lost = (int64_t)d->first;
  for (; lost < (int64_t)d->count; lost++)
    if (rn_scan_digit(&d->scan, (size_t)lost) != 0) return -1;
  return scale;
}

size_t rn_decimal_canonical(const char *s, size_t n, int precision, int scale, char *out, size_t cap) {
  decimal d;
  if (!decimal_read(s, n, &d)) return 0;
  bool zero = d.first == d.count;
  int64_t fraction = fraction_length(&d, scale);
  if (fraction < 0) return 0;
  int64_t whole = zero ? 0 : d.point - (int64_t)d.first; /* significant digits before the point, or < 0 */
  if (precision > 0 && !zero && whole + fraction > precision) return 0;
  bool negative = d.scan.negative && !zero;
  int64_t size = negative + (whole > 0 ? whole : 1) + (fraction ? fraction + 1 : 0);
  if ((uint64_t)size >= cap) return 0;
  char *at = out;
  if (negative) *at++ = '-';
  if (whole <= 0) *at++ = '0';
  for (int64_t i = d.point - (whole > 0 ? whole : 0); i < d.point; i++) *at++ = (char)('0' + digit_at(&d, i));
  if (fraction) *at++ = '.';
  for (int64_t i = 0; i < fraction; i++) *at++ = (char)('0' + (zero ? 0 : digit_at(&d, d.point + i)));
  *at = '\0';
  return (size_t)(at - out);
}

/* Magnitudes only. */
static int compare_digits(const decimal *a, const decimal *b) {
  bool a_zero = a->first == a->count, b_zero = b->first == b->count;
  if (a_zero || b_zero) return b_zero - a_zero;
  int64_t a_whole = a->point - (int64_t)a->first, b_whole = b->point - (int64_t)b->first;
  if (a_whole != b_whole) return a_whole < b_whole ? -1 : 1;
  for (size_t i = 0; a->first + i < a->count || b->first + i < b->count; i++) {
    unsigned x = digit_at(a, (int64_t)(a->first + i)), y = digit_at(b, (int64_t)(b->first + i));
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

int rn_decimal_compare(const char *a, size_t na, const char *b, size_t nb) {
  decimal x, y;
  bool x_decimal = decimal_read(a, na, &x), y_decimal = decimal_read(b, nb, &y);
  if (x_decimal != y_decimal) return x_decimal ? -1 : 1;
  if (!x_decimal) {
    size_t shared = na < nb ? na : nb;
    int order = shared ? memcmp(a, b, shared) : 0;
    return order ? (order < 0 ? -1 : 1) : (na > nb) - (na < nb);
  }
  bool x_negative = x.scan.negative && x.first < x.count, y_negative = y.scan.negative && y.first < y.count;
  if (x_negative != y_negative) return x_negative ? -1 : 1;
  int order = compare_digits(&x, &y);
  return x_negative ? -order : order;
}
