/* PGresult -> cells: a decoder for each column, found by OID once per layout, in PostgreSQL's text and binary
 * formats; both give the same values. A result owns its PGresult; cells are borrowed from it, or from the
 * result's arena until the next row. Results need no connection. One thread at a time. */
#define _GNU_SOURCE 1 /* be32toh */
#include "driver/postgres.h"

#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "value/text.h"

#define DAY_US INT64_C(86400000000)
/* 2000-01-01, PostgreSQL's epoch, counted from 1970-01-01. */
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH_US INT64_C(946684800000000)

/* Fills `out` from a cell that is not NULL; false when the bytes are not what the type says, or memory ran
 * out. A NULL decoder means that the bytes are the text. */
typedef bool (*decoder)(const char *s, size_t n, rn_value *out, rn_arena *scratch);

/* ---- reading and writing bytes ---- */

static uint16_t get16(const char *s) {
  uint16_t v;
  memcpy(&v, s, sizeof v);
  return be16toh(v);
}

static uint32_t get32(const char *s) {
  uint32_t v;
  memcpy(&v, s, sizeof v);
  return be32toh(v);
}

static uint64_t get64(const char *s) {
  uint64_t v;
  memcpy(&v, s, sizeof v);
  return be64toh(v);
}

static bool set_int(rn_value *out, rn_kind kind, int64_t v) {
  out->kind = kind;
  out->u.i = v;
  return true;
}

static bool set_double(rn_value *out, double v) {
  out->kind = RN_DOUBLE;
  out->u.d = v;
  return true;
}

static bool set_bytes(rn_value *out, rn_kind kind, const char *bytes, size_t n) {
  out->kind = kind;
  out->u.s.bytes = bytes;
  out->u.s.size = n;
  return true;
}

/* `digits` decimal digits of v, zero-padded; v must not need more. */
static char *put_digits(char *at, uint64_t v, int digits) {
  for (int i = digits - 1; i >= 0; i--) {
    at[i] = (char)('0' + v % 10);
    v /= 10;
  }
  return at + digits;
}

/* ---- numbers and booleans ---- */

static bool text_bool(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 1 && (*s == 't' || *s == 'f') && set_int(out, RN_BOOL, *s == 't');
}

static bool binary_bool(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 1 && set_int(out, RN_BOOL, *s != 0);
}

static bool text_int(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  out->kind = RN_INT;
  return rn_text_to_int(s, n, &out->u.i);
}

static bool binary_int2(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 2 && set_int(out, RN_INT, (int16_t)get16(s));
}

static bool binary_int4(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 4 && set_int(out, RN_INT, (int32_t)get32(s));
}

static bool binary_int8(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 8 && set_int(out, RN_INT, (int64_t)get64(s));
}

static bool binary_oid(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n == 4 && set_int(out, RN_INT, get32(s));
}

/* float4 as well: its text is the shortest that names the float, and we want the double nearest to that. */
static bool text_float(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  out->kind = RN_DOUBLE;
  return rn_text_to_double(s, n, &out->u.d);
}

static bool binary_float4(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  if (n != 4) return false;
  const uint32_t bits = get32(s);
  float v;
  memcpy(&v, &bits, sizeof v);
  return set_double(out, rn_float_to_double(v));
}

static bool binary_float8(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  if (n != 8) return false;
  const uint64_t bits = get64(s);
  double v;
  memcpy(&v, &bits, sizeof v);
  return set_double(out, v);
}

/* Digits in base 10000, the first one worth 10000^weight, of which `scale` decimals are shown. */
static bool put_numeric(const char *digits, int count, int weight, bool negative, int scale, rn_value *out,
                        rn_arena *scratch) {
  const int groups = weight >= 0 ? weight + 1 : 0;
  char *const start = rn_arena_alloc(scratch, (size_t)groups * 4 + (size_t)scale + 8);
  if (!start) return false;
  char *at = start;
  if (negative) *at++ = '-';
  char *const integer = at;
  for (int i = 0; i < groups; i++) at = put_digits(at, i < count ? get16(digits + 2 * i) : 0, 4);
  char *first = integer;
  while (first < at - 1 && *first == '0') first++;
  memmove(integer, first, (size_t)(at - first));
  at -= first - integer;
  if (groups == 0) *at++ = '0';
  if (scale > 0) *at++ = '.';
  int i = weight + 1; /* index of the group behind the point; negative ones stand for leading zeros */
  for (int left = scale; left > 0; i++) {
    char group[4];
    put_digits(group, i >= 0 && i < count ? get16(digits + 2 * i) : 0, 4);
    const int n = left < 4 ? left : 4;
    memcpy(at, group, (size_t)n);
    at += n;
    left -= n;
  }
  return set_bytes(out, RN_TEXT, start, (size_t)(at - start));
}

