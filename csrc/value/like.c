/* LIKE, and the characters that it and regular expressions look at. Holds nothing; any thread. */
#include "value/match.h"

uint32_t rn_char_next(const char **at, const char *end) {
  const unsigned char *s = (const unsigned char *)*at;
  size_t left = (size_t)(end - *at), n = *s < 0x80 ? 1 : *s >= 0xF0 ? 4 : *s >= 0xE0 ? 3 : *s >= 0xC0 ? 2 : 1;
  if (n > left) n = 1;
  static const unsigned char mask[] = {0, 0xFF, 0x1F, 0x0F, 0x07};
  uint32_t c = s[0] & mask[n];
  for (size_t i = 1; i < n; i++) c = c << 6 | (s[i] & 0x3F);
  *at += n;
  return c;
}

/* From low to high: upper case every other character (step 2) with its lower case behind it, or each at a
 * distance. */
static const struct {
  uint32_t low, high;
  int step, distance;
} folds[] = {
    {'A', 'Z', 1, 32},     {0xC0, 0xD6, 1, 32},    {0xD8, 0xDE, 1, 32},    {0x100, 0x12E, 2, 1},
    {0x132, 0x136, 2, 1},  {0x139, 0x147, 2, 1},   {0x14A, 0x176, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},  {0x386, 0x386, 1, 38},  {0x388, 0x38A, 1, 37},  {0x38C, 0x38C, 1, 64},
    {0x38E, 0x38F, 1, 63}, {0x391, 0x3A1, 1, 32},  {0x3A3, 0x3AB, 1, 32},  {0x400, 0x40F, 1, 80},
    {0x410, 0x42F, 1, 32}, {0x460, 0x480, 2, 1},   {0x48A, 0x4BE, 2, 1},   {0x4D0, 0x52E, 2, 1},
    {0x531, 0x556, 1, 48}, {0x1E00, 0x1E94, 2, 1}, {0x1EA0, 0x1EFE, 2, 1},
};

uint32_t rn_char_fold(uint32_t c) {
  for (size_t i = 0; i < sizeof folds / sizeof *folds && c >= folds[i].low; i++) {
    if (c > folds[i].high) continue;
    return (c - folds[i].low) % (uint32_t)folds[i].step ? c : (uint32_t)((int64_t)c + folds[i].distance);
  }
  return c;
}

static bool ends_in_escape(const char *at, const char *end) {
  while (at < end) {
    if (*at++ == '\\' && at++ == end) return true;
  }
  return false;
}

static uint32_t next_char(const char **at, const char *end, bool fold) {
  uint32_t c = rn_char_next(at, end);
  return fold ? rn_char_fold(c) : c;
}

int rn_like(const char *pattern, size_t np, const char *text, size_t nt, bool fold) {
  const char *p = pattern, *p_end = pattern + np, *s = text, *s_end = text + nt;
  const char *again = NULL, *from = NULL; /* behind the last %, and where it was tried last */
  if (ends_in_escape(p, p_end)) return -1;
  while (s < s_end) {
    if (p < p_end && *p == '%') {
      again = ++p;
      from = s;
      continue;
    }
    if (p < p_end) {
      const char *s_next = s;
      uint32_t c = next_char(&s_next, s_end, fold);
      bool any = *p == '_';
      if (*p == '\\') p++;
      if (next_char(&p, p_end, fold) == c || any) {
        s = s_next;
        continue;
      }
    }
    if (!again) return 0;
    p = again;
    rn_char_next(&from, s_end);
    s = from;
  }
  while (p < p_end && *p == '%') p++;
  return p == p_end;
}
