/* PostgreSQL's diagnostics as rn_error fields. Called by the other files of this driver. Messages are shown
 * and never parsed, but for the SQLSTATE of a refused connection, which libpq 15 hands out in no other way.
 */
#define _GNU_SOURCE 1 /* strcasestr */
#include "driver/postgres.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

static size_t trimmed(const char *text) {
  size_t n = strlen(text);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) n--;
  return n;
}

static void set_message(rn_error *err, rn_error_kind kind, const char *text) {
  const size_t n = text ? trimmed(text) : 0;
  if (n > 0) {
    rn_error_set(err, kind, "%.*s", (int)n, text);
  } else {
    rn_error_set(err, kind, "%s", "the connection to the server was lost");
  }
}

static void copy_field(char **field, const PGresult *result, int code) {
  const char *text = PQresultErrorField(result, code);
  if (text) rn_error_text(field, text, strlen(text));
}

bool rn_pg_field_is(const PGresult *result, int field, const char *text) {
  const char *value = PQresultErrorField(result, field);
  return value && strcmp(value, text) == 0;
}

bool rn_pg_plan_is_stale(const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate && strcmp(sqlstate, "0A000") == 0) {
    return rn_pg_field_is(result, PG_DIAG_SOURCE_FUNCTION, "RevalidateCachedQuery");
  }
  /* Parsed again it may not go with the types that its parameters had. A place in the text is named while it
   * is parsed, never while it runs. */
  return sqlstate && strncmp(sqlstate, "42", 2) == 0 &&
         PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
}

bool rn_pg_alters_columns(const char *tag) {
  static const char *const tags[] = {"ALTER TABLE", "DROP TABLE", "ALTER TYPE",
                                     "DROP TYPE",   "DROP VIEW",  "DROP SCHEMA"};
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    if (strcmp(tag, tags[i]) == 0) return true;
  }
  return false;
}

/* The row in "COPY table, line 7, column a: ..." (in the server's language, a few of which begin otherwise),
 * or 0. Only that: what follows is the value. */
static int copied_row(const char *context) {
  if (!context || strncmp(context, "COPY ", 5) != 0) return 0;
  const char *line = strstr(context, ", line ");
  if (!line) line = strstr(context, ", ");
  if (!line) return 0;
  return atoi(line + strcspn(line, "0123456789:\"\n"));
}

void rn_pg_error_result(rn_error *err, rn_error_kind kind, const PGresult *result) {
  if (!err) return;
  const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  set_message(err, kind, primary ? primary : PQresultErrorMessage(result));
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate && strlen(sqlstate) == 5) memcpy(err->sqlstate, sqlstate, 6);
  const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  if (position) err->position = atoi(position);
  err->row = copied_row(PQresultErrorField(result, PG_DIAG_CONTEXT));
  copy_field(&err->detail, result, PG_DIAG_MESSAGE_DETAIL);
  copy_field(&err->hint, result, PG_DIAG_MESSAGE_HINT);
  copy_field(&err->schema, result, PG_DIAG_SCHEMA_NAME);
  copy_field(&err->table, result, PG_DIAG_TABLE_NAME);
  copy_field(&err->column, result, PG_DIAG_COLUMN_NAME);
  copy_field(&err->constraint, result, PG_DIAG_CONSTRAINT_NAME);
}

void rn_pg_error_conn(rn_error *err, rn_error_kind kind, const PGconn *conn) {
  if (err) set_message(err, kind, PQerrorMessage(conn));
}

static bool state_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* Where ":  28P01: " starts in a line, or NULL. */
static const char *find_state(const char *line, size_t n) {
  for (size_t i = 0; i + 10 <= n; i++) {
    if (memcmp(line + i, ":  ", 3) != 0 || line[i + 8] != ':' || line[i + 9] != ' ') continue;
    size_t k = 0;
    while (k < 5 && state_char(line[i + 3 + k])) k++;
    if (k == 5) return line + i;
  }
  return NULL;
}

/* "LOCATION:  auth_failed, auth.c:335", whose first word is translated. */
static bool is_location(const char *line, size_t n) {
  size_t digits = 0;
  while (digits < n && line[n - 1 - digits] >= '0' && line[n - 1 - digits] <= '9') digits++;
  return digits > 0 && n > digits + 3 && memcmp(line + n - digits - 3, ".c:", 3) == 0;
}

void rn_pg_error_connect(rn_error *err, const PGconn *conn) {
  if (!err) return;
  rn_buf text = {0};
  char sqlstate[6] = "";
  const char *line = PQerrorMessage(conn);
  while (*line) {
    const size_t n = strcspn(line, "\n");
    const char *state = find_state(line, n);
    if (state) {
      memcpy(sqlstate, state + 3, 5);
      const size_t head = (size_t)(state - line) + 3;
      rn_buf_add(&text, line, head - 1); /* "FATAL: " with one space, as in terse messages */
      rn_buf_add(&text, state + 10, n - head - 7);
      rn_buf_char(&text, '\n');
    } else if (!is_location(line, n)) {
      rn_buf_add(&text, line, n);
      rn_buf_char(&text, '\n');
    }
    line += n;
    if (*line) line++;
  }
  set_message(err, RN_E_CONNECT, text.failed || !text.data ? NULL : text.data);
  memcpy(err->sqlstate, sqlstate, sizeof sqlstate);
  rn_buf_free(&text);
}

static bool first_word_is(const char *text, const char *word) {
  const size_t n = strlen(word);
  return strncasecmp(text, word, n) == 0 && !(text[n] >= 'a' && text[n] <= 'z') && text[n] != '_';
}

/* Behind spaces and comments; block comments nest. */
static const char *first_word(const char *text) {
  for (;;) {
    text += strspn(text, " \t\r\n\f\v;");
    if (text[0] == '-' && text[1] == '-') {
      text += strcspn(text, "\n");
    } else if (text[0] == '/' && text[1] == '*') {
      int depth = 0;
      do {
        const bool opens = text[0] == '/' && text[1] == '*', closes = text[0] == '*' && text[1] == '/';
        depth += opens - closes;
        text += opens || closes ? 2 : 1;
      } while (depth > 0 && *text);
    } else {
      return text;
    }
  }
}

bool rn_pg_commit_refused(const rn_statement *statement, PGresult *result) {
  if (strcmp(PQcmdStatus(result), "ROLLBACK") != 0) return false;
  const char *text = statement->text;
  if (statement->script) return !strcasestr(text, "rollback") && !strcasestr(text, "abort");
  const char *word = first_word(text);
  return !first_word_is(word, "rollback") && !first_word_is(word, "abort");
}