static bool binary_numeric(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  if (n < 8) return false;
  const int count = (int16_t)get16(s), weight = (int16_t)get16(s + 2), scale = get16(s + 6);
  switch (get16(s + 4)) {
  case 0xC000: return set_bytes(out, RN_TEXT, "NaN", 3);
  case 0xD000: return set_bytes(out, RN_TEXT, "Infinity", 8);
  case 0xF000: return set_bytes(out, RN_TEXT, "-Infinity", 9);
  case 0x4000: break;
  case 0x0000: break;
  default: return false;
  }
  if (count < 0 || scale > 0x3FFF || n != 8 + 2 * (size_t)count) return false;
  for (int i = 0; i < count; i++) {
    if (get16(s + 8 + 2 * i) > 9999) return false;
  }
  return put_numeric(s + 8, count, weight, get16(s + 4) == 0x4000, scale, out, scratch);
}

/* ---- text, bytes, UUIDs ---- */

/* The type "char" is one byte of any value; shown as PostgreSQL 16 does, so that it is UTF-8 in any case. */
static bool any_char(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  if (n > 1) return set_bytes(out, RN_TEXT, s, n);
  if (n == 0 || *s == '\0') return set_bytes(out, RN_TEXT, "", 0);
  const unsigned char c = (unsigned char)*s;
  if (c < 128) return set_bytes(out, RN_TEXT, s, 1);
  const char octal[4] = {'\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7))};
  const char *text = rn_arena_copy(scratch, octal, 4);
  return text && set_bytes(out, RN_TEXT, text, 4);
}

static bool binary_jsonb(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return n >= 1 && *s == 1 && set_bytes(out, RN_TEXT, s + 1, n - 1); /* 1: the only version there is */
}

static bool binary_bytea(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  return set_bytes(out, RN_BLOB, s, n);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool octal_digit(char c, char most) {
  return c >= '0' && c <= most;
}

/* bytea_output = escape: \\ and \ooo, all else as it is. */
static bool escaped_bytea(const char *s, size_t n, rn_value *out, char *bytes) {
  size_t size = 0;
  for (size_t i = 0; i < n;) {
    if (s[i] != '\\') {
      bytes[size++] = s[i++];
    } else if (n - i >= 2 && s[i + 1] == '\\') {
      bytes[size++] = '\\';
      i += 2;
    } else if (n - i >= 4 && octal_digit(s[i + 1], '3') && octal_digit(s[i + 2], '7') &&
               octal_digit(s[i + 3], '7')) {
      bytes[size++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
      i += 4;
    } else {
      return false;
    }
  }
  return set_bytes(out, RN_BLOB, bytes, size);
}

static bool text_bytea(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  char *bytes = rn_arena_alloc(scratch, n);
  if (!bytes) return false;
  if (n < 2 || s[0] != '\\' || s[1] != 'x') return escaped_bytea(s, n, out, bytes);
  if (n % 2 != 0) return false;
  for (size_t i = 2; i < n; i += 2) {
    const int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i / 2 - 1] = (char)(high << 4 | low);
  }
  return set_bytes(out, RN_BLOB, bytes, n / 2 - 1);
}

static bool binary_uuid(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  static const char digits[] = "0123456789abcdef";
  if (n != 16) return false;
  char *const start = rn_arena_alloc(scratch, 36);
  if (!start) return false;
  char *at = start;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[(unsigned char)s[i] >> 4];
    *at++ = digits[(unsigned char)s[i] & 15];
  }
  return set_bytes(out, RN_TEXT, start, 36);
}

/* ---- dates and times ---- */

/* Days since 1970-01-01 of a day in the proleptic Gregorian calendar, and back; year 0 is 1 BC. Eras of 400
 * years start on 1 March, so that leap days come last: http://howardhinnant.github.io/date_algorithms.html */
static int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t civil_from_days(int64_t days, int *month, int *day) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t of_era = days - era * 146097;
  const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t shifted = (5 * of_year + 2) / 153;
  *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
  *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
  return year + era * 400 + (*month <= 2);
}

