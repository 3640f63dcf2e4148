/* Tests of csrc/value/like.c, regex.c and json_compare.c: what SQLite is given for the operators of PostgreSQL. Made-up
 * patterns and documents, for the sanitizers. Links csrc/base and csrc/value. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "samples.h"
#include "value/json.h"
#include "value/match.h"

static int matches(const char *pattern, const char *text) {
  const char *problem;
  char *copy = tight(text, strlen(text));
  rn_regex *regex = rn_regex_compile(pattern, strlen(pattern), false, &problem);
  int answer = regex ? rn_regex_match(regex, copy, strlen(text)) : -2;
  rn_regex_free(regex);
  free(copy);
  return answer;
}

static void expressions_match(void) {
  static const char *const yes[][2] = {
    { "", "" }, { "a", "cat" }, { "^a+b?$", "aaa" }, { "^(ab|c){2,3}$", "abcab" }, { "[^a-c]", "d" }, { "[]]", "]" },
    { "\\d\\D\\s\\S\\w\\W", "1a b_-" }, { "^.$", "\xC3\xA4" }, { "\\ma\\M", "b a c" }, { "a{0}b", "b" },
    { "(a*)*b", "aab" }, { "\\Aab\\Z", "ab" }, { "{a", "{a" }, { "a{2,}", "aaaa" }, { "[[:digit:]-]+$", "1-" },
    { "(?:a|)b", "b" }, { "x|", "" },
  };
  static const char *const no[][2] = {
    { "^b", "ab" }, { "a$", "ab" }, { "^a{2}$", "aaa" }, { "[a-c]", "d" }, { "\\.", "a" }, { "a\\yb", "ab" }, { ".", "" },
  };
  static const char *const bad[] = {
    "(", "a**", "+", "[", "[z-a]", "a{2,1}", "a{1", "\\", "\\1", "(?=a)", "[[:none:]]", "a{256}", "\\q",
    "((a{1,99}){1,99}){1,99}", "(){255}{255}",
  };
  for (size_t i = 0; i < COUNT(yes); i++)
    if (!CHECK(matches(yes[i][0], yes[i][1]) == 1)) fprintf(stderr, "  %s\n", yes[i][0]);
  for (size_t i = 0; i < COUNT(no); i++)
    if (!CHECK(matches(no[i][0], no[i][1]) == 0)) fprintf(stderr, "  %s\n", no[i][0]);
  for (size_t i = 0; i < COUNT(bad); i++)
    if (!CHECK(matches(bad[i], "a") == -2)) fprintf(stderr, "  %s\n", bad[i]);
}

static int like(const char *pattern, const char *text, bool fold) {
  return rn_like(pattern, strlen(pattern), text, strlen(text), fold);
}

static void patterns_are_like(void) {
  CHECK_INT(like("a%c_", "abbcd", false), 1);
  CHECK_INT(like("A%", "abc", false), 0);
  CHECK_INT(like("A%\xC3\x84", "ab\xC3\xA4", true), 1);
  CHECK_INT(like("\\%\\_\\\\", "%_\\", false), 1);
  CHECK_INT(like("_", "\xC3\xA4", false), 1);
  CHECK_INT(like("%%%", "", false), 1);
  CHECK_INT(like("a\\", "a", false), -1);
}

static int contains(const char *a, const char *b) {
  return rn_json_contains(a, strlen(a), b, strlen(b));
}

static void documents_contain_and_sort(void) {
  static const char *const order[] = {
    "null", "\"\"", "\"a\"", "\"b\"", "-1e3", "-2", "0", "0.5", "5", "40", "1e30", "false", "true", "[]", "[9]", "[1,2]",
    "[1,3]", "{}", "{\"a\":1}", "{\"a\":2}", "{\"b\":0}", "{\"a\":1,\"b\":1}",
  };
  for (size_t i = 0; i < COUNT(order); i++)
    for (size_t k = 0; k < COUNT(order); k++) {
      int got = rn_json_compare(order[i], strlen(order[i]), order[k], strlen(order[k]));
      if (!CHECK((got > 0) - (got < 0) == (i > k) - (i < k))) fprintf(stderr, "  %s %s\n", order[i], order[k]);
    }
  CHECK_INT(contains("{\"a\":[1,{\"b\":2,\"c\":3}]}", "{\"a\":[{\"b\":2.0}]}"), 1);
  CHECK_INT(contains("[1,2]", "[2,2]"), 1);
  CHECK_INT(contains("[1,2]", "2"), 1);
  CHECK_INT(contains("[[1]]", "[1]"), 0);
  CHECK_INT(contains("{\"a\":1}", "{\"a\":1,\"b\":1}"), 0);
  CHECK_INT(contains("[", "[]"), -1);
  CHECK_INT(rn_json_has("{\"a\\\"\":1}", 9, "a\"", 2), 1);
  CHECK_INT(rn_json_has("[\"a\",1]", 7, "1", 1), 0);
  CHECK_INT(rn_json_overlap("[1,2]", 5, "[3,2]", 5), 1);
}

static unsigned long state = 1;

static unsigned below(unsigned n) {
  state = state * 6364136223846793005UL + 1442695040888963407UL;
  return (unsigned)(state >> 33) % n;
}

/* Some characters of an alphabet, without a byte to spare. */
static char *some(const char *alphabet, size_t n) {
  char *text = malloc(n ? n : 1);
  for (size_t i = 0; text && i < n; i++) text[i] = alphabet[below((unsigned)strlen(alphabet))];
  return text;
}

static void nothing_is_read_beyond(void) {
  for (int i = 0; i < 20000; i++) {
    size_t np = below(24), nt = below(20), na = below(14), nb = below(14);
    char *pattern = some("abA()[]{}*+?|.^$\\01,-:dmyZ\xC3\xA4%_", np), *text = some("abA01_- \xC3\xA4\\", nt);
    char *a = some("{}[]\",:01.e-nul\\", na), *b = some("[]\",01{}:", nb);
    const char *problem;
    rn_regex *regex = rn_regex_compile(pattern, np, below(2), &problem);
    CHECK(regex || problem);
    if (regex) CHECK(rn_regex_match(regex, text, nt) == rn_regex_match(regex, text, nt));
    rn_regex_free(regex);
    CHECK(rn_like(pattern, np, text, nt, below(2)) <= 1);
    CHECK(rn_json_contains(a, na, b, nb) <= 1 && rn_json_overlap(a, na, b, nb) <= 1 && rn_json_has(a, na, b, nb) <= 1);
    rn_json_slice value;
    bool found;
    if (rn_json_member(a, na, b, nb, &value, &found) && found) CHECK(value.bytes >= a && value.bytes + value.size <= a + na);
    free(pattern), free(text), free(a), free(b);
  }
}

int main(void) {
  expressions_match();
  patterns_are_like();
  documents_contain_and_sort();
  nothing_is_read_beyond();
  return check_done();
}
