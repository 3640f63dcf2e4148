/* Integers and floating point <-> text. Called by the converter, the drivers and the binding. No locale:
 * libc sees digits and exponents only, never a decimal point. No state, no allocation. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "value/digits.h"
#include "value/text.h"

const char rn_digit_pairs[200] = {
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"};

/* 10^0 to 10^22 are the powers of ten that a double holds exactly. */
#define POWERS 22
static const double powers[POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* ---- integers ---- */

bool rn_text_to_int(const char *s, size_t n, int64_t *out) {
  if (n == 0) return false;
  bool negative = s[0] == '-';
  size_t i = negative || s[0] == '+';
  if (i == n) return false;
  while (i + 1 < n && s[i] == '0') i++;
  if (n - i > 19) return false; /* 19 digits cannot overflow the sum */
  uint64_t sum = 0;
  for (; i < n; i++) {
    unsigned digit = (unsigned)(unsigned char)s[i] - '0';
    if (digit > 9) return false;
    sum = sum * 10 + digit;
  }
  if (sum > (uint64_t)INT64_MAX + negative) return false;
  *out = (int64_t)(negative ? 0 - sum : sum);
  return true;
}

/* The digits of v, written so that they end before `end`; returns where they start. */
static char *write_back(uint64_t v, char *end) {
  while (v >= 100) {
    end -= 2;
    rn_put_pair(end, (unsigned)(v % 100));
    v /= 100;
  }
  if (v >= 10) {
    end -= 2;
    rn_put_pair(end, (unsigned)v);
  } else {
    *--end = (char)('0' + v);
  }
  return end;
}

size_t rn_int_to_text(int64_t v, char out[RN_INT_TEXT_MAX]) {
  char digits[RN_INT_TEXT_MAX], *end = digits + sizeof digits;
  char *start = write_back(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, end);
  if (v < 0) *--start = '-';
  size_t size = (size_t)(end - start);
  memcpy(out, start, size);
  out[size] = '\0';
  return size;
}

/* ---- text -> double ---- */

bool rn_number_scan(const char *s, size_t n, rn_scan *out) {
  const char *at = s, *end = s + n;
  *out = (rn_scan){.canonical = true};
  if (at < end && (*at == '-' || *at == '+')) {
    out->negative = *at == '-';
    out->canonical = out->negative;
    at++;
  }
  out->digits = at;
  while (at < end && (unsigned)(unsigned char)*at - '0' <= 9) at++;
  out->whole = (size_t)(at - out->digits);
  bool point = at < end && *at == '.';
  if (point) {
    const char *behind = ++at;
    while (at < end && (unsigned)(unsigned char)*at - '0' <= 9) at++;
    out->fraction = (size_t)(at - behind);
  }
  if (out->whole + out->fraction == 0) return false;
  if (out->whole == 0 || (out->whole > 1 && *out->digits == '0') || (point && out->fraction == 0))
    out->canonical = false;
  if (at == end) return true;
  if (*at != 'e' && *at != 'E') return false;
  out->canonical = false;
  at++;
  bool minus = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) at++;
  if (at == end) return false;
  for (; at < end; at++) {
    unsigned digit = (unsigned)(unsigned char)*at - '0';
    if (digit > 9) return false;
    if (out->exponent < RN_SCAN_EXPONENT_MAX / 10)
      out->exponent = out->exponent * 10 + digit;
    else
      out->exponent = RN_SCAN_EXPONENT_MAX;
  }
  if (minus) out->exponent = -out->exponent;
  return true;
}

/* digits * 10^exponent when double arithmetic gives it correctly rounded in one step. */
static bool exact_product(uint64_t digits, int64_t exponent, double *out) {
#if FLT_EVAL_METHOD == 0
  if (digits > UINT64_C(1) << 53 || exponent < -POWERS || exponent > POWERS) return false;
  *out = exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
  return true;
#else
  (void)digits, (void)exponent, (void)out;
  return false;
#endif
}

/* Decides any tie between two doubles: none has more digits than this (767). */
#define SIGNIFICANT_MAX 768

static double read_slowly(const rn_scan *scan, size_t first, int64_t exponent) {
  char text[SIGNIFICANT_MAX + 32];
  size_t count = scan->whole + scan->fraction, size = 0, i = first;
  for (; i < count && size < SIGNIFICANT_MAX; i++) text[size++] = (char)('0' + rn_scan_digit(scan, i));
  exponent += (int64_t)(count - i);
  while (i < count && rn_scan_digit(scan, i) == 0) i++;
  if (i < count) { /* something that is not zero follows: enough to be above a tie */
    text[size++] = '1';
    exponent--;
  }
  text[size++] = 'e';
  size += rn_int_to_text(exponent, text + size);
  text[size] = '\0';
  return strtod(text, NULL);
}

