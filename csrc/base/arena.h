/* A bump allocator: pointers stay valid until reset or free, nothing is freed singly. Owned by whoever embeds
 * it; one thread at a time. A zeroed struct is an empty arena. */
#ifndef RN_BASE_ARENA_H
#define RN_BASE_ARENA_H

#include "base/config.h"

struct rn_arena_block;

typedef struct rn_arena {
  struct rn_arena_block *blocks; /* newest first */
  size_t used;                   /* bytes used in the newest block */
  bool failed;                   /* sticky: an allocation failed since the last reset */
} rn_arena;

/* n bytes aligned for any scalar; NULL (and `failed`) when memory ran out. n may be 0. */
void *rn_arena_alloc(rn_arena *arena, size_t n);
/* Copies n bytes and adds a NUL behind them. */
char *rn_arena_copy(rn_arena *arena, const char *bytes, size_t n);
/* Forgets everything but keeps one block for reuse (the largest up to 1 MiB). */
void rn_arena_reset(rn_arena *arena);
void rn_arena_free(rn_arena *arena);
/* Bytes held from malloc, for accounting. */
size_t rn_arena_bytes(const rn_arena *arena);

#endif
