/* Text <-> values, without locale and without allocation: numbers, dates, UUIDs, UTF-8 (text*.c). All
 * parsers take (bytes, n), want the whole of it and return false on anything else. All formatters write a
 * NUL-terminated text into `out` and return its length. */
#ifndef RN_VALUE_TEXT_H
#define RN_VALUE_TEXT_H

#include "base/config.h"

/* Canonical or signed decimal digits within int64; no spaces, no exponent. */
bool rn_text_to_int(const char *s, size_t n, int64_t *out);
/* Also Infinity, -Infinity and NaN as PostgreSQL spells them. What a double cannot hold (1e400) is
 * refused. */
bool rn_text_to_double(const char *s, size_t n, double *out);
#define RN_INT_TEXT_MAX 24
size_t rn_int_to_text(int64_t v, char out[RN_INT_TEXT_MAX]);
/* The shortest text that reads back as the same double ("0.1", "1e+22", "Infinity", "NaN"). */
#define RN_DOUBLE_TEXT_MAX 40
size_t rn_double_to_text(double v, char out[RN_DOUBLE_TEXT_MAX]);
/* The double nearest to the shortest decimal that names this float, so that a float4 0.1 reads as 0.1. */
double rn_float_to_double(float v);

/* Decimal text: optional sign, digits, optional point and digits (one side of the point may be empty).
 * Canonical form has no '+', no leading zeros but one before the point, no '-0'. Keeps the digits behind
 * the point unless scale >= 0, which pads with zeros or drops trailing zeros, and refuses what does not
 * fit. precision 0 = any. Exponents are read ("1e3"). Without scale, precision limits all digits. Returns
 * the length written into out (capacity cap, with the NUL), 0 when refused or too long. "NaN" is refused. */
size_t rn_decimal_canonical(const char *s, size_t n, int precision, int scale, char *out, size_t cap);
/* Compares two decimal texts by value: <0, 0, >0. Text that is no decimal sorts after all decimals,
 * bytewise. */
int rn_decimal_compare(const char *a, size_t na, const char *b, size_t nb);
/* The same for lengths of time in ISO 8601, and for addresses and networks (text_order.c). */
int rn_interval_compare(const char *a, size_t na, const char *b, size_t nb);
int rn_address_compare(const char *a, size_t na, const char *b, size_t nb);

/* ISO 8601: YYYY-MM-DD, then optionally 'T' or ' ' and HH:MM[:SS[.f]] (1 to 9 digits, kept to six, more
 * nonzero ones refused when strict), then optionally Z, +HH, +HH:MM or +HHMM. zone_required: refuse
 * without a zone (a bare date is refused too), and be strict; otherwise UTC is assumed, and a blank before
 * the zone and seconds in it are taken. Years 0001 to 9999, also once it is UTC; 2024-02-30, 24:00, :60
 * and zones of 16 hours are refused. */
bool rn_timestamp_parse(const char *s, size_t n, bool zone_required, int64_t *us);
#define RN_TIMESTAMP_TEXT_MAX 40
/* "infinity" and "-infinity", which are the highest and the lowest value of int64. */
bool rn_timestamp_infinite(const char *text, size_t size, int64_t *us);
/* 2024-02-01T00:00:00.000Z, or infinity; six digits where the microseconds are not whole milliseconds. Years
 * outside 0001..9999 come out with a sign and six digits, as ISO 8601 wants. */
size_t rn_timestamp_iso(int64_t us, char out[RN_TIMESTAMP_TEXT_MAX]);
/* 2024-02-01 00:00:00 or 2024-02-01 00:00:00.123456, UTC: what SQLite stores; it orders as text. */
size_t rn_timestamp_sqlite(int64_t us, char out[RN_TIMESTAMP_TEXT_MAX]);
bool rn_date_valid(const char *s, size_t n); /* exactly YYYY-MM-DD, a day that exists, year 0001..9999 */
/* HH:MM, HH:MM:SS, HH:MM:SS.f (1..6 digits) -> HH:MM:SS[.f] without trailing zeros; 0 when refused. */
size_t rn_time_canonical(const char *s, size_t n, char out[24]);
/* Any of the spellings PostgreSQL takes -> 8-4-4-4-12 lower case. */
bool rn_uuid_canonical(const char *s, size_t n, char out[37]);

/* Well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF) without NUL. */
bool rn_utf8_valid(const char *s, size_t n);

#endif
