/* A bump allocator: a chain of blocks, the newest in use. Called wherever text or items must live as long
 * as a call or a result. Blocks belong to the arena; one thread at a time. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT alignof(max_align_t)
#define FIRST_BYTES ((size_t)1024)
#define LARGEST_BYTES ((size_t)64 * 1024) /* blocks double up to here; a larger wish gets its own */
#define KEPT_BYTES ((size_t)1024 * 1024)  /* reset frees a larger block: one big call pins no memory */

struct rn_arena_block {
  struct rn_arena_block *older;
  size_t capacity; /* bytes behind this header */
  alignas(max_align_t) char bytes[];
};

static size_t aligned(size_t n) {
  return (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static struct rn_arena_block *block_new(size_t capacity) {
  if (capacity > PTRDIFF_MAX - sizeof(struct rn_arena_block)) return NULL; /* no object is larger */
  struct rn_arena_block *block = malloc(sizeof *block + capacity);
  if (block) block->capacity = capacity;
  return block;
}

/* n bytes from a new block. What exceeds the usual block goes behind the newest one, which stays in use. */
static void *alloc_slow(rn_arena *arena, size_t n) {
  struct rn_arena_block *newest = arena->blocks;
  size_t capacity = newest ? newest->capacity * 2 : FIRST_BYTES;
  if (capacity > LARGEST_BYTES) capacity = LARGEST_BYTES;
  bool own = n > capacity;
  struct rn_arena_block *block = block_new(own ? n : capacity);
  if (!block) {
    arena->failed = true;
    return NULL;
  }
  if (own && newest) {
    block->older = newest->older;
    newest->older = block;
  } else {
    block->older = newest;
    arena->blocks = block;
    arena->used = n;
  }
  return block->bytes;
}

void *rn_arena_alloc(rn_arena *arena, size_t n) {
  struct rn_arena_block *newest = arena->blocks;
  if (RN_LIKELY(newest != NULL)) {
    size_t start = aligned(arena->used);
    if (start <= newest->capacity && n <= newest->capacity - start) {
      arena->used = start + n;
      return newest->bytes + start;
    }
  }
  return alloc_slow(arena, n);
}

char *rn_arena_copy(rn_arena *arena, const char *bytes, size_t n) {
  if (n == SIZE_MAX) {
    arena->failed = true;
    return NULL;
  }
  struct rn_arena_block *newest = arena->blocks;
  char *copy;
  if (RN_LIKELY(newest && n < newest->capacity - arena->used)) { /* text needs no alignment */
    copy = newest->bytes + arena->used;
    arena->used += n + 1;
  } else {
    copy = alloc_slow(arena, n + 1);
    if (!copy) return NULL;
  }
  if (n) memcpy(copy, bytes, n);
  copy[n] = '\0';
  return copy;
}

void rn_arena_reset(rn_arena *arena) {
  struct rn_arena_block *kept = NULL;
  for (struct rn_arena_block *block = arena->blocks, *older; block; block = older) {
    older = block->older;
    if (block->capacity <= KEPT_BYTES && (!kept || block->capacity > kept->capacity)) {
      free(kept);
      kept = block;
    } else {
      free(block);
    }
  }
  if (kept) kept->older = NULL;
  *arena = (rn_arena){.blocks = kept};
}

void rn_arena_free(rn_arena *arena) {
  for (struct rn_arena_block *block = arena->blocks, *older; block; block = older) {
    older = block->older;
    free(block);
  }
  *arena = (rn_arena){0};
}

size_t rn_arena_bytes(const rn_arena *arena) {
  size_t bytes = 0;
  for (const struct rn_arena_block *block = arena->blocks; block; block = block->older)
    bytes += sizeof *block + block->capacity;
  return bytes;
}