bool rn_text_to_double(const char *s, size_t n, double *out) {
  rn_scan scan;
  if (!rn_number_scan(s, n, &scan)) {
    if (n == 8 && memcmp(s, "Infinity", 8) == 0)
      *out = INFINITY;
    else if (n == 9 && memcmp(s, "-Infinity", 9) == 0)
      *out = -INFINITY;
    else if (n == 3 && memcmp(s, "NaN", 3) == 0)
      *out = NAN;
    else
      return false;
    return true;
  }
  size_t first = rn_scan_first(&scan), count = scan.whole + scan.fraction;
  int64_t exponent = scan.exponent - (int64_t)scan.fraction; /* of the last digit */
  int64_t magnitude = exponent + (int64_t)(count - first);   /* value < 10^magnitude */
  double v = 0;
  if (first < count && magnitude > -330) {
    if (magnitude > 310) return false;
    uint64_t digits = 0;
    if (count - first <= 19)
      for (size_t i = first; i < count; i++) digits = digits * 10 + rn_scan_digit(&scan, i);
    if (count - first > 19 || !exact_product(digits, exponent, &v)) v = read_slowly(&scan, first, exponent);
    if (isinf(v)) return false;
  }
  *out = scan.negative ? -v : v;
  return true;
}

/* ---- double -> text ---- */

typedef struct shortest {
  uint64_t digits;
  int exponent; /* value = digits * 10^exponent */
} shortest;

static double value_of(shortest s) {
  double v;
  if (exact_product(s.digits, s.exponent, &v)) return v;
  char text[2 * RN_INT_TEXT_MAX];
  size_t size = rn_int_to_text((int64_t)s.digits, text);
  text[size++] = 'e';
  rn_int_to_text(s.exponent, text + size);
  return strtod(text, NULL);
}

/* floor(log10(v)) for positive v. Within 10^-22 and 10^22 it can only be one too many, just below a
 * negative power of ten, which costs a digit of the first attempts; beyond it may be one too few. */
static int magnitude_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  int binary = (int)(bits >> 52) - 1023;
  int decimal = binary * 1233 >> 12; /* 1233 / 4096 = log10(2) nearly; the shift rounds down */
  int next = decimal + 1;
  if (next >= 0 && next <= POWERS ? v >= powers[next] : next < 0 && next >= -POWERS && v * powers[-next] >= 1)
    decimal++;
  return decimal;
}

/* v to `precision` digits by arithmetic that is correctly rounded twice at most; whoever asks checks that the
 * decimal names v. False where a power of ten would not be exact. */
static bool round_to(double v, int magnitude, int precision, shortest *out) {
  int shift = precision - 1 - magnitude;
  if (magnitude < -POWERS || magnitude >= POWERS || shift < -POWERS || shift > POWERS) return false;
  double scaled = shift < 0 ? v / powers[-shift] : v * powers[shift];
  uint64_t digits = (uint64_t)(scaled + 0.5);
  if ((double)digits - scaled == 0.5) digits &= ~UINT64_C(1); /* a tie goes to the even one */
  *out = (shortest){digits, -shift};
  return true;
}

/* v to `precision` digits by libc, whatever the locale's point looks like. */
static shortest round_by_libc(double v, int precision) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", precision - 1, v);
  shortest s = {0, 0};
  const char *at = text;
  for (; *at && *at != 'e'; at++)
    if ((unsigned)(unsigned char)*at - '0' <= 9) s.digits = s.digits * 10 + (unsigned)(*at - '0');
  s.exponent = (*at ? atoi(at + 1) : 0) - (precision - 1);
  return s;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

/* The shortest text of a v that needs 16 or 17 digits, in exact integers: v and the bounds of what reads
 * back as v, scaled to 17 digits, fit 128 bits for 1e-5 <= v < 2^53. Powers of two have uneven bounds and
 * are left out. */
static bool shortest_exact(double v, int magnitude, shortest *out) {
  static const uint64_t whole_powers[12] = {1,
                                            10,
                                            100,
                                            1000,
                                            10000,
                                            100000,
                                            1000000,
                                            10000000,
                                            100000000,
                                            1000000000,
                                            UINT64_C(10000000000),
                                            UINT64_C(100000000000)};
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1), c = fraction | UINT64_C(1) << 52;
  int shift = 1076 - (int)(bits >> 52); /* v = 2c / 2^shift */
  int ten = 16 - magnitude;
  if (fraction == 0 || shift < 1 || shift > 72 || ten < 0 || ten > 21) return false;
  wide power = (wide)whole_powers[ten / 2] * whole_powers[ten - ten / 2];
  wide scaled = power * (2 * c), low = scaled - power, high = scaled + power;
  wide mask = ((wide)1 << shift) - 1, half = (wide)1 << (shift - 1);
  bool even = (c & 1) == 0; /* then the bounds themselves read back as v */
  uint64_t floor = (uint64_t)(scaled >> shift);
  uint64_t lowest = (uint64_t)(low >> shift), highest = (uint64_t)(high >> shift);
  wide rest = scaled & mask;
  if (!even || (low & mask) != 0) lowest++;
  if (!even && (high & mask) == 0) highest--;

  uint64_t digit = floor % 10, below = floor - digit, above = below + 10;
  bool below_fits = below >= lowest, above_fits = above <= highest;
  if (below_fits || above_fits) {
    bool up = digit > 5 || (digit == 5 && (rest != 0 || (below / 10 & 1)));
    if (!below_fits) up = true;
    if (!above_fits) up = false;
    *out = (shortest){(up ? above : below) / 10, 1 - ten};
  } else {
    bool up = rest > half || (rest == half && (floor & 1));
    *out = (shortest){floor + up, -ten};
  }
  return true;
}
#else
static bool shortest_exact(double v, int magnitude, shortest *out) {
  (void)v, (void)magnitude, (void)out;
  return false;
}
#endif

