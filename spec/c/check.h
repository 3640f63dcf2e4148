/* Checks for the plain C tests: each CHECK counts, a failed one says where and what. main ends with
 * `return check_done();`. One translation unit a test. */
#ifndef RN_SPEC_CHECK_H
#define RN_SPEC_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static long check_passed, check_failed;

static inline bool check_that(bool ok, const char *what, const char *file, int line) {
  if (ok) {
    check_passed++;
  } else {
    check_failed++;
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  }
  return ok;
}

static inline bool check_int(long long got, long long want, const char *what, const char *file, int line) {
  bool ok = check_that(got == want, what, file, line);
  if (!ok) fprintf(stderr, "  got %lld, want %lld\n", got, want);
  return ok;
}

static inline bool check_text(const char *got, const char *want, const char *what, const char *file,
                              int line) {
  bool ok = check_that(got && want ? strcmp(got, want) == 0 : got == want, what, file, line);
  if (!ok) fprintf(stderr, "  got  %s\n  want %s\n", got ? got : "(null)", want ? want : "(null)");
  return ok;
}

/* All give whether the check passed. */
#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(got, want) check_int((got), (want), #got " == " #want, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) check_text((got), (want), #got " is " #want, __FILE__, __LINE__)

/* Prints the counts; what main returns. A test that checked nothing has failed. */
static inline int check_done(void) {
  printf("%ld passed, %ld failed\n", check_passed, check_failed);
  return check_failed || !check_passed;
}

#endif
