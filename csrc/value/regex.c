/* Regular expressions as a machine that is in many states at once (Thompson): the time of a match is bounded
 * by the product of text and pattern, whatever the pattern. A pattern is parsed into nodes, the nodes emit a
 * program. */
#include "value/match.h"

#include <stdlib.h>
#include <string.h>

typedef enum { OP_CHAR, OP_ANY, OP_SET, OP_SPLIT, OP_JUMP, OP_ASSERT, OP_MATCH } op;

typedef struct instruction {
  op op;
  uint32_t x, y; /* the character, set or assertion; where it goes on */
} instruction;

typedef enum {
  NODE_EMPTY,
  NODE_CHAR,
  NODE_ANY,
  NODE_SET,
  NODE_ASSERT,
  NODE_CAT,
  NODE_OR,
  NODE_REPEAT
} node_kind;

typedef struct node {
  node_kind kind;
  uint32_t value;  /* character, number of a set, assertion */
  int left, right; /* nodes; of a repetition only left */
  int low, high;   /* high -1: any number */
} node;

/* Ranges first..first+count of all ranges. */
typedef struct set {
  uint32_t first, count;
  bool negated;
} set;

typedef struct range {
  uint32_t low, high;
} range;

struct rn_regex {
  bool fold;
  instruction program[RN_REGEX_PROGRAM_MAX];
  uint32_t size;
  set sets[RN_REGEX_PATTERN_MAX];
  uint32_t set_count;
  range ranges[RN_REGEX_PATTERN_MAX * 4];
  uint32_t range_count;
  /* states of a match: two lists, when each was put on one last, and what is still to be followed */
  uint32_t lists[2][RN_REGEX_PROGRAM_MAX], stack[RN_REGEX_PROGRAM_MAX * 2];
  uint64_t seen[RN_REGEX_PROGRAM_MAX];
  uint64_t turn;
};

typedef struct parser {
  rn_regex *regex;
  const char *at, *end;
  node nodes[RN_REGEX_PATTERN_MAX * 3];
  int count, depth, emitted;
  const char *problem;
} parser;

#define DEPTH_MAX 100
#define EMITTED_MAX 100000

static const char too_large[] = "the pattern is too large";

static int fail(parser *p, const char *problem) {
  if (!p->problem) p->problem = problem;
  return 0;
}

static int add(parser *p, node n) {
  if (p->count == RN_REGEX_PATTERN_MAX * 3) return fail(p, too_large);
  p->nodes[p->count] = n;
  return p->count++;
}

static int leaf(parser *p, node_kind kind, uint32_t value) {
  return add(p, (node){.kind = kind, .value = value});
}

/* ---- sets ---- */

static void add_range(parser *p, uint32_t low, uint32_t high) {
  rn_regex *r = p->regex;
  if (r->range_count == RN_REGEX_PATTERN_MAX * 4) {
    fail(p, too_large);
    return;
  }
  r->ranges[r->range_count++] = (range){low, high};
  r->sets[r->set_count].count++;
}

static void open_set(parser *p) {
  rn_regex *r = p->regex;
  if (r->set_count >= RN_REGEX_PATTERN_MAX - 1)
    fail(p, too_large);
  else
    r->sets[r->set_count] = (set){.first = r->range_count};
}

static int close_set(parser *p, bool negated) {
  p->regex->sets[p->regex->set_count].negated = negated;
  return leaf(p, NODE_SET, p->regex->set_count++);
}

static const struct {
  const char *name;
  range ranges[5];
} classes[] = {
    {"alpha", {{'A', 'Z'}, {'a', 'z'}, {0xAA, 0xAA}, {0xC0, 0x10FFFF}}},
    {"digit", {{'0', '9'}}},
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {0xAA, 0xAA}, {0xC0, 0x10FFFF}}},
    {"upper", {{'A', 'Z'}}},
    {"lower", {{'a', 'z'}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
    {"space", {{9, 13}, {' ', ' '}}},
    {"blank", {{' ', ' '}, {9, 9}}},
    {"cntrl", {{1, 31}, {127, 127}}},
    {"punct", {{33, 47}, {58, 64}, {91, 96}, {123, 126}}},
    {"print", {{32, 126}, {0xA0, 0x10FFFF}}},
    {"graph", {{33, 126}, {0xA1, 0x10FFFF}}},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}, {0xC0, 0x10FFFF}}},
};

static bool add_class(parser *p, const char *name, size_t n) {
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    if (strlen(classes[i].name) != n || memcmp(classes[i].name, name, n) != 0) continue;
    for (int k = 0; k < 5 && classes[i].ranges[k].high; k++) {
      add_range(p, classes[i].ranges[k].low, classes[i].ranges[k].high);
    }
    return true;
  }
  return false;
}

