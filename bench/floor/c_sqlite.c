/* `c` on SQLite: reads every value of every row with sqlite3_column_* and builds nothing. */
#include <stdio.h>

#include "c_floor.h"
#include "lite.h"

void floor_open(const char *where) {
  lite_open(where);
}

void floor_exec(const char *sql) {
  lite_exec(sql);
}

double floor_number(const char *sql) {
  return lite_number(sql);
}

static const char *text_of(sqlite3_stmt *s, int column) {
  return (const char *)sqlite3_column_text(s, column);
}

/* The length of a text value, having looked at its bytes; 0 for NULL. */
static double text_sum(sqlite3_stmt *s, int column) {
  const char *text = text_of(s, column);
  return text && text[0] ? sqlite3_column_bytes(s, column) : 0;
}

/* The length that the stored time has as ISO text. */
static double time_sum(sqlite3_stmt *s, int column) {
  char iso[BENCH_ISO_MAX];
  const char *text = text_of(s, column);
  return (double)bench_iso_from_text(text, (size_t)sqlite3_column_bytes(s, column), iso);
}

static const char *time_text(sqlite3_stmt *s, int column, char iso[BENCH_ISO_MAX]) {
  const char *text = text_of(s, column);
  bench_iso_from_text(text, (size_t)sqlite3_column_bytes(s, column), iso);
  return iso;
}

/* A user whose columns begin at c. */
static double user_sum_at(sqlite3_stmt *s, int c) {
  return sqlite3_column_int(s, c) + text_sum(s, c + 1) + text_sum(s, c + 2) + text_sum(s, c + 3) +
         sqlite3_column_int(s, c + 4) + sqlite3_column_double(s, c + 5) + sqlite3_column_int(s, c + 6) +
         text_sum(s, c + 7) + time_sum(s, c + 8) + time_sum(s, c + 9);
}

static double user_hash_at(sqlite3_stmt *s, int c) {
  char text[1024], created[BENCH_ISO_MAX], updated[BENCH_ISO_MAX];
  const char *bio = text_of(s, c + 7);
  snprintf(text, sizeof text, "%d|%s|%s|%s|%d|%.3f|%d|%s|%s|%s", sqlite3_column_int(s, c), text_of(s, c + 1),
           text_of(s, c + 2), text_of(s, c + 3), sqlite3_column_int(s, c + 4), sqlite3_column_double(s, c + 5),
           sqlite3_column_int(s, c + 6), bio ? bio : "-", time_text(s, c + 8, created),
           time_text(s, c + 9, updated));
  return bench_hash(text);
}

static double user_sum(sqlite3_stmt *s) {
  return user_sum_at(s, 0);
}

static double user_hash(sqlite3_stmt *s) {
  return user_hash_at(s, 0);
}

static double post_sum(sqlite3_stmt *s) {
  return sqlite3_column_int(s, 0) + sqlite3_column_int(s, 1) + text_sum(s, 2) + text_sum(s, 3) +
         text_sum(s, 4) + time_sum(s, 5);
}

static double post_hash(sqlite3_stmt *s) {
  char text[1024], published[BENCH_ISO_MAX];
  snprintf(text, sizeof text, "%d|%d|%s|%s|%s|%s", sqlite3_column_int(s, 0), sqlite3_column_int(s, 1),
           text_of(s, 2), text_of(s, 3), text_of(s, 4), time_text(s, 5, published));
  return bench_hash(text);
}

/* Over all rows that the statement still gives. */
static double users_sum(sqlite3_stmt *s, bool deep) {
  double sum = 0;
  while (lite_step(s)) sum += deep ? user_hash(s) : user_sum(s);
  return sum;
}

double floor_find(bool deep) {
  double sum = 0;
  sqlite3_stmt *s = lite_get(LITE_FIND);
  for (int i = 1; i <= BENCH_FINDS; i++) {
    sqlite3_bind_int(s, 1, bench_find_id(i));
    sum += users_sum(s, deep);
  }
  return sum;
}

double floor_all(bool deep) {
  return users_sum(lite_get(LITE_ALL), deep);
}

double floor_filter(bool deep) {
  double sum = 0;
  sqlite3_stmt *s = lite_get(LITE_FILTER);
  for (int q = 1; q <= BENCH_FILTERS; q++) {
    sqlite3_bind_int(s, 1, 18 + q % 20);
    sqlite3_bind_int(s, 2, 53 + q % 20);
    for (int k = 0; k < BENCH_NAMES_ASKED; k++)
      sqlite3_bind_text(s, 3 + k, bench_first_name(q + 3 * k), -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3 + BENCH_NAMES_ASKED, BENCH_LIMIT);
    sum += users_sum(s, deep);
  }
  return sum;
}

