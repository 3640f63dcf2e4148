/* An exact sum of integers and decimal texts, of any size. Called by the SQL functions of the SQLite driver.
 */
#ifndef RN_VALUE_DECIMAL_SUM_H
#define RN_VALUE_DECIMAL_SUM_H

#include "base/config.h"

/* Digits to base 10^9, the lowest first; the first `fraction` of them are behind the point. */
typedef struct rn_digits {
  uint32_t *limbs;
  size_t count, fraction, capacity;
} rn_digits;

/* All zero is the sum of nothing. What was added and what was taken away are kept apart, so that magnitudes
 * only grow. */
typedef struct rn_decimal_sum {
  rn_digits plus, minus;
  int64_t small; /* of integers, until they overflow */
  size_t scale;  /* the most digits behind a point that were seen */
  bool decimals; /* a decimal text was among them */
} rn_decimal_sum;

typedef enum { RN_SUM_OK, RN_SUM_NOT_DECIMAL, RN_SUM_NO_MEMORY } rn_sum_status;

/* Adds a number, or takes it away again. */
rn_sum_status rn_decimal_sum_int(rn_decimal_sum *sum, int64_t v, bool away) RN_MUSTCHECK;
rn_sum_status rn_decimal_sum_text(rn_decimal_sum *sum, const char *s, size_t n, bool away) RN_MUSTCHECK;

/* The sum, when it is a whole number within int64 and no decimal text was added. */
bool rn_decimal_sum_whole(const rn_decimal_sum *sum, int64_t *out);
/* The sum as text for the caller to free(), with as many digits behind the point as the longest number had;
 * NULL when memory ran out. */
char *rn_decimal_sum_string(const rn_decimal_sum *sum);

void rn_decimal_sum_free(rn_decimal_sum *sum);

#endif
