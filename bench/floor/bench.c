/* The shared part of the C floors; see bench.h. No state but constants. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const first_names[BENCH_NAMES] = {
    "Ada",   "Alan", "Barbara", "Brian",     "Claude", "Dennis", "Donald",   "Edsger",  "Frances", "Grace",
    "Guido", "Hedy", "John",    "Katherine", "Ken",    "Leslie", "Margaret", "Niklaus", "Radia",   "Tony",
};
static const char *const last_names[] = {"Hamilton", "Hoare", "Hopper", "Kernighan", "Liskov"};
static const char biography[] =
    "wrote the first of many programs on a borrowed machine and never quite gave it back";

const char *bench_first_name(int k) {
  return first_names[k % BENCH_NAMES];
}

void bench_make_user(bench_user *out, const char *tag, int i) {
  out->first_name = first_names[i % BENCH_NAMES];
  out->last_name = last_names[i % 5];
  out->bio = i % 4 == 0 ? NULL : biography;
  snprintf(out->email, sizeof out->email, "%s-%d@example.com", tag, i);
  out->age = 18 + i * 37 % 62;
  out->score = (i * 13 % 8000) / 8.0;
  out->is_active = i % 3 != 0;
}

static double clock_s(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_now_s(void) {
  return clock_s(CLOCK_MONOTONIC);
}

double bench_cpu_s(void) {
  return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t bench_wall_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

long bench_peak_kb(void) {
  FILE *f = fopen("/proc/self/status", "r");
  char line[256];
  long kb = -1;
  if (!f) return kb;
  while (fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %ld", &kb) != 1) continue;
  fclose(f);
  return kb;
}

/* Writes `n` with exactly `digits` digits. */
static char *put_digits(char *p, unsigned n, int digits) {
  for (int k = digits - 1; k >= 0; k--, n /= 10) p[k] = (char)('0' + n % 10);
  return p + digits;
}

/* Days since 1970-01-01 to a civil date: Howard Hinnant's algorithm, years from March, eras of 400 years. */
static char *put_date(char *p, int64_t days) {
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  unsigned doe = (unsigned)(z - era * 146097);
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153;
  unsigned month = mp < 10 ? mp + 3 : mp - 9;
  p = put_digits(p, (unsigned)(yoe + era * 400 + (month <= 2)), 4);
  *p++ = '-';
  p = put_digits(p, month, 2);
  *p++ = '-';
  return put_digits(p, doy - (153 * mp + 2) / 5 + 1, 2);
}

/* Date, separator, time without fraction; leaves the microseconds of the second in `fraction`. */
static char *put_seconds(char *p, int64_t unix_us, char separator, unsigned *fraction) {
  int64_t day_us = INT64_C(86400000000);
  int64_t days = unix_us / day_us - (unix_us % day_us < 0);
  int64_t rest = unix_us - days * day_us;
  unsigned s = (unsigned)(rest / 1000000);
  *fraction = (unsigned)(rest % 1000000);
  p = put_date(p, days);
  *p++ = separator;
  p = put_digits(p, s / 3600, 2);
  *p++ = ':';
  p = put_digits(p, s / 60 % 60, 2);
  *p++ = ':';
  return put_digits(p, s % 60, 2);
}

size_t bench_iso(int64_t unix_us, char out[BENCH_ISO_MAX]) {
  unsigned fraction;
  char *p = put_seconds(out, unix_us, 'T', &fraction);
  *p++ = '.';
  p = fraction % 1000 ? put_digits(p, fraction, 6) : put_digits(p, fraction / 1000, 3);
  *p++ = 'Z';
  *p = 0;
  return (size_t)(p - out);
}

size_t bench_stored_text(int64_t unix_us, char out[BENCH_ISO_MAX]) {
  unsigned fraction;
  char *p = put_seconds(out, unix_us, ' ', &fraction);
  *p++ = '.';
  p = put_digits(p, fraction, 6);
  *p = 0;
  return (size_t)(p - out);
}

size_t bench_iso_from_text(const char *stored, size_t size, char out[BENCH_ISO_MAX]) {
  size_t n = 23; /* up to and with the milliseconds */
  memcpy(out, stored, 19);
  out[10] = 'T';
  if (size >= 26) {
    n = memcmp(stored + 23, "000", 3) == 0 ? 23 : 26;
    memcpy(out + 19, stored + 19, n - 19);
  } else {
    memcpy(out + 19, ".000", 4);
  }
  out[n] = 'Z';
  out[n + 1] = 0;
  return n + 1;
}

double bench_hash(const char *text) {
  uint64_t h = 7;
  for (; *text; text++) h = (h * 31 + (unsigned char)*text) % 2147483647;
  return (double)h;
}

void bench_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}
