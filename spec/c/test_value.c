/* Tests of csrc/value: conversion of cells, packed rows. Links csrc/base and csrc/value. The texts have
 * their tests in test_text.c. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "samples.h"
#include "value/rows.h"
#include "value/text.h"
#include "value/value.h"

/* ---- conversion ---- */

static rn_value null_cell(void) { return (rn_value){.kind = RN_NULL}; }
static rn_value bool_cell(bool b) { return (rn_value){.kind = RN_BOOL, .u.i = b}; }
static rn_value int_cell(int64_t i) { return (rn_value){.kind = RN_INT, .u.i = i}; }
static rn_value double_cell(double d) { return (rn_value){.kind = RN_DOUBLE, .u.d = d}; }
static rn_value time_cell(int64_t us) { return (rn_value){.kind = RN_TIMESTAMP, .u.i = us}; }
static rn_value bytes_cell(rn_kind kind, const char *s, size_t n) {
  return (rn_value){.kind = kind, .u.s = {s, n}};
}
static rn_value text_cell(const char *s) { return bytes_cell(RN_TEXT, s, strlen(s)); }
static rn_value blob_cell(const char *s) { return bytes_cell(RN_BLOB, s, strlen(s)); }

/* What a cell reads as: its kind and value, or "! message". */
static const char *converted(rn_value v, rn_code code, int scale) {
  static char out[600];
  rn_arena scratch = {0};
  rn_error err = {0};
  char text[64];
  rn_status status = rn_value_convert(&v, code, scale, &scratch, &err);
  if (status != RN_OK) {
    CHECK(err.kind == (rn_code_known(code) ? RN_E_VALUE : RN_E_USAGE));
    snprintf(out, sizeof out, "! %s", err.message);
  } else {
    switch (v.kind) {
      case RN_NULL: strcpy(out, "null"); break;
      case RN_BOOL: snprintf(out, sizeof out, "bool %d", (int)v.u.i); break;
      case RN_INT: snprintf(out, sizeof out, "int %lld", (long long)v.u.i); break;
      case RN_DOUBLE: rn_double_to_text(v.u.d, text); snprintf(out, sizeof out, "double %s", text); break;
      case RN_TIMESTAMP: rn_timestamp_iso(v.u.i, text); snprintf(out, sizeof out, "time %s", text); break;
      case RN_TEXT: snprintf(out, sizeof out, "text %.*s", (int)v.u.s.size, v.u.s.bytes); break;
      case RN_BLOB: snprintf(out, sizeof out, "blob %.*s", (int)v.u.s.size, v.u.s.bytes); break;
      case RN_LIST: strcpy(out, "list"); break;
    }
  }
  rn_error_clear(&err);
  rn_arena_free(&scratch);
  return out;
}

static const char codes[] = "iIbdnscextDTujJa?";

static void null_is_kept_by_every_code(void) {
  for (const char *code = codes; *code; code++) {
    CHECK(rn_code_known(*code));
    CHECK_TEXT(converted(null_cell(), *code, -1), "null");
  }
  for (int c = -128; c < 256; c++)
    if (c <= 0 || !strchr(codes, c)) CHECK(!rn_code_known((rn_code)c) || strchr(codes, (rn_code)c));
  CHECK(!rn_code_known('z') && !rn_code_known('\0'));
  CHECK_TEXT(converted(int_cell(1), 'z', -1), "! unknown type code 'z'");
}

static void matching_cells_are_kept(void) {
  CHECK_TEXT(converted(int_cell(INT64_MIN), 'I', -1), "int -9223372036854775808");
  CHECK_TEXT(converted(bool_cell(true), 'b', -1), "bool 1");
  CHECK_TEXT(converted(double_cell(NAN), 'd', -1), "double NaN");
  for (const char *code = "sejJaDTu"; *code; code++)
    CHECK_TEXT(converted(text_cell("abc"), *code, -1), "text abc");
  CHECK_TEXT(converted(blob_cell("\xFF"), 'x', -1), "blob \xFF");
  CHECK_TEXT(converted(time_cell(-1), 't', -1), "time 1969-12-31T23:59:59.999999Z");
  CHECK_TEXT(converted(bool_cell(false), '?', -1), "bool 0");
  CHECK_TEXT(converted(int_cell(5), '?', -1), "int 5");
  CHECK_TEXT(converted(double_cell(-0.0), '?', -1), "double -0");
  CHECK_TEXT(converted(text_cell("5"), '?', -1), "text 5");
  CHECK_TEXT(converted(blob_cell("5"), '?', -1), "blob 5");
  CHECK_TEXT(converted(time_cell(0), '?', -1), "time 1970-01-01T00:00:00.000Z");
}