static bool binary_date(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  if (n != 4) return false;
  const int32_t days = (int32_t)get32(s);
  if (days == INT32_MAX) return set_bytes(out, RN_TEXT, "infinity", 8);
  if (days == INT32_MIN) return set_bytes(out, RN_TEXT, "-infinity", 9);
  char *const start = rn_arena_alloc(scratch, 24);
  if (!start) return false;
  int month, day;
  const int64_t civil = civil_from_days((int64_t)days + PG_EPOCH_DAYS, &month, &day);
  const uint64_t year = (uint64_t)(civil > 0 ? civil : 1 - civil);
  int width = 4;
  for (uint64_t top = 10000; year >= top; top *= 10) width++;
  char *at = put_digits(start, year, width);
  *at++ = '-';
  at = put_digits(at, (uint64_t)month, 2);
  *at++ = '-';
  at = put_digits(at, (uint64_t)day, 2);
  if (civil <= 0) {
    memcpy(at, " BC", 3);
    at += 3;
  }
  return set_bytes(out, RN_TEXT, start, (size_t)(at - start));
}

static bool binary_time(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  if (n != 8) return false;
  const int64_t us = (int64_t)get64(s);
  if (us < 0 || us > DAY_US) return false; /* 24:00:00 is a time in PostgreSQL */
  char *const start = rn_arena_alloc(scratch, 16);
  if (!start) return false;
  const uint64_t seconds = (uint64_t)us / 1000000, fraction = (uint64_t)us % 1000000;
  char *at = put_digits(start, seconds / 3600, 2);
  *at++ = ':';
  at = put_digits(at, seconds / 60 % 60, 2);
  *at++ = ':';
  at = put_digits(at, seconds % 60, 2);
  if (fraction > 0) {
    *at++ = '.';
    at = put_digits(at, fraction, 6);
    while (at[-1] == '0') at--;
  }
  return set_bytes(out, RN_TEXT, start, (size_t)(at - start));
}

static bool binary_timestamp(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  if (n != 8) return false;
  const int64_t us = (int64_t)get64(s);
  if (us == INT64_MAX) return set_bytes(out, RN_TEXT, "infinity", 8);
  if (us == INT64_MIN) return set_bytes(out, RN_TEXT, "-infinity", 9);
  out->kind = RN_TIMESTAMP; /* years from 294247 on do not fit into 64 bits since 1970 */
  return !__builtin_add_overflow(us, PG_EPOCH_US, &out->u.i);
}

/* Reads `least` to `most` digits at *at. */
static bool take_digits(const char **at, const char *end, int least, int most, int64_t *out) {
  int n = 0;
  int64_t v = 0;
  while (n < most && *at < end && **at >= '0' && **at <= '9') {
    v = v * 10 + (*(*at)++ - '0');
    n++;
  }
  *out = v;
  return n >= least;
}

static bool take_char(const char **at, const char *end, char c) {
  if (*at >= end || **at != c) return false;
  (*at)++;
  return true;
}

/* "+02", "-03:30", "+00:19:32": seconds east of UTC; nothing at all is UTC. */
static bool take_zone(const char **at, const char *end, int64_t *seconds) {
  *seconds = 0;
  if (*at >= end || (**at != '+' && **at != '-')) return true;
  const bool west = *(*at)++ == '-';
  int64_t hours, minutes = 0, rest = 0;
  if (!take_digits(at, end, 2, 2, &hours)) return false;
  if (take_char(at, end, ':') && !take_digits(at, end, 2, 2, &minutes)) return false;
  if (take_char(at, end, ':') && !take_digits(at, end, 2, 2, &rest)) return false;
  *seconds = hours * 3600 + minutes * 60 + rest;
  if (west) *seconds = -*seconds;
  return true;
}

/* PostgreSQL's own ISO style, in the whole range it has: "294276-12-31 23:59:59.999999+00", "0044-03-15
 * 00:00:00 BC". */
