/* Lua values -> rn_value as a type code wants them, and rn_value -> Lua. Called by l_pool.c and l_ticket.c
 * (parameters), l_rows.c (cells) and l_snapshot.c (both). Nothing here raises but the pushes, when memory is
 * short. */
#include "lua/binding.h"

#include <math.h>
#include <string.h>

#include "value/text.h"

#define RULE_INT32 "must be an integer between -2147483648 and 2147483647"
#define RULE_INT64 "must be an integer between -9223372036854775808 and 9223372036854775807"
#define RULE_BOOLEAN "must be a boolean"
#define RULE_NUMBER "must be a number"
#define RULE_NAN "cannot be NaN: SQLite stores NaN as NULL"
#define RULE_DECIMAL "must be a decimal number: text of digits, an integer, or a float that is a whole number"
#define RULE_STRING "must be a string"
#define RULE_UTF8 "must be valid UTF-8 without NUL"
#define RULE_TIMESTAMP                                                                                       \
  "must be an ISO 8601 time with a zone or a number of seconds, between the years 1 and 9999"
#define RULE_ANY "must be a boolean, a number or a string"
#define RULE_LIST "must be a list"
#define RULE_MEMORY "is too large for the memory there is"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z */
#define TIMESTAMP_MIN_US (-62135596800LL * 1000000)
#define TIMESTAMP_MAX_US (253402300799LL * 1000000 + 999999)

/* ---- in ---- */

/* Of a string. */
static const char *bind_bytes(lua_State *L, int index, rn_kind kind, unsigned flags, rn_arena *arena,
                              rn_value *out) {
  size_t size;
  const char *bytes = lua_tolstring(L, index, &size);
  if (kind == RN_TEXT && !(flags & RN_BIND_KNOWN) && !rn_utf8_valid(bytes, size)) return RULE_UTF8;
  if (flags & RN_BIND_COPY) {
    bytes = rn_arena_copy(arena, bytes, size);
    if (!bytes) return RULE_MEMORY;
  }
  out->kind = kind;
  out->u.s.bytes = bytes;
  out->u.s.size = size;
  return NULL;
}

static const char *bind_int64(lua_State *L, int index, rn_value *out) {
  out->kind = RN_INT;
  if (rn_lua_tointeger(L, index, &out->u.i)) return NULL;
  if (lua_type(L, index) != LUA_TSTRING) return RULE_INT64;
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  return rn_text_to_int(text, size, &out->u.i) ? NULL : RULE_INT64;
}

/* Of a number. */
static const char *bind_double(lua_State *L, int index, unsigned flags, rn_value *out) {
  out->kind = RN_DOUBLE;
  out->u.d = (double)lua_tonumber(L, index);
  return (flags & RN_BIND_NO_NAN) && isnan(out->u.d) ? RULE_NAN : NULL;
}

/* What is no number of digits; the type of an attribute lets it through where the database has it. */
static bool bind_special_decimal(const char *text, rn_value *out) {
  static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(text, words[i]) != 0) continue;
    out->kind = RN_TEXT;
    out->u.s.bytes = words[i];
    out->u.s.size = strlen(words[i]);
    return true;
  }
  return false;
}

static const char *bind_decimal(lua_State *L, int index, int scale, rn_arena *arena, rn_value *out) {
  char digits[RN_INT_TEXT_MAX];
  const char *text = digits;
  size_t size;
  int64_t integer;
  if (rn_lua_tointeger(L, index, &integer)) {
    size = rn_int_to_text(integer, digits);
  } else if (lua_type(L, index) == LUA_TSTRING) {
    text = lua_tolstring(L, index, &size);
    if (bind_special_decimal(text, out)) return NULL;
  } else {
    return RULE_DECIMAL;
  }
  /* Room for an exponent spelled out and the zeros of a scale; PostgreSQL's own limit for literals is 1000
   * digits. */
  size_t capacity = size + 1024 + (scale > 0 ? (size_t)scale : 0);
  char *canonical = rn_arena_alloc(arena, capacity);
  if (!canonical) return RULE_MEMORY;
  out->kind = RN_TEXT;
  out->u.s.bytes = canonical;
  out->u.s.size = rn_decimal_canonical(text, size, 0, scale, canonical, capacity);
  return out->u.s.size ? NULL : RULE_DECIMAL;
}

/* Text of a time, by way of the last one. */
static bool parse_time(lua_State *L, const char *text, size_t size, int64_t *us) {
  rn_lua_scratch *scratch = lua_touserdata(L, lua_upvalueindex(RN_UP_SCRATCH));
  if (size == scratch->time_size && memcmp(text, scratch->time_text, size) == 0) {
    *us = scratch->time_us;
    return true;
  }
  if (!rn_timestamp_parse(text, size, true, us)) return false;
  if (size <= RN_LUA_TIME_KEPT) {
    memcpy(scratch->time_text, text, size);
    scratch->time_size = size;
    scratch->time_us = *us;
  }
  return true;
}

