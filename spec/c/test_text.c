/* Tests of csrc/value's texts: numbers, decimals, dates, UUIDs, UTF-8. Links csrc/base and csrc/value.
 * Random rounds compare with libc and with plain rewritings of the rules. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* timegm */
#endif
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "samples.h"
#include "value/text.h"

/* ---- integers ---- */

static bool parse_int(const char *text, int64_t *v) {
  char *copy = tight(text, strlen(text));
  bool ok = rn_text_to_int(copy, strlen(text), v);
  free(copy);
  return ok;
}

static void integers_are_read_within_their_limits(void) {
  int64_t v = 0;
  CHECK(parse_int("9223372036854775807", &v) && v == INT64_MAX);
  CHECK(parse_int("-9223372036854775808", &v) && v == INT64_MIN);
  CHECK(parse_int("+5", &v) && v == 5);
  CHECK(parse_int("-0", &v) && v == 0);
  CHECK(parse_int("00000000000000000000000000042", &v) && v == 42);
  static const char *const refused[] = {
    "", "-", "+", "--1", "+-1", " 1", "1 ", "1.0", "1e3", "0x10", "a", "1a", "9223372036854775808",
    "-9223372036854775809", "99999999999999999999", "18446744073709551617", "\xD9\xA1"
  };
  for (size_t i = 0; i < COUNT(refused); i++)
    if (!CHECK(!parse_int(refused[i], &v))) fprintf(stderr, "  %s\n", refused[i]);
  CHECK(!rn_text_to_int("1\0", 2, &v));
}

static void integers_are_written_as_libc_does(void) {
  bool same = true, back = true;
  for (int i = 0; i < 20000; i++) {
    int64_t v = (int64_t)random64() >> random_below(64), read;
    if (i == 0) v = INT64_MIN;
    if (i == 1) v = INT64_MAX;
    if (i >= 2 && i < 2000) v = i - 1000;
    char text[RN_INT_TEXT_MAX], want[32];
    size_t n = rn_int_to_text(v, text);
    snprintf(want, sizeof want, "%lld", (long long)v);
    if (strcmp(text, want) != 0 || n != strlen(want)) same = false;
    if (!rn_text_to_int(text, n, &read) || read != v) back = false;
  }
  CHECK(same);
  CHECK(back);
}

/* ---- doubles ---- */