static bool text_timestamp(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  const char *at = s, *const end = s + n;
  int64_t year, month, day, hours, minutes, seconds, us = 0, zone;
  if (n == 8 && memcmp(s, "infinity", 8) == 0) return set_bytes(out, RN_TEXT, s, n);
  if (n == 9 && memcmp(s, "-infinity", 9) == 0) return set_bytes(out, RN_TEXT, s, n);
  if (!take_digits(&at, end, 4, 6, &year) || !take_char(&at, end, '-')) return false;
  if (!take_digits(&at, end, 2, 2, &month) || !take_char(&at, end, '-')) return false;
  if (!take_digits(&at, end, 2, 2, &day) || !take_char(&at, end, ' ')) return false;
  if (!take_digits(&at, end, 2, 2, &hours) || !take_char(&at, end, ':')) return false;
  if (!take_digits(&at, end, 2, 2, &minutes) || !take_char(&at, end, ':')) return false;
  if (!take_digits(&at, end, 2, 2, &seconds)) return false;
  if (take_char(&at, end, '.')) {
    const char *const point = at;
    if (!take_digits(&at, end, 1, 6, &us)) return false;
    for (int64_t k = at - point; k < 6; k++) us *= 10;
  }
  if (!take_zone(&at, end, &zone)) return false;
  if (end - at == 3 && memcmp(at, " BC", 3) == 0) {
    year = 1 - year;
    at = end;
  }
  if (at != end || month < 1 || month > 12) return false;
  const int64_t of_day = (hours * 3600 + minutes * 60 + seconds - zone) * 1000000 + us;
  out->kind = RN_TIMESTAMP;
  return !__builtin_mul_overflow(days_from_civil(year, (int)month, (int)day), DAY_US, &out->u.i) &&
         !__builtin_add_overflow(out->u.i, of_day, &out->u.i);
}

/* Dates stay the text they are, as long as it is ISO's: another DateStyle would be read wrongly. */
static bool text_date(const char *s, size_t n, rn_value *out, rn_arena *scratch) {
  (void)scratch;
  const char *at = s, *const end = s + n;
  int64_t part;
  const bool endless =
      (n == 8 && memcmp(s, "infinity", 8) == 0) || (n == 9 && memcmp(s, "-infinity", 9) == 0);
  if (!endless) {
    if (!take_digits(&at, end, 4, 7, &part) || !take_char(&at, end, '-')) return false;
    if (!take_digits(&at, end, 2, 2, &part) || !take_char(&at, end, '-')) return false;
    if (!take_digits(&at, end, 2, 2, &part)) return false;
    if (at != end && (end - at != 3 || memcmp(at, " BC", 3) != 0)) return false;
  }
  return set_bytes(out, RN_TEXT, s, n);
}

/* ---- types by OID ---- */

typedef struct type {
  Oid oid;
  rn_code code;
  bool has_binary;
  decoder text, binary;
} type;

/* By OID (pg_type.dat); the OIDs of built-in types never change. */
/* clang-format off */
static const type types[] = {
  { 16, 'b', true, text_bool, binary_bool },             /* bool */
  { 17, 'x', true, text_bytea, binary_bytea },           /* bytea */
  { 18, 's', true, any_char, any_char },                 /* "char" */
  { 19, 's', true, NULL, NULL },                         /* name */
  { 20, 'I', true, text_int, binary_int8 },              /* int8 */
  { 21, 'i', true, text_int, binary_int2 },              /* int2 */
  { 23, 'i', true, text_int, binary_int4 },              /* int4 */
  { 25, 's', true, NULL, NULL },                         /* text */
  { 26, 'I', true, text_int, binary_oid },               /* oid */
  { 114, 'j', true, NULL, NULL },                        /* json */
  { 142, 's', true, NULL, NULL },                        /* xml */
  { 700, 'd', true, text_float, binary_float4 },         /* float4 */
  { 701, 'd', true, text_float, binary_float8 },         /* float8 */
  { 705, 's', true, NULL, NULL },                        /* unknown */
  { 1042, 's', true, NULL, NULL },                       /* bpchar */
  { 1043, 's', true, NULL, NULL },                       /* varchar */
  { 1082, 'D', true, text_date, binary_date },           /* date */
  { 1083, 'T', true, NULL, binary_time },                /* time */
  { 1114, 't', true, text_timestamp, binary_timestamp }, /* timestamp */
  { 1184, 't', true, text_timestamp, binary_timestamp }, /* timestamptz */
  { 1700, 'n', true, NULL, binary_numeric },             /* numeric */
  { 2278, '?', true, NULL, NULL },                       /* void: the empty text */
  { 2950, 'u', true, NULL, binary_uuid },                /* uuid */
  { 3802, 'J', true, NULL, binary_jsonb },               /* jsonb */
};
/* clang-format on */

