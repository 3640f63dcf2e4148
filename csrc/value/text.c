/* UUIDs and UTF-8. Called by the converter, the drivers and the binding. No state, no allocation. Numbers
 * are in text_number.c and text_decimal.c, dates in text_time.c. */
#include "value/text.h"

#include <string.h>

/* ---- UUID ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* As PostgreSQL's uuid_in: braces around it, and a hyphen after any group of four digits but the last. */
bool rn_uuid_canonical(const char *s, size_t n, char out[37]) {
  const char *at = s, *end = s + n;
  if (n >= 2 && *at == '{') {
    if (end[-1] != '}') return false;
    at++;
    end--;
  }
  char *to = out;
  for (int digits = 0; digits < 32; digits++) {
    if (digits > 0 && digits % 4 == 0 && at < end && *at == '-') at++;
    int digit = at < end ? hex_digit(*at++) : -1;
    if (digit < 0) return false;
    if (digits == 8 || digits == 12 || digits == 16 || digits == 20) *to++ = '-';
    *to++ = "0123456789abcdef"[digit];
  }
  *to = '\0';
  return at == end;
}

/* ---- UTF-8 ---- */

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

/* Not 0 when one of eight bytes is zero or beyond ASCII. */
static uint64_t unusual(const unsigned char *at) {
  uint64_t w;
  memcpy(&w, at, sizeof w);
  return (w | (w - LOW_BITS)) & HIGH_BITS;
}

/* The same for 32 bytes. */
static bool unusual_block(const unsigned char *at) {
  return (unusual(at) | unusual(at + 8) | unusual(at + 16) | unusual(at + 24)) != 0;
}

/* The length of the character that starts with *at >= 0x80, or 0 (Unicode 15, table 3-7). */
static size_t sequence_length(const unsigned char *at, size_t left) {
  unsigned char lead = at[0], low = 0x80, high = 0xBF;
  size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || left < length) return 0;
  if (lead == 0xE0)
    low = 0xA0; /* overlong */
  else if (lead == 0xED)
    high = 0x9F; /* surrogates */
  else if (lead == 0xF0)
    low = 0x90; /* overlong */
  else if (lead == 0xF4)
    high = 0x8F; /* beyond U+10FFFF */
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return length;
}

bool rn_utf8_valid(const char *s, size_t n) {
  const unsigned char *at = (const unsigned char *)s;
  size_t left = n;
  while (left) {
    while (left >= 32 && !unusual_block(at)) at += 32, left -= 32;
    while (left >= 8 && !unusual(at)) at += 8, left -= 8;
    while (left && (unsigned char)(*at - 1) < 0x7F) at++, left--; /* 1 to 0x7F */
    while (left && *at >= 0x80) {
      size_t length = sequence_length(at, left);
      if (length == 0) return false;
      at += length;
      left -= length;
    }
    if (left && *at == 0) return false;
  }
  return true;
}
