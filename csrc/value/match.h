/* Patterns over UTF-8 text with PostgreSQL's meaning: LIKE, and regular expressions whose time is bounded. */
#ifndef RN_VALUE_MATCH_H
#define RN_VALUE_MATCH_H

#include <stdint.h>

#include "base/config.h"

/* The character at *at, which moves behind it; a byte that starts none is one by itself. */
uint32_t rn_char_next(const char **at, const char *end);
/* Lower case of Latin, Greek, Cyrillic and Armenian letters; any other character as it is. */
uint32_t rn_char_fold(uint32_t c);

/* LIKE with the backslash as the escape character: 1 or 0; -1 when the pattern ends with a lone backslash. In
 * time proportional to the product of the sizes at worst. */
int rn_like(const char *pattern, size_t np, const char *text, size_t nt, bool fold);

typedef struct rn_regex rn_regex;

/* Limits: of the pattern, of what it becomes, and of the work of one match. */
#define RN_REGEX_PATTERN_MAX 1000
#define RN_REGEX_PROGRAM_MAX 5000
#define RN_REGEX_STEPS_MAX 20000000
#define RN_REGEX_REPEAT_MAX 255

/* PostgreSQL's regular expressions without back references and lookaround. NULL and what is wrong with the
 * pattern (a static text); freed by rn_regex_free. */
rn_regex *rn_regex_compile(const char *pattern, size_t n, bool fold, const char **problem);
/* Whether it matches anywhere in the text: 1 or 0; -1 after RN_REGEX_STEPS_MAX steps. Not for two threads at
 * once. */
int rn_regex_match(rn_regex *regex, const char *text, size_t n);
void rn_regex_free(rn_regex *regex);

#endif