/* The array types of PostgreSQL's own types, with the code of their items; but for box[], whose syntax is
 * another. */
typedef struct array_type {
  Oid oid;
  rn_code items;
} array_type;

/* clang-format off */
static const array_type arrays[] = {
    { 143, 's' }, { 199, 'j' }, { 271, '?' }, { 629, '?' }, { 651, '?' }, { 719, '?' }, { 775, '?' },
    { 791, '?' }, { 1000, 'b' }, { 1001, 'x' }, { 1002, 's' }, { 1003, 's' }, { 1005, 'i' }, { 1007, 'i' },
    { 1008, '?' }, { 1009, 's' }, { 1010, '?' }, { 1011, '?' }, { 1012, '?' }, { 1014, 's' }, { 1015, 's' },
    { 1016, 'I' }, { 1017, '?' }, { 1018, '?' }, { 1019, '?' }, { 1021, 'd' }, { 1022, 'd' }, { 1027, '?' },
    { 1028, 'I' }, { 1034, '?' }, { 1040, '?' }, { 1041, '?' }, { 1115, 't' }, { 1182, 'D' }, { 1183, 'T' },
    { 1185, 't' }, { 1187, '?' }, { 1231, 'n' }, { 1270, '?' }, { 1561, '?' }, { 1563, '?' }, { 2201, '?' },
    { 2207, '?' }, { 2208, '?' }, { 2209, '?' }, { 2210, '?' }, { 2211, '?' }, { 2949, '?' }, { 2951, 'u' },
    { 3221, '?' }, { 3643, '?' }, { 3644, '?' }, { 3645, '?' }, { 3735, '?' }, { 3770, '?' }, { 3807, 'J' },
    { 3905, '?' }, { 3907, '?' }, { 3909, '?' }, { 3911, '?' }, { 3913, '?' }, { 3927, '?' }, { 4073, '?' },
    { 4090, '?' }, { 4097, '?' }, { 4192, '?' }, { 5039, '?' }, { 6150, '?' }, { 6151, '?' }, { 6152, '?' },
    { 6153, '?' }, { 6155, '?' }, { 6157, '?' },
};
/* clang-format on */

static int compare_type(const void *key, const void *entry) {
  const Oid a = *(const Oid *)key, b = ((const type *)entry)->oid;
  return (a > b) - (a < b);
}

static int compare_array(const void *key, const void *entry) {
  const Oid a = *(const Oid *)key, b = ((const array_type *)entry)->oid;
  return (a > b) - (a < b);
}

static type find_type(Oid oid) {
  const type *found = bsearch(&oid, types, sizeof types / sizeof *types, sizeof *types, compare_type);
  if (found) return *found;
  const size_t count = sizeof arrays / sizeof *arrays;
  const array_type *array = bsearch(&oid, arrays, count, sizeof *arrays, compare_array);
  return (type){oid, array ? rn_code_array_of(array->items) : RN_CODE_ANY, false, NULL, NULL};
}

/* ---- layouts ---- */

typedef struct layout_column {
  Oid oid;
  rn_code code;
  decoder text, binary;
} layout_column;

struct rn_pg_layout {
  int refs;
  int count;
  bool binary;
  layout_column columns[];
};

rn_pg_layout *rn_pg_layout_new(const PGresult *result) {
  const int count = PQnfields(result);
  rn_pg_layout *layout = malloc(sizeof *layout + (size_t)count * sizeof *layout->columns);
  if (!layout) return NULL;
  layout->refs = 1;
  layout->count = count;
  layout->binary = true;
  for (int i = 0; i < count; i++) {
    const Oid oid = PQftype(result, i);
    const type t = find_type(oid);
    layout->columns[i] = (layout_column){oid, t.code, t.text, t.binary};
    layout->binary = layout->binary && t.has_binary;
  }
  return layout;
}

rn_pg_layout *rn_pg_layout_retain(rn_pg_layout *layout) {
  if (layout) layout->refs++;
  return layout;
}

void rn_pg_layout_release(rn_pg_layout *layout) {
  if (layout && --layout->refs == 0) free(layout);
}

bool rn_pg_layout_binary(const rn_pg_layout *layout) {
  return layout->binary;
}

