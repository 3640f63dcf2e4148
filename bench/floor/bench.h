/* What the C floors share: clocks, the made-up rows, the text of a time and the deep hash of a row.
 * bench/workloads.lua says the same rows and the same hash in Lua; the two are kept equal by the checksums of
 * a run. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Operations in one repetition of each workload; the same numbers stand in bench/workloads.lua. */
enum {
  BENCH_FINDS = 2500,
  BENCH_FILTERS = 500,
  BENCH_CREATES = 2000,
  BENCH_BULK = 10000,
  BENCH_PARENTS = 1000,
  BENCH_SAVES = 2000,
  BENCH_TRANSACTIONS = 500,
  BENCH_NESTED = 10,    /* times the first page of posts */
  BENCH_FLIGHT = 4000,
  BENCH_USERS = 10000,
  BENCH_LIMIT = 50,
  BENCH_NAMES = 20,
  BENCH_NAMES_ASKED = 5,
  BENCH_CHUNK = 1000,
  BENCH_PAGE = 200,
  BENCH_CONNECTIONS = 8
};

/* A row to be written. The pointers are to static text. */
typedef struct bench_user {
  const char *first_name, *last_name, *bio; /* bio: NULL where the column is NULL */
  char email[40];
  int32_t age;
  double score;
  bool is_active;
} bench_user;

/* The i-th (from 1) row that workload `tag` writes. */
void bench_make_user(bench_user *out, const char *tag, int i);
/* The k-th (from 0) of the twenty first names, k taken modulo twenty. */
const char *bench_first_name(int k);
/* The i-th (from 1) key that W1 and W10 ask for. */
static inline int bench_find_id(int i) {
  return 1 + (int)((int64_t)i * 7919 % BENCH_USERS);
}
/* The age that W8 and W9 write: never one that the generated rows have. */
static inline int bench_new_age(int i) {
  return 100 + i % 50;
}

double bench_now_s(void); /* monotonic */
double bench_cpu_s(void); /* user and system time of this process */
long bench_peak_kb(
    void); /* peak resident set of this program; unlike ru_maxrss it does not include what exec replaced */
int64_t bench_wall_us(void);

#define BENCH_ISO_MAX 28
/* 2024-02-01T00:00:00.000Z, six digits where there are microseconds; returns the length. Years 1..9999. */
size_t bench_iso(int64_t unix_us, char out[BENCH_ISO_MAX]);
/* The same from SQLite's stored text, YYYY-MM-DD HH:MM:SS[.ffffff]. */
size_t bench_iso_from_text(const char *stored, size_t size, char out[BENCH_ISO_MAX]);
/* ... and the stored text of a time; always six digits; returns 26. */
size_t bench_stored_text(int64_t unix_us, char out[BENCH_ISO_MAX]);
static inline size_t bench_iso_size(int64_t unix_us) {
  return unix_us % 1000 ? 27 : 24;
}

/* A hash of a row's text below 2^31, small enough for a LuaJIT number to compute without loss. */
double bench_hash(const char *text);

/* Prints the message and leaves with status 1: a floor has nothing to recover. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
