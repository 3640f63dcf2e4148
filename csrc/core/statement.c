/* Statements: immutable descriptions of a text, its parameters and its columns, in one block of memory each.
 * Called by the binding and by tests; references are taken and dropped on any thread. */
#include "core/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/lru.h"

/* Mixes a further hash in: the multiplier is 2^64 over the golden ratio, so that equal parts do not cancel
 * out. */
static uint64_t mix(uint64_t hash, uint64_t more) {
  return (hash ^ more) * UINT64_C(0x9E3779B97F4A7C15);
}

rn_statement *rn_statement_new(const char *text, size_t size, const rn_code *codes, const bool *lists,
                               size_t param_count, const rn_column *columns, size_t column_count, bool script,
                               rn_error *err) {
  rn_statement *statement = NULL;
  size_t total = sizeof *statement, columns_bytes = 0;

  if (__builtin_mul_overflow(column_count, sizeof *columns, &columns_bytes) ||
      __builtin_add_overflow(total, columns_bytes, &total) ||
      __builtin_add_overflow(total, param_count * (sizeof *codes + sizeof *lists), &total) ||
      __builtin_add_overflow(total, size + 1, &total) || !(statement = calloc(1, total))) {
    rn_error_set(err, RN_E_MEMORY, "out of memory while making a statement");
    return NULL;
  }

  /* Behind the struct: columns (they need alignment), codes, list flags, text. */
  char *at = (char *)(statement + 1);
  statement->refs = 1;
  statement->column_count = column_count;
  statement->columns = column_count ? (rn_column *)(void *)at : NULL;
  if (column_count) memcpy(at, columns, columns_bytes);
  at += columns_bytes;
  statement->param_count = param_count;
  statement->param_codes = (rn_code *)at;
  if (param_count) memcpy(at, codes, param_count * sizeof *codes);
  at += param_count * sizeof *codes;
  statement->param_lists = (bool *)at;
  if (param_count && lists) memcpy(at, lists, param_count * sizeof *lists);
  at += param_count * sizeof *lists;
  statement->text = at;
  statement->size = size;
  if (size) memcpy(at, text, size);
  statement->script = script;

  statement->hash = rn_hash(statement->text, size);
  if (param_count) {
    statement->hash = mix(statement->hash, rn_hash(statement->param_codes, param_count));
    statement->hash = mix(statement->hash, rn_hash((const char *)statement->param_lists, param_count));
  }
  return statement;
}

rn_statement *rn_statement_retain(rn_statement *statement) {
  __atomic_add_fetch(&statement->refs, 1, __ATOMIC_RELAXED);
  return statement;
}

void rn_statement_release(rn_statement *statement) {
  if (statement && __atomic_sub_fetch(&statement->refs, 1, __ATOMIC_ACQ_REL) == 0) free(statement);
}
