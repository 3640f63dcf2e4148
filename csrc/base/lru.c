/* The bounded map behind the prepared-statement caches: a chained hash table whose entries are also on a
 * list from the most to the least recently used. Called by the drivers. Entries and values belong to the
 * map; one thread at a time. An entry has left both structures before its value is dropped. */
#include "base/lru.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
  struct entry *chain; /* the next one in the same bucket */
  struct entry *newer, *older;
  void *value;
  uint64_t hash;
  size_t size;
  char text[];
} entry;

struct rn_lru {
  entry **buckets;
  size_t bucket_count; /* a power of two */
  size_t size, capacity;
  entry *newest, *oldest;
  rn_lru_drop drop;
  void *context;
};

#define FIRST_BUCKETS 16

rn_lru *rn_lru_new(size_t capacity, rn_lru_drop drop, void *context) {
  rn_lru *lru = calloc(1, sizeof *lru);
  if (!lru) return NULL;
  lru->buckets = calloc(FIRST_BUCKETS, sizeof *lru->buckets);
  if (!lru->buckets) {
    free(lru);
    return NULL;
  }
  lru->bucket_count = FIRST_BUCKETS;
  lru->capacity = capacity ? capacity : 1;
  lru->drop = drop;
  lru->context = context;
  return lru;
}

/* FNV leaves its best bits high, so they are folded in. */
static entry **bucket_of(const rn_lru *lru, uint64_t hash) {
  return &lru->buckets[(size_t)(hash ^ hash >> 32) & (lru->bucket_count - 1)];
}

/* The link that points at the entry, or at the NULL that ends its bucket. */
static entry **find(const rn_lru *lru, const char *text, size_t n, uint64_t hash) {
  entry **link = bucket_of(lru, hash);
  for (entry *at; (at = *link); link = &at->chain)
    if (at->hash == hash && at->size == n && (n == 0 || memcmp(at->text, text, n) == 0)) break;
  return link;
}

static void list_add(rn_lru *lru, entry *added) {
  added->newer = NULL;
  added->older = lru->newest;
  if (lru->newest)
    lru->newest->newer = added;
  else
    lru->oldest = added;
  lru->newest = added;
}

static void list_remove(rn_lru *lru, entry *gone) {
  if (gone->newer)
    gone->newer->older = gone->older;
  else
    lru->newest = gone->older;
  if (gone->older)
    gone->older->newer = gone->newer;
  else
    lru->oldest = gone->newer;
}

static void drop_entry(rn_lru *lru, entry *gone) {
  void *value = gone->value;
  free(gone);
  if (lru->drop) lru->drop(lru->context, value);
}

static void evict(rn_lru *lru, entry **link) {
  entry *gone = *link;
  *link = gone->chain;
  list_remove(lru, gone);
  lru->size--;
  drop_entry(lru, gone);
}

/* Longer chains are the only price when there is no memory for more buckets. */
static void widen(rn_lru *lru) {
  size_t count = lru->bucket_count * 2;
  entry **buckets = calloc(count, sizeof *buckets);
  if (!buckets) return;
  free(lru->buckets);
  lru->buckets = buckets;
  lru->bucket_count = count;
  for (entry *at = lru->newest; at; at = at->older) {
    entry **link = bucket_of(lru, at->hash);
    at->chain = *link;
    *link = at;
  }
}

void *rn_lru_get(rn_lru *lru, const char *text, size_t n, uint64_t hash) {
  entry *found = *find(lru, text, n, hash);
  if (!found) return NULL;
  if (found != lru->newest) {
    list_remove(lru, found);
    list_add(lru, found);
  }
  return found->value;
}

rn_status rn_lru_put(rn_lru *lru, const char *text, size_t n, uint64_t hash, void *value) {
  if (n > PTRDIFF_MAX - sizeof(entry)) return RN_FAIL;
  entry *added = malloc(sizeof *added + n);
  if (!added) return RN_FAIL;
  added->value = value;
  added->hash = hash;
  added->size = n;
  if (n) memcpy(added->text, text, n);
  if (lru->size >= lru->bucket_count) widen(lru);
  entry **link = bucket_of(lru, hash);
  added->chain = *link;
  *link = added;
  list_add(lru, added);
  if (++lru->size > lru->capacity) {
    entry **victim = bucket_of(lru, lru->oldest->hash);
    while (*victim != lru->oldest) victim = &(*victim)->chain;
    evict(lru, victim);
  }
  return RN_OK;
}

void rn_lru_remove(rn_lru *lru, const char *text, size_t n, uint64_t hash) {
  entry **link = find(lru, text, n, hash);
  if (*link) evict(lru, link);
}

void rn_lru_clear(rn_lru *lru) {
  entry *at = lru->newest;
  memset(lru->buckets, 0, lru->bucket_count * sizeof *lru->buckets);
  lru->newest = lru->oldest = NULL;
  lru->size = 0;
  for (entry *older; at; at = older) {
    older = at->older;
    drop_entry(lru, at);
  }
}

size_t rn_lru_size(const rn_lru *lru) {
  return lru->size;
}

void rn_lru_free(rn_lru *lru) {
  if (!lru) return;
  rn_lru_clear(lru);
  free(lru->buckets);
  free(lru);
}

uint64_t rn_hash(const char *bytes, size_t n) {
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a's offset basis and prime */
  for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
  return hash;
}
