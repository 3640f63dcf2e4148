/* Making and sharing statements (see driver.h for the struct). */
#ifndef RN_CORE_STATEMENT_H
#define RN_CORE_STATEMENT_H

#include "driver/driver.h"

/* One reference, owned by the caller. codes: param_count letters; lists: param_count flags or NULL for none.
 * columns may be NULL with column_count 0. Everything is copied. NULL and err when memory ran out. */
rn_statement *rn_statement_new(const char *text, size_t size, const rn_code *codes, const bool *lists,
                               size_t param_count, const rn_column *columns, size_t column_count, bool script,
                               rn_error *err);
rn_statement *rn_statement_retain(rn_statement *statement); /* thread-safe */
void rn_statement_release(rn_statement *statement);         /* thread-safe; NULL is legal */

#endif
