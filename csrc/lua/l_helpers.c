/* Small pure helpers that the Lua types need and the core has anyway: times, decimals, UUIDs, UTF-8, clocks,
 * random bytes. Called through driver/values.lua. Nothing is owned. */
#include "lua/binding.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "value/text.h"

#define RANDOM_MAX_BYTES 65536

static int push_iso(lua_State *L, int64_t us) {
  rn_lua_push(L, &(rn_value){.kind = RN_TIMESTAMP, .u.i = us});
  return 1;
}

/* core.timestamp(text with zone or seconds) -> canonical ISO text | nil */
static int core_timestamp(lua_State *L) {
  rn_value value;
  luaL_checkany(L, 1);
  if (rn_lua_isnull(L, 1) || rn_lua_bind(L, 1, 't', -1, 0, NULL, &value)) return 0;
  return push_iso(L, value.u.i);
}

/* core.now() -> ISO text, milliseconds */
static int core_now(lua_State *L) {
  rn_lua_push_now(L);
  return 1;
}

/* The string argument, or NULL for anything else. */
static const char *text_argument(lua_State *L, size_t *size) {
  luaL_checkany(L, 1);
  return lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, size) : NULL;
}

static int core_date(lua_State *L) {
  size_t size;
  const char *text = text_argument(L, &size);
  lua_pushboolean(L, text && rn_date_valid(text, size));
  return 1;
}

static int core_time(lua_State *L) {
  size_t size;
  char canonical[24];
  const char *text = text_argument(L, &size);
  size_t length = text ? rn_time_canonical(text, size, canonical) : 0;
  if (!length) return 0;
  lua_pushlstring(L, canonical, length);
  return 1;
}

static int core_uuid(lua_State *L) {
  size_t size;
  char canonical[37];
  const char *text = text_argument(L, &size);
  if (!text || !rn_uuid_canonical(text, size, canonical)) return 0;
  lua_pushlstring(L, canonical, 36);
  return 1;
}

static int core_utf8(lua_State *L) {
  size_t size;
  const char *text = text_argument(L, &size);
  lua_pushboolean(L, text && rn_utf8_valid(text, size));
  return 1;
}

/* Writes a float that has an exact decimal spelling as short as its usual one (0.5, 12.25; not 0.1) and
 * returns the length, else 0. A double m * 2^-k with odd m needs exactly k digits behind the point. */
static size_t exact_decimal(double value, char text[RN_DOUBLE_TEXT_MAX]) {
  if (!isfinite(value)) return 0;
  int exponent;
  int64_t mantissa = (int64_t)ldexp(frexp(value, &exponent), 53);
  exponent -= 53;
  if (mantissa == 0) return 0;
  while (mantissa % 2 == 0) {
    mantissa /= 2;
    exponent++;
  }
  if (exponent >= 0) return 0; /* whole numbers that are exact are integers already */
  size_t size = rn_double_to_text(value, text);
  const char *point = memchr(text, '.', size);
  if (!point || memchr(text, 'e', size)) return 0;
  return (int)(text + size - point - 1) == -exponent ? size : 0;
}

/* core.decimal(v, precision, scale) -> canonical text | nil */
static int core_decimal(lua_State *L) {
  size_t size = 0;
  char digits[RN_DOUBLE_TEXT_MAX];
  const char *text = digits;
  int64_t integer;
  luaL_checkany(L, 1);
  int precision = (int)luaL_optinteger(L, 2, 0), scale = (int)luaL_optinteger(L, 3, -1);
  luaL_argcheck(L, precision >= 0 && precision <= 1000, 2, "out of range");
  luaL_argcheck(L, scale >= -1 && scale <= 1000, 3, "out of range");
  if (rn_lua_tointeger(L, 1, &integer)) {
    size = rn_int_to_text(integer, digits);
  } else if (lua_type(L, 1) == LUA_TNUMBER) {
    size = exact_decimal((double)lua_tonumber(L, 1), digits);
  } else if (lua_type(L, 1) == LUA_TSTRING) {
    text = lua_tolstring(L, 1, &size);
  }
  if (!size) return 0;
  size_t capacity = size + 1024 + (scale > 0 ? (size_t)scale : 0);
  char *canonical = rn_lua_newuserdata(L, capacity);
  size_t length = rn_decimal_canonical(text, size, precision, scale, canonical, capacity);
  if (!length) return 0;
  lua_pushlstring(L, canonical, length);
  return 1;
}

/* core.random(n) -> n bytes from the kernel */
static int core_random(lua_State *L) {
  int64_t count = 0;
  luaL_argcheck(L, rn_lua_tointeger(L, 1, &count) && count >= 1 && count <= RANDOM_MAX_BYTES, 1,
                "out of range");
  char *bytes = rn_lua_newuserdata(L, (size_t)count);
  for (size_t done = 0; done < (size_t)count;) {
    ssize_t got = getrandom(bytes + done, (size_t)count - done, 0);
    if (got < 0 && errno != EINTR) luaL_error(L, "getrandom: %s", strerror(errno));
    if (got > 0) done += (size_t)got;
  }
  lua_pushlstring(L, bytes, (size_t)count);
  return 1;
}

static int core_monotonic(lua_State *L) {
  lua_pushnumber(L, (lua_Number)rn_clock_ms());
  return 1;
}

const luaL_Reg rn_lua_helper_functions[] = {
    {"timestamp", core_timestamp}, {"now", core_now},   {"date", core_date},       {"time", core_time},
    {"uuid", core_uuid},           {"utf8", core_utf8}, {"decimal", core_decimal}, {"random", core_random},
    {"monotonic", core_monotonic}, {NULL, NULL}};
