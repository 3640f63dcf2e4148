/* Packed rows: values copied into one block of bytes, read back by row and column. Serves two ends: the
 * answer of a statement that ran on another thread, and the snapshot that instances compare themselves
 * with. */
#ifndef RN_VALUE_ROWS_H
#define RN_VALUE_ROWS_H

#include "base/buf.h"
#include "value/value.h"

/* Owned by whoever embeds it; one thread at a time. A zeroed struct with `columns` set is empty. */
typedef struct rn_rows {
  rn_buf bytes;    /* the cells of all rows, one behind the other */
  size_t *offsets; /* where each row starts in bytes */
  size_t count, capacity;
  size_t columns;
} rn_rows;

/* Appends a row of `columns` cells; text and blobs are copied, also from rows itself. RN_FAIL, and no
 * change, when memory ran out, a text or blob exceeds 4 GiB, or a cell is a list. */
rn_status rn_rows_add(rn_rows *rows, const rn_value *cells) RN_MUSTCHECK;
/* Fills cells[0..columns-1] with row `index` (0-based); bytes are borrowed from rows until it changes. */
void rn_rows_read(const rn_rows *rows, size_t index, rn_value *cells);
/* One cell only. */
rn_value rn_rows_cell(const rn_rows *rows, size_t index, size_t column);
void rn_rows_free(rn_rows *rows);

#endif
