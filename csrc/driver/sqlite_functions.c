/* What rowan adds to SQL on each connection besides rowan_rows: the collations by which what is kept as text
 * compares by value (exact decimals, documents, arrays, lengths of time, addresses), and sums that are exact
 * or an error: ROWAN_SUM over rows, rowan_add_integer and rowan_add_decimal of two values. Called once by
 * open(); holds nothing. */
#include "driver/sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "value/decimal_sum.h"
#include "value/json.h"
#include "value/text.h"

/* A collation is one of these. */
typedef int (*order)(const char *a, size_t na, const char *b, size_t nb);

typedef struct collation {
  const char *name;
  order compare;
} collation;

static const collation collations[] = {
    {"ROWAN_DECIMAL", rn_decimal_compare},  {"ROWAN_JSON", rn_json_compare},
    {"ROWAN_ARRAY", rn_json_compare_lists}, {"ROWAN_INTERVAL", rn_interval_compare},
    {"ROWAN_ADDRESS", rn_address_compare},
};

static int collate(void *context, int na, const void *a, int nb, const void *b) {
  return ((const collation *)context)->compare(a, (size_t)na, b, (size_t)nb);
}

static int add_collations(sqlite3 *db) {
  int rc = SQLITE_OK;
  for (size_t i = 0; rc == SQLITE_OK && i < sizeof collations / sizeof *collations; i++) {
    rc = sqlite3_create_collation_v2(db, collations[i].name, SQLITE_UTF8, (void *)&collations[i], collate,
                                     NULL);
  }
  return rc;
}

/* ---- ROWAN_SUM(x): SUM without rounding and without an end ---- */

typedef struct sum_state {
  rn_decimal_sum sum;
  int64_t count; /* of values that are not NULL */
} sum_state;

static void sum_move(sqlite3_context *context, sqlite3_value *value, bool away) {
  char text[RN_DOUBLE_TEXT_MAX];
  rn_sum_status status = RN_SUM_OK;
  sum_state *state = sqlite3_aggregate_context(context, sizeof *state);
  if (!state) return sqlite3_result_error_nomem(context);
  switch (sqlite3_value_type(value)) {
  case SQLITE_NULL: return;
  case SQLITE_INTEGER: status = rn_decimal_sum_int(&state->sum, sqlite3_value_int64(value), away); break;
  case SQLITE_FLOAT:
    status =
        rn_decimal_sum_text(&state->sum, text, rn_double_to_text(sqlite3_value_double(value), text), away);
    break;
  default: {
    const char *bytes = (const char *)sqlite3_value_text(value);
    if (!bytes) return sqlite3_result_error_nomem(context);
    status = rn_decimal_sum_text(&state->sum, bytes, (size_t)sqlite3_value_bytes(value), away);
  }
  }
  if (status == RN_SUM_NO_MEMORY) return sqlite3_result_error_nomem(context);
  if (status != RN_SUM_OK)
    return sqlite3_result_error(context, "a value that is no number cannot be summed", -1);
  state->count += away ? -1 : 1;
}

static void sum_step(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  sum_move(context, values[0], false);
}

static void sum_inverse(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  sum_move(context, values[0], true);
}

static void sum_value(sqlite3_context *context) {
  const sum_state *state = sqlite3_aggregate_context(context, 0);
  int64_t whole;
  if (!state || state->count == 0) return sqlite3_result_null(context);
  if (rn_decimal_sum_whole(&state->sum, &whole)) return sqlite3_result_int64(context, whole);
  char *text = rn_decimal_sum_string(&state->sum);
  if (!text) return sqlite3_result_error_nomem(context);
  if (!state->sum.decimals && rn_text_to_int(text, strlen(text), &whole)) {
    free(text);
    return sqlite3_result_int64(context, whole);
  }
  sqlite3_result_text(context, text, -1, free);
}

static void sum_final(sqlite3_context *context) {
  sum_value(context);
  sum_state *state = sqlite3_aggregate_context(context, 0);
  if (state) rn_decimal_sum_free(&state->sum);
}

/* ---- one number more ---- */

static bool any_null(int count, sqlite3_value **given) {
  for (int i = 0; i < count; i++)
    if (sqlite3_value_type(given[i]) == SQLITE_NULL) return true;
  return false;
}

/* rowan_add_integer(a, b, low, high): a + b within these bounds; SQLite itself would go on in floats. */
static void add_integers(sqlite3_context *context, int count, sqlite3_value **given) {
  if (any_null(count, given)) return;
  int64_t sum;
  if (sqlite3_value_type(given[0]) != SQLITE_INTEGER || sqlite3_value_type(given[1]) != SQLITE_INTEGER ||
      __builtin_add_overflow((int64_t)sqlite3_value_int64(given[0]), (int64_t)sqlite3_value_int64(given[1]),
                             &sum) ||
      sum < sqlite3_value_int64(given[2]) || sum > sqlite3_value_int64(given[3])) {
    sqlite3_result_error(context, "the sum is out of the range of its column", -1);
    return;
  }
  sqlite3_result_int64(context, sum);
}

/* rowan_add_decimal(a, b, precision, scale): the exact sum, in the canonical form of its column. */
static void add_decimals(sqlite3_context *context, int count, sqlite3_value **given) {
  if (any_null(count, given)) return;
  rn_decimal_sum sum = {0};
  rn_sum_status status = RN_SUM_OK;
  char *text = NULL, *out = NULL;
  for (int i = 0; i < 2 && status == RN_SUM_OK; i++) {
    const char *bytes = (const char *)sqlite3_value_text(given[i]);
    status = RN_SUM_NO_MEMORY;
    if (bytes) status = rn_decimal_sum_text(&sum, bytes, (size_t)sqlite3_value_bytes(given[i]), false);
  }
  size_t length = 0, room = 0;
  if (status == RN_SUM_OK) text = rn_decimal_sum_string(&sum);
  /* The scale may add digits behind the point, of which a DECIMAL has a thousand at most. */
  if (text) room = strlen(text) + 1024;
  if (text) out = malloc(room);
  if (out)
    length = rn_decimal_canonical(text, strlen(text), sqlite3_value_int(given[2]),
                                  sqlite3_value_int(given[3]), out, room);
  if (status == RN_SUM_NO_MEMORY || (status == RN_SUM_OK && !out))
    sqlite3_result_error_nomem(context);
  else if (length == 0)
    sqlite3_result_error(context, "the sum is out of the range of its column", -1);
  else
    sqlite3_result_text(context, out, (int)length, SQLITE_TRANSIENT);
  free(text);
  free(out);
  rn_decimal_sum_free(&sum);
}

int rn_sqlite_functions_register(sqlite3 *db) {
  enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC };
  int rc = add_collations(db);
  if (rc == SQLITE_OK)
    rc = sqlite3_create_function_v2(db, "rowan_add_integer", 4, PURE, NULL, add_integers, NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_create_function_v2(db, "rowan_add_decimal", 4, PURE, NULL, add_decimals, NULL, NULL, NULL);
  if (rc != SQLITE_OK) return rc;
  return sqlite3_create_window_function(db, "ROWAN_SUM", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                        sum_step, sum_final, sum_value, sum_inverse, NULL);
}
