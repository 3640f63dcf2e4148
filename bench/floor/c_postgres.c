/* `c` on PostgreSQL: reads every value of every row from libpq's binary results and builds nothing. */
#include <stdio.h>

#include "c_floor.h"
#include "pg.h"

void floor_open(const char *where) {
  pg_open(where);
}

void floor_exec(const char *sql) {
  pg_exec(sql);
}

double floor_number(const char *sql) {
  return pg_number(sql);
}

/* The length of a text value, having looked at its bytes. */
static double text_sum(const PGresult *r, int row, int column) {
  return PQgetvalue(r, row, column)[0] ? PQgetlength(r, row, column) : 0;
}

/* A user whose columns begin at c. */
static double user_sum_at(const PGresult *r, int i, int c) {
  return pg_get32(PQgetvalue(r, i, c)) + text_sum(r, i, c + 1) + text_sum(r, i, c + 2) + text_sum(r, i, c + 3) +
         pg_get32(PQgetvalue(r, i, c + 4)) + pg_get_double(PQgetvalue(r, i, c + 5)) + *PQgetvalue(r, i, c + 6) +
         (PQgetisnull(r, i, c + 7) ? 0 : text_sum(r, i, c + 7)) +
         (double)bench_iso_size(pg_get_time(PQgetvalue(r, i, c + 8))) +
         (double)bench_iso_size(pg_get_time(PQgetvalue(r, i, c + 9)));
}

static double user_hash_at(const PGresult *r, int i, int c) {
  char text[1024], created[BENCH_ISO_MAX], updated[BENCH_ISO_MAX];
  bench_iso(pg_get_time(PQgetvalue(r, i, c + 8)), created);
  bench_iso(pg_get_time(PQgetvalue(r, i, c + 9)), updated);
  snprintf(text, sizeof text, "%d|%s|%s|%s|%d|%.3f|%d|%s|%s|%s", pg_get32(PQgetvalue(r, i, c)),
           PQgetvalue(r, i, c + 1), PQgetvalue(r, i, c + 2), PQgetvalue(r, i, c + 3),
           pg_get32(PQgetvalue(r, i, c + 4)), pg_get_double(PQgetvalue(r, i, c + 5)), *PQgetvalue(r, i, c + 6),
           PQgetisnull(r, i, c + 7) ? "-" : PQgetvalue(r, i, c + 7), created, updated);
  return bench_hash(text);
}

static double user_sum(const PGresult *r, int i) {
  return user_sum_at(r, i, 0);
}

static double user_hash(const PGresult *r, int i) {
  return user_hash_at(r, i, 0);
}

static double post_sum(const PGresult *r, int i) {
  return pg_get32(PQgetvalue(r, i, 0)) + pg_get32(PQgetvalue(r, i, 1)) + text_sum(r, i, 2) +
         text_sum(r, i, 3) + text_sum(r, i, 4) + (double)bench_iso_size(pg_get_time(PQgetvalue(r, i, 5)));
}

static double post_hash(const PGresult *r, int i) {
  char text[1024], published[BENCH_ISO_MAX];
  bench_iso(pg_get_time(PQgetvalue(r, i, 5)), published);
  snprintf(text, sizeof text, "%d|%d|%s|%s|%s|%s", pg_get32(PQgetvalue(r, i, 0)),
           pg_get32(PQgetvalue(r, i, 1)), PQgetvalue(r, i, 2), PQgetvalue(r, i, 3), PQgetvalue(r, i, 4),
           published);
  return bench_hash(text);
}

/* Over all rows of the result, which is cleared. */
static double users_sum(PGresult *r, bool deep) {
  double sum = 0;
  for (int i = 0, n = PQntuples(r); i < n; i++) sum += deep ? user_hash(r, i) : user_sum(r, i);
  PQclear(r);
  return sum;
}

double floor_find(bool deep) {
  double sum = 0;
  pg_params p;
  for (int i = 1; i <= BENCH_FINDS; i++) {
    pg_int(&p, 0, bench_find_id(i));
    sum += users_sum(pg_run(PG_FIND, &p), deep);
  }
  return sum;
}

double floor_all(bool deep) {
  return users_sum(pg_run(PG_ALL, NULL), deep);
}

