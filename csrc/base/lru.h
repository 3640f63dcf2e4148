/* A bounded map from text to a value, least recently used first out. Owned by a connection; one thread at a
 * time. The value's owner is the map: `drop` frees it on eviction, removal and free. */
#ifndef RN_BASE_LRU_H
#define RN_BASE_LRU_H

#include "base/config.h"

typedef void (*rn_lru_drop)(void *context, void *value);

typedef struct rn_lru rn_lru;

/* capacity >= 1. drop is called with context. NULL when memory ran out. */
rn_lru *rn_lru_new(size_t capacity, rn_lru_drop drop, void *context);
/* The value under (text, n), made the most recent; NULL when absent. hash is rn_hash(text, n). */
void *rn_lru_get(rn_lru *lru, const char *text, size_t n, uint64_t hash);
/* Adds a value under a key that is absent; may drop the oldest. The text is copied. On RN_FAIL (memory)
 * nothing changed and the value stays the caller's. */
rn_status rn_lru_put(rn_lru *lru, const char *text, size_t n, uint64_t hash, void *value) RN_MUSTCHECK;
void rn_lru_remove(rn_lru *lru, const char *text, size_t n, uint64_t hash);
void rn_lru_clear(rn_lru *lru); /* drops all */
size_t rn_lru_size(const rn_lru *lru);
void rn_lru_free(rn_lru *lru); /* NULL is legal */

uint64_t rn_hash(const char *bytes, size_t n); /* FNV-1a, 64 bits */

#endif
