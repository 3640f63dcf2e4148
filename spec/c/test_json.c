/* Tests of csrc/value/json.c: one text for one value, whatever its spelling. Links csrc/base and
 * csrc/value. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "samples.h"
#include "value/json.h"

/* On copies without a byte to spare, so that a sanitizer sees reads behind the end. */
static int compare(const char *a, const char *b) {
  char *x = tight(a, strlen(a)), *y = tight(b, strlen(b));
  int order = rn_json_compare(x, strlen(a), y, strlen(b)), back = rn_json_compare(y, strlen(b), x, strlen(a));
  CHECK((order < 0) == (back > 0) && (order == 0) == (back == 0));
  free(x);
  free(y);
  return order;
}

static bool is_json(const char *text) {
  char *copy = tight(text, strlen(text));
  rn_buf out = { 0 };
  bool ok = rn_json_canonical(copy, strlen(text), &out);
  CHECK(!out.failed);
  rn_buf_free(&out);
  free(copy);
  return ok;
}

static void equal_values_are_equal(void) {
  static const char *const pairs[][2] = {
    { "{}", " { } " }, { "[]", "[ ]" }, { "[1,2]", "[ 1 ,2\n]" },
    { "{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}" },
    { "1", "1.0" }, { "100", "1e2" }, { "0", "-0.000" }, { "0.001", "1E-3" }, { "-12.50", "-125e-1" },
    { "123456789012345678901234567890", "12345678901234567890123456789.0e1" },
    { "\"\\u00e9\"", "\"\xC3\xA9\"" }, { "\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"" },
    { "\"\\/\\u0022\\u005C\"", "\"/\\\"\\\\\"" }, { "\"\\n\"", "\"\\u000A\"" },
    { "{\"\\u0061\":1}", "{\"a\":1}" },
    { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
    { "{\"a\":{\"x\":1,\"y\":[{}]}}", "{\"a\":{\"y\":[{}],\"x\":1.0}}" },
    { "true", " true" },
  };
  for (size_t i = 0; i < COUNT(pairs); i++)
    if (!CHECK(compare(pairs[i][0], pairs[i][1]) == 0))
      fprintf(stderr, "  %s %s\n", pairs[i][0], pairs[i][1]);
}

static void different_values_differ(void) {
  static const char *const values[] = {
    "{}", "[]", "\"\"", "0", "null", "false", "true", "1", "-1", "10", "0.1", "\"1\"", "\"null\"", "[1,2]",
    "[2,1]", "[[1],2]", "[1,[2]]", "{\"a\":1}", "{\"a\":2}", "{\"b\":1}", "{\"a\":1,\"b\":1}",
    "{\"a\":{\"b\":1}}",
    "[{}]", "[[]]", "\"a\"", "\"\\\"a\"", "\"\\u0000\"", "\"\\\\u0000\"", "{\"\":1}", "[null]", "[\"\"]",
    "9007199254740993",
    "9007199254740992", "\"{}\"",
  };
  for (size_t i = 0; i < COUNT(values); i++)
    for (size_t j = 0; j < COUNT(values); j++)
      if (!CHECK((compare(values[i], values[j]) == 0) == (i == j)))
        fprintf(stderr, "  %s %s\n", values[i], values[j]);
}

static void they_have_an_order(void) {
  static const char *const values[] = { "null", "\"\"", "\" \"", "\"a\"", "\"a\\u0000\"", "\"a\\n\"", "\"a b\"", "\"a!\"",
    "\"a\\\"\"", "\"a#\"", "\"aZ\"", "\"a\\\\\"", "\"a]\"", "\"b\"", "-1", "0", "9", "10", "false", "true", "[]", "[3]",
    "[1,2]", "{}", "{\"a\":1}", "{\"a\":2}", "{\"a b\":1}" };
  static const char *const lists[] = { "[]", "[1]", "[1,1]", "[1,null]", "[2]", "[2,1]", "[10]", "[null]", "[null,1]" };
  for (size_t i = 0; i + 1 < COUNT(values); i++)
    if (!CHECK(compare(values[i], values[i + 1]) < 0)) fprintf(stderr, "  %s %s\n", values[i], values[i + 1]);
  for (size_t i = 0; i + 1 < COUNT(lists); i++) {
    const char *a = lists[i], *b = lists[i + 1];
    if (!CHECK(rn_json_compare_lists(a, strlen(a), b, strlen(b)) < 0 && rn_json_compare_lists(b, strlen(b), a, strlen(a)) > 0))
      fprintf(stderr, "  %s %s\n", a, b);
  }
  CHECK(rn_json_compare_lists("[[1],[2]]", 9, "[[1],[3]]", 9) < 0 && rn_json_compare_lists("[1.0]", 5, "[1]", 3) == 0);
}

static void what_is_no_json_is_found_out(void) {
  static const char *const bad[] = {
    "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "\"",
    "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "tru", "nul", "1 2", "--1", "1e", "]", "[1}",
    "\"\\ud83d\\u12",
    "\"\\ud83d\\u",
  };
  for (size_t i = 0; i < COUNT(bad); i++)
    if (!CHECK(!is_json(bad[i]))) fprintf(stderr, "  %s\n", bad[i]);
  CHECK(compare("null", "nul") < 0 && compare("x", "y") < 0 && compare("x", "x") == 0);
}

static void depth_has_a_limit(void) {
  enum { DEEP = 100000 };
  char *text = malloc(DEEP + 1);
  if (!CHECK(text != NULL)) return;
  memset(text, '[', DEEP);
  text[DEEP] = '\0';
  CHECK(!is_json(text));
  memset(text + RN_JSON_DEPTH_MAX, ']', RN_JSON_DEPTH_MAX);
  text[2 * RN_JSON_DEPTH_MAX] = '\0';
  CHECK(is_json(text));
  free(text);
}

int main(void) {
  equal_values_are_equal();
  different_values_differ();
  they_have_an_order();
  what_is_no_json_is_found_out();
  depth_has_a_limit();
  return check_done();
}