static void cells_become_booleans_integers_and_numbers(void) {
  CHECK_TEXT(converted(int_cell(0), 'b', -1), "bool 0");
  CHECK_TEXT(converted(int_cell(1), 'b', -1), "bool 1");
  CHECK_TEXT(converted(int_cell(2), 'b', -1), "! 2 cannot be read as a boolean");
  CHECK_TEXT(converted(int_cell(-1), 'b', -1), "! -1 cannot be read as a boolean");
  CHECK_TEXT(converted(double_cell(1), 'b', -1), "! 1 cannot be read as a boolean");
  CHECK_TEXT(converted(text_cell("t"), 'b', -1), "! \"t\" cannot be read as a boolean");

  CHECK_TEXT(converted(bool_cell(true), 'i', -1), "int 1");
  CHECK_TEXT(converted(double_cell(-3), 'i', -1), "int -3");
  CHECK_TEXT(converted(double_cell(-0.0), 'i', -1), "int 0");
  CHECK_TEXT(converted(double_cell(-9223372036854775808.0), 'I', -1), "int -9223372036854775808");
  CHECK_TEXT(converted(double_cell(9223372036854774784.0), 'I', -1), "int 9223372036854774784");
  CHECK_TEXT(converted(double_cell(9223372036854775808.0), 'I', -1),
             "! 9.223372036854776e+18 cannot be read as an integer");
  CHECK_TEXT(converted(double_cell(0.5), 'i', -1), "! 0.5 cannot be read as an integer");
  CHECK_TEXT(converted(double_cell(NAN), 'i', -1), "! NaN cannot be read as an integer");
  CHECK_TEXT(converted(double_cell(-INFINITY), 'i', -1), "! -Infinity cannot be read as an integer");
  CHECK_TEXT(converted(text_cell("-42"), 'i', -1), "int -42");
  CHECK_TEXT(converted(text_cell("0"), 'i', -1), "int 0");
  CHECK_TEXT(converted(text_cell("9223372036854775807"), 'I', -1), "int 9223372036854775807");
  static const char *const no_integers[] = {
    "", "-", "+1", "01", "-0", "-01", "--1", "-+1", "1.0", "1e3", "x", " 1", "9223372036854775808"
  };
  for (size_t i = 0; i < COUNT(no_integers); i++) {
    char want[80];
    snprintf(want, sizeof want, "! \"%s\" cannot be read as an integer", no_integers[i]);
    CHECK_TEXT(converted(text_cell(no_integers[i]), 'I', -1), want);
  }
  CHECK_TEXT(converted(blob_cell("12"), 'i', -1), "! a blob of 2 bytes cannot be read as an integer");
  CHECK_TEXT(converted(time_cell(0), 'i', -1), "! 1970-01-01T00:00:00.000Z cannot be read as an integer");

  CHECK_TEXT(converted(int_cell(-7), 'd', -1), "double -7");
  CHECK_TEXT(converted(text_cell("1.5e3"), 'd', -1), "double 1500");
  CHECK_TEXT(converted(text_cell("-Infinity"), 'd', -1), "double -Infinity");
  CHECK_TEXT(converted(text_cell("1e400"), 'd', -1), "! \"1e400\" cannot be read as a number");
  CHECK_TEXT(converted(bool_cell(true), 'd', -1), "! true cannot be read as a number");
  CHECK_TEXT(converted(blob_cell("1"), 'd', -1), "! a blob of 1 bytes cannot be read as a number");
}

