/* What rowan adds to SQL on each connection besides rowan_rows: the collation ROWAN_DECIMAL, by which exact
 * decimals kept as text compare and order by value. Called once by open(); holds nothing. */
#include "driver/sqlite.h"

#include "value/text.h"

static int compare_decimals(void *context, int na, const void *a, int nb, const void *b) {
  (void)context;
  return rn_decimal_compare(a, (size_t)na, b, (size_t)nb);
}

int rn_sqlite_functions_register(sqlite3 *db) {
  return sqlite3_create_collation_v2(db, "ROWAN_DECIMAL", SQLITE_UTF8, NULL, compare_decimals, NULL);
}