static const char *bind_timestamp(lua_State *L, int index, rn_value *out) {
  out->kind = RN_TIMESTAMP;
  if (lua_type(L, index) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    return parse_time(L, text, size, &out->u.i) || rn_timestamp_infinite(text, size, &out->u.i)
               ? NULL
               : RULE_TIMESTAMP;
  }
  if (lua_type(L, index) != LUA_TNUMBER) return RULE_TIMESTAMP;
  double seconds = (double)lua_tonumber(L, index), whole = floor(seconds);
  if (!(whole >= -62135596801.0 && whole <= 253402300800.0)) return RULE_TIMESTAMP;
  /* Whole seconds and fraction apart, because far from 1970 their product has more bits than a double. */
  out->u.i = (int64_t)whole * 1000000 + llround((seconds - whole) * 1e6);
  return out->u.i < TIMESTAMP_MIN_US || out->u.i > TIMESTAMP_MAX_US ? RULE_TIMESTAMP : NULL;
}

static const char *bind_any(lua_State *L, int index, unsigned flags, rn_arena *arena, rn_value *out) {
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN:
    out->kind = RN_BOOL;
    out->u.i = lua_toboolean(L, index);
    return NULL;
  case LUA_TNUMBER:
    out->kind = RN_INT;
    return rn_lua_prefers_integer(L, index, &out->u.i) ? NULL : bind_double(L, index, flags, out);
  case LUA_TSTRING: return bind_bytes(L, index, RN_TEXT, flags, arena, out);
  default: return RULE_ANY;
  }
}

const char *rn_lua_bind(lua_State *L, int index, rn_code code, int scale, unsigned flags, rn_arena *arena,
                        rn_value *out) {
  int type = lua_type(L, index);
  if (rn_lua_isnull_of(L, index, type)) {
    out->kind = RN_NULL;
    return NULL;
  }
  switch (code) {
  case 'i':
    out->kind = RN_INT;
    return rn_lua_tointeger(L, index, &out->u.i) && out->u.i >= INT32_MIN && out->u.i <= INT32_MAX
               ? NULL
               : RULE_INT32;
  case 'I': return bind_int64(L, index, out);
  case 'b':
    if (type != LUA_TBOOLEAN) return RULE_BOOLEAN;
    out->kind = RN_BOOL;
    out->u.i = lua_toboolean(L, index);
    return NULL;
  case 'd': return type == LUA_TNUMBER ? bind_double(L, index, flags, out) : RULE_NUMBER;
  case 'n': return bind_decimal(L, index, scale, arena, out);
  case 't': return bind_timestamp(L, index, out);
  case 'x': return type == LUA_TSTRING ? bind_bytes(L, index, RN_BLOB, flags, arena, out) : RULE_STRING;
  case RN_CODE_ANY: return bind_any(L, index, flags, arena, out);
  default: return type == LUA_TSTRING ? bind_bytes(L, index, RN_TEXT, flags, arena, out) : RULE_STRING;
  }
}

/* The length a list claims in its field n, else #list. */
static bool list_length(lua_State *L, int index, size_t *count) {
  lua_pushvalue(L, lua_upvalueindex(RN_UP_N));
  lua_rawget(L, index);
  int64_t n = 0;
  bool valid = true;
  if (lua_isnil(L, -1)) {
    n = (int64_t)rn_lua_rawlen(L, index);
  } else {
    valid = rn_lua_tointeger(L, -1, &n) && n >= 0 && n <= INT32_MAX;
  }
  lua_settop(L, -2);
  *count = (size_t)n;
  return valid;
}

const char *rn_lua_bind_list(lua_State *L, int index, rn_code code, unsigned flags, rn_arena *arena,
                             rn_value *out, size_t *item) {
  *item = 0;
  if (rn_lua_isnull(L, index)) {
    out->kind = RN_NULL;
    return NULL;
  }
  size_t count;
  if (lua_type(L, index) != LUA_TTABLE || !list_length(L, index, &count)) return RULE_LIST;
  rn_value *items = count <= SIZE_MAX / sizeof *items ? rn_arena_alloc(arena, count * sizeof *items) : NULL;
  if (!items) return RULE_MEMORY;
  if (flags & RN_BIND_COPY_ITEMS) flags |= RN_BIND_COPY;
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    const char *rule = rn_lua_bind(L, lua_gettop(L), code, -1, flags, arena, &items[i]);
    lua_settop(L, -2);
    if (RN_UNLIKELY(rule)) {
      *item = i + 1;
      return rule;
    }
  }
  out->kind = RN_LIST;
  out->u.list.items = items;
  out->u.list.count = count;
  return NULL;
}

