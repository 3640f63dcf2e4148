/* Functions for the operators of PostgreSQL that SQLite has not, or not with that meaning: LIKE and ILIKE,
 * regular expressions, containment and keys of documents. Registered by open(); called by SQLite on the
 * thread that steps. Hold nothing but a compiled pattern for as long as a statement runs. */
#include "driver/sqlite.h"

#include "value/json.h"
#include "value/match.h"

typedef struct text {
  const char *bytes;
  size_t size;
} text;

/* The two texts of a call; false when one is NULL, which the result then is. */
static bool texts_of(sqlite3_context *context, sqlite3_value **args, text *a, text *b) {
  if (sqlite3_value_type(args[0]) == SQLITE_NULL || sqlite3_value_type(args[1]) == SQLITE_NULL) {
    sqlite3_result_null(context);
    return false;
  }
  *a = (text){(const char *)sqlite3_value_text(args[0]), (size_t)sqlite3_value_bytes(args[0])};
  *b = (text){(const char *)sqlite3_value_text(args[1]), (size_t)sqlite3_value_bytes(args[1])};
  if (a->bytes && b->bytes) return true;
  sqlite3_result_error_nomem(context);
  return false;
}

static bool is_folding(sqlite3_context *context) {
  return sqlite3_user_data(context) != NULL;
}

static void like(sqlite3_context *context, int count, sqlite3_value **args) {
  text subject, pattern;
  (void)count;
  if (!texts_of(context, args, &subject, &pattern)) return;
  int answer = rn_like(pattern.bytes, pattern.size, subject.bytes, subject.size, is_folding(context));
  if (answer < 0)
    sqlite3_result_error(context, "the pattern of LIKE ends with its escape character", -1);
  else
    sqlite3_result_int(context, answer);
}

static void free_regex(void *regex) {
  rn_regex_free(regex);
}

/* A pattern that is the same for all rows is compiled once. */
static void regexp(sqlite3_context *context, int count, sqlite3_value **args) {
  text subject, pattern;
  (void)count;
  if (!texts_of(context, args, &subject, &pattern)) return;
  rn_regex *regex = sqlite3_get_auxdata(context, 1);
  bool kept = regex != NULL;
  if (!kept) {
    const char *problem;
    regex = rn_regex_compile(pattern.bytes, pattern.size, is_folding(context), &problem);
    if (!regex) {
      char *message = sqlite3_mprintf("invalid regular expression: %s", problem);
      sqlite3_result_error(context, message ? message : problem, -1);
      sqlite3_free(message);
      return;
    }
  }
  int answer = rn_regex_match(regex, subject.bytes, subject.size);
  if (answer < 0)
    sqlite3_result_error(context, "a regular expression takes too many steps", -1);
  else
    sqlite3_result_int(context, answer);
  if (!kept) sqlite3_set_auxdata(context, 1, regex, free_regex);
}

typedef int (*question)(const char *a, size_t na, const char *b, size_t nb);

static void ask(sqlite3_context *context, sqlite3_value **args, question put) {
  text a, b;
  if (!texts_of(context, args, &a, &b)) return;
  int answer = put(a.bytes, a.size, b.bytes, b.size);
  if (answer < 0)
    sqlite3_result_error(context, "malformed JSON", -1);
  else
    sqlite3_result_int(context, answer);
}

static void contains(sqlite3_context *context, int count, sqlite3_value **args) {
  (void)count;
  ask(context, args, rn_json_contains);
}

static void overlap(sqlite3_context *context, int count, sqlite3_value **args) {
  (void)count;
  ask(context, args, rn_json_overlap);
}

static void has(sqlite3_context *context, int count, sqlite3_value **args) {
  (void)count;
  ask(context, args, rn_json_has);
}

static void get(sqlite3_context *context, int count, sqlite3_value **args) {
  text document, key;
  rn_json_slice value;
  bool found;
  (void)count;
  if (!texts_of(context, args, &document, &key)) return;
  if (!rn_json_member(document.bytes, document.size, key.bytes, key.size, &value, &found)) {
    sqlite3_result_error(context, "malformed JSON", -1);
  } else if (found) {
    sqlite3_result_text64(context, value.bytes, value.size, SQLITE_TRANSIENT, SQLITE_UTF8);
  } else {
    sqlite3_result_null(context);
  }
}

static char folding; /* whose address says that letters are folded */

static const struct {
  const char *name;
  void *context;
  void (*call)(sqlite3_context *, int, sqlite3_value **);
} functions[] = {
    {"rowan_like", NULL, like},
    {"rowan_ilike", &folding, like},
    {"rowan_regexp", NULL, regexp},
    {"rowan_iregexp", &folding, regexp},
    {"rowan_json_contains", NULL, contains},
    {"rowan_json_overlap", NULL, overlap},
    {"rowan_json_has", NULL, has},
    {"rowan_json_get", NULL, get},
};

int rn_sqlite_operators_register(sqlite3 *db) {
  int rc = SQLITE_OK;
  /* They give nothing away but what they are given, so views and indexes of a file may use them. */
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++) {
    rc = sqlite3_create_function_v2(db, functions[i].name, 2, flags, functions[i].context, functions[i].call,
                                    NULL, NULL, NULL);
  }
  return rc;
}
