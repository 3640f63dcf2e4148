/* What the number, decimal and time texts share: reading and writing decimal digits. Private to
 * csrc/value. */
#ifndef RN_VALUE_DIGITS_H
#define RN_VALUE_DIGITS_H

#include <string.h>

#include "base/config.h"

/* A number's text taken apart; points into that text. */
typedef struct rn_scan {
  const char *digits; /* the first digit, or the point when there are none before it */
  size_t whole;       /* digits before the point */
  size_t fraction;    /* digits behind it */
  int64_t exponent;   /* as written, held within +-RN_SCAN_EXPONENT_MAX */
  bool negative;
  bool canonical; /* no '+', no exponent, digits on both sides of a point, no needless leading zero */
} rn_scan;

/* Beyond any double or text in memory, and far from overflowing when digit counts are added. */
#define RN_SCAN_EXPONENT_MAX (INT64_C(1) << 56)

/* sign? (digits+ (. digits*)? | . digits+) ([eE] sign? digits+)?, the whole of it (text_number.c). */
bool rn_number_scan(const char *s, size_t n, rn_scan *out);

/* Digit i of all, the point left out. */
static inline unsigned rn_scan_digit(const rn_scan *scan, size_t i) {
  return (unsigned)(scan->digits[i + (i >= scan->whole)] - '0');
}

/* Index of the first digit that is not zero; whole + fraction when all are. */
static inline size_t rn_scan_first(const rn_scan *scan) {
  size_t count = scan->whole + scan->fraction, i = 0;
  while (i < count && rn_scan_digit(scan, i) == 0) i++;
  return i;
}

extern const char rn_digit_pairs[200]; /* "00" "01" .. "99" (text_number.c) */

/* v < 100 as two digits. */
static inline void rn_put_pair(char *out, unsigned v) {
  memcpy(out, rn_digit_pairs + 2 * (size_t)v, 2);
}

/* The value of two digits, or -1. */
static inline int rn_take_pair(const char *s) {
  unsigned high = (unsigned)(unsigned char)s[0] - '0', low = (unsigned)(unsigned char)s[1] - '0';
  return high > 9 || low > 9 ? -1 : (int)(high * 10 + low);
}

#endif
