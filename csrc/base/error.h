/* One error value for the whole core. The caller owns the struct (usually on its stack or in a job) and
 * clears it; the core fills it and never prints, exits or calls Lua. `err` may be NULL everywhere. */
#ifndef RN_BASE_ERROR_H
#define RN_BASE_ERROR_H

#include "base/config.h"

/* What class of trouble it is: Lua chooses the error class by it (and by sqlstate for RN_E_DATABASE). */
typedef enum {
  RN_E_NONE = 0,
  RN_E_CONNECT,  /* no connection could be made, or it was lost before a statement was sent */
  RN_E_LOST,     /* the connection broke while a statement may have been running */
  RN_E_ACQUIRE,  /* the pool's acquire deadline passed */
  RN_E_TIMEOUT,  /* the call's own deadline passed; the statement was cancelled */
  RN_E_DATABASE, /* the database refused: sqlstate or code says why */
  RN_E_VALUE,    /* a value cannot be bound or read as its type; `param` or `column_index` says which */
  RN_E_CLOSED,   /* the pool, lease or connection was closed */
  RN_E_USAGE,    /* a programmer's mistake (two statements with parameters, busy lease ...) */
  RN_E_MEMORY
} rn_error_kind;

typedef struct rn_error {
  rn_error_kind kind;
  int code;         /* SQLite's extended result code, else 0 */
  int param;        /* 1-based number of the offending parameter, else 0 */
  int column_index; /* 1-based number of the offending result column, else 0 */
  int row;          /* 1-based row of a COPY that the server points at, else 0 */
  int position;     /* 1-based character of the SQL text the server points at, else 0 */
  char sqlstate[6]; /* five characters, or "" */
  char *message;    /* owned, never NULL once kind is set unless memory ran out */
  char *detail, *hint, *schema, *table, *column, *constraint; /* owned or NULL */
} rn_error;

/* Replaces what err held; message as printf. Returns RN_FAIL, so `return rn_error_set(...)` reads well. */
rn_status rn_error_set(rn_error *err, rn_error_kind kind, const char *format, ...) RN_PRINTF(3, 4);
/* Copies text (n bytes; NULL stays NULL) into a field of err that rn_error owns, freeing what was there. */
void rn_error_text(char **field, const char *text, size_t n);
/* Moves `from` into `to`, leaving `from` empty. `to` may be NULL (then `from` is cleared). */
void rn_error_move(rn_error *to, rn_error *from);
void rn_error_clear(rn_error *err);

#endif
