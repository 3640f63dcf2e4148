/* JSON text compared by value. Allocates while it works, keeps nothing; any thread. */
#ifndef RN_VALUE_JSON_H
#define RN_VALUE_JSON_H

#include "base/buf.h"

/* Appends a text that is the same for all spellings of one JSON value, and for no other: keys in order (the
 * last of equal ones counts), no blanks, one form for each number and character. false when the text is no
 * JSON, or nested deeper than RN_JSON_DEPTH_MAX; `out` then holds anything. out->failed tells of memory. */
#define RN_JSON_DEPTH_MAX 512
bool rn_json_canonical(const char *s, size_t n, rn_buf *out);

/* A key as rn_json_canonical writes it. */
void rn_json_key(const char *key, size_t n, rn_buf *out);

/* Bytes within a text of the caller's. */
typedef struct rn_json_slice {
  const char *bytes;
  size_t size;
} rn_json_slice;

/* The member of an object called so, as it stands in the text (the last of equal ones). What is no object has
 * none. false when the text is no JSON, or memory is out. */
bool rn_json_member(const char *s, size_t n, const char *key, size_t nk, rn_json_slice *value, bool *found);

/* --- json_compare.c: by value, as PostgreSQL's jsonb --- */

/* <0, 0, >0; 0 for equal values. null, strings, numbers, booleans, lists, objects, in this order; longer
 * lists and objects behind shorter ones. JSON sorts before text that is none, which compares bytewise. */
int rn_json_compare(const char *a, size_t na, const char *b, size_t nb);
/* The same for lists that stand for arrays: item by item, null behind all others, a longer one behind what it
 * begins with. */
int rn_json_compare_lists(const char *a, size_t na, const char *b, size_t nb);

/* Questions that are 1 or 0, or -1 when a text is no JSON or memory is out. */
int rn_json_contains(const char *a, size_t na, const char *b, size_t nb); /* a @> b */
int rn_json_overlap(const char *a, size_t na, const char *b, size_t nb);  /* two lists share an item */
int rn_json_has(const char *s, size_t n, const char *key, size_t nk);     /* s ? key */

#endif
