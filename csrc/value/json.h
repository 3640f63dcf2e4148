/* JSON text compared by value. Allocates while it works, keeps nothing; any thread. */
#ifndef RN_VALUE_JSON_H
#define RN_VALUE_JSON_H

#include "base/buf.h"

/* Appends a text that is the same for all spellings of one JSON value, and for no other: keys in order (the
 * last of equal ones counts), no blanks, one form for each number and character. false when the text is no
 * JSON, or nested deeper than RN_JSON_DEPTH_MAX; `out` then holds anything. out->failed tells of memory. */
#define RN_JSON_DEPTH_MAX 512
bool rn_json_canonical(const char *s, size_t n, rn_buf *out);

/* <0, 0, >0; 0 for equal values. JSON sorts before text that is none, which compares bytewise. */
int rn_json_compare(const char *a, size_t na, const char *b, size_t nb);

#endif
