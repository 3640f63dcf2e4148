/* See lite.h. The statements of every workload stand here, in one place for both SQLite floors. */
#include "lite.h"

#include <stdlib.h>
#include <string.h>

#define USER "id, first_name, last_name, email, age, score, is_active, bio, created_at, updated_at"
#define NEW_USER "first_name, last_name, email, age, score, is_active, bio, created_at, updated_at"
#define POST "id, user_id, title, content, status, published_at"
#define POST_AND_AUTHOR                                                                            \
  "p.id, p.user_id, p.title, p.content, p.status, p.published_at, u.id, u.first_name, u.last_name, " \
  "u.email, u.age, u.score, u.is_active, u.bio, u.created_at, u.updated_at, f.id, f.user_id, f.bio, " \
  "f.website"
#define TAG "t.id, t.name, t.slug, l.post_id, l.tag_id, l.relevance"

static const char *const statements[LITE_STATEMENTS] = {
    [LITE_FIND] = "SELECT " USER " FROM users WHERE id = ?",
    [LITE_ALL] = "SELECT " USER " FROM users",
    [LITE_FILTER] =
        "SELECT " USER " FROM users WHERE age >= ? AND age <= ? AND first_name IN (?, ?, ?, ?, ?) "
        "ORDER BY id LIMIT ?",
    [LITE_INSERT] = "INSERT INTO users (" NEW_USER ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [LITE_PARENTS] = "SELECT " USER " FROM users ORDER BY id LIMIT ?",
    [LITE_CHILDREN] = "SELECT " POST " FROM posts WHERE user_id IN (SELECT value FROM json_each(?))",
    [LITE_POSTS] =
        "SELECT " POST_AND_AUTHOR " FROM posts p LEFT JOIN users u ON u.id = p.user_id "
        "LEFT JOIN profiles f ON f.user_id = u.id ORDER BY p.id LIMIT ?",
    [LITE_TAGS] =
        "SELECT " TAG " FROM tags t JOIN post_tags l ON l.tag_id = t.id "
        "WHERE l.post_id IN (SELECT value FROM json_each(?))",
    [LITE_SAVE] = "UPDATE users SET age = ?, updated_at = ? WHERE id = ?",
    [LITE_PAIR] = "SELECT " USER " FROM users WHERE id IN (?, ?) ORDER BY id",
    [LITE_BEGIN] = "BEGIN IMMEDIATE",
    [LITE_COMMIT] = "COMMIT",
};

static sqlite3 *connection;
static struct {
  char *text;
  size_t size, capacity;
} ids;

static void check(int code) {
  if (code != SQLITE_OK) bench_die("%s", sqlite3_errmsg(connection));
}

void lite_open(const char *path) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  check(sqlite3_open_v2(path, &connection, flags, NULL));
  lite_exec("PRAGMA journal_mode = WAL");
  lite_exec("PRAGMA synchronous = OFF");
  lite_exec("PRAGMA foreign_keys = ON");
}

void lite_exec(const char *sql) {
  check(sqlite3_exec(connection, sql, NULL, NULL, NULL));
}

double lite_number(const char *sql) {
  sqlite3_stmt *s;
  check(sqlite3_prepare_v2(connection, sql, -1, &s, NULL));
  if (sqlite3_step(s) != SQLITE_ROW) bench_die("%s", sqlite3_errmsg(connection));
  double v = sqlite3_column_double(s, 0);
  sqlite3_finalize(s);
  return v;
}

/* Prepared when first used: the tables may not be there yet when the file is opened. */
sqlite3_stmt *lite_get(lite_statement which) {
  static sqlite3_stmt *prepared[LITE_STATEMENTS];
  if (!prepared[which])
    check(sqlite3_prepare_v3(connection, statements[which], -1, SQLITE_PREPARE_PERSISTENT, &prepared[which],
                             NULL));
  return prepared[which];
}

bool lite_step(sqlite3_stmt *s) {
  int code = sqlite3_step(s);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) bench_die("%s", sqlite3_errmsg(connection));
  sqlite3_reset(s);
  return false;
}

void lite_run(lite_statement which) {
  sqlite3_stmt *s = lite_get(which);
  while (lite_step(s)) continue;
}

int64_t lite_last_id(void) {
  return sqlite3_last_insert_rowid(connection);
}

static void ids_put(const char *bytes, size_t size) {
  if (ids.size + size > ids.capacity) {
    ids.capacity = (ids.size + size) * 2;
    ids.text = realloc(ids.text, ids.capacity);
    if (!ids.text) bench_die("out of memory");
  }
  memcpy(ids.text + ids.size, bytes, size);
  ids.size += size;
}

void lite_ids_start(void) {
  ids.size = 0;
}

void lite_ids_add(int64_t id) {
  char digits[24];
  size_t k = sizeof digits;
  do digits[--k] = (char)('0' + id % 10);
  while (id /= 10);
  digits[--k] = ids.size ? ',' : '[';
  ids_put(digits + k, sizeof digits - k);
}

void lite_ids_bind(sqlite3_stmt *s, int parameter) {
  ids_put("]", 1);
  sqlite3_bind_text(s, parameter, ids.text, (int)ids.size, SQLITE_STATIC);
}
