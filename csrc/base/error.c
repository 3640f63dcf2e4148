/* The error value of the core: filling, moving and clearing it. Called by every layer. An rn_error and the
 * texts in it belong to the caller's struct; nothing here is shared between threads. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *format_text(const char *format, va_list args) RN_PRINTF(1, 0);

static char *format_text(const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  char *text = size < 0 ? NULL : malloc((size_t)size + 1);
  if (text) vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  return text;
}

rn_status rn_error_set(rn_error *err, rn_error_kind kind, const char *format, ...) {
  if (!err) return RN_FAIL;
  va_list args;
  va_start(args, format);
  char *message = format_text(format, args); /* before clearing: an argument may be a text of err itself */
  va_end(args);
  rn_error_clear(err);
  err->kind = kind;
  err->message = message;
  return RN_FAIL;
}

void rn_error_text(char **field, const char *text, size_t n) {
  char *copy = NULL;
  if (text && n < PTRDIFF_MAX) copy = malloc(n + 1);
  if (copy) {
    if (n) memcpy(copy, text, n);
    copy[n] = '\0';
  }
  free(*field);
  *field = copy;
}

void rn_error_move(rn_error *to, rn_error *from) {
  if (!from || to == from) return;
  rn_error_clear(to);
  if (!to) {
    rn_error_clear(from);
    return;
  }
  *to = *from;
  *from = (rn_error){0};
}

void rn_error_clear(rn_error *err) {
  if (!err) return;
  free(err->message);
  free(err->detail);
  free(err->hint);
  free(err->schema);
  free(err->table);
  free(err->column);
  free(err->constraint);
  *err = (rn_error){0};
}