static void cells_become_decimals(void) {
  static const char forty[] = "1234567890123456789012345678901234567890.5";
  char want[80];
  CHECK_TEXT(converted(int_cell(5), 'n', 2), "text 5.00");
  CHECK_TEXT(converted(int_cell(INT64_MIN), 'n', -1), "text -9223372036854775808");
  CHECK_TEXT(converted(double_cell(0.1), 'n', 2), "text 0.10");
  CHECK_TEXT(converted(double_cell(-1e-7), 'n', -1), "text -0.0000001");
  CHECK_TEXT(converted(double_cell(-0.0), 'n', -1), "text 0");
  CHECK_TEXT(converted(double_cell(1e21), 'n', -1), "text 1000000000000000000000");
  CHECK_TEXT(converted(double_cell(0.125), 'n', 2), "text 0.125");
  CHECK_TEXT(converted(double_cell(NAN), 'n', 2), "text NaN");
  CHECK_INT(strlen(converted(double_cell(-DBL_MAX), 'n', -1)), 5 + 1 + 309);
  CHECK_INT(strlen(converted(double_cell(5e-324), 'n', -1)), 5 + 2 + 324);
  CHECK_INT(strlen(converted(double_cell(2.2250738585072014e-308), 'n', 2)), 5 + 2 + 324);
  CHECK_TEXT(converted(text_cell("1.50"), 'n', 2), "text 1.50");
  CHECK_TEXT(converted(text_cell("1.5"), 'n', 2), "text 1.50");
  CHECK_TEXT(converted(text_cell("1.500"), 'n', 2), "text 1.50");
  CHECK_TEXT(converted(text_cell("1.505"), 'n', 2), "text 1.505");
  CHECK_TEXT(converted(text_cell("1.500"), 'n', -1), "text 1.500");
  CHECK_TEXT(converted(text_cell("-0.00"), 'n', 2), "text 0.00");
  CHECK_TEXT(converted(text_cell("+1e3"), 'n', -1), "text 1000");
  CHECK_TEXT(converted(text_cell("NaN"), 'n', 2), "text NaN");
  CHECK_TEXT(converted(text_cell("-Infinity"), 'n', -1), "text -Infinity");
  snprintf(want, sizeof want, "text %s", forty);
  CHECK_TEXT(converted(text_cell(forty), 'n', -1), want);
  strcat(want, "0");
  CHECK_TEXT(converted(text_cell(forty), 'n', 2), want);
  CHECK_TEXT(converted(text_cell("hello"), 'n', 2), "! \"hello\" cannot be read as a decimal");
  CHECK_TEXT(converted(text_cell(""), 'n', -1), "! \"\" cannot be read as a decimal");
  CHECK_TEXT(converted(text_cell("1e99999"), 'n', -1), "! \"1e99999\" cannot be read as a decimal");
  CHECK_TEXT(converted(bool_cell(true), 'n', -1), "! true cannot be read as a decimal");
  CHECK_TEXT(converted(blob_cell("1"), 'n', -1), "! a blob of 1 bytes cannot be read as a decimal");
}

static void cells_become_dates(void) {
  CHECK_TEXT(converted(text_cell("2024-02-29 12:00:00.25"), 't', -1), "time 2024-02-29T12:00:00.250Z");
  CHECK_TEXT(converted(text_cell("2024-02-29T12:00:00+01:00"), 't', -1), "time 2024-02-29T11:00:00.000Z");
  CHECK_TEXT(converted(text_cell("2024-02-29 12:00:00.000 +00:00"), 't', -1),
             "time 2024-02-29T12:00:00.000Z");
  CHECK_TEXT(converted(text_cell("2024-02-29"), 't', -1), "time 2024-02-29T00:00:00.000Z");
  CHECK_TEXT(converted(text_cell("infinity"), 't', -1), "text infinity");
  CHECK_TEXT(converted(text_cell("-infinity"), 't', -1), "text -infinity");
  CHECK_TEXT(converted(text_cell("hello"), 't', -1), "! \"hello\" cannot be read as a date");
  CHECK_TEXT(converted(text_cell("2023-02-29"), 't', -1), "! \"2023-02-29\" cannot be read as a date");
  CHECK_TEXT(converted(int_cell(1700000000), 't', -1), "! 1700000000 cannot be read as a date");
  CHECK_TEXT(converted(blob_cell("2024-02-29"), 't', -1), "! a blob of 10 bytes cannot be read as a date");
  CHECK_TEXT(converted(time_cell(-1), 'D', -1), "text 1969-12-31");
  CHECK_TEXT(converted(time_cell(253402300800000000), 'D', -1), "text +010000-01-01");
  CHECK_TEXT(converted(text_cell("2024-02-29 23:00:00-08:00"), 'D', -1), "text 2024-02-29");
  CHECK_TEXT(converted(text_cell("0044-03-15 BC"), 'D', -1), "text 0044-03-15 BC");
  CHECK_TEXT(converted(text_cell("infinity"), 'D', -1), "text infinity");
  CHECK_TEXT(converted(int_cell(20240229), 'D', -1), "text 20240229");
  CHECK_TEXT(converted(bool_cell(false), 'D', -1), "! false cannot be read as a date");
}