static bool layout_fits(const rn_pg_layout *layout, const PGresult *result) {
  if (PQnfields(result) != layout->count) return false;
  for (int i = 0; i < layout->count; i++) {
    if (PQftype(result, i) != layout->columns[i].oid) return false;
  }
  return true;
}

/* ---- answers ---- */

typedef struct answer {
  rn_result base;
  PGresult *result;
  rn_pg_layout *layout;
  int row, rows;
  bool binary;
  rn_arena scratch;
} answer;

static rn_row refuse_cell(const answer *a, int column, rn_error *err) {
  if (a->scratch.failed) {
    rn_error_set(err, RN_E_MEMORY, "out of memory");
    return RN_ROW_FAILED;
  }
  rn_error_set(err, RN_E_VALUE, "column %d (%s): the value cannot be read as its type (OID %u)", column + 1,
               PQfname(a->result, column), (unsigned)a->layout->columns[column].oid);
  if (err) err->column_index = column + 1;
  return RN_ROW_FAILED;
}

static rn_row next_row(rn_result *base, rn_value *cells, rn_error *err) {
  answer *const a = (answer *)base;
  if (a->row >= a->rows) return RN_END;
  if (a->scratch.blocks) rn_arena_reset(&a->scratch);
  const PGresult *const result = a->result;
  const layout_column *column = a->layout->columns;
  const bool binary = a->binary;
  const int row = a->row++, count = a->layout->count;
  for (int i = 0; i < count; i++, column++) {
    rn_value *const cell = &cells[i];
    const size_t n = (size_t)PQgetlength(result, row, i);
    if (n == 0 && PQgetisnull(result, row, i)) { /* NULL has the length 0 too */
      cell->kind = RN_NULL;
      continue;
    }
    const decoder decode = binary ? column->binary : column->text;
    const char *const bytes = PQgetvalue(result, row, i);
    if (!decode) {
      cell->kind = RN_TEXT;
      cell->u.s.bytes = bytes;
      cell->u.s.size = n;
    } else if (RN_UNLIKELY(!decode(bytes, n, cell, &a->scratch))) {
      return refuse_cell(a, i, err);
    }
  }
  return RN_ROW;
}

static const char *column_name(const rn_result *base, size_t column) {
  return PQfname(((const answer *)base)->result, (int)column);
}

static rn_code column_code(const rn_result *base, size_t column) {
  return ((const answer *)base)->layout->columns[column].code;
}

static void free_answer(rn_result *base) {
  answer *a = (answer *)base;
  PQclear(a->result);
  rn_pg_layout_release(a->layout);
  rn_arena_free(&a->scratch);
  free(a);
}

static const rn_result_ops answer_ops = {next_row, column_name, column_code, free_answer};

/* Rows changed by the commands that change rows, by the command tag; -1 for all others. */
static int64_t affected_rows(PGresult *result) {
  static const char *const commands[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE ", "COPY "};
  const char *tag = PQcmdStatus(result);
  int64_t count;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strncmp(tag, commands[i], strlen(commands[i])) != 0) continue;
    const char *tuples = PQcmdTuples(result);
    return rn_text_to_int(tuples, strlen(tuples), &count) ? count : -1;
  }
  return -1;
}

rn_result *rn_pg_result_new(PGresult *result, rn_pg_layout *layout, rn_error *err) {
  answer *a = malloc(sizeof *a);
  rn_pg_layout *own =
      layout && layout_fits(layout, result) ? rn_pg_layout_retain(layout) : rn_pg_layout_new(result);
  if (!a || !own) {
    rn_error_set(err, RN_E_MEMORY, "out of memory");
    goto failed;
  }
  const bool binary = PQnfields(result) > 0 && PQfformat(result, 0) == 1;
  if (binary && !own->binary) {
    /* The server promised other types when the statement was described. */
    rn_error_set(err, RN_E_VALUE, "the columns of the answer changed while the statement ran");
    goto failed;
  }
  *a = (answer){
      .base = {.ops = &answer_ops,
               .columns = (size_t)own->count,
               .rows = PQntuples(result),
               .affected = affected_rows(result),
               .detached = true},
      .result = result,
      .layout = own,
      .rows = PQntuples(result),
      .binary = binary,
  };
  return &a->base;
failed:
  free(a);
  rn_pg_layout_release(own);
  PQclear(result);
  return NULL;
}