/* \d \s \w, also in upper case: "digit", "space", "word". NULL for any other letter. */
static const char *class_of(char c) {
  switch (c | 0x20) {
  case 'd': return "digit";
  case 's': return "space";
  case 'w': return "word";
  default: return NULL;
  }
}

static bool control_of(char c, uint32_t *value) {
  static const char names[] = "nrtfvabe", stand_for[] = "\n\r\t\f\v\a\b\033";
  const char *found = c ? strchr(names, c) : NULL;
  if (found) *value = (uint32_t)(unsigned char)stand_for[found - names];
  return found != NULL;
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One character in brackets; false when it was a class, which is added. */
static bool set_char(parser *p, uint32_t *c) {
  if (*p->at == '[' && p->end - p->at > 1 && p->at[1] == ':') {
    const char *name = p->at + 2, *stop = name;
    while (stop < p->end && *stop != ':') stop++;
    if (p->end - stop < 2 || stop[1] != ']' || !add_class(p, name, (size_t)(stop - name))) {
      fail(p, "there is no such class of characters");
    }
    p->at = p->end - stop < 2 ? p->end : stop + 2;
    return false;
  }
  if (*p->at == '\\' && p->end - p->at > 1) {
    char name = *++p->at;
    const char *class = class_of(name);
    if (class && name > 'Z') {
      p->at++;
      add_class(p, class, strlen(class));
      return false;
    }
    if (control_of(name, c)) {
      p->at++;
      return true;
    }
    if (is_letter(name)) fail(p, "an escape in brackets is not known");
  }
  *c = rn_char_next(&p->at, p->end);
  return true;
}

static int parse_set(parser *p) {
  bool negated = p->at < p->end && *p->at == '^', first = true;
  if (negated) p->at++;
  open_set(p);
  while (!p->problem) {
    uint32_t low, high;
    if (p->at >= p->end) return fail(p, "brackets are not closed");
    if (*p->at == ']' && !first) break;
    first = false;
    if (!set_char(p, &low)) continue;
    high = low;
    if (p->end - p->at > 1 && *p->at == '-' && p->at[1] != ']') {
      p->at++;
      if (!set_char(p, &high) || high < low) return fail(p, "a range in brackets is none");
    }
    add_range(p, low, high);
  }
  if (p->problem) return 0;
  p->at++;
  return close_set(p, negated);
}

/* ---- parsing ---- */

static int parse_or(parser *p);

static int parse_escape(parser *p) {
  if (p->at == p->end) return fail(p, "the pattern ends with a backslash");
  char c = *p->at;
  uint32_t value;
  const char *class = class_of(c);
  if (class) {
    p->at++;
    open_set(p);
    if (p->problem) return 0;
    add_class(p, class, strlen(class));
    return close_set(p, c < 'a');
  }
  if (c && strchr("AZmMyY", c)) {
    p->at++;
    return leaf(p, NODE_ASSERT, (uint32_t)(unsigned char)c);
  }
  if (control_of(c, &value)) {
    p->at++;
    return leaf(p, NODE_CHAR, value);
  }
  if (is_letter(c)) return fail(p, "an escape is not known, or a back reference, which is not supported");
  return leaf(p, NODE_CHAR, rn_char_next(&p->at, p->end));
}

static int parse_group(parser *p) {
  if (p->end - p->at > 1 && p->at[0] == '?') {
    if (p->at[1] != ':') return fail(p, "lookaround and options in parentheses are not supported");
    p->at += 2;
  }
  if (++p->depth > DEPTH_MAX) return fail(p, "parentheses are nested too deep");
  int inner = parse_or(p);
  p->depth--;
  if (p->at == p->end || *p->at != ')') return fail(p, "parentheses are not closed");
  p->at++;
  return inner;
}

static int parse_atom(parser *p) {
  char c = *p->at++;
  switch (c) {
  case '(': return parse_group(p);
  case '[': return parse_set(p);
  case '.': return leaf(p, NODE_ANY, 0);
  case '^': return leaf(p, NODE_ASSERT, 'A');
  case '$': return leaf(p, NODE_ASSERT, 'Z');
  case '\\': return parse_escape(p);
  case '*':
  case '+':
  case '?': return fail(p, "a quantifier has nothing to repeat");
  default: p->at--; return leaf(p, NODE_CHAR, rn_char_next(&p->at, p->end));
  }
}

static bool is_digit(const parser *p) {
  return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static int parse_count(parser *p) {
  int count = 0;
  while (is_digit(p) && count <= RN_REGEX_REPEAT_MAX) count = count * 10 + (*p->at++ - '0');
  if (count > RN_REGEX_REPEAT_MAX) fail(p, "a repetition is counted beyond 255");
  return count;
}

/* Behind an atom; false when there is no quantifier. */
static bool parse_quantifier(parser *p, int *low, int *high) {
  if (p->at == p->end) return false;
  char c = *p->at;
  if (c == '*' || c == '+' || c == '?') {
    p->at++;
    *low = c == '+';
    *high = c == '?' ? 1 : -1;
  } else {
    if (c != '{' || p->end - p->at < 2 || p->at[1] < '0' || p->at[1] > '9') return false;
    p->at++;
    *low = *high = parse_count(p);
    if (p->at < p->end && *p->at == ',') {
      p->at++;
      *high = is_digit(p) ? parse_count(p) : -1;
    }
    if (p->at == p->end || *p->at != '}')
      fail(p, "a counted repetition is not closed");
    else
      p->at++;
    if (*high >= 0 && *high < *low) fail(p, "a repetition is counted from more to less");
  }
  /* Whether it takes as little as it can makes no difference to whether it matches. */
  if (p->at < p->end && *p->at == '?') p->at++;
  return true;
}

static int parse_cat(parser *p) {
  int made = leaf(p, NODE_EMPTY, 0);
  while (!p->problem && p->at < p->end && *p->at != '|' && !(*p->at == ')' && p->depth > 0)) {
    int atom = parse_atom(p), low, high;
    while (!p->problem && parse_quantifier(p, &low, &high)) {
      if (p->nodes[atom].kind == NODE_REPEAT) fail(p, "a quantifier has nothing to repeat");
      atom = add(p, (node){.kind = NODE_REPEAT, .left = atom, .low = low, .high = high});
    }
    made = add(p, (node){.kind = NODE_CAT, .left = made, .right = atom});
  }
  return made;
}

static int parse_or(parser *p) {
  int made = parse_cat(p);
  while (!p->problem && p->at < p->end && *p->at == '|') {
    p->at++;
    int right = parse_cat(p);
    made = add(p, (node){.kind = NODE_OR, .left = made, .right = right});
  }
  return made;
}

/* ---- the program ---- */

static uint32_t put(parser *p, op kind, uint32_t x, uint32_t y) {
  rn_regex *r = p->regex;
  if (r->size == RN_REGEX_PROGRAM_MAX) return (uint32_t)fail(p, too_large);
  r->program[r->size] = (instruction){kind, x, y};
  return r->size++;
}

static void emit(parser *p, int at);

static void emit_repeat(parser *p, const node *n) {
  rn_regex *r = p->regex;
  for (int i = 0; i < n->low && !p->problem; i++) emit(p, n->left);
  if (n->high < 0) {
    uint32_t split = put(p, OP_SPLIT, r->size + 1, 0);
    emit(p, n->left);
    put(p, OP_JUMP, split, 0);
    r->program[split].y = r->size;
    return;
  }
  /* x{0,2} is (x(x)?)?: each of them may end it. */
  uint32_t splits[RN_REGEX_REPEAT_MAX];
  int count = 0;
  for (int i = n->low; i < n->high && !p->problem; i++) {
    splits[count++] = put(p, OP_SPLIT, r->size + 1, 0);
    emit(p, n->left);
  }
  for (int i = 0; i < count && !p->problem; i++) r->program[splits[i]].y = r->size;
}

static void emit_or(parser *p, const node *n) {
  rn_regex *r = p->regex;
  uint32_t split = put(p, OP_SPLIT, r->size + 1, 0);
  emit(p, n->left);
  uint32_t jump = put(p, OP_JUMP, 0, 0);
  r->program[split].y = r->size;
  emit(p, n->right);
  r->program[jump].x = r->size;
}

static void emit(parser *p, int at) {
  const node *n = &p->nodes[at];
  if (p->problem) return;
  if (++p->emitted > EMITTED_MAX) {
    fail(p, too_large);
    return;
  }
  switch (n->kind) {
  case NODE_EMPTY: break;
  case NODE_CHAR: put(p, OP_CHAR, p->regex->fold ? rn_char_fold(n->value) : n->value, 0); break;
  case NODE_ANY: put(p, OP_ANY, 0, 0); break;
  case NODE_SET: put(p, OP_SET, n->value, 0); break;
  case NODE_ASSERT: put(p, OP_ASSERT, n->value, 0); break;
  case NODE_CAT:
    emit(p, n->left);
    emit(p, n->right);
    break;
  case NODE_OR: emit_or(p, n); break;
  case NODE_REPEAT: emit_repeat(p, n); break;
  }
}

rn_regex *rn_regex_compile(const char *pattern, size_t n, bool fold, const char **problem) {
  *problem = "out of memory";
  rn_regex *regex = NULL;
  parser *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  if (n > RN_REGEX_PATTERN_MAX) {
    *problem = "the pattern is longer than 1000 bytes";
    goto cleanup;
  }
  regex = calloc(1, sizeof *regex);
  if (!regex) goto cleanup;
  regex->fold = fold;
  p->regex = regex;
  p->at = pattern;
  p->end = pattern + n;
  add(p, (node){.kind = NODE_EMPTY}); /* what stands for a failure */
  emit(p, parse_or(p));
  put(p, OP_MATCH, 0, 0);
  if (p->problem) {
    *problem = p->problem;
    free(regex);
    regex = NULL;
  }

cleanup:
  free(p);
  return regex;
}

void rn_regex_free(rn_regex *regex) {
  free(regex);
}

/* ---- matching ---- */

static bool in_ranges(const rn_regex *r, const set *s, uint32_t c) {
  for (uint32_t i = s->first; i < s->first + s->count; i++) {
    if (c >= r->ranges[i].low && c <= r->ranges[i].high) return true;
  }
  return false;
}

/* Upper case of what rn_char_fold makes lower; the distances of its table. */
static bool in_ranges_upper(const rn_regex *r, const set *s, uint32_t lower) {
  static const int distances[] = {32, 1, 80, 48, 37, 63, 64, 38, -121};
  for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
    uint32_t upper = lower - (uint32_t)distances[i];
    if (upper < lower + 200 && rn_char_fold(upper) == lower && in_ranges(r, s, upper)) return true;
  }
  return false;
}

static bool in_set(const rn_regex *r, const set *s, uint32_t c) {
  bool found = in_ranges(r, s, c);
  if (!found && r->fold) {
    uint32_t lower = rn_char_fold(c);
    found = in_ranges(r, s, lower) || in_ranges_upper(r, s, lower);
  }
  return found != s->negated;
}

#define NO_CHAR UINT32_MAX

static bool is_word(uint32_t c) {
  return c != NO_CHAR && (c == '_' || (c < 0x80 ? is_letter((char)c) : c >= 0xC0));
}

static bool holds(uint32_t assertion, uint32_t before, uint32_t after) {
  switch (assertion) {
  case 'A': return before == NO_CHAR;
  case 'Z': return after == NO_CHAR;
  case 'm': return !is_word(before) && is_word(after);
  case 'M': return is_word(before) && !is_word(after);
  case 'y': return is_word(before) != is_word(after);
  default: return is_word(before) == is_word(after);
  }
}

/* Puts a state on the list, and all that it leads to without a character. true when it is the end. */
static bool follow(rn_regex *r, uint32_t start, uint32_t *list, uint32_t *count, uint32_t before,
                   uint32_t after) {
  uint32_t depth = 0;
  r->stack[depth++] = start;
  while (depth > 0) {
    uint32_t at = r->stack[--depth];
    if (r->seen[at] == r->turn) continue;
    r->seen[at] = r->turn;
    const instruction *i = &r->program[at];
    switch (i->op) {
    case OP_MATCH: return true;
    case OP_JUMP: r->stack[depth++] = i->x; break;
    case OP_SPLIT:
      r->stack[depth++] = i->y;
      r->stack[depth++] = i->x;
      break;
    case OP_ASSERT:
      if (holds(i->x, before, after)) r->stack[depth++] = at + 1;
      break;
    default: list[(*count)++] = at; break;
    }
  }
  return false;
}

static bool takes(const rn_regex *r, const instruction *i, uint32_t c) {
  if (i->op == OP_ANY) return true;
  if (i->op == OP_SET) return in_set(r, &r->sets[i->x], c);
  return i->x == (r->fold ? rn_char_fold(c) : c);
}

int rn_regex_match(rn_regex *r, const char *text, size_t n) {
  const char *at = text, *end = text + n;
  uint32_t *now = r->lists[0], *then = r->lists[1], count = 0, before = NO_CHAR;
  int64_t steps = 0;
  for (r->turn++;; r->turn++) {
    const char *next = at;
    uint32_t c = at < end ? rn_char_next(&next, end) : NO_CHAR, after = NO_CHAR, then_count = 0;
    if (before == NO_CHAR && follow(r, 0, now, &count, before, c)) return 1;
    if (c == NO_CHAR) return 0;
    const char *peek = next;
    if (next < end) after = rn_char_next(&peek, end);
    r->turn++;
    steps += count + 8;
    if (steps > RN_REGEX_STEPS_MAX) return -1;
    for (uint32_t i = 0; i < count; i++) {
      const instruction *in = &r->program[now[i]];
      if (takes(r, in, c) && follow(r, now[i] + 1, then, &then_count, c, after)) return 1;
    }
    /* A match may begin anywhere. */
    if (follow(r, 0, then, &then_count, c, after)) return 1;
    uint32_t *other = now;
    now = then;
    then = other;
    count = then_count;
    before = c;
    at = next;
  }
}