double floor_filter(bool deep) {
  static pg_array names;
  double sum = 0;
  pg_params p;
  for (int q = 1; q <= BENCH_FILTERS; q++) {
    pg_array_start(&names, 25);
    for (int k = 0; k < BENCH_NAMES_ASKED; k++) {
      const char *name = bench_first_name(q + 3 * k);
      pg_array_add(&names, name, strlen(name));
    }
    pg_int(&p, 0, 18 + q % 20);
    pg_int(&p, 1, 53 + q % 20);
    pg_array_bind(&names, &p, 2);
    pg_wide(&p, 3, BENCH_LIMIT);
    sum += users_sum(pg_run(PG_FILTER, &p), deep);
  }
  return sum;
}

static int insert(const bench_user *u) {
  pg_params p;
  pg_text(&p, 0, u->first_name);
  pg_text(&p, 1, u->last_name);
  pg_text(&p, 2, u->email);
  pg_int(&p, 3, u->age);
  pg_wide(&p, 4, pg_double_bits(u->score));
  pg_bool(&p, 5, u->is_active);
  pg_text(&p, 6, u->bio);
  pg_now(&p, 7);
  pg_bytes(&p, 8, p.scalars[7], 8);
  PGresult *r = pg_run(PG_INSERT, &p);
  int id = pg_get32(PQgetvalue(r, 0, 0));
  PQclear(r);
  return id;
}

double floor_create(const bench_user *users) {
  double sum = 0;
  pg_exec("BEGIN");
  for (int i = 0; i < BENCH_CREATES; i++) sum += insert(&users[i]);
  pg_exec("COMMIT");
  return sum;
}

static double bulk_chunk(const bench_user *users, int count) {
  static const uint32_t oids[9] = {25, 25, 25, 23, 701, 16, 25, 1184, 1184};
  static pg_array a[9];
  double sum = 0;
  pg_params p;
  uint64_t now = (uint64_t)(bench_wall_us() - PG_EPOCH_US);
  for (int k = 0; k < 9; k++) pg_array_start(&a[k], oids[k]);
  for (int i = 0; i < count; i++) {
    const bench_user *u = &users[i];
    char active = (char)u->is_active;
    pg_array_add(&a[0], u->first_name, strlen(u->first_name));
    pg_array_add(&a[1], u->last_name, strlen(u->last_name));
    pg_array_add(&a[2], u->email, strlen(u->email));
    pg_array_add32(&a[3], (uint32_t)u->age);
    pg_array_add64(&a[4], pg_double_bits(u->score));
    pg_array_add(&a[5], &active, 1);
    pg_array_add(&a[6], u->bio, u->bio ? strlen(u->bio) : 0);
    pg_array_add64(&a[7], now);
    pg_array_add64(&a[8], now);
  }
  for (int k = 0; k < 9; k++) pg_array_bind(&a[k], &p, k);
  PGresult *r = pg_run(PG_BULK, &p);
  for (int i = 0; i < count; i++) sum += pg_get32(PQgetvalue(r, i, 0));
  PQclear(r);
  return sum;
}

double floor_bulk(const bench_user *users) {
  double sum = 0;
  pg_exec("BEGIN");
  for (int i = 0; i < BENCH_BULK; i += BENCH_CHUNK) sum += bulk_chunk(users + i, BENCH_CHUNK);
  pg_exec("COMMIT");
  return sum;
}

double floor_include(bool deep) {
  static pg_array ids;
  double sum = 0;
  pg_params p;
  pg_wide(&p, 0, BENCH_PARENTS);
  PGresult *r = pg_run(PG_PARENTS, &p);
  pg_array_start(&ids, 23);
  for (int i = 0, n = PQntuples(r); i < n; i++) pg_array_add32(&ids, (uint32_t)pg_get32(PQgetvalue(r, i, 0)));
  sum += users_sum(r, deep);
  pg_array_bind(&ids, &p, 0);
  r = pg_run(PG_CHILDREN, &p);
  for (int i = 0, n = PQntuples(r); i < n; i++) sum += deep ? post_hash(r, i) : post_sum(r, i);
  PQclear(r);
  return sum;
}

