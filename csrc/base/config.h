/* Build-wide attributes. No code. Every other header may include this one. */
#ifndef RN_BASE_CONFIG_H
#define RN_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RN_MUSTCHECK __attribute__((warn_unused_result))
#define RN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RN_EXPORT __attribute__((visibility("default")))
#define RN_LIKELY(x) __builtin_expect(!!(x), 1)
#define RN_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* What a call that can fail returns; the reason is in its rn_error. */
typedef enum { RN_OK = 0, RN_FAIL = -1 } rn_status;

#endif
