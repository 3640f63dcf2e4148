/* Packed rows. A cell is a tag byte and its payload: nothing for NULL and booleans, 8 bytes for numbers
 * and timestamps, a 4-byte length and the bytes for text and blobs, all in host order and unaligned.
 * Called by the executor's answers and by the binding's snapshots. The bytes belong to the rows; one
 * thread at a time. */
#include "value/rows.h"

#include <stdlib.h>
#include <string.h>

typedef enum {
  CELL_NULL,
  CELL_FALSE,
  CELL_TRUE,
  CELL_INT,
  CELL_DOUBLE,
  CELL_TIMESTAMP,
  CELL_TEXT,
  CELL_BLOB
} tag;

#define SCALAR_BYTES 9 /* tag and payload */
#define HEADER_BYTES 5 /* tag and length */

/* 0 when the cell cannot be packed. */
static size_t packed_size(const rn_value *cell) {
  switch (cell->kind) {
  case RN_NULL:
  case RN_BOOL: return 1;
  case RN_INT:
  case RN_DOUBLE:
  case RN_TIMESTAMP: return SCALAR_BYTES;
  case RN_TEXT:
  case RN_BLOB:
    if (cell->u.s.size > UINT32_MAX || cell->u.s.size > SIZE_MAX - HEADER_BYTES) return 0;
    return HEADER_BYTES + cell->u.s.size;
  case RN_LIST: break;
  }
  return 0;
}

static char *put_scalar(char *at, tag kind, const void *payload) {
  *at = (char)kind;
  memcpy(at + 1, payload, 8);
  return at + SCALAR_BYTES;
}

static char *put_bytes(char *at, tag kind, const char *bytes, uint32_t size) {
  *at = (char)kind;
  memcpy(at + 1, &size, sizeof size);
  if (size) memcpy(at + HEADER_BYTES, bytes, size);
  return at + HEADER_BYTES + size;
}

/* Appends the cells of a row to the bytes. A cell may borrow from these very bytes, which move when they
 * grow. */
static bool append(rn_rows *rows, const rn_value *cells) {
  size_t need = 0;
  for (size_t i = 0; i < rows->columns; i++) {
    size_t size = packed_size(&cells[i]);
    if (size == 0 || size > SIZE_MAX - need) return false;
    need += size;
  }
  uintptr_t old_start = (uintptr_t)rows->bytes.data;
  char *at = rn_buf_reserve(&rows->bytes, need);
  if (!at) {
    rows->bytes.failed = false; /* what is there stays good */
    return false;
  }
  bool moved = old_start != (uintptr_t)rows->bytes.data;
  for (size_t i = 0; i < rows->columns; i++) {
    const rn_value *cell = &cells[i];
    switch (cell->kind) {
    case RN_NULL:
    case RN_LIST: *at++ = CELL_NULL; break;
    case RN_BOOL: *at++ = cell->u.i ? CELL_TRUE : CELL_FALSE; break;
    case RN_INT: at = put_scalar(at, CELL_INT, &cell->u.i); break;
    case RN_DOUBLE: at = put_scalar(at, CELL_DOUBLE, &cell->u.d); break;
    case RN_TIMESTAMP: at = put_scalar(at, CELL_TIMESTAMP, &cell->u.i); break;
    case RN_TEXT:
    case RN_BLOB: {
      const char *bytes = cell->u.s.bytes;
      uintptr_t offset = (uintptr_t)bytes - old_start;
      if (moved && old_start && offset < rows->bytes.size) bytes = rows->bytes.data + offset;
      at = put_bytes(at, cell->kind == RN_TEXT ? CELL_TEXT : CELL_BLOB, bytes, (uint32_t)cell->u.s.size);
      break;
    }
    }
  }
  rows->bytes.size += need;
  return true;
}

static const char *skip(const char *at) {
  switch ((tag)*at) {
  case CELL_NULL:
  case CELL_FALSE:
  case CELL_TRUE: break;
  case CELL_INT:
  case CELL_DOUBLE:
  case CELL_TIMESTAMP: return at + SCALAR_BYTES;
  case CELL_TEXT:
  case CELL_BLOB: {
    uint32_t size;
    memcpy(&size, at + 1, sizeof size);
    return at + HEADER_BYTES + size;
  }
  }
  return at + 1;
}

/* Reads one cell; returns where the next one starts. */
static inline const char *take(const char *at, rn_value *cell) {
  switch ((tag)*at) {
  case CELL_NULL: cell->kind = RN_NULL; break;
  case CELL_FALSE:
  case CELL_TRUE:
    cell->kind = RN_BOOL;
    cell->u.i = *at == CELL_TRUE;
    break;
  case CELL_INT:
  case CELL_TIMESTAMP:
    cell->kind = *at == CELL_INT ? RN_INT : RN_TIMESTAMP;
    memcpy(&cell->u.i, at + 1, 8);
    return at + SCALAR_BYTES;
  case CELL_DOUBLE:
    cell->kind = RN_DOUBLE;
    memcpy(&cell->u.d, at + 1, 8);
    return at + SCALAR_BYTES;
  case CELL_TEXT:
  case CELL_BLOB: {
    uint32_t size;
    memcpy(&size, at + 1, sizeof size);
    cell->kind = *at == CELL_TEXT ? RN_TEXT : RN_BLOB;
    cell->u.s.bytes = at + HEADER_BYTES;
    cell->u.s.size = size;
    return at + HEADER_BYTES + size;
  }
  }
  return at + 1;
}

static bool grow_offsets(rn_rows *rows) {
  if (rows->count < rows->capacity) return true;
  size_t capacity = rows->capacity ? rows->capacity * 2 : 8;
  if (rows->capacity > SIZE_MAX / 2 / sizeof *rows->offsets) return false;
  size_t *offsets = realloc(rows->offsets, capacity * sizeof *offsets);
  if (!offsets) return false;
  rows->offsets = offsets;
  rows->capacity = capacity;
  return true;
}

rn_status rn_rows_add(rn_rows *rows, const rn_value *cells) {
  size_t start = rows->bytes.size;
  if (!grow_offsets(rows) || !append(rows, cells)) return RN_FAIL;
  rows->offsets[rows->count++] = start;
  return RN_OK;
}

void rn_rows_read(const rn_rows *rows, size_t index, rn_value *cells) {
  if (rows->columns == 0) return;
  const char *at = rows->bytes.data + rows->offsets[index];
  for (size_t i = 0; i < rows->columns; i++) at = take(at, &cells[i]);
}

rn_value rn_rows_cell(const rn_rows *rows, size_t index, size_t column) {
  rn_value cell = {0};
  const char *at = rows->bytes.data + rows->offsets[index];
  while (column--) at = skip(at);
  take(at, &cell);
  return cell;
}

void rn_rows_free(rn_rows *rows) {
  rn_buf_free(&rows->bytes);
  free(rows->offsets);
  *rows = (rn_rows){.columns = rows->columns};
}
