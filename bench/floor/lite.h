/* sqlite3 by hand, for the SQLite floors (c_sqlite.c, lua_sqlite.c): one connection, statements prepared
 * once. Everything here ends the program on an error. */
#ifndef BENCH_LITE_H
#define BENCH_LITE_H

#include <sqlite3.h>

#include "bench.h"

typedef enum {
  LITE_FIND,
  LITE_ALL,
  LITE_FILTER,
  LITE_INSERT,
  LITE_PARENTS,
  LITE_CHILDREN,
  LITE_POSTS,
  LITE_TAGS,
  LITE_SAVE,
  LITE_PAIR,
  LITE_BEGIN,
  LITE_COMMIT,
  LITE_STATEMENTS
} lite_statement;

void lite_open(const char *path);
void lite_exec(const char *sql);
double lite_number(const char *sql);
sqlite3_stmt *lite_get(lite_statement which); /* ready to be bound; the caller resets it when it is through */
bool lite_step(sqlite3_stmt *s);     /* true: a row is there; false: done, and the statement is reset */
void lite_run(lite_statement which); /* a statement without rows or parameters */
int64_t lite_last_id(void);

/* The ids whose children are wanted, as a JSON list. The text is kept and reused from call to call. */
void lite_ids_start(void);
void lite_ids_add(int64_t id);
void lite_ids_bind(sqlite3_stmt *s, int parameter);

#endif
