/* Random values, the same in every run, and tight copies for the tests of csrc/value. */
#ifndef RN_SPEC_SAMPLES_H
#define RN_SPEC_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* xorshift64* */
static uint64_t random_state = 88172645463325252;

static inline uint64_t random64(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * UINT64_C(2685821657736338717);
}

static inline uint64_t random_below(uint64_t n) {
  return random64() % n;
}

static inline uint64_t bits_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static inline double double_of(uint64_t bits) {
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* Any bits, a price, a quotient, a power of two or its neighbour, a denormal. */
static inline double random_double(void) {
  switch (random_below(5)) {
    case 0: return double_of(random64());
    case 1: return (double)(int64_t)random_below(100000000) / 100;
    case 2: return (double)random_below(1000) / 7 * (double)random_below(1000000);
    case 3: return double_of((random_below(2047) << 52) + random_below(3) - 1);
    default: return double_of(random_below(UINT64_C(1) << (1 + random_below(52))));
  }
}

/* The bytes in a block of their own size: ASan and valgrind see a parser that reads on. The caller frees. */
static inline char *tight(const char *bytes, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (n) memcpy(copy, bytes, n);
  return copy;
}

#endif
