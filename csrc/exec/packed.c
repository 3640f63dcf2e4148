/* Answers over packed rows: detached from any connection and thread. Made by the executor's threads (job.c)
 * and wherever a result has to outlive its connection; read by the binding. One owner at a time. */
#include <stdlib.h>
#include <string.h>

#include "exec/runtime.h"

typedef struct packed {
  rn_result base;
  rn_rows rows;
  char **names;
  rn_code *codes;
  size_t at; /* the next row */
} packed;

static void free_names(char **names, size_t count) {
  for (size_t i = 0; names && i < count; i++) free(names[i]);
  free(names);
}

static rn_row packed_next(rn_result *result, rn_value *cells, rn_error *err) {
  packed *self = (packed *)result;
  (void)err;
  if (self->at >= self->rows.count) return RN_END;
  rn_rows_read(&self->rows, self->at++, cells);
  return RN_ROW;
}

static const char *packed_name(const rn_result *result, size_t column) {
  return ((const packed *)result)->names[column];
}

static rn_code packed_code(const rn_result *result, size_t column) {
  return ((const packed *)result)->codes[column];
}

static void packed_free(rn_result *result) {
  packed *self = (packed *)result;
  free_names(self->names, self->base.columns);
  free(self->codes);
  rn_rows_free(&self->rows);
  free(self);
}

static const rn_result_ops packed_ops = {packed_next, packed_name, packed_code, packed_free};

rn_result *rn_packed_result(rn_rows *rows, char **names, rn_code *codes, int64_t affected, int64_t last_id,
                            rn_error *err) {
  packed *self = calloc(1, sizeof *self);
  if (!self) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while keeping a result");
    return NULL;
  }
  self->rows = *rows;
  memset(rows, 0, sizeof *rows);
  self->names = names;
  self->codes = codes;
  self->base = (rn_result){.ops = &packed_ops,
                           .columns = self->rows.columns,
                           .rows = (int64_t)self->rows.count,
                           .affected = affected,
                           .last_id = last_id,
                           .detached = true};
  return &self->base;
}

static rn_status out_of_memory(rn_error *err) {
  return rn_error_set(err, RN_E_MEMORY, "out of memory while reading a result");
}

/* Names and codes of all columns, in arrays of their own. */
static rn_status describe(const rn_result *result, char **names, rn_code *codes) {
  for (size_t i = 0; i < result->columns; i++) {
    const char *name = result->ops->name(result, i);
    if (!(names[i] = strdup(name ? name : ""))) return RN_FAIL;
    codes[i] = result->ops->code(result, i);
  }
  return RN_OK;
}

static rn_status read_all(rn_result *result, rn_rows *rows, rn_value *cells, const bool *stop,
                          rn_error *err) {
  for (;;) {
    if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
      return rn_error_set(err, RN_E_TIMEOUT, "the statement was cancelled while its rows were read");
    switch (result->ops->next(result, cells, err)) {
    case RN_END: return RN_OK;
    case RN_ROW_FAILED: return RN_FAIL;
    case RN_ROW:
      if (rn_rows_add(rows, cells) != RN_OK) return out_of_memory(err);
    }
  }
}

rn_result *rn_packed_drain(rn_result *result, const bool *stop, rn_error *err) {
  size_t columns = result->columns;
  rn_rows rows = {.columns = columns};
  rn_result *made = NULL;
  char **names = calloc(columns + 1, sizeof *names); /* + 1: calloc(0) may give NULL */
  rn_code *codes = calloc(columns + 1, sizeof *codes);
  rn_value *cells = calloc(columns + 1, sizeof *cells);

  if (!names || !codes || !cells || describe(result, names, codes) != RN_OK) {
    out_of_memory(err);
    goto cleanup;
  }
  if (read_all(result, &rows, cells, stop, err) != RN_OK) goto cleanup;
  made = rn_packed_result(&rows, names, codes, result->affected, result->last_id, err);
  if (made) {
    names = NULL;
    codes = NULL;
  }

cleanup:
  free_names(names, columns);
  free(codes);
  free(cells);
  rn_rows_free(&rows);
  result->ops->free(result);
  return made;
}
