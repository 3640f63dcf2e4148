/* The store of a session's prepared statements; see postgres.h. */
#define _GNU_SOURCE 1 /* getrandom */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/lru.h"
#include "driver/postgres.h"

/* ---- one statement ---- */

rn_pg_prepared *rn_pg_prepared_new(rn_pg_store *store, const rn_statement *statement) {
  rn_pg_prepared *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->count = statement->param_count;
  p->codes = malloc(2 * p->count + 1);
  if (!p->codes) {
    free(p);
    return NULL;
  }
  for (size_t i = 0; i < p->count; i++) {
    p->codes[i] = statement->param_codes[i];
    p->codes[p->count + i] = statement->param_lists && statement->param_lists[i];
  }
  const int n = snprintf(p->name, sizeof p->name, "rn_%llu_%016llx", (unsigned long long)++store->names,
                         (unsigned long long)statement->hash);
  uint32_t chance;
  if (store->random_names && getrandom(&chance, sizeof chance, GRND_NONBLOCK) == (ssize_t)sizeof chance) {
    snprintf(p->name + n, sizeof p->name - (size_t)n, "_%08x", (unsigned)chance);
  }
  return p;
}

void rn_pg_prepared_free(rn_pg_prepared *p) {
  if (!p) return;
  rn_pg_layout_release(p->layout);
  free(p->codes);
  free(p);
}

bool rn_pg_prepared_fits(const rn_pg_prepared *p, const rn_statement *statement) {
  if (p->count != statement->param_count) return false;
  for (size_t i = 0; i < p->count; i++) {
    const char list = statement->param_lists && statement->param_lists[i];
    if (p->codes[i] != statement->param_codes[i] || p->codes[p->count + i] != list) return false;
  }
  return true;
}

/* ---- all of them ---- */

/* Without memory to remember a name the statement stays until the session ends. */
static void queue_closing(rn_pg_store *store, const char *name) {
  if (store->closing_count == store->closing_capacity) {
    const size_t capacity = store->closing_capacity ? 2 * store->closing_capacity : 16;
    void *grown = realloc(store->closing, capacity * sizeof *store->closing);
    if (!grown) return;
    store->closing = grown;
    store->closing_capacity = capacity;
  }
  memcpy(store->closing[store->closing_count++], name, RN_PG_NAME_BYTES);
}

static void drop(void *context, void *value) {
  rn_pg_store *store = context;
  rn_pg_prepared *p = value;
  if (!store->dropping) queue_closing(store, p->name);
  rn_pg_prepared_free(p);
}

rn_status rn_pg_store_init(rn_pg_store *store, size_t capacity) {
  if (capacity == 0) return RN_OK;
  store->seen = rn_lru_new(capacity, NULL, NULL);
  store->cache = rn_lru_new(capacity, drop, store);
  return store->seen && store->cache ? RN_OK : RN_FAIL;
}

void rn_pg_store_free(rn_pg_store *store) {
  store->dropping = true;
  rn_lru_free(store->cache);
  rn_lru_free(store->seen);
  free(store->closing);
}

const rn_pg_prepared *rn_pg_store_find(rn_pg_store *store, const rn_statement *statement) {
  return rn_lru_get(store->cache, statement->text, statement->size, statement->hash);
}

bool rn_pg_store_first_sight(rn_pg_store *store, const rn_statement *statement) {
  static char marker; /* the value in `seen`, which is a set */
  if (rn_lru_get(store->seen, statement->text, statement->size, statement->hash)) return false;
  (void)!rn_lru_put(store->seen, statement->text, statement->size, statement->hash, &marker);
  return true;
}

void rn_pg_store_keep(rn_pg_store *store, const rn_statement *statement, rn_pg_prepared *p) {
  if (p->layout && rn_lru_put(store->cache, statement->text, statement->size, statement->hash, p) == RN_OK) {
    rn_lru_remove(store->seen, statement->text, statement->size, statement->hash);
    return;
  }
  drop(store, p);
}

void rn_pg_store_forget(rn_pg_store *store, const rn_statement *statement, bool gone) {
  store->dropping = gone;
  rn_lru_remove(store->cache, statement->text, statement->size, statement->hash);
  store->dropping = false;
}

void rn_pg_store_wiped(rn_pg_store *store) {
  store->dropping = true;
  rn_pg_store_close_all(store);
  store->dropping = false;
  store->closing_count = 0;
}

void rn_pg_store_close_all(rn_pg_store *store) {
  if (store->cache) rn_lru_clear(store->cache);
}

void rn_pg_store_closed(rn_pg_store *store, size_t count) {
  store->closing_count -= count;
  memmove(store->closing, store->closing + count, store->closing_count * sizeof *store->closing);
}
