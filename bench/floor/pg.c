/* See pg.h. The statements of every workload stand here, in one place for both PostgreSQL floors. */
#include "pg.h"

#include <poll.h>
#include <stdlib.h>

#define USER "id, first_name, last_name, email, age, score, is_active, bio, created_at, updated_at"
#define NEW_USER "first_name, last_name, email, age, score, is_active, bio, created_at, updated_at"
#define POST "id, user_id, title, content, status, published_at"
#define POST_AND_AUTHOR                                                                            \
  "p.id, p.user_id, p.title, p.content, p.status, p.published_at, u.id, u.first_name, u.last_name, " \
  "u.email, u.age, u.score, u.is_active, u.bio, u.created_at, u.updated_at, f.id, f.user_id, f.bio, " \
  "f.website"
#define TAG "t.id, t.name, t.slug, l.post_id, l.tag_id, l.relevance"

enum { INT4 = 23, INT8 = 20, TEXT = 25, BOOL = 16, FLOAT8 = 701, TIME = 1184 };
enum { INT4S = 1007, TEXTS = 1009, BOOLS = 1000, FLOAT8S = 1022, TIMES = 1185 };

typedef struct statement {
  const char *name, *sql;
  int count;
  Oid types[PG_MAX_PARAMS];
} statement;

static const statement statements[PG_STATEMENTS] = {
    [PG_FIND] = {"find", "SELECT " USER " FROM users WHERE id = $1", 1, {INT4}},
    [PG_ALL] = {"all", "SELECT " USER " FROM users", 0, {0}},
    [PG_FILTER] = {"filter",
                   "SELECT " USER " FROM users WHERE age >= $1 AND age <= $2 AND first_name = ANY($3) "
                   "ORDER BY id LIMIT $4",
                   4,
                   {INT4, INT4, TEXTS, INT8}},
    [PG_INSERT] = {"insert",
                   "INSERT INTO users (" NEW_USER
                   ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
                   9,
                   {TEXT, TEXT, TEXT, INT4, FLOAT8, BOOL, TEXT, TIME, TIME}},
    [PG_BULK] = {"bulk",
                 "INSERT INTO users (" NEW_USER ") SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                 "RETURNING id",
                 9,
                 {TEXTS, TEXTS, TEXTS, INT4S, FLOAT8S, BOOLS, TEXTS, TIMES, TIMES}},
    [PG_PARENTS] = {"parents", "SELECT " USER " FROM users ORDER BY id LIMIT $1", 1, {INT8}},
    [PG_CHILDREN] = {"children", "SELECT " POST " FROM posts WHERE user_id = ANY($1)", 1, {INT4S}},
    [PG_POSTS] = {"posts",
                 "SELECT " POST_AND_AUTHOR " FROM posts p LEFT JOIN users u ON u.id = p.user_id "
                 "LEFT JOIN profiles f ON f.user_id = u.id ORDER BY p.id LIMIT $1",
                 1,
                 {INT8}},
    [PG_TAGS] = {"tags",
                 "SELECT " TAG " FROM tags t JOIN post_tags l ON l.tag_id = t.id "
                 "WHERE l.post_id = ANY($1)",
                 1,
                 {INT4S}},
    [PG_SAVE] = {"save", "UPDATE users SET age = $1, updated_at = $2 WHERE id = $3", 3, {INT4, TIME, INT4}},
    [PG_PAIR] = {"pair", "SELECT " USER " FROM users WHERE id = ANY($1) ORDER BY id FOR UPDATE", 1, {INT4S}},
};

static const char *target;
static PGconn *connection;
static const int binary[PG_MAX_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

static PGresult *checked(PGresult *r) {
  ExecStatusType status = PQresultStatus(r);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) bench_die("%s", PQerrorMessage(connection));
  return r;
}

static PGconn *connect_to_target(void) {
  PGconn *made = PQconnectdb(target);
  if (PQstatus(made) != CONNECTION_OK) bench_die("%s", PQerrorMessage(made));
  return made;
}

void pg_open(const char *conninfo) {
  target = strdup(conninfo);
  connection = connect_to_target();
}

/* Prepared when first used: the tables may not be there yet when the connection is opened. */
static void prepare(pg_statement which) {
  static bool prepared[PG_STATEMENTS];
  const statement *s = &statements[which];
  if (prepared[which]) return;
  PQclear(checked(PQprepare(connection, s->name, s->sql, s->count, s->types)));
  prepared[which] = true;
}

