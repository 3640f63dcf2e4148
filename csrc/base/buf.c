/* Growing bytes with a sticky failure bit. Called by builders of text and of packed rows. The bytes belong
 * to the buffer; one thread at a time. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES ((size_t)64)

/* Room for n bytes and a NUL behind what is there. */
static bool grow(rn_buf *buf, size_t n) {
  if (buf->failed) return false;
  if (n >= PTRDIFF_MAX - buf->size) goto failed; /* no object is larger */
  size_t want = buf->size + n + 1;
  if (want <= buf->capacity) return true;
  size_t capacity = buf->capacity > PTRDIFF_MAX / 2 ? want : buf->capacity * 2;
  if (capacity < want) capacity = want;
  if (capacity < FIRST_BYTES) capacity = FIRST_BYTES;
  char *data = realloc(buf->data, capacity);
  if (!data) goto failed;
  buf->data = data;
  buf->capacity = capacity;
  return true;

failed:
  buf->failed = true;
  return false;
}

static bool fits(const rn_buf *buf, size_t n) {
  return !buf->failed && buf->capacity > buf->size && n < buf->capacity - buf->size;
}

char *rn_buf_reserve(rn_buf *buf, size_t n) {
  if (RN_UNLIKELY(!fits(buf, n)) && !grow(buf, n)) return NULL;
  char *at = buf->data + buf->size;
  at[n] = '\0';
  return at;
}

void rn_buf_add(rn_buf *buf, const void *bytes, size_t n) {
  char *at = rn_buf_reserve(buf, n);
  if (!at) return;
  if (n) memcpy(at, bytes, n);
  buf->size += n;
}

void rn_buf_char(rn_buf *buf, char c) {
  char *at = rn_buf_reserve(buf, 1);
  if (!at) return;
  *at = c;
  buf->size++;
}

void rn_buf_printf(rn_buf *buf, const char *format, ...) {
  va_list args;
  char *at = rn_buf_reserve(buf, 64); /* most texts fit at the first try */
  if (!at) return;
  size_t room = buf->capacity - buf->size;
  va_start(args, format);
  int size = vsnprintf(at, room, format, args);
  va_end(args);
  if (size < 0) {
    *at = '\0';
    buf->failed = true;
    return;
  }
  if ((size_t)size >= room) {
    *at = '\0'; /* nothing half-written stays when there is no more memory */
    at = rn_buf_reserve(buf, (size_t)size);
    if (!at) return;
    va_start(args, format);
    vsnprintf(at, (size_t)size + 1, format, args);
    va_end(args);
  }
  buf->size += (size_t)size;
}

void rn_buf_reset(rn_buf *buf) {
  buf->size = 0;
  buf->failed = false;
  if (buf->data) buf->data[0] = '\0';
}

void rn_buf_free(rn_buf *buf) {
  free(buf->data);
  *buf = (rn_buf){0};
}