static void doubles_are_written_shortest(void) {
  static const struct { double v; const char *text; } cases[] = {
    {0.0, "0"}, {-0.0, "-0"}, {0.1, "0.1"}, {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"}, {-1.5, "-1.5"}, {100, "100"}, {1e15, "1000000000000000"},
    {1e16, "1e+16"}, {1e22, "1e+22"}, {123456789012345678.0, "1.2345678901234568e+17"},
    {9007199254740993.0, "9007199254740992"}, {0.0001, "0.0001"}, {0.00001, "1e-05"}, {1e-7, "1e-07"},
    {1e100, "1e+100"}, {1.5e-300, "1.5e-300"}, {5e-324, "5e-324"}, {1e-323, "1e-323"},
    {DBL_MIN, "2.2250738585072014e-308"}, {DBL_MAX, "1.7976931348623157e+308"},
    {2.2250738585072009e-308, "2.225073858507201e-308"}, {5.684341886080802e-14, "5.684341886080802e-14"},
    {9.5367431640625e-07, "9.5367431640625e-07"}, {4503599627370495.5, "4503599627370495.5"},
    {1.7976931348623155e+308, "1.7976931348623155e+308"}, {9999999999999998.0, "9999999999999998"},
    {INFINITY, "Infinity"}, {-INFINITY, "-Infinity"}, {NAN, "NaN"}, {-NAN, "NaN"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[RN_DOUBLE_TEXT_MAX];
    size_t n = rn_double_to_text(cases[i].v, text);
    CHECK_TEXT(text, cases[i].text);
    CHECK_INT(n, strlen(cases[i].text));
  }
}

static void doubles_survive_their_text_as_libc_reads_it(void) {
  bool libc_reads = true, we_read = true, short_enough = true;
  for (int i = 0; i < 200000; i++) {
    double v = random_double(), read;
    if (isnan(v) || isinf(v)) continue;
    char text[RN_DOUBLE_TEXT_MAX], shorter[64];
    size_t n = rn_double_to_text(v, text);
    if (n != strlen(text) || bits_of(strtod(text, NULL)) != bits_of(v)) libc_reads = false;
    if (!rn_text_to_double(text, n, &read) || bits_of(read) != bits_of(v)) we_read = false;
    if (!strchr(text, '.')) continue; /* its zeros may be there for the place value alone */
    int digits = 0;
    for (const char *at = text; *at && *at != 'e'; at++)
      if (*at != '.' && *at != '-' && (digits || *at != '0')) digits++;
    if (digits < 2) continue;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
    if (bits_of(strtod(shorter, NULL)) == bits_of(v)) short_enough = false;
  }
  CHECK(libc_reads);
  CHECK(we_read);
  CHECK(short_enough);
}

static void doubles_are_read_as_libc_does(void) {
  static const char *const taken[] = {
    "0", "-0", "+1", "1.", ".5", "-.5e-3", "1e5", "1E+5", "1e-400", "-1e-400", "4.9e-324",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623158e308",
    "0e999999999999999999999", "123456789012345678901234567890", "9007199254740993",
    "9007199254740992.999999999999999999999999999999", "0.1e1", "1e23", "8.5e22", "1e-23",
    "000000000000000000000000000000.1", "1000000000000000000000000000000e-30", "2.2250738585072011e-308",
    "6929495644600919.5", "3.518437208883201171875e13", "1e0000000000000000000000000000001"
  };
  for (size_t i = 0; i < COUNT(taken); i++) {
    double v = 42;
    char *copy = tight(taken[i], strlen(taken[i]));
    bool ok = rn_text_to_double(copy, strlen(taken[i]), &v);
    if (!CHECK(ok && bits_of(v) == bits_of(strtod(taken[i], NULL))))
      fprintf(stderr, "  %s gave %.17g\n", taken[i], v);
    free(copy);
  }
  static const char *const refused[] = {
    "", "-", ".", "e5", "1e", "1e+", "1e5.0", "1.5.2", " 1", "1 ", "0x1p3", "inf", "nan", "infinity",
    "INFINITY", "1e400", "-1e400", "1.8e308", "1e999999999999999999999", "1,5", "1_000", "+Infinity", "1f",
    "--1"
  };
  for (size_t i = 0; i < COUNT(refused); i++) {
    double v;
    char *copy = tight(refused[i], strlen(refused[i]));
    if (!CHECK(!rn_text_to_double(copy, strlen(refused[i]), &v))) fprintf(stderr, "  %s\n", refused[i]);
    free(copy);
  }
  double v = 0;
  CHECK(rn_text_to_double("Infinity", 8, &v) && v == INFINITY);
  CHECK(rn_text_to_double("-Infinity", 9, &v) && v == -INFINITY);
  CHECK(rn_text_to_double("NaN", 3, &v) && isnan(v));
}

static void doubles_of_random_digits_are_read_as_libc_does(void) {
  bool same = true;
  for (int i = 0; i < 50000; i++) {
    char text[1200];
    size_t n = 0, digits = 1 + random_below(i % 500 == 0 ? 1000 : 30);
    size_t point = random_below(digits + 1);
    if (random_below(2)) text[n++] = '-';
    for (size_t d = 0; d < digits; d++) {
      if (d == point) text[n++] = '.';
      text[n++] = (char)('0' + random_below(10));
    }
    if (random_below(2)) n += (size_t)sprintf(text + n, "e%d", (int)random_below(600) - 300);
    text[n] = '\0';
    double v = 1, want = strtod(text, NULL);
    if (rn_text_to_double(text, n, &v) ? bits_of(v) != bits_of(want) : !isinf(want)) same = false;
  }
  double v;
  char tie[1100];
  snprintf(tie, sizeof tie, "%.1074f", double_of(3)); /* all its digits */
  CHECK(rn_text_to_double(tie, strlen(tie), &v) && bits_of(v) == bits_of(strtod(tie, NULL)));
  memset(tie, '0', sizeof tie); /* halfway between two doubles, then a little more */
  memcpy(tie, "9007199254740993.", 17);
  tie[1000] = '\0';
  CHECK(rn_text_to_double(tie, 1000, &v) && v == 9007199254740992.0);
  tie[999] = '1';
  CHECK(rn_text_to_double(tie, 1000, &v) && v == 9007199254740994.0);
  CHECK(same);
}

static void floats_read_as_their_shortest_decimal(void) {
  CHECK(rn_float_to_double(0.1f) == 0.1);
  CHECK(rn_float_to_double(-19.99f) == -19.99);
  CHECK(rn_float_to_double(16777216.0f) == 16777216.0);
  CHECK(rn_float_to_double(1503025.25f) == 1503025.2); /* a tie of eight digits goes to the even one */
  CHECK(rn_float_to_double(FLT_MAX) == 3.4028235e38);
  CHECK(rn_float_to_double(1e-45f) == 1e-45);
  CHECK(bits_of(rn_float_to_double(-0.0f)) == bits_of(-0.0));
  CHECK(rn_float_to_double(INFINITY) == INFINITY && isnan(rn_float_to_double(NAN)));
  bool same = true;
  for (int i = 0; i < 100000; i++) {
    float v;
    uint32_t bits = (uint32_t)random64();
    memcpy(&v, &bits, sizeof v);
    if (i % 2) v = (float)random_below(1000000) / 1000;
    if (isnan(v) || isinf(v)) continue;
    char text[64];
    int precision = 1;
    do snprintf(text, sizeof text, "%.*e", precision - 1, (double)v);
    while (strtof(text, NULL) != v && ++precision <= 9);
    if (rn_float_to_double(v) != strtod(text, NULL)) same = false;
  }
  CHECK(same);
}

/* ---- decimals ---- */

static const char *canonical(const char *text, int precision, int scale) {
  static char out[128];
  char *copy = tight(text, strlen(text));
  size_t n = rn_decimal_canonical(copy, strlen(text), precision, scale, out, sizeof out);
  free(copy);
  if (n) CHECK_INT(n, strlen(out));
  return n ? out : "refused";
}

static void decimals_have_one_canonical_form(void) {
  static const struct { const char *text; int precision, scale; const char *want; } cases[] = {
    {"0", 0, -1, "0"}, {"-0", 0, -1, "0"}, {"-0.00", 0, -1, "0.00"}, {"+1", 0, -1, "1"},
    {"007.50", 0, -1, "7.50"}, {".5", 0, -1, "0.5"}, {"5.", 0, -1, "5"}, {"-.5", 0, 2, "-0.50"},
    {"1.5", 0, 2, "1.50"}, {"1.500", 0, 2, "1.50"}, {"1.501", 0, 2, "refused"}, {"1.5", 0, 0, "refused"},
    {"2.0", 0, 0, "2"}, {"0.001", 0, 2, "refused"}, {"0.000", 0, 2, "0.00"}, {"-0.000", 0, 0, "0"},
    {"1e3", 0, -1, "1000"}, {"1.5e3", 0, -1, "1500"}, {"1.50e1", 0, -1, "15.0"}, {"1e-3", 0, -1, "0.001"},
    {"12e-1", 0, 3, "1.200"}, {"0e5", 0, -1, "0"}, {"1E+2", 0, 1, "100.0"}, {"123.45", 5, 2, "123.45"},
    {"1234.5", 5, 2, "refused"}, {"999.99", 5, 2, "999.99"}, {"0000123.4500", 5, 2, "123.45"},
    {"12345", 5, -1, "12345"}, {"123456", 5, -1, "refused"}, {"0.5", 2, 2, "0.50"}, {"1", 2, 2, "refused"},
    {"0", 2, 2, "0.00"}, {"0.01", 2, 3, "0.010"},
    {"1234567890123456789012345678901234567890", 0, -1, "1234567890123456789012345678901234567890"},
    {"-0.1234567890123456789012345678901234567890", 40, 40, "-0.1234567890123456789012345678901234567890"},
    {"1e99999999999999999999", 0, -1, "refused"}, {"1e-99999999999999999999", 0, -1, "refused"},
    {"1e-99999999999999999999", 0, 2, "refused"}, {"0e99999999999999999999", 0, 2, "0.00"}, {"1e126", 0, -1,
     "1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000"},
    {"1e127", 0, -1, "refused"}, {"", 0, -1, "refused"}, {"-", 0, -1, "refused"}, {".", 0, -1, "refused"},
    {"1e", 0, -1, "refused"}, {"NaN", 0, -1, "refused"}, {"Infinity", 0, -1, "refused"},
    {" 1", 0, -1, "refused"}, {"1 ", 0, -1, "refused"}, {"1,5", 0, -1, "refused"},
    {"0x1", 0, -1, "refused"}, {"--1", 0, -1, "refused"}, {"1.2.3", 0, -1, "refused"},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    if (!CHECK_TEXT(canonical(cases[i].text, cases[i].precision, cases[i].scale), cases[i].want))
      fprintf(stderr, "  %s (%d, %d)\n", cases[i].text, cases[i].precision, cases[i].scale);
  char small[4];
  CHECK_INT(rn_decimal_canonical("123", 3, 0, -1, small, 4), 3);
  CHECK_INT(rn_decimal_canonical("1234", 4, 0, -1, small, 4), 0);
  CHECK_INT(rn_decimal_canonical("1", 1, 0, -1, small, 0), 0);
}

/* units * 10^-scale, spelled at random; it must come back spelled plainly. */
static void decimals_of_any_spelling_come_back_plain(void) {
  bool same = true, equal = true;
  for (int i = 0; i < 50000; i++) {
    int scale = (int)random_below(10);
    uint64_t units = random64() >> random_below(64);
    bool negative = units && random_below(2);
    char digits[32], want[64], text[96];
    int n = snprintf(digits, sizeof digits, "%0*llu", scale + 1, (unsigned long long)units);
    snprintf(want, sizeof want, "%s%.*s%s%s", negative ? "-" : "", n - scale, digits, scale ? "." : "",
             digits + n - scale);
    int shift = (int)random_below(20) - 10;
    snprintf(text, sizeof text, "%s%.*s%llue%d", negative ? "-" : "+", (int)random_below(4), "000",
             (unsigned long long)units, -scale);
    if (shift == 0) snprintf(text, sizeof text, "%s%s", want, scale ? "000" : "");
    if (strcmp(canonical(text, 0, scale), want) != 0) same = false;
    if (rn_decimal_compare(text, strlen(text), want, strlen(want)) != 0) equal = false;
  }
  CHECK(same);
  CHECK(equal);
}

static void decimals_compare_by_value(void) {
  static const char *const order[] = { /* ascending */
    "-1e50", "-100", "-99.999", "-1", "-0.01", "-0.001", "0",
    "0.0000000000000000000000000000000000000001", "1e-5",
    "0.1", "0.11", "1", "1.0000000000000000000000000000000000001", "2", "10", "99999999999999999999", "1e20",
    "1e99999999999999999", "", "Infinity", "NaN", "NaN ", "x"
  };
  for (size_t i = 0; i < COUNT(order); i++)
    for (size_t j = 0; j < COUNT(order); j++) {
      int got = rn_decimal_compare(order[i], strlen(order[i]), order[j], strlen(order[j]));
      if (!CHECK((got > 0) - (got < 0) == (i > j) - (i < j)))
        fprintf(stderr, "  %s, %s\n", order[i], order[j]);
    }
  CHECK_INT(rn_decimal_compare("0", 1, "-0.00", 5), 0);
  CHECK_INT(rn_decimal_compare("+1.50", 5, "15e-1", 5), 0);
  CHECK_INT(rn_decimal_compare("0e9", 3, "0", 1), 0);
}

/* ---- dates ---- */

static const char *instant(const char *text, bool zone_required) {
  static char out[RN_TIMESTAMP_TEXT_MAX];
  int64_t us;
  char *copy = tight(text, strlen(text));
  bool ok = rn_timestamp_parse(copy, strlen(text), zone_required, &us);
  free(copy);
  if (!ok) return "refused";
  size_t n = rn_timestamp_iso(us, out);
  CHECK_INT(n, strlen(out));
  return out;
}

static void timestamps_are_read_with_their_zone(void) {
  static const struct { const char *text, *want; } cases[] = {
    {"2024-02-01T00:00:00Z", "2024-02-01T00:00:00.000Z"},
    {"2024-02-29 23:59:59.999999Z", "2024-02-29T23:59:59.999999Z"},
    {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
    {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
    {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
    {"2000-02-29T12:00Z", "2000-02-29T12:00:00.000Z"},
    {"2024-01-01T00:00:00+05:30", "2023-12-31T18:30:00.000Z"},
    {"2024-01-01T00:00:00-0800", "2024-01-01T08:00:00.000Z"},
    {"2024-01-01T00:00:00+14", "2023-12-31T10:00:00.000Z"},
    {"2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.100Z"},
    {"2024-01-01T00:00:00.123400000Z", "2024-01-01T00:00:00.123400Z"},
    {"2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00.000Z"},
    {"2024-01-01T00:00+15:59", "2023-12-31T08:01:00.000Z"},
    {"2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00.000001Z"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    CHECK_TEXT(instant(cases[i].text, true), cases[i].want);
    CHECK_TEXT(instant(cases[i].text, false), cases[i].want);
  }
  static const struct { const char *text, *want; } lenient[] = {
    {"2024-02-01", "2024-02-01T00:00:00.000Z"}, {"2024-02-01 10:20:30", "2024-02-01T10:20:30.000Z"},
    {"2024-02-01T10:20", "2024-02-01T10:20:00.000Z"}, {"2024-02-01 10:20:30.5", "2024-02-01T10:20:30.500Z"},
    {"2024-02-01 10:20:30.000 +01:00", "2024-02-01T09:20:30.000Z"},
    {"2024-02-01 10:20:30.1234569", "2024-02-01T10:20:30.123456Z"},
    {"1900-01-01 00:19:32+00:19:32", "1900-01-01T00:00:00.000Z"},
  };
  for (size_t i = 0; i < COUNT(lenient); i++) {
    CHECK_TEXT(instant(lenient[i].text, false), lenient[i].want);
    CHECK_TEXT(instant(lenient[i].text, true), "refused");
  }
}

static void timestamps_that_are_none_are_refused(void) {
  static const char *const refused[] = {
    "", "2024", "2024-02", "2024-02-0", "hello", "infinity", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-00-01T00:00:00Z", "2024-13-01T00:00:00Z",
    "2024-01-00T00:00:00Z", "2024-01-32T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T23:60:00Z", "2024-01-01T23:59:60Z",
    "2024-01-01T1:00:00Z", "2024-01-01T01:00:0Z", "2024-01-01T01:00:00.Z",
    "2024-01-01T01:00:00.1234567890Z", "2024-01-01T01:00:00,5Z", "2024-01-01t01:00:00Z",
    "2024-01-01T01:00:00z", "2024-01-01T01:00:00ZZ", "2024-01-01T01:00:00Z ", " 2024-01-01T01:00:00Z",
    "2024-01-01T01:00:00+1", "2024-01-01T01:00:00+16:00", "2024-01-01T01:00:00+01:60",
    "2024-01-01T01:00:00+01:0", "2024-01-01T01:00:00+0:100", "2024-01-01T01:00:00 ", "2024-01-01T",
    "2024-01-01Z", "2024/01/01", "2024-01-01T01", "2024-01-01T01:", "2024-01-01T01:00:",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2024-01-01T01:00:00+01:00 BC", "2024-1-1",
    "2024-01-01T01:00.5Z", "20240101T010000Z", "2024-01-01T01:00:00 UTC", "2024-01-01T01:00:00  Z"
  };
  for (size_t i = 0; i < COUNT(refused); i++) {
    CHECK_TEXT(instant(refused[i], true), "refused");
    if (!CHECK_TEXT(instant(refused[i], false), "refused")) fprintf(stderr, "  %s\n", refused[i]);
  }
  int64_t us;
  CHECK(!rn_timestamp_parse("2024-01-01\0", 11, false, &us));
}

static void timestamps_are_written_by_convention(void) {
  static const struct { int64_t us; const char *iso, *sqlite; } cases[] = {
    {0, "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00"},
    {-1, "1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999"},
    {1500000, "1970-01-01T00:00:01.500Z", "1970-01-01 00:00:01.500000"},
    {-62135596800000000, "0001-01-01T00:00:00.000Z", "0001-01-01 00:00:00"},
    {-62135596800000001, "+000000-12-31T23:59:59.999999Z", "+000000-12-31 23:59:59.999999"},
    {253402300799999999, "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"},
    {253402300800000000, "+010000-01-01T00:00:00.000Z", "+010000-01-01 00:00:00"},
    {-62198755200000000, "-000001-01-01T00:00:00.000Z", "-000001-01-01 00:00:00"},
    {INT64_MAX - 1, "+294247-01-10T04:00:54.775806Z", "+294247-01-10 04:00:54.775806"},
    {INT64_MIN + 1, "-290308-12-21T19:59:05.224193Z", "-290308-12-21 19:59:05.224193"},
    {INT64_MAX, "infinity", "+294247-01-10 04:00:54.775807"},
    {INT64_MIN, "-infinity", "-290308-12-21 19:59:05.224192"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[RN_TIMESTAMP_TEXT_MAX];
    CHECK_INT(rn_timestamp_iso(cases[i].us, text), strlen(cases[i].iso));
    CHECK_TEXT(text, cases[i].iso);
    CHECK_INT(rn_timestamp_sqlite(cases[i].us, text), strlen(cases[i].sqlite));
    CHECK_TEXT(text, cases[i].sqlite);
  }
}

static void timestamps_agree_with_libc_in_every_year(void) {
  bool written = true, read = true, ordered = true;
  char before[RN_TIMESTAMP_TEXT_MAX] = "";
  for (int i = 0; i < 200000; i++) {
    int64_t seconds, us;
    if (i < 9999 * 12) { /* the first of every month, in order */
      struct tm month = {.tm_year = i / 12 + 1 - 1900, .tm_mon = i % 12, .tm_mday = 1};
      seconds = timegm(&month);
    } else {
      seconds = (int64_t)random_below(UINT64_C(315537897600)) - INT64_C(62135596800);
    }
    unsigned micro = i % 3 == 0 ? 0 : (unsigned)random_below(1000000);
    struct tm parts;
    time_t at = (time_t)seconds;
    gmtime_r(&at, &parts);
    char want[80], text[RN_TIMESTAMP_TEXT_MAX];
    snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%06u", parts.tm_year + 1900, parts.tm_mon + 1,
             parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, micro);
    if (micro % 1000 == 0) want[23] = '\0';
    strcat(want, "Z");
    size_t n = rn_timestamp_iso(seconds * 1000000 + micro, text);
    if (strcmp(text, want) != 0) written = false;
    if (!rn_timestamp_parse(text, n, true, &us) || us != seconds * 1000000 + micro) read = false;
    n = rn_timestamp_sqlite(seconds * 1000000 + micro, text);
    if (!rn_timestamp_parse(text, n, false, &us) || us != seconds * 1000000 + micro) read = false;
    if (i < 9999 * 12) {
      if (strcmp(before, text) >= 0) ordered = false;
      strcpy(before, text);
    }
  }
  CHECK(written);
  CHECK(read);
  CHECK(ordered);
}

static void dates_must_exist(void) {
  int valid = 0;
  for (int year = 1; year <= 9999; year++)
    for (int month = 0; month <= 13; month++)
      for (int day = 28; day <= 32; day++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        valid += rn_date_valid(text, (size_t)n);
      }
  CHECK_INT(valid, 3652059 - 9999 * 12 * 27); /* all days of 9999 years, less the first 27 of each month */
  CHECK(!rn_date_valid("0000-01-01", 10) && !rn_date_valid("2024-01-01 ", 11));
  CHECK(!rn_date_valid("2024-1-01", 9) && !rn_date_valid("20240-1-01", 10));
  CHECK(!rn_date_valid("2024-01-0x", 10) && !rn_date_valid("2024_01-01", 10) && !rn_date_valid("", 0));
}

static void times_have_one_canonical_form(void) {
  static const struct { const char *text, *want; } cases[] = {
    {"00:00", "00:00:00"}, {"23:59:59", "23:59:59"}, {"12:30:15.5", "12:30:15.5"},
    {"12:30:15.120000", "12:30:15.12"}, {"12:30:15.000", "12:30:15"},
    {"12:30:15.000001", "12:30:15.000001"}, {"12:30:15.0000001", NULL}, {"24:00", NULL}, {"24:00:00", NULL},
    {"12:60", NULL}, {"12:30:60", NULL}, {"1:30", NULL}, {"12:3", NULL}, {"12:30:", NULL},
    {"12:30:15.", NULL}, {"12:30.5", NULL}, {"12:30 PM", NULL}, {"12:30:15Z", NULL}, {"", NULL},
    {"-1:00", NULL}, {"12-30", NULL}, {"12:30:1", NULL}, {" 12:30", NULL},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char out[24], *copy = tight(cases[i].text, strlen(cases[i].text));
    size_t n = rn_time_canonical(copy, strlen(cases[i].text), out);
    CHECK_TEXT(n ? out : NULL, cases[i].want);
    CHECK_INT(n, cases[i].want ? strlen(cases[i].want) : 0);
    free(copy);
  }
}

/* ---- UUID, UTF-8 ---- */

static void uuids_are_read_as_postgresql_does(void) {
  static const char *const taken[] = {
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    "a0eebc999c0b4ef8bb6d6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
    "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"
  };
  static const char *const refused[] = {
    "", "{", "{}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
    "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
    "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
    "-a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-", " a0eebc999c0b4ef8bb6d6bb9bd380a11"
  };
  char out[37];
  for (size_t i = 0; i < COUNT(taken); i++) {
    char *copy = tight(taken[i], strlen(taken[i]));
    CHECK(rn_uuid_canonical(copy, strlen(taken[i]), out));
    CHECK_TEXT(out, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    free(copy);
  }
  for (size_t i = 0; i < COUNT(refused); i++) {
    char *copy = tight(refused[i], strlen(refused[i]));
    if (!CHECK(!rn_uuid_canonical(copy, strlen(refused[i]), out))) fprintf(stderr, "  %s\n", refused[i]);
    free(copy);
  }
}

/* Without any check: surrogates too. */
static size_t encode(uint32_t c, char *out) {
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = n; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 63));
  out[0] = (char)(leads[n] | c);
  return n;
}

static void utf8_takes_every_character_and_no_surrogate(void) {
  bool right = true;
  for (uint32_t c = 0; c < 0x120000; c++) {
    char text[4];
    size_t n = encode(c, text);
    if (rn_utf8_valid(text, n) != (c != 0 && (c < 0xD800 || c > 0xDFFF) && c <= 0x10FFFF)) right = false;
  }
  CHECK(right);
  CHECK(rn_utf8_valid(NULL, 0));
}

/* Every sequence of up to four bytes of interest, against what encode() can make. */
static void utf8_refuses_all_other_bytes(void) {
  static const unsigned char bytes[] = {
    0x00, 0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
    0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFE, 0xFF
  };
  bool right = true;
  for (size_t i = 0; i < COUNT(bytes) * COUNT(bytes) * COUNT(bytes) * COUNT(bytes); i++) {
    char text[4];
    for (size_t j = 0, rest = i; j < 4; j++, rest /= COUNT(bytes)) text[j] = (char)bytes[rest % COUNT(bytes)];
    bool want = true;
    for (size_t at = 0; want && at < 4;) {
      unsigned char lead = (unsigned char)text[at];
      size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      uint32_t c = n == 1 ? lead : lead & (0x7Fu >> n);
      for (size_t j = 1; j < n && at + j < 4; j++) c = c << 6 | ((unsigned char)text[at + j] & 63);
      char again[4];
      want = at + n <= 4 && c != 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF) && encode(c, again) == n &&
             memcmp(again, text + at, n) == 0;
      at += n;
    }
    if (rn_utf8_valid(text, 4) != want) right = false;
  }
  CHECK(right);
}

static void utf8_finds_a_bad_byte_anywhere_in_a_long_text(void) {
  static const char bad[] = {'\0', '\x80', '\xFF', '\xC3'};
  bool right = true;
  for (size_t n = 0; n < 130; n++) {
    char *text = malloc(n + 1), *edge = text + 1; /* ends at the block's end, at every alignment */
    memset(text, 'a', n + 1);
    if (!rn_utf8_valid(edge, n)) right = false;
    for (size_t i = 0; i < n; i++) {
      for (size_t b = 0; b < COUNT(bad); b++) {
        edge[i] = bad[b];
        if (rn_utf8_valid(edge, n)) right = false;
      }
      edge[i] = 'a';
      if (i + 1 < n) {
        memcpy(edge + i, "\xC3\xA9", 2);
        if (!rn_utf8_valid(edge, n)) right = false;
        memcpy(edge + i, "aa", 2);
      }
    }
    free(text);
  }
  CHECK(right);
}

/* Each list is in its order. */
static void in_order(const char *const *list, size_t count, int (*compare)(const char *, size_t, const char *, size_t)) {
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < count; k++) {
      const int order = compare(list[i], strlen(list[i]), list[k], strlen(list[k]));
      if (!CHECK((order > 0) - (order < 0) == (i > k) - (i < k))) fprintf(stderr, "  %s %s\n", list[i], list[k]);
    }
  }
}

static void lengths_of_time_and_addresses_have_an_order(void) {
  static const char *const spans[] = {"P-178956970Y", "P-1D", "PT-23H", "PT-0.000001S", "PT0S", "PT0.000001S", "PT0.5S", "PT59M",
    "PT23H59M59S", "P1DT-0.5S", "P1D", "PT24H0.1S", "P10D", "P1MT-1S", "P1M", "P1Y-1D", "P1Y", "P178956970Y7M", "P", "P1", "P1X",
    "P1h", "P1s", "P99999999999999999Y", "PT9223372036854S9223372036854S", "PT99999999999999999H", "day"};
  static const char *const addresses[] = {"0.0.0.0/0", "9.255.0.0", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/9", "10.0.0.0", "10.0.0.1",
    "255.255.255.255", "::/0", "::1", "fe80::/10", "fe80::1", "ffff::1", "", "1.2.3.4/33", "1.2.3.4/x", "::1/129", "x"};
  in_order(spans, sizeof spans / sizeof *spans, rn_interval_compare);
  in_order(addresses, sizeof addresses / sizeof *addresses, rn_address_compare);
  CHECK(rn_interval_compare("P1M", 3, "P30D", 4) == 0 && rn_interval_compare("PT-24H", 6, "P-1D", 4) == 0);
  CHECK(rn_address_compare("::0", 3, "::", 2) == 0);
}

int main(void) {
  integers_are_read_within_their_limits();
  integers_are_written_as_libc_does();
  doubles_are_written_shortest();
  doubles_survive_their_text_as_libc_reads_it();
  doubles_are_read_as_libc_does();
  doubles_of_random_digits_are_read_as_libc_does();
  floats_read_as_their_shortest_decimal();
  decimals_have_one_canonical_form();
  decimals_of_any_spelling_come_back_plain();
  decimals_compare_by_value();
  timestamps_are_read_with_their_zone();
  timestamps_that_are_none_are_refused();
  timestamps_are_written_by_convention();
  timestamps_agree_with_libc_in_every_year();
  dates_must_exist();
  times_have_one_canonical_form();
  uuids_are_read_as_postgresql_does();
  utf8_takes_every_character_and_no_surrogate();
  utf8_refuses_all_other_bytes();
  utf8_finds_a_bad_byte_anywhere_in_a_long_text();
  lengths_of_time_and_addresses_have_an_order();
  return check_done();
}
