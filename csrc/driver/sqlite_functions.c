/* What rowan adds to SQL on each connection besides rowan_rows: the collations ROWAN_DECIMAL and ROWAN_JSON,
 * by which exact decimals and documents kept as text compare by value. Called once by open(); holds
 * nothing. */
#include "driver/sqlite.h"

#include "value/json.h"
#include "value/text.h"

static int compare_decimals(void *context, int na, const void *a, int nb, const void *b) {
  (void)context;
  return rn_decimal_compare(a, (size_t)na, b, (size_t)nb);
}

static int compare_documents(void *context, int na, const void *a, int nb, const void *b) {
  (void)context;
  return rn_json_compare(a, (size_t)na, b, (size_t)nb);
}

int rn_sqlite_functions_register(sqlite3 *db) {
  int rc = sqlite3_create_collation_v2(db, "ROWAN_DECIMAL", SQLITE_UTF8, NULL, compare_decimals, NULL);
  if (rc != SQLITE_OK) return rc;
  return sqlite3_create_collation_v2(db, "ROWAN_JSON", SQLITE_UTF8, NULL, compare_documents, NULL);
}
