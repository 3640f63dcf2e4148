/* Tests of csrc/base: errors, arenas, buffers, clocks, the LRU map. Links csrc/base alone. */
#include <limits.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/lru.h"
#include "check.h"

/* The tests ask for more memory than there is, on purpose: malloc shall give NULL, as it does without
 * ASan. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

/* ---- error ---- */

static void error_holds_kind_and_message(void) {
  rn_error err = {0};
  CHECK(rn_error_set(&err, RN_E_VALUE, "%d of %s", 3, "three") == RN_FAIL);
  CHECK_INT(err.kind, RN_E_VALUE);
  CHECK_TEXT(err.message, "3 of three");
  char longer[5000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  rn_error_set(&err, RN_E_LOST, "%s", longer);
  CHECK_TEXT(err.message, longer);
  rn_error_clear(&err);
  CHECK(err.kind == RN_E_NONE && err.message == NULL);
  rn_error_clear(&err);
  CHECK(rn_error_set(NULL, RN_E_VALUE, "x") == RN_FAIL);
  rn_error_clear(NULL);
}

static void error_set_replaces_everything_and_may_quote_the_old_message(void) {
  rn_error err = {0};
  rn_error_set(&err, RN_E_DATABASE, "first");
  rn_error_text(&err.detail, "detail", 6);
  err.param = 4;
  memcpy(err.sqlstate, "23505", 6);
  rn_error_set(&err, RN_E_LOST, "after: %s, %s", err.message, err.detail);
  CHECK_TEXT(err.message, "after: first, detail");
  CHECK(err.detail == NULL && err.param == 0 && err.sqlstate[0] == '\0');
  rn_error_clear(&err);
}

static void error_text_copies_and_replaces(void) {
  char *field = NULL;
  rn_error_text(&field, "hello world", 5);
  CHECK_TEXT(field, "hello");
  rn_error_text(&field, field + 1, 3);
  CHECK_TEXT(field, "ell");
  rn_error_text(&field, "", 0);
  CHECK_TEXT(field, "");
  rn_error_text(&field, NULL, 9);
  CHECK(field == NULL);
}

static void error_move_leaves_the_source_empty(void) {
  rn_error from = {0}, to = {0};
  rn_error_set(&to, RN_E_USAGE, "old");
  rn_error_set(&from, RN_E_TIMEOUT, "new");
  rn_error_text(&from.hint, "hint", 4);
  from.code = 7;
  rn_error_move(&to, &from);
  CHECK(to.kind == RN_E_TIMEOUT && to.code == 7);
  CHECK_TEXT(to.message, "new");
  CHECK_TEXT(to.hint, "hint");
  CHECK(from.kind == RN_E_NONE && from.message == NULL && from.hint == NULL);
  rn_error_move(&to, &to);
  CHECK_TEXT(to.message, "new");
  rn_error_move(NULL, &to);
  CHECK(to.kind == RN_E_NONE && to.message == NULL);
  rn_error_move(&to, NULL);
  CHECK(to.kind == RN_E_NONE);
}

/* ---- arena ---- */

static void arena_gives_aligned_separate_memory(void) {
  rn_arena arena = {0};
  unsigned char *at[2000];
  size_t sizes[2000];
  bool aligned = true, whole = true;
  srand(1);
  for (size_t i = 0; i < 2000; i++) {
    sizes[i] = (size_t)(rand() % (i % 50 == 0 ? 100000 : 90));
    if (i % 3 == 0) rn_arena_copy(&arena, "odd", 3); /* leaves the next place unaligned */
    at[i] = rn_arena_alloc(&arena, sizes[i]);
    if (!at[i] || (uintptr_t)at[i] % _Alignof(max_align_t)) aligned = false;
    memset(at[i], (int)(i & 0xFF), sizes[i]);
  }
  for (size_t i = 0; i < 2000; i++)
    for (size_t j = 0; j < sizes[i]; j++)
      if (at[i][j] != (i & 0xFF)) whole = false;
  CHECK(aligned);
  CHECK(whole);
  CHECK(!arena.failed);
  rn_arena_free(&arena);
  CHECK_INT(rn_arena_bytes(&arena), 0);
}

static void arena_copies_text_with_a_nul(void) {
  rn_arena arena = {0};
  char *empty = rn_arena_copy(&arena, NULL, 0), *text = rn_arena_copy(&arena, "ab\0cd", 5);
  CHECK_TEXT(empty, "");
  CHECK(memcmp(text, "ab\0cd", 6) == 0);
  bool same = true;
  char source[300], *copies[300];
  for (size_t i = 0; i < 300; i++) {
    memset(source, 'a' + (int)(i % 26), i);
    copies[i] = rn_arena_copy(&arena, source, i);
  }
  for (size_t i = 0; i < 300; i++)
    if (strlen(copies[i]) != i || (i && copies[i][i - 1] != (char)('a' + i % 26))) same = false;
  CHECK(same);
  rn_arena_free(&arena);
}

static void arena_reset_keeps_one_block_but_no_giant(void) {
  rn_arena arena = {0};
  for (int i = 0; i < 1000; i++) CHECK(rn_arena_alloc(&arena, 100) != NULL);
  size_t full = rn_arena_bytes(&arena);
  rn_arena_reset(&arena);
  size_t kept = rn_arena_bytes(&arena);
  CHECK(kept > 0 && kept < full);
  for (int i = 0; i < 100; i++) CHECK(rn_arena_alloc(&arena, 100) != NULL);
  CHECK_INT(rn_arena_bytes(&arena), kept);
  CHECK(rn_arena_alloc(&arena, 8 << 20) != NULL);
  CHECK(rn_arena_alloc(&arena, 16) != NULL);
  rn_arena_reset(&arena);
  CHECK_INT(rn_arena_bytes(&arena), kept);
  rn_arena_free(&arena);
  CHECK(rn_arena_alloc(&arena, 8 << 20) != NULL); /* alone */
  rn_arena_reset(&arena);
  CHECK_INT(rn_arena_bytes(&arena), 0);
  CHECK(rn_arena_alloc(&arena, 0) != NULL);
  rn_arena_free(&arena);
}

static void arena_failure_sticks_until_reset(void) {
  rn_arena arena = {0};
  char *before = rn_arena_copy(&arena, "before", 6);
  CHECK(rn_arena_alloc(&arena, SIZE_MAX) == NULL);
  CHECK(arena.failed);
  CHECK(rn_arena_alloc(&arena, SIZE_MAX - 8) == NULL);
  CHECK(rn_arena_copy(&arena, before, SIZE_MAX) == NULL);
  CHECK(rn_arena_alloc(&arena, PTRDIFF_MAX) == NULL);
  CHECK(rn_arena_alloc(&arena, PTRDIFF_MAX / 2) == NULL); /* this one asks malloc */
  CHECK_TEXT(before, "before");
  CHECK(rn_arena_alloc(&arena, 10) != NULL);
  CHECK(arena.failed);
  rn_arena_reset(&arena);
  CHECK(!arena.failed);
  rn_arena_free(&arena);
}

/* ---- buf ---- */

static void buf_builds_text(void) {
  rn_buf buf = {0};
  rn_buf_add(&buf, "ab", 2);
  rn_buf_char(&buf, 'c');
  rn_buf_add(&buf, NULL, 0);
  rn_buf_printf(&buf, "-%05d-%s", 42, "x");
  CHECK_TEXT(buf.data, "abc-00042-x");
  CHECK_INT(buf.size, 11);
  char *at = rn_buf_reserve(&buf, 3);
  memcpy(at, "end", 3);
  buf.size += 3;
  CHECK_TEXT(buf.data, "abc-00042-xend");
  rn_buf_reset(&buf);
  CHECK_TEXT(buf.data, "");
  CHECK(buf.size == 0 && buf.capacity > 0);
  rn_buf_free(&buf);
  CHECK(buf.data == NULL && buf.capacity == 0);
  rn_buf_add(&buf, "", 0);
  CHECK_TEXT(buf.data, "");
  rn_buf_free(&buf);
  rn_buf_reset(&buf);
  CHECK(buf.data == NULL);
}

static void buf_is_terminated_at_every_size(void) {
  rn_buf buf = {0};
  bool terminated = true;
  for (size_t i = 1; i <= 5000; i++) {
    rn_buf_char(&buf, 'x');
    if (buf.size != i || buf.capacity <= i || buf.data[i] != '\0') terminated = false;
  }
  CHECK(terminated);
  rn_buf_free(&buf);
  bool printed = true;
  char text[1001];
  for (int n = 0; n <= 1000; n++) { /* around every growth of printf's first try */
    memset(text, 'y', (size_t)n);
    text[n] = '\0';
    rn_buf_printf(&buf, "%s", text);
    if (buf.size != (size_t)n || strcmp(buf.data, text) != 0) printed = false;
    if (n % 2) rn_buf_free(&buf); else rn_buf_reset(&buf);
  }
  CHECK(printed);
  rn_buf_free(&buf);
}

static void buf_failure_sticks_until_reset(void) {
  rn_buf buf = {0};
  rn_buf_add(&buf, "good", 4);
  CHECK(rn_buf_reserve(&buf, SIZE_MAX) == NULL);
  CHECK(buf.failed);
  rn_buf_add(&buf, "lost", 4);
  rn_buf_char(&buf, 'x');
  rn_buf_printf(&buf, "%d", 1);
  CHECK_TEXT(buf.data, "good");
  CHECK_INT(buf.size, 4);
  rn_buf_reset(&buf);
  CHECK(!buf.failed);
  CHECK(rn_buf_reserve(&buf, SIZE_MAX - 4) == NULL && buf.failed);
  rn_buf_reset(&buf);
  CHECK(rn_buf_reserve(&buf, PTRDIFF_MAX / 2) == NULL && buf.failed); /* this one asks malloc */
  rn_buf_reset(&buf);
  rn_buf_add(&buf, "again", 5);
  CHECK_TEXT(buf.data, "again");
  rn_buf_free(&buf);
}

/* ---- clock ---- */

static void deadlines_are_points_in_time_and_zero_is_never(void) {
  CHECK_INT(rn_deadline_after(0), 0);
  CHECK_INT(rn_deadline_after(-5), 0);
  CHECK(!rn_deadline_passed(0));
  CHECK_INT(rn_deadline_left_ms(0), -1);
  int64_t before_ms = rn_clock_ms();
  rn_deadline soon = rn_deadline_after(60000);
  CHECK(soon >= before_ms + 60000 && soon <= rn_clock_ms() + 60000);
  CHECK(!rn_deadline_passed(soon));
  int left_ms = rn_deadline_left_ms(soon);
  CHECK(left_ms > 50000 && left_ms <= 60000);
  CHECK(rn_deadline_passed(before_ms > 1 ? before_ms - 1 : 1));
  CHECK_INT(rn_deadline_left_ms(1), 0);
  CHECK_INT(rn_deadline_after(INT64_MAX), INT64_MAX);
  CHECK_INT(rn_deadline_left_ms(INT64_MAX), INT_MAX);
  CHECK(rn_clock_ms() >= before_ms);
}

static void wall_clock_is_after_this_was_written(void) {
  CHECK(rn_clock_wall_us() > INT64_C(1704067200000000)); /* 2024-01-01 */
}

/* ---- lru ---- */

typedef struct drops {
  size_t count;
  int last;
} drops;

static int values[64];

static void note_drop(void *context, void *value) {
  drops *seen = context;
  seen->count++;
  seen->last = (int)((int *)value - values);
}

static void *get(rn_lru *lru, const char *text) {
  return rn_lru_get(lru, text, strlen(text), rn_hash(text, strlen(text)));
}

static bool put(rn_lru *lru, const char *text, void *value) {
  return rn_lru_put(lru, text, strlen(text), rn_hash(text, strlen(text)), value) == RN_OK;
}

static void lru_drops_what_was_not_used_longest(void) {
  drops seen = {0, -1};
  rn_lru *lru = rn_lru_new(3, note_drop, &seen);
  CHECK(put(lru, "a", &values[1]) && put(lru, "b", &values[2]) && put(lru, "c", &values[3]));
  CHECK(get(lru, "a") == &values[1]);
  CHECK(get(lru, "z") == NULL);
  CHECK(put(lru, "d", &values[4]));
  CHECK(seen.count == 1 && seen.last == 2);
  CHECK(get(lru, "b") == NULL && get(lru, "c") == &values[3]);
  CHECK(put(lru, "e", &values[5]));
  CHECK(seen.count == 2 && seen.last == 1);
  CHECK_INT(rn_lru_size(lru), 3);
  rn_lru_remove(lru, "c", 1, rn_hash("c", 1));
  CHECK(seen.count == 3 && seen.last == 3 && get(lru, "c") == NULL);
  rn_lru_remove(lru, "c", 1, rn_hash("c", 1));
  CHECK_INT(seen.count, 3);
  rn_lru_clear(lru);
  CHECK(seen.count == 5 && rn_lru_size(lru) == 0 && get(lru, "e") == NULL);
  CHECK(put(lru, "", &values[6]) && get(lru, "") == &values[6]);
  rn_lru_free(lru);
  CHECK(seen.count == 6 && seen.last == 6);
  rn_lru_free(NULL);
}

static void lru_of_one_and_without_drop(void) {
  rn_lru *lru = rn_lru_new(1, NULL, NULL);
  CHECK(put(lru, "a", &values[1]) && put(lru, "b", &values[2]));
  CHECK(get(lru, "a") == NULL && get(lru, "b") == &values[2]);
  CHECK_INT(rn_lru_size(lru), 1);
  rn_lru_free(lru);
}

static void lru_tells_equal_hashes_apart(void) {
  drops seen = {0, -1};
  rn_lru *lru = rn_lru_new(10, note_drop, &seen);
  CHECK(rn_lru_put(lru, "ab", 2, 7, &values[1]) == RN_OK);
  CHECK(rn_lru_put(lru, "cd", 2, 7, &values[2]) == RN_OK);
  CHECK(rn_lru_put(lru, "abc", 3, 7, &values[3]) == RN_OK);
  CHECK(rn_lru_get(lru, "ab", 2, 7) == &values[1] && rn_lru_get(lru, "cd", 2, 7) == &values[2]);
  CHECK(rn_lru_get(lru, "abc", 3, 7) == &values[3] && rn_lru_get(lru, "ab", 2, 8) == NULL);
  rn_lru_remove(lru, "cd", 2, 7);
  CHECK(seen.last == 2 && rn_lru_get(lru, "ab", 2, 7) == &values[1] && !rn_lru_get(lru, "cd", 2, 7));
  rn_lru_free(lru);
}

/* Random work against a plain list that is searched from end to end. */
static void lru_agrees_with_a_plain_list(void) {
  enum { CAPACITY = 40, KEYS = 64 };
  drops seen = {0, -1};
  rn_lru *lru = rn_lru_new(CAPACITY, note_drop, &seen);
  int order[KEYS], count = 0; /* newest first */
  bool agrees = true;
  srand(2);
  for (int round = 0; round < 50000; round++) {
    char text[24];
    int key = rand() % KEYS, at = 0;
    size_t n = (size_t)snprintf(text, sizeof text, "select %d", key);
    uint64_t hash = rn_hash(text, n);
    while (at < count && order[at] != key) at++;
    bool present = at < count;
    size_t dropped = seen.count;
    if (rand() % 10 == 0) {
      rn_lru_remove(lru, text, n, hash);
      if (seen.count != dropped + present) agrees = false;
      if (present) memmove(order + at, order + at + 1, (size_t)(--count - at) * sizeof *order);
    } else {
      if (rn_lru_get(lru, text, n, hash) != (present ? &values[key] : NULL)) agrees = false;
      if (!present) {
        if (count == CAPACITY) count--;
        at = count++;
        int oldest = at == CAPACITY - 1 ? order[at] : -1;
        bool full = rn_lru_size(lru) == CAPACITY;
        if (rn_lru_put(lru, text, n, hash, &values[key]) != RN_OK) agrees = false;
        if (seen.count != dropped + full || (full && seen.last != oldest)) agrees = false;
      }
      memmove(order + 1, order, (size_t)at * sizeof *order);
      order[0] = key;
    }
    if (rn_lru_size(lru) != (size_t)count) agrees = false;
  }
  CHECK(agrees);
  rn_lru_free(lru);
}

static void lru_grows_to_many(void) {
  rn_lru *lru = rn_lru_new(100000, NULL, NULL);
  bool put_all = true, got_all = true;
  char text[24];
  for (int i = 0; i < 20000; i++) {
    snprintf(text, sizeof text, "%d", i);
    put_all = put(lru, text, &values[i % 64]) && put_all;
  }
  for (int i = 0; i < 20000; i++) {
    snprintf(text, sizeof text, "%d", i);
    got_all = get(lru, text) == &values[i % 64] && got_all;
  }
  CHECK(put_all);
  CHECK(got_all);
  rn_lru_free(lru);
}

static void hash_is_fnv_1a(void) { /* the vectors of its authors */
  CHECK(rn_hash("", 0) == UINT64_C(0xcbf29ce484222325));
  CHECK(rn_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
  CHECK(rn_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
  error_holds_kind_and_message();
  error_set_replaces_everything_and_may_quote_the_old_message();
  error_text_copies_and_replaces();
  error_move_leaves_the_source_empty();
  arena_gives_aligned_separate_memory();
  arena_copies_text_with_a_nul();
  arena_reset_keeps_one_block_but_no_giant();
  arena_failure_sticks_until_reset();
  buf_builds_text();
  buf_is_terminated_at_every_size();
  buf_failure_sticks_until_reset();
  deadlines_are_points_in_time_and_zero_is_never();
  wall_clock_is_after_this_was_written();
  lru_drops_what_was_not_used_longest();
  lru_of_one_and_without_drop();
  lru_tells_equal_hashes_apart();
  lru_agrees_with_a_plain_list();
  lru_grows_to_many();
  hash_is_fnv_1a();
  return check_done();
}