/* ---- out ---- */

unsigned rn_lua_direct_kinds(rn_code code) {
  switch (code) {
  case 'i':
  case 'I': return 1u << RN_NULL | 1u << RN_INT;
  case 'b': return 1u << RN_NULL | 1u << RN_BOOL;
  case 'd': return 1u << RN_NULL | 1u << RN_DOUBLE;
  case 's':
  case 'e':
  case 'j':
  case 'J':
  case 'T':
  case 'u':
  case 'a': return 1u << RN_NULL | 1u << RN_TEXT;
  case 'x': return 1u << RN_NULL | 1u << RN_BLOB;
  case 't': return 1u << RN_NULL | 1u << RN_TIMESTAMP;
  case RN_CODE_ANY: return 0xFFFF;
  default: return 1u << RN_NULL;
  }
}

void rn_lua_push(lua_State *L, const rn_value *value) {
  switch (value->kind) {
  case RN_TEXT:
  case RN_BLOB: lua_pushlstring(L, value->u.s.bytes, value->u.s.size); return;
  case RN_INT:
    if (RN_LIKELY(rn_lua_exact(value->u.i))) {
      rn_lua_pushexact(L, value->u.i);
    } else {
      char text[RN_INT_TEXT_MAX];
      lua_pushlstring(L, text, rn_int_to_text(value->u.i, text));
    }
    return;
  case RN_DOUBLE: lua_pushnumber(L, (lua_Number)value->u.d); return;
  case RN_BOOL: lua_pushboolean(L, (int)value->u.i); return;
  case RN_TIMESTAMP: {
    char text[RN_TIMESTAMP_TEXT_MAX];
    lua_pushlstring(L, text, rn_timestamp_iso(value->u.i, text));
    return;
  }
  case RN_NULL:
  case RN_LIST: break; /* lists occur in parameters only */
  }
  lua_pushnil(L);
}

void rn_lua_push_now(lua_State *L) {
  rn_lua_scratch *scratch = lua_touserdata(L, lua_upvalueindex(RN_UP_SCRATCH));
  int64_t us = rn_clock_wall_us() / 1000 * 1000;
  if (us != scratch->now_us || !scratch->now_size) {
    char text[RN_TIMESTAMP_TEXT_MAX];
    size_t size = rn_timestamp_iso(us, text);
    if (size > RN_LUA_TIME_KEPT) { /* no year of this millennium */
      lua_pushlstring(L, text, size);
      return;
    }
    memcpy(scratch->now_text, text, size);
    scratch->now_size = size;
    scratch->now_us = us;
  }
  lua_pushlstring(L, scratch->now_text, scratch->now_size);
}

static bool same_bytes(lua_State *L, int index, const char *bytes, size_t size) {
  if (lua_type(L, index) != LUA_TSTRING) return false;
  size_t length;
  const char *text = lua_tolstring(L, index, &length);
  return length == size && memcmp(text, bytes, size) == 0;
}

static bool same_integer(lua_State *L, int index, int64_t value) {
  if (lua_type(L, index) == LUA_TNUMBER) {
    int64_t integer;
    return rn_lua_tointeger(L, index, &integer) && integer == value;
  }
  char text[RN_INT_TEXT_MAX];
  return !rn_lua_exact(value) && same_bytes(L, index, text, rn_int_to_text(value, text));
}

static bool same_double(lua_State *L, int index, double value) {
  int64_t integer;
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  if (rn_lua_tointeger(L, index, &integer)) {
    return value >= -0x1p63 && value < 0x1p63 && (int64_t)value == integer && (double)(int64_t)value == value;
  }
  double current = (double)lua_tonumber(L, index);
  return current == value || (isnan(current) && isnan(value));
}

bool rn_lua_same(lua_State *L, int index, const rn_value *value) {
  switch (value->kind) {
  case RN_BOOL: return lua_type(L, index) == LUA_TBOOLEAN && lua_toboolean(L, index) == (int)value->u.i;
  case RN_INT: return same_integer(L, index, value->u.i);
  case RN_DOUBLE: return same_double(L, index, value->u.d);
  case RN_TEXT:
  case RN_BLOB: return same_bytes(L, index, value->u.s.bytes, value->u.s.size);
  case RN_TIMESTAMP: {
    char text[RN_TIMESTAMP_TEXT_MAX];
    return same_bytes(L, index, text, rn_timestamp_iso(value->u.i, text));
  }
  case RN_NULL:
  case RN_LIST: break;
  }
  return rn_lua_isnull(L, index);
}