static double insert(const bench_user *u) {
  char now[BENCH_ISO_MAX];
  int size = (int)bench_stored_text(bench_wall_us(), now);
  sqlite3_stmt *s = lite_get(LITE_INSERT);
  sqlite3_bind_text(s, 1, u->first_name, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 2, u->last_name, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 3, u->email, -1, SQLITE_STATIC);
  sqlite3_bind_int(s, 4, u->age);
  sqlite3_bind_double(s, 5, u->score);
  sqlite3_bind_int(s, 6, u->is_active);
  sqlite3_bind_text(s, 7, u->bio, -1, SQLITE_STATIC); /* a NULL pointer binds NULL */
  sqlite3_bind_text(s, 8, now, size, SQLITE_STATIC);
  sqlite3_bind_text(s, 9, now, size, SQLITE_STATIC);
  while (lite_step(s)) continue;
  return (double)lite_last_id();
}

static double insert_all(const bench_user *users, int count) {
  double sum = 0;
  lite_run(LITE_BEGIN);
  for (int i = 0; i < count; i++) sum += insert(&users[i]);
  lite_run(LITE_COMMIT);
  return sum;
}

double floor_create(const bench_user *users) {
  return insert_all(users, BENCH_CREATES);
}

double floor_bulk(const bench_user *users) {
  return insert_all(users, BENCH_BULK);
}

double floor_include(bool deep) {
  double sum = 0;
  sqlite3_stmt *s = lite_get(LITE_PARENTS);
  lite_ids_start();
  sqlite3_bind_int(s, 1, BENCH_PARENTS);
  while (lite_step(s)) {
    lite_ids_add(sqlite3_column_int64(s, 0));
    sum += deep ? user_hash(s) : user_sum(s);
  }
  s = lite_get(LITE_CHILDREN);
  lite_ids_bind(s, 1);
  while (lite_step(s)) sum += deep ? post_hash(s) : post_sum(s);
  return sum;
}

/* The row of a post with its author from column 6 and that one's profile from column 16. */
static double nested_sum(sqlite3_stmt *s) {
  return post_sum(s) + user_sum_at(s, 6) + sqlite3_column_int(s, 16) + sqlite3_column_int(s, 17) + text_sum(s, 18) +
         text_sum(s, 19);
}

static double nested_hash(sqlite3_stmt *s) {
  char text[1024];
  snprintf(text, sizeof text, "%d|%d|%s|%s", sqlite3_column_int(s, 16), sqlite3_column_int(s, 17), text_of(s, 18),
           text_of(s, 19));
  return post_hash(s) + user_hash_at(s, 6) + bench_hash(text);
}

static double tag_sum(sqlite3_stmt *s) {
  return sqlite3_column_int(s, 0) + text_sum(s, 1) + text_sum(s, 2) + sqlite3_column_int(s, 3) +
         sqlite3_column_int(s, 4) + sqlite3_column_int(s, 5);
}

static double tag_hash(sqlite3_stmt *s) {
  char text[1024];
  snprintf(text, sizeof text, "%d|%s|%s|%d|%d|%d", sqlite3_column_int(s, 0), text_of(s, 1), text_of(s, 2),
           sqlite3_column_int(s, 3), sqlite3_column_int(s, 4), sqlite3_column_int(s, 5));
  return bench_hash(text);
}

double floor_nested(bool deep) {
  double sum = 0;
  for (int k = 0; k < BENCH_NESTED; k++) {
    sqlite3_stmt *s = lite_get(LITE_POSTS);
    lite_ids_start();
    sqlite3_bind_int(s, 1, BENCH_PAGE);
    while (lite_step(s)) {
      lite_ids_add(sqlite3_column_int64(s, 0));
      sum += deep ? nested_hash(s) : nested_sum(s);
    }
    s = lite_get(LITE_TAGS);
    lite_ids_bind(s, 1);
    while (lite_step(s)) sum += deep ? tag_hash(s) : tag_sum(s);
  }
  return sum;
}

static void save(int id, int age) {
  char now[BENCH_ISO_MAX];
  int size = (int)bench_stored_text(bench_wall_us(), now);
  sqlite3_stmt *s = lite_get(LITE_SAVE);
  sqlite3_bind_int(s, 1, age);
  sqlite3_bind_text(s, 2, now, size, SQLITE_STATIC);
  sqlite3_bind_int(s, 3, id);
  while (lite_step(s)) continue;
}

double floor_save(void) {
  double sum = 0;
  lite_run(LITE_BEGIN);
  for (int id = 1; id <= BENCH_SAVES; id++) {
    save(id, bench_new_age(id));
    sum += id;
  }
  lite_run(LITE_COMMIT);
  return sum;
}

double floor_transactions(const bench_user *users) {
  double sum = 0;
  sqlite3_stmt *s = lite_get(LITE_PAIR);
  for (int i = 1; i <= BENCH_TRANSACTIONS; i++) {
    lite_run(LITE_BEGIN);
    sqlite3_bind_int(s, 1, 2 * i - 1);
    sqlite3_bind_int(s, 2, 2 * i);
    sum += users_sum(s, false);
    save(2 * i - 1, bench_new_age(i));
    save(2 * i, bench_new_age(i));
    sum += insert(&users[i - 1]);
    lite_run(LITE_COMMIT);
  }
  return sum;
}
