/* Growing bytes with a sticky `failed` bit: builders append without checking and look once at the end. A
 * zeroed struct is empty. Always NUL-terminated once something was appended. */
#ifndef RN_BASE_BUF_H
#define RN_BASE_BUF_H

#include "base/config.h"

typedef struct rn_buf {
  char *data;
  size_t size, capacity;
  bool failed;
} rn_buf;

void rn_buf_add(rn_buf *buf, const void *bytes, size_t n);
void rn_buf_char(rn_buf *buf, char c);
void rn_buf_printf(rn_buf *buf, const char *format, ...) RN_PRINTF(2, 3);
/* Room for n more bytes and a NUL already behind them; returns where to write them (the caller then adds
 * to size), NULL on failure. */
char *rn_buf_reserve(rn_buf *buf, size_t n);
void rn_buf_reset(rn_buf *buf); /* size 0, failed cleared, memory kept */
void rn_buf_free(rn_buf *buf);

#endif
