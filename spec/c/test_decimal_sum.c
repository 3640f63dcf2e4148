/* Tests of csrc/value/decimal_sum. Links csrc/base and csrc/value. Random rounds compare with 128-bit integers. */
#include <stdlib.h>

#include "check.h"
#include "samples.h"
#include "value/decimal_sum.h"

static bool add(rn_decimal_sum *sum, const char *text, bool away) {
  char *copy = tight(text, strlen(text));
  rn_sum_status status = rn_decimal_sum_text(sum, copy, strlen(text), away);
  free(copy);
  return status == RN_SUM_OK;
}

/* Whether the sum of `count` texts is `want`. */
static bool sums_to(const char *const *texts, size_t count, const char *want) {
  rn_decimal_sum sum = {0};
  bool added = true;
  for (size_t i = 0; i < count; i++) added = add(&sum, texts[i], false) && added;
  char *text = rn_decimal_sum_string(&sum);
  bool same = added && text && strcmp(text, want) == 0;
  if (!same) fprintf(stderr, "  %s instead of %s\n", text ? text : "(nothing)", want);
  free(text);
  rn_decimal_sum_free(&sum);
  return same;
}

#define SUMS(want, ...)                                                                                      \
  do {                                                                                                       \
    static const char *const texts[] = {__VA_ARGS__};                                                        \
    CHECK(sums_to(texts, COUNT(texts), want));                                                               \
  } while (0)

static void decimals_add_up_exactly(void) {
  SUMS("6.30", "1.10", "2.20", "3");
  SUMS("0.00", "0.1", "-0.10");
  SUMS("-0.25", "-0.5", "0.25");
  SUMS("100000000000000000000.000000000000", "99999999999999999999.999999999999", "0.000000000001");
  SUMS("1000.5015", "1e3", "1.5e-3", "0.5");
  SUMS("0", "0", "-0");
  SUMS("1999999998", "999999999", "999999999");
  SUMS("0.000000001000000001", "0.000000001", "0.000000000000000001");
  SUMS("-1", "999999999999999999999999999", "-1000000000000000000000000000");
}

static void what_is_no_decimal_is_refused(void) {
  static const char *const refused[] = {"", "abc", "1,5", "NaN", "Infinity", "1e999999999", "1e-999999999", "--1"};
  rn_decimal_sum sum = {0};
  for (size_t i = 0; i < COUNT(refused); i++)
    if (!CHECK(!add(&sum, refused[i], false))) fprintf(stderr, "  %s\n", refused[i]);
  rn_decimal_sum_free(&sum);
}

static void integers_stay_integers_until_they_overflow(void) {
  rn_decimal_sum sum = {0};
  int64_t whole;
  CHECK(rn_decimal_sum_whole(&sum, &whole) && whole == 0);
  CHECK(rn_decimal_sum_int(&sum, INT64_MAX, false) == RN_SUM_OK);
  CHECK(rn_decimal_sum_whole(&sum, &whole) && whole == INT64_MAX);
  CHECK(rn_decimal_sum_int(&sum, INT64_MAX, false) == RN_SUM_OK);
  CHECK(!rn_decimal_sum_whole(&sum, &whole));
  char *text = rn_decimal_sum_string(&sum);
  CHECK(text && strcmp(text, "18446744073709551614") == 0);
  free(text);
  CHECK(rn_decimal_sum_int(&sum, INT64_MAX, true) == RN_SUM_OK);
  CHECK(rn_decimal_sum_int(&sum, INT64_MIN, false) == RN_SUM_OK);
  text = rn_decimal_sum_string(&sum);
  CHECK(text && strcmp(text, "-1") == 0);
  free(text);
  rn_decimal_sum_free(&sum);
}

/* A 128-bit number with `scale` digits behind the point. */
static void write_scaled(__int128 v, unsigned scale, char out[64]) {
  char digits[64];
  size_t n = 0, at = 0;
  unsigned __int128 rest = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
  do {
    digits[n++] = (char)('0' + (int)(rest % 10));
    rest /= 10;
  } while (rest || n <= scale);
  if (v < 0) out[at++] = '-';
  while (n) {
    if (n == scale) out[at++] = '.';
    out[at++] = digits[--n];
  }
  out[at] = '\0';
}

static void random_sums_are_right(void) {
  bool same = true;
  for (int round = 0; round < 2000; round++) {
    rn_decimal_sum sum = {0};
    unsigned scale = (unsigned)random_below(20);
    __int128 want = 0;
    char text[64];
    size_t count = 1 + random_below(50);
    for (size_t i = 0; i < count; i++) {
      int64_t v = (int64_t)random64() >> random_below(64);
      bool away = random_below(4) == 0;
      write_scaled(v, scale, text);
      want += away ? -(__int128)v : (__int128)v;
      if (!add(&sum, text, away)) same = false;
    }
    write_scaled(want, scale, text);
    char *got = rn_decimal_sum_string(&sum);
    if (!got || strcmp(got, text) != 0) {
      if (same) fprintf(stderr, "  %s instead of %s\n", got ? got : "(nothing)", text);
      same = false;
    }
    free(got);
    rn_decimal_sum_free(&sum);
  }
  CHECK(same);
}

int main(void) {
  decimals_add_up_exactly();
  what_is_no_decimal_is_refused();
  integers_stay_integers_until_they_overflow();
  random_sums_are_right();
  return check_done();
}
