/* The bound values of one call. Built by the binding (from Lua) or by tests; read by drivers. */
#ifndef RN_VALUE_PARAMS_H
#define RN_VALUE_PARAMS_H

#include "value/value.h"

typedef struct rn_param {
  rn_code code;   /* of the value, or of a list's items */
  rn_value value; /* kind RN_LIST for a list parameter; its items may be RN_NULL */
} rn_param;

/* A zeroed struct is empty. Scalars and item arrays live in `arena`; text is borrowed from Lua in a straight
 * call and copied into the arena in a submitted one. */
typedef struct rn_params {
  rn_param *at;
  size_t count;
  rn_arena arena;
} rn_params;

/* Values already are what their code wants: 'i','I' RN_INT; 'b' RN_BOOL; 'd' RN_DOUBLE; 'x' RN_BLOB; 't'
 * RN_TIMESTAMP; '?' RN_BOOL, RN_INT, RN_DOUBLE, RN_TEXT or RN_BLOB; all others RN_TEXT; RN_NULL everywhere.
 */

#endif