/* The row of a post with its author from column 6 and that one's profile from column 16. */
static double nested_sum(const PGresult *r, int i) {
  return post_sum(r, i) + user_sum_at(r, i, 6) + pg_get32(PQgetvalue(r, i, 16)) + pg_get32(PQgetvalue(r, i, 17)) +
         text_sum(r, i, 18) + text_sum(r, i, 19);
}

static double nested_hash(const PGresult *r, int i) {
  char text[1024];
  snprintf(text, sizeof text, "%d|%d|%s|%s", pg_get32(PQgetvalue(r, i, 16)), pg_get32(PQgetvalue(r, i, 17)),
           PQgetvalue(r, i, 18), PQgetvalue(r, i, 19));
  return post_hash(r, i) + user_hash_at(r, i, 6) + bench_hash(text);
}

static double tag_sum(const PGresult *r, int i) {
  return pg_get32(PQgetvalue(r, i, 0)) + text_sum(r, i, 1) + text_sum(r, i, 2) + pg_get32(PQgetvalue(r, i, 3)) +
         pg_get32(PQgetvalue(r, i, 4)) + pg_get32(PQgetvalue(r, i, 5));
}

static double tag_hash(const PGresult *r, int i) {
  char text[1024];
  snprintf(text, sizeof text, "%d|%s|%s|%d|%d|%d", pg_get32(PQgetvalue(r, i, 0)), PQgetvalue(r, i, 1),
           PQgetvalue(r, i, 2), pg_get32(PQgetvalue(r, i, 3)), pg_get32(PQgetvalue(r, i, 4)),
           pg_get32(PQgetvalue(r, i, 5)));
  return bench_hash(text);
}

static double nested_page(bool deep) {
  static pg_array ids;
  double sum = 0;
  pg_params p;
  pg_wide(&p, 0, BENCH_PAGE);
  PGresult *r = pg_run(PG_POSTS, &p);
  pg_array_start(&ids, 23);
  for (int i = 0, n = PQntuples(r); i < n; i++) {
    pg_array_add32(&ids, (uint32_t)pg_get32(PQgetvalue(r, i, 0)));
    sum += deep ? nested_hash(r, i) : nested_sum(r, i);
  }
  PQclear(r);
  pg_array_bind(&ids, &p, 0);
  r = pg_run(PG_TAGS, &p);
  for (int i = 0, n = PQntuples(r); i < n; i++) sum += deep ? tag_hash(r, i) : tag_sum(r, i);
  PQclear(r);
  return sum;
}

double floor_nested(bool deep) {
  double sum = 0;
  for (int k = 0; k < BENCH_NESTED; k++) sum += nested_page(deep);
  return sum;
}

typedef struct flight_sum {
  double sum;
  bool deep;
} flight_sum;

static void take_user(void *context, const PGresult *r) {
  flight_sum *f = context;
  f->sum += f->deep ? user_hash(r, 0) : user_sum(r, 0);
}

double floor_flight(bool deep) {
  flight_sum f = {.deep = deep};
  pg_flight(BENCH_FLIGHT, take_user, &f);
  return f.sum;
}

static void save(int id, int age) {
  pg_params p;
  pg_int(&p, 0, age);
  pg_now(&p, 1);
  pg_int(&p, 2, id);
  PQclear(pg_run(PG_SAVE, &p));
}

double floor_save(void) {
  double sum = 0;
  pg_exec("BEGIN");
  for (int id = 1; id <= BENCH_SAVES; id++) {
    save(id, bench_new_age(id));
    sum += id;
  }
  pg_exec("COMMIT");
  return sum;
}

double floor_transactions(const bench_user *users) {
  static pg_array pair;
  double sum = 0;
  pg_params p;
  for (int i = 1; i <= BENCH_TRANSACTIONS; i++) {
    pg_exec("BEGIN");
    pg_array_start(&pair, 23);
    pg_array_add32(&pair, (uint32_t)(2 * i - 1));
    pg_array_add32(&pair, (uint32_t)(2 * i));
    pg_array_bind(&pair, &p, 0);
    sum += users_sum(pg_run(PG_PAIR, &p), false);
    save(2 * i - 1, bench_new_age(i));
    save(2 * i, bench_new_age(i));
    sum += insert(&users[i - 1]);
    pg_exec("COMMIT");
  }
  return sum;
}