void pg_exec(const char *sql) {
  PQclear(checked(PQexec(connection, sql)));
}

double pg_number(const char *sql) {
  PGresult *r = checked(PQexec(connection, sql));
  double v = strtod(PQgetvalue(r, 0, 0), NULL);
  PQclear(r);
  return v;
}

PGresult *pg_run(pg_statement which, const pg_params *p) {
  const statement *s = &statements[which];
  prepare(which);
  return checked(
      PQexecPrepared(connection, s->name, s->count, p ? p->values : NULL, p ? p->lengths : NULL, binary, 1));
}

/* ---- many at a time ---- */

static PGconn *flight[BENCH_CONNECTIONS];

static void open_flight(void) {
  const statement *s = &statements[PG_FIND];
  for (int k = 0; k < BENCH_CONNECTIONS; k++) {
    flight[k] = connect_to_target();
    PQclear(checked(PQprepare(flight[k], s->name, s->sql, s->count, s->types)));
    PQsetnonblocking(flight[k], 1);
  }
}

static void send_find(PGconn *to, int i) {
  pg_params p;
  pg_int(&p, 0, bench_find_id(i));
  if (!PQsendQueryPrepared(to, statements[PG_FIND].name, 1, p.values, p.lengths, binary, 1) || PQflush(to) != 0)
    bench_die("%s", PQerrorMessage(to));
}

/* Whether the query of a connection that has something to read is over. */
static bool take_answer(PGconn *from, void (*take)(void *context, const PGresult *r), void *context) {
  if (!PQconsumeInput(from)) bench_die("%s", PQerrorMessage(from));
  while (!PQisBusy(from)) {
    PGresult *r = PQgetResult(from);
    if (!r) return true;
    take(context, checked(r));
    PQclear(r);
  }
  return false;
}

void pg_flight(int queries, void (*take)(void *context, const PGresult *r), void *context) {
  struct pollfd sockets[BENCH_CONNECTIONS];
  int sent = 0, done = 0;
  if (!flight[0]) open_flight();
  for (int k = 0; k < BENCH_CONNECTIONS; k++) {
    sockets[k] = (struct pollfd){.fd = PQsocket(flight[k]), .events = POLLIN};
    send_find(flight[k], ++sent);
  }
  while (done < queries) {
    if (poll(sockets, BENCH_CONNECTIONS, -1) < 0) bench_die("poll failed");
    for (int k = 0; k < BENCH_CONNECTIONS; k++) {
      if (!sockets[k].revents || !take_answer(flight[k], take, context)) continue;
      done++;
      if (sent < queries) send_find(flight[k], ++sent);
    }
  }
}

/* ---- arrays ---- */

static char *grow(pg_array *a, size_t size) {
  if (a->size + size > a->capacity) {
    a->capacity = (a->size + size) * 2;
    a->bytes = realloc(a->bytes, a->capacity);
    if (!a->bytes) bench_die("out of memory");
  }
  a->size += size;
  return a->bytes + a->size - size;
}

/* The header: dimensions, has-null flag, element type, then (filled in by pg_array_bind) items and lower
 * bound. */
void pg_array_start(pg_array *a, uint32_t element_oid) {
  a->size = 0;
  a->items = 0;
  char *p = grow(a, 20);
  pg_put32(p, 1);
  pg_put32(p + 4, 0);
  pg_put32(p + 8, element_oid);
  pg_put32(p + 16, 1);
}

void pg_array_add(pg_array *a, const char *bytes, size_t size) {
  a->items++;
  if (!bytes) {
    pg_put32(grow(a, 4), UINT32_MAX);
    pg_put32(a->bytes + 4, 1);
    return;
  }
  char *p = grow(a, 4 + size);
  pg_put32(p, (uint32_t)size);
  memcpy(p + 4, bytes, size);
}

void pg_array_add32(pg_array *a, uint32_t v) {
  char *p = grow(a, 8);
  a->items++;
  pg_put32(p, 4);
  pg_put32(p + 4, v);
}

void pg_array_add64(pg_array *a, uint64_t v) {
  char *p = grow(a, 12);
  a->items++;
  pg_put32(p, 8);
  pg_put64(p + 4, v);
}

void pg_array_bind(pg_array *a, pg_params *params, int k) {
  pg_put32(a->bytes + 12, (uint32_t)a->items);
  pg_bytes(params, k, a->bytes, a->size);
}