static void cells_become_text_and_bytes(void) {
  for (const char *code = "sejJaDTuc"; *code; code++) {
    CHECK_TEXT(converted(int_cell(-12), *code, -1), "text -12");
    CHECK_TEXT(converted(double_cell(0.1), *code, -1), "text 0.1");
  }
  for (const char *code = "sejJc"; *code; code++) {
    CHECK_TEXT(converted(blob_cell("h\xC3\xA9"), *code, -1), "text h\xC3\xA9");
    CHECK(converted(blob_cell("h\xC3"), *code, -1)[0] == '!');
    CHECK(converted(bytes_cell(RN_BLOB, "a\0b", 3), *code, -1)[0] == '!');
  }
  CHECK_TEXT(converted(blob_cell("x"), 'u', -1), "! a blob of 1 bytes cannot be read as a UUID");
  CHECK_TEXT(converted(bool_cell(true), 's', -1), "! true cannot be read as text");
  CHECK_TEXT(converted(time_cell(0), 's', -1), "text 1970-01-01T00:00:00.000Z");
  CHECK_TEXT(converted(time_cell(0), 'j', -1), "! 1970-01-01T00:00:00.000Z cannot be read as JSON");
  CHECK_TEXT(converted(time_cell(0), 'T', -1), "! 1970-01-01T00:00:00.000Z cannot be read as a time");
  CHECK_TEXT(converted(text_cell("ab  "), 'c', -1), "text ab");
  CHECK_TEXT(converted(text_cell("   "), 'c', -1), "text ");
  CHECK_TEXT(converted(text_cell(""), 'c', -1), "text ");
  CHECK_TEXT(converted(text_cell(" a\t"), 'c', -1), "text  a\t");
  CHECK_TEXT(converted(blob_cell("ab  "), 'c', -1), "text ab");
  CHECK_TEXT(converted(bool_cell(true), 'c', -1), "! true cannot be read as text");
  CHECK_TEXT(converted(text_cell("ab"), 'x', -1), "blob ab");
  CHECK_TEXT(converted(int_cell(1), 'x', -1), "! 1 cannot be read as bytes");
}

static void messages_show_forty_clean_bytes(void) {
  CHECK_TEXT(converted(text_cell("1234567890123456789012345678901234567890"), 't', -1),
             "! \"1234567890123456789012345678901234567890\" cannot be read as a date");
  CHECK_TEXT(converted(text_cell("12345678901234567890123456789012345678901"), 't', -1),
             "! \"1234567890123456789012345678901234567890...\" cannot be read as a date");
  CHECK_TEXT(converted(text_cell("123456789012345678901234567890123456789\xE2\x82\xAC"), 't', -1),
             "! \"123456789012345678901234567890123456789...\" cannot be read as a date");
  CHECK_TEXT(converted(text_cell("a\n\x1B\x7F\xC3\xA9"), 't', -1),
             "! \"a???\xC3\xA9\" cannot be read as a date");
  CHECK_TEXT(converted(text_cell("a\xFF\xC3"), 't', -1), "! \"a??\" cannot be read as a date");
  rn_value v = text_cell("hello");
  rn_arena scratch = {0};
  CHECK(rn_value_convert(&v, 't', -1, &scratch, NULL) == RN_FAIL);
  CHECK(v.kind == RN_TEXT && v.u.s.size == 5);
  rn_arena_free(&scratch);
}

/* ---- rows ---- */

static bool same_cell(const rn_value *a, const rn_value *b) {
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case RN_NULL: return true;
    case RN_DOUBLE: return bits_of(a->u.d) == bits_of(b->u.d);
    case RN_TEXT: case RN_BLOB:
      if (a->u.s.size != b->u.s.size) return false;
      return a->u.s.size == 0 || memcmp(a->u.s.bytes, b->u.s.bytes, a->u.s.size) == 0;
    default: return a->u.i == b->u.i;
  }
}

static const char pool[4096] = "some \xC3\xA9 bytes to take pieces from, and zeros behind them";

static rn_value random_cell(void) {
  switch (random_below(7)) {
    case 0: return null_cell();
    case 1: return bool_cell(random_below(2));
    case 2: return int_cell((int64_t)random64());
    case 3: return double_cell(random_double());
    case 4: return time_cell((int64_t)random64());
    default: {
      size_t n = random_below(random_below(10) ? 40 : 3000), start = random_below(sizeof pool - n);
      return bytes_cell(random_below(2) ? RN_TEXT : RN_BLOB, pool + start, n);
    }
  }
}

