/* libpq by hand, for the PostgreSQL floors (c_postgres.c, lua_postgres.c): one connection, statements
 * prepared once, parameters and results binary. Everything here ends the program on an error. */
#ifndef BENCH_PG_H
#define BENCH_PG_H

#include <libpq-fe.h>
#include <string.h>

#include "bench.h"

#define PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 in Unix time */

typedef enum {
  PG_FIND,
  PG_ALL,
  PG_FILTER,
  PG_INSERT,
  PG_BULK,
  PG_PARENTS,
  PG_CHILDREN,
  PG_POSTS,
  PG_TAGS,
  PG_SAVE,
  PG_PAIR,
  PG_STATEMENTS
} pg_statement;

#define PG_MAX_PARAMS 9

/* Parameters of one call. Bytes set with pg_text and pg_bytes are borrowed until the call ends. */
typedef struct pg_params {
  const char *values[PG_MAX_PARAMS];
  int lengths[PG_MAX_PARAMS];
  char scalars[PG_MAX_PARAMS][8];
} pg_params;

/* A growing binary array parameter; `bytes` is kept and reused from call to call, never freed. */
typedef struct pg_array {
  char *bytes;
  size_t size, capacity;
  int items;
} pg_array;

void pg_open(const char *conninfo);
void pg_exec(const char *sql);
double pg_number(const char *sql);
PGresult *pg_run(pg_statement which, const pg_params *params); /* the caller clears it */

/* Asks for the users with the keys bench_find_id(1..queries) over BENCH_CONNECTIONS connections of their own,
 * each with one query under way, and gives `take` every answer as it comes. */
void pg_flight(int queries, void (*take)(void *context, const PGresult *r), void *context);

/* Starts over, for elements of a type: 23 int4, 25 text, 16 bool, 701 float8, 1184 timestamptz. */
void pg_array_start(pg_array *a, uint32_t element_oid);
void pg_array_add(pg_array *a, const char *bytes, size_t size); /* NULL adds an SQL NULL */
void pg_array_add32(pg_array *a, uint32_t v);
void pg_array_add64(pg_array *a, uint64_t v);
void pg_array_bind(pg_array *a, pg_params *params, int k);

static inline void pg_put32(char *to, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(to, &v, 4);
}

static inline void pg_put64(char *to, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(to, &v, 8);
}

static inline int32_t pg_get32(const char *from) {
  uint32_t v;
  memcpy(&v, from, 4);
  return (int32_t)__builtin_bswap32(v);
}

static inline uint64_t pg_get64(const char *from) {
  uint64_t v;
  memcpy(&v, from, 8);
  return __builtin_bswap64(v);
}

static inline double pg_get_double(const char *from) {
  uint64_t v = pg_get64(from);
  double d;
  memcpy(&d, &v, 8);
  return d;
}

static inline uint64_t pg_double_bits(double d) {
  uint64_t v;
  memcpy(&v, &d, 8);
  return v;
}

static inline int64_t pg_get_time(const char *from) {
  return (int64_t)pg_get64(from) + PG_EPOCH_US;
}

static inline void pg_bytes(pg_params *p, int k, const char *bytes, size_t size) {
  p->values[k] = bytes;
  p->lengths[k] = (int)size;
}

static inline void pg_text(pg_params *p, int k, const char *text) {
  pg_bytes(p, k, text, text ? strlen(text) : 0);
}

static inline void pg_int(pg_params *p, int k, int32_t v) {
  pg_put32(p->scalars[k], (uint32_t)v);
  pg_bytes(p, k, p->scalars[k], 4);
}

static inline void pg_wide(pg_params *p, int k, uint64_t v) {
  pg_put64(p->scalars[k], v);
  pg_bytes(p, k, p->scalars[k], 8);
}

static inline void pg_bool(pg_params *p, int k, bool v) {
  p->scalars[k][0] = (char)v;
  pg_bytes(p, k, p->scalars[k], 1);
}

static inline void pg_now(pg_params *p, int k) {
  pg_wide(p, k, (uint64_t)(bench_wall_us() - PG_EPOCH_US));
}

#endif