/* Two decimals of at most DBL_DIG = 15 digits never read as the same normal double, so one that reads back
 * as v is the shortest once its zeros are gone. */
static shortest shorten(double v) {
  shortest s;
  int magnitude = magnitude_of(v);
  if (v >= DBL_MIN) {
    if (round_to(v, magnitude, DBL_DIG, &s) && value_of(s) == v) return s;
    if (shortest_exact(v, magnitude, &s)) return s;
  }
  for (int precision = v < DBL_MIN ? 1 : DBL_DIG; precision < DBL_DECIMAL_DIG; precision++) {
    s = round_by_libc(v, precision);
    if (value_of(s) == v) return s;
    s.digits++; /* there is more room above a power of two than below it: the nearest may be too low */
    if (precision > DBL_DIG && value_of(s) == v) return s;
  }
  return round_by_libc(v, DBL_DECIMAL_DIG);
}

/* sign? d.ddde+XX */
static size_t write_scientific(const char *digits, int count, int magnitude, char *out) {
  char *at = out;
  *at++ = digits[0];
  if (count > 1) {
    *at++ = '.';
    memcpy(at, digits + 1, (size_t)count - 1);
    at += count - 1;
  }
  *at++ = 'e';
  *at++ = magnitude < 0 ? '-' : '+';
  unsigned size = (unsigned)(magnitude < 0 ? -magnitude : magnitude);
  if (size >= 100) {
    *at++ = (char)('0' + size / 100);
    size %= 100;
  }
  rn_put_pair(at, size);
  return (size_t)(at + 2 - out);
}

/* Fixed notation from 0.0001 to 16 digits before the point, as Python's repr chooses. */
static size_t write_digits(const char *digits, int count, int magnitude, char *out) {
  if (magnitude < -4 || magnitude > 15) return write_scientific(digits, count, magnitude, out);
  int whole = magnitude + 1;
  char *at = out;
  if (whole <= 0) {
    memset(at, '0', (size_t)(2 - whole));
    at[1] = '.';
    at += 2 - whole;
    memcpy(at, digits, (size_t)count);
    return (size_t)(at + count - out);
  }
  if (count <= whole) {
    memcpy(at, digits, (size_t)count);
    memset(at + count, '0', (size_t)(whole - count));
    return (size_t)whole;
  }
  memcpy(at, digits, (size_t)whole);
  at[whole] = '.';
  memcpy(at + whole + 1, digits + whole, (size_t)(count - whole));
  return (size_t)count + 1;
}

size_t rn_double_to_text(double v, char out[RN_DOUBLE_TEXT_MAX]) {
  const char *word = isnan(v) ? "NaN" : !isinf(v) ? NULL : v < 0 ? "-Infinity" : "Infinity";
  if (word) {
    size_t length = strlen(word);
    memcpy(out, word, length + 1);
    return length;
  }
  size_t size = 0;
  if (signbit(v)) {
    out[size++] = '-';
    v = -v;
  }
  if (v < 1e15 && v == (double)(int64_t)v) { /* whole numbers, and zero */
    return size + rn_int_to_text((int64_t)v, out + size);
  }
  shortest s = shorten(v);
  for (; s.digits % 10000 == 0; s.exponent += 4) s.digits /= 10000; /* most of a short decimal's 15 digits */
  for (; s.digits % 10 == 0; s.exponent++) s.digits /= 10;
  char text[RN_INT_TEXT_MAX], *end = text + sizeof text;
  const char *digits = write_back(s.digits, end);
  int count = (int)(end - digits);
  size += write_digits(digits, count, count - 1 + s.exponent, out + size);
  out[size] = '\0';
  return size;
}

/* ---- float -> double ---- */

/* As above, with FLT_DIG = 6 digits always unique and 9 always enough. */
double rn_float_to_double(float v) {
  double d = (double)v, magnitude_v = d < 0 ? -d : d;
  if (isnan(v) || isinf(v) || (magnitude_v < 16777216 && d == (double)(int32_t)d)) return d;
  int magnitude = magnitude_of(magnitude_v);
  for (int precision = magnitude_v < FLT_MIN ? 1 : FLT_DIG; precision <= FLT_DECIMAL_DIG; precision++) {
    shortest s;
    if (!round_to(magnitude_v, magnitude, precision, &s)) s = round_by_libc(magnitude_v, precision);
    double read = value_of(s);
    if ((double)(float)read == magnitude_v) return d < 0 ? -read : read;
  }
  return d;
}