static void rows_give_back_what_was_added(void) {
  enum { COLUMNS = 6, ROWS = 700 };
  static rn_value kept[ROWS][COLUMNS];
  rn_rows rows = {.columns = COLUMNS};
  rn_value cells[COLUMNS];
  bool added = true, read = true, one = true;
  for (size_t i = 0; i < ROWS; i++) {
    for (size_t c = 0; c < COLUMNS; c++) kept[i][c] = random_cell();
    if (rn_rows_add(&rows, kept[i]) != RN_OK) added = false;
  }
  for (size_t i = 0; i < ROWS; i++) {
    rn_rows_read(&rows, i, cells);
    for (size_t c = 0; c < COLUMNS; c++) {
      rn_value cell = rn_rows_cell(&rows, i, c);
      if (!same_cell(&cells[c], &kept[i][c])) read = false;
      if (!same_cell(&cell, &kept[i][c])) one = false;
    }
  }
  CHECK(added);
  CHECK(read);
  CHECK(one);
  CHECK_INT(rows.count, ROWS);
  rn_rows_free(&rows);
  CHECK(rows.count == 0 && rows.columns == COLUMNS && rows.bytes.data == NULL && rows.offsets == NULL);
}

static void rows_may_be_added_from_themselves(void) {
  rn_rows rows = {.columns = 2};
  rn_value cells[2] = {text_cell("stays"), text_cell("x")};
  CHECK(rn_rows_add(&rows, cells) == RN_OK);
  bool same = true;
  for (int i = 0; i < 3000; i++) { /* every growth is met with borrowed cells */
    rn_rows_read(&rows, rows.count - 1, cells);
    cells[1] = int_cell(i);
    if (rn_rows_add(&rows, cells) != RN_OK) same = false;
    rn_value first = rn_rows_cell(&rows, rows.count - 1, 0), second = rn_rows_cell(&rows, rows.count - 1, 1);
    rn_value want = text_cell("stays");
    if (!same_cell(&first, &want) || second.u.i != i) same = false;
  }
  CHECK(same);
  rn_rows_free(&rows);
}

static void rows_are_compact(void) {
  rn_rows rows = {.columns = 5};
  rn_value cells[5] = {null_cell(), bool_cell(true), int_cell(1), text_cell("ab"), double_cell(1)};
  CHECK(rn_rows_add(&rows, cells) == RN_OK);
  CHECK_INT(rows.bytes.size, 1 + 1 + 9 + 7 + 9);
  rn_rows_free(&rows);
}

static void rows_refuse_what_they_cannot_hold(void) {
  rn_rows rows = {.columns = 1};
  rn_value cell = text_cell("kept"), read;
  CHECK(rn_rows_add(&rows, &cell) == RN_OK);
  rn_value list = {.kind = RN_LIST, .u.list = {&cell, 1}};
  CHECK(rn_rows_add(&rows, &list) == RN_FAIL);
#if SIZE_MAX > UINT32_MAX
  rn_value giant = bytes_cell(RN_BLOB, pool, (size_t)UINT32_MAX + 1); /* refused before a byte is read */
  CHECK(rn_rows_add(&rows, &giant) == RN_FAIL);
#endif
  CHECK_INT(rows.count, 1);
  rn_rows_read(&rows, 0, &read);
  CHECK(same_cell(&read, &cell));
  CHECK(rn_rows_add(&rows, &cell) == RN_OK);
  rn_rows_free(&rows);
}

static void rows_without_columns_are_counted(void) {
  rn_rows rows = {.columns = 0};
  for (int i = 0; i < 20; i++) CHECK(rn_rows_add(&rows, NULL) == RN_OK);
  rn_rows_read(&rows, 7, NULL);
  CHECK_INT(rows.count, 20);
  rn_rows_free(&rows);
}

int main(void) {
  null_is_kept_by_every_code();
  matching_cells_are_kept();
  cells_become_booleans_integers_and_numbers();
  cells_become_decimals();
  cells_become_dates();
  cells_become_text_and_bytes();
  messages_show_forty_clean_bytes();
  rows_give_back_what_was_added();
  rows_may_be_added_from_themselves();
  rows_are_compact();
  rows_refuse_what_they_cannot_hold();
  rows_without_columns_are_counted();
  return check_done();
}
